"""The JSON schema of a device file, from the tables that read it, and the page of docs about it.

An editor that knows the schema completes and checks a device file while it is written.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from .further_tables import FrequencyTable, MatrixTable, TimeTable
from .geometry_table import SHAPES
from .material_tables import LayerTable, MaterialTable, PresetMaterialTable
from .model_tables import GateTable, ModelMaterialTable
from .tables import (
    ChannelTable,
    ContactTable,
    CrossSection,
    EdgeTable,
    FilmTable,
    MeasureTable,
    MeshFile,
    OutputTable,
    SolveTable,
    SweepTable,
    TurnTable,
)

MATERIAL = (MaterialTable, PresetMaterialTable, ModelMaterialTable)
#: Tables of a section; a name ending in .NAME stands for tables that the user names.
TABLES: dict[str, tuple[type[BaseModel], ...]] = {
    "mesh": (MeshFile,),
    "cross_section": (CrossSection,),
    "channel": (ChannelTable,),
    "material": MATERIAL,
    "materials.NAME": MATERIAL,
    "contacts.NAME": (ContactTable,),
    "edges.NAME": (EdgeTable,),
    "film": (FilmTable,),
    "stack": (LayerTable,),
    "solve": (SolveTable,),
    "measure": (MeasureTable,),
    "sweep": (SweepTable, TurnTable),
    "output": (OutputTable,),
    "gate": (GateTable,),
    "time": (TimeTable,),
    "frequency": (FrequencyTable,),
    "matrix": (MatrixTable,),
}
QUANTITY = {"type": ["number", "string"]}


def device_schema() -> dict[str, Any]:
    """JSON schema (2020-12) of a device file."""
    models = list(dict.fromkeys(m for several in TABLES.values() for m in several))
    _, found = models_json_schema([(m, "validation") for m in models])
    for definition in found["$defs"].values():
        definition.pop("description", None)
    sections: dict[str, Any] = {"geometry": _geometry()}
    for name, several in TABLES.items():
        section, _, named = name.partition(".")
        sections[section] = _named(several) if named else _either(several)
    for section in ("measure", "stack"):
        one = sections[section]
        sections[section] = {"anyOf": [one, {"type": "array", "items": one}]}
    names = {"type": "array", "items": {"type": "string"}}
    sections["contacts"] = {"anyOf": [names, sections["contacts"]]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Device file of ohmr-fem",
        "type": "object",
        "additionalProperties": False,
        "properties": dict(sorted(sections.items())),
        "$defs": found["$defs"],
    }


def _geometry() -> dict[str, Any]:
    shape = {"enum": sorted(SHAPES)}
    return {"type": "object", "required": ["shape"], "properties": {"shape": shape}}


def _either(several: tuple[type[BaseModel], ...]) -> dict[str, Any]:
    references = [{"$ref": f"#/$defs/{model.__name__}"} for model in several]
    return references[0] if len(references) == 1 else {"anyOf": references}


def _named(several: tuple[type[BaseModel], ...]) -> dict[str, Any]:
    """Tables by name; a bare value stands for the first key of one."""
    inner = {"anyOf": [QUANTITY, *(_either((model,)) for model in several)]}
    return {"type": "object", "additionalProperties": inner}


def device_reference() -> str:
    """The page of docs that lists every section and key."""
    lines = [
        "# Device file: every section and key",
        "",
        "Made from the tables that read the file (`python -m ohmr_fem schema --markdown`); a test",
        'keeps both equal. A quantity is a number in SI, or a text with its unit such as `"2 ps"`.',
        "`ohmr-fem schema` prints the JSON schema: with it an editor completes and checks a file.",
        "",
        f"`[geometry]` takes a `shape`, one of {', '.join(f'`{s}`' for s in SHAPES)}, and the",
        "arguments of the function of that name in `ohmr_fem.geometry`.",
    ]
    for name, several in TABLES.items():
        for model in several:
            lines += _section(name, model)
    return "\n".join(lines) + "\n"


def _section(name: str, model: type[BaseModel]) -> list[str]:
    said = {
        "SweepTable": "a line of fields",
        "TurnTable": "a field that turns",
        "PresetMaterialTable": "published values of `mn`, `v`, `cr` or `ti`",
        "ModelMaterialTable": "from the bands of a model",
        "MeasureTable": "several: one `[[measure]]` with a name each",
    }
    kind = said.get(model.__name__, "")
    lines = [
        "",
        f"## `[{name}]`" + (f", {kind}" if kind else ""),
        "",
        "| key | default |",
        "|---|---|",
    ]
    for key, field in model.model_fields.items():
        default = "required" if field.is_required() else _shown(field.default)
        lines.append(f"| `{key}` | {default} |")
    return lines


def _shown(default: Any) -> str:
    return "" if default in (None, "") else f"`{default}`"
