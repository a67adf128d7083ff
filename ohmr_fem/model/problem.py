"""A device as one validated whole: mesh, materials, contacts, edges and the choice of model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from ..errors import InputError, suggest
from ..mesh.device_mesh import DeviceMesh
from ..units import ReadOnly
from .contacts import Contact, Edge, Moment
from .material import Material

COUPLINGS = ("linear", "full")
DETECTIONS = ("printed", "reciprocal")


@dataclass(frozen=True, eq=False)
class Problem:
    """Mesh, materials, contacts and edges, checked against each other.

    Parameters
    ----------
    mesh : DeviceMesh
        2D device plane, or the cross-section of an infinitely long conductor with current along x.
    materials : Material or {region: Material}
        One material for all regions, or one for each.
    contacts : names or {name: Contact}
        Boundaries that are contacts; bare names are equipotential contacts. None on a
        cross-section.
    edges : {name: Edge}
        Boundaries with a condition on the moment density; all others reflect.
    order : int
        Polynomial order of the elements, 1 to 4 on triangles, 1 to 8 on quadrilaterals and lines;
        default 2, and 4 for one-dimensional meshes.
    coupling : "linear" or "full"
        "linear": first order in alpha alpha', as the paper; "full": all orders, solved at once.
    detection : "printed" or "reciprocal"
        What the inverse effect reads: n^z as in Eq. (1), or (X n)_z / X_zz, which obeys Onsager's
        relation for every X.
    ordinary_hall : bool
        Let the Lorentz force of B_z act on the carriers: sigma and D become the tensor of
        System.deflection.  For device planes whose materials have a mobility; off by default.

    Raises
    ------
    InputError
        Anything inconsistent, with the nearest known name.
    """

    mesh: DeviceMesh
    materials: Any
    contacts: Any = ()
    edges: Any = field(default_factory=dict)
    order: Any = None
    coupling: str = "linear"
    detection: str = "printed"
    ordinary_hall: bool = False

    def __post_init__(self) -> None:
        put = partial(object.__setattr__, self)  # the way around frozen
        if not isinstance(self.mesh, DeviceMesh):
            raise _wrong(
                "mesh",
                f"mesh must be a DeviceMesh (read_mesh, cross_section), got {self.mesh!r}",
            )
        put("order", _order(self.order, self.mesh))
        for key, options in (("coupling", COUPLINGS), ("detection", DETECTIONS)):
            if getattr(self, key) not in options:
                raise _wrong(
                    key,
                    f"unknown {key} {getattr(self, key)!r}; {suggest(getattr(self, key), options)}",
                    value=getattr(self, key),
                )
        put("materials", ReadOnly(_materials(self.materials, self.mesh)))
        put("contacts", ReadOnly(_contacts(self.contacts, self.mesh)))
        put("edges", ReadOnly(_edges(self.edges, self.mesh, self.contacts)))
        if self.detection == "reciprocal":
            _check_reciprocal(self)
        if self.ordinary_hall is not False:
            _check_hall(self)

    @property
    def is_cross_section(self) -> bool:
        """True for the section of an infinitely long conductor, driven by a uniform field along
        x.
        """
        return "x" not in self.mesh.axes

    @property
    def material(self) -> Material:
        """The material, if there is only one."""
        distinct = list({id(m): m for m in self.materials.values()}.values())
        if len(distinct) != 1:
            raise _wrong(
                "materials",
                f"has {len(distinct)} materials; choose one of the regions {list(self.materials)}",
            )
        return distinct[0]

    @property
    def uniform(self) -> bool:
        """One material with constant coefficients everywhere."""
        return len({id(m) for m in self.materials.values()}) == 1 and self.material.uniform

    def moment_conditions(self) -> dict[str, Moment]:
        """{boundary: condition} for every boundary that does not simply reflect."""
        found = {
            c.boundary or name: c.moment for name, c in self.contacts.items() if c.kind != "point"
        }
        found.update({name: e.moment for name, e in self.edges.items()})
        return {name: m for name, m in found.items() if not m.reflecting}

    def __repr__(self) -> str:
        regions = ", ".join(f"{r}: {m!r}" for r, m in self.materials.items())
        contacts = ", ".join(f"{n} ({c.kind})" for n, c in self.contacts.items()) or "none"
        return (
            f"Problem(P{self.order} on {self.mesh!r}; {regions}; contacts: {contacts}; "
            f"coupling={self.coupling}, "
            f"detection={self.detection}{', ordinary Hall effect' * self.ordinary_hall})"
        )


def _wrong(key: str, what: str, value: Any = None) -> InputError:
    """A complaint about an argument that its own words name."""
    return InputError(what, value=value, key=key, owner="Problem", named=True)


def _order(order: Any, mesh: DeviceMesh) -> int:
    if order is None:
        return 4 if mesh.dim == 1 else 2
    highest = 4 if mesh.dim == 2 and mesh.mesh.t.shape[0] == 3 else 8
    if (
        isinstance(order, bool)
        or not isinstance(order, (int, np.integer))
        or not 1 <= order <= highest
    ):
        raise _wrong(
            "order",
            f"order must be a whole number from 1 to {highest} on these cells, got {order!r}",
            value=order,
        )
    return int(order)


def _materials(materials: Any, mesh: DeviceMesh) -> dict[str, Material]:
    regions = list(mesh.regions)
    if isinstance(materials, Material):
        materials = dict.fromkeys(regions, materials)
    if not isinstance(materials, Mapping) or not all(
        isinstance(m, Material) for m in materials.values()
    ):
        raise _wrong(
            "materials",
            f"materials must be a Material or {{region: Material}}, got {materials!r}",
        )
    for name in materials:
        if name not in mesh.regions:
            raise _wrong(
                "materials",
                f"material for unknown region {name!r}; {suggest(name, regions)}",
                value=name,
            )
    missing = [r for r in regions if r not in materials]
    if missing:
        raise _wrong(
            "materials",
            f"region {missing[0]!r} has no material; add it to materials, which names "
            f"{', '.join(materials) or 'none'}",
            value=missing[0],
        )
    return {r: materials[r] for r in regions}


def _contacts(contacts: Any, mesh: DeviceMesh) -> dict[str, Contact]:
    if isinstance(contacts, str):
        contacts = [contacts]
    if contacts is None or isinstance(contacts, Contact):
        raise _wrong(
            "contacts",
            f"contacts must be names or {{name: Contact}}, got {contacts!r}",
            value=contacts,
        )
    if not isinstance(contacts, Mapping):
        names = list(contacts)
        if len(set(names)) != len(names):
            raise _wrong(
                "contacts",
                f"a contact is named twice in {names}",
            )
        contacts = {name: Contact() for name in names}
    for name, contact in contacts.items():
        if not isinstance(contact, Contact):
            raise _wrong(
                "contacts",
                f"contact {name!r} must be a Contact, got {contact!r}",
                value=contact,
            )
        if contact.kind != "point":
            _known(contact.boundary or name, mesh, f"contact {name!r}", "contacts")
    if contacts and "x" not in mesh.axes:
        raise _wrong(
            "contacts",
            "a cross-section has no contacts (it is driven by a uniform field along x); "
            f"got {', '.join(contacts)}",
        )
    current = [c.boundary or n for n, c in contacts.items() if c.carries_current]
    shared = next((b for b in current if current.count(b) > 1), None)
    if shared is not None:
        raise _wrong(
            "contacts",
            f"two contacts share one boundary, {shared!r}; only probes and points may",
            value=shared,
        )
    return dict(contacts)


def _edges(edges: Any, mesh: DeviceMesh, contacts: Mapping[str, Contact]) -> dict[str, Edge]:
    taken = {c.boundary or n for n, c in contacts.items() if c.carries_current}
    if not isinstance(edges, Mapping):
        raise _wrong(
            "edges",
            f"edges must be {{name: Edge}}, got {edges!r}",
            value=edges,
        )
    out = {}
    for name, edge in edges.items():
        _known(name, mesh, f"edge {name!r}", "edges")
        if name in taken:
            raise _wrong(
                "edges",
                f"boundary {name!r} is a contact; give its condition as "
                f"Contact(moment=...), not as an edge",
                value=name,
            )
        out[name] = edge if isinstance(edge, Edge) else Edge(edge)
    return out


def _known(name: str, mesh: DeviceMesh, what: str, key: str) -> None:
    if name not in mesh.boundaries:
        raise _wrong(
            key,
            f"{what}: the mesh has no boundary {name!r}; {suggest(name, mesh.boundaries)}",
            value=name,
        )


def _check_hall(problem: Problem) -> None:
    if problem.ordinary_hall is not True:
        raise _wrong(
            "ordinary_hall",
            f"ordinary_hall must be True or False, got {problem.ordinary_hall!r}",
        )
    if problem.is_cross_section:
        raise _wrong(
            "ordinary_hall",
            "ordinary_hall needs a device plane (x, y); a cross-section has no edge for "
            "the Hall field",
        )
    require_mobility(problem, "ordinary_hall")


def require_mobility(problem: Problem, what: str) -> None:
    """InputError if a region has no mobility."""
    for region, material in problem.materials.items():
        if material.mobility is None:
            raise InputError(
                f"the material of region {region!r} has no mobility; give "
                "Material(mobility=...) in "
                "m^2/(V s), positive for electrons",
                key=what,
            )


def _check_reciprocal(problem: Problem) -> None:
    axes = [2] if "y" in problem.mesh.axes else []
    axes += [1] if "z" in problem.mesh.axes else []
    for region, material in problem.materials.items():
        if callable(material.inverse_mass):
            continue
        for c in axes:
            if material.inverse_mass[c, c] == 0:
                raise _wrong(
                    "detection",
                    f"detection='reciprocal' divides by X_{'xyz'[c]}{'xyz'[c]}, which is "
                    "0 in "
                    f"region {region!r}",
                )


def contact_width(problem: Problem, name: str) -> float:
    """Length in m of the boundary of a contact."""
    mesh = problem.mesh.mesh
    ends = mesh.p[
        :, mesh.facets[:, problem.mesh.boundaries[problem.contacts[name].boundary or name]]
    ]
    return float(np.sum(np.linalg.norm(ends[:, 1] - ends[:, 0], axis=0)))
