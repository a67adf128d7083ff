"""Meshes of devices: every name and area is met, before and after refinement, by either backend."""

import importlib.util
import math
import signal
import subprocess
import sys
import warnings

import numpy as np
import pytest

from ohmr_fem.base import signals
from ohmr_fem.errors import InputError, MissingExtraError
from ohmr_fem.geometry import (
    annulus,
    corbino,
    cross,
    hall_bar,
    nonlocal_bar,
    polygon_device,
    polygons,
    van_der_pauw,
)
from ohmr_fem.mesh import generate
from ohmr_fem.mesh.check import check_mesh
from ohmr_fem.mesh.generate import mesh_device
from ohmr_fem.mesh.grading import cell_sizes, singular_points
from ohmr_fem.mesh.grids import lines_between
from tests.geometry.test_shapes import lengths
from tests.mesh.test_device_mesh import length, measure


def gmsh_loads():
    try:
        return importlib.util.find_spec("gmsh") is not None and __import__("gmsh") is not None
    except (ImportError, OSError):
        return False


needs_gmsh = pytest.mark.skipif(not gmsh_loads(), reason="gmsh cannot be loaded")
HALF = math.tan(math.pi / 8)
PLATE = [(0, 0), (4, 0), (4, 1), (0, 1)]
RECTILINEAR = {
    "hall bar": lambda: hall_bar("2.8 um", "400 nm"),
    "turned hall bar": lambda: hall_bar("2.8 um", "400 nm").rotated(0.3),
    "cross": lambda: cross("2 um", "400 nm"),
    "van der Pauw": lambda: van_der_pauw("1 um", "100 nm"),
    "nonlocal": lambda: nonlocal_bar(1.0, 2.0, 0.1),
    "hole and regions": lambda: polygon_device(
        PLATE,
        [[(1, 0.3), (1.5, 0.3), (1.5, 0.7), (1, 0.7)]],
        {"in": ((0, 0), (0, 1)), "out": (1, 0.2, 0.8), "hole": [4, 5, 6, 7]},
        {"a": [(-1, -1), (2, -1), (2, 3), (-1, 3)], "b": None},
    ),
}
CURVED = {
    "corbino": lambda: corbino("1 um", "4 um"),
    "annulus": lambda: annulus(1.0, 4.0),
}
OBLIQUE = {
    "disc": lambda: van_der_pauw(1.0, 0.1, "disc"),
    "wedge": lambda: polygon_device(
        [(0, 0), (3, 0), (2, 1), (0, 0.7)], contacts={"l": 3, "r": (1, 0, 0.5)}
    ),
    "all contacts": lambda: polygon_device(
        [(0, 0), (1, 0), (0.2, 1)], contacts={"a": 0, "b": 1, "c": 2}
    ),
    "round hole": lambda: polygon_device(
        PLATE,
        [[(1.3, 0.5, HALF), (1, 0.8, HALF), (0.7, 0.5, HALF), (1, 0.2, HALF)]],
        {"in": 3, "out": 1},
        {"a": [(1, -1), (3, -1), (2, 2), (1, 2)], "b": None},
        edges={"rim": [4, 5, 6, 7]},
    ),
}


def area(geometry):
    """Exact area: corners, plus or minus the segments of the arcs."""
    total = 0.0
    for loop in geometry.loops:
        total += polygons.signed_area(np.array(loop.points))
        for i, bulge in enumerate(loop.bulges):
            if bulge:
                start, stop, _ = loop.edge(i)
                angle = 4 * math.atan(bulge)
                radius = np.linalg.norm(start - polygons.arc_centre(start, stop, bulge))
                total += radius**2 * (angle - math.sin(angle)) / 2
    return total


def min_distance(points, segments):
    """Distance of points (2, n) from the nearest of some segments."""
    return np.array(
        [
            min(polygons.along_edge(p, s.start, s.stop, s.bulge)[0] for s in segments)
            for p in points.T
        ]
    )


