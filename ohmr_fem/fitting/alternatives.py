"""The models that a verdict compares: what may stand in the place of the even background, and what
a device may be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import chdtrc

from ..errors import InputError, suggest
from .background import read_terms
from .global_fit import Prepared
from .names import canonical
from .null import stated_sign
from .profile import settle
from .sample import Sample, replace_of
from .scan import background_alone, best_shapes, starts_of
from .search import NUDGE, Point, _weights, chi2_of
from .series_model import SeriesModel
from .settled import settled_minima

#: Backgrounds even in B, which the alternatives replace.
EVEN = ("quadratic", "kohler", "two_band", "hln")
#: What each model adds to the parameters that were asked for.
MODELS: Mapping[str, tuple[str, ...]] = {
    "background": (),
    "hanle": (),
    "hanle_theta": ("theta",),
    "orbital_and_spin": (
        "spin.hall_product",
        "spin.diffusion_length",
        "spin.relaxation_time",
    ),
    "hanle_absorbing": ("face_absorption",),
}
BACKGROUND = "background"
#: Lags of the test for whiteness.
LAGS = 10
#: Valleys of the grid that are followed for each background.
FIRST_STARTS = 2


def read_models(
    given: Any,
    shared: Sequence[str],
) -> dict[str, tuple[str, ...]]:
    """{model: shared parameters}, the background first."""
    names = [BACKGROUND, "hanle"] if given is None else [str(n) for n in given]
    for name in names:
        if name not in MODELS:
            raise InputError(
                f"{name!r} is no model; {suggest(name, MODELS)}", value=name, key="models"
            )
    names = [BACKGROUND, *(n for n in dict.fromkeys(names) if n != BACKGROUND)]
    if len(names) < 2:
        raise InputError("give a model beside the background, such as 'hanle'", key="models")
    asked = [canonical(n) for n in shared]
    out = {}
    for name in names:
        out[name] = (*asked, *(p for p in MODELS[name] if p not in asked))
    return out


def with_alternative(
    sample: Sample,
    name: str,
) -> Sample:
    """The sample with an even background in the place of its own."""
    own = {term.name: term for term in sample.background}
    base = [term for term in sample.background if term.name not in EVEN]
    (fresh,) = read_terms([name])
    return replace_of(sample, background=(*base, own.get(name, fresh)))


def check_alternatives(names: Sequence[str]) -> tuple[str, ...]:
    if isinstance(names, str) or not names:
        raise InputError(f"expected names such as ['kohler'], got {names!r}", key="alternatives")
    for name in names:
        if name not in EVEN:
            raise InputError(
                f"{name!r} is no even background; {suggest(name, EVEN)}",
                value=name,
                key="alternatives",
            )
    return tuple(dict.fromkeys(names))


@dataclass(frozen=True, eq=False)
class ModelFit:
    """One model at its best background.

    Attributes
    ----------
    name, alternative : of the model, and of the even background that fits it best
    parameters : {canonical name: value}
    chi2, degrees, count : count is the number of parameters, amplitudes of backgrounds included
    p_chi2, p_white : of chi^2, and of a Ljung-Box test of the residuals
    by_alternative : {alternative: chi2}
    model, u : SeriesModel, (q,) array
        The model behind it, and where it came to rest in the coordinates of the search.
    """

    name: str
    alternative: str
    parameters: Mapping[str, float]
    chi2: float
    degrees: int
    count: int
    p_chi2: float
    p_white: float
    by_alternative: Mapping[str, float]
    model: SeriesModel
    u: Point

    @property
    def points(self) -> int:
        """Number of points fitted."""
        return self.degrees + self.count

    @property
    def aicc(self) -> float:
        """Akaike's criterion corrected for few points, chi^2 + 2 k + 2 k (k + 1)/(n - k - 1); the
        smaller, the better.
        """
        k, n = self.count, self.points
        return self.chi2 + 2.0 * k + 2.0 * k * (k + 1.0) / max(n - k - 1.0, 1.0)

    @property
    def bic(self) -> float:
        """The Bayesian criterion, chi^2 + k ln n; the smaller, the better."""
        return float(self.chi2 + self.count * np.log(self.points))

    def fits(self, least: float) -> bool:
        """Whether the residuals are noise.

        Parameters
        ----------
        least : float
            p from which on both tests count as passed.

        Returns
        -------
        bool
        """
        return min(self.p_chi2, self.p_white) > least


def fit_background(prepared: Mapping[str, Prepared]) -> ModelFit:
    """Backgrounds alone, the best of the alternatives."""
    found = {a: background_alone(p.model) for a, p in prepared.items()}
    return _best(BACKGROUND, found)


def fit_model(
    name: str,
    prepared: Mapping[str, Prepared],
    told: Callable[[], None] = lambda: None,
) -> ModelFit:
    """A device with the best of the alternatives; ``told`` after each."""
    found: dict[str, tuple[SeriesModel, Point]] = {}
    for alternative, p in prepared.items():
        starts = _signed(p.model, starts_of(p.model, p.atlas))[:FIRST_STARTS]
        starts += [_carried(p.model, *other) for other in found.values()]
        minima = settled_minima(p.model, starts)
        found[alternative] = (p.model, _signed(p.model, minima)[0])
        told()
    return _best(name, found)


def _signed(
    model: SeriesModel,
    points: Sequence[Point],
) -> list[Point]:
    """The points where alpha alpha' has the stated sign; all of them where none has."""
    sign = stated_sign(model)
    right = [u for u in points if all(sign * x >= 0.0 for x in _products(model, u))]
    return right or list(points)


