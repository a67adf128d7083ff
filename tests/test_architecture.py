"""The plan of the house: which room may import which, and what importing the package may cost."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "ohmr_fem"

#: Files of each room. A new file needs a room; a new room needs a line in MAY_IMPORT.
ROOMS = {
    "errors": "errors",
    "units": "units",
    "geometry": "geometry geometry_check outline outline_read polygons combine layout_file "
    "traced_file",
    "mesh": "mesh mesh_cells mesh_check mesh_io mesh_refine meshing mesh_gmsh mesh_layers "
    "mesh_netgen grading grids",
    "material": "material",
    "problem": "problem drive",
    "forms": "forms",
    "system": "system coefficients space linear advection",
    "solve": "solve solution checks",
    "spectral": "spectral lanczos",
    "observables": "observables",
    "adapt": "adapt adapt_error adapt_mesh",
    "sweep": "sweep reduced contact_matrix gate",
    "transient": "dynamics ac modes evolution stepper waveform drift newton",
    "data": "data",
    "fit": "fitting fit_input fit_model fit_search fit_report profile fisher planning",
    "study": "study study_axes study_dask study_file study_point study_store",
    "store": "store",
    "export": "export",
    "plot": "plot drawing fit_figure plot_micro",
    "analytic": "analytic",
    "micro": "micro",
    "bridge": "micro.bridge presets",
    "config": "config config_tables config_models config_reader config_geometry",
    "run": "run fit_run xtensor",
    "cli": "cli",
    "package": "",
}

#: A room may import these rooms, and the rooms that they may import.
MAY_IMPORT = {
    "errors": "",
    "units": "errors",
    "geometry": "units",
    "mesh": "geometry",
    "material": "units",
    "problem": "mesh material",
    "forms": "",
    "system": "problem forms",
    "solve": "system",
    "spectral": "solve",
    "observables": "solve",
    "adapt": "observables",
    "sweep": "spectral observables",
    "transient": "store",
    "data": "units",
    "fit": "sweep data",
    "study": "config store",
    "store": "sweep",
    "export": "store",
    "plot": "export fit micro",
    "analytic": "units",
    "micro": "units",
    "bridge": "micro material",
    "config": "sweep bridge",
    "run": "config plot fit adapt",
    "cli": "run study",
    "package": "analytic bridge adapt transient fit plot",
}

#: Third-party packages that only some rooms may touch.
ONLY_IN = {
    "meshio": {"mesh", "export"},
    "gmsh": {"mesh"},
    "netgen": {"mesh"},
    "shapely": {"geometry"},
    "gdstk": {"geometry"},
    "svgelements": {"geometry"},
    "matplotlib": {"plot"},
    "pint": {"units"},
    "pydantic": {"config"},
    "typer": {"cli"},
    "click": set(),
    "rich": {"cli"},
    "pickle": set(),
    "skfem": {"mesh", "forms", "system", "solve"},
    "lmfit": {"fit"},
    "dask": {"study"},
    "distributed": {"study"},
    "xarray": {"study"},
    "h5netcdf": {"study"},
    "h5py": {"study"},
}


def _room(module: str) -> str:
    """Room of a module named relative to the package, e.g. "solve" or "micro.bridge"."""
    if module == "":
        return "package"
    for room, files in ROOMS.items():
        if module in files.split():
            return room
    for room in ("analytic", "micro"):
        if module.split(".")[0] == room:
            return room
    pytest.fail(f"ohmr_fem/{module}.py belongs to no room: add it to ROOMS")


def _modules() -> dict[str, Path]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = _modules()


def _imports(module: str) -> tuple[set[str], set[str]]:
    """Modules of the package and top-level names of other packages that a module imports, anywhere
    in its text.
    """
    inside, outside = set(), set()
    here = (
        module.split(".")
        if MODULES[module].name == "__init__.py" and module
        else module.split(".")[:-1]
    )
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            outside |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            outside.add(node.module or "")
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - (node.level - 1)] + (
                node.module.split(".") if node.module else []
            )
            inside |= {_closest(".".join([*base, alias.name])) for alias in node.names}
    inside |= {
        _closest(name.partition(".")[2]) for name in outside if name.split(".")[0] == "ohmr_fem"
    }
    return inside - {module}, {name.split(".")[0] for name in outside}


def _closest(name: str) -> str:
    """The module itself, or the one that holds the name."""
    while name not in MODULES:
        name = name.rpartition(".")[0]
    return name


def _allowed(room: str) -> set[str]:
    direct = MAY_IMPORT[room].split()
    return {room, *direct}.union(*(_allowed(other) for other in direct))


@pytest.mark.parametrize("module", MODULES)
def test_imports_follow_the_plan(module):
    room = _room(module)
    inside, outside = _imports(module)
    for other in inside - {""}:  # the package itself gives only its version
        assert _room(other) in _allowed(room), (
            f"{module} ({room}) must not import {other} ({_room(other)})"
        )
    for package in outside & set(ONLY_IN):
        assert room in ONLY_IN[package], (
            f"{module} must not import {package}; only {sorted(ONLY_IN[package])} may"
        )


def test_only_the_version_comes_from_the_package_itself():
    for module, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.ImportFrom)
                and node.level == 1
                and node.module is None
                and "." not in module
            ):
                assert all(
                    alias.name in MODULES or alias.name == "__version__" for alias in node.names
                ), module


def test_the_plan_has_no_cycle_and_no_way_up():
    assert set(ROOMS) == set(MAY_IMPORT)
    for room in MAY_IMPORT:
        assert all(room not in _allowed(other) for other in MAY_IMPORT[room].split())
    for room in ROOMS:
        if room not in ("analytic", "package"):
            assert "analytic" not in _allowed(room)  # a solver must not lean on what judges it
        if room not in ("config", "run", "study", "cli"):
            assert not {"config", "run", "cli"} & _allowed(room)


def _in_fresh_python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(PACKAGE.parent)},
    ).stdout.strip()


def test_import_is_light():
    heavy = ["matplotlib", "gmsh", "pint", "pydantic", "typer", "rich", "meshio", "mpmath"]
    loaded = _in_fresh_python(
        "import sys, ohmr_fem; print(*{name.split('.')[0] for name in sys.modules})"
    ).split()
    assert not set(heavy) & set(loaded)


def test_import_is_quick():
    """Under 0.6 s on an idle machine; a busy one is allowed for by the time that scikit-fem itself
    takes beside it.
    """
    code = (
        "import time; t = time.perf_counter(); import skfem, scipy.sparse.linalg; u = "
        "time.perf_counter(); "
        "import ohmr_fem; v = time.perf_counter(); print(u - t, v - t)"
    )
    ours = []
    for _ in range(8):
        base, total = (float(s) for s in _in_fresh_python(code).split())
        ours.append(min(total / 0.6, total / (2.0 * base)))
        if ours[-1] < 1.0:
            return
    pytest.fail(f"import ohmr_fem takes {min(ours):.2f} times what it may")


def test_public_names_are_what_they_say():
    """Also after the room of a name was loaded first: a room and a function must not share a
    name.
    """
    import importlib

    import ohmr_fem

    for module in MODULES:
        if module:
            importlib.import_module(f"ohmr_fem.{module}")
    for name in ohmr_fem.__all__:
        value = getattr(ohmr_fem, name)
        assert (type(value).__name__ == "module") == (name in ohmr_fem._ROOMS), name
