"""All resistances at once: against one pair at a time, Onsager's relation, van der Pauw's
theorem.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.errors import InputError
from validation.case import simple_material
from validation.strip_tensor import TESLA

B = np.array([1.1, -0.6, 0.8]) * TESLA
TILTED = np.array([[1.0, 0.3, 0.2], [0.3, 0.7, -0.1], [0.2, -0.1, 0.4]])
FLAT = np.diag([1.0, 0.7, 0.4])
PAIRS = [
    (("left", "right"), ("t1", "t2")),
    (("left", "right"), ("t1", "b1")),
    (("t1", "b1"), ("t2", "b2")),
    (("left", "right"), ("left", "right")),
    (("b2", "left"), ("t1", "left")),
]

pytestmark = pytest.mark.filterwarnings("ignore::ohmr_fem.errors.PhysicsWarning")


@pytest.mark.parametrize(
    "options", [{}, {"method": "direct"}, {"coupling": "full"}, {"ordinary_hall": True}]
)
def test_every_pair_is_the_one_of_resistance(bar, options):
    """R_xx, R_xy, nonlocal, two-terminal, and a pair that shares a contact."""
    method = options.get("method", "auto")
    mobility = {"mobility": 0.2 / TESLA} if "ordinary_hall" in options else {}
    prob = bar(
        simple_material(inverse_mass=TILTED, **mobility),
        **{k: v for k, v in options.items() if k != "method"},
    )
    matrix = of.resistance_matrix(prob, [B, 0 * B, -0.5 * B], method=method)
    # a Hall pair reads 6e-7 of potentials of this size: no sum of them is better than its round-off
    roundoff = 8 * np.finfo(float).eps * float(matrix.read(*PAIRS[3])[0])
    for current, voltage in PAIRS:
        for i, field in enumerate((B, 0 * B, -0.5 * B)):
            one = of.resistance(prob, field, current=current, voltage=voltage)
            scale = abs(one.delta_R) + 1e-9 * abs(one.R)
            assert matrix.read(current, voltage)[i] == pytest.approx(
                one.R, rel=1e-9, abs=1e-9 * scale + roundoff
            )
            assert matrix.read(current, voltage, "delta_R")[i] == pytest.approx(
                one.delta_R, abs=1e-7 * scale
            )
            assert matrix.read(current, voltage, "hanle")[i] == pytest.approx(
                one.hanle, abs=1e-7 * scale
            )


@pytest.mark.parametrize("method", ["spectral", "direct"])
def test_onsager(bar, method):
    """Exact for a tensor without X_za; the printed detector breaks it for one with X_za, the
    reciprocal one does not.
    """
    fields = np.array([B, -B])
    assert (
        of.resistance_matrix(
            bar(simple_material(inverse_mass=FLAT)), fields, method=method
        ).reciprocity()
        < 1e-11
    )
    broken = of.resistance_matrix(
        bar(simple_material(inverse_mass=TILTED)), fields, method=method
    ).reciprocity()
    assert broken > 1e-4
    mended = bar(simple_material(inverse_mass=TILTED), detection="reciprocal")
    assert of.resistance_matrix(mended, fields, method=method).reciprocity() < 1e-11
    with pytest.raises(InputError, match="every field and its opposite"):
        of.resistance_matrix(bar(), [B]).reciprocity()


def test_probes_read_but_carry_nothing(bar):
    prob = bar(
        contacts={
            "left": of.Contact(),
            "right": of.Contact(),
            "t1": of.Contact("probe"),
            "t2": of.Contact("probe"),
        }
    )
    matrix = of.resistance_matrix(prob, B)
    assert matrix.sources == ("left", "right") and matrix.contacts == ("left", "right", "t1", "t2")
    one = of.resistance(prob, B, current=("left", "right"), voltage=("t1", "t2"))
    assert matrix.read(("left", "right"), ("t1", "t2")) == pytest.approx([one.R], rel=1e-12)
    with pytest.raises(InputError, match="carries no current"):
        matrix.read(("left", "t1"), ("left", "right"))


def test_van_der_pauw():
    """Small contacts on the rim of any sample without holes give the sheet resistance; the sample
    is 1 / 1 mS.
    """
    material = of.Material(
        sheet_conductivity=1e-3,
        diffusion_length=1.0,
        relaxation_time=1e-12,
        orbital_hall_angle=0.0,
        inverse_mass=1.0,
    )
    oblong = of.geometry.polygon_device(
        [(0, 0), (3, 0), (3, 1), (0, 1)],
        contacts={
            "a": (0, 0.3, 0.31),
            "b": (1, 0.2, 0.21),
            "c": (2, 0.5, 0.51),
            "d": (3, 0.5, 0.51),
        },
    )
    for device in (of.geometry.van_der_pauw(1.0, 0.02), oblong):
        mesh = of.mesh_device(device, 1.0, growth=2.5, corner=0.02)
        matrix = of.resistance_matrix(of.Problem(mesh, material, list("abcd"), order=2))
        assert matrix.sheet_resistance("abcd") == pytest.approx([1000.0], rel=1e-3)
    first, second = (matrix.read(("a", "b"), ("d", "c"))[0], matrix.read(("b", "c"), ("a", "d"))[0])
    assert abs(first / second - 1) > 0.5  # the oblong sample is lopsided: the equation matters


def test_van_der_pauw_equation():
    assert of.sheet_resistance(1.0, 1.0) == pytest.approx(math.pi / math.log(2), rel=1e-14)
    first = np.array([1.0, 1e-3, 5.0, 1.0])
    second = np.array([2.0, 40.0, 5.0, 1e4])
    R = of.sheet_resistance(first, second)
    assert np.exp(-np.pi * first / R) + np.exp(-np.pi * second / R) == pytest.approx(1.0, abs=1e-13)
    with pytest.raises(InputError, match=r"must be positive.*order around the rim"):
        of.sheet_resistance(1.0, -2.0)


def test_table(bar, tmp_path):
    matrix = of.resistance_matrix(bar(contacts=("left", "right", "t1")), [B, -B])
    text = matrix.to_csv(tmp_path / "matrix.csv").read_text().splitlines()
    assert len(text) == 3 and "R(left-t1; right-t1) [ohm]" in text[0]
    column = text[0].split(",").index("R(left-t1; right-t1) [ohm]")
    value = float(text[1].split(",")[column])
    assert value == matrix.read(("left", "t1"), ("right", "t1"))[0]
    assert "2 fields" in repr(matrix) and "left, right, t1" in repr(matrix)


def test_refusals(bar, refuses):
    prob = bar()
    matrix = of.resistance_matrix(prob)
    with refuses(InputError, "did you mean 'direct'"):
        of.resistance_matrix(prob, method="dirct")
    with refuses(InputError, "two contacts that carry current", "left"):
        of.resistance_matrix(bar(contacts={"left": of.Contact(), "t1": of.Contact("probe")}))
    with refuses(InputError, "two contacts that carry current", "none"):
        of.resistance_matrix(of.Problem(of.cross_section(3.0), simple_material()))
    with refuses(InputError, "'lft'", "did you mean 'left'"):
        matrix.read(("lft", "right"), ("t1", "t2"))
    with refuses(InputError, "did you mean 'delta_R'"):
        matrix.read(("left", "right"), ("t1", "t2"), "deltaR")
    with refuses(InputError, "four different contacts"):
        matrix.sheet_resistance(["left", "right", "t1"])
