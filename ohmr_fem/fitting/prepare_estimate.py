"""The numbers of all steps that are estimated, from one fit to the raw rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import InputError, suggest
from ..units import to_si
from .correlation import correlation
from .data import Measured
from .preparation import PARITY, Numbers
from .prepare_raw import Raw
from .smooth import Joint, Rows, Spline, best_pieces, joint, marked, robust_size
from .sweeps import levels

#: Robust deviations of outliers="auto".
FAR_OUT = 4.5
#: Errors are inflated from this many standard errors of the correlation on.
CLEAR = 2.6
NOISES = ("scatter", "repeats", "file")
#: p below which a curve is not taken as even or odd for the sake of an offset.
WRONG_PARITY = 1e-4


@dataclass(frozen=True)
class Wishes:
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
    def read(
        cls,
        given: dict[str, Any],
        noise: str,
        data: Measured,
    ) -> Wishes:
        values = dict(given)
        for key, unit in (("offset", "T"), ("hysteresis", "T"), ("mixing", "1")):
            values[key] = _number_or(values[key], key, ("auto",), unit)
        rate = "1/s" if data.quantity == "ratio" else "ohm/s"
        values["drift"] = _number_or(values["drift"], "drift", ("linear", "bracket"), rate)
        threshold = _number_or(values.pop("outliers"), "outliers", ("auto",), "1")
        threshold = FAR_OUT if threshold == "auto" else threshold
        if threshold is not None and not threshold > 0.0:
            raise InputError("must be positive", value=threshold, key="outliers")
        if values["symmetry"] not in PARITY:
            raise InputError(
                f"expected 'even' or 'odd', got {values['symmetry']!r}", key="symmetry"
            )
        if values["average"] is not None:
            width = _number_or(values["average"], "average", (), "T")
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


def _number_or(
    value: Any,
    key: str,
    words: Sequence[str],
    unit: str,
) -> Any:
    if value is None or (isinstance(value, str) and value in words):
        return value
    try:
        return to_si(value, unit, key)
    except InputError as exc:
        options = "".join(f"{word!r} or " for word in words)
        what = f"expected {options}a number: {exc.what}" if options else exc.what
        raise InputError(what, value=value, key=key) from exc


def estimate(
    raw: Raw,
    wishes: Wishes,
) -> tuple[Numbers, dict[str, Any], dict[str, str]]:
    """The numbers of every step, their errors, and how they came about."""
    free = [name for name in ("offset", "hysteresis") if getattr(wishes, name) == "auto"]
    start = (
        0.0 if wishes.offset in (None, "auto") else wishes.offset,
        0.0 if wishes.hysteresis in (None, "auto") else wishes.hysteresis,
    )
    if "hysteresis" in free and np.ptp(raw.way) == 0.0:
        raise InputError(
            "needs rising and falling rows: give all sweeps of the curve, or a value in T",
            key="hysteresis",
        )
    parity, found = _decided(raw, wishes, free, start)
    rates, mixing, errors = _amounts(raw, wishes, found, free)
    numbers = Numbers(
        offset=found.offset,
        hysteresis=found.hysteresis,
        drift="linear" if isinstance(wishes.drift, float) else wishes.drift,
        rates=rates,
        threshold=wishes.threshold,
        mixing=mixing,
        symmetry=wishes.symmetry,
        average=wishes.average,
        noise=wishes.noise,
    )
    loose, scale, pieces = _loose(raw.rows(numbers), numbers, found.weight)
    # the numbers of the steps were taken from the same rows
    spent = loose.spent + len(found.factor)
    loose = replace(loose, spent=spent)
    follows, variance = correlation(loose)
    clear = follows > CLEAR / np.sqrt(loose.used)
    inflation = float(np.sqrt((1.0 + follows) / (1.0 - follows))) if clear else 1.0
    # the smooth curve takes more out of slow noise than out of white noise
    hidden = float(np.sqrt(variance / loose.variance)) if clear else 1.0
    sigma = _noise(raw, wishes, loose) * (hidden if wishes.noise == "scatter" else 1.0)
    numbers = replace(
        numbers,
        scale=scale,
        sigma=sigma,
        correlation=follows,
        inflation=inflation,
        pieces=pieces,
    )
    # where the curve lacks the parity that the steps stand on, their errors know it
    size = np.sqrt(found.variance) * hidden if wishes.noise != "file" else 1.0
    errors = {name: _times(error, float(size) * inflation) for name, error in errors.items()}
    return numbers, errors, _methods(wishes, numbers, parity, loose)


def _loose(
    rows: Rows,
    numbers: Numbers,
    weight: np.ndarray,
) -> tuple[Joint, float, int]:
    """A curve without any symmetry, which the noise and the outliers are judged by; the size of a
    robust deviation, and the pieces of the curve.
    """
    start = numbers.offset, numbers.hysteresis
    pieces = best_pieces(rows, 0, (), start, weight)
    spline = Spline.over(rows.place(*start), 0, pieces)
    if numbers.threshold is not None:
        return (*marked(rows, spline, (), start, numbers.threshold), pieces)
    found = joint(rows, spline, (), *start, rows.weight)
    u = np.abs(found.residual * rows.weight)
    return found, robust_size(u, rows.weight > 0, found.spent), pieces


def _times(
    error: Any,
    factor: float,
) -> Any:
    return tuple(factor * e for e in error) if np.ndim(error) else factor * error


def _decided(
    raw: Raw,
    wishes: Wishes,
    free: list[str],
    start: tuple[float, float],
) -> tuple[int, Joint]:
    """The joint fit. Only an offset and a mixing need a curve of known parity; what else is
    estimated does without, and is not misled by a part of the other parity.
    """
    mixed = wishes.mixing == "auto"
    if not ("offset" in free or mixed):
        return 0, _fitted(raw, wishes, 0, free, start)
    if wishes.symmetry is not None:
        parity = PARITY[wishes.symmetry]
        if mixed and parity > 0:
            raise InputError(
                "the fraction of an even R_xx shows in an odd curve only; give a value",
                key="mixing",
            )
        return parity, _fitted(raw, wishes, parity, free, start)
    tried = [(p, _fitted(raw, wishes, p, free, start)) for p in ((-1,) if mixed else (1, -1))]
    parity, found = min(tried, key=lambda t: t[1].variance)
    _check_parity(raw, wishes, free, found)
    return parity, found


def _check_parity(
    raw: Raw,
    wishes: Wishes,
    free: list[str],
    found: Joint,
) -> None:
    """InputError where a curve without any symmetry fits clearly better than the even or odd one
    that an offset or a mixing is told by.
    """
    from scipy.special import fdtrc

    others = [name for name in free if name != "offset"]
    start = found.offset, found.hysteresis
    key = "offset" if "offset" in free else "mixing"
    plain = replace(wishes, mixing=None, offset=found.offset)
    rows = _rows(raw, plain)
    pieces = len(found.spline.knots) - 7
    spline = Spline.over(rows.place(*start), 0, pieces)
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


def _rows(
    raw: Raw,
    wishes: Wishes,
) -> Rows:
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
        values = values - raw.mixed(wishes.mixing)
    elif wishes.mixing is not None:
        columns.append(raw.longitudinal)
        names.append("mixing")
    nuisance = np.column_stack(columns) if columns else np.zeros((len(values), 0))
    weight = raw.weight(wishes.noise)
    return Rows(raw.field, values, raw.way, raw.side, weight, nuisance, tuple(names))


def _fitted(
    raw: Raw,
    wishes: Wishes,
    parity: int,
    free: list[str],
    start: tuple[float, float],
) -> Joint:
    """The joint fit with a curve of the given parity."""
    rows = _rows(raw, wishes)
    weight, begin = rows.weight, start
    if wishes.threshold is not None:
        # outliers are judged twice: for the choice of the pieces, and with the pieces chosen
        first = best_pieces(rows, parity, free, start, weight)
        spline = Spline.over(rows.place(*start), parity, max(first, 8))
        found, _ = marked(rows, spline, free, start, wishes.threshold)
        weight, begin = found.weight, (found.offset, found.hysteresis)
    pieces = best_pieces(rows, parity, free, begin, weight)
    spline = Spline.over(rows.place(*begin), parity, pieces)
    if wishes.threshold is None:
        return joint(rows, spline, free, *begin, weight)
    return marked(rows, spline, free, begin, wishes.threshold)[0]


def _amounts(
    raw: Raw,
    wishes: Wishes,
    found: Joint,
    free: list[str],
) -> tuple[tuple[float, ...], float | None, dict[str, Any]]:
    """Numbers of the drift and the mixing, and the errors of all steps for rows of unit noise."""
    covariance = found.factor
    errors: dict[str, Any] = {}
    for name in ("offset", "hysteresis"):
        if isinstance(getattr(wishes, name), float):
            errors[name] = 0.0
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
    raw: Raw,
    amounts: np.ndarray,
    covariance: np.ndarray,
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The drift at each node about its mean over the rows, and its errors."""
    assert raw.time is not None
    nodes = raw.nodes
    means = [np.interp(raw.time, nodes, row).mean() for row in np.eye(len(nodes))]
    whole = np.append(amounts, 0.0)
    centre = np.eye(len(nodes)) - np.outer(np.ones(len(nodes)), means)
    spread = centre[:, :-1] @ covariance @ centre[:, :-1].T
    values = centre @ whole
    return tuple(values.tolist()), tuple(np.sqrt(np.diag(spread)).tolist())


def _noise(
    raw: Raw,
    wishes: Wishes,
    found: Joint,
) -> float:
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


def _methods(
    wishes: Wishes,
    numbers: Numbers,
    parity: int,
    found: Joint,
) -> dict[str, str]:
    together = "estimated together with every other step that is estimated"
    if wishes.symmetry is None and parity:
        together += f", the curve taken as {'even' if parity > 0 else 'odd'}"
    out = {}
    for name in ("offset", "hysteresis", "mixing"):
        out[name] = together if getattr(wishes, name) == "auto" else "given"
    out["drift"] = {
        "linear": f"one rate about the mid-time, {together}",
        "bracket": f"each time the first field comes back, straight between, {together}",
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
