"""A relaxation tensor, and orbital and spin moment together: closed forms of strips, a transfer
matrix through two materials, and on a Hall bar the poles against six components solved at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import expm

import ohmr_fem as of
from ohmr_fem import analytic
from ohmr_fem.units import ELECTRON_MASS, ELEMENTARY_CHARGE

from .case import ASSEMBLY, Row, relative
from .independence import route

CASE = "orbital and spin moment"
ROUTES = {
    "-rho of a strip": ("finite elements", "digits of theory 11"),
    "transfer matrix": ("finite elements", "transfer matrix"),
    "six components": (
        "poles",
        "package: six components at once",
        ASSEMBLY,
    ),
    "sum of two": ("finite elements", "law: channels without conversion add"),
    "Onsager": ("finite elements", "law: reciprocity"),
    "fast conversion": ("finite elements", "closed form of one channel"),
    "": ("finite elements", "closed form"),
}
TESLA = 2.0 * ELECTRON_MASS / ELEMENTARY_CHARGE  # (e/2 m_e) B = 1/s
XT = np.array([[1.0, 0.15, 0.1], [0.15, 0.8, -0.05], [0.1, -0.05, 0.5]])
BETA = np.array([1.0, -0.7, 0.6])
GAMMA = np.array([[1.0, 0.1, 0.0], [0.1, 1.5, 0.0], [0.0, 0.0, 2.5]])
#: Of the numbers of the contract, which are not reciprocal on purpose.
D = np.array([[1.0, 0.1], [0.1, 2.0]])
M = np.array([[1.3, -0.2], [-0.4, 2.0]])
ANGLES, INVERSE = np.array([0.05, 0.02]), np.array([0.05, 0.03])


def cross(beta: np.ndarray) -> np.ndarray:
    x, y, z = beta
    return np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])


def two(
    spread: np.ndarray = D,
    losses: np.ndarray = M,
    X: np.ndarray = XT,
    sigma: float = 1.0,
) -> of.Material:
    spin = of.Spin(
        spread[1, 1],
        1.0 / losses[1, 1],
        ANGLES[1],
        INVERSE[1],
        to_orbital=-losses[0, 1],
        from_orbital=-losses[1, 0],
        cross_diffusion=(spread[0, 1], spread[1, 0]),
    )
    return of.Material(
        sigma,
        relaxation_rate=losses[0, 0],
        diffusion_constant=spread[0, 0],
        orbital_hall_angle=ANGLES[0],
        inverse_orbital_hall_angle=INVERSE[0],
        inverse_mass=X,
        spin=spin,
    )


def strip_rho(width: float, material: of.Material, beta: np.ndarray) -> float:
    prob = of.Problem(of.cross_section(width), material)
    return float(of.hanle_curve(prob, [beta * TESLA], tolerance=1e-12).rho[0])


def contract() -> list[Row]:
    tensor = of.Material(
        1.0,
        relaxation_rate=GAMMA,
        diffusion_constant=1.0,
        orbital_hall_angle=1.0,
        inverse_mass=XT,
    )
    found = [
        ("tensor, l = 5", -strip_rho(5.0, tensor, BETA), 0.2381907049),
        ("two channels, l = 4", -strip_rho(4.0, two(), BETA), 0.0012973001068),
        ("two channels at B = 0", -strip_rho(4.0, two(), 0.0 * BETA), 0.0015378940494),
    ]
    return [
        Row(CASE, "section 11", f"-rho of a strip, {name}", a, b, relative(a, b), 1e-9)
        for name, a, b in found
    ]


def random_strips(count: int) -> Row:
    rng = np.random.default_rng(20)
    worst = 0.0
    for _ in range(count):
        a, b = rng.standard_normal((2, 3, 3))
        X, rate = 0.3 * np.eye(3) + 0.2 * a @ a.T, 0.5 * np.eye(3) + 0.3 * b @ b.T
        beta, width = 2.0 * rng.standard_normal(3), float(10 ** rng.uniform(-0.3, 0.9))
        torque = cross(beta) @ X
        one = of.Material(
            1.0,
            relaxation_rate=rate,
            diffusion_constant=1.0,
            orbital_hall_angle=1.0,
            inverse_mass=X,
        )
        exact = -analytic.strip_relaxation_tensor(width, rate, torque)
        worst = max(worst, relative(strip_rho(width, one, beta), exact))
        torques = torque, 2.0 * cross(beta)
        exact = -analytic.strip_two_channels(width, D, M, ANGLES, INVERSE, torques)
        worst = max(worst, relative(strip_rho(width, two(X=X), beta), exact))
    quantity = f"strips of any X, Gamma and B against matrix functions, worst of {2 * count}"
    return Row(CASE, "section 11", quantity, 0.0, 0.0, worst, 1e-8)


# -- two materials


@dataclass(frozen=True, eq=False)
class Layer:
    """One material of a section: width, sigma, 2x2 diffusion and losses, size of X."""

    width: float
    sigma: float
    spread: np.ndarray
    losses: np.ndarray
    scale: float

    def step(self, beta: np.ndarray) -> np.ndarray:
        """Transfer (13, 13) of (N, Q, 1) through the layer, at E = 1."""
        zero = np.zeros((3, 3))
        T = np.block([[cross(beta) @ (self.scale * XT), zero], [zero, 2.0 * cross(beta)]])
        inverse = np.linalg.inv(np.kron(self.spread, np.eye(3)))
        A = np.zeros((13, 13))
        A[:6, 6:12] = -inverse
        A[:6, 12] = inverse @ np.kron(ANGLES, [0.0, 0.0, 1.0]) * self.sigma
        A[6:12, :6] = -(np.kron(self.losses, np.eye(3)) + T)
        return expm(A * self.width)


LAYERS = (
    Layer(1.2, 1.0, D, M, 1.0),
    Layer(0.9, 2.5, np.diag([0.6, 1.7]), np.array([[0.9, -0.3], [-0.1, 1.4]]), 0.6),
)


@route("transfer matrix")
def layered_rho(beta: np.ndarray) -> float:
    """N_c D_c/sigma continuous for each channel, Q continuous, Q = 0 at both ends."""
    first, second = LAYERS
    jump = np.eye(13)
    for c in range(2):
        ratio = second.sigma / second.spread[c, c] * first.spread[c, c] / first.sigma
        jump[3 * c : 3 * c + 3, 3 * c : 3 * c + 3] *= ratio
    one, other = first.step(beta), second.step(beta)
    whole = other @ jump @ one
    # Q = 0 behind: six equations for N in front
    start = np.zeros(13)
    start[12] = 1.0
    start[:6] = -np.linalg.solve(whole[6:12, :6], whole[6:12, 12])
    middle = one @ start
    end = other @ jump @ middle
    change = 0.0
    for layer, a, b in ((first, start, middle), (second, jump @ middle, end)):
        rise = (b - a)[[2, 5]]
        change += float(INVERSE @ layer.spread @ rise)
    return -change / sum(x.sigma * x.width for x in LAYERS)


def two_materials() -> Row:
    edge, width = LAYERS[0].width, sum(x.width for x in LAYERS)
    mesh = of.cross_section(width, regions={"a": (0.0, edge), "b": (edge, width)})
    a, b = (two(x.spread, x.losses, x.scale * XT, x.sigma) for x in LAYERS)
    prob = of.Problem(mesh, {"a": a, "b": b})
    worst = 0.0
    for beta in (0.0 * BETA, BETA, 3.0 * BETA[::-1]):
        found = float(of.magnetoresistance(prob, beta * TESLA))
        worst = max(worst, relative(found, layered_rho(beta)))
    quantity = "two materials across a section against a transfer matrix, worst of 3 fields"
    return Row(CASE, "sections 11, 12", quantity, 0.0, 0.0, worst, 1e-8)


# -- a Hall bar

PAIR = {"current": ("left", "right"), "voltage": ("t1", "t2")}


def hall_bar(material: of.Material, step: float, **options: object) -> of.Problem:
    mesh = of.tensor_grid(
        np.linspace(-3.0, 3.0, round(6.0 / step) + 1), np.linspace(-1.0, 1.0, round(2.0 / step) + 1)
    )
    sides = {"left": lambda p: p[0] < -2.999, "right": lambda p: p[0] > 2.999}
    for name, side, at in (("t1", 1, -0.75), ("t2", 1, 0.75), ("b1", -1, -0.75)):
        sides[name] = lambda p, s=side, x=at: (s * p[1] > 0.999) & (abs(p[0] - x) < 0.25)
    return of.Problem(mesh.with_boundaries(sides), material, list(sides), order=3, **options)


def on_a_hall_bar(step: float) -> list[Row]:
    fields = TESLA * np.array([0.0 * BETA, BETA, 4.0 * BETA])
    tensor = replace(two(), relaxation_time=None, relaxation_rate=GAMMA, diffusion_length=None)
    prob = hall_bar(tensor, step)
    poles, direct = (
        of.hanle_curve(prob, fields, method=m, tolerance=1e-10, **PAIR)
        for m in ("spectral", "direct")
    )
    error = float(np.abs(poles.delta_R / direct.delta_R - 1.0).max())
    calm = two(np.diag([1.0, 2.0]), np.diag([1.3, 2.0]))
    whole = of.hanle_curve(hall_bar(calm, step), fields, tolerance=1e-12, **PAIR).delta_R
    assert calm.spin is not None
    spin = of.Material(
        1.0,
        relaxation_time=0.5,
        diffusion_constant=2.0,
        orbital_hall_angle=ANGLES[1],
        inverse_orbital_hall_angle=INVERSE[1],
        inverse_mass=1.0,
        g_factor=2.0,
    )
    parts = sum(
        of.hanle_curve(hall_bar(m, step), fields, tolerance=1e-12, **PAIR).delta_R
        for m in (replace(calm, spin=None, diffusion_length=None), spin)
    )
    apart = float(np.abs(whole / parts - 1.0).max())
    return [
        Row(
            CASE,
            "section 11",
            "Hall bar, spin and tensor: poles against six components at once",
            0.0,
            0.0,
            error,
            1e-8,
        ),
        Row(
            CASE,
            "section 11",
            "Hall bar without conversion against the sum of two channels",
            0.0,
            0.0,
            apart,
            1e-12,
        ),
    ]


def reciprocity(step: float) -> Row:
    """Three regions of everything different, isotropic X and reciprocal conversion."""

    def part(sigma: float, own: float, other: float, rate: float, mass: float) -> of.Material:
        spread = np.array([[own, 0.1 * other], [0.1 * own, other]])
        losses = np.array([[rate, -0.2 * other], [-0.2 * own, 1.8]])
        given = two(spread, losses, mass * np.eye(3), sigma)
        # alpha'^T DD Chi parallel to alpha^T
        back = np.linalg.solve([[1.0, 0.1], [0.1, 1.0]], 1.2 * ANGLES)
        spin = replace(given.spin, inverse_hall_angle=back[1])
        return replace(given, spin=spin, inverse_orbital_hall_angle=back[0], diffusion_length=None)

    materials = {
        "a": part(1.0, 1.0, 2.0, 1.3, 1.0),
        "b": part(2.0, 0.7, 2.5, 1.0, 0.4),
        "c": part(0.5, 1.4, 1.1, 1.9, 1.7),
    }
    whole = hall_bar(materials["a"], step)
    places = {
        "a": lambda p: p[0] < -1.0,
        "b": lambda p: abs(p[0]) < 1.0,
        "c": lambda p: p[0] > 1.0,
    }
    prob = replace(whole, mesh=whole.mesh.with_regions(places), materials=materials)
    one, other = ("left", "t2"), ("b1", "right")
    forth = of.resistance(prob, BETA * TESLA, current=one, voltage=other)
    back = of.resistance(prob, -BETA * TESLA, current=other, voltage=one)
    return Row(
        CASE,
        "Onsager",
        "R_ij,kl(B) = R_kl,ij(-B), three regions with conversion: one over the other",
        forth.delta_R / back.delta_R,
        1.0,
        relative(forth.delta_R, back.delta_R),
        1e-10,
    )


def fast_conversion() -> Row:
    """The error falls as c^-1/2: the layer in which the channels differ has that width."""
    errors = []
    for c in (1e3, 1.6e4):
        losses = np.array([[1.3 + c, -c], [-c, 0.6 + c]])
        torques = cross(BETA), cross(BETA)
        fast = two(np.eye(2), losses, np.eye(3))
        assert fast.spin is not None
        fast = replace(fast, spin=replace(fast.spin, g_factor=1.0), diffusion_length=None)
        mesh = of.cross_section(3.0, cells=400)
        rho = of.hanle_curve(of.Problem(mesh, fast), [BETA * TESLA], tolerance=1e-10).rho[0]
        limit = -analytic.strip_relaxation_tensor(3.0, 0.95 * np.eye(3), torques[0])
        errors.append(abs(rho - 0.5 * ANGLES.sum() * INVERSE.sum() * limit))
    order = float(np.log(errors[0] / errors[1]) / np.log(16.0))
    quantity = "order in 1/c of the limit of fast conversion"
    return Row(CASE, "section 11", quantity, order, 0.5, abs(order - 0.5), 0.02)


def run(level: str = "quick") -> list[Row]:
    full = level == "full"
    step = 0.125 if full else 0.25
    return [
        *contract(),
        random_strips(20 if full else 3),
        two_materials(),
        *on_a_hall_bar(step),
        reciprocity(step),
        fast_conversion(),
    ]
