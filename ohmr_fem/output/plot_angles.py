"""Figures of angle scans: R against the angle, with the forms of a film beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import InputError
from ..errors.doors import door
from ..model.fields import field_turn
from ..sweep.angles import AngleScan
from .style import (
    BY_SYMMETRY,
    COLOURS,
    _in_brackets,
    _new_axes,
    _power,
    _say_zero,
    _style,
    angle_label,
)

#: What a film shows (docs/theory, section 9): squares in R_xx, the others in R_xy.
FORMS = {"$b_y^2$": "b_y^2", "$b_x b_y$": "b_x b_y", "$b_z$": "b_z"}
#: Forms whose share of the swing is less than this are not drawn.
LEAST = 1e-3
#: Part of the values that is no swing but round-off.
STILL = 1e-13
#: Points of the lines.
FINE = 361


@door
def plot_admr(
    scan: AngleScan,
    measurement: int = 1,
    ax: Any = None,
) -> Any:
    """One resistance of a scan against the angle, and the forms b_y^2, b_x b_y and b_z in it.

    Points are delta_R less its mean, dashed lines each form with the amplitude that least squares
    gives it; forms that are not in the data are left out.

    Parameters
    ----------
    scan : AngleScan
    measurement : int
        From 1, as in the columns ``R_1``, ``R_2``.
    ax : matplotlib Axes, optional
        To draw into; default a new figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InputError
        A measurement that the scan does not have.
    """
    count = scan.delta_R.shape[1]
    if isinstance(measurement, bool) or measurement not in range(1, count + 1):
        raise InputError(
            f"the scan has the measurements 1 to {count}, got {measurement!r}",
            value=measurement,
            key="measurement",
        )
    y = scan.delta_R[:, measurement - 1]
    swing = y - y.mean()
    silent = any(scan.silent[measurement - 1 : measurement])
    if silent or np.ptp(y) <= STILL * np.abs(y).max():
        swing = np.zeros_like(y)
    power = _power(swing)
    with _style(ax):
        ax = ax or _new_axes()
        few = {"marker": "o", "markersize": 3, "linestyle": ""}
        ax.plot(
            scan.angle, swing / 10.0**power, color=COLOURS[0], label=f"$R_{measurement}$", **few
        )
        for i, (label, curve) in enumerate(forms_in(scan, swing).items()):
            colour = COLOURS[1 + i]
            ax.plot(fine(scan), curve / 10.0**power, color=colour, label=label, linestyle="--")
        first, second = tuple(scan.plane)
        ax.set_xlabel(angle_label(f"{scan.strength:.6g}", f"{first} to {second}"))
        ax.set_ylabel(r"$\Delta R$ - mean" + _in_brackets("ohm", power))
        ax.margins(x=0)
        _say_zero(ax, [swing], BY_SYMMETRY if silent else "zero at every angle")
        ax.legend()
    return ax


def forms_in(
    scan: AngleScan,
    swing: np.ndarray,
) -> dict[str, np.ndarray]:
    """{label: curve} of the forms that are in a swing, each less its mean, at the angles of
    :func:`fine`.
    """
    points, lines = scan.forms, replace(scan, fields=field_turn(*_turn(scan))).forms
    forms = {k: v for k, v in FORMS.items() if np.ptp(points[v]) > 1e-9}
    if not forms:
        return {}
    matrix = np.column_stack([points[name] - points[name].mean() for name in forms.values()])
    amplitudes, *_ = np.linalg.lstsq(matrix, swing, rcond=None)
    out = {}
    for (label, name), amplitude in zip(forms.items(), amplitudes, strict=True):
        if abs(amplitude) * np.ptp(points[name]) > LEAST * np.ptp(swing):
            out[label] = amplitude * (lines[name] - points[name].mean())
    return out


def fine(scan: AngleScan) -> np.ndarray:
    """Angles at which forms are drawn, (FINE,) degrees."""
    return np.linspace(scan.angle[0], scan.angle[-1], FINE)


def _turn(scan: AngleScan) -> tuple[float, float, float, int, str]:
    return scan.strength, float(scan.angle[0]), float(scan.angle[-1]), FINE, scan.plane
