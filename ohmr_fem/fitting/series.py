"""The door of a series: which numbers are fitted, which are held, and the model that they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..errors import InputError
from .background import starts
from .bands import band_starts
from .compiled import Compiled, compile_samples, reach_of
from .curve import scatter
from .data import Measured
from .fisher import Identifiability, identify
from .names import canonical, start_of
from .profile import settle
from .sample import Sample, read_samples
from .search import NUDGE, Point, Task, _weights
from .series_model import Prior, SeriesModel, SeriesParameter
from .trend import Trend, read_trends

#: Parameters up to which combinations are looked for among all of them.
MOST_COMBINED = 6
#: A column of the Jacobian below this is none: the rounding of a central difference is 1e-12.
NOTHING = 1e-10


@dataclass(frozen=True, eq=False)
class Series:
    """Samples and what is to be fitted to them.

    Attributes
    ----------
    samples : tuple of Sample
    parameters : shared ones, coefficients, shapes of backgrounds, then those of one sample
    held : for each sample, local values that stay
    trends : {local name: Trend}
    priors : tuple of Prior
    """

    samples: tuple[Sample, ...]
    parameters: tuple[SeriesParameter, ...]
    held: tuple[Mapping[str, float], ...]
    trends: Mapping[str, Trend]
    priors: tuple[Prior, ...]

    @property
    def curves(self) -> tuple[Measured, ...]:
        return tuple(_labelled(c, s) for s in self.samples for c in s.curves)

    @property
    def locals(self) -> list[str]:
        """Canonical names of what is fitted in a device."""
        return list(dict.fromkeys(p.local for p in self.parameters if p.local))

    def compiled(self, centre: float = 1.0) -> tuple[Compiled, ...]:
        return compile_samples(self.samples, self.locals, centre)

    def model(
        self,
        compiled: Sequence[Compiled],
        centre: float = 1.0,
    ) -> SeriesModel:
        """The model on measures that are made already."""
        data = self.curves
        own = self.samples[0].problem
        middle = own.material.diffusion_length * centre
        reach = reach_of(own)
        return SeriesModel(
            parameters=self.parameters,
            curves=tuple(c for s in compiled for c in s.curves),
            values=tuple(c.values for c in data),
            sigma=tuple(_noise(c) for c in data),
            lengths=(middle / reach, middle * reach),
            samples=tuple(compiled),
            held=self.held,
            trends=self.trends,
            priors=self.priors,
        )


def _labelled(
    curve: Measured,
    sample: Sample,
) -> Measured:
    """A curve without a name goes by that of its sample."""
    return curve if curve.name else replace(curve, name=sample.name)


def _noise(curve: Measured) -> np.ndarray:
    """One standard deviation of each point; from the roughness where none is given."""
    if curve.sigma is not None:
        return np.asarray(curve.sigma)
    return np.full(len(curve.values), scatter(curve))


def read_series(
    samples: Any,
    shared: Sequence[str],
    each: Sequence[str],
    trend: Mapping[str, Any] | None,
) -> Series:
    """What to fit; InputError for what does not go together."""
    several = read_samples(samples)
    trends = read_trends(trend, several)
    own = _names(each, "each")
    common = [n for n in _names(shared, "shared") if n not in own]
    common += [n for n in trends if n not in common]
    for name in trends:
        if name in own:
            raise InputError(f"{name} is in each and has a trend; give one", key="trend")
    if not common and not own:
        raise InputError("nothing is fitted; name parameters in shared or each", key="shared")
    parameters = [_shared(several[0], name, trends) for name in common]
    parameters += [_coefficient(p, trends[p.local]) for p in parameters if p.local in trends]
    parameters += _shapes(several)
    parameters += [_own(s, name) for name in own for s in several]
    held, priors, further = _known(several, [*common, *own])
    return Series(several, (*parameters, *further), held, trends, priors)


def _names(
    given: Any,
    key: str,
) -> list[str]:
    if isinstance(given, str):
        raise InputError(f"expected a list of names such as ['tau'], got {given!r}", key=key)
    out = [canonical(n) for n in given]
    twice = next((n for i, n in enumerate(out) if n in out[:i]), None)
    if twice is not None:
        raise InputError(f"{twice} is named twice", value=twice, key=key)
    return out


def _shared(
    first: Sample,
    name: str,
    trends: Mapping[str, Trend],
) -> SeriesParameter:
    start = start_of(first.problem, name, first.properties)
    return SeriesParameter(name, start, local=name)


def _coefficient(
    p: SeriesParameter,
    trend: Trend,
) -> SeriesParameter:
    return SeriesParameter(
        trend.coefficient,
        0.0,
        local=p.local,
        coefficient=trend.form.coefficient,
        scale=trend.scale(p.start),
        coefficient_unit=trend.unit,
    )


def _shapes(samples: Sequence[Sample]) -> list[SeriesParameter]:
    """Numbers of the shapes of all backgrounds, one for all samples."""
    strongest = max(s.strongest for s in samples)
    found: dict[str, float] = {}
    for sample in samples:
        sheet = float(sample.problem.material.sheet_conductivity)
        found |= starts(sample.background, strongest)
        found |= band_starts(sample.background, sample.curves, sheet)
    return [SeriesParameter(name, start) for name, start in found.items()]


def with_shapes(
    series: Series,
    samples: Sequence[Sample],
) -> Series:
    """The series with the shapes of other backgrounds in the place of its own."""
    kept = [p for p in series.parameters if not p.of_background]
    own = [p for p in kept if p.sample]
    shared = [p for p in kept if not p.sample]
    parameters = (*shared, *_shapes(samples), *own)
    return replace(series, samples=tuple(samples), parameters=parameters)


def _own(
    sample: Sample,
    name: str,
) -> SeriesParameter:
    start = start_of(sample.problem, name, sample.properties)
    return SeriesParameter(f"{name}[{sample.name}]", start, local=name, sample=sample.name)


def _known(
    samples: Sequence[Sample],
    fitted: Sequence[str],
) -> tuple[tuple[dict[str, float], ...], tuple[Prior, ...], list[SeriesParameter]]:
    """What is held, what is known with an error, and the parameters that come with that."""
    held: list[dict[str, float]] = []
    priors, further = [], []
    for i, sample in enumerate(samples):
        stays = {}
        for name, known in sample.known.items():
            if known.error > 0.0:
                priors.append(Prior(i, name, known.value, known.error))
                if name not in fitted:
                    label = f"{name}[{sample.name}]"
                    further.append(
                        SeriesParameter(label, known.value, local=name, sample=sample.name)
                    )
            elif name in fitted:
                raise InputError(
                    f"{sample.name}: {name} is known without an error and fitted; give "
                    "(value, error), or leave it out of shared",
                    key="known",
                )
            else:
                stays[name] = known.value
        held.append(stays)
    return tuple(held), tuple(priors), further


@dataclass(frozen=True, eq=False)
class SeriesTask(Task):
    """A :class:`Task` for a series."""

    series: Series = field(default=None)  # type: ignore[assignment]

    def refined(
        self,
        model: Any,
        start: Point,
    ) -> Point:
        everything = np.arange(len(start))
        weights = _weights(model, NUDGE)
        return settle(model.residual, model.jacobian, start, everything, weights, 1e-10, 100)

    def walked(self, i: int) -> bool:
        p = self.parameters[i]
        return not (isinstance(p, SeriesParameter) and p.sample)

    def combined(self, i: int) -> bool:
        """Whether parameter i may stand in a product of powers."""
        p = self.parameters[i]
        return self.walked(i) and not (isinstance(p, SeriesParameter) and p.coefficient)

    def identify(
        self,
        model: Any,
        u: Point,
        reach: Mapping[int, float] | None = None,
    ) -> Identifiability:
        """What the series fixes; the combinations are of the shared parameters, all others
        free.
        """
        J = model.relative_jacobian(u)
        names = [p.name for p in self.parameters]
        symbols = [p.symbol for p in self.parameters]
        shared = [i for i in range(len(names)) if self.combined(i)]
        whole = len(shared) == len(names)
        if (whole and len(names) <= MOST_COMBINED) or not shared:
            return identify(J, names, symbols, self.limit, reach)
        own = np.delete(J, shared, axis=1)
        rest = J[:, shared] - own @ np.linalg.lstsq(own, J[:, shared], rcond=None)[0]
        here = {shared.index(i): e for i, e in (reach or {}).items() if i in shared}
        own_names = [names[i] for i in shared]
        own_symbols = [symbols[i] for i in shared]
        found = identify(rest, own_names, own_symbols, self.limit, here)
        return replace(
            found,
            names=tuple(names),
            symbols=tuple(symbols),
            errors=_all_errors(J, dict(zip(shared, found.errors.tolist(), strict=True))),
        )


def _all_errors(
    J: np.ndarray,
    known: Mapping[int, float],
) -> np.ndarray:
    """Relative standard errors of all parameters; those known already are kept."""
    variances = np.diag(np.linalg.pinv(J.T @ J, rcond=1e-14, hermitian=True))
    out = np.sqrt(np.maximum(variances, 0.0))
    for i, error in known.items():
        out[i] = error
    return out


def check_dependence(
    model: SeriesModel,
    u: Point,
) -> None:
    """InputError for a parameter that no sample depends on."""
    J = model.jacobian(u, central=True)
    sizes = np.linalg.norm(J, axis=0)
    for p, size in zip(model.parameters, sizes, strict=True):
        if not p.of_background and size <= NOTHING * sizes.max():
            raise InputError(
                f"no sample depends on {p.name}; leave it out", value=p.name, key="shared"
            )


def check_points(model: SeriesModel) -> None:
    if model.degrees <= 0:
        wanted = model.points - model.degrees
        raise InputError(
            f"{model.points} points for {wanted} numbers; a fit needs more points than numbers",
            value=model.points,
            key="samples",
        )
