"""What fields have in common, in words."""

from __future__ import annotations

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.model.directions import fields_in_words, line_of, turn_of


def turned(start, stop, plane):
    angle = np.deg2rad(np.linspace(start, stop, 13))
    first, second = of.field_rotation(1.0, 4, plane)[:2]
    return 9.0 * (np.outer(np.cos(angle), first) + np.outer(np.sin(angle), second))


@pytest.mark.parametrize(
    "fields, words",
    [
        (of.field_sweep(-9, 9, 5, "x"), "-9 to 9 T along x"),
        (of.field_sweep(9, -9, 5, (0, -1, 0)), "-9 to 9 T along y"),
        (of.field_sweep(0, 2, 3, (1, 0, 1)), "0 to 2 T at 45° from x to z"),
        (of.field_sweep(0, 2, 3, (1, 0.5, 0.2)), "0 to 2 T along (1, 0.5, 0.2)"),
        (turned(0, 360, "xz"), "9 T turned from x to z"),
        (turned(0, 180, "yx"), "9 T turned from y to x"),
        (turned(30, 390, "xy"), "9 T turned from x to y"),
        ([[1, 0, 0], [0, 2, 0], [0, 0, 3]], "up to 3 T in several directions"),
        ([[0, 0, 0]], "0 T"),
    ],
)
def test_in_words(fields, words):
    assert fields_in_words(np.asarray(fields, dtype=float)) == words


def test_angles_are_counted_from_the_axis_that_is_named():
    for start in (0, 30, 90):
        turn = turn_of(turned(start, start + 360, "xz"))
        counted = start if turn.plane == "x to z" else 0
        assert turn.strength == pytest.approx(9.0)
        assert np.allclose(turn.angle, counted + 30.0 * np.arange(13))
    oblique = turned(0, 90, "xy") @ np.linalg.qr(np.arange(9.0).reshape(3, 3) + np.eye(3))[0]
    assert turn_of(oblique).plane == "" and np.allclose(turn_of(oblique).angle, 7.5 * np.arange(13))


def test_a_line_has_the_sign_of_measured_curves():
    """So that a calculated curve and data lie over each other."""
    for direction in ((-1, 0, 1), (0, -2, 1), (1, 1, 1)):
        fields = of.field_sweep(-3, 5, 5, direction)
        data = of.Measured(fields, np.zeros(5), "R")
        assert np.allclose(line_of(fields), data.direction)
