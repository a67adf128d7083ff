"""Mesh files as other programs write them: every group with its right length."""

from pathlib import Path

import meshio
import numpy as np
import pytest

from ohmr_fem.base import signals
from ohmr_fem.errors import InputError, MeshError
from ohmr_fem.mesh.files import read_mesh
from tests.mesh.test_device_mesh import length, measure

READERS = Path(__file__).parents[1] / "data" / "readers"
UM = 1e-6


def lengths(path):
    device = read_mesh(path, unit="um")
    return {name: pytest.approx(length(device, name) / UM) for name in device.boundaries}


@pytest.mark.parametrize(
    "name",
    [
        "plate22.msh",
        "plate41.msh",
        "partitioned41.msh",
        "saveall41.msh",
        "gmsh_written.inp",
        "two_elsets.inp",
    ],
)
def test_reported_files(name):
    assert lengths(READERS / name) == {"left": 1, "right": 1}
    assert list(read_mesh(READERS / name).regions) == ["film"]


def test_field_data_is_no_group():
    device = read_mesh(READERS / "timevalue.vtu", unit="um")
    assert measure(device) == pytest.approx(2 * UM**2)
    assert not device.boundaries and list(device.regions) == ["bulk"]


GEO = """SetFactory("Built-in");
h=0.5;
Point(1)={0,0,0,h};Point(2)={2,0,0,h};Point(3)={2,1,0,h};Point(4)={0,1,0,h};Point(5)={0,.5,0,h};
Point(6)={1,0,0,h};Point(7)={1,1,0,h};
Line(1)={1,6};Line(6)={6,2};Line(2)={2,3};Line(3)={3,7};Line(7)={7,4};Line(4)={4,5};Line(5)={5,1};
Line(8)={6,7};
Curve Loop(1)={1,8,7,4,5};Plane Surface(1)={1};
Curve Loop(2)={6,2,3,-8};Plane Surface(2)={-2};
"""
NAMED = """Physical Curve("left")={4,-5};Physical Curve("right")={-2};
Physical Surface("film")={1,-2};
"""
NUMBERED = "Physical Curve(7)={-4,-5};Physical Curve(9)={-7};Physical Surface(8)={1};\n"


@pytest.fixture(scope="module")
def plates(tmp_path_factory):
    """The same plate in every flavour that gmsh writes, by name of the flavour."""
    gmsh = pytest.importorskip("gmsh", exc_type=Exception)
    folder = tmp_path_factory.mktemp("plates")
    with signals.kept("SIGPIPE"):  # else a broken pipe of a later test kills this process
        gmsh.initialize(interruptible=False)
    try:
        gmsh.option.setNumber("General.Verbosity", 1)
        for groups, text in (("named", GEO + NAMED), ("numbered", GEO + NUMBERED)):
            source = folder / f"{groups}.geo"
            source.write_text(text)
            for order in (1, 2):
                gmsh.open(str(source))
                gmsh.model.mesh.generate(2)
                gmsh.model.mesh.setOrder(order)
                gmsh.option.setNumber("Mesh.SaveAll", 0)
                gmsh.write(str(folder / f"{groups}{order}.inp"))
                for parts in (0, 2):
                    if parts:
                        gmsh.model.mesh.partition(parts)
                    for version in (2.2, 4.1):
                        for binary in (0, 1):
                            for extra in ("", "SaveParametric", "SaveAll"):
                                gmsh.option.setNumber("Mesh.MshFileVersion", version)
                                gmsh.option.setNumber("Mesh.Binary", binary)
                                gmsh.option.setNumber("Mesh.SaveParametric", 0)
                                gmsh.option.setNumber("Mesh.SaveAll", 0)
                                if extra:
                                    gmsh.option.setNumber(f"Mesh.{extra}", 1)
                                name = f"{groups}{order}_{parts}_{version}_{binary}_{extra}.msh"
                                gmsh.write(str(folder / name))
    finally:
        gmsh.finalize()
    return folder


def test_every_flavour_of_a_reversed_group(plates):
    found = sorted(plates.glob("named*_*.msh"))
    assert len(found) == 48
    for path in found:
        if "_2.2_" in path.name and "SaveAll" in path.name:
            with pytest.raises(MeshError, match=r"SaveAll drops the groups of format 2\.2"):
                read_mesh(path)
            continue
        device = read_mesh(path, unit="um")
        assert lengths(path) == {"left": 1, "right": 1}, path.name
        assert list(device.regions) == ["film"], path.name
        assert measure(device) == pytest.approx(2 * UM**2), path.name


def test_groups_without_names_keep_their_numbers(plates):
    for path in sorted(plates.glob("numbered*_*.msh")):
        if "SaveAll" in path.name:
            continue
        device = read_mesh(path, unit="um")
        assert lengths(path) == {"7": 1, "9": 1}, path.name
        cells = device.regions["8"]
        # cells without a group are left out of what gmsh writes
        assert measure(device, cells) == pytest.approx(UM**2), path.name


def test_a_curve_and_a_surface_of_one_number(tmp_path):
    text = (READERS / "plate22.msh").read_text()
    start = text.index("$PhysicalNames")
    stop = text.index("$Nodes")
    path = tmp_path / "a.msh"
    path.write_text(text[:start] + text[stop:].replace(" 2 3 1 ", " 2 1 1 "))
    assert lengths(path) == {"curve 1": 1, "2": 1}
    assert list(read_mesh(path).regions) == ["surface 1"]


def test_cells_without_a_group_are_bulk(plates):
    device = read_mesh(plates / "numbered1_0_4.1_0_SaveAll.msh", unit="um")
    assert measure(device, device.regions["8"]) == pytest.approx(UM**2)
    assert measure(device, device.regions["bulk"]) == pytest.approx(UM**2)


