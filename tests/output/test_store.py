"""Saved solutions and curves come back usable, bit for bit where it matters."""

from __future__ import annotations

import dataclasses
import json
import os
import warnings
from collections.abc import Mapping

import numpy as np
import pytest
from small_devices import MATERIAL, bar, bar_problem, bar_solution

import ohmr_fem as of
from ohmr_fem.files import atomic_path
from ohmr_fem.output.store import load, save


@pytest.mark.parametrize("order", [2, 3])
def test_solution_round_trip(tmp_path, order):
    solution = bar_solution(order)
    again = load(save(solution, tmp_path / "s.npz"))
    assert again.residual == solution.residual and again.solver == solution.solver
    spots = [[0.0, 0.0], [-3.1e-7, 1.7e-7], [5e-7, -2e-7]]
    for name in ("potential", "current_density", "moment_density", "moment_current"):
        expected = getattr(solution.at(spots), name)
        assert np.allclose(
            getattr(again.at(spots), name),
            expected,
            rtol=1e-12,
            atol=1e-12 * np.abs(expected).max(),
        )
    assert again.contact_voltages == pytest.approx(solution.contact_voltages, rel=1e-12)
    assert again.problem.contacts == solution.problem.contacts
    assert np.array_equal(again.field, solution.field)


def test_everything_a_problem_can_hold(tmp_path):
    mesh = bar()
    left = np.flatnonzero(mesh.mesh.p[0, mesh.mesh.t].mean(axis=0) < 0)
    mesh = of.DeviceMesh(
        mesh.mesh,
        mesh.axes,
        mesh.boundaries,
        {"a": left, "b": np.setdiff1d(np.arange(mesh.n_cells), left)},
        "two",
    )
    graded = of.Material(**{**MATERIAL, "sheet_conductivity": np.linspace(1e-3, 2e-3, left.size)})
    slow = {k: v for k, v in MATERIAL.items() if k != "diffusion_length"}
    slow = of.Material(
        **{
            **slow,
            "diffusion_constant": 2e-2,
            "relaxation_time": [1e-12, 2e-12, 3e-12],
            "inverse_orbital_hall_angle": -0.03,
            "g_factor": 2.0,
            "name": "slow",
        }
    )
    contacts = {
        "left": of.Contact("profile", profile=of.gaussian_profile((-6e-7, 0), 1e-7)),
        "right": of.Contact(),
        "tip": of.Contact("point", at=(0.0, 1e-8)),
        "t1": of.Contact("probe", moment="absorbing"),
    }
    problem = of.Problem(
        mesh,
        {"a": graded, "b": slow},
        contacts,
        edges={"b1": of.Edge({"injected": 1e-3})},
        order=1,
        detection="reciprocal",
        coupling="full",
    )
    solution = of.solve(problem, (0.3, 0, 0), currents={"left": 1e-6, "right": -1e-6})
    again = load(save(solution, tmp_path / "s.npz"))
    assert again.problem.edges == problem.edges and again.problem.contacts == problem.contacts
    redone = of.solve(again.problem, (0.3, 0, 0), currents={"left": 1e-6, "right": -1e-6})
    scale = np.abs(solution.moment_dofs).max()
    assert np.allclose(redone.moment_dofs, solution.moment_dofs, rtol=1e-9, atol=1e-9 * scale)


def test_cross_section_round_trip(tmp_path):
    problem = of.Problem(of.cross_section("400 nm", cells=16), of.Material(**MATERIAL))
    solution = of.solve(problem, (1.0, 0, 0), electric_field=3.0)
    again = load(save(solution, tmp_path / "s.npz"))
    assert again.total_current == pytest.approx(solution.total_current, rel=1e-13)


def test_curve_round_trip(tmp_path):
    curve = of.hanle_curve(
        bar_problem(1), of.field_sweep(-1, 1, 3), current=("left", "right"), voltage=("t1", "t2")
    )
    again = load(save(curve, tmp_path / "c.npz"))
    assert isinstance(again, of.HanleCurve) and again.current == ("left", "right")
    for name, (unit, values) in curve.columns().items():
        assert again.columns()[name][0] == unit
        assert np.array_equal(again.columns()[name][1], values, equal_nan=True)


def test_functions_are_refused(tmp_path):
    varying = of.Material(**{**MATERIAL, "sheet_conductivity": lambda x, y: 1e-3 + 0 * x})
    solution = of.solve(
        of.Problem(bar(), varying, ["left", "right"], order=1),
        currents={"left": 1e-6, "right": -1e-6},
    )
    with pytest.raises(of.InputError, match="sheet_conductivity is a function"):
        save(solution, tmp_path / "s.npz")
    assert list(tmp_path.iterdir()) == []


def _tampered(path, **changes):
    with np.load(path) as archive:
        arrays = dict(archive)
    meta = json.loads(str(arrays.pop("meta"))) | changes
    np.savez(path, meta=np.array(json.dumps(meta)), **arrays)


def test_bad_files(tmp_path):
    good = save(bar_solution(1), tmp_path / "good.npz")
    with pytest.raises(of.InputError, match="no such file"):
        load(tmp_path / "missing.npz")
    foreign = tmp_path / "foreign.npz"
    np.savez(foreign, a=np.arange(3))
    cut, text = tmp_path / "cut.npz", tmp_path / "text.npz"
    cut.write_bytes(good.read_bytes()[:-900])
    text.write_text("hello")
    for path in (foreign, cut, text):
        with pytest.raises(of.InputError, match="not a file saved by ohmr_fem"):
            load(path)
    _tampered(good, format="ohmr_fem/99")
    with pytest.raises(of.InputError, match="ohmr_fem/99"):
        load(good)
    with pytest.raises(of.InputError, match="expected a Solution"):
        save([1, 2], tmp_path / "x.npz")


