"""The error bound on 200 random problems: never exceeded, and not much larger than the error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csc_array, kron
from scipy.sparse.linalg import splu

import ohmr_fem as of
from ohmr_fem.errors import SolveError
from ohmr_fem.mesh import grids
from ohmr_fem.solver.linear import SYMMETRIC
from ohmr_fem.solver.system import system_of
from ohmr_fem.sweep.bound import FLOOR
from ohmr_fem.sweep.spectral import _starts

from .table import Row

CASE = "bound"
COUNT, SEED = 200, 20240607


@dataclass(frozen=True)
class Trial:
    """Largest of bound minus error, ratios where the error is above the floor, and whether the pair
    vanishes.
    """

    excess: float
    ratios: list[float]
    vanishes: bool


def random_problem(
    rng: np.random.Generator,
) -> tuple[of.Problem, tuple[str, str], tuple[str, str], np.ndarray]:
    """A rectangle, with a corner cut out half of the time, on a random grid; any stable X, any
    pair, any fields.
    """
    width, height = rng.uniform(0.5, 6.0, 2) * 1e-7
    x, y = (
        np.concatenate([[0.0], np.cumsum(rng.uniform(0.5, 1.5, n))]) for n in rng.integers(6, 13, 2)
    )
    x, y = x * width / x[-1], y * height / y[-1]
    cut = rng.random(2) * 0.6 * (width, height) if rng.random() < 0.5 else np.zeros(2)
    mesh = grids.tensor_grid(
        x,
        y,
        cells=str(rng.choice(["triangle", "quad"])),
        keep=lambda c: (c[0] > cut[0]) | (c[1] > cut[1]),
    )

    def on_top(start, stop):
        return lambda p: (p[1] == y[-1]) & (p[0] > x[start]) & (p[0] < x[stop])

    def on_right(start, stop):
        return lambda p: (p[0] == x[-1]) & (p[1] > y[start]) & (p[1] < y[stop])

    mesh = mesh.with_boundaries(
        {
            "source": on_right(0, 2),
            "side": on_right(3, -2),
            "upper": on_top(1, 3),
            "drain": on_top(-3, -2),
            "left": lambda p: p[0] == 0.0,
        }
    )
    names = ["source", "drain", "upper", "side"]
    square = rng.normal(size=(3, 3))
    X = square @ square.T + 0.05 * np.eye(3)
    if rng.random() < 0.5:
        X[2, :2] = X[:2, 2] = 0.0
    material = of.Material(
        sheet_conductivity=1e-3,
        diffusion_length=1e-7,
        relaxation_time=2e-12,
        orbital_hall_angle=0.1,
        inverse_mass=20.0 * X,
    )
    edges = {}
    if rng.random() < 0.3:
        edges["left"] = of.Edge(
            "absorbing" if rng.random() < 0.3 else float(10.0 ** rng.uniform(2, 5))
        )
    prob = of.Problem(mesh, material, names, edges=edges)
    order = rng.permutation(4)
    pairs = [
        (names[order[0]], names[order[1]]),
        (names[order[rng.integers(0, 2)]], names[order[2]]),
    ]
    top = material.field_scale * 10.0 ** rng.uniform(-0.5, 2.5)
    return prob, pairs[0], pairs[1], rng.normal(size=(6, 3)) * top


def trial(rng: np.random.Generator) -> Trial:
    prob, current, voltage, fields = random_problem(rng)
    measure = of.spectral_measure(
        prob,
        current=current,
        voltage=voltage,
        fields=fields,
        tolerance=float(10.0 ** rng.uniform(-8, -2)),
    )
    p, c = measure.projection, measure.channels[0]
    f, bound = measure.response(fields)[0], measure.bound(fields)
    error = np.abs(f - exact(prob, measure, fields))
    norms = p.norm(c.a) * p.norm(c.b)
    floor = FLOOR * norms
    vanishes = bool(abs(measure.F()) < 1e-6 * norms)
    return Trial(
        float((error - bound).max() / norms),
        [float(b / e) for b, e in zip(bound, error, strict=True) if e > floor],
        vanishes,
    )


def exact(prob: of.Problem, measure: of.SpectralMeasure, fields: np.ndarray) -> np.ndarray:
    """f(B) from the matrices of three components at each field: nothing is shared but a and b."""
    system, material = system_of(prob), prob.material
    K, M, keep = system.pencil
    start, turns, *_ = _starts(prob, system, [(measure.current, measure.voltage)], SYMMETRIC)
    a, b = (keep.T @ start @ turns[0]).T
    N, out = K.shape[0], []
    for field in fields:
        T = material.torque(field) * material.relaxation_time
        full = csc_array(kron(np.eye(3), K + M) + kron(T, M))
        right = np.concatenate([np.zeros(2 * N), a])
        lu = splu(full)
        x = lu.solve(right)
        x = x + lu.solve(right - full @ x)
        row = material.detection_row(2, prob.detection)
        out.append(
            sum(weight * b @ part for weight, part in zip(row, x.reshape(3, N), strict=True))
        )
    return np.array(out)


def run() -> list[Row]:
    rng = np.random.default_rng(SEED)
    trials, refused = [], 0
    while len(trials) < COUNT:
        try:
            trials.append(trial(rng))
        except SolveError:
            refused += 1
    seen = [t for t in trials if t.ratios and not t.vanishes]
    ratios = np.array([r for t in seen for r in t.ratios])
    return [
        Row(
            CASE,
            f"largest excess of error over bound, in norms of a and b, {COUNT} problems",
            max(t.excess for t in trials),
            0.0,
            note="negative: never exceeded",
        ),
        Row(
            CASE,
            "median of bound over error",
            float(np.median(ratios)),
            10.0,
            note=f"{len(ratios)} fields of {len(seen)} problems with an error above the floor",
        ),
        Row(CASE, "least bound over error", float(ratios.min()), at_least=1.0),
        Row(CASE, "90th percentile of bound over error", float(np.percentile(ratios, 90))),
        Row(CASE, "problems refused", refused, 0),
    ]