def agrees(device, geometry, rel=1e-9):
    """All names of the geometry, with their lengths, and the areas."""
    check_mesh(device)
    assert list(device.boundaries) == list(geometry.named) or geometry.kind in (
        "corbino",
        "annulus",
    )
    assert list(device.regions) == (list(geometry.regions) or ["bulk"])
    expected = lengths(geometry)
    for name in device.boundaries:
        assert length(device, name) == pytest.approx(expected[name], rel=rel)
        ends = device.mesh.p[:, device.mesh.facets[:, device.boundaries[name]]].reshape(2, -1)
        pieces = [s for s in geometry.boundary() if s.name == name]
        gap = min_distance(ends, pieces)
        assert gap.max() < 1e-9 * geometry.size, f"{name} lies elsewhere"
    assert measure(device) == pytest.approx(area(geometry), rel=rel)


@pytest.mark.parametrize("name", list(RECTILINEAR) + list(CURVED))
def test_without_a_mesh_generator(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "gmsh", None)
    geometry = (RECTILINEAR | CURVED)[name]()
    device = mesh_device(geometry)
    assert device.mesh.t.shape[0] == 4
    agrees(device, geometry, 1e-9 if name in RECTILINEAR else 2e-6)
    if name == "hole and regions":
        assert measure(device, device.regions["a"]) == pytest.approx(2 - 0.2)


@needs_gmsh
@pytest.mark.parametrize("name", [*RECTILINEAR, *CURVED, *OBLIQUE])
def test_with_gmsh(name):
    geometry = (RECTILINEAR | CURVED | OBLIQUE)[name]()
    device = mesh_device(geometry, backend="gmsh")
    assert device.mesh.t.shape[0] == 3
    assert device.order_geometry == (2 if geometry.curved else 1)
    agrees(device, geometry, 1e-5 if geometry.curved else 1e-9)
    if name == "round hole":
        cut = math.pi * 0.3**2 / 2  # half of the hole lies in region a, which ends at x = 8/3 - y/3
        assert measure(device, device.regions["a"]) == pytest.approx(1.5 - cut, rel=1e-5)


@pytest.mark.parametrize("backend", ["tensor", pytest.param("gmsh", marks=needs_gmsh)])
def test_grading(backend):
    geometry = hall_bar(7.0, 1.0)
    device = mesh_device(geometry, 0.1, backend=backend, cells_per_length=2, corner=2e-3)
    corners = np.array(list(singular_points(geometry)))
    assert len(corners) == 8
    p, f = device.mesh.p, device.mesh.facets
    for corner in corners:
        node = np.argmin(np.hypot(*(p - corner[:, None])))
        assert np.hypot(*(p[:, node] - corner)) < 1e-9
        around = device.edge_sizes[(f == node).any(axis=0)]
        assert 1e-4 < around.min() < 1.5 * 2e-3 * 0.25
    wall = device.boundary_facets()
    middle = p[:, f].mean(axis=1)
    calm = wall[
        (np.abs(middle[1, wall]) == 0.5)
        & (np.abs(middle[0, wall]) > 2)
        & (np.abs(middle[0, wall]) < 3)
    ]
    across = np.abs(p[1, device.mesh.t[:, device.mesh.f2t[0, calm]]])
    assert (
        np.ptp(across, axis=0).max() < 0.05 * 1.5
    )  # resolve / cells_per_length, from the edge inwards
    assert device.edge_sizes.max() < 0.27  # a quarter of the width, about


def test_lines_grow_as_asked():
    lines = lines_between(0.0, 1.0, 1e-3, 1e-2, 0.1, 1.5)
    steps = np.diff(lines)
    assert lines[0] == 0 and lines[-1] == 1
    assert steps[0] < 1.3e-3 and steps[-1] < 1.3e-2 and steps.max() < 0.1 * (1 + 1e-12)
    assert np.maximum(steps[1:] / steps[:-1], steps[:-1] / steps[1:]).max() < 1.5 + 1e-9
    assert np.allclose(lines_between(0, 1, math.inf, math.inf, 0.25, 1.5), np.linspace(0, 1, 5))
    one_sided = np.diff(lines_between(0, 1, 1e-3, math.inf, math.inf, 2.0))
    assert np.allclose(one_sided[1:] / one_sided[:-1], one_sided[1] / one_sided[0])


