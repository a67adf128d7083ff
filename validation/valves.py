"""Contacts that inject and read moment: valves, pads, channels (docs/theory, section 10).

Closed forms on the infinite strip, a published graphene geometry, reciprocity with p and B
reversed between any contacts, and the balance of each component.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import constants
from scipy.special import kv

import ohmr_fem as of
from ohmr_fem import analytic

from .case import COLOURS, Drawing, Row, new_figure, relative, save, simple_material
from .independence import route
from .interfaces import ONE, THREE, TWO, B
from .strip_tensor import TESLA

CASE = "valves"
ROUTES = {
    "printed digits": ("poles", "digits of theory 10"),
    "one solution": ("finite elements", "digits of theory 10"),
    "Hanle curve": ("poles", "closed form"),
    "graphene valve": ("poles", "digits of a publication"),
    "as points": ("poles", "Bessel function"),
    "= R_kl,ij": ("finite elements", "law: reciprocity"),
    "R_ij,kl": ("finite elements", "law: reciprocity"),
    "seen to fail": ("finite elements", "law: reciprocity has conditions"),
    "balance": ("finite elements", "law: balance of each component"),
    "share of p": ("finite elements", "law: Re 1/(1 + i phi)"),
    "": ("finite elements", "closed form"),
}
SECTION = "section 10"
BETA = np.array([1.0, -0.7, 0.6])
AXES = np.eye(3)
#: |p| of what injects and reads; L_m = tau = D = 1.
W, SIGMA = 0.5, 2.0
#: Of the published flakes: sheet conductivity (S) and width (m).
SHEET, FLAKE = 0.5e-3, 2.2e-6
NONLOCAL = {"current": ("source", "left"), "voltage": ("detector", "right")}
#: p_1, p_2, X, beta, detection, R_nl sigma W/L_m at x = 2.
NUMBERS = (
    (1, 1, np.eye(3), (0.0, 0.0, 1.5), "printed", -0.0065115135),
    (1, 1, ONE, BETA, "printed", 0.0251653590),
    (2, 0, ONE, BETA, "printed", 0.0299683261),
    (1, 1, ONE, BETA, "reciprocal", 0.0476513622),
    (2, 0, ONE, BETA, "reciprocal", 0.0677150933),
)


@dataclass(frozen=True)
class Published:
    """A valve on single-layer graphene: Han et al., PRL 105, 167202, fitted by Sosenko, Wei and
    Aji, PRB 89, 245436, whose r is our length over theirs.

    Attributes
    ----------
    distance, tau, D : m, s, m^2/s
    absorption : G_c L_m/(W D); 0 where the contacts are tunnel barriers
    polarisation : P
    printed : {B (T): R_nl (ohm)} of their fitted curve
    """

    distance: float
    tau: float
    D: float
    absorption: float = 0.0
    polarisation: float = 0.1
    printed: Mapping[float, float] = field(default_factory=dict)

    @property
    def length(self) -> float:
        return float(np.sqrt(self.D * self.tau))


#: They print the difference of parallel and antiparallel leads in the last, 2 |R_nl|.
GRAPHENE = (
    Published(2.1e-6, 514.30e-12, 0.018788),
    Published(5.5e-6, 451.84e-12, 0.014358),
    Published(
        2.0e-6,
        132.28190913761e-12,
        0.0164413926917,
        2.0506012514e-7,
        0.23257715652867,
        {0.00039278557: 9.341536432, 0.0506693387: 2.6244888206, 0.1001603206: -0.7466279788},
    ),
    Published(
        3.0e-6,
        130.356134431e-12,
        0.0212074746653,
        1.5421336493,
        0.005032185571952,
        {
            0.00034716633: 1.00935950582e-3,
            0.0496447856: 4.2611033888e-4,
            0.1496286894: -2.48937594465e-4,
        },
    ),
)


def torque(beta: Any, X: Any) -> np.ndarray:
    """tau T = [beta]_x X."""
    return np.cross(beta, np.asarray(X).T).T


def row(equation: str, quantity: str, value: float, exact: float, tolerance: float) -> Row:
    """Absolute difference: a Hanle curve goes through zero."""
    return Row(CASE, equation, quantity, value, exact, abs(value - exact), tolerance)


# -- channels


def channel(
    contacts: Mapping[str, of.Contact], distance: float = 2.0, X: Any = 1.0, **options: Any
) -> of.Problem:
    """Contacts ``source`` and ``detector`` on a channel that is long enough to be infinite."""
    half = distance / 2
    places = {"source": -half, "detector": half}
    mesh = of.channel(50.0, W, places, resolve=0.4)
    m = simple_material(inverse_mass=X, sheet_conductivity=SIGMA, orbital_hall_angle=0.0)
    ends = {"left": of.Contact(), "right": of.Contact()}
    return of.Problem(mesh, m, {**ends, **contacts}, **options)


def pair(injected: Any, read: Any, **law: Any) -> dict[str, of.Contact]:
    return {
        "source": of.Contact(polarisation=injected, **law),
        "detector": of.Contact(polarisation=read, **law),
    }


def on_channel(prob: of.Problem, fields: Any) -> np.ndarray:
    """R_nl in units of L_m/(sigma W)."""
    curve = of.hanle_curve(prob, np.atleast_2d(fields) * TESLA, **NONLOCAL)
    return curve.delta_R * SIGMA * W


def numbers() -> list[Row]:
    """The numbers of section 10 by the spectral path and by a solution."""
    rows = []
    for i, j, X, beta, detection, expected in NUMBERS:
        prob = channel(pair(AXES[i], AXES[j]), X=X, detection=detection)
        what = f"R_nl(p_1 = {'xyz'[i]}, p_2 = {'xyz'[j]}), {detection}"
        value = float(on_channel(prob, beta)[0])
        rows.append(row(SECTION, f"{what}, printed digits", value, expected, 1e-8))
        found = of.solve(prob, np.array(beta) * TESLA, currents={"source": 1.0, "left": -1.0})
        value = found.voltage("detector", "right") * SIGMA * W
        rows.append(row(SECTION, f"{what}, one solution", value, expected, 1e-8))
    return rows


def components(distances: tuple[float, ...]) -> Row:
    """All nine pairs of components."""
    worst = 0.0
    T = torque(BETA, ONE)
    for x in distances:
        for p in AXES:
            for q in AXES:
                value = on_channel(channel(pair(p, q), x, ONE), BETA)[0]
                worst = max(worst, abs(value - analytic.valve(x, T, p, q)))
    return row(SECTION, "nine pairs of components, full X, largest error", worst, 0.0, 1e-8)


def graphene_valve(device: Published) -> of.Problem:
    """The channel of a published device; lines that absorb where its contacts are ohmic."""
    half = 0.5 * device.distance
    mesh = of.channel("80 um", FLAKE, {"source": -half, "detector": half})
    m = of.Material(
        sheet_conductivity=SHEET,
        diffusion_constant=device.D,
        relaxation_time=device.tau,
        orbital_hall_angle=0.0,
        inverse_mass=1.0,
        g_factor=2.0,
    )
    ends = {"left": of.Contact(), "right": of.Contact()}
    p = (0.0, device.polarisation, 0.0)
    # r = G_c L_m/(W D)
    law = {"moment": device.absorption * FLAKE * device.D / device.length}
    return of.Problem(mesh, m, {**ends, **pair(p, p, **law)})


def graphene_curve(device: Published, fields: Any) -> np.ndarray:
    """R_nl in ohm, B (T) perpendicular."""
    given = [(0.0, 0.0, b) for b in fields]
    return of.hanle_curve(graphene_valve(device), given, **NONLOCAL).delta_R


def graphene() -> list[Row]:
    """Four published devices against the closed form, and against the curves that their authors
    fitted with a program of their own.
    """
    rows = []
    B = np.linspace(-0.2, 0.2, 41)
    for device in GRAPHENE:
        got = graphene_curve(device, B)
        phi = 2.0 * constants.e * B * device.tau / (2.0 * constants.m_e)
        form = analytic.absorbing_valve(device.distance / device.length, phi, device.absorption)
        exact = device.polarisation**2 * device.length / (SHEET * FLAKE) * form
        apart = float(np.abs(got - exact).max() / np.abs(exact).max())
        what = f"graphene valve, {1e6 * device.distance:g} um, r = {device.absorption:.3g}"
        rows.append(row("published", f"{what}, Hanle curve, largest error", apart, 0.0, 1e-8))
        for b, expected in device.printed.items():
            value = float(graphene_curve(device, [b])[0])
            error = relative(value, expected)
            rows.append(Row(CASE, "published", f"{what}, {b:.4g} T", value, expected, error, 1e-6))
    return rows


def graphene_ratios() -> list[Row]:
    """The second device, to the digits of its closed form."""
    given = {0.01: 0.3197789, 0.02: -0.1690243, 0.05: -0.1333322, 0.1: 0.00165824}
    got = graphene_curve(GRAPHENE[1], [0.0, *given])
    return [
        row("published", f"graphene valve, n({b:g} T)/n(0)", float(v / got[0]), expected, 1e-6)
        for (b, expected), v in zip(given.items(), got[1:], strict=True)
    ]


def absorbing(rates: tuple[float, ...]) -> Row:
    """Contacts that absorb, phi from 0 to 10."""
    phi = np.linspace(0.0, 10.0, 21)
    worst = 0.0
    for r in rates:
        prob = channel(pair(AXES[1], AXES[1], moment=r * W))
        got = on_channel(prob, np.outer(phi, AXES[2]))
        worst = max(worst, float(np.abs(got - analytic.absorbing_valve(2.0, phi, r)).max()))
    what = f"contacts that absorb, r = {rates[0]:g} to {rates[-1]:g}, largest error"
    return row(SECTION, what, worst, 0.0, 1e-8)


# -- the plane


def strip(marks: list[float], fine: float = 0.25, rows: int = 1) -> of.DeviceMesh:
    """A strip of width 1, long enough to be infinite, with grid lines at the marks."""
    ends = [-20.0, *marks, 20.0]
    sides = ["right", *["both"] * (len(marks) - 1), "left"]
    pieces = [
        of.graded_lines(a, b, min(fine, (b - a) / 3), 1.3, side)[1:]
        for a, b, side in zip(ends[:-1], ends[1:], sides, strict=True)
    ]
    y = np.array([-0.5, 0.5]) if rows == 1 else of.graded_lines(-0.5, 0.5, 0.5 / rows)
    return of.tensor_grid(np.concatenate([[-20.0], *pieces]), y)


def pads(width: float, kind: str, order: int = 6) -> Row:
    """Pads all the way across a strip, against the formula for sources of that width."""
    half = width / 2
    mesh = strip([-1 - half, -1 + half, 1 - half, 1 + half]).with_regions(
        {
            "in": lambda q: np.abs(q[0] + 1.0) < half,
            "out": lambda q: np.abs(q[0] - 1.0) < half,
        }
    )
    m = simple_material(inverse_mass=ONE, sheet_conductivity=SIGMA, orbital_hall_angle=0.0)
    given = {"kind": kind, "polarisation": AXES[1]}
    contacts = {
        "left": of.Contact(),
        "right": of.Contact(),
        "source": of.Contact(region="in", **given),
        "detector": of.Contact(region="out", **given),
    }
    prob = of.Problem(mesh, m, contacts, order=order)
    value = SIGMA * of.hanle_curve(prob, [BETA * TESLA], **NONLOCAL).delta_R[0]
    exact = analytic.valve(2.0, torque(BETA, ONE), AXES[1], AXES[1], width=width)
    return row(SECTION, f"{kind} pads of width {width:g} across a strip", value, exact, 1e-6)


@route("Bessel function")
def points_on_a_sheet(a: float, d: float, phi: float) -> float:
    """K_0(q d)/(2 pi sigma), the mean over squares of side ``a`` at both ends."""
    q = np.sqrt(1 + 1j * phi)
    mean = 1 + (q * a) ** 2 / 24
    return float(np.real(kv(0, q * d) * mean**2) / (2 * np.pi))


def small_pads(a: float = 0.1, d: float = 1.0, phi: float = 1.5) -> Row:
    """Square pads much smaller than L_m on a wide sheet, against points: K_0(q d)/(2 pi sigma),
    and (1 + q^2 a^2/24)^2 for the mean over both.
    """

    def lines(marks: list[float]) -> np.ndarray:
        ends = [-9.0, *marks, 9.0]
        sides = ["right", *["both"] * (len(marks) - 1), "left"]
        pieces = [
            of.graded_lines(p, q, a / 4, 1.6, side)[1:]
            for p, q, side in zip(ends[:-1], ends[1:], sides, strict=True)
        ]
        return np.concatenate([[-9.0], *pieces])

    h = a / 2
    x = lines([-d / 2 - h, -d / 2 + h, d / 2 - h, d / 2 + h])

    def near(place: float) -> Any:
        return lambda q: (np.abs(q[0] - place) < h) & (np.abs(q[1]) < h)

    pads = {"in": near(-d / 2), "out": near(d / 2)}
    mesh = of.tensor_grid(x, lines([-h, h])).with_regions(pads)
    given = {"kind": "profile", "polarisation": AXES[1]}
    contacts = {
        "left": of.Contact(),
        "right": of.Contact(),
        "source": of.Contact(region="in", **given),
        "detector": of.Contact(region="out", **given),
    }
    m = simple_material(sheet_conductivity=SIGMA, orbital_hall_angle=0.0)
    prob = of.Problem(mesh, m, contacts, order=3)
    field = phi * TESLA * AXES[2]
    value = SIGMA * of.hanle_curve(prob, [field], **NONLOCAL).parts.p_p[0]
    exact = points_on_a_sheet(a, d, phi)
    return row(SECTION, f"pads of {a:g} L_m on a wide sheet as points", value, exact, 1e-6)


def edges_read(component: int) -> Row:
    """A line injects p, two points at the edges read: p with alpha', the sign of both."""
    mesh = strip([0.0, 1.0], 0.1, 4)
    x = mesh.mesh.p[0][mesh.mesh.facets]
    line = np.flatnonzero(np.all(np.abs(x) < 1e-9, axis=0))
    mesh = replace(mesh, boundaries={**mesh.boundaries, "source": line})
    contacts = {
        "left": of.Contact(),
        "source": of.Contact("profile", polarisation=AXES[component]),
        "above": of.Contact("point", at=(1.0, 0.5)),
        "below": of.Contact("point", at=(1.0, -0.5)),
    }
    m = simple_material(inverse_mass=ONE, sheet_conductivity=SIGMA, orbital_hall_angle=0.2)
    pairs = {"current": ("source", "left"), "voltage": ("above", "below")}
    prob = of.Problem(mesh, m, contacts, order=4)
    parts = of.hanle_curve(prob, [BETA * TESLA], **pairs).parts
    exact = analytic.line_to_edges(1.0, 1.0, torque(BETA, ONE), AXES[component])
    value = float(parts.p_alpha[0]) * SIGMA / 0.2
    what = f"p along {'xyz'[component]} read by the inverse orbital Hall effect"
    return row(SECTION, what, value, exact, 1e-6)


