"""What is written for ParaView, read back by other readers and held against closed forms."""

from __future__ import annotations

import warnings
import xml.etree.ElementTree as ET

import meshio
import numpy as np
import pytest
import skfem
from small_devices import MATERIAL, bar, bar_solution

import ohmr_fem as of
from ohmr_fem.output.paraview import export_paraview, subdivide

AREA = 1.2e-6 * 4e-7
N, V = "moment_density [C/m^2]", "potential [V]"
E, J = "electric_field [V/m]", "current_density [A/m]"


def _areas(points, cells):
    x, y = points[cells, 0], points[cells, 1]
    return 0.5 * np.abs(np.sum(x * np.roll(y, -1, 1) - np.roll(x, -1, 1) * y, axis=1))


@pytest.mark.parametrize(
    ("order", "quads", "kind", "pieces"),
    [
        (1, False, "triangle", 1),
        (2, False, "triangle6", 1),
        (3, False, "triangle", 9),
        (4, False, "triangle", 16),
        (1, True, "quad", 1),
        (2, True, "quad9", 1),
        (3, True, "quad", 9),
    ],
)
def test_vtu_holds_the_solution(tmp_path, order, quads, kind, pieces):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", of.errors.ResolutionWarning)
        solution = bar_solution(order, quads)
    read = meshio.read(export_paraview(solution, tmp_path / "device.vtu"))
    assert [c.type for c in read.cells] == [kind]
    cells = read.cells[0].data
    assert len(cells) == pieces * solution.problem.mesh.n_cells
    corners = cells[:, :4] if quads else cells[:, :3]
    assert _areas(read.points, corners).sum() == pytest.approx(AREA, rel=1e-12)
    assert len(np.unique(np.round(read.points / 1e-12), axis=0)) == len(
        read.points
    )  # no doubled points, no cracks
    if order == 2:  # VTK: corners in turn, then the middle of each edge, then the centre
        n, x = corners.shape[1], read.points
        for i in range(n):
            assert np.allclose(
                x[cells[:, n + i]], (x[cells[:, i]] + x[cells[:, (i + 1) % n]]) / 2, atol=1e-18
            )
    pick = np.linspace(0, len(read.points) - 1, 40).astype(int)
    orbital = read.point_data["potential_orbital [V]"]
    vertex = np.argmin(np.linalg.norm(read.points[:, :2] - solution.points.T[100], axis=1))
    assert orbital[vertex] == pytest.approx(solution.potential_orbital[100], rel=1e-9)
    values = solution.at(read.points[pick, :2])
    for name, expected in ((V, values.potential), (N, values.moment_density.T)):
        assert np.allclose(
            read.point_data[name][pick], expected, rtol=1e-9, atol=1e-10 * np.abs(expected).max()
        )
    pick = np.linspace(0, len(cells) - 1, 40).astype(int)
    values = solution.at(read.points[corners[pick], :2].mean(axis=1))
    expected = {E: values.electric_field, J: values.current_density} | {
        f"moment_current_{a} [A/m]": values.moment_current[i] for i, a in enumerate("xyz")
    }
    for name, field in expected.items():
        assert np.allclose(
            read.cell_data[name][0][pick], field.T, rtol=1e-8, atol=1e-9 * np.abs(field).max()
        ), name
    assert set(read.cell_data["region"][0]) == {0}
    assert (
        read.field_data["cells_per_element"] == pieces and read.field_data["element_order"] == order
    )
    assert np.allclose(read.field_data["magnetic_field [T]"], solution.field)


def _without_hall(mesh, order=2):
    material = of.Material(**{**MATERIAL, "orbital_hall_angle": 1e-6})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", of.ResolutionWarning)
        return of.solve(
            of.Problem(mesh, material, ["left", "right"], order=order),
            currents={"left": 1e-6, "right": -1e-6},
        )


