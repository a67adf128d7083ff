"""Through the thickness of a stack: its local conductivity tensor by finite elements.

The section through the thickness is that of a film (docs/theory, sections 9 and 12), with the
current along x and along y in turn:

    Q_z^x = alpha J_y, Q_z^y = - alpha J_x,   delta J_x = - alpha' D d_z n^y, delta J_y = + ... n^x,

and the accumulation (or n) continuous between layers.  In the plane nothing varies.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.sparse import block_diag, coo_array, csr_array

from ..mesh.grids import cross_section
from ..model.contacts import Moment
from ..model.film import Face
from ..model.problem import Problem
from ..model.stack import Stack
from .boundary import on_facets
from .linear import GENERAL
from .space import facet_basis
from .stability import check_stability
from .system import System, system_of

#: Boundaries of the section, and the face that each is.
FACES = (("lower", "bottom"), ("upper", "top"))
#: (component that moves along z, sign) for a current along x and along y.
MOVED = ((1, -1.0), (0, 1.0))


def section_of(
    stack: Stack,
    detection: str = "printed",
    interface: str = "accumulation",
) -> Problem:
    """The section through the thickness, with bulk conductivities."""
    at, regions, materials = 0.0, {}, {}
    for i, (material, thickness) in enumerate(stack.layers):
        name = f"layer_{i + 1}"
        regions[name] = (at, at + thickness)
        bulk = float(material.sheet_conductivity) / thickness
        materials[name] = replace(material, sheet_conductivity=bulk, diffusion_length=None)
        at += thickness
    # the last bound is the thickness to the last bit
    mesh = cross_section(at, normal="z", regions=regions)
    edges = {side: _vanishing(getattr(stack, name)) for side, name in FACES}
    held = {side: moment for side, moment in edges.items() if not moment.reflecting}
    return Problem(mesh, materials, edges=held, detection=detection, interface=interface)


def _vanishing(face: Face) -> Moment:
    """Where n = 0; a finite absorption enters by :func:`_absorbed`."""
    orbital, spin = (Moment(absorbing=law.absorbing) for law in face.channels)
    return orbital if orbital == spin else replace(orbital, spin=spin)


@dataclass(frozen=True, eq=False)
class Thickness:
    """Matrices through the thickness.

    Attributes
    ----------
    system : System of the section
    absorption : (m, m) what the faces absorb, on the kept unknowns
    drives, readers : (3N, 2) or (6N, 2) for a current along x and along y
    """

    system: System
    absorption: csr_array
    drives: np.ndarray
    readers: np.ndarray

    @classmethod
    def of(
        cls,
        stack: Stack,
        section: Problem,
    ) -> Thickness:
        system = system_of(section, with_spin=True)
        both = [_loads(channel) for channel in system.channels]
        drives, readers = (np.vstack(loads) for loads in zip(*both, strict=True))
        absorbed = [_absorbed(stack, c, number) for number, c in enumerate(system.channels)]
        P = system.keep
        E = csr_array(block_diag(absorbed))
        return cls(system, csr_array(P.T @ E @ P), drives, readers)

    def tensors(
        self,
        fields: np.ndarray,
        frequency: float = 0.0,
    ) -> tuple[np.ndarray, np.ndarray]:
        """delta sigma_ij over the mean conductivity and its change from B = 0, each (n, 2, 2);
        complex at a frequency in Hz, exp(-i w t).
        """
        system, P = self.system, self.system.keep
        still: Any = self.absorption
        if frequency != 0.0:
            still = still - 2j * np.pi * frequency * system.inertia
        at_rest = GENERAL.factorise(system.A(np.zeros(3)) + still)
        n = P @ at_rest.solve(P.T @ self.drives)[0]
        zero = self.readers.T @ n / system.ohmic_current
        change = np.zeros((len(fields), 2, 2), dtype=zero.dtype)
        for i, field in enumerate(fields):
            if not np.any(field):
                continue
            check_stability(system, field)
            factors = GENERAL.factorise(system.A(field) + still)
            # A(B) (n - n_0) = -T(B) n_0: the change with all its digits
            turned = P @ factors.solve(-(P.T @ (system.torque(field) @ n)))[0]
            change[i] = self.readers.T @ turned / system.ohmic_current
        return zero + change, change


def _loads(system: System) -> tuple[np.ndarray, np.ndarray]:
    """What drives and what reads one channel, (3N, 2) each."""
    drives, readers = np.zeros((2, 3, system.N)), np.zeros((2, 3, system.N))
    for k, (moved, sign) in enumerate(MOVED):
        drives[k, moved] = sign * system.slope(0, system._generated)
        for d, weight in enumerate(system.reading(moved)):
            readers[k, d] = sign * system.slope(0, system._detected * weight)
    return drives.reshape(2, -1).T, readers.reshape(2, -1).T


def _absorbed(
    stack: Stack,
    system: System,
    number: int,
) -> csr_array:
    """w . G n at both faces in the unknowns of a channel, (3N, 3N)."""
    rows, columns, values = [], [], []
    N, scales, problem = system.N, system.scales, system.problem
    for side, name in FACES:
        face = getattr(stack, name).channels[number]
        if face.absorbing or face.reflecting:
            continue
        facets = problem.mesh.boundaries[side]
        node = int(system.basis.get_dofs(facets).all()[0])
        c = on_facets(problem, facet_basis(system.basis.mesh, problem.order, facets), scales)
        sigma, D = float(c.sigma.flat[0]), float(c.diffusion.flat[0])
        G = face.absorption(sigma, D) * scales.length / scales.diffusion
        density = np.eye(3)
        if system.interface is not None:
            table = system.interface.density(c)
            values_at = [[0.0 if e is None else float(e.flat[0]) for e in row] for row in table]
            density = np.array(values_at) / scales.moment
        places = node + N * np.arange(3)
        rows.append(np.repeat(places, 3))
        columns.append(np.tile(places, 3))
        values.append((G @ density).ravel())
    if not rows:
        return csr_array((3 * N, 3 * N))
    entries = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
    return csr_array(coo_array(entries, shape=(3 * N, 3 * N)))


#: The latest answer of each section: several pairs of contacts ask for the same fields.
_LATEST: weakref.WeakKeyDictionary[Problem, tuple[Any, Any]] = weakref.WeakKeyDictionary()


def stack_tensors(
    stack: Stack,
    section: Problem,
    fields: np.ndarray,
    frequency: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """:meth:`Thickness.tensors`, kept until other fields are asked for."""
    key = fields.tobytes(), frequency
    known = _LATEST.get(section)
    if known is None or known[0] != key:
        known = key, Thickness.of(stack, section).tensors(fields, frequency)
        _LATEST[section] = known
    return known[1]
