"""A solution as plain content and arrays, and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..files import check_kinds, check_shapes, write_archive
from ..mesh.cells import CELL_TYPES, cell_kind
from ..mesh.check import check_mesh
from ..mesh.device_mesh import DeviceMesh
from ..model.contacts import Contact, Edge, GaussianProfile, Moment
from ..model.drive import Drive, read_drive
from ..model.material import Material
from ..model.problem import Problem
from ..model.spin import Spin
from .solution import Solution
from .space import count_unknowns

_COEFFICIENTS = (
    "sheet_conductivity",
    "relaxation_time",
    "orbital_hall_angle",
    "inverse_orbital_hall_angle",
    "diffusion_constant",
    "inverse_mass",
    "g_factor",
    "moment_per_carrier",
    "name",
    "source",
    "mobility",
    "relaxation_rate",
)
_SOLUTION_ARRAYS = ("field", "ohmic_dofs", "orbital_dofs", "moment_dofs")
_EDGE_SOURCES = ("source", "inverse_source", "edge_moment")
_SOLUTION_PLAIN = ("factorisations", "solver", "seconds")
_KINDS = {"factorisations": "count", "solver": "text", "seconds": "number", "warnings": "texts"}


def save_solution(solution: Solution, path: str | Path) -> Path:
    """Write a solution to ``path``, a NumPy .npz archive.

    Raises
    ------
    InputError
        The problem contains a function (a coefficient or a current profile), which cannot be
        stored.
    """
    arrays: dict[str, np.ndarray] = {}
    return write_archive("Solution", _pack_solution(solution, arrays), arrays, path)


def _pack_solution(solution: Solution, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    problem = solution.problem
    arrays |= {name: np.asarray(getattr(solution, name)) for name in _SOLUTION_ARRAYS}
    distinct = list({id(m): m for m in problem.materials.values()}.values())
    return {
        **{name: getattr(solution, name) for name in _SOLUTION_PLAIN},
        "drift": solution.drift,
        "residuals": dict(solution.residuals),
        "warnings": list(solution.warnings),
        "drive": {f.name: getattr(solution.drive, f.name) for f in dataclasses.fields(Drive)},
        "mesh": _pack_mesh(problem.mesh, arrays),
        "materials": [_pack_material(m, i, arrays) for i, m in enumerate(distinct)],
        "material_of": {
            r: next(i for i, d in enumerate(distinct) if d is m)
            for r, m in problem.materials.items()
        },
        "contacts": {name: _pack_contact(name, c) for name, c in problem.contacts.items()},
        "edges": {name: dataclasses.asdict(e.moment) for name, e in problem.edges.items()},
        "edge_sources": {
            name: {key: getattr(e, key) for key in _EDGE_SOURCES}
            for name, e in problem.edges.items()
        },
        "options": {
            "order": problem.order,
            "coupling": problem.coupling,
            "detection": problem.detection,
            "ordinary_hall": problem.ordinary_hall,
            "interface": problem.interface,
        },
    }


def unpack_solution(content: dict[str, Any], arrays: dict[str, np.ndarray]) -> Solution:
    materials = [_unpack_material(m, i, arrays) for i, m in enumerate(content["materials"])]
    problem = Problem(
        _unpack_mesh(content["mesh"], arrays),
        {r: materials[i] for r, i in content["material_of"].items()},
        {name: _unpack_contact(c) for name, c in content["contacts"].items()},
        edges={
            name: Edge(
                _unpack_moment(moment),
                **tuples(content.get("edge_sources", {}).get(name, {})),
            )
            for name, moment in content["edges"].items()
        },
        **{"interface": "density", **content["options"]},  # what files of format 1 hold
    )
    check_kinds(content, _KINDS)
    stored: dict[str, Any] = {name: arrays[name] for name in _SOLUTION_ARRAYS}
    unknowns = count_unknowns(problem.mesh.mesh, problem.order)
    shapes = ((3,), (unknowns,), (unknowns,), (problem.moments, unknowns))
    check_shapes(stored, dict(zip(_SOLUTION_ARRAYS, shapes, strict=True)))
    check_kinds(content["residuals"], dict.fromkeys(content["residuals"], "number"))
    return Solution(
        problem=problem,
        drive=_unpack_drive(problem, content["drive"]),
        residuals=content["residuals"],
        warnings=tuple(content["warnings"]),
        drift=bool(content.get("drift", False)),
        **stored,
        **{name: content[name] for name in _SOLUTION_PLAIN},
    )


def _pack_mesh(mesh: DeviceMesh, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    arrays["mesh_points"], arrays["mesh_cells"] = mesh.mesh.doflocs, mesh.mesh.t
    for kind, groups in (("boundary", mesh.boundaries), ("region", mesh.regions)):
        arrays |= {f"{kind}:{name}": np.asarray(members) for name, members in groups.items()}
    cell = cell_kind(mesh.mesh) or type(mesh.mesh)
    return {
        "type": cell.__name__,
        "axes": list(mesh.axes),
        "source": mesh.source,
        "width": mesh.width,
        "boundaries": list(mesh.boundaries),
        "regions": list(mesh.regions),
    }


def _unpack_drive(problem: Problem, content: dict[str, Any]) -> Drive:
    drive = Drive(**content)
    if problem.is_cross_section:
        return read_drive(problem, None, None, drive.electric_field)
    return read_drive(problem, drive.currents, drive.voltages, 0.0)


def _unpack_mesh(content: dict[str, Any], arrays: dict[str, np.ndarray]) -> DeviceMesh:
    kind = {k.__name__: k for k in CELL_TYPES}[content["type"]]
    points, cells = arrays["mesh_points"], arrays["mesh_cells"]
    check_shapes(arrays, {"mesh_points": (len(content["axes"]), points.shape[-1])})
    if cells.ndim != 2 or cells.dtype.kind not in "iu" or not cells.size:
        raise ValueError(f"mesh_cells is {cells.dtype} of shape {cells.shape}")
    if cells.min() < 0 or cells.max() >= points.shape[1]:
        raise ValueError("mesh_cells names points that are not there")
    check_kinds(content, {"source": "text", "boundaries": "texts", "regions": "texts"})
    mesh = DeviceMesh(
        kind(points, cells, validate=False),
        tuple(content["axes"]),
        {name: arrays[f"boundary:{name}"] for name in content["boundaries"]},
        {name: arrays[f"region:{name}"] for name in content["regions"]},
        content["source"],
        content.get("width"),
    )
    check_mesh(mesh)
    return mesh


def _pack_material(
    material: Material, number: int, arrays: dict[str, np.ndarray]
) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name in _COEFFICIENTS:
        value = getattr(material, name)
        if callable(value):
            raise InputError(
                f"save: {name} is a function of position and cannot be stored; give an array with "
                "one "
                "value per cell instead",
                value=value,
            )
        if isinstance(value, np.ndarray):
            arrays[f"material:{number}:{name}"] = value
        elif value is not None or name == "mobility":
            out[name] = value
    if material.spin is not None:
        out["spin"] = dataclasses.asdict(material.spin)
    return out


def _unpack_material(
    content: dict[str, Any], number: int, arrays: dict[str, np.ndarray]
) -> Material:
    start = f"material:{number}:"
    stored = {
        key.removeprefix(start): value for key, value in arrays.items() if key.startswith(start)
    }
    given = {**tuples(content), **stored}
    if given.get("spin") is not None:
        given["spin"] = Spin(**tuples(given["spin"]))
    return Material(**given)


def _pack_contact(name: str, contact: Contact) -> dict[str, Any]:
    profile: Any = contact.profile
    if isinstance(profile, GaussianProfile):
        profile = dataclasses.asdict(profile)
    elif callable(profile):
        raise InputError(
            f"save: the current profile of contact {name!r} is a function and cannot be stored; "
            "use "
            "gaussian_profile or 'uniform'",
            value=profile,
        )
    return {
        "kind": contact.kind,
        "moment": dataclasses.asdict(contact.moment),
        "profile": profile,
        "at": contact.at,
        "boundary": contact.boundary,
        "polarisation": contact.polarisation,
        "region": contact.region,
        **({"spin_polarisation": p} if (p := contact.spin_polarisation) else {}),
    }


def _unpack_contact(content: dict[str, Any]) -> Contact:
    profile = content["profile"]
    if isinstance(profile, Mapping):
        profile = GaussianProfile(**tuples(profile))
    return Contact(
        **{
            **content,
            "profile": profile,
            "moment": _unpack_moment(content["moment"]),
            "at": content["at"] and tuple(content["at"]),
        }
    )


def _unpack_moment(content: Mapping[str, Any]) -> Moment:
    given = tuples(content)
    if given.get("spin") is not None:
        given["spin"] = Moment(**tuples(given["spin"]))
    return Moment(**given)


def tuples(content: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has no tuples; give them back."""
    return {
        key: tuple(value) if isinstance(value, list) else value for key, value in content.items()
    }
