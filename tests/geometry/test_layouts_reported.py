"""Layouts that were read wrong, or took the session with them; and their siblings."""

import math
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.errors import InputError
from ohmr_fem.geometry import gds_child
from ohmr_fem.geometry.gds import from_gds
from tests.geometry.test_shapes import lengths

gdstk = pytest.importorskip("gdstk")
pytest.importorskip("shapely")
from tests.geometry.test_gds import FILM, PADS, write  # noqa: E402 - skips without gdstk

READERS = Path(__file__).parents[1] / "data" / "readers"
UM2 = 1e-12


def area(device):
    """By the corners: none of these devices has arcs."""
    return sum(loop.area for loop in device.loops) / UM2


def layout(tmp_path, *items, name="a.gds"):
    return write(tmp_path / name, lambda library: library.new_cell("TOP").add(*items))


def test_pads_keep_their_holes():
    device = from_gds(READERS / "frame_antidot.gds", 1, {"left": 10, "right": 11})
    found = lengths(device)
    assert found["left"] == pytest.approx(14e-6) and found["right"] == pytest.approx(6.2e-6)


@pytest.mark.parametrize("sense", [1, -1])
def test_rings_as_pads_of_a_corbino_disc(tmp_path, sense):
    def ring(inner, outer, layer):
        turn = np.linspace(0, 2 * math.pi, 65)[::sense]
        there = outer * np.exp(1j * turn)
        back = inner * np.exp(-1j * turn)
        corners = np.concatenate([there, back])  # by a slit, as layout programs write it
        return gdstk.Polygon(np.column_stack([corners.real, corners.imag]), layer)

    items = ring(2, 5, FILM), ring(1.5, 2, PADS), ring(5, 6, PADS + 1)
    device = from_gds(layout(tmp_path, *items), FILM, {"in": PADS, "out": PADS + 1})
    side = 2 * math.sin(math.pi / 64)
    assert lengths(device) == pytest.approx(
        {"in": 64 * 2e-6 * side, "out": 64 * 5e-6 * side}, rel=1e-4
    )
    # a ring within the film touches nothing
    free = layout(tmp_path, ring(2, 5, FILM), ring(3, 4, PADS), name="b.gds")
    with pytest.raises(InputError, match="do not touch the boundary"):
        from_gds(free, FILM, {"in": PADS})


def test_both_turns_of_a_crossing_polygon_are_metal():
    assert area(from_gds(READERS / "cross.gds", 1)) == pytest.approx(21, rel=1e-8)


@pytest.mark.parametrize(
    ("corners", "expected"),
    [
        # three lobes in a row
        ([(0, 0), (2, 2), (4, 0), (6, 2), (6, 0), (4, 2), (2, 0), (0, 2)], 1 + 2 + 2 + 1),
        # a star: its middle is wound about twice
        ([(math.sin(a), math.cos(a)) for a in np.arange(5) * 0.8 * math.pi], 1.12257),
        # a path that crosses itself at right angles
        ([(0, 0), (4, 0), (4, 4), (1, 4), (1, -2), (2, -2), (2, 3), (3, 3), (3, 1), (0, 1)], 13),
        # a frame by a slit
        ([(0, 0), (6, 0), (6, 6), (0, 6), (0, 0), (1, 1), (1, 5), (5, 5), (5, 1), (1, 1)], 20),
    ],
)
def test_crossing_polygons(tmp_path, corners, expected):
    for sense in (1, -1):
        path = layout(tmp_path, gdstk.Polygon(corners[::sense], FILM))
        assert area(from_gds(path, FILM)) == pytest.approx(expected, rel=1e-3)


def test_lines_without_width_are_left_out(tmp_path):
    assert area(from_gds(READERS / "path_zero.gds", 1)) == pytest.approx(4)
    items = (
        gdstk.rectangle((0, 0), (4, 1), FILM),
        gdstk.FlexPath([(0, 0), (3, 3), (9, 3)], 0, layer=FILM),
        gdstk.RobustPath((0, 0), 0, layer=FILM, simple_path=True).segment((5, 5)),
        gdstk.Polygon([(7, 7), (8, 8), (9, 9)], FILM),
    )
    for name in ("a.gds", "a.oas"):
        assert area(from_gds(layout(tmp_path, *items, name=name), FILM)) == pytest.approx(4)


