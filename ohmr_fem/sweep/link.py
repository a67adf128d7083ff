"""A generated and a detected component: one term of what a pair of contacts measures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Link:
    """A generated and a detected component, and the columns of the projection that hold drive and
    detector.

    ``drive`` and ``read`` are components of the polarisation of a contact, with the sign of its
    place in the pair, and ``source`` and ``detector`` its name; None where the orbital Hall effect
    drives, and its inverse reads.
    """

    generated: int
    detected: int
    a: int
    b: int
    drive: float | None = None
    read: float | None = None
    source: str = ""
    detector: str = ""

    @property
    def part(self) -> str:
        """What drives, and what reads: a name of :class:`Parts`."""
        names = ("alpha" if p is None else "p" for p in (self.drive, self.read))
        return "_".join(names)

    def scaled(self, factors: Mapping[str, float]) -> Link:
        """With the polarisations of contacts times factors."""
        given = ((self.drive, self.source), (self.read, self.detector))
        drive, read = (None if p is None else factors.get(name, 1.0) * p for p, name in given)
        return replace(self, drive=drive, read=read)


def link_of(given: Any, starts: int) -> Link:
    """A link of a file; ValueError where it points at what is not there."""
    link = Link(**given) if isinstance(given, dict) else Link(*given)
    for name in ("generated", "detected", "a", "b"):
        value = getattr(link, name)
        most = 3 if name in ("generated", "detected") else starts
        if type(value) is not int or not 0 <= value < most:
            raise ValueError(f"channel: {name} is {value!r}, expected a whole number below {most}")
    for value in (link.drive, link.read):
        if value is not None and not (type(value) in (int, float) and abs(value) <= 1.0):
            raise ValueError(f"channel: a polarisation of {value!r}, expected -1 to 1")
    return link
