"""Magnetic fields of a sweep or a rotation."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InputError, complaints_of, suggest
from ..errors.doors import door
from ..units import array_si, to_si

DIRECTIONS = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}


@door
def field_sweep(
    start: Any,
    stop: Any,
    n: int,
    direction: Any = "x",
) -> np.ndarray:
    """Evenly spaced fields along a direction.

    Parameters
    ----------
    start, stop : quantities, T
    n : int
        Number of fields.
    direction : "x", "y", "z", or (3,) floats
        A vector is normalised.

    Returns
    -------
    (n, 3) T

    Raises
    ------
    InputError
        Another direction, no whole number of fields, another dimension.
    """
    if isinstance(direction, str):
        if direction not in DIRECTIONS:
            raise InputError(
                f"{direction!r} is not known; {suggest(direction, DIRECTIONS)}, or a vector",
                key="direction",
            )
        direction = DIRECTIONS[direction]
    unit = array_si(direction, "1", "direction")
    largest = float(np.abs(unit).max(initial=0.0))
    if unit.shape != (3,) or largest == 0.0:
        raise InputError(
            f"expected a non-zero vector of shape (3,), got {direction!r}",
            value=direction,
            key="direction",
        )
    with complaints_of("field_sweep"):
        ends = to_si(start, "T", "start"), to_si(stop, "T", "stop")
    return np.linspace(*ends, _count(n))[:, None] * _normalised(unit) + 0.0  # no -0.0


def _normalised(vector: np.ndarray) -> np.ndarray:
    scaled = vector / np.abs(vector).max()  # the square of 1e-200 is zero
    return np.asarray(scaled / np.linalg.norm(scaled))


@door
def field_rotation(
    magnitude: Any,
    n: int,
    plane: str = "xy",
    *,
    endpoint: bool = False,
) -> np.ndarray:
    """Fields of one magnitude turned by a full circle in a plane.

    The angles in degrees are ``np.linspace(0, 360, n, endpoint=endpoint)``.

    Parameters
    ----------
    magnitude : quantity, T
    n : int
        Number of fields.
    plane : str
        Two of the axes x, y, z: the field turns from the first to the second.
    endpoint : bool
        Whether the last field is at 360 degrees, where the first is again.  By default it is left
        out, as in the discrete Fourier transform: 36 fields are 10 degrees apart, and so are 37
        with the end.

    Returns
    -------
    (n, 3) T

    Raises
    ------
    InputError
        Another plane, no whole number of fields, another dimension.
    """
    if (
        not isinstance(plane, str)
        or len(plane) != 2
        or set(plane) - set("xyz")
        or plane[0] == plane[1]
    ):
        raise InputError(
            f"expected two of the axes x, y, z such as 'xy', got {plane!r}",
            value=plane,
            key="plane",
        )
    with complaints_of("field_rotation"):
        size = to_si(magnitude, "T", "magnitude")
    count = _count(n)
    if not isinstance(endpoint, bool):
        raise InputError(f"expected True or False, got {endpoint!r}", key="endpoint")
    steps = max(count - endpoint, 1)
    angles = 2.0 * np.pi * np.arange(count) / steps
    fields = np.zeros((count, 3))
    fields[:, "xyz".index(plane[0])], fields[:, "xyz".index(plane[1])] = (
        np.cos(angles),
        np.sin(angles),
    )
    return size * fields


def field_turn(
    strength: float,
    start: Any,
    stop: Any,
    points: Any,
    plane: str,
) -> np.ndarray:
    """Fields of one strength (T) at evenly spaced angles in degrees, both ends included, (n, 3).

    Angles are counted from the first axis of the plane towards the second.
    """
    first, second = field_rotation(1.0, 4, plane)[:2]
    ends = to_si(start, "1", "start"), to_si(stop, "1", "stop")
    angle = np.deg2rad(np.linspace(*ends, _count(points)))[:, None]
    return np.asarray(strength * (np.cos(angle) * first + np.sin(angle) * second))


def _count(n: Any) -> int:
    if (
        isinstance(n, bool)
        or not isinstance(n, (int, float, np.integer))
        or not 1 <= n <= 1e8
        or n % 1 != 0
    ):
        raise InputError(
            f"the number of fields must be a positive integer, got {n!r}",
            value=n,
            key="n",
            named=True,
        )
    return int(n)
