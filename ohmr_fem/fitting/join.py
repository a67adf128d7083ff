"""Sweeps that read_data took apart, as the one raw curve that a preparation needs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import InputError
from .data import Measured, measurement_of

#: Components of unit vectors along one axis agree to this, temperatures of one curve to this part.
SAME_AXIS, SAME_WARMTH = 0.02, 0.03


def joined(sweeps: Sequence[Measured]) -> Measured:
    """The rows of all sweeps in the order measured, as one curve.

    Raises
    ------
    InputError
        They are not sweeps of one curve: another measurement, temperature or direction.
    """
    if not sweeps or not all(isinstance(s, Measured) for s in sweeps):
        raise InputError(
            f"expected Measured, or the sweeps of one curve, got {sweeps!r}", key="data"
        )
    first = sweeps[0]
    if len(sweeps) == 1:
        return first
    for other in sweeps[1:]:
        why = _apart(first, other)
        if why:
            raise InputError(
                f"{first.label!r} and {other.label!r} are two curves: {why}; prepare each, such as "
                "[of.prepare(c, ...) for c in of.read_data(FILE, sweeps='together')]",
                key="data",
            )
    time = _joined([s.time for s in sweeps])
    order = np.argsort(time, kind="stable") if time is not None else slice(None)
    sigma = _joined([s.sigma for s in sweeps])
    return replace(
        first,
        fields=np.concatenate([s.fields for s in sweeps])[order],
        values=np.concatenate([s.values for s in sweeps])[order],
        sigma=None if sigma is None else sigma[order],
        time=None if time is None else time[order],
        temperature=_warmth(sweeps),
        name=_name(first.name),
        source=_name(first.source),
    )


def _apart(first: Measured, other: Measured) -> str:
    """What tells two curves apart, in words; "" for two sweeps of one."""
    if first.raw is not None or other.raw is not None:
        return "one is prepared"
    if (first.quantity, first.current, first.voltage) != (
        other.quantity,
        other.current,
        other.voltage,
    ):
        return "of other contacts or quantities"
    if measurement_of(first.name) != measurement_of(other.name):
        return "of other names"
    if np.abs(first.direction - other.direction).max() > SAME_AXIS:
        return "along other directions"
    known = [c.temperature for c in (first, other)]
    if (known[0] is None) != (known[1] is None):
        return "one has a temperature"
    if known[0] is not None:
        low, high = sorted(float(np.mean(t)) for t in known)
        if high > (1.0 + SAME_WARMTH) * low:
            return f"at {low:.4g} and {high:.4g} K"
    if (first.sigma is None) != (other.sigma is None) or (first.time is None) != (
        other.time is None
    ):
        return "one has errors or times"
    return ""


def _name(name: str) -> str:
    """A name without the way of its sweep: "far [10 K, up, 2]" is "far [10 K]"."""
    name = re.sub(r"(?:, |\[)(?:up|down)(?:, \d+)?\]$", "]", name)
    return re.sub(r"(?:^|\s)\]$", "", name).strip(" :")


def _warmth(sweeps: Sequence[Measured]) -> Any:
    if sweeps[0].temperature is None:
        return None
    return float(np.mean([np.mean(s.temperature) for s in sweeps]))


def _joined(parts: Sequence[Any]) -> np.ndarray | None:
    return None if any(part is None for part in parts) else np.concatenate(parts)
