"""Maps of the moment density: layers that are thinner than a reader sees."""

from __future__ import annotations

import numpy as np
import pytest
from small_devices import MATERIAL

import ohmr_fem as of
from ohmr_fem.output.map_colours import WIDENED

pytestmark = pytest.mark.filterwarnings("ignore")


def drawn(length):
    """A bar of 8 um x 2 um, graded to its edges, and the notes and rim lines of its map."""
    half = np.concatenate([[0.0], np.geomspace(5e-10, 1e-6, 12)])
    across = np.concatenate([-1e-6 + half[:-1], 1e-6 - half[::-1]])
    ends = {"left": lambda p: p[0] < -3.99e-6, "right": lambda p: p[0] > 3.99e-6}
    mesh = of.tensor_grid(np.linspace(-4e-6, 4e-6, 9), across).with_boundaries(ends)
    material = of.Material(**{**MATERIAL, "diffusion_length": length})
    solution = of.solve(
        of.Problem(mesh, material, list(ends)), (0, 0, 0), currents={"left": 1e-6, "right": -1e-6}
    )
    ax = of.plot_moment_density(solution, arrows=0)
    lines = [c for c in ax.collections if c.get_array() is not None and hasattr(c, "get_segments")]
    return [text.get_text() for text in ax.texts], lines


def test_a_layer_thinner_than_a_pixel_is_drawn_wider_and_said_to_be():
    notes, (lines,) = drawn("2 nm")
    assert WIDENED in notes
    middles = np.array([s.mean(axis=0) for s in lines.get_segments()])
    shades = lines.norm(lines.get_array())
    upper, lower = middles[:, 1] > 0.99999e-6, middles[:, 1] < -0.99999e-6
    assert np.all(shades[upper] > 0.9) and np.all(shades[lower] < 0.1)


def test_a_wide_layer_is_drawn_as_it_is():
    notes, lines = drawn("300 nm")
    assert WIDENED not in notes and lines == []
