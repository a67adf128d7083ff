"""A film: the thickness of a device plane, and what its two faces do to the moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from ..base.owned import own_arrays
from ..errors import InputError, complaints_about, complaints_of
from ..errors.doors import door, door_of
from ..units import array_si, engineering, positive, shown
from .contacts import Edge, Moment
from .material import Material, cross_matrix

#: Names of presets that are measured as films: a plane without thickness misses most of the effect.
METALS = ("Mn", "V", "Cr", "Ti")


@dataclass(frozen=True, eq=False)
class MagneticFace:
    """A face towards an insulating magnet: G(m) = G_r (1 - m m^T) + G_i [m]_x.

    Attributes
    ----------
    mixing_conductance : (g_r, g_i), 1/(ohm m^2)
        G_r = 2 g_r D/sigma follows from the bulk sigma and D of the film, and G_i likewise.
    magnetisation : (3,), of length 1
    """

    mixing_conductance: tuple[float, float]
    magnetisation: tuple[float, float, float]

    def absorption(self, conductivity: float, diffusion: float) -> np.ndarray:
        """G in m/s, (3, 3), for a bulk conductivity in S/m and D in m^2/s."""
        real, imaginary = (2.0 * g * diffusion / conductivity for g in self.mixing_conductance)
        m = np.asarray(self.magnetisation)
        across = np.eye(3) - np.outer(m, m)
        return np.asarray(real * across + imaginary * cross_matrix(m))

    @classmethod
    def of_plain(cls, mixing_conductance: Any, magnetisation: Any) -> MagneticFace:
        """From lists of a file; ValueError for others than two and three finite numbers."""
        real, imaginary = map(float, mixing_conductance)
        x, y, z = map(float, magnetisation)
        if not np.all(np.isfinite([real, imaginary, x, y, z])):
            raise ValueError("a magnet of a face is not finite")
        return cls((real, imaginary), (x, y, z))

    def reversed(self) -> MagneticFace:
        """The face with its magnetisation reversed, as Onsager's relation asks for."""
        x, y, z = self.magnetisation
        return MagneticFace(self.mixing_conductance, (-x, -y, -z))


@door
def magnetic_face(*, mixing_conductance: Any, magnetisation: Any) -> MagneticFace:
    """A face of a :class:`Film` towards an insulating magnet (spin Hall magnetoresistance);
    docs/theory, section 9.

    Parameters
    ----------
    mixing_conductance : (g_r, g_i) quantities, 1/(ohm m^2), that is S/m^2
        Real part >= 0 and imaginary part; one number is g_r alone.
    magnetisation : (3,) floats
        Direction of m; it is normalised.

    Returns
    -------
    MagneticFace
        For ``Film(bottom=..., top=...)``.

    Raises
    ------
    InputError
        Wrong sign, dimension or shape; no direction.
    """
    given = mixing_conductance
    with complaints_of("magnetic_face"):
        pair = array_si(given, "S/m**2", "mixing_conductance")
        if pair.ndim and pair.shape != (2,):
            raise InputError(
                f"expected (g_r, g_i), got {len(pair)} values",
                value=given,
                key="mixing_conductance",
            )
        real, imaginary = pair.tolist() if pair.ndim else (float(pair), 0.0)
        if real < 0.0:
            raise InputError(
                f"g_r must be >= 0, got {shown(given)}", value=given, key="mixing_conductance"
            )
        m = array_si(magnetisation, "1", "magnetisation")
        size = float(np.linalg.norm(m))
        if m.shape != (3,) or size == 0.0:
            raise InputError(
                f"expected a direction (m_x, m_y, m_z), got {shown(magnetisation)}",
                value=magnetisation,
                key="magnetisation",
            )
    x, y, z = (float(component) for component in m / size)
    return MagneticFace((real, imaginary), (x, y, z))


