"""What a loop over new problems leaves behind: the resident size while eighteen devices are solved.

Nothing collects garbage by hand here: factors must go with their problem.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import ohmr_fem as of

from .hall_bar import CURRENT, problem
from .table import Row

COUNT, FIRST, LAST = 18, 3, 5
#: Largest growth in MB between the first and the last solutions.
ALLOWED = 60.0
MEGABYTE = 1e6


def resident() -> float:
    """Resident size of this process, MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE


def growth() -> tuple[float, list[float]]:
    """Least size after the last solutions less that after the first, MB, and all sizes."""
    device = problem()
    currents = dict(zip(CURRENT, (1e-6, -1e-6), strict=True))
    sizes = []
    for _ in range(COUNT):
        bar = replace(device)
        solution = of.solve(bar, (0.1, 0.0, 0.0), currents)  # kept until the next one, as users do
        sizes.append(resident())
    assert solution.problem is bar
    return min(sizes[-LAST:]) - min(sizes[:FIRST]), sizes


def run() -> list[Row]:
    found, sizes = growth()
    what = f"growth of the resident size over {COUNT} solutions of new problems, MB"
    note = f"largest {max(sizes):.0f} MB"
    return [Row("Memory", what, found, at_most=ALLOWED, note=note)]
