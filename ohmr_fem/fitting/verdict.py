"""Is it a Hanle effect?  Models compared over the best of several backgrounds, and one word.

One curve cannot tell a Hanle effect from an ordinary magnetoresistance of another shape; chi^2 of a
wrong background does not show it.  So chi^2 of every model is the best over the alternatives, and
how far it must fall is simulated (see :mod:`ohmr_fem.fitting.null`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..errors.doors import door
from ..files import Columns, Table
from ..model.stack import Stack
from ..units import fraction
from .alternatives import (
    BACKGROUND,
    ModelFit,
    check_alternatives,
    fit_background,
    fit_model,
    left_out,
    read_models,
    with_alternative,
)
from .checks import Check, all_checks, failed
from .global_fit import Prepared
from .names import canonical
from .null import Null, Plane, noiseless, null_of, power_of, rejected
from .sample import Sample, read_samples
from .series import Series, read_series
from .told import Told, nobody

FAVOURED, EXCLUDED, OPEN = "favoured", "excluded", "not distinguishable"
#: A model fits where chi^2 and whiteness have p above this.
FITS = 1e-3
#: Sets of the power, and of the test of what was stated.
SETS = 499
#: Standard deviations left by the backgrounds that decide.
DECIDES = 5.0
ALTERNATIVES = ("quadratic", "kohler", "two_band", "hln")


@dataclass(frozen=True, eq=False, repr=False)
class ModelTable(Table):
    """The models side by side; ratio is the fall of chi^2 against "background"."""

    fits: tuple[ModelFit, ...]
    predicted: np.ndarray
    ratio: np.ndarray
    p: np.ndarray

    def columns(self) -> Columns:
        def numbers(key: str) -> np.ndarray:
            return np.array([getattr(f, key) for f in self.fits])

        return {
            "model": ("", np.array([f.name for f in self.fits], dtype=object)),
            "parameters": ("", numbers("count")),
            "chi2": ("", numbers("chi2")),
            "degrees": ("", numbers("degrees")),
            "aicc": ("", numbers("aicc")),
            "bic": ("", numbers("bic")),
            "predicted": ("", self.predicted),
            "ratio": ("", self.ratio),
            "p": ("", self.p),
        }

    def __str__(self) -> str:
        names = list(self.columns())
        head = f"{'model':20}{'background':12}" + "".join(f"{n:>11}" for n in names[1:])
        lines = [head]
        rows = zip(*(values for _, values in self.columns().values()), strict=True)
        for fit, (model, *values) in zip(self.fits, rows, strict=True):
            cells = "".join(f"{'' if np.isnan(v) else format(v, '.5g'):>11}" for v in values)
            lines.append(f"{model:20}{fit.alternative:12}{cells}")
        return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class Verdict:
    """What the models say together.

    Attributes
    ----------
    verdict : "favoured", "excluded" or "not distinguishable"
    sentence : str
    p : float
        How likely so large a fall of chi^2 is without a Hanle effect, from simulations.
    power : float
        Part of the data sets with the stated parameters that would be found at the level.
    checks : tuple of Check
    fits : {model: ModelFit}
    table : ModelTable
    level : float
        Probability of "favoured" without a Hanle effect that was asked for.
    p_stated : float
        Of the stated parameters.
    seconds : float, s
    """

    verdict: str
    sentence: str
    p: float
    power: float
    checks: tuple[Check, ...]
    fits: Mapping[str, ModelFit]
    table: ModelTable
    level: float
    p_stated: float

    def __str__(self) -> str:
        marks = {True: "passed", False: "failed", None: "cannot tell"}
        lines = [self.sentence, "", str(self.table), ""]
        lines += [f"{c.name}: {marks[c.passed]}: {c.text}" for c in self.checks]
        return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Everything that does not depend on the measured values; see :func:`prepare_comparison`."""

    prepared: Mapping[str, Mapping[str, Prepared]]
    own: bool
    level: float
    simulations: int
    seed: int

    @property
    def first(self) -> Prepared:
        """The first model with a device, with the first background."""
        return next(iter(next(iter(self.prepared.values())).values()))

    @property
    def models(self) -> list[str]:
        return list(self.prepared)

    @property
    def signal(self) -> np.ndarray:
        """The stated effect in standard deviations, (N,)."""
        model = self.first.model
        stated = model.signals(np.zeros(len(model.parameters)))
        return np.concatenate(stated) / np.concatenate(model.sigma)

    def with_samples(self, samples: Sequence[Sample]) -> Comparison:
        """The same with other measured values."""
        out: dict[str, dict[str, Prepared]] = {}
        for model, group in self.prepared.items():
            for alternative, p in group.items():
                moved = [with_alternative(s, alternative) for s in samples]
                out.setdefault(model, {})[alternative] = p.with_samples(moved)
        return Comparison(out, self.own, self.level, self.simulations, self.seed)

    def null(self, told: Callable[[int], None] | None = None) -> Null:
        rng = np.random.default_rng(self.seed)
        alternatives = self.prepared[self.models[0]]
        planes = []
        for alternative, p in alternatives.items():
            atlases = {m: group[alternative].atlas for m, group in self.prepared.items()}
            planes.append(Plane.of(p.model, atlases))
        return null_of(planes, self.first.model, self.simulations, rng, told)


