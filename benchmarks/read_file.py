"""A large file of an instrument: ``of.read_data`` beside ``numpy.loadtxt`` on the same file."""

from __future__ import annotations

import resource
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import ohmr_fem as of

from .table import Row

CASE = "read_file"
ROWS = 1_000_000
#: Third column of each kind of file.
KINDS = ("t [s]", "R_err [ohm]", "T [K]")


def write(path: Path, third: str) -> None:
    """Twenty sweeps up and down with three columns."""
    rng = np.random.default_rng(0)
    B = 9.0 * (2.0 / np.pi) * np.arcsin(np.sin(np.linspace(0.0, 20.0 * np.pi, ROWS)))
    R = 100.0 + 0.01 * B**2 + 1e-4 * rng.standard_normal(ROWS)
    column = {
        "t [s]": 0.1 * np.arange(ROWS),
        "R_err [ohm]": np.full(ROWS, 1e-4),
        "T [K]": 10.0 + 0.002 * rng.standard_normal(ROWS),
    }[third]
    table = np.column_stack([B, R, column])
    heading = f"B [T],R [ohm],{third}"
    np.savetxt(path, table, delimiter=",", header=heading, comments="", fmt="%.9g")


def seconds(call: Callable[[], Any]) -> float:
    """Processor time of the quickest of three calls."""
    times = []
    for _ in range(3):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)


def run() -> list[Row]:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.csv"
        for third in KINDS:
            write(path, third)
            plain = seconds(lambda: np.loadtxt(path, delimiter=",", skiprows=1))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ours = seconds(lambda: of.read_data(path, direction="x"))
            quantity = f"read_data, 1e6 rows of B, R and {third.split()[0]} (s)"
            note = f"2 x numpy.loadtxt, {plain:.2f} s, + 1 s"
            rows.append(Row(CASE, quantity, ours, 2.0 * plain + 1.0, note=note))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    rows.append(Row(CASE, "memory of all of it (MB)", most, 1000.0))
    return rows
