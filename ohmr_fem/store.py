"""Saving and loading solutions and curves: NumPy archives with JSON metadata, no pickles.

A file holds everything that defines the problem, so a loaded solution can still be evaluated anywhere.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .drive import Drive
from .errors import InputError
from .material import Material
from .mesh import DeviceMesh
from .mesh_cells import CELL_TYPES, cell_kind
from .problem import Contact, Edge, GaussianProfile, Moment, Problem
from .solution import Solution
from .sweep import HanleCurve

FORMAT = "ohmr_fem/1"
_COEFFICIENTS = ("sheet_conductivity", "relaxation_time", "orbital_hall_angle", "inverse_orbital_hall_angle",
                 "diffusion_constant", "inverse_mass", "g_factor", "moment_per_carrier", "name", "source", "mobility")
_SOLUTION_ARRAYS = ("field", "ohmic_dofs", "orbital_dofs", "moment_dofs")
_SOLUTION_PLAIN = ("factorisations", "solver", "seconds")


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A temporary name beside ``path``, with the same ending, that replaces it when the block ends without error."""
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{os.getpid()}-{path.name}")
        try:
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as exc:
        reason = exc.strerror or str(exc)
        raise InputError(f"{path}: cannot be written ({reason}); choose another folder", value=path) from exc


def save(item: Solution | HanleCurve, path: str | Path) -> Path:
    """Write a solution or a curve to ``path``, a NumPy .npz archive.

    Raises
    ------
    InputError
        The problem contains a function (a coefficient or a current profile), which cannot be stored.
    """
    path = Path(path)
    arrays: dict[str, np.ndarray] = {}
    if isinstance(item, Solution):
        content = _pack_solution(item, arrays)
    elif isinstance(item, HanleCurve):
        content = _pack_curve(item, arrays)
    else:
        raise InputError(f"save: expected a Solution or a HanleCurve, got {type(item).__name__}", value=item)
    from . import __version__

    meta = {"format": FORMAT, "version": __version__, "kind": type(item).__name__, "content": content}
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        contents: dict[str, Any] = {"meta": np.array(json.dumps(meta)), **arrays}
        np.savez_compressed(stream, **contents)
    return path


def load(path: str | Path) -> Any:
    """Read what :func:`save` wrote.

    Returns
    -------
    Solution or HanleCurve

    Raises
    ------
    InputError
        Missing, damaged or foreign file.
    """
    path = Path(path)
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        meta = json.loads(str(arrays.pop("meta")))
        if meta["format"] != FORMAT:
            raise InputError(f"{path}: has format {meta['format']!r}, this version reads {FORMAT!r}", value=path)
        unpack = {"Solution": _unpack_solution, "HanleCurve": _unpack_curve}[meta["kind"]]
        return unpack(meta["content"], arrays)
    except FileNotFoundError as exc:
        raise InputError(f"{path}: no such file", value=path) from exc
    except InputError:
        raise
    except Exception as exc:  # zip, JSON, key and shape errors: the file is not ours or not whole
        raise InputError(f"{path}: not a file saved by ohmr_fem, or damaged ({type(exc).__name__}: {exc}); "
                         "save it again", value=path) from exc


