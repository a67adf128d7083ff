"""No silent wrong number from the API: units at every door, aliasing, threads, extremes, contrast,
and random devices against scaling, mirror, reciprocity and closed forms.
"""

from __future__ import annotations

import dataclasses
import inspect
import io
import os
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pint
import pytest
from random_devices import CHECKS, check_case
from small_devices import MATERIAL, bar_problem

import ohmr_fem as of
from ohmr_fem import units
from ohmr_fem.model.contacts import Moment

ureg = pint.UnitRegistry()  # not the package's own

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
    "C/m**2": ("mC/m**2", 3),
    "eV": ("meV", 3),
    "K": ("mK", 3),
    "1": ("percent", 2),
    "rad": ("mrad", 3),
    "1/m_e": ("1/kg", None),
}


def material(**changes: Any) -> of.Material:
    return of.Material(**{**MATERIAL, **changes})


@cache
def section() -> of.Problem:
    return of.Problem(of.cross_section(4e-7, cells=6), material())


@cache
def plane() -> of.Problem:
    lines = np.linspace(-6e-7, 6e-7, 9), np.linspace(-2e-7, 2e-7, 5)
    sides = {
        "left": lambda p: p[0] < -5.9e-7,
        "right": lambda p: p[0] > 5.9e-7,
        "top": lambda p: (p[1] > 1.9e-7) & (abs(p[0]) < 2e-7),
    }
    mesh = of.tensor_grid(*lines).with_boundaries(sides)
    carriers = material(mobility=0.1)
    return of.Problem(mesh, carriers, ["left", "right", "top"], order=2)


PAIR = {"current": ("left", "right"), "voltage": ("left", "top")}
B = [0.3, 0.1, 0.0]


@cache
def measure() -> of.SpectralMeasure:
    return of.spectral_measure(section(), fields=of.field_sweep(0, 2, 3), tolerance=1e-6)


@cache
def solution() -> of.Solution:
    return of.solve(plane(), B, {"left": 1e-6, "right": -1e-6})


def doflocs(mesh: of.DeviceMesh) -> np.ndarray:
    return mesh.mesh.doflocs


def outline(geometry: of.Geometry) -> np.ndarray:
    return np.concatenate([loop.points for loop in (geometry.outline, *geometry.holes)])


def corners(points: Any) -> np.ndarray:
    return outline(of.geometry.polygon_device(points, contacts={"a": 0, "b": 2}))


def swept(values: Any) -> np.ndarray:
    found = of.gate_map(section(), lambda v: material(relaxation_time=v), values, B, unit="s")
    return np.append(found.values, found.rho)


def measured(**changes: Any) -> of.Measured:
    given = {"fields": [[0, 0, 0], [0.1, 0, 0]], "values": [1.0, 2.0], **changes}
    return of.Measured(**given)


def waves(**changes: Any) -> np.ndarray:
    given = {"times": [0.0, 1e-12], "field": B, "drive": 1e-6, **changes}
    run = of.transient(plane(), **PAIR, **given, tolerance=1e-4)
    return np.concatenate([run.times, run.drive, run.field.ravel(), run.orbital])


def field_of(parameter: str, **others: Any) -> Callable[[Any], Any]:
    return lambda v: getattr(material(**{**others, parameter: v}), parameter)


