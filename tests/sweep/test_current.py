"""Drift: what the validation case leaves out, that is bad input, failure, continuation and the
warning about cells.
"""

from __future__ import annotations

import numpy as np
import pytest
from small_devices import MATERIAL, bar

import ohmr_fem as of
from ohmr_fem.errors import InputError, NewtonError, ResolutionWarning

PAIRS = {"current": ("left", "right"), "voltage": ("t1", "t2")}
NAMES = ["left", "right", "t1", "t2"]
FIELD = (0.4, 0.1, 0.0)

pytestmark = pytest.mark.filterwarnings(
    "ignore::ohmr_fem.errors.PhysicsWarning", "ignore::ohmr_fem.errors.ResolutionWarning"
)


def device(mobility=0.2, **options):
    return of.Problem(
        bar(24, 8),
        of.Material(**{**MATERIAL, "mobility": mobility}),
        NAMES,
        **{"order": 1, "coupling": "full", **options},
    )


def test_reversed_carriers_and_current_are_one():
    """mu -> -mu and I -> -I leave the equations alone (the linear part is odd in I, drift in mu
    I).
    """
    there = of.drift_curve(device(0.2), [1e-4, -5e-5], FIELD, **PAIRS)
    back = of.drift_curve(device(-0.2), [-1e-4, 5e-5], FIELD, **PAIRS)
    assert there.delta_R == pytest.approx(back.delta_R, rel=1e-10)
    assert abs(there.delta_R[0] / there.delta_R_linear - 1) > 1e-3
    assert np.array_equal(there.drift > 0, [True, True])


def test_one_current_is_a_point_of_the_curve_and_zero_its_limit():
    curve = of.drift_curve(device(), [0.0, 1e-4], FIELD, **PAIRS)
    one = of.drift_solve(device(), FIELD, {"left": 1e-4, "right": -1e-4})
    assert one.orbital_voltage("t1", "t2") / 1e-4 == pytest.approx(curve.delta_R[1], rel=1e-9)
    assert one.drift and curve.delta_R[0] == curve.delta_R_linear
    assert of.resistance(device(), FIELD, **PAIRS).delta_R == pytest.approx(
        curve.delta_R_linear, rel=1e-10
    )
    again = of.drift_solve(device(), FIELD, {"left": 1e-4, "right": -1e-4}, start=one)
    assert again.factorisations == 1  # nothing to correct


def test_table(tmp_path):
    curve = of.drift_curve(device(), [1e-5], FIELD, **PAIRS)
    head = curve.to_csv(tmp_path / "drift.csv").read_text().splitlines()[0]
    assert (
        head == "I [A],R [ohm],delta_R [ohm],drift [1],newton_steps [1]"
        and "1 currents" in repr(curve)
    )


def test_failure_says_how_far_it_got_and_saves_the_last_good_state(tmp_path):
    rescue = tmp_path / "last.npz"
    with pytest.raises(NewtonError, match=r"no convergence in 1 steps.*drift_curve") as failed:
        of.drift_curve(
            device(), [1e-9, 1e-2], FIELD, max_iterations=1, rescue=rescue, tolerance=1e-9, **PAIRS
        )
    error = failed.value
    assert len(error.history) == 2 and error.history[-1].residual > 1e-9
    assert np.array_equal(error.partial.currents, [1e-9])
    saved = of.load(rescue)
    assert saved.orbital_voltage("t1", "t2") == pytest.approx(
        error.last.orbital_voltage("t1", "t2"), rel=1e-12
    )
    assert 0 < saved.drive.currents["left"] < 1e-2
    with pytest.raises(NewtonError) as failed:
        of.drift_solve(device(), FIELD, {"left": 1e-2, "right": -1e-2}, max_iterations=1)
    assert failed.value.last.orbital_voltage("t1", "t2") != 0.0


def test_coarse_cells_warn():
    with pytest.warns(ResolutionWarning, match="Peclet"):
        of.drift_solve(
            device(mobility=50.0, coupling="linear"), FIELD, {"left": 1e-3, "right": -1e-3}
        )


def test_bad_input(refuses):
    with refuses(InputError, "mobility"):
        of.drift_solve(device(mobility=None), FIELD, {"left": 1e-6, "right": -1e-6})
    with refuses(InputError, "device plane", "long bar"):
        of.drift_solve(of.Problem(of.cross_section(1e-7), of.Material(**MATERIAL)), FIELD)
    with refuses(InputError, "field", "(3,)"):
        of.drift_solve(device(), [FIELD, FIELD], {"left": 1e-6, "right": -1e-6})
    with refuses(InputError, "start", "another problem"):
        other = of.Problem(bar(12, 4), of.Material(**MATERIAL), NAMES, order=1)
        of.drift_solve(
            device(),
            FIELD,
            {"left": 1e-6, "right": -1e-6},
            start=of.solve(other, FIELD, {"left": 1e-6, "right": -1e-6}),
        )
    for wrong in ([np.nan], [], [[1.0]]):
        with refuses(InputError, "amplitudes"):
            of.drift_curve(device(), wrong, FIELD, **PAIRS)
