"""Standard devices from a few lengths: Hall bar, cross, annulus and others."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from ..errors import InputError
from ..units import positive, to_si
from .corners import polygon_device
from .outline import Geometry

QUARTER = math.tan(math.pi / 8)  # bulge of a quarter circle


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
    length, width : length
        Of the bar, without arms.
    arm_width, arm_length : length
        Default width/4 and width/2.
    arm_positions : x of the arms from left to right
        Default (-length/7, length/7); empty for a bar without arms.

    Returns
    -------
    Geometry with contacts ``left``, ``right`` (the ends), ``t1``, ``t2``, ... (ends of the upper
    arms) and ``b1``, ``b2``, ... (lower arms).
    """
    full, w = positive(length, "m", "length"), positive(width, "m", "width")
    a = w / 4 if arm_width is None else positive(arm_width, "m", "arm_width")
    h = w / 2 if arm_length is None else positive(arm_length, "m", "arm_length")
    given = (-full / 7, full / 7) if arm_positions is None else arm_positions
    at = [to_si(x, "m", "arm_positions") for x in given]
    ends = [-full / 2, *(x + s * a / 2 for x in at for s in (-1, 1)), full / 2]
    if any(x >= y for x, y in itertools.pairwise(ends)):
        raise InputError(
            f"arms of width {a:g} m at {at} m must follow each other from left to "
            "right "
            f"within {-full / 2:g} to {full / 2:g} m",
            value=at,
            key="arm_positions",
        )
    lower = [(-full / 2, -w / 2)]
    for x in at:
        lower += [
            (x - a / 2, -w / 2),
            (x - a / 2, -w / 2 - h),
            (x + a / 2, -w / 2 - h),
            (x + a / 2, -w / 2),
        ]
    lower.append((full / 2, -w / 2))
    outline = lower + [(x, -y) for x, y in reversed(lower)]
    n = len(lower)
    contacts = {"left": 2 * n - 1, "right": n - 1}
    contacts |= {f"t{i + 1}": 2 * n - 4 - 4 * i for i in range(len(at))}
    contacts |= {f"b{i + 1}": 2 + 4 * i for i in range(len(at))}
    return polygon_device(outline, contacts=contacts, kind="hall_bar")


def cross(length: Any, width: Any) -> Geometry:
    """A Greek cross of two bars ``length`` by ``width``; contacts ``left``, ``right``, ``bottom``,
    ``top``.
    """
    reach, w = positive(length, "m", "length") / 2, positive(width, "m", "width") / 2
    if reach <= w:
        raise InputError(
            f"length must exceed width {2 * w:g} m, got {2 * reach:g} m",
            value=2 * reach,
            key="cross",
        )
    quarter = [(-w, -reach), (w, -reach), (w, -w)]
    outline = [
        p
        for c, s in ((1, 0), (0, 1), (-1, 0), (0, -1))
        for p in ((c * x - s * y, s * x + c * y) for x, y in quarter)
    ]
    return polygon_device(
        outline, contacts={"bottom": 0, "right": 3, "top": 6, "left": 9}, kind="cross"
    )


def _circle(radius: float) -> list[tuple[float, float, float]]:
    return [
        (radius, 0.0, QUARTER),
        (0.0, radius, QUARTER),
        (-radius, 0.0, QUARTER),
        (0.0, -radius, QUARTER),
    ]


def _ring(inner_radius: Any, outer_radius: Any, kind: str) -> Geometry:
    r1, r2 = (
        positive(inner_radius, "m", "inner_radius"),
        positive(outer_radius, "m", "outer_radius"),
    )
    if r2 <= r1:
        raise InputError(
            f"outer_radius must exceed inner_radius {r1:g} m, got {r2:g} m", value=r2, key=kind
        )
    named = {"outer": [0, 1, 2, 3], "inner": [4, 5, 6, 7]}
    key = "contacts" if kind == "corbino" else "edges"
    return polygon_device(_circle(r2), [_circle(r1)], kind=kind, **{key: named})


def corbino(inner_radius: Any, outer_radius: Any) -> Geometry:
    """A Corbino disc: contacts ``inner`` and ``outer`` are the two circles."""
    return _ring(inner_radius, outer_radius, "corbino")


def annulus(inner_radius: Any, outer_radius: Any) -> Geometry:
    """A ring without contacts; its insulating edges are named ``inner`` and ``outer``."""
    return _ring(inner_radius, outer_radius, "annulus")


def van_der_pauw(size: Any, contact: Any, shape: str = "square") -> Geometry:
    """A van der Pauw sample with four equal contacts ``a``, ``b``, ``c``, ``d``, counter-clockwise.

    Parameters
    ----------
    size : length
        Side of the square or diameter of the disc.
    contact : length
        Length of each contact: around the corners of the square (half on each side, ``a`` at the
        lower left), or along the rim of the disc (centred at 225, 315, 45 and 135 degrees).
    shape : "square" or "disc"
    """
    s, c = positive(size, "m", "size"), positive(contact, "m", "contact")
    side = s if shape == "square" else math.pi * s / 4
    if shape not in ("square", "disc"):
        raise InputError(
            f"shape must be 'square' or 'disc', got {shape!r}", value=shape, key="van_der_pauw"
        )
    if c >= side:
        raise InputError(
            f"contact must be shorter than {side:g} m, got {c:g} m", value=c, key="van_der_pauw"
        )
    if shape == "square":
        corners: list[Any] = [(-s / 2, -s / 2), (s / 2, -s / 2), (s / 2, s / 2), (-s / 2, s / 2)]
        places = {n: [((i - 1) % 4, s - c / 2, s), (i, 0.0, c / 2)] for i, n in enumerate("abcd")}
    else:
        corners = _circle(s / 2)
        places = {n: [((i + 2) % 4, (side - c) / 2, (side + c) / 2)] for i, n in enumerate("abcd")}
    return polygon_device(corners, contacts=places, kind="van_der_pauw")


def nonlocal_bar(width: Any, distance: Any, contact: Any, *, length: Any = None) -> Geometry:
    """A long strip with two pairs of opposite contacts on its edges, for the nonlocal resistance.

    Parameters
    ----------
    width : length
        Of the strip, which lies along x.
    distance : length
        Between the centres of the two pairs, at x = -distance/2 and +distance/2.
    contact : length
        Length of each contact along the edge.
    length : length, optional
        Of the strip; default distance + 12 width, ends out of reach (ohmic tails fall as exp(-pi
        x/width)).

    Returns
    -------
    Geometry with contacts ``source`` (lower edge) and ``drain`` (upper edge) on the left,
    ``low`` and ``high`` (lower and upper edge) on the right.
    """
    w, d, c = (
        positive(width, "m", "width"),
        positive(distance, "m", "distance"),
        positive(contact, "m", "contact"),
    )
    full = d + 12 * w if length is None else positive(length, "m", "length")
    if c >= d or d + c >= full:
        raise InputError(
            f"contacts of {c:g} m, {d:g} m apart, do not fit on a strip of {full:g} m side by side",
            value=c,
            key="nonlocal_bar",
        )
    outline = [(-full / 2, -w / 2), (full / 2, -w / 2), (full / 2, w / 2), (-full / 2, w / 2)]
    near, far = (full - d - c) / 2, (full + d - c) / 2
    contacts = {
        "source": (0, near, near + c),
        "low": (0, far, far + c),
        "drain": (2, far, far + c),
        "high": (2, near, near + c),
    }
    return polygon_device(outline, contacts=contacts, kind="nonlocal_bar")
