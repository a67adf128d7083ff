"""Assembled matrices in SI units against integrals of polynomials in closed form; contacts in the
space.
"""

from __future__ import annotations

import numpy as np
import pytest
import skfem

import ohmr_fem as of
from ohmr_fem.errors import InputError, MeshError
from ohmr_fem.mesh.grids import tensor_grid
from ohmr_fem.solver import forms
from ohmr_fem.solver.system import System, system_of
from ohmr_fem.units import ELECTRON_MASS, ELEMENTARY_CHARGE
from validation.case import simple_material

X = np.array([[1.0, 0.3, 0.2], [0.3, 0.7, -0.1], [0.2, -0.1, 0.4]])
B = np.array([1.1, -0.6, 0.8])
MATERIAL = of.Material(
    sheet_conductivity=2.0,
    diffusion_constant=3.0,
    relaxation_time=(0.5, 0.4, 0.8),
    orbital_hall_angle=0.3,
    inverse_orbital_hall_angle=-0.7,
    inverse_mass=X,
    g_factor=1.5,
)
LINES = np.array([0.0, 0.4, 0.7, 1.0])


def grid(cells="triangle", axes=("x", "y")):
    return tensor_grid(LINES, LINES, cells=cells, axes=axes)


def device(cells="triangle", order=2, axes=("x", "y"), **options):
    return of.Problem(grid(cells, axes), MATERIAL, order=order, **options)


def of_xy(system, f):
    """Coefficients of a polynomial, by projection: right for hierarchical elements too."""
    x = np.asarray(system.basis.global_coordinates()) * system.scales.length
    mass = skfem.BilinearForm(lambda u, v, w: u * v).assemble(system.basis)
    return skfem.solve(mass, skfem.LinearForm(lambda v, w: w.f * v).assemble(system.basis, f=f(*x)))


def component(a, coefficients):
    out = np.zeros((3, coefficients.size))
    out[a] = coefficients
    return out.ravel()


@pytest.fixture(
    params=[("triangle", 2), ("triangle", 3), ("quad", 2), ("quad", 3)],
    ids=lambda p: f"{p[0]} P{p[1]}",
)
def system(request):
    return System(device(*request.param))


def test_scales(system):
    assert system.scales.conductivity == 2.0 and system.scales.diffusion == 3.0
    assert system.scales.length == pytest.approx(np.sqrt(3.0 / np.mean([2.0, 2.5, 1.25])))


def test_ohm(system):
    V, psi = of_xy(system, lambda x, y: x**2 + y), of_xy(system, lambda x, y: x * y)
    # sigma int 2 x y + x = 2 (1/2 + 1/2)
    assert system.scales.conductivity * (psi @ (system.K @ V)) == pytest.approx(2.0, rel=1e-12)


def test_orbital_hall_effect_and_its_inverse(system):
    V, w = of_xy(system, lambda x, y: x**2 + 3 * y), of_xy(system, lambda x, y: x * y)
    for a in range(
        3
    ):  # alpha sigma int (V_x w_y - V_y w_x) = 0.6 int (2 x^2 - 3 y), in the z component alone
        mine = system.scales.conductivity * (component(a, w) @ (system.S @ V))
        assert mine == pytest.approx(0.3 * 2.0 * -5 / 6 if a == 2 else 0.0, rel=1e-12)
        # alpha' D int (n_x psi_y - n_y psi_x)
        flow = system.scales.conductivity * (
            w @ (system.C @ component(a, V / system.scales.moment))
        )
        assert flow == pytest.approx(-0.7 * 3.0 * -5 / 6 if a == 2 else 0.0, rel=1e-12)


def test_reciprocal_detector_reads_the_row_of_the_tensor():
    s = System(device(detection="reciprocal"))
    n, psi = of_xy(s, lambda x, y: x**2), of_xy(s, lambda x, y: x * y)
    read = [
        s.scales.conductivity * (psi @ (s.C @ component(a, n / s.scales.moment))) for a in range(3)
    ]
    assert read == pytest.approx(-0.7 * 3.0 * 2 / 3 * X[2] / X[2, 2], rel=1e-12)


def test_diffusion_and_relaxation_per_component(system):
    n, w = of_xy(system, lambda x, y: x**2), of_xy(system, lambda x, y: 1 + x)
    unit = system.scales.conductivity / system.scales.moment
    for a, tau in enumerate(MATERIAL.relaxation_time):
        mine = unit * (component(a, w) @ (system.A_0 @ component(a, n)))
        assert mine == pytest.approx(
            3.0 * 1.0 + (1 / 3 + 1 / 4) / tau, rel=1e-12
        )  # D int 2x + int x^2 (1+x) / tau


