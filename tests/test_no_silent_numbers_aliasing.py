"""What the caller changes later changes no result: arrays are copied at the door."""

from __future__ import annotations

import dataclasses
import inspect
import warnings
from functools import cache
from typing import Any

import numpy as np
import pytest
from dimensional_calls import candidate, measured
from silent_devices import PAIR, B, material, measure, plane, section, solution
from small_devices import bar_problem

import ohmr_fem as of

pytestmark = [
    pytest.mark.filterwarnings("ignore::ohmr_fem.errors.ResolutionWarning"),
    pytest.mark.filterwarnings("ignore::ohmr_fem.errors.PhysicsWarning"),
]


def results() -> dict[str, Any]:
    """One of each public dataclass, made from arrays that the test holds."""
    device, curve = bar_problem(), of.hanle_curve(section(), of.field_sweep(0, 1, 3))
    pair = {"current": ("left", "right"), "voltage": ("t1", "t2")}
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
            "Transient": of.transient(section(), [0, 1e-12], B),
            "DriftCurve": of.drift_curve(plane(), [1e-6], **PAIR),
            "Adapted": of.solve_to(device, **pair, tolerance=0.5, budget=10_000),
            "Candidate": candidate([B]),
            "InverseMass": of.micro.InverseMass(
                *[np.ones((1, 3, 3)), np.ones(1), "", "", "", "", 1, np.ones(1), 300.0],
                *[np.ones(1)] * 4,
                *["", 2],
            ),
        }


@cache
def all_results() -> dict[str, Any]:
    return results()


RESULTS = (
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
)


@pytest.mark.parametrize("name", RESULTS)
def test_nobody_else_writes_to_a_result(name):
    value = all_results()[name]
    for entry in dataclasses.fields(value):
        inside = getattr(value, entry.name)
        arrays = list(inside.values()) if hasattr(inside, "values") else [inside]
        if name == "DeviceMesh" and entry.name == "mesh":
            arrays = [inside.doflocs, inside.t]
        for array in arrays:
            if isinstance(array, np.ndarray):
                assert not array.flags.writeable and array.base is None, entry.name
    # made again from arrays that can be written to: what is done to those does not show
    if name == "Material":  # has its own test: it takes one of two arguments
        return
    given = {}
    for entry in dataclasses.fields(value):
        inside = getattr(value, entry.name)
        if isinstance(inside, np.ndarray) and entry.init:
            given[entry.name] = np.array(inside)
    again = dataclasses.replace(value, **given)
    before = {key: np.array(getattr(again, key)) for key in given}
    for array in given.values():
        array[...] = 7
    for key, array in before.items():
        np.testing.assert_array_equal(getattr(again, key), array)


def test_every_public_dataclass_is_walked():
    """A new one must be added above (or hold no arrays)."""
    assert sorted(all_results()) == sorted(RESULTS)
    for name in of.__all__:
        kind = getattr(of, name)
        if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
            continue
        types = " ".join(str(f.type) for f in dataclasses.fields(kind))
        copies = "own_arrays(self)" in inspect.getsource(
            getattr(kind, "__post_init__", test_arguments_are_copied)
        )
        assert "ndarray" not in types or name in RESULTS or copies, name


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
