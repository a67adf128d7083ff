"""Make raw_hall_bar.dat: an invented log of a lock-in and a magnet, for the tutorial "from the .dat
to alpha".

The local resistance of the Hall bar of hall_bar.toml with the field along the current and tilted by
45 degrees, for alpha = alpha' = 0.1, L_m = 100 nm, tau = 2 ps, theta = 0.25, as a laboratory would
log it: six sweeps of each direction, up and down in turn, a magnet that shows 4 mT at zero and
hangs by 6 mT, a resistance that drifts, and one row in fifty far off. Nothing here was measured.
Run time: a few seconds.

    python examples/raw_hall_bar.py
"""

from pathlib import Path

import numpy as np

import ohmr_fem as of

ROOT = Path(__file__).parent.parent
TRUTH = of.Material(
    sheet_conductivity="1 mS",
    diffusion_length="100 nm",
    relaxation_time="2 ps",
    orbital_hall_angle=0.1,
    inverse_mass=[24.4, 24.4, 6.1],
)
HEADER = """\
# INVENTED DATA: calculated by examples/raw_hall_bar.py, with noise and defects from a fixed seed
# sample: Hall bar, current left to right, voltage t1 to t2; direction: see the file name"""


def rows(direction: tuple[float, float, float], seed: int, points: int = 61) -> list[str]:
    """Lines of one file: time in s, field as the magnet shows it in mT, resistance in ohm."""
    mesh = of.read_mesh(ROOT / "meshes" / "hall_bar.msh", unit="nm")
    problem = of.Problem(mesh, TRUTH, ["left", "right", "t1", "t2", "b1", "b2"])
    measure = of.spectral_measure(problem, current=("left", "right"), voltage=("t1", "t2"))
    rng = np.random.default_rng(seed)
    up = np.linspace(-1.5, 1.5, points)
    shown = np.concatenate([up if k % 2 == 0 else up[::-1] for k in range(6)])
    way = np.repeat([1.0, -1.0] * 3, points)
    axis = np.array(direction) / np.linalg.norm(direction)
    fields = (shown - 4e-3 - 3e-3 * way)[:, None] * axis
    change = measure.delta_R(fields)
    noise = 0.005 * np.ptp(change)
    time = 3.0 * np.arange(len(shown))
    R = measure.R_ohmic + change + noise * rng.standard_normal(len(shown))
    R += 0.4 * np.ptp(change) * (time / time[-1] - 0.5)
    R += np.where(rng.random(len(shown)) < 0.02, 30.0 * noise, 0.0)
    B = 1e3 * shown[:, None] * axis + 0.0  # no -0
    lines = [HEADER, "time [s],Bx [mT],Bz [mT],R [ohm]"]
    for t, (x, _, z), r in zip(time, B, R, strict=True):
        lines.append(f"{t:.1f},{x:.3f},{z:.3f},{r:.5f}")
    return lines


if __name__ == "__main__":
    for name, direction, seed in (("x", (1, 0, 0), 11), ("tilted", (1, 0, 1), 12)):
        path = Path(__file__).with_name(f"raw_hall_bar_{name}.dat")
        path.write_text("\n".join(rows(direction, seed)) + "\n", encoding="utf-8")
        print(f"wrote {path}")
