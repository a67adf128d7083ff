"""One problem at one field: against a program written out by hand, closed forms, and itself driven
another way.
"""

from __future__ import annotations

import numpy as np
import pytest
import skfem

import ohmr_fem as of
from ohmr_fem.errors import InputError, PhysicsWarning
from ohmr_fem.mesh.grids import tensor_grid
from validation.case import simple_material
from validation.strip_tensor import TESLA

X = np.array([[1.0, 0.3, 0.2], [0.3, 0.7, -0.1], [0.2, -0.1, 0.4]])
B = np.array([1.1, -0.6, 0.8])
CURRENTS = {"left": 1.0, "right": -0.7, "t1": -0.3}

pytestmark = pytest.mark.filterwarnings("ignore::ohmr_fem.errors.PhysicsWarning")


# -- linear triangles written out by hand, everything dense, SI, no scaling, no tricks


def by_hand(
    p, t, coefficients, contacts, robin, injected, absorbed, field, currents, coupling, weights
):
    """(V, n): coefficients (sigma, D, tau (3,), alpha, alpha', (g e/2) X) of each cell; contacts
    {name: vertices}.

    ``robin`` and ``injected`` are lists of (edge vertices (2, m), three numbers); ``weights`` what
    n^d the detector reads.
    """
    N = p.shape[1]
    A = np.zeros((4 * N, 4 * N))
    rhs = np.zeros(4 * N)
    for cell, (sigma, D, tau, alpha, back, half_g_x) in zip(t.T, coefficients, strict=True):
        (x0, y0), (x1, y1), (x2, y2) = p[:, cell].T
        twice = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        area = abs(twice) / 2
        gx = np.array([y1 - y2, y2 - y0, y0 - y1]) / twice
        gy = np.array([x2 - x1, x0 - x2, x1 - x0]) / twice
        T = np.cross(field, half_g_x, axisb=0, axisc=0)
        for i in range(3):
            for j in range(3):
                stiff = area * (gx[i] * gx[j] + gy[i] * gy[j])
                curl = area * (
                    gx[j] * gy[i] - gy[j] * gx[i]
                )  # int u_x v_y - u_y v_x, v = phi_i, u = phi_j
                mass = area * (2 if i == j else 1) / 12
                r, c = cell[i], cell[j]
                A[r, c] += sigma * stiff
                A[3 * N + r, c] += alpha * sigma * curl
                for a in range(3):
                    A[r, (1 + a) * N + c] += back * D * curl * weights[a]
                    A[(1 + a) * N + r, (1 + a) * N + c] += D * stiff + mass / tau[a]
                    for d in range(3):
                        A[(1 + a) * N + r, (1 + d) * N + c] += T[a, d] * mass
    for edges, G in robin:
        for i, j in edges.T:
            length = np.hypot(*(p[:, i] - p[:, j]))
            for a in range(3):
                for r, c in ((i, i), (j, j), (i, j), (j, i)):
                    A[(1 + a) * N + r, (1 + a) * N + c] += (
                        G[a] * length * (1 / 3 if r == c else 1 / 6)
                    )
    for edges, g in injected:
        for i, j in edges.T:
            for a in range(3):
                rhs[[(1 + a) * N + i, (1 + a) * N + j]] += g[a] * np.hypot(*(p[:, i] - p[:, j])) / 2
    # constraints: equipotential contacts tied to their first vertex, the first contact at zero,
    # absorbed vertices out
    onto = np.arange(4 * N)
    for name, vertices in contacts.items():
        onto[vertices] = vertices[0]
        rhs[vertices[0]] += currents.get(name, 0.0)
    ground = next(iter(contacts.values()))[0]
    free = np.array(
        [k for k in np.unique(onto) if k != ground and not (k >= N and (k % N) in absorbed)]
    )
    P = np.zeros((4 * N, free.size))
    for k in range(4 * N):
        where = np.flatnonzero(free == onto[k])
        if where.size and not (k >= N and (k % N) in absorbed):
            P[k, where[0]] = 1.0
    A, rhs = P.T @ A @ P, P.T @ rhs
    v = np.flatnonzero(free < N)
    m = np.flatnonzero(free >= N)
    if coupling == "full":
        x = np.linalg.solve(A, rhs)
    else:  # ohmic potential, moments, orbital potential in turn
        x = np.zeros(free.size)
        first = np.linalg.solve(A[np.ix_(v, v)], rhs[v])
        x[m] = np.linalg.solve(A[np.ix_(m, m)], rhs[m] - A[np.ix_(m, v)] @ first)
        x[v] = first - np.linalg.solve(A[np.ix_(v, v)], A[np.ix_(v, m)] @ x[m])
    x = P @ x
    return x[:N], x[N:].reshape(3, N)