def test_atomic_write_leaves_the_old_file(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old" and os.listdir(tmp_path) == ["a.txt"]
    with pytest.raises(of.InputError, match="cannot be written"), atomic_path(target / "below.txt"):
        pass


def test_a_fit_of_a_series_round_trip(tmp_path):
    m = of.Material(
        relaxation_time="2 ps",
        orbital_hall_angle=0.1,
        inverse_mass=1.0,
        diffusion_length="5 nm",
    )
    fields = of.field_sweep(-9.0, 9.0, 15, "x")
    samples = []
    for t in (5e-9, 15e-9):
        problem = of.Problem(of.cross_section(t, "z"), m)
        values = of.spectral_measure(problem).rho(fields) + 1e-6 * np.sin(7.0 * fields[:, 0])
        curve = of.Measured(fields, values, "ratio", 1e-6)
        known = {"thickness": (t, 1e-11)}
        samples.append(of.Sample(problem, curve, f"t{1e9 * t:g}", known=known))
    fit = of.global_fit(samples)
    again = of.load_fit(of.save(fit, tmp_path / "fit.json"))
    assert {n: vars(e) for n, e in again.parameters.items()} == {
        n: vars(e) for n, e in fit.parameters.items()
    }
    for name in ("correlation", "covariance"):
        assert np.array_equal(getattr(again, name), getattr(fit, name))
    for name, (values, rise) in fit.profiles.items():
        assert np.array_equal(again.profiles[name][0], values)
        assert np.array_equal(again.profiles[name][1], rise)
    one, other = fit.samples["t5"], again.samples["t5"]
    assert np.array_equal(one.curves[0].model, other.curves[0].model)
    assert other.parameters == one.parameters and other.chi2 == one.chi2
    assert vars(other.material).keys() == vars(one.material).keys()
    assert other.material.diffusion_constant == one.material.diffusion_constant
    mesh = other.sample.problem.mesh.mesh
    assert np.array_equal(mesh.p, one.sample.problem.mesh.mesh.p)
    assert again.minima[0].chi2 == fit.minima[0].chi2 and str(again) == str(fit)
    assert of.global_fit([s.sample for s in again.samples.values()]).chi2 == fit.chi2
    with pytest.raises(of.InputError, match="fit the samples again"):
        again.bootstrap()


@pytest.fixture(scope="module")
def bar_fit():
    """Two curves of a bar, with the fit of the infinite strip beside them."""
    mesh = bar(6, 2)
    given = {"relaxation_time": "2 ps", "orbital_hall_angle": 0.1, "inverse_mass": 1.0}
    m = of.Material(1e-3, diffusion_length="80 nm", **given)
    problem = of.Problem(mesh, m, ["left", "right", "t1", "t2"], order=1)
    curves = []
    for axis in "xz":
        fields = of.field_sweep(-9.0, 9.0, 12, axis)
        measure = of.spectral_measure(problem, **PAIR, fields=fields)
        values = measure.R_ohmic + measure.delta_R(fields) + 1e-5 * np.sin(7.0 * fields[:, 0])
        curves.append(of.Measured(fields, values, "R", 1e-5, **PAIR, name=axis))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return of.fit(curves, problem, ["alpha", "L_m"])


PAIR = {"current": ("left", "right"), "voltage": ("t1", "t2")}


def test_a_fit_of_one_device_round_trip(tmp_path, bar_fit):
    fit = bar_fit
    again = of.load_fit(of.save(fit, tmp_path / "fit.json"))
    assert type(again) is type(fit) and str(again) == str(fit)
    of_session = {"measures", "lmfit"}
    for name in {f.name for f in dataclasses.fields(fit)} - of_session:
        assert same(getattr(again, name), getattr(fit, name)), name
    assert again.measures == () and again.lmfit is None
    assert (
        again.to_csv(tmp_path / "a.csv").read_bytes() == fit.to_csv(tmp_path / "b.csv").read_bytes()
    )


def same(one, other):
    """Bit by bit, of whatever a fit holds."""
    if dataclasses.is_dataclass(one):
        names = [f.name for f in dataclasses.fields(one)]
        return all(same(getattr(one, n), getattr(other, n)) for n in names)
    if isinstance(one, Mapping):
        return list(one) == list(other) and all(same(one[k], other[k]) for k in one)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return np.array_equal(one, other, equal_nan=isinstance(one, float))


NOTHING = {"is": "tuple", "values": []}


@pytest.mark.parametrize("damage", [
    ("parameters", 3), ("chi2", "much"), ("correlation", None), ("curves", NOTHING),
])  # fmt: skip
def test_a_damaged_fit_is_refused(tmp_path, bar_fit, damage):
    name, value = damage
    content = json.loads(of.save(bar_fit, tmp_path / "good.json").read_text())
    content["fit"]["fields"][name] = value
    path = tmp_path / "fit.json"
    path.write_text(json.dumps(content))
    with pytest.raises(of.InputError, match="not a fit saved by ohmr_fem, or damaged"):
        of.load_fit(path)


@pytest.mark.parametrize("text, complaint", [
    ("{}", "not a fit saved"),
    ('{"format": "other"}', "this version reads"),
    ('{"format": "ohmr_fem/fit/1", "fit": 3}', "holds no fit"),
    ("not json", "not a fit saved"),
])  # fmt: skip
def test_foreign_fits_are_refused(tmp_path, text, complaint):
    path = tmp_path / "fit.json"
    path.write_text(text)
    with pytest.raises(of.InputError, match=complaint):
        of.load_fit(path)
