"""The points of a study on a dask scheduler: each geometry is made ready once, its points run where
it is or near it.

Workers may come and go.  A task that is lost with its worker is handed out again, by the scheduler
or from here.
"""

from __future__ import annotations

import contextlib
import logging
import pkgutil
import re
import socket
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ..config.device_file import Device
from ..errors import InputError, SolveError, require_extra
from ..version import __version__
from .point import Setting, Span, compute_point, make_setting

#: Seconds to wait for a scheduler.
PATIENCE = 10.0
#: Tasks in flight for each thread of the workers.
AHEAD = 3
#: Times a point is handed out again when its worker is lost.
RETRIES = 5
#: Seconds that a task should take at most where points are quick, and how many points it may hold.
SPELL, MOST_TOGETHER = 0.5, 200
#: Seconds between looks at how many workers there are.
LOOK = 2.0

Job = tuple[Device | Setting, list[tuple[int, dict[str, Any]]]]


@contextlib.contextmanager
def connected(address: str | None, notify: Callable[[str], None] | None = None) -> Iterator[Any]:
    """A dask client, or None without an address; InputError if nobody answers or a worker lacks
    this package.
    """
    if address is None:
        yield None
        return
    distributed = require_extra("distributed", "study", "a study on a scheduler")
    _check_address(address)
    try:
        client = distributed.Client(address, timeout=PATIENCE, set_as_default=False)
    except Exception as exc:  # distributed raises many types on an address that is none
        raise _no_answer(address, exc) from exc
    with _quiet("distributed.client", "distributed.batched", "distributed.core"):
        try:
            if not _check_workers(client) and notify is not None:
                notify(f"the scheduler at {address} has no worker yet; the study waits for one")
            yield client
        finally:
            with contextlib.suppress(Exception):  # a scheduler that is gone cannot be told goodbye
                client.close(timeout=2)


def _check_address(address: str) -> None:
    """InputError for an address at which nobody listens: dask would take 20 s to give it up, with
    a traceback at the end.
    """
    found = re.fullmatch(r"(?:(?:tcp|tls)://)?\[?([^\s/\]]+)\]?:(\d+)/?", address)
    if found is None and re.fullmatch(r"(?!tcp:|tls:)\w+://\S+", address):
        return  # another transport of dask
    try:
        if found is None:
            raise OSError("no address")
        socket.create_connection((found[1], int(found[2])), PATIENCE).close()
    except (OSError, OverflowError, UnicodeError) as exc:
        raise _no_answer(address, exc) from exc


def _no_answer(address: str, exc: Exception) -> InputError:
    return InputError(
        f"scheduler {address!r} does not answer within {PATIENCE:g} s ({type(exc).__name__}); "
        "start one with 'dask scheduler' and give its address, such as tcp://host:8786, or leave "
        "it out",
        value=address,
        key="scheduler",
        named=True,
    )


def _check_workers(client: Any) -> int:
    """How many workers there are; InputError if one has no ohmr_fem of this version: the first task
    would end it.
    """
    found = client.run(pkgutil.resolve_name, "ohmr_fem:__version__", on_error="return")
    wrong = next(
        ((where, version) for where, version in found.items() if version != __version__), None
    )
    if wrong is not None:
        has = (
            f"has ohmr_fem {wrong[1]}"
            if isinstance(wrong[1], str)
            else f"cannot import ohmr_fem ({wrong[1]})"
        )
        raise InputError(
            f"the worker at {wrong[0]} {has}; it needs {__version__}, as here", value=wrong[0]
        )
    return len(found)


@contextlib.contextmanager
def _quiet(*names: str) -> Iterator[None]:
    """Without the logs of a package that says in a hundred lines what an error here says in one."""
    before = {logging.getLogger(name): logging.getLogger(name).level for name in names}
    try:
        for logger in before:
            logger.setLevel(logging.CRITICAL)
        yield
    finally:
        for logger, level in before.items():
            logger.setLevel(level)


@dataclass(frozen=True)
class _Task:
    """Points of one geometry that are computed one after the other."""

    device: Device | Setting
    setting: Any
    points: tuple[tuple[int, dict[str, Any]], ...]


