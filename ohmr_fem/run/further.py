"""What a device file asks for beside its curves: [time], [frequency] and [matrix]."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..config.device_file import Device, Measurement
from ..dynamics.ac import ac_response
from ..dynamics.transient import transient
from ..files import Table
from ..output.plot_dynamics import plot_ac, plot_transient
from ..sweep.contact_matrix import resistance_matrix

#: A table, what the record says of it, and how it is drawn.
Found = tuple[Table, dict[str, Any], Callable[[], Any] | None]
Compute = Callable[[Device, Measurement], Found]


def in_time(
    device: Device,
    measurement: Measurement,
) -> Found:
    """The device after a change of the drive."""
    job = device.time
    assert job is not None
    found = transient(
        device.problem,
        job.times,
        job.field * device.direction,
        job.drive,
        initial=job.initial,
        **_pairs(measurement),
    )
    entry = {"instants": len(job.times), "method": found.method, "orbital": _span(found.orbital)}
    return found, entry, partial(plot_transient, found)


def at_frequencies(
    device: Device,
    measurement: Measurement,
) -> Found:
    """The response to an alternating current."""
    job = device.frequency
    assert job is not None
    field = job.field * device.direction
    found = ac_response(device.problem, job.frequencies, field, **_pairs(measurement))
    size = np.abs(found.effect)
    entry = {"frequencies": len(job.frequencies), "method": found.method, "size": _span(size)}
    return found, entry, partial(plot_ac, found)


def of_all_pairs(
    device: Device,
    _: Measurement,
) -> Found:
    """Every four-terminal resistance, and the sheet resistance of van der Pauw."""
    job = device.matrix
    assert job is not None
    fields = np.outer(job.fields, device.direction)
    found = resistance_matrix(device.problem, fields)
    entry: dict[str, Any] = {"contacts": found.contacts, "method": found.method}
    if job.around:
        entry["sheet_resistance"] = found.sheet_resistance(job.around).tolist()
    return found, entry, None


FURTHER: dict[str, Compute] = {
    "time": in_time,
    "frequency": at_frequencies,
    "matrix": of_all_pairs,
}


def _pairs(measurement: Measurement) -> dict[str, Any]:
    return {"current": measurement.current, "voltage": measurement.voltage}


def _span(values: np.ndarray) -> list[float]:
    return [float(np.nanmin(values)), float(np.nanmax(values))]
