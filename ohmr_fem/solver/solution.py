"""The answer at one field: potential, moment density, currents, and what they are worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import InputError, suggest
from ..model.drive import Drive
from ..model.problem import Problem
from ..units import engineering, to_si
from .coefficients import Coefficients, evaluate
from .drift_terms import drift_of_charge, drift_of_moment
from .space import locate, reference_rows
from .system import AXIS, System, system_of


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
    """

    points: np.ndarray
    potential: np.ndarray
    electric_field: np.ndarray
    current_density: np.ndarray
    moment_density: np.ndarray
    moment_current: np.ndarray
    distance: np.ndarray | None = None


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
    ohmic_dofs, orbital_dofs : (N,) V; moment_dofs : (3, N) C/m^2
        Finite-element coefficients of the ohmic and orbital part of the potential and of the moment
        density.
    residuals : {step: relative residual of its linear system}
    factorisations : int
    solver : str
    seconds : float
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
        return system_of(self.problem, self.field)

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
        """n^a at the vertices, (3, n) C/m^2."""
        return self._at_vertices(self.moment_dofs)

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
        """All fields at the centre of every cell."""
        mesh = self._system.basis.mesh
        triangles = mesh.dim() == 2 and mesh.t.shape[0] == 3
        middle = np.full((mesh.dim(), 1), 1.0 / 3.0 if triangles else 0.5)
        return self.in_cells(middle)

    def in_cells(self, X: np.ndarray) -> FieldValues:
        """All fields at reference points X (dim, k) of every cell; result arrays have n_cells * k
        columns.
        """
        cells = np.arange(self.problem.mesh.n_cells)
        everywhere = np.repeat(X[:, None, :], cells.size, axis=1)
        return self._evaluate(everywhere, cells)

    def at(self, points: Any) -> FieldValues:
        """All fields at points (dim,) or (n, dim) in m, with the full order of the elements.

        Raises InputError for points outside the device.
        """
        dim = self.problem.mesh.dim
        try:
            p = np.asarray(points, dtype=float)
        except (TypeError, ValueError) as exc:
            raise InputError(
                f"points: expected coordinates in m, got {points!r}", value=points
            ) from exc
        p = p.reshape(-1, 1) if dim == 1 and p.ndim <= 1 else np.atleast_2d(p)
        if p.ndim != 2 or p.shape[1] != dim or not np.all(np.isfinite(p)):
            raise InputError(
                f"points: expected finite coordinates of shape ({dim},) or (n, {dim}) in m, got "
                f"{points!r}"
            )
        s = self._system
        scaled = p.T / s.scales.length
        cells = locate(s.basis.mesh, scaled, s.scales.length)
        X = s.basis.mapping.invF(scaled[:, :, None], tind=cells)
        return self._evaluate(X, cells)

    def line(self, start: Any, stop: Any, n: int = 201) -> FieldValues:
        """All fields at n points on the straight line between two points (quantities, m)."""
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 2:
            raise InputError(f"line: expected at least 2 points, got {n!r}", value=n)
        first, last = _place(start), _place(stop)
        t = np.linspace(0.0, 1.0, n)
        values = self.at(first + t[:, None] * (last - first))
        length = float(np.linalg.norm(last - first))
        return replace(values, distance=t * length)

    def _evaluate(self, X: np.ndarray, cells: np.ndarray) -> FieldValues:
        s = self._system
        value, gradients = reference_rows(s.basis, self.problem.order, X, cells)
        length = s.scales.length
        points = np.asarray(s.basis.mapping.F(X, tind=cells)) * length
        c = evaluate(self.problem, points, cells)
        count = value.shape[0]
        V = self.ohmic_dofs + self.orbital_dofs
        n = np.array([value @ d for d in self.moment_dofs])
        E = np.zeros((3, count))
        driving = np.zeros((3, count))
        dn = np.zeros((3, 3, count))  # dn[i, a] = d_i n^a
        drives = V if self.problem.coupling == "full" else self.ohmic_dofs
        for axis, D in zip(self.problem.mesh.axes, gradients, strict=True):
            i = AXIS[axis]
            E[i] = -(D @ V) / length
            driving[i] = -(D @ drives) / length
            dn[i] = np.array([D @ d for d in self.moment_dofs]) / length
        if self.problem.is_cross_section:
            E[0] = driving[0] = self.drive.electric_field
        turned, slopes = self._deflected(c, E, dn)
        carrying, _ = self._deflected(c, driving, dn)
        J, Q = self._currents(c, turned, carrying, slopes)
        if self.drift:
            self._add_drift(c, turned, n, J, Q)
        places = points.reshape(points.shape[0], count)
        return FieldValues(places, value @ V, E, J, n, Q)

    def _deflected(
        self, c: Coefficients, E: np.ndarray, dn: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """s E and s grad n, s the ordinary Hall tensor of System.deflection."""
        if not self.problem.ordinary_hall:
            return E, dn
        b = c.mobility.ravel() * self.field[2]

        def turn(v: np.ndarray) -> np.ndarray:
            x, y, z = v
            return np.array([x - b * y, y + b * x, z]) / (1.0 + b**2)

        return turn(E), turn(dn)

    def _currents(
        self, c: Coefficients, E: np.ndarray, driving: np.ndarray, dn: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """J_i = sigma E_i + alpha' D eps_ijc d_j n^c and Q_i^a = -D d_i n^a + alpha eps_iak sigma
        E_k (Eqs. (1), (S3)).

        ``driving`` is the E of the second: in linear coupling the ohmic field alone, so that Q.nu
        obeys the edge law. With ordinary Hall effect the fields and grad n come deflected.
        """
        sigma, D = c.sigma.ravel(), c.diffusion.ravel()
        alpha, alpha_inverse = c.alpha.ravel(), c.alpha_inverse.ravel()
        axes, flows = self._axes, self._flows
        eps = np.zeros((3, 3, 3))
        eps[0, 1, 2] = eps[1, 2, 0] = eps[2, 0, 1] = 1.0
        eps[0, 2, 1] = eps[2, 1, 0] = eps[1, 0, 2] = -1.0
        J, Q = np.zeros_like(E), np.zeros_like(dn)
        detected = np.zeros_like(dn)
        for component in range(3):
            if not self._is_read(component):
                continue  # the reciprocal detector would divide by an X_cc that nothing needs
            for d, w in enumerate(c.detection(component, self.problem.detection)):
                detected[:, component] += w.ravel() * dn[:, d]
        curl = np.einsum("ijc,jcp->ip", eps, detected)
        hall = np.einsum("iak,kp->aip", eps, sigma * driving)
        for i in flows:
            J[i] = sigma * E[i] + alpha_inverse * D * curl[i]
        for i in axes:
            Q[:, i] = -D * dn[i] + alpha * hall[:, i]
        return J, Q

    def _add_drift(
        self, c: Coefficients, E: np.ndarray, n: np.ndarray, J: np.ndarray, Q: np.ndarray
    ) -> None:
        """Q^a = ... - mu E n^a and J = ... + alpha' mu (E_y, -E_x) n^z in the device plane (Eq.
        (S1)).
        """
        mobility, back = c.mobility.ravel(), c.alpha_inverse.ravel()
        weights = c.detection(2, self.problem.detection)
        read = sum(w.ravel() * n[d] for d, w in enumerate(weights))
        Q[:, :2] -= mobility * n[:, None] * E[:2]
        J[:2] += back * mobility * read * np.array([E[1], -E[0]])

    def _is_read(self, component: int) -> bool:
        """Whether n of this component has an in-plane curl along a direction in which current
        flows.
        """
        pairs = [{i, j, component} for i in self._flows for j in self._axes]
        return {0, 1, 2} in pairs

    @property
    def _axes(self) -> set[int]:
        """Directions of the mesh, in which fields vary and moments flow."""
        return {AXIS[a] for a in self.problem.mesh.axes}

    @property
    def _flows(self) -> set[int]:
        """Directions of the current: also along x, out of a cross-section."""
        return self._axes | {0} if self.problem.is_cross_section else self._axes

    @property
    def contact_currents(self) -> dict[str, float]:
        """Current into the device at each contact that carries current, A: the conservative
        (weak-residual) value.
        """
        s = self._system
        unit = s.scales.conductivity
        V = self.ohmic_dofs + self.orbital_dofs
        n = self.moment_dofs / s.scales.moment
        flow = unit * (s.K @ V + s.C @ n.ravel())
        if self.drift:
            carrying = V if self.problem.coupling == "full" else self.ohmic_dofs
            flow = flow + unit * (drift_of_charge(s, n) @ carrying)
        return {
            name: float(t.indicator @ flow)
            for name, t in s.terminals.items()
            if self.problem.contacts[name].carries_current
        }

    @property
    def contact_voltages(self) -> dict[str, float]:
        """Potential that each contact reads, V."""
        return self._read(self.ohmic_dofs + self.orbital_dofs)

    def _read(self, potential: np.ndarray) -> dict[str, float]:
        terminals = self._system.terminals
        return {name: float(t.load @ potential) for name, t in terminals.items()}

    def current(self, contact: str) -> float:
        """Current into the device at a contact, A."""
        return self._named(self.contact_currents, contact)

    def voltage(self, plus: str, minus: str) -> float:
        """V(plus) - V(minus), V."""
        volts = self.contact_voltages
        return self._named(volts, plus) - self._named(volts, minus)

    def orbital_voltage(self, plus: str, minus: str) -> float:
        """Orbital part of V(plus) - V(minus), V; not a difference of nearly equal numbers."""
        orbital = self._read(self.orbital_dofs)
        return self._named(orbital, plus) - self._named(orbital, minus)

    def _named(self, values: Mapping[str, float], contact: str) -> float:
        if contact not in values:
            raise InputError(
                f"unknown contact {contact!r}; {suggest(contact, values)}", value=contact
            )
        return values[contact]

    def moment_balance(self) -> dict[str, np.ndarray]:
        """Where the moment goes, each (3,) per component: relaxation + torque + outflow = injected,
        in A (2D meshes).

        ``outflow`` leaves through absorbing edges: G n, or where n = 0 the conservative
        (weak-residual) flux.
        """
        s = self._system
        unit = s.scales.conductivity * s.scales.length ** (self.problem.mesh.dim - 2)
        n = self.moment_dofs.ravel() / s.scales.moment

        def each(v: np.ndarray) -> np.ndarray:
            # tested with the function 1, whose coefficients are not all one
            return unit * (np.asarray(v).reshape(3, -1) @ s.one)

        components = zip(s.relaxation, n.reshape(3, -1), strict=True)
        relaxation = np.concatenate([M @ d for M, d in components])
        torque = s.torque(self.field) @ n
        robin = s.edges.absorption @ n
        V = self.ohmic_dofs
        if self.problem.coupling == "full":
            V = V + self.orbital_dofs
        along = self.drive.electric_field * s.scales.length * s.drive
        source = s.injected_source - s.S @ V + along
        residual = s.A_0 @ n + torque - source
        if self.drift:
            residual = residual + (drift_of_moment(s, V) @ n.reshape(3, -1).T).T.ravel()
        absorbed = s.edges.keep.sum(axis=1) == 0
        return {
            "relaxation": each(relaxation),
            "torque": each(torque),
            "outflow": each(robin) - each(np.where(absorbed, residual, 0.0)),
            "injected": each(s.injected_source),
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
        """
        s = self._system
        if not self.problem.is_cross_section:
            raise InputError(
                "total_current belongs to cross-sections; a device has contact currents"
            )
        n = self.moment_dofs.ravel() / s.scales.moment
        scale = s.scales.conductivity * s.scales.length**self.problem.mesh.dim
        ohmic = self.drive.electric_field * s.ohmic_current
        orbital = float(s.response @ n) / s.scales.length
        return scale * (ohmic + orbital)

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


def _place(point: Any) -> np.ndarray:
    """The coordinates (dim,) in m of a point given in quantities."""
    values = np.atleast_1d(np.asarray(point, dtype=object))
    return np.array([to_si(v, "m", "line") for v in values])
