"""Where orbital and spin moment together break R_ij,kl(B) = R_kl,ij(-B) (docs/theory, section 11).

With N = Chi h, Chi = diag(sigma/D_L, sigma/D_S), reciprocity asks that DD Chi and the conversion
times Chi be symmetric, that alpha'^T DD Chi be parallel to sigma alpha^T, and that X_L be isotropic
where anything converts.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..errors import PhysicsWarning
from ..model.channels import Channels
from ..model.material import Material
from ..model.problem import Problem

#: Products that differ by less than this fraction are the same.
SAME = 1e-6
FAILS = "R_ij,kl(B) need not equal R_kl,ij(-B) (Onsager)"


def spin_notes(problem: Problem) -> list[PhysicsWarning]:
    """One warning for each kind of breakage, with the numbers."""
    distinct = {id(m): m for m in problem.materials.values() if m.spin is not None}
    found = [note for m in distinct.values() for note in _breakages(m)]
    if problem.polarised:
        found += [note for m in distinct.values() for note in _at_contacts(m)]
    return list({str(note): note for note in found}.values())


def _breakages(material: Material) -> Iterator[PhysicsWarning]:
    spin = material.spin
    assert spin is not None
    own, other = material.diffusion_constant, spin.diffusion_constant
    forth, back = own * spin.to_orbital, other * spin.from_orbital
    if _differ(forth, back):
        yield PhysicsWarning(
            f"conversion is not reciprocal: D_L to_orbital = {forth:.7g} and D_S from_orbital = "
            f"{back:.7g} m^2/s^2 differ, and {FAILS}",
            key="spin.to_orbital",
        )
    crossed = spin.cross_diffusion
    forth, back = own * crossed[0], other * crossed[1]
    if _differ(forth, back):
        yield PhysicsWarning(
            f"cross_diffusion is not reciprocal: D_L D_LS = {forth:.7g} and D_S D_SL = {back:.7g} "
            f"m^4/s^2 differ, and {FAILS}",
            key="spin.cross_diffusion",
        )
    matrices = Channels.of(material)
    read = matrices.inverse_angles @ matrices.diffusion / np.diag(matrices.diffusion)
    made = matrices.angles
    if _differ(read[0] * made[1], read[1] * made[0]):
        yield PhysicsWarning(
            "the ratio of inverse to direct angle differs between orbital and spin moment "
            f"({read[0]:.4g}/{made[0]:.4g} and {read[1]:.4g}/{made[1]:.4g}), and {FAILS}",
            key="spin.inverse_hall_angle",
        )
    X = np.asarray(material.inverse_mass)
    anisotropic = np.abs(X - X[0, 0] * np.eye(3)).max() > SAME * np.abs(X).max()
    if spin.converts and anisotropic:
        yield PhysicsWarning(
            f"spin turns into orbital moment on an X that is not isotropic, and {FAILS}",
            key="inverse_mass",
        )


def _at_contacts(material: Material) -> Iterator[PhysicsWarning]:
    matrices = Channels.of(material)
    read = matrices.inverse_angles @ matrices.diffusion / np.diag(matrices.diffusion)
    if any(_differ(*pair) for pair in zip(read, matrices.angles, strict=True)):
        yield PhysicsWarning(
            f"a contact is polarised and inverse angles differ from direct ones, and {FAILS}",
            key="polarisation",
        )


def _differ(one: float, other: float) -> bool:
    return abs(one - other) > SAME * max(abs(one), abs(other))
