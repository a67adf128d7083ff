"""Traced devices: pixels and a scale bar become metres, curves stay where they are, names
follow.
"""

import math
import sys
from pathlib import Path

import numpy as np
import pytest

from ohmr_fem.errors import InputError, MissingExtraError
from ohmr_fem.geometry.drawn import from_svg
from ohmr_fem.geometry.traced import from_csv
from tests.geometry.test_shapes import centres, lengths
from tests.mesh.test_generate import area

CSV = """# traced
X, Y, contact
100, 400
900, 400, right
900, 200
100, 200, left

300, 250, rim
340, 250
340, 290
"""


def write(tmp_path, text, name="trace.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("separator", [", ", ";", "\t", "  "])
def test_corners_and_scale_bar(tmp_path, separator):
    path = write(tmp_path, CSV.replace(", ", separator))
    device = from_csv(
        path, scale_bar=("10 um", 200), y_down=True, contacts={"probe": (0, 1e-5, 2e-5)}
    )
    assert np.ptp(device.outline.polygon, axis=0) == pytest.approx((40e-6, 10e-6))
    assert abs(area(device)) == pytest.approx(400e-12 - 2e-12)
    assert lengths(device)["left"] == pytest.approx(10e-6) and lengths(device)[
        "rim"
    ] == pytest.approx(2e-6)
    assert centres(device)["right"] == pytest.approx([45e-6, -15e-6])  # y upwards
    assert centres(device)["probe"] == pytest.approx([20e-6, -20e-6])
    up = from_csv(path, unit="nm")
    assert centres(up)["right"] == pytest.approx([900e-9, 300e-9])


SVG = """<svg xmlns="http://www.w3.org/2000/svg" xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape"
 width="300" height="200" viewBox="0 0 300 200">
<g transform="translate(10,5) scale(2)">
<path id="outline" d="M 0,0 L 100,0 A 20 20 0 0 1 100 40 L 0,40 Z
M 20,20 a 5 5 0 1 0 10 0 a 5 5 0 1 0 -10 0 Z"/>
<rect id="r1" inkscape:label="left" x="-5" y="-5" width="5" height="60"/>
<circle id="tip" cx="120" cy="20" r="10"/>
<rect id="far" x="200" y="200" width="5" height="5"/>
<rect id="west" x="-10" y="-10" width="60" height="100"/>
<path id="wavy" d="M 0,0 C 40,-30 60,30 100,0 Q 120,20 100,40 L 0,40 Z"/>
<path id="open" d="M 0,0 L 10,0 L 10,10"/>
<line id="scale" x1="0" y1="80" x2="50" y2="80"/>
</g></svg>"""


def test_drawing(tmp_path):
    pytest.importorskip("svgelements")
    path = write(tmp_path, SVG, "flake.svg")
    device = from_svg(
        path, "10 um", contacts={"left": "left", "tip": ["tip"]}, regions={"w": "west", "e": None}
    )
    unit = 10e-6 / 50
    assert area(device) == pytest.approx(
        unit**2 * (4000 + math.pi * 200 - math.pi * 25), rel=1e-9
    )  # arcs are exact
    cover = (
        2 * 20 * math.acos(1 - 10**2 / (2 * 20 * 20))
    )  # a circle of 10 cuts one of 20 whose rim goes through its centre
    assert lengths(device) == pytest.approx(
        {
            None: unit * (200 + math.pi * 20 + math.pi * 10 - cover),
            "left": 40 * unit,
            "tip": cover * unit,
        },
        rel=1e-3,
    )
    x, y = centres(device)["left"]
    assert (x / unit, y / unit) == pytest.approx((5, -22.5))  # turned upright
    assert set(device.regions) == {"w", "e"}
    wavy = from_svg(path, "10 um", outline="wavy")
    # the cubic is antisymmetric, the parabola bulges by 10 over a chord of 40
    assert abs(area(wavy)) == pytest.approx(unit**2 * (4000 + 2 / 3 * 40 * 10), rel=1e-4)
    coarse = from_svg(path, "10 um", outline="wavy", tolerance="500 nm")
    assert len(coarse.outline.points) < 20 < len(wavy.outline.points)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"outline": "outlin"}, "did you mean 'outline'"),
        ({"bar": "ruler"}, "bar: .*no shape 'ruler'; .*known names: .*scale"),
        ({"contacts": ["lft"]}, "contact 'lft': .*did you mean 'left'"),
        ({"contacts": ["far"]}, "'far': covers no part of the outline"),
        ({"contacts": ["left", "west"]}, "overlap on one edge"),
        ({"outline": "open"}, "'open' is open; close it"),
        ({"regions": {"a": "west"}}, "cover "),
        ({"scale_bar": "10 s"}, "wrong dimension"),
        ({"scale_bar": 0}, "must be positive"),
    ],
)
def test_wrong_drawings(tmp_path, arguments, message):
    pytest.importorskip("svgelements")
    with pytest.raises(InputError, match=message) as caught:
        from_svg(write(tmp_path, SVG, "a.svg"), **{"scale_bar": "10 um", **arguments})
    assert "\n" not in str(caught.value)


