"""Pads on top of a flake inject, absorb and read moment over their area (theory, section 10).

A long strip with two pads all the way across it, no orbital Hall effect, so that n depends on x
alone: panels of Chebyshev collocation of n'' = (1 + tau T + G) n - source, G the absorption of the
pad in whose panel one is. Lengths in L_m, tau = 1, sigma = 1.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.linalg import block_diag

import ohmr_fem as of

from .case import Row, simple_material
from .coefficients import B, X, weights
from .independence import route
from .interfaces import chebyshev
from .strip_tensor import TESLA

CASE = "pads"
STRONG = "Chebyshev collocation of the strong form"
ROUTES = {"": ("finite elements", STRONG)}
WIDTH = 2.0
#: Ends of the strip and of both pads.
ENDS = (-8.0, -1.5, -0.9, 0.9, 1.5, 8.0)
SOURCE, READER = 1, 3
INJECTED, READ = np.array([0.1, 0.5, 0.4]), np.array([0.3, -0.2, 0.6])
#: Losses into either pad by component, 1/tau.
LOSSES = ((0.5, 0.5, 0.5), (0.2, 1.0, 3.0))


def panels(slope: np.ndarray, losses: tuple[tuple[float, ...], ...]) -> tuple[list, list]:
    """In each panel the derivative, and the matrix of -n'' + (1 + tau T + G) n."""
    torque = np.cross(B, X, axisb=0, axisc=0)
    loss = {SOURCE: np.diag(losses[0]), READER: np.diag(losses[1])}
    slopes, blocks = [], []
    for number, length in enumerate(np.diff(ENDS)):
        d = np.kron(2.0 / length * slope, np.eye(3))
        rates = np.eye(3) + torque + loss.get(number, 0.0)
        slopes.append(d)
        blocks.append(np.kron(np.eye(len(slope)), rates) - d @ d)
    return slopes, blocks


@route(STRONG)
def collocated(losses: tuple[tuple[float, ...], ...], count: int = 26) -> float:
    """R_nl: n and n' are continuous between panels, no moment leaves at the ends."""
    x, slope = chebyshev(count)
    slopes, blocks = panels(slope, losses)
    A, size = block_diag(*blocks), 3 * (count + 1)
    right = np.zeros((len(blocks), count + 1, 3))
    right[SOURCE] = INJECTED / (WIDTH * (ENDS[SOURCE + 1] - ENDS[SOURCE]))
    right[:, [0, -1]] = 0.0
    for number, d in enumerate(slopes):
        here = slice(number * size, (number + 1) * size)
        first, last = slice(here.start, here.start + 3), slice(here.stop - 3, here.stop)
        A[first] = A[last] = 0.0
        A[first, here] = d[:3]
        if number:
            A[first, here.start - size : here.start] = -slopes[number - 1][-3:]
        if number + 1 == len(slopes):
            A[last, here] = d[-3:]
            continue
        A[last, last] = np.eye(3)
        A[last, here.stop : here.stop + 3] = -np.eye(3)
    n = np.linalg.solve(A, right.ravel()).reshape(right.shape)
    return float(0.5 * weights(x) @ n[READER] @ READ)


def problem(kind: str, losses: tuple[tuple[float, ...], ...]) -> of.Problem:
    """A mesh that is finest at the ends of the pads."""
    pieces = [of.graded_lines(a, b, 0.1, 1.6, "both", 0.8)[1:] for a, b in pairwise(ENDS)]
    x = np.concatenate([ENDS[:1], *pieces])
    y = np.linspace(-WIDTH / 2, WIDTH / 2, 3)

    def between(a: float, b: float) -> object:
        return lambda p: (p[0] > a) & (p[0] < b)

    pads = {"in": between(*ENDS[1:3]), "out": between(*ENDS[3:5])}
    contacts = {"left": of.Contact(), "right": of.Contact()}
    for name, p, loss in zip(pads, (INJECTED, READ), losses, strict=True):
        contacts[f"pad {name}"] = of.Contact(kind, region=name, polarisation=p, moment=loss)
    material = simple_material(inverse_mass=X, orbital_hall_angle=0.0)
    return of.Problem(of.tensor_grid(x, y).with_regions(pads), material, contacts, order=4)


def read(prob: of.Problem) -> float:
    pairs = {"current": ("pad in", "left"), "voltage": ("pad out", "right")}
    return float(of.resistance(prob, B * TESLA, **pairs).delta_R)


def run(level: str = "quick") -> list[Row]:
    """Absolute differences: a Hanle curve goes through zero."""
    rows = []
    cases = [("equipotential", LOSSES), ("profile", LOSSES)]
    if level == "full":
        cases += [("profile", ((0.0,) * 3, LOSSES[1])), ("profile", LOSSES[::-1])]
    for kind, losses in cases:
        found, expected = read(problem(kind, losses)), collocated(losses)
        text = f"R_nl of {kind} pads that absorb {losses[0]} and {losses[1]} over their area"
        rows.append(Row(CASE, "theory 10", text, found, expected, abs(found - expected), 1e-9))
    return rows
