"""Which backgrounds the data cannot tell from the Hanle effect."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from .background import SHAPES, Term, starts
from .columns import Block
from .model import Model, projector

#: Even backgrounds that are tried where a fit has none of them.
TRIED = ("quadratic", "kohler", "two_band", "hln")
#: Values of a shape that are tried, from one end of its range to the other.
STEPS = 13


def alike(
    model: Model,
    u: np.ndarray,
) -> tuple[dict[str, float], dict[str, float]]:
    """Of each background, the part of the Hanle signal that is left when the background may take
    what looks like it, at the best of its shapes; 1 where it takes nothing.

    Returns
    -------
    those of the fit, and those that it does without
    """
    signals = [np.nan_to_num(s) for s in model.signals(u)]
    terms = [term for curve in model.curves for term in curve.terms]
    fitted = list(dict.fromkeys(t.name for t in terms if t.name != "offset"))
    others = [name for name in TRIED if name not in fitted]

    def left(names: list[str]) -> dict[str, float]:
        return {name: _least(model, u, signals, name, fitted) for name in names}

    return left(fitted), left(others)


def _least(
    model: Model,
    u: np.ndarray,
    signals: Sequence[np.ndarray],
    name: str,
    fitted: list[str],
) -> float:
    """The part that the background leaves, over its shapes."""
    here = model.shapes(u)
    before = _left(model, u, signals, name, here, without=True)
    if before <= 0.0:
        return 0.0
    tried = _shapes(model, name, here, fitted)
    after = min(_left(model, u, signals, name, shapes) for shapes in tried)
    return float(np.sqrt(after / before))


def _shapes(
    model: Model,
    name: str,
    here: Mapping[str, float],
    fitted: list[str],
) -> Iterator[Mapping[str, float]]:
    """The shapes that a background may take: those of the fit, and a grid over their range."""
    banded = any(t.name == name and t.banded for c in model.curves for t in c.terms)
    # of two bands by their mobilities only the slopes count: their size is not free
    own = {key for key in here if key.startswith(f"{name}.") and not banded}
    if name not in fitted:
        own = {f"{name}.{key}" for key in Term(name).free}
    if own <= set(here):
        yield here
    strongest = max(float(np.linalg.norm(c.fields, axis=1).max()) for c in model.curves)
    axes = []
    for key in sorted(own):
        shape = SHAPES[name][key.partition(".")[2]]
        start = shape.start(strongest)
        axes.append(start * np.geomspace(*shape.reach, STEPS))
    for values in itertools.product(*axes) if axes else ():
        yield {**here, **dict(zip(sorted(own), map(float, values), strict=True))}


def _left(
    model: Model,
    u: np.ndarray,
    signals: Sequence[np.ndarray],
    name: str,
    shapes: Mapping[str, float],
    without: bool = False,
) -> float:
    """Squared size of the signal in standard deviations, without what the backgrounds can make; the
    background ``name`` among them, or not.
    """
    bases = [c.columns(_complete(c.terms, shapes, c.fields)) for c in model.curves]
    total = 0.0
    for block in model.blocks:
        basis = block.join(bases)
        owners = _owners(model, block)
        if without:
            basis = basis[:, [owner != name for owner in owners]]
        else:
            slopes = _slopes(model, u, block, name)
            parts = [basis, slopes]
            if name not in owners and not slopes.shape[1]:
                parts.append(_added(model, block, name, shapes))
            basis = np.hstack(parts)
        sigma = block.rows(model.sigma)
        y = block.rows(signals) / sigma
        Q = projector(basis, sigma)
        total += float(np.sum((y - Q @ (Q.T @ y)) ** 2))
    return total


def _complete(
    terms: Sequence[Term],
    shapes: Mapping[str, float],
    fields: np.ndarray,
) -> dict[str, float]:
    """Shapes with the start of those that are no parameters."""
    strongest = float(np.linalg.norm(fields, axis=1).max())
    return starts(terms, strongest) | dict(shapes)


def _owners(
    model: Model,
    block: Block,
) -> list[str]:
    """The background that each column of a block belongs to."""
    out = [""] * block.width
    for k, place in zip(block.curves, block.places, strict=True):
        names = [t.name for t in model.curves[k].terms for _ in t.amplitudes]
        for column, name in zip(place, names, strict=True):
            out[column] = name
    return out


def _added(
    model: Model,
    block: Block,
    name: str,
    shapes: Mapping[str, float],
) -> np.ndarray:
    """Columns of a background that is not fitted, one for each curve."""
    parts = []
    for place, k in enumerate(block.curves):
        curve = model.curves[k]
        sheet = curve.measure.material.sheet_conductivity
        part = np.zeros((len(curve.fields), len(block.curves)))
        part[:, place] = Term(name).column(curve.fields, shapes, sheet)
        parts.append(part)
    return np.vstack(parts)


def _slopes(
    model: Model,
    u: np.ndarray,
    block: Block,
    name: str,
) -> np.ndarray:
    """Slopes of two bands, which have no amplitude, in their mobilities and densities."""
    terms = [t for k in block.curves for t in model.curves[k].terms]
    count = sum(len(model.curves[k].fields) for k in block.curves)
    if not any(t.name == name and t.banded for t in terms):
        return np.empty((count, 0))
    columns = [
        block.rows(model.shape_slopes(u, i))
        for i, p in enumerate(model.parameters)
        if p.name.startswith(f"{name}.")
    ]
    return np.column_stack(columns) if columns else np.empty((count, 0))
