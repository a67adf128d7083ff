"""Evidence that the two routes of a row share no code of the package.

A case names both routes of its rows, ``ROUTES = {text: (route, other route)}``; a text stands for
the rows whose quantity contains it or whose equation it is, the first that fits counts, "" fits
all. What the other route is, its first word says:

closed form   of ``ohmr_fem.analytic``: its calls are watched while the case runs, and its import
              graph is looked at, in both directions
digits        printed by the theory or a publication: they must stand in the source of the case
law           a symmetry, a conservation law or an order of accuracy: a theorem. Its number stands
              in the case, or comes from a function marked ``@route("law: ...")``
package       another path of the package. Such a row fails, unless a third word of the
              declaration says what is shared and which case holds it against something else
anything else a function of a case marked ``@route(name)``. Whatever it calls is watched:
              a function of the package other than errors, units and closed forms fails its rows,
              and so does an object of the package given to it, or a route that was not taken

Of each row the reference itself is asked for: it must be a number that stands in the case, or one
that left a watched function of its own route, to the last bit. What is 0 on both sides, a largest
difference, is held by :mod:`validation.falsified`: the row must fail when its route lies.
"""

from __future__ import annotations

import ast
import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, ParamSpec, TypeVar

import numpy as np

import ohmr_fem
import ohmr_fem.analytic

from .case import Row

P = ParamSpec("P")
T = TypeVar("T")
PACKAGE = Path(ohmr_fem.__file__).parent
#: Rooms that a reference may use: they hold no kernel.
FREE = ("analytic", "errors", "units")
#: Objects that only carry the question; their methods are watched like any other function.
INPUTS = {
    "",
    "ohmr_fem.model.material.Material",
    "ohmr_fem.model.film.Film",
    "ohmr_fem.mesh.device_mesh.DeviceMesh",
    "ohmr_fem.micro.hamiltonian.LayeredModel",
}
#: What closed forms may import.
BELOW = {"errors", "units"}
BY_WORD = ("closed form", "digits", "law", "package")
CLOSED = "closed form"
COUNT = "law: a count between two limits"
#: Numbers of a larger array are no reference of a row.
MOST = 20_000


@dataclass
class Trace:
    """What was seen while one reference was computed, and the sizes of what came out."""

    entered: int = 0
    called: set[str] = field(default_factory=set)
    given: set[str] = field(default_factory=set)
    made: set[float] = field(default_factory=set)


TRACES: dict[str, Trace] = {}
_OPEN: list[Trace] = []
_LIES: list[Callable[[Any], Any]] = []


@contextmanager
def lying(lie: Callable[[Any], Any]) -> Iterator[None]:
    """What leaves a watched function goes through ``lie`` meanwhile."""
    _LIES.append(lie)
    try:
        yield
    finally:
        _LIES.remove(lie)


