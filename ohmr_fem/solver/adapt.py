"""Solve until delta_R is accurate: an error bar from one order higher, refinement where the error
comes from.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import ConvergenceWarning, InputError, warn
from ..errors.doors import door
from ..mesh.device_mesh import DeviceMesh
from ..model.drive import read_pair
from ..model.problem import Problem
from ..units import fields_array, fraction, own_arrays, positive, whole
from .adapt_error import CellErrors, Fields, Pair, localise, solve_fields
from .adapt_film import check_film, film_fields, localise_film
from .adapt_mesh import refined, unknowns
from .resistance import Measurement
from .resolution import check_resolution, physics_notes, size_notes

#: The error bar is this times the estimate, and times what the estimate of the round before fell
#: short by, at most LAG: at
#: the ends of contacts and at sharp corners order P + 1 is itself off by half as much as order P.
SAFETY, LAG = 1.5, 2.0
#: ... and at least this part of the sum of |contributions| of the cells, where those cancel by
#: chance.
CANCELLATION = 0.1
#: Values below this times the scale alpha alpha' sqrt(R_ii R_vv) count as zero: the tolerance is
#: relative to it.
FLOOR = 1e-3
TINY = float(np.finfo(float).tiny)


@dataclass(frozen=True)
class Round:
    """One round of refinement.

    Attributes
    ----------
    cells : int
    unknowns, unknowns_estimate : int
        Of one scalar field at order P, which gives the value, and at order P + 1, which gives the
        estimate.
    value : float, ohm
        delta_R at the field with the largest error.
    estimate : float, ohm
        delta_R at order P + 1 minus delta_R at order P, there.
    error : float, ohm
        Error bar.
    allowed : float, ohm
        The error asked for.
    seconds : float, s
        Since the start.
    """

    cells: int
    unknowns: int
    unknowns_estimate: int
    value: float
    estimate: float
    error: float
    allowed: float
    seconds: float


@dataclass(frozen=True, eq=False)
class Adapted:
    """delta_R with its discretisation error.

    Attributes
    ----------
    value, error : float, or (n,) for several fields, ohm
        delta_R at the order of the problem on the last mesh, and the error bar |delta_R - exact|.
    corrected : as value
        delta_R at one order higher on the same mesh: usually better than ``error`` says, but
        without an error bar.
    R_ohmic, R_ohmic_error : float, ohm
        The resistance without orbital Hall effect, and its error bar; no tolerance is put on it.
    roundoff : float, ohm
        What round-off may do to delta_R: measured as the gap between primal and dual value, which
        agree in exact arithmetic, plus a bound on what both share.
    converged : bool
        Whether the error bar meets the tolerance at every field.
    reason : str
        "tolerance", "budget" or "round-off": what ended the refinement.
    relative_to : str
        "value", or "floor" where |delta_R| is below ``floor`` x scale at some field.
    tolerance, floor, scale : float
        scale = max|alpha alpha'| sqrt(R_ii R_vv) in ohm, from the two-terminal resistances of both
        pairs: no delta_R of a uniform device exceeds it.
    fields : (n, 3) T
    history : tuple of Round
    problem : Problem
        With the last mesh.
    current, voltage : pairs of contact names
    """

    value: Any
    error: Any
    corrected: Any
    R_ohmic: float
    R_ohmic_error: float
    roundoff: float
    converged: bool
    reason: str
    relative_to: str
    tolerance: float
    floor: float
    scale: float
    fields: np.ndarray
    current: Pair
    voltage: Pair
    history: tuple[Round, ...]
    problem: Problem

    def __post_init__(self) -> None:
        own_arrays(self)

    @property
    def mesh(self) -> DeviceMesh:
        """The last mesh."""
        return self.problem.mesh

    @property
    def unknowns(self) -> int:
        """Unknowns of one scalar field behind ``value``."""
        return self.history[-1].unknowns

    @property
    def R(self) -> Any:
        """V/I at each field, ohm."""
        return self.R_ohmic + self.value

    def __float__(self) -> float:
        return float(self.value)

    def __repr__(self) -> str:
        last = self.history[-1]
        return (
            f"Adapted(delta_R = {last.value:.8g} ± {last.error:.1e} "
            f"ohm{'' if self.converged else ' (not converged)'}, "
            f"stopped by {self.reason}; {last.cells} cells, {last.unknowns} unknowns at order "
            f"{self.problem.order}, "
            f"{len(self.history)} rounds, {last.seconds:.3g} s)"
        )

    def table(self) -> str:
        """The history as text.

        Returns
        -------
        str
            A line for each round; delta_R and the error bar in ohm.
        """
        lines = ["   cells  unknowns  delta_R [ohm]      estimate   error bar"]
        lines += [
            f"{r.cells:8d} {r.unknowns:9d}  {r.value:<16.9g} {r.estimate: .2e}  {r.error:.2e}"
            for r in self.history
        ]
        return "\n".join(lines)


@door
def solve_to(
    problem: Problem,
    *,
    current: Any,
    voltage: Any,
    field: Any = (0.0, 0.0, 0.0),
    tolerance: float = 1e-4,
    budget: int = 400_000,
    floor: float = FLOOR,
) -> Adapted:
    """delta_R with an error bar, on a mesh refined until the bar is below the tolerance.

    Parameters
    ----------
    problem : Problem
        A device with contacts; its mesh is the first one. Order 1 to 3 on triangles, 1 to 7 on
        quadrilaterals, as the estimate is made one order higher.
    current, voltage : pairs of contact names
        As for :func:`resistance`.
    field : (3,) or (n, 3) floats, T
        With several fields the one furthest from its tolerance is refined for, in every round.
    tolerance : float
        Relative to max(|delta_R|, floor x scale), see :class:`Adapted`.
    budget : int
        Most unknowns of one scalar field at the higher order.
    floor : float
        A |delta_R| below ``floor`` x scale counts as that much.

    Returns
    -------
    Adapted

    Warns
    -----
    ConvergenceWarning
        If budget or round-off ends the refinement; the best value found comes with its error bar.

    Raises
    ------
    InputError
        Wrong terminals, a cross-section, the ordinary Hall effect, an order without a higher one; a
        stack, and a film with sources or with more than one relaxation time in a region.

    Notes
    -----
    Triangles are split where the error comes from; a tensor grid gets new lines. The shape of
    curved edges is that of the first mesh: its distance from the true curve is not in the error
    bar.
    """
    start = time.perf_counter()
    pairs, several = _checked(problem, current, voltage, field)
    tolerance, floor = fraction(tolerance, "tolerance"), positive(floor, "1", "floor")
    # the first mesh is good enough for how large the effect is
    share = Measurement.of(problem, *pairs).share if problem.film is None else 0.0
    for note in [*physics_notes(problem, np.atleast_2d(several)), *size_notes(problem, share)]:
        warn(note)
    budget = whole(budget, 1, "budget")
    if unknowns(problem.mesh, problem.order + 1) > budget:
        raise InputError(
            f"budget: the first mesh has {unknowns(problem.mesh, problem.order + 1)} unknowns at "
            "the order of the "
            f"estimate, more than the {budget} allowed; start from a coarser mesh",
            value=budget,
        )
    history: list[Round] = []
    best: _Level | None = None
    before: Any = None
    reason = ""
    while not reason:
        level = _Level.of(problem, several, pairs, tolerance, floor, before)
        history.append(level.round(time.perf_counter() - start))
        best = level if best is None or level.excess < best.excess else best
        before, reason = (level.value, level.estimate), level.verdict(history)
        if not reason:
            finer = refined(problem, level.cells.size, level.excess, budget)
            reason, problem = ("budget", problem) if finer is None else ("", finer)
    assert best is not None
    result = best.result(tuple(history), pairs, tolerance, floor, reason)
    if not result.converged:
        stopped_by = "budget" if result.reason == "budget" else "tolerance"
        warn(ConvergenceWarning(_complaint(result, budget), key=stopped_by))
    return result


def _checked(
    problem: Problem, current: Any, voltage: Any, field: Any
) -> tuple[tuple[Pair, Pair], np.ndarray]:
    """Both pairs and the fields (n, 3); InputError for what the estimate cannot serve."""
    if problem.is_cross_section:
        raise InputError(
            "solve_to needs a device with contacts; cross_section resolves its edge layers by "
            "itself"
        )
    problem.refuse_polarised("solve_to")
    problem.refuse_channel("solve_to")
    if problem.film is not None:
        check_film(problem)
    if problem.ordinary_hall:
        raise InputError(
            "solve_to: the error estimate has no ordinary Hall effect; set ordinary_hall=False, or "
            "compare two "
            "meshes with resistance()"
        )
    highest = 3 if problem.mesh.mesh.t.shape[0] == 3 else 7
    if problem.order > highest:
        raise InputError(
            "solve_to: the estimate is made one order higher than the problem, so on these cells "
            "order is at "
            f"most {highest}, got {problem.order}",
            value=problem.order,
        )
    fields = fields_array(field)
    if fields.size == 0:
        raise InputError("field: needs at least one field")
    return (read_pair(problem, current, "current"), read_pair(problem, voltage, "voltage")), fields


@dataclass(frozen=True, eq=False)
class _Level:
    """All fields on one mesh; arrays (n,) over the magnetic fields, ohm."""

    problem: Problem
    fields: np.ndarray
    value: np.ndarray
    estimate: np.ndarray
    roundoff: np.ndarray
    allowed: np.ndarray
    error: np.ndarray
    worst: int
    scale: float
    cells: CellErrors
    unknowns: tuple[int, int]
    ohmic: tuple[float, float]
    resolved: bool

    @classmethod
    def of(
        cls,
        problem: Problem,
        fields: np.ndarray,
        pairs: tuple[Pair, Pair],
        tolerance: float,
        floor: float,
        before: tuple[np.ndarray, np.ndarray] | None,
    ) -> _Level:
        # P gives the value, P + 1 on the same mesh its error: docs/how-to/accuracy
        orders = problem, replace(problem, order=problem.order + 1)
        solved: Any = solve_fields if problem.film is None else film_fields
        where: Any = localise if problem.film is None else localise_film
        several, rows = np.atleast_2d(fields), []
        keep: list[tuple[float, int, float, Fields, Fields]] = []
        for i, field in enumerate(several):
            low, high = (solved(p, field, *pairs) for p in orders)
            c = low.system.coefficients
            scale = float(
                np.abs(c.alpha * c.alpha_inverse).max()
                * np.sqrt(np.prod(np.abs(high.self_resistance)))
            )
            noise = max(low.roundoff, high.roundoff)
            allowed = tolerance * max(abs(high.delta_R), floor * scale)
            estimate = high.delta_R - low.delta_R
            rows.append((low.delta_R, estimate, noise, allowed))
            keep = [
                max([*keep, (abs(estimate) / allowed, i, scale, low, high)], key=lambda k: k[0])
            ]
        _, worst, scale, low, high = keep[0]
        value, estimate, roundoff, allowed = np.array(rows).T
        cells = where(low, high, several[worst])
        lag: Any = 1.0
        if before is not None:
            # what the last estimate missed, seen from the finer mesh, over what it said
            missed = np.abs(value + estimate - before[0])
            lag = missed / np.maximum(np.abs(before[1]), TINY)
        error = SAFETY * np.clip(lag, 1.0, LAG) * np.abs(estimate) + roundoff
        # cells of opposite sign can cancel by chance, and then the sum says nothing
        error[worst] = max(error[worst], CANCELLATION * float(np.abs(cells.signed).sum()))
        resolved = not check_resolution(low.system, several[worst])
        return cls(
            problem,
            fields,
            value,
            estimate,
            roundoff,
            allowed,
            error,
            worst,
            scale,
            cells,
            (low.system.N, high.system.N),
            (low.R_ohmic, SAFETY * LAG * abs(high.R_ohmic - low.R_ohmic)),
            resolved,
        )

    @property
    def excess(self) -> float:
        """Largest error bar over what is allowed."""
        return float(np.max(self.error / self.allowed))

    def round(self, seconds: float) -> Round:
        w = self.worst
        return Round(
            self.problem.mesh.n_cells,
            *self.unknowns,
            float(self.value[w]),
            float(self.estimate[w]),
            float(self.error[w]),
            float(self.allowed[w]),
            seconds,
        )

    def verdict(self, history: list[Round]) -> str:
        """What ends the refinement here, or nothing."""
        # one round alone is not believed where the edge layer is not resolved
        if self.excess <= 1.0 and (len(history) > 1 or self.resolved):
            return "tolerance"
        if np.any((self.roundoff > 0.5 * self.allowed) & (self.error < 10.0 * self.roundoff)):
            return "round-off"
        return ""

    def result(
        self,
        history: tuple[Round, ...],
        pairs: tuple[Pair, Pair],
        tolerance: float,
        floor: float,
        reason: str,
    ) -> Adapted:
        def given(values: np.ndarray) -> Any:
            return values if self.fields.ndim == 2 else float(values[0])

        small = bool(np.any(np.abs(self.value) < floor * self.scale))
        return Adapted(
            given(self.value),
            given(self.error),
            given(self.value + self.estimate),
            *self.ohmic,
            float(self.roundoff.max()),
            self.excess <= 1.0,
            reason,
            "floor" if small else "value",
            tolerance,
            floor,
            self.scale,
            self.fields,
            *pairs,
            history,
            self.problem,
        )


def _complaint(result: Adapted, budget: int) -> str:
    ratio = np.max(
        np.asarray(result.error) / np.maximum(np.abs(result.value), result.floor * result.scale)
    )
    why = (
        f"the budget of {budget} unknowns; give a larger one, another order or a coarser first mesh"
        if result.reason == "budget"
        else "round-off; ask for less"
    )
    asked = f"{result.tolerance:g} was asked for"
    return f"solve_to stopped at an error of {ratio:.1e} where {asked}, by {why}"
