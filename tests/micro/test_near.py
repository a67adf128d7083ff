"""Sums that leave out the wave vectors far from the chemical potential, against direct sums over
every point of the zone that know nothing of the package but its numbers.
"""

import numpy as np
import pytest

from ohmr_fem.errors import FaultError
from ohmr_fem.micro import (
    LayeredModel,
    bilayer_graphene,
    chemical_potential,
    gapped_honeycomb,
    inverse_mass,
    states,
)
from ohmr_fem.micro.near import WINDOW, Wanted, _most_moved
from ohmr_fem.micro.symmetry import find_operations

KELVIN = 1.380649e-23 / 1.602176634e-19  # eV
HBAR2_OVER_ME = 1e20 * 1.054571817646156e-34**2 / (9.1093837139e-31 * 1.602176634e-19)
FULL = bilayer_graphene(3.16, 0.381, 0.38, 0.14, 0.022, 0.1)
SITES = np.array([[0.0, 0.0, 0.0], [0.0, 1.4, 0.0], [0.3, 1.4, 3.3], [0.2, 2.8, 3.3]])
LATTICE = 2.46 * np.array([[1.0, 0.0], [0.5, np.sqrt(0.75)]])
ONSITE = [0.1, -0.2, 0.15, -0.1]


def bonds(flux=0.0):
    """Two slanted honeycomb layers without a point symmetry; a flux breaks time reversal too."""
    cells = [(0, 0), (0, -1), (1, -1)]
    hops = [(0, 1, c, -3.0) for c in cells] + [(2, 3, c, -2.8) for c in cells]
    hops += [(1, 2, (0, 0), 0.35), (0, 2, (0, 0), 0.1)]
    turn = [(1, 0), (-1, 1), (0, -1)]
    hops += [(s, s, c, 0.02j * flux * (-1) ** s) for s in range(4) for c in turn] if flux else []
    return hops


def layered(flux=0.0):
    return LayeredModel.from_hoppings(LATTICE, SITES, bonds(flux), onsite=ONSITE)


MODELS = {"slanted": layered(), "with a flux": layered(1.0)}


def one_band(filling):
    """A square lattice with a complex hopping, empty or full at neutrality."""
    hops = [(0, 0, (1, 0), -0.5j), (0, 0, (0, 1), -0.5), (0, 0, (1, 1), 0.1)]
    return LayeredModel.from_hoppings(3.0 * np.eye(2), [[0, 0, 0]], hops, filling=filling)


LEVELS = [(model, [0.0]) for model in (FULL, *MODELS.values(), gapped_honeycomb())]
LEVELS += [(FULL, [-0.05, 0.002]), (MODELS["slanted"], [-0.05, 0.002])]
LEVELS += [(one_band(0), [0.01, 0.02]), (one_band(1), [-0.02, -0.01])]


class Direct:
    """Every state of the full mesh, from the list of bonds: no symmetry, no window, no mesh of the
    package.
    """

    def __init__(self, hops, n):
        b = 2 * np.pi * np.linalg.inv(LATTICE).T
        k = np.array([(i * b[0] + j * b[1]) / n for i in range(n) for j in range(n)])
        h = np.tile(np.diag(ONSITE).astype(complex), (n * n, 1, 1))
        first = np.zeros((n * n, 3, 4, 4), complex)
        second = np.zeros((n * n, 3, 3, 4, 4), complex)
        for i, j, cell, t in hops:
            d = np.append(cell @ LATTICE, 0.0) + SITES[j] - SITES[i]
            amplitude = t * np.exp(1j * (k @ d[:2]))
            slope = 1j * np.multiply.outer(amplitude, d)
            bend = -np.multiply.outer(amplitude, np.outer(d, d))
            for matrix, part in ((h, amplitude), (first, slope), (second, bend)):
                matrix[..., i, j] += part
                matrix[..., j, i] += np.conj(part)
        self.energy, u = np.linalg.eigh(h)
        self.speed = self.diagonal(first, u[:, None])
        self.mass = self.diagonal(second, u[:, None, None])
        self.points = n * n

    @staticmethod
    def diagonal(matrix, u):
        return (u.conj() * (matrix @ u)).sum(axis=-2).real

    def at(self, mu, temperature):
        """Electrons beyond neutrality, electrons plus holes, states per eV, whole commutator and
        Drude tensors.
        """
        kt = KELVIN * temperature
        x = (self.energy - mu) / (2 * kt)
        f = 0.5 * (1 - np.tanh(x))
        slope = 0.25 / (kt * np.cosh(x) ** 2)
        electrons, holes = f[:, 2:].sum(), (1 - f[:, :2]).sum()
        sea = np.einsum("kn,kcdn->cd", f, self.mass)
        surface = np.einsum("kn,kcn,kdn->cd", slope, self.speed, self.speed)
        counts = (electrons - holes, electrons + holes, slope.sum())
        tensors = (sea / HBAR2_OVER_ME, surface / HBAR2_OVER_ME)
        return [np.asarray(value) / self.points for value in (*counts, *tensors)]


