"""Backgrounds of several curves: which of them share an amplitude, and the blocks that this makes.

Amplitudes are linear, so they are solved for exactly.  Curves without a common amplitude are solved
one by one; those that share one stand in one block of columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..errors import InputError
from .background import Term
from .data import Measured

#: Components of the unit vectors of two directions that are the same agree to this.
SAME_AXIS = 0.02
#: Resistivities of the curves of one direction that a smooth function needs apart.
FEWEST_RATIO = 1.1


def of_curves(
    terms: Sequence[Term],
    curves: Sequence[Measured],
) -> tuple[tuple[Term, ...], ...]:
    """The terms of each curve.  Kohler's amplitude is one for all curves of a direction where their
    resistivities are given.

    Raises
    ------
    InputError
        Another number of values than of curves; a smooth function with one resistivity only.
    """
    check_counts(terms, curves)
    axes = axes_of(curves)
    return tuple(
        tuple(_of_curve(term, k, axes, curves) for term in terms) for k in range(len(curves))
    )


def check_counts(
    terms: Sequence[Term],
    curves: Sequence[Measured],
) -> None:
    """InputError for another number of values than of curves."""
    for term in terms:
        for key, count in term.counts.items():
            if count != len(curves):
                raise InputError(
                    f"{term.name}: {key} holds {count} numbers for {len(curves)} curves; give one "
                    "for each",
                    value=count,
                    key="background",
                )


def picked(
    terms: Sequence[Term],
    numbers: Sequence[int],
) -> tuple[Term, ...]:
    """The terms for some of the curves."""
    out = []
    for term in terms:
        counts = term.counts
        given = [
            (key, tuple(value[i] for i in numbers) if key in counts else value)
            for key, value in term.given
        ]
        out.append(replace(term, given=tuple(given)))
    return tuple(out)


def _of_curve(
    term: Term,
    k: int,
    axes: Sequence[int],
    curves: Sequence[Measured],
) -> Term:
    ratios = dict(term.given).get("resistivity_ratio")
    if not isinstance(ratios, tuple):
        return term.at(k)
    along = [i for i, axis in enumerate(axes) if axis == axes[k]]
    end = max(ratios[i] * float(np.abs(curves[i].signed).max()) for i in along)
    if term.smooth is not None:
        least, most = (pick(ratios[i] for i in along) for pick in (min, max))
        if most < FEWEST_RATIO * least:
            raise InputError(
                f"kohler: a smooth function needs curves of several resistivities in each "
                f"direction; {curves[k].label} has none beside it that differs by a tenth",
                key="background",
            )
    return term.at(k, f"direction {axes[k]}", end)


def axes_of(curves: Sequence[Measured]) -> list[int]:
    """Number of the axis of each curve; both senses of it are one."""
    known: list[np.ndarray] = []
    out = []
    for curve in curves:
        same = (n for n, d in enumerate(known) if np.abs(d - curve.direction).max() < SAME_AXIS)
        number = next(same, len(known))
        if number == len(known):
            known.append(curve.direction)
        out.append(number)
    return out


@dataclass(frozen=True, eq=False)
class Block:
    """Curves that share amplitudes.

    Attributes
    ----------
    curves : their numbers
    places : of each, the column of the block that each of its own columns is a part of
    width : columns of the block
    """

    curves: tuple[int, ...]
    places: tuple[tuple[int, ...], ...]
    width: int

    def join(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Columns of all curves of the fit, (n, k) each, as those of the block, (N, width)."""
        if len(self.curves) == 1:
            return parts[self.curves[0]]
        rows = []
        for k, place in zip(self.curves, self.places, strict=True):
            part = np.zeros((len(parts[k]), self.width))
            part[:, place] = parts[k]
            rows.append(part)
        return np.vstack(rows)

    def rows(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Values of all curves of the fit, (n,) each, as those of the block, (N,)."""
        return np.concatenate([parts[k] for k in self.curves])

    def split(
        self,
        values: np.ndarray,
        parts: Sequence[np.ndarray],
    ) -> dict[int, np.ndarray]:
        """The way back: {number of the curve: its values}; ``parts`` say how many each has."""
        ends = np.cumsum([len(parts[k]) for k in self.curves])[:-1]
        return dict(zip(self.curves, np.split(values, ends), strict=True))


def blocks(terms: Sequence[Sequence[Term]]) -> tuple[Block, ...]:
    """Blocks from the terms of each curve."""
    groups: list[set[str]] = []
    members: list[list[int]] = []
    for k, own in enumerate(terms):
        named = {f"{t.name} {t.group}" for t in own if t.group}
        joined = [n for n, known in enumerate(groups) if known & named]
        for n in reversed(joined):
            named |= groups.pop(n)
        curves = [i for n in joined for i in members[n]]
        members = [m for n, m in enumerate(members) if n not in joined]
        groups.append(named)
        members.append([*curves, k])
    return tuple(_block(sorted(curves), terms) for curves in sorted(members))


def _block(
    curves: Sequence[int],
    terms: Sequence[Sequence[Term]],
) -> Block:
    known: dict[tuple[str, str], int] = {}
    places = []
    for k in curves:
        place = []
        for term in terms[k]:
            for name in term.amplitudes:
                # an amplitude of its own is named after the curve
                owner = f"of {term.group}" if term.group else f"curve {k}"
                place.append(known.setdefault((owner, name), len(known)))
        places.append(tuple(place))
    return Block(tuple(curves), tuple(places), len(known))