D = {"diffusion_length": None}
#: (name, unit, a plain value, what becomes of it)
ONE: list[tuple[str, str, Any, Callable[[Any], Any]]] = [
    ("Material.sheet_conductivity", "S", 0.002, field_of("sheet_conductivity")),
    ("Material.relaxation_time", "s", 3e-12, field_of("relaxation_time")),
    ("Material.orbital_hall_angle", "1", 0.05, field_of("orbital_hall_angle")),
    ("Material.inverse_orbital_hall_angle", "1", 0.05, field_of("inverse_orbital_hall_angle")),
    ("Material.inverse_mass", "1/m_e", 0.3, field_of("inverse_mass")),
    ("Material.diffusion_length", "m", 3e-9, field_of("diffusion_length")),
    ("Material.diffusion_constant", "m**2/s", 3e-4, field_of("diffusion_constant", **D)),
    ("Material.g_factor", "1", 0.02, field_of("g_factor")),
    ("Material.moment_per_carrier", "J/T", 1e-23, field_of("moment_per_carrier")),
    ("Material.mobility", "m**2/(V*s)", 0.3, field_of("mobility")),
    ("Contact.moment", "m/s", 30.0, lambda v: of.Contact(moment=v).moment.absorption),
    ("Edge.moment", "m/s", 30.0, lambda v: of.Edge(v).moment.absorption),
    ("Edge.injected", "A/m", 0.3, lambda v: of.Edge({"injected": v}).moment.injected),
    ("gaussian_profile.width", "m", 3e-9, lambda v: of.gaussian_profile((0, 0), v).width),
    ("field_sweep.start", "T", 0.3, lambda v: of.field_sweep(v, 1, 3)),
    ("field_sweep.stop", "T", 0.3, lambda v: of.field_sweep(0, v, 3)),
    ("field_rotation.magnitude", "T", 0.3, lambda v: of.field_rotation(v, 4)),
    ("angle_scan.magnitude", "T", 0.3, lambda v: of.angle_scan(section(), v, n=3).rho),
    ("solve.electric_field", "V/m", 30.0, lambda v: of.solve(section(), electric_field=v).drive),
    (
        "solve.currents",
        "A",
        3e-6,
        lambda v: of.solve(plane(), currents={"left": v}, voltages={"right": 0}).drive,
    ),
    (
        "solve.voltages",
        "V",
        0.3,
        lambda v: of.solve(plane(), voltages={"left": v, "right": 0}).drive,
    ),
    ("ac_response.frequencies", "Hz", 3e9, lambda v: of.ac_response(section(), v, B).rho),
    ("transient.drive", "A", 3e-6, lambda v: waves(drive=v)),
    ("SpectralMeasure.ac", "Hz", 3e9, lambda v: measure().ac(v, B)),
    ("SpectralMeasure.at", "s", 3e-12, lambda v: measure().at(tau=v).rho(B)),
    ("SpectralMeasure.moment_density", "V/m", 3.0, lambda v: measure().moment_density(B, v)),
    ("hanle_map.angle", "rad", 0.3, lambda v: of.hanle_map(measure(), B, "angle", v)),
    ("hanle_map.tau", "s", 3e-12, lambda v: of.hanle_map(measure(), B, "tau", v)),
    ("gate_map.values", "s", 3e-12, swept),
    ("drift_curve.amplitudes", "A", 3e-6, lambda v: of.drift_curve(plane(), v, **PAIR).current),
    ("sheet_resistance.first", "ohm", 30.0, lambda v: of.sheet_resistance(v, 40.0)),
    ("sheet_resistance.second", "ohm", 30.0, lambda v: of.sheet_resistance(40.0, v)),
    ("Measured.sigma", "ohm", 0.3, lambda v: measured(sigma=v).sigma),
    ("graded_lines.start", "m", 3e-9, lambda v: of.graded_lines(v, 9e-9, 1e-9)),
    ("graded_lines.stop", "m", 3e-9, lambda v: of.graded_lines(0, v, 1e-9)),
    ("graded_lines.h_min", "m", 3e-9, lambda v: of.graded_lines(0, 1e-7, v)),
    ("graded_lines.h_max", "m", 3e-9, lambda v: of.graded_lines(0, 1e-7, 1e-9, h_max=v)),
    ("cross_section.width", "m", 3e-9, lambda v: doflocs(of.cross_section(v, cells=3))),
    ("cross_section.resolve", "m", 3e-9, lambda v: doflocs(of.cross_section(1e-7, resolve=v))),
    ("rectangle.length", "m", 3e-9, lambda v: doflocs(of.rectangle(v, 2e-9))),
    ("rectangle.width", "m", 3e-9, lambda v: doflocs(of.rectangle(2e-9, v))),
    ("rectangle.h_min", "m", 3e-9, lambda v: doflocs(of.rectangle(1e-7, 1e-7, h_min=v))),
    ("rectangle.h_max", "m", 3e-9, lambda v: doflocs(of.rectangle(1e-8, 1e-8, h_max=v))),
    ("annulus_mesh.inner_radius", "m", 3e-9, lambda v: doflocs(of.annulus_mesh(v, 9e-9))),
    ("annulus_mesh.outer_radius", "m", 3e-9, lambda v: doflocs(of.annulus_mesh(1e-9, v))),
    ("annulus_mesh.h_min", "m", 3e-9, lambda v: doflocs(of.annulus_mesh(1e-8, 5e-8, h_min=v))),
    ("disc_mesh.radius", "m", 3e-9, lambda v: doflocs(of.disc_mesh(v, rings=3))),
    ("disc_mesh.h_min", "m", 3e-9, lambda v: doflocs(of.disc_mesh(1e-7, rings=3, h_min=v))),
    ("DeviceMesh.scaled", "1", 0.5, lambda v: doflocs(plane().mesh.scaled(v))),
    ("DeviceMesh.rotated", "rad", 0.3, lambda v: doflocs(plane().mesh.rotated(v))),
    ("hall_bar.length", "m", 3e-7, lambda v: outline(of.geometry.hall_bar(v, 1e-7))),
    ("hall_bar.width", "m", 3e-8, lambda v: outline(of.geometry.hall_bar(3e-7, v))),
    ("cross.length", "m", 3e-7, lambda v: outline(of.geometry.cross(v, 1e-7))),
    ("cross.width", "m", 3e-8, lambda v: outline(of.geometry.cross(3e-7, v))),
    ("corbino.inner_radius", "m", 3e-8, lambda v: outline(of.geometry.corbino(v, 3e-7))),
    ("annulus.outer_radius", "m", 3e-7, lambda v: outline(of.geometry.annulus(1e-8, v))),
    ("van_der_pauw.size", "m", 3e-7, lambda v: outline(of.geometry.van_der_pauw(v, 1e-8))),
    ("van_der_pauw.contact", "m", 3e-8, lambda v: outline(of.geometry.van_der_pauw(3e-7, v))),
    (
        "nonlocal_bar.distance",
        "m",
        3e-7,
        lambda v: outline(of.geometry.nonlocal_bar(1e-7, v, 1e-8)),
    ),
    ("Geometry.moved", "m", 3e-9, lambda v: outline(of.geometry.cross(3e-7, 1e-7).moved(v, 0))),
    ("Geometry.rotated", "rad", 0.3, lambda v: outline(of.geometry.cross(3, 1).rotated(v))),
    (
        "mesh_device.resolve",
        "m",
        3e-8,
        lambda v: doflocs(of.mesh_device(of.geometry.cross(3e-7, 1e-7), v)),
    ),
    ("hanle_curve.tolerance", "1", 1e-4, lambda v: of.hanle_curve(section(), B, tolerance=v).rho),
]

