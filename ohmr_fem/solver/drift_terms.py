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


def _gradient(
    system: System,
    V: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
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
    return [c.alpha_inverse * _mobility(system) * w for w in system.reading(2)]


def drift_of_moment(
    system: System,
    V: np.ndarray,
) -> csr_array:
    """Acts on the moments (3N,): - mu int n^a grad V . grad w^a, (3N, 3N)."""
    x, y = _gradient(system, V)

    def carried(mobility: np.ndarray) -> csr_array:
        form = forms.carried
        return csr_array(form.assemble(system.basis, p0=-mobility * x, p1=-mobility * y))

    return system.of_density(carried, _mobility(system))


def drift_of_charge(
    system: System,
    n: np.ndarray,
) -> csr_array:
    """Acts on V (N,): - alpha' mu int n^z (V_x psi_y - V_y psi_x), (N, N), for moments n (3, N)."""
    total: Any = 0.0
    for weight, component in zip(_read(system), n.reshape(3, -1), strict=True):
        if np.any(weight):
            total = total - weight * np.asarray(system.basis.interpolate(component))
    return system.across(total)


def charge_from_moment(
    system: System,
    V: np.ndarray,
) -> csr_array:
    """The same term, acting on n (3N,) at a given V, (N, 3N)."""
    x, y = _gradient(system, V)
    form, basis = forms.carried, system.basis
    # V_x psi_y - V_y psi_x with the sign of the charge equation: carried along (V_y, -V_x)
    blocks = [form.assemble(basis, p0=w * y, p1=-w * x) for w in _read(system)]
    return csr_array(hstack(blocks))


def moment_from_charge(
    system: System,
    n: np.ndarray,
) -> csr_array:
    """The drift of given moments n (3, N), acting on V (N,), (3N, N)."""
    mobility = _mobility(system)
    unknowns = [np.asarray(system.basis.interpolate(d)) for d in n.reshape(3, -1)]
    table = system.density
    blocks = []
    for a in range(3):
        density: Any = unknowns[a]
        if table is not None:
            row = zip(table[a], unknowns, strict=True)
            density = sum(entry * h for entry, h in row if entry is not None)
        blocks.append(system.along(-mobility * density))
    return csr_array(vstack(blocks))
