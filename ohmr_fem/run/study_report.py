"""The page that a study leaves beside its results."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..output.report import write_study_report

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
    heads = [
        *(_head(found, axis) for axis in axes),
        "measurement",
        "state",
        f"{quantity} from",
        "to",
    ]
    rows = [heads, *_rows(found, axes, quantity)]
    lines = [said]
    if len(rows) > MOST_ROWS:
        lines.append(f"The first {MOST_ROWS} rows; all are in {path.name}.")
    page = path.with_name(f"{path.stem}_report.html")
    return write_study_report(page, path.stem, lines, rows[: MOST_ROWS + 1], list(notes))


def _head(
    found: Any,
    axis: str,
) -> str:
    unit = found[axis].attrs.get("units", "")
    return f"{axis} ({unit})" if unit else axis


def _rows(
    found: Any,
    axes: list[str],
    quantity: str,
) -> Iterator[list[Any]]:
    """One row for each point and measurement, as many as are shown."""
    status = found["status"].values
    values = found[quantity].transpose(*axes, "measurement", "field").values
    names = found["measurement"].values
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
                span = [f"{np.nanmin(row):.5g}", f"{np.nanmax(row):.5g}"]
            yield [*map(_shown, given), name, STATES[int(status[place])], *span]


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, (float, np.floating)) else str(value)
