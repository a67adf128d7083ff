"""Layers, positions and bands: Eqs. (16) to (21), (S27) to (S51), by blocks and differences.

A crystal of three layers at distances of d, two orbitals each: h(k) in a layer and Gamma(k) from
each layer to the next are written out here. Angstrom and eV; hbar = 1 in this file.
"""

from __future__ import annotations

import functools

import numpy as np

from ohmr_fem import micro

from .case import Row
from .independence import route
from .micro_hamiltonian import double_commutator

CASE = "layers and bands"
ROUTES = {
    "Jacobi": ("matrix products in real space", "law: Jacobi's identity"),
    "expanded": ("nested commutators", "law: [a, [b, H]] = abH + Hba - aHb - bHa"),
    "wave packet": ("amplitudes in real space", "positions in k space"),
    "the other sign": ("amplitudes in real space", "law: a wrong sign is seen"),
    "": ("derivatives of the program", "blocks and differences"),
}
LAYERS, SPACING = 3, 3.2
LATTICE = np.array([[3.0, 0.2], [0.7, 2.5]])
PLACES = np.array([[0.1, 0.2], [1.3, 0.4]])
POTENTIALS = (0.1, -0.2, 0.35)
#: (i, j, cell, hopping) in a layer, and from orbital j of a layer to orbital i of the next.
WITHIN = ((0, 1, (0, 0), 0.5), (0, 1, (1, 0), -0.3 + 0.1j), (0, 0, (0, 1), 0.2 - 0.15j))
ACROSS = ((0, 0, (0, 0), 0.4), (1, 0, (0, 0), -0.25j), (0, 1, (-1, 0), 0.3 + 0.2j))
POINTS = np.random.default_rng(3).uniform(-1, 1, (5, 2))
STEP = 3e-4


@functools.cache
def crystal() -> micro.LayeredModel:
    sites = [[*place, SPACING * layer] for layer in range(LAYERS) for place in PLACES]
    hops = []
    for layer in range(LAYERS):
        hops += [(2 * layer + i, 2 * layer + j, cell, t) for i, j, cell, t in WITHIN]
    for layer in range(LAYERS - 1):
        hops += [(2 * layer + 2 + i, 2 * layer + j, cell, t) for i, j, cell, t in ACROSS]
    model = micro.LayeredModel.from_hoppings(LATTICE, sites, hops)
    return model.with_potentials(POTENTIALS)


def block(k: np.ndarray, bonds: tuple, letter: str = "") -> np.ndarray:
    """A 2 x 2 sum over bonds, or its derivative along x or y."""
    out = np.zeros((2, 2), dtype=complex)
    for i, j, cell, t in bonds:
        bond = np.array(cell) @ LATTICE + PLACES[j] - PLACES[i]
        slope = 1j * bond["xy".index(letter)] if letter else 1.0
        out[i, j] += t * slope * np.exp(1j * k @ bond)
    return out


UP = np.eye(LAYERS, k=-1)  # from a layer to the next, c+_(l+1) c_l


def hopping(k: np.ndarray, sign: float, letter: str = "") -> np.ndarray:
    """J_+ or J_- of Eq. (17), or its derivative."""
    gamma = block(k, ACROSS, letter)
    return np.kron(UP, gamma) + sign * np.kron(UP.T, gamma.conj().T)


def hamiltonian(k: np.ndarray) -> np.ndarray:
    """Eq. (16), (S28)."""
    h = block(k, WITHIN)
    layers = np.kron(np.eye(LAYERS), h + h.conj().T)
    return layers + np.kron(np.diag(POTENTIALS), np.eye(2)) + hopping(k, 1.0)


def slope_of(k: np.ndarray, axis: int) -> np.ndarray:
    """dH/dk by five points."""
    step = STEP * np.eye(2)[axis]
    near = hamiltonian(k + step) - hamiltonian(k - step)
    far = hamiltonian(k + 2 * step) - hamiltonian(k - 2 * step)
    return (8 * near - far) / (12 * STEP)


def heights() -> np.ndarray:
    """Eq. (19), (S31): r_z = sum z_l c+_l c_l."""
    return np.kron(np.diag(SPACING * np.arange(LAYERS)), np.eye(2))


@route("blocks and differences")
def expected(what: str, k: np.ndarray) -> np.ndarray:
    """H, its slope, and minus the double commutators with the position."""
    d = SPACING
    z, H = heights(), hamiltonian(k)
    v_z = -1j * (z @ H - H @ z)
    return {
        "H": lambda: H,
        "slope x": lambda: slope_of(k, 0),
        "slope y": lambda: slope_of(k, 1),
        "J_+": lambda: -(d**2) * hopping(k, 1.0),
        "dJ_-x": lambda: -1j * d * hopping(k, -1.0, "x"),
        "dJ_-y": lambda: -1j * d * hopping(k, -1.0, "y"),
        "v_z": lambda: v_z,
        "[r_z, v_z]": lambda: z @ v_z - v_z @ z,
        "v_z by J_-": lambda: -1j * d * hopping(k, -1.0),
    }[what]()


