"""ParaView itself opens the files: names, units and ranges as the solution has them, and a picture.

Needs pvbatch (Debian's paraview) and, without a screen, xvfb-run; skipped otherwise.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

import ohmr_fem as of

from .case import Row, Skipped
from .invariants import hall_bar
from .strip import problem

CASE = "ParaView"
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


def open_in_paraview(files: list[Path], folder: Path, picture: Path | None) -> dict[str, dict[str, object]]:
    """What pvbatch finds in the files; writes a picture of the one called bar.vtu."""
    script, answer = folder / "open.py", folder / "found.json"
    script.write_text(SCRIPT, encoding="utf-8")
    screen = ["xvfb-run", "-a", "-s", "-screen 0 1280x1024x24 +extension GLX"] if shutil.which("xvfb-run") else []
    subprocess.run([*screen, "pvbatch", str(script), str(answer), *map(str, files)], check=True, capture_output=True,
                   timeout=300)
    if picture is not None and Path(f"{answer}.png").exists():
        shutil.copy(f"{answer}.png", picture)
    found: dict[str, dict[str, object]] = json.loads(answer.read_text(encoding="utf-8"))
    return found


def solutions() -> dict[str, of.Solution | list[of.Solution]]:
    strip, bar = problem(10.0), hall_bar()
    drive = {"left": 1e-6, "right": -1e-6}
    fields = [f * bar.material.field_scale * np.array([1.0, 0.0, 0.0]) for f in (0.0, 1.0, 3.0)]
    return {"strip": of.solve(strip, (strip.material.field_scale, 0.0, 0.0)),
            "bar": of.solve(bar, fields[1], currents=drive), "sweep": [of.solve(bar, f, currents=drive) for f in fields]}


def inspect(picture: Path | None = None) -> list[Row]:
    if shutil.which("pvbatch") is None:
        raise Skipped("pvbatch is not installed (Debian: apt install paraview xvfb)")
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder, items = Path(name), solutions()
        files = [of.export_paraview(item, folder / f"{key}.vtu") for key, item in items.items()]
        found = open_in_paraview(files, folder, picture)
        for (key, item), file in zip(items.items(), files, strict=True):
            data = found[str(file)]
            sol = item[0] if isinstance(item, list) else item
            scale = np.abs(sol.moment_density).max()
            ranges = np.array(data["moment_density [C/m^2]"])
            exact = np.array([[n.min(), n.max()] for n in sol.moment_density])
            gap = float(np.abs(ranges - exact).max() / scale)
            rows.append(Row(CASE, "files", f"{key}: range of n at the points, of its maximum", float(ranges.max()),
                            float(exact.max()), gap, 2e-2))  # points between vertices may lie a little outside
            names = {"potential [V]", "electric_field [V/m]", "current_density [A/m]", "moment_current_z [A/m]", "region"}
            missing = names - set(data)
            rows.append(Row(CASE, "files", f"{key}: arrays missing", float(len(missing)), 0.0, float(len(missing)), 0.0))
            if isinstance(item, list):
                steps = len(data["times"])  # type: ignore[arg-type]
                rows.append(Row(CASE, "files", f"{key}: time steps", steps, len(item), abs(steps - len(item)), 0.0))
    return rows


def run(level: str = "quick") -> list[Row]:
    if level == "quick":
        raise Skipped("ParaView is opened at the full level only")
    return inspect(PICTURE)


def draw(folder: Path) -> None:
    """Write paraview_hall_bar.png, which ParaView has rendered."""
    if PICTURE.exists():
        shutil.move(PICTURE, folder / "paraview_hall_bar.png")
