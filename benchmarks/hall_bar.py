"""A Hanle curve of a Hall bar: its error, its cost in factorisations, and other programs field by
field.
"""

from __future__ import annotations

import statistics
from pathlib import Path

import numpy as np

import ohmr_fem as of
from ohmr_fem.solver.linear import SYMMETRIC
from ohmr_fem.solver.system import system_of

from .peers import ngsolve, ngsolve_four_fields, ngsolve_scalar, skfem_four_fields
from .table import Row, Skipped, ratio, seconds

CASE = "Hall bar"
MESH = Path(__file__).parent.parent / "meshes" / "hall_bar.msh"
LENGTH, ALPHA, TOP, COUNT = 1e-7, 0.1, 50.0, 1001
CURRENT, VOLTAGE = ("left", "right"), ("t1", "t2")
MATERIAL = of.Material(
    sheet_conductivity="1 mS",
    diffusion_length=LENGTH,
    relaxation_time="2 ps",
    orbital_hall_angle=ALPHA,
    inverse_mass=[24.4, 24.4, 24.4],
)
PHIS = np.linspace(0.0, TOP, COUNT)


def fields(phis: np.ndarray) -> np.ndarray:
    return MATERIAL.field_scale * np.outer(phis, [1.0, 0.0, 0.0])


def problem(coupling: str = "linear") -> of.Problem:
    contacts = {name: of.Contact("profile") for name in CURRENT} | {
        name: of.Contact("probe") for name in VOLTAGE
    }
    return of.Problem(of.read_mesh(MESH, unit="nm"), MATERIAL, contacts, coupling=coupling)


def curve(prob: of.Problem) -> of.SpectralMeasure:
    """Potentials, measure and 1001 fields on a system that is assembled already."""
    system_of(prob)._potential_solvers.clear()
    measure = of.spectral_measure(prob, current=CURRENT, voltage=VOLTAGE, fields=fields(PHIS))
    measure.delta_R(fields(PHIS))
    return measure


def run() -> list[Row]:
    prob = problem()
    measure = curve(prob)
    system = system_of(prob)
    unused = (PHIS[:-1] + 0.5 * PHIS[1])[:: (COUNT - 1) // 20][:20]
    unused = np.append(unused, PHIS[-1] - 0.5 * PHIS[1])
    mine = measure.delta_R(fields(unused))
    direct = of.hanle_curve(
        prob, fields(unused), current=CURRENT, voltage=VOLTAGE, method="direct"
    ).delta_R
    shift = measure.projection.shift
    matrix = system.diffusion + shift * system.relaxation[0]
    times, cost, factorisation = ratio(lambda: curve(prob), lambda: SYMMETRIC.factorise(matrix), 15)
    whole = seconds(
        lambda: of.hanle_curve(problem(), fields(PHIS), current=CURRENT, voltage=VOLTAGE), 3
    )
    rows = [
        Row(CASE, "P2 nodes", system.N, note=f"{COUNT} fields to Omega tau = {TOP:g}"),
        Row(
            CASE,
            "error at 21 unused fields, of the largest delta_R",
            np.abs(mine - direct).max() / np.abs(direct).max(),
            1e-6,
            note=f"{len(measure.rates)} poles, {measure.projection.solves} solves",
        ),
        Row(
            CASE,
            "potentials and curve, in factorisations of K + s0 M",
            times,
            6.0,
            note=f"{cost:.3g} s, {factorisation:.3g} s",
        ),
        Row(
            CASE,
            "reading the mesh, assembly, strip and curve, s",
            whole,
            note="hanle_curve from nothing",
        ),
    ]
    try:
        rows += against_ngsolve(prob, measure, cost)
    except Skipped as reason:
        rows.append(Row(CASE, f"skipped: {reason}", float("nan")))
    return rows + against_skfem(prob, measure, cost)


def against_ngsolve(prob: of.Problem, measure: of.SpectralMeasure, cost: float) -> list[Row]:
    from validation.ngsolve_device import ngsolve_mesh

    ngsolve()
    mesh, phis = ngsolve_mesh(prob.mesh, LENGTH), np.linspace(2.0, TOP, 10)
    R, assembly, solution = ngsolve_four_fields(mesh, ALPHA, phis, CURRENT, VOLTAGE)
    full = of.resistance(problem("full"), fields(phis[-1:])[0], current=CURRENT, voltage=VOLTAGE)
    agreement = abs(R[-1] / MATERIAL.sheet_conductivity / full.R - 1.0)
    least, whole = (
        statistics.median(solution),
        statistics.median(assembly) + statistics.median(solution),
    )
    rows = [
        Row(CASE, "NGSolve, 4 fields: its R against coupling='full'", agreement, 1e-8),
        Row(
            CASE,
            "NGSolve, 4 fields, umfpack: times slower, solution alone",
            COUNT * least / cost,
            at_least=2000.0,
            note=f"{least:.3g} s a field, from 10 fields",
        ),
        Row(
            CASE,
            "the same with its assembly for each field",
            COUNT * whole / cost,
            note=f"{whole:.3g} s a field",
        ),
    ]
    fastest: tuple[float, float, str, float] | None = None
    for inverse in ("sparsecholesky", "umfpack"):
        F, assembly, solution = ngsolve_scalar(mesh, phis, CURRENT, VOLTAGE, inverse)
        error = np.abs(np.array(F) - measure.F(1.0 + 1j * phis)).max() / abs(F[0])
        found = (statistics.median(solution), statistics.median(assembly), inverse, float(error))
        fastest = found if fastest is None else min(fastest, found)
    assert fastest is not None
    least, extra, inverse, error = fastest
    return [
        *rows,
        Row(CASE, "NGSolve, scalar: its F(1 + i phi) against the measure", error, 1e-6),
        Row(
            CASE,
            f"NGSolve, scalar, {inverse}: times slower, solution alone",
            COUNT * least / cost,
            at_least=300.0,
            note=f"{least:.3g} s a field, the faster of sparsecholesky and umfpack",
        ),
        Row(CASE, "the same with its assembly for each field", COUNT * (least + extra) / cost),
    ]


def against_skfem(prob: of.Problem, measure: of.SpectralMeasure, cost: float) -> list[Row]:
    phis = np.linspace(2.0, TOP, 3)
    R, taken = skfem_four_fields(prob.mesh, LENGTH, ALPHA, phis, CURRENT, VOLTAGE)
    full = of.resistance(problem("full"), fields(phis[-1:])[0], current=CURRENT, voltage=VOLTAGE)
    least = statistics.median(taken)
    return [
        Row(
            CASE,
            "scikit-fem, 4 fields: its R against coupling='full'",
            abs(R[-1] / MATERIAL.sheet_conductivity / full.R - 1.0),
            1e-8,
        ),
        Row(
            CASE,
            "scikit-fem, 4 fields, default solver: times slower",
            COUNT * least / cost,
            at_least=2000.0,
            note=f"{least:.3g} s a field, from 3 fields",
        ),
    ]
