"""Exceptions and warnings.

Every message is one line: what was given, what is accepted, how to mend it.  What a file or a name
brings along is escaped and cut here, for all of them.
"""

from __future__ import annotations

import contextlib
import difflib
import errno
import re
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

#: Most characters of a line, and most lines of one error.
LONGEST, MOST_LINES = 300, 20
#: What may be long in a message: a quoted value, one in brackets, a word without a space.
_VALUES = re.compile(r"'[^']*'|\"[^\"]*\"|\[[^\]]*\]|\([^)]*\)|\{[^}]*\}|\S+")
#: Characters that a value keeps on either side of a cut, at least.
_KEPT = 16
#: Characters that the names of :func:`suggest` may take together.
NAMES_IN_ALL = 110

KNOWN = "known names: "

#: What a quantity is called here, by the symbol of the papers and of fits.
SYMBOLS = {
    "tau": "relaxation_time",
    "Gamma": "relaxation_rate",
    "L_m": "diffusion_length",
    "Lm": "diffusion_length",
    "D": "diffusion_constant",
    "alpha": "orbital_hall_angle",
    "sigma": "sheet_conductivity",
    "rho": "resistivity",
    "X": "inverse_mass",
    "theta": "inverse_mass",
    "mu": "mobility",
    "g": "g_factor",
    "m_0": "moment_per_carrier",
}


def visible(text: str) -> str:
    """Control characters and escape sequences as visible escapes; a text may not move a cursor."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def shown(text: object) -> str:
    """A text on one line that is safe to print."""
    return visible(" ".join(str(text).split()))


def cut(text: str, longest: int = LONGEST) -> str:
    """A line of at most ``longest`` characters: long values lose their middle, then the line."""
    names = text.find(KNOWN)
    if names >= 0 and len(text) > longest:  # a list of names is what can best be spared
        listed = text[names:]
        length = max(len(listed) - (len(text) - longest), 3 * _KEPT)
        text = text[:names] + (_without_middle(listed, length) if length < len(listed) else listed)
    while len(text) > longest:
        # the file or owner that a line begins with goes last
        spans = [match.span() for match in _VALUES.finditer(text) if match.start()]
        start, end = max(spans, key=lambda span: span[1] - span[0], default=(0, 0))
        excess = len(text) - longest
        length = end - start
        if length <= 2 * _KEPT + 5:  # no single value is to blame
            return _without_middle(text, longest, 0.7)
        text = (
            text[:start]
            + _without_middle(text[start:end], max(length - excess, 2 * _KEPT + 3))
            + text[end:]
        )
    return text


def _without_middle(text: str, length: int, head_share: float = 0.5) -> str:
    head = round((length - 3) * head_share)
    tail = length - 3 - head
    return f"{text[:head]}...{text[len(text) - tail :]}"


def _one_line_each(lines: Sequence[str]) -> list[str]:
    """The lines as they may be shown; what is beyond MOST_LINES is counted."""
    fit = [cut(shown(line)) for line in lines[:MOST_LINES]]
    more = len(lines) - len(fit)
    return [*fit, f"and {more} more"] if more else fit


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
        self.what = "\n".join(_one_line_each(lines))
        self.value = value
        self.key = key
        self.owner = owner
        self.named = named
        text = f"{owner}: {self.message}" if owner else self.message
        super().__init__("\n".join(cut(line) for line in text.split("\n")))

    @property
    def message(self) -> str:
        """The text without the owner."""
        return f"{shown(self.key)}: {self.what}" if self.key and not self.named else self.what


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

    Parameters
    ----------
    message : str
        What happened, and how to mend it.
    history : sequence of NewtonStep
        The steps that were taken.
    last : Solution or None
        The last good one.
    partial : DriftCurve or None
        The part of a curve that was finished.
    """

    def __init__(
        self, message: str, history: Any = (), last: Any = None, partial: Any = None
    ) -> None:
        super().__init__(message)
        self.history, self.last, self.partial = history, last, partial


class MissingExtraError(OhmrError, ImportError):
    """An optional dependency is not installed."""


class FaultError(OhmrError, RuntimeError):
    """A fault of ohmr_fem itself: something that it should have read right or refused."""


