"""X against closed forms, its bookkeeping and its refusals.

Regression values, integrals over the bands, thermodynamic derivatives, sum rules and masses are
cases of validation/ (micro_bilayer, micro_routes, micro_convergence), whose quick level the tests
run too.
"""

import math

import mpmath
import numpy as np
import pytest

from ohmr_fem.errors import InputError, SolveError
from ohmr_fem.micro import (
    LayeredModel,
    adaptive,
    bilayer_graphene,
    chemical_potential,
    inverse_mass,
    monolayer_graphene,
    multilayer_graphene,
    states,
)
from ohmr_fem.micro.hamiltonian import HBAR2_OVER_ME
from ohmr_fem.micro.states import state_columns, thermal_energy

BILAYER = bilayer_graphene()
FULL = bilayer_graphene(3.16, 0.381, 0.38, 0.14, 0.022, 0.1)


def mesh_points(model, n, shift=0.0):
    grid = (np.arange(n) + shift) / n
    return (
        np.stack(np.meshgrid(grid, grid, indexing="ij"), axis=-1).reshape(-1, 2) @ model.reciprocal
    )


def fermi(energy, mu, temperature):
    return 0.5 * (1 - np.tanh((energy - mu) / (2 * thermal_energy(temperature))))


def test_a_result_says_what_it_is():
    result = inverse_mass(BILAYER, 0.4, 300, mesh=12)
    assert (result.unit, result.definition, result.counting, result.normalisation) == (
        "1/m_e",
        "drude",
        "all",
        "per_cell",
    )


def test_dimer_in_closed_form():
    """One bond (dx, dy, dz) of energy -t between two sites, the bonding state filled: X_cd = d_c
    d_d t/hbar^2.
    """
    d, t = np.array([0.7, -0.4, 3.0]), 0.8
    model = LayeredModel.from_hoppings(5 * np.eye(2), [[0, 0, 0], d], [(0, 1, (0, 0), -t)])
    x = inverse_mass(model, 0.0, 20, "commutator", mesh=4, symmetry=False).X[0]
    assert np.abs(x - np.outer(d, d) * t / HBAR2_OVER_ME).max() < 1e-12
    drude = inverse_mass(model, 0.0, 20, mesh=4).X[0]
    assert np.abs(drude[:2, :2]).max() < 1e-12 and drude[2, 0] == pytest.approx(x[2, 0])


def square(t=0.5, a=3.0):
    return LayeredModel.from_hoppings(
        a * np.eye(2), [[0, 0, 0]], [(0, 0, (1, 0), -t), (0, 0, (0, 1), -t)]
    )


def test_square_band_against_its_density_of_states(temperature=300, mesh="auto"):
    """One band: both definitions are X = -(a^2/2 hbar^2) int f E rho dE, rho = K(1 - (E/4t)^2)/(2
    pi^2 t).
    """
    t, a, mu, kt = 0.5, 3.0, -1.9, mpmath.mpf(thermal_energy(temperature))
    edge = 4 * mpmath.mpf(t)
    stops = [-edge, *(mu + n * kt for n in (-60, -20, -6, 0, 6, 20, 50) if mu + n * kt > -edge)]

    def weight(e):
        rho = mpmath.ellipk(1 - (e / edge) ** 2) / (2 * mpmath.pi**2 * t)
        return rho / (1 + mpmath.exp((e - mu) / kt))

    number = mpmath.quad(weight, stops)
    mass = -(a**2) / 2 * mpmath.quad(lambda e: e * weight(e), stops) / HBAR2_OVER_ME
    for definition in ("drude", "commutator"):
        result = inverse_mass(square(t, a), mu, temperature, definition, mesh=mesh)
        assert result.electrons[0] == pytest.approx(float(number), rel=2e-8)
        assert result.X[0, 0, 0] == pytest.approx(float(mass), rel=2e-8)
        assert result.X[0, 1, 1] == pytest.approx(float(mass), rel=2e-8)
        assert abs(result.X[0, 0, 0] - float(mass)) < 2 * result.error[0] + 1e-13


def test_nothing_moves_in_the_gap():
    """Drude weight dies as the gap freezes; the commutator does not."""
    model = bilayer_graphene(displacement=0.38)
    assert np.abs(inverse_mass(model, 0.0, 30, mesh=60).X[0, :2, :2]).max() < 1e-12
    assert inverse_mass(model, 0.0, 30, "commutator", mesh=60).X[0, 0, 0] > 1.0


