"""Every public name says what it takes, what it gives back and what it raises.

What a function can raise is read off its code: a ``raise`` of its own, that of what it calls (two
calls deep), and the door around it, which turns any failure into an InputError.
"""

from __future__ import annotations

import ast
import builtins
import dataclasses
import functools
import importlib
import inspect
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import ohmr_fem as of

ROOT = Path(__file__).parents[1]
REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
#: How many calls deep a ``raise`` is looked for.
DEEP = 2


class Public(NamedTuple):
    """A class, function, method or property; ``owner`` is the class of the last two."""

    name: str
    thing: Any
    owner: type | None = None
    is_property: bool = False

    @property
    def doc(self) -> str:
        return inspect.getdoc(self.thing) or ""

    @property
    def is_class(self) -> bool:
        return inspect.isclass(self.thing)


# ---- what is public --------------------------------------------------------------------------


def of_reference(path: str) -> Any:
    """What a line of the reference names, "ohmr_fem.fitting.result.Fit"."""
    found: Any = of
    parts = path.split(".")
    for i, part in enumerate(parts[1:], start=2):
        if not hasattr(found, part):
            importlib.import_module(".".join(parts[:i]))
        found = getattr(found, part)
    return found


def of_room(room: str) -> dict[str, Any]:
    module = getattr(of, room)
    names = getattr(module, "__all__", None)
    if names is None:
        names = [n for n, v in vars(module).items() if n[0] != "_" and is_made_in(v, module)]
    return {f"{room}.{name}": getattr(module, name) for name in names}


def is_made_in(value: Any, module: Any) -> bool:
    return getattr(value, "__module__", None) == module.__name__


def top() -> dict[str, Any]:
    """{name: class or function}, each once."""
    named = {name: getattr(of, name) for name in of.__all__ if name not in of._ROOMS}
    for room in of._ROOMS:
        named |= of_room(room)
    for path in re.findall(r":: (ohmr_fem\.\S+)", REFERENCE):
        named[path] = of_reference(path)
    ours = {n: v for n, v in named.items() if inspect.isclass(v) or inspect.isfunction(v)}
    return {name: v for v, name in {v: name for name, v in reversed(ours.items())}.items()}


def members(name: str, cls: type) -> Iterator[Public]:
    """Public methods and properties, those of our own bases among them."""
    for base in cls.__mro__:
        if not base.__module__.startswith("ohmr_fem"):
            continue
        for key, value in vars(base).items():
            inner = getattr(value, "__func__", value)
            if key.startswith("_") or getattr(cls, key, None) is None:
                continue
            if isinstance(inner, (property, functools.cached_property)):
                code = inner.fget if isinstance(inner, property) else inner.func
                yield Public(f"{name}.{key}", code, cls, True)
            elif inspect.isfunction(inner):
                yield Public(f"{name}.{key}", inner, cls)


@functools.cache
def everything() -> list[Public]:
    found: dict[Any, Public] = {}
    for name, thing in top().items():
        found.setdefault(thing, Public(name, thing))
        for member in members(name, thing) if inspect.isclass(thing) else ():
            found.setdefault(member.thing, member)
    return list(found.values())


# ---- what it says ------------------------------------------------------------------------------


def parameters(public: Public) -> list[str]:
    if public.is_property:
        return []
    if public.is_class and dataclasses.is_dataclass(public.thing):
        names = [f.name for f in dataclasses.fields(public.thing)]
    elif public.is_class and "__init__" not in vars(public.thing):
        return []
    else:
        names = [n for n in inspect.signature(public.thing).parameters if n not in ("self", "cls")]
    return [name for name in names if not name.startswith("_")]


def unnamed(public: Public) -> list[str]:
    """Parameters that the docstring does not name; what a base says need not be said again."""
    bases = public.thing.__mro__[:-1] if public.is_class else [public.thing]
    text = "\n".join(inspect.getdoc(base) or "" for base in bases)
    return [n for n in parameters(public) if not re.search(rf"(?<![\w.]){re.escape(n)}\b", text)]


def gives_back(public: Public) -> bool:
    if public.is_class or public.is_property:
        return False
    return inspect.signature(public.thing).return_annotation not in (None, "None")


def section(public: Public, *titles: str) -> bool:
    return any(f"\n{title}\n{'-' * len(title)}\n" in public.doc for title in titles)


