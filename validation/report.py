"""The report: one self-contained HTML file, figures embedded as vectors."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path
from typing import Any

STYLE = """body{font:15px/1.45 sans-serif;max-width:72em;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;width:100%;margin:.5em 0 1.5em}td,th{padding:.25em .6em;
text-align:left;vertical-align:top;border-bottom:1px solid #ddd;font-size:14px}
td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td.w{white-space:nowrap}.bad{background:#fbe3d6}.ok{color:#0072B2}.no{color:#a33c00;font-weight:bold}.skip{color:#777}
pre{background:#f4f4f4;padding:.6em;overflow:auto}
figure{margin:1em 0}figcaption{font-size:14px;color:#444}
img{max-width:100%}h2{margin-top:2em}small{color:#777;font-weight:normal}"""
TYPES = {".svg": "image/svg+xml", ".png": "image/png"}


def html_report(content: dict[str, Any], folder: Path) -> str:
    """The page for the content of report.json; the figures of ``folder`` are embedded."""
    rows = [r for case in content["cases"] for r in case["rows"]]
    crashed = sum(bool(c["error"]) for c in content["cases"])
    skipped = sum(bool(c["skipped"]) for c in content["cases"])
    passed = sum(r["passed"] for r in rows)
    head = (
        f"<p><b class='{'ok' if passed == len(rows) and not crashed else 'no'}'>{passed} of "
        f"{len(rows)} rows pass</b>, "
        f"{crashed} cases crashed, {skipped} skipped; level {content['level']}, {content['date']}, "
        f"{content['seconds']:.0f} s.</p>"
    )
    left = [*content["unmatched"], *content["open"]]
    stale = "".join(f"<p class='no'>{escape(text)}</p>" for text in left)
    cases = "".join(_case(c, folder) for c in content["cases"])
    environment = _table((), [[escape(k), escape(v)] for k, v in content["environment"].items()])
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>ohmr_fem "
        "validation</title>"
        f"<style>{STYLE}</style></head><body><h1>ohmr_fem validation</h1>{head}{stale}"
        "<p>Equations are those of H. Sun and G. Vignale, <i>Theory of Magnetoresistance due to "
        "Edge Orbital Moment "
        'Accumulation</i>; "theory" is the theory page of the documentation. A row passes if its '
        "error, as its quantity "
        "says relative, absolute or the largest of a set, is at most its tolerance.</p>"
        f"<h2>The paper, place by place</h2>{_statements(content['statements'])}"
        f"<h2>By equation</h2>{_claims(content['coverage'])}<h2>Beside the "
        f"print</h2>{_prints(content['beside'])}{cases}"
        f"<h2>Environment</h2>{environment}</body></html>"
    )


def _table(titles: tuple[str, ...], rows: list[list[str]], classes: tuple[str, ...] = ()) -> str:
    """Cells are HTML already; ``classes`` one a column."""
    marks = classes or ("",) * 20
    head = f"<tr>{''.join(f'<th>{t}</th>' for t in titles)}</tr>" if titles else ""
    body = "".join(
        "<tr>"
        + "".join(f"<td class='{c}'>{cell}</td>" for c, cell in zip(marks, row, strict=False))
        + "</tr>"
        for row in rows
    )
    return f"<table>{head}{body}</table>"


def _verdict(passed: bool) -> str:
    return "<span class=ok>pass</span>" if passed else "<span class=no>FAIL</span>"


def _claims(table: list[dict[str, Any]]) -> str:
    rows = []
    for c in table:
        found = (
            f"{c['rows']} in {', '.join(c['cases'])}"
            if c["rows"]
            else f"none at this level ({', '.join(c['cases'])})"
        )
        tests = "".join(f"<br><small>{escape(t)}</small>" for t in c["tests"])
        margin = (
            f"{c['error']:.1e} of {c['tolerance']:.0e}<br><small>{escape(c['worst'])}</small>"
            if c["rows"]
            else ""
        )
        rows.append(
            [
                escape(c["equation"]),
                escape(c["says"]),
                found + tests,
                margin,
                _verdict(c["passed"]) if c["rows"] else "<span class=skip>not run</span>",
            ]
        )
    return _table(("Equation", "What it says", "Rows", "Closest to its tolerance", ""), rows)


def _statements(table: list[dict[str, Any]]) -> str:
    rows = []
    for s in table:
        routes = "<br>".join(map(escape, s["routes"])) or "<span class=skip>not run</span>"
        verdict = _verdict(s["passed"]) if s["routes"] else ""
        if s["reason"]:
            routes, verdict = f"<small>{escape(s['reason'])}</small>", "no number"
        cells = [s["place"], s["says"], routes, s["number"], s["errs"]]
        cells = [cell if cell is routes else escape(cell) for cell in cells]
        rows.append([*cells, verdict])
    titles = ("Place", "What it says", "Two routes", "Number", "Where the print errs", "")
    return _table(titles, rows)


def _prints(table: list[dict[str, Any]]) -> str:
    return _table(
        ("Where", "Printed", "Ours", "Why"),
        [
            [
                escape(b["where"]),
                escape(b["printed"]),
                "<br>".join(map(escape, b["ours"])) or "<span class=skip>not run</span>",
                escape(b["why"]),
            ]
            for b in table
        ],
    )


def _routes(row: dict[str, Any]) -> str:
    """Both routes; a shared function in red, what two paths of the package share beneath."""
    text = " — ".join(map(escape, row["routes"][:2]))
    for shared in row["routes"][2:]:
        text += f"<br>share {escape(shared)}"
    fault = f"<br><span class=no>{escape(row['fault'])}</span>" if row["fault"] else ""
    return f"<small>{text}</small>{fault}"


def _figure(drawing: dict[str, str], folder: Path) -> str:
    path = folder / drawing["file"]
    data = base64.b64encode(path.read_bytes()).decode()
    caption = escape(drawing["caption"])
    return (
        f"<figure><img alt='{caption}' "
        f"src='data:{TYPES[path.suffix]};base64,{data}'><figcaption>{caption}</figcaption>"
        "</figure>"
    )


def _case(case: dict[str, Any], folder: Path) -> str:
    name = escape(case["name"])
    title = (
        f"<h2 id='{name}'>{name.replace('_', ' ')} <small>{case['seconds']:.1f} s</small></h2><p>"
        f"{escape(case['about'])}</p>"
    )
    if case["skipped"]:
        return title + f"<p class='skip'>Skipped: {escape(case['skipped'])}</p>"
    crash = f"<p class='no'>crashed</p><pre>{escape(case['error'])}</pre>" if case["error"] else ""
    rows = [
        [
            escape(r["equation"]),
            escape(r["quantity"]),
            f"{r['value']:.10g}",
            f"{r['reference']:.10g}",
            f"{r['error']:.1e}",
            f"{r['tolerance']:.0e}",
            _routes(r),
            _verdict(r["passed"]),
        ]
        for r in case["rows"]
    ]
    table = (
        _table(
            ("Equation", "Quantity", "Value", "Reference", "Error", "Tolerance", "Routes", ""),
            rows,
            ("w", "", "n", "n", "n", "n", "", ""),
        )
        if rows
        else ""
    )
    return title + crash + table + "".join(_figure(d, folder) for d in case["figures"])