def few_states(model, mesh, **levels):
    """How many of the states of a mesh are kept."""
    wanted = Wanted(
        np.array(levels.get("mu", [])), np.array(levels.get("excess", [])), KELVIN * 300
    )
    found = states.mesh_states(model, mesh, 0.0, find_operations(model), wanted)
    kept = sum(len(level.energy) for level in found.levels)
    return found, kept / (found.points * model.n_orbitals)


@pytest.mark.parametrize("name", MODELS)
def test_excess_against_every_point_of_the_zone(name):
    model, n, mu = MODELS[name], 72, 0.3
    direct = Direct(bonds(1.0 if "flux" in name else 0.0), n)
    names = [op.name for op in find_operations(model)]
    assert names == (["identity"] if "flux" in name else ["identity", "time reversal"])
    _, part = few_states(model, n, mu=[mu], excess=[0.0])
    assert part < 0.6  # some are left out, so that there is something to test
    neutral = chemical_potential(model, 0.0, 300, mesh=n)[0]
    excess, carriers, levels, sea, surface = direct.at(mu, 300)
    none, *_, sea_neutral, _ = direct.at(neutral, 300)
    assert abs(none) < 1e-12
    cell = model.cell_area * 1e-20
    commutator = inverse_mass(model, mu, 300, "commutator", "excess", mesh=n)
    drude = inverse_mass(model, None, 300, "drude", "excess", mesh=n, density=excess / cell)
    expected = sea - sea_neutral
    assert np.abs(commutator.X[0] - expected).max() < 1e-9 * np.abs(expected).max()
    expected[:2, :2] = surface[:2, :2]
    assert np.abs(drude.X[0] - expected).max() < 1e-9 * np.abs(expected).max()
    assert drude.chemical_potential[0] == pytest.approx(mu, abs=1e-11)
    for result in (commutator, drude):
        assert result.carriers[0] * cell == pytest.approx(carriers, rel=1e-10)
        assert result.compressibility[0] * cell == pytest.approx(levels, rel=1e-10)
        assert result.electrons[0] == pytest.approx(2 + excess, rel=1e-12)


@pytest.mark.parametrize(("model", "excess"), LEVELS)
def test_points_left_out_are_full_and_empty(model, excess):
    """Every band of every mesh point, and the chemical potential of the whole mesh."""
    n, kt = 60, KELVIN * 300
    found, _ = few_states(model, n, excess=excess)
    doubled, _ = states._orbits(n, 0.0, find_operations(model))[1:]
    bands = model.bands(doubled / (2 * n) @ model.reciprocal)
    near, half = found.near, model.filling
    far = bands[near.away]
    assert len(far)
    assert far[:, :half].max(initial=-99) < near.low - WINDOW * kt
    assert far[:, half:].min(initial=99) > near.high + WINDOW * kt
    whole = states.mesh_states(model, n, 0.0, find_operations(model))
    beyond = [v[0] - half for v in whole.sums(np.array([near.low, near.high]), 300, 0)[0]]
    assert beyond[0] < min(excess) and beyond[1] > max(excess)


def test_most_are_left_out_where_people_use_it():
    found, part = few_states(FULL, 480, excess=[0.0, 1e-3])
    assert part < 0.08
    assert found.near.high - found.near.low < 0.8


def test_no_band_moves_further_than_the_bound():
    rng = np.random.default_rng(11)
    for model in (FULL, MODELS["with a flux"]):
        for length in (1e-3, 0.05, 0.5):
            steps = length * rng.normal(size=(10, 2))
            k = rng.uniform(-2, 2, (200, 1, 2))
            moved = np.abs(model.bands(k + steps) - model.bands(k)).max(axis=(0, 2))
            bound = _most_moved(model, steps)
            assert np.all(moved <= bound)
            assert np.all(bound < 3 * moved + 1e-12)  # and it is of use


def test_error_is_that_of_the_difference():
    """Nested meshes of the excess itself: what is left out drops out of the estimate too."""
    fine, middle, coarse = (
        inverse_mass(FULL, 0.4, 300, "commutator", "excess", mesh=n) for n in (192, 96, 48)
    )
    last, before = np.abs(fine.X - middle.X), np.abs(fine.X - coarse.X)
    rate = np.divide(last, before, out=np.ones_like(last), where=before > last)
    own = (last * rate).max()
    assert 0.2 * own < fine.error[0] < 5 * own


def test_states_that_were_left_out_are_not_asked_for():
    found, _ = few_states(FULL, 60, mu=[0.1, 0.2])
    assert np.isfinite(found.sums(np.array([0.1, 0.2]), 300, 0)[0]).all()
    for mu, temperature in ((0.6, 300), (-0.1, 300), (0.15, 600)):
        with pytest.raises(FaultError, match="states are known for mu from"):
            found.sums(np.array([mu]), temperature, 0)


def test_a_search_at_the_last_digit_ends():
    wanted = Wanted(np.zeros(0), np.array([0.0]), 1e-18)
    near = states.mesh_states(FULL, 12, 0.0, (), wanted).near
    assert near.low < near.high
