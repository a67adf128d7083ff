"""The spin channel beside the orbital one (docs/theory, section 11)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from ..errors import InputError, complaints_of
from ..units import array_si, engineering, positive, shown, to_si


@dataclass(frozen=True)
class Spin:
    """Spin moment of a :class:`Material`, beside its orbital moment and converted into it.

    With N = (n_L, n_S) and the rates of the channels on the diagonal (every loss of a channel,
    conversion too),

        d_t n_L = ... - n_L/tau_L + to_orbital n_S,   d_t n_S = ... - n_S/tau_S + from_orbital n_L.

    See docs/theory, section 11.

    Parameters
    ----------
    diffusion_constant : quantity, m^2/s
    relaxation_time : quantity, s
        tau_S, the whole loss of the spin channel: conversion adds nothing to 1/tau_S or 1/tau_L.
    hall_angle : float
        Spin Hall angle alpha_S, charge current to spin current.
    inverse_hall_angle : float, optional
        alpha'_S; default alpha_S.
    g_factor : float
        Of the spin; 2 for free electrons.
    inverse_mass : float, **1/m_e**
        The torque is (g e/2) [B]_x over this mass: g = 2 and the free mass are Larmor's precession.
    to_orbital, from_orbital : quantities, 1/s
        Rates from S into L and from L into S, of either sign.  Reciprocal where
        to_orbital/from_orbital = D_S/D_L, which is not demanded.
    cross_diffusion : quantity or two, m^2/s
        D_LS and D_SL; one number is both.

    Raises
    ------
    InputError
        For values of the wrong sign, dimension or shape.
    """

    diffusion_constant: Any
    relaxation_time: Any
    hall_angle: Any
    inverse_hall_angle: Any = None
    g_factor: Any = 2.0
    inverse_mass: Any = 1.0
    to_orbital: Any = 0.0
    from_orbital: Any = 0.0
    cross_diffusion: Any = 0.0

    def __post_init__(self) -> None:
        put = partial(object.__setattr__, self)  # the way around frozen
        with complaints_of("Spin"):
            put(
                "diffusion_constant",
                positive(self.diffusion_constant, "m**2/s", "diffusion_constant"),
            )
            put("relaxation_time", positive(self.relaxation_time, "s", "relaxation_time"))
            put("hall_angle", to_si(self.hall_angle, "1", "hall_angle"))
            back = self.hall_angle if self.inverse_hall_angle is None else self.inverse_hall_angle
            put("inverse_hall_angle", to_si(back, "1", "inverse_hall_angle"))
            put("g_factor", to_si(self.g_factor, "1", "g_factor"))
            put("inverse_mass", to_si(self.inverse_mass, "1/m_e", "inverse_mass"))
            for name in ("to_orbital", "from_orbital"):
                put(name, to_si(getattr(self, name), "1/s", name))
            put("cross_diffusion", _pair(self.cross_diffusion))

    @property
    def converts(self) -> bool:
        """Whether one moment turns into the other, or one drives the diffusion of the other."""
        return any((self.to_orbital, self.from_orbital, *self.cross_diffusion))

    def __repr__(self) -> str:
        forth, back = self.to_orbital, self.from_orbital
        rates = (
            f", to_orbital={forth:.4g} 1/s, from_orbital={back:.4g} 1/s" if forth or back else ""
        )
        crossed = (
            f", cross_diffusion={self.cross_diffusion} m²/s" if any(self.cross_diffusion) else ""
        )
        return (
            f"Spin(tau={engineering(self.relaxation_time, 's')}, "
            f"D={engineering(self.diffusion_constant, 'm²/s')}, "
            f"alpha={self.hall_angle:g}, alpha'={self.inverse_hall_angle:g}, "
            f"1/m={self.inverse_mass:g} /m_e, g={self.g_factor:g}{rates}{crossed})"
        )


def check_spin(material: Any) -> None:
    """InputError for a spin that does not fit its :class:`Material`."""
    spin = material.spin
    if spin is None:
        return
    if not isinstance(spin, Spin):
        raise InputError(
            f"spin must be a Spin(diffusion_constant, ...), got {shown(spin)}",
            value=spin,
            owner="Material",
            key="spin",
            named=True,
        )
    if not material.constant and material.sheet_conductivity is not None:
        raise InputError(
            "a second channel needs coefficients that are plain numbers; give regions a material "
            "each in place of functions and arrays",
            owner="Material",
            key="spin",
        )
    first, second = spin.cross_diffusion
    own, other = material.diffusion_constant, spin.diffusion_constant
    # the eigenvalues of DD are real and positive
    if isinstance(own, float) and not (
        first * second < own * other and (own - other) ** 2 + 4.0 * first * second >= 0.0
    ):
        raise InputError(
            "the diffusion matrix needs positive eigenvalues: D_LS D_SL must lie between "
            f"-(D_L - D_S)^2/4 and D_L D_S, got {first * second:.4g} with D_L D_S = "
            f"{own * other:.4g} m^4/s^2",
            owner="Material",
            key="spin.cross_diffusion",
        )


def _pair(value: Any) -> tuple[float, float]:
    given = array_si(value, "m**2/s", "cross_diffusion")
    if given.ndim and given.shape != (2,):
        raise InputError(
            f"expected one number or (D_LS, D_SL), got {shown(value)}",
            value=value,
            key="cross_diffusion",
        )
    first, second = given.tolist() if given.ndim else (float(given),) * 2
    return first, second
