"""Rows of the table and the one way of timing."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class Skipped(Exception):  # noqa: N818
    """Raised by a benchmark whose optional program is not installed; the text says which."""


@dataclass(frozen=True)
class Row:
    """One measured number; ``at_most`` or ``at_least`` is its target, neither means it is only
    reported.
    """

    case: str
    quantity: str
    value: float
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        if self.at_most is not None:
            return self.value <= self.at_most
        return None if self.at_least is None else self.value >= self.at_least

    def cells(self) -> list[str]:
        target = (
            ""
            if self.met is None
            else f"≤ {self.at_most:g}"
            if self.at_most is not None
            else f"≥ {self.at_least:g}"
        )
        return [
            self.case,
            self.quantity,
            f"{self.value:.3g}" if abs(self.value) < 1e4 else f"{self.value:,.0f}",
            target,
            {None: "", True: "yes", False: "NO"}[self.met],
            self.note,
        ]


def seconds(function: Callable[[], Any], repeat: int = 7) -> float:
    """Median processor time of a call."""
    taken = []
    for _ in range(repeat):
        start = time.process_time()
        function()
        taken.append(time.process_time() - start)
    return statistics.median(taken)


def ratio(
    dear: Callable[[], Any], cheap: Callable[[], Any], repeat: int = 9
) -> tuple[float, float, float]:
    """Median of the ratio of two costs measured in turns, which a busy machine slows alike, and
    both medians.
    """
    taken = [(seconds(dear, 1), seconds(cheap, 1)) for _ in range(repeat)]
    return statistics.median(a / b for a, b in taken), *(
        statistics.median(t) for t in zip(*taken, strict=True)
    )


def markdown(rows: list[Row]) -> str:
    lines = [
        "| benchmark | quantity | measured | target | met | note |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *("| " + " | ".join(row.cells()) + " |" for row in rows)])
