"""A uniform material as matrices: one channel with a relaxation tensor, or orbital and spin moment
together (docs/theory, section 11).

With N = (n_L, n_S), three components each and the orbital ones first,

    Q_i = -(DD x 1) d_i N + alpha x (eps_iak sigma E_k),  J: alpha'^T DD N,
    d_t N + div Q + (Gamma + T(B)) N = 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..base.owned import own_arrays
from ..units import ELECTRON_MASS, ELEMENTARY_CHARGE, fields_array
from .material import Material, cross_matrix

ORBITAL, SPIN = slice(0, 3), slice(3, 6)


@dataclass(frozen=True, eq=False)
class Channels:
    """Constant matrices of c = 1 or 2 channels of three components.

    Attributes
    ----------
    diffusion : (c, c) DD in m^2/s
    relaxation : (3c, 3c) Gamma in 1/s, conversion in its off-diagonal blocks
    angles, inverse_angles : (c,) alpha and alpha'
    material : Material
    """

    diffusion: np.ndarray
    relaxation: np.ndarray
    angles: np.ndarray
    inverse_angles: np.ndarray
    material: Material

    def __post_init__(self) -> None:
        own_arrays(self)

    @classmethod
    def of(cls, material: Material) -> Channels:
        """The matrices of a material whose coefficients are constants."""
        m, spin = material, material.spin
        diffusion, rate = np.array([[m.diffusion_constant]]), m.relaxation
        angles, inverse = [m.orbital_hall_angle], [m.inverse_orbital_hall_angle]
        if spin is not None:
            into_l, into_s = spin.cross_diffusion
            diffusion = np.array(
                [[m.diffusion_constant, into_l], [into_s, spin.diffusion_constant]]
            )
            one = np.eye(3)
            to_orbital, from_orbital = -spin.to_orbital * one, -spin.from_orbital * one
            rate = np.block([[rate, to_orbital], [from_orbital, one / spin.relaxation_time]])
            angles.append(spin.hall_angle)
            inverse.append(spin.inverse_hall_angle)
        return cls(diffusion, rate, np.array(angles), np.array(inverse), material)

    @property
    def count(self) -> int:
        return len(self.angles)

    @property
    def spread(self) -> np.ndarray:
        """DD x 1, (3c, 3c)."""
        return np.kron(self.diffusion, np.eye(3))

    def torque(self, fields: Any) -> np.ndarray:
        """T_L(B) and T_S(B) on the diagonal, 1/s, (3c, 3c) or (n, 3c, 3c)."""
        B = fields_array(fields)
        orbital = self.material.torque(B)
        if self.material.spin is None:
            return orbital
        out = np.zeros((*B.shape[:-1], 6, 6))
        out[..., ORBITAL, ORBITAL] = orbital
        out[..., SPIN, SPIN] = spin_rate(self.material) * cross_matrix(B)
        return out

    def matrices(self, fields: Any) -> np.ndarray:
        """Gamma + T(B) in 1/s."""
        return self.relaxation + self.torque(fields)

    def source(self, component: int) -> np.ndarray:
        """What the current makes of a component in each channel, (3c,)."""
        return np.kron(self.angles, np.eye(3)[component])

    def reader(
        self,
        component: int,
        detection: str,
        averaged: bool,
    ) -> np.ndarray:
        """Weights (3c,) of N in what drives the current, alpha'^T DD N, of a component."""
        return self._weighted(self.inverse_angles @ self.diffusion, component, detection, averaged)

    def voltage(
        self,
        component: int,
        detection: str,
        averaged: bool,
    ) -> np.ndarray:
        """Weights (3c,) of N/sigma in the voltage of a polarised contact, D n (or D W n) of each
        channel.
        """
        return self._weighted(np.diag(self.diffusion), component, detection, averaged)

    def _weighted(
        self,
        weights: np.ndarray,
        component: int,
        detection: str,
        averaged: bool,
    ) -> np.ndarray:
        rows = [self.material.detection_row(component, detection, averaged)]
        if self.count == 2:  # X_S is isotropic, and so is what reads the spin
            rows.append(np.eye(3)[component])
        return np.concatenate([w * row for w, row in zip(weights, rows, strict=True)])


def spin_rate(material: Material) -> float:
    """(g_S e/2)/m_S in 1/(s T)."""
    spin = material.spin
    assert spin is not None
    charge_to_mass = ELEMENTARY_CHARGE / ELECTRON_MASS
    return float(0.5 * spin.g_factor * charge_to_mass * spin.inverse_mass)
