"""NGSolve as a second program: the same devices, equations and mesh, written down a second time,
solved monolithically.

Both programs use second-order elements on one mesh, so the discrete problems are the same and the
resistances must agree to round-off.  The Hall bar has uniform current injection at its ends, the
flake two materials and a hole; voltages are means over the contact edges.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np

import ohmr_fem as of
from ohmr_fem.mesh.device_mesh import DeviceMesh
from ohmr_fem.units import ELECTRON_MASS, ELEMENTARY_CHARGE

from .case import Row, Skipped
from .independence import route

CASE = "second program"
ROUTES = {
    "": ("finite elements", "NGSolve"),
}
MESHES = Path(__file__).parent.parent / "meshes"
LENGTH, TAU = 1e-7, 2e-12
X = np.array([[1.0, 0.3, 0.0], [0.3, 0.7, 0.0], [0.0, 0.0, 0.4]])
Y = np.array([[0.5, -0.2, 0.1], [-0.2, 1.1, 0.3], [0.1, 0.3, 0.9]])


def material(
    sigma: float, length: float, alpha: float, back: float, tensor: np.ndarray
) -> of.Material:
    return of.Material(
        sheet_conductivity=sigma,
        diffusion_length=length,
        relaxation_time=TAU,
        orbital_hall_angle=alpha,
        inverse_orbital_hall_angle=back,
        inverse_mass=tensor,
    )


ONE = material(1e-3, LENGTH, 0.3, 0.2, X)
TWO = material(2e-3, 0.6 * LENGTH, -0.2, 0.35, Y)


def ngsolve_mesh(mesh: DeviceMesh, scale: float) -> object:
    """The triangles, regions and named edges of a DeviceMesh, coordinates divided by ``scale``."""
    meshing = importlib.import_module("netgen.meshing")
    ngsolve = importlib.import_module("ngsolve")
    out = meshing.Mesh(dim=2)
    points = [
        out.Add(meshing.MeshPoint(meshing.Pnt(x / scale, y / scale, 0.0))) for x, y in mesh.mesh.p.T
    ]
    for number, name in enumerate(mesh.regions, 1):
        out.AddRegion(name, dim=2)
        for cell in mesh.mesh.t[:, mesh.regions[name]].T:
            (x0, y0), (x1, y1), (x2, y2) = mesh.mesh.p[:, cell].T
            turned = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0) < 0
            corners = cell[[0, 2, 1]] if turned else cell
            out.Add(meshing.Element2D(number, [points[i] for i in corners]))
    names = {int(f): name for name, facets in mesh.boundaries.items() for f in facets}
    numbers = {name: out.AddRegion(name, dim=1) for name in [*mesh.boundaries, "wall"]}
    for facet in mesh.mesh.boundary_facets():
        a, b = mesh.mesh.facets[:, facet]
        out.Add(
            meshing.Element1D([points[a], points[b]], index=numbers[names.get(int(facet), "wall")])
        )
    return ngsolve.Mesh(out)


@route("NGSolve")
def ngsolve_resistance(
    mesh: DeviceMesh,
    materials: dict[str, of.Material],
    field: np.ndarray,
    current: tuple[str, str],
    voltage: tuple[str, str],
) -> float:
    """R from a monolithic four-field solve, lengths in LENGTH, conductivities in S, D in m^2/s over
    LENGTH^2/TAU.
    """
    ng = importlib.import_module("ngsolve")
    grid = ngsolve_mesh(mesh, LENGTH)

    def by_region(value):
        return grid.MaterialCF({r: value(m) for r, m in materials.items()})

    sigma, alpha = (
        by_region(lambda m: m.sheet_conductivity),
        by_region(lambda m: m.orbital_hall_angle),
    )
    back = by_region(lambda m: m.inverse_orbital_hall_angle)
    D = by_region(lambda m: m.diffusion_constant * TAU / LENGTH**2)
    rate = by_region(lambda m: TAU / m.relaxation_time)
    bx = np.array([[0, -field[2], field[1]], [field[2], 0, -field[0]], [-field[1], field[0], 0]])
    half = 0.5 * ELEMENTARY_CHARGE * TAU / ELECTRON_MASS
    one = ng.H1(grid, order=2)
    space = ng.FESpace([one, one, one, one, ng.NumberSpace(grid)])
    V, *n, level = space.TrialFunction()
    psi, *w, test = space.TestFunction()
    form = ng.BilinearForm(space)
    integrand = sigma * ng.grad(V) * ng.grad(psi) + level * psi + test * V
    integrand += (
        back * D * (ng.grad(n[2])[0] * ng.grad(psi)[1] - ng.grad(n[2])[1] * ng.grad(psi)[0])
    )
    integrand += (
        alpha * sigma * (ng.grad(V)[0] * ng.grad(w[2])[1] - ng.grad(V)[1] * ng.grad(w[2])[0])
    )
    for a in range(3):
        integrand += D * ng.grad(n[a]) * ng.grad(w[a]) + rate * n[a] * w[a]
        for d in range(3):
            T = by_region(
                lambda m, a=a, d=d: float(
                    half * m.g_factor * (bx @ np.asarray(m.inverse_mass))[a, d]
                )
            )
            integrand += T * n[d] * w[a]
    form += integrand * ng.dx
    load = ng.LinearForm(space)
    for name, sign in zip(current, (1.0, -1.0), strict=True):
        size = ng.Integrate(ng.CF(1.0), grid.Boundaries(name))
        load += sign / size * psi * ng.ds(definedon=grid.Boundaries(name))
    form.Assemble()
    load.Assemble()
    found = ng.GridFunction(space)
    inverse = form.mat.Inverse(space.FreeDofs(), inverse="umfpack")
    found.vec.data = inverse * load.vec
    left = load.vec.CreateVector()
    for _ in range(2):
        left.data = load.vec - form.mat * found.vec
        found.vec.data += inverse * left
    potential = found.components[0]
    means = [
        ng.Integrate(potential, grid.Boundaries(name))
        / ng.Integrate(ng.CF(1.0), grid.Boundaries(name))
        for name in voltage
    ]
    return float(means[0] - means[1])


def compare(
    label: str,
    mesh: DeviceMesh,
    materials: dict[str, of.Material],
    field: np.ndarray,
    current: tuple[str, str],
    voltage: tuple[str, str],
) -> Row:
    contacts = {name: of.Contact("profile") for name in current} | {
        name: of.Contact("probe") for name in voltage
    }
    prob = of.Problem(mesh, materials, contacts, coupling="full", interface="density")
    mine = of.resistance(prob, field, current=current, voltage=voltage)
    other = ngsolve_resistance(mesh, materials, field, current, voltage)
    return Row(
        CASE,
        "Eqs. (1), (2)",
        f"R, {label}, of R_ohmic",
        mine.R,
        other,
        abs(mine.R - other) / abs(mine.R_ohmic),
        1e-9,
    )


def run(level: str = "quick") -> list[Row]:
    try:
        importlib.import_module("ngsolve")
    except ImportError as exc:
        raise Skipped("NGSolve is not installed (pip install ngsolve)") from exc
    bar, flake = (of.read_mesh(MESHES / f"{name}.msh", unit="nm") for name in ("hall_bar", "flake"))
    field = 1.5 * ONE.field_scale * np.array([1.0, 0.5, -0.7])
    rows = [
        compare("Hall bar, local", bar, {"bulk": ONE}, field, ("left", "right"), ("t1", "t2")),
        compare(
            "flake, two materials and a hole",
            flake,
            {"thin": ONE, "thick": TWO},
            field,
            ("left", "right"),
            ("t1", "t2"),
        ),
    ]
    if level == "full":
        rows += [
            compare("Hall bar, nonlocal", bar, {"bulk": ONE}, field, ("t1", "b1"), ("t2", "b2")),
            compare(
                "flake, nonlocal, B = 0",
                flake,
                {"thin": ONE, "thick": TWO},
                0 * field,
                ("t1", "b1"),
                ("t2", "b2"),
            ),
        ]
    return rows