@pytest.mark.parametrize(
    ("order", "quads"),
    [(1, False), (2, False), (3, False), (4, False), (1, True), (2, True), (3, True)],
)
def test_uniform_current_in_the_file(tmp_path, order, quads):
    """1 uA through a bar 400 nm wide: J = 2.5 A/m along +x, E = J/sigma, potential falling along
    x.
    """
    read = meshio.read(
        export_paraview(_without_hall(bar(quads=quads), order), tmp_path / "ohmic.vtu")
    )
    assert np.allclose(read.cell_data[J][0], [2.5, 0, 0], atol=1e-7)
    assert np.allclose(read.cell_data[E][0], [2500.0, 0, 0], rtol=1e-9, atol=1e-4)
    assert np.allclose(read.point_data[V], 2500.0 * (6e-7 - read.points[:, 0]), atol=1e-9)


def test_moment_density_in_the_file(tmp_path):
    """Far from the contacts n^z = (alpha J/D) sinh(y/L_m)/(cosh(w/2 L_m)/L_m): positive at +y for J
    along +x.
    """
    solution = _without_hall(bar(nx=96))
    read = meshio.read(export_paraview(solution, tmp_path / "n.vtu"))
    x, y, _ = read.points.T
    middle = np.abs(x) < 5e-8
    length = MATERIAL["diffusion_length"]
    D = length**2 / MATERIAL["relaxation_time"]
    expected = 1e-6 * 2.5 * length / D * np.sinh(y / length) / np.cosh(2e-7 / length)
    assert np.allclose(read.point_data[N][middle, 2], expected[middle], atol=0.01 * expected.max())
    spin_current = read.cell_data["moment_current_z [A/m]"][0]
    assert spin_current[:, 1].mean() > 0  # alpha J_x flows towards +y


def test_cross_section_is_a_line_along_its_own_axis(tmp_path):
    problem = of.Problem(of.cross_section("400 nm", normal="z", cells=16), of.Material(**MATERIAL))
    solution = of.solve(problem, (1.0, 0, 0))
    read = meshio.read(export_paraview(solution, tmp_path / "film.vtu"))
    assert read.cells[0].type == "line" and np.ptp(read.points[:, 2]) == pytest.approx(4e-7)
    assert np.all(read.points[:, :2] == 0)
    assert (
        read.point_data[N][np.argmax(read.points[:, 2]), 1] < 0
    )  # a film accumulates -n^y at its upper face
    assert np.allclose(read.cell_data[E][0][:, 0], 1.0)