#: the same for what takes an array
MANY: list[tuple[str, str, Any, Callable[[Any], Any]]] = [
    ("Material.sheet_conductivity", "S", [0.001, 0.002], field_of("sheet_conductivity")),
    (
        "Material.relaxation_time",
        "s",
        [1e-12, 3e-12, 2e-12],
        field_of("relaxation_time", **D, diffusion_constant=1.0),
    ),
    ("Material.diffusion_constant", "m**2/s", [1e-4, 3e-4], field_of("diffusion_constant", **D)),
    ("Material.orbital_hall_angle", "1", [0.1, 0.3], field_of("orbital_hall_angle")),
    ("Material.mobility", "m**2/(V*s)", [0.1, 0.3], field_of("mobility")),
    ("Material.inverse_mass", "1/m_e", [0.1, 0.3, 1.0], field_of("inverse_mass")),
    ("Contact.at", "m", [1e-9, 3e-9], lambda v: of.Contact("point", at=v).at),
    ("Contact.moment", "m/s", [1.0, 30.0, 2.0], lambda v: of.Contact(moment=v).moment.absorption),
    ("Edge.moment", "m/s", [1.0, 30.0, 2.0], lambda v: of.Edge(v).moment.absorption),
    (
        "Edge.injected",
        "A/m",
        [0.1, 0.3, 0.0],
        lambda v: Moment.parse({"injected": v}, "e").injected,
    ),
    ("gaussian_profile.center", "m", [1e-9, 3e-9], lambda v: of.gaussian_profile(v, 1).center),
    ("solve.field", "T", B, lambda v: of.solve(section(), v).moment_density),
    ("resistance.field", "T", B, lambda v: of.resistance(plane(), v, **PAIR).R),
    ("magnetoresistance.field", "T", B, lambda v: of.magnetoresistance(section(), v)),
    ("hanle_curve.fields", "T", [B, [1.0, 0.0, 0.3]], lambda v: of.hanle_curve(section(), v).rho),
    (
        "hanle_map.fields",
        "T",
        [B, [1.0, 0.0, 0.3]],
        lambda v: of.hanle_map(measure(), v, "tau", 1e-12),
    ),
    ("hanle_map.angle", "rad", [0.1, 0.3], lambda v: of.hanle_map(measure(), B, "angle", v)),
    ("hanle_map.tau", "s", [1e-12, 3e-12], lambda v: of.hanle_map(measure(), B, "tau", v)),
    (
        "gate_map.fields",
        "T",
        [B],
        lambda v: of.gate_map(section(), lambda _: material(), [1.0], v).rho,
    ),
    ("gate_map.values", "s", [1e-12, 3e-12], swept),
    (
        "drift_solve.field",
        "T",
        [0.1, 0.3, 0.0],
        lambda v: of.drift_solve(plane(), v, {"left": 1e-6, "right": -1e-6}).potential,
    ),
    (
        "drift_curve.amplitudes",
        "A",
        [1e-6, 3e-6],
        lambda v: of.drift_curve(plane(), v, **PAIR).current,
    ),
    ("resistance_matrix.fields", "T", [B], lambda v: of.resistance_matrix(plane(), v).orbital),
    ("sheet_resistance", "ohm", [30.0, 50.0], lambda v: of.sheet_resistance(v, [40.0, 40.0])),
    ("ac_response.frequencies", "Hz", [1e9, 3e9], lambda v: of.ac_response(section(), v, B).rho),
    ("ac_response.field", "T", B, lambda v: of.ac_response(section(), 1e9, v).rho),
    ("transient.times", "s", [0.0, 1e-12, 3e-12], lambda v: waves(times=v)),
    ("transient.field", "T", B, lambda v: waves(field=v)),
    ("transient.initial", "C/m**2", [0.1, 0.3, 0.2], lambda v: waves(initial=v)),
    (
        "spectral_measure.fields",
        "T",
        [B],
        lambda v: of.spectral_measure(section(), fields=v).rho(B),
    ),
    (
        "spectral_measure.lengths",
        "m",
        [1e-8, 3e-7],
        lambda v: of.spectral_measure(section(), lengths=v).rho(B),
    ),
    ("SpectralMeasure.rho", "T", [B], lambda v: measure().rho(v)),
    ("SpectralMeasure.ac", "Hz", [1e9, 3e9], lambda v: measure().ac(v, B)),
    ("Measured.fields", "T", [B, [1.0, 0.0, 0.3]], lambda v: measured(fields=v).fields),
    ("Measured.values", "ohm", [1.0, 0.3], lambda v: measured(values=v).values),
    ("Measured.sigma", "ohm", [1.0, 0.3], lambda v: measured(sigma=v).sigma),
    (
        "tensor_grid.x_lines",
        "m",
        [1e-9, 3e-9, 4e-9],
        lambda v: doflocs(of.tensor_grid(v, [0, 1e-9])),
    ),
    (
        "tensor_grid.y_lines",
        "m",
        [1e-9, 3e-9, 4e-9],
        lambda v: doflocs(of.tensor_grid([0, 1e-9], v)),
    ),
    (
        "annulus_mesh.radii",
        "m",
        [1e-9, 3e-9, 4e-9],
        lambda v: doflocs(of.annulus_mesh(1e-9, 4e-9, radii=v)),
    ),
    (
        "hall_bar.arm_positions",
        "m",
        [-1e-8, 3e-8],
        lambda v: outline(of.geometry.hall_bar(3e-7, 3e-8, arm_positions=v)),
    ),
    ("polygon_device.corners", "m", [[0.0, 0.0], [3e-7, 0.0], [3e-7, 1e-7], [0.0, 1e-7]], corners),
    ("Solution.at", "m", [1e-8, 3e-8], lambda v: solution().at(v).potential),
    ("Solution.line", "m", [1e-8, 3e-8], lambda v: solution().line(v, [0, 0], 3).potential),
    ("Candidate.fields", "T", [B], lambda v: candidate(v).fields),
]


