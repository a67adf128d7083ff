"""Between regions the accumulation h is continuous, and resistances obey Onsager's relation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import skfem

import ohmr_fem as of
from ohmr_fem.mesh.grids import tensor_grid
from ohmr_fem.model.drive import Drive
from ohmr_fem.solver.solve import MomentSolver, ohmic_potential
from ohmr_fem.solver.system import system_of
from validation.case import simple_material

pytestmark = pytest.mark.filterwarnings("ignore::ohmr_fem.errors.ResolutionWarning")

TESLA = 2 * 9.1093837139e-31 / 1.602176634e-19  # (g e tau/2 m_e) B = 1 for tau = 1 s
B = np.array([1.6, -0.7, 0.5])
FULL = (
    np.array([[1.0, 0.15, 0.1], [0.15, 0.8, -0.05], [0.1, -0.05, 0.5]]),
    np.array([[0.7, -0.1, 0.2], [-0.1, 1.2, 0.1], [0.2, 0.1, 0.9]]),
    np.array([[1.3, 0.2, -0.1], [0.2, 0.6, 0.15], [-0.1, 0.15, 1.1]]),
)
#: X_za = 0.
BLOCK = tuple(np.block([[X[:2, :2], np.zeros((2, 1))], [np.zeros((1, 2)), X[2:, 2:]]]) for X in FULL)
CONTACTS = ("west", "east", "north", "south", "corner")


def device_mesh(cells="triangle"):
    """3 x 2, irregular, with three regions that meet in a point and five contacts."""
    rng = np.random.default_rng(5)
    grid = tensor_grid(np.linspace(0, 3, 10), np.linspace(0, 2, 7), cells=cells)
    p = grid.mesh.p.copy()
    inner = (p[0] > 0.01) & (p[0] < 2.99) & (p[1] > 0.01) & (p[1] < 1.99)
    p[:, inner] += rng.uniform(-0.06, 0.06, size=(2, int(inner.sum())))
    mesh = type(grid.mesh)(p, grid.mesh.t)
    assert isinstance(mesh, skfem.Mesh)
    centre = p[:, grid.mesh.t].mean(axis=1)
    low, left = centre[1] < 0.9, centre[0] < 1.2
    regions = {
        "a": np.flatnonzero(low),
        "b": np.flatnonzero(~low & left),
        "c": np.flatnonzero(~low & ~left),
    }
    return of.DeviceMesh(mesh, ("x", "y"), {}, regions).with_boundaries(
        {
            "west": lambda q: q[0] < 1e-9,
            "east": lambda q: (q[0] > 2.999) & (q[1] < 1.4),
            "north": lambda q: (q[1] > 1.999) & (q[0] > 0.9) & (q[0] < 1.8),
            "south": lambda q: (q[1] < 1e-9) & (q[0] > 1.5) & (q[0] < 2.5),
            "corner": lambda q: (q[1] > 1.999) & (q[0] > 2.2) & (q[0] < 2.8),
        }
    )


def materials(X=FULL, alpha=(0.3, -0.2, 0.5), **changes):
    sigma, D, tau = (1.0, 2.0, 0.5), (1.0, 0.6, 1.7), (1.0, 0.7, 1.4)
    out = {}
    for i, name in enumerate("abc"):
        values = {
            "sheet_conductivity": sigma[i],
            "diffusion_length": None,
            "diffusion_constant": D[i],
            "relaxation_time": tau[i],
            "orbital_hall_angle": alpha[i],
            "inverse_mass": X[i],
        }
        out[name] = simple_material(**{**values, **changes})
    return out


def orbital_matrix(problem, field):
    """(5, 5) orbital voltages at the contacts for unit currents in at each of the other four and
    out at the first, solved for at the field and relative to B = 0.
    """
    s = system_of(problem)
    field = np.asarray(field, dtype=float)
    zero = MomentSolver.at(s, np.zeros(3))
    here = MomentSolver.at(s, field)
    now, change = [], []
    for name in CONTACTS[1:]:
        V, _ = ohmic_potential(s, Drive.between((name, CONTACTS[0])))
        at_rest = zero.solve(-(s.S @ V))
        turned = here.solve(-(s.torque(field) @ at_rest.n))
        loads = [s.pair_load((other, CONTACTS[0])) for other in CONTACTS[1:]]
        now.append([load @ at_rest.potential for load in loads])
        change.append([load @ turned.potential for load in loads])
    return np.array(now), np.array(change)


def asymmetry(problem, field=B * TESLA):
    """Breakage of reciprocity at B = 0, and of the change from it, relative to the largest."""
    at_rest, change = orbital_matrix(problem, field)
    _, reverse = orbital_matrix(problem, -field)
    return (
        np.abs(at_rest - at_rest.T).max() / np.abs(at_rest).max(),
        np.abs(change - reverse.T).max() / np.abs(change).max(),
    )


@pytest.mark.parametrize("cells", ["triangle", "quad"])
@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("coupling", ["linear", "full"])
@pytest.mark.parametrize("X, detection", [(FULL, "reciprocal"), (BLOCK, "printed")])
def test_three_regions_are_reciprocal(cells, order, coupling, X, detection):
    prob = of.Problem(
        device_mesh(cells),
        materials(X),
        CONTACTS,
        order=order,
        coupling=coupling,
        detection=detection,
    )
    at_rest, change = asymmetry(prob)
    assert at_rest < 1e-10 and change < 1e-9
