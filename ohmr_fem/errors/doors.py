"""Public functions and classes fail with the package's own errors, whatever they are given.

What is wrong with an argument is said where it is read.  Here is what catches the rest: a foreign
exception at a door is laid to the argument that no caller can mean; where every argument may be
meant, it is a fault of this package and says so.
"""

from __future__ import annotations

import functools
import inspect
import numbers
import os
import re
import sys
import sysconfig
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sized
from typing import Any, ParamSpec, TypeVar

import numpy as np

from . import SYMBOLS, InputError, OhmrError, cut, fault, no_memory, refused_by_system, shown

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C", bound=type)

#: Numbers beyond are no quantity of a device, in any unit.
HUGE = 1e60
#: How deep and how far into lists and dictionaries one looks for what is odd.
DEEP, FAR = 4, 64

#: What Python says of a keyword that nobody takes.
_UNEXPECTED = re.compile(r"unexpected keyword argument '(\w+)'")

#: What the words of an annotation accept.
_WORDS: dict[str, Callable[[Any], bool]] = {
    "None": lambda v: v is None,
    "str": lambda v: isinstance(v, str),
    "bool": lambda v: isinstance(v, (bool, np.bool_)),
    "int": lambda v: isinstance(v, numbers.Integral) and not isinstance(v, bool),
    "float": lambda v: isinstance(v, (numbers.Real, np.ndarray)) and not isinstance(v, bool),
    "Path": lambda v: isinstance(v, (str, os.PathLike)),
    "Callable": callable,
    "Mapping": lambda v: isinstance(v, Mapping),
    "dict": lambda v: isinstance(v, Mapping),
    "Iterable": lambda v: isinstance(v, Iterable) and not isinstance(v, (str, bytes)),
    **dict.fromkeys(
        ("Sequence", "list", "tuple"),
        lambda v: isinstance(v, Iterable) and not isinstance(v, (str, bytes, Mapping)),
    ),
}


