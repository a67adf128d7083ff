"""Bilayer graphene by Pauli matrices: Eqs. (22), (23), (S37) to (S39), (S52) to (S58), and what the
text says of its hopping.

sigma acts on the sublattice, tau on the layer. With the signs that the paper prints for gamma_0 and
gamma_1 the bands are the same: only their squares enter.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from ohmr_fem import micro
from ohmr_fem.micro.symmetry import find_operations, symmetrise

from .case import Row, relative
from .independence import route
from .micro_bilayer import exact

CASE = "Pauli matrices"
ROUTES = {
    "mesh of 60": ("k mesh", "Pauli matrices"),
    "bands": ("bands of the program", "Pauli matrices"),
    "symmetrised": ("symmetry of the program", "printed matrix"),
    "growth": ("k mesh", "integral over the band energy"),
    "monolayer": ("k mesh", "law: no bond has a height"),
    "printed tau_z": ("Pauli matrices", "law: d/2 enters once"),
    "": ("Pauli products", "blocks and commutators"),
}
GAMMA0, GAMMA1, A, D = 3.16, 0.38, 2.46, 3.35
KELVIN = 1.380649e-23 / 1.602176634e-19
HBAR2 = 1.054571817e-34**2 / (9.1093837015e-31 * 1.602176634e-19) * 1e20
S0, SX, SY, SZ = (
    np.eye(2, dtype=complex),
    np.array([[0, 1], [1, 0]], dtype=complex),
    np.array([[0, -1j], [1j, 0]]),
    np.diag([1.0, -1.0]).astype(complex),
)
BONDS = A * np.array([[0, 1 / np.sqrt(3)], [0.5, -0.5 / np.sqrt(3)], [-0.5, -0.5 / np.sqrt(3)]])
#: gamma_1, a thousandth more and less.
AROUND = (GAMMA1 * 1.001, GAMMA1 * 0.999)
POINTS = np.random.default_rng(5).uniform(-1, 1, (6, 2))


def both(sigma: np.ndarray, tau: np.ndarray) -> np.ndarray:
    return np.kron(tau, sigma)


def fields(k: np.ndarray) -> tuple[float, float]:
    """F = Re f, G = -Im f."""
    angle = BONDS @ k
    return float(np.cos(angle).sum()), float(-np.sin(angle).sum())


def pauli(k: np.ndarray, bias: float = 0.0, gamma1: float = GAMMA1) -> np.ndarray:
    """Eq. (22), (S56)."""
    F, G = fields(k)
    layer = -GAMMA0 * (F * both(SX, S0) + G * both(SY, S0))
    between = 0.5 * gamma1 * (both(SX, SX) + both(SY, SY))
    return layer + between + bias * both(S0, SZ)


# -- forms


@route("blocks and commutators")
def blocks(k: np.ndarray, bias: float) -> np.ndarray:
    """(S37): h tau_0 + Gamma tau_+ + h.c. + V tau_z, block by block."""
    F, G = fields(k)
    h = -GAMMA0 * np.array([[0, F - 1j * G], [F + 1j * G, 0]])
    gamma = GAMMA1 * np.array([[0, 0], [1, 0]])
    upper, lower = h + bias * np.eye(2), h - bias * np.eye(2)
    return np.block([[upper, gamma], [gamma.T, lower]])


@route("blocks and commutators")
def velocity(k: np.ndarray, bias: float) -> np.ndarray:
    """(S38): -i [r_z, H], r_z = +-d/2."""
    z = np.diag([D / 2, D / 2, -D / 2, -D / 2])
    H = blocks(k, bias)
    return -1j * (z @ H - H @ z)


@route("blocks and commutators")
def slope(k: np.ndarray, axis: int) -> np.ndarray:
    """dH/dk by five points."""
    h = 1e-3 * np.eye(2)[axis]
    near = blocks(k + h, 0.0) - blocks(k - h, 0.0)
    far = blocks(k + 2 * h, 0.0) - blocks(k - 2 * h, 0.0)
    return (8 * near - far) / 12e-3


def forms() -> list[Row]:
    bias = 0.17
    worst = dict.fromkeys(("H", "v_z", "v_z by tau", "v_x", "v_y"), 0.0)
    raising = 0.5 * (SX + 1j * SY)
    lowering = raising.conj().T
    up = GAMMA1 * both(lowering, raising)
    v_z = 0.5 * GAMMA1 * D * (both(SX, SY) - both(SY, SX))
    for k in POINTS:
        parts = BONDS @ k
        found = {
            "H": pauli(k, bias) - blocks(k, bias),
            "v_z": v_z - velocity(k, bias),
            "v_z by tau": -1j * D * (up - up.conj().T) - velocity(k, bias),
        }
        for axis, name in enumerate(("v_x", "v_y")):
            slope_f, slope_g = -np.sin(parts) @ BONDS[:, axis], -np.cos(parts) @ BONDS[:, axis]
            by_hand = -GAMMA0 * (slope_f * both(SX, S0) + slope_g * both(SY, S0))
            found[name] = by_hand - slope(k, axis)
        for name, gap in found.items():
            worst[name] = max(worst[name], float(np.abs(gap).max()))
    texts = {
        "H": ("Eq. (22), (S37), (S56)", "H(k), eV"),
        "v_z": ("(S57)", "v_z = (gamma_1 d/2)(s_x t_y - s_y t_x), eV angstrom"),
        "v_z by tau": ("(S38)", "v_z = (d/i)(Gamma t_+ - h.c.), eV angstrom"),
        "v_x": ("(S57)", "hbar v_x, eV angstrom"),
        "v_y": ("(S57)", "hbar v_y, eV angstrom"),
    }
    rows = [Row(CASE, *texts[name], 0.0, 0.0, error, 1e-9) for name, error in worst.items()]
    return rows


# -- sums


@route("Pauli matrices")
def out_of_plane(mu: float, gamma1: float, divisions: int, height: float = D / 2) -> float:
    """Eq. (23), (S39), (S58): -(gamma_1 d^2/2 hbar^2) <s_x t_x + s_y t_y>, half-shifted mesh."""
    grid = (np.arange(divisions) + 0.5) / divisions
    b = 2 * np.pi * np.linalg.inv(A * np.array([[1.0, 0.0], [0.5, np.sqrt(0.75)]])).T
    form = both(SX, SX) + both(SY, SY)
    total = 0.0
    for i in grid:
        rows = np.array([pauli(i * b[0] + j * b[1], 0.0, gamma1) for j in grid])
        e, u = np.linalg.eigh(rows)
        mean = np.real(np.einsum("kin,ij,kjn->kn", u.conj(), form, u))
        total += float((mean * expit((mu - e) / (KELVIN * 300.0))).sum())
    return -0.5 * gamma1 * (2 * height) ** 2 * total / divisions**2 / HBAR2


@route("Pauli matrices")
def levels(bias: float) -> np.ndarray:
    return np.array([np.linalg.eigvalsh(pauli(k, bias)) for k in POINTS])


@route("integral over the band energy")
def power_of_gamma1(mu: float) -> float:
    """d ln X_zz/d ln gamma_1 at 300 K without a k mesh: a mesh of 60 gives 1.9805 or 1.9996 at
    0.4 eV, by where it begins.
    """
    ends = [exact(mu, 300.0, gamma1=gamma1)["X_zz"] for gamma1 in AROUND]
    return float(np.log(ends[0] / ends[1]) / np.log(AROUND[0] / AROUND[1]))


def power_on_meshes(mu: float) -> float:
    """The same from the program, on meshes that it refines by itself."""
    models = [micro.bilayer_graphene(gamma1=gamma1) for gamma1 in AROUND]
    ends = [micro.inverse_mass(model, mu, 300).X[0, 2, 2] for model in models]
    return float(np.log(ends[0] / ends[1]) / np.log(AROUND[0] / AROUND[1]))


@route("law: d/2 enters once")
def half_squared() -> float:
    return (D / 2) ** 2


def program() -> float:
    model = micro.bilayer_graphene()
    return float(micro.inverse_mass(model, 0.4, 300, mesh=60, shift=0.5).X[0, 2, 2])


def growth(mu: float) -> Row:
    found, expected = power_on_meshes(mu), power_of_gamma1(mu)
    text = f"growth of X_zz with gamma_1, 300 K, mu = {mu:g} eV: d ln X_zz/d ln gamma_1"
    where = "text, proportional to gamma_1"
    return Row(CASE, where, text, found, expected, abs(found - expected), 1e-6)


def sums(level: str) -> list[Row]:
    mine, theirs = program(), out_of_plane(0.4, GAMMA1, 60)
    gap = np.abs(micro.bilayer_graphene(displacement=0.2).bands(POINTS) - levels(0.2)).max()
    single = micro.inverse_mass(micro.monolayer_graphene(), 0.4, 300, mesh=60).X[0, 2]
    twice = out_of_plane(0.4, GAMMA1, 30, D**2 / 4) / out_of_plane(0.4, GAMMA1, 30)
    return [
        Row(
            CASE,
            "Eq. (23), (S39), (S58)",
            "X_zz, 300 K, mu = 0.4 eV, mesh of 60",
            mine,
            theirs,
            relative(mine, theirs),
            1e-7,
        ),
        Row(CASE, "Eq. (22), (S56)", "bands at V = 0.2 eV", 0.0, 0.0, float(gap), 1e-12),
        *map(growth, (0.4,) if level == "quick" else (0.1, 0.4, 0.6)),
        Row(
            CASE,
            "text, monolayer",
            "monolayer: X_zx, X_zy, X_zz",
            float(np.abs(single).max()),
            0.0,
            float(np.abs(single).max()),
            1e-14,
        ),
        Row(
            CASE,
            "Eq. (22)",
            "X_zz with r_z = (d/2) t_z and the printed tau_z, over X_zz: (d/2)^2 in angstrom^2",
            twice,
            half_squared(),
            relative(twice, half_squared()),
            1e-12,
        ),
    ]


# -- symmetry


@route("printed matrix")
def turned_as_printed(X: np.ndarray) -> np.ndarray:
    """(S53), entry by entry."""
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = X
    r = np.sqrt(3) / 4
    return np.array(
        [
            [
                (xx + 3 * yy) / 4 + r * (xy + yx),
                (xy - 3 * yx) / 4 + r * (yy - xx),
                -xz / 2 - 2 * r * yz,
            ],
            [
                (yx - 3 * xy) / 4 + r * (yy - xx),
                (3 * xx + yy) / 4 - r * (xy + yx),
                2 * r * xz - yz / 2,
            ],
            [-zx / 2 - 2 * r * zy, 2 * r * zx - zy / 2, zz],
        ]
    )


@route("printed matrix")
def mirrored_as_printed(X: np.ndarray) -> np.ndarray:
    """(S54)."""
    signs = np.array([[1, -1, 1], [-1, 1, -1], [1, -1, 1]])
    return signs * X


@route("printed matrix")
def mean_of_the_group(X: np.ndarray) -> np.ndarray:
    """Mean over the six operations of C3v, by the printed matrices."""
    images = [X, turned_as_printed(X), turned_as_printed(turned_as_printed(X))]
    return np.mean([*images, *map(mirrored_as_printed, images)], axis=0)


def symmetry() -> list[Row]:
    """(S52) to (S54): the matrices as printed, and the mean over the group."""
    c, s = np.cos(2 * np.pi / 3), np.sin(2 * np.pi / 3)
    turn_by = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    M = np.diag([1.0, -1.0, 1.0])
    rng = np.random.default_rng(53)
    turn = mirror = 0.0
    for _ in range(5):
        X = rng.standard_normal((3, 3))
        turn = max(turn, float(np.abs(turn_by @ X @ turn_by.T - turned_as_printed(X)).max()))
        mirror = max(mirror, float(np.abs(M @ X @ M - mirrored_as_printed(X)).max()))
    X = rng.standard_normal((3, 3))
    X = X + X.T
    operations = find_operations(micro.bilayer_graphene(displacement=0.1))
    program = symmetrise(X, operations)
    apart = float(np.abs(program - mean_of_the_group(X)).max())
    return [
        Row(CASE, "(S52), (S53)", "C_3z X C_3z^-1, entries as printed", 0.0, 0.0, turn, 1e-12),
        Row(CASE, "(S52), (S54)", "M X M^-1, entries as printed", 0.0, 0.0, mirror, 1e-12),
        Row(CASE, "(S52)-(S54)", "X symmetrised over C_3v", 0.0, 0.0, apart, 1e-12),
    ]


def run(level: str = "quick") -> list[Row]:
    return [*forms(), *sums(level), *symmetry()]
