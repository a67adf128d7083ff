"""Devices from lithography layouts (GDSII, OASIS), by gdstk and shapely: layers are regions, labels
or polygons contacts.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, require_extra, suggest
from ..units import engineering
from .check import check_geometry
from .corners import SNAP, covered_by, oriented, read_loop
from .outline import Geometry, Loop, Piece

# Layouts live on a grid; polygons that meet to this fraction of the device touch.
TOUCH = 1e-9
#: A layer, or a layer and a datatype.
Layer = int | tuple[int, int]


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
    layers = dict(regions) if isinstance(regions, Mapping) else {"bulk": regions}
    if not layers:
        raise InputError(
            "regions names no layer; give the layer of the device", value=regions, key="from_gds"
        )
    shapes = {str(name): layout.shape(layer, f"region {name!r}") for name, layer in layers.items()}
    loops = _outline(layout, shapes)
    if contacts is None:
        named = _edges_by_label(loops, layout.texts(labels)) if labels is not None else {}
    else:
        named = _covered(layout, loops, contacts, labels)
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
        gdstk = require_extra("gdstk", "layout", "reading a layout")
        self.shapely = require_extra("shapely", "layout", "reading a layout")
        self.path = path
        if not path.is_file():
            raise InputError(
                f"layout {str(path)!r} does not exist; give the path of a .gds or .oas file",
                value=str(path),
            )
        try:
            library = (
                gdstk.read_oas(str(path))
                if path.suffix.lower() in (".oas", ".oasis")
                else gdstk.read_gds(str(path))
            )
        except Exception as exc:  # gdstk raises OSError, RuntimeError and others
            raise InputError(
                f"{path}: cannot be read ({exc}); give a GDSII or OASIS file", value=str(path)
            ) from exc
        self.unit = library.unit
        cells = {c.name: c for c in library.cells}
        top = [c.name for c in library.top_level()]
        if cell is None and len(top) != 1:
            known = ", ".join(cells) or "none"
            raise InputError(
                f"{path}: has {len(top)} top cells; choose with cell=, one of {known}", value=top
            )
        name = top[0] if cell is None else cell
        if name not in cells:
            raise InputError(f"{path}: no cell {name!r}; {suggest(name, cells)}", value=cell)
        self.polygons = cells[name].get_polygons()
        self.labels = cells[name].get_labels()

    def shape(self, layer: Any, what: str) -> Any:
        """Everything on a layer, as one shapely shape."""
        number, kind = self._layer(layer, what)
        members = [p for p in self.polygons if p.layer == number and kind in (None, p.datatype)]
        if not members:
            present = sorted({(p.layer, p.datatype) for p in self.polygons})
            raise InputError(
                f"{what}: {self.path} has nothing on layer {layer!r}; it has (layer, datatype) "
                f"{', '.join(map(str, present)) or 'none'}",
                value=layer,
            )
        return self.shapely.union_all(
            [self.shapely.Polygon(p.points * self.unit).buffer(0) for p in members]
        )

    def texts(self, layer: Any) -> list[tuple[str, np.ndarray]]:
        """Texts and their places."""
        if layer is None:
            return [(t.text, np.array(t.origin) * self.unit) for t in self.labels]
        number, kind = self._layer(layer, "labels")
        found = [t for t in self.labels if t.layer == number and kind in (None, t.texttype)]
        if not found:
            present = (
                ", ".join(map(str, sorted({(t.layer, t.texttype) for t in self.labels}))) or "none"
            )
            raise InputError(
                f"{self.path} has no text on layer {layer!r}; it has texts on {present}",
                value=layer,
                key="labels",
            )
        return [(t.text, np.array(t.origin) * self.unit) for t in found]

    @staticmethod
    def _layer(layer: Any, what: str) -> tuple[int, int | None]:
        if isinstance(layer, int) and not isinstance(layer, bool):
            return layer, None
        if isinstance(layer, tuple) and len(layer) == 2 and all(isinstance(v, int) for v in layer):
            return layer
        raise InputError(
            f"{what}: a layer is a number or (layer, datatype), got {layer!r}", value=layer
        )


def _pieces(shape: Any) -> list[Any]:
    return [p for p in getattr(shape, "geoms", [shape]) if p.geom_type == "Polygon"]


def _outline(layout: _Layout, shapes: Mapping[str, Any]) -> list[Loop]:
    """Outline and holes of all shapes together."""
    size = max(np.ptp(np.reshape(s.bounds, (2, 2)), axis=0).max() for s in shapes.values())
    whole = _pieces(layout.shapely.union_all(list(shapes.values()), grid_size=TOUCH * size))
    if len(whole) != 1:
        where = "; ".join(
            ", ".join(engineering(v, "m") for v in (p.centroid.x, p.centroid.y)) for p in whole[:5]
        )
        raise InputError(
            f"{layout.path}: the device falls apart into {len(whole)} pieces, at ({where}); choose "
            "layers or a cell with one",
            value=len(whole),
        )
    rings = [whole[0].exterior, *whole[0].interiors]
    loops, _ = oriented([_loop(layout, ring, "device") for ring in rings])
    return loops


def _loop(layout: _Layout, ring: Any, name: str) -> Loop:
    """A ring without the corners where nothing turns."""
    simple = layout.shapely.Polygon(ring).exterior.simplify(0.0)
    points = np.array(simple.coords)[:-1]
    u, v = points - np.roll(points, 1, axis=0), np.roll(points, -1, axis=0) - points
    bends = np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]) > 1e-9 * np.hypot(*u.T) * np.hypot(*v.T)
    return read_loop([tuple(map(float, p)) for p in points[bends]], name)


def _covered(
    layout: _Layout, loops: list[Loop], contacts: Layer | Mapping[str, Layer], labels: Any
) -> dict[str, tuple[Piece, ...]]:
    """Contacts from polygons that lie on the boundary."""
    size = float(np.linalg.norm(np.ptp(loops[0].polygon, axis=0)))
    if isinstance(contacts, Mapping):
        shapes = {
            str(name): _pieces(layout.shape(layer, f"contact {name!r}"))
            for name, layer in contacts.items()
        }
    else:
        shapes = {}
        texts = layout.texts(labels)
        for shape in _pieces(layout.shape(contacts, "contacts")):
            inside = {
                text
                for text, at in texts
                if shape.distance(layout.shapely.Point(at)) <= SNAP * size
            }
            if len(inside) != 1:
                x, y = (engineering(v, "m") for v in (shape.centroid.x, shape.centroid.y))
                found = (
                    "no label"
                    if not inside
                    else f"{len(inside)} labels ({', '.join(sorted(inside))})"
                )
                raise InputError(
                    f"the polygon around ({x}, {y}) on layer {contacts!r} has {found}; "
                    "put one text inside it",
                    value=contacts,
                    key="contacts",
                )
            shapes.setdefault(inside.pop(), []).append(shape)
    out = {}
    for name, group in shapes.items():
        out[name] = covered_by(
            loops, [np.array(p.exterior.coords)[:-1] for p in group], SNAP * size
        )
        if not out[name]:
            raise InputError(
                f"contact {name!r}: its polygons do not touch the boundary of the device; move "
                "them",
                value=name,
            )
    return out


def _edges_by_label(
    loops: list[Loop], texts: list[tuple[str, np.ndarray]]
) -> dict[str, tuple[Piece, ...]]:
    """Contacts from texts: each names the edge next to it."""
    from . import polygons

    out: dict[str, tuple[Piece, ...]] = {}
    for text, at in texts:
        edges = [(k, i) for k, loop in enumerate(loops) for i in range(len(loop.points))]
        k, i = min(edges, key=lambda e: polygons.along_edge(at, *loops[e[0]].edge(e[1]))[0])
        taken = next(
            (name for name, pieces in out.items() if Piece(k, i, 0.0, 1.0) in pieces), None
        )
        if taken is not None and taken != text:
            raise InputError(
                f"{taken!r} and {text!r} are next to the same edge; move one",
                value=text,
                key="labels",
            )
        if taken is None:
            out[text] = (*out.get(text, ()), Piece(k, i, 0.0, 1.0))
    return out


def _regions(layout: _Layout, shapes: Mapping[str, Any]) -> dict[str, Loop | None]:
    """One loop for each region; the one that is not simple is the rest."""
    simple = {k: len(_pieces(s)) == 1 and not _pieces(s)[0].interiors for k, s in shapes.items()}
    bad = [k for k, ok in simple.items() if not ok]
    if len(bad) > 1:
        raise InputError(
            f"regions {bad[0]!r} and {bad[1]!r} each have holes or several pieces; only one of the "
            "regions may",
            value=bad,
        )
    return {
        k: _loop(layout, _pieces(s)[0].exterior, f"region {k!r}") if simple[k] else None
        for k, s in shapes.items()
    }
