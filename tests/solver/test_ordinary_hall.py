"""Ordinary Hall effect against textbook geometries, closed forms and Onsager; off by default; named
where it is on.
"""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pytest
from small_devices import MATERIAL, bar

import ohmr_fem as of
from ohmr_fem import analytic
from ohmr_fem.config.device_file import read_device
from ohmr_fem.errors import InputError, PhysicsWarning
from ohmr_fem.mesh.grids import annulus_mesh, tensor_grid

NAMES = ["left", "right", "t1", "t2", "b1", "b2"]
BLOCK_X = [[1.0, 0.3, 0.0], [0.3, 0.7, 0.0], [0.0, 0.0, 0.4]]
FULL_X = [[1.0, 0.3, 0.2], [0.3, 0.7, -0.1], [0.2, -0.1, 0.4]]
FIELD = (3.0, 1.5, -4.0)

pytestmark = pytest.mark.filterwarnings(
    "ignore::ohmr_fem.errors.PhysicsWarning", "ignore::ohmr_fem.errors.ResolutionWarning"
)


def material(**changes):
    values = {
        "sheet_conductivity": 1.0,
        "diffusion_length": 1.0,
        "relaxation_time": 1.0,
        "orbital_hall_angle": 0.3,
        "inverse_mass": 1.0,
        "mobility": 0.5,
    }
    return of.Material(**{**values, **changes})


def device(order=1, hall=True, X=BLOCK_X, **options):
    return of.Problem(
        bar(24, 8),
        of.Material(**{**MATERIAL, "inverse_mass": X, "mobility": 0.2}),
        NAMES,
        order=order,
        ordinary_hall=hall,
        **options,
    )


@pytest.fixture(scope="module")
def disc():
    return of.Problem(
        annulus_mesh(1.0, 4.0), material(), ["inner", "outer"], order=3, ordinary_hall=True
    )


def test_corbino_disc(disc):
    b = 1.2
    pair = ("inner", "outer")
    r = of.resistance(disc, (0, 0, b / 0.5), current=pair, voltage=pair)
    exact = np.log(4) / (2 * np.pi)
    assert r.R_ohmic == pytest.approx(exact, rel=1e-7) and r.geometric == pytest.approx(
        exact * b**2, rel=1e-7
    )
    # the circulating Hall current piles moment up at both edges; the Lorentz force shortens its
    # diffusion length
    root = np.sqrt(1 + b**2)
    f = float(np.real(analytic.annulus_response(1.0, root, 4 * root)))
    assert r.delta_R == pytest.approx(0.09 * b**2 * (1 + b**2) * exact * f, rel=1e-5)
    assert pytest.approx(r.R_ohmic + r.geometric + r.delta_R) == r.R


def test_hall_voltage_has_the_sign_of_the_carriers():
    """Uniform injection leaves J uniform: V(top) - V(bottom) = + mu B I/sigma for electrons, - for
    holes; exact on any mesh.
    """
    lines = np.linspace(0.0, 1.0, 5)
    contacts = {
        "left": of.Contact("profile"),
        "right": of.Contact("profile"),
        "t": of.Contact("point", at=(0.5, 1.0)),
        "b": of.Contact("point", at=(0.5, 0.0)),
    }
    for mobility in (0.4, -0.4):
        prob = of.Problem(
            tensor_grid(lines, lines),
            material(mobility=mobility, sheet_conductivity=2.0),
            contacts,
            ordinary_hall=True,
        )
        r = of.resistance(prob, (0, 0, 3.0), current=("left", "right"), voltage=("t", "b"))
        assert r.geometric == pytest.approx(mobility * 3.0 / 2.0, rel=1e-10)
        sol = of.solve(prob, (0, 0, 3.0), {"left": 1.0, "right": -1.0})
        J = (
            sol.current_density
            - of.solve(prob, (0, 0, 3.0), {"left": 1.0, "right": -1.0}).current_density
        )
        assert np.abs(J).max() == 0.0


