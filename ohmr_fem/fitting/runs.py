"""One log, several runs: which rows belong to one curve.

A log holds sweeps of the field at several temperatures and directions, up and down, and runs in
temperature between them.  Rows are joined only where temperature, direction and sense agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..errors import InputError
from .directions import HELD, by_direction, scanned_at, size_of, without_constants

#: Rows in a row at a held field from which on they may be a run in temperature.
FEWEST_HELD = 3
#: A sweep turns where it goes back by this part of the range, and is one if it covers COVERED.
TURN = 0.05
COVERED = 0.4
#: Temperatures of one sweep lie within this part of it.
DRIFT = 0.03
#: A thermometer scatters, or is written to, this part of its temperature at worst.
SCATTER = 0.01
#: Temperatures closer than this part of them are not told apart.
CLOSE = 1e-3
#: Median of |x - y| of two numbers of one normal distribution, in standard deviations.
NORMAL_STEP = 0.9539
#: Rows on either side of a step of the temperature, at least.
FEWEST_STEP = 5


#: A step this many times the one on the other side of a turn is the magnet driven elsewhere.
JUMP = 3.0
HELD_STILL = "held"


@dataclass(frozen=True)
class Run:
    """The rows of one sweep; its way is "up", "down", "held" where the field waits, or "" where it
    does not tell.  A scan of the angle has its |B| in T.  ``set_to`` is the temperature that it
    shares with the sweeps beside it, K.
    """

    rows: np.ndarray
    temperature: float | None = None
    way: str = ""
    strength: float | None = None
    set_to: float | None = None


def split_runs(
    fields: np.ndarray,
    temperature: np.ndarray | None,
    apart: bool,
    what: str,
    turned: bool = False,
) -> tuple[list[Run], int]:
    """The runs of one measurement, and how many rows of temperature runs are left out.

    Parameters
    ----------
    fields : (n, 3) T, in the order measured
    temperature : (n,) K or None
    apart : whether sweeps up and down come apart
    what : file and column of the temperature, for messages
    turned : whether a column gives the angle of the field

    Raises
    ------
    InputError
        The temperature runs while the field sweeps.
    """
    rows = np.arange(len(fields))
    if temperature is None:
        runs = list(_by_way(fields, by_direction(fields, rows, turned), None, apart))
        waits = sum(len(run.rows) for run in runs if run.way == HELD_STILL)
        return [run for run in runs if run.way != HELD_STILL], waits
    noise = _noise(fields, temperature)
    kept = rows[~_temperature_runs(fields, temperature, noise)]
    left_out = len(rows) - len(kept)
    if not len(kept):
        raise InputError(
            f"{what}: every row belongs to a run in temperature at a constant field; a curve "
            "needs a sweep of the field"
        )
    runs = []
    blocks = _by_temperature(temperature, kept, apart, noise, what)
    for part in _with_steps(fields, temperature, blocks, apart):
        if size_of(fields[part] - fields[part[0]]).max() <= HELD * size_of(fields).max():
            left_out += len(part)  # on the way to another temperature
            continue
        _one_temperature(temperature[part], what)
        for run in _by_way(fields, by_direction(fields, part, turned), temperature, apart):
            if run.way == HELD_STILL:
                left_out += len(run.rows)
            else:
                runs.append(run)
    if not runs:
        raise InputError(f"{what}: at no temperature does the field sweep; a curve needs a sweep")
    return runs, left_out


def _temperature_runs(
    fields: np.ndarray,
    temperature: np.ndarray,
    noise: float,
) -> np.ndarray:
    """Rows at a held field in which the temperature goes from one value to another, (n,) bool."""
    out = np.zeros(len(fields), dtype=bool)
    starts = _holds(fields)
    ends = np.append(starts[1:], len(fields))
    long = ends - starts >= FEWEST_HELD
    starts, ends = starts[long], ends[long]
    going = _runs(temperature, starts, ends, noise)
    for start, end in zip(starts[going], ends[going], strict=True):
        out[start:end] = True
        _give_back(out, fields, temperature, noise, (start, end))
    return out


def _holds(fields: np.ndarray) -> np.ndarray:
    """First rows of the stretches in which the field stays near that of the first.

    A slow sweep is many short ones: from row to row it moves no more than a field that is held.
    """
    same = HELD * float(size_of(fields).max(initial=0.0))
    parts = np.array([part for part in fields.T if np.ptp(part) > 0.0])
    if not len(parts):
        return np.array([0])
    starts, first, count = [0], 0, len(fields)
    while True:
        first = _leaves(parts, first, same)
        if first >= count:
            return np.array(starts)
        starts.append(first)


def _leaves(
    parts: np.ndarray,
    first: int,
    same: float,
) -> int:
    """The next row whose field is not that of row ``first``; looked for in ever longer pieces."""
    count = parts.shape[1]
    begin, width = first + 1, 32
    while begin < count:
        piece = parts[:, begin : begin + width]
        off = np.abs(piece - parts[:, first : first + 1]).max(axis=0) > same
        place = int(off.argmax())
        if off[place]:
            return begin + place
        begin += width
        width *= 4
    return count


def _runs(
    temperature: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    noise: float,
) -> np.ndarray:
    """Whether the temperature goes somewhere in each stretch of rows, and does not only scatter."""
    if not len(starts):
        return np.zeros(0, dtype=bool)
    total = np.append(0.0, np.cumsum(temperature - temperature[0]))
    third = np.maximum((ends - starts) // 3, 1)
    last = (total[ends] - total[ends - third]) / third
    first = (total[starts + third] - total[starts]) / third
    low, high = np.empty(len(starts)), np.empty(len(starts))
    smallest = np.empty(len(starts))
    # every other piece of these lies between two stretches
    cuts = np.column_stack([starts, np.minimum(ends, len(temperature) - 1)]).ravel()
    for out, values, take in (
        (low, temperature, np.minimum),
        (high, temperature, np.maximum),
        (smallest, np.abs(temperature), np.minimum),
    ):
        out[:] = take.reduceat(values, cuts)[::2]
    if ends[-1] == len(temperature):  # the last row is cut off above
        low[-1] = min(low[-1], temperature[-1])
        high[-1] = max(high[-1], temperature[-1])
        smallest[-1] = min(smallest[-1], abs(temperature[-1]))
    least = 2 * CLOSE * smallest
    scatters = np.abs(last - first) <= np.maximum(least, 6 * noise / np.sqrt(third))
    return np.asarray(~scatters | (high - low > np.maximum(least, 10 * noise)))


def _give_back(
    out: np.ndarray,
    fields: np.ndarray,
    temperature: np.ndarray,
    noise: float,
    hold: tuple[int, int],
) -> None:
    """Rows at both ends of a hold that still, or already, belong to the sweep beside it.

    They do where the temperature is that of the sweep and the field goes on in its sense: a magnet
    that is driven back to its starting field leaves the hold behind.
    """
    start, end = hold
    for edge, way in ((start, -1), (end - 1, 1)):
        near, far = edge + way, edge + 2 * way
        if not (0 <= far < len(out)):
            continue
        first, second = fields[near] - fields[edge], fields[far] - fields[near]
        if float(first @ second) <= 0.0:
            continue
        tolerance = max(CLOSE * temperature[near], 3 * noise)
        at = edge
        while start <= at < end and abs(temperature[at] - temperature[near]) <= tolerance:
            out[at] = False
            at -= way


def _moves(fields: np.ndarray) -> np.ndarray:
    """Whether the field moves from each row to the next, (n - 1,) bool."""
    return np.asarray(size_of(np.diff(fields, axis=0)) > HELD * size_of(fields).max(initial=0.0))


def _noise(
    fields: np.ndarray,
    temperature: np.ndarray,
) -> float:
    """Scatter of the temperature from row to row of the sweeps, K."""
    moves = _moves(fields)
    if np.sum(moves) < FEWEST_HELD:  # a slow sweep
        moves = np.ones(len(moves), dtype=bool)
    steps = np.abs(np.diff(temperature))[moves]
    # two temperatures in turn are no scatter: there every other row agrees
    skips = np.abs(temperature[2:] - temperature[:-2])[moves[1:]]
    return min((float(np.median(each)) for each in (steps, skips) if len(each)), default=0.0)


def _by_temperature(
    temperature: np.ndarray,
    rows: np.ndarray,
    apart: bool,
    noise: float,
    what: str,
) -> Iterator[np.ndarray]:
    """Rows of one temperature each, in the order measured; a temperature set twice is two."""
    held = temperature[rows]
    close = max(10 * noise, CLOSE * float(np.abs(held).min()))
    while True:
        member = _clusters(held, close)
        changes = np.flatnonzero(np.diff(member)) + 1
        blocks = np.split(rows, changes)
        if not _to_and_fro(temperature, blocks):
            break
        close *= 2  # the scatter, or the last digit, of the thermometer
        if close > SCATTER * float(np.abs(held).max()):
            raise InputError(
                f"{what}: goes to and fro between {held.min():.4g} and {held.max():.4g} K from row "
                "to row; sort the rows, or read them as one curve with "
                "columns={'temperature': None}",
                key="columns",
                named=True,
            )
    if apart:
        yield from blocks
        return
    for name in dict.fromkeys(member.tolist()):
        yield rows[member == name]


def _with_steps(
    fields: np.ndarray,
    temperature: np.ndarray,
    blocks: Iterator[np.ndarray],
    apart: bool,
) -> Iterator[np.ndarray]:
    """Blocks cut where the field waits and the mean temperature steps, by less than it scatters."""
    for block in blocks:
        yield from _cut(fields, temperature, block) if apart else [block]


def _cut(
    fields: np.ndarray,
    temperature: np.ndarray,
    rows: np.ndarray,
) -> Iterator[np.ndarray]:
    count = len(rows)
    least = 2 * CLOSE * abs(float(temperature[rows].mean()))
    if not _may_step(temperature[rows], least):
        yield rows
        return
    waits = size_of(np.diff(fields[rows], axis=0)) <= HELD * size_of(fields).max(initial=0.0)
    places = np.flatnonzero(waits | (np.diff(rows) > 1)) + 1
    places = places[(places >= FEWEST_STEP) & (places <= count - FEWEST_STEP)]
    if not len(places):
        yield rows
        return
    held = temperature[rows] - temperature[rows].mean()
    whole = float(held @ held)
    before = np.cumsum(held)[places - 1]
    # sum of squares between the means of both sides, and of what is left of a straight line
    between = before**2 * count / (places * (count - places))
    best = int(np.argmax(between))
    line = np.arange(count) - 0.5 * (count - 1)
    straight = whole - float(held @ line) ** 2 / float(line @ line)
    inside = whole - float(between[best])
    # from row to row, so that further steps are no scatter
    size = float(np.median(np.abs(np.diff(held)))) / NORMAL_STEP
    place = int(places[best])
    step = abs(float(before[best])) * count / (place * (count - place))
    # both sides may hold several temperatures, which makes the step of their means smaller
    seen = step > max(least, 1.5 * size)
    certain = float(between[best]) > 50.0 * size**2
    if seen and certain and inside < straight - 25.0 * size**2:
        yield from _cut(fields, temperature, rows[:place])
        yield from _cut(fields, temperature, rows[place:])
    else:
        yield rows


def _may_step(
    held: np.ndarray,
    least: float,
) -> bool:
    """Whether means over short stretches differ by more than ``least``: the quick way out."""
    width = max(len(held) // 500, 1)
    whole = len(held) // width * width
    means = held[:whole].reshape(-1, width).mean(axis=1)
    return bool(np.ptp(means) > least)


def _clusters(
    values: np.ndarray,
    close: float,
) -> np.ndarray:
    """Number of the cluster of each value, (n,); between clusters is a gap wider than ``close``."""
    order = np.argsort(values, kind="stable")
    wide = np.diff(values[order]) > np.maximum(close, CLOSE * np.abs(values[order][1:]))
    member = np.empty(len(values), dtype=int)
    member[order] = np.append(0, np.cumsum(wide))
    return member


def _to_and_fro(
    temperature: np.ndarray,
    blocks: list[np.ndarray],
) -> bool:
    """Whether a block of a few rows has a neighbour of nearly its temperature.

    A few rows far from any other temperature are a stop on the way.
    """
    means = np.array([temperature[block].mean() for block in blocks])
    short = np.array([len(block) < FEWEST_HELD for block in blocks])
    near = np.abs(np.diff(means)) < DRIFT * np.abs(means[1:])
    return bool(np.any(near & (short[1:] | short[:-1])))


def _one_temperature(
    temperature: np.ndarray,
    what: str,
) -> None:
    low, high = float(temperature.min()), float(temperature.max())
    if high - low > max(DRIFT * abs(low), 0.02):
        raise InputError(
            f"{what}: runs from {low:.4g} to {high:.4g} K while the field sweeps, so it does not "
            "tell one sweep from the next; cut the file, or read the rows as one curve with "
            "columns={'temperature': None}",
            key="columns",
            named=True,
        )


def _by_way(
    fields: np.ndarray,
    groups: list[np.ndarray],
    temperature: np.ndarray | None,
    apart: bool,
) -> Iterator[Run]:
    together = np.concatenate(groups)
    set_to = None if temperature is None else float(temperature[together].mean())
    for rows in groups:
        pieces = _sweeps(_along(fields[rows])) if apart else None
        for first, end, way in pieces or [(0, len(rows), "")]:
            part = rows[first:end]
            warm = None if temperature is None else float(temperature[part].mean())
            yield Run(part, warm, way, scanned_at(fields[part]), set_to)


def _along(fields: np.ndarray) -> np.ndarray | None:
    """The field with its sign along its axis, (n,); None if it turns in space."""
    moving = without_constants(fields)
    size = size_of(moving)
    if not len(size) or size.max() == 0.0:
        return None
    axis = moving[int(np.argmax(size))] / size.max()
    signed = moving @ axis
    across = size_of(moving - signed[:, None] * axis)
    # "up" is along the axis of the largest component, not along its first strong row
    sense = np.sign(axis[int(np.argmax(np.abs(axis)))])
    return np.asarray(sense * signed) if across.max() <= 0.05 * size.max() else None


def _sweeps(field: np.ndarray | None) -> list[tuple[int, int, str]] | None:
    """(first, end, way) of every sweep; None where there is one, or where they are not clear."""
    if field is None or len(field) < 2 * FEWEST_HELD:
        return None
    bounds = _turns(field)
    if len(bounds) <= 2:
        return None
    pieces = []
    for first, end in pairwise(bounds):
        way = "up" if field[end - 1] > field[first] else "down"
        # waits at one or two fields are no sweep: a single step makes all of their range
        steps, range_ = np.abs(np.diff(field[first:end])), float(np.ptp(field[first:end]))
        held = range_ <= HELD * np.ptp(field) or steps.max() > 0.9 * range_
        pieces.append((first, end, HELD_STILL if held else way))
    real = [field[first:end] for first, end, way in pieces if way != HELD_STILL]
    if len(real) < 2 or min(map(len, real)) < FEWEST_HELD:
        return None
    if min(float(np.ptp(sweep)) for sweep in real) < COVERED * float(np.ptp(field)):
        return None  # minor loops, or rows in no order
    return pieces


def _turns(field: np.ndarray) -> list[int]:
    """First row of every sweep, and the number of rows."""
    whole = float(np.ptp(field))
    if whole == 0.0:
        return [0, len(field)]
    # only where the sense changes can a sweep turn
    sense = np.sign(np.diff(field))
    candidates = np.flatnonzero(sense[1:] != sense[:-1]) + 1
    points = [0, *candidates.tolist(), len(field) - 1]
    heights = field[points].tolist()
    turns, extreme, way = [], 0, 0.0
    for place, height in enumerate(heights):
        moved = height - heights[extreme]
        if way == 0.0:
            if abs(moved) > TURN * whole:
                way, extreme = np.sign(moved), place
        elif moved * way >= 0.0:
            extreme = place
        elif abs(moved) > TURN * whole:
            turns.append(points[extreme])
            way, extreme = -way, place
    return _bounds(field, turns, HELD * whole)


def _bounds(
    field: np.ndarray,
    turns: list[int],
    same: float,
) -> list[int]:
    """First rows of the sweeps between turns.

    Rows that wait at a turn are shared out in the middle; a turn and the next one in a single step
    are the magnet driven back between two rows.
    """
    bounds, last = [0], -2
    for turn in turns:
        first, end = turn, turn
        while first > 0 and abs(field[first - 1] - field[turn]) <= same:
            first -= 1
        while end < len(field) - 1 and abs(field[end + 1] - field[turn]) <= same:
            end += 1
        if first == last + 1:
            bounds[-1] = first
        else:
            bounds.append(_bound(field, first, end))
        last = end
    return [*bounds, len(field)]


def _bound(
    field: np.ndarray,
    first: int,
    end: int,
) -> int:
    """First row of the next sweep, where the rows ``first`` to ``end`` wait at the turn."""
    before = abs(field[first] - field[first - 1])
    after = abs(field[min(end + 1, len(field) - 1)] - field[end])
    if before > JUMP * after:
        return first  # the magnet was driven here to start
    if after > JUMP * before:
        return end + 1
    return (first + end) // 2 + 1
