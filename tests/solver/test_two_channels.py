"""Orbital and spin moment, and relaxation tensors, on the finite elements."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.errors import SolveError
from ohmr_fem.units import ELECTRON_MASS, ELEMENTARY_CHARGE

TESLA = 2.0 * ELECTRON_MASS / ELEMENTARY_CHARGE  # (e/2 m_e) B = 1/s
BETA = TESLA * np.array([1.0, -0.7, 0.6])
GAMMA = np.array([[1.0, 0.1, 0.0], [0.1, 1.5, 0.0], [0.0, 0.0, 2.5]])
X = np.array([[1.0, 0.15, 0.0], [0.15, 0.8, 0.0], [0.0, 0.0, 0.5]])
NAMES = ("left", "right", "t1", "t2", "b1", "b2")
PAIR = {"current": ("left", "right"), "voltage": ("t1", "t2")}
pytestmark = pytest.mark.filterwarnings("ignore::ohmr_fem.PhysicsWarning")


def material(sigma=1.0, D=1.0, other=2.0, rate=None, scale=1.0, **changes):
    """Reciprocal whatever sigma and D are: isotropic X, to_orbital/from_orbital = D_S/D_L."""
    spin = {
        "hall_angle": 0.02,
        "inverse_hall_angle": 0.03,
        "to_orbital": 0.2 * other,
        "from_orbital": 0.2 * D,
        "cross_diffusion": (0.1 * other, 0.1 * D),
    }
    # alpha'^T DD Chi is parallel to alpha^T
    read = np.array([0.06, 0.02 * 1.2])
    back = np.linalg.solve([[1.0, 0.1], [0.1, 1.0]], read)
    spin = {**spin, "inverse_hall_angle": back[1], **changes.pop("spin", {})}
    given = {
        "relaxation_rate": 1.3 if rate is None else rate,
        "diffusion_constant": D,
        "orbital_hall_angle": 0.05,
        "inverse_orbital_hall_angle": back[0],
        "inverse_mass": 1.0,
    }
    return of.Material(sigma, spin=of.Spin(other, 0.5 / scale, **spin), **{**given, **changes})


def three(bar, *materials, **options):
    prob = bar(step=0.25, **options)
    regions = {
        "a": lambda p: p[0] < -1.0,
        "b": lambda p: abs(p[0]) < 1.0,
        "c": lambda p: p[0] > 1.0,
    }
    named = dict(zip("abc", materials, strict=True))
    return replace(prob, mesh=prob.mesh.with_regions(regions), materials=named)


@pytest.fixture(scope="module")
def contrast(bar):
    return three(
        bar,
        material(),
        material(2.0, 0.7, 2.5, rate=1.0, inverse_mass=0.4),
        material(0.5, 1.4, 1.1, rate=1.9, scale=1.5, inverse_mass=1.7),
    )


def test_three_regions_are_reciprocal(contrast):
    one, other = ("left", "t2"), ("b1", "right")
    forth = of.resistance(contrast, BETA, current=one, voltage=other)
    back = of.resistance(contrast, -BETA, current=other, voltage=one)
    assert forth.R_ohmic == pytest.approx(back.R_ohmic, rel=1e-12)
    assert forth.delta_R == pytest.approx(back.delta_R, rel=1e-10)
    assert abs(forth.hanle) > 1e-3 * abs(forth.delta_R)
    assert forth.hanle == pytest.approx(back.hanle, rel=1e-9)


@pytest.mark.parametrize(
    "spin, words",
    [
        ({"to_orbital": 0.0}, "conversion is not reciprocal: D_L to_orbital = 0 and D_S"),
        ({"cross_diffusion": (0.0, 0.1)}, "cross_diffusion is not reciprocal"),
        ({"inverse_hall_angle": -0.03}, "ratio of inverse to direct angle differs"),
    ],
)
@pytest.mark.filterwarnings("default::ohmr_fem.PhysicsWarning")
def test_where_it_is_not_reciprocal_the_breakage_is_warned_of(bar, contrast, spin, words):
    parts = list(contrast.materials.values())
    parts[1] = replace(parts[1], spin=replace(parts[1].spin, **spin), diffusion_length=None)
    broken = three(bar, *parts)
    one, other = ("left", "t2"), ("b1", "right")
    with pytest.warns(of.PhysicsWarning, match=words):
        forth = of.resistance(broken, BETA, current=one, voltage=other)
    back = of.resistance(broken, -BETA, current=other, voltage=one)
    assert abs(forth.delta_R / back.delta_R - 1.0) > 1e-5


def test_one_sigma_over_d_has_no_use_for_the_rule(bar):
    same = three(bar, material(), material(), material())
    plain = bar(material(), step=0.25)
    for rule in ("accumulation", "density"):
        got = of.resistance(replace(same, interface=rule), BETA, **PAIR)
        assert got.delta_R == pytest.approx(of.resistance(plain, BETA, **PAIR).delta_R, rel=1e-9)


@pytest.mark.parametrize("coupling", ["linear", "full"])
def test_currents_and_balance_of_a_solution(contrast, coupling):
    prob = replace(contrast, coupling=coupling)
    s = of.solve(prob, BETA, {"left": 1.0, "right": -1.0})
    currents = s.contact_currents
    assert currents["left"] == pytest.approx(1.0) and abs(sum(currents.values())) < 1e-11
    balance = s.moment_balance()
    total = balance["relaxation"] + balance["torque"] + balance["outflow"] - balance["injected"]
    size = np.abs(s.moment_density).max()  # the integrals cancel between the edges
    assert total.shape == (6,) and np.abs(total).max() < 1e-12 * size
    R = s.voltage("t1", "t2")
    read = of.resistance(prob, BETA, **PAIR)
    assert abs(R - read.R) < 1e-12 * abs(R)
    assert s.moment_density.shape == s.spin_density.shape


def test_maps_of_both_moments_by_poles_and_by_the_solution(bar):
    prob = bar(material(rate=GAMMA, inverse_mass=X), step=0.25)
    s = of.solve(prob, BETA, {"left": 2.0, "right": -2.0})
    measure = of.spectral_measure(prob, fields=[BETA], tolerance=1e-12, **PAIR)
    maps = measure.moment_density(BETA, 2.0)
    assert np.abs(s.moment_density - maps[:3]).max() < 1e-7 * np.abs(maps[:3]).max()
    assert np.abs(s.spin_density - maps[3:]).max() < 1e-7 * np.abs(maps[3:]).max()


def test_current_through_a_cut_and_no_moment_through_an_edge(bar):
    prob = bar(material(rate=GAMMA, inverse_mass=X), step=0.125, coupling="full")
    s = of.solve(prob, BETA, {"left": 1.0, "right": -1.0})
    cut = s.line((0.0, -1.0), (0.0, 1.0), 2001)
    total = np.trapezoid(cut.current_density[0], cut.distance)
    assert total == pytest.approx(1.0, abs=2e-3)
    edge = s.at([(0.0, 1.0 - 1e-9), (-0.21, -1.0 + 1e-9)])
    middle = s.at([(0.0, 0.0), (-0.21, 0.0)])
    for through, inside in (
        (edge.moment_current, middle.moment_current),
        (edge.spin_current, middle.spin_current),
    ):
        assert np.abs(through[:, 1]).max() < 0.05 * np.abs(inside[2, 1]).max()


def test_a_tensor_between_regions(bar):
    """Gamma that commutes with X in each region is reciprocal: chi w.Gamma W^-1 h."""

    def part(sigma, D, a, b):
        turned = np.array([[0.8, 0.6, 0.0], [-0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])
        return of.Material(
            sigma,
            relaxation_rate=turned @ np.diag(a) @ turned.T,
            inverse_mass=turned @ np.diag(b) @ turned.T,
            diffusion_constant=D,
            orbital_hall_angle=0.05,
        )

    prob = three(
        bar,
        part(1.0, 1.0, (1.0, 2.0, 1.5), (1.0, 0.6, 0.4)),
        part(2.0, 0.7, (2.0, 0.7, 1.0), (0.5, 1.0, 0.8)),
        part(0.5, 1.4, (1.0, 1.0, 0.6), (1.2, 0.3, 0.4)),
    )
    one, other = ("left", "t2"), ("b1", "right")
    forth = of.resistance(prob, BETA, current=one, voltage=other)
    back = of.resistance(prob, -BETA, current=other, voltage=one)
    assert forth.delta_R == pytest.approx(back.delta_R, rel=1e-9)
    fields = np.array([BETA, 0.3 * BETA, 0.0 * BETA])
    reduced = of.hanle_curve(prob, fields, method="reduced", **PAIR)
    direct = of.hanle_curve(prob, fields, method="direct", **PAIR)
    assert np.allclose(reduced.delta_R, direct.delta_R, rtol=1e-7)


def test_growing_conversion_between_regions_is_refused(bar, refuses):
    wild = material(spin={"to_orbital": 6.0, "from_orbital": 6.0})
    with refuses(SolveError, "unstable"):
        of.resistance(three(bar, wild, wild, material()), BETA, **PAIR)


@pytest.mark.parametrize("method", ["spectral", "stepping"])
@pytest.mark.parametrize("kind", ["tensor", "spin"])
def test_switch_on_of_a_strip(kind, method):
    """rho(t) - rho = sum_k g_k r exp(-A_k t) A_k^-1 s with the exact poles of a strip."""
    from scipy.linalg import expm

    width, t = 2.0, 0.4
    m = material(rate=GAMMA, inverse_mass=X, spin={"cross_diffusion": 0.0})
    if kind == "tensor":
        m = replace(m, spin=None, inverse_orbital_hall_angle=0.05)
    prob = of.Problem(of.cross_section(width, cells=40), m)
    found = of.transient(prob, [0.0, t, 30.0], BETA, 1.0, tolerance=1e-9, method=method)
    beta = BETA / TESLA
    cross = np.array([[0, -beta[2], beta[1]], [beta[2], 0, -beta[0]], [-beta[1], beta[0], 0]])
    D, N = np.eye(3), GAMMA + cross @ X
    source, reader = 0.05 * np.eye(3)[2], 0.05 * np.eye(3)[2]
    if kind == "spin":
        D = np.diag([1.0] * 3 + [2.0] * 3)
        zero = np.zeros((3, 3))
        N = np.block([[N, zero], [zero, 2.0 * np.eye(3) + 2.0 * cross]])
        N[:3, 3:], N[3:, :3] = -0.4 * np.eye(3), -0.2 * np.eye(3)
        source = np.concatenate([source, 0.02 * np.eye(3)[2]])
        back = m.inverse_orbital_hall_angle, 2.0 * m.spin.inverse_hall_angle
        reader = np.concatenate([b * np.eye(3)[2] for b in back])
    steady, rest = of.magnetoresistance(prob, BETA), 0.0
    for k in range(20):
        A = ((2 * k + 1) * np.pi / width) ** 2 * D + N
        rest += 8.0 / width**2 * reader @ expm(-A * t) @ np.linalg.solve(A, source)
    assert found.rho[1] == pytest.approx(steady + rest, rel=1e-6)
    assert abs(rest) > 1e-3 * abs(steady)
    assert found.rho[2] == pytest.approx(steady, rel=1e-7)
    assert found.method.startswith(method)
    assert of.transient(prob, [0.0, t], BETA, 1.0, tolerance=1e-6).method.startswith("spectral")
    kept = of.transient(prob, [0.0, t], BETA, 1.0, initial="steady", method=method)
    assert np.allclose(kept.rho, found.rho[2], rtol=1e-7)


def test_modes_against_steps_in_a_field_that_turns():
    """A drive that rises and stays; the field makes the modes take steps of their own."""
    prob = of.Problem(of.cross_section(2.0, cells=12), material(rate=GAMMA, inverse_mass=X))
    times, drive = np.linspace(0.0, 3.0, 4), ([0.0, 1.0, 3.0], [0.0, 1.0, 1.0])
    turning = [0.0, 3.0], np.array([BETA, -BETA[::-1]])
    for field, how in ((BETA, "exponentials"), (turning, "Radau")):
        modes, steps = (
            of.transient(prob, times, field, drive, method=m, tolerance=1e-5)
            for m in ("spectral", "stepping")
        )
        assert how in modes.method
        size = np.abs(steps.orbital).max()
        assert np.allclose(modes.orbital, steps.orbital, rtol=0.0, atol=1e-4 * size)
        assert modes.orbital[1] != pytest.approx(modes.orbital[-1], rel=1e-3)


def test_kept_fields_of_a_transient(bar):
    prob = bar(material(), step=0.5, order=3)
    run = of.transient(prob, [0.0, 20.0], BETA, 1.0, keep_fields=True, tolerance=1e-4, **PAIR)
    last, steady = run.solution(1), of.solve(prob, BETA, {"left": 1.0, "right": -1.0})
    for name in ("moment_density", "spin_density", "potential_orbital"):
        exact = getattr(steady, name)
        assert np.abs(getattr(last, name) - exact).max() < 1e-3 * np.abs(exact).max()


def test_saved_and_loaded(bar, tmp_path):
    prob = bar(material(rate=GAMMA, inverse_mass=X), step=0.25)
    s = of.solve(prob, BETA, {"left": 1.0, "right": -1.0})
    again = of.load(of.save(s, tmp_path / "s.npz"))
    assert np.array_equal(again.spin_density, s.spin_density)
    found = again.problem.material
    assert found.spin == prob.material.spin
    assert np.array_equal(found.relaxation_rate, prob.material.relaxation_rate)
    assert again.moment_balance()["torque"] == pytest.approx(s.moment_balance()["torque"])


def test_resistance_matrix_of_a_spin(bar):
    prob = bar(material(), step=0.25)
    poles, direct = (of.resistance_matrix(prob, [BETA], method=m) for m in ("auto", "direct"))
    assert np.allclose(poles.orbital, direct.orbital, rtol=1e-6, atol=1e-12)


def test_a_valve_of_three_regions_is_reciprocal_with_p_and_b_reversed(contrast):
    def equal(m):
        """alpha'^T DD Chi = sigma alpha^T with the factor one, which polarised contacts need."""
        back = np.linalg.solve([[1.0, 0.1], [0.1, 1.0]], [0.05, 0.02])
        spin = replace(m.spin, inverse_hall_angle=back[1])
        return replace(m, spin=spin, inverse_orbital_hall_angle=back[0], diffusion_length=None)

    contacts = dict(contrast.contacts)
    contacts["t1"] = of.Contact(polarisation=(0.1, 0.6, 0.2), moment=0.3)
    contacts["b2"] = of.Contact(polarisation=(0.0, -0.3, 0.5))
    parts = {name: equal(m) for name, m in contrast.materials.items()}
    valve = replace(contrast, contacts=contacts, materials=parts)
    turned = replace(valve, contacts={n: c.reversed() for n, c in contacts.items()})
    one, other = ("t1", "left"), ("b2", "right")
    forth = of.resistance(valve, BETA, current=one, voltage=other)
    back = of.resistance(turned, -BETA, current=other, voltage=one)
    assert forth.delta_R == pytest.approx(back.delta_R, rel=1e-10)
    assert forth.hanle == pytest.approx(back.hanle, rel=1e-9)