def candidate(fields: Any) -> Any:
    from ohmr_fem.fitting.design import Candidate

    return Candidate("c", fields, 1.0)


def in_other(number: float, unit: str) -> tuple[float, str]:
    """The same quantity as (number, unit) in another unit."""
    other, power = OTHER[unit]
    if power is None:  # 1/m_e in 1/kg
        return float(Fraction(number) / Fraction(units.ELECTRON_MASS)), other
    return float(Decimal(repr(number)).scaleb(power)), other


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
    mask = np.zeros(np.shape(plain), dtype=bool)
    mask.flat[0] = True
    refused(call, np.ma.masked_array(np.array(plain), mask))


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


# --- aliasing -------------------------------------------------------------------------------------


def results() -> dict[str, Any]:
    """One of each public dataclass, made from arrays that the test holds."""
    device, curve = bar_problem(), of.hanle_curve(section(), of.field_sweep(0, 1, 3))
    pair = {"current": ("left", "right"), "voltage": ("t1", "t2")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            "Material": device.material,
            "DeviceMesh": device.mesh,
            "Problem": device,
            "Measured": measured(),
            "HanleCurve": curve,
            "Solution": solution(),
            "FieldValues": solution().at([0.0, 0.0]),
            "SpectralMeasure": measure(),
            "ResistanceMatrix": of.resistance_matrix(plane(), B),
            "GateMap": of.gate_map(section(), lambda v: material(), [1.0, 2.0], [B]),
            "ACResponse": of.ac_response(section(), [1e9], B),
            "Transient": of.transient(section(), [0, 1e-12], B),
            "DriftCurve": of.drift_curve(plane(), [1e-6], **PAIR),
            "Adapted": of.solve_to(device, **pair, tolerance=0.5, budget=10_000),
            "Candidate": candidate([B]),
            "InverseMass": of.micro.InverseMass(
                *[np.ones((1, 3, 3)), np.ones(1), "", "", "", "", 1, np.ones(1), 300.0],
                *[np.ones(1)] * 4,
                *["", 2],
            ),
        }


