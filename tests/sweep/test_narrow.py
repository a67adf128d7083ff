"""Devices much smaller than L_m, where rounding in the diffusion matrix exceeds all relaxation."""

from __future__ import annotations

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem import analytic
from ohmr_fem.errors import SolveError
from ohmr_fem.solver.system import System
from ohmr_fem.sweep import hanle as sweep
from ohmr_fem.sweep.spectral import spectral_measure
from validation.case import simple_material
from validation.strip_tensor import TESLA

ENDS = {"current": ("left", "right"), "voltage": ("left", "right")}
FIELDS = np.array([[0.0, 0, 0], [2.0, 0, 0], [0.01, 0, 0], [20.0, 0, 0]]) * TESLA

pytestmark = [
    pytest.mark.filterwarnings("ignore::ohmr_fem.errors.PhysicsWarning"),
    pytest.mark.filterwarnings("error::ohmr_fem.errors.ConvergenceWarning"),
]


def strip(width: float) -> tuple[np.ndarray, np.ndarray]:
    """rho and rho(B) - rho(0) over alpha alpha' at FIELDS: theory, section 5.1, as a sum over the
    modes, in which nothing cancels.
    """
    q2 = ((2 * np.arange(4000)[:, None] + 1) * np.pi / width) ** 2
    rate, phi2 = q2 + 1.0, (FIELDS[:, 0] / TESLA) ** 2
    change = (8 / width**2) * np.sum(phi2 / (rate * (rate**2 + phi2)), axis=0)
    z = width / 2
    return change - np.tanh(z) / z, change


def closed(curve: of.HanleCurve, alpha2: float, width: float, rel: float) -> None:
    rho, change = strip(width)
    assert curve.rho / alpha2 == pytest.approx(rho, rel=rel)
    assert curve.rho_change / alpha2 == pytest.approx(change, rel=rel)


@pytest.mark.parametrize("method", ["spectral", "direct", "reduced"])
@pytest.mark.parametrize("width", [1e-7, 1e-4, 1e-3, 7e-3, 1e-2, 0.3])
def test_strip(method, width):
    problem = of.Problem(of.cross_section(width), simple_material())
    curve = of.hanle_curve(problem, FIELDS, method=method)
    closed(curve, problem.material.orbital_hall_angle**2, width, 1e-9)


@pytest.fixture(scope="module")
def plate():
    return of.rectangle(3e-3, 2e-3, h_min=2e-5, h_max=1e-3)


@pytest.mark.parametrize("method", ["spectral", "direct", "reduced"])
def test_plate_between_full_contacts(plate, method):
    """A uniform current: the strip, which stands beside it as well."""
    problem = of.Problem(plate, simple_material(), ["left", "right"], order=3)
    curve = of.hanle_curve(problem, FIELDS, method=method, **ENDS)
    closed(curve, problem.material.orbital_hall_angle**2, 2e-3, 1e-9)
    assert curve.delta_R_strip == pytest.approx(curve.delta_R, rel=1e-9)


@pytest.mark.parametrize("method", ["spectral", "direct", "reduced"])
def test_uniform_moment_of_polarised_contacts(method):
    """What contacts inject into a channel much shorter than L_m stays uniform: p p/(1 + phi^2)."""
    mesh = of.channel(4e-5, 1e-5, {"source": -1e-5, "detector": 1e-5}, resolve=1e-5)
    contacts = {
        "left": of.Contact(),
        "right": of.Contact(),
        "source": of.Contact(polarisation=(0, 0.3, 0)),
        "detector": of.Contact("probe", polarisation=(0, 0.3, 0)),
    }
    problem = of.Problem(mesh, simple_material(orbital_hall_angle=0.0), contacts)
    pairs = {"current": ("source", "left"), "voltage": ("detector", "right")}
    curve = of.hanle_curve(problem, FIELDS, method=method, **pairs)
    lorentz = 1.0 / (1.0 + (FIELDS[:, 0] / TESLA) ** 2)
    assert curve.delta_R / curve.delta_R[0] == pytest.approx(lorentz, rel=1e-7)


def test_film_much_smaller_than_the_length():
    """A uniform current between full contacts: the faces do what they do in the endless film,
    where the mean over the plane is all of it; the edges are those of the strip.
    """
    mesh = of.rectangle(3e-3, 2e-3, h_min=2e-4, h_max=4e-4)
    problem = of.Problem(mesh, simple_material(), ["left", "right"], order=4, film=of.Film(1.5e-2))
    curve = of.hanle_curve(problem, FIELDS, **ENDS)
    assert curve.parts.faces == pytest.approx(curve.delta_R_local, rel=1e-12)
    alpha2 = problem.material.orbital_hall_angle**2
    edges = curve.parts.edges / curve.R_ohmic / alpha2
    assert edges == pytest.approx(strip(2e-3)[0], rel=1e-7)


def test_slowest_decay_is_that_of_the_first_mode():
    measure = spectral_measure(of.Problem(of.cross_section(1e-3), simple_material()))
    assert measure.projection.rates.min() == pytest.approx((np.pi / 1e-3) ** 2, rel=1e-6)
    assert measure.projection.gap == pytest.approx((np.pi / 1e-3) ** 2, rel=1e-6)
    assert "slowest decay 9.87e+06/tau" in repr(measure)


def test_a_measure_of_a_file_knows_its_gap(tmp_path):
    measure = spectral_measure(of.Problem(of.cross_section(1e-4), simple_material()))
    again = type(measure).load(measure.save(tmp_path / "m.json"))
    assert again.rho(FIELDS) == pytest.approx(measure.rho(FIELDS), rel=1e-15)


def test_modes_that_grow_are_seen_in_narrow_devices_too(refuses, monkeypatch):
    pencil = System.pencil.func

    def twisted(system):
        K, M, keep = pencil(system)
        return K - 0.4 * M, M, keep

    monkeypatch.setattr(System, "pencil", property(twisted))
    with refuses(SolveError, "indefinite pencil"):
        spectral_measure(of.Problem(of.cross_section(1e-3, cells=8), simple_material()))


def test_switch_on():
    """Within the time of diffusion, w^2/D, far below tau."""
    width, times = 1e-5, np.array([0.0, 3e-12, 1e-11, 3e-11])
    problem = of.Problem(of.cross_section(width), simple_material())
    found = of.transient(problem, times, field=FIELDS[1])
    expected = analytic.strip_switch_on(times, width).real
    alpha2 = problem.material.orbital_hall_angle**2
    assert expected[1] < 0.9 * expected[3]
    assert -found.rho / alpha2 == pytest.approx(expected, abs=1e-8)


def test_a_strip_that_fails_leaves_the_curve(plate, monkeypatch):
    def fails(*_, **__):
        raise SolveError("no strip today")

    problem = of.Problem(plate, simple_material(), ["left", "right"])
    monkeypatch.setattr(sweep, "spectral_measure", fails)
    with pytest.warns(of.PhysicsWarning, match="delta_R_strip is left empty: no strip today"):
        curve = of.hanle_curve(problem, FIELDS[:2], method="direct", **ENDS)
    assert np.all(np.isnan(curve.delta_R_strip))
    assert np.all(np.isfinite(curve.delta_R))
