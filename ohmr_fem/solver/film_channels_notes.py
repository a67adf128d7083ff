"""Where a film of several rates, or of orbital and spin moment, is not reciprocal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..errors import PhysicsWarning
from ..model.channels import Channels
from ..model.film import Film
from ..model.problem import Problem
from .film_channels import ChannelFaces, scaled_rates
from .spin_notes import FAILS, spin_notes

#: Difference of both over the largest entry, above which they differ.
RECIPROCAL = 1e-8
#: Poles at which both are compared, in units of the inverse thickness squared.
RATES = np.array([0.0, 1.0, 10.0, 100.0])


def several_rates_notes(problem: Problem, field: np.ndarray) -> list[PhysicsWarning]:
    """What the parameters say, and the breakage at the strongest of the fields (n, 3)."""
    several = np.atleast_2d(field)
    strongest = several[int(np.argmax(np.linalg.norm(several, axis=1)))]
    apart = _breakage(problem, strongest)
    notes = spin_notes(problem)
    if apart <= RECIPROCAL:
        return notes
    text = (
        f"in this film {FAILS}: what is read of what is driven differs by {apart:.1g} from its "
        "transpose at -B (relaxation or a face that does not commute with X, unequal faces, "
        "conversion, or the printed detector on an anisotropic X)"
    )
    return [*notes, PhysicsWarning(text, key="film")]


def _breakage(problem: Problem, field: np.ndarray) -> float:
    """Of the response of every pole, with magnets reversed too."""
    film, matrices = problem.film, Channels.of(problem.material)
    assert isinstance(film, Film)
    turned = replace(film, bottom=film.bottom.reversed(), top=film.top.reversed())
    length = film.thickness

    def response(of_film: Film, B: np.ndarray) -> np.ndarray:
        faces = ChannelFaces.of(of_film, matrices, length, length, problem.detection)
        return faces.response(RATES, scaled_rates(matrices, B, length))[0]

    here, there = response(film, field), response(turned, -field)
    size = np.abs(here).max()
    return float(np.abs(here - there.swapaxes(-2, -1)).max() / max(size, 1e-300))
