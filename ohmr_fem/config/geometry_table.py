"""[geometry]: a device given by its measures instead of a mesh file, and a mesh for it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .. import geometry
from ..errors import InputError, suggest
from ..geometry.outline import Geometry
from ..mesh.device_mesh import DeviceMesh
from ..mesh.generate import mesh_device
from ..model.material import Material

SHAPES: dict[str, Callable[..., Geometry]] = {
    "hall_bar": geometry.hall_bar,
    "cross": geometry.cross,
    "corbino": geometry.corbino,
    "annulus": geometry.annulus,
    "van_der_pauw": geometry.van_der_pauw,
    "nonlocal_bar": geometry.nonlocal_bar,
    "polygon": geometry.polygon_device,
    "gds": geometry.from_gds,
    "svg": geometry.from_svg,
    "csv": geometry.from_csv,
}
#: Shapes that are read from a file, which the table calls ``file``.
DRAWN = ("gds", "svg", "csv")
#: Arguments that name layers of a layout.
LAYERS = ("regions", "contacts", "labels")
#: The first mesh where an accuracy is asked for: two cells to a diffusion length, a twentieth of
#: the width at corners.
COARSE: dict[str, Any] = {"cells_per_length": 0.5, "corner": 0.05, "growth": 3.0}


def drawn(table: Mapping[str, Any], folder: Path) -> Geometry:
    """The device of a [geometry] table: ``shape``, and the arguments of its function in
    ohmr_fem.geometry; ``folder`` is that of the device file.

    Raises
    ------
    InputError
        With its key, or what the function of the shape says.
    """
    given = arguments(table)
    path = file_of(table, folder)
    if path is None:
        return SHAPES[table["shape"]](**given)
    del given["file"]
    pairs = LAYERS if table["shape"] == "gds" else ("scale_bar",)
    given |= {name: _paired(given[name]) for name in pairs if name in given}
    return SHAPES[table["shape"]](path, **given)


def file_of(table: Mapping[str, Any], folder: Path) -> Path | None:
    """The file that a device is read from, or None."""
    if table.get("shape") not in DRAWN or not isinstance(table.get("file"), str):
        return None
    return folder / table["file"]


def _paired(value: Any) -> Any:
    """[2, 0] of a file is layer 2 with datatype 0, ["10 um", 214.0] a scale bar."""
    if isinstance(value, Mapping):
        return {name: _paired(layer) for name, layer in value.items()}
    return tuple(value) if isinstance(value, list) else value


def arguments(table: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of the function of the shape; InputError with its key for a wrong one."""
    shape = table.get("shape")
    if "shape" not in table:
        raise InputError(f"is missing; one of {', '.join(SHAPES)}", key="shape")
    if not isinstance(shape, str) or shape not in SHAPES:
        raise InputError(f"{shape!r} is not known; {suggest(str(shape), SHAPES)}", key="shape")
    parameters = inspect.signature(SHAPES[shape]).parameters
    known = [name for name in parameters if name != "kind" or shape != "polygon"]
    if shape in DRAWN:
        known = ["file", *known[1:]]
    given = {name: value for name, value in table.items() if name != "shape"}
    for name in given:
        if name not in known:
            raise InputError(f"is unknown for shape {shape!r}; {suggest(name, known)}", key=name)
    for name in known:
        needed = name == "file" or parameters[name].default is inspect.Parameter.empty
        if needed and name not in given:
            raise InputError(f"is missing; it is required for shape {shape!r}", key=name)
    if shape in DRAWN and not isinstance(given["file"], str):
        raise InputError("must be the name of a file, in quotes", key="file")
    regions = given.get("regions")
    if shape == "polygon" and isinstance(regions, Mapping):
        given["regions"] = {n: None if part == "rest" else part for n, part in regions.items()}
    return given


def meshed(
    shape: Geometry,
    materials: Material | Mapping[str, Material],
    coarse: bool,
) -> DeviceMesh:
    """A mesh that resolves the shortest diffusion length of the materials, or a coarse one to be
    refined.

    Raises
    ------
    InputError, MissingExtraError
        As :func:`mesh_device`.
    """
    parts = list(materials.values()) if isinstance(materials, Mapping) else [materials]
    lengths = [m.shortest_length for m in parts]
    return mesh_device(shape, min(lengths), **(COARSE if coarse else {}))
