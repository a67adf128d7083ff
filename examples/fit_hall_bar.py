"""Make fit_hall_bar.csv: what a measurement on the Hall bar might look like, with noise from a
fixed seed.

R(B) between the upper probes and the nonlocal resistance, with the field along the current and
tilted by 45 degrees towards the normal, for alpha = alpha' = 0.1, L_m = 100 nm, tau = 2 ps, theta =
0.25.  The noise is 1% of the largest change of each curve, and the contacts add a constant that
drifts between the curves.  Run time: a few seconds.

    python examples/fit_hall_bar.py
"""

from pathlib import Path

import numpy as np

import ohmr_fem as of

ROOT = Path(__file__).parent.parent
PAIRS = {"local": (("left", "right"), ("t1", "t2")), "nonlocal": (("t1", "b1"), ("t2", "b2"))}
TRUTH = of.Material(
    sheet_conductivity="1 mS",
    diffusion_length="100 nm",
    relaxation_time="2 ps",
    orbital_hall_angle=0.1,
    inverse_mass=[24.4, 24.4, 6.1],
)


def rows(seed: int = 2024, points: int = 61) -> list[str]:
    """Lines of the table, fields in mT."""
    mesh = of.read_mesh(ROOT / "meshes" / "hall_bar.msh", unit="nm")
    problem = of.Problem(mesh, TRUTH, ["left", "right", "t1", "t2", "b1", "b2"])
    rng = np.random.default_rng(seed)
    out = ["measurement,Bx [mT],Bz [mT],R [ohm],R_err [ohm]"]
    for name, (current, voltage) in PAIRS.items():
        measure = of.spectral_measure(problem, current=current, voltage=voltage)
        for direction in ((1, 0, 0), (1, 0, 1)):
            fields = of.field_sweep(-1.5, 1.5, points, direction)
            sigma = 0.01 * np.abs(measure.hanle(fields)).max()
            R = measure.R_ohmic * (1 + 1e-3 * rng.standard_normal()) + measure.delta_R(fields)
            R += sigma * rng.standard_normal(points)
            out += [
                f"{name},{1e3 * B[0]:.3f},{1e3 * B[2]:.3f},{r:.8g},{sigma:.2g}"
                for B, r in zip(fields, R, strict=True)
            ]
    return out


if __name__ == "__main__":
    path = Path(__file__).with_suffix(".csv")
    path.write_text("\n".join(rows()) + "\n", encoding="utf-8")
    print(f"wrote {path}")
