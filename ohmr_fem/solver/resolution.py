"""Does the mesh resolve the edge layer, and does the model know the device?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import PhysicsWarning, ResolutionWarning
from ..model.film import METALS, Film, strengths
from ..model.material import Material, cross_matrix, torque_of
from ..model.problem import Problem, contact_width
from ..model.stack import Stack
from ..units import engineering
from .film_channels_notes import several_rates_notes
from .interface import reciprocity_notes
from .interface_cells import cell_heights, interface_cells, lost_between_faces
from .spin_notes import spin_notes
from .stack_notes import stack_notes
from .system import system_of

if TYPE_CHECKING:
    from .system import System


#: Largest first-cell size at an edge, in decay lengths, for orders 1 to 8 (about 1% of the local
#: profile).
LARGEST_CELL = (0.3, 0.8, 1.3, 1.8, 2.3, 2.8, 3.3, 3.8)
#: Largest part of the ohmic resistance that the first order in alpha alpha' may change.
FIRST_ORDER = 0.1


def check_resolution(system: System, field: np.ndarray) -> list[ResolutionWarning]:
    """A warning if the first cells along an insulating edge are too large for the decay of the
    moment density, and one if those along an interface of regions are.
    """
    height, cells = edge_cells(system)
    order = system.problem.order
    found = unresolved(height, _decay(system, field, cells), order)
    height, cells = interface_cells(system)
    between = _decay(system, field, cells, lost_between_faces(system))
    return found + unresolved(height, between, order, "interface")


def _decay(
    system: System, field: np.ndarray, cells: np.ndarray, lost: np.ndarray | None = None
) -> np.ndarray:
    """The shortest of the decay lengths of all moments, m; ``lost`` adds to their rates (1/s)."""
    decay = decay_length(system, field, lost)[cells]
    if system.spin is None:
        return decay
    return np.minimum(decay, decay_length(system.spin, field, lost)[cells])


def check_edges(height: np.ndarray, problem: Problem, field: np.ndarray) -> list[ResolutionWarning]:
    """As :func:`check_resolution`, of the heights of :func:`edge_cells` and a uniform material."""
    _, squared = torque_of(problem.material, field)
    decay = problem.material.diffusion_length / _shortening(squared)
    return unresolved(height, np.full(height.shape, decay), problem.order)


def _shortening(squared: np.ndarray) -> np.ndarray:
    """Re sqrt(1 + i omega tau), by which a field shortens the decay, from (omega tau)^2."""
    turning = np.sqrt(1.0 + 1j * np.sqrt(np.maximum(squared, 0.0))).real
    return np.asarray(turning * np.sqrt(1.0 + np.sqrt(np.maximum(-squared, 0.0))))


def edge_cells(system: System) -> tuple[np.ndarray, np.ndarray]:
    """Extent normal to the edge (m) and number of the cells along edges where moments may gather,
    and beside polarised contacts.
    """
    mesh, problem = system.problem.mesh, system.problem
    silent = [
        mesh.boundaries[c.place(n)]
        for n, c in problem.contacts.items()
        if c.kind == "equipotential"
        and c.region is None
        and not c.moment.injects
        and not c.polarised
    ]
    none = np.empty(0, dtype=int)
    rim = np.setdiff1d(mesh.mesh.boundary_facets(), np.concatenate([none, *silent]))
    beside = [mesh.rim(c.place(n)) for n, c in problem.polarised.items() if c.kind != "point"]
    facets = np.union1d(rim, np.concatenate([none, *beside]))
    inner = facets[mesh.mesh.f2t[1, facets] >= 0]  # these have a cell on either side
    cells = np.concatenate([mesh.mesh.f2t[0, facets], mesh.mesh.f2t[1, inner]])
    facets = np.concatenate([facets, inner])
    return (cell_heights(system, facets, cells) if facets.size else np.empty(0)), cells


def unresolved(
    height: np.ndarray,
    decay: np.ndarray,
    order: int,
    place: str = "edge",
) -> list[ResolutionWarning]:
    """One warning about the cell that is largest for the decay length beside it, if it is too
    large.
    """
    if height.size == 0:
        return []
    allowed = LARGEST_CELL[order - 1]
    ratio = height / (allowed * decay)
    worst = int(np.argmax(ratio))
    if ratio[worst] <= 1.0:
        return []
    return [
        ResolutionWarning(
            f"{place} layer not resolved: cells of {engineering(float(height[worst]), 'm')} at an "
            f"{place} where the moment density "
            f"decays over {engineering(float(decay[worst]), 'm')}; order {order} needs cells of at "
            "most "
            f"{engineering(float(allowed * decay[worst]), 'm')} there (refine the mesh at its "
            f"{place}s, or raise the order)",
            key="mesh",
        )
    ]


def decay_length(system: System, field: np.ndarray, lost: np.ndarray | None = None) -> np.ndarray:
    """Shortest decay length of the moment density in each cell, m: L_m / Re sqrt(1 + i omega
    tau), where ``lost`` (1/s, by cell) adds to 1/tau.
    """
    c = system.coefficients
    half_g_x, diffusion = c.half_g_x[..., 0], c.diffusion[:, 0]
    rate = c.rate[..., 0].max(axis=0)
    if c.crossed is not None:
        rate = np.linalg.eigvalsh(np.moveaxis(c.relaxation[..., 0], 2, 0))[:, -1]
    if lost is not None:
        rate = rate + lost
    if (
        system.problem.ordinary_hall
    ):  # the Lorentz force shortens the diffusion length by sqrt(1 + b^2)
        diffusion = diffusion / (1.0 + (c.mobility[:, 0] * field[2]) ** 2)
    T = np.einsum("ac,cdk->kad", cross_matrix(field), half_g_x) / rate[:, None, None]
    squared = -0.5 * np.einsum("kab,kba->k", T, T)
    return np.asarray(np.sqrt(diffusion / rate) / _shortening(squared))


def size_notes(problem: Problem, share: float) -> list[PhysicsWarning]:
    """Whether the first order in alpha alpha' is enough for an orbital effect of this ``share`` of
    the ohmic resistance, both between the contacts of the current.
    """
    if problem.coupling != "linear" or problem.is_cross_section or not share > FIRST_ORDER:
        return []
    return [
        PhysicsWarning(
            f"the orbital effect is {share:.2g} of the ohmic resistance between the contacts of "
            f"the current (above {FIRST_ORDER:g}), too large for the first order in alpha alpha'; "
            f"{_all_orders(problem)}",
            key="coupling",
        )
    ]


def _all_orders(problem: Problem) -> str:
    if problem.film is not None:
        return "coupling='full' would take all orders, but has no film in this version"
    return "use Problem(coupling='full')"


def angle_notes(problem: Problem) -> list[PhysicsWarning]:
    """Whether an orbital Hall angle is too large for the first order."""
    if problem.coupling != "linear":
        return []
    for region, m in problem.materials.items():
        for name in ("orbital_hall_angle", "inverse_orbital_hall_angle"):
            value = getattr(m, name)
            largest = 0.0 if callable(value) else float(np.max(np.abs(value)))
            if largest > 1.0:
                return [
                    PhysicsWarning(
                        f"{name} = {largest:g} in region {region!r} is above 1 (a percentage? "
                        f"write '{largest:g} %'): the first order in alpha alpha' needs a small "
                        f"angle; {_all_orders(problem)}",
                        key=name,
                    )
                ]
    return []


def physics_notes(problem: Problem, field: np.ndarray) -> list[PhysicsWarning]:
    """Where the model leaves something out that the user's field or tensor would show."""
    notes = angle_notes(problem)
    if (
        "x" in problem.mesh.axes
        and not problem.ordinary_hall
        and np.any(np.atleast_2d(field)[:, 2] != 0.0)
    ):
        adds = "" if problem.film else " (Problem(ordinary_hall=True) adds them)"
        notes.append(
            PhysicsWarning(
                "B has a z component: the ordinary magnetoresistance and Hall effect of the "
                "carriers "
                f"are not in the model{adds}",
                key="ordinary_hall",
            )
        )
    conditions = problem.moment_conditions()
    lines = {name: m for name, m in conditions.items() if name in problem.mesh.boundaries}
    absorbing = [problem.mesh.boundaries[name] for name, m in lines.items() if m.absorbing]
    if (
        absorbing
        and np.setdiff1d(problem.mesh.mesh.boundary_facets(), np.concatenate(absorbing)).size == 0
    ):
        notes.append(
            PhysicsWarning(
                "the whole boundary absorbs: where the material is uniform no moment accumulates, "
                "and "
                "neither the current nor the field leaves a trace; leave one edge reflecting to "
                "see one",
                key="edges",
            )
        )
    if isinstance(problem.film, Stack):
        return [*notes, *stack_notes(problem, field)]
    if problem.film is not None:
        return [*notes, *_film_notes(problem, field)]
    notes += _channel_notes(problem)
    notes += _metal_notes(problem)
    if not _one_law(problem):
        system = system_of(problem, plane_of_film=True, with_spin=True)
        notes += reciprocity_notes(problem, system.coefficients)
    notes += spin_notes(problem)
    if problem.detection == "printed":
        components = [c for c, axis in ((2, "y"), (1, "z")) if axis in problem.mesh.axes]
        for m in problem.materials.values():
            if callable(m.inverse_mass):
                continue
            X = np.asarray(m.inverse_mass)
            if any(
                np.any(np.abs(np.delete(X[c], c)) > 1e-12 * np.abs(X).max()) for c in components
            ):
                notes.append(
                    PhysicsWarning(
                        "X_za is not zero: with the printed detector R(B) need not equal R(-B) "
                        "(Onsager); detection='reciprocal' restores it",
                        key="detection",
                    )
                )
                break
    return notes


