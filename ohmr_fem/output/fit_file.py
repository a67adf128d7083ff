"""Fits of a device or a series as JSON: every number comes back as the same float."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..base.owned import ReadOnly
from ..errors import InputError, OhmrError
from ..errors.doors import door
from ..files import atomic_path, read_own
from ..fitting.background import Term
from ..fitting.data import Measured
from ..fitting.fisher import Combination, Identifiability
from ..fitting.global_result import GlobalFit, Minimum, SampleFit
from ..fitting.preparation import Numbers, Preparation, Step
from ..fitting.result import Estimate, Fit, FittedCurve
from ..fitting.sample import Known, Sample
from ..mesh.device_mesh import DeviceMesh
from ..model.contacts import Contact, Edge, GaussianProfile, Moment
from ..model.film import Face, Film, MagneticFace
from ..model.material import Material
from ..model.problem import Problem
from ..model.spin import Spin
from ..model.stack import Stack
from ..solver.solution_file import _pack_mesh, _unpack_mesh
from ..version import __version__
from .fit_check import check_fields, check_fit

FORMAT = "ohmr_fem/fit/1"
#: The key that says what an object was.
KIND = "is"
#: What is written field by field.
PLAIN = {
    kind.__name__: kind
    for kind in (
        Combination,
        Contact,
        Edge,
        Estimate,
        Face,
        Film,
        Fit,
        FittedCurve,
        GaussianProfile,
        GlobalFit,
        Identifiability,
        Known,
        MagneticFace,
        Measured,
        Minimum,
        Moment,
        Numbers,
        Preparation,
        Problem,
        Sample,
        SampleFit,
        Spin,
        Stack,
        Step,
        Term,
    )
}
#: Those that take what they are given; the others look at it themselves.
TAKEN = {
    kind.__name__
    for kind in (
        Combination,
        Estimate,
        Fit,
        FittedCurve,
        GlobalFit,
        Identifiability,
        Known,
        Minimum,
        Numbers,
        Preparation,
        Sample,
        SampleFit,
        Step,
        Term,
    )
}
#: Of a fit, what lives only as long as the session.
LEFT_OUT: Mapping[str, Any] = {"prepared": None, "measures": (), "lmfit": None}


def save_fit(
    fit: Fit | GlobalFit,
    path: str | Path,
) -> Path:
    """Write a fit to ``path`` (.json).

    Raises
    ------
    InputError
        A problem holds a function, which cannot be stored.
    """
    path = Path(path)
    content = content_of(fit)
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, allow_nan=False) + "\n", encoding="utf-8")
    return path


def content_of(fit: Fit | GlobalFit) -> dict[str, Any]:
    """What a file holds of a fit."""
    return {"format": FORMAT, "version": __version__, "fit": _packed(fit)}


@door
def load_fit(path: str | Path) -> Fit | GlobalFit:
    """Read what :func:`ohmr_fem.save` wrote of a fit.

    Everything is there but what a further search needs: ``measures`` and ``lmfit`` of a
    :class:`Fit` are empty, and :meth:`GlobalFit.bootstrap` asks for the fit itself.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Fit or GlobalFit

    Raises
    ------
    InputError
        Missing, damaged or foreign file.
    """
    content = read_content(path)
    with _damage_named(path):
        found = fit_of(content)
    if found is None:
        raise InputError(f"{path}: holds no fit", value=str(path))
    return found


@contextlib.contextmanager
def _damage_named(path: str | Path) -> Iterator[None]:
    """Whatever fails in the block is the fault of this file."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as exc:  # the file is not ours or not whole
        what = str(exc) if isinstance(exc, OhmrError) else f"{type(exc).__name__}: {exc}"
        raise InputError(
            f"{path}: not a fit saved by ohmr_fem, or damaged ({what}); save it again",
            value=str(path),
        ) from exc


def read_content(path: str | Path) -> dict[str, Any]:
    """The JSON of a file of this format."""
    text = read_own(path, "a fit saved by ohmr_fem", "of.load_fit")
    with _damage_named(path):
        content: dict[str, Any] = json.loads(text)
        found = content["format"]
    if found != FORMAT:
        raise InputError(
            f"{path}: has format {found!r}, this version reads {FORMAT}",
            value=str(path),
        )
    return content


