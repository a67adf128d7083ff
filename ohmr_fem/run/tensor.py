"""A run of a model file: the tensor for every chemical potential and displacement, as table and
figures, and a record.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..config.device_file import TensorJob
from ..errors import shown
from ..errors.doors import door
from ..files import atomic_path
from ..micro import InverseMass, inverse_mass, write_tensor_table
from ..micro.tables import TensorTable, describe
from ..output.plot_micro import plot_inverse_mass
from ..output.record import provenance, write_record
from ..output.style import drawing, save_figure
from .folder import files_of, remove, results_folder

#: Columns whose range the record holds.
SHOWN = ("X_xx", "X_yy", "X_zz", "theta")


@door
def run_tensor(
    job: TensorJob,
    out: str | Path,
    *,
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, Any]:
    """Compute what a model file asks for and write xtensor.csv, the figures and run.json into the
    folder ``out``.

    Parameters
    ----------
    job : TensorJob
        From :func:`ohmr_fem.config.device_file.read_tensor_job`.
    progress : callable(step, done, total), optional

    Returns
    -------
    dict, the content of run.json

    Raises
    ------
    InputError, SolveError
    """
    start = time.perf_counter()
    planned = [
        "xtensor.csv",
        *(f"{stem}.{k}" for stem in ("xtensor", "theta") for k in job.figures),
    ]
    record: dict[str, Any] = provenance(job.digests)
    with results_folder(out, planned, job.inputs) as before:
        out = Path(out)
        record |= {"model_file": job.table, "files": []}
        there = [name for name in files_of(before) if (out / name).exists()]
        record["earlier"] = [name for name in there if name != "run.json"]
        try:
            _compute(job, out, record, progress)
            record["status"] = "complete"
        except BaseException as exc:
            record["status"] = "interrupted" if isinstance(exc, KeyboardInterrupt) else "failed"
            record["error"] = shown(exc) or type(exc).__name__
            raise
        finally:
            _close(out, record, before, time.perf_counter() - start)
    return record


def _close(
    out: Path,
    record: dict[str, Any],
    before: dict[str, Any],
    seconds: float,
) -> None:
    """Write the record, and remove what is left of an earlier run and of no use beside it."""
    if record["status"] == "failed" and not record["files"]:
        return  # refused: nothing was written, and what an earlier run left stays with its record
    if record["status"] == "complete" or before.get("inputs") != record["inputs"]:
        remove(out, [n for n in record["earlier"] if n not in record["files"]])
        record["earlier"] = []
    record["seconds"] = seconds
    write_record(record, out)


def _compute(
    job: TensorJob,
    out: Path,
    record: dict[str, Any],
    progress: Callable[[str, int, int], None] | None,
) -> None:
    """The table and the figures, and what the record says of them."""
    results = _tensors(job, progress)
    with atomic_path(out / "xtensor.csv") as temporary:
        write_tensor_table(temporary, results, f"model: {job.model!r}")
    record["files"].append("xtensor.csv")
    with drawing("xtensor"):
        record["files"] += _figures(job, results, out)
    record["files"].append("run.json")
    table = TensorTable(results)
    values = {name: table[name] for name in SHOWN if name in table}
    ranges = {name: [float(np.min(v)), float(np.max(v))] for name, v in values.items()}
    record |= {
        "model": repr(job.model),
        "meaning": describe(results),
        "rows": len(values["X_xx"]),
        "ranges": ranges,
        "largest_error": max(float(np.max(x.error)) for x in results.values()),
    }


def _tensors(
    job: TensorJob,
    progress: Callable[[str, int, int], None] | None,
) -> dict[float, InverseMass]:
    """{displacement in eV: result}."""
    results = {}
    count = len(job.displacements)
    for i, v in enumerate(dict.fromkeys(job.displacements.tolist())):  # each value once
        model = job.model if v == 0.0 else job.model.with_displacement(v)
        results[v] = inverse_mass(model, **job.options)
        if progress is not None:
            progress("tensor", i + 1, count)
    return results


def _figures(
    job: TensorJob,
    results: dict[float, InverseMass],
    out: Path,
) -> list[str]:
    """X and, where there are two layers, theta, against what is swept."""
    levels = len(next(iter(results.values())).X)
    if levels == 1 and len(results) == 1:
        return []
    against = "density" if job.options["mu"] is None else "mu"
    if len(results) > levels:
        against = "displacement"
    files = []
    quantities = ("X", "theta") if job.model.n_layers > 1 else ("X",)
    for quantity in quantities:
        stem = "xtensor" if quantity == "X" else quantity
        axes = plot_inverse_mass(results, quantity, against) if job.figures else None
        for kind in job.figures:
            files.append(f"{stem}.{kind}")
            save_figure(axes, out / files[-1])
    return files
