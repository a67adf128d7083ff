"""What a stack leaves out, and where its tensor is not reciprocal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..errors import PhysicsWarning, SolveError
from ..model.channels import Channels
from ..model.film import Film
from ..model.problem import Problem, contact_width
from ..model.stack import Stack
from .film_decay import only_damp
from .spin_notes import spin_notes
from .stack import section_of, stack_tensors

#: Difference of delta sigma_ij(B) and delta sigma_ji(-B) over the largest entry.
RECIPROCAL = 1e-8


def stack_notes(problem: Problem, field: np.ndarray) -> list[PhysicsWarning]:
    """What the local tensor leaves out, with its size, and Onsager's relation where it fails."""
    stack = problem.film
    assert isinstance(stack, Stack)
    section = section_of(stack, problem.detection, problem.interface)
    notes = [*_left_out(problem, stack), *_unlike_faces(stack)]
    return [*notes, *spin_notes(section), *_onsager(problem, stack, field)]


def _unlike_faces(stack: Stack) -> list[PhysicsWarning]:
    """Faces that could make a torque amplify, which is looked at in films alone."""
    for face, (material, thickness) in zip(
        stack.faces, (stack.layers[0], stack.layers[-1]), strict=True
    ):
        film = Film(thickness, face, face)
        if not only_damp(film, Channels.of(material), thickness):
            return [
                PhysicsWarning(
                    "a face of this stack absorbs components at different rates on an anisotropic "
                    "X (or both moments): whether a strong field makes the moment grow there was "
                    "not looked at",
                    key="film",
                )
            ]
    return []


def _left_out(problem: Problem, stack: Stack) -> list[PhysicsWarning]:
    widths = [contact_width(problem, n) for n, c in problem.contacts.items() if c.kind != "point"]
    if not widths:
        return []
    length = max(np.sqrt(m.diffusion_constant * m.longest_time) for m, _ in stack.layers)
    # both are tanh(z)/z, of the width and of the thickness
    edges, faces = (
        np.tanh(z) / z for z in (min(widths) / 2 / length, stack.thickness / 2 / length)
    )
    return [
        PhysicsWarning(
            "a stack answers with its local conductivity tensor: its side edges (about "
            f"{edges / faces:.1g} of the part of the faces, at the narrowest contact) and what "
            "varies along the plane over the thickness are left out",
            key="film",
        )
    ]


def _onsager(problem: Problem, stack: Stack, field: np.ndarray) -> list[PhysicsWarning]:
    """Solved for at the strongest field and its opposite, magnets reversed too."""
    several = np.atleast_2d(field)
    strongest = several[int(np.argmax(np.linalg.norm(several, axis=1)))]
    options = problem.detection, problem.interface
    turned = replace(stack, bottom=stack.bottom.reversed(), top=stack.top.reversed())
    try:
        here = stack_tensors(stack, section_of(stack, *options), strongest[None])[0][0]
        there = stack_tensors(turned, section_of(turned, *options), -strongest[None])[0][0]
    except SolveError:  # an unstable torque is said where the curve is made
        return []
    apart = float(np.abs(here - there.T).max() / max(np.abs(here).max(), 1e-300))
    if apart <= RECIPROCAL:
        return []
    return [
        PhysicsWarning(
            f"R_ij,kl(B) differs from R_kl,ij(-B) (Onsager) in this stack, by {apart:.1g} of the "
            "orbital part: a face whose G does not commute with X, or the printed detector on "
            "anisotropic layers (detection='reciprocal')",
            key="film",
        )
    ]
