"""The law of three scalars: every field dependence from one scalar response (docs/theory, section
3).

T tau = c [B]_x X obeys T^3 = -omega^2 T, so for any function h of T, with r = i omega tau
(real when omega^2 < 0),

    <d| h(T) |z> = F(s) + t_1 [F(s+r) - F(s-r)]/(2r) + t_2 [F(s+r) + F(s-r) - 2 F(s)]/(2 r^2),

t_1 = <d|T tau|z>, t_2 = <d|(T tau)^2|z>.  This one line holds the form with p and a', and both
its limits omega = 0 and omega^2 < 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError, SolveError, suggest

ScalarResponse = Callable[[np.ndarray], Any]

# Below |omega tau| = 0.1 the differences cancel; there a circle of radius 0.3 around s gives them
# with
# errors (0.1/0.3)^40 from the outside and 0.3^40 from the singularities of F, all at Re s <= 0.
_SMALL = 0.1
_RADIUS = 0.3
_NODES = 40


@dataclass(frozen=True, eq=False)
class ThreeScalars:
    """What a torque does to the zz (or yy, xx) response; arrays of one shape, in units of tau.

    omega_squared : (omega tau)^2 = c^2 B.adj(X).B, negative where the precession turns into growth
    and decay.
    first, second : <d|T tau|z> and <d|(T tau)^2|z>, with <d| the detected and |z> the generated
    component.

    See docs/theory, section 3.
    """

    omega_squared: np.ndarray
    first: np.ndarray
    second: np.ndarray

    @property
    def p(self) -> np.ndarray:
        """Weight of the component that does not precess; nan where omega = 0."""
        return 1.0 + self.second / np.where(self.omega_squared == 0.0, np.nan, self.omega_squared)

    @property
    def a_prime(self) -> np.ndarray:
        """Weight a' of Im F; nan unless omega^2 > 0."""
        return self.first / np.sqrt(np.where(self.omega_squared > 0.0, self.omega_squared, np.nan))


def three_scalars(
    B: Any,
    X: Any,
    g_e_half_tau: float = 1.0,
    component: str = "z",
    detection: str = "printed",
) -> ThreeScalars:
    """Reduce the torque T tau = g_e_half_tau [B]_x X of Eq. (2) to three numbers per field.

    Parameters
    ----------
    B : array (..., 3)
        Magnetic field, in any unit that makes ``g_e_half_tau * B * X`` dimensionless.
    X : array (3, 3), (3,) or float
        Symmetric inverse mass tensor.
    g_e_half_tau : float
        g e tau / 2 in the matching unit.
    component : "x", "y" or "z"
        Moment component that is generated and detected: z for strips, y for films.
    detection : "printed" or "reciprocal"
        n^z, or (X n)^z / X_zz, in the charge current.

    Returns
    -------
    ThreeScalars
        Arrays of the leading shape of ``B``.

    Raises
    ------
    InputError
        Another shape, X not symmetric, an unknown name; "reciprocal" with a vanishing divisor.
    """
    index = _component(component)
    field, tensor = _field(B), _tensor(X)
    row = detection_row(tensor, component, detection)
    adjugate = np.cross(np.roll(tensor, -1, axis=0), np.roll(tensor, -2, axis=0))
    omega_squared = g_e_half_tau**2 * np.einsum("...a,ab,...b->...", field, adjugate, field)
    once = g_e_half_tau * np.cross(field, tensor[:, index])
    twice = g_e_half_tau * np.cross(field, once @ tensor)
    return ThreeScalars(omega_squared, once @ row, twice @ row)


def scalars_of_precession(
    phi: Any,
    theta: Any = 1.0,
) -> ThreeScalars:
    """The case of Eqs. (4) to (8): field along x, diagonal X, so omega tau = sqrt(theta) phi and p
    = a' = 0.

    ``phi`` = Omega tau and ``theta`` = X_zz/X_yy broadcast; theta < 0 is allowed.

    Parameters
    ----------
    phi : float or array
        Omega tau, with Omega = g e B X_yy/2.
    theta : float or array
        X_zz/X_yy, which may be negative.

    Returns
    -------
    ThreeScalars
        Arrays of the shape that both broadcast to.
    """
    omega_squared = np.asarray(theta, dtype=float) * np.asarray(phi, dtype=float) ** 2
    return ThreeScalars(omega_squared, np.zeros_like(omega_squared), -omega_squared)


def three_scalar_response(
    F: ScalarResponse,
    scalars: ThreeScalars,
    base: complex = 1.0,
    growth_limit: float = 1.0,
) -> np.ndarray:
    """f(B) = p F(1) + (1-p) Re F(1 + i omega tau) + a' Im F(1 + i omega tau), and its limits.

    See docs/theory, section 3.

    Parameters
    ----------
    F : callable
        Scalar response to the relaxation rate s/tau; takes complex arrays of the shape of
        ``scalars``, real for real s, analytic in Re s > 0.
    scalars : ThreeScalars
    base : complex
        Relaxation rate without field: 1, or 1 - i w tau for alternating current.
    growth_limit : float
        Largest |omega| tau with a steady state when omega^2 < 0: 1 + L_m^2 w_min.

    Returns
    -------
    array
        Broadcast of ``scalars`` with whatever ``F`` returns; complex only if ``base`` is.

    Raises
    ------
    SolveError
        omega^2 < 0 and |omega| tau >= growth_limit: no steady state.
    """
    value, first, second = _differences(F, scalars.omega_squared, base, growth_limit)
    return _real_if(value + scalars.first * first + scalars.second * second, base)