@pytest.mark.parametrize("coupling", ["linear", "full"])
@pytest.mark.parametrize("detection", ["printed", "reciprocal"])
@pytest.mark.filterwarnings("ignore::ohmr_fem.errors.ResolutionWarning")
def test_against_triangles_by_hand(coupling, detection):
    rng = np.random.default_rng(11)
    grid = tensor_grid(np.linspace(0, 3, 10), np.linspace(0, 2, 7), cells="triangle")
    p = grid.mesh.p.copy()
    inner = (p[0] > 0.01) & (p[0] < 2.99) & (p[1] > 0.01) & (p[1] < 1.99)
    p[:, inner] += rng.uniform(-0.08, 0.08, size=(2, int(inner.sum())))
    size = 1e-7
    mesh = (
        of.DeviceMesh(skfem.MeshTri1(size * p, grid.mesh.t), ("x", "y"), {}, {})
        .with_boundaries(
            {
                "left": lambda q: q[0] < 1e-9,
                "right": lambda q: q[0] > 2.99e-7,
                "top": lambda q: (q[1] > 1.99e-7) & (q[0] > 1e-7) & (q[0] < 2e-7),
                "robin": lambda q: (q[1] < 1e-9) & (q[0] < 1e-7),
                "pump": lambda q: (q[1] < 1e-9) & (q[0] > 2e-7),
                "drain": lambda q: (q[1] < 1e-9) & (q[0] > 1e-7) & (q[0] < 2e-7),
            }
        )
        .with_regions({"west": lambda q: q[0] < 1.5e-7, "east": lambda q: q[0] > 1.5e-7})
    )
    tau = (2e-12, 3e-12, 1e-12)
    west = of.Material(
        sheet_conductivity=2e-3,
        diffusion_constant=4e-3,
        relaxation_time=tau,
        orbital_hall_angle=0.5,
        inverse_orbital_hall_angle=-0.8,
        inverse_mass=X,
        g_factor=1.4,
    )
    east = of.Material(
        sheet_conductivity=1e-3,
        diffusion_constant=7e-3,
        relaxation_time=2e-12,
        orbital_hall_angle=-0.3,
        inverse_mass=X,
    )  # one tensor, so that one detector serves both
    law, pump = (2e4, 0.0, 1e4), (5e-3, -2e-3, 4e-3)
    field = 4.0 * B
    prob = of.Problem(
        mesh,
        {"west": west, "east": east},
        ["left", "right", "top"],
        order=1,
        coupling=coupling,
        detection=detection,
        edges={"robin": law, "pump": {"injected": pump}, "drain": "absorbing"},
        interface="density",
    )
    sol = of.solve(prob, field, currents={"left": 1e-6, "right": -4e-7, "top": -6e-7})

    half = 0.5 * 1.602176634e-19 / 9.1093837139e-31 * X
    of_region = {
        "west": (2e-3, 4e-3, tau, 0.5, -0.8, 1.4 * half),
        "east": (1e-3, 7e-3, (2e-12,) * 3, -0.3, -0.3, half),
    }
    names = list(mesh.regions)
    cells = [of_region[names[k]] for k in mesh.region_of_cells()]
    ends = {name: mesh.mesh.facets[:, facets] for name, facets in mesh.boundaries.items()}
    contacts = {name: np.unique(ends[name]) for name in ("right", "left", "top")}
    weights = (0.0, 0.0, 1.0) if detection == "printed" else X[2] / X[2, 2]
    V, n = by_hand(
        mesh.mesh.p,
        mesh.mesh.t,
        cells,
        contacts,
        [(ends["robin"], law)],
        [(ends["pump"], pump)],
        set(np.unique(ends["drain"])),
        field,
        {"left": 1e-6, "right": -4e-7, "top": -6e-7},
        coupling,
        weights,
    )
    V -= V[contacts["top"][0]]  # the program's zero is the contact that takes most current out
    assert (
        np.abs(n[0]).max() > 0.05 * np.abs(n).max() and np.abs(n[1]).max() > 0.05 * np.abs(n).max()
    )
    assert np.abs(sol.moment_density - n).max() < 1e-9 * np.abs(n).max()
    assert np.abs(sol.potential - V).max() < 1e-9 * np.abs(V).max()


# -- drives


