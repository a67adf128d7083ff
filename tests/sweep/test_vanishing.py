"""Pairs of contacts that read nothing by symmetry are known by every path, and drawn as zero."""

from __future__ import annotations

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.output.report import ZERO, change_of, ohmic_of
from ohmr_fem.output.style import BY_SYMMETRY
from ohmr_fem.run.device import summary
from tests.small_devices import MATERIAL, bar

pytestmark = pytest.mark.filterwarnings("ignore")
#: Opposite each other, on a mesh that is its own mirror image.
ACROSS = {"current": ("left", "right"), "voltage": ("t1", "b1")}
ALONG = {"current": ("left", "right"), "voltage": ("t1", "t2")}
BULK = {k: v for k, v in MATERIAL.items() if k != "sheet_conductivity"} | {"resistivity": 1e-7}
SPIN = of.Spin(diffusion_constant=1e-2, relaxation_time=1e-12, hall_angle=0.1)


@pytest.fixture(scope="module")
def mesh():
    return bar(12, 4, quads=True)


def device(mesh, material=None, **options):
    names = ["left", "right", "t1", "t2", "b1", "b2"]
    return of.Problem(mesh, material or of.Material(**MATERIAL), names, **options)


KINDS = {
    "plane": lambda m: device(m),
    "full": lambda m: device(m, coupling="full"),
    "spin": lambda m: device(m, of.Material(**MATERIAL, spin=SPIN)),
    "film": lambda m: device(m, of.Material(**BULK), film=of.Film("20 nm")),
    "film with spin": lambda m: device(m, of.Material(**BULK, spin=SPIN), film=of.Film("20 nm")),
}
PATHS = [
    ("plane", "spectral"), ("plane", "reduced"), ("plane", "direct"), ("full", "reduced"),
    ("full", "direct"), ("spin", "spectral"), ("spin", "direct"), ("film", "auto"),
    ("film with spin", "auto"),
]  # fmt: skip


@pytest.mark.parametrize("kind, method", PATHS)
def test_opposite_probes_read_nothing_but_round_off(mesh, kind, method):
    problem = KINDS[kind](mesh)
    fields = of.field_sweep(-5.0, 5.0, 5, "x")
    silent = of.hanle_curve(problem, fields, method=method, **ACROSS)
    loud = of.hanle_curve(problem, fields, method=method, **ALONG)
    assert silent.silent and not loud.silent
    assert np.abs(silent.delta_R).max() < 1e-11 * np.abs(loud.delta_R).max()
    for name in ("rho", "rho_change", "rho_star"):
        assert np.all(np.isnan(getattr(silent, name))) and np.all(np.isfinite(getattr(loud, name)))


def graded(**options):
    """Cells of 1e-4 of the width."""
    half = np.concatenate([[0.0], np.geomspace(2e-11, 2e-7, 12)])
    across = np.concatenate([-2e-7 + half[:-1], 2e-7 - half[::-1]])
    grid = of.tensor_grid(np.linspace(-6e-7, 6e-7, 25), across)
    ends = {"left": lambda p: p[0] < -5.99e-7, "right": lambda p: p[0] > 5.99e-7}
    sides = {
        name: lambda p, side=side: (side * p[1] > 1.9999e-7) & (abs(p[0] + 3e-7) < 1e-7)
        for name, side in (("t1", 1), ("b1", -1))
    }
    mesh = grid.with_boundaries({**ends, **sides})
    return of.Problem(mesh, contacts=[*ends, *sides], **options)


def test_a_graded_mesh_has_more_of_it():
    """1e-12 of the effect: no ratio of it is a number."""
    problem = graded(materials=of.Material(**MATERIAL), order=4)
    curve = of.hanle_curve(problem, of.field_sweep(-5.0, 5.0, 5, "x"), **ACROSS)
    assert curve.silent and written(of.plot_hanle(curve)) == [BY_SYMMETRY]
    assert np.all(np.isnan(curve.rho)) and np.all(np.isnan(curve.rho_star))


