"""Functions of time at the door: a constant, a piecewise linear table (jumps allowed), or a
callable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..units import array_si, owned


@dataclass(frozen=True, eq=False)
class Waveform:
    """A scalar () or vector (3,) function of time.

    Attributes
    ----------
    times, values : (n,) s and (n, ...)
        Piecewise linear, constant outside; a time given twice is a jump.  Empty for a callable.
    function : callable t -> value, or None
    name, unit : str, for messages and for what the function returns
    """

    times: np.ndarray
    values: np.ndarray
    function: Callable[[float], Any] | None
    name: str
    shape: tuple[int, ...]
    unit: str = "1"

    @classmethod
    def parse(
        cls,
        value: Any,
        name: str,
        shape: tuple[int, ...] = (),
        unit: str = "1",
    ) -> Waveform:
        """A number or quantity in ``unit`` (or (3,) of them), a callable of t in s, or a pair
        (times, values).
        """
        if isinstance(value, Waveform):
            return value
        if callable(value):
            return cls(
                np.empty(0),
                np.empty((0, *shape)),
                value,
                name,
                shape,
                unit,
            )
        constant = None if _is_table(value, shape) else _floats(value, name, unit)
        if constant is not None and constant.shape == shape:
            return cls(
                np.zeros(1),
                owned(constant[None]),
                None,
                name,
                shape,
                unit,
            )
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            raise InputError(
                f"{name}: expected {'a number' if shape == () else 'three numbers'}, a function of "
                "the time in s, "
                f"or a pair (times, values), got {value!r}",
                value=value,
            )
        times, values = _floats(value[0], name, "s"), _floats(value[1], name, unit)
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
        return cls(times, values, None, name, shape, unit)

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
            out = _floats(self.function(t), self.name, self.unit)
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
    out = _floats(times, "times", "s")
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


def _is_table(value: Any, shape: tuple[int, ...]) -> bool:
    """Whether a value can only be a pair (times, values)."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        return False
    return shape == () or (len(shape) == 1 and shape[0] != 2)


def _floats(value: Any, name: str, unit: str) -> np.ndarray | None:
    """The numbers in ``unit``; None where the value is of another kind."""
    try:
        return array_si(value, unit, name)
    except InputError as exc:
        if any(what in exc.what for what in ("finite", "dimension", "unit", "masked")):
            raise
        return None


def stops_between(times: np.ndarray, marks: np.ndarray, *waves: Waveform) -> np.ndarray:
    """``marks`` and the breakpoints of the waves between the first and the last of ``times``."""
    inner = np.concatenate([wave.breakpoints for wave in waves])
    inner = inner[(inner > times[0]) & (inner < times[-1])]
    return np.unique(np.concatenate([marks, inner]))
