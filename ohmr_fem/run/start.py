"""Files to start from: device files of several kinds, and the examples."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from ..errors import InputError, suggest
from ..errors.doors import door
from ..files import atomic_path

TEMPLATES = Path(__file__).parents[1] / "templates"
#: What a study and a fit need beside the file that was asked for.
COMPANIONS = {
    "study": ("hall-bar.toml", "device"),
    "thickness": ("film-bar.toml", "device"),
    "fit": ("fit.csv", "data"),
    "gds": ("layout.gds", "layout"),
}
KINDS = (
    "strip",
    "film-bar",
    "hall-bar",
    "van-der-pauw",
    "valve",
    "time",
    "study",
    "thickness",
    "fit",
    "model",
    "gate",
    "gds",
)
#: Where a wheel puts the examples and their meshes.
SHARED = "share/ohmr_fem/"


@door
def write_start(kind: str, path: str | Path) -> list[Path]:
    """Write a file with comments that runs as it stands; nothing is overwritten.

    Parameters
    ----------
    kind : one of KINDS
    path : file to write; what it needs is written beside it, under its name

    Returns
    -------
    list of the files written, ``path`` first

    Raises
    ------
    InputError
        An unknown kind, or a file that exists.
    """
    path = Path(path)
    if kind not in KINDS:
        raise InputError(f"{kind!r} is not known; {suggest(kind, KINDS)}", value=kind, key="kind")
    words = {"name": path.as_posix(), "stem": path.stem}
    written = {path: _template(f"{kind}.toml")}
    if kind in COMPANIONS:
        source, what = COMPANIONS[kind]
        beside = path.with_name(f"{path.stem}_{what}{Path(source).suffix}")
        words[what] = beside.as_posix() if what == "data" else beside.name
        written[beside] = _template(source)
    for file in written:
        if file.exists():
            raise InputError(
                f"{file}: exists already and is left as it is; give another name: ohmr-fem init "
                "NAME.toml",
                value=str(file),
            )
    for file, text in written.items():
        own = words if file == path else {"name": file.as_posix(), "stem": file.stem}
        content = text.format(**own).encode() if isinstance(text, str) else text
        with atomic_path(file) as temporary:
            temporary.write_bytes(content)
    return list(written)


def _template(name: str) -> str | bytes:
    """A text with words to put in, or a layout."""
    if name.endswith(".gds"):
        return (TEMPLATES / name).read_bytes()
    if name == "strip.toml":
        from ..config.tables import TEMPLATE

        return TEMPLATE
    return (TEMPLATES / name).read_text(encoding="utf-8")


def examples_folder() -> Path:
    """The folder that holds ``examples`` and ``meshes``: the checkout, or what a wheel brought.

    Raises
    ------
    InputError
        Neither is there.
    """
    checkout = Path(__file__).parents[2]
    if (checkout / "examples" / "hall_bar.toml").exists():
        return checkout
    for file in metadata.files("ohmr-fem") or ():
        if file.as_posix().endswith(f"{SHARED}examples/hall_bar.toml"):
            return Path(str(file.locate())).resolve().parents[1]
    raise InputError("the examples are not installed; they are in the repository", key="examples")


def examples() -> dict[str, str]:
    """{name: first sentence of its comment} of the files that a user runs."""
    folder = examples_folder() / "examples"
    found = {}
    for path in sorted([*folder.glob("*.toml"), *folder.glob("*.py")]):
        text = path.read_text(encoding="utf-8").lstrip('"# ')
        end = "\n" if path.suffix == ".toml" else "\n\n"  # a docstring is wrapped
        first, _, _ = text.partition(end)
        found[path.name] = " ".join(first.split()).rstrip('."')
    return found


@door
def copy_example(name: str, out: str | Path) -> list[Path]:
    """Copy an example and all that it reads; the files written, the example first.

    Raises
    ------
    InputError
        No such example, or a file that exists with another content.
    """
    root = examples_folder()
    if name not in examples():
        raise InputError(f"{name!r} is not known; {suggest(name, examples())}", value=name)
    out = Path(out)
    pairs = [
        (file, out / file.relative_to(root)) for file in _needed(root, root / "examples" / name)
    ]
    for source, target in pairs:
        if target.exists() and target.read_bytes() != source.read_bytes():
            raise InputError(
                f"{target}: exists already and is left as it is; give another folder with --out",
                value=str(target),
            )
    for source, target in pairs:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    return [target for _, target in pairs]


def _needed(root: Path, path: Path) -> list[Path]:
    """A file and those that it names, and that those name."""
    found = [path]
    for file in found:
        if file.suffix == ".toml":
            table = tomllib.loads(file.read_text(encoding="utf-8"))
            named = ((file.parent / text).resolve() for text in _texts(table))
            found += [f for f in named if f.is_file() and f not in found and f.is_relative_to(root)]
    data = path.with_suffix(".csv")
    return found + ([data] if data.exists() and data not in found else [])


def _texts(value: Any) -> Iterator[str]:
    """All texts in a table."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
