"""One style for all figures, and the pieces that they share."""

from __future__ import annotations

import contextlib
import math
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FigureWarning, InputError, OhmrError, cut, shown, warn
from ..errors.doors import door
from ..files import atomic_path
from ..model.directions import AXES, direction_in_words, line_of
from ..units import engineering

#: Okabe and Ito's colours, which stay apart for colour-blind readers.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLE: Any = {
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "lines.linewidth": 1.3,
    "axes.linewidth": 0.6,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "savefig.dpi": 300,
    "figure.dpi": 150,
}
COLUMN = 3.4  # inches, one journal column
_LABELS = {
    "R": "$R$",
    "R_ohmic": "$R_{\\mathrm{ohmic}}$",
    "delta_R": "$\\Delta R$",
    "hanle": "$R(B) - R(0)$",
    "rho": "$\\rho$",
    "rho_change": "$\\rho(B) - \\rho(0)$",
    "rho_star": "$\\rho^*$",
}
_PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G"}


def _signed(fields: np.ndarray) -> np.ndarray:
    """The component along the only line swept, or |B| with the sign of its component along the last
    field, in T.
    """
    line = line_of(fields)
    if line is not None:
        return np.asarray(fields @ line)
    return np.asarray(np.copysign(np.linalg.norm(fields, axis=1), fields @ fields[-1]))


def field_label(several: Iterable[np.ndarray]) -> str:
    """The axis of :func:`_signed` of sweeps (n, 3), with their direction if they share it."""
    line = line_of(np.concatenate(list(several)))
    if line is None:
        return "$B$ (T)"
    where = direction_in_words(line)
    if where in AXES:
        return f"$B_{where}$ (T)"
    return f"$B$ {'at' if '°' in where else 'along'} {where} (T)"


def angle_label(
    strength: str,
    plane: str,
) -> str:
    """The axis of a turn of a field of so many tesla, from one axis to another; what is not common
    to all curves is left out.
    """
    of = f" of $B$ = {strength} T" if strength else ""
    return f"angle{of}{' from ' if plane else ''}{plane} (deg)"


@door
def save_figure(axes: Any, path: str | Path) -> Path:
    """Write a figure; a failure leaves no half-written file.

    Parameters
    ----------
    axes : matplotlib Axes
        Any of the figure.
    path : str or Path
        Ends in .png, .pdf or .svg.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        Another ending, a file that cannot be written.
    """
    path = Path(path)
    save_figures(axes, [path])
    return path


def save_figures(axes: Any, paths: Iterable[Path]) -> None:
    """One figure in several formats; the layout is computed once for all of them."""
    paths = list(paths)
    for path in paths:
        if path.suffix not in (".png", ".pdf", ".svg"):
            raise InputError(f"{path}: figures are written as .png, .pdf or .svg", value=path)
    figure = axes.get_figure()
    with _settings(), _laid_out(figure) as box:
        for path in paths:
            with atomic_path(path) as temporary:
                figure.savefig(temporary, bbox_inches=box)


@contextlib.contextmanager
def _laid_out(figure: Any) -> Iterator[Any]:
    """The figure with everything in its place, and the box around what is drawn, in inches."""
    engine = figure.get_layout_engine()
    resolution = figure.dpi
    figure.dpi = STYLE["savefig.dpi"]  # text is as wide as it will be in the file
    try:
        figure.draw_without_rendering()
        box = figure.get_tightbbox().padded(0.04)
        figure.set_layout_engine(None)  # with an engine every file would be laid out anew
        yield box
    finally:
        figure.dpi = resolution
        if engine is not None:
            figure.set_layout_engine(engine)


@contextlib.contextmanager
def drawing(what: str) -> Iterator[None]:
    """What cannot be drawn costs the picture and a warning, never the results.

    A folder that cannot be written is another matter.
    """
    try:
        yield
    except OhmrError as exc:
        if isinstance(exc.__cause__, OSError):
            raise
        _not_drawn(what, exc)
    except Exception as exc:
        _not_drawn(what, exc)


def _not_drawn(what: str, exc: Exception) -> None:
    text = f"{what}: not drawn ({type(exc).__name__}: {cut(shown(exc), 120)})"
    warn(FigureWarning(text, key="figures"))


def _settings() -> contextlib.AbstractContextManager[Any]:
    """The package's own settings whatever the user's matplotlibrc says; put back afterwards."""
    matplotlib = _matplotlib()
    own = {k: v for k, v in matplotlib.rcParamsDefault.items() if not k.startswith("backend")}
    context: contextlib.AbstractContextManager[Any] = matplotlib.rc_context({**own, **STYLE})
    return context