def test_singular_points():
    plate = polygon_device(
        PLATE, contacts={"end": 3, "probe": (0, 1.0, 1.5)}, edges={"side": ((3, 1), (4, 1))}
    )
    found = {tuple(np.round(p, 9)) for p in singular_points(plate)}
    assert found == {
        (1, 0),
        (1.5, 0),
        (3, 1),
    }  # ends in the middle of an edge; right angles are regular
    hole = polygon_device(PLATE, [[(1, 0.3), (1.5, 0.3), (1.5, 0.7)]])
    assert {tuple(np.round(p, 9)) for p in singular_points(hole)} == {
        (1, 0.3),
        (1.5, 0.3),
        (1.5, 0.7),
    }
    assert not list(singular_points(annulus(1.0, 2.0)))


def random_device(seed):
    """A bar with arms, holes, a cap region and a skew, all drawn by lot; half of them
    rectilinear.
    """
    rng = np.random.default_rng(seed)
    bar, n = rng.uniform(4, 8), int(rng.integers(1, 4))
    at = (np.arange(n) + rng.uniform(0.3, 0.7, n)) * bar / n
    lower, upper, contacts = [(0.0, 0.0)], [(0.0, 1.0)], {}
    for side, y in ((lower, 0.0), (upper, 1.0)):
        for x in at + rng.uniform(-0.1, 0.1, n):
            if rng.random() < 0.8:
                w, h = rng.uniform(0.05, 0.25), rng.uniform(0.2, 0.8) * (1 if y else -1)
                side += [(x - w, y), (x - w, y + h), (x + w, y + h), (x + w, y)]
                contacts[f"arm{len(contacts)}"] = ((x - w, y + h), (x + w, y + h))
    skew = 0.0 if seed % 2 else rng.uniform(-0.5, 0.5)

    def move(point):
        return (point[0] + skew * point[1], point[1])

    outline = [*lower, (bar, 0.0), (bar, 1.0), *upper[:0:-1], (0.0, 1.0)]
    contacts = {k: tuple(map(move, v)) for k, v in contacts.items()}
    contacts |= {
        "left": (move((0, 0)), move((0, 1))),
        "right": (move((bar, 0.2)), move((bar, 0.8))),
    }
    holes = []
    for x in (np.arange(n) + 0.02) * bar / n + rng.uniform(0.2, 0.3):
        r = rng.uniform(0.05, 0.12)
        if seed % 4 == 0:
            m, y = move((x, 0.5))
            holes.append([(m + r, y, HALF), (m, y + r, HALF), (m - r, y, HALF), (m, y - r, HALF)])
        else:
            holes.append(
                [
                    move(p)
                    for p in (
                        (x - r, 0.5 - r),
                        (x + r, 0.5 - r),
                        (x + r, 0.5 + r),
                        (x - r, 0.5 + r),
                    )
                ]
            )
    regions = {}
    if rng.random() < 0.6:
        a, b = np.sort(rng.uniform(0.1, 0.9, 2)) * bar
        regions = {
            "cap": [move(p) for p in ((a, -9), (b + 0.05, -9), (b + 0.05, 9), (a, 9))],
            "rest": None,
        }
    device = polygon_device(
        [move(p) for p in outline], holes[: int(rng.integers(0, n + 1))], contacts, regions
    )
    return device.rotated(rng.uniform(0, 3)) if rng.random() < 0.3 else device


@pytest.mark.parametrize("seed", range(30))
def test_random_devices_keep_their_names_through_three_refinements(seed):
    geometry = random_device(seed)
    if seed % 2 == 0 and not gmsh_loads():
        pytest.skip("gmsh cannot be loaded")
    device = mesh_device(geometry, 0.5, corner=0.02, growth=2.5)
    agrees(device, geometry, 1e-4 if geometry.curved else 1e-9)
    regions = {k: measure(device, v) for k, v in device.regions.items()}
    rng = np.random.default_rng(seed)
    fine = device
    for _ in range(3):
        before = fine.n_cells
        fine = fine.refined_at(rng.choice(fine.n_cells, 3, replace=False))
        assert fine.n_cells > before
    agrees(fine, geometry, 1e-4 if geometry.curved else 1e-9)
    assert {k: measure(fine, v) for k, v in fine.regions.items()} == pytest.approx(
        regions, rel=1e-9
    )


