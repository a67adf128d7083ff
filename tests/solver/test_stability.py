"""What is refused or warned of before solving: growth of moments, edge layers too thin for the
cells, limits of the model.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg
import skfem
from scipy.optimize import brentq

import ohmr_fem as of
from ohmr_fem import analytic
from ohmr_fem.errors import PhysicsWarning, ResolutionWarning, SolveError
from ohmr_fem.mesh.grids import tensor_grid
from ohmr_fem.solver.resolution import LARGEST_CELL, check_resolution, decay_length, physics_notes
from ohmr_fem.solver.stability import (
    check_stability,
    check_sweep,
    lowest_diffusive_rate,
    slowest_rate,
)
from ohmr_fem.solver.system import system_of
from ohmr_fem.units import to_si
from validation.case import simple_material
from validation.strip_tensor import TESLA

#: Positive definite, and yet with relaxation times (4, 1, 1) the moments grow at (g e/2) tau B =
#: (0, -2, 0).
TILTED = np.array([[1.0, 0.0, 0.9], [0.0, 1.0, 0.0], [0.9, 0.0, 1.0]])
ALONG_X = np.array([1.0, 0.0, 0.0])


def anisotropic(tau=(4.0, 1.0, 1.0), X=TILTED, **changes):
    return simple_material(
        diffusion_length=None,
        diffusion_constant=1.0,
        relaxation_time=tau,
        inverse_mass=X,
        **changes,
    )


def strip(width=3.0, material=None, edges=None, **mesh):
    mesh = {"cells": 24, **mesh}
    material = simple_material(inverse_mass=(1.0, 1.0, -1.0)) if material is None else material
    return of.Problem(of.cross_section(width, **mesh), material, edges=edges or {})


def threshold(prob, direction, low, high):
    """Field at which the device stops having a steady state, by bisection on the refusal."""
    system = system_of(prob)
    for _ in range(30):
        middle = 0.5 * (low + high)
        try:
            check_stability(system, middle * direction * TESLA)
            low = middle
        except SolveError:
            high = middle
    return 0.5 * (low + high)


# -- theta < 0


@pytest.mark.parametrize(
    "edges, lowest",
    [
        ({}, 0.0),
        ({"lower": "absorbing"}, (np.pi / 2 / 1.3) ** 2),
        ({"lower": "absorbing", "upper": "absorbing"}, (np.pi / 1.3) ** 2),
        ({"lower": 0.7, "upper": 0.7}, brentq(lambda q: q * np.tan(q * 0.65) - 0.7, 0.1, 2.2) ** 2),
    ],
)
def test_limit_of_a_strip_is_one_plus_its_lowest_rate(edges, lowest):
    limit = threshold(strip(1.3, edges=edges), ALONG_X, 0.5, 20.0)
    assert limit == pytest.approx(1.0 + lowest, rel=1e-6)


def test_refusal_says_how_far_beyond(refuses):
    system = system_of(strip(1.0, edges={"lower": "absorbing", "upper": "absorbing"}))
    field = (1.5 + np.pi**2) * ALONG_X * TESLA
    with refuses(
        SolveError, "unstable torque", "B.adj(X).B < 0", "|omega| tau = 11.37", "smaller |B|"
    ) as caught:
        check_stability(system, field)
    assert caught.value.value == pytest.approx(-0.5, rel=1e-5)  # growth beyond 1 + pi^2
    assert "-0.5" in str(caught.value)


@pytest.mark.parametrize("path", ["solve", "magnetoresistance", "direct", "reduced", "spectral"])
def test_every_path_refuses(path, refuses):
    prob = strip()
    field = 1.1 * ALONG_X * TESLA
    with refuses(SolveError, "unstable torque"):
        if path == "solve":
            of.solve(prob, field)
        elif path == "magnetoresistance":
            of.magnetoresistance(prob, field)
        else:
            of.hanle_curve(prob, [0.5 * field, field], method=path)


def test_definite_tensors_pass_at_any_field():
    system = system_of(strip(material=simple_material(inverse_mass=TILTED)))
    for size in (1.0, 1e3, 1e6):
        check_stability(system, size * np.array([0.3, -1.0, 0.7]) * TESLA)
    flat = system_of(
        strip(material=simple_material(inverse_mass=(1.0, 1.0, 0.0)))
    )  # omega = 0: nilpotent, never grows
    check_stability(flat, 1e4 * np.array([1.0, 0.3, 0.0]) * TESLA)


@pytest.mark.parametrize(
    "changes",
    [
        {"inverse_mass": lambda y: np.diag([1.0, 1.0, -1.0])},
        {
            "diffusion_length": None,
            "diffusion_constant": 1.0,
            "relaxation_time": np.ones(24),
            "inverse_mass": (1.0, 1.0, -1.0),
        },
        {
            "diffusion_length": None,
            "diffusion_constant": 1.0,
            "relaxation_time": lambda y: 1 + 0 * y,
            "inverse_mass": (1, 1, -1),
        },
        {"sheet_conductivity": lambda y: 1 + 0 * y, "inverse_mass": (1.0, 1.0, -1.0)},
    ],
)
def test_functions_and_arrays_are_no_hiding_place(changes, refuses):
    system = system_of(strip(material=simple_material(**changes)))
    check_stability(system, 0.99 * ALONG_X * TESLA)
    with refuses(SolveError, "unstable torque"):
        check_stability(system, 1.01 * ALONG_X * TESLA)


def test_two_regions_share_their_growth():
    """Gain b - 1 in a layer of thickness a, loss 1 in one of thickness c: k tan(k a) = tanh(c), k^2
    = b - 1.
    """
    a, c = 0.8, 0.6
    mesh = of.cross_section(a + c, cells=28, regions={"gain": (0.0, a), "loss": (a, a + c)})
    prob = of.Problem(
        mesh,
        {
            "gain": simple_material(inverse_mass=(1.0, 1.0, -1.0)),
            "loss": simple_material(inverse_mass=0),
        },
    )
    exact = 1.0 + brentq(lambda k: k * np.tan(k * a) - np.tanh(c), 0.1, 1.9) ** 2
    assert threshold(prob, ALONG_X, 1.0, 3.0) == pytest.approx(exact, rel=1e-4)


# -- positive definite, and growing all the same


def local_threshold(tau, X, direction, low=0.0, high=10.0):
    """Where the real part of an eigenvalue of 1/tau + T first vanishes, (g e/2) B in units of
    TESLA.
    """

    def lowest(b):
        return np.linalg.eigvals(
            np.diag(1 / np.array(tau)) + np.cross(b * direction, X, axisb=0, axisc=0)
        ).real.min()

    grid = np.linspace(low, high, 2001)
    first = np.argmax([lowest(b) < 0 for b in grid])
    return brentq(lowest, grid[first - 1], grid[first])


@pytest.mark.filterwarnings("ignore::ohmr_fem.errors.PhysicsWarning")
def test_relaxation_by_component_can_grow(refuses):
    direction = np.array([0.0, -1.0, 0.0])
    prob = strip(material=anisotropic())
    exact = local_threshold((4.0, 1.0, 1.0), TILTED, direction)
    assert 0.3 < exact < 2.0
    assert threshold(prob, direction, 0.2, 2.0) == pytest.approx(exact, rel=1e-6)
    with refuses(SolveError, "unstable torque", "relax", "smaller |B|"):
        of.solve(prob, 2.0 * direction * TESLA)
    check_stability(system_of(prob), -2.0 * direction * TESLA)  # the other way round it decays


def test_relaxation_by_component_between_absorbing_edges():
    """Diffusion to the edges adds w = (pi/W)^2 to every rate."""
    direction, width = np.array([0.0, -1.0, 0.0]), 12.0
    w = (np.pi / width) ** 2
    prob = strip(width, anisotropic(), {"lower": "absorbing", "upper": "absorbing"}, cells=40)
    exact = local_threshold(1 / (1 / np.array([4.0, 1.0, 1.0]) + w), TILTED, direction)
    assert threshold(prob, direction, 0.2, 4.0) == pytest.approx(exact, rel=1e-5)


def test_absorption_by_component_can_grow(refuses):
    """In a strip much narrower than L_m an edge law (0, G, G) is one more relaxation rate 2 G/W:
    rates (1, 4, 4).
    """
    width = 1e-3
    law = (0.0, 1.5 * width, 1.5 * width)
    prob = strip(width, simple_material(inverse_mass=TILTED), {"lower": law, "upper": law}, cells=4)
    system, field = system_of(prob), np.array([0.0, -8.0, 0.0]) * TESLA
    with refuses(SolveError, "unstable torque"):
        check_stability(system, field)
    expected = np.linalg.eigvals(
        np.diag([1.0, 4.0, 4.0]) + np.cross([0, -8.0, 0], TILTED, axisb=0, axisc=0)
    ).real.min()
    assert slowest_rate(system, field) == pytest.approx(expected, rel=1e-3) and expected < 0


def test_two_layers_each_stable_are_unstable_together(refuses):
    """Layers that precess at one rate on crossed ellipses amplify what diffuses between them."""
    one, two = np.diag([1.0, 1.0, 25.0]), np.diag([1.0, 25.0, 1.0])
    width, b, count = 0.3, 1.0, 120
    mesh = of.cross_section(
        2 * width, cells=40, regions={"a": (0.0, width), "b": (width, 2 * width)}
    )
    layers = {"a": simple_material(inverse_mass=one), "b": simple_material(inverse_mass=two)}
    prob = of.Problem(mesh, layers, interface="density")
    h = 2 * width / count  # cell-centred finite differences, reflecting ends
    laplace = (
        np.diag(-2 * np.ones(count))
        + np.diag(np.ones(count - 1), 1)
        + np.diag(np.ones(count - 1), -1)
    ) / h**2
    laplace[0, 0] = laplace[-1, -1] = -1 / h**2
    A = np.kron(np.eye(2), np.eye(count) - laplace)  # components y, z
    for i in range(count):
        X = one if i < count // 2 else two
        A[i, count + i] -= b * X[2, 2]
        A[count + i, i] += b * X[1, 1]
    expected = np.linalg.eigvals(A).real.min()
    assert expected < -0.1
    assert slowest_rate(system_of(prob), b * ALONG_X * TESLA) == pytest.approx(expected, rel=2e-2)
    with refuses(SolveError, "unstable torque", "regions"):
        of.solve(prob, b * ALONG_X * TESLA)
    check_stability(system_of(prob), 0.02 * ALONG_X * TESLA)

    # what they amplify is what a continuous n feeds from one to the other: h cannot grow
    default = system_of(of.Problem(mesh, layers))
    assert slowest_rate(default, b * ALONG_X * TESLA) == pytest.approx(1.0, rel=1e-9)
    A, M = default.A(b * ALONG_X * TESLA), default.mass_matrix
    rates = scipy.linalg.eigvals(A.toarray(), M.toarray()).real
    assert rates.min() == pytest.approx(1.0, rel=1e-6)


# -- edge layers


def notes_of(prob, field=(0.0, 0.0, 0.0)):
    return check_resolution(system_of(prob), np.asarray(field, dtype=float))


@pytest.mark.parametrize("order", [1, 2, 3, 4, 8])
def test_cells_are_held_against_the_decay_length(order):
    allowed = LARGEST_CELL[order - 1]
    for factor, expected in ((0.99, 0), (1.01, 1)):
        cells = 12
        prob = of.Problem(
            of.cross_section(cells * allowed * factor, cells=cells), simple_material(), order=order
        )
        assert len(notes_of(prob)) == expected


def test_the_warning_holds_the_sizes():
    prob = of.Problem(
        of.cross_section("400 nm", cells=10), simple_material(diffusion_length="5 nm"), order=2
    )
    (note,) = notes_of(prob)
    assert isinstance(note, ResolutionWarning) and "\n" not in str(note)
    cell, decay, needed = (to_si(v, "m", "x") for v in re.findall(r"[\d.]+ [nµ]m", str(note)))
    assert (cell, decay, needed) == pytest.approx((40e-9, 5e-9, 4e-9), rel=1e-3)
    with pytest.warns(ResolutionWarning, match="order 2 needs cells of at most 4 nm"):
        of.solve(prob)
    with pytest.warns(ResolutionWarning):
        of.magnetoresistance(prob)
    with pytest.warns(ResolutionWarning):
        of.hanle_curve(prob, [(0.0, 0.0, 0.0)])


def test_decay_length_shrinks_with_the_field():
    prob = of.Problem(of.cross_section(10.0, cells=10), simple_material())
    for phi in (0.0, 3.0, 100.0):
        exact = 1.0 / np.sqrt(1 + 1j * phi).real
        assert decay_length(system_of(prob), np.array([phi, 0, 0]) * TESLA) == pytest.approx(
            np.full(10, exact), rel=1e-9
        )
    assert len(notes_of(prob)) == 0 and len(notes_of(prob, (100 * TESLA, 0.0, 0.0))) == 1


def test_only_edges_where_moments_gather_count():
    coarse_x = tensor_grid(np.linspace(0, 40, 5), np.linspace(0, 4, 9), cells="triangle")
    assert len(notes_of(of.Problem(coarse_x, simple_material(), ["left", "right"]))) == 0
    (note,) = notes_of(
        of.Problem(coarse_x, simple_material(), ["left"])
    )  # the right end is an insulating edge
    assert "cells of 10 m" in str(note)
    (note,) = notes_of(
        of.Problem(
            coarse_x,
            simple_material(),
            {"left": of.Contact(moment={"injected": 1.0}), "right": of.Contact()},
        )
    )  # a source contact has a layer of its own
    assert "cells of 10 m" in str(note)
    coarse_y = tensor_grid(np.linspace(0, 4, 9), np.linspace(0, 40, 5), cells="quad")
    assert "cells of 10 m" in str(
        notes_of(of.Problem(coarse_y, simple_material(), ["left", "right"]))[0]
    )
    everywhere = of.Problem(
        coarse_x,
        simple_material(),
        {
            n: of.Contact("profile" if n in ("top", "bottom") else "equipotential")
            for n in ("left", "right")
        },
    )
    assert len(notes_of(everywhere)) == 0


def test_regions_are_held_against_their_own_decay_length():
    mesh = of.cross_section(10.0, cells=10, regions={"short": (0.0, 5.0), "long": (5.0, 10.0)})
    materials = {
        "short": simple_material(diffusion_length=0.1),
        "long": simple_material(diffusion_length=9.0),
    }
    (note,) = notes_of(of.Problem(mesh, materials))
    assert "100 mm" in str(note)
    assert (
        len(notes_of(of.Problem(mesh, {"short": materials["long"], "long": materials["long"]})))
        == 0
    )


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_at_the_largest_cell_the_profile_is_good_to_a_few_percent(order):
    h = LARGEST_CELL[order - 1]
    cells = round(12 / h)
    prob = of.Problem(
        of.cross_section(0.999 * cells * h, cells=cells), simple_material(), order=order
    )
    value = -of.magnetoresistance(prob) / 0.09
    assert value == pytest.approx(
        float(np.real(analytic.strip_response(1.0, 0.999 * cells * h))), rel=0.03
    )


def test_silent_where_all_boundary_is_contact():
    mesh = skfem.MeshTri1.init_tensor(np.linspace(0, 100, 3), np.linspace(0, 100, 3))
    facets = mesh.boundary_facets()
    prob = of.Problem(of.DeviceMesh(mesh, ("x", "y"), {"all": facets}), simple_material(), ["all"])
    assert notes_of(prob) == []


# -- limits of the model


def texts(prob, field=(0.0, 0.0, 0.0)):
    notes = physics_notes(prob, np.asarray(field))
    assert all(isinstance(n, PhysicsWarning) and "\n" not in str(n) for n in notes)
    return " | ".join(map(str, notes))


GRID = tensor_grid(np.linspace(0, 2, 5), np.linspace(0, 1, 3), cells="triangle")
WIRE = tensor_grid(np.linspace(0, 2, 5), np.linspace(0, 1, 3), cells="triangle", axes=("y", "z"))
FULL = np.array([[1.0, 0.3, 0.0], [0.3, 0.7, 0.0], [0.0, 0.0, 0.4]])


def test_perpendicular_field_is_said():
    prob = of.Problem(GRID, simple_material())
    assert "z component" in texts(
        prob, (1.0, 0.0, 1e-6)
    ) and "Hall effect of the carriers" in texts(prob, (0, 0, 1))
    assert texts(prob, (1.0, 2.0, 0.0)) == "" and "z component" in texts(
        prob, [(1, 0, 0), (0, 0, 1)]
    )


def test_broken_onsager_relation_is_said():
    assert texts(of.Problem(GRID, simple_material(inverse_mass=FULL))) == ""
    tilted = simple_material(inverse_mass=TILTED)
    assert "X_za" in texts(of.Problem(GRID, tilted)) and "reciprocal" in texts(
        of.Problem(GRID, tilted)
    )
    assert texts(of.Problem(GRID, tilted, detection="reciprocal")) == ""
    cells = simple_material(
        inverse_mass=TILTED,
        sheet_conductivity=np.ones(GRID.n_cells),
        diffusion_length=None,
        diffusion_constant=1.0,
        relaxation_time=np.ones(GRID.n_cells),
    )
    assert "X_za" in texts(of.Problem(GRID, cells))
    # a film reads n^y, a wire n^y and n^z
    assert "X_za" in texts(
        of.Problem(of.cross_section(1.0, normal="z"), simple_material(inverse_mass=FULL))
    )
    assert texts(of.Problem(of.cross_section(1.0), simple_material(inverse_mass=FULL))) == ""
    assert "X_za" in texts(of.Problem(WIRE, simple_material(inverse_mass=FULL)))


def test_absorption_on_the_whole_boundary_is_allowed_and_said():
    ends = {"left": of.Contact(moment="absorbing"), "right": of.Contact(moment="absorbing")}
    prob = of.Problem(
        GRID, simple_material(), ends, edges={"top": "absorbing", "bottom": "absorbing"}
    )
    assert "whole boundary" in texts(prob)
    assert texts(of.Problem(GRID, simple_material(), ends, edges={"top": "absorbing"})) == ""
    with pytest.warns(PhysicsWarning, match="whole boundary"):
        solution = of.solve(prob, currents={"left": 1.0, "right": -1.0})
    assert (
        np.abs(solution.moment_density).max() < 1e-15
    )  # a uniform material then accumulates nothing
    line = of.Problem(
        of.cross_section(1.0), simple_material(), edges={"lower": "absorbing", "upper": "absorbing"}
    )
    assert "whole boundary" in texts(line)


def test_quiet_problems_are_quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        of.magnetoresistance(
            of.Problem(of.cross_section(3.0), simple_material()), (TESLA, 0.0, 0.0)
        )


def test_two_searches_agree_to_the_last_bit():
    """The eigenvalue search has a start of its own, so that a study gives the same numbers in every
    process.
    """
    prob = strip(edges={"lower": of.Edge(0.3)}, cells=60)
    assert len({lowest_diffusive_rate(system_of(replace(prob))) for _ in range(6)}) == 1


@pytest.mark.parametrize("regions", [1, 2])  # one matrix a pole decides, or the device
def test_a_sweep_is_looked_at_in_every_direction(regions, refuses):
    """The strongest field has a steady state; a weaker one the other way has none."""
    tilted = np.array([[1.0, 0.0, 0.9], [0.0, 1.0, 0.0], [0.9, 0.0, 1.0]])
    one, other = (
        simple_material(
            diffusion_length=None,
            diffusion_constant=D,
            relaxation_time=(4.0, 1.0, 1.0),
            inverse_mass=tilted,
        )
        for D in (1.0, 1.01)
    )
    if regions == 1:
        prob = of.Problem(of.cross_section(3.0, cells=24), one)
    else:
        halves = {"a": (0.0, 1.5), "b": (1.5, 3.0)}
        mesh = of.cross_section(3.0, cells=24, regions=halves)
        prob = of.Problem(mesh, {"a": one, "b": other})
    system = system_of(prob)
    forth, back = (0.0, 2 * TESLA, 0.0), (0.0, -0.45 * TESLA, 0.0)
    check_sweep(system, np.array([forth]))
    for fields in ([back, forth], [forth, back]):
        with refuses(SolveError, "unstable torque"):
            check_sweep(system, np.array(fields))