def _one_law(problem: Problem) -> bool:
    """Whether there is nothing to compare: one material, one rate, edges that only absorb."""
    if not problem.uniform or problem.edge_sources or problem.polarised:
        return False
    if any(isinstance(m.relaxation_time, tuple) for m in problem.materials.values()):
        return False
    return all(m.is_scalar for m in problem.moment_conditions().values())


def _channel_notes(problem: Problem) -> list[PhysicsWarning]:
    """Where a device is no channel."""
    if not problem.mesh.is_channel:
        return []
    c = system_of(problem, with_spin=True).coefficients
    length = float(np.sqrt(c.diffusion / c.rate.max(axis=0)).min())
    notes = []
    width = float(problem.mesh.width or 0.0)
    if width > length:
        text = (
            f"a channel of width {engineering(width, 'm')} is wider than the diffusion length "
            f"{engineering(length, 'm')}: moments vary across it where contacts do not reach all "
            "the way; mesh the device in the plane"
        )
        notes.append(PhysicsWarning(text, key="width"))
    if np.any(c.alpha != 0.0) or np.any(c.alpha_inverse != 0.0):
        text = (
            "a channel leaves out the orbital Hall accumulation at its side edges: only polarised "
            "contacts drive and read moments there"
        )
        notes.append(PhysicsWarning(text, key="orbital_hall_angle"))
    return notes