def test_paraview_has_both_moments(bar, tmp_path):
    meshio = pytest.importorskip("meshio")
    s = of.solve(bar(material(), step=0.25), BETA, {"left": 1.0, "right": -1.0})
    written = meshio.read(of.export_paraview(s, tmp_path / "s.vtu"))
    assert written.point_data["spin_density [C/m^2]"].shape[1] == 3
    assert "spin_current_z [A/m]" in written.cell_data
    assert np.abs(written.point_data["spin_density [C/m^2]"]).max() > 0.0


APART = {"orbital": 0.4, "spin": "absorbing"}


def test_conditions_for_each_moment(bar, tmp_path):
    """Without conversion each moment obeys its own condition, and the two answers add up."""
    calm = {"to_orbital": 0.0, "from_orbital": 0.0, "cross_diffusion": 0.0}
    both = material(spin={**calm, "inverse_hall_angle": 0.03})
    contacts = {n: of.Contact() for n in NAMES}
    contacts["left"] = of.Contact(moment=APART)
    prob = bar(both, step=0.25, contacts=contacts)
    found = of.hanle_curve(prob, [BETA, 0.5 * BETA], **PAIR)
    assert "orbital and spin moment meet different conditions at 'left'" in found.method
    alone = replace(both, spin=None, diffusion_length=None)
    as_spin = of.Material(
        1.0,
        relaxation_time=0.5,
        orbital_hall_angle=0.02,
        inverse_orbital_hall_angle=0.03,
        diffusion_constant=2.0,
        g_factor=2.0,
        inverse_mass=1.0,
    )
    total = np.zeros(2)
    for given, law in ((alone, 0.4), (as_spin, "absorbing")):
        one = bar(given, step=0.25, contacts={**contacts, "left": of.Contact(moment=law)})
        total += of.hanle_curve(one, [BETA, 0.5 * BETA], tolerance=1e-12, **PAIR).delta_R
    assert np.allclose(found.delta_R, total, rtol=1e-9)
    s = of.solve(prob, BETA, {"left": 1.0, "right": -1.0})
    again = of.load(of.save(s, tmp_path / "s.npz"))
    assert again.problem.contacts["left"].moment == contacts["left"].moment