# -- reciprocity and balance


def three_regions(X: Any, ratio: float = 1.0, **options: Any) -> of.Problem:
    """A bar of three materials with a pad and five polarised contacts."""
    mesh = of.tensor_grid(np.linspace(0, 3, 13), np.linspace(0, 2, 9), cells="triangle")
    mesh = mesh.with_boundaries(
        {
            "west": lambda q: q[0] < 1e-9,
            "east": lambda q: (q[0] > 2.999) & (q[1] < 1.4),
            "north": lambda q: (q[1] > 1.999) & (q[0] > 0.9) & (q[0] < 1.8),
            "south": lambda q: (q[1] < 1e-9) & (q[0] > 1.5) & (q[0] < 2.5),
        }
    ).with_regions(
        {
            "a": lambda q: (q[0] < 1.0) & (q[1] < 1.9),
            "pad": lambda q: (np.abs(q[0] - 1.5) < 0.4) & (np.abs(q[1] - 1.1) < 0.3),
            "b": lambda q: (q[0] > 1.9) & (q[1] > 0.8),
        }
    )
    sigma, D, alpha = (1.0, 2.0, 0.5, 1.3), (1.0, 0.6, 1.7, 0.8), (0.3, -0.2, 0.5, 0.1)
    regions = ("a", "b", "bulk", "pad")
    materials = {
        name: simple_material(
            sheet_conductivity=s,
            diffusion_length=None,
            diffusion_constant=d,
            orbital_hall_angle=a,
            inverse_orbital_hall_angle=ratio * a,
            inverse_mass=tensor,
        )
        for name, s, d, a, tensor in zip(regions, sigma, D, alpha, X, strict=True)
    }
    contacts = {
        "west": of.Contact(polarisation=(0.3, 0.1, -0.4)),
        "east": of.Contact(),
        "north": of.Contact("profile", polarisation=(-0.2, 0.5, 0.2), moment=0.8),
        "south": of.Contact("profile", profile=lambda x, y: 1 + x, polarisation=(0.1, 0.2, 0.6)),
        "pad": of.Contact(region="pad", polarisation=(0.5, 0.1, 0.3), moment=0.4),
    }
    return of.Problem(mesh, materials, contacts, **options)


