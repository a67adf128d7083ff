"""Layouts: what is drawn comes back, in metres, with its names; what is missing is listed."""

import math
import sys

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.errors import InputError, MissingExtraError
from ohmr_fem.geometry.gds import from_gds
from tests.geometry.test_shapes import centres, lengths
from tests.mesh.test_generate import area

gdstk = pytest.importorskip("gdstk")
pytest.importorskip("shapely")
FILM, LEADS, PADS, TEXT = 1, 2, 10, 63
ARMS = [(-1.0, 0.5, "t1"), (1.0, 0.5, "t2"), (-1.0, -0.5, "b1"), (1.0, -0.5, "b2")]


def write(path, build, unit=1e-6):
    library = gdstk.Library(unit=unit, precision=1e-9)
    build(library)
    (library.write_oas if path.suffix == ".oas" else library.write_gds)(str(path))
    return path


def bar(library, labels=True):
    """The Hall bar of of.geometry.hall_bar(7 um, 1 um), in two cells, one of them referenced twice
    and turned.
    """
    arm = library.new_cell("ARM")
    arm.add(
        gdstk.rectangle((-0.125, 0.5), (0.125, 1.0), layer=FILM),
        gdstk.rectangle((-0.2, 0.95), (0.2, 1.5), layer=PADS),
    )
    top = library.new_cell("BAR")
    top.add(
        gdstk.rectangle((-3.5, -0.5), (3.5, 0.5), layer=FILM),
        gdstk.rectangle((3.5, -0.5), (3.6, 0.5), layer=PADS),
        gdstk.rectangle((-3.6, -0.5), (-3.5, 0.5), layer=PADS),
    )
    top.add(gdstk.Reference(arm, (1, 0)), gdstk.Reference(arm, (-1, 0)))
    top.add(gdstk.Reference(arm, (1, 0), math.pi), gdstk.Reference(arm, (-1, 0), math.pi))
    if labels:
        top.add(*[gdstk.Label(name, (x, 2.4 * y), layer=TEXT) for x, y, name in ARMS])
        top.add(
            gdstk.Label("left", (-3.55, 0.1), layer=TEXT),
            gdstk.Label("right", (3.55, 0.1), layer=TEXT),
        )


@pytest.mark.parametrize("name", ["bar.gds", "bar.oas"])
@pytest.mark.parametrize("contacts", [PADS, None])
def test_the_hall_bar_comes_back(tmp_path, name, contacts):
    """Named by pads with labels inside, or by labels alone next to the edges."""
    device = from_gds(write(tmp_path / name, bar), FILM, contacts, labels=TEXT)
    known = of.geometry.hall_bar("7 um", "1 um", arm_positions=("-1 um", "1 um"))
    assert np.allclose(
        sorted(np.round(device.outline.points, 15).tolist()),
        sorted(np.round(known.outline.points, 15).tolist()),
    )
    assert abs(area(device)) == pytest.approx(area(known), rel=1e-9)
    overlap = 2 * 0.05e-6 if contacts else 0.0  # the pads reach 50 nm over the sides of the arms
    for contact, length in lengths(known).items():
        if contact:
            assert lengths(device)[contact] == pytest.approx(
                length + overlap * (contact[0] in "tb")
            )
            assert centres(device)[contact] == pytest.approx(centres(known)[contact], abs=0.04e-6)
    assert not device.regions
    assert set(of.mesh_device(device, backend="tensor").boundaries) == set(known.contacts)


def test_layers_are_regions(tmp_path):
    def build(library):
        cell = library.new_cell("TOP")
        cell.add(gdstk.rectangle((0, 0), (4, 2), layer=FILM), gdstk.ellipse((1, 1), 0.3, layer=9))
        hole = gdstk.boolean(cell.polygons[0], cell.polygons[1], "not", layer=FILM)
        lead = gdstk.rectangle((4, 0.5), (6, 1.5), layer=LEADS, datatype=3)
        cell.remove(*cell.polygons)
        cell.add(
            *hole,
            lead,
            gdstk.rectangle((0, 0), (1, 1), layer=77),
            gdstk.rectangle((5.9, 0), (7, 2), layer=PADS),
        )

    path = write(tmp_path / "two.gds", build, unit=1e-3)
    device = from_gds(path, {"film": FILM, "lead": (LEADS, 3)}, {"end": PADS})
    assert (
        device.regions["film"] is None and device.regions["lead"] is not None
    )  # the one with a hole is the rest
    assert len(device.holes) == 1 and area(device) == pytest.approx(
        (10 - math.pi * 0.09) * 1e-6, rel=3e-3
    )
    assert lengths(device)["end"] == pytest.approx(1.2e-3)
    for layer in (LEADS, (LEADS, 3)):
        assert abs(area(from_gds(path, layer))) == pytest.approx(2e-6)


