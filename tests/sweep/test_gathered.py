"""Few nodes answer as many poles do, whatever is done to the poles."""

from __future__ import annotations

import numpy as np
import pytest

from ohmr_fem.sweep.gathered import BESIDES, Gathered


def film(rate, thickness):
    """h(x) of a film, of a complex rate."""
    y = 0.5 * thickness * np.sqrt(rate + 0j)
    return np.tanh(y) / y


@pytest.fixture(scope="module")
def many():
    """A thousand poles over ten decades, with loads of both signs, and those gathered."""
    random = np.random.default_rng(3)
    rates = np.exp(random.uniform(np.log(1e-5), np.log(1e5), 1000))
    loads = random.normal(size=(1000, 2)) / np.sqrt(rates + 1.0)[:, None]
    return rates, loads, Gathered.of(rates, loads, 0.25)


@pytest.mark.parametrize("stretch", [0.25, 1.0, 4.0])
@pytest.mark.parametrize("precession", [0.0, 0.3, 30.0, 3e3])
def test_nodes_answer_as_poles_do(many, stretch, precession):
    rates, loads, few = many
    assert len(few.rates) < 120

    def answers(some, weights):
        at = some * stretch + 1.0 + 1j * precession
        return np.array([(1.0 / at) @ weights, film(at, 0.5) @ weights, film(at, 20.0) @ weights])

    exact = answers(rates, loads)
    assert np.all(np.abs(answers(few.rates, few.loads) - exact) < 1e-8 * np.abs(exact))


def test_the_sum_of_the_loads_stays(many):
    _, loads, few = many
    size = np.abs(loads).sum(axis=0)
    assert np.all(np.abs(few.loads.sum(axis=0) - loads.sum(axis=0)) < 1e-10 * size)


def test_few_poles_are_left_alone():
    rates, loads = np.geomspace(0.1, 10.0, BESIDES), np.ones((BESIDES, 1))
    few = Gathered.of(rates, loads, 1.0)
    assert few.rates is rates and few.loads is loads
    none = Gathered.of(np.empty(0), np.empty((0, 3)), 1.0)
    assert none.loads.shape == (0, 3)


def test_a_pole_that_is_a_node():
    """Where a pole falls on a node all of it is there."""
    rates = np.geomspace(1e-3, 1e3, 500)
    few = Gathered.of(rates, np.ones((500, 1)), 1.0)
    again = Gathered.of(np.append(few.rates, rates), np.ones((500 + len(few.rates), 1)), 1.0)
    assert np.isclose(again.loads.sum(), 500 + len(few.rates))