@cache
def all_results() -> dict[str, Any]:
    return results()


RESULTS = (
    "Material",
    "DeviceMesh",
    "Problem",
    "Measured",
    "HanleCurve",
    "Solution",
    "FieldValues",
    "SpectralMeasure",
    "ResistanceMatrix",
    "GateMap",
    "ACResponse",
    "Transient",
    "DriftCurve",
    "Adapted",
    "Candidate",
    "InverseMass",
)


@pytest.mark.parametrize("name", RESULTS)
def test_nobody_else_writes_to_a_result(name):
    value = all_results()[name]
    for entry in dataclasses.fields(value):
        inside = getattr(value, entry.name)
        arrays = list(inside.values()) if hasattr(inside, "values") else [inside]
        if name == "DeviceMesh" and entry.name == "mesh":
            arrays = [inside.doflocs, inside.t]
        for array in arrays:
            if isinstance(array, np.ndarray):
                assert not array.flags.writeable and array.base is None, entry.name
    # made again from arrays that can be written to: what is done to those does not show
    if name == "Material":  # has its own test: it takes one of two arguments
        return
    given = {}
    for entry in dataclasses.fields(value):
        inside = getattr(value, entry.name)
        if isinstance(inside, np.ndarray) and entry.init:
            given[entry.name] = np.array(inside)
    again = dataclasses.replace(value, **given)
    before = {key: np.array(getattr(again, key)) for key in given}
    for array in given.values():
        array[...] = 7
    for key, array in before.items():
        np.testing.assert_array_equal(getattr(again, key), array)


def test_every_public_dataclass_is_walked():
    """A new one must be added above (or hold no arrays)."""
    assert sorted(all_results()) == sorted(RESULTS)
    for name in of.__all__:
        kind = getattr(of, name)
        if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
            continue
        types = " ".join(str(f.type) for f in dataclasses.fields(kind))
        copies = "own_arrays(self)" in inspect.getsource(
            getattr(kind, "__post_init__", test_arguments_are_copied)
        )
        assert "ndarray" not in types or name in RESULTS or copies, name


