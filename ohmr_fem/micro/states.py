"""Bloch states of a k mesh and their sums with Fermi weights, for any number of chemical
potentials.

Everything that costs a diagonalisation is done once per wave vector: the energies and, for each
state, the columns below. The sums with f, -df/deps and d2f/deps2 are then products of a weight
matrix with these columns, and only states within 40 k_B T of the chemical potential need a weight
at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import expit

from ..errors import InputError
from ..units import BOLTZMANN, ELEMENTARY_CHARGE
from .hamiltonian import HBAR2_OVER_ME, LayeredModel
from .symmetry import Operation, symmetrise

COLUMNS = ("one", "xx", "yy", "xy", "yz", "zx", "zz", "vxvx", "vyvy", "vxvy", "conduction")
"""Per state: 1; <d_c d_d H>/hbar^2 and v_a v_b in 1/m_e (the latter times eV); 1 for a band above the filling."""

DERIVATIVES = ("xx", "yy", "xy", "yz", "zx", "zz")
WINDOW = 40.0  # k_B T; exp(-40) is below double precision
CHUNK = 512  # wave vectors at a time; fits a cache


def thermal_energy(temperature: float) -> float:
    """k_B T in eV."""
    return temperature * BOLTZMANN / ELEMENTARY_CHARGE


def state_columns(model: LayeredModel, k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Energies (nk, n) in eV and columns (nk, n, 11) at k (nk, 2)."""
    h = model.bloch_stack(k, "", "x", "y", *DERIVATIVES)
    energy, u = np.linalg.eigh(h[:, 0])
    n = energy.shape[1]
    moved = (h[:, 1:].reshape(len(k), -1, n) @ u).reshape(len(k), -1, n, n)
    moved *= u.conj()[:, None]
    diagonal = sum(
        moved[:, :, row].real for row in range(n)
    )  # faster than a sum over a short middle axis
    out = np.zeros((*energy.shape, len(COLUMNS)))
    out[..., 0] = 1.0
    out[..., 1:7] = np.moveaxis(diagonal[:, 2:], 1, -1)
    for column, (a, b) in enumerate(((0, 0), (1, 1), (0, 1)), start=7):
        out[..., column] = diagonal[:, a] * diagonal[:, b]
    _mend_degenerate(energy, u, (h[:, 1], h[:, 2]), out)
    out[..., 1:10] /= HBAR2_OVER_ME
    out[:, model.filling :, 10] = 1.0
    return energy, out


def _mend_degenerate(
    energy: np.ndarray, u: np.ndarray, velocity: tuple[np.ndarray, ...], out: np.ndarray
) -> None:
    """v_a v_b summed over a degenerate level, independent of the basis there.

    With P the projector, tr(P v_a) tr(P v_b)/g is the part common to the level, tr(P v_a P v_b) the
    whole; near the point the level splits along the direction of departure, and the mean over
    directions keeps half the rest.
    """
    close = np.diff(energy, axis=1) < 1e-9 * max(float(np.ptp(energy)), 1e-300)
    for point in np.flatnonzero(close.any(axis=1)):
        edges = np.flatnonzero(np.concatenate([[True], ~close[point], [True]]))
        blocks = [u[point].conj().T @ v[point] @ u[point] for v in velocity]
        for start, stop in pairwise(edges):
            g, level = stop - start, slice(start, stop)
            if g == 1:
                continue
            for column, (a, b) in enumerate(((0, 0), (1, 1), (0, 1)), start=7):
                p, q = blocks[a][level, level], blocks[b][level, level]
                common = (np.trace(p) * np.trace(q)).real / g
                out[point, level, column] = 0.5 * (common + np.trace(p @ q).real) / g


@dataclass(frozen=True, eq=False)
class _Level:
    """States sorted by energy; ``columns`` carry the k weights, ``below[n]`` is the sum of the
    first n rows.
    """

    energy: np.ndarray
    columns: np.ndarray
    below: np.ndarray


@dataclass(frozen=True, eq=False)
class MeshStates:
    """All states of one mesh. ``levels``: points of the coarsest nested mesh, those added by the
    next, and so on.
    """

    model: LayeredModel
    divisions: int
    shift: float
    levels: tuple[_Level, ...]
    operations: tuple[Operation, ...]
    points: int

    def sums(self, mu: np.ndarray, temperature: float, order: int) -> tuple[np.ndarray, np.ndarray]:
        """Mean over k and sum over bands of columns times weight.

        order 0: f; 1: df/dmu; 2: d2f/dmu2, in 1/eV^order.

        Returns
        -------
        (n_mu, 11) values and (n_mu, 11) error estimates, see :func:`nested_error`.
        """
        parts = [
            _fermi_sums(level, mu, thermal_energy(temperature), order) for level in self.levels
        ]
        ratio = self._ratio**2
        meshes, total = [], np.zeros_like(parts[0])
        for index, part in enumerate(parts):
            total = total + part
            meshes.append(spread(total, self.operations) * float(ratio ** (len(parts) - 1 - index)))
        return meshes[-1], nested_error(meshes)

    @property
    def _ratio(self) -> int:
        return 2 if self.shift == 0.0 else 3