def asymmetry(prob: of.Problem) -> float:
    """R_ij,kl(p, B) against R_kl,ij(-p, -B) for the matrix of five contacts, of the largest."""
    turned = replace(prob, contacts={name: c.reversed() for name, c in prob.contacts.items()})
    forth = of.resistance_matrix(prob, B * TESLA)
    back = of.resistance_matrix(turned, -B * TESLA)
    rows = [forth.contacts.index(name) for name in forth.sources]
    there, here = forth.orbital[0][rows], back.orbital[0][rows]
    return float(np.abs(there - here.T).max() / np.abs(there).max())


FULL = (ONE, TWO, THREE, ONE + TWO)
ISOTROPIC = tuple(k * np.eye(3) for k in (1.0, 0.6, 1.4, 0.9))


def reciprocity(couplings: tuple[str, ...]) -> list[Row]:
    """Where it must hold, and two places where it must not."""
    rows = []
    what = "R_ij,kl(p, B) = R_kl,ij(-p, -B) with three regions and a pad"
    for coupling in couplings:
        for X, detection in ((FULL, "reciprocal"), (ISOTROPIC, "printed")):
            apart = asymmetry(three_regions(X, coupling=coupling, detection=detection))
            name = f"{what}, {coupling}, {detection}"
            rows.append(row(SECTION, name, apart, 0.0, 1e-10))
    broken = {
        "the printed reading with anisotropic X": three_regions(FULL),
        "alpha' = alpha/2": three_regions(FULL, 0.5, detection="reciprocal"),
    }
    for why, prob in broken.items():
        apart = asymmetry(prob)
        name = f"seen to fail with {why} (1e-3 over what is seen)"
        rows.append(Row(CASE, SECTION, name, apart, 1e-3, 1e-3 / apart, 1.0))
    return rows


