"""Effective inverse mass of bilayer graphene against chemical potential (compare Fig. 3 of Sun and
Vignale).

X decides how a moment turns in a magnetic field.  In plane it is the Drude form, Eq. (18), out of
plane the interlayer sum of Eq. (20); both here per cell and spin, in 1/m_e, at 300 K, gamma0 = 3.16
eV, gamma1 = 0.38 eV, without bias and with V = gamma1 (layers at -V and +V, gap 2 V
gamma1/sqrt(gamma1^2 + 4 V^2) = 0.34 eV).

The anisotropy theta = X_zz/X_xx depends on what is counted, by two orders of magnitude: the Drude
form counts carriers, Eq. (20) the whole Fermi sea.  Panel (b) shows three readings; theta of order
1e-2, the value used in the paper, comes from the commutator in both blocks (0.023) or from counting
X_zz from neutrality (0.003 to 0.011; with bias negative, -0.009 to
-0.015).

Run time: ten seconds.

    python examples/bilayer_graphene_figure3.py
"""

import numpy as np

import ohmr_fem as of
from ohmr_fem.micro import bilayer_graphene, inverse_mass

GAMMA1 = 0.38  # eV
READINGS = {
    "drude, all": ("drude", "all"),
    "commutator, all": ("commutator", "all"),
    "drude, excess": ("drude", "excess"),
}


def curves(points: int = 241, mesh: int | str = "auto") -> dict[str, np.ndarray]:
    """mu (n,) in eV, and per bias V: the tensors X (n, 3, 3) of every reading, with keys such as
    "0.38: drude, all".
    """
    mu = np.linspace(-0.6, 0.6, points)
    out = {"mu": mu}
    for bias in (0.0, GAMMA1):
        model = bilayer_graphene(displacement=bias)
        for name, (definition, counting) in READINGS.items():
            out[f"{bias:g}: {name}"] = inverse_mass(
                model, mu, 300, definition, counting, mesh=mesh
            ).X
    return out


def ranges(found: dict[str, np.ndarray]) -> dict[str, tuple[float, float]]:
    """Least and largest theta for 0.1 <= mu <= 0.6 eV."""
    window = (found["mu"] >= 0.1 - 1e-9) & (found["mu"] <= 0.6 + 1e-9)
    theta = {name: (x[:, 2, 2] / x[:, 0, 0])[window] for name, x in found.items() if name != "mu"}
    return {name: (float(t.min()), float(t.max())) for name, t in theta.items()}


def draw(found: dict[str, np.ndarray]) -> object:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    mu = found["mu"]
    for bias, dash, label in ((GAMMA1, "-", "V = γ₁"), (0.0, "--", "V = 0")):
        x, excess = found[f"{bias:g}: drude, all"], found[f"{bias:g}: drude, excess"]
        left.plot(mu, x[:, 0, 0], dash, color="C0", label=f"$X_{{xx}}$ (Drude), {label}")
        left.plot(mu, x[:, 2, 2], dash, color="C1", label=f"$X_{{zz}}$, all electrons, {label}")
        left.plot(
            mu,
            10 * excess[:, 2, 2],
            dash,
            color="C2",
            label=f"10 $X_{{zz}}$ from neutrality, {label}",
        )
        for name, colour in zip(READINGS, ("C1", "C3", "C2"), strict=True):
            theta = found[f"{bias:g}: {name}"][:, 2, 2] / found[f"{bias:g}: {name}"][:, 0, 0]
            sign = "|θ|, θ < 0" if theta[-1] < 0 else "θ"
            right.semilogy(mu, np.abs(theta), dash, color=colour, label=f"{sign}: {name}, {label}")
    left.set(
        xlabel="μ (eV)",
        ylabel="X per cell and spin (1/$m_e$)",
        title="(a) 300 K",
        ylim=(-0.02, 0.16),
    )
    right.axhline(1e-2, color="0.7", lw=0.8, zorder=0)
    right.set(
        xlabel="μ (eV)",
        ylabel="|$X_{zz}/X_{xx}$|",
        title="(b) three readings of θ",
        ylim=(1e-4, 1e5),
    )
    left.legend(fontsize=7, ncols=2, loc="upper center")
    right.legend(fontsize=7, ncols=2, loc="upper center")
    return figure


if __name__ == "__main__":
    found = curves()
    for name, (low, high) in ranges(found).items():
        print(f"V = {name}: theta from {low:.4g} to {high:.4g} for 0.1 <= mu <= 0.6 eV")
    print(f"wrote {of.save_figure(draw(found), 'results/bilayer_graphene_figure3.png')}")
