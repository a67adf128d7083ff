"""What a film accepts, and what it says to the rest."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose

import ohmr_fem as of
from ohmr_fem.model.film import Face

MAGNET = of.magnetic_face(mixing_conductance=(4e14, 1e13), magnetisation=(0.0, 3.0, 0.0))


def test_faces():
    film = of.Film("10 nm", bottom="100 m/s", top=(1.0, 2.0, 3.0))
    assert film.thickness == pytest.approx(1e-8) and not film.reflecting
    assert_allclose(film.bottom.matrix, 100.0 * np.eye(3))
    assert_allclose(film.top.matrix, np.diag([1.0, 2.0, 3.0]))
    assert of.Film(1.0).reflecting and of.Film(1.0, bottom=0.0, top=of.Edge()).reflecting
    assert of.Film(1.0, top=of.Edge("absorbing")).top.absorbing
    assert_allclose(of.Film(1.0, top=of.Edge((1, 2, 3))).top.matrix, np.diag([1.0, 2.0, 3.0]))


def test_arrays_are_copied_and_frozen():
    given = np.eye(3)
    film = of.Film(1.0, bottom=given)
    given[0, 0] = 7.0
    assert film.bottom.matrix[0, 0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        film.bottom.matrix[0, 0] = 2.0
    assert isinstance(pickle.loads(pickle.dumps(film)).bottom, Face)


def test_magnetic_face():
    assert MAGNET.magnetisation == (0.0, 1.0, 0.0)
    sigma, D = 2.5e6, 1e-6
    G = MAGNET.absorption(sigma, D)
    across = 2.0 * 4e14 * D / sigma
    assert_allclose(np.diag(G), [across, 0.0, across])
    assert G[0, 2] == pytest.approx(2.0 * 1e13 * D / sigma) == -G[2, 0]  # m x n
    assert_allclose(MAGNET.reversed().absorption(sigma, D), G.T)
    alone = of.magnetic_face(mixing_conductance="4e14 S/m^2", magnetisation=(1, 0, 0))
    assert alone.mixing_conductance == (4e14, 0.0)


@pytest.mark.parametrize(
    "arguments, fragments",
    [
        ({"thickness": "-1 nm"}, ["thickness", "-1 nm"]),
        ({"thickness": "3 s"}, ["thickness", "dimension"]),
        ({"thickness": 1.0, "bottom": -3.0}, ["bottom", ">= 0"]),
        ({"thickness": 1.0, "top": "mirror"}, ["top", "mirror", "reflecting"]),
        ({"thickness": {"bulk": 1.0}}, ["thickness", "a step"]),
        ({"thickness": 1.0, "top": {"injected": 1.0}}, ["top", "inject"]),
        ({"thickness": 1.0, "top": of.Edge(source=(0.1, 0, 0))}, ["top", "source"]),
        ({"thickness": 1.0, "top": of.Edge(edge_moment=0.1)}, ["top", "edge_moment"]),
        ({"thickness": 1.0, "top": [[1.0, 0.0], [0.0, 1.0]]}, ["top", "(2, 2)"]),
        ({"thickness": 1.0, "top": -np.eye(3)}, ["top", "-1 m/s"]),
    ],
)
def test_refuses(refuses, arguments, fragments):
    with refuses(of.InputError, "Film", *fragments):
        of.Film(**arguments)


@pytest.mark.parametrize(
    "conductance, m, fragment",
    [(-1.0, (1, 0, 0), ">= 0"), ((1.0, 2.0, 3.0), (1, 0, 0), "3 values"), (1.0, (0, 0, 0), "m_x")],
)
def test_refuses_magnets(refuses, conductance, m, fragment):
    with refuses(of.InputError, "magnetic_face", fragment):
        of.magnetic_face(mixing_conductance=conductance, magnetisation=m)


METAL = {
    "relaxation_time": 1e-12,
    "orbital_hall_angle": 0.1,
    "inverse_mass": 1.0,
    "diffusion_length": 2e-9,
}


def test_one_conductivity(refuses):
    with refuses(of.InputError, "sheet_conductivity or resistivity"):
        of.Material(1.0, resistivity=1.0, **METAL)
    given = of.Material(resistivity="180 uohm cm", **METAL)
    assert given.resistivity == pytest.approx(1.8e-6) and "resistivity" in repr(given)
    sheet = given.as_sheet(1e-8)
    assert sheet.sheet_conductivity == pytest.approx(1e-8 / 1.8e-6) and sheet.resistivity is None
    assert sheet.diffusion_length == pytest.approx(2e-9)


def test_a_metal_on_a_plane_without_thickness_is_told_what_is_missing():
    """tanh(z)/z of the thickness L_m against that of the width, 40 nm at L_m = 2 nm."""
    from ohmr_fem.solver.resolution import physics_notes

    mesh = of.tensor_grid(np.linspace(0, 80e-9, 5), np.linspace(0, 40e-9, 5))
    ends = {"left": lambda p: p[0] < 1e-12, "right": lambda p: p[0] > 80e-9 - 1e-12}
    mesh = mesh.with_boundaries(ends)
    metal = of.presets.mn(sheet_conductivity="5 mS")
    texts = [str(n) for n in physics_notes(of.Problem(mesh, metal, list(ends)), np.zeros((1, 3)))]
    expected = (np.tanh(0.5) / 0.5) / (np.tanh(10.0) / 10.0)
    assert any("Film" in t and f"x {expected:.3g}" in t for t in texts)
    film = of.Problem(
        mesh, of.presets.mn(resistivity="180 uohm cm"), list(ends), film=of.Film(1e-8)
    )
    assert not any("is measured as a film" in str(n) for n in physics_notes(film, np.zeros((1, 3))))
    with pytest.raises(of.InputError, match="belongs to a film"):
        of.Problem(mesh, of.presets.mn(resistivity="180 uohm cm"), list(ends))
