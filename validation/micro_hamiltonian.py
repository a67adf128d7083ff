"""The Bloch Hamiltonian and its commutators with the position, from matrices written out here.

Eq. (16), (S27)-(S28)   H(k) of a slanted three-layer crystal, summed bond by bond
Eqs. (13)-(15)          the commutator of two moments and the torque, by matrices
Eq. (3), (S44)-(S47)    [[r_a, H], r_b] by matrix products on a finite piece of the crystal in real
space, all six components:
                        in plane it is d2H/dk_a dk_b, not the Drude weight; with a = b = z it is J_+
                        of Eq. (20), mixed it is i dJ_-/dk of Eq. (21)
Eq. (22), (S55), (S56)  bilayer graphene: the four-by-four matrix, its bands and gap
"""

from __future__ import annotations

import numpy as np
from scipy import constants

import ohmr_fem as of
from ohmr_fem import micro

from .case import Row, relative
from .independence import route

#: kg, CODATA 2022; older versions of scipy have that of 2018, which is 4e-8 off.
ELECTRON_MASS = 9.1093837139e-31
CASE = "Hamiltonian"
ROUTES = {
    "bond by bond": ("H(k) of the program", "sum bond by bond"),
    "real space": ("derivatives of the program", "matrix products in real space"),
    "eps_abc": ("operator matrices", "law: an identity of symmetric X"),
    "torque of the program": ("torque of the program", "Levi-Civita sum"),
    "gap": ("bands of the program", "law: 2 V gamma1/sqrt(gamma1^2 + 4 V^2)"),
    "bands at": ("bands of the program", "square roots of the quartic"),
    "": ("H(k) of the program", "matrix of McCann and Koshino"),
}
LATTICE = np.array([[3.0, 0.2], [0.7, 2.5]])
SITES = np.array([[0.1, 0.2, 0.0], [1.3, 0.4, 3.1], [0.5, 1.9, 7.0]])
ONSITE = (0.1, -0.2, 0.3)
HOPS = [
    (0, 0, (1, 0), 0.3 - 0.2j),
    (0, 1, (0, 0), 0.5),
    (1, 2, (0, 1), -0.4 + 0.1j),
    (2, 0, (1, -1), 0.25j),
    (2, 2, (1, 1), -0.35),
]
POINTS = np.random.default_rng(1).uniform(-1, 1, (7, 2))
A = 2.46
BONDS = A * np.array([[0, 1 / np.sqrt(3)], [0.5, -0.5 / np.sqrt(3)], [-0.5, -0.5 / np.sqrt(3)]])


def slanted() -> micro.LayeredModel:
    return micro.LayeredModel.from_hoppings(LATTICE, SITES, HOPS, onsite=ONSITE)


@route("sum bond by bond")
def bond_sum(k: np.ndarray) -> np.ndarray:
    h = np.diag(ONSITE).astype(complex)
    for i, j, cell, t in HOPS:
        phase = np.exp(1j * k @ (SITES[j] - SITES[i])[:2] + 1j * k @ (np.array(cell) @ LATTICE))
        h[i, j] += t * phase
        h[j, i] += np.conj(t * phase)
    return h


def piece(reach: int = 2) -> tuple[np.ndarray, np.ndarray, list[tuple[int, int]]]:
    """H and the positions (n, 3) of the cells -reach..reach in real space."""
    cells = [(a, b) for a in range(-reach, reach + 1) for b in range(-reach, reach + 1)]
    where = {cell: 3 * m for m, cell in enumerate(cells)}
    h = np.kron(np.eye(len(cells)), np.diag(ONSITE)).astype(complex)
    for a, b in cells:
        for i, j, (da, db), t in HOPS:
            other = where.get((a + da, b + db))
            if other is not None:
                h[where[a, b] + i, other + j] += t
                h[other + j, where[a, b] + i] += np.conj(t)
    r = np.concatenate([SITES + np.append(np.array(cell) @ LATTICE, 0.0) for cell in cells])
    return h, r, cells


