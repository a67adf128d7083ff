"""The zero of the potential, on elements where not every coefficient of the function 1 is one.

Every path that fixes it (drift, time) is held against the linear solution at points inside cells.
"""

from __future__ import annotations

import numpy as np
import pytest
from small_devices import MATERIAL, bar

import ohmr_fem as of

CURRENT = 1e-13
FIELD = (0.4, 0.1, 0.0)
POINTS = np.array([(-3.1e-7, 0.7e-7), (0.13e-7, -1.21e-7), (4.27e-7, 0.31e-7), (5.1e-7, 1.7e-7)])
CASES = [(order, quads) for order in (2, 3, 4) for quads in (False, True)]

pytestmark = pytest.mark.filterwarnings(
    "ignore::ohmr_fem.errors.PhysicsWarning", "ignore::ohmr_fem.errors.ResolutionWarning"
)


def device(order, quads, coupling="full"):
    contacts = {
        "left": of.Contact(),
        "right": of.Contact("profile"),
        "t1": of.Contact(),
        "t2": of.Contact("probe"),
    }
    material = of.Material(**{**MATERIAL, "mobility": 0.2})
    return of.Problem(bar(12, 4, quads), material, contacts, order=order, coupling=coupling)


def assert_same_fields(found, expected):
    here, there = found.at(POINTS), expected.at(POINTS)
    potentials = here.potential - here.potential[0], there.potential - there.potential[0]
    pairs = [potentials] + [
        (getattr(here, name), getattr(there, name))
        for name in ("electric_field", "current_density", "moment_density", "moment_current")
    ]
    for mine, theirs in pairs:
        assert np.abs(mine - theirs).max() < 1e-6 * np.abs(theirs).max()


@pytest.mark.parametrize(("order", "quads"), CASES)
@pytest.mark.parametrize("coupling", ["linear", "full"])
def test_drift_that_vanishes_leaves_the_linear_solution(order, quads, coupling):
    drive = {"left": CURRENT, "right": -CURRENT}
    problem = device(order, quads, coupling)
    found, expected = of.drift_solve(problem, FIELD, drive), of.solve(problem, FIELD, drive)
    assert_same_fields(found, expected)
    assert found.voltage("left", "right") == pytest.approx(
        expected.voltage("left", "right"), rel=1e-6
    )
    assert abs(found.contact_voltages["right"]) < 1e-9 * abs(found.contact_voltages["left"])


@pytest.mark.parametrize(("order", "quads"), CASES)
@pytest.mark.parametrize(
    ("coupling", "method"), [("linear", "spectral"), ("linear", "stepping"), ("full", "stepping")]
)
def test_late_time_is_the_steady_solution(order, quads, coupling, method):
    problem = device(order, quads, coupling)
    late = np.array([0.0, 60.0]) * MATERIAL["relaxation_time"]
    found = of.transient(
        problem,
        late,
        FIELD,
        CURRENT,
        current=("left", "right"),
        voltage=("t1", "t2"),
        method=method,
        keep_fields=True,
        tolerance=1e-7,
    ).solution(1)
    assert_same_fields(found, of.solve(problem, FIELD, {"left": CURRENT, "right": -CURRENT}))


@pytest.mark.parametrize("order", [3, 4])
def test_drift_between_an_equipotential_contact_and_a_probe(order):
    """The two read the potential differently, so that a zero fixed wrongly shows in delta_R."""
    problem = device(order, True)
    pairs = {"current": ("left", "right"), "voltage": ("t1", "t2")}
    curve = of.drift_curve(problem, [CURRENT], FIELD, **pairs)
    linear = of.resistance(problem, FIELD, **pairs)
    assert curve.delta_R[0] == pytest.approx(linear.delta_R, rel=1e-6)
    assert curve.delta_R_linear == pytest.approx(linear.delta_R, rel=1e-9)
    assert curve.R_ohmic == pytest.approx(linear.R_ohmic, rel=1e-9)
