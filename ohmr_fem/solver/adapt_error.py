"""The discretisation error of delta_R: dual-weighted, from the same mesh one order higher, cell by
cell.

With the ohmic potentials V of the current pair and u of the voltage pair (1 A each), the moment n
and its dual z, and the orbital potentials V_1 and u_1 that they drive,

    K V = I_V,   A n + S V = 0,      K V_1 + C n = 0,      delta_R = I_u . V_1 = z . A n = -u . C n
    K u = I_u,   A^T z + C^T u = 0,  K u_1 + S^T z = 0     (coupling="full": A n + S (V + V_1) = 0,
    and so on)

and with e_x the difference of a field between order P + 1 and order P, Galerkin orthogonality turns
the dual-weighted residuals of order P into

    delta_R(P+1) - delta_R(P) = K(e_V, e_u1) + K(e_V1, e_u) + A(e_n, e_z) + S(e_V, e_z) + C(e_n,
    e_u),

a sum over cells without large terms that cancel between neighbours (Becker and Rannacher, Acta
Numerica 2001).
"""

from __future__ import annotations

import cmath
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from ..model.drive import Drive
from ..model.material import cross_matrix, precession_squared
from ..model.problem import Problem
from .linear import GENERAL, SYMMETRIC
from .solve import ohmic_potential
from .space import element_for
from .stability import check_stability
from .system import System, system_of

Pair = tuple[str, str]
#: Below this fraction of |tau T|^2 the precession frequency is zero to round-off and the scalar
#: path is left.
NILPOTENT = 1e-8
#: Relative error of an entry of K: it is a sum over quadrature points and cells.
ROUNDOFF = 3 * float(np.finfo(float).eps)


@dataclass(frozen=True, eq=False)
class Fields:
    """All fields of one measurement at one order, in SI per ampere: potentials (N,) V/A, n (3, N)
    as a Solution holds it, z (3, N) V/A.

    ``delta_R`` comes from the primal side and ``delta_R_dual`` from the dual one; they differ by
    round-off only. ``roundoff`` also counts what both share: errors of the size of round-off in
    each entry of K and in each potential.
    """

    system: System
    V: np.ndarray
    V_1: np.ndarray
    n: np.ndarray
    u: np.ndarray
    u_1: np.ndarray
    z: np.ndarray
    R_ohmic: float
    delta_R: float
    delta_R_dual: float
    roundoff: float
    self_resistance: tuple[float, float]


def solve_fields(
    problem: Problem,
    field: np.ndarray,
    current: Pair,
    voltage: Pair,
) -> Fields:
    """Solve for the fields of a measurement and their duals at one field (3,) in T."""
    s = system_of(problem, plane_of_film=problem.film is not None)
    check_stability(s, field)
    V, _ = ohmic_potential(s, Drive.between(current))
    u, _ = ohmic_potential(s, Drive.between(voltage))
    drive, reader = s.pair_load(current), s.pair_load(voltage)
    source, detector = -(s.S @ V), -(s.C.T @ u)
    sigma = s.scales.conductivity
    if problem.coupling == "full":
        n, z, V_1, u_1 = _coupled(s, field, source, detector)
    else:
        given = s, field, source, detector
        n, z = _scalar(*given) or _vector(*given)
        T, factors = s.potential_solver()
        loads = -np.column_stack([s.C @ n, s.S.T @ z])
        free, _ = factors.solve(T.T @ loads)
        V_1, u_1 = (T @ x for x in free.T)
    primal = float(reader @ V_1)
    dual = float(sigma * (z @ source))
    moments = n * s.moment_unit
    return Fields(
        system=s,
        V=V,
        V_1=V_1,
        n=moments.reshape(3, -1),
        u=u,
        u_1=u_1,
        z=z.reshape(3, -1),
        R_ohmic=float(reader @ V),
        delta_R=primal,
        delta_R_dual=dual,
        roundoff=abs(primal - dual) + _roundoff(s, [(u_1, V), (u, V_1)]),
        self_resistance=(float(drive @ V), float(reader @ u)),
    )


