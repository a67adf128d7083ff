"""A device as one validated whole: mesh, materials, contacts, edges and the choice of model."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

import numpy as np

from ..errors import InputError, PhysicsWarning, from_outside, suggest, warn
from ..errors.doors import door_of
from ..files import html_summary
from ..mesh.device_mesh import DeviceMesh
from ..units import ReadOnly
from .alike import distinct
from .contacts import AREA, LINE, POINT, Contact, Edge, Moment
from .film import Film
from .material import Material
from .plausible import unlikely
from .problem_channels import check_channels
from .stack import Stack

COUPLINGS = ("linear", "full")
DETECTIONS = ("printed", "reciprocal")
INTERFACES = ("accumulation", "density")


@door_of
@dataclass(frozen=True, eq=False)
class Problem:
    """Mesh, materials, contacts and edges, checked against each other.

    Parameters
    ----------
    mesh : DeviceMesh
        2D device plane, the cross-section of an infinitely long conductor with current along x, or
        a channel.
    materials : Material or {region: Material}
        One material for all regions, or one for each; None with a stack, which has its own.
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
    interface : "accumulation" or "density"
        What is continuous between regions that differ in sigma/D or in the shape of X: the
        accumulation h of n = (sigma/D) W^-1 h (docs/theory, section 12), which obeys Onsager's
        relation, or the moment density n itself, as the paper.  One material: no difference.
    ordinary_hall : bool
        Let the Lorentz force of B_z act on the carriers: sigma and D become the tensor of
        System.deflection.  For device planes whose materials have a mobility; off by default.
    film : Film or Stack, optional
        Thickness and faces of a device plane, or its layers.  The materials here have the sheet
        conductivity that follows from their resistivity.

    Raises
    ------
    InputError
        Anything inconsistent, with the nearest known name.

    Attributes
    ----------
    unsaid : tuple of PhysicsWarning
        What cannot belong together, of a problem that the package made: its results say it.
    """

    mesh: DeviceMesh
    materials: Any = None
    contacts: Any = ()
    edges: Any = field(default_factory=dict)
    order: Any = None
    coupling: str = "linear"
    detection: str = "printed"
    ordinary_hall: bool = False
    interface: str = "accumulation"
    film: Film | Stack | None = None
    #: Of the instance; no field, for who makes a problem anew gives the fields of another.
    unsaid: ClassVar[tuple[PhysicsWarning, ...]] = ()

    def __post_init__(self) -> None:
        put = partial(object.__setattr__, self)  # the way around frozen
        if not isinstance(self.mesh, DeviceMesh):
            raise _wrong(
                "mesh",
                f"mesh must be a DeviceMesh (read_mesh, cross_section), got {self.mesh!r}",
            )
        _ = self.mesh.sound  # a mesh of one's own may be folded
        put("order", _order(self.order, self.mesh))
        choices = (
            ("coupling", COUPLINGS),
            ("detection", DETECTIONS),
            ("interface", INTERFACES),
        )
        for key, options in choices:
            if getattr(self, key) not in options:
                raise _wrong(
                    key,
                    f"unknown {key} {getattr(self, key)!r}; {suggest(getattr(self, key), options)}",
                    value=getattr(self, key),
                )
        if isinstance(self.film, Stack):
            put("materials", _of_stack(self.materials, self.film))
        put("materials", ReadOnly(_materials(self.materials, self.mesh)))
        put("contacts", ReadOnly(_contacts(self.contacts, self.mesh)))
        put("edges", ReadOnly(_edges(self.edges, self.mesh, self.contacts)))
        _check_moments(self)
        _check_channel(self)
        _check_sources(self)
        _check_bound_moments(self)
        _check_film(self)
        notes = unlikely(self.mesh, self.materials)
        put("materials", ReadOnly(_conducting(self)))
        if self.detection == "reciprocal":
            _check_reciprocal(self)
        if self.ordinary_hall is not False:
            _check_hall(self)
        check_channels(self)
        said = from_outside(__name__, "dataclasses")
        put("unsaid", () if said else tuple(notes))
        for note in notes if said else ():
            warn(note)

    @property
    def is_cross_section(self) -> bool:
        """True for the section of an infinitely long conductor, driven by a uniform field along
        x.
        """
        return "x" not in self.mesh.axes

    @property
    def averages(self) -> bool:
        """Whether the reciprocal detector and W divide X by (X_xx + X_yy)/2 in place of X_zz: where
        there are faces, which read n^x and n^y as well as n^z.
        """
        return self.film is not None or (self.is_cross_section and "z" in self.mesh.axes)

    @property
    def material(self) -> Material:
        """The material, if there is only one: materials of equal values are one.

        Raises
        ------
        InputError
            There are several.
        """
        several = distinct(self.materials.values())
        if len(several) != 1:
            raise _wrong(
                "materials",
                f"has {len(several)} materials; choose one of the regions {list(self.materials)}",
            )
        return several[0]

    @property
    def uniform(self) -> bool:
        """One material with constant coefficients everywhere."""
        return len(distinct(self.materials.values())) == 1 and self.material.uniform

    @property
    def constant(self) -> bool:
        """One material with constant coefficients, which may relax as a tensor or have a spin."""
        return len(distinct(self.materials.values())) == 1 and self.material.constant

    @property
    def has_spin(self) -> bool:
        """Whether a material has a second channel."""
        return any(m.spin is not None for m in self.materials.values())

    @property
    def moments(self) -> int:
        """Components of the moment, 3 or with a spin 6."""
        return 6 if self.has_spin else 3

    @property
    def edge_sources(self) -> dict[str, Edge]:
        """The edges whose current makes moment, or whose moment makes a current (docs/theory,
        section 13).
        """
        return {name: edge for name, edge in self.edges.items() if edge.drives}

    @property
    def polarised(self) -> dict[str, Contact]:
        """The contacts that inject and read moment (docs/theory, section 10)."""
        return {name: c for name, c in self.contacts.items() if c.polarised}

    def saying(self, notes: Iterable[PhysicsWarning]) -> Problem:
        """This problem with more that its results say.

        Parameters
        ----------
        notes : warnings, in the words of whoever made the problem

        Returns
        -------
        Problem
        """
        other = copy.copy(self)
        object.__setattr__(other, "unsaid", (*self.unsaid, *notes))
        return other

    def refuse_polarised(self, caller: str) -> None:
        """For what knows nothing of polarised contacts.

        Parameters
        ----------
        caller : str
            Its name, for the message.

        Raises
        ------
        InputError
            A contact has a polarisation.
        """
        for name in self.polarised:
            raise InputError(
                f"{caller} knows no polarised contacts, and {name!r} has a polarisation; leave one "
                "of the two out (a plane in linear response knows them: hanle_curve, resistance)",
                key="polarisation",
            )

    def refuse_channel(self, caller: str) -> None:
        """For what needs a device plane.

        Parameters
        ----------
        caller : str
            Its name, for the message.

        Raises
        ------
        InputError
            The mesh is a channel.
        """
        if self.mesh.is_channel:
            raise InputError(
                f"{caller} needs a device plane (x, y), and this is a channel: mesh the device",
                key="mesh",
            )

    def moment_conditions(self) -> dict[str, Moment]:
        """The condition of every boundary or pad that does not simply reflect.

        Returns
        -------
        {boundary or region: Moment}
        """
        found = {c.place(name): c.moment for name, c in self.contacts.items() if c.kind != "point"}
        found.update({name: e.moment for name, e in self.edges.items()})
        return {name: m for name, m in found.items() if not m.reflecting}

    def _repr_html_(self) -> str:
        lines = [f"P{self.order} on {self.mesh!r}"]
        lines += [f"{region}: {material!r}" for region, material in self.materials.items()]
        lines += [f"contact {n}: {c.described}" for n, c in self.contacts.items()]
        lines.append(f"coupling {self.coupling}, detection {self.detection}")
        return html_summary("Problem", lines)

    def __repr__(self) -> str:
        regions = ", ".join(f"{r}: {m!r}" for r, m in self.materials.items())
        contacts = ", ".join(f"{n} ({c.described})" for n, c in self.contacts.items()) or "none"
        return (
            f"Problem(P{self.order} on {self.mesh!r}; {regions}; contacts: {contacts}; "
            f"coupling={self.coupling}, "
            f"detection={self.detection}, interface={self.interface}"
            f"{', ordinary Hall effect' * self.ordinary_hall}"
            f"{'' if self.film is None else f', {self.film!r}'})"
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


def _of_stack(materials: Any, stack: Stack) -> Material:
    """What stands for the layers on the plane; a problem made from another brings it along."""
    given = materials.values() if isinstance(materials, Mapping) else [materials]
    if any(m is not None and m is not stack.material for m in given):
        raise _wrong("materials", "a stack has its own materials: give materials=None")
    return stack.material


def _check_film(problem: Problem) -> None:
    film = problem.film
    if film is None:
        return
    if not isinstance(film, (Film, Stack)):
        raise _wrong(
            "film",
            f"film must be a Film(thickness, ...) or a Stack([...]), got {film!r}",
            value=film,
        )
    conditions = [*problem.moment_conditions(), *problem.edge_sources]
    if isinstance(film, Stack) and conditions:
        name = conditions[0]
        raise _wrong(
            "film",
            f"a stack answers with the local tensor of its layers, which no side edge reaches: "
            f"leave {name!r} reflecting",
        )
    if problem.is_cross_section or problem.mesh.dim != 2:
        kind = "cross-section" if problem.is_cross_section else "channel"
        raise _wrong(
            "film", f"a film is a device plane (x, y) with a thickness; this mesh is a {kind}"
        )
    if problem.coupling != "linear":
        raise _wrong("film", "a film is solved to first order; coupling='full' has no film")
    problem.refuse_polarised("a film")
    if problem.ordinary_hall:
        raise _wrong(
            "film",
            "ordinary_hall makes the potential of a film depend on B_z, and so the fields that "
            "drive its faces: not in this version",
        )
    narrow = float(np.ptp(problem.mesh.mesh.p, axis=1).min())
    if film.thickness > 10.0 * narrow:
        raise _wrong(
            "film",
            f"the thickness {film.thickness:.4g} m is more than ten times the narrower side "
            f"{narrow:.4g} m of the plane: then its side edges are the faces of the film; turn the "
            "device, or check the unit",
            value=film.thickness,
        )


def _conducting(problem: Problem) -> dict[str, Material]:
    """The materials with the conductivity that this problem needs, one for each given one."""
    thickness = 1.0 if problem.is_cross_section else None  # there it is a scale
    if problem.film is not None:
        thickness = problem.film.thickness
    ready: dict[int, Material] = {}
    for region, material in problem.materials.items():
        if id(material) in ready:
            continue
        sheet = material.as_sheet(thickness)
        if sheet.sheet_conductivity is None:
            sheet = _without_conductivity(problem, region, sheet)
        ready[id(material)] = sheet
    return {region: ready[id(m)] for region, m in problem.materials.items()}


def _without_conductivity(problem: Problem, region: str, material: Material) -> Material:
    """A cross-section asks for ratios alone; elsewhere an error says what is missing."""
    if problem.is_cross_section:
        return material.with_unit_conductivity()
    name = f" ({material.name})" if material.name else ""
    if material.resistivity is not None:
        raise _wrong(
            "materials",
            f"the material of region {region!r}{name} has a resistivity, which belongs to a film: "
            "give Problem(film=of.Film(thickness)), or sheet_conductivity",
        )
    raise _wrong(
        "materials",
        f"the material of region {region!r}{name} has no conductivity: give sheet_conductivity, "
        "or resistivity and Problem(film=...)",
    )


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
        if contact.region is not None:
            _known_region(contact.region, mesh, f"contact {name!r}")
        elif contact.kind != "point":
            _known(contact.boundary or name, mesh, f"contact {name!r}", "contacts")
    if contacts and "x" not in mesh.axes:
        raise _wrong(
            "contacts",
            "a cross-section has no contacts (it is driven by a uniform field along x); "
            f"got {', '.join(contacts)}",
        )
    current = [c.place(n) for n, c in contacts.items() if c.carries_current]
    shared = next((b for b in current if current.count(b) > 1), None)
    if shared is not None:
        kind = "region" if shared in mesh.regions else "boundary"
        raise _wrong(
            "contacts",
            f"two contacts share one {kind}, {shared!r}; only probes and points may",
            value=shared,
        )
    return dict(contacts)


def _edges(edges: Any, mesh: DeviceMesh, contacts: Mapping[str, Contact]) -> dict[str, Edge]:
    taken = {c.place(n) for n, c in contacts.items() if c.carries_current}
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


def _known_region(name: str, mesh: DeviceMesh, what: str) -> None:
    if name not in mesh.regions:
        raise _wrong(
            "contacts",
            f"{what}: the mesh has no region {name!r}; {suggest(name, mesh.regions)}",
            value=name,
        )
    if name in mesh.boundaries:
        raise _wrong(
            "contacts",
            f"{what}: {name!r} is a region and a boundary of the mesh; rename one of them",
            value=name,
        )


def _check_moments(problem: Problem) -> None:
    """Absorption and injection have the unit of their place."""
    for name, contact in problem.contacts.items():
        unit, what = LINE, "at a line"
        if contact.region is not None:
            unit, what = AREA, "over the area of a pad"
        elif problem.mesh.is_channel:
            unit, what = POINT, "at a contact of a channel (integrated over the contact)"
        contact.moment.check_place(f"contact {name!r}", unit, what)
    for name, edge in problem.edges.items():
        edge.moment.check_place(f"edge {name!r}", LINE, "at a line")


def _check_channel(problem: Problem) -> None:
    """What a channel has no meaning for."""
    if not problem.mesh.is_channel:
        return
    ends = problem.mesh.mesh.boundary_facets()
    for name in problem.edges:
        if not np.all(np.isin(problem.mesh.boundaries[name], ends)):
            raise _wrong("edges", f"edge {name!r} is no end of the channel", value=name)
    for name, contact in problem.contacts.items():
        if contact.kind == "point" or (callable(contact.profile) and contact.region is None):
            raise _wrong(
                "contacts",
                f"contact {name!r}: a contact of a channel is a place along it, without profile; "
                "name it in of.channel(contacts={name: x})",
                value=contact.kind,
            )
    given = {
        "film": problem.film is not None,
        "ordinary_hall": problem.ordinary_hall is not False,
        "edges": bool(problem.edge_sources),
    }
    for key, there in given.items():
        if there:
            what = "edge sources" if key == "edges" else key
            raise _wrong(key, f"{what}: a channel has neither edges nor a plane; mesh the device")


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


def _check_sources(problem: Problem) -> None:
    for name, edge in problem.edge_sources.items():
        if edge.by_component and problem.averages:
            raise _wrong(
                "edges",
                f"edge {name!r}: a face of a film or wire has one source, a number; three are for "
                "edges of the device plane and of strips",
                value=edge.source,
            )
        if problem.ordinary_hall:
            raise _wrong(
                "edges",
                f"edge {name!r}: a source that follows the current does not go with ordinary_hall",
                value=edge.source,
            )


def _check_bound_moments(problem: Problem) -> None:
    """t = nu x z vanishes on a face normal to z: chi E_t (section 13) says nothing of it."""
    if "z" not in problem.mesh.axes:
        return
    mesh, height = problem.mesh.mesh, problem.mesh.axes.index("z")
    for name, edge in problem.edges.items():
        ends = mesh.facets[:, problem.mesh.boundaries[name]]
        level = np.ptp(mesh.p[height][ends], axis=0) == 0.0
        if np.any(edge.edge_moment) and np.all(level):
            raise _wrong(
                "edges",
                f"edge {name!r} is a face normal to z, which has no tangent t = nu x z for a bound "
                "moment chi E_t; give edge_moment to edges of a plane or the sides of a section",
                value=edge.edge_moment,
            )


def _check_reciprocal(problem: Problem) -> None:
    name = "(X_xx + X_yy)/2" if problem.averages else "X_zz"
    for region, material in problem.materials.items():
        if callable(material.inverse_mass):
            continue
        X = material.inverse_mass
        scale = 0.5 * (X[0, 0] + X[1, 1]) if problem.averages else X[2, 2]
        if scale == 0.0:
            raise _wrong(
                "detection",
                f"detection='reciprocal' divides by {name}, which is 0 in region {region!r}",
            )


def contact_width(problem: Problem, name: str) -> float:
    """Length in m of the boundary of a contact; NaN for a pad, and on a channel."""
    contact = problem.contacts[name]
    if contact.region is not None or problem.mesh.is_channel:
        return float("nan")
    mesh = problem.mesh.mesh
    ends = mesh.p[:, mesh.facets[:, problem.mesh.boundaries[contact.place(name)]]]
    return float(np.sum(np.linalg.norm(ends[:, 1] - ends[:, 0], axis=0)))
