"""Raw rows with every defect at once, prepared by ``of.prepare``: are the curve and the steps right
to within the errors that are stated, and is a step that is left out seen?

R_xy of a film: an ordinary Hall line, and a Hanle curve that is odd in the field. The magnet hangs
(5 mT) and shows 3 mT at zero, the contacts mix 3% of R_xx in, the resistance drifts, 2% of the
rows are outliers; ten sweeps, up and down in turn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

import ohmr_fem as of
from ohmr_fem.fitting.data import Measured

from .case import Row
from .independence import middle

CASE = "prepare"
ROUTES = {
    "": ("preparation", "law: the truth that made the data"),
}
SEEDS = 500
OFFSET, HYSTERESIS, MIXING = 3e-3, 5e-3, 0.03
SWEEPS, POINTS, TOP, SECONDS = 10, 101, 1.0, 2.0
#: ohm, and ohm/s
NOISE, RATE = 1e-3, 2e-6
ALL = {
    "offset": "auto",
    "hysteresis": "auto",
    "drift": "linear",
    "outliers": "auto",
    "mixing": "auto",
    "symmetry": "odd",
}
NEEDED = ("offset", "hysteresis", "drift", "mixing")


def truth(B: np.ndarray) -> np.ndarray:
    """R_xy in ohm, odd in B."""
    u = B / 0.25
    return np.asarray(0.5 * B + 0.2 * u / (1.0 + u**2))


def longitudinal(B: np.ndarray) -> np.ndarray:
    """R_xx in ohm, even in B."""
    u = B / 0.25
    return np.asarray(10.0 * (1.0 + 2e-3 * u**2 / (1.0 + u**2)))


def raw_data(seed: int, correlation: float = 0.0) -> tuple[Measured, Measured]:
    """Raw R_xy and R_xx of one seed."""
    rng = np.random.default_rng(seed)
    up = np.linspace(-TOP, TOP, POINTS)
    shown = np.concatenate([up if k % 2 == 0 else up[::-1] for k in range(SWEEPS)])
    way = np.repeat([1.0 if k % 2 == 0 else -1.0 for k in range(SWEEPS)], POINTS)
    B = shown - OFFSET - 0.5 * way * HYSTERESIS
    time = SECONDS * np.arange(len(B))
    noise = rng.standard_normal((2, len(B)))
    for i in range(1, len(B) if correlation else 0):
        step = np.sqrt(1.0 - correlation**2)
        noise[:, i] = correlation * noise[:, i - 1] + step * noise[:, i]
    R_xx = longitudinal(B) + NOISE * noise[1]
    R_xy = truth(B) + MIXING * longitudinal(B) + RATE * (time - time.mean()) + NOISE * noise[0]
    wild = rng.random(len(B)) < 0.02
    R_xy = R_xy + np.where(wild, NOISE * rng.normal(0.0, 20.0, len(B)), 0.0)
    fields = shown[:, None] * np.array([0.0, 0.0, 1.0])
    return Measured(fields, R_xy, time=time), Measured(fields, R_xx, time=time)


@dataclass(frozen=True)
class Outcome:
    """Of many seeds: chi^2 and points of each, z of every step, and whiteness by step left out."""

    chi2: np.ndarray
    points: np.ndarray
    z: dict[str, np.ndarray]
    whiteness: dict[str, np.ndarray]

    @property
    def reduced(self) -> float:
        return float(np.mean(self.chi2 / self.points))

    @property
    def inside(self) -> int:
        """Seeds within the central 95% of the distribution of chi^2."""
        p = chi2.cdf(self.chi2, self.points)
        return int(np.sum((p > 0.025) & (p < 0.975)))


def outcome(seeds: range, left_out: int) -> Outcome:
    """Prepare every seed, and the first ``left_out`` again with each needed step left out."""
    true = {"offset": OFFSET, "hysteresis": HYSTERESIS, "drift": RATE, "mixing": MIXING}
    sums, counts = [], []
    z: dict[str, list[float]] = {name: [] for name in true}
    whiteness: dict[str, list[float]] = {name: [] for name in ("none", *NEEDED)}
    for seed in seeds:
        R_xy, R_xx = raw_data(seed)
        for name in ("none", *NEEDED) if len(counts) < left_out else ("none",):
            steps = {key: value for key, value in ALL.items() if key != name}
            made = of.prepare(R_xy, longitudinal=R_xx, **steps)
            whiteness[name].append(made.preparation.whiteness)
            if name != "none":
                continue
            off = (made.values - truth(made.fields[:, 2])) / made.sigma
            sums.append(float(np.sum(off**2)))
            counts.append(len(off))
            for key, value in true.items():
                step = made.preparation[key]
                z[key].append((step.value - value) / step.error)
    return Outcome(
        np.array(sums),
        np.array(counts),
        {key: np.array(v) for key, v in z.items()},
        {key: np.array(v) for key, v in whiteness.items()},
    )


def covered(seeds: range, correlation: float) -> tuple[np.ndarray, np.ndarray]:
    """How many 95% intervals hold the size of the Hall line and of the Hanle curve, (2,), fitted to
    the prepared curve; and how many do when the correlation of the noise is not paid for.
    """
    true = np.array([0.5, 0.2])
    counts = np.zeros((2, 2), dtype=int)
    for seed in seeds:
        R_xy, R_xx = raw_data(seed, correlation)
        made = of.prepare(R_xy, longitudinal=R_xx, **ALL)
        B = made.fields[:, 2]
        u = B / 0.25
        columns = np.column_stack([B, u / (1.0 + u**2)]) / made.sigma[:, None]
        covariance = np.linalg.inv(columns.T @ columns)
        values = covariance @ columns.T @ (made.values / made.sigma)
        errors = np.sqrt(np.diag(covariance))
        for k, part in enumerate((1.0, made.preparation.numbers.inflation)):
            counts[k] += np.abs(values - true) < 1.96 * errors / part
    return counts[0], counts[1]


def _count(text: str, value: float, low: float, high: float) -> Row:
    """A row that passes between two counts."""
    between, half = middle(low, high), 0.5 * (high - low)
    return Row(CASE, "coverage", text, value, between, abs(value - between), half)


def run(level: str = "quick") -> list[Row]:
    """500 seeds at the full level, 20 at the quick one with limits as wide as their scatter; steps
    are left out for 5 of them there, and each must be seen every time.
    """
    full = level == "full"
    count = SEEDS if full else 20
    found = outcome(range(1, count + 1), count if full else 5)
    slack = 0.05 if full else 0.15
    rows = [
        Row(
            CASE,
            "coverage",
            f"mean chi2 per degree of freedom against the truth, {count} seeds",
            found.reduced,
            1.0,
            abs(found.reduced - 1.0),
            slack,
        ),
        _count(
            f"seeds within the central 95% of the distribution of chi2, of {count}",
            found.inside,
            *((462, 487) if full else (15, 20)),
        ),
    ]
    for name, z in found.z.items():
        size = float(np.sqrt(np.mean(z**2)))
        text = f"{name}: root mean square of error over stated error"
        rows.append(Row(CASE, "coverage", text, size, 0.0, size, 2.0))
    for name, p in found.whiteness.items():
        low = int(np.sum(p < 0.01))
        limits = (0, 12 if full else 2) if name == "none" else (0.95 * len(p), len(p))
        rows.append(_count(f"whiteness below 0.01 with {name} left out", low, *limits))
    return rows + _correlated(count if full else 10)


def _correlated(count: int) -> list[Row]:
    """A noise that follows itself with 0.5 from row to row."""
    paid, unpaid = covered(range(1, count + 1), 0.5)
    rows = []
    # 95% and its scatter of three standard deviations
    slack = 3.0 * np.sqrt(0.95 * 0.05 * count) + 0.01 * count
    for name, inside in zip(("Hall line", "Hanle curve"), paid.tolist(), strict=True):
        text = f"AR(1) noise of 0.5: 95% intervals of the {name} that hold the truth, of {count}"
        rows.append(_count(text, inside, 0.95 * count - slack, min(0.95 * count + slack, count)))
    text = f"the same with the correlation not paid for, of {count}: fewer than"
    least = float(unpaid.max())
    usual = middle(0.62 * count, 0.9 * count)
    rows.append(Row(CASE, "coverage", text, least, usual, least, 0.9 * count))
    return rows
