"""Equations (S1) to (S58), one by one."""

from __future__ import annotations

from .statements import Statement

OSCILLATOR = "operators"
BANDS = "operator_bands"
PAULI = "pauli_bilayer"
STRIP = "strip_ode"
COUPLED = (("manufactured", "triangles, P2"), ("nonlocal_strip", "all orders"))
SUPPLEMENT = (
    Statement(
        "(S1)",
        "currents of charge and moment without the orbital Hall effect",
        (("drift", "moment density, drift"), ("drift", "against its ODE"), *COUPLED),
        "n must be neutral for J = sigma E; the diffusion of charge is dropped",
    ),
    Statement("(S2)", "each makes the other, with one angle alpha", COUPLED),
    Statement(
        "(S3)",
        "total charge current to first order",
        (*COUPLED, ("drift", "potential, drift")),
        "the text above it cites (S4) for (S2)",
    ),
    Statement("(S4)", "the same as a vector: Eq. (1)", COUPLED),
    Statement(
        "(S5)",
        "Hamiltonian with both fields",
        ((OSCILLATOR, "smeared density"), (OSCILLATOR, "both terms")),
        "-e E.r here, +e E.r above (10)",
    ),
    Statement(
        "(S6)",
        "moment m = -(e/2) eps r * v",
        ((OSCILLATOR, "angular momentum"), (OSCILLATOR, "without a field")),
    ),
    Statement(
        "(S7)",
        "commutator of two moments, two terms",
        ((OSCILLATOR, "both terms"), (OSCILLATOR, "in the commutator")),
    ),
    Statement(
        "(S8)",
        "the second term is -(i hbar e/2) eps X m",
        ((OSCILLATOR, "first to its last"),),
        "its middle line has dangling indices; its ends agree",
    ),
    Statement("(S9)", "product of two Levi-Civita symbols", ((OSCILLATOR, "determinant"),)),
    Statement(
        "(S10)",
        "the commutator once more",
        ((OSCILLATOR, "both terms"), (OSCILLATOR, "without a field")),
    ),
    Statement(
        "(S11)",
        "with m.B; what is dropped is of higher order in B",
        ((OSCILLATOR, "in the torque"), (OSCILLATOR, "torque of the program")),
        "B_j for B_b in its first line",
    ),
    Statement("(S12)", "motion of the density operator", ((OSCILLATOR, "smeared density"),)),
    Statement(
        "(S13)",
        "flow of the moment",
        ((OSCILLATOR, "smeared density"), (OSCILLATOR, "associator")),
        "m * delta * v here, m * v * delta in (11); the flow is m * (v * delta)",
    ),
    Statement(
        "(S14)",
        "motion of the density with relaxation",
        ((OSCILLATOR, "smeared density"), (OSCILLATOR, "torque of the program")),
        'called "Eq. (3) in the text"; it is Eq. (2)',
    ),
    Statement(
        "(S15)",
        "its average, Eq. (2)",
        (("strip_tensor", "matrix function"), ("dynamics", "uniform moment")),
    ),
    Statement(
        "(S16)",
        "steady state of n^z and n^y across the strip",
        ((STRIP, "profile n^z"), (STRIP, "profile n^y"), ("sections", "profile n^y")),
        "-D n'' for +D n''",
    ),
    *(
        Statement(place, says, ((STRIP, "roots"),), errs)
        for place, says, errs in (
            ("(S17)", "one equation of fourth order for n^z", ""),
            ("(S18)", "the same with L_m, phi and theta", ""),
            ("(S19)", "its characteristic equation", ""),
            ("(S20)", "lambda^2 L_m^2 = 1 +- i sqrt(theta) phi", "written sqrt(theta phi^2)"),
            ("(S21)", "its four roots", ""),
        )
    ),
    Statement(
        "(S22)",
        "four exponentials",
        ((STRIP, "four exponentials with"), (STRIP, "their imaginary part")),
        "sqrt(theta) phi^2 below it for sqrt(theta) phi",
    ),
    Statement("(S23)", "real and imaginary parts", ((STRIP, "(S23)"),)),
    Statement(
        "(S24)",
        "no moment current through the edges",
        ((STRIP, "profile n^z"), (STRIP, "profile n^y"), ("strip", "at the +y edge")),
        "J = -e mu n E: with J = sigma E the slope is +alpha J_x/D",
    ),
    Statement("(S25)", "the constant of sinh", ((STRIP, "four exponentials with"),)),
    Statement(
        "(S26)",
        "antisymmetric solution",
        ((STRIP, "are its real part"), (STRIP, "without Re")),
        "lacks the Re of (4): its imaginary part is the other component",
    ),
    Statement(
        "(S27)",
        "tight-binding Hamiltonian, bond by bond",
        (("micro_hamiltonian", "bond by bond"), (BANDS, "by blocks")),
    ),
    Statement(
        "(S28)",
        "the same in k",
        ((BANDS, "by blocks"), ("micro_hamiltonian", "bond by bond")),
    ),
    Statement("(S29)", "v = dH/(hbar dk)", ((BANDS, "dH/dk_x"), (BANDS, "dH/dk_y"))),
    Statement(
        "(S30)",
        "Drude tensor as a double commutator and as d2 eps",
        (("micro_routes", "Fermi sea"), ("micro_routes", "interband")),
        "the two differ by the interband part; a bracket is missing",
    ),
    Statement("(S31)", "r_z", ((BANDS, "v_z = -i [r_z, H]"),)),
    Statement("(S32)", "v_z", ((BANDS, "v_z = -i d J_-"), (BANDS, "v_z = -i [r_z, H]"))),
    Statement(
        "(S33)",
        "[r_z, v_z] = (d^2/i hbar) J_+",
        ((BANDS, "(d^2/i) J_+"),),
        "its middle member is (S32) again",
    ),
    Statement(
        "(S34)",
        "X_zz, Eq. (20)",
        ((BANDS, "-d^2 J_+"), ("micro_routes", "X_zz against")),
    ),
    Statement(
        "(S35)",
        "X_za as a double commutator",
        ((BANDS, "-i d dJ_-/dk_x"), ("micro_hamiltonian", "i dJ_-/dk")),
        "a bracket is missing",
    ),
    Statement(
        "(S36)",
        "X_za, Eq. (21)",
        ((BANDS, "-i d dJ_-/dk_y"), ("micro_routes", "X_yz against")),
        "no i before dJ_-/dk",
    ),
    Statement("(S37)", "bilayer by tau matrices", ((PAULI, "H(k), eV"),)),
    Statement("(S38)", "r_z and v_z of a bilayer", ((PAULI, "Gamma t_+"),)),
    Statement("(S39)", "X_zz of a bilayer", ((PAULI, "mesh of 60"),)),
    Statement("(S40)", "X as a double commutator", ((BANDS, "Jacobi"),)),
    Statement("(S41)", "it is symmetric, by Jacobi", ((BANDS, "Jacobi"),)),
    Statement(
        "(S42)",
        "intraband and interband position",
        ((BANDS, "interband position"), (BANDS, "wave packet")),
    ),
    Statement(
        "(S43)",
        "the commutator splits into both parts",
        ((BANDS, "XXH"), (BANDS, "every band")),
    ),
    Statement(
        "(S44)",
        "intraband part",
        ((BANDS, "every band"), ("micro_routes", "interband")),
        "is -d2 eps, not -<d2H>",
    ),
    Statement("(S45)", "interband part", ((BANDS, "XXH"),)),
    Statement("(S46)", "quantum geometry by matrix elements", ((BANDS, "<du_n|H"),)),
    Statement(
        "(S47)",
        "d2 eps = <d2H> - 2 Re<du|H - eps|du>",
        ((BANDS, "every band"), ("micro_bilayer", "drude, 300 K")),
        "right as an identity; it is not the double commutator, which is <d2H>",
    ),
    Statement("(S48)", "the commutator written out", ((BANDS, "expanded"),)),
    Statement(
        "(S49)",
        "position in one band",
        ((BANDS, "wave packet"), (BANDS, "the other sign")),
        "-A where (S42) has +A",
    ),
    Statement("(S50)", "Eq. (18)", ((BANDS, "every band"), ("micro_routes", "Fermi sea"))),
    Statement("(S51)", "inverse band mass", ((BANDS, "every band"), ("micro_bilayer", "mass"))),
    Statement("(S52)", "matrices of C_3z and a mirror", ((PAULI, "C_3z X"), (PAULI, "M X"))),
    Statement(
        "(S53)",
        "X turned by 120 degrees",
        ((PAULI, "C_3z X"), ("micro_routes", "forbidden")),
    ),
    Statement(
        "(S54)",
        "X mirrored; both leave a diagonal tensor",
        ((PAULI, "M X"), (PAULI, "symmetrised"), ("micro_bilayer", "off-diagonals")),
    ),
    Statement(
        "(S55)",
        "tight binding of bilayer graphene",
        (("micro_hamiltonian", "H(k), eV"), ("micro_hamiltonian", "bands")),
        'V "the potential difference": the layers differ by 2 V',
    ),
    Statement("(S56)", "Eq. (22)", ((PAULI, "H(k), eV"), (PAULI, "bands"))),
    Statement(
        "(S57)",
        "velocities of a bilayer",
        ((PAULI, "v_z = (gamma_1"), (PAULI, "hbar v_x"), (PAULI, "hbar v_y")),
        "v_x and v_y lack 1/hbar",
    ),
    Statement("(S58)", "Eq. (23)", ((PAULI, "mesh of 60"),)),
)
