"""Plain numbers in a wrong unit are told of; calculations in units of their own are left alone."""

from __future__ import annotations

import pickle
import warnings
from dataclasses import replace

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.model.plausible import unlikely_field

SECTION = of.cross_section("12 nm")
SQUARE = of.tensor_grid(np.linspace(0, 1, 3), np.linspace(0, 1, 3))
METAL = {"orbital_hall_angle": 0.016, "relaxation_time": "2 ps", "inverse_mass": 1.0}


def told(made):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        made()
    return [w.message for w in found]


def problem(mesh=SECTION, **changes):
    if "diffusion_constant" not in changes:
        changes = {"diffusion_length": "2 nm", **changes}
    return of.Problem(mesh, of.Material(**(METAL | changes)))


@pytest.mark.parametrize(
    ("key", "given", "meant"),
    [
        ("relaxation_time", {"relaxation_time": 2}, "'2 ps'?"),
        ("relaxation_time", {"relaxation_time": 2, "diffusion_constant": 2e-3}, "'2 ps'?"),
        ("diffusion_length", {"diffusion_length": 150}, "'150 nm'?"),
        ("resistivity", {"resistivity": 180}, "'180 uohm cm'?"),
        ("sheet_conductivity", {"sheet_conductivity": 5e6}, "bulk"),
        ("mesh", {"mesh": of.cross_section(12)}, "'12 um' or nm?"),
        ("mesh", {"mesh": of.cross_section(0.3)}, "'0.3 um' or nm?"),
    ],
)
def test_a_number_in_the_wrong_unit(key, given, meant):
    (note,) = told(lambda: problem(**given))
    assert isinstance(note, of.PhysicsWarning) and note.key == key
    assert meant in str(note) and len(str(note)) < 300


@pytest.mark.parametrize("B", [9000.0, 90000.0])
@pytest.mark.parametrize("mass", [1.0, 1 / 27.7])
def test_gauss_in_the_place_of_tesla(B, mass):
    section = problem(inverse_mass=mass)
    fields = of.field_sweep(-B, B, 3)
    for answer in (
        lambda: of.hanle_curve(section, fields),
        lambda: of.magnetoresistance(section, field=fields[-1]),
    ):
        notes = told(answer)
        assert notes[0].key == "field" and f"'{B:g} G'" in str(notes[0])
    film = of.presets.mn(inverse_mass=mass, resistivity="180 uohm cm")
    (note,) = told(lambda: of.film_conductivity(film, of.Film("10 nm"), fields))
    assert note.key == "field"


def test_a_measure_that_is_asked_in_gauss():
    wide = problem(of.cross_section("200 nm"))
    measure = of.spectral_measure(wide, fields=of.field_sweep(0, 9, 3))
    with pytest.raises(of.SolveError, match=r"T \(meant in gauss\?\) lies outside the range"):
        measure.rho([(90000.0, 0.0, 0.0)])


def test_the_reason_comes_before_the_mesh():
    """What the unit does to the decay length is not a matter of the mesh."""
    strip = problem(of.cross_section("12 nm", cells=8))
    notes = told(lambda: of.magnetoresistance(strip, field=(90000, 0, 0)))
    assert [type(n) for n in notes] == [of.PhysicsWarning, of.ResolutionWarning]


@pytest.mark.parametrize(
    "units",
    [
        {"relaxation_time": 1.0, "diffusion_length": 1.0},
        {"relaxation_time": 1.0, "diffusion_length": 1e-3},  # the width is 1
        {"relaxation_time": 1.0, "diffusion_constant": 1.0},
        {"relaxation_time": 2e-12, "diffusion_length": 1.0},  # only lengths are of their own
        {"relaxation_time": 1.0, "diffusion_length": 1.0, "sheet_conductivity": 1e6},
        {"relaxation_time": 1.0, "diffusion_length": 1.0, "resistivity": 100.0},
    ],
)
@pytest.mark.parametrize("width", [1e-3, 1.0, 100.0])
def test_units_of_the_diffusion_length_and_the_relaxation_time(units, width):
    assert told(lambda: problem(of.cross_section(width), **units)) == []
    own = of.Material(**(METAL | units))
    assert unlikely_field({"": own}, np.array([30.0 * own.field_scale, 0.0, 0.0])) == []


@pytest.mark.parametrize(
    ("width", "length", "tau"),
    [
        ("2 cm", "2 nm", "2 ps"),  # a large film
        ("100 um", "300 um", "100 ns"),  # cold silicon
        ("1 nm", "10 um", "1 us"),
        ("20 nm", "2 nm", "1 fs"),
    ],
)
def test_samples(width, length, tau):
    section = of.cross_section(width, cells=4)
    assert told(lambda: problem(section, diffusion_length=length, relaxation_time=tau)) == []
    assert unlikely_field({"": of.presets.mn()}, np.array([[0.0, 0.0, 60.0]])) == []


def test_coefficients_of_position_are_left_alone():
    metal = METAL | {"relaxation_time": lambda x, y: 2.0 + 0 * x, "sheet_conductivity": 1.0}
    varying = of.Material(**metal, diffusion_constant=1e-6)
    assert told(lambda: of.Problem(SQUARE, varying, [])) == []


def test_each_thing_once():
    """By hand at once; a problem of a device file in what comes out of it."""
    wrong = of.Material(**(METAL | {"relaxation_time": 2}), diffusion_length="2 nm")
    made = []
    (note,) = told(lambda: made.append(of.Problem(SECTION, wrong)))
    assert made[0].unsaid == () and told(lambda: pickle.loads(pickle.dumps(made[0]))) == []
    again = told(lambda: of.magnetoresistance(made[0], field=(0, 0, 0)))
    assert str(note) not in map(str, again)
    assert [str(n) for n in told(lambda: replace(made[0], order=3))] == [str(note)]
    later = made[0].saying([note])
    assert later.unsaid == (note,) and made[0].unsaid == ()
    notes = told(lambda: of.magnetoresistance(later, field=(0, 0, 0)))
    assert str(notes[0]) == str(note)


@pytest.mark.parametrize("given", [{"resistivity": "150 uohm cm"}, {"sheet_conductivity": 6.7e5}])
def test_a_section_of_a_film_has_the_conductivity_of_the_bulk(given):
    lines = np.linspace(0, 12e-9, 3)
    wire = of.tensor_grid(lines, lines, axes=("y", "z"))
    for mesh in (of.cross_section("12 nm", normal="z"), wire):
        assert not told(lambda mesh=mesh: problem(mesh, **given))
    assert told(lambda: problem(sheet_conductivity=6.7e5))
