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
from scipy.linalg import block_diag

from ..errors import InputError, SolveError, from_outside, warn
from ..errors.doors import door
from ..model.material import precession_squared
from ..model.problem import Problem
from ..solver import forms
from ..solver.linear import SYMMETRIC, Solver, factorised
from ..solver.narrow import rounding_of
from ..solver.resistance import FourTerminal, UnitCurrent, ohmic_reading
from ..solver.resolution import FIRST_ORDER, angle_notes, size_notes
from ..solver.space import vertex_functions
from ..solver.stability import lowest_diffusive_rate
from ..solver.system import System, system_of
from ..units import array_si, complex_si, fields_array, fraction, positive, shown
from .bound import CIRCLE, FLOOR, circle
from .film import film_measures, film_share
from .lanczos import Projection, gamma, project
from .link import Link
from .matrix import matrix_measures
from .measure import SpectralMeasure, device_of, one_per_pair, terms_of_pairs
from .route import require_spectral
from .uniform_mode import UniformMode

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
    """The spectral measure of one measurement; docs/theory, section 4.

    Parameters
    ----------
    problem : Problem
        Uniform material, linear coupling, reflecting edges or one absorption for all three
        components.
    current, voltage : pairs of contact names; left out on a cross-section
    tolerance : float, optional
        Error of f relative to the largest |F|, held by a rigorous bound over the range; default
        1e-8, and 1e-4 for a film, where the bound is some thousand times the error.
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

    Returns
    -------
    SpectralMeasure
        A :class:`FilmMeasure` for a film, a :class:`MatrixMeasure` for a relaxation tensor or a
        spin.

    Raises
    ------
    InputError
        The problem needs the general path; the message says why.
    SolveError
        A mode that grows without any field, or a linear system that is not solved.
    """
    if problem.film is not None and thicknesses is not None:
        pair = [(current, voltage)]
        options: dict[str, Any] = {"fields": fields, "lengths": lengths, "solver": solver}
        film = film_measures(problem, pair, tolerance=tolerance, thicknesses=thicknesses, **options)
        warn_of_size(problem, film, solver)
        return film[0]
    if thicknesses is not None:
        raise InputError("thicknesses belong to a film: Problem(film=...)", key="thicknesses")
    found = spectral_measures(
        problem,
        [(current, voltage)],
        tolerance=tolerance,
        fields=fields,
        lengths=lengths,
        solver=solver,
    )
    if from_outside():
        warn_of_size(problem, found, solver)
    return found[0]


def warn_of_size(
    problem: Problem, measures: Sequence[SpectralMeasure], solver: Solver | None = None
) -> None:
    """Warn where the first order is not enough for what the measures read."""
    share = largest_share(problem, measures, solver)
    notes = [*angle_notes(problem), *size_notes(problem, share)]
    for note in notes:
        warn(note)


def largest_share(
    problem: Problem, measures: Sequence[SpectralMeasure], solver: Solver | None = None
) -> float:
    """Largest |delta_R|/R_ohmic of the current pairs, each read at its own contacts without field;
    0 where the angles are too small for it to matter.
    """
    m, pairs = problem.material, {f.current: f for f in measures if f.current is not None}
    if problem.film is not None:
        return film_share(problem, list(pairs))
    if m.spin is None and abs(m.orbital_hall_angle * m.inverse_orbital_hall_angle) <= FIRST_ORDER:
        return 0.0
    shares = [
        measure.own_effect / own_resistance(problem, pair, solver)
        for pair, measure in pairs.items()
    ]
    return max(shares, default=0.0)


def own_resistance(
    problem: Problem, current: tuple[str, str], solver: Solver | None = None
) -> float:
    """Ohmic resistance between the contacts of a current, ohm."""
    system = system_of(problem, with_spin=True)
    return float(system.pair_load(current) @ UnitCurrent.of(system, current, solver).potential)


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
    """Spectral measures of several pairs of one problem from one factorisation.

    See docs/theory, section 4.

    Parameters
    ----------
    problem, tolerance, fields, lengths, solver
        As for :func:`spectral_measure`.
    pairs : sequence of (current, voltage)
        Pairs of contact names each.
    rates : complex, any number
        Further s at which the bound must hold (alternating current).
    shift : float, optional
        Rate in 1/tau about which the projection is built (time).
    until : function of a Projection, optional
        A further condition on the projection of each pair.

    Returns
    -------
    list of SpectralMeasure

    Raises
    ------
    InputError, SolveError
        As :func:`spectral_measure`.
    """
    outside = from_outside()  # other parts of the package say more about their answers
    options = {"tolerance": tolerance, "fields": fields, "lengths": lengths, "solver": solver}
    found: Sequence[SpectralMeasure]
    if problem.film is not None:
        _no_transients(rates, until)
        found = film_measures(problem, pairs, **options)
    elif problem.constant and not problem.uniform:
        further = {"rates": rates, "shift": shift, "until": until}
        found = matrix_measures(problem, pairs, **further, **options)
    else:
        found = _scalar_measures(problem, pairs, rates=rates, shift=shift, until=until, **options)
    if outside:
        warn_of_size(problem, found, solver)
    return list(found)