@pytest.mark.parametrize("coupling", ["linear", "full"])
def test_voltage_and_current_drive_agree(bar, coupling):
    """Two terminals: I at fixed V is V/R in full coupling, and V/R_0 - V delta_R/R_0^2 at first
    order in alpha alpha'.
    """
    prob = bar(simple_material(inverse_mass=X), coupling=coupling)
    by_current = of.solve(prob, B * TESLA, currents={"left": 1.0, "right": -1.0})
    R = by_current.voltage("left", "right")
    delta = by_current.orbital_voltage("left", "right")
    by_voltage = of.solve(prob, B * TESLA, voltages={"left": 2.0, "right": 0.0})
    expected = 2.0 / R if coupling == "full" else 2.0 / (R - delta) * (1 - delta / (R - delta))
    assert abs(delta) > 1e-3 * R
    assert by_voltage.current("left") == pytest.approx(expected, rel=1e-10)
    assert by_voltage.current("right") == pytest.approx(-expected, rel=1e-10)
    assert by_voltage.contact_voltages["left"] == pytest.approx(2.0, rel=1e-13)
    assert [by_voltage.current(n) for n in ("t1", "t2", "b1", "b2")] == pytest.approx(
        [0.0] * 4, abs=1e-12
    )
    if coupling == "full":
        scale = 2.0 / R
        assert (
            np.abs(by_voltage.moment_density - scale * by_current.moment_density).max()
            < 1e-10 * scale
        )
        mixed = of.solve(prob, B * TESLA, currents={"left": 1.0}, voltages={"right": 0.5})
        assert mixed.voltage("left", "right") == pytest.approx(R, rel=1e-10)
        assert mixed.contact_voltages["right"] == pytest.approx(0.5, rel=1e-12)


def test_many_terminals_held_or_fed_agree(bar):
    prob = bar(simple_material(inverse_mass=X), coupling="full")
    fed = of.solve(prob, B * TESLA, currents=CURRENTS)
    held = of.solve(prob, B * TESLA, voltages=fed.contact_voltages)
    for name in prob.contacts:
        assert held.current(name) == pytest.approx(CURRENTS.get(name, 0.0), abs=1e-10)
    assert np.abs(held.potential - fed.potential).max() < 1e-10 * np.ptp(fed.potential)


def test_currents_add_up(bar):
    prob = bar(simple_material(inverse_mass=X))
    one = of.solve(prob, B * TESLA, currents={"left": 1.0, "right": -1.0})
    two = of.solve(prob, B * TESLA, currents={"t1": 2.0, "right": -2.0})
    both = of.solve(prob, B * TESLA, currents={"left": "1 A", "t1": 2.0, "right": -3.0})
    assert np.abs(both.moment_density - one.moment_density - two.moment_density).max() < 1e-12
    assert (
        np.abs(both.potential_orbital - one.potential_orbital - two.potential_orbital).max() < 1e-12
    )


def test_order_alpha_to_the_fourth(bar):
    """Linear and full coupling differ at relative order alpha alpha'."""
    gaps = []
    for alpha in (0.2, 0.1):
        change = [
            of.solve(
                bar(simple_material(orbital_hall_angle=alpha), coupling=c),
                B * TESLA,
                currents={"left": 1, "right": -1},
            ).orbital_voltage("t1", "t2")
            for c in ("linear", "full")
        ]
        gaps.append(abs(change[0] - change[1]))
        assert change[0] < 0 and change[1] < 0  # with a sign wrong R would rise
    assert gaps[0] / gaps[1] == pytest.approx(16.0, rel=0.05)


def test_nothing_driven_is_nothing(bar):
    sol = of.solve(bar(), B * TESLA)
    assert not np.any(sol.potential) and not np.any(sol.moment_density) and sol.residual == 0.0


# -- sources of moment


def test_injected_moment_spreads_over_the_diffusion_length():
    """A strip fed with g at its lower edge: n^z = (g L_m/D) cosh((W/2 - y)/L_m)/sinh(W/L_m), and
    the torque turns it.
    """
    width, g = 2.0, 0.4
    prob = of.Problem(
        of.cross_section(width),
        simple_material(diffusion_length=0.7, relaxation_time=0.5),
        edges={"lower": {"injected": g}},
    )
    y = np.linspace(-1.0, 1.0, 21)
    D = 0.7**2 / 0.5
    still = of.solve(prob, electric_field=0.0).at(y).moment_density
    assert np.allclose(
        still[2], g * 0.7 / D * np.cosh((1.0 - y) / 0.7) / np.sinh(width / 0.7), rtol=1e-8
    )
    assert not np.any(still[:2])
    turned = of.solve(prob, (3.0 * TESLA, 0.0, 0.0), electric_field=0.0).at(y).moment_density
    q = np.sqrt(1 + 1.5j) / 0.7  # Omega tau = 3 x 0.5; n^z - i n^y precesses as one complex number
    wave = g / (D * q) * np.cosh(q * (1.0 - y)) / np.sinh(q * width)
    assert np.allclose(turned[2], wave.real, atol=1e-8)
    assert np.allclose(np.abs(turned[1]), np.abs(wave.imag), atol=1e-8) and not np.any(
        np.abs(turned[0]) > 1e-14
    )
    # (g e/2) eps_yxz B_x X_zz n^z = -b n^z drives n^y up: d_t n^y = + b n^z for B along +x
    assert turned[1][0] > 0


