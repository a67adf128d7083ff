"""Channels: wires and flakes so narrow that nothing varies across, as meshes along x."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import skfem

from ..errors import InputError
from ..errors.doors import door
from ..units import array_si, positive, shown, to_si
from .check import check_mesh
from .device_mesh import DeviceMesh, complete_regions
from .grids import CELLS_PER_DECAY, GROWTH, lines_between

#: Cells of a width at a contact.
AT_CONTACT = 8
#: Two places closer than this fraction of the length are one.
SAME = 1e-9


@door
def channel(
    length: Any,
    width: Any,
    contacts: Mapping[str, Any],
    *,
    resolve: Any = None,
    regions: Mapping[str, tuple[Any, Any]] | None = None,
) -> DeviceMesh:
    """A channel along x, from -length/2 to length/2, on which nothing varies across its width.

    All equations are integrated over the width: contacts are points on the line that inject and
    read, and absorb at a rate integrated over the contact, in m^2/s.  The orbital Hall
    accumulation at the side edges is left out (docs/theory, section 10).

    Parameters
    ----------
    length, width : length, m
    contacts : mapping name -> x
        Places along the channel, both ends included.
    resolve : length, m, optional
        Shortest decay length to resolve; cells at contacts and regions are 4.5 to it. By default
        cells are at most ``width`` long, and ``width``/8 at contacts and regions.
    regions : mapping name -> (start, stop), optional
        Stretches along x, such as pads or other materials; what is left is ``bulk``.

    Returns
    -------
    DeviceMesh of MeshLine1 with axes ("x",); the contacts and, where no contact is, the ends
    ``left`` and ``right`` are its boundaries.

    Raises
    ------
    InputError
        A place outside the channel, or twice; regions that overlap.
    """
    L, w = positive(length, "m", "length"), positive(width, "m", "width")
    places = _places(contacts, L)
    spans = _spans(regions or {}, L)
    finest = w / AT_CONTACT
    if resolve is not None:
        finest = positive(resolve, "m", "resolve") / CELLS_PER_DECAY
    points = _points(L, [*places.values(), *itertools.chain(*spans.values())], finest, w)
    first = np.arange(points.size - 1)
    mesh = skfem.MeshLine1(points[None], np.array([first, first + 1]))
    named = {name: [int(np.argmin(np.abs(points - x)))] for name, x in places.items()}
    taken = {node for nodes in named.values() for node in nodes}
    for name, node in (("left", 0), ("right", points.size - 1)):
        if name not in named and node not in taken:
            named[name] = [node]
    middle = 0.5 * (points[1:] + points[:-1])
    of_region = {
        name: np.flatnonzero((middle > a) & (middle < b)) for name, (a, b) in spans.items()
    }
    device = DeviceMesh(
        mesh,
        ("x",),
        {name: np.array(nodes) for name, nodes in named.items()},
        complete_regions(of_region, points.size - 1),
        f"channel({length!r}, {width!r})",
        w,
    )
    check_mesh(device)
    return device


def _places(
    contacts: Mapping[str, Any],
    length: float,
) -> dict[str, float]:
    if not isinstance(contacts, Mapping):
        raise InputError(f"expected {{name: x}}, got {contacts!r}", value=contacts, key="contacts")
    found: dict[str, float] = {}
    for name, place in contacts.items():
        x = _inside(to_si(place, "m", f"contacts[{name!r}]"), length, f"contact {name!r}")
        twin = next((n for n, other in found.items() if abs(other - x) < SAME * length), None)
        if twin is not None:
            raise InputError(
                f"contacts {twin!r} and {str(name)!r} are at one place, x = {x:g} m",
                value=place,
                key="contacts",
            )
        found[str(name)] = x
    return found


def _inside(
    x: float,
    length: float,
    what: str,
) -> float:
    if abs(x) > 0.5 * length * (1.0 + SAME):
        raise InputError(
            f"{what} at x = {x:g} m lies outside the channel, which runs from {-length / 2:g} to "
            f"{length / 2:g} m",
            value=x,
            key="channel",
        )
    return min(max(x, -length / 2), length / 2)


def _spans(
    regions: Mapping[str, tuple[Any, Any]],
    length: float,
) -> dict[str, tuple[float, float]]:
    found: dict[str, tuple[float, float]] = {}
    for name, span in regions.items():
        ends = array_si(span, "m", f"regions[{name!r}]")
        if ends.shape != (2,):
            raise InputError(
                f"{name!r} needs (start, stop), got {shown(span)}", value=span, key="regions"
            )
        a, b = (_inside(v, length, repr(name)) for v in ends.tolist())
        if not b - a > SAME * length:
            raise InputError(
                f"{name!r} must stop after its start, got {span!r}", value=span, key="regions"
            )
        found[str(name)] = (a, b)
    ordered = sorted(found.items(), key=lambda item: item[1])
    for (one, (_, stop)), (other, (start, _)) in itertools.pairwise(ordered):
        if start < stop - SAME * length:
            raise InputError(f"{one!r} and {other!r} overlap", value=other, key="regions")
    return found


def _points(
    length: float,
    marks: list[float],
    finest: float,
    largest: float,
) -> np.ndarray:
    """Points of the mesh: every mark is one, with fine cells beside it."""
    corners = np.sort([-length / 2, length / 2, *marks])
    apart = np.append(True, np.diff(corners) > SAME * length)
    corners = corners[apart]
    corners[-1] = length / 2
    pieces = [corners[:1]]
    for a, b in itertools.pairwise(corners.tolist()):
        size = min(finest, (b - a) / 4)
        pieces.append(lines_between(a, b, size, size, max(largest, size), GROWTH)[1:])
    return np.concatenate(pieces)