def test_a_polarisation_for_each_moment(bar, tmp_path):
    """The answer is linear in what is injected: two contacts that each inject one moment add up."""
    p = (0.1, 0.6, 0.2)
    pair = {"current": ("t1", "left"), "voltage": ("t2", "right")}

    def read(given):
        contacts = {n: of.Contact() for n in NAMES} | {"t1": of.Contact(polarisation=given)}
        prob = bar(material(), step=0.25, contacts=contacts)
        return prob, of.hanle_curve(prob, [BETA], method="direct", **pair)

    none = (0.0, 0.0, 0.0)
    _, both = read(p)
    _, orbital = read({"orbital": p, "spin": none})
    prob, spin = read({"orbital": none, "spin": p})
    for part in ("p_alpha", "p_p"):
        parts = [getattr(c.parts, part)[0] for c in (both, orbital, spin)]
        assert parts[0] == pytest.approx(parts[1] + parts[2], rel=1e-10)
    assert abs(spin.parts.p_alpha[0]) > 1e-6
    s = of.solve(prob, BETA, {"t1": 1.0, "left": -1.0})
    again = of.load(of.save(s, tmp_path / "s.npz"))
    assert again.contact_voltages == s.contact_voltages


def test_a_condition_on_a_spin_that_is_not_there(bar, refuses):
    contacts = {n: of.Contact() for n in NAMES} | {"left": of.Contact(moment=APART)}
    with refuses(of.InputError, "'left' has a condition on the spin, the materials none"):
        bar(step=0.25, contacts=contacts)
    with refuses(of.InputError, "'orbital' and 'spin'", "['spin']"):
        of.Edge({"spin": 1.0})
