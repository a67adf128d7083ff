"""A control direction: what the field does to the resistance where there is no Hanle effect.

That it does the same along another direction is an assumption: ordinary magnetoresistance differs
along the three axes.  So it is only taken off where it is given, and stands in the record.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from .data import Measured

#: Cosine of the angle from which on two directions are too close.
SAME_AXIS = 0.98


@dataclass(frozen=True, eq=False)
class Control:
    """The control as a function of |B|.

    Attributes
    ----------
    size : (n,) T, rising
    change, sigma : (n,) from the smallest field on, in the unit of the curve
    name : what it was measured as
    """

    size: np.ndarray
    change: np.ndarray
    sigma: np.ndarray
    name: str

    @classmethod
    def of(cls, given: Measured, data: Measured) -> Control:
        """The control of a curve, checked.

        Raises
        ------
        InputError
        """
        if not isinstance(given, Measured) or given.quantity != data.quantity:
            raise InputError(f"must be a Measured of {data.quantity}", key="control")
        if given.sigma is None:
            raise InputError(
                "its errors are not known; prepare it first, with symmetry='even'", key="control"
            )
        if abs(float(given.direction @ data.direction)) > SAME_AXIS:
            raise InputError(
                "lies along the direction of the curve itself; taking it off would take the Hanle "
                "effect off",
                key="control",
            )
        size = np.linalg.norm(given.fields, axis=1)
        order = np.argsort(size, kind="stable")
        size = size[order]
        if np.any(np.diff(size) <= 0.0):
            raise InputError(
                "must hold each |B| once; prepare it with symmetry='even'", key="control"
            )
        values = given.values[order]
        return cls(size, values - values[0], given.sigma[order], given.label)

    def at(self, field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Change and standard deviation at fields (n,) T, straight between the points."""
        B = np.abs(field)
        slack = 0.02 * self.size[-1]
        if B.max() > self.size[-1] + slack or B.min() < self.size[0] - slack:
            raise InputError(
                f"was measured from {self.size[0]:.4g} to {self.size[-1]:.4g} T, the curve from "
                f"{B.min():.4g} to {B.max():.4g} T; measure it over the same fields",
                key="control",
            )
        corners = np.eye(len(self.size))
        weights = np.column_stack([np.interp(B, self.size, corner) for corner in corners])
        return weights @ self.change, np.sqrt(weights**2 @ self.sigma**2)
