"""Exceptions and warnings.

Every message is one line: what was given, what is accepted, how to mend it.
"""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any


class OhmrError(Exception):
    """Base class of every error raised on purpose by ohmr_fem.

    Its text is "owner: key: what", as far as there is an owner and a key.

    Parameters
    ----------
    what : str, or several lines
        What is wrong, and how to mend it.
    value : the offending value, if there is a single one
    key : str
        The argument or key that it is about, such as "relaxation_time".
    owner : str
        The class or function that complains, such as "Problem".
    named : bool
        ``what`` names the key in its own words, so that the text does not repeat it.
    """

    def __init__(
        self,
        what: str | Sequence[str],
        *,
        value: Any = None,
        key: str = "",
        owner: str = "",
        named: bool = False,
    ) -> None:
        lines = [what] if isinstance(what, str) else what  # several complaints: one line each
        # a quoted array brings line breaks
        self.what = "\n".join(" ".join(line.split()) for line in lines)
        self.value = value
        self.key = key
        self.owner = owner
        self.named = named
        super().__init__(f"{owner}: {self.message}" if owner else self.message)

    @property
    def message(self) -> str:
        """The text without the owner."""
        return f"{self.key}: {self.what}" if self.key and not self.named else self.what


@contextlib.contextmanager
def complaints_of(owner: str) -> Iterator[None]:
    """InputErrors of the block get this owner, unless they have one."""
    try:
        yield
    except InputError as exc:
        raise InputError(
            exc.what, value=exc.value, key=exc.key, owner=exc.owner or owner, named=exc.named
        ) from exc


@contextlib.contextmanager
def complaints_about(key: str) -> Iterator[None]:
    """InputErrors of the block are about a part of this key."""
    try:
        yield
    except InputError as exc:
        raise InputError(exc.message, value=exc.value, key=key) from exc


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
