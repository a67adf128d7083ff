"""Fields of a solution: values anywhere, conservation, and units, against closed forms and own
quadrature.
"""

from __future__ import annotations

import numpy as np
import pytest
import skfem

import ohmr_fem as of
from ohmr_fem import analytic
from ohmr_fem.errors import InputError
from ohmr_fem.mesh.grids import disc_mesh, graded_lines, tensor_grid
from ohmr_fem.units import BOHR_MAGNETON, ELEMENTARY_CHARGE
from validation.case import simple_material
from validation.strip_tensor import TESLA

X = np.array([[1.0, 0.3, 0.2], [0.3, 0.7, -0.1], [0.2, -0.1, 0.4]])
B = np.array([1.1, -0.6, 0.8])
NM = 1e-9

pytestmark = pytest.mark.filterwarnings("ignore::ohmr_fem.errors.PhysicsWarning")


def strip(normal="y", order=4, phi=2.0):
    """A strip 300 nm wide, L_m = 100 nm, driven with 5 V/m; n^z in SI from Eq. (4)."""
    material = of.Material(
        sheet_conductivity=2e-3,
        diffusion_length=100 * NM,
        relaxation_time=2e-12,
        orbital_hall_angle=0.1,
        inverse_mass=1.0,
    )
    prob = of.Problem(of.cross_section(300 * NM, normal=normal, cells=96), material, order=order)
    return of.solve(prob, (phi * material.field_scale, 0.0, 0.0), electric_field="5 V/m")


def exact_moment(y, phi=2.0):
    D = (100 * NM) ** 2 / 2e-12
    lam = np.sqrt(1 + 1j * phi) / (100 * NM)
    return 0.1 * 2e-3 * 5.0 / D * np.sinh(lam * y) / (lam * np.cosh(lam * 150 * NM))


# -- evaluation


def test_strip_profile_anywhere():
    sol = strip()
    y = np.linspace(-150, 150, 61) * NM
    exact = exact_moment(y)
    size = np.abs(exact).max()
    at = sol.at(y)
    assert (
        at.points.shape == (1, 61)
        and at.moment_density.shape == (3, 61)
        and at.moment_current.shape == (3, 3, 61)
    )
    assert np.abs(at.moment_density[2] - exact.real).max() < 1e-8 * size
    assert (
        np.abs(at.moment_density[1] + exact.imag).max() < 1e-8 * size
    )  # n^z - i n^y turns as one number
    assert np.abs(at.moment_density[0]).max() < 1e-12 * size
    line = sol.line("-150 nm", 150 * NM, 61)
    assert np.allclose(line.moment_density, at.moment_density, atol=1e-12 * size) and line.distance[
        -1
    ] == pytest.approx(300 * NM)
    vertices = exact_moment(sol.points[0])
    assert np.abs(sol.moment_density[2] - vertices.real).max() < 1e-8 * size
    inside = sol.in_cells(np.array([[0.1, 0.5, 0.9]]))
    assert (
        np.abs(inside.moment_density[2] - exact_moment(inside.points[0]).real).max() < 1e-8 * size
    )
    assert inside.points.shape == (1, 3 * sol.problem.mesh.n_cells)


def test_currents_of_a_strip():
    """J_x = sigma E_x + alpha' D d_y n^z, Q_y^z = -D d_y n^z + alpha sigma E_x: zero at the
    edges.
    """
    sol = strip()
    y = np.linspace(-150, 150, 31) * NM
    h = 1e-4 * NM
    D = (100 * NM) ** 2 / 2e-12
    slope = (exact_moment(y + h) - exact_moment(y - h)) / (2 * h)
    at = sol.at(y)
    assert np.all(at.electric_field[0] == 5.0) and not np.any(at.electric_field[1:])
    assert np.allclose(at.current_density[0], 2e-3 * 5 + 0.1 * D * slope.real, rtol=1e-8)
    assert not np.any(at.current_density[1:])
    source = 0.1 * 2e-3 * 5
    assert np.abs(at.moment_current[2, 1] - (-D * slope.real + source)).max() < 1e-6 * source
    assert np.abs(at.moment_current[1, 1] - D * slope.imag).max() < 1e-6 * source
    assert np.abs(at.moment_current[:, 1, [0, -1]]).max() < 1e-6 * source
    assert not np.any(at.moment_current[:, [0, 2]])
    mean = sol.total_current / (300 * NM * 2e-3 * 5) - 1
    assert mean == pytest.approx(
        0.01 * float(np.real(analytic.strip_response(1 + 2j, 3.0))), rel=1e-8
    )


