"""Devices from lithography layouts (GDSII, OASIS), by gdstk and shapely: layers are regions, labels
or polygons contacts.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, require_extra
from ..errors.doors import door
from ..files import escaped, plain_file
from ..units import engineering
from . import polygons
from .check import check_geometry
from .corners import SNAP, covered_by, oriented, read_loop
from .gds_child import read_layout
from .outline import Geometry, Loop, Piece

logger = logging.getLogger(__name__)

# Layouts live on a grid; polygons that meet to this fraction of the device touch.
TOUCH = 1e-9
#: A layer, or a layer and a datatype.
Layer = int | tuple[int, int]
Named = dict[str, tuple[Piece, ...]]
Texts = list[tuple[str, np.ndarray]]


@door
def from_gds(
    path: str | Path,
    regions: Layer | Mapping[str, Layer],
    contacts: Layer | Mapping[str, Layer] | None = None,
    *,
    labels: Layer | None = None,
    cell: str | None = None,
) -> Geometry:
    """Read a device from a layout.

    Parameters
    ----------
    path : .gds, .gdsii or .oas file; its own unit is used
    regions : layer, or mapping name -> layer
        The device is everything on these layers; layers beyond the first name its materials. A
        layer is a number (every datatype) or (layer, datatype).
    contacts : mapping name -> layer, or one layer, optional
        The boundary of the device that polygons of the layer cover or touch becomes the contact.
        With one layer for all, each polygon is named by the label inside it.
    labels : layer, optional
        Texts that name contacts: inside a contact polygon its name; without contact polygons, the
        straight edge next to the text is the contact. Default: texts on every layer.
    cell : str, optional
        Default: the only top cell. References are followed.

    Returns
    -------
    Geometry, with one region for each name in ``regions`` if there are several

    Raises
    ------
    InputError
        No such file, cell or layer (the message lists those that exist), a device in several
        pieces, contact polygons off the device or without a label, regions that are not simple.
    MissingExtraError
        gdstk or shapely is not installed.
    """
    layout = _Layout(Path(path), cell)
    if not isinstance(regions, Mapping):
        regions = {"bulk": regions}
    if not regions:
        raise InputError(
            "regions names no layer; give the layer of the device", value=regions, key="from_gds"
        )
    shapes = {}
    for name, layer in regions.items():
        shapes[str(name)] = layout.shape(layer, f"region {name!r}")
    loops = _outline(layout, shapes)
    named: Named = {}
    if contacts is not None:
        named = _covered(layout, loops, contacts, labels)
    elif labels is not None:
        named = _edges_by_label(loops, layout.texts(labels))
    out = Geometry(
        loops[0],
        tuple(loops[1:]),
        named,
        {},
        _regions(layout, shapes) if len(shapes) > 1 else {},
        "from_gds",
    )
    check_geometry(out)
    return out


class _Layout:
    """One cell of a layout file, flattened, in metres."""

    def __init__(self, path: Path, cell: str | None) -> None:
        require_extra("gdstk", "layout", "reading a layout")
        self.shapely = require_extra("shapely", "layout", "reading a layout")
        self.path = path
        if not path.exists():
            raise InputError(
                f"layout {escaped(str(path))!r} does not exist; give the path of a .gds or .oas "
                "file",
                value=str(path),
            )
        layout = read_layout(plain_file(path, "a GDSII or OASIS file"), cell)
        self.polygons = layout.polygons
        self.labels = layout.labels
        self.crossing = False
        if layout.thin:
            logger.info("%s: %d polygons and paths without area left out", path, layout.thin)

    def shape(self, layer: Any, what: str) -> Any:
        """Everything on a layer, as one shapely shape."""
        number, kind = self._layer(layer, what)
        members = []
        for of_polygon, datatype, points in self.polygons:
            if of_polygon == number and kind in (None, datatype):
                polygon = self.shapely.Polygon(points)
                if not polygon.is_valid:
                    self.crossing = True
                    polygon = _filled(self.shapely, points)
                members.append(polygon)
        if not members:
            present = _listed({(number, kind) for number, kind, _ in self.polygons})
            raise InputError(
                f"{what}: {self.path} has nothing on layer {layer!r}; it has (layer, datatype) "
                f"{present}",
                value=layer,
            )
        return self.shapely.union_all(members)

    def texts(self, layer: Any) -> Texts:
        """Texts and their places."""
        found = self.labels
        if layer is not None:
            number, kind = self._layer(layer, "labels")
            found = [t for t in found if t[0] == number and kind in (None, t[1])]
        if layer is not None and not found:
            present = _listed({(number, kind) for number, kind, _, _ in self.labels})
            raise InputError(
                f"{self.path} has no text on layer {layer!r}; it has texts on {present}",
                value=layer,
                key="labels",
            )
        return [(text, place) for _, _, text, place in found]

    @staticmethod
    def _layer(layer: Any, what: str) -> tuple[int, int | None]:
        if isinstance(layer, int) and not isinstance(layer, bool):
            return layer, None
        if isinstance(layer, tuple) and len(layer) == 2:
            number, kind = layer
            if isinstance(number, int) and isinstance(kind, int):
                return number, kind
        raise InputError(
            f"{what}: a layer is a number or (layer, datatype), got {layer!r}", value=layer
        )


def _filled(shapely: Any, corners: np.ndarray) -> Any:
    """What a crossing polygon covers: all that it winds about, in whichever sense.

    buffer(0) would lose the lobes of a crossing polygon that turn the other way.
    """
    edges = shapely.union_all(shapely.Polygon(corners).exterior)
    faces = shapely.get_parts(shapely.polygonize([edges]))
    kept = []
    for face in faces:
        inside = np.array(face.representative_point().coords[0])
        if polygons.winding(inside, corners):
            kept.append(face)
    return shapely.union_all(kept)


def _listed(layers: set[tuple[int, int]]) -> str:
    return ", ".join(map(str, sorted(layers))) or "none"


def _place(shape: Any) -> str:
    """Centre of a shape in words."""
    x = engineering(shape.centroid.x, "m")
    y = engineering(shape.centroid.y, "m")
    return f"{x}, {y}"


def _pieces(shape: Any) -> list[Any]:
    parts = getattr(shape, "geoms", [shape])
    return [p for p in parts if p.geom_type == "Polygon"]


def _outline(layout: _Layout, shapes: Mapping[str, Any]) -> list[Loop]:
    """Outline and holes of all shapes together."""
    extents = []
    for shape in shapes.values():
        low_and_high = np.reshape(shape.bounds, (2, 2))
        extents.append(np.ptp(low_and_high, axis=0).max())
    grid = TOUCH * max(extents)
    union = layout.shapely.union_all(list(shapes.values()), grid_size=grid)
    whole = _pieces(union)
    outlines = [_loop(layout, piece.exterior, "device") for piece in whole]
    # the lobes of a crossing polygon hang together in the point where it crosses
    joined = _joined(outlines, grid) if layout.crossing else None
    if len(whole) != 1 and joined is None:
        where = "; ".join(_place(p) for p in whole[:5])
        raise InputError(
            f"{layout.path}: the device falls apart into {len(whole)} pieces, at ({where}); choose "
            "layers or a cell with one",
            value=len(whole),
        )
    rings = [outlines[0] if joined is None else joined]
    for piece in whole:
        rings += [_loop(layout, ring, "device") for ring in piece.interiors]
    loops, _ = oriented(rings)
    return loops


def _joined(loops: list[Loop], tolerance: float) -> Loop | None:
    """One loop through all that share corners; None if some share none."""
    points = list(loops[0].points)
    rest = [list(loop.points) for loop in loops[1:]]
    while rest:
        for other in rest:
            gaps = np.abs(np.array(points)[:, None] - np.array(other)[None]).max(axis=2)
            i, j = np.unravel_index(int(gaps.argmin()), gaps.shape)
            if gaps[i, j] <= 2 * tolerance:
                # both rings are of one sense: out at the shared corner, around, and back to it
                around = [points[i], *other[int(j) + 1 :], *other[: int(j)]]
                points[int(i) : int(i)] = around
                rest.remove(other)
                break
        else:
            return None
    return Loop(tuple(points), (0.0,) * len(points))


def _corners(ring: Any) -> np.ndarray:
    """Corners of a shapely ring, which repeats the first one at its end."""
    return np.array(ring.coords)[:-1]


def _loop(layout: _Layout, ring: Any, name: str) -> Loop:
    """A ring without the corners where nothing turns."""
    simple = layout.shapely.Polygon(ring).exterior.simplify(0.0)
    points = _corners(simple)
    u = points - np.roll(points, 1, axis=0)
    v = np.roll(points, -1, axis=0) - points
    turn = np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0])
    straight = 1e-9 * np.hypot(*u.T) * np.hypot(*v.T)
    corners = points[turn > straight]
    return read_loop([tuple(map(float, p)) for p in corners], name)


def _covered(
    layout: _Layout,
    loops: list[Loop],
    contacts: Layer | Mapping[str, Layer],
    labels: Any,
) -> Named:
    """Contacts from polygons that lie on the boundary."""
    tolerance = SNAP * loops[0].diagonal
    if isinstance(contacts, Mapping):
        shapes = {}
        for name, layer in contacts.items():
            shape = layout.shape(layer, f"contact {name!r}")
            shapes[str(name)] = _pieces(shape)
    else:
        shapes = _shapes_by_label(layout, contacts, labels, tolerance)
    out = {}
    for name, group in shapes.items():
        pads = []
        for piece in group:
            pads.append([_corners(ring) for ring in (piece.exterior, *piece.interiors)])
        out[name] = covered_by(loops, pads, tolerance)
        if not out[name]:
            raise InputError(
                f"contact {name!r}: its polygons do not touch the boundary of the device; move "
                "them",
                value=name,
            )
    return out


def _shapes_by_label(
    layout: _Layout,
    contacts: Layer,
    labels: Any,
    tolerance: float,
) -> dict[str, list[Any]]:
    """Contact polygons of one layer, named by the text inside each."""
    shapes: dict[str, list[Any]] = {}
    texts = layout.texts(labels)
    for shape in _pieces(layout.shape(contacts, "contacts")):
        inside = set()
        for text, at in texts:
            if shape.distance(layout.shapely.Point(at)) <= tolerance:
                inside.add(text)
        if len(inside) != 1:
            found, more = "no label", ""
            if inside:
                found = f"{len(inside)} labels ({', '.join(sorted(inside))})"
                more = ", or two pads overlap: draw them apart"
            raise InputError(
                f"the polygon around ({_place(shape)}) on layer {contacts!r} has "
                f"{found}; put one text inside it{more}",
                value=contacts,
                key="contacts",
            )
        shapes.setdefault(inside.pop(), []).append(shape)
    return shapes


def _edges_by_label(loops: list[Loop], texts: Texts) -> Named:
    """Contacts from texts: each names the edge next to it."""
    edges = []
    for k, loop in enumerate(loops):
        for i in range(len(loop.points)):
            edges.append(Piece(k, i, 0.0, 1.0))
    owner: dict[Piece, str] = {}
    out: Named = {}
    for text, at in texts:
        gaps = []
        for e in edges:
            ends_and_bulge = loops[e.loop].edge(e.edge)
            gap, _ = polygons.along_edge(at, *ends_and_bulge)
            gaps.append(gap)
        edge = edges[gaps.index(min(gaps))]
        taken = owner.setdefault(edge, text)
        if taken != text:
            raise InputError(
                f"{taken!r} and {text!r} are next to the same edge; move one",
                value=text,
                key="labels",
            )
    for edge, text in owner.items():
        out[text] = (*out.get(text, ()), edge)
    return out


def _regions(layout: _Layout, shapes: Mapping[str, Any]) -> dict[str, Loop | None]:
    """One loop for each region; the one that is not simple is the rest."""
    loops: dict[str, Loop | None] = {}
    for name, shape in shapes.items():
        pieces = _pieces(shape)
        if len(pieces) != 1 or pieces[0].interiors:
            loops[name] = None
        else:
            loops[name] = _loop(layout, pieces[0].exterior, f"region {name!r}")
    bad = [name for name, loop in loops.items() if loop is None]
    if len(bad) > 1:
        raise InputError(
            f"regions {bad[0]!r} and {bad[1]!r} each have holes or several pieces; only one of the "
            "regions may",
            value=bad,
        )
    return loops