@door
def compare_models(
    samples: Any,
    models: Sequence[str] | None = None,
    *,
    shared: Sequence[str] = ("alpha", "L_m", "tau"),
    each: Sequence[str] = (),
    trend: Mapping[str, str] | None = None,
    alternatives: Sequence[str] = ALTERNATIVES,
    level: float = 0.01,
    simulations: int = 999,
    seed: int = 0,
    progress: Told | None = None,
) -> Verdict:
    """Whether a series shows a Hanle effect.

    Parameters
    ----------
    samples, shared, each, trend : as for :func:`global_fit`
    models : of "background", "hanle", "hanle_theta" (with theta free), "orbital_and_spin" (a spin
        channel beside the orbital one), "hanle_absorbing" (faces that absorb)
        By default "background" and "hanle". alpha alpha' has the sign that the problems state.
    alternatives : of "quadratic", "kohler", "two_band", "hln"
        What stands in the place of the even background: amplitudes of each curve, a shape of all
        samples.  chi^2 is the best of them.
    level : float
        Probability of "favoured" without a Hanle effect.
    simulations : int
        Data sets without a Hanle effect that are fitted; at least 1/level.
    seed : int
        Of the simulations.
    progress : function of (what, done, of all), optional

    Returns
    -------
    Verdict

    Raises
    ------
    InputError
        Too few simulations for the level, an unknown model or alternative, a stack; as
        :func:`global_fit`.
    """
    level = fraction(level, "level")
    if simulations < 1.0 / level:
        raise InputError(
            f"{simulations} are too few for a level of {level:g}; give {int(2 / level)} or more",
            value=simulations,
            key="simulations",
        )
    for s in read_samples(samples):
        _refuse_stack(s)
    asked = read_models(models, shared)
    names = check_alternatives(alternatives)
    _check_product([*next(iter(asked.values())), *(canonical(n) for n in each)])
    told = progress or nobody
    comparison = prepare_comparison(
        samples, asked, each, trend, names, level, int(simulations), seed, told
    )
    return judge(comparison, progress)


def prepare_comparison(
    samples: Any,
    asked: Mapping[str, Sequence[str]],
    each: Sequence[str],
    trend: Mapping[str, str] | None,
    alternatives: Sequence[str],
    level: float,
    simulations: int,
    seed: int,
    told: Told = nobody,
) -> Comparison:
    """Measures and atlases of every model with every background."""
    prepared: dict[str, dict[str, Prepared]] = {}
    compiled = None
    for model, shared in asked.items():
        if model == BACKGROUND:
            continue
        first = None
        for name in alternatives:
            series = read_series(samples, shared, each, trend)
            moved = [with_alternative(s, name) for s in series.samples]
            if first is None:
                heard = _of_model(told, model)
                first = _first(series, moved, shared, each, trend, compiled, heard)
                compiled = first.model.samples
                own = first
            else:
                own = first.with_background(moved)
            prepared.setdefault(model, {})[name] = own
    return Comparison(prepared, bool(each), level, simulations, seed)


def _first(
    series: Series,
    moved: Sequence[Sample],
    shared: Sequence[str],
    each: Sequence[str],
    trend: Mapping[str, str] | None,
    compiled: Any,
    told: Told,
) -> Prepared:
    from .compiled import rebased

    series = read_series(moved, shared, each, trend)
    if compiled is not None:
        compiled = rebased(compiled, moved)
    return Prepared.of(series, compiled=compiled, told=told)


def _of_model(told: Told, model: str) -> Told:
    """Tells which model a grid is of."""

    def named(what: str, done: int, total: int) -> None:
        told(what if what == "measures" else f"{what} of {model}", done, total)

    return named


def _refuse_stack(sample: Sample) -> None:
    if isinstance(sample.problem.film, Stack):
        raise InputError(
            f"{sample.name}: a verdict takes films, not stacks of them: it tests the size and the "
            "sign of one alpha alpha', and each layer has its own; fit the series with "
            "of.global_fit, or compare films of one layer",
            key="samples",
        )


def _check_product(fitted: Sequence[str]) -> None:
    if not {"alpha_product", "polarisation"} & set(fitted):
        raise InputError(
            "a verdict is about the size of the effect: fit alpha, or polarisation", key="shared"
        )


