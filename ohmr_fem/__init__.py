"""ohmr_fem: finite elements for orbital Hanle magnetoresistance.

    import ohmr_fem as of

The names in ``__all__`` are the public interface; each is loaded when it is first used.
"""

from .base import signals as _signals

_signals.begin()  # Ctrl-C while the rest is imported: one line

import importlib
import logging
from typing import TYPE_CHECKING, Any

from . import micro as _micro
from .version import __version__ as __version__

if TYPE_CHECKING:  # what an editor and a type checker see; a test holds it against the table below
    from . import analytic as analytic
    from . import geometry as geometry
    from . import micro as micro
    from .config.device_file import read_device as read_device
    from .dynamics.ac import ACResponse as ACResponse
    from .dynamics.ac import ac_response as ac_response
    from .dynamics.transient import Transient as Transient
    from .dynamics.transient import transient as transient
    from .errors import ConvergenceWarning as ConvergenceWarning
    from .errors import InputError as InputError
    from .errors import MeshError as MeshError
    from .errors import MissingExtraError as MissingExtraError
    from .errors import NewtonError as NewtonError
    from .errors import OhmrError as OhmrError
    from .errors import OhmrWarning as OhmrWarning
    from .errors import PhysicsWarning as PhysicsWarning
    from .errors import ResolutionWarning as ResolutionWarning
    from .errors import SolveError as SolveError
    from .errors import SweepInterrupted as SweepInterrupted
    from .fitting.background import background as background
    from .fitting.data import Measured as Measured
    from .fitting.data import read_data as read_data
    from .fitting.data import with_pairs as with_pairs
    from .fitting.design import design as design
    from .fitting.fit import fit as fit
    from .fitting.fit import identifiability as identifiability
    from .fitting.global_fit import global_fit as global_fit
    from .fitting.global_fit import series_identifiability as series_identifiability
    from .fitting.global_result import GlobalFit as GlobalFit
    from .fitting.preparation import Preparation as Preparation
    from .fitting.prepare import prepare as prepare
    from .fitting.sample import Sample as Sample
    from .fitting.series_design import series_design as series_design
    from .fitting.verdict import Verdict as Verdict
    from .fitting.verdict import compare_models as compare_models
    from .geometry.outline import Geometry as Geometry
    from .mesh.channel import channel as channel
    from .mesh.device_mesh import DeviceMesh as DeviceMesh
    from .mesh.files import read_mesh as read_mesh
    from .mesh.files import write_mesh as write_mesh
    from .mesh.generate import mesh_device as mesh_device
    from .mesh.grids import annulus_mesh as annulus_mesh
    from .mesh.grids import cross_section as cross_section
    from .mesh.grids import disc_mesh as disc_mesh
    from .mesh.grids import graded_lines as graded_lines
    from .mesh.grids import rectangle as rectangle
    from .mesh.grids import tensor_grid as tensor_grid
    from .model import presets as presets
    from .model.contacts import Contact as Contact
    from .model.contacts import Edge as Edge
    from .model.contacts import gaussian_profile as gaussian_profile
    from .model.fields import field_rotation as field_rotation
    from .model.fields import field_sweep as field_sweep
    from .model.film import Film as Film
    from .model.film import magnetic_face as magnetic_face
    from .model.material import Material as Material
    from .model.problem import Problem as Problem
    from .model.spin import Spin as Spin
    from .model.stack import Stack as Stack
    from .output.film_paraview import export_film as export_film
    from .output.fit_file import load_fit as load_fit
    from .output.paraview import export_paraview as export_paraview
    from .output.plot import plot_hanle as plot_hanle
    from .output.plot import plot_mesh as plot_mesh
    from .output.plot import plot_moment_density as plot_moment_density
    from .output.plot_angles import plot_admr as plot_admr
    from .output.plot_device import plot_device as plot_device
    from .output.plot_fit import plot_data as plot_data
    from .output.plot_fit import plot_fit as plot_fit
    from .output.plot_micro import plot_gate_map as plot_gate_map
    from .output.plot_micro import plot_inverse_mass as plot_inverse_mass
    from .output.plot_prepare import plot_preparation as plot_preparation
    from .output.plot_series import plot_against as plot_against
    from .output.plot_series import plot_correlation as plot_correlation
    from .output.plot_series import plot_profiles as plot_profiles
    from .output.plot_series import plot_series as plot_series
    from .output.store import load as load
    from .output.store import save as save
    from .output.style import save_figure as save_figure
    from .run.fit import run_fit as run_fit
    from .run.fit_series import run_series as run_series
    from .solver.adapt import Adapted as Adapted
    from .solver.adapt import solve_to as solve_to
    from .solver.drift import drift_solve as drift_solve
    from .solver.film import film_conductivity as film_conductivity
    from .solver.linear import AMG as AMG
    from .solver.linear import Mumps as Mumps
    from .solver.linear import Pardiso as Pardiso
    from .solver.linear import SuperLU as SuperLU
    from .solver.resistance import Resistance as Resistance
    from .solver.resistance import magnetoresistance as magnetoresistance
    from .solver.resistance import resistance as resistance
    from .solver.solution import Solution as Solution
    from .solver.solve import solve as solve
    from .study.run import load_study as load_study
    from .study.run import run_study as run_study
    from .sweep.angles import AngleScan as AngleScan
    from .sweep.angles import admr as admr
    from .sweep.contact_matrix import ResistanceMatrix as ResistanceMatrix
    from .sweep.contact_matrix import resistance_matrix as resistance_matrix
    from .sweep.contact_matrix import sheet_resistance as sheet_resistance
    from .sweep.current import DriftCurve as DriftCurve
    from .sweep.current import drift_curve as drift_curve
    from .sweep.curve import HanleCurve as HanleCurve
    from .sweep.film import FilmMeasure as FilmMeasure
    from .sweep.film_moment import FilmMoment as FilmMoment
    from .sweep.film_moment import film_moment as film_moment
    from .sweep.gate import GateMap as GateMap
    from .sweep.gate import gate_map as gate_map
    from .sweep.hanle import angle_scan as angle_scan
    from .sweep.hanle import hanle_curve as hanle_curve
    from .sweep.hanle import hanle_map as hanle_map
    from .sweep.matrix_measure import MatrixMeasure as MatrixMeasure
    from .sweep.measure import SpectralMeasure as SpectralMeasure
    from .sweep.spectral import spectral_measure as spectral_measure
    from .sweep.spectral import spectral_measures as spectral_measures
    from .sweep.together import delta_R_table as delta_R_table

