"""What does not exist, and where the model or the numbers end: said, warned or refused."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from silent_devices import PAIR, material, plane, section

import ohmr_fem as of

pytestmark = [
    pytest.mark.filterwarnings("ignore::ohmr_fem.errors.ResolutionWarning"),
    pytest.mark.filterwarnings("ignore::ohmr_fem.errors.PhysicsWarning"),
]


def test_what_does_not_exist_is_an_empty_column(tmp_path):
    nothing = of.Problem(section().mesh, material(orbital_hall_angle=0.0))
    curve = of.hanle_curve(nothing, of.field_sweep(0, 1, 3))
    assert np.all(np.isnan(curve.rho_star)) and np.all(curve.rho == 0.0)
    lines = curve.to_csv(tmp_path / "c.csv").read_text().splitlines()
    assert lines[0] == "# rho_star: empty, f(0) = 0"
    place = lines[1].split(",").index("rho_star [1]")
    assert all(line.split(",")[place] == "" for line in lines[2:])
    assert not np.any(np.isnan(of.hanle_curve(section(), of.field_sweep(0, 1, 3)).rho_star))


def notes_of(call: Callable[[], Any], kind: type[Warning]) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [str(w.message) for w in caught if issubclass(w.category, kind)]


@pytest.mark.parametrize("method", ["spectral", "reduced", "direct"])
def test_size_of_the_effect(method):
    def run(angle: float, **options: Any) -> list[str]:
        p = dataclasses.replace(plane(), materials=material(orbital_hall_angle=angle), **options)
        chosen = "direct" if options and method == "spectral" else method
        fields = of.field_sweep(0, 1, 3)
        call = lambda: of.hanle_curve(p, fields, **PAIR, method=chosen)  # noqa: E731
        return [t for t in notes_of(call, of.PhysicsWarning) if "full" in t]

    assert run(0.1) == [] and run(0.9, coupling="full") == []
    (text,) = run(0.9)
    m = of.spectral_measure(
        dataclasses.replace(plane(), materials=material(orbital_hall_angle=0.9)),
        current=PAIR["current"],
        voltage=PAIR["current"],
    )
    share = float(np.abs(m.rho(np.zeros((1, 3)))[0]))
    assert share > 0.1 and f"{share:.2g}" in text and "coupling='full'" in text
    assert any("above 1" in t and "'2 %'" in t for t in run(2.0))


def test_size_of_the_effect_elsewhere():
    p = dataclasses.replace(plane(), materials=material(orbital_hall_angle=0.9))
    calls = [
        lambda: of.solve(p, currents={"left": 1, "right": -1}),
        lambda: of.resistance(p, **PAIR),
        lambda: of.resistance_matrix(p),
        lambda: of.ac_response(p, 1e9, **PAIR),
        lambda: of.transient(p, [0, 1e-12], **PAIR),
    ]
    for call in calls:
        assert any("coupling='full'" in t for t in notes_of(call, of.PhysicsWarning))


def test_relaxation_by_component_is_refused_for_what_it_is():
    by_component = material(
        relaxation_time=(1e-12, 2e-12, 3e-12), diffusion_length=None, diffusion_constant=1e-2
    )
    p = of.Problem(section().mesh, by_component)
    with pytest.raises(of.InputError, match="components of the moment relax at different rates"):
        of.hanle_curve(p, of.field_sweep(0, 1, 3), method="spectral")
