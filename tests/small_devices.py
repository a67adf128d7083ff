"""Small devices shared by the tests of the outer rooms; built without files or mesh generators."""

from __future__ import annotations

import numpy as np
import skfem

import ohmr_fem as of

MATERIAL = {
    "sheet_conductivity": 1e-3,
    "diffusion_length": 1e-7,
    "relaxation_time": 2e-12,
    "orbital_hall_angle": 0.1,
    "inverse_mass": [1.0, 1.0, 0.25],
}


def bar(nx: int = 48, ny: int = 16, quads: bool = False) -> of.DeviceMesh:
    """A bar 1200 nm x 400 nm with contacts left, right and probes t1, t2, b1, b2 of 200 nm."""
    kind = skfem.MeshQuad1 if quads else skfem.MeshTri1
    mesh = kind.init_tensor(np.linspace(-6e-7, 6e-7, nx + 1), np.linspace(-2e-7, 2e-7, ny + 1))
    facets = mesh.boundary_facets()
    x, y = mesh.p[:, mesh.facets[:, facets]].mean(axis=1)
    on = {"left": x < -5.99e-7, "right": x > 5.99e-7}
    for name, side, centre in (
        ("t1", 1, -3e-7),
        ("t2", 1, 3e-7),
        ("b1", -1, -3e-7),
        ("b2", -1, 3e-7),
    ):
        on[name] = (side * y > 1.99e-7) & (abs(x - centre) < 1e-7)
    return of.DeviceMesh(
        mesh,
        ("x", "y"),
        {n: facets[w] for n, w in on.items()},
        {"bulk": np.arange(mesh.nelements)},
        "bar",
    )


def bar_problem(order: int = 2, quads: bool = False, **options: object) -> of.Problem:
    """The bar with six equipotential contacts and one uniform material."""
    return of.Problem(
        bar(quads=quads),
        of.Material(**MATERIAL),
        ["left", "right", "t1", "t2", "b1", "b2"],  # type: ignore
        order=order,
        **options,
    )  # type: ignore[arg-type]


def bar_solution(
    order: int = 2, quads: bool = False, field: tuple = (1.0, 0.5, 0.0)
) -> of.Solution:
    """The bar at one field with 1 uA from left to right."""
    return of.solve(bar_problem(order, quads), field, currents={"left": 1e-6, "right": -1e-6})
