"""What a fit compares with the data: the change of resistance of a device as a function of a few
parameters.

Background terms are linear: they are projected out of data and model once, which is the same as
fitting them along.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .background import shape_of
from .columns import Block, blocks
from .curve import Curve, shared_signals
from .layers import within
from .parameters import Parameter, changes, clipped

#: Steps of the differences on the logarithmic scale: forward ones steer the search, central ones
#: make the Fisher matrix.
FORWARD, CENTRAL = 1e-6, 1e-4


def _sharing(
    curves: Sequence[Curve],
) -> list[list[int]]:
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
    _sharing: list[list[int]] = field(init=False)
    _projectors: list[np.ndarray] = field(init=False)
    #: Signals and projectors at the latest u: its Jacobian is asked for next.
    _latest: dict[bytes, list[np.ndarray]] = field(init=False, default_factory=dict)
    _shaped: dict[tuple[float, ...], list[np.ndarray]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "blocks", blocks([c.terms for c in self.curves]))
        object.__setattr__(self, "_sharing", _sharing(self.curves))
        fixed = self._projectors_of([c.basis for c in self.curves])
        object.__setattr__(self, "_projectors", fixed)

    def shapes(
        self,
        u: np.ndarray,
    ) -> dict[str, float]:
        """Numbers of the backgrounds' shapes that are fitted."""
        free = [p.name for p in self.parameters if p.of_background]
        values = self.physical(u) if free else {}
        return {name: values[name] for name in free}

    def bases(
        self,
        u: np.ndarray,
    ) -> list[np.ndarray]:
        """Columns of the backgrounds of each curve at u."""
        shapes = self.shapes(u)
        return [c.columns(shapes) if c.shaped and shapes else c.basis for c in self.curves]

    def known(
        self,
        u: np.ndarray,
    ) -> list[np.ndarray]:
        """Backgrounds of each curve that have no amplitude, (n,)."""
        shapes = self.shapes(u)
        return [c.known(shapes) for c in self.curves]

    def projectors(
        self,
        u: np.ndarray,
    ) -> list[np.ndarray]:
        """Orthonormal columns that span the backgrounds of each block of curves, whitened."""
        shapes = self.shapes(u)
        if not shapes:
            return list(self._projectors)
        key = tuple(shapes.values())
        if key not in self._shaped:
            found = self._projectors_of(self.bases(u))
            self._shaped.clear()
            self._shaped[key] = found
        return self._shaped[key]

    def _projectors_of(
        self,
        bases: Sequence[np.ndarray],
    ) -> list[np.ndarray]:
        out = []
        for block in self.blocks:
            sigma = block.rows(self.sigma)
            out.append(projector(block.join(bases), sigma))
        return out

    def physical(
        self,
        u: np.ndarray,
    ) -> dict[str, float]:
        """Values in SI by canonical name."""
        out = {p.name: p.value(float(x)) for p, x in zip(self.parameters, u, strict=True)}
        ranges = {
            "diffusion_length": self.lengths,
            "thickness": self.thicknesses,
        }
        for name, ends in ranges.items():
            if ends is not None and name in out:
                out[name] = clipped(out[name], *ends)
        for p in self.parameters:
            value = within(p.name, out[p.name], p.start)
            shape = shape_of(p.name)
            if shape is not None:  # beyond these ends a shape no longer changes, or runs off
                low, high = shape.reach
                value = clipped(value, low * p.start, high * p.start)
            out[p.name] = value
        return out

    def thinned(
        self,
        points: int,
    ) -> Model:
        """At most about this many points of each curve, evenly taken."""
        rows = []
        for v in self.values:
            step = max(1, len(v) // points)
            rows.append(np.arange(0, len(v), step))
        curves = [c.at(r) for c, r in zip(self.curves, rows, strict=True)]
        values = [v[r] for v, r in zip(self.values, rows, strict=True)]
        sigma = [s[r] for s, r in zip(self.sigma, rows, strict=True)]
        return replace(
            self,
            curves=tuple(curves),
            values=tuple(values),
            sigma=tuple(sigma),
        )

    def covered(
        self,
        u: np.ndarray,
    ) -> bool:
        """Whether the diffusion length lies in the range of the measures."""
        names = [p.name for p in self.parameters]
        if self.lengths is None or "diffusion_length" not in names:
            return True
        i = names.index("diffusion_length")
        shortest, longest = self.lengths
        return shortest <= self.parameters[i].value(float(u[i])) <= longest

    def coordinates(
        self,
        values: Mapping[str, float],
    ) -> np.ndarray:
        return np.array([p.coordinate(values[p.name]) for p in self.parameters])

    def signals(
        self,
        u: np.ndarray,
    ) -> list[np.ndarray]:
        """Model of each curve at u, without backgrounds."""
        key = np.asarray(u, dtype=float).tobytes()
        if key not in self._latest:
            found = self._signals(changes(self.physical(u)))
            self._latest.clear()
            self._latest[key] = found
        return self._latest[key]

    def _signals(
        self,
        changed: Mapping[str, Any],
    ) -> list[np.ndarray]:
        """The signals with the material changed; NaN where the torque is unstable."""
        out: dict[int, np.ndarray] = {}
        for group in self._sharing:
            curves = [self.curves[k] for k in group]
            m = curves[0].measure.at(**changed)
            # the poles are summed once for all curves of a measure
            found = shared_signals(curves, m, m.unchecked)
            out |= dict(zip(group, found, strict=True))
        return [out[k] for k in range(len(self.curves))]

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
        ordered = [out[k] for k in range(len(parts))]
        return np.concatenate(ordered)

    def residual(
        self,
        u: np.ndarray,
    ) -> np.ndarray:
        """(data - model)/sigma, (N,); large where the model does not exist."""
        signals = self.signals(u)
        if not all(np.all(np.isfinite(s)) for s in signals):
            return np.full(sum(len(v) for v in self.values), 1e6)
        return self.whitened(self._rest(u), u)

    def _rest(
        self,
        u: np.ndarray,
    ) -> list[np.ndarray]:
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
            # NaN where the shifted material has no steady state: no step is taken along it
            finite = [np.nan_to_num(s) for s in slopes]
            columns.append(-self.whitened(finite, at))
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
        value = p.value(float(u[i]))
        absolute = any(c.absolute for c in self.curves)
        if p.name == "alpha_product" and value != 0.0 and not absolute:  # proportional to it
            return [s * abs(p.start) / value for s in now]
        size = CENTRAL if central else FORWARD
        step = size * np.eye(len(u))[i]
        up = self.signals(u + step)
        down = self.signals(u - step) if central else now
        between = 2 * size if central else size
        return [(a - b) / between for a, b in zip(up, down, strict=True)]

    def slopes(
        self,
        u: np.ndarray,
        k: int,
    ) -> np.ndarray:
        """d (signal + background at fixed amplitudes) / du of curve k, (n, q)."""
        now = self.signals(u)
        at = np.asarray(u, dtype=float)
        columns = []
        for i in range(len(at)):
            slope = self._slopes(at, i, now, True)[k]
            columns.append(np.nan_to_num(slope))
        return np.column_stack(columns)

    def shape_slopes(
        self,
        u: np.ndarray,
        i: int,
    ) -> list[np.ndarray]:
        """d background / du_i at the fitted amplitudes (Kaufman's form of variable projection)."""
        step = CENTRAL * np.eye(len(u))[i]
        amounts = self.amplitudes(u)
        up = self._backgrounds(u + step, amounts)
        down = self._backgrounds(u - step, amounts)
        return [(a - b) / (2.0 * CENTRAL) for a, b in zip(up, down, strict=True)]

    def relative_jacobian(
        self,
        u: np.ndarray,
    ) -> np.ndarray:
        """d residual / d ln(parameter), (N, q): its Gram matrix is Fisher's."""
        pairs = zip(self.parameters, u, strict=True)
        scales = np.array([p.relative(float(x)) for p, x in pairs])
        return self.jacobian(u, central=True) / scales

    def amplitudes(
        self,
        u: np.ndarray,
    ) -> list[np.ndarray]:
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

    def backgrounds(
        self,
        u: np.ndarray,
    ) -> list[np.ndarray]:
        """Fitted background of each curve, (n,) in its unit."""
        return self._backgrounds(u, self.amplitudes(u))

    def _backgrounds(
        self,
        u: np.ndarray,
        amounts: Sequence[np.ndarray],
    ) -> list[np.ndarray]:
        parts = zip(self.bases(u), amounts, self.known(u), strict=True)
        return [b @ a + k for b, a, k in parts]

    @property
    def degrees(self) -> int:
        """Points minus amplitudes of backgrounds minus parameters."""
        points = sum(len(v) for v in self.values)
        bases = [c.basis for c in self.curves]
        filled = [np.any(b.join(bases), axis=0) for b in self.blocks]
        columns = sum(int(each.sum()) for each in filled)
        return points - columns - len(self.parameters)


def projector(
    basis: np.ndarray,
    sigma: np.ndarray,
) -> np.ndarray:
    """Orthonormal columns of basis/sigma; columns of zeros, as a term of B_z along x, span
    nothing.
    """
    weighted = basis / sigma[:, None]
    size = np.linalg.norm(weighted, axis=0)
    some = size > 0.0
    return np.asarray(np.linalg.qr(weighted[:, some] / size[some])[0])
