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
from dataclasses import dataclass, field

import numpy as np

from ..base.owned import own_arrays

#: A combination counts as fixed if its relative standard error is below this.
LIMIT = 0.3
#: Relative standard error that stands for "not at all".
UNKNOWN = 1e3
#: Components below this in an unknown direction are round-off.
NOISE = 1e-3


#: Part of the Hanle signal below which a background is said to look like it.
ALIKE = 0.1


@dataclass(frozen=True)
class Combination:
    """A product of powers of parameters and its relative standard error.

    Attributes
    ----------
    text : str
        Such as "alpha^2 tau".
    exponents : (q,) floats
        In the order of the parameters.
    error : float
        Relative standard error.
    """

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
    alike : {background: part of the Hanle signal that it leaves}; 0 if the data cannot tell the two
    apart
    unfitted : the same of even backgrounds that are not fitted
    """

    names: tuple[str, ...]
    symbols: tuple[str, ...]
    errors: np.ndarray
    fixed: tuple[Combination, ...]
    eigenvectors: np.ndarray
    eigenerrors: np.ndarray
    limit: float
    alike: Mapping[str, float] = field(default_factory=dict)
    unfitted: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        own_arrays(self)

    @property
    def free(self) -> tuple[str, ...]:
        """Names of the parameters that the data do not fix."""
        known = dict(zip(self.names, self.errors, strict=True))
        # "not below" rather than "above": an error that is NaN counts as free
        return tuple(name for name, error in known.items() if not error < self.limit)

    @property
    def complete(self) -> bool:
        """Whether every parameter is fixed by itself."""
        return not self.free

    @property
    def score(self) -> float:
        """Sum of the logarithms of the errors, each capped at 10: smaller is better."""
        return float(np.sum(np.log(np.clip(self.errors, 1e-9, 10.0))))

    def __str__(self) -> str:
        return "; ".join(filter(None, (self._numbers(), self.looks)))

    @property
    def looks(self) -> str:
        """The backgrounds that look like the Hanle effect, in words; "" where none does."""
        said = [
            f"{name!r} looks like the Hanle effect, {percent(left)} of which it leaves"
            for name, left in self.alike.items()
            if left < ALIKE
        ]
        names = [repr(name) for name, left in self.unfitted.items() if left < ALIKE]
        if names:
            which = " or ".join(names)
            said.append(
                f"a background {which}, which is not fitted, would look like the Hanle effect"
            )
        return "; ".join(said)

    def _numbers(self) -> str:
        if self.complete:
            return "the data fix " + ", ".join(map(str, self._single()))
        numbers = "no combination"
        if self.fixed:
            count = len(self.fixed)
            plural = "s" if count > 1 else ""
            numbers = f"{count} number{plural}: " + ", ".join(map(str, self.fixed))
        which = self._lost()
        count = len(self.names)
        were = "parameter was" if count == 1 else "parameters were"
        asked = f"to {percent(self.limit)}; {count} {were} asked for"
        return f"the data fix {numbers}; not {which} ({asked})"

    def _lost(self) -> str:
        """The symbols of the free parameters in words."""
        spelled = dict(zip(self.names, self.symbols, strict=True))
        *before, last = [spelled[name] for name in self.free]
        return f"{', '.join(before)} and {last} separately" if before else last

    def _single(self) -> list[Combination]:
        out = []
        rows = np.eye(len(self.names))
        for symbol, row, error in zip(self.symbols, rows, self.errors, strict=True):
            out.append(Combination(symbol, tuple(row), float(error)))
        return out


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
    rows, capped = _directions(jacobian)
    _correct(capped, rows, reach or {})
    errors = np.where(capped < 0.99 * UNKNOWN, capped, np.inf)
    lost = np.isinf(errors)
    rows = np.where(lost[:, None] & (np.abs(rows) < NOISE), 0.0, rows)
    # errors of independent directions add in squares
    single = np.sqrt(np.sum((rows * capped[:, None]) ** 2, axis=0))
    single = np.where(np.any(rows[lost] != 0.0, axis=0), np.inf, single)
    order = np.argsort(-capped)
    return Identifiability(
        names=tuple(names),
        symbols=tuple(symbols),
        errors=single,
        fixed=_fixed(rows, capped, int(np.sum(~lost)), list(symbols), limit),
        eigenvectors=rows[order],
        eigenerrors=errors[order],
        limit=limit,
    )


def _directions(jacobian: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvectors of J^T J as rows, and the standard error along each, at most UNKNOWN."""
    q = jacobian.shape[1]
    # the singular values of J, not the eigenvalues of J^T J: squaring would lose half the digits;
    # rows of zeros keep all q directions where there are fewer points than parameters
    padded = np.vstack([jacobian, np.zeros((q, q))])
    _, values, rows = np.linalg.svd(padded, full_matrices=False)
    values = np.where(values > 1e-8 * values.max(), values, 0.0)
    capped = 1.0 / np.maximum(values, 1.0 / UNKNOWN)
    return rows, capped


