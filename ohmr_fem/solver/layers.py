"""Through the thickness of layers in closed form: the local tensor of a stack at many fields at
once (docs/theory, sections 9 and 12).

In each layer n'' = M n, M = 1 + tau T, lengths in L.  With Q the moment current at an interface and
s the source of the layer, D n'/L = s - Q at both of its faces, and with u and d these n' above and
below (h and e as in :mod:`ohmr_fem.solver.film`, t in L)

    n above = A u + B d,   n below = - B u - A d,   A = t (e + h)/4,   B = t (h - e)/4.

So the unknowns are the Q alone: C n continuous between layers, C = D W/sigma or 1, and Q.nu = G n
at the faces.  The finite elements of :mod:`ohmr_fem.solver.stack` solve the same; this is for fits.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..errors import InputError, SolveError
from ..model.material import Material, torque_of
from ..model.stack import Stack
from .film import Divided, check_growth, detection_matrix, even_part, odd_part
from .interface import alike, all_definite
from .stack import MOVED

#: A layer thinner than this, in L, has an even part that swamps the odd one.
THIN = 1e-4


@dataclass(frozen=True, eq=False)
class Inside:
    """One layer: n above and below from n', in SI for D n' in C/(m^2 s).

    Attributes
    ----------
    near, far : (n, 3, 3) A L/D and B L/D
    source : (3, 2) of a unit field along x and along y
    rule : (3, 3) C, what is continuous of n
    """

    near: np.ndarray
    far: np.ndarray
    source: np.ndarray
    rule: np.ndarray

    @classmethod
    def of(
        cls,
        material: Material,
        thickness: float,
        fields: np.ndarray,
        rule: np.ndarray,
    ) -> Inside:
        length, D = material.diffusion_length, material.diffusion_constant
        size = thickness / length
        if size < THIN:
            raise SolveError(f"{thickness:.3g} m are too thin for an L_m of {length:.3g} m")
        T, squared = torque_of(material, fields)
        check_growth(squared, fields)
        one = np.ones(1)
        h = Divided.of(odd_part(size), one, squared).matrices(T)[:, 0]
        e = Divided.of(even_part(size), one, squared).matrices(T)[:, 0]
        unit = 0.25 * size * length / D
        source = np.zeros((3, 2))
        sigma = float(material.sheet_conductivity) / thickness
        for k, (moved, sign) in enumerate(MOVED):
            source[moved, k] = sign * float(material.orbital_hall_angle) * sigma
        return cls(unit * (e + h), unit * (h - e), source, rule)


def local_tensors(
    stack: Stack,
    fields: np.ndarray,
    detection: str = "printed",
    interface: str = "accumulation",
) -> tuple[np.ndarray, np.ndarray]:
    """delta sigma_ij over the mean conductivity and its change from B = 0, (n, 2, 2) each.

    Raises
    ------
    InputError, SolveError
        Shapes of X that have no common rule; a layer whose torque is unstable.
    """
    if not all(material.uniform for material, _ in stack.layers):
        raise InputError("the closed form of layers knows one rate and one channel", key="film")
    every = np.vstack([np.zeros(3), fields])
    rules = continuity(stack, detection, interface)
    layers = [
        Inside.of(m, t, every, rule) for (m, t), rule in zip(stack.layers, rules, strict=True)
    ]
    currents = _currents(stack, layers, len(every))
    total = np.zeros((len(every), 2, 2))
    for i, ((material, _), layer) in enumerate(zip(stack.layers, layers, strict=True)):
        below, above = layer.source - currents[:, i], layer.source - currents[:, i + 1]
        jump = (layer.near + layer.far) @ (above + below)
        read = detection_matrix(material, detection) @ jump
        weight = float(material.inverse_orbital_hall_angle) * material.diffusion_constant
        for k, (moved, sign) in enumerate(MOVED):
            total[:, k] += sign * weight * read[:, moved]
    ohmic = sum(float(m.sheet_conductivity) for m, _ in stack.layers)
    total /= ohmic
    return total[1:], total[1:] - total[0]


def is_shaped(stack: Stack, detection: str) -> bool:
    """Whether W takes part in what is continuous: X of several shapes, all definite.

    Raises
    ------
    InputError
        Reciprocal detector, and a tensor among them that is not definite.
    """
    X = np.array([m.inverse_mass for m, _ in stack.layers])
    if alike(X) or all_definite(X):
        return not alike(X)
    if detection == "reciprocal":
        raise InputError("the reciprocal detector needs definite X where its shape differs")
    return False


def continuity(
    stack: Stack,
    detection: str,
    interface: str,
) -> list[np.ndarray]:
    """C (3, 3) of each layer: C n is continuous."""
    if interface == "density":
        return [np.eye(3)] * len(stack.layers)
    shaped = is_shaped(stack, detection)
    out = []
    for material, thickness in stack.layers:
        chi = float(material.sheet_conductivity) / thickness / material.diffusion_constant
        still = not np.any(material.inverse_mass)
        W = detection_matrix(material, "reciprocal") if shaped and not still else np.eye(3)
        out.append(W / chi)
    return out


def _currents(
    stack: Stack,
    layers: list[Inside],
    count: int,
) -> np.ndarray:
    """Moment currents at the bottom, between layers and at the top, (n, L + 1, 3, 2)."""
    edges = len(layers) + 1
    matrix = np.zeros((count, edges, 3, edges, 3))
    right = np.zeros((count, edges, 3, 2))
    for j, (under, over) in enumerate(pairwise(layers), start=1):
        # C (A u + B d) below = - C (B u + A d) above
        matrix[:, j, :, j] = under.rule @ under.near + over.rule @ over.near
        matrix[:, j, :, j - 1] = under.rule @ under.far
        matrix[:, j, :, j + 1] = over.rule @ over.far
        own = under.rule @ (under.near + under.far) @ under.source
        right[:, j] = own + over.rule @ (over.near + over.far) @ over.source
    # Q.nu = G n: n below = - (A + B) s + B Q_1 + A Q_0, n above = (A + B) s - A Q_L - B Q_(L-1)
    for j, inner, layer, face, (material, thickness) in (
        (0, 1, layers[0], stack.bottom, stack.layers[0]),
        (edges - 1, edges - 2, layers[-1], stack.top, stack.layers[-1]),
    ):
        sigma = float(material.sheet_conductivity) / thickness
        G = face.absorption(sigma, material.diffusion_constant)
        one, law = (np.zeros((3, 3)), np.eye(3)) if G is None else (np.eye(3), G)
        matrix[:, j, :, j] = one + law @ layer.near
        matrix[:, j, :, inner] += law @ layer.far
        right[:, j] = law @ (layer.near + layer.far) @ layer.source
    # rows of n and of Q differ in units
    scale = np.abs(matrix).max(axis=(3, 4))
    square = (matrix / scale[..., None, None]).reshape(count, 3 * edges, 3 * edges)
    given = (right / scale[..., None]).reshape(count, 3 * edges, 2)
    return np.linalg.solve(square, given).reshape(count, edges, 3, 2)
