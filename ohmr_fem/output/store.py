"""Saving and loading solutions and curves: NumPy archives with JSON metadata, no pickles.

A file holds everything that defines the problem, so a loaded solution can still be evaluated
anywhere.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from ..base.file_kind import SAVED, told
from ..errors import InputError, OhmrError
from ..errors.doors import door
from ..files import READABLE_FORMATS, check_kinds, check_shapes, plain_file, write_archive
from ..fitting.global_result import GlobalFit
from ..fitting.result import Fit
from ..solver.solution import Solution
from ..solver.solution_file import save_solution, tuples, unpack_solution
from ..sweep.curve import HanleCurve, Parts
from ..sweep.measure import SpectralMeasure
from .fit_file import load_fit, save_fit

#: Before the names of the parts of a film's curve.
PART = "parts."
#: What a curve holds beside its arrays.
_CURVE = {
    "R_ohmic": "number",
    "current": "pair",
    "voltage": "pair",
    "method": "text",
    "summary": "text",
    "seconds": "number",
    "warnings": "texts",
}


@door
def save(item: Solution | HanleCurve | Fit | GlobalFit, path: str | Path) -> Path:
    """Write a result to a file, which :func:`load` reads: a solution or a curve as a NumPy .npz
    archive, a fit as JSON.

    Parameters
    ----------
    item : Solution, HanleCurve, Fit or GlobalFit
    path : str or Path

    Returns
    -------
    Path

    Raises
    ------
    InputError
        Another item, a file that cannot be written; the problem contains a function (a coefficient
        or a current profile), which cannot be stored.
    """
    if isinstance(item, Solution):
        return save_solution(item, path)
    if isinstance(item, HanleCurve):
        arrays: dict[str, np.ndarray] = {}
        return write_archive(
            "HanleCurve",
            _pack_curve(item, arrays),
            arrays,
            path,
        )
    if isinstance(item, (Fit, GlobalFit)):
        return save_fit(item, path)
    raise InputError(
        f"expected a Solution, a HanleCurve, a Fit or a GlobalFit, got {type(item).__name__}",
        value=item,
        key="save",
    )


@door
def load(path: str | Path) -> Any:
    """Read what :func:`save` wrote, and a measure that :meth:`SpectralMeasure.save` wrote.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Solution, HanleCurve, Fit, GlobalFit or SpectralMeasure

    Raises
    ------
    InputError
        Missing, damaged or foreign file; of a known kind the message says what reads it.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file", value=path)
    plain_file(path, "a file that save wrote")
    known = " and ".join(READABLE_FORMATS)
    kind = told(path)
    if "of.load_fit" in kind:
        return load_fit(path)
    if "SpectralMeasure.load" in kind:
        return SpectralMeasure.load(path)
    if kind and not kind.endswith(SAVED):
        raise InputError(f"{path}: not a file saved by ohmr_fem.save, but {kind}", value=path)
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        meta = json.loads(str(arrays.pop("meta")))
        readable = meta["format"] in READABLE_FORMATS
        unpack = _UNPACK[meta["kind"]] if readable else None
        item = unpack(meta["content"], arrays) if unpack else None
    except MemoryError:
        raise
    except Exception as exc:  # zip, JSON, key and shape errors: the file is not ours or not whole
        what = str(exc) if isinstance(exc, OhmrError) else f"{type(exc).__name__}: {exc}"
        if "allow_pickle" in what:  # so numpy says of whatever is no array
            what = "no archive of arrays"
        raise InputError(
            f"{path}: not a file saved by ohmr_fem, or damaged ({what}); save it again",
            value=path,
        ) from exc
    if not readable:
        raise InputError(
            f"{path}: has format {meta['format']!r}, this version reads {known}",
            value=path,
        )
    return item


def _pack_curve(curve: HanleCurve, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    values = {f.name: getattr(curve, f.name) for f in dataclasses.fields(curve)}
    if curve.parts is not None:
        values |= {PART + name: v for name, v in values.pop("parts").given.items()}
    arrays |= {name: v for name, v in values.items() if isinstance(v, np.ndarray)}
    return {name: v for name, v in values.items() if name not in arrays}


def _unpack_curve(content: dict[str, Any], arrays: dict[str, np.ndarray]) -> HanleCurve:
    rows = len(arrays["fields"])
    each = dict.fromkeys(arrays, (rows,))
    check_shapes(arrays, each | {"fields": (rows, 3)})
    whole = tuples(content)
    check_kinds(whole, _CURVE)
    later = {"silent": False, "ohmic_silent": False}  # not in files of before
    check_kinds({**later, **whole}, dict.fromkeys(later, "truth"))
    parts = {k.removeprefix(PART): arrays.pop(k) for k in list(arrays) if k.startswith(PART)}
    curve = HanleCurve(**whole, **arrays)  # type: ignore[arg-type]
    return dataclasses.replace(curve, parts=Parts(**parts)) if parts else curve


#: What the archive says that it is.
_UNPACK = {"Solution": unpack_solution, "HanleCurve": _unpack_curve}
