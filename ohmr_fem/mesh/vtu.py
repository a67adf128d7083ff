"""What ``export_paraview`` wrote, as a mesh again."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

#: Field data by which a file of ours is known: a mesh generator writes neither.
OURS = {"element_order", "cells_per_element"}
#: Part of the shortest edge within which two points are one: they were mapped from two cells.
TOGETHER = 1e-6
CORNERS = {"triangle": 3, "triangle6": 3, "quad": 4, "quad9": 4}
#: Quadratic cells: what they are where no edge is bent.
STRAIGHT = {"triangle6": "triangle", "quad9": "quad"}


def as_mesh(
    raw: Any,
    path: Path,
) -> Any:
    """A file of ours without the points that were doubled where the moment density may jump, its
    cells straight where they were and its regions by their names; any other file as it is.
    """
    block = raw.cells[0] if len(raw.cells) == 1 else None
    if not set(raw.field_data) >= OURS or block is None or block.type not in CORNERS:
        return raw
    points = np.asarray(raw.points)
    kind, cells = block.type, block.data
    corners = cells[:, : CORNERS[kind]]
    edges = points[corners] - points[np.roll(corners, -1, axis=1)]
    one = TOGETHER * float(np.linalg.norm(edges, axis=2).min())
    if kind in STRAIGHT and _bent(points, cells, corners) <= one:
        kind, cells = STRAIGHT[kind], corners
    first, number = _joined(points, one)
    return type(raw)(
        points[first],
        [(kind, number[cells])],
        cell_sets=_regions(raw, path),
    )


def _bent(
    points: np.ndarray,
    cells: np.ndarray,
    corners: np.ndarray,
) -> float:
    """How far the middle of an edge is off the straight line, at most."""
    n = corners.shape[1]
    straight = (points[corners] + points[np.roll(corners, -1, axis=1)]) / 2
    return float(np.abs(points[cells[:, n : 2 * n]] - straight).max())


def _joined(
    points: np.ndarray,
    one: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Which points (n, 3) stay, and the new number of every old one; closer than ``one`` they are
    the same.
    """
    pairs = cKDTree(points).query_pairs(one, output_type="ndarray")
    shape = (len(points), len(points))
    links = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape)
    _, label = connected_components(links, directed=False)
    _, first, number = np.unique(label, return_index=True, return_inverse=True)
    return first, number


def _regions(
    raw: Any,
    path: Path,
) -> dict[str, list[np.ndarray]]:
    """{name: [its cells]}, the names from the comment of the file."""
    (region,) = raw.cell_data.get("region", [np.empty(0, int)])
    names = _names(path)
    if set(np.unique(region).tolist()) != set(range(len(names))):
        return {}
    return {name: [np.flatnonzero(region == i)] for i, name in enumerate(names)}


def _names(path: Path) -> list[str]:
    """Names in the comment, "regions: 0 = film, 1 = lead"."""
    with path.open(encoding="utf-8", errors="replace") as file:
        head = file.read(100_000)
    line = re.search(r"^regions: 0 = (.*)$", head, re.MULTILINE)
    if line is None:
        return []
    names: list[str] = []
    rest: str | None = line[1]
    while rest is not None:
        name, mark, tail = rest.partition(f", {len(names) + 1} = ")
        names.append(html.unescape(name))
        rest = tail if mark else None
    return names
