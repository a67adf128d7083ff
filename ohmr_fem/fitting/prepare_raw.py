"""The rows of a raw curve as arrays, checked, with what each is known to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..units import array_si
from .control import Control
from .data import QUANTITIES, Measured
from .preparation import Numbers
from .smooth import Rows
from .sweeps import returns, ways


@dataclass(frozen=True, eq=False)
class Beside:
    """Further curves that a preparation uses."""

    reciprocal: Measured | None = None
    longitudinal: Any = None
    control: Measured | None = None


@dataclass(frozen=True, eq=False)
class Raw:
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
    control: Control | None = None

    @classmethod
    def of(cls, data: Measured, beside: Beside, mixed: bool) -> Raw:
        axis = data.direction
        reciprocal, longitudinal = beside.reciprocal, beside.longitudinal
        control = None if beside.control is None else Control.of(beside.control, data)
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
        # the exchanged pair sees the field reversed: its rows count on the side -1
        sides = [np.full(len(f), 1.0 - 2.0 * k) for k, f in enumerate(fields)]
        return cls(
            data=data,
            axis=axis,
            field=np.concatenate(fields),
            values=np.concatenate([part.values for part in parts]),
            way=np.concatenate([ways(f) for f in fields]),
            side=np.concatenate(sides),
            sigma=_joined([part.sigma for part in parts]),
            time=_joined([part.time for part in parts]),
            longitudinal=along,
            exchanged=reciprocal is not None,
            control=control,
        )

    @property
    def nodes(self) -> np.ndarray:
        """Times at which the sweeps come back to their first field, and the last one, s."""
        assert self.time is not None
        return np.asarray(self.time[returns(self.field)])

    def mixed(self, fraction: float) -> np.ndarray:
        """The part of R_xx in the values, (n,)."""
        assert self.longitudinal is not None
        return fraction * self.longitudinal

    @property
    def unit(self) -> str:
        return QUANTITIES[self.data.quantity]

    def weight(self, noise: str) -> np.ndarray:
        if noise == "file":
            assert self.sigma is not None
            return np.asarray(1.0 / self.sigma)
        return np.ones(len(self.field))

    def rows(self, numbers: Numbers) -> Rows:
        """Rows with drift and mixing taken off."""
        values = self.values
        if numbers.drift is not None:
            columns = self.drift_columns(numbers.drift)
            if columns.shape[1] != len(numbers.rates):
                raise InputError(
                    f"the record holds the drift at {len(numbers.rates)} times, this curve has "
                    f"{columns.shape[1]}",
                    key="drift",
                )
            values = values - columns @ np.array(numbers.rates)
        if numbers.mixing is not None:
            values = values - self.mixed(numbers.mixing)
        nothing = np.zeros((len(values), 0))
        return Rows(
            field=self.field,
            values=values,
            way=self.way,
            side=self.side,
            weight=self.weight(numbers.noise),
            nuisance=nothing,
            names=(),
        )

    def drift_columns(self, kind: str | None) -> np.ndarray:
        """(n, k): the drift of every row for one unit of each of its numbers."""
        if kind is None:
            return np.zeros((len(self.field), 0))
        if self.time is None:
            raise InputError("needs the time of every row; give Measured(..., time=)", key="drift")
        if kind == "linear":
            middle = 0.5 * (self.time.min() + self.time.max())
            return np.asarray((self.time - middle)[:, None])
        nodes = self.nodes
        if np.any(np.diff(nodes) <= 0.0):
            raise InputError("'bracket' needs a time that goes on from row to row", key="drift")
        corners = np.eye(len(nodes))
        hats = np.column_stack([np.interp(self.time, nodes, corner) for corner in corners])
        return np.asarray(hats - hats.mean(axis=0))


def _check_part(part: Measured, data: Measured, axis: np.ndarray) -> None:
    if not isinstance(part, Measured) or part.quantity != data.quantity:
        raise InputError(f"must be a Measured of {data.quantity}", key="reciprocal")
    off = part.fields - np.outer(part.fields @ axis, axis)
    strongest = np.abs(part.fields).max()
    if np.abs(off).max() > 1e-3 * strongest:
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
    unit = QUANTITIES[data.quantity]
    values = given.values if isinstance(given, Measured) else array_si(given, unit, "longitudinal")
    if values.shape != data.values.shape or not np.all(np.isfinite(values)):
        raise InputError(
            f"expected {len(data.values)} finite values, one for each row, got shape "
            f"{values.shape}",
            key="longitudinal",
        )
    return np.asarray(values)


def _joined(parts: Sequence[Any]) -> np.ndarray | None:
    if any(part is None for part in parts):
        return None
    return np.concatenate(parts)
