"""Microscopic models and their effective inverse mass tensor (Sun and Vignale, Eqs. (3),
(16)-(23)).
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what an editor and a type checker see
    from .hamiltonian import LayeredModel as LayeredModel
    from .models import bilayer_graphene as bilayer_graphene
    from .models import gapped_honeycomb as gapped_honeycomb
    from .models import monolayer_graphene as monolayer_graphene
    from .models import multilayer_graphene as multilayer_graphene
    from .symmetry import SymmetryReport as SymmetryReport
    from .symmetry import symmetry_report as symmetry_report
    from .tables import write_tensor_table as write_tensor_table
    from .tensor import InverseMass as InverseMass
    from .tensor import chemical_potential as chemical_potential
    from .tensor import inverse_mass as inverse_mass
    from .wannier90 import from_wannier90 as from_wannier90
    from .wannier90 import write_wannier90 as write_wannier90

_HOME = {
    "InverseMass": "tensor",
    "LayeredModel": "hamiltonian",
    "SymmetryReport": "symmetry",
    "bilayer_graphene": "models",
    "chemical_potential": "tensor",
    "from_wannier90": "wannier90",
    "gapped_honeycomb": "models",
    "inverse_mass": "tensor",
    "monolayer_graphene": "models",
    "multilayer_graphene": "models",
    "symmetry_report": "symmetry",
    "write_tensor_table": "tables",
    "write_wannier90": "wannier90",
}
#: {name: module} of what a room above offers here; the package fills it. Nothing in this room knows
#: of a Material.
FROM_ABOVE: dict[str, str] = {}
__all__ = [*_HOME, "material"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        home = f"{__name__}.{_HOME[name]}"
    elif name in FROM_ABOVE:
        home = FROM_ABOVE[name]
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
