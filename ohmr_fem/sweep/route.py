"""Which path serves a question - spectral, reduced, or field by field - decided in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import InputError, suggest
from ..model.problem import Problem

#: Why the spectral path was taken without being asked for.
APPLIES = "one material, linear coupling, the same edge law for all components"
#: The same for a relaxation tensor, or with a spin.
APPLIES_PER_POLE = "one material, linear coupling, a matrix for each pole"


@dataclass(frozen=True)
class Route:
    """A path and why it was taken; ``asked`` if the caller named it."""

    method: str
    why: str
    asked: bool

    @property
    def remark(self) -> str:
        """Why the general path was taken by itself, to stand behind its name; else nothing."""
        return "" if self.asked else f" ({self.why})"


def refusal(problem: Problem) -> str | None:
    """Why the spectral path cannot serve a problem, or None if it can."""
    if not problem.constant:
        return "the materials vary over the device"
    if problem.ordinary_hall:
        return (
            "the ordinary Hall effect makes the potential and the diffusion depend on B_z, and so "
            "the vectors of the measure"
        )
    if problem.coupling != "linear":
        return (
            "coupling='full' feeds the orbital current back into the drive, which then depends on "
            "the field"
        )
    if problem.mesh.is_channel and not problem.polarised:
        return "nothing drives moments in a channel without polarised contacts"
    for name, edge in problem.edge_sources.items():
        if problem.film is not None and not edge.by_component:
            continue
        return f"the edge {name!r} has a source that follows the current"
    for name, moment in problem.moment_conditions().items():
        if not moment.is_scalar:
            return f"the edge {name!r} absorbs the three components at different rates"
        if problem.has_spin and moment.tells_apart:
            return f"orbital and spin moment meet different conditions at {name!r}"
        if problem.has_spin and moment.absorbs_partially:
            return f"the edge {name!r} absorbs at a finite rate, and both channels diffuse there"
    for name, contact in problem.contacts.items():
        if problem.has_spin and contact.tells_apart:
            return f"orbital and spin moment meet different conditions at {name!r}"
    return None


def refused(reason: str, instead: Sequence[str], caller: str = "") -> InputError:
    """The error of a spectral path that does not apply; ``instead`` are the methods that do."""
    methods = " or ".join(f"method={name!r}" for name in instead)
    remedy = f"{caller}(..., {methods})" if caller else methods
    return InputError(f"the spectral path does not apply: {reason}; use {remedy}")


def require_spectral(problem: Problem) -> None:
    """InputError where no measure of the problem exists."""
    reason = refusal(problem)
    if reason is not None and problem.film is not None:
        raise InputError(f"no measure of this film exists: {reason}", key="film")
    if reason is not None:
        affine = [] if problem.ordinary_hall else ["reduced"]
        raise refused(reason, [*affine, "direct"], "hanle_curve")


def choose(
    caller: str,
    method: str,
    methods: Sequence[str],
    problem: Problem,
    *,
    general: str | None = None,
    further: str | None = None,
) -> Route:
    """The path of a call.

    Parameters
    ----------
    caller : name of the function, for messages
    method : what the user asked for, one of ``methods``: "auto", "spectral", and general paths
    general : the general path that "auto" takes; default the last of ``methods``
    further : a reason against the spectral path that the problem does not show

    Raises
    ------
    InputError
        An unknown method, or one that does not apply.
    """
    if method not in methods:
        near = suggest(method, methods)
        raise InputError(f"{caller}: unknown method {method!r}; {near}", value=method)
    reason = refusal(problem) or further
    if problem.film is not None and (reason is not None or method not in ("auto", "spectral")):
        why = reason or f"it has no method={method!r}"
        raise InputError(
            f"{caller}: a film is served by the spectral path alone, and {why}", key="film"
        )
    if method == "reduced" and problem.ordinary_hall:
        raise InputError(
            f"{caller}: the reduced path needs matrices that are affine in B; with ordinary_hall "
            "use method='direct'",
            value=method,
        )
    if method == "spectral" and reason is not None:
        others = [m for m in methods[2:] if m != "reduced" or not problem.ordinary_hall]
        raise refused(reason, others)
    if method != "auto":
        return Route(method, "as asked", True)
    if reason is None:
        return Route("spectral", APPLIES if problem.uniform else APPLIES_PER_POLE, False)
    return Route(general or methods[-1], reason, False)
