"""How far a long search is, for whoever wants to be told."""

from __future__ import annotations

from collections.abc import Callable

#: Function of (what, done, of all).
Told = Callable[[str, int, int], None]


def nobody(what: str, done: int, total: int) -> None:
    """Tells nobody."""