def test_wrong_files(tmp_path, monkeypatch):
    for text, arguments, message in (
        (CSV, {}, "either unit='um' or scale_bar"),
        (CSV, {"unit": "um", "scale_bar": ("1 um", 3)}, "either unit='um' or scale_bar"),
        (CSV, {"unit": "parsecs per second"}, "unit"),
        (CSV, {"scale_bar": "10 um"}, "expected \\('10 um', length"),
        (CSV, {"scale_bar": ("10 um", -3)}, "must be positive"),
        ("1,2\n3,x\n", {"unit": "um"}, "line 2: expected x, y"),
        ("1,2\n3\n", {"unit": "um"}, "line 2: expected x, y"),
        ("x,y\n\n", {"unit": "um"}, "has no rows"),
        ("0,0\n1,1\n1,0\n0,1\n", {"unit": "um"}, "crosses or touches itself"),
        ("0,0\n1,0\n", {"unit": "um"}, "at least three corners"),
    ):
        with pytest.raises(InputError, match=message):
            from_csv(write(tmp_path, text), **arguments)
    with pytest.raises(InputError, match="cannot be read"):
        from_csv(tmp_path / "none.csv", unit="um")
    monkeypatch.setitem(sys.modules, "svgelements", None)
    with pytest.raises(MissingExtraError, match=r"svgelements.*pip install 'ohmr-fem\[layout\]'"):
        from_svg(tmp_path / "none.svg", "1 um")


def test_broken_svg(tmp_path):
    pytest.importorskip("svgelements")
    with pytest.raises(InputError, match="cannot be read as SVG"):
        from_svg(write(tmp_path, "<svg><path", "b.svg"), "1 um")
    with pytest.raises(InputError, match="does not exist"):
        from_svg(tmp_path / "none.svg", "1 um")


READERS = Path(__file__).parents[1] / "data" / "readers"
INKSCAPE = 'xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape"'
XLINK = 'xmlns:xlink="http://www.w3.org/1999/xlink"'
UM2 = 1e-12


def drawn(tmp_path, body, head='width="100" height="80"'):
    """A drawing with a scale bar of ten units."""
    text = (
        f'<svg xmlns="http://www.w3.org/2000/svg" {INKSCAPE} {XLINK} {head}>'
        f'<path id="scale" d="M 10,75 h 10"/>{body}</svg>'
    )
    return write(tmp_path, text, "drawn.svg")


def exact_area(device):
    return abs(area(device)) / UM2


@pytest.mark.parametrize(
    ("name", "expected", "rel"),
    [
        ("outline_mm.svg", 800, 1e-9),
        ("skew.svg", 600 + math.pi * 100, 1e-3),
        ("circle.svg", math.pi * 400, 1e-9),
    ],
)
def test_areas_of_reported_drawings(name, expected, rel):
    pytest.importorskip("svgelements")
    assert exact_area(from_svg(READERS / name, "10 um")) == pytest.approx(expected, rel=rel)


def test_contacts_of_reported_drawings():
    pytest.importorskip("svgelements")
    pads = from_svg(READERS / "pads_px.svg", "10 um", contacts=["left", "right"])
    assert lengths(pads)["left"] == pytest.approx(10e-6)
    assert lengths(pads)["right"] == pytest.approx(4e-6 * math.sqrt(2))
    layer = from_svg(READERS / "layer.svg", "10 um", contacts=["left"])
    assert lengths(layer)["left"] == pytest.approx(14e-6)


