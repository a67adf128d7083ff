"""Cost and honesty of solve_to: unknowns, time, true error, error bar and effectivity; and a plot
against uniform meshes.

    python -m benchmarks.adaptivity [--finest 1e-6] [--out results/adaptivity] [--only hall_bar]

Unknowns are those of one scalar field at order P, which gives the value, and at order P + 1, which
gives the error bar. The time runs from the geometry to the answer. Set OMP_NUM_THREADS for the
number of cores.
"""

from __future__ import annotations

import argparse
import gc
import time
import warnings
from pathlib import Path

import numpy as np

import ohmr_fem as of
from ohmr_fem.mesh.grids import tensor_grid
from validation.adaptivity import DEVICES, Device, hall_bar, truth
from validation.case import simple_material

TOLERANCES = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
CASES = [("hall_bar", w) for w in (0.3, 3.0, 30.0, 300.0)] + [
    (name, w) for name in ("flake", "half_annulus", "nonlocal_strip") for w in (0.3, 3.0, 30.0)
]
HEADER = (
    "| device | W/L_m | P | tolerance | unknowns P | P + 1 | rounds | s | true error | error bar | "
    "effectivity |",
    "|---|---|---|---|---|---|---|---|---|---|---|",
)


def line(
    name: str, width: float, order: int, tolerance: float, oblique: bool = False
) -> tuple[str, bool]:
    """One row of the table, and whether the tolerance was reached."""
    start = time.perf_counter()
    device = hall_bar(width, order, "gmsh", 0.3) if oblique else DEVICES[name](width, order)
    found = device.solve(tolerance, budget=400_000)
    seconds, right = time.perf_counter() - start, truth(name, width, device)
    last, wrong = found.history[-1], abs(float(found) - right)
    label = "hall_bar, oblique, triangles" if oblique else name
    return (
        f"| {label} | {width:g} | {order} | {tolerance:g} | {found.unknowns} | "
        f"{last.unknowns_estimate} "
        f"| {len(found.history)} | {seconds:.1f} | {wrong / abs(right):.1e} | "
        f"{found.error / abs(right):.1e} "
        f"| {found.error / wrong:.2f} |"
    ), found.converged


def uniform_bar(width: float, order: int, times: int) -> Device:
    """The Hall bar on squares of W/8, halved ``times`` times."""
    shape = of.geometry.hall_bar(7 * width, width)
    x, y = np.linspace(-3.5, 3.5, 57) * width, np.linspace(-1.0, 1.0, 17) * width
    grid = tensor_grid(x, y, keep=lambda p: shape.contains(p.T))
    half = width / 8
    grid = grid.with_boundaries(
        {
            "left": lambda p: abs(p[0] - x[0]) < 1e-9,
            "right": lambda p: abs(p[0] - x[-1]) < 1e-9,
            **{
                f"{side}{i}": lambda p, s=sign, at=at: (
                    (abs(p[1] - s * width) < 1e-9) & (abs(p[0] - at) < half)
                )
                for side, sign in (("t", 1), ("b", -1))
                for i, at in ((1, -width), (2, width))
            },
        }
    )
    problem = of.Problem(
        grid.refined(times),
        simple_material(),
        ["left", "right", "t1", "t2", "b1", "b2"],
        order=order,
    )
    return Device(problem, ("left", "right"), ("t1", "t2"))


def curves(width: float = 3.0, finest: float = 1e-6) -> dict[str, np.ndarray]:
    """{label: (2, n) unknowns and relative error} of the Hall bar: adaptive lines, adaptive
    triangles, uniform.
    """
    right = truth("hall_bar", width, hall_bar(width, 2))
    out = {}
    for order in (2, 3):
        for label, backend in (("lines inserted", "auto"), ("triangles refined", "gmsh")):
            history = hall_bar(width, order, backend).solve(finest).history
            out[f"P{order}, {label}"] = np.array(
                [(r.unknowns, abs(r.value / right - 1)) for r in history]
            ).T
        uniform = [uniform_bar(width, order, k) for k in range(4 if order == 2 else 3)]
        found = [(d.solve(10.0).history[0]) for d in uniform]
        out[f"P{order}, uniform"] = np.array(
            [(r.unknowns, abs(r.value / right - 1)) for r in found]
        ).T
        gc.collect()
    return out


def draw(found: dict[str, np.ndarray], path: Path) -> None:
    """Error against unknowns, with the rates of a smooth problem and of a corner of 270 degrees on
    a uniform mesh.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
    for label, (n, error) in found.items():
        style = ":" if "uniform" in label else "--" if "triangles" in label else "-"
        axes.loglog(
            n,
            error,
            "o" + style,
            color="C0" if label.startswith("P2") else "C3",
            markersize=4,
            label=label,
        )
    n = np.array([3e3, 6e4])
    for power, start, text in (
        (-2 / 3, 2e-3, r"$N^{-2/3}$"),
        (-2.0, 2e-4, r"$N^{-2}$"),
        (-3.0, 2e-5, r"$N^{-3}$"),
    ):
        axes.loglog(n, start * (n / n[0]) ** power, color="0.7", linewidth=0.8)
        axes.annotate(text, (n[1], start * (n[1] / n[0]) ** power), color="0.4")
    axes.set(
        xlabel="unknowns of one scalar field",
        ylabel="relative error of delta_R",
        ylim=(1e-8, 1e-1),
        title="Hall bar, W = 3 L_m, sharp corners",
    )
    axes.legend(fontsize="small")
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.adaptivity", description=__doc__)
    parser.add_argument("--finest", type=float, default=1e-6)
    parser.add_argument("--out", type=Path, default=Path("results/adaptivity"))
    parser.add_argument("--only", default="", help="devices whose name contains this")
    parser.add_argument(
        "--widths", type=float, nargs="*", default=(0.3, 3.0, 30.0, 300.0), help="W/L_m"
    )
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    lines = list(HEADER)
    print("\n".join(lines), flush=True)
    cases = [(name, width, False) for name, width in CASES] + [("hall_bar", 300.0, True)]
    for name, width, oblique in cases:
        if (
            options.only not in ("oblique " if oblique else "") + name
            or width not in options.widths
        ):
            continue
        for order in (2, 3):
            for tolerance in (t for t in TOLERANCES if t >= 0.999 * options.finest):
                text, reached = line(name, width, order, tolerance, oblique)
                lines.append(text)
                print(text, flush=True)
                gc.collect()
                if not reached:
                    break
    (options.out / "table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    if options.only == "":
        draw(curves(finest=options.finest), options.out / "error_against_unknowns.png")


if __name__ == "__main__":
    main()
