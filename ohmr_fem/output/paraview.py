"""ParaView files, and the subdivided mesh on which files and figures show fields of any order.

Potential and moment density stand at the points, which are doubled where n jumps between regions
(docs/theory, section 12); fields with jumps between cells (E, J, moment currents) stand at the
cells, each with its value at the cell's centre.  Order 1 is
written as it is, order 2 as quadratic cells; order P > 2 subdivides every cell into P x P linear
ones, and the file says so.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from ..errors import InputError
from ..errors.doors import door
from ..files import atomic_path
from ..solver.solution import FieldValues, Solution
from ..solver.system import AXIS
from ..units import vector_si

#: VTK's quadratic cells: lattice nodes in the order of the format, by number of vertices of the
#: cell.
_QUADRATIC = {
    2: ("line3", [0, 2, 1]),
    3: ("triangle6", [0, 2, 5, 1, 4, 3]),
    4: ("quad9", [0, 2, 8, 6, 1, 5, 7, 3, 4]),
}
_LINEAR = {2: "line", 3: "triangle", 4: "quad"}


@dataclass(frozen=True, eq=False)
class Subdivision:
    """Every cell cut into pieces x pieces equal linear cells that share their points.

    Attributes
    ----------
    pieces : int
    points : (3, n) m
    cells : (m, vertices) point numbers of the linear cells
    nodes : (n_cells, k) point numbers of the lattice of every cell of the device mesh
    parent : (m,) cell of the device mesh that holds each linear cell
    X, centres : (dim, k), (dim, pieces**dim) reference coordinates of the lattice and of the
    centres of linear cells
    first : (n,) where each point first occurs among the n_cells * k lattice points
    """

    pieces: int
    points: np.ndarray
    cells: np.ndarray
    nodes: np.ndarray
    parent: np.ndarray
    X: np.ndarray
    centres: np.ndarray
    first: np.ndarray

    def at_points(self, solution: Solution) -> FieldValues:
        """Fields at the points; continuous fields only, the others belong to one of the cells at
        the point.
        """
        values = solution.in_cells(self.X)
        picked: dict[str, Any] = {}
        for item in dataclasses.fields(values):
            field = getattr(values, item.name)
            picked[item.name] = None if field is None else field[..., self.first]
        return FieldValues(**picked)


def subdivide(
    solution: Solution,
    pieces: int | None = None,
) -> Subdivision:
    """Subdivide the mesh of a solution; by default into as many pieces as the order of its elements
    or curved cells.
    """
    mesh = solution.problem.mesh.mesh
    pieces = pieces or max(solution.problem.order or 1, solution.problem.mesh.order_geometry)
    lattice, local = _lattice(mesh.t.shape[0], pieces)
    # (k, vertices) integers; the point is their weighted mean of the vertices
    weights = np.atleast_2d(lattice)
    X = _reference(weights)
    first, number = _shared(weights, mesh.t.T, _owners(solution))
    nodes = number.reshape(mesh.nelements, -1)
    flat = np.asarray(mesh.mapping().F(X)).reshape(len(X), -1)
    points = np.zeros((3, first.size))
    for axis, row in zip(solution.problem.mesh.axes, flat, strict=True):
        points[AXIS[axis]] = row[first]
    return Subdivision(
        pieces=pieces,
        points=points,
        cells=nodes[:, local].reshape(-1, local.shape[1]),
        nodes=nodes,
        parent=np.repeat(np.arange(mesh.nelements), len(local)),
        X=X,
        centres=X[:, local].mean(axis=2),
        first=first,
    )


def _owners(solution: Solution) -> np.ndarray:
    """(n_cells,) numbers of the pieces of the device between which the moment density may jump."""
    mesh = solution.problem.mesh
    owner = np.zeros(mesh.n_cells, dtype=int)
    if not solution.has_jumps:
        return owner
    for number, (region, members) in enumerate(mesh.regions.items()):
        material = solution.problem.materials[region]
        chi = material.sheet_conductivity, material.diffusion_constant
        by_cell = any(isinstance(value, np.ndarray) for value in chi)
        owner[members] = 1 + members + len(mesh.regions) if by_cell else number
    return owner


def _shared(
    weights: np.ndarray,
    cells: np.ndarray,
    owner: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Where each point of the lattices of all cells first occurs, and the number of every one.

    A lattice point is known by its vertices, their weights and the owner of the cell, so cells
    agree on shared points without round-off.
    """
    spread = cells[:, None, :] * (weights.max() + 1)  # room for a weight below each vertex
    keys = np.where(weights > 0, spread + weights, -1)
    keys = np.sort(keys.reshape(-1, weights.shape[1]), axis=1)
    keys = np.column_stack([keys, np.repeat(owner, len(weights))])
    _, first, number = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return first, number


