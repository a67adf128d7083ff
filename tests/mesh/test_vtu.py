"""A device that was written for ParaView is the same device when its file is read."""

from __future__ import annotations

from dataclasses import replace

import meshio
import numpy as np
import pytest
from small_devices import MATERIAL, bar

import ohmr_fem as of

pytestmark = pytest.mark.filterwarnings("ignore")
NAMES = ("film", "lead, 1 = <b> & co")


def solved(mesh, order):
    """Two regions of unlike sigma/D, between which the moment density jumps."""
    film = of.Material(**MATERIAL)
    lead = replace(film, sheet_conductivity=0.1, diffusion_constant=None)
    materials = dict(zip(NAMES, (film, lead), strict=True))
    problem = of.Problem(mesh, materials, ["left", "right"], order=order)
    return of.solve(problem, (0.1, 0.0, 0.0), currents={"left": 1e-6, "right": -1e-6})


def two_regions(quads):
    mesh = bar(12, 4, quads=quads)
    right = np.flatnonzero(mesh.mesh.p[0, mesh.mesh.t].mean(axis=0) > 1e-7)
    left = np.setdiff1d(np.arange(mesh.n_cells), right)
    return replace(mesh, regions=dict(zip(NAMES, (left, right), strict=True)))


def areas(device):
    x, y = device.mesh.p[:, device.mesh.t[: 4 if device.mesh.t.shape[0] in (4, 9) else 3]]
    return 0.5 * np.abs(np.sum(x * np.roll(y, -1, 0) - np.roll(x, -1, 0) * y, axis=0))


@pytest.mark.parametrize("quads, order", [(False, 1), (False, 2), (True, 2)])
def test_two_regions_come_back(tmp_path, quads, order):
    mesh = two_regions(quads)
    path = of.export_paraview(solved(mesh, order), tmp_path / "device.vtu")
    written = meshio.read(path)
    assert len(np.unique(np.round(written.points / 1e-13), axis=0)) < len(written.points)  # doubled
    read = of.read_mesh(path)
    assert (read.n_cells, type(read.mesh)) == (mesh.n_cells, type(mesh.mesh))
    assert list(read.regions) == list(mesh.regions)
    for name in NAMES:
        assert np.array_equal(read.regions[name], mesh.regions[name])
        first, again = (areas(device)[device.regions[name]] for device in (mesh, read))
        assert np.allclose(again, first, rtol=1e-12)


def test_order_three_comes_back_in_pieces(tmp_path):
    mesh = two_regions(quads=True)
    read = of.read_mesh(of.export_paraview(solved(mesh, 3), tmp_path / "device.vtu"))
    assert read.n_cells == 9 * mesh.n_cells and set(read.regions) == set(NAMES)
    assert areas(read).sum() == pytest.approx(areas(mesh).sum(), rel=1e-12)


def test_a_curved_device_stays_curved(tmp_path):
    disc = of.disc_mesh("100 nm", rings=2).with_boundaries(
        {"left": lambda p: p[0] < -7e-8, "right": lambda p: p[0] > 7e-8}
    )
    problem = of.Problem(disc, of.Material(**MATERIAL), ["left", "right"], order=2)
    solution = of.solve(problem, (0.1, 0, 0), currents={"left": 1e-6, "right": -1e-6})
    read = of.read_mesh(of.export_paraview(solution, tmp_path / "disc.vtu"))
    assert type(read.mesh) is type(disc.mesh) and read.n_cells == disc.n_cells


def test_doubled_nodes_of_another_program_are_refused_still(tmp_path):
    """Which of them is a crack that somebody drew is not for us to say."""
    path = of.export_paraview(solved(two_regions(True), 1), tmp_path / "device.vtu")
    foreign = meshio.read(path)
    foreign.field_data = {}
    foreign.write(tmp_path / "foreign.vtu")
    with pytest.raises(of.MeshError, match="merge the duplicate nodes"):
        of.read_mesh(tmp_path / "foreign.vtu")
