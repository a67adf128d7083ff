"""What a fit compares with the data: the change of resistance of a device as a function of a few
parameters.

Positive parameters are varied on a logarithmic scale, so that no step leaves their range and
relative errors come out directly; the product alpha alpha', which may have either sign and enters
linearly, on a linear one.  Background terms are linear too: they are projected out of data and
model once, which is the same as fitting them along.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..errors import InputError, suggest
from ..model.material import Material, parameter, precession_squared
from ..model.stack import Stack
from ..sweep.matrix_measure import MatrixMeasure
from ..sweep.measure import SpectralMeasure
from .background import Term, read_terms, shape_of, starts
from .bands import band_starts
from .columns import Block, blocks
from .data import Measured
from .layers import base_of, canonical_of, layer_start, split, within

#: Canonical name: (symbol, unit).
PARAMETERS = {
    "alpha_product": ("alpha alpha'", "1"),
    "diffusion_length": ("L_m", "m"),
    "relaxation_time": ("tau", "s"),
    "theta": ("theta", "1"),
    "sheet_conductivity": ("sigma", "S"),
    "g_factor": ("g", "1"),
    "polarisation": ("p", "1"),
    "thickness": ("t", "m"),
    "resistivity": ("rho", "ohm m"),
    "relaxation_ratio": ("Gamma_zz/Gamma_yy", "1"),
    "orbital_hall_angle": ("alpha", "1"),
    "inverse_orbital_hall_angle": ("alpha'", "1"),
    "spin.hall_angle": ("alpha_S", "1"),
    "spin.inverse_hall_angle": ("alpha_S'", "1"),
    "spin.relaxation_time": ("tau_S", "s"),
    "spin.diffusion_constant": ("D_S", "m^2/s"),
    "spin.to_orbital": ("rate S to L", "1/s"),
    "spin.from_orbital": ("rate L to S", "1/s"),
    "spin.g_factor": ("g_S", "1"),
}
#: What only a relaxation tensor, or a spin beside the orbital moment, has.
OF_CHANNELS = tuple(
    n for n in PARAMETERS if n == "relaxation_ratio" or n.startswith("spin.") or "orbital_hall" in n
)
#: Angles of the orbital moment, which enter one by one beside a spin and as a product without.
ANGLES = ("orbital_hall_angle", "inverse_orbital_hall_angle")
#: What may have either sign.
LINEAR = (
    "alpha_product",
    *ANGLES,
    "spin.hall_angle",
    "spin.inverse_hall_angle",
    "spin.to_orbital",
    "spin.from_orbital",
)
#: What only a film has, and what a film says otherwise.
OF_FILMS, OF_PLANES = ("thickness", "resistivity"), "sheet_conductivity"
#: What sets the ohmic resistance.
SCALES = (*OF_FILMS, OF_PLANES)
ALIASES = {
    "alpha": "alpha_product",
    "orbital_hall_angle": "alpha_product",
    "L_m": "diffusion_length",
    "tau": "relaxation_time",
    "sigma": "sheet_conductivity",
    "g": "g_factor",
    "t": "thickness",
    "rho": "resistivity",
}
#: Steps of the differences on the logarithmic scale: forward ones steer the search, central ones
#: make the Fisher matrix.
FORWARD, CENTRAL = 1e-6, 1e-4
#: Squares of a measurement below which it has no ohmic resistance.
NO_SQUARES = 1e-9
#: |u| at which a logarithmic parameter stops.
FAR = 30.0


@dataclass(frozen=True)
class Parameter:
    """One parameter of a fit: value = start exp(u), or start + |start| u for what may have either
    sign, such as the product alpha alpha'.  "kohler.n" and the like belong to a background;
    "polarisation.detector" is |p| of one contact, "polarisation" the largest of all, the others in
    proportion.
    """

    name: str
    start: float

    @property
    def symbol(self) -> str:
        if self.of_background:
            return self.name
        if self.name in PARAMETERS:
            return PARAMETERS[self.name][0]
        kind, _, place = self.name.partition(".")
        place, kind = split(self.name) or (place, kind)
        return f"{PARAMETERS[kind][0]}({place})"

    @property
    def unit(self) -> str:
        shape = shape_of(self.name)
        if shape is not None:
            return shape.unit
        kind = base_of(self.name)
        kind = kind if kind in PARAMETERS else kind.partition(".")[0]
        return PARAMETERS[kind][1]

    @property
    def scales(self) -> bool:
        """Whether the ohmic resistance depends on it."""
        return base_of(self.name) in SCALES

    @property
    def of_background(self) -> bool:
        return shape_of(self.name) is not None

    @property
    def logarithmic(self) -> bool:
        return base_of(self.name) not in LINEAR

    def value(self, u: float) -> float:
        """Value at a coordinate; 0, inf or -inf at infinite ones."""
        if not self.logarithmic:
            return math.copysign(math.inf, u) if math.isinf(u) else self.start + abs(self.start) * u
        if math.isinf(u):
            return (0.0 if u < 0 else math.inf) * self.start
        return self.start * math.exp(_clip(u, -FAR, FAR))

    def coordinate(self, value: float) -> float:
        """u of a value; -inf or nan outside the range."""
        return (
            float(np.log(value / self.start))
            if self.logarithmic
            else float((value - self.start) / abs(self.start))
        )

    def spread(
        self,
        value: float,
        relative: float,
    ) -> float:
        """Standard error of the value from that of :meth:`relative`."""
        return relative * abs(value)

    def relative(self, u: float) -> float:
        """d ln(value) / du."""
        return 1.0 if self.logarithmic else abs(self.start) / (self.value(u) or abs(self.start))


def _canonical(
    name: str,
    material: Material,
) -> str:
    if material.spin is not None and name == "alpha":
        return "orbital_hall_angle"
    if material.spin is not None and name in ANGLES:
        return name
    return ALIASES.get(name, name)


def _belongs(
    name: str,
    material: Material,
) -> bool:
    """Whether a material of this kind has the parameter."""
    if name.startswith("spin.") or name in ANGLES:
        return material.spin is not None
    if name == "diffusion_length":
        return material.diffusion_length is not None
    return name != "alpha_product" or material.spin is None


def read_parameters(
    names: Any,
    material: Material,
    thickness: float | None = None,
    polarised: Mapping[str, float] | None = None,
    film: Any = None,
) -> tuple[Parameter, ...]:
    """Parameters with the values of the material, or of the film of this ``thickness`` (m), of the
    layers of a stack, and |p| of the ``polarised`` contacts, as start; InputError for unknown ones
    and a start of zero.
    """
    polarised = polarised or {}
    magnetic = {f"polarisation.{name}": p for name, p in polarised.items()}
    if polarised:
        magnetic["polarisation"] = max(polarised.values())
    if isinstance(names, str) or not names:
        raise InputError(
            f"expected a list of names such as ['alpha', 'L_m', 'tau', 'theta'], got {names!r}",
            key="parameters",
        )
    if isinstance(film, Stack):
        chosen = [canonical_of(str(n), ALIASES) or str(n) for n in names]
        _once(chosen, names)
        return tuple(Parameter(n, layer_start(film, n)) for n in chosen)
    found = [_canonical(str(n), material) for n in names]
    known = [n for n in PARAMETERS if _belongs(n, material)]
    for name in found:
        if name not in magnetic and (name not in known or name == "polarisation"):
            near = [*magnetic, *(k for k in (*known, *ALIASES) if k != "polarisation")]
            raise InputError(
                f"{name!r} cannot be fitted; {suggest(name, near)}",
                value=name,
                key="parameters",
            )
        if name == "alpha_product" and polarised:
            raise InputError(
                "with polarised contacts alpha and alpha' enter apart, not as a product: hold "
                "them, and fit 'polarisation'",
                value=name,
                key="parameters",
            )
    _once(found, names)
    out = []
    for name in found:
        start = magnetic[name] if name in magnetic else value_of(material, name, thickness)
        if start == 0.0:
            raise InputError(
                f"{PARAMETERS[name][0]} is 0 in the material, which is no start for a "
                "fit; give a "
                "guess of the right sign",
                value=name,
                key="parameters",
            )
        out.append(Parameter(name, start))
    return tuple(out)


def _once(
    found: Sequence[str],
    names: Any,
) -> None:
    if len(set(found)) < len(found):
        raise InputError(
            f"one is named twice in {list(names)}; alpha and alpha' enter only as their product",
            key="parameters",
        )


def background_parameters(
    terms: Sequence[Term],
    curves: Sequence[Measured],
    sheet_conductivity: float = 1.0,
) -> tuple[Parameter, ...]:
    """The numbers that the shapes of backgrounds depend on, shared by all curves."""
    strongest = max(float(np.abs(c.signed).max()) for c in curves)
    begin = starts(terms, strongest) | band_starts(terms, curves, sheet_conductivity)
    return tuple(Parameter(name, start) for name, start in begin.items())


def value_of(
    material: Material,
    name: str,
    thickness: float | None = None,
) -> float:
    """Value of a canonical parameter in a material, of a film if it has a ``thickness`` (m).

    Raises
    ------
    InputError
        A thickness or resistivity without a film, a sheet conductivity with one.
    """
    if name in OF_FILMS and thickness is None:
        raise InputError(
            f"{name} is a parameter of a film: give Problem(film=...)", value=name, key="parameters"
        )
    if name == OF_PLANES and thickness is not None:
        raise InputError(
            "the sheet conductivity of a film follows from its thickness; fit resistivity",
            value=name,
            key="parameters",
        )
    if thickness is not None and name == "thickness":
        return thickness
    if thickness is not None and name == "resistivity":
        return thickness / float(material.sheet_conductivity)
    if name == "alpha_product":
        return float(material.orbital_hall_angle * material.inverse_orbital_hall_angle)
    return parameter(material, name)


def changes(values: Mapping[str, float]) -> dict[str, float]:
    """What :meth:`SpectralMeasure.at` takes, from values by canonical name."""
    out = {name: value for name, value in values.items() if shape_of(name) is None}
    if "alpha_product" in out:
        product = out.pop("alpha_product")
        size = float(np.sqrt(abs(product)))
        out |= {
            "orbital_hall_angle": size,
            "inverse_orbital_hall_angle": float(np.copysign(size, product)),
        }
    return out


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
                f"{data.label}: a cross-section has no resistance in ohm; give the relative change "
                "(ratio)"
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
        return self.shown(m, *m.unchecked(self.fields))

    def shown(
        self,
        m: SpectralMeasure,
        f: np.ndarray,
        change: np.ndarray,
    ) -> np.ndarray:
        """The curve from f and its change with the field, (n,); NaN where the torque is
        unstable.
        """
        return self.scaled(m, f, change) if self.stable(m) else np.full(len(self.fields), np.nan)

    def scaled(
        self,
        m: SpectralMeasure,
        f: np.ndarray,
        change: np.ndarray,
    ) -> np.ndarray:
        """The same where the torque is known to be stable."""
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


def _clip(value: float, low: float, high: float) -> float:
    """numpy's clip of one number takes as long as the exponential that follows it."""
    return min(max(value, low), high)


