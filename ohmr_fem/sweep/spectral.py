"""A device as one spectral measure: every field, direction, theta, tau and frequency from one
factorisation.

In a uniform material with one scalar edge law the change of resistance is (docs/theory, section 4)

    delta_R(B) = -(alpha alpha'/sigma) f(B),   F(s) = b^T (K + s M)^{-1} a = sum_k g_k / (w_k + s)
    (lengths in L_m),

and the torque T enters f only through its action on each pole: with T^3 = -phi^2 T, phi^2 = (omega
tau)^2 of any sign,

    [(lambda + tau T)^{-1}]_cd = delta_cd/lambda - (tau T)_cd/(lambda^2 + phi^2)
                                 + (tau T)^2_cd / (lambda (lambda^2 + phi^2)),   lambda = w_k + s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..doors import door
from ..errors import InputError, SolveError
from ..model.material import precession_squared
from ..model.problem import Problem
from ..solver import forms
from ..solver.linear import SYMMETRIC, Solver
from ..solver.resistance import FourTerminal
from ..solver.stability import lowest_diffusive_rate
from ..solver.system import System, system_of
from ..units import array_si, fields_array, fraction, positive, shown
from .film import film_measures
from .lanczos import Projection, gamma, project
from .measure import CIRCLE, FLOOR, Channel, SpectralMeasure, _circle, device_of
from .route import require_spectral

#: Precession angles Omega tau for which a measure is made when no fields are given.
DEFAULT_RANGE = 50.0
#: The shift of the factorisation over the geometric mean of the smallest and largest |s|; measured,
#: a flat optimum.
MIDDLE = 1.15


@door
def spectral_measure(
    problem: Problem,
    *,
    current: Any = None,
    voltage: Any = None,
    tolerance: float | None = None,
    fields: Any = None,
    lengths: Any = None,
    thicknesses: Any = None,
    solver: Solver = SYMMETRIC,
) -> SpectralMeasure:
    """The spectral measure of one measurement.

    Parameters
    ----------
    problem : Problem
        Uniform material, linear coupling, reflecting edges or one absorption for all three
        components.
    current, voltage : pairs of contact names; left out on a cross-section
    tolerance : float, optional
        Error of f relative to the largest |F|, held by a rigorous bound over the range; default
        1e-8, and 1e-5 for a film, where the bound is some hundred times the error.
    fields : (n, 3) T, optional
        Fields the measure must cover; by default |omega| tau up to 50.
    lengths : (shortest, longest) m, optional
        Diffusion lengths the measure must cover, for ``at(diffusion_length=...)``; by default that
        of the material alone. The bound is algebraic: whether the mesh resolves the shortest length
        is another matter.
    thicknesses : (least, most) m, optional
        Thicknesses of a film the measure must cover, for ``at(thickness=...)``.
    solver : Solver, optional
        For the two real symmetric positive definite matrices, see :mod:`ohmr_fem.solver.linear`.

    Raises
    ------
    InputError
        The problem needs the general path; the message says why.
    """
    if problem.film is not None and thicknesses is not None:
        pair = [(current, voltage)]
        options: dict[str, Any] = {"fields": fields, "lengths": lengths, "solver": solver}
        return film_measures(
            problem, pair, tolerance=tolerance, thicknesses=thicknesses, **options
        )[0]
    if thicknesses is not None:
        raise InputError("thicknesses belong to a film: Problem(film=...)", key="thicknesses")
    return spectral_measures(
        problem,
        [(current, voltage)],
        tolerance=tolerance,
        fields=fields,
        lengths=lengths,
        solver=solver,
    )[0]


@door
def spectral_measures(
    problem: Problem,
    pairs: Sequence[tuple[Any, Any]],
    *,
    tolerance: float | None = None,
    fields: Any = None,
    lengths: Any = None,
    solver: Solver = SYMMETRIC,
    rates: Any = (),
    shift: float | None = None,
    until: Callable[[Projection], bool] | None = None,
) -> list[SpectralMeasure]:
    """Spectral measures of several (current, voltage) pairs of one device from one factorisation.

    ``rates`` are further complex s at which the bound must hold (alternating current); ``until`` is
    a further condition on the projection of each pair, and ``shift`` the rate about which it is
    built (time).
    """
    if problem.film is not None:
        if len(rates) or until is not None:
            raise InputError(
                "the time dependence of a film is not in this version; "
                "spectral_measure(...).ac has its alternating current",
                key="film",
            )
        options: dict[str, Any] = {"fields": fields, "lengths": lengths, "solver": solver}
        return list(film_measures(problem, pairs, tolerance=tolerance, **options))
    tolerance = fraction(1e-8 if tolerance is None else tolerance, "tolerance")
    require_spectral(problem)
    system = system_of(problem)
    K, M, keep = system.pencil
    start, turns, channels, ohmic, names = _starts(problem, system, pairs, solver)
    slowest = (1.0 - 1e-9) * lowest_diffusive_rate(system)  # a little below it, to be safe
    bases = _lengths(lengths, system.scales.length)
    ranges = [base * _range(problem, fields, slowest / base) for base in bases]
    ranges[-1] = np.append(np.asarray(rates, dtype=complex), ranges[-1])  # the circle stays last
    # geometric middle of the range; the circle about s = 1, half as far from 0, needs less accuracy
    # and is left out
    sizes = np.abs(np.concatenate(ranges) + slowest)
    least = min(2.0 * sizes.min(), bases.min())
    shift = shift or MIDDLE * float(np.sqrt(sizes.max() * least))
    factors = solver.factorise(K + shift * M)

    def excess(found: Projection) -> float:
        worst = max(
            _excess(found, np.array(turns), channels, points, base, slowest, tolerance)
            for base, points in zip(bases, ranges, strict=True)
        )
        if worst > 1.0 or until is None:
            return worst
        settled = all(until(found.combine(turn)) for turn in turns)
        return worst if settled else 2.0

    most = 240 if lengths is not None else 80 if until is None else 160
    projection = project(M, factors, keep.T @ start, shift, excess, most)
    _check_definite(projection)
    everything_kept = keep.shape[0] == keep.shape[1]
    vectors = projection.vectors if everything_kept else keep @ projection.vectors
    return [
        SpectralMeasure(
            projection=replace(projection, vectors=vectors).combine(turn),
            channels=channels,
            R_ohmic_sigma=base,
            current=name[0],
            voltage=name[1],
            tolerance=tolerance,
            slowest=slowest,
            residual=projection.residual,
            vertices=system.basis.nodal_dofs[0],
            **device_of(system),
        )
        for turn, base, name in zip(turns, ohmic, names, strict=True)
    ]


def _check_definite(projection: Projection) -> None:
    """The bound needs a pencil without negative rates; absorption and diffusion are checked at the
    door, so none should be.
    """
    lowest = float(projection.rates.min(initial=0.0))
    if lowest < -1e-9 * projection.shift:
        raise SolveError(
            f"indefinite pencil: a mode grows at {-lowest:.3g}/tau without any field (negative "
            "absorption or "
            "diffusion), and no bound holds; method='direct' needs none",
            value=lowest,
        )


def _excess(
    found: Projection,
    turns: np.ndarray,
    channels: Sequence[Channel],
    points: np.ndarray,
    base: float,
    slowest: float,
    tolerance: float,
) -> float:
    """Largest bound over what is accepted, at the rates s = points and for all turns (k, p, q); |F|
    is that at s = base.
    """
    factor = gamma(points + slowest, found.shift + slowest)
    factor[-CIRCLE:] /= 3.0  # the circle enters with a third, see _sum_bound
    residuals = found.residuals(points)
    norms = np.linalg.norm(residuals[:, None] @ turns, axis=-2)
    weights = found.weights @ turns
    squares = np.einsum("kpq,pr,krq->kq", turns, found.gram, turns)
    sizes = np.sqrt(np.maximum(squares, 0.0))
    decays = np.abs(found.rates) + base
    tiny = float(np.finfo(float).tiny)
    worst = 0.0
    for c in channels:
        parts = np.abs(weights[..., c.a] * weights[..., c.b]) / decays
        size = np.sum(parts, axis=1)
        floor = FLOOR * sizes[:, c.a] * sizes[:, c.b]
        limit = np.maximum(tolerance * size, floor)
        errors = factor[:, None] * norms[..., c.a] * norms[..., c.b]
        over = errors.max(axis=0) / np.maximum(limit, tiny)
        worst = max(worst, float(np.max(over)))
    return worst


def _starts(
    problem: Problem, system: System, pairs: Sequence[tuple[Any, Any]], solver: Solver
) -> tuple[np.ndarray, list[np.ndarray], tuple[Channel, ...], list[float], list[tuple[Any, Any]]]:
    """Start block (N, p), and for each pair its (p, q) combination, channels, R_ohmic sigma and
    names.
    """
    given = [FourTerminal.of(problem, *pair) for pair in pairs]
    if problem.is_cross_section:
        return _section_starts(system)
    names = [(pair.current, pair.voltage) for pair in given if pair is not None]
    contacts = sorted({c for i, v in names for c in (*i, *v)})
    curl = system.matrix(forms.curl, np.ones_like(system.coefficients.sigma))
    loads = np.array([system.terminals[c].load for c in contacts])
    functionals = _functionals(names, contacts)
    potentials = _potentials(system, functionals @ loads, solver)
    start = np.asarray(curl @ potentials)
    turns, ohmic = [], []
    for i, v in names:
        pair = np.array([_difference(i, contacts), _difference(v, contacts)])
        # several pairs share few functionals: each pair is a combination of them
        turn = np.linalg.lstsq(functionals.T, pair.T, rcond=None)[0]
        turns.append(turn)
        ohmic.append(float(system.pair_load(v) @ (potentials @ turn[:, 0])))
    return start, turns, (Channel(2, 2, 0, 1),), ohmic, names


def _section_starts(
    system: System,
) -> tuple[np.ndarray, list[np.ndarray], tuple[Channel, ...], list[float], list[tuple[Any, Any]]]:
    """The same for a cross-section, where the field along x drives and the total current reads."""
    one = np.ones_like(system.coefficients.sigma)
    moved = [c for _, c, _ in system.moved()]
    drives = [sign * system.slope(i, one) for i, _, sign in system.moved()]
    readers = [d / system.ohmic_current for d in drives]
    start = np.column_stack(drives + readers)
    count = len(moved)
    channels = tuple(
        Channel(d, c, i, count + j) for i, d in enumerate(moved) for j, c in enumerate(moved)
    )
    return start, [np.eye(2 * count)], channels, [float("nan")], [(None, None)]


def _difference(pair: tuple[str, str], contacts: list[str]) -> np.ndarray:
    out = np.zeros(len(contacts))
    out[contacts.index(pair[0])] += 1.0
    out[contacts.index(pair[1])] -= 1.0
    return out


def _functionals(
    names: list[tuple[tuple[str, str], tuple[str, str]]], contacts: list[str]
) -> np.ndarray:
    """Rows that span all current and voltage pairs: the pairs themselves, or a basis of contact
    differences.
    """
    rows = np.array([_difference(pair, contacts) for both in names for pair in both])
    distinct = np.unique(rows, axis=0)
    if np.linalg.matrix_rank(distinct) == len(distinct):
        return distinct
    # dependent pairs would give the block Lanczos a rank-deficient start
    *others, last = contacts
    return np.array([_difference((c, last), contacts) for c in others])


def _potentials(system: System, loads: np.ndarray, solver: Solver) -> np.ndarray:
    """Potentials times sigma of unit currents, (N, p), on one factorisation."""
    T, factors = system.potential_solver(solver=solver)
    return np.asarray(T @ factors.solve(T.T @ loads.T)[0])


def _range(problem: Problem, fields: Any, slowest: float) -> np.ndarray:
    """Complex rates s at which the bound must hold; growth may eat up the slowest rate too."""
    phi2 = np.array([DEFAULT_RANGE**2])
    if fields is not None:
        phi2 = precession_squared(problem.material, np.atleast_2d(fields_array(fields, "fields")))
    top = max(float(np.sqrt(max(phi2.max(), 0.0))), 0.5)
    growth = float(np.sqrt(max(-phi2.min(), 0.0)))
    phi = np.concatenate([[0.0], np.geomspace(0.1, top, 24)])
    points = [1.0 + 1j * phi]
    if growth > 0:
        points.append(
            np.linspace(max(1.0 - growth, 1e-3 - slowest), 1.0 + growth, 12).astype(complex)
        )
    return np.concatenate([*points, 1.0 + _circle()])


def _lengths(lengths: Any, reference: float) -> np.ndarray:
    """1/tau at the diffusion lengths to be covered, in units of the rate at the reference
    length.
    """
    if lengths is None:
        return np.ones(1)
    ends = array_si(lengths, "m", "lengths")
    if ends.shape != (2,):
        raise InputError(
            f"lengths: expected (shortest, longest) diffusion length, got {shown(lengths)}",
            value=lengths,
        )
    for end in ends:
        positive(end, "m", "lengths")
    low, high = ends.tolist()
    if high < low:
        raise InputError(f"lengths: the shortest comes first, got {lengths!r}", value=lengths)
    count = 2 + int(3 * np.log10(high / low))
    covered = np.geomspace(low, high, count)
    return np.append((reference / covered) ** 2, 1.0)
