"""Interfaces with the accumulation continuous: closed forms, a collocation program, manufactured
solutions, Onsager's relation, the energy identity and the bounds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import skfem
from scipy.linalg import block_diag
from skfem.helpers import grad

import ohmr_fem as of
from ohmr_fem import analytic
from ohmr_fem.mesh.grids import tensor_grid
from ohmr_fem.solver.system import system_of

from . import drift, edges
from . import manufactured as mms
from .case import Row, order_row, relative, simple_material
from .independence import route
from .strip_tensor import TESLA

CASE = "interfaces"
ROUTES = {
    "against collocation": ("finite elements", "Chebyshev collocation"),
    "Onsager": ("finite elements", "law: reciprocity"),
    "fails by more": ("finite elements", "law: reciprocity has conditions"),
    "energy": ("finite elements", "law: the torque does no work"),
    "bounds": ("finite elements", "law: bounds of theory 3"),
    "Eq. (S1)": ("finite elements", "strong form with drift"),
    "order of": ("finite elements", "strong form"),
    "": ("finite elements", "closed form"),
}
B = np.array([1.6, -0.7, 0.5])
ONE = np.array([[1.0, 0.15, 0.1], [0.15, 0.8, -0.05], [0.1, -0.05, 0.5]])
TWO = np.array([[0.7, -0.1, 0.2], [-0.1, 1.2, 0.1], [0.2, 0.1, 0.9]])
THREE = np.array([[1.3, 0.2, -0.1], [0.2, 0.6, 0.15], [-0.1, 0.15, 1.1]])


@dataclass(frozen=True)
class Slab:
    """One region of a section; D and tau as in the Material."""

    thickness: float
    sigma: float
    D: float
    tau: float
    alpha: float
    back: float
    X: np.ndarray

    @property
    def material(self) -> of.Material:
        return of.Material(
            sheet_conductivity=self.sigma,
            diffusion_constant=self.D,
            relaxation_time=self.tau,
            orbital_hall_angle=self.alpha,
            inverse_orbital_hall_angle=self.back,
            inverse_mass=self.X,
        )


SLABS = (
    Slab(1.3, 1.3, 0.8, 0.9, 0.4, -0.7, ONE),
    Slab(0.9, 0.6, 1.7, 0.5, -0.5, 0.9, TWO),
)


def section(slabs: tuple[Slab, ...], normal: str, detection: str, **options: object) -> of.Problem:
    at, regions, materials = 0.0, {}, {}
    for i, slab in enumerate(slabs):
        regions[f"slab{i}"] = (at, at + slab.thickness)
        materials[f"slab{i}"] = slab.material
        at += slab.thickness
    mesh = of.cross_section(at, normal=normal, regions=regions)
    return of.Problem(mesh, materials, detection=detection, **options)


def chebyshev(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Points of [-1, 1], rising, and the matrix that differentiates there."""
    angle = np.pi * np.arange(count + 1) / count
    x = -np.cos(angle)
    c = np.ones(count + 1)
    c[[0, -1]] = 2.0
    c = c * (-1.0) ** np.arange(count + 1)
    gap = x[:, None] - x[None, :]
    D = np.outer(c, 1.0 / c) / (gap + np.eye(count + 1))
    return x, D - np.diag(D.sum(axis=1))


