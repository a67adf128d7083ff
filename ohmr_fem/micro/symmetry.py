"""Symmetries of a layered model, found from the model itself, and what they forbid in X, Eqs.
(S52)-(S54).

Candidates are the point operations of the lattice, with or without z -> -z and time reversal. A
candidate g is accepted if it maps the orbital centres onto themselves and if at generic wave
vectors the gauge-invariant traces

    tr[h1(H) d_cH h2(H) d_dH],   tr[h1(H) d_c d_dH],   tr[h1(H) z],   tr[h1(H)]

at g k are those at k turned by g (complex conjugate for time reversal). No guess about the orbitals
is needed, so it serves a Wannier90 model too. The traces are analytic in k: agreement at generic
points is agreement everywhere.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import expit

from ..base.owned import own_arrays
from ..errors import InputError
from ..errors.doors import door
from ..units import BOLTZMANN, ELEMENTARY_CHARGE, positive, to_si
from .hamiltonian import HBAR2_OVER_ME, LayeredModel

COMPONENTS = ("xx", "yy", "xy", "yz", "zx", "zz")
TOLERANCE = 1e-9
LARGEST_PIECE = 200  # operations times orbitals whose traces are taken together
SITE_TOLERANCE = 1e-3  # angstrom; centres from Wannier90 are printed to about 1e-6


@dataclass(frozen=True, eq=False)
class Operation:
    """``matrix`` (3, 3) acts on r; k = c.b goes to (c @ ``integer``).b."""

    name: str
    matrix: np.ndarray
    integer: np.ndarray
    time_reversal: bool

    def __post_init__(self) -> None:
        own_arrays(self)

    @property
    def k_matrix(self) -> np.ndarray:
        """(2, 2) matrix on Cartesian k; time reversal adds k -> -k."""
        in_plane = self.matrix[:2, :2]
        return np.asarray(-in_plane if self.time_reversal else in_plane)


def find_operations(model: LayeredModel) -> tuple[Operation, ...]:
    """The group of operations that the model has; the identity comes first."""
    generic = np.random.default_rng(7).uniform(-0.5, 0.5, (3, 2))
    k = generic @ model.reciprocal
    weights = _weights(model, k)
    here = _traces(model, k, weights)
    # a gate turns the energies of the layers and not their places
    candidates = _site_operations(model.lattice.tobytes(), model.positions.tobytes())
    found = []
    together = max(1, LARGEST_PIECE // model.n_orbitals)
    for start in range(0, len(candidates), together):
        group = candidates[start : start + together]
        images = np.concatenate([k @ op.k_matrix.T for op in group])
        there = _traces(model, images, weights)
        for index, op in enumerate(group):
            own = slice(index * len(k), (index + 1) * len(k))
            if _holds(op, here, tuple(trace[own] for trace in there)):
                found.append(op)
    found.sort(key=lambda op: (op.name != "identity", op.time_reversal))
    return tuple(found)


def symmetrise(
    tensor: np.ndarray,
    operations: tuple[Operation, ...],
) -> np.ndarray:
    """Mean of g X g^T over the operations; (..., 3, 3)."""
    return np.asarray(sum(op.matrix @ tensor @ op.matrix.T for op in operations) / len(operations))


def forbidden_components(operations: tuple[Operation, ...]) -> tuple[str, ...]:
    """Components of a symmetric tensor that must vanish under the operations."""
    basis = np.array([_unit(name) for name in COMPONENTS])
    allowed = symmetrise(basis, operations)
    forbidden = []
    for name in COMPONENTS:
        a, b = _indices(name)
        largest = np.abs(allowed[:, a, b]).max()
        if largest < 1e-9:
            forbidden.append(name)
    return tuple(forbidden)


def _indices(name: str) -> tuple[int, int]:
    return "xyz".index(name[0]), "xyz".index(name[1])


def _unit(name: str) -> np.ndarray:
    a, b = _indices(name)
    e = np.zeros((3, 3))
    e[a, b] = 1.0
    e[b, a] = 1.0
    return e


@lru_cache(maxsize=16)
def _site_operations(
    lattice: bytes,
    positions: bytes,
) -> tuple[Operation, ...]:
    """Point operations of the lattice that map the orbital centres onto themselves."""
    vectors = np.frombuffer(lattice).reshape(2, 2)
    sites = np.frombuffer(positions).reshape(-1, 3)
    candidates = _candidates(vectors, sites)
    return tuple(op for op in candidates if _maps_sites(op, vectors, sites))


def _candidates(
    lattice: np.ndarray,
    positions: np.ndarray,
) -> list[Operation]:
    """Lattice point operations times z -> +-z times time reversal."""
    out = []
    reciprocal = 2 * np.pi * np.linalg.inv(lattice).T
    flat = np.ptp(positions[:, 2]) < 1e-9
    # in a flat model z -> -z says nothing
    flips = (1.0,) if flat else (1.0, -1.0)
    for m in _lattice_operations(lattice):
        plane = np.linalg.solve(lattice, m @ lattice).T
        turned = reciprocal @ plane.T
        k_integer = np.rint(turned @ np.linalg.inv(reciprocal)).astype(int)
        for flip, reversed_time in itertools.product(flips, (False, True)):
            matrix = np.eye(3)
            matrix[:2, :2] = plane
            matrix[2, 2] = flip
            operation = Operation(
                _name(matrix, reversed_time),
                matrix,
                -k_integer if reversed_time else k_integer,
                reversed_time,
            )
            out.append(operation)
    return out


def _lattice_operations(lattice: np.ndarray) -> Iterator[np.ndarray]:
    """Integer matrices that keep all lengths and angles; rows: images of a1, a2 in the lattice
    basis.
    """
    gram = lattice @ lattice.T
    tolerance = 1e-6 * gram.max()
    for entries in itertools.product((-2, -1, 0, 1, 2), repeat=4):
        m = np.array(entries).reshape(2, 2)
        area = round(float(np.linalg.det(m)))
        if abs(area) != 1:
            continue
        change = m @ gram @ m.T - gram
        if np.abs(change).max() <= tolerance:
            yield m


def _name(
    matrix: np.ndarray,
    reversed_time: bool,
) -> str:
    name = _space_name(matrix)
    if not reversed_time:
        return name
    return "time reversal" if name == "identity" else f"{name} with time reversal"


def _space_name(matrix: np.ndarray) -> str:
    plane = matrix[:2, :2]
    up = matrix[2, 2] > 0
    radians = np.arctan2(plane[1, 0], plane[0, 0])
    angle = round(np.degrees(radians))
    if np.linalg.det(plane) < 0:
        axis = round(0.5 * angle) % 180
        if up:
            return f"vertical mirror through {axis} deg"
        return f"C2 about the in-plane axis at {axis} deg"
    if angle == 0:
        return "identity" if up else "mirror z"
    if abs(angle) == 180:
        return "C2z" if up else "inversion"
    fold = 360 // abs(angle)
    sense = "" if angle > 0 else "^-1"
    flip = "" if up else " with z -> -z"
    return f"C{fold}z{sense}{flip}"


def _maps_sites(
    op: Operation,
    lattice: np.ndarray,
    positions: np.ndarray,
) -> bool:
    """True if, after a common translation, g maps the orbital centres onto themselves modulo the
    lattice.
    """
    r = positions.copy()
    r[:, 2] = _height(positions)
    turned = r @ op.matrix.T
    for target in r:
        offset = target - turned[0]
        offset[2] = 0.0
        apart = (turned + offset)[:, None, :] - r[None, :, :]
        cells = apart[..., :2] @ np.linalg.inv(lattice)
        apart[..., :2] = (cells - np.rint(cells)) @ lattice
        near = np.linalg.norm(apart, axis=-1) < SITE_TOLERANCE
        arrived = near.any(axis=1).all()
        covered = near.any(axis=0).all()
        if arrived and covered:
            return True
    return False


def _height(positions: np.ndarray) -> np.ndarray:
    """z of the orbitals from the middle of the stack, in angstrom."""
    z = positions[:, 2]
    middle = 0.5 * (z.min() + z.max())
    return np.asarray(z - middle)


def _weights(
    model: LayeredModel,
    k: np.ndarray,
) -> tuple[float, float, float, float]:
    """Centre and width of the smooth functions h1, h2; scales of the first and second derivatives
    of H.
    """
    e = model.bands(k)
    centre = float(e.mean())
    width = float(np.ptp(e)) / 6.0
    scales = []
    for names in (("x", "y", "z"), ("xx", "yy", "zz")):
        derivatives = np.stack(model.bloch(k, *names))
        largest = float(np.abs(derivatives).max())
        scales.append(max(largest, 1e-300))
    first, second = scales
    return centre, width or 1.0, first, second


def _traces(
    model: LayeredModel,
    k: np.ndarray,
    weights: tuple[float, ...],
) -> tuple[np.ndarray, ...]:
    """Q (nk, 3, 3), S (nk, 3, 3), polarisation (nk,), trace (nk,), each divided by its scale in eV
    and angstrom.
    """
    names = ["".join(pair) for pair in itertools.product("xyz", repeat=2)]
    h, *rest = model.bloch(k, "", "x", "y", "z", *names)
    energy, u = np.linalg.eigh(h)
    centre, width, scale, second_scale = weights
    step = expit((energy - centre) / width)
    x = (energy - centre - 0.3 * width) / (2 * width)
    h1 = _function_of_h(u, step)
    h2 = _function_of_h(u, np.exp(-(x**2)))
    first = np.stack(rest[:3])
    second = np.stack(rest[3:])
    q = np.einsum("kij,ckjl,klm,dkmi->kcd", h1, first, h2, first, optimize=True)
    s = np.einsum("kij,ckji->kc", h1, second, optimize=True)
    s = s.reshape(-1, 3, 3)
    z = _height(model.positions)
    trace = np.einsum("kii,i->k", h1, np.ones_like(z)).real
    polarisation = np.einsum("kii,i->k", h1, z).real
    thickness = max(np.ptp(z), 1e-9)
    return q / scale**2, s / second_scale, polarisation / thickness, trace


def _function_of_h(
    u: np.ndarray,
    f: np.ndarray,
) -> np.ndarray:
    """sum_n |n> f_n <n| from eigenvectors u (nk, n, n) and values f (nk, n)."""
    adjoint = u.conj().swapaxes(1, 2)
    return np.asarray((u * f[:, None, :]) @ adjoint)


def _holds(
    op: Operation,
    here: tuple[np.ndarray, ...],
    there: tuple[np.ndarray, ...],
) -> bool:
    g = op.matrix
    q, s, polarisation, trace = here
    if op.time_reversal:
        q = q.conj()
        s = s.conj()
    turned = (
        g @ q @ g.T,
        g @ s @ g.T,
        g[2, 2] * polarisation,
        trace,
    )
    gaps = [np.abs(a - b).max() for a, b in zip(turned, there, strict=True)]
    return all(gap < TOLERANCE for gap in gaps)


@dataclass(frozen=True, eq=False)
class SymmetryReport:
    """What a model's symmetries say about X, beside the tensor itself.

    Eqs. (S52)-(S54); docs/microscopic.

    Attributes
    ----------
    name : str
        Of the model.
    operations : tuple of Operation
        Without time reversal first.
    forbidden : tuple of str
        Components that must vanish, e.g. ("xy", "yz", "zx").
    isotropic : bool
        True if X_xx = X_yy is enforced.
    X : (3, 3)
        Commutator form per cell and spin in 1/m_e, from a full Gamma-centred mesh without using any
        symmetry.
    violation : float
        Largest forbidden component (and |X_xx - X_yy| if isotropic) over the largest component.
    """

    name: str
    operations: tuple[Operation, ...]
    forbidden: tuple[str, ...]
    isotropic: bool
    X: np.ndarray
    violation: float

    def __post_init__(self) -> None:
        own_arrays(self)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the operations that hold without time reversal."""
        return tuple(op.name for op in self.operations if not op.time_reversal)

    @property
    def threefold(self) -> bool:
        """Whether the axis along z is threefold."""
        return "C3z" in self.names

    @property
    def inversion(self) -> bool:
        """Whether the model has inversion symmetry."""
        return "inversion" in self.names

    @property
    def mirrors(self) -> tuple[str, ...]:
        """Names of the mirror planes."""
        return tuple(name for name in self.names if "mirror" in name)

    @property
    def time_reversal(self) -> bool:
        """Whether time reversal by itself is a symmetry."""
        return any(op.name == "time reversal" for op in self.operations)

    def __str__(self) -> str:
        yes = {True: "yes", False: "no"}
        name = self.name or "model"
        zero = ", ".join(f"X_{c}" for c in self.forbidden) or "none"
        equal = "; X_xx = X_yy" if self.isotropic else ""
        lines = [
            f"{name}: C3 {yes[self.threefold]}, inversion {yes[self.inversion]}, mirrors "
            f"{len(self.mirrors)}, time reversal {yes[self.time_reversal]}",
            f"  operations: {'; '.join(self.names)}",
            f"  must vanish: {zero}{equal}",
            f"  largest violation on a full mesh: {self.violation:.1e} of the largest component",
        ]
        return "\n".join(lines)


