"""Which points of a k mesh have a band near the chemical potential.

At the others every band below the filling is full and every band above it empty, so they add
nothing to what counts carriers, and a few eigenvalues tell which they are. The mesh is cut into
blocks, and the bands at the middle of a block bound those of all its points: by Weyl's inequality
no band moves by more than the norm of the change of H.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from ..errors import FaultError
from .hamiltonian import HERMITICITY, LayeredModel

WINDOW = 40.0  # k_B T; exp(-40) is below double precision
SIDE = 8  # mesh points a side of a block
ROOM = 1.0  # k_B T of room about the chemical potentials, for the rounding of a search,
ROUNDING = 1e-12  # and of the largest band energy, for one near absolute zero
SHARP = 0.01  # k_B T to which a level of the blocks is found


@dataclass(frozen=True, eq=False)
class Wanted:
    """Chemical potentials in eV: those given, and those still to be found for ``excess`` electrons
    per cell and spin beyond neutrality.
    """

    given: np.ndarray
    excess: np.ndarray
    kt: float


@dataclass(frozen=True, eq=False)
class Near:
    """``away`` (m,) are the points of ``filling`` electrons, to double precision, for every
    chemical potential from ``low`` to ``high`` in eV at this ``kt``.
    """

    away: np.ndarray
    filling: int
    low: float
    high: float
    kt: float

    @property
    def middle(self) -> float:
        return 0.5 * (self.low + self.high)

    def check(
        self,
        mu: np.ndarray,
        kt: float,
    ) -> None:
        """FaultError if sums at these chemical potentials need some of the points away."""
        inside = (mu >= self.low) & (mu <= self.high)
        if not inside.all() or kt != self.kt:
            raise FaultError(
                f"states are known for mu from {self.low:g} to {self.high:g} eV at "
                f"k_B T = {self.kt:g} eV, asked at {np.min(mu):g} to {np.max(mu):g}, {kt:g} eV"
            )


def near_points(
    model: LayeredModel,
    doubled: np.ndarray,
    weight: np.ndarray,
    divisions: int,
    wanted: Wanted,
) -> Near:
    """The points ``doubled`` (m, 2), in units of 1/(2 divisions), that sums at the wanted chemical
    potentials can leave out; ``weight`` (m,) adds up to one.
    """
    blocks = _survey(model, doubled, weight, divisions)
    low, high = _range(blocks, wanted)
    margin = WINDOW * wanted.kt
    full = blocks.highest_full[blocks.of_point] + blocks.reach < low - margin
    empty = blocks.lowest_empty[blocks.of_point] - blocks.reach > high + margin
    return Near(full & empty, blocks.filling, low, high, wanted.kt)


@dataclass(frozen=True, eq=False)
class _Blocks:
    """Bands at the middle of each block.

    ``of_point`` (m,) is the block of a point and ``reach`` (m,), in eV, how far a band there may be
    from that of the block; ``weight`` (b,) is that of all its points.
    """

    energy: np.ndarray
    filling: int
    weight: np.ndarray
    of_point: np.ndarray
    reach: np.ndarray

    @property
    def highest_full(self) -> np.ndarray:
        """Of the bands below the filling, (b,)."""
        return np.asarray(self.energy[:, : self.filling].max(axis=1, initial=-np.inf))

    @property
    def lowest_empty(self) -> np.ndarray:
        """Of the bands above the filling, (b,)."""
        return np.asarray(self.energy[:, self.filling :].min(axis=1, initial=np.inf))

    def excess(
        self,
        mu: float,
        kt: float,
    ) -> float:
        """Electrons minus holes, as if each band were flat over its block."""
        x = (mu - self.energy) / kt
        electrons = expit(x[:, self.filling :]).sum(axis=1)
        holes = expit(-x[:, : self.filling]).sum(axis=1)
        return float(self.weight @ (electrons - holes))


def _survey(
    model: LayeredModel,
    doubled: np.ndarray,
    weight: np.ndarray,
    divisions: int,
) -> _Blocks:
    odd = int(doubled[0, 0]) % 2  # a half-shifted mesh
    corner, step = np.divmod(doubled // 2, SIDE)
    number = corner[:, 0] * divisions + corner[:, 1]
    _, first, of_point = np.unique(number, return_index=True, return_inverse=True)
    half = SIDE - 1  # half a block in half steps
    middle = 2 * SIDE * corner[first] + half + odd
    basis = model.reciprocal / (2.0 * divisions)
    steps = np.stack(np.divmod(np.arange(SIDE**2), SIDE), axis=1)
    reach = _most_moved(model, (2 * steps - half) @ basis)
    return _Blocks(
        energy=model.bands(middle @ basis),
        filling=int(model.filling or 0),
        weight=np.bincount(of_point, weight),
        of_point=of_point,
        reach=reach[step[:, 0] * SIDE + step[:, 1]],
    )


def _most_moved(
    model: LayeredModel,
    away: np.ndarray,
) -> np.ndarray:
    """Bound in eV on the change of any band over each of ``away`` (m, 2) in 1/angstrom.

    From any k, since |exp(ik.d) - exp(ik'.d)| = 2 |sin((k - k').d/2)| for every bond d.
    """
    size = 2.0 * np.abs(model.blocks)
    bonds = model.bond_vectors[..., :2]
    out = np.empty(len(away))
    for index, step in enumerate(away):
        change = size * np.abs(np.sin(0.5 * bonds @ step))
        out[index] = np.linalg.norm(change.sum(axis=0), 2)
    return out * (1.0 + 10 * HERMITICITY)  # as far as t(R) and t(-R) may differ


def _range(
    blocks: _Blocks,
    wanted: Wanted,
) -> tuple[float, float]:
    """Least and greatest chemical potential that is wanted, or may be found.

    No band of a point is further than the largest reach from that of its block; so neither is the
    chemical potential of a density.
    """
    ends = list(wanted.given)
    reach = float(blocks.reach.max())
    if len(wanted.excess):
        ends.append(_level(blocks, wanted.excess.min(), wanted.kt) - reach)
        ends.append(_level(blocks, wanted.excess.max(), wanted.kt) + reach)
    room = ROOM * wanted.kt + ROUNDING * float(np.abs(blocks.energy).max())
    return float(min(ends)) - room, float(max(ends)) + room


def _level(
    blocks: _Blocks,
    excess: float,
    kt: float,
) -> float:
    """Chemical potential at which the blocks hold the electrons, by bisection."""
    low = float(blocks.energy.min()) - 60.0 * kt
    high = float(blocks.energy.max()) + 60.0 * kt
    middle = 0.5 * (low + high)
    while high - low > SHARP * kt and low < middle < high:
        if blocks.excess(middle, kt) < excess:
            low = middle
        else:
            high = middle
        middle = 0.5 * (low + high)
    return middle
