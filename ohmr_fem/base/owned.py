"""Who owns an array: copied at the door, read-only inside."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np


class ReadOnly(dict[Any, Any]):
    """A dict that nobody changes; unlike a mapping proxy it travels between processes."""

    def _refuse(
        self,
        *_: Any,
        **__: Any,
    ) -> Any:
        raise TypeError("read-only: make a new object with dataclasses.replace")

    __setitem__ = __delitem__ = __ior__ = _refuse  # type: ignore[assignment]
    clear = pop = popitem = setdefault = update = _refuse  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return ReadOnly, (dict(self),)


def owned(array: np.ndarray) -> np.ndarray:
    """The array, if nobody can write to it; else a read-only copy."""
    if array.flags.writeable or array.base is not None:
        array = np.array(array)
        array.flags.writeable = False
    return array


def own_arrays(values: Any) -> None:
    """Give a frozen dataclass read-only copies of its arrays and dicts, also of arrays within.

    What the caller later writes into his own arrays then changes no result.
    """
    for entry in dataclasses.fields(values):
        given = getattr(values, entry.name)
        mine = _owned_inside(given)
        if mine is not given:
            object.__setattr__(values, entry.name, mine)


def _owned_inside(value: Any) -> Any:
    if type(value) is np.ndarray:
        return owned(value)
    if type(value) is dict:
        return ReadOnly({key: _owned_inside(entry) for key, entry in value.items()})
    if type(value) in (list, tuple) and any(isinstance(v, (np.ndarray, dict)) for v in value):
        return type(value)(_owned_inside(entry) for entry in value)
    return value