def _lattice(
    vertices: int,
    p: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Integer weights (k, vertices) of the lattice points of one cell, and its linear cells
    (p**dim, vertices).
    """
    if vertices == 2:
        i = np.arange(p + 1)
        return np.column_stack([p - i, i]), np.column_stack([i[:-1], i[1:]])
    if vertices == 4:
        j, i = np.divmod(np.arange((p + 1) ** 2), p + 1)
        corner = (j * (p + 1) + i)[(i < p) & (j < p)]
        weights = np.column_stack([(p - i) * (p - j), i * (p - j), i * j, (p - i) * j])
        return weights, np.column_stack([corner, corner + 1, corner + p + 2, corner + p + 1])
    pairs = [(i, j) for j in range(p + 1) for i in range(p + 1 - j)]
    at = {pair: n for n, pair in enumerate(pairs)}
    up = [(at[i, j], at[i + 1, j], at[i, j + 1]) for i, j in pairs if i + j < p]
    down = [(at[i + 1, j], at[i + 1, j + 1], at[i, j + 1]) for i, j in pairs if i + j < p - 1]
    i, j = np.array(pairs).T
    return np.column_stack([p - i - j, i, j]), np.array(up + down)


def _reference(weights: np.ndarray) -> np.ndarray:
    """Reference coordinates (dim, k) of lattice points with the given weights."""
    share = weights / weights.sum(axis=1, keepdims=True)
    if weights.shape[1] == 4:
        return np.array([share[:, 1] + share[:, 2], share[:, 2] + share[:, 3]])
    return np.asarray(share[:, 1:].T)


@door
def export_paraview(
    solutions: Solution | Sequence[Solution],
    path: str | Path,
    times: Sequence[float] | None = None,
) -> Path:
    """Write a solution as ``path`` (.vtu), or several as .vtu files with a .pvd series that
    ParaView plays.

    Coordinates are in m; every field name carries its unit.  The timestep of a series is B in
    tesla, signed along the last field, where that increases from file to file, and otherwise the
    number of the file.

    Parameters
    ----------
    solutions : Solution or sequence of Solutions
    path : str or Path
        Ending in .vtu, or in .pvd for a series.
    times : sequence of float, optional
        Timesteps of a series in place of B, such as ``run.times`` of a transient.

    Returns
    -------
    Path of the file to open

    Raises
    ------
    InputError
        Wrong ending, nothing to write, or a folder that cannot be written.
    """
    path = Path(path)
    if isinstance(solutions, Solution):
        if path.suffix != ".vtu":
            raise InputError(
                f"{path}: a single solution is written as .vtu; name the file {path.stem}.vtu",
                value=path,
            )
        return _write_vtu(solutions, path)
    series = list(solutions)
    if not series or not all(isinstance(s, Solution) for s in series):
        raise InputError(
            "expected a Solution or a non-empty list of Solutions", key="export_paraview"
        )
    if path.suffix not in (".pvd", ".vtu"):
        raise InputError(
            f"{path}: a series is written as .pvd; name the file {path.stem}.pvd", value=path
        )
    if times is not None and len(times) != len(series):
        raise InputError(f"got {len(times)} for {len(series)} solutions", key="times")
    digits = len(str(len(series) - 1))
    files = []
    for i, solution in enumerate(series):
        name = f"{path.stem}_{i:0{digits}d}.vtu"
        files.append(_write_vtu(solution, path.with_name(name)))
    steps = _timesteps(series) if times is None else vector_si(times, "s", "times").tolist()
    return _write_pvd(files, steps, path.with_suffix(".pvd"))


def _timesteps(series: Sequence[Solution]) -> list[float]:
    last = series[-1].field
    along = []
    for solution in series:
        size = np.linalg.norm(solution.field)
        along.append(float(np.copysign(size, solution.field @ last)))
    if all(a < b for a, b in itertools.pairwise(along)):
        return along
    return [float(i) for i in range(len(series))]


def _write_pvd(
    files: Sequence[Path],
    steps: Sequence[float],
    path: Path,
) -> Path:
    rows = "".join(
        f'    <DataSet timestep="{t:.17g}" group="" part="0" file={quoteattr(f.name)}/>\n'
        for f, t in zip(files, steps, strict=True)
    )
    with atomic_path(path) as temporary:
        temporary.write_text(
            '<?xml version="1.0"?>\n<VTKFile type="Collection" version="0.1">\n  <Collection>\n'
            f"{rows}  </Collection>\n</VTKFile>\n",
            encoding="utf-8",
        )
    return path


def _write_vtu(
    solution: Solution,
    path: Path,
) -> Path:
    import meshio

    parts = subdivide(solution)
    mesh = solution.problem.mesh
    kind, cells, parent, centres = _cells(parts, mesh.mesh.t.shape[0])
    region = np.zeros(mesh.n_cells, dtype=np.int32)
    for number, members in enumerate(mesh.regions.values()):
        region[members] = number
    cell_data = {**_cell_fields(solution.in_cells(centres)), "region": region[parent]}
    written = meshio.Mesh(
        parts.points.T.copy(),
        [(kind, cells)],
        point_data=_point_fields(solution, parts),
        cell_data={name: [values] for name, values in cell_data.items()},
    )
    pieces = len(centres[0])
    shown = "linear cells"
    if parts.pieces == 2:
        shown = "quadratic cells"
    elif parts.pieces > 1:
        shown = f"each cell subdivided into {pieces} linear cells"
    with atomic_path(path) as temporary:
        meshio.write(temporary, written, file_format="vtu")
        _annotate(temporary, solution, shown, pieces)
    return path


def _cells(
    parts: Subdivision,
    vertices: int,
) -> tuple[str, np.ndarray, np.ndarray, np.ndarray]:
    """Kind and points of the cells of the file, the cell of the mesh behind each, and where the
    fields of a cell are taken.
    """
    if parts.pieces != 2:
        return _LINEAR[vertices], parts.cells, parts.parent, parts.centres
    kind, order = _QUADRATIC[vertices]
    middle = parts.X.mean(axis=1, keepdims=True)
    return kind, parts.nodes[:, order], np.arange(len(parts.nodes)), middle


def _point_fields(
    solution: Solution,
    parts: Subdivision,
) -> dict[str, np.ndarray]:
    total = parts.at_points(solution)
    nothing = np.zeros_like(solution.ohmic_dofs)
    orbital = parts.at_points(dataclasses.replace(solution, ohmic_dofs=nothing))
    found = {
        "potential [V]": total.potential,
        "potential_orbital [V]": orbital.potential,
        "moment_density [C/m^2]": np.ascontiguousarray(total.moment_density.T),
    }
    if total.spin_density is not None:
        found["spin_density [C/m^2]"] = np.ascontiguousarray(total.spin_density.T)
    return found


def _cell_fields(values: FieldValues) -> dict[str, np.ndarray]:
    fields = {
        "electric_field [V/m]": values.electric_field,
        "current_density [A/m]": values.current_density,
    }
    for i, axis in enumerate("xyz"):
        fields[f"moment_current_{axis} [A/m]"] = values.moment_current[i]
        if values.spin_current is not None:
            fields[f"spin_current_{axis} [A/m]"] = values.spin_current[i]
    return {name: np.ascontiguousarray(field.T) for name, field in fields.items()}


def _data_array(
    name: str,
    values: Sequence[float],
) -> str:
    """Numbers of the whole file as XML."""
    digits = " ".join(f"{x:.17g}" for x in values)
    return (
        f'<DataArray type="Float64" Name={quoteattr(name)} '
        f'NumberOfComponents="{len(values)}" NumberOfTuples="1" '
        f'format="ascii">{digits}</DataArray>\n'
    )


def _annotate(
    path: Path,
    solution: Solution,
    shown: str,
    pieces: int,
) -> None:
    """Add provenance as an XML comment, and the field and order as field data (numbers: meshio
    reads no strings).
    """
    from ..version import __version__

    problem = solution.problem
    regions = ", ".join(f"{i} = {name}" for i, name in enumerate(problem.mesh.regions))
    lines = [
        f"ohmr_fem {__version__}",
        repr(solution),
        f"elements of order {problem.order}, written as {shown}",
        f"regions: {regions}",
        repr(problem),
    ]
    numbers: dict[str, Any] = {
        "magnetic_field [T]": solution.field,
        "element_order": [problem.order],
        "cells_per_element": [pieces],
    }
    arrays = "".join(_data_array(name, values) for name, values in numbers.items())
    text = path.read_text(encoding="utf-8")
    comment = escape("\n".join(lines)).replace("--", "- -")  # XML forbids -- in a comment
    text = text.replace(
        "<UnstructuredGrid>",
        f"<!--\n{comment}\n-->\n<UnstructuredGrid>\n<FieldData>\n{arrays}</FieldData>",
        1,
    )
    path.write_text(text, encoding="utf-8")
