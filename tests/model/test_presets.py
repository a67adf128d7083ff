"""Published parameters arrive in SI, with their source; what is not published must be given."""

import numpy as np
import pytest

from ohmr_fem import presets
from ohmr_fem.errors import InputError

GIVEN = {"orbital_hall_angle": 0.02, "relaxation_time": "1 ps"}


def test_manganese():
    mn = presets.mn()
    assert (mn.orbital_hall_angle, mn.relaxation_time, mn.diffusion_length) == pytest.approx(
        (0.016, 2e-12, 2e-9)
    )
    assert mn.diffusion_constant == pytest.approx(2e-6)
    assert "156703" in mn.source and np.array_equal(mn.inverse_mass, np.eye(3))
    heavy = presets.mn(inverse_mass=1 / 27.7, sheet_conductivity="5 mS")
    assert (
        heavy.field_scale == pytest.approx(27.7 * mn.field_scale)
        and heavy.sheet_conductivity == 5e-3
    )


@pytest.mark.parametrize(
    ("make", "length", "source"),
    [
        (presets.v, 2e-9, "2506.06546"),
        (presets.cr, 6.6e-9, "156702"),
        (presets.ti, 7.3e-9, "2403.09269"),
    ],
)
def test_metals(make, length, source):
    metal = make(**GIVEN)
    assert metal.diffusion_length == pytest.approx(length) and source in metal.source
    assert make(**GIVEN, diffusion_constant=1e-5).diffusion_length == pytest.approx(np.sqrt(1e-17))
    with pytest.raises(InputError, match=r"give orbital_hall_angle=\.\.\., relaxation_time=\.\.\."):
        make()
    with pytest.raises(InputError, match=r"give relaxation_time=\.\.\.$"):
        make(orbital_hall_angle=0.1)


def test_metals_have_no_conductivity_of_their_own():
    import ohmr_fem as of

    mn = presets.mn()
    assert mn.sheet_conductivity is None and mn.resistivity is None
    section = of.Problem(of.cross_section("8 nm", normal="z"), mn)  # ratios alone
    assert section.material.sheet_conductivity == 1.0
    assert presets.mn(resistivity="180 uohm cm").resistivity == pytest.approx(1.8e-6)


def test_bilayer_graphene():
    gated = presets.bilayer_graphene(density="1e12 cm**-2", mesh=240, **GIVEN)
    assert gated.name == "bilayer graphene" and "drude" in gated.source
    assert 0.02 < 1 / gated.inverse_mass[0, 0] < 0.06 and gated.sheet_conductivity > 1.6e-3
    with pytest.raises(InputError, match="no published value"):
        presets.bilayer_graphene(density=1e16)
