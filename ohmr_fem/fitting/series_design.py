"""Which further sample of a series - a thickness, an angle, a distance, a range of fields - shrinks
the intervals most; nothing is measured or fitted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..units import positive, shown
from .fisher import LIMIT, Identifiability, percent
from .global_fit import Prepared
from .sample import Sample, read_samples
from .series import read_series


@dataclass(frozen=True, eq=False)
class SeriesDesign:
    """Candidates in the order of what they add: what the series would fix with each on top.

    Attributes
    ----------
    before : Identifiability of the series
    ranked : (Sample, Identifiability with it), the best first
    """

    before: Identifiability
    ranked: tuple[tuple[Sample, Identifiability], ...]

    def __str__(self) -> str:
        """Relative standard errors now and with each candidate."""
        lines = [f"{'':24}" + "".join(f"{s:>16}" for s in self.before.symbols)]
        rows = [("now", self.before), *((s.name, known) for s, known in self.ranked)]
        for name, known in rows:
            shared = known.errors[: len(self.before.symbols)]
            lines.append(f"{name:24}" + "".join(f"{percent(float(e)):>16}" for e in shared))
        return "\n".join(lines)


def series_design(
    samples: Any,
    candidates: Sequence[Sample],
    shared: Sequence[str] = ("alpha", "L_m", "tau"),
    each: Sequence[str] = (),
    trend: Mapping[str, str] | None = None,
    *,
    limit: float = LIMIT,
) -> SeriesDesign:
    """Rank further samples by what they add.

    Parameters
    ----------
    samples : as for :func:`global_fit`; their problems say at which values to ask
    candidates : sequence of :class:`Sample`
        With the fields that would be measured and the noise as ``sigma`` of their curves; the
        values do not count.
    shared, each, trend : as for :func:`global_fit`
    limit : float
        As for :func:`series_identifiability`.

    Returns
    -------
    SeriesDesign

    Raises
    ------
    InputError
        A candidate without noise, or that does not go with the samples.
    """
    known_to = positive(limit, "1", "limit")
    several = read_samples(samples)
    wanted = list(candidates)
    if not wanted or not all(isinstance(c, Sample) for c in wanted):
        raise InputError(
            f"expected of.Sample(...), or several, got {shown(wanted)}", key="candidates"
        )
    for c in wanted:
        if any(curve.sigma is None for curve in c.curves):
            raise InputError(
                f"{c.name}: give the noise that is expected, as sigma of its curves",
                key="candidates",
            )

    def known(group: Sequence[Sample]) -> Identifiability:
        series = read_series(group, shared, each, trend)
        prepared = Prepared.of(series, limit=known_to, search=False)
        return prepared.task.identify(prepared.model, np.zeros(len(series.parameters)))

    before = known(several)
    ranked = [(c, known([*several, c])) for c in wanted]
    ranked.sort(key=lambda pair: _score(pair[1], len(before.symbols)))
    return SeriesDesign(before, tuple(ranked))


def _score(
    known: Identifiability,
    count: int,
) -> float:
    """Sum of the logarithms of the errors of what the series has without the candidate."""
    errors = known.errors[:count]
    return float(np.sum(np.log(np.clip(errors, 1e-9, 10.0))))
