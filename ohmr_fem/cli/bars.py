"""Progress: bars on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from .speech import SPEECH, say

#: Seconds between lines of progress where there is no terminal.
LINE_EVERY = 30.0


def _watched() -> bool:
    """Whether somebody looks on at a terminal."""
    return not SPEECH["quiet"] and sys.stderr is not None and sys.stderr.isatty()


@contextlib.contextmanager
def working(step: str) -> Iterator[None]:
    """What is being done and the time it has taken, on a terminal, where no count is known."""
    if not _watched():
        yield
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        bars.add_task(step, total=None)
        yield


@contextlib.contextmanager
def progress_bars() -> Iterator[Callable[..., None] | None]:
    """A progress bar on a terminal, nothing elsewhere."""
    if not _watched():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[more]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def update(step: str, done: int, total: int, more: str = "") -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=total, more=more)
            bars.update(tasks[step], completed=done, total=total, more=more)

        yield update


@contextlib.contextmanager
def stages(what: str) -> Iterator[Callable[..., None] | None]:
    """Stages of some work: bars on a terminal, now and then a line elsewhere."""
    with progress_bars() as bar:
        if bar is not None or SPEECH["quiet"]:
            yield bar
            return
        begin = said = time.monotonic()

        def line(step: str, done: int, total: int, more: str = "") -> None:
            nonlocal said
            now = time.monotonic()
            if now - said > LINE_EVERY:
                said = now
                say(f"{what}: {step} {done} of {total} {more}".rstrip() + f", {now - begin:.0f} s")

        yield line


@contextlib.contextmanager
def remaining() -> Iterator[Callable[[int, int, float], None]]:
    """Points done and the time left: a bar on a terminal, now and then a line elsewhere."""
    with progress_bars() as bar:
        said = time.monotonic()

        def update(done: int, total: int, left: float) -> None:
            nonlocal said
            text = f"about {timedelta(seconds=round(left))} left"
            if bar is not None:
                bar("points", done, total, text)
            elif time.monotonic() - said > LINE_EVERY:
                said = time.monotonic()
                say(f"{done} of {total} points, {text}")

        yield update
