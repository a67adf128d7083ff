"""Pictures of devices before they are meshed: outline, regions, contacts and edges with their
names, a scale bar.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import InputError
from ..geometry import polygons
from ..geometry.outline import Geometry, Loop, Segment
from ..mesh.device_mesh import DeviceMesh
from ..units import engineering
from .plot import plot_mesh
from .style import COLOURS, _dress_map, _new_axes, _style, write_outside

TINTS = (COLOURS[5], COLOURS[4], COLOURS[3], COLOURS[2])
#: Straight pieces that stand for one arc.
FINE = 48


def plot_device(device: Geometry | DeviceMesh, ax: Any = None) -> Any:
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
            _name_piece(
                ax,
                name,
                group,
                COLOURS[i % 6],
                "-" if name in device.contacts else (0, (2, 1)),
                centre,
            )
        _dress_map(ax, plane)
        (left, low), (right, high) = plane.min(axis=1), plane.max(axis=1)
        ax.set(xlim=(left, right), ylim=(low, high))  # regions may reach beyond the device
        across, up = (engineering(float(f"{v:.4g}"), "m") for v in np.ptp(plane, axis=1))
        ax.set_title(
            f"{across} × {up}, narrowest {engineering(float(f'{device.narrowest:.3g}'), 'm')}",
            loc="left",
        )
        if device.regions:
            ax.legend(loc="upper left", bbox_to_anchor=(1, 1), borderaxespad=2.4)
    return ax


def _curve(loop: Loop) -> np.ndarray:
    """The loop as a fine polygon, shape (n, 2)."""
    s = np.arange(FINE) / FINE
    return np.vstack(
        [
            polygons.arc_point(*loop.edge(i), s if bulge else s[:1])
            for i, bulge in enumerate(loop.bulges)
        ]
    )


def _path(loops: list[np.ndarray]) -> Any:
    """One filled path: outline counter-clockwise, holes clockwise."""
    from matplotlib.path import Path

    return Path.make_compound_path(*[Path(np.vstack([p, p[:1]]), closed=True) for p in loops])


def _fill(ax: Any, device: Geometry) -> None:
    from matplotlib.colors import to_rgb
    from matplotlib.patches import PathPatch

    tints = {
        name: 0.75 + 0.25 * np.array(to_rgb(TINTS[i % 4])) for i, name in enumerate(device.regions)
    }  # as plot_mesh
    rest = next((k for k, r in device.regions.items() if r is None), "")
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
            _path([_curve(loop)]), facecolor=tints[name], edgecolor="0.5", linewidth=0.5, label=name
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
    ax: Any, name: str, group: list[Segment], colour: str, style: Any, centre: np.ndarray
) -> None:
    """Draw a named part of the boundary; its name stands outside, at the middle of its pieces or of
    the longest one.
    """
    s = np.linspace(0, 1, FINE + 1)
    for piece in group:
        ax.plot(
            *polygons.arc_point(piece.start, piece.stop, piece.bulge, s).T,
            color=colour,
            linewidth=2.2,
            linestyle=style,
            solid_capstyle="butt",
            clip_on=False,
        )
    joined = len(group) == 2 and (
        np.allclose(group[0].stop, group[1].start) or np.allclose(group[1].stop, group[0].start)
    )
    if joined:  # around a corner: away from it
        a, b = group if np.allclose(group[0].stop, group[1].start) else group[::-1]
        at, outward = a.stop, _outward(a) + _outward(b)
    else:
        longest = max(
            group,
            key=lambda p: (
                polygons.arc_length(p.start, p.stop, p.bulge) * (1 + 1e-6 * _height(p, centre))
            ),
        )
        at, outward = (
            polygons.arc_point(longest.start, longest.stop, longest.bulge, np.array([0.5]))[0],
            _outward(longest),
        )
    write_outside(ax, name, at, outward, colour)


def _height(piece: Segment, centre: np.ndarray) -> float:
    """1 for a piece at the upper right of the device, -1 at the lower left: it picks one of several
    equal pieces.
    """
    x, y = (piece.start + piece.stop) / 2 - centre
    return math.copysign(1.0, x + y)


def _outward(piece: Segment) -> np.ndarray:
    """Unit normal at the middle of a piece; the material lies to the left of its direction."""
    chord = piece.stop - piece.start
    return np.asarray(np.array([chord[1], -chord[0]]) / np.linalg.norm(chord))
