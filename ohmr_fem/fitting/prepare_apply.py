"""Recorded numbers put to raw rows: the prepared curve, and the record of how it was made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import InputError
from .control import Control
from .data import Measured
from .preparation import PARITY, Numbers, Preparation, Step
from .prepare_raw import Raw
from .smooth import Joint, Rows, Spline, joint, marked
from .sweeps import bins, levels, step_of

#: Lags of the whiteness test.
LAGS = 10


def apply(
    raw: Raw,
    numbers: Numbers,
    errors: dict[str, Any],
    methods: dict[str, str],
) -> Measured:
    """The prepared curve from raw rows and known numbers; nothing is estimated but the smooth curve
    that the rows are judged by.
    """
    rows = raw.rows(numbers)
    found = _smooth(rows, numbers, 0)
    keep = found.weight > 0
    points = Points.of(raw, numbers, rows, found)
    if raw.control is not None:
        points = points.without(raw.control)
    steps = _steps(raw, numbers, errors, methods, points, int(np.sum(~keep)))
    parity = PARITY[numbers.symmetry]
    # a part of the other parity is no part of the curve that is asked for: it must show
    against = _smooth(rows, numbers, parity, found.weight) if parity else found
    record = Preparation(steps, ~keep, _whiteness(against), numbers)
    data = raw.data
    whole = points.rows is not None and not raw.exchanged
    temperature = data.temperature
    if temperature is not None and np.ndim(temperature):
        temperature = temperature[points.rows] if whole else float(np.mean(temperature))
    time = data.time[points.rows] if whole and data.time is not None else None
    return replace(
        data,
        fields=np.outer(points.field, raw.axis),
        values=points.values,
        sigma=points.sigma,
        time=time,
        temperature=temperature,
        raw=data,
        preparation=record,
    )


def _smooth(
    rows: Rows,
    numbers: Numbers,
    parity: int,
    weight: np.ndarray | None = None,
) -> Joint:
    """The smooth curve of a parity through the rows, outliers left out, or with given weights."""
    start = numbers.offset, numbers.hysteresis
    spline = Spline.over(rows.place(*start), parity, numbers.pieces)
    if weight is None and numbers.threshold is not None:
        return marked(rows, spline, (), start, numbers.threshold, numbers.scale)[0]
    return joint(rows, spline, (), *start, rows.weight if weight is None else weight)


@dataclass(frozen=True, eq=False)
class Points:
    """What is left: (m,) fields along the axis, values, sigma; ``rows`` where each is a row."""

    field: np.ndarray
    values: np.ndarray
    sigma: np.ndarray
    rows: np.ndarray | None
    lonely: int = 0

    @classmethod
    def of(
        cls,
        raw: Raw,
        numbers: Numbers,
        rows: Rows,
        found: Joint,
    ) -> Points:
        sigma = np.full(len(rows.field), numbers.sigma)
        if numbers.noise == "file":
            assert raw.sigma is not None
            sigma = raw.sigma
        kept = np.flatnonzero(found.weight > 0)
        x = rows.place(numbers.offset, numbers.hysteresis)
        parity = PARITY[numbers.symmetry]
        if not parity and numbers.average is None:
            inflated = sigma[kept] * numbers.inflation
            return cls(x[kept], rows.values[kept], inflated, kept)
        place = np.abs(x) if parity else x
        if numbers.average is not None:
            group = bins(place, numbers.average)
        else:
            # the field as read, so that rows meant for the same one stay together
            group = levels(np.abs(raw.field))
        near = 0.5 * (numbers.average or step_of(raw.field))
        points = []
        numbered = np.unique(group[kept])
        for number in numbered:
            member = kept[group[kept] == number]
            points.append(_point(found, x[member], member, sigma[member], parity, near))
        made = np.array([p for p in points if p is not None])
        if len(made) < 2:
            raise InputError("fewer than two points are left; is every |B| there with both signs?")
        field, values, spread = made.T
        lonely = len(numbered) - len(made)
        return cls(field, values, spread * numbers.inflation, None, lonely)

    def without(self, control: Control) -> Points:
        """Without what a control direction does; both errors in the result."""
        change, error = control.at(self.field)
        sigma = np.hypot(self.sigma, error)
        return replace(self, values=self.values - change, sigma=sigma)


def _point(
    found: Joint,
    x: np.ndarray,
    member: np.ndarray,
    sigma: np.ndarray,
    parity: int,
    near: float,
) -> tuple[float, float, float] | None:
    """Field, value and error of a bin. With a parity both signs of B count alike; None where one of
    them is missing, unless the bin holds B = 0 (``near`` it), where an even curve needs one only.
    """
    weight = 1.0 / sigma**2
    rest = found.residual[member]
    if parity == 0:
        at = float(np.average(x, weights=weight))
        value = _at(found, at) + float(np.average(rest, weights=weight))
        return at, value, float(1.0 / np.sqrt(weight.sum()))
    at = float(np.average(np.abs(x), weights=weight))
    values, variances = [], []
    for side, sign in ((x >= 0.0, 1.0), (x < 0.0, -1.0)):
        if np.any(side):
            mean = float(np.average(rest[side], weights=weight[side]))
            # the curve at the mean field, not its mean over the bin, which is bent
            value = _at(found, sign * at) + mean
            values.append(value if sign > 0.0 else parity * value)
            variances.append(1.0 / float(weight[side].sum()))
    if len(values) == 2:
        return at, 0.5 * sum(values), 0.5 * float(np.sqrt(sum(variances)))
    if parity > 0 and np.all(np.abs(x) < near):
        value = _at(found, 0.0) + float(np.average(rest, weights=weight))
        return 0.0, value, float(1.0 / np.sqrt(weight.sum()))
    return None


def _at(
    found: Joint,
    x: float,
) -> float:
    return float(found.spline.value(np.array([x]), found.coefficients)[0])


def _steps(
    raw: Raw,
    numbers: Numbers,
    errors: dict[str, Any],
    methods: dict[str, str],
    points: Points,
    out: int,
) -> dict[str, Step]:
    """The steps that were done, in their order."""
    steps = []
    for name, unit in (("offset", "T"), ("hysteresis", "T")):
        if name in errors:
            value = getattr(numbers, name)
            steps.append(Step(name, value, errors[name], unit, methods[name]))
    if numbers.drift is not None:
        single = numbers.drift == "linear"
        value = numbers.rates[0] if single else numbers.rates
        unit = f"{raw.unit}/s" if single else raw.unit
        steps.append(Step("drift", value, errors["drift"], unit, methods["drift"]))
    if numbers.threshold is not None:
        text = (
            f"{out} of {len(raw.field)} rows marked and left out; one robust deviation is "
            f"{numbers.scale:.4g}" + ("" if numbers.noise == "file" else f" {raw.unit}")
        )
        steps.append(Step("outliers", numbers.threshold, 0.0, "robust deviations", text))
    if numbers.mixing is not None:
        steps.append(Step("mixing", numbers.mixing, errors["mixing"], "1", methods["mixing"]))
    if numbers.symmetry is not None:
        lost = f"; {points.lonely} with one sign only left out" if points.lonely else ""
        text = f"half the sum of both signs of B, {len(points.field)} fields{lost}"
        if numbers.symmetry == "odd":
            text = text.replace("sum", "difference")
        steps.append(Step("symmetry", numbers.symmetry, 0.0, "", text))
    if raw.exchanged:
        text = f"{int(np.sum(raw.side < 0))} rows joined with the field reversed"
        steps.append(Step("reciprocal", "exchanged pairs", 0.0, "", text))
    if numbers.average is not None:
        text = f"bins, {len(points.field)} of them hold rows"
        steps.append(Step("average", numbers.average, 0.0, "T", text))
    if raw.control is not None:
        text = (
            "an assumption: the field along this direction changes the resistance as without the "
            "Hanle effect; taken off at each |B|, straight between its points"
        )
        steps.append(Step("control", raw.control.name, 0.0, "", text))
    steps.append(Step("noise", numbers.sigma, 0.0, raw.unit, methods["noise"]))
    return {step.name: step for step in steps}


def _whiteness(found: Joint) -> float:
    """p of a Ljung-Box test of the rows against the curve, in the order measured."""
    from scipy.special import chdtrc

    keep = found.weight > 0
    u = (found.residual * found.weight)[keep]
    n = len(u)
    lags = min(LAGS, n - 1)
    whole = float(np.sum(u**2))
    if whole <= 0.0:
        return 1.0
    total = 0.0
    for lag in range(1, lags + 1):
        r = float(np.sum(u[lag:] * u[:-lag])) / whole
        total += r**2 / (n - lag)
    return float(chdtrc(lags, n * (n + 2) * total))
