"""What a user starts with: info, init, examples, schema."""

from __future__ import annotations

import json
from pathlib import Path

from ..errors import InputError
from ..units import engineering
from .speech import say, show, tell


def info(path: Path, unit: str) -> None:
    from ..mesh.files import read_mesh

    mesh = read_mesh(path, unit=unit)
    edges = mesh.edge_sizes
    show(
        f"{path}: {mesh.n_cells} cells, {mesh.mesh.p.shape[1]} vertices, "
        f"{' x '.join(engineering(float(v), 'm') for v in mesh.extent)}"
    )
    show(
        f"edges     {engineering(float(edges.min()), 'm')} to "
        f"{engineering(float(edges.max()), 'm')}"
    )
    for name, facets in mesh.boundaries.items():
        show(
            f"boundary  {name}: {len(facets)} edges, {engineering(float(edges[facets].sum()), 'm')}"
        )
    rest = mesh.boundary_facets()
    show(
        f"unnamed   {len(rest)} edges, {engineering(float(edges[rest].sum()), 'm')} (insulating, "
        "reflecting)"
    )
    for name, cells in mesh.regions.items():
        show(f"region    {name}: {len(cells)} cells")
    if unit == "m" and float(mesh.extent.max()) > 1e-3:
        say(
            f"warning: the device is {engineering(float(mesh.extent.max()), 'm')} long; if that is "
            "wrong, give --unit"
        )


def init(path: Path, kind: str) -> None:
    from ..run.start import write_start

    first, *others = write_start(kind, path)
    data = " ".join(map(str, others))
    follow = {"fit": f"fit {data} {first}", "model": f"xtensor {first}"}
    follow |= dict.fromkeys(("study", "thickness"), f"study {first}")
    beside = "".join(f" and {file}" for file in others)
    tell(f"wrote {first}{beside}; next: ohmr-fem {follow.get(kind, f'run {first}')}")


def examples(name: str | None, out: Path) -> None:
    from ..run.start import copy_example, examples

    if name is None:
        found = examples()
        width = max(map(len, found))
        show(*(f"{example:{width}}  {text}" for example, text in found.items()))
        return
    first, *others = copy_example(name, out)
    beside = f" and {len(others)} that it reads" if others else ""
    tell(f"wrote {first}{beside}")


def schema(markdown: bool, measure: bool) -> None:
    from ..config.schema import device_reference, device_schema
    from ..output.page import part

    if measure and markdown:
        raise InputError("--measure and --markdown: give one of them", value="--markdown")
    if measure:
        text = part("measure.schema.json")
    elif markdown:
        text = device_reference()
    else:
        text = json.dumps(device_schema(), indent=2)
    show(*text.rstrip("\n").split("\n"))
