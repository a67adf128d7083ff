"""No silent wrong number from the API: at every door a quantity is converted or refused."""

from __future__ import annotations

import dataclasses
import inspect
import time
import warnings
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pint
import pytest
from dimensional_calls import layered, measured, tensor
from dimensional_rows import MANY, ONE
from silent_devices import PAIR, B, material, measure, plane, section, solution

import ohmr_fem as of
from ohmr_fem import units
from ohmr_fem.fitting.design import Candidate

ureg = pint.UnitRegistry()  # not the package's own
TENSOR_X = [[1.0, 0.15, 0.0], [0.15, 0.8, 0.0], [0.0, 0.0, 0.5]]

#: {SI unit: (another unit, power of ten between them)}
OTHER = {
    "m": ("nm", 9),
    "s": ("ps", 12),
    "T": ("mT", 3),
    "A": ("mA", 3),
    "V": ("mV", 3),
    "S": ("mS", 3),
    "V/m": ("V/cm", -2),
    "Hz": ("kHz", -3),
    "ohm": ("mohm", 3),
    "m/s": ("mm/s", 3),
    "A/m": ("mA/m", 3),
    "J/T": ("mJ/T", 3),
    "m**2/s": ("cm**2/s", 4),
    "m**2/(V*s)": ("cm**2/(V*s)", 4),
    "1/m**2": ("1/cm**2", -4),
    "1/m**3": ("1/cm**3", -6),
    "C/m**2": ("mC/m**2", 3),
    "C/V": ("mC/V", 3),
    "S/m**2": ("S/cm**2", -4),
    "ohm*m": ("mohm*m", 3),
    "ohm/s": ("mohm/s", 3),
    "1/s": ("1/ns", -9),
    "1/T": ("1/kT", 3),
    "1/T**2": ("1/kT**2", 6),
    "eV": ("meV", 3),
    "angstrom": ("nm", -1),
    "1/angstrom": ("1/nm", 1),
    "K": ("mK", 3),
    "1": ("percent", 2),
    "rad": ("mrad", 3),
    "1/m_e": ("1/kg", None),
}

#: Public parameters that have no dimension: names, switches, counts, other objects of the package.
PLAIN_NAMES = """
    path out problem device devices mesh material materials model measure measures pairs data curves
    curve raw preparation record solution solutions result results found item axes ax title notify
    options plan task args kwargs name names source kind text labels quantity component against
    arrows centred current voltage plus minus contact contacts edge edges boundary boundaries facets
    cells region unit columns method solver backend progress checkpoint scheduler keep keep_fields
    detection coupling interface order ordinary_hall axis normal plane parameter parameters strip
    background intervals spin definition counting normalisation symmetry reciprocal nan sign sweeps
    decimal binary layers stacking filling translations derivatives hoppings n around rings rescue
    max_iterations budget averaged index matrix symmetric most channel film fit geometry candidates
    others ends shape _cache shared each trend samples loss seed simulations alternatives models
    moment caller scan endpoint notes
"""
#: ... and those of this function only; a number that stands for a choice or a count among them, and
#: what is refused whatever it is, or read by the door of a row (run_fit, series_design).
PLAIN = """
    Contact.profile geometry.Loop.edge.i DeviceMesh.refined.times DeviceMesh.with_regions.regions
    Solution.in_cells.X AMG.factorise.vertices
    Edge.moment admr.points drift_solve.start geometry.from_csv.y_down geometry.from_csv.regions
    geometry.from_gds.cell geometry.from_gds.labels geometry.from_gds.regions geometry.from_svg.bar
    geometry.from_svg.outline geometry.from_svg.regions micro.inverse_mass.shift prepare.noise
    read_data.direction run_fit.direction spectral_measures.until plot_preparation.prepared
    prepare.control run_fit.measurement run_fit.prepare
    FilmMeasure.moment_density.field FilmMeasure.moment_density.current
    run_fit.measurement run_fit.field run_fit.temperature run_fit.prepare
    SpectralMeasure.drive_of.c SpectralMeasure.reading_of.c Sample.known Sample.properties
    series_design.limit plot_admr.measurement plot_against.follows
    DeviceMesh.rim.place GlobalFit.bootstrap.count
    MatrixMeasure.moment_density.field
"""
BY_CELL = ("inverse_orbital_hall_angle", "diffusion_constant")
#: Arguments of the rows of one value that take several as well.
SEVERAL = {
    "Material.inverse_orbital_hall_angle",
    "sheet_resistance.second",
    "FilmMeasure.F.s",
    "FilmMeasure.F_bound.s",
    "FilmMeasure.face_bound.s",
    "FilmMeasure.ac.frequency",
    *(f"micro.material.{key}" for key in ("relaxation_time", "orbital_hall_angle")),
    *(f"micro.material.options: {key}" for key in BY_CELL),
    *(f"presets.bilayer_graphene.{key}" for key in ("relaxation_time", "orbital_hall_angle")),
    *(f"presets.bilayer_graphene.options: {key}" for key in BY_CELL),
}
#: What the package makes and users read: arrays in SI, made by nobody else.
RESULTS = """
    ACResponse Adapted AngleScan DriftCurve FilmMeasure GateMap Geometry HanleCurve Preparation
    Resistance ResistanceMatrix Solution SpectralMeasure Transient micro.InverseMass
    micro.SymmetryReport geometry.Loop DeviceMesh MatrixMeasure FilmMoment GlobalFit Verdict
"""


