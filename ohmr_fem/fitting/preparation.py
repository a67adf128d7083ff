"""The record of a preparation: which steps were done, with which numbers, so that they can be done
again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..base.owned import own_arrays
from ..errors import InputError, suggest
from ..errors.doors import door_of

#: In the order in which they are done.
STEPS = (
    "offset",
    "hysteresis",
    "drift",
    "outliers",
    "mixing",
    "symmetry",
    "reciprocal",
    "average",
    "control",
    "noise",
)
#: Of the curve, by symmetry.
PARITY = {None: 0, "even": 1, "odd": -1}


@dataclass(frozen=True)
class Step:
    """One step of a preparation.

    Attributes
    ----------
    name : str
    value : float or str; of a drift in brackets one number for each bracket
    error : float, or as many as the value
        One standard deviation; 0 for what was given.
    unit : str
    method : str
        How the value came about.
    """

    name: str
    value: Any
    error: Any
    unit: str
    method: str

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        if isinstance(self.value, str):
            shown = self.value
        elif np.ndim(self.value):
            low, high = min(self.value), max(self.value)
            shown = f"{low:.4g} to {high:.4g}{unit}"
        else:
            error = f" +- {self.error:.2g}" if self.error else ""
            shown = f"{self.value:.6g}{error}{unit}"
        return f"{self.name}: {shown} ({self.method})"


@dataclass(frozen=True)
class Numbers:
    """All that a preparation needs to be done again on a raw curve.

    Attributes
    ----------
    offset, hysteresis : float, T
    drift : None, "linear" or "bracket"
    rates : of the drift; one, or the drift at each bracket
    threshold, scale : robust deviations from which a row is an outlier, and the size of one
    mixing : float or None
    symmetry : None, "even" or "odd"
    average : width of a bin in T, or None
    noise : "scatter", "repeats" or "file"; sigma : one standard deviation of a row
    correlation, inflation : of neighbours in time, and what it does to the errors
    pieces : of the smooth curve
    """

    offset: float = 0.0
    hysteresis: float = 0.0
    drift: str | None = None
    rates: tuple[float, ...] = ()
    threshold: float | None = None
    scale: float = np.inf
    mixing: float | None = None
    symmetry: str | None = None
    average: float | None = None
    noise: str = "scatter"
    sigma: float = 1.0
    correlation: float = 0.0
    inflation: float = 1.0
    pieces: int = 4


@door_of
@dataclass(frozen=True, eq=False)
class Preparation:
    """What :func:`prepare` did to a curve; iterates over its steps, ``[name]`` gives one.

    Attributes
    ----------
    steps : {name: Step}
        In the order in which they were done.
    outliers : (n_raw,) bool
        Rows of the raw curve that were marked and left out; those of ``reciprocal`` come last.
    whiteness : float
        p of a Ljung-Box test with 10 lags, mean not removed, of the raw rows against the curve in
        the order measured.  A small one says that a step is missing.
    numbers : Numbers
        What :func:`prepare` needs to do the same again.
    """

    steps: Mapping[str, Step]
    outliers: np.ndarray
    whiteness: float
    numbers: Numbers = field(repr=False)

    def __post_init__(self) -> None:
        own_arrays(self)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps.values())

    def __len__(self) -> int:
        return len(self.steps)

    def __contains__(self, name: object) -> bool:
        return name in self.steps

    def __getitem__(self, name: str) -> Step:
        if name not in self.steps:
            raise InputError(
                f"{name!r} was not done; {suggest(name, self.steps)}", value=name, key="step"
            )
        return self.steps[name]

    def __str__(self) -> str:
        return "\n".join(str(step) for step in self)

    def record(self) -> dict[str, Any]:
        """The steps in plain values, for JSON.

        Returns
        -------
        dict
            "steps" (name, value, error, unit, method), "outliers" (row numbers), "rows",
            "whiteness".
        """
        steps = [
            {
                "name": s.name,
                "value": _plain(s.value),
                "error": _plain(s.error),
                "unit": s.unit,
                "method": s.method,
            }
            for s in self
        ]
        return {
            "steps": steps,
            "outliers": np.flatnonzero(self.outliers).tolist(),
            "rows": len(self.outliers),
            "whiteness": float(self.whiteness),
        }


def _plain(value: Any) -> Any:
    return value if isinstance(value, str) else np.asarray(value, dtype=float).tolist()