class _Shop:
    """Hands out points, several at a time where they are quick, and remembers which future is
    which.
    """

    def __init__(self, jobs: Iterable[Job], span: Span | None, client: Any) -> None:
        self.client, self.span = client, span
        # tasks of another run of this study must not be taken for ours
        self.name = f"ohmr-{uuid.uuid4().hex[:8]}"
        self.jobs = iter(jobs)
        self.device: Any = None
        self.setting: Any = None
        self.left: list[tuple[int, dict[str, Any]]] = []
        self.together = 1
        self.running: dict[str, _Task] = {}
        self.lost: dict[int, int] = {}

    def following(self) -> Any:
        """The future of the next points, or None."""
        while not self.left:
            job = next(self.jobs, None)
            if job is None:
                return None
            self.device, self.left = job
            self.setting = self._setting(self.device, self.left[0][0]) if self.left else None
        taken, self.left = self.left[: self.together], self.left[self.together :]
        return self._submit(_Task(self.device, self.setting, tuple(taken)))

    def finished(
        self, key: str, results: list[dict[str, Any]], seconds: float
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """(point, its results) of a task; the next ones are as long as to take about SPELL."""
        points = self.running.pop(key).points
        self.together = max(
            1, min(2 * self.together, int(SPELL * len(points) / max(seconds, 1e-6)), MOST_TOGETHER)
        )
        for (index, _), values in zip(points, results, strict=True):
            yield index, values

    def again(self, key: str, exception: Any) -> Any:
        """The future of points whose worker was lost."""
        task = self.running.pop(key)
        index = task.points[0][0]
        self.lost[index] = self.lost.get(index, 0) + 1
        if self.lost[index] > RETRIES:
            raise SolveError(
                f"point {index} was lost {RETRIES} times with its worker "
                f"({type(exception).__name__}): it may need "
                "more memory than a worker has; finished points are kept",
                value=index,
            )
        return self._submit(replace(task, setting=self._setting(task.device, index)))

    def _setting(self, device: Device | Setting, index: int) -> Any:
        if isinstance(device, Setting):
            return device
        return self.client.submit(
            make_setting,
            device,
            self.span,
            __version__,
            pure=False,
            key=f"{self.name}-setting-{index}-{self.lost.get(index, 0)}",
        )

    def _submit(self, task: _Task) -> Any:
        index = task.points[0][0]
        changes = [c for _, c in task.points]
        future = self.client.submit(
            compute_points,
            task.setting,
            changes,
            __version__,
            pure=False,
            key=f"{self.name}-{index}-{self.lost.get(index, 0)}",
        )
        self.running[future.key] = task
        return future


def compute_points(
    setting: Setting, several: list[dict[str, Any]], version: str
) -> tuple[list[dict[str, Any]], float]:
    """Results of some points of one geometry, and the seconds that they took."""
    start = time.perf_counter()
    return [
        compute_point(setting, changes, version) for changes in several
    ], time.perf_counter() - start


def on_scheduler(
    jobs: Iterable[Job], span: Span | None, client: Any
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Points as they finish, a few in flight for each thread of the workers that there are."""
    distributed = require_extra("distributed", "study", "a study on a scheduler")
    shop = _Shop(jobs, span, client)
    waiting = distributed.as_completed(loop=client.loop)
    threads, looked, empty = 0, -LOOK, False

    def fill() -> None:
        nonlocal threads, looked, empty
        if time.monotonic() - looked > LOOK:
            threads, looked = max(sum(client.nthreads().values()), 1), time.monotonic()
        while not empty and len(shop.running) < AHEAD * threads:
            future = shop.following()
            empty = future is None
            if not empty:
                waiting.add(future)

    try:
        fill()
        for future in waiting:
            results, failure = _results(future, client)
            if failure is not None:
                waiting.add(shop.again(future.key, failure))
            else:
                yield from shop.finished(future.key, *results)
            fill()
    except (OSError, TimeoutError) as exc:
        raise _gone(type(exc).__name__) from exc


def _results(future: Any, client: Any) -> tuple[Any, BaseException | None]:
    """What a task returned, or the exception of one that was lost with its worker."""
    distributed = require_extra("distributed", "study", "a study on a scheduler")
    if future.status == "finished":
        return future.result(), None
    if client.status != "running" or future.status == "cancelled":
        raise _gone(future.status)
    if future.status == "lost":  # finished, but its worker died with the results
        return None, ConnectionError("results lost with their worker")
    exc = future.exception()
    if isinstance(exc, (distributed.KilledWorker, distributed.comm.CommClosedError)):
        return None, exc
    causes = (exc, exc.__cause__, exc.__context__)
    lacking = next((e for e in causes if isinstance(e, ImportError | AttributeError)), None)
    if lacking is not None or "deserializ" in str(exc):
        raise InputError(
            f"the scheduler or a worker cannot run a point ({lacking or type(exc).__name__}); both "
            "need ohmr_fem "
            f"{__version__} and the packages that it uses here"
        ) from exc
    raise exc


def _gone(reason: str) -> SolveError:
    return SolveError(
        f"the scheduler was lost ({reason}); finished points are kept, run the study again to go on"
    )
