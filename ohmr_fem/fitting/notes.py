"""What a fit warns of: where its model ends, what the data do not carry, what it leaves behind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..errors import OhmrWarning, PhysicsWarning, ResolutionWarning, SolveError
from ..model.film import Film
from ..model.problem import Problem
from ..model.stack import Stack
from ..solver.resolution import check_resolution, physics_notes, size_notes
from ..solver.system import system_of
from ..sweep.film import FilmMeasure
from ..sweep.spectral import largest_share
from ..sweep.stack import StackMeasure
from .data import Measured
from .input import Source
from .mute import mute_notes
from .parameters import changes
from .search import Found, Task, chi2_of

#: p of the whiteness of a preparation below which something is left in the rows.
NOT_WHITE = 0.01


def notes_of(
    task: Task,
    source: Source,
    found: Found,
) -> list[Warning]:
    """All that there is to say of a fit."""
    return [
        *_range_notes(found),
        *_polarisation_notes(found),
        *residual_notes(task, found),
        *_data_notes(task),
        *mute_notes(task.curves, found.model),
        *_sign_notes(task, found),
        *_physics_notes(task, source, found),
    ]


def _sign_notes(
    task: Task,
    found: Found,
) -> list[Warning]:
    """A note on a product below zero that the data call for."""
    for i, p in enumerate(task.parameters):
        value = p.value(float(found.u[i]))
        if p.name != "alpha_product" or value >= 0.0 or p.start < 0.0:
            continue
        without = found.u.copy()
        without[i] = p.coordinate(0.0)
        if chi2_of(found.model, without) - chi2_of(found.model, found.u) < task.threshold:
            continue
        text = (
            f"alpha alpha' = {value:.3g} is negative: the curve goes the other way than with alpha "
            "and alpha' of one sign, where R along the current rises with B. They differ in sign, "
            "or a background makes the curve, or the voltage pair is swapped (sign=-1)"
        )
        return [PhysicsWarning(text, key="data")]
    return []


def _range_notes(found: Found) -> list[Warning]:
    """A note if the bound of a measure does not hold at the answer."""
    fitted = changes(found.model.physical(found.u))
    for curve in found.model.curves:
        try:
            curve.measure.at(**fitted).response(curve.fields)
        except SolveError as exc:
            text = f"fit: {exc}; give the fit measures made with wider lengths and fields"
            return [OhmrWarning(text, key="measure")]
    return []


def _polarisation_notes(found: Found) -> list[Warning]:
    """A note where more moment than one a carrier would be needed."""
    values = found.model.physical(found.u)
    return [
        PhysicsWarning(
            f"{name} = {value:.3g} is above 1: no contact injects more than one moment a carrier; "
            "its absorption, or tau and L_m, may be held at wrong values",
            key=name,
        )
        for name, value in values.items()
        if name.startswith("polarisation") and value > 1.0
    ]


def _data_notes(task: Task) -> list[Warning]:
    """Notes on curves of several temperatures, and on preparations that left something in the
    rows.
    """
    notes: list[Warning] = []
    warm = [float(np.mean(c.temperature)) for c in task.curves if c.temperature is not None]
    if warm and max(warm) > 1.1 * min(warm):
        text = (
            f"curves at {min(warm):.4g} to {max(warm):.4g} K are fitted with one set of "
            "parameters; fit those of one temperature, or as a series"
        )
        notes.append(PhysicsWarning(text, key="temperature"))
    for curve in task.curves:
        steps = curve.preparation
        if steps is not None and steps.whiteness < NOT_WHITE:
            text = (
                f"{curve.label}: the raw rows are no noise about the prepared curve (p = "
                f"{steps.whiteness:.2g}); a step of the preparation is missing"
            )
            notes.append(OhmrWarning(text, key="preparation"))
    return notes


def residual_notes(
    task: Task,
    found: Found,
) -> list[Warning]:
    """Notes where the model does not describe the data: too large a chi^2, or residuals that follow
    each other.
    """
    notes: list[Warning] = []
    model, u = found.model, found.u
    signals = model.signals(u)
    backgrounds = model.backgrounds(u)
    for i, curve in enumerate(task.curves):
        residuals = (curve.values - signals[i] - backgrounds[i]) / model.sigma[i]
        text = _residual_note(curve, residuals)
        if text is not None:
            notes.append(OhmrWarning(text, key="background"))
    return notes


def _residual_note(
    curve: Measured,
    residuals: np.ndarray,
) -> str | None:
    order = np.argsort(curve.signed, kind="stable")
    r = residuals[order]
    spread = float(np.mean(r**2))
    # chi^2/n of n normal residuals scatters by sqrt(2/n) about 1, their correlation by 1/sqrt(n)
    if curve.sigma is not None and spread > 1.0 + 5.0 * np.sqrt(2.0 / len(r)):
        return (
            f"{curve.label}: residuals are {np.sqrt(spread):.2g} times the given sigma; the model "
            "does not describe the data, and the intervals are too narrow"
        )
    if len(r) < 20:
        return None
    follow = float(np.sum(r[1:] * r[:-1]) / np.sum(r**2))
    if follow <= 5.0 / np.sqrt(len(r)):
        return None
    return (
        f"{curve.label}: residuals follow each other (correlation {follow:.2f} between "
        "neighbours): the model leaves a trend, and the intervals are too narrow; try another "
        "background"
    )


def _physics_notes(
    task: Task,
    source: Source,
    found: Found,
) -> list[Warning]:
    """Limits of the model at these fields, and whether the mesh resolves the fitted diffusion
    length.
    """
    problem = source.problem
    if problem is None:
        return []
    fields = np.vstack([c.fields for c in task.curves])
    fitted = _device(problem, found)
    strongest = fields[int(np.argmax(np.linalg.norm(fields, axis=1)))]
    share = largest_share(fitted, [replace(m, material=fitted.material) for m in found.measures])
    notes: list[Warning] = [*physics_notes(fitted, fields), *size_notes(fitted, share)]
    if isinstance(problem.film, Stack):  # nothing in the plane has to be resolved
        return notes
    for note in check_resolution(system_of(fitted, plane_of_film=True, with_spin=True), strongest):
        notes.append(ResolutionWarning(f"at the fitted values: {note}", key="mesh"))
    return notes


def _device(
    problem: Problem,
    found: Found,
) -> Problem:
    """The device at the fitted values."""
    measure = found.measure
    film = problem.film
    if isinstance(measure, StackMeasure):
        return replace(problem, materials=None, film=measure.film)
    if isinstance(film, Film) and isinstance(measure, FilmMeasure):
        film = replace(film, thickness=measure.thickness)
    return replace(problem, materials=measure.material, film=film)