def _no_transients(rates: Any, until: Any) -> None:
    if len(rates) or until is not None:
        raise InputError(
            "a film has no transients: its faces answer with a sum over thickness modes beside "
            "the poles of the plane; its alternating current is in ac_response",
            key="film",
        )


def _scalar_measures(
    problem: Problem,
    pairs: Sequence[tuple[Any, Any]],
    *,
    tolerance: float | None,
    fields: Any,
    lengths: Any,
    solver: Solver,
    rates: Any,
    shift: float | None,
    until: Callable[[Projection], bool] | None,
) -> list[SpectralMeasure]:
    """As :func:`spectral_measures`, where one function of s serves all components."""
    tolerance = fraction(1e-8 if tolerance is None else tolerance, "tolerance")
    at_rates = np.ravel(complex_si(rates, "1", "rates"))
    shift = None if shift is None else positive(shift, "1", "shift")
    require_spectral(problem)
    system = system_of(problem)
    K, M, keep = system.pencil
    start, turns, links, ohmic, names = _starts(problem, system, pairs, solver)
    system.make_room_for(solver)
    slowest = (1.0 - 1e-9) * lowest_diffusive_rate(system, solver)  # a little below it, to be safe
    bases = _lengths(lengths, system.scales.length)
    ranges = [base * _range(problem, fields, slowest / base) for base in bases]
    ranges[-1] = np.append(at_rates, ranges[-1])  # the circle stays last
    # geometric middle of the range; the circle about s = 1, half as far from 0, needs less accuracy
    # and is left out
    sizes = np.abs(np.concatenate(ranges) + slowest)
    least = min(2.0 * sizes.min(), bases.min())
    shift = shift or MIDDLE * float(np.sqrt(sizes.max() * least))
    uniform, gap, middle = UniformMode.of(system, K, M), 0.0, shift
    if uniform is not None:
        shift = uniform.raised(middle, problem.mesh.size / system.scales.length)
    factors = factorised(solver, K + shift * M, lambda: vertex_functions(system.basis, keep))
    if uniform is not None and shift > middle:  # far above the s asked for: it takes the true gap
        gap = uniform.gap(K, M, factors, shift)
        # F bends over the gap: held on a circle of half of it, so is what a weak field changes
        ranges[0] = np.append(gap * circle(), ranges[0])

    groups = [
        (one, np.array([turn for turn, own in zip(turns, links, strict=True) if own == one]))
        for one in dict.fromkeys(links)
    ]

    def excess(found: Projection) -> float:
        worst = max(
            _excess(found, alike, channels, points, base, slowest, tolerance)
            for base, points in zip(bases, ranges, strict=True)
            for channels, alike in groups
        )
        if worst > 1.0 or until is None:
            return worst
        settled = all(until(found.combine(turn)) for turn in turns)
        return worst if settled else 2.0

    most = 240 if lengths is not None else 80 if until is None else 160
    projection = project(M, factors, keep.T @ start, shift, excess, most, uniform=uniform, gap=gap)
    check_definite(projection, K, M)
    everything_kept = keep.shape[0] == keep.shape[1]
    vectors = projection.vectors if everything_kept else keep @ projection.vectors
    return one_per_pair(
        SpectralMeasure,
        replace(projection, vectors=vectors),
        turns,
        terms_of_pairs(links, ohmic, names),
        tolerance=tolerance,
        slowest=slowest,
        vertices=system.basis.nodal_dofs[0],
        **device_of(system),
    )


def check_definite(projection: Projection, K: Any, M: Any) -> None:
    """The bound needs a pencil without negative rates; absorption and diffusion are checked at the
    door, so none should be.

    Rounding in K gives rates of either sign: see :mod:`ohmr_fem.sweep.uniform_mode`.
    """
    lowest = float(projection.rates.min(initial=0.0))
    if lowest >= -1e-9 * projection.shift:
        return
    even = np.ones(K.shape[0])
    rounding = rounding_of(K, even) / float(abs(M).sum())
    if lowest < -1e-9 * projection.shift - rounding:
        raise SolveError(
            f"indefinite pencil: a mode grows at {-lowest:.3g}/tau without any field (negative "
            "absorption or "
            "diffusion), and no bound holds; method='direct' needs none",
            value=lowest,
        )


