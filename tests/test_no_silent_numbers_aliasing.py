"""What the caller changes later changes no result: arrays are copied at the door."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from typing import Any

import numpy as np
import pytest
from dimensional_calls import candidate, measured, raw_curve, section_curve, stack, stacked
from silent_devices import (
    PAIR,
    B,
    film_measure,
    film_problem,
    material,
    measure,
    plane,
    section,
    solution,
)
from small_devices import bar_problem

import ohmr_fem as of

pytestmark = [
    pytest.mark.filterwarnings("ignore::ohmr_fem.errors.ResolutionWarning"),
    pytest.mark.filterwarnings("ignore::ohmr_fem.errors.PhysicsWarning"),
]

NAMES = (
    "Material",
    "DeviceMesh",
    "Problem",
    "Measured",
    "HanleCurve",
    "Solution",
    "FieldValues",
    "SpectralMeasure",
    "ResistanceMatrix",
    "GateMap",
    "ACResponse",
    "Transient",
    "DriftCurve",
    "Adapted",
    "Candidate",
    "InverseMass",
    "AngleScan",
    "FilmMeasure",
    "Parts",
    "film curve",
    "FilmMoment",
    "Film",
    "Stack",
    "Contact",
    "Edge",
    "Preparation",
    "Fit",
    "Identifiability",
    "Design",
    "LayeredModel",
    "SymmetryReport",
    "Geometry",
    "drift",
)


@cache
def results() -> dict[str, Any]:
    """One of each public result and of what it is made of."""
    device, curve = bar_problem(), of.hanle_curve(section(), of.field_sweep(0, 1, 3))
    pair = {"current": ("left", "right"), "voltage": ("t1", "t2")}
    face = of.magnetic_face(mixing_conductance=1e14, magnetisation=np.array([1.0, 0, 0]))
    two = [candidate([B, [1.0, 0.0, 0.0]])]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            "Material": device.material,
            "DeviceMesh": device.mesh,
            "Problem": device,
            "Measured": measured(),
            "HanleCurve": curve,
            "Solution": solution(),
            "FieldValues": solution().at([0.0, 0.0]),
            "SpectralMeasure": measure(),
            "ResistanceMatrix": of.resistance_matrix(plane(), B),
            "GateMap": of.gate_map(section(), lambda v: material(), [1.0, 2.0], [B]),
            "ACResponse": of.ac_response(section(), [1e9], B),
            "Transient": of.transient(plane(), [0, 1e-12], B, **PAIR, keep_fields=True),
            "DriftCurve": of.drift_curve(plane(), [1e-6], **PAIR),
            "Adapted": of.solve_to(device, **pair, tolerance=0.5, budget=10_000),
            "Candidate": two[0],
            "InverseMass": of.micro.inverse_mass(stack(), [0.1], 300.0, mesh=12),
            "AngleScan": of.admr(plane(), 1.0, points=3, **PAIR),
            "FilmMeasure": film_measure(),
            "Parts": film_measure().parts([B]),
            "film curve": of.hanle_curve(film_problem(), [B], **PAIR),
            "FilmMoment": of.film_moment(film_problem(), B, current=PAIR["current"]),
            "Film": of.Film(1e-8, top=np.eye(3), bottom=face),
            "Stack": stacked(top=np.eye(3)),
            "Contact": of.Contact(moment=np.ones(3)),
            "Edge": of.Edge(np.ones(3), source=np.ones(3)),
            "Preparation": of.prepare(raw_curve(), offset=0.001, outliers="auto"),
            "Fit": of.fit(section_curve(), section(), ["alpha"]),
            "Identifiability": of.identifiability(section_curve(), section(), ["alpha"]),
            "Design": of.design(section_curve(), section(), ["alpha"], candidates=two),
            "LayeredModel": stack(),
            "SymmetryReport": of.micro.symmetry_report(stack(), mesh=6),
            "Geometry": of.geometry.cross(3e-7, 1e-7),
            "drift": of.drift_solve(plane(), B, {"left": 1e-6, "right": -1e-6}),
        }


#: What belongs to other libraries.
FOREIGN = ("lmfit", "solver", "keep")


def held(value: Any, path: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
    """Every array and dict within a result, through its fields and what it keeps."""
    if id(value) in seen or isinstance(value, type):
        return
    seen.add(id(value))
    if isinstance(value, (np.ndarray, dict)):
        yield path, value
    inside: dict[str, Any] = {}
    if isinstance(value, Mapping):
        inside = {f"[{key!r}]": entry for key, entry in value.items()}
    elif isinstance(value, (list, tuple)):
        inside = {f"[{i}]": entry for i, entry in enumerate(value)}
    elif dataclasses.is_dataclass(value) and type(value).__module__.startswith("ohmr_fem"):
        inside = {f".{k}": v for k, v in vars(value).items() if k not in FOREIGN and k[0] != "_"}
        named = vars(type(value)).items()
        kept = [key for key, entry in named if isinstance(entry, cached_property) and key[0] != "_"]
        inside |= {f".{key}": getattr(value, key) for key in kept}
    for key, entry in inside.items():
        yield from held(entry, path + key, seen)


@pytest.mark.parametrize("name", NAMES)
def test_nobody_else_writes_to_a_result(name):
    """Arrays are read-only and no views of others; dicts take no new entry."""
    for path, value in held(results()[name], name, set()):
        if isinstance(value, np.ndarray):
            assert not value.flags.writeable, path
            base = value.base
            assert base is None or not base.flags.writeable, path
        else:
            with pytest.raises(TypeError, match="read-only"):
                value["new"] = 1


@pytest.mark.parametrize("name", NAMES)
def test_what_it_was_made_from_may_change(name):
    """Made again from arrays that can be written to: what is done to those does not show."""
    value = results()[name]
    given: dict[str, Any] = {}
    for entry in dataclasses.fields(value):
        inside = getattr(value, entry.name)
        if isinstance(inside, np.ndarray) and entry.init:
            given[entry.name] = np.array(inside)
    one_of_two = {"diffusion_constant": None} if name == "Material" else {}
    again = dataclasses.replace(value, **given, **one_of_two)
    before = {key: np.array(getattr(again, key)) for key in given}
    for array in given.values():
        array[...] = 7
    for key, array in before.items():
        np.testing.assert_array_equal(getattr(again, key), array)


def test_every_public_dataclass_is_walked():
    """A new one must be added above (or hold no arrays)."""
    assert sorted(results()) == sorted(NAMES)
    for name in of.__all__:
        kind = getattr(of, name)
        if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
            continue
        types = " ".join(str(f.type) for f in dataclasses.fields(kind))
        assert "ndarray" not in types or name in NAMES, name


def test_arguments_are_copied():
    sigma = np.array([1e-3, 2e-3])
    x = np.eye(3)
    m = of.Material(sigma, 1e-12, 0.1, x, diffusion_constant=1e-3)
    sigma[:] = x[:] = 9
    assert m.sheet_conductivity.tolist() == [1e-3, 2e-3] and m.inverse_mass[0, 0] == 1.0
    fields = np.array([[0.0, 0, 0], [1, 0, 0]])
    curve = of.hanle_curve(section(), fields)
    s = of.solve(section(), field := np.array(B))
    fields[:] = field[:] = 9
    assert curve.fields[1, 0] == 1.0 and s.field.tolist() == B
    lines = np.array([0.0, 1, 2])
    mesh = of.tensor_grid(lines, lines)
    lines[:] = 9
    assert mesh.mesh.p.max() == 2.0
    import skfem

    raw = skfem.MeshTri1.init_tensor(np.linspace(0, 1, 3), np.linspace(0, 1, 3))
    device = of.DeviceMesh(raw, ("x", "y"))
    raw.p[:] = 9
    assert device.mesh.p.max() == 1.0
    materials = {"bulk": material()}
    problem = of.Problem(plane().mesh, materials)
    materials["bulk"] = material(orbital_hall_angle=0.5)
    assert problem.material.orbital_hall_angle == 0.1
    with pytest.raises(TypeError, match="read-only"):
        problem.materials["bulk"] = material()
