"""A results folder: one run at a time, nothing foreign overwritten, nothing stale left unmarked.

The record of a run (run.json, fit.json) lists the files that it wrote.  What it does not list, no
run wrote, and no run replaces.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files import UNFINISHED

LOCK = ".ohmr-lock"


def folder_of(out: str | Path, record: str = "run.json") -> Path:
    """The folder that a user names for results.

    Raises
    ------
    InputError
        It has no name, as of an unset variable, or is a file.
    """
    if str(out) == "" or not str(out).strip():
        raise InputError(
            "is empty; give the name of a folder, such as results/NAME", value=out, key="out"
        )
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise InputError(
            f"{folder / record}: cannot be written, {folder} is a file; give the name of a folder "
            "for the results",
            value=str(folder),
        )
    return folder


def default_folder(path: Path) -> Path:
    """results/NAME of a file, with the folders between where it is below the current one.

    So a/bar.toml and b/bar.toml have a folder each; a file from elsewhere gets a mark of its own.
    """
    whole, here = path.resolve(), Path.cwd().resolve()
    if whole.is_relative_to(here):
        return Path("results") / whole.relative_to(here).with_suffix("")
    mark = hashlib.sha256(os.fsencode(whole.parent)).hexdigest()[:6]
    return Path("results") / f"{path.stem}-{mark}"


@contextlib.contextmanager
def results_folder(
    out: str | Path, planned: Iterable[str], inputs: Iterable[Path], record: str = "run.json"
) -> Iterator[dict[str, Any]]:
    """The folder for the time of a run; gives the record of the run before, or {}.

    Parameters
    ----------
    out : folder, made if needed
    planned : names of the files that the run will write, beside its record
    inputs : files that the run reads
    record : name of the record

    Raises
    ------
    InputError
        It cannot be written, another run is writing it, or a planned file is an input or one that
        no run wrote.
    """
    folder = folder_of(out, record)
    start = time.time()
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        _writable(folder)
        with _locked(folder):
            before = earlier(folder, record)
            _check_planned(folder, [*planned, record], list(inputs), before)
            yield before
            _remove_unfinished(folder, start)
    finally:
        for path in made:  # a run that is refused leaves no empty folder
            with contextlib.suppress(OSError):
                path.rmdir()


def earlier(folder: Path, record: str = "run.json") -> dict[str, Any]:
    """The record of an earlier run in the folder; {} where there is none of ours."""
    try:
        found = json.loads((folder / record).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    ours = isinstance(found, dict) and "ohmr_fem" in found
    return found if ours else {}


def files_of(record: dict[str, Any]) -> list[str]:
    """The files that the record lists, those of the runs before it too."""
    listed = [*_names(record.get("files")), *_names(record.get("earlier"))]
    # a name that leads out of the folder is none that a run has written
    return [name for name in dict.fromkeys(listed) if Path(name).name == name]


def _names(value: Any) -> list[str]:
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []


def remove(folder: Path, names: Iterable[str]) -> None:
    """Remove files of an earlier run."""
    for name in names:
        with contextlib.suppress(OSError):
            (folder / name).unlink()


def _writable(folder: Path) -> None:
    """Found before anything is computed, not after."""
    probe = folder / f"{UNFINISHED}{os.urandom(8).hex()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        probe.unlink()
    except OSError as exc:
        raise InputError(
            f"{folder}: cannot be written ({exc.strerror or exc}); choose another folder",
            value=str(folder),
        ) from exc


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One run at a time; a run that was killed leaves no lock behind."""
    try:
        import fcntl
    except ImportError:  # not on this system: two runs at once are the user's affair
        yield
        return
    path = folder / LOCK
    busy = InputError(
        f"{folder}: another run is writing into it; wait for it, or give another folder",
        value=str(folder),
    )
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    try:
        handle = os.open(path, flags, 0o666)
    except OSError as exc:
        raise InputError(
            f"{path}: cannot be opened ({exc.strerror}); choose another folder", value=str(path)
        ) from exc
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise busy from exc
        except OSError:  # a file system without locks
            pass
        if not _is_still(path, handle):  # the run before removed it in between
            raise busy
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                path.unlink()  # before the lock goes: nobody else may have it yet
    finally:
        os.close(handle)


def _is_still(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(handle))
    except OSError:
        return False


def _check_planned(
    folder: Path, planned: list[str], inputs: list[Path], before: dict[str, Any]
) -> None:
    own = {*files_of(before), *(planned[-1:] if before else [])}
    if before and "files" not in before:  # the record of a fit of version 0.1
        own |= set(planned)
    for name in planned:
        path = folder / name
        if not os.path.lexists(path):
            continue
        if any(_same(path, given) for given in inputs):
            raise InputError(
                f"{path}: is an input of this run, which would replace it; give another folder "
                "with --out",
                value=str(path),
            )
        if name not in own:
            raise InputError(
                f"{path}: no run of ohmr_fem wrote it, and it would be replaced; move it away, or "
                "give another folder with --out",
                value=str(path),
            )


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _remove_unfinished(folder: Path, start: float) -> None:
    """What a run that was killed has left, and no other program is writing now."""
    for path in folder.glob(f"{UNFINISHED}*"):
        with contextlib.suppress(OSError):
            if path.lstat().st_mtime < start:
                path.unlink()
