"""Moments as operators: Eqs. (9) to (15) and (S5) to (S15) by matrices of three oscillators.

hbar = e = 1. Positions and momenta are ladder matrices cut off at LEVELS; products of six of them
are exact between states that stay six levels below the cut, and only those are compared. The mass
is a full symmetric tensor X, v = X (p + A) with A = B x r/2, so [r_k, v_l] = i X_kl as in (S7).
"""

from __future__ import annotations

import functools
import itertools

import numpy as np
from scipy.sparse import csr_array, identity, kron

import ohmr_fem as of
from ohmr_fem.units import ELECTRON_MASS, ELEMENTARY_CHARGE

from .case import Row
from .independence import route

CASE = "operators"
ROUTES = {
    "torque of the program": ("torque of the program", "ladder matrices"),
    "angular momentum": ("ladder matrices", "law: [L_x, L_y] = i L_z"),
    "power of B": ("ladder matrices", "law: linear and quadratic in B"),
    "associator": ("ladder matrices", "law: (AB)C - A(BC) = [B, [A, C]]/4"),
    "determinant": ("printed sum", "law: determinant of nine deltas"),
    "equilibrium": ("ladder matrices", "law: a commutator with H has no diagonal"),
    "": ("ladder matrices", "printed formula"),
}
LEVELS, BELOW = 9, 3
X = np.array([[1.0, 0.15, 0.1], [0.15, 0.8, -0.05], [0.1, -0.05, 0.5]])
FIELD = np.array([0.3, -0.2, 0.4])
ELECTRIC = np.array([0.2, 0.1, -0.3])
AXES = range(3)


def levi_civita() -> np.ndarray:
    eps = np.zeros((3, 3, 3))
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        eps[i, j, k], eps[i, k, j] = 1.0, -1.0
    return eps


EPS = levi_civita()


@functools.cache
def ladders() -> tuple[list[csr_array], list[csr_array]]:
    """r and p of three oscillators."""
    lower = np.diag(np.sqrt(np.arange(1.0, LEVELS)), 1)
    own = csr_array((lower + lower.T) / np.sqrt(2)), csr_array(1j * (lower.T - lower) / np.sqrt(2))
    one = identity(LEVELS, format="csr")
    out = []
    for operator in own:
        places = [[operator if i == axis else one for i in AXES] for axis in AXES]
        out.append([csr_array(kron(kron(a, b), c)) for a, b, c in places])
    return out[0], out[1]


def star(a: csr_array, b: csr_array) -> csr_array:
    """The symmetrised product."""
    return 0.5 * (a @ b + b @ a)


def commutator(a: csr_array, b: csr_array) -> csr_array:
    return a @ b - b @ a


def total(parts: list[csr_array]) -> csr_array:
    return functools.reduce(lambda a, b: a + b, parts)


def velocities(field: np.ndarray) -> list[csr_array]:
    r, p = ladders()
    A = [total([0.5 * EPS[k, i, j] * field[i] * r[j] for i in AXES for j in AXES]) for k in AXES]
    return [total([X[k, j] * (p[j] + A[j]) for j in AXES]) for k in AXES]


def moments(field: np.ndarray) -> list[csr_array]:
    """(S6): m_a = -(1/2) eps_abc r_b * v_c."""
    r, _ = ladders()
    v = velocities(field)
    pairs = list(itertools.product(AXES, AXES))
    return [total([-0.5 * EPS[a, b, c] * star(r[b], v[c]) for b, c in pairs]) for a in AXES]


@functools.cache
def kept() -> np.ndarray:
    """States far enough below the cut."""
    low = np.arange(LEVELS) < BELOW
    return np.flatnonzero(np.kron(np.kron(low, low), low))


def size(operator: csr_array) -> float:
    """Largest element between states below the cut."""
    block = csr_array(operator)[kept()][:, kept()]
    return float(np.abs(block.toarray()).max())


def apart(a: csr_array, b: csr_array) -> float:
    return size(a - b) / size(b)


# -- the commutator


@route("printed formula")
def first_term(field: np.ndarray, a: int, b: int) -> csr_array:
    """(S7), the term with [v_l, v_l'] = c, a number for a uniform field."""
    r, _ = ladders()
    v = velocities(field)
    here = int(kept()[0])
    parts = [0.0 * r[0]]
    for k, m, other, n in itertools.product(AXES, repeat=4):
        factor = 0.25 * EPS[a, k, m] * EPS[b, other, n]
        if factor:
            number = csr_array(commutator(v[m], v[n]))[here, here]
            parts.append(factor * number * star(r[k], r[other]))
    return total(parts)


