"""Which rows check which equation, and our number beside the print where the two differ.

A place is (case, text): every row of the case whose quantity contains the text. The report joins
these tables with what was measured; at the full level a place that no longer matches any row fails
the run, so the tables cannot rot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Place = tuple[str, str]


@dataclass(frozen=True)
class Claim:
    """One equation, figure or statement of the theory, and the rows (or tests) that hold the
    program to it.
    """

    equation: str
    says: str
    places: tuple[Place, ...]
    tests: tuple[str, ...] = ()


@dataclass(frozen=True)
class Beside:
    """A number or form of the paper, and what its own equations give."""

    where: str
    printed: str
    why: str
    places: tuple[Place, ...]


CLAIMS = (
    Claim(
        "Eq. (1)",
        "charge and moment currents, with the orbital Hall effect and its inverse",
        (
            ("manufactured", "triangles, P2"),
            ("strip", "J_x(y)"),
            ("ngsolve_device", "R, Hall bar"),
            ("four_terminal", "delta_R/R"),
        ),
    ),
    Claim(
        "Eq. (2)",
        "balance of the moment: diffusion, relaxation, torque with its factor e/2",
        (
            ("strip_tensor", "matrix function"),
            ("edges", "relaxation + torque"),
            ("invariants", "energy identity"),
            ("manufactured", "moment density"),
        ),
    ),
    Claim(
        "Eq. (3)",
        "X as the double commutator, and as the Drude form",
        (
            ("micro_hamiltonian", "in plane"),
            ("micro_routes", "commutator against"),
            ("micro_bilayer", "commutator"),
        ),
    ),
    Claim(
        "Eq. (4), (S24)",
        "profile of n^z across a strip",
        (("strip", "profile"), ("strip", "at the +y edge"), ("figure2", "Fig. 2(a)")),
    ),
    Claim(
        "Eqs. (5), (6)",
        "the current that the accumulation adds, along the edges and in all",
        (("strip", "J_x(y)"), ("strip", "f, l = 10"), ("edges", "Delta I/I_0")),
    ),
    Claim(
        "Eq. (7)",
        "magnetoresistance of a strip",
        (
            ("strip", "rho, default mesh"),
            ("strip", "order of rho"),
            ("four_terminal", "delta_R/R"),
            ("manganese", "thickness curve"),
        ),
    ),
    Claim(
        "Eq. (8)",
        "rho*, at theta = 0 and for B to infinity too",
        (("strip", "rho*"), ("manganese", "rho* of a strip")),
    ),
    *(
        Claim(f"Figure 2({p})", what, (("figure2", f"Fig. 2({p})"),))
        for p, what in (
            ("a", "profiles at five fields"),
            ("b", "profiles less the one at theta = 0, for four theta"),
            ("c", "rho* against field for five widths"),
            ("d", "rho* against field for three theta"),
        )
    ),
    Claim(
        "(S1)-(S4)",
        "the coupled equations and their edge conditions, in one solve of V and n",
        (("manufactured", "order of"), ("ngsolve_device", "R, "), ("nonlocal_strip", "all orders")),
    ),
    Claim(
        "(S16)",
        "diffusion with a positive sign",
        (("strip", "order of profile"), ("sections", "profile n^y")),
    ),
    Claim(
        "Eqs. (13)-(15)",
        "the commutator of two moments, by matrices, and the torque that follows from it",
        (("micro_hamiltonian", "[m_a, m_b]"), ("micro_hamiltonian", "torque of the program")),
    ),
    Claim(
        "text, order of magnitude",
        "bilayer graphene over Mn, each at its best thickness: 871 and 2.2, not ten",
        (("manganese", "each at its best thickness"), ("manganese", "in a weak field")),
    ),
    Claim(
        "(S44)-(S47)",
        "the commutator is <d2H>; the Drude form is its intraband part",
        (
            ("micro_hamiltonian", "d2H/dk2"),
            ("micro_routes", "interband"),
            ("micro_routes", "Fermi sea"),
        ),
    ),
    Claim(
        "Eq. (16), (S27)-(S28)",
        "Bloch Hamiltonian of a layered crystal",
        (("micro_hamiltonian", "bond by bond"),),
    ),
    Claim(
        "Eqs. (17)-(19), (S29)-(S43)",
        "from the Hamiltonian to X: in-plane sums; the steps are checked at their ends",
        (
            ("micro_routes", "X_xx drude against"),
            ("micro_bilayer", "drude, 300 K"),
            ("micro_bilayer", "mass"),
            ("micro_bilayer", "in the gap"),
            ("micro_convergence", "X_xx"),
        ),
    ),
    Claim(
        "Eq. (20)",
        "X_zz from the interlayer hopping J_+",
        (
            ("micro_hamiltonian", "J_+"),
            ("micro_routes", "X_zz against"),
            ("micro_bilayer", "X_zz, 300 K"),
        ),
    ),
    Claim(
        "Eq. (21), (S36)",
        "X_za from i dJ_-/dk",
        (
            ("micro_hamiltonian", "i dJ_-/dk"),
            ("micro_routes", "X_zx against"),
            ("micro_routes", "X_yz against"),
        ),
    ),
    Claim(
        "Eqs. (22), (S55), (S56)",
        "bilayer graphene: matrix, bands, gap",
        (
            ("micro_hamiltonian", "bilayer graphene"),
            ("micro_hamiltonian", "bands"),
            ("micro_hamiltonian", "gap"),
        ),
    ),
    Claim(
        "Eq. (23), (S48)-(S51), (S57), (S58)",
        "X and theta of bilayer graphene",
        (
            ("micro_bilayer", "300 K"),
            ("micro_bilayer", "theta"),
            ("micro_figure3", "X_zz"),
            ("micro_wannierberri", "Drude"),
        ),
    ),
    Claim(
        "(S52)-(S54)",
        "what a threefold axis forbids, before and after a displacement field",
        (
            ("micro_routes", "C3 found"),
            ("micro_routes", "forbidden component"),
            ("micro_bilayer", "off-diagonals"),
        ),
        (
            "tests/micro/test_symmetry.py::test_group_orders",
            "tests/micro/test_symmetry.py::test_components_survive_where_nothing_forbids_them",
        ),
    ),
    Claim(
        "Figure 3(a)",
        "X_xx and X_zz against the chemical potential",
        (("micro_figure3", "Fig. 3(a)"),),
    ),
    Claim(
        "Figure 3(b)",
        "theta against the displacement at one chemical potential, in three readings",
        (("micro_figure3", "Fig. 3(b)"), ("micro_bilayer", "theta, ")),
    ),
    Claim(
        "theory 3",
        "three scalars carry every field; tilt; omega = 0; theta < 0",
        (
            ("spectral_device", "p F(1)"),
            ("spectral_device", "tilted"),
            ("spectral_device", "omega = 0"),
            ("edges", "theta = -0.6"),
        ),
        ("tests/solver/test_stability.py::test_limit_of_a_strip_is_one_plus_its_lowest_rate",),
    ),
    Claim(
        "theory 3",
        "bounds, evenness, Onsager's relation",
        (
            ("spectral_device", "overstepped"),
            ("spectral_device", "R(B) - R(-B)"),
            ("invariants", "R_kl,ij"),
            ("strip_tensor", "reciprocal detector even"),
        ),
    ),
    Claim(
        "theory 4",
        "one spectral measure for all fields, frequencies and lengths",
        (
            ("spectral_device", "F(s)"),
            ("spectral_device", "poles against"),
            ("spectral_device", "stated bound"),
            ("spectral_device", "L_m = 0.5"),
        ),
    ),
    Claim("theory 5.1", "strip", (("strip", "rho"), ("strip", "f, l = 10"))),
    Claim(
        "theory 5.2",
        "strip, any X and B",
        (("strip_tensor", "f, X = diag"), ("strip_tensor", "three scalars")),
    ),
    Claim(
        "theory 5.3, 5.11",
        "absorbing edges: equal, unequal, matrix",
        (
            ("edges", "equal G"),
            ("edges", "unequal G"),
            ("edges", "G = (0.2"),
            ("edges", "edge absorbing"),
            ("edges", "edges absorbing"),
        ),
    ),
    Claim("theory 5.4, 5.12", "annulus", (("annulus", "f, "), ("annulus", "geometric error"))),
    Claim(
        "theory 5.5",
        "nonlocal strip to second order: ohmic, point contacts, narrow",
        (
            ("nonlocal_strip", "second order"),
            ("nonlocal_strip", "R_ohmic"),
            ("nonlocal_strip", "point contacts"),
            ("nonlocal_strip", "narrow"),
            ("nonlocal_strip", "sign of"),
        ),
    ),
    Claim(
        "theory 5.6",
        "alternating current and switch-on, by poles and by steps in time",
        (
            ("spectral_device", "complex f"),
            ("dynamics", "switch-on of a strip"),
            ("dynamics", "AC of a strip"),
            ("dynamics", "pulse"),
            ("dynamics", "precession and decay"),
        ),
    ),
    Claim("theory 5.7", "strips of two and three materials", (("edges", "layers"),)),
    Claim(
        "theory 10",
        "valves, pads and channels: closed forms of the strip, a published geometry, reciprocity "
        "with p and B reversed, balance of each component",
        (
            ("valves", "printed digits"),
            ("valves", "graphene valve"),
            ("valves", "contacts that absorb"),
            ("valves", "across a strip"),
            ("valves", "read by the inverse"),
            ("valves", "R_ij,kl(p, B)"),
            ("valves", "balance of each"),
            ("pads", "over their area"),
        ),
        ("tests/solver/test_channel.py::test_spreading_resistance_of_two_discs",),
    ),
    Claim(
        "theory 12",
        "interfaces with the accumulation continuous: closed forms, collocation, Onsager, energy",
        (
            ("interfaces", "layers"),
            ("interfaces", "against collocation"),
            ("interfaces", "R_ij,kl(B) = R_kl,ij(-B)"),
            ("interfaces", "energy identity"),
            ("interfaces", "Delta R(0) <= Delta R(B) <= 0"),
            ("coefficients", "functions of y"),
            ("coefficients", "thin layers"),
            ("coefficients", "does not conduct"),
        ),
    ),
    Claim(
        "theory 5.8",
        "film and its best thickness",
        (
            ("sections", "profile n^y"),
            ("sections", "t/L_m"),
            ("sections", "t = 4"),
            ("strip_tensor", "film against"),
        ),
    ),
    Claim(
        "theory 5.9",
        "wires of rectangular and circular section",
        (("sections", "2 x 3"), ("sections", "radius 1.5")),
    ),
    Claim("theory 5.10", "Corbino disc: nothing", (("invariants", "alpha^2 R_ohmic"),)),
    Claim(
        "theory 5.11",
        "nonlocal strip to all orders, averaging probes",
        (
            ("nonlocal_strip", "all orders"),
            ("nonlocal_strip", "printed digits"),
            ("nonlocal_strip", "averaging"),
        ),
    ),
    Claim(
        "theory 9",
        "films: edges, faces and corners against bricks in three dimensions; the local tensor, "
        "its form of Velez and spin Hall magnetoresistance by matrix functions and collocation",
        (
            ("film_3d", "delta_R"),
            ("films", "tensor"),
            ("films", "Velez"),
            ("films", "magnetoresistance of Pt"),
            ("films", "bar, faces"),
            ("films", "Hall bar"),
            ("films", "reciprocity"),
        ),
        (
            "tests/analytic/test_film.py::test_reflecting_faces",
            "tests/analytic/test_film.py::test_unequal_faces",
            "tests/analytic/test_film.py::test_full_tensor_faces_against_collocation",
            "tests/analytic/test_film.py::test_the_form_of_velez",
            "tests/analytic/test_film.py::test_spin_hall_magnetoresistance",
            "tests/sweep/test_film.py::test_one_source_on_all_faces_and_edges_is_a_larger_angle",
            "tests/sweep/test_film_moment.py::test_in_a_field_the_faces_differ_by_the_tensor",
            "tests/sweep/test_film_regions.py::test_one_material_twice_is_a_uniform_film",
            "tests/sweep/test_stack.py::test_equal_layers_are_a_film",
            "tests/sweep/test_stack.py::test_a_stack_is_not_its_mean",
        ),
    ),
    Claim(
        "theory 11",
        "relaxation tensor, orbital and spin moment: strips, two materials, regions, poles against "
        "six components, limits",
        (
            ("two_channels", "strip, tensor"),
            ("two_channels", "strips of any X"),
            ("two_channels", "transfer matrix"),
            ("two_channels", "poles against six"),
            ("two_channels", "sum of two channels"),
            ("two_channels", "with conversion"),
            ("two_channels", "fast conversion"),
            ("film_channels_3d", "in three dimensions"),
        ),
        (
            "tests/sweep/test_matrix.py::test_published_coupled_lengths",
            "tests/solver/test_two_channels.py::test_switch_on_of_a_strip",
            "tests/sweep/test_stack_channels.py::test_two_materials_against_a_transfer_matrix",
            "tests/sweep/test_matrix_film_faces.py::test_the_section_through_the_thickness",
            "tests/solver/test_film_decay.py::test_growth_is_refused_with_its_field",
        ),
    ),
    Claim(
        "theory 6",
        "converged and regression values of X",
        (
            ("micro_bilayer", "half-shifted"),
            ("micro_bilayer", "300 K, mu"),
            ("micro_convergence", "K"),
        ),
    ),
    Claim(
        "theory 7",
        "Mn: size, thickness curve, mass ratios 675 and 67.5, bilayer graphene beside it",
        (("manganese", "rho(9 T)"), ("manganese", "over Mn"), ("manganese", "thickness curve")),
    ),
    Claim(
        "conservation",
        "contact currents, power, rotation, order alpha^4, one ohm",
        (
            ("invariants", "contact currents"),
            ("invariants", "power"),
            ("invariants", "rotation"),
            ("invariants", "order in alpha"),
            ("invariants", "square of 1 S"),
        ),
    ),
    Claim(
        "time",
        "ramps, decay, resonance, order of the steps, both paths on a Hall bar",
        (
            ("dynamics", "ramp of B"),
            ("dynamics", "slowest decay"),
            ("dynamics", "resonance"),
            ("dynamics", "order of the stepper"),
            ("dynamics", "Hall bar"),
        ),
    ),
    Claim(
        "drift (S1)",
        "the moment carried along by E: strong form, small and large currents",
        (
            ("drift", "drift, triangles"),
            ("drift", "long bar against its ODE"),
            ("drift", "order in I"),
            ("drift", "at 10 pA"),
        ),
    ),
    Claim(
        "ordinary Hall effect",
        "added to the model: textbook geometries, the orbital part, Onsager with everything on",
        (("hall", "Corbino disc"), ("hall", "van der Pauw"), ("hall", "R_kl,ij")),
    ),
    Claim(
        "fits",
        "intervals hold the truth, what the data cannot fix is said, the true device against the "
        "strip formula",
        (
            ("fit_recovery", "hold the truth"),
            ("fit_recovery", "one direction"),
            ("fit_strip_bias", "fitted/true"),
        ),
    ),
    Claim(
        "backgrounds",
        "fits with an ordinary magnetoresistance or weak localisation in the curve",
        (("fit_backgrounds", "intervals of alpha_product"), ("fit_backgrounds", "hln")),
        ("tests/fitting/test_background.py::test_numbers",),
    ),
    Claim(
        "series",
        "one fit over a series: intervals hold the truth",
        (("series_fit", "hold the truth"),),
        ("tests/fitting/test_global_fit.py::test_the_truth_comes_back_from_a_closed_form",),
    ),
    Claim(
        "verdict",
        "a wrong background is not called a Hanle effect, an effect of 5 standard deviations is",
        (("verdict", "no Hanle effect"), ("verdict", "standard deviations")),
        ("tests/fitting/test_verdict.py::test_kohler_scaling_is_seen",),
    ),
    Claim(
        "preparation",
        "steps and curve from raw rows within their stated errors, a step left out is seen",
        (("prepare_raw", "chi2"), ("prepare_raw", "whiteness below 0.01 with")),
        ("tests/fitting/test_prepare.py::test_a_step_left_out_is_seen",),
    ),
    Claim(
        "error bar",
        "the stated discretisation error holds, and refinement reaches the tolerance asked for",
        (("adaptivity", "effectivity"), ("adaptivity", "relative error")),
    ),
    Claim(
        "studies",
        "killed and resumed without loss",
        (("studies", "kill -9"), ("studies", "undisturbed")),
    ),
    Claim(
        "second program",
        "NGSolve on the same meshes, four fields in one matrix",
        (("ngsolve_device", "R, "), ("ngsolve_channels", "delta_R, L")),
    ),
    Claim(
        "files",
        "ParaView opens what is written",
        (
            ("paraview_files", "range of n"),
            ("paraview_files", "arrays"),
            ("paraview_files", "time steps"),
        ),
    ),
)

PRINTS = (
    Beside(
        "Omega",
        "e B X_yy, without the 1/2 of Eq. (2)",
        "Omega = g e B X_yy/2: g = 1 is Eq. (2), g = 2 the printed form, 0.114",
        (("manganese", "Omega tau of Mn"),),
    ),
    Beside(
        "Eq. (4), (S16), (S24)",
        "n^z < 0 at the +y edge (J = -e mu n E); -D n''",
        "with J = sigma E and Q = -D grad n the profile changes sign, rho does not",
        (("strip", "at the +y edge"),),
    ),
    Beside(
        "Eq. (8)", "0/0 at theta = 0", "the field does nothing there", (("strip", "theta = 0"),)
    ),
    Beside(
        "(S44)-(S47)",
        "the double commutator equals the Drude weight",
        "the commutator keeps the interband part (1/m_e)",
        (
            ("micro_bilayer", "drude, 300 K, mu = 0.4 eV"),
            ("micro_bilayer", "commutator, 300 K, mu = 0.4 eV"),
        ),
    ),
    Beside(
        "Eqs. (20), (21)",
        "J_z; no i",
        "J_+, and i dJ_-/dk since J_- is anti-Hermitian: X_zx is real and is dOmega/dlambda",
        (("micro_routes", "X_zx against"),),
    ),
    Beside(
        "bias V",
        '"potential difference"',
        "the layers differ by 2V",
        (("micro_hamiltonian", "gap"),),
    ),
    Beside(
        "Figure 3(b)",
        "theta of order 1e-2",
        "the form as printed mixes two definitions; 1e-2 belongs to the commutator in "
        "both, or to X_zz counted from neutrality",
        (("micro_bilayer", "theta, "),),
    ),
    Beside(
        "m* of bilayer graphene",
        "0.041 m_e",
        "per electron and hole at 300 K; the sum of Eq. (3) must be a mean per carrier",
        (("micro_bilayer", "per electron and hole"),),
    ),
    Beside(
        "Mn, m* = 27.7 m_e",
        "consistent with the measured size",
        "smaller by 400 than with the free-electron mass",
        (
            ("manganese", "rho(9 T) - rho(0), Mn with m* = 27.7"),
            ("manganese", "best thickness for 9 T"),
        ),
    ),
)


def rows_at(places: Sequence[Place], cases: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of the report (as dictionaries) that a claim points to."""
    return [
        {**row, "name": case["name"]}
        for case in cases
        for row in case["rows"]
        for name, text in places
        if case["name"] == name and (text in row["quantity"] or text == row["equation"])
    ]


