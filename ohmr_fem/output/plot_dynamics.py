"""Figures of a device in time, and with an alternating current."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dynamics.ac import ACResponse
from ..dynamics.transient import Transient
from .style import _PREFIXES, COLOURS, _in_brackets, _new_axes, _power, _style


def plot_transient(
    found: Transient,
    ax: Any = None,
) -> Any:
    """What the inverse effect adds to the voltage (current, on a cross-section), against time.

    Returns
    -------
    matplotlib Axes
    """
    power, size = _power(found.times), _power(found.orbital)
    unit = "A" if found.current is None else "V"
    what = "orbital current" if found.current is None else "orbital voltage"
    with _style(ax):
        ax = ax or _new_axes()
        ax.axhline(0.0, color="0.7", linewidth=0.6, zorder=0)
        ax.plot(found.times / 10.0**power, found.orbital / 10.0**size, color=COLOURS[0])
        ax.set_xlabel(f"time ({_PREFIXES[power]}s)")
        ax.set_ylabel(f"{what} ({_PREFIXES[size]}{unit})")
        ax.margins(x=0)
    return ax


def plot_ac(
    found: ACResponse,
    ax: Any = None,
) -> Any:
    """Real and imaginary part of delta_R (rho on a cross-section) at one field, against frequency.

    Returns
    -------
    matplotlib Axes
    """
    values = np.reshape(found.effect, (len(found.frequencies), -1))[:, 0]
    frequency = _power(found.frequencies)
    parts = np.concatenate([values.real, values.imag])
    section = found.current is None
    size = _power(parts)
    with _style(ax):
        ax = ax or _new_axes()
        for i, (name, part) in enumerate((("real", values.real), ("imaginary", values.imag))):
            ax.plot(
                found.frequencies / 10.0**frequency,
                part / 10.0**size,
                color=COLOURS[i],
                linestyle=("-", "--")[i],
                label=name,
            )
        if _by_decades(found.frequencies):
            ax.set_xscale("log")
        ax.set_xlabel(f"frequency ({_PREFIXES[frequency]}Hz)")
        symbol = "$\\rho$" if section else "$\\Delta R$"
        ax.set_ylabel(symbol + _in_brackets("1" if section else "ohm", size))
        ax.margins(x=0)
        ax.legend()
    return ax


def _by_decades(frequencies: np.ndarray) -> bool:
    """Whether they keep their ratio from one to the next, over more than a factor of ten."""
    if len(frequencies) < 3 or frequencies[0] <= 0.0:
        return False
    steps = np.diff(np.log(frequencies))
    return bool(np.ptp(steps) < 1e-6 * abs(steps[0]) and frequencies[-1] > 10 * frequencies[0])