def _excess(
    found: Projection,
    turns: np.ndarray,
    channels: Sequence[Link],
    points: np.ndarray,
    base: float,
    slowest: float,
    tolerance: float,
) -> float:
    """Largest bound over what is accepted, at the rates s = points and for all turns (k, p, q); |F|
    is that at s = base.
    """
    slowest = max(slowest, found.gap)
    factor = gamma(points + slowest, found.shift + slowest)
    factor[-CIRCLE:] /= 3.0  # the circle enters with a third, see sum_bound
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


#: Start block (N, p), and for each pair its (p, q) combination, links, R_ohmic sigma and names.
Starts = tuple[
    np.ndarray,
    list[np.ndarray],
    list[tuple[Link, ...]],
    list[float],
    list[tuple[Any, Any]],
]


#: What drives or reads: component, column, polarisation with its sign, and name of the contact.
Pole = tuple[int, int, float | None, str]


def _starts(
    problem: Problem, system: System, pairs: Sequence[tuple[Any, Any]], solver: Solver
) -> Starts:
    given = [FourTerminal.of(problem, *pair) for pair in pairs]
    if problem.is_cross_section:
        return _section_starts(system)
    names = [(pair.current, pair.voltage) for pair in given if pair is not None]
    contacts = sorted({c for i, v in names for c in (*i, *v)})
    loads = np.array([system.terminals[c].load for c in contacts])
    functionals = _functionals(names, contacts)
    potentials = _potentials(system, functionals @ loads, solver)
    magnets = list(problem.polarised)
    beside = [system.polarised.loads[c] for c in magnets]
    plane = [] if problem.mesh.is_channel else [_curls(system, potentials)]
    start = np.column_stack([*plane, *beside])
    turns, links, ohmic = [], [], []
    for i, v in names:
        pair = np.array([_difference(i, contacts), _difference(v, contacts)])
        # several pairs share few functionals: each pair is a combination of them
        turn = np.linalg.lstsq(functionals.T, pair.T, rcond=None)[0]
        ohmic.append(ohmic_reading(system.pair_load(v), potentials @ turn[:, 0]))
        turns.append(block_diag(*[turn for _ in plane], np.eye(len(magnets))))
        links.append(_links(problem, i, v))
    return start, turns, links, ohmic, names


def _curls(system: System, potentials: np.ndarray) -> np.ndarray:
    """What potentials (N, p) drive and read by the orbital Hall effect, at strength one."""
    one = np.broadcast_to(1.0, system.coefficients.sigma.shape)
    curl = system.matrix(forms.curl, one)
    return np.asarray(curl @ potentials)


def _links(
    problem: Problem, current: tuple[str, str], voltage: tuple[str, str]
) -> tuple[Link, ...]:
    """All that drives with all that reads: the orbital Hall effect, column 0 and its inverse,
    column 1, and each component of the polarised contacts (docs/theory, section 10); these alone
    on a channel.
    """
    hall = 0 if problem.mesh.is_channel else 2
    drives = _magnetic(problem, current, hall)
    reads = _magnetic(problem, voltage, hall)
    if hall:
        drives.insert(0, (2, 0, None, ""))
        reads.insert(0, (2, 1, None, ""))
    return tuple(
        Link(generated, detected, a, b, drive, read, source, detector)
        for generated, a, drive, source in drives
        for detected, b, read, detector in reads
    )


def _magnetic(problem: Problem, pair: tuple[str, str], first: int) -> list[Pole]:
    """What the polarised contacts of a pair drive or read."""
    found: list[Pole] = []
    magnets = list(problem.polarised)
    for name, sign in zip(pair, (1.0, -1.0), strict=True):
        if name in magnets:
            column = first + magnets.index(name)
            given = problem.contacts[name].polarisation
            found += [(a, column, sign * p, name) for a, p in enumerate(given) if p]
    return found


def _section_starts(system: System) -> Starts:
    """The same for a cross-section, where the field along x drives and the total current reads."""
    one = np.ones_like(system.coefficients.sigma)
    moved = [c for _, c, _ in system.moved()]
    drives = [sign * system.slope(i, one) for i, _, sign in system.moved()]
    readers = [d / system.ohmic_current for d in drives]
    start = np.column_stack(drives + readers)
    count = len(moved)
    links = tuple(
        Link(d, c, i, count + j) for i, d in enumerate(moved) for j, c in enumerate(moved)
    )
    return start, [np.eye(2 * count)], [links], [float("nan")], [(None, None)]


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
    return np.concatenate([*points, 1.0 + circle()])


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
