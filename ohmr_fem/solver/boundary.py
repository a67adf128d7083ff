"""Terminals and edges of a device as matrices and vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import block_diag, csr_array

from ..errors import InputError
from ..model.contacts import Contact
from ..model.problem import Problem
from . import forms
from .coefficients import Scales, on_points
from .space import facet_basis, is_hierarchical, locate, point_rows


@dataclass(frozen=True, eq=False)
class Terminal:
    """A contact in the finite-element space.

    Attributes
    ----------
    load : (N,) weak form of unit current into the device; also the functional that reads the
    voltage.
    indicator : (N,) test function equal to one on the contact; its residual is the conservative
    current.
    column : index of the tied unknown of an equipotential contact, else None.
    """

    load: np.ndarray
    indicator: np.ndarray
    column: int | None


@dataclass(frozen=True, eq=False)
class EdgeTerms:
    """Conditions on the moment density at the boundary.

    absorption (3N, 3N): oint G^a n^a w^a.  injected (3N,): oint g^a w^a in A/m x scaled length.
    keep (3N, m): identity without the unknowns of absorbing edges.
    """

    absorption: csr_array
    injected: np.ndarray
    keep: csr_array


def _edge_terms(problem: Problem, basis: Any, scales: Scales) -> EdgeTerms:
    N = basis.N
    absorption, injected, absorbed = (
        csr_array((3 * N, 3 * N)),
        np.zeros((3, N)),
        np.zeros((3, N), dtype=bool),
    )
    for name, moment in problem.moment_conditions().items():
        facets = problem.mesh.boundaries[name]
        if moment.absorbing:
            absorbed[:, basis.get_dofs(facets).all()] = True
            continue
        edge = facet_basis(basis.mesh, problem.order, facets)
        one = np.ones(edge.dx.shape)
        if moment.absorbs_partially:
            mass = csr_array(forms.mass.assemble(edge, a=one))
            unit = scales.length / scales.diffusion
            absorption = absorption + block_diag([unit * G * mass for G in moment.absorption])
        if moment.injects:
            injected += np.outer(moment.injected, forms.load.assemble(edge, a=one))
    return EdgeTerms(csr_array(absorption), injected.ravel(), _columns(~absorbed.ravel()))


def _columns(mask: np.ndarray) -> csr_array:
    """Identity with the columns where ``mask`` is False left out."""
    rows = np.flatnonzero(mask)
    places = rows, np.arange(rows.size)
    return csr_array((np.ones(rows.size), places), shape=(mask.size, rows.size))


def _terminals(
    problem: Problem, basis: Any, scales: Scales
) -> tuple[csr_array, dict[str, Terminal]]:
    """``tie`` (N, m) maps unknowns to coefficients with each equipotential contact one unknown."""
    owner = np.full(basis.N, -1)
    dropped = np.zeros(basis.N, dtype=bool)
    equipotential = [n for n, c in problem.contacts.items() if c.kind == "equipotential"]
    columns = {n: i for i, n in enumerate(equipotential)}
    ones: dict[str, np.ndarray] = {}
    for name, contact in problem.contacts.items():
        if contact.kind == "point":
            continue
        facets = problem.mesh.boundaries[contact.boundary or name]
        everything = basis.get_dofs(facets).all()
        # hierarchical elements: only vertex functions sum to one, edge modes are zero on a contact
        corners = np.unique(basis.mesh.facets[:, facets])
        vertices = basis.nodal_dofs[0, corners]
        ones[name] = unity = vertices if is_hierarchical(basis) else everything
        if contact.carries_current:  # a shared unknown would carry current that belongs to neither
            other = next(
                (
                    n
                    for n in ones
                    if n != name
                    and problem.contacts[n].carries_current
                    and np.intersect1d(ones[n], unity).size
                ),
                None,
            )
            if other is not None:
                raise InputError(
                    f"contacts {other!r} and {name!r} touch each other; leave an insulating edge "
                    "between "
                    "them"
                )
        if name in columns:
            owner[unity] = columns[name]
            dropped[np.setdiff1d(everything, unity)] = True
    free = np.flatnonzero((owner < 0) & ~dropped)
    tied = np.flatnonzero(owner >= 0)
    rows = np.concatenate([tied, free])
    count = len(columns) + free.size
    cols = np.concatenate([owner[tied], np.arange(len(columns), count)])
    tie = csr_array((np.ones(rows.size), (rows, cols)), shape=(basis.N, count))
    terminals = {}
    for name, contact in problem.contacts.items():
        indicator = np.zeros(basis.N)
        indicator[ones.get(name, [])] = 1.0
        load = np.zeros(basis.N)
        if name in columns:
            load[ones[name][0]] = 1.0
        else:
            load = _functional(problem, name, contact, basis, scales)
        terminals[name] = Terminal(load, indicator, columns.get(name))
    return tie, terminals


def _functional(
    problem: Problem, name: str, contact: Contact, basis: Any, scales: Scales
) -> np.ndarray:
    """Weighted mean over a boundary piece, or the value at a point, as a vector (N,)."""
    if contact.kind == "point":
        point = np.array(contact.at)[:, None] / scales.length
        where = locate(basis.mesh, point, scales.length, f"contact {name!r}")
        row, _ = point_rows(basis, problem.order, point, where)
        return np.asarray(row.toarray()[0])
    facets = problem.mesh.boundaries[contact.boundary or name]
    edge = facet_basis(basis.mesh, problem.order, facets)
    weight = np.ones(edge.dx.shape)
    if contact.kind == "profile" and callable(contact.profile):
        x = np.asarray(edge.global_coordinates()) * scales.length
        weight = on_points(contact.profile, x, f"contact {name!r}: current profile") * weight
    total = float(np.sum(weight * edge.dx))
    if (
        not np.all(np.isfinite(weight))
        or abs(total) < 1e-12 * float(np.sum(np.abs(weight) * edge.dx))
        or total == 0.0
    ):
        raise InputError(
            f"contact {name!r}: the current profile must be finite and must not integrate to zero"
        )
    return np.asarray(forms.load.assemble(edge, a=weight / total))