def _metal_notes(problem: Problem) -> list[PhysicsWarning]:
    """A metal on a plane without thickness: what the faces of a film would add, against its edges,
    both tanh(z)/z (docs/theory, section 9).
    """
    metals = [m for m in problem.materials.values() if m.name in METALS and m.uniform]
    if problem.is_cross_section or not metals:
        return []
    widths = [contact_width(problem, n) for n, c in problem.contacts.items() if c.kind != "point"]
    if not widths:
        return []
    material = metals[0]
    z = 0.5 * min(widths) / float(np.sqrt(material.diffusion_constant * material.relaxation_time))
    edges, faces = float(np.tanh(z) / z), float(np.tanh(0.5) / 0.5)
    return [
        PhysicsWarning(
            f"{material.name} is measured as a film, whose two faces this plane does not know: at "
            f"thickness L_m they answer {faces:.2g} alpha alpha' of R, the side edges {edges:.2g} "
            f"(x {faces / edges:.3g} is missing); give resistivity and Problem(film=of.Film(...))",
            key="film",
        )
    ]


def _regional_notes(problem: Problem) -> list[PhysicsWarning]:
    """Of several materials: the rule between them, and what the printed detector asks of each."""
    notes = reciprocity_notes(problem, system_of(problem, plane_of_film=True).coefficients)
    if problem.detection == "printed":
        tensors = [np.asarray(m.inverse_mass) for m in problem.materials.values()]
        sizes = [X / max(float(np.abs(X).max()), 1e-300) for X in tensors]
        flat = [np.abs(X - np.diag([X[0, 0], X[0, 0], X[2, 2]])).max() <= 1e-9 for X in sizes]
        alike = all(np.abs(X - sizes[0]).max() <= 1e-9 for X in sizes)
        if not all(flat) or not alike:
            notes.append(
                PhysicsWarning(
                    "R_ij,kl(B) need not equal R_kl,ij(-B) (Onsager) in this film: the printed "
                    "detector on an X that is not diag(X_xx, X_xx, X_zz), or whose shape differs "
                    "between regions; detection='reciprocal' restores it",
                    key="detection",
                )
            )
            return notes
    film = problem.film
    assert isinstance(film, Film)
    reasons = (_face_reason(problem, film, m) for m in problem.materials.values())
    why = next(filter(None, reasons), "")
    return [*notes, _face_note(why)] if why else notes