@route("matrix products in real space")
def double_commutator(name: str) -> np.ndarray:
    """[[r_a, H], r_b] at POINTS: the rows of the home cell, whose bonds all lie inside the piece,
    summed with the phases of the Bloch states.
    """
    h, r, cells = piece()
    home = 3 * cells.index((0, 0))
    first, second = (np.diag(r[:, "xyz".index(letter)]) for letter in name)
    inner = first @ h - h @ first
    double = (inner @ second - second @ inner)[home : home + 3]
    here = r[home : home + 3, :2]
    out = []
    for k in POINTS:
        phases = np.exp(1j * (r[:, :2] @ k)[None, :] - 1j * (here @ k)[:, None])
        out.append((double * phases).reshape(3, -1, 3).sum(axis=1))
    return np.array(out)


def commutators() -> list[Row]:
    model, rows = slanted(), []
    for name, what in (
        ("xx", "in plane, d2H/dk2"),
        ("xy", "in plane, d2H/dk2"),
        ("yy", "in plane, d2H/dk2"),
        ("zz", "J_+"),
        ("zx", "i dJ_-/dk"),
        ("zy", "i dJ_-/dk"),
    ):
        worst = float(np.abs(model.bloch(POINTS, name) - double_commutator(name)).max())
        rows.append(
            Row(
                CASE,
                "Eqs. (3), (S44)-(S47)" if "z" not in name else "Eqs. (3), (20), (21)",
                f"[[r_{name[0]}, H], r_{name[1]}] in real space against {what}, eV angstrom^2",
                0.0,
                0.0,
                worst,
                1e-12,
            )
        )
    return rows


@route("Levi-Civita sum")
def torque_of_the_moment(
    levi: np.ndarray, X: np.ndarray, B: np.ndarray, n: np.ndarray
) -> np.ndarray:
    """(1/i hbar)[m_a, m.B] with (14) inserted, in units of e/2."""
    return -np.einsum("abc,cd,b,d->a", levi, X, B, n)


def moments() -> list[Row]:
    """Eq. (14), [m_a, m_b] = (e hbar/2i) eps_abc X_cd m_d, and Eq. (15), by matrices.

    A moment is m_a = -(e/2) eps_abc r_b v_c (S6), and with [r_k, v_l] = i hbar X_kl alone the
    commutator of two of them is linear in m: for the matrices (E^a)_bc = eps_abc it says
    -(E^a X E^b - E^b X E^a) = eps_abk X_kl E^l, for every symmetric X. The torque of (15) is the
    commutator with m.B: -(e/2) eps_abc B_b X_cd n^d, which is minus the T n of Eq. (2).
    """
    levi = np.zeros((3, 3, 3))
    for a, b, c in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        levi[a, b, c], levi[a, c, b] = 1.0, -1.0
    rng = np.random.default_rng(14)
    worst, torque = 0.0, 0.0
    for _ in range(20):
        X = rng.standard_normal((3, 3))
        X = X + X.T
        left = np.einsum("aij,jk,bkl->abil", levi, X, levi)
        left = -(left - left.swapaxes(0, 1))
        right = np.einsum("abk,kl,lij->abij", levi, X, levi)
        worst = max(worst, float(np.abs(left - right).max()))
        B, n = rng.standard_normal((2, 3))
        commutator = torque_of_the_moment(levi, X, B, n)
        material = of.Material(1.0, 1.0, 0.1, X, diffusion_length=1.0)
        unit = 0.5 * constants.e / ELECTRON_MASS
        program = -material.torque(B) @ n / unit
        torque = max(torque, float(np.abs(commutator - program).max()))
    what = "[m_a, m_b] by matrices against eps_abc X_cd m_d, 20 symmetric X"
    again = "torque of the program against the commutator, 20 symmetric X, B and n"
    return [
        Row(CASE, "Eq. (14)", what, 0.0, 0.0, worst, 1e-13),
        Row(CASE, "Eqs. (13), (15)", again, 0.0, 0.0, torque, 1e-12),
    ]


