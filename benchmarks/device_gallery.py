"""Pictures of devices to be looked at: outline, mesh, moment density and current of seven devices.

    python -m benchmarks.device_gallery FOLDER        (needs gmsh or netgen-mesher, shapely; about a
    minute)

What to look for: names beside their contacts; cells small at insulating edges and corners, curved
at arcs; n^z of opposite sign on the two sides of the current (positive on its left: the upper edge
for a current to the right), gone within a few diffusion lengths; current along the edges, out of
and into the contacts, around holes.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path

import ohmr_fem as of
from ohmr_fem import geometry as g

HALF = math.tan(math.pi / 8)
ROOT = Path(__file__).parent.parent


def disc(x: float, y: float, r: float) -> g.Geometry:
    return g.polygon_device(
        [(x + r, y, HALF), (x, y + r, HALF), (x - r, y, HALF), (x, y - r, HALF)]
    )


def material(length: str, **options: object) -> of.Material:
    return of.Material(
        **{
            "sheet_conductivity": "1 mS",
            "diffusion_length": length,
            "relaxation_time": "2 ps",  # type: ignore
            "orbital_hall_angle": 0.1,
            "inverse_mass": [24.4, 24.4, 0.56],
            **options,
        }
    )


def antidots() -> g.Geometry:
    """A bar with three round holes and rounded ends."""
    bar = g.polygon_device(
        [(-2e-6, -0.5e-6), (2e-6, -0.5e-6), (2e-6, 0.5e-6), (-2e-6, 0.5e-6)],
        contacts={"left": 3, "right": 1},
    )
    return g.difference(bar, *[disc(x, 0.0, 0.2e-6) for x in (-1e-6, 0.0, 1e-6)])


def bent() -> g.Geometry:
    """A strip that turns by a right angle on arcs, with a lead of another material."""
    r, w, lead = 1e-6, 0.4e-6, 1e-6
    outline = [
        (0, r),
        (-lead, r),
        (-lead, r + w),
        (0, r + w, -HALF),
        (r + w, 0),
        (r + w, -lead),
        (r, -lead),
        (r, 0, HALF),
    ]
    turned = [(x, y, -b[0]) if b else (x, y) for x, y, *b in outline]
    region = {"lead": [(-2e-6, 0.0), (-0.4e-6, 0.0), (-0.4e-6, 2e-6), (-2e-6, 2e-6)], "strip": None}
    return g.polygon_device(turned, contacts={"in": 1, "out": 5}, regions=region)


#: name -> device, diffusion length, contacts of the current, materials by region or None
DEVICES: dict[str, tuple[Callable[[], g.Geometry], str, tuple[str, str], object]] = {
    "hall_bar": (lambda: g.hall_bar("2.8 um", "400 nm"), "60 nm", ("left", "right"), None),
    "cross": (lambda: g.cross("2 um", "400 nm").rotated(0.3), "60 nm", ("left", "right"), None),
    "van_der_pauw_disc": (
        lambda: g.van_der_pauw("1 um", "150 nm", "disc"),
        "60 nm",
        ("a", "b"),
        None,
    ),
    "corbino": (lambda: g.corbino("300 nm", "1 um"), "100 nm", ("outer", "inner"), None),
    "nonlocal": (
        lambda: g.nonlocal_bar("400 nm", "800 nm", "100 nm", length="3 um"),
        "100 nm",
        ("source", "drain"),
        None,
    ),
    "flake": (
        lambda: g.from_csv(
            ROOT / "examples/traced_flake.csv", scale_bar=("2 um", 250), y_down=True
        ),
        "150 nm",
        ("left", "right"),
        None,
    ),
    "antidots": (antidots, "60 nm", ("left", "right"), None),
    "bent": (
        bent,
        "60 nm",
        ("in", "out"),
        {
            "lead": material("60 nm", sheet_conductivity="3 mS", orbital_hall_angle=-0.1),
            "strip": material("60 nm"),
        },
    ),
}


def draw(name: str, folder: Path) -> str:
    """Four pictures of one device; a line that says what they show."""
    make, length, (into, out), materials = DEVICES[name]
    device = make()
    mesh = of.mesh_device(device, length)
    problem = of.Problem(mesh, materials or material(length), list(device.contacts))
    solution = of.solve(problem, (0.0, 0.0, 0.0), currents={into: 1e-6, out: -1e-6})
    for what, axes in (
        ("device", of.plot_device(device)),
        ("mesh", of.plot_mesh(mesh)),
        ("moment", of.plot_moment_density(solution)),
    ):
        of.save_figure(axes, folder / f"{name}_{what}.png")
    largest = abs(solution.moment_density[2]).max()
    return f"{name}: {mesh.n_cells} cells, |n^z| up to {largest:.3g} C/m^2"


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    for key in DEVICES:
        print(draw(key, target), flush=True)
