"""Bloch states of a k mesh and their sums with Fermi weights, for any number of chemical
potentials.

Everything that costs a diagonalisation is done once per wave vector: the energies and, for each
state, the columns below. The sums with f, -df/deps and d2f/deps2 are then products of a weight
matrix with these columns, and only states within 40 k_B T of the chemical potential need a weight
at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.special import expit

from ..errors import InputError
from ..units import BOLTZMANN, ELEMENTARY_CHARGE
from .hamiltonian import HBAR2_OVER_ME, LayeredModel, phase
from .near import WINDOW, Near, Wanted, near_points
from .symmetry import Operation, symmetrise

# Per state: 1; <d_c d_d H>/hbar^2 and v_a v_b in 1/m_e (the latter times eV); 1 for a band above
# the filling.
COLUMNS = ("one", "xx", "yy", "xy", "yz", "zx", "zz", "vxvx", "vyvy", "vxvy", "conduction")
# Number of the column of v_a v_b, a, b.
_VELOCITY_COLUMNS = ((7, 0, 0), (8, 1, 1), (9, 0, 1))
DERIVATIVES = ("xx", "yy", "xy", "yz", "zx", "zz")
_DERIVED = ("x", "y", *DERIVATIVES)
CHUNK = 512  # wave vectors at a time; fits a cache
BLOCK = 1024  # states whose sum is kept
FEW = 8  # chunks that are not worth a second thread


def thermal_energy(temperature: float) -> float:
    """k_B T in eV."""
    return temperature * BOLTZMANN / ELEMENTARY_CHARGE


def state_columns(
    model: LayeredModel,
    k: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Energies (nk, n) in eV and columns (nk, n, 11) at k (nk, 2)."""
    energy, u = np.linalg.eigh(model.bloch_stack(k, "")[:, 0])
    diagonal = _by_bonds if _few_bonds(model) else _by_matrices
    moved = diagonal(model, k, u)
    out = np.zeros((*energy.shape, len(COLUMNS)))
    out[..., 0] = 1.0
    out[..., 1:7] = moved[..., 2:]
    for column, a, b in _VELOCITY_COLUMNS:
        np.multiply(moved[..., a], moved[..., b], out=out[..., column])
    _mend_degenerate(model, k, energy, u, out)
    out[..., 1:10] /= HBAR2_OVER_ME
    out[:, model.filling :, 10] = 1.0
    return energy, out


def _few_bonds(model: LayeredModel) -> bool:
    """Whether a sum over bonds takes less than products of whole matrices, which are quicker an
    operation.
    """
    matrices = len(_DERIVED) * model.blocks.size
    bonds = model.n_orbitals * len(model.bonds.first)
    return bool(5 * bonds < matrices)


def _by_bonds(
    model: LayeredModel,
    k: np.ndarray,
    u: np.ndarray,
) -> np.ndarray:
    """<u|dH|u> of every state, (nk, n, derivatives), from the few bonds that there are."""
    bonds = model.bonds
    hopping = phase(k @ bonds.vector[:, :2].T) * bonds.hopping
    state = np.ascontiguousarray(u.swapaxes(1, 2))
    pairs = np.take(state.conj(), bonds.first, axis=2)
    pairs *= np.take(state, bonds.second, axis=2)
    pairs *= hopping[:, None]
    flat = pairs.reshape(-1, len(bonds.first)).view(float)
    moved = flat @ bonds.factors(_DERIVED)
    return np.asarray(moved.reshape(len(k), model.n_orbitals, -1))


def _by_matrices(
    model: LayeredModel,
    k: np.ndarray,
    u: np.ndarray,
) -> np.ndarray:
    """As :func:`_by_bonds`, from the matrices dH."""
    n = model.n_orbitals
    h = model.bloch_stack(k, *_DERIVED)
    moved = h.reshape(len(k), -1, n) @ u
    moved = moved.reshape(len(k), -1, n, n)
    moved *= u.conj()[:, None]
    # faster than a sum over a short middle axis
    diagonal = sum(moved[:, :, row].real for row in range(n))
    return np.moveaxis(np.asarray(diagonal), 1, -1)


