"""Stacks of layers with a relaxation tensor or a spin, against films and a transfer matrix."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import block_diag, expm

import ohmr_fem as of
from ohmr_fem.errors import InputError
from validation.two_channels import ANGLES, BETA, GAMMA, INVERSE, LAYERS, TESLA, XT, cross, two

FIELDS = TESLA * np.array([BETA, 0.0 * BETA, 3.0 * BETA[::-1]])
FULL = np.array([[1.0, 0.2, 0.0], [0.2, 0.5, 0.1], [0.0, 0.1, 2.0]])
MAGNET = of.magnetic_face(mixing_conductance=(0.4, 0.2), magnetisation=(1.0, 2.0, -0.5))
APART = {"bottom": {"orbital": 0.4, "spin": MAGNET}, "top": {"orbital": FULL, "spin": "absorbing"}}
pytestmark = pytest.mark.filterwarnings("ignore::ohmr_fem.PhysicsWarning")


def bulk(material, sigma=1.0):
    given = {"sheet_conductivity": None, "resistivity": 1.0 / sigma, "diffusion_length": None}
    return replace(material, **given)


def tensor(rate=GAMMA):
    changes = {"relaxation_time": None, "relaxation_rate": rate, "diffusion_length": None}
    return replace(two(), spin=None, **changes)


@pytest.mark.parametrize(
    ("material", "faces"),
    [
        (tensor(), {"bottom": FULL, "top": "absorbing"}),
        (tensor((1.0, 1.5, 2.5)), {"top": MAGNET}),
        (two(), {"bottom": 0.7}),
        (two(), APART),
    ],
)
@pytest.mark.parametrize("detection", ["printed", "reciprocal"])
def test_equal_layers_are_a_film(material, faces, detection):
    given = bulk(material)
    stack = of.Stack([(given, 0.4), (given, 0.7)], **faces)
    found = of.film_conductivity(None, stack, FIELDS, detection=detection)
    expected = of.film_conductivity(given, of.Film(1.1, **faces), FIELDS, detection=detection)
    assert np.allclose(found, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())


def by_transfer(beta, faces):
    """delta sigma_ij over the mean conductivity: (N, Q, 1) carried through two layers.

    Q_z = - DD N' + alpha J on n^x for J along y, and minus that on n^y for J along x.
    """
    steps, jump = [], np.eye(13)
    for layer in LAYERS:
        T = block_diag(cross(beta) @ (layer.scale * XT), 2.0 * cross(beta))
        steps.append((layer, np.kron(layer.losses, np.eye(3)) + T))
    first, second = LAYERS
    for c in range(2):
        ratio = second.sigma / second.spread[c, c] * first.spread[c, c] / first.sigma
        jump[3 * c : 3 * c + 3, 3 * c : 3 * c + 3] *= ratio
    out = np.zeros((2, 2))
    for j, (moved, sign) in enumerate(((1, -1.0), (0, 1.0))):
        carried = []
        for layer, loss in steps:
            inverse = np.linalg.inv(np.kron(layer.spread, np.eye(3)))
            A = np.zeros((13, 13))
            A[:6, 6:12], A[6:12, :6] = -inverse, -loss
            A[:6, 12] = inverse @ np.kron(ANGLES, sign * np.eye(3)[moved]) * layer.sigma
            carried.append(expm(A * layer.width))
        one, other = carried
        whole = other @ jump @ one
        below, above = faces
        # Q = - G N below and G N above
        entry = np.vstack([np.eye(6), -below])
        rows = whole[6:12] - above @ whole[:6]
        start = np.linalg.solve(rows[:, :12] @ entry, -rows[:, 12])
        state = np.concatenate([entry @ start, [1.0]])
        middle, total = one @ state, np.zeros(3)
        for layer, a, b in ((first, state, middle), (second, jump @ middle, other @ jump @ middle)):
            read = np.kron(INVERSE @ layer.spread, np.eye(3))
            total += read @ (b[:6] - a[:6])
        out[:, j] = -total[1], total[0]  # delta J_x = - d_z n^y, delta J_y = d_z n^x
    return out / sum(x.sigma * x.width for x in LAYERS)


@pytest.mark.parametrize("absorb", [False, True])
def test_two_materials_against_a_transfer_matrix(absorb):
    layers = [
        (bulk(two(x.spread, x.losses, x.scale * XT, x.sigma), x.sigma), x.width) for x in LAYERS
    ]
    faces = {"bottom": {"orbital": 0.4, "spin": FULL}, "top": 0.3} if absorb else {}
    G = np.zeros((6, 6)), np.zeros((6, 6))
    if absorb:
        G = block_diag(0.4 * np.eye(3), FULL), 0.3 * np.eye(6)
    stack = of.Stack(layers, **faces)
    found = of.film_conductivity(None, stack, FIELDS)
    for tensor_found, beta in zip(found, FIELDS / TESLA, strict=True):
        expected = by_transfer(beta, G)
        assert np.allclose(tensor_found, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())


def test_a_device_and_alternating_current(bar):
    stack = of.Stack([(bulk(two()), 0.4), (bulk(two()), 0.7)], **APART)
    pair = {"current": ("left", "right"), "voltage": ("t1", "b1")}
    layered = bar(stack.material, step=0.5, film=stack)
    curve = of.hanle_curve(layered, FIELDS, **pair)
    film = bar(bulk(two()), step=0.5, film=of.Film(1.1, **APART))
    measure = of.spectral_measure(film, fields=FIELDS, **pair)
    assert np.allclose(curve.delta_R, measure.delta_R_local(FIELDS), rtol=1e-8)
    layers = of.spectral_measure(layered, **pair)
    slow, quick = layers.ac([1e-7, 0.3], FIELDS[0])
    assert slow == pytest.approx(curve.delta_R[0], rel=1e-5)
    nothing = replace(measure.projection, weights=0.0 * measure.projection.weights)
    s = 1.0 - 2j * np.pi * 0.3 * measure.material.mean_time
    local = replace(measure, projection=nothing).unchecked(FIELDS[:1], s)[0][0] * measure.unit
    assert quick == pytest.approx(local, rel=1e-8)


def test_a_spin_belongs_to_all_layers(refuses):
    stack = of.Stack([(bulk(two()), 0.4), (bulk(tensor()), 0.7)])
    with refuses(InputError, "all regions or to none"):
        of.film_conductivity(None, stack, FIELDS)
