"""Devices as pure data: outline, holes, named contacts and edges, regions. No mesh.

    bar = of.geometry.hall_bar("7 um", "2 um")

Lengths are metres or quantities such as ``"2 um"``. Edges are straight or circular.
Every device is checked once, when it is made; the errors are InputError.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what an editor and a type checker see
    from .combine import difference as difference
    from .combine import intersection as intersection
    from .combine import union as union
    from .corners import polygon_device as polygon_device
    from .drawn import from_svg as from_svg
    from .gds import from_gds as from_gds
    from .outline import Geometry as Geometry
    from .outline import Loop as Loop
    from .outline import Piece as Piece
    from .outline import Segment as Segment
    from .shapes import annulus as annulus
    from .shapes import corbino as corbino
    from .shapes import cross as cross
    from .shapes import hall_bar as hall_bar
    from .shapes import nonlocal_bar as nonlocal_bar
    from .shapes import van_der_pauw as van_der_pauw
    from .traced import from_csv as from_csv

_NAMES = {
    "combine": "difference intersection union",
    "corners": "polygon_device",
    "drawn": "from_svg",
    "gds": "from_gds",
    "outline": "Geometry Loop Piece Segment",
    "shapes": "annulus corbino cross hall_bar nonlocal_bar van_der_pauw",
    "traced": "from_csv",
}
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
