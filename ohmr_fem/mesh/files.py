"""Reading and writing mesh files, by meshio.

Line groups of a file name contacts and edges, surface groups name regions.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import skfem

from ..base.file_kind import told
from ..errors import InputError, MeshError
from ..errors.doors import door
from ..files import escaped, plain_file
from ..units import positive
from .cells import STRAIGHT, build_mesh, cell_kind, find_facets
from .check import check_mesh
from .device_mesh import DeviceMesh, complete_regions
from .inp import read_inp
from .msh import RawMesh, read_msh, version_of
from .vtu import as_mesh

logger = logging.getLogger(__name__)

_CELLS: dict[str, type] = {
    "triangle": skfem.MeshTri1,
    "triangle6": skfem.MeshTri2,
    "quad": skfem.MeshQuad1,
    "quad8": skfem.MeshQuad2,
    "quad9": skfem.MeshQuad2,
}
_WRITTEN: dict[type | None, tuple[str, str]] = {
    skfem.MeshTri1: ("triangle", "line"),
    skfem.MeshTri2: ("triangle6", "line3"),
    skfem.MeshQuad1: ("quad", "line"),
    skfem.MeshQuad2: ("quad9", "line3"),
}
Groups = dict[str, list[tuple[int, np.ndarray]]]


@door
def read_mesh(path: str | Path, unit: str = "m") -> DeviceMesh:
    """Read a device from a mesh file.

    Parameters
    ----------
    path : str or Path
        Gmsh .msh (2.2 or 4.1, ascii or binary) or any format meshio reads (.vtu, .xdmf, .inp).
        Triangles or quadrilaterals, straight or second order, in a plane of constant z.
    unit : str
        Unit of the coordinates in the file, e.g. ``"nm"``.

    Returns
    -------
    DeviceMesh with axes ("x", "y"). Boundary groups become ``boundaries``, surface groups
    ``regions``; an unnamed boundary is an insulating reflecting edge, an unnamed surface is region
    ``bulk``.

    Raises
    ------
    InputError
        Missing file, unknown unit.
    MeshError
        Unreadable file, or a mesh that :func:`check_mesh` refuses.
    """
    path = Path(path)
    factor = _length_unit(unit)
    if not path.exists():
        raise InputError(
            f"mesh file {escaped(str(path))!r} does not exist; give the path of a .msh file",
            value=str(path),
        )
    plain_file(path, "a mesh file")
    with _of_file(path):
        raw = _load(path)
        _check_dimension(raw)
        kind, cell_nodes, of_block = _cells(raw)
        groups = _groups(raw)
        regions, keep = _regions(raw, groups, of_block, cell_nodes)
        cell_nodes = cell_nodes[:, keep]
        points = np.asarray(raw.points)[:, :2] * factor
        nodes = _nodes(points, cell_nodes, kind)
        triangles = cell_nodes.shape[0] in (3, 6)
        n_corners = 3 if triangles else 4
        mesh, used = build_mesh(kind, cell_nodes[:n_corners], nodes)
        boundaries = _boundaries(raw, groups, mesh, used)
        device = DeviceMesh(
            mesh,
            ("x", "y"),
            boundaries,
            regions,
            str(path),
        )
        check_mesh(device)
    return device


def _length_unit(unit: str) -> float:
    if not isinstance(unit, str) or not unit.strip():
        raise InputError(
            f"expected the name of a length such as 'm' or 'nm', got {unit!r}",
            value=unit,
            key="unit",
        )
    try:
        return positive(f"1 {unit}", "m", "unit")
    except InputError as exc:
        raise InputError(
            f"expected a length such as 'm', 'um' or 'nm', got {unit!r}", value=unit, key="unit"
        ) from exc


@contextlib.contextmanager
def _of_file(path: Path) -> Iterator[None]:
    try:
        yield
    except MeshError as exc:
        raise MeshError(f"{path.name}: {exc}", value=exc.value) from exc
    except InputError:
        raise
    except Exception as exc:  # scikit-fem raises Exception for cells that are flat
        reason = escaped(f"{type(exc).__name__}: {exc}")[:120]
        raise MeshError(
            f"{path.name}: cannot be read as a mesh ({reason}); mesh the device again",
            value=str(path),
        ) from exc


def _load(path: Path) -> Any:
    """Our own readers for .msh and .inp; meshio's reader of the format for the rest:
    ``meshio.read`` prints and exits on failure, and to catch that would take the output of every
    other thread.
    """
    if _is_msh(path):
        data = path.read_bytes()
        _check_physical_names(data)
        if version_of(data) in ("2", "2.0", "2.1", "2.2", "4.1"):
            return read_msh(data)
    if path.suffix.lower() == ".inp":
        return read_inp(path)
    import meshio

    ending = path.suffix.lower()
    if ending in (".node", ".ele"):  # meshio reads an empty one for ever
        raise MeshError("is a tetrahedral mesh of TetGen; give a planar mesh such as gmsh .msh")
    kinds = ["gmsh"] if _is_msh(path) else meshio.extension_to_filetypes.get(ending, [])
    if not kinds:
        raise _no_mesh(path, f"unknown ending {ending!r}")
    try:
        raw = getattr(meshio, kinds[0].replace("-", "_")).read(path)
        return as_mesh(raw, path) if ending == ".vtu" else raw
    except (Exception, SystemExit) as exc:
        why = " ".join(str(exc).split())[:200] or type(exc).__name__
        raise _no_mesh(path, why) from exc


def _no_mesh(path: Path, why: str) -> MeshError:
    kind = told(path)
    if kind and "of.read_mesh" not in kind:
        return MeshError(f"cannot be read as a mesh: is {kind}", value=str(path))
    return MeshError(
        f"cannot be read as a mesh ({why}); expected gmsh .msh 2.2 or 4.1, or another format of "
        "meshio",
        value=str(path),
    )


def _is_msh(path: Path) -> bool:
    return path.suffix.lower() == ".msh"


def _check_physical_names(data: bytes) -> None:
    """Of two groups with the same name one would be lost; the file itself shows both."""
    _, found, tail = data.partition(b"$PhysicalNames")
    if not found:
        return
    dimension: dict[str, str] = {}
    section, _, _ = tail.partition(b"$EndPhysicalNames")
    lines = section.decode(errors="replace").splitlines()
    for line in lines[2:]:  # after the rest of the heading and the number of names
        fields = line.split(maxsplit=2)
        if len(fields) == 3:
            name = fields[2].strip().strip('"')
            if name in dimension:
                raise MeshError(
                    f"group name {name!r} is used twice; names must not overlap: rename one",
                    value=name,
                )
            dimension[name] = fields[0]


def _check_dimension(raw: Any) -> None:
    solid = sorted({b.type for b in raw.cells if b.dim == 3})
    if solid:
        raise MeshError(
            f"3D mesh ({', '.join(solid)}); give a planar mesh of triangles or quadrilaterals",
            value=solid,
        )
    points = np.asarray(raw.points, dtype=float)
    if points.ndim != 2 or points.shape[0] == 0:
        raise MeshError("the mesh is empty: it has no nodes")
    if points.shape[1] == 3:
        nodes = [np.empty(0, int)]
        for b in raw.cells:
            if b.dim == 2:
                nodes.append(b.data.ravel())
        # a file may number its nodes without sign: those and ints join to floats
        used = np.unique(np.concatenate(nodes)).astype(int)
        height = np.ptp(points[used, 2]) if used.size else 0.0
        extent = np.ptp(points[:, :2], axis=0).max()
        if height > 1e-9 * extent:
            raise MeshError(
                f"3D mesh: z varies by {height:g}; the device must lie in a plane of constant z"
            )


def _cells(raw: Any) -> tuple[type, np.ndarray, dict[int, np.ndarray]]:
    """Cell class, node indices (n_nodes, n) and, per block of the file, the cells it became."""
    surfaces = []
    for i, block in enumerate(raw.cells):
        if block.dim == 2 and len(block.data):
            surfaces.append((i, block))
    types = sorted({block.type for _, block in surfaces})
    if not types:
        raise MeshError(
            "the mesh is empty: it has no triangles or quadrilaterals; in gmsh, mesh in 2D and put "
            "the surfaces "
            "into a physical group or save all elements"
        )
    if len(types) > 1:
        raise MeshError(
            f"mixed cells ({', '.join(types)}); mesh with one cell type only", value=types
        )
    if types[0] not in _CELLS:
        raise MeshError(
            f"cells of type {types[0]!r} are not supported; accepted: {', '.join(_CELLS)}",
            value=types[0],
        )
    of_block: dict[int, np.ndarray] = {}
    start = 0
    blocks = []
    for i, block in surfaces:
        stop = start + len(block.data)
        of_block[i] = np.arange(start, stop)
        start = stop
        blocks.append(np.asarray(block.data, dtype=np.int64))
    nodes = np.vstack(blocks).T
    if nodes.min() < 0 or nodes.max() >= len(raw.points):
        raise MeshError(
            f"cannot be read as a mesh (a cell has a node outside 0 to {len(raw.points) - 1}); "
            "save it again"
        )
    return _CELLS[types[0]], nodes, of_block


def _nodes(points: np.ndarray, cells: np.ndarray, kind: type) -> np.ndarray:
    nodes = points.T[:, cells]
    if kind is skfem.MeshQuad2 and nodes.shape[1] == 8:  # the centre of a serendipity cell
        corners = nodes[:, :4].sum(axis=1)
        middles = nodes[:, 4:].sum(axis=1)
        centre = middles / 2 - corners / 4
        nodes = np.concatenate([nodes, centre[:, None]], axis=1)
    return np.asarray(nodes)


def _groups(raw: Any) -> Groups:
    """Per group name, the blocks of the file and the members within each block."""
    out: Groups = {}
    for name, sets in raw.cell_sets.items():
        if name.startswith("gmsh:"):
            continue
        out[name] = []
        for i, members in enumerate(sets):
            if members is not None and len(members):
                out[name].append((i, np.asarray(members, dtype=int)))
    if out:
        return out
    if isinstance(raw, RawMesh):
        return {name: [] for name in raw.field_data}
    # of MED: the names of each tag
    families = (raw.cell_data or {}).get("cell_tags", [])
    for tag, names in (getattr(raw, "cell_tags", None) or {}).items():
        for name in names:
            group = out.setdefault(str(name), [])
            for i, of_block in enumerate(families):
                members = np.flatnonzero(np.asarray(of_block) == tag)
                if members.size:
                    group.append((i, members))
    if out:
        return out
    tags: Any = (raw.cell_data or {}).get("gmsh:physical")
    for name, (tag, dim) in _physical_names(raw, tags):
        out[name] = []
        for i, block in enumerate(raw.cells):
            if block.dim == dim and len(tags[i]):
                members = np.flatnonzero(np.asarray(tags[i]) == tag)
                if members.size:
                    out[name].append((i, members))
    return out


def _physical_names(raw: Any, tags: Any) -> list[tuple[str, tuple[int, int]]]:
    """Field data is a group only as gmsh has it, a tag and a dimension; a time is none."""
    out = []
    for name, value in (raw.field_data or {}).items():
        pair = np.asarray(value)
        if tags is not None and pair.shape == (2,) and pair.dtype.kind in "iu":
            out.append((name, (int(pair[0]), int(pair[1]))))
    return out


def _split_groups(raw: Any, groups: Groups, dim: int) -> Groups:
    out: Groups = {}
    for name, parts in groups.items():
        dims = {raw.cells[i].dim for i, _ in parts}
        if not dims and isinstance(raw, RawMesh) and name in raw.field_data:
            dims = {int(raw.field_data[name][1])}
        if dims == {0} and dim == 1:
            logger.warning("point group %r ignored: contacts and edges are groups of lines", name)
        if len(dims) > 1:
            raise MeshError(
                f"group {name!r} holds both lines and surfaces; use two names", value=name
            )
        if dims == {dim}:
            if not parts:
                what = "edges" if dim == 1 else "cells"
                raise MeshError(f"group {name!r} is empty; give it {what} or delete it", value=name)
            out[name] = parts
    return out


def _regions(
    raw: Any,
    groups: Groups,
    of_block: dict[int, np.ndarray],
    cells: np.ndarray,
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Regions, and the cells to keep: format 2.2 repeats a cell for every group it is in."""
    _, keep, same = np.unique(
        np.sort(cells, axis=0),
        axis=1,
        return_index=True,
        return_inverse=True,
    )
    same = same.ravel()
    keep = np.sort(keep)
    first = np.empty(keep.size, dtype=int)
    first[same[keep]] = np.arange(keep.size)
    kept_as = first[same]
    named = {}
    for name, parts in _split_groups(raw, groups, 2).items():
        members = np.concatenate([of_block[i][inside] for i, inside in parts])
        named[name] = np.unique(kept_as[members])
    return complete_regions(named, keep.size), keep


