"""A problem in words: rows of a table that a reader of a report sees first."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..mesh.device_mesh import DeviceMesh
from ..model.film import Film
from ..model.material import Material
from ..model.problem import Problem
from ..model.spin import Spin
from ..model.stack import Stack
from ..units import engineering

#: Coefficients of a material: name, what it is called, unit.
COEFFICIENTS = (
    ("sheet_conductivity", "sheet conductivity", "S"),
    ("resistivity", "resistivity", "ohm m"),
    ("relaxation_time", "τ", "s"),
    ("diffusion_length", "L_m", "m"),
    ("diffusion_constant", "D", "m²/s"),
    ("orbital_hall_angle", "α", ""),
    ("inverse_orbital_hall_angle", "α′", ""),
)
OF_SPIN = (
    ("relaxation_time", "τ", "s"),
    ("diffusion_constant", "D", "m²/s"),
    ("hall_angle", "α", ""),
    ("inverse_hall_angle", "α′", ""),
    ("inverse_mass", "1/m", "1/m_e"),
    ("g_factor", "g", ""),
    ("to_orbital", "into the orbital moment", "1/s"),
    ("from_orbital", "out of it", "1/s"),
)


def described(problem: Problem) -> list[list[str]]:
    """Rows (what, in words): device, materials, film or layers, contacts, choices of the model."""
    rows = [["device", _mesh(problem.mesh, problem.order)]]
    if isinstance(problem.film, Stack):
        rows += _layers(problem.film)
    else:
        several = len(problem.materials) > 1
        for region, material in problem.materials.items():
            rows += _material(f"material of {region}" if several else "material", material)
    if isinstance(problem.film, Film):
        rows.append(["film", f"{engineering(problem.film.thickness, 'm')} thick"])
    if problem.film is not None:
        faces = [f"{name} {getattr(problem.film, name)!r}" for name in ("bottom", "top")]
        rows.append(["faces", ", ".join(faces)])
    contacts = [f"{name} ({c.described})" for name, c in problem.contacts.items()]
    rows.append(["contacts", ", ".join(contacts) or "none"])
    choices = [f"{k} {getattr(problem, k)}" for k in ("coupling", "detection", "interface")]
    hall = ["ordinary Hall effect"] if problem.ordinary_hall else []
    return [*rows, ["model", ", ".join([*choices, *hall])]]


def _mesh(mesh: DeviceMesh, order: int) -> str:
    sizes = " x ".join(engineering(float(v), "m") for v in mesh.extent)
    edges = mesh.edge_sizes
    least, most = (engineering(float(v), "m") for v in (edges.min(), edges.max()))
    return f"{sizes}, {mesh.n_cells} cells of order {order}, edges of {least} to {most}"


def _layers(stack: Stack) -> list[list[str]]:
    rows = []
    for name, (material, thickness) in zip(stack.names, stack.layers, strict=True):
        rows += _material(f"layer {name}, {engineering(thickness, 'm')}", material)
    return rows


def _material(what: str, material: Material) -> list[list[str]]:
    values = [_value(material, *given) for given in COEFFICIENTS]
    if material.relaxation_time is None:
        values.append(f"Γ {_tensor(material.relaxation_rate, '1/s')}")
    values.append(f"X {_tensor(material.inverse_mass, '/m_e')}")
    values.append(f"g {material.g_factor:g}")
    named = f"{material.name}: " if material.name else ""
    rows = [[what, named + ", ".join(v for v in values if v)]]
    if isinstance(material.spin, Spin):
        spin = [_value(material.spin, *given) for given in OF_SPIN]
        rows.append(["spin", ", ".join(v for v in spin if v)])
    return rows


def _value(holder: Any, name: str, title: str, unit: str) -> str:
    """A coefficient with its name; nothing where it is not given."""
    value = getattr(holder, name)
    if value is None:
        return ""
    if callable(value):
        return f"{title} f(x, y)"
    if isinstance(value, tuple):  # by component
        return f"{title} " + ", ".join(engineering(float(v), unit) for v in value)
    if isinstance(value, np.ndarray):
        return f"{title} of each cell"
    return f"{title} {engineering(value, unit) if unit else format(value, 'g')}"


def _tensor(given: Any, unit: str) -> str:
    """(xx, yy, zz) of a diagonal tensor, else its rows."""
    if callable(given):
        return "f(x, y)"
    tensor = np.asarray(given)
    if tensor.shape != (3, 3):
        return f"of each cell {unit}"
    if np.array_equal(tensor, np.diag(np.diag(tensor))):
        tensor = np.diag(tensor)[None]
    rows = ["(" + ", ".join(f"{v:.5g}" for v in row) + ")" for row in tensor]
    return f"{'; '.join(rows)} {unit}"
