"""The spectral measure of a measurement: every field, direction and material from a few poles."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np

from ..errors import InputError, SolveError, suggest
from ..errors.doors import door
from ..files import atomic_path, html_summary
from ..model.material import Material, precession_squared, retuned, torque_of
from ..model.material import parameter as parameter_value
from ..model.plausible import unlikely_field
from ..solver.system import System
from ..units import array_si, complex_si, fields_array, one_ratio, own_arrays, positive, to_si
from .bound import FLOOR, NEAR, sum_bound
from .curve import PARTS, Parts, removed_part
from .lanczos import Projection
from .link import Link
from .measure_file import FIRST_FORMAT, common_of, contents, plain_content

Kind = TypeVar("Kind", bound="SpectralMeasure")


@dataclass(frozen=True, eq=False)
class SpectralMeasure:
    """Poles and residues of one measurement on one device; made by :func:`spectral_measure`.

    Attributes
    ----------
    projection : Projection
        Rates w_k in units of the relaxation rate at ``reference_length``, and weights.
    channels : tuple of Link
        What f is the sum of.
    material : Material
    detection : str
    R_ohmic_sigma : float
        R_ohmic times sigma; NaN on a cross-section.
    current, voltage : pairs of names, or None on a cross-section
    tolerance : float
        Largest error accepted, relative to the largest |F| of the range.
    reference_length : float
        Diffusion length in m for which the rates are 1/tau.
    slowest : float
        Lowest rate of the device, 0 for reflecting edges: growth beyond 1 + slowest has no steady
        state.
    absorbing : bool
        Whether an edge absorbs at a finite G, which ties the measure to its diffusion constant.
    residual : float
        Largest backward error of the solves behind it.
    vertices : unknowns at the vertices, or None once loaded from a file
    summary : str
    polarisations : pairs of name and |p|
        The polarised contacts of the device.
    across : float
        Width of a channel over ``reference_length``; 1 elsewhere.

    Raises
    ------
    InputError
        A material with a relaxation tensor or a spin, which has a measure of its own.
    """

    projection: Projection
    channels: tuple[Link, ...]
    material: Material
    detection: str
    R_ohmic_sigma: float
    current: tuple[str, str] | None
    voltage: tuple[str, str] | None
    tolerance: float
    reference_length: float
    slowest: float
    absorbing: bool
    residual: float
    summary: str
    vertices: np.ndarray | None = None
    polarisations: tuple[tuple[str, float], ...] = ()
    across: float = 1.0
    #: Whether one channel of poles is all there is; a film has faces besides.
    plane: ClassVar[bool] = True
    #: Whether three scalars make the answer: one relaxation time, one channel.
    scalar: ClassVar[bool] = True
    #: Precessions and growths at which :attr:`range` looks.
    samples: ClassVar[tuple[int, int]] = (2201, 1001)

    def pole_loads(self) -> np.ndarray:
        """What f needs of each pole: the residues of the channels.

        Returns
        -------
        (m, channels) array
        """
        columns = [self.projection.residues(c.a, c.b) for c in self.channels]
        return np.stack(columns, axis=1)

    @property
    def averages(self) -> bool:
        """Whether faces read n^x or n^y: see :attr:`Problem.averages`."""
        return self.current is None and any(c.detected != 2 for c in self.channels)

    @property
    def polarised(self) -> bool:
        """Whether a contact of the pairs is polarised: f is then sigma delta_R, with the angles and
        polarisations inside (docs/theory, section 10).
        """
        return any(c.drive is not None or c.read is not None for c in self.channels)

    def drive_of(self, c: Link) -> float:
        """Strength of the drive of a link within f.

        Parameters
        ----------
        c : Link

        Returns
        -------
        float
            1 without polarised contacts.
        """
        if not self.polarised:
            return 1.0
        return -float(self.material.orbital_hall_angle) if c.drive is None else c.drive

    def reading_of(self, c: Link) -> float:
        """Strength of the reading of a link within f.

        Parameters
        ----------
        c : Link

        Returns
        -------
        float
            1 without polarised contacts.
        """
        if not self.polarised:
            return 1.0
        return float(self.material.inverse_orbital_hall_angle) if c.read is None else c.read

    def _strength(self, c: Link) -> float:
        return self.drive_of(c) * self.reading_of(c)

    def detector(self, component: int) -> np.ndarray:
        """Weights with which n enters what reads a component.

        Parameters
        ----------
        component : int
            0, 1, 2 for x, y, z.

        Returns
        -------
        (3,) array
        """
        return self.material.detection_row(component, self.detection, self.averages)

    def __post_init__(self) -> None:
        own_arrays(self)
        if self.scalar and not self.material.uniform:
            raise InputError(
                "this measure is that of one relaxation time and one channel of moment; for a "
                "tensor, a time by component or a spin make one of a problem with that material",
                key="material",
            )

    # -- the scalar function

    @property
    def rates(self) -> np.ndarray:
        """w_k in 1/s, (m,)."""
        D = self.material.diffusion_constant
        return np.asarray(self.projection.rates * D / self.reference_length**2)

    @property
    def weights(self) -> np.ndarray:
        """g_k of the first channel, (m,): F(s) = sum g_k / (w_k + s) with w_k in units of 1/tau."""
        if not self.channels:  # a channel without polarised contacts at either pair
            return np.zeros(len(self.projection.rates))
        c = self.channels[0]
        return self.projection.residues(c.a, c.b) * self.stretch

    @property
    def stretch(self) -> float:
        """Square of L_m over the reference length: K + s M / L_m^2 scales s by its inverse."""
        return float((self.material.diffusion_length / self.reference_length) ** 2)

    def F(self, s: Any = 1.0) -> np.ndarray:
        """Scalar response F(s) of the first channel to the relaxation rate s/tau; docs/theory,
        section 4.

        Parameters
        ----------
        s : complex, any shape

        Returns
        -------
        array of the shape of ``s``

        Raises
        ------
        InputError
            What is no complex number, or not finite.
        """
        s = complex_si(s, "1", "s")[..., None]
        return np.asarray((self.weights / (self.projection.rates * self.stretch + s)).sum(axis=-1))

    def F_bound(self, s: Any = 1.0, channel: int = 0) -> np.ndarray:
        """Rigorous bound on the algebraic error of F(s); it says nothing of the mesh.

        Parameters
        ----------
        s : complex, any shape
            Re s above minus the slowest rate.
        channel : int
            Index into ``channels``.

        Returns
        -------
        array of the shape of ``s``

        Raises
        ------
        InputError
            What is no complex number, or not finite.
        """
        if not self.channels:
            return np.zeros(np.shape(s))
        c = self.channels[channel]
        return self._bound_of(c, complex_si(s, "1", "s"))

    def _bound_of(self, c: Link, s: Any) -> np.ndarray:
        return self.projection.bound(c.a, c.b, s / self.stretch, self.slowest)

    # -- fields

    @door
    def response(self, fields: Any, s: complex = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """f(B) and f(B) - f(0), without subtracting; docs/theory, sections 3 and 4.

        Parameters
        ----------
        fields : (3,) or (n, 3) T
        s : complex
            Relaxation rate in 1/tau: 1, or 1 - i w tau for alternating current.

        Returns
        -------
        f, change : (n,) arrays, or numbers for one field
            Complex for complex ``s``.

        Raises
        ------
        InputError
            A field of another shape or dimension.
        SolveError
            The torque is unstable, or the bound exceeds the tolerance at one of the fields.
        """
        return self.response_and_bound(fields, s)[:2]

    def response_and_bound(
        self, fields: Any, s: complex = 1.0
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """:meth:`response` with the :meth:`bound` that it was checked with.

        Parameters
        ----------
        fields, s
            As for :meth:`response`.

        Returns
        -------
        f, change, bound : (n,) arrays, or numbers and (1,) for one field

        Raises
        ------
        InputError, SolveError
            As :meth:`response`.
        """
        error = self._check(np.atleast_2d(fields_array(fields, "fields")), s)
        return *self.unchecked(fields, s), error

    def unchecked(self, fields: Any, s: complex = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """:meth:`response` without the bound, for loops that check where they end.

        Parameters
        ----------
        fields, s
            As for :meth:`response`.

        Returns
        -------
        f, change : (n,) arrays, or numbers for one field

        Raises
        ------
        InputError
            A field of another shape or dimension.
        """
        B, s = fields_array(fields, "fields"), one_ratio(s, "s")
        f, change = self._sum(self.channels, np.atleast_2d(B), s)
        return (f, change) if B.ndim == 2 else (f[0], change[0])

    def _sum(
        self, links: Sequence[Link], fields: np.ndarray, s: complex = 1.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """f and f - f(0) of some links, each (n,)."""
        at_zero: Any = np.zeros(len(fields))
        change: Any = np.zeros(len(fields))
        for c in links:
            g = self._strength(c) * self.projection.residues(c.a, c.b)
            zero, kernel = self._kernel(c, fields, s)
            at_zero, change = at_zero + zero @ g, change + kernel @ g
        return at_zero + change, change

    def contact_parts(self, fields: Any) -> Parts:
        """What polarised contacts and the orbital Hall effect do to delta_R; docs/theory, section
        10.

        Parameters
        ----------
        fields : (3,) or (n, 3) T

        Returns
        -------
        Parts
            (n,) ohm each.

        Raises
        ------
        InputError, SolveError
            As :meth:`response`.
        """
        several = np.atleast_2d(fields_array(fields, "fields"))
        self._check(several)
        found = {}
        for name in PARTS:
            links = [c for c in self.channels if c.part == name]
            found[name] = self.unit * self._sum(links, several)[0]
        return Parts(**found)

    def _kernel(
        self,
        c: Link,
        fields: np.ndarray,
        s: complex = 1.0,
    ) -> tuple[np.ndarray, np.ndarray]:
        """What multiplies the residues of a channel in f(0), (m,), and in f(B) - f(0), (n, m)."""
        rate = self.projection.rates * self.stretch + s
        squared, first, second, direct = self._torque_terms(c, fields)
        change = (second[:, None] / rate - first[:, None]) / (rate**2 + squared[:, None])
        return self.stretch * direct / rate, self.stretch * change

    def _torque_terms(
        self, c: Link, fields: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
        """phi^2, W tau T z and W (tau T)^2 z, each (n,), and W z, with W what the detector reads
        and z what is generated.
        """
        T, squared = torque_of(self.material, fields)
        row, turned = self.detector(c.detected), T[:, :, c.generated]
        second = np.einsum("na,na->n", row @ T, turned)
        return squared, turned @ row, second, float(row[c.generated])

    def bound(self, fields: Any, s: complex = 1.0) -> np.ndarray:
        """Bound on the algebraic error of f(B); multiply by alpha alpha'/sigma for ohm.

        Parameters
        ----------
        fields : (3,) or (n, 3) T
        s : complex
            Relaxation rate in 1/tau.

        Returns
        -------
        (n,) array

        Raises
        ------
        InputError
            A field of another shape or dimension.
        """
        several, s = np.atleast_2d(fields_array(fields, "fields")), one_ratio(s, "s")
        least = NEAR - self.slowest * self.stretch
        total = np.zeros(len(several))
        for c in self.channels:
            total += abs(self._strength(c)) * sum_bound(
                functools.partial(self._bound_of, c),
                *self._torque_terms(c, several),
                s,
                least,
            )
        return total

    @property
    def growth_limit(self) -> float:
        """|omega| tau of a growing torque at which there is no steady state any more."""
        return 1.0 + self.slowest * self.stretch

    def _check_stable(self, fields: np.ndarray) -> None:
        _, squared = torque_of(self.material, fields)
        growth = float(np.sqrt(max(-squared.min(), 0.0)))
        limit = self.growth_limit
        if growth >= limit - NEAR:
            worst = fields[int(np.argmin(squared))]
            raise SolveError(
                f"unstable torque at B = {tuple(float(b) for b in worst)} T: B.adj(X).B < 0 gives "
                "|omega| tau "
                f"= {growth:.4g}, and a steady state exists only below {limit:.4g}; reduce |B|",
                value=growth,
            )

    def _check(self, fields: np.ndarray, s: complex = 1.0) -> np.ndarray:
        self._check_stable(fields)
        error = self.bound(fields, s)
        if not np.all(error <= 3.0 * self._allowed):
            worst = fields[int(np.argmax(error))]
            slip = " (meant in gauss?)" if unlikely_field({"": self.material}, worst) else ""
            at = "" if np.imag(s) == 0.0 else f" at omega tau = {abs(np.imag(s)):.4g}"
            raise SolveError(
                f"B = {tuple(float(b) for b in worst)} T{slip}{at} lies outside the range of this "
                "measure: its error bound there is "
                f"{error.max():.1e} of f, accepted is {self._allowed:.1e}; make it with fields "
                "that cover this one",
                value=float(error.max()),
            )
        return error

    @property
    def range(self) -> tuple[float, float]:
        """Largest growth and largest precession |omega| tau for which the bound on F(1 + growth)
        and F(1 + i precession) is
        accepted; infinity where no field reaches it.  Fields beyond are refused, with their bound;
        :meth:`covers` tells them.
        """
        limit, (rates, growths) = self.growth_limit - NEAR, self.samples
        phi = np.append(0.0, np.geomspace(1e-2, 1e9, rates))
        growth = limit * np.linspace(0.0, 1.0, growths)
        beyond = self._accepted(growth, 1.0 - growth)
        return min(beyond, limit), self._accepted(phi, 1.0 + 1j * phi)

    def _accepted(self, points: np.ndarray, s: np.ndarray) -> float:
        """The last of the points before the bound at their rates s is too large."""
        beyond = np.flatnonzero(~(self._error(s) <= 3.0 * self._allowed))
        if beyond.size == 0:
            return float("inf")
        return float(points[beyond[0] - 1]) if beyond[0] else 0.0

    def _error(self, s: np.ndarray) -> np.ndarray:
        """Bound on f at rates s, (n,)."""
        links = enumerate(self.channels)
        return np.asarray(sum(abs(self._strength(c)) * self.F_bound(s, k) for k, c in links))

    def covers(self, fields: Any, s: complex = 1.0) -> np.ndarray:
        """Whether each field is stable and within the range of the measure: the others are refused.

        Parameters
        ----------
        fields : (3,) or (n, 3) T
        s : complex
            Relaxation rate in 1/tau.

        Returns
        -------
        (n,) bool

        Raises
        ------
        InputError
            A field of another shape or dimension.
        """
        several = np.atleast_2d(fields_array(fields, "fields"))
        stable = -precession_squared(self.material, several) < (self.growth_limit - NEAR) ** 2
        out = np.zeros(len(several), dtype=bool)
        if np.any(stable):
            out[stable] = self.bound(several[stable], s) <= 3.0 * self._allowed
        return out

    @property
    def size(self) -> float:
        """Largest |F| of the range, the scale of the tolerance."""
        return float(sum(abs(self._strength(c)) * self._F_of(c) for c in self.channels))

    @property
    def own_response(self) -> float:
        """F(1) of the current pair read at its own contacts, the drive being its own detector."""
        drives = {c.a for c in self.channels if c.drive is None}
        own = sum(self.projection.residues(a, a) for a in drives)
        return float(np.sum(own / (self.projection.rates * self.stretch + 1.0)) * self.stretch)

    @property
    def largest(self) -> float:
        """What f(0) could be, by the inequality of Cauchy and Schwarz."""

        def own(column: int) -> float:
            poles = self.projection.rates * self.stretch + 1.0
            return float(np.sum(self.projection.residues(column, column) / poles) * self.stretch)

        return sum(abs(self._strength(c)) * (own(c.a) * own(c.b)) ** 0.5 for c in self.channels)

    def _F_of(self, c: Link) -> float:
        g = self.projection.residues(c.a, c.b) * self.stretch
        return float(np.sum(np.abs(g) / (np.abs(self.projection.rates) * self.stretch + 1.0)))

    @property
    def _allowed(self) -> float:
        """Error of f asked for, or the rounding floor where that is larger; three times it is
        accepted.
        """
        return max(self.tolerance * self.size, self._floor)

    @property
    def _floor(self) -> float:
        norm = self.projection.norm
        sizes = (abs(self._strength(c)) * norm(c.a) * norm(c.b) for c in self.channels)
        return FLOOR * float(sum(sizes))

    # -- what a user reads

    @property
    def _product(self) -> float:
        return float(self.material.orbital_hall_angle * self.material.inverse_orbital_hall_angle)

    @property
    def unit(self) -> float:
        """What turns f into delta_R (ohm), or into rho on a cross-section."""
        if self.current is None:
            return -self._product
        return self._inside / self.conductance

    @property
    def _inside(self) -> float:
        """unit without the conductance."""
        return 1.0 if self.polarised else -self._product

    @property
    def conductance(self) -> float:
        """Sheet conductivity, of a channel times its width over the reference length, in S."""
        return float(self.material.sheet_conductivity) * self.across

    @property
    def own_effect(self) -> float:
        """|delta_R| of the orbital Hall effect between the contacts of the current, in ohm."""
        return float(abs(self._product) * self.own_response / self.conductance)

    @property
    def R_ohmic(self) -> float:
        """Resistance without orbital Hall effect, ohm; NaN on a cross-section."""
        return float(self.R_ohmic_sigma / self.conductance)

    @door
    def delta_R(self, fields: Any) -> np.ndarray:
        """R(B) - R_ohmic.

        Parameters
        ----------
        fields : (3,) or (n, 3) T

        Returns
        -------
        (n,) ohm, or a number for one field

        Raises
        ------
        InputError, SolveError
            As :meth:`response`; InputError on a cross-section.
        """
        self._needs_terminals()
        return self.unit * self.response(fields)[0]

    @door
    def hanle(self, fields: Any) -> np.ndarray:
        """R(B) - R(0), without cancellation.

        Parameters
        ----------
        fields : (3,) or (n, 3) T

        Returns
        -------
        (n,) ohm, or a number for one field

        Raises
        ------
        InputError, SolveError
            As :meth:`response`; InputError on a cross-section.
        """
        self._needs_terminals()
        return self.unit * self.response(fields)[1]

    @door
    def rho(self, fields: Any) -> np.ndarray:
        """Eq. (7) on a cross-section; delta_R/R_ohmic on a device.

        Parameters
        ----------
        fields : (3,) or (n, 3) T

        Returns
        -------
        (n,) array, or a number for one field
            NaN where R_ohmic is 0 or round-off.

        Raises
        ------
        InputError, SolveError
            As :meth:`response`.
        """
        f = self._inside * self.response(fields)[0]
        if self.current is None:
            return f
        nothing = abs(self.R_ohmic_sigma) <= FLOOR
        return f / (np.nan if nothing else self.R_ohmic_sigma)

    @door
    def rho_star(self, fields: Any) -> np.ndarray:
        """1 - f(B)/f(0), Eq. (8).

        Parameters
        ----------
        fields : (3,) or (n, 3) T

        Returns
        -------
        (n,) array, or a number for one field
            0 where the field has no effect, NaN where f(0) = 0.

        Raises
        ------
        InputError, SolveError
            As :meth:`response`.
        """
        f, change = self.response(fields)
        whole = 1.0 if self.current is None else abs(self.R_ohmic_sigma)
        largest = max(self.largest, 0.0 if self.polarised else whole)
        return removed_part(change, f - change, largest)

    @door
    def ac(self, frequency: Any, field: Any) -> np.ndarray:
        """Response to an alternating drive, convention exp(-i w t); docs/closed-forms, item 6.

        Parameters
        ----------
        frequency : float or (k,), Hz
        field : (3,) T

        Returns
        -------
        (k,) complex, or a number for one frequency
            delta_R in ohm, rho on a section.

        Raises
        ------
        InputError, SolveError
            As :meth:`response`.
        """
        given = array_si(frequency, "Hz", "frequency")
        f = np.atleast_1d(given).tolist()
        values = np.array(
            [self.response(field, 1.0 - 2j * np.pi * nu * self.material.mean_time)[0] for nu in f]
        )
        return self.unit * (values if given.ndim else values[0])

    @door
    def at(self, **changes: Any) -> SpectralMeasure:
        """The same device with another material, at no cost.

        Keywords are those of :class:`Material` (``diffusion_length`` stays fixed unless given), or
        ``tau`` for relaxation_time and ``theta`` for X_zz/X_yy.  ``polarisation`` is the largest
        |p| of the contacts, the others in proportion, or {contact: |p|}.

        Parameters
        ----------
        changes
            Keywords of :class:`Material`, ``tau``, ``theta`` or ``polarisation``, as above.

        Returns
        -------
        SpectralMeasure

        Raises
        ------
        InputError
            Unknown keyword, or a diffusion constant that changes at an edge of finite absorption.
        """
        given = {k: changes.pop(k) for k in list(changes) if k.startswith("polarisation")}
        if given:
            return self._with_polarisations(given).at(**changes)
        material = retuned(self.material, changes)
        if self.absorbing and not np.isclose(
            material.diffusion_constant, self.material.diffusion_constant, rtol=1e-12
        ):
            raise InputError(
                "at: an edge of this device absorbs at a finite G, and G/D is part of the measure; "
                "make a new "
                "one for another diffusion constant"
            )
        return replace(self, material=material)

    def _with_polarisations(self, given: Mapping[str, Any]) -> SpectralMeasure:
        """``given`` are "polarisation": a number or {contact: number}, "polarisation.contact"."""
        sizes = dict(self.polarisations)
        for key, value in given.items():
            where = key.partition(".")[2]
            wanted = value if isinstance(value, Mapping) else {where: value}
            for name, size in wanted.items():
                factor = to_si(size, "1", key) / self.polarisation_of(name)
                scaled = {k: factor * p for k, p in sizes.items()}
                sizes |= {name: scaled[name]} if name else scaled
        factors = {name: sizes[name] / p for name, p in self.polarisations}
        links = tuple(c.scaled(factors) for c in self.channels)
        return replace(self, channels=links, polarisations=tuple(sizes.items()))

    def polarisation_of(self, name: str = "") -> float:
        """|p| of a contact.

        Parameters
        ----------
        name : str
            Of the contact; "" is the largest of all.

        Returns
        -------
        float

        Raises
        ------
        InputError
            No such polarised contact.
        """
        known = dict(self.polarisations)
        if not known or (name and name not in known):
            near = suggest(name, known) if known else "give Contact(polarisation=...)"
            raise InputError(
                f"no polarised contact {name!r}; {near}" if name else f"nothing polarised; {near}",
                value=name,
                key="polarisation",
            )
        return known[name] if name else max(known.values())

    @door
    def sensitivity(
        self,
        parameter: str,
        fields: Any,
        step: float = 1e-4,
    ) -> np.ndarray:
        """Derivative of delta_R to a parameter of :meth:`at`, by fourth-order differences.

        Parameters
        ----------
        parameter : str
        fields : (3,) or (n, 3) T
        step : float
            Relative to the value of the parameter.

        Returns
        -------
        (n,) ohm over the SI unit of the parameter
            Of rho on a section.

        Raises
        ------
        InputError, SolveError
            An unknown parameter, a step that is not positive; as :meth:`response`.
        """
        if parameter.startswith("polarisation"):
            value = self.polarisation_of(parameter.partition(".")[2])
        else:
            value = parameter_value(self.material, parameter)
        h = positive(step, "1", "step") * (abs(value) or 1.0)
        read = self.rho if self.current is None else self.delta_R

        def shifted(k: int) -> np.ndarray:
            return getattr(self.at(**{parameter: value + k * h}), read.__name__)(fields)  # type: ignore[no-any-return]

        return (8 * (shifted(1) - shifted(-1)) - (shifted(2) - shifted(-2))) / (12 * h)

    @door
    def moment_density(self, field: Any, current: Any = 1.0) -> np.ndarray:
        """n^a at the mesh vertices for one field.

        Parameters
        ----------
        field : (3,) T
        current : quantity, A
            V/m on a section.

        Returns
        -------
        (3, n) C/m^2

        Raises
        ------
        InputError
            A measure that was loaded from a file, a field of another shape.
        SolveError
            A field that is unstable or out of the range of the measure.
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
        T = self.material.torque(field) * self.material.relaxation_time
        rate = (self.projection.rates * self.stretch + 1.0)[:, None]
        squared = float(precession_squared(self.material, field))
        out = np.zeros((3, len(self.vertices)))
        for component, column, strength in self.drives:
            z = strength * np.eye(3)[component]
            parts = (
                z / rate
                - (T @ z) / (rate**2 + squared)
                + (T @ T @ z) / (rate * (rate**2 + squared))
            )
            modes = self.projection.vectors[self.vertices] * (
                self.projection.weights[:, column] * self.stretch
            )
            out += (modes @ parts).T
        amount = to_si(current, "V/m" if self.current is None else "A", "current")
        return out * self.moment_unit * amount

    @property
    def drives(self) -> set[tuple[int, int, float]]:
        """Component, column and strength of all that generates moment."""
        return {(c.generated, c.a, self.drive_of(c)) for c in self.channels}

    @property
    def readings(self) -> set[tuple[int, int, float]]:
        """Component, column and strength of all that reads moment."""
        return {(c.detected, c.b, self.reading_of(c)) for c in self.channels}

    @property
    def moment_unit(self) -> float:
        """Moment density (C/m^2) for unit drive of strength one, per A (V/m on a section)."""
        m = self.material
        if self.polarised:
            return float(1.0 / (m.diffusion_constant * self.across))
        unit = float(m.orbital_hall_angle / m.diffusion_constant)
        if self.current is None:
            return unit * float(m.sheet_conductivity) * self.reference_length
        return -unit

    @door
    def save(self, path: str | Path) -> Path:
        """Write the measure as a small JSON file (docs/measure-format); mesh and field maps are
        left out.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        Path

        Raises
        ------
        InputError
            A file that cannot be written.
        """
        path = Path(path)
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(self.content(), indent=1), encoding="utf-8")
        return path

    def content(self) -> dict[str, Any]:
        """What the file of a measure holds, as plain values (docs/measure-format).

        Returns
        -------
        dict
        """
        return plain_content(self) | self._more()

    def _more(self) -> dict[str, Any]:
        """What a measure of another kind adds to its file."""
        return {}

    @classmethod
    def _of_file(cls, content: dict[str, Any], **common: Any) -> SpectralMeasure:
        """The measure of a file, from what all kinds have in common."""
        several = "diffusion_length" not in content["material"]  # see plain_material
        first = content["format"] == FIRST_FORMAT
        fits = several != common["material"].uniform and common["material"].constant
        if not fits or (first and several):
            raise ValueError(f"a material that {content['format']!r} does not hold")
        if "film" in content:
            from .film import FilmMeasure
            from .matrix_film import MatrixFilmMeasure

            kind = MatrixFilmMeasure if several else FilmMeasure
            return kind._of_film(content["film"], **common)
        if several:
            from .matrix_measure import MatrixMeasure

            return MatrixMeasure(**common)
        return cls(**common)

    @classmethod
    @door
    def load(cls, path: str | Path) -> SpectralMeasure:
        """Read a measure written by :meth:`save`.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        SpectralMeasure

        Raises
        ------
        InputError
            The file is missing, broken or something else.
        """
        with contents(path) as content:
            return cls._of_file(content, **common_of(content))

    def _needs_terminals(self) -> None:
        if self.current is None:
            raise InputError("a cross-section has no resistance; use rho")

    def _repr_html_(self) -> str:
        lines = [repr(self), self.summary, f"material: {self.material!r}"]
        if self.plane:
            growth, precession = self.range
            lines.append(f"certified to |omega| tau = {precession:.4g}, growth {growth:.3g}")
        return html_summary(type(self).__name__, lines)

    @property
    def _slowest_decay(self) -> float:
        """Of all that is driven or read, without field, in 1/tau."""
        return float(self.projection.rates.min(initial=np.inf)) * self.stretch + 1.0

    def __repr__(self) -> str:
        what = (
            "cross-section"
            if self.current is None
            else f"current {self.current}, voltage {self.voltage}"
        )
        return (
            f"SpectralMeasure({what}: {len(self.projection.rates)} poles, F(1) = "
            f"{float(np.real(self.F())):.6g} "
            f"± {float(self.F_bound()):.1e}, slowest decay {self._slowest_decay:.4g}/tau, "
            f"{self.projection.solves} solves on one factorisation)"
        )