def _boundaries(
    raw: Any,
    groups: Groups,
    mesh: Any,
    used: np.ndarray,
) -> dict[str, np.ndarray]:
    out = {}
    for name, parts in _split_groups(raw, groups, 1).items():
        lines = []
        for i, members in parts:
            nodes = np.asarray(raw.cells[i].data)
            lines.append(nodes[members, :2])
        ends = np.vstack(lines).T
        at = np.searchsorted(used, ends)
        last = used.size - 1
        known = (at <= last) & (used[np.minimum(at, last)] == ends)
        facets = find_facets(mesh, np.where(known, at, -1))
        missing = int(np.count_nonzero(facets < 0))
        if missing:
            raise MeshError(
                f"boundary {name!r}: {missing} of {facets.size} lines are not edges of any cell; "
                "let the lines bound the meshed surface",
                value=name,
            )
        drawn = isinstance(raw, RawMesh) and name in raw.entities
        if drawn and not np.isin(facets, mesh.boundary_facets()).any():
            logger.info("%r left out: a curve within the device", name)
            continue
        out[name] = facets
    if isinstance(raw, RawMesh):
        out.update(_node_boundaries(raw, out, mesh, used))
    return out


def _node_boundaries(
    raw: RawMesh,
    taken: dict[str, np.ndarray],
    mesh: Any,
    used: np.ndarray,
) -> dict[str, np.ndarray]:
    """Node sets that are boundaries: of nodes on the boundary alone, where no lines say it, and
    not the sum of others, such as all nodes.
    """
    outer = mesh.boundary_facets()
    ends = used[mesh.facets[:, outer]]
    inner = np.setdiff1d(used, ends)
    found = {}
    for name, nodes in raw.point_sets.items():
        facets = outer[np.isin(ends, nodes).all(axis=0)]
        if facets.size and not np.isin(inner, nodes).any():
            found[name] = facets
    out: dict[str, np.ndarray] = {}
    for name in sorted(found, key=lambda n: len(found[n])):
        facets = found[name]
        by_lines = any(np.isin(facets, other).any() for other in taken.values())
        sums = any(np.isin(other, facets).all() for other in out.values())
        if not by_lines and not sums:
            out[name] = facets
    for name in raw.point_sets:
        if name not in out and name not in taken:
            logger.warning("node set %r left out: it is no boundary of its own", name)
    return {name: out[name] for name in raw.point_sets if name in out}


