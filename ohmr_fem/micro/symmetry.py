"""Symmetries of a layered model, found from the model itself, and what they forbid in X, Eqs. (S52)-(S54).

Candidates are the point operations of the lattice, with or without z -> -z and time reversal. A candidate g is
accepted if it maps the orbital centres onto themselves and if at generic wave vectors the gauge-invariant traces

    tr[h1(H) d_cH h2(H) d_dH],   tr[h1(H) d_c d_dH],   tr[h1(H) z],   tr[h1(H)]

at g k are those at k turned by g (complex conjugate for time reversal). No guess about the orbitals is needed,
so it serves a Wannier90 model too. The traces are analytic in k: agreement at generic points is agreement everywhere.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from .hamiltonian import LayeredModel

COMPONENTS = ("xx", "yy", "xy", "yz", "zx", "zz")
TOLERANCE = 1e-9
SITE_TOLERANCE = 1e-3  # angstrom; centres from Wannier90 are printed to about 1e-6


@dataclass(frozen=True, eq=False)
class Operation:
    """``matrix`` (3, 3) acts on r; k = c.b goes to (c @ ``integer``).b."""

    name: str
    matrix: np.ndarray
    integer: np.ndarray
    time_reversal: bool

    @property
    def k_matrix(self) -> np.ndarray:
        """(2, 2) matrix on Cartesian k; time reversal adds k -> -k."""
        return np.asarray(-self.matrix[:2, :2] if self.time_reversal else self.matrix[:2, :2])


def find_operations(model: LayeredModel) -> tuple[Operation, ...]:
    """The group of operations that the model has; the identity comes first."""
    k = np.random.default_rng(7).uniform(-0.5, 0.5, (3, 2)) @ model.reciprocal
    weights = _weights(model, k)
    here = _traces(model, k, weights)
    found = [op for op in _candidates(model) if _maps_sites(op, model)
             and _holds(op, here, _traces(model, k @ op.k_matrix.T, weights))]
    return tuple(sorted(found, key=lambda op: (op.name != "identity", op.time_reversal)))


def symmetrise(tensor: np.ndarray, operations: tuple[Operation, ...]) -> np.ndarray:
    """Mean of g X g^T over the operations; (..., 3, 3)."""
    return np.asarray(sum(op.matrix @ tensor @ op.matrix.T for op in operations) / len(operations))


def forbidden_components(operations: tuple[Operation, ...]) -> tuple[str, ...]:
    """Components of a symmetric tensor that must vanish under the operations."""
    basis = np.array([_unit(name) for name in COMPONENTS])
    allowed = symmetrise(basis, operations)
    return tuple(name for name in COMPONENTS
                 if np.abs(allowed[:, "xyz".index(name[0]), "xyz".index(name[1])]).max() < 1e-9)


def _unit(name: str) -> np.ndarray:
    a, b = "xyz".index(name[0]), "xyz".index(name[1])
    e = np.zeros((3, 3))
    e[a, b] = e[b, a] = 1.0
    return e


def _candidates(model: LayeredModel) -> list[Operation]:
    """Lattice point operations times z -> +-z times time reversal."""
    out = []
    gram = model.lattice @ model.lattice.T
    for entries in itertools.product((-2, -1, 0, 1, 2), repeat=4):
        m = np.array(entries).reshape(2, 2)  # rows: images of a1, a2 in the lattice basis
        if abs(round(float(np.linalg.det(m)))) != 1 or np.abs(m @ gram @ m.T - gram).max() > 1e-6 * gram.max():
            continue
        plane = np.linalg.solve(model.lattice, m @ model.lattice).T
        k_integer = np.rint(model.reciprocal @ plane.T @ np.linalg.inv(model.reciprocal)).astype(int)
        for flip, reversed_time in itertools.product((1.0, -1.0), (False, True)):
            if flip < 0 and np.ptp(model.positions[:, 2]) < 1e-9:
                continue  # flat model: z -> -z says nothing
            matrix = np.eye(3)
            matrix[:2, :2], matrix[2, 2] = plane, flip
            sign = -1 if reversed_time else 1
            out.append(Operation(_name(matrix, reversed_time), matrix, sign * k_integer, reversed_time))
    return out


def _name(matrix: np.ndarray, reversed_time: bool) -> str:
    plane, up = matrix[:2, :2], matrix[2, 2] > 0
    angle = round(np.degrees(np.arctan2(plane[1, 0], plane[0, 0])))
    if np.linalg.det(plane) < 0:
        axis = round(0.5 * angle) % 180
        name = f"vertical mirror through {axis} deg" if up else f"C2 about the in-plane axis at {axis} deg"
    elif angle == 0:
        name = "identity" if up else "mirror z"
    elif abs(angle) == 180:
        name = "C2z" if up else "inversion"
    else:
        name = f"C{360 // abs(angle)}z{'' if angle > 0 else '^-1'}" + ("" if up else " with z -> -z")
    if not reversed_time:
        return name
    return "time reversal" if name == "identity" else f"{name} with time reversal"


def _maps_sites(op: Operation, model: LayeredModel) -> bool:
    """True if, after a common translation, g maps the orbital centres onto themselves modulo the lattice."""
    r = model.positions - [0.0, 0.0, 0.5 * (model.positions[:, 2].min() + model.positions[:, 2].max())]
    turned = r @ op.matrix.T
    for target in r:
        offset = np.append((target - turned[0])[:2], 0.0)
        apart = (turned + offset)[:, None, :] - r[None, :, :]
        cells = apart[..., :2] @ np.linalg.inv(model.lattice)
        apart[..., :2] = (cells - np.rint(cells)) @ model.lattice
        near = np.linalg.norm(apart, axis=-1) < SITE_TOLERANCE
        if near.any(axis=1).all() and near.any(axis=0).all():
            return True
    return False


def _weights(model: LayeredModel, k: np.ndarray) -> tuple[float, float, float, float]:
    """Centre and width of the smooth functions h1, h2; scales of the first and second derivatives of H."""
    e = model.bands(k)
    first, second = (max(float(np.abs(np.stack(model.bloch(k, *names))).max()), 1e-300) for names in
                     (("x", "y", "z"), ("xx", "yy", "zz")))
    return float(e.mean()), float(np.ptp(e)) / 6.0 or 1.0, first, second


def _traces(model: LayeredModel, k: np.ndarray, weights: tuple[float, ...]) -> tuple[np.ndarray, ...]:
    """Q (nk, 3, 3), S (nk, 3, 3), polarisation (nk,), trace (nk,), each divided by its scale in eV and angstrom."""
    names = ["".join(pair) for pair in itertools.product("xyz", repeat=2)]
    h, *rest = model.bloch(k, "", "x", "y", "z", *names)
    energy, u = np.linalg.eigh(h)
    centre, width, scale, second_scale = weights
    functions = [expit((energy - centre) / width), np.exp(-(((energy - centre - 0.3 * width) / (2 * width)) ** 2))]
    h1, h2 = ((u * f[:, None, :]) @ u.conj().swapaxes(1, 2) for f in functions)
    first, second = np.stack(rest[:3]), np.stack(rest[3:])
    q = np.einsum("kij,ckjl,klm,dkmi->kcd", h1, first, h2, first, optimize=True)
    s = np.einsum("kij,ckji->kc", h1, second, optimize=True).reshape(-1, 3, 3)
    z = model.positions[:, 2] - 0.5 * (model.positions[:, 2].min() + model.positions[:, 2].max())
    trace, polarisation = (np.einsum("kii,i->k", h1, v).real for v in (np.ones_like(z), z))
    return q / scale**2, s / second_scale, polarisation / max(np.ptp(z), 1e-9), trace


def _holds(op: Operation, here: tuple[np.ndarray, ...], there: tuple[np.ndarray, ...]) -> bool:
    g = op.matrix
    q, s, polarisation, trace = here
    turned = (g @ (q.conj() if op.time_reversal else q) @ g.T, g @ (s.conj() if op.time_reversal else s) @ g.T,
              g[2, 2] * polarisation, trace)
    return all(np.abs(a - b).max() < TOLERANCE for a, b in zip(turned, there, strict=True))
