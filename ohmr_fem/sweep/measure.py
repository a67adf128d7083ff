"""The spectral measure of a measurement: every field, direction and material from a few poles."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ..doors import door
from ..errors import InputError, SolveError
from ..files import atomic_path, check_kinds, check_shapes, read_text
from ..model.material import Material, precession_squared, retuned
from ..model.material import parameter as parameter_value
from ..model.problem import DETECTIONS
from ..solver.system import System
from ..units import array_si, fields_array, own_arrays, to_si
from .lanczos import Projection

FORMAT = "ohmr_fem spectral measure 1"
#: A pair that vanishes by symmetry is resolved to this times |a| |b|.
FLOOR = 1e-11
#: Points of the circle on which a bound for small fields is taken.
CIRCLE = 16
#: A torque this close to its instability is refused: no bound holds there.
NEAR = 1e-6


@dataclass(frozen=True)
class Channel:
    """A generated and a detected component, and the columns of the projection that hold drive and
    detector.
    """

    generated: int
    detected: int
    a: int
    b: int


@dataclass(frozen=True, eq=False)
class SpectralMeasure:
    """Poles and residues of one measurement on one device; made by :func:`spectral_measure`.

    Attributes
    ----------
    projection : Projection
        Rates w_k in units of the relaxation rate at ``reference_length``, and weights.
    channels : tuple of Channel
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
    """

    projection: Projection
    channels: tuple[Channel, ...]
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
    #: Whether one channel of poles is all there is; a film has faces besides.
    plane: ClassVar[bool] = True

    @property
    def averages(self) -> bool:
        """Whether faces read n^x or n^y: see :attr:`Problem.averages`."""
        return any(c.detected != 2 for c in self.channels)

    def detector(self, component: int) -> np.ndarray:
        """Weights (3,) with which n enters what reads a component."""
        return self.material.detection_row(component, self.detection, self.averages)

    def __post_init__(self) -> None:
        own_arrays(self)

    # -- the scalar function

    @property
    def rates(self) -> np.ndarray:
        """w_k in 1/s, (m,)."""
        D = self.material.diffusion_constant
        return np.asarray(self.projection.rates * D / self.reference_length**2)

    @property
    def weights(self) -> np.ndarray:
        """g_k of the first channel, (m,): F(s) = sum g_k / (w_k + s) with w_k in units of 1/tau."""
        c = self.channels[0]
        return self.projection.residues(c.a, c.b) * self.stretch

    @property
    def stretch(self) -> float:
        """Square of L_m over the reference length: K + s M / L_m^2 scales s by its inverse."""
        return float((self.material.diffusion_length / self.reference_length) ** 2)

    def F(self, s: Any = 1.0) -> np.ndarray:
        """Scalar response of the first channel to the relaxation rate s/tau, complex s of any
        shape.
        """
        s = np.asarray(s)[..., None]
        return np.asarray((self.weights / (self.projection.rates * self.stretch + s)).sum(axis=-1))

    def F_bound(self, s: Any = 1.0, channel: int = 0) -> np.ndarray:
        """Rigorous bound on the algebraic error of F(s), Re s above minus the slowest rate; it says
        nothing of the mesh.
        """
        c = self.channels[channel]
        return self.projection.bound(
            c.a, c.b, np.asarray(s, dtype=complex) / self.stretch, self.slowest
        )

    # -- fields

    def response(self, fields: Any, s: complex = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """f(B) and f(B) - f(0), each (n,) or scalar, without subtracting; complex for complex s
        (alternating current).

        Raises
        ------
        SolveError
            The torque is unstable, or the bound exceeds the tolerance at one of the fields.
        """
        self._check(np.atleast_2d(fields_array(fields, "fields")), s)
        return self.unchecked(fields, s)

    def unchecked(self, fields: Any, s: complex = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """:meth:`response` without the bound, for loops that check where they end."""
        B = fields_array(fields, "fields")
        several = np.atleast_2d(B)
        at_zero: Any = 0.0
        change: Any = 0.0
        for c in self.channels:
            g = self.projection.residues(c.a, c.b)
            zero, kernel = self._kernel(c, several, s)
            at_zero, change = at_zero + zero @ g, change + kernel @ g
        f = at_zero + change
        return (f, change) if B.ndim == 2 else (f[0], change[0])

    def _kernel(
        self,
        c: Channel,
        fields: np.ndarray,
        s: complex = 1.0,
    ) -> tuple[np.ndarray, np.ndarray]:
        """What multiplies the residues of a channel in f(0), (m,), and in f(B) - f(0), (n, m)."""
        rate = self.projection.rates * self.stretch + s
        squared, first, second, direct = self._torque_terms(c, fields)
        change = (second[:, None] / rate - first[:, None]) / (rate**2 + squared[:, None])
        return self.stretch * direct / rate, self.stretch * change

    def _torque_terms(
        self, c: Channel, fields: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
        """phi^2, W tau T z and W (tau T)^2 z, each (n,), and W z, with W what the detector reads
        and z what is generated.
        """
        T = np.atleast_3d(self.material.torque(fields) * self.material.relaxation_time)
        row, z = self.detector(c.detected), np.eye(3)[c.generated]
        second = (T @ (T @ z)[..., None])[..., 0] @ row
        return (
            precession_squared(self.material, fields),
            T @ z @ row,
            second,
            float(row[c.generated]),
        )

    def bound(self, fields: Any, s: complex = 1.0) -> np.ndarray:
        """Bound on the algebraic error of f(B), (n,); multiply by alpha alpha'/sigma for ohm."""
        several = np.atleast_2d(fields_array(fields, "fields"))
        least = NEAR - self.slowest * self.stretch
        total = np.zeros(len(several))
        for number, c in enumerate(self.channels):
            total += _sum_bound(
                functools.partial(self.F_bound, channel=number),
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
        squared = precession_squared(self.material, fields)
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

    def _check(self, fields: np.ndarray, s: complex = 1.0) -> None:
        self._check_stable(fields)
        error = self.bound(fields, s)
        if not np.all(error <= 3.0 * self._allowed):
            worst = fields[int(np.argmax(error))]
            at = "" if np.imag(s) == 0.0 else f" at omega tau = {abs(np.imag(s)):.4g}"
            raise SolveError(
                f"B = {tuple(float(b) for b in worst)} T{at} lies outside the range of this "
                "measure: its error bound there is "
                f"{error.max():.1e} of f, accepted is {self._allowed:.1e}; make it with fields "
                "that cover this one",
                value=float(error.max()),
            )

    @property
    def range(self) -> tuple[float, float]:
        """Largest growth and largest precession |omega| tau for which the bound on F(1 + growth)
        and F(1 + i precession) is
        accepted; infinity where no field reaches it.  Fields beyond are refused, with their bound;
        :meth:`covers` tells them.
        """
        allowed = 3.0 * self._allowed
        limit = self.growth_limit - NEAR

        def error(s: np.ndarray) -> np.ndarray:
            return np.asarray(sum(self.F_bound(s, number) for number in range(len(self.channels))))

        def largest(points: np.ndarray, s: np.ndarray) -> float:
            beyond = np.flatnonzero(~(error(s) <= allowed))
            return (
                float("inf")
                if beyond.size == 0
                else float(points[beyond[0] - 1])
                if beyond[0]
                else 0.0
            )

        phi, growth = (
            np.append(0.0, np.geomspace(1e-2, 1e9, 2201)),
            limit * np.linspace(0.0, 1.0, 1001),
        )
        return min(largest(growth, 1.0 - growth), limit), largest(phi, 1.0 + 1j * phi)

    def covers(self, fields: Any, s: complex = 1.0) -> np.ndarray:
        """Whether each field is stable and within the range of the measure, (n,) bool: the others
        are refused.
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
        return float(sum(abs(self._F_of(c)) for c in self.channels))

    @property
    def own_response(self) -> float:
        """F(1) of the current pair read at its own contacts, the drive being its own detector."""
        drives = {c.a for c in self.channels}
        own = sum(self.projection.residues(a, a) for a in drives)
        return float(np.sum(own / (self.projection.rates * self.stretch + 1.0)) * self.stretch)

    def _F_of(self, c: Channel) -> float:
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
        return sum(
            FLOOR * self.projection.norm(c.a) * self.projection.norm(c.b) for c in self.channels
        )

    # -- what a user reads

    @property
    def _product(self) -> float:
        return float(self.material.orbital_hall_angle * self.material.inverse_orbital_hall_angle)

    @property
    def unit(self) -> float:
        """What turns f into delta_R (ohm), or into rho on a cross-section."""
        return -self._product / (1.0 if self.current is None else self.material.sheet_conductivity)

    @property
    def R_ohmic(self) -> float:
        """Resistance without orbital Hall effect, ohm; NaN on a cross-section."""
        return float(self.R_ohmic_sigma / self.material.sheet_conductivity)

    def delta_R(self, fields: Any) -> np.ndarray:
        """R(B) - R_ohmic in ohm, (n,)."""
        self._needs_terminals()
        return self.unit * self.response(fields)[0]

    def hanle(self, fields: Any) -> np.ndarray:
        """R(B) - R(0) in ohm, (n,), without cancellation."""
        self._needs_terminals()
        return self.unit * self.response(fields)[1]

    def rho(self, fields: Any) -> np.ndarray:
        """Eq. (7) on a cross-section; delta_R/R_ohmic on a device, (n,)."""
        f = -self._product * self.response(fields)[0]
        return f if self.current is None else f / self.R_ohmic_sigma

    def rho_star(self, fields: Any) -> np.ndarray:
        """Eq. (8), 1 - f(B)/f(0), (n,); 0 where the field has no effect, NaN where f(0) = 0."""
        f, change = self.response(fields)
        zero = f - change
        return np.where(
            (change == 0.0) & (zero != 0.0), 0.0, -change / np.where(zero == 0.0, np.nan, zero)
        )

    def ac(self, frequency: Any, field: Any) -> np.ndarray:
        """Complex delta_R (device) or rho (section) at frequencies in Hz (k,) and one field;
        convention exp(-i w t).
        """
        given = array_si(frequency, "Hz", "frequency")
        f = np.atleast_1d(given).tolist()
        values = np.array(
            [
                self.response(field, 1.0 - 2j * np.pi * nu * self.material.relaxation_time)[0]
                for nu in f
            ]
        )
        return self.unit * (values if given.ndim else values[0])

    def at(self, **changes: Any) -> SpectralMeasure:
        """The same device with another material, at no cost.

        Keywords are those of :class:`Material` (``diffusion_length`` stays fixed unless given), or
        ``tau`` for relaxation_time and ``theta`` for X_zz/X_yy.

        Raises
        ------
        InputError
            Unknown keyword, or a diffusion constant that changes at an edge of finite absorption.
        """
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

    def sensitivity(
        self,
        parameter: str,
        fields: Any,
        step: float = 1e-4,
    ) -> np.ndarray:
        """Derivative of delta_R (rho on a section) to a parameter of :meth:`at`, (n,), by
        fourth-order differences.
        """
        value = parameter_value(self.material, parameter)
        h = step * (abs(value) or 1.0)
        read = self.rho if self.current is None else self.delta_R

        def shifted(k: int) -> np.ndarray:
            return getattr(self.at(**{parameter: value + k * h}), read.__name__)(fields)  # type: ignore[no-any-return]

        return (8 * (shifted(1) - shifted(-1)) - (shifted(2) - shifted(-2))) / (12 * h)

    def moment_density(self, field: Any, current: Any = 1.0) -> np.ndarray:
        """n^a at the mesh vertices for one field, (3, n) C/m^2, per ``current`` (A; V/m on a
        section).
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
        for c in {(c.generated, c.a) for c in self.channels}:
            z = np.eye(3)[c[0]]
            parts = (
                z / rate
                - (T @ z) / (rate**2 + squared)
                + (T @ T @ z) / (rate * (rate**2 + squared))
            )
            modes = self.projection.vectors[self.vertices] * (
                self.projection.weights[:, c[1]] * self.stretch
            )
            out += (modes @ parts).T
        unit = self.material.orbital_hall_angle / self.material.diffusion_constant
        if self.current is None:
            return (
                out
                * unit
                * self.material.sheet_conductivity
                * self.reference_length
                * to_si(current, "V/m", "current")
            )
        return -out * unit * to_si(current, "A", "current")

    def save(self, path: str | Path) -> Path:
        """Write the measure as a small JSON file; mesh and field maps are left out."""
        from ..version import __version__

        p, m = self.projection, self.material
        content = {
            "format": FORMAT,
            "version": __version__,
            "summary": self.summary,
            "current": self.current,
            "voltage": self.voltage,
            "detection": self.detection,
            "R_ohmic_sigma": self.R_ohmic_sigma,
            "tolerance": self.tolerance,
            "reference_length": self.reference_length,
            "slowest": self.slowest,
            "absorbing": self.absorbing,
            "residual": self.residual,
            "channels": [list(vars(c).values()) for c in self.channels],
            "material": {
                k: np.asarray(v).tolist() if k == "inverse_mass" else v
                for k, v in vars(m).items()
                if k != "diffusion_constant"
            },
            "projection": {
                "shift": p.shift,
                "solves": p.solves,
                "residual": p.residual,
                **{k: getattr(p, k).tolist() for k in ("rates", "weights", "tail", "gram")},
            },
        }
        path = Path(path)
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")
        return path

    @classmethod
    def load(cls, path: str | Path) -> SpectralMeasure:
        """Read a measure written by :meth:`save`; InputError if the file is missing, broken or
        something else.
        """
        text = read_text(path, "a file that SpectralMeasure.save wrote")
        try:
            content = json.loads(text)
            if content["format"] != FORMAT:
                raise KeyError(content["format"])
            check_kinds(content, _KINDS)
            if content["detection"] not in DETECTIONS:
                raise ValueError(f"detection is {content['detection']!r}")
            p = content["projection"]
            check_kinds(p, {"shift": "number", "residual": "number", "solves": "count"})
            count, starts = len(p["rates"]), len(p["gram"])
            arrays = {
                "rates": np.array(p["rates"]),
                "weights": np.reshape(p["weights"], (count, -1)),
                "tail": np.reshape(p["tail"], (-1, count)),
                "gram": np.array(p["gram"]),
            }
            shapes = {"rates": (count,), "weights": (count, starts), "gram": (starts, starts)}
            check_shapes(arrays, shapes | {"tail": arrays["tail"].shape})
            channels = tuple(_channel(c, starts) for c in content["channels"])
            if not channels:
                raise ValueError("it has no channel")
            same: dict[str, Any] = {
                k: tuple(content[k]) if content[k] else None for k in ("current", "voltage")
            }
            same |= {
                k: content[k]
                for k in (
                    "detection",
                    "R_ohmic_sigma",
                    "tolerance",
                    "reference_length",
                    "slowest",
                    "absorbing",
                    "residual",
                    "summary",
                )
            }
            return cls(
                Projection(
                    p["shift"], **arrays, vectors=None, solves=p["solves"], residual=p["residual"]
                ),
                channels,
                Material(**content["material"]),
                **same,
            )
        except Exception as exc:  # whatever a value of another kind leads to
            raise InputError(
                f"{path}: not a spectral measure ({type(exc).__name__}: {exc}); expected a file "
                "written by "
                "SpectralMeasure.save",
                value=str(path),
            ) from exc

    def _needs_terminals(self) -> None:
        if self.current is None:
            raise InputError("a cross-section has no resistance; use rho")

    def __repr__(self) -> str:
        what = (
            "cross-section"
            if self.current is None
            else f"current {self.current}, voltage {self.voltage}"
        )
        return (
            f"SpectralMeasure({what}: {len(self.projection.rates)} poles, F(1) = "
            f"{float(np.real(self.F())):.6g} "
            f"± {float(self.F_bound()):.1e}, slowest rate "
            f"{self.projection.rates.min(initial=np.inf):.4g}/tau, "
            f"{self.projection.solves} solves on one factorisation)"
        )


#: What a file of a measure holds beside its arrays.
_KINDS = {
    "current": "pair",
    "voltage": "pair",
    "detection": "text",
    "R_ohmic_sigma": "number",
    "tolerance": "positive number",
    "reference_length": "positive number",
    "slowest": "number",
    "absorbing": "truth",
    "residual": "number",
    "summary": "text",
}


def _channel(given: Any, starts: int) -> Channel:
    """A channel of a file; ValueError where it points at what is not there."""
    channel = Channel(*given)
    for name, value in vars(channel).items():
        most = 3 if name in ("generated", "detected") else starts
        if type(value) is not int or not 0 <= value < most:
            raise ValueError(f"channel: {name} is {value!r}, expected a whole number below {most}")
    return channel


def _same(one: Material, other: Material) -> bool:
    return one is other or all(
        np.array_equal(a, b) for a, b in zip(vars(one).values(), vars(other).values(), strict=True)
    )


def _sum_bound(
    F_bound: Callable[[Any], np.ndarray],
    squared: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    direct: float,
    s: complex,
    least: float,
) -> np.ndarray:
    """Error of W/lambda - W T/(lambda^2 + phi^2) + W T^2/(lambda (lambda^2 + phi^2)) summed over
    the poles.
    """
    phi = np.sqrt(np.abs(squared))
    root = np.sqrt(-squared.astype(complex))  # lambda^2 + phi^2 = (lambda - root)(lambda + root)
    down = s - root
    down = np.maximum(down.real, least) + 1j * down.imag
    at_s, at_phi = F_bound(s), F_bound(s + root)
    if np.imag(s) != 0.0 or np.any(squared < 0.0):  # else the other is the complex conjugate
        at_phi = np.maximum(at_phi, F_bound(down))
    circle = F_bound(s + _circle()[:, None]).max(axis=0)
    safe = np.where(phi > 0.1, phi, 1.0)
    far = (
        np.abs(direct + np.sign(squared) * second / safe**2) * at_s
        + (np.abs(second) / safe**2 + np.abs(first) / safe) * at_phi
    )
    near = abs(direct) * at_s + (np.abs(first) / 0.4 + np.abs(second) / 0.16) * circle
    return np.asarray(np.where(phi > 0.1, far, near))


def device_of(system: System) -> dict[str, Any]:
    """What a measure says of its device, whatever its channels."""
    problem = system.problem
    laws = problem.moment_conditions().values()
    return {
        "material": problem.material,
        "detection": problem.detection,
        "reference_length": system.scales.length,
        "absorbing": any(law.absorbs_partially for law in laws),
        "summary": repr(problem),
    }


@door
def delta_R_table(measures: Sequence[SpectralMeasure], fields: Any) -> np.ndarray:
    """delta_R of several pairs of one device, as :func:`spectral_measures` made them, (n, k) ohm
    for k measures.

    The same numbers and the same check of the bound as ``delta_R`` one by one; the poles are
    shared, so all pairs cost little more than one.

    Raises
    ------
    InputError, SolveError
        Measures that do not share poles and material; as :meth:`SpectralMeasure.response`.
    """
    one, several = measures[0], np.atleast_2d(fields_array(fields, "fields"))
    one._needs_terminals()
    if not all(q.plane for q in measures):
        return np.column_stack([q.delta_R(several) for q in measures])
    if any(
        q.projection.rates is not one.projection.rates or not _same(q.material, one.material)
        for q in measures
    ):
        raise InputError(
            "delta_R_table: the measures must come from one call of spectral_measures, with one "
            "material"
        )
    one._check_stable(several)
    pairs = {
        name: (q.projection.weights[:, i], q.projection.norm(i))
        for q in measures
        for i, name in enumerate((q.current, q.voltage))
    }
    place = {name: i for i, name in enumerate(pairs)}
    a, b = (
        [place[name] for name in names]
        for names in zip(*((q.current, q.voltage) for q in measures), strict=True)
    )
    norms = np.array([norm for _, norm in pairs.values()])
    every = replace(
        one.projection,
        weights=np.column_stack([w for w, _ in pairs.values()]),
        gram=np.diag(norms**2),
    )

    def F_bound(s: Any) -> np.ndarray:
        s = np.asarray(s, dtype=complex) / one.stretch
        return every.bound(
            a,
            b,
            s[..., 0] if s.ndim else s,
            one.slowest,
        )

    zero, kernel = one._kernel(one.channels[0], several)
    g = every.weights[:, a] * every.weights[:, b]
    squared, first, second, direct = one._torque_terms(one.channels[0], several)
    error = _sum_bound(
        F_bound,
        squared[:, None],
        first[:, None],
        second[:, None],
        direct,
        1.0,
        NEAR - one.slowest * one.stretch,
    )
    size = (
        np.sum(np.abs(g) / (np.abs(one.projection.rates) * one.stretch + 1.0)[:, None], axis=0)
        * one.stretch
    )
    allowed = np.maximum(one.tolerance * size, FLOOR * norms[a] * norms[b])
    if not np.all(error <= 3.0 * allowed):
        measures[int(np.argmax(np.max(error / allowed, axis=0)))]._check(several)
    return one.unit * (zero @ g + kernel @ g)


def _circle() -> np.ndarray:
    """About s, where differences of F at s and s +- i phi are taken for small phi, (CIRCLE,)."""
    return np.asarray(0.5 * np.exp(2j * np.pi * np.arange(CIRCLE) / CIRCLE))
