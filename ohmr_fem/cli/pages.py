"""explore and compare."""

from __future__ import annotations

from pathlib import Path

from ..config.device_file import read_device
from .bars import working
from .places import folder_for
from .speech import show, tell


def explore(path: Path, given: str | None) -> None:
    from ..run.explore import explore_device

    with working("device and its mesh"):
        device = read_device(path)
    count = len(device.measurements)
    with working(f"poles of {count} measurement{'s' * (count > 1)}"):
        page = explore_device(device, folder_for(given, path))
    tell(f"{page}: {page.stat().st_size / 1e3:.0f} kB; open it in a browser")


def compare(one: Path, other: Path, out: Path | None) -> None:
    from ..run.compare import compare_runs

    show(*compare_runs(one, other, out))