def steps() -> list[Row]:
    """What the program calls a derivative along z is minus i times a commutator with r_z."""
    H = crystal()
    pairs = (
        ("Eq. (16), (S27)-(S28)", "H(k) of three layers by blocks", "", "H", 1.0),
        ("(S29)", "dH/dk_x against differences", "x", "slope x", 1.0),
        ("(S29)", "dH/dk_y against differences", "y", "slope y", 1.0),
        ("Eqs. (17), (20), (S34)", "-d^2 J_+", "zz", "J_+", 1.0),
        ("Eqs. (17), (21), (S35), (S36)", "-i d dJ_-/dk_x", "zx", "dJ_-x", 1.0),
        ("Eqs. (17), (21), (S35), (S36)", "-i d dJ_-/dk_y", "zy", "dJ_-y", 1.0),
        ("Eq. (19), (S31), (S32)", "v_z = -i [r_z, H]", "z", "v_z", 1.0),
        ("(S32)", "v_z = -i d J_-", "z", "v_z by J_-", 1.0),
        ("(S33)", "[r_z, v_z] = (d^2/i) J_+", "zz", "[r_z, v_z]", 1j),
    )
    rows = []
    for where, text, letters, name, factor in pairs:
        mine = H.bloch(POINTS, letters) if letters else H.bloch(POINTS)
        theirs = np.array([expected(name, k) for k in POINTS])
        error = float(np.abs(factor * mine - theirs).max() / np.abs(theirs).max())
        rows.append(Row(CASE, where, text, 0.0, 0.0, error, 1e-9))
    return rows


# -- bands


