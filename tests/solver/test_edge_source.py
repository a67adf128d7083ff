"""Sources that follow the current along an edge, and the edge currents that moments drive."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.mesh.grids import tensor_grid
from ohmr_fem.solver.resolution import physics_notes
from validation.case import simple_material

pytestmark = pytest.mark.filterwarnings(
    "ignore::ohmr_fem.errors.ResolutionWarning", "ignore::ohmr_fem.errors.PhysicsWarning"
)

TESLA = 2 * 9.1093837139e-31 / 1.602176634e-19
B = np.array([1.6, -0.7, 0.5]) * TESLA
X = np.array([[1.0, 0.15, 0.1], [0.15, 0.8, -0.05], [0.1, -0.05, 0.5]])
KAPPA, BACK = 0.21, -0.34
PAIRS = {"current": ("left", "right"), "voltage": ("t1", "t2")}
ALL = ("left", "right", "t1", "t2", "b1", "b2")


def hall_bar(cells="triangle", contacts=ALL, **options):
    """6 x 2 with six contacts, the rest of the boundary in two edges."""
    mesh = tensor_grid(np.linspace(-3, 3, 13), np.linspace(-1, 1, 5), cells=cells)
    names = {"left": lambda p: p[0] < -3 + 1e-9, "right": lambda p: p[0] > 3 - 1e-9}
    for name, side, at in (("t1", 1, -0.75), ("t2", 1, 0.75), ("b1", -1, -0.75), ("b2", -1, 0.75)):
        names[name] = lambda p, side=side, at=at: (side * p[1] > 1 - 1e-9) & (abs(p[0] - at) < 0.3)
    for name, side in (("top", 1), ("bottom", -1)):
        names[name] = lambda p, side=side: (side * p[1] > 1 - 1e-9) & (abs(abs(p[0]) - 0.75) > 0.3)
    mesh = mesh.with_boundaries(names)
    material = options.pop("material", simple_material(inverse_mass=X, orbital_hall_angle=0.3))
    return of.Problem(mesh, material, contacts, **options)


def annulus(material, edges, coupling):
    """A disc with a hole cut out of a grid, current between two pieces of the outer edge."""
    mesh = tensor_grid(
        np.linspace(-2, 2, 13),
        np.linspace(-2, 2, 13),
        cells="quad",
        keep=lambda p: (np.hypot(*p) < 2.01) & (np.hypot(*p) > 0.7),
    )
    outer = lambda p: np.hypot(*p) > 1.2  # noqa: E731
    named = mesh.with_boundaries(
        {
            "left": lambda p: p[0] < -1.99,
            "right": lambda p: p[0] > 1.99,
            "up": lambda p: p[1] > 1.99,
            "rim": lambda p: outer(p) & (np.abs(p[0]) < 1.99) & (p[1] < 1.99),
            "hole": lambda p: ~outer(p),
        }
    )
    return of.Problem(named, material, ("left", "right", "up"), edges=edges, coupling=coupling)


def other_angles(prob, alpha, back):
    m = simple_material(
        inverse_mass=prob.material.inverse_mass,
        orbital_hall_angle=alpha,
        inverse_orbital_hall_angle=back,
    )
    return replace(prob, materials=m, edges={})


@pytest.mark.parametrize("coupling", ["linear", "full"])
@pytest.mark.parametrize("detection", ["printed", "reciprocal"])
@pytest.mark.parametrize("cells, order", [("triangle", 2), ("quad", 3)])
def test_one_source_on_every_edge_is_an_angle(coupling, detection, cells, order):
    """c(V, w) = oint (d_t V) w: alpha -> alpha + kappa, alpha' -> alpha' + kappa'."""
    law = of.Edge(source=KAPPA, inverse_source=BACK)
    prob = hall_bar(
        cells,
        edges={"top": law, "bottom": law},
        coupling=coupling,
        detection=detection,
        order=order,
    )
    plain = other_angles(prob, 0.3 + KAPPA, 0.3 + BACK)
    for field in (np.zeros(3), B):
        one, other = (of.resistance(p, field, **PAIRS) for p in (prob, plain))
        assert one.delta_R == pytest.approx(other.delta_R, rel=1e-11)
        assert one.delta_R != pytest.approx(
            of.resistance(replace(prob, edges={}), field, **PAIRS).delta_R, rel=1e-2
        )


