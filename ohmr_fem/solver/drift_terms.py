"""Drift of the moments with the carriers in a device plane: Q^a = ... - mu E n^a, J = ... + alpha'
mu (E_y, -E_x) n^z.

Weak form (docs/theory, section 2), with s the ordinary Hall tensor where that is on:

    - alpha' mu int n^z (V_x psi_y - V_y psi_x)   in the charge equation,
    - mu int n^a grad V . grad w^a                in the moment equation.

Both are bilinear in (V, n).  In the units of the system the only number left is mu/D.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array, hstack, vstack

from . import forms
from .system import System


def _mobility(system: System) -> np.ndarray:
    return system.coefficients.mobility / system.scales.diffusion


def _gradient(system: System, V: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """s grad V at the quadrature points."""
    slope: Any = system.basis.interpolate(V).grad
    if system.deflection is None:
        return slope[0], slope[1]
    first, second = system.deflection
    x, y = slope
    return first * x - second * y, first * y + second * x


def _read(system: System) -> list[np.ndarray]:
    """Weights of the components that the inverse effect reads, times alpha' mu/D."""
    c = system.coefficients
    weights = c.detection(2, system.problem.detection)
    return [c.alpha_inverse * _mobility(system) * w for w in weights]


def drift_of_moment(system: System, V: np.ndarray) -> csr_array:
    """Acts on each n^a (N,): - mu int n grad V . grad w, (N, N)."""
    x, y = _gradient(system, V)
    mobility = _mobility(system)
    form = forms.carried
    return csr_array(form.assemble(system.basis, p0=-mobility * x, p1=-mobility * y))


def drift_of_charge(system: System, n: np.ndarray) -> csr_array:
    """Acts on V (N,): - alpha' mu int n^z (V_x psi_y - V_y psi_x), (N, N), for moments n (3, N)."""
    total: Any = 0.0
    for weight, component in zip(_read(system), n.reshape(3, -1), strict=True):
        if np.any(weight):
            total = total - weight * np.asarray(system.basis.interpolate(component))
    return system.across(total)


def charge_from_moment(system: System, V: np.ndarray) -> csr_array:
    """The same term, acting on n (3N,) at a given V, (N, 3N)."""
    x, y = _gradient(system, V)
    form, basis = forms.carried, system.basis
    # V_x psi_y - V_y psi_x with the sign of the charge equation: carried along (V_y, -V_x)
    blocks = [form.assemble(basis, p0=w * y, p1=-w * x) for w in _read(system)]
    return csr_array(hstack(blocks))


def moment_from_charge(system: System, n: np.ndarray) -> csr_array:
    """The drift of given moments n (3, N), acting on V (N,), (3N, N)."""
    mobility = _mobility(system)
    blocks = []
    for component in n.reshape(3, -1):
        density = np.asarray(system.basis.interpolate(component))
        blocks.append(system.along(-mobility * density))
    return csr_array(vstack(blocks))
