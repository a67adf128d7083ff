"""Block Lanczos: exact when exhausted, and never further off than its bound."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import eigh
from scipy.sparse import csr_array

from ohmr_fem.solver.linear import SuperLU
from ohmr_fem.sweep import lanczos
from ohmr_fem.sweep.lanczos import gamma, project


def pencil(n, seed, null=True):
    """A stiffness matrix (constants in its null space) and a mass matrix, spectrum over four
    decades.
    """
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(rng.normal(size=(n, n)))[0]
    M = np.eye(n) + 0.3 * (Q * rng.uniform(0, 1, n)) @ Q.T
    K = (Q * 10.0 ** rng.uniform(-1.5, 2.5, n)) @ Q.T
    if null:
        P = np.eye(n) - np.ones((n, n)) / n
        K = P @ K @ P
    return 0.5 * (K + K.T), 0.5 * (M + M.T)


def run(K, M, start, shift=3.0, blocks=80, excess=lambda found: np.inf):
    factors = SuperLU(symmetric=True).factorise(csr_array(K + shift * M))
    return project(csr_array(M), factors, start, shift, excess, most=blocks)


def F(K, M, a, b, s):
    return np.array([b @ np.linalg.solve(K + z * M, a.astype(complex)) for z in np.ravel(s)])


def of(found, i, j, s):
    return np.array([np.sum(found.residues(i, j) / (found.rates + z)) for z in np.ravel(s)])


POINTS = np.concatenate(
    [[0.2, 0.3, 1.0, 3.0, 50.0], 1 + 1j * np.array([0.1, 1.0, 7.0, 60.0]), 0.2 - 3j * np.ones(1)]
)


def test_gamma_is_the_maximum_over_all_rates():
    w = np.concatenate([[0.0], np.geomspace(1e-6, 1e9, 20001)])
    for shift in (0.1, 1.0, 7.0):
        for s in (0.01, 0.5, 1.0, 20.0, 1 + 1j, 1 + 0.1j, 1 - 5j, 1 + 300j, 0.01 + 1j, 9 + 1j):
            brute = np.max(np.abs(w + shift) / np.abs(w + s))
            assert gamma(s, shift) == pytest.approx(max(brute, 1.0), rel=1e-5)
            assert gamma(s, shift) >= brute * (1 - 1e-12)
    assert gamma(POINTS, 2.0).shape == POINTS.shape


@pytest.mark.parametrize("seed", range(4))
def test_exact_when_exhausted(seed):
    K, M = pencil(8, seed)
    a, b = np.random.default_rng(seed + 50).normal(size=(2, 8))
    found = run(K, M, np.column_stack([a, b]))
    assert np.allclose(np.sort(found.rates), eigh(K, M, eigvals_only=True), rtol=1e-9, atol=1e-9)
    for i, x in enumerate((a, b)):
        for j, y in enumerate((a, b)):
            assert np.allclose(of(found, i, j, POINTS), F(K, M, x, y, POINTS), rtol=1e-10)


@pytest.mark.parametrize("seed", range(6))
def test_never_beyond_the_bound(seed):
    """Few blocks, so that the error is large; random and single-mode starts, shifts on both sides
    of the range.
    """
    rng = np.random.default_rng(100 + seed)
    K, M = pencil(60, seed, null=seed % 2 == 0)
    shift = 10.0 ** rng.uniform(-1, 2)
    modes = eigh(K, M)[1]
    start = (
        rng.normal(size=(60, 2))
        if seed < 3
        else M @ modes[:, [0, 3, 10, 40]] @ rng.normal(size=(4, 2))
    )
    worst, tight = 0.0, np.inf
    for blocks in (1, 2, 4, 7):
        found = run(K, M, start, shift, blocks)
        s = np.concatenate([POINTS, 10.0 ** rng.uniform(-1, 2, 20) + 1j * rng.normal(size=20) * 30])
        for i in range(2):
            for j in range(2):
                error = np.abs(of(found, i, j, s) - F(K, M, start[:, i], start[:, j], s))
                bound = found.bound(i, j, s)
                assert np.all(error <= bound), (
                    blocks,
                    s[np.argmax(error / bound)],
                    np.max(error / bound),
                )
                worst = max(worst, float(error.max() / (found.norm(i) * found.norm(j))))
                tight = min(tight, float(np.min(bound / np.maximum(error, 1e-300))))
    assert worst > 1e-6  # there was something to bound
    assert tight < 100.0  # and the bound is no giant


def test_bound_is_attained():
    """One start on two modes, one block: the residual is known in closed form."""
    K, M, shift = np.diag([0.0, 5.0]), np.eye(2), 1.0
    found = run(K, M, np.array([[1.0], [2.0]]), shift, blocks=1)
    # Galerkin on x = A0^-1 a = (1, 1/3): rate x.K.x/x.M.x, weight x.a/sqrt(x.M.x)
    x = np.array([1.0, 1.0 / 3.0])
    rate, weight = 5 / 9 / (x @ x), (1 + 2 / 3) / np.sqrt(x @ x)
    assert found.rates == pytest.approx([rate]) and found.weights[:, 0] ** 2 == pytest.approx(
        [weight**2]
    )
    for s in (0.2, 1 + 2j, 4.0):
        residual = np.array([1.0, 2.0]) - (K + s * M) @ x / np.sqrt(x @ x) * weight / (rate + s)
        exact = np.sqrt(np.abs(residual[0]) ** 2 / 1.0 + np.abs(residual[1]) ** 2 / 6.0)
        assert found.residual_norm(0, s) == pytest.approx(exact, rel=1e-10)


def test_ritz_vectors(monkeypatch):
    monkeypatch.setattr(lanczos, "ROWS", 17)  # in several pieces
    K, M = pencil(40, 7)
    start = np.random.default_rng(1).normal(size=(40, 2))
    found = run(K, M, start, blocks=5)
    Z = found.vectors
    assert np.allclose(Z.T @ M @ Z, np.eye(Z.shape[1]), atol=1e-9)
    assert np.allclose(Z.T @ K @ Z, np.diag(found.rates), atol=1e-8 * found.rates.max())
    assert np.allclose(found.weights, Z.T @ start, atol=1e-9 * np.abs(start).max())
    assert Z.base is None and Z.shape == (40, found.rates.size)  # no room beside them is kept
    assert np.all(np.diff(found.rates) >= 0) and found.rates.min() > -1e-9
    A0 = K + 3.0 * M
    assert np.allclose(found.gram, start.T @ np.linalg.solve(A0, start), rtol=1e-10)
    assert found.norm(1) == pytest.approx(
        np.sqrt(start[:, 1] @ np.linalg.solve(A0, start[:, 1])), rel=1e-10
    )


def test_other_combinations_of_the_start():
    K, M = pencil(30, 3)
    start = np.random.default_rng(2).normal(size=(30, 3))
    turn = np.array([[1.0, 0.0], [-2.0, 1.0], [0.5, 3.0]])
    found = run(K, M, start, blocks=4).combine(turn)
    other = start @ turn
    error = np.abs(of(found, 0, 1, POINTS) - F(K, M, other[:, 0], other[:, 1], POINTS))
    assert np.all(error <= found.bound(0, 1, POINTS)) and error.max() > 0
    A0 = K + 3.0 * M
    assert np.allclose(found.gram, other.T @ np.linalg.solve(A0, other), rtol=1e-9)


@pytest.mark.parametrize("second", ["same", "zero", "multiple"])
def test_dependent_starts(second):
    K, M = pencil(25, 5)
    a = np.random.default_rng(9).normal(size=25)
    b = {"same": a, "zero": 0 * a, "multiple": -3.0 * a}[second]
    found = run(K, M, np.column_stack([a, b]))
    assert np.allclose(of(found, 0, 1, POINTS), F(K, M, a, b, POINTS), rtol=1e-9, atol=1e-12)


def test_stops_when_told_and_counts_its_solves():
    K, M = pencil(60, 8)
    start = np.random.default_rng(4).normal(size=(60, 2))
    seen = []
    found = run(K, M, start, excess=lambda p: 0.5 if seen.append(p) or len(seen) == 2 else 3.0)
    assert len(seen) == 2 and found.solves < 20 and 0 <= found.residual < 1e-12
    tight = run(K, M, start, excess=lambda p: p.bound(0, 1, POINTS).max() / 1e-9)
    assert np.abs(of(tight, 0, 1, POINTS) - F(K, M, start[:, 0], start[:, 1], POINTS)).max() < 1e-9


def test_looks_no_more_often_than_it_must():
    """It stops at the first block that is good enough, or one that it did not look at, one later;
    in far fewer looks.
    """
    K, M = pencil(200, 11)
    start = np.random.default_rng(4).normal(size=(200, 2))
    every = [run(K, M, start, blocks=n).bound(0, 1, POINTS).max() for n in range(4, 30)]
    for limit in (1e-2, 1e-4, 1e-6):
        seen = []
        found = run(
            K,
            M,
            start,
            excess=lambda p, limit=limit, seen=seen: (
                seen.append(1) or p.bound(0, 1, POINTS).max() / limit
            ),
        )
        first = 4 + int(np.argmax(np.array(every) <= limit))
        assert (
            first <= found.weights.shape[0] // 2 <= first + 1 and len(seen) <= 2 + (first - 4) // 2
        )
