"""The report: one self-contained HTML file, figures embedded."""

from __future__ import annotations

import base64
import html
from pathlib import Path
from typing import Any

STYLE = """body{font:15px/1.45 sans-serif;max-width:72em;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;width:100%;margin:.5em 0 1.5em}td,th{padding:.25em .6em;text-align:left;
border-bottom:1px solid #ddd;font-size:14px}td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.bad{background:#fdd}.ok{color:#075}.no{color:#b00;font-weight:bold}pre{background:#f4f4f4;padding:.6em;overflow:auto}
img{max-width:100%}h2{margin-top:2em}"""


def html_report(content: dict[str, Any], folder: Path) -> str:
    """The page for the content of report.json; PNG figures of ``folder`` are embedded."""
    rows = [r for case in content["cases"] for r in case["rows"]]
    crashed = sum(bool(c["error"]) for c in content["cases"])
    skipped = sum(bool(c["skipped"]) for c in content["cases"])
    passed = sum(r["passed"] for r in rows)
    head = (f"<p><b>{passed} of {len(rows)} rows pass</b>, {crashed} cases crashed, {skipped} skipped; level "
            f"{content['level']}, {content['date']}.</p>")
    env = "".join(f"<tr><td>{html.escape(k)}</td><td>{html.escape(v)}</td></tr>" for k, v in content["environment"].items())
    cases = "".join(_case(c) for c in content["cases"])
    figures = "".join(
        f"<h3>{html.escape(p.stem.replace('_', ' '))}</h3><img alt='{html.escape(p.stem)}' "
        f"src='data:image/png;base64,{base64.b64encode(p.read_bytes()).decode()}'>" for p in sorted(folder.glob("*.png")))
    return (f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>ohmr_fem validation</title>"
            f"<style>{STYLE}</style></head><body><h1>ohmr_fem validation</h1>{head}{cases}"
            f"<h2>Figures</h2>{figures or '<p>none</p>'}<h2>Environment</h2><table>{env}</table></body></html>")


def _case(case: dict[str, Any]) -> str:
    title = f"<h2>{html.escape(case['name'])} <small>({case['seconds']:.1f} s)</small></h2>"
    if case["skipped"]:
        return title + f"<p>Skipped: {html.escape(case['skipped'])}</p>"
    if case["error"]:
        return title + f"<p class='no'>crashed</p><pre>{html.escape(case['error'])}</pre>"
    body = "".join(
        f"<tr{'' if r['passed'] else ' class=bad'}><td>{html.escape(r['equation'])}</td><td>{html.escape(r['quantity'])}</td>"
        f"<td class=n>{r['value']:.10g}</td><td class=n>{r['reference']:.10g}</td><td class=n>{r['error']:.1e}</td>"
        f"<td class=n>{r['tolerance']:.0e}</td><td class={'ok' if r['passed'] else 'no'}>{'pass' if r['passed'] else 'FAIL'}"
        "</td></tr>" for r in case["rows"])
    return title + ("<table><tr><th>Equation</th><th>Quantity</th><th>Value</th><th>Reference</th><th>Error</th>"
                    f"<th>Tolerance</th><th></th></tr>{body}</table>")
