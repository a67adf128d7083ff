"""Cells beside an interface of regions, where moments gather as at an edge.

In the device plane the orbital Hall effect leaves n^z wherever alpha sigma jumps.  The faces of a
film leave more: the local part of every mode jumps with any coefficient, and what makes up for the
jump decays over 1/Re sqrt(1/L_m^2 + (m pi/t)^2) on either side (docs/theory, section 9).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..model.alike import distinct
from ..model.film import Film

if TYPE_CHECKING:
    from .system import System

#: Relative difference of two coefficients below which they are one.
SAME = 1e-9


def cell_heights(system: System, facets: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Extent of each cell normal to its facet, in m."""
    mesh = system.problem.mesh.mesh
    scaled = np.sum(system.basis.dx, axis=1)
    unit = system.scales.length ** mesh.dim()
    size = unit * scaled[cells]
    if mesh.dim() == 1:
        return np.asarray(size)
    ends = mesh.p[:, mesh.facets[:, facets]]
    along = ends[:, 1] - ends[:, 0]
    length = np.linalg.norm(along, axis=0)
    quadrilateral = mesh.t.shape[0] == 4
    share = 1.0 if quadrilateral else 2.0
    return np.asarray(share * size / length)


def interface_cells(system: System) -> tuple[np.ndarray, np.ndarray]:
    """Extent normal to the interface (m) and number of the cells on both sides of interfaces where
    moments gather.
    """
    mesh = system.problem.mesh
    materials = system.problem.materials
    if len(distinct(materials.values())) < 2:
        return np.empty(0), np.empty(0, dtype=int)
    beside = mesh.mesh.f2t
    inner = np.flatnonzero(beside[1] >= 0)
    first, second = beside[:, inner]
    region = np.full(mesh.n_cells, -1)
    for number, cells in enumerate(mesh.regions.values()):
        region[cells] = number
    rows = _jumping(system)
    size = np.abs(rows).max(axis=1, initial=0.0)
    jumps = np.abs(rows[:, first] - rows[:, second])
    apart = jumps > SAME * size[:, None]
    between = region[first] != region[second]
    chosen = between & apart.any(axis=0)
    cells = np.concatenate([first[chosen], second[chosen]])
    facets = np.tile(inner[chosen], 2)
    return cell_heights(system, facets, cells), cells


def _jumping(system: System) -> np.ndarray:
    """Means over each cell of what leaves moments where it jumps, (n, cells)."""
    rows = []
    for channel in system.channels:
        c = channel.coefficients
        rows.append(c.alpha * c.sigma)
        if isinstance(system.problem.film, Film):
            rows += [c.sigma, c.diffusion, c.alpha_inverse]
            for tensor in (c.relaxation, c.half_g_x):
                rows += [*tensor.reshape(9, *c.sigma.shape)]
    return np.array([row.mean(axis=1) for row in rows])


def lost_between_faces(system: System) -> np.ndarray | None:
    """D (pi/t)^2 of each cell, 1/s, at which the first odd mode through a film relaxes besides
    1/tau; None without a film.
    """
    film = system.problem.film
    if not isinstance(film, Film):
        return None
    across = np.pi / film.thickness
    spread = system.coefficients.diffusion[:, 0]
    return np.asarray(spread * across**2)
