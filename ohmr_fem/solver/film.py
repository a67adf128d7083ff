"""Through the thickness of a film: functions of the 3 x 3 torque, pole by pole (docs/theory,
section 9).

In the basis of the plane's pencil (K, M) each pole w leaves a problem in z alone, lengths in L_m,

    n'' = M n - c z,   M = w + s + tau T,   n' + G_t n = a above,   n' - G_b n = a below,

with a = z x j what drives the faces, c what drives the edges, both projected on the pole.  Faces
read [n(t/2) - n(-t/2)]/t, edges the mean of n^z.  Reflecting faces part it into

    [n(t/2) - n(-t/2)]/t = h(M) a,   mean n = M^-1 c z,   h(x) = tanh(y)/y,   y = sqrt(x) t/2,

and any others follow from h and e(x) = 1/(y tanh y), which gives the even part.  Since T obeys
T^3 = -phi^2 T, a function of lambda + tau T is

    f(lambda) + tau T [f(lambda + r) - f(lambda - r)]/(2r)
              + (tau T)^2 [f(lambda + r) + f(lambda - r) - 2 f(lambda)]/(2 r^2),   r^2 = -phi^2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError, SolveError, suggest, warn
from ..errors.doors import door
from ..model.channels import Channels
from ..model.film import Film
from ..model.material import Material, torque_of
from ..model.plausible import unlikely_field
from ..model.stack import Stack
from ..units import fields_array
from .film_decay import require_decay_between_faces
from .stack import section_of, stack_tensors

#: Below this times |lambda| the differences are taken from a series.
SMALL = 0.05
#: Radius of the circle over |lambda|; nothing is singular but at and left of 0.
RADIUS = 0.4
#: |y| below which y coth(y) - 1 is taken from its series.
THIN = 0.05
#: Points on it, more than the powers used: errors RADIUS^NODES.
NODES = 48
#: Terms of the series in (r/u)^2, which is at most (SMALL/RADIUS)^2.
TERMS = 9
#: phi^2 that agree to one part in this are the same.
DISTINCT = 2.0**46
#: Batches of 6 x 6 systems solved at a time, which bounds the memory.
AT_ONCE = 100_000

Function = Callable[[np.ndarray], np.ndarray]


def odd_part(
    thickness: float,
    absorption: float = 0.0,
) -> Function:
    """h(x) = tanh(y)/y, y = sqrt(x) thickness/2; with G at both faces h/(1 + G h thickness/2)."""

    def h(x: np.ndarray) -> np.ndarray:
        y = 0.5 * thickness * np.sqrt(np.asarray(x, dtype=complex))
        found = np.tanh(y) / y
        return np.asarray(found / (1.0 + 0.5 * absorption * thickness * found))

    return h


def mean_part(
    thickness: float,
    absorption: float = 0.0,
) -> Function:
    """Mean of n through the thickness for a uniform source, 1/x; with G at both faces

    [2 y^2/t + G (y coth y - 1)]/[2 y^2/t + G y coth y]/x.
    """

    def mean(x: np.ndarray) -> np.ndarray:
        x = np.asarray(x, dtype=complex)
        if absorption == 0.0:
            return 1.0 / x
        square = 0.25 * thickness**2 * x
        y = np.sqrt(square)
        small = np.abs(square) < THIN**2
        series = square / 3.0 - square**2 / 45.0 + 2.0 * square**3 / 945.0
        rest = np.where(small, series, y / np.tanh(y) - 1.0)
        lost = 2.0 * square / thickness
        return np.asarray((lost + absorption * rest) / (lost + absorption * (rest + 1.0)) / x)

    return mean


def even_part(thickness: float) -> Function:
    """e(x) = 1/(y tanh y)."""

    def e(x: np.ndarray) -> np.ndarray:
        y = 0.5 * thickness * np.sqrt(np.asarray(x, dtype=complex))
        return np.asarray(1.0 / (y * np.tanh(y)))

    return e


@dataclass(frozen=True, eq=False)
class Divided:
    """A function of lambda + tau T as value + first tau T + second (tau T)^2.

    value (m,), first and second (n, m) for m rates and n fields; real for real rates.
    """

    value: np.ndarray
    first: np.ndarray
    second: np.ndarray

    @classmethod
    def of(
        cls,
        f: Function,
        rates: np.ndarray,
        squared: np.ndarray,
    ) -> Divided:
        """At rates lambda (m,) and phi^2 (n,) of any sign; each phi^2 is done once."""
        # fields of one size in several directions differ by rounding
        mantissa, power = np.frexp(squared)
        rounded = np.ldexp(np.round(mantissa * DISTINCT) / DISTINCT, power)
        distinct, place = np.unique(rounded, return_inverse=True)
        found = cls._of_distinct(f, rates, distinct)
        return cls(found.value, found.first[place], found.second[place])

    @classmethod
    def _of_distinct(
        cls,
        f: Function,
        rates: np.ndarray,
        squared: np.ndarray,
    ) -> Divided:
        rates, square = np.asarray(rates), -squared  # r^2
        real = np.isrealobj(rates)
        value = f(rates)
        first = np.empty((len(square), len(rates)), dtype=complex)
        second = np.empty_like(first)
        small = np.abs(square)[:, None] < (SMALL * np.abs(rates)) ** 2
        i, k = np.nonzero(~small)
        r = np.sqrt(square[i].astype(complex))
        plus = f(rates[k] + r)
        # at conjugate points the values are conjugate: nothing grows, and the rates are real
        minus = np.conj(plus) if real and np.all(square <= 0.0) else f(rates[k] - r)
        first[i, k] = (plus - minus) / (2.0 * r)
        second[i, k] = (plus + minus - 2.0 * value[k]) / (2.0 * r**2)
        i, k = np.nonzero(small)
        first[i, k], second[i, k] = _series(f, rates, k, square[i])
        if real:
            return cls(value.real, first.real, second.real)
        return cls(value, first, second)

    def matrices(self, T: np.ndarray) -> np.ndarray:
        """(n, m, 3, 3) for the torques tau T (n, 3, 3)."""
        one = self.value[:, None, None] * np.eye(3)
        twice = (T @ T)[:, None]
        return np.asarray(
            one + self.first[..., None, None] * T[:, None] + self.second[..., None, None] * twice
        )


def _series(
    f: Function,
    rates: np.ndarray,
    k: np.ndarray,
    square: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The differences at rates[k] for r^2 = square, both (p,), as power series in r^2.

    Cauchy's formula on a circle u about each rate gives the coefficients:
    1/(u - tau T) = 1/u + tau T/(u^2 - r^2) + (tau T)^2/(u (u^2 - r^2)), in powers of (r/u)^2.
    """
    turns = np.exp(2j * np.pi * (np.arange(NODES) + 0.5) / NODES)
    radius = RADIUS * np.abs(rates)
    around = f(rates[:, None] + radius[:, None] * turns)
    powers = turns[:, None] ** -np.arange(1.0, 2 * TERMS + 1)
    coefficients = around @ powers / NODES  # of (u/radius)^1, ^2, ...: (m, 2 TERMS)
    if np.isrealobj(rates):
        coefficients = coefficients.real
    x = square / radius[k] ** 2
    first = np.zeros(x.shape, dtype=coefficients.dtype)
    second = np.zeros_like(first)
    for j in reversed(range(TERMS)):
        first = first * x + coefficients[k, 2 * j]
        second = second * x + coefficients[k, 2 * j + 1]
    return first / radius[k], second / radius[k] ** 2


