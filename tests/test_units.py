"""The door of quantities: conversion, and refusal of what is not one."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pint
import pytest

from ohmr_fem import units
from ohmr_fem.errors import InputError, PhysicsWarning
from ohmr_fem.units import engineering, fields_array, positive, to_si


@pytest.mark.parametrize(
    "given, unit, expected",
    [
        ("2 ps", "s", 2e-12),
        ("1 mS", "S", 1e-3),
        ("400nm", "m", 4e-7),
        ("2", "m", 2.0),
        (" -3.5e-1  T ", "T", -0.35),
        ("5e2 cm**2/s", "m**2/s", 0.05),
        ("5e2 cm^2/s", "m**2/s", 0.05),
        ("0.016", "1", 0.016),
        ("2 %", "1", 0.02),
        ("3 µm", "m", 3e-6),
        ("3 um", "m", 3e-6),
        ("2 bohr_magneton", "J/T", 2 * 9.2740100783e-24),
        (".5 km/s", "m/s", 500.0),
        ("7 kohm**-1", "S", 7e-3),
        (3, "m", 3.0),
        (np.float32(0.5), "m", 0.5),
        (np.int64(4), "1", 4.0),
        ("180 deg", "rad", math.pi),
        ("1e3 A", "A", 1000.0),
    ],
)
def test_to_si(given, unit, expected):
    value = to_si(given, unit, "x")
    assert type(value) is float
    assert value == pytest.approx(expected, rel=1e-9)


def test_pint_quantities_of_any_registry():
    assert to_si(pint.UnitRegistry().Quantity(3.0, "mm"), "m", "x") == pytest.approx(
        3e-3, rel=1e-15
    )


@pytest.mark.parametrize(
    "given, unit, fragments",
    [
        ("2 ps", "m", ("length", "'2 ps'", "wrong dimension", "expected m")),
        ("3 K", "s", ("'3 K'", "wrong dimension", "expected s")),
        ("1 degC*m", "m", ("wrong dimension",)),
        ("2 flurbs", "m", ("unknown unit", "'2 flurbs'", "unit of m")),
        ("wide", "m", ("cannot read 'wide'", "1 m")),
        ("", "m", ("cannot read ''",)),
        ("1 000 nm", "m", ("cannot read",)),
        ("1,5 nm", "m", ("'1,5 nm'", "decimal comma: write '1.5 nm'")),
        ("1,500 nm", "m", ("write '1.500 nm' or '1500 nm'",)),
        ("150 mn", "m", ("unknown unit", "did you mean '150 nm'?")),
        ("2 Nm", "m", ("wrong dimension", "did you mean '2 nm'?")),
        ("2 mSiemen", "m", ("unknown unit in '2 mSiemen';",)),  # a prefix is not guessed at
        ("5 px", "m", ("a px is no length here", "scale_bar")),
        ("5 pixel", "m", ("a pixel is no length here",)),
        ("3 pica", "m", ("a pica is no length here",)),
        ("3 point", "m", ("a point is no length here",)),
        ("3 dot", "m", ("a dot is no length here",)),
        ("nan m", "m", ("cannot read 'nan m'",)),
        (float("nan"), "m", ("finite", "nan")),
        (float("inf"), "m", ("finite", "inf")),
        ("1e999 m", "m", ("finite", "'1e999 m'")),
        (None, "m", ("None", "in m")),
        (True, "m", ("True",)),
        ([1.0], "m", ("[1.0]", "'1 m'")),
        (np.ones((3, 3)), "m", ("'1 m'",)),
        (1j, "m", ("1j",)),
    ],
)
def test_to_si_refuses(given, unit, fragments, refuses):
    with refuses(InputError, "length", *fragments) as caught:
        to_si(given, unit, "length")
    assert caught.value.value is given or caught.value.value == given


@pytest.mark.parametrize(
    "unit", ["uohm cm", "uohmcm", "µΩcm", "uOhm*cm", "µΩ·cm", "uOhm-cm", "\u00b5\u2126 cm"]
)
def test_resistivities_as_they_are_written(unit):
    assert to_si(f"180 {unit}", "ohm*m", "rho") == pytest.approx(1.8e-6, rel=1e-15)
    assert to_si("7 kohm**-1", "S", "G") == to_si("7 mS", "S", "G")


@pytest.mark.parametrize(("given", "unit", "usual"), [("150", "m", "nm"), ("2", "s", "ps")])
def test_a_text_without_a_unit_is_told_of(given, unit, usual):
    with pytest.warns(PhysicsWarning, match=f"write '{given} {usual}'") as caught:
        to_si(given, unit, "length")
    assert len(caught) == 1 and caught[0].message.key == "length"


@pytest.mark.parametrize(("given", "unit"), [("0", "m"), ("0.1", "1"), ("24", "1/m_e"), (150, "m")])
def test_what_needs_no_unit(given, unit):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        to_si(given, unit, "x")


@pytest.mark.parametrize("given", [0, -2.0, "-2 ps", "0 s"])
def test_positive_refuses(given, refuses):
    with refuses(InputError, "tau", "must be positive", repr(given)):
        positive(given, "s", "tau")


def test_positive():
    assert positive("3 ns", "s", "tau") == pytest.approx(3e-9, rel=1e-15)


def test_fields_array():
    one = fields_array((1, 2, 3))
    assert one.shape == (3,) and one.dtype == float
    assert fields_array(np.zeros((4, 3), dtype=int)).shape == (4, 3)


@pytest.mark.parametrize(
    "given, fragments",
    [
        ((1.0, 2.0), ("(3,) or (n, 3)", "(2,)")),
        (1.0, ("tesla", "()")),
        (np.zeros((2, 2, 3)), ("(2, 2, 3)",)),
        (("a", 0, 0), ("tesla", "'a'")),
        (((1, 2, 3), (1, 2)), ("tesla",)),
        ((np.nan, 0, 0), ("finite", "nan")),
        (np.full((400, 3), np.inf), ("finite",)),
    ],
)
def test_fields_array_refuses(given, fragments, refuses):
    with refuses(InputError, "field", *fragments):
        fields_array(given)


@pytest.mark.parametrize(
    "value, text",
    [
        (4e-7, "400 nm"),
        (1e-3, "1 mm"),
        (0.0, "0 m"),
        (-2.5e-6, "-2.5 µm"),
        (1.0, "1 m"),
        (1e3, "1 km"),
        (5e-16, "0.5 fm"),
        (3e13, "3e+04 Gm"),
        (999.96, "1000 m"),
        (float("inf"), "inf m"),
    ],
)
def test_engineering(value, text):
    assert engineering(value, "m") == text


@pytest.mark.parametrize("value", [2e-6, 5e-3, 1.25])
def test_areas_are_read_back(value):
    """A prefix before m² is squared: 2e-6 m²/s are 2 mm²/s, not 2 µm²/s."""
    assert to_si(engineering(value, "m²/s"), "m**2/s", "D") == pytest.approx(value, rel=1e-3)


def test_engineering_is_read_back():
    for value in (
        np.random.default_rng(1).normal(size=40)
        * 10.0 ** np.arange(-15, 5)[:, None].repeat(2, 1).ravel()
    ):
        assert to_si(engineering(float(value), "m"), "m", "x") == pytest.approx(value, rel=1e-3)


def test_constants_are_codata():
    assert units.ELEMENTARY_CHARGE == 1.602176634e-19
    assert pytest.approx(1.054571817e-34, rel=1e-9) == units.HBAR
    assert units.BOLTZMANN == 1.380649e-23
    assert pytest.approx(9.1093837e-31, rel=1e-8) == units.ELECTRON_MASS
    assert (
        pytest.approx(units.ELEMENTARY_CHARGE * units.HBAR / (2 * units.ELECTRON_MASS), rel=1e-9)
        == units.BOHR_MAGNETON
    )


def test_units_that_need_no_pint_are_those_of_pint():
    for unit in units._PLAIN_UNITS:
        for prefix in units._POWERS:
            text = prefix + unit
            own = units._conversion(text, unit, "x", text)
            assert own == units._by_pint(text, unit, "x", text), text
