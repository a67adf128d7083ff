"""Reads the sections of a device or model file, and collects everything that is wrong with them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..base.file_kind import told
from ..errors import InputError, OhmrError, no_memory, suggest
from ..files import read_piped, sha256_of, text_of
from ..geometry.outline import Geometry
from ..model.drive import read_pair
from ..model.problem import Problem
from .geometry_table import arguments, drawn, file_of, meshed
from .model_tables import KINDS, Gate, GateTable, ModelMaterialTable
from .tables import (
    ChannelTable,
    ContactTable,
    CrossSection,
    FilmTable,
    LayerTable,
    MaterialTable,
    MeasureTable,
    MeshFile,
    SolveTable,
    Table,
)

#: Of a whole number; one with more is beyond the range of floats.
DIGITS = 300


@dataclass(frozen=True)
class Measurement:
    """A named current pair and voltage pair; both None on a cross-section."""

    name: str = ""
    current: tuple[str, str] | None = None
    voltage: tuple[str, str] | None = None


def _missing(model: type[Table], key: str) -> str:
    needed = ", ".join(_required(model))
    return f"is missing; add [{key}]" + (f" with {needed}" if needed else "")


def read_toml(
    path: Path, what: str = "a device file (.toml), text in UTF-8"
) -> tuple[dict[str, Any], str]:
    """The tables of a TOML file in any encoding, and the SHA-256 of its bytes.

    It may be a pipe that the shell has opened.
    """
    if not os.path.lexists(path):
        raise InputError(f"{path}: no such file; write one with: ohmr-fem init {path}", value=path)
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give {what}", value=path)
    content = read_piped(path, what)
    try:
        table = tomllib.loads(text_of(content, path, what))
    except RecursionError as exc:
        raise InputError(
            f"{path}: its brackets are nested too deeply; a device file needs three levels",
            value=path,
        ) from exc
    except InputError:
        raise
    except ValueError as exc:  # TOMLDecodeError, and numbers of thousands of digits
        kind = told(path)
        if kind and "of.read_device" not in kind:
            raise InputError(f"{path}: is {kind}; give {what}", value=path) from exc
        raise InputError(
            f"{path}: is not valid TOML: {exc}; note that quantities and names need quotes, as in "
            '"2 ps"',
            value=path,
        ) from exc
    if not table:
        raise InputError(
            f"{path}: is empty; write a device file with: ohmr-fem init NAME.toml", value=path
        )
    wrong = _beyond_floats(table)
    if wrong:
        raise InputError(
            f"{path}: {wrong}: is a whole number of more than {DIGITS} digits; write a number "
            "that a computer holds, such as 1e30",
            value=path,
        )
    return table, hashlib.sha256(content).hexdigest()


def _beyond_floats(value: Any, key: str = "") -> str:
    """The key of the first whole number that is no float, or ""."""
    if isinstance(value, Mapping):
        inner = [(f"{key}.{name}" if key else str(name), v) for name, v in value.items()]
    elif isinstance(value, list):
        inner = [(f"{key}[{i}]", v) for i, v in enumerate(value)]
    else:
        return key if isinstance(value, int) and abs(value) >= 10**DIGITS else ""
    return next(filter(None, (_beyond_floats(v, name) for name, v in inner)), "")


class Reader:
    """Collects complaints while the sections are read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.wrong: list[str] = []
        self.short: MemoryError | None = None  # which has an exit code of its own
        self.inputs: list[Path] = []  # files read besides the device file and its mesh
        self.digests: dict[Path, str] = {}  # of the files that others read

    def complain(self, key: str, message: str) -> None:
        handled = sys.exception()
        behind = (handled and handled.__cause__) or handled
        if isinstance(behind, MemoryError):
            self.short = behind
        where = f"{self.path}: {key}: " if key else f"{self.path}: "
        self.wrong += [where + line for line in message.splitlines()]

    def keep_digest(self, table: Any) -> None:
        """The hash of the mesh file, taken before it is read."""
        given = table.get("file") if isinstance(table, Mapping) else None
        if isinstance(given, str):
            self._digest(self.path.parent / given)

    def _digest(self, path: Path) -> None:
        with contextlib.suppress(OSError, ValueError):  # the reader of the file says why
            self.digests[path] = sha256_of(path)

    def confirmed_digests(self) -> dict[Path, str]:
        """Hashes of the files that others read; a complaint if one was replaced meanwhile."""
        for path, digest in self.digests.items():
            try:
                same = sha256_of(path) == digest
            except OSError:
                same = False
            if not same:
                self.complain("", f"{path} was changed while it was read; start again")
        self.stop()
        return self.digests

    def stop(self) -> None:
        if self.wrong:
            raise InputError(self.wrong, value=self.path) from self.short

    def known_sections(self, table: Mapping[str, Any], known: tuple[str, ...]) -> None:
        for name in table:
            if name not in known:
                self.complain("", f"unknown section {name!r}; {suggest(name, known)}")

    def section(self, model: type[Table], table: Any, key: str) -> Any:
        if not isinstance(table, Mapping):
            self.complain(
                key,
                f"must be a table, as in [{key}], got {table!r}"
                if table is not None
                else _missing(model, key),
            )
            return None
        try:
            return model.model_validate(dict(table))
        except ValidationError as exc:
            errors = exc.errors()
            for error in sorted(
                errors, key=lambda e: e["type"] == "missing"
            ):  # after the typing mistakes behind them
                self._explain(model, key, error)
            return None

    def _explain(self, model: type[Table], key: str, error: Mapping[str, Any]) -> None:
        name, kind = str(error["loc"][0]), error["type"]
        if kind == "extra_forbidden":
            self.complain(key, f"unknown key {name!r}; {suggest(name, model.model_fields)}")
        elif kind == "missing":
            if not any(f"did you mean {name!r}?" in line for line in self.wrong):
                self.complain(f"{key}.{name}", "is missing; it is required")
        else:
            what = error["msg"][0].lower() + error["msg"][1:]
            self.complain(f"{key}.{name}", f"{what.removeprefix('input ')}, got {error['input']!r}")

    def built(self, model: Any, table: Any, key: str, *args: Any) -> Any:
        """A section turned into its object, or None; a complaint about one of its keys is placed
        at ``key.name``.
        """
        section = self.section(model, table, key)
        if section is None:
            return None
        try:
            return section.build(*args)
        except OhmrError as exc:
            if exc.key.partition("[")[0] in model.model_fields and not exc.named:
                self.complain(f"{key}.{exc.key}", exc.what)
            else:
                self.complain(key, exc.message)
            return None
        except MemoryError:
            self.complain(key, str(no_memory()))
            return None
        except ArithmeticError as exc:
            self.complain(key, f"its numbers are beyond what a computer holds ({exc}); mend them")
            return None

    def mesh(self, table: Mapping[str, Any]) -> Any:
        """A DeviceMesh, or the Geometry of a device yet to be meshed."""
        if len({"mesh", "cross_section", "geometry", "channel"} & set(table)) != 1:
            self.complain(
                "",
                "give one of: a [mesh] table with a file, a [geometry] table with a shape, a "
                "[cross_section] table with a width, or a [channel] table with a length",
            )
            return None
        if "channel" in table:
            return self.built(ChannelTable, table["channel"], "channel")
        if "geometry" in table:
            return self.geometry(table["geometry"])
        if "mesh" in table:
            return self.built(MeshFile, table["mesh"], "mesh", self.path.parent)
        return self.built(CrossSection, table["cross_section"], "cross_section")

    def geometry(self, table: Any) -> Any:
        if not isinstance(table, Mapping):
            return self.complain("geometry", f"must be a table, as in [geometry], got {table!r}")
        try:
            arguments(table)
        except OhmrError as exc:
            return self.complain(f"geometry.{exc.key}", exc.what)
        path = file_of(table, self.path.parent)
        if path is not None:
            self.inputs.append(path)
            self._digest(path)
        try:
            return drawn(table, self.path.parent)
        except OhmrError as exc:
            if exc.key in table and not exc.named:
                return self.complain(f"geometry.{exc.key}", exc.what)
            return self.complain("geometry", str(exc))

    def meshed(self, shape: Geometry, materials: Any, coarse: bool) -> Any:
        self.stop()
        try:
            return meshed(shape, materials, coarse)
        except OhmrError as exc:
            self.complain("geometry", str(exc))
            self.stop()

    def accuracy(self, solve: Any, section: bool) -> None:
        """Complaints about an accuracy that cannot be asked for."""
        if solve is None or solve.accuracy is None:
            return
        if section:
            self.complain(
                "solve.accuracy",
                "is for device planes with contacts; a cross-section resolves its edge layers by "
                "itself, and a channel needs little",
            )
        if solve.ordinary_hall:
            self.complain(
                "solve.accuracy",
                "the error bar does not serve ordinary_hall; remove one of the two",
            )

    def problem(self, *args: Any, **options: Any) -> Problem:
        self.stop()
        try:
            return Problem(*args, **options)
        except OhmrError as exc:
            section = "solve." if exc.key in SolveTable.model_fields else ""
            self.complain(section + exc.key, exc.message if exc.named else exc.what)
            self.stop()
            raise

    def materials(self, table: Mapping[str, Any]) -> Any:
        """A Material, a function that makes one at a gate, or either by region."""
        if ("material" in table) == ("materials" in table):
            self.complain(
                "",
                "give either one [material] for all regions, or a table [materials.<region>] for "
                "each",
            )
            return None
        if "material" in table:
            return self.material(table["material"], "material")
        if not isinstance(table["materials"], Mapping):
            self.complain(
                "materials",
                f"must be tables by region, as in [materials.NAME], got {table['materials']!r}",
            )
            return None
        return {
            region: self.material(entry, f"materials.{region}")
            for region, entry in table["materials"].items()
        }

    def film(self, table: Mapping[str, Any]) -> Any:
        """The Film, the Stack of the layers of [[stack]], or None."""
        if "stack" not in table:
            return self.built(FilmTable, table["film"], "film") if "film" in table else None
        entries = table["stack"]
        extra = {"material", "materials", "gate", "cross_section"} & set(table)
        for name in sorted(extra):
            self.complain(name, "has no place beside [[stack]], whose layers say all; remove one")
        if not isinstance(entries, list) or not entries:
            self.complain("stack", f"must be tables [[stack]], one a layer, got {entries!r}")
            return None
        keys = [f"stack[{i}]" for i in range(len(entries))]
        built = zip(entries, keys, strict=True)
        layers = [self.built(LayerTable, entry, key) for entry, key in built]
        if None in layers:
            return None
        return self.built(FilmTable, table.get("film", {}), "film", layers)

    def material(self, entry: Any, key: str) -> Any:
        if not isinstance(entry, Mapping) or "model" not in entry:
            return self.built(MaterialTable, entry, key)
        given, folder = entry["model"], self.path.parent
        if isinstance(given, str):
            self.inputs.append(self.path.parent / given)
            own, digest = read_toml(self.inputs[-1])
            self.digests[self.inputs[-1]] = digest
            given, folder = own.get("model"), self.inputs[-1].parent
        model = self.model(given, f"{key}.model", folder)
        if (
            entry.get("displacement", 0)
            and isinstance(given, Mapping)
            and given.get("displacement", 0)
        ):
            self.complain(f"{key}.displacement", "is given in the model too; give it once")
        if model is None:
            self.section(ModelMaterialTable, entry, key)
            return None
        return self.built(ModelMaterialTable, entry, key, model)

    def model(self, table: Any, key: str, folder: Path) -> Any:
        """The LayeredModel of a [model] table, or None."""
        if not isinstance(table, Mapping) or "kind" not in table:
            self.complain(key, f"must be a table [model] with a kind: {', '.join(KINDS)}")
            return None
        kind, rest = table["kind"], {name: value for name, value in table.items() if name != "kind"}
        if not isinstance(kind, str) or kind not in KINDS:
            self.complain(f"{key}.kind", f"{kind!r} is not known; {suggest(str(kind), KINDS)}")
            return None
        named = [rest.get(name) for name in ("file", "centres")]
        files = [folder / name for name in named if isinstance(name, str)]
        self.inputs += files
        for path in files:
            self._digest(path)
        return self.built(KINDS[kind], rest, key, folder)

    def gate(self, table: Mapping[str, Any], recipes: Any) -> Gate | None:
        found = self.built(GateTable, table["gate"], "gate") if "gate" in table else None
        if found is None:
            return None
        parts = list(recipes.values()) if isinstance(recipes, dict) else [recipes]
        if not any(map(callable, parts)) and None not in parts:
            self.complain(
                "gate",
                'no material comes from a model; give [material] model = "FILE.toml" with density '
                "and mobility",
            )
        parameter, values = found
        return Gate(parameter, values, lambda value: _materials_at(recipes, **{parameter: value}))

    def operating_point(self, recipes: Any) -> Any:
        """The materials where the file puts the gate."""
        try:
            return _materials_at(recipes)
        except InputError as exc:
            self.complain("material" if callable(recipes) else "materials", exc.message)
            self.stop()

    def named(
        self, table: Mapping[str, Any], key: str, model: type[Table], short: str | None
    ) -> dict[str, Any]:
        """Tables by name; a bare value stands for the key ``short`` of its table."""
        entries = table.get(key, {})
        if not isinstance(entries, Mapping):
            self.complain(key, f"must be tables by name, as in [{key}.NAME], got {entries!r}")
            return {}
        whole = {
            name: {short: value} if short and not isinstance(value, Mapping) else value
            for name, value in entries.items()
        }
        return {name: self.built(model, value, f"{key}.{name}") for name, value in whole.items()}

    def contacts(self, entries: Any) -> Any:
        if isinstance(entries, list):
            if not all(isinstance(name, str) for name in entries):
                self.complain(
                    "contacts",
                    f"must be a list of names, or tables [contacts.NAME], got {entries!r}",
                )
            return entries
        return self.named({"contacts": entries}, "contacts", ContactTable, "kind")

    def measures(self, table: Mapping[str, Any], section: bool) -> list[MeasureTable]:
        entries = table.get("measure", [])
        entries = entries if isinstance(entries, list) else [entries]
        if section:
            if entries:
                self.complain("measure", "a cross-section has no contacts; remove [measure]")
            return []
        if not entries:
            self.complain(
                "measure",
                "is missing; add [measure] with current = [from, to] and voltage = [plus, minus]",
            )
        keys = [f"measure[{i}]" if len(entries) > 1 else "measure" for i in range(len(entries))]
        found = [
            self.section(MeasureTable, entry, key) for entry, key in zip(entries, keys, strict=True)
        ]
        names = [m.name for m in found if m is not None]
        if len(set(names)) != len(names):
            self.complain(
                "measure", f"each of several measurements needs its own name, got {names}"
            )
        for name in names:
            if name and not name.replace("-", "").replace("_", "").isalnum():
                self.complain(
                    "measure",
                    f"name {name!r} becomes part of a file name: use letters, digits, - and _",
                )
        return [m for m in found if m is not None]

    def measurements(
        self, problem: Problem, measures: list[MeasureTable]
    ) -> tuple[Measurement, ...]:
        if problem.is_cross_section:
            return (Measurement(),)
        out = []
        for i, m in enumerate(measures):
            key = f"measure[{i}]" if len(measures) > 1 else "measure"
            current, voltage = (self.pair(problem, m, what, key) for what in ("current", "voltage"))
            out.append(Measurement(m.name, current, voltage))
        return tuple(out)

    def pair(self, problem: Problem, table: MeasureTable, what: str, key: str) -> Any:
        try:
            return read_pair(problem, getattr(table, what), what)
        except InputError as exc:
            self.complain(f"{key}.{what}", exc.what if exc.key == what else exc.message)
            return None


def _materials_at(recipes: Any, **gate: float) -> Any:
    """Materials from what :meth:`Reader.materials` returns, with the gate of the file or
    another.
    """
    if isinstance(recipes, dict):
        return {region: _materials_at(recipe, **gate) for region, recipe in recipes.items()}
    return recipes(**gate) if callable(recipes) else recipes


def _required(model: type[Table]) -> list[str]:
    return [name for name, field in model.model_fields.items() if field.is_required()]
