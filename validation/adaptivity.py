"""Error bars of solve_to against true errors, on devices with an exact or a much finer answer.

Effectivity is the error bar over the true error. Lengths are in units of L_m; the field along x
gives Omega tau = 2.
"""

from __future__ import annotations

import functools
import importlib.util
import math
from dataclasses import dataclass, replace

import numpy as np
import skfem

import ohmr_fem as of
from ohmr_fem import analytic
from ohmr_fem.mesh.grids import graded_lines, tensor_grid
from ohmr_fem.solver.adapt import Adapted, solve_to

from .case import Row, simple_material
from .independence import route

CASE = "adaptivity"
ROUTES = {
    "": ("estimate", "law: a finer mesh is nearer"),
}
PRECESSION = 2.0
#: Corners of the flake (in 1/500 of its width), counter-clockwise; the contact named is the edge
#: that starts there.
FLAKE = [
    (0, 0, ""),
    (300, -60, "b1"),
    (380, -70, ""),
    (700, -20, "b2"),
    (790, 0, ""),
    (1050, 120, "right"),
    (1090, 300, ""),
    (960, 520, ""),
    (720, 590, "t2"),
    (640, 600, ""),
    (380, 560, "t1"),
    (290, 530, ""),
    (60, 400, ""),
    (-40, 260, "left"),
    (-30, 120, ""),
]
HOLE = [(480, 200), (600, 180), (640, 290), (520, 330)]


@dataclass(frozen=True)
class Device:
    """A measurement on a first, coarse mesh; ``exact`` is delta_R in ohm for sigma = 1 S, alpha =
    alpha' = 0.3.
    """

    problem: of.Problem
    current: tuple[str, str]
    voltage: tuple[str, str]
    exact: float | None = None

    @property
    def field(self) -> np.ndarray:
        return np.array([PRECESSION * self.problem.material.field_scale, 0.0, 0.0])

    def solve(self, tolerance: float, **options: float) -> Adapted:
        return solve_to(
            self.problem,
            current=self.current,
            voltage=self.voltage,
            field=self.field,
            tolerance=tolerance,
            **options,
        )  # type: ignore[arg-type]


def first_mesh(geometry: of.geometry.Geometry, backend: str = "auto") -> of.DeviceMesh:
    """A coarse mesh, two cells per L_m at the edges and a twentieth of the width at corners:
    solve_to does the rest.
    """
    return of.mesh_device(
        geometry, resolve=1.0, cells_per_length=0.5, corner=0.05, growth=3.0, backend=backend
    )


def hall_bar(width: float, order: int, backend: str = "auto", turned: float = 0.0) -> Device:
    """Six contacts on arms with sharp corners; R_xx."""
    geometry = of.geometry.hall_bar(7 * width, width)
    mesh = first_mesh(geometry.rotated(turned) if turned else geometry, backend)
    problem = of.Problem(
        mesh, simple_material(), ["left", "right", "t1", "t2", "b1", "b2"], order=order
    )
    return Device(problem, ("left", "right"), ("t1", "t2"))


def flake(width: float, order: int) -> Device:
    """An irregular outline about 1000 by 600 with a hole and six contacts (triangles)."""
    scale = width / 500.0
    corners = [(scale * x, scale * y) for x, y, _ in FLAKE]
    contacts = {name: i for i, (_, _, name) in enumerate(FLAKE) if name}
    geometry = of.geometry.polygon_device(
        corners, [[(scale * x, scale * y) for x, y in HOLE]], contacts
    )
    return Device(
        of.Problem(first_mesh(geometry), simple_material(), list(contacts), order=order),
        ("left", "right"),
        ("t1", "t2"),
    )


