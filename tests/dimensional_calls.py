"""What becomes of one argument: calls for the rows of :mod:`dimensional_rows`."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from silent_devices import (
    PAIR,
    B,
    film_measure,
    film_problem,
    material,
    measure,
    plane,
    section,
    solution,
)

import ohmr_fem as of
from ohmr_fem.fitting.design import Candidate


def doflocs(mesh: of.DeviceMesh) -> np.ndarray:
    return mesh.mesh.doflocs


def outline(geometry: of.Geometry) -> np.ndarray:
    return np.concatenate([loop.points for loop in (geometry.outline, *geometry.holes)])


def corners(points: Any) -> np.ndarray:
    return outline(of.geometry.polygon_device(points, contacts={"a": 0, "b": 2}))


def swept(values: Any) -> np.ndarray:
    found = of.gate_map(section(), lambda v: material(relaxation_time=v), values, B, unit="s")
    return np.append(found.values, found.rho)


def measured(**changes: Any) -> of.Measured:
    given = {"fields": [[0, 0, 0], [0.1, 0, 0]], "values": [1.0, 2.0], **changes}
    return of.Measured(**given)


def waves(**changes: Any) -> np.ndarray:
    given = {"times": [0.0, 1e-12], "field": B, "drive": 1e-6, **changes}
    run = of.transient(plane(), **PAIR, **{"tolerance": 1e-4, **given})
    return np.concatenate([run.times, run.drive, run.field.ravel(), run.orbital])


def candidate(fields: Any, noise: Any = 1.0, **others: Any) -> Candidate:
    return Candidate("c", fields, noise, **others)


def in_film(name: str, **others: Any) -> Callable[[Any], Any]:
    return lambda v: getattr(material(**{name: v, **others}), name)


def as_sheet(thickness: Any) -> Any:
    bulk = material(resistivity=1e-7, sheet_conductivity=None)
    return bulk.as_sheet(thickness).sheet_conductivity


def mixing(value: Any) -> Any:
    face = of.magnetic_face(mixing_conductance=value, magnetisation=(0, 1, 0))
    return list(face.mixing_conductance)


def magnetised(value: Any) -> Any:
    return list(of.magnetic_face(mixing_conductance=1e14, magnetisation=value).magnetisation)


def sheet(fields: Any) -> np.ndarray:
    return of.film_conductivity(material(), of.Film(1e-7), fields)


def drifting(current: Any, **others: Any) -> np.ndarray:
    currents = {"left": current, "right": -3e-6}
    return of.drift_solve(plane(), B, currents, **others).potential


def driven(voltage: Any) -> np.ndarray:
    return of.drift_solve(plane(), B, voltages={"left": voltage, "right": 0}).potential


def drift_tolerance(value: Any) -> np.ndarray:
    return of.drift_curve(plane(), [1e-6], **PAIR, tolerance=value).current


def thicker(value: Any) -> np.ndarray:
    return film_measure().at(thickness=value).delta_R([B])


def more_resistive(value: Any) -> np.ndarray:
    return film_measure().at(resistivity=value).delta_R([B])


@cache
def plane_measure() -> of.SpectralMeasure:
    return of.spectral_measure(plane(), **PAIR, fields=of.field_sweep(0, 2, 3))


def read(make: Callable[[], of.SpectralMeasure], name: str, fields: Any) -> list[Any]:
    return listed(getattr(make(), name)(fields))


def listed(found: Any) -> list[Any]:
    if isinstance(found, dict):
        return list(found.values())
    if dataclasses.is_dataclass(found):
        return list(vars(found).values())
    return list(found) if isinstance(found, tuple) else [np.asarray(found)]


def derivative(step: Any) -> np.ndarray:
    return measure().sensitivity("tau", [B], step)


def spectral(**options: Any) -> np.ndarray:
    return of.spectral_measure(section(), **options).rho(np.zeros((1, 3)))


def several(**options: Any) -> np.ndarray:
    pair = (PAIR["current"], PAIR["voltage"])
    (found,) = of.spectral_measures(plane(), [pair], **options)
    return found.rho(np.zeros((1, 3)))


def film_range(value: Any) -> np.ndarray:
    found = of.spectral_measure(film_problem(), **PAIR, thicknesses=value, tolerance=1e-3)
    return found.rho(np.zeros((1, 3)))


def adapted(**options: Any) -> Any:
    given = {"tolerance": 0.5, "budget": 10_000, **options}
    return of.solve_to(plane(), **PAIR, **given).value


def alternating(tolerance: Any) -> np.ndarray:
    return of.ac_response(section(), 1e9, B, tolerance=tolerance).rho


def matrix(**options: Any) -> np.ndarray:
    return of.resistance_matrix(plane(), [B], **options).orbital


def meshed(**options: Any) -> of.DeviceMesh:
    return of.mesh_device(of.geometry.cross(3e-7, 1e-7), **options)


def hall_bar(**options: Any) -> np.ndarray:
    return outline(of.geometry.hall_bar(3e-7, 1e-7, **options))


def long_bar(length: Any) -> np.ndarray:
    return outline(of.geometry.nonlocal_bar(1e-7, 1e-7, 1e-8, length=length))


def file_of(name: str, text: str) -> Path:
    path = Path(tempfile.mkdtemp()) / name
    path.write_text(text)
    return path


@cache
def corners_file() -> Path:
    return file_of("corners.csv", "0,0,left\n10,0\n10,4,right\n0,4\n")


@cache
def drawing_file() -> Path:
    shapes = '<rect id="outline" width="10" height="4"/><rect id="scale" width="5" height="1"/>'
    contact = '<rect id="a" x="-1" width="2" height="4"/>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20">{shapes}{contact}</svg>'
    return file_of("drawing.svg", svg)


def traced(length: Any) -> np.ndarray:
    return outline(of.geometry.from_csv(corners_file(), scale_bar=(length, 10.0)))


def drawn(length: Any, **options: Any) -> np.ndarray:
    found = of.geometry.from_svg(drawing_file(), length, contacts=["a"], **options)
    return outline(found)


def inside(points: Any) -> np.ndarray:
    return of.geometry.cross(3e-7, 1e-7).contains(points)


def holes(given: Any) -> np.ndarray:
    square = [(0, 0), (1e-7, 0), (1e-7, 1e-7), (0, 1e-7)]
    return outline(of.geometry.polygon_device(square, holes=given, contacts={"a": 0, "b": 2}))


def regions(ends: Any) -> np.ndarray:
    given = {"a": ends, "b": (1e-7, 2e-7)}
    return of.cross_section(2e-7, cells=4, regions=given).region_of_cells()


def stepped(times: Any) -> list[str]:
    path = Path(tempfile.mkdtemp()) / "series.pvd"
    of.export_paraview([solution()], path, times)
    return [line for line in path.read_text().splitlines() if "timestep" in line]


@cache
def raw_curve() -> of.Measured:
    b = np.concatenate([np.linspace(-1, 1, 8), np.linspace(1, -1, 8)])
    fields = np.column_stack([b, 0 * b, 0 * b])
    values = b**2 + 1e-3 * np.sin(7.0 * np.arange(16))
    return of.Measured(fields=fields, values=values, quantity="R", time=np.arange(16.0))


def prepared(**steps: Any) -> list[np.ndarray]:
    found = of.prepare(raw_curve(), **steps)
    return [found.fields, found.values]


@cache
def section_curve() -> of.Measured:
    fields = of.field_sweep(0, 1, 12)
    values = measure().rho(fields) + 1e-5 * np.sin(7.0 * np.arange(12))
    return of.Measured(fields=fields, values=values, quantity="ratio", sigma=1e-5)


def fitted(call: Callable[..., Any], **options: Any) -> Any:
    given = {"candidates": [candidate([B, [1.0, 0, 0]], 1e-5)]} if call is of.design else {}
    if call is of.fit:
        given |= {"strip": False, "intervals": "fisher"}
    found = call(section_curve(), section(), ["alpha"], **given, **options)
    if call is of.fit:
        (alpha,) = found.parameters.values()
        return np.array([alpha.low, alpha.high, found.identifiability.limit])
    known = found.before if call is of.design else found
    return np.array([*known.errors, known.limit])


def planned(noise: Any) -> np.ndarray:
    found = of.design(section_curve(), section(), ["alpha"], noise=noise)
    return np.array([c.noise for c, _ in found.ranked])


def two_bands(**changes: Any) -> np.ndarray:
    given = {"n_e": 1e25, "n_h": 2e25, "mu_e": 0.1, "mu_h": 0.2, **changes}
    return of.background("two_band", [B], **given)


def localised(**changes: Any) -> np.ndarray:
    given = {"weight": 1.0, "l_phi": 1e-7, "sheet_conductivity": 1e-3, **changes}
    return of.background("hln", [[0, 0, 0.1]], **given)


def numbers_of(found: of.micro.LayeredModel) -> list[np.ndarray]:
    blocks = found.blocks
    return [
        found.lattice.ravel(),
        found.positions.ravel(),
        blocks.real.ravel(),
        blocks.imag.ravel(),
    ]


def model(name: str, **options: Any) -> list[np.ndarray]:
    name = {"mono": "monolayer_graphene"}.get(name, name)
    several_layers = {"multilayer_graphene": {"n": 2}, "gapped_honeycomb": {"n": 2}}
    given = {**several_layers.get(name, {}), **options}
    return numbers_of(getattr(of.micro, name)(**given))


@cache
def stack() -> of.micro.LayeredModel:
    return of.micro.bilayer_graphene()


def displaced(value: Any) -> list[np.ndarray]:
    return numbers_of(stack().with_displacement(value))


def potentials(value: Any) -> list[np.ndarray]:
    return numbers_of(stack().with_potentials(value))


def tensor(mu: Any, temperature: Any, **options: Any) -> np.ndarray:
    return of.micro.inverse_mass(stack(), mu, temperature, **{"mesh": 24, **options}).X


def level(density: Any, temperature: Any, **options: Any) -> np.ndarray:
    return of.micro.chemical_potential(stack(), density, temperature, mesh=24, **options)


def report(**options: Any) -> np.ndarray:
    return of.micro.symmetry_report(stack(), mesh=6, **options).X


def wannier(thickness: Any) -> np.ndarray:
    path = Path(tempfile.mkdtemp()) / "x_tb.dat"
    of.micro.write_wannier90(stack(), path, thickness=thickness)
    return np.array([float(w) for w in path.read_text().split()[3:12]])


@cache
def hoppings_file() -> Path:
    path = Path(tempfile.mkdtemp()) / "x_hr.dat"
    of.micro.write_wannier90(stack(), path)
    return path


def unwannier(**changes: Any) -> list[np.ndarray]:
    given = {"centres": stack().positions, "lattice": stack().lattice, **changes}
    return numbers_of(of.micro.from_wannier90(hoppings_file(), **given))


def layered(**changes: Any) -> list[np.ndarray]:
    given = {
        "lattice": [[1.0, 0.0], [0.0, 1.0]],
        "positions": [[0, 0, 0], [0, 0, 1]],
        "translations": [[0, 0]],
        "blocks": [[[0, 1], [1, 0]]],
        **changes,
    }
    return numbers_of(of.micro.LayeredModel(**given))


def bonds(**changes: Any) -> list[np.ndarray]:
    given = {
        "lattice": [[1.0, 0.0], [0.0, 1.0]],
        "positions": [[0, 0, 0], [0, 0, 1]],
        "hoppings": [(0, 1, (0, 0), 1.0)],
        **changes,
    }
    return numbers_of(of.micro.LayeredModel.from_hoppings(**given))


def coefficients(m: of.Material) -> list[np.ndarray]:
    values = [getattr(m, key) for key in ("sheet_conductivity", "relaxation_time", "g_factor")]
    values += [m.diffusion_constant, m.orbital_hall_angle, m.inverse_orbital_hall_angle, m.mobility]
    return [np.array(values, dtype=float), np.ravel(m.inverse_mass)]


def _banded(make: Callable[..., of.Material], *first: Any, **changes: Any) -> list[np.ndarray]:
    given = {
        "density": 1e16,
        "mobility": 1.0,
        "relaxation_time": 1e-12,
        "orbital_hall_angle": 0.1,
        "mesh": 24,
        **{key.rpartition(" ")[2]: value for key, value in changes.items()},
    }
    return coefficients(make(*first, **given))


def banded(**changes: Any) -> list[np.ndarray]:
    return _banded(of.micro.material, stack(), **changes)


def bilayer(**changes: Any) -> list[np.ndarray]:
    return _banded(of.presets.bilayer_graphene, **changes)


def preset(name: str, **changes: Any) -> list[np.ndarray]:
    given = {"orbital_hall_angle": 0.1, "relaxation_time": 1e-12, **changes}
    m = getattr(of.presets, name)(**given)
    return [np.array([m.relaxation_time, m.diffusion_length])]


def field_of(parameter: str, **others: Any) -> Callable[[Any], Any]:
    return lambda v: getattr(material(**{**others, parameter: v}), parameter)


def rated(make: Callable[[], of.SpectralMeasure], name: str, s: Any) -> list[Any]:
    return listed(getattr(make(), name)([B], s))


def region(corners: Any) -> list[np.ndarray]:
    square = [(0, 0), (1e-7, 0), (1e-7, 1e-7), (0, 1e-7)]
    device = of.geometry.polygon_device(
        square, contacts={"a": 0, "b": 2}, regions={"part": corners, "rest": None}
    )
    part = device.regions["part"]
    assert part is not None
    return [part.polygon.ravel()]


@cache
def turned_file() -> Path:
    rows = "".join(f"{30 * k},{1.0 + 0.1 * k}\n" for k in range(12))
    return file_of("turn.csv", "angle [deg],R [ohm]\n" + rows)


@cache
def warm_file() -> Path:
    rows = "".join(f"{t},{b},{b**2 + t}\n" for t in (3, 4) for b in range(-3, 4))
    return file_of("warm.csv", "T [K],Bx [T],R [ohm]\n" + rows)


def fitted_curves(path: Path, temperature: Any = None, **reading: Any) -> list[np.ndarray]:
    """The curves that a fit from files takes, on a device that needs no contacts."""
    from ohmr_fem.run.fit_data import Wanted, fit_curves

    bare: Any = SimpleNamespace(problem=SimpleNamespace(is_cross_section=True), table={})
    found = fit_curves(path, bare, Wanted(reading, temperature=temperature))
    return [part for c in found for part in (c.fields, c.values)]


def scanned(field: Any) -> np.ndarray:
    (curve,) = of.read_data(turned_file(), field=field, plane="xy")
    return curve.fields


def in_bulk() -> of.Material:
    return material(resistivity=1e-7, sheet_conductivity=None)


def stacked(**faces: Any) -> of.Stack:
    return of.Stack([(in_bulk(), 1e-8), (in_bulk(), 2e-8)], **faces)


def layer_at(**changes: Any) -> of.Stack:
    stack = stacked()
    return stack.at({f"{stack.names[0]}.{name}": value for name, value in changes.items()})


def line(**changes: Any) -> np.ndarray:
    given = {"length": 2e-7, "width": 5e-8, "contacts": {"a": 0, "b": 5e-8}, **changes}
    return doflocs(of.channel(**given))


def polarised(value: Any) -> list[float]:
    return list(of.Contact(polarisation=value).polarisation)


def parted(fields: Any) -> list[Any]:
    return read(plane_measure, "contact_parts", fields)


def spin(**changes: Any) -> list[Any]:
    given = {"diffusion_constant": 1e-3, "relaxation_time": 1e-12, "hall_angle": 0.1, **changes}
    found = of.Spin(**given)
    return [np.ravel(value) for value in vars(found).values() if value is not None]


def rate_of(value: Any) -> Any:
    others = {"relaxation_time": None, "diffusion_length": None, "diffusion_constant": 1e-3}
    found = material(relaxation_rate=value, **others)
    kept = found.relaxation_time if found.relaxation_rate is None else found.relaxation_rate
    return np.ravel(np.array(kept, dtype=float))


def spin_polarised(value: Any) -> list[float]:
    return list(of.Contact(spin_polarisation=value).spin_polarisation)


def depth(**changes: Any) -> np.ndarray:
    given = {"field": B, "current": PAIR["current"], **changes}
    problem = film_problem()
    return of.film_moment(problem, **given).density


def of_series(call: Callable[..., Any], **options: Any) -> np.ndarray:
    samples = [of.Sample(section(), section_curve(), name="one")]
    options |= {"shared": ["alpha"]}
    if call is of.compare_models:
        options |= {"simulations": 3, "alternatives": ["kohler"]}
    if call is of.global_fit:
        options |= {"intervals": "fisher"}
    found = call(samples, **options)
    if call is of.series_identifiability:
        return np.array([*found.errors, found.limit])
    if call is of.global_fit:
        return np.array([found.confidence, found.identifiability.limit])
    return np.array([found.level])


def known_by_series(limit: Any) -> np.ndarray:
    return of_series(of.series_identifiability, limit=limit)


def bounded(make: Callable[[], of.SpectralMeasure], fields: Any) -> list[Any]:
    return read(make, "response_and_bound", fields)


def bounded_s(make: Callable[[], of.SpectralMeasure], s: Any) -> list[Any]:
    return rated(make, "response_and_bound", s)


@cache
def spin_measure() -> of.SpectralMeasure:
    carried = of.Spin(1e-2, 1e-12, 0.1)
    both = material(spin=carried, diffusion_length=None, diffusion_constant=1e-2)
    problem = of.Problem(plane().mesh, both, list(plane().contacts), order=2)
    return of.spectral_measure(problem, **PAIR, fields=of.field_sweep(0, 2, 3))
