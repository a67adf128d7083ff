"""Point groups of models whose symmetry is known, and tensors that must obey them."""

import numpy as np
import pytest

from ohmr_fem.errors import InputError
from ohmr_fem.micro import (
    LayeredModel,
    bilayer_graphene,
    gapped_honeycomb,
    inverse_mass,
    monolayer_graphene,
    multilayer_graphene,
    symmetry_report,
)
from ohmr_fem.micro.symmetry import find_operations

FULL = bilayer_graphene(3.16, 0.381, 0.38, 0.14, 0.022)


def groups(model):
    operations = find_operations(model)
    return sum(not op.time_reversal for op in operations), len(operations)


@pytest.mark.parametrize(
    ("model", "order"),
    [
        (monolayer_graphene(), 12),  # D6h without z -> -z, which says nothing in a plane
        (FULL, 12),  # D3d
        (FULL.with_displacement(0.1), 6),  # C3v
        (multilayer_graphene(3, "ABC"), 12),  # D3d
        (multilayer_graphene(3, "ABA"), 12),  # D3h
        (multilayer_graphene(2, "AA"), 24),  # D6h
        (gapped_honeycomb(2, "2H"), 12),  # D3d
        (gapped_honeycomb(2, "3R"), 6),  # C3v
        (gapped_honeycomb(2, "AA"), 12),  # D3h
    ],
)
def test_group_orders(model, order):
    assert groups(model) == (order, 2 * order)  # all have time reversal


def test_report_before_and_after_a_displacement_field():
    before, after = symmetry_report(FULL), symmetry_report(FULL.with_displacement(0.1))
    assert (
        before.threefold and before.inversion and before.time_reversal and len(before.mirrors) == 3
    )
    assert (
        after.threefold and not after.inversion and after.time_reversal and len(after.mirrors) == 3
    )
    for report in (before, after):
        assert report.forbidden == ("xy", "yz", "zx") and report.isotropic
        assert report.violation < 1e-12
        assert "must vanish: X_xy, X_yz, X_zx" in str(report)


def sheared(angle=0.0):
    """Two square layers joined by slanted bonds: no C3, no C4, a mirror only if the slant lies on
    an axis.
    """
    slant = 1.1 * np.array([np.cos(angle), np.sin(angle)])
    sites = [[0, 0, 0], [*slant, 3.0]]
    hops = [(i, i, cell, -0.5) for i in (0, 1) for cell in ((1, 0), (0, 1))] + [
        (0, 1, (0, 0), -0.3)
    ]
    return LayeredModel.from_hoppings(4.0 * np.eye(2), sites, hops, onsite=[0.0, 0.2])


def test_components_survive_where_nothing_forbids_them():
    along, oblique = symmetry_report(sheared()), symmetry_report(sheared(0.3))
    assert set(along.forbidden) == {"xy", "yz"} and not along.isotropic
    assert abs(along.X[0, 2]) > 1e-3
    assert oblique.forbidden == () and groups(sheared(0.3)) == (1, 2)


def test_time_reversal_is_missed_in_a_haldane_layer():
    bond = 2.46 / np.sqrt(3)
    lattice = 2.46 * np.array([[1, 0], [0.5, np.sqrt(0.75)]])
    hops = [(0, 1, c, -3.0) for c in ((0, 0), (0, -1), (1, -1))]
    hops += [(s, s, c, 0.2j * (1 - 2 * s)) for s in (0, 1) for c in ((1, 0), (-1, 1), (0, -1))]
    model = LayeredModel.from_hoppings(lattice, [[0, 0, 0], [0, bond, 0]], hops)
    names = [op.name for op in find_operations(model)]
    assert "time reversal" not in names and "C6z" in names
    assert not any("mirror" in name and "time reversal" not in name for name in names)


def test_small_symmetry_breaking_is_seen():
    nudged = FULL.blocks.copy()
    home = FULL._home
    nudged[home, 0, 0] += 1e-5
    model = LayeredModel(FULL.lattice, FULL.positions, FULL.translations, nudged)
    assert not symmetry_report(model).inversion


@pytest.mark.parametrize("shift", [0.0, 0.5])
@pytest.mark.parametrize(
    "model", [FULL, FULL.with_displacement(0.2), sheared(), sheared(0.3)], ids=str
)
def test_reduced_mesh_gives_the_full_sum(model, shift):
    mu = [0.1, 0.15]
    full = inverse_mass(model, mu, 300, mesh=18, shift=shift, symmetry=False)
    part = inverse_mass(model, mu, 300, mesh=18, shift=shift)
    assert np.abs(full.X - part.X).max() < 1e-13 * np.abs(full.X).max() * 10
    assert np.abs(full.electrons - part.electrons).max() < 1e-13


def test_bad_input():
    with pytest.raises(InputError, match="positive"):
        symmetry_report(FULL, temperature=-1.0)