@dataclass(frozen=True, eq=False)
class Face:
    """Condition on the moment density at a face, Q . nu = G n; made by :class:`Film`.

    Attributes
    ----------
    absorbing : bool
        n = 0.
    matrix : (3, 3) m/s
        G of a face that absorbs partially; does not count for a magnet.
    magnet : MagneticFace, or None
    source, inverse_source : kappa of Q . nu = G n + kappa sigma (nu x E), and kappa' (None:
        kappa alpha'/alpha); docs/theory, section 13
    spin : Face, or None
        What the face does to the spin, where that differs; None: the same.
    """

    absorbing: bool
    matrix: np.ndarray
    magnet: MagneticFace | None = None
    source: float = 0.0
    inverse_source: float | None = None
    spin: Face | None = None

    @property
    def channels(self) -> tuple[Face, Face]:
        """What meets the orbital and what meets the spin moment."""
        own = replace(self, spin=None)
        return own, self.spin or own

    @property
    def drives(self) -> bool:
        """Whether the current along the face makes moment, or moment a current along it."""
        own = bool(self.source or self.inverse_source)
        return own or (self.spin is not None and self.spin.drives)

    def strengths(self, material: Material) -> tuple[float, float]:
        """1 + kappa/alpha and 1 + kappa'/alpha': what the face adds to the drive and the reader."""
        return strengths(material, self.source, self.inverse_source)

    def __post_init__(self) -> None:
        own_arrays(self)

    @property
    def reflecting(self) -> bool:
        own = not self.absorbing and self.magnet is None and not np.any(self.matrix)
        return own and (self.spin is None or self.spin.reflecting)

    @property
    def magnetic(self) -> bool:
        """Whether a magnet is at the face, for either moment."""
        return any(face.magnet is not None for face in self.channels)

    def reversed(self) -> Face:
        """The face with its magnets reversed, as Onsager's relation asks for."""
        magnet = None if self.magnet is None else self.magnet.reversed()
        spin = None if self.spin is None else self.spin.reversed()
        return replace(self, magnet=magnet, spin=spin)

    def absorption(self, conductivity: float, diffusion: float) -> np.ndarray | None:
        """G in m/s, (3, 3), for a bulk conductivity and D; None where n = 0."""
        if self.absorbing:
            return None
        if self.magnet is not None:
            return self.magnet.absorption(conductivity, diffusion)
        return self.matrix

    def plain(self) -> dict[str, Any]:
        """As numbers and lists, for a file."""
        magnet = None if self.magnet is None else vars(self.magnet)
        plain = {"absorbing": self.absorbing, "matrix": self.matrix.tolist(), "magnet": magnet}
        plain |= {"source": self.source, "inverse_source": self.inverse_source}
        return plain if self.spin is None else plain | {"spin": self.spin.plain()}

    @classmethod
    def of_plain(cls, plain: dict[str, Any]) -> Face:
        """From what :meth:`plain` wrote."""
        magnet = None if plain["magnet"] is None else MagneticFace.of_plain(**plain["magnet"])
        sources = plain.get("source", 0.0), plain.get("inverse_source")
        matrix = _frozen(np.array(plain["matrix"], dtype=float))
        if matrix.shape != (3, 3):
            raise ValueError(f"matrix of a face has shape {matrix.shape}, expected (3, 3)")
        spin = cls.of_plain(plain["spin"]) if "spin" in plain else None
        return cls(bool(plain["absorbing"]), matrix, magnet, *sources, spin)

    @classmethod
    def parse(cls, value: Any) -> Face:
        """Read what :class:`Film` takes for a face."""
        if isinstance(value, Face):
            return value
        if isinstance(value, MagneticFace):
            return cls(False, np.zeros((3, 3)), value)
        if isinstance(value, Mapping) and set(value) == {"orbital", "spin"}:
            return replace(cls.parse(value["orbital"]), spin=cls.parse(value["spin"]))
        matrix = _matrix(value)
        if matrix is not None:
            return cls(False, matrix)
        edge = value if isinstance(value, Edge) else Edge(Moment.parse(value, "Film"))
        if edge.by_component or np.any(edge.edge_moment):
            raise InputError(
                "a face of a film has one source, a number, and no edge_moment, which adds to no "
                "resistance"
            )
        if edge.moment.injects or edge.moment.of_spin.injects:
            raise InputError("a face of a film cannot inject moment; give an absorption alone")
        back = None if edge.inverse_source is None else float(edge.inverse_source)
        moment, own = edge.moment, (None, float(edge.source), back)
        matrices = (_frozen(np.diag(m.absorption)) for m in (moment, moment.of_spin))
        face, spin = (
            cls(m.absorbing, matrix, *own)
            for m, matrix in zip((moment, moment.of_spin), matrices, strict=True)
        )
        return face if moment.spin is None else replace(face, spin=spin)

    def __repr__(self) -> str:
        if self.spin is not None:
            own, spin = self.channels
            return f"orbital {own!r}, spin {spin!r}"
        return self._law() + (f", source {self.source:g}" if self.drives else "")

    def _law(self) -> str:
        if self.absorbing or self.reflecting:
            return "absorbing" if self.absorbing else "reflecting"
        if self.magnet is not None:
            return f"magnetic, m = {self.magnet.magnetisation}"
        sizes = np.diag(self.matrix)
        full = bool(np.any(self.matrix != np.diag(sizes)))
        return f"G = {' '.join(f'{g:.4g}' for g in sizes)} m/s{' and off-diagonals' * full}"


