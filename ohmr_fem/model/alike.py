"""Whether materials are the same by their values, whatever they are called."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import numpy as np

from .material import Material

#: What is said of a material and changes no result.
LABELS = ("name", "source")


def differences(one: Material, other: Material) -> list[str]:
    """Names of the coefficients that differ."""
    names = [f.name for f in fields(one) if f.name not in LABELS]
    return [name for name in names if not _same(getattr(one, name), getattr(other, name))]


def distinct(materials: Iterable[Material]) -> list[Material]:
    """One of each kind, in their order."""
    found: list[Material] = []
    for material in {id(m): m for m in materials}.values():
        if all(differences(known, material) for known in found):
            found.append(material)
    return found


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return type(a) is type(b) and np.array_equal(a, b)
    return bool(a == b)