def _sharing(curves: Sequence[Curve]) -> list[list[int]]:
    """Curves of one measure, whose material is changed once and whose fields are taken at once."""
    groups: dict[int, list[int]] = {}
    for k, curve in enumerate(curves):
        groups.setdefault(id(curve.measure), []).append(k)
    return list(groups.values())


@dataclass(frozen=True, eq=False)
class Model:
    """Several curves, one set of parameters.

    Attributes
    ----------
    parameters : tuple of Parameter
    curves : tuple of Curve
    values : tuple of (n,) arrays, the data; zeros where only derivatives are wanted
    sigma : tuple of (n,) arrays, standard deviations
    lengths : (shortest, longest) m, optional
        Diffusion lengths that the measures cover; the model stays at the nearer end beyond.
    thicknesses : (least, most) m, optional
        The same of a film whose thickness is fitted.
    """

    parameters: tuple[Parameter, ...]
    curves: tuple[Curve, ...]
    values: tuple[np.ndarray, ...]
    sigma: tuple[np.ndarray, ...]
    lengths: tuple[float, float] | None = None
    thicknesses: tuple[float, float] | None = None
    #: Curves that share amplitudes of their backgrounds.
    blocks: tuple[Block, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "blocks", blocks([c.terms for c in self.curves]))
        fixed = self._projectors_of([c.basis for c in self.curves])
        object.__setattr__(self, "_projectors", fixed)
        # signals and projectors at the latest u: its Jacobian is asked for next
        object.__setattr__(self, "_latest", {})
        object.__setattr__(self, "_sharing", _sharing(self.curves))
        object.__setattr__(self, "_shaped", {})

    def shapes(self, u: np.ndarray) -> dict[str, float]:
        """Numbers of the backgrounds' shapes that are fitted."""
        free = [p.name for p in self.parameters if p.of_background]
        values = self.physical(u) if free else {}
        return {name: values[name] for name in free}

    def bases(self, u: np.ndarray) -> list[np.ndarray]:
        """Columns of the backgrounds of each curve at u."""
        shapes = self.shapes(u)
        return [c.columns(shapes) if c.shaped and shapes else c.basis for c in self.curves]

    def known(self, u: np.ndarray) -> list[np.ndarray]:
        """Backgrounds of each curve that have no amplitude, (n,)."""
        shapes = self.shapes(u)
        return [c.known(shapes) for c in self.curves]

    def projectors(self, u: np.ndarray) -> list[np.ndarray]:
        """Orthonormal columns that span the backgrounds of each block of curves, whitened."""
        shapes = self.shapes(u)
        if not shapes:
            return list(self._projectors)  # type: ignore[attr-defined]
        known: dict[tuple[float, ...], list[np.ndarray]] = self._shaped  # type: ignore[attr-defined]
        key = tuple(shapes.values())
        if key not in known:
            found = self._projectors_of(self.bases(u))
            known.clear()
            known[key] = found
        return known[key]

    def _projectors_of(self, bases: Sequence[np.ndarray]) -> list[np.ndarray]:
        return [projector(b.join(bases), b.rows(self.sigma)) for b in self.blocks]

    def physical(self, u: np.ndarray) -> dict[str, float]:
        """Values in SI by canonical name."""
        out = {p.name: p.value(float(x)) for p, x in zip(self.parameters, u, strict=True)}
        if self.lengths is not None and "diffusion_length" in out:
            out["diffusion_length"] = _clip(out["diffusion_length"], *self.lengths)
        if self.thicknesses is not None and "thickness" in out:
            out["thickness"] = _clip(out["thickness"], *self.thicknesses)
        for p in self.parameters:
            out[p.name] = within(p.name, out[p.name], p.start)
            shape = shape_of(p.name)
            if shape is not None:  # beyond these ends a shape no longer changes, or runs off
                low, high = shape.reach
                out[p.name] = _clip(out[p.name], low * p.start, high * p.start)
        return out

    def thinned(self, points: int) -> Model:
        """At most about this many points of each curve, evenly taken."""
        rows = [np.arange(0, len(v), max(1, len(v) // points)) for v in self.values]
        return replace(
            self,
            curves=tuple(c.at(r) for c, r in zip(self.curves, rows, strict=True)),
            values=tuple(v[r] for v, r in zip(self.values, rows, strict=True)),
            sigma=tuple(s[r] for s, r in zip(self.sigma, rows, strict=True)),
        )

    def covered(self, u: np.ndarray) -> bool:
        """Whether the diffusion length lies in the range of the measures."""
        i = next((i for i, p in enumerate(self.parameters) if p.name == "diffusion_length"), None)
        return (
            self.lengths is None
            or i is None
            or self.lengths[0] <= self.parameters[i].value(float(u[i])) <= self.lengths[1]
        )

    def coordinates(self, values: Mapping[str, float]) -> np.ndarray:
        return np.array([p.coordinate(values[p.name]) for p in self.parameters])

    def signals(self, u: np.ndarray) -> list[np.ndarray]:
        """Model of each curve at u, without backgrounds."""
        latest: dict[bytes, list[np.ndarray]] = self._latest  # type: ignore[attr-defined]
        key = np.asarray(u, dtype=float).tobytes()
        if key not in latest:
            found = self._signals(changes(self.physical(u)))
            latest.clear()
            latest[key] = found
        return latest[key]

    def _signals(self, changed: Mapping[str, Any]) -> list[np.ndarray]:
        """The signals with the material changed; NaN where the torque is unstable."""
        out: dict[int, np.ndarray] = {}
        for group in self._sharing:  # type: ignore[attr-defined]
            m = self.curves[group[0]].measure.at(**changed)
            steady = [k for k in group if self.curves[k].stable(m)]
            if not steady:
                continue
            fields = [self.curves[k].fields for k in steady]
            f, change = m.unchecked(np.vstack(fields))
            ends = np.cumsum([len(each) for each in fields])[:-1]
            for k, *own in zip(steady, np.split(f, ends), np.split(change, ends), strict=True):
                out[k] = self.curves[k].scaled(m, *own)
        nothing = [np.full(len(c.fields), np.nan) for c in self.curves]
        return [out.get(k, nan) for k, nan in enumerate(nothing)]

    def whitened(
        self,
        parts: Sequence[np.ndarray],
        u: np.ndarray,
    ) -> np.ndarray:
        """Values over sigma with the background projected out, joined, (N,)."""
        out: dict[int, np.ndarray] = {}
        for block, Q in zip(self.blocks, self.projectors(u), strict=True):
            y = block.rows(parts) / block.rows(self.sigma)
            out |= block.split(y - Q @ (Q.T @ y), parts)
        return np.concatenate([out[k] for k in range(len(parts))])

    def residual(self, u: np.ndarray) -> np.ndarray:
        """(data - model)/sigma, (N,); large where the model does not exist."""
        signals = self.signals(u)
        if not all(np.all(np.isfinite(s)) for s in signals):
            return np.full(sum(len(v) for v in self.values), 1e6)
        return self.whitened(self._rest(u), u)

    def _rest(self, u: np.ndarray) -> list[np.ndarray]:
        """Data without the signal and the backgrounds without an amplitude."""
        parts = zip(self.values, self.signals(u), self.known(u), strict=True)
        return [v - s - k for v, s, k in parts]

    def jacobian(
        self,
        u: np.ndarray,
        free: Any = None,
        central: bool = False,
    ) -> np.ndarray:
        """d residual / du by differences, (N, q), or the columns of the ``free`` parameters."""
        now = self.signals(u)
        at = np.asarray(u, dtype=float)
        columns = []
        for i in range(len(u)) if free is None else free:
            slopes = self._slopes(at, i, now, central)
            columns.append(-self.whitened([np.nan_to_num(s) for s in slopes], at))
        return np.column_stack(columns)

    def _slopes(
        self,
        u: np.ndarray,
        i: int,
        now: Sequence[np.ndarray],
        central: bool,
    ) -> list[np.ndarray]:
        """d signal / du_i of every curve."""
        p = self.parameters[i]
        if p.of_background:
            return self.shape_slopes(u, i)
        if (
            p.name == "alpha_product"
            and p.value(float(u[i])) != 0.0
            and not any(c.absolute for c in self.curves)
        ):
            return [s * abs(p.start) / p.value(float(u[i])) for s in now]  # proportional to it
        step = (CENTRAL if central else FORWARD) * np.eye(len(u))[i]
        up, down = self.signals(u + step), self.signals(u - step) if central else now
        return [(a - b) / (step[i] * (2 if central else 1)) for a, b in zip(up, down, strict=True)]

    def slopes(
        self,
        u: np.ndarray,
        k: int,
    ) -> np.ndarray:
        """d (signal + background at fixed amplitudes) / du of curve k, (n, q)."""
        now = self.signals(u)
        at = np.asarray(u, dtype=float)
        columns = [self._slopes(at, i, now, True)[k] for i in range(len(at))]
        return np.column_stack([np.nan_to_num(c) for c in columns])

    def shape_slopes(
        self,
        u: np.ndarray,
        i: int,
    ) -> list[np.ndarray]:
        """d background / du_i at the fitted amplitudes (Kaufman's form of variable projection)."""
        step = CENTRAL * np.eye(len(u))[i]
        amounts = self.amplitudes(u)
        ends = (u + step, u - step)
        up, down = (
            [b @ a + k for b, a, k in zip(self.bases(x), amounts, self.known(x), strict=True)]
            for x in ends
        )
        return [(a - b) / (2.0 * CENTRAL) for a, b in zip(up, down, strict=True)]

    def relative_jacobian(self, u: np.ndarray) -> np.ndarray:
        """d residual / d ln(parameter), (N, q): its Gram matrix is Fisher's."""
        return self.jacobian(u, central=True) / np.array(
            [p.relative(float(x)) for p, x in zip(self.parameters, u, strict=True)]
        )

    def amplitudes(self, u: np.ndarray) -> list[np.ndarray]:
        """Fitted amplitudes of the backgrounds of each curve, (k,)."""
        out: dict[int, np.ndarray] = {}
        bases = self.bases(u)
        parts = [np.nan_to_num(part) for part in self._rest(u)]
        for block in self.blocks:
            sigma = block.rows(self.sigma)
            weighted = block.join(bases) / sigma[:, None]
            size = np.linalg.norm(weighted, axis=0)
            size[size == 0.0] = 1.0
            rest = block.rows(parts) / sigma
            found = np.linalg.lstsq(weighted / size, rest, rcond=None)[0] / size
            for k, place in zip(block.curves, block.places, strict=True):
                out[k] = found[list(place)]
        return [out[k] for k in range(len(self.curves))]

    def backgrounds(self, u: np.ndarray) -> list[np.ndarray]:
        """Fitted background of each curve, (n,) in its unit."""
        parts = zip(self.bases(u), self.amplitudes(u), self.known(u), strict=True)
        return [b @ a + k for b, a, k in parts]

    @property
    def degrees(self) -> int:
        """Points minus amplitudes of backgrounds minus parameters."""
        points = sum(len(v) for v in self.values)
        bases = [c.basis for c in self.curves]
        columns = sum(int(np.any(b.join(bases), axis=0).sum()) for b in self.blocks)
        return points - columns - len(self.parameters)


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


def projector(
    basis: np.ndarray,
    sigma: np.ndarray,
) -> np.ndarray:
    """Orthonormal columns of basis/sigma; columns of zeros, as a term of B_z along x, span
    nothing.
    """
    weighted = basis / sigma[:, None]
    size = np.linalg.norm(weighted, axis=0)
    return np.asarray(np.linalg.qr(weighted[:, size > 0.0] / size[size > 0.0])[0])


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
