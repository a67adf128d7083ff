"""Moments inside films with a relaxation tensor or a spin, against sections on finite elements."""

from __future__ import annotations

from dataclasses import replace

import meshio
import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.model.channels import Channels
from ohmr_fem.solver.film_channels import ChannelFaces, Spectra, scaled_rates
from validation.two_channels import BETA, GAMMA, TESLA, two

FIELD = BETA * TESLA
LENGTH, WIDTH, THICKNESS = 6.0, 24.0, 1.4
ENDS = {"left": lambda p: p[0] < 1e-9, "right": lambda p: p[0] > LENGTH - 1e-9}
pytestmark = pytest.mark.filterwarnings("ignore::ohmr_fem.PhysicsWarning")


def tensor(rate=GAMMA):
    changes = {"relaxation_time": None, "relaxation_rate": rate, "diffusion_length": None}
    return replace(two(), spin=None, **changes)


def bar(material, film):
    """Wide, so that the middle knows nothing of the side edges."""
    bulk = {"sheet_conductivity": None, "resistivity": 1.0, "diffusion_length": None}
    mesh = of.tensor_grid(np.linspace(0, LENGTH, 3), of.graded_lines(-WIDTH / 2, WIDTH / 2, 0.3))
    mesh = mesh.with_boundaries(ENDS)
    return of.Problem(mesh, replace(material, **bulk), list(ENDS), order=3, film=film)


def in_section(prob, lower, upper):
    """At the bottom, the middle and the top of the section of J = 1 A/m^2, (3, 3) or (3, 6)."""
    mesh = of.cross_section(THICKNESS, normal="z", cells=40)
    material = replace(prob.material, sheet_conductivity=1.0, diffusion_length=None)
    section = of.Problem(mesh, material, edges={"lower": lower, "upper": upper})
    found = of.solve(section, FIELD, electric_field=1.0)
    both = [found.moment_density]
    both += [found.spin_density] if prob.has_spin else []
    heights = mesh.mesh.p[0]
    order = [int(np.argmin(abs(heights - z))) for z in (-THICKNESS / 2, 0.0, THICKNESS / 2)]
    assert np.ptp(heights[order]) == pytest.approx(THICKNESS) and abs(heights[order[1]]) < 1e-12
    return np.vstack(both)[:, order].T


@pytest.mark.parametrize(
    ("material", "lower", "upper"),
    [
        (tensor(), "reflecting", "reflecting"),
        (tensor(), 0.7, "absorbing"),
        (two(), "reflecting", "reflecting"),
        (two(), {"orbital": "absorbing", "spin": 0.5}, {"orbital": 0.3, "spin": "reflecting"}),
    ],
)
def test_the_middle_of_a_wide_bar_is_a_section(material, lower, upper):
    prob = bar(material, of.Film(THICKNESS, lower, upper))
    found = of.film_moment(prob, FIELD, current=("left", "right"), layers=3)
    p = prob.mesh.mesh.p
    at = int(np.argmin(np.abs(p[0] - LENGTH / 2) + np.abs(p[1])))
    values = [found.density[:, :, at]]
    values += [found.spin_density[:, :, at]] if prob.has_spin else []
    density = np.hstack(values) * WIDTH * THICKNESS
    expected = in_section(prob, lower, upper)
    assert np.allclose(density, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


def test_equal_rates_are_the_film_of_three_scalars():
    film = of.Film(THICKNESS, 0.7, of.Edge(0.2, source=0.02))
    one, same = (
        of.film_moment(bar(tensor(rate), film), FIELD, current=("left", "right"), layers=4).density
        for rate in (1.3, (1.3, 1.3, 1.3))
    )
    assert np.abs(one - same).max() < 1e-6 * np.abs(one).max()


def test_functions_of_the_matrix_serve_the_profile():
    faces = ChannelFaces.of(of.Film(1.0, 0.4, "absorbing"), Channels.of(two()), 1.0, 1.0)
    A, rates = scaled_rates(Channels.of(two()), FIELD, 1.0), np.array([0.0, 3.0])
    by_vectors = faces.profile(0.3, rates, A)
    kept = Spectra.of
    try:
        Spectra.of = lambda A: replace(kept(A), parallel=np.ones(len(A), dtype=bool))
        by_matrices = faces.profile(0.3, rates, A)
    finally:
        Spectra.of = kept
    assert np.allclose(by_vectors, by_matrices, rtol=1e-11, atol=1e-13)


def test_both_moments_are_written(tmp_path):
    prob = bar(two(), of.Film(THICKNESS))
    found = of.film_moment(prob, FIELD, current=("left", "right"))
    grid = meshio.read(of.export_film(found, tmp_path / "film.vtu"))
    n = found.density.shape[2]
    for name, values in (("moment", found.density), ("spin", found.spin_density)):
        assert np.allclose(grid.point_data[f"{name}_density [C/m^3]"][-n:], values[-1].T)
    alone = of.film_moment(bar(tensor(), of.Film(THICKNESS)), FIELD, current=("left", "right"))
    assert alone.spin_density is None