def in_other(number: float, unit: str) -> tuple[float, str]:
    """The same quantity as (number, unit) in another unit."""
    other, power = OTHER[unit]
    if power is None:  # 1/m_e in 1/kg
        return float(Fraction(number) / Fraction(units.ELECTRON_MASS)), other
    return float(Decimal(repr(float(number))).scaleb(power)), other


def numbers(result: Any) -> np.ndarray:
    if dataclasses.is_dataclass(result):
        result = [list(v.values()) if hasattr(v, "values") else v for v in vars(result).values()]
    return (
        np.hstack([np.ravel(part) for part in result])
        if isinstance(result, list)
        else np.ravel(np.asarray(result))
    )


def same(one: Any, two: Any, unit: str) -> None:
    one, two = numbers(one), numbers(two)
    if OTHER[unit][1] is None:  # rounded twice
        np.testing.assert_allclose(one, two, rtol=1e-15)
    else:
        np.testing.assert_array_equal(one, two)


def deep(function: Callable[[float], Any], value: Any) -> Any:
    return [deep(function, v) for v in value] if isinstance(value, list) else function(value)


def refused(call: Callable[[Any], Any], value: Any) -> None:
    with pytest.raises(of.InputError) as caught:
        call(value)
    assert len(str(caught.value)) <= 300 and "\n" not in str(caught.value)


@pytest.fixture(autouse=True)
def no_stripped_units():
    with warnings.catch_warnings():
        warnings.simplefilter("error", pint.UnitStrippedWarning)
        warnings.simplefilter("ignore", of.ResolutionWarning)
        warnings.simplefilter("ignore", of.PhysicsWarning)
        yield


@pytest.mark.parametrize("name, unit, plain, call", ONE, ids=[case[0] for case in ONE])
def test_one_value(name, unit, plain, call):
    expected = call(plain)
    number, other = in_other(plain, unit)
    same(call(f"{number!r} {other}"), expected, unit)
    same(call(number * ureg.Unit(other)), expected, unit)
    same(call(np.array(number) * ureg.Unit(other)), expected, unit)
    same(call(np.float64(plain)), expected, unit)
    refused(call, "1 candela")
    refused(call, 1 * ureg.candela)
    refused(call, f"{number!r} {other} of gold")
    refused(call, float("nan"))
    refused(call, np.array(np.inf) * ureg.Unit(other))
    refused(call, True)
    refused(call, np.ma.masked)
    refused(call, 1e101)
    refused(call, "1 " + "m" * 100_000)
    refused(call, f"1 {other}**(9**9**9)")
    refused(call, f"1e99999999999 {other}")
    refused(call, {"a" * 999: "b" * 9999})
    refused(call, 10**400)
    if name not in {row[0] for row in MANY} | SEVERAL:
        refused(call, [plain] * 2 * ureg.Unit(other))
        refused(call, [plain] * 2)


