"""A study over the thickness of a film."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_devices import bar

import ohmr_fem as of
from ohmr_fem.solver.linear import SuperLU
from ohmr_fem.study.run import load_study, run_study

pytest.importorskip("xarray")
pytest.importorskip("h5netcdf")
DEVICE = """
contacts = ["left", "right", "t1", "t2", "b1", "b2"]
[mesh]
file = "bar.msh"
[film]
thickness = "50 nm"
[material]
resistivity = "180 uohm cm"
diffusion_length = "100 nm"
relaxation_time = "2 ps"
orbital_hall_angle = 0.1
inverse_mass = 1
[measure]
current = ["left", "right"]
voltage = ["t1", "t2"]
[sweep]
start = "0 T"
stop = "5 T"
points = 3
"""
STUDY = 'device = "bar.toml"\n[axes]\n"film.thickness" = ["40 nm", "160 nm"]\n'


def metal():
    """That of the device."""
    return of.Material(
        resistivity=1.8e-6,
        relaxation_time=2e-12,
        orbital_hall_angle=0.1,
        inverse_mass=1.0,
        diffusion_length=1e-7,
    )


@pytest.mark.filterwarnings("ignore::ohmr_fem.errors.ResolutionWarning")
def test_the_thickness_is_an_axis(tmp_path):
    of.write_mesh(bar(26, 12), tmp_path / "bar.msh")
    (tmp_path / "bar.toml").write_text(DEVICE, encoding="utf-8")
    (tmp_path / "study.toml").write_text(STUDY, encoding="utf-8")
    result = run_study(tmp_path / "study.toml")
    data = load_study(result.path)
    assert result.computed == 2 and not result.failed
    contacts = ["left", "right", "t1", "t2", "b1", "b2"]
    mesh = of.read_mesh(tmp_path / "bar.msh")
    problem = of.Problem(mesh, metal(), contacts, film=of.Film(100e-9))
    measure = of.spectral_measure(
        problem, current=("left", "right"), voltage=("t1", "t2"), thicknesses=(40e-9, 160e-9)
    )
    fields = of.field_sweep(0, 5, 3)
    for thickness in (40e-9, 160e-9):
        found = data.hanle.sel({"film.thickness": thickness}, method="nearest").values.ravel()
        expected = measure.at(thickness=thickness).hanle(fields)
        assert np.allclose(found, expected, rtol=1e-4, atol=1e-9 * np.abs(expected).max())


LAYERS = """[[stack]]
name = "Mn"
thickness = "50 nm"
resistivity = "180 uohm cm"
diffusion_length = "100 nm"
relaxation_time = "2 ps"
orbital_hall_angle = 0.1
inverse_mass = 1
[[stack]]
thickness = "30 nm"
resistivity = "30 uohm cm"
diffusion_length = "20 nm"
relaxation_time = "1 ps"
orbital_hall_angle = 0.05
inverse_mass = 1
[measure]"""


def layered(tmp_path):
    of.write_mesh(bar(26, 12), tmp_path / "bar.msh")
    before, _, rest = DEVICE.partition("[film]")
    text = before + LAYERS + rest.partition("[measure]")[2]
    (tmp_path / "bar.toml").write_text(text, encoding="utf-8")


def test_layers_of_a_stack_are_axes(tmp_path):
    layered(tmp_path)
    axes = '"stack.Mn.thickness" = ["50 nm", "80 nm"]\n"stack.layer_2.tau" = ["1 ps", "3 ps"]\n'
    (tmp_path / "study.toml").write_text(f'device = "bar.toml"\n[axes]\n{axes}', encoding="utf-8")
    result = run_study(tmp_path / "study.toml")
    assert result.computed == 4 and not result.failed
    data = load_study(result.path)
    device = of.read_device(tmp_path / "bar.toml")
    for t in (50e-9, 80e-9):
        for tau in (1e-12, 3e-12):
            place = {"stack.Mn.thickness": t, "stack.layer_2.tau": tau}
            found = data.hanle.sel(place, method="nearest").values.ravel()
            layers = {"Mn.thickness": t, "layer_2.relaxation_time": tau}
            stack = device.problem.film.at(layers)
            problem = replace(device.problem, materials=None, film=stack)
            curve = of.hanle_curve(
                problem, device.fields, current=("left", "right"), voltage=("t1", "t2")
            )
            assert np.abs(found - curve.hanle).max() <= 1e-9 * np.abs(curve.hanle).max()


@pytest.mark.parametrize("axis", ["stack.Pt.thickness", "stack.thickness", "stack.Mn.colour"])
def test_an_axis_that_is_no_layer_is_refused(axis, tmp_path, refuses):
    layered(tmp_path)
    text = f'device = "bar.toml"\n[axes]\n"{axis}" = [1, 2]\n'
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    with refuses(of.InputError, axis):
        run_study(tmp_path / "study.toml")


@pytest.mark.filterwarnings("ignore")
def test_one_measure_serves_all_thicknesses_and_materials(tmp_path, monkeypatch):
    """Six points from the factorisations of one, within the error that the study states."""
    of.write_mesh(bar(13, 6), tmp_path / "bar.msh")
    faces = DEVICE.replace('thickness = "50 nm"', 'thickness = "50 nm"\nbottom = 3e4')
    (tmp_path / "bar.toml").write_text(faces, encoding="utf-8")
    axes = '"film.thickness" = ["40 nm", "60 nm", "90 nm"]\n"material.tau" = ["1 ps", "2 ps"]\n'
    axes += '"material.orbital_hall_angle" = [0.05]\n'
    (tmp_path / "study.toml").write_text(f'device = "bar.toml"\n[axes]\n{axes}', encoding="utf-8")
    made = []
    factorise = SuperLU.factorise

    def counted(self, matrix, *rest, **options):
        made.append(matrix.shape)
        return factorise(self, matrix, *rest, **options)

    with monkeypatch.context() as patch:
        patch.setattr(SuperLU, "factorise", counted)
        patch.setattr("ohmr_fem.study.point.hanle_curve", None)  # no point is solved by itself
        result = run_study(tmp_path / "study.toml")
    assert result.computed == 6 and not result.failed
    assert len(made) <= 6  # of one measure, not of six
    data = load_study(result.path).isel(measurement=0).squeeze("material.orbital_hall_angle")
    device = of.read_device(tmp_path / "bar.toml")
    for i, t in enumerate((40e-9, 60e-9, 90e-9)):
        for j, tau in enumerate((1e-12, 2e-12)):
            angles = dict.fromkeys(("orbital_hall_angle", "inverse_orbital_hall_angle"), 0.05)
            m = replace(metal(), relaxation_time=tau, diffusion_constant=None, **angles)
            problem = of.Problem(
                device.problem.mesh, m, list(device.problem.contacts), film=of.Film(t, bottom=3e4)
            )
            curve = of.hanle_curve(
                problem, device.fields, current=("left", "right"), voltage=("t1", "t2")
            )
            found = data.isel({"film.thickness": i, "material.tau": j})
            assert float(found.R_ohmic) == pytest.approx(curve.R_ohmic, rel=1e-9)
            apart = np.abs(found.delta_R.values - curve.delta_R)
            assert np.all(apart <= found.error.values + curve.algebraic_error)
            assert np.abs(found.hanle.values - curve.hanle).max() < 1e-4 * np.ptp(curve.hanle)
