"""Equations (1) to (23), one by one."""

from __future__ import annotations

from .statements import Statement

DIMENSION = (
    "closes in units only if n is a charge density: one carrier with one unit of moment counts e"
)
EQUATIONS = (
    Statement(
        "Eq. (1)",
        "charge current: ohmic, drift of n, and the curl of n",
        (("manufactured", "triangles, P2"), ("strip", "J_x(y)"), ("drift", "potential, drift")),
        DIMENSION,
    ),
    Statement(
        "Eq. (2)",
        "balance of the moment: flow, relaxation, torque with e/2",
        (
            ("strip_tensor", "matrix function"),
            ("manufactured", "moment density, triangles"),
            ("dynamics", "uniform moment"),
        ),
        "the text below (4) has Omega = e B X_yy without the 1/2 (g = 2)",
    ),
    Statement(
        "Eq. (3)",
        "X = <[r, v]>/i hbar over the Fermi sea, symmetric",
        (
            ("micro_hamiltonian", "in plane, d2H"),
            ("micro_bilayer", "commutator"),
            ("operator_bands", "Jacobi"),
        ),
        "a sum over states; Omega needs the mean per carrier",
    ),
    Statement(
        "Eq. (4)",
        "n^z(y) = Re[sinh(lambda y)/(lambda cosh(lambda L/2))] alpha J_x/D",
        (
            ("strip", "profile, same"),
            ("strip_ode", "profile n^z"),
            ("strip", "at the +y edge"),
        ),
        "overall sign: printed for J = -e mu n E; sqrt(theta) phi^2 is ambiguous, (S22) settles it",
    ),
    Statement(
        "Eq. (5)",
        "I_tot = I_0 + Delta I",
        (("strip_ode", "integral of J_x"), ("strip", "J_x(y)")),
        "I_0 = -e mu n e E L has one e too many, and the sign of electrons",
    ),
    Statement(
        "Eq. (6)",
        "Delta I = alpha^2 I_0 Re[(2/lambda L) tanh(lambda L/2)]",
        (("strip_ode", "integral of J_x"), ("strip", "f, l = 10")),
    ),
    Statement(
        "Eq. (7)",
        "rho = (R(B) - R_0)/R(B) = -Delta I/I_0",
        (("strip", "rho, default mesh"), ("strip_ode", "R(B) - R_0"), ("four_terminal", "delta_R")),
        "over R(B); a device's delta_R/R_ohmic differs at order alpha^4",
    ),
    Statement(
        "Eq. (8)",
        "rho* = [rho(B) - rho(0)]/[rho(inf) - rho(0)]",
        (
            ("strip_ode", "rho* at Omega tau = 2, l = "),
            ("strip", "rho*, l = "),
            ("strip", "rho(B) as Omega tau grows"),
            ("figure2", "Fig. 2(c)"),
        ),
        "0/0 at theta = 0, where the field turns nothing",
    ),
    Statement(
        "Eq. (9)",
        "operator of the density: sum of m * delta(r - r_p)",
        (("operators", "smeared density"),),
    ),
    Statement(
        "Eq. (10)",
        "Heisenberg's equation of the density",
        (("operators", "smeared density"),),
        "+e E.r here, -e E.r in (S5); nothing below depends on it",
    ),
    Statement(
        "Eq. (11)",
        "its flow and its torque",
        (("operators", "smeared density"), ("operators", "associator")),
        "m * v * delta is not associative: m * (v * delta) is the flow; "
        "dm/dt = (i/hbar)[m, H] has the sign of (1/i hbar) reversed",
    ),
    Statement(
        "Eq. (12)",
        "the torque at B = 0 is -n/tau, and nothing in equilibrium",
        (("operators", "equilibrium"), ("dynamics", "uniform moment")),
        "a definition of tau; what follows from it is checked",
    ),
    Statement(
        "Eq. (13)",
        "torque of the field (1/i hbar)[m, m.B]",
        (("operators", "torque of the program"), ("micro_hamiltonian", "torque of the program")),
    ),
    Statement(
        "Eq. (14)",
        "[m_a, m_b] = (e hbar/2i) eps_abc X_cd m_d",
        (("operators", "without a field"), ("micro_hamiltonian", "[m_a, m_b]")),
    ),
    Statement(
        "Eq. (15)",
        "torque -(e/2) eps_abc B_b X_cd n^d",
        (("operators", "torque of the program"), ("micro_hamiltonian", "torque of the program")),
    ),
    Statement(
        "Eq. (16)",
        "Hamiltonian of N layers",
        (("operator_bands", "by blocks"), ("micro_hamiltonian", "bond by bond")),
    ),
    Statement(
        "Eq. (17)",
        "J_+ and J_-, the hopping between layers",
        (("operator_bands", "-d^2 J_+"), ("operator_bands", "-i d dJ_-/dk_x")),
    ),
    Statement(
        "Eq. (18)",
        "in plane X is the sum of inverse band masses over the Fermi sea",
        (
            ("micro_routes", "Fermi sea"),
            ("micro_bilayer", "drude, 300 K"),
            ("operator_bands", "every band"),
        ),
        "printed as equal to (3); the commutator keeps the interband part",
    ),
    Statement(
        "Eq. (19)",
        "position across the layers, r_z = sum z_l c+_l c_l",
        (("operator_bands", "v_z = -i [r_z, H]"),),
    ),
    Statement(
        "Eq. (20)",
        "X_zz = -(d^2/hbar^2) <J>",
        (
            ("operator_bands", "-d^2 J_+"),
            ("micro_routes", "X_zz against"),
            ("micro_bilayer", "X_zz, 300 K"),
        ),
        "J_z stands for J_+",
    ),
    Statement(
        "Eq. (21)",
        "X_za = -(d/hbar^2) <dJ/dk_a>",
        (("operator_bands", "-i d dJ_-/dk_x"), ("micro_routes", "X_zx against")),
        "J_z stands for i J_-: J_- is anti-Hermitian, without i X_za would be imaginary",
    ),
    Statement(
        "Eq. (22)",
        "bilayer graphene by Pauli matrices",
        (
            ("pauli_bilayer", "H(k), eV"),
            ("pauli_bilayer", "bands"),
            ("pauli_bilayer", "printed tau_z"),
            ("micro_hamiltonian", "gap"),
        ),
        "tau_z below it already carries d/2, (S38) and (23) put d/2 once more; with V tau_z the "
        "layers differ by 2 V",
    ),
    Statement(
        "Eq. (23)",
        "X_zz = -(gamma_1 d^2/2 hbar^2) <s_x t_x + s_y t_y>",
        (("pauli_bilayer", "mesh of 60"), ("micro_bilayer", "X_zz, 300 K")),
    ),
)
