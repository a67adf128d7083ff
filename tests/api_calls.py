"""Calls of the public names that are right, small and quick: what the door tests spoil one argument
at a time.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import ohmr_fem as of
from ohmr_fem import geometry, micro, presets
from tests.good_files import folder
from tests.small_devices import MATERIAL, bar

Call = tuple[Callable[..., Any], dict[str, Any]]
#: Arguments that are functions of the user: what they raise is his.
CALLED = ("progress", "notify")


@functools.cache
def parts() -> dict[str, Any]:
    """Objects that the calls take."""
    out: dict[str, Any] = {"section": of.Problem(of.cross_section(4e-7, cells=6), material())}
    names = ["left", "right", "t1", "t2"]
    out["mesh"] = bar(12, 4)
    out["bar"] = of.Problem(out["mesh"], material(mobility=0.1), names, order=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        out["solution"] = of.solve(out["bar"], (1, 0, 0), currents={"left": 1e-6, "right": -1e-6})
        out["measure"] = of.spectral_measure(out["bar"], **PAIR)
        out["curve"] = of.hanle_curve(out["bar"], FIELDS, **PAIR)
        out["matrix"] = of.resistance_matrix(out["bar"], FIELDS)
    out["model"] = micro.bilayer_graphene()
    out["tensor"] = micro.inverse_mass(out["model"], 0.1, 300, mesh=6)
    out["shape"] = geometry.hall_bar(4e-6, 1e-6)
    out["film"] = of.Film(1e-8)
    out["data"] = of.Measured(LONG, 1 + 1e-3 * LONG[:, 0] ** 2, "R", 1e-4, **PAIR)
    return out


PAIR = {"current": ("left", "right"), "voltage": ("t1", "t2")}
FIELDS = np.array([[0, 0, 0], [1, 0, 0.0]])
LONG = np.column_stack([np.linspace(-5, 5, 21), np.zeros(21), np.zeros(21)])


def material(**more: Any) -> of.Material:
    return of.Material(**{**MATERIAL, **more})


def constructors() -> dict[str, Call]:
    p = parts()
    square = [(0, 0), (1e-6, 0), (1e-6, 1e-6), (0, 1e-6)]
    return {
        "Material": (
            of.Material,
            {
                **MATERIAL,
                "inverse_orbital_hall_angle": 0.1,
                "g_factor": 1.0,
                "moment_per_carrier": 9e-24,
                "name": "x",
                "source": "y",
                "mobility": 0.1,
                "resistivity": None,
                "diffusion_constant": None,
            },
        ),
        "Contact": (
            of.Contact,
            {
                "kind": "equipotential",
                "moment": "reflecting",
                "profile": "uniform",
                "at": None,
                "boundary": None,
            },
        ),
        "Edge": (
            of.Edge,
            {"moment": "reflecting", "source": 0.1, "inverse_source": 0.1, "edge_moment": 0.1},
        ),
        "Film": (of.Film, {"thickness": 1e-8, "bottom": "reflecting", "top": "absorbing"}),
        "magnetic_face": (
            of.magnetic_face,
            {"mixing_conductance": 1e14, "magnetisation": [0, 0, 1]},
        ),
        "gaussian_profile": (of.gaussian_profile, {"center": (0, 0), "width": 1e-7}),
        "Measured": (
            of.Measured,
            {
                "fields": LONG,
                "values": np.ones(21),
                "quantity": "R",
                "sigma": 1e-4,
                **PAIR,
                "name": "a",
                "source": "b",
                "time": np.arange(21.0),
                "temperature": 4.0,
            },
        ),
        "DeviceMesh": (
            of.DeviceMesh,
            {
                "mesh": p["mesh"].mesh,
                "axes": ("x", "y"),
                "boundaries": dict(p["mesh"].boundaries),
                "regions": dict(p["mesh"].regions),
                "source": "x",
            },
        ),
        "Problem": (
            of.Problem,
            {
                "mesh": p["mesh"],
                "materials": material(),
                "contacts": ["left", "right"],
                "edges": {"t1": "absorbing"},
                "order": 2,
                "coupling": "linear",
                "detection": "printed",
                "ordinary_hall": False,
                "interface": "accumulation",
                "film": None,
            },
        ),
        "AMG": (of.AMG, {"tolerance": 1e-12, "most": 300}),
        "SuperLU": (of.SuperLU, {"symmetric": True}),
        "cross_section": (
            of.cross_section,
            {"width": 1e-7, "normal": "y", "resolve": 1e-8, "cells": None, "growth": 1.3},
        ),
        "annulus_mesh": (
            of.annulus_mesh,
            {"inner_radius": 1e-7, "outer_radius": 2e-7, "around": 12, "h_min": 1e-8},
        ),
        "disc_mesh": (of.disc_mesh, {"radius": 1e-7, "rings": 4, "h_min": 1e-8, "growth": 1.5}),
        "rectangle": (
            of.rectangle,
            {"length": 2e-7, "width": 1e-7, "h_min": 1e-8, "h_max": 5e-8, "growth": 1.5},
        ),
        "graded_lines": (
            of.graded_lines,
            {"start": 0.0, "stop": 1e-7, "h_min": 1e-8, "growth": 1.3, "ends": "both"},
        ),
        "tensor_grid": (
            of.tensor_grid,
            {"x_lines": [0, 1e-7, 2e-7], "y_lines": [0, 1e-7], "cells": "quad", "keep": None},
        ),
        "field_sweep": (of.field_sweep, {"start": -1, "stop": 1, "n": 3, "direction": "x"}),
        "field_rotation": (of.field_rotation, {"magnitude": 1, "n": 3, "plane": "xy"}),
        "polygon_device": (
            geometry.polygon_device,
            {
                "outline": square,
                "holes": (),
                "contacts": {"left": ((0, 0), (0, 1e-6))},
                "regions": None,
                "edges": None,
            },
        ),
        "hall_bar": (
            geometry.hall_bar,
            {"length": 4e-6, "width": 1e-6, "arm_width": 2e-7, "arm_length": 2e-7},
        ),
        "cross": (geometry.cross, {"length": 4e-6, "width": 1e-6}),
        "corbino": (geometry.corbino, {"inner_radius": 1e-6, "outer_radius": 2e-6}),
        "annulus": (geometry.annulus, {"inner_radius": 1e-6, "outer_radius": 2e-6}),
        "van_der_pauw": (
            geometry.van_der_pauw,
            {"size": 1e-6, "contact": 1e-7, "shape": "square"},
        ),
        "nonlocal_bar": (
            geometry.nonlocal_bar,
            {"width": 1e-6, "distance": 2e-6, "contact": 2e-7, "length": None},
        ),
        "bilayer_graphene": (
            micro.bilayer_graphene,
            {"gamma0": 3.16, "gamma1": 0.38, "displacement": 0.0, "a": 2.46, "spacing": 3.35},
        ),
        "multilayer_graphene": (
            micro.multilayer_graphene,
            {"n": 2, "stacking": "AB", "gamma0": 3.16, "displacement": 0.1},
        ),
        "gapped_honeycomb": (
            micro.gapped_honeycomb,
            {"n": 2, "stacking": "2H", "hopping": 1.27, "gap": 1.66},
        ),
        "LayeredModel": (
            micro.LayeredModel,
            {
                "lattice": [[3, 0], [0, 3]],
                "positions": [[0, 0, 0]],
                "translations": [[0, 0], [1, 0], [-1, 0]],
                "blocks": [[[0]], [[1]], [[1]]],
                "layers": [0],
                "filling": 1,
                "name": "x",
            },
        ),
        "presets.mn": (presets.mn, {"relaxation_time": 1e-12}),
        "presets.bilayer_graphene": (
            presets.bilayer_graphene,
            {
                "density": 1e16,
                "orbital_hall_angle": 0.1,
                "relaxation_time": 1e-12,
                "mobility": 1.0,
                "displacement": 0.0,
                "mesh": 6,
            },
        ),
    }


def functions() -> dict[str, Call]:
    p = parts()
    bar, section = {"problem": p["bar"]}, {"problem": p["section"]}
    files = folder()
    return {
        "solve": (
            of.solve,
            {**bar, "field": (1, 0, 0), "currents": {"left": 1, "right": -1}, "voltages": None},
        ),
        "solve section": (of.solve, {**section, "field": (1, 0, 0), "electric_field": 1.0}),
        "drift_solve": (
            of.drift_solve,
            {
                **bar,
                "field": (1, 0, 0),
                "currents": {"left": 1e-9, "right": -1e-9},
                "voltages": None,
                "start": None,
                "tolerance": 1e-9,
                "max_iterations": 9,
            },
        ),
        "drift_curve": (
            of.drift_curve,
            {**bar, "amplitudes": [1e-9, 2e-9], "field": (1, 0, 0), **PAIR, "tolerance": 1e-9},
        ),
        "resistance": (of.resistance, {**bar, "field": (1, 0, 0), **PAIR}),
        "magnetoresistance": (of.magnetoresistance, {**section, "field": (1, 0, 0)}),
        "resistance_matrix": (of.resistance_matrix, {**bar, "fields": FIELDS, "method": "auto"}),
        "sheet_resistance": (of.sheet_resistance, {"first": 1.0, "second": 2.0}),
        "hanle_curve": (
            of.hanle_curve,
            {**bar, "fields": FIELDS, **PAIR, "method": "auto", "tolerance": 1e-8, "solver": None},
        ),
        "angle_scan": (
            of.angle_scan,
            {**bar, "magnitude": 1, "plane": "xy", "n": 3, **PAIR, "method": "auto"},
        ),
        "admr": (of.admr, {**bar, "strength": 1, "plane": "xy", "points": 3, **PAIR}),
        "hanle_map": (
            of.hanle_map,
            {
                "measure": p["measure"],
                "fields": FIELDS,
                "parameter": "relaxation_time",
                "values": [1e-12],
                "plane": "xy",
            },
        ),
        "delta_R_table": (of.delta_R_table, {"measures": [p["measure"]], "fields": FIELDS}),
        "spectral_measure": (
            of.spectral_measure,
            {**bar, **PAIR, "tolerance": 1e-8, "fields": FIELDS, "lengths": [1e-7, 2e-7]},
        ),
        "spectral_measures": (
            of.spectral_measures,
            {**bar, "pairs": [(("left", "right"), ("t1", "t2"))], "tolerance": 1e-8},
        ),
        "ac_response": (
            of.ac_response,
            {**bar, "frequencies": [1e9, 1e10], "field": (1, 0, 0), **PAIR, "method": "auto"},
        ),
        "transient": (
            of.transient,
            {
                **bar,
                "times": [0, 1e-12, 2e-12],
                "field": (1, 0, 0),
                "drive": 1.0,
                **PAIR,
                "initial": None,
                "method": "auto",
                "tolerance": 1e-6,
                "keep_fields": False,
                "checkpoint": None,
            },
        ),
        "solve_to": (
            of.solve_to,
            {**bar, **PAIR, "field": (1, 0, 0), "tolerance": 0.1, "budget": 4000, "floor": 1e-3},
        ),
        "film_conductivity": (
            of.film_conductivity,
            {"material": material(), "film": p["film"], "fields": FIELDS, "detection": "printed"},
        ),
        "mesh_device": (
            of.mesh_device,
            {"geometry": geometry.cross(2e-6, 1e-6), "resolve": 5e-7, "cells_per_length": 1.0},
        ),
        "gate_map": (
            of.gate_map,
            {
                **bar,
                "materials": lambda value: material(),
                "values": [0.0, 1.0],
                "fields": FIELDS,
                **PAIR,
                "parameter": "displacement",
                "unit": "eV",
            },
        ),
        "inverse_mass": (
            micro.inverse_mass,
            {
                "model": p["model"],
                "mu": [0.1],
                "temperature": 300.0,
                "definition": "drude",
                "counting": "all",
                "normalisation": "per_cell",
                "spin": 1,
                "mesh": 6,
                "shift": 0.0,
                "tolerance": 1e-3,
                "symmetry": True,
                "density": None,
            },
        ),
        "chemical_potential": (
            micro.chemical_potential,
            {"model": p["model"], "density": 1e16, "temperature": 300.0, "spin": 2, "mesh": 6},
        ),
        "symmetry_report": (
            micro.symmetry_report,
            {"model": p["model"], "mu": 0.1, "temperature": 300.0, "mesh": 6},
        ),
        "background": (
            of.background,
            {"name": "a", "fields": LONG, "values": np.ones(21)},
        ),
        "fit": (
            of.fit,
            {
                "data": [p["data"]],
                **bar,
                "parameters": ("alpha",),
                **PAIR,
                "background": ("offset",),
                "confidence": 0.9,
                "intervals": "fisher",
                "strip": False,
                "limit": 0.3,
            },
        ),
        "identifiability": (
            of.identifiability,
            {"data": [p["data"]], **bar, "parameters": ("alpha",), "background": ("offset",)},
        ),
        "prepare": (
            of.prepare,
            {
                "data": [p["data"]],
                "record": None,
                "offset": None,
                "hysteresis": None,
                "drift": None,
                "outliers": None,
                "mixing": None,
                "symmetry": None,
                "average": None,
                "noise": "scatter",
            },
        ),
        "with_pairs": (
            of.with_pairs,
            {"curves": [p["data"]], "pairs": {"a": (("left", "right"), ("t1", "t2"))}},
        ),
        "read_data": (
            of.read_data,
            {
                "path": files / "data0.csv",
                "columns": None,
                "field": None,
                "plane": None,
                "quantity": None,
                "direction": "x",
                "nan": "drop",
                "sign": 1,
                "sweeps": "apart",
                "decimal": ".",
            },
        ),
        "read_mesh": (of.read_mesh, {"path": files / "bar.msh", "unit": "m"}),
        "read_device": (of.read_device, {"path": files / "section.toml"}),
        "load": (of.load, {"path": files / "curve.npz"}),
        "load_study": (of.load_study, {"path": files / "study.nc"}),
        "SpectralMeasure.load": (of.SpectralMeasure.load, {"path": files / "measure.json"}),
        "measure.delta_R": (p["measure"].delta_R, {"fields": FIELDS}),
        "measure.at": (p["measure"].at, {"relaxation_time": 1e-12, "orbital_hall_angle": 0.1}),
        "measure.ac": (p["measure"].ac, {"frequency": [1e9], "field": (1, 0, 0)}),
        "solution.at": (p["solution"].at, {"points": [[0.0, 0.0]]}),
        "solution.line": (p["solution"].line, {"start": (0, 0), "stop": (1e-7, 0), "n": 3}),
        "solution.voltage": (p["solution"].voltage, {"plus": "t1", "minus": "t2"}),
        "curve.column": (p["curve"].__getitem__, {"name": "R"}),
    }


def writers(place: Path) -> dict[str, Call]:
    """Calls that write; only into ``place``, whatever their path."""
    p = parts()
    return {
        "save": (of.save, {"item": p["curve"], "path": place / "c.npz"}),
        "write_mesh": (of.write_mesh, {"device": p["mesh"], "path": place / "m.msh", "unit": "m"}),
        "export_paraview": (
            of.export_paraview,
            {"solutions": p["solution"], "path": place / "s.vtu", "times": None},
        ),
        "measure.save": (p["measure"].save, {"path": place / "m.json"}),
        "curve.to_csv": (p["curve"].to_csv, {"path": place / "c.csv"}),
        "write_wannier90": (
            micro.write_wannier90,
            {"model": p["model"], "path": place / "w_hr.dat", "thickness": 30.0},
        ),
        "plot_hanle": (of.plot_hanle, {"curves": p["curve"], "quantity": None, "labels": ()}),
        "plot_mesh": (of.plot_mesh, {"mesh": p["mesh"]}),
        "plot_moment_density": (
            of.plot_moment_density,
            {"solution": p["solution"], "component": "z", "arrows": 3},
        ),
        "plot_device": (of.plot_device, {"device": p["shape"]}),
        "plot_data": (of.plot_data, {"curves": [p["data"]], "centred": True}),
        "plot_inverse_mass": (
            of.plot_inverse_mass,
            {"results": {0.0: p["tensor"]}, "quantity": "X", "against": "mu"},
        ),
    }