def _strength_note(problem: Problem, film: Film, material: Material) -> PhysicsWarning | None:
    """Where kappa'/kappa is not alpha'/alpha at a face or edge."""
    laws: list[Any] = [*film.faces, *problem.edge_sources.values()]
    for law in laws:
        if not isinstance(law.source, tuple) and not isinstance(law.inverse_source, tuple):
            forth, back = strengths(material, law.source, law.inverse_source)
            if abs(forth - back) > 1e-9 * abs(forth):
                return PhysicsWarning(
                    "the ratio of the inverse to the direct source at a face or edge is not that "
                    "of the orbital Hall angles: R_ij,kl(B) need not equal R_kl,ij(-B) (Onsager)",
                    key="inverse_source",
                )
    return None


def _film_notes(problem: Problem, field: np.ndarray) -> list[PhysicsWarning]:
    """Where R_ij,kl(B) = R_kl,ij(-B) fails in a film (docs/theory, section 9)."""
    film, material = problem.film, next(iter(problem.materials.values()))
    if not isinstance(film, Film):
        return []
    if problem.constant and not problem.uniform:
        return several_rates_notes(problem, field)
    if not material.uniform:
        return []
    if not problem.uniform:
        return _regional_notes(problem)
    if (note := _strength_note(problem, film, material)) is not None:
        return [note]
    why = _face_reason(problem, film, material)
    return [_face_note(why)] if why else []


def _face_note(why: str) -> PhysicsWarning:
    return PhysicsWarning(
        f"R_ij,kl(B) need not equal R_kl,ij(-B) (Onsager) in this film: {why}; "
        "detection='reciprocal' with faces whose G commutes with X restores it",
        key="detection" if "printed" in why else "film",
    )


def _face_reason(problem: Problem, film: Film, material: Material) -> str:
    """What in the tensor, the faces and the detector is against it; "" where nothing is."""
    X = np.asarray(material.inverse_mass)
    slack = 1e-9 * np.abs(X).max()
    if np.all(np.abs(X - X[0, 0] * np.eye(3)) <= slack):
        return ""
    conductivity = float(material.sheet_conductivity) / film.thickness
    absorbed = [f.absorption(conductivity, material.diffusion_constant) for f in film.faces]
    given = [G for G in absorbed if G is not None]
    mixing = any(np.abs(G @ X - X @ G).max() > slack * np.abs(G).max() for G in given)
    why = "a face whose G does not commute with X" if mixing else ""
    if problem.detection == "printed":
        flat = np.diag([X[0, 0], X[0, 0], X[2, 2]])
        equal = len(given) == 0 or (len(given) == 2 and np.array_equal(given[0], given[1]))
        below, above = (face.strengths(material) for face in film.faces)
        equal = equal and below == above
        if np.any(np.abs(X - flat) > slack):
            why = "the printed detector on an X that is not diag(X_xx, X_xx, X_zz)"
        elif not equal:
            why = why or "the printed detector on an anisotropic X between unequal faces"
    return why
