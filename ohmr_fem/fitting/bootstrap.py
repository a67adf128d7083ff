"""Intervals from fits to resampled data: a check of those of the profile likelihood."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import InputError, suggest
from .profile import settle
from .search import NUDGE, _weights
from .series_model import SeriesModel

KINDS = ("blocks", "samples")
#: Blocks of residuals are this root of the points of a curve long.
ROOT = 1.0 / 3.0
#: What a sample that was not drawn has its noise multiplied by.
ABSENT = 1e6


def bootstrap(
    fit: Any,
    kind: str,
    count: int,
) -> dict[str, tuple[float, float]]:
    """See :meth:`GlobalFit.bootstrap`."""
    if kind not in KINDS:
        raise InputError(f"{kind!r} is not known; {suggest(kind, KINDS)}", key="kind")
    if fit.prepared is None:
        raise InputError("a fit read from a file cannot be repeated; fit the samples again")
    if count < 10:
        raise InputError(f"expected 10 or more, got {count}", value=count, key="count")
    model, u = fit.prepared.model, fit.u
    if kind == "samples" and len(model.samples) < 3:
        raise InputError("needs three samples or more to draw from", key="kind")
    rng = np.random.default_rng(fit.seed)
    draw = _blocks if kind == "blocks" else _drawn
    found = []
    for _ in range(count):
        x = _settled(draw(model, u, rng), u)
        found.append([p.value(v) for p, v in zip(model.parameters, x.tolist(), strict=True)])
    tail = 50.0 * (1.0 - fit.confidence)
    low, high = np.percentile(np.array(found), [tail, 100.0 - tail], axis=0)
    names = [p.name for p in model.parameters]
    return dict(zip(names, zip(low.tolist(), high.tolist(), strict=True), strict=True))


def _settled(
    model: SeriesModel,
    u: np.ndarray,
) -> np.ndarray:
    free = np.arange(len(u))
    return settle(model.residual, model.jacobian, u, free, _weights(model, NUDGE), 1e-6, 30)


def _blocks(
    model: SeriesModel,
    u: np.ndarray,
    rng: np.random.Generator,
) -> SeriesModel:
    """Blocks of residuals put back on the fitted curves, in standard deviations."""
    values = []
    parts = zip(model.values, model.signals(u), model.backgrounds(u), model.sigma, strict=True)
    for value, signal, background, sigma in parts:
        fitted = signal + background
        rest = (value - fitted) / sigma
        values.append(fitted + sigma * _resampled(rest, rng))
    return replace(model, values=tuple(values))


def _resampled(
    rest: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    n = len(rest)
    length = max(2, round(n**ROOT))
    starts = rng.integers(0, n, -(-n // length))
    places = (starts[:, None] + np.arange(length)).ravel()[:n] % n
    return np.asarray(rest[places])


def _drawn(
    model: SeriesModel,
    u: np.ndarray,
    rng: np.random.Generator,
) -> SeriesModel:
    """Samples drawn with replacement: one drawn k times has its noise over sqrt(k)."""
    number = len(model.samples)
    times = np.bincount(rng.integers(0, number, number), minlength=number)
    of_curve = np.repeat(times, model.counts)
    scales = np.where(of_curve > 0, 1.0 / np.sqrt(np.maximum(of_curve, 1)), ABSENT)
    return replace(model, sigma=tuple(s * f for s, f in zip(model.sigma, scales, strict=True)))
