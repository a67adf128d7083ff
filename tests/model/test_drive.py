"""Currents, voltages and pairs of contacts, checked against the problem."""

from __future__ import annotations

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.errors import InputError
from ohmr_fem.mesh.grids import tensor_grid
from ohmr_fem.model.drive import read_drive, read_pair
from validation.case import simple_material

GRID = tensor_grid(np.linspace(0, 2, 5), np.linspace(0, 1, 3), cells="triangle")
DEVICE = of.Problem(
    GRID,
    simple_material(),
    {
        "left": of.Contact(),
        "right": of.Contact(),
        "top": of.Contact("probe"),
        "bottom": of.Contact("profile"),
        "tip": of.Contact("point", at=(1.0, 0.5)),
    },
)
SECTION = of.Problem(of.cross_section(1.0), simple_material())


def test_quantities_and_defaults():
    drive = read_drive(DEVICE, {"left": "1 uA", "right": -1e-6}, None, 1.0)
    assert drive.currents == pytest.approx({"left": 1e-6, "right": -1e-6}) and drive.voltages == {}
    assert drive.sink == "right" and drive.held == () and drive.electric_field == 0.0
    drive = read_drive(DEVICE, {"bottom": 1.0}, {"right": "2 mV", "left": 0}, 1.0)
    assert drive.held == ("left", "right") and drive.voltages["right"] == pytest.approx(2e-3)
    assert read_drive(DEVICE, None, None, 1.0).sink is None
    assert read_drive(SECTION, None, None, "3 V/mm").electric_field == pytest.approx(3e3)


def test_balance_is_relative():
    read_drive(DEVICE, {"left": 1e-6, "right": -1e-6 * (1 + 5e-10)}, None, 1.0)
    read_drive(DEVICE, {"left": 0.1 + 0.2, "right": -0.3}, None, 1.0)  # binary round-off
    read_drive(DEVICE, {"left": 1e-6}, {"right": 0.0}, 1.0)  # a held contact takes what is left


@pytest.mark.parametrize(
    "currents, voltages, fragments",
    [
        ({"left": 1e-6, "right": -0.9e-6}, None, ("sum to zero", "1e-07 A", "voltage")),
        ({"left": 1e-12}, None, ("sum to zero", "1e-12 A")),
        ({"left": 1e-6, "right": -1e-6 * (1 + 2e-9)}, None, ("sum to zero",)),
        ({"lfet": 1.0, "right": -1.0}, None, ("'lfet'", "did you mean 'left'?")),
        ({"left": 1.0}, {"rihgt": 0.0}, ("'rihgt'", "did you mean 'right'?")),
        (
            {"left": "1 V", "right": -1},
            None,
            ("current of contact 'left'", "wrong dimension", "expected A"),
        ),
        ({"left": np.nan, "right": 0}, None, ("current of contact 'left'", "finite")),
        (
            {"top": 1.0, "right": -1.0},
            None,
            ("'top' is a probe", "no current", "'equipotential' or 'profile'"),
        ),
        ({"tip": 1.0, "right": -1.0}, None, ("'tip' is a point",)),
        ({"left": 1.0}, {"left": 1.0}, ("'left'", "current or its voltage, not both")),
        ({}, {"bottom": 1.0}, ("'bottom'", "equipotential")),
        ({}, {"top": 1.0}, ("'top'", "equipotential")),
        ({}, {"left": "1 A"}, ("voltage of contact 'left'", "wrong dimension", "expected V")),
    ],
)
def test_refuses(currents, voltages, fragments, refuses):
    with refuses(InputError, *fragments):
        read_drive(DEVICE, currents, voltages, 1.0)


def test_cross_section_has_its_own_drive(refuses):
    with refuses(InputError, "electric_field", "contact currents"):
        read_drive(SECTION, {"lower": 1.0}, None, 1.0)
    with refuses(InputError, "electric_field", "wrong dimension", "V/m"):
        read_drive(SECTION, None, None, "1 V")


def test_pairs():
    assert read_pair(DEVICE, ["left", "bottom"], "current") == ("left", "bottom")
    assert read_pair(DEVICE, ("tip", "top"), "voltage") == ("tip", "top")


@pytest.mark.parametrize(
    "pair, what, fragments",
    [
        ("left", "current", ("pair of contact names", "'left'")),
        (None, "voltage", ("pair", "None")),
        (("left",), "current", ("pair",)),
        (("left", "right", "top"), "voltage", ("pair",)),
        (3, "voltage", ("pair", "3")),
        (("left", "rigth"), "voltage", ("'rigth'", "did you mean 'right'?")),
        (("left", "left"), "current", ("two different", "'left' twice")),
        (("left", "tip"), "current", ("'tip' is a point", "carries no current")),
        (("top", "left"), "current", ("'top' is a probe",)),
    ],
)
def test_pair_refuses(pair, what, fragments, refuses):
    with refuses(InputError, *fragments):
        read_pair(DEVICE, pair, what)
