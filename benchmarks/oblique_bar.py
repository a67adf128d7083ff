"""Unknowns for delta_R_xx of an oblique Hall bar at W/L_m = 300, with and without boundary-layer
cells.

    python -m benchmarks.oblique_bar        (needs gmsh; about a minute)

The bar is 7 W long and sheared, so that no tensor grid fits it. The error is against P4 on
equilateral cells with finer corners, which shares neither the layers nor the order. Unknowns are
potential and three moments.
"""

from __future__ import annotations

import time
from unittest import mock

import ohmr_fem as of
from ohmr_fem import geometry as g
from ohmr_fem.mesh import generate_gmsh as mesh_gmsh
from ohmr_fem.solver.system import system_of

LENGTH = 1.0 / 300
#: order, cells per diffusion length, growth, boundary layers
ROWS = [
    (3, 1.0, 1.6, False),
    (3, 1.0, 1.6, True),
    (3, 1.0, 2.2, True),
    (2, 2.0, 1.6, True),
    (2, 1.0, 1.6, True),
]
REFERENCE = (4, 0.5, 1.6, False)


def device() -> g.Geometry:
    bar = g.hall_bar(7, 1)
    contacts = {name: [piece.edge for piece in pieces] for name, pieces in bar.contacts.items()}
    return g.polygon_device(
        [(x + 0.25 * y, y + 0.03 * x) for x, y in bar.outline.points], contacts=contacts
    )


def measure(
    order: int, per_length: float, growth: float, layers: bool, corner: float = 2e-3
) -> tuple[float, int, float]:
    """delta_R_xx in ohm, unknowns, seconds from geometry to answer."""
    start = time.perf_counter()
    with mock.patch.object(mesh_gmsh, "strips", mesh_gmsh.strips if layers else lambda *_: {}):
        mesh = of.mesh_device(
            device(),
            LENGTH,
            cells_per_length=per_length,
            growth=growth,
            corner=corner,
            backend="gmsh",
        )
    material = of.Material(
        sheet_conductivity=1e-3,
        diffusion_length=LENGTH,
        relaxation_time=2e-12,
        orbital_hall_angle=0.1,
        inverse_mass=1.0,
    )
    problem = of.Problem(mesh, material, ["left", "right", "t1", "t2", "b1", "b2"], order=order)
    found = of.spectral_measure(problem, current=("left", "right"), voltage=("t1", "t2"))
    return (
        float(found.delta_R((0.0, 0.0, 0.0))),
        4 * system_of(problem).N,
        time.perf_counter() - start,
    )


if __name__ == "__main__":
    exact, unknowns, seconds = measure(*REFERENCE, corner=1e-3)
    print(
        "| order | cells per L_m | growth | layers | unknowns | s | relative error "
        "|\n|---|---|---|---|---|---|---|"
    )
    print(
        "| " + " | ".join(map(str, REFERENCE)) + f" | {unknowns} | {seconds:.1f} | reference |",
        flush=True,
    )
    for row in ROWS:
        value, unknowns, seconds = measure(*row)
        print(
            "| "
            + " | ".join(map(str, row))
            + f" | {unknowns} | {seconds:.1f} | {abs(value / exact - 1):.1e} |",
            flush=True,
        )
