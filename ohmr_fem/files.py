"""Files that appear whole or not at all, and tables with units in their heading."""

from __future__ import annotations

import contextlib
import csv
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .errors import InputError
from .version import __version__

#: Of the archives that :func:`write_archive` writes.
ARCHIVE_FORMAT = "ohmr_fem/1"


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A temporary name beside ``path``, with the same ending, that replaces it when the block ends
    without error.
    """
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
        raise InputError(
            f"{path}: cannot be written ({reason}); choose another folder", value=path
        ) from exc


def write_table(columns: dict[str, tuple[str, np.ndarray]], path: str | Path) -> Path:
    """{name: (unit, values)} as CSV with the unit in the header and 17 significant digits."""
    path = Path(path)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow([f"{name} [{unit}]" for name, (unit, _) in columns.items()])
        writer.writerows(
            [
                [f"{v:.17g}" for v in row]
                for row in zip(*(v for _, v in columns.values()), strict=True)
            ]
        )
    return path


def write_archive(
    kind: str, content: dict[str, Any], arrays: dict[str, np.ndarray], path: str | Path
) -> Path:
    """Content (JSON) and arrays as one NumPy .npz archive, with the format and the version."""
    path = Path(path)
    meta = {
        "format": ARCHIVE_FORMAT,
        "version": __version__,
        "kind": kind,
        "content": content,
    }
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        contents: dict[str, Any] = {"meta": np.array(json.dumps(meta)), **arrays}
        np.savez_compressed(stream, **contents)
    return path
