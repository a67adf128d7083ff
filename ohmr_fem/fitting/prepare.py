"""From the rows of an instrument to a curve for a fit, every step on record.

All steps that are "auto", and the drift, are estimated in one least-squares problem on the raw rows
with a free smooth curve (:mod:`ohmr_fem.fitting.smooth`): a drift within a sweep looks like a
hysteresis, and only together do their errors come out right.  The numbers found are then applied by
the same code that applies recorded ones, so that a record gives back the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import InputError, complaints_of
from ..errors.doors import door
from .data import Measured
from .join import joined
from .preparation import Preparation
from .prepare_apply import apply
from .prepare_estimate import Wishes, estimate
from .prepare_raw import Beside, Raw


@door
def prepare(
    data: Measured | Sequence[Measured],
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
    control: Measured | None = None,
    noise: str = "scatter",
) -> Measured:
    """Prepare a raw curve for a fit.

    Each step is None = not done, a value = used, or "auto" = estimated; all that is estimated is
    estimated together.

    Parameters
    ----------
    data : Measured, or the sweeps of one curve
        Rows in the order measured, the field along one axis. Sweeps up and down, as
        :func:`read_data` takes them apart, are joined.
    record : Preparation, optional
        Do the recorded numbers again, on this raw curve or another; nothing is estimated anew. Only
        ``longitudinal``, ``reciprocal`` and ``control`` may be given beside it.
    offset : T, or "auto"
        Field that the magnet shows at zero; subtracted. "auto" needs a curve that is even or odd.
    hysteresis : T, or "auto"
        h: rising rows move by -h/2, falling ones by +h/2.
    drift : "linear", "bracket", or a rate in the unit of the values per s
        About the mid-time: one rate; or straight between the times at which the sweeps come back to
        the field they started from. Needs ``data.time``.
    outliers : threshold in robust deviations, or "auto" = 4.5
        Rows farther off the curve are marked, kept out of the prepared curve, and counted.
    mixing : number, or "auto"
        The fraction of ``longitudinal`` that is taken off. "auto" takes the curve to be odd.
    longitudinal : Measured, the sweeps of one, or (n,)
        Raw R_xx, the same rows.
    symmetry : "even" or "odd"
        The part of that parity, each \\|B\\| once.
    reciprocal : Measured
        The curve of the exchanged pairs, R_kl,ij: its rows join with the field reversed.
    average : T
        Width of the bins; one is centred at B = 0.
    control : Measured
        A prepared curve of another direction, without a Hanle effect (of a film: B along y): its
        change with \\|B\\| is taken off, and its errors are added. That ordinary magnetoresistance
        is the same along both directions is an assumption, which the record states.
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
        data = _one(data)
        if longitudinal is not None and not hasattr(longitudinal, "shape"):
            longitudinal = _one_or_rows(longitudinal)
        beside = Beside(reciprocal, longitudinal, control)
        if record is not None:
            return _again(data, record, given, noise, beside)
        wishes = Wishes.read(given, noise, data)
        raw = Raw.of(data, beside, wishes.mixing is not None)
        numbers, errors, methods = estimate(raw, wishes)
        return apply(raw, numbers, errors, methods)


def _one(data: Any) -> Measured:
    """The raw curve, joined where it comes as sweeps."""
    return data if isinstance(data, Measured) else joined(tuple(_sequence(data)))


def _sequence(data: Any) -> Any:
    if isinstance(data, (list, tuple)):
        return data
    raise InputError(f"expected Measured, or the sweeps of one curve, got {data!r}", key="data")


def _one_or_rows(longitudinal: Any) -> Any:
    """Raw R_xx: a curve, its sweeps, or plain numbers."""
    several = isinstance(longitudinal, (list, tuple))
    if several and longitudinal and all(isinstance(part, Measured) for part in longitudinal):
        return joined(longitudinal)
    return longitudinal


def _again(
    data: Measured, record: Preparation, given: dict[str, Any], noise: str, beside: Beside
) -> Measured:
    if not isinstance(record, Preparation):
        raise InputError(f"expected a Preparation, got {record!r}", key="record")
    for key, value in {**given, "noise": None if noise == "scatter" else noise}.items():
        if value is not None:
            raise InputError("the record holds every step; leave it out", value=value, key=key)
    numbers = record.numbers
    for key in ("reciprocal", "control"):
        if key in record and getattr(beside, key) is None:
            raise InputError("the recorded preparation used one; give it again", key=key)
        if key not in record and getattr(beside, key) is not None:
            raise InputError("the recorded preparation used none; leave it out", key=key)
    raw = Raw.of(data, beside, numbers.mixing is not None)
    if numbers.noise == "file" and data.sigma is None:
        raise InputError("the recorded noise is that of the file, which has none", key="noise")
    errors = {step.name: step.error for step in record}
    methods = {step.name: step.method for step in record}
    return apply(raw, numbers, errors, methods)