def test_monolayer_at_the_dirac_point():
    """X = (k_B T ln 2/pi) (cell area) m_e/hbar^2: two cones, two degenerate bands, no level
    difference divided by.
    """
    model, t = monolayer_graphene(), 100.0
    expected = model.cell_area * thermal_energy(t) * np.log(2) / np.pi / HBAR2_OVER_ME
    assert inverse_mass(model, 0.0, t, mesh="adaptive", tolerance=1e-6).X[0, 0, 0] == pytest.approx(
        expected, rel=1e-4
    )
    assert inverse_mass(model, 0.0, t, mesh=1200).X[0, 0, 0] == pytest.approx(expected, rel=2e-2)
    assert inverse_mass(model, 0.0, t, mesh=60).X[0, 2, 2] == 0.0


def test_degenerate_levels_do_not_depend_on_the_basis():
    """Two uncoupled equal layers are degenerate everywhere; turning them into each other changes
    nothing.
    """
    one = square()
    pair = np.kron(np.ones((len(one.blocks), 1, 1)), np.eye(2)) * one.blocks
    model = LayeredModel(one.lattice, [[0, 0, 0], [0, 0, 3]], one.translations, pair)
    double = inverse_mass(model, -1.0, 300, mesh=48).X[0]
    assert double[0, 0] == pytest.approx(
        2 * inverse_mass(one, -1.0, 300, mesh=48).X[0, 0, 0], rel=1e-12
    )
    assert abs(double[2, 2]) < 1e-14


def test_rhombohedral_trilayer_when_cold():
    result = inverse_mass(multilayer_graphene(3, "ABC"), [0.0, 0.02], 30, mesh=120)
    assert np.all(np.isfinite(result.X)) and np.all(result.X[:, 0, 0] > 0)


def test_counting_and_normalisation():
    mu = np.array([0.2, 0.4])

    def make(**kw):
        return inverse_mass(BILAYER, mu, 300, mesh=240, **kw)

    cell, carrier, area, both = (
        make(),
        make(normalisation="per_carrier"),
        make(normalisation="per_area"),
        make(spin=2),
    )
    zone = BILAYER.cell_area * 1e-20
    assert np.allclose(cell.X / zone, area.X, rtol=1e-14) and area.unit == "1/(m_e m^2)"
    assert np.allclose(cell.X, carrier.X * (cell.carriers * zone)[:, None, None], rtol=1e-13)
    assert np.allclose(both.X, 2 * cell.X) and np.allclose(both.density, 2 * cell.density)
    assert np.allclose(
        inverse_mass(BILAYER, mu, 300, mesh=240, normalisation="per_carrier", spin=2).X, carrier.X
    )
    assert np.allclose(cell.density, (cell.electrons - 2) / zone, rtol=1e-9)
    k = mesh_points(BILAYER, 240)
    f = fermi(BILAYER.bands(k), 0.2, 300)
    assert cell.carriers[0] * zone == pytest.approx(
        (f[:, 2:].sum() + (1 - f[:, :2]).sum()) / len(k), rel=1e-9
    )


def test_excess_and_fermi_surface_counting():
    mu = 0.4
    neutral = chemical_potential(BILAYER, 0.0, 300, mesh=240)[0]
    assert abs(neutral) < 1e-10  # electron-hole symmetric
    here, there = (inverse_mass(BILAYER, m, 300, mesh=240).X[0] for m in (mu, neutral))
    excess = inverse_mass(BILAYER, mu, 300, counting="excess", mesh=240).X[0]
    assert excess[2, 2] == pytest.approx(here[2, 2] - there[2, 2], rel=1e-10)
    assert excess[0, 0] == pytest.approx(here[0, 0], rel=1e-14)
    h = 1e-3
    sides = [inverse_mass(BILAYER, mu + s * h, 300, mesh=240) for s in (-2, -1, 1, 2)]

    def slope(x):
        return (8 * (x[2] - x[1]) - (x[3] - x[0])) / (12 * h)

    d_x, d_n = slope([s.X[0] for s in sides]), slope([s.electrons[0] for s in sides])
    surface = inverse_mass(BILAYER, mu, 300, counting="fermi_surface", mesh=240)
    assert surface.normalisation == "per_added_electron"
    assert np.abs(surface.X[0] - d_x / d_n).max() < 1e-6 * np.abs(d_x / d_n).max()
    assert surface.compressibility[0] * BILAYER.cell_area * 1e-20 == pytest.approx(d_n, rel=1e-8)


def test_principal_axes():
    d = np.array([0.7, -0.4, 3.0])
    model = LayeredModel.from_hoppings(5 * np.eye(2), [[0, 0, 0], d], [(0, 1, (0, 0), -0.8)])
    result = inverse_mass(model, 0.0, 20, "commutator", mesh=4)
    assert result.principal_values[0, 2] == pytest.approx(d @ d * 0.8 / HBAR2_OVER_ME)
    assert abs(result.principal_axes[0, :, 2] @ d) == pytest.approx(np.linalg.norm(d))


