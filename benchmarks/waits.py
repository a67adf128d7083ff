"""What people wait for elsewhere than in the curve: from a mesh file to the curve, a gate map, a
study. Each in seconds of the processor and in factorisations of K + s M of the Hall bar, in turns.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import Any

from scipy.sparse.linalg import splu

import ohmr_fem as of
from ohmr_fem.config.device_file import read_device
from ohmr_fem.model import from_bands
from ohmr_fem.solver.linear import SYMMETRIC
from ohmr_fem.solver.system import system_of
from ohmr_fem.study.run import run_study

from .hall_bar import CURRENT, PHIS, VOLTAGE, curve, fields, problem
from .table import Row, ratio, seconds

EXAMPLES = Path(__file__).parent.parent / "examples"
#: Points a side of the two studies, whose difference is the cost of a point.
SIDES = (10, 32)
POINTS = 10_000
STUDY = """
device = "{device}"
output = "{name}.nc"

[axes]
"material.tau" = {{start = "0.5 ps", stop = "4 ps", points = {side}}}
"material.theta" = {{start = 0.01, stop = 1.0, points = {side}}}
"""


def run() -> list[Row]:
    return [mesh_to_curve(), gate_map(), study()]


def pencil() -> Any:
    """K + s0 M of the Hall bar."""
    prob = problem()
    shift = curve(prob).projection.shift
    system = system_of(prob)
    return (system.diffusion + shift * system.relaxation[0]).tocsc()


def factorisation() -> Any:
    """A function that factorises it."""
    matrix = pencil()
    return lambda: SYMMETRIC.factorise(matrix)


def mesh_to_curve() -> Row:
    """hanle_curve of the Hall bar from its mesh file, in a warm process."""
    strong = fields(PHIS)

    def whole() -> None:
        of.hanle_curve(problem(), strong, current=CURRENT, voltage=VOLTAGE)

    matrix = pencil()
    times, cost, unit = ratio(whole, lambda: splu(matrix), 9)
    own = cost / seconds(lambda: SYMMETRIC.factorise(matrix), 9)
    note = f"{cost:.3g} s, {unit:.3g} s; {own:.3g} of the solver's own, symmetric factorisations"
    return Row("Mesh file to curve", "factorisations by scipy's splu", times, 5.0, note=note)


def gate_map() -> Row:
    """The example's 21 gates and 121 fields, no tensor known before."""
    device = read_device(EXAMPLES / "bilayer_hall_bar.toml")
    gate, measure = device.gate, device.measurements[0]
    assert gate is not None
    pairs = {"current": measure.current, "voltage": measure.voltage}

    def whole() -> None:
        from_bands._KNOWN.clear()
        of.gate_map(device.problem, gate.materials, gate.values, device.fields, **pairs)

    times, cost, unit = ratio(whole, factorisation(), 3)
    note = f"{times:.3g} factorisations of {unit:.3g} s"
    return Row("Gate map, 21 x 121", "s", cost, 4.0, note=note)


def study() -> Row:
    """Points of 181 fields that share one geometry: the slope between two sizes."""
    with tempfile.TemporaryDirectory() as folder:
        taken = [study_seconds(Path(folder), side) for side in SIDES]
    few, many = (side**2 for side in SIDES)
    each = (taken[1] - taken[0]) / (many - few)
    unit = statistics.median(seconds(factorisation(), 1) for _ in range(3))
    note = f"{1e3 * each:.3g} ms a point, {each / unit:.2g} factorisations"
    return Row("Study, 1e4 points of 181 fields", "s", POINTS * each, 15.0, note=note)


def study_seconds(folder: Path, side: int) -> float:
    name = f"side_{side}"
    path = folder / f"{name}.toml"
    path.write_text(STUDY.format(device=EXAMPLES / "hall_bar.toml", name=name, side=side))
    return seconds(lambda: run_study(path), 1)
