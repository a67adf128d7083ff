"""How the Brillouin zone of a model is integrated: on a uniform mesh, or by adaptive triangles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..units import shown, to_si
from . import adaptive
from .hamiltonian import HBAR2_OVER_ME, LayeredModel
from .near import Wanted
from .states import COLUMNS, mesh_states, state_columns, thermal_energy
from .symmetry import Operation, find_operations

LARGEST_STORE = 1.5e9
"""Bytes of states that a uniform mesh may keep; beyond it "auto" integrates adaptively."""

Sums = Callable[[np.ndarray, Sequence[int]], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, eq=False)
class Integrator:
    """``sums`` takes (mu, orders) to values and errors, both (n, orders, columns); ``how`` says in
    words what it does; ``bracket`` holds every chemical potential that was wanted, if one was said.
    """

    sums: Sums
    how: str
    bracket: tuple[float, float] | None = None


def integrator(
    model: LayeredModel,
    temperature: float,
    mesh: Any,
    shift: float,
    tolerance: float,
    symmetry: bool,
    levels: int,
    wanted: Wanted | None = None,
) -> Integrator:
    """The way to integrate over the zone of a model at ``levels`` chemical potentials.

    With ``wanted`` a uniform mesh has the states near those alone, and its sums with f of
    <d_c d_d H> are measured from some chemical potential among them.
    """
    given, tolerance = tolerance, to_si(tolerance, "1", "tolerance")
    if not 1e-13 <= tolerance < 1.0:
        raise InputError(
            f"expected from 1e-13 (round-off) to 1, got {shown(given)}",
            value=given,
            key="tolerance",
        )
    operations = find_operations(model) if symmetry else ()
    if mesh == "auto":
        mesh = divisions_for(model, temperature, tolerance)
        if not _mesh_pays(model, mesh, operations, levels):
            mesh = "adaptive"
    if mesh == "adaptive":

        def by_triangles(mu: np.ndarray, orders: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
            return adaptive.sums(model, mu, temperature, orders, tolerance, operations)

        return Integrator(by_triangles, f"adaptive triangles, tolerance {tolerance:g}")
    states = mesh_states(model, mesh, shift, operations, wanted)

    def by_mesh(mu: np.ndarray, orders: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        parts = [states.sums(mu, temperature, order) for order in orders]
        return np.stack([p[0] for p in parts], axis=1), np.stack([p[1] for p in parts], axis=1)

    kind = "Gamma-centred" if shift == 0.0 else "half-shifted"
    how = f"{mesh} x {mesh} {kind} mesh, {states.points} points by symmetry"
    near = states.near
    return Integrator(by_mesh, how, None if near is None else (near.low, near.high))


def _mesh_pays(
    model: LayeredModel, mesh: int, operations: tuple[Operation, ...], levels: int
) -> bool:
    """True if a uniform mesh fits the store and has fewer points than adaptive runs for every level
    (about 1500^2/12 each).
    """
    points = mesh**2 / max(1, len({op.integer.tobytes() for op in operations}))
    stored = 2 * 8 * len(COLUMNS) * model.n_orbitals * points
    return bool(stored <= LARGEST_STORE and points <= 2e5 * max(levels, 1))


def divisions_for(model: LayeredModel, temperature: float, tolerance: float) -> int:
    """Divisions N at which a uniform mesh converges to ``tolerance``, a multiple of 12.

    f has poles at pi k_B T from the real axis, so the error falls as exp(-2 pi^2 N k_B T/(hbar v
    |b|)), v the largest band velocity; a third is added because the nested error estimate is
    pessimistic.
    """
    grid = (np.arange(24) + 0.25) / 24
    k = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2) @ model.reciprocal
    _, columns = state_columns(model, k)
    slope = np.sqrt(HBAR2_OVER_ME * float((columns[..., 7] + columns[..., 8]).max()))
    length = float(np.linalg.norm(model.reciprocal, axis=1).max())
    n = length * slope * np.log(1.0 / tolerance) / (2 * np.pi**2 * thermal_energy(temperature))
    return max(48, 12 * int(np.ceil(4 * n / 3 / 12)))
