"""Checks of a Hanle effect that ask what it must do, whatever its size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import chdtrc

from .background import background, read_terms
from .compiled import rebased
from .sample import replace_of
from .scan import Cleared
from .search import Point
from .series_model import SeriesModel

#: Below this p a check fails.
LEAST = 1e-3
#: A signal below this part of the largest one vanishes.
VANISHES = 1e-3
#: A check says something where its standard error is below this part of the effect.
TELLS = 1.0 / 3.0
#: A signal at B over four times that at B/2 from which it still looks like a parabola.
PARABOLA = 0.8
#: Exponents of Kohler's rule that are tried.
EXPONENTS = np.linspace(0.5, 3.0, 51)


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes
    ----------
    name : str
    passed : bool, or None where these samples cannot tell
    value : float
        The number that decides, without unit.
    text : str
    """

    name: str
    passed: bool | None
    value: float
    text: str


def all_checks(
    model: SeriesModel,
    u: Point,
    stated: float,
) -> tuple[Check, ...]:
    """The checks at the best fit; ``stated`` is alpha alpha' of the problems."""
    return (
        anisotropy(model, u),
        sign(model, u, stated),
        saturation(model, u),
        thickness_law(model, u),
        kohler_scaling(model),
    )


def _alone(
    model: SeriesModel,
    k: int,
    values: np.ndarray,
) -> np.ndarray:
    """Values of curve k among zeros of the others, (N,)."""
    parts = [np.zeros(len(v)) for v in model.values]
    parts[k] = values
    return np.concatenate(parts)


def _rest(
    model: SeriesModel,
    u: Point,
) -> np.ndarray:
    parts = zip(model.values, model.signals(u), strict=True)
    return np.concatenate([v - s for v, s in parts])


def anisotropy(
    model: SeriesModel,
    u: Point,
) -> Check:
    """Along a direction where the effect must vanish: how much of it, as seen along another, is
    there.
    """
    name = "anisotropy"
    cleared, rest = Cleared.at(model, u), _rest(model, u)
    signals = model.signals(u)
    templates = []
    first = 0
    for count in model.counts:
        own = range(first, first + count)
        first += count
        sizes = {k: float(np.ptp(signals[k])) for k in own}
        source = max(sizes, key=lambda k: sizes[k])
        for k in own:
            if sizes[k] < VANISHES * sizes[source]:
                templates.append(_alone(model, k, _moved(model, source, k, signals[source])))
    if not templates:
        return Check(name, None, np.nan, "no curve along a direction where the effect vanishes")
    template = cleared.rows(np.sum(templates, axis=0))
    size = float(template @ template)
    if size == 0.0 or 1.0 / np.sqrt(size) > TELLS:
        return Check(name, None, np.nan, "the curves that should be flat are too noisy to tell")
    share = float(template @ cleared.rows(rest)) / size
    error = 1.0 / np.sqrt(size)
    passed = bool(chdtrc(1.0, (share / error) ** 2) > LEAST)
    text = f"{share:.2f} +- {error:.2f} of the effect where it must vanish"
    return Check(name, passed, share, text)


def _moved(
    model: SeriesModel,
    source: int,
    k: int,
    signal: np.ndarray,
) -> np.ndarray:
    """The signal of another curve at the sizes of the fields of curve k."""
    there = np.linalg.norm(model.curves[source].fields, axis=1)
    here = np.linalg.norm(model.curves[k].fields, axis=1)
    order = np.argsort(there)
    return np.interp(here, there[order], signal[order])


def sign(
    model: SeriesModel,
    u: Point,
    stated: float,
) -> Check:
    """The resistance moves the way of the stated alpha alpha'."""
    products = [v["alpha_product"] for v in model.local(u) if "alpha_product" in v]
    if not products:
        return Check("sign", None, np.nan, "alpha alpha' is not fitted")
    value = float(np.mean(products))
    passed = bool(np.sign(value) == np.sign(stated))
    return Check("sign", passed, value, f"alpha alpha' = {value:.3g}, stated {stated:.3g}")


def saturation(
    model: SeriesModel,
    u: Point,
) -> Check:
    """Whether the effect bends away from a parabola within the fields measured."""
    signals = model.signals(u)
    k = int(np.argmax([np.ptp(s) for s in signals]))
    size = np.linalg.norm(model.curves[k].fields, axis=1)
    order = np.argsort(size)
    low, half, top = np.interp([0.0, size.max() / 2.0, size.max()], size[order], signals[k][order])
    rise = half - low
    ratio = float((top - low) / (4.0 * rise)) if rise != 0.0 else np.nan
    if not ratio < PARABOLA:
        text = f"up to {size.max():.3g} T the effect is nearly a parabola, as many things are"
        return Check("saturation", None, ratio, text)
    text = f"at {size.max():.3g} T {ratio:.2f} of a parabola through half that field"
    return Check("saturation", True, ratio, text)


