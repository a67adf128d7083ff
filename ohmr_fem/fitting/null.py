"""How likely a fall of chi^2 is without any Hanle effect: a parametric bootstrap.

Without alpha alpha' there are no L_m and tau, so the fall of chi^2 against the backgrounds does not
follow a chi^2 distribution.  It is simulated: the best background with new noise, every background
fitted anew (amplitudes exactly, shapes to first order about the fit) and every point of the atlas
tried.  For orthonormal rows W of what a point can make, the fall is |W y|^2: matrix products.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .scan import Atlas, Cleared, background_alone, orthonormal
from .series_model import SeriesModel

#: Simulations taken at a time, which bounds the memory.
AT_ONCE = 250


@dataclass(frozen=True, eq=False)
class Plane:
    """One background: what clears it away, and what each model can make of the rest.

    Attributes
    ----------
    cleared : Cleared
    rows : {model: (K, m, N)} orthonormal rows of every point of its atlas
    """

    cleared: Cleared
    rows: Mapping[str, np.ndarray]

    @classmethod
    def of(
        cls,
        model: SeriesModel,
        atlases: Mapping[str, Atlas],
    ) -> Plane:
        """At the best shapes of this background alone."""
        cleared = Cleared.at(*background_alone(model))
        sign = stated_sign(model)
        rows = {name: _rows(cleared, atlas, sign) for name, atlas in atlases.items()}
        return cls(cleared, rows)

    def left(self, white: np.ndarray) -> np.ndarray:
        """What the background leaves of values in standard deviations, (..., N)."""
        sigma = np.concatenate(self.cleared.model.sigma)
        return self.cleared.rows(white * sigma)

    def taken(self, white: np.ndarray) -> np.ndarray:
        """What the background takes of them."""
        return white - self.left(white)


def stated_sign(model: SeriesModel) -> float:
    """The sign of alpha alpha' as it is stated; 1 without one."""
    starts = [p.start for p in model.device_parameters if p.local == "alpha_product"]
    return -1.0 if starts and starts[0] < 0.0 else 1.0


def _rows(
    cleared: Cleared,
    atlas: Atlas,
    sign: float,
) -> np.ndarray:
    """Orthonormal rows, (K, m, N); a single one points to more of the stated effect."""
    moved = cleared.rows(atlas.columns)
    out = np.zeros_like(moved)
    for k, rows in enumerate(moved):
        found = orthonormal(rows)
        if len(rows) == 1 and len(found) and sign * float(found[0] @ rows[0]) < 0.0:
            found = -found
        out[k, : len(found)] = found
    return out


@dataclass(frozen=True, eq=False)
class Falls:
    """chi^2 of the best background, (n,), and the fall with each model, {model: (n,)}."""

    background: np.ndarray
    fall: Mapping[str, np.ndarray]


def falls(
    planes: Sequence[Plane],
    white: np.ndarray,
) -> Falls:
    """chi^2 of values (n, N) in standard deviations, the best over the backgrounds each time."""
    bare, found = [], []
    for plane in planes:
        left = plane.left(white)
        chi2 = np.sum(left**2, axis=1)
        bare.append(chi2)
        found.append({name: chi2 - _largest(W, left) for name, W in plane.rows.items()})
    best = np.min(bare, axis=0)
    names = planes[0].rows
    return Falls(best, {n: best - np.min([f[n] for f in found], axis=0) for n in names})


def _largest(
    W: np.ndarray,
    left: np.ndarray,
) -> np.ndarray:
    """The largest fall over the atlas, (n,)."""
    points, several, length = W.shape
    parts = (left @ W.reshape(-1, length).T).reshape(len(left), points, several)
    if several == 1:  # alpha alpha' has the stated sign, or is 0
        parts = np.maximum(parts, 0.0)
    return np.asarray(np.sum(parts**2, axis=2).max(axis=1))


