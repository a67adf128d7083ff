"""The strip step by step: Eqs. (4) to (8), (S16) to (S26), and what the text says of width and
anisotropy.

Collocation of the two fields n^z, n^y with the edge conditions of (S24); the quartic of (S19); the
four exponentials of (S22) with their constants from the edges. Lengths in L_m, tau = 1, phi = Omega
tau, the profile in units of alpha J_x L_m/D.
"""

from __future__ import annotations

import functools

import numpy as np

import ohmr_fem as of

from .case import Row, relative
from .independence import route
from .interfaces import chebyshev
from .strip import problem

CASE = "strip, step by step"
ROUTES = {
    "roots": ("torque of the program", "roots of the quartic"),
    "their imaginary part": ("four exponentials", "law: constants in pairs make a real profile"),
    "four exponentials": ("finite elements", "four exponentials"),
    "power of L": ("finite elements", "law: diffusion where narrow, relaxation where wide"),
    "smallest step": ("finite elements", "law: the text"),
    "without Re": ("finite elements", "four exponentials"),
    "(S23)": ("four exponentials", "law: a mean of two conjugates is a real part"),
    "": ("finite elements", "Chebyshev collocation of two fields"),
}
WIDTH, PHI, THETA = 3.0, 2.0, 0.25


@functools.cache
def solved(width: float = WIDTH, phi: float = PHI, theta: float = THETA) -> of.Solution:
    prob = problem(width, theta=theta)
    return of.solve(prob, (phi * prob.material.field_scale, 0.0, 0.0))


def two_fields(phi: float, theta: float) -> np.ndarray:
    """1 + tau T on (n^z, n^y) for B along x: Eq. (2) has eps_yxz = -1, eps_zxy = 1."""
    return np.array([[1.0, phi], [-theta * phi, 1.0]])