def mesh_states(
    model: LayeredModel, divisions: int, shift: float = 0.0, operations: tuple[Operation, ...] = ()
) -> MeshStates:
    """States on k = ((i + shift) b1 + (j + shift) b2)/N, i, j = 0..N-1, one point for each orbit of
    ``operations``.

    shift is 0 (Gamma-centred) or 1/2. Operations that do not map the mesh onto itself are left out.
    """
    if not isinstance(divisions, (int, np.integer)) or divisions < 1:
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
    kept, doubled, weight = _orbits(int(divisions), shift, operations)
    nest = np.zeros(len(doubled), dtype=int)
    for step in range(1, depth + 1):
        coarse = ratio**step
        offset = (
            0 if shift == 0.0 else coarse
        )  # half-shifted coarse points sit at odd multiples of the ratio
        nest += ((doubled - offset) % (2 * coarse) == 0).all(axis=1)
    levels = []
    for level in range(depth, -1, -1):
        chosen = nest == level
        levels.append(
            _sample(model, doubled[chosen] / (2.0 * divisions), weight[chosen] / divisions**2)
        )
    return MeshStates(model, int(divisions), shift, tuple(levels), kept, len(doubled))


def _orbits(
    n: int, shift: float, operations: tuple[Operation, ...]
) -> tuple[tuple[Operation, ...], np.ndarray, np.ndarray]:
    """Operations that keep the mesh, representatives (m, 2) in units of 1/(2N), and the orbit
    sizes.
    """
    odd = round(2 * shift)
    # in half steps the points of a shifted mesh are pairs of odd numbers; so must be their images
    kept = tuple(op for op in operations if odd == 0 or np.all(op.integer.sum(axis=0) % 2 == 1))
    matrices = list({op.integer.tobytes(): op.integer for op in kept}.values()) or [
        np.eye(2, dtype=int)
    ]
    points, sizes = [], []
    for start in range(
        0, n, 64
    ):  # rows at a time; a point stays while no image has a lower number than it
        i, j = (
            x.ravel()
            for x in np.meshgrid(np.arange(start, min(start + 64, n)), np.arange(n), indexing="ij")
        )
        for matrix in matrices:
            lowest = _image(i, j, matrix, n, odd) >= i * n + j
            i, j = i[lowest], j[lowest]
        fixed = sum((_image(i, j, matrix, n, odd) == i * n + j).astype(int) for matrix in matrices)
        points.append(2 * np.stack([i, j], axis=1) + odd)
        sizes.append(len(matrices) / fixed)
    return kept, np.concatenate(points), np.concatenate(sizes)


def _image(i: np.ndarray, j: np.ndarray, matrix: np.ndarray, n: int, odd: int) -> np.ndarray:
    """Number i N + j of the mesh point to which an operation takes (i, j)."""
    ((a, b), (c, d)) = matrix.tolist()
    p, q = 2 * i + odd, 2 * j + odd
    return np.asarray((p * a + q * c - odd) // 2 % n * n + (p * b + q * d - odd) // 2 % n)


def _sample(model: LayeredModel, fractions: np.ndarray, weight: np.ndarray) -> _Level:
    energies, columns = [np.zeros(0)], [np.zeros((0, len(COLUMNS)))]
    k = fractions @ model.reciprocal
    for start in range(0, len(k), CHUNK):
        part = slice(start, start + CHUNK)
        e, c = state_columns(model, k[part])
        energies.append(e.ravel())
        columns.append((c * weight[part, None, None]).reshape(-1, len(COLUMNS)))
    energy, column = np.concatenate(energies), np.concatenate(columns)
    order = np.argsort(energy)
    column = column[order]
    below = np.concatenate([np.zeros((1, len(COLUMNS))), np.cumsum(column, axis=0)])
    return _Level(energy[order], column, below)


def fermi_weight(x: np.ndarray, kt: float, order: int) -> np.ndarray:
    """d^order f/dmu^order as a function of x = (mu - eps)/k_B T."""
    f = expit(x)
    if order == 0:
        return np.asarray(f)
    slope = f * expit(-x)
    return np.asarray(slope / kt if order == 1 else slope * (1.0 - 2.0 * f) / kt**2)


def _fermi_sums(
    level: _Level, mu: np.ndarray, kt: float, order: int, chunk: int = 16
) -> np.ndarray:
    out = np.zeros((len(mu), len(COLUMNS)))
    rank = np.argsort(mu)
    for start in range(0, len(mu), chunk):
        part = rank[start : start + chunk]
        low, high = np.searchsorted(
            level.energy, [mu[part[0]] - WINDOW * kt, mu[part[-1]] + WINDOW * kt]
        )
        x = (mu[part, None] - level.energy[None, low:high]) / kt
        out[part] = fermi_weight(x, kt, order) @ level.columns[low:high]
        if order == 0:
            out[part] += level.below[low]
    return out


def spread(sums: np.ndarray, operations: tuple[Operation, ...]) -> np.ndarray:
    """Turn sums over representatives into sums over the whole zone: average both tensors over the
    group.
    """
    if len(operations) < 2:
        return sums
    out = sums.copy()
    out[..., 1:7] = components(symmetrise(tensor(sums[..., 1:7]), operations))
    velocity = np.zeros((*sums.shape[:-1], 6))
    velocity[..., :3] = sums[..., 7:10]
    out[..., 7:10] = components(symmetrise(tensor(velocity), operations))[..., :3]
    return out


def tensor(six: np.ndarray) -> np.ndarray:
    """(..., 6) in the order xx, yy, xy, yz, zx, zz -> symmetric (..., 3, 3)."""
    xx, yy, xy, yz, zx, zz = np.moveaxis(six, -1, 0)
    return np.stack(
        [np.stack(row, axis=-1) for row in ((xx, xy, zx), (xy, yy, yz), (zx, yz, zz))], axis=-2
    )


def components(matrix: np.ndarray) -> np.ndarray:
    """Inverse of :func:`tensor`."""
    index = (0, 1, 0, 1, 2, 2), (0, 1, 1, 2, 0, 2)
    return np.asarray(matrix[..., index[0], index[1]])


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
    rate = np.divide(last, before, out=np.ones_like(last), where=before > last)
    return np.asarray(last * rate)