def one_per_pair(
    kind: type[Kind],
    projection: Projection,
    turns: Sequence[np.ndarray],
    each: Sequence[dict[str, Any]],
    **common: Any,
) -> list[Kind]:
    """Measures of several pairs on one projection: ``turns`` and ``each`` are of the pairs."""
    return [
        kind(
            projection=projection.combine(turn),
            residual=projection.residual,
            **own,
            **common,
        )
        for turn, own in zip(turns, each, strict=True)
    ]


def terms_of_pairs(
    channels: Sequence[tuple[Link, ...]],
    ohmic: Sequence[float],
    names: Sequence[tuple[Any, Any]],
) -> list[dict[str, Any]]:
    """What a measure says of its own pair, for :func:`one_per_pair`."""
    return [
        {"channels": links, "R_ohmic_sigma": base, "current": name[0], "voltage": name[1]}
        for links, base, name in zip(channels, ohmic, names, strict=True)
    ]


def device_of(system: System) -> dict[str, Any]:
    """What a measure says of its device, whatever its channels."""
    problem = system.problem
    laws = problem.moment_conditions().values()
    return {
        "material": problem.material,
        "detection": problem.detection,
        "reference_length": system.scales.length,
        "across": system.scales.across,
        "polarisations": tuple(
            (name, float(np.linalg.norm(c.polarisation))) for name, c in problem.polarised.items()
        ),
        "absorbing": any(law.absorbs_partially for law in laws),
        "summary": repr(problem),
    }
