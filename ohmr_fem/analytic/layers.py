"""Strips of one or several materials with the full torque matrix (docs/theory, section 5, items 2,
7, 11).

In each layer n'' = K n, K = (1/tau + T)/D, so n is a sum of exponentials of the matrix sqrt(K); n
(or the accumulation D W n/sigma, docs/theory, section 12) and Q = -D n' + alpha sigma E z are
continuous.  Growing exponentials are never formed, and nothing is diagonalised, so thick layers and
defective K are safe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.linalg import expm, sqrtm

from ..errors import InputError, SolveError, suggest


@dataclass(frozen=True, eq=False)
class Layer:
    """One region of a strip; any consistent set of units.

    thickness, diffusion, conductivity : float
    relaxation_time : float, or three for the components x, y, z
    alpha, alpha_prime : orbital Hall angle and inverse one (default alpha)
    torque : array (3, 3), T in 1/time
    detection : array (3,), the moment d.n that enters the charge current (n^z by default)
    shape : array (3, 3), W = X/X_zz, which enters the accumulation (1 by default)

    Raises
    ------
    InputError
        A number that is not positive, a torque that is not (3, 3).
    """

    thickness: float
    diffusion: float = 1.0
    relaxation_time: Any = 1.0
    conductivity: float = 1.0
    alpha: float = 1.0
    alpha_prime: float | None = None
    torque: Any = field(default_factory=lambda: np.zeros((3, 3)))
    detection: Any = (0.0, 0.0, 1.0)
    shape: Any = field(default_factory=lambda: np.eye(3))

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
    def accumulation(self) -> np.ndarray:
        """D W/sigma, shape (3, 3): what makes the accumulation in volt of the moment density."""
        return np.asarray(self.shape, dtype=float) * (self.diffusion / self.conductivity)

    @property
    def K(self) -> np.ndarray:
        """(1/tau + T)/D, shape (3, 3).

        Raises
        ------
        SolveError
            Its slowest rate is not positive: no steady state.
        """
        rates = np.diag(np.broadcast_to(1.0 / np.asarray(self.relaxation_time, dtype=float), 3))
        matrix = (rates + np.asarray(self.torque, dtype=float)) / self.diffusion
        slowest = float(np.min(np.linalg.eigvals(matrix).real))
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

    See docs/closed-forms, item 7.
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
        """n^a(y) for E_x = 1, in the units of the layers.

        Parameters
        ----------
        y : float or array
            From 0 at the lower edge to the total width.

        Returns
        -------
        (3, ...) array
            Components x, y, z, then the shape of ``y``.

        Raises
        ------
        InputError
            A place outside the strip.
        """
        y = np.asarray(y, dtype=float)
        width = self.breaks[-1]
        below = np.any(y < -1e-12 * width)
        above = np.any(y > width * (1 + 1e-12))
        if below or above:
            raise InputError(
                f"y: must lie in [0, {width:g}], got {y.min():g} to {y.max():g}", value=y
            )
        places = y.ravel()
        rank = np.searchsorted(self.breaks, places, side="right")
        owner = np.clip(rank - 1, 0, len(self._waves) - 1)
        columns = []
        for i, place in zip(owner, places, strict=True):
            waves, _ = self._waves[i].at(place - self.breaks[i])
            columns.append(waves @ self._amplitudes[i])
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
        if self.thin:
            # cosh and sinh/root about the middle: entire functions of K, so no root is needed
            zero = np.zeros((3, 3))
            block = np.block([[zero, np.eye(3)], [self.K, zero]])
            waves = expm(block * (height - self.thickness / 2))
            return waves[:3], waves[3:]
        down = expm(-self.root * height)
        up = expm(-self.root * (self.thickness - height))
        values = np.hstack([down, up])
        slopes = np.hstack([-self.root @ down, self.root @ up])
        return values, slopes


def layered_strip(
    layers: Sequence[Layer],
    G1: Any = 0.0,
    G2: Any = 0.0,
    *,
    interface: str = "density",
) -> LayeredStrip:
    """Infinite strip along x made of layers stacked along y, from the lower edge up.

    Delta I = sum_i alpha'_i D_i [d.n] over layer i, from J_x = sigma E_x + alpha' D d_y n^z.  Exact
    for the model to all orders in alpha: E_x is uniform, and J_y = 0 leaves E_y = 0.

    See docs/closed-forms, item 7, and docs/theory, section 12.

    Parameters
    ----------
    layers : sequence of Layer
    G1, G2 : float, (3,) or (3, 3)
        Q.nu = G n at the lower and the upper edge, in length/time; infinity (not in a matrix) means
        n = 0.
    interface : "density" or "accumulation"
        What is continuous between layers: n, or D W n/sigma.

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
    rules = {
        "density": [np.eye(3)] * len(layers),
        "accumulation": [layer.accumulation for layer in layers],
    }
    if interface not in rules:
        raise InputError(f"interface: unknown {interface!r}; {suggest(interface, rules)}")
    waves = tuple(_waves(layer) for layer in layers)
    laws = _edge_law(G1, "G1"), _edge_law(G2, "G2")
    amplitudes = _match(layers, waves, rules[interface], *laws)
    change = 0.0
    for layer, wave, amplitude in zip(layers, waves, amplitudes, strict=True):
        upper, _ = wave.at(layer.thickness)
        lower, _ = wave.at(0.0)
        jump = (upper - lower) @ amplitude
        detected = float(np.asarray(layer.detection) @ jump)
        change += layer.inverse_hall * layer.diffusion * detected
    ohmic = float(sum(layer.conductivity * layer.thickness for layer in layers))
    heights = np.cumsum([layer.thickness for layer in layers])
    breaks = np.concatenate([[0.0], heights])
    return LayeredStrip(ohmic, change, breaks, waves, amplitudes)


