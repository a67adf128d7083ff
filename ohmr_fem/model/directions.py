"""What fields have in common: a line, or a turn in a plane; and the words for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Part of a field off a line, a plane or a strength that is round-off.
OFF = 1e-9
AXES = "xyz"


@dataclass(frozen=True)
class Turn:
    """A field of one strength turned in a plane.

    Attributes
    ----------
    strength : float, T
    angle : (n,) degrees
    plane : where angles are counted from and to, such as "x to y"; "" of an oblique plane, where
        they are counted from the first field
    """

    strength: float
    angle: np.ndarray
    plane: str

    @property
    def words(self) -> str:
        """Strength and plane."""
        plane = f"from {self.plane}" if self.plane else "in an oblique plane"
        return f"{self.strength:g} T turned {plane}"


def line_of(fields: np.ndarray) -> np.ndarray | None:
    """The direction (3,) of a line through 0 on which all fields (n, 3) lie; None without one.

    Its first component that is not 0 is positive, as :attr:`Measured.direction`.
    """
    size = np.linalg.norm(fields, axis=1)
    if not np.any(size):
        return None
    strongest = int(np.argmax(size))
    direction = fields[strongest] / size[strongest]
    off = fields - np.outer(fields @ direction, direction)
    if np.abs(off).max() > OFF * size.max():
        return None
    direction = np.where(np.abs(direction) > OFF, direction, 0.0)
    first = direction[np.flatnonzero(direction)[0]]
    return np.asarray(direction * np.sign(first))


def turn_of(fields: np.ndarray) -> Turn | None:
    """The turn that fields (n, 3) in T make, at least three of them; None of others."""
    size = np.linalg.norm(fields, axis=1)
    if len(fields) < 3 or size.min() <= 0.0 or np.ptp(size) > OFF * size.max():
        return None
    first = fields[0] / size[0]
    across = fields - np.outer(fields @ first, first)
    early = max(3, len(fields) // 4)
    second = across[int(np.argmax(np.linalg.norm(across, axis=1)[:early]))]
    length = float(np.linalg.norm(second))
    if length < OFF * size[0]:
        return None
    second = second / length
    if np.abs(across - np.outer(across @ second, second)).max() > OFF * size[0]:
        return None
    first, second, plane = _counted_from(first, second)
    angle = np.rad2deg(np.unwrap(np.arctan2(fields @ second, fields @ first)))
    return Turn(float(size[0]), angle, plane)


def _counted_from(
    first: np.ndarray,
    second: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, str]:
    """Where angles are counted from and to, and its name: the first field if it lies on an axis,
    else the axes of its plane, if it is one of theirs.
    """
    normal = np.cross(first, second)
    along = int(np.argmax(np.abs(normal)))
    if abs(normal[along]) < 1.0 - OFF:
        return first, second, ""
    a, b = (i for i in range(3) if i != along)
    if np.abs(first).max() < 1.0 - OFF:  # the turn begins between axes
        units = np.eye(3)
        forward = np.cross(units[a], units[b]) @ normal > 0.0
        first, second = (units[a], units[b]) if forward else (units[b], units[a])
    return first, second, f"{direction_in_words(first)} to {direction_in_words(second)}"


def direction_in_words(direction: np.ndarray) -> str:
    """A unit vector (3,) as "x", "-y", "45° from x to z" or "(1, 0.5, 0.2)"."""
    there = np.flatnonzero(np.abs(direction) > OFF)
    if there.size == 1:
        sign = "-" if direction[there[0]] < 0.0 else ""
        return sign + AXES[there[0]]
    if there.size == 2:
        a, b = there
        degrees = np.rad2deg(np.arctan2(direction[b], direction[a]))
        return f"{degrees:.4g}° from {AXES[a]} to {AXES[b]}"
    scaled = direction / np.abs(direction).max()
    return f"({', '.join(f'{x:.3g}' for x in scaled)})"


def fields_in_words(fields: np.ndarray) -> str:
    """What fields (n, 3) in T have in common, such as "-9 to 9 T along x"."""
    turn, line = turn_of(fields), line_of(fields)
    if turn is not None:
        return turn.words
    if line is not None:
        along = fields @ line
        where = direction_in_words(line)
        joined = "at" if "°" in where else "along"
        return f"{along.min():.6g} to {along.max():.6g} T {joined} {where}"
    top = float(np.linalg.norm(fields, axis=1).max(initial=0.0))
    return f"up to {top:.6g} T in several directions" if top else "0 T"