@door
def symmetry_report(
    model: LayeredModel,
    mu: float | None = None,
    temperature: float = 300.0,
    mesh: int = 36,
) -> SymmetryReport:
    """Find the symmetries, say which components they forbid, Eqs. (S52)-(S54), and show that these
    vanish.

    For a displacement field report ``model.with_displacement(V)`` beside ``model``.

    Parameters
    ----------
    model : LayeredModel
    mu : float, eV, optional
        Default the mean energy.
    temperature : float, K
    mesh : int
        Divisions of the check mesh in each direction.

    Returns
    -------
    SymmetryReport

    Raises
    ------
    InputError
        Temperature or mesh not positive.
    """
    temperature = positive(temperature, "K", "temperature")
    mu = None if mu is None else to_si(mu, "eV", "mu")
    if mesh < 1:
        raise InputError(f"mesh must be positive, got {mesh!r}", key="symmetry_report")
    operations = find_operations(model)
    forbidden = forbidden_components(operations)
    diagonal = symmetrise(np.diag([1.0, 0.0, 0.0]), operations)
    isotropic = abs(diagonal[0, 0] - diagonal[1, 1]) < 1e-9
    x = _full_tensor(model, mu, temperature, mesh)
    broken = [abs(x[_indices(name)]) for name in forbidden]
    if isotropic:
        broken.append(abs(x[0, 0] - x[1, 1]))
    worst = float(max(broken, default=0.0))
    scale = float(np.abs(x).max()) or 1.0
    return SymmetryReport(
        model.name,
        operations,
        forbidden,
        isotropic,
        x,
        violation=worst / scale,
    )


def _full_tensor(
    model: LayeredModel,
    mu: float | None,
    temperature: float,
    mesh: int,
) -> np.ndarray:
    """(1/hbar^2) tr[f(H) d_c d_d H], mean over all points of the mesh."""
    grid = np.arange(mesh) / mesh
    points = np.stack(np.meshgrid(grid, grid), axis=-1)
    k = points.reshape(-1, 2) @ model.reciprocal
    kt = temperature * BOLTZMANN / ELEMENTARY_CHARGE
    level = float(model.bands(k).mean()) if mu is None else mu
    out = np.zeros(6)
    n_parts = max(1, len(k) // 512)
    for part in np.array_split(k, n_parts):
        h, *second = model.bloch(part, "", *COMPONENTS)
        energy, u = np.linalg.eigh(h)
        rho = _function_of_h(u, expit((level - energy) / kt))
        for c, m in enumerate(second):
            out[c] += np.einsum("kij,kji->", rho, m).real
    xx, yy, xy, yz, zx, zz = out / len(k) / HBAR2_OVER_ME
    return np.array(
        [
            [xx, xy, zx],
            [xy, yy, yz],
            [zx, yz, zz],
        ]
    )
