"""The answer at one field: potential, moment density, currents, and what they are worth."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import skfem

from ..errors import InputError, suggest
from ..errors.doors import door
from ..files import html_summary
from ..model.drive import Drive
from ..model.problem import Problem
from ..units import array_si, engineering, own_arrays, shown
from .coefficients import Coefficients, evaluate
from .drift_terms import drift_of_charge, drift_of_moment
from .interface import Table
from .space import locate, reference_rows
from .system import AXIS, System, system_of
from .two_channels import TwoChannels

#: eps_ijk.
LEVI_CIVITA = np.zeros((3, 3, 3))
LEVI_CIVITA[0, 1, 2] = LEVI_CIVITA[1, 2, 0] = LEVI_CIVITA[2, 0, 1] = 1.0
LEVI_CIVITA[0, 2, 1] = LEVI_CIVITA[2, 1, 0] = LEVI_CIVITA[1, 0, 2] = -1.0


@dataclass(frozen=True, eq=False)
class FieldValues:
    """Fields at points, SI; vectors always have three rows (x, y, z).

    Attributes
    ----------
    points : (dim, n) m
    potential : (n,) V
    electric_field : (3, n) V/m
    current_density : (3, n) A/m, conventional current
    moment_density : (3, n) C/m^2
    moment_current : (3, 3, n) A/m, component a of the moment flowing along direction i
    distance : (n,) m along a line, else None
    spin_density, spin_current : as those of the moment, or None without a spin
    """

    points: np.ndarray
    potential: np.ndarray
    electric_field: np.ndarray
    current_density: np.ndarray
    moment_density: np.ndarray
    moment_current: np.ndarray
    distance: np.ndarray | None = None
    spin_density: np.ndarray | None = None
    spin_current: np.ndarray | None = None

    def __post_init__(self) -> None:
        own_arrays(self)


@dataclass(frozen=True, eq=False)
class Solution:
    """Solution of Eq. (2) with the potential at one field.

    Vertex fields have shape (..., n_vertices) and stand at ``points``; ``at`` and ``line`` evaluate
    with the full order of the elements anywhere.

    Attributes
    ----------
    problem : Problem
    field : (3,) T
    drive : Drive
    ohmic_dofs, orbital_dofs : (N,) V; moment_dofs : (3, N) C/m^2, or V
        Finite-element coefficients of the ohmic and orbital part of the potential, and of what is
        continuous of the moment: n in C/m^2, or in a device of several sigma/D or shapes of X the
        accumulation h in V (Problem(interface=...), docs/theory, section 12).  With a spin (6, N),
        the orbital moment first.
    residuals : {step: relative residual of its linear system}
    factorisations : int
    solver : str
    seconds : float, s
    warnings : tuple of str
    drift : bool
        Whether the moments drift with the carriers (drift_solve); off in linear response.
    """

    problem: Problem
    field: np.ndarray
    drive: Drive
    ohmic_dofs: np.ndarray
    orbital_dofs: np.ndarray
    moment_dofs: np.ndarray
    residuals: Mapping[str, float]
    factorisations: int
    solver: str
    seconds: float
    warnings: tuple[str, ...] = ()
    drift: bool = False

    def __post_init__(self) -> None:
        own_arrays(self)

    @property
    def has_jumps(self) -> bool:
        """Whether the moment density may jump between regions: the accumulation is continuous."""
        return self._system.has_jumps

    @property
    def residual(self) -> float:
        """Largest relative residual of the linear systems behind this solution."""
        return max(self.residuals.values())

    @property
    def points(self) -> np.ndarray:
        """Mesh vertices (dim, n) in m."""
        return np.asarray(self.problem.mesh.mesh.p[:, self._vertices])

    @property
    def _vertices(self) -> np.ndarray:
        return np.arange(self._system.basis.nodal_dofs.shape[1])

    @property
    def _system(self) -> System:
        return system_of(self.problem, self.field, with_spin=True)

    @property
    def _channels(self) -> list[tuple[System, np.ndarray]]:
        """The system of each channel of moment with its unknowns (3, N)."""
        s = self._system
        if isinstance(s, TwoChannels):
            return [(s.orbital, self.moment_dofs[:3]), (s.spin, self.moment_dofs[3:])]
        return [(s, self.moment_dofs)]

    def _at_vertices(self, dofs: np.ndarray) -> np.ndarray:
        return np.asarray(dofs[..., self._system.basis.nodal_dofs[0]])

    @property
    def potential(self) -> np.ndarray:
        """V at the vertices, (n,) V: ohmic plus orbital part."""
        return self.potential_ohmic + self.potential_orbital

    @property
    def potential_ohmic(self) -> np.ndarray:
        """Potential without the orbital Hall effect, (n,) V."""
        return self._at_vertices(self.ohmic_dofs)

    @property
    def potential_orbital(self) -> np.ndarray:
        """What the inverse orbital Hall effect adds to the potential, (n,) V."""
        return self._at_vertices(self.orbital_dofs)

    @property
    def moment_density(self) -> np.ndarray:
        """n^a at the vertices, (3, n) C/m^2.

        Where n jumps between regions this is the mean over the cells that meet at the vertex;
        ``in_cells`` and the ParaView files give each side its own value.
        """
        return self._density_at_vertices(*self._channels[0])

    @property
    def spin_density(self) -> np.ndarray:
        """n^a of the spin at the vertices, (3, n) C/m^2, as :attr:`moment_density`.

        Raises
        ------
        InputError
            No material has a spin.
        """
        if not self.problem.has_spin:
            raise InputError("spin_density: no material of this problem has a spin")
        return self._density_at_vertices(*self._channels[1])

    def _density_at_vertices(self, s: System, dofs: np.ndarray) -> np.ndarray:
        unknowns = self._at_vertices(dofs)
        if s.interface is None:
            return unknowns
        mesh = self.problem.mesh.mesh
        cells = mesh.t
        c = evaluate(s.problem, np.swapaxes(mesh.p[:, cells], 1, 2))
        at_corners = _times(s.interface.density(c), unknowns[:, cells.T])
        count = np.bincount(cells.ravel(), minlength=unknowns.shape[1])
        sums = [np.bincount(cells.T.ravel(), n.ravel(), unknowns.shape[1]) for n in at_corners]
        return np.array(sums) / count

    @property
    def magnetisation(self) -> np.ndarray:
        """M^a = (m_0/e) n^a at the vertices, (3, n) A, with the first region's moment per
        carrier.
        """
        from ..units import ELEMENTARY_CHARGE

        moment = next(iter(self.problem.materials.values())).moment_per_carrier
        return self.moment_density * moment / ELEMENTARY_CHARGE

    @property
    def current_density(self) -> np.ndarray:
        """Conventional current density at the cell centres, (3, n_cells) A/m."""
        return self.centres().current_density

    def centres(self) -> FieldValues:
        """All fields at the centre of every cell.

        Returns
        -------
        FieldValues
            A column for each cell.
        """
        mesh = self._system.basis.mesh
        triangles = mesh.dim() == 2 and mesh.t.shape[0] == 3
        middle = np.full((mesh.dim(), 1), 1.0 / 3.0 if triangles else 0.5)
        return self.in_cells(middle)

    def in_cells(self, X: np.ndarray) -> FieldValues:
        """All fields at the same reference points of every cell.

        Parameters
        ----------
        X : (dim, k) array
            From 0 to 1 along the sides of the reference cell.

        Returns
        -------
        FieldValues
            n_cells k columns, the points of a cell one after the other.

        Raises
        ------
        InputError
            A coefficient that is an array, and has not one value for each cell of its region.
        """
        cells = np.arange(self.problem.mesh.n_cells)
        in_each = np.repeat(X[:, None, :], cells.size, axis=1)
        return self._evaluate(in_each, cells)

    @door
    def at(self, points: Any) -> FieldValues:
        """All fields at some points, with the full order of the elements.

        Parameters
        ----------
        points : (dim,) or (n, dim) m

        Returns
        -------
        FieldValues
            A column for each point.

        Raises
        ------
        InputError
            Points outside the device.
        """
        s = self._system
        scaled = self._coordinates(points).T / s.scales.length
        cells = locate(s.basis.mesh, scaled, s.scales.length)
        X = s.basis.mapping.invF(scaled[:, :, None], tind=cells)
        return self._evaluate(X, cells)

    def _coordinates(self, points: Any) -> np.ndarray:
        """The points of a user as (n, dim) in m."""
        dim = self.problem.mesh.dim
        p = array_si(points, "m", "points")
        on_a_line = dim == 1 and p.ndim <= 1
        p = p.reshape(-1, 1) if on_a_line else np.atleast_2d(p)
        if p.ndim != 2 or p.shape[1] != dim:
            raise InputError(
                f"points: expected finite coordinates of shape ({dim},) or (n, {dim}) in m, got "
                f"{shown(points)}"
            )
        return p

    @door
    def line(self, start: Any, stop: Any, n: int = 201) -> FieldValues:
        """All fields on the straight line between two points.

        Parameters
        ----------
        start, stop : (dim,) quantities, m
        n : int
            Points, ends included; from 2.

        Returns
        -------
        FieldValues
            With ``distance`` from the start in m.

        Raises
        ------
        InputError
            Fewer than 2 points, or a line that leaves the device.
        """
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 2:
            raise InputError(f"line: expected at least 2 points, got {n!r}", value=n)
        first, last = _position(start), _position(stop)
        t = np.linspace(0.0, 1.0, n)
        values = self.at(first + t[:, None] * (last - first))
        length = float(np.linalg.norm(last - first))
        return replace(values, distance=t * length)

    def _evaluate(self, X: np.ndarray, cells: np.ndarray) -> FieldValues:
        s = self._system
        length = s.scales.length
        value, gradients = reference_rows(s.basis, self.problem.order, X, cells)
        points = np.asarray(s.basis.mapping.F(X, tind=cells)) * length
        count = value.shape[0]
        V = self.ohmic_dofs + self.orbital_dofs
        E = np.zeros((3, count))
        driving = np.zeros((3, count))
        # first order: the orbital Hall effect is driven by the ohmic field alone
        drives = V if self.problem.coupling == "full" else self.ohmic_dofs
        for name, D in zip(self.problem.mesh.axes, gradients, strict=True):
            E[AXIS[name]] = -(D @ V) / length
            driving[AXIS[name]] = -(D @ drives) / length
        if self.problem.is_cross_section:
            E[0] = driving[0] = self.drive.electric_field
        J = np.zeros((3, count))
        found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        for system, dofs in self._channels:
            c = evaluate(system.problem, points, cells)
            n = _density(system, c, np.array([value @ d for d in dofs]))
            dn = np.zeros((3, 3, count))  # dn[i, a] = d_i n^a
            for name, D in zip(self.problem.mesh.axes, gradients, strict=True):
                slope = np.array([D @ d for d in dofs]) / length
                dn[AXIS[name]] = _density(system, c, slope)
            turned, slopes = self._deflected(c, E, dn)
            turned_drive = self._deflected(c, driving, dn)[0]
            # the charge current of the potential counts once
            own = turned if not found else np.zeros_like(turned)
            added, Q = self._currents(c, own, turned_drive, slopes, system.problem.detection)
            J = J + added
            if self.drift:
                self._add_drift(c, turned, n, J, Q)
            found.append((n, Q, slopes))
        (n, Q, slopes), *second = found
        spin_density = spin_current = None
        if second:
            spin_density, spin_current, others = second[0]
            self._add_crossed(Q, spin_current, slopes, others, cells, points.shape[2])
        return FieldValues(
            points=points.reshape(points.shape[0], count),
            potential=value @ V,
            electric_field=E,
            current_density=J,
            moment_density=n,
            moment_current=Q,
            spin_density=spin_density,
            spin_current=spin_current,
        )

    def _add_crossed(
        self,
        Q: np.ndarray,
        of_spin: np.ndarray,
        slopes: np.ndarray,
        others: np.ndarray,
        cells: np.ndarray,
        each: int,
    ) -> None:
        """- D_LS d_i n_S in the current of the orbital moment, and the other way round."""
        into = np.zeros((2, self.problem.mesh.n_cells))
        for region, members in self.problem.mesh.regions.items():
            spin = self.problem.materials[region].spin
            if spin is not None:
                into[:, members] = np.array(spin.cross_diffusion)[:, None]
        first, second = np.repeat(into[:, cells], each, axis=1)
        for i in self._axes:
            Q[:, i] -= first * others[i]
            of_spin[:, i] -= second * slopes[i]

    def _deflected(
        self, c: Coefficients, E: np.ndarray, dn: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """s E and s grad n, s the ordinary Hall tensor of System.deflection."""
        if not self.problem.ordinary_hall:
            return E, dn
        b = c.mobility.ravel() * self.field[2]

        def turn(v: np.ndarray) -> np.ndarray:
            turned = np.array([v[0] - b * v[1], v[1] + b * v[0], v[2]])
            return np.asarray(turned / (1.0 + b**2))

        return turn(E), turn(dn)

    def _currents(
        self,
        c: Coefficients,
        E: np.ndarray,
        driving: np.ndarray,
        dn: np.ndarray,
        detection: str,
    ) -> tuple[np.ndarray, np.ndarray]:
        """J_i = sigma E_i + alpha' D eps_ijc d_j n^c and Q_i^a = -D d_i n^a + alpha eps_iak sigma
        E_k (Eqs. (1), (S3)).

        ``driving`` is the E of the second: in linear coupling the ohmic field alone, so that Q.nu
        obeys the edge law. With ordinary Hall effect the fields and grad n come deflected.
        """
        sigma = c.sigma.ravel()
        D = c.diffusion.ravel()
        detected = np.zeros_like(dn)
        for component in filter(self._is_read, range(3)):
            weights = c.detection(component, detection, self.problem.averages)
            read = sum(w.ravel() * dn[:, d] for d, w in enumerate(weights))
            detected[:, component] = read
        curl = np.einsum("ijc,jcp->ip", LEVI_CIVITA, detected)
        hall = np.einsum("iak,kp->aip", LEVI_CIVITA, sigma * driving)
        J = np.zeros_like(E)
        for i in self._flows:
            J[i] = sigma * E[i] + c.alpha_inverse.ravel() * D * curl[i]
        Q = np.zeros_like(dn)
        for i in self._axes:
            Q[:, i] = -D * dn[i] + c.alpha.ravel() * hall[:, i]
        return J, Q

    @property
    def _axes(self) -> set[int]:
        """Directions in which the fields vary."""
        return {AXIS[a] for a in self.problem.mesh.axes}

    @property
    def _flows(self) -> set[int]:
        """Directions in which current flows: those of the mesh, x through a cross-section, and y in
        the section of a film, which is wide (J_y = alpha' D d_z n^x; docs/theory, section 9).
        """
        along = {0} if self.problem.is_cross_section else set()
        across = {1} if self.problem.mesh.axes == ("z",) else set()
        return self._axes | along | across

    def _add_drift(
        self, c: Coefficients, E: np.ndarray, n: np.ndarray, J: np.ndarray, Q: np.ndarray
    ) -> None:
        """Q^a = ... - mu E n^a and J = ... + alpha' mu (E_y, -E_x) n^z in the device plane (Eq.
        (S1)).
        """
        mobility = c.mobility.ravel()
        weights = c.detection(2, self.problem.detection)
        read = sum(w.ravel() * n[d] for d, w in enumerate(weights))
        clockwise = np.array([E[1], -E[0]])
        Q[:, :2] -= mobility * n[:, None] * E[:2]
        J[:2] += c.alpha_inverse.ravel() * mobility * read * clockwise

    def _is_read(self, component: int) -> bool:
        """Whether n of this component has an in-plane curl along a direction in which current
        flows.
        """
        pairs = itertools.product(self._flows, self._axes)
        return any({i, j, component} == {0, 1, 2} for i, j in pairs)

    @property
    def contact_currents(self) -> dict[str, float]:
        """Current into the device at each contact that carries current, A: the conservative
        (weak-residual) value.
        """
        s = self._system
        V, n = self.ohmic_dofs + self.orbital_dofs, self.moment_dofs / s.moment_unit
        flow = s.scales.conductance * (s.K @ V + s.C @ n.ravel())
        if self.drift:
            drives = V if self.problem.coupling == "full" else self.ohmic_dofs
            flow = flow + s.scales.conductivity * (drift_of_charge(s, n) @ drives)
        contacts = self.problem.contacts
        carrying = {name: t for name, t in s.terminals.items() if contacts[name].carries_current}
        return {name: float(t.indicator @ flow) for name, t in carrying.items()}

    @property
    def contact_voltages(self) -> dict[str, float]:
        """Potential that each contact reads, V; with (D/sigma) p . n where it is polarised."""
        V = self.ohmic_dofs + self.orbital_dofs
        beside = self._polarised_voltages
        terminals = self._system.terminals
        return {name: float(t.load @ V) + beside[name] for name, t in terminals.items()}

    @property
    def _polarised_voltages(self) -> dict[str, float]:
        """What polarised contacts read of the moments, V."""
        s = self._system
        n = self.moment_dofs.ravel() / s.moment_unit
        return {name: s.polarised.read(name, n) for name in s.terminals}

    @door
    def current(self, contact: str) -> float:
        """Current into the device at a contact.

        Parameters
        ----------
        contact : str

        Returns
        -------
        float, A

        Raises
        ------
        InputError
            No such contact, or one that carries no current.
        """
        return self._named(self.contact_currents, contact)

    @door
    def voltage(self, plus: str, minus: str) -> float:
        """V(plus) - V(minus).

        Parameters
        ----------
        plus, minus : str
            Names of contacts.

        Returns
        -------
        float, V

        Raises
        ------
        InputError
            No such contact.
        """
        return self._named(self.contact_voltages, plus) - self._named(self.contact_voltages, minus)

    @door
    def orbital_voltage(self, plus: str, minus: str) -> float:
        """Orbital part of V(plus) - V(minus); not a difference of nearly equal numbers.

        Parameters
        ----------
        plus, minus : str
            Names of contacts.

        Returns
        -------
        float, V

        Raises
        ------
        InputError
            No such contact.
        """
        beside = self._polarised_voltages
        terminals = self._system.terminals
        orbital = {
            name: float(t.load @ self.orbital_dofs) + beside[name] for name, t in terminals.items()
        }
        return self._named(orbital, plus) - self._named(orbital, minus)

    def _named(self, values: Mapping[str, Any], name: str, what: str = "contact") -> Any:
        if name not in values:
            raise InputError(f"unknown {what} {name!r}; {suggest(name, values)}", value=name)
        return values[name]

    @door
    def bound_moment(self, edge: str) -> tuple[np.ndarray, np.ndarray]:
        """Bound moment chi E_t of an edge, E_t along its clockwise tangent.

        It does not diffuse and has no Hanle effect: it adds to what is observed of the moment, and
        to no resistance (docs/theory, section 13).

        Parameters
        ----------
        edge : str
            Name of an :class:`Edge`.

        Returns
        -------
        points : (dim, n) m
            The middles of its facets.
        moment : (3, n) C per metre of edge

        Raises
        ------
        InputError
            No such edge.
        """
        s = self._system
        law = self._named(self.problem.edges, edge, "edge")
        facets = self.problem.mesh.boundaries[edge]
        basis = skfem.FacetBasis(
            s.basis.mesh, s.basis.elem, facets=facets, quadrature=_middle(s.basis.mesh)
        )
        points = np.asarray(basis.global_coordinates())[..., 0] * s.scales.length
        nu = np.asarray(basis.normals)[..., 0]
        if self.problem.is_cross_section:
            along = self.drive.electric_field * nu[self.problem.mesh.axes.index("y")]
        else:
            slope: Any = basis.interpolate(self.ohmic_dofs + self.orbital_dofs).grad
            turned = slope[0][..., 0] * nu[1] - slope[1][..., 0] * nu[0]
            along = -turned / s.scales.length
        return points, np.outer(law.edge_moment, along)

    def moment_balance(self) -> dict[str, np.ndarray]:
        """Where the moment goes: relaxation + torque + outflow = injected.

        What turns into the other moment counts as relaxed.  ``injected`` counts what the current
        along edges supplies (docs/theory, section 13) and p^a I of polarised contacts (section 10);
        ``outflow`` leaves through absorbing edges: G n, or where n = 0 the conservative
        (weak-residual) flux.

        Returns
        -------
        {"relaxation", "torque", "outflow", "injected": (3,) A}
            By component; with a spin (6,), the orbital moment first.  On 2D meshes and channels.
        """
        s = self._system
        unit = s.scales.conductance
        if self.problem.is_cross_section:
            unit *= s.scales.length ** (self.problem.mesh.dim - 2)
        n = self.moment_dofs.ravel() / s.moment_unit

        def each(v: Any) -> np.ndarray:
            """Integral over the device, by component."""
            return np.asarray(unit * (np.asarray(v).reshape(-1, s.N) @ s.one))

        relaxation = s.relaxing @ n
        torque = s.torque(self.field) @ n
        robin = s.edges.absorption @ n
        V = self.ohmic_dofs + (self.orbital_dofs if self.problem.coupling == "full" else 0.0)
        uniform = self.drive.electric_field * s.scales.length * s.drive
        supplied = s.injected_source + s.polarised.source(self.drive.currents)
        if s.edge_sources is not None:
            along_x = self.drive.electric_field * s.scales.length * s.edge_sources.drive
            supplied = supplied - s.edge_sources.S @ V + along_x
        contacts = s.polarised.source(self.drive.currents)
        source = s.injected_source + contacts - s.S @ V + uniform
        residual = s.A_0 @ n + torque - source
        if self.drift:
            residual = residual + drift_of_moment(s, V) @ n
        absorbed = s.edges.keep.sum(axis=1) == 0
        return {
            "relaxation": each(relaxation),
            "torque": each(torque),
            "outflow": each(robin) - each(np.where(absorbed, residual, 0.0)),
            "injected": each(supplied),
        }

    @property
    def power(self) -> float:
        """Power delivered by the contacts, sum of I V, in W; positive for a passive device."""
        volts = self.contact_voltages
        return sum(current * volts[name] for name, current in self.contact_currents.items())

    @property
    def total_current(self) -> float:
        """Current along x through a cross-section: A per metre of depth for a line, A/m x m for a
        section.

        Raises
        ------
        InputError
            A device, which has contact currents.
        """
        s = self._system
        if not self.problem.is_cross_section:
            raise InputError(
                "total_current belongs to cross-sections; a device has contact currents"
            )
        n = self.moment_dofs.ravel() / s.moment_unit
        scale = s.scales.conductivity * s.scales.length**self.problem.mesh.dim
        return scale * (
            self.drive.electric_field * s.ohmic_current + float(s.response @ n) / s.scales.length
        )

    def _repr_html_(self) -> str:
        parts = repr(self).removeprefix("Solution(").removesuffix(")")
        return html_summary("Solution", parts.split("; "))

    def __repr__(self) -> str:
        top = float(np.abs(self.moment_density).max())
        field = ", ".join(f"{b:g}" for b in self.field)
        what = (
            f"E_x = {self.drive.electric_field:g} V/m"
            if self.problem.is_cross_section
            else ", ".join(f"{n}: {engineering(i, 'A')}" for n, i in self.contact_currents.items())
        )
        return (
            f"Solution(B = ({field}) T; {what}; largest |n| = {top:.4g} C/m²; "
            f"{self.moment_dofs.shape[1]} unknowns per field, P{self.problem.order}, residual "
            f"{self.residual:.1e})"
        )


def _density(system: System, c: Coefficients, unknowns: np.ndarray) -> np.ndarray:
    """n (3, points), or sigma/D times what drives its diffusion, from the values or slopes of the
    unknowns of a channel.
    """
    interface = system.interface
    if interface is None:
        return unknowns
    shape = (3, *c.sigma.shape)
    return _times(interface.density(c), unknowns.reshape(shape)).reshape(3, -1)


def _middle(mesh: Any) -> tuple[np.ndarray, np.ndarray]:
    """One quadrature point in the middle of a facet."""
    if mesh.dim() == 1:
        return np.zeros((1, 1)), np.ones(1)
    return np.array([[0.5]]), np.ones(1)


def _times(table: Table, unknowns: np.ndarray) -> np.ndarray:
    """The table (3, 3) of values at points applied to (3, ...) at the same points."""
    return np.array(
        [
            sum(entry * h for entry, h in zip(row, unknowns, strict=True) if entry is not None)
            for row in table
        ]
    )


def _position(point: Any) -> np.ndarray:
    """A point of quantities as (dim,) in m."""
    return np.atleast_1d(array_si(point, "m", "line"))
