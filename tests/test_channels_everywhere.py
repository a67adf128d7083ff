"""No entry point leaves a relaxation tensor or a spin out silently: the answer differs from that of
the plain material, or it is refused.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.solver.system import OF_FILM, OF_SPIN

pytestmark = pytest.mark.filterwarnings("ignore")
B = np.array([2.0, 1.0, 3.0])
FIELDS = np.array([B, 2.0 * B])
PAIR = {"current": ("left", "right"), "voltage": ("t1", "t2")}
DRIVE = {"left": 1e-6, "right": -1e-6}
RATE = 1e12


@cache
def mesh():
    lines = np.linspace(-3e-8, 3e-8, 13), np.linspace(-1e-8, 1e-8, 5)
    sides = {
        "left": lambda p: p[0] < -2.99e-8,
        "right": lambda p: p[0] > 2.99e-8,
        "t1": lambda p: (p[1] > 0.99e-8) & (abs(p[0] + 1e-8) < 6e-9),
        "t2": lambda p: (p[1] > 0.99e-8) & (abs(p[0] - 1e-8) < 6e-9),
    }
    return of.tensor_grid(*lines).with_boundaries(sides)


def material(kind):
    plain = of.Material(
        1e-3,
        relaxation_rate=RATE,
        diffusion_constant=1e-4,
        orbital_hall_angle=0.05,
        inverse_mass=(1.0, 1.0, 0.5),
        mobility=0.1,
    )
    if kind == "plain":
        return plain
    if kind == "spin":
        spin = of.Spin(2e-4, 2e-12, 0.04, to_orbital=3e11, from_orbital=1e11)
        return replace(plain, spin=spin, diffusion_length=None)
    rate = (RATE, 0.6 * RATE, 2.0 * RATE)
    if kind == "tensor":
        rate = RATE * np.array([[1.0, 0.2, 0.1], [0.2, 0.6, 0.0], [0.1, 0.0, 2.0]])
    return replace(plain, relaxation_time=None, relaxation_rate=rate, diffusion_length=None)


def bar(kind, **options):
    return of.Problem(mesh(), material(kind), ("left", "right", "t1", "t2"), **options)


def section(kind):
    return of.Problem(of.cross_section(2e-8, cells=8), material(kind))


def film(kind, **faces):
    bulk = {"sheet_conductivity": None, "resistivity": 1e-7, "diffusion_length": None}
    given = replace(material(kind), **bulk)
    return of.Problem(mesh(), given, ("left", "right", "t1", "t2"), film=of.Film(1e-8, **faces))


def measured(kind, prob):
    curve = of.hanle_curve(section("plain"), np.linspace(0, 9, 12)[:, None] * np.eye(3)[0])
    return of.Measured(curve.fields, curve.rho_change, "ratio", 1e-8 + 0.0 * curve.rho)


CALLS = {
    "hanle_curve": lambda k: of.hanle_curve(bar(k), FIELDS, **PAIR).delta_R,
    "hanle_curve direct": lambda k: of.hanle_curve(bar(k), FIELDS, method="direct", **PAIR).delta_R,
    "hanle_curve reduced": lambda k: (
        of.hanle_curve(bar(k), FIELDS, method="reduced", **PAIR).delta_R
    ),
    "hanle_curve full": lambda k: of.hanle_curve(bar(k, coupling="full"), FIELDS, **PAIR).delta_R,
    "hanle_curve film": lambda k: of.hanle_curve(film(k), FIELDS, **PAIR).delta_R,
    "hanle_curve absorbing film": lambda k: (
        of.hanle_curve(film(k, top="10 m/s"), FIELDS, **PAIR).delta_R
    ),
    "resistance_matrix film": lambda k: of.resistance_matrix(film(k), FIELDS).orbital,
    "ac film": lambda k: of.ac_response(film(k), [1e11], B, **PAIR).effect,
    "hanle_curve hall": lambda k: (
        of.hanle_curve(bar(k, ordinary_hall=True), FIELDS, **PAIR).delta_R
    ),
    "magnetoresistance": lambda k: of.magnetoresistance(section(k), FIELDS),
    "section": lambda k: of.hanle_curve(section(k), FIELDS).rho,
    "angle_scan": lambda k: of.angle_scan(bar(k), 5.0, n=5, **PAIR).delta_R,
    "admr": lambda k: of.admr(bar(k), 5.0, points=4, **PAIR).delta_R,
    "hanle_map": lambda k: of.hanle_map(
        of.spectral_measure(bar(k), fields=FIELDS, **PAIR), FIELDS, "theta", [0.4, 0.6]
    ),
    "delta_R_table": lambda k: of.delta_R_table(
        of.spectral_measures(bar(k), [tuple(PAIR.values())], fields=FIELDS), FIELDS
    ),
    "measure.ac": lambda k: of.spectral_measure(bar(k), fields=FIELDS, **PAIR).ac([1e10], B),
    "measure.moment": lambda k: of.spectral_measure(bar(k), fields=FIELDS, **PAIR).moment_density(
        B
    )[:3],
    "measure.sensitivity": lambda k: of.spectral_measure(bar(k), fields=FIELDS, **PAIR).sensitivity(
        "theta", FIELDS
    ),
    "measure saved": lambda k: of.SpectralMeasure.load(
        of.spectral_measure(bar(k), fields=FIELDS, **PAIR).save("measure.json")
    ).delta_R(FIELDS),
    "gate_map": lambda k: (
        of.gate_map(bar("plain"), lambda _: material(k), [0.0], FIELDS, **PAIR).delta_R
    ),
    "resistance": lambda k: of.resistance(bar(k), B, **PAIR).delta_R,
    "resistance_matrix": lambda k: of.resistance_matrix(bar(k), FIELDS).orbital,
    "resistance_matrix direct": lambda k: (
        of.resistance_matrix(bar(k), FIELDS, method="direct").orbital
    ),
    "solve": lambda k: of.solve(bar(k), B, DRIVE).potential_orbital,
    "solve currents": lambda k: of.solve(bar(k), B, DRIVE).centres().moment_current,
    "solve balance": lambda k: np.abs(of.solve(bar(k), B, DRIVE).moment_balance()["torque"][:3]),
    "solve saved": lambda k: (
        of.load(of.save(of.solve(bar(k), B, DRIVE), "solution.npz")).centres().current_density
        - of.solve(bar("plain"), B, DRIVE).centres().current_density
        + 1.0
    ),
    "solve_to": lambda k: of.solve_to(bar(k), field=B, tolerance=0.2, **PAIR).value,
    "drift_solve": lambda k: of.drift_solve(bar(k), B, DRIVE).potential_orbital,
    "drift_curve": lambda k: of.drift_curve(bar(k), [1e-6], B, **PAIR).delta_R,
    "ac_response": lambda k: of.ac_response(bar(k), [1e11], B, **PAIR).effect,
    "ac_response direct": lambda k: (
        of.ac_response(bar(k), [1e11], B, method="direct", **PAIR).effect
    ),
    "transient": lambda k: of.transient(section(k), [0.0, 5e-13], B, 1.0, tolerance=1e-5).orbital[
        1:
    ],
    "film_conductivity": lambda k: of.film_conductivity(material(k), of.Film(1e-8), FIELDS),
    "film moment": lambda k: of.film_moment(film(k), B, current=PAIR["current"]).density,
    "stack": lambda k: of.film_conductivity(
        None,
        of.Stack([(replace(material(k), diffusion_length=None), 1e-8)]),
        FIELDS,
    ),
    "identifiability": lambda k: np.array(
        of.identifiability(
            measured(k, section(k)), section(k), parameters=["g"], background=[]
        ).errors
    ),
    "series": lambda k: of.series_identifiability(
        [of.Sample(section(k), measured(k, section(k)), "one")], shared=["theta"]
    ),
    "study of a point": lambda k: _study(k),
}
#: What cannot take them, and says so.
REFUSED = {
    "hanle_curve hall": ("spin",),
    "solve_to": ("spin",),
    "drift_solve": ("spin",),
    "drift_curve": ("spin",),
    "series": ("spin", "tensor", "by component"),
}


def _study(kind):
    from ohmr_fem.study.point import _from_measure

    measure = of.spectral_measure(bar("plain"), fields=FIELDS, **PAIR)
    tuned = replace(measure, material=bar(kind).material)
    found = _from_measure(tuned, FIELDS)
    return np.array(found["delta_R"])


REFUSED["study of a point"] = REFUSED["series"]


@cache
def plain_answer(name):
    return np.asarray(CALLS[name]("plain"))


@pytest.mark.parametrize("kind", ["spin", "tensor", "by component"])
@pytest.mark.parametrize("name", CALLS)
def test_the_answer_differs_or_is_refused(name, kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if kind in REFUSED.get(name, ()):
        with pytest.raises(of.InputError):
            CALLS[name](kind)
        return
    answer, plain = np.asarray(CALLS[name](kind)), plain_answer(name)
    assert answer.shape == plain.shape and np.all(np.isfinite(answer))
    assert np.abs(answer - plain).max() > 1e-3 * np.abs(plain).max()


def names(text):
    """The functions that a refusal lists."""
    listed = re.sub(r"\(.*?\)| and ", ",", text).split(",")
    return [name.strip() for name in listed if name.strip()]


def test_a_refusal_lists_what_takes_a_spin():
    """Each name of the list is called above with a spin, and none of them is refused."""
    served = {name.split()[0] for name in CALLS if "spin" not in REFUSED.get(name, ())}
    measured_by = {"fit": "identifiability", "spectral_measure": "delta_R_table"}
    assert {measured_by.get(name, name) for name in names(OF_SPIN)} <= served


FILM_CALLS = {
    "hanle_curve": lambda p: of.hanle_curve(p, FIELDS, **PAIR),
    "admr": lambda p: of.admr(p, 5.0, points=4, **PAIR),
    "spectral_measure": lambda p: of.spectral_measure(p, fields=FIELDS, **PAIR),
    "resistance_matrix": lambda p: of.resistance_matrix(p, FIELDS),
    "gate_map": lambda p: of.gate_map(p, lambda _: p.material, [0.0], FIELDS, **PAIR),
    "ac_response": lambda p: of.ac_response(p, [1e11], B, **PAIR),
    "film_conductivity": lambda p: of.film_conductivity(p.material, p.film, FIELDS),
    "film_moment": lambda p: of.film_moment(p, B, current=PAIR["current"]),
    "fit": lambda p: of.identifiability(
        measured("plain", p), p, parameters=["g"], background=[], **PAIR
    ),
}
NO_FILM = {
    "solve": lambda p: of.solve(p, B, DRIVE),
    "resistance": lambda p: of.resistance(p, B, **PAIR),
    "transient": lambda p: of.transient(p, [0.0, 5e-13], B, method="stepping", **PAIR),
    "drift_solve": lambda p: of.drift_solve(p, B, DRIVE),
}


def test_a_refusal_lists_what_takes_a_film():
    assert set(FILM_CALLS) == set(names(OF_FILM))
    given = film("plain")
    for call in FILM_CALLS.values():
        assert call(given) is not None
    for call in NO_FILM.values():
        with pytest.raises(of.InputError, match="knows the device plane alone") as exc:
            call(given)
        assert OF_FILM in str(exc.value)
