"""The colours of a map of the moment density."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from ..mesh.device_mesh import DeviceMesh

#: Part of the extent of a device below which a layer at its edges is thinner than a reader sees.
THIN = 1.0 / 100.0
#: What counts as the layer: more than this part of the density at its edge.
LAYER = 0.1
#: Share of the length of the edges within the colours: at corners the density has no bound.
WITHIN = 0.95
#: Points of the line that stands for a thin layer.
WIDE = 2.4
WIDENED = "edge layers are drawn wider than they are"


def colour_map(
    ax: Any,
    mesh: DeviceMesh,
    plane: np.ndarray,
    cells: np.ndarray,
    n: np.ndarray,
    label: str,
) -> str:
    """Colour the triangles or quadrilaterals ``cells`` of points ``plane`` (2, k) by n (k,).

    A layer at the edges that would be thinner than a reader sees is drawn as a line of its colour.

    Returns
    -------
    What to say of the map, or nothing
    """
    from matplotlib.tri import Triangulation

    triangles = halves(cells)
    ends, at_edge = _edge(mesh, plane, n)
    thin = is_thin(plane, triangles, n, ends, at_edge)
    top = float(np.abs(n).max()) or 1.0
    if thin:
        top = _typical(ends, at_edge)
    look = {"cmap": "RdBu_r", "norm": _norm(top), "rasterized": True}
    grid = Triangulation(plane[0], plane[1], triangles)
    image = ax.tripcolor(grid, n, shading="gouraud", **look)
    if thin:
        _lines(ax, ends, at_edge, look)
    ax.get_figure().colorbar(
        image,
        ax=ax,
        label=label,
        shrink=0.85,
        aspect=14,
        pad=0.03,
        extend="both" if thin else "neither",
    )
    return WIDENED if thin else ""


def halves(cells: np.ndarray) -> np.ndarray:
    """Triangles (m, 3) of triangular or quadrilateral cells, the second halves of the latter
    last.
    """
    if cells.shape[1] == 3:
        return cells
    return np.vstack([cells[:, :3], cells[:, [0, 2, 3]]])


def is_thin(
    plane: np.ndarray,
    triangles: np.ndarray,
    n: np.ndarray,
    ends: np.ndarray,
    at_edge: np.ndarray,
) -> bool:
    """Whether what gathers at the edges is thinner than a reader sees: its area over the length of
    the edges that have it.
    """
    typical = _typical(ends, at_edge)
    if typical == 0.0:
        return False
    a, b, c = plane[:, triangles.T].transpose(1, 0, 2)
    areas = 0.5 * np.abs((b - a)[0] * (c - a)[1] - (b - a)[1] * (c - a)[0])
    # the mean of a triangle, not its corners, or the cells at the edge would count whole
    share = np.clip(np.abs(n[triangles]).mean(axis=1) / (LAYER * typical), 0.0, 1.0)
    having = np.abs(at_edge) > LAYER * typical
    length = float(_lengths(ends)[having].sum())
    extent = float(np.ptp(plane, axis=1).max())
    return float(areas @ share) < THIN * extent * length


def _lengths(ends: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.norm(ends[:, 1] - ends[:, 0], axis=0))


def _typical(
    ends: np.ndarray,
    at_edge: np.ndarray,
) -> float:
    """What the density does not exceed along the edges but near corners."""
    size = np.abs(at_edge)
    order = np.argsort(size)
    length = np.cumsum(_lengths(ends)[order])
    return float(size[order][np.searchsorted(length, WITHIN * length[-1])])


def _edge(
    mesh: DeviceMesh,
    plane: np.ndarray,
    n: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Ends (2, 2, m) of the facets of the rim, and the density in their middles (m,)."""
    facets = mesh.mesh.facets[:, mesh.mesh.boundary_facets()]
    ends = mesh.mesh.p[:, facets]
    _, nearest = cKDTree(plane.T).query(ends.reshape(2, -1).T)
    return ends, n[nearest].reshape(2, -1).mean(axis=0)


def _norm(top: float) -> Any:
    from matplotlib.colors import Normalize

    return Normalize(-top, top)


def _lines(
    ax: Any,
    ends: np.ndarray,
    at_edge: np.ndarray,
    look: dict[str, Any],
) -> None:
    from matplotlib.collections import LineCollection

    segments = ends.transpose(2, 1, 0)
    lines = LineCollection(list(segments), array=at_edge, linewidth=WIDE, zorder=1.5, **look)
    lines.set_capstyle("butt")
    ax.add_collection(lines, autolim=False)
