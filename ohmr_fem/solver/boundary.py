"""Terminals and edges of a device as matrices and vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import block_array, block_diag, csr_array, hstack, vstack

from ..errors import InputError
from ..model.contacts import Contact, Edge
from ..model.problem import Problem
from . import forms
from .coefficients import Coefficients, Scales, evaluate, on_points
from .interface import Interface
from .space import facet_basis, is_hierarchical, locate, point_rows, region_basis


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


def _edge_terms(
    problem: Problem, basis: Any, scales: Scales, interface: Interface | None
) -> EdgeTerms:
    N = basis.N
    absorption, injected, absorbed = (
        csr_array((3 * N, 3 * N)),
        np.zeros((3, N)),
        np.zeros((3, N), dtype=bool),
    )
    for name, moment in problem.moment_conditions().items():
        if moment.absorbing:
            absorbed[:, _unknowns(problem, basis, name)[0]] = True
            continue
        edge = place_basis(problem, basis, name)
        one = np.ones(edge.dx.shape)
        if moment.absorbs_partially:
            unit = _absorption_unit(problem, name, scales)
            rates = [unit * G for G in moment.absorption]
            absorption = absorption + _absorbed(problem, edge, rates, scales, interface)
        if moment.injects:
            injected += np.outer(moment.injected, forms.load.assemble(edge, a=one))
    return EdgeTerms(csr_array(absorption), injected.ravel(), _columns(~absorbed.ravel()))


def place_basis(problem: Problem, basis: Any, place: str) -> Any:
    """The space on a boundary, or on the cells of a region."""
    if _is_area(problem, place):
        return region_basis(basis.mesh, problem.order, problem.mesh.regions[place])
    return facet_basis(basis.mesh, problem.order, problem.mesh.boundaries[place])


def _is_area(problem: Problem, place: str) -> bool:
    """Whether a place is a region; a boundary of the same name goes first."""
    return place in problem.mesh.regions and place not in problem.mesh.boundaries


def _unknowns(problem: Problem, basis: Any, place: str) -> tuple[np.ndarray, np.ndarray]:
    """Unknowns on a boundary or region, and those among them that belong to vertices."""
    if _is_area(problem, place):
        cells = problem.mesh.regions[place]
        everything = np.unique(basis.element_dofs[:, cells])
        corners = np.unique(basis.mesh.t[:, cells])
    else:
        facets = problem.mesh.boundaries[place]
        everything = basis.get_dofs(facets).all()
        corners = np.unique(basis.mesh.facets[:, facets])
    return everything, basis.nodal_dofs[0, corners]


def _absorption_unit(problem: Problem, place: str, scales: Scales) -> float:
    """What makes an absorption scaled: of an area (1/s), of a contact of a channel (m^2/s), of a
    line (m/s).
    """
    if _is_area(problem, place):
        return scales.length**2 / scales.diffusion
    contacts = {c.place(name) for name, c in problem.contacts.items()}
    if problem.mesh.is_channel and place in contacts:
        return 1.0 / (scales.diffusion * scales.across)
    return scales.length / scales.diffusion


def _absorbed(
    problem: Problem,
    edge: Any,
    rates: Sequence[float],
    scales: Scales,
    interface: Interface | None,
) -> csr_array:
    """oint G^a n^a w^a in the unknowns of the moments, (3N, 3N)."""
    if interface is None:
        mass = csr_array(forms.mass.assemble(edge, a=np.ones(edge.dx.shape)))
        return csr_array(block_diag([G * mass for G in rates]))
    c = on_facets(problem, edge, scales)
    table = interface.density(c)
    rows = []
    for G, row in zip(rates, table, strict=True):
        blocks = []
        for entry in row:
            weight = np.zeros(edge.dx.shape) if entry is None else G / scales.moment * entry
            blocks.append(csr_array(forms.mass.assemble(edge, a=np.ascontiguousarray(weight))))
        rows.append(blocks)
    return csr_array(block_array(rows))


def on_facets(problem: Problem, edge: Any, scales: Scales) -> Coefficients:
    """Coefficients at the quadrature points of a boundary, of the cells that it bounds."""
    points = np.asarray(edge.global_coordinates()) * scales.length
    return evaluate(problem, points, np.asarray(edge.tind))


@dataclass(frozen=True, eq=False)
class EdgeSources:
    """Sources that follow the current along edges, and their partners in the charge equation
    (theory, section 13).

    S (3N, N): oint kappa^a sigma (d_t V) w^a.  C (N, 3N): - oint kappa'^a D n^a d_t psi in the
    unknowns of the moments.  drive, response (3N,): the same for unit E along x through a section.
    """

    S: csr_array
    C: csr_array
    drive: np.ndarray
    response: np.ndarray


def edge_sources(
    problem: Problem,
    basis: Any,
    scales: Scales,
    reading: Callable[[Coefficients, int], list[np.ndarray]],
) -> EdgeSources:
    """All edge sources; ``reading(c, a)`` weighs the unknowns in what is read of n^a."""
    N = basis.N
    S = [csr_array((N, N)) for _ in range(3)]
    C = [csr_array((N, N)) for _ in range(3)]
    drive, response = np.zeros((3, N)), np.zeros((3, N))
    plane = {"xyz".index(axis) for axis in problem.mesh.axes}
    for name, law in problem.edge_sources.items():
        edge = facet_basis(basis.mesh, problem.order, problem.mesh.boundaries[name])
        c = on_facets(problem, edge, scales)
        forth, back = _strengths(law, c)
        sigma, D = c.sigma / scales.conductivity, c.diffusion / scales.diffusion
        nu = np.zeros((3, *edge.dx.shape))
        nu[sorted(plane)] = np.asarray(edge.normals)
        for a in range(3):
            read = [w * D for w in reading(c, a)]
            if problem.is_cross_section:
                # kappa sigma E_t for E along x, or - kappa sigma (nu x E) with one kappa a face
                turned = nu[1] if law.by_component else (0.0 * nu[1], -nu[2], nu[1])[a]
                drive[a] += forms.load.assemble(edge, a=forth[a] * sigma * turned)
                for d in range(3):
                    response[d] += forms.load.assemble(edge, a=back[a] * read[d] * turned)
            if problem.mesh.dim == 2 and (law.by_component or a not in plane):
                S[a] = S[a] + csr_array(forms.along_edge.assemble(edge, a=forth[a] * sigma))
                for d in range(3):
                    form = forms.along_edge.assemble(edge, a=back[a] * read[d])
                    C[d] = C[d] - csr_array(form.T)
    return EdgeSources(csr_array(vstack(S)), csr_array(hstack(C)), drive.ravel(), response.ravel())


def _strengths(law: Edge, c: Coefficients) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """kappa and kappa' by component at the points of an edge; a number stands for each component
    that it may reach.
    """
    one = np.ones_like(c.sigma)
    forth = [kappa * one for kappa in np.broadcast_to(law.source, 3)]
    if law.inverse_source is not None:
        return forth, [kappa * one for kappa in np.broadcast_to(law.inverse_source, 3)]
    directed = np.where(c.alpha == 0.0, 1.0, c.alpha)
    ratio = np.where(c.alpha == 0.0, 1.0, c.alpha_inverse / directed)
    return forth, [kappa * ratio for kappa in forth]


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
        # hierarchical elements: only vertex functions sum to one, edge modes are zero on a contact
        everything, vertices = _unknowns(problem, basis, contact.place(name))
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
    edge, weight = weighted(problem, name, contact, basis, scales)
    return np.asarray(forms.load.assemble(edge, a=weight))


def weighted(
    problem: Problem, name: str, contact: Contact, basis: Any, scales: Scales
) -> tuple[Any, np.ndarray]:
    """The space on a contact, and the weights of a mean over it: the profile, or all alike."""
    edge = place_basis(problem, basis, contact.place(name))
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
    return edge, weight / total
