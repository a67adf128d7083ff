"""A page on which a device can be played with: its measures and a script that evaluates them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..config.device_file import Device, without_accuracy
from ..errors import InputError
from ..errors.doors import door
from ..output.page import write_explore
from ..sweep.route import require_spectral
from ..sweep.spectral import spectral_measures
from .folder import folder_of

#: How far the page reaches beyond the device file: diffusion lengths, and fields.
LENGTHS, FIELDS = 3.0, 2.0
#: The measures reach farther than the slider of the field, for tau and theta raise the precession.
FARTHER = 1.5


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
        A film, or a device that has no measure; the folder cannot be written.
    """
    without_accuracy(device, "explore")
    problem = device.problem
    if problem.film is not None:
        raise InputError("a film has no page in this version; use ohmr-fem run", key="explore")
    require_spectral(problem)
    if not problem.uniform:
        raise InputError(
            "the page knows one relaxation time and one channel of moment; use ohmr-fem run",
            key="explore",
        )
    folder = folder_of(out, "explore.html")
    folder.mkdir(parents=True, exist_ok=True)
    field = FIELDS * (float(np.linalg.norm(device.fields, axis=1).max()) or 1.0)
    length = float(problem.material.diffusion_length)
    absorbs = any(m.absorbs_partially for m in problem.moment_conditions().values())
    covered = (length, length) if absorbs else (length / LENGTHS, LENGTHS * length)
    measures = spectral_measures(
        problem,
        [(m.current, m.voltage) for m in device.measurements],
        fields=FARTHER * field * np.eye(3),
        lengths=covered,
    )
    names = [m.name or f"measurement {i + 1}" for i, m in enumerate(device.measurements)]
    path = folder / "explore.html"
    return write_explore(path, device.path.stem, measures, names, field=field, lengths=covered)