CURVED = "M 20,10 H 50 A 10,10 0 0 1 50,30 H 20 A 10,10 0 0 1 20,10 Z"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        # rectangles: flipped, skewed, in a turned group, by a matrix, with round corners
        ('<rect id="outline" x="9" y="9" width="40" height="20" transform="scale(-1 2)"/>', 1600),
        ('<rect id="outline" x="9" y="9" width="40" height="20" transform="skewY(20)"/>', 800),
        (
            '<g transform="rotate(30)"><g transform="scale(2,.5)"><rect id="outline" x="9" y="9" '
            'width="40" height="20" transform="rotate(-70 3 4)"/></g></g>',
            800,
        ),
        (
            '<rect id="outline" x="9" y="9" rx="5" width="40" height="20" '
            'transform="matrix(0 -1 1 0 5 6)"/>',
            800 - (4 - math.pi) * 25,
        ),
        (
            '<rect id="outline" x="9" y="9" rx="5" width="40" height="20" '
            'transform="matrix(1 .3 .5 1 5 6)"/>',
            0.85 * (800 - (4 - math.pi) * 25),
        ),
        # arcs under shear, mirrored and scaled unevenly, and large ones
        (f'<g transform="scale(1,-3)"><path id="outline" d="{CURVED}"/></g>', 2742.478),
        (f'<path id="outline" d="{CURVED}" transform="rotate(20) skewY(-40)"/>', 914.159),
        (
            '<path id="outline" d="M 0 0 A 10 10 0 1 0 10 10 Z" transform="skewX(45)"/>',
            75 * math.pi + 50,
        ),
        ('<path id="outline" d="M 0 0 A 20 5 30 1 1 1e-2 0 Z"/>', 100 * math.pi),
        # circles and ellipses
        ('<ellipse id="outline" cx="40" cy="30" rx="20" ry="10"/>', 200 * math.pi),
        ('<circle id="outline" cx="4" cy="3" r="2" transform="rotate(33)"/>', 4 * math.pi),
        ('<circle id="outline" cx="4" cy="3" r="2" transform="skewX(33)"/>', 4 * math.pi),
        ('<circle id="outline" cx="4" cy="3" r="2" transform="scale(-1 1)"/>', 4 * math.pi),
        (
            '<ellipse id="outline" cx="4" cy="3" rx="4" ry="2" transform="scale(1 2)"/>',
            16 * math.pi,
        ),
        # clones, of shapes and of symbols, turned
        (
            '<defs><rect id="r" width="40" height="20"/></defs>'
            '<use id="outline" xlink:href="#r" x="5" transform="rotate(40)"/>',
            800,
        ),
        (
            '<rect id="r" width="4" height="2"/><g transform="scale(3)">'
            '<use inkscape:label="outline" href="#r" transform="skewX(10)"/></g>',
            72,
        ),
        # an outline layer with a note, an arrow and a hole
        (
            '<g inkscape:groupmode="layer" inkscape:label="outline"><text x="1" y="2">W</text>'
            '<path d="M 0 0 L 10 10 L 20 5"/><line x1="0" y1="0" x2="9" y2="9"/>'
            '<rect x="10" y="10" width="40" height="20"/><circle cx="20" cy="20" r="3"/></g>',
            800 - 9 * math.pi,
        ),
        # corners that a program wrote twice
        ('<path id="outline" d="M 0,0 h 10 h 1e-10 h 0 v 10 h -10 v -10 l 1e-12 0 Z"/>', 100),
    ],
)
def test_every_shape_under_every_transformation(tmp_path, body, expected):
    pytest.importorskip("svgelements")
    device = from_svg(drawn(tmp_path, body), "10 um", tolerance="1 nm")
    assert exact_area(device) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ('<rect id="left" x="8" y="9" width="4" height="6"/>'
         '<rect inkscape:label="left" x="8" y="25" width="4" height="6"/>', 2 * 7),
        ('<rect inkscape:label="left" x="8" y="12" width="4" height="6"/>'
         '<rect inkscape:label="left" x="8" y="20" width="4" height="6"/>', 12),
        # the layer and the shape in it share the name; the original of a clone is another shape
        ('<g inkscape:label="left"><rect id="left" x="8" y="12" width="4" height="6"/></g>'
         '<use id="right" href="#left" x="40"/>', 6),
        ('<g id="left"><rect id="a" x="8" y="12" width="4" height="3"/>'
         '<use href="#a" y="8"/></g>', 6),
        ('<rect id="left" x="-5" y="-2" width="10" height="4" '
         'transform="translate(10 20) rotate(90)"/>', 10),
    ],
)  # fmt: skip
def test_a_name_covers_all_its_shapes(tmp_path, body, left):
    pytest.importorskip("svgelements")
    outline = '<path id="outline" d="M10,10 h40 v20 h-40 z"/>'
    device = from_svg(drawn(tmp_path, outline + body), "10 um", contacts=["left"])
    assert lengths(device)["left"] == pytest.approx(left * 1e-6)