def route(name: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Marks a function that computes a reference value by the route ``name``, and watches it."""

    def mark(function: Callable[P, T]) -> Callable[P, T]:
        if inspect.isgeneratorfunction(function):
            raise TypeError("a generator computes its values later, unwatched")

        @functools.wraps(function)
        def watched(*args: P.args, **kwargs: P.kwargs) -> T:
            trace = TRACES.setdefault(name, Trace())
            trace.entered += 1
            trace.given |= {_kind(a) for a in (*args, *kwargs.values())} - INPUTS
            with watching(trace):
                out = function(*args, **kwargs)
            for lie in _LIES:
                out = lie(out)
            trace.made.update(_numbers(out))
            return out

        return watched

    return mark


def watched_names() -> dict[str, int]:
    """How often each watched route has been taken."""
    return {name: trace.entered for name, trace in TRACES.items()}


@contextmanager
def watching(trace: Trace) -> Iterator[None]:
    """Records the functions of the package that are called meanwhile."""
    before = sys.getprofile()
    _OPEN.append(trace)
    sys.setprofile(_note)
    try:
        yield
    finally:
        sys.setprofile(before)
        _OPEN.pop()


def _note(frame: FrameType, event: str, _: object) -> None:
    if event != "call":
        return
    file = frame.f_code.co_filename
    if not file.startswith(str(PACKAGE)):
        return
    where = Path(file).relative_to(PACKAGE).with_suffix("").parts
    if where[0] in FREE:
        return
    name = ".".join((*where, frame.f_code.co_qualname))
    for trace in _OPEN:
        trace.called.add(name)


def _numbers(value: Any) -> Iterator[float]:
    """The sizes of the real and imaginary parts of all numbers in a value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for part in value:
            yield from _numbers(part)
    elif isinstance(value, (int, float, complex, np.ndarray, np.generic)):
        flat = np.ravel(value)
        if flat.dtype.kind in "ifc" and flat.size <= MOST:
            yield from np.abs(flat.real).astype(float).tolist()
            yield from np.abs(flat.imag).astype(float).tolist()


@route(COUNT)
def middle(low: float, high: float) -> float:
    """Between the least and the most that a count may be."""
    return 0.5 * (low + high)


@contextmanager
def closed_forms_watched() -> Iterator[None]:
    """The functions and methods of ``ohmr_fem.analytic`` are routes while a case runs."""
    mark, kept = route(CLOSED), []
    if CLOSED in TRACES:  # what another case did with them is not the fault of this one
        TRACES[CLOSED].called.clear()
        TRACES[CLOSED].given.clear()
    for place, name, function in _closed_forms():
        kept.append((place, name, place.__dict__[name]))
        new = mark(function.fget) if isinstance(function, property) else mark(function)
        setattr(place, name, property(new) if isinstance(function, property) else new)
    try:
        yield
    finally:
        for place, name, function in kept:
            setattr(place, name, function)


def _closed_forms() -> Iterator[tuple[Any, str, Any]]:
    """(module or class, name, function or property) of what cases call."""
    for name, value in list(vars(ohmr_fem.analytic).items()):
        if inspect.isfunction(value):
            yield ohmr_fem.analytic, name, value
    solved = ohmr_fem.analytic.LayeredStrip
    for name in ("relative", "profile"):
        yield solved, name, vars(solved)[name]


def _kind(value: object) -> str:
    """The class of an object of the package outside the free rooms, or ""."""
    module = type(value).__module__.split(".")
    if module[0] != "ohmr_fem" or (module[1:2] and module[1] in FREE):
        return ""
    return f"{'.'.join(module)}.{type(value).__name__}"


def routes_of(row: Row, declared: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Both routes of a row, and what they share where that is said; () if nothing is declared."""
    for text, routes in declared.items():
        if text in row.quantity or text == row.equation:
            return routes
    return ()


def fault_of(row: Row, routes: tuple[str, ...], source: str, entered: set[str]) -> str:
    """Why the two routes of a row cannot be told apart; "" if they can."""
    if len(routes) < 2:
        return "names no two routes"
    other = routes[1]
    word = next((w for w in BY_WORD if other.startswith(w)), "")
    if word == "package":
        return "" if len(routes) > 2 else f"{other} shares code with {routes[0]}"
    printed = row.quantity.startswith("order of") or _literal(row.reference, source)
    if word == "digits":
        return "" if printed else f"{row.reference!r} is not printed in the case"
    if word == "law" and printed:
        return ""
    name = CLOSED if word == CLOSED else other
    if word == "law" and name not in entered:
        name = COUNT
    if name not in entered:
        return f"the route {name!r} was not taken"
    trace = TRACES[name]
    shared = sorted(trace.called | trace.given)
    if shared:
        return f"{name} uses {', '.join(shared)[:200]}"
    if not printed and abs(row.reference) not in trace.made:
        return f"{row.reference!r} did not come out of {name}"
    return _closed_forms_stand_alone() if word == CLOSED else ""


@functools.cache
def _closed_forms_stand_alone() -> str:
    for file in sorted(PACKAGE.rglob("*.py")):
        room = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
        named = imports_of(file)
        if room == "analytic" and (wrong := named - BELOW - {"analytic"}):
            return f"analytic/{file.name} imports {', '.join(sorted(wrong))}"
        if room not in ("analytic", "__init__") and "analytic" in named:
            return f"{file.relative_to(PACKAGE)} imports the closed forms"
    return ""


def imports_of(file: Path) -> set[str]:
    """Rooms of the package that a file imports."""
    base = file.relative_to(PACKAGE).parts[:-1]
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom):
            up = base[: len(base) - node.level + 1] if node.level else ()
            stem = [*up, *(node.module or "").split(".")]
            names = [[*stem, alias.name] for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
        for name in names:
            absolute = name[0] == "ohmr_fem"
            relative = isinstance(node, ast.ImportFrom) and node.level > 0
            parts = [part for part in name[absolute:] if part]
            if (absolute or relative) and parts:
                found.add(parts[0])
    return found


@functools.cache
def _literals(source: str) -> tuple[float, ...]:
    numbers = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
            numbers.add(float(node.value))
    return tuple(numbers)


def _literal(value: float, source: str) -> bool:
    """Whether a number, or minus it, stands in the source."""
    return any(abs(value) == abs(number) for number in _literals(source))


def judged(rows: list[Row], case: Any, entered: set[str]) -> list[dict[str, Any]]:
    """Of each row its routes, whether the package stands on both sides, and its fault."""
    file = getattr(case, "__file__", None)
    source = Path(file).read_text(encoding="utf-8") if file else ""
    declared = getattr(case, "ROUTES", {})
    out = []
    for row in rows:
        routes = routes_of(row, declared)
        fault = fault_of(row, routes, source, entered)
        inside = len(routes) > 1 and routes[1].startswith("package")
        out.append({"routes": list(routes), "inside": inside, "fault": fault})
    return out
