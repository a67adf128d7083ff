"""Figure 3 of the paper: the tensor of bilayer graphene against the chemical potential, and its
anisotropy against the displacement.

Lines are one-dimensional integrals over the band energies (:mod:`validation.micro_bilayer`), dots
the program. Three readings of theta stand beside each other, because the one as printed mixes two
definitions; its 1e-2 belongs to the last two.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np

from ohmr_fem import micro

from .case import COLOURS, Drawing, Row, new_figure, save
from .micro_bilayer import GAMMA0, GAMMA1, A, exact
from .micro_hamiltonian import bands_of_a_bilayer

CASE = "figure 3"
ROUTES = {
    "": ("k mesh", "integral over the band energy"),
}
TEMPERATURE = 300.0
BIASES = (0.0, GAMMA1)
MU = np.linspace(-0.6, 0.6, 25)
#: Of panel (b), eV; the paper does not print its chemical potential.
FIXED_MU = 0.4
DISPLACEMENTS = np.linspace(0.0, 0.6, 7)
#: Readings of theta: the component out of plane over the one in plane.
READINGS = {
    "Drude, whole sea": ("X_zz", "drude"),
    "commutator in both": ("X_zz", "commutator"),
    "Drude, from neutrality": ("excess", "drude"),
}


@functools.cache
def closed(bias: float, points: int) -> dict[str, np.ndarray]:
    """drude, commutator, X_zz and X_zz from neutrality at ``points`` chemical potentials."""
    rows = [exact(mu, TEMPERATURE, bias) for mu in np.linspace(MU[0], MU[-1], points)]
    found = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    found["excess"] = found["X_zz"] - exact(0.0, TEMPERATURE, bias)["X_zz"]
    return found


@functools.cache
def program(bias: float) -> dict[str, np.ndarray]:
    """The same from k meshes: sums per cell and spin, 1/m_e."""
    model = micro.bilayer_graphene(displacement=bias)
    sea = micro.inverse_mass(model, MU, TEMPERATURE, "commutator").X
    carriers = micro.inverse_mass(model, MU, TEMPERATURE, counting="excess").X
    return {
        "drude": carriers[:, 0, 0],
        "commutator": sea[:, 0, 0],
        "X_zz": sea[:, 2, 2],
        "excess": carriers[:, 2, 2],
    }


@functools.cache
def closed_at(bias: float) -> dict[str, float]:
    """Components at the fixed chemical potential, from integrals over the band energy."""
    found = exact(FIXED_MU, TEMPERATURE, bias)
    neutral = exact(0.0, TEMPERATURE, bias)
    return {**found, "excess": found["X_zz"] - neutral["X_zz"]}


@functools.cache
def program_at(bias: float) -> dict[str, float]:
    model = micro.bilayer_graphene(displacement=bias)
    sea = micro.inverse_mass(model, FIXED_MU, TEMPERATURE, "commutator").X[0]
    carriers = micro.inverse_mass(model, FIXED_MU, TEMPERATURE, counting="excess").X[0]
    return {
        "drude": carriers[0, 0],
        "commutator": sea[0, 0],
        "X_zz": sea[2, 2],
        "excess": carriers[2, 2],
    }


def against_displacement(source: Any, reading: str, values: np.ndarray) -> np.ndarray:
    """theta of one reading at each displacement."""
    top, bottom = READINGS[reading]
    found = [source(float(v)) for v in values]
    return np.array([f[top] / f[bottom] for f in found])


def run(level: str = "quick") -> list[Row]:
    rows = []
    for reading in READINGS:
        mine = against_displacement(program_at, reading, DISPLACEMENTS)
        reference = against_displacement(closed_at, reading, DISPLACEMENTS)
        rows.append(
            Row(
                CASE,
                "Fig. 3(b)",
                f"theta ({reading}) against V, mu = {FIXED_MU:g} eV, "
                f"{len(DISPLACEMENTS)} displacements, of the largest",
                0.0,
                0.0,
                float(np.abs(mine - reference).max() / np.abs(reference).max()),
                1e-7,
            )
        )
    for bias in BIASES:
        mine, reference = program(bias), closed(bias, len(MU))
        for name, label, panel in (
            ("drude", "X_xx, Drude", "(a)"),
            ("X_zz", "X_zz, whole sea", "(a)"),
            ("commutator", "X_xx, commutator", "(b)"),
            ("excess", "X_zz from neutrality", "(b)"),
        ):
            worst = float(
                np.abs(mine[name] - reference[name]).max() / np.abs(reference[name]).max()
            )
            rows.append(
                Row(
                    CASE,
                    f"Fig. 3{panel}",
                    f"{label}, V = {bias:g} eV, {len(MU)} values of mu, of the largest",
                    0.0,
                    0.0,
                    worst,
                    1e-8,
                )
            )
    return rows


def draw_bands(ax: Any) -> None:
    """Along M, K, Gamma: lines the square roots of the quartic, dots the program."""
    K, M = np.array([4 * np.pi / 3, 0.0]) / A, np.array([np.pi, np.pi / np.sqrt(3)]) / A
    path = np.concatenate([np.linspace(M, K, 61), np.linspace(K, 0 * K, 121)[1:]])
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    model = micro.bilayer_graphene(displacement=GAMMA1)
    ax.plot(along, bands_of_a_bilayer(GAMMA0, GAMMA1, GAMMA1, path), color=COLOURS[2], lw=1.2)
    ax.plot(along[::6], model.bands(path[::6]), "o", color=COLOURS[2], ms=2)
    ax.set_xticks([along[0], along[60], along[-1]], ["M", "K", "Γ"])
    ax.set(ylabel="energy (eV)", title="(a) bands, V = γ₁", ylim=(-3.0, 3.0))


def draw(folder: Path) -> list[Drawing]:
    """Write figure3: (a) the components, with the bands beside them, (b) theta against the
    displacement and (c) against the chemical potential, in three readings.
    """
    figure, (left, beside, middle, right) = new_figure(1, 4, 16.0, 3.8)
    draw_bands(beside)
    fine = np.linspace(DISPLACEMENTS[0], DISPLACEMENTS[-1], 61)
    for colour, reading in zip(COLOURS, READINGS, strict=False):
        line = against_displacement(closed_at, reading, fine)
        dots = against_displacement(program_at, reading, DISPLACEMENTS)
        middle.semilogy(fine, np.abs(line), color=colour, lw=1.2, label=f"|θ|: {reading}")
        middle.semilogy(DISPLACEMENTS, np.abs(dots), "o", color=colour, ms=3)
    middle.axhline(1e-2, color="0.6", lw=0.8, zorder=0)
    middle.set(
        xlabel="V (eV)",
        ylabel="|$X_{zz}/X_{xx}$|",
        title=f"(b) against the displacement, μ = {FIXED_MU:g} eV",
    )
    middle.legend(fontsize=6)
    mu = np.linspace(MU[0], MU[-1], 121)
    for bias, dash, marker, where in ((0.0, "--", "s", "V = 0"), (GAMMA1, "-", "o", "V = γ₁")):
        lines, dots = closed(bias, 121), program(bias)
        parts = (
            ("drude", "$X_{xx}$, Drude", 1),
            ("X_zz", "$X_{zz}$, whole sea", 1),
            ("excess", "10 $X_{zz}$, from neutrality", 10),
        )
        for colour, (name, label, factor) in zip(COLOURS, parts, strict=False):
            left.plot(
                mu, factor * lines[name], dash, color=colour, lw=1.2, label=f"{label}, {where}"
            )
            left.plot(MU, factor * dots[name], marker, color=colour, ms=3)
        for colour, (name, (top, bottom)) in zip(COLOURS, READINGS.items(), strict=False):
            negative = "−" if lines[top][-1] < 0 else ""
            right.semilogy(
                mu,
                np.abs(lines[top] / lines[bottom]),
                dash,
                color=colour,
                lw=1.2,
                label=f"{negative}θ: {name}, {where}",
            )
            right.semilogy(MU, np.abs(dots[top] / dots[bottom]), marker, color=colour, ms=3)
    left.set(
        xlabel="μ (eV)",
        ylabel="X per cell and spin (1/$m_e$)",
        title="(a) bilayer graphene, 300 K",
        ylim=(-0.03, 0.16),
    )
    right.axhline(1e-2, color="0.6", lw=0.8, zorder=0)
    right.set(
        xlabel="μ (eV)",
        ylabel="|$X_{zz}/X_{xx}$|",
        title="(c) against μ (not in the paper)",
        ylim=(1e-4, 1e5),
    )
    left.legend(fontsize=6, ncols=2, loc="upper center")
    right.legend(fontsize=6, ncols=2, loc="upper center")
    return [
        save(
            figure,
            folder,
            "figure3",
            "Figure 3. Bilayer graphene at 300 K; lines: integrals over the band energy, dots: "
            "the program. Dashed and squares: V = 0; full and circles: V = γ₁ (layers at ±V). "
            "Grey: θ = 10⁻² of the paper. The chemical potential of (b) is our choice: the paper "
            "prints none.",
        )
    ]
