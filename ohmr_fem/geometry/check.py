"""Is this a device? Each check raises InputError with one line."""

from __future__ import annotations

import itertools

import numpy as np

from ..errors import InputError
from ..units import engineering
from . import polygons
from .outline import Geometry, Loop

# Two lengths of one device may differ by this factor: the mesh grades to 1e-3 of the narrowest
# width,
# and coordinates must still tell such cells apart.
SPAN = 1e5
# Relative to the size (lengths) or the area of the device.
TOLERANCE = 1e-9
AREA_TOLERANCE = 1e-6


def check_geometry(geometry: Geometry) -> None:
    """Raise InputError unless ``geometry`` is one device with unambiguous names.

    Refused: outlines without area or that cross themselves, holes outside or touching, edges or
    contacts shorter than 1e-5 of the device, contacts that overlap, names used twice, regions that
    overlap, lie outside or do not cover the device.
    """
    size = geometry.size
    loops = _all_loops(geometry)
    for name, loop in loops:
        _check_corners(name, loop, size)
    _check_crossings(geometry)
    for name, loop in loops:
        if abs(polygons.signed_area(loop.polygon)) <= TOLERANCE * size**2:
            raise InputError("degenerate, it encloses no area", value=loop.points, key=name)
    _check_holes(geometry)
    _check_names(geometry)
    _check_span(geometry)
    _check_regions(geometry)


def _all_loops(geometry: Geometry) -> list[tuple[str, Loop]]:
    loops = [("outline", geometry.outline)]
    loops += [(f"hole {k + 1}", hole) for k, hole in enumerate(geometry.holes)]
    return loops + [
        (f"region {k!r}", loop) for k, loop in geometry.regions.items() if loop is not None
    ]


def _check_corners(name: str, loop: Loop, size: float) -> None:
    points = np.array(loop.points)
    lengths = np.linalg.norm(np.roll(points, -1, axis=0) - points, axis=1)
    if size == 0 or lengths.min() <= TOLERANCE * size:
        i = int(lengths.argmin())
        raise InputError(
            f"degenerate, corners {i} and {(i + 1) % len(points)} coincide; remove one",
            value=i,
            key=name,
        )
    polygon = loop.polygon
    if name.startswith("region"):
        clash = polygons.crossing_edges(polygon, np.roll(polygon, -1, axis=0), TOLERANCE * size)
        if clash is not None:
            raise InputError(
                "its outline crosses itself; draw it without crossings", value=clash, key=name
            )


def _check_crossings(geometry: Geometry) -> None:
    loops = [loop.polygon for loop in geometry.loops]
    start = np.vstack(loops)
    stop = np.vstack([np.roll(p, -1, axis=0) for p in loops])
    clash = polygons.crossing_edges(start, stop, TOLERANCE * geometry.size)
    if clash is None:
        return
    owner = np.repeat(np.arange(len(loops)), [len(p) for p in loops])[list(clash)]
    names = ["outline" if k == 0 else f"hole {k}" for k in owner]
    where = ", ".join(engineering(float(v), "m") for v in (start[clash[1]] + stop[clash[1]]) / 2)
    what = (
        f"{names[0]} crosses or touches itself"
        if owner[0] == owner[1]
        else f"{names[0]} and {names[1]} touch"
    )
    raise InputError(f"{what} near ({where}); edges may meet at shared corners only", value=clash)


def _check_holes(geometry: Geometry) -> None:
    for k, hole in enumerate(geometry.holes):
        corner = np.array(hole.points[:1])
        if not polygons.inside(corner, geometry.outline.polygon)[0]:
            raise InputError(
                f"hole {k + 1} lies outside the outline; move or remove it", value=k + 1
            )
        for j, other in enumerate(geometry.holes):
            if j != k and polygons.inside(corner, other.polygon)[0]:
                raise InputError(f"hole {k + 1} lies inside hole {j + 1}; remove it", value=k + 1)


def _check_names(geometry: Geometry) -> None:
    for kind in (set(geometry.edges), set(geometry.regions)):
        both = sorted(set(geometry.contacts) & kind)
        if both:
            raise InputError(
                f"name {both[0]!r} is used twice; rename the contact, edge or region", value=both[0]
            )
    both = sorted(set(geometry.edges) & set(geometry.regions))
    if both:
        raise InputError(
            f"name {both[0]!r} is used for an edge and a region; rename one", value=both[0]
        )
    pieces = sorted(
        (p.loop, p.edge, p.start, p.stop, name)
        for name, group in geometry.named.items()
        for p in group
    )
    for one, two in itertools.pairwise(pieces):
        if one[:2] == two[:2] and two[2] < one[3] - TOLERANCE:
            raise InputError(
                f"{one[4]!r} and {two[4]!r} overlap on one edge; shorten one",
                value=(one[4], two[4]),
            )


def _check_span(geometry: Geometry) -> None:
    lengths = [float(np.linalg.norm(s.stop - s.start)) for s in geometry.boundary()]
    smallest = min([*lengths, geometry.narrowest])
    if smallest * SPAN < geometry.size:
        raise InputError(
            f"lengths differ by more than a factor {SPAN:g}: the device is "
            f"{engineering(geometry.size, 'm')} large and "
            f"has a detail of {engineering(smallest, 'm')}; check the units or leave the detail "
            "out",
            value=smallest,
        )


def _check_regions(geometry: Geometry) -> None:
    drawn = {k: v.polygon for k, v in geometry.regions.items() if v is not None}
    rest = [k for k, v in geometry.regions.items() if v is None]
    if len(rest) > 1:
        raise InputError(
            f"regions {rest[0]!r} and {rest[1]!r} are both the rest of the device; keep one",
            value=rest,
        )
    if not geometry.regions:
        return
    device = [loop.polygon for loop in geometry.loops]
    tolerance = TOLERANCE * geometry.size
    outer, *inner = (abs(polygons.signed_area(polygon)) for polygon in device)
    total = outer - sum(inner)
    covered = 0.0
    for i, (name, polygon) in enumerate(drawn.items()):
        area = polygons.common_area(device, [polygon], tolerance)
        if area < AREA_TOLERANCE * total:
            raise InputError(
                f"region {name!r} lies outside the device; move or remove it", value=name
            )
        covered += area
        for other in list(drawn)[:i]:
            if polygons.common_area([polygon], [drawn[other]], tolerance) > AREA_TOLERANCE * total:
                raise InputError(
                    f"regions {other!r} and {name!r} overlap; each place has one material",
                    value=name,
                )
    if drawn and not rest and covered < (1 - AREA_TOLERANCE) * total:
        raise InputError(
            f"the regions cover {100 * covered / total:.4g} % of the device; add the rest, for "
            f"instance as {{'bulk': None}}",
            value=covered / total,
        )
    if rest and covered > (1 - AREA_TOLERANCE) * total:
        raise InputError(
            f"region {rest[0]!r}, the rest of the device, is empty; remove it", value=rest[0]
        )
