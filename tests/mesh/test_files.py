"""Every flavour of .msh keeps every name; bad files say what is wrong."""

import importlib.util
import math
from pathlib import Path

import meshio
import numpy as np
import pytest

from ohmr_fem.base import signals
from ohmr_fem.errors import InputError, MeshError
from ohmr_fem.mesh.files import read_mesh, write_mesh
from ohmr_fem.mesh.grids import annulus_mesh, cross_section, tensor_grid
from tests.mesh.test_device_mesh import length, measure, two_regions

DATA = Path(__file__).parents[1] / "data"
MESHES = Path(__file__).parents[2] / "meshes"
NM = 1e-9


def check_squares(device, bulge_area=0.0):
    """Two squares of 1 nm^2 side by side, as tests/data/make_meshes.py draws them."""
    assert set(device.boundaries) == {"left", "right side"}
    assert set(device.regions) == {"film", "cap"}
    assert length(device, "left") == pytest.approx(NM)
    assert measure(device, device.regions["film"]) == pytest.approx(NM**2, rel=1e-12)
    assert measure(device, device.regions["cap"]) == pytest.approx(
        (1 + bulge_area) * NM**2, rel=1e-3
    )
    left = device.mesh.p[0, device.mesh.facets[:, device.boundaries["left"]]]
    right = device.mesh.p[0, device.mesh.facets[:, device.boundaries["right side"]]]
    assert np.all(left == 0)
    assert np.all(right >= 2 * NM * (1 - 1e-12))


@pytest.mark.parametrize("flavour", ["2.2_ascii", "2.2_binary", "4.1_ascii", "4.1_binary", "quads"])
def test_all_flavours_keep_every_name(flavour):
    check_squares(read_mesh(DATA / f"squares_{flavour}.msh", unit="nm"))


def test_second_order_files_stay_curved():
    device = read_mesh(DATA / "squares_curved.msh", unit="nm")
    assert device.order_geometry == 2
    check_squares(device, bulge_area=(math.pi / 2 - 1) / 4)
    assert length(device, "right side") == pytest.approx(
        math.pi / 2 * math.sqrt(0.5) * NM, rel=1e-3
    )


