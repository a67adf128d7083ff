"""The script of a page solves layers as Python does, and as finite elements through them do."""

from __future__ import annotations

import numpy as np
import pytest
from page_script import CONTACTS, FIELDS, PAIR, by_script, job, needs_node
from small_devices import bar

import ohmr_fem as of

MAGNET = of.magnetic_face(mixing_conductance=(4e14, 1e14), magnetisation=(1, 2, 0.5))
X = [[20.0, 1.0, 2.0], [1.0, 18.0, -1.0], [2.0, -1.0, 3.0]]


def layer(name, **changes):
    given = {
        "resistivity": "180 uohm cm",
        "diffusion_length": "4 nm",
        "relaxation_time": "2 ps",
        "orbital_hall_angle": 0.05,
        "inverse_mass": 1.0,
        "name": name,
    }
    return of.Material(**given | changes)


STACKS = {
    "faces": {"bottom": "absorbing", "top": 2e3},
    "magnet": {"top": MAGNET},
    "density": {},
}


@needs_node
@pytest.mark.parametrize("kind", STACKS)
def test_javascript_solves_layers(kind, tmp_path):
    layers = [
        (layer("mn"), "6 nm"),
        (layer("cr", resistivity="90 uohm cm", relaxation_time="1 ps", inverse_mass=X), "3 nm"),
        (layer("pt", resistivity="40 uohm cm", inverse_orbital_hall_angle=-0.1), "5 nm"),
    ]
    stack = of.Stack(layers, **STACKS[kind])
    options = {"interface": "density"} if kind == "density" else {"detection": "reciprocal"}
    problem = of.Problem(bar(12, 4), None, CONTACTS, order=1, film=stack, **options)
    measure = of.spectral_measure(problem, **PAIR)
    changes = {"cr.thickness": 4e-9, "pt.relaxation_time": 1.5e-12, "mn.orbital_hall_angle": 0.1}
    more = {
        "layers": [{"orbital_hall_angle": 0.1}, {"thickness": 4e-9}, {"relaxation_time": 1.5e-12}]
    }
    jobs = [job(measure, {}, {}), job(measure, {}, {"frequency": 1e11}), job(measure, {}, more)]
    plain, alternating, changed = by_script(tmp_path, jobs)
    slow = [measure.ac(1e11, B) for B in FIELDS]
    _close(plain, measure.delta_R(FIELDS), measure)
    _close(alternating, np.array(slow), measure)
    _close(changed, measure.at(**changes).delta_R(FIELDS), measure.at(**changes))


def _close(found, exact, measure):
    """delta_R, its change and R_ohmic; finite elements through the layers keep seven digits."""
    change = exact - exact[0]
    scale = np.abs(change).max()
    assert scale > 0.0
    assert np.abs(found[:, 0] - exact).max() < 1e-6 * np.abs(exact).max()
    assert np.abs(found[:, 1] - change).max() < 1e-6 * scale
    assert np.allclose(found[:, 2], measure.R_ohmic, rtol=1e-14)
