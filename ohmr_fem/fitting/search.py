"""From starting values to the best fit and its intervals.

chi^2 against the diffusion length has more than one valley (a wide device fixes only alpha alpha'
L_m, and there the valley runs flat to L_m = 0), so a minimum is sought at every one of a row of
lengths, from the best of a grid of tau and theta, before all parameters are let free.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.special import chdtri, fdtri

from ..solver.interface_cells import cell_heights
from ..solver.resolution import LARGEST_CELL
from ..solver.system import System, system_of
from ..sweep.measure import SpectralMeasure
from .alike import alike
from .background import Term
from .columns import blocks, of_curves
from .curve import Curve, scatter
from .data import Measured
from .fisher import Identifiability, identify
from .grid import Point, starting_points
from .input import Source
from .model import Model
from .mute import all_mute
from .parameters import Parameter, changes
from .profile import LowerMinimumError, Valley, settle, widest
from .told import Told, nobody

Points = Sequence[np.ndarray]
#: Both ends of an interval in u.
Ends = tuple[float, float]

#: Diffusion lengths covered either way from the start, and when the intervals ask for more.
NARROW, WIDE = 3.0, 8.0
#: Lengths at which a minimum is sought, per factor of e.
SCAN = 2.0
#: Minima belong to different valleys if their diffusion lengths are this far apart, in factors of
#: e; followed at most.
APART, MOST_VALLEYS = 0.5, 3
#: Error of few poles in standard deviations that no fit sees.
UNSEEN = 1e-2
#: Points of each curve on which the grid of starts is compared.
COARSE = 40
#: Weight of the distance from the start, in standard errors per factor of e: with the first a fit
#: moves along a valley only
#: where the data push it, the second picks what to show where they leave parameters free.
NUDGE, PRIOR = 1e-3, 0.5


@dataclass(frozen=True, eq=False)
class Task:
    """What to fit and how; the fields are the arguments of :func:`ohmr_fem.fit`."""

    curves: tuple[Measured, ...]
    parameters: tuple[Parameter, ...]
    background: tuple[Term, ...]
    confidence: float
    intervals: str
    limit: float
    method: str
    lmfit: Any

    @property
    def noise_estimated(self) -> bool:
        return any(c.sigma is None for c in self.curves)

    @property
    def length(self) -> int | None:
        """Place of the diffusion length among the parameters."""
        for i, parameter in enumerate(self.parameters):
            if parameter.name == "diffusion_length":
                return i
        return None

    @property
    def threshold(self) -> float:
        """Rise of chi^2 at the ends of an interval."""
        if not self.noise_estimated:
            return float(chdtri(1.0, 1.0 - self.confidence))
        # noise from the same data: chi^2 over its own estimate follows F, not chi^2
        return float(fdtri(1.0, self.degrees, self.confidence))

    @property
    def amplitudes(self) -> int:
        """Of all backgrounds of all curves; what curves share counts once."""
        return sum(block.width for block in blocks(of_curves(self.background, self.curves)))

    @property
    def degrees(self) -> int:
        points = sum(len(c.values) for c in self.curves)
        return points - self.amplitudes - len(self.parameters)

    def model(
        self,
        measures: Sequence[SpectralMeasure],
        strip_of: Sequence[float] | None = None,
        lengths: tuple[float, float] | None = None,
        thicknesses: tuple[float, float] | None = None,
    ) -> Model:
        squares: Sequence[float | None] = strip_of or [None] * len(self.curves)
        curves, sigma = [], []
        terms = of_curves(self.background, self.curves)
        for data, measure, own, square in zip(self.curves, measures, terms, squares, strict=True):
            curves.append(Curve.of(data, measure, own, square))
            # without errors in the file the roughness of the curve stands in, until the first fit
            known = data.sigma
            if known is None:
                known = np.full(len(data.values), scatter(data))
            sigma.append(known)
        return Model(
            parameters=self.parameters,
            curves=tuple(curves),
            values=tuple(c.values for c in self.curves),
            sigma=tuple(sigma),
            lengths=lengths,
            thicknesses=thicknesses,
        )

    def refined(
        self,
        model: Model,
        start: Point,
    ) -> Point:
        """The minimum next to a start."""
        return local(self, model, start)[0]

    def walked(self, i: int) -> bool:
        """Whether the interval of parameter i comes from its profile."""
        return True

    def fits(self, name: str) -> bool:
        """Whether a parameter, by its canonical name, is fitted."""
        return any(p.name == name for p in self.parameters)

    def identify(
        self,
        model: Model,
        u: Point,
        reach: Mapping[int, float] | None = None,
    ) -> Identifiability:
        """What the data fix at u; see :func:`ohmr_fem.fitting.fisher.identify`."""
        return identify(
            model.relative_jacobian(u),
            [p.name for p in self.parameters],
            [p.symbol for p in self.parameters],
            self.limit,
            reach,
        )

    def told(
        self,
        model: Model,
        u: Point,
        reach: Mapping[int, float] | None = None,
    ) -> Identifiability:
        """The same, with the backgrounds that look like the Hanle effect."""
        found = self.identify(model, u, reach)
        if all_mute(model):  # whatever is like no effect at all is not like the Hanle effect
            return found
        fitted, unfitted = alike(model, u)
        return replace(found, alike=fitted, unfitted=unfitted)


@dataclass(frozen=True, eq=False)
class Found:
    """The best fit.

    Attributes
    ----------
    model, measures
    u : (q,) where
    intervals : in u
    reach : {number of a parameter: standard error} where the profile goes farther than the
    curvature at u
    clipped : for both ends of each interval, whether the diffusion length had reached the end of
    its range there
    before : what was known at the start
    result : lmfit's
    """

    model: Model
    measures: tuple[SpectralMeasure, ...]
    u: Point
    intervals: tuple[Ends, ...]
    reach: Mapping[int, float]
    clipped: tuple[tuple[bool, bool], ...]
    before: Identifiability
    result: Any

    @property
    def measure(self) -> SpectralMeasure:
        """The first measure at the fitted values."""
        return self.measures[0].at(**changes(self.model.physical(self.u)))


def search(
    task: Task,
    source: Source,
    told: Told = nobody,
) -> Found:
    """The best fit; of films with few poles, and with all where the two can be told apart."""
    found = _searched(task, source, True, told)
    curves = zip(found.model.curves, found.measures, strict=True)
    exact = replace(found.model, curves=tuple(replace(c, measure=m) for c, m in curves))
    if _alike(found.model, exact, found.u):
        return replace(found, model=exact)
    return _searched(task, source, False, told)


def _alike(
    model: Model,
    exact: Model,
    u: Point,
) -> bool:
    """Whether few poles give what all of them give, to a part of the noise."""
    pairs = zip(model.signals(u), exact.signals(u), model.sigma, strict=True)
    return all(float(np.abs((a - b) / sigma).max()) < UNSEEN for a, b, sigma in pairs)


def _searched(
    task: Task,
    source: Source,
    few: bool,
    told: Told,
) -> Found:
    """Fit, and fit again with a wider or shifted range of diffusion lengths where the answer asks
    for it.
    """
    around = source.length
    factor = NARROW
    floor = _floor(source)
    before: Identifiability | None = None
    profile: Profile | None = None
    nothing = np.zeros(len(task.parameters))
    while True:
        lengths = _covered(task, source, around, factor, floor)
        thicknesses = source.thicknesses if task.fits("thickness") else None
        told("measures", 0, 1)
        measures = source.measures(lengths, thicknesses)
        told("measures", 1, 1)
        model = task.model(measures, lengths=lengths, thicknesses=thicknesses)
        before = before or task.told(model, nothing)
        if few:
            looped = source.few(measures, lengths, thicknesses)
            model = task.model(looped, lengths=lengths, thicknesses=thicknesses)
        scanned = _scanned(task, lengths)
        model, u, result, others = minimise(task, model, scanned, told)
        if task.length is None or source.problem is None or factor >= WIDE:
            break
        found = model.physical(u)["diffusion_length"]
        inside = 1.2 * lengths[0] < found < lengths[1] / 1.2
        # at the floor of the mesh a wider range brings nothing new
        if not inside and found > 1.2 * floor:
            around, factor = found, WIDE
            continue
        profile = _intervals(task, model, u, others, told)
        low, high = profile.ends[task.length]
        if np.isfinite(low) and np.isfinite(high):
            break
        around = np.sqrt(found * around)
        factor = WIDE
        profile = None
    profile = profile or _intervals(task, model, u, others, told)
    u = profile.u
    free = task.identify(model, u, profile.reach).free
    if free and task.intervals == "profile":
        # chi^2 within 4 of the best, two standard errors, counts as just as good
        most = chi2_of(model, u) + 4.0
        acceptable = [x for x in others if chi2_of(model, x) < most]
        u, result = _near_start(task, model, [u, *acceptable])
    return Found(
        model=model,
        measures=measures,
        u=u,
        intervals=profile.ends,
        reach=profile.reach,
        clipped=profile.clipped,
        before=before,
        result=result,
    )


def _floor(source: Source) -> float:
    """The shortest diffusion length in m worth trying; below it the mesh speaks, not the device."""
    if source.problem is None:
        return 0.0
    resolved = 0.7 * shortest_length(system_of(source.problem, plane_of_film=True, with_spin=True))
    return min(resolved, source.length / 1.5)


def _covered(
    task: Task,
    source: Source,
    around: float,
    factor: float,
    floor: float,
) -> tuple[float, float]:
    """Diffusion lengths in m that the measures of the next search cover."""
    if source.problem is None:
        return source.covered(task.curves)
    return max(around / factor, floor), around * factor


def shortest_length(system: System) -> float:
    """Shortest diffusion length in m that the cells at the edges of a mesh resolve without a
    field.
    """
    mesh = system.problem.mesh.mesh
    facets = mesh.boundary_facets()
    heights = cell_heights(system, facets, mesh.f2t[0, facets])
    order = system.problem.order
    return float(heights.max() / LARGEST_CELL[order - 1])


def _scanned(
    task: Task,
    lengths: tuple[float, float],
) -> Point:
    """u of the diffusion lengths to be scanned; a single 0 where the length is not fitted."""
    if task.length is None:
        return np.zeros(1)
    start = task.parameters[task.length].start
    shortest, longest = lengths
    low = np.log(shortest / start)
    high = np.log(longest / start)
    count = 2 + int(SCAN * (high - low))
    return np.linspace(low, high, count)


def minimise(
    task: Task,
    model: Model,
    scanned: Point,
    told: Told = nobody,
) -> tuple[Model, Point, Any, list[Point]]:
    """The best fit over all scanned lengths, the noise of curves without sigma from its residuals,
    and the other minima.
    """
    starts = starting_points(model.thinned(COARSE), task.length, scanned)
    settled = []
    for k, start in enumerate(starts):
        settled.append(_settle(task, model, start))
        told("minima", k + 1, len(starts))
    minima = []
    for start in _lowest(model, settled):
        u, _ = local(task, model, start)
        minima.append(u)
    u = min(minima, key=lambda x: chi2_of(model, x))
    # the noise sets the weights and the fit sets the noise: repeat until it holds still
    for _ in range(10):
        sigma, change = _reweighted(task, model, u)
        model = replace(model, sigma=sigma)
        start = min([u, *minima], key=lambda x: chi2_of(model, x))
        u, result = local(task, model, start)
        if change < 0.01:
            break
    return model, u, result, [*minima, *settled]


def _lowest(
    model: Model,
    settled: Points,
) -> list[Point]:
    """Those of a row of points, in the order of the diffusion length, that lie lower than their
    neighbours.
    """
    heights = [chi2_of(model, u) for u in settled]
    fenced = [np.inf, *heights, np.inf]
    out = []
    for k, u in enumerate(settled):
        if heights[k] <= min(fenced[k], fenced[k + 2]):
            out.append(u)
    return out


def chi2_of(
    model: Model,
    u: Point,
) -> float:
    """chi^2 at u."""
    return float(np.sum(model.residual(u) ** 2))


def _settle(
    task: Task,
    model: Model,
    start: Point,
) -> Point:
    """Minimum at a fixed diffusion length."""
    numbers = np.arange(len(start))
    free = numbers if task.length is None else np.delete(numbers, task.length)
    return settle(
        model.residual,
        model.jacobian,
        start,
        free,
        weights=_weights(model, NUDGE),
        tolerance=1e-4,
        most=30,
    )


def _near_start(
    task: Task,
    model: Model,
    minima: Points,
) -> tuple[Point, Any]:
    """What to show where the data leave parameters free: the acceptable fit nearest to the
    start.
    """

    def cost(u: Point) -> float:
        distance = weights * u
        return chi2_of(model, u) + float(distance @ distance)

    weights = _weights(model, PRIOR)
    nearest = sorted(minima, key=cost)[:2]
    found = [local(task, model, start, PRIOR) for start in nearest]
    return min(found, key=lambda pair: cost(pair[0]))


def _weights(
    model: Model,
    prior: float,
) -> Point:
    out = np.full(len(model.parameters), NUDGE)
    for i, parameter in enumerate(model.parameters):
        if parameter.logarithmic:
            out[i] = prior
    return out


def local(
    task: Task,
    model: Model,
    start: Point,
    prior: float = NUDGE,
) -> tuple[Point, Any]:
    """lmfit from one start, with a Gaussian prior of width 1/prior about it in the logarithms."""
    weights = _weights(model, prior)
    names = [_lmfit_name(p) for p in model.parameters]

    def vector(values: Any) -> Point:
        return np.array([values[n].value for n in names])

    def residual(values: Any) -> Point:
        u = vector(values)
        return np.append(model.residual(u), weights * u)  # the prior as further data, all zero

    def jacobian(values: Any) -> Point:
        slopes = model.jacobian(vector(values))
        return np.vstack([slopes, np.diag(weights)])

    given = task.lmfit.Parameters()
    for name, value in zip(names, start, strict=True):
        given.add(name, value=float(value))
    # the residuals are in standard deviations already: lmfit must not rescale the covariance
    minimiser = task.lmfit.Minimizer(residual, given, scale_covar=False, nan_policy="raise")
    if task.method == "leastsq":
        result = minimiser.minimize(
            method="leastsq",
            col_deriv=False,
            ftol=1e-12,
            xtol=1e-10,
            max_nfev=400,
            Dfun=jacobian,
        )
    else:
        for name in names:  # the global methods of lmfit demand bounds
            middle = float(given[name].value)
            given[name].min = middle - 3.0
            given[name].max = middle + 3.0
        result = minimiser.minimize(method=task.method)
    # through the physical values: beyond the range of the measures the length stays at its end
    reached = model.physical(vector(result.params))
    return model.coordinates(reached), result


def _lmfit_name(parameter: Parameter) -> str:
    name = parameter.name.replace(".", "_")  # lmfit wants Python's names
    return f"ln_{name}" if parameter.logarithmic else name


def _reweighted(
    task: Task,
    model: Model,
    u: Point,
) -> tuple[tuple[Point, ...], float]:
    """Noise of the curves without sigma from their residuals, and the largest relative change of
    it.
    """
    sigma, worst = [], 0.0
    # each curve pays an equal share of the backgrounds and of the common parameters
    spent = (len(model.parameters) + task.amplitudes) / len(task.curves)
    signals = model.signals(u)
    backgrounds = model.backgrounds(u)
    for k, data in enumerate(task.curves):
        old = model.sigma[k]
        if data.sigma is not None:
            sigma.append(old)
            continue
        n = len(data.values)
        rest = data.values - signals[k] - backgrounds[k]
        degrees = max(n - spent, 1.0)
        rms = float(np.sqrt(np.sum(rest**2) / degrees))
        # calculated curves have no noise: the floor keeps the weights finite
        height = float(np.ptp(data.values))
        level = max(rms, 1e-12 * height, 1e-300)
        change = abs(level / float(old[0]) - 1.0)
        worst = max(worst, change)
        sigma.append(np.full(n, level))
    return tuple(sigma), worst


@dataclass(frozen=True, eq=False)
class Profile:
    """Intervals in u, and what :class:`Found` says of them; u is the minimum, which moves if a
    profile finds a lower one.  ``visited`` are the places (u_i, rise) of every profile.
    """

    u: Point
    ends: tuple[Ends, ...]
    reach: Mapping[int, float] = field(default_factory=dict)
    clipped: tuple[tuple[bool, bool], ...] = ()
    visited: Mapping[int, list[tuple[float, float]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.clipped:
            object.__setattr__(self, "clipped", ((False, False),) * len(self.u))


def _intervals(
    task: Task,
    model: Model,
    u: Point,
    others: Points,
    told: Told = nobody,
) -> Profile:
    """Intervals of every parameter, from the profile or, if asked for, from the curvature."""
    if task.intervals == "fisher":
        return _from_curvature(task, model, u)
    for _ in range(4):
        try:
            return _profiled(task, model, u, others, told)
        except LowerMinimumError as better:
            u = task.refined(model, better.u)
    # the minimum keeps moving: nothing can be said of the ends
    endless = (-np.inf, np.inf)
    return Profile(u, (endless,) * len(u))


def _from_curvature(
    task: Task,
    model: Model,
    u: Point,
) -> Profile:
    weights = _weights(model, NUDGE)
    valley = Valley.at(model.residual, model.jacobian, u, weights)
    variances = np.diag(valley.covariance)
    half = np.sqrt(task.threshold * variances)
    low, high = u - half, u + half
    ends = zip(low.tolist(), high.tolist(), strict=True)
    return Profile(u, tuple(ends))


def _profiled(
    task: Task,
    model: Model,
    u: Point,
    others: Points,
    told: Told = nobody,
) -> Profile:
    """Every parameter walked both ways; LowerMinimumError where a walk ends below u."""
    threshold = task.threshold
    best = chi2_of(model, u)
    good = [x for x in others if chi2_of(model, x) - best < threshold]
    valleys = _valleys(task, model, u, good)
    errors = task.identify(model, u).errors
    ends, clipped = [], []
    for i, error in enumerate(errors):
        if not (
            np.isfinite(error) or _bounded(task, model, u, i)
        ):  # free at the bottom: no walk would end
            low, high = -np.inf, np.inf
            left = right = u
        elif not task.walked(i):
            half = float(np.sqrt(threshold * valleys[0].covariance[i, i]))
            low, high = float(u[i]) - half, float(u[i]) + half
            left = right = u
        else:
            inside = model.covered if i == task.length else None
            low, high, reached = widest(valleys, i, threshold, inside, good)
            left, right = reached
        told("profiles", i + 1, len(errors))
        ends.append((low, high))
        clipped.append((not model.covered(left), not model.covered(right)))
    return Profile(
        u=u,
        ends=tuple(ends),
        reach=_reach(task, model, u, ends),
        clipped=tuple(clipped),
        visited=valleys[0].visited,
    )


def _bounded(
    task: Task,
    model: Model,
    u: Point,
    i: int,
) -> bool:
    """Whether the data bound a product that is zero, whose relative error says nothing."""
    if model.parameters[i].logarithmic:
        return False
    symbols = [p.symbol for p in model.parameters]
    known = identify(model.jacobian(u, central=True), symbols, symbols, task.limit)
    return bool(np.isfinite(known.errors[i]))


def _valleys(
    task: Task,
    model: Model,
    u: Point,
    good: Points,
) -> list[Valley]:
    """The valley of the best fit, and the others that hold acceptable fits at another diffusion
    length.
    """
    weights = _weights(model, NUDGE)
    out = [Valley.at(model.residual, model.jacobian, u, weights)]
    if task.length is None:
        return out
    for x in sorted(good, key=lambda x: chi2_of(model, x)):
        length = x[task.length]
        apart = [abs(length - v.bottom[task.length]) for v in out]
        if len(out) < MOST_VALLEYS and min(apart) > APART:
            # rises count from the best fit, in every valley
            lowest = out[0].lowest
            valley = Valley.at(model.residual, model.jacobian, x, weights, lowest)
            out.append(valley)
    return out


def _reach(
    task: Task,
    model: Model,
    u: Point,
    ends: Sequence[Ends],
) -> dict[int, float]:
    """Standard error of ln(parameter) from its interval, where that calls fixed what the curvature
    at the minimum does not,
    or the other way round."""
    errors = task.identify(model, u).errors
    out = {}
    for i, (low, high) in enumerate(ends):
        parameter = model.parameters[i]
        slope = abs(parameter.relative(float(u[i])))
        # an end lies sqrt(threshold) standard errors out
        farther = max(high - u[i], u[i] - low)
        size = farther * slope / np.sqrt(task.threshold)
        by_curvature = errors[i] < task.limit
        by_profile = size < task.limit
        if np.isfinite(errors[i]) and by_curvature != by_profile:
            out[i] = min(float(size), 1.0)
    return out
