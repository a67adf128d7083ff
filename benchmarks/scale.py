"""One curve on 1e5 and 1e6 P2 unknowns, each solver in a process of its own: time and peak
memory.
"""

from __future__ import annotations

import itertools
import json
import math
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import ohmr_fem as of
from ohmr_fem.mesh import grids
from ohmr_fem.solver.linear import AMG, Mumps, Pardiso, SuperLU
from ohmr_fem.solver.system import system_of

from .hall_bar import MATERIAL, PHIS, fields
from .table import Row

CASE = "scale"
SIZES = (100_000, 1_000_000)
SOLVERS: dict[str, Any] = {
    "SuperLU": SuperLU(symmetric=True),
    "AMG": AMG(),
    "Pardiso": Pardiso(symmetric=True),
    "Mumps": Mumps(symmetric=True),
}
LENGTHS, HEIGHTS = (
    np.array([-1400, -455, -345, 345, 455, 1400]) * 1e-9,
    np.array([-400, -200, 200, 400]) * 1e-9,
)


def bar(unknowns: int) -> of.Problem:
    """The Hall bar of meshes/hall_bar.py on a uniform grid with about that many P2 unknowns."""
    h = math.sqrt(4 * (2800 * 400 + 4 * 110 * 200) / unknowns) * 1e-9
    x, y = (
        np.concatenate(
            [
                np.linspace(a, b, math.ceil((b - a) / h), endpoint=False)
                for a, b in itertools.pairwise(ends)
            ]
            + [ends[-1:]]
        )
        for ends in (LENGTHS, HEIGHTS)
    )

    def arm(c):
        return (np.abs(c[0]) > 345e-9) & (np.abs(c[0]) < 455e-9)

    mesh = grids.tensor_grid(
        x, y, cells="triangle", keep=lambda c: (np.abs(c[1]) < 200e-9) | arm(c)
    )
    ends = {"left": lambda p: p[0] == x[0], "right": lambda p: p[0] == x[-1]}
    mesh = mesh.with_boundaries(
        ends
        | {
            f"{side}{i}": lambda p, at=at, i=i: (p[1] == at) & ((p[0] > 0) == (i == 2))
            for side, at in (("t", y[-1]), ("b", y[0]))
            for i in (1, 2)
        }
    )
    return of.Problem(mesh, MATERIAL, contacts=["left", "right", "t1", "t2", "b1", "b2"])


def measure(solver: str, unknowns: int) -> dict[str, float]:
    """Seconds of the mesh and of the matrices that are kept and of potentials and curve, peak
    memory in GiB, and F(1) for comparison.
    """
    start = time.process_time()
    prob = bar(unknowns)
    system = system_of(prob)
    for part in (system.K, *system.pencil):
        assert part.nnz
    assembled, before = (
        time.process_time(),
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    )
    found = of.spectral_measure(
        prob,
        current=("left", "right"),
        voltage=("t1", "t2"),
        fields=fields(PHIS),
        solver=SOLVERS[solver],
    )
    found.delta_R(fields(PHIS))
    done = time.process_time()
    return {
        "N": system.N,
        "assembly": assembled - start,
        "curve": done - assembled,
        "poles": len(found.rates),
        "assembled": before,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "residual": found.residual,
        "F": float(np.real(found.F())),
    }


def in_subprocess(solver: str, unknowns: int) -> dict[str, float] | str:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scale", solver, str(unknowns)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    if done.returncode:
        return (
            done.stderr.strip().splitlines()[-1]
            if done.stderr.strip()
            else f"exit code {done.returncode}"
        )
    return dict(json.loads(done.stdout))


def run() -> list[Row]:
    rows, curves, F, memory = [], {}, {}, {}
    for size in SIZES:
        for solver in SOLVERS:
            found = in_subprocess(solver, size)
            if isinstance(found, str):
                rows.append(Row(CASE, f"{solver}, {size:.0e}: {found}", float("nan")))
                continue
            curves[solver, size], F[solver, size], memory[solver, size] = (
                found["curve"],
                found["F"],
                found["memory"],
            )
            label = f"{solver}, {found['N']:,.0f} unknowns"
            rows += [
                Row(
                    CASE,
                    f"{label}: potentials and curve, s",
                    found["curve"],
                    note=f"assembly {found['assembly']:.3g} s, "
                    f"{found['poles']:.0f} poles, backward error {found['residual']:.0e}",
                ),
                Row(
                    CASE,
                    f"{label}: peak memory, GiB",
                    found["memory"],
                    8.0,
                    note=f"{found['assembled']:.2f} after assembly, of which the program itself "
                    "about 0.2; "
                    f"{8 * found['N'] * found['poles'] / 2**30:.2f} of Lanczos vectors",
                ),
            ]
    for size in SIZES:
        values = [v for (_, n), v in F.items() if n == size]
        rows.append(
            Row(
                CASE,
                f"spread of F(1) between solvers, {size:.0e}",
                (max(values) - min(values)) / abs(values[0]),
                1e-8,
            )
        )
    small, large = SIZES
    for solver in SOLVERS:
        if (solver, large) in curves:
            rows.append(
                Row(
                    CASE,
                    f"{solver}: GiB at 1e7 by the power law from 1e5 to 1e6",
                    memory[solver, large] ** 2 / memory[solver, small],
                    note=f"and {curves[solver, large] ** 2 / curves[solver, small]:,.0f} s",
                )
            )
    best = [min(v for (_, n), v in curves.items() if n == size) for size in SIZES]
    return [*rows, Row(CASE, "best curve at 1e6 in curves at 1e5", best[1] / best[0], 25.0)]


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