@pytest.mark.parametrize("coupling", ["linear", "full"])
def test_annulus(coupling):
    law = of.Edge(source=KAPPA, inverse_source=BACK)
    prob = annulus(simple_material(inverse_mass=X), {"rim": law, "hole": law}, coupling)
    plain = other_angles(prob, 0.3 + KAPPA, 0.3 + BACK)
    pairs = {"current": ("left", "right"), "voltage": ("up", "right")}
    one, other = (of.resistance(p, B, **pairs) for p in (prob, plain))
    assert one.delta_R == pytest.approx(other.delta_R, rel=1e-12)
    only_rim = replace(prob, edges={"rim": law})
    assert of.resistance(only_rim, B, **pairs).delta_R != pytest.approx(one.delta_R, rel=1e-3)


def section(shape):
    if shape == "strip":
        return of.cross_section(1.7), ("lower", "upper")
    if shape == "film":
        return of.cross_section(1.7, normal="z"), ("lower", "upper")
    mesh = tensor_grid(
        np.linspace(-0.8, 0.8, 9), np.linspace(-0.5, 0.5, 7), cells="quad", axes=("y", "z")
    )
    return mesh, tuple(mesh.boundaries)


@pytest.mark.parametrize("shape", ["strip", "film", "wire"])
@pytest.mark.parametrize("coupling", ["linear", "full"])
@pytest.mark.parametrize("detection", ["printed", "reciprocal"])
def test_sections(shape, coupling, detection):
    mesh, names = section(shape)
    assert len(names) in (2, 4)
    law = of.Edge(source=KAPPA, inverse_source=BACK)
    prob = of.Problem(
        mesh,
        simple_material(inverse_mass=X),
        edges=dict.fromkeys(names, law),
        coupling=coupling,
        detection=detection,
    )
    plain = other_angles(prob, 0.3 + KAPPA, 0.3 + BACK)
    one, other = (of.magnetoresistance(p, B) for p in (prob, plain))
    assert one == pytest.approx(other, rel=1e-11)


def test_one_edge_of_a_strip():
    """D n' = alpha sigma E at the lower edge and (alpha + kappa) sigma E at the upper: the odd and
    the even solution of n'' = q^2 n,

        n = sigma E/D [(alpha + kappa/2) sinh(q y)/(q cosh(q l/2))
                       + (kappa/2) cosh(q y)/(q sinh(q l/2))],

    and J_x gains alpha' D [n] and kappa' D n at the upper edge.
    """
    alpha, back, l, phi = 0.3, 0.2, 1.7, 1.4  # noqa: E741
    law = of.Edge(source=KAPPA, inverse_source=BACK)
    prob = of.Problem(
        of.cross_section(l),
        simple_material(orbital_hall_angle=alpha, inverse_orbital_hall_angle=back),
        edges={"upper": law},
    )

    def exact(q):
        odd = (alpha + KAPPA / 2) * np.tanh(q * l / 2) / q
        even = KAPPA / 2 / (np.tanh(q * l / 2) * q)
        return (back * 2 * odd + BACK * (odd + even)) / l

    for field, q in ((0.0, 1.0), (phi, np.sqrt(1 + 1j * phi))):
        found = -of.magnetoresistance(prob, (field * TESLA, 0.0, 0.0))
        assert found == pytest.approx(float(np.real(exact(q))), rel=1e-9)


