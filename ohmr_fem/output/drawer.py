"""A second process that draws while the first computes.

The first process, which may be a user's, is left as it is: nothing is forked and none of its
settings change.  What cannot be sent, or what the second process has not drawn when it ends, the
first one draws itself.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ..errors import FigureWarning, shown, warn
from .style import drawing, save_figures

#: Seconds in which the second process clears away what it was writing.
PATIENCE = 5.0
#: Tables of a font that place letters, of no use in a figure where each letter has its place.
PLACING = ("GPOS", "GSUB", "GDEF", "kern")


@dataclass(frozen=True, eq=False)
class Picture:
    """What to draw, as a function that gives axes, and the files that it becomes."""

    name: str
    draw: Callable[[], Any]
    paths: Sequence[Path]

    def make(self) -> None:
        """Draw it; what cannot be drawn is a warning."""
        with drawing(self.name):
            save_figures(self.draw(), self.paths)


class Drawer:
    """Pictures drawn elsewhere; a context, at whose end nothing is drawn any more."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._given: dict[str, Picture] = {}

    def __enter__(self) -> Drawer:
        self._pipe, other = Pipe()
        command = [sys.executable, "-P", "-m", __name__, str(other.fileno())]
        with contextlib.suppress(OSError, ValueError):
            self._process = subprocess.Popen(
                command,
                env=_environment(),
                pass_fds=[other.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the first process, which then stops it
            )
        other.close()
        return self

    def __exit__(self, *_: Any) -> None:
        self._pipe.close()
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def add(self, pictures: Sequence[Picture]) -> None:
        """Have them drawn; those that share data travel together."""
        self._given |= {picture.name: picture for picture in pictures}
        with contextlib.suppress(Exception):  # gone, or not to be sent: drawn here in the end
            self._pipe.send(list(pictures))

    def finish(self) -> None:
        """Wait for the pictures; draw those that are missing."""
        for name, texts in self._answers():
            self._given.pop(name, None)
            for text in texts:
                warn(FigureWarning(text, key="figures"))
        for picture in self._given.values():
            picture.make()

    def _answers(self) -> Iterator[tuple[str, list[str]]]:
        with contextlib.suppress(EOFError, OSError):
            self._pipe.send(None)
            while (answer := self._pipe.recv()) is not None:
                yield answer


def _environment() -> dict[str, str]:
    """Ours, with this package before another of its name."""
    package = Path(__file__).parents[2]
    paths = [str(package), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


# -- the second process


def main(number: int) -> None:
    """Draw what comes in, until the first process says that it was all, or is gone."""
    signal.signal(signal.SIGTERM, _ended)
    pipe = Connection(number)
    coming: queue.Queue[list[Picture] | None] = queue.Queue()
    threading.Thread(target=_listen, args=(pipe, coming), daemon=True).start()
    _prepare()
    while (pictures := coming.get()) is not None:
        for picture in pictures:
            pipe.send((picture.name, _drawn(picture)))
    pipe.send(None)


def _ended(*_: Any) -> None:
    raise SystemExit  # what is half written is cleared away


def _listen(pipe: Connection, coming: queue.Queue[list[Picture] | None]) -> None:
    """The pipe is emptied at once: a first process that computes must not wait for it."""
    try:
        while (pictures := pipe.recv()) is not None:
            coming.put(pictures)
        coming.put(None)
    except Exception:  # the first process is gone, or sends what is not understood here
        os.kill(os.getpid(), signal.SIGTERM)


def _prepare() -> None:
    """Load what every picture needs, before the first one comes."""
    for name in ("agg", "pdf"):
        importlib.import_module(f"matplotlib.backends.backend_{name}")
    from fontTools.subset import Options

    known = getattr(Options, "_drop_tables_default", [])
    known += [name for name in PLACING if name not in known]


def _drawn(picture: Picture) -> list[str]:
    """Draws it; the warnings."""
    import warnings

    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        picture.make()
    return [shown(w.message) for w in found if issubclass(w.category, FigureWarning)]


if __name__ == "__main__":
    main(int(sys.argv[1]))