def make_meshes():
    pytest.importorskip("gmsh", exc_type=Exception)
    spec = importlib.util.spec_from_file_location("make_meshes", DATA / "make_meshes.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("version", [2.2, 4.1])
@pytest.mark.parametrize("binary", [0, 1])
@pytest.mark.parametrize(("order", "quads"), [(1, False), (2, False), (1, True), (2, True)])
def test_files_written_by_gmsh(tmp_path, version, binary, order, quads):
    make_meshes().two_squares(tmp_path / "a.msh", version, binary, order, quads)
    check_squares(read_mesh(tmp_path / "a.msh", unit="nm"))


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("cells", ["quad", "triangle", "curved quad", "curved triangle"])
def test_round_trip(tmp_path, binary, cells):
    if cells.startswith("curved"):
        device = annulus_mesh("1 um", "4 um", around=12, cells=cells.split()[1]).with_regions(
            {"a": lambda p: p[0] > 0}
        )
    else:
        device = two_regions(cells)
    write_mesh(device, tmp_path / "a.msh", unit="um", binary=binary)
    again = read_mesh(tmp_path / "a.msh", unit="um")
    assert type(again.mesh) is type(device.mesh)
    assert again.n_cells == device.n_cells
    assert again.order_geometry == device.order_geometry
    assert set(again.boundaries) == set(device.boundaries)
    for name in device.boundaries:
        assert length(again, name) == pytest.approx(length(device, name), rel=1e-12)
    for name in device.regions:
        area = measure(device, device.regions[name])
        assert measure(again, again.regions[name]) == pytest.approx(area, rel=1e-12)


def test_gmsh_reads_what_is_written(tmp_path):
    gmsh = pytest.importorskip("gmsh", exc_type=Exception)
    write_mesh(two_regions("triangle"), tmp_path / "a.msh", unit="um")
    with signals.kept("SIGPIPE"):  # else a broken pipe of a later test kills this process
        gmsh.initialize(interruptible=False)
    try:
        gmsh.option.setNumber("General.Verbosity", 1)
        gmsh.open(str(tmp_path / "a.msh"))
        names = {gmsh.model.getPhysicalName(*group) for group in gmsh.model.getPhysicalGroups()}
    finally:
        gmsh.finalize()
    assert names == {"left", "right", "bottom", "top", "film", "bulk"}


def write_raw(path, points, blocks, groups, tags):
    """A .msh 2.2 file from plain lists; ``groups`` maps name to (tag, dim)."""
    mesh = meshio.Mesh(
        np.array(points, dtype=float),
        [(kind, np.array(cells)) for kind, cells in blocks],
        cell_data={
            "gmsh:physical": [np.array(t) for t in tags],
            "gmsh:geometrical": [np.array(t) for t in tags],
        },
        field_data={name: np.array(v) for name, v in groups.items()},
    )
    meshio.gmsh.write(path, mesh, fmt_version="2.2", binary=False)
    return path


SQUARE = [
    (0, 0, 5),
    (1, 0, 5),
    (1, 1, 5),
    (0, 1, 5),
    (9, 9, 7),
]  # the last node is an orphan, out of plane
TRIANGLES = ("triangle", [(0, 1, 2), (0, 2, 3)])


def test_unnamed_parts_and_orphan_nodes(tmp_path):
    path = write_raw(
        tmp_path / "a.msh", SQUARE, [("line", [(0, 1)]), TRIANGLES], {"in": (4, 1)}, [[4], [0, 0]]
    )
    device = read_mesh(path)
    assert device.mesh.p.shape == (2, 4)
    assert list(device.regions) == ["bulk"]
    assert list(device.boundaries) == ["in"]
    assert device.boundary_facets().size == 3


def test_serendipity_cells_get_their_centre(tmp_path):
    points = [(0, 0), (2, 0), (2, 2), (0, 2), (1, 0), (2.5, 1), (1, 2), (0, 1)]
    path = write_raw(
        tmp_path / "a.msh", np.pad(points, ((0, 0), (0, 1))), [("quad8", [range(8)])], {}, [[0]]
    )
    device = read_mesh(path)
    assert np.allclose(device.mesh.doflocs[:, -1], (1.25, 1.0))
    assert measure(device) == pytest.approx(4 + 2 / 3 * 0.5 * 2)


def test_a_cell_repeated_for_two_groups_is_an_overlap(tmp_path):
    blocks = [("triangle", [(0, 1, 2), (0, 2, 3), (0, 2, 3)])]
    groups = {"film": (1, 2), "cap": (2, 2)}
    path = write_raw(tmp_path / "a.msh", SQUARE, blocks, groups, [[1, 1, 2]])
    with pytest.raises(MeshError, match="'film' and 'cap' overlap in 1 cell"):
        read_mesh(path)
    same = write_raw(tmp_path / "b.msh", SQUARE, blocks, {"film": (1, 2)}, [[1, 1, 1]])
    assert read_mesh(same).n_cells == 2


@pytest.mark.parametrize(
    ("points", "blocks", "groups", "tags", "message"),
    [
        (
            SQUARE,
            [("line", [(0, 2)]), TRIANGLES],
            {"x": (1, 1)},
            [[1], [0, 0]],
            "'x': 1 of 1 edges lie inside",
        ),
        (
            SQUARE,
            [("line", [(1, 3)]), TRIANGLES],
            {"x": (1, 1)},
            [[1], [0, 0]],
            "not edges of any cell",
        ),
        (
            SQUARE,
            [("line", [(0, 4)]), TRIANGLES],
            {"x": (1, 1)},
            [[1], [0, 0]],
            "not edges of any cell",
        ),
        (SQUARE, [TRIANGLES], {"x": (1, 1)}, [[0, 0]], "'x' is empty"),
        (SQUARE, [("line", [(0, 1)])], {"x": (1, 1)}, [[1]], "no triangles"),
        (
            SQUARE,
            [("line", [(0, 1), (0, 1)]), TRIANGLES],
            {"x": (1, 1), "y": (2, 1)},
            [[1, 2], [0, 0]],
            "overlap in 1",
        ),
        (
            SQUARE,
            [("triangle", [(0, 1, 2)]), ("quad", [(0, 1, 2, 3)])],
            {},
            [[0], [0]],
            "mixed cells",
        ),
        ([(0, 0, 0), (1, 0, 0), (0, 1, 1)], [("triangle", [(0, 1, 2)])], {}, [[0]], "z varies"),
        (
            [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)],
            [("tetra", [(0, 1, 2, 3)])],
            {},
            [[0]],
            "3D mesh",
        ),
        ([(0, 0, 0), (1, 0, 0), (2, 0, 0)], [("triangle", [(0, 1, 2)])], {}, [[0]], "zero area"),
    ],
)
def test_bad_meshes_say_what_is_wrong(tmp_path, points, blocks, groups, tags, message):
    path = write_raw(tmp_path / "bad.msh", points, blocks, groups, tags)
    with pytest.raises(MeshError, match=message) as caught:
        read_mesh(path)
    assert str(caught.value).startswith("bad.msh: ")
    assert "\n" not in str(caught.value)


