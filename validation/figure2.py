"""Figure 2 of the paper from FEM, with the closed form over it: profiles and rho*."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import ohmr_fem as of
from ohmr_fem import analytic

from .case import COLOURS, Drawing, Row, new_figure, save
from .independence import route
from .interfaces import chebyshev
from .strip import problem
from .strip_ode import collocated, removed

CASE = "figure 2"
ROUTES = {
    "collocation": ("finite elements", "Chebyshev collocation of two fields"),
    "": ("finite elements", "closed form"),
}
PHI = np.linspace(0.0, 10.0, 41)
#: Of Figure 2(b).
THETAS = (1e-2, 1e-1, 1.0, 20.0)
#: Of (a) and (b).
WIDTH = 10.0
FIELDS = (0.0, 1.0, 2.5, 7.5, 50.0)
#: Of (c) and (d): widths and anisotropies.
CURVES = {
    "(c)": [(w, 1.0) for w in (1.0, 1.5, 2.0, 3.0, 10.0)],
    "(d)": [(3.0, theta) for theta in (1e-2, 1e-1, 1.0)],
}
#: Points of the collocation; the layer at an edge is a fiftieth of the strip at Omega tau = 50.
POINTS = 90


@functools.cache
def solved(phi: float, theta: float) -> of.Solution:
    """The strip of (a) and (b); Omega tau by the mass along y."""
    isotropic = problem(WIDTH).material.field_scale
    return of.solve(problem(WIDTH, theta=theta), (phi * isotropic, 0.0, 0.0))


def profile(y: np.ndarray, phi: float, theta: float) -> np.ndarray:
    """n^z in alpha J_x L_m/D."""
    return np.asarray(solved(phi, theta).at(y).moment_density[2] / 0.3)


def profiles() -> Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
    """(label, y, FEM, closed form) of (a): n^z across a strip of ten L_m at Omega tau = 0, 1, 2.5,
    7.5, 50.
    """
    y = np.linspace(-WIDTH / 2, WIDTH / 2, 401)
    for phi in FIELDS:
        exact = np.real(analytic.strip_profile(y, WIDTH, 1 + 1j * phi))
        yield f"$\\Omega\\tau$ = {phi:g}", y, profile(y, phi, 1.0), exact


def differences() -> Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
    """(b): n^z(theta, y) - n^z(0, y) across a strip of ten L_m at Omega tau = 2 for four theta.

    At theta = 0 the field does nothing, so the second profile is the one without a field.
    """
    phi = 2.0
    y = np.linspace(-WIDTH / 2, WIDTH / 2, 401)
    rest = np.real(analytic.strip_profile(y, WIDTH, 1.0))
    for theta in THETAS:
        found = profile(y, phi, theta) - profile(y, phi, 0.0)
        exact = np.real(analytic.strip_profile(y, WIDTH, 1 + 1j * np.sqrt(theta) * phi)) - rest
        yield f"$\\theta$ = {theta:g}", y, found, exact


def against_width() -> Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
    """(e), which the paper has not: rho* against l at Omega tau = 2 for the same theta."""
    widths = np.linspace(0.2, 15.0, 38)
    for theta in THETAS:
        values = [rho_star(problem(w, theta=theta), np.array([2.0]))[0] for w in widths]
        yield (
            f"$\\theta$ = {theta:g}",
            widths,
            np.array(values),
            analytic.rho_star(2.0, theta, widths),
        )


def against_field(
    pairs: list[tuple[float, float]], label: str
) -> Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
    """(c) and (d): rho* against Omega tau for pairs (l, theta)."""
    for width, theta in pairs:
        name = f"$L^*$ = {width:g}" if label == "L" else f"$\\theta$ = {theta:g}"
        yield (
            name,
            PHI,
            rho_star(problem(width, theta=theta), PHI),
            analytic.rho_star(PHI, theta, width),
        )


def rho_star(prob: of.Problem, phi: np.ndarray) -> np.ndarray:
    scale = prob.material.field_scale * max(
        1.0, float(np.max(np.asarray(prob.material.inverse_mass)))
    )
    return of.hanle_curve(
        prob, phi[:, None] * scale * np.array([1.0, 0.0, 0.0]), tolerance=1e-11
    ).rho_star


@functools.cache
def panels() -> dict[str, list[tuple[str, np.ndarray, np.ndarray, np.ndarray]]]:
    return {
        "(a)": list(profiles()),
        "(b)": list(differences()),
        "(c)": list(against_field(CURVES["(c)"], "L")),
        "(d)": list(against_field(CURVES["(d)"], "theta")),
        "(e)": list(against_width()),
    }


def draw(folder: Path) -> list[Drawing]:
    """Lines are the closed form, dots the finite elements."""
    axes_labels = {
        "(a)": ("$y/L_m$", "$n^z D/(\\alpha J_x L_m)$"),
        "(b)": ("$y/L_m$", "$\\Delta n^z D/(\\alpha J_x L_m)$"),
        "(c)": ("$\\Omega\\tau$", "$\\rho^*$"),
        "(d)": ("$\\Omega\\tau$", "$\\rho^*$"),
        "(e)": ("$L/L_m$", "$\\rho^*$"),
    }
    what = {
        "(a)": "L = 10 $L_m$, θ = 1",
        "(b)": "L = 10 $L_m$, Ωτ = 2",
        "(c)": "θ = 1",
        "(d)": "L = 3 $L_m$",
        "(e)": "Ωτ = 2 (not in the paper)",
    }
    figure, grid = new_figure(3, 2, 8.0, 8.6)
    grid.ravel()[-1].set_axis_off()
    for ax, (name, curves) in zip(grid.ravel(), panels().items(), strict=False):
        for colour, (label, x, fem, exact) in zip(COLOURS, curves, strict=False):
            ax.plot(x, exact, color=colour, lw=1.2, label=label)
            ax.plot(
                x[:: max(1, len(x) // 20)], fem[:: max(1, len(x) // 20)], "o", color=colour, ms=3
            )
        ax.set(
            xlabel=axes_labels[name][0], ylabel=axes_labels[name][1], title=f"{name} {what[name]}"
        )
        if name == "(e)":
            ax.legend(fontsize=7, loc="center right", bbox_to_anchor=(1.0, 0.76))
        else:
            ax.legend(fontsize=7, loc="upper right" if name == "(b)" else "upper left")
    return [
        save(
            figure,
            folder,
            "figure2",
            "Figure 2. Moment density across a strip (a), its difference from theta = 0 (b), and "
            "the part of the effect that the field has removed, against field (c, d) and width "
            "(e). Lines: Eqs. (4) and (8); dots: finite elements. The paper prints neither the "
            "width of (a), (b) and (d) nor theta of (a) and (c) nor the unit of B in (a): those "
            "here are our choice.",
        )
    ]


# -- the same from (S16) and (S24), without their solution


@route("Chebyshev collocation of two fields")
def collocated_difference(theta: float) -> np.ndarray:
    """(b) at the points of the collocation."""
    _, turned, _ = collocated(WIDTH, 2.0, theta, POINTS)
    _, still, _ = collocated(WIDTH, 0.0, theta, POINTS)
    return turned - still


def worst_of(
    panel: str, what: str, pairs: list[tuple[np.ndarray, np.ndarray]], limit: float
) -> Row:
    """Of several curves the largest deviation, of the largest value; shown at that value."""
    errors = [float(np.abs(a - b).max() / np.abs(b).max()) for a, b in pairs]
    mine, theirs = pairs[int(np.argmax(errors))]
    at = int(np.argmax(np.abs(theirs)))
    text = f"{what} against collocation, of the maximum"
    return Row(CASE, f"Fig. 2{panel}", text, float(mine[at]), float(theirs[at]), max(errors), limit)


def by_collocation() -> list[Row]:
    y = 0.5 * WIDTH * chebyshev(POINTS)[0]
    across = [(profile(y, phi, 1.0), collocated(WIDTH, phi, 1.0, POINTS)[1]) for phi in FIELDS]
    apart = [
        (profile(y, 2.0, theta) - profile(y, 2.0, 0.0), collocated_difference(theta))
        for theta in THETAS
    ]
    rows = [
        worst_of("(a)", "n^z(y) at five fields", across, 1e-5),
        worst_of("(b)", "n^z(theta, y) - n^z(0, y), four theta", apart, 1e-5),
    ]
    some = PHI[4::6]
    for panel, what in (("(c)", "rho*, five widths"), ("(d)", "rho*, three theta")):
        curves = [
            (
                rho_star(problem(width, theta=theta), some),
                np.array([removed(width, phi, theta) for phi in some]),
            )
            for width, theta in CURVES[panel]
        ]
        rows.append(worst_of(panel, what, curves, 1e-8))
    return rows


def run(level: str = "quick") -> list[Row]:
    rows = by_collocation()
    for name, curves in panels().items():
        worst = max(
            float(np.abs(fem - exact).max() / np.abs(exact).max()) for _, _, fem, exact in curves
        )
        rows.append(
            Row(
                CASE,
                f"Fig. 2{name}",
                "largest deviation of FEM from the closed form, of the maximum",
                0.0,
                0.0,
                worst,
                1e-5 if name in ("(a)", "(b)") else 1e-8,
            )
        )
    return rows
