"""What a device file is told that is no error, and materials by their name."""

from __future__ import annotations

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.run.check import check_device
from tests.config.test_device_file import DRAWN, _complaints, _read

PRESET = """
[cross_section]
width = "12 nm"
[material]
preset = "mn"
relaxation_time = "1 ps"
[sweep]
start = 0
stop = "9 T"
points = 3
"""


def test_a_material_by_its_name(tmp_path):
    """Published values; what stands beside the name replaces them."""
    file = tmp_path / "d.toml"
    file.write_text(PRESET)
    material = of.read_device(file).problem.material
    expected = of.presets.mn(relaxation_time="1 ps").with_unit_conductivity()
    assert repr(material) == repr(expected) and material.source == expected.source
    file.write_text(PRESET.replace('"mn"', '"cr"\norbital_hall_angle = 0.02'))
    assert of.read_device(file).problem.material.diffusion_length == pytest.approx(6.6e-9)
    rate = 'relaxation_rate = ["1 THz", "1 THz", "2 THz"]\ndiffusion_constant = 2e-6'
    file.write_text(PRESET.replace('relaxation_time = "1 ps"', rate))
    relaxation = of.read_device(file).problem.material.relaxation
    assert np.diag(relaxation) == pytest.approx([1e12, 1e12, 2e12])


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"mn"', '"mg"', "material.preset: 'mg' is not known; known names: mn, v, cr, ti"),
        ('"mn"', '"v"', "material.preset: no published value of orbital_hall_angle; give orbit"),
        ("relaxation_time", "tau", "material: unknown key 'tau'; tau is 'relaxation_time' here"),
        (
            '"1 ps"',
            '"1 sp"',
            "material.relaxation_time: unknown unit in '1 sp' (did you",
        ),
        ('"1 ps"', '"-1 ps"', "material.relaxation_time: must be positive"),
        ('"mn"', '"mn"\ninverse_mass = [true, 1, 1]', "material.inverse_mass: is a number, three"),
    ],
)
def test_what_is_wrong_with_a_material_by_its_name(tmp_path, old, new, expected):
    assert _complaints(tmp_path, PRESET.replace(old, new, 1))[0].startswith(expected)


def test_contacts_of_a_geometry_that_the_file_leaves_out(tmp_path):
    text = DRAWN.replace('"b1", "b2"]', '"b1"]')
    (note,) = _read(tmp_path, text).problem.unsaid
    assert str(note) == "b2 of the geometry is not in [contacts]: an insulating edge"
    assert note.key == "contacts"
    (note,) = _read(tmp_path, text.replace(', "b1"]', "]")).problem.unsaid
    assert str(note).startswith("b1, b2 of the geometry are not in [contacts]")
    assert not _read(tmp_path, text + '[edges]\nb2 = "absorbing"\n').problem.unsaid


def test_pairs_in_the_place_of_a_pair(tmp_path):
    pairs = 'voltage = [["t1", "t2"], ["t1", "b1"]]'
    found = _complaints(tmp_path, DRAWN.replace('voltage = ["t1", "t2"]', pairs))
    assert found == ["measure: several measurements: one [[measure]] table with a name each"]


def test_a_unit_in_a_file_that_was_left_out(tmp_path):
    """The result says what is wrong with the numbers, before it says so of the mesh."""
    (note,) = _read(tmp_path, PRESET.replace('"1 ps"', "2")).problem.unsaid
    assert note.key == "relaxation_time" and "'2 ps'" in str(note)
    device = _read(tmp_path, PRESET.replace('"9 T"', "90000"))
    notes = check_device(device)[1]
    assert notes[0].key == "field" and "'90000 G'" in str(notes[0])