def thickness_law(
    model: SeriesModel,
    u: Point,
) -> Check:
    """Whether every sample alone wants the same alpha alpha'."""
    name = "thickness law"
    sizes = {
        s.sample.properties.get("thickness", s.sample.properties.get("width"))
        for s in model.samples
    }
    if len(sizes) < 2 or None in sizes:
        return Check(name, None, np.nan, "needs samples of several thicknesses or widths")
    cleared, rest = Cleared.at(model, u), _rest(model, u)
    signals, rows, first = model.signals(u), [], 0
    for count in model.counts:
        parts = [s if first <= k < first + count else 0.0 * s for k, s in enumerate(signals)]
        rows.append(np.concatenate(parts))
        first += count
    A = cleared.rows(np.array(rows))
    y = cleared.rows(rest)
    free = np.linalg.lstsq(A.T, y, rcond=None)[0]
    one = A.sum(axis=0)
    size = float(one @ one)
    common = float(one @ y) / size if size > 0.0 else 0.0
    fall = float(np.sum((y - common * one) ** 2) - np.sum((y - free @ A) ** 2))
    p = float(chdtrc(len(rows) - 1.0, max(fall, 0.0)))
    spread = ", ".join(f"{1.0 + f:.2f}" for f in free)
    return Check(
        name, p > LEAST, p, f"alpha alpha' of each over the common one: {spread} (p {p:.2g})"
    )


def kohler_scaling(model: SeriesModel) -> Check:
    """Whether all curves are one function a (B/rho)^n of each direction: ordinary
    magnetoresistance.
    """
    name = "Kohler scaling"
    values = [s.sample.properties.get("resistivity") for s in model.samples]
    known = [v for v in values if v is not None]
    if len(known) < len(values) or len(set(known)) < 2:
        return Check(name, None, np.nan, "needs samples of several resistivities")
    bare = _offsets_alone(model)
    y = bare.rows(np.concatenate(model.values))
    best = min(_with_exponent(model, bare, y, known, n) for n in EXPONENTS)
    degrees = bare.model.degrees - len(_directions(model)) - 1
    p = float(chdtrc(degrees, best))
    if p > LEAST:
        return Check(name, False, p, f"one power of B/rho describes all curves (p {p:.2g})")
    return Check(name, True, p, "no power of B/rho describes all curves")


def _offsets_alone(model: SeriesModel) -> Cleared:
    samples = [replace_of(s.sample, background=read_terms(["offset"])) for s in model.samples]
    made = rebased(model.samples, samples)
    curves = tuple(c for m in made for c in m.curves)
    bare = replace(model, samples=made, curves=curves, parameters=(), priors=(), silent=True)
    return Cleared.at(bare, np.zeros(0))


def _directions(model: SeriesModel) -> list[int]:
    """Number of the direction of each curve, counted from 0."""
    known: list[np.ndarray] = []
    for curve in model.curves:
        axis = _axis(curve.fields)
        if not any(np.abs(axis @ other) > 0.999 for other in known):
            known.append(axis)
    return list(range(len(known)))


def _axis(fields: np.ndarray) -> np.ndarray:
    strongest = fields[int(np.argmax(np.linalg.norm(fields, axis=1)))]
    return np.asarray(strongest / np.linalg.norm(strongest))


def _with_exponent(
    model: SeriesModel,
    bare: Cleared,
    y: np.ndarray,
    rho: Sequence[float],
    n: float,
) -> float:
    """chi^2 of one amplitude for each direction."""
    of_sample = np.repeat(np.arange(len(rho)), model.counts)
    axes: list[np.ndarray] = []
    rows: list[list[np.ndarray]] = []
    for k, curve in enumerate(model.curves):
        ratio = rho[0] / rho[int(of_sample[k])]
        shape = background("kohler", curve.fields, a=1.0, n=float(n), resistivity_ratio=ratio)
        axis = _axis(curve.fields)
        same = [i for i, other in enumerate(axes) if np.abs(axis @ other) > 0.999]
        if not same:
            axes.append(axis)
            rows.append([np.zeros(len(c.fields)) for c in model.curves])
        rows[same[0] if same else -1][k] = curve.base * shape
    A = bare.rows(np.array([np.concatenate(r) for r in rows]))
    left = y - np.linalg.lstsq(A.T, y, rcond=None)[0] @ A
    return float(left @ left)


def failed(checks: Sequence[Check]) -> list[Check]:
    return [c for c in checks if c.passed is False]