@dataclass(frozen=True, eq=False)
class Faces:
    """A film in units of its material: thickness in L_m, G in D/L_m, (3, 3) or None for n = 0.

    ``drive`` and ``read`` are the strengths of the bottom and the top face, 1 without sources.
    """

    thickness: float
    bottom: np.ndarray | None
    top: np.ndarray | None
    reflecting: bool
    drive: tuple[float, float] = (1.0, 1.0)
    read: tuple[float, float] = (1.0, 1.0)

    @classmethod
    def of(
        cls,
        film: Film,
        material: Material,
        thickness: float | None = None,
    ) -> Faces:
        """``material`` has the sheet conductivity of the film, or of ``thickness`` (m)."""
        thickness = film.thickness if thickness is None else thickness
        length, D = material.diffusion_length, material.diffusion_constant
        conductivity = material.sheet_conductivity / thickness

        def scaled(face: Any) -> np.ndarray | None:
            G = face.absorption(conductivity, D)
            return None if G is None else G * length / D

        below, above = (face.strengths(material) for face in film.faces)
        return cls(
            thickness=thickness / length,
            bottom=scaled(film.bottom),
            top=scaled(film.top),
            reflecting=film.reflecting,
            drive=(below[0], above[0]),
            read=(below[1], above[1]),
        )

    @property
    def plain(self) -> bool:
        """Reflecting, without sources."""
        return self.reflecting and self.drive == self.read == (1.0, 1.0)

    @property
    def even(self) -> float | None:
        """G where both faces have the same number (0 where they reflect) and no source, so that
        edges and faces do not mix; else None.
        """
        if self.plain:
            return 0.0
        G, other = self.bottom, self.top
        if G is None or other is None or self.drive != (1.0, 1.0) or self.read != (1.0, 1.0):
            return None
        same = np.array_equal(G, other) and np.array_equal(G, G[0, 0] * np.eye(3))
        return float(G[0, 0]) if same else None

    def reading(
        self,
        rates: np.ndarray,
        squared: np.ndarray,
    ) -> Divided:
        """h of faces that are :attr:`even`."""
        return Divided.of(odd_part(self.thickness, self.even or 0.0), rates, squared)

    def mean(
        self,
        rates: np.ndarray,
        squared: np.ndarray,
    ) -> Divided:
        """What edges read of themselves between faces that are :attr:`even`."""
        return Divided.of(mean_part(self.thickness, self.even or 0.0), rates, squared)

    def response(
        self,
        rates: np.ndarray,
        T: np.ndarray,
        squared: np.ndarray,
    ) -> np.ndarray:
        """What faces and edges read of what they drive, (n, m, 2, 2, 3, 3).

        Entry [..., i, j, :, :] with 0 for the faces and 1 for the edges: reader i, driver j.
        """
        h = Divided.of(odd_part(self.thickness), rates, squared).matrices(T)
        M = Divided.of(inverse, rates, squared).matrices(T)
        out = np.zeros((*h.shape[:2], 2, 2, 3, 3), dtype=h.dtype)
        if self.plain:
            out[:, :, 0, 0], out[:, :, 1, 1] = h, M
            return out
        e = Divided.of(even_part(self.thickness), rates, squared).matrices(T)
        share = max(1, AT_ONCE // h.shape[1])
        for start in range(0, len(h), share):
            some = slice(start, start + share)
            out[some] = self._with_faces(h[some], e[some], M[some])
        return out

    def _slopes(
        self,
        h: np.ndarray,
        e: np.ndarray,
        M: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """n' above and below and n where both vanish, (..., 3, 6): columns are the drives a, c."""
        quarter = 0.25 * self.thickness
        zero = np.zeros_like(h)
        still = np.concatenate([zero, M], axis=-1)  # n where both derivatives vanish: y = M^-1 c
        drive = np.concatenate([np.broadcast_to(np.eye(3), h.shape), zero], axis=-1)
        above = quarter * np.concatenate([e + h, h - e], axis=-1)
        below = quarter * np.concatenate([e - h, -h - e], axis=-1)
        one, none = np.eye(3), np.zeros((3, 3))
        rows, given = [], []
        for G, values, side, place, strength in (
            (self.top, above, 1.0, [one, none], self.drive[1]),
            (self.bottom, below, -1.0, [none, one], self.drive[0]),
        ):
            if G is None:  # n = 0
                rows.append(values)
                given.append(-still)
                continue
            rows.append(np.hstack(place) + side * (G @ values))
            given.append(strength * drive - side * (G @ still))
        slopes = np.linalg.solve(np.concatenate(rows, axis=-2), np.concatenate(given, axis=-2))
        return slopes[..., :3, :], slopes[..., 3:, :], still

    def _with_faces(
        self,
        h: np.ndarray,
        e: np.ndarray,
        M: np.ndarray,
    ) -> np.ndarray:
        """What faces and edges read, with n' at both faces solved for."""
        up, down, still = self._slopes(h, e, M)
        zero, one = np.zeros_like(h), np.eye(3)
        mean, odd = 0.5 * (self.read[1] + self.read[0]), 0.5 * (self.read[1] - self.read[0])
        faces = 0.5 * mean * (h @ (up + down))  # [n(t/2) - n(-t/2)]/t
        if odd != 0.0:  # and [n(t/2) + n(-t/2)]/t
            faces = faces + odd * (0.5 * (e @ (up - down)) + 2.0 / self.thickness * still)
        lost = (up - down) / self.thickness
        edges = M @ (lost + np.concatenate([zero, np.broadcast_to(one, h.shape)], axis=-1))
        out = np.empty((*h.shape[:-2], 2, 2, 3, 3), dtype=h.dtype)
        for i, values in enumerate((faces, edges)):
            out[..., i, 0, :, :], out[..., i, 1, :, :] = values[..., :3], values[..., 3:]
        return out

    def profile(
        self,
        height: float,
        rates: np.ndarray,
        T: np.ndarray,
        squared: np.ndarray,
    ) -> np.ndarray:
        """n at a height in L_m from the middle, (n, m, 3, 6): columns are the drives a, c."""
        half = 0.5 * self.thickness

        odd, even = at_height(height, half)
        functions = odd_part(self.thickness), even_part(self.thickness), inverse, odd, even
        h, e, M, at_odd, at_even = (Divided.of(f, rates, squared).matrices(T) for f in functions)
        up, down, still = self._slopes(h, e, M)
        return np.asarray(0.5 * (at_odd @ (up + down) + at_even @ (up - down)) + still)

    def local(
        self,
        T: np.ndarray,
        squared: np.ndarray,
        s: complex = 1.0,
    ) -> np.ndarray:
        """What the faces read where the ohmic field is uniform, (n, 3, 3)."""
        return np.asarray(self.response(np.array([s]), T, squared)[:, 0, 0, 0])


def inverse(x: np.ndarray) -> np.ndarray:
    return 1.0 / np.asarray(x, dtype=complex)


def at_height(height: float, half: float) -> tuple[Function, Function]:
    """sinh(q z) / (q cosh(q t/2)) and cosh(q z) / (q sinh(q t/2)) of q^2, at z = ``height``."""

    def odd(x: np.ndarray) -> np.ndarray:
        q = np.sqrt(np.asarray(x, dtype=complex))
        return np.asarray(_sinh(q, height, half) / (q * _cosh(q, half, half)))

    def even(x: np.ndarray) -> np.ndarray:
        q = np.sqrt(np.asarray(x, dtype=complex))
        return np.asarray(_cosh(q, height, half) / (q * _sinh(q, half, half)))

    return odd, even


def _sinh(q: np.ndarray, z: float, scale: float) -> np.ndarray:
    """sinh(q z) exp(-q scale), which does not overflow."""
    return np.asarray(0.5 * (np.exp(q * (z - scale)) - np.exp(-q * (z + scale))))


def _cosh(q: np.ndarray, z: float, scale: float) -> np.ndarray:
    """cosh(q z) exp(-q scale)."""
    return np.asarray(0.5 * (np.exp(q * (z - scale)) + np.exp(-q * (z + scale))))


def detection_matrix(material: Material, detection: str) -> np.ndarray:
    """W (3, 3): the faces and edges read W n; X/X_0 with one X_0 = (X_xx + X_yy)/2 for all."""
    if detection == "printed":
        return np.eye(3)
    X = np.asarray(material.inverse_mass)
    return np.asarray(2.0 * X / (X[0, 0] + X[1, 1]))


def check_growth(
    squared: np.ndarray,
    fields: np.ndarray,
    limit: float = 1.0,
) -> None:
    """SolveError where the torque makes moments grow faster than they relax."""
    growth = float(np.sqrt(max(-squared.min(initial=0.0), 0.0)))
    if growth >= limit - 1e-6:
        worst = fields[int(np.argmin(squared))]
        raise SolveError(
            f"unstable torque at B = {tuple(float(b) for b in worst)} T: B.adj(X).B < 0 gives "
            f"|omega| tau = {growth:.4g}, and a steady state exists only below {limit:.4g}; "
            "reduce |B|",
            value=growth,
        )


@door
def film_conductivity(
    material: Material | None,
    film: Film | Stack,
    fields: Any,
    *,
    detection: str = "printed",
) -> np.ndarray:
    """delta sigma_ij/sigma of a film far from its side edges; docs/theory, section 9.

    Exact to first order in alpha alpha', alpha alpha' eps_izc h_cd eps_zdj: the longitudinal part,
    the planar Hall-like part (even in B) and the Hall-like part (odd, with the sign of the printed
    torque; a physical -m.B flips it).  rho_ij changes by minus this, times rho.

    Parameters
    ----------
    material : Material
        Uniform; a relaxation tensor and a spin count.  Its conductivity (resistivity, or sheet
        conductivity times thickness) counts for magnetic faces alone.  None for a stack.
    film : Film or Stack
        Of a stack delta sigma over the thickness-mean conductivity, solved for through it.
    fields : (n, 3) or (3,) floats, T
    detection : "printed" or "reciprocal"
        The inverse effect reads n, or X n/X_0 with X_0 = (X_xx + X_yy)/2.

    Returns
    -------
    (n, 2, 2) array
        i and j = x, y.

    Raises
    ------
    InputError, SolveError
        Coefficients that vary; a magnetic face without a conductivity; an unstable torque.
    """
    if isinstance(film, Stack) and material is not None:
        raise InputError("film_conductivity: a stack has its own materials: give None")
    if not isinstance(film, (Film, Stack)) or not isinstance(material, (Material, type(None))):
        raise InputError(f"film_conductivity: expected a Material and a Film, got {film!r}")
    if detection not in ("printed", "reciprocal"):
        raise InputError(
            f"unknown detection {detection!r}; {suggest(detection, ('printed', 'reciprocal'))}",
            key="detection",
        )
    B = np.atleast_2d(fields_array(fields, "fields"))
    if isinstance(film, Stack):
        return stack_tensors(film, section_of(film, detection), B)[0]
    if material is None:
        raise InputError("film_conductivity: a Film needs its Material, got None")
    for note in unlikely_field({"film": material}, B):
        warn(note)
    sheet = material.as_sheet(film.thickness)
    if sheet.sheet_conductivity is None:
        if film.bottom.magnetic or film.top.magnetic:
            raise InputError("a magnetic face needs the resistivity of the film", key="resistivity")
        sheet = sheet.with_unit_conductivity()
    if not sheet.constant:
        raise InputError("film_conductivity: needs coefficients that are plain numbers")
    if not sheet.uniform:
        from .film_channels import local_tensors

        return local_tensors(sheet, film, B, detection)
    T, squared = torque_of(sheet, B)
    check_growth(squared, B)
    require_decay_between_faces(film, Channels.of(sheet), film.thickness, B)
    h = detection_matrix(sheet, detection) @ Faces.of(film, sheet).local(T, squared)
    xx, yy = h[:, 1, 1], h[:, 0, 0]
    tensor = np.array([[xx, -h[:, 1, 0]], [-h[:, 0, 1], yy]])
    product = material.orbital_hall_angle * material.inverse_orbital_hall_angle
    return np.asarray(product * np.moveaxis(tensor, -1, 0))
