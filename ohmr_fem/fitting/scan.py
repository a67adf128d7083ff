"""Where to start: the signals of a series on a grid of its nonlinear parameters.

The amplitudes alpha alpha' are linear and solved for at every point, so a grid of L_m, tau and the
like needs no more than the columns that multiply them.  They do not depend on the data: one atlas
serves every fit, and every simulation, of the same samples.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .background import shape_of
from .grid import LAYER_STEPS, scaled_start
from .layers import base_of, proportional, split
from .names import LINEAR, SQUARED
from .profile import settle
from .search import NUDGE, Point
from .series_model import SeriesModel, SeriesParameter
from .told import Told, nobody

#: Offsets in u that are tried, by local name; the length covers its range.
STEPS = {
    "relaxation_time": np.log(10.0) * np.linspace(-1.5, 1.5, 10),
    "theta": np.log([0.1, 1.0, 10.0]),
    "face_absorption": np.log([0.1, 1.0, 10.0]),
    "spin.diffusion_length": np.log([0.3, 1.0, 3.0]),
    "spin.relaxation_time": np.log([0.1, 1.0, 10.0]),
}
#: Lengths tried, and how near to the ends of their range.
LENGTHS, INSIDE = 12, 0.9
#: Steps of the shape of a background, in parts of its logarithmic reach.
SHAPE_STEPS = 13
#: Starts that are followed to their minimum.
MOST_STARTS = 5
#: A direction smaller than this part of the largest is none.
RANK = 1e-7


@dataclass(frozen=True, eq=False)
class Atlas:
    """Columns of the linear amplitudes on a grid.

    Attributes
    ----------
    points : (K, q) coordinates of the fit
    shape : of the grid; its product is K
    columns : (K, m, N) signal of one unit of u of each linear amplitude
    constant : (K, N) what is there besides, at u = 0 of the amplitudes
    linear : numbers of the linear parameters
    """

    points: np.ndarray
    shape: tuple[int, ...]
    columns: np.ndarray
    constant: np.ndarray
    linear: tuple[int, ...]


def atlas_of(
    model: SeriesModel,
    told: Told = nobody,
) -> Atlas:
    """The atlas of a model on the data's own fields; a parameter that each sample has moves in all
    of them at once.
    """
    groups = _groups(model)
    axes = [_steps(model, group) for group in groups]
    grid = np.meshgrid(*axes, indexing="ij")
    offsets = np.stack(grid, axis=-1).reshape(-1, len(axes))
    points = np.tile(scaled_start(model), (len(offsets), 1))
    for k, group in enumerate(groups):
        points[:, group] += offsets[:, [k]]
    shape = tuple(len(a) for a in axes if len(a) > 1)
    film = model.samples[0].sample.problem.film
    linear = tuple(i for i, p in enumerate(model.parameters) if _is_linear(p, film))
    columns, constant = [], []
    for done, u in enumerate(points, start=1):
        now = model.signals(u)
        own = [np.concatenate(model._slopes(u, i, now, False)) for i in linear]
        count = sum(len(s) for s in now)
        columns.append(np.nan_to_num(own).reshape(len(linear), count))
        constant.append(np.nan_to_num(np.concatenate(now)))
        told("grid", done, len(points))
    return Atlas(points, shape, np.array(columns), np.array(constant), linear)


def _groups(model: SeriesModel) -> list[list[int]]:
    """Numbers of the parameters that are the same thing, in all samples or in each."""
    found: dict[str, list[int]] = {}
    for i, p in enumerate(model.parameters):
        value = isinstance(p, SeriesParameter) and p.local and not p.coefficient
        found.setdefault(p.local if value else p.name, []).append(i)  # type: ignore[attr-defined]
    return list(found.values())


def adapted(
    atlas: Atlas,
    own: SeriesModel,
    other: SeriesModel,
) -> Atlas:
    """The atlas for a model of the same device with other backgrounds."""
    before = [p.name for p in own.parameters]
    after = [p.name for p in other.parameters]
    points = np.zeros((len(atlas.points), len(after)))
    for i, name in enumerate(after):
        if name in before:
            points[:, i] = atlas.points[:, before.index(name)]
    linear = tuple(after.index(before[i]) for i in atlas.linear)
    return replace(atlas, points=points, linear=linear)


def _is_linear(
    p: object,
    film: object,
) -> bool:
    if not isinstance(p, SeriesParameter) or p.coefficient:
        return False
    return p.local in (*LINEAR, *SQUARED) or proportional(p.local, film)


def _steps(
    model: SeriesModel,
    group: Sequence[int],
) -> np.ndarray:
    """Offsets in u at which parameters are tried."""
    p = model.parameters[group[0]]
    if not isinstance(p, SeriesParameter) or p.coefficient:
        return np.zeros(1)
    if p.local == "diffusion_length" and model.lengths is not None:
        ends = INSIDE * np.log(np.array(model.lengths) / p.start)
        return np.linspace(ends[0], ends[1], LENGTHS)
    if split(p.local) and base_of(p.local) == "diffusion_length":
        return LAYER_STEPS
    return STEPS.get(base_of(p.local), np.zeros(1))


@dataclass(frozen=True, eq=False)
class Cleared:
    """What projects out the backgrounds: their amplitudes exactly, their shapes to first order.

    Attributes
    ----------
    model : SeriesModel with the shapes at ``u``
    u : (q,)
    tangents : (N, k) orthonormal, in standard deviations
    blocks : (places (n,) among the N, orthonormal columns (n, k)) of the amplitudes
    """

    model: SeriesModel
    u: Point
    tangents: np.ndarray
    blocks: tuple[tuple[np.ndarray, np.ndarray], ...]

    @classmethod
    def at(
        cls,
        model: SeriesModel,
        u: Point,
    ) -> Cleared:
        now = model.signals(u)
        shapes = [i for i, p in enumerate(model.parameters) if p.of_background]
        rows = [model.whitened(model._slopes(u, i, now, True), u) for i in shapes]
        count = sum(len(v) for v in model.values)
        tangents = orthonormal(np.array(rows).reshape(len(rows), count)).T
        return cls(model, u, tangents, _blocks(model, u))

    def rows(self, joined: np.ndarray) -> np.ndarray:
        """Signals (..., N) in standard deviations without what backgrounds can take."""
        out = joined / np.concatenate(self.model.sigma)
        for places, Q in self.blocks:
            part = out[..., places]
            out[..., places] = part - (part @ Q) @ Q.T
        return out - (out @ self.tangents) @ self.tangents.T


def _blocks(
    model: SeriesModel,
    u: Point,
) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Where the curves of each block stand, and what its backgrounds span."""
    ends = np.cumsum([0, *(len(v) for v in model.values)])
    places = [np.arange(a, b) for a, b in itertools.pairwise(ends.tolist())]
    pairs = zip(model.blocks, model.projectors(u), strict=True)
    return tuple((block.rows(places), Q) for block, Q in pairs)


