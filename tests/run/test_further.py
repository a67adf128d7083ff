"""[time], [frequency] and [matrix] of a device file, against each other and against the curve."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.config.device_file import read_device
from ohmr_fem.run.device import run_device

DEVICE = """
[geometry]
shape = "van_der_pauw"
size = "400 nm"
contact = "60 nm"

[material]
sheet_conductivity = "1 mS"
diffusion_length = "100 nm"
relaxation_time = "2 ps"
orbital_hall_angle = 0.1
inverse_mass = [24.4, 24.4, 6.1]

[contacts]
a = "equipotential"
b = "equipotential"
c = "equipotential"
d = "equipotential"

[measure]
current = ["a", "b"]
voltage = ["d", "c"]

[sweep]
start = 0
stop = "2 T"
points = 2

[solve]
order = 1

[time]
stop = "60 ps"
points = 31
field = "2 T"
drive = "2 uA"

[frequency]
start = "1 kHz"
stop = "1 THz"
points = 5
scale = "log"
field = "2 T"

[matrix]
fields_at = [0, "2 T"]
sheet_resistance = ["a", "b", "c", "d"]

[output]
paraview = false
fields_at = []
figures = ["svg"]
"""


def table(path: Path) -> dict[str, np.ndarray]:
    head, *rows = path.read_text().splitlines()
    values = np.array([row.split(",") for row in rows], dtype=float)
    return dict(zip(head.split(","), values.T, strict=True))


@pytest.mark.filterwarnings("ignore::ohmr_fem.errors.ResolutionWarning")
def test_all_say_the_same_of_the_steady_state(tmp_path):
    (tmp_path / "d.toml").write_text(DEVICE)
    record = run_device(read_device(tmp_path / "d.toml"), tmp_path / "out")
    out = tmp_path / "out"
    curve = table(out / "results.csv")
    steady = curve["delta_R [ohm]"][-1]
    bound = curve["algebraic_error [ohm]"][-1]  # two pairs side by side cancel: it is 2e-6 here
    assert bound < 5e-6 * abs(steady)
    moving = table(out / "time.csv")
    assert moving["delta_R [ohm]"][-1] == pytest.approx(steady, rel=1e-5)
    assert moving["orbital [V]"][-1] == pytest.approx(2e-6 * steady, rel=1e-5)
    assert abs(moving["orbital [V]"][0]) < 1e-3 * abs(moving["orbital [V]"][-1])
    slow = table(out / "frequency.csv")
    assert slow["Re delta_R [ohm]"][0] == pytest.approx(steady, abs=2 * bound)
    assert abs(slow["Im delta_R [ohm]"][0]) < 1e-6 * abs(steady)
    matrix = table(out / "matrix.csv")
    # R_ab,dc from the entries against the reference d: current in at a and out at b
    across = -(matrix["R(a-d; c-d) [ohm]"] - matrix["R(b-d; c-d) [ohm]"])
    assert across == pytest.approx(curve["R [ohm]"], rel=1e-6)
    sheet = record["further"]["matrix"]["sheet_resistance"]
    assert sheet[0] == pytest.approx(1e3, rel=3e-2)  # order 1, wide contacts
    for name in ("time", "frequency"):
        assert "<svg" in (out / f"{name}.svg").read_text()
    assert json.loads((out / "run.json").read_text())["further"].keys() == record["further"].keys()


@pytest.mark.parametrize(
    "old, new, words",
    [
        ('stop = "60 ps"', "stop = -1", ["time.points", "stop after the start"]),
        ('drive = "2 uA"', 'drive = "2 V"', ["time.drive", "wrong dimension"]),
        ('drive = "2 uA"', "drive = { times = [0, 1] }", ["time.drive", "'times' and 'values'"]),
        ('"1 kHz"', "0", ["frequency.start", "positive"]),
        ("fields_at = [0,", "fields = [0,", ["matrix", "fields_at"]),
    ],
)
def test_refusals(tmp_path, old, new, words):
    (tmp_path / "d.toml").write_text(DEVICE.replace(old, new, 1))
    with pytest.raises(of.InputError) as caught:
        read_device(tmp_path / "d.toml")
    assert not [w for w in words if w not in str(caught.value)], str(caught.value)


def test_a_cross_section_has_no_pairs(tmp_path):
    section = '[cross_section]\nwidth = "20 nm"\n[material]' + DEVICE.partition("[material]")[2]
    section = section.partition("[contacts]")[0] + "[sweep]\nstart = 0\nstop = 1\npoints = 2\n"
    (tmp_path / "d.toml").write_text(section + "[matrix]\nfields_at = [0]\n")
    with pytest.raises(of.InputError, match="a cross-section has no contacts"):
        read_device(tmp_path / "d.toml")