def judge(comparison: Comparison, progress: Told | None = None) -> Verdict:
    """The verdict of a prepared comparison."""
    count = 1 + sum(len(group) for group in comparison.prepared.values())
    told = _Told(progress or nobody, count, comparison.simulations)
    alternatives = comparison.prepared[comparison.models[0]]
    fits = {BACKGROUND: fit_background(alternatives)}
    told.fit()
    for name, group in comparison.prepared.items():
        fits[name] = fit_model(name, group, told.fit)
    null = comparison.null(told.simulated)
    return assembled(comparison, fits, null, told.asked)


@dataclass
class _Told:
    """Progress as it is told."""

    progress: Told
    fits: int
    simulations: int
    done: int = 0
    sets: int = 0
    power: int = 0

    def fit(self) -> None:
        self.done += 1
        self.progress("fits", self.done, self.fits)

    def simulated(self, count: int) -> None:
        self.sets += count
        self.progress("simulations", self.sets, self.simulations)

    def asked(self, count: int) -> None:
        self.power += count
        self.progress("power", self.power, 2 * min(SETS, self.simulations))


def assembled(
    comparison: Comparison,
    fits: Mapping[str, ModelFit],
    null: Null,
    told: Callable[[int], None] | None = None,
) -> Verdict:
    """The word, its reasons and the table."""
    rng = np.random.default_rng(comparison.seed + 1)
    signal = comparison.signal
    devices = comparison.models
    p = {name: null.p(name) for name in devices}
    main = min(devices, key=lambda name: p[name])
    # the best of several models has had several chances
    overall = min(1.0, p[main] * len(devices))
    best = fits[main]
    stated = _stated(comparison)
    checks = all_checks(best.model, best.u, stated)
    count = min(SETS, comparison.simulations)
    p_stated = rejected(null, signal, count, rng, told)
    power = power_of(null, main, signal, comparison.level, count, rng, told)
    word = _word(comparison.level, overall, best, fits[BACKGROUND], checks, p_stated)
    ordered = tuple(fits.values())
    table = ModelTable(
        fits=ordered,
        predicted=np.array([left_out(f, comparison.own) for f in ordered]),
        ratio=np.array([fits[BACKGROUND].chi2 - f.chi2 for f in ordered]),
        p=np.array([p.get(f.name, np.nan) for f in ordered]),
    )
    reach = float(np.sqrt(max(noiseless(null, main, signal), 0.0)))
    sentence = _sentence(word, overall, power, best, fits[BACKGROUND], checks, p_stated, reach)
    return Verdict(
        verdict=word,
        sentence=sentence,
        p=overall,
        power=power,
        checks=checks,
        fits=dict(fits),
        table=table,
        level=comparison.level,
        p_stated=p_stated,
    )


def _stated(comparison: Comparison) -> float:
    m = comparison.first.series.samples[0].problem.material
    return float(m.orbital_hall_angle * m.inverse_orbital_hall_angle)


def _word(
    level: float,
    p: float,
    best: ModelFit,
    bare: ModelFit,
    checks: Sequence[Check],
    p_stated: float,
) -> str:
    if p < level and best.fits(FITS) and not failed(checks):
        return FAVOURED
    if bare.fits(FITS) and p_stated < level:
        return EXCLUDED
    return OPEN


def _sentence(
    word: str,
    p: float,
    power: float,
    best: ModelFit,
    bare: ModelFit,
    checks: Sequence[Check],
    p_stated: float,
    reach: float,
) -> str:
    ratio = bare.chi2 - best.chi2
    numbers = (
        f"chi^2 falls by {ratio:.4g} from {bare.name} ({bare.alternative}) to {best.name} "
        f"({best.alternative}), p = {p:.2g}"
    )
    if word == FAVOURED:
        return f"A Hanle effect is favoured: {numbers}; the model fits and no check fails."
    if word == EXCLUDED:
        return (
            f"The stated Hanle effect is excluded (p = {p_stated:.2g}) and a background alone "
            f"fits: {numbers}. With L_m and tau free alpha alpha' has no bound: an effect of "
            "another L_m or tau, too flat or too slow to be seen, is not excluded."
        )
    return f"A Hanle effect is not distinguishable from a background: {numbers}; " + _wanted(
        power, best, checks, reach
    )


def _wanted(power: float, best: ModelFit, checks: Sequence[Check], reach: float) -> str:
    """What would decide."""
    bad = failed(checks)
    if bad and reach >= DECIDES:
        return "; ".join(f"the check of {c.name} fails ({c.text})" for c in bad) + "."
    if not best.fits(FITS):
        return (
            f"no model describes the data (p of chi^2 {best.p_chi2:.2g}, of whiteness "
            f"{best.p_white:.2g}): look at the residuals, and for another background or drift."
        )
    silent = [c.name for c in checks if c.passed is None]
    further = f"; nothing is said by {', '.join(silent)}" if silent else ""
    return (
        f"of the stated effect the backgrounds leave {reach:.2g} standard deviations, found in "
        f"{100 * power:.0f}% of such data; {DECIDES:g} would decide: less noise, a field along a "
        f"direction where it vanishes, or more thicknesses{further}."
    )