def orthonormal(rows: np.ndarray) -> np.ndarray:
    """Orthonormal rows that span the given ones, (m, N); rows of zeros span nothing."""
    if rows.shape[0] == 0 or rows.shape[1] == 0:
        return np.zeros((0, rows.shape[1]))
    _, sizes, found = np.linalg.svd(rows, full_matrices=False)
    return np.asarray(found[sizes > RANK * max(sizes.max(), 1e-300)])


def background_alone(model: SeriesModel) -> tuple[SeriesModel, Point]:
    """The model without a device, and its best shapes."""
    shapes = tuple(p for p in model.parameters if p.of_background)
    bare = replace(model, parameters=shapes, silent=True, priors=())
    return bare, best_shapes(bare, np.zeros(len(shapes)))


def best_shapes(
    model: SeriesModel,
    u: Point,
) -> Point:
    """The best shapes, those of the device staying as they are."""
    free = [i for i, p in enumerate(model.parameters) if p.of_background]
    for i in free:
        tried = []
        for step in _shape_steps(model.parameters[i].name):
            x = u.copy()
            x[i] = step
            tried.append(x)
        u = min(tried, key=lambda x: float(np.sum(model.residual(x) ** 2)))
    if not free:
        return u
    weights = np.full(len(u), NUDGE)
    return settle(model.residual, model.jacobian, u, np.array(free), weights, 1e-8)


def _shape_steps(name: str) -> np.ndarray:
    shape = shape_of(name)
    assert shape is not None
    low, high = np.log(shape.reach)
    return np.linspace(INSIDE * low, INSIDE * high, SHAPE_STEPS)


def starts_of(
    model: SeriesModel,
    atlas: Atlas,
) -> list[Point]:
    """The lowest valleys of the grid, their amplitudes solved for."""
    bare, shapes = background_alone(model)
    numbers = [i for i, p in enumerate(model.parameters) if p.of_background]
    cleared = Cleared.at(bare, shapes)
    y = cleared.rows(np.concatenate(model.values))
    heights, points = [], []
    for u, C, constant in zip(atlas.points, atlas.columns, atlas.constant, strict=True):
        height, found = _solved(cleared, y, u, C, constant, atlas.linear)
        found[numbers] = shapes
        _square(model, found)
        heights.append(height)
        points.append(found)
    lowest = _valleys(np.array(heights).reshape(atlas.shape or (1,)))
    return [points[k] for k in lowest[:MOST_STARTS]]


def _solved(
    cleared: Cleared,
    y: np.ndarray,
    u: Point,
    C: np.ndarray,
    constant: np.ndarray,
    linear: Sequence[int],
) -> tuple[float, Point]:
    """chi^2 and u with the best amplitudes."""
    out = u.copy()
    rest = y - cleared.rows(constant)
    if linear:
        A = cleared.rows(C)
        step = np.linalg.lstsq(A.T, rest, rcond=None)[0]
        out[list(linear)] += step
        rest = rest - step @ A
    return float(rest @ rest), out


def _square(
    model: SeriesModel,
    u: Point,
) -> None:
    """From the first order 1 + 2 u of a squared amplitude to its logarithm."""
    for i, p in enumerate(model.parameters):
        if isinstance(p, SeriesParameter) and p.local in SQUARED:
            u[i] = 0.5 * np.log(max(1.0 + 2.0 * float(u[i]), 1e-3))


def _valleys(heights: np.ndarray) -> list[int]:
    """Places lower than their neighbours along every axis, the lowest first."""
    fenced = np.pad(heights, 1, constant_values=np.inf)
    lowest = np.full(heights.shape, True)
    inner = tuple(slice(1, -1) for _ in heights.shape)
    for axis, side in itertools.product(range(heights.ndim), (-1, 1)):
        lowest &= heights <= np.roll(fenced, side, axis=axis)[inner]
    places = np.flatnonzero(lowest)
    order = np.argsort(heights.ravel()[places])
    return [int(k) for k in places[order]]