def test_the_device_without_gmsh_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "gmsh", None)
    monkeypatch.setitem(sys.modules, "netgen.occ", None)
    with pytest.raises(MissingExtraError) as caught:
        mesh_device(OBLIQUE["wedge"]())
    for part in ("pip install 'ohmr-fem[mesh]'", "pip install 'ohmr-fem[netgen]'",
                 "libglu1-mesa libgl1 libxft2 libxinerama1 libxcursor1 libgomp1",
                 "backend='tensor'", "read_mesh"):  # fmt: skip
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


@needs_gmsh
def test_an_open_gmsh_session_is_left_alone():
    import gmsh

    with signals.kept("SIGPIPE"):  # else a broken pipe of a later test kills this process
        gmsh.initialize(interruptible=False)
    try:
        gmsh.option.setNumber("Mesh.Algorithm", 5)
        gmsh.model.add("mine")
        mesh_device(OBLIQUE["wedge"]())
        assert gmsh.model.getCurrent() == "mine"
        assert "ohmr_fem device" not in gmsh.model.list()
        assert gmsh.option.getNumber("Mesh.Algorithm") == 5
    finally:
        gmsh.finalize()


def test_wrong_arguments():
    wedge, bar = OBLIQUE["wedge"](), RECTILINEAR["hall bar"]()
    for arguments, message in (
        ({"geometry": wedge, "backend": "tensor"}, "needs all edges parallel"),
        ({"geometry": bar, "backend": "triangle"}, "expected one of auto"),
        ({"geometry": PLATE}, "expected a device"),
        ({"geometry": bar, "resolve": "1 s"}, "wrong dimension"),
        ({"geometry": bar, "resolve": 0.0}, "resolve: must be positive"),
        ({"geometry": wedge, "resolve": 1e-8}, "at most 5e\\+06; check the unit of the device"),
        ({"geometry": bar, "corner": 1e-4}, "corner: expected 0.001"),
        ({"geometry": bar, "growth": 1.0}, "growth: expected"),
        ({"geometry": bar, "cells_per_length": -1}, "cells_per_length: must be positive"),
    ):
        with pytest.raises(InputError, match=message):
            mesh_device(**arguments)


def test_a_word_before_a_mesh_that_takes_minutes():
    wedge = OBLIQUE["wedge"]()
    for resolve, told in ((wedge.size / 1e5, 1), (wedge.size / 1e3, 0)):
        sizes = cell_sizes(wedge, resolve, 2.0, 2e-3, 1.6)
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            generate._check_number(wedge, sizes)
        assert [w.message.key for w in found] == ["resolve"] * told


@needs_gmsh
@pytest.mark.skipif(not hasattr(signal, "SIGPIPE"), reason="no such signal on this system")
@pytest.mark.parametrize("way", ["make()", "Thread(target=make).start()"])
def test_a_broken_pipe_does_not_kill_after_meshing(way):
    """gmsh sets SIGPIPE back to its default, which kills without a word."""
    lines = (
        "import os",
        "from threading import Thread, enumerate",
        "from ohmr_fem.geometry import cross",
        "from ohmr_fem.mesh.generate import mesh_device",
        "def make(): mesh_device(cross(3.0, 1.0), backend='gmsh')",
        way,
        "[t.join() for t in enumerate() if t.name != 'MainThread']",
        "out, into = os.pipe()",
        "os.close(out)",
        "try: os.write(into, b'x')",
        "except BrokenPipeError: print('alive')",
    )
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True)
    assert (done.stdout.strip(), done.returncode) == ("alive", 0), done.stderr