def test_film_accumulates_the_other_component():
    """Normal z: n^y with the opposite sign, D d_z n^y = -alpha J_x at both faces."""
    film, z = strip("z"), np.linspace(-150, 150, 7) * NM
    values = film.at(z)
    size = np.abs(exact_moment(z)).max()
    assert np.abs(values.moment_density[1] + exact_moment(z).real).max() < 1e-8 * size
    assert np.abs(values.moment_current[1, 2, [0, -1]]).max() < 1e-6 * 0.1 * 2e-3 * 5
    assert film.total_current == pytest.approx(strip("y").total_current, rel=1e-10)


@pytest.mark.parametrize("cells, order", [("triangle", 3), ("quad", 4)])
def test_long_bar_has_the_profile_of_a_strip(cells, order):
    x, y = np.linspace(-9, 9, 31), graded_lines(-1.5, 1.5, 0.1, 1.6)
    mesh = tensor_grid(x, y, cells=cells)
    prob = of.Problem(
        mesh,
        simple_material(),
        {"left": of.Contact("profile"), "right": of.Contact("profile")},
        order=order,
    )
    sol = of.solve(prob, 2.0 * np.array([TESLA, 0, 0]), currents={"left": 3.0, "right": -3.0})
    line = sol.line((0.05, -1.5), (0.05, 1.5), 41)
    place = np.linspace(-1.5, 1.5, 41)
    exact = 0.3 * np.real(analytic.strip_profile(place, 3.0, 1 + 2j))
    assert np.abs(line.moment_density[2] - exact).max() < 2e-4 * np.abs(exact).max()
    assert np.allclose(line.electric_field[0], 1.0, atol=0.05) and np.allclose(
        line.distance, place + 1.5
    )
    # a little way from a vertex, the gradient is minus the field
    a, b = sol.at([[0.3, 0.4], [0.3 + 1e-5, 0.4]]).potential
    assert -(b - a) / 1e-5 == pytest.approx(sol.at((0.3, 0.4)).electric_field[0, 0], rel=1e-4)


@pytest.mark.parametrize(
    "given, fragments",
    [
        ((5.0, 0.0), ("outside the device", "(5.0, 0.0) m", "between")),
        ([[0.0, 0.0], [0.0, 1.5]], ("outside the device", "(0.0, 1.5) m")),
        ((0.0, 0.0, 0.0), ("(2,) or (n, 2)",)),
        (0.3, ("(2,) or (n, 2)", "0.3")),
        ((np.nan, 0.0), ("finite",)),
        ("here", ("'here'", "in m")),
        (np.zeros((2, 2, 2)), ("(2,) or (n, 2)",)),
    ],
)
def test_points_refused(bar, given, fragments, refuses):
    sol = of.solve(bar(order=1, step=0.5), currents={"left": 1, "right": -1})
    with refuses(InputError, *fragments):
        sol.at(given)


pytestmark = [pytestmark, pytest.mark.filterwarnings("ignore::ohmr_fem.errors.ResolutionWarning")]


def test_names_refused(bar, refuses):
    sol = of.solve(bar(order=1, step=0.5), currents={"left": 1, "right": -1})
    for read in (
        lambda: sol.voltage("lft", "right"),
        lambda: sol.voltage("left", "rigt"),
        lambda: sol.current("lft"),
        lambda: sol.orbital_voltage("lft", "right"),
    ):
        with refuses(InputError, "unknown contact", "did you mean"):
            read()
    with refuses(InputError, "total_current", "contact currents"):
        sol.total_current  # noqa: B018
    with refuses(InputError, "line", "at least"):
        sol.line((0, 0), (1, 0), 0)
    with refuses(InputError, "wrong dimension", "expected m"):
        sol.line(("0 s", 0), (1, 0))


# -- conservation


@pytest.mark.parametrize("coupling", ["linear", "full"])
@pytest.mark.parametrize("cells, order", [("triangle", 4), ("quad", 4)])
def test_every_cross_section_carries_the_current_of_the_contacts(bar, coupling, cells, order):
    prob = bar(
        simple_material(inverse_mass=X),
        coupling=coupling,
        cells=cells,
        order=order,
        step=0.5,
        contacts=("left", "right"),
    )
    sol = of.solve(prob, B * TESLA, currents={"left": 1.0, "right": -1.0})
    assert sol.contact_currents == pytest.approx({"left": 1.0, "right": -1.0}, abs=1e-12)
    points, weights = np.polynomial.legendre.leggauss(12)
    for x in (-2.2, 0.1, 1.3):
        total = 0.0
        for low in np.arange(-1.0, 1.0, 0.5):
            place = np.column_stack([np.full(12, x), low + 0.25 * (points + 1)])
            total += 0.25 * float(weights @ sol.at(place).current_density[0])
        assert total == pytest.approx(1.0, abs=1e-4)
    edge = sol.at(np.column_stack([np.linspace(-0.6, 0.6, 9), np.full(9, 1.0)]))
    assert (
        np.abs(edge.current_density[1]).max() < 1e-3
        and np.abs(edge.moment_current[:, 1]).max() < 1e-3
    )


