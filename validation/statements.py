"""Every numbered equation, figure panel and quantitative sentence of the paper, one by one.

A statement names the rows that check it; the routes of those rows are declared in their cases and
looked at by :mod:`validation.independence`. The lists are in :mod:`validation.paper_equations`,
:mod:`validation.paper_supplement` and :mod:`validation.paper_sentences`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .coverage import rows_at


@dataclass(frozen=True)
class Statement:
    """One place of the paper.

    Attributes
    ----------
    place, says : str
    checks : tuple of (case, text)
        Rows of a case whose quantity contains the text, or whose equation it is.
    errs : str
        Where the print errs, or leaves something open; "" where it does not.
    reason : str
        Why there is no number to check; only for statements without checks.
    """

    place: str
    says: str
    checks: tuple[tuple[str, str], ...] = ()
    errs: str = ""
    reason: str = ""

    def __post_init__(self) -> None:
        if bool(self.checks) == bool(self.reason):
            raise ValueError(f"{self.place}: either rows that check it, or a reason for none")


def statements() -> tuple[Statement, ...]:
    from .paper_equations import EQUATIONS
    from .paper_sentences import FIGURES, SENTENCES
    from .paper_supplement import SUPPLEMENT

    return (*EQUATIONS, *FIGURES, *SUPPLEMENT, *SENTENCES)


def independent(row: dict[str, Any]) -> bool:
    """Whether a row of the report has two routes, one of them outside the package."""
    return len(row["routes"]) > 1 and not row["inside"] and not row["fault"]


def row_of(statement: Statement, cases: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The line of the table: routes, number, verdict."""
    rows = [r for r in rows_at(statement.checks, cases) if independent(r)]
    routes = sorted({tuple(r["routes"][:2]) for r in rows})
    first = [r for r in rows_at(statement.checks[:1], cases) if independent(r)]
    own = [r for r in first if _telling(r)[0]]
    shown = max(own or rows, key=_telling, default=None)
    return {
        "place": statement.place,
        "says": statement.says,
        "errs": statement.errs,
        "reason": statement.reason,
        "routes": [f"{one} — {other}" for one, other in routes],
        "rows": len(rows),
        "number": _number(shown) if shown else "",
        "passed": all(r["passed"] for r in rows),
    }


def _telling(row: dict[str, Any]) -> tuple[bool, bool, float]:
    """A number of its own before an order of accuracy, and that before a row that says 0 = 0; then
    the one nearest its limit.
    """
    own = row["reference"] not in (0.0, 1.0)
    order = row["quantity"].startswith("order of")
    return (own and not order, own, row["error"] / (row["tolerance"] or 1.0))


def _number(row: dict[str, Any]) -> str:
    values = f"{row['value']:.6g}"
    if row["reference"]:
        values += f" | {row['reference']:.6g}"
    return f"{row['quantity']}: {values}, error {row['error']:.1e}"


def open_places(cases: Sequence[dict[str, Any]]) -> list[str]:
    """Statements without a row, or without two routes; places that match no row; rows whose routes
    share code. Cases that did not run are not counted against them.
    """
    ran = {case["name"] for case in cases if case["rows"]}
    found = []
    for s in statements():
        here = [check for check in s.checks if check[0] in ran]
        for check in here:
            if not rows_at((check,), cases):
                found.append(f"{s.place}: no row of {check[0]} says {check[1]!r}")
        whole = bool(s.checks) and len(here) == len(s.checks)
        if whole and not row_of(s, cases)["routes"]:
            found.append(f"{s.place}: fewer than two routes")
    for case in cases:
        for row in case["rows"]:
            if row["fault"]:
                found.append(f"{case['name']}: {row['quantity']}: {row['fault']}")
    return found


def table(cases: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row_of(s, cases) for s in statements()]
