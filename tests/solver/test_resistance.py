"""Resistances: terminals, probes, no cancellation at tiny fields, coefficients given in different
ways, refusals.
"""

from __future__ import annotations

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem import analytic
from ohmr_fem.errors import InputError, PhysicsWarning
from validation.case import simple_material
from validation.strip_tensor import TESLA

X = np.array([[1.0, 0.3, 0.2], [0.3, 0.7, -0.1], [0.2, -0.1, 0.4]])
B = np.array([1.1, -0.6, 0.8])
PAIRS = {"current": ("left", "right"), "voltage": ("t1", "t2")}

pytestmark = pytest.mark.filterwarnings("ignore::ohmr_fem.errors.PhysicsWarning")


@pytest.mark.parametrize("coupling", ["linear", "full"])
def test_resistance_is_voltage_over_current(bar, coupling):
    prob = bar(simple_material(inverse_mass=X), coupling=coupling)
    r = of.resistance(prob, B * TESLA, **PAIRS)
    sol = of.solve(prob, B * TESLA, currents={"left": 3.0, "right": -3.0})
    zero = of.solve(prob, currents={"left": 3.0, "right": -3.0})
    assert pytest.approx(sol.voltage("t1", "t2"), rel=1e-12) == 3 * r.R
    assert 3 * r.delta_R == pytest.approx(sol.orbital_voltage("t1", "t2"), rel=1e-11)
    assert 3 * r.hanle == pytest.approx(
        sol.voltage("t1", "t2") - zero.voltage("t1", "t2"), rel=1e-9
    )
    assert r.R_ohmic + r.delta_R == r.R and float(r) == r.R and r.field == tuple(B * TESLA)
    assert 0 < r.residual < 1e-13 and r.delta_R < 0 < r.hanle


def test_uniform_bar_has_length_over_width(bar):
    r = of.resistance(
        bar(contacts=("left", "right")), current=("left", "right"), voltage=("left", "right")
    )
    assert (
        r.R_ohmic == pytest.approx(3.0, rel=1e-12) and r.hanle == 0.0 and r.field == (0.0, 0.0, 0.0)
    )


def test_signs_of_the_pairs(bar):
    prob = bar()
    one = of.resistance(prob, B * TESLA, **PAIRS)
    for current, voltage, sign in (
        (("right", "left"), ("t1", "t2"), -1),
        (("left", "right"), ("t2", "t1"), -1),
        (("right", "left"), ("t2", "t1"), 1),
    ):
        other = of.resistance(prob, B * TESLA, current=current, voltage=voltage)
        assert pytest.approx(sign * one.R, rel=1e-11) == other.R and other.hanle == pytest.approx(
            sign * one.hanle, rel=1e-9
        )


@pytest.mark.parametrize("make", ["linear", "full", "strip"])
def test_tiny_fields_keep_their_digits(bar, make):
    """hanle/B^2 at 1e-6 of the field scale, where R(B) - R(0) by subtraction would be noise."""
    if make == "strip":
        prob = of.Problem(of.cross_section(4.0), simple_material())
        rho = of.hanle_curve(prob, [(1e-6 * TESLA, 0, 0)], method="direct").rho_change[0]
        assert rho / 1e-12 == pytest.approx(0.09 * float(analytic.film_weak_field(4.0)), rel=1e-6)
        return
    prob = bar(coupling=make)
    tiny = of.resistance(prob, (1e-6 * TESLA, 0, 0), **PAIRS)
    a, b = (
        of.resistance(prob, (phi * TESLA, 0, 0), **PAIRS).hanle / phi**2 for phi in (0.01, 0.02)
    )
    assert tiny.hanle / 1e-12 == pytest.approx((4 * a - b) / 3, rel=1e-6)
    assert abs(tiny.hanle) < 1e-13 * tiny.R


def test_odd_part_at_tiny_fields(bar):
    """With X_za != 0 the printed detector is linear in B; the first order is kept too."""
    prob = bar(simple_material(inverse_mass=X))
    direction = np.array([0.0, TESLA, 0.0])
    tiny = of.resistance(prob, 1e-6 * direction, **PAIRS).hanle / 1e-6
    plus, minus = (of.resistance(prob, s * 1e-2 * direction, **PAIRS).hanle for s in (1, -1))
    assert tiny == pytest.approx((plus - minus) / 2e-2, rel=1e-3) and abs(tiny) > 1e-4


