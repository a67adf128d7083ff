"""The closed form through layers against finite elements, which share no code with it but X."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import ohmr_fem as of
from ohmr_fem.errors import InputError, SolveError
from ohmr_fem.solver.layers import local_tensors
from ohmr_fem.solver.stack import Thickness, section_of

XT = [[1.0, 0.15, 0.1], [0.15, 0.8, -0.05], [0.1, -0.05, 0.5]]
FIELDS = np.array([[5.0, -3.0, 2.0], [0.0, 0.0, 9.0], [-4.0, 0.0, 0.5]])


def layer(name, rho, length, tau, alpha, X, inverse=None):
    return of.Material(
        resistivity=rho,
        diffusion_length=length,
        relaxation_time=tau,
        orbital_hall_angle=alpha,
        inverse_orbital_hall_angle=alpha if inverse is None else inverse,
        inverse_mass=X,
        name=name,
    )


def stack(shapes, **faces):
    """Platinum, a layer that makes nothing, and manganese, all different."""
    pt = layer("Pt", 2e-7, 2e-9, 5e-13, 0.05, shapes[0])
    cu = layer("Cu", 3e-8, 50e-9, 1e-11, 0.0, shapes[1])
    mn = layer("Mn", 1e-6, 5e-9, 2e-12, -0.1, shapes[2], -0.07)
    return of.Stack([(pt, 3e-9), (cu, 2e-9), (mn, 10e-9)], **faces)


FACES = (
    {},
    {"bottom": 3e3, "top": "absorbing"},
    {"bottom": "absorbing", "top": np.diag([2e3, 1e3, 5e2])},
)
SHAPES = ((1.0, 1.0, 1.0), (XT, [1.0, 0.8, 0.2], 1.0))


@pytest.mark.parametrize("faces", FACES)
@pytest.mark.parametrize("interface", ["accumulation", "density"])
@pytest.mark.parametrize("detection", ["printed", "reciprocal"])
def test_it_is_what_finite_elements_find(detection, interface, faces):
    for shapes in SHAPES:
        given = stack(shapes, **faces)
        section = section_of(given, detection, interface)
        expected = Thickness.of(given, section).tensors(FIELDS)
        found = local_tensors(given, FIELDS, detection, interface)
        for own, other in zip(found, expected, strict=True):
            assert_allclose(own, other, atol=1e-8 * np.abs(other).max())


def test_one_layer_in_three_is_one_film():
    m = layer("Mn", 1e-6, 5e-9, 2e-12, 0.1, XT)
    several = of.Stack([(m, 3e-9), (m, 6e-9), (m, 1e-9)])
    found = local_tensors(several, FIELDS)[0]
    assert_allclose(found, of.film_conductivity(m, of.Film(10e-9), FIELDS), rtol=1e-11)


def test_a_layer_a_thousandth_as_thick_as_its_length_keeps_its_digits():
    thin = layer("Cu", 3e-8, 1e-6, 1e-11, 0.0, 1.0)
    mn = layer("Mn", 1e-6, 5e-9, 2e-12, 0.1, 1.0)
    given = of.Stack([(thin, 1e-9), (mn, 10e-9)])
    expected = Thickness.of(given, section_of(given)).tensors(FIELDS)[1]
    found = local_tensors(given, FIELDS)[1]
    assert_allclose(found, expected, atol=1e-7 * np.abs(expected).max())


def test_what_it_cannot_do_is_refused():
    loose = stack((1.0, 1.0, np.diag([1.0, 1.0, -0.5])))
    with pytest.raises(SolveError, match="unstable torque"):
        local_tensors(loose, np.array([[90.0, 0.0, 0.0]]))
    with pytest.raises(InputError, match="definite X"):
        local_tensors(loose, 0.1 * FIELDS, "reciprocal")
    long = layer("Cu", 3e-8, 1e-3, 1e-11, 0.0, 1.0)
    with pytest.raises(SolveError, match="too thin"):
        local_tensors(of.Stack([(long, 1e-9)]), FIELDS)
