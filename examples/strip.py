"""Hanle curves of an infinite strip, held against the closed form.

A current along x in a strip of width L drives a moment current across it, n^z piles up at the edges
over the diffusion length L_m, and the inverse effect lowers the resistance: rho(B) = -alpha alpha'
Re[tanh(z)/z], z = sqrt(s) L/(2 L_m), s = 1 + i sqrt(theta) Omega tau (Sun and Vignale, Eq. (7)).  A
field along x makes the moment precess out of z and so restores the resistance; rho* of Eq. (8) is
the part restored, between 0 and 1.  theta = X_zz/X_yy is the anisotropy of the inverse mass: the
smaller it is, the larger the field that is needed.

Figure: rho* against Omega tau for three anisotropies, L = 3 L_m (compare their Fig. 2).  Run time:
one second.

    python examples/strip.py
"""

import numpy as np

import ohmr_fem as of

ANISOTROPIES = (0.01, 0.1, 1.0)


def curves(points: int = 121) -> list[of.HanleCurve]:
    """One curve of ``points`` fields for every anisotropy."""
    mesh = of.cross_section(width="6 nm")
    out = []
    for theta in ANISOTROPIES:
        material = of.Material(
            sheet_conductivity="1 mS",
            diffusion_length="2 nm",
            relaxation_time="2 ps",
            orbital_hall_angle=0.016,
            inverse_mass=[24.4, 24.4, 24.4 * theta],
        )
        fields = of.field_sweep(0, 20 * material.field_scale, points)  # to Omega tau = 20
        out.append(of.hanle_curve(of.Problem(mesh, material), fields))
    return out


def largest_error(found: list[of.HanleCurve]) -> float:
    """Largest deviation of rho from Eq. (7), relative to rho at zero field."""
    worst = 0.0
    for theta, curve in zip(ANISOTROPIES, found, strict=True):
        omega_tau = np.linspace(0, 20, len(curve.fields))
        z = 1.5 * np.sqrt(1 + 1j * np.sqrt(theta) * omega_tau)
        exact = -(0.016**2) * (np.tanh(z) / z).real
        worst = max(worst, float(np.abs(curve.rho - exact).max() / abs(exact[0])))
    return worst


if __name__ == "__main__":
    found = curves()
    axes = of.plot_hanle(found, "rho_star", labels=[f"θ = {theta:g}" for theta in ANISOTROPIES])
    print(
        f"wrote {of.save_figure(axes, 'results/strip.png')}; largest deviation from Eq. (7): "
        f"{largest_error(found):.1e}"
    )
