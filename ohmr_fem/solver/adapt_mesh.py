"""Which facets to halve for the error of delta_R, and the problem on the finer mesh."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..mesh.device_mesh import DeviceMesh
from ..model.material import Material
from ..model.problem import Problem
from .space import locate

#: Part of the error that is refined in each round, at least and at most.
PART = (0.6, 0.9)
#: Coefficients that are an array without having a value a cell.
TENSORS = ("inverse_mass", "relaxation_rate")


def refined(
    problem: Problem,
    size: np.ndarray,
    excess: float,
    budget: int,
) -> Problem | None:
    """The problem on a mesh refined where the error comes from, as far as the budget allows; None
    if it does not.
    """
    part = float(np.clip(1.0 - 1.0 / (2.0 * excess), *PART))
    while part > 0.05:
        facets = marked(problem.mesh, size, part)
        candidate = _carried(problem, problem.mesh.refined_along(facets))
        if unknowns(candidate.mesh, candidate.order + 1) <= budget:
            return candidate
        part /= 2
    return None


def marked(
    device: DeviceMesh,
    size: np.ndarray,
    part: float,
) -> np.ndarray:
    """Facets to halve: those with most error for the cells that they cost, up to a part of the
    whole.

    On quadrilaterals opposite facets are halved together, all along a line of the grid.
    """
    mesh = device.mesh
    line = np.arange(mesh.nfacets)
    cost = np.ones(mesh.nfacets)
    if mesh.t.shape[0] == 4:
        # the facets of a quadrilateral are numbered around it: 0 lies opposite 2, 1 opposite 3
        ones = np.ones(2 * mesh.nelements)
        opposite = mesh.t2f[:2].ravel(), mesh.t2f[2:].ravel()
        joined = coo_array((ones, opposite), (mesh.nfacets, mesh.nfacets))
        line = connected_components(joined, directed=False)[1]
        cost = np.bincount(line).astype(float)
    gain = np.bincount(line[mesh.t2f.ravel()], size.ravel(), cost.size)
    order = np.argsort(-gain / cost)
    reached = np.cumsum(gain[order])
    count = int(np.searchsorted(reached, part * gain.sum())) + 1
    chosen = np.zeros(cost.size, dtype=bool)
    chosen[order[:count]] = True
    return np.asarray(chosen[line])


def unknowns(
    device: DeviceMesh,
    order: int,
) -> int:
    """Of one scalar field."""
    mesh = device.mesh
    k = order - 1  # unknowns inside an edge
    quadrilaterals = mesh.t.shape[0] == 4
    inside = k * k if quadrilaterals else k * (k - 1) // 2
    edges = k * mesh.nfacets
    return int(mesh.nvertices + edges + inside * mesh.nelements)


def _carried(
    problem: Problem,
    finer: DeviceMesh,
) -> Problem:
    """The problem on a refinement of its mesh; coefficients given cell by cell go to the
    children.
    """

    def by_cell(material: Material) -> list[str]:
        return [
            f.name
            for f in fields(material)
            if isinstance(getattr(material, f.name), np.ndarray) and f.name not in TENSORS
        ]

    if not any(by_cell(m) for m in problem.materials.values()):
        return replace(problem, mesh=finer)
    centres = finer.mesh.mapping().F(np.full((2, 1), 1 / 3))[:, :, 0]
    parent = locate(problem.mesh.mesh, centres)
    materials = {}
    for region, material in problem.materials.items():
        members = problem.mesh.regions[region]
        place = np.searchsorted(members, parent[finer.regions[region]])
        changes = {name: getattr(material, name)[place] for name in by_cell(material)}
        if material.diffusion_length is not None:
            changes["diffusion_constant"] = None
        materials[region] = replace(material, **changes)
    return replace(problem, mesh=finer, materials=materials)
