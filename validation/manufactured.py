"""Manufactured solutions: every term and condition of the coupled equations, from their strong
form.

The exact fields are sums of plane waves.  Sources, boundary fluxes and interface jumps follow from
the strong form

    div J = s,  J = sigma E + alpha' D curl,
    div Q^a + n^a/tau^a + T_ad n^d = s^a,  Q_i^a = -D d_i n^a + alpha eps_iak sigma E_k

written out here once more, so nothing is shared with the weak form under test but its assembled
matrices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import skfem
from scipy.sparse import block_array, csr_array
from scipy.sparse.linalg import spsolve

import ohmr_fem as of
from ohmr_fem.mesh.device_mesh import DeviceMesh
from ohmr_fem.mesh.grids import tensor_grid
from ohmr_fem.solver.space import facet_basis
from ohmr_fem.solver.system import System, system_of
from ohmr_fem.units import ELECTRON_MASS, ELEMENTARY_CHARGE

from .case import Row, order_row
from .independence import route

CASE = "manufactured solution"
ROUTES = {
    "": ("finite elements", "strong form"),
}
FIELD = np.array([0.7, -0.4, 0.9])
TESLA = 2.0 * ELECTRON_MASS / ELEMENTARY_CHARGE
LEFT = of.Material(
    sheet_conductivity=1.3,
    diffusion_constant=0.8,
    relaxation_time=(1.0, 0.6, 1.4),
    orbital_hall_angle=0.4,
    inverse_orbital_hall_angle=-0.7,
    g_factor=1.2,
    inverse_mass=[[1.0, 0.3, 0.2], [0.3, 0.7, -0.1], [0.2, -0.1, 0.4]],
)
RIGHT = of.Material(
    sheet_conductivity=0.6,
    diffusion_constant=1.7,
    relaxation_time=0.8,
    orbital_hall_angle=-0.5,
    inverse_orbital_hall_angle=0.9,
    inverse_mass=[[0.5, -0.2, 0.1], [-0.2, 1.1, 0.3], [0.1, 0.3, 0.9]],
)
ABSORPTION = (0.3, 0.0, 1.1)
INJECTED = (0.2, -0.5, 0.4)


@dataclass(frozen=True)
class Waves:
    """sum_m c_m sin(k_m . r + p_m) and its derivatives; rows (c, k_0, k_1, p)."""

    terms: tuple[tuple[float, float, float, float], ...]

    def __call__(self, x: np.ndarray, d0: int = 0, d1: int = 0) -> np.ndarray:
        return sum(
            c * k0**d0 * k1**d1 * np.sin(k0 * x[0] + k1 * x[1] + p + (d0 + d1) * np.pi / 2)
            for c, k0, k1, p in self.terms
        )


# V = sin(1.1 x) cos(0.9 y + 0.3) vanishes at the contact x = 0; every n^a is sin(k y) cos(...) and
# vanishes at y = 0
POTENTIAL = Waves(((0.5, 1.1, 0.9, 0.3), (0.5, 1.1, -0.9, -0.3)))
MOMENT = tuple(
    Waves(((c / 2, k0, k1, p), (-c / 2, k0, -k1, p)))
    for c, k0, k1, p in ((1.0, 0.7, 1.3, 0.2), (-0.8, 1.2, 0.8, 0.9), (1.2, 0.5, 1.6, -0.4))
)


def levi_civita() -> np.ndarray:
    eps = np.zeros((3, 3, 3))
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        eps[i, j, k], eps[i, k, j] = 1.0, -1.0
    return eps


def torque(material: of.Material, field: np.ndarray) -> np.ndarray:
    """T_ad = (g e/2) eps_abc B_b X_cd in 1/s, written out once more."""
    half = 0.5 * material.g_factor * ELEMENTARY_CHARGE / ELECTRON_MASS
    X = np.asarray(material.inverse_mass)
    return half * np.einsum("abc,b,cd->ad", levi_civita(), field, X)


def density_of(material: of.Material, axes: tuple[str, ...], interface: str) -> np.ndarray:
    """What makes n of the waves, (3, 3): 1, or sigma/D times the inverse of W (theory, section
    12).
    """
    if interface == "density":
        return np.eye(3)
    X = np.asarray(material.inverse_mass)
    normaliser = X[2, 2] if axes == ("x", "y") else (X[0, 0] + X[1, 1]) / 2
    chi = material.sheet_conductivity / material.diffusion_constant
    return chi * normaliser * np.linalg.inv(X)


@route("strong form")
def strong(
    material: of.Material,
    x: np.ndarray,
    axes: tuple[str, ...],
    electric_field: float,
    interface: str = "density",
) -> dict[str, np.ndarray]:
    """J (2, ...), div J, Q (3, 2, ...), and the source of the moment equation (3, ...) at points x
    (2, ...).
    """
    R = density_of(material, axes, interface)

    def moment(*derivative: int) -> np.ndarray:
        return np.tensordot(R, np.array([m(x, *derivative) for m in MOMENT]), 1)

    eps = levi_civita()
    place = ["xyz".index(a) for a in axes]
    sigma, D = material.sheet_conductivity, material.diffusion_constant
    alpha, back = material.orbital_hall_angle, material.inverse_orbital_hall_angle
    order = ((1, 0), (0, 1))
    second = (((2, 0), (1, 1)), ((1, 1), (0, 2)))
    E = np.zeros((3, *x.shape[1:]))
    dE = np.zeros((3, 2, *x.shape[1:]))  # d_i E_k as [k, i]
    for k, axis in enumerate(place):
        E[axis] = -POTENTIAL(x, *order[k])
        for i in range(2):
            dE[axis, i] = -POTENTIAL(x, *second[k][i])
    if "x" not in axes:
        E[0] += electric_field
    J, Q = np.zeros((2, *x.shape[1:])), np.zeros((3, 2, *x.shape[1:]))
    div_J, source = np.zeros(x.shape[1:]), np.zeros((3, *x.shape[1:]))
    tau = np.broadcast_to(material.relaxation_time, 3)
    T = torque(material, FIELD * TESLA)
    n = moment()
    dn = [moment(*order[j]) for j in range(2)]
    ddn = [[moment(*second[j][i]) for i in range(2)] for j in range(2)]
    for i, axis in enumerate(place):
        J[i] += sigma * E[axis]
        div_J += sigma * dE[axis, i]
        for j, other in enumerate(place):
            for c in range(3):
                J[i] += back * D * eps[axis, other, c] * dn[j][c]
                div_J += back * D * eps[axis, other, c] * ddn[j][i][c]
        for a in range(3):
            Q[a, i] += -D * dn[i][a]
            source[a] += -D * ddn[i][i][a]
            for k in range(3):
                Q[a, i] += alpha * eps[axis, a, k] * sigma * E[k]
                source[a] += alpha * eps[axis, a, k] * sigma * dE[k, i]
    source += n / tau.reshape(3, *[1] * (n.ndim - 1)) + np.einsum("ad,d...->a...", T, n)
    return {"J": J, "div_J": div_J, "Q": Q, "source": source, "n": n}


def triangles(cells: int) -> DeviceMesh:
    """An unstructured-looking triangulation of [0, 2] x [0, 1]: a grid with its inner vertices
    displaced.
    """
    mesh = tensor_grid(
        np.linspace(0, 2, 2 * cells + 1), np.linspace(0, 1, cells + 1), cells="triangle"
    )
    p = mesh.mesh.p.copy()
    inside = (
        (p[0] > 1e-9)
        & (p[0] < 2 - 1e-9)
        & (p[1] > 1e-9)
        & (p[1] < 1 - 1e-9)
        & (abs(p[0] - 1) > 1e-9)
    )
    rng = np.random.default_rng(7)
    p[:, inside] += rng.uniform(-0.2, 0.2, size=(2, int(inside.sum()))) / cells
    return DeviceMesh(skfem.MeshTri1(p, mesh.mesh.t), ("x", "y"), mesh.boundaries, mesh.regions)


def quads(cells: int) -> DeviceMesh:
    return tensor_grid(
        np.linspace(0, 2, 2 * cells + 1), np.linspace(0, 1, cells + 1) ** 1.2, cells="quad"
    )


def two_regions(mesh: DeviceMesh, axes: tuple[str, str]) -> DeviceMesh:
    mesh = mesh.with_regions({"west": lambda x: x[0] < 1, "east": lambda x: x[0] > 1})
    return DeviceMesh(mesh.mesh, axes, mesh.boundaries, mesh.regions)


def problem(
    mesh: DeviceMesh,
    order: int,
    axes: tuple[str, str] = ("x", "y"),
    interface: str = "density",
) -> of.Problem:
    """Absorbing at the bottom, Robin per component at the top, injected moment on the right, a
    contact on the left.
    """
    edges = {
        "bottom": of.Edge("absorbing"),
        "top": of.Edge(ABSORPTION),
        "right": of.Edge({"injected": INJECTED}),
    }
    contacts = ["left"] if axes == ("x", "y") else []
    return of.Problem(
        two_regions(mesh, axes),
        {"west": LEFT, "east": RIGHT},
        contacts,
        edges=edges,
        order=order,
        coupling="full",
        interface=interface,
    )


def loads(
    prob: of.Problem,
    system: System,
    electric_field: float,
    form: Callable[..., dict[str, np.ndarray]] = strong,
) -> tuple[np.ndarray, np.ndarray]:
    """Right-hand sides of the potential (N,) and of the moments (3, N) from a strong form, in the
    system's units.
    """
    length, sigma_0, axes = system.scales.length, system.scales.conductivity, prob.mesh.axes
    moment = system.scales.moment
    on_V, on_n = np.zeros(system.N), np.zeros((3, system.N))
    weight = skfem.LinearForm(lambda v, w: w.f * v)
    for region, cells in prob.mesh.regions.items():
        material = prob.materials[region]
        inside = skfem.Basis(
            system.basis.mesh, system.basis.elem, elements=cells, intorder=2 * prob.order + 6
        )
        exact = form(
            material, np.asarray(inside.global_coordinates()) * length, axes, electric_field
        )
        on_V += weight.assemble(inside, f=exact["div_J"]) * length**2 / sigma_0
        for a in range(3):
            on_n[a] += (
                weight.assemble(inside, f=exact["source"][a])
                * length**2
                / (system.scales.diffusion * moment)
            )
        mesh = prob.mesh.mesh
        owned = np.flatnonzero(
            np.isin(mesh.f2t, cells).sum(axis=0) == 1
        )  # the region's own boundary, interface included
        owned = owned[np.isin(mesh.f2t[:, owned], cells).any(axis=0)]
        side = np.where(np.isin(mesh.f2t[0, owned], cells), 0, 1)
        for which in (0, 1):
            facets = owned[side == which]
            if facets.size == 0:
                continue
            edge = skfem.FacetBasis(
                system.basis.mesh,
                system.basis.elem,
                facets=facets,
                intorder=2 * prob.order + 6,
                side=which,
            )
            nu = np.asarray(edge.normals) * (1.0 if which == 0 else -1.0)
            exact = form(
                material, np.asarray(edge.global_coordinates()) * length, axes, electric_field
            )
            on_V -= weight.assemble(edge, f=np.sum(exact["J"] * nu, axis=0)) * length / sigma_0
            for a in range(3):
                on_n[a] -= (
                    weight.assemble(edge, f=np.sum(exact["Q"][a] * nu, axis=0)) * length / sigma_0
                )
    for name, G, g in (("top", ABSORPTION, (0, 0, 0)), ("right", (0, 0, 0), INJECTED)):
        everything = prob.mesh.boundaries[name]
        for region, cells in prob.mesh.regions.items():
            facets = everything[np.isin(prob.mesh.mesh.f2t[0, everything], cells)]
            if facets.size == 0:
                continue
            edge = facet_basis(system.basis.mesh, prob.order, facets)
            x = np.asarray(edge.global_coordinates()) * length
            n = form(prob.materials[region], x, axes, electric_field)["n"]
            for a in range(3):  # what the conditions themselves supply: Q.nu = G n - g
                on_n[a] += weight.assemble(edge, f=G[a] * n[a] - g[a]) * length / sigma_0
    return on_V, on_n


def solve_manufactured(
    prob: of.Problem, electric_field: float = 0.0
) -> tuple[System, np.ndarray, np.ndarray]:
    system = system_of(prob)
    form = partial(strong, interface=prob.interface)
    on_V, on_n = loads(prob, system, electric_field, form)
    on_n = (
        on_n.ravel() + system.injected_source + electric_field * system.scales.length * system.drive
    )
    section = prob.is_cross_section
    T = csr_array(system.tie[:, 1:])
    A = block_array(
        [
            [T.T @ system.K @ T, T.T @ system.C @ system.keep],
            [system.keep.T @ system.S @ T, system.A(FIELD * TESLA)],
        ]
    ).tocsc()
    fixed = np.zeros(system.N)
    if section:  # one potential is free up to a constant: pin it to the exact value
        first = int(np.flatnonzero(system.tie[:, [0]].toarray()[:, 0])[0])
        x = system.basis.doflocs[:, [first]] * system.scales.length
        fixed[first] = POTENTIAL(x)[0]
    rhs = np.concatenate(
        [T.T @ (on_V - system.K @ fixed), system.keep.T @ (on_n - system.S @ fixed)]
    )
    x = spsolve(A, rhs)
    return system, T @ x[: T.shape[1]] + fixed, (system.keep @ x[T.shape[1] :]).reshape(3, -1)


def errors(prob: of.Problem, electric_field: float = 0.0) -> tuple[float, float]:
    """Relative L2 errors of V and of n."""
    system, V, n = solve_manufactured(prob, electric_field)
    return deviation(system, prob.order, V, n)


def deviation(system: System, order: int, V: np.ndarray, n: np.ndarray) -> tuple[float, float]:
    """Relative L2 distance of V (N,) and of the unknowns n (3, N) from the exact fields."""
    basis = skfem.Basis(system.basis.mesh, system.basis.elem, intorder=2 * order + 6)
    x = np.asarray(basis.global_coordinates()) * system.scales.length
    exact_V, exact_n = POTENTIAL(x), np.array([m(x) for m in MOMENT]) / system.moment_unit
    got_n = np.array([np.asarray(basis.interpolate(c)) for c in n])

    def square(f):
        return float(np.sum(f**2 * basis.dx))

    return (
        np.sqrt(square(np.asarray(basis.interpolate(V)) - exact_V) / square(exact_V)),
        np.sqrt(square(got_n - exact_n) / square(exact_n)),
    )


def convergence(
    make: Callable[[int], of.Problem],
    label: str,
    order: int,
    sizes: tuple[int, ...],
    electric_field: float = 0.0,
) -> list[Row]:
    """Order P+1 in L2 of the potential and of the moment density; any problem with the conditions
    of this module.
    """
    found = {n: errors(make(n), electric_field) for n in sizes}
    return [
        order_row(
            CASE,
            "Eqs. (1), (2)",
            f"{what}, {label}, P{order}, L2",
            lambda n, i=i: found[n][i],
            sizes,
            order + 1,
            floor=1e-11,
        )
        for i, what in enumerate(("potential", "moment density"))
    ]


def run(level: str = "quick") -> list[Row]:
    sizes = (
        {1: (8, 16, 32), 2: (4, 8, 16), 3: (4, 8), 4: (4, 8)}
        if level == "quick"
        else {1: (16, 32, 64), 2: (8, 16, 32), 3: (4, 8, 16), 4: (4, 8, 16)}
    )
    rows = []
    for order, ns in sizes.items():
        rows += convergence(lambda n, p=order: problem(triangles(n), p), "triangles", order, ns)
        rows += convergence(lambda n, p=order: problem(quads(n), p), "quads", order, ns)
    for order in (2, 3):
        rows += convergence(
            lambda n, p=order: problem(quads(n), p, ("y", "z")),
            "cross-section",
            order,
            sizes[order],
            0.7,
        )
    return rows
