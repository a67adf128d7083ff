"""Standard devices from a few lengths: Hall bar, cross, annulus and others."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from ..errors import InputError
from ..errors.doors import door
from ..units import array_si, positive
from .corners import polygon_device
from .outline import Geometry

QUARTER = math.tan(math.pi / 8)  # bulge of a quarter circle


@door
def hall_bar(
    length: Any,
    width: Any,
    *,
    arm_width: Any = None,
    arm_length: Any = None,
    arm_positions: Sequence[Any] | None = None,
) -> Geometry:
    """A bar along x with side arms up and down, centred on the origin.

    Parameters
    ----------
    length, width : length, m
        Of the bar, without arms.
    arm_width, arm_length : length, m
        Default width/4 and width/2.
    arm_positions : x of the arms from left to right
        Default (-length/7, length/7); empty for a bar without arms.

    Returns
    -------
    Geometry with contacts ``left``, ``right`` (the ends), ``t1``, ``t2``, ... (ends of the upper
    arms) and ``b1``, ``b2``, ... (lower arms).

    Raises
    ------
    InputError
        Lengths that are not positive, arms that overlap or do not fit on the bar.
    """
    full = positive(length, "m", "length")
    w = positive(width, "m", "width")
    a = w / 4 if arm_width is None else positive(arm_width, "m", "arm_width")
    h = w / 2 if arm_length is None else positive(arm_length, "m", "arm_length")
    if arm_positions is None:
        arm_positions = (-full / 7, full / 7)
    at = array_si(arm_positions, "m", "arm_positions").ravel().tolist()
    left = -full / 2
    right = full / 2
    bottom = -w / 2
    lower = [(left, bottom)]
    for x in at:
        start = x - a / 2
        stop = x + a / 2
        lower.append((start, bottom))
        lower.append((start, bottom - h))
        lower.append((stop, bottom - h))
        lower.append((stop, bottom))
    lower.append((right, bottom))
    on_edge = [x for x, y in lower if y == bottom]
    if any(x >= y for x, y in itertools.pairwise(on_edge)):
        raise InputError(
            f"arms of width {a:g} m at {at} m must follow each other from left to "
            "right "
            f"within {left:g} to {right:g} m",
            value=at,
            key="arm_positions",
        )
    upper = [(x, -y) for x, y in reversed(lower)]
    n = len(lower)
    contacts = {}
    contacts["left"] = 2 * n - 1
    contacts["right"] = n - 1
    # four edges lie between the ends of neighbouring arms
    for i in range(len(at)):
        contacts[f"t{i + 1}"] = 2 * n - 4 - 4 * i
    for i in range(len(at)):
        contacts[f"b{i + 1}"] = 2 + 4 * i
    return polygon_device(lower + upper, contacts=contacts, kind="hall_bar")


@door
def cross(length: Any, width: Any) -> Geometry:
    """A Greek cross of two equal bars, centred on the origin.

    Parameters
    ----------
    length, width : lengths, m
        Of each bar.

    Returns
    -------
    Geometry
        Contacts ``left``, ``right``, ``bottom``, ``top``.

    Raises
    ------
    InputError
        Not 0 < width < length.
    """
    reach = positive(length, "m", "length") / 2
    w = positive(width, "m", "width") / 2
    if reach <= w:
        raise InputError(
            f"length must exceed width {2 * w:g} m, got {2 * reach:g} m",
            value=2 * reach,
            key="cross",
        )
    arm = [(-w, -reach), (w, -reach), (w, -w)]
    outline = []
    for _ in range(4):
        outline += arm
        arm = [(-y, x) for x, y in arm]  # a quarter turn on
    contacts = {
        "bottom": 0,
        "right": 3,
        "top": 6,
        "left": 9,
    }
    return polygon_device(outline, contacts=contacts, kind="cross")


def _rectangle(width: float, height: float) -> list[tuple[float, float]]:
    """Corners counter-clockwise from the lower left, centred on the origin."""
    x = width / 2
    y = height / 2
    return [
        (-x, -y),
        (x, -y),
        (x, y),
        (-x, y),
    ]


def _circle(radius: float) -> list[tuple[float, float, float]]:
    return [
        (radius, 0.0, QUARTER),
        (0.0, radius, QUARTER),
        (-radius, 0.0, QUARTER),
        (0.0, -radius, QUARTER),
    ]


def _ring(inner_radius: Any, outer_radius: Any, kind: str) -> Geometry:
    r1 = positive(inner_radius, "m", "inner_radius")
    r2 = positive(outer_radius, "m", "outer_radius")
    if r2 <= r1:
        raise InputError(
            f"outer_radius must exceed inner_radius {r1:g} m, got {r2:g} m",
            value=r2,
            key=kind,
        )
    named = {"outer": [0, 1, 2, 3], "inner": [4, 5, 6, 7]}
    with_contacts = kind == "corbino"
    return polygon_device(
        _circle(r2),
        holes=[_circle(r1)],
        contacts=named if with_contacts else None,
        edges=None if with_contacts else named,
        kind=kind,
    )


@door
def corbino(inner_radius: Any, outer_radius: Any) -> Geometry:
    """A Corbino disc: contacts ``inner`` and ``outer`` are its two circles.

    Parameters
    ----------
    inner_radius, outer_radius : lengths, m

    Returns
    -------
    Geometry

    Raises
    ------
    InputError
        Not 0 < inner < outer.
    """
    return _ring(inner_radius, outer_radius, "corbino")


@door
def annulus(inner_radius: Any, outer_radius: Any) -> Geometry:
    """A ring without contacts; its insulating edges are named ``inner`` and ``outer``.

    Parameters
    ----------
    inner_radius, outer_radius : lengths, m

    Returns
    -------
    Geometry

    Raises
    ------
    InputError
        Not 0 < inner < outer.
    """
    return _ring(inner_radius, outer_radius, "annulus")


@door
def van_der_pauw(size: Any, contact: Any, shape: str = "square") -> Geometry:
    """A van der Pauw sample with four equal contacts ``a``, ``b``, ``c``, ``d``, counter-clockwise.

    Parameters
    ----------
    size : length, m
        Side of the square or diameter of the disc.
    contact : length, m
        Length of each contact: around the corners of the square (half on each side, ``a`` at the
        lower left), or along the rim of the disc (centred at 225, 315, 45 and 135 degrees).
    shape : "square" or "disc"

    Returns
    -------
    Geometry

    Raises
    ------
    InputError
        Lengths that are not positive, contacts as long as the side, another shape.
    """
    s = positive(size, "m", "size")
    c = positive(contact, "m", "contact")
    if shape not in ("square", "disc"):
        raise InputError(
            f"shape must be 'square' or 'disc', got {shape!r}",
            value=shape,
            key="van_der_pauw",
        )
    square = shape == "square"
    side = s if square else math.pi * s / 4
    if c >= side:
        raise InputError(
            f"contact must be shorter than {side:g} m, got {c:g} m",
            value=c,
            key="van_der_pauw",
        )
    corners: list[Any] = _rectangle(s, s) if square else _circle(s / 2)
    places: dict[str, Any] = {}
    for i, name in enumerate("abcd"):
        if square:
            before = (i - 1) % 4
            places[name] = [(before, s - c / 2, s), (i, 0.0, c / 2)]
        else:
            quarter = (i + 2) % 4
            places[name] = [(quarter, (side - c) / 2, (side + c) / 2)]
    return polygon_device(corners, contacts=places, kind="van_der_pauw")


@door
def nonlocal_bar(width: Any, distance: Any, contact: Any, *, length: Any = None) -> Geometry:
    """A long strip with two pairs of opposite contacts on its edges, for the nonlocal resistance.

    Parameters
    ----------
    width : length, m
        Of the strip, which lies along x.
    distance : length, m
        Between the centres of the two pairs, at x = -distance/2 and +distance/2.
    contact : length, m
        Length of each contact along the edge.
    length : length, m, optional
        Of the strip; default distance + 12 width, ends out of reach (ohmic tails fall as exp(-pi
        x/width)).

    Returns
    -------
    Geometry with contacts ``source`` (lower edge) and ``drain`` (upper edge) on the left,
    ``low`` and ``high`` (lower and upper edge) on the right.

    Raises
    ------
    InputError
        Lengths that are not positive, contacts that do not fit side by side.
    """
    w = positive(width, "m", "width")
    d = positive(distance, "m", "distance")
    c = positive(contact, "m", "contact")
    full = d + 12 * w if length is None else positive(length, "m", "length")
    if c >= d or d + c >= full:
        raise InputError(
            f"contacts of {c:g} m, {d:g} m apart, do not fit on a strip of {full:g} m side by side",
            value=c,
            key="nonlocal_bar",
        )
    outline = _rectangle(full, w)
    near = (full - d - c) / 2
    far = (full + d - c) / 2
    contacts = {
        "source": (0, near, near + c),
        "low": (0, far, far + c),
        "drain": (2, far, far + c),
        "high": (2, near, near + c),
    }
    return polygon_device(outline, contacts=contacts, kind="nonlocal_bar")
