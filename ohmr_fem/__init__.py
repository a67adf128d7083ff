"""ohmr_fem: finite elements for orbital Hanle magnetoresistance.

    import ohmr_fem as of

The names listed in ``__all__`` are the public interface; they are loaded on first use.
"""

from __future__ import annotations

import importlib
import logging
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "errors": ["InputError", "MeshError", "OhmrError", "PhysicsWarning", "ResolutionWarning", "SolveError"],
    "mesh": ["DeviceMesh", "cross_section", "read_mesh"],
    "material": ["Material"],
    "problem": ["Contact", "Edge", "Problem", "gaussian_profile"],
    "solve": ["solve"],
    "observables": ["magnetoresistance", "resistance"],
    "sweep": ["HanleCurve", "field_sweep", "hanle_curve"],
    "solution": ["Solution"],
}
_HOME = {name: module for module, names in _PUBLIC.items() for name in names}
_ROOMS = ("analytic",)
__all__ = sorted([*_HOME, *_ROOMS])

logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    elif name in _ROOMS:
        value = importlib.import_module(f".{name}", __name__)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