def test_series(tmp_path):
    problem = bar_solution(1).problem
    drive = {"left": 1e-6, "right": -1e-6}
    fields = (-0.5, 0.0, 0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        series = [of.solve(problem, (b, 0, 0), currents=drive) for b in fields]
    pvd = export_paraview(series, tmp_path / "sweep" / "device.pvd")
    sets = ET.parse(pvd).getroot().findall("Collection/DataSet")
    assert [float(s.get("timestep")) for s in sets] == list(fields)
    for s, b in zip(sets, fields, strict=True):
        assert meshio.read(pvd.parent / s.get("file")).field_data["magnetic_field [T]"][0, 0] == b
    again = export_paraview([series[0], series[0]], tmp_path / "same.pvd")
    assert [s.get("timestep") for s in ET.parse(again).getroot().iter("DataSet")] == ["0", "1"]


def test_regions_are_numbered(tmp_path):
    mesh = bar()
    right = np.flatnonzero(mesh.mesh.p[0, mesh.mesh.t].mean(axis=0) > 0)
    mesh = of.DeviceMesh(
        mesh.mesh,
        mesh.axes,
        mesh.boundaries,
        {"west": np.setdiff1d(np.arange(mesh.n_cells), right), "east": right},
    )
    path = export_paraview(_without_hall(mesh), tmp_path / "two.vtu")
    read = meshio.read(path)
    centre = read.points[read.cells[0].data[:, :3], 0].mean(axis=1)
    assert np.array_equal(read.cell_data["region"][0], (centre > 0).astype(int))
    assert "0 = west, 1 = east" in path.read_text()


def test_wrong_names(tmp_path):
    solution = bar_solution()
    with pytest.raises(of.InputError, match=r"device\.vtu"):
        export_paraview(solution, tmp_path / "device.vtk")
    with pytest.raises(of.InputError, match="non-empty"):
        export_paraview([], tmp_path / "device.pvd")
    with pytest.raises(of.InputError, match=r"device\.pvd"):
        export_paraview([solution], tmp_path / "device.xml")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("order", [1, 2, 4])
def test_curved_edges_stay_curved(tmp_path, order):
    """A quarter ring of quadratic cells: every point that is written lies on or between its two
    circles.
    """
    straight = skfem.MeshTri1.init_tensor(np.linspace(1e-7, 4e-7, 9), np.linspace(0, np.pi / 2, 13))
    flat = skfem.MeshTri2.from_mesh(straight)
    r, phi = flat.doflocs
    mesh = skfem.MeshTri2(np.array([r * np.cos(phi), r * np.sin(phi)]), flat.t)
    facets = mesh.boundary_facets()
    x, y = mesh.p[:, mesh.facets[:, facets]].mean(axis=1)
    ends = {"left": facets[y < 1e-12], "right": facets[x < 1e-12]}
    solution = _without_hall(of.DeviceMesh(mesh, ("x", "y"), ends), order)
    read = meshio.read(export_paraview(solution, tmp_path / "ring.vtu"))
    radius = np.hypot(*read.points[:, :2].T)
    assert radius.min() == pytest.approx(1e-7, rel=1e-6) and radius.max() == pytest.approx(
        4e-7, rel=1e-6
    )
    cells = read.cells[0].data[:, :3]
    middle = read.points[cells, :2].mean(axis=1)
    J = read.cell_data["current_density [A/m]"][0][:, :2]
    turning = (
        middle[:, 0] * J[:, 1] - middle[:, 1] * J[:, 0]
    ) / 1e-6  # r J_phi = I/ln(r2/r1) everywhere
    assert np.allclose(turning, 1 / np.log(4), rtol={1: 0.15, 2: 0.05, 4: 0.02}[order])


def test_lattice_points_are_shared():
    parts = subdivide(bar_solution(2), pieces=4)
    assert parts.points.shape[1] == (48 * 4 + 1) * (16 * 4 + 1)


def test_vtk_itself_reads_the_files(tmp_path):
    vtk = pytest.importorskip("vtk")
    from vtk.util.numpy_support import vtk_to_numpy

    for order in (2, 4):
        solution = bar_solution(order)
        reader = vtk.vtkXMLUnstructuredGridReader()
        reader.SetFileName(str(export_paraview(solution, tmp_path / f"p{order}.vtu")))
        reader.Update()
        grid = reader.GetOutput()
        probe_at = vtk.vtkPoints()
        spot = (1.234e-7, 0.777e-7)
        probe_at.InsertNextPoint(*spot, 0.0)
        target = vtk.vtkPolyData()
        target.SetPoints(probe_at)
        probe = vtk.vtkProbeFilter()
        probe.SetInputData(target)
        probe.SetSourceData(grid)
        probe.SetTolerance(1e-15)
        probe.ComputeToleranceOff()
        probe.Update()
        data = probe.GetOutput().GetPointData()
        assert vtk_to_numpy(data.GetArray("vtkValidPointMask"))[0] == 1
        n = vtk_to_numpy(data.GetArray(N))[0]
        expected = solution.at(spot).moment_density[:, 0]
        assert np.allclose(
            n, expected, rtol=1e-9 if order == 2 else 1e-2, atol=1e-3 * np.abs(expected).max()
        )
        assert grid.GetFieldData().GetArray("element_order").GetValue(0) == order