def test_two_terminal_square():
    """R = sqrt(1 + b^2)/sigma between two whole sides, the classical result of Lippmann and
    Kuhrt.
    """
    lines = np.concatenate([[0.0], np.geomspace(1e-3, 0.5, 7)])
    lines = np.concatenate([lines, 1.0 - lines[-2::-1]])
    prob = of.Problem(
        tensor_grid(lines, lines, cells="quad"),
        material(mobility=0.6),
        ["left", "right"],
        order=4,
        ordinary_hall=True,
    )
    r = of.resistance(prob, (0, 0, 1.0), current=("left", "right"), voltage=("left", "right"))
    assert r.R_ohmic + r.geometric == pytest.approx(np.sqrt(1.36), rel=1e-6)


@pytest.mark.parametrize("coupling", ["linear", "full"])
@pytest.mark.parametrize("X, detection", [(BLOCK_X, "printed"), (FULL_X, "reciprocal")])
def test_reciprocity(coupling, X, detection):
    """R_ij,kl(B) = R_kl,ij(-B); it would fail if only sigma, and not D, were a tensor."""
    prob = device(X=X, coupling=coupling, detection=detection)
    B = np.array(FIELD)
    for i, v in ((("left", "right"), ("t1", "t2")), (("left", "t1"), ("t2", "b2"))):
        there, back = (
            of.resistance(prob, B, current=i, voltage=v),
            of.resistance(prob, -B, current=v, voltage=i),
        )
        assert pytest.approx(back.R, rel=1e-10) == there.R and there.delta_R == pytest.approx(
            back.delta_R, rel=1e-8
        )
        assert abs(
            there.delta_R - of.resistance(prob, -B, current=i, voltage=v).delta_R
        ) > 1e-5 * abs(there.delta_R)


def test_currents_of_a_solution_obey_the_tensor():
    sol = of.solve(device(order=2, coupling="full"), FIELD, {"left": 1e-6, "right": -1e-6})
    assert sol.contact_currents["left"] == pytest.approx(1e-6, rel=1e-11)
    assert max(abs(sol.contact_currents[n]) for n in NAMES[2:]) < 1e-17
    at = sol.centres()
    b = 0.2 * FIELD[2]
    s = np.array([[1, -b], [b, 1]]) / (1 + b**2)
    drift = 1e-3 * s @ at.electric_field[:2]
    assert at.current_density[:2] == pytest.approx(
        drift, abs=0.15 * np.abs(drift).max()
    )  # alpha = 0.1: the rest is orbital
    assert np.abs(at.current_density[:2] - drift).max() > 1e-4 * np.abs(drift).max()
    balance = sol.moment_balance()
    assert (
        np.abs(
            balance["relaxation"] + balance["torque"] + balance["outflow"] - balance["injected"]
        ).max()
        < 1e-18
    )


def test_field_in_the_plane_changes_nothing():
    on, off = (
        of.resistance(
            device(hall=h), (3.0, 1.0, 0.0), current=("left", "right"), voltage=("t1", "t2")
        )
        for h in (True, False)
    )
    assert (
        on.delta_R == pytest.approx(off.delta_R, rel=1e-12) and on.geometric == 0.0 == off.geometric
    )


def test_columns_of_a_curve(tmp_path):
    fields = [(0, 0, 0), (1, 0, 2), (1, 0, -2)]
    pairs = {"current": ("left", "right"), "voltage": ("t1", "b1")}
    with warnings.catch_warnings():
        warnings.simplefilter("error", PhysicsWarning)  # B_z is in the model now
        curve = of.hanle_curve(device(), fields, **pairs)
    singles = [of.resistance(device(), B, **pairs) for B in fields]
    for name in ("delta_R", "geometric", "hanle", "R"):
        assert getattr(curve, name) == pytest.approx(
            [getattr(r, name) for r in singles], rel=1e-9, abs=1e-12
        )
    assert (
        "direct" in curve.method
        and "ordinary Hall" in curve.method
        and "ordinary Hall" in curve.summary
    )
    assert (
        "geometric" in curve.columns()
        and "geometric [ohm]" in curve.to_csv(tmp_path / "c.csv").read_text()
    )
    assert np.sign(curve.geometric[1]) == -np.sign(curve.geometric[2]) != 0
    loaded = of.load(of.save(curve, tmp_path / "c.npz"))
    assert np.array_equal(loaded.geometric, curve.geometric) and np.array_equal(loaded.R, curve.R)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        off = of.hanle_curve(device(hall=False), fields, **pairs)
    assert off.geometric is None and "geometric" not in off.columns()


