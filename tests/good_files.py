"""Good files of the kinds that the package writes, or that are described rather than kept."""

from __future__ import annotations

import functools
import json
import tempfile
import warnings
from pathlib import Path

import numpy as np

import ohmr_fem as of
from ohmr_fem.dynamics.evolution import Checkpoint, Position
from ohmr_fem.output.store import save
from tests.fitting.test_read_data import ENCODINGS, FILES
from tests.small_devices import bar, bar_problem, bar_solution

SECTION = """
[cross_section]
width = "20 nm"
cells = 16
[material]
sheet_conductivity = 1e-3
diffusion_length = "2 nm"
relaxation_time = "2 ps"
orbital_hall_angle = 0.016
inverse_mass = [1, 1, 0.25]
[sweep]
start = -20
stop = 20
points = 3
[output]
figures = []
paraview = false
"""
MEASURE = """
[contacts]
left = "equipotential"
right = {kind = "equipotential", moment = "absorbing"}
[[measure]]
current = ["left", "right"]
voltage = ["left", "right"]
"""
MATERIAL = """
[material]
sheet_conductivity = "1 mS"
diffusion_length = "400 nm"
relaxation_time = "2 ps"
orbital_hall_angle = 0.1
inverse_mass = [[1, 0, 0.1], [0, 1, 0], [0.1, 0, 0.25]]
mobility = "1000 cm**2/(V s)"
"""
SHAPE = f"""{MEASURE}{MATERIAL}
[geometry]
shape = "hall_bar"
width = "1 um"
length = "4 um"
[edges]
t1 = "absorbing"
[solve]
order = 2
detection = "reciprocal"
[sweep]
strength = "2 T"
angles = {{plane = "xz", start = 0, stop = 90, points = 3}}
[output]
figures = []
"""
PLATE = f"""{MEASURE}{MATERIAL}
[mesh]
file = "bar.msh"
unit = "m"
[film]
thickness = "10 nm"
bottom = "reflecting"
[sweep]
start = "-2 T"
stop = "2 T"
points = 3
direction = [1, 0.2, 0]
"""
STUDY = """
device = "section.toml"
output = "study.nc"
[axes]
"cross_section.width" = ["10 nm", "20 nm"]
temperature = [4, 77]
[tables]
temperature = "t.csv"
[limits]
disk = "100 MB"
memory = "1 GB"
"""
TAUS = "temperature [K],material.relaxation_time [ps]\n1,2\n100,1\n"
HOPPINGS = """
[model]
kind = "hoppings"
lattice = [[3, 0], [0, 3]]
positions = [[0, 0, 0], [0, 0, 4]]
hoppings = [[0, 0, [1, 0], -0.5], [0, 0, [0, 1], -0.5], [0, 1, [0, 0], [-0.2, 0.1]]]
filling = 0
[tensor]
density = ["1e12 cm**-2", "3e12 cm**-2"]
spin = 2
counting = "all"
mesh = 12
[output]
figures = []
"""
GRAPHENE = """
[model]
kind = "bilayer_graphene"
displacement = "0.1 eV"
[tensor]
mu = {start = -0.1, stop = 0.1, points = 3}
temperature = "300 K"
definition = "commutator"
mesh = 12
"""
TEXTS = {
    "section.toml": SECTION,
    "shape.toml": SHAPE,
    "plate.toml": PLATE,
    "study.toml": STUDY,
    "t.csv": TAUS,
    "hoppings.toml": HOPPINGS,
    "graphene.toml": GRAPHENE,
}
#: One checkpoint is read as this run.
RUN = "0" * 64


@functools.cache
def folder() -> Path:
    """Where the good files are; it goes when this process ends."""
    _KEPT.append(tempfile.TemporaryDirectory(prefix="ohmr-good-"))
    place = Path(_KEPT[-1].name)
    for name, text in TEXTS.items():
        (place / name).write_text(text)
    for i, (kind, (text, _)) in enumerate(FILES.items()):
        (place / f"data{i}.csv").write_bytes(text.encode(ENCODINGS.get(kind, "utf-8")))
    of.write_mesh(bar(12, 4), place / "bar.msh")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _saved(place)
        _checkpoint(place / "run.npz")
    record = {"ohmr_fem": "1", "files": ["fit.txt"], "earlier": [], "inputs": {"a": "b"}}
    (place / "fit.json").write_text(json.dumps(record))
    return place


_KEPT: list[tempfile.TemporaryDirectory[str]] = []


def data_options(path: Path) -> dict[str, object]:
    """How the data file of this name is read."""
    _, options = list(FILES.values())[int(path.stem.removeprefix("data"))]
    return options


def _saved(place: Path) -> None:
    """What save, export_paraview, SpectralMeasure.save and a study write."""
    solution = bar_solution(order=1)
    save(solution, place / "solution.npz")
    of.export_paraview(solution, place / "own.vtu")
    of.export_paraview(bar_solution(order=2), place / "own_curved.vtu")
    problem = bar_problem(order=1)
    pair = {"current": ("left", "right"), "voltage": ("t1", "t2")}
    curve = of.hanle_curve(problem, np.array([[0, 0, 0], [1, 0, 0.0]]), **pair)
    save(curve, place / "curve.npz")
    of.spectral_measure(problem, **pair).save(place / "measure.json")
    of.run_study(place / "study.toml")
    save(_series(), place / "series.json")


def _series() -> of.GlobalFit:
    """Two films, one of a thickness known by half a per cent."""
    fields = of.field_sweep(-9.0, 9.0, 5, "x")
    names = ("relaxation_time", "orbital_hall_angle", "inverse_mass", "diffusion_length")
    film = of.Material(**dict(zip(names, ("2 ps", 0.1, 1.0, "5 nm"), strict=True)))
    samples = []
    for thickness, known in ((5e-9, {}), (15e-9, {"thickness": (15e-9, 75e-12)})):
        problem = of.Problem(of.cross_section(thickness, "z"), film)
        curve = of.Measured(fields, of.spectral_measure(problem).rho(fields), "ratio", 1e-6)
        samples.append(of.Sample(problem, curve, f"t{1e9 * thickness:g}", known=known))
    return of.global_fit(samples)


def _checkpoint(path: Path) -> None:
    at = Position(np.ones(4), 0, 1, 2, 0.5, np.ones(2), 3, 4)
    Checkpoint(path, RUN, 0).save(at, [1.0, 2.0], None)
