"""Solvers: right answers, honest residuals, refusal of the singular."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array, diags_array

from ohmr_fem.errors import SolveError
from ohmr_fem.linear import ACCEPTED_RESIDUAL, SuperLU, checked_residual


def matrix(n=60, symmetric=False):
    rng = np.random.default_rng(3)
    A = diags_array([-np.ones(n - 1), 2.5 * np.ones(n), -np.ones(n - 1)], offsets=[-1, 0, 1]).toarray()
    if not symmetric:
        A += 0.1 * rng.normal(size=(n, n)) * (rng.random((n, n)) < 0.1)
    return A


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("columns", [None, 3])
def test_solve(symmetric, columns):
    A = matrix(symmetric=symmetric)
    b = np.random.default_rng(1).normal(size=(60,) if columns is None else (60, columns))
    factors = SuperLU(symmetric=symmetric).factorise(csr_array(A))
    x, residual = factors.solve(b)
    assert x.shape == b.shape and np.allclose(x, np.linalg.solve(A, b), rtol=1e-11)
    assert residual < 1e-14
    y, residual = factors.solve(b, transposed=True)
    assert np.allclose(y, np.linalg.solve(A.T, b), rtol=1e-11) and residual < 1e-14


def test_names():
    assert SuperLU().name == "SuperLU" and "symmetric" in SuperLU(symmetric=True).name


def test_zero_right_hand_side():
    x, residual = SuperLU().factorise(csr_array(matrix())).solve(np.zeros(60))
    assert not np.any(x) and residual == 0.0


@pytest.mark.parametrize("A", [np.diag([1.0, 0.0, 2.0]), np.ones((3, 3))])
def test_singular(A, refuses):
    with refuses(SolveError, "singular", "contact", "3 unknowns"):
        SuperLU().factorise(csr_array(A)).solve(np.ones(3))


def test_nearly_singular_is_no_answer(refuses):
    A = np.vander(np.linspace(0, 1, 24)) @ np.diag(10.0 ** np.linspace(0, 150, 24))
    with refuses(SolveError, "backward error"):
        checked_residual(csr_array(A), np.full(24, np.nan), np.ones(24))


def test_residual_is_the_backward_error():
    A, x = csr_array(np.diag([1.0, 4.0])), np.array([1.0, 1.0])
    b = np.array([1.0, 4.0 * (1 + 1e-13)])
    assert checked_residual(A, x, b) == pytest.approx(4e-13 / 8.0, rel=1e-2)
    with pytest.raises(SolveError) as caught:
        checked_residual(A, x, np.array([1.0, 4.001]))
    assert caught.value.value == pytest.approx(1e-3 / 8.001, rel=1e-6) and caught.value.value > ACCEPTED_RESIDUAL
    assert "1.2e-04" in str(caught.value) and "1e-12" in str(caught.value)
    # the worst of the columns counts
    two = checked_residual(A, np.array([[1.0, 1.0], [1.0, 1.0]]), np.array([[1.0, 1.0], [4.0, 4.0 * (1 + 1e-13)]]))
    assert two == pytest.approx(4e-13 / 8.0, rel=1e-2)


def test_empty_system():
    assert checked_residual(csr_array((0, 0)), np.zeros(0), np.zeros(0)) == 0.0
