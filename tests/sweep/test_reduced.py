"""Reduced basis against direct solves at fields it has not seen."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.mesh.grids import tensor_grid
from ohmr_fem.solver.linear import SuperLU
from ohmr_fem.solver.resistance import Measurement
from ohmr_fem.sweep.reduced import Affine, Reduced, Residuals, reduced_sweep

RNG = np.random.default_rng(5)


def _material(alpha, seed):
    root = np.random.default_rng(seed).normal(size=(3, 3))
    return of.Material(
        sheet_conductivity=1.0 + 0.3 * seed,
        diffusion_length=0.7 + 0.2 * seed,
        relaxation_time=1.0,
        orbital_hall_angle=alpha,
        inverse_mass=root @ root.T / 3 + 0.2 * np.eye(3),
    )


def _device(coupling="linear", detection="printed"):
    mesh = tensor_grid(
        np.linspace(-3, 3, 25), np.linspace(-0.75, 0.75, 9), cells="triangle"
    ).with_regions(
        {"w": lambda x: x[0] < -1, "c": lambda x: abs(x[0]) <= 1, "e": lambda x: x[0] > 1}
    )
    contacts = {
        "left": of.Contact(moment="absorbing"),
        "right": of.Contact(),
        "p": of.Contact("point", at=(-1.5, 0.75)),
        "q": of.Contact("point", at=(1.5, -0.75)),
    }
    materials = {"w": _material(0.3, 1), "c": _material(-0.2, 2), "e": _material(0.4, 3)}
    return of.Problem(mesh, materials, contacts, coupling=coupling, detection=detection)


PAIRS = {"current": ("left", "right"), "voltage": ("p", "q")}
pytestmark = pytest.mark.filterwarnings(
    "ignore::ohmr_fem.errors.PhysicsWarning", "ignore::ohmr_fem.errors.ResolutionWarning"
)


def _scale(prob):
    return (
        prob.materials["c"].field_scale
        if "c" in prob.materials
        else next(iter(prob.materials.values())).field_scale
    )


@pytest.mark.parametrize("coupling", ["linear", "full"])
@pytest.mark.parametrize("direction", [(1, 0, 0), (0.3, 1, -0.5)])
def test_agrees_with_direct_solves(coupling, direction):
    prob = _device(coupling)
    fields = of.field_sweep(-20 * _scale(prob), 20 * _scale(prob), 401, direction)
    curve = of.hanle_curve(prob, fields, tolerance=1e-6, **PAIRS)
    assert curve.method.startswith("reduced basis")
    picked = RNG.choice(401, 7, replace=False)
    direct = of.hanle_curve(prob, fields[picked], method="direct", **PAIRS)
    size = np.abs(curve.delta_R).max()
    assert np.abs(curve.delta_R[picked] - direct.delta_R).max() < 1e-6 * size
    assert np.abs(curve.hanle[picked] - direct.hanle).max() < 1e-6 * size
    assert curve.R_ohmic == direct.R_ohmic


def test_general_directions_and_reciprocal_detector():
    prob = _device(detection="reciprocal")
    fields = RNG.normal(size=(60, 3)) * _scale(prob) * 3
    curve = of.hanle_curve(prob, fields, method="reduced", tolerance=1e-6, **PAIRS)
    direct = of.hanle_curve(prob, fields[::17], method="direct", **PAIRS)
    assert np.abs(curve.delta_R[::17] - direct.delta_R).max() < 1e-6 * np.abs(curve.delta_R).max()
    mirrored = of.hanle_curve(prob, -fields[::17], method="direct", **PAIRS)
    assert np.all(np.isfinite(mirrored.delta_R))


def test_few_factorisations_and_honest_estimate():
    prob = _device()
    fields = of.field_sweep(-20 * _scale(prob), 20 * _scale(prob), 201)
    measurement = Measurement.of(prob, PAIRS["current"], PAIRS["voltage"])
    found = reduced_sweep(measurement, fields, 1e-4)
    assert found.converged and found.factorisations <= 20
    exact = np.array([change for change, _, _ in measurement.sweep(fields[::25])])
    assert np.all(
        np.abs(found.change[::25] - exact) <= found.estimate[::25] + 1e-12 * np.abs(exact).max()
    )


@pytest.mark.parametrize("coupling", ["linear", "full"])
def test_the_estimate_is_of_each_field(coupling, monkeypatch):
    """Fields in no order: neighbours in the list are no neighbours, and an estimate from them would
    say nothing.
    """
    prob = _device(coupling)
    measurement = Measurement.of(prob, PAIRS["current"], PAIRS["voltage"])
    monkeypatch.setattr(
        sys.modules["ohmr_fem.solver.solve"], "check_stability", lambda system, field: None
    )  # the sweep decided it
    for strength, tolerance in ((2.0, 1e-3), (10.0, 1e-4)):
        fields = np.random.default_rng(1).normal(size=(150, 3)) * strength * _scale(prob)
        found = reduced_sweep(measurement, fields, tolerance)
        exact = np.array([change for change, _, _ in measurement.sweep(fields[::9])])
        error, size = np.abs(found.change[::9] - exact), np.abs(found.change).max()
        assert found.converged and found.estimate.max() <= 1.01 * tolerance * size
        assert np.all(error <= found.estimate[::9]) and error.max() > 1e-3 * found.estimate.max()
    assert found.estimate.min() >= 1e-11 * np.abs(found.change).max()


@pytest.mark.parametrize("coupling", ["linear", "full"])
def test_residuals_are_what_they_say(coupling):
    """Norms in the inverse of the symmetric part, from inner products of blocks, against the
    definition.
    """
    affine = Affine.of(Measurement.of(_device(coupling), PAIRS["current"], PAIRS["voltage"]))
    fields = np.random.default_rng(3).normal(size=(4, 3)) * [1.0, 0.0, 1.0] * 1e-12
    Z = np.linalg.qr(np.random.default_rng(2).normal(size=(affine.source.size, 7)))[0]
    metric = SuperLU(symmetric=True).factorise(affine.norm)
    small = Reduced.on(affine, Z[:, :4]).extended(affine, Z[:, 4:])
    for found, matrix in (
        (small.constant, affine.constant),
        (small.slopes[2], affine.slopes[2]),
    ):
        expected = Z.T @ matrix @ Z  # antisymmetric slopes have a diagonal of round-off
        assert np.allclose(found, expected, rtol=0, atol=1e-13 * np.abs(expected).max())
    for transposed, rhs, load in (
        (False, affine.source, small.source),
        (True, affine.output, small.output),
    ):
        side = (
            Residuals.of(affine, fields, metric, transposed).extended(Z[:, :4]).extended(Z[:, 4:])
        )
        y = np.array(
            [np.linalg.solve(small.at(B).T if transposed else small.at(B), load) for B in fields]
        )
        for B, coordinates, norm in zip(fields, y, side.norms(y, fields), strict=True):
            A = affine.constant + affine.along(B)
            left = rhs - (A.T if transposed else A) @ (Z @ coordinates)
            assert norm == pytest.approx(np.sqrt(left @ metric.solve(left)[0]), rel=1e-8)
    v = np.random.default_rng(4).normal(size=(affine.source.size, 20))
    assert abs(affine.norm - affine.norm.T).max() < 1e-15 and np.all(
        np.sum(v * (affine.norm @ v), axis=0) > 0.0
    )


def test_uniform_problem_agrees_with_the_spectral_path():
    mesh = tensor_grid(np.linspace(-3, 3, 25), np.linspace(-0.75, 0.75, 9))
    prob = of.Problem(
        mesh,
        _material(0.3, 1),
        {
            "left": of.Contact(),
            "right": of.Contact(),
            "p": of.Contact("point", at=(-1.5, 0.75)),
            "q": of.Contact("point", at=(1.5, -0.75)),
        },
    )
    fields = of.field_sweep(-10 * _scale(prob), 10 * _scale(prob), 51, (1, 2, 3))
    a = of.hanle_curve(prob, fields, method="reduced", **PAIRS)
    b = of.hanle_curve(prob, fields, method="spectral", **PAIRS)
    assert np.abs(a.delta_R - b.delta_R).max() < 1e-7 * np.abs(b.delta_R).max()


@pytest.mark.parametrize("normal", ["y", "z"])
def test_layers_of_a_cross_section(normal):
    mesh = of.cross_section(3.0, normal=normal, cells=24, regions={"w": (0, 1.0), "c": (1.0, 3.0)})
    prob = of.Problem(mesh, {"w": _material(0.3, 1), "c": _material(-0.2, 2)})
    fields = of.field_sweep(-10 * _scale(prob), 10 * _scale(prob), 101, (1, 0.2, 0.1))
    a = of.hanle_curve(prob, fields)
    b = of.hanle_curve(prob, fields[::10], method="direct")
    assert a.method.startswith("reduced")
    assert np.abs(a.rho[::10] - b.rho).max() < 1e-7 * np.abs(b.rho).max()
    assert np.abs(a.rho_change[::10] - b.rho_change).max() < 1e-7 * np.abs(b.rho).max()


def test_weak_field_without_cancellation():
    prob = _device()
    B = 1e-5 * _scale(prob)
    fields = of.field_sweep(-10 * _scale(prob), 10 * _scale(prob), 51)
    fields[25] = (B, 0, 0)
    hanle = of.hanle_curve(prob, fields, method="reduced", tolerance=1e-9, **PAIRS).hanle[25]
    exact = of.resistance(prob, (B, 0, 0), **PAIRS).hanle
    assert hanle == pytest.approx(exact, rel=1e-5)


def test_a_budget_that_is_too_small_is_said(monkeypatch):
    from ohmr_fem.sweep import hanle as sweep

    prob = _device()
    fields = RNG.normal(size=(60, 3)) * _scale(prob) * 30
    few = reduced_sweep(
        Measurement.of(prob, PAIRS["current"], PAIRS["voltage"]), fields, 1e-9, most=2
    )
    assert not few.converged
    monkeypatch.setattr(sweep, "reduced_sweep", lambda measurement, fields, tolerance: few)
    with pytest.warns(of.ConvergenceWarning, match="factorisations"):
        curve = of.hanle_curve(prob, fields, method="reduced", **PAIRS)
    assert any("reduced basis" in note for note in curve.warnings)


def test_galerkin_is_exact_on_its_snapshots():
    measurement = Measurement.of(_device(), PAIRS["current"], PAIRS["voltage"])
    affine = Affine.of(measurement)
    field = np.array([1.0, -2.0, 0.5]) * 1e-12
    x = np.linalg.solve((affine.constant + affine.along(field)).toarray(), affine.source)
    zero = np.linalg.solve(affine.constant.toarray(), affine.source)
    Z = np.linalg.qr(np.column_stack([x, zero]))[0]
    change, hanle = Reduced.on(affine, Z).value(field)
    assert change == pytest.approx(float(affine.output @ x), rel=1e-9)
    assert hanle == pytest.approx(float(affine.output @ (x - zero)), rel=1e-7)
