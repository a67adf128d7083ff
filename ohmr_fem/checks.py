"""Refuse or warn before solving: unstable torque, an edge layer the mesh cannot resolve, limits of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigs

from .errors import PhysicsWarning, ResolutionWarning, SolveError
from .linear import SuperLU
from .material import Material, cross_matrix, precession_squared
from .problem import Problem
from .units import engineering

if TYPE_CHECKING:
    from .system import System

#: Largest first-cell size at an edge, in decay lengths, for orders 1 to 8 (about 1% of the local profile).
LARGEST_CELL = (0.3, 0.8, 1.3, 1.8, 2.3, 2.8, 3.3, 3.8)


def materials_with_numbers(problem: Problem) -> list[Material]:
    """Distinct materials whose tensor and relaxation time are plain numbers."""
    distinct = {id(m): m for m in problem.materials.values()}.values()
    return [m for m in distinct if not callable(m.inverse_mass) and isinstance(m.relaxation_time, (float, tuple))]


def check_stability(system: System, field: np.ndarray) -> None:
    """SolveError if the torque drives an instability, so that no steady state exists.

    For theta < 0 (adj(X) indefinite on B) moments grow at |omega| against the relaxation 1/tau.  With reflecting edges a
    steady state exists while |omega| tau < 1; absorbing edges and other regions can only help, so only beyond that is
    the eigenvalue of the device itself needed.
    """
    worst = max((max(-float(precession_squared(m, field)), 0.0) ** 0.5
                 for m in materials_with_numbers(system.problem)), default=0.0)
    if worst < 1.0:
        return
    rate = slowest_rate(system, field, worst)
    if rate <= 1e-9:
        raise SolveError(f"unstable torque at B = {tuple(float(b) for b in field)} T: B.adj(X).B < 0 gives |omega| tau = "
                         f"{worst:.4g} and a moment density that grows (slowest rate {rate:.3g}/tau); a steady state "
                         "exists only at smaller |B|", value=worst)


def slowest_rate(system: System, field: np.ndarray, growth: float) -> float:
    """Smallest real part of the decay rates of the moment density at a field, in units of 1/tau."""
    A, M = system.A(field), system.mass_matrix
    shift = -1.05 * growth
    factors = SuperLU().factorise(A - shift * M)
    operator = LinearOperator(A.shape, matvec=lambda b: factors.solve(np.asarray(M @ b).ravel())[0])
    try:
        values = eigs(operator, k=min(6, A.shape[0] - 2), return_eigenvectors=False, tol=1e-8)
    except ArpackNoConvergence as exc:
        raise SolveError("could not decide whether the torque is stable; reduce |B|") from exc
    return float(np.min((1.0 / values + shift).real))


def check_resolution(system: System, field: np.ndarray) -> list[ResolutionWarning]:
    """One warning if the first cells along an insulating edge are too large for the decay of the moment density."""
    mesh, problem = system.problem.mesh, system.problem
    silent = [mesh.boundaries[c.boundary or n] for n, c in problem.contacts.items() if c.kind == "equipotential"]
    facets = np.setdiff1d(mesh.mesh.boundary_facets(), np.concatenate([np.empty(0, dtype=int), *silent]))
    if facets.size == 0:
        return []
    cells = mesh.mesh.f2t[0, facets]
    height = cell_heights(system, facets, cells)
    decay = decay_length(system, field)[cells]
    allowed = LARGEST_CELL[problem.order - 1]
    ratio = height / (allowed * decay)
    worst = int(np.argmax(ratio))
    if ratio[worst] <= 1.0:
        return []
    return [ResolutionWarning(
        f"edge layer not resolved: cells of {engineering(float(height[worst]), 'm')} at an edge where the moment density "
        f"decays over {engineering(float(decay[worst]), 'm')}; order {problem.order} needs cells of at most "
        f"{engineering(float(allowed * decay[worst]), 'm')} there (refine the mesh at its edges, or raise the order)")]


def cell_heights(system: System, facets: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Extent of each cell normal to its boundary facet, in m."""
    mesh = system.problem.mesh.mesh
    size = np.sum(system.basis.dx, axis=1)[cells] * system.scales.length ** mesh.dim()
    if mesh.dim() == 1:
        return np.asarray(size)
    ends = mesh.p[:, mesh.facets[:, facets]]
    length = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=0)
    return np.asarray(size / length * (1.0 if mesh.t.shape[0] == 4 else 2.0))


def decay_length(system: System, field: np.ndarray) -> np.ndarray:
    """Shortest decay length of the moment density in each cell, m: L_m / Re sqrt(1 + i omega tau)."""
    c = system.coefficients
    half_g_x, rate, diffusion = c.half_g_x[..., 0], c.rate[..., 0].max(axis=0), c.diffusion[:, 0]
    if system.problem.ordinary_hall:  # the Lorentz force shortens the diffusion length by sqrt(1 + b^2)
        diffusion = diffusion / (1.0 + (c.mobility[:, 0] * field[2]) ** 2)
    T = np.einsum("ac,cdk->kad", cross_matrix(field), half_g_x) / rate[:, None, None]
    squared = -0.5 * np.einsum("kab,kba->k", T, T)
    q = np.sqrt(1.0 + 1j * np.sqrt(np.maximum(squared, 0.0))).real * np.sqrt(1.0 + np.sqrt(np.maximum(-squared, 0.0)))
    return np.asarray(np.sqrt(diffusion / rate) / q)


def physics_notes(problem: Problem, field: np.ndarray) -> list[PhysicsWarning]:
    """Where the model leaves something out that the user's field or tensor would show."""
    notes = []
    if "x" in problem.mesh.axes and not problem.ordinary_hall and np.any(np.atleast_2d(field)[:, 2] != 0.0):
        notes.append(PhysicsWarning("B has a z component: the ordinary magnetoresistance and Hall effect of the carriers "
                                    "are not in the model (Problem(ordinary_hall=True) adds them)"))
    if problem.detection == "printed":
        components = [2] if "y" in problem.mesh.axes else [1]
        for m in materials_with_numbers(problem):
            X = np.asarray(m.inverse_mass)
            if any(np.any(np.abs(np.delete(X[c], c)) > 1e-12 * np.abs(X).max()) for c in components):
                notes.append(PhysicsWarning("X_za is not zero: with the printed detector R(B) need not equal R(-B) "
                                            "(Onsager); detection='reciprocal' restores it"))
                break
    return notes