def three_scalar_change(
    F: ScalarResponse,
    scalars: ThreeScalars,
    base: complex = 1.0,
    growth_limit: float = 1.0,
) -> np.ndarray:
    """f(B) - f(0) without cancellation at weak field.

    See docs/theory, section 3.

    Parameters
    ----------
    F, scalars, base, growth_limit
        As for :func:`three_scalar_response`.

    Returns
    -------
    array
        Of the same shape.

    Raises
    ------
    SolveError
        As :func:`three_scalar_response`.
    """
    _, first, second = _differences(F, scalars.omega_squared, base, growth_limit)
    return _real_if(scalars.first * first + scalars.second * second, base)


def detection_row(
    X: Any,
    component: str = "z",
    detection: str = "printed",
) -> np.ndarray:
    """Row vector <d|, shape (3,): the moment that enters the charge current is d.n.

    "reciprocal" divides X by X_zz on strips (z), by (X_xx + X_yy)/2 on the faces of films (x, y).

    See docs/theory, sections 3 and 9.

    Parameters
    ----------
    X : float, (3,) or symmetric (3, 3)
        Inverse mass tensor, any unit.
    component : "x", "y" or "z"
        Moment that is read.
    detection : "printed" or "reciprocal"
        n^c, or (X n)^c over a component of X.

    Returns
    -------
    (3,) array

    Raises
    ------
    InputError
        Unknown name, or "reciprocal" with a vanishing divisor.
    """
    index = _component(component)
    if detection == "printed":
        return np.eye(3)[index]
    if detection != "reciprocal":
        raise InputError(
            f"detection: unknown {detection!r}; {suggest(detection, ('printed', 'reciprocal'))}"
        )
    tensor = _tensor(X)
    on_faces = index != 2
    scale = 0.5 * (tensor[0, 0] + tensor[1, 1]) if on_faces else tensor[2, 2]
    if scale == 0.0:
        name = "(X_xx + X_yy)/2" if on_faces else "X_zz"
        raise InputError(f"detection: 'reciprocal' divides by {name}, which is zero; use 'printed'")
    return np.asarray(tensor[index] / scale)


def combine(
    F: ScalarResponse,
    scalars: ThreeScalars,
) -> np.ndarray:
    """The same law for an F that is not real on the real axis (complex wavenumber); always
    complex.
    """
    value, first, second = _differences(F, scalars.omega_squared, 1.0, 1.0)
    return np.asarray(value + scalars.first * first + scalars.second * second)


def _differences(
    F: ScalarResponse,
    omega_squared: Any,
    base: complex,
    growth_limit: float,
) -> tuple[Any, Any, Any]:
    """F(s) and its first and second divided differences at s, s + r, s - r; r^2 = -omega^2."""
    squared = -np.asarray(omega_squared, dtype=float)
    if np.any(squared >= growth_limit**2):
        worst = float(np.sqrt(squared.max()))
        raise SolveError(
            f"no steady state: omega is imaginary with |omega| tau = {worst:g}, which must stay "
            f"below {growth_limit:g}; lower the field or check the sign of B.adj(X).B",
            value=worst,
        )
    small = np.abs(squared) < _SMALL**2
    value = np.asarray(F(np.full(squared.shape, complex(base))))
    r = np.sqrt(np.where(small, 0.25, squared).astype(complex))
    plus = np.asarray(F(base + r))
    minus = np.asarray(F(base - r))
    first = (plus - minus) / (2 * r)
    second = (plus + minus - 2 * value) / (2 * r**2)
    if np.any(small):
        inner = _contour(F, np.where(small, squared, 0.0), base)
        first = np.where(small, inner[0], first)
        second = np.where(small, inner[1], second)
    return value, first, second


def _contour(
    F: ScalarResponse,
    squared: np.ndarray,
    base: complex,
) -> tuple[np.ndarray, np.ndarray]:
    """Divided differences by Cauchy's formula: the resolvent of T is 1/u + T/(u^2 - r^2) + T^2/(u
    (u^2 - r^2)).
    """
    first = np.zeros(())
    second = np.zeros(())
    turns = (np.arange(_NODES) + 0.5) / _NODES
    for u in _RADIUS * np.exp(2j * np.pi * turns):
        value = np.asarray(F(np.full(squared.shape, base + u)))
        value = value / (_NODES * (u**2 - squared))
        first = first + u * value
        second = second + value
    return first, second


def _real_if(
    value: Any,
    base: complex,
) -> np.ndarray:
    return np.asarray(value if complex(base).imag != 0.0 else np.real(value))


def _component(name: str) -> int:
    if name not in ("x", "y", "z"):
        raise InputError(
            f"component: unknown {name!r}; {suggest(name, ('x', 'y', 'z'))}", value=name
        )
    return "xyz".index(name)


def _field(B: Any) -> np.ndarray:
    field = np.asarray(B, dtype=float)
    if field.shape[-1:] != (3,):
        raise InputError(f"B: expected shape (..., 3), got {field.shape}", value=B)
    return field


def _tensor(X: Any) -> np.ndarray:
    tensor = np.asarray(X, dtype=float)
    if tensor.ndim == 0:
        tensor = tensor * np.eye(3)
    elif tensor.shape == (3,):
        tensor = np.diag(tensor)
    if tensor.shape != (3, 3) or not _symmetric(tensor):
        raise InputError(
            f"X: expected one number, three, or a symmetric 3 x 3 array, got {X!r}", value=X
        )
    return tensor


def _symmetric(tensor: np.ndarray) -> bool:
    slack = 1e-9 * np.abs(tensor).max()
    return np.allclose(tensor, tensor.T, rtol=0.0, atol=slack)