def test_twenty_thousand_corners_in_seconds(tmp_path):
    n = 20_000
    turn = np.linspace(0, 2 * math.pi, n, endpoint=False)
    radius = 5 + 0.0015 * (np.arange(n) % 2)
    corners = np.column_stack([radius * np.cos(turn), radius * np.sin(turn)])
    library = gdstk.Library(unit=1e-6, precision=1e-12)
    library.new_cell("TOP").add(
        gdstk.Polygon(corners, FILM), gdstk.rectangle((4, -6), (6, 6), PADS)
    )
    path = tmp_path / "a.oas"
    library.write_oas(str(path))
    start = time.process_time()
    device = from_gds(path, FILM, {"a": PADS})
    assert time.process_time() - start < 40
    assert len(device.outline.points) == n
    assert area(device) == pytest.approx(math.pi * 25, rel=1e-3)


def test_circles_and_giants_are_refused_before_anything_is_expanded(tmp_path):
    library = gdstk.Library()
    one, two = library.new_cell("ONE"), library.new_cell("TWO")
    one.add(gdstk.rectangle((0, 0), (1, 1), FILM), gdstk.Reference(two))
    two.add(gdstk.Reference(one))
    library.write_gds(str(tmp_path / "circle.gds"))
    for cell in (None, "ONE"):
        with pytest.raises(InputError, match="refer to each other in a circle"):
            from_gds(tmp_path / "circle.gds", FILM, cell=cell)
    for name, copies in (("array", [(30_000, 30_000)]), ("nested", [(900, 900), (900, 900)])):
        library = gdstk.Library()
        below = library.new_cell("BELOW").add(gdstk.rectangle((0, 0), (1, 1), FILM))
        for k, (columns, rows) in enumerate(copies):
            array = gdstk.Reference(below, columns=columns, rows=rows, spacing=(1, 1))
            below = library.new_cell(f"TOP{k}").add(array)
        for ending in ("gds", "oas"):
            path = tmp_path / f"{name}.{ending}"
            getattr(library, f"write_{ending}")(str(path))
            with pytest.raises(InputError, match=r"e\+\d\d corners when its references"):
                from_gds(path, FILM)
    # a doubling of references, thirty deep
    library = gdstk.Library()
    below = library.new_cell("C0").add(gdstk.rectangle((0, 0), (1, 1), FILM))
    for k in range(30):
        cell = library.new_cell(f"C{k + 1}")
        cell.add(gdstk.Reference(below), gdstk.Reference(below, (1, 0)))
        below = cell
    library.write_gds(str(tmp_path / "doubling.gds"))
    with pytest.raises(InputError, match=r"4\.29e\+09 corners"):
        from_gds(tmp_path / "doubling.gds", FILM)


def test_a_reader_that_dies_or_hangs_costs_one_line(tmp_path, monkeypatch):
    path = layout(tmp_path, gdstk.rectangle((0, 0), (4, 1), FILM))
    child = tmp_path / "dying_child.py"
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(gds_child, "MODULE", "dying_child")
    child.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    with pytest.raises(InputError, match="gdstk ended with signal SIGSEGV"):
        from_gds(path, FILM)
    child.write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setattr(gds_child, "MOST_SECONDS", 1)
    with pytest.raises(InputError, match="no end after 1 s"):
        from_gds(path, FILM)


@pytest.mark.parametrize("by", ["script", "stdin"])
def test_scripts_without_a_main_guard(tmp_path, by):
    path = layout(tmp_path, gdstk.rectangle((0, 0), (4, 1), FILM))
    (tmp_path / "numpy.py").write_text("raise SystemExit('not this one')")
    (tmp_path / "sub").mkdir()
    script = tmp_path / "sub" / "script.py"
    text = f"import ohmr_fem as of\nprint(of.geometry.from_gds({str(path)!r}, 1).outline.area)\n"
    script.write_text(text)
    root = str(Path(of.__file__).parents[1])
    command = [sys.executable, "-"] if by == "stdin" else [sys.executable, str(script)]
    done = subprocess.run(
        command,
        input=text if by == "stdin" else "",
        capture_output=True,
        text=True,
        cwd=tmp_path / "sub",
        env={**os.environ, "PYTHONPATH": root},
        timeout=100,
    )
    assert float(done.stdout) == pytest.approx(4e-12), done.stderr


def test_a_cell_without_polygons(tmp_path):
    path = layout(tmp_path, gdstk.Label("alone", (0, 0), layer=FILM))
    with pytest.raises(InputError, match=r"nothing on layer 1; it has .* none"):
        from_gds(path, FILM)


def test_pipes_are_refused(tmp_path):
    os.mkfifo(tmp_path / "a.gds")
    with pytest.raises(InputError, match="a pipe or a device"):
        from_gds(tmp_path / "a.gds", 1)
