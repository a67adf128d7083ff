"""Curves of a relaxation tensor, and of orbital and spin moment, against one channel on the same
mesh; plane and film.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

import ohmr_fem as of
from ohmr_fem.solver.system import SYSTEMS, system_of

from .table import Row, ratio

CASE = "two channels"
PAIR = {"current": ("left", "right"), "voltage": ("t1", "t2")}


def run() -> list[Row]:
    bar = of.geometry.hall_bar(
        "70 nm", "20 nm", arm_width="6 nm", arm_length="9 nm", arm_positions=("-10 nm", "10 nm")
    )
    mesh = of.mesh_device(bar, "10 nm")
    contacts = ["left", "right", "t1", "t2", "b1", "b2"]
    fields = of.field_sweep(-9, 9, 1001, (1, -0.7, 0.6))
    one = of.Material(
        resistivity="180 uohm cm",
        relaxation_time="2 ps",
        orbital_hall_angle=0.016,
        inverse_mass=1.0,
        diffusion_length="10 nm",
    )
    rates = np.array([[5.0, 0.4, 0.0], [0.4, 5.0, 0.0], [0.0, 0.0, 8.0]]) * 1e11
    spin = of.Spin("2 cm^2/s", "0.5 ps", 0.02, to_orbital="4e11 1/s", from_orbital="1e11 1/s")
    given = {
        "relaxation tensor": replace(
            one, relaxation_time=None, relaxation_rate=rates, diffusion_length=None
        ),
        "orbital and spin": replace(one, spin=spin, diffusion_length=None),
    }

    def problem(material: of.Material, film: bool) -> of.Problem:
        if film:
            return of.Problem(mesh, material, contacts, film=of.Film("10 nm"))
        bulk = {"resistivity": None, "sheet_conductivity": "5 mS", "diffusion_length": None}
        return of.Problem(mesh, replace(material, **bulk), contacts)

    def curve(prob: of.Problem) -> None:
        SYSTEMS.pop(prob, None)
        of.hanle_curve(prob, fields, **PAIR)

    rows = []
    for film in (False, True):
        plain = problem(one, film)
        if not film:
            rows.append(Row(CASE, "P2 nodes", system_of(plain).N))
        for name, material in given.items():
            prob = problem(material, film)
            times, ours, theirs = ratio(lambda p=prob: curve(p), lambda p=plain: curve(p))
            rows.append(
                Row(
                    CASE,
                    f"1001 fields of a {'film' if film else 'plane'}, {name}, in costs of one "
                    "channel",
                    times,
                    3.0,
                    note=f"{ours:.2f} / {theirs:.2f} s",
                )
            )
    return rows