# -- probes


def test_probe_point_and_contact_agree_on_a_fine_piece(bar):
    """A probe reads the mean of its piece: for a potential linear along the edge, its middle."""
    prob = bar(
        contacts={
            "left": of.Contact(),
            "right": of.Contact(),
            "t1": of.Contact("probe"),
            "t2": of.Contact("probe"),
            "p1": of.Contact("point", at=(-0.75, 1.0)),
            "p2": of.Contact("point", at=(0.75, 1.0)),
        },
        order=3,
    )
    mean = of.resistance(prob, B * TESLA, **PAIRS)
    point = of.resistance(prob, B * TESLA, current=("left", "right"), voltage=("p1", "p2"))
    assert mean.R_ohmic == pytest.approx(point.R_ohmic, rel=1e-10)
    assert mean.delta_R == pytest.approx(point.delta_R, rel=1e-4)
    metal = of.resistance(bar(order=3), B * TESLA, **PAIRS)  # equipotential contacts do disturb
    assert abs(metal.R_ohmic / mean.R_ohmic - 1) > 1e-3


def test_profile_contacts_read_their_weighted_mean(bar):
    contacts = {
        "left": of.Contact("profile"),
        "right": of.Contact("profile", profile=lambda x, y: 1 + 0 * y),
    }
    r = of.resistance(bar(contacts=contacts), current=("left", "right"), voltage=("left", "right"))
    assert r.R_ohmic == pytest.approx(3.0, rel=1e-12)


# -- coefficients in other words


def same(one, two, rel=1e-11):
    assert pytest.approx(one.R, rel=rel) == two.R and two.hanle == pytest.approx(
        one.hanle, rel=1e-9
    )


def test_functions_and_cell_arrays_give_the_constant_result(bar):
    constant = bar(
        simple_material(inverse_mass=X, orbital_hall_angle=0.2, inverse_orbital_hall_angle=-0.4)
    )
    one = of.resistance(constant, B * TESLA, **PAIRS)
    count = constant.mesh.n_cells
    functions = of.Material(
        sheet_conductivity=lambda x, y: 1 + 0 * x,
        diffusion_constant=lambda x, y: 1.0,
        relaxation_time=lambda x, y: 1 + 0 * y,
        orbital_hall_angle=lambda x, y: 0.2,
        inverse_orbital_hall_angle=lambda x, y: -0.4,
        inverse_mass=lambda x, y: X,
    )
    arrays = of.Material(
        sheet_conductivity=np.ones(count),
        diffusion_constant=np.ones(count),
        relaxation_time=np.ones(count),
        orbital_hall_angle=np.full(count, 0.2),
        inverse_orbital_hall_angle=np.full(count, -0.4),
        inverse_mass=X,
    )
    components = simple_material(
        inverse_mass=X,
        orbital_hall_angle=0.2,
        inverse_orbital_hall_angle=-0.4,
        relaxation_time=(1.0, 1.0, 1.0),
        diffusion_length=None,
        diffusion_constant=1.0,
    )
    for material in (functions, arrays, components):
        same(one, of.resistance(bar(material), B * TESLA, **PAIRS))


def test_regions_of_one_material_are_one_region(bar):
    prob = bar(simple_material(inverse_mass=X))
    mesh = prob.mesh.with_regions({"west": lambda x: x[0] < 0.3})
    split = of.Problem(
        mesh,
        {"west": simple_material(inverse_mass=X), "bulk": simple_material(inverse_mass=X)},
        list(prob.contacts),
        order=2,
    )
    same(of.resistance(prob, B * TESLA, **PAIRS), of.resistance(split, B * TESLA, **PAIRS))