def test_torque_is_equation_2(system):
    n, w = of_xy(system, lambda x, y: x**2), of_xy(system, lambda x, y: 1 + y)
    unit = system.scales.conductivity / system.scales.moment
    T = (
        0.5 * 1.5 * ELEMENTARY_CHARGE / ELECTRON_MASS * np.cross(B, X, axisb=0, axisc=0)
    )  # columns B x X_d
    mine = np.array(
        [
            [unit * (component(a, w) @ (system.torque(B) @ component(d, n))) for d in range(3)]
            for a in range(3)
        ]
    )
    assert np.allclose(mine, T * (1 / 3) * 1.5, rtol=1e-12, atol=1e-12 * np.abs(T).max())
    difference = system.A(B) - (system.A_0 + system.torque(B))
    assert abs(difference).max() < 1e-13 * abs(system.A(B)).max()


def test_edges():
    edges = {"top": (0.5, 0.0, 2.0), "bottom": "absorbing", "right": {"injected": (0.1, -0.2, 0.3)}}
    s = System(device(order=3, edges=edges))
    n, w = of_xy(s, lambda x, y: x**2), of_xy(s, lambda x, y: 1 + y)
    unit = s.scales.conductivity / s.scales.moment
    for a, (G, g) in enumerate(zip((0.5, 0.0, 2.0), (0.1, -0.2, 0.3), strict=True)):
        robin = unit * (component(a, w) @ (s.edges.absorption @ component(a, n)))
        assert robin == pytest.approx(G * 2 / 3, rel=1e-12, abs=1e-14)  # int_0^1 G x^2 (1+1) dx
        assert s.scales.conductivity * (component(a, w) @ s.injected_source) == pytest.approx(
            g * 1.5, rel=1e-12
        )
    y = s.basis.doflocs[1]
    kept = np.asarray(s.keep.sum(axis=1)).reshape(3, -1)
    assert np.array_equal(kept, np.tile(y > 1e-12, (3, 1)).astype(float))


@pytest.mark.parametrize("axes, component_of, sign", [(("y",), 2, 1.0), (("z",), 1, -1.0)])
def test_uniform_field_along_a_line(axes, component_of, sign):
    s = System(of.Problem(of.cross_section(1.0, normal=axes[0], cells=4), MATERIAL))
    w = of_xy(s, lambda y: y**2 + y)
    assert s.ohmic_current * s.scales.length * s.scales.conductivity == pytest.approx(
        2.0, rel=1e-12
    )
    for a in range(3):
        # alpha sigma E eps_iax int d_i w = +-0.6 [w]: eps_yzx = 1, eps_zyx = -1
        mine = s.scales.conductivity * (component(a, w) @ s.drive)
        assert mine == pytest.approx(sign * 0.6 if a == component_of else 0.0, rel=1e-12)
        flow = s.scales.conductivity * (component(a, w / s.scales.moment) @ s.response)
        assert flow == pytest.approx(sign * -0.7 * 3.0 if a == component_of else 0.0, rel=1e-12)
    assert s.S.nnz == 0 and s.C.nnz == 0


def test_uniform_field_along_a_wire():
    s = System(device(axes=("y", "z")))
    w = of_xy(s, lambda y, z: y**2 + 3 * z)
    mine = [s.scales.conductivity * s.scales.length * (component(a, w) @ s.drive) for a in range(3)]
    assert mine == pytest.approx(
        [0.0, -0.6 * 3, 0.6 * 1], rel=1e-12
    )  # -alpha sigma int w_z in y, +alpha sigma int w_y in z
    assert s.moved() == [(0, 2, 1.0), (1, 1, -1.0)] and s.normal == 0
    V = of_xy(s, lambda y, z: y**2)
    w = of_xy(s, lambda y, z: y * z)
    assert s.scales.conductivity * (component(0, w) @ (s.S @ V)) == pytest.approx(
        0.6 * 2 / 3, rel=1e-12
    )


def test_coefficients_that_vary_are_integrated():
    changing = simple_material(
        sheet_conductivity=lambda x, y: 1 + x,
        orbital_hall_angle=lambda x, y: y,
        inverse_orbital_hall_angle=0.3,
    )
    s = System(of.Problem(grid(), changing, order=3))
    V, w = of_xy(s, lambda x, y: x**2), of_xy(s, lambda x, y: x * y)
    # int (1+x) 2x y = 5/6; alpha sigma c(V, w) = int y (1+x) 2 x^2 = 1/2 (2/3 + 1/2)
    assert s.scales.conductivity * (w @ (s.K @ V)) == pytest.approx(5 / 6, rel=1e-12)
    assert s.scales.conductivity * (component(2, w) @ (s.S @ V)) == pytest.approx(7 / 12, rel=1e-12)


# -- contacts


