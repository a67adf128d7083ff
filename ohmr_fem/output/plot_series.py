"""Figures of a fitted series: data with their band, residuals, profiles, correlations, and the
parameters and the size of the effect against what the samples differ in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors.doors import door
from ..fitting.global_result import GlobalFit, SampleFit
from ..fitting.result import Estimate, FittedCurve
from .fitted_line import fitted_line, signed_size, strongest_curve
from .style import (
    _PREFIXES,
    COLOURS,
    COLUMN,
    STYLE,
    _in_brackets,
    _power,
    _settings,
    angle_label,
    field_label,
)

_AXIS = {"R": "$R$", "hanle": "$R(B) - R(0)$", "ratio": "$\\Delta R/R$"}
#: Panels in one row.
ACROSS = 4
#: Rise of chi^2 shown in a profile.
TALLEST = 8.0
#: Ratio of the ends of a profile above which its axis is logarithmic.
FAR = 30.0
#: Units that take a prefix.
PREFIXED = ("m", "s", "T", "K")


@door
def plot_series(fit: GlobalFit) -> Any:
    """Data without their backgrounds, the fit and its band of two standard deviations; residuals
    below.  One panel a sample.

    Parameters
    ----------
    fit : GlobalFit

    Returns
    -------
    matplotlib Axes, the first

    Raises
    ------
    InputError
        What is no fit of a series.
    """
    names = list(fit.samples)
    columns = min(len(names), ACROSS)
    rows = -(-len(names) // columns)
    with _settings():
        figure = _figure(0.6 * COLUMN * columns + 0.3, 2.6 * rows)
        heights = (3, 1) * rows
        grid = figure.subplots(2 * rows, columns, height_ratios=heights, squeeze=False)
        for k, name in enumerate(names):
            above, below = grid[2 * (k // columns), k % columns], grid[2 * (k // columns) + 1]
            last = k + columns >= len(names)
            _sample_panel(above, below[k % columns], name, fit.samples[name], last)
        for k in range(len(names), rows * columns):
            for r in (0, 1):
                grid[2 * (k // columns) + r, k % columns].axis("off")
        grid[1, 0].set_ylabel("residual\n(std. dev.)")
    return grid[0, 0]


def _figure(
    width: float,
    height: float,
) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _sample_panel(
    ax: Any,
    rest: Any,
    name: str,
    sample: SampleFit,
    last: bool,
) -> None:
    power = _power(np.concatenate([_bare(c) for c in sample.curves]))
    unit = 10.0**power
    for k, curve in enumerate(sample.curves):
        _curve(ax, curve, unit, COLOURS[k % len(COLOURS)])
        away = (curve.data.values - curve.model) / curve.noise
        rest.plot(_place(curve), away, "o", markersize=1.5, color=COLOURS[k % len(COLOURS)])
    rest.axhline(0.0, color="black", linewidth=0.6)
    rest.set_ylim(-4.5, 4.5)
    ax.set_title(name, parse_math=False)
    kind = sample.curves[0].data.quantity
    ax.set_ylabel(_AXIS[kind] + _in_brackets("1" if kind == "ratio" else "ohm", power))
    ax.tick_params(labelbottom=False)
    rest.sharex(ax)
    if last:
        rest.set_xlabel(_along(sample.curves))
    ax.legend(loc="best", fontsize=STYLE["legend.fontsize"], handletextpad=0.3)


def _along(curves: Sequence[FittedCurve]) -> str:
    """What the field axis of a panel counts."""
    if not _turns(curves[0]):
        return field_label(c.data.fields for c in curves)
    planes = {" to ".join("xyz"[i] for i in _plane(c)) for c in curves}
    return angle_label("", planes.pop() if len(planes) == 1 else "")


def _bare(curve: FittedCurve) -> np.ndarray:
    """Data without background, from the value of the fit at the weakest field."""
    return np.asarray(curve.data.values - curve.background - _zero(curve))


def _zero(curve: FittedCurve) -> float:
    weakest = int(np.argmin(np.linalg.norm(curve.data.fields, axis=1)))
    return float(curve.model[weakest] - curve.background[weakest])


def _turns(curve: FittedCurve) -> bool:
    """Whether the field turns at one strength."""
    sizes = np.linalg.norm(curve.data.fields, axis=1)
    return bool(np.ptp(sizes) < 1e-6 * sizes.max())


def _place(curve: FittedCurve) -> np.ndarray:
    """Signed field, or the angle of a field that turns."""
    if not _turns(curve):
        return curve.data.signed
    fields = curve.data.fields
    a, b = _plane(curve)
    return np.asarray(np.degrees(np.arctan2(fields[:, b], fields[:, a])) % 360.0)


def _plane(curve: FittedCurve) -> list[int]:
    """The two axes between which a field turns."""
    first, second = np.argsort(-np.ptp(curve.data.fields, axis=0))[:2]
    return sorted((int(first), int(second)))


def _curve(
    ax: Any,
    curve: FittedCurve,
    unit: float,
    colour: str,
) -> None:
    place, values = _place(curve), _bare(curve)
    order = np.argsort(place, kind="stable")
    model = curve.model - curve.background - _zero(curve)
    ax.plot(place, values / unit, "o", markersize=1.8, alpha=0.6, color=colour)
    label = _direction(curve)
    ax.plot(place[order], model[order] / unit, color=colour, linewidth=1.0, label=label)
    low, high = ((model + s * 2.0 * curve.noise)[order] / unit for s in (-1.0, 1.0))
    ax.fill_between(place[order], low, high, color=colour, alpha=0.15, linewidth=0.0)


def _direction(curve: FittedCurve) -> str:
    if _turns(curve):
        return f"{np.linalg.norm(curve.data.fields[0]):.3g} T"
    direction = curve.data.direction
    axes = np.flatnonzero(np.abs(direction) > 1e-3)
    if axes.size == 1:
        return f"B along {'xyz'[axes[0]]}"
    return "B along (" + ", ".join(f"{v:.2g}" for v in direction) + ")"


@door
def plot_profiles(fit: GlobalFit) -> Any:
    """Rise of chi^2 along every profiled parameter, with the end of its interval.

    Parameters
    ----------
    fit : GlobalFit

    Returns
    -------
    matplotlib Axes, the first

    Raises
    ------
    InputError
        What is no fit of a series.
    """
    names = list(fit.profiles)
    columns = min(max(len(names), 1), 3)
    rows = max(-(-len(names) // columns), 1)
    with _settings():
        figure = _figure(0.62 * COLUMN * columns, 1.9 * rows)
        grid = figure.subplots(rows, columns, squeeze=False)
        for k, name in enumerate(names):
            _profile(grid[k // columns, k % columns], fit, fit.parameters[name])
        for k in range(len(names), rows * columns):
            grid[k // columns, k % columns].axis("off")
        for row in grid:
            row[0].set_ylabel("rise of $\\chi^2$")
        lines = {line.get_label(): line for ax in figure.axes for line in ax.get_lines()}
        told = [line for label, line in lines.items() if not label.startswith("_")]
        figure.legend(handles=told, loc="outside upper left", ncols=len(told))
    return grid[0, 0]


def _profile(
    ax: Any,
    fit: GlobalFit,
    e: Estimate,
) -> None:
    values, rise = fit.profiles[e.name]
    # the root of the rise is nearly a straight line through the best value
    root = np.copysign(np.sqrt(rise), values - e.value)
    fine, far = _shown(values, root)
    power = _power(np.array([e.value if far else np.abs(fine).max()]))
    unit = 10.0**power
    ax.plot(values / unit, rise, "o", markersize=2.5, color=COLOURS[0])
    ax.plot(fine / unit, np.interp(fine, values, root) ** 2, color=COLOURS[0], label="profile")
    if np.isfinite(e.error):
        parabola = ((fine - e.value) / e.error) ** 2
        style = {"linestyle": "--", "color": COLOURS[1], "linewidth": 0.8}
        ax.plot(fine / unit, parabola, label="from the covariance", **style)
    ends = {"color": "black", "linewidth": 0.6, "linestyle": ":"}
    for end in (e.low, e.high):
        if np.isfinite(end) and end != 0.0:
            ax.axvline(end / unit, label="end of the interval", **ends)
    if far:
        ax.set_xscale("log")
    ax.set_xlim(fine[0] / unit, fine[-1] / unit)
    ax.set_ylim(0.0, TALLEST)
    ax.set_xlabel(_named(e, power))


def _shown(
    values: np.ndarray,
    root: np.ndarray,
) -> tuple[np.ndarray, bool]:
    """Where a profile is drawn: as far as it is not above the frame; and whether that is so far
    that the axis is logarithmic.
    """
    fine = np.unique(
        np.concatenate([np.linspace(values[i], values[i + 1], 51) for i in range(len(values) - 1)])
    )
    low = np.interp(fine, values, root) ** 2 <= 1.2 * TALLEST
    inside = np.flatnonzero(low)
    fine = fine[inside[0] : inside[-1] + 1] if inside.size > 1 else fine
    far = bool(fine[0] > 0.0 and fine[-1] > FAR * fine[0])
    return (np.geomspace(fine[0], fine[-1], 301) if far else fine), far


def _named(
    e: Estimate,
    power: int,
) -> str:
    if e.unit in PREFIXED:
        return f"{e.symbol} ({_PREFIXES[power]}{e.unit})"
    scale = f"$10^{{{power}}}$ " if power else ""
    unit = "" if e.unit == "1" else e.unit
    shown = f"{scale}{unit}".strip()
    return f"{e.symbol} ({shown})" if shown else e.symbol


@door
def plot_correlation(fit: GlobalFit) -> Any:
    """Correlation of the parameters; 1 and -1 cannot be told apart.

    Parameters
    ----------
    fit : GlobalFit

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InputError
        What is no fit of a series.
    """
    symbols = [e.symbol for e in fit.parameters.values()]
    size = 0.9 + 0.34 * len(symbols)
    with _settings():
        figure = _figure(size + 0.7, size)
        ax = figure.add_subplot()
        image = ax.imshow(fit.correlation, vmin=-1.0, vmax=1.0, cmap="RdBu_r")
        places = np.arange(len(symbols))
        ax.set_xticks(places, symbols, rotation=90, parse_math=False)
        ax.set_yticks(places, symbols, parse_math=False)
        ax.tick_params(length=0.0)
        for i in places:
            for j in places[:i]:
                value = fit.correlation[i, j]
                colour = "white" if abs(value) > 0.6 else "black"
                ax.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=5, color=colour)
        figure.colorbar(image, ax=ax, shrink=0.8)
    return ax


@door
def plot_against(
    fit: GlobalFit,
    follows: str | None = None,
) -> Any:
    """The size of the effect of each sample, measured and fitted, against thickness (or another
    property that differs).  Sections of one material have a line between the samples.

    Parameters
    ----------
    fit : GlobalFit
    follows : str, optional
        The property: thickness, width, distance, temperature or resistivity; default the first of
        them that all samples have and that differs.

    Returns
    -------
    matplotlib Axes, or None where the samples differ in no property

    Raises
    ------
    InputError
        A property that the samples do not have, or what is no fit.
    """
    key = follows or _differing(fit)
    if key is None:
        return None
    samples = list(fit.samples.values())
    x = np.array([s.sample.properties[key] for s in samples])
    unit = {"thickness": 1e-9, "width": 1e-9, "distance": 1e-6, "resistivity": 1e-8}.get(key, 1.0)
    names = {
        "thickness": "thickness (nm)",
        "width": "width (nm)",
        "distance": "distance (µm)",
        "resistivity": "resistivity (µΩ cm)",
        "temperature": "temperature (K)",
    }
    sizes = np.array([_size(s) for s in samples])
    power = _power(sizes[:, :2])
    order = np.argsort(x)
    with _settings():
        figure = _figure(COLUMN, 2.5)
        ax = figure.add_subplot()
        top = sizes / 10.0**power
        ax.errorbar(x / unit, top[:, 0], yerr=2.0 * top[:, 2], fmt="o", markersize=3, label="data")
        line = fitted_line(fit, key)
        ax.plot(x[order] / unit, top[order, 1], "k_", markersize=9, label="_" if line else "fit")
        if line is not None:
            ax.plot(line[0] / unit, line[1] / 10.0**power, "k-", linewidth=0.8, label="fit")
        if x.max() > 5.0 * x.min():
            ax.set_xscale("log")
            ax.minorticks_off()
            ax.set_xticks(np.unique(x) / unit, [f"{v:.3g}" for v in np.unique(x) / unit])
        ax.set_xlabel(names[key])
        kind = samples[0].curves[0].data.quantity
        ratio = kind == "ratio"
        ax.set_ylabel("effect" + _in_brackets("1" if ratio else "ohm", power))
        ax.legend()
    return ax


def _differing(fit: GlobalFit) -> str | None:
    """The property that tells the samples apart."""
    samples = [s.sample.properties for s in fit.samples.values()]
    for key in ("thickness", "width", "distance", "temperature", "resistivity"):
        values = {p.get(key) for p in samples}
        if None not in values and len(values) > 1:
            return key
    return None


def _size(sample: SampleFit) -> tuple[float, float, float]:
    """The effect of the strongest curve between the weakest and the strongest field: measured,
    fitted, and the standard error of the measured one.
    """
    curve = strongest_curve(sample)
    signal = curve.model - curve.background
    shape = signal - signal.mean()
    weight = shape / curve.noise**2
    own = curve.data.values - curve.background
    total = float(weight @ shape)
    scale = float(weight @ (own - own.mean())) / total if total else 0.0
    error = float(np.ptp(signal)) / np.sqrt(total) if total else 0.0
    size = signed_size(curve, signal)
    return scale * size, size, float(error)
