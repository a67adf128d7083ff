"""The record of a run: versions, inputs, results."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from ..files import atomic_path
from ..version import __version__

DEPENDENCIES = (
    "numpy",
    "scipy",
    "scikit-fem",
    "meshio",
    "matplotlib",
    "pint",
    "pydantic",
    "typer",
    "rich",
)


def versions() -> dict[str, str]:
    """{program: version} of this package and of what it stands on."""
    return {"ohmr_fem": __version__, **{name: metadata.version(name) for name in DEPENDENCIES}}


def provenance(digests: Mapping[Path, str]) -> dict[str, Any]:
    """What every record starts with: versions, and the SHA-256 of what was read of each file."""
    return {
        "status": "unfinished",
        "ohmr_fem": __version__,
        "python": platform.python_version(),
        "dependencies": {name: metadata.version(name) for name in DEPENDENCIES},
        "inputs": {str(p): digest for p, digest in digests.items()},
    }


def write_record(record: dict[str, Any], out: Path) -> None:
    """The record as run.json in the results folder."""
    with atomic_path(out / "run.json") as temporary:
        temporary.write_text(
            json.dumps(record, indent=2, default=str, ensure_ascii=False) + "\n",
            encoding="utf-8",
            errors="backslashreplace",  # a file name that is not UTF-8
        )