# ---- writing ------------------------------------------------------------------------------------


@door
def write_mesh(
    device: DeviceMesh,
    path: str | Path,
    unit: str = "m",
    *,
    binary: bool = False,
) -> None:
    """Write a 2D device as gmsh .msh 2.2 with all names; :func:`read_mesh` gives it back.

    Parameters
    ----------
    device : DeviceMesh, 2D
    path : str or Path ending in .msh
    unit : str
        Unit of the coordinates in the file.
    binary : bool
        Numbers as bytes instead of text.

    Raises
    ------
    InputError
        Another ending, an unknown unit, a file that cannot be written.
    MeshError
        A mesh that is not 2D.
    """
    import meshio

    path = Path(path)
    if not _is_msh(path):
        raise InputError(f"write_mesh writes .msh files, got {path.name!r}", value=str(path))
    kind = cell_kind(device.mesh)
    if kind not in _WRITTEN:
        raise MeshError("only 2D meshes can be written to .msh", value=device.axes)
    cell_type, line_type = _WRITTEN[kind]
    points, cells, lines = _numbered(device)
    names = {}
    for tag, name in enumerate(device.regions, start=1):
        names[name] = np.array([tag, 2])
    blocks = []
    tags = []
    for tag, (name, facets) in enumerate(device.boundaries.items(), start=len(names) + 1):
        names[name] = np.array([tag, 1])
        blocks.append((line_type, lines[:, facets].T))
        tags.append(np.full(facets.size, tag))
    for tag, members in enumerate(device.regions.values(), start=1):
        blocks.append((cell_type, cells[:, members].T))
        tags.append(np.full(members.size, tag))
    in_plane = points / _length_unit(unit)
    z = np.zeros(len(points))
    raw = meshio.Mesh(
        np.column_stack([in_plane, z]),
        blocks,
        cell_data={"gmsh:physical": tags, "gmsh:geometrical": tags},
        field_data=names,
    )
    meshio.gmsh.write(
        path,
        raw,
        fmt_version="2.2",
        binary=binary,
        float_fmt=".16e",
    )


def _numbered(device: DeviceMesh) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points (n, 2), nodes of the cells (k, n_cells) and nodes of the facets (2 or 3, n_facets)."""
    mesh = device.mesh
    if cell_kind(mesh) not in STRAIGHT:
        return mesh.p.T, mesh.t, mesh.facets
    edges = np.vstack([mesh.facets, mesh.dofs.facet_dofs])
    return mesh.doflocs.T, mesh.dofs.element_dofs, edges