def _mend_degenerate(
    model: LayeredModel,
    k: np.ndarray,
    energy: np.ndarray,
    u: np.ndarray,
    out: np.ndarray,
) -> None:
    """v_a v_b summed over a degenerate level, independent of the basis there.

    With P the projector, tr(P v_a) tr(P v_b)/g is the part common to the level, tr(P v_a P v_b) the
    whole; near the point the level splits along the direction of departure, and the mean over
    directions keeps half the rest.
    """
    scale = max(float(np.ptp(energy)), 1e-300)
    close = np.diff(energy, axis=1) < 1e-9 * scale
    for point in np.flatnonzero(close.any(axis=1)):
        basis = u[point]
        velocity = model.bloch_stack(k[point : point + 1], "x", "y")[0]
        blocks = [basis.conj().T @ v @ basis for v in velocity]
        parted = np.concatenate([[True], ~close[point], [True]])
        edges = np.flatnonzero(parted)
        for start, stop in pairwise(edges):
            if stop - start > 1:
                _mend_level(blocks, slice(start, stop), out[point])


def _mend_level(
    blocks: list[np.ndarray],
    level: slice,
    out: np.ndarray,
) -> None:
    """v_a v_b of one degenerate level, written into its rows of ``out`` (n, 11)."""
    g = level.stop - level.start
    for column, a, b in _VELOCITY_COLUMNS:
        p = blocks[a][level, level]
        q = blocks[b][level, level]
        common = (np.trace(p) * np.trace(q)).real / g
        out[level, column] = 0.5 * (common + np.trace(p @ q).real) / g


@dataclass(frozen=True, eq=False)
class _Level:
    """States sorted by energy; ``columns`` carry the k weights, ``blocks[n]`` is the sum of the
    first n blocks of rows. ``start`` (11,) is added to the sums with f.
    """

    energy: np.ndarray
    columns: np.ndarray
    blocks: np.ndarray
    start: np.ndarray

    def below(self, count: int) -> np.ndarray:
        """Sum of the first rows, (11,)."""
        whole = count // BLOCK
        rest = self.columns[whole * BLOCK : count]
        return np.asarray(self.blocks[whole] + rest.sum(axis=0))