@pytest.mark.parametrize("order", [1, 2])
def test_abaqus_by_gmsh(plates, order):
    device = read_mesh(plates / f"named{order}.inp", unit="um")
    assert lengths(plates / f"named{order}.inp") == {"left": 1, "right": 1}
    assert measure(device, device.regions["film"]) == pytest.approx(2 * UM**2)


HEAD = """*Heading
 two cells
** a comment
*Node, nset=ALL
1,0,0,0
2,2,0,0
3,2,1,0
4,0,1,0
5,0,0.5,0
6,2,0.5,0
"""
CELLS = "*Element, type=CPS4\n20,1,2,6,5\n21,5,6,\n 3,4\n"
LINES = "*Element, type=T3D2\n1,1,5\n2,5,4\n3,2,6\n4,6,3\n"
RIGHT = "*Elset, elset=right\n3, 4\n"


@pytest.mark.parametrize(
    "sets",
    [
        LINES + RIGHT + "*ELSET,ELSET=left\n1\n*ELSET, ELSET=LEFT\n2,\n",
        LINES + RIGHT + "*Elset, elset=left, generate\n1, 2\n",
        LINES + RIGHT + "*Elset, elset=left, generate\n1, 1, 5\n2,2,1\n",
        LINES + RIGHT + "*Elset, elset=left,\n generate\n1, 2, 1\n",
        LINES + RIGHT + "*Elset, elset=a\n1\n*elset, elset=b\n2\n*Elset, elset=left\nA, b\n",
        LINES + RIGHT + '*Elset, elset="left"\na, 2\n*Elset, elset=a\n1\n',
        "*Element, type=T3D2, elset=left\n1,1,5\n2,5,4\n"
        "*ELEMENT,TYPE=B21,ELSET=right\n3,2,6\n4,6,3\n",
        "*Nset, nset=left\n1, 4, 5\n*Nset, nset=right, generate\n2,3\n6,6\n",
        "*Nset, nset=left\n1, 4\n*Nset, nset=left\n5\n*Nset, nset=x\n2,3\n*Nset, nset=right\nx,6\n"
        "*Nset, nset=corner\n1\n",
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_sets_of_abaqus(tmp_path, sets, end):
    path = tmp_path / "a.inp"
    text = HEAD + CELLS + sets + "*Elset, elset=film\n20, 21\n*Step\n*End step\n"
    path.write_bytes(text.replace("\n", end).encode())
    assert lengths(path) == {"left": 1, "right": 1}
    assert list(read_mesh(path).regions) == ["film"]


def test_an_included_file(tmp_path):
    (tmp_path / "sets.inp").write_text(LINES + RIGHT)
    path = tmp_path / "a.inp"
    path.write_text(HEAD + CELLS + "*Include, input=sets.inp\n*Elset, elset=left\n1,2\n")
    assert lengths(path) == {"left": 1, "right": 1}
    path.write_text(HEAD + "*Include, input=a.inp\n")
    with pytest.raises(MeshError, match="include each other"):
        read_mesh(path)


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        ("*Elset, elset=a\nb\n", "'a' has a set 'b', which is not there"),
        ("*Elset, elset=a\na\n", "'a' contains itself"),
        ("*Elset, elset=a\n77\n", "has element 77, which is not there"),
        ("*Elset, elset=a, generate\n1,100000000000,1\n", "generated from 1 to 1"),
        ("*Element, type=CPS4\n30,1,2,6\n", "3 nodes|4 numbers for elements of 4 nodes"),
        ("*Element, type=CPS4\n30,1,2,6,99\n", "node 99"),
        ("*Element, type=FUNNY\n30,1\n", "type 'FUNNY' are not supported"),
        ("*Element, type=C3D8\n30,1,2,3,4,5,6,1,2\n", "3D mesh"),
        ("*Node\n7,one,2\n", "cannot be read as a mesh .*'one'"),
    ],
)
def test_abaqus_that_is_refused(tmp_path, sets, message):
    path = tmp_path / "a.inp"
    path.write_text(HEAD + CELLS + sets)
    with pytest.raises(MeshError, match=message) as caught:
        read_mesh(path)
    assert len(str(caught.value)) < 300 and "\n" not in str(caught.value)


def test_med_groups_and_field_data(tmp_path):
    pytest.importorskip("h5py")
    points = [(0, 0), (2, 0), (2, 1), (0, 1)]
    mesh = meshio.Mesh(
        np.array(points, dtype=float),
        [("triangle", np.array([(0, 1, 2), (0, 2, 3)])), ("line", np.array([(3, 0), (1, 2)]))],
        cell_data={"cell_tags": [np.array([-1, -1]), np.array([-2, -3])]},
        field_data={"TimeValue": np.array([0.5])},
    )
    mesh.cell_tags = {-1: ["film"], -2: ["left"], -3: ["right"]}
    mesh.write(tmp_path / "a.med")
    assert lengths(tmp_path / "a.med") == {"left": 1, "right": 1}
    assert list(read_mesh(tmp_path / "a.med").regions) == ["film"]
    del mesh.cell_data["cell_tags"]
    mesh.field_data["count"] = np.array([3, 1])
    mesh.write(tmp_path / "a.vtu")
    assert read_mesh(tmp_path / "a.vtu").n_cells == 2


def test_pipes_are_refused(tmp_path):
    import os

    for name in ("a.msh", "a.inp", "a.vtu"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(InputError, match="a pipe or a device"):
            read_mesh(tmp_path / name)
