"""report.html: what a run or a study gave, on one page that stands alone."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..version import __version__
from .page import part, write_page

REPORT = "report.html"
#: Bytes of all pictures of a page; text and the coding of pictures keep it below 2 MB.
ROOM = 1_300_000
#: What numbers of a record are, where their keys do not say it.
NAMES = {
    "orbital": "orbital voltage (V)",
    "size": "|ΔR| (Ω)",
    "sheet_resistance": "sheet resistance (Ω)",
}
#: Letters of a word that a column of a printed table may not hold.
LONG = 30
#: Warnings that are read without asking for more.
MOST_NOTES = 5
#: Of a number that is nothing but round-off.
ZERO = "0, to round-off"
#: Least and largest.
SPANS = ("orbital", "size")
#: What a picture shows, by how its name begins; in the order of the page.
CAPTIONS = {
    "hanle": "change with the field",
    "gate": "map of the gate",
    "mesh": "device and mesh",
    "time": "in time",
    "frequency": "with an alternating current",
    "moment_density": "moment density and current",
}


def write_report(
    folder: Path,
    record: Mapping[str, Any],
    title: str,
) -> Path:
    """The page of a run, from its record and the pictures in its folder.

    Parameters
    ----------
    folder : results folder
    record : the content of run.json
    title : name of the device
    """
    body = [
        *_paragraphs(record),
        *_pictures(folder, [name for name in record["files"] if name.endswith(".png")]),
        *_device(record["device"]),
        *_made(record),
    ]
    return _page(folder / REPORT, title, body)


def write_study_report(
    path: Path,
    title: str,
    said: Sequence[str],
    rows: Sequence[Sequence[Any]],
    notes: Sequence[str],
) -> Path:
    """The page of a study: what was computed, a table of it, and warnings.

    Parameters
    ----------
    path : file to write
    title : str
    said : lines about the whole
    rows : of the table, its heads first
    notes : warnings about points
    """
    body = [f"<p>{html.escape(line)}</p>" for line in said]
    body += ["<h2>Points</h2>", *_table(rows[1:], rows[0]), *_warnings(notes)]
    return _page(path, title, body)


def _page(
    path: Path,
    title: str,
    body: Iterable[str],
) -> Path:
    words = {
        "STYLE": part("style.css"),
        "TITLE": html.escape(title),
        "FOOTER": f"ohmr_fem {__version__}",
        "BODY": "\n".join(body),  # the last word: nothing is looked for in it
    }
    return write_page(path, part("report.html"), words)


def _paragraphs(record: Mapping[str, Any]) -> Iterator[str]:
    """What a reader wants to know first: results, accuracy, warnings."""
    yield from _table(record["described"], [])
    heads = ["measurement", "table", "fields", "R_ohmic (Ω)", "change, from and to", "method"]
    rows = [_curve(name, curve) for name, curve in record["curves"].items()]
    yield from ["<h2>Curves</h2>", *_table(rows, heads)]
    gates = record["gates"]
    if gates:
        heads = ["measurement", "table", "gate", "values", "fields", "no steady state"]
        keys = ["table", "parameter", "values", "fields", "no_steady_state"]
        rows = [[name, *(gate[key] for key in keys)] for name, gate in gates.items()]
        yield from ["<h2>Gate maps</h2>", *_table(rows, heads)]
    yield from _beside(record["further"])
    yield from _accuracy(record["accuracy"])
    yield from _warnings(record["warnings"])


def _beside(further: Mapping[str, Any]) -> Iterator[str]:
    """What was computed beside the curves."""
    if not further:
        return
    rows = []
    for name, entry in further.items():
        rows.append([name, entry["table"], beside(entry), entry["method"]])
    heads = ["", "table", "what it holds", "method"]
    yield from ["<h2>Beside the curves</h2>", *_table(rows, heads)]


def beside(entry: Mapping[str, Any]) -> str:
    """The numbers of a table beside the curves, in words."""
    about = {k: v for k, v in entry.items() if k not in ("table", "method")}
    said = []
    for key, value in about.items():
        given = in_words(value)
        if key in SPANS:
            low, high = map(in_words, value)
            given = f"from {low} to {high}"
        said.append(f"{NAMES.get(key, key)} {given}")
    return ", ".join(said)


def in_words(value: Any) -> str:
    """A value of a record as a reader writes it: no brackets and quotes of a program."""
    if isinstance(value, (list, tuple)):
        return ", ".join(map(in_words, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value + 0.0:.6g}" if isinstance(value, float) else str(value)


def _curve(
    name: str,
    curve: Mapping[str, Any],
) -> list[Any]:
    unit = " Ω" if "hanle" in curve else ""
    span = change_of(curve, unit).removeprefix("from ")
    return [name, curve["table"], curve["fields"], ohmic_of(curve), span, curve["method"]]


def ohmic_of(
    curve: Mapping[str, Any],
    unit: str = "",
) -> str:
    """R_ohmic of the record of a curve in words; nothing of a cross-section."""
    if "R_ohmic" not in curve:
        return ""
    if "R_ohmic" in curve.get("round_off", ()):
        return ZERO
    return f"{curve['R_ohmic']:.6g}{unit}"


def change_of(
    curve: Mapping[str, Any],
    unit: str = "",
) -> str:
    """What the field changes, from the record of a curve, in words."""
    if "hanle" in curve.get("round_off", ()):
        return ZERO
    low, high = curve.get("hanle") or curve["rho_change"]
    return f"from {low:.4g} to {high:.4g}{unit}"


def _accuracy(found: Mapping[str, Any]) -> Iterator[str]:
    if not found:
        return
    heads = ["measurement", "asked", "reached", "R_ohmic (Ω)", "its error", "unknowns"]
    keys = ["asked", "reached", "R_ohmic", "R_ohmic_error", "unknowns"]
    rows = [[name, *(entry[key] for key in keys)] for name, entry in found.items()]
    yield from ["<h2>Accuracy</h2>", *_table(rows, heads)]


def _warnings(notes: Sequence[str]) -> Iterator[str]:
    yield "<h2>Warnings</h2>"
    for note in notes[:MOST_NOTES]:
        yield f'<p class="warning">{html.escape(note)}</p>'
    others = notes[MOST_NOTES:]
    if others:
        yield f"<details><summary>and {len(others)} others</summary>"
        yield from (f'<p class="warning">{html.escape(note)}</p>' for note in others)
        yield "</details>"
    if not notes:
        yield "<p>None.</p>"


def _pictures(
    folder: Path,
    names: Sequence[str],
) -> Iterator[str]:
    yield "<h2>Pictures</h2>"
    room = ROOM
    places = {begin: place for place, begin in enumerate(CAPTIONS)}
    # those of one kind in the order in which they were made
    for name in sorted(names, key=lambda n: places.get(_begin(n), len(places))):
        path = folder / name
        size = path.stat().st_size if path.exists() else room + 1
        if size > room:
            yield f"<p>{html.escape(name)}: in the folder.</p>"
            continue
        room -= size
        code = base64.b64encode(path.read_bytes()).decode()
        shown = html.escape(name)
        yield (
            f'<figure><img alt="{shown}" src="data:image/png;base64,{code}">'
            f"<figcaption>{CAPTIONS.get(_begin(name), '')} ({shown})</figcaption></figure>"
        )


def _begin(name: str) -> str:
    """The caption's key of the name of a picture, or nothing."""
    return next((begin for begin in CAPTIONS if name.startswith(begin)), "")


