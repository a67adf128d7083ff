"""Traced devices: pixels and a scale bar become metres, curves stay where they are, names
follow.
"""

import math
import sys

import numpy as np
import pytest

from ohmr_fem.errors import InputError, MissingExtraError
from ohmr_fem.geometry.traced import from_csv, from_svg
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
