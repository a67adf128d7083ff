"""The text of a fit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..base.owned import own_arrays
from ..files import Columns, Table
from ..model.material import Material
from ..sweep.measure import SpectralMeasure
from ..units import engineering
from .data import QUANTITIES, Measured
from .fisher import Identifiability, percent


def report(fit: Fit) -> str:
    """What was found, how sure it is, what the data do not fix, and what the infinite strip would
    have said.
    """
    points = sum(len(c.data.values) for c in fit.curves)
    noise = "estimated from the residuals" if fit.noise_estimated else "as given"
    lines = [
        f"{points} points in {len(fit.curves)} curve{'s' if len(fit.curves) > 1 else ''}; reduced "
        "chi^2 = "
        f"{fit.reduced_chi2:.3g} (noise {noise}); {fit.seconds:.2f} s",
        "",
    ]
    title = f"{100 * fit.confidence:g}% interval"
    lines.append(
        f"{'':14}{'value':>14}{'error':>10}  {title:<28}" + ("infinite strip" if fit.strip else "")
    )
    for e in fit.parameters.values():
        beside = ""
        if fit.strip:
            value = fit.strip[e.name]
            times = f" (x {value / e.value:#.3g})" if e.value else ""
            beside = show(value, e.unit) + times
        mark = "" if e.fixed else "  not fixed by the data"
        error = percent(e.error / abs(e.value)) if e.value else "unknown"
        lines.append(
            f"{e.symbol:14}{show(e.value, e.unit):>14}{error:>10}  {span(e):<28}{beside}{mark}"
        )
    lines += ["", str(fit.identifiability)]
    if fit.before.looks:
        lines.append(f"at the start: {fit.before.looks}")
    lines += [f"warning: {note}" for note in fit.warnings]
    return "\n".join(line.rstrip() for line in lines)


def show(value: float, unit: str) -> str:
    return f"{value:.5g}" if unit == "1" else engineering(value, unit)


def with_interval(e: Estimate) -> str:
    """The value and its interval, with the unit."""
    return f"{show(e.value, e.unit)} ({span(e)})"


def span(e: Estimate) -> str:
    """The interval for reading; open ends in words."""
    if (
        math.isfinite(e.low)
        and math.isfinite(e.high)
        and not (e.low == 0.0 and e.name != "alpha_product")
    ):
        return f"{show(e.low, e.unit)} to {show(e.high, e.unit)}"
    if math.isfinite(e.high):
        return f"below {show(e.high, e.unit)}"
    if math.isfinite(e.low) and e.low > 0.0:
        return f"above {show(e.low, e.unit)}"
    return "open on both sides"


@dataclass(frozen=True)
class Estimate:
    """A fitted parameter in SI.

    Attributes
    ----------
    name, symbol, unit : str
    value : float
        In ``unit``; so are the others.
    error : float
        Standard error from the Fisher matrix; inf if the data do not fix it.
    low, high : float
        Profile-likelihood interval; -inf or 0, inf where it is open.
    fixed : bool
        Whether the data fix this parameter on its own.
    """

    name: str
    symbol: str
    unit: str
    value: float
    error: float
    low: float
    high: float
    fixed: bool


@dataclass(frozen=True, eq=False)
class FittedCurve:
    """A measured curve with its model.

    Attributes
    ----------
    data : Measured
    model : (n,) ohm, or 1 for ratios
        With the background.
    background : (n,) in the same unit
    noise : (n,) in the same unit
        One standard deviation.
    strip : (n,) in the same unit, or None
        The infinite strip fitted to the same data.
    amplitudes : {"kohler.a": (value, error)}
        Of the backgrounds, as of :func:`background` at an amplitude of 1.
    """

    data: Measured
    model: np.ndarray
    background: np.ndarray
    noise: np.ndarray
    strip: np.ndarray | None = None
    amplitudes: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        own_arrays(self)

    @property
    def strip_or_nan(self) -> np.ndarray:
        """The curve of the infinite strip (n,); NaN where none was fitted."""
        return np.full(len(self.model), np.nan) if self.strip is None else self.strip


@dataclass(frozen=True, eq=False, repr=False)
class Fit(Table):
    """A fitted device.

    Attributes
    ----------
    parameters : {name: Estimate}
    identifiability : what the data fix, at the fitted values
    before : the same at the starting values
    correlation : (q, q)
    curves : tuple of FittedCurve
    material : Material with the fitted values
    strip : {name: value} of the infinite strip fitted to the same data, or None
    chi2, degrees : float, int
    noise_estimated : bool
        Whether the noise was estimated from the scatter of the curves.
    confidence : float
        Of the intervals, between 0 and 1.
    measures : spectral measures used
    lmfit : lmfit.minimizer.MinimizerResult in the coordinates of the fit
    warnings : tuple of str
    seconds : float, s
    """

    parameters: Mapping[str, Estimate]
    identifiability: Identifiability
    before: Identifiability
    correlation: np.ndarray
    curves: tuple[FittedCurve, ...]
    material: Material
    strip: Mapping[str, float] | None
    chi2: float
    degrees: int
    noise_estimated: bool
    confidence: float
    measures: tuple[SpectralMeasure, ...]
    lmfit: Any
    warnings: tuple[str, ...]
    seconds: float

    def __post_init__(self) -> None:
        own_arrays(self)

    @property
    def reduced_chi2(self) -> float:
        """chi^2 over the degrees of freedom."""
        return self.chi2 / self.degrees

    def __str__(self) -> str:
        return report(self)

    #: What a measurement is good for.
    _digits = 12

    def columns(self) -> Columns:
        """The table: every point with its model, in the unit of its curve.

        :func:`ohmr_fem.read_data` reads the written table back.

        Returns
        -------
        {name: (unit, values)}
            Measurement, fields in T, and the measured value, its error, model, background and strip
            in ohm or 1.
        """
        kinds = {c.data.quantity for c in self.curves}
        name, unit = "value", "ohm or 1"
        if len(kinds) == 1:
            name = kinds.pop()
            unit = QUANTITIES[name]
        names = [np.full(len(c.model), c.data.name, dtype=object) for c in self.curves]
        fields = np.concatenate([c.data.fields for c in self.curves])
        return {
            "measurement": ("", np.concatenate(names)),
            **{f"B{axis}": ("T", fields[:, i]) for i, axis in enumerate("xyz")},
            name: (unit, np.concatenate([c.data.values for c in self.curves])),
            f"{name}_err": (unit, np.concatenate([c.noise for c in self.curves])),
            "model": (unit, np.concatenate([c.model for c in self.curves])),
            "background": (unit, np.concatenate([c.background for c in self.curves])),
            "strip": (unit, np.concatenate([c.strip_or_nan for c in self.curves])),
        }

    def _summary(self) -> Iterable[str]:
        yield ", ".join(f"{e.symbol} {with_interval(e)}" for e in self.parameters.values())
        yield f"reduced chi^2 {self.reduced_chi2:.4g}, {self.degrees} degrees of freedom"
        yield str(self.identifiability)
        yield from self.warnings
