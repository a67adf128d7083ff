"""explore and compare."""

from __future__ import annotations

from pathlib import Path

from ..config.device_file import read_device
from .places import folder_for
from .speech import show, tell


def explore(path: Path, given: str | None) -> None:
    from ..run.explore import explore_device

    page = explore_device(read_device(path), folder_for(given, path))
    tell(f"{page}: {page.stat().st_size / 1e3:.0f} kB; open it in a browser")


def compare(one: Path, other: Path, out: Path | None) -> None:
    from ..run.compare import compare_runs

    show(*compare_runs(one, other, out))