@route("matrix of McCann and Koshino")
def mccann_koshino(
    g0: float, g1: float, g3: float, g4: float, delta: float, v: float
) -> np.ndarray:
    out = []
    for k in POINTS:
        f = np.exp(1j * BONDS @ k).sum()
        c = np.conj(f)
        h = [
            [-v, -g0 * f, g4 * f, -g3 * c],
            [-g0 * c, delta - v, g1, g4 * f],
            [g4 * c, g1, delta + v, -g0 * f],
            [-g3 * f, g4 * c, -g0 * c, v],
        ]
        out.append(h)
    return np.array(out)


@route("square roots of the quartic")
def bands_of_a_bilayer(g0: float, g1: float, v: float, k: np.ndarray = POINTS) -> np.ndarray:
    g2 = (g0 * np.abs(np.exp(1j * k @ BONDS.T).sum(axis=1))) ** 2
    root = np.sqrt(g1**4 / 4 + g2 * (g1**2 + 4 * v**2))
    inner, outer = (np.sqrt(g1**2 / 2 + v**2 + g2 + s * root) for s in (-1, 1))
    return np.stack([-outer, -inner, inner, outer], axis=-1)


@route("law: 2 V gamma1/sqrt(gamma1^2 + 4 V^2)")
def gap_of_a_bilayer(g1: float, v: float) -> float:
    return float(2 * v * g1 / np.sqrt(g1**2 + 4 * v**2))


def bilayer() -> list[Row]:
    """McCann and Koshino's matrix with +V on the upper layer; the paper's model is gamma3 = gamma4
    = Delta' = 0.
    """
    g0, g1, g3, g4, delta, v = 3.16, 0.381, 0.38, 0.14, 0.022, 0.07
    model, worst = micro.bilayer_graphene(g0, g1, g3, g4, delta, v), 0.0
    written = mccann_koshino(g0, g1, g3, g4, delta, v)
    matrix = float(np.abs(model.bloch(POINTS) - written).max())
    for v in (0.0, 0.38):
        bands = micro.bilayer_graphene(displacement=v).bands(POINTS)
        worst = max(worst, float(np.abs(bands - bands_of_a_bilayer(g0, 0.38, v)).max()))
    scan = np.array([4 * np.pi / (3 * A), 0.0]) + np.linspace(0, 0.1, 20001)[:, None] * [1.0, 0.0]
    bands = micro.bilayer_graphene(displacement=0.38).bands(scan)
    gap, exact = float((bands[:, 2] - bands[:, 1]).min()), gap_of_a_bilayer(0.38, 0.38)
    return [
        Row(
            CASE,
            "Eqs. (22), (S55), (S56)",
            "bilayer graphene, largest difference of H(k), eV",
            0.0,
            0.0,
            matrix,
            1e-12,
        ),
        Row(
            CASE,
            "Eqs. (22), (S55), (S56)",
            "bands at V = 0 and V = gamma1, eV",
            0.0,
            0.0,
            worst,
            1e-10,
        ),
        Row(
            CASE,
            "Eq. (22)",
            "gap at V = gamma1, eV: 2 V gamma1/sqrt(gamma1^2 + 4 V^2), layers at -V and +V",
            gap,
            exact,
            relative(gap, exact),
            1e-7,
        ),
    ]


def run(level: str = "quick") -> list[Row]:
    model = slanted()
    sums = float(np.abs(model.bloch(POINTS) - [bond_sum(k) for k in POINTS]).max())
    return [
        Row(
            CASE,
            "Eqs. (16), (S27)-(S28)",
            "H(k) bond by bond, three layers, eV",
            0.0,
            0.0,
            sums,
            1e-13,
        ),
        *moments(),
        *commutators(),
        *bilayer(),
    ]
