"""A device file with a film or a stack, from file to results."""

from __future__ import annotations

import json

import meshio
import numpy as np
import pytest
from small_devices import bar

import ohmr_fem as of
from ohmr_fem.config.device_file import read_device
from ohmr_fem.run.device import run_device

METAL = """resistivity = "180 uohm cm"
diffusion_length = "200 nm"
relaxation_time = "2 ps"
orbital_hall_angle = 0.1
inverse_mass = 1
"""
HEAD = """contacts = ["left", "right", "t1", "t2", "b1", "b2"]
[mesh]
file = "bar.msh"
[measure]
current = ["left", "right"]
voltage = ["t1", "b1"]
[sweep]
strength = "5 T"
angles = {plane = "xy", points = 5}
[output]
figures = ["svg"]
"""


@pytest.fixture
def folder(tmp_path):
    of.write_mesh(bar(24, 8), tmp_path / "bar.msh")
    return tmp_path


def ran(folder, text):
    path = folder / "device.toml"
    path.write_text(text, encoding="utf-8")
    out = folder / "out"
    run_device(read_device(path), out)
    return out, json.loads((out / "run.json").read_text())


def test_a_film(folder):
    text = (
        HEAD + f'fields_at = [0, 5]\nlayers = 3\n[film]\nthickness = "150 nm"\n[material]\n{METAL}'
    )
    out, record = ran(folder, text)
    grid = meshio.read(out / "device_1.vtu")
    assert np.ptp(grid.points[:, 2]) == pytest.approx(150e-9)
    assert np.abs(grid.point_data["moment_density [C/m^3]"]).max() > 0.0
    assert {"device_0.vtu", "device_1.vtu", "hanle.svg"} <= set(record["files"])
    head = (out / "results.csv").read_text()
    assert "delta_R_faces" in head and "delta_R_edges" in head


def test_a_stack(folder):
    layers = "".join(f'[[stack]]\nthickness = "{t} nm"\n{METAL}' for t in (50, 100))
    out, record = ran(folder, HEAD + layers)
    head = (out / "results.csv").read_text()
    assert "delta_R_faces" in head and "delta_R_edges" not in head
    assert any("side edges (about" in text for text in record["warnings"])
