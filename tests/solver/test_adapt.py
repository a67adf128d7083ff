"""Error bars and refinement: identities of the estimate, how it ends, and what survives.
Effectivity is in validation.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem import analytic
from ohmr_fem.errors import ConvergenceWarning, InputError
from ohmr_fem.mesh.grids import annulus_mesh, tensor_grid
from ohmr_fem.solver import adapt_error
from ohmr_fem.solver.adapt import FLOOR
from ohmr_fem.solver.adapt_error import localise, solve_fields
from ohmr_fem.solver.adapt_mesh import marked, refined, unknowns
from ohmr_fem.solver.system import system_of
from tests.mesh.test_generate import agrees, random_device
from validation.adaptivity import half_annulus
from validation.case import simple_material
from validation.strip_tensor import TESLA

X = np.array([[1.0, 0.3, 0.2], [0.3, 0.7, -0.1], [0.2, -0.1, 0.4]])
B = np.array([1.1, -0.6, 0.8]) * TESLA
ALONG = ("left", "right"), ("t1", "t2")
ACROSS = ("left", "t1"), ("t2", "b2")

pytestmark = pytest.mark.filterwarnings(
    "ignore::ohmr_fem.errors.PhysicsWarning", "ignore::ohmr_fem.errors.ResolutionWarning"
)


def higher(prob):
    return dataclasses.replace(prob, order=prob.order + 1)


def two_regions(bar, **options):
    """Two materials of full X that differ in everything, one edge absorbing, full or linear
    coupling.
    """
    prob = bar(cells=options.pop("cells", "triangle"), step=0.5)
    mesh = prob.mesh.with_regions({"a": lambda p: p[0] < 0, "b": lambda p: p[0] >= 0})
    rest = simple_material(
        inverse_mass=2 * X, sheet_conductivity=2.0, relaxation_time=0.6, orbital_hall_angle=0.2
    )
    return of.Problem(
        mesh, {"a": simple_material(inverse_mass=X), "b": rest}, prob.contacts, **options
    )


# -- the estimate


@pytest.mark.parametrize("pairs", [ALONG, ACROSS])
@pytest.mark.parametrize(
    "kind, options",
    [
        ("uniform", {}),
        ("uniform", {"cells": "quad", "order": 3}),
        ("uniform", {"detection": "reciprocal"}),
        ("regions", {"order": 1}),
        ("regions", {"coupling": "full"}),
        ("regions", {"coupling": "full", "cells": "quad"}),
    ],
)
def test_cells_add_up_to_the_difference_of_the_orders(bar, kind, options, pairs):
    """The dual-weighted sum has five products of differences; delta_R knows of none of them."""
    prob = (
        two_regions(bar, **options)
        if kind == "regions"
        else bar(simple_material(inverse_mass=X), step=0.5, **options)
    )
    low, high = (solve_fields(p, B, *pairs) for p in (prob, higher(prob)))
    for fields, p in ((low, prob), (high, higher(prob))):
        exact = of.resistance(p, B, current=pairs[0], voltage=pairs[1])
        assert fields.delta_R == pytest.approx(exact.delta_R, rel=1e-10)
        assert fields.delta_R_dual == pytest.approx(exact.delta_R, rel=1e-10)
        assert fields.R_ohmic == pytest.approx(exact.R_ohmic, rel=1e-10)
    cells = localise(low, high, B)
    difference = high.delta_R - low.delta_R
    assert abs(difference) > 1e-6 * abs(high.delta_R)
    assert cells.signed.sum() == pytest.approx(difference, rel=1e-8)
    assert np.all(cells.size >= 0) and np.all(
        cells.size.sum(axis=0) >= np.abs(cells.signed) * (1 - 1e-12)
    )


@pytest.mark.parametrize(
    "tensor, field",
    [
        (X, B),
        (X, 0 * B),
        (np.eye(3), np.array([2.0, 0, 0]) * TESLA),
        (np.diag([1.0, 1.0, -0.1]), np.array([0.3, 0, 0.1]) * TESLA),
    ],
)
def test_scalar_systems_give_the_fields_of_the_vector_system(bar, monkeypatch, tensor, field):
    prob = bar(simple_material(inverse_mass=tensor), step=0.5, detection="reciprocal")
    fast = solve_fields(prob, field, *ALONG)
    monkeypatch.setattr(adapt_error, "_scalar", lambda *_: None)
    slow = solve_fields(prob, field, *ALONG)
    for name in ("n", "z", "V_1", "u_1"):
        one, other = getattr(fast, name), getattr(slow, name)
        assert np.allclose(one, other, rtol=0, atol=1e-11 * np.abs(other).max()), name


# -- where to refine


def test_lines_of_a_grid_are_halved_whole(bar):
    device = bar(cells="quad").mesh
    size = np.zeros((4, device.n_cells))
    size[0, 5] = 1.0  # one facet of one cell
    chosen = marked(device, size, 0.9)
    facet = device.mesh.t2f[0, 5]
    along = np.abs(np.diff(device.mesh.p[:, device.mesh.facets[:, facet]])).ravel() > 0
    axis = 0 if along[0] else 1
    middle = device.mesh.p[:, device.mesh.facets].mean(axis=1)
    assert chosen[facet] and np.ptp(middle[axis][chosen]) < 1e-12
    lines = 2.0 if axis == 0 else 6.0
    assert chosen.sum() == round(lines / 0.25) + 1


def test_triangles_are_halved_where_the_error_is(bar):
    device = bar().mesh
    size = np.full((3, device.n_cells), 1e-9)
    size[:, [3, 40]] = 1.0
    assert set(np.flatnonzero(marked(device, size, 0.9))) <= set(
        device.mesh.t2f[:, [3, 40]].ravel()
    )


@pytest.mark.parametrize(
    "cells, order", [("triangle", 1), ("triangle", 4), ("quad", 1), ("quad", 5)]
)
def test_unknowns_are_counted_without_assembling(bar, cells, order):
    prob = bar(cells=cells, order=order, step=0.5)
    assert unknowns(prob.mesh, order) == system_of(prob).N


def test_budget_takes_less_and_then_nothing(bar):
    prob = bar(step=0.5)
    size = np.ones((3, prob.mesh.n_cells))
    now = unknowns(prob.mesh, 3)
    full, part = (refined(prob, size, 10.0, n) for n in (10**6, int(1.5 * now)))
    assert now < unknowns(part.mesh, 3) <= 1.5 * now < unknowns(full.mesh, 3)
    assert refined(prob, size, 10.0, now + 1) is None


def test_coefficients_given_cell_by_cell_go_to_the_children(bar):
    prob = bar(step=0.5)
    x = prob.mesh.mesh.p[0, prob.mesh.mesh.t].mean(axis=0)
    sigma = 1.0 + x**2
    prob = of.Problem(prob.mesh, simple_material(sheet_conductivity=sigma), prob.contacts)
    rng = np.random.default_rng(3)
    finer = refined(prob, rng.random((3, prob.mesh.n_cells)), 2.0, 10**6)
    assert finer.mesh.n_cells > prob.mesh.n_cells
    centre = finer.mesh.mesh.p[:, finer.mesh.mesh.t].mean(axis=1)
    parent = prob.mesh.mesh.element_finder()(*centre)
    assert np.array_equal(finer.materials["bulk"].sheet_conductivity, sigma[parent])


# -- solve_to


def test_bar_within_its_error(bar):
    """A bar with contacts in its sides; numbers from order 3 refined down to 7e-7 ohm (delta_R) and
    1e-5 ohm (R_ohmic).
    """
    found = of.solve_to(
        bar(cells="quad", order=3), current=ALONG[0], voltage=ALONG[1], field=B, tolerance=2e-3
    )
    assert found.converged and found.reason == "tolerance" and found.relative_to == "value"
    assert abs(found.value + 0.0451798) < found.error <= 2e-3 * abs(found.corrected)
    assert abs(found.R_ohmic - 0.70085) < found.R_ohmic_error < 1e-2
    assert found.R_ohmic + float(found) == found.R and found.unknowns == system_of(found.problem).N
    again = of.resistance(found.problem, B, current=ALONG[0], voltage=ALONG[1])
    assert again.delta_R == pytest.approx(found.value, rel=1e-9)
    errors = [r.error for r in found.history]
    assert errors[-1] < 0.5 * errors[0] and len(found.table().splitlines()) == len(errors) + 1
    assert "delta_R = " in repr(found) and "tolerance" in repr(found)


@pytest.mark.parametrize("order", [2, 3])
def test_bar_against_a_ring_known_exactly(order):
    """docs/theory, closed form of the annulus: the bar is true in every round, not only in the
    last.
    """
    device = half_annulus(3.0, order, around=96)
    found = device.solve(1e-5 if order == 2 else 1e-7)
    for r in found.history:
        assert 0.5 < r.error / abs(r.value - device.exact) < 5
    assert len(found.history) > 2 and abs(found.value - device.exact) < found.history[-1].allowed


def test_several_fields_are_all_served(bar):
    fields = np.array([[0, 0, 0], [5, 0, 0], [0, 1, 1]]) * TESLA
    found = of.solve_to(
        bar(cells="quad"), current=ALONG[0], voltage=ALONG[1], field=fields, tolerance=3e-3
    )
    assert found.value.shape == found.error.shape == (3,) and np.all(
        found.error <= 3e-3 * np.abs(found.corrected)
    )
    curve = of.hanle_curve(found.problem, fields, current=ALONG[0], voltage=ALONG[1])
    assert found.value == pytest.approx(curve.delta_R, rel=1e-7)


def test_a_value_that_vanishes_by_symmetry_ends():
    lines = np.linspace(-1, 1, 9)
    mesh = tensor_grid(3 * lines, lines, cells="quad").with_boundaries(
        {
            "left": lambda p: p[0] < -2.99,
            "right": lambda p: p[0] > 2.99,
            "t": lambda p: (p[1] > 0.99) & (abs(p[0]) < 0.8),
            "b": lambda p: (p[1] < -0.99) & (abs(p[0]) < 0.8),
        }
    )
    prob = of.Problem(mesh, simple_material(), ["left", "right", "t", "b"])
    found = of.solve_to(
        prob, current=("left", "right"), voltage=("t", "b"), field=(TESLA, 0, 0), tolerance=0.1
    )
    assert (
        found.converged and found.relative_to == "floor" and abs(found.value) < 1e-9 * found.scale
    )
    assert found.floor == FLOOR and found.history[-1].allowed == pytest.approx(
        0.1 * FLOOR * found.scale
    )


def test_out_of_budget_and_below_round_off(bar):
    pairs = {"current": ALONG[0], "voltage": ALONG[1], "field": B}
    with pytest.warns(ConvergenceWarning, match=r"budget of 3000 unknowns.*coarser"):
        found = of.solve_to(bar(), tolerance=1e-6, budget=3000, **pairs)
    assert not found.converged and found.reason == "budget" and "not converged" in repr(found)
    assert 0 < found.error < 0.1 * abs(found.value) and found.history[-1].unknowns_estimate <= 3000


def test_below_round_off():
    """The strip of docs/theory, section 5.1, in order 6: a tolerance of 1e-15 cannot be kept, and
    the bar covers round-off.
    """
    mesh = tensor_grid(
        np.linspace(0, 2, 5), np.linspace(-1.5, 1.5, 13), cells="quad"
    ).with_boundaries({"a": lambda p: p[0] < 1e-9, "b": lambda p: p[0] > 2 - 1e-9})
    prob = of.Problem(mesh, simple_material(), ["a", "b"], order=6)
    exact = -0.09 * (2 / 3) * float(np.real(analytic.strip_response(1 + 2j, 3.0)))
    with pytest.warns(ConvergenceWarning, match="round-off; ask for less"):
        found = of.solve_to(
            prob, current=("a", "b"), voltage=("a", "b"), field=(2 * TESLA, 0, 0), tolerance=1e-15
        )
    assert found.reason == "round-off" and not found.converged
    assert (
        abs(found.value - exact) < found.error < 1e-12 * abs(exact)
        and 0 < found.roundoff < found.error
    )


@pytest.mark.parametrize("cells", ["triangle", "quad"])
def test_names_and_shape_survive_three_rounds(cells):
    """A ring of curved cells in two regions."""
    ring = annulus_mesh(1.0, 2.0, around=32, cells=cells)
    device = ring.with_regions(
        {"in": lambda p: np.hypot(*p) < 1.4, "out": lambda p: np.hypot(*p) >= 1.4}
    )
    materials = {"in": simple_material(), "out": simple_material(sheet_conductivity=2.0)}
    problem = of.Problem(device, materials, ["inner", "outer"])
    rng = np.random.default_rng(1)
    area = region_areas(device)
    for _ in range(3):
        problem = refined(
            problem, rng.random((problem.mesh.mesh.t2f.shape[0], problem.mesh.n_cells)), 1.0, 10**6
        )
    finer = problem.mesh
    assert finer.n_cells > 4 * device.n_cells
    assert set(finer.boundaries) == set(device.boundaries) and set(finer.regions) == {"in", "out"}
    for name, was in region_areas(finer).items():
        assert was == pytest.approx(area[name], rel=1e-12)
    rim = finer.mesh.facets[:, finer.boundaries["outer"]]
    radius = np.hypot(*finer.mesh.p[:, rim])
    assert (
        np.abs(radius - 2.0).max() < 2.0 * (np.pi / 32) ** 4
    )  # on the quadratic curve; the chord is off by 1e-2


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_random_devices_conserve_current_and_keep_names_through_three_rounds(seed):
    """Arms, holes, regions and skew by lot: 1 A from left to right, refined where the error comes
    from.
    """
    geometry = random_device(seed)
    problem = of.Problem(
        of.mesh_device(geometry, 0.5, cells_per_length=0.5, corner=0.05, growth=3.0),
        simple_material(),
        list(geometry.contacts),
        order=1,
    )
    passive = dict.fromkeys(problem.contacts, 0.0)
    for _ in range(3):
        fields = [
            solve_fields(p, B, ("left", "right"), ("left", "right"))
            for p in (problem, higher(problem))
        ]
        problem = refined(problem, localise(*fields, B).size, 2.0, 10**6)
    solution = of.solve(problem, B, currents={"left": 1.0, "right": -1.0})
    assert solution.contact_currents == pytest.approx(
        passive | {"left": 1.0, "right": -1.0}, rel=0, abs=1e-9
    )
    agrees(problem.mesh, geometry, 1e-4 if geometry.curved else 1e-9)


def region_areas(device):
    from ohmr_fem.solver.space import cell_basis

    dx = cell_basis(device.mesh, 3).dx.sum(axis=1)
    return {name: dx[cells].sum() for name, cells in device.regions.items()}


def test_bad_input(bar, refuses):
    pairs = {"current": ALONG[0], "voltage": ALONG[1]}
    with refuses(InputError, "cross_section"):
        of.solve_to(of.Problem(of.cross_section(1.0), simple_material()), **pairs)
    with refuses(InputError, "one order higher", "at most 3", "4"):
        of.solve_to(bar(order=4), **pairs)
    with refuses(InputError, "tolerance", "positive"):
        of.solve_to(bar(), tolerance=-1.0, **pairs)
    with refuses(InputError, "field"):
        of.solve_to(bar(), field=np.zeros((0, 3)), **pairs)
    with refuses(InputError, "budget", "100 allowed", "coarser"):
        of.solve_to(bar(), budget=100, **pairs)
    with refuses(InputError, "left", "lefft"):
        of.solve_to(bar(), current=("lefft", "right"), voltage=ALONG[1])
