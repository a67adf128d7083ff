"""Figures. matplotlib is imported when the first one is drawn; nothing here opens a window.

Every function draws on ``ax`` if one is given, in the style of its figure, else on a new figure of
one journal column; it returns the axes.  Save with :func:`save_figure`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import InputError, suggest
from ..errors.doors import door
from ..mesh.device_mesh import DeviceMesh
from ..model.directions import Turn, turn_of
from ..solver.solution import Solution
from ..sweep.curve import HanleCurve
from ..units import engineering
from .map_colours import colour_map, halves
from .paraview import Subdivision, subdivide
from .style import (
    _LABELS,
    _PREFIXES,
    BY_SYMMETRY,
    COLOURS,
    _dress_map,
    _in_brackets,
    _new_axes,
    _note,
    _power,
    _say_zero,
    _signed,
    _style,
    angle_label,
    field_label,
    write_outside,
)

#: Quantities that are nothing but the orbital effect.
ORBITAL = ("delta_R", "hanle")


@door
def plot_moment_density(
    solution: Solution,
    component: str = "z",
    ax: Any = None,
    arrows: int = 30,
) -> Any:
    """Map of one component of the moment density, with the conventional current as arrows.

    The colours are centred on zero.  On a line the profile is drawn instead.

    Parameters
    ----------
    solution : Solution
    component : "x", "y" or "z"
    ax : matplotlib Axes, optional
        To draw into; default a new figure.
    arrows : int
        On an even grid, so many along the longest side (0: none); their length is proportional to
        |J| up to its 95th percentile.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InputError
        Another component.
    """
    if component not in ("x", "y", "z"):
        raise InputError(
            f"{component!r} is not known; {suggest(component, 'xyz')}",
            value=component,
            key="component",
        )
    parts = subdivide(solution, max(2, solution.problem.order or 1))
    density = parts.at_points(solution).moment_density
    n = density["xyz".index(component)]
    power = _power(n)
    n = n / 10.0**power
    label = f"$n^{component}$ ({_PREFIXES[power]}C/m²)"
    with _style(ax):
        if solution.problem.mesh.dim == 1:
            ax = _profile(ax or _new_axes(), solution, parts, n, label)
        else:
            ax = _map(ax, solution, parts, n, label, arrows)
        x, y, z = solution.field
        ax.set_title(f"$B$ = ({x:g}, {y:g}, {z:g}) T", loc="left")
    return ax


@door
def plot_hanle(
    curves: HanleCurve | Iterable[HanleCurve],
    quantity: str | None = None,
    labels: Iterable[str] = (),
    ax: Any = None,
) -> Any:
    """One or several curves against the field along its direction, or the angle of a field that
    turns.

    Parameters
    ----------
    curves : HanleCurve, or several
    quantity : str, optional
        A column of the table, such as "R", "hanle" or "rho_star"; by default "hanle" = R(B) - R(0)
        for a device, and "rho_change" = rho(B) - rho(0) for a cross-section.
    labels : str for each curve
        Of the legend; without them there is none.
    ax : matplotlib Axes, optional
        To draw into; default a new figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InputError
        No curve, or a quantity that a curve does not have.
    """
    several = [curves] if isinstance(curves, HanleCurve) else list(curves)
    if not several:
        raise InputError("needs at least one curve", key="plot_hanle")
    quantity = quantity or ("rho_change" if several[0].current is None else "hanle")
    values = [_drawn(curve, quantity) for curve in several]
    power = 0 if quantity == "rho_star" else _power(np.concatenate(values))
    names = [*labels, *[""] * len(several)]
    turns = [turn_of(curve.fields) for curve in several]
    with _style(ax):
        ax = ax or _new_axes()
        for i, (along, y) in enumerate(zip(_along(several, turns), values, strict=True)):
            ax.plot(
                along,
                y / 10.0**power,
                color=COLOURS[i % len(COLOURS)],
                label=names[i] or "_",  # a label with _ stays out of the legend
                linestyle=("-", "--", "-.", ":")[i % 4],
                marker="o" if len(y) <= 25 else None,
                markersize=3,
            )
        _say_zero(ax, values, _why_zero(several))
        unit, _ = several[0].columns()[quantity]
        ax.set_ylabel(_LABELS[quantity] + _in_brackets(unit, power))
        ax.set_xlabel(_turn_label(turns) or field_label(c.fields for c in several))
        ax.margins(x=0)
        if any(names):
            ax.legend()
    return ax


def plot_columns(
    tables: Iterable[Mapping[str, np.ndarray]],
    labels: Iterable[str],
) -> Any:
    """R(B) - R(0), or rho(B) - rho(0), of tables {name with unit: values} over each other.

    Returns
    -------
    matplotlib Axes
    """
    several = list(tables)
    wanted = [name for name in several[0] if name.startswith(("hanle", "rho_change"))]
    name = wanted[0]
    power = _power(np.concatenate([table[name] for table in several]))
    unit = "ohm" if name.startswith("hanle") else "1"
    fields = [np.array([table[f"B_{axis} [T]"] for axis in "xyz"]).T for table in several]
    with _style(None):
        ax = _new_axes()
        for i, (table, label) in enumerate(zip(several, labels, strict=True)):
            ax.plot(
                _signed(fields[i]),
                table[name] / 10.0**power,
                color=COLOURS[i % len(COLOURS)],
                linestyle=("-", "--")[i % 2],
                label=label,
            )
        _say_zero(ax, [table[name] for table in several], "zero at every field")
        ax.set_ylabel(_LABELS[name.partition(" ")[0]] + _in_brackets(unit, power))
        ax.set_xlabel(field_label(fields))
        ax.margins(x=0)
        ax.legend()
    return ax


def _why_zero(curves: list[HanleCurve]) -> str:
    """What to write on a figure of nothing."""
    return BY_SYMMETRY if all(curve.silent for curve in curves) else "zero at every field"


def _drawn(curve: HanleCurve, quantity: str) -> np.ndarray:
    """The values; zero in place of round-off."""
    values = _column(curve, quantity)
    return np.zeros_like(values) if curve.silent and quantity in ORBITAL else values


def _column(
    curve: HanleCurve,
    quantity: str,
) -> np.ndarray:
    """A column that can be drawn; InputError for another."""
    known = [name for name in curve.columns() if name in _LABELS]
    if quantity not in known:
        raise InputError(
            f"the curve has no {quantity!r}; {suggest(quantity, known)}",
            value=quantity,
            key="plot_hanle",
        )
    return curve[quantity]


def _along(
    curves: Sequence[HanleCurve],
    turns: Sequence[Turn | None],
) -> list[np.ndarray]:
    """Angles if every curve turns, else signed fields."""
    angles = [turn.angle for turn in turns if turn is not None]
    return angles if len(angles) == len(curves) else [_signed(c.fields) for c in curves]


def _turn_label(turns: Sequence[Turn | None]) -> str:
    """The axis of angles; nothing where a curve does not turn."""
    made = [turn for turn in turns if turn is not None]
    if len(made) < len(turns):
        return ""
    strengths = {f"{turn.strength:.6g}" for turn in made}
    planes = {turn.plane for turn in made}
    strength = strengths.pop() if len(strengths) == 1 else ""
    return angle_label(strength, planes.pop() if len(planes) == 1 else "")


@door
def plot_mesh(
    mesh: DeviceMesh,
    ax: Any = None,
) -> Any:
    """The mesh, its regions tinted, its named boundaries drawn in colour and labelled.

    Parameters
    ----------
    mesh : DeviceMesh
    ax : matplotlib Axes, optional
        To draw into; default a new figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InputError
        A mesh that is not 2D.
    """
    if mesh.dim != 2:
        raise InputError(
            "draws two-dimensional meshes only; this one is a line", value=mesh.dim, key="plot_mesh"
        )
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import to_rgba

    corners = mesh.mesh.p[:, mesh.mesh.t].transpose(2, 1, 0)
    tints = COLOURS[5], COLOURS[4], COLOURS[3], COLOURS[2]
    with _style(ax):
        ax = ax or _new_axes(mesh.mesh.p)
        for i, (name, cells) in enumerate(mesh.regions.items()):
            region = PolyCollection(
                list(corners[cells]),
                facecolor=to_rgba(tints[i % 4], 0.25),
                edgecolor="0.45",
                linewidth=0.15,
                label=name,
                rasterized=mesh.n_cells > 20000,  # as vectors such a file would not open
            )
            ax.add_collection(region)
        for i, name in enumerate(mesh.boundaries):
            _boundary(ax, mesh, name, COLOURS[i % 6])
        _dress_map(ax, mesh.mesh.p)
        ax.set_title(f"{mesh.n_cells} cells", loc="left")
        if len(mesh.regions) > 1:
            ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def _profile(
    ax: Any,
    solution: Solution,
    parts: Subdivision,
    n: np.ndarray,
    label: str,
) -> Any:
    axis = solution.problem.mesh.axes[0]
    x = parts.points["xyz".index(axis)]
    order = np.argsort(x)
    power = _power(x)
    ax.axhline(0.0, color="0.7", linewidth=0.6, zorder=0)
    ax.plot(x[order] / 10.0**power, n[order], color=COLOURS[0])
    ax.set_xlabel(f"${axis}$ ({_PREFIXES[power]}m)")
    ax.set_ylabel(label)
    ax.margins(x=0)
    if solution.problem.mesh.is_channel:
        _places(ax, solution, 10.0**power)
    return ax


def _places(
    ax: Any,
    solution: Solution,
    unit: float,
) -> None:
    """Where the contacts of a channel are, between its ends."""
    mesh = solution.problem.mesh
    ends = mesh.mesh.boundary_facets()
    for name, contact in solution.problem.contacts.items():
        facets = np.setdiff1d(mesh.rim(contact.place(name)), ends)
        for x in mesh.mesh.p[0, mesh.mesh.facets[0, facets]] / unit:
            ax.axvline(x, color="0.4", linewidth=0.6, linestyle=":")
        if facets.size:
            middle = float(mesh.mesh.p[0, mesh.mesh.facets[0, facets]].mean()) / unit
            at = np.array([middle, ax.get_ylim()[1]])
            write_outside(ax, name, at, np.array([0.0, 1.0]), "0.2")


def _map(
    ax: Any,
    solution: Solution,
    parts: Subdivision,
    n: np.ndarray,
    label: str,
    arrows: int,
) -> Any:
    mesh = solution.problem.mesh
    rows = ["xyz".index(axis) for axis in mesh.axes]
    plane = parts.points[rows]
    ax = ax or _new_axes(plane)
    said = colour_map(ax, mesh, plane, parts.cells, n, label)
    if said:
        _note(ax, plane.min(axis=1), said, line=1)
    _outline(ax, solution)
    if mesh.axes == ("y", "z"):
        _note(ax, plane.min(axis=1), "y to the right, z up, current towards the viewer")
    elif arrows:
        _current_arrows(ax, solution, arrows)
    _dress_map(ax, plane)
    return ax


def _outline(
    ax: Any,
    solution: Solution,
) -> None:
    """The rim of the device and its contacts."""
    mesh = solution.problem.mesh
    rim = mesh.mesh.facets[:, mesh.mesh.boundary_facets()]
    x, y = _joined(mesh.mesh.p[:, rim])
    ax.plot(x, y, color="0.25", linewidth=0.6)
    for name, contact in solution.problem.contacts.items():
        if contact.kind == "point":
            ax.plot(*contact.at, "o", color="black", markersize=2)
        elif contact.region is None:
            _boundary(ax, mesh, contact.place(name), "black", name)
        else:
            _pad(ax, mesh, contact.region, name)


def _pad(
    ax: Any,
    mesh: DeviceMesh,
    region: str,
    label: str,
) -> None:
    """The rim of a region that is a contact, and its name above it."""
    ends = mesh.mesh.p[:, mesh.mesh.facets[:, mesh.rim(region)]]
    x, y = _joined(ends)
    ax.plot(x, y, color="black", linewidth=0.8)
    top = ends[:, :, int(np.argmax(ends[1].mean(axis=0)))].mean(axis=1)
    write_outside(ax, label, top, np.array([0.0, 1.0]), "black")


def _current_arrows(
    ax: Any,
    solution: Solution,
    count: int,
) -> None:
    """Conventional current on an even grid of points inside the device."""
    mesh = solution.problem.mesh.mesh
    low, high = mesh.p.min(axis=1), mesh.p.max(axis=1)
    step = float(np.max(high - low)) / count
    spots = _inside(solution, _even_grid(low, high, step))
    J = solution.at(spots.T).current_density[:2]
    size = np.linalg.norm(J, axis=0)
    if not np.any(size > 0):
        return
    # at a corner J has no bound: the longest arrows stop at the 95th percentile
    full = np.percentile(size, 95)
    J = J * np.minimum(1.0, full / np.maximum(size, 1e-300))
    seen = size > 0.12 * full
    x, y = spots[:, seen]
    along_x, along_y = J[:, seen]
    ax.quiver(
        x,
        y,
        along_x,
        along_y,
        pivot="mid",
        angles="xy",
        scale_units="xy",
        units="xy",
        scale=full / (0.8 * step),
        width=0.06 * step,
        headwidth=4.5,
        headlength=4.5,
        headaxislength=4.0,
        color="0.1",
    )
    longest = engineering(float(f"{full:.2g}"), "A/m")
    _note(ax, low, f"→ current (longest ≥ {longest})")


def _even_grid(
    low: np.ndarray,
    high: np.ndarray,
    step: float,
) -> np.ndarray:
    """Centres of equal cells of about this size, (2, n)."""
    ticks = []
    for start, size in zip(low, high - low, strict=True):
        count = max(1, round(size / step))
        ticks.append(start + size * (np.arange(count) + 0.5) / count)
    return np.array(np.meshgrid(*ticks)).reshape(2, -1)


def _inside(
    solution: Solution,
    spots: np.ndarray,
) -> np.ndarray:
    """Those of the points (2, n) that lie in the device for certain."""
    from matplotlib.tri import Triangulation

    mesh = solution.problem.mesh
    x, y = mesh.mesh.p
    straight = Triangulation(x, y, halves(mesh.mesh.t.T))
    cell: Any = straight.get_trifinder()(*spots)
    inside = cell >= 0
    if mesh.order_geometry > 1:  # between a curved edge and its chord "inside" is not certain
        rim = mesh.mesh.f2t[0, mesh.mesh.boundary_facets()]
        inside &= ~np.isin(cell % mesh.n_cells, rim)
    return spots[:, inside]


def _boundary(
    ax: Any,
    mesh: DeviceMesh,
    name: str,
    colour: str,
    label: str | None = None,
) -> None:
    """Draw a named boundary and write its name outside the device."""
    facets = mesh.boundaries[name]
    ends = mesh.mesh.p[:, mesh.mesh.facets[:, facets]]
    x, y = _joined(ends)
    ax.plot(x, y, color=colour, linewidth=2.2, solid_capstyle="butt")
    centres = ends.mean(axis=1)
    outward = _outward(mesh, facets, ends)
    total = outward.sum(axis=1)
    lengths = np.linalg.norm(outward, axis=0)
    if np.linalg.norm(total) < 0.3 * lengths.sum():  # around a hole or the device
        one = int(np.argmax(centres.sum(axis=0)))
        total = outward[:, one]
    else:
        middle = centres.mean(axis=1)[:, None]
        one = int(np.argmin(np.linalg.norm(centres - middle, axis=0)))
    write_outside(ax, label or name, centres[:, one], total, colour)


def _outward(
    mesh: DeviceMesh,
    facets: np.ndarray,
    ends: np.ndarray,
) -> np.ndarray:
    """Normals of boundary facets, out of the cell behind each, as long as the facet, (2, n)."""
    cells = mesh.mesh.t[:, mesh.mesh.f2t[0, facets]]
    inside = mesh.mesh.p[:, cells].mean(axis=1)
    x, y = ends[:, 1] - ends[:, 0]
    normals = np.array([y, -x])
    away = ends.mean(axis=1) - inside
    return np.asarray(normals * np.sign(np.sum(normals * away, axis=0)))


def _joined(ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Segments (2, 2, n) as one broken line."""
    gap = np.full((2, 1, ends.shape[2]), np.nan)  # NaN lifts the pen
    line = np.concatenate([ends, gap], axis=1)
    line = line.transpose(0, 2, 1).reshape(2, -1)
    return line[0], line[1]
