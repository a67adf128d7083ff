"""Graphene and honeycomb models against closed-form bands and matrices typed in by hand."""

import numpy as np
import pytest

from ohmr_fem.errors import InputError
from ohmr_fem.micro import (
    bilayer_graphene,
    gapped_honeycomb,
    monolayer_graphene,
    multilayer_graphene,
)

A = 2.46
BONDS = A * np.array([[0, 1 / np.sqrt(3)], [0.5, -0.5 / np.sqrt(3)], [-0.5, -0.5 / np.sqrt(3)]])
K = np.array([4 * np.pi / (3 * A), 0.0])


@pytest.fixture(scope="module")
def k():
    return np.random.default_rng(3).uniform(-2, 2, (9, 2))


def structure(k):
    return np.exp(1j * k @ BONDS.T).sum(axis=-1)


def test_monolayer_bands(k):
    e = 3.16 * np.abs(structure(k))
    assert np.abs(monolayer_graphene().bands(k) - np.stack([-e, e], axis=-1)).max() < 1e-12


def test_heights_and_spacings():
    assert np.array_equal(bilayer_graphene().positions[:, 2], [0, 0, 3.35, 3.35])
    model = multilayer_graphene(4, "ABC", spacing=[3.0, 3.5, 4.0])
    assert np.allclose(model.layer_heights, [0, 3, 6.5, 10.5])
    assert np.abs(model.bands(K) - multilayer_graphene(4, "ABC").bands(K)).max() < 1e-13


@pytest.mark.parametrize("n", [3, 6, 7])
def test_rhombohedral_stack(k, n):
    """Block-tridiagonal chain: gamma1 from B of each layer to A of the next, wherever the layers
    sit.
    """
    for q in k:
        h = np.zeros((2 * n, 2 * n), dtype=complex)
        for layer in range(n):
            h[2 * layer, 2 * layer + 1] = -3.16 * structure(q)
            if layer + 1 < n:
                h[2 * layer + 1, 2 * layer + 2] = 0.38
        h += h.conj().T
        assert np.abs(multilayer_graphene(n, "ABC").bands(q) - np.linalg.eigvalsh(h)).max() < 1e-12


def test_bernal_trilayer_is_a_monolayer_and_a_bilayer(k):
    one, two = monolayer_graphene().bands(k), bilayer_graphene(gamma1=0.38 * np.sqrt(2)).bands(k)
    expected = np.sort(np.concatenate([one, two], axis=-1), axis=-1)
    assert np.abs(multilayer_graphene(3, "ABA").bands(k) - expected).max() < 1e-12
    assert np.abs(multilayer_graphene(3, "AB").bands(k) - expected).max() < 1e-12


def test_direct_stacking(k):
    one = monolayer_graphene().bands(k)
    expected = np.sort(np.concatenate([one - 0.38, one + 0.38], axis=-1), axis=-1)
    assert np.abs(multilayer_graphene(2, "AA").bands(k) - expected).max() < 1e-12


def test_interlayer_bonds_have_the_right_length():
    model = multilayer_graphene(5, "ABCBA", gamma3=0.3, gamma4=0.1)
    length = np.linalg.norm(model.bond_vectors[..., :2], axis=-1)
    layer = model.layers
    between = np.abs(layer[:, None] - layer[None, :]) == 1
    for energy, distance in ((0.38, 0.0), (-0.3, A / np.sqrt(3)), (0.1, A / np.sqrt(3))):
        here = between[None] & np.isclose(model.blocks, energy)
        assert here.any() and np.allclose(length[here], distance)


def test_gapped_honeycomb_bands(k):
    t, gap, a = 1.27, 1.66, 3.19
    f = np.exp(1j * k @ (BONDS * a / A).T).sum(axis=-1)
    e = np.sqrt((gap / 2) ** 2 + (t * np.abs(f)) ** 2)
    assert np.abs(gapped_honeycomb(1).bands(k) - np.stack([-e, e], axis=-1)).max() < 1e-12
    w = 0.043
    split = np.sort(
        np.concatenate([np.stack([-e, e], -1) + s * w for s in (-1, 1)], axis=-1), axis=-1
    )
    assert np.abs(gapped_honeycomb(2, "AA").bands(k) - split).max() < 1e-12
    # 2H: the masses are opposite, the coupling joins +m and -m: (e^2 + w^2 + 2 w t |f|)^(1/2) and
    # with a minus
    both = [np.sqrt((gap / 2) ** 2 + (t * np.abs(f) + s * w) ** 2) for s in (-1, 1)]
    expected = np.sort(np.stack([*both, *(-b for b in both)], axis=-1), axis=-1)
    assert np.abs(gapped_honeycomb(2, "2H").bands(k) - expected).max() < 1e-12


@pytest.mark.parametrize(
    "call",
    [
        lambda: multilayer_graphene(0),
        lambda: multilayer_graphene(2, "AX"),
        lambda: multilayer_graphene(2, ""),
        lambda: multilayer_graphene(3, spacing=[3.3]),
        lambda: bilayer_graphene(spacing=-1.0),
        lambda: gapped_honeycomb(stacking="4R"),
        lambda: multilayer_graphene(1, displacement=0.1),
    ],
)
def test_bad_input(call):
    with pytest.raises(InputError) as caught:
        call()
    assert "\n" not in str(caught.value)
