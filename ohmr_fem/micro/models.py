"""Ready-made layered models: graphene in any number of layers, and gapped honeycomb layers.

Lattice: a1 = a (1, 0), a2 = a (1/2, sqrt(3)/2); bonds from A to B (0, a/sqrt3), (+-a/2, -a/(2
sqrt3)).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ..errors import InputError
from ..errors.doors import door
from ..units import array_si, positive, to_si
from .hamiltonian import Hopping, LayeredModel

GRAPHENE_CONSTANT = 2.46
"""Lattice constant of graphene in angstrom."""
GRAPHENE_SPACING = 3.35
"""Interlayer distance of graphite in angstrom."""

# Cells that hold the B neighbours of A in cell (0, 0), B being at (0, a/sqrt3) from A.
_NEIGHBOURS = ((0, 0), (0, -1), (1, -1))
# Cells of the nearest sites one layer up, by (in-plane distance in bonds + 1) modulo 3.
_CELLS_AT = (
    tuple((-c[0], -c[1]) for c in _NEIGHBOURS),
    ((0, 0),),
    _NEIGHBOURS,
)


@door
def monolayer_graphene(gamma0: float = 3.16, *, a: float = GRAPHENE_CONSTANT) -> LayeredModel:
    """One graphene layer. X_zz is zero: there is no interlayer motion.

    Parameters
    ----------
    gamma0 : float, eV
    a : float, angstrom
        Lattice constant.

    Returns
    -------
    LayeredModel

    Raises
    ------
    InputError
        A length that is not positive, an energy that is no number.
    """
    gamma0, a = to_si(gamma0, "eV", "gamma0"), positive(a, "angstrom", "a")
    return _stack([0], gamma0, [], 0.0, 0.0, 0.0, a, [0.0, 0.0], "monolayer graphene")


@door
def bilayer_graphene(
    gamma0: float = 3.16,
    gamma1: float = 0.38,
    gamma3: float = 0.0,
    gamma4: float = 0.0,
    delta: float = 0.0,
    displacement: float = 0.0,
    *,
    a: float = GRAPHENE_CONSTANT,
    spacing: float = GRAPHENE_SPACING,
) -> LayeredModel:
    """Bernal bilayer graphene, Eq. (22), (S55), (S56).

    Orbitals A1, B1, A2, B2; B1 lies under A2. Matrix elements as in McCann and Koshino: H(A1,B1) =
    H(A2,B2) = -gamma0 f, H(B1,A2) = gamma1, H(A1,B2) = -gamma3 f*, H(A1,A2) = H(B1,B2) = gamma4 f.

    Parameters
    ----------
    gamma0, gamma1, gamma3, gamma4 : float, eV
    delta : float, eV
        Energy of the dimer sites B1 and A2.
    displacement : float, eV
        V, +V on the upper and -V on the lower layer: the layers differ by 2V and the gap is 2 V
        gamma1/sqrt(gamma1^2 + 4 V^2).
    a, spacing : float, angstrom
        Lattice constant, and distance of the layers.

    Returns
    -------
    LayeredModel

    Raises
    ------
    InputError
        A length that is not positive, an energy that is no number.
    """
    return multilayer_graphene(
        2, "AB", gamma0, gamma1, gamma3, gamma4, delta, displacement, a=a, spacing=spacing
    )


@door
def multilayer_graphene(
    n: int,
    stacking: str = "AB",
    gamma0: float = 3.16,
    gamma1: float = 0.38,
    gamma3: float = 0.0,
    gamma4: float = 0.0,
    delta: float = 0.0,
    displacement: float = 0.0,
    *,
    a: float = GRAPHENE_CONSTANT,
    spacing: float | Sequence[float] = GRAPHENE_SPACING,
) -> LayeredModel:
    """n graphene layers.

    gamma3, gamma4 and delta act between neighbouring layers of different letters; in "AA" only
    gamma1 couples.

    Eq. (16); docs/microscopic.

    Parameters
    ----------
    n : int
        Layers.
    stacking : str
        A pattern of the letters A, B, C repeated n layers up: "AB" (Bernal), "ABC" (rhombohedral),
        "AA", or one letter a layer.
    gamma0, gamma1, gamma3, gamma4, delta : float, eV
        As for :func:`bilayer_graphene`.
    displacement : float, eV
        V; layer energies linear in z from -V to +V.
    a : float, angstrom
        Lattice constant.
    spacing : float or (n - 1,), angstrom
        Distance of the layers.

    Returns
    -------
    LayeredModel

    Raises
    ------
    InputError
        n < 1, letters other than A, B, C, or a wrong number of spacings.
    """
    shifts = _shifts(n, stacking)
    gaps = _spacings(n, spacing)
    gamma0, gamma1 = to_si(gamma0, "eV", "gamma0"), to_si(gamma1, "eV", "gamma1")
    gamma3, gamma4 = to_si(gamma3, "eV", "gamma3"), to_si(gamma4, "eV", "gamma4")
    delta, displacement = to_si(delta, "eV", "delta"), to_si(displacement, "eV", "displacement")
    a = positive(a, "angstrom", "a")
    letters = "".join("ABC"[s] for s in shifts)
    onsite = _dimer_energies(shifts, delta)
    model = _stack(
        shifts, gamma0, gaps, gamma1, gamma3, gamma4, a, onsite, f"{letters}-stacked graphene"
    )
    return model if displacement == 0.0 else model.with_displacement(displacement)


@door
def gapped_honeycomb(
    n: int = 2,
    stacking: str = "2H",
    hopping: float = 1.27,
    gap: float = 1.66,
    interlayer: float = 0.043,
    displacement: float = 0.0,
    *,
    a: float = 3.19,
    spacing: float | Sequence[float] = 6.15,
) -> LayeredModel:
    """n gapped honeycomb layers: the two-band massive Dirac picture of a transition-metal
    dichalcogenide.

    Each layer has site energies +gap/2 on A and -gap/2 on B.  Defaults are the scale of MoS2: a
    hopping of 1.27 eV gives the Dirac velocity sqrt(3) a t/2 = 3.5 eV angstrom. Not a fit to any
    band structure.

    Parameters
    ----------
    n : int
        Layers.
    stacking : "AA", "2H" or "3R"
        "2H" is AA with A and B exchanged in every other layer, inversion symmetric for even n; in
        "3R" every layer is shifted by one bond.
    hopping, gap : float, eV
        Between nearest neighbours, and between A and B.
    interlayer : float, eV
        Between sites above each other.
    displacement : float, eV
        V; layer energies linear in z from -V to +V.
    a : float, angstrom
        Lattice constant.
    spacing : float or (n - 1,), angstrom
        Distance of the layers.

    Returns
    -------
    LayeredModel

    Raises
    ------
    InputError
        n < 1, another stacking, a wrong number of spacings, a length that is not positive.
    """
    known = {"AA": ("A", 1), "2H": ("A", -1), "3R": ("ABC", 1)}
    if stacking not in known:
        raise InputError(
            f"expected one of {', '.join(known)}, got {stacking!r}", value=stacking, key="stacking"
        )
    hopping, gap = to_si(hopping, "eV", "hopping"), to_si(gap, "eV", "gap")
    interlayer = to_si(interlayer, "eV", "interlayer")
    displacement = to_si(displacement, "eV", "displacement")
    a = positive(a, "angstrom", "a")
    pattern, sign = known[stacking]
    shifts = _shifts(n, pattern)
    onsite = []
    for layer in range(n):
        energy = 0.5 * gap * sign**layer
        onsite += [energy, -energy]
    model = _stack(
        shifts,
        -hopping,
        _spacings(n, spacing),
        interlayer,
        0.0,
        0.0,
        a,
        onsite,
        f"{stacking} gapped honeycomb, {n} layers",
    )
    return model if displacement == 0.0 else model.with_displacement(displacement)


def _stack(
    shifts: list[int],
    gamma0: float,
    gaps: list[float],
    gamma1: float,
    gamma3: float,
    gamma4: float,
    a: float,
    onsite: list[float],
    name: str,
) -> LayeredModel:
    """Honeycomb layers, layer l shifted by shifts[l] bonds along y."""
    bond = a / np.sqrt(3.0)
    heights = np.concatenate([[0.0], np.cumsum(gaps)])
    sites = []
    for shift, z in zip(shifts, heights, strict=True):
        sites.append((0.0, shift * bond, z))
        sites.append((0.0, (shift + 1) * bond, z))
    hops: list[Hopping] = []
    for layer in range(len(shifts)):
        first = 2 * layer
        hops += [(first, first + 1, cell, -gamma0) for cell in _NEIGHBOURS]
    for layer, (low, high) in enumerate(pairwise(shifts)):
        hops += _interlayer(2 * layer, low, high, gamma1, gamma3, gamma4)
    lattice = a * np.array([[1.0, 0.0], [0.5, np.sqrt(0.75)]])
    kept = [hop for hop in hops if hop[3] != 0.0]
    return LayeredModel.from_hoppings(
        lattice,
        sites,
        kept,
        onsite=onsite,
        layers=np.repeat(range(len(shifts)), 2),
        name=name,
    )


def _interlayer(
    first: int, low: int, high: int, gamma1: float, gamma3: float, gamma4: float
) -> list[Hopping]:
    """Bonds from the layer with orbitals first, first + 1 to the next, by the in-plane distance of
    the sites.

    Three bonds along y make the lattice vector 2 a2 - a1, which is how far a distance is taken back
    to one bond.
    """

    def bonds(i: int, j: int, energy: float) -> list[Hopping]:
        distance = (high + j) - (low + i)
        turn, rest = divmod(distance + 1, 3)
        home = (turn, -2 * turn)
        out: list[Hopping] = []
        for c in _CELLS_AT[rest]:
            cell = (c[0] + home[0], c[1] + home[1])
            out.append((first + i, first + 2 + j, cell, energy))
        return out

    step = (high - low) % 3
    if step == 0:
        return bonds(0, 0, gamma1) + bonds(1, 1, gamma1)
    # the site of the lower layer that lies under a site of the upper one
    up = 1 if step == 1 else 0
    dimer = bonds(up, 1 - up, gamma1)
    skew = bonds(1 - up, up, -gamma3)
    like = bonds(0, 0, gamma4) + bonds(1, 1, gamma4)
    return dimer + skew + like


def _dimer_energies(shifts: list[int], delta: float) -> list[float]:
    energies = [0.0] * (2 * len(shifts))
    for layer, (low, high) in enumerate(pairwise(shifts)):
        if (high - low) % 3:
            up = 1 if (high - low) % 3 == 1 else 0
            energies[2 * layer + up] = energies[2 * layer + 3 - up] = delta
    return energies


def _shifts(n: int, stacking: str) -> list[int]:
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
        raise InputError(
            f"expected a whole number of layers, at least 1, got {n!r}", value=n, key="n"
        )
    if not stacking or any(letter not in "ABC" for letter in stacking):
        raise InputError(
            f"expected letters A, B, C such as 'AB' or 'ABC', got {stacking!r}",
            value=stacking,
            key="stacking",
        )
    return ["ABC".index(stacking[layer % len(stacking)]) for layer in range(n)]


def _spacings(n: int, spacing: float | Sequence[float]) -> list[float]:
    try:
        given = array_si(spacing, "angstrom", "spacing")
    except InputError as exc:
        raise InputError(
            f"expected distances in angstrom: {exc.what}", value=spacing, key="spacing"
        ) from exc
    gaps = given.tolist() if given.ndim else [float(given)] * (n - 1)
    if len(gaps) != n - 1 or not all(s > 0 for s in gaps):
        raise InputError(
            f"expected one positive distance in angstrom, or {n - 1} of them, got {spacing!r}",
            value=spacing,
            key="spacing",
        )
    return gaps
