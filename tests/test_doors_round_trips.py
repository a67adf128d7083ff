"""Doors: every format that the package writes comes back; the table is in docs/how-to/meshes.md.

Meshes, solutions and measures are in tests/test_doors_places.py, fits in tests/output.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.config.device_file import read_device
from ohmr_fem.micro import from_wannier90, models
from ohmr_fem.micro.wannier90 import write_wannier90
from ohmr_fem.run.device import run_device
from tests.good_files import SECTION, STUDY, TAUS
from tests.small_devices import bar_problem

FIELDS = np.array([[-1.5, 0, 0.25], [-0.5, 0, 0.25], [0, 0, 0.25], [1 / 3, 0, 0.25]])
PAIR = {"current": ("left", "right"), "voltage": ("t1", "t2")}

pytestmark = pytest.mark.filterwarnings(
    "ignore::ohmr_fem.PhysicsWarning", "ignore::ohmr_fem.ResolutionWarning"
)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def curve():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return of.hanle_curve(bar_problem(order=1), FIELDS, **PAIR)


@pytest.mark.parametrize("quantity", ["R", "hanle"])
def test_the_table_of_a_curve(curve, quantity):
    curve.to_csv("curve.csv")
    several = of.read_data("curve.csv", quantity=quantity)
    assert several
    for again in several:
        assert np.array_equal(again.fields, curve.fields)
        assert np.array_equal(again.values, curve[again.name or quantity])


def test_the_table_of_the_command(curve):
    """As ``run`` writes it: through the same columns."""
    Path("section.toml").write_text(SECTION)
    device = read_device("section.toml")
    run_device(device, "out")
    (again,) = of.read_data("out/results.csv", quantity="ratio")
    whole = of.hanle_curve(device.problem, device.fields)
    assert np.array_equal(again.values, whole.rho_change)


def test_a_study_holds_the_bits_of_its_curves():
    pytest.importorskip("xarray")
    for name, text in (("section.toml", SECTION), ("study.toml", STUDY), ("t.csv", TAUS)):
        Path(name).write_text(text)
    data = of.load_study(of.run_study("study.toml").path)
    at_4_kelvin = f"{2 - 3 / 99} ps"  # by the table
    Path("one.toml").write_text(SECTION.replace("2 ps", at_4_kelvin))
    device = read_device("one.toml")
    rho = data["rho"].values.reshape(2, 2, -1)[1, 0]
    assert rho == pytest.approx(of.hanle_curve(device.problem, device.fields).rho, rel=1e-9)
    assert data.identical(of.load_study("study.nc"))
    again = of.run_study("study.toml")
    assert (again.found, again.computed) == (4, 0)


@pytest.mark.parametrize("ending", ["_hr.dat", "_tb.dat"])
def test_every_bit_of_a_hopping(ending):
    model = models.bilayer_graphene(0.1)
    write_wannier90(model, f"a{ending}")
    given = (model.positions, model.lattice) if ending == "_hr.dat" else ()
    again = from_wannier90(f"a{ending}", *given)
    write_wannier90(again, f"b{ending}")
    one, other = (Path(f"{name}{ending}").read_text().splitlines()[1:] for name in "ab")
    assert [line.replace("-0.000", "0.000") for line in one] == other  # zero has no sign
    k = np.array([[0.1, 0.2], [1.0, -0.4]])
    assert again.bloch(k) == pytest.approx(model.bloch(k), rel=1e-14)  # summed in another order


def test_a_film_in_three_dimensions():
    """Written for other programs; what has no place in the plane is refused in one line."""
    material = of.Material(
        resistivity=1e-7,
        diffusion_length=1e-7,
        relaxation_time=2e-12,
        orbital_hall_angle=0.1,
        inverse_mass=1.0,
    )
    mesh = bar_problem(order=1).mesh
    problem = of.Problem(mesh, material, ["left", "right"], film=of.Film("20 nm"), order=1)
    moment = of.film_moment(problem, FIELDS[0], current=("left", "right"))
    of.export_film(moment, "film.vtu")
    with pytest.raises(of.OhmrError) as caught:
        of.read_mesh("film.vtu")
    assert len(str(caught.value)) <= 300 and "film.vtu" in str(caught.value)