def fine(library):
    bar(library)


def two_cells(library):
    for name in ("ONE", "TWO"):
        library.new_cell(name).add(gdstk.rectangle((0, 0), (1, 1), layer=FILM))


def scattered(library):
    library.new_cell("TOP").add(
        gdstk.rectangle((0, 0), (1, 1), layer=FILM),
        gdstk.rectangle((2, 0), (3, 1), layer=FILM),
        gdstk.rectangle((0, 0), (3, 1), layer=LEADS),
        gdstk.rectangle((5, 5), (6, 6), layer=PADS),
    )


def overlapping(library):
    cell = library.new_cell("TOP")
    cell.add(gdstk.rectangle((0, 0), (1, 1), layer=FILM))
    for left, name in ((0.0, "t1"), (0.4, "t2")):
        cell.add(gdstk.rectangle((left, 0.9), (left + 0.6, 1.5), layer=PADS))
        cell.add(gdstk.Label(name, (left + 0.3, 1.2), layer=TEXT))


@pytest.mark.parametrize(
    ("build", "arguments", "message"),
    [
        (
            fine,
            {"regions": 5},
            r"region 'bulk'.* nothing on layer 5; it has \(layer, datatype\) \(1, 0\), \(10, 0\)",
        ),
        (fine, {"regions": {"film": (FILM, 4)}}, r"region 'film'.* \(1, 4\); it has"),
        (
            fine,
            {"regions": FILM, "contacts": {"left": 11}},
            r"contact 'left'.* nothing on layer 11; it has",
        ),
        (
            fine,
            {"regions": FILM, "contacts": PADS, "labels": 3},
            r"no text on layer 3; it has texts on \(63, 0\)",
        ),
        (fine, {"regions": "film"}, "a layer is a number or"),
        (fine, {"regions": {}}, "names no layer"),
        (fine, {"regions": FILM, "cell": "BARR"}, "did you mean 'BAR'"),
        (two_cells, {"regions": FILM}, "has 2 top cells; choose with cell=, one of ONE, TWO"),
        (scattered, {"regions": FILM}, "falls apart into 2 pieces"),
        (scattered, {"regions": LEADS, "contacts": {"a": PADS}}, "'a': its polygons do not touch"),
        (scattered, {"regions": LEADS, "contacts": PADS}, "has no label; put one text inside"),
        (
            overlapping,
            {"regions": FILM, "contacts": PADS, "labels": TEXT},
            r"has 2 labels \(t1, t2\); put one text inside it, or two pads overlap",
        ),
        (
            scattered,
            {"regions": {"a": FILM, "b": LEADS}},
            "regions 'b' and 'a' overlap|overlap|is empty",
        ),
    ],
)
def test_refusals(tmp_path, build, arguments, message):
    with pytest.raises(InputError, match=message) as caught:
        from_gds(write(tmp_path / "a.gds", build), **arguments)
    assert "\n" not in str(caught.value)


def test_wrong_files(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="does not exist"):
        from_gds(tmp_path / "none.gds", 1)
    (tmp_path / "text.gds").write_text("not a layout")
    with pytest.raises(InputError, match=r"cannot be read|top cells"):
        from_gds(tmp_path / "text.gds", 1)
    monkeypatch.setitem(sys.modules, "gdstk", None)
    with pytest.raises(MissingExtraError, match=r"gdstk.*pip install 'ohmr-fem\[layout\]'"):
        from_gds(tmp_path / "text.gds", 1)