@route("printed formula")
def second_term(field: np.ndarray, a: int, b: int) -> csr_array:
    """(S7), the term with [r_k, v_l] = i X_kl."""
    r, _ = ladders()
    v = velocities(field)
    parts = [0.0 * r[0]]
    for k, m, other, n in itertools.product(AXES, repeat=4):
        factor = EPS[a, k, m] * EPS[b, other, n] - EPS[a, other, n] * EPS[b, k, m]
        if factor:
            parts.append(0.25 * factor * 1j * X[k, n] * star(r[other], v[m]))
    return total(parts)


@route("printed formula")
def by_the_moment(field: np.ndarray, a: int, b: int) -> csr_array:
    """(S8), (14): -(i/2) eps_abk X_kl m_l."""
    m = moments(field)
    pairs = itertools.product(AXES, AXES)
    return total([-0.5j * EPS[a, b, k] * X[k, j] * m[j] for k, j in pairs])


PAIRS = ((0, 1), (1, 2), (2, 0))


def commutators() -> list[Row]:
    m, still = moments(FIELD), moments(0.0 * FIELD)
    seven = eight = fourteen = 0.0
    for a, b in PAIRS:
        first, second = first_term(FIELD, a, b), second_term(FIELD, a, b)
        seven = max(seven, apart(commutator(m[a], m[b]), first + second))
        eight = max(eight, apart(second, by_the_moment(FIELD, a, b)))
        free = commutator(still[a], still[b])
        fourteen = max(fourteen, apart(free, by_the_moment(0.0 * FIELD, a, b)))
    rows = [
        ("(S7)", "[m_a, m_b] in a field, both terms", seven),
        ("(S8)", "the term with [r, v], from its first to its last line", eight),
        ("Eq. (14), (S10)", "[m_a, m_b] without a field: -(i e hbar/2) eps_abk X_kl m_l", fourteen),
    ]
    return [Row(CASE, where, what, 0.0, 0.0, worst, 1e-12) for where, what, worst in rows]


def neglected() -> list[Row]:
    """(S7), (S11): what is dropped is linear in B in the commutator, quadratic in the torque."""
    found = []
    for power in (1, 2):
        sizes = []
        for scale in (1.0, 2.0):
            torque = [0.0 * first_term(FIELD, 0, 1)]
            for b in AXES:
                weight = 1.0 if power == 1 else scale * FIELD[b]
                torque.append(weight * first_term(scale * FIELD, 0, b))
            sizes.append(size(total(torque)))
        found.append(float(np.log2(sizes[1] / sizes[0])))
    names = ("commutator", "torque")
    return [
        Row(
            CASE,
            "(S7), (S11)",
            f"what is neglected in the {name}: power of B",
            value,
            power,
            abs(value - power),
            1e-9,
        )
        for name, value, power in zip(names, found, (1.0, 2.0), strict=True)
    ]


def angular_momentum() -> Row:
    """X = 1/m: m = -(e/2m) L, and L obeys [L_x, L_y] = i L_z."""
    r, p = ladders()
    L = []
    for a in AXES:
        pairs = itertools.product(AXES, AXES)
        L.append(total([EPS[a, b, c] * r[b] @ p[c] for b, c in pairs]))
    isotropic = [-0.5 * part for part in L]
    found = commutator(isotropic[0], isotropic[1])
    worst = apart(found, -0.5j * isotropic[2])
    what = "m = -(e/2m) L for an isotropic mass: angular momentum"
    return Row(CASE, "(S6)", what, 0.0, 0.0, worst, 1e-12)


def levi_civita_identity() -> Row:
    """(S9) over all 729 sets of indices, against the determinant of the deltas."""
    d = np.eye(3)
    worst = 0.0
    for a, k, m, b, p, n in itertools.product(AXES, repeat=6):
        printed = d[a, b] * (d[k, p] * d[m, n] - d[k, n] * d[m, p])
        printed -= d[a, p] * (d[k, b] * d[m, n] - d[k, n] * d[b, m])
        printed += d[a, n] * (d[k, b] * d[p, m] - d[k, p] * d[b, m])
        deltas = [[d[i, j] for j in (b, p, n)] for i in (a, k, m)]
        product = EPS[a, k, m] * EPS[b, p, n]
        worst = max(worst, abs(product - np.linalg.det(deltas)), abs(product - printed))
    what = "all 729 products of two symbols, against the determinant"
    return Row(CASE, "(S9)", what, 0.0, 0.0, worst, 1e-12)


