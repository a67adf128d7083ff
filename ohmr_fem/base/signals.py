"""How the command ends when it is told to: one line and the exit code of the signal.

Imported first of all, so that Ctrl-C leaves no traceback while the rest is still being imported.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

from . import streams

#: Exit codes of what fails before there is a command.
FAULT, NO_MEMORY = 70, 71
#: How the system says that a library does not fit into the memory.
_SHORT = ("failed to map segment", "annot allocate memory")
#: What a shell adds to the number of a signal.
BY_SIGNAL = 128
#: Signals that stop a run as Ctrl-C does, with what they leave behind cleared away.
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


class StoppedError(KeyboardInterrupt):
    """SIGTERM or SIGHUP: stops what is going on as Ctrl-C does."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number = number


def exit_code(stop: KeyboardInterrupt) -> int:
    """130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP."""
    return BY_SIGNAL + getattr(stop, "number", signal.SIGINT)


def is_command() -> bool:
    """Whether this process is ``ohmr-fem`` or ``python -m ohmr_fem``, and not a user's program."""
    given = itertools.pairwise(getattr(sys, "orig_argv", []))
    as_module = any(pair == ("-m", "ohmr_fem") for pair in given)
    name = os.path.basename(sys.argv[0]) if sys.argv else ""
    return as_module or name in ("ohmr-fem", "ohmr-fem.exe", "ohmr-fem-script.py")


def begin() -> None:
    """First thing of all, in the process of the command only."""
    if is_command():
        end_at_once()
        streams.occupy()
        sys.excepthook = _not_begun


def _not_begun(kind: type[BaseException], exc: BaseException, _: Any) -> None:
    """What the rest of the package could not be imported for: one line, no traceback."""
    text = " ".join(str(exc).split())[:200]
    short = isinstance(exc, MemoryError) or any(word in text for word in _SHORT)
    why = "this machine has not enough memory for it" if short else f"{kind.__name__}: {text}"
    with contextlib.suppress(OSError):
        os.write(2, f"error: ohmr_fem cannot be started ({why})\n".encode())
    os._exit(NO_MEMORY if short else FAULT)


def end_at_once() -> None:
    """Signals end the process with one line: nothing is open yet, or everything is closed."""
    if threading.current_thread() is not threading.main_thread():
        return
    for name in _NAMES:
        _set(name, _ended)


@contextlib.contextmanager
def raised() -> Iterator[None]:
    """Signals raise where the program is, so that open files are cleared away.

    One that the caller ignores, as nohup does with SIGHUP, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {name: _set(name, _raised) for name in _NAMES}
    try:
        yield
    finally:
        for name, handler in before.items():
            if handler is not None:
                signal.signal(getattr(signal, name), handler)


@contextlib.contextmanager
def kept(name: str) -> Iterator[None]:
    """A signal does afterwards what it did before, though a library sets it behind Python's back,
    as gmsh sets SIGPIPE to the death of the process; in any thread, where Python's own interface
    would need the main one.
    """
    import ctypes  # not at the start of the command

    number = getattr(signal, name, None)
    get = ctypes.pythonapi.PyOS_getsig
    put = ctypes.pythonapi.PyOS_setsig
    get.restype = put.restype = ctypes.c_void_p
    get.argtypes = [ctypes.c_int]
    put.argtypes = [ctypes.c_int, ctypes.c_void_p]
    before = None if number is None else get(number)
    try:
        yield
    finally:
        if number is not None:
            put(number, before)


def _set(name: str, handler: Any) -> Any:
    """The handler before; None where the signal is ignored or there is none of this name."""
    number = getattr(signal, name, None)
    if number is None or signal.getsignal(number) in (signal.SIG_IGN, None):
        return None
    return signal.signal(number, handler)


def _ended(number: int, _: Any) -> None:
    with contextlib.suppress(OSError):
        os.write(2, b"interrupted\n")
    os._exit(BY_SIGNAL + number)


def _raised(number: int, _: Any) -> None:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise StoppedError(number)
