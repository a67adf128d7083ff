"""X at 1000 chemical potentials, 300 K, to 1e-8; one at 4 K; and WannierBerri beside us from the
same Wannier90 file.

It is timed in two ways: band velocities tabulated by it and summed with exact Fermi weights, which
agrees with us to round-off on an equal mesh; and its own sum over energies in bins with Fermi-Dirac
smoothing, against ours asked for the accuracy reached.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ohmr_fem import micro
from validation import micro_wannierberri as other
from validation.case import Skipped as NoProgram

from .table import Row, seconds

CASE = "1000 chemical potentials"
MU = np.linspace(-0.5, 0.5, 1000)
TEMPERATURE = 300.0
REACH = 0.6  # eV beyond the window in which WannierBerri needs its levels: 23 k_B T
MESHES = ((120, 1), (240, 1))  # divisions, and levels of WannierBerri for each of ours


def run() -> list[Row]:
    model = micro.bilayer_graphene()
    best = micro.inverse_mass(model, MU, TEMPERATURE, tolerance=1e-11)
    found = micro.inverse_mass(model, MU, TEMPERATURE)
    taken = seconds(lambda: micro.inverse_mass(micro.bilayer_graphene(), MU, TEMPERATURE), 3)
    largest = float(np.abs(best.X).max())
    cold = micro.inverse_mass(model, 0.4, 4.0)
    rows = [
        Row(
            "one at 4 K",
            "adaptive triangles to 1e-8, s",
            seconds(lambda: micro.inverse_mass(model, 0.4, 4.0), 1),
        ),
        Row(
            "one at 4 K",
            "its estimate of the error",
            float(cold.error[0]) / float(np.abs(cold.X).max()),
            1e-8,
        ),
        Row(CASE, "bilayer graphene, all components, s", taken, 5.0, note=found.mesh),
        Row(
            CASE,
            "its error, of the largest component",
            float(np.abs(found.X - best.X).max()) / largest,
            1e-8,
        ),
        Row(
            CASE,
            "its estimate of the error",
            float(found.error.max()) / largest,
            note="pessimistic by design",
        ),
    ]
    try:
        wb = other.program()
    except NoProgram:
        return [*rows, Row(CASE, "beside WannierBerri", float("nan"), note="not installed")]
    with other.workspace() as folder:
        system, same = other.load(wb, folder)
        rows += [*equal_mesh(wb, system, same), *beside(wb, system, same)]
    return rows


def equal_mesh(wb: Any, system: Any, model: micro.LayeredModel, divisions: int = 120) -> list[Row]:
    """One chemical potential on one mesh: the same number, from tabulated velocities and from
    ours.
    """
    case, out = f"one chemical potential, N = {divisions}", []

    def ours(symmetry: bool) -> np.ndarray:
        X = micro.inverse_mass(
            model, other.LEVEL, other.TEMPERATURE, mesh=divisions, symmetry=symmetry
        ).X
        return np.asarray(X[0, :2, :2])

    theirs = other.tabulated(wb, system, divisions)[0]
    cost = seconds(lambda: other.tabulated(wb, system, divisions), 3)
    for name, symmetry in (("full mesh", False), ("by symmetry", True)):
        mine = seconds(lambda s=symmetry: ours(s), 3)
        error = float(np.abs(ours(symmetry) - theirs).max() / np.abs(theirs).max())
        out += [
            Row(case, f"difference from tabulated velocities, {name}", error, 1e-6),
            Row(
                case,
                f"WannierBerri's cost over ours, {name}",
                cost / mine,
                note=f"{cost:.3g} s, {mine:.3g} s",
            ),
        ]
    return out


def beside(wb: Any, system: Any, model: micro.LayeredModel) -> list[Row]:
    """WannierBerri's best of its own sums at each setting, and ours asked for that accuracy;
    processor seconds.
    """
    exact = micro.inverse_mass(model, MU, TEMPERATURE, tolerance=1e-11).X[:, :2, :2]
    scale, rows = float(np.abs(exact).max()), []
    for divisions, finer in MESHES:
        theirs: list[np.ndarray] = []
        cost = seconds(
            lambda d=divisions, f=finer, out=theirs: out.append(binned(wb, system, d, f)), 1
        )
        error = float(np.abs(theirs[-1] - exact).max()) / scale
        goal = min(max(error, 1e-12), 0.1)
        ours = micro.inverse_mass(model, MU, TEMPERATURE, tolerance=goal)
        ours_error = float(np.abs(ours.X[:, :2, :2] - exact).max()) / scale
        mine = seconds(lambda g=goal: micro.inverse_mass(model, MU, TEMPERATURE, tolerance=g), 3)
        rows += [
            Row(CASE, f"WannierBerri's error, N = {divisions}, {finer} levels for each mu", error),
            Row(CASE, "our error, asked for the same", ours_error, error, note=ours.mesh),
            Row(
                CASE,
                "WannierBerri's cost over ours",
                cost / mine,
                note=f"{cost:.3g} s, {mine:.3g} s",
            ),
        ]
    return rows


def binned(wb: Any, system: Any, divisions: int, finer: int) -> np.ndarray:
    """Its own sum over the Fermi surface, energies in bins, smoothed with the Fermi weight, at
    every mu, (n, 2, 2).
    """
    step = (MU[1] - MU[0]) / finer
    outside = round(REACH / step)
    levels = MU[0] + step * np.arange(-outside, (len(MU) - 1) * finer + outside + 1)
    smoother = wb.smoother.FermiDiracSmoother(levels, TEMPERATURE, maxdE=20)
    calculator = wb.calculators.static.Ohmic_FermiSurf(
        Efermi=levels, smoother=smoother, use_factor=False
    )
    result, _ = other.evaluate(wb, system, divisions, calculator)
    chosen = outside + finer * np.arange(len(MU))
    return np.asarray(
        np.asarray(result.dataSmooth)[chosen, :2, :2] * system.cell_volume / other.HBAR2
    )
