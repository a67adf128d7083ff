"""ohmr_fem: finite elements for orbital Hanle magnetoresistance.

    import ohmr_fem as of

The names in ``__all__`` are the public interface.
"""

import importlib
import logging
from typing import Any

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
    "SolveError", "SpectralMeasure", "SweepInterrupted", "angle_scan", "cross_section", "field_rotation",
    "field_sweep", "gaussian_profile", "hanle_curve", "hanle_map", "magnetoresistance", "read_mesh", "resistance",
    "solve", "spectral_measure", "write_mesh",
]

#: Public names of rooms that are loaded on first use.
_LATER = {
    "ac_response": "ac",
    "ACResponse": "ac",
    "Adapted": "adapt",
    "design": "planning",
    "drift_curve": "drift",
    "drift_solve": "drift",
    "DriftCurve": "drift",
    "export_paraview": "export",
    "fit": "fitting",
    "gate_map": "gate",
    "GateMap": "gate",
    "identifiability": "fitting",
    "load": "store",
    "load_study": "study",
    "Measured": "data",
    "mesh_device": "meshing",
    "NewtonError": "errors",
    "plot_data": "fit_figure",
    "plot_device": "drawing",
    "plot_fit": "fit_figure",
    "plot_gate_map": "plot_micro",
    "plot_hanle": "plot",
    "plot_inverse_mass": "plot_micro",
    "plot_mesh": "plot",
    "plot_moment_density": "plot",
    "read_data": "data",
    "resistance_matrix": "contact_matrix",
    "ResistanceMatrix": "contact_matrix",
    "run_fit": "fit_run",
    "run_study": "study",
    "save": "store",
    "save_figure": "plot",
    "sheet_resistance": "contact_matrix",
    "solve_to": "adapt",
    "Transient": "dynamics",
    "transient": "dynamics",
}
_ROOMS = ("analytic", "geometry", "micro", "presets")
__all__ += [*_LATER, *_ROOMS]

logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f".{name}", __name__)
    if name in _LATER:
        value = getattr(importlib.import_module(f".{_LATER[name]}", __name__), name)
        globals()[name] = value  # also where a room has the same name as its function
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