def test_a_source_contact_pumps_a_voltage(bar):
    """Injected n^z at a side contact gives a voltage without any current (inverse effect); it
    changes sign with g.
    """
    ends = {
        "left": of.Contact(),
        "right": of.Contact(),
        "b1": of.Contact(),
        "b2": of.Contact("probe"),
    }
    volts = []
    for g in (0.3, -0.3):
        pump = bar(contacts={**ends, "t1": of.Contact(moment={"injected": g})}, step=0.125)
        sol = of.solve(pump)
        volts.append(sol.voltage("left", "right"))
        assert all(abs(i) < 1e-13 for i in sol.contact_currents.values())
    assert volts[0] == pytest.approx(-volts[1], rel=1e-12) and abs(volts[0]) > 1e-4


# -- what comes with a solution, and what is refused


def test_record(bar):
    with pytest.warns(PhysicsWarning) as caught:
        sol = of.solve(bar(), B * TESLA, currents={"left": 1, "right": -1})
    assert sol.warnings == tuple(str(w.message) for w in caught) and len(sol.warnings) == 1
    assert 0 < sol.residual < 1e-13 and set(sol.residuals) == {"potential", "moment"}
    assert sol.solver == "SuperLU" and sol.factorisations == 2 and sol.seconds > 0
    assert sol.contact_voltages["right"] == 0.0  # the contact that takes most current out


@pytest.mark.parametrize(
    "arguments, fragments",
    [
        ({"field": (1.0, 0.0)}, ("(3,) or (n, 3)", "(2,)")),
        ({"field": np.zeros((4, 3))}, ("one field", "(4, 3)", "hanle_curve")),
        ({"field": (np.nan, 0, 0)}, ("finite",)),
        ({"field": "1 T"}, ("tesla", "'1 T'")),
        ({"currents": {"left": 1.0}}, ("sum to zero",)),
        ({"currents": {"lft": 1.0, "right": -1.0}}, ("'lft'", "did you mean 'left'?")),
    ],
)
def test_refuses(bar, arguments, fragments, refuses):
    with refuses(InputError, *fragments):
        of.solve(bar(), **arguments)


@pytest.mark.filterwarnings("error::ohmr_fem.errors.ConvergenceWarning")
@pytest.mark.parametrize("X, beta", [((1.0, 1e-6, 1e3), 1.0), ((1.0, 1.0, 1e-8), 1e3)])
def test_a_large_component_that_is_not_read_raises_no_alarm(X, beta):
    """n^y exceeds what is read, n^z, a thousandfold, and so does the rest it leaves: tanh(z)/z all
    the same.
    """
    problem = of.Problem(of.cross_section(3.0), simple_material(inverse_mass=np.diag(X)))
    rho = of.magnetoresistance(problem, (beta * TESLA, 0.0, 0.0))
    z = 1.5 * np.sqrt(1.0 + 1j * beta * np.sqrt(X[1] * X[2]))
    alpha2 = problem.material.orbital_hall_angle**2
    assert -rho / alpha2 == pytest.approx((np.tanh(z) / z).real, rel=1e-9)


@pytest.mark.filterwarnings("error::ohmr_fem.errors.ConvergenceWarning")
def test_layers_of_one_ratio_raise_no_alarm():
    """sigma and D both a millionfold: the smaller leaves a rest of the larger, and no more."""
    from ohmr_fem.analytic.layers import Layer, layered_strip

    materials = {
        name: simple_material(
            sheet_conductivity=k, diffusion_constant=k, diffusion_length=None, inverse_mass=1.0
        )
        for name, k in (("a", 1.0), ("b", 1e6))
    }
    mesh = of.cross_section(2.8, resolve=0.02, regions={"a": (0, 1.1), "b": (1.1, 2.8)})
    rho = of.magnetoresistance(of.Problem(mesh, materials))
    angle = materials["a"].orbital_hall_angle
    layers = [Layer(1.1, alpha=angle), Layer(1.7, 1e6, 1.0, 1e6, angle)]
    assert abs(rho) == pytest.approx(abs(layered_strip(layers).relative), rel=1e-10)