def unexplained(public: Public) -> list[str]:
    """Errors of which the docstring does not say when they come."""
    _, _, text = public.doc.partition("Raises\n------\n")
    lines = [*text.partition("\n\n")[0].splitlines(), ""]
    return [
        line
        for line, after in itertools.pairwise(lines)
        if line and not line.startswith(" ") and not after.startswith(" ")
    ]


# ---- what its code does ------------------------------------------------------------------------


@functools.cache
def tree(file: str) -> dict[str, ast.AST]:
    """{qualified name: its code} of one file."""
    out: dict[str, ast.AST] = {}

    def walk(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
                out[prefix + child.name] = child
                walk(child, f"{prefix}{child.name}.")

    walk(ast.parse(Path(file).read_text(encoding="utf-8")), "")
    return out


@functools.cache
def code(function: Any) -> list[ast.Call | ast.Raise]:
    """The calls and raises of a function of this package."""
    file = function.__code__.co_filename
    if not Path(file).is_relative_to(ROOT / "ohmr_fem"):
        return []
    node = tree(file).get(function.__qualname__)
    return [n for n in ast.walk(node) if isinstance(n, (ast.Call, ast.Raise))] if node else []


def raises_itself(function: Any) -> bool:
    made = [n.exc.func for n in code(function) if isinstance(n, ast.Raise) and is_call(n.exc)]
    return any(not hasattr(builtins, ast.unparse(f)) for f in made)


def is_call(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Call)


def called(function: Any, owner: type | None) -> Iterator[Any]:
    """Functions of this package that a function calls by name, of its own class too."""
    known = function.__globals__
    for call in code(function):
        if not isinstance(call, ast.Call):
            continue
        match call.func:
            case ast.Name(id=name):
                yield from entries(known.get(name))
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name) if owner:
                yield from entries(inspect.getattr_static(owner, name, None))


def entries(thing: Any) -> Iterator[Any]:
    """The code that runs where a thing is called."""
    thing = getattr(thing, "__func__", thing)
    if inspect.isclass(thing) and not issubclass(thing, Exception):
        for name in ("__init__", "__post_init__"):
            yield from entries(vars(thing).get(name))
    elif inspect.isfunction(thing):
        inner = inspect.unwrap(thing)
        if inspect.isfunction(inner):
            yield inner


@functools.cache
def can_raise(function: Any, owner: type | None, deep: int = DEEP) -> bool:
    if raises_itself(function):
        return True
    return deep > 0 and any(can_raise(f, owner, deep - 1) for f in called(function, owner))


def refuses(public: Public) -> bool:
    """Whether it can raise an error of ours; a class when it is made."""
    if public.is_class:
        return any(can_raise(f, public.thing) for f in entries(public.thing))
    if public.is_property:
        return raises_itself(public.thing)
    behind_door = inspect.unwrap(public.thing) is not public.thing
    return behind_door or can_raise(public.thing, public.owner)


# ---- the rules ---------------------------------------------------------------------------------


def complaints(public: Public) -> list[str]:
    if not public.doc:
        return ["no docstring"]
    out = [f"parameter {name}" for name in unnamed(public)]
    if gives_back(public) and not section(public, "Returns", "Yields"):
        out.append("Returns")
    if refuses(public) and not section(public, "Raises"):
        out.append("Raises")
    return out + [f"when {error}" for error in unexplained(public)]


def test_the_walk_finds_the_package():
    found = everything()
    assert len(found) > 450
    assert sum(refuses(public) for public in found) > 200


def test_every_public_name_says_what_it_takes_gives_and_raises():
    found = {public.name: complaints(public) for public in everything()}
    assert {name: missing for name, missing in found.items() if missing} == {}


def test_a_docstring_with_a_part_left_out_is_found(monkeypatch):
    public = Public("graded_lines", of.graded_lines)
    whole = public.doc
    for part, missing in (
        ("h_min : ", "parameter h_min"),
        ("Returns\n-------\n", "Returns"),
        ("Raises\n------\n", "Raises"),
        ("    Not start < stop, ", "when InputError"),
    ):
        assert part in whole
        monkeypatch.setattr(
            of.graded_lines, "__doc__", whole.replace(part, "").replace("h_min", "")
        )
        assert missing in complaints(public)
    monkeypatch.setattr(of.graded_lines, "__doc__", None)
    assert complaints(public) == ["no docstring"]
