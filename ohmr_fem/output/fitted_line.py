"""The size of an effect of film or strip sections between the samples of a fitted series."""

from __future__ import annotations

import warnings
from dataclasses import fields, replace

import numpy as np

from ..fitting.global_result import GlobalFit, SampleFit
from ..fitting.result import FittedCurve
from ..model.material import Material
from ..model.problem import Problem
from ..sweep.spectral import spectral_measure

#: Sections for the line.
POINTS = 31
#: What a material may have of its own for each sample: a section asks for ratios alone.
OWN = {"name", "source", "sheet_conductivity", "resistivity"}


def fitted_line(
    fit: GlobalFit,
    key: str,
) -> tuple[np.ndarray, np.ndarray] | None:
    """Sizes in m, (n,), and the fitted effect there; None where the samples are no sections of one
    size each and one material, for which it would need more than a solve on a line.
    """
    samples = list(fit.samples.values())
    problems = [s.sample.problem for s in samples]
    if key not in ("thickness", "width") or not _sections(problems) or not _alike(samples):
        return None
    own = [s.sample.properties[key] for s in samples]
    first = problems[0]
    strongest = strongest_curve(samples[0])
    along = np.geomspace(min(own), max(own), POINTS)
    places = strongest.data.fields
    effects = []
    with warnings.catch_warnings():  # the fit has told what there is to tell
        warnings.simplefilter("ignore")
        for size in along:
            device = _section(first, size / own[0], samples[0].material)
            rho = spectral_measure(device, fields=places).rho(places)
            effects.append(signed_size(strongest, np.asarray(rho)))
    return along, np.array(effects)


def strongest_curve(sample: SampleFit) -> FittedCurve:
    """The curve whose fitted effect is largest."""
    spans = [float(np.ptp(c.model - c.background)) for c in sample.curves]
    return sample.curves[int(np.argmax(spans))]


def signed_size(
    curve: FittedCurve,
    signal: np.ndarray,
) -> float:
    """The range of a signal at the fields of a curve, negative where it falls with the field."""
    sizes = np.linalg.norm(curve.data.fields, axis=1)
    rise = signal[np.argmax(sizes)] - signal[np.argmin(sizes)]
    return float(np.ptp(signal)) * (-1.0 if rise < 0.0 else 1.0)


def _sections(problems: list[Problem]) -> bool:
    return all(p.is_cross_section and p.mesh.dim == 1 and p.uniform for p in problems)


def _alike(samples: list[SampleFit]) -> bool:
    """Whether all samples have one material, and are measured as ratios."""
    kinds = {c.data.quantity for s in samples for c in s.curves}
    names = [f.name for f in fields(Material) if f.name not in OWN]
    first, *others = (s.material for s in samples)
    return kinds == {"ratio"} and all(
        np.array_equal(getattr(first, name), getattr(other, name))
        for other in others
        for name in names
    )


def _section(
    problem: Problem,
    factor: float,
    material: Material,
) -> Problem:
    mesh = replace(problem.mesh, mesh=problem.mesh.mesh.scaled(factor))
    return replace(problem, mesh=mesh, materials=material)
