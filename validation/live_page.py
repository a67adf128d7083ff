"""The page of `ohmr-fem explore` in a browser against four-field solves of the same state.

The page evaluates poles in JavaScript; the reference is a problem made anew with the material of
the sliders and solved field by field, for a film the measure of that film alone.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import numpy as np

import ohmr_fem as of
from ohmr_fem.config.device_file import Device, read_device
from ohmr_fem.run.explore import explore_device

from .browser import Browser, browser
from .case import ASSEMBLY, Row

CASE = "live page"
ROUTES = {
    "R(B) - R(0)": ("JavaScript", "package: four-field solves", ASSEMBLY),
    "": ("a browser", "law: a page that fits, and says nothing on the console"),
}
PAIR = {"current": ("left", "right"), "voltage": ("t1", "t2")}
CROSS = {"current": ("t1", "b1"), "voltage": ("t2", "b2")}
#: Accuracy of the page, of the largest R(B) - R(0).
DIGITS = 1e-6
#: Bytes of a page.
ROOM = 300e3
DEVICE = """
[mesh]
file = "bar.msh"
[material]
{sheet}
diffusion_length = "200 nm"
relaxation_time = "2 ps"
orbital_hall_angle = 0.1
inverse_mass = [[20, 1, 2], [1, 18, -1], [2, -1, 3]]
[contacts]
left = "equipotential"
right = "equipotential"
t1 = {magnet}
b1 = "profile"
t2 = {magnet}
b2 = "profile"
[[measure]]
name = "along"
current = ["left", "right"]
voltage = ["t1", "t2"]
[[measure]]
name = "cross"
current = ["t1", "b1"]
voltage = ["t2", "b2"]
[solve]
order = 1
[sweep]
start = "-2 T"
stop = "2 T"
points = 5
"""
SHEET = 'sheet_conductivity = "1 mS"'
METAL = 'resistivity = "180 uohm cm"'
FILM = '[film]\nthickness = "100 nm"\n'
#: More pairs, which share the poles of the film.
FURTHER = """[[measure]]
name = "{one}-{other}"
current = ["left", "right"]
voltage = ["{one}", "{other}"]
"""
MORE = "".join(
    FURTHER.format(one=one, other=other)
    for one, other in (("b1", "b2"), ("t1", "b1"), ("t2", "b2"))
)
WALLS = 'bottom = "20 km/s"\ntop = "reflecting"\n'
MAGNET = '{kind = "profile", polarisation = [0.1, 0.3, 0]}'
COMMON = {"quantity": "change", "plane": "xz", "B": 1.5, "turn": 35}


def device(
    folder: Path,
    name: str,
    magnet: str = '"profile"',
    film: str = "",
) -> Device:
    """A coarse bar 1200 nm x 400 nm from a file."""
    mesh = of.tensor_grid(np.linspace(-6e-7, 6e-7, 25), np.linspace(-2e-7, 2e-7, 9))
    on = {"left": lambda p: p[0] < -5.99e-7, "right": lambda p: p[0] > 5.99e-7}
    for contact, side, x in (("t1", 1, -3), ("t2", 1, 3), ("b1", -1, -3), ("b2", -1, 3)):
        on[contact] = lambda p, side=side, x=x: (
            (side * p[1] > 1.99e-7) & (abs(p[0] - x * 1e-7) < 1e-7)
        )
    of.write_mesh(mesh.with_boundaries(on), folder / "bar.msh")
    path = folder / f"{name}.toml"
    sheet = METAL if film else SHEET
    text = DEVICE.replace("{sheet}", sheet).replace("{magnet}", magnet)
    path.write_text(text + film)
    return read_device(path)


def shown(opened: Browser, page: Path, state: dict[str, object]) -> np.ndarray:
    """The numbers of a page at a state, (n, 2 or 3)."""
    opened.open(page, "#" + urlencode(state))
    text = opened.value("document.getElementById('numbers').value")
    return np.array([line.split("\t") for line in text.split("\n")], dtype=float)


def some(numbers: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows spread over the numbers, and their fields in T."""
    rows = numbers[np.linspace(0, len(numbers) - 1, count).astype(int)]
    angle = np.radians(COMMON["turn"])
    return rows, np.outer(rows[:, 0], [np.cos(angle), 0.0, np.sin(angle)])


def worst(values: np.ndarray, reference: np.ndarray) -> float:
    return float(np.abs(values - reference).max() / np.abs(reference).max())


