"""A study over the polarisation of the contact that reads."""

from __future__ import annotations

import numpy as np
import pytest

from ohmr_fem.analytic import valve
from ohmr_fem.study.run import load_study, run_study

pytest.importorskip("xarray")
pytest.importorskip("h5netcdf")
DEVICE = """
[channel]
length = "80 um"
width = "0.1 um"
contacts = { source = "-2 um", reader = "2 um" }
[contacts.left]
[contacts.right]
[contacts.source]
polarisation = [0, 0, 0.2]
[contacts.reader]
polarisation = [0, 0, 0.1]
[material]
sheet_conductivity = "0.5 mS"
diffusion_length = "2 um"
relaxation_time = "400 ps"
orbital_hall_angle = 0
inverse_mass = 1
[measure]
current = ["source", "left"]
voltage = ["reader", "right"]
[sweep]
start = "0 T"
stop = "1 mT"
points = 2
"""
STUDY = """
device = "valve.toml"
[axes]
"contacts.reader.polarisation" = [[0, 0, 0.1], [0, 0, -0.3], [0, 0.4, 0]]
"""


def test_a_polarisation_is_an_axis(tmp_path):
    (tmp_path / "valve.toml").write_text(DEVICE, encoding="utf-8")
    (tmp_path / "study.toml").write_text(STUDY, encoding="utf-8")
    result = run_study(tmp_path / "study.toml")
    assert result.computed == 3 and not result.failed
    found = load_study(result.path).delta_R.values.reshape(3, 2)[:, 0]
    unit = 2e-6 / (0.5e-3 * 0.1e-6)  # L_m/(sigma_s W)
    readers = ([0, 0, 0.1], [0, 0, -0.3], [0, 0.4, 0])
    expected = [unit * valve(2.0, np.zeros((3, 3)), [0, 0, 0.2], p) for p in readers]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9 * unit)