def test_a_source_by_component_on_a_strip():
    """kappa^y at both edges, B along x turns y into z: Im F(1 + i phi) of the strip."""
    l, phi, alpha = 1.7, 1.4, 0.3  # noqa: E741
    law = of.Edge(source=(0.0, KAPPA, 0.0), inverse_source=(0.0, 0.0, 0.0))
    prob = of.Problem(of.cross_section(l), simple_material(), edges={"lower": law, "upper": law})
    q = np.sqrt(1 + 1j * phi)
    F = 2 * np.tanh(q * l / 2) / (q * l)
    # d_t n = -(n + phi [x]_x n): n^y + i n^z decays with 1 + i phi
    expected = alpha * (alpha * F.real + KAPPA * F.imag)
    found = -of.magnetoresistance(prob, (phi * TESLA, 0.0, 0.0))
    assert found == pytest.approx(expected, rel=1e-9)


def three_regions(X_of, detection, **law):
    mesh = hall_bar().mesh.with_regions(
        {
            "a": lambda p: p[0] < -0.5,
            "b": lambda p: (p[0] > -0.5) & (p[1] > 0),
            "c": lambda p: (p[0] > -0.5) & (p[1] < 0),
        }
    )
    materials = {
        name: simple_material(
            sheet_conductivity=sigma,
            diffusion_length=None,
            diffusion_constant=D,
            orbital_hall_angle=alpha,
            inverse_mass=tensor,
        )
        for name, sigma, D, alpha, tensor in zip(
            "abc", (1.0, 2.0, 0.5), (1.0, 0.6, 1.7), (0.3, 0.0, -0.2), X_of, strict=True
        )
    }
    return of.Problem(mesh, materials, ALL, edges={"top": of.Edge(0.4, **law)}, detection=detection)


def asymmetry(prob):
    pairs = (("left", "t2"), ("b1", "right"))
    forth = of.resistance(prob, B, current=pairs[0], voltage=pairs[1])
    back = of.resistance(prob, -B, current=pairs[1], voltage=pairs[0])
    return abs(forth.delta_R - back.delta_R) / abs(forth.delta_R)


FULL = (X, np.diag([0.7, 1.2, 0.9]) + 0.1 * X, X[::-1, ::-1])


@pytest.mark.parametrize("coupling", ["linear", "full"])
@pytest.mark.parametrize("law", [{"source": 0.5}, {"source": (0.3, -0.2, 0.5)}])
def test_reciprocal_between_regions(coupling, law):
    prob = replace(three_regions(FULL, "reciprocal", **law), coupling=coupling)
    assert asymmetry(prob) < 1e-10


@pytest.mark.parametrize("coupling", ["linear", "full"])
def test_reciprocal_on_one_material(coupling):
    """In the plane the reciprocal detector weighs n^x with X_xx/X_zz, not with 1."""
    m = simple_material(inverse_mass=FULL[0], orbital_hall_angle=0.3)
    prob = replace(
        three_regions(FULL, "reciprocal", source=(0.4, 0.2, 0.1)), materials=m, coupling=coupling
    )
    assert asymmetry(prob) < 1e-10


def test_what_breaks_reciprocity_is_warned_of():
    def notes(prob):
        return " ".join(str(note) for note in physics_notes(prob, np.zeros(3)))

    block = tuple(np.diag(np.diag(tensor)) for tensor in FULL)
    along = three_regions(block, "printed", source=0.5)
    assert "Onsager" not in notes(along) and asymmetry(along) < 1e-10
    across = three_regions(block, "printed", source=(0.3, 0.0, 0.5))
    assert "not along z" in notes(across) and asymmetry(across) > 1e-4
    unequal = three_regions(block, "printed", source=0.5, inverse_source=0.2)
    assert "edge source" in notes(unequal) and asymmetry(unequal) > 1e-4


