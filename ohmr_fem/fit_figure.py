"""Measured curves, and fits over them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .data import Measured
from .fitting import Fit
from .plot import _PREFIXES, COLOURS, _new_axes, _power, _style

_AXIS = {"R": "$R$", "hanle": "$R(B) - R(0)$", "ratio": "$\\Delta R/R$"}


def plot_data(curves: Measured | Sequence[Measured], ax: Any = None, *, centred: bool = True) -> Any:
    """Measured curves as points against the signed field.

    Parameters
    ----------
    curves : Measured or sequence of them, of one quantity
    ax : matplotlib Axes, optional
    centred : bool
        Subtract from each curve its value at the field closest to zero, so that curves with different offsets compare.

    Returns
    -------
    matplotlib Axes
    """
    several = [curves] if isinstance(curves, Measured) else list(curves)
    shifts = [_base(c, c.values) if centred else 0.0 for c in several]
    return _draw(several, shifts, ax, centred)


def plot_fit(fit: Fit, ax: Any = None) -> Any:
    """Data with the fitted device (lines) and the infinite strip (dashes), backgrounds taken off; returns the axes."""
    several = [c.data for c in fit.curves]
    shifts = [c.background + _base(c.data, c.model - c.background) for c in fit.curves]
    with _style(ax):
        ax = _draw(several, shifts, ax or _new_axes(), True)
        power = _scale(several, shifts)
        for k, (c, shift) in enumerate(zip(fit.curves, shifts, strict=True)):
            order = np.argsort(c.data.signed, kind="stable")
            x = c.data.signed[order]
            ax.plot(x, ((c.model - shift) / power)[order], color="black", linewidth=1.0, label="device" if k == 0 else "_")
            if c.strip is not None:
                ax.plot(x, ((c.strip - shift) / power)[order], color=COLOURS[4], linewidth=1.0, linestyle="--",
                        label="infinite strip" if k == 0 else "_")
        ax.legend()
    return ax


def _draw(several: Sequence[Measured], shifts: Sequence[Any], ax: Any, centred: bool) -> Any:
    quantity = several[0].quantity
    power = _scale(several, shifts)
    with _style(ax):
        ax = ax or _new_axes()
        for k, (c, shift) in enumerate(zip(several, shifts, strict=True)):
            x, y, z = (f"{v:.2g}" for v in c.direction)
            sigma = None if c.sigma is None else c.sigma / power
            ax.errorbar(c.signed, (c.values - shift) / power, yerr=sigma, fmt="o", markersize=2, elinewidth=0.5, alpha=0.7,
                        color=COLOURS[k % len(COLOURS)], label=f"{c.name + ', ' if c.name else ''}B along ({x}, {y}, {z})")
        shown = _AXIS["hanle" if centred and quantity == "R" else quantity]
        exponent = round(np.log10(power))
        unit = f"{_PREFIXES[exponent]}Ω" if quantity != "ratio" else (f"$10^{{{exponent}}}$" if exponent else "")
        ax.set_ylabel(shown + (f" ({unit})" if unit else ""))
        ax.set_xlabel("$B$ (T)")
        ax.legend()
    return ax


def _scale(several: Sequence[Measured], shifts: Sequence[Any]) -> float:
    return float(10.0 ** _power(np.concatenate([c.values - s for c, s in zip(several, shifts, strict=True)])))


def _base(curve: Measured, values: np.ndarray) -> float:
    """Value at the field closest to zero."""
    return float(values[int(np.argmin(np.abs(curve.signed)))])