def strengths(
    material: Material, source: float, inverse_source: float | None
) -> tuple[float, float]:
    """1 + kappa/alpha and 1 + kappa'/alpha' of a film's face or edge."""
    if not source and not inverse_source:
        return 1.0, 1.0
    forth, back = material.orbital_hall_angle, material.inverse_orbital_hall_angle
    if forth == 0.0 or back == 0.0:
        raise InputError(
            "a source at a face or edge of a film counts in units of alpha and alpha', which must "
            "not be 0; give a small angle"
        )
    partner = source * back / forth if inverse_source is None else inverse_source
    return 1.0 + source / forth, 1.0 + partner / back


def _frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def _matrix(value: Any) -> np.ndarray | None:
    """A 3 x 3 absorption in m/s whose symmetric part takes moment away, or None for another
    kind.
    """
    if isinstance(value, (str, Edge, Moment, Mapping)):
        return None
    matrix = np.array(array_si(value, "m/s", "absorption G"))
    if matrix.ndim != 2:
        return None
    if matrix.shape != (3, 3):
        raise InputError(f"expected 3 x 3 velocities, got shape {matrix.shape}", value=value)
    least = float(np.linalg.eigvalsh(matrix + matrix.T)[0]) / 2.0
    if least < -1e-12 * np.abs(matrix).max():
        raise InputError(
            f"the symmetric part of G must have no negative eigenvalue, got {least:.4g} m/s",
            value=value,
        )
    return _frozen(matrix)


@door_of
@dataclass(frozen=True, eq=False)
class Film:
    """Thickness and faces of a device plane, for ``Problem(film=...)``.

    See docs/theory, section 9.

    Parameters
    ----------
    thickness : quantity, m
    bottom, top : str, number, three numbers, 3 x 3, Edge or :func:`magnetic_face`
        What the faces at z = -t/2 and +t/2 do to the moment: "reflecting" (default), "absorbing",
        or an absorption G in m/s, Q . nu = G n; ``Edge(moment, source=kappa)`` adds a source that
        follows the current, kappa sigma (nu x E).  Beside a spin it is that of both moments, or
        {"orbital": ..., "spin": ...} with one of these for each.

    Raises
    ------
    InputError
        A thickness or G of the wrong sign or dimension; a face that injects.
    """

    thickness: Any
    bottom: Any = "reflecting"
    top: Any = "reflecting"

    def __post_init__(self) -> None:
        put = partial(object.__setattr__, self)  # the way around frozen
        with complaints_of("Film"):
            if isinstance(self.thickness, Mapping):
                raise InputError(
                    "one thickness for all regions: at a step the moment current has a component "
                    "along z, and no mode through the thickness stays by itself",
                    key="thickness",
                )
            put("thickness", positive(self.thickness, "m", "thickness"))
            for name in ("bottom", "top"):
                with complaints_about(name):
                    put(name, Face.parse(getattr(self, name)))

    @property
    def faces(self) -> tuple[Face, Face]:
        """Bottom and top."""
        return self.bottom, self.top

    @property
    def reflecting(self) -> bool:
        """Whether both faces reflect, so that faces and edges do not mix."""
        return bool(self.bottom.reflecting and self.top.reflecting)

    @property
    def drives(self) -> bool:
        """Whether a face has a source that follows the current."""
        return self.bottom.drives or self.top.drives

    def __repr__(self) -> str:
        size = engineering(self.thickness, "m")
        return f"Film({size}, bottom: {self.bottom!r}, top: {self.top!r})"
