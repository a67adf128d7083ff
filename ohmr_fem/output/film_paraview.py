"""The moment density of a film as prisms through its thickness, for ParaView."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import InputError
from ..errors.doors import door
from ..files import atomic_path
from ..sweep.film_moment import FilmMoment

#: Cells of the plane and what they are through the thickness, by number of vertices.
PRISMS = {3: "wedge", 4: "hexahedron"}


@door
def export_film(
    moment: FilmMoment,
    path: str | Path,
) -> Path:
    """Write the moment of a film as prisms between its heights, for ParaView.

    The first points are the bottom, the last the top.  Two heights give both faces; more show the
    profile between them.  Lengths in metres, densities in C/m^3.

    Parameters
    ----------
    moment : FilmMoment
    path : str or Path
        Ends in .vtu.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        Another ending than .vtu, a file that cannot be written.
    """
    import meshio

    path = Path(path)
    if path.suffix != ".vtu":
        raise InputError(f"{path}: expected a name that ends in .vtu", value=str(path))
    mesh = moment.problem.mesh.mesh
    n = mesh.p.shape[1]
    corners = {3: 3, 6: 3}.get(mesh.t.shape[0], 4)
    cells = mesh.t[:corners].T
    z = np.repeat(moment.z, n)
    points = np.column_stack([np.tile(mesh.p.T, (len(moment.z), 1)), z])
    layers = [np.hstack([cells + k * n, cells + (k + 1) * n]) for k in range(len(moment.z) - 1)]
    values = {"moment_density [C/m^3]": moment.density}
    if moment.spin_density is not None:
        values["spin_density [C/m^3]"] = moment.spin_density
    by_point = {name: n.transpose(0, 2, 1).reshape(-1, 3) for name, n in values.items()}
    grid = meshio.Mesh(
        points,
        [(PRISMS[corners], np.vstack(layers))],
        point_data={name: np.ascontiguousarray(n) for name, n in by_point.items()},
    )
    with atomic_path(path) as temporary:
        grid.write(temporary, file_format="vtu")
    return path
