"""Which facets to halve for the error of delta_R, and the problem on the finer mesh."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..mesh.device_mesh import DeviceMesh
from ..model.material import Material
from ..model.problem import Problem
from .space import locate

#: Part of the error that is refined in each round, at least and at most.
PART = (0.6, 0.9)


def refined(problem: Problem, size: np.ndarray, excess: float, budget: int) -> Problem | None:
    """The problem on a mesh refined where the error comes from, as far as the budget allows; None
    if it does not.
    """
    part = float(np.clip(1.0 - 1.0 / (2.0 * excess), *PART))
    while part > 0.05:
        finer = problem.mesh.refined_along(marked(problem.mesh, size, part))
        candidate = _carried(problem, finer)
        if unknowns(candidate.mesh, candidate.order + 1) <= budget:
            return candidate
        part /= 2
    return None


def marked(device: DeviceMesh, size: np.ndarray, part: float) -> np.ndarray:
    """Facets to halve: those with most error for the cells that they cost, up to a part of the
    whole.

    On quadrilaterals opposite facets are halved together, all along a line of the grid.
    """
    mesh = device.mesh
    line = _grid_lines(mesh)
    cost = np.bincount(line).astype(float)
    gain = np.bincount(line[mesh.t2f.ravel()], size.ravel(), cost.size)
    order = np.argsort(-gain / cost)
    enough = part * gain.sum()
    count = int(np.searchsorted(np.cumsum(gain[order]), enough)) + 1
    chosen = np.zeros(cost.size, dtype=bool)
    chosen[order[:count]] = True
    return np.asarray(chosen[line])


def _grid_lines(mesh: Any) -> np.ndarray:
    """Number of the line to which each facet belongs: its own on triangles, a line of the grid on
    quadrilaterals.
    """
    if mesh.t.shape[0] != 4:
        return np.arange(mesh.nfacets)
    one_side = mesh.t2f[:2].ravel()
    other_side = mesh.t2f[2:].ravel()  # opposite: scikit-fem numbers the facets around the cell
    joined = coo_array(
        (np.ones(one_side.size), (one_side, other_side)), (mesh.nfacets, mesh.nfacets)
    )
    return np.asarray(connected_components(joined, directed=False)[1])


def unknowns(device: DeviceMesh, order: int) -> int:
    """Of one scalar field."""
    mesh = device.mesh
    on_facet = order - 1
    quads = mesh.t.shape[0] == 4
    inside = on_facet**2 if quads else on_facet * (on_facet - 1) // 2
    return int(mesh.nvertices + on_facet * mesh.nfacets + inside * mesh.nelements)


def _carried(problem: Problem, finer: DeviceMesh) -> Problem:
    """The problem on a refinement of its mesh; coefficients given cell by cell go to the
    children.
    """

    def by_cell(material: Material) -> list[str]:
        return [
            f.name
            for f in fields(material)
            if isinstance(getattr(material, f.name), np.ndarray) and f.name != "inverse_mass"
        ]

    if not any(by_cell(m) for m in problem.materials.values()):
        return replace(problem, mesh=finer)
    centres = finer.mesh.mapping().F(np.full((2, 1), 1 / 3))[:, :, 0]
    parent = locate(problem.mesh.mesh, centres)
    materials = {}
    for region, material in problem.materials.items():
        place = np.searchsorted(problem.mesh.regions[region], parent[finer.regions[region]])
        changes = {name: getattr(material, name)[place] for name in by_cell(material)}
        if material.diffusion_length is not None:
            changes["diffusion_constant"] = None
        materials[region] = replace(material, **changes)
    return replace(problem, mesh=finer, materials=materials)