def test_power_is_joule_heat(bar):
    sol = of.solve(
        bar(simple_material(orbital_hall_angle=1e-9), order=4, cells="quad"),
        B * TESLA,
        currents={"left": 2.0, "right": -1.0, "t1": -1.0},
    )
    points, weights = np.polynomial.legendre.leggauss(6)
    U, W = np.meshgrid((points + 1) / 2, (points + 1) / 2)
    values = sol.in_cells(np.array([U.ravel(), W.ravel()]))
    weight = np.tile(np.outer(weights, weights).ravel() / 4 * 0.25**2, sol.problem.mesh.n_cells)
    assert float(
        weight @ np.sum(values.electric_field * values.current_density, axis=0)
    ) == pytest.approx(sol.power, rel=1e-9)
    assert sol.power == pytest.approx(
        2 * sol.voltage("left", "right") - sol.voltage("t1", "right"), rel=1e-12
    )


def test_total_current_of_a_wire_is_the_integral_of_its_density():
    mesh = tensor_grid(
        graded_lines(-1, 1, 0.1, 1.6), graded_lines(-1.5, 1.5, 0.1, 1.6), axes=("y", "z")
    )
    for coupling, detection in (("linear", "printed"), ("full", "reciprocal")):
        prob = of.Problem(
            mesh, simple_material(inverse_mass=X), order=4, coupling=coupling, detection=detection
        )
        sol = of.solve(prob, B * TESLA, electric_field=2.0)
        points, weights = np.polynomial.legendre.leggauss(6)
        Y, Z = np.meshgrid((points + 1) / 2, (points + 1) / 2)
        sizes = prob.mesh.mesh.mapping().detDF(np.array([[0.5], [0.5]]))[:, 0]
        weight = (sizes[:, None] * np.outer(weights, weights).ravel() / 4).ravel()
        density = sol.in_cells(np.array([Y.ravel(), Z.ravel()])).current_density[0]
        assert float(weight @ density) == pytest.approx(sol.total_current, rel=1e-11)
        assert abs(sol.total_current / 12.0 - 1) > 1e-3  # the effect is there


@pytest.mark.parametrize("coupling", ["linear", "full"])
def test_moment_balance(coupling):
    """Every term by its own quadrature, and the sum closed, with Robin, absorbing and injecting
    edges at once.
    """
    lines = np.linspace(0, 1, 6)
    mesh = tensor_grid(3 * lines, 2 * lines, cells="triangle")
    tau = (1.0, 0.6, 1.4)
    material = simple_material(
        inverse_mass=X,
        relaxation_time=tau,
        diffusion_length=None,
        diffusion_constant=0.8,
        g_factor=1.2,
    )
    law, pump = (0.4, 0.0, 1.2), (0.2, -0.1, 0.3)
    prob = of.Problem(
        mesh,
        material,
        {"left": of.Contact(moment=law), "right": of.Contact()},
        order=3,
        coupling=coupling,
        edges={"top": {"injected": pump}, "bottom": "absorbing"},
    )
    sol = of.solve(prob, B * TESLA, currents={"left": 1.0, "right": -1.0})
    balance = sol.moment_balance()
    rest = balance["relaxation"] + balance["torque"] + balance["outflow"] - balance["injected"]
    assert np.abs(rest).max() < 1e-12
    basis = skfem.Basis(mesh.mesh, skfem.ElementTriP3(), intorder=8)
    n = np.array([np.sum(np.asarray(basis.interpolate(c)) * basis.dx) for c in sol.moment_dofs])
    assert np.allclose(balance["relaxation"], n / tau, rtol=1e-11)
    assert np.allclose(balance["torque"], 1.2 * np.cross(B, X, axisb=0, axisc=0) @ n, rtol=1e-11)
    assert np.allclose(balance["injected"], np.array(pump) * 3.0, rtol=1e-12)
    edge = skfem.FacetBasis(
        mesh.mesh, skfem.ElementTriP3(), facets=mesh.boundaries["left"], intorder=8
    )
    robin = law * np.array(
        [np.sum(np.asarray(edge.interpolate(c)) * edge.dx) for c in sol.moment_dofs]
    )
    absorbed = balance["outflow"] - robin
    assert np.allclose(
        absorbed, np.array(pump) * 3.0 - n / tau - balance["torque"] - robin, atol=1e-11
    )
    x = np.linspace(0, 3, 301)  # through the absorbing edge, from the pointwise flux (nu = -y)
    flux = -sol.at(np.column_stack([x, np.zeros(301)])).moment_current[:, 1]
    assert (
        np.allclose(absorbed, np.trapezoid(flux, x, axis=1), atol=0.06)
        and np.abs(absorbed).max() > 0.05
    )


