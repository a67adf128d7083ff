"""What was understood of a data file, as text: columns, units, curves, rows left out, pictures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .data import QUANTITIES, Measured, Understood

#: Characters of a picture.
WIDE, HIGH = 56, 7
#: So many curves get a picture each.
MOST_PICTURES = 4


def describe(read: Understood) -> str:
    """Lines for a terminal.

    Parameters
    ----------
    read : what :func:`ohmr_fem.fitting.data.understand` gives
    """
    return "\n".join(_lines(read))


def _lines(read: Understood) -> Iterator[str]:
    log = read.log
    yield f"{log.path}: {len(log.lines)} rows, {len(read.curves)} curves"
    for key, found in log.used.items():
        for column in found:
            unit = column.unit or {"temperature": "K", "time": "s"}.get(key, "that of its values")
            unit = "" if key == "label" else f", in {unit}"
            yield f"  {key:<12} column {column.index + 1}, {column.heading.text!r}{unit}"
    for curve in read.curves:
        yield _one(curve)
    if not read.notes:
        yield "  no rows left out"
    for note in read.notes:
        yield f"  note: {note}"
    for curve in read.curves[:MOST_PICTURES]:
        yield from _picture(curve)
    if len(read.curves) > MOST_PICTURES:
        yield f"({len(read.curves) - MOST_PICTURES} more curves without a picture)"


def _one(curve: Measured) -> str:
    size = np.linalg.norm(curve.fields, axis=1)
    along = ", ".join(f"{v:.3g}" for v in curve.direction)
    signed = curve.signed
    turned = np.ptp(size) <= 0.05 * size.max() and np.ptp(signed) > 0.0
    field = f"|B| = {size.mean():.4g} T, turned" if turned else _range(signed, "T", along)
    warm = "" if curve.temperature is None else f", {np.mean(curve.temperature):.4g} K"
    unit = QUANTITIES[curve.quantity]
    low, high = curve.values.min(), curve.values.max()
    error = "" if curve.sigma is None else f" +- {np.median(curve.sigma):.2g}"
    return (
        f"curve     {curve.name or '(no name)'}: {len(curve.values)} values of {curve.quantity} "
        f"from {low:.7g} to {high:.7g}{error} {unit}, {field}{warm}"
    )


def _range(signed: np.ndarray, unit: str, along: str) -> str:
    return f"B from {signed[0]:.4g} to {signed[-1]:.4g} {unit} along ({along})"


def _picture(curve: Measured) -> Iterator[str]:
    """Values against the field, or against the row where the field is only turned."""
    across = curve.signed
    size = np.linalg.norm(curve.fields, axis=1)
    if np.ptp(size) <= 0.05 * size.max():
        across = np.arange(len(across), dtype=float)
    up = curve.values
    if np.ptp(up) == 0.0 or np.ptp(across) == 0.0:
        return
    column = np.rint((across - across.min()) / np.ptp(across) * (WIDE - 1)).astype(int)
    row = np.rint((up.max() - up) / np.ptp(up) * (HIGH - 1)).astype(int)
    canvas = np.full((HIGH, WIDE), " ")
    canvas[row, column] = "*"
    yield ""
    yield f"{curve.label}"
    for line in canvas:
        yield "  |" + "".join(line).rstrip()
    yield "  +" + "-" * WIDE
