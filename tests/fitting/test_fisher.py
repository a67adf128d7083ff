"""What data fix, on Fisher matrices whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from ohmr_fem.fitting.fisher import identify, percent, spell

NAMES, SYMBOLS = (
    ("alpha_product", "diffusion_length", "relaxation_time", "theta"),
    ("alpha alpha'", "L_m", "tau", "theta"),
)


def known(*rows, **options):
    """Identifiability of data that know each product of powers to 1%."""
    return identify(100.0 * np.array(rows, dtype=float), NAMES, SYMBOLS, **options)


@pytest.mark.parametrize(
    ("rows", "texts", "free"),
    [
        (np.eye(4), list(SYMBOLS), ()),
        (
            [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0.5]],
            ["alpha alpha'", "L_m", "tau sqrt(theta)"],
            NAMES[2:],
        ),
        (
            [[1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]],
            ["alpha alpha' L_m", "tau", "theta"],
            NAMES[:2],
        ),
        ([[1, -4, 2, 1]], ["alpha alpha' tau^2 theta / L_m^4"], NAMES),
        ([[1, 1, 0, 0], [1, 1, 1, 0.5]], ["alpha alpha' L_m", "tau sqrt(theta)"], NAMES),
    ],
)
def test_combinations(rows, texts, free):
    found = known(*rows)
    assert (
        [c.text for c in found.fixed] == texts
        and found.free == free
        and found.complete is (not free)
    )


def test_errors_are_those_of_the_inverse_fisher_matrix():
    J = np.random.default_rng(3).normal(size=(40, 4)) * [5, 20, 30, 80]
    assert np.allclose(
        known(*(J / 100)).errors, np.sqrt(np.diag(np.linalg.inv(J.T @ J))), rtol=1e-10
    )


def test_unfixed_directions_are_infinite_and_the_text_says_so():
    found = known([1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0.5])
    assert np.isinf(found.errors[2:]).all() and np.allclose(found.errors[:2], 0.01)
    assert "3 numbers" in str(found) and "not tau and theta separately" in str(found)


def test_exponents_that_the_data_know_to_differ_are_not_rounded():
    near = known([1, 0.9, 0, 0], [0.9, -1.0, 0, 0] * np.array(1e-4), [0, 0, 1, 0], [0, 0, 0, 1])
    assert near.fixed[0].text == "alpha alpha' L_m^0.9"


def test_the_profile_overrules_the_curvature():
    J = [[1, 1, 0, 0], [0.1, -0.1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    assert known(*J).complete
    longer = known(*J, reach={1: 1.0})
    assert longer.free == NAMES[:2] and [c.text for c in longer.fixed] == [
        "alpha alpha' L_m",
        "tau",
        "theta",
    ]


@pytest.mark.parametrize("seed", range(20))
def test_as_many_numbers_are_fixed_as_parameters_are_not_free(seed):
    """All combinations named are known to the limit; all parameters are fixed exactly if there are
    as many as parameters.
    """
    rng = np.random.default_rng(seed)
    J = np.linalg.qr(rng.normal(size=(4, 4)))[0].T * (10.0 ** rng.uniform(-1.0, 2.0, 4))[:, None]
    found = identify(J, NAMES, SYMBOLS)
    covariance = np.linalg.inv(J.T @ J)
    for c in found.fixed:
        v = np.array(c.exponents)
        assert c.error < found.limit and c.error == pytest.approx(
            np.sqrt(v @ covariance @ v), rel=1e-6
        )
    assert (
        found.complete
        == (len(found.fixed) == 4)
        == bool(np.all(np.sqrt(np.diag(covariance)) < found.limit))
    )


def test_a_parameter_known_through_a_long_direction_counts():
    """Four parameters that each carry half of one badly known direction, known to 0.4: each is
    known to 0.2.
    """
    far = np.array([1.0, 1.0, 1.0, -1.0]) / 2.0
    rest = np.linalg.svd(far[None, :])[2][1:]
    found = identify(np.vstack([far / 0.4, rest / 1e-3]), NAMES, SYMBOLS)
    assert np.allclose(found.errors, 0.2, rtol=1e-4) and found.complete and len(found.fixed) == 4


def test_spelling():
    assert spell([2, 0.5, -1, -0.5], SYMBOLS) == "(alpha alpha')^2 sqrt(L_m) / (tau sqrt(theta))"
    assert spell([0, -1, 0, 0], SYMBOLS) == "1 / L_m"
    assert [percent(e) for e in (0.0123, 0.994, 1.13, 20.0, np.inf)] == [
        "1.2%",
        "99%",
        "113%",
        "factor 20",
        "unknown",
    ]
