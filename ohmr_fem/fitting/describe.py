"""What was understood of a data file, as text: columns, units, curves, rows left out, pictures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .data import QUANTITIES, Measured, Understood

#: Characters of a picture.
WIDE, HIGH = 56, 7
#: Units of the columns whose heading needs none.
UNITS = {"temperature": "K", "time": "s"}
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
    count = len(read.curves)
    yield f"{log.path}: {len(log.lines)} rows, {count} curve{'s' if count > 1 else ''}"
    for key, found in log.used.items():
        for column in found:
            number = column.index + 1
            unit = ""
            if key != "label":
                unit = ", in " + (column.unit or UNITS.get(key, "that of its values"))
            yield f"  {key:<12} column {number}, {column.heading.text!r}{unit}"
    for curve in read.curves:
        yield _one(curve)
    if not read.notes:
        yield "  no rows left out"
    for note in read.notes:
        yield f"  note: {note}"
    for curve in read.curves[:MOST_PICTURES]:
        yield from _picture(curve)
    more = len(read.curves) - MOST_PICTURES
    if more > 0:
        yield f"({more} more curves without a picture)"


def _one(curve: Measured) -> str:
    size = np.linalg.norm(curve.fields, axis=1)
    along = ", ".join(f"{v:.3g}" for v in curve.direction)
    signed = curve.signed
    if _constant(size) and np.ptp(signed) > 0.0:
        field = f"|B| = {size.mean():.4g} T, turned"
    else:
        field = _range(signed, "T", along)
    warm = ""
    if curve.temperature is not None:
        warm = f", {np.mean(curve.temperature):.4g} K"
    unit = QUANTITIES[curve.quantity]
    low = curve.values.min()
    high = curve.values.max()
    error = ""
    if curve.sigma is not None:
        error = f" +- {np.median(curve.sigma):.2g}"
    return (
        f"curve     {curve.name or '(no name)'}: {len(curve.values)} values of {curve.quantity} "
        f"from {low:.7g} to {high:.7g}{error} {unit}, {field}{warm}"
    )


def _constant(size: np.ndarray) -> bool:
    """Whether the strength of the field stays, as where it is only turned."""
    return bool(np.ptp(size) <= 0.05 * size.max())


def _range(signed: np.ndarray, unit: str, along: str) -> str:
    return f"B from {signed[0]:.4g} to {signed[-1]:.4g} {unit} along ({along})"


def _picture(curve: Measured) -> Iterator[str]:
    """Values against the field, or against the row where the field is only turned."""
    across = curve.signed
    size = np.linalg.norm(curve.fields, axis=1)
    if _constant(size):
        across = np.arange(len(across), dtype=float)
    up = curve.values
    wide = np.ptp(across)
    high = np.ptp(up)
    if high == 0.0 or wide == 0.0:
        return
    right = (across - across.min()) / wide
    down = (up.max() - up) / high
    column = np.rint(right * (WIDE - 1)).astype(int)
    row = np.rint(down * (HIGH - 1)).astype(int)
    canvas = np.full((HIGH, WIDE), " ")
    canvas[row, column] = "*"
    yield ""
    yield f"{curve.label}"
    for line in canvas:
        yield "  |" + "".join(line).rstrip()
    yield "  +" + "-" * WIDE
