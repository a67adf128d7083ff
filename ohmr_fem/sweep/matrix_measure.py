"""The measure of a relaxation tensor, or of orbital and spin moment together: a matrix a pole.

The poles w_k and weights of the plane are those of one channel (docs/theory, section 11).  With the
matrices of :class:`Channels`, and l the length for which the rates are given,

    f(B) = sum_k a_k b_k r^T A_k(B)^-1 s,   A_k(B) = w_k DD x 1 + l^2 (Gamma + T(B)),

s = alpha x e_d what is generated and r = alpha'^T DD x e_c what is read.  The change with the field
comes without subtracting: with x = A_k(0)^-1 s and y = A_k(0)^-T r it is

    - y.(l^2 T) x + y.(l^2 T) A_k(B)^-1 (l^2 T) x.

Where DD^-1 l^2 (Gamma + T) has the eigenvalues mu_j, f is sum_j c_j F(mu_j) of the scalar F, and
sum_j |c_j| times its bound at mu_j is a bound.  Near matrices without a basis of eigenvectors the
c_j are large, and then

    |error| <= max_w |(w + s0) (w DD + l^2 (Gamma + T))^-1| |r_a| |r_b|

with the residuals of the six components; there the maximum is taken over some hundred w.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from ..errors import InputError, SolveError
from ..model.channels import Channels
from ..solver.channel_rates import require_decay, slowest_rates
from ..units import fields_array, one_ratio, to_si
from .bound import FLOOR
from .curve import CHANNEL_PARTS
from .lanczos import ROUNDING
from .link import Link
from .measure import SpectralMeasure

#: Fields times poles solved at a time, which bounds the memory.
AT_ONCE = 30_000
#: Rates w at which the second bound looks for its maximum, and what covers those between.
SAMPLES, MARGIN = 97, 1.2


@dataclass(frozen=True, eq=False, repr=False)
class MatrixMeasure(SpectralMeasure):
    """The measure of a material whose relaxation is a tensor, or with a :class:`Spin`; made by
    :func:`spectral_measure`.

    As :class:`SpectralMeasure`, but f holds the products of the angles where there is a spin.

    See docs/theory, section 11.
    """

    plane: ClassVar[bool] = False
    scalar: ClassVar[bool] = False

    @functools.cached_property
    def matrices(self) -> Channels:
        """The constant matrices of the material."""
        return Channels.of(self.material)

    @property
    def largest(self) -> float:
        """As :attr:`size`, but of a pair that cancels: the material has no root."""
        return max(self.size, self._floor / FLOOR)

    @property
    def has_spin(self) -> bool:
        """Whether the material has a second channel."""
        return self.material.spin is not None

    # -- the scalar function of the device

    @property
    def stretch(self) -> float:
        """One: F is that of the reference length, for there is no one length."""
        return 1.0

    @property
    def rates(self) -> np.ndarray:
        """w_k times D of the orbital channel in 1/s, (m,)."""
        D = self.material.diffusion_constant
        return np.asarray(self.projection.rates * D / self.reference_length**2)

    # -- fields

    def _sum(
        self,
        links: Sequence[Link],
        fields: np.ndarray,
        s: complex = 1.0,
    ) -> tuple[np.ndarray, np.ndarray]:
        """f and f - f(0) of some links, each (n,)."""
        at_zero: Any = 0.0
        change: Any = np.zeros(len(fields))
        for c in links:
            zero, changed = self._table(c, fields, s)
            at_zero, change = at_zero + zero.sum(), change + changed.sum(axis=(1, 2))
        return at_zero + change, change

    def _table(
        self,
        c: Link,
        fields: np.ndarray,
        s: complex,
    ) -> tuple[np.ndarray, np.ndarray]:
        """f(0) of a link as (c, c), read by and made in each channel of moment, and its change as
        (n, c, c).
        """
        weights = self.projection.residues(c.a, c.b)
        zero, x, y = self._at_rest(self._readers(c), self._sources(c), s)
        change = np.empty((len(fields), *zero.shape[1:]), dtype=zero.dtype)
        for some in self._batches(len(fields)):
            change[some] = self._change(fields[some], x, y, weights, s)
        return np.einsum("k,kij->ij", weights, zero), change

    def _batches(self, count: int) -> Iterator[slice]:
        share = max(1, AT_ONCE // max(len(self.projection.rates), 1))
        for start in range(0, count, share):
            yield slice(start, start + share)

    def _at_rest(
        self,
        readers: np.ndarray,
        sources: np.ndarray,
        s: complex,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """r^T A_k(0)^-1 s (m, c, c), A_k(0)^-1 s (m, q, c) and r^T A_k(0)^-1 (m, c, q)."""
        A = self._poles(np.zeros((1, 3)), s)[0]
        x = np.linalg.solve(A, sources.T)
        y = np.linalg.solve(A.swapaxes(-2, -1), readers.T).swapaxes(-2, -1)
        return readers @ x, x, y

    def _change(
        self,
        fields: np.ndarray,
        x: np.ndarray,
        y: np.ndarray,
        weights: np.ndarray,
        s: complex,
    ) -> np.ndarray:
        turned = self._square * self.matrices.torque(fields)[:, None] @ x
        again = np.linalg.solve(self._poles(fields, s), turned)
        torque = self._square * self.matrices.torque(fields)[:, None]
        second = torque @ again
        return np.asarray(np.einsum("k,kiq,nkqj->nij", weights, y, second - turned))

    def _poles(
        self,
        fields: np.ndarray,
        s: complex,
    ) -> np.ndarray:
        """A_k(B), (n, m, q, q)."""
        spread = self.projection.rates[:, None, None] * self.matrices.spread
        return np.asarray(spread + self._local(fields, s)[:, None])

    def _local(
        self,
        fields: np.ndarray,
        s: complex,
    ) -> np.ndarray:
        """l^2 (Gamma + T - i omega), (n, q, q)."""
        matrices = self._square * self.matrices.matrices(fields)
        if s == 1.0:
            return matrices
        shift = self._square * (s - 1.0) / self.material.mean_time
        return np.asarray(matrices + shift * np.eye(matrices.shape[-1]))

    @property
    def _square(self) -> float:
        return self.reference_length**2

    def _sources(self, c: Link) -> np.ndarray:
        """What is generated, a row for each channel of moment, (c, 3c)."""
        z = np.eye(3)[c.generated]
        if not self.has_spin:
            return self.drive_of(c) * z[None]
        if c.drive is not None:  # a current brings both moments along
            return _by_channel(c.drive * np.tile(z, 2))
        made = self.matrices.source(c.generated)
        return _by_channel(-made if self.polarised else made)

    def _readers(self, c: Link) -> np.ndarray:
        """What is read, a row for each channel of moment, (c, 3c)."""
        matrices = self.matrices
        if not self.has_spin:
            strength = self.material.diffusion_constant * self.reading_of(c)
            return np.asarray(strength * self.detector(c.detected)[None])
        if c.read is None:
            row = matrices.reader(c.detected, self.detection, self.averages)
        else:
            row = c.read * matrices.voltage(c.detected, self.detection, self.averages)
        return _by_channel(row)

    # -- what holds

    def bound(
        self,
        fields: Any,
        s: complex = 1.0,
    ) -> np.ndarray:
        """Bound on the algebraic error of f(B): rigorous, but for fields where it relies on the
        bound by residuals, which looks at a sample of rates.

        Parameters
        ----------
        fields, s
            As for :meth:`SpectralMeasure.bound`.

        Returns
        -------
        (n,) array

        Raises
        ------
        InputError
            A field of another shape or dimension.
        """
        several, s = np.atleast_2d(fields_array(fields, "fields")), one_ratio(s, "s")
        total = self._bound_of_eigenvalues(several, s)
        weak = np.flatnonzero(~(total <= 3.0 * self._allowed))
        for i in weak:
            total[i] = np.fmin(total[i], self._bound_of_residuals(several[i], s))
        return total

    def _bound_of_eigenvalues(
        self,
        fields: np.ndarray,
        s: complex,
    ) -> np.ndarray:
        diffusion = self.matrices.spread
        values, vectors = np.linalg.eig(np.linalg.solve(diffusion, self._local(fields, s)))
        total = np.zeros(len(fields))
        with np.errstate(all="ignore"):  # a defective matrix: infinite, and the other bound serves
            for number, c in enumerate(self.channels):
                sources = np.linalg.solve(diffusion, self._sources(c).sum(axis=0))
                try:
                    made = np.linalg.solve(vectors, sources[:, None].astype(complex))[..., 0]
                except np.linalg.LinAlgError:
                    return np.full(len(fields), np.inf)
                read = self._readers(c).sum(axis=0) @ vectors
                total += np.sum(np.abs(read * made) * self.F_bound(values, number), axis=1)
        return np.where(np.isfinite(total), total, np.inf)

    def _bound_of_residuals(
        self,
        field: np.ndarray,
        s: complex,
    ) -> float:
        p = self.projection
        local = self._local(field[None], s)[0]
        A = self._poles(field[None], s)[0]
        left = local - p.shift * self.matrices.spread
        size = MARGIN * self._largest(local)
        total = 0.0
        for c in self.channels:
            made, read = self._sources(c).sum(axis=0), self._readers(c).sum(axis=0)
            x = np.linalg.solve(A, np.broadcast_to(made[:, None], (len(A), len(made), 1)))[..., 0]
            transposed = A.swapaxes(-2, -1)
            y = np.linalg.solve(transposed, np.broadcast_to(read[:, None], (len(A), len(read), 1)))
            r_a = p.tail @ (p.weights[:, [c.a]] * x @ left.T)
            r_b = p.tail @ (p.weights[:, [c.b]] * y[..., 0] @ left)
            floor = ROUNDING * p.norm(c.a) * p.norm(c.b)
            floor = floor * float(np.linalg.norm(made) * np.linalg.norm(read))
            total += size * (float(np.linalg.norm(r_a) * np.linalg.norm(r_b)) + floor)
        return total

    def _largest(self, local: np.ndarray) -> float:
        """max over w >= slowest of |(w + s0) (w DD + local)^-1|."""
        shift, spread = self.projection.shift, self.matrices.spread
        scale = float(np.abs(local).max() / np.abs(spread).max())
        grid = np.append(0.0, scale * np.logspace(-4.0, 4.0, SAMPLES))
        w = self.slowest + grid
        inverse = np.linalg.inv(w[:, None, None] * spread + local)
        sizes = (w + shift) * np.linalg.norm(inverse, ord=2, axis=(-2, -1))
        return float(max(np.max(sizes), np.linalg.norm(np.linalg.inv(spread), ord=2)))

    @property
    def _least_kappa(self) -> float:
        return self.slowest / self._square

    def _check_stable(self, fields: np.ndarray) -> None:
        require_decay(self.matrices, fields, self._least_kappa)

    def stable(self, fields: np.ndarray) -> bool:
        """Whether a steady state exists at every field; docs/theory, section 11.

        Parameters
        ----------
        fields : (3,) or (n, 3) T

        Returns
        -------
        bool

        Raises
        ------
        InputError
            A field of another shape or dimension.
        """
        several = np.atleast_2d(fields_array(fields, "fields"))
        return bool(np.all(slowest_rates(self.matrices, several, self._least_kappa) > 0.0))

    def covers(
        self,
        fields: Any,
        s: complex = 1.0,
    ) -> np.ndarray:
        """Whether each field is stable and within the range of the measure.

        Parameters
        ----------
        fields, s
            As for :meth:`SpectralMeasure.covers`.

        Returns
        -------
        (n,) bool

        Raises
        ------
        InputError
            A field of another shape or dimension.
        """
        several = np.atleast_2d(fields_array(fields, "fields"))
        out = slowest_rates(self.matrices, several, self._least_kappa) > 0.0
        if np.any(out):
            out[out] = self.bound(several[out], s) <= 3.0 * self._allowed
        return out

    @property
    def growth_limit(self) -> float:
        """Not of a matrix, whose torque has no one |omega| tau.

        Raises
        ------
        SolveError
            Always.
        """
        raise _no_scalar("growth_limit")

    @property
    def range(self) -> tuple[float, float]:
        """Not of a matrix, no two numbers of which bound the fields: :meth:`covers` tells them.

        Raises
        ------
        SolveError
            Always.
        """
        raise _no_scalar("range")

    @functools.cached_property
    def size(self) -> float:
        """The scale of the tolerance: f(0) without any cancellation."""
        return float(sum(self._size_of(c) for c in self.channels))

    def _size_of(self, c: Link) -> float:
        zero = self._at_rest(self._readers(c), self._sources(c), 1.0)[0]
        return float(np.abs(self.projection.residues(c.a, c.b)) @ np.abs(zero).sum(axis=(1, 2)))

    @functools.cached_property
    def _floor(self) -> float:
        p = self.projection
        total = 0.0
        for c in self.channels:
            made, read = self._sources(c).sum(axis=0), self._readers(c).sum(axis=0)
            strength = np.abs(read) @ np.linalg.solve(self.matrices.spread, np.abs(made))
            total += FLOOR * p.norm(c.a) * p.norm(c.b) * abs(float(strength))
        return total

    @property
    def own_response(self) -> float:
        """As of :class:`SpectralMeasure`: f(0) of the current pair read at its own contacts."""
        total = 0.0
        made = {(c.generated, c.a): c for c in self.channels if c.drive is None}
        for c in made.values():
            own = replace(c, detected=c.generated, b=c.a, read=None)
            zero = self._at_rest(self._readers(own), self._sources(own), 1.0)[0]
            total += float(self.projection.residues(c.a, c.a) @ zero.sum(axis=(1, 2)))
        return total

    # -- what a user reads

    def channel_parts(self, fields: Any) -> dict[str, np.ndarray]:
        """delta_R by the moment that is made and the one that is read; docs/theory, section 11.

        Parameters
        ----------
        fields : (3,) or (n, 3) T

        Returns
        -------
        {name: (n,) ohm}
            rho on a section; under the names of :class:`Parts`.

        Raises
        ------
        InputError
            A material without a spin, a field of another shape.
        SolveError
            A field that is unstable or out of the range of the measure.
        """
        several = self._of_spin(fields, "channel_parts")
        total = np.zeros((len(several), 2, 2))
        for c in self.channels:
            zero, change = self._table(c, several, 1.0)
            total += self.unit * (zero + change)
        made_first = total.swapaxes(1, 2).reshape(-1, 4).T
        return dict(zip(CHANNEL_PARTS, made_first, strict=True))

    def switched_off(self, fields: Any) -> dict[str, np.ndarray]:
        """delta_R without one coupling or angle after the other.

        Parameters
        ----------
        fields : (3,) or (n, 3) T

        Returns
        -------
        {name: (n,) ohm}
            rho on a section; by the name of the parameter of :meth:`at`, and "conversion" without
            all couplings.

        Raises
        ------
        InputError
            A material without a spin, a field of another shape.
        SolveError
            A field that is unstable or out of the range of the measure.
        """
        several = self._of_spin(fields, "switched_off")
        spin = self.material.spin
        assert spin is not None
        couplings = [n for n in ("to_orbital", "from_orbital") if getattr(spin, n)]
        couplings += ["cross_diffusion"] if any(spin.cross_diffusion) else []
        changes = {f"spin.{name}": {f"spin.{name}": 0.0} for name in couplings}
        changes |= {"conversion": {f"spin.{name}": 0.0 for name in couplings}}
        for name in ("spin.hall_angle", "orbital_hall_angle"):
            changes[name] = {name: 0.0}
        read = self.rho if self.current is None else self.delta_R
        return {
            name: getattr(self.at(**changed), read.__name__)(several)
            for name, changed in changes.items()
        }

    def _of_spin(
        self,
        fields: Any,
        caller: str,
    ) -> np.ndarray:
        if not self.has_spin:
            raise InputError(f"{caller}: the material has no spin")
        several = np.atleast_2d(fields_array(fields, "fields"))
        self._check(several)
        return several

    @property
    def _product(self) -> float:
        return 1.0 if self.has_spin else super()._product

    def moment_density(
        self,
        field: Any,
        current: Any = 1.0,
    ) -> np.ndarray:
        """n^a of the orbital moment, and below it of the spin, at the mesh vertices for one field.

        Parameters
        ----------
        field, current
            As for :meth:`SpectralMeasure.moment_density`.

        Returns
        -------
        (3, n) or (6, n) C/m^2

        Raises
        ------
        InputError, SolveError
            As :meth:`SpectralMeasure.moment_density`.
        """
        if self.projection.vectors is None or self.vertices is None:
            raise InputError(
                "moment_density: a measure loaded from a file has no mesh; make it again from the "
                "problem"
            )
        field = fields_array(field)
        if field.shape != (3,):
            raise InputError(
                "field: moment_density takes one field of shape (3,) in tesla, got shape "
                f"{field.shape}"
            )
        self._check(field[None, :])
        A = self._poles(field[None], 1.0)[0]
        out = np.zeros((3 * self.matrices.count, len(self.vertices)))
        for c in {(c.generated, c.a, c.drive): c for c in self.channels}.values():
            made = self._sources(c).sum(axis=0)
            parts = np.linalg.solve(A, np.broadcast_to(made[:, None], (len(A), len(made), 1)))
            modes = self.projection.vectors[self.vertices] * self.projection.weights[:, c.a]
            out += (modes @ parts[..., 0]).T
        unit = "V/m" if self.current is None else "A"
        return np.asarray(out * self.moment_unit * to_si(current, unit, "current"))

    @property
    def moment_unit(self) -> float:
        """Moment density (C/m^2) for unit drive, per A (V/m on a section)."""
        m = self.material
        if self.polarised:
            return 1.0 / self.across
        unit = 1.0 if self.has_spin else float(m.orbital_hall_angle)
        if self.current is None:
            return unit * float(m.sheet_conductivity) * self.reference_length
        return -unit

    def __repr__(self) -> str:
        what = "orbital and spin moment" if self.has_spin else "relaxation tensor"
        plane = super().__repr__().removeprefix("SpectralMeasure(")
        return f"MatrixMeasure({what}, {plane}"


def _by_channel(row: np.ndarray) -> np.ndarray:
    """(6,) as two rows, the orbital and the spin part."""
    out = np.zeros((2, 6))
    out[0, :3], out[1, 3:] = row[:3], row[3:]
    return out


def _no_scalar(name: str) -> SolveError:
    return SolveError(
        f"{name}: a relaxation tensor or a second channel has no one |omega| tau; covers(fields) "
        "tells which fields are served"
    )
