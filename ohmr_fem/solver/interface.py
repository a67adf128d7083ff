"""What is continuous between regions: the moment density n, or the accumulation h, n = chi W^-1 h.

With chi = sigma/D and W = X over one of its entries, the accumulation h (in volt) makes the torque
antisymmetric and all the rest symmetric whatever the regions are made of, so that reciprocity holds
between any two contacts (docs/theory, section 12).  A device of one chi and one shape of X cannot
tell h from n and keeps n.  Where X has one shape, W is a constant matrix, and W = 1 gives the same
answer from smaller matrices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError, PhysicsWarning
from ..model.problem import Problem
from .coefficients import Coefficients

#: Rows a, columns d: what multiplies h^d in n^a, each (cells, points), or None where it is zero.
Table = list[list[np.ndarray | None]]
#: Coefficients that differ by less than this fraction are the same.
SAME = 1e-12


@dataclass(frozen=True)
class Interface:
    """n^a = chi (W^-1)_ad h^d; ``shaped`` if W is more than 1, and then over X_zz or, ``averaged``,
    over (X_xx + X_yy)/2.
    """

    shaped: bool
    averaged: bool

    def density(self, c: Coefficients) -> Table:
        """chi W^-1 in C/m^2 per volt."""
        chi = c.sigma / c.diffusion
        if not self.shaped:
            return _diagonal(chi)
        inverse = np.linalg.inv(_shape(c, self.averaged))
        inverse = 0.5 * (inverse + inverse.swapaxes(-2, -1))  # so that diffusion is symmetric
        weights = chi * np.moveaxis(inverse, (-2, -1), (0, 1))
        return [[_or_none(weights[a, d]) for d in range(3)] for a in range(3)]

    def turned(self, c: Coefficients) -> Table:
        """(g e/2) X chi W^-1, which the cross product with B makes a torque; (g e/2) chi X_zz where
        W has the shape of X, and then the torque is antisymmetric to the last bit.
        """
        chi = c.sigma / c.diffusion
        if self.shaped:
            return _diagonal(chi * c.normaliser(self.averaged))
        return [[_or_none(chi * c.half_g_x[a, d]) for d in range(3)] for a in range(3)]

    def read(self, c: Coefficients, component: int, detection: str) -> list[np.ndarray]:
        """Weights of h^d in what the inverse effect reads of n."""
        if self.shaped and detection == "reciprocal":
            chi = c.sigma / c.diffusion
            return [chi if d == component else np.zeros_like(chi) for d in range(3)]
        weights = c.detection(component, detection, self.averaged)
        table = self.density(c)
        out = []
        for d in range(3):
            column = [row[d] for row in table]
            total = np.zeros_like(c.sigma)
            for weight, entry in zip(weights, column, strict=True):
                if entry is not None:
                    total = total + weight * entry
            out.append(total)
        return out


def interface_of(problem: Problem, c: Coefficients) -> Interface | None:
    """How h makes n, or None where n itself is continuous.

    Raises
    ------
    InputError
        Reciprocal detector, and tensors of several shapes of which one is not definite.
    """
    if problem.interface == "density" or problem.uniform:
        return None
    if one_shape(c):
        chi = c.sigma / c.diffusion
        return None if _same(chi) else Interface(False, problem.averages)
    if definite(c):
        return Interface(True, problem.averages)
    if problem.detection == "reciprocal":
        raise InputError(
            "detection='reciprocal' needs positive definite tensors where regions differ in the "
            "shape of X, and one of them is singular or indefinite; use detection='printed', or "
            "interface='density' with n continuous",
            key="detection",
            owner="Problem",
            named=True,
        )
    return Interface(False, problem.averages)


def one_shape(c: Coefficients) -> bool:
    """Whether X is one tensor up to a factor, which may be zero."""
    return alike(_points(c))


def alike(X: np.ndarray) -> bool:
    """Whether tensors (n, 3, 3) are one up to a factor, which may be zero."""
    size = np.abs(X).max(axis=(1, 2))
    first = X[int(np.argmax(size))]
    top = np.unravel_index(int(np.argmax(np.abs(first))), (3, 3))
    if first[top] == 0.0:
        return True
    factor = X[:, top[0], top[1]] / first[top]
    apart = np.abs(X - factor[:, None, None] * first).max(axis=(1, 2))
    return bool(np.all(apart <= SAME * np.maximum(size, 1e-300)))


def definite(c: Coefficients) -> bool:
    """Whether X is definite wherever it is not zero."""
    return all_definite(_points(c))


def all_definite(X: np.ndarray) -> bool:
    """Whether tensors (n, 3, 3) are definite where they are not zero."""
    moving = X[np.any(X != 0.0, axis=(1, 2))]
    values = np.linalg.eigvalsh(moving)
    size = np.abs(values)
    one_sign = np.all(values > 0.0, axis=1) | np.all(values < 0.0, axis=1)
    return bool(np.all(one_sign & (size.min(axis=1) > 1e-10 * size.max(axis=1))))


def reciprocity_notes(problem: Problem, c: Coefficients) -> list[PhysicsWarning]:
    """Where R_ij,kl(B) = R_kl,ij(-B) fails because regions or rates differ (section 12)."""
    found = [
        _rule_note(problem, c),
        _ratio_note(problem, c),
        _rate_note(problem, c),
        _source_note(problem, c),
        *_contact_notes(problem, c),
    ]
    return [note for note in found if note is not None]


def _rule_note(problem: Problem, c: Coefficients) -> PhysicsWarning | None:
    chi = c.sigma / c.diffusion
    shaped = not one_shape(c)
    if problem.interface == "density":
        if _same(chi) and not shaped:
            return None
        return PhysicsWarning(
            "interface='density' keeps n continuous between regions whose sigma/D or shape of X "
            "differ: R_ij,kl(B) need not equal R_kl,ij(-B) (Onsager); the default "
            "interface='accumulation' restores it",
            key="interface",
        )
    if shaped and not definite(c):
        return PhysicsWarning(
            "regions differ in the shape of X, and one of the tensors is singular or indefinite: "
            "n D/sigma is continuous there, and R_ij,kl(B) need not equal R_kl,ij(-B) (Onsager)",
            key="inverse_mass",
        )
    return None


def _ratio_note(problem: Problem, c: Coefficients) -> PhysicsWarning | None:
    """alpha'/alpha, and kappa'/kappa where it is given, must be one number: compared by products,
    for alpha may be zero.
    """
    laws = [e for e in problem.edge_sources.values() if e.inverse_source is not None]
    forth = np.concatenate([c.alpha.ravel(), *(np.broadcast_to(e.source, 3) for e in laws)])
    back = np.concatenate(
        [c.alpha_inverse.ravel(), *(np.broadcast_to(e.inverse_source, 3) for e in laws)]
    )
    size = np.abs(forth) + np.abs(back)
    top = int(np.argmax(size))
    crossed = np.abs(forth * back[top] - back * forth[top])
    if np.all(crossed <= 1e-9 * size * size[top]):
        return None
    return PhysicsWarning(
        "the ratio of the inverse to the direct orbital Hall angle (or edge source) varies over "
        "the device: "
        "R_ij,kl(B) need not equal R_kl,ij(-B) (Onsager)",
        key="inverse_orbital_hall_angle",
    )


def _rate_note(problem: Problem, c: Coefficients) -> PhysicsWarning | None:
    X = _points(c)
    laws = [m.absorption for m in problem.moment_conditions().values() if not m.absorbing]
    name = "relaxation_time" if c.crossed is None else "relaxation_rate"
    rates = [(name, np.moveaxis(c.relaxation.reshape(3, 3, -1), 2, 0))]
    rates += [("absorption", np.diag(law)[None]) for law in laws]
    for name, rate in rates:
        mixed = np.abs(rate @ X - X @ rate).max(axis=(1, 2))
        size = np.abs(rate).max(axis=(1, 2)) * np.abs(X).max(axis=(1, 2))
        if np.any(mixed > 1e-9 * size):
            return PhysicsWarning(
                f"{name} by component does not commute with the inverse mass tensor: "
                "R_ij,kl(B) need not equal R_kl,ij(-B) (Onsager)",
                key=name,
            )
    return None


def _source_note(problem: Problem, c: Coefficients) -> PhysicsWarning | None:
    across = [
        name
        for name, e in problem.edge_sources.items()
        if e.by_component and np.any(np.broadcast_to(e.source, 3)[:2] != 0.0)
    ]
    if not across or problem.detection == "reciprocal":
        return None
    if _isotropic(c):
        return None
    return PhysicsWarning(
        f"the source of edge {across[0]!r} is not along z and X is anisotropic: the printed "
        "detector reads D n^a there, and R_ij,kl(B) need not equal R_kl,ij(-B) (Onsager); "
        "detection='reciprocal' restores it",
        key="detection",
    )


def _contact_notes(problem: Problem, c: Coefficients) -> list[PhysicsWarning]:
    """What polarised contacts ask for beyond all that (section 10)."""
    if not problem.polarised:
        return []
    name = next(iter(problem.polarised))
    found = []
    if problem.detection == "printed" and not _isotropic(c):
        text = (
            f"the contact {name!r} is polarised and X is anisotropic: the printed detector reads "
            "(D/sigma) p . n there, and R_ij,kl(p, B) need not equal R_kl,ij(-p, -B) (Onsager); "
            "detection='reciprocal' restores it"
        )
        found.append(PhysicsWarning(text, key="detection"))
    apart = np.abs(c.alpha_inverse - c.alpha)
    if np.any(apart > SAME * np.abs(c.alpha)):
        text = (
            f"the contact {name!r} is polarised and the inverse orbital Hall angle differs from "
            "the direct one: R_ij,kl(p, B) need not equal R_kl,ij(-p, -B) (Onsager)"
        )
        found.append(PhysicsWarning(text, key="inverse_orbital_hall_angle"))
    return found


def _isotropic(c: Coefficients) -> bool:
    X = _points(c)
    isotropic = X[:, :1, :1] * np.eye(3)
    return bool(np.abs(X - isotropic).max() <= SAME * np.abs(X).max())


def _points(c: Coefficients) -> np.ndarray:
    """(g e/2) X, (n, 3, 3)."""
    return np.moveaxis(c.half_g_x.reshape(3, 3, -1), 2, 0)


def _shape(c: Coefficients, averaged: bool) -> np.ndarray:
    """W = X over its normaliser, (cells, points, 3, 3); 1 where nothing precesses."""
    X = np.moveaxis(c.half_g_x, (0, 1), (-2, -1))
    nothing = ~np.any(X != 0.0, axis=(-2, -1))
    X = np.where(nothing[..., None, None], np.eye(3), X)
    scale = np.where(nothing, 1.0, c.normaliser(averaged))
    return np.asarray(X / scale[..., None, None])


def _same(values: np.ndarray) -> bool:
    return bool(np.ptp(values) <= SAME * np.abs(values).max())


def _diagonal(value: np.ndarray) -> Table:
    return [[value if a == d else None for d in range(3)] for a in range(3)]


def _or_none(value: np.ndarray) -> np.ndarray | None:
    return value if np.any(value != 0.0) else None