def door(function: Callable[P, R]) -> Callable[P, R]:
    """A public function whose failures are our own errors."""

    @functools.wraps(function)
    def guarded(
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        try:
            return function(*args, **kwargs)
        except OhmrError:
            raise
        except OSError as exc:
            raise refused_by_system(exc) from exc
        except MemoryError as exc:
            raise no_memory(_name(function)) from exc
        except Exception as exc:
            trace = exc.__traceback__
            if trace is None or trace.tb_next is None:  # called with the wrong arguments
                _say_what_a_symbol_is(function, exc)
                raise
            if _of_the_caller(exc):  # a callback that stops the work, say
                raise
            raise explained(function, args, kwargs, exc) from exc

    return guarded


def _say_what_a_symbol_is(
    function: Callable[..., Any],
    exc: Exception,
) -> None:
    """InputError for a symbol in the place of the argument that it stands for."""
    unknown = _UNEXPECTED.search(_shown(exc, str))
    called = SYMBOLS.get(unknown[1], "") if unknown else ""
    if not unknown or called not in inspect.signature(function).parameters:
        return
    ratio = " (theta is its X_zz/X_yy)" if unknown[1] == "theta" else ""
    raise InputError(
        f"{unknown[1]} is {called} here{ratio}; write {called}=...",
        key=unknown[1],
        owner=_name(function),
        named=True,
    ) from exc


def door_of(made: C) -> C:
    """A public class whose construction fails with our own errors."""
    begin: Any = made.__init__  # type: ignore[misc]
    made.__init__ = door(begin)  # type: ignore[misc]
    return made


def _of_the_caller(exc: Exception) -> bool:
    """Whether an exception is of a class that neither Python nor an installed library defines."""
    name = type(exc).__module__
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None:
        return name == "__main__"
    paths = sysconfig.get_paths()
    installed = tuple(paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib"))
    return not file.startswith(installed)


def explained(
    function: Callable[..., Any],
    args: Any,
    kwargs: Mapping[str, Any],
    exc: Exception,
) -> OhmrError:
    """The error that a foreign exception becomes."""
    name = _name(function)
    unknown = _UNEXPECTED.search(_shown(exc, str))
    if unknown and unknown[1] in kwargs:  # passed on, to what does not take it
        return InputError(f"unknown argument; see help({name})", key=unknown[1], owner=name)
    blamed = _blamed(function, args, kwargs, exc)
    if blamed is None:
        return fault(exc, name)
    key, value, kinds = blamed
    meant = f"expected {kinds}" if kinds else "cannot be used"
    why = f"{type(exc).__name__}: {_shown(exc, str)}"
    return InputError(
        f"{meant}, got {_shown(value)} ({cut(shown(why), 80)}); see help({name})",
        key=key,
        owner=name,
    )


def _name(function: Callable[..., Any]) -> str:
    _, _, name = function.__qualname__.rpartition("<locals>.")
    return name.removesuffix(".__init__")


def _blamed(
    function: Callable[..., Any],
    args: Any,
    kwargs: Mapping[str, Any],
    exc: Exception,
) -> tuple[str, Any, str] | None:
    """The argument that is least likely meant, its value and what is accepted; None if none is."""
    signature = inspect.signature(function)
    given = signature.bind(*args, **kwargs).arguments
    worst: tuple[str, Any, str] | None = None
    most = 0.0
    for key, value in given.items():
        parameter = signature.parameters[key]
        if key in ("self", "cls") or parameter.kind == parameter.VAR_POSITIONAL:
            continue
        entries, kinds = {key: value}, _mismatch(function, parameter, value)
        if parameter.kind == parameter.VAR_KEYWORD:
            entries, kinds = value, ""
        for name, entry in entries.items():
            odd = 4.0 if kinds else max(_oddness(entry), _half_if_named(entry, exc))
            if odd > most and entry is not parameter.default:
                worst, most = (name, entry, kinds), odd
    return worst


def _half_if_named(
    value: Any,
    exc: Exception,
) -> float:
    """1/2 if the exception is about a value of this type, as in "'int' object is not iterable", and
    less for what is empty.
    """
    text = _shown(exc, str)
    if isinstance(value, np.ndarray) and (
        "array" in text or "shape" in text or "arguments" in text
    ):
        return 0.5
    if callable(value) and "shape" in text:
        return 0.5
    inner = value[:FAR] if isinstance(value, (list, tuple)) else ()
    if any(type(v).__name__ in text for v in (value, *inner)):
        return 0.5
    return 0.25 * (isinstance(value, Sized) and not len(value))


def _mismatch(
    function: Any,
    parameter: inspect.Parameter,
    value: Any,
) -> str:
    """What a parameter accepts, in words, if that is not the value."""
    annotation = parameter.annotation
    terms = _terms(annotation) if isinstance(annotation, str) else []
    if not terms or any(_accepts(term, value, function) for term in terms):
        return ""
    return " or ".join(terms)


def _terms(annotation: str) -> list[str]:
    """The parts of a union, without what is in their brackets."""
    out, depth, term = [], 0, ""
    for c in annotation:
        depth += (c == "[") - (c == "]")
        if c == "|" and not depth:
            out.append(term)
            term = ""
        elif not depth and c != "]":
            term += c
    return [t.strip().rpartition(".")[2] for t in [*out, term] if t.strip()]


def _accepts(
    term: str,
    value: Any,
    function: Any,
) -> bool:
    if term in _WORDS:
        return _WORDS[term](value)
    named = getattr(function, "__globals__", {}).get(term)
    if named is None and term[:1].isupper():  # imported for type checkers only
        return term in {base.__name__ for base in type(value).__mro__}
    return named is None or _is_of(named, value)


def _is_of(
    kind: Any,
    value: Any,
) -> bool:
    """Whether a value is of a class, or of what an alias such as ``Mapping[str, int]`` stands
    for.
    """
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return any(_is_of(one, value) for one in typing.get_args(kind))
    if kind is Any or not isinstance(origin or kind, type):
        return True
    if getattr(kind, "_is_protocol", False):
        return all(hasattr(value, name) for name in vars(kind) if not name.startswith("_"))
    return isinstance(value, origin or kind)


def _oddness(
    value: Any,
    depth: int = 0,
) -> int:
    """0 for what a caller can mean, 1 for odd numbers and nests, 2 for what is of no use here."""
    if value is None or isinstance(value, (bool, np.bool_)):
        return 0
    if isinstance(value, str):
        return int(not value.isprintable())
    if isinstance(value, numbers.Real):
        return _oddness_of_size(abs(value))
    if isinstance(value, np.ndarray):
        return _oddness_of_array(value)
    if isinstance(value, Mapping):
        several = len({isinstance(key, str) for key in value}) > 1
        return _oddest([*value, *value.values()], depth) or int(several)
    if isinstance(value, (list, tuple)):
        return _oddest(value, depth)
    known = hasattr(value, "units") or type(value).__module__.startswith(("ohmr_fem.", "skfem"))
    return 0 if known or isinstance(value, os.PathLike) or inspect.isfunction(value) else 2


def _oddest(
    values: Iterable[Any],
    depth: int,
) -> int:
    inner = list(values)[:FAR]
    ragged = len({isinstance(v, (list, tuple)) for v in inner}) > 1
    if depth >= DEEP or ragged:
        return 1
    return max((_oddness(v, depth + 1) for v in inner), default=0)


def _oddness_of_array(array: np.ndarray) -> int:
    if array.dtype.kind == "O":
        return _oddest(array.ravel()[:FAR].tolist(), 0) or 1
    if array.dtype.kind in "fiub":
        return _oddness_of_size(np.abs(array.astype(float)).max(initial=0.0))
    return 2


def _oddness_of_size(size: Any) -> int:
    return int(not (size < HUGE and (size > 1 / HUGE or size == 0)))  # nan too


def _shown(
    value: Any,
    how: Callable[[Any], str] = repr,
) -> str:
    """As ``repr``, of whatever has none."""
    try:
        text = how(value)
    except Exception:
        text = ""
    return text[:200] or f"an object of {type(value).__name__}"
