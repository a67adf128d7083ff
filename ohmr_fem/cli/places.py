"""Where the results of a command go."""

from __future__ import annotations

from pathlib import Path


def folder_for(given: str | None, path: Path) -> Path:
    """The results folder that was given, or that of the file."""
    from ..run.folder import default_folder, folder_of

    return default_folder(path) if given is None else folder_of(given)
