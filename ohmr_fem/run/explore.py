"""A page on which a device can be played with: its measures and a script that evaluates them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..config.device_file import Device, without_accuracy
from ..errors import InputError
from ..errors.doors import door
from ..model.channels import Channels
from ..model.problem import Problem
from ..model.stack import Stack
from ..output.page import require_ours, write_explore
from ..solver.film_channels import scaled_rates
from ..sweep.film import film_measures
from ..sweep.matrix import matrix_measures
from ..sweep.matrix_film import matrix_film_measures
from ..sweep.measure import SpectralMeasure
from ..sweep.route import refusal
from ..sweep.spectral import spectral_measures
from .folder import folder_of
from .sliders import FREQUENCY, Sliders, corners, sliders_of

#: How far the slider of the field reaches beyond the device file.
FIELDS = 2.0
#: The measures reach farther than the slider of the field, for tau and theta raise the precession.
FARTHER = 1.5
#: How much more than the end of the slider of the frequency the measures hold for.
TOGETHER = 1.2
#: A number larger than all, which JSON can hold.
EVERYTHING = 1e300


@door
def explore_device(
    device: Device,
    out: str | Path,
) -> Path:
    """Write ``out``/explore.html, which needs no network.

    Parameters
    ----------
    device : Device
        From :func:`ohmr_fem.config.device_file.read_device`.
    out : folder, made if needed

    Returns
    -------
    Path of the page

    Raises
    ------
    InputError
        A device that has no measure, or layers with a spin or a relaxation tensor; the folder
        cannot be written.
    """
    without_accuracy(device, "explore")
    problem = device.problem
    _require_page(problem)
    folder = folder_of(out, "explore.html")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "explore.html"
    require_ours(path)
    field = FIELDS * (float(np.linalg.norm(device.fields, axis=1).max()) or 1.0)
    sliders = sliders_of(problem, field)
    pairs = [(m.current, m.voltage) for m in device.measurements]
    measures, reach = _made(problem, pairs, sliders)
    names = [m.name or f"measurement {i + 1}" for i, m in enumerate(device.measurements)]
    page = sliders.content() | {"reach": reach.most}
    return write_explore(path, device.path.stem, measures, names, page, reach.least)


def _require_page(problem: Problem) -> None:
    """InputError where nothing of few numbers answers for every slider."""
    reason = refusal(problem)
    if reason is not None:
        raise InputError(
            f"no page can hold this device: {reason}, and each field is a solve of its own; use "
            "ohmr-fem run",
            key="explore",
        )
    film = problem.film
    if isinstance(film, Stack) and not all(m.uniform for m, _ in film.layers):
        raise InputError(
            "a stack with a spin or a relaxation tensor in a layer is solved anew at each field, "
            "so no page can hold it; use ohmr-fem run or study, or explore one layer as a [film]",
            key="explore",
        )


@dataclass(frozen=True)
class Reach:
    """What the measures hold for: the least relaxation rate of the sliders, and the most that a
    field and a frequency turn, both in the units of the rates or of |omega| tau.
    """

    least: float
    most: float


def _made(
    problem: Problem,
    pairs: Sequence[tuple[Any, Any]],
    sliders: Sliders,
) -> tuple[Sequence[SpectralMeasure], Reach]:
    """Measures of all pairs for what the sliders reach, and how far they hold."""
    if isinstance(problem.film, Stack):
        return film_measures(problem, pairs), Reach(1.0, EVERYTHING)
    if problem.uniform:
        measures = _measures(problem, pairs, sliders)
        longest = sliders.lengths[1] if sliders.lengths else sliders.length
        assert longest is not None
        least = (measures[0].reference_length / longest) ** 2
        return measures, Reach(least, _precession(measures, sliders))
    return _of_matrices(problem, pairs, sliders)


def _of_matrices(
    problem: Problem,
    pairs: Sequence[tuple[Any, Any]],
    sliders: Sliders,
) -> tuple[Sequence[SpectralMeasure], Reach]:
    """Of a relaxation tensor or a spin, at the corners of the sliders."""
    fields = FARTHER * sliders.field * np.eye(3)
    fastest = 1.0 - 1j * TOGETHER * FREQUENCY
    materials = corners(problem.material, sliders)
    options: dict[str, Any] = {"fields": fields, "materials": materials, "rates": (fastest,)}
    measures: Sequence[SpectralMeasure]
    if sliders.thickness is None:
        measures = matrix_measures(problem, pairs, **options)
    else:
        low, _, high = sliders.thickness
        measures = matrix_film_measures(problem, pairs, thicknesses=(low, high), **options)
    length = measures[0].reference_length
    rest = [scaled_rates(Channels.of(m), np.zeros((1, 3)), length)[0] for m in materials]
    least = min(1.0 / np.linalg.norm(np.linalg.inv(A)) for A in rest)
    turning = [scaled_rates(Channels.of(m), fields, length) for m in materials]
    return measures, Reach(0.5 * float(least), max(float(_largest(A)) for A in turning))


def _largest(matrices: np.ndarray) -> float:
    """Largest norm of several matrices."""
    return float(np.linalg.norm(matrices, axis=(-2, -1)).max())


def _measures(
    problem: Problem,
    pairs: Sequence[tuple[Any, Any]],
    sliders: Sliders,
) -> Sequence[SpectralMeasure]:
    """Of all pairs, for what the sliders reach."""
    together = TOGETHER * FREQUENCY * problem.material.field_scale
    field = max(FARTHER * sliders.field, together if np.isfinite(together) else 0.0)
    lengths = sliders.lengths or (sliders.length, sliders.length)
    options: dict[str, Any] = {"fields": field * np.eye(3), "lengths": lengths}
    if sliders.thickness is None:
        return spectral_measures(problem, pairs, **options)
    low, _, high = sliders.thickness
    return film_measures(problem, pairs, thicknesses=(low, high), **options)


def _precession(measures: Sequence[SpectralMeasure], sliders: Sliders) -> float:
    """Largest |omega| tau that all measures hold for at the ends of the sliders."""
    lengths: Sequence[Any] = [{}]
    if sliders.lengths is not None:
        lengths = [{"diffusion_length": length} for length in sliders.lengths]
    ends = lengths
    if sliders.thickness is not None:
        low, _, high = sliders.thickness
        ends = [{**given, "thickness": t} for given in lengths for t in (low, high)]
    return min(EVERYTHING, *(m.at(**given).range[1] for m in measures for given in ends))
