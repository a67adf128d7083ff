"""Devices of the fit cases: Hall bars on tensor grids, lengths in widths W of the bar."""

from __future__ import annotations

import importlib.util
import itertools

import numpy as np

import ohmr_fem as of
from ohmr_fem.mesh.grids import graded_lines, tensor_grid

from .case import Skipped

#: An arm: (x of its centre, width, length, side); the irregular bar has no symmetry.
Arm = tuple[float, float, float, int]
IRREGULAR: dict[str, Arm] = {
    "t1": (-1.3, 0.32, 0.5, 1),
    "t2": (1.1, 0.22, 0.8, 1),
    "b1": (-0.9, 0.4, 0.6, -1),
    "b2": (1.6, 0.28, 0.4, -1),
}


def bar(
    arms: dict[str, Arm],
    length: float,
    width: float = 1.0,
    finest: float = 0.02,
    largest: float = 0.25,
    growth: float = 1.7,
) -> of.DeviceMesh:
    """A bar of unit ``width`` times ``width`` metres with side arms that end in contacts; refined
    towards every wall.
    """
    half = length / 2
    walls = sorted({-half, half, *(c + s * w / 2 for c, w, _, _ in arms.values() for s in (-1, 1))})
    levels = sorted({-0.5, 0.5, *(side * (0.5 + h) for _, _, h, side in arms.values())})
    x, y = (_lines(v, finest, growth, largest) for v in (walls, levels))

    def inside(p: np.ndarray) -> np.ndarray:
        keep = np.abs(p[1]) < 0.5
        for c, w, h, side in arms.values():
            keep |= (np.abs(p[0] - c) < w / 2) & (side * p[1] > 0) & (side * p[1] < 0.5 + h)
        return keep

    mesh = tensor_grid(x, y, cells="triangle", keep=inside, source="bar with side arms")
    ends = {
        name: (
            lambda p, a=a: (
                (np.abs(p[1] - a[3] * (0.5 + a[2])) < 1e-9) & (np.abs(p[0] - a[0]) < a[1] / 2)
            )
        )
        for name, a in arms.items()
    }
    mesh = mesh.with_boundaries(
        {
            "left": lambda p: np.abs(p[0] + half) < 1e-9,
            "right": lambda p: np.abs(p[0] - half) < 1e-9,
            **ends,
        }
    )
    return mesh.scaled(width)


def needs_lmfit() -> None:
    """Skip a case where fits cannot run."""
    if importlib.util.find_spec("lmfit") is None:
        raise Skipped("lmfit is not installed")


def _lines(marks: list[float], finest: float, growth: float, largest: float) -> np.ndarray:
    pieces = [
        graded_lines(a, b, min(finest, (b - a) / 4), growth, "both", largest)
        for a, b in itertools.pairwise(marks)
    ]
    return np.concatenate([pieces[0][:1], *[p[1:] for p in pieces]])