def test_moments_balance():
    prob = hall_bar(edges={"top": of.Edge((0.4, 0.1, 0.2), source=KAPPA)})
    sol = of.solve(prob, B, currents={"left": 1.0, "t1": -1.0})
    parts = sol.moment_balance()
    total = parts["relaxation"] + parts["torque"] + parts["outflow"] - parts["injected"]
    assert np.abs(parts["injected"]).max() > 0.01
    assert np.abs(total).max() < 1e-12 * np.abs(parts["injected"]).max()
    assert sum(sol.contact_currents.values()) == pytest.approx(0.0, abs=1e-12)


def test_paths_without_a_measure(refuses):
    prob = hall_bar(edges={"top": of.Edge(source=KAPPA)})
    curve = of.hanle_curve(prob, np.outer(np.linspace(-1, 1, 11), B), tolerance=1e-9, **PAIRS)
    assert curve.method.startswith("reduced") and "edge 'top'" in curve.method
    direct = of.resistance(prob, B, **PAIRS)
    assert curve.delta_R[-1] == pytest.approx(direct.delta_R, rel=1e-8)
    with refuses(of.InputError, "edge 'top'", "source"):
        of.spectral_measure(prob, **PAIRS)


def test_what_is_refused(refuses):
    with refuses(of.InputError, "Edge", "source", "three"):
        of.Edge(source=(1.0, 2.0))
    film = of.cross_section(1.0, normal="z")
    with refuses(of.InputError, "upper", "one source"):
        of.Problem(film, simple_material(), edges={"upper": of.Edge(source=(0.1, 0.0, 0.0))})
    bound = of.Edge(edge_moment=1e-12)
    with refuses(of.InputError, "upper", "normal to z"):
        of.Problem(film, simple_material(), edges={"upper": bound})
    wire = of.rectangle(2.0, 1.0, axes=("y", "z"), h_min=0.5, h_max=0.5)
    with refuses(of.InputError, "top", "normal to z"):
        of.Problem(wire, simple_material(), edges={"top": bound, "left": bound})
    hall = simple_material(mobility=0.3)
    with refuses(of.InputError, "top", "ordinary_hall"):
        hall_bar(material=hall, ordinary_hall=True, edges={"top": of.Edge(source=0.1)})


def test_saved_and_loaded(tmp_path):
    edges = {"top": of.Edge(0.2, source=(0.1, 0.0, KAPPA), inverse_source=BACK, edge_moment=2e-12)}
    prob = hall_bar(edges=edges)
    sol = of.solve(prob, B, currents={"left": 1.0, "right": -1.0})
    again = of.load(of.save(sol, tmp_path / "edge.npz"))
    assert again.problem.edges == prob.edges
    assert np.array_equal(again.orbital_dofs, sol.orbital_dofs)


def test_a_bound_moment_adds_to_what_is_observed_alone():
    """A bar in a uniform current: E_t = +- E_x along t = +- x at the upper and lower edge."""
    chi = 3e-12
    mesh = tensor_grid(np.linspace(0, 4, 9), np.linspace(-1, 1, 5), cells="quad")
    laws = {name: of.Edge(edge_moment=chi) for name in ("top", "bottom")}
    prob = of.Problem(mesh, simple_material(orbital_hall_angle=0.0), ("left", "right"), edges=laws)
    sol = of.solve(prob, currents={"left": 1.0, "right": -1.0})
    for name, sign in (("top", 1.0), ("bottom", -1.0)):
        points, moment = sol.bound_moment(name)
        assert points.shape == (2, 8) and np.all(np.abs(points[1]) == 1.0)
        assert moment[2] == pytest.approx(sign * chi * 0.5, rel=1e-10)
        assert not np.any(moment[:2])
    bare = of.solve(replace(prob, edges={}), currents={"left": 1.0, "right": -1.0})
    assert np.array_equal(sol.moment_dofs, bare.moment_dofs)
    strip = of.Problem(
        of.cross_section(2.0), simple_material(), edges={"upper": of.Edge(edge_moment=chi)}
    )
    _, moment = of.solve(strip, electric_field=5.0).bound_moment("upper")
    assert moment[2, 0] == pytest.approx(5.0 * chi)
