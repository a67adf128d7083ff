"""Where faces of a film that absorb a matrix make a torque amplify."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.linalg import block_diag, expm
from scipy.optimize import brentq

import ohmr_fem as of
from ohmr_fem.errors import SolveError
from ohmr_fem.model.channels import Channels
from ohmr_fem.solver.film_decay import absorption, only_damp, slowest_between_faces
from validation.two_channels import BETA, GAMMA, TESLA, cross, two

MIXING = 2.0 * np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.9], [0.0, 0.9, 1.0]])
FLAT = np.diag([1.0, 1.0, 0.05])


def material(X=FLAT, **changes):
    given = {"relaxation_time": 1.0, "diffusion_constant": 1.0, "orbital_hall_angle": 0.1}
    return of.Material(**{"sheet_conductivity": 1.0, "inverse_mass": X, **given, **changes})


def rate(given, film, field):
    matrices = Channels.of(given)
    absorbed = absorption(film, matrices, film.thickness)
    return slowest_between_faces(absorbed, matrices, film.thickness, field)


def test_equal_faces_of_one_rate():
    k = brentq(lambda k: k * np.tan(k / 2) - 0.7, 1e-6, 3.0)
    assert rate(material(), of.Film(1.0, 0.7, 0.7), np.zeros(3)) == pytest.approx(1 + k**2)
    k = brentq(lambda k: k * np.tan(k) - 0.7, 1e-6, 1.5)
    assert rate(material(), of.Film(1.0, 0.7), np.zeros(3)) == pytest.approx(1 + k**2)
    both = rate(material(), of.Film(1.0, "absorbing", "absorbing"), np.zeros(3))
    assert both == pytest.approx(1 + np.pi**2)


def test_a_decay_rate_makes_the_transfer_matrix_singular():
    """At p = - rate the flux that both faces demand has a solution without a drive."""
    spread, losses = np.array([[1.0, 0.1], [0.3, 2.0]]), np.array([[1.3, -0.2], [-0.4, 2.0]])
    film = of.Film(0.8, {"orbital": MIXING, "spin": 0.4}, 0.9)
    p = rate(two(spread, losses, np.eye(3)), film, np.zeros(3))
    loss = np.kron(losses, np.eye(3)) - p * np.eye(6)
    inverse = np.linalg.inv(np.kron(spread, np.eye(3)))
    zero = np.zeros((6, 6))
    whole = expm(film.thickness * np.block([[zero, -inverse], [-loss, zero]]))
    below, above = block_diag(MIXING, 0.4 * np.eye(3)), 0.9 * np.eye(6)
    rows = (whole[6:] - above @ whole[:6]) @ np.vstack([np.eye(6), -below])
    size = np.linalg.svd(rows, compute_uv=False)
    assert size[-1] < 1e-8 * size[0]
    assert np.linalg.norm(cross(BETA)) > 0.0


def test_growth_is_refused_with_its_field(bar, refuses):
    film = of.Film(0.2, MIXING, MIXING)
    fields = TESLA * np.outer([1.0, 10.0, 40.0], [1.0, 0.0, 0.0])
    assert np.isfinite(of.film_conductivity(material(), film, fields[0])).all()
    with refuses(SolveError, "unstable torque", "faces absorb components"):
        of.film_conductivity(material(), film, fields)
    assert np.isfinite(of.film_conductivity(material(), film, -fields)).all()
    pair = {"current": ("left", "right"), "voltage": ("t1", "t2")}
    for given in (material(), material(relaxation_time=(1.0, 1.1, 1.0))):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            measure = of.spectral_measure(bar(given, step=0.5, film=film), fields=fields, **pair)
            assert measure.covers(fields).tolist() == [True, False, False]
            with refuses(SolveError, "unstable torque"):
                measure.delta_R(fields)


def test_what_only_damps_is_not_looked_at():
    for X, faces, damps in (
        (FLAT, (0.7, "absorbing"), True),
        (np.eye(3), (MIXING, 0.2), True),
        (FLAT, (MIXING, 0.2), False),
        (FLAT, (np.diag([1.0, 2.0, 3.0]), 0.2), True),
        (np.diag([1.0, 1.0, -0.1]), (np.diag([1.0, 2.0, 3.0]), 0.2), False),
    ):
        given = material(X)
        assert only_damp(of.Film(1.0, *faces), Channels.of(given), 1.0) == damps
    tensor = material(relaxation_time=None, relaxation_rate=GAMMA)
    assert not only_damp(of.Film(1.0, MIXING), Channels.of(tensor), 1.0)
    spin = two(np.diag([1.0, 2.0]), np.diag([1.3, 2.0]), np.eye(3))
    assert only_damp(of.Film(1.0, {"orbital": MIXING, "spin": 0.0}), Channels.of(spin), 1.0)


def test_a_stack_says_that_it_was_not_looked_at(bar):
    layer = material(sheet_conductivity=None, resistivity=1.0)
    for face, said in ((MIXING, True), (0.7, False)):
        stack = of.Stack([(layer, 0.3), (layer, 0.4)], top=face)
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            of.hanle_curve(
                bar(stack.material, step=0.5, film=stack),
                BETA[None] * TESLA,
                current=("left", "right"),
                voltage=("t1", "t2"),
            )
        assert any("was not looked at" in str(w.message) for w in found) == said
