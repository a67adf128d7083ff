"""Contacts that a geometry has and a device file leaves out."""

from __future__ import annotations

from ..errors import PhysicsWarning
from ..geometry.outline import Geometry
from ..model.problem import Problem


def without_contact(shape: Geometry, problem: Problem) -> list[PhysicsWarning]:
    """A word about the contacts of a geometry that are neither contacts nor edges of the problem:
    forgotten, perhaps, for there the current goes past.
    """
    used = {contact.place(name) for name, contact in problem.contacts.items()} | set(problem.edges)
    left = [name for name in shape.contacts if name not in used]
    if not left:
        return []
    many = len(left) > 1
    text = (
        f"{', '.join(left)} of the geometry {'are' if many else 'is'} not in [contacts]: "
        f"{'insulating edges' if many else 'an insulating edge'}"
    )
    return [PhysicsWarning(text, key="contacts")]