@pytest.mark.parametrize("name, unit, plain, call", ONE, ids=[case[0] for case in ONE])
def test_one_value_of_a_table_or_of_another_kind(name, unit, plain, call):
    xarray = pytest.importorskip("xarray")
    expected = call(plain)
    number, other = in_other(plain, unit)
    same(call(xarray.DataArray(number, attrs={"units": other})), expected, unit)
    same(call(Decimal(repr(plain))), expected, unit)
    same(call(np.array(plain, dtype=object)), expected, unit)
    if not name.endswith(".s"):  # which may be complex
        refused(call, complex(plain, 1.0))


@pytest.mark.parametrize("name, unit, plain, call", MANY, ids=[case[0] for case in MANY])
def test_arrays(name, unit, plain, call):
    expected = call(plain)
    other = in_other(1.0, unit)[1]
    scaled = deep(lambda v: in_other(v, unit)[0], plain)
    same(call(np.array(scaled) * ureg.Unit(other)), expected, unit)
    same(call(deep(lambda v: f"{v!r} {other}", scaled)), expected, unit)
    same(call(deep(lambda v: v * ureg.Unit(other), scaled)), expected, unit)
    same(call(np.array(plain)), expected, unit)
    refused(call, np.array(plain) * ureg.candela)
    refused(call, deep(lambda v: f"{v!r} candela", plain))
    refused(call, deep(lambda v: v * ureg.candela, plain))
    refused(call, deep(lambda v: float("nan"), plain))
    refused(call, np.full((1000, 7), 1e300) * ureg.candela)
    refused(call, deep(lambda v: 1e101, plain))
    mask = np.zeros(np.shape(plain), dtype=bool)
    mask.flat[0] = True
    refused(call, np.ma.masked_array(np.array(plain), mask))
    flags = np.array(plain, dtype=bool)
    refused(call, flags)


@pytest.mark.parametrize("name, unit, plain, call", MANY, ids=[case[0] for case in MANY])
def test_columns(name, unit, plain, call):
    """A column, or an array of a table, names its unit."""
    pandas, xarray = pytest.importorskip("pandas"), pytest.importorskip("xarray")
    expected = call(plain)
    other = in_other(1.0, unit)[1]
    scaled = np.array(deep(lambda v: in_other(v, unit)[0], plain))
    same(call(xarray.DataArray(scaled, attrs={"units": other})), expected, unit)
    same(call(xarray.DataArray(scaled * ureg.Unit(other))), expected, unit)
    refused(call, xarray.DataArray(scaled, attrs={"units": "candela"}))
    texts = np.array(deep(lambda v: f"{v!r} {other}", scaled.tolist()), dtype=object)
    same(call(texts), expected, unit)
    if scaled.ndim == 1:
        column = pandas.Series(scaled)
        column.attrs["units"] = other
        same(call(column), expected, unit)
        column.attrs["units"] = "candela"
        refused(call, column)


def test_columns_of_tables():
    pandas, xarray = pytest.importorskip("pandas"), pytest.importorskip("xarray")
    frame = pandas.DataFrame({"Bx": [1.0, 2.0], "By": [0.0, 3.0], "Bz": [0.0, 0.0]})
    frame.attrs["units"] = {"Bx": "mT", "By": "G", "Bz": "T"}
    expected = [[1e-3, 0, 0], [2e-3, 3e-4, 0]]
    np.testing.assert_array_equal(units.fields_array(frame), expected)
    series = pandas.Series([60.0, 70.0], name="x")
    series.attrs["units"] = "nm"
    np.testing.assert_array_equal(units.array_si(series, "m", "x"), [6e-8, 7e-8])
    column = xarray.DataArray([60.0, 70.0], attrs={"units": "nm"})
    np.testing.assert_array_equal(units.array_si(column, "m", "x"), [6e-8, 7e-8])
    whole = xarray.DataArray(np.array([60.0]) * ureg.nm)
    np.testing.assert_array_equal(units.array_si(whole, "m", "x"), [6e-8])
    with pytest.raises(of.InputError, match="wrong dimension"):
        units.array_si(column, "T", "x")
    # our own table comes back
    curve = of.hanle_curve(section(), of.field_sweep(0, 1, 3))
    back = units.fields_array(curve.to_dataframe()[["B_x", "B_y", "B_z"]])
    np.testing.assert_array_equal(back, curve.fields)