@route("ladder matrices")
def torque_by_matrices(field: np.ndarray) -> np.ndarray:
    """-i [m_a, m.B] as a matrix on the moments: least squares over the elements."""
    m = moments(0.0 * field)
    basis = np.array([csr_array(part)[kept()][:, kept()].toarray().ravel() for part in m]).T
    along = total([field[b] * m[b] for b in AXES])
    out = []
    for a in AXES:
        turned = csr_array(-1j * commutator(m[a], along))[kept()][:, kept()]
        out.append(np.linalg.lstsq(basis, turned.toarray().ravel(), rcond=None)[0].real)
    return np.array(out)


def torque() -> Row:
    """Eqs. (13), (15): the program's T is minus what the commutator gives."""
    material = of.Material(1.0, 1.0, 0.1, X, diffusion_length=1.0)
    unit = ELEMENTARY_CHARGE / ELECTRON_MASS
    program = -material.torque(FIELD) / unit
    error = float(np.abs(program - torque_by_matrices(FIELD)).max() / np.abs(program).max())
    what = "torque of the program against -i [m_a, m.B] of ladder matrices"
    return Row(CASE, "Eqs. (13), (15), (S11)", what, 0.0, 0.0, error, 1e-10)


# -- the density


@route("printed formula")
def flow_and_torque(
    m: csr_array, slopes: list[csr_array], v: list[csr_array], H: csr_array, g: csr_array
) -> tuple[csr_array, csr_array]:
    """Eq. (11): m * (grad g * v) and (dm/dt) * g."""
    flow = star(m, total([star(slopes[i], v[i]) for i in AXES]))
    return flow, star(-1j * commutator(m, H), g)


def balance() -> list[Row]:
    """Eqs. (9) to (11), (S12) to (S15), smeared with test functions g: d/dt (m * g) = m * (grad g *
    v) + (dm/dt) * g, with (S5) as the Hamiltonian.
    """
    r, p = ladders()
    m = moments(0.0 * FIELD)
    terms = [0.5 * X[i, j] * p[i] @ p[j] for i in AXES for j in AXES]
    terms += [0.4 * r[0] @ r[0], 0.3 * r[1] @ r[2], 0.5 * r[2] @ r[2]]
    still = total(terms)
    terms += [ELECTRIC[i] * r[i] for i in AXES] + [FIELD[i] * m[i] for i in AXES]
    H = total(terms)
    v = [-1j * commutator(r[i], H) for i in AXES]
    g = r[0] @ r[1] + 0.5 * r[2] @ r[2] + 0.7 * r[0]
    slopes = [r[1] + 0.7 * identity(LEVELS**3), r[0], r[2]]
    worst = flows = 0.0
    for a in AXES:
        left = -1j * commutator(star(m[a], g), H)
        flow, own = flow_and_torque(m[a], slopes, v, H, g)
        worst = max(worst, apart(left, flow + own))
        other = total([star(star(m[a], v[i]), slopes[i]) for i in AXES])
        expected = [0.25 * commutator(v[i], commutator(m[a], slopes[i])) for i in AXES]
        flows = max(flows, size(other - flow - total(expected)) / size(flow))
    diagonal = energies_torque(still, m)
    rows = [
        ("Eqs. (9)-(11), (S12)-(S15)", "d/dt of the smeared density: flow and torque", worst),
        ("Eq. (11), (S13)", "the two nestings of m * v * delta differ by the associator", flows),
        ("Eq. (12)", "torque of H_0 in a state of equilibrium", diagonal),
    ]
    return [Row(CASE, where, what, 0.0, 0.0, error, 1e-11) for where, what, error in rows]


def energies_torque(H: csr_array, m: list[csr_array]) -> float:
    """Largest diagonal of [m, H] in eigenstates of H, of the largest element; low states alone."""
    low = csr_array(H)[kept()][:, kept()].toarray()
    _, states = np.linalg.eigh(low)
    worst = 0.0
    for part in m:
        own = csr_array(part)[kept()][:, kept()].toarray()
        turned = states.conj().T @ (own @ low - low @ own) @ states
        worst = max(worst, float(np.abs(np.diag(turned)).max() / np.abs(turned).max()))
    return worst


def run(level: str = "quick") -> list[Row]:
    return [
        *commutators(),
        *neglected(),
        angular_momentum(),
        levi_civita_identity(),
        torque(),
        *balance(),
    ]