def test_no_ratios_to_a_resistance_that_is_round_off(mesh, tmp_path):
    """The planar Hall signal of a film is real; R_ohmic and f(0) between its probes are nothing."""
    metal = of.Material(**{**BULK, "diffusion_length": 2e-9})
    film = graded(materials=metal, film=of.Film("10 nm"))
    turned = of.field_rotation(5.0, 8, "xy")
    across = of.hanle_curve(film, turned, **ACROSS)
    along = of.hanle_curve(KINDS["film"](mesh), turned, **ALONG)
    assert across.ohmic_silent and not across.silent and not along.ohmic_silent
    assert 0.0 < abs(across.R_ohmic) < 1e-9 and np.abs(across.delta_R).max() > 5e-4
    measure = of.spectral_measure(film, **ACROSS, fields=turned)
    ratios = [across.rho, across.rho_change, across.rho_star, measure.rho(turned)]
    assert np.all(np.isnan([*ratios, measure.rho_star(turned)]))
    assert np.all(np.isfinite([along.rho, along.rho_change, along.rho_star]))
    across.to_csv(tmp_path / "curve.csv")
    text = (tmp_path / "curve.csv").read_text()
    assert "# R_ohmic: nothing but round-off" in text and "# rho_star: empty, f(0)" in text
    assert "delta_R" in repr(across) and "round-off" not in repr(across)


def test_a_run_says_so_in_its_report_and_on_the_terminal(mesh):
    problem, fields = KINDS["plane"](mesh), of.field_sweep(-5.0, 5.0, 5, "x")
    record = summary(of.hanle_curve(problem, fields, **ACROSS))
    assert (ohmic_of(record), change_of(record)) == (ZERO, ZERO)
    loud = summary(of.hanle_curve(problem, fields, **ALONG))
    assert loud["round_off"] == [] and "to" in change_of(loud)


def test_small_fields_keep_their_digits(mesh):
    """The Hall signal of a film is odd in B_z, and there is nothing without field."""
    film = KINDS["film"](mesh)
    strong, weak = (of.hanle_curve(film, [(0.0, 0.0, b)], **ACROSS).hanle[0] for b in (1e-3, 1e-12))
    assert weak / strong == pytest.approx(1e-9, rel=1e-4)
    assert not of.hanle_curve(film, [(0.0, 0.0, 1e-12)], **ACROSS).silent


def test_it_is_drawn_as_zero(mesh):
    problem, fields = KINDS["plane"](mesh), of.field_sweep(-5.0, 5.0, 5, "x")
    silent = of.hanle_curve(problem, fields, **ACROSS)
    loud = of.hanle_curve(problem, fields, **ALONG)
    still = of.hanle_curve(problem, of.field_sweep(-5.0, 5.0, 5, "z"), **ALONG)
    assert written(of.plot_hanle(silent)) == [BY_SYMMETRY]
    assert written(of.plot_hanle(still)) == ["zero at every field"]
    assert written(of.plot_hanle([loud, silent])) == []
    assert written(of.plot_hanle(silent, "rho_star")) == []  # there is no such number
    scan = of.admr(problem, 5.0, points=8, **ACROSS)
    assert scan.ohmic_silent == (True,)
    assert "R_ohmic 0, to round-off, delta_R 0, to round-off" in repr(scan)
    assert scan.silent == (True,) and written(of.plot_admr(scan)) == [BY_SYMMETRY]


def written(ax):
    """Notes on the axes; one with a note has no other number than 0."""
    notes = [text.get_text() for text in ax.texts]
    if notes:
        ax.figure.canvas.draw()
        assert [label.get_text() for label in ax.get_yticklabels()] == ["0"]
        assert "e-" not in ax.yaxis.get_offset_text().get_text()
    return notes