def _correct(
    capped: np.ndarray,
    rows: np.ndarray,
    reach: Mapping[int, float],
) -> None:
    """Put the errors that the profile found in place of those of the curvature."""
    better: dict[int, float] = {}
    for i, error in reach.items():
        share = np.abs(rows[:, i] * capped)
        k = int(np.argmax(share))
        along = error / abs(rows[k, i])
        better[k] = min(max(better.get(k, 0.0), along), UNKNOWN)
    for k, error in better.items():
        capped[k] = error


def _fixed(
    rows: np.ndarray,
    capped: np.ndarray,
    most: int,
    symbols: list[str],
    limit: float,
) -> tuple[Combination, ...]:
    """The largest set of combinations that are all known better than the limit."""
    # what a direction adds to the error of the parameter that it moves most
    parts = np.abs(rows).max(axis=1) * capped
    order = np.argsort(parts)
    for known in range(most, 0, -1):
        found = _simplest(rows[order[:known]], rows, capped, symbols, limit)
        if all(c.error < limit for c in found):
            return found
    return ()


def _simplest(
    known: np.ndarray,
    rows: np.ndarray,
    errors: np.ndarray,
    symbols: list[str],
    limit: float,
) -> tuple[Combination, ...]:
    """The sparsest row-reduced basis of the known directions, exponents rounded where the data
    allow it.
    """
    best: tuple[float, ...] = (math.inf,)
    chosen: list[np.ndarray] = []
    for pivots in itertools.combinations(range(known.shape[1]), len(known)):
        square = known[:, pivots]
        if np.linalg.cond(square) > 1e3:  # these parameters do not tell the directions apart
            continue
        reduced = np.linalg.solve(square, known)
        basis = [_rounded(row, rows, errors, limit) for row in reduced]
        cost = _cost(basis)
        if cost < best:
            best, chosen = cost, basis
    out = []
    for row in chosen:
        exponents = tuple(map(float, row))
        out.append(Combination(spell(row, symbols), exponents, spread(row, rows, errors)))
    return tuple(out)


def _cost(basis: Sequence[np.ndarray]) -> tuple[float, ...]:
    """How hard a basis is to read, what matters most first: number of exponents, rows that do not
    start with the power 1, broken exponents, their size.
    """
    exponents = starts = broken = size = 0.0
    for row in basis:
        first = row[np.flatnonzero(row)[0]]
        exponents += np.count_nonzero(np.abs(row) > 1e-3)
        starts += first != 1.0
        broken += np.count_nonzero(row % 1.0)
        size += np.abs(row).sum()
    return float(exponents), float(starts), float(broken), float(size)


def spread(
    row: np.ndarray,
    rows: np.ndarray,
    errors: np.ndarray,
) -> float:
    """Standard error of the logarithm of a product with exponents ``row``."""
    return float(np.sqrt(np.sum((rows @ row * errors) ** 2)))


def _rounded(
    row: np.ndarray,
    rows: np.ndarray,
    errors: np.ndarray,
    limit: float,
) -> np.ndarray:
    """The simplest exponents near ``row`` that are still fixed to within the limit, or ``row``
    itself.
    """
    for part in (1.0, 0.5, 0.25, 0.1, 0.01):
        simple = np.round(row / part) * part
        near = np.abs(simple - row).max() <= 0.3
        if np.any(simple) and near and spread(simple, rows, errors) < limit:
            return np.asarray(simple)
    return row


def spell(
    exponents: Iterable[float],
    symbols: Sequence[str],
) -> str:
    """ "alpha alpha' tau^2 theta / L_m^4" from exponents."""
    above, below = [], []
    for symbol, exponent in zip(symbols, exponents, strict=True):
        if exponent > 1e-3:
            above.append(_power(symbol, exponent))
        elif exponent < -1e-3:
            below.append(_power(symbol, -exponent))
    over = " ".join(above) or "1"
    if not below:
        return over
    under = " ".join(below)
    return f"{over} / {under}" if len(below) == 1 else f"{over} / ({under})"


def _power(
    symbol: str,
    exponent: float,
) -> str:
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
