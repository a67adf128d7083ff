"""What differs between two results folders: inputs, curves, and the curves over each other."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..errors.doors import door
from ..files import read_text
from ..model.directions import fields_in_words
from ..output.plot import plot_columns
from ..output.report import flat
from ..output.style import save_figure

#: In the place of a key that a run does not have.
ABSENT = "-"


@door
def compare_runs(
    one: str | Path,
    other: str | Path,
    out: str | Path | None = None,
) -> list[str]:
    """Lines that say what differs between two runs.

    Parameters
    ----------
    one, other : results folders of ``ohmr-fem run``
    out : folder, optional
        The curves of both runs are drawn over each other into it, one picture a table.

    Raises
    ------
    InputError
        A folder without a record of a run, or a damaged table.
    """
    folders = Path(one), Path(other)
    records = [_record(folder) for folder in folders]
    lines = [f"inputs of {one} and {other}:"]
    tables = [dict(flat(record["device"])) for record in records]
    keys = dict.fromkeys([*tables[0], *tables[1]])
    apart = [key for key in keys if tables[0].get(key) != tables[1].get(key)]
    for key in apart:
        first, second = (json.dumps(t[key]) if key in t else ABSENT for t in tables)
        lines.append(f"  {key}: {first} | {second}")
    versions = [record["ohmr_fem"] for record in records]
    if versions[0] != versions[1]:
        lines.append(f"  ohmr_fem: {versions[0]} | {versions[1]}")
    if len(lines) == 1:
        lines.append("  none differs")
    return lines + list(_curves(folders, records, out))


def _record(folder: Path) -> dict[str, Any]:
    path = folder / "run.json"
    if not path.exists():
        what = "holds no run.json" if folder.is_dir() else "no such folder"
        raise InputError(f"{folder}: {what}; give the results folder of a run", value=str(folder))
    text = read_text(path, "the record of a run; give its results folder")
    try:
        record = json.loads(text)
    except ValueError:
        record = None
    if not isinstance(record, dict) or not {"device", "curves", "ohmr_fem"} <= set(record):
        raise InputError(f"{path}: is no record of a run of ohmr-fem", value=str(path))
    return record


def _curves(
    folders: tuple[Path, Path],
    records: list[dict[str, Any]],
    out: str | Path | None,
) -> Iterator[str]:
    names = [name for name in records[0]["curves"] if name in records[1]["curves"]]
    lonely = [n for record in records for n in record["curves"] if n not in names]
    for name in names:
        files = [f / r["curves"][name]["table"] for f, r in zip(folders, records, strict=True)]
        found = [read_columns(file) for file in files]
        yield f"{name}:"
        silent = [set(r["curves"][name].get("round_off", ())) for r in records]
        yield from _numbers(found[0], found[1], silent[0] & silent[1])
        if out is not None:
            Path(out).mkdir(parents=True, exist_ok=True)
            path = Path(out) / f"compare_{files[0].stem}.png"
            labels = [str(folder) for folder in folders]
            save_figure(plot_columns(found, labels), path)
            yield f"  {path}"
    for name in lonely:
        yield f"{name}: in one of the runs alone"


def read_columns(path: Path) -> dict[str, np.ndarray]:
    """{name with unit: values} of a table that a run wrote."""
    rows = list(csv.reader(read_text(path, "a table of a run").splitlines()))
    rows = [row for row in rows if row and not row[0].startswith("#")]
    try:
        values = np.array([[float(x) for x in row] for row in rows[1:]])
        return dict(zip(rows[0], values.T, strict=True))
    except (IndexError, ValueError) as exc:
        raise InputError(f"{path}: is no table of a run ({exc})", value=str(path)) from exc


def _numbers(
    first: dict[str, np.ndarray],
    second: dict[str, np.ndarray],
    silent: set[str],
) -> Iterator[str]:
    """One line for each column that both have: the largest difference; ``silent`` ones are nothing
    but round-off in both.
    """
    fields = [name for name in first if name.startswith("B_")]
    same = all(name in second and np.array_equal(first[name], second[name]) for name in fields)
    if not same:
        yield f"  the fields differ: {_fields_of(first)} and {_fields_of(second)}"
        return
    for name, one in first.items():
        if name in fields or name not in second or not name.startswith(("R", "hanle", "rho")):
            continue
        if name.partition(" ")[0] in silent:
            yield f"  {name}: round-off in both"
            continue
        other = second[name]
        both = np.isfinite(one) & np.isfinite(other)
        if not np.any(both):
            continue
        apart = float(np.abs(one - other)[both].max())
        size = max(float(np.abs(v[both]).max()) for v in (one, other))
        share = f" ({apart / size:.2g} of the largest)" if apart and size else ""
        yield f"  {name}: largest difference {apart:.4g}{share}"


def _fields_of(table: dict[str, np.ndarray]) -> str:
    """The fields of a table in words."""
    fields = np.array([table.get(f"B_{axis} [T]", np.nan) for axis in "xyz"]).T
    count = f"{len(fields)} field" + "s" * (len(fields) != 1)
    return f"{count}, {fields_in_words(fields)}"