def test_arguments_are_copied():
    sigma = np.array([1e-3, 2e-3])
    x = np.eye(3)
    m = of.Material(sigma, 1e-12, 0.1, x, diffusion_constant=1e-3)
    sigma[:] = x[:] = 9
    assert m.sheet_conductivity.tolist() == [1e-3, 2e-3] and m.inverse_mass[0, 0] == 1.0
    fields = np.array([[0.0, 0, 0], [1, 0, 0]])
    curve = of.hanle_curve(section(), fields)
    s = of.solve(section(), field := np.array(B))
    fields[:] = field[:] = 9
    assert curve.fields[1, 0] == 1.0 and s.field.tolist() == B
    lines = np.array([0.0, 1, 2])
    mesh = of.tensor_grid(lines, lines)
    lines[:] = 9
    assert mesh.mesh.p.max() == 2.0
    import skfem

    raw = skfem.MeshTri1.init_tensor(np.linspace(0, 1, 3), np.linspace(0, 1, 3))
    device = of.DeviceMesh(raw, ("x", "y"))
    raw.p[:] = 9
    assert device.mesh.p.max() == 1.0
    materials = {"bulk": material()}
    problem = of.Problem(plane().mesh, materials)
    materials["bulk"] = material(orbital_hall_angle=0.5)
    assert problem.material.orbital_hall_angle == 0.1
    with pytest.raises(TypeError, match="read-only"):
        problem.materials["bulk"] = material()


# --- what does not exist, what is too large -------------------------------------------------------


def test_what_does_not_exist_is_an_empty_column(tmp_path):
    nothing = of.Problem(section().mesh, material(orbital_hall_angle=0.0))
    curve = of.hanle_curve(nothing, of.field_sweep(0, 1, 3))
    assert np.all(np.isnan(curve.rho_star)) and np.all(curve.rho == 0.0)
    lines = curve.to_csv(tmp_path / "c.csv").read_text().splitlines()
    assert lines[0] == "# rho_star: empty, f(0) = 0"
    place = lines[1].split(",").index("rho_star [1]")
    assert all(line.split(",")[place] == "" for line in lines[2:])
    assert not np.any(np.isnan(of.hanle_curve(section(), of.field_sweep(0, 1, 3)).rho_star))


def notes_of(call: Callable[[], Any], kind: type[Warning]) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [str(w.message) for w in caught if issubclass(w.category, kind)]


@pytest.mark.parametrize("method", ["spectral", "reduced", "direct"])
def test_size_of_the_effect(method):
    def run(angle: float, **options: Any) -> list[str]:
        p = dataclasses.replace(plane(), materials=material(orbital_hall_angle=angle), **options)
        chosen = "direct" if options and method == "spectral" else method
        fields = of.field_sweep(0, 1, 3)
        call = lambda: of.hanle_curve(p, fields, **PAIR, method=chosen)  # noqa: E731
        return [t for t in notes_of(call, of.PhysicsWarning) if "full" in t]

    assert run(0.1) == [] and run(0.9, coupling="full") == []
    (text,) = run(0.9)
    m = of.spectral_measure(
        dataclasses.replace(plane(), materials=material(orbital_hall_angle=0.9)),
        current=PAIR["current"],
        voltage=PAIR["current"],
    )
    share = float(np.abs(m.rho(np.zeros((1, 3)))[0]))
    assert share > 0.1 and f"{share:.2g}" in text and "coupling='full'" in text
    assert any("above 1" in t and "'2 %'" in t for t in run(2.0))


def test_size_of_the_effect_elsewhere():
    p = dataclasses.replace(plane(), materials=material(orbital_hall_angle=0.9))
    calls = [
        lambda: of.solve(p, currents={"left": 1, "right": -1}),
        lambda: of.resistance(p, **PAIR),
        lambda: of.resistance_matrix(p),
        lambda: of.ac_response(p, 1e9, **PAIR),
        lambda: of.transient(p, [0, 1e-12], **PAIR),
    ]
    for call in calls:
        assert any("coupling='full'" in t for t in notes_of(call, of.PhysicsWarning))


def test_relaxation_by_component_is_refused_for_what_it_is():
    by_component = material(
        relaxation_time=(1e-12, 2e-12, 3e-12), diffusion_length=None, diffusion_constant=1e-2
    )
    p = of.Problem(plane().mesh, by_component, ("left", "right"), film=of.Film(1e-7))
    with pytest.raises(of.InputError, match="components of the moment relax at different rates"):
        of.hanle_curve(p, of.field_sweep(0, 1, 3), method="spectral", **PAIR)


# --- contrast -------------------------------------------------------------------------------------


def two_strips(kind: str) -> of.DeviceMesh:
    x = np.linspace(-2, 2, 9)
    half = of.graded_lines(-1, 0, 0.05, 1.4)
    y = np.unique(np.concatenate([half, -half]))
    sides = {"left": lambda p: p[0] < -1.99, "right": lambda p: p[0] > 1.99}
    axis = 0 if kind == "series" else 1
    mesh = of.tensor_grid(x, y).with_boundaries(sides)
    return mesh.with_regions({"a": lambda p: p[axis] < 0, "b": lambda p: p[axis] > 0})