@dataclass(frozen=True, eq=False)
class Null:
    """Simulations of the best background, and what was observed.

    Attributes
    ----------
    planes : one for each background
    best : number of the best one
    white : (N,) data in standard deviations
    observed : Falls of the data
    simulated : Falls of the simulations
    """

    planes: tuple[Plane, ...]
    best: int
    white: np.ndarray
    observed: Falls
    simulated: Falls

    def p(self, model: str) -> float:
        """Part of the simulations that fall at least as far."""
        return above(self.simulated.fall[model], float(self.observed.fall[model][0]))

    def threshold(
        self,
        model: str,
        level: float,
    ) -> float:
        """The fall that is exceeded by chance at the level."""
        return float(np.quantile(self.simulated.fall[model], 1.0 - level))


def above(
    simulated: np.ndarray,
    observed: float,
) -> float:
    """p of what was observed among simulations."""
    count = int(np.sum(simulated >= observed * (1.0 - 1e-12)))
    return (1 + count) / (1 + len(simulated))


def simulate(
    planes: Sequence[Plane],
    mean: np.ndarray,
    count: int,
    rng: np.random.Generator,
    told: Callable[[int], None] | None = None,
) -> Falls:
    """Falls of ``count`` sets of a mean in standard deviations with new noise."""
    found = []
    for start in range(0, count, AT_ONCE):
        some = min(AT_ONCE, count - start)
        noise = rng.standard_normal((some, len(mean)))
        found.append(falls(planes, mean + noise))
        if told is not None:
            told(some)
    names = found[0].fall
    return Falls(
        np.concatenate([f.background for f in found]),
        {n: np.concatenate([f.fall[n] for f in found]) for n in names},
    )


def null_of(
    planes: Sequence[Plane],
    model: SeriesModel,
    simulations: int,
    rng: np.random.Generator,
    told: Callable[[int], None] | None = None,
) -> Null:
    """The bootstrap at the best background."""
    white = np.concatenate(model.values) / np.concatenate(model.sigma)
    sizes = [float(np.sum(plane.left(white) ** 2)) for plane in planes]
    best = int(np.argmin(sizes))
    mean = planes[best].taken(white)
    return Null(
        planes=tuple(planes),
        best=best,
        white=white,
        observed=falls(planes, white[None, :]),
        simulated=simulate(planes, mean, simulations, rng, told),
    )


def rejected(
    null: Null,
    signal: np.ndarray,
    simulations: int,
    rng: np.random.Generator,
    told: Callable[[int], None] | None = None,
) -> float:
    """p of a stated signal (N,) in standard deviations: how often data with it in them look so much
    more like a background alone.
    """

    def excess(white: np.ndarray) -> np.ndarray:
        with_it = [np.sum(p.left(white - signal) ** 2, axis=1) for p in null.planes]
        without = [np.sum(p.left(white) ** 2, axis=1) for p in null.planes]
        return np.asarray(np.min(with_it, axis=0) - np.min(without, axis=0))

    observed = float(excess(null.white[None, :])[0])
    rest = null.white - signal
    sizes = [float(np.sum(plane.left(rest) ** 2)) for plane in null.planes]
    mean = signal + null.planes[int(np.argmin(sizes))].taken(rest)
    found = []
    for start in range(0, simulations, AT_ONCE):
        some = min(AT_ONCE, simulations - start)
        found.append(excess(mean + rng.standard_normal((some, len(mean)))))
        if told is not None:
            told(some)
    simulated = np.concatenate(found)
    # the excess may be negative: count, not compare sizes
    return (1 + int(np.sum(simulated >= observed))) / (1 + len(simulated))


def power_of(
    null: Null,
    model: str,
    signal: np.ndarray,
    level: float,
    simulations: int,
    rng: np.random.Generator,
    told: Callable[[int], None] | None = None,
) -> float:
    """Part of the data sets with a signal (N,) in standard deviations whose fall is beyond the
    threshold of the level.
    """
    mean = signal + null.planes[null.best].taken(null.white - signal)
    found = simulate(null.planes, mean, simulations, rng, told)
    return float(np.mean(found.fall[model] > null.threshold(model, level)))


def noiseless(
    null: Null,
    model: str,
    signal: np.ndarray,
) -> float:
    """Fall of chi^2 of a signal without noise, after the backgrounds took what they can."""
    return float(falls(null.planes, signal[None, :]).fall[model][0])
