"""The script of a page for relaxation tensors and spins computes what Python computes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from page_script import CONTACTS, FIELDS, PAIR, by_node, by_script, job, needs_node
from small_devices import MATERIAL, bar

import ohmr_fem as of
from ohmr_fem.model.channels import Channels
from ohmr_fem.output.page import evaluator
from ohmr_fem.solver.channel_rates import slowest_rates
from ohmr_fem.sweep.measure_file import plain_material

PLAIN = {k: v for k, v in MATERIAL.items() if k not in ("relaxation_time", "diffusion_length")}
SPIN = of.Spin("3 cm**2/s", "0.4 ps", 0.03, to_orbital="0.3 THz", from_orbital="0.2 THz")
BOTH = of.Spin("3 cm**2/s", "0.4 ps", 0.03, cross_diffusion=("0.5 cm**2/s", "0.2 cm**2/s"))
RATES = [[0.6, 0.1, 0.0], [0.1, 0.5, 0.05], [0.0, 0.05, 0.3]]
KINDS = {
    "tensor": {"relaxation_rate": np.array(RATES) * 1e12, "diffusion_constant": "100 cm**2/s"},
    "components": {"relaxation_time": ("1 ps", "2 ps", "3 ps"), "diffusion_constant": "80 cm**2/s"},
    "spin": {"relaxation_time": "2 ps", "diffusion_length": "140 nm", "spin": SPIN},
}
MAGNET = of.magnetic_face(mixing_conductance=(4e14, 1e14), magnetisation=(1, 2, 0.5))
WALLS = {
    "reflecting": {},
    "mixed": {"bottom": "absorbing", "top": of.Edge(2e4, source=0.05)},
    "magnet": {"bottom": {"orbital": 1e4, "spin": MAGNET}},
}


def problem_of(kind, walls=None, **more):
    """A coarse bar, as a film where it has walls."""
    material = of.Material(**PLAIN | KINDS[kind] | more)
    film = None if walls is None else of.Film("100 nm", **WALLS[walls])
    return of.Problem(bar(12, 4), material, CONTACTS, order=1, film=film)


@needs_node
@pytest.mark.parametrize("kind, walls", [
    ("tensor", None), ("spin", None), ("spin", "reflecting"), ("components", "mixed"),
    ("spin", "magnet"),
])  # fmt: skip
def test_javascript_solves_a_matrix_a_pole(kind, walls, tmp_path):
    problem = problem_of(kind, walls)
    measure = of.spectral_measure(problem, **PAIR, fields=FIELDS, tolerance=1e-2)
    asked, expected = [], []
    changed = {"g_factor": 2.0, "orbital_hall_angle": 0.3}
    for changes, frequency in (({}, 0.0), (changed, 1e11)):
        tuned, more = measure.at(**changes), {"frequency": frequency}
        if walls and frequency:
            tuned, more["thickness"] = tuned.at(thickness=7e-8), 7e-8
        asked.append(job(measure, changes, more))
        s = 1.0 - 2j * np.pi * frequency * tuned.material.mean_time
        expected.append([tuned.unit * part for part in tuned.unchecked(FIELDS, s)])
    for values, exact in zip(by_script(tmp_path, asked), expected, strict=True):
        scale = np.abs(exact[1]).max()
        assert scale > 0
        assert np.abs(values[:, :2].T - np.array(exact)).max() < 1e-7 * scale


@needs_node
def test_javascript_of_polarised_contacts_with_a_spin(tmp_path):
    contacts = dict.fromkeys(CONTACTS, of.Contact())
    contacts["t1"] = of.Contact("profile", polarisation=(0.1, 0.3, 0.0))
    bare = problem_of("spin")
    problem = of.Problem(bare.mesh, bare.material, contacts, order=1)
    measure = of.spectral_measure(problem, **PAIR, fields=FIELDS, tolerance=1e-2)
    (answers,) = by_script(tmp_path, [job(measure, {}, {"polarisation": 0.5})])
    values, changes, _ = answers.T
    tuned = measure.at(polarisation=0.5)
    scale = np.abs(tuned.hanle(FIELDS)).max()
    assert np.abs(values - tuned.delta_R(FIELDS)).max() < 1e-9 * scale
    assert np.abs(changes - tuned.hanle(FIELDS)).max() < 1e-9 * scale


@needs_node
def test_javascript_knows_where_moments_grow(tmp_path):
    """As the eigenvalues say: conversion faster than decay, and X of both signs in a field."""
    growing = of.Spin("3 cm**2/s", "0.4 ps", 0.03, to_orbital="3 THz", from_orbital="3 THz")
    unequal = {"relaxation_rate": np.diag([5e12, 1e12, 2e11]), "diffusion_constant": "80 cm**2/s"}
    asked, expected = [], []
    for given, sizes in (
        (KINDS["spin"], (0.0, 3.0)),
        (KINDS["spin"] | {"spin": growing}, (0.0, 3.0)),
        (unequal | {"inverse_mass": (5.0, 5.0, -40.0)}, np.linspace(0.0, 3.0, 25)),
    ):
        material = of.Material(**PLAIN | given)
        content = plain_material(material)
        for size in sizes:
            B = size * np.array([0.3, 0.2, 0.9])
            asked.append([content, B.tolist()])
            expected.append(slowest_rates(Channels.of(material), B[None])[0] > 0.0)
    script = tmp_path / "grow.js"
    ask = "ASKED.map(([m, B]) => new Channels(m).decays(B, 0))"
    given = f"const ASKED = {json.dumps(asked)}; console.log(JSON.stringify({ask}));"
    script.write_text(evaluator() + given)
    found = json.loads(by_node(str(script)))
    assert found == expected
    assert set(expected[:4]) == set(expected[4:]) == {True, False}
