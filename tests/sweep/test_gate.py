"""R(B) against a gate: every row against the closed form of its own material, and what happens
where theta < 0.
"""

from __future__ import annotations

import csv

import numpy as np
import pytest
from small_devices import MATERIAL, bar_problem

import ohmr_fem as of
from ohmr_fem.sweep import gate, shared
from ohmr_fem.units import ELECTRON_MASS, ELEMENTARY_CHARGE

FIELDS = of.field_sweep(-6, 6, 9)
TAU, LENGTH, ANGLE, WIDTH = 2e-12, 2e-9, 0.016, 6e-9


def film(theta: float, **changes: object) -> of.Material:
    given = {
        "sheet_conductivity": 1e-3,
        "diffusion_length": LENGTH,
        "relaxation_time": TAU,
        "orbital_hall_angle": ANGLE,
        "inverse_mass": [10.0, 10.0, 10.0 * theta],
        **changes,
    }
    return of.Material(**given)


def strip() -> of.Problem:
    return of.Problem(of.cross_section(WIDTH), film(1.0))


def exact(theta: float) -> np.ndarray:
    """rho of Eq. (7); for theta < 0 the mean of tanh(z)/z at s = 1 + x and 1 - x, nan from x = 1
    on.
    """
    x = (
        np.sqrt(abs(theta))
        * 0.5
        * ELEMENTARY_CHARGE
        * np.abs(FIELDS[:, 0])
        * 10
        / ELECTRON_MASS
        * TAU
    )
    s = 1 + 1j * x if theta > 0 else np.stack([1 + x, np.where(x < 1, 1 - x, np.nan)])
    z = np.sqrt(s) * WIDTH / (2 * LENGTH)
    f = np.tanh(z) / z
    return -(ANGLE**2) * (f.real if theta > 0 else f.mean(axis=0))


def test_every_row_is_the_strip_of_its_own_gate():
    values = [1.0, 0.04, 1e-4, -0.02, -0.2]
    found = of.gate_map(strip(), film, values, FIELDS, parameter="theta", unit="1")
    expected = np.array([exact(v) for v in values])
    lost = np.isnan(expected)
    assert lost.any() and np.array_equal(found.steady, ~lost)
    assert np.allclose(found.rho[~lost], expected[~lost], rtol=1e-8)
    assert np.allclose(
        found.rho_change[~lost], (expected - expected[:, [4]])[~lost], atol=1e-8 * ANGLE**2
    )
    assert (
        found.rho_change[0, 3] > 0 > found.rho_change[3, 3]
    )  # the sign of theta is the sign of the effect
    assert "theta from -0.2 to 1 1, 9 fields" in repr(
        found
    ) and f"{lost.sum()} points without" in repr(found)


def test_a_device_by_gate_and_by_curve(tmp_path):
    problem = bar_problem(order=1)
    pairs = {"current": ("left", "right"), "voltage": ("t1", "t2")}

    def gated(v: float) -> of.Material:
        return of.Material(
            **{**MATERIAL, "sheet_conductivity": 1e-3 * (1 + v), "diffusion_length": 1e-7 * (1 + v)}
        )

    seen = []
    found = of.gate_map(
        problem, gated, [0.0, 0.5], FIELDS, **pairs, progress=lambda *step: seen.append(step)
    )
    assert seen == [(1, 2), (2, 2)]
    for i, v in enumerate((0.0, 0.5)):
        curve = of.hanle_curve(
            of.Problem(problem.mesh, gated(v), problem.contacts, order=1), FIELDS, **pairs
        )
        assert np.allclose(found.R[i], curve.R, rtol=1e-12) and np.allclose(
            found.hanle[i], curve.hanle, rtol=1e-9
        )
    assert found.R_ohmic[0] == pytest.approx(1.5 * found.R_ohmic[1], rel=1e-9)
    with found.to_csv(tmp_path / "gate.csv").open(newline="") as stream:
        head, *rows = csv.reader(stream)
    assert head[:7] == [
        "displacement [eV]",
        "B_x [T]",
        "B_y [T]",
        "B_z [T]",
        "R_ohmic [ohm]",
        "R [ohm]",
        "delta_R [ohm]",
    ]
    table = {name: np.array([float(row[i]) for row in rows]) for i, name in enumerate(head)}
    assert np.array_equal(table["displacement [eV]"], np.repeat([0.0, 0.5], 9))
    assert np.array_equal(table["R [ohm]"].reshape(2, 9), found.R) and np.array_equal(
        table["B_x [T]"][:9], FIELDS[:, 0]
    )
    assert (
        np.allclose(table["diffusion_length [m]"][[0, -1]], [1e-7, 1.5e-7])
        and table["X_zz [1/m_e]"][0] == 0.25
    )


