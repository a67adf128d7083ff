"""Model to Material: degenerate and classical limits of the Einstein relation, records,
refusals.
"""

import numpy as np
import pytest

from ohmr_fem.errors import InputError
from ohmr_fem.micro import (
    LayeredModel,
    bilayer_graphene,
    inverse_mass,
    material,
    monolayer_graphene,
)
from ohmr_fem.units import BOLTZMANN, ELECTRON_MASS, ELEMENTARY_CHARGE, HBAR

GIVEN = {
    "mobility": "1 m**2/(V*s)",
    "relaxation_time": "2 ps",
    "orbital_hall_angle": 0.01,
    "mesh": 240,
}


def test_bilayer_by_hand():
    """sigma, X and the record from one call of inverse_mass at the same chemical potential."""
    model = bilayer_graphene()
    x = inverse_mass(
        model, 0.2, 300, counting="excess", normalisation="per_carrier", spin=2, mesh=240
    )
    found = material(model, density=x.density[0], **GIVEN)
    assert found.sheet_conductivity == pytest.approx(ELEMENTARY_CHARGE * x.carriers[0], rel=1e-9)
    assert np.allclose(found.inverse_mass, x.X[0], rtol=1e-8, atol=1e-10)
    assert found.mobility == pytest.approx(
        x.density[0] / x.carriers[0], rel=1e-9
    )  # holes count against electrons
    assert found.inverse_mass[2, 0] == 0.0 and found.relaxation_time == 2e-12
    for word in (
        "drude",
        "excess",
        "per_carrier",
        "1/m_e",
        "300 K",
        "0.2 eV",
        "spin 2",
        "Einstein",
        "240 x 240",
    ):
        assert word in found.source


@pytest.mark.parametrize(("density", "temperature"), [(1e17, 100.0), (2e16, 300.0), (1e12, 300.0)])
def test_two_dimensional_gas(density, temperature):
    """Bottom of a band, degenerate to classical: D = mobility (E_F/e)/[1 - exp(-E_F/k_B T)], 1/m* =
    2 t a^2/hbar^2.
    """
    t, a = 0.5, 3.0
    hops = [(i, i, c, -t) for i in (0, 1) for c in ((1, 0), (0, 1))]
    model = LayeredModel.from_hoppings(
        a * np.eye(2), [[0, 0, 0], [0, 0, 3]], [*hops, (0, 1, (0, 0), -1.0)], filling=0
    )
    found = material(
        model,
        density=density,
        temperature=temperature,
        **{**GIVEN, "counting": "all", "mesh": "auto"},
    )
    mass = HBAR**2 / (2 * t * a**2 * 1e-20 * ELEMENTARY_CHARGE)
    level, warm = np.pi * HBAR**2 * density / mass, BOLTZMANN * temperature  # J, both spins
    assert found.inverse_mass[0, 0] == pytest.approx(ELECTRON_MASS / mass, rel=0.03)
    assert found.diffusion_constant == pytest.approx(
        level / ELEMENTARY_CHARGE / -np.expm1(-level / warm), rel=0.03
    )
    # every carrier sits in the bonding state, of energy -1 eV and bond 3 angstrom
    assert found.inverse_mass[2, 2] == pytest.approx(
        9e-20 * ELEMENTARY_CHARGE * ELECTRON_MASS / HBAR**2, rel=1e-6
    )


def test_displacement_and_quantities():
    biased = material(bilayer_graphene(), density="5e12 cm**-2", displacement=0.38, **GIVEN)
    built_in = material(bilayer_graphene(displacement=0.38), density=5e16, **GIVEN)
    assert np.allclose(biased.inverse_mass, built_in.inverse_mass, rtol=1e-12)
    assert biased.inverse_mass[2, 2] < 0  # negative theta under bias, counted from neutrality
    given = material(
        bilayer_graphene(),
        density=5e16,
        diffusion_constant="0.01 m**2/s",
        g_factor=2.0,
        name="device",
        **GIVEN,
    )
    assert (given.diffusion_constant, given.g_factor, given.name) == (
        0.01,
        2.0,
        "device",
    ) and "D given" in given.source


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"model": monolayer_graphene()}, "two layers"),
        ({"density": "1 kg"}, "dimension"),
        ({"density": 1e21}, "bands hold"),
        ({"mobility": -1.0}, "positive"),
        ({"temperature": 0.0}, "positive"),
        ({"counting": "half"}, "known names"),
    ],
)
def test_bad_input(change, word):
    with pytest.raises(InputError, match=word) as caught:
        material(**{"model": bilayer_graphene(), "density": 1e16, **GIVEN, "mesh": 24, **change})
    assert "\n" not in str(caught.value)