def test_paths_that_cannot_serve_say_why(refuses):
    pairs = {"current": ("left", "right"), "voltage": ("t1", "t2")}
    with refuses(InputError, "spectral path does not apply", "ordinary Hall effect"):
        of.spectral_measure(device(), **pairs)
    with refuses(InputError, "reduced", "ordinary_hall"):
        of.hanle_curve(device(), [FIELD], method="reduced", **pairs)


def test_bad_input(refuses):
    plain = of.Material(**MATERIAL)
    with refuses(InputError, "ordinary_hall", "no mobility", "bulk"):
        of.Problem(bar(4, 4), plain, NAMES[:2], ordinary_hall=True)
    with refuses(InputError, "ordinary_hall", "cross-section"):
        of.Problem(of.cross_section(1.0), material(), ordinary_hall=True)
    with refuses(InputError, "ordinary_hall", "True or False"):
        of.Problem(bar(4, 4), material(), NAMES[:2], ordinary_hall=1)
    with refuses(InputError, "mobility", "wrong dimension"):
        material(mobility="3 m")
    assert of.Problem(bar(4, 4), plain, NAMES[:2]).ordinary_hall is False and plain.mobility is None


def test_solution_survives_a_file(tmp_path):
    sol = of.solve(device(), FIELD, {"left": 1e-6, "right": -1e-6})
    again = of.load(of.save(sol, tmp_path / "s.npz"))
    assert again.problem.ordinary_hall and again.problem.material.mobility == 0.2
    assert (
        np.array_equal(again.current_density, sol.current_density)
        and again.contact_currents == sol.contact_currents
    )


def test_transient_and_ac_with_ordinary_hall_effect():
    prob = device(coupling="full")
    pairs = {"current": ("left", "right"), "voltage": ("t1", "b2")}
    tau = prob.material.relaxation_time
    steady = of.resistance(prob, FIELD, **pairs)
    run = of.transient(prob, [0.0, 30 * tau], FIELD, 1e-6, tolerance=1e-6, **pairs)
    assert (
        run.delta_R[-1] == pytest.approx(steady.delta_R, rel=1e-6) and "ordinary Hall" in run.method
    )
    assert run.ohmic[-1] == pytest.approx(1e-6 * (steady.R_ohmic + steady.geometric))
    assert of.ac_response(prob, 0.0, FIELD, **pairs).delta_R[0] == pytest.approx(
        steady.delta_R, rel=1e-9
    )
    # a field that turns on in the run: the potential, the diffusion and the source follow it
    ramp = of.transient(
        prob, [0.0, 30 * tau], ([0.0, tau], [(0.0, 0.0, 0.0), FIELD]), 1e-6, tolerance=1e-4, **pairs
    )
    assert ramp.delta_R[-1] == pytest.approx(steady.delta_R, rel=1e-4)


def test_device_file(tmp_path):
    text = """
[mesh]
file = "hall_bar.msh"
unit = "nm"
[material]
sheet_conductivity = "1 mS"
diffusion_length = "100 nm"
relaxation_time = "2 ps"
orbital_hall_angle = 0.1
inverse_mass = 24.4
mobility = "2000 cm**2/(V*s)"
[contacts]
left = "equipotential"
right = "equipotential"
[[measure]]
current = ["left", "right"]
voltage = ["left", "right"]
[sweep]
start = 0
stop = "1 T"
points = 3
direction = "z"
[solve]
ordinary_hall = true
"""
    from pathlib import Path

    (tmp_path / "hall_bar.msh").symlink_to(Path(__file__).parents[2] / "meshes" / "hall_bar.msh")
    (tmp_path / "d.toml").write_text(text)
    device_file = read_device(tmp_path / "d.toml")
    assert (
        device_file.problem.ordinary_hall
        and device_file.problem.material.mobility == pytest.approx(0.2)
    )


def test_every_field_of_resistance_is_named():
    assert [f.name for f in dataclasses.fields(of.Resistance)][-1] == "geometric"