DENSITY = (
    {"interface": "density"}
    if "interface" in {f.name for f in dataclasses.fields(of.Problem)}
    else {}
)


@pytest.mark.parametrize(
    "kind, what", [("series", "sigma"), ("parallel", "sigma"), ("parallel", "D")]
)
@pytest.mark.parametrize("power", [0, 3, 5, 7, 9, 12, 15])
def test_contrast(kind, what, power):
    """Two strips in series share n(y), so that delta_R/R is that of one strip; in parallel they
    are the layers of a cross-section. Where round-off reaches 1e-8 a warning or a refusal says so.
    """
    from ohmr_fem.analytic.layers import Layer, layered_strip

    sigma, D = (10.0**power, 1.0) if what == "sigma" else (1.0, 10.0**power)
    base = {"relaxation_time": 1.0, "orbital_hall_angle": 0.1, "inverse_mass": 1.0}
    a = of.Material(sheet_conductivity=1.0, diffusion_constant=1.0, **base)
    b = of.Material(sheet_conductivity=sigma, diffusion_constant=D, **base)
    problem = of.Problem(two_strips(kind), {"a": a, "b": b}, ["left", "right"], order=4, **DENSITY)
    pair = {"current": ("left", "right"), "voltage": ("left", "right")}
    if kind == "series":
        layers = [Layer(2.0, alpha=0.1)]
    else:
        layers = [Layer(1.0, alpha=0.1), Layer(1.0, D, 1.0, sigma, 0.1)]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            r = of.resistance(problem, **pair)
        except of.SolveError:
            assert power >= 12
            return
    warned = any(issubclass(w.category, of.ConvergenceWarning) for w in caught)
    error = abs(r.delta_R / r.R_ohmic / -layered_strip(layers).relative - 1.0)
    assert error < 1e-8 or warned, (error, warned)
    assert error < 0.05
    assert not (warned and power <= 3)


# --- unit-free extremes ---------------------------------------------------------------------------


def scaled_numbers(L: float, tau: float, method: str) -> np.ndarray:
    """What a scaled device reads, free of units."""
    mesh = plane().mesh.scaled(L / 1e-7)
    m = material(relaxation_time=tau, diffusion_length=L, inverse_mass=[1, 0.9, 0.3])
    p = of.Problem(mesh, m, ["left", "right", "top"], order=2)
    fields = np.array([[1.0, 0.3, 0.2], [-0.4, 0.5, 0.1]]) * 2 * m.field_scale
    curve = of.hanle_curve(p, fields, **PAIR, method=method)
    one = of.solve(p, fields[0], {"left": 1.0, "right": -1.0}).at([0.5 * L, 0.2 * L])
    n = one.moment_density.ravel() * m.diffusion_constant
    return np.concatenate([curve.R, curve.delta_R, curve.hanle, one.potential, n])