_NAMES = {
    "config.device_file": "read_device",
    "dynamics.ac": "ACResponse ac_response",
    "dynamics.transient": "Transient transient",
    "errors": "ConvergenceWarning InputError MeshError MissingExtraError NewtonError OhmrError "
    "OhmrWarning PhysicsWarning "
    "ResolutionWarning SolveError SweepInterrupted",
    "fitting.background": "background",
    "fitting.data": "Measured read_data with_pairs",
    "fitting.design": "design",
    "fitting.fit": "fit identifiability",
    "fitting.global_fit": "global_fit series_identifiability",
    "fitting.global_result": "GlobalFit",
    "fitting.preparation": "Preparation",
    "fitting.prepare": "prepare",
    "fitting.sample": "Sample",
    "fitting.series_design": "series_design",
    "fitting.verdict": "Verdict compare_models",
    "geometry.outline": "Geometry",
    "mesh.channel": "channel",
    "mesh.device_mesh": "DeviceMesh",
    "mesh.files": "read_mesh write_mesh",
    "mesh.generate": "mesh_device",
    "mesh.grids": "annulus_mesh cross_section disc_mesh graded_lines rectangle tensor_grid",
    "model.contacts": "Contact Edge gaussian_profile",
    "model.fields": "field_rotation field_sweep",
    "model.film": "Film magnetic_face",
    "model.material": "Material",
    "model.problem": "Problem",
    "model.spin": "Spin",
    "model.stack": "Stack",
    "output.fit_file": "load_fit",
    "output.film_paraview": "export_film",
    "output.paraview": "export_paraview",
    "output.plot": "plot_hanle plot_mesh plot_moment_density",
    "output.plot_angles": "plot_admr",
    "output.plot_device": "plot_device",
    "output.plot_fit": "plot_data plot_fit",
    "output.plot_prepare": "plot_preparation",
    "output.plot_micro": "plot_gate_map plot_inverse_mass",
    "output.plot_series": "plot_against plot_correlation plot_profiles plot_series",
    "output.store": "load save",
    "output.style": "save_figure",
    "run.fit": "run_fit",
    "run.fit_series": "run_series",
    "solver.adapt": "Adapted solve_to",
    "solver.drift": "drift_solve",
    "solver.film": "film_conductivity",
    "solver.linear": "AMG Mumps Pardiso SuperLU",
    "solver.resistance": "Resistance magnetoresistance resistance",
    "solver.solution": "Solution",
    "solver.solve": "solve",
    "study.run": "load_study run_study",
    "sweep.angles": "AngleScan admr",
    "sweep.contact_matrix": "ResistanceMatrix resistance_matrix sheet_resistance",
    "sweep.current": "DriftCurve drift_curve",
    "sweep.curve": "HanleCurve",
    "sweep.film": "FilmMeasure",
    "sweep.film_moment": "FilmMoment film_moment",
    "sweep.gate": "GateMap gate_map",
    "sweep.hanle": "angle_scan hanle_curve hanle_map",
    "sweep.matrix_measure": "MatrixMeasure",
    "sweep.measure": "SpectralMeasure",
    "sweep.spectral": "spectral_measure spectral_measures",
    "sweep.together": "delta_R_table",
}
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}
_ROOMS = {
    "analytic": "analytic",
    "geometry": "geometry",
    "micro": "micro",
    "presets": "model.presets",
}
__all__ = sorted([*_HOME, *_ROOMS])

logging.getLogger(__name__).addHandler(logging.NullHandler())
# Nothing in micro knows of a Material; the room above it makes ``of.micro.material``.
_micro.FROM_ABOVE["material"] = f"{__name__}.model.from_bands"


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        value = importlib.import_module(f".{_ROOMS[name]}", __name__)
    elif name in _HOME:
        value = getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
