"""A page on which a device can be played with: its measures and a script that evaluates them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..config.device_file import Device, without_accuracy
from ..errors import InputError
from ..errors.doors import door
from ..model.film import Film
from ..model.material import Material
from ..model.problem import Problem
from ..model.stack import Stack
from ..output.page import require_ours, write_explore
from ..sweep.film import film_measures
from ..sweep.measure import SpectralMeasure
from ..sweep.route import require_spectral
from ..sweep.spectral import spectral_measures
from .folder import folder_of

#: How far the page reaches beyond the device file: diffusion lengths and thicknesses, and fields.
LENGTHS, FIELDS = 3.0, 2.0
#: The same for a film, which takes ten times as many poles.
FILM_LENGTHS = 2.0
#: The measures reach farther than the slider of the field, for tau and theta raise the precession.
FARTHER = 1.5
#: omega tau of the current at the end of its slider, and how much more the measures hold for.
FREQUENCY, TOGETHER = 5.0, 1.2


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
        A device that has no measure of one relaxation time; the folder cannot be written.
    """
    without_accuracy(device, "explore")
    problem = device.problem
    require_spectral(problem)
    if isinstance(problem.film, Stack) or not problem.uniform:
        raise InputError(
            "a stack of layers, a relaxation tensor and a spin have no page in this version; use "
            "ohmr-fem run",
            key="explore",
        )
    folder = folder_of(out, "explore.html")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "explore.html"
    require_ours(path)
    field = FIELDS * (float(np.linalg.norm(device.fields, axis=1).max()) or 1.0)
    sliders = _sliders(problem, field)
    measures = _measures(problem, [(m.current, m.voltage) for m in device.measurements], sliders)
    names = [m.name or f"measurement {i + 1}" for i, m in enumerate(device.measurements)]
    page = sliders.content() | {"precession": _precession(measures, sliders)}
    least = (measures[0].reference_length / sliders.lengths[1]) ** 2
    return write_explore(path, device.path.stem, measures, names, page, least)


@dataclass(frozen=True)
class Sliders:
    """Where the sliders of a page begin and end.

    ``field`` (T) and ``frequency`` (Hz) are the largest; ``lengths`` and ``thickness`` (m) the
    least and the most, the latter with that of the device between them, None without a film;
    ``faces`` of a film that absorb have G of the device and the largest, in m/s; ``angles`` is
    whether the orbital Hall angles are free, ``tied`` whether the diffusion constant is fixed.
    """

    field: float
    frequency: float
    lengths: tuple[float, float]
    tied: bool
    thickness: tuple[float, float, float] | None = None
    faces: dict[str, tuple[float, float]] | None = None
    angles: bool = True
    polarisation: float | None = None

    def content(self) -> dict[str, Any]:
        """For the page."""
        # a page of a film that absorbs takes a system for each pole and field
        steps, estimated = (100, False) if self.faces is None else (20, True)
        return vars(self) | {"faces": self.faces or {}, "steps": steps, "estimated": estimated}


def _sliders(problem: Problem, field: float) -> Sliders:
    material = problem.material
    length = float(material.diffusion_length)
    frequency = FREQUENCY / (2.0 * np.pi * float(material.relaxation_time))
    tied = any(m.absorbs_partially for m in problem.moment_conditions().values())
    polarised = [float(np.linalg.norm(c.polarisation)) for c in problem.polarised.values()]
    reach = LENGTHS if problem.film is None else FILM_LENGTHS
    sliders = Sliders(
        field=field,
        frequency=frequency,
        lengths=(length, length) if tied else (length / reach, reach * length),
        tied=tied,
        polarisation=max(polarised, default=None),
    )
    film = problem.film
    return _of_film(sliders, problem, film) if isinstance(film, Film) else sliders


def _of_film(sliders: Sliders, problem: Problem, film: Film) -> Sliders:
    """With what a film has besides."""
    thickness = float(film.thickness)
    return replace(
        sliders,
        thickness=(thickness / FILM_LENGTHS, thickness, FILM_LENGTHS * thickness),
        faces=None if film.reflecting and not film.drives else _faces(problem.material, film),
        angles=not (film.drives or problem.edge_sources),
    )


def _faces(material: Material, film: Film) -> dict[str, tuple[float, float]]:
    """G and the largest one of each face whose G is a number."""
    speed = material.diffusion_constant / material.diffusion_length
    found = {}
    for name in ("bottom", "top"):
        face = getattr(film, name)
        G = face.matrix[0, 0]
        if not face.absorbing and face.magnet is None and np.all(face.matrix == G * np.eye(3)):
            found[name] = (float(G), float(max(5.0 * speed, 3.0 * G)))
    return found


def _measures(
    problem: Problem,
    pairs: Sequence[tuple[Any, Any]],
    sliders: Sliders,
) -> Sequence[SpectralMeasure]:
    """Of all pairs, for what the sliders reach."""
    together = TOGETHER * FREQUENCY * problem.material.field_scale
    field = max(FARTHER * sliders.field, together if np.isfinite(together) else 0.0)
    options: dict[str, Any] = {"fields": field * np.eye(3), "lengths": sliders.lengths}
    if sliders.thickness is None:
        return spectral_measures(problem, pairs, **options)
    low, _, high = sliders.thickness
    return film_measures(problem, pairs, thicknesses=(low, high), **options)


def _precession(measures: Sequence[SpectralMeasure], sliders: Sliders) -> float:
    """Largest |omega| tau that all measures hold for at the ends of the sliders."""
    lengths: Sequence[Any] = [{}]
    if not sliders.tied:
        lengths = [{"diffusion_length": length} for length in sliders.lengths]
    ends = lengths
    if sliders.thickness is not None:
        low, _, high = sliders.thickness
        ends = [{**given, "thickness": t} for given in lengths for t in (low, high)]
    return min(1e300, *(m.at(**given).range[1] for m in measures for given in ends))