def unmatched(cases: Sequence[dict[str, Any]]) -> list[str]:
    """Places that match no row of a case that ran."""
    ran = {case["name"] for case in cases if case["rows"]}
    return [
        f"{claim.equation if isinstance(claim, Claim) else claim.where}: no row of {place[0]} says "
        f"{place[1]!r}"
        for claim in (*CLAIMS, *PRINTS)
        for place in claim.places
        if place[0] in ran and not rows_at((place,), cases)
    ]


def joined(cases: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The table of claims: equation, what it says, how many rows, the worst of them, whether all
    pass.
    """
    table = []
    for claim in CLAIMS:
        rows = rows_at(claim.places, cases)
        worst = max(
            rows,
            key=lambda r: r["error"] / r["tolerance"] if r["tolerance"] else float(r["error"] > 0),
            default=None,
        )
        table.append(
            {
                "equation": claim.equation,
                "says": claim.says,
                "rows": len(rows),
                "tests": list(claim.tests),
                "cases": sorted({p[0] for p in claim.places}),
                "passed": all(r["passed"] for r in rows),
                "worst": worst and f"{worst['name']}: {worst['quantity']}",
                "error": worst and worst["error"],
                "tolerance": worst and worst["tolerance"],
            }
        )
    return table


def beside(cases: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The table of prints: where, printed, ours with its quantity, why."""
    return [
        {
            "where": b.where,
            "printed": b.printed,
            "why": b.why,
            "ours": [f"{r['value']:.4g} ({r['quantity']})" for r in rows_at(b.places, cases)],
        }
        for b in PRINTS
    ]
