"""Figures 1 to 3 panel by panel, and the quantitative sentences of the text."""

from __future__ import annotations

from .statements import Statement

OPEN_2A = "prints neither the unit of B nor the width nor theta: those are our choice"
FIGURES = (
    Statement(
        "Figure 1",
        "moment in the plane from motion between the layers",
        reason="a drawing without numbers; its content is X_zz from the hopping between layers, "
        "Eqs. (20), (23)",
    ),
    Statement("Figure 2(a)", "n^z(y) at five fields", (("figure2", "Fig. 2(a)"),), OPEN_2A),
    Statement(
        "Figure 2(b)",
        "n^z(theta, y) - n^z(0, y) at Omega tau = 2 for four theta",
        (("figure2", "Fig. 2(b)"),),
        "prints no width: ours is 10 L_m",
    ),
    Statement(
        "Figure 2(c)",
        "rho* against Omega tau for five widths",
        (("figure2", "Fig. 2(c)"), ("strip_ode", "rises with L")),
        "prints no theta: ours is 1",
    ),
    Statement(
        "Figure 2(d)",
        "rho* against Omega tau for three theta",
        (("figure2", "Fig. 2(d)"), ("strip_ode", "rises with theta")),
        "prints no width: ours is 3 L_m",
    ),
    Statement(
        "Figure 3(a)",
        "X_xx and X_zz against mu, 300 K, V = gamma_1, and the bands",
        (
            ("micro_figure3", "X_xx, Drude"),
            ("micro_figure3", "X_zz, whole sea"),
            ("micro_figure3", "X_zz from neutrality"),
            ("micro_hamiltonian", "bands"),
        ),
        '"[m_e]^-1" of a sum or a mean is not said, nor which carriers X_zz counts; the scale of '
        "10^3 fits those counted from neutrality",
    ),
    Statement(
        "Figure 3(b)",
        "theta against V",
        (
            ("micro_bilayer", "theta, excess over Drude, largest, V = 0 eV"),
            ("micro_bilayer", "theta, "),
            ("micro_figure3", "against V"),
        ),
        "prints no chemical potential: ours is 0.4 eV; theta of 1e-2 is not Drude over whole sea",
    ),
)
SENTENCES = (
    Statement(
        'abstract: "slight decrease in resistance"',
        "Delta R < 0, of order alpha^2",
        (("four_terminal", "delta_R/R, l = 3, Omega tau = 0"),),
    ),
    Statement(
        'abstract: "modulated by an in-plane magnetic field"',
        "0 <= rho(B) - rho(0) <= alpha^2 F(1), rho* from 0 to 1",
        (("spectral_device", "overstepped"), ("strip", "rho* at Omega tau = 1e5")),
    ),
    Statement(
        'p. 1: "nearly impossible in monolayer"',
        "one layer has X_zz = X_za = 0, and the field does nothing",
        (("pauli_bilayer", "monolayer"), ("strip", "rho* at theta = 0")),
    ),
    Statement(
        'p. 1: "precession ... proportional to interlayer hopping"',
        "omega ~ sqrt(X_yy X_zz), X_zz ~ gamma_1^1.985 at 300 K and 0.4 eV",
        (("pauli_bilayer", "growth"), ("strip_ode", "roots")),
    ),
    Statement(
        'p. 1: "closely resembling the Drude weight"; D_ab = 2 pi e^2 X_ab',
        "the intraband part of <[r, v]> is the Drude weight (f-sum rule)",
        (("micro_routes", "interband"), ("micro_wannierberri", "Drude X_xx")),
        "the factor 2 pi is a convention (two spins, sigma = D delta(omega))",
    ),
    Statement(
        'p. 2: "a component parallel to the edge"',
        "J_x(y) along both edges; nothing for a radial current",
        (("strip", "J_x(y)"), ("invariants", "alpha^2 R_ohmic")),
    ),
    Statement(
        'p. 2: "symmetric under the interchange of indices"',
        "X_cd = X_dc",
        (("operator_bands", "Jacobi"), ("micro_routes", "X_zx against")),
    ),
    Statement(
        'p. 2: "sufficiently high symmetry (for example, C_3 rotational symmetry)"',
        "off-diagonal components vanish",
        (("micro_routes", "forbidden component"), ("pauli_bilayer", "symmetrised")),
    ),
    Statement(
        'p. 2: "satisfies the boundary conditions"',
        "no moment current through y = +-L/2",
        (("strip_ode", "profile n^z"), ("strip_ode", "profile n^y")),
    ),
    Statement(
        'below (4): "theta = 1 ... equivalent to the spin case"',
        "isotropic X turns like a spin",
        (("figure2", "Fig. 2(d)"), ("valves", "graphene valve")),
        "with the printed Omega, which is g = 2",
    ),
    Statement(
        'below (4): "theta = 0 ... locked to the z axis"',
        "the field does nothing",
        (("strip", "rho* at theta = 0"), ("pauli_bilayer", "monolayer")),
    ),
    Statement(
        "below (4): Omega = e B X_yy, phi = Omega tau",
        "precession at 9 T",
        (("manganese", "Omega tau of Mn"),),
        "Eq. (2) gives half of it",
    ),
    Statement(
        "below (4): alpha = 0.016, tau = 2 ps, L_m = 2 nm",
        "inputs from Mn: rho(B) - rho(0) of a film",
        (("manganese", "rho(9 T) - rho(0), Mn with m*"), ("manganese", "thickness curve")),
        "with m* = 27.7 m_e the size is 1.0e-7, with the free mass 4.1e-5",
    ),
    Statement(
        "below (5): I_0 without the moments",
        "R_0 = L/(sigma W)",
        (("invariants", "square of 1 S"), ("nonlocal_strip", "R_ohmic")),
    ),
    Statement(
        "below (7): rho(inf) = 0, R(inf) = R_0",
        "rho* at Omega tau = 1e5",
        (("strip", "rho(B) as Omega tau grows"), ("strip", "rho* at Omega tau = 1e5")),
    ),
    Statement(
        'below (8): "changes rapidly" in wide, "less pronounced" in narrow strips',
        "rho* at Omega tau = 2 rises with L/L_m",
        (("strip_ode", "rises with L"), ("figure2", "Fig. 2(c)")),
    ),
    Statement(
        'below (8): "as theta decreases, the sensitivity of the MR also decreases"',
        "rho* at Omega tau = 2 rises with theta",
        (("strip_ode", "rises with theta"), ("figure2", "Fig. 2(d)")),
    ),
    Statement(
        'below (12): "torque in the equilibrium state is zero"',
        "a commutator with H_0 has no diagonal",
        (("operators", "equilibrium"),),
    ),
    Statement(
        'below (14): "contributes only at higher order in B"',
        "what is neglected grows as B in the commutator, B^2 in the torque",
        (("operators", "in the commutator"), ("operators", "in the torque")),
    ),
    Statement(
        'below (21): "controlled by the interlayer coupling"',
        "X_zz, X_za from J_+, J_-",
        (("operator_bands", "-d^2 J_+"), ("pauli_bilayer", "monolayer")),
    ),
    Statement(
        'below (23): "proportional to the interlayer hopping gamma_1"',
        "the power of gamma_1 in X_zz",
        (("pauli_bilayer", "growth"),),
        "only the prefactor is: the mean grows too, X_zz ~ gamma_1^1.985 at 300 K and 0.4 eV "
        "(1.973 at 0.1 eV, 2.000 at 0.6 eV)",
    ),
    Statement(
        'below (23): "X_xx and X_yy are identical and vanish ... in the insulating gap"',
        "C_3, and no Fermi surface",
        (("micro_bilayer", "in the gap"), ("micro_bilayer", "off-diagonals")),
        "true of the Drude form; the commutator of (3) stays finite",
    ),
    Statement(
        'below (23): "X_zz is significantly smaller"',
        "X_zz/X_xx in each reading",
        (
            ("micro_bilayer", "theta, excess over Drude, largest, V = 0 eV"),
            ("micro_bilayer", "theta, "),
            ("micro_figure3", "against V"),
        ),
        "0.47 as printed, 0.0229 with the commutator, 0.003 to 0.011 from neutrality",
    ),
    Statement(
        'discussion: "diffusion" where L << L_m, "relaxation" where L >> L_m',
        "rho(B) - rho(0) ~ L^4, ~ 1/L",
        (("strip_ode", "power of L"),),
    ),
    Statement(
        'discussion: "a maximum in HMR as a function of film thickness"',
        "t = 4.5606 L_m in a weak field",
        (("sections", "t/L_m"), ("manganese", "thickness curve")),
    ),
    Statement(
        'discussion: "aligns well with the experimental results"',
        "size of the effect in Mn at 9 T",
        (
            ("manganese", "rho(9 T) - rho(0), Mn with m*"),
            ("manganese", "rho(9 T) - rho(0), Mn with the free-electron mass, best"),
        ),
        "the shape does; the size needs the free mass, not 27.7 m_e",
    ),
    Statement(
        'discussion: "an order of magnitude higher"',
        "bilayer graphene over Mn, each at its best thickness, 9 T",
        (("manganese", "each at its best thickness"), ("manganese", "in a weak field")),
        "871 with 27.7 m_e, 2.2 with the free mass, 4564 in a weak field",
    ),
    Statement(
        'discussion: "m* = 0.041 m_e"',
        "mass per electron and hole at 300 K: 0.041909; band edge",
        (("micro_bilayer", "per electron and hole"), ("micro_bilayer", "band-edge")),
    ),
    Statement(
        'discussion: "675 times"',
        "27.7/0.041",
        (
            ("manganese", "Omega of bilayer graphene over Mn"),
            ("micro_bilayer", "27.7 over the mass of the bands"),
        ),
        "a division of two quoted masses, and nothing is tested beyond it; with the mass of the "
        "bands at 300 K it is 661",
    ),
    Statement(
        'discussion: "only 67.5 times"',
        "with theta = 1e-2",
        (("manganese", "Omega sqrt(theta) of bilayer"),),
        "the same division times sqrt(theta); theta itself is not 1e-2 in every reading",
    ),
    Statement(
        'outlook: "a vertical displacement field (V) can be used to tune"',
        "X and theta against V",
        (("micro_figure3", "against V"), ("micro_figure3", "V = 0.38 eV")),
        "meaningless inside the gap, where X_xx = 0",
    ),
    Statement(
        'supplement, below (S2): "relevant only for metallic states"',
        "the source of the moment is alpha sigma E",
        (("coefficients", "does not conduct"), ("coefficients", "power of sigma")),
        "a region without sigma neither makes nor reads moment if the accumulation is continuous; "
        "with n continuous moment diffuses into it, by D alone, and is read there",
    ),
    Statement(
        'supplement, below (S55): "the gap is located at ... K and K\' points"',
        "2 V at K, 2 V gamma_1/sqrt(gamma_1^2 + 4 V^2) at its least",
        (("micro_hamiltonian", "gap at V"),),
        "the least gap lies on a ring around K: 0.340 eV at V = gamma_1, and 0.76 eV at K itself",
    ),
    Statement(
        'reference [51]: "could be disregarded in the spin case"',
        "torque of the anisotropy is of higher order in spin-orbit coupling",
        reason="nothing here computes spin-orbit coupling; spins enter with X = 1/m_e alone",
    ),
)
