"""The plan of the house: which room may import which, and what importing the package may cost.

The rooms are the folders of ohmr_fem and the few files beside them; only the arrows are written
down here.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "ohmr_fem"
FILES = {"__init__", "__main__", "files", "version"}

#: A room may import these rooms, and whatever they may import.
MAY_IMPORT = {
    "version": "",
    "base": "",
    "errors": "",
    "units": "errors base",
    "files": "errors base version",
    "analytic": "units",
    "micro": "units files",
    "geometry": "units files",
    "mesh": "geometry",
    "model": "mesh micro",
    "solver": "model files",
    "sweep": "solver",
    "dynamics": "sweep",
    "fitting": "sweep config",
    "config": "model",
    "study": "sweep config",
    "output": "fitting dynamics",
    "run": "output config",
    "cli": "run study",
    "__main__": "cli",
    "__init__": "cli analytic",
}
MOST_FLOORS = 12

#: Third-party packages that only some rooms may touch.
ONLY_IN = {
    "meshio": "mesh output",
    "gmsh": "mesh",
    "netgen": "mesh",
    "shapely": "geometry",
    "gdstk": "geometry",
    "svgelements": "geometry",
    "matplotlib": "output",
    "fontTools": "output",
    "pint": "units",
    "pydantic": "config",
    "typer": "cli",
    "click": "",
    "rich": "cli",
    "pickle": "",
    "skfem": "mesh solver",
    "lmfit": "fitting",
    "dask": "study",
    "distributed": "study",
    "xarray": "study",
    "h5netcdf": "study",
    "h5py": "study",
}


def room_of(path: Path, package: Path = PACKAGE) -> str:
    parts = path.relative_to(package).with_suffix("").parts
    return parts[0]


def imports_of(path: Path, package: Path = PACKAGE) -> tuple[set[str], set[str]]:
    """Rooms of the package, and top-level names of other packages, that a file imports anywhere."""
    rooms, outside = set(), set()
    here = path.relative_to(package).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = here[: len(here) - (node.level - 1)]
            name = (*base, *(node.module.split(".") if node.module else ()))
            rooms |= {name[0]} if name else {alias.name for alias in node.names}
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module]
            for parts in (name.split(".") for name in found):
                if parts[0] != package.name:
                    outside.add(parts[0])
                else:
                    rooms |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
    return rooms, outside


def arrows(package: Path = PACKAGE) -> dict[str, set[str]]:
    """{room: rooms it imports}, itself left out, as the files say."""
    found: dict[str, set[str]] = {}
    for path in sorted(package.rglob("*.py")):
        room = room_of(path, package)
        found.setdefault(room, set()).update(imports_of(path, package)[0] - {room})
    return found


def floors(graph: dict[str, set[str]]) -> dict[str, int]:
    """{room: length of the longest way down}; fails on a circle."""
    height: dict[str, int] = {}

    def floor(room: str, above: tuple[str, ...]) -> int:
        if room in above:
            pytest.fail("circle between rooms: " + " -> ".join([*above, room]))
        if room not in height:
            below = [floor(other, (*above, room)) for other in graph.get(room, ())]
            height[room] = 1 + max(below, default=0)
        return height[room]

    for room in graph:
        floor(room, ())
    return height


def allowed(room: str) -> set[str]:
    direct = MAY_IMPORT[room].split()
    return set(direct).union(*(allowed(other) for other in direct))


def unplanned(graph: dict[str, set[str]]) -> list[str]:
    return [f"{a} must not import {b}" for a in graph for b in graph[a] if b not in allowed(a)]


def test_every_room_is_a_folder_with_a_line_in_the_table():
    flat = {p.stem for p in PACKAGE.glob("*.py")}
    assert flat <= FILES
    folders = {p.parent.name for p in PACKAGE.glob("*/__init__.py")}
    assert flat | folders == set(MAY_IMPORT)


def test_imports_follow_the_plan():
    assert unplanned(arrows()) == []


def test_no_circle_and_few_floors():
    height = floors(arrows())
    assert max(height.values()) <= MOST_FLOORS
    assert max(floors({room: allowed(room) for room in MAY_IMPORT}).values()) <= MOST_FLOORS


@pytest.mark.parametrize("file, line", [
    ("mesh/grids.py", "from ..solver import solve"),
    ("errors/__init__.py", "from ohmr_fem import units"),
    ("solver/forms.py", "def late():\n    import ohmr_fem.sweep.hanle"),
    ("geometry/polygons.py", "from ..mesh.device_mesh import DeviceMesh"),
])  # fmt: skip
def test_a_planted_import_is_seen(tmp_path, file, line):
    """An arrow upwards is an arrow off the plan; the last one closes a circle as well."""
    copy = tmp_path / "ohmr_fem"
    for path in PACKAGE.rglob("*.py"):
        target = copy / path.relative_to(PACKAGE)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    assert unplanned(arrows(copy)) == []
    with (copy / file).open("a", encoding="utf-8") as stream:
        stream.write(f"\n{line}\n")
    assert len(unplanned(arrows(copy))) == 1
    with pytest.raises(pytest.fail.Exception, match="circle between rooms"):
        floors(arrows(copy))


def test_a_solver_does_not_lean_on_what_judges_it():
    for room in set(MAY_IMPORT) - {"__init__"}:
        assert "analytic" not in allowed(room), room


def test_third_parties_stay_in_their_rooms():
    for path in sorted(PACKAGE.rglob("*.py")):
        for name in imports_of(path)[1] & set(ONLY_IN):
            assert room_of(path) in ONLY_IN[name].split(), f"{path} must not import {name}"


def in_fresh_python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(PACKAGE.parent)},
    ).stdout.strip()


def test_import_is_light():
    heavy = {"matplotlib", "gmsh", "pint", "pydantic", "typer", "rich", "meshio", "mpmath"}
    code = "import sys, ohmr_fem; print(*{name.split('.')[0] for name in sys.modules})"
    assert not heavy & set(in_fresh_python(code).split())


def test_import_is_quick():
    """Under 0.6 s on an idle machine; on a busy one, twice what scikit-fem itself takes there."""
    code = (
        "import time; t = time.perf_counter(); import skfem, scipy.sparse.linalg; "
        "u = time.perf_counter(); import ohmr_fem; v = time.perf_counter(); print(u - t, v - t)"
    )
    ours = []
    for _ in range(8):
        base, total = (float(s) for s in in_fresh_python(code).split())
        ours.append(min(total / 0.6, total / (2.0 * base)))
        if ours[-1] < 1.0:
            return
    pytest.fail(f"import ohmr_fem takes {min(ours):.2f} times what it may")


def test_public_names_are_what_they_say():
    """Also after every file was loaded: a room and a function must not share a name."""
    import importlib

    import ohmr_fem

    for path in sorted(PACKAGE.rglob("*.py")):
        if path.stem not in ("__init__", "__main__"):
            module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
            importlib.import_module(f"ohmr_fem.{module}")
    for name in ohmr_fem.__all__:
        value = getattr(ohmr_fem, name)
        assert (type(value).__name__ == "module") == (name in ohmr_fem._ROOMS), name
    for room in (ohmr_fem.geometry, ohmr_fem.micro):
        for name in room.__all__:
            assert type(getattr(room, name)).__name__ != "module", name


@pytest.mark.parametrize("room", ["", ".geometry", ".micro"])
def test_editors_see_what_is_loaded(room):
    """The names under TYPE_CHECKING are those of the table, from the same files."""
    import importlib

    module = importlib.import_module(f"ohmr_fem{room}")
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    block = next(n for n in tree.body if isinstance(n, ast.If))
    seen = {alias.asname: node.module for node in block.body for alias in node.names}
    rooms = getattr(module, "_ROOMS", {})
    assert {n: m for n, m in seen.items() if n not in rooms} == module._HOME
    assert set(rooms) <= set(seen)


def test_a_stranger_s_editor_knows_the_types(tmp_path):
    """mypy in a foreign project sees functions, not Any."""
    file = tmp_path / "stranger.py"
    file.write_text(
        "import ohmr_fem as of\n"
        "reveal_type(of.fit)\nreveal_type(of.transient)\nreveal_type(of.micro.inverse_mass)\n"
        "reveal_type(of.geometry.hall_bar)\nreveal_type(of.presets.mn)\n"
        "of.field_sweep(0, 1)\n",
        encoding="utf-8",
    )
    said = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path / "cache"), str(file)],
        cwd=tmp_path,
        env={"MYPYPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
    ).stdout
    assert said.count('Revealed type is "def (') == 5, said
    assert 'Missing positional argument "n" in call to "field_sweep"' in said