def fault(exc: BaseException, about: str = "") -> FaultError:
    """A foreign exception as a FaultError, with the request to report it."""
    where = f"{about}: " if about else ""
    return FaultError(
        f"{where}a fault of ohmr_fem, please report it with the files "
        f"({type(exc).__name__}: {cut(shown(exc), 120)})"
    )


def no_memory(about: str = "") -> OhmrError:
    """What a MemoryError becomes."""
    where = f"{about}: " if about else ""
    return OhmrError(
        f"{where}this machine has not enough memory for it; take fewer cells, values or fields"
    )


#: Errors of the system that say that there is no room, or nobody who reads.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EPIPE)


def refused_by_system(exc: OSError) -> OhmrError:
    """What an OSError becomes: which file or stream, why, and what to do."""
    where = f"{exc.filename}: " if exc.filename else ""
    reason = exc.strerror or str(exc)
    if exc.errno not in FULL:
        return InputError(
            f"{where}the system refuses it ({reason}); give another file or folder",
            value=exc.filename,
        )
    remedy = "make room, or write elsewhere"
    if exc.errno == errno.EPIPE:
        remedy = "what reads the output ended before this program"
    return InputError(f"{where}cannot write ({reason}); {remedy}", value=exc.filename)


class OhmrWarning(UserWarning):
    """Base class of the warnings of ohmr_fem.

    Parameters
    ----------
    what : str
    key : str
        The argument or key that it is about, such as "inverse_mass", as of :class:`OhmrError`.
    """

    def __init__(self, what: str, *, key: str = "") -> None:
        super().__init__(what)
        self.key = key


class FigureWarning(OhmrWarning):
    """A figure could not be drawn; the numbers are there."""


class ResolutionWarning(OhmrWarning):
    """The mesh does not resolve the edge layer of the moment density."""


class PhysicsWarning(OhmrWarning):
    """The model is used where one of its known limits matters."""


class ConvergenceWarning(OhmrWarning):
    """A tolerance was not reached; the message holds what was."""


#: Under the package, but never who called it: what wraps and starts functions.
_WRAPPERS = ("contextlib", "dataclasses", "functools", "concurrent", "threading")


def warn(note: str | Warning, kind: type[Warning] | None = None) -> None:
    """Warn about the line outside this package that called it, whatever way led here."""
    frame, level = sys._getframe(1), 2
    own = (__name__.partition(".")[0], *_WRAPPERS)
    while frame.f_back and _module_of(frame).partition(".")[0] in own:
        frame, level = frame.f_back, level + 1
    warnings.warn(note, kind, stacklevel=level)


def from_outside(*around: str) -> bool:
    """Whether the function that asks was called from outside this package; modules ``around`` it
    do not count.
    """
    package = __name__.partition(".")[0]
    frame: Any = sys._getframe(2)
    between = (f"{__name__}.doors", *around)
    while frame.f_back and _module_of(frame) in between:  # what stands around it
        frame = frame.f_back
    return _module_of(frame).partition(".")[0] != package


def _module_of(frame: Any) -> str:
    return str(frame.f_globals.get("__name__", ""))


def is_own_warning(category: type[Warning]) -> bool:
    """Whether a warning is one of this package, and not of a library under it."""
    return category.__module__ == __name__


def suggest(name: str, options: Iterable[str]) -> str:
    """Say which names exist and, where one is close, which one was meant."""
    names = [cut(shown(o), 40) for o in options]
    before, dot, symbol = str(name).rpartition(".")
    called = f"{before}{dot}{SYMBOLS.get(symbol, '')}"
    if called in names and name not in names:
        return f"{symbol} is {called!r} here; {KNOWN}{_listed(names)}"
    close = difflib.get_close_matches(str(name)[:LONGEST], names, n=1, cutoff=0.6)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}{KNOWN}{_listed(names)}"


def _listed(names: list[str]) -> str:
    """The names as far as they fit into a message, and how many there are."""
    listed, room = [], NAMES_IN_ALL
    for name in names:
        room -= len(name) + 2
        if room < 0:
            break
        listed.append(name)
    if len(listed) < len(names):
        listed.append(f"... ({len(names)} in all)")
    return ", ".join(listed) or "none"


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
