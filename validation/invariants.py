"""Laws that hold on every device: conservation, reciprocity, covariance, dissipation, energy,
Corbino's null, ohms.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import skfem
from skfem.helpers import dot, grad

import ohmr_fem as of
from ohmr_fem.mesh.grids import annulus_mesh, tensor_grid
from ohmr_fem.model.material import ELECTRON_MASS
from ohmr_fem.solver.system import system_of

from .case import Row, simple_material

CASE = "invariants"
ROUTES = {
    "": ("finite elements", "law: conservation and covariance"),
}
HALL_BAR = Path(__file__).parent.parent / "meshes" / "hall_bar.msh"
NAMES = ("left", "right", "t1", "t2", "b1", "b2")
#: With X_za = 0, so that Onsager's relation holds for the printed detector.
BLOCK_X = np.array([[1.0, 0.3, 0.0], [0.3, 0.7, 0.0], [0.0, 0.0, 0.4]])
FULL_X = np.array([[1.0, 0.3, 0.2], [0.3, 0.7, -0.1], [0.2, -0.1, 0.4]])


def hall_bar(X: np.ndarray = BLOCK_X, alpha: float = 0.3, **options: object) -> of.Problem:
    """The committed Hall bar with L_m = 100 nm."""
    material = of.Material(
        sheet_conductivity="1 mS",
        diffusion_length="100 nm",
        relaxation_time="2 ps",
        orbital_hall_angle=alpha,
        inverse_mass=X,
    )
    mesh = options.pop("mesh", None) or of.read_mesh(HALL_BAR, unit="nm")
    return of.Problem(mesh, material, list(NAMES), **options)  # type: ignore[arg-type]


def field_of(
    prob: of.Problem, direction: tuple[float, float, float] = (1.0, 0.5, -0.7)
) -> np.ndarray:
    """A field of about one precession radian within tau."""
    return 1.5 * prob.material.field_scale * np.array(direction)


def conservation(prob: of.Problem) -> Row:
    """Every contact's weak-residual current equals the imposed one (floating contacts: zero)."""
    imposed = {"left": 1e-6, "right": -0.7e-6, "t1": -0.3e-6}
    sol = of.solve(prob, field_of(prob), currents=imposed)
    worst = max(abs(i - imposed.get(n, 0.0)) for n, i in sol.contact_currents.items()) / 1e-6
    return Row(
        CASE, "div J = 0", "contact currents, full coupling, of the total", 0.0, 0.0, worst, 1e-11
    )


def dissipation(prob: of.Problem) -> Row:
    """The power that enters is positive and equals the Joule heat plus work on the moments."""
    sol = of.solve(prob, field_of(prob), currents={"left": 1e-6, "right": -1e-6})
    return Row(
        CASE,
        "second law",
        "power, full coupling, W",
        sol.power,
        0.0,
        0.0 if sol.power > 0 else 1.0,
        0.5,
    )


def reciprocity(prob: of.Problem) -> Row:
    """R_ij,kl(B) = R_kl,ij(-B), of the largest resistance."""
    B = field_of(prob)
    pairs = (
        (("left", "right"), ("t1", "t2")),
        (("t1", "b1"), ("t2", "b2")),
        (("left", "t2"), ("b1", "b2")),
    )
    forward = [of.resistance(prob, B, current=i, voltage=v).R for i, v in pairs]
    backward = [of.resistance(prob, -B, current=v, voltage=i).R for i, v in pairs]
    scale = float(np.max(np.abs(forward)))
    error = float(np.max(np.abs(np.subtract(forward, backward)))) / scale
    return Row(
        CASE,
        "Onsager",
        "R_ij,kl(B) - R_kl,ij(-B), full coupling, of the largest R",
        0.0,
        0.0,
        error,
        1e-10,
    )


def rotation(prob: of.Problem, angle: float = 0.7) -> Row:
    """Rotating mesh, X and B together changes no resistance."""
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    turned = hall_bar(
        turn @ BLOCK_X @ turn.T,
        mesh=prob.mesh.rotated(angle),
        coupling=prob.coupling,
        order=prob.order,
    )
    B = field_of(prob)
    pairs = ((("left", "right"), ("t1", "t2")), (("t1", "b1"), ("t2", "b2")))
    one = np.array([of.resistance(prob, B, current=i, voltage=v).delta_R for i, v in pairs])
    two = np.array(
        [of.resistance(turned, turn @ B, current=i, voltage=v).delta_R for i, v in pairs]
    )
    error = float(np.max(np.abs(one - two)) / np.max(np.abs(one)))
    return Row(
        CASE,
        "covariance",
        "delta_R after a rotation of everything, of the largest",
        0.0,
        0.0,
        error,
        1e-9,
    )


