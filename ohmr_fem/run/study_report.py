"""The page that a study leaves beside its results."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..output.report import write_study_report
from ..units import engineering

#: Rows of the table; what is beyond them is in the results file.
MOST_ROWS = 500
STATES = {0: "missing", 1: "done", 2: "no solution"}


def report_study(
    path: Path,
    found: Any,
    said: str,
    notes: tuple[str, ...],
) -> Path:
    """Write the page beside the results file.

    Parameters
    ----------
    path : results file
    found : its content, as of :func:`ohmr_fem.load_study`
    said : the line that sums the study up
    notes : warnings about points
    """
    axes = [str(name) for name in found["status"].dims]
    quantity = "hanle" if "hanle" in found else "rho_change"
    what = "R(B) - R(0) from (Ω)" if quantity == "hanle" else "ρ(B) - ρ(0) from"
    heads = [*axes, "measurement", "state", what, "to"]
    rows = [heads, *_rows(found, axes, quantity)]
    lines = [said.replace(str(path), path.name)]
    if len(rows) > MOST_ROWS:
        lines.append(f"The first {MOST_ROWS} rows; all are in {path.name}.")
    page = path.with_name(f"{path.stem}_report.html")
    return write_study_report(page, path.stem, lines, rows[: MOST_ROWS + 1], list(notes))


def _rows(
    found: Any,
    axes: list[str],
    quantity: str,
) -> Iterator[list[Any]]:
    """One row for each point and measurement, as many as are shown."""
    status = found["status"].values
    values = found[quantity].transpose(*axes, "measurement", "field").values
    names = found["measurement"].values
    units = [found[axis].attrs.get("units", "") for axis in axes]
    shown = 0
    for place in np.ndindex(status.shape):
        given = [found[axis].values[i] for axis, i in zip(axes, place, strict=True)]
        for k, name in enumerate(names):
            if shown > MOST_ROWS:
                return
            shown += 1
            row = values[place][k]
            span = ["", ""]
            if np.any(np.isfinite(row)):
                # a zero has no sign for a reader
                span = [f"{end + 0.0:.5g}" for end in (np.nanmin(row), np.nanmax(row))]
            shown_at = map(_shown, given, units)
            yield [*shown_at, name, STATES[int(status[place])], *span]


def _shown(value: Any, unit: str) -> str:
    if not isinstance(value, (float, np.floating)):
        return str(value)
    return engineering(float(value), unit) if unit else f"{value:.6g}"
