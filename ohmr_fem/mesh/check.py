"""Is this mesh a usable device? Each check raises MeshError with one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from ..errors import MeshError
from .cells import CELL_TYPES, STRAIGHT, cell_kind

if TYPE_CHECKING:
    from .device_mesh import DeviceMesh

# Relative to the square of the longest edge of the cell.
FLAT = 1e-12


def check_mesh(device: DeviceMesh, *, geometry: bool = True) -> None:
    """Raise MeshError unless ``device`` can be solved on.

    Refused: an empty or 3D mesh, an unsupported cell type, coordinates that are not finite,
    cells that are inverted, flat or folded over a neighbour, edges shared by more than two
    cells, coincident nodes left unmerged, a device in several pieces, names that overlap,
    lie on no boundary edge or on interior edges, regions that do not cover.

    With ``geometry=False`` only the names are checked.
    """
    if geometry:
        check_cells(device)
        _check_connected(device.mesh)
    _check_boundaries(device)
    _check_regions(device)


def check_cells(device: DeviceMesh) -> None:
    """The part of :func:`check_mesh` without which an answer is wrong."""
    _check_type(device)
    _check_cells(device.mesh)
    _check_neighbours(device.mesh)


def _check_type(device: DeviceMesh) -> None:
    mesh = device.mesh
    if mesh.t.size == 0:
        raise MeshError(
            "the mesh is empty: it has no cells; export the surface of the device, not only its "
            "outline"
        )
    if mesh.dim() == 3:
        raise MeshError(
            "3D meshes are not supported; give a planar mesh or a cross-section", value=3
        )
    if cell_kind(mesh) is None:
        accepted = ", ".join(words for _, words in CELL_TYPES.values())
        raise MeshError(
            f"cells of {type(mesh).__name__} are not supported; accepted: {accepted}",
            value=type(mesh),
        )
    if mesh.dim() != len(device.axes):
        raise MeshError(
            f"a {mesh.dim()}D mesh needs {mesh.dim()} axes, got {device.axes}", value=device.axes
        )
    bad = int(np.count_nonzero(~np.isfinite(mesh.doflocs).all(axis=0)))
    if bad:
        raise MeshError(
            f"{bad} node(s) have coordinates that are not finite; export the mesh again", value=bad
        )


def _check_cells(mesh: Any) -> None:
    corners = mesh.p[:, mesh.t]
    size = np.max(np.ptp(corners, axis=1), axis=0)
    with np.errstate(all="ignore"):
        jacobian = mesh.mapping().detDF(_samples(mesh)) / size[:, None] ** mesh.dim()
    low = jacobian.min(axis=1)
    high = jacobian.max(axis=1)
    inverted = low * high < 0
    # written so that a Jacobian that is not a number counts as flat
    extended = (np.abs(low) > FLAT) & (np.abs(high) > FLAT)
    _report(~extended & ~inverted, corners, "have zero area")
    _report(inverted, corners, "are inverted (a cell folds: the edges of a cell cross)")


def _samples(mesh: Any) -> np.ndarray:
    """Reference points at which the Jacobian must keep one sign."""
    curved = cell_kind(mesh) in STRAIGHT
    triangles = mesh.t.shape[0] == 3
    if mesh.dim() == 1 or (triangles and not curved):
        return np.full((mesh.dim(), 1), 1 / 3)
    ticks = np.linspace(0, 1, 5 if curved else 2)
    square = np.array(np.meshgrid(ticks, ticks)).reshape(2, -1)
    if not triangles:
        return square
    return square[:, square.sum(axis=0) < 1 + 1e-9]


def _report(bad: np.ndarray, corners: np.ndarray, what: str) -> None:
    count = int(np.count_nonzero(bad))
    if count:
        centres = corners[:, :, bad].mean(axis=1)
        where = _place(centres[:, 0])
        raise MeshError(
            f"{count} cell(s) {what}, the first near ({where}) m; mesh the device again",
            value=np.flatnonzero(bad),
        )


def _place(point: np.ndarray) -> str:
    return ", ".join(f"{v:.4g}" for v in point)


def _check_neighbours(mesh: Any) -> None:
    """Neighbours lie on different sides of the edge they share."""
    cells_at = np.bincount(mesh.t2f.ravel(), minlength=mesh.nfacets)
    if np.any(cells_at > 2):
        raise MeshError(
            "some edges are shared by more than two cells; remove the duplicate or overlapping "
            "surfaces"
        )
    first, second = mesh.f2t
    inner = np.flatnonzero(second >= 0)
    centre = mesh.p[:, mesh.t].mean(axis=1)
    a = mesh.p[:, mesh.facets[0, inner]]
    u = centre[:, first[inner]] - a
    v = centre[:, second[inner]] - a
    if mesh.dim() == 1:
        product = u[0] * v[0]
    else:
        along = mesh.p[:, mesh.facets[1, inner]] - a
        left = along[0] * u[1] - along[1] * u[0]
        right = along[0] * v[1] - along[1] * v[0]
        product = left * right
    # a curved edge may have both straight centres on one side of its chord only if cells are very
    # thin
    folded = np.zeros(mesh.nelements, dtype=bool)
    same_side = inner[product >= 0]
    folded[first[same_side]] = True
    if cell_kind(mesh) not in STRAIGHT:
        _report(folded, mesh.p[:, mesh.t], "lie over a neighbour (inverted)")
    _check_doubled(mesh)


def _check_doubled(mesh: Any) -> None:
    """No two boundary edges at one place, as left by nodes that were not merged."""
    ends = mesh.facets[:, mesh.boundary_facets()]
    outer = mesh.p[:, ends].mean(axis=1)
    tree_tolerance = 1e-9 * float(np.linalg.norm(np.ptp(mesh.p, axis=1)))
    pairs = cKDTree(outer.T).query_pairs(tree_tolerance)
    if pairs:
        i = next(iter(pairs))[0]
        where = _place(outer[:, i])
        raise MeshError(
            f"{len(pairs)} pair(s) of boundary edges lie on each other, one near ({where}) m; "
            "merge the duplicate nodes (in gmsh: Coherence Mesh)",
            value=len(pairs),
        )


def _check_connected(mesh: Any) -> None:
    first, second = mesh.f2t[:, mesh.f2t[1] >= 0]
    n = mesh.nelements
    joined = np.ones(first.size)
    graph = sp.coo_matrix((joined, (first, second)), shape=(n, n))
    count, piece = connected_components(graph, directed=False)
    if count > 1:
        sizes = sorted(np.bincount(piece).tolist(), reverse=True)
        raise MeshError(
            f"the device is disconnected: {count} pieces of {', '.join(map(str, sizes[:5]))} cells "
            "that share no edge; "
            "keep one piece, or join them",
            value=count,
        )


def _check_boundaries(device: DeviceMesh) -> None:
    outer = device.mesh.boundary_facets()
    for name, facets in device.boundaries.items():
        if facets.size == 0:
            raise MeshError(
                f"boundary {name!r} has no edges; name at least one edge of the device", value=name
            )
        inside = int(np.count_nonzero(~np.isin(facets, outer)))
        if inside and not device.is_channel:
            raise MeshError(
                f"boundary {name!r}: {inside} of {facets.size} edges lie inside the device; "
                "a contact or edge must lie on the boundary",
                value=name,
            )
    _check_disjoint(device.boundaries, "boundaries", "edge(s)")
    both = sorted(set(device.boundaries) & set(device.regions))
    if both:
        raise MeshError(
            f"name {both[0]!r} is used for both a boundary and a region; rename one", value=both[0]
        )


def _check_regions(device: DeviceMesh) -> None:
    count = 0
    for name, cells in device.regions.items():
        if cells.size == 0:
            raise MeshError(
                f"region {name!r} has no cells; name at least one cell or remove it", value=name
            )
        if cells[0] < 0 or cells[-1] >= device.n_cells:
            raise MeshError(
                f"region {name!r} has cells outside 0 to {device.n_cells - 1}", value=name
            )
        count += cells.size
    _check_disjoint(device.regions, "regions", "cell(s)")
    if count != device.n_cells:
        raise MeshError(
            f"{device.n_cells - count} cell(s) belong to no region; the regions must cover the "
            "device"
        )


def _check_disjoint(groups: Mapping[str, np.ndarray], what: str, items: str) -> None:
    owner: dict[int, str] = {}
    for name, members in groups.items():
        shared = [owner[i] for i in members.tolist() if i in owner]
        if shared:
            raise MeshError(
                f"{what} {shared[0]!r} and {name!r} overlap in {shared.count(shared[0])} {items}; "
                "each may carry one name only",
                value=(shared[0], name),
            )
        owner.update(dict.fromkeys(members.tolist(), name))
