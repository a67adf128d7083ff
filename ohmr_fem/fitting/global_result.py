"""What a fit over a series gives."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..base.owned import own_arrays
from ..files import Columns, Table
from ..model.material import Material
from .data import QUANTITIES
from .fisher import Identifiability, percent
from .result import Estimate, FittedCurve, show, span, with_interval
from .sample import Sample


@dataclass(frozen=True, eq=False)
class Minimum:
    """A place where the search came to rest.

    Attributes
    ----------
    parameters : {canonical name: value in SI}
    chi2 : float
    u : (q,) array
        The place in the coordinates of the search.
    """

    parameters: Mapping[str, float]
    chi2: float
    u: np.ndarray


@dataclass(frozen=True, eq=False)
class SampleFit:
    """One sample of a fitted series.

    Attributes
    ----------
    sample : Sample
    curves : tuple of FittedCurve
    material : Material with the fitted values
    parameters : {canonical name: value in SI} of this sample
    chi2 : of its curves
    """

    sample: Sample
    curves: tuple[FittedCurve, ...]
    material: Material
    parameters: Mapping[str, float]
    chi2: float

    def __post_init__(self) -> None:
        own_arrays(self)


@dataclass(frozen=True, eq=False, repr=False)
class GlobalFit(Table):
    """A fitted series; what :class:`Fit` has, and by sample.

    Attributes
    ----------
    parameters : {canonical name: Estimate}
    identifiability, before : what the series fixes, at the fitted values and at the start
    correlation : (q, q) in the order of the parameters
    covariance : (q, q) of the values in SI
    samples : {name: SampleFit}
    profiles : {name: (values, rise of chi^2)}
    minima : tuple of Minimum, the best first
    chi2, degrees, noise_estimated, confidence, warnings, seconds : as of :class:`Fit`
    seed : int
        Of the random starts, and of :meth:`bootstrap`.
    prepared, u
        The series and where it came to rest, for :meth:`bootstrap`; None once read from a file.
    """

    parameters: Mapping[str, Estimate]
    identifiability: Identifiability
    before: Identifiability
    correlation: np.ndarray
    covariance: np.ndarray
    samples: Mapping[str, SampleFit]
    profiles: Mapping[str, tuple[np.ndarray, np.ndarray]]
    minima: tuple[Minimum, ...]
    chi2: float
    degrees: int
    noise_estimated: bool
    confidence: float
    warnings: tuple[str, ...]
    seconds: float
    seed: int = 0
    prepared: Any = field(default=None)
    u: Any = field(default=None)

    #: What a measurement is good for.
    _digits = 12

    def __post_init__(self) -> None:
        own_arrays(self)

    @property
    def reduced_chi2(self) -> float:
        """chi^2 over the degrees of freedom."""
        return self.chi2 / self.degrees

    @property
    def curves(self) -> tuple[FittedCurve, ...]:
        """Of all samples, in their order."""
        return tuple(c for s in self.samples.values() for c in s.curves)

    def bootstrap(
        self,
        kind: str = "blocks",
        count: int = 200,
    ) -> dict[str, tuple[float, float]]:
        """Intervals of the same confidence from fits to resampled data, as a check.

        Parameters
        ----------
        kind : "blocks" or "samples"
            Blocks of residuals put back on the curves, or whole samples drawn again.
        count : int
            Fits, from 10.

        Returns
        -------
        {name: (low, high)}
            In the unit of the parameter in SI.

        Raises
        ------
        InputError
            An unknown kind, too small a count, fewer than three samples to draw from; a fit that
            was read from a file.
        """
        from .bootstrap import bootstrap

        return bootstrap(self, kind, count)

    def __str__(self) -> str:
        return series_report(self)

    def columns(self) -> Columns:
        """The table: every point of every sample with its model.

        Returns
        -------
        {name: (unit, values)}
            Sample, curve, fields in T, and the measured value, its error, model and background in
            ohm or 1.
        """
        named = [(name, c) for name, s in self.samples.items() for c in s.curves]
        kinds = {c.data.quantity for _, c in named}
        kind = kinds.pop() if len(kinds) == 1 else "value"
        unit = QUANTITIES.get(kind, "ohm or 1")
        fields = np.concatenate([c.data.fields for _, c in named])
        samples = [np.full(len(c.model), name, dtype=object) for name, c in named]
        curves = [np.full(len(c.model), c.data.label, dtype=object) for _, c in named]
        return {
            "sample": ("", np.concatenate(samples)),
            "curve": ("", np.concatenate(curves)),
            **{f"B{axis}": ("T", fields[:, i]) for i, axis in enumerate("xyz")},
            kind: (unit, np.concatenate([c.data.values for _, c in named])),
            f"{kind}_err": (unit, np.concatenate([c.noise for _, c in named])),
            "model": (unit, np.concatenate([c.model for _, c in named])),
            "background": (unit, np.concatenate([c.background for _, c in named])),
        }

    def _summary(self) -> Iterable[str]:
        yield f"{len(self.samples)} samples"
        yield ", ".join(f"{e.symbol} {with_interval(e)}" for e in self.parameters.values())
        yield str(self.identifiability)


def series_report(fit: GlobalFit) -> str:
    """What was found, how sure it is, and each sample's share of chi^2."""
    points = sum(len(c.data.values) for c in fit.curves)
    noise = "estimated from the residuals" if fit.noise_estimated else "as given"
    lines = [
        f"{len(fit.samples)} samples, {len(fit.curves)} curves, {points} points; reduced chi^2 = "
        f"{fit.reduced_chi2:.3g} (noise {noise}); {fit.seconds:.2f} s",
        "",
        f"{'':24}{'value':>14}{'error':>12}  {100 * fit.confidence:g}% interval",
    ]
    lines += [_line(e) for e in fit.parameters.values()]
    lines += ["", f"{'sample':24}{'points':>8}{'chi^2':>10}"]
    for name, s in fit.samples.items():
        count = sum(len(c.model) for c in s.curves)
        lines.append(f"{name:24}{count:>8}{s.chi2:>10.1f}")
    lines += ["", str(fit.identifiability)]
    lines += [f"warning: {note}" for note in fit.warnings]
    return "\n".join(line.rstrip() for line in lines)


def _line(e: Estimate) -> str:
    mark = "" if e.fixed else "  not fixed by the data"
    error = percent(e.error / abs(e.value)) if e.value and math.isfinite(e.error) else "unknown"
    return f"{e.symbol:24}{show(e.value, e.unit):>14}{error:>12}  {span(e):<28}{mark}"
