"""What does not exist, and where the model or the numbers end: said, warned or refused."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from silent_devices import PAIR, B, material, plane, section
from small_devices import bar_problem

import ohmr_fem as of

pytestmark = [
    pytest.mark.filterwarnings("ignore::ohmr_fem.errors.ResolutionWarning"),
    pytest.mark.filterwarnings("ignore::ohmr_fem.errors.PhysicsWarning"),
]


def test_what_does_not_exist_is_an_empty_column(tmp_path):
    nothing = of.Problem(section().mesh, material(orbital_hall_angle=0.0))
    curve = of.hanle_curve(nothing, of.field_sweep(0, 1, 3))
    assert np.all(np.isnan(curve.rho_star)) and np.all(curve.rho == 0.0)
    lines = curve.to_csv(tmp_path / "c.csv").read_text().splitlines()
    assert lines[0] == "# rho_star: empty, f(0) = 0"
    place = lines[1].split(",").index("rho_star [1]")
    assert all(line.split(",")[place] == "" for line in lines[2:])
    assert not np.any(np.isnan(of.hanle_curve(section(), of.field_sweep(0, 1, 3)).rho_star))


@pytest.mark.parametrize("method", ["spectral", "reduced", "direct"])
def test_nothing_is_removed_from_round_off(method):
    """Nothing accumulates in a Corbino disc (theory, 5.10), and by symmetry nothing is read between
    opposite probes of a symmetric mesh: no field removes a part of that.
    """
    mesh = of.mesh_device(of.geometry.corbino(1e-7, 4e-7), backend="tensor")
    corbino = of.Problem(mesh, material(), ["inner", "outer"], order=2)
    ends = {"current": ("inner", "outer"), "voltage": ("inner", "outer")}
    fields = of.field_sweep(0, 1, 3)
    assert np.all(np.isnan(of.hanle_curve(corbino, fields, **ends, method=method).rho_star))
    bar = bar_problem(quads=True)
    tilted = dataclasses.replace(bar, materials=material(inverse_mass=TILTED))
    curve = of.hanle_curve(tilted, [[0.5, 0.3, 0.2]], **OPPOSITE, method=method)
    assert np.all(np.isnan(curve.rho_star))
    assert np.all(np.isfinite(of.hanle_curve(bar, fields, **SIDE_BY_SIDE, method=method).rho_star))
    if method == "spectral":
        for problem, pair in ((corbino, ends), (tilted, OPPOSITE)):
            measure = of.spectral_measure(problem, **pair)
            assert np.all(np.isnan(measure.rho_star(fields)))


TILTED = [[1.0, 0.15, 0.1], [0.15, 0.8, -0.05], [0.1, -0.05, 0.5]]
SIDE_BY_SIDE = {"current": ("left", "right"), "voltage": ("t1", "t2")}
OPPOSITE = {"current": ("left", "right"), "voltage": ("t1", "b1")}


@pytest.mark.parametrize(
    "thickness, method",
    [(None, "spectral"), (None, "reduced"), (None, "direct"), (1e-7, "spectral")],
)
def test_nothing_is_relative_to_round_off(tmp_path, method, thickness):
    """Probes opposite each other read no ohmic voltage: its round-off is no resistance."""
    film = None if thickness is None else of.Film(thickness)
    device = dataclasses.replace(bar_problem(), film=film)
    curve = of.hanle_curve(device, of.field_sweep(0, 1, 3), **OPPOSITE, method=method)
    assert curve.R_ohmic == 0.0 and np.all(curve.delta_R != 0.0)
    assert np.all(np.isnan(curve.rho)) and np.all(np.isnan(curve.rho_change))
    heading = curve.to_csv(tmp_path / "c.csv").read_text().splitlines()[:3]
    assert any(line.startswith("# rho") and "R_ohmic = 0" in line for line in heading), heading


def test_nothing_is_relative_to_round_off_elsewhere():
    device = bar_problem()
    measure = of.spectral_measure(device, **OPPOSITE)
    assert measure.R_ohmic == 0.0 and np.all(np.isnan(measure.rho([[0.0, 0, 0], [1, 0, 0]])))
    assert np.all(np.isnan(of.ac_response(device, [1e9], **OPPOSITE).rho))
    assert np.all(np.isnan(of.transient(device, [0, 1e-12], **OPPOSITE).rho))
    assert of.resistance(device, **OPPOSITE).R_ohmic == 0.0
    # a far probe reads little, and that is no round-off
    strip = of.rectangle(30.0, 1.0, h_max=0.25)
    at = {"a": -14.5, "b": -12.0, "c": -6.0, "d": -5.0}
    sides = {name: lambda p, x=x: (p[1] > 0.499) & (abs(p[0] - x) < 0.3) for name, x in at.items()}
    far = of.Problem(strip.with_boundaries(sides), device.material, list(at), order=2)
    found = of.resistance(far, current=("a", "b"), voltage=("c", "d"))
    assert (
        0.0
        < abs(found.R_ohmic)
        < 1e-4 * of.resistance(far, current=("a", "b"), voltage=("a", "b")).R_ohmic
    )


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


LARGE, SMALL = 0.9, 0.1
SIDES = {"current": ("left", "right"), "voltage": ("left", "top")}
TIMES = [0.0, 1e-12]


def angled(problem: of.Problem, angle: float) -> of.Problem:
    changed = material(mobility=0.1, orbital_hall_angle=angle)
    return dataclasses.replace(problem, materials=changed)


def film(angle: float, **faces: Any) -> of.Problem:
    """Thin, so that the faces make the effect large."""
    return dataclasses.replace(angled(plane(), angle), film=of.Film(1e-7, **faces))


def patched(angle: float) -> of.Problem:
    """A film of two materials."""
    parts = {"a": lambda p: p[0] < 0.0, "b": lambda p: p[0] >= 0.0}
    m = angled(plane(), angle).material
    two = {"a": m, "b": dataclasses.replace(m, name="other", diffusion_constant=None)}
    names = list(plane().contacts)
    return of.Problem(plane().mesh.with_regions(parts), two, names, film=of.Film(1e-7))


def fitted(angle: float) -> Any:
    problem = angled(plane(), angle)
    fields = of.field_sweep(0, 2, 12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        curve = of.hanle_curve(problem, fields, **SIDES)
    noise = 1e-6 * np.abs(curve.R).max() * np.sin(7.0 * np.arange(12))
    data = of.Measured(fields, curve.R + noise, "R", **SIDES)
    return lambda: of.fit(data, problem, ["tau"], strip=False, intervals="fisher")


def gated(problem: of.Problem) -> Any:
    return of.gate_map(problem, lambda _: problem.material, [1.0], [B], **SIDES)


#: Every way to a delta_R of first order: a call with the angle.
WAYS: dict[str, Callable[[float], Callable[[], Any]]] = {
    "solve": lambda a: lambda: of.solve(angled(plane(), a), currents={"left": 1, "right": -1}),
    "solve, voltages": lambda a: (
        lambda: of.solve(angled(plane(), a), voltages={"left": 1, "right": 0})
    ),
    "resistance": lambda a: lambda: of.resistance(angled(plane(), a), **SIDES),
    "spectral curve": lambda a: lambda: of.hanle_curve(angled(plane(), a), [B], **SIDES),
    "direct curve": lambda a: (
        lambda: of.hanle_curve(angled(plane(), a), [B], **SIDES, method="direct")
    ),
    "reduced curve": lambda a: (
        lambda: of.hanle_curve(angled(plane(), a), [B] * 2, **SIDES, method="reduced")
    ),
    "angle_scan": lambda a: lambda: of.angle_scan(angled(plane(), a), 1.0, n=3, **SIDES),
    "admr": lambda a: lambda: of.admr(angled(plane(), a), 1.0, points=3, **SIDES),
    "matrix": lambda a: lambda: of.resistance_matrix(angled(plane(), a), [[0.0, 900.0, 0.0]]),
    "direct matrix": lambda a: lambda: of.resistance_matrix(angled(plane(), a), method="direct"),
    "ac_response": lambda a: lambda: of.ac_response(angled(plane(), a), 1e9, **SIDES),
    "transient": lambda a: lambda: of.transient(angled(plane(), a), TIMES, **SIDES),
    "stepped transient": lambda a: (
        lambda: of.transient(angled(plane(), a), TIMES, **SIDES, method="stepping", tolerance=1e-3)
    ),
    "solve_to": lambda a: (
        lambda: of.solve_to(angled(plane(), a), **SIDES, tolerance=0.5, budget=10_000)
    ),
    "spectral_measure": lambda a: lambda: of.spectral_measure(angled(plane(), a), **SIDES),
    "spectral_measures": lambda a: (
        lambda: of.spectral_measures(angled(plane(), a), [tuple(SIDES.values())])
    ),
    "drift_solve": lambda a: (
        lambda: of.drift_solve(angled(plane(), a), B, {"left": 1e-9, "right": -1e-9})
    ),
    "drift_curve": lambda a: lambda: of.drift_curve(angled(plane(), a), [1e-9], **SIDES),
    "gate_map": lambda a: lambda: gated(angled(plane(), a)),
    "fit": fitted,
    "film curve": lambda a: lambda: of.hanle_curve(film(a), [B], **SIDES),
    "film admr": lambda a: lambda: of.admr(film(a), 1.0, points=3, **SIDES),
    "film of two materials": lambda a: lambda: of.hanle_curve(patched(a), [B], **SIDES),
    "film measure": lambda a: lambda: of.spectral_measure(film(a, top=10.0), **SIDES),
    "film measures": lambda a: lambda: of.spectral_measures(film(a), [tuple(SIDES.values())]),
    "film thicknesses": lambda a: (
        lambda: of.spectral_measure(film(a), **SIDES, thicknesses=(1e-7, 2e-7))
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_size_of_the_effect_on_every_way(way):
    """Once, with the number, at the line of the caller; and nothing where the effect is small."""

    def said(angle: float) -> list[warnings.WarningMessage]:
        call = WAYS[way](angle)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call()
        assert {w.filename for w in caught} <= {__file__}  # any other warning too
        return [w for w in caught if "first order" in str(w.message)]

    (note,) = said(LARGE)
    assert issubclass(note.category, of.PhysicsWarning)
    share = float(str(note.message).partition("effect is ")[2].split()[0])
    assert 0.1 < share < 1.7
    assert "coupling='full'" in str(note.message)
    assert said(SMALL) == []


@pytest.mark.parametrize("call", [film, lambda a: angled(plane(), a)], ids=["film", "plane"])
def test_an_angle_above_one(call):
    for run in (of.hanle_curve, of.spectral_measure):
        texts = notes_of(lambda run=run: run(call(2.0), fields=[B], **SIDES), of.PhysicsWarning)
        assert any("above 1" in t and "'2 %'" in t for t in texts)


@pytest.mark.filterwarnings("ignore::ohmr_fem.PhysicsWarning")
def test_relaxation_by_component_counts_between_faces_that_absorb():
    """It was refused before films knew it; it must not be answered as one mean rate."""

    def read(*times):
        given = {"relaxation_time": times, "diffusion_length": None, "diffusion_constant": 1e-2}
        film = of.Film(1e-7, top=1.0)
        p = of.Problem(plane().mesh, material(**given), ("left", "right"), film=film)
        ends = {"current": ("left", "right"), "voltage": ("left", "right")}
        return of.hanle_curve(p, of.field_sweep(0, 1, 3), method="spectral", **ends).delta_R

    mean = 3.0 / (1.0 + 1.0 / 2.0 + 1.0 / 3.0) * 1e-12
    apart, alike = read(1e-12, 2e-12, 3e-12), read(mean, mean, mean)
    assert np.isfinite(apart).all()
    assert np.abs(apart - alike).max() > 1e-2 * np.abs(alike).max()


@pytest.mark.parametrize("place", [np.nan, np.inf, 5.0, 0.0], ids=["nan", "inf", "folded", "flat"])
def test_a_mesh_of_ones_own_is_looked_at(place):
    """Cells that overlap have a resistance too, but not that of the device."""
    import skfem

    raw = skfem.MeshTri1.init_tensor(np.linspace(0, 1, 3), np.linspace(0, 1, 3))
    points = np.array(raw.p)
    points[0, 4] = place
    if place == 0.0:
        points[1, 4] = 0.25
    device = of.DeviceMesh(skfem.MeshTri1(points, raw.t), ("x", "y"))
    with pytest.raises(of.MeshError):
        of.Problem(device, material())