def test_a_unit_of_a_column_by_any_name():
    pandas, xarray = pytest.importorskip("pandas"), pytest.importorskip("xarray")

    def read(column: Any, unit: str = "m") -> list[float]:
        return units.array_si(column, unit, "x").tolist()

    for key in ("units", "unit", "Units", "UNIT"):
        series = pandas.Series([60.0])
        series.attrs[key] = "nm"
        assert read(series) == [6e-8]
        assert read(xarray.DataArray([60.0], attrs={key: "nm"})) == [6e-8]
    assert read(pandas.Series([60.0], name="x [nm]")) == [6e-8]
    assert read(pandas.Series([5.0], name="Field (Oe)"), "T") == [5e-4]
    assert read(pandas.Series([5.0], name="mu [cm^2/(V s)]"), "m**2/(V*s)") == [5e-4]
    assert read(pandas.Index([60.0], name="x [nm]")) == [6e-8]
    refused(read, pandas.Series([1.0], name="x [mT]"))
    refused(read, pandas.Series([1.0], name="R (raw)"))
    refused(read, xarray.Dataset({"a": ("x", [1.0])}))


def test_rows_of_a_table():
    """A row has the units of its columns; where some have none, nobody guesses."""
    pandas = pytest.importorskip("pandas")
    named = pandas.DataFrame([[1.0, 2.0, 3.0]], columns=["Bx [mT]", "By [G]", "Bz [T]"])
    expected = [1e-3, 2e-4, 3.0]
    assert units.fields_array(named).tolist() == [expected]
    assert units.fields_array(named.iloc[0]).tolist() == expected
    frame = pandas.DataFrame([[1.0, 2.0, 3.0]], columns=["a", "b", "c"])
    frame.attrs["units"] = {"a": "mT", "b": "G", "c": "T"}
    assert units.fields_array(frame).tolist() == [expected]
    assert units.fields_array(frame.iloc[0]).tolist() == expected
    for partial in (named.rename(columns={"By [G]": "By"}), frame.copy()):
        partial.attrs["units"] = {"a": "mT"} if "a" in partial else {}
        refused(units.fields_array, partial)
    frame.attrs["units"] = {"a": "mT"}
    refused(units.fields_array, frame.iloc[0])


def test_spans_of_time():
    """numpy takes a span of time for a whole number of something."""
    pandas = pytest.importorskip("pandas")
    import datetime

    for span in (
        np.timedelta64(3, "ps"),
        np.array(3, dtype="timedelta64[ps]"),
        np.timedelta64(3000, "fs"),
    ):
        assert units.to_si(span, "s", "x") == 3e-12
        refused(lambda v: units.to_si(v, "m", "x"), span)
    assert units.to_si(datetime.timedelta(milliseconds=3), "s", "x") == 3e-3
    assert units.to_si(pandas.Timedelta("3 ns"), "s", "x") == 3e-9
    times = pandas.Series(pandas.to_timedelta([1, 2], unit="us"))
    assert units.array_si(times, "s", "x").tolist() == [1e-6, 2e-6]
    assert measured(time=pandas.to_timedelta([0, 3], unit="s")).time.tolist() == [0.0, 3.0]
    for nothing in (np.timedelta64("NaT"), np.timedelta64(3, "M"), np.datetime64("2026-01-01")):
        refused(lambda v: units.to_si(v, "s", "x"), nothing)


def test_decimals_and_registries_of_the_caller():
    """What he sets for his own decimals, and means by his own units, is his."""
    import decimal

    units._conversion.cache_clear()
    units._parse.cache_clear()
    units._registry.cache_clear()
    with decimal.localcontext() as his:
        his.prec = 3
        his.traps[decimal.Inexact] = False
        assert units.to_si("1 mile", "m", "x") == 1609.344
        assert units.to_si("7 deg", "rad", "x") == np.deg2rad(7)
        assert units.to_si(3.123456789 * ureg.inch, "m", "x") == 3.123456789 * 0.0254
    own = pint.UnitRegistry()
    own.define("smoot = 1.7018 m")
    own.define("inch = 1 m = in")
    assert units.to_si(2 * own.smoot, "m", "x") == 3.4036
    assert units.to_si(2 * own.inch, "m", "x") == 2.0
    refused(lambda v: units.to_si(v, "T", "x"), 2 * own.smoot)
    refused(lambda v: units.to_si(v, "1", "x"), own.Quantity(3, "dB"))


