"""What counts as an answer. The solvers themselves are in test_solvers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from ohmr_fem.errors import SolveError
from ohmr_fem.solver.linear import ACCEPTED_RESIDUAL, _Factors


def residual(A, x, b):
    """The error that a solver reports which answers x, whatever it is asked."""
    return _Factors(csr_array(A), lambda b, transposed: x, refine_above=np.inf).solve(b)[1]


def test_no_number_is_no_answer(refuses):
    with refuses(SolveError, "backward error"):
        residual(np.eye(24), np.full(24, np.nan), np.ones(24))


def test_residual_is_the_backward_error():
    A, x = np.diag([1.0, 4.0]), np.array([1.0, 1.0])
    b = np.array([1.0, 4.0 * (1 + 1e-13)])
    assert residual(A, x, b) == pytest.approx(4e-13 / 8.0, rel=1e-2)
    with pytest.raises(SolveError) as caught:
        residual(A, x, np.array([1.0, 4.001]))
    assert (
        caught.value.value == pytest.approx(1e-3 / 8.001, rel=1e-6)
        and caught.value.value > ACCEPTED_RESIDUAL
    )
    assert "1.2e-04" in str(caught.value) and "1e-12" in str(caught.value)
    # the worst of the columns counts, and the norm is that of the rows
    two = residual(
        A, np.array([[1.0, 1.0], [1.0, 1.0]]), np.array([[1.0, 1.0], [4.0, 4.0 * (1 + 1e-13)]])
    )
    assert two == pytest.approx(4e-13 / 8.0, rel=1e-2)
    assert residual(np.array([[0.0, 3.0], [0.0, 0.0]]), x, np.array([3.0, 1e-13])) == pytest.approx(
        1e-13 / 6.0, rel=1e-2
    )


def test_transposed_uses_the_norm_of_the_transposed_matrix():
    A, x = np.array([[1.0, 0.0], [3.0, 1.0]]), np.array([1.0, 1.0])
    factors = _Factors(csr_array(A), lambda b, transposed: x, refine_above=np.inf)
    assert factors.solve(A.T @ x + [0.0, 1e-12], transposed=True)[1] == pytest.approx(
        1e-12 / 8.0, rel=1e-2
    )
    assert factors.solve(A @ x + [0.0, 1e-12])[1] == pytest.approx(1e-12 / 8.0, rel=1e-2)
    B = np.array([[0.0, 0.0], [3.0, 1.0]])
    factors = _Factors(csr_array(B), lambda b, transposed: x, refine_above=np.inf)
    assert factors.solve(B.T @ x + [0.0, 1e-12], transposed=True)[1] == pytest.approx(
        1e-12 / 6.0, rel=1e-2
    )


def test_a_huge_solution_of_a_singular_system_is_no_answer(refuses):
    """Its backward error is at round-off: only what it leaves of the right-hand side tells."""
    A = np.array([[1.0, -1.0], [-1.0, 1.0 + 1e-15]])
    x = np.array([1e15, 1e15])
    with refuses(SolveError, "right-hand side", "singular to round-off", "contact"):
        residual(A, x, np.array([1.0, 0.0]))
    assert residual(A, 0 * x, np.zeros(2)) == 0.0


def test_empty_system():
    assert residual(csr_array((0, 0)), np.zeros(0), np.zeros(0)) == 0.0
