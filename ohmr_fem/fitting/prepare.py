"""From the rows of an instrument to a curve for a fit, every step on record.

All steps that are "auto", and the drift, are estimated in one least-squares problem on the raw rows
with a free smooth curve (:mod:`ohmr_fem.fitting.smooth`): a drift within a sweep looks like a
hysteresis, and only together do their errors come out right.  The numbers found are then applied by
the same code that applies recorded ones, so that a record gives back the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import InputError, complaints_of, suggest
from .data import QUANTITIES, Measured
from .preparation import Numbers, Preparation, Step
from .smooth import Joint, Rows, Spline, best_pieces, joint, marked, robust_size
from .sweeps import bins, levels, step_of, turns, ways

#: Robust deviations of outliers="auto".
FAR_OUT = 4.5
#: Lags of the whiteness test.
LAGS = 10
#: Errors are inflated from this many standard errors of the correlation on.
CLEAR = 2.6
PARITY = {None: 0, "even": 1, "odd": -1}
NOISES = ("scatter", "repeats", "file")
#: p below which a curve is not taken as even or odd for the sake of an offset.
WRONG_PARITY = 1e-4


def prepare(
    data: Measured,
    record: Preparation | None = None,
    *,
    offset: Any = None,
    hysteresis: Any = None,
    drift: Any = None,
    outliers: Any = None,
    mixing: Any = None,
    longitudinal: Any = None,
    symmetry: str | None = None,
    reciprocal: Measured | None = None,
    average: float | None = None,
    noise: str = "scatter",
) -> Measured:
    """Prepare a raw curve for a fit.

    Each step is None = not done, a value = used, or "auto" = estimated; all that is estimated is
    estimated together.

    Parameters
    ----------
    data : Measured
        Rows in the order measured, the field along one axis.
    record : Preparation, optional
        Do the recorded numbers again, on this raw curve or another; nothing is estimated anew. Only
        ``longitudinal`` and ``reciprocal`` may be given beside it.
    offset : T, or "auto"
        Field that the magnet shows at zero; subtracted. "auto" needs a curve that is even or odd.
    hysteresis : T, or "auto"
        h: rising rows move by -h/2, falling ones by +h/2.
    drift : "linear", "bracket", or a rate in the unit of the values per s
        About the mid-time: one rate, or one for each sweep between its turns. Needs ``data.time``.
    outliers : threshold in robust deviations, or "auto" = 4.5
        Rows farther off the curve are marked, kept out of the prepared curve, and counted.
    mixing : number, or "auto"
        The fraction of ``longitudinal`` that is taken off. "auto" takes the curve to be odd.
    longitudinal : Measured or (n,)
        Raw R_xx, the same rows.
    symmetry : "even" or "odd"
        The part of that parity, each \\|B\\| once.
    reciprocal : Measured
        The curve of the exchanged pairs, R_kl,ij: its rows join with the field reversed.
    average : T
        Width of the bins; one is centred at B = 0.
    noise : "scatter", "repeats" or "file"
        One standard deviation of a row: pooled from the scatter about the smooth curve, pooled from
        rows at the same field, or the sigma of the raw curve.  Where neighbours in time are
        correlated (r), errors are inflated by sqrt((1 + r)/(1 - r)).

    Returns
    -------
    Measured, with ``raw`` = data and ``preparation``

    Raises
    ------
    InputError
        A step that the rows cannot decide, with what would.
    """
    with complaints_of("prepare"):
        given = {
            "offset": offset,
            "hysteresis": hysteresis,
            "drift": drift,
            "outliers": outliers,
            "mixing": mixing,
            "symmetry": symmetry,
            "average": average,
        }
        if not isinstance(data, Measured):
            raise InputError(f"expected Measured, got {data!r}", key="data")
        if record is not None:
            return _again(data, record, given, noise, longitudinal, reciprocal)
        wishes = _Wishes.read(given, noise, data)
        raw = _Raw.of(data, reciprocal, longitudinal, wishes.mixing is not None)
        numbers, errors, methods = _estimate(raw, wishes)
        return _apply(raw, numbers, errors, methods)


def _again(
    data: Measured,
    record: Preparation,
    given: dict[str, Any],
    noise: str,
    longitudinal: Any,
    reciprocal: Measured | None,
) -> Measured:
    if not isinstance(record, Preparation):
        raise InputError(f"expected a Preparation, got {record!r}", key="record")
    for key, value in {**given, "noise": None if noise == "scatter" else noise}.items():
        if value is not None:
            raise InputError("the record holds every step; leave it out", value=value, key=key)
    numbers = record.numbers
    if "reciprocal" in record and reciprocal is None:
        raise InputError("the recorded preparation used one; give it again", key="reciprocal")
    raw = _Raw.of(data, reciprocal, longitudinal, numbers.mixing is not None)
    if numbers.noise == "file" and data.sigma is None:
        raise InputError("the recorded noise is that of the file, which has none", key="noise")
    errors = {step.name: step.error for step in record}
    methods = {step.name: step.method for step in record}
    return _apply(raw, numbers, errors, methods)


# -- what is asked for


@dataclass(frozen=True)
class _Wishes:
    """The arguments of :func:`prepare`, checked."""

    offset: Any
    hysteresis: Any
    drift: Any
    threshold: float | None
    mixing: Any
    symmetry: str | None
    average: float | None
    noise: str

    @classmethod
    def read(cls, given: dict[str, Any], noise: str, data: Measured) -> _Wishes:
        values = dict(given)
        for key in ("offset", "hysteresis", "mixing"):
            values[key] = _number_or(values[key], key, ("auto",))
        values["drift"] = _number_or(values["drift"], "drift", ("linear", "bracket"))
        threshold = _number_or(values.pop("outliers"), "outliers", ("auto",))
        threshold = FAR_OUT if threshold == "auto" else threshold
        if threshold is not None and not threshold > 0.0:
            raise InputError("must be positive", value=threshold, key="outliers")
        if values["symmetry"] not in PARITY:
            raise InputError(
                f"expected 'even' or 'odd', got {values['symmetry']!r}", key="symmetry"
            )
        if values["average"] is not None:
            width = _number_or(values["average"], "average", ())
            if not width > 0.0:
                raise InputError("must be positive", value=width, key="average")
            values["average"] = width
        if noise not in NOISES:
            raise InputError(f"{noise!r} is not known; {suggest(noise, NOISES)}", key="noise")
        if noise == "file" and data.sigma is None:
            raise InputError("the curve has no sigma; leave it out or say 'scatter'", key="noise")
        if values["drift"] is not None and data.time is None:
            raise InputError("needs the time of every row; give Measured(..., time=)", key="drift")
        return cls(threshold=threshold, noise=noise, **values)


def _number_or(value: Any, key: str, words: Sequence[str]) -> Any:
    if value is None or (isinstance(value, str) and value in words):
        return value
    try:
        if isinstance(value, (str, bool)):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError) as exc:
        options = " or ".join(["a number", *(repr(w) for w in words)])
        raise InputError(f"expected {options}, got {value!r}", value=value, key=key) from exc
    if not np.isfinite(number):
        raise InputError(f"must be finite, got {number}", value=value, key=key)
    return number


# -- what there is


@dataclass(frozen=True, eq=False)
class _Raw:
    """The rows of a curve, with those of the exchanged pairs behind them."""

    data: Measured
    axis: np.ndarray
    field: np.ndarray
    values: np.ndarray
    way: np.ndarray
    side: np.ndarray
    sigma: np.ndarray | None
    time: np.ndarray | None
    longitudinal: np.ndarray | None
    exchanged: bool

    @classmethod
    def of(
        cls, data: Measured, reciprocal: Measured | None, longitudinal: Any, mixed: bool
    ) -> _Raw:
        axis = data.direction
        parts = [data] if reciprocal is None else [data, reciprocal]
        for part in parts:
            _check_part(part, data, axis)
        along = _longitudinal(longitudinal, data) if mixed else None
        if mixed and reciprocal is not None:
            raise InputError(
                "takes no reciprocal beside it: R_xx of the exchanged pairs is not known; prepare "
                "both curves first",
                key="mixing",
            )
        fields = [part.fields @ axis for part in parts]
        sigma, time = ([getattr(p, key) for p in parts] for key in ("sigma", "time"))
        sides = [np.full(len(f), 1.0 - 2.0 * k) for k, f in enumerate(fields)]
        return cls(
            data=data,
            axis=axis,
            field=np.concatenate(fields),
            values=np.concatenate([part.values for part in parts]),
            way=np.concatenate([ways(f) for f in fields]),
            side=np.concatenate(sides),
            sigma=_joined(sigma),
            time=_joined(time),
            longitudinal=along,
            exchanged=reciprocal is not None,
        )

    @property
    def unit(self) -> str:
        return QUANTITIES[self.data.quantity]

    def weight(self, noise: str) -> np.ndarray:
        if noise == "file":
            assert self.sigma is not None
            return np.asarray(1.0 / self.sigma)
        return np.ones(len(self.field))

    def drift_columns(self, kind: str | None) -> np.ndarray:
        """(n, k): the drift of every row for one unit of each of its numbers."""
        if kind is None:
            return np.zeros((len(self.field), 0))
        if self.time is None:
            raise InputError("needs the time of every row; give Measured(..., time=)", key="drift")
        if kind == "linear":
            middle = 0.5 * (self.time.min() + self.time.max())
            return np.asarray((self.time - middle)[:, None])
        nodes = self.time[turns(self.field)]
        if np.any(np.diff(nodes) <= 0.0):
            raise InputError("'bracket' needs a time that goes on from row to row", key="drift")
        hats = np.column_stack([np.interp(self.time, nodes, row) for row in np.eye(len(nodes))])
        return np.asarray(hats - hats.mean(axis=0))


def _check_part(part: Measured, data: Measured, axis: np.ndarray) -> None:
    if not isinstance(part, Measured) or part.quantity != data.quantity:
        raise InputError(f"must be a Measured of {data.quantity}", key="reciprocal")
    off = part.fields - np.outer(part.fields @ axis, axis)
    if np.abs(off).max() > 1e-3 * np.abs(part.fields).max():
        raise InputError(
            f"{part.label}: the field is not along one axis; prepare takes sweeps, no angle scans",
            key="data",
        )
    if part.time is not None and np.any(np.diff(part.time) < 0.0):
        raise InputError(
            f"{part.label}: rows must stand in the order measured, but the time goes back",
            key="time",
        )
    if len(part.values) < 12:
        raise InputError(f"{part.label}: {len(part.values)} rows; at least 12 are needed")


def _longitudinal(given: Any, data: Measured) -> np.ndarray:
    if given is None:
        raise InputError("mixing needs the raw R_xx of the same rows", key="longitudinal")
    values = given.values if isinstance(given, Measured) else np.asarray(given, dtype=float)
    if values.shape != data.values.shape or not np.all(np.isfinite(values)):
        raise InputError(
            f"expected {len(data.values)} finite values, one for each row, got shape "
            f"{values.shape}",
            key="longitudinal",
        )
    return np.asarray(values)


def _joined(parts: Sequence[Any]) -> np.ndarray | None:
    return None if any(part is None for part in parts) else np.concatenate(parts)


# -- estimating


def _estimate(raw: _Raw, wishes: _Wishes) -> tuple[Numbers, dict[str, Any], dict[str, str]]:
    """The numbers of every step, their errors, and how they came about."""
    free = [name for name in ("offset", "hysteresis") if getattr(wishes, name) == "auto"]
    start = (
        0.0 if wishes.offset in (None, "auto") else wishes.offset,
        0.0 if wishes.hysteresis in (None, "auto") else wishes.hysteresis,
    )
    if "hysteresis" in free and np.ptp(raw.way) == 0.0:
        raise InputError("needs rising and falling rows; give a value in T", key="hysteresis")
    parity, found, scale, pieces = _decided(raw, wishes, free, start)
    rates, mixing, errors = _amounts(raw, wishes, found, free)
    sigma = _noise(raw, wishes, found)
    correlation = _correlation(found)
    clear = correlation > CLEAR / np.sqrt(found.used)
    inflation = float(np.sqrt((1.0 + correlation) / (1.0 - correlation))) if clear else 1.0
    size = sigma if wishes.noise != "file" else 1.0
    errors = {name: _times(error, size * inflation) for name, error in errors.items()}
    numbers = Numbers(
        offset=found.offset,
        hysteresis=found.hysteresis,
        drift="linear" if isinstance(wishes.drift, float) else wishes.drift,
        rates=rates,
        threshold=wishes.threshold,
        scale=scale,
        mixing=mixing,
        symmetry=wishes.symmetry,
        average=wishes.average,
        noise=wishes.noise,
        sigma=sigma,
        correlation=correlation,
        inflation=inflation,
        pieces=pieces,
    )
    return numbers, errors, _methods(raw, wishes, numbers, parity, found)


def _times(error: Any, factor: float) -> Any:
    return tuple(factor * e for e in error) if np.ndim(error) else factor * error


def _decided(
    raw: _Raw, wishes: _Wishes, free: list[str], start: tuple[float, float]
) -> tuple[int, Joint, float, int]:
    """The joint fit; where no symmetry is asked for, with the parity that the steps stand on."""
    if wishes.symmetry is not None or not ("offset" in free or wishes.mixing == "auto"):
        parity = PARITY[wishes.symmetry]
        if wishes.mixing == "auto" and parity >= 0:
            raise InputError(
                "the fraction of an even R_xx shows in an odd curve only; give a value", key="mixing"
            )
        return (parity, *_fitted(raw, wishes, parity, free, start))
    options = (-1,) if wishes.mixing == "auto" else (1, -1)
    tried = []
    for parity in options:
        tried.append((parity, *_fitted(raw, wishes, parity, free, start)))
    best = min(tried, key=lambda t: t[1].variance)
    _check_parity(raw, wishes, free, best)
    return best


def _check_parity(
    raw: _Raw, wishes: _Wishes, free: list[str], best: tuple[int, Joint, float, int]
) -> None:
    """InputError where a curve without any symmetry fits clearly better than the even or odd one
    that an offset or a mixing is told by.
    """
    from scipy.special import fdtrc

    found = best[1]
    others = [name for name in free if name != "offset"]
    start = found.offset, found.hysteresis
    key = "offset" if "offset" in free else "mixing"
    plain = replace(wishes, mixing=None, offset=found.offset)
    rows = _rows(raw, plain)
    spline = Spline.over(rows.place(*start), 0, best[3])
    loose = joint(rows, spline, others, *start, found.weight)
    more = max(loose.spent - found.spent, 1)
    rest = np.sum((found.residual * found.weight) ** 2) / loose.variance
    gain = (rest - (loose.used - loose.spent)) / more
    if fdtrc(more, loose.used - loose.spent, max(gain, 0.0)) < WRONG_PARITY:
        raise InputError(
            "only an even or odd curve tells it, and this one is neither; give a value, or the "
            "symmetry that is to be kept",
            key=key,
        )


def _rows(raw: _Raw, wishes: _Wishes) -> Rows:
    """Rows for the joint fit: given numbers taken off, unknown ones as columns."""
    values = raw.values
    columns, names = [], []
    if isinstance(wishes.drift, float):
        values = values - wishes.drift * raw.drift_columns("linear")[:, 0]
    elif wishes.drift is not None:
        part = raw.drift_columns(wishes.drift)
        # the columns of brackets add up to 0: the last one says nothing new
        part = part[:, :-1] if wishes.drift == "bracket" else part
        columns += list(part.T)
        names += ["drift"] * part.shape[1]
    if isinstance(wishes.mixing, float):
        values = values - wishes.mixing * raw.longitudinal
    elif wishes.mixing is not None:
        columns.append(raw.longitudinal)
        names.append("mixing")
    nuisance = np.column_stack(columns) if columns else np.zeros((len(values), 0))
    weight = raw.weight(wishes.noise)
    return Rows(raw.field, values, raw.way, raw.side, weight, nuisance, tuple(names))


def _fitted(
    raw: _Raw, wishes: _Wishes, parity: int, free: list[str], start: tuple[float, float]
) -> tuple[Joint, float, int]:
    """The joint fit, the robust deviation of its rows, and the pieces of its curve."""
    rows = _rows(raw, wishes)
    x = rows.place(*start)
    weight, begin = rows.weight, start
    if wishes.threshold is not None:
        # outliers are judged twice: for the choice of the pieces, and with the pieces chosen
        first = best_pieces(rows, parity, free, start, weight)
        spline = Spline.over(x, parity, max(first, 8))
        found, _ = marked(rows, spline, free, start, wishes.threshold)
        weight, begin = found.weight, (found.offset, found.hysteresis)
    pieces = best_pieces(rows, parity, free, begin, weight)
    spline = Spline.over(rows.place(*begin), parity, pieces)
    if wishes.threshold is None:
        found = joint(rows, spline, free, *begin, weight)
        u = np.abs(found.residual * rows.weight)
        return found, robust_size(u, rows.weight > 0, found.spent), pieces
    found, scale = marked(rows, spline, free, begin, wishes.threshold)
    return found, scale, pieces


def _amounts(
    raw: _Raw, wishes: _Wishes, found: Joint, free: list[str]
) -> tuple[tuple[float, ...], float | None, dict[str, Any]]:
    """Numbers of the drift and the mixing, and the errors of all steps for rows of unit noise."""
    covariance = found.factor
    errors: dict[str, Any] = {}
    rates: tuple[float, ...] = ()
    mixing: float | None = None
    used = 0
    if isinstance(wishes.drift, float):
        rates, errors["drift"] = (wishes.drift,), 0.0
    elif wishes.drift == "linear":
        rates, errors["drift"] = (float(found.amounts[0]),), float(np.sqrt(covariance[0, 0]))
        used = 1
    elif wishes.drift == "bracket":
        used = raw.drift_columns("bracket").shape[1] - 1
        rates, errors["drift"] = _brackets(raw, found.amounts[:used], covariance[:used, :used])
    if isinstance(wishes.mixing, float):
        mixing, errors["mixing"] = wishes.mixing, 0.0
    elif wishes.mixing is not None:
        mixing = float(found.amounts[used])
        errors["mixing"] = float(np.sqrt(covariance[used, used]))
    for k, name in enumerate(free, len(found.amounts)):
        errors[name] = float(np.sqrt(covariance[k, k]))
    return rates, mixing, errors


def _brackets(
    raw: _Raw, amounts: np.ndarray, covariance: np.ndarray
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The drift at each turn about its mean over the rows, and its errors."""
    assert raw.time is not None
    nodes = raw.time[turns(raw.field)]
    means = [np.interp(raw.time, nodes, row).mean() for row in np.eye(len(nodes))]
    whole = np.append(amounts, 0.0)
    centre = np.eye(len(nodes)) - np.outer(np.ones(len(nodes)), means)
    spread = centre[:, :-1] @ covariance @ centre[:, :-1].T
    values = centre @ whole
    return tuple(values.tolist()), tuple(np.sqrt(np.diag(spread)).tolist())