def test_a_text_is_refused_at_once():
    """A unit is evaluated, which may take minutes: long words, nested powers, huge exponents."""
    powers = (
        "m**(9**9**9)",
        "m**9**9**9",
        "m^9^9^9",
        "m*9**9**9",
        "m⁹⁹⁹⁹⁹⁹⁹",
        "m**1e99",
        "(m**99)**99",
    )
    huge = ("1e999 m", "1e99999999999 nm", "1e-9999999 nm", "1" * 100_000, "1 " + "m" * 100_000)
    began = time.perf_counter()
    for text in (*(f"1 {power}" for power in powers), *huge):
        refused(lambda v: units.to_si(v, "m", "x"), text)
        refused(lambda v: units.array_si([v], "m", "x"), text)
    refused(lambda v: units.to_si(v, "m", "x"), 3 * ureg.m ** (10**9))
    for number in (10**400, Fraction(10**400), Decimal("1e999"), Decimal("sNaN")):
        refused(lambda v: units.to_si(v, "m", "x"), number)
        refused(lambda v: units.array_si([v, 1.0], "m", "x"), number)
    assert time.perf_counter() - began < 3.0


@pytest.mark.parametrize("name", ["G", "Oe", "gauss", "oersted"])
def test_gauss_is_exact(name):
    for give in (lambda n, u: f"{n} {u}", lambda n, u: n * ureg(u)):
        assert units.to_si(give(1, name), "T", "B") == 1e-4
        assert units.to_si(give(7, name), "T", "B") == 7e-4
        kilo = {"gauss": "kilogauss", "oersted": "kilooersted"}.get(name, f"k{name}")
        assert units.to_si(give(3, kilo), "T", "B") == 0.3
    assert units.to_si("500 mT", "T", "B") == 0.5


def test_text_gives_the_bits_of_the_number():
    for text in ("60nm", "60 nm", "6e-8 m", "0.06 um", "60e-9 m", "600 angstrom"):
        assert units.to_si(text, "m", "x") == 6e-8, text
    for text in ("60 nm wide", "60 nm # gold", "60 nm 2", "60 nm percent", "60 nm rad", "60 nm;"):
        refused(lambda v: units.to_si(v, "m", "x"), text)
    assert units.to_si("90 deg", "rad", "a") == np.pi / 2
    for text, unit in (("1 rad/s", "Hz"), ("3 deg", "1"), ("50 %", "rad"), ("1 A/m", "T")):
        refused(lambda v, unit=unit: units.to_si(v, unit, "x"), text)
    refused(lambda v: of.hanle_curve(section(), B, tolerance=v), 5)


def test_refusals_are_short():
    for value in ("x" * 10_000, list(range(100_000)), np.ones((300, 300)), {"a": "b" * 9999}):
        refused(lambda v: units.to_si(v, "m", "x"), value)
        refused(lambda v: units.fields_array(v), value)


# --- the rows are all there are -------------------------------------------------------------------


def public() -> Iterator[tuple[str, Any]]:
    """(name, function or class) of all that the package offers, methods too."""
    for name in of.__all__:
        value = getattr(of, name)
        if inspect.ismodule(value):
            if (
                name != "analytic"
            ):  # unit-free closed forms, of which nothing in the package is made
                yield from ((f"{name}.{key}", getattr(value, key)) for key in offered(value))
        elif callable(value):
            yield name, value
    yield "Candidate", Candidate


def offered(module: Any) -> list[str]:
    named = getattr(module, "__all__", None)
    if named is not None:
        return [key for key in named if not issubclass_of_tuple(getattr(module, key))]
    own = [k for k, v in vars(module).items() if getattr(v, "__module__", "") == module.__name__]
    return [key for key in own if not key.startswith("_")]


def issubclass_of_tuple(value: Any) -> bool:
    """The parts of a boundary, which only the package makes."""
    return isinstance(value, type) and issubclass(value, (tuple, of.Geometry))


def own_classes(kind: type) -> list[type]:
    """The class, and those that it inherits from without their being public themselves."""
    public_ones = {value for _, value in public() if isinstance(value, type)}
    return [base for base in kind.__mro__ if base is kind or base not in public_ones]


