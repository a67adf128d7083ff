"""Strips of one or several materials with the full torque matrix (docs/theory, section 5, items 2,
7, 11).

In each layer n'' = K n, K = (1/tau + T)/D, so n is a sum of exponentials of the matrix sqrt(K); n
and Q = -D n' + alpha sigma E z are continuous.  Growing exponentials are never formed, and nothing
is diagonalised, so thick layers and defective K are safe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.linalg import expm, sqrtm

from ..errors import InputError, SolveError


@dataclass(frozen=True, eq=False)
class Layer:
    """One region of a strip; any consistent set of units.

    thickness, diffusion, conductivity : float
    relaxation_time : float, or three for the components x, y, z
    alpha, alpha_prime : orbital Hall angle and inverse one (default alpha)
    torque : array (3, 3), T in 1/time
    detection : array (3,), the moment d.n that enters the charge current (n^z by default)
    """

    thickness: float
    diffusion: float = 1.0
    relaxation_time: Any = 1.0
    conductivity: float = 1.0
    alpha: float = 1.0
    alpha_prime: float | None = None
    torque: Any = field(default_factory=lambda: np.zeros((3, 3)))
    detection: Any = (0.0, 0.0, 1.0)

    def __post_init__(self) -> None:
        for name in ("thickness", "diffusion", "relaxation_time", "conductivity"):
            if not np.all(np.asarray(getattr(self, name), dtype=float) > 0):
                raise InputError(f"Layer {name}: must be positive, got {getattr(self, name)!r}")
        if np.shape(self.torque) != (3, 3):
            raise InputError(
                f"Layer torque: expected a 3 x 3 matrix, got shape {np.shape(self.torque)}"
            )

    @property
    def inverse_hall(self) -> float:
        """alpha'."""
        return self.alpha if self.alpha_prime is None else self.alpha_prime

    @property
    def K(self) -> np.ndarray:
        """(1/tau + T)/D, shape (3, 3)."""
        rates = np.diag(np.broadcast_to(1.0 / np.asarray(self.relaxation_time, dtype=float), 3))
        matrix = (rates + np.asarray(self.torque, dtype=float)) / self.diffusion
        slowest = float(np.linalg.eigvals(matrix).real.min())
        if slowest <= 0.0:
            raise SolveError(
                f"no steady state in a uniform layer: slowest rate {slowest * self.diffusion:g} is "
                "not positive; "
                "lower the field or check the sign of B.adj(X).B",
                value=slowest,
            )
        return matrix


@dataclass(frozen=True, eq=False)
class LayeredStrip:
    """Solution for E_x = 1.

    ohmic : current sum sigma_i d_i; change : current due to the inverse orbital Hall effect;
    breaks : positions of edges and interfaces, from 0, shape (layers + 1,).
    """

    ohmic: float
    change: float
    breaks: np.ndarray
    _waves: tuple[_Waves, ...] = field(repr=False)
    _amplitudes: np.ndarray = field(repr=False)

    @property
    def relative(self) -> float:
        """Delta I/I_0; the resistance changes by the factor 1/(1 + relative), to all orders in
        alpha.
        """
        return self.change / self.ohmic

    def profile(self, y: Any) -> np.ndarray:
        """n^a(y) for E_x = 1, shape (3,) + shape of ``y``; y from 0 at the lower edge to the total
        width.
        """
        y = np.asarray(y, dtype=float)
        width = self.breaks[-1]
        if np.any(y < -1e-12 * width) or np.any(y > width * (1 + 1e-12)):
            raise InputError(
                f"y: must lie in [0, {width:g}], got {y.min():g} to {y.max():g}", value=y
            )
        owner = np.clip(
            np.searchsorted(self.breaks, y.ravel(), side="right") - 1, 0, len(self._waves) - 1
        )
        columns = [
            self._waves[i].at(v - self.breaks[i])[0] @ self._amplitudes[i]
            for i, v in zip(owner, y.ravel(), strict=True)
        ]
        return np.array(columns).T.reshape((3, *y.shape))


@dataclass(frozen=True, eq=False)
class _Waves:
    """The six solutions of one layer, as 3 x 6 matrices n and n' at a height above its lower
    face.
    """

    K: np.ndarray
    thickness: float
    root: np.ndarray
    thin: bool

    def at(self, height: float) -> tuple[np.ndarray, np.ndarray]:
        if (
            self.thin
        ):  # cosh and sinh/root about the middle: entire functions of K, so no root is needed
            block = np.block([[np.zeros((3, 3)), np.eye(3)], [self.K, np.zeros((3, 3))]])
            waves = expm(block * (height - self.thickness / 2))
            return waves[:3], waves[3:]
        down, up = expm(-self.root * height), expm(-self.root * (self.thickness - height))
        return np.hstack([down, up]), np.hstack([-self.root @ down, self.root @ up])