@pytest.mark.parametrize("cells, order", [("triangle", 2), ("triangle", 4), ("quad", 3)])
def test_contacts_read_a_linear_potential(cells, order):
    contacts = {
        "left": of.Contact("profile", profile=lambda x, y: 1 + 6 * y),
        "right": of.Contact("probe"),
        "tip": of.Contact("point", at=(0.31, 0.77)),
    }
    s = System(device(cells, order, contacts=contacts))
    V = of_xy(s, lambda x, y: x + 2 * y)
    read = {name: float(t.load @ V) for name, t in s.terminals.items()}
    assert read["left"] == pytest.approx(
        2 * (1 / 2 + 6 / 3) / 4, rel=1e-12
    )  # weighted with the normalised profile
    assert read["right"] == pytest.approx(2.0, rel=1e-12) and read["tip"] == pytest.approx(
        0.31 + 1.54, rel=1e-12
    )
    one = of_xy(s, lambda x, y: 1 + 0 * x)
    assert [float(t.load @ one) for t in s.terminals.values()] == pytest.approx(
        [1.0] * 3, rel=1e-12
    )


@pytest.mark.parametrize("cells, order", [("triangle", 2), ("quad", 2), ("quad", 4)])
def test_equipotential_contacts_are_one_unknown_each(cells, order):
    s = System(device(cells, order, contacts=["left", "right"]))
    assert s.terminals["left"].column == 0 and s.terminals["right"].column == 1
    V = s.tie @ np.concatenate(
        [[1.0, 2.0], np.random.default_rng(1).normal(size=s.tie.shape[1] - 2)]
    )
    for name, level in (
        ("left", 1.0),
        ("right", 2.0),
    ):  # constant along the contact, bubbles of the edge included
        edge = skfem.FacetBasis(
            s.basis.mesh, s.basis.elem, facets=s.problem.mesh.boundaries[name], intorder=8
        )
        assert np.allclose(np.asarray(edge.interpolate(V)), level, rtol=0, atol=1e-13)
        assert s.terminals[name].load @ V == pytest.approx(level)
    assert np.array_equal(s.free_columns(()), np.arange(1, s.tie.shape[1]))
    assert np.array_equal(s.free_columns(("left", "right")), np.arange(2, s.tie.shape[1]))


@pytest.mark.parametrize(
    "contacts, fragments",
    [
        (["left", "top"], ("'left'", "'top'", "touch", "insulating edge")),
        ({"left": of.Contact(), "top": of.Contact("profile")}, ("'left'", "'top'", "touch")),
        ({"top": of.Contact("profile"), "left": of.Contact()}, ("'left'", "'top'", "touch")),
        (
            {"left": of.Contact("profile"), "top": of.Contact("profile")},
            ("'left'", "'top'", "touch"),
        ),
        (
            {"left": of.Contact("profile", profile=lambda x, y: y - 0.5)},
            ("'left'", "integrate to zero"),
        ),
        (
            {"left": of.Contact("profile", profile=lambda x, y: 0.0)},
            ("'left'", "integrate to zero"),
        ),
        ({"left": of.Contact("profile", profile=lambda x, y: y / 0)}, ("'left'", "finite")),
        (
            {"left": of.Contact("profile", profile=lambda x, y: np.ones(3))},
            ("'left'", "(3,)", "element by element"),
        ),
        ({"left": of.Contact("profile", profile=lambda x, y: "a")}, ("'left'", "'a'")),
        (
            {"tip": of.Contact("point", at=(3.0, 0.5))},
            ("'tip'", "outside the device", "(3.0, 0.5) m"),
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:.*divide:RuntimeWarning")
def test_contacts_refuse(contacts, fragments, refuses):
    with refuses(InputError, *fragments):
        System(device(contacts=contacts))


def test_probes_and_points_may_touch_what_they_read():
    s = System(
        device(
            contacts={
                "left": of.Contact(),
                "top": of.Contact("probe"),
                "tip": of.Contact("point", at=(0.0, 1.0)),
            }
        )
    )
    assert len(s.terminals) == 3


def test_a_folded_cell_is_refused(refuses):
    p = np.array([[0.0, 1.0, 0.4, 0.0], [0.0, 0.0, 0.2, 1.0]])  # not convex: the bilinear map folds
    mesh = of.DeviceMesh(skfem.MeshQuad1(p, np.array([[0], [1], [2], [3]])), ("x", "y"))
    with refuses(MeshError, "folds"):
        System(of.Problem(mesh, MATERIAL))


def test_assembled_once():
    prob = device()
    assert system_of(prob) is system_of(prob)
    assert system_of(prob).potential_solver() is system_of(prob).potential_solver()


def test_equal_matrices_stand_once():
    """A coefficient that is 1 in its own scale takes no copy, and one that is 0 nothing at all."""
    uniform = simple_material(sheet_conductivity=0.3, diffusion_length=0.7, relaxation_time=0.9)
    system = System(of.Problem(grid(), uniform))
    assert system.K is system.diffusion
    assert system.pencil[1] is system.relaxation[0]
    double = system.matrix(forms.mass, np.full((system.basis.nelems, 6), 2.0))
    assert np.shares_memory(double.indices, system.pencil[1].indices)
    assert np.array_equal(double.data, 2.0 * system.pencil[1].data)
    curl = system.matrix(forms.curl, np.ones((system.basis.nelems, 6)))
    assert system.C.nnz == curl.nnz
