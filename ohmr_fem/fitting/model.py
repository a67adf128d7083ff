"""What a fit compares with the data: the change of resistance of a device as a function of a few
parameters.

Positive parameters are varied on a logarithmic scale, so that no step leaves their range and
relative errors come out directly; the product alpha alpha', which may have either sign and enters
linearly, on a linear one.  Background terms are linear too: they are projected out of data and
model once, which is the same as fitting them along.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import InputError, suggest
from ..model.material import Material, parameter, precession_squared
from ..sweep.measure import SpectralMeasure
from .background import Term, read_terms, shape_of, starts
from .data import Measured

#: Canonical name: (symbol, unit).
PARAMETERS = {
    "alpha_product": ("alpha alpha'", "1"),
    "diffusion_length": ("L_m", "m"),
    "relaxation_time": ("tau", "s"),
    "theta": ("theta", "1"),
    "sheet_conductivity": ("sigma", "S"),
    "g_factor": ("g", "1"),
}
ALIASES = {
    "alpha": "alpha_product",
    "orbital_hall_angle": "alpha_product",
    "L_m": "diffusion_length",
    "tau": "relaxation_time",
    "sigma": "sheet_conductivity",
    "g": "g_factor",
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
    """One parameter of a fit: value = start exp(u), or start + |start| u for the product alpha
    alpha'.  "kohler.n" and the like belong to a background.
    """

    name: str
    start: float

    @property
    def symbol(self) -> str:
        return self.name if self.of_background else PARAMETERS[self.name][0]

    @property
    def unit(self) -> str:
        shape = shape_of(self.name)
        return PARAMETERS[self.name][1] if shape is None else shape.unit

    @property
    def of_background(self) -> bool:
        return shape_of(self.name) is not None

    @property
    def logarithmic(self) -> bool:
        return self.name != "alpha_product"

    def value(self, u: float) -> float:
        """Value at a coordinate; 0, inf or -inf at infinite ones."""
        if np.isinf(u):
            return (
                float(np.copysign(np.inf, u))
                if not self.logarithmic
                else (0.0 if u < 0 else float("inf")) * self.start
            )
        return (
            float(self.start * np.exp(np.clip(u, -FAR, FAR)))
            if self.logarithmic
            else float(self.start + abs(self.start) * u)
        )

    def coordinate(self, value: float) -> float:
        """u of a value; -inf or nan outside the range."""
        return (
            float(np.log(value / self.start))
            if self.logarithmic
            else float((value - self.start) / abs(self.start))
        )

    def spread(self, value: float, relative: float) -> float:
        """Standard error of the value from that of :meth:`relative`."""
        return relative * abs(value)

    def relative(self, u: float) -> float:
        """d ln(value) / du."""
        return 1.0 if self.logarithmic else abs(self.start) / (self.value(u) or abs(self.start))


def read_parameters(names: Any, material: Material) -> tuple[Parameter, ...]:
    """Parameters with the material's values as start; InputError for unknown ones and for a start
    of zero.
    """
    if isinstance(names, str) or not names:
        raise InputError(
            f"expected a list of names such as ['alpha', 'L_m', 'tau', 'theta'], got {names!r}",
            key="parameters",
        )
    found = [ALIASES.get(str(n), str(n)) for n in names]
    for name in found:
        if name not in PARAMETERS:
            raise InputError(
                f"{name!r} cannot be fitted; {suggest(name, [*PARAMETERS, *ALIASES])}",
                value=name,
                key="parameters",
            )
    if len(set(found)) < len(found):
        raise InputError(
            f"one is named twice in {list(names)}; alpha and alpha' enter only as their product",
            key="parameters",
        )
    out = []
    for name in found:
        start = value_of(material, name)
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


def background_parameters(
    terms: Sequence[Term], curves: Sequence[Measured]
) -> tuple[Parameter, ...]:
    """The numbers that the shapes of backgrounds depend on, shared by all curves."""
    strongest = max(float(np.abs(c.signed).max()) for c in curves)
    return tuple(Parameter(name, start) for name, start in starts(terms, strongest).items())


def value_of(material: Material, name: str) -> float:
    """Value of a canonical parameter in a material."""
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
        sheet = measure.material.sheet_conductivity
        base = 1.0
        if data.quantity != "ratio":
            base = measure.R_ohmic if strip_of is None else strip_of / sheet
            if abs(base * sheet) < NO_SQUARES:  # a Hall pair: its background scales with nothing
                base = 1.0 / sheet
        absolute = all(term.name != "offset" for term in terms)
        empty = np.empty((len(data.fields), 0))
        bare = cls(data.fields, data.quantity, measure, empty, absolute, strip_of, terms, base)
        strongest = float(np.abs(data.signed).max())
        return replace(bare, basis=bare.columns(starts(terms, strongest)))

    def columns(self, shapes: Mapping[str, float]) -> np.ndarray:
        """Backgrounds of amplitude 1 in the unit of the curve, (n, k)."""
        sheet = self.measure.material.sheet_conductivity
        out = [self.base * t.column(self.fields, shapes, sheet) for t in self.terms]
        return np.column_stack(out) if out else np.empty((len(self.fields), 0))

    @property
    def shaped(self) -> bool:
        """Whether a column depends on a parameter of the fit."""
        return any(term.free for term in self.terms)

    def signal(self, changed: Mapping[str, Any]) -> np.ndarray:
        """Model of the data without background, (n,); NaN where the torque is unstable."""
        m = self.measure.at(**changed)
        if not self._stable(m):
            return np.full(len(self.fields), np.nan)
        return self.shown(m, *m.unchecked(self.fields))

    def shown(self, m: SpectralMeasure, f: np.ndarray, change: np.ndarray) -> np.ndarray:
        """The curve from f and its change with the field, (n,); NaN where the torque is
        unstable.
        """
        if not self._stable(m):
            return np.full(len(self.fields), np.nan)
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

    def _stable(self, m: SpectralMeasure) -> bool:
        """Whether a steady state exists at every field; always where X is positive."""
        if np.linalg.eigvalsh(m.material.inverse_mass)[0] >= 0.0:
            return True
        growth = np.sqrt(max(-float(precession_squared(m.material, self.fields).min()), 0.0))
        return bool(
            growth < 1.0 + m.slowest * (m.material.diffusion_length / m.reference_length) ** 2
        )

    def at(self, rows: np.ndarray) -> Curve:
        """The same curve at some of its fields."""
        return replace(self, fields=self.fields[rows], basis=self.basis[rows])


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
    """

    parameters: tuple[Parameter, ...]
    curves: tuple[Curve, ...]
    values: tuple[np.ndarray, ...]
    sigma: tuple[np.ndarray, ...]
    lengths: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        fixed = [_projector(c.basis, s) for c, s in zip(self.curves, self.sigma, strict=True)]
        object.__setattr__(self, "_projectors", fixed)
        # signals and projectors at the latest u: its Jacobian is asked for next
        object.__setattr__(self, "_latest", {})
        object.__setattr__(self, "_shaped", {})

    def shapes(self, u: np.ndarray) -> dict[str, float]:
        """Numbers of the backgrounds' shapes that are fitted."""
        values = self.physical(u)
        return {p.name: values[p.name] for p in self.parameters if p.of_background}

    def bases(self, u: np.ndarray) -> list[np.ndarray]:
        """Columns of the backgrounds of each curve at u."""
        shapes = self.shapes(u)
        return [c.columns(shapes) if c.shaped and shapes else c.basis for c in self.curves]

    def projectors(self, u: np.ndarray) -> list[np.ndarray]:
        """Orthonormal columns that span the backgrounds of each curve, whitened."""
        shapes = self.shapes(u)
        if not shapes:
            return list(self._projectors)  # type: ignore[attr-defined]
        known: dict[tuple[float, ...], list[np.ndarray]] = self._shaped  # type: ignore[attr-defined]
        key = tuple(shapes.values())
        if key not in known:
            bases = self.bases(u)
            found = [_projector(b, s) for b, s in zip(bases, self.sigma, strict=True)]
            known.clear()
            known[key] = found
        return known[key]

    def physical(self, u: np.ndarray) -> dict[str, float]:
        """Values in SI by canonical name."""
        out = {p.name: p.value(float(x)) for p, x in zip(self.parameters, u, strict=True)}
        if self.lengths is not None and "diffusion_length" in out:
            out["diffusion_length"] = float(np.clip(out["diffusion_length"], *self.lengths))
        for p in self.parameters:
            shape = shape_of(p.name)
            if shape is not None:  # beyond these ends a shape no longer changes, or runs off
                low, high = shape.reach
                out[p.name] = float(np.clip(out[p.name], low * p.start, high * p.start))
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
            changed = changes(self.physical(u))
            found = [c.signal(changed) for c in self.curves]
            latest.clear()
            latest[key] = found
        return latest[key]

    def whitened(self, parts: Sequence[np.ndarray], u: np.ndarray) -> np.ndarray:
        """Values over sigma with the background projected out, joined, (N,)."""
        out = []
        for part, s, Q in zip(parts, self.sigma, self.projectors(u), strict=True):
            y = part / s
            out.append(y - Q @ (Q.T @ y))
        return np.concatenate(out)

    def residual(self, u: np.ndarray) -> np.ndarray:
        """(data - model)/sigma, (N,); large where the model does not exist."""
        signals = self.signals(u)
        if not all(np.all(np.isfinite(s)) for s in signals):
            return np.full(sum(len(v) for v in self.values), 1e6)
        return self.whitened([v - s for v, s in zip(self.values, signals, strict=True)], u)

    def jacobian(self, u: np.ndarray, free: Any = None, central: bool = False) -> np.ndarray:
        """d residual / du by differences, (N, q), or the columns of the ``free`` parameters."""
        now = self.signals(u)
        at = np.asarray(u, dtype=float)
        columns = []
        for i in range(len(u)) if free is None else free:
            slopes = self._slopes(at, i, now, central)
            columns.append(-self.whitened([np.nan_to_num(s) for s in slopes], at))
        return np.column_stack(columns)

    def _slopes(
        self, u: np.ndarray, i: int, now: Sequence[np.ndarray], central: bool
    ) -> list[np.ndarray]:
        """d signal / du_i of every curve."""
        p = self.parameters[i]
        if p.of_background:
            return self._shape_slopes(u, i)
        if (
            p.name == "alpha_product"
            and p.value(float(u[i])) != 0.0
            and not any(c.absolute for c in self.curves)
        ):
            return [s * abs(p.start) / p.value(float(u[i])) for s in now]  # proportional to it
        step = (CENTRAL if central else FORWARD) * np.eye(len(u))[i]
        up, down = self.signals(u + step), self.signals(u - step) if central else now
        return [(a - b) / (step[i] * (2 if central else 1)) for a, b in zip(up, down, strict=True)]

    def slopes(self, u: np.ndarray, k: int) -> np.ndarray:
        """d (signal + background at fixed amplitudes) / du of curve k, (n, q)."""
        now = self.signals(u)
        at = np.asarray(u, dtype=float)
        columns = [self._slopes(at, i, now, True)[k] for i in range(len(at))]
        return np.column_stack([np.nan_to_num(c) for c in columns])

    def _shape_slopes(self, u: np.ndarray, i: int) -> list[np.ndarray]:
        """d background / du_i at the fitted amplitudes (Kaufman's form of variable projection)."""
        step = CENTRAL * np.eye(len(u))[i]
        amounts = self.amplitudes(u)
        pairs = zip(self.bases(u + step), self.bases(u - step), amounts, strict=True)
        return [(up - down) @ a / (2.0 * CENTRAL) for up, down, a in pairs]

    def relative_jacobian(self, u: np.ndarray) -> np.ndarray:
        """d residual / d ln(parameter), (N, q): its Gram matrix is Fisher's."""
        return self.jacobian(u, central=True) / np.array(
            [p.relative(float(x)) for p, x in zip(self.parameters, u, strict=True)]
        )

    def alike(self, u: np.ndarray) -> dict[str, float]:
        """Of each background, the part of the Hanle signal that is left when the background may
        take what looks like it, with its shape; 1 where nothing does.
        """
        signals = [np.nan_to_num(s) for s in self.signals(u)]
        shapes = {
            p.name: self._shape_slopes(u, i)
            for i, p in enumerate(self.parameters)
            if p.of_background
        }
        out = {}
        bases = self.bases(u)
        for term in dict.fromkeys(t for c in self.curves for t in c.terms if t.name != "offset"):
            before = after = 0.0
            for k, (c, s) in enumerate(zip(self.curves, self.sigma, strict=True)):
                others = np.array([t != term for t in c.terms])
                slopes = [shapes[f"{term.name}.{key}"][k] for key in term.free]
                whole = np.column_stack([bases[k], *slopes])
                before += _left(signals[k], bases[k][:, others], s)
                after += _left(signals[k], whole, s)
            out[term.name] = float(np.sqrt(after / before)) if before > 0.0 else 0.0
        return out

    def amplitudes(self, u: np.ndarray) -> list[np.ndarray]:
        """Fitted amplitudes of the backgrounds of each curve, (k,)."""
        out = []
        signals, bases = self.signals(u), self.bases(u)
        for v, s, signal, basis in zip(self.values, self.sigma, signals, bases, strict=True):
            weighted = basis / s[:, None]
            size = np.linalg.norm(weighted, axis=0)
            size[size == 0.0] = 1.0
            rest = np.nan_to_num((v - signal) / s)
            out.append(np.linalg.lstsq(weighted / size, rest, rcond=None)[0] / size)
        return out

    def backgrounds(self, u: np.ndarray) -> list[np.ndarray]:
        """Fitted background of each curve, (n,) in its unit."""
        return [b @ a for b, a in zip(self.bases(u), self.amplitudes(u), strict=True)]

    @property
    def degrees(self) -> int:
        """Points minus background terms minus parameters."""
        return sum(
            len(v) - int(np.any(c.basis, axis=0).sum())
            for v, c in zip(self.values, self.curves, strict=True)
        ) - len(self.parameters)


def _projector(basis: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Orthonormal columns of basis/sigma; columns of zeros, as a term of B_z along x, span
    nothing.
    """
    weighted = basis / sigma[:, None]
    size = np.linalg.norm(weighted, axis=0)
    return np.asarray(np.linalg.qr(weighted[:, size > 0.0] / size[size > 0.0])[0])


def _left(signal: np.ndarray, basis: np.ndarray, sigma: np.ndarray) -> float:
    """Squared size of a signal in standard deviations, without what the columns can make."""
    y = signal / sigma
    Q = _projector(basis, sigma)
    return float(np.sum((y - Q @ (Q.T @ y)) ** 2))


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