def _noise(raw: _Raw, wishes: _Wishes, found: Joint) -> float:
    """One standard deviation of a row; of file noise the mean."""
    if wishes.noise == "file":
        assert raw.sigma is not None
        return float(np.sqrt(np.mean(raw.sigma**2)))
    if wishes.noise == "scatter":
        return float(np.sqrt(found.variance))
    keep = found.weight > 0
    # rising and falling rows apart: what a wrong hysteresis does is no noise
    where = levels(raw.field)[keep]
    groups = np.unique(np.column_stack([where, raw.way[keep], raw.side[keep]]), axis=0)
    key = np.column_stack([where, raw.way[keep], raw.side[keep]])
    rest = found.residual[keep]
    whole, degrees = 0.0, 0
    for group in groups:
        part = rest[np.all(key == group, axis=1)]
        whole += float(np.sum((part - part.mean()) ** 2))
        degrees += len(part) - 1
    if degrees < 10:
        raise InputError(f"only {degrees} repeats at the same field; use 'scatter'", key="noise")
    return float(np.sqrt(whole / degrees))


def _correlation(found: Joint) -> float:
    """Of neighbours in time; what the fit itself takes out of the residuals is put back."""
    keep = found.weight > 0
    u = (found.residual * found.weight)[keep]
    basis = found.basis[keep]
    follows = float(np.sum(u[1:] * u[:-1]))
    follows += found.variance * float(np.sum(basis[1:] * basis[:-1]))
    whole = found.variance * len(u)
    return float(np.clip(follows / max(whole, 1e-300), -0.95, 0.95))


