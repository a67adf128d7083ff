"""Microscopic models and their effective inverse mass tensor (Sun and Vignale, Eqs. (3), (16)-(23))."""

import importlib
from typing import Any

from .hamiltonian import LayeredModel
from .inverse_mass import InverseMass, chemical_potential, inverse_mass
from .models import bilayer_graphene, gapped_honeycomb, monolayer_graphene, multilayer_graphene
from .symmetry import SymmetryReport, symmetry_report
from .tables import write_tensor_table
from .wannier90 import from_wannier90, write_wannier90

__all__ = [
    "InverseMass", "LayeredModel", "SymmetryReport", "bilayer_graphene", "chemical_potential", "from_wannier90",
    "gapped_honeycomb", "inverse_mass", "monolayer_graphene", "multilayer_graphene", "symmetry_report", "write_tensor_table",
    "write_wannier90",
]
__all__ += ["material"]  # of the bridge, loaded on first use: nothing else here knows of a Material


def __getattr__(name: str) -> Any:
    if name == "material":
        return importlib.import_module(".bridge", __name__).material
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
