"""fit.html: one page that a co-author can read, with nothing to load from anywhere."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..fitting.fisher import percent
from ..fitting.global_result import GlobalFit
from ..fitting.result import Estimate, Fit, FittedCurve, show, span
from ..fitting.verdict import Verdict
from .page import part

#: Beside the style that all pages share.
STYLE = """
main { max-width: 60rem; } h2 { border-bottom: 1px solid var(--line); }
td, th { text-align: right; } td:first-child, th:first-child { text-align: left; }
figure { margin: 0.5rem 0; } figure img { max-width: min(100%, 44rem); background: #ffffff; }
table { margin: 0.6rem 0; }
figcaption { font-size: 0.8rem; } .word { font-weight: bold; }
.warn { border-left: 4px solid var(--two); padding-left: 0.7rem; } td { overflow-wrap: anywhere; }
"""
MARKS = {True: "passed", False: "failed", None: "cannot tell"}


def fit_page(
    title: str,
    fit: Fit | GlobalFit,
    verdict: Verdict | None,
    figures: Mapping[str, Path],
    about: Mapping[str, Any],
) -> str:
    """The page of a fit, of one device or of a series, as a text.

    Parameters
    ----------
    figures : {caption: .png file}
    about : {"inputs": {file: SHA-256}, "versions": {name: version}, "table": the fit file, "plan":
        what a further measurement would add}
    """
    parts = [
        f"<h1>{_text(title)}</h1>",
        _verdict(verdict),
        "<h2>Parameters</h2>",
        _parameters(fit),
        f"<p>{_text(str(fit.identifiability))}.</p>",
        *[f'<p class="warn">{_text(note)}</p>' for note in fit.warnings],
        _samples(fit),
        "<h2>Figures</h2>",
        *[_figure(caption, path) for caption, path in figures.items()],
        _plan(about),
        "<h2>Data and their preparation</h2>",
        _data(fit),
        "<h2>Model</h2>",
        _model(fit, about),
        "<h2>Where it comes from</h2>",
        _sources(about),
    ]
    body = "\n".join(part for part in parts if part)
    head = [
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_text(title)}</title>",
        f"<style>{part('style.css')}{STYLE}</style>",
    ]
    page = ["<!doctype html>", '<html lang="en"><head>', *head, "</head><body><main>", body]
    return "\n".join([*page, "</main></body></html>", ""])


def _text(value: Any) -> str:
    return html.escape(str(value))


def _rows(
    head: Sequence[str],
    rows: Sequence[Sequence[Any]],
) -> str:
    top = "".join(f"<th>{_text(h)}</th>" for h in head)
    lines = ["".join(f"<td>{_text(cell)}</td>" for cell in row) for row in rows]
    return f"<table><tr>{top}</tr>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def _verdict(verdict: Verdict | None) -> str:
    if verdict is None:
        return ""
    head = f'<h2>Is it a Hanle effect? <span class="word">{_text(verdict.verdict)}</span></h2>'
    table = verdict.table
    names = [n for n in table if n not in ("model",)]
    rows = []
    for k, fit in enumerate(table.fits):
        cells = [float(table[n][k]) for n in names]
        shown = ["" if np.isnan(v) else f"{v:.5g}" for v in cells]
        rows.append([fit.name, fit.alternative, *shown])
    checks = [[c.name, MARKS[c.passed], c.text] for c in verdict.checks]
    power = f"Found in {100 * verdict.power:.0f}% of such data at the stated parameters."
    return "\n".join(
        [
            head,
            f"<p>{_text(verdict.sentence)} {power}</p>",
            _rows(["model", "background", *names], rows),
            _rows(["check", "", "what it found"], checks),
        ]
    )


def _parameters(fit: Fit | GlobalFit) -> str:
    title = f"{100 * fit.confidence:g}% interval"
    head = ["parameter", "value", "standard error", title, "fixed by the data"]
    rows = [_row(e) for e in fit.parameters.values()]
    if isinstance(fit, Fit) and fit.strip is not None:
        head.append("infinite strip")
        for row, e in zip(rows, fit.parameters.values(), strict=True):
            row.append(show(fit.strip[e.name], e.unit))
    noise = "estimated" if fit.noise_estimated else "as given"
    quality = f"chi^2 = {fit.chi2:.5g} for {fit.degrees} degrees of freedom (noise {noise})"
    return f"{_rows(head, rows)}<p>{quality}.</p>"


def _row(e: Estimate) -> list[str]:
    error = "unknown" if not np.isfinite(e.error) else show(e.error, e.unit)
    return [e.symbol, show(e.value, e.unit), error, span(e), "yes" if e.fixed else "no"]


def _samples(fit: Fit | GlobalFit) -> str:
    if isinstance(fit, Fit):
        return ""
    keys = list(dict.fromkeys(k for s in fit.samples.values() for k in s.sample.properties))
    rows = []
    for name, s in fit.samples.items():
        own = [f"{s.sample.properties[k]:.4g}" if k in s.sample.properties else "" for k in keys]
        points = sum(len(c.model) for c in s.curves)
        rows.append([name, *own, len(s.curves), points, f"{s.chi2:.1f}"])
    return "<h2>Samples</h2>" + _rows(["sample", *keys, "curves", "points", "chi^2"], rows)


def _plan(about: Mapping[str, Any]) -> str:
    plan = about.get("plan")
    return f"<h2>One more measurement</h2><pre>{_text(plan)}</pre>" if plan else ""


def _figure(
    caption: str,
    path: Path,
) -> str:
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    picture = f'<img alt="{_text(caption)}" src="data:image/png;base64,{data}">'
    return f"<figure>{picture}<figcaption>{_text(caption)}</figcaption></figure>"


def _data(fit: Fit | GlobalFit) -> str:
    head = ["curve", "quantity", "points", "backgrounds", "preparation"]
    if isinstance(fit, Fit):
        return _rows(head, [_curve(c) for c in fit.curves])
    rows = [[name, *_curve(c)] for name, s in fit.samples.items() for c in s.curves]
    return _rows(["sample", *head], rows)


def _curve(c: FittedCurve) -> list[Any]:
    steps = "as read"
    if c.data.preparation is not None:
        steps = "; ".join(str(step) for step in c.data.preparation)
    terms = ", ".join(
        f"{key} = {value:.3g} ({percent(error / abs(value)) if value else 'unknown'})"
        for key, (value, error) in c.amplitudes.items()
    )
    return [c.data.label, c.data.quantity, len(c.model), terms, steps]


def _model(
    fit: Fit | GlobalFit,
    about: Mapping[str, Any],
) -> str:
    if isinstance(fit, Fit):
        lines = [f"{fit.material!r} (fitted values)"]
    else:
        first = next(iter(fit.samples.values()))
        lines = [f"{first.sample.kind}: {first.material!r} (first sample, fitted values)"]
        lines += [f"background of {n}: {_terms(s.sample)}" for n, s in fit.samples.items()]
    asked = about.get("table", {}).get("fit", {})
    lines += [f"{key}: {value}" for key, value in asked.items()]
    items = "".join(f"<li>{_text(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>"


def _terms(sample: Any) -> str:
    return ", ".join(term.name for term in sample.background) or "none"


def _sources(about: Mapping[str, Any]) -> str:
    inputs = [[name, digest] for name, digest in about.get("inputs", {}).items()]
    versions = [[name, version] for name, version in about.get("versions", {}).items()]
    return _rows(["file", "SHA-256"], inputs) + _rows(["program", "version"], versions)