def _methods(
    raw: _Raw, wishes: _Wishes, numbers: Numbers, parity: int, found: Joint
) -> dict[str, str]:
    together = "estimated together with every other step that is estimated"
    if wishes.symmetry is None and parity:
        together += f", the curve taken as {'even' if parity > 0 else 'odd'}"
    out = {}
    for name in ("offset", "hysteresis", "mixing"):
        out[name] = together if getattr(wishes, name) == "auto" else "given"
    out["drift"] = {
        "linear": f"one rate about the mid-time, {together}",
        "bracket": f"at each turn of the sweep, straight between, {together}",
    }.get(wishes.drift if isinstance(wishes.drift, str) else "", "given, about the mid-time")
    how = {
        "scatter": f"pooled scatter of {found.used} rows about a smooth curve of "
        f"{found.spent} numbers",
        "repeats": "pooled scatter of rows at the same field",
        "file": "as in the file, root mean square",
    }[wishes.noise]
    r = f"correlation of neighbours in time {numbers.correlation:.3f}"
    if numbers.inflation > 1.0:
        r += f", errors inflated by {numbers.inflation:.3f}"
    else:
        r += ", errors not inflated"
    out["noise"] = f"{how}; {r}"
    return out


# -- applying


def _apply(
    raw: _Raw, numbers: Numbers, errors: dict[str, Any], methods: dict[str, str]
) -> Measured:
    """The prepared curve from raw rows and known numbers; nothing is estimated but the smooth curve
    that the rows are judged by.
    """
    rows, found, x = _corrected(raw, numbers)
    keep = found.weight > 0
    out = np.flatnonzero(~keep)
    points = _Points.of(raw, numbers, rows, found, x, keep)
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


