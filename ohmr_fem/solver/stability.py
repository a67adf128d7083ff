"""Refuse or warn before solving: unstable torque, an edge layer the mesh cannot resolve, limits of
the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import eig, eigh
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigs, eigsh

from ..errors import SolveError
from ..model.channels import Channels
from ..model.contacts import Moment
from ..model.material import Material, cross_matrix, precession_squared
from ..model.problem import Problem
from .channel_rates import rate_in_norms, require_decay, slowest_rates
from .linear import GENERAL, SYMMETRIC, Solver, factorised
from .space import vertex_functions

if TYPE_CHECKING:
    from .system import System


def materials_with_numbers(problem: Problem) -> list[Material]:
    """Distinct materials whose tensor and relaxation time are plain numbers."""
    distinct = {id(m): m for m in problem.materials.values()}.values()
    return [
        m
        for m in distinct
        if not callable(m.inverse_mass)
        and (m.relaxation_time is None or isinstance(m.relaxation_time, (float, tuple)))
    ]


def check_stability(system: System, field: np.ndarray) -> None:
    """SolveError if the torque drives an instability, so that no steady state exists.

    Three things make moments grow: theta < 0 (adj(X) indefinite on B); relaxation or absorption
    that differs by component, together with the torque; and regions whose tensors differ, which
    amplify what diffuses between them.  The value of the error is the slowest rate, in units of the
    mean 1/tau.
    """
    rate = slowest_rate(system, field)
    if rate > 1e-9:
        return
    # omega^2 < 0 means growth: theory, section 3
    squared = [precession_squared(m, field) for m in materials_with_numbers(system.problem)]
    growth = max((max(-float(s), 0.0) ** 0.5 for s in squared), default=0.0)
    why = (
        f"B.adj(X).B < 0 gives |omega| tau = {growth:.4g}"
        if growth > 0.0
        else "where components relax at different rates, or regions differ in X, the torque can "
        "amplify"
    )
    what = "torque"
    if system.spin is not None:
        what, why = "conversion or torque", "orbital and spin moment can feed each other"
    raise SolveError(
        f"unstable {what} at B = {tuple(float(b) for b in field)} T: {why}, and the moment density "
        "grows "
        f"(slowest rate {rate:.4g}/tau); a steady state exists only at smaller |B|",
        value=rate,
    )


def check_sweep(system: System, fields: np.ndarray, most: int = 4) -> None:
    """:func:`check_stability` at the strongest of the fields (n, 3) in each direction.

    Where only the eigenvalues of the device can tell, the ``most`` strongest stand for the others;
    one material of several rates or channels is looked at in every field.
    """
    if _one_matrix(system):
        least = lowest_diffusive_rate(system) / system.scales.length**2
        require_decay(Channels.of(system.problem.material), fields, least)
        return
    size = np.linalg.norm(fields, axis=1)
    order = np.argsort(-size, kind="stable")
    order = order[size[order] > 0.0]
    directions = np.round(fields[order] / size[order, None], 6) + 0.0  # no -0.0, unlike 0.0
    # strongest first, so the first of a direction is the strongest of it
    first_of_each = np.unique(directions, axis=0, return_index=True)[1]
    for field in fields[order[np.sort(first_of_each)]]:
        rate, turning = _certain_rate(system, field)
        if rate <= 0.0 and turning.size:
            most -= 1
            if most < 0:
                continue
        if rate <= 0.0:
            check_stability(system, field)


def _one_matrix(system: System) -> bool:
    """Whether one matrix a pole decides: one material, and edges that treat all moments alike."""
    problem = system.problem
    if problem.uniform or not problem.constant:
        return False
    laws = problem.moment_conditions().values()
    if not all(law.is_scalar for law in laws):
        return False
    apart = any(law.tells_apart or law.absorbs_partially for law in laws)
    return system.spin is None or not apart


def slowest_rate(system: System, field: np.ndarray) -> float:
    """Smallest real part of the decay rates of the moment density, in units of the mean 1/tau; a
    lower bound if positive.

    With one matrix 1/tau + T everywhere and one scalar edge law it is the lowest eigenvalue of that
    matrix plus the lowest diffusive rate.  Otherwise a norm in which everything decays proves
    stability, or the eigenvalues of the device decide.
    """
    rate, turning = _certain_rate(system, field)
    return rate if rate > 0.0 or turning.size == 0 else _rate_of_device(system, field, turning)


def _certain_rate(system: System, field: np.ndarray) -> tuple[float, np.ndarray]:
    """The slowest rate without the matrices of the device, and no eigenvalues; or no more than
    where to look for it.
    """
    nothing = np.empty(0)
    if system.spin is not None:
        return _rate_of_channels(system, field)
    if not np.any(field):
        return _rate_at_rest(system) * _unit_rate(system), nothing
    relaxation, torque, X = _local_matrices(system, field)
    laws = list(system.problem.moment_conditions().values())
    matrices = torque + relaxation
    if len(matrices) == 1 and all(law.is_scalar for law in laws):
        rate = relaxation[0, 0, 0]
        if np.array_equal(relaxation[0], rate * np.eye(3)):
            # T has the eigenvalues 0, +-i omega: no round-off of a defective matrix this way
            squared = -0.5 * float(np.trace(torque[0] @ torque[0]))
            local = float(rate) - max(-squared, 0.0) ** 0.5
        else:
            local = float(np.linalg.eigvals(matrices[0]).real.min())
        # one matrix everywhere: diffusion only adds its own rate, and costs an eigenvalue
        return (local if local > 0.0 else local + lowest_diffusive_rate(system)), nothing
    # the torque conserves n.X n (theory, section 3), so X is the likeliest norm in which all decays
    if system.interface is not None and system.interface.shaped:
        # with h continuous sum_r int n.X n / (chi X_zz) can only fall: each region by its own X
        own = (_own_rate(matrix, S, laws) for matrix, S in zip(matrices, X, strict=True))
        return min(own), np.linalg.eigvals(matrices).ravel()
    metrics = [np.eye(3), *(X if len(X) <= 4 else []), X.mean(axis=0)]
    rates = [_rate_in_norm(matrices, S, laws) for S in metrics]
    return max(rates), np.linalg.eigvals(matrices).ravel()


def _rate_of_channels(system: System, field: np.ndarray) -> tuple[float, np.ndarray]:
    """:func:`_certain_rate` of orbital and spin moment together."""
    distinct = list({id(m): m for m in system.problem.materials.values()}.values())
    channels = [Channels.of(m) for m in distinct]
    given = system.problem.moment_conditions().values()
    laws = [part for law in given for part in (law.of_orbital, law.of_spin)]
    unit = _unit_rate(system)
    matrices = np.array([c.matrices(field) for c in channels])
    local = np.linalg.eigvals(matrices).ravel() * unit
    if not all(law.is_scalar for law in laws):
        return -np.inf, local
    proven = rate_in_norms(channels, system.has_jumps, system.problem.averages)
    if proven > 0.0:
        return proven * unit, local[:0]
    apart = any(law.tells_apart for law in given)
    if len(channels) > 1 or apart or any(law.absorbs_partially for law in laws):
        return -np.inf, local
    least = lowest_diffusive_rate(system) / system.scales.length**2
    return float(slowest_rates(channels[0], field[None], least)[0]) * unit, local[:0]


def _rate_at_rest(system: System) -> float:
    """Lowest eigenvalue of the relaxation anywhere, 1/s."""
    c = system.coefficients
    if c.crossed is None:
        return float(c.rate.min())
    tensors = np.moveaxis(c.relaxation, (0, 1), (-2, -1))
    return float(np.linalg.eigvalsh(tensors).min())


def _unit_rate(system: System) -> float:
    return float(system.scales.length**2 / system.scales.diffusion)


def _local_matrices(system: System, field: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct Gamma, torques and tensors, (k, 3, 3) each: one a region, or all points where they
    vary.
    """
    c = system.coefficients
    rate, X = c.relaxation.reshape(3, 3, -1), c.half_g_x.reshape(3, 3, -1)
    everything = np.concatenate([rate.reshape(9, -1), X.reshape(9, -1)])
    problem = system.problem
    distinct = {id(m) for m in problem.materials.values()}
    if np.all(everything == everything[:, :1]):
        places = np.array([0])
    elif len(materials_with_numbers(problem)) == len(distinct):
        first_cells = np.array([cells[0] for cells in problem.mesh.regions.values()])
        places = first_cells * c.sigma.shape[1]
    else:
        places = np.arange(rate.shape[2])
    unit = _unit_rate(system)
    torque = np.einsum("ac,cdk->kad", cross_matrix(field), X[:, :, places]) * unit
    at_places = np.moveaxis(rate[:, :, places], 2, 0)
    return at_places * unit, torque, np.moveaxis(X[:, :, places], 2, 0)