def states(k: np.ndarray, like: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Energies and states; phases as those of ``like``, so that differences mean something."""
    e, u = np.linalg.eigh(hamiltonian(k))
    if like is not None:
        overlap = np.sum(like.conj() * u, axis=0)
        u = u * (overlap.conj() / np.abs(overlap))
    return e, u


def turning(k: np.ndarray, axis: int) -> np.ndarray:
    """|d u_n> less its part along u_n, by five points, as columns."""
    _, u = states(k)
    step = STEP * np.eye(2)[axis]
    near, far = ([states(k + s * m * step, u)[1] for s in (1, -1)] for m in (1, 2))
    slope = (8 * (near[0] - near[1]) - (far[0] - far[1])) / (12 * STEP)
    return slope - u * np.sum(u.conj() * slope, axis=0)


def second_difference(k: np.ndarray) -> np.ndarray:
    """d^2 eps_n/dk_x dk_y of every band."""
    h = 5e-4

    def mixed(size: float) -> np.ndarray:
        corners = [(1, 1), (1, -1), (-1, 1), (-1, -1)]
        energies = [states(k + size * np.array(c))[0] for c in corners]
        return (energies[0] - energies[1] - energies[2] + energies[3]) / (4 * size**2)

    return (4 * mixed(h) - mixed(2 * h)) / 3


@route("blocks and differences")
def by_differences(what: str, k: np.ndarray) -> np.ndarray:
    e, u = states(k)
    d = [turning(k, axis) for axis in (0, 1)]
    X = [1j * u.conj().T @ part for part in d]  # (S42): interband part of the position
    if what == "X":
        return X[0]
    H = hamiltonian(k)
    quantum = [d[0][:, n].conj() @ (H - e[n] * np.eye(len(e))) @ d[1][:, n] for n in range(len(e))]
    return {
        "overlap": np.array(quantum),
        "interband": np.diag(_nested(X[0], X[1], np.diag(e))),
        "curvature": second_difference(k),
    }[what]


def _nested(a: np.ndarray, b: np.ndarray, H: np.ndarray) -> np.ndarray:
    """(S43), (S45), (S48)."""
    return a @ b @ H + H @ b @ a - a @ H @ b - b @ H @ a


def by_perturbation(k: np.ndarray) -> dict[str, np.ndarray]:
    """The same from the program's derivatives of H in its eigenstates."""
    H, vx, vy, w = crystal().bloch(k, "", "x", "y", "xy")
    e, u = np.linalg.eigh(H)
    _, own = states(k)
    phase = np.sum(u.conj() * own, axis=0)
    u = u * (phase / np.abs(phase))
    gap = e[None, :] - e[:, None]
    np.fill_diagonal(gap, np.inf)
    X, Y = (1j * (u.conj().T @ v @ u) / gap for v in (vx, vy))
    np.fill_diagonal(gap, 0.0)
    overlap = np.sum(gap * X * Y.T, axis=1)
    mean = np.real(np.sum(u.conj() * (w @ u), axis=0))
    return {
        "X": X,
        "overlap": overlap,
        "interband": -2 * np.real(overlap),
        "curvature": mean - 2 * np.real(overlap),
    }


def band_rows() -> list[Row]:
    names = (
        ("(S42)", "interband position i <u_n|du_m>, against differences of states", "X"),
        ("(S46)", "<du_n|H - eps_n|du_n> by matrix elements, against differences", "overlap"),
        ("(S43), (S45)", "XXH + HXX - XHX - XHX by matrix elements", "interband"),
        (
            "(S44), (S47), (S50), (S51)",
            "d2eps/dkdk = <d2H> - 2 Re<du|H - eps|du>, every band",
            "curvature",
        ),
    )
    rows = []
    found = [by_perturbation(k) for k in POINTS]
    for where, text, name in names:
        theirs = np.array([by_differences(name, k) for k in POINTS])
        mine = np.array([f[name] for f in found])
        error = float(np.abs(mine - theirs).max() / np.abs(theirs).max())
        rows.append(Row(CASE, where, text, 0.0, 0.0, error, 1e-6))
    return rows


def algebra() -> list[Row]:
    rng = np.random.default_rng(48)
    a, b, H = rng.standard_normal((3, 5, 5))
    nested = a @ (b @ H - H @ b) - (b @ H - H @ b) @ a
    expanded = float(np.abs(nested - (a @ b @ H + H @ b @ a - a @ H @ b - b @ H @ a)).max())
    jacobi = 0.0
    for one, other in (("zx", "xz"), ("xy", "yx"), ("zy", "yz")):
        apart = double_commutator(one) - double_commutator(other)
        jacobi = max(jacobi, float(np.abs(apart).max()))
    return [
        Row(CASE, "(S48)", "[a, [b, H]] expanded", 0.0, 0.0, expanded, 1e-13),
        Row(
            CASE,
            "(S40), (S41)",
            "[r_a, [r_b, H]] is symmetric (Jacobi), eV angstrom^2",
            0.0,
            0.0,
            jacobi,
            1e-12,
        ),
    ]


# -- (S49): the sign of the connection

CELLS = 64


def chain(k: float) -> np.ndarray:
    """Lower state of two sites at 0 and 0.3 of a cell of length 1, its first element real."""
    hop = 1.0 * np.exp(0.3j * k) + 0.4 * np.exp(-0.7j * k)
    _, u = np.linalg.eigh(np.array([[0.3, hop], [np.conj(hop), -0.3]]))
    lower = u[:, 0]
    return lower * np.exp(-1j * np.angle(lower[0]))


def packet() -> tuple[np.ndarray, np.ndarray]:
    k = 2 * np.pi * (np.arange(CELLS) - CELLS // 2) / CELLS
    weight = np.exp(-((k - 0.5) ** 2) / (2 * 0.35**2)) * np.exp(-4.0j * k)
    return k, weight / np.linalg.norm(weight)


def centre_in_space() -> float:
    """Mean position of the packet, site by site."""
    k, f = packet()
    cells = np.arange(CELLS) - CELLS // 2
    mean = 0.0
    for site, place in enumerate((0.0, 0.3)):
        amplitude = np.array([f[i] * chain(q)[site] for i, q in enumerate(k)])
        x = cells + place
        wave = np.exp(1j * np.outer(x, k)) @ amplitude / np.sqrt(CELLS)
        mean += float(np.sum(np.abs(wave) ** 2 * x))
    return mean


@route("positions in k space")
def centre_in_k(sign: float) -> float:
    """Mean of i d/dk + sign A over the packet, A = i <u|du>."""
    k, f = packet()
    h = 1e-4
    A = np.array([1j * chain(q).conj() @ (chain(q + h) - chain(q - h)) / (2 * h) for q in k])
    slope = f * (-(k - 0.5) / 0.35**2 - 4.0j)
    return float(np.real(np.sum(f.conj() * (1j * slope + sign * A * f))))


def connection() -> list[Row]:
    mine, plus, minus = centre_in_space(), centre_in_k(1.0), centre_in_k(-1.0)
    what = "centre of a wave packet: i d/dk + A, as in (S42)"
    other = "the other sign, as (S49) prints it, is off by more than 0.01 cells"
    off = abs(mine - minus)
    return [
        Row(CASE, "(S49)", what, mine, plus, abs(mine - plus), 1e-6),
        Row(CASE, "(S49)", other, off, 0.01, 0.0 if off > 0.01 else 1.0, 0.5),
    ]


def run(level: str = "quick") -> list[Row]:
    return [*steps(), *band_rows(), *algebra(), *connection()]