def half_annulus(width: float, order: int, around: int = 128) -> Device:
    """Half of a ring of radii W and 2 W between equipotential cuts: the current is C/r exactly,
    theory section 5.12.
    """
    radii = graded_lines(width, 2 * width, min(1.0, width / 4), 3.0, h_max=width / 4)
    flat = skfem.MeshQuad2.from_mesh(
        tensor_grid(radii, np.linspace(0.0, np.pi, around // 2 + 1)).mesh
    )
    r, angle = flat.doflocs
    ring = of.DeviceMesh(
        replace(flat, doflocs=np.array([r * np.cos(angle), r * np.sin(angle)])), ("x", "y")
    )
    device = ring.with_boundaries(
        {
            "a": lambda p: (abs(p[1]) < 1e-9 * width) & (p[0] > 0),
            "b": lambda p: (abs(p[1]) < 1e-9 * width) & (p[0] < 0),
        }
    )
    ohmic = np.pi / np.log(2.0)
    f = float(np.real(analytic.annulus_response(1 + 1j * PRECESSION, width, 2 * width)))
    return Device(
        of.Problem(device, simple_material(), ["a", "b"], order=order),
        ("a", "b"),
        ("a", "b"),
        -0.09 * ohmic * f,
    )


def nonlocal_strip(width: float, order: int, cells: str = "quad", distance: float = 3.0) -> Device:
    """An infinite strip, Gaussian contacts of rms W/5 opposite each other, read 3 W away with the
    same profile: theory 5.11.
    """
    spread, piece = 0.2 * width, 1.4 * width
    x0 = distance * width
    reach = max(7 * width, 25.0)
    x = [
        graded_lines(-reach, -piece, width / 2, 2.0, "right"),
        np.linspace(-piece, piece, 9),
        np.linspace(x0 - piece, x0 + piece, 9),
        graded_lines(x0 + piece, x0 + reach, width / 2, 2.0, "left"),
    ]
    y = graded_lines(-width / 2, width / 2, min(1.0, width / 4), 3.0, h_max=width / 4)
    mesh = tensor_grid(np.unique(np.concatenate(x)), y, cells=cells).with_boundaries(
        {  # type: ignore[arg-type]
            f"{side}{name}": functools.partial(_on_edge, at=at, half=piece, y=sign * width / 2)
            for side, sign in (("low", -1), ("high", 1))
            for name, at in (("_near", 0.0), ("_far", x0))
        }
    )
    contacts = {
        f"{side}{name}": of.Contact(
            "profile", profile=of.gaussian_profile((at, sign * width / 2), spread)
        )
        for side, sign in (("low", -1), ("high", 1))
        for name, at in (("_near", 0.0), ("_far", x0))
    }
    exact = float(
        analytic.nonlocal_strip(
            x0,
            width,
            analytic.scalars_of_precession(PRECESSION),
            0.09,
            current_width=spread,
            probe_width=spread,
            orders="second",
        )
    )
    return Device(
        of.Problem(mesh, simple_material(), contacts, order=order),
        ("low_near", "high_near"),
        ("low_far", "high_far"),
        exact,
    )


def _on_edge(p: np.ndarray, at: float, half: float, y: float) -> np.ndarray:
    return np.asarray((abs(p[0] - at) < half) & (abs(p[1] - y) < 1e-9 * abs(y)))


#: delta_R in ohm by other means. Hall bar: tensor grids of orders 4 and 5, smallest cells 4, 2 and
#: 1 thousandths of the arms,
#: extrapolated in the power 4/3 of the corners (orders agree to 1e-9 or better, 3e-10 ohm at W =
#: 300). Flake: order 3 refined
#: until the estimate was 5e-7, twice the estimate added; good to about 3e-7.
REFERENCE = {
    ("hall_bar", 0.3): -0.1763326563,
    ("hall_bar", 3.0): -0.06621241485,
    ("hall_bar", 30.0): -0.0068490693,
    ("hall_bar", 300.0): -7.051724e-4,
    ("flake", 0.3): -0.0436678325,
    ("flake", 3.0): -0.0205427974,
    ("flake", 30.0): -0.0030808861,
}
DEVICES = {
    "hall_bar": hall_bar,
    "flake": flake,
    "half_annulus": half_annulus,
    "nonlocal_strip": nonlocal_strip,
}


def truth(name: str, width: float, device: Device) -> float:
    """delta_R in ohm, exact or from ``REFERENCE``."""
    return REFERENCE[name, width] if device.exact is None else device.exact


def effectivity(name: str, width: float, order: int, tolerance: float) -> tuple[float, float]:
    """Error bar over true error, and true error over what was allowed."""
    device = DEVICES[name](width, order)
    found = device.solve(tolerance)
    wrong = abs(float(found) - truth(name, width, device))
    return found.error / wrong, wrong / found.history[-1].allowed


@route("law: a finer mesh is nearer")
def geometric_mean(low: float, high: float) -> float:
    """Between the limits of the effectivity, half a decade from each."""
    return math.sqrt(low * high)


def run(level: str = "quick") -> list[Row]:
    """Effectivity between 0.5 and 5, that is within half a decade of sqrt(2.5); and the tolerance
    is met.
    """
    widths = (3.0,) if level == "quick" else (0.3, 3.0, 30.0)
    cases = [
        (name, width)
        for name in DEVICES
        for width in widths
        if name != "flake" or importlib.util.find_spec("gmsh")
    ]
    cases += [("hall_bar", 300.0)] if level == "full" else []
    tolerance, middle = 1e-3 if level == "quick" else 1e-4, geometric_mean(0.5, 5.0)
    rows = []
    for name, width in cases:
        for order in (2, 3):
            ratio, used = effectivity(name, width, order, tolerance)
            where = f"{name.replace('_', ' ')}, W = {width:g} L_m, P{order}"
            rows.append(
                Row(
                    CASE,
                    "error bar",
                    f"effectivity, {where}",
                    ratio,
                    middle,
                    abs(math.log10(ratio / middle)),
                    0.5,
                )
            )
            rows.append(
                Row(
                    CASE,
                    "tolerance",
                    f"relative error, {where}",
                    used * tolerance,
                    0.0,
                    used * tolerance,
                    tolerance,
                )
            )
    return rows
