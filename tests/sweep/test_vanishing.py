"""Pairs of contacts that read nothing by symmetry: exactly zero by every path, and drawn so."""

from __future__ import annotations

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.output.style import BY_SYMMETRY
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
def test_opposite_probes_read_exactly_nothing(mesh, kind, method):
    problem = KINDS[kind](mesh)
    fields = of.field_sweep(-5.0, 5.0, 5, "x")
    silent = of.hanle_curve(problem, fields, method=method, **ACROSS)
    assert silent.R_ohmic == 0.0 and not np.any(silent.delta_R) and not np.any(silent.hanle)
    assert np.all(np.isnan(silent.rho_star))
    loud = of.hanle_curve(problem, fields, method=method, **ALONG)
    assert np.all(loud.delta_R != 0.0) and np.ptp(loud.hanle) > 0.0


def test_small_fields_keep_their_digits(mesh):
    """The Hall signal of a film is odd in B_z, and there is nothing without field."""
    film = KINDS["film"](mesh)
    strong, weak = (of.hanle_curve(film, [(0.0, 0.0, b)], **ACROSS).hanle[0] for b in (1e-3, 1e-12))
    assert weak / strong == pytest.approx(1e-9, rel=1e-4)


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
    assert not np.any(scan.delta_R) and written(of.plot_admr(scan)) == [BY_SYMMETRY]


def written(ax):
    """Notes on the axes; one with a note has no other number than 0."""
    notes = [text.get_text() for text in ax.texts]
    if notes:
        ax.figure.canvas.draw()
        assert [label.get_text() for label in ax.get_yticklabels()] == ["0"]
        assert "e-" not in ax.yaxis.get_offset_text().get_text()
    return notes