@route("Chebyshev collocation")
def collocated(
    slabs: tuple[Slab, ...],
    normal: str,
    detection: str,
    G: tuple[float, float] = (0.0, 0.0),
    count: int = 40,
) -> float:
    """Delta I/I_0 of a section by Chebyshev collocation of D n'' = (1/tau + T) n in each slab.

    In between D W n/sigma and the moment current are continuous; at the ends Q.nu = G n.  Along y
    Q^z = -D dn^z + alpha sigma E and J_x reads dn^z; along z the moment is n^y and both signs turn.
    """
    component, sign = {"y": (2, 1.0), "z": (1, -1.0)}[normal]
    _, slope_matrix = chebyshev(count)
    m = count + 1
    eye = np.eye(3)
    slopes = [np.kron(slope_matrix * 2.0 / s.thickness, eye) for s in slabs]
    rows, right = [], np.zeros(3 * m * len(slabs))
    rules, fluxes = [], []
    for s, slope in zip(slabs, slopes, strict=True):
        torque = np.cross(B, s.X, axisb=0, axisc=0)
        local = eye / s.tau + torque
        rows.append(s.D * slope @ slope - np.kron(np.eye(m), local))
        normaliser = s.X[2, 2] if normal == "y" else 0.5 * (s.X[0, 0] + s.X[1, 1])
        rules.append(s.D / s.sigma * s.X / normaliser)
        fluxes.append(-s.D * slope)
    A = block_diag(*rows)
    source = [sign * s.alpha * s.sigma * eye[component] for s in slabs]
    width = 3 * m

    def place(i: int, node: int) -> slice:
        start = i * width + 3 * node
        return slice(start, start + 3)

    def columns(i: int) -> slice:
        return slice(i * width, (i + 1) * width)

    low, high = slice(0, 3), slice(width - 3, width)
    first, last = place(0, 0), place(len(slabs) - 1, count)
    A[first] = 0.0
    A[first, columns(0)] = -fluxes[0][low]
    A[first, first] -= G[0] * eye
    right[first] = source[0]
    for i in range(len(slabs) - 1):
        above, below = place(i, count), place(i + 1, 0)
        A[above] = 0.0
        A[below] = 0.0
        A[above, above], A[above, below] = rules[i], -rules[i + 1]
        A[below, columns(i)], A[below, columns(i + 1)] = fluxes[i][high], -fluxes[i + 1][low]
        right[below] = source[i + 1] - source[i]
    A[last] = 0.0
    A[last, columns(len(slabs) - 1)] = fluxes[-1][high]
    A[last, last] -= G[1] * eye
    right[last] = -source[-1]
    scale = np.abs(A).max(axis=1)
    n = np.linalg.solve(A / scale[:, None], right / scale)
    change = 0.0
    for i, s in enumerate(slabs):
        row = eye[component]
        if detection == "reciprocal":
            normaliser = s.X[2, 2] if normal == "y" else 0.5 * (s.X[0, 0] + s.X[1, 1])
            row = s.X[component] / normaliser
        jump = n[place(i, count)] - n[place(i, 0)]
        change += sign * s.back * s.D * float(row @ jump)
    return change / sum(s.sigma * s.thickness for s in slabs)


def second_program() -> list[Row]:
    """Sections of two slabs that share nothing, full X and B, against collocation."""
    rows = []
    for normal in ("y", "z"):
        for detection in ("printed", "reciprocal"):
            value = -float(
                of.magnetoresistance(section(SLABS, normal, detection, order=6), B * TESLA)
            )
            exact = collocated(SLABS, normal, detection)
            rows.append(
                Row(
                    CASE,
                    "theory 12",
                    f"Delta I/I_0 of two slabs along {normal}, {detection}, against collocation",
                    value,
                    exact,
                    relative(value, exact),
                    1e-8,
                )
            )
    laws = {"lower": of.Edge(0.4), "upper": of.Edge(1.1)}
    value = -float(
        of.magnetoresistance(section(SLABS, "y", "printed", edges=laws, order=6), B * TESLA)
    )
    exact = collocated(SLABS, "y", "printed", (0.4, 1.1))
    quantity = "Delta I/I_0 of two slabs with absorbing edges, against collocation"
    rows.append(Row(CASE, "theory 12", quantity, value, exact, relative(value, exact), 1e-8))
    return rows


def step_in_shape() -> Row:
    """One sigma/D, X of two shapes: n jumps although nothing else changes at the interface."""
    slabs = tuple(replace(s, sigma=1.0, D=1.0, back=0.4, alpha=0.4) for s in SLABS)
    value = -float(of.magnetoresistance(section(slabs, "y", "printed"), B * TESLA))
    layers = [
        analytic.Layer(
            s.thickness,
            diffusion=s.D,
            relaxation_time=s.tau,
            conductivity=s.sigma,
            alpha=s.alpha,
            torque=np.cross(B, s.X, axisb=0, axisc=0),
            shape=s.X / s.X[2, 2],
        )
        for s in slabs
    ]
    exact = analytic.layered_strip(layers, interface="accumulation").relative
    quantity = "Delta I/I_0, a step in the shape of X"
    return Row(CASE, "theory 12", quantity, value, exact, relative(value, exact), 1e-9)