def test_a_name_used_for_a_line_and_a_surface_is_refused(tmp_path):
    path = write_raw(
        tmp_path / "a.msh",
        SQUARE,
        [("line", [(0, 1)]), TRIANGLES],
        {"x": (1, 1), "film": (2, 2)},
        [[1], [2, 2]],
    )
    path.write_text(path.read_text().replace('"film"', '"x"'))
    with pytest.raises(MeshError, match="'x' is used twice"):
        read_mesh(path)


def test_bad_files(tmp_path, capsys):
    with pytest.raises(InputError, match=r"nowhere.msh' does not exist"):
        read_mesh(tmp_path / "nowhere.msh")
    for name, text in (
        ("a.msh", "not a mesh"),
        ("b.msh", ""),
        ("c.vtu", "<xml>"),
        ("d.step", "x"),
        ("e.msh", "\xff"),
    ):
        (tmp_path / name).write_text(text, encoding="latin-1")
        with pytest.raises(MeshError, match="cannot be read as a mesh") as caught:
            read_mesh(tmp_path / name)
        assert "\n" not in str(caught.value)
    cut = (DATA / "squares_4.1_binary.msh").read_bytes()[:900]
    (tmp_path / "cut.msh").write_bytes(cut)
    with pytest.raises(MeshError):
        read_mesh(tmp_path / "cut.msh")
    for unit in ("parsec2", "s", 3, ""):
        with pytest.raises(InputError, match="unit: expected"):
            read_mesh(DATA / "squares_4.1_ascii.msh", unit=unit)
    with pytest.raises(InputError, match=r"\.msh"):
        write_mesh(two_regions(), tmp_path / "a.vtu")
    with pytest.raises(MeshError, match="2D"):
        write_mesh(cross_section(1.0), tmp_path / "a.msh")
    assert capsys.readouterr() == ("", "")


def test_other_formats(tmp_path):
    grid = tensor_grid([0.0, 1, 2], [0.0, 1])
    raw = meshio.Mesh(np.pad(grid.mesh.p.T, ((0, 0), (0, 1))), [("quad", grid.mesh.t.T)])
    raw.write(tmp_path / "a.vtu")
    assert read_mesh(tmp_path / "a.vtu").n_cells == 2
    lines = grid.mesh.facets[:, grid.boundaries["left"]].T
    named = meshio.Mesh(
        raw.points,
        [("quad", grid.mesh.t.T), ("line", lines)],
        cell_sets={
            "film": [np.array([0]), np.empty(0, int)],
            "in": [np.empty(0, int), np.array([0])],
        },
    )
    named.write(tmp_path / "a.inp")
    device = read_mesh(tmp_path / "a.inp")
    assert set(device.regions) == {"film", "bulk"}
    assert list(device.boundaries) == ["in"]


def test_the_hall_bar():
    device = read_mesh(MESHES / "hall_bar.msh", unit="nm")
    assert set(device.boundaries) == {"left", "right", "t1", "t2", "b1", "b2"}
    assert list(device.regions) == ["bulk"]
    assert measure(device) == pytest.approx((2800 * 400 + 4 * 110 * 200) * NM**2, rel=1e-12)
    assert np.allclose(device.extent, [2800 * NM, 800 * NM])
    for name, width in {
        "left": 400,
        "right": 400,
        "t1": 110,
        "t2": 110,
        "b1": 110,
        "b2": 110,
    }.items():
        assert length(device, name) == pytest.approx(width * NM, rel=1e-12)
    middle = {
        k: device.mesh.p[:, device.mesh.facets[:, v]].mean(axis=(1, 2)) / NM
        for k, v in device.boundaries.items()
    }
    assert middle["t1"][0] < middle["t2"][0] and middle["b1"][0] < middle["b2"][0]
    assert middle["t1"][1] == pytest.approx(400) and middle["b1"][1] == pytest.approx(-400)
    assert device.edge_sizes.min() > 1e-3 * 110 * NM
    assert device.mesh.nvertices + device.mesh.nfacets < 18000
