"""What a run would refuse, said before it computes anything."""

from __future__ import annotations

import numpy as np

from ..config.device_file import Device
from ..errors import InputError, OhmrWarning
from ..errors.doors import door
from ..solver.resolution import check_resolution, physics_notes
from ..solver.stability import check_stability
from ..solver.system import System, system_of
from ..sweep.hanle import METHODS
from ..sweep.route import choose

#: Resistances that one run may ask for: fields, times gates, times measurements.
MOST_VALUES = 20_000_000


def check_questions(device: Device) -> None:
    """InputError for what needs no matrix to be refused: the method, the size, the gate."""
    choose("hanle_curve", device.method, METHODS, device.problem)
    gates = 1 if device.gate is None else len(device.gate.values)
    asked = len(device.fields) * gates * len(device.measurements)
    if asked > MOST_VALUES:
        raise InputError(
            f"{device.path}: asks for {asked:.3g} resistances, about {asked * 200 / 1e9:.3g} GB, "
            f"and a run takes at most {MOST_VALUES:.3g}; take fewer fields or gates",
            value=asked,
            key="sweep.points",
        )
    if device.gate is None:
        return
    for value in (device.gate.values[0], device.gate.values[-1]):
        device.gate.materials(float(value))


@door
def check_device(device: Device) -> tuple[System, list[OhmrWarning]]:
    """The matrices of the device, and what is to be said of its mesh and physics.

    Raises
    ------
    InputError, SolveError
        What :func:`ohmr_fem.run.device.run_device` would refuse too.
    """
    check_questions(device)
    fields = device.fields
    strongest = fields[int(np.argmax(np.linalg.norm(fields, axis=1)))]
    system = system_of(device.problem, plane_of_film=True, with_spin=True)
    notes = [*physics_notes(device.problem, fields), *check_resolution(system, strongest)]
    for field in (strongest, *device.snapshots):
        check_stability(system, field)
    return system, notes
