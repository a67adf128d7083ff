"""Pictures of devices before they are meshed: outline, regions, contacts and edges with their
names, a scale bar.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import InputError
from ..errors.doors import door
from ..geometry import polygons
from ..geometry.outline import Geometry, Loop, Segment
from ..mesh.device_mesh import DeviceMesh
from ..units import engineering
from .plot import plot_mesh
from .style import COLOURS, _dress_map, _new_axes, _style, write_outside

TINTS = (COLOURS[5], COLOURS[4], COLOURS[3], COLOURS[2])
#: Straight pieces that stand for one arc.
FINE = 48


@door
def plot_device(
    device: Geometry | DeviceMesh,
    ax: Any = None,
) -> Any:
    """Draw a device: outline with holes, regions tinted and named, contacts and edges in colour
    with their names.

    Parameters
    ----------
    device : Geometry, or DeviceMesh
        A mesh is drawn by :func:`plot_mesh`.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes, with equal scales and a scale bar; the title says the size, and the narrowest
    width between edges.

    Raises
    ------
    InputError
        Neither a device nor a mesh.
    """
    if isinstance(device, DeviceMesh):
        return plot_mesh(device, ax)
    if not isinstance(device, Geometry):
        raise InputError(
            f"expected a device from ohmr_fem.geometry or a mesh, got {device!r}",
            value=device,
            key="plot_device",
        )
    plane = np.vstack([_curve(loop) for loop in device.loops]).T
    with _style(ax):
        ax = ax or _new_axes(plane)
        _fill(ax, device)
        centre = plane.mean(axis=1)
        for i, (name, group) in enumerate(_by_name(device).items()):
            dashes = "-" if name in device.contacts else (0, (2, 1))
            _name_piece(ax, name, group, COLOURS[i % 6], dashes, centre)
        _dress_map(ax, plane)
        left, low = plane.min(axis=1)
        right, high = plane.max(axis=1)
        ax.set(xlim=(left, right), ylim=(low, high))  # regions may reach beyond the device
        across = _length(right - left, 4)
        up = _length(high - low, 4)
        narrowest = _length(device.narrowest, 3)
        ax.set_title(f"{across} × {up}, narrowest {narrowest}", loc="left")
        if device.regions:
            ax.legend(loc="upper left", bbox_to_anchor=(1, 1), borderaxespad=2.4)
    return ax


def _length(
    value: float,
    digits: int,
) -> str:
    """Rounded first: the prefix then needs no further digits."""
    return engineering(float(f"{value:.{digits}g}"), "m")


def _curve(loop: Loop) -> np.ndarray:
    """The loop as a fine polygon, shape (n, 2)."""
    s = np.arange(FINE) / FINE
    parts = []
    for i, bulge in enumerate(loop.bulges):
        steps = s if bulge else s[:1]  # a straight edge is its first corner
        parts.append(polygons.arc_point(*loop.edge(i), steps))
    return np.vstack(parts)


def _path(loops: list[np.ndarray]) -> Any:
    """One filled path: outline counter-clockwise, holes clockwise."""
    from matplotlib.path import Path

    closed = [np.vstack([points, points[:1]]) for points in loops]
    paths = [Path(points, closed=True) for points in closed]
    return Path.make_compound_path(*paths)


def _fill(
    ax: Any,
    device: Geometry,
) -> None:
    from matplotlib.colors import to_rgb
    from matplotlib.patches import PathPatch

    tints, rest = {}, ""
    for i, (name, loop) in enumerate(device.regions.items()):
        colour = np.array(to_rgb(TINTS[i % 4]))
        tints[name] = 0.75 + 0.25 * colour  # a quarter of the colour on white, as plot_mesh
        if loop is None:
            rest = rest or name
    whole = PathPatch(
        _path([_curve(loop) for loop in device.loops]),
        facecolor=tints.get(rest, "0.93"),
        edgecolor="0.25",
        linewidth=0.8,
        clip_on=False,
        label=rest or "_",
    )
    ax.add_patch(whole)
    for name, loop in device.regions.items():
        if loop is None:
            continue
        patch = PathPatch(
            _path([_curve(loop)]),
            facecolor=tints[name],
            edgecolor="0.5",
            linewidth=0.5,
            label=name,
        )
        ax.add_patch(patch)
        patch.set_clip_path(whole)


def _by_name(device: Geometry) -> dict[str, list[Segment]]:
    found: dict[str, list[Segment]] = {name: [] for name in device.named}
    for segment in device.boundary():
        if segment.name is not None:
            found[segment.name].append(segment)
    return found


def _name_piece(
    ax: Any,
    name: str,
    group: list[Segment],
    colour: str,
    style: Any,
    centre: np.ndarray,
) -> None:
    """Draw a named part of the boundary; its name stands outside, at the middle of its pieces or of
    the longest one.
    """
    s = np.linspace(0, 1, FINE + 1)
    for piece in group:
        points = polygons.arc_point(piece.start, piece.stop, piece.bulge, s)
        ax.plot(
            points[:, 0],
            points[:, 1],
            color=colour,
            linewidth=2.2,
            linestyle=style,
            solid_capstyle="butt",
            clip_on=False,
        )
    at, outward = _place_of_name(group, centre)
    write_outside(ax, name, at, outward, colour)


def _place_of_name(
    group: list[Segment],
    centre: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Where the name of some pieces stands, and the way out of the device there."""
    if len(group) == 2:  # around a corner: away from it
        for a, b in (group, group[::-1]):
            if np.allclose(a.stop, b.start):
                return a.stop, _outward(a) + _outward(b)

    def size(piece: Segment) -> float:
        length = polygons.arc_length(piece.start, piece.stop, piece.bulge)
        return length * (1 + 1e-6 * _height(piece, centre))

    longest = max(group, key=size)
    half = np.array([0.5])
    middle = polygons.arc_point(longest.start, longest.stop, longest.bulge, half)
    return middle[0], _outward(longest)


def _height(
    piece: Segment,
    centre: np.ndarray,
) -> float:
    """1 for a piece at the upper right of the device, -1 at the lower left: it picks one of several
    equal pieces.
    """
    x, y = (piece.start + piece.stop) / 2 - centre
    return math.copysign(1.0, x + y)


def _outward(piece: Segment) -> np.ndarray:
    """Unit normal at the middle of a piece; the material lies to the left of its direction."""
    chord = piece.stop - piece.start
    return np.asarray(np.array([chord[1], -chord[0]]) / np.linalg.norm(chord))
