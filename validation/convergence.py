"""Convergence plots from the rows of a case that hold a series of errors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from .case import COLOURS, Drawing, Row, new_figure, save

MARKERS = "osD^v"


def panels_of(rows: Sequence[Row]) -> dict[str, list[tuple[str, Row]]]:
    """Rows with a series, (order of elements, row), grouped by their quantity without the order."""
    found: dict[str, list[tuple[str, Row]]] = {}
    for row in rows:
        if row.series:
            element = re.search(r"\bP\d\b", row.quantity)
            title = re.sub(r",? P\d\b", "", row.quantity.removeprefix("order of "))
            found.setdefault(title, []).append((element[0] if element else "", row))
    return found


def draw_convergence(rows: Sequence[Row], folder: Path, name: str) -> list[Drawing]:
    """Error against the cells of a side, one panel a quantity; dashed lines have the expected
    slope.
    """
    groups = panels_of(rows)
    if not groups:
        return []
    columns = min(3, len(groups))
    lines = -(-len(groups) // columns)
    figure, grid = new_figure(lines, columns, 3.4 * columns + 0.4, 2.8 * lines + 0.2)
    axes = list(grid.ravel()) if len(groups) > 1 else [grid]
    for ax in axes[len(groups) :]:
        ax.set_axis_off()
    for ax, (title, members) in zip(axes, groups.items(), strict=False):
        for number, (element, row) in enumerate(members):
            n, error = zip(*row.series, strict=True)
            colour = COLOURS[number % len(COLOURS)]
            ax.loglog(
                n,
                error,
                MARKERS[number % len(MARKERS)] + "-",
                color=colour,
                ms=4,
                lw=1.2,
                label=f"{element}: {row.value:.2f}" if element else f"{row.value:.2f}",
            )
            ax.loglog(
                n, [error[0] * (n[0] / m) ** row.reference for m in n], "--", color=colour, lw=0.7
            )
        sizes = sorted({n for _, row in members for n, _ in row.series})
        ax.set(xlabel="cells", ylabel="relative error", title=title)
        ax.set_xticks(sizes, [f"{n:g}" for n in sizes])
        ax.minorticks_off()
        ax.title.set_fontsize(9)
        ax.legend(fontsize=7, title="order", title_fontsize=7)
    return [
        save(
            figure,
            folder,
            f"convergence_{name}",
            "Convergence under refinement: errors, measured order at the finest pair "
            "above round-off, and the expected slope (dashed).",
        )
    ]
