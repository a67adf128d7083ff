"""What a set of data fixes: eigenvectors of the Fisher matrix, as products of powers of the
parameters.

With J = d(model/sigma)/d ln(parameter) the Fisher matrix is J^T J; a direction v of logarithms is
known to 1/|J v|. The largest set of products of powers that are all known better than a limit is
named, in its simplest form.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

#: A combination counts as fixed if its relative standard error is below this.
LIMIT = 0.3
#: Relative standard error that stands for "not at all".
UNKNOWN = 1e3
#: Components below this in an unknown direction are round-off.
NOISE = 1e-3


@dataclass(frozen=True)
class Combination:
    """A product of powers of parameters and its relative standard error."""

    text: str
    exponents: tuple[float, ...]
    error: float

    def __str__(self) -> str:
        return f"{self.text} ({percent(self.error)})"


@dataclass(frozen=True, eq=False)
class Identifiability:
    """What data fix and what they leave open.

    Attributes
    ----------
    names, symbols : of the parameters
    errors : (q,) relative standard errors of the parameters, each with all others free; inf if not
    fixed at all
    fixed : combinations that the data fix, one for each independent number
    eigenvectors, eigenerrors : (q, q) rows in logarithms, (q,) their standard errors, worst first
    limit : relative standard error that separates fixed from free
    """

    names: tuple[str, ...]
    symbols: tuple[str, ...]
    errors: np.ndarray
    fixed: tuple[Combination, ...]
    eigenvectors: np.ndarray
    eigenerrors: np.ndarray
    limit: float

    @property
    def free(self) -> tuple[str, ...]:
        """Names of the parameters that the data do not fix."""
        return tuple(n for n, e in zip(self.names, self.errors, strict=True) if not e < self.limit)

    @property
    def complete(self) -> bool:
        return not self.free

    @property
    def score(self) -> float:
        """Sum of the logarithms of the errors, each capped at 10: smaller is better."""
        return float(np.sum(np.log(np.clip(self.errors, 1e-9, 10.0))))

    def __str__(self) -> str:
        if self.complete:
            return "the data fix " + ", ".join(map(str, self._single()))
        numbers = (
            "no combination"
            if not self.fixed
            else (
                f"{len(self.fixed)} number{'s' if len(self.fixed) > 1 else ''}: "
                + ", ".join(map(str, self.fixed))
            )
        )
        lost = [s for n, s in zip(self.names, self.symbols, strict=True) if n in self.free]
        which = f"{', '.join(lost[:-1])} and {lost[-1]} separately" if len(lost) > 1 else lost[0]
        return f"the data fix {numbers}; not {which} (to {percent(self.limit)}; {len(self.names)} parameters were asked for)"

    def _single(self) -> list[Combination]:
        unit = np.eye(len(self.names))
        return [
            Combination(s, tuple(unit[i]), float(e))
            for i, (s, e) in enumerate(zip(self.symbols, self.errors, strict=True))
        ]


def identify(
    jacobian: np.ndarray,
    names: Sequence[str],
    symbols: Sequence[str],
    limit: float = LIMIT,
    reach: Mapping[int, float] | None = None,
) -> Identifiability:
    """Identifiability from J = d(model/sigma)/d ln(parameter).

    Parameters
    ----------
    jacobian : (N, q)
    names, symbols : of the parameters
    limit : relative standard error up to which a combination counts as fixed
    reach : {number of a parameter: standard error of its logarithm}
        Where the profile of chi^2 says otherwise than J, which knows only its curvature at the
        bottom: the direction that matters most to that parameter is taken to be known as the
        profile says.
    """
    q = len(names)
    _, values, rows = np.linalg.svd(np.vstack([jacobian, np.zeros((q, q))]), full_matrices=False)
    values = np.where(values > 1e-8 * values.max(), values, 0.0)
    capped = 1.0 / np.maximum(values, 1.0 / UNKNOWN)
    better: dict[int, float] = {}
    for i, error in (reach or {}).items():
        k = int(np.argmax(np.abs(rows[:, i] * capped)))
        better[k] = min(max(better.get(k, 0.0), error / abs(rows[k, i])), UNKNOWN)
    for k, error in better.items():
        capped[k] = error
    errors = np.where(capped < 0.99 * UNKNOWN, capped, np.inf)
    lost = np.isinf(errors)
    rows = np.where(lost[:, None] & (np.abs(rows) < NOISE), 0.0, rows)
    single = np.sqrt(np.sum((rows * capped[:, None]) ** 2, axis=0))
    single = np.where(np.any(rows[lost] != 0.0, axis=0), np.inf, single)
    order = np.argsort(-capped)
    fixed: tuple[Combination, ...] = ()
    parts = (
        np.abs(rows).max(axis=1) * capped
    )  # what a direction adds to the error of the parameter that it moves most
    for known in range(int(np.sum(~lost)), 0, -1):
        fixed = _simplest(rows[np.argsort(parts)[:known]], rows, capped, list(symbols), limit)
        if all(c.error < limit for c in fixed):
            break
        fixed = ()
    return Identifiability(
        tuple(names), tuple(symbols), single, fixed, rows[order], errors[order], limit
    )


def _simplest(
    known: np.ndarray, rows: np.ndarray, errors: np.ndarray, symbols: list[str], limit: float
) -> tuple[Combination, ...]:
    """The sparsest row-reduced basis of the known directions, exponents rounded where the data
    allow it.
    """
    best: tuple[float, ...] = (math.inf,)
    chosen: list[np.ndarray] = []
    for pivots in itertools.combinations(range(known.shape[1]), len(known)):
        square = known[:, pivots]
        if np.linalg.cond(square) > 1e3:
            continue
        basis = [_rounded(row, rows, errors, limit) for row in np.linalg.solve(square, known)]
        cost = tuple(
            float(sum(count(row) for row in basis))
            for count in (
                lambda r: np.count_nonzero(np.abs(r) > 1e-3),
                lambda r: r[np.flatnonzero(r)[0]] != 1.0,
                lambda r: np.count_nonzero(r % 1.0),
                lambda r: np.abs(r).sum(),
            )
        )
        if cost < best:
            best, chosen = cost, basis
    return tuple(
        Combination(spell(row, symbols), tuple(map(float, row)), spread(row, rows, errors))
        for row in chosen
    )


def spread(row: np.ndarray, rows: np.ndarray, errors: np.ndarray) -> float:
    """Standard error of the logarithm of a product with exponents ``row``."""
    return float(np.sqrt(np.sum((rows @ row * errors) ** 2)))


def _rounded(row: np.ndarray, rows: np.ndarray, errors: np.ndarray, limit: float) -> np.ndarray:
    """The simplest exponents near ``row`` that are still fixed to within the limit, or ``row``
    itself.
    """
    for part in (1.0, 0.5, 0.25, 0.1, 0.01):
        simple = np.round(row / part) * part
        if (
            np.any(simple)
            and spread(simple, rows, errors) < limit
            and np.abs(simple - row).max() <= 0.3
        ):
            return np.asarray(simple)
    return row


def spell(exponents: Iterable[float], symbols: Sequence[str]) -> str:
    """ "alpha alpha' tau^2 theta / L_m^4" from exponents."""
    above = [_power(s, e) for s, e in zip(symbols, exponents, strict=True) if e > 1e-3]
    below = [_power(s, -e) for s, e in zip(symbols, exponents, strict=True) if e < -1e-3]
    under = " / " + (below[0] if len(below) == 1 else f"({' '.join(below)})") if below else ""
    return (" ".join(above) or "1") + under


def _power(symbol: str, exponent: float) -> str:
    exponent = float(f"{exponent:.3g}")
    if exponent == 1.0:
        return symbol
    if exponent == 0.5:
        return f"sqrt({symbol})"
    return f"({symbol})^{exponent:g}" if " " in symbol else f"{symbol}^{exponent:g}"


def percent(error: float) -> str:
    """A relative error for reading."""
    if not math.isfinite(error):
        return "unknown"
    if error >= 10.0:
        return f"factor {error:.2g}"
    return f"{100 * error:.2g}%" if error < 0.995 else f"{100 * error:.0f}%"
