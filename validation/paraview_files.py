"""ParaView itself opens the files: names, units and ranges as the solution has them, and a picture.

Needs pvbatch (Debian's paraview) and, without a screen, xvfb-run; where it is missing VTK's own
reader opens the files, without a picture, and where that is missing too the case is skipped.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

import ohmr_fem as of

from .case import Drawing, Row, Skipped
from .independence import route
from .invariants import hall_bar
from .strip import problem

CASE = "ParaView"
ROUTES = {
    "": ("files written", "law: another program reads what was written"),
}
PICTURE = Path(tempfile.gettempdir()) / "ohmr_fem_paraview_hall_bar.png"
SCRIPT = """
import json, sys
from paraview.simple import *
out, *files = sys.argv[1:]
found = {}
for name in files:
    source = OpenDataFile(name)
    UpdatePipeline(proxy=source)
    info = source.GetDataInformation()
    data = {"points": info.GetNumberOfPoints(), "cells": info.GetNumberOfCells(),
            "times": list(getattr(source, "TimestepValues", []))}
    for kind, arrays in (("point", source.PointData), ("cell", source.CellData)):
        for i in range(arrays.GetNumberOfArrays()):
            a = arrays.GetArray(i)
            data[a.GetName()] = [list(a.GetRange(c)) for c in range(a.GetNumberOfComponents())]
    found[name] = data
    if name.endswith("bar.vtu"):
        view = CreateView("RenderView")
        view.ViewSize = [1200, 500]
        shown = Show(source, view)
        ColorBy(shown, ("POINTS", "moment_density [C/m^2]", "Z"))
        shown.RescaleTransferFunctionToDataRange(True)
        shown.SetScalarBarVisibility(view, True)
        view.ResetCamera()
        ResetCamera(view)
        view.CameraParallelProjection = 1
        Render(view)
        SaveScreenshot(out + ".png", view)
json.dump(found, open(out, "w"))
"""


def open_in_paraview(
    files: list[Path], folder: Path, picture: Path | None
) -> dict[str, dict[str, object]]:
    """What pvbatch finds in the files; writes a picture of the one called bar.vtu."""
    script, answer = folder / "open.py", folder / "found.json"
    script.write_text(SCRIPT, encoding="utf-8")
    screen = (
        ["xvfb-run", "-a", "-s", "-screen 0 1280x1024x24 +extension GLX"]
        if shutil.which("xvfb-run")
        else []
    )
    subprocess.run(
        [*screen, "pvbatch", str(script), str(answer), *map(str, files)],
        check=True,
        capture_output=True,
        timeout=300,
    )
    if picture is not None and Path(f"{answer}.png").exists():
        shutil.copy(f"{answer}.png", picture)
    found: dict[str, dict[str, object]] = json.loads(answer.read_text(encoding="utf-8"))
    return found


def open_in_vtk(files: list[Path]) -> dict[str, dict[str, object]]:
    """The same from VTK's own reader; of a collection the first file is read and the steps are
    counted.
    """
    vtk = importlib.import_module("vtk")
    found: dict[str, dict[str, object]] = {}
    for file in files:
        steps = (
            [item.attrib for item in ElementTree.parse(file).iter("DataSet")]
            if file.suffix == ".pvd"
            else []
        )
        reader = vtk.vtkXMLUnstructuredGridReader()
        reader.SetFileName(str(file.parent / steps[0]["file"] if steps else file))
        reader.Update()
        grid = reader.GetOutput()
        data: dict[str, object] = {
            "points": grid.GetNumberOfPoints(),
            "cells": grid.GetNumberOfCells(),
            "times": [float(step["timestep"]) for step in steps],
        }
        for arrays in (grid.GetPointData(), grid.GetCellData()):
            for i in range(arrays.GetNumberOfArrays()):
                a = arrays.GetArray(i)
                if a is not None:
                    data[a.GetName()] = [
                        list(a.GetRange(c)) for c in range(a.GetNumberOfComponents())
                    ]
        found[str(file)] = data
    return found


def solutions() -> dict[str, of.Solution | list[of.Solution]]:
    strip, bar = problem(10.0), hall_bar()
    drive = {"left": 1e-6, "right": -1e-6}
    fields = [f * bar.material.field_scale * np.array([1.0, 0.0, 0.0]) for f in (0.0, 1.0, 3.0)]
    return {
        "strip": of.solve(strip, (strip.material.field_scale, 0.0, 0.0)),
        "bar": of.solve(bar, fields[1], currents=drive),
        "sweep": [of.solve(bar, f, currents=drive) for f in fields],
    }


def inspect(picture: Path | None = None) -> list[Row]:
    paraview = shutil.which("pvbatch") is not None
    program = "ParaView" if paraview else "VTK reader"
    if not paraview and importlib.util.find_spec("vtk") is None:
        raise Skipped(
            "neither pvbatch (Debian: apt install paraview xvfb) nor Python's vtk is installed"
        )
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder, items = Path(name), solutions()
        files = [of.export_paraview(item, folder / f"{key}.vtu") for key, item in items.items()]
        found = open_in_paraview(files, folder, picture) if paraview else open_in_vtk(files)
        for (key, item), file in zip(items.items(), files, strict=True):
            data = found[str(file)]
            sol = item[0] if isinstance(item, list) else item
            scale = np.abs(sol.moment_density).max()
            ranges = np.array(data["moment_density [C/m^2]"])
            exact, top = ranges_of(sol.moment_density)
            gap = float(np.abs(ranges - exact).max() / scale)
            rows.append(
                Row(
                    CASE,
                    program,
                    f"{key}: range of n at the points, of its maximum",
                    float(ranges.max()),
                    top,
                    gap,
                    2e-2,
                )
            )  # points between vertices may lie a little outside
            names = {
                "potential [V]",
                "electric_field [V/m]",
                "current_density [A/m]",
                "moment_current_z [A/m]",
                "region",
            }
            missing = names - set(data)
            rows.append(
                Row(
                    CASE,
                    program,
                    f"{key}: arrays missing",
                    float(len(missing)),
                    0.0,
                    float(len(missing)),
                    0.0,
                )
            )
            if isinstance(item, list):
                steps = len(data["times"])  # type: ignore[arg-type]
                rows.append(
                    Row(
                        CASE,
                        program,
                        f"{key}: time steps",
                        steps,
                        len(item),
                        abs(steps - len(item)),
                        0.0,
                    )
                )
    return rows


@route("law: another program reads what was written")
def ranges_of(density: np.ndarray) -> tuple[np.ndarray, float]:
    """Least and largest of each component before it is written, (3, 2), and the largest of all."""
    found = np.array([[n.min(), n.max()] for n in density])
    return found, float(found.max())


def run(level: str = "quick") -> list[Row]:
    if level == "quick":
        raise Skipped("ParaView is opened at the full level only")
    return inspect(PICTURE)


def draw(folder: Path) -> list[Drawing]:
    """The picture that ParaView has rendered, if it has."""
    if not PICTURE.exists():
        return []
    picture = Path(shutil.move(PICTURE, folder / "paraview_hall_bar.png"))
    return [
        Drawing(
            picture, "A Hall bar as ParaView shows it: n^z in C/m^2, current from left to right."
        )
    ]
