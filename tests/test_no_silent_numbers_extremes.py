"""Contrast and scales: exact by a closed form or by scaling, or warned, or refused."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pytest
from silent_devices import PAIR, material, plane, section

import ohmr_fem as of

pytestmark = [
    pytest.mark.filterwarnings("ignore::ohmr_fem.errors.ResolutionWarning"),
    pytest.mark.filterwarnings("ignore::ohmr_fem.errors.PhysicsWarning"),
]

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
