"""Functions of time at the door: a constant, a piecewise linear table (jumps allowed), or a
callable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError


@dataclass(frozen=True, eq=False)
class Waveform:
    """A scalar () or vector (3,) function of time.

    Attributes
    ----------
    times, values : (n,) s and (n, ...)
        Piecewise linear, constant outside; a time given twice is a jump.  Empty for a callable.
    function : callable t -> value, or None
    name : str, for messages
    """

    times: np.ndarray
    values: np.ndarray
    function: Callable[[float], Any] | None
    name: str
    shape: tuple[int, ...]

    @classmethod
    def parse(cls, value: Any, name: str, shape: tuple[int, ...] = ()) -> Waveform:
        """A number (or (3,) vector), a callable of t in s, or a pair (times, values)."""
        if isinstance(value, Waveform):
            return value
        if callable(value):
            return cls(np.empty(0), np.empty((0, *shape)), value, name, shape)
        constant = _floats(value, name)
        if constant is not None and constant.shape == shape:
            return cls(np.zeros(1), constant[None], None, name, shape)
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            raise InputError(
                f"{name}: expected {'a number' if shape == () else 'three numbers'}, a function of "
                "the time in s, "
                f"or a pair (times, values), got {value!r}",
                value=value,
            )
        times, values = _floats(value[0], name), _floats(value[1], name)
        if (
            times is None
            or values is None
            or times.ndim != 1
            or times.size == 0
            or values.shape != (times.size, *shape)
        ):
            raise InputError(
                f"{name}: (times, values) must have shapes (n,) and {('n', *shape)}".replace(
                    "'", ""
                ),
                value=value,
            )
        if np.any(np.diff(times) < 0):
            raise InputError(
                f"{name}: the times must not decrease (give a time twice for a jump)", value=value
            )
        return cls(times, values, None, name, shape)

    @property
    def constant(self) -> bool:
        return self.function is None and bool(np.all(self.values == self.values[0]))

    @property
    def breakpoints(self) -> np.ndarray:
        """Times at which the slope or the value changes."""
        return self.times if self.function is None and self.times.size > 1 else np.empty(0)

    def __call__(self, t: float) -> Any:
        """Value at t; after the jump where there is one."""
        if self.function is not None:
            out = _floats(self.function(t), self.name)
            if out is None or out.shape != self.shape:
                raise InputError(
                    f"{self.name}: the function must return finite numbers of shape {self.shape}, "
                    "got "
                    f"{self.function(t)!r} at t = {t:g} s",
                    value=t,
                )
            return out
        return self.piece(t, t)[0]

    def piece(self, start: float, stop: float) -> tuple[np.ndarray, np.ndarray]:
        """Value just after ``start`` and slope per second up to ``stop``, on a stretch without
        breakpoints inside.
        """
        after = int(np.searchsorted(self.times, start, side="right"))
        if after == 0 or after == self.times.size:
            value = self.values[0 if after == 0 else -1]
            return value, np.zeros(self.shape)
        width = self.times[after] - self.times[after - 1]
        slope = (self.values[after] - self.values[after - 1]) / width
        return self.values[after - 1] + slope * (start - self.times[after - 1]), slope

    def inside(self, start: float, stop: float) -> Callable[[float], Any]:
        """The function on a stretch without breakpoints inside; at ``stop`` its value before the
        jump.
        """
        if self.function is not None:
            return self
        value, slope = self.piece(start, stop)
        return lambda t: value + slope * (t - start)


def check_times(times: Any) -> np.ndarray:
    """Output times (n,) in s, at least two and increasing; the first is when the run starts."""
    out = _floats(times, "times")
    if out is None or out.ndim != 1 or out.size < 2:
        raise InputError(
            f"times: expected at least two finite times in s, shape (n,), got {times!r}",
            value=times,
        )
    if np.any(np.diff(out) <= 0):
        where = int(np.argmax(np.diff(out) <= 0))
        raise InputError(
            f"times: must increase, but {out[where]:g} s is followed by {out[where + 1]:g} s; sort "
            "them",
            value=times,
        )
    return out


def _floats(value: Any, name: str) -> np.ndarray | None:
    try:
        out = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        return None
    if not np.all(np.isfinite(out)):
        raise InputError(f"{name}: must be finite, got {value!r}", value=value)
    return out


def stops_between(times: np.ndarray, marks: np.ndarray, *waves: Waveform) -> np.ndarray:
    """``marks`` and the breakpoints of the waves between the first and the last of ``times``."""
    inner = np.concatenate([wave.breakpoints for wave in waves])
    inner = inner[(inner > times[0]) & (inner < times[-1])]
    return np.unique(np.concatenate([marks, inner]))
