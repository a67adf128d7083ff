"""The thickness of a film in polynomials: modes of z between two faces that absorb.

    - phi'' = q^2 phi,   phi' + g_t phi = 0 above,   phi' - g_b phi = 0 below,

on elements of high degree, thinner towards the faces.  A few dozen such modes hold all that the
plane's elements can ask of z, where cosines would converge as 1/m at a face that absorbs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import skfem
from scipy.linalg import eigh

from . import forms
from .space import cell_basis

#: Degree of the polynomials on each element, and of those that judge them.
DEGREE, COARSE = 8, 6
#: An element is this part of what lies between it and the middle.
NARROWER = 0.25
#: The thinnest element is this part of L_m or of the thickness, whichever is less.
THINNEST = 0.1


@dataclass(frozen=True, eq=False)
class Depth:
    """Modes of z, of unit square over the thickness.

    Attributes
    ----------
    squares : (m,) q^2 in 1/length^2
    top, bottom : (m,) their values at the faces, 0 where n = 0
    integral : (m,) over the thickness
    thickness : in the same length
    """

    squares: np.ndarray
    top: np.ndarray
    bottom: np.ndarray
    integral: np.ndarray
    thickness: float

    @classmethod
    def of(
        cls,
        thickness: float,
        length: float,
        bottom: float | None,
        top: float | None,
        degree: int = DEGREE,
    ) -> Depth:
        """``bottom`` and ``top`` are g in 1/length, None for n = 0; ``length`` is L_m."""
        basis = cell_basis(skfem.MeshLine(_lines(thickness, length)), degree)
        one = np.ones(basis.dx.shape)
        stiffness, mass = (
            form.assemble(basis, a=one).toarray() for form in (forms.stiffness, forms.mass)
        )
        vertices, z = basis.nodal_dofs[0], basis.mesh.p[0]
        ends = vertices[[int(np.argmin(z)), int(np.argmax(z))]]
        kept = np.ones(basis.N, dtype=bool)
        for end, g in zip(ends, (bottom, top), strict=True):
            if g is None:
                kept[end] = False
            else:
                stiffness[end, end] += g
        squares, found = eigh(stiffness[np.ix_(kept, kept)], mass[np.ix_(kept, kept)])
        modes = np.zeros((basis.N, len(squares)))
        modes[kept] = found
        flat = np.zeros(basis.N)
        flat[vertices] = 1.0
        below, above = modes[ends]
        return cls(squares, above, below, mass @ flat @ modes, thickness)

    @property
    def odd(self) -> np.ndarray:
        """What z x J drives: with its sign below, against it above."""
        return self.bottom - self.top


def _lines(thickness: float, length: float) -> np.ndarray:
    """Ends of the elements, symmetric about the middle."""
    half = 0.5 * thickness
    least = THINNEST * min(length, thickness)
    gaps = [half]
    while gaps[-1] * NARROWER >= least:
        gaps.append(gaps[-1] * NARROWER)
    above = half - np.array(gaps[1:] or [NARROWER * half])
    return np.concatenate([[-half], -above[::-1], [0.0], above, [half]])