def balance(coupling: str) -> Row:
    """Injected p I = absorbed + relaxed + precessed, component by component."""
    prob = three_regions(FULL, coupling=coupling)
    found = of.solve(prob, B * TESLA, currents={"west": 1.0, "pad": -0.4, "north": -0.6})
    parts = found.moment_balance()
    lost = parts["relaxation"] + parts["torque"] + parts["outflow"]
    p = {name: np.array(c.polarisation) for name, c in prob.contacts.items()}
    given = p["west"] - 0.4 * p["pad"] - 0.6 * p["north"]
    apart = max(np.abs(lost - given).max(), np.abs(parts["injected"] - given).max())
    what = f"balance of each component, {coupling} coupling, largest error"
    return row(SECTION, what, float(apart), 0.0, 1e-11)


@route("law: Re 1/(1 + i phi)")
def share_that_relaxes(phi: float) -> float:
    return float(np.real(1.0 / (1.0 + 1j * phi)))


def relaxed() -> Row:
    """At phi = 1.5 and B normal to p, Re 1/(1 + i phi) = 31% of p relaxes as p."""
    prob = channel(pair(AXES[1], AXES[1]))
    found = of.solve(prob, (0, 0, 1.5 * TESLA), currents={"source": 1.0, "left": -1.0})
    value = float(found.moment_balance()["relaxation"][1])
    exact = share_that_relaxes(1.5)
    what = "share of p that relaxes as p, phi = 1.5"
    return Row(CASE, SECTION, what, value, exact, relative(value, exact), 1e-9)


