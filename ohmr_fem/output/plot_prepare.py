"""A raw curve and what was prepared from it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InputError
from ..errors.doors import door
from ..fitting.data import Measured
from ..fitting.sweeps import ways
from .plot_fit import _AXIS
from .style import COLOURS, COLUMN, _in_brackets, _power, _style, field_label

RISING, FALLING, MARKED = COLOURS[0], COLOURS[1], COLOURS[6]


@door
def plot_preparation(prepared: Measured) -> Any:
    """The raw rows of a curve, rising and falling, with those left out; below, what came of them.

    Parameters
    ----------
    prepared : what :func:`prepare` gives

    Returns
    -------
    matplotlib Axes of the raw rows; ``axes.figure.axes`` holds both

    Raises
    ------
    InputError
        The curve was not prepared.
    """
    if prepared.raw is None or prepared.preparation is None:
        raise InputError(
            f"{prepared.label}: was not prepared; give what of.prepare returns", key="prepared"
        )
    with _style(None):
        above, below = _panels()
        _rows(above, prepared)
        _points(below, prepared)
    return above


def _panels() -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(COLUMN, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    return figure.subplots(2, 1)


def _rows(
    ax: Any,
    prepared: Measured,
) -> None:
    raw = prepared.raw
    field = raw.signed
    power = _power(np.ptp(raw.values) * np.ones(1))
    values = (raw.values - np.median(raw.values)) / 10.0**power
    # rows of exchanged pairs stand behind those of the curve
    out = prepared.preparation.outliers[: len(field)]
    rising = ways(field) > 0.0
    for way, colour, label in ((rising, RISING, "rising"), (~rising, FALLING, "falling")):
        some = way & ~out
        ax.plot(field[some], values[some], ".", markersize=1.5, color=colour, label=label)
    if np.any(out):
        label = f"left out ({np.sum(out)})"
        ax.plot(field[out], values[out], "x", markersize=3, color=MARKED, label=label)
        good = values[~out]
        margin = 0.15 * np.ptp(good)
        ax.set_ylim(good.min() - margin, good.max() + margin)
    ax.set_ylabel("raw, from its median" + _unit(raw, power))
    ax.set_xlabel(field_label([raw.fields]))
    ax.legend(frameon=False, markerscale=2.0)


def _points(
    ax: Any,
    prepared: Measured,
) -> None:
    order = np.argsort(prepared.signed, kind="stable")
    values = prepared.values[order]
    # an odd curve starts from 0 by itself
    odd = prepared.preparation.numbers.symmetry == "odd"
    change = prepared.quantity == "R" and not odd
    zero = values[int(np.argmin(np.abs(prepared.signed[order])))]
    shifted = values - zero if change else values
    power = _power(shifted)
    ax.errorbar(
        prepared.signed[order],
        shifted / 10.0**power,
        yerr=prepared.sigma[order] / 10.0**power,
        fmt="o",
        markersize=2,
        elinewidth=0.5,
        color=RISING,
    )
    quantity = "hanle" if change else prepared.quantity
    ax.set_ylabel(f"prepared {_AXIS[quantity]}{_unit(prepared, power)}")
    ax.set_xlabel(field_label([prepared.fields]))


def _unit(
    curve: Measured,
    power: int,
) -> str:
    return _in_brackets("1" if curve.quantity == "ratio" else "ohm", power)