@pytest.mark.parametrize("delta", [0.022, 0.01, 0.005])
@pytest.mark.parametrize("bias", [0.0, 0.1, 0.3])
def test_density_and_back(delta, bias):
    model, mu = bilayer_graphene(3.16, 0.381, 0.38, 0.14, delta, bias), np.array([-0.3, 0.05, 0.4])
    density = inverse_mass(model, mu, 300, spin=2, mesh=120).density
    assert np.abs(chemical_potential(model, density, 300, spin=2, mesh=120) - mu).max() < 1e-10


def test_density_instead_of_mu():
    given = inverse_mass(
        FULL, None, 300, counting="excess", spin=2, mesh=120, density=[1e16, -3e16]
    )
    mu = chemical_potential(FULL, [1e16, -3e16], 300, spin=2, mesh=120)
    assert np.allclose(given.chemical_potential, mu, atol=1e-12) and np.allclose(
        given.density, [1e16, -3e16], rtol=1e-9
    )
    assert np.allclose(
        given.X,
        inverse_mass(FULL, mu, 300, counting="excess", spin=2, mesh=120).X,
        rtol=1e-9,
        atol=1e-15,
    )
    for wrong in ({"mu": None}, {"mu": 0.1, "density": 1e16}):
        with pytest.raises(InputError, match="either mu in eV, or density"):
            inverse_mass(FULL, **{"temperature": 300, **wrong})


def test_error_estimate_bounds_the_error():
    best = inverse_mass(BILAYER, 0.4, 300, mesh=960).X[0]
    for n in (96, 192, 384):
        result = inverse_mass(BILAYER, 0.4, 300, mesh=n)
        actual = np.abs(result.X[0] - best).max()
        assert actual < 2 * result.error[0] + 1e-15
    assert np.isnan(inverse_mass(BILAYER, 0.4, 300, mesh=61).error[0])


@pytest.mark.parametrize(("shift", "sizes"), [(0.0, (96, 48, 24)), (0.5, (90, 30, 10))])
def test_error_estimate_comes_from_the_coarser_meshes(shift, sizes):
    fine, middle, coarse = (
        inverse_mass(FULL, 0.4, 300, "commutator", mesh=n, shift=shift, symmetry=False)
        for n in sizes
    )
    last, before = np.abs(fine.X - middle.X), np.abs(fine.X - coarse.X)
    rate = np.divide(last, before, out=np.ones_like(last), where=before > last)
    assert fine.error[0] == pytest.approx((last * rate).max(), rel=1e-6)


def test_convergence_is_exponential():
    best = inverse_mass(BILAYER, 0.4, 300, mesh=1080).X[0, 0, 0]
    errors = [
        abs(inverse_mass(BILAYER, 0.4, 300, mesh=n).X[0, 0, 0] - best) for n in (180, 360, 720)
    ]
    assert errors[1] < 1e-3 * errors[0] ** 0.5 and errors[2] < 1e-8 and errors[2] < 1e-3 * errors[1]


def test_a_pocket_between_the_points_is_found():
    """One micro-eV of electrons at 5 mK, off every vertex: k_B T ln(1 + exp(E_F/k_B T))/(4 pi t)
    per cell.
    """
    t, a, temperature, level = 0.5, 3.0, 0.005, 1e-6
    hops = [(0, 0, (1, 0), -t * np.exp(0.83j)), (0, 0, (0, 1), -t * np.exp(1.31j))]
    model = LayeredModel.from_hoppings(a * np.eye(2), [[0, 0, 0]], hops)
    kt = thermal_energy(temperature)
    expected = kt * np.log1p(np.exp(level / kt)) / (4 * np.pi * t)
    found = inverse_mass(model, -4 * t + level, temperature, mesh="adaptive", tolerance=1e-6)
    assert found.electrons[0] == pytest.approx(expected, rel=1e-5)
    assert found.X[0, 0, 0] == pytest.approx(expected * 2 * t * a**2 / HBAR2_OVER_ME, rel=1e-5)


SQUARE = LayeredModel.from_hoppings(
    3.0 * np.eye(2), [[0, 0, 0]], [(0, 0, (1, 0), -0.5), (0, 0, (0, 1), -0.5)]
)


