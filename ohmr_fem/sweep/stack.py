"""A device with a stack of films: its ohmic fields and the local tensor of the section.

With m_ij = int d_i u d_j v, four numbers of the plane (docs/theory, section 9),

    delta_R(B) = -(1/sigma_s) sum_ij [delta sigma_ij/sigma] m_ij.

Neither the side edges nor what varies along the plane over min(t, L_m) is in it.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ..errors import InputError, SolveError, suggest
from ..model.problem import Problem
from ..model.stack import Stack
from ..solver.layers import is_shaped, local_tensors
from ..solver.linear import SYMMETRIC, Solver
from ..solver.stack import Thickness, section_of, stack_tensors
from ..solver.system import system_of
from ..units import array_si, engineering, fields_array
from .curve import Parts
from .film import EDGES, FilmMeasure, _starts
from .lanczos import Projection
from .link import Link
from .measure import device_of
from .measure_file import plain_material

#: No pole: the tensor is that of the section.
NOTHING = Projection(
    shift=1.0,
    rates=np.empty(0),
    weights=np.empty((0, 6)),
    tail=np.empty((1, 0)),
    gram=np.zeros((6, 6)),
    vectors=None,
    solves=0,
    residual=0.0,
)


@dataclass(frozen=True, eq=False, repr=False)
class StackMeasure(FilmMeasure):
    """The measure of a stack; made by :func:`spectral_measure` for a problem with a stack.

    ``products`` and R_ohmic_sigma are all that it knows of the plane; ``section`` is the Problem
    through the thickness, None where the closed form of :mod:`ohmr_fem.solver.layers` serves a fit.
    Its parts have no edges: they cannot be told from the faces here.
    """

    film: Any = None
    section: Any = field(default=None, repr=False)
    interface: str = "accumulation"
    served: ClassVar[tuple[str, ...]] = ("film",)
    scalar: ClassVar[bool] = False

    def _check_stable(self, fields: np.ndarray) -> None:
        """Looked at where the section is solved."""

    @property
    def closed(self) -> StackMeasure:
        """The same by the closed form, for the loops of a fit; itself where a layer has a spin or
        relaxes as a tensor.
        """
        plain = all(m.uniform for m, _ in self.film.layers)
        return replace(self, section=None) if plain else self

    @property
    def through(self) -> Problem:
        """The section, made anew where the closed form serves."""
        if self.section is not None:
            return self.section  # type: ignore[no-any-return]
        return section_of(self.film, self.detection, self.interface)

    def tensors(self, fields: np.ndarray, frequency: float = 0.0) -> tuple[Any, Any]:
        """delta sigma_ij/sigma and its change from B = 0, (n, 2, 2) each."""
        if self.section is None and frequency == 0.0:
            return local_tensors(self.film, fields, self.detection, self.interface)
        return stack_tensors(self.film, self.through, fields, frequency)

    def response(self, fields: Any, s: complex = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """f(B) and f(B) - f(0), with alpha alpha' in them."""
        if s != 1.0:
            raise InputError("layers have no common tau: give ac a frequency", key="s")
        B = fields_array(fields, "fields")
        f, change = map(self._read, self.tensors(np.atleast_2d(B)))
        return (f, change) if B.ndim == 2 else (f[0], change[0])

    def unchecked(self, fields: Any, s: complex = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """The same; NaN by the closed form where the torque of a layer is unstable."""
        try:
            return self.response(fields, s)
        except SolveError:
            if self.section is not None:
                raise
            nothing = np.full(np.shape(fields)[:-1], np.nan)
            return nothing, nothing

    def _read(self, tensors: np.ndarray) -> np.ndarray:
        """sum_ij (delta sigma_ij/sigma) m_ij; products hold z x j and z x e."""
        p = self.products
        m = np.array([[p[1, 1], -p[1, 0]], [-p[0, 1], p[0, 0]]])
        return np.asarray(np.einsum("nij,ij->n", tensors, m))

    @property
    def unit(self) -> float:
        """What turns f into delta_R, ohm."""
        return -1.0 / float(self.material.sheet_conductivity)

    def parts(self, fields: Any) -> Parts:
        """Edges None: not in the local tensor."""
        return Parts(None, self.delta_R(fields), None)

    def delta_R_local(self, fields: Any) -> np.ndarray:
        """The same as delta_R, (n,) ohm."""
        return self.delta_R(fields)

    def rho(self, fields: Any) -> np.ndarray:
        """delta_R/R_ohmic, (n,)."""
        return self.delta_R(fields) / self.R_ohmic

    def bound(self, fields: Any, s: complex = 1.0) -> np.ndarray:
        """Zero: there is no truncation, but see the module on what is left out, (n,)."""
        return np.zeros(len(np.atleast_2d(fields_array(fields, "fields"))))

    def covers(self, fields: Any, s: complex = 1.0) -> np.ndarray:
        """Whether a steady state exists at each field, (n,) bool."""
        several = np.atleast_2d(fields_array(fields, "fields"))
        out = np.ones(len(several), dtype=bool)
        for i, one in enumerate(several):
            try:
                self.tensors(one[None])
            except SolveError:
                out[i] = False
        return out

    @functools.cached_property
    def size(self) -> float:  # type: ignore[override]
        """What f(0) is without any cancellation."""
        # not by stack_tensors, which would forget the fields of the curve
        at_rest = Thickness.of(self.film, self.through).tensors(np.zeros((1, 3)))[0]
        return float(np.sum(np.abs(at_rest[0])) * np.abs(self.products).max())

    @property
    def range(self) -> tuple[float, float]:
        """Every field is solved for: no end."""
        return float("inf"), float("inf")

    def ac(self, frequency: Any, field: Any) -> np.ndarray:
        """Complex delta_R at frequencies in Hz (k,) and one field; exp(-i w t)."""
        given = array_si(frequency, "Hz", "frequency")
        B = fields_array(field)[None]
        several = [self.tensors(B, float(nu))[0] for nu in np.atleast_1d(given)]
        values = self.unit * np.array([self._read(t)[0] for t in several])
        return values if given.ndim else np.asarray(values[0])

    def at(self, **changes: Any) -> StackMeasure:
        """The same plane under another stack, ``at(film=stack)``, at no cost, or with other values
        of a layer, ``at(**{"Mn.relaxation_time": 1e-12})`` (:meth:`Stack.at`).

        Raises
        ------
        InputError
            Any other change: a stack has no material of its own.
        """
        other = changes.pop("film", self.film)
        wrong = next((name for name in changes if "." not in name), None)
        if wrong is not None or not isinstance(other, Stack):
            near = suggest(wrong or "film", self.served)
            raise InputError(f"a stack has no material of its own: give at(film=stack); {near}")
        other = other.at(changes) if changes else other
        section = None
        if self.section is not None:
            section = section_of(other, self.detection, self.interface)
        tuned = replace(self, film=other, material=other.material, section=section)
        return replace(tuned, thickness=other.thickness)

    def sensitivity(self, parameter: str, fields: Any, step: float = 1e-4) -> np.ndarray:
        raise InputError("a stack has no parameter of its own; compare two stacks by at(film=...)")

    def save(self, path: str | Path) -> Path:
        raise InputError("save: a stack is solved anew at each field; save its curves", key="save")

    def _more(self) -> dict[str, Any]:
        """The layers, for a page (docs/measure-format)."""
        faces = {name: getattr(self.film, name).plain() for name in ("bottom", "top")}
        layers = [
            {"name": name, "thickness": thickness, "material": plain_material(material)}
            for name, (material, thickness) in zip(self.film.names, self.film.layers, strict=True)
        ]
        about = {"layers": layers, "interface": self.interface, **faces}
        about["shaped"] = is_shaped(self.film, self.detection)
        return {"stack": about, "products": self.products.tolist()}

    def __repr__(self) -> str:
        size = engineering(self.thickness, "m")
        return f"StackMeasure({size} thick: current {self.current}, voltage {self.voltage})"


def stack_measures(
    problem: Problem, pairs: Sequence[tuple[Any, Any]], solver: Solver = SYMMETRIC
) -> list[FilmMeasure]:
    """Measures of several (current, voltage) pairs; the plane is solved once for its potentials."""
    stack = problem.film
    assert isinstance(stack, Stack)
    system = system_of(problem, plane_of_film=True, with_spin=True)
    _, _, _, products, ohmic, names = _starts(problem, system, pairs, solver)
    section = section_of(stack, problem.detection, problem.interface)
    return [
        StackMeasure(
            projection=NOTHING,
            channels=(Link(2, 2, *EDGES),),
            R_ohmic_sigma=base,
            current=name[0],
            voltage=name[1],
            tolerance=0.0,
            slowest=0.0,
            residual=0.0,
            film=stack,
            thickness=stack.thickness,
            products=product,
            section=section,
            interface=problem.interface,
            **device_of(system),
        )
        for base, name, product in zip(ohmic, names, products, strict=True)
    ]