def arguments(inherited: bool = False) -> set[str]:
    """Every parameter of every public function, class and method."""
    out = set()
    for name, value in public():
        if isinstance(value, type) and issubclass(value, BaseException):
            continue
        calls = {name: value}
        if isinstance(value, type):
            methods = inspect.getmembers(
                value, lambda m: inspect.isfunction(m) or inspect.ismethod(m)
            )
            classes = value.__mro__ if inherited else own_classes(value)
            own = {key for base in classes for key in vars(base)}
            calls |= {f"{name}.{key}": m for key, m in methods if key in own and key[0] != "_"}
            if name in RESULTS.split():
                calls.pop(name)
        for called, function in calls.items():
            parameters = inspect.signature(function).parameters
            out |= {f"{called}.{key}" for key in parameters if key not in ("self", "cls")}
    return out


def covered() -> set[str]:
    """Arguments of the rows: "micro.material.options: g_factor" stands for both that it names."""
    names = [name for name, *_ in (*ONE, *MANY)]
    return {n.partition(":")[0] for n in names} | {n.replace("options: ", "") for n in names}


def test_every_argument_with_a_dimension_has_a_row():
    """A new one needs a row in dimensional_rows.py, or stands among what has no dimension."""
    known, there = covered(), arguments()
    left = there - known - set(PLAIN.split())
    unknown = [a for a in left if a.rpartition(".")[2] not in PLAIN_NAMES.split()]
    assert not unknown, f"no row in dimensional_rows.py, nor a place in PLAIN: {sorted(unknown)}"
    assert not set(PLAIN.split()) - there
    rows = {name.partition(":")[0] for name, *_ in (*ONE, *MANY)}
    assert not rows - arguments(inherited=True)


def bond(*numbers: Any) -> Any:
    """A model with one bond: its two ends and the cell."""
    i, j, *cell = numbers
    return stack_of([(i, j, tuple(cell), 1.0)])


def stack_of(hoppings: Any) -> Any:
    places = [[0, 0, 0], [0, 0, 1]]
    return of.micro.LayeredModel.from_hoppings(np.eye(2), places, hoppings)


#: What counts something, and the least that it takes.
COUNTS: dict[str, Callable[[Any], Any]] = {
    "DeviceMesh.refined": lambda n: plane().mesh.refined(n),
    "DeviceMesh.refined_at": lambda n: plane().mesh.refined_at([n]),
    "DeviceMesh.refined_along": lambda n: plane().mesh.refined_along([n]),
    "AMG.most": lambda n: of.AMG(most=n),
    "Problem.order": lambda n: dataclasses.replace(plane(), order=n),
    "field_sweep.n": lambda n: of.field_sweep(0, 1, n),
    "field_rotation.n": lambda n: of.field_rotation(1, n),
    "admr.points": lambda n: of.admr(plane(), 1.0, points=n, **PAIR),
    "cross_section.cells": lambda n: of.cross_section(1.0, cells=n),
    "annulus_mesh.around": lambda n: of.annulus_mesh(1.0, 2.0, around=n),
    "solve_to.budget": lambda n: of.solve_to(plane(), **PAIR, budget=n),
    "Solution.line": lambda n: solution().line([0, 0], [1e-8, 0], n),
    "multilayer_graphene.n": lambda n: of.micro.multilayer_graphene(n),
    "inverse_mass.mesh": lambda n: tensor(0.3, 300.0, mesh=n),
    "inverse_mass.spin": lambda n: tensor(0.3, 300.0, spin=n),
    "LayeredModel.filling": lambda n: layered(filling=n),
    "LayeredModel.translations": lambda n: layered(translations=[[0, n]]),
    "LayeredModel.layers": lambda n: layered(layers=[0, n]),
    "hoppings, orbital": lambda n: bond(n, 1, 0, 0),
    "hoppings, cell": lambda n: bond(0, 1, n, 0),
}


@pytest.mark.parametrize("name", COUNTS)
def test_counts(name):
    """Half a layer is no layer, and True is not one."""
    by_default = ("Problem.order", "cross_section.cells", "LayeredModel.filling")
    for value in (True, 0.5, 1.5, float("nan"), "two", None, [1, 2], 1j, 1e101):
        if (value is None and name in by_default) or (
            value in (True, [1, 2]) and "refined_" in name
        ):
            continue  # the default, a mask, two of them
        refused(COUNTS[name], value)