def plate(coupling: str, detection: str, interface: str = "accumulation") -> of.Problem:
    """3 x 2 with three regions that share nothing, five contacts, an edge that absorbs."""
    grid = tensor_grid(np.linspace(0, 3, 13), np.linspace(0, 2, 9), cells="triangle")
    mesh = grid.with_regions(
        {
            "a": lambda p: p[1] < 0.9,
            "b": lambda p: (p[1] > 0.9) & (p[0] < 1.2),
            "c": lambda p: (p[1] > 0.9) & (p[0] > 1.2),
        }
    ).with_boundaries(
        {
            "west": lambda p: p[0] < 1e-9,
            "east": lambda p: (p[0] > 2.999) & (p[1] < 1.4),
            "north": lambda p: (p[1] > 1.999) & (p[0] > 0.9) & (p[0] < 1.8),
            "south": lambda p: (p[1] < 1e-9) & (p[0] > 1.5) & (p[0] < 2.5),
            "corner": lambda p: (p[1] > 1.999) & (p[0] > 2.2) & (p[0] < 2.8),
            "left_out": lambda p: (p[1] < 1e-9) & (p[0] < 1.0),
        }
    )
    tensors = (ONE, TWO, THREE)
    if detection == "printed":
        tensors = tuple(block_diag(X[:2, :2], X[2:, 2:]) for X in tensors)
    values = zip("abc", (1.0, 2.0, 0.5), (1.0, 0.6, 1.7), (1.0, 0.7, 1.4), strict=True)
    materials = {
        name: simple_material(
            sheet_conductivity=sigma,
            diffusion_length=None,
            diffusion_constant=D,
            relaxation_time=tau,
            orbital_hall_angle=alpha,
            inverse_mass=X,
        )
        for (name, sigma, D, tau), alpha, X in zip(values, (0.3, 0.2, 0.5), tensors, strict=True)
    }
    return of.Problem(
        mesh,
        materials,
        ("west", "east", "north", "south", "corner"),
        edges={"left_out": of.Edge(0.6)},
        coupling=coupling,
        detection=detection,
        interface=interface,
    )


def asymmetry(prob: of.Problem) -> float:
    """Largest |R_ij,kl(B) - R_kl,ij(-B)| of R(B) - R(0)."""
    pairs = (("west", "east"), ("north", "south")), (("west", "north"), ("corner", "south"))
    worst = 0.0
    for one, other in pairs:
        forth = of.resistance(prob, B * TESLA, current=one, voltage=other).hanle
        back = of.resistance(prob, -B * TESLA, current=other, voltage=one).hanle
        worst = max(worst, abs(forth - back) / abs(forth))
    return worst


def reciprocity() -> list[Row]:
    rows = []
    for coupling in ("linear", "full"):
        for detection in ("printed", "reciprocal"):
            worst = asymmetry(plate(coupling, detection))
            quantity = f"R_ij,kl(B) = R_kl,ij(-B), three regions, {detection}, {coupling}"
            rows.append(Row(CASE, "Onsager", quantity, worst, 0.0, worst, 1e-9))
    broken = asymmetry(plate("linear", "printed", "density"))
    quantity = "the same with n continuous fails by more than a hundredth"
    rows.append(Row(CASE, "Onsager", quantity, broken, 0.01, 0.0 if broken > 0.01 else 1.0, 0.5))
    return rows