def fit_of(content: Mapping[str, Any]) -> Fit | GlobalFit | None:
    """The fit in such a content, whose parts belong together."""
    found = _unpacked(content["fit"])
    if not isinstance(found, (Fit, GlobalFit)):
        return None
    check_fit(found)
    return found


def _packed(value: Any) -> Any:
    """A value in what JSON has."""
    if isinstance(value, (np.integer, np.floating, np.bool_)):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return {KIND: "float", "value": repr(value)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    for kind, pack in PACKERS.items():
        if isinstance(value, kind):
            return pack(value)
    name = type(value).__name__
    if name not in PLAIN:
        raise InputError(f"save: {name} cannot be stored in a fit")
    fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.init}
    if isinstance(value, Problem) and isinstance(value.film, Stack):
        fields["materials"] = None  # the stack has them
    kept = {k: _packed(v) for k, v in fields.items() if k not in LEFT_OUT}
    return {KIND: name, "fields": kept}


def _packed_array(value: np.ndarray) -> dict[str, Any]:
    flat = [_packed(v) for v in value.ravel().tolist()]
    return {KIND: "array", "type": str(value.dtype), "shape": list(value.shape), "values": flat}


def _packed_map(value: Mapping[Any, Any]) -> dict[str, Any]:
    pairs = [[key, _packed(entry)] for key, entry in value.items()]
    return {KIND: "map", "pairs": pairs}


def _packed_mesh(value: DeviceMesh) -> dict[str, Any]:
    arrays: dict[str, np.ndarray] = {}
    content = _pack_mesh(value, arrays)
    return {KIND: "DeviceMesh", "content": _packed(content), "arrays": _packed(arrays)}


def _packed_material(value: Material) -> dict[str, Any]:
    fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    # one of both follows from the other
    fields.pop("diffusion_constant" if value.diffusion_length is not None else "diffusion_length")
    return {KIND: "Material", "fields": {k: _packed(v) for k, v in fields.items()}}


PACKERS: Mapping[type, Callable[[Any], Any]] = {
    np.ndarray: _packed_array,
    tuple: lambda v: {KIND: "tuple", "values": [_packed(x) for x in v]},
    list: lambda v: [_packed(x) for x in v],
    Mapping: _packed_map,  # type: ignore[type-abstract]
    DeviceMesh: _packed_mesh,
    Material: _packed_material,
}


def _unpacked(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpacked(v) for v in value]
    if not isinstance(value, dict):
        return value
    kind = value[KIND]
    if kind in UNPACKERS:
        return UNPACKERS[kind](value)
    fields = {k: _unpacked(v) for k, v in value["fields"].items()}
    if kind in TAKEN:
        check_fields(PLAIN[kind], fields)
    if kind == "Fit":
        fields |= {name: LEFT_OUT[name] for name in ("measures", "lmfit")}
    if kind == "Sample":
        return _sample(fields)
    return PLAIN[kind](**fields)


def _array(value: Mapping[str, Any]) -> np.ndarray:
    flat = [_unpacked(v) for v in value["values"]]
    return np.array(flat, dtype=value["type"]).reshape(value["shape"])


def _mesh(value: Mapping[str, Any]) -> DeviceMesh:
    return _unpack_mesh(_unpacked(value["content"]), _unpacked(value["arrays"]))


def _sample(fields: dict[str, Any]) -> Sample:
    """Taken as it was: it has been checked before."""
    out = object.__new__(Sample)
    if fields.keys() != Sample.__dataclass_fields__.keys():
        raise ValueError(f"Sample: has {', '.join(fields)}")
    for key, value in fields.items():
        own = ReadOnly(value) if isinstance(value, dict) else value
        object.__setattr__(out, key, own)
    return out


UNPACKERS: Mapping[str, Callable[[Any], Any]] = {
    "float": lambda v: float(v["value"]),
    "array": _array,
    "tuple": lambda v: tuple(_unpacked(x) for x in v["values"]),
    "map": lambda v: {key: _unpacked(entry) for key, entry in v["pairs"]},
    "DeviceMesh": _mesh,
    "Material": lambda v: Material(**{k: _unpacked(x) for k, x in v["fields"].items()}),
}