def _own_rate(matrix: np.ndarray, X: np.ndarray, laws: Sequence[Moment]) -> float:
    """:func:`_rate_in_norm` of one place in the norm of its own definite tensor, 1 where X = 0."""
    metric = X if np.trace(X) > 0.0 else -X
    if not np.any(metric):
        metric = np.eye(3)
    return _rate_in_norm(matrix[None], metric, laws, floor=0.0)


def _rate_in_norm(
    matrices: np.ndarray, metric: np.ndarray, laws: Sequence[Moment], floor: float = 1e-8
) -> float:
    """At least as fast as this everything decays in the norm n . metric n; -inf where the norm
    proves nothing.
    """
    size = float(np.abs(metric).max())
    lowest = float(np.linalg.eigvalsh(metric)[0])
    if size == 0.0 or lowest < -1e-12 * size:
        return -np.inf
    S = metric / size + floor * np.eye(3)  # a singular X (theta = 0) still gives a norm
    if not all(law.damps(S) for law in laws):
        return -np.inf  # absorption by component can raise this norm
    L = np.linalg.cholesky(S)
    turned = L.T @ matrices @ np.linalg.inv(L.T)
    # in this norm the slowest decay is the lowest eigenvalue of the symmetric part
    return float(np.linalg.eigvalsh(0.5 * (turned + turned.swapaxes(1, 2))).min())


