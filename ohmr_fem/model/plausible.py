"""Numbers that do not fit each other: a unit that was left out, most often.

A plain number is SI and a lone one may be meant: in units of the diffusion length and the
relaxation time both are 1.  What is looked at here is whether the pieces of one problem can belong
together, far beyond any sample and any such system of units.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import PhysicsWarning
from ..units import engineering

if TYPE_CHECKING:
    from ..mesh.device_mesh import DeviceMesh
    from .material import Material

#: s and m: a moment that relaxes more slowly over less than this length hardly diffuses at all.
SLOW, SHORT = 1e-5, 1e-4
#: A device above this size, m, of more diffusion lengths than this.
WIDE, MANY = 0.1, 1e5
#: A device below this size, m, with a diffusion length above it that is longer by this ratio.
SMALL, LONG = 1e-3, 1e4
#: ohm m and S: above any film that conducts, and any sheet.
INSULATING, CONDUCTING = 1.0, 1e4
#: T: above any magnet; above any pulsed one, where the moments turn this often before they relax.
STRONG, PULSED, TURNS = 1000.0, 100.0, 100.0


def unlikely(mesh: DeviceMesh, materials: dict[str, Material]) -> list[PhysicsWarning]:
    """What in a device and its materials, as they were given, does not fit together; each thing
    once.
    """
    size = float(np.ptp(mesh.mesh.p, axis=1).max())
    upright = "z" in mesh.axes  # a section of a film or wire: its conductivity is the bulk's
    found: dict[str, PhysicsWarning] = {}
    for material in materials.values():
        for note in _of_material(material, upright) or _of_size(size, material):
            found.setdefault(str(note), note)
    return list(found.values())


def _of_material(material: Material, upright: bool) -> list[PhysicsWarning]:
    """Whether a material fits itself."""
    if not _plain(material):
        return []
    tau, length = material.longest_time, material.shortest_length
    if length > SHORT:
        return []
    if tau > SLOW:
        text = (
            f"relaxation_time = {engineering(tau, 's')} with a diffusion length of "
            f"{engineering(length, 'm')} (D = {length**2 / tau:.3g} m^2/s): "
            f"{_meant(tau, 'ps', 's')}"
        )
        return [PhysicsWarning(text, key="relaxation_time")]
    return _of_conductivity(material, upright)


def _of_conductivity(material: Material, upright: bool) -> list[PhysicsWarning]:
    rho, sheet = material.resistivity, material.sheet_conductivity
    sheet = sheet if isinstance(sheet, float) else None
    if rho is not None and rho > INSULATING:
        text = f"resistivity = {rho:g} ohm m is an insulator's: {_meant(rho, 'uohm cm', 'ohm m')}"
        return [PhysicsWarning(text, key="resistivity")]
    if sheet is not None and sheet > CONDUCTING and rho is None and not upright:
        text = (
            f"sheet_conductivity = {sheet:g} S is beyond any metal's: that of the bulk, in S/m? "
            "The one of a sheet is that times the thickness"
        )
        return [PhysicsWarning(text, key="sheet_conductivity")]
    return []


def _of_size(size: float, material: Material) -> list[PhysicsWarning]:
    """Whether a device fits its diffusion length."""
    if not _plain(material):
        return []
    length, tau = material.shortest_length, material.longest_time
    if size > WIDE and size > MANY * length:
        text = (
            f"the device measures {engineering(size, 'm')}, and the diffusion length is "
            f"{engineering(length, 'm')}: meant '{size:.4g} um' or nm? A plain number, and a mesh "
            "file without unit=, is in m"
        )
        return [PhysicsWarning(text, key="mesh")]
    if not (size < SMALL < length and length > LONG * size):
        return []
    device = f"{engineering(length, 'm')} in a device of {engineering(size, 'm')}"
    if tau > SLOW:
        text = (
            f"relaxation_time = {engineering(tau, 's')} makes the diffusion length {device}: "
            f"{_meant(tau, 'ps', 's')}"
        )
        return [PhysicsWarning(text, key="relaxation_time")]
    text = f"diffusion_length = {device}: {_meant(length, 'nm', 'm')}"
    return [PhysicsWarning(text, key="diffusion_length")]


def unlikely_field(materials: dict[str, Material], fields: np.ndarray) -> list[PhysicsWarning]:
    """Whether a field, (3,) or (n, 3) T, is beyond any magnet, where times are in seconds."""
    strongest = float(np.sqrt(np.square(np.atleast_2d(fields)).sum(axis=1).max(initial=0.0)))
    if strongest <= PULSED:
        return []
    for material in materials.values():
        if not _plain(material) or material.longest_time > SLOW:
            continue
        turns = strongest / material.field_scale
        if strongest > STRONG or turns > TURNS:
            text = (
                f"B = {strongest:.6g} T is beyond any magnet (the moments turn by {turns:.3g} rad "
                f"before they relax): meant in gauss or oersted? write '{strongest:.6g} G'"
            )
            return [PhysicsWarning(text, key="field")]
    return []


def _plain(material: Material) -> bool:
    """Whether its times, lengths and masses are numbers, of cells perhaps, and no functions."""
    parts = material.relaxation_time, material.diffusion_constant, material.inverse_mass
    return not any(map(callable, parts))


def _meant(value: float, unit: str, plain: str) -> str:
    """The slip behind a plain number, where that number in the usual unit makes sense."""
    likely = f"meant '{value:.4g} {unit}'? " if 1e-3 <= value < 1e5 else ""
    return f"{likely}A plain number is in {plain}"