@pytest.mark.parametrize("method", ["spectral", "reduced", "direct"])
@pytest.mark.parametrize("L", [1e-15, 1e3])
@pytest.mark.parametrize("tau", [1e-20, 1.0])
def test_extremes_are_exact_by_scaling(method, L, tau):
    expected = scaled_numbers(1e-7, 1e-12, method)
    np.testing.assert_allclose(scaled_numbers(L, tau, method), expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("field", [1e-12, 1e6])
def test_extreme_fields_are_exact_by_scaling(field):
    """|B| times tau is what counts: the same number from tau = 1 ps at another field."""

    def rho(tau: float, size: float) -> np.ndarray:
        p = of.Problem(section().mesh, material(relaxation_time=tau))
        return np.array([of.hanle_curve(p, [[size, 0.1 * size, 0]]).rho_change]).ravel()

    np.testing.assert_allclose(rho(1e-12, field), rho(1e-12 * field, 1.0), rtol=1e-12, atol=0)


# --- film section ---------------------------------------------------------------------------------


def test_transverse_current_of_a_film_section():
    """J_y = alpha' D d_z n^x; its mean is -K f_xy E with f = tanh(q l/2)/(q l/2), q^2 = 1 + tau T
    (docs/theory, section 9).
    """
    from scipy.linalg import sqrtm

    m = of.Material(2e6, 1e-12, 0.1, [[1, 0.15, 0.1], [0.15, 0.8, -0.05], [0.1, -0.05, 0.5]], 2e-9)
    t, field = 3e-9, np.array([1.0, -0.7, 0.6]) * m.field_scale
    p = of.Problem(of.cross_section(t, "z", cells=24), m, order=4)
    s = of.solve(p, field, electric_field=1.0)
    z, w = np.polynomial.legendre.leggauss(40)
    J = s.at(z * t / 2).current_density
    q = np.real(sqrtm(np.eye(3) + 1e-12 * m.torque(field))) * t / 2 / 2e-9
    f = np.real(np.linalg.solve(q, np.asarray(matrix_tanh(q))))
    unit = 0.1**2 * 2e6
    assert J[1] @ w / 2 == pytest.approx(-unit * f[0, 1], rel=1e-6)
    assert J[0] @ w / 2 == pytest.approx(2e6 + unit * f[1, 1], rel=1e-6)
    assert np.all(J[2] == 0.0)


def matrix_tanh(q: np.ndarray) -> np.ndarray:
    from scipy.linalg import tanhm

    return tanhm(q)


# --- threads, determinism -------------------------------------------------------------------------


def test_threads_do_not_disturb_each_other(tmp_path, capsys):
    mesh = tmp_path / "bar.msh"
    of.write_mesh(bar_problem().mesh, mesh)
    outputs: list[str] = []

    def work(number: int) -> bytes:
        device = of.read_mesh(mesh)
        print(f"thread {number}")
        p = of.Problem(device, material(), ["left", "right", "t1", "t2"])
        s = of.solve(p, (1.0, 0.5, 0.0), {"left": 1e-6, "right": -1e-6})
        path = of.save(s, tmp_path / f"{number}.npz")
        again = of.load(path)
        curve = of.hanle_curve(
            p, of.field_sweep(0, 1, 3), current=("left", "right"), voltage=("t1", "t2")
        )
        return again.moment_dofs.tobytes() + again.orbital_dofs.tobytes() + curve.hanle.tobytes()

    alone = work(99)
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(work, range(8)))
    assert all(bits == alone for bits in together)
    outputs = capsys.readouterr().out.split("\n")
    assert sorted(outputs)[1:] == sorted(f"thread {n}" for n in [*range(8), 99])


def test_reading_a_mesh_leaves_stdout_alone(tmp_path, monkeypatch):
    """What another thread prints while meshio reads arrives."""
    import sys

    import meshio

    mesh = tmp_path / "bar.vtu"
    raw = bar_problem().mesh.mesh
    flat = np.vstack([raw.p, np.zeros(raw.p.shape[1])]).T
    meshio.write(mesh, meshio.Mesh(flat, [("triangle", raw.t.T)]))
    stream, seen = io.StringIO(), []
    monkeypatch.setattr(sys, "stdout", stream)
    read = meshio.vtu.read

    def slow(path: Any) -> Any:
        thread = threading.Thread(target=lambda: print("from elsewhere"))
        thread.start()
        thread.join()
        seen.append(sys.stdout is stream)
        return read(path)

    monkeypatch.setattr(meshio.vtu, "read", slow)
    of.read_mesh(mesh)
    assert seen == [True] and stream.getvalue() == "from elsewhere\n"


def test_the_same_input_gives_the_same_bits():
    def bits() -> bytes:
        p = of.Problem(plane().mesh, material(), ["left", "right", "top"], order=2)
        curve = of.hanle_curve(p, of.field_sweep(0, 1, 12), **PAIR, method="reduced")
        spectral = of.hanle_curve(p, of.field_sweep(0, 1, 12), **PAIR)
        return curve.hanle.tobytes() + spectral.hanle.tobytes()

    assert bits() == bits()


# --- random devices -------------------------------------------------------------------------------

CASES = int(os.environ.get("OHMR_RANDOM_CASES", "500"))
BATCHES = 10


@pytest.mark.parametrize("batch", range(BATCHES))
def test_random_devices(batch):
    """Materials, fields, units and meshes at random; each case is one seed and one check."""
    failed = []
    for seed in range(batch, CASES, BATCHES):
        try:
            check_case(seed)
        except Exception as exc:
            failed.append(f"seed {seed} ({CHECKS[seed % len(CHECKS)].__name__}): {exc!r:.300}")
    assert not failed, f"{len(failed)} failed:\n" + "\n".join(failed[:5])
