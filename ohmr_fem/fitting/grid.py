"""Where a search begins: the best of a grid, for every diffusion length that is scanned."""

from __future__ import annotations

import itertools

import numpy as np

from .layers import base_of, proportional
from .model import Model
from .profile import settle

#: A place u (q,) among the coordinates of the fit.
Point = np.ndarray
#: Lengths of localisation that are tried, in parts of their starts.
SHAPE_STEPS = (0.1, 0.3, 1.0, 3.0, 10.0)
#: Weight of the distance from the start of what R alone does not part.
PULL = 1e-3
#: Diffusion lengths of a layer that are tried, in u.
LAYER_STEPS = np.log(10.0) * np.linspace(-0.7, 0.7, 5)


def starting_points(
    model: Model,
    length: int | None,
    scanned: Point,
) -> list[Point]:
    """For every scanned length the best point of a grid in tau and theta, where R is that of the
    data; alpha alpha' is solved for, being linear.
    """
    origin = scaled_start(model)
    steps = {
        "theta": np.log([0.1, 1.0, 10.0]),
        "diffusion_length": scanned,
        "relaxation_time": np.log(10.0) * np.linspace(-1.5, 1.5, 7),
    }
    alone = np.zeros(1)
    names = [p.name for p in model.parameters]
    layered = [i for i, n in enumerate(names) if base_of(n) == "diffusion_length"]
    if length is None and layered:  # of a layer, which has no range
        length, steps["diffusion_length"] = layered[0], LAYER_STEPS
    axes = [steps.get(base_of(n), alone) for n in names]
    grid = np.meshgrid(*axes, indexing="ij")
    points = np.stack(grid, axis=-1)
    best: dict[float, tuple[float, Point]] = {}
    for point in points.reshape(-1, len(axes)):
        at = 0.0 if length is None else float(point[length])
        value, u = _with_best_product(model, origin + point)
        if at not in best or value < best[at][0]:
            best[at] = (value, u)
    return [_best_shapes(model, u) for _, u in best.values()]


def scaled_start(model: Model) -> Point:
    """The start, with thickness, resistivity and sheet conductivity where the ohmic resistance is
    that of absolute data: else a search would bend the small effect to mend the large R.
    """
    start = np.zeros(len(model.parameters))
    free = [i for i, p in enumerate(model.parameters) if p.scales]
    if not free or not any(c.absolute and c.quantity == "R" for c in model.curves):
        return start
    pull = np.full(len(start), PULL)
    return settle(model.residual, model.jacobian, start, np.array(free), pull, 1e-8, 50)


def _best_shapes(
    model: Model,
    u: Point,
) -> Point:
    """The best of a grid in both lengths of localisation: strong and weak spin-orbit scattering
    have a valley each.
    """
    names = [p.name for p in model.parameters]
    if "hln.l_so" not in names:
        return u
    both = [names.index(name) for name in ("hln.l_phi", "hln.l_so") if name in names]
    tried = [u]
    for steps in itertools.product(SHAPE_STEPS, repeat=len(both)):
        moved = u.copy()
        moved[both] += np.log(steps)
        tried.append(moved)
    return min((_with_best_product(model, x) for x in tried), key=lambda pair: pair[0])[1]


def _with_best_product(
    model: Model,
    u: Point,
) -> tuple[float, Point]:
    """chi^2 and u with the best alpha alpha': the model is linear in it, so one step is exact."""
    residual = model.residual(u)
    for i, parameter in enumerate(model.parameters):
        film = getattr(model.curves[0].measure, "film", None)
        if not proportional(parameter.name, film):
            continue
        slope = model.jacobian(u, [i])[:, 0]
        size = float(slope @ slope)
        if size > 0.0:  # 0: a device without any effect, where no step helps
            shift = -float(residual @ slope) / size
            u[i] += shift
            residual = residual + shift * slope
    return float(residual @ residual), u