def _corrected(raw: _Raw, numbers: Numbers) -> tuple[Rows, Joint, np.ndarray]:
    """Rows with drift and mixing taken off, the smooth curve through them, and their fields."""
    values = raw.values
    if numbers.drift is not None:
        columns = raw.drift_columns(numbers.drift)
        if columns.shape[1] != len(numbers.rates):
            raise InputError(
                f"the record holds the drift at {len(numbers.rates)} turns, this curve has "
                f"{columns.shape[1]}",
                key="drift",
            )
        values = values - columns @ np.array(numbers.rates)
    if numbers.mixing is not None:
        values = values - numbers.mixing * raw.longitudinal
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
class _Points:
    """What is left: (m,) fields along the axis, values, sigma; ``rows`` where each is a row."""

    field: np.ndarray
    values: np.ndarray
    sigma: np.ndarray
    rows: np.ndarray | None
    lonely: int = 0

    @classmethod
    def of(
        cls,
        raw: _Raw,
        numbers: Numbers,
        rows: Rows,
        found: Joint,
        x: np.ndarray,
        keep: np.ndarray,
    ) -> _Points:
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
    raw: _Raw,
    numbers: Numbers,
    errors: dict[str, Any],
    methods: dict[str, str],
    points: _Points,
    out: int,
) -> dict[str, Step]:
    """The steps that were done, in their order."""
    steps = []
    for name, unit in (("offset", "T"), ("hysteresis", "T")):
        if name in errors or getattr(numbers, name):
            value = getattr(numbers, name)
            steps.append(Step(name, value, errors.get(name, 0.0), unit, methods[name]))
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