def _device(table: Mapping[str, Any]) -> Iterator[str]:
    """The device file as it was read."""
    yield "<h2>Device</h2>"
    rows = [[key, in_words(value)] for key, value in flat(table)]
    yield from _table(rows, ["key", "value"])


def flat(
    value: Any,
    key: str = "",
) -> Iterator[tuple[str, Any]]:
    """(key, value) of everything inside a table."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from flat(inner, f"{key}.{name}" if key else name)
    elif isinstance(value, list) and value and all(isinstance(v, Mapping) for v in value):
        for i, inner in enumerate(value):
            yield from flat(inner, f"{key}[{i}]")
    else:
        yield key, value


def _made(record: Mapping[str, Any]) -> Iterator[str]:
    """How it came about: versions, inputs, seconds."""
    yield "<h2>Provenance</h2>"
    rows = [["ohmr_fem", record["ohmr_fem"]], ["Python", record["python"]]]
    rows += record["dependencies"].items()
    yield from _table(rows, ["program", "version"])
    yield from _table(list(record["inputs"].items()), ["file", "SHA-256"])
    steps = [[step.replace("_", " "), f"{s:.2f}"] for step, s in record["seconds"].items()]
    yield from _table(steps, ["step", "seconds"])


def _table(
    rows: Iterable[Sequence[Any]],
    heads: Sequence[str],
) -> Iterator[str]:
    yield "<table>"
    if heads:
        yield "<tr>" + "".join(f"<th>{html.escape(h)}</th>" for h in heads) + "</tr>"
    for row in rows:
        yield f"<tr>{''.join(map(_cell, row))}</tr>"
    yield "</table>"


def _cell(value: Any) -> str:
    """A cell; on paper only words too long for a column may break."""
    text = str(value)
    long = any(len(word) > LONG for word in text.split())
    return f"<td{' class=long' * long}>{html.escape(text)}</td>"