def of_plane(opened: Browser, page: Path, start: Device, count: int) -> float:
    """Sliders of the material, against direct solves."""
    state = {"tau": 1.5, "theta": 0.1, "diffusion": 120, "g": 2, "alpha": 0.2, "back": -0.15}
    X = np.array(start.problem.material.inverse_mass)
    X[2, 2] = 0.1 * X[1, 1]
    material = of.Material(
        sheet_conductivity="1 mS",
        relaxation_time="1.5 ps",
        diffusion_length="120 nm",
        g_factor=2.0,
        orbital_hall_angle=0.2,
        inverse_orbital_hall_angle=-0.15,
        inverse_mass=X,
    )
    problem = replace(start.problem, materials=material)
    rows, fields = some(shown(opened, page, {**COMMON, "measure": 0, **state}), count)
    return worst(rows[:, 1], of.hanle_curve(problem, fields, **PAIR, method="direct").hanle)


def of_frequency(opened: Browser, page: Path, start: Device, count: int) -> float:
    """An alternating current, against complex solves."""
    rows, fields = some(shown(opened, page, {**COMMON, "measure": 0, "frequency": 100}), count)
    at = np.vstack([np.zeros(3), fields])
    answer = [
        of.ac_response(start.problem, 1e11, field, **PAIR, method="direct").delta_R for field in at
    ]
    values = np.ravel(np.array(answer))
    return worst(rows[:, 1] + 1j * rows[:, 2], values[1:] - values[0])


def of_polarisation(opened: Browser, page: Path, start: Device, count: int) -> float:
    """Magnets of half the polarisation, against direct solves."""
    size = 0.5 * np.hypot(0.1, 0.3)
    rows, fields = some(shown(opened, page, {**COMMON, "measure": 1, "polarisation": size}), count)
    contacts = {
        name: replace(contact, polarisation=0.5 * np.asarray(contact.polarisation))
        for name, contact in start.problem.contacts.items()
    }
    problem = replace(start.problem, contacts=contacts)
    return worst(rows[:, 1], of.hanle_curve(problem, fields, **CROSS, method="direct").hanle)


def of_film(opened: Browser, page: Path, start: Device, faces: dict[str, float]) -> float:
    """Another thickness and other faces, against the measure of that film."""
    state = {**COMMON, "measure": 0, "thickness": 70, "tau": 1.5, **faces}
    rows, fields = some(shown(opened, page, state), 9)
    given = {name: getattr(start.problem.film, name) for name in ("bottom", "top")} | faces
    material = start.problem.material
    film = of.Film("70 nm", **given)
    sheet = of.Material(
        resistivity="180 uohm cm",
        diffusion_length=material.diffusion_length,
        relaxation_time="1.5 ps",
        orbital_hall_angle=0.1,
        inverse_mass=material.inverse_mass,
    )
    problem = of.Problem(
        start.problem.mesh, sheet, dict(start.problem.contacts), order=1, film=film
    )
    exact = of.spectral_measure(problem, **PAIR, fields=fields, tolerance=1e-6)
    return worst(rows[:, 1], exact.hanle(fields))


def run(level: str) -> list[Row]:
    with browser() as opened, tempfile.TemporaryDirectory() as place:
        return rows_of(opened, Path(place), 3 if level == "quick" else 9)


def rows_of(opened: Browser, folder: Path, count: int) -> list[Row]:
    """Rows of all pages, then what the browser says of them."""
    devices = {
        "plane": device(folder, "plane"),
        "magnets": device(folder, "magnets", magnet=MAGNET),
        "film": device(folder, "film", film=FILM + MORE),
        "walls": device(folder, "walls", film=FILM + WALLS),
    }
    pages = {name: explore_device(d, folder / name) for name, d in devices.items()}
    errors = {
        "L_m, tau, theta, g, alpha, alpha' of a plane": of_plane(
            opened, pages["plane"], devices["plane"], count
        ),
        "frequency of the current, complex": of_frequency(
            opened, pages["plane"], devices["plane"], count
        ),
        "polarisation of two magnets": of_polarisation(
            opened, pages["magnets"], devices["magnets"], count
        ),
        "thickness and tau of a film": of_film(opened, pages["film"], devices["film"], {}),
        "thickness and G of the faces": of_film(
            opened, pages["walls"], devices["walls"], {"bottom": 3e4, "top": 1e4}
        ),
    }
    numbers = [
        Row(CASE, "sections 3, 4 and 9", f"R(B) - R(0): {what}", 0.0, 0.0, error, DIGITS)
        for what, error in errors.items()
    ]
    largest = max(page.stat().st_size for page in pages.values()) / ROOM
    said = float(len(opened.complaints) + len(opened.loads))
    return [
        *numbers,
        Row(CASE, "size", "largest page over 300 kB", largest, 0.0, largest, 1.0),
        Row(CASE, "browser", "errors on the console, and loads", said, 0.0, said, 0.5),
    ]
