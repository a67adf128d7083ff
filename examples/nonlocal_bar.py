"""Nonlocal resistance of a Hall bar: a moment current that carries a signal past the end of the
charge current.

Current flows across the bar from t1 to b1.  Its orbital Hall effect sends a moment current along
the bar, which the inverse effect turns back into a voltage between t2 and b2.  Where the charge
current still spreads that far, the ohmic part hides it, but only the orbital part depends on the
field: R(B) - R(0) is the whole signal, and it is solved for directly, not by subtraction.

The two measurements are the same by Onsager's relation when the pairs are exchanged and B is
reversed; the script prints the difference.  Run time: a few seconds.

    python examples/nonlocal_bar.py
"""

from pathlib import Path

import ohmr_fem as of

MESH = Path(__file__).parent.parent / "meshes" / "hall_bar.msh"


def device(order: int = 2) -> of.Problem:
    """The committed Hall bar, 400 nm wide, with L_m = 100 nm."""
    material = of.Material(
        sheet_conductivity="1 mS",
        diffusion_length="100 nm",
        relaxation_time="2 ps",
        orbital_hall_angle=0.1,
        inverse_mass=[24.4, 24.4, 0.56],
    )
    return of.Problem(
        of.read_mesh(MESH, unit="nm"),
        material,
        ["left", "right", "t1", "t2", "b1", "b2"],
        order=order,
    )


def signal(problem: of.Problem, tesla: float = 2.0) -> tuple[of.Resistance, of.Resistance]:
    """Nonlocal resistance at B along x, and with current and voltage pairs exchanged at -B."""
    there = of.resistance(problem, (tesla, 0, 0), current=("t1", "b1"), voltage=("t2", "b2"))
    back = of.resistance(problem, (-tesla, 0, 0), current=("t2", "b2"), voltage=("t1", "b1"))
    return there, back


if __name__ == "__main__":
    problem = device()
    there, back = signal(problem)
    print(
        f"R = {there.R:.6f} ohm, of which orbital {there.delta_R:.6f}; R(2 T) - R(0) = "
        f"{there.hanle:.6f} ohm"
    )
    print(f"exchanged pairs at -B: differs by {abs(there.R - back.R):.1e} ohm")
    solution = of.solve(problem, currents={"t1": 1e-6, "b1": -1e-6})
    print(f"wrote {of.save_figure(of.plot_moment_density(solution), 'results/nonlocal_bar.png')}")