def lowest_diffusive_rate(system: System, solver: Solver = SYMMETRIC) -> float:
    """Lowest eigenvalue of diffusion and one scalar edge law against the mass; 0 for reflecting
    edges.
    """
    if not any(law.absorbs for law in system.problem.moment_conditions().values()):
        return 0.0
    K, _, keep = system.pencil
    kept = keep.shape[1]
    M = system.mass_matrix[:kept, :kept]
    if kept < 20:
        return float(eigh(K.toarray(), M.toarray(), eigvals_only=True)[0])
    # a shift below the spectrum keeps the matrix definite
    factors = factorised(solver, K + 0.1 * M, lambda: vertex_functions(system.basis, keep))
    inverse = LinearOperator(K.shape, matvec=lambda b: factors.solve(np.asarray(b).ravel())[0])
    found = eigsh(
        K,
        k=1,
        M=M,
        sigma=-0.1,
        OPinv=inverse,
        v0=np.ones(kept),  # ARPACK would take a random start, and no two runs agree
        return_eigenvectors=False,
        tol=1e-10,
    )
    return float(found[0])


def _rate_of_device(system: System, field: np.ndarray, local: np.ndarray) -> float:
    """Smallest real part among the eigenvalues of the device nearest to where its parts would have
    theirs.

    ``local`` are the eigenvalues of 1/tau + T at the points: diffusion moves them, the search
    starts to their left.
    """
    A, M = system.A(field), system.mass_matrix
    if A.shape[0] < 200:
        return float(eig(A.toarray(), M.toarray(), right=False).real.min())
    # eigenvalues come in conjugate pairs: the upper half plane is enough
    turning = np.quantile(np.abs(local.imag), [0.0, 0.5, 1.0])
    left = min(float(local.real.min()), 0.0) - 0.1
    found = []
    for shift in {complex(left, round(float(w), 3)) for w in (*turning, 0.0)}:
        factors = GENERAL.factorise(A.astype(complex) - shift * M)
        operator = LinearOperator(
            A.shape,
            dtype=complex,
            matvec=lambda b, f=factors: f.apply(M @ np.asarray(b).ravel(), False),
        )
        try:
            values = eigs(
                operator,
                k=10,
                v0=np.random.default_rng(0).standard_normal(A.shape[0]).astype(complex),
                return_eigenvectors=False,
                tol=1e-8,
            )
        except ArpackNoConvergence as exc:
            values = exc.eigenvalues
        if len(values) == 0:
            raise SolveError(
                "could not decide whether the torque is stable; reduce |B|", value=tuple(field)
            )
        found.append(float(np.min((shift + 1.0 / values).real)))  # undo the shift and invert
    return min(found)
