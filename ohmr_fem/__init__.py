"""ohmr_fem: finite elements for orbital Hanle magnetoresistance.

    import ohmr_fem as of

The names in ``__all__`` are the public interface.
"""

import logging

from . import analytic
from .errors import (
    ConvergenceWarning,
    InputError,
    MeshError,
    MissingExtraError,
    OhmrError,
    PhysicsWarning,
    ResolutionWarning,
    SolveError,
    SweepInterrupted,
)
from .grids import cross_section
from .material import Material
from .mesh import DeviceMesh
from .mesh_io import read_mesh, write_mesh
from .observables import Resistance, magnetoresistance, resistance
from .problem import Contact, Edge, Problem, gaussian_profile
from .solution import Solution
from .solve import solve
from .spectral import SpectralMeasure, spectral_measure
from .sweep import HanleCurve, angle_scan, field_rotation, field_sweep, hanle_curve, hanle_map

__version__ = "0.1.0"
__all__ = [
    "Contact", "ConvergenceWarning", "DeviceMesh", "Edge", "HanleCurve", "InputError", "Material", "MeshError",
    "MissingExtraError", "OhmrError", "PhysicsWarning", "Problem", "Resistance", "ResolutionWarning", "Solution",
    "SolveError", "SpectralMeasure", "SweepInterrupted", "analytic", "angle_scan", "cross_section", "field_rotation",
    "field_sweep", "gaussian_profile", "hanle_curve", "hanle_map", "magnetoresistance", "read_mesh", "resistance",
    "solve", "spectral_measure", "write_mesh",
]

logging.getLogger(__name__).addHandler(logging.NullHandler())