@pytest.mark.parametrize("model", [bilayer_graphene(3.16, 0.381, 0.38, 0.14, 0.022, 0.05), SQUARE])
def test_no_band_moves_further_than_its_bound(model):
    """Over any distance and beside any level: also at K and Gamma, where the speed says nothing and
    bands bend or repel.
    """
    rng = np.random.default_rng(5)
    valley = model.reciprocal.T @ [2 / 3, 1 / 3]
    k = np.concatenate(
        [
            valley + 0.05 * rng.normal(size=(60, 2)),
            rng.uniform(-2, 2, (60, 2)),
            [valley, [0.0, 0.0]],
        ]
    )
    energy, columns = state_columns(model, k)
    speed = np.sqrt((columns[..., 7] + columns[..., 8]) * HBAR2_OVER_ME)
    steps = np.pad(np.diff(energy, axis=-1), ((0, 0), (1, 1)), constant_values=np.inf)
    gap = np.minimum(steps[:, 1:], steps[:, :-1])
    limit = adaptive._Limit(0.0, 1.0, 1.0, 1.0, *adaptive._derivative_bounds(model))
    tightest = np.inf
    for distance in (1e-4, 1e-3, 1e-2, 0.1, 1.0):
        angle = rng.uniform(0, 2 * np.pi, (40, len(k)))
        away = model.bands(k + distance * np.stack([np.cos(angle), np.sin(angle)], axis=-1))
        moved, bound = np.abs(away - energy).max(axis=0), limit._reach(distance, speed, gap)
        assert np.all(moved <= bound * (1 + 1e-9) + 1e-12)
        tightest = min(tightest, float(np.median(bound[:60] / moved[:60])))
    assert tightest < 1.5  # and it is of use


def test_adaptive_agrees_with_the_mesh():
    mesh = inverse_mass(FULL, [0.2, 0.4], 300, "commutator", "fermi_surface", mesh=960).X
    triangles = inverse_mass(
        FULL, [0.2, 0.4], 300, "commutator", "fermi_surface", mesh="adaptive"
    ).X
    assert np.abs(mesh - triangles).max() < 1e-8 * np.abs(mesh).max()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"mu": 30.0}, "the bands"),
        ({"mu": np.nan}, "eV"),
        ({"mu": "high"}, "eV"),
        ({"temperature": -4}, "positive"),
        ({"temperature": 0}, "positive"),
        ({"temperature": "warm"}, "positive"),
        ({"definition": "drud"}, "did you mean 'drude'"),
        ({"counting": "exces"}, "did you mean 'excess'"),
        ({"normalisation": "carrier"}, "per_carrier"),
        ({"spin": 3}, "spin"),
        ({"mesh": 0}, "mesh"),
        ({"mesh": "fine"}, "mesh"),
        ({"shift": 0.3}, "shift"),
        ({"tolerance": -1.0}, "tolerance"),
        ({"tolerance": 1e-17}, "tolerance"),
        ({"counting": "fermi_surface", "normalisation": "per_area"}, "per added electron"),
    ],
)
def test_bad_input(change, word):
    given = {"model": BILAYER, "mu": 0.4, "temperature": 300, "mesh": 12} | change
    with pytest.raises(InputError, match=word) as caught:
        inverse_mass(**given)
    assert "\n" not in str(caught.value)


def test_no_carriers():
    model = bilayer_graphene(displacement=0.38)
    with pytest.raises(InputError, match="zero density"):
        inverse_mass(model, 0.0, 30, normalisation="per_carrier", mesh=60)
    with pytest.raises(InputError, match="gap"):
        inverse_mass(model, 0.0, 10, counting="fermi_surface", mesh=60)
    with pytest.raises(InputError, match="at least two"):
        _ = inverse_mass(monolayer_graphene(), 0.0, 300, mesh=60).theta
    with pytest.raises(InputError, match="bands hold"):
        chemical_potential(BILAYER, 1e21, 300, mesh=12)


def test_out_of_reach(monkeypatch):
    monkeypatch.setattr("ohmr_fem.micro.adaptive.MOST_POINTS", 10000)
    with pytest.raises(SolveError, match="not reached"):
        inverse_mass(square(), -1.0, 40, mesh="adaptive", tolerance=1e-8)


def test_sums_over_bonds_are_those_over_matrices_and_keep_their_digits():
    model = FULL
    k = np.random.default_rng(5).normal(size=(40, 2))
    _, u = np.linalg.eigh(model.bloch(k))
    assert states._few_bonds(model)
    bonds, matrices = states._by_bonds(model, k, u), states._by_matrices(model, k, u)
    assert np.abs(bonds - matrices).max() < 1e-13 * np.abs(matrices).max()
    level = states.mesh_states(model, 120).levels[-1]
    for count in (0, 1, states.BLOCK, len(level.energy) - 3, len(level.energy)):
        exact = math.fsum(level.columns[:count, 0].tolist())
        assert level.below(count)[0] == pytest.approx(exact, rel=1e-15, abs=0)
