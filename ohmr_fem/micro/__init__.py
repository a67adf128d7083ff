"""Microscopic models and their effective inverse mass tensor (Sun and Vignale, Eqs. (3), (16)-(23))."""

from .hamiltonian import LayeredModel
from .inverse_mass import InverseMass, chemical_potential, inverse_mass
from .models import bilayer_graphene, gapped_honeycomb, monolayer_graphene, multilayer_graphene

__all__ = [
    "InverseMass",
    "LayeredModel",
    "bilayer_graphene",
    "chemical_potential",
    "gapped_honeycomb",
    "inverse_mass",
    "monolayer_graphene",
    "multilayer_graphene",
]