def _products(
    model: SeriesModel,
    u: Point,
) -> list[float]:
    return [v["alpha_product"] for v in model.local(u) if "alpha_product" in v]


def _carried(
    model: SeriesModel,
    other: SeriesModel,
    u: Point,
) -> Point:
    """The device that was found with another background, with the best shapes of this one."""
    values = {p.name: float(x) for p, x in zip(other.parameters, u, strict=True)}
    start = np.array([values.get(p.name, 0.0) for p in model.parameters])
    return best_shapes(model, start)


def _best(
    name: str,
    found: Mapping[str, tuple[SeriesModel, Point]],
) -> ModelFit:
    sizes = {a: chi2_of(model, u) for a, (model, u) in found.items()}
    best = min(sizes, key=lambda a: sizes[a])
    model, u = found[best]
    return ModelFit(
        name=name,
        alternative=best,
        parameters=model.physical(u),
        chi2=sizes[best],
        degrees=model.degrees,
        count=model.points - model.degrees,
        p_chi2=float(chdtrc(model.degrees, sizes[best])),
        p_white=whiteness(model, u),
        by_alternative=sizes,
        model=model,
        u=u,
    )


def whiteness(
    model: SeriesModel,
    u: Point,
) -> float:
    """p of a Ljung-Box test of the residuals of every curve in the order measured."""
    total, lags = 0.0, 0
    parts = zip(model.values, model.signals(u), model.backgrounds(u), model.sigma, strict=True)
    for value, signal, background, sigma in parts:
        r = (value - signal - background) / sigma
        most = min(LAGS, len(r) // 5)
        total += ljung_box(r, most)
        lags += most
    return float(chdtrc(lags, total)) if lags else 1.0


def ljung_box(
    r: np.ndarray,
    lags: int,
) -> float:
    """Q = n (n + 2) sum_k rho_k^2/(n - k), mean not removed."""
    n, size = len(r), float(r @ r)
    out = 0.0
    for k in range(1, lags + 1):
        follow = float(r[k:] @ r[:-k]) / size if size > 0.0 else 0.0
        out += follow**2 / (n - k)
    return n * (n + 2.0) * out


def left_out(
    fit: ModelFit,
    own: bool,
) -> float:
    """Sum over the samples of chi^2 of each when the others alone are fitted, its own backgrounds
    projected out; NaN where parameters are of one sample.
    """
    model = fit.model
    if own or len(model.samples) < 2:
        return float("nan")
    total, first = 0.0, 0
    for count in model.counts:
        mine = range(first, first + count)
        total += _predicted(model, fit.u, set(mine))
        first += count
    return total


def _predicted(
    model: SeriesModel,
    u: Point,
    mine: set[int],
) -> float:
    """chi^2 of some curves at the parameters of the others."""
    sigma = [s * 1e6 if k in mine else s for k, s in enumerate(model.sigma)]
    others = replace(model, sigma=tuple(sigma))
    if len(u):
        free = np.arange(len(u))
        weights = _weights(others, NUDGE)
        u = settle(others.residual, others.jacobian, u, free, weights, 1e-6)
    parts = [v - s for v, s in zip(model.values, model.signals(u), strict=True)]
    rest = model.whitened(parts, u)
    ends = np.cumsum([len(v) for v in model.values])[:-1]
    return float(sum(np.sum(r**2) for k, r in enumerate(np.split(rest, ends)) if k in mine))