def test_functions_of_position_are_layers_that_follow_them():
    """A step written as a function is the two-layer strip of the closed form."""
    from ohmr_fem.analytic import Layer, layered_strip

    width, jump = 2.0, 0.5
    mesh = of.cross_section(width, regions={"a": (0.0, 1.5), "b": (1.5, 2.0)})

    def step(low, high):
        return lambda y: np.where(y < jump, low, high)

    material = of.Material(
        sheet_conductivity=step(1.0, 2.0),
        diffusion_constant=step(1.0, 0.6),
        relaxation_time=step(1.0, 0.7),
        orbital_hall_angle=step(0.3, -0.2),
        inverse_orbital_hall_angle=0.5,
        inverse_mass=X,
    )
    prob = of.Problem(mesh, material, interface="density")
    turn = np.cross(B, X, axisb=0, axisc=0)
    exact = layered_strip(
        [
            Layer(
                1.5,
                diffusion=1.0,
                relaxation_time=1.0,
                conductivity=1.0,
                alpha=0.3,
                alpha_prime=0.5,
                torque=turn,
            ),
            Layer(
                0.5,
                diffusion=0.6,
                relaxation_time=0.7,
                conductivity=2.0,
                alpha=-0.2,
                alpha_prime=0.5,
                torque=turn,
            ),
        ]
    ).relative
    assert -of.magnetoresistance(prob, B * TESLA) == pytest.approx(exact, rel=1e-9)


def test_anisotropic_relaxation_of_a_strip():
    """n'' = (1/tau + T) n / D as a 3 x 3 matrix: f = (2/W) z.[sqrt(K) tanh(sqrt(K) W/2)^-1]^-1 z, K
    = (1/tau + T)/D.
    """
    from scipy.linalg import sqrtm, tanhm

    tau, D, width = np.array([2.0, 0.5, 1.3]), 0.8, 2.5
    material = simple_material(
        diffusion_length=None, diffusion_constant=D, relaxation_time=tuple(tau), inverse_mass=X
    )
    K = (np.diag(1 / tau) + np.cross(0.4 * B, X, axisb=0, axisc=0)) / D
    root = sqrtm(K)
    exact = (2 / width * np.linalg.solve(root, tanhm(root * width / 2)))[2, 2].real
    prob = of.Problem(of.cross_section(width), material)
    assert -of.magnetoresistance(prob, 0.4 * B * TESLA) / 0.09 == pytest.approx(exact, rel=1e-9)


# -- cross-sections, refusals


def test_magnetoresistance_shapes():
    prob = of.Problem(of.cross_section(3.0), simple_material())
    one = of.magnetoresistance(prob, (2.0 * TESLA, 0.0, 0.0))
    assert isinstance(one, float)
    many = of.magnetoresistance(prob, [(2.0 * TESLA, 0.0, 0.0), (0.0, 0.0, 0.0)])
    assert many.shape == (2,) and many[0] == pytest.approx(one, rel=1e-13)
    assert many[1] == pytest.approx(of.magnetoresistance(prob), rel=1e-13) and many[1] < many[0] < 0


def test_warnings_reach_the_user(bar):
    with pytest.warns(PhysicsWarning, match="z component"):
        of.resistance(bar(), (0.0, 0.0, TESLA), **PAIRS)
    with pytest.warns(PhysicsWarning, match="X_za"):
        of.magnetoresistance(of.Problem(of.cross_section(3.0), simple_material(inverse_mass=X)))


def test_refusals(bar, refuses):
    prob, section = bar(), of.Problem(of.cross_section(3.0), simple_material())
    with refuses(InputError, "one field of shape (3,)", "(2, 3)", "hanle_curve"):
        of.resistance(prob, np.zeros((2, 3)), **PAIRS)
    with refuses(InputError, "magnetoresistance"):
        of.resistance(section, **PAIRS)
    with refuses(InputError, "cross-section", "resistance"):
        of.magnetoresistance(prob)
    with refuses(InputError, "'lft'", "did you mean 'left'?"):
        of.resistance(prob, current=("lft", "right"), voltage=("t1", "t2"))
    with refuses(InputError, "voltage", "pair"):
        of.resistance(prob, current=("left", "right"), voltage="t1")
    with refuses(InputError, "finite"):
        of.resistance(prob, (np.nan, 0, 0), **PAIRS)
