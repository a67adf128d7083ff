"""Fit measured curves on the true device: alpha alpha', L_m, tau, theta with honest intervals.

The change of resistance comes from the spectral measure of the device (docs/theory, section 4), so
an evaluation takes a millisecond.  The fit says which combinations of the parameters the data fix,
gives profile-likelihood intervals, and puts the fit of the same data by the infinite strip of Sun
and Vignale, Eq. (7), beside it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import require_extra, warn
from ..errors.doors import door
from ..mesh.grids import cross_section
from ..model.material import Material
from ..model.problem import Problem, contact_width
from ..sweep.spectral import spectral_measure
from .background import read_terms
from .columns import picked
from .fisher import LIMIT, Identifiability
from .input import TOLERANCE, Source, check_count, check_options, check_shared, read_curves
from .mute import mute_notes
from .notes import notes_of
from .parameters import Parameter, background_parameters, read_parameters, value_of
from .result import Estimate, Fit, FittedCurve
from .search import Found, Task, minimise, search
from .told import Told, nobody

#: A measurement whose ohmic resistance is below this many squares is nonlocal: no strip formula for
#: it.
LOCAL_SQUARES = 0.3
#: Diffusion lengths that the strip is tried with, either way from the fitted one.
STRIP_RANGE = 20.0


@door
def fit(
    data: Any,
    problem: Any,
    parameters: Sequence[str] = ("alpha", "L_m", "tau", "theta"),
    *,
    current: Any = None,
    voltage: Any = None,
    background: Sequence[str] | Mapping[str, Mapping[str, Any]] = ("offset",),
    confidence: float = 0.95,
    intervals: str = "profile",
    strip: bool = True,
    limit: float = LIMIT,
    method: str = "leastsq",
    progress: Told | None = None,
) -> Fit:
    """Fit measured curves on a device.

    Parameters
    ----------
    data : Measured, sequence of them, or path of a CSV file (see :func:`read_data`)
    problem : Problem, or SpectralMeasure(s) of it
        Its material gives the parameters that are not fitted, and the start of those that are.
        Measures made beforehand must cover the diffusion lengths of interest:
        ``spectral_measure(..., lengths=(L_min, L_max))``.
    parameters : names
        "alpha" (the data fix only the product alpha alpha'; "alpha_product" is another word for
        it), "L_m", "tau", "theta" = X_zz/X_yy, "sigma", "g"; of a film "thickness", within a factor
        of four of its start, and "resistivity" in place of "sigma"; with polarised contacts not
        alpha but "polarisation", the largest |p|, the others in proportion, or
        "polarisation.CONTACT" (the data of one valve fix only the product of two); of a layer of a
        stack "Mn.tau" and the like.
    current, voltage : pairs of contact names
        For curves that do not carry their own.
    background : of "offset", "linear", "quadratic", "anomalous", "kohler", "two_band", "hln"
        Terms of :func:`background` fitted to each curve along with the device, each curve with its
        own amplitude; without "offset" the data must be absolute.  What a shape depends on
        ("kohler.n", "two_band.B_s", "hln.l_phi") is one more parameter, shared by the curves; a
        mapping holds it: ``{"offset": {}, "kohler": {"n": 1.7}}``.
    confidence : float
        Of the intervals, between 0 and 1.
    intervals : "profile" or "fisher"
        Profile likelihood, or the standard errors alone.
    strip : bool
        Also fit Eq. (7) of an infinite strip as wide as the current contact.
    limit : float
        Relative standard error above which a parameter counts as not fixed by the data.
    method : str
        Any method of lmfit.
    progress : function of (what, done, of all), optional
        Told of the measures, the minima and the profiles.

    Returns
    -------
    Fit

    Raises
    ------
    InputError
        Fewer points than parameters, unknown names, a device that the spectral path cannot serve.
    MissingExtraError
        lmfit is not installed.
    """
    start = time.perf_counter()
    lmfit = require_extra("lmfit", "fit", "fitting")
    task, source = _prepare(
        data,
        problem,
        parameters,
        current,
        voltage,
        background,
        confidence,
        intervals,
        limit,
        method,
        lmfit,
    )
    found = search(task, source, progress or nobody)
    notes = notes_of(task, source, found)
    strips = _strip(task, source, found) if strip else None
    for note in notes:
        warn(note)
    said = tuple(str(note) for note in notes)
    seconds = time.perf_counter() - start
    return _assemble(task, found, strips, said, seconds)


@door
def identifiability(
    data: Any,
    problem: Any,
    parameters: Sequence[str] = ("alpha", "L_m", "tau", "theta"),
    *,
    current: Any = None,
    voltage: Any = None,
    background: Sequence[str] | Mapping[str, Mapping[str, Any]] = ("offset",),
    limit: float = LIMIT,
) -> Identifiability:
    """What the data would fix if the parameters had the values of the problem's material; nothing
    is fitted.

    Parameters
    ----------
    data, problem, parameters, current, voltage, background : as for :func:`fit`
        Noise from ``sigma`` of the curves, or from their scatter.
    limit : float
        Relative standard error above which a parameter counts as not fixed.

    Returns
    -------
    Identifiability

    Raises
    ------
    InputError
        As :func:`fit`.
    """
    task, source = _prepare(
        data,
        problem,
        parameters,
        current,
        voltage,
        background,
        0.95,
        "profile",
        limit,
        "leastsq",
        None,
    )
    model = task.model(source.measures(None))
    for note in mute_notes(task.curves, model):
        warn(note)
    return task.told(model, np.zeros(len(task.parameters)))


def _prepare(
    data: Any,
    problem: Any,
    parameters: Sequence[str],
    current: Any,
    voltage: Any,
    background: Any,
    confidence: float,
    intervals: str,
    limit: float,
    method: str,
    lmfit: Any,
) -> tuple[Task, Source]:
    confidence, limit = check_options(background, confidence, intervals, limit)
    curves = read_curves(data, problem, current, voltage)
    source = Source.of(problem, curves)
    terms = read_terms(background)
    check_shared(terms, curves)
    sheet = source.material.sheet_conductivity
    chosen = read_parameters(
        parameters, source.material, source.thickness, source.polarised, source.film
    )
    chosen += background_parameters(terms, curves, sheet)
    check_count(curves, chosen, terms)
    task = Task(
        curves=curves,
        parameters=chosen,
        background=terms,
        confidence=confidence,
        intervals=intervals,
        limit=limit,
        method=method,
        lmfit=lmfit,
    )
    return task, source


def _strip(
    task: Task,
    source: Source,
    found: Found,
) -> tuple[dict[str, float], dict[int, np.ndarray]] | None:
    """Parameters that Eq. (7) gives for the local curves, and its curves by number; None if there
    is nothing to fit.
    """
    if source.problem is None or source.problem.is_cross_section or source.polarised:
        return None
    if source.problem.film is not None:  # a strip knows no faces
        return None
    squares = [measure.R_ohmic_sigma for measure in found.measures]
    local_ones = [i for i, ohmic in enumerate(squares) if abs(ohmic) >= LOCAL_SQUARES]
    if not local_ones:
        return None
    material = found.measure.material
    current, _ = source.pairs[local_ones[0]]
    width = contact_width(source.problem, current[0])
    if np.isnan(width):  # a pad
        return None
    section = Problem(cross_section(width), material, detection=source.problem.detection)
    length = material.diffusion_length
    lengths = None if length is None else (length / STRIP_RANGE, length * STRIP_RANGE)
    measure = spectral_measure(section, tolerance=TOLERANCE, lengths=lengths)
    data = tuple(replace(task.curves[i], sigma=found.model.sigma[i]) for i in local_ones)
    starts = tuple(Parameter(p.name, _start(p, material, found)) for p in task.parameters)
    terms = picked(task.background, local_ones)
    narrow = replace(task, curves=data, parameters=starts, background=terms)
    model = narrow.model([measure] * len(data), [squares[i] for i in local_ones])
    scanned = np.zeros(1)
    if task.length is not None:
        scanned = np.linspace(-1.0, 1.0, 7) * np.log(STRIP_RANGE)
    model, u, _, _ = minimise(narrow, model, scanned)
    shown = [a + b for a, b in zip(model.signals(u), model.backgrounds(u), strict=True)]
    return model.physical(u), dict(zip(local_ones, shown, strict=True))


def _start(
    p: Parameter,
    material: Material,
    found: Found,
) -> float:
    """Where the fit of the strip begins: at what was found on the device."""
    if p.of_background:
        return found.model.physical(found.u)[p.name]
    return value_of(material, p.name)


def _assemble(
    task: Task,
    found: Found,
    strips: Any,
    notes: tuple[str, ...],
    seconds: float,
) -> Fit:
    model, u = found.model, found.u
    known = task.told(model, u, found.reach)
    J = model.jacobian(u)
    covariance = np.linalg.pinv(J.T @ J, rcond=1e-14, hermitian=True)
    values, strip_curves = strips or (None, {})
    return Fit(
        parameters=_estimates(found, known),
        identifiability=known,
        before=found.before,
        correlation=correlations(covariance),
        curves=_fitted(task, found, strip_curves),
        material=found.measure.material,
        strip=values,
        chi2=float(np.sum(model.residual(u) ** 2)),
        degrees=model.degrees,
        noise_estimated=task.noise_estimated,
        confidence=task.confidence,
        measures=found.measures,
        lmfit=found.result,
        warnings=notes,
        seconds=seconds,
    )


def correlations(covariance: np.ndarray) -> np.ndarray:
    """(q, q); nan for a parameter that nothing depends on."""
    root = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    size = np.outer(root, root)
    known = size > 0.0
    return np.where(known, covariance / np.where(known, size, 1.0), np.nan)


def _estimates(
    found: Found,
    known: Identifiability,
) -> dict[str, Estimate]:
    model = found.model
    values = model.physical(found.u)
    out = {}
    for i, p in enumerate(model.parameters):
        low, high = found.intervals[i]
        fixed = p.name not in known.free
        if not fixed:  # an end that only the range of the measures makes is none
            clipped_low, clipped_high = found.clipped[i]
            low = -np.inf if clipped_low else low
            high = np.inf if clipped_high else high
        # with a negative start, as theta may have, the ends change places
        lowest, highest = sorted((p.value(low), p.value(high)))
        value = values[p.name]
        out[p.name] = Estimate(
            name=p.name,
            symbol=p.symbol,
            unit=p.unit,
            value=value,
            error=p.spread(value, float(known.errors[i])),
            low=lowest,
            high=highest,
            fixed=fixed,
        )
    return out


def _fitted(
    task: Task,
    found: Found,
    strips: Mapping[int, np.ndarray],
) -> tuple[FittedCurve, ...]:
    model = found.model
    signals = model.signals(found.u)
    backgrounds = model.backgrounds(found.u)
    amounts = _amounts(found)
    out = []
    for i, data in enumerate(task.curves):
        curve = FittedCurve(
            data=data,
            model=signals[i] + backgrounds[i],
            background=backgrounds[i],
            noise=model.sigma[i],
            strip=strips.get(i),
            amplitudes=amounts[i],
        )
        out.append(curve)
    return tuple(out)


def _amounts(found: Found) -> dict[int, dict[str, tuple[float, float]]]:
    """Of each curve, the amplitude of each background and its standard error, all parameters
    free.
    """
    model, u = found.model, found.u
    J = model.jacobian(u)
    covariance = np.linalg.pinv(J.T @ J, rcond=1e-14, hermitian=True)
    values, bases = model.amplitudes(u), model.bases(u)
    slopes = [model.slopes(u, i) for i in range(len(model.curves))]
    out = {}
    for block in model.blocks:
        noise = block.rows(model.sigma)[:, None]
        columns = block.join(bases) / noise
        size = np.linalg.norm(columns, axis=0)
        size[size == 0.0] = np.inf
        inverse = np.linalg.pinv(columns / size)
        # what the projected Jacobian leaves out: how an amplitude follows the parameters
        follows = inverse @ (block.rows(slopes) / noise)
        spread = inverse @ inverse.T + follows @ covariance @ follows.T
        errors = np.sqrt(np.diag(spread)) / size
        for i, place in zip(block.curves, block.places, strict=True):
            names = [name for term in model.curves[i].terms for name in term.amplitudes]
            pairs = zip(values[i].tolist(), errors[list(place)].tolist(), strict=True)
            out[i] = dict(zip(names, pairs, strict=True))
    return out