def _matplotlib() -> Any:
    """matplotlib, whatever the environment says of a backend: figures here need none."""
    if "matplotlib" in sys.modules:
        return sys.modules["matplotlib"]
    backend = os.environ.pop("MPLBACKEND", None)
    try:
        import matplotlib
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    if backend is not None:
        with contextlib.suppress(ValueError):  # one that does not exist is left to the user
            matplotlib.rcParams["backend"] = backend
    return matplotlib


def _style(ax: Any) -> contextlib.AbstractContextManager[Any]:
    """Our style for our figures; axes that were given keep their own."""
    return _settings() if ax is None else contextlib.nullcontext()


def _new_axes(points: np.ndarray | None = None) -> Any:
    """Axes of a new figure that no window manager knows, so that nothing opens and nothing has to
    be closed.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    height = 2.4
    if points is not None:
        wide, high = np.ptp(points, axis=1)[:2]
        height = float(
            np.clip((COLUMN - 0.8) * high / wide + 0.75, 1.2, 5.0)
        )  # beside the colour bar, above the scale bar
    figure = Figure(figsize=(COLUMN, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure.add_subplot()


#: Written on a figure of a pair of contacts that reads nothing.
BY_SYMMETRY = "zero by symmetry, to round-off"


def _power(values: np.ndarray) -> int:
    """Power of ten, a multiple of three, that brings the largest value between 1 and 1000."""
    top = float(np.max(np.abs(values[np.isfinite(values)]), initial=0.0))
    return 0 if top == 0.0 else min(max(3 * math.floor(math.log10(top * (1 + 1e-12)) / 3), -15), 9)


def _say_zero(ax: Any, values: Sequence[np.ndarray], why: str) -> None:
    """Where every curve is exactly zero: an axis with no other number, and why."""
    if any(np.any(y) for y in values):  # NaN is no zero
        return
    ax.set_ylim(-1.0, 1.0)
    ax.set_yticks([0.0], ["0"])
    ax.annotate(why, (0.5, 0.55), xycoords="axes fraction", ha="center", color="0.3")


def _note(ax: Any, corner: np.ndarray, text: str, line: int = 0) -> None:
    """A line of text below the scale bar, the first or a further one."""
    ax.annotate(
        text,
        corner,
        xytext=(0, -28 - 10 * line),
        textcoords="offset points",
        ha="left",
        va="center",
        fontsize=7,
    )


def write_outside(ax: Any, text: str, at: np.ndarray, outward: np.ndarray, colour: str) -> None:
    """A name beside a point of the boundary, along the outward direction (any length)."""
    length = float(np.linalg.norm(outward))
    outward = outward / length if length > 0 else np.array([0.0, 1.0])
    upright = abs(outward[0]) > 0.95
    ha, va, gap = "center", "center", 7.0
    if not upright and abs(outward[1]) < 0.95:  # oblique: the near corner of the text
        ha, va, gap = (
            "left" if outward[0] > 0 else "right",
            "bottom" if outward[1] > 0 else "top",
            2.5,
        )
    ax.annotate(
        shown(text),
        at,
        xytext=gap * outward,
        textcoords="offset points",
        ha=ha,
        va=va,
        color=colour,
        fontsize=6.5,
        rotation=90 if upright else 0,
        parse_math=False,  # a name is no formula
    )


def _dress_map(ax: Any, plane: np.ndarray) -> None:
    """Equal scales, no frame, a scale bar below the device."""
    from matplotlib.transforms import offset_copy

    (left, low), right = plane.min(axis=1), plane[0].max()
    length = _round_length(0.3 * (right - left))
    ax.set_aspect("equal")
    ax.axis("off")
    below = offset_copy(ax.transData, fig=ax.get_figure(), y=-17, units="points")
    ax.plot(
        [left, left + length],
        [low, low],
        color="black",
        linewidth=1.6,
        solid_capstyle="butt",
        transform=below,
        clip_on=False,
    )
    ax.annotate(
        engineering(length, "m"),
        (left + length, low),
        xytext=(4, -17),
        textcoords="offset points",
        va="center",
        fontsize=7,
    )


def _round_length(length: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is not above ``length``."""
    decade = 10.0 ** math.floor(math.log10(length))
    return max(m for m in (1.0, 2.0, 5.0) if m * decade <= length * (1 + 1e-9)) * decade


def _in_brackets(unit: str, power: int) -> str:
    """What the axis counts in, " (mΩ)" or " ($10^{-3}$)"; nothing for plain numbers."""
    if unit != "1":
        return f" ({_PREFIXES[power]}Ω)"
    return f" ($10^{{{power}}}$)" if power else ""
