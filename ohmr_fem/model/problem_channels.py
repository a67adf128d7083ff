"""What a problem with a second channel cannot have yet: said once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import InputError

if TYPE_CHECKING:
    from .problem import Problem


def check_channels(problem: Problem) -> None:
    """InputError for what would leave the spin out silently."""
    if not problem.has_spin:
        _refuse_conditions(problem)
        return
    if not all(m.constant for m in problem.materials.values()):
        raise _refused("materials", "a spin beside coefficients that vary is not in this version")
    if any(m.spin is None for m in problem.materials.values()):
        raise _refused("materials", "a spin belongs to all regions or to none")
    if problem.ordinary_hall:
        raise _refused("ordinary_hall", "the ordinary Hall effect has no spin in this version")
    for name in problem.edge_sources:
        raise _refused("edges", f"the source of edge {name!r} has no spin in this version")


def _refuse_conditions(problem: Problem) -> None:
    """A condition on a spin that no material has."""
    for name, contact in problem.contacts.items():
        if contact.spin_polarisation is not None or contact.moment.spin is not None:
            raise _refused("contacts", f"{name!r} has a condition on the spin, the materials none")
    for name, edge in problem.edges.items():
        if edge.moment.spin is not None:
            raise _refused("edges", f"{name!r} has a condition on the spin, the materials none")
    if problem.film is not None and any(face.spin is not None for face in problem.film.faces):
        raise _refused("film", "a face has a condition on the spin, the materials none")


def _refused(
    key: str,
    what: str,
) -> InputError:
    return InputError(what, owner="Problem", key=key)
