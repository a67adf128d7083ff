"""The page of `ohmr-fem explore` for relaxation tensors, spins and stacks, in a browser.

The page solves a small system for each node of the plane, or layers in closed form.  The reference
is made anew with the values of the sliders: field by field on the plane, a measure of that film,
and finite elements through the layers.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

import ohmr_fem as of
from ohmr_fem.config.device_file import Device, read_device
from ohmr_fem.run.explore import explore_device

from .browser import Browser, browser
from .case import ASSEMBLY, Row
from .live_page import (
    COMMON,
    DEVICE,
    DIGITS,
    FILM,
    METAL,
    PAIR,
    ROOM,
    SHEET,
    WALLS,
    shown,
    some,
    worst,
)
from .live_page import device as with_mesh

CASE = "live page of channels"
ROUTES = {
    "R(B) - R(0)": ("JavaScript", "package: solves of each field", ASSEMBLY),
    "": ("a browser", "law: a page that fits, and says nothing on the console"),
}
ONE = 'diffusion_length = "200 nm"\nrelaxation_time = "2 ps"'
THREE = 'diffusion_constant = "200 cm^2/s"\nrelaxation_time = ["2 ps", "2.5 ps", "1 ps"]'
SPIN = """[material.spin]
diffusion_constant = "3 cm^2/s"
relaxation_time = "0.4 ps"
hall_angle = 0.03
to_orbital = "0.3 THz"
from_orbital = "0.2 THz"
[contacts]"""
LAYERS = """
[[stack]]
name = "Mn"
thickness = "6 nm"
resistivity = "180 uohm cm"
diffusion_length = "2 nm"
relaxation_time = "2 ps"
orbital_hall_angle = 0.016
inverse_mass = 1.0
[[stack]]
name = "Pt"
thickness = "5 nm"
resistivity = "40 uohm cm"
diffusion_length = "3 nm"
relaxation_time = "0.5 ps"
orbital_hall_angle = 0.1
inverse_mass = 1.0
"""


def device(folder: Path, name: str, *, spin: bool = False, film: str = "") -> Device:
    """A bar of :mod:`.live_page` with a relaxation time by component, or with a spin."""
    with_mesh(folder, "mesh")  # writes the mesh beside
    text = DEVICE.replace("{magnet}", '"profile"').replace("{sheet}", METAL if film else SHEET)
    text = text.replace("[contacts]", SPIN) if spin else text.replace(ONE, THREE)
    return _read(folder, name, text + film)


def stack(folder: Path) -> Device:
    with_mesh(folder, "mesh")
    text = DEVICE.replace("{magnet}", '"profile"')
    material = text[text.index("[material]") : text.index("[contacts]")]
    return _read(folder, "stack", text.replace(material, "") + LAYERS)


def _read(folder: Path, name: str, text: str) -> Device:
    path = folder / f"{name}.toml"
    path.write_text(text)
    return read_device(path)


def of_tensor(opened: Browser, page: Path, start: Device, count: int) -> float:
    """All rates times 1.5, against direct solves."""
    state = {**COMMON, "measure": 0, "rates": 1.5, "theta": 0.1, "g": 2, "alpha": 0.2}
    rows, fields = some(shown(opened, page, state), count)
    own = start.problem.material
    X = np.array(own.inverse_mass)
    X[2, 2] = 0.1 * X[1, 1]
    times = tuple(t / 1.5 for t in own.relaxation_time)
    changes = {"relaxation_time": times, "inverse_mass": X, "g_factor": 2.0}
    material = replace(own, **changes, orbital_hall_angle=0.2)
    problem = replace(start.problem, materials=material)
    return worst(rows[:, 1], of.hanle_curve(problem, fields, **PAIR, method="direct").hanle)


def spin_material(start: Device) -> of.Material:
    """What the sliders of :data:`OF_SPIN` say."""
    own = start.problem.material
    spin = replace(own.spin, hall_angle=0.1, relaxation_time=3e-13, from_orbital=1e11)
    changes = {"diffusion_length": 1.5e-7, "diffusion_constant": None, "relaxation_time": 1.5e-12}
    return replace(own, spin=spin, **changes)


OF_SPIN = {
    "diffusion": 150,
    "tau": 1.5,
    "spin.hall_angle": 0.1,
    "spin.relaxation_time": 0.3,
    "spin.from_orbital": 0.1,
}


def of_spin(opened: Browser, page: Path, start: Device, count: int) -> float:
    """Lengths, times, angles and conversion, against direct solves."""
    rows, fields = some(shown(opened, page, {**COMMON, "measure": 0, **OF_SPIN}), count)
    problem = replace(start.problem, materials=spin_material(start))
    return worst(rows[:, 1], of.hanle_curve(problem, fields, **PAIR, method="direct").hanle)


def of_spin_film(opened: Browser, page: Path, start: Device, count: int) -> float:
    """The same in a film of another thickness, against the measure of that film."""
    state = {**COMMON, "measure": 0, **OF_SPIN, "thickness": 70}
    rows, fields = some(shown(opened, page, state), count)
    film = replace(start.problem.film, thickness=7e-8)
    sheet = start.problem.material.sheet_conductivity
    material = replace(
        spin_material(start), sheet_conductivity=0.7 * sheet, diffusion_constant=None
    )
    problem = replace(start.problem, materials=material, film=film)
    exact = of.spectral_measure(problem, **PAIR, fields=fields, tolerance=1e-6)
    return worst(rows[:, 1], exact.hanle(fields))


def of_stack(opened: Browser, page: Path, start: Device, count: int) -> float:
    """Another layer, against finite elements through the layers."""
    changes = {"layers.0.thickness": 8, "layers.1.relaxation_time": 0.8}
    rows, fields = some(shown(opened, page, {**COMMON, "measure": 1, **changes}), count)
    cross = start.measurements[1]
    pair = {"current": cross.current, "voltage": cross.voltage}
    measure = of.spectral_measure(start.problem, **pair)
    tuned = measure.at(**{"Mn.thickness": 8e-9, "Pt.relaxation_time": 8e-13})
    return worst(rows[:, 1], tuned.hanle(fields))


def run(level: str) -> list[Row]:
    with browser() as opened, tempfile.TemporaryDirectory() as place:
        return rows_of(opened, Path(place), 3 if level == "quick" else 9)


def rows_of(opened: Browser, folder: Path, count: int) -> list[Row]:
    """Rows of all pages, then what the browser says of them."""
    asked = {
        "rates, theta, g and alpha of a time by component": (
            of_tensor,
            device(folder, "tensor"),
        ),
        "L_m, tau, angles and conversion with a spin": (
            of_spin,
            device(folder, "spin", spin=True),
        ),
        "a film with a spin and a face that absorbs": (
            of_spin_film,
            device(folder, "film", spin=True, film=FILM + WALLS),
        ),
        "layers of a stack": (of_stack, stack(folder)),
    }
    rows, largest = [], 0.0
    for what, (compared, start) in asked.items():
        page = explore_device(start, folder / start.path.stem)
        error = compared(opened, page, start, count)
        equation = "sections 9, 11 and 12"
        rows.append(Row(CASE, equation, f"R(B) - R(0): {what}", 0.0, 0.0, error, DIGITS))
        largest = max(largest, page.stat().st_size / ROOM)
    said = float(len(opened.complaints) + len(opened.loads))
    return [
        *rows,
        Row(CASE, "size", "largest page over 300 kB", largest, 0.0, largest, 1.0),
        Row(CASE, "browser", "errors on the console, and loads", said, 0.0, said, 0.5),
    ]
