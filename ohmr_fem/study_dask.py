"""The points of a study on a dask scheduler: each geometry is made ready once, its points run where it is or near it.

Workers may come and go.  A task that is lost with its worker is handed out again, by the scheduler or from here.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from . import __version__
from .config import Device
from .errors import InputError, SolveError, require_extra
from .study_point import Setting, Span, compute_point, make_setting

#: Seconds to wait for a scheduler.
PATIENCE = 10.0
#: Tasks in flight for each thread of the workers.
AHEAD = 3
#: Times a point is handed out again when its worker is lost.
RETRIES = 5
#: Seconds between looks at how many workers there are.
LOOK = 2.0

Job = tuple[Device | Setting, list[tuple[int, dict[str, Any]]]]


@contextlib.contextmanager
def connected(address: str | None) -> Iterator[Any]:
    """A dask client, or None without an address; InputError if nobody answers."""
    if address is None:
        yield None
        return
    distributed = require_extra("distributed", "study", "a study on a scheduler")
    try:
        client = distributed.Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as exc:
        raise InputError(f"scheduler {address!r} does not answer within {PATIENCE:g} s ({type(exc).__name__}); start one with "
                         "'dask scheduler' and give its address, such as tcp://host:8786, or leave it out",
                         value=address) from exc
    try:
        yield client
    finally:
        with contextlib.suppress(Exception):  # a scheduler that is gone cannot be told goodbye
            client.close(timeout=2)


class _Shop:
    """Hands out points and remembers which future is which."""

    def __init__(self, jobs: Iterable[Job], span: Span | None, client: Any) -> None:
        self.client, self.span = client, span
        self.name = f"ohmr-{uuid.uuid4().hex[:8]}"  # tasks of another run of this study must not be taken for ours
        self.left = ((device, index, changes) for device, points in jobs for index, changes in points)
        self.current: tuple[Any, Any] = (None, None)
        self.running: dict[str, tuple[Any, Any, int, dict[str, Any]]] = {}
        self.lost: dict[int, int] = {}

    def following(self) -> Any:
        """The future of the next point, or None."""
        found = next(self.left, None)
        if found is None:
            return None
        device, index, changes = found
        if self.current[0] is not device:
            self.current = (device, self._setting(device, index))
        return self._submit(device, self.current[1], index, changes)

    def again(self, key: str, exception: Any) -> Any:
        """The future of a point whose worker was lost."""
        device, _, index, changes = self.running.pop(key)
        self.lost[index] = self.lost.get(index, 0) + 1
        if self.lost[index] > RETRIES:
            raise SolveError(f"point {index} was lost {RETRIES} times with its worker ({exception!r}): it may need more memory "
                             "than a worker has; finished points are kept", value=index)
        return self._submit(device, self._setting(device, index), index, changes)

    def _setting(self, device: Device | Setting, index: int) -> Any:
        if isinstance(device, Setting):
            return device
        return self.client.submit(make_setting, device, self.span, __version__, pure=False,
                                  key=f"{self.name}-setting-{index}-{self.lost.get(index, 0)}")

    def _submit(self, device: Any, setting: Any, index: int, changes: dict[str, Any]) -> Any:
        future = self.client.submit(compute_point, setting, changes, __version__, pure=False,
                                    key=f"{self.name}-{index}-{self.lost.get(index, 0)}")
        self.running[future.key] = (device, setting, index, changes)
        return future


def on_scheduler(jobs: Iterable[Job], span: Span | None, client: Any) -> Iterator[tuple[int, dict[str, Any]]]:
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
            values = _values(future, shop, client)
            if isinstance(values, dict):
                yield shop.running.pop(future.key)[2], values
            else:
                waiting.add(shop.again(future.key, values))
            fill()
    except (OSError, TimeoutError) as exc:
        raise _gone(exc) from exc


def _values(future: Any, shop: _Shop, client: Any) -> Any:
    """The results of a future, or the exception of one that was lost with its worker."""
    distributed = require_extra("distributed", "study", "a study on a scheduler")
    if future.status == "finished":
        return future.result()
    if client.status != "running" or future.status in ("cancelled", "lost"):
        raise _gone(future.status)
    exc = future.exception()
    if isinstance(exc, (distributed.KilledWorker, distributed.comm.CommClosedError)):
        return exc
    if isinstance(exc, ImportError | AttributeError):
        raise InputError(f"a worker cannot run a point ({exc}); it needs ohmr_fem {__version__} and the packages that it uses "
                         "here") from exc
    raise exc


def _gone(reason: Any) -> SolveError:
    return SolveError(f"the scheduler was lost ({reason!r}); finished points are kept, run the study again to go on")