def _pack_curve(curve: HanleCurve, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    values = {f.name: getattr(curve, f.name) for f in dataclasses.fields(curve)}
    arrays |= {name: v for name, v in values.items() if isinstance(v, np.ndarray)}
    return {name: v for name, v in values.items() if name not in arrays}


def _unpack_curve(content: dict[str, Any], arrays: dict[str, np.ndarray]) -> HanleCurve:
    return HanleCurve(**_tuples(content), **arrays)  # type: ignore[arg-type]


def _pack_solution(solution: Solution, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    problem = solution.problem
    arrays |= {name: np.asarray(getattr(solution, name)) for name in _SOLUTION_ARRAYS}
    distinct = list({id(m): m for m in problem.materials.values()}.values())
    return {
        **{name: getattr(solution, name) for name in _SOLUTION_PLAIN}, "drift": solution.drift,
        "residuals": dict(solution.residuals), "warnings": list(solution.warnings),
        "drive": {f.name: getattr(solution.drive, f.name) for f in dataclasses.fields(Drive)},
        "mesh": _pack_mesh(problem.mesh, arrays),
        "materials": [_pack_material(m, i, arrays) for i, m in enumerate(distinct)],
        "material_of": {r: next(i for i, d in enumerate(distinct) if d is m) for r, m in problem.materials.items()},
        "contacts": {name: _pack_contact(name, c) for name, c in problem.contacts.items()},
        "edges": {name: dataclasses.asdict(e.moment) for name, e in problem.edges.items()},
        "options": {"order": problem.order, "coupling": problem.coupling, "detection": problem.detection,
                    "ordinary_hall": problem.ordinary_hall},
    }


def _unpack_solution(content: dict[str, Any], arrays: dict[str, np.ndarray]) -> Solution:
    materials = [_unpack_material(m, i, arrays) for i, m in enumerate(content["materials"])]
    problem = Problem(
        _unpack_mesh(content["mesh"], arrays), {r: materials[i] for r, i in content["material_of"].items()},
        {name: _unpack_contact(c) for name, c in content["contacts"].items()},
        edges={name: Edge(Moment(**_tuples(m))) for name, m in content["edges"].items()}, **content["options"])
    stored: dict[str, Any] = {name: arrays[name] for name in _SOLUTION_ARRAYS}
    return Solution(problem=problem, drive=Drive(**content["drive"]), residuals=content["residuals"],
                    warnings=tuple(content["warnings"]), drift=content.get("drift", False), **stored,
                    **{name: content[name] for name in _SOLUTION_PLAIN})


def _pack_mesh(mesh: DeviceMesh, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    arrays["mesh_points"], arrays["mesh_cells"] = mesh.mesh.doflocs, mesh.mesh.t
    for kind, groups in (("boundary", mesh.boundaries), ("region", mesh.regions)):
        arrays |= {f"{kind}:{name}": np.asarray(members) for name, members in groups.items()}
    cell = cell_kind(mesh.mesh) or type(mesh.mesh)
    return {"type": cell.__name__, "axes": list(mesh.axes), "source": mesh.source,
            "boundaries": list(mesh.boundaries), "regions": list(mesh.regions)}


def _unpack_mesh(content: dict[str, Any], arrays: dict[str, np.ndarray]) -> DeviceMesh:
    kind = {k.__name__: k for k in CELL_TYPES}[content["type"]]
    return DeviceMesh(
        kind(arrays["mesh_points"], arrays["mesh_cells"], validate=False), tuple(content["axes"]),
        {name: arrays[f"boundary:{name}"] for name in content["boundaries"]},
        {name: arrays[f"region:{name}"] for name in content["regions"]}, content["source"])


def _pack_material(material: Material, number: int, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name in _COEFFICIENTS:
        value = getattr(material, name)
        if callable(value):
            raise InputError(f"save: {name} is a function of position and cannot be stored; give an array with one "
                             "value per cell instead", value=value)
        if isinstance(value, np.ndarray):
            arrays[f"material:{number}:{name}"] = value
        else:
            out[name] = value
    return out


def _unpack_material(content: dict[str, Any], number: int, arrays: dict[str, np.ndarray]) -> Material:
    start = f"material:{number}:"
    stored = {key.removeprefix(start): value for key, value in arrays.items() if key.startswith(start)}
    return Material(**{**_tuples(content), **stored})


def _pack_contact(name: str, contact: Contact) -> dict[str, Any]:
    profile: Any = contact.profile
    if isinstance(profile, GaussianProfile):
        profile = dataclasses.asdict(profile)
    elif callable(profile):
        raise InputError(f"save: the current profile of contact {name!r} is a function and cannot be stored; use "
                         "gaussian_profile or 'uniform'", value=profile)
    return {"kind": contact.kind, "moment": dataclasses.asdict(contact.moment), "profile": profile,
            "at": contact.at, "boundary": contact.boundary}


def _unpack_contact(content: dict[str, Any]) -> Contact:
    profile = content["profile"]
    if isinstance(profile, Mapping):
        profile = GaussianProfile(**_tuples(profile))
    return Contact(**{**content, "profile": profile, "moment": Moment(**_tuples(content["moment"])),
                      "at": content["at"] and tuple(content["at"])})


def _tuples(content: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has no tuples; give them back."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in content.items()}