def test_a_turned_scale_bar_keeps_its_length(tmp_path):
    pytest.importorskip("svgelements")
    body = (
        '<g transform="rotate(30)"><rect id="bar" width="20" height="3" y="70"/>'
        '<path id="outline" d="M10,10 h40 v20 h-40 z"/></g>'
    )
    device = from_svg(drawn(tmp_path, body), "10 um", bar="bar")
    assert exact_area(device) == pytest.approx(200)
    mm = drawn(
        tmp_path, '<rect id="outline" width="4" height="5"/>', 'width="9mm" viewBox="0 0 9 9"'
    )
    assert exact_area(from_svg(mm, "10 um")) == pytest.approx(20)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_drawings_in_any_encoding(tmp_path, encoding):
    pytest.importorskip("svgelements")
    path = drawn(tmp_path, '<rect id="f\u00fcr" width="40" height="20"/>')
    text = f'<?xml version="1.0" encoding="{encoding[:6]}"?>\r\n' + path.read_text("utf-8")
    path.write_bytes(text.encode(encoding))
    assert exact_area(from_svg(path, "10 um", outline="f\u00fcr")) == pytest.approx(800)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('<g id="g"><use href="#g"/></g>', "'g' contains a clone of itself"),
        ('<use id="a" href="#b"/><use id="b" href="#a"/>', "clone of itself"),
        ("<g>" * 300 + "</g>" * 300, "more than 200 deep"),
        (
            '<rect id="x0"/>'
            + "".join(f'<g id="x{k + 1}">' + f'<use href="#x{k}"/>' * 9 + "</g>" for k in range(9)),
            r"clones draw 9.*e\+08 elements",
        ),
        ('<path id="outline" d="M 0 0 h 1e200 v 9 h -9 z"/>', "no finite numbers"),
        ('<rect id="outline" width="4" height="nonsense"/>', "drawn|empty|cannot be read|lengths"),
        ('<rect id="outline" width="0" height="4"/>', "no shape 'outline'"),
        ('<path id="outline" d="M 0 0 h 9 v 9"/>', "is open; close it"),
        ('<path id="outline" d="M 0 0 C 9 0 9 9 0 9 Z"/>', "larger tolerance"),
    ],
)
def test_drawings_that_are_refused(tmp_path, body, message):
    pytest.importorskip("svgelements")
    with pytest.raises(InputError, match=message) as caught:
        from_svg(drawn(tmp_path, body), "10 um", tolerance=1e-30 if "C" in body else None)
    assert len(str(caught.value)) < 300


def test_a_region_is_one_shape(tmp_path):
    pytest.importorskip("svgelements")
    body = (
        '<rect id="outline" width="40" height="20"/><g id="w"><rect width="5" height="5" x="2" '
        'y="2"/><rect width="5" height="5" x="20" y="2"/></g>'
    )
    with pytest.raises(InputError, match="'w' covers 2 closed shapes"):
        from_svg(drawn(tmp_path, body), "10 um", regions={"west": "w", "rest": None})


@pytest.mark.parametrize(
    "text", ["<svg/>", "", "<a/>", "<svg xmlns='http://www.w3.org/2000/svg'/>"]
)
def test_drawings_of_nothing(tmp_path, text):
    pytest.importorskip("svgelements")
    with pytest.raises(InputError) as caught:
        from_svg(write(tmp_path, text, "a.svg"), "10 um")
    assert len(str(caught.value)) < 300 + len(str(tmp_path))