def run(level: str = "quick") -> list[Row]:
    quick = level == "quick"
    rates = (0.01, 1.0, 100.0) if quick else (0.01, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0)
    rows = [
        *numbers(),
        components((1.0,) if quick else (0.1, 0.5, 1.0, 3.0, 6.0)),
        *graphene(),
        *graphene_ratios(),
        absorbing(rates),
        pads(0.5, "profile"),
        pads(0.5, "equipotential"),
        small_pads(),
        edges_read(2),
        *reciprocity(("linear",) if quick else ("linear", "full")),
        balance("linear"),
        relaxed(),
    ]
    if quick:
        return rows
    more = [pads(width, "profile") for width in (0.05, 0.2, 1.0, 1.9)]
    return [*rows, *more, edges_read(0), edges_read(1), balance("full")]


def draw(folder: Path) -> list[Drawing]:
    figure, ax = new_figure(1, 1, 5.0, 3.4)
    phi = np.linspace(-8.0, 8.0, 49)
    fine = np.linspace(-8.0, 8.0, 321)
    for colour, x in zip(COLOURS, (0.5, 1.0, 2.0), strict=False):
        exact = [analytic.valve(x, torque((0, 0, f), np.eye(3)), AXES[1], AXES[1]) for f in fine]
        got = on_channel(channel(pair(AXES[1], AXES[1]), x), np.outer(phi, AXES[2]))
        ax.plot(fine, np.array(exact) / exact[160], color=colour, lw=1.2, label=f"x = {x} $L_m$")
        ax.plot(phi, got / got[24], "o", color=colour, ms=3)
    ax.axhline(0.0, color="0.6", lw=0.6)
    ax.set(xlabel="ωτ", ylabel="R(B)/R(0)", title="Hanle curves of a valve, B normal to p")
    ax.legend()
    caption = (
        "Nonlocal valve on a channel, polarised contacts a distance x apart, parallel p in the "
        "plane, B perpendicular. Lines: closed form; dots: finite elements."
    )
    return [save(figure, folder, "valves", caption)]
