"""A film against the device plane of the same mesh, and many thicknesses from one measure."""

from __future__ import annotations

import numpy as np

import ohmr_fem as of
from ohmr_fem.solver.system import SYSTEMS, system_of
from ohmr_fem.sweep.film import film_measures
from ohmr_fem.sweep.measure import SpectralMeasure
from ohmr_fem.sweep.spectral import spectral_measure

from .table import Row, ratio, seconds

CASE = "film"
PAIR = ("left", "right"), ("t1", "t2")
THICKNESSES = np.geomspace(3e-9, 30e-9, 20)


def run() -> list[Row]:
    bar = of.geometry.hall_bar(
        "70 nm", "20 nm", arm_width="6 nm", arm_length="9 nm", arm_positions=("-10 nm", "10 nm")
    )
    mesh = of.mesh_device(bar, "10 nm")
    given = {
        "relaxation_time": "2 ps",
        "orbital_hall_angle": 0.016,
        "inverse_mass": 1.0,
        "diffusion_length": "10 nm",
    }
    contacts = ["left", "right", "t1", "t2", "b1", "b2"]
    fields = of.field_sweep(-9, 9, 1001, (1, -0.7, 0.6))
    plane = of.Problem(mesh, of.Material(sheet_conductivity="5 mS", **given), contacts)
    metal = of.Material(resistivity="180 uohm cm", **given)
    film = of.Problem(mesh, metal, contacts, film=of.Film("10 nm"))

    def of_plane() -> SpectralMeasure:
        SYSTEMS.pop(plane, None)
        return spectral_measure(plane, current=PAIR[0], voltage=PAIR[1], fields=fields)

    def of_film() -> SpectralMeasure:
        SYSTEMS.pop(film, None)
        return film_measures(film, [PAIR], fields=fields)[0]

    def of_thicknesses() -> SpectralMeasure:
        SYSTEMS.pop(film, None)
        ends = (THICKNESSES[0], THICKNESSES[-1])
        return film_measures(film, [PAIR], fields=fields, thicknesses=ends)[0]

    measure = of_thicknesses()

    def curves() -> None:
        for thickness in THICKNESSES:
            measure.at(thickness=thickness).delta_R(fields)

    times, ours, theirs = ratio(of_film, of_plane)
    making, reading = seconds(of_thicknesses, 3), seconds(curves, 3)
    return [
        Row(CASE, "P2 nodes", system_of(film, plane_of_film=True).N),
        Row(
            CASE, "measure, in costs of the plane", times, 3.0, note=f"{ours:.2f} / {theirs:.2f} s"
        ),
        Row(
            CASE,
            "1001 fields x 20 thicknesses, in costs of their measure",
            reading / making,
            2.0,
            note=f"{reading:.2f} / {making:.2f} s",
        ),
    ]
