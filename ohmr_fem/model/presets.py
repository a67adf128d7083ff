"""Materials with published orbital transport parameters; the source of each number is in
``Material.source``.

What the source does not give must be given here. The metals have no conductivity: a cross-section
asks for ratios and needs none, a film takes ``resistivity=``. X is taken isotropic, 1/m_e by
default: no experiment has measured it.
"""

from __future__ import annotations

from typing import Any

from ..errors import InputError
from ..errors.doors import door
from ..micro.models import bilayer_graphene as _bilayer
from .from_bands import material
from .material import Material

_SCALE = "X (free-electron mass) is a placeholder unless given; no conductivity"


@door
def mn(**changes: Any) -> Material:
    """Manganese film: alpha = 0.016, tau = 2 ps, L_m = 2 nm (Sala et al., PRL 131, 156703 (2023)).

    With m = 27.7 m_e (``inverse_mass=1/27.7``), which Sun and Vignale quote as consistent, the
    effect at 9 T is some 400 times smaller than with the free-electron mass used here.

    Parameters
    ----------
    changes
        Fields of :class:`Material` that are to be others.

    Returns
    -------
    Material

    Raises
    ------
    InputError
        A value that :class:`Material` refuses.
    """
    return _film(
        "Mn",
        "2 nm",
        "alpha, tau, L_m: Sala et al., PRL 131, 156703 (2023)",
        {"orbital_hall_angle": 0.016, "relaxation_time": "2 ps", **changes},
    )


@door
def v(**changes: Any) -> Material:
    """Vanadium film: L_m about 2 nm (Aguilar-Pujol et al., arXiv:2506.06546).

    Other films disagree: 15.0 nm and a negative orbital Hall conductivity in Vijayan et al.,
    arXiv:2508.16339.

    Parameters
    ----------
    changes
        Fields of :class:`Material`; orbital_hall_angle and relaxation_time must be given.

    Returns
    -------
    Material

    Raises
    ------
    InputError
        One of the two is missing, or a value that :class:`Material` refuses.
    """
    return _film("V", "2 nm", "L_m: Aguilar-Pujol et al., arXiv:2506.06546 (2025)", changes)


@door
def cr(**changes: Any) -> Material:
    """Chromium film: L_m = 6.6 nm (Lyalin et al., PRL 131, 156702 (2023)).

    Parameters
    ----------
    changes
        As for :func:`v`.

    Returns
    -------
    Material

    Raises
    ------
    InputError
        As :func:`v`.
    """
    return _film(
        "Cr", "6.6 nm", "L_m: Lyalin et al., PRL 131, 156702 (2023), 6.6 +- 0.6 nm", changes
    )


@door
def ti(**changes: Any) -> Material:
    """Titanium film: L_m = 7.3 nm (Idrobo et al., arXiv:2403.09269).

    Parameters
    ----------
    changes
        As for :func:`v`.

    Returns
    -------
    Material

    Raises
    ------
    InputError
        As :func:`v`.
    """
    return _film("Ti", "7.3 nm", "L_m: Idrobo et al., arXiv:2403.09269 (2024)", changes)


@door
def bilayer_graphene(
    *,
    density: Any,
    orbital_hall_angle: float | None = None,
    relaxation_time: Any = None,
    mobility: Any = "1 m**2/(V*s)",
    displacement: float = 0.0,
    **options: Any,
) -> Material:
    """Gated bilayer graphene, with sigma, D and X from the bands: see
    :func:`ohmr_fem.micro.material`.

    gamma0 3.16, gamma1 0.381, gamma3 0.38, gamma4 0.14, Delta' 0.022 eV (McCann and Koshino, Rep.
    Prog. Phys. 76, 056503 (2013)).  No measured orbital Hall angle or moment relaxation time is
    known to us.

    Parameters
    ----------
    density : quantity, 1/m^2
        Electrons minus those at neutrality, both spins.
    orbital_hall_angle : float
        Must be given.
    relaxation_time : quantity, s
        tau of the moment; must be given.
    mobility : quantity, m^2/(V s)
        The default is a placeholder.
    displacement : float, eV
        V; the layers differ by 2V.
    options
        As for :func:`ohmr_fem.micro.material`.

    Returns
    -------
    Material

    Raises
    ------
    InputError
        The angle or the time is missing; as :func:`ohmr_fem.micro.material`.
    """
    needed = {"orbital_hall_angle": orbital_hall_angle, "relaxation_time": relaxation_time}
    _require("bilayer_graphene", needed)
    model = _bilayer(3.16, 0.381, 0.38, 0.14, 0.022)
    return material(
        model,
        density=density,
        mobility=mobility,
        displacement=displacement,
        **{"name": "bilayer graphene", **needed, **options},
    )


def _film(name: str, length: str, source: str, given: dict[str, Any]) -> Material:
    if given.get("relaxation_rate") is not None:
        given["relaxation_time"] = None
    relaxing = "relaxation_time" if given.get("relaxation_rate") is None else "relaxation_rate"
    _require(name.lower(), {key: given.get(key) for key in ("orbital_hall_angle", relaxing)})
    fields = {
        "inverse_mass": 1.0,
        "name": name,
        "source": f"{source}; {_SCALE}",
        **given,
    }
    if "diffusion_constant" not in fields:
        fields.setdefault("diffusion_length", length)
    return Material(**fields)


def _require(name: str, needed: dict[str, Any]) -> None:
    missing = [key for key, value in needed.items() if value is None]
    if missing:
        raise InputError(
            f"no published value of {' and '.join(missing)}; "
            f"give {', '.join(f'{key}=...' for key in missing)}",
            key=f"presets.{name}",
        )
