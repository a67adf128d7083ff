"""[time], [frequency] and [matrix]: what a device file asks for beside its curves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import StrictInt, StrictStr

from ..errors import InputError
from ..units import array_si, positive, to_si
from .tables import MOST_FIELDS, Table, at_most


@dataclass(frozen=True, eq=False)
class TimeJob:
    """A run in time: instants (n,) s, field along the sweep in T, drive, and the start."""

    times: np.ndarray
    field: float
    drive: Any
    initial: str | None


@dataclass(frozen=True, eq=False)
class FrequencyJob:
    """An alternating current: frequencies (n,) Hz, field along the sweep in T."""

    frequencies: np.ndarray
    field: float


@dataclass(frozen=True, eq=False)
class MatrixJob:
    """All pairs: fields along the sweep in T, and four contacts for the sheet resistance."""

    fields: tuple[float, ...]
    around: tuple[str, ...]


class TimeTable(Table):
    """[time]"""

    stop: Any
    start: Any = 0.0
    points: StrictInt = 201
    field: Any = 0.0
    drive: Any = None
    initial: Literal["rest", "steady"] = "rest"

    def build(self, section: bool) -> TimeJob:
        at_most(self.points, MOST_FIELDS, "points", "instants")
        start, stop = to_si(self.start, "s", "start"), to_si(self.stop, "s", "stop")
        if self.points < 2 or stop <= start:
            raise InputError(
                "takes at least 2 points, and a stop after the start", key="points", value=stop
            )
        times = np.linspace(start, stop, self.points)
        initial = "steady" if self.initial == "steady" else None
        return TimeJob(times, to_si(self.field, "T", "field"), self._drive(section), initial)

    def _drive(self, section: bool) -> Any:
        """A constant, or (times, values): A, or V/m on a cross-section."""
        unit, default = ("V/m", 1.0) if section else ("A", 1e-6)
        given = self.drive
        if given is None:
            return default
        if not isinstance(given, Mapping):
            return to_si(given, unit, "drive")
        if set(given) != {"times", "values"}:
            raise InputError(
                f"a waveform has the keys 'times' and 'values', got {', '.join(given)}", key="drive"
            )
        times = array_si(given["times"], "s", "drive")
        return times, array_si(given["values"], unit, "drive")


class FrequencyTable(Table):
    """[frequency]"""

    stop: Any
    start: Any = 0.0
    points: StrictInt = 101
    scale: Literal["linear", "log"] = "linear"
    field: Any = 0.0

    def build(self) -> FrequencyJob:
        at_most(self.points, MOST_FIELDS, "points", "frequencies")
        if self.points < 1:
            raise InputError("must be at least 1", key="points", value=self.points)
        start, stop = to_si(self.start, "Hz", "start"), to_si(self.stop, "Hz", "stop")
        if self.scale == "log":
            positive(start, "Hz", "start")
            frequencies = np.geomspace(start, stop, self.points)
        else:
            frequencies = np.linspace(start, stop, self.points)
        return FrequencyJob(frequencies, to_si(self.field, "T", "field"))


class MatrixTable(Table):
    """[matrix]"""

    fields_at: list[Any] | None = None
    sheet_resistance: list[StrictStr] | None = None

    def build(self, section: bool) -> MatrixJob:
        if section:
            raise InputError("a cross-section has no contacts; remove it")
        given = [0.0] if self.fields_at is None else self.fields_at
        if not given:
            raise InputError("needs at least one field", key="fields_at")
        fields = tuple(to_si(b, "T", "fields_at") for b in given)
        return MatrixJob(fields, tuple(self.sheet_resistance or ()))