def energy(prob: of.Problem) -> Row:
    """oint alpha nu.(z x J0) (X n)_z = int D grad n . X grad n + n . X n / tau: the torque does no
    work.

    The boundary side is integrated along the edges from the ohmic potential alone: with t = z x nu
    the counter-clockwise tangent, nu.(z x J0) = J0.(nu x z) = -t.J0 = sigma t.grad V.
    """
    sol = of.solve(prob, field_of(prob), currents={"left": 1e-6, "right": -1e-6})
    system, material = system_of(prob), prob.material
    X = material.X * ELECTRON_MASS
    edge = skfem.FacetBasis(system.basis.mesh, system.basis.elem, intorder=3 * prob.order)
    V = edge.interpolate(sol.ohmic_dofs)
    along = -edge.normals[1] * V.grad[0] + edge.normals[0] * V.grad[1]
    xn = [sum(X[a, d] * sol.moment_dofs[d] for d in range(3)) for a in range(3)]
    supplied = (
        material.orbital_hall_angle
        * material.sheet_conductivity
        * np.sum(np.asarray(along) * np.asarray(edge.interpolate(xn[2])) * edge.dx)
    )
    basis = system.basis
    spent = 0.0
    unit = system.scales.length**2 / material.relaxation_time
    for a in range(3):
        n, x = basis.interpolate(sol.moment_dofs[a]), basis.interpolate(xn[a])
        spent += float(
            np.sum(
                (
                    material.diffusion_constant * dot(grad(n), grad(x))
                    + unit * np.asarray(n) * np.asarray(x)
                )
                * basis.dx
            )
        )
    return Row(
        CASE,
        "Eq. (2)",
        "energy identity, full X and B: supplied over spent",
        float(supplied / spent),
        1.0,
        abs(supplied / spent - 1),
        1e-11,
    )


def linear_against_full(level: str) -> Row:
    """delta_R of the linear and the full coupling differ at relative order alpha^2."""
    gaps = []
    for alpha in (0.08, 0.04):
        found = [
            of.resistance(
                prob, field_of(prob), current=("left", "right"), voltage=("t1", "t2")
            ).delta_R
            for prob in (hall_bar(alpha=alpha, coupling=c) for c in ("linear", "full"))
        ]
        gaps.append(abs(found[0] - found[1]))
    order = float(np.log2(gaps[0] / gaps[1]))
    return Row(
        CASE,
        "order alpha^4",
        "order in alpha of the difference linear - full",
        order,
        4.0,
        abs(order - 4),
        0.02,
    )


def corbino(X: np.ndarray = FULL_X, coupling: str = "full") -> Row:
    """A radial current accumulates nothing: delta_R = 0 for every X and B, in units of alpha^2
    R.
    """
    mesh = annulus_mesh(1.0, 4.0)
    prob = of.Problem(mesh, simple_material(inverse_mass=X), ["inner", "outer"], coupling=coupling)
    r = of.resistance(prob, field_of(prob), current=("inner", "outer"), voltage=("inner", "outer"))
    return Row(
        CASE,
        "Corbino",
        "delta_R / (alpha^2 R_ohmic)",
        r.delta_R,
        0.0,
        abs(r.delta_R) / (0.09 * r.R_ohmic),
        1e-12,
    )


def one_ohm(cells: int = 100, order: int = 2) -> Row:
    """A square of 1 S between opposite sides has 1 ohm."""
    lines = np.linspace(0.0, 1.0, cells + 1)
    prob = of.Problem(
        tensor_grid(lines, lines, cells="triangle"),
        simple_material(),
        ["left", "right"],
        order=order,
    )
    r = of.resistance(prob, current=("left", "right"), voltage=("left", "right"))
    nodes = system_of(prob).N
    return Row(
        CASE, "Ohm", f"square of 1 S, {nodes} nodes", r.R_ohmic, 1.0, abs(r.R_ohmic - 1.0), 1e-11
    )


def run(level: str = "quick") -> list[Row]:
    # the discrete laws hold at any order: first order is enough to see one broken
    order = 2 if level == "full" else 1
    full = hall_bar(coupling="full", order=order)
    rows = [
        conservation(full),
        reciprocity(full),
        rotation(hall_bar(order=order)),
        energy(hall_bar(FULL_X)),
        dissipation(full),
        corbino(),
        one_ohm(100 if level == "full" else 40),
    ]
    if level == "full":
        rows += [linear_against_full(level), rotation(full), one_ohm(66, 3), one_ohm(50, 4)]
    return rows
