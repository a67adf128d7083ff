"""Decay of a relaxation tensor, or of orbital and spin moment together, in one material.

A steady state exists while every eigenvalue of kappa DD x 1 + Gamma + T(B) has a positive real part
for all kappa >= w_min (docs/theory, section 11), w_min the lowest diffusive rate of the device over
D: 0 for reflecting edges, where the uniform mode has no weight in any measure and yet must decay.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import SolveError
from ..model.channels import Channels

#: Powers of ten about |Gamma + T|/D at which kappa is looked at, and points; 0 besides.
DECADES, POINTS = 3.0, 49
#: Weights of the second channel in the norms that are tried.
WEIGHTS = np.geomspace(1e-4, 1e4, 33)


def slowest_rates(channels: Channels, fields: np.ndarray, least: float = 0.0) -> np.ndarray:
    """Smallest real part of the decay rates in 1/s at each field, (n,); ``least`` is w_min in
    1/m^2.

    A lower bound for all fields at once where a norm proves that everything decays; else the
    eigenvalues at kappa = w_min, and where the channels diffuse differently at some 50 larger ones.
    """
    proven = rate_in_norms([channels])
    if proven > 0.0:
        return np.full(len(fields), proven)
    matrices = channels.matrices(fields)
    rates = np.full(len(fields), np.inf)
    for kappa in _kappas(channels, matrices, least):
        values = np.linalg.eigvals(kappa * channels.spread + matrices)
        rates = np.minimum(rates, values.real.min(axis=1))
    return rates


def _kappas(channels: Channels, matrices: np.ndarray, least: float) -> np.ndarray:
    D = channels.diffusion
    if np.array_equal(D, D[0, 0] * np.eye(len(D))):
        return np.array([least])  # diffusion only adds its own rate
    size = float(np.abs(matrices).max()) / float(np.abs(D).max())
    return least + np.append(0.0, size * np.logspace(-DECADES, DECADES, POINTS))


def rate_in_norms(
    regions: Sequence[Channels], accumulates: bool = False, averaged: bool = False
) -> float:
    """At least as fast as this all decays at every field, 1/s; -inf where no norm proves it.

    The torque conserves n.X n, so with definite X only relaxation and diffusion count.  Several
    regions share the norm int n.X n where n is continuous, and int h.n where the accumulation is.
    """
    found = [_definite(c.material.inverse_mass) for c in regions]
    X = [x for x in found if x is not None]
    if len(X) < len(found):
        return -np.inf
    if not accumulates and any(not np.allclose(x, X[0], rtol=1e-9, atol=0.0) for x in X[1:]):
        return -np.inf
    if regions[0].count == 1:
        return min(_rate_in_norm(c, x) for c, x in zip(regions, X, strict=True))
    best = -np.inf
    for weight in _weights(regions[0]):
        pairs = zip(regions, X, strict=True)
        norms = [(c, _norm(c, x, weight, accumulates, averaged)) for c, x in pairs]
        best = max(best, min(_rate_in_norm(c, norm) for c, norm in norms))
    return best


def _definite(inverse_mass: Any) -> np.ndarray | None:
    """X over its largest eigenvalue, 1 where nothing precesses; None if it is not definite."""
    X = np.asarray(inverse_mass)
    if not np.any(X):
        return np.eye(3)
    values = np.linalg.eigvalsh(X)
    if values[0] * values[-1] <= 0.0:
        return None
    return np.asarray(X / values[np.argmax(np.abs(values))])


def _norm(
    channels: Channels, X: np.ndarray, weight: float, accumulates: bool, averaged: bool
) -> np.ndarray:
    m, spin = channels.material, channels.material.spin
    own, other = X, weight * np.eye(3)
    if accumulates:  # h_L = W n_L/chi_L with W = X over its normaliser
        assert spin is not None
        sigma = m.sheet_conductivity
        scale = 0.5 * (X[0, 0] + X[1, 1]) if averaged else X[2, 2]
        own = X / scale * m.diffusion_constant / sigma
        other = other * spin.diffusion_constant / sigma
    zero = np.zeros((3, 3))
    return np.block([[own, zero], [zero, other]])


def _weights(channels: Channels) -> np.ndarray:
    """Weights of the spin about the one that balances conversion there and back."""
    forth, back = channels.relaxation[0, 3], channels.relaxation[3, 0]
    balanced = abs(forth / back) if forth and back else 1.0
    return np.asarray(balanced * WEIGHTS)


def _rate_in_norm(channels: Channels, norm: np.ndarray) -> float:
    root = np.linalg.cholesky(norm)
    inverse = np.linalg.inv(root.T)

    def lowest(matrix: np.ndarray) -> float:
        turned = root.T @ matrix @ inverse
        return float(np.linalg.eigvalsh(0.5 * (turned + turned.T))[0])

    spread = channels.spread
    if lowest(spread) < -1e-12 * np.abs(spread).max():
        return -np.inf
    return lowest(channels.relaxation)


def require_decay(channels: Channels, fields: np.ndarray, least: float = 0.0) -> None:
    """SolveError at the weakest of the fields (n, 3) where something grows."""
    rates = slowest_rates(channels, fields, least)
    growing = np.flatnonzero(rates <= 1e-9 * np.abs(channels.relaxation).max())
    if not growing.size:
        return
    size = np.linalg.norm(fields[growing], axis=1)
    worst = growing[int(np.argmin(size))]
    raise growth_error(fields[worst], float(rates[worst]), channels)


def growth_error(
    field: np.ndarray, rate: float, channels: Channels, where: str = "components"
) -> SolveError:
    """What to say of a field (T) at which the slowest rate, in 1/s, is not positive."""
    what = "conversion or torque"
    why = "what turns spin and orbital moment into each other, or turns them, makes them grow"
    if channels.count == 1:
        what = "torque"
        how = "faces absorb components" if where == "faces" else "components relax"
        why = f"where {how} at different rates it can make the moment grow"
    at = tuple(float(b) for b in field)
    return SolveError(
        f"unstable {what} at B = {at} T: {why} (slowest rate {rate:.4g} 1/s), and no steady state "
        "exists; a smaller |B| or weaker conversion has one",
        value=rate,
    )
