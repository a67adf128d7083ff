"""Films: every number of section 9 of the theory, the forms of Velez et al., and Onsager's relation
where it holds and where it fails.

Units: L_m = tau = 1, alpha = alpha' = 1, B by beta = (g e tau/2 m_e) B.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

import ohmr_fem as of
from ohmr_fem import analytic
from ohmr_fem.solver.resolution import physics_notes
from ohmr_fem.sweep.film import film_measures
from ohmr_fem.units import ELECTRON_MASS, ELEMENTARY_CHARGE

from .case import Row, relative, simple_material
from .film_3d import BETA, X, contacts, lines
from .independence import CLOSED, route

CASE = "films"
ROUTES = {
    "printed digits": ("finite elements", "digits of theory 9"),
    "Pt": ("finite elements", "digits of theory 9"),
    "Hall bar": ("poles", "digits of theory 9"),
    "reciprocity": ("poles", "law: reciprocity and its conditions"),
    "": ("matrix function", "closed form"),
}
TESLA = 2.0 * ELECTRON_MASS / ELEMENTARY_CHARGE
FLAT = np.diag([1.0, 1.0, 0.25])
#: (X, faces, delta sigma/(sigma alpha alpha')) at t = 1 and beta = (1, -.7, .6), as printed.
TENSORS = (
    ("X full", X, {}, [[0.9109344027, 0.0365782363], [-0.0286981406, 0.9322729403]]),
    ("X = 1", 1.0, {}, [[0.9158770422, 0.0450110324], [-0.0364079580, 0.9190110193]]),
    ("X flat", FLAT, {}, [[0.9204506616, 0.0421710656], [-0.0400001171, 0.9212415071]]),
    (
        "G = 3 and 0.2",
        X,
        {"bottom": 3.0, "top": 0.2},
        [[0.6850305738, 0.0507428894], [-0.0304990225, 0.7131631901]],
    ),
)
#: theta_SH, L and t in m, g_r in 1/(ohm m^2), and the printed ratio; sigma = 2.5e6 S/m.
PLATINUM = (
    (0.11, 1.5e-9, 8e-9, 4e14, 7.2172628869e-4),
    (0.08, 1.1e-9, 3e-9, 7e14, 6.8612250259e-4),
)
#: Current pair, voltage pair: delta_R sigma_s/(alpha alpha'), and that of the edges, as printed.
HALL_BAR = (
    (("left", "right"), ("t1", "t2"), -1.45348, -0.60372),
    (("left", "right"), ("t1", "b1"), -0.03351, 0.0),
    (("t1", "b1"), ("t2", "b2"), 0.05163, 0.14113),
)
PAIRS = (HALL_BAR[0][:2], HALL_BAR[1][:2], HALL_BAR[2][:2])
TILTED = np.array([[1.0, 0.0, 0.3], [0.0, 0.5, 0.0], [0.3, 0.0, 0.8]])
SYMMETRIC = np.array([[1.0, 0.2, 0.1], [0.2, 0.5, 0.0], [0.1, 0.0, 1.5]])
MAGNET = of.magnetic_face(mixing_conductance=(0.4, 0.2), magnetisation=(1.0, 2.0, -0.5))
UNEQUAL = {"bottom": 2.0, "top": 0.3}
COMMUTING = {"bottom": 0.7 * X, "top": 0.2 * np.eye(3)}
#: (name, X, faces, detection): Onsager's relation holds, section 9.
HOLDS: tuple[tuple[str, Any, dict[str, Any], str], ...] = (
    ("printed, X_xx = X_yy, reflecting", FLAT, {}, "printed"),
    ("printed, X_xx = X_yy, equal G", FLAT, {"bottom": 0.5, "top": 0.5}, "printed"),
    ("X = 1, unequal", 1.0, UNEQUAL, "printed"),
    ("X = 1, symmetric 3 x 3 above", 1.0, {"bottom": 0.3, "top": SYMMETRIC}, "printed"),
    ("X = 1, magnet", 1.0, {"bottom": MAGNET}, "printed"),
    ("X = 1, magnet and another", 1.0, {"bottom": MAGNET, "top": 0.5}, "printed"),
    ("reciprocal, X full, reflecting", X, {}, "reciprocal"),
    ("reciprocal, X full, unequal numbers", X, UNEQUAL, "reciprocal"),
    ("reciprocal, X full, G that commute", X, COMMUTING, "reciprocal"),
)
#: Where it fails, and a warning says so.
FAILS: tuple[tuple[str, Any, dict[str, Any], str], ...] = (
    ("printed, X full", X, {}, "printed"),
    ("printed, X_xx = X_yy, unequal", FLAT, UNEQUAL, "printed"),
    ("printed, equal full 3 x 3", FLAT, {"bottom": TILTED, "top": TILTED}, "printed"),
    ("reciprocal, equal full 3 x 3", FLAT, {"bottom": TILTED, "top": TILTED}, "reciprocal"),
    ("printed, magnet, anisotropic X", FLAT, {"bottom": MAGNET}, "printed"),
    ("reciprocal, magnet, anisotropic X", FLAT, {"bottom": MAGNET}, "reciprocal"),
)


def material(tensor: Any = X, **changes: object) -> of.Material:
    given: dict[str, object] = {"inverse_mass": tensor, "orbital_hall_angle": 1.0}
    return simple_material(**(given | changes))


def bulk(tensor: Any = X) -> of.Material:
    return material(tensor, sheet_conductivity=None, resistivity=1.0)


def row(equation: str, what: str, value: float, expected: float, error: float, most: float) -> Row:
    return Row(CASE, equation, what, value, expected, error, most)


# -- the tensor


def tensors() -> Iterator[Row]:
    for name, tensor, faces, printed in TENSORS:
        film = of.Film(1.0, **faces)
        layers = of.Stack([(bulk(tensor), 0.3), (bulk(tensor), 0.7)], **faces)
        by_film = of.film_conductivity(material(tensor), film, BETA * TESLA)[0]
        by_stack = of.film_conductivity(None, layers, BETA * TESLA)[0]
        for way, found in (("film", by_film), ("stack of two equal layers", by_stack)):
            error = float(np.abs(found - printed).max())
            what = f"tensor, {name}, {way}, to the printed digits"
            yield row("section 9", what, found[0, 0], printed[0][0], error, 1e-9)


def limits() -> Iterator[Row]:
    """Against functions of the 3 x 3 matrix itself."""
    singular, growing = np.diag([1.0, 1.0, 0.0]), np.diag([1.0, 1.0, -0.5])
    cases = (
        ("t = 0.01 L_m", 0.01, BETA, X),
        ("t = 40 L_m", 40.0, BETA, X),
        ("singular X", 1.0, np.array([0.9, 0.0, 0.0]), singular),
        ("omega^2 < 0", 1.0, np.array([0.8, 0.0, 0.0]), growing),
        ("B = 0", 1.0, np.zeros(3), X),
    )
    for name, thickness, beta, tensor in cases:
        for faces in ({}, {"bottom": SYMMETRIC, "top": 0.4}):
            found = of.film_conductivity(
                material(tensor), of.Film(thickness, **faces), beta * TESLA
            )[0]
            given = {side: np.asarray(G) for side, G in faces.items()}
            expected = analytic.film_tensor(thickness, beta, tensor, **given)
            error = float(np.abs(found - expected).max() / np.abs(expected).max())
            what = f"tensor, {name}, {'absorbing' if faces else 'reflecting'} faces"
            yield row("section 9", what, found[0, 0], expected[0, 0], error, 1e-9)


@route(CLOSED)
def form_of_velez(name: str, b: np.ndarray) -> tuple[np.ndarray, float]:
    """xx or xy in all directions, and the range of it; t = 0.8, omega tau = 1.7."""
    x, y, z = b.T
    still, turning = (complex(analytic.strip_response(s, 0.8)) for s in (1.0, 1.0 + 1.7j))
    lost, odd = still.real - turning.real, turning.imag
    along, across = still.real - (1.0 - y**2) * lost, -x * y * lost - z * odd
    form = along if name == "long" else across
    return form, float(np.ptp(form))


def velez() -> Iterator[Row]:
    """PRL 116, 016603: a constant, b_y^2 and b_z^2 in xx; b_x b_y and b_z in xy; nothing else."""
    for plane in ("xy", "yz", "xz"):
        b = of.field_rotation(1.0, 24, plane)
        found = of.film_conductivity(material(1.0), of.Film(0.8), 1.7 * TESLA * b)
        for name, ours in (("long", found[:, 0, 0]), ("trans", found[:, 0, 1])):
            form, size = form_of_velez(name, b)
            error = float(np.abs(ours - form).max())
            yield row(
                "section 9", f"Velez, {plane}, {name}", float(np.ptp(ours)), size, error, 1e-12
            )


def spin_hall() -> Iterator[Row]:
    for angle, length, thickness, mixing, printed in PLATINUM:
        metal = material(
            1.0,
            sheet_conductivity=None,
            resistivity=1 / 2.5e6,
            orbital_hall_angle=angle,
            diffusion_length=length,
        )
        for way in ("film", "stack"):
            along, across = (
                _longitudinal(metal, thickness, mixing, m, way) for m in ((1, 0, 0), (0, 1, 0))
            )
            found = across - along
            what = f"magnetoresistance of Pt, {thickness * 1e9:g} nm, by a {way}"
            yield row("section 9", what, found, printed, relative(found, printed), 1e-9)


def _longitudinal(metal: Any, thickness: float, mixing: float, m: Any, way: str) -> float:
    face = of.magnetic_face(mixing_conductance=mixing, magnetisation=m)
    if way == "film":
        return float(
            of.film_conductivity(metal, of.Film(thickness, top=face), np.zeros(3))[0, 0, 0]
        )
    layers = of.Stack([(metal, thickness / 4), (metal, 3 * thickness / 4)], bottom=face)
    return float(of.film_conductivity(None, layers, np.zeros(3))[0, 0, 0])


# -- devices


@route(CLOSED)
def faces_and_edges(squares: float, thickness: float, width: float) -> tuple[float, float]:
    """delta_R of a bar by the tensor of the film, and by the strip."""
    scalars = analytic.three_scalars(BETA, X)
    strip = analytic.three_scalar_response(lambda s: analytic.strip_response(s, width), scalars)
    film = analytic.film_tensor(thickness, BETA, X)[0, 0]
    return -squares * float(film), -squares * float(strip)


def plain_bar() -> Iterator[Row]:
    """A uniform current: the faces are the tensor, the edges tanh(z)/z of the width."""
    width, length, thickness = 1.5, 3.0, 0.7
    grid = of.tensor_grid(np.linspace(0, length, 4), of.graded_lines(0, width, 0.05))
    ends = {"left": lambda p: p[0] < 1e-9, "right": lambda p: p[0] > length - 1e-9}
    mesh = grid.with_boundaries(ends)
    problem = of.Problem(mesh, material(), list(ends), order=4, film=of.Film(thickness))
    pair = ("left", "right"), ("left", "right")
    parts = film_measures(problem, [pair], fields=BETA[None] * TESLA)[0].parts(BETA * TESLA)
    squares = length / width
    faces, edges = faces_and_edges(squares, thickness, width)
    found = float(parts.faces[0])
    yield row("section 9", "bar, faces", found, faces, relative(found, faces), 1e-12)
    found = float(parts.edges[0])
    yield row("section 9", "bar, edges", found, edges, relative(found, edges), 1e-7)


def hall_bar(level: str) -> Iterator[Row]:
    """The three numbers, with default settings and on a finer mesh of a higher order."""
    geometry = of.geometry.hall_bar(7, 2, arm_width=0.6, arm_length=0.9, arm_positions=(-1, 1))
    settings: list[tuple[str, bool, int | None, float]] = [("default settings", False, None, 1e-4)]
    if level == "full":
        settings.append(("order 3, finer corners", True, 3, 1e-5))
    for name, finer, order, most in settings:
        mesh = of.mesh_device(geometry, 1.0, **({"corner": 1e-3} if finer else {}))
        problem = of.Problem(mesh, material(), list(contacts()), order=order, film=of.Film(1.0))
        found = film_measures(problem, PAIRS, fields=BETA[None] * TESLA)
        largest = abs(HALL_BAR[0][2])
        for measure, (_, voltage, whole, edges) in zip(found, HALL_BAR, strict=True):
            value = float(measure.delta_R(BETA * TESLA))
            part = float(measure.parts(BETA * TESLA).edges[0])
            for what, ours, printed in (("delta_R", value, whole), ("edges", part, edges)):
                error = abs(ours - printed) / largest
                text = f"Hall bar {voltage}, {what}, {name}"
                yield row("section 9", text, ours, printed, error, most)


def device(tensor: Any, faces: dict[str, Any], detection: str, order: int = 1) -> of.Problem:
    """The law holds at every order: first-order elements show it broken as well."""
    mesh = of.tensor_grid(*lines()).with_boundaries(contacts())
    film = of.Film(1.0, **faces)
    options: dict[str, Any] = {"order": order, "detection": detection}
    return of.Problem(mesh, material(tensor), list(contacts()), film=film, **options)


def breakage(tensor: Any, faces: dict[str, Any], detection: str, order: int) -> float:
    """Largest |R_ij,kl(B) - R_kl,ij(-B)| over |delta_R|, magnets reversed."""
    turned = {side: face.reversed() if face is MAGNET else face for side, face in faces.items()}
    reversed_pairs = [pair[::-1] for pair in PAIRS]
    options = {"fields": BETA[None] * TESLA}
    forth = film_measures(device(tensor, faces, detection, order), PAIRS, **options)
    back = film_measures(device(tensor, turned, detection, order), reversed_pairs, **options)
    worst = 0.0
    for one, other in zip(forth, back, strict=True):
        here = float(one.delta_R(BETA * TESLA))
        there = float(other.delta_R(-BETA * TESLA))
        worst = max(worst, abs(here - there) / abs(here))
    return worst


def warned(tensor: Any, faces: dict[str, Any], detection: str) -> bool:
    notes = physics_notes(device(tensor, faces, detection), BETA[None] * TESLA)
    return any("Onsager" in str(note) for note in notes)


def onsager(level: str) -> Iterator[Row]:
    order = 2 if level == "full" else 1
    for name, *given in HOLDS:
        worst = breakage(*given, order)
        silent = not warned(*given)
        error = worst if silent else 1.0
        yield row("section 9", f"reciprocity, {name}", worst, 0.0, error, 1e-10)
    for name, *given in FAILS:
        worst = breakage(*given, order)
        seen = worst > 1e-7 and warned(*given)
        error = 0.0 if seen else 1.0
        text = f"no reciprocity, warned, {name}: more than 1e-7"
        yield row("section 9", text, worst, 1e-7, error, 1e-10)


def of_regions(level: str) -> Iterator[Row]:
    """Two materials side by side: everything different, and only the shape of X (printed)."""
    order = 2 if level == "full" else 1
    other = {"relaxation_time": 0.6, "diffusion_length": 1.3, "resistivity": 2.0}
    other |= dict.fromkeys(("orbital_hall_angle", "inverse_orbital_hall_angle"), -0.2)
    for name, tensors_of, detection, holds in (
        ("X = 1", (1.0, 1.0), "printed", True),
        ("X full", (X, TILTED), "reciprocal", True),
        ("two shapes of X", (FLAT, np.diag([1.0, 1.0, 0.7])), "printed", False),
    ):
        mesh = of.tensor_grid(*lines()).with_boundaries(contacts())
        beyond = mesh.mesh.p[0, mesh.mesh.t].mean(axis=0) > 0.0
        regions = {"one": np.flatnonzero(~beyond), "two": np.flatnonzero(beyond)}
        given = {
            "one": bulk(tensors_of[0]),
            "two": replace(bulk(tensors_of[1]), diffusion_constant=None, **other),
        }
        options: dict[str, Any] = {"order": order, "detection": detection, "film": of.Film(1.0)}
        mesh = replace(mesh, regions=regions)
        problem = of.Problem(mesh, given, list(contacts()), **options)
        (current, voltage), field = PAIRS[0], BETA[None] * TESLA
        here = of.hanle_curve(problem, field, current=current, voltage=voltage).delta_R[0]
        there = of.hanle_curve(problem, -field, current=voltage, voltage=current).delta_R[0]
        worst = abs(here - there) / abs(here)
        said = any("Onsager" in str(note) for note in physics_notes(problem, field))
        error = worst if holds else 0.0 if worst > 1e-7 else 1.0
        error = error if said != holds else 1.0
        what = f"{'' if holds else 'no '}reciprocity, regions, {name}, {detection}"
        yield row("section 9", what, worst, 0.0, error, 1e-10)


def run(level: str = "quick") -> list[Row]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = [
            *tensors(),
            *limits(),
            *velez(),
            *spin_hall(),
            *plain_bar(),
            *onsager(level),
            *of_regions(level),
        ]
        return [*rows, *hall_bar(level)]
