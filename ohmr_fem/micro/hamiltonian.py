"""Bloch Hamiltonian of a layered crystal from its hoppings, Sun and Vignale Eqs. (16), (S27)-(S28).

Units of this room: energies in eV, lengths in angstrom, wave vectors in 1/angstrom, as in
Wannier90.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import InputError
from ..errors.doors import door_of
from ..units import (
    ELECTRON_MASS,
    ELEMENTARY_CHARGE,
    HBAR,
    array_si,
    complex_si,
    own_arrays,
    owned,
    to_si,
    whole_numbers,
)

HBAR2_OVER_ME: float = HBAR**2 / (ELECTRON_MASS * ELEMENTARY_CHARGE) * 1e20
"""hbar^2/m_e in eV angstrom^2, 7.61996423."""

HERMITICITY = 1e-9
Hopping = tuple[int, int, tuple[int, int], complex]


@door_of
@dataclass(frozen=True, eq=False)
class LayeredModel:
    """Tight-binding model, periodic in x and y, finite along z.

    The basis carries the atomic positions, H_ij(k) = sum_R t_ij(R) exp(i k.(R + r_j - r_i)), so
    that dH/dk is -i times the commutator of the position with H; without these phases Eqs. (20),
    (21) are meaningless.

    Parameters
    ----------
    lattice : (2, 2)
        Rows a1, a2 in angstrom.
    positions : (n, 3)
        Orbital centres r_i in angstrom.
    translations : (m, 2) int
        R = R1 a1 + R2 a2; must hold -R with every R.
    blocks : (m, n, n) complex
        t_ij(R) = <i, 0|H|j, R> in eV.
    layers : (n,) int, optional
        Layer of each orbital, 0 at the bottom; by default orbitals of equal height form a layer.
    filling : int, optional
        Electrons per cell and spin at neutrality; default n // 2.
    name : str
        Shown in reports.

    Raises
    ------
    InputError
        Wrong shapes, positions without z, layers out of order, blocks that are not Hermitian.
    """

    lattice: Any
    positions: Any
    translations: Any
    blocks: Any
    layers: Any = None
    filling: int | None = None
    name: str = ""
    _cache: dict[tuple[str, ...], np.ndarray] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        def put(key: str, value: Any) -> None:
            object.__setattr__(self, key, value)  # the class is frozen

        put("lattice", _array(self.lattice, (2, 2), "lattice: rows a1, a2 in angstrom", "angstrom"))
        if abs(np.linalg.det(self.lattice)) < 1e-9:
            raise InputError(
                "a1 and a2 are parallel; give two independent vectors",
                value=self.lattice,
                key="lattice",
            )
        put("positions", _positions(self.positions))
        n = len(self.positions)
        put("layers", _layers(self.layers, self.positions[:, 2]))
        translations = whole_numbers(self.translations, "translations")
        put("translations", translations.reshape(-1, 2))
        blocks = _array(
            self.blocks,
            (len(self.translations), n, n),
            "blocks: one (n, n) block in eV per translation",
            "eV",
        )
        put("blocks", blocks)
        if self.filling is None:
            put("filling", n // 2)
        whole = isinstance(self.filling, (int, np.integer)) and not isinstance(self.filling, bool)
        if not (whole and 0 <= self.filling <= n):  # type: ignore[operator]
            raise InputError(
                f"expected a whole number of electrons per cell and spin from 0 to {n}, "
                f"got {self.filling!r}",
                value=self.filling,
                key="filling",
            )
        _check_hermitian(self.translations, self.blocks)
        own_arrays(self)
        put("_cache", {})

    @classmethod
    def from_hoppings(
        cls,
        lattice: Any,
        positions: Any,
        hoppings: Iterable[Hopping],
        *,
        layers: Any = None,
        onsite: Sequence[float] | None = None,
        potentials: Sequence[float] | None = None,
        filling: int | None = None,
        name: str = "",
    ) -> LayeredModel:
        """A model from a list of bonds.

        Parameters
        ----------
        lattice, positions : (2, 2), (n, 3)
            As of the class, in angstrom.
        hoppings : iterable of (i, j, (R1, R2), t)
            t = <i, 0|H|j, R> in eV; the Hermitian conjugate is added. Naming a bond from both ends
            is allowed if the two agree.
        onsite : (n,) optional
            Site energies in eV.
        potentials : (number of layers,) optional
            Energy of each layer in eV, bottom first.
        layers, filling, name
            As of the class.

        Returns
        -------
        LayeredModel

        Raises
        ------
        InputError
            As the class; also for a bond to an orbital that does not exist or a bond given twice.
        """
        sites = _positions(positions)
        n = len(sites)
        bonds = _collect(hoppings, n, onsite)
        cells = sorted({key[2] for key in bonds})
        blocks = np.zeros((len(cells), n, n), dtype=complex)
        where = {cell: m for m, cell in enumerate(cells)}
        for (i, j, cell), t in bonds.items():
            blocks[where[cell], i, j] = t
        model = cls(
            lattice,
            sites,
            cells,
            blocks,
            layers=layers,
            filling=filling,
            name=name,
        )
        if potentials is None:
            return model
        return model.with_potentials(potentials)

    def with_potentials(self, potentials: Sequence[float]) -> LayeredModel:
        """The same model with an energy added to each layer.

        Parameters
        ----------
        potentials : (number of layers,) eV
            Bottom first.

        Returns
        -------
        LayeredModel

        Raises
        ------
        InputError
            Another number of energies, or not finite.
        """
        u = _energies(
            potentials,
            self.n_layers,
            "potentials: one energy in eV per layer, bottom first",
        )
        blocks = self.blocks.copy()
        blocks[self._home] += np.diag(u[self.layers])
        return replace(self, blocks=blocks)

    def with_displacement(self, displacement: float) -> LayeredModel:
        """The same model with layer energies linear in z; Eq. (22).

        Parameters
        ----------
        displacement : float
            V in eV: -V at the bottom, +V at the top.

        Returns
        -------
        LayeredModel

        Raises
        ------
        InputError
            A model of one layer, or an energy of another dimension.
        """
        z = self.layer_heights
        if self.n_layers < 2:
            raise InputError(
                "the model has one layer; a displacement field needs at least two",
                key="displacement",
            )
        middle = 0.5 * (z[-1] + z[0])
        half = 0.5 * (z[-1] - z[0])
        top = to_si(displacement, "eV", "displacement")
        return self.with_potentials(top * (z - middle) / half)

    @property
    def n_orbitals(self) -> int:
        """Number of orbitals in a cell."""
        return len(self.positions)

    @property
    def n_layers(self) -> int:
        """Number of layers."""
        return int(self.layers.max()) + 1

    @cached_property
    def layer_heights(self) -> np.ndarray:
        """Mean z of each layer in angstrom, bottom first."""
        z = self.positions[:, 2]
        heights = []
        for layer in range(self.n_layers):
            heights.append(z[self.layers == layer].mean())
        return owned(np.array(heights))

    @property
    def cell_area(self) -> float:
        """Area of the unit cell in angstrom^2."""
        return float(abs(np.linalg.det(self.lattice)))

    @cached_property
    def reciprocal(self) -> np.ndarray:
        """Rows b1, b2 with a_i.b_j = 2 pi delta_ij, in 1/angstrom."""
        return owned(2 * np.pi * np.linalg.inv(self.lattice).T)

    def bloch(self, k: Any, *derivatives: str) -> Any:
        """H(k), or its exact derivatives.

        Eq. (16); docs/microscopic.

        Parameters
        ----------
        k : (..., 2)
            In 1/angstrom.
        derivatives : str
            ``""`` for H, ``"x"`` for dH/dk_x, ``"xy"`` for d2H/dk_x dk_y. ``z`` stands for a wave
            vector along the stack, taken at zero: ``"zz"`` is -(z_i - z_j)^2 H_ij and ``"zx"`` is
            -i (z_i - z_j) dH_ij/dk_x.

        Returns
        -------
        (..., n, n) complex array in eV angstrom^order, or a tuple of them for several
        ``derivatives``.

        Raises
        ------
        InputError
            Wave vectors that are not finite, an unknown derivative.
        """
        k = array_si(k, "1/angstrom", "k")
        wanted = derivatives or ("",)
        stacked = self.bloch_stack(k.reshape(-1, 2), *wanted)
        shape = (*k.shape[:-1], *stacked.shape[2:])
        out = [stacked[:, d].reshape(shape) for d in range(len(wanted))]
        return tuple(out) if len(out) > 1 else out[0]

    def bloch_stack(self, k: np.ndarray, *derivatives: str) -> np.ndarray:
        """As :meth:`bloch`, in one array.

        Eq. (16).

        Parameters
        ----------
        k : (nk, 2)
            In 1/angstrom.
        derivatives : str
            As for :meth:`bloch`, at least one.

        Returns
        -------
        (nk, number of derivatives, n, n) complex, eV angstrom^order

        Raises
        ------
        InputError
            As :meth:`bloch`.
        """
        k = array_si(k, "1/angstrom", "k")
        cells = phase(k @ (self.translations @ self.lattice).T)
        atoms = phase(k @ self.positions[:, :2].T)
        n = self.n_orbitals
        out = cells @ self._weights(derivatives)
        out = out.reshape(len(k), len(derivatives), n, n)
        out *= (atoms.conj()[:, :, None] * atoms[:, None, :])[:, None]
        return np.asarray(out)

    def bands(self, k: Any) -> np.ndarray:
        """Band energies, ascending.

        Parameters
        ----------
        k : (..., 2)
            In 1/angstrom.

        Returns
        -------
        (..., n) eV

        Raises
        ------
        InputError
            Wave vectors that are not finite.
        """
        return np.asarray(np.linalg.eigvalsh(self.bloch(k)))

    @property
    def _home(self) -> int:
        at_home = (self.translations == 0).all(axis=1)
        return int(np.flatnonzero(at_home)[0])

    @cached_property
    def bond_vectors(self) -> np.ndarray:
        """R + r_j - r_i for every hopping, (m, n, n, 3) in angstrom."""
        cells = np.zeros((len(self.translations), 3))
        cells[:, :2] = self.translations @ self.lattice
        r = self.positions
        return owned(cells[:, None, None, :] + r[None, None, :, :] - r[None, :, None, :])

    @cached_property
    def bonds(self) -> Bonds:
        """The hoppings between different places, one of each Hermitian pair."""
        cell, first, second = np.nonzero(self.blocks)
        along, across = self.translations[cell].T
        onward = (along > 0) | ((along == 0) & (across > 0))
        chosen = (first < second) | ((first == second) & onward)
        cell, first, second = cell[chosen], first[chosen], second[chosen]
        vector = self.bond_vectors[cell, first, second]
        return Bonds(first, second, vector, self.blocks[cell, first, second])

    def _weights(self, derivatives: tuple[str, ...]) -> np.ndarray:
        """t_ij(R) times i (R + r_j - r_i)_a for every letter a, shape (m, number of derivatives
        n^2).
        """
        if derivatives not in self._cache:
            parts = []
            for letters in derivatives:
                if set(letters) - set("xyz"):
                    raise InputError(
                        f"expected letters x, y, z, got {letters!r}",
                        value=letters,
                        key="derivative",
                    )
                factors = [self.blocks]
                for letter in letters:
                    along = "xyz".index(letter)
                    factors.append(1j * self.bond_vectors[..., along])
                product = np.prod(factors, axis=0)
                parts.append(product.reshape(len(self.blocks), -1))
            self._cache[derivatives] = np.concatenate(parts, axis=1)
        return self._cache[derivatives]

    def __repr__(self) -> str:
        title = f"{self.name}: " if self.name else ""
        return (
            f"LayeredModel({title}{self.n_orbitals} orbitals in "
            f"{self.n_layers} layers, {len(self.translations)} translations, filling "
            f"{self.filling})"
        )


def phase(angle: np.ndarray) -> np.ndarray:
    """exp(i angle), from the cosine and the sine of numpy, which are quicker than its exp."""
    out = np.empty(angle.shape, dtype=complex)
    np.cos(angle, out=out.real)
    np.sin(angle, out=out.imag)
    return out


@dataclass(frozen=True, eq=False)
class Bonds:
    """Hoppings <first, 0|H|second, R>, (h,) in eV, over vectors (h, 3) in angstrom."""

    first: np.ndarray
    second: np.ndarray
    vector: np.ndarray
    hopping: np.ndarray

    def __post_init__(self) -> None:
        own_arrays(self)

    def factors(self, derivatives: Sequence[str]) -> np.ndarray:
        """(2h, number of derivatives), real: times Re and Im, in turns, of hopping u_i* u_j
        exp(ik.R) and summed over the bonds they give <u|dH|u>.
        """
        out = np.empty((2 * len(self.first), len(derivatives)))
        for column, letters in enumerate(derivatives):
            lengths = [self.vector[:, "xyz".index(letter)] for letter in letters]
            factor = 2.0 * 1j ** len(letters) * np.prod(lengths, axis=0)  # 2: both of the pair
            out[::2, column] = factor.real
            out[1::2, column] = -factor.imag
        return out


def _array(value: Any, shape: tuple[int, ...], what: str, unit: str) -> np.ndarray:
    """A new array of numbers, or of quantities of ``unit``; complex energies, real lengths."""
    try:
        if unit == "eV":
            array = complex_si(value, unit, "").astype(complex)
        else:
            array = array_si(value, unit, "", finite=False)
    except InputError as exc:
        raise InputError(f"{what}; expected shape {shape}: {exc.what}", value=value) from exc
    if array.shape != shape or not np.all(np.isfinite(array)):
        raise InputError(
            f"{what}; expected finite numbers of shape {shape}, got shape {array.shape}",
            value=value,
        )
    return array


def _energies(value: Any, n: int, what: str) -> np.ndarray:
    """Real energies in eV, (n,)."""
    array = _array(value, (n,), what, "eV")
    if np.any(array.imag):
        raise InputError(f"{what}; expected real numbers", value=value)
    return array.real


def _positions(value: Any) -> np.ndarray:
    try:
        array = np.array(array_si(value, "angstrom", "positions", finite=False))
    except InputError as exc:
        raise InputError(
            f"expected (n, 3) numbers in angstrom: {exc.what}", value=value, key="positions"
        ) from exc
    if array.ndim == 2 and array.shape[1] == 2:
        raise InputError(
            "no z coordinate, so no layers along z; give (x, y, z) in angstrom",
            value=value,
            key="positions",
        )
    if array.ndim != 2 or array.shape[1] != 3 or not np.all(np.isfinite(array)):
        raise InputError(
            f"expected finite (n, 3) in angstrom, got shape {array.shape}",
            value=value,
            key="positions",
        )
    return array


def _layers(value: Any, z: np.ndarray) -> np.ndarray:
    if value is None:
        _, value = np.unique(np.round(z, 6), return_inverse=True)
    layers = whole_numbers(value, "layers")
    if layers.shape != z.shape or not _counts_up(layers):
        raise InputError(
            f"expected one number 0, 1, ... per orbital ({len(z)}), got {value!r}",
            value=value,
            key="layers",
        )
    for n in range(int(layers.max())):
        below = z[layers == n].max()
        above = z[layers == n + 1].min()
        if below >= above:
            raise InputError(
                f"layers {n} and {n + 1} overlap along z ({below:g} and {above:g} "
                "angstrom); number the layers upwards and check the positions",
                value=value,
                key="layers",
            )
    return layers


def _counts_up(layers: np.ndarray) -> bool:
    """Whether the layers are numbered 0, 1, ... without a hole."""
    numbers = set(layers.tolist())
    return numbers == set(range(int(layers.max()) + 1))


def _check_hermitian(translations: np.ndarray, blocks: np.ndarray) -> None:
    index = {tuple(cell): m for m, cell in enumerate(translations.tolist())}
    if len(index) != len(translations):
        raise InputError("one of them is listed twice; merge their blocks", key="translations")
    if (0, 0) not in index:
        raise InputError("(0, 0) is missing; its block holds the site energies", key="translations")
    scale = float(np.abs(blocks).max()) or 1.0
    for cell, m in index.items():
        forward = blocks[m]
        partner = index.get((-cell[0], -cell[1]))
        reverse = np.zeros_like(forward) if partner is None else blocks[partner]
        worst = float(np.abs(forward - reverse.conj().T).max())
        if worst > HERMITICITY * scale:
            raise InputError(
                f"not Hermitian, t(R) and t(-R)^dagger differ by {worst:g} eV at R = "
                f"{cell}; "
                "give both ends of every bond, site energies real",
                value=cell,
                key="blocks",
            )


def _collect(
    hoppings: Iterable[Hopping], n: int, onsite: Sequence[float] | None
) -> dict[Any, complex]:
    """All bonds with their conjugates, keyed by (i, j, (R1, R2))."""
    given: dict[tuple[int, int, tuple[int, int]], complex] = {}
    for bond in hoppings:
        first, second, cell, t = bond
        i, j, *shift = whole_numbers([first, second, *cell], "hoppings").tolist()
        key = (i, j, (shift[0], shift[1]))
        known = range(n)
        if i not in known or j not in known:
            raise InputError(
                f"bond {bond!r} names an orbital outside 0..{n - 1}", value=bond, key="hoppings"
            )
        if key in given:
            raise InputError(
                f"bond {bond!r} is given twice; give it once with the total",
                value=bond,
                key="hoppings",
            )
        given[key] = complex(complex_si(t, "eV", "hoppings"))
    energies = np.zeros(n)
    if onsite is not None:
        energies = _energies(onsite, n, "onsite: one energy in eV per orbital")
    for i, energy in enumerate(energies):
        site = (i, i, (0, 0))
        given[site] = given.get(site, 0.0) + energy
    bonds = dict(given)
    for (i, j, cell), t in given.items():
        reverse = (j, i, (-cell[0], -cell[1]))
        expected = t.conjugate()
        back = bonds.setdefault(reverse, expected)
        tolerance = HERMITICITY * max(1.0, abs(t))
        if abs(back - expected) > tolerance:
            raise InputError(
                f"not Hermitian, {t} from {i} to {j} in {cell} but {back} back; "
                "the two must be complex conjugates (a site energy must be real)",
                value=t,
                key="hoppings",
            )
    return bonds
