"""Bloch sums against finite differences; refusal of models that make no sense. H(k) and its
commutators: validation.
"""

import numpy as np
import pytest

from ohmr_fem.errors import InputError
from ohmr_fem.micro import LayeredModel
from ohmr_fem.micro.hamiltonian import HBAR2_OVER_ME
from validation.micro_hamiltonian import HOPS, LATTICE, SITES
from validation.micro_hamiltonian import bond_sum as by_hand


@pytest.fixture(scope="module")
def model():
    return LayeredModel.from_hoppings(LATTICE, SITES, HOPS, onsite=[0.1, -0.2, 0.3])


@pytest.fixture(scope="module")
def k():
    return np.random.default_rng(1).uniform(-1, 1, (7, 2))


def test_bands_are_the_eigenvalues(model, k):
    assert np.abs(model.bands(k) - [np.linalg.eigvalsh(by_hand(q)) for q in k]).max() < 1e-13


def test_derivatives_match_finite_differences(model, k):
    step = 1e-4
    for axis, e in zip("xy", np.eye(2), strict=True):
        slope = (
            np.array([by_hand(q + step * e) for q in k]) - [by_hand(q - step * e) for q in k]
        ) / (2 * step)
        assert np.abs(model.bloch(k, axis) - slope).max() < 1e-6
        for other in "xy":
            steep = (model.bloch(k + step * e, other) - model.bloch(k - step * e, other)) / (
                2 * step
            )
            assert np.abs(model.bloch(k, other + axis) - steep).max() < 1e-6


def test_shapes_and_units(model):
    assert model.bloch([0.1, 0.2]).shape == (3, 3)
    assert model.bloch(np.zeros((4, 5, 2)), "xx").shape == (4, 5, 3, 3)
    assert pytest.approx(7.61996423, rel=1e-8) == HBAR2_OVER_ME
    assert np.allclose(model.lattice @ model.reciprocal.T, 2 * np.pi * np.eye(2))
    assert model.cell_area == pytest.approx(3.0 * 2.5 - 0.2 * 0.7)


def test_bands_are_periodic(model, k):
    assert (
        np.abs(
            model.bands(k) - model.bands(k + model.reciprocal[0] - 2 * model.reciprocal[1])
        ).max()
        < 1e-12
    )


def test_potentials_shift_layers(model):
    h = model.with_potentials([1.0, 2.0, 4.0]).bloch([0.0, 0.0]) - model.bloch([0.0, 0.0])
    assert np.allclose(h, np.diag([1.0, 2.0, 4.0]))
    h = model.with_displacement(0.5).bloch([0.0, 0.0]) - model.bloch([0.0, 0.0])
    assert np.allclose(np.diag(h), [-0.5, -0.5 + 3.1 / 7.0, 0.5])
    assert model.n_layers == 3 and np.allclose(model.layer_heights, [0.0, 3.1, 7.0])


def test_a_bond_may_be_named_from_both_ends():
    both = [(0, 1, (1, 0), 0.5j), (1, 0, (-1, 0), -0.5j)]
    a = LayeredModel.from_hoppings(LATTICE, SITES, both)
    b = LayeredModel.from_hoppings(LATTICE, SITES, both[:1])
    assert np.array_equal(a.bloch([0.3, 0.1]), b.bloch([0.3, 0.1]))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"hoppings": [(0, 1, (1, 0), 0.5), (1, 0, (-1, 0), 0.4)]}, "Hermitian"),
        ({"hoppings": [(0, 0, (0, 0), 0.5j)]}, "Hermitian"),
        ({"hoppings": [(0, 1, (1, 0), 0.5), (0, 1, (1, 0), 0.5)]}, "twice"),
        ({"hoppings": [(0, 3, (1, 0), 0.5)]}, "outside"),
        ({"positions": [[0, 0], [1, 1], [2, 2]]}, "layers along z"),
        ({"positions": [[0, 0, np.nan]] * 3}, "finite"),
        ({"layers": [0, 2, 2]}, "layers"),
        ({"layers": [1, 0, 2]}, "overlap"),
        ({"lattice": [[1, 0], [2, 0]]}, "parallel"),
        ({"lattice": [1, 0]}, "shape"),
        ({"onsite": [1.0]}, "onsite"),
        ({"potentials": [1.0]}, "potentials"),
        ({"filling": 4}, "filling"),
    ],
)
def test_bad_models_are_refused(change, word):
    given = {"lattice": LATTICE, "positions": SITES, "hoppings": HOPS} | change
    with pytest.raises(InputError, match=word) as caught:
        LayeredModel.from_hoppings(**given)
    assert "\n" not in str(caught.value)


def test_bad_blocks_are_refused(model):
    blocks = model.blocks.copy()
    blocks[0, 0, 1] += 0.01
    with pytest.raises(InputError, match="Hermitian"):
        LayeredModel(LATTICE, SITES, model.translations, blocks)
    with pytest.raises(InputError, match="missing"):
        LayeredModel(LATTICE, SITES, [[1, 0]], np.zeros((1, 3, 3)))
    with pytest.raises(InputError, match="twice"):
        LayeredModel(LATTICE, SITES, [[0, 0], [0, 0]], np.zeros((2, 3, 3)))
    with pytest.raises(InputError, match="letters"):
        model.bloch([0.0, 0.0], "xq")


def test_displacement_needs_two_layers():
    single = LayeredModel.from_hoppings(LATTICE, SITES[:1], [])
    with pytest.raises(InputError, match="one layer"):
        single.with_displacement(0.1)
