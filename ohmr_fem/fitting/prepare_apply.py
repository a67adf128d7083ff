"""Recorded numbers put to raw rows: the prepared curve, and the record of how it was made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import InputError
from .data import Measured
from .preparation import PARITY, Numbers, Preparation, Step
from .prepare_raw import Raw
from .smooth import Joint, Rows, Spline, joint, marked
from .sweeps import bins, levels

#: Lags of the whiteness test.
LAGS = 10


def apply(raw: Raw, numbers: Numbers, errors: dict[str, Any], methods: dict[str, str]) -> Measured:
    """The prepared curve from raw rows and known numbers; nothing is estimated but the smooth curve
    that the rows are judged by.
    """
    rows, found, x = _corrected(raw, numbers)
    keep = found.weight > 0
    out = np.flatnonzero(~keep)
    points = Points.of(raw, numbers, rows, found, x, keep)
    steps = _steps(raw, numbers, errors, methods, points, len(out))
    record = Preparation(steps, ~keep, _whiteness(found), numbers)
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


def _corrected(raw: Raw, numbers: Numbers) -> tuple[Rows, Joint, np.ndarray]:
    """Rows with drift and mixing taken off, the smooth curve through them, and their fields."""
    values = raw.values
    if numbers.drift is not None:
        columns = raw.drift_columns(numbers.drift)
        if columns.shape[1] != len(numbers.rates):
            raise InputError(
                f"the record holds the drift at {len(numbers.rates)} times, this curve has "
                f"{columns.shape[1]}",
                key="drift",
            )
        values = values - columns @ np.array(numbers.rates)
    if numbers.mixing is not None:
        values = values - raw.mixed(numbers.mixing)
    weight = raw.weight(numbers.noise)
    nothing = np.zeros((len(values), 0))
    rows = Rows(raw.field, values, raw.way, raw.side, weight, nothing, ())
    start = numbers.offset, numbers.hysteresis
    x = rows.place(*start)
    spline = Spline.over(x, PARITY[numbers.symmetry], numbers.pieces)
    if numbers.threshold is None:
        return rows, joint(rows, spline, (), *start, weight), x
    found, _ = marked(rows, spline, (), start, numbers.threshold, numbers.scale)
    return rows, found, x


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
        x: np.ndarray,
        keep: np.ndarray,
    ) -> Points:
        sigma = np.full(len(x), numbers.sigma)
        if numbers.noise == "file":
            assert raw.sigma is not None
            sigma = raw.sigma
        kept = np.flatnonzero(keep)
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
        field, values, spread = [], [], []
        lonely = 0
        for number in np.unique(group[kept]):
            member = kept[group[kept] == number]
            weight = 1.0 / sigma[member] ** 2
            at = float(np.average(place[member], weights=weight))
            mean, error = _balanced(found.residual[member], x[member], weight, parity, at)
            if mean is None:
                lonely += 1
                continue
            # the curve at the mean field, not its mean over the bin, which is bent
            base = float(found.spline.value(np.array([at]), found.coefficients)[0])
            field.append(at)
            values.append(base + mean)
            spread.append(error * numbers.inflation)
        if len(field) < 2:
            raise InputError("fewer than two points are left; is every |B| there with both signs?")
        return cls(np.array(field), np.array(values), np.array(spread), None, lonely)


def _balanced(
    rest: np.ndarray, x: np.ndarray, weight: np.ndarray, parity: int, at: float
) -> tuple[float | None, float]:
    """Mean residual of a bin and its error; with a parity both signs of B count alike, and None
    where one is missing.
    """
    if not parity:
        return float(np.average(rest, weights=weight)), float(1.0 / np.sqrt(weight.sum()))
    means, variances = [], []
    for side, sign in ((x >= 0.0, 1.0), (x < 0.0, float(parity))):
        if np.any(side):
            means.append(sign * float(np.average(rest[side], weights=weight[side])))
            variances.append(1.0 / float(weight[side].sum()))
    if len(means) == 2:
        return 0.5 * sum(means), 0.5 * float(np.sqrt(sum(variances)))
    at_zero = np.all(np.abs(x) < 1e-9)
    if parity > 0 and at_zero:
        return means[0], float(np.sqrt(variances[0]))
    return None, 0.0


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
