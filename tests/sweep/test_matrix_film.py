"""Films with a relaxation tensor, or with orbital and spin moment (docs/theory, sections 9, 11)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import expm, sqrtm
from scipy.sparse import csc_array, kron
from scipy.sparse.linalg import splu

import ohmr_fem as of
from ohmr_fem.solver import forms
from ohmr_fem.solver.system import system_of
from ohmr_fem.units import ELECTRON_MASS, ELEMENTARY_CHARGE

TESLA = 2.0 * ELECTRON_MASS / ELEMENTARY_CHARGE  # (e/2 m_e) B = 1/s
X = np.array([[1.0, 0.15, 0.1], [0.15, 0.8, -0.05], [0.1, -0.05, 0.5]])
BETA = np.array([1.0, -0.7, 0.6])
GAMMA = np.array([[1.0, 0.1, 0.0], [0.1, 1.5, 0.0], [0.0, 0.0, 2.5]])
FIELDS = TESLA * np.array([BETA, 0.0 * BETA, 3.0 * BETA])
PAIRS = {
    "local": (("left", "right"), ("t1", "t2")),
    "hall": (("left", "right"), ("t1", "b1")),
    "nonlocal": (("t1", "b1"), ("t2", "b2")),
}
pytestmark = pytest.mark.filterwarnings("ignore::ohmr_fem.PhysicsWarning")


def tensor(rate=GAMMA, **changes):
    given = {"relaxation_rate": rate, "diffusion_constant": 1.0, "orbital_hall_angle": 0.05}
    return of.Material(**{"resistivity": 1.0, "inverse_mass": X, **given, **changes})


def both(**changes):
    given = {"to_orbital": 0.2, "from_orbital": 0.4, "cross_diffusion": 0.1, **changes}
    return tensor(1.3, spin=of.Spin(2.0, 0.5, 0.02, 0.03, **given))


def film(bar, material, thickness=1.0, **options):
    return bar(material, film=of.Film(thickness), **options)


def read(prob, pair="local", **options):
    current, voltage = PAIRS[pair]
    return of.hanle_curve(prob, FIELDS, current=current, voltage=voltage, **options)


def torque(beta):
    x, y, z = beta
    return np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])


@pytest.mark.parametrize("detection", ["printed", "reciprocal"])
@pytest.mark.parametrize("pair", PAIRS)
def test_equal_rates_are_the_film_of_three_scalars(bar, detection, pair):
    one = read(film(bar, tensor(1.0), detection=detection), pair, tolerance=1e-6)
    same = read(film(bar, tensor((1.0, 1.0, 1.0)), detection=detection), pair, tolerance=1e-6)
    size = np.abs(one.delta_R).max()
    for name in ("delta_R", "hanle", "delta_R_local"):
        assert np.allclose(getattr(same, name), getattr(one, name), rtol=1e-7, atol=1e-7 * size)
    for name in ("edges", "faces"):
        a, b = getattr(same.parts, name), getattr(one.parts, name)
        assert np.allclose(a, b, rtol=1e-7, atol=1e-7 * size)


def test_without_conversion_the_two_channels_add_up(bar):
    calm = both(to_orbital=0.0, from_orbital=0.0, cross_diffusion=0.0)
    spin = tensor(
        2.0,
        diffusion_constant=2.0,
        orbital_hall_angle=0.02,
        inverse_orbital_hall_angle=0.03,
        inverse_mass=1.0,
        g_factor=2.0,
    )
    alone = replace(calm, spin=None, diffusion_length=None)
    parts = [read(film(bar, m), tolerance=1e-6).delta_R for m in (alone, spin)]
    assert np.allclose(read(film(bar, calm), tolerance=1e-6).delta_R, sum(parts), rtol=1e-9)


@pytest.mark.parametrize("pair", ["local", "hall"])
@pytest.mark.parametrize("kind", ["tensor", "spin"])
def test_the_sum_over_thickness_modes_on_the_finite_elements(bar, kind, pair):
    """Mode 0 is the plane; each odd mode m a six-component plane problem with Gamma + DD q_m^2."""
    material = tensor() if kind == "tensor" else both()
    thickness = 1.0
    prob = film(bar, material, thickness)
    found = read(prob, pair, tolerance=1e-6)
    sheet = replace(material, resistivity=None, sheet_conductivity=1.0, diffusion_length=None)
    plane = bar(sheet)
    edges = read(plane, pair, method="direct").delta_R
    assert np.allclose(found.parts.edges, edges, rtol=1e-6, atol=1e-9 * np.abs(edges).max())
    beyond = found.parts.faces[0] - found.delta_R_local[0]
    assert beyond == pytest.approx(_odd_modes(plane, BETA, thickness, *PAIRS[pair]), rel=2e-3)
    assert abs(beyond) > 1e-3 * np.abs(found.parts.faces).max()


def _odd_modes(plane, beta, thickness, current, voltage, most=15):
    """What the odd modes are beyond their local part, on the same elements."""
    s = system_of(plane, with_spin=True)
    length, m = s.scales.length, plane.material
    one = np.ones_like(s.coefficients.sigma)
    K, M = s.matrix(forms.stiffness, one), s.matrix(forms.mass, one)
    d_x, d_y = (forms.carried.assemble(s.basis, p0=(1 - i) * one, p1=i * one).T for i in (0, 1))
    T, factors = s.potential_solver()
    v, u = (T @ factors.solve(T.T @ s.pair_load(pair))[0] for pair in (current, voltage))
    D, rate, made, read_ = np.eye(1), m.relaxation + torque(beta) @ X, [0.05], [0.05]
    if m.spin is not None:
        D = np.array([[1.0, 0.1], [0.1, 2.0]])
        zero = np.zeros((3, 3))
        rate = np.block([[rate, zero], [zero, 2.0 * (np.eye(3) + torque(beta))]])
        rate[:3, 3:], rate[3:, :3] = -0.2 * np.eye(3), -0.4 * np.eye(3)
        made, read_ = [0.05, 0.02], np.array([0.05, 0.03]) @ D
    spread = np.kron(D, np.eye(3))
    # z x j = (d_y v, -d_x v) drives n^x and n^y of each channel, z x e reads them
    drive = sum(
        np.kron(np.kron(made, e), w) for e, w in zip(np.eye(3), (d_y @ v, -(d_x @ v)), strict=False)
    )
    reader = sum(
        np.kron(np.kron(read_, e), w)
        for e, w in zip(np.eye(3), (d_y @ u, -(d_x @ u)), strict=False)
    )
    mass = splu(csc_array(M))
    still = np.column_stack([mass.solve(part) for part in drive.reshape(len(spread), s.N)])
    total = 0.0
    for mode in range(1, most + 1, 2):
        local = length**2 * (rate + spread * (mode * np.pi / thickness) ** 2)
        A = kron(csc_array(spread), K) + kron(csc_array(local), M)
        n = splu(csc_array(A)).solve(drive)
        alone = (still @ np.linalg.inv(local).T).T.ravel()
        total += 8.0 / thickness**2 * length**2 * float(reader @ (n - alone))
    return -total


def test_the_local_part_is_a_function_of_the_matrix(bar):
    from ohmr_fem.analytic.two_channels import _tanh_over

    current, voltage = PAIRS["local"]
    for material in (tensor(), both()):
        prob = film(bar, material, 2.0)
        measure = of.spectral_measure(prob, fields=FIELDS, current=current, voltage=voltage)
        D, rate, made, read_ = np.eye(1), GAMMA + torque(BETA) @ X, [0.05], [0.05]
        if material.spin is not None:
            D = np.array([[1.0, 0.1], [0.1, 2.0]])
            rate = np.kron([[1.3, -0.2], [-0.4, 2.0]], np.eye(3))
            rate[:3, :3] += torque(BETA) @ X
            rate[3:, 3:] += 2.0 * torque(BETA)
            made, read_ = np.linalg.solve(D, [0.05, 0.02]), np.array([0.05, 0.03]) @ D
        h = _tanh_over(np.linalg.solve(np.kron(D, np.eye(3)), rate), 2.0)
        exact = 0.0
        for c in range(2):
            for d in range(2):
                e = np.eye(3)
                exact += measure.products[c, d] * (np.kron(read_, e[c]) @ h @ np.kron(made, e[d]))
        sheet = 2.0  # resistivity 1 ohm m, thickness 2 m
        assert measure.delta_R_local(FIELDS[0]) == pytest.approx(-exact / sheet, rel=1e-9)


def test_fields_near_matrices_without_eigenvectors(bar):
    same = of.Spin(1.0, 1.0 / 1.3, 0.02, 0.03, g_factor=0.0, from_orbital=0.4)
    flat = tensor(1.3, inverse_mass=(1.0, 1.0, 0.0), spin=same)
    prob = film(bar, flat)
    measure = of.spectral_measure(prob, current=PAIRS["local"][0], voltage=PAIRS["local"][1])
    assert np.any(measure._coefficients(np.zeros((1, 3)), 1.0)[3])
    near = of.spectral_measure(
        film(
            bar,
            replace(flat, spin=replace(same, relaxation_time=1.0 / 1.3001), diffusion_length=None),
        ),
        current=PAIRS["local"][0],
        voltage=PAIRS["local"][1],
    )
    field = 1e-2 * BETA * TESLA
    assert measure.delta_R(field) == pytest.approx(near.delta_R(field), rel=1e-3)
    A = np.array([[2.0, 1.0], [0.0, 2.0]])
    from ohmr_fem.solver.film_channels import odd_of

    root = sqrtm(A)
    exact = (
        (expm(root) - expm(-root)) @ np.linalg.inv(expm(root) + expm(-root)) @ np.linalg.inv(root)
    )
    assert np.allclose(odd_of(1.0)(A), exact)


def test_alternating_current_and_thickness_of_a_film(bar):
    prob = film(bar, both())
    current, voltage = PAIRS["local"]
    pair = {"current": current, "voltage": voltage}
    slow = of.ac_response(prob, [1e-6, 0.2], FIELDS[0], **pair)
    steady = of.hanle_curve(prob, FIELDS[:1], **pair)
    assert slow.effect[0].real == pytest.approx(steady.delta_R[0], rel=1e-4)
    assert abs(slow.effect[1].imag) > 1e-3 * abs(slow.effect[1])
    measure = of.spectral_measure(prob, fields=FIELDS, thicknesses=(0.5, 2.0), **pair)
    other = of.hanle_curve(film(bar, both(), 2.0), FIELDS, **pair)
    tuned = measure.at(thickness=2.0)
    assert np.allclose(tuned.delta_R(FIELDS), other.delta_R, rtol=1e-4)
