"""Measured curves, and fits over them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors.doors import door
from ..fitting.data import Measured
from ..fitting.result import Fit, FittedCurve
from .style import COLOURS, COLUMN, STYLE, _in_brackets, _new_axes, _power, _style, field_label

_AXIS = {"R": "$R$", "hanle": "$R(B) - R(0)$", "ratio": "$\\Delta R/R$"}
STRIP_COLOUR = COLOURS[4]


@door
def plot_data(
    curves: Measured | Sequence[Measured],
    ax: Any = None,
    *,
    centred: bool = True,
) -> Any:
    """Measured curves as points against the signed field.

    Parameters
    ----------
    curves : Measured or sequence of them, of one quantity
    ax : matplotlib Axes, optional
        May hold calculated curves already, to lay the data over them: :func:`plot_hanle` first, in
        the same unit.
    centred : bool
        Subtract from each curve its value at the field closest to zero, so that curves with
        different offsets compare.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InputError
        What is no measured curve.
    """
    several = [curves] if isinstance(curves, Measured) else list(curves)
    shifts = [_base(c, c.values) if centred else 0.0 for c in several]
    return _draw(several, shifts, ax, centred)[0]


@door
def plot_fit(
    fit: Fit,
    ax: Any = None,
) -> Any:
    """Data with the fitted device (lines) and the infinite strip (dashes), backgrounds taken off.

    One panel for every pair of contacts with the residuals in units of the noise below it.

    Parameters
    ----------
    fit : Fit
    ax : matplotlib Axes, optional
        Everything goes there, without residuals.

    Returns
    -------
    matplotlib Axes, the first if there are several

    Raises
    ------
    InputError
        What is no fit.
    """
    if ax is not None:
        return _overlay(list(fit.curves), ax)
    pairs: dict[Any, list[FittedCurve]] = {}
    for c in fit.curves:
        pairs.setdefault((c.data.current, c.data.voltage), []).append(c)
    with _style(None):
        top, below = _panels(len(pairs))
        for axes, rest, curves in zip(top, below, pairs.values(), strict=True):
            _overlay(curves, axes)
            axes.set_xlabel("")
            axes.get_legend().set_title(curves[0].data.name)
            _residuals(curves, rest)
        below[0].set_ylabel("residual\n(std. dev.)")
    return top[0]


def _panels(count: int) -> tuple[list[Any], list[Any]]:
    """Axes of the curves and, below, of the residuals."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(COLUMN * count, 3.3), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(2, count, sharex="col", height_ratios=(3, 1), squeeze=False)
    return list(grid[0]), list(grid[1])


def _overlay(
    curves: Sequence[FittedCurve],
    ax: Any,
) -> Any:
    several = [c.data for c in curves]
    shifts = [c.background + _base(c.data, c.model - c.background) for c in curves]
    named = len({c.name for c in several}) > 1
    ax, power = _draw(several, shifts, ax, True, named)
    for k, (c, shift) in enumerate(zip(curves, shifts, strict=True)):
        _line(ax, c, (c.model - shift) / power, "_" if k else "fitted device", color="black")
        if c.strip is not None:
            y = (c.strip - shift) / power
            label = "_" if k else "infinite strip"
            _line(ax, c, y, label, color=STRIP_COLOUR, linestyle="--")
    _legend(ax)
    return ax


def _line(
    ax: Any,
    curve: FittedCurve,
    y: np.ndarray,
    label: str,
    **style: Any,
) -> None:
    """Values against the signed field, in its order: a loop is drawn as one line."""
    order = np.argsort(curve.data.signed, kind="stable")
    ax.plot(curve.data.signed[order], y[order], linewidth=1.0, label=label, **style)


def _residuals(
    curves: Sequence[FittedCurve],
    ax: Any,
) -> None:
    ax.axhline(0.0, color="black", linewidth=0.6)
    for k, c in enumerate(curves):
        deviations = (c.data.values - c.model) / c.noise
        ax.plot(
            c.data.signed,
            deviations,
            "o",
            markersize=1.5,
            alpha=0.7,
            color=_colour(k),
        )
    ax.set_xlabel(field_label(c.data.fields for c in curves))


def _draw(
    several: Sequence[Measured],
    shifts: Sequence[Any],
    ax: Any,
    centred: bool,
    named: bool = True,
) -> tuple[Any, float]:
    """Points and labels; the axes and the unit of their values in SI."""
    quantity = several[0].quantity
    shifted = [c.values - s for c, s in zip(several, shifts, strict=True)]
    power = _power(np.concatenate(shifted))
    unit = 10.0**power
    with _style(ax):
        ax = ax or _new_axes()
        for k, (c, values) in enumerate(zip(several, shifted, strict=True)):
            ax.errorbar(
                c.signed,
                values / unit,
                yerr=None if c.sigma is None else c.sigma / unit,
                fmt="o",
                markersize=2,
                elinewidth=0.5,
                alpha=0.7,
                color=_colour(k),
                label=_label(c, named),
            )
        # a shifted R is a change of R
        shown = _AXIS["hanle" if centred and quantity == "R" else quantity]
        ax.set_ylabel(shown + _in_brackets("1" if quantity == "ratio" else "ohm", power))
        ax.set_xlabel(field_label(c.fields for c in several))
        _legend(ax)
    return ax, unit


def _legend(ax: Any) -> None:
    """Above the frame, where no curve runs."""
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=2,
        borderaxespad=0.2,
        columnspacing=1.0,
        alignment="left",
        frameon=False,
        fontsize=STYLE["legend.fontsize"],
    )


def _label(
    curve: Measured,
    named: bool,
) -> str:
    """Direction of the field, and the name of the curve."""
    direction = curve.direction
    axis = np.flatnonzero(np.abs(direction) > 1e-3)
    if axis.size == 1:
        along = "xyz"[axis[0]]
    else:
        along = "(" + ", ".join(f"{v:.2g}" for v in direction) + ")"
    before = f"{curve.name}, " if named and curve.name else ""
    return f"{before}B along {along}"


def _colour(number: int) -> str:
    others = [c for c in COLOURS if c not in (STRIP_COLOUR, "#000000")]
    return others[number % len(others)]


def _base(
    curve: Measured,
    values: np.ndarray,
) -> float:
    """Value at the field closest to zero."""
    return float(values[int(np.argmin(np.abs(curve.signed)))])