def layered_strip(layers: Sequence[Layer], G1: Any = 0.0, G2: Any = 0.0) -> LayeredStrip:
    """Infinite strip along x made of layers stacked along y, from the lower edge up.

    Delta I = sum_i alpha'_i D_i [d.n] over layer i, from J_x = sigma E_x + alpha' D d_y n^z.  Exact
    for the model to all orders in alpha: E_x is uniform, and J_y = 0 leaves E_y = 0.

    Parameters
    ----------
    layers : sequence of Layer
    G1, G2 : float, (3,) or (3, 3)
        Q.nu = G n at the lower and the upper edge, in length/time; infinity (not in a matrix) means
        n = 0.

    Returns
    -------
    LayeredStrip

    Raises
    ------
    InputError
        Wrong shape or sign.
    SolveError
        A layer whose slowest rate is not positive, even if its edges or neighbours would keep it
        stable.
    """
    if not layers:
        raise InputError("layers: a strip needs at least one Layer")
    waves = tuple(_waves(layer) for layer in layers)
    amplitudes = _match(layers, waves, _edge_law(G1, "G1"), _edge_law(G2, "G2"))
    change = 0.0
    for layer, wave, amplitude in zip(layers, waves, amplitudes, strict=True):
        jump = (wave.at(layer.thickness)[0] - wave.at(0.0)[0]) @ amplitude
        change += layer.inverse_hall * layer.diffusion * float(np.asarray(layer.detection) @ jump)
    ohmic = float(sum(layer.conductivity * layer.thickness for layer in layers))
    breaks = np.concatenate([[0.0], np.cumsum([layer.thickness for layer in layers])])
    return LayeredStrip(ohmic, change, breaks, waves, amplitudes)


def strip_full(
    torque_tau: Any, width: float, G: Any = 0.0, detection: Any = (0.0, 0.0, 1.0)
) -> np.ndarray:
    """f = (2/width) d.[sqrt(K) coth(sqrt(K) width/2) + G]^-1 z, K = 1 + T tau, for any 3 x 3 torque
    matrix.

    Parameters
    ----------
    torque_tau : array (..., 3, 3)
    width : float
        Width in L_m.
    G : float, (3,) or (3, 3)
        Absorption at both edges, in D/L_m.
    detection : array (3,)
        See :func:`detection_row`.

    Returns
    -------
    array of the leading shape of ``torque_tau``
    """
    torque = np.asarray(torque_tau, dtype=float)
    flat = torque.reshape((-1, *torque.shape[-2:]))
    values = [
        layered_strip([Layer(width, torque=t, detection=detection)], G, G).relative for t in flat
    ]
    return np.array(values).reshape(torque.shape[:-2])


def strip_full_profile(y: Any, torque_tau: Any, width: float, G: Any = 0.0) -> np.ndarray:
    """n^a(y) in units of alpha J_x L_m/D, y in [-width/2, width/2]; shape (3,) + shape of ``y``.
    One torque matrix.
    """
    return layered_strip([Layer(width, torque=torque_tau)], G, G).profile(
        np.asarray(y, dtype=float) + width / 2
    )


def _waves(layer: Layer) -> _Waves:
    K = layer.K
    root = np.real(
        sqrtm(K)
    )  # principal root: real, since no eigenvalue of K lies on the negative axis
    return _Waves(K, layer.thickness, root, bool(np.linalg.norm(root, 2) * layer.thickness < 2.0))


def _edge_law(G: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Matrices (a, b) with a Q.nu = b n, finite also for G = infinity."""
    G = np.asarray(G, dtype=float)
    if G.shape == (3, 3) and np.all(np.isfinite(G)):
        return np.eye(3), G
    if G.shape not in ((), (3,)) or np.any(np.isnan(G)) or np.any(G < 0):
        raise InputError(
            f"{name}: expected G >= 0, as a number, three, or a finite 3 x 3 matrix, got {G!r}",
            value=G,
        )
    kept = 1.0 / (1.0 + np.broadcast_to(G, 3))
    return np.diag(kept), np.diag(1.0 - kept)


def _match(layers: Sequence[Layer], waves: Sequence[_Waves], lower: Any, upper: Any) -> np.ndarray:
    """Amplitudes (layers, 6) from a Q.nu = b n at the edges and continuous n, Q at the
    interfaces.
    """
    count = len(layers)
    matrix, right = np.zeros((6 * count, 6 * count)), np.zeros(6 * count)
    source = [np.array([0.0, 0.0, layer.alpha * layer.conductivity]) for layer in layers]
    n, slope = waves[0].at(0.0)
    a, b = lower  # outward normal -y: Q.nu = D n' - source
    matrix[:3, :6], right[:3] = a @ slope * layers[0].diffusion - b @ n, a @ source[0]
    for i in range(count - 1):
        rows, here, there = (
            slice(6 * i + 3, 6 * i + 9),
            slice(6 * i, 6 * i + 6),
            slice(6 * i + 6, 6 * i + 12),
        )
        n, slope = waves[i].at(layers[i].thickness)
        matrix[rows, here] = np.vstack([n, layers[i].diffusion * slope])
        n, slope = waves[i + 1].at(0.0)
        matrix[rows, there] = -np.vstack([n, layers[i + 1].diffusion * slope])
        right[rows] = np.concatenate([np.zeros(3), source[i] - source[i + 1]])
    n, slope = waves[-1].at(layers[-1].thickness)
    a, b = upper
    matrix[-3:, -6:], right[-3:] = a @ slope * layers[-1].diffusion + b @ n, a @ source[-1]
    scale = np.abs(matrix).max(axis=1)
    return np.linalg.solve(matrix / scale[:, None], right / scale).reshape(count, 6)