def _roundoff(
    s: System,
    pairs: Sequence[tuple[np.ndarray, np.ndarray]],
) -> float:
    """What independent relative errors of round-off in the entries of K change in delta_R, weighted
    by the dual fields.
    """
    size = abs(s.K)
    weighted = [np.abs(dual) * (size @ np.abs(field)) for dual, field in pairs]
    return float(ROUNDOFF * s.scales.conductivity * np.linalg.norm(weighted))


def _vector(
    s: System,
    field: np.ndarray,
    source: np.ndarray,
    detector: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """n and z from the three-component system: any problem in linear coupling."""
    P = s.keep
    factors = GENERAL.factorise(s.A(field))
    n = P @ factors.solve(P.T @ source)[0]
    z = P @ factors.solve(P.T @ detector, transposed=True)[0]
    return n, z


def _coupled(
    s: System,
    field: np.ndarray,
    source: np.ndarray,
    detector: np.ndarray,
) -> tuple[np.ndarray, ...]:
    """n, z, V_1 and u_1 to all orders in alpha."""
    T, P = s.free_tie(), s.keep
    factors = GENERAL.factorise(s.coupled(T, s.A(field)))
    m = T.shape[1]
    nothing = np.zeros(m)
    x, _ = factors.solve(np.append(nothing, P.T @ source))
    y, _ = factors.solve(np.append(nothing, P.T @ detector), transposed=True)
    return P @ x[m:], P @ y[m:], T @ x[:m], T @ y[:m]


def _scalar(
    s: System,
    field: np.ndarray,
    source: np.ndarray,
    detector: np.ndarray,
) -> tuple[np.ndarray, np.ndarray] | None:
    """n and z from complex scalar systems K + (1 + i omega tau) M (docs/theory, section 3); None
    where that fails.
    """
    p, N = s.problem, s.N
    if (
        p.edge_sources
        or not p.uniform
        or not all(m.is_scalar for m in p.moment_conditions().values())
    ):
        return None
    T = p.material.torque(field) * p.material.relaxation_time
    squared = float(precession_squared(p.material, field))
    if abs(squared) <= NILPOTENT * float(np.sum(T**2)) and np.any(T):
        return None
    K, M, keep = s.pencil
    # along the normal: what the in-plane current makes, and what the detector reads
    generated = source.reshape(3, N)[s.normal]
    read = detector.reshape(3, N)[s.normal]
    starts = keep.T @ np.column_stack([generated, read])
    row = p.material.detection_row(s.normal, p.detection)
    directions = np.eye(3)[s.normal], row
    n, z = _precessed(K, M, starts, directions, T, squared)
    return (n @ keep.T).ravel(), (z @ keep.T).ravel()


def _precessed(
    K: Any,
    M: Any,
    starts: np.ndarray,
    directions: tuple[np.ndarray, np.ndarray],
    T: np.ndarray,
    squared: float,
) -> list[np.ndarray]:
    """(K + M + T M)^{-1} on direction x start, and its transpose on the second pair; (3, m) each.

    With lambda for the pencil (K + M, M), Q = -T^2/phi^2 and P = 1 - Q it is P/lambda + (Q lambda -
    T)/(lambda^2 + phi^2).
    """

    def solve(shift: complex) -> np.ndarray:
        if shift.imag == 0.0:
            shift = shift.real  # a real matrix costs a quarter of a complex one
        A = csr_array(K + shift * M)
        factors = SYMMETRIC.factorise(A)
        x, _ = factors.solve(starts.astype(A.dtype))
        return np.asarray(x)

    if squared == 0.0:
        at_rest = solve(1.0 + 0.0j)
        return [np.outer(d, at_rest[:, k]) for k, d in enumerate(directions)]
    phi = cmath.sqrt(squared)
    plus = solve(1.0 + 1j * phi)
    minus = plus.conj() if squared > 0 else solve(1.0 - 1j * phi)
    even = ((plus + minus) / 2).real
    odd = ((plus - minus) / (2j * phi)).real
    sides = list(zip((T, T.T), directions, strict=True))
    turning = [-(t @ t @ d) / squared for t, d in sides]  # Q d
    fixed = [d - q for d, q in zip(directions, turning, strict=True)]  # P d
    at_rest = np.zeros_like(starts)
    if np.abs(fixed).max() > 1e-14:
        at_rest = solve(1.0 + 0.0j)
    out = []
    for k, (t, d) in enumerate(sides):
        found = np.outer(fixed[k], at_rest[:, k])
        found = found + np.outer(turning[k], even[:, k])
        out.append(found + np.outer(t @ d, odd[:, k]))
    return out


@dataclass(frozen=True, eq=False)
class CellErrors:
    """Where the error of delta_R comes from.

    Attributes
    ----------
    signed : (cells,) ohm
        Sums to delta_R(P+1) - delta_R(P), but for edges that absorb at a finite rate or have a
        source.
    size : (facets per cell, cells) ohm
        What each cell could contribute if nothing cancelled, shared among the directions of its
        facets: along which of them its fields are not resolved.
    """

    signed: np.ndarray
    size: np.ndarray


def localise(
    low: Fields,
    high: Fields,
    field: np.ndarray,
) -> CellErrors:
    """Cell by cell, from the fields of order P and of order P + 1 on the same mesh."""
    s = high.system
    e = _differences(low, high)
    area = s.basis.dx * s.scales.length**2
    straight, crossed = _products(s, e)
    T = np.einsum("ac,cdkq->adkq", cross_matrix(field), _turned(s))
    relaxing = _relaxing(s)
    for a, d, weight in relaxing:
        T[a, d] = T[a, d] + weight
    density = _density(straight, crossed) + _local(e, T)
    both = [*straight, *crossed]
    total = _bounds(both, area)
    values = [(weight, e.n[d].value[None], e.z[a].value[None]) for a, d, weight in relaxing]
    total = total + _bounds(values, area)
    signed = np.sum(density * area, axis=1)
    return CellErrors(signed, total * _shares(both, s.basis.mesh, area))


def _relaxing(s: System) -> list[tuple[int, int, np.ndarray]]:
    """Gamma_ab of component b into a, times what makes n^b of the unknown d."""
    c = s.coefficients
    table = _table(s)
    if c.crossed is None:
        return [(a, d, c.rate[a] * weight) for a, d, weight in table]
    rate = c.relaxation
    return [(a, d, rate[a, b] * weight) for b, d, weight in table for a in range(3)]


#: (weight, gradient, gradient): products of which each is also bounded by its norms.
Product = tuple[np.ndarray, np.ndarray, np.ndarray]


def _products(
    s: System,
    e: _Differences,
) -> tuple[list[Product], list[Product]]:
    """What enters the error as a . b, and as the two-dimensional a x b (the Hall terms)."""
    c, axis = s.coefficients, s.normal
    straight: list[Product] = []
    straight.append((c.sigma, e.V.grad, e.u_1.grad))
    straight.append((c.sigma, e.V_1.grad, e.u.grad))
    for a, d, weight in _table(s):
        straight.append((c.diffusion * weight, e.n[d].grad, e.z[a].grad))
    V, u = e.V.grad, e.u.grad
    if s.problem.coupling == "full":
        straight.append((c.sigma, e.V_1.grad, e.u_1.grad))
        V, u = V + e.V_1.grad, u + e.u_1.grad
    weights = [w * s.scales.moment / s.moment_unit for w in s.reading(axis)]
    read: Any = 0
    for w, n in zip(weights, e.n, strict=True):
        read = read + w * n.grad
    generated = c.alpha * c.sigma, V, e.z[axis].grad
    detected = c.alpha_inverse * c.diffusion, read, u
    return straight, [generated, detected]


def _shares(
    products: list[Any],
    mesh: Any,
    area: np.ndarray,
) -> np.ndarray:
    """How the products of a cell divide among the directions of its facets, (facets per cell,
    cells), columns of sum 1.
    """
    corners = mesh.p[:, mesh.t]
    ends = [corners[:, j] - corners[:, i] for i, j in mesh.refdom.facets]

    def component(
        edge: np.ndarray,
        gradient: np.ndarray,
    ) -> np.ndarray:
        return np.einsum("ik,ikq->kq", edge, gradient)[None]

    def along(edge: np.ndarray) -> np.ndarray:
        parts = [(k, component(edge, a), component(edge, b)) for k, a, b in products]
        return _bounds(parts, area)

    found = np.array([along(edge) for edge in ends])
    tiny = float(np.finfo(float).tiny)
    whole = np.maximum(found.sum(axis=0), tiny)
    return np.asarray(found / whole)


def _density(
    straight: Sequence[Product],
    crossed: Sequence[Product],
) -> np.ndarray:
    """The products at the points, (cells, points)."""
    out: Any = 0
    for k, a, b in straight:
        out = out + k * (a[0] * b[0] + a[1] * b[1])
    for k, a, b in crossed:
        out = out + k * (a[0] * b[1] - a[1] * b[0])
    return np.asarray(out)


def _table(s: System) -> list[tuple[int, int, Any]]:
    """(a, d, what multiplies the unknown d in n^a), SI; n itself unless interfaces jump."""
    if s.interface is None:
        return [(a, a, np.ones_like(s.coefficients.sigma)) for a in range(3)]
    table = s.interface.density(s.coefficients)
    return [
        (a, d, entry)
        for a, row in enumerate(table)
        for d, entry in enumerate(row)
        if entry is not None
    ]


def _turned(s: System) -> np.ndarray:
    """(g e/2) X n in the unknowns, (3, 3, cells, points)."""
    c = s.coefficients
    if s.interface is None:
        return c.half_g_x
    zero = np.zeros_like(c.sigma)
    table = s.interface.turned(c)
    return np.array([[zero if entry is None else entry for entry in row] for row in table])


def _local(
    e: _Differences,
    T: np.ndarray,
) -> np.ndarray:
    """Relaxation and torque, z . (1/tau + T) n, at the points."""
    out: Any = 0
    for a, z in enumerate(e.z):
        for d, n in enumerate(e.n):
            out = out + T[a, d] * n.value * z.value
    return np.asarray(out)


def _bounds(
    products: Sequence[Product],
    area: np.ndarray,
) -> np.ndarray:
    """What the products of a cell could be at most, (cells,): the norms multiplied."""
    out: Any = 0
    for k, a, b in products:
        out = out + _norm(k, a, area) * _norm(k, b, area)
    return np.asarray(out)


def _norm(
    weight: np.ndarray,
    a: np.ndarray,
    area: np.ndarray,
) -> np.ndarray:
    """sqrt(int |weight| |a|^2) of each cell, a (components, cells, points)."""
    density = np.abs(weight) * np.sum(a**2, axis=0)
    squared = np.sum(density * area, axis=1)
    return np.asarray(np.sqrt(squared))


@dataclass(frozen=True)
class _Difference:
    """Values (cells, points) and gradients (2, cells, points), SI."""

    value: np.ndarray
    grad: np.ndarray


@dataclass(frozen=True)
class _Differences:
    V: _Difference
    V_1: _Difference
    u: _Difference
    u_1: _Difference
    n: list[_Difference]
    z: list[_Difference]


def _differences(
    low: Fields,
    high: Fields,
) -> _Differences:
    """Order P + 1 minus order P at the quadrature points of order P + 1."""
    fine = high.system.basis
    element = element_for(fine.mesh, low.system.problem.order)
    coarse = fine.with_element(element)
    length = high.system.scales.length

    def one(
        name: str,
        a: int | None = None,
    ) -> _Difference:
        ours, theirs = getattr(high, name), getattr(low, name)
        if a is not None:
            ours, theirs = ours[a], theirs[a]
        x, y = fine.interpolate(ours), coarse.interpolate(theirs)
        value = np.asarray(x) - np.asarray(y)
        return _Difference(value, (x.grad - y.grad) / length)

    return _Differences(
        V=one("V"),
        V_1=one("V_1"),
        u=one("u"),
        u_1=one("u_1"),
        n=[one("n", a) for a in range(3)],
        z=[one("z", a) for a in range(3)],
    )