# --- what functions of the caller return ----------------------------------------------------------


def in_plane(**changes: Any) -> float:
    problem = of.Problem(plane().mesh, material(**changes), list(plane().contacts), order=2)
    return of.resistance(problem, B, **PAIR).R


def profiled(profile: Callable[..., Any]) -> float:
    contacts = {"left": of.Contact("profile", profile=profile), "right": of.Contact()}
    problem = of.Problem(plane().mesh, material(), contacts, order=2)
    return of.solve(problem, B, {"left": 1, "right": -1}).voltage("left", "right")


def started(initial: Callable[..., Any]) -> np.ndarray:
    return of.transient(plane(), [0, 1e-12], B, **PAIR, initial=initial, tolerance=1e-3).orbital


D_GIVEN = {"diffusion_length": None, "diffusion_constant": 1e-3}
#: (name, unit, a plain value of every place, what becomes of a function of (x, y))
FUNCTIONS: list[tuple[str, str, Any, Callable[[Any], Any]]] = [
    ("sheet_conductivity", "S", 2e-3, lambda f: in_plane(sheet_conductivity=f)),
    (
        "diffusion_constant",
        "m**2/s",
        3e-3,
        lambda f: in_plane(**{**D_GIVEN, "diffusion_constant": f}),
    ),
    ("relaxation_time", "s", 3e-12, lambda f: in_plane(**D_GIVEN, relaxation_time=f)),
    ("orbital_hall_angle", "1", 0.05, lambda f: in_plane(orbital_hall_angle=f)),
    ("inverse_mass", "1/m_e", TENSOR_X, lambda f: in_plane(inverse_mass=f)),
    ("profile", "1", 0.5, profiled),
    ("initial", "C/m**2", 0.3, started),
]


@pytest.mark.parametrize("name, unit, plain, call", FUNCTIONS, ids=[f[0] for f in FUNCTIONS])
def test_what_a_function_returns(name, unit, plain, call):
    """A quantity is converted there too, and what is no number is refused."""
    plain = np.array(plain)

    def made(of_x: Callable[[np.ndarray], Any]) -> Callable[..., Any]:
        def function(x: np.ndarray, y: np.ndarray) -> Any:
            if name == "inverse_mass":
                return of_x(plain)
            shape = (3, *x.shape) if name == "initial" else x.shape
            return of_x(np.full(shape, float(plain)))

        return function

    expected = call(made(lambda v: v))
    scale, other = in_other(1.0, unit)
    if name == "inverse_mass":  # rounded twice
        found = call(made(lambda v: v * scale * ureg.Unit(other)))
        assert found == pytest.approx(expected, rel=1e-12)
    elif name != "profile":
        number = in_other(float(plain), unit)[0]
        same(call(made(lambda v: np.full(v.shape, number) * ureg.Unit(other))), expected, unit)
    refused(call, made(lambda v: v * ureg.candela))
    refused(call, made(lambda v: v * (1 + 1j)))
    refused(call, made(lambda v: v > -1))
    refused(call, made(lambda v: np.ma.masked_array(v, np.ones(v.shape, dtype=bool))))
    refused(call, made(lambda v: v * np.nan))
    refused(call, made(lambda v: "much"))


def test_names_of_cells():
    """Numbers of cells are whole, and a mask is of all of them."""
    mesh, half = plane().mesh, np.arange(32) < 16
    for given in ([0.7, 1.2], np.array([0.7]), half[:9], [[True]]):
        refused(lambda v: mesh.with_regions({"a": v}), given)
        refused(lambda v: mesh.with_boundaries({"a": v}), given)
    parts = mesh.with_regions({"a": half, "b": ~half})
    assert parts.regions["a"].tolist() == list(range(16))
    refused(lambda v: of.DeviceMesh(mesh.mesh, ("x", "y"), regions={"a": v}), half)
    changed = measure().at(
        theta=0.5, inverse_mass=np.eye(3) * ureg.Unit("1/kg") / units.ELECTRON_MASS
    )
    assert changed.material.inverse_mass[2, 2] == pytest.approx(0.5, rel=1e-14)
