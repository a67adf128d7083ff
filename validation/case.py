"""What a validation case returns, and the one check of the order of accuracy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import ohmr_fem as of

LEVELS = ("quick", "full")
#: What paths of the package share where they are held against each other, and who holds that.
ASSEMBLY = "the assembly of K, M and C, held by manufactured and ngsolve_device"
#: Okabe and Ito's colours, told apart with any colour vision; the dark ones first.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9")


@dataclass(frozen=True)
class Drawing:
    """A figure that a case has written, and what it shows."""

    path: Path
    caption: str


class Skipped(Exception):  # noqa: N818
    """Raised by a case whose optional program is not installed; the text says which."""


@dataclass(frozen=True)
class Row:
    """One number of the suite against its reference.

    Attributes
    ----------
    case, equation, quantity : str
        Where the number comes from and which equation it checks.
    value, reference : float
    error : float
        As stated by the quantity: relative, absolute, or the largest over a set.
    tolerance : float
        The row passes if error <= tolerance.
    series : tuple of (cells, error)
        The errors behind an order of accuracy, for the convergence plot.
    """

    case: str
    equation: str
    quantity: str
    value: float
    reference: float
    error: float
    tolerance: float
    series: tuple[tuple[float, float], ...] = ()

    @property
    def passed(self) -> bool:
        return bool(self.error <= self.tolerance)


def relative(value: float, reference: float) -> float:
    """|value/reference - 1|."""
    return abs(value / reference - 1.0)


def observed_orders(errors: Sequence[float], ratio: float = 2.0) -> np.ndarray:
    """Orders of accuracy from errors on meshes refined by ``ratio``; one fewer than errors."""
    return np.log(np.asarray(errors[:-1]) / np.asarray(errors[1:])) / np.log(ratio)


def order_row(
    case: str,
    equation: str,
    quantity: str,
    error: Callable[[int], float],
    cells: Sequence[int],
    expected: float,
    tolerance: float = 0.2,
    floor: float = 0.0,
) -> Row:
    """Row for the order of accuracy at the finest refinement whose error is above ``floor``
    (round-off).

    ``error(n)`` is the error with n cells a side; the order must not fall short of ``expected`` by
    more than ``tolerance`` (it may exceed it).
    """
    errors = [error(n) for n in cells]
    usable = [e for e in errors if e > floor]
    if len(usable) < 2:
        raise ValueError(
            f"{quantity}: all errors {errors} are at round-off; start from coarser meshes"
        )
    order = float(observed_orders(usable)[-1])
    return Row(
        case,
        equation,
        f"order of {quantity}",
        order,
        expected,
        max(expected - order, 0.0),
        tolerance,
        tuple(zip(map(float, cells), errors, strict=True)),
    )


def simple_material(**changes: object) -> of.Material:
    """sigma = 1 S, D = 1 m^2/s, tau = 1 s, alpha = alpha' = 0.3, X = 1/m_e: lengths in metres are
    lengths in L_m.
    """
    values: dict[str, object] = {
        "sheet_conductivity": 1.0,
        "diffusion_length": 1.0,
        "relaxation_time": 1.0,
        "orbital_hall_angle": 0.3,
        "inverse_mass": 1.0,
    }
    return of.Material(**{**values, **changes})  # type: ignore[arg-type]


def new_figure(rows: int, columns: int, width: float, height: float) -> tuple[Any, Any]:
    """A figure of ``width`` x ``height`` inches and its axes, without a screen."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns)


def save(figure: Any, folder: Path, name: str, caption: str) -> Drawing:
    """Write the vector figure name.svg."""
    import matplotlib

    path = folder / f"{name}.svg"
    with matplotlib.rc_context({"svg.hashsalt": name}):
        figure.savefig(path, metadata={"Date": None})
    return Drawing(path, caption)
