"""Orbital and spin moment together on the finite elements: six components (docs/theory, section
11).

Each channel is a :class:`System` of its own on the same basis; what they share is the potential,

    K V + C_L n_L + C_S n_S = loads,      A_L n_L + X_LS n_S + S_L V = 0,   and so for S,

with X_LS = D_LS k - (rate from S into L) m.  Where regions differ, the accumulations h_L and h_S
are continuous, each with its own sigma/D; the crossed blocks take what makes the density of them.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.sparse import block_array, block_diag, csr_array, hstack, vstack

from ..model.channels import Channels
from ..model.film import Film
from ..model.material import Material
from ..model.problem import Problem
from .boundary import EdgeTerms
from .coefficients import evaluate
from .interface import Interface, interface_of
from .polarised import Polarised
from .space import cell_basis
from .system import System


class TwoChannels(System):
    """The system of a problem with a spin: the moments are (n_L, n_S), 6N unknowns."""

    orbital: System
    spin: System

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.orbital = self._channel(of_channel(problem, orbital_as_material))
        self.spin = self._channel(of_channel(problem, spin_as_material))
        if problem.interface == "accumulation" and (self.orbital.has_jumps or self.spin.has_jumps):
            # one kind of unknown for both
            plain = Interface(False, problem.averages)
            for channel in (self.orbital, self.spin):
                channel.interface = channel.interface or plain
        self.interface = self.orbital.interface

    def _channel(self, problem: Problem) -> System:
        """A system of one channel that shares basis, scales and constant matrices."""
        other = System.__new__(System)
        vars(other).update(vars(self))
        points = np.asarray(cell_basis(problem.mesh.mesh, problem.order).global_coordinates())
        other.problem = copy.copy(problem)
        other.coefficients = evaluate(problem, points)
        other.interface = interface_of(problem, other.coefficients)
        return other

    @property
    def channels(self) -> tuple[System, System]:
        return self.orbital, self.spin

    @property
    def reads(self) -> bool:
        return any(c.reads for c in self.channels)

    # -- what both channels add to

    @functools.cached_property
    def S(self) -> csr_array:
        return csr_array(vstack([c.S for c in self.channels]))

    @functools.cached_property
    def C(self) -> csr_array:
        return csr_array(hstack([c.C for c in self.channels]))

    @functools.cached_property
    def drive(self) -> np.ndarray:
        return np.concatenate([c.drive for c in self.channels])

    @functools.cached_property
    def response(self) -> np.ndarray:
        return np.concatenate([c.response for c in self.channels])

    @functools.cached_property
    def edges(self) -> EdgeTerms:
        both = [c.edges for c in self.channels]
        return EdgeTerms(
            _diagonal([e.absorption for e in both]),
            np.concatenate([e.injected for e in both]),
            _diagonal([e.keep for e in both]),
        )

    @functools.cached_property
    def polarised(self) -> Polarised:
        """A current through a polarised contact brings both moments along, and both are read."""
        one, other = (c.polarised for c in self.channels)
        nothing = np.zeros(3 * self.N)

        def joined(first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray]) -> Any:
            names = {**first, **second}
            pairs = {name: (first.get(name, nothing), second.get(name, nothing)) for name in names}
            return {name: np.concatenate(pair) for name, pair in pairs.items()}

        injected = joined(one.injected, other.injected)
        readings = joined(one.readings, other.readings)
        loads = {**one.loads, **other.loads}
        return Polarised(loads, injected, readings, one.size + other.size)

    @functools.cached_property
    def torques(self) -> tuple[csr_array, csr_array, csr_array]:
        pairs = zip(self.orbital.torques, self.spin.torques, strict=True)
        x, y, z = (_diagonal(pair) for pair in pairs)
        return x, y, z

    def torque(self, field: np.ndarray) -> csr_array:
        return _diagonal([c.torque(field) for c in self.channels])

    @functools.cached_property
    def A_0(self) -> csr_array:
        into_l, into_s = self._crossed
        return csr_array(block_array([[self.orbital.A_0, into_l], [into_s, self.spin.A_0]]))

    @functools.cached_property
    def relaxing(self) -> csr_array:
        """Loss and conversion of the six components, (6N, 6N)."""
        into_l, into_s = (self._converted(*given) for given in self._conversions())
        return csr_array(
            block_array([[self.orbital.relaxing, into_l], [into_s, self.spin.relaxing]])
        )

    @property
    def _crossed(self) -> list[csr_array]:
        """What n_S does to n_L, and n_L to n_S: conversion and crossed diffusion."""
        found = []
        for number, (source, rate) in enumerate(self._conversions()):
            D = self._by_region(lambda spin, i=number: spin.cross_diffusion[i])  # type: ignore[misc]
            spread = source.of_density(source.along, D / self.scales.diffusion)
            found.append(csr_array(spread + self._converted(source, rate)))
        return found

    def _conversions(self) -> list[tuple[System, np.ndarray]]:
        """The channel that is lost and the rate at which it turns into the other."""
        return [
            (self.spin, self._by_region(lambda spin: spin.to_orbital)),
            (self.orbital, self._by_region(lambda spin: spin.from_orbital)),
        ]

    def _converted(self, source: System, rate: np.ndarray) -> csr_array:
        return source.of_density(source._mass, -self._unit_rate * rate)

    def _by_region(self, value: Callable[[Any], float]) -> np.ndarray:
        """A number of each spin, (cells, points)."""
        out = np.zeros(self.coefficients.sigma.shape)
        for region, cells in self.problem.mesh.regions.items():
            out[cells] = value(self.problem.materials[region].spin)
        return out

    def _kept_mass(self, weight: float) -> csr_array:
        return _diagonal([c._kept_mass(weight) for c in self.channels])

    @functools.cached_property
    def norm(self) -> csr_array:
        return _diagonal([c.norm for c in self.channels])

    @functools.cached_property
    def pencil(self) -> tuple[csr_array, csr_array, csr_array]:
        """That of the orbital channel: the poles of the device are those of the plane."""
        return self.orbital.pencil


def of_channel(problem: Problem, part: Callable[[Material], Material]) -> Problem:
    """The problem of one channel alone."""
    known: dict[int, Material] = {}
    for material in problem.materials.values():
        known.setdefault(id(material), part(material))
    materials = {region: known[id(m)] for region, m in problem.materials.items()}
    spin = part is spin_as_material
    # of a film the plane knows the thickness alone
    film = None if problem.film is None else Film(problem.film.thickness)
    return replace(
        problem,
        materials=materials,
        film=film,
        contacts={name: c.of_channel(spin) for name, c in problem.contacts.items()},
        edges={
            name: replace(e, moment=e.moment.of_spin if spin else e.moment.of_orbital)
            for name, e in problem.edges.items()
        },
        # X_S is isotropic: both detectors read the same of the spin
        detection="printed" if spin else problem.detection,
    )


def orbital_as_material(material: Material) -> Material:
    """The orbital channel; crossed diffusion adds to what is read of it."""
    weights = Channels.of(material)
    read = weights.inverse_angles @ weights.diffusion[:, 0] / weights.diffusion[0, 0]
    return replace(
        material, spin=None, inverse_orbital_hall_angle=float(read), diffusion_length=None
    )


def spin_as_material(material: Material) -> Material:
    """The spin channel in the place of the orbital one."""
    spin = material.spin
    assert spin is not None
    weights = Channels.of(material)
    read = weights.inverse_angles @ weights.diffusion[:, 1] / weights.diffusion[1, 1]
    return replace(
        material,
        spin=None,
        relaxation_time=spin.relaxation_time,
        relaxation_rate=None,
        diffusion_constant=spin.diffusion_constant,
        diffusion_length=None,
        orbital_hall_angle=spin.hall_angle,
        inverse_orbital_hall_angle=float(read),
        g_factor=spin.g_factor,
        inverse_mass=spin.inverse_mass,
    )


def _diagonal(blocks: Iterable[csr_array]) -> csr_array:
    return csr_array(block_diag(list(blocks)))
