"""How a command ends: every error is a message and an exit code."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from ..base import signals
from ..config.remedies import in_file
from ..errors import (
    FULL,
    FaultError,
    OhmrError,
    SolveError,
    fault,
    is_own_warning,
    no_memory,
    refused_by_system,
    shown,
)
from .speech import say

OK, BAD_INPUT, SOLVE_FAILED = 0, 2, 3
FAULT, NO_MEMORY, CANNOT_WRITE = signals.FAULT, signals.NO_MEMORY, 74


def guarded(command: Callable[..., None], *arguments: Any) -> None:
    """Run a command; every error becomes its message and an exit code, never a traceback."""
    import typer

    try:
        with _spoken_warnings():
            command(*arguments)
    except KeyboardInterrupt as stop:
        say("interrupted")
        code = signals.exit_code(stop)
    except OhmrError as exc:
        for line in str(exc).splitlines():
            say(f"error: {line}")
        code = code_of(exc)
    except MemoryError:
        say(f"error: {no_memory()}")
        code = NO_MEMORY
    except OSError as exc:
        code = cannot_write(exc)
    except Exception as exc:
        say(f"error: {fault(exc)}")
        code = FAULT
    else:
        return
    raise typer.Exit(code) from None


@contextlib.contextmanager
def _spoken_warnings() -> Iterator[None]:
    """Warnings of this package as lines in the words of a device file."""

    def speak(message: Any, category: type[Warning], *place: Any, **more: Any) -> None:
        if is_own_warning(category):
            say(f"warning: {in_file(shown(message))}")
        else:
            otherwise(message, category, *place, **more)

    with warnings.catch_warnings():
        otherwise = warnings.showwarning
        warnings.showwarning = speak
        yield


def code_of(exc: OhmrError) -> int:
    """The exit code of an error, by its class and by what is behind it."""
    cause = exc.__cause__
    if isinstance(cause, MemoryError):
        return NO_MEMORY
    if isinstance(cause, OSError) and cause.errno in FULL:
        return CANNOT_WRITE
    if isinstance(exc, FaultError):
        return FAULT
    return SOLVE_FAILED if isinstance(exc, SolveError) else BAD_INPUT


def cannot_write(exc: OSError) -> int:
    """Says why the system refused a file or stream; the exit code."""
    say(f"error: {refused_by_system(exc)}")
    return CANNOT_WRITE if exc.errno in FULL else BAD_INPUT
