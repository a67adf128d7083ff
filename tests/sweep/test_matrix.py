"""A relaxation tensor, and orbital and spin moment together, by poles (docs/theory, section 11)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.analytic.two_channels import strip_relaxation_tensor, strip_two_channels
from ohmr_fem.errors import InputError, SolveError
from ohmr_fem.units import ELECTRON_MASS, ELEMENTARY_CHARGE

TESLA = 2.0 * ELECTRON_MASS / ELEMENTARY_CHARGE  # (e/2 m_e) B = 1/s
XT = np.array([[1.0, 0.15, 0.1], [0.15, 0.8, -0.05], [0.1, -0.05, 0.5]])
BETA = np.array([1.0, -0.7, 0.6])
GAMMA = np.array([[1.0, 0.1, 0.0], [0.1, 1.5, 0.0], [0.0, 0.0, 2.5]])
PAIR = {"current": ("left", "right"), "voltage": ("t1", "t2")}
FIELDS = TESLA * np.array([BETA, 0.0 * BETA, 5.0 * BETA, [0.0, 2.0, 0.0]])
pytestmark = pytest.mark.filterwarnings("ignore::ohmr_fem.PhysicsWarning")


def tensor(rate=GAMMA, X=XT, **changes):
    given = {"diffusion_constant": 1.0, "orbital_hall_angle": 0.05, **changes}
    return of.Material(1.0, relaxation_rate=rate, inverse_mass=X, **given)


def spin(**changes):
    """The spin of the numbers of section 11, which are not reciprocal on purpose."""
    given = {
        "diffusion_constant": 2.0,
        "relaxation_time": 0.5,
        "hall_angle": 0.02,
        "inverse_hall_angle": 0.03,
        "to_orbital": 0.2,
        "from_orbital": 0.4,
        "cross_diffusion": 0.1,
    }
    return of.Spin(**{**given, **changes})


def both(X=XT, rate=1.3, alone=None, **changes):
    return tensor(rate, X, spin=spin(**changes) if alone is None else alone)


def strip(width, material, cells=40):
    return of.Problem(of.cross_section(width, cells=cells), material)


# -- the numbers of the contract


def test_tensor_of_the_contract():
    prob = strip(5.0, tensor(orbital_hall_angle=1.0))
    rho = of.spectral_measure(prob, fields=[BETA * TESLA]).rho(BETA * TESLA)
    assert -rho == pytest.approx(0.2381907049, rel=1e-9)


def test_two_channels_of_the_contract():
    measure = of.spectral_measure(strip(4.0, both()), fields=FIELDS)
    assert -measure.rho(FIELDS[0]) == pytest.approx(0.0012973001068, rel=1e-9)
    assert -measure.rho(FIELDS[1]) == pytest.approx(0.0015378940494, rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_any_tensor_and_any_two_channels_on_a_strip(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((2, 3, 3))
    X, rate = 0.3 * np.eye(3) + 0.2 * a @ a.T, 0.5 * np.eye(3) + 0.3 * b @ b.T
    beta, width = 2.0 * rng.standard_normal(3), 3.0
    cross = np.array([[0, -beta[2], beta[1]], [beta[2], 0, -beta[0]], [-beta[1], beta[0], 0]])
    one = of.hanle_curve(strip(width, tensor(rate, X)), [beta * TESLA], tolerance=1e-12)
    exact = strip_relaxation_tensor(width, rate, cross @ X)
    assert one.rho[0] == pytest.approx(-(0.05**2) * exact, rel=1e-9)
    D = np.array([[1.0, 0.1], [0.1, 2.0]])
    M = np.array([[1.3, -0.2], [-0.4, 2.0]])
    two = of.hanle_curve(strip(width, both(X)), [beta * TESLA], tolerance=1e-12)
    angles = (0.05, 0.02), (0.05, 0.03)
    exact = strip_two_channels(width, D, M, *angles, (cross @ X, 2.0 * cross))
    assert two.rho[0] == pytest.approx(-exact, rel=1e-9)


# -- against six components solved at once


@pytest.mark.parametrize("name", ["tensor", "by component", "spin", "spin with a tensor"])
@pytest.mark.parametrize("detection", ["printed", "reciprocal"])
def test_hall_bar_by_poles_and_by_the_direct_solve(bar, name, detection):
    material = {
        "tensor": tensor(),
        "by component": tensor((1.0, 1.5, 2.5)),
        "spin": both(),
        "spin with a tensor": both(rate=GAMMA),
    }[name]
    prob = bar(material, step=0.25, detection=detection)
    poles = of.hanle_curve(prob, FIELDS, tolerance=1e-12, **PAIR)
    assert poles.method.startswith("spectral")
    direct = of.hanle_curve(prob, FIELDS, method="direct", **PAIR)
    assert np.allclose(poles.delta_R, direct.delta_R, rtol=1e-10, atol=0.0)
    assert np.allclose(poles.hanle, direct.hanle, rtol=1e-9, atol=0.0)
    assert np.all(np.abs(poles.delta_R - direct.delta_R) <= poles.algebraic_error + 1e-12)
    reduced = of.hanle_curve(prob, FIELDS, method="reduced", **PAIR)
    assert np.allclose(reduced.delta_R, direct.delta_R, rtol=1e-7, atol=0.0)


@pytest.mark.parametrize("material", [tensor(), both(rate=GAMMA)])
def test_alternating_current(bar, material):
    prob, nu = bar(material, step=0.25), [0.05, 0.3]
    poles = of.ac_response(prob, nu, FIELDS, tolerance=1e-12, **PAIR)
    direct = of.ac_response(prob, nu, FIELDS, method="direct", **PAIR)
    assert np.allclose(poles.effect, direct.effect, rtol=1e-9, atol=0.0)
    by_measure = of.spectral_measure(prob, fields=FIELDS, **PAIR).ac(nu, FIELDS[0])
    assert np.allclose(by_measure, direct.effect[:, 0], rtol=1e-6)


def test_wire_with_a_tensor_and_a_spin():
    wire = of.rectangle(2.0, 1.0, h_min=0.2, axes=("y", "z"))
    prob = of.Problem(wire, both(rate=GAMMA))
    assert np.allclose(
        of.hanle_curve(prob, FIELDS).rho, of.magnetoresistance(prob, FIELDS), rtol=1e-9
    )


def test_partial_absorption_goes_with_a_tensor_and_by_the_direct_path_with_a_spin(bar):
    contacts = {n: of.Contact(moment=0.7) for n in ("left", "right", "t1", "t2", "b1", "b2")}
    one = bar(tensor(), step=0.25, contacts=contacts)
    poles, direct = (of.hanle_curve(one, FIELDS, method=m, **PAIR) for m in ("auto", "direct"))
    assert poles.method.startswith("spectral")
    assert np.allclose(poles.delta_R, direct.delta_R, rtol=1e-9)
    two = of.hanle_curve(bar(both(), step=0.25, contacts=contacts), FIELDS, **PAIR)
    assert two.method.startswith("direct") and "both channels diffuse there" in two.method


# -- limits


def test_without_conversion_the_two_channels_add_up(bar):
    apart = both(to_orbital=0.0, from_orbital=0.0, cross_diffusion=0.0)
    as_spin = of.Material(
        1.0,
        relaxation_time=0.5,
        orbital_hall_angle=0.02,
        inverse_orbital_hall_angle=0.03,
        diffusion_constant=2.0,
        g_factor=2.0,
        inverse_mass=1.0,
    )
    alone = replace(apart, spin=None, diffusion_length=None)

    def read(material):
        return of.hanle_curve(bar(material, step=0.25), FIELDS, tolerance=1e-12, **PAIR).delta_R

    total = read(apart)
    assert np.allclose(total, read(alone) + read(as_spin), rtol=1e-12, atol=0.0)


def test_fast_conversion_is_one_channel_with_the_mean_rate():
    a, b = 1.3, 0.6
    errors = []
    for c in (1e3, 4e3):
        fast = of.Spin(1.0, 1.0 / (b + c), 0.03, g_factor=1.0, to_orbital=c, from_orbital=c)
        prob = strip(3.0, both(np.eye(3), a + c, fast), 300)
        one = of.Material(
            1.0,
            relaxation_rate=0.5 * (a + b),
            orbital_hall_angle=0.5 * (0.05 + 0.03),
            inverse_orbital_hall_angle=0.05 + 0.03,
            diffusion_constant=1.0,
            inverse_mass=1.0,
        )
        limit = of.hanle_curve(strip(3.0, one), FIELDS).rho
        errors.append(np.abs(of.hanle_curve(prob, FIELDS).rho / limit - 1.0).max())
    # the layer in which the channels differ is as thin as 1/sqrt(c)
    assert errors[0] < 0.02 and errors[0] / errors[1] == pytest.approx(2.0, rel=0.05)


def test_published_coupled_lengths():
    """m_L'' = m_L/l_L^2 - m_S/l_LS^2 and back: modes 1/l^2 of the 2x2 matrix, by hand."""
    own, other, into, back = 1.0, 0.6, 1.4, 1.7
    slow, fast = 1.0, 2.0  # D of each
    given = of.Spin(
        fast, other**2 / fast, 0.0, to_orbital=slow / into**2, from_orbital=fast / back**2
    )
    width = 2.5
    material = of.Material(
        1.0,
        relaxation_rate=slow / own**2,
        orbital_hall_angle=0.05,
        diffusion_constant=slow,
        inverse_mass=1.0,
        spin=given,
    )
    measure = of.spectral_measure(strip(width, material))
    found = measure.moment_density((0.0, 0.0, 0.0))
    y = measure_points(width)
    values, vectors = np.linalg.eig(
        np.array([[1 / own**2, -1 / into**2], [-1 / back**2, 1 / other**2]])
    )
    strength = np.linalg.solve(vectors, [0.05 / slow, 0.0])
    q = np.sqrt(values)
    shapes = np.sinh(np.outer(y, q)) / (q * np.cosh(0.5 * q * width))
    exact = (shapes * strength) @ vectors.T
    scale = np.abs(exact).max()
    assert np.allclose(found[2], exact[:, 0], atol=1e-6 * scale)
    assert np.allclose(found[5], exact[:, 1], atol=1e-6 * scale)
    assert np.abs(exact[:, 1]).max() > 0.05 * scale


def measure_points(width):
    return of.cross_section(width, cells=40).mesh.p[0]


def test_a_tensor_that_commutes_with_the_torque():
    # X = 1, B along z and Gamma = diag(a, a, b): n^z does not precess at all
    prob = strip(3.0, tensor(np.diag([1.0, 1.0, 2.0]), np.eye(3)))
    along_z = of.hanle_curve(prob, [(0.0, 0.0, 3.0 * TESLA)], tolerance=1e-12)
    z = 1.5 * np.sqrt(2.0)
    assert along_z.rho[0] == pytest.approx(-(0.05**2) * np.tanh(z) / z, rel=1e-9)
    assert along_z.rho_change[0] == 0.0
    # B along x turns y and z, which relax alike for Gamma = diag(b, a, a): Re F(1 + i phi)
    prob = strip(3.0, tensor(np.diag([2.0, 1.0, 1.0]), np.eye(3)))
    across = of.hanle_curve(prob, [(2.0 * TESLA, 0.0, 0.0)], tolerance=1e-12)
    z = 1.5 * np.sqrt(1.0 + 2.0j)
    assert across.rho[0] == pytest.approx(-(0.05**2) * (np.tanh(z) / z).real, rel=1e-9)


def test_isotropic_rate_is_the_relaxation_time(bar):
    rate = tensor(2.0, orbital_hall_angle=0.05)
    time = of.Material(
        1.0,
        relaxation_time=0.5,
        orbital_hall_angle=0.05,
        inverse_mass=XT,
        diffusion_constant=1.0,
    )
    one, other = (of.hanle_curve(bar(m, step=0.25), FIELDS, **PAIR) for m in (rate, time))
    assert np.array_equal(one.delta_R, other.delta_R)
    by_matrix = of.hanle_curve(bar(tensor((2.0, 2.0, 2.0)), step=0.25), FIELDS, **PAIR)
    assert np.allclose(by_matrix.delta_R, one.delta_R, rtol=1e-9)


# -- bounds, and fields near matrices without eigenvectors


def test_the_bound_holds_and_is_kept(bar):
    prob = bar(both(rate=GAMMA), step=0.25)
    coarse = of.spectral_measure(prob, fields=FIELDS, tolerance=1e-3, **PAIR)
    fine = of.spectral_measure(prob, fields=FIELDS, tolerance=1e-12, **PAIR)
    error = np.abs(coarse.response(FIELDS)[0] - fine.response(FIELDS)[0])
    bound = coarse.bound(FIELDS)
    assert np.all(error <= bound) and np.all(bound < 3e-3 * coarse.size)
    assert len(coarse.rates) < len(fine.rates)
    by_residuals = [coarse._bound_of_residuals(B, 1.0) for B in FIELDS]
    assert np.all(error <= by_residuals)


def test_nilpotent_torque_and_a_degenerate_conversion():
    # theta = 0 and one rate for both channels: no basis of eigenvectors at small B
    flat = np.diag([1.0, 1.0, 0.0])
    same = of.Spin(1.0, 1.0, 0.02, g_factor=0.0, from_orbital=0.4)
    prob = strip(3.0, both(flat, 1.0, same))
    fields = TESLA * np.array([[1e-6, 0, 0], [1e-3, 0, 0], [1.0, 0.5, 0], [3.0, 0, 0.1]])
    curve = of.hanle_curve(prob, fields)
    exact = of.magnetoresistance(prob, fields)
    assert np.allclose(curve.rho, exact, rtol=1e-9)


def test_fields_outside_the_range_are_refused(bar, refuses):
    prob = bar(both(), step=0.25)
    measure = of.spectral_measure(prob, fields=[1e-3 * BETA * TESLA], tolerance=1e-11, **PAIR)
    far = 1e5 * BETA * TESLA
    assert not measure.covers(far)[0] and measure.covers(FIELDS[1])[0]
    with refuses(SolveError, "outside the range of this measure"):
        measure.delta_R(far)


# -- stability


def test_unstable_tensor_is_refused_with_the_field(refuses):
    rate = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.9], [0.0, 0.9, 1.0]])
    X = np.diag([1.0, 1.0, 0.05])
    prob = strip(3.0, tensor(rate, X))
    field = np.array([1.0, 0.0, 0.0])
    T = np.array([[0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]]) @ X
    assert np.linalg.eigvals(rate + T).real.min() < 0.0
    for method in ("spectral", "direct"):
        with refuses(SolveError, "unstable"):
            of.hanle_curve(prob, [field * TESLA], method=method)
    of.hanle_curve(prob, [0.1 * field * TESLA])


def test_unstable_conversion_is_refused_and_a_hidden_uniform_mode_too(refuses):
    growing = both(alone=of.Spin(1.0, 1.0, 0.02, to_orbital=1.5, from_orbital=1.2))
    for method in ("spectral", "direct"):
        with refuses(SolveError, "unstable"):
            of.hanle_curve(strip(0.5, growing), [FIELDS[1]], method=method)
    # the strip is narrow: only the uniform mode grows, and no measure sees it
    assert (np.pi / 0.5) ** 2 + np.linalg.eigvals([[1.3, -1.5], [-1.2, 1.0]]).real.min() > 0


# -- parameters


def test_at_gives_what_another_problem_gives(bar):
    measure = of.spectral_measure(bar(both(), step=0.25), fields=FIELDS, **PAIR)
    changed = {"spin.hall_angle": -0.03, "spin.to_orbital": 0.5, "relaxation_time": 0.6}
    tuned = measure.at(**changed)
    assert tuned.material.spin.hall_angle == -0.03
    other = replace(
        both(hall_angle=-0.03, to_orbital=0.5),
        relaxation_time=0.6,
        diffusion_constant=None,
        diffusion_length=tuned.material.diffusion_length,
    )
    exact = of.hanle_curve(bar(other, step=0.25), FIELDS, **PAIR).delta_R
    assert np.allclose(tuned.delta_R(FIELDS), exact, rtol=1e-8)
    slope = measure.sensitivity("spin.hall_angle", FIELDS)
    up, down = (measure.at(**{"spin.hall_angle": 0.02 + h}) for h in (1e-4, -1e-4))
    assert np.allclose(slope, (up.delta_R(FIELDS) - down.delta_R(FIELDS)) / 2e-4, rtol=1e-6)
    ratio = of.spectral_measure(bar(tensor(), step=0.25), fields=FIELDS, **PAIR)
    assert ratio.at(relaxation_ratio=0.5).material.relaxation_rate[2, 2] == 0.75
    assert ratio.sensitivity("relaxation_ratio", FIELDS).shape == (4,)


def test_refusals(bar, refuses):
    prob = bar(both(), step=0.25)
    moving = bar(replace(both(), mobility=0.01, diffusion_length=None), step=0.25)
    measure = of.spectral_measure(prob, **PAIR)
    with refuses(InputError, "'spin.hall_angel'", "did you mean 'spin.hall_angle'?"):
        measure.sensitivity("spin.hall_angel", FIELDS)
    plain = of.spectral_measure(bar(step=0.5), **PAIR)
    with refuses(InputError, "one relaxation time and one channel"):
        plain.at(relaxation_time=(1.0, 2.0, 3.0), diffusion_constant=1.0)
    with refuses(InputError, "no spin", "of.Spin"):
        plain.at(**{"spin.hall_angle": 0.1})
    with refuses(InputError, "one moment, not orbital and spin moment together"):
        of.drift_solve(moving, currents={"left": 1.0, "right": -1.0})
    with refuses(InputError, "one moment, not orbital and spin moment together"):
        of.solve_to(prob, field=FIELDS[0], **PAIR)
    with refuses(InputError, "no one diffusion length"):
        of.spectral_measure(bar(tensor(), step=0.25), lengths=(1.0, 2.0), **PAIR)


@pytest.mark.parametrize("name", ["tensor", "spin with a tensor"])
def test_polarised_contacts_inject_and_read_both_moments(bar, name):
    material = {"tensor": tensor(), "spin with a tensor": both(rate=GAMMA)}[name]
    magnet, other = (of.Contact(polarisation=p) for p in ((0.1, 0.6, 0.2), (0.0, -0.3, 0.5)))
    contacts = {n: of.Contact() for n in ("left", "right", "t1", "t2", "b1", "b2")}
    contacts |= {"t1": magnet, "b2": other}
    prob = bar(material, step=0.25, contacts=contacts)
    pair = {"current": ("t1", "left"), "voltage": ("b2", "right")}
    poles = of.hanle_curve(prob, FIELDS, tolerance=1e-12, **pair)
    direct = of.hanle_curve(prob, FIELDS, method="direct", **pair)
    assert poles.method.startswith("spectral")
    assert np.allclose(poles.delta_R, direct.delta_R, rtol=1e-9, atol=0.0)
    for part in ("p_p", "p_alpha", "alpha_p", "alpha_alpha"):
        assert np.allclose(getattr(poles.parts, part), getattr(direct.parts, part), rtol=1e-8)
    measure = of.spectral_measure(prob, fields=FIELDS, tolerance=1e-12, **pair)
    maps = measure.moment_density(FIELDS[0])
    solved = of.solve(prob, FIELDS[0], {"t1": 1.0, "left": -1.0})
    scale = np.abs(solved.moment_density).max()
    assert np.abs(maps[:3] - solved.moment_density).max() < 1e-6 * scale


def test_parts_by_channel_and_what_conversion_does(bar):
    measure = of.spectral_measure(bar(both(), step=0.25), fields=FIELDS, tolerance=1e-12, **PAIR)
    parts = measure.channel_parts(FIELDS)
    assert np.allclose(sum(parts.values()), measure.delta_R(FIELDS), rtol=1e-12)
    off = measure.switched_off(FIELDS)
    assert set(off) >= {"conversion", "spin.to_orbital", "spin.from_orbital", "spin.hall_angle"}
    alone = replace(both(), spin=None, diffusion_length=None)
    one = of.hanle_curve(bar(alone, step=0.25), FIELDS, tolerance=1e-12, **PAIR).delta_R
    apart = measure.at(**{f"spin.{n}": 0.0 for n in ("to_orbital", "from_orbital")})
    apart = apart.at(**{"spin.cross_diffusion": 0.0})
    by_channel = apart.channel_parts(FIELDS)
    assert np.allclose(by_channel["orbital_orbital"], one, rtol=1e-9)
    assert not np.any(by_channel["orbital_spin"]) and not np.any(by_channel["spin_orbital"])
    assert np.allclose(apart.delta_R(FIELDS), off["conversion"], rtol=1e-12)
    # without its own Hall angle the spin still reads what was made as orbital moment
    silent = measure.at(**{"spin.hall_angle": 0.0}).channel_parts(FIELDS)
    assert np.allclose(silent["orbital_spin"], parts["orbital_spin"], rtol=1e-12)
    curve = of.hanle_curve(bar(both(), step=0.25), FIELDS, **PAIR)
    assert np.allclose(curve["delta_R_spin_spin"], parts["spin_spin"], rtol=1e-6)
    direct = of.hanle_curve(bar(both(), step=0.25), FIELDS, method="direct", **PAIR)
    for name, part in parts.items():
        assert np.allclose(getattr(direct.parts, name), part, rtol=1e-8), name


def test_parts_of_a_section_are_parts_of_rho():
    prob = strip(3.0, both())
    for method in ("spectral", "direct"):
        curve = of.hanle_curve(prob, FIELDS, method=method)
        assert np.allclose(sum(curve.parts.given.values()), curve.rho, rtol=1e-9)


def test_a_spin_alone_sets_the_default_range(bar):
    still = both(np.zeros((3, 3)), to_orbital=0.0, from_orbital=0.0, cross_diffusion=0.0)
    measure = of.spectral_measure(bar(still, step=0.25), **PAIR)
    assert np.all(measure.covers(FIELDS))
    assert abs(measure.hanle(FIELDS[0])) > 1e-3 * abs(measure.delta_R(FIELDS[0]))
