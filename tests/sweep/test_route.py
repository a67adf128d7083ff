"""Which path is taken, how it is refused, and that the solver asked for is the one that solves."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from small_devices import MATERIAL, bar

import ohmr_fem as of
from ohmr_fem.dynamics.radau import Stepper, Stretch
from ohmr_fem.errors import InputError, SolveError
from ohmr_fem.solver import linear
from ohmr_fem.solver.linear import SuperLU
from ohmr_fem.sweep import hanle
from ohmr_fem.sweep.route import choose, refusal

PAIRS = {"current": ("left", "right"), "voltage": ("t1", "t2")}
FIELD = (1.0, 0.5, 0.0)
DRIVE = {"left": 1e-9, "right": -1e-9}
METHODS = ("auto", "spectral", "reduced", "direct")

pytestmark = pytest.mark.filterwarnings(
    "ignore::ohmr_fem.errors.PhysicsWarning", "ignore::ohmr_fem.errors.ResolutionWarning"
)


def device(**options):
    material = of.Material(**{**MATERIAL, "mobility": 0.2})
    return of.Problem(bar(12, 4), material, ["left", "right", "t1", "t2"], order=1, **options)


@dataclass(frozen=True)
class Counted:
    """SuperLU that keeps the sizes of what it factorised."""

    sizes: list = field(default_factory=list, compare=False)
    name: str = "counted"

    def factorise(self, matrix):
        self.sizes.append(matrix.shape[0])
        return SuperLU().factorise(matrix)


SOLVED = {
    "solve": lambda p, s: of.solve(p, FIELD, DRIVE, solver=s),
    "resistance": lambda p, s: of.resistance(p, FIELD, solver=s, **PAIRS),
    "spectral": lambda p, s: of.hanle_curve(p, [FIELD], method="spectral", solver=s, **PAIRS),
    "reduced": lambda p, s: of.hanle_curve(p, [FIELD], method="reduced", solver=s, **PAIRS),
    "direct": lambda p, s: of.hanle_curve(p, [FIELD], method="direct", solver=s, **PAIRS),
    "matrix": lambda p, s: of.resistance_matrix(p, FIELD, method="direct", solver=s),
    "ac": lambda p, s: of.ac_response(p, [1e10], FIELD, method="direct", solver=s, **PAIRS),
    "modes": lambda p, s: of.transient(p, [0, 1e-13], FIELD, 1e-9, solver=s, **PAIRS),
    "steps": lambda p, s: of.transient(
        p, [0, 1e-13], FIELD, 1e-9, method="stepping", solver=s, **PAIRS
    ),
    "drift": lambda p, s: of.drift_solve(p, FIELD, DRIVE, solver=s),
}


@pytest.mark.parametrize("name", list(SOLVED))
def test_no_path_solves_with_another_solver(name, monkeypatch):
    def forbidden(self, matrix):
        raise AssertionError("a solver that nobody asked for")

    solver, problem = Counted(), device()
    monkeypatch.setattr(linear.SuperLU, "factorise", forbidden)
    plain = linear.splu

    def factorise(self, matrix):
        self.sizes.append(matrix.shape[0])
        return linear._superlu(linear.csr_array(matrix), plain(linear.csc_array(matrix)))

    monkeypatch.setattr(Counted, "factorise", factorise)
    nothing = lambda p, fields, current: np.full(len(fields), np.nan)  # noqa: E731
    monkeypatch.setattr(hanle, "strip_rho", nothing)  # a strip beside the device, solved by itself
    SOLVED[name](problem, solver)
    assert solver.sizes


def test_the_first_reason_is_said_and_what_serves_instead(refuses):
    full = device(coupling="full")
    assert choose("f", "auto", METHODS, device()).method == "spectral"
    found = choose("f", "auto", METHODS, full, general="reduced")
    assert found.method == "reduced" and found.why == refusal(full)
    assert choose("f", "auto", METHODS, device(), further="it is late").why == "it is late"
    assert choose("f", "direct", METHODS, device()).why == "as asked"
    with refuses(InputError, "coupling='full'", "use method='reduced' or method='direct'"):
        choose("f", "spectral", METHODS, full)
    with refuses(InputError, "it is late", "method='direct'"):
        choose("f", "spectral", METHODS, device(), further="it is late")
    with refuses(InputError, "ordinary Hall effect", "use method='direct'"):
        choose("f", "spectral", METHODS, device(ordinary_hall=True))
    with refuses(InputError, "affine in B", "ordinary_hall"):
        choose("f", "reduced", METHODS, device(ordinary_hall=True))
    with refuses(InputError, "f: unknown method 'spectrl'", "spectral"):
        choose("f", "spectrl", METHODS, device())


def test_a_step_whose_residual_is_not_small_is_refused():
    """The factors of another matrix: without a check the steps would go on with wrong numbers."""

    @dataclass(frozen=True)
    class Wrong:
        name: str = "wrong"

        def factorise(self, matrix):
            good = SuperLU().factorise(matrix)
            return linear._Factors(good.A, lambda b, transposed: 3.0 * good.apply(b, transposed))

    one = linear.csr_array(np.eye(2))
    stretch = Stretch(0.0, 1.0, one, lambda t: one, lambda t: np.ones(2), True)
    stepper = Stepper(
        [stretch], lambda y: np.array([np.abs(y).max()]), 1e-8, lambda y, i: y, Wrong()
    )
    with pytest.raises(SolveError, match="backward error"):
        list(stepper.run(stepper.begin(np.zeros(2), 0.1, np.ones(1))))
