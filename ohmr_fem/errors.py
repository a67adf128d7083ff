"""Exceptions and warnings.

Every message is one line: what was given, what is accepted, how to mend it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any


class OhmrError(Exception):
    """Base class of every error raised on purpose by ohmr_fem.

    ``value`` holds the offending value, if there is a single one.
    """

    def __init__(self, message: str | Sequence[str], *, value: Any = None) -> None:
        lines = (
            [message] if isinstance(message, str) else message
        )  # several complaints: one line each
        super().__init__(
            "\n".join(" ".join(line.split()) for line in lines)
        )  # a quoted array brings line breaks
        self.value = value


class InputError(OhmrError, ValueError):
    """An argument, file or configuration key is wrong."""


class MeshError(OhmrError, ValueError):
    """A mesh cannot be read, or is not a usable device."""


class SolveError(OhmrError, ArithmeticError):
    """No trustworthy solution exists: singular, unstable or unconverged."""


class NewtonError(SolveError):
    """Newton's method does not converge.

    ``history`` lists its steps; ``last`` is the last good Solution (or None); ``partial`` the
    finished part of a curve.
    """

    def __init__(
        self, message: str, history: Any = (), last: Any = None, partial: Any = None
    ) -> None:
        super().__init__(message)
        self.history, self.last, self.partial = history, last, partial


class MissingExtraError(OhmrError, ImportError):
    """An optional dependency is not installed."""


class ResolutionWarning(UserWarning):
    """The mesh does not resolve the edge layer of the moment density."""


class PhysicsWarning(UserWarning):
    """The model is used where one of its known limits matters."""


class ConvergenceWarning(UserWarning):
    """A tolerance was not reached; the message holds what was."""


def suggest(name: str, options: Iterable[str]) -> str:
    """Say which names exist and, where one is close, which one was meant."""
    names = [str(o) for o in options]
    close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.6)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}known names: {', '.join(names) if names else 'none'}"


def require_extra(module: str, extra: str, purpose: str) -> Any:
    """Import an optional module, or say how to get it."""
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as exc:
        raise MissingExtraError(
            f"{purpose} needs the optional package {module!r} ({exc}); "
            f"install it with: pip install 'ohmr-fem[{extra}]' (in a checkout: pip install "
            f"'.[{extra}]')",
            value=module,
        ) from exc


class SweepInterrupted(KeyboardInterrupt):
    """Ctrl-C during a sweep; ``partial`` holds the finished part of the curve."""

    def __init__(self, partial: Any) -> None:
        super().__init__("sweep interrupted; the finished points are in .partial")
        self.partial = partial
