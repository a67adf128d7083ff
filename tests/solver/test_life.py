"""What a solved problem keeps: its matrices and factors while it lives, and nothing afterwards."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from small_devices import MATERIAL, bar, bar_problem

import ohmr_fem as of
from ohmr_fem.solver.system import SYSTEMS, system_of

FIELD = (1.0, 0.5, 0.0)
DRIVE = {"left": 1e-6, "right": -1e-6}
PAIRS = {"current": ("left", "right"), "voltage": ("t1", "t2")}


def problem(**options):
    return bar_problem(1, **options)


def hall_problem():
    material = of.Material(**{**MATERIAL, "mobility": 0.2})
    return of.Problem(bar(24, 8), material, ["left", "right", "t1", "t2"], ordinary_hall=True)


def delta(prob):
    """Runs in a worker process."""
    return of.resistance(prob, FIELD, **PAIRS).delta_R


@pytest.fixture
def no_collector():
    """Only reference counts free memory; what is held in circles stays, and shows."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


USES = {
    "solve": lambda p: of.solve(p, FIELD, DRIVE),
    "resistance": lambda p: of.resistance(p, FIELD, **PAIRS),
    "spectral": lambda p: of.spectral_measure(p, **PAIRS),
    "direct": lambda p: of.hanle_curve(p, [FIELD], method="direct", **PAIRS),
    "reduced": lambda p: of.hanle_curve(p, [FIELD, (0, 0, 0)], method="reduced", **PAIRS),
    "matrix": lambda p: of.resistance_matrix(p, FIELD),
    "ac": lambda p: of.ac_response(p, [1e9], FIELD, method="direct", **PAIRS),
    "transient": lambda p: of.transient(p, [0.0, 1e-13], FIELD, 1e-6, method="stepping", **PAIRS),
}


CASES = [(problem, use) for use in USES]
#: The ordinary Hall effect has neither a measure nor matrices that are affine in B.
CASES += [(hall_problem, use) for use in USES if use not in ("spectral", "reduced")]


@pytest.mark.parametrize(("make", "use"), CASES)
@pytest.mark.filterwarnings("ignore::ohmr_fem.errors.PhysicsWarning")
def test_factors_go_with_their_problem(no_collector, make, use):
    before = len(SYSTEMS)  # what fixtures of other tests hold
    prob = make()
    result = USES[use](prob)
    system = system_of(prob)
    T, factors = system.potential_solver()
    watched = [weakref.ref(x) for x in (system, factors, system_of(prob, np.array([0, 0, 1.0])))]
    assert all(ref() is not None for ref in watched)
    del system, T, factors, result, prob
    assert [ref() for ref in watched] == [None] * 3
    assert len(SYSTEMS) == before


def test_no_system_hangs_on_after_a_loop(no_collector):
    alive = weakref.WeakSet()
    for _ in range(4):
        prob = problem()
        of.solve(prob, FIELD, DRIVE)
        alive.add(system_of(prob))
        assert len(alive) <= 2  # this one, and the last until the name is bound anew
    del prob
    assert len(alive) == 0


def test_a_problem_carries_no_cache_of_its_own():
    prob = problem()
    fields = set(vars(prob))
    of.solve(prob, FIELD, DRIVE)
    assert set(vars(prob)) == fields


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_a_solved_problem_and_its_solution_can_be_copied(again):
    prob = problem()
    solution = of.solve(prob, FIELD, DRIVE)
    other, twin = again(prob), again(solution)
    assert delta(other) == delta(prob)
    assert twin.orbital_voltage("t1", "t2") == solution.orbital_voltage("t1", "t2")
    point = (1e-8, 2e-8)
    there, here = twin.at(point), solution.at(point)
    assert np.array_equal(there.moment_current, here.moment_current)
    assert np.array_equal(of.solve(other, FIELD, DRIVE).moment_dofs, solution.moment_dofs)


def test_a_solved_problem_goes_to_a_worker():
    prob = problem()
    here = delta(prob)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(delta, prob).result(timeout=60) == pytest.approx(here, rel=1e-12)
