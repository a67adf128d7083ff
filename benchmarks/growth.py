"""Work and memory against unknowns: a curve of 1001 fields by factors and by conjugate gradients.

``python -m benchmarks growth`` fits seconds ~ N^p to each; ``python -m benchmarks.growth FIGURE``
draws them too, and more sizes may follow as numbers: ``... FIGURE 1e4 1e5 1e6``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from .scale import in_subprocess
from .table import Row

CASE = "growth"
SOLVERS = {"SuperLU": "factors (SuperLU)", "AMG": "conjugate gradients (AMG)"}
SIZES = (10_000, 30_000, 100_000, 300_000)
#: The largest problem that was asked for; what was not run is extrapolated to it.
LARGEST = 1e7
#: GiB of the program itself, before any mesh.
PROGRAM = 0.08

Measured = dict[str, list[dict[str, float]]]


def run() -> list[Row]:
    return rows(measured(SIZES))


def measured(sizes: tuple[int, ...]) -> Measured:
    """What :func:`benchmarks.scale.measure` says of each solver and size that ran."""
    found: Measured = {solver: [] for solver in SOLVERS}
    for size in sizes:
        for solver, each in found.items():
            one = in_subprocess(solver, size)
            print(solver, one, file=sys.stderr, flush=True)  # hours of work are not lost
            if not isinstance(one, str):
                each.append(one)
    return found


def power(unknowns: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """(p, c) of c N^p through the points, on logarithmic axes."""
    p, log_c = np.polyfit(np.log(unknowns), np.log(values), 1)
    return float(p), float(np.exp(log_c))


def columns(each: list[dict[str, float]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unknowns, seconds with the assembly, bytes an unknown."""
    unknowns = np.array([one["N"] for one in each])
    seconds = np.array([one["assembly"] + one["curve"] for one in each])
    memory = np.array([one["memory"] for one in each]) - PROGRAM
    return unknowns, seconds, memory * 2**30 / unknowns


def rows(found: Measured) -> list[Row]:
    out = []
    for solver, each in found.items():
        unknowns, seconds, memory = columns(each)
        large = unknowns >= 3e4  # below, the program itself is what is measured
        p, c = power(unknowns[large], seconds[large])
        label = SOLVERS[solver]
        listed = ", ".join(f"{n:.2g}: {t:.3g}" for n, t in zip(unknowns, seconds, strict=True))
        out.append(Row(CASE, f"{label}: exponent of seconds", p, note=f"s at N = {listed}"))
        stored = ", ".join(f"{n:.2g}: {m:,.0f}" for n, m in zip(unknowns, memory, strict=True))
        out.append(
            Row(
                CASE,
                f"{label}: s at {LARGEST:.0e} by that law",
                c * LARGEST**p,
                note=f"the largest run is N = {unknowns[-1]:.2g}",
            )
        )
        out.append(
            Row(
                CASE,
                f"{label}: GiB at {LARGEST:.0e}, memory in proportion",
                memory[-1] * LARGEST / 2**30,
                note=f"bytes an unknown at N = {stored}",
            )
        )
    return out


def figure(found: Measured, path: Path) -> None:
    import matplotlib.pyplot as plt

    drawn, (work, store) = plt.subplots(1, 2, figsize=(9.0, 3.6), layout="constrained")
    for solver, each in found.items():
        unknowns, seconds, memory = columns(each)
        large = unknowns >= 3e4
        p, c = power(unknowns[large], seconds[large])
        (line,) = work.loglog(unknowns, seconds, "o", label=f"{SOLVERS[solver]}: $N^{{{p:.2f}}}$")
        reach = np.geomspace(unknowns[large][0], LARGEST)
        work.loglog(reach, c * reach**p, "--", color=line.get_color(), linewidth=0.8)
        store.semilogx(unknowns, memory / 1e3, "o-", color=line.get_color(), label=SOLVERS[solver])
    work.set(xlabel="unknowns N", ylabel="seconds of one thread", title="work of one curve")
    store.set(xlabel="unknowns N", ylabel="kB an unknown", title="peak memory", ylim=0.0)
    store.set_xlim(work.get_xlim())
    work.legend()
    drawn.savefig(path, dpi=130)


if __name__ == "__main__":
    sizes = tuple(int(float(size)) for size in sys.argv[2:]) or SIZES
    results = measured(sizes)
    figure(results, Path(sys.argv[1]))
    for row in rows(results):
        print(*row.cells(), sep=" | ")