def energy() -> Row:
    """- int alpha sigma c(V, h^z) = int sigma grad h . W^-1 grad h + chi h . W^-1 h/tau + oint G
    chi h . W^-1 h: the torque does no work.
    """
    prob = plate("linear", "reciprocal")
    sol = of.solve(prob, B * TESLA, currents={"west": 1.0, "east": -1.0})
    system = system_of(prob)
    length = system.scales.length
    supplied = spent = 0.0

    def weights(material: of.Material) -> np.ndarray:
        return mms.density_of(material, ("x", "y"), "accumulation")

    for region, cells in prob.mesh.regions.items():
        m = prob.materials[region]
        N = weights(m)
        basis = skfem.Basis(system.basis.mesh, system.basis.elem, elements=cells, intorder=6)
        V = basis.interpolate(sol.ohmic_dofs)
        h = [basis.interpolate(d) for d in sol.moment_dofs]
        curl = V.grad[0] * h[2].grad[1] - V.grad[1] * h[2].grad[0]
        supplied -= m.orbital_hall_angle * m.sheet_conductivity * np.sum(curl * basis.dx)
        for a in range(3):
            for d in range(3):
                flow = m.diffusion_constant * np.sum(grad(h[a]) * grad(h[d]), axis=0)
                lost = length**2 / m.relaxation_time * np.asarray(h[a]) * np.asarray(h[d])
                spent += N[a, d] * np.sum((flow + lost) * basis.dx)
    facets = prob.mesh.boundaries["left_out"]
    edge = skfem.FacetBasis(system.basis.mesh, system.basis.elem, facets=facets, intorder=6)
    N = weights(prob.materials["a"])
    h_edge = np.array([np.asarray(edge.interpolate(d)) for d in sol.moment_dofs])
    spent += 0.6 * length * np.sum(np.einsum("apq,ad,dpq->pq", h_edge, N, h_edge) * edge.dx)
    quantity = "energy identity, three regions, full X and B: supplied over spent"
    ratio = float(supplied / spent)
    return Row(CASE, "Eq. (2)", quantity, ratio, 1.0, relative(supplied, spent), 1e-11)


def bounds() -> Row:
    """0 <= R(B) - R(0) <= -Delta R(0) for one pair of contacts (theory, section 3)."""
    prob = plate("linear", "reciprocal")
    pair = ("west", "east")
    zero = of.resistance(prob, current=pair, voltage=pair).delta_R
    worst = -np.inf
    for size in (0.3, 3.0, 30.0):
        for direction in (np.eye(3)[0], np.eye(3)[2], B):
            found = of.resistance(prob, size * direction * TESLA, current=pair, voltage=pair)
            worst = max(worst, found.delta_R, zero - found.delta_R)
    quantity = "Delta R(0) <= Delta R(B) <= 0, largest excess of Delta R(0)"
    return Row(CASE, "bounds", quantity, worst, 0.0, max(worst / abs(zero), 0.0), 1e-12)


def manufactured(level: str) -> list[Row]:
    sizes = {1: (8, 16, 32), 2: (4, 8, 16), 3: (4, 8)}
    if level == "full":
        sizes = {1: (16, 32, 64), 2: (8, 16, 32), 3: (4, 8, 16), 4: (4, 8, 16)}
    rule = "accumulation"
    rows = []
    for order, ns in sizes.items():
        for kind, make in (("triangles", mms.triangles), ("quads", mms.quads)):
            rows += mms.convergence(
                lambda n, p=order, make=make: mms.problem(make(n), p, interface=rule),
                f"{kind}, {rule}",
                order,
                ns,
            )
    rows += mms.convergence(
        lambda n: mms.problem(mms.quads(n), 2, ("y", "z"), rule),
        f"cross-section, {rule}",
        2,
        sizes[2],
        0.7,
    )
    for hall in (False, True):
        found = {}
        for c in (4, 8):
            prob = drift.manufactured_problem(mms.triangles(c), 2, hall, rule)
            system, V, n, _ = drift.solve_manufactured(prob)
            found[c] = mms.deviation(system, 2, V, n)
        label = "drift and ordinary Hall effect" if hall else "drift"
        rows += [
            order_row(
                CASE,
                "Eq. (S1)",
                f"{what}, {label}, {rule}, P2, L2",
                lambda c, i=i, found=found: found[c][i],
                (4, 8),
                3,
                0.25,
            )
            for i, what in enumerate(("potential", "moment density"))
        ]
    return [replace(row, case=CASE) for row in rows]


def run(level: str = "quick") -> list[Row]:
    return [
        *[replace(row, case=CASE) for row in edges.layers("accumulation")],
        *second_program(),
        step_in_shape(),
        *reciprocity(),
        energy(),
        bounds(),
        *manufactured(level),
    ]
