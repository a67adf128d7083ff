"""One measured curve as the fit sees it: what a measure says at its fields, and its backgrounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import InputError
from ..model.material import precession_squared
from ..sweep.matrix_measure import MatrixMeasure
from ..sweep.measure import SpectralMeasure
from .background import Term, read_terms, starts
from .data import Measured

#: Squares of a measurement below which it has no ohmic resistance.
NO_SQUARES = 1e-9


@dataclass(frozen=True, eq=False)
class Curve:
    """Fields, the measure that answers for them, and what is added or divided.

    Attributes
    ----------
    fields : (n, 3) T
    quantity : "R", "hanle" or "ratio"
    measure : SpectralMeasure
    strip_of : float or None
        R_ohmic sigma of the device, where ``measure`` is that of an infinite strip beside it.
    terms : backgrounds, a column each
    base : what a relative change is multiplied by, in the unit of the curve
    basis : (n, k) their columns at the start, not whitened
    absolute : bool
        No offset is fitted, so that the constant part of R counts.
    """

    fields: np.ndarray
    quantity: str
    measure: SpectralMeasure
    basis: np.ndarray
    absolute: bool = False
    strip_of: float | None = None
    terms: tuple[Term, ...] = ()
    base: float = 1.0

    @classmethod
    def of(
        cls,
        data: Measured,
        measure: SpectralMeasure,
        background: Any,
        strip_of: float | None = None,
    ) -> Curve:
        if measure.current is None and strip_of is None and data.quantity != "ratio":
            raise InputError(
                f"{data.label}: a cross-section has no resistance in ohm; give the relative "
                f"change, {_recipe(data)}",
                value=data.quantity,
                key="quantity",
                named=True,
            )
        terms = read_terms(background)
        _check_terms(terms, data)
        sheet = measure.material.sheet_conductivity
        absolute = all(term.name != "offset" for term in terms)
        empty = np.empty((len(data.fields), 0))
        bare = cls(data.fields, data.quantity, measure, empty, absolute, strip_of, terms)
        base = bare._ohmic
        if abs(base * sheet) < NO_SQUARES:  # a Hall pair: its background scales with nothing
            base = 1.0 / sheet
        bare = replace(bare, base=base)
        strongest = float(np.abs(data.signed).max())
        return replace(bare, basis=bare.columns(starts(terms, strongest)))

    def columns(self, shapes: Mapping[str, float]) -> np.ndarray:
        """Backgrounds of amplitude 1 in the unit of the curve, (n, k)."""
        sheet = self.measure.material.sheet_conductivity
        out, first = [np.empty((len(self.fields), 0))], 0
        for t in self.terms:
            own = slice(first, first + len(t.amplitudes))
            fixed = bool(self.basis.size) and not t.free
            out.append(
                self.basis[:, own] if fixed else self.base * t.columns(self.fields, shapes, sheet)
            )
            first = own.stop
        return np.hstack(out)

    def known(self, shapes: Mapping[str, float]) -> np.ndarray:
        """Backgrounds without an amplitude, (n,) in the unit of the curve."""
        out = np.zeros(len(self.fields))
        for term in self.terms:
            if term.banded:
                along, across = term.bands(self.fields, shapes)
                out += self._ohmic * along + across / self.measure.material.sheet_conductivity
        return out

    @property
    def _ohmic(self) -> float:
        """What a relative change of the resistivity is multiplied by."""
        if self.quantity == "ratio":
            return 1.0
        if self.strip_of is not None:
            return self.strip_of / self.measure.material.sheet_conductivity
        return self.measure.R_ohmic

    @property
    def shaped(self) -> bool:
        """Whether a column depends on a parameter of the fit."""
        return any(term.free for term in self.terms)

    def signal(self, changed: Mapping[str, Any]) -> np.ndarray:
        """Model of the data without background, (n,); NaN where the torque is unstable."""
        m = self.measure.at(**changed)
        return shared_signals([self], m, m.unchecked)[0]

    def scaled(
        self,
        m: SpectralMeasure,
        f: np.ndarray,
        change: np.ndarray,
    ) -> np.ndarray:
        """The curve from f and its change with the field, (n,), where the torque is stable."""
        sigma = m.material.sheet_conductivity
        section = m.current is None
        ohmic = (
            (self.strip_of or 1.0) / sigma if section else m.R_ohmic
        )  # of a section only ratios, unless a strip
        scale = m.unit * (ohmic if section else 1.0)
        out = scale * (f if self.absolute and self.quantity == "R" else change)
        if self.quantity == "ratio":
            return np.asarray(out / ohmic)
        return np.asarray(out + ohmic if self.absolute and self.quantity == "R" else out)

    def stable(self, m: SpectralMeasure) -> bool:
        """Whether a steady state exists at every field; always where X is positive."""
        if isinstance(m, MatrixMeasure):
            return m.stable(self.fields)
        if np.linalg.eigvalsh(m.material.inverse_mass)[0] >= 0.0:
            return True
        growth = np.sqrt(max(-float(precession_squared(m.material, self.fields).min()), 0.0))
        return bool(
            growth < 1.0 + m.slowest * (m.material.diffusion_length / m.reference_length) ** 2
        )

    def at(self, rows: np.ndarray) -> Curve:
        """The same curve at some of its fields."""
        return replace(self, fields=self.fields[rows], basis=self.basis[rows])


def shared_signals(
    curves: Sequence[Curve],
    m: SpectralMeasure,
    response: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
) -> list[np.ndarray]:
    """Signals of curves of one measure, all their fields taken at once by ``response``, (n,) each;
    NaN for a curve where the torque is unstable.
    """
    out = [np.full(len(c.fields), np.nan) for c in curves]
    steady = [k for k, c in enumerate(curves) if c.stable(m)]
    if not steady:
        return out
    fields = [curves[k].fields for k in steady]
    f, change = response(np.concatenate(fields))
    ends = np.cumsum([len(each) for each in fields])[:-1]
    parts = zip(steady, np.split(f, ends), np.split(change, ends), strict=True)
    for k, own, moved in parts:
        out[k] = curves[k].scaled(m, own, moved)
    return out


def _recipe(data: Measured) -> str:
    """How a curve in ohm becomes a relative change."""
    if data.quantity == "hanle":
        return "hanle/R(0), as quantity 'ratio'"
    return (
        "R/R(0) - 1: curve.relative() of a curve, quantity='ratio' (--quantity ratio) of a file, "
        'read = {quantity = "ratio"} in FIT.toml'
    )


def _check_terms(
    terms: Sequence[Term],
    data: Measured,
) -> None:
    """InputError for a term that is not yet that of one curve, or that the curve cannot hold."""
    for term in terms:
        if term.counts:
            raise InputError(
                f"{term.name}: holds one number for each of several curves; give one here",
                key="background",
            )
        if term.banded and dict(term.given)["hall"] and data.quantity == "ratio":
            raise InputError(
                f"{data.label}: a Hall voltage has no relative change; give R or hanle in ohm",
                key="background",
            )


def scatter(data: Measured) -> float:
    """Noise of a curve from its own roughness: third differences of neighbours in the field, which
    leave smooth curves out.
    """
    order = np.argsort(data.signed, kind="stable")
    y = data.values[order]
    scale = float(np.ptp(y)) or float(np.abs(y).max()) or 1.0
    if len(y) < 8:
        return 0.05 * scale
    differences = np.diff(y, 3)
    return max(float(np.sqrt(np.mean(differences**2) / 20.0)), 1e-9 * scale)
