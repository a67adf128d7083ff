"""The tables of the report as Markdown, for a page or a review."""

from __future__ import annotations

from typing import Any

PLAIN = str.maketrans({"|": "∣", "<": "&lt;", "*": r"\*", "_": r"\_", "\n": " "})


def markdown_table(titles: tuple[str, ...], rows: list[list[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *([c.translate(PLAIN) for c in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def statement_rows(table: list[dict[str, Any]]) -> list[list[str]]:
    rows = []
    for s in table:
        routes = s["reason"] or "; ".join(s["routes"]) or "not run"
        rows.append([s["place"], s["says"], routes, s["number"], s["errs"]])
    return rows


def markdown_report(content: dict[str, Any]) -> str:
    """report.md: the verdict, every place of the paper, every row with its routes."""
    rows = [(case["name"], r) for case in content["cases"] for r in case["rows"]]
    passed = sum(r["passed"] for _, r in rows)
    left = [*content["unmatched"], *content["open"]]
    parts = [
        "# ohmr_fem validation",
        f"{passed} of {len(rows)} rows pass, {len(left)} open; level {content['level']}, "
        f"{content['date']}.",
        *(f"- {text}" for text in left),
        "## The paper, place by place",
        markdown_table(
            ("place", "what it says", "two routes", "number", "where the print errs"),
            statement_rows(content["statements"]),
        ),
        "## Every row",
        markdown_table(
            ("case", "equation", "quantity", "value", "reference", "error", "routes"),
            [_row(name, r) for name, r in rows],
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _row(name: str, r: dict[str, Any]) -> list[str]:
    numbers = [f"{r['value']:.8g}", f"{r['reference']:.8g}", f"{r['error']:.1e}"]
    return [name, r["equation"], r["quantity"], *numbers, r["fault"] or " — ".join(r["routes"])]
