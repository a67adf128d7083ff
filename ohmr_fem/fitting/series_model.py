"""All samples of a series with one set of parameters, shared, of one sample, or along a trend.

Each sample has a few local parameters; d signal/d(local) by differences costs one evaluation of
that sample alone, and the chain rule through sharing and trends makes the Jacobian of the whole
series.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .background import shape_of
from .compiled import Compiled
from .layers import base_of, proportional, within
from .model import CENTRAL, FORWARD, Model
from .names import LINEAR, symbol_of, unit_of
from .parameters import FAR, SCALES, Parameter
from .trend import Trend

#: Step of the differences of local values, which are free of noise.
LOCAL = 1e-5
#: Places whose columns of backgrounds, or values, are kept.
KEPT = 64


@dataclass(frozen=True)
class SeriesParameter(Parameter):
    """One parameter of a series.

    Attributes
    ----------
    local : canonical name of what it is in a sample
    sample : name of the sample it is of; "" for all
    coefficient : "" for a value, else the coefficient of a trend
    scale : one unit of the coordinate of a coefficient
    coefficient_unit : str
    """

    local: str = ""
    sample: str = ""
    coefficient: str = ""
    scale: float = 1.0
    coefficient_unit: str = "1"

    @property
    def symbol(self) -> str:
        if self.of_background:
            return self.name
        base = symbol_of(self.local)
        if self.coefficient:
            return f"{base}.{self.coefficient}"
        return f"{base}[{self.sample}]" if self.sample else base

    @property
    def unit(self) -> str:
        if self.coefficient:
            return self.coefficient_unit
        shape = shape_of(self.name)
        return unit_of(self.local).replace("*", " ") if shape is None else shape.unit

    @property
    def scales(self) -> bool:
        return not self.coefficient and base_of(self.local) in SCALES

    @property
    def logarithmic(self) -> bool:
        return not self.coefficient and base_of(self.local) not in LINEAR

    def value(self, u: float) -> float:
        if not self.coefficient:
            return super().value(u)
        return self.start + self.scale * u

    def coordinate(self, value: float) -> float:
        if not self.coefficient:
            return super().coordinate(value)
        return (value - self.start) / self.scale

    def relative(self, u: float) -> float:
        """d ln(value)/du; of a coefficient, which may be 0, d(value)/du over its scale."""
        return 1.0 if self.coefficient else super().relative(u)

    def spread(
        self,
        value: float,
        relative: float,
    ) -> float:
        return relative * self.scale if self.coefficient else super().spread(value, relative)


@dataclass(frozen=True)
class Prior:
    """A local parameter of a sample that is known beforehand, with its error."""

    sample: int
    local: str
    value: float
    error: float


@dataclass(frozen=True, eq=False)
class SeriesModel(Model):
    """The model of a series; a :class:`Model` whose signals come sample by sample.

    Attributes
    ----------
    samples : tuple of Compiled
    held : for each sample, local values that are given and stay
    trends : {local name: Trend}
    priors : tuple of Prior, residuals behind those of the curves
    silent : no device at all, backgrounds alone
    """

    samples: tuple[Compiled, ...] = ()
    held: tuple[Mapping[str, float], ...] = ()
    trends: Mapping[str, Trend] = field(default_factory=dict)
    priors: tuple[Prior, ...] = ()
    silent: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        names = list(dict.fromkeys(p.local for p in self.device_parameters))
        object.__setattr__(self, "_locals", names)
        object.__setattr__(self, "_known_slopes", {})
        object.__setattr__(self, "_all_slopes", {})
        object.__setattr__(self, "_bases", {})
        object.__setattr__(self, "_values", {})

    # -- parameters

    @property
    def device_parameters(self) -> list[SeriesParameter]:
        return [p for p in self.parameters if isinstance(p, SeriesParameter) and p.local]

    @property
    def counts(self) -> list[int]:
        """Curves of each sample."""
        return [len(s.curves) for s in self.samples]

    def physical(self, u: np.ndarray) -> dict[str, float]:
        known: dict[bytes, dict[str, float]] = self._values  # type: ignore[attr-defined]
        place = np.asarray(u, dtype=float).tobytes()
        if place not in known:
            if len(known) >= KEPT:
                known.clear()
            known[place] = self._clipped(super().physical(u))
        return known[place]

    def _clipped(self, values: dict[str, float]) -> dict[str, float]:
        """Diffusion lengths of single samples stay in the range of the measures, what belongs to a
        layer in that of its start.
        """
        for p in self.device_parameters:
            if not p.coefficient:
                values[p.name] = within(p.local, values[p.name], p.start)
            if p.local == "diffusion_length" and not p.coefficient and self.lengths is not None:
                low, high = self.lengths
                values[p.name] = min(max(values[p.name], low), high)
        return values

    def covered(self, u: np.ndarray) -> bool:
        """Whether every diffusion length lies in the range of the measures."""
        if self.lengths is None:
            return True
        low, high = self.lengths
        found = [v["diffusion_length"] for v in self.local(u) if "diffusion_length" in v]
        return all(low <= length <= high for length in found)

    def local(self, u: np.ndarray) -> list[dict[str, float]]:
        """Values of each sample by canonical name: what is fitted and what is held."""
        values = self.physical(u)
        return [self._local(values, i) for i in range(len(self.samples))]

    def _local(
        self,
        values: Mapping[str, float],
        i: int,
    ) -> dict[str, float]:
        sample = self.samples[i].sample
        out = dict(self.held[i])
        for name in self._locals:  # type: ignore[attr-defined]
            own = f"{name}[{sample.name}]"
            if own not in values and name not in values:
                continue
            value = values[own] if own in values else values[name]
            trend = self.trends.get(name)
            if trend is not None:
                value = trend.value(value, values[trend.coefficient], sample)
            out[name] = value
        return out

    # -- signals

    def signals(self, u: np.ndarray) -> list[np.ndarray]:
        if self.silent:
            return [np.zeros(len(v)) for v in self.values]
        latest: dict[bytes, list[np.ndarray]] = self._latest  # type: ignore[attr-defined]
        key = np.asarray(u, dtype=float).tobytes()
        if key not in latest:
            local = self.local(u)
            parts = [s.signals(v) if _sound(v) else _nothing(s) for s, v in self._pairs(local)]
            latest.clear()
            latest[key] = [curve for part in parts for curve in part]
        return latest[key]

    def _pairs(self, local: Sequence[dict[str, float]]) -> list[tuple[Compiled, dict[str, float]]]:
        return list(zip(self.samples, local, strict=True))

    def bases(self, u: np.ndarray) -> list[np.ndarray]:
        known: dict[tuple[float, ...], list[np.ndarray]] = self._bases  # type: ignore[attr-defined]
        key = tuple(self.shapes(u).values())
        if key not in known:
            if len(known) >= KEPT:
                known.clear()
            known[key] = super().bases(u)
        return known[key]

    def residual(self, u: np.ndarray) -> np.ndarray:
        own = super().residual(u)
        return np.append(own, self._prior_rows(u)) if self.priors else own

    def _prior_rows(self, u: np.ndarray) -> np.ndarray:
        local = self.local(u)
        return np.array([(p.value - local[p.sample][p.local]) / p.error for p in self.priors])

    def jacobian(
        self,
        u: np.ndarray,
        free: Any = None,
        central: bool = False,
    ) -> np.ndarray:
        curves = super().jacobian(u, free, central)
        if not self.priors:
            return curves
        at = np.asarray(u, dtype=float)
        columns = []
        for i in range(len(u)) if free is None else free:
            step = LOCAL * np.eye(len(at))[i]
            rows = self._prior_rows(at + step) - self._prior_rows(at - step)
            columns.append(rows / (2.0 * LOCAL))
        return np.vstack([curves, np.column_stack(columns)])

    def _slopes(
        self,
        u: np.ndarray,
        i: int,
        now: Sequence[np.ndarray],
        central: bool,
    ) -> list[np.ndarray]:
        """d signal/du_i of every curve, through the local parameters of each sample."""
        p = self.parameters[i]
        if p.of_background:
            return super()._slopes(u, i, now, central)
        assert isinstance(p, SeriesParameter)
        step = LOCAL * np.eye(len(u))[i]
        above, below = self.local(u + step), self.local(u - step)
        out: list[np.ndarray] = []
        first = 0
        for k, count in enumerate(self.counts):
            change = (above[k].get(p.local, 0.0) - below[k].get(p.local, 0.0)) / (2.0 * LOCAL)
            own = list(now[first : first + count])
            if change == 0.0:
                out += [np.zeros(len(s)) for s in own]
            else:
                slopes = self._local_slopes(u, k, p.local, own, central)
                out += [change * s for s in slopes]
            first += count
        return out

    def _local_slopes(
        self,
        u: np.ndarray,
        k: int,
        name: str,
        now: list[np.ndarray],
        central: bool,
    ) -> list[np.ndarray]:
        """d signal/d(local value) of the curves of sample k; kept while u stays."""
        every: dict[bytes, dict[Any, list[np.ndarray]]]
        every = self._known_slopes  # type: ignore[attr-defined]
        place = u.tobytes()
        if place not in every:
            every.clear()
            every[place] = {}
        known = every[place]
        if (k, name, central) not in known:
            known[k, name, central] = self._differences(u, k, name, now, central)
        return known[k, name, central]

    def _differences(
        self,
        u: np.ndarray,
        k: int,
        name: str,
        now: list[np.ndarray],
        central: bool,
    ) -> list[np.ndarray]:
        sample, values = self.samples[k], self.local(u)[k]
        value = values[name]
        own = proportional(name, sample.sample.problem.film)
        relative = own and not any(c.absolute for c in sample.curves)
        alone = "spin.hall_product" not in values and not sample.polarised
        if relative and alone and value != 0.0:
            return [s / value for s in now]
        step = (CENTRAL if central else FORWARD) * (abs(value) or abs(self._size(name)))
        up = sample.signals({**values, name: value + step})
        if not central:
            return [(a - b) / step for a, b in zip(up, now, strict=True)]
        down = sample.signals({**values, name: value - step})
        return [(a - b) / (2.0 * step) for a, b in zip(up, down, strict=True)]

    def _size(self, name: str) -> float:
        return next(p.start for p in self.device_parameters if p.local == name) or 1.0

    def slopes(
        self,
        u: np.ndarray,
        k: int,
    ) -> np.ndarray:
        """d (signal + background at fixed amplitudes)/du of curve k, (n, q)."""
        known: dict[bytes, list[list[np.ndarray]]] = self._all_slopes  # type: ignore[attr-defined]
        at = np.asarray(u, dtype=float)
        if at.tobytes() not in known:
            now = self.signals(at)
            every = [self._slopes(at, i, now, True) for i in range(len(at))]
            known.clear()
            known[at.tobytes()] = every
        return np.column_stack([np.nan_to_num(c[k]) for c in known[at.tobytes()]])

    def thinned(self, points: int) -> SeriesModel:
        rows = [np.arange(0, len(v), max(1, len(v) // points)) for v in self.values]
        first, samples = 0, []
        for sample in self.samples:
            count = len(sample.curves)
            samples.append(sample.at(rows[first : first + count]))
            first += count
        return replace(
            self,
            samples=tuple(samples),
            curves=tuple(c for s in samples for c in s.curves),
            values=tuple(v[r] for v, r in zip(self.values, rows, strict=True)),
            sigma=tuple(s[r] for s, r in zip(self.sigma, rows, strict=True)),
        )

    @property
    def points(self) -> int:
        return sum(len(v) for v in self.values) + len(self.priors)

    @property
    def degrees(self) -> int:
        return super().degrees + len(self.priors)


def _sound(values: Mapping[str, float]) -> bool:
    """Whether a trend has not led out of what a material can be."""
    signed = (*LINEAR, "theta")
    positive = [v for k, v in values.items() if base_of(k) not in signed]
    return all(np.isfinite(v) and np.exp(-2.0 * FAR) < v < np.exp(2.0 * FAR) for v in positive)


def _nothing(sample: Compiled) -> list[np.ndarray]:
    return [np.full(len(c.fields), np.nan) for c in sample.curves]