def strip_full(
    torque_tau: Any,
    width: float,
    G: Any = 0.0,
    detection: Any = (0.0, 0.0, 1.0),
) -> np.ndarray:
    """f = (2/width) d.[sqrt(K) coth(sqrt(K) width/2) + G]^-1 z, K = 1 + T tau, for any 3 x 3 torque
    matrix.

    See docs/closed-forms, items 2 and 3.

    Parameters
    ----------
    torque_tau : array (..., 3, 3)
        T tau, without unit.
    width : float
        Width in L_m.
    G : float, (3,) or (3, 3)
        Absorption at both edges, in D/L_m.
    detection : array (3,)
        See :func:`detection_row`.

    Returns
    -------
    array of the leading shape of ``torque_tau``

    Raises
    ------
    InputError
        Wrong shape or sign.
    SolveError
        A slowest rate that is not positive: no steady state.
    """
    torque = np.asarray(torque_tau, dtype=float)
    values = []
    for matrix in torque.reshape((-1, *torque.shape[-2:])):
        layer = Layer(width, torque=matrix, detection=detection)
        values.append(layered_strip([layer], G, G).relative)
    return np.array(values).reshape(torque.shape[:-2])


def strip_full_profile(
    y: Any,
    torque_tau: Any,
    width: float,
    G: Any = 0.0,
) -> np.ndarray:
    """n^a(y) in units of alpha J_x L_m/D for one torque matrix.

    See docs/closed-forms, item 2.

    Parameters
    ----------
    y : float or array
        In [-width/2, width/2], in L_m.
    torque_tau : (3, 3)
        T tau.
    width : float
        In L_m.
    G : float, (3,) or (3, 3)
        Absorption at both edges, in D/L_m.

    Returns
    -------
    (3, ...) array
        Components x, y, z, then the shape of ``y``.

    Raises
    ------
    InputError
        Wrong shape or sign, a place outside the strip.
    SolveError
        A slowest rate that is not positive: no steady state.
    """
    strip = layered_strip([Layer(width, torque=torque_tau)], G, G)
    return strip.profile(np.asarray(y, dtype=float) + width / 2)


def _waves(layer: Layer) -> _Waves:
    K = layer.K
    # principal root: real, since no eigenvalue of K lies on the negative axis
    root = np.real(sqrtm(K))
    thin = bool(np.linalg.norm(root, 2) * layer.thickness < 2.0)
    return _Waves(K, layer.thickness, root, thin)


def _edge_law(
    G: Any,
    name: str,
) -> tuple[np.ndarray, np.ndarray]:
    """Matrices (a, b) with a Q.nu = b n, finite also for G = infinity."""
    G = np.asarray(G, dtype=float)
    if G.shape == (3, 3) and np.all(np.isfinite(G)):
        return np.eye(3), G
    wrong_shape = G.shape not in ((), (3,))
    if wrong_shape or np.any(np.isnan(G)) or np.any(G < 0):
        raise InputError(
            f"{name}: expected G >= 0, as a number, three, or a finite 3 x 3 matrix, got {G!r}",
            value=G,
        )
    kept = 1.0 / (1.0 + np.broadcast_to(G, 3))
    return np.diag(kept), np.diag(1.0 - kept)


def _match(
    layers: Sequence[Layer],
    waves: Sequence[_Waves],
    rules: Sequence[np.ndarray],
    lower: Any,
    upper: Any,
) -> np.ndarray:
    """Amplitudes (layers, 6) from a Q.nu = b n at the edges, and rule n and Q continuous at the
    interfaces.
    """
    count = len(layers)
    matrix = np.zeros((6 * count, 6 * count))
    right = np.zeros(6 * count)
    sources = [_source(layer) for layer in layers]
    a, b = lower
    n, flux = _face(layers[0], waves[0], 0.0, a)
    matrix[:3, :6] = flux - b @ n  # outward normal -y: Q.nu = D n' - source
    right[:3] = a @ sources[0]
    for i in range(count - 1):
        start = 6 * i
        rows = slice(start + 3, start + 9)
        below = waves[i].at(layers[i].thickness)
        above = waves[i + 1].at(0.0)
        matrix[rows, start : start + 6] = _continuous(layers[i], rules[i], *below)
        matrix[rows, start + 6 : start + 12] = -_continuous(layers[i + 1], rules[i + 1], *above)
        right[rows] = np.concatenate([np.zeros(3), sources[i] - sources[i + 1]])
    a, b = upper
    n, flux = _face(layers[-1], waves[-1], layers[-1].thickness, a)
    matrix[-3:, -6:] = flux + b @ n
    right[-3:] = a @ sources[-1]
    # Rows of n and of Q differ in units.
    scale = np.abs(matrix).max(axis=1)
    return np.linalg.solve(matrix / scale[:, None], right / scale).reshape(count, 6)


def _source(layer: Layer) -> np.ndarray:
    """Flux alpha sigma z for E_x = 1."""
    return np.array([0.0, 0.0, layer.alpha * layer.conductivity])


def _face(
    layer: Layer,
    wave: _Waves,
    height: float,
    a: Any,
) -> tuple[np.ndarray, np.ndarray]:
    """n, and a D n', on a face of the strip."""
    n, slope = wave.at(height)
    return n, a @ slope * layer.diffusion


def _continuous(
    layer: Layer,
    rule: np.ndarray,
    n: np.ndarray,
    slope: np.ndarray,
) -> np.ndarray:
    """What does not jump at an interface but for the sources: n or the accumulation, and D n'."""
    return np.vstack([rule @ n, layer.diffusion * slope])
