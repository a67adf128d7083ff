"""Regions with different tensors and an absorbing contact: a thousand fields from a few
factorisations.
"""

from __future__ import annotations

from unittest import mock

import numpy as np

import ohmr_fem as of
from ohmr_fem.solver.resistance import Measurement
from ohmr_fem.sweep.reduced import reduced_sweep

from .hall_bar import ALPHA, COUNT, CURRENT, LENGTH, MESH, TOP, VOLTAGE
from .table import Row, seconds

CASE = "general path"
TOLERANCE, HELD_OUT = 1e-6, 12


def problem(coupling: str = "linear") -> of.Problem:
    """The Hall bar in three regions across its length, each with its own full X; one current
    contact absorbs.
    """
    mesh = of.read_mesh(MESH, unit="nm").with_regions(
        {
            "west": lambda x: x[0] < -4e-7,
            "middle": lambda x: abs(x[0]) <= 4e-7,
            "east": lambda x: x[0] > 4e-7,
        }
    )
    rng = np.random.default_rng(7)
    materials = {}
    for i, region in enumerate(("west", "middle", "east")):
        root = rng.normal(size=(3, 3))
        materials[region] = of.Material(
            sheet_conductivity=(1.0 + 0.3 * i) * 1e-3,
            diffusion_length=(1.0 + 0.2 * i) * LENGTH,
            relaxation_time=2e-12,
            orbital_hall_angle=ALPHA * (-1.0) ** i,
            inverse_mass=24.4 * (root @ root.T / 3.0 + 0.2 * np.eye(3)),
        )
    contacts = {
        CURRENT[0]: of.Contact("profile", moment="absorbing"),
        CURRENT[1]: of.Contact("profile"),
    }
    return of.Problem(
        mesh,
        materials,
        contacts | {name: of.Contact("probe") for name in VOLTAGE},
        coupling=coupling,
    )


def sweeps(prob: of.Problem) -> dict[str, np.ndarray]:
    """1001 fields each (n, 3): along a line, round a circle, and all over a ball."""
    top = TOP * max(m.field_scale for m in prob.materials.values())
    rng = np.random.default_rng(8)
    return {
        "along (1, 0.5, 0.2)": of.field_sweep(-top, top, COUNT, (1.0, 0.5, 0.2)),
        "turned in the plane": of.field_rotation(0.1 * top, COUNT, "xy"),
        "any direction, |B| below a tenth": 0.1
        * top
        * rng.uniform(-1.0, 1.0, (COUNT, 3))
        / np.sqrt(3.0),
    }


def direct(measurement: Measurement, fields: np.ndarray) -> np.ndarray:
    """Changes by one factorisation for each field; their stability was decided by the sweep."""
    with mock.patch("ohmr_fem.solver.solve.check_stability"):
        return np.array([change for change, _, _ in measurement.sweep(fields)])


def run() -> list[Row]:
    rows = []
    for coupling in ("linear", "full"):
        prob = problem(coupling)
        measurement = Measurement.of(prob, CURRENT, VOLTAGE)
        for name, fields in sweeps(prob).items():
            if coupling == "full" and not name.startswith("along"):
                continue
            found = reduced_sweep(measurement, fields, TOLERANCE)
            unused = np.random.default_rng(9).choice(COUNT, HELD_OUT, replace=False)
            exact = direct(measurement, fields[unused])
            error, size = np.abs(found.change[unused] - exact), np.abs(exact).max()
            least = float((found.estimate[unused] / np.maximum(error, 1e-13 * size)).min())
            what = f"{coupling} coupling, {COUNT} fields {name}"
            rows += [
                Row(
                    CASE,
                    f"{what}: factorisations",
                    found.factorisations,
                    20,
                    note=f"{found.size} vectors",
                ),
                Row(
                    CASE,
                    f"{what}: error at {HELD_OUT} held-out fields",
                    float(error.max() / size),
                    TOLERANCE,
                ),
                Row(CASE, f"{what}: least estimate over error there", least, at_least=1.0),
            ]
    prob = problem()
    measurement, line = Measurement.of(prob, CURRENT, VOLTAGE), sweeps(prob)["along (1, 0.5, 0.2)"]
    whole = seconds(lambda: reduced_sweep(measurement, line, TOLERANCE), 1)
    one = seconds(lambda: direct(measurement, line[:3]), 1) / 3.0
    return [
        *rows,
        Row(
            CASE,
            f"{COUNT} fields in direct solves",
            whole / one,
            note=f"{whole:.3g} s with the search for instabilities, {one:.3g} s a field without",
        ),
    ]
