"""The file of a spectral measure, JSON: what it holds, and the way back (docs/measure-format)."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ..files import check_kinds, check_shapes, read_own
from ..model.material import Material
from ..model.problem import DETECTIONS
from ..model.spin import Spin
from .lanczos import Projection
from .link import link_of

if TYPE_CHECKING:
    from .measure import SpectralMeasure

FORMAT = "ohmr_fem spectral measure 2"
#: Wrote a channel as a list, and materials of one relaxation time alone.
FIRST_FORMAT = "ohmr_fem spectral measure 1"
_POLARISED = {"a": "text", "polarisation": "number"}
#: What a file of a measure holds beside its arrays.
_KINDS = {
    "current": "pair",
    "voltage": "pair",
    "detection": "text",
    "R_ohmic_sigma": "number",
    "tolerance": "positive number",
    "reference_length": "positive number",
    "slowest": "finite number",
    "absorbing": "truth",
    "residual": "number",
    "summary": "text",
}
#: What stands in the file as in the measure.
_SAME = tuple(k for k in _KINDS if k not in ("current", "voltage"))


def plain_content(measure: SpectralMeasure) -> dict[str, Any]:
    """What all kinds of measures write."""
    from ..version import __version__

    p = measure.projection
    arrays = {k: getattr(p, k).tolist() for k in ("rates", "weights", "tail", "gram")}
    return {
        "format": FORMAT,
        "version": __version__,
        **{k: getattr(measure, k) for k in _KINDS},
        "polarisations": measure.polarisations,
        "across": measure.across,
        "channels": [vars(c) for c in measure.channels],
        "material": plain_material(measure.material),
        "projection": {
            "shift": p.shift,
            "solves": p.solves,
            "residual": p.residual,
            "gap": p.gap,
            **arrays,
        },
    }


@contextlib.contextmanager
def contents(path: str | Path) -> Iterator[dict[str, Any]]:
    """The values of a file; whatever fails with them says that it is no file of a measure."""
    text = read_own(path, "a file that SpectralMeasure.save wrote", "SpectralMeasure.load")
    try:
        content = json.loads(text)
        if content["format"] not in (FORMAT, FIRST_FORMAT):
            raise KeyError(content["format"])
        yield content
    except Exception as exc:  # whatever a value of another kind leads to
        raise InputError(
            f"{path}: not a spectral measure ({type(exc).__name__}: {exc}); expected a file "
            "written by SpectralMeasure.save",
            value=str(path),
        ) from exc


def common_of(content: dict[str, Any]) -> dict[str, Any]:
    """The arguments that all kinds of measures have in common."""
    check_kinds(content, _KINDS)
    if content["detection"] not in DETECTIONS:
        raise ValueError(f"detection is {content['detection']!r}")
    projection = _projection_of(content["projection"])
    starts = len(projection.gram)
    channels = tuple(link_of(c, starts) for c in content["channels"])
    if not channels:
        raise ValueError("it has no channel")
    pairs = {k: tuple(content[k]) if content[k] else None for k in ("current", "voltage")}
    polarised = content.get("polarisations", [])
    for name, size in polarised:
        check_kinds({"a": name, "polarisation": size}, _POLARISED)
    across = content.get("across", 1.0)
    check_kinds({"across": across}, {"across": "positive number"})
    return {
        **pairs,
        **{k: content[k] for k in _SAME},
        "polarisations": tuple((name, size) for name, size in polarised),
        "across": across,
        "projection": projection,
        "channels": channels,
        "material": material_of(content["material"]),
    }


def _projection_of(plain: dict[str, Any]) -> Projection:
    check_kinds(plain, {"shift": "number", "residual": "number", "solves": "count"})
    count, starts = len(plain["rates"]), len(plain["gram"])
    arrays: dict[str, Any] = {
        "rates": np.array(plain["rates"]),
        "weights": np.reshape(plain["weights"], (count, -1)),
        "tail": np.reshape(plain["tail"], (-1, count)),
        "gram": np.array(plain["gram"]),
    }
    shapes = {"rates": (count,), "weights": (count, starts), "gram": (starts, starts)}
    check_shapes(arrays, shapes | {"tail": arrays["tail"].shape})
    known = {k: plain[k] for k in ("shift", "solves", "residual")}
    known["gap"] = plain.get("gap", 0.0)  # older files know none
    check_kinds({"gap": known["gap"]}, {"gap": "finite number"})
    return Projection(**known, **arrays, vectors=None)


def plain_material(material: Material) -> dict[str, Any]:
    """The arguments of a material for a file: the diffusion length, or the constant where there
    is no one length.
    """
    left_out = "diffusion_constant" if material.uniform else "diffusion_length"
    given = {k: v for k, v in vars(material).items() if k != left_out}
    for name in ("inverse_mass", "relaxation_rate"):
        if given[name] is not None:
            given[name] = np.asarray(given[name]).tolist()
    return given | {"spin": None if material.spin is None else vars(material.spin)}


def material_of(plain: dict[str, Any]) -> Material:
    """From what :func:`plain_material` wrote."""
    spin = plain.get("spin")
    return Material(**{**plain, "spin": None if spin is None else Spin(**spin)})