def test_the_heading_says_which_column_is_what():
    device = from_csv(READERS / "imagej.csv", unit="um")
    assert exact_area(device) == pytest.approx(1100) and not device.contacts
    yx = from_csv(READERS / "yx.csv", unit="um")
    assert np.allclose(yx.outline.points, device.outline.points)


CORNERS = [(10, 20), (50, 20), (50, 40), (30, 55), (10, 40)]
NAMES = ["", "right", "", "", "left"]


@pytest.mark.parametrize(
    ("heading", "row"),
    [
        ("index, x, y", "{i},{x},{y}"),
        ("No.;Y [um];X [um]", "{i};{y},0;{x},00"),
        ("x,y,z", "{x},{y},7.5"),
        ("z,y,x", "0,{y},{x}"),
        ("Area\tMean\tX\tY", "0\t{i}.5\t{x}\t{y}"),
        ("row,col", "{y},{x}"),
        (" ,Label,X,Y", "{i},flake.tif,{x},{y}"),
        ("# x position, y position, index", "{x},{y},{i}"),
        ("sep=;\npos_y;pos_x", "{y};{x}"),
        ("point x y", "{i} {x} {y}"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_columns_in_any_order(tmp_path, heading, row, end):
    rows = [row.format(i=i + 1, x=x, y=y) for i, (x, y) in enumerate(CORNERS)]
    path = tmp_path / "a.csv"
    path.write_bytes((end.join([heading, *rows]) + end).encode("utf-16"))
    device = from_csv(path, unit="um")
    assert np.allclose(device.outline.points, np.array(CORNERS) * 1e-6) and not device.contacts


@pytest.mark.parametrize(
    ("heading", "row"),
    [
        ("name,y,x", "{name},{y},{x}"),
        ("index,x,y,contact", "{i},{x},{y},{name}"),
        ("x,y,z,electrode", "{x},{y},0,{name}"),
        ("x,y,pad", "{x},{y},{name}"),
        (None, "{x},{y},{name}"),
    ],
)
def test_names_in_any_column(tmp_path, heading, row):
    rows = []
    for i, ((x, y), name) in enumerate(zip(CORNERS, NAMES, strict=True)):
        rows.append(row.format(i=i, x=x, y=y, name=name))
    text = "\n".join([heading, *rows] if heading else rows)
    device = from_csv(write(tmp_path, text), unit="um")
    assert lengths(device)["left"] == pytest.approx(20e-6)
    assert set(device.contacts) == {"left", "right"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "1,10,20\n2,50,20\n3,50,40\n",
            "3 columns and no heading; .*'index, x, y' or 'x, y, name'",
        ),
        ("10,20,0\n50,20,0\n50,40,0\n", "3 columns and no heading"),
        ("10,20\n50,20,1\n50,40\n", "3 columns and no heading"),
        ("1,10,20,a\n2,50,20\n3,50,40\n", "4 columns and no heading"),
        ("lat,lon\n1,2\n3,4\n3,5\n", "does not say which column is x"),
        ("x,y,x\n1,2,3\n", "two columns are x"),
        ("x,y,z\n0,0,0\n1,0,0\n1,1,1\n", "z is not the same"),
        ("x (nm),y (nm)\n0,0\n1,0\n1,1\n", "unit: .*heading says 'x \\(nm\\)'"),
        ("x;y\n0;0\n1,500;0\n1;1\n", "line 3: '1,500' may be thousands or decimals"),
        ("x,y\n0,0\nnan,0\n1,1\n", "line 3: expected x, y"),
        ("x,y\n0,0\n1\n1,1\n", "line 3: expected x, y"),
        ('x,y\n0,"0\n1,1\n', "at least three|expected x, y"),
        ("x,y\n0," + "9" * 200_000 + "\n", "line 2: "),
    ],
)
def test_columns_that_are_refused(tmp_path, text, message):
    with pytest.raises(InputError, match=message) as caught:
        from_csv(write(tmp_path, text), unit="um")
    assert len(str(caught.value)) < 300 + len(str(tmp_path)) and "\n" not in str(caught.value)
