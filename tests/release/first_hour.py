"""A stranger's first hour: install, an example, an own GDS mask, own data, a report.

    python tests/release/first_hour.py [FOLDER] [EXTRAS]

Builds the wheel of this checkout, installs it into a fresh environment in FOLDER (a temporary one
unless given) with EXTRAS ("layout,netgen,fit"), and goes on outside the checkout with what the
environment has. Needs what pip needs; minutes. Not a test: the tests run the same steps piece by
piece.
"""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: What the stranger writes: a mask of an own Hall bar, and two curves measured on it.
MASK = """
import gdstk
cell = gdstk.Cell("BAR")
cell.add(gdstk.rectangle((-1.5, -0.2), (1.5, 0.2), layer=1))
for x in (-0.75, 0.75):
    for side in (1, -1):
        cell.add(gdstk.rectangle((x - 0.1, side * 0.2), (x + 0.1, side * 0.6), layer=1))
contacts = {"left": (-1.5, 0.0), "right": (1.5, 0.0), "t1": (-0.75, 0.6), "t2": (0.75, 0.6)}
for name, (x, y) in contacts.items():
    wide, high = (0.02, 0.3) if y == 0.0 else (0.15, 0.02)
    cell.add(gdstk.rectangle((x - wide, y - high), (x + wide, y + high), layer=10))
    cell.add(gdstk.Label(name, (x, y), layer=63))
library = gdstk.Library("lab")
library.add(cell)
library.write_gds("bar.gds")
"""
DEVICE = """
import numpy as np
import ohmr_fem as of
device = of.geometry.from_gds("bar.gds", regions={"film": 1}, contacts=10, labels=63, cell="BAR")
print(device)
mesh = of.mesh_device(device, resolve="60 nm")
of.write_mesh(mesh, "bar.msh", unit="nm")
material = of.Material(sheet_conductivity="1 mS", diffusion_length="100 nm", relaxation_time="2 ps",
                       orbital_hall_angle=0.1, inverse_mass=[24.4, 24.4, 6.1])
problem = of.Problem(mesh, material, list(device.contacts))
fields = of.field_sweep("-2 T", "2 T", 41)
curve = of.hanle_curve(problem, fields, current=("left", "right"), voltage=("t1", "t2"))
noise = 0.01 * np.ptp(curve.hanle) * np.random.default_rng(1).standard_normal(len(fields))
table = np.column_stack([1e3 * fields[:, 0], curve.R_ohmic + curve.delta_R + noise])
np.savetxt("mine.csv", table, delimiter=",", header="Bx [mT],R [ohm]", comments="", fmt="%.9g")
"""
TOML = """
[mesh]
file = "bar.msh"
unit = "nm"
[material]
sheet_conductivity = "1 mS"
diffusion_length = "80 nm"
relaxation_time = "1.5 ps"
orbital_hall_angle = 0.12
inverse_mass = [24.4, 24.4, 6.1]
[contacts]
left = "equipotential"
right = "equipotential"
t1 = "equipotential"
t2 = "equipotential"
[[measure]]
current = ["left", "right"]
voltage = ["t1", "t2"]
[sweep]
start = "-2 T"
stop = "2 T"
points = 41
direction = "x"
"""


def said(text: str, start: float) -> None:
    print(f"[{time.perf_counter() - start:6.1f} s] {text}", flush=True)


def run(*command: str, at: Path) -> str:
    done = subprocess.run(command, cwd=at, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)[:200]}\n{done.stdout[-1500:]}\n{done.stderr[-3000:]}")
    return done.stdout


def main(folder: Path, extras: str) -> None:
    start = time.perf_counter()
    dist, home = folder / "dist", folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    quiet = ("--quiet", "--disable-pip-version-check")
    pip = (sys.executable, "-m", "pip", "wheel", *quiet, "--no-deps", "--no-build-isolation")
    run(*pip, "--wheel-dir", str(dist), str(ROOT), at=folder)
    (wheel,) = dist.glob("*.whl")
    said(f"built {wheel.name}", start)
    venv.create(folder / "env", with_pip=True)
    python = str(folder / "env/bin/python")
    program = str(folder / "env/bin/ohmr-fem")
    run(python, "-m", "pip", "install", *quiet, f"{wheel}[{extras}]", at=home)
    said(run(program, "--version", at=home).strip(), start)
    run(program, "examples", "film_bar.toml", "--out", "copied", at=home)
    (device,) = (home / "copied").rglob("film_bar.toml")
    run(program, "run", str(device), "--out", "example", at=home)
    said(f"example: {(home / 'example/report.html').stat().st_size} bytes of report", start)
    run(python, "-c", MASK, at=home)
    said("mask drawn: bar.gds", start)
    said(run(python, "-c", DEVICE, at=home).strip().splitlines()[-1][:90], start)
    with (home / "mine.csv").open() as file:
        said(f"own data: {len(list(csv.reader(file))) - 1} rows", start)
    (home / "bar.toml").write_text(TOML, encoding="utf-8")
    run(program, "run", "bar.toml", "--out", "device", at=home)
    fitted = run(program, "fit", "mine.csv", "bar.toml", "--out", "fit", at=home)
    said("fit: " + " ".join(line for line in fitted.splitlines() if "alpha" in line)[:90], start)
    reports = sorted(str(p.relative_to(home)) for p in home.rglob("report.html"))
    said(f"reports: {', '.join(reports)}", start)
    if len(reports) < 2:
        sys.exit("a report is missing")


if __name__ == "__main__":
    extras = sys.argv[2] if len(sys.argv) > 2 else "layout,netgen,fit"
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]).resolve(), extras)
    else:
        with tempfile.TemporaryDirectory() as name:
            main(Path(name), extras)