@route("Chebyshev collocation of two fields")
def collocated(
    width: float, phi: float, theta: float, count: int = 40
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """y, n^z and n^y from n'' = (1 + tau T) n (S16, with the sign of diffusion mended), n^z' = 1
    and n^y' = 0 at both edges (S24).
    """
    x, slope = chebyshev(count)
    y, slope = 0.5 * width * x, 2.0 / width * slope
    K, one = two_fields(phi, theta), np.eye(count + 1)
    second = slope @ slope
    A = np.kron(np.eye(2), second) - np.kron(K, one)
    right = np.zeros(2 * (count + 1))
    for field, value in ((0, 1.0), (1, 0.0)):
        for node in (0, count):
            row = field * (count + 1) + node
            A[row] = 0.0
            A[row, field * (count + 1) : (field + 1) * (count + 1)] = slope[node]
            right[row] = value
    n = np.linalg.solve(A, right)
    return y, n[: count + 1], n[count + 1 :]


def profiles() -> list[Row]:
    rows = []
    for theta in (THETA, 1.0):
        y, n_z, n_y = collocated(WIDTH, PHI, theta)
        found = solved(theta=theta).at(y).moment_density / 0.3
        size = float(np.abs(n_z).max())
        for name, mine, theirs in (("n^z", found[2], n_z), ("n^y", found[1], n_y)):
            gap = float(np.abs(mine - theirs).max()) / size
            text = f"profile {name}, theta = {theta:g}, collocation, of its maximum"
            where = "Eq. (4), (S16), (S24)"
            rows.append(Row(CASE, where, text, mine[-1], theirs[-1], gap, 1e-6))
    return rows


@route("roots of the quartic")
def quartic(phi: float, theta: float) -> np.ndarray:
    """(S19): lambda^4/phi^2 - 2 lambda^2/phi^2 + (theta + 1/phi^2) = 0, as lambda^2."""
    roots = np.roots([1 / phi**2, 0.0, -2 / phi**2, 0.0, theta + 1 / phi**2])
    return np.sort_complex(np.round(roots**2, 12))[::2]


def roots() -> Row:
    """(S17) to (S21): eigenvalues of 1 + tau T, as the program has it."""
    material = problem(WIDTH, theta=THETA).material
    T = material.torque((PHI * material.field_scale, 0.0, 0.0)) * material.relaxation_time
    mine = np.sort_complex(np.linalg.eigvals(np.eye(3) + T))
    mine = mine[np.abs(mine.imag) > 1e-9]
    error = float(np.abs(mine - quartic(PHI, THETA)).max())
    what = "1 +- i sqrt(theta) phi: eigenvalues of 1 + tau T against the roots"
    value = float(mine[-1].imag)
    return Row(CASE, "(S17)-(S21)", what, value, np.sqrt(THETA) * PHI, error, 1e-9)


@route("four exponentials")
def exponentials(y: np.ndarray, width: float, phi: float, theta: float) -> np.ndarray:
    """(S22): constants C_1 to C_4 from the four conditions at the edges; complex sum, no Re."""
    square = 1 + 1j * np.sqrt(theta) * phi
    rates = np.array([1, -1, 0, 0]) * np.sqrt(square)
    rates = rates + np.array([0, 0, 1, -1]) * np.sqrt(np.conj(square))
    at = np.array([-width / 2, width / 2])
    # the first line of (2): n^y = (n^z'' - n^z)/phi
    beside = (rates**2 - 1) / phi
    slopes = rates * np.exp(np.outer(at, rates))
    constants = np.linalg.solve(np.vstack([slopes, slopes * beside]), [1.0, 1.0, 0.0, 0.0])
    return np.exp(np.outer(y, rates)) @ constants


@route("four exponentials")
def without_real_part(y: np.ndarray, width: float, phi: float, theta: float) -> np.ndarray:
    """(S26) as printed."""
    rate = np.sqrt(1 + 1j * np.sqrt(theta) * phi)
    return np.sinh(rate * y) / (rate * np.cosh(rate * width / 2))


def solution() -> list[Row]:
    y = np.linspace(-WIDTH / 2, WIDTH / 2, 31)
    found = solved().at(y).moment_density / 0.3
    general = exponentials(y, WIDTH, PHI, THETA)
    printed = without_real_part(y, WIDTH, PHI, THETA)
    size = float(np.abs(general).max())
    apart = float(np.abs(found[2] - general.real).max()) / size
    imaginary = float(np.abs(general.imag).max()) / size
    real = float(np.abs(printed.real - general.real).max()) / size
    # what (S26) lacks: its imaginary part is the other component
    other = float(np.abs(found[1] + np.sqrt(THETA) * printed.imag).max()) / size
    rate = np.sqrt(1 + 1j * np.sqrt(THETA) * PHI)
    conjugate = np.sinh(rate * y) - np.conj(np.sinh(np.conj(rate) * y))
    mean = float(np.abs(conjugate).max())
    return [
        Row(
            CASE,
            "(S22), (S25)",
            "four exponentials with their constants, of the maximum",
            found[2, -1],
            general[-1].real,
            apart,
            1e-6,
        ),
        Row(CASE, "(S22)", "four exponentials: their imaginary part", 0.0, 0.0, imaginary, 1e-12),
        Row(CASE, "(S23)", "(S23): sinh lambda_2 y is conjugate", 0.0, 0.0, mean, 1e-12),
        Row(CASE, "(S26)", "(S26): four exponentials are its real part", 0.0, 0.0, real, 1e-12),
        Row(
            CASE,
            "(S26)",
            "(S26) without Re: its imaginary part is -n^y/sqrt(theta), of the maximum",
            0.0,
            0.0,
            other,
            1e-6,
        ),
    ]


# -- currents and what the text says


@route("Chebyshev collocation of two fields")
def extra_current(width: float, phi: float, theta: float, count: int = 40) -> float:
    """Delta I/(alpha^2 I_0) = int n^z' dy/L, Eqs. (5), (6)."""
    _, n_z, _ = collocated(width, phi, theta, count)
    return float(n_z[-1] - n_z[0]) / width


@route("Chebyshev collocation of two fields")
def removed(width: float, phi: float, theta: float, count: int = 40) -> float:
    """rho* of Eq. (8); in place of rho(inf) = 0, where nothing is left of the extra current."""
    still, turned = (extra_current(width, p, theta, count) for p in (0.0, phi))
    return 1.0 - turned / still


@route("Chebyshev collocation of two fields")
def gained(width: float, phi: float, theta: float = 1.0) -> float:
    """[rho(B) - rho(0)]/alpha^2."""
    still, turned = (extra_current(width, p, theta) for p in (0.0, phi))
    return still - turned


@route("Chebyshev collocation of two fields")
def rho_of(width: float, phi: float, theta: float) -> float:
    """-alpha alpha' f, Eq. (7)."""
    return -0.09 * extra_current(width, phi, theta)


def currents() -> list[Row]:
    prob = problem(WIDTH, theta=THETA)
    points, weights = np.polynomial.legendre.leggauss(60)
    J = solved().at(0.5 * WIDTH * points).current_density[0]
    whole = float(weights @ J) / 2.0
    expected = extra_current(WIDTH, PHI, THETA)
    field = (PHI * prob.material.field_scale, 0.0, 0.0)
    rho = float(of.magnetoresistance(prob, field))
    ratio = 1.0 - whole  # (R - R_0)/R with R = E L/I
    return [
        Row(
            CASE,
            "Eqs. (5), (6)",
            "Delta I/(alpha^2 I_0), integral of J_x, against collocation",
            (whole - 1.0) / 0.09,
            expected,
            relative((whole - 1.0) / 0.09, expected),
            1e-5,
        ),
        Row(
            CASE,
            "Eq. (7)",
            "rho = (R(B) - R_0)/R(B) = -Delta I/I_0, against collocation",
            rho,
            rho_of(WIDTH, PHI, THETA),
            max(relative(rho, rho_of(WIDTH, PHI, THETA)), relative(rho, ratio)),
            1e-5,
        ),
    ]


def gain(width: float, phi: float = 0.3) -> float:
    prob = problem(width)
    field = [(phi * prob.material.field_scale, 0.0, 0.0)]
    return float(of.hanle_curve(prob, field, tolerance=1e-13).rho_change[0])


def widths() -> list[Row]:
    """rho(B) - rho(0) ~ L^4 where narrow (diffusion) and ~ 1/L where wide (relaxation)."""
    rows = []
    for name, pair, power in (("L << L_m", (0.02, 0.04), 4.0), ("L >> L_m", (400.0, 800.0), -1.0)):
        small, large = (gain(w) for w in pair)
        found = float(np.log2(large / small))
        text = f"rho(B) - rho(0), {name}: power of L"
        rows.append(Row(CASE, "text, width", text, found, power, abs(found - power), 5e-3))
    return rows


def star(width: float, theta: float) -> float:
    prob = problem(width, theta=theta)
    field = [(PHI * prob.material.field_scale, 0.0, 0.0)]
    return float(of.hanle_curve(prob, field).rho_star[0])


def stars() -> list[Row]:
    """Eq. (8) from the equations that it solves, (S16) and (S24)."""
    rows = []
    for width, theta in ((WIDTH, THETA), (10.0, 1.0), (0.5, 1.0)):
        found, expected = star(width, theta), removed(width, PHI, theta)
        text = f"rho* at Omega tau = 2, l = {width:g}, theta = {theta:g}, against collocation"
        error = relative(found, expected)
        rows.append(Row(CASE, "Eq. (8)", text, found, expected, error, 1e-8))
    return rows


def trends() -> list[Row]:
    """rho* at Omega tau = 2 rises with L/L_m and with theta, as Figures 2(c) and (d) show."""
    along = np.diff([star(w, 1.0) for w in (1.0, 1.5, 2.0, 3.0, 10.0)])
    turned = np.diff([star(3.0, theta) for theta in (1e-2, 1e-1, 1.0)])
    rows = []
    for where, name, steps in (
        ("text, width", "L", along),
        ("text, anisotropy", "theta", turned),
    ):
        least = float(steps.min())
        text = f"rho* rises with {name}: smallest step"
        rows.append(Row(CASE, where, text, least, 0.0, 0.0 if least > 0 else 1.0, 0.5))
    return rows


def run(level: str = "quick") -> list[Row]:
    return [*profiles(), roots(), *solution(), *currents(), *stars(), *widths(), *trends()]