def test_regions():
    mesh = of.cross_section(WIDTH, regions={"a": (0, "3 nm"), "b": ("3 nm", "6 nm")})
    problem = of.Problem(mesh, {"a": film(1.0), "b": film(1.0)})
    found = of.gate_map(problem, lambda v: {"a": film(v), "b": film(v)}, [0.5], FIELDS[-1:])
    assert np.allclose(found.rho, exact(0.5)[-1], rtol=1e-7)
    assert {"X_zz_a", "X_zz_b", "sheet_conductivity_b"} <= set(found.columns())


def test_an_interrupted_sweep_keeps_its_rows():
    def stop(v: float) -> of.Material:
        if v > 1:
            raise KeyboardInterrupt
        return film(v)

    with pytest.raises(of.SweepInterrupted) as caught:
        of.gate_map(strip(), stop, [0.5, 1.0, 2.0], FIELDS)
    assert caught.value.partial.values.tolist() == [0.5, 1.0]
    with pytest.raises(of.SweepInterrupted) as caught:
        of.gate_map(strip(), stop, [2.0], FIELDS)
    assert caught.value.partial is None


def test_refusals(monkeypatch):
    for values in ([], [np.nan]):
        with pytest.raises(of.InputError, match="finite numbers"):
            of.gate_map(strip(), film, values, FIELDS)
    monkeypatch.setattr(
        "ohmr_fem.sweep.gate.hanle_curve",
        lambda *_, **__: (_ for _ in ()).throw(of.SolveError("singular")),
    )
    monkeypatch.setattr("ohmr_fem.sweep.shared.spectral_measures", gate.hanle_curve)
    for method in ("auto", "reduced"):
        with pytest.raises(
            of.SolveError, match="singular"
        ):  # nothing but an unstable torque may become nan
            of.gate_map(strip(), film, [0.5], FIELDS, method=method)


def test_map(tmp_path):
    found = of.gate_map(strip(), film, [1.0, 0.5, -0.02, -0.2], FIELDS, parameter="theta", unit="1")
    ax = of.plot_gate_map(found)
    image = ax.collections[0]
    drawn = image.get_array()
    assert image.get_clim()[0] == -image.get_clim()[1] and drawn.shape == (4, 9)
    assert np.array_equal(np.ma.getmaskarray(drawn), ~found.steady) and ax.patch.get_hatch()
    assert np.allclose(drawn.compressed() * 1e-6, found.rho_change[found.steady])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("$B_x$ (T)", "theta (1)")
    assert of.save_figure(ax, tmp_path / "map.png").stat().st_size > 5000
    assert np.abs(
        of.plot_gate_map(found, "rho_star").collections[0].get_array()
    ).max() <= np.nanmax(np.abs(found.rho_star))
    with pytest.raises(of.InputError, match="did you mean 'rho'"):
        of.plot_gate_map(found, "rh")
    with pytest.raises(of.InputError, match="at least two"):
        of.plot_gate_map(of.gate_map(strip(), film, [1.0], FIELDS))


def test_gates_share_a_measure_and_one_beyond_it_gets_its_own(monkeypatch):
    made = []
    real = shared.spectral_measures

    def counted(*args, **options):
        made.append(1)
        return real(*args, **options)

    monkeypatch.setattr(shared, "spectral_measures", counted)

    def longer(v: float) -> of.Material:
        return film(1.0, diffusion_length=v * LENGTH)

    values = [1.0, 1.1, 1.5, 8.0]
    found = of.gate_map(strip(), longer, values, FIELDS, unit="1")
    assert len(made) == 2
    for i, v in enumerate(values):
        own = of.hanle_curve(of.Problem(strip().mesh, longer(v)), FIELDS)
        assert np.allclose(found.rho[i], own.rho, rtol=1e-8, atol=0)
        assert np.allclose(found.rho_change[i], own.rho_change, rtol=1e-7, atol=1e-13)