@dataclass(frozen=True, eq=False)
class MeshStates:
    """The states of one mesh. ``levels``: points of the coarsest nested mesh, those added by the
    next, and so on; with ``near`` only points near the chemical potential.
    """

    model: LayeredModel
    divisions: int
    shift: float
    levels: tuple[_Level, ...]
    operations: tuple[Operation, ...]
    points: int
    near: Near | None = None

    def sums(
        self,
        mu: np.ndarray,
        temperature: float,
        order: int,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean over k and sum over bands of columns times weight.

        order 0: f; 1: df/dmu; 2: d2f/dmu2, in 1/eV^order. With ``near``, <d_c d_d H> with f is
        measured from its sum at the middle of the range.

        Returns
        -------
        (n_mu, 11) values and (n_mu, 11) error estimates, see :func:`nested_error`.

        Raises
        ------
        FaultError
            States at a chemical potential were left out.
        """
        kt = thermal_energy(temperature)
        if self.near is not None:
            self.near.check(mu, kt)
        parts = [_fermi_sums(level, mu, kt, order) for level in self.levels]
        # A mesh with fewer points gives each of them more weight.
        fewer = float(self._ratio) ** (2 * np.arange(len(parts) - 1, -1, -1))
        nested = np.cumsum(parts, axis=0) * fewer[:, None, None]
        meshes = list(spread(nested, self.operations))
        return meshes[-1], nested_error(meshes)

    @property
    def _ratio(self) -> int:
        return 2 if self.shift == 0.0 else 3


def mesh_states(
    model: LayeredModel,
    divisions: int,
    shift: float = 0.0,
    operations: tuple[Operation, ...] = (),
    wanted: Wanted | None = None,
) -> MeshStates:
    """States on k = ((i + shift) b1 + (j + shift) b2)/N, i, j = 0..N-1, one point for each orbit of
    ``operations``; of those alone that the ``wanted`` chemical potentials need, if given.

    shift is 0 (Gamma-centred) or 1/2. Operations that do not map the mesh onto itself are left out.
    """
    plain = isinstance(divisions, (int, np.integer)) and not isinstance(divisions, bool)
    if not plain or divisions < 1:
        raise InputError(
            f"expected a whole number of divisions, at least 1, got {divisions!r}",
            value=divisions,
            key="mesh",
        )
    if shift not in (0.0, 0.5):
        raise InputError(
            f"expected 0 (Gamma-centred) or 0.5 (half-shifted), got {shift!r}",
            value=shift,
            key="shift",
        )
    ratio = 2 if shift == 0.0 else 3
    depth = 0
    while depth < 2 and divisions % ratio ** (depth + 1) == 0:
        depth += 1
    kept, doubled, sizes = _orbits(int(divisions), shift, operations)
    nest = _nesting(doubled, shift, ratio, depth)
    weight = sizes / divisions**2
    near = None
    away = np.zeros(len(doubled), dtype=bool)
    if wanted is not None:
        near = near_points(model, doubled, weight, divisions, wanted)
        away = near.away
    levels = []
    for level in range(depth, -1, -1):
        here = nest == level
        chosen = here & ~away
        found = _sample(model, doubled[chosen] / (2.0 * divisions), weight[chosen])
        if near is not None:
            found = _from_middle(found, near, near.filling * weight[here & away].sum())
        levels.append(found)
    return MeshStates(model, int(divisions), shift, tuple(levels), kept, len(doubled), near)


def _from_middle(
    level: _Level,
    near: Near,
    electrons: float,
) -> _Level:
    """The same level with the ``electrons`` of the points away, and with <d_c d_d H> measured from
    the middle of the range, where theirs drops out.
    """
    middle = np.array([near.middle])
    start = -_fermi_sums(level, middle, near.kt, 0)[0]
    start[0] = electrons
    start[7:] = 0.0
    return replace(level, start=start)


def _nesting(
    doubled: np.ndarray,
    shift: float,
    ratio: int,
    depth: int,
) -> np.ndarray:
    """To how many of the coarser meshes each point belongs, (m,)."""
    nest = np.zeros(len(doubled), dtype=int)
    for step in range(1, depth + 1):
        coarse = ratio**step
        # half-shifted coarse points sit at odd multiples of the ratio
        offset = 0 if shift == 0.0 else coarse
        apart = (doubled - offset) % (2 * coarse)
        nest += (apart == 0).all(axis=1)
    return nest


def _orbits(
    n: int,
    shift: float,
    operations: tuple[Operation, ...],
) -> tuple[tuple[Operation, ...], np.ndarray, np.ndarray]:
    """Operations that keep the mesh, representatives (m, 2) in units of 1/(2N), and the orbit
    sizes.
    """
    odd = round(2 * shift)
    # in half steps the points of a shifted mesh are pairs of odd numbers; so must be their images
    kept = operations
    if odd:
        kept = tuple(op for op in operations if np.all(op.integer.sum(axis=0) % 2 == 1))
    distinct = dict.fromkeys(tuple(op.integer.ravel().tolist()) for op in kept)
    doubled, sizes = _representatives(n, odd, tuple(distinct) or ((1, 0, 0, 1),))
    return kept, doubled, sizes


@lru_cache(maxsize=2)  # a gate turns the layers, not the mesh
def _representatives(
    n: int,
    odd: int,
    entries: tuple[tuple[int, ...], ...],
) -> tuple[np.ndarray, np.ndarray]:
    """Representatives (m, 2) and orbit sizes (m,) under integer matrices with these entries."""
    matrices = [np.array(entry).reshape(2, 2) for entry in entries]
    others = [matrix for matrix in matrices if np.any(matrix != np.eye(2))]
    # a half turn takes every row beyond the middle to one before it
    last = n // 2 + 1 if (-1, 0, 0, -1) in entries else n
    points = []
    sizes = []
    for start in range(0, last, 64):
        rows = np.arange(start, min(start + 64, last), dtype=_whole(n))
        i, j = _lowest(rows, others, n, odd)
        number = i * n + j
        images = [_image(i, j, matrix, n, odd) for matrix in matrices]
        fixed = sum((image == number).astype(int) for image in images)
        point = np.stack([i, j], axis=1).astype(int)
        points.append(2 * point + odd)
        sizes.append(len(matrices) / fixed)
    return np.concatenate(points), np.concatenate(sizes)


def _whole(n: int) -> type[np.signedinteger[Any]]:
    """The shorter, quicker kind of whole number if it holds the number of every point."""
    return np.int32 if n**2 < np.iinfo(np.int32).max else np.int64


def _lowest(
    rows: np.ndarray,
    matrices: list[np.ndarray],
    n: int,
    odd: int,
) -> tuple[np.ndarray, np.ndarray]:
    """The points (i, j) of some rows of the mesh of which no image has a lower number."""
    columns = np.arange(n, dtype=rows.dtype)
    grid_i, grid_j = np.meshgrid(rows, columns, indexing="ij")
    i = grid_i.ravel()
    j = grid_j.ravel()
    for matrix in matrices:
        stays = _image(i, j, matrix, n, odd) >= i * n + j
        i = i[stays]
        j = j[stays]
    return i, j


def _image(
    i: np.ndarray,
    j: np.ndarray,
    matrix: np.ndarray,
    n: int,
    odd: int,
) -> np.ndarray:
    """Number i N + j of the mesh point to which an operation takes (i, j)."""
    ((a, b), (c, d)) = matrix.tolist()
    p = 2 * i + odd
    q = 2 * j + odd
    row = (p * a + q * c - odd) // 2 % n
    column = (p * b + q * d - odd) // 2 % n
    return np.asarray(row * n + column)


def _sample(
    model: LayeredModel,
    fractions: np.ndarray,
    weight: np.ndarray,
) -> _Level:
    n, width = model.n_orbitals, len(COLUMNS)
    energy = np.empty((len(fractions), n))
    column = np.empty((len(fractions), n, width))
    k = fractions @ model.reciprocal

    def fill(start: int) -> None:
        part = slice(start, start + CHUNK)
        energy[part], found = state_columns(model, k[part])
        np.multiply(found, weight[part, None, None], out=column[part])

    _at_once(fill, range(0, len(k), CHUNK))
    order = np.argsort(energy, axis=None)
    ascending = column.reshape(-1, width)[order]
    starts = np.arange(0, len(order), BLOCK)
    sums = np.add.reduceat(ascending, starts, axis=0) if len(order) else ascending
    blocks = np.concatenate([np.zeros((1, width)), np.cumsum(sums, axis=0)])
    return _Level(energy.ravel()[order], ascending, blocks, np.zeros(width))


def _at_once(
    work: Callable[[int], None],
    pieces: Sequence[int],
) -> None:
    """Independent pieces on two threads, which numpy lets run side by side."""
    if len(pieces) < FEW:
        for piece in pieces:
            work(piece)
        return
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(work, pieces))


def fermi_weight(
    x: np.ndarray,
    kt: float,
    order: int,
) -> np.ndarray:
    """d^order f/dmu^order as a function of x = (mu - eps)/k_B T."""
    f = expit(x)
    if order == 0:
        return np.asarray(f)
    slope = f * expit(-x)
    if order == 1:
        return np.asarray(slope / kt)
    return np.asarray(slope * (1.0 - 2.0 * f) / kt**2)


def _fermi_sums(
    level: _Level,
    mu: np.ndarray,
    kt: float,
    order: int,
    chunk: int = 16,
) -> np.ndarray:
    out = np.zeros((len(mu), len(COLUMNS)))
    rank = np.argsort(mu)
    for start in range(0, len(mu), chunk):
        part = rank[start : start + chunk]
        lowest = mu[part[0]] - WINDOW * kt
        highest = mu[part[-1]] + WINDOW * kt
        low, high = np.searchsorted(level.energy, [lowest, highest])
        near = level.energy[None, low:high]
        x = (mu[part, None] - near) / kt
        out[part] = fermi_weight(x, kt, order) @ level.columns[low:high]
        if order == 0:
            out[part] += level.below(int(low)) + level.start
    return out


def spread(
    sums: np.ndarray,
    operations: tuple[Operation, ...],
) -> np.ndarray:
    """Turn sums over representatives into sums over the whole zone: average both tensors over the
    group.
    """
    if len(operations) < 2:
        return sums
    six = np.zeros((2, *sums.shape[:-1], 6))
    six[0] = sums[..., 1:7]
    six[1, ..., :3] = sums[..., 7:10]
    mass, velocity = components(symmetrise(tensor(six), operations))
    out = sums.copy()
    out[..., 1:7] = mass
    out[..., 7:10] = velocity[..., :3]
    return out


def tensor(six: np.ndarray) -> np.ndarray:
    """(..., 6) in the order xx, yy, xy, yz, zx, zz -> symmetric (..., 3, 3)."""
    xx, yy, xy, yz, zx, zz = np.moveaxis(six, -1, 0)
    x_row = np.stack((xx, xy, zx), axis=-1)
    y_row = np.stack((xy, yy, yz), axis=-1)
    z_row = np.stack((zx, yz, zz), axis=-1)
    return np.stack([x_row, y_row, z_row], axis=-2)


def components(matrix: np.ndarray) -> np.ndarray:
    """Inverse of :func:`tensor`."""
    rows = (0, 1, 0, 1, 2, 2)
    columns = (0, 1, 1, 2, 0, 2)
    return np.asarray(matrix[..., rows, columns])


def nested_error(meshes: list[np.ndarray]) -> np.ndarray:
    """Error of the finest of nested meshes, each finer by the same ratio.

    The last change times the rate at which the changes fall. Exact for algebraic convergence;
    pessimistic for the exponential one of a smooth periodic integrand. With two meshes it is the
    last change, with one unknown (nan).
    """
    if len(meshes) == 1:
        return np.full_like(meshes[0], np.nan)
    last = np.abs(meshes[-1] - meshes[-2])
    if len(meshes) == 2:
        return last
    before = np.abs(meshes[-1] - meshes[0])
    falling = before > last
    rate = np.divide(last, before, out=np.ones_like(last), where=falling)
    return np.asarray(last * rate)