def test_moment_balance_of_a_hierarchical_space():
    prob = of.Problem(
        of.cross_section(2.0, cells=8),
        simple_material(inverse_mass=X),
        order=4,
        edges={"lower": {"injected": 0.3}, "upper": (0.4, 0.0, 1.2)},
    )
    balance = of.solve(prob, B * TESLA).moment_balance()
    assert (
        np.abs(
            balance["relaxation"] + balance["torque"] + balance["outflow"] - balance["injected"]
        ).max()
        < 1e-13
    )
    assert (
        balance["injected"] == pytest.approx([0.0, 0.0, 0.3]) and abs(balance["outflow"][2]) > 1e-3
    )


# -- parts and units


def test_parts_of_the_potential(bar):
    prob = bar(simple_material(inverse_mass=X))
    sol = of.solve(prob, B * TESLA, currents={"left": 1, "right": -1})
    ohmic = of.solve(
        bar(simple_material(orbital_hall_angle=0.0)), currents={"left": 1, "right": -1}
    )
    assert np.abs(sol.potential_ohmic - ohmic.potential).max() < 1e-12
    assert np.array_equal(sol.potential, sol.potential_ohmic + sol.potential_orbital)
    assert np.abs(sol.potential_orbital).max() > 1e-3
    assert sol.orbital_voltage("t1", "t2") == pytest.approx(
        sol.voltage("t1", "t2") - ohmic.voltage("t1", "t2"), rel=1e-9
    )
    assert sol.current_density.shape == (3, prob.mesh.n_cells)
    assert np.array_equal(sol.current_density, sol.centres().current_density)
    assert sol.points.shape == (2, sol.potential.size)


def test_magnetisation():
    sol = strip()
    assert np.allclose(
        sol.magnetisation, sol.moment_density * BOHR_MAGNETON / ELEMENTARY_CHARGE, rtol=1e-14
    )


def test_units_do_not_matter(bar):
    """The bar in metres, and the same in nanometres with other sigma, tau and current: R in ohm, n
    in C/m^2 scale.
    """
    one = of.solve(
        bar(simple_material(inverse_mass=X)), B * TESLA, currents={"left": 1, "right": -1}
    )
    material = of.Material(
        sheet_conductivity="2 mS",
        diffusion_length="1 nm",
        relaxation_time="3 ps",
        orbital_hall_angle=0.3,
        inverse_mass=X,
    )
    prob = of.Problem(bar().mesh.scaled(1e-9), material, list(bar().contacts))
    two = of.solve(prob, B * TESLA / 3e-12, currents={"left": "1 uA", "right": "-1 uA"})
    assert np.allclose(
        two.potential / one.potential.max(),
        1e-6 / 2e-3 * one.potential / one.potential.max(),
        rtol=1e-9,
    )
    scale = 1e-6 * 1e-9 / (1e-18 / 3e-12) * 1e9  # n = (I/D) x shape
    assert (
        np.abs(two.moment_density - scale * one.moment_density).max()
        < 1e-9 * np.abs(two.moment_density).max()
    )
    for name, unit in (("t1", 1e-6 / 2e-3), ("b2", 1e-6 / 2e-3)):
        assert two.voltage(name, "right") == pytest.approx(
            unit * one.voltage(name, "right"), rel=1e-10
        )


def test_curved_cells():
    sol = of.solve(
        of.Problem(disc_mesh(1.5, rings=6, axes=("y", "z")), simple_material(), order=3),
        electric_field=1.0,
    )
    values = sol.at([[0.0, 0.0], [1.2, 0.3], [-0.4, -1.4]])
    assert np.abs(values.moment_density[0]).max() < 1e-12
    assert values.moment_density[:, 0] == pytest.approx([0, 0, 0], abs=1e-12)
    # n = alpha sigma E r x-hat cross ... : n^z ~ y, n^y ~ -z with the same radial factor
    assert values.moment_density[2, 1] / 1.2 == pytest.approx(
        -values.moment_density[1, 1] / 0.3, rel=1e-4
    )


def test_repr(bar):
    text = repr(
        of.solve(bar(order=1, step=0.5), (0.1, 0, 0), currents={"left": 1e-6, "right": -1e-6})
    )
    assert (
        "left: 1 µA" in text and "B = (0.1, 0, 0) T" in text and "P1" in text and "\n" not in text
    )
    assert "E_x = 5 V/m" in repr(strip())
