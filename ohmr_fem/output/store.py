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

from ..errors import InputError
from ..files import atomic_path
from ..solver.solution import Solution
from ..solver.solution_file import _pack_solution, _tuples, _unpack_solution
from ..sweep.curve import HanleCurve

FORMAT = "ohmr_fem/1"


def save(item: Solution | HanleCurve, path: str | Path) -> Path:
    """Write a solution or a curve to ``path``, a NumPy .npz archive.

    Raises
    ------
    InputError
        The problem contains a function (a coefficient or a current profile), which cannot be
        stored.
    """
    path = Path(path)
    arrays: dict[str, np.ndarray] = {}
    if isinstance(item, Solution):
        content = _pack_solution(item, arrays)
    elif isinstance(item, HanleCurve):
        content = _pack_curve(item, arrays)
    else:
        raise InputError(
            f"save: expected a Solution or a HanleCurve, got {type(item).__name__}", value=item
        )
    from ..version import __version__

    meta = {
        "format": FORMAT,
        "version": __version__,
        "kind": type(item).__name__,
        "content": content,
    }
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
            raise InputError(
                f"{path}: has format {meta['format']!r}, this version reads {FORMAT!r}", value=path
            )
        unpack = {"Solution": _unpack_solution, "HanleCurve": _unpack_curve}[meta["kind"]]
        return unpack(meta["content"], arrays)
    except FileNotFoundError as exc:
        raise InputError(f"{path}: no such file", value=path) from exc
    except InputError:
        raise
    except Exception as exc:  # zip, JSON, key and shape errors: the file is not ours or not whole
        raise InputError(
            f"{path}: not a file saved by ohmr_fem, or damaged ({type(exc).__name__}: {exc}); "
            "save it again",
            value=path,
        ) from exc


def _pack_curve(curve: HanleCurve, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    values = {f.name: getattr(curve, f.name) for f in dataclasses.fields(curve)}
    arrays |= {name: v for name, v in values.items() if isinstance(v, np.ndarray)}
    return {name: v for name, v in values.items() if name not in arrays}


def _unpack_curve(content: dict[str, Any], arrays: dict[str, np.ndarray]) -> HanleCurve:
    return HanleCurve(**_tuples(content), **arrays)  # type: ignore[arg-type]
