"""Jobs of a laboratory from the command line: what a user types in an empty folder, line by line,
and the numbers that must come out.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem import cli
from ohmr_fem.cli import studies
from ohmr_fem.config import reader
from ohmr_fem.run import device

HERE = Path(__file__).parent
#: Exit code of what was stopped by Ctrl-C.
INTERRUPTED = 130
#: Lines that a user may have to type for a job.
MOST_LINES = 6


@pytest.fixture
def typed(tmp_path, monkeypatch, capsys):
    """A function that runs the lines of a job here, in this process; what they print."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(device, "Drawer", lambda: None)  # figures in this process
    meshed = reader.meshed  # what is asked here is whether a job runs through, not how finely
    monkeypatch.setattr(
        reader, "meshed", lambda shape, materials, _: meshed(shape, materials, True)
    )

    def run(job: str) -> str:
        lines = (HERE / f"{job}.sh").read_text().splitlines()
        assert len(lines) <= MOST_LINES
        for line in lines:
            _, *arguments = shlex.split(line, comments=True)
            expected = INTERRUPTED if "Ctrl-C" in line else 0
            with pytest.raises(SystemExit) as end:
                cli.main(arguments)
            assert end.value.code == expected, f"{line}: {capsys.readouterr().err}"
        return capsys.readouterr().out

    return run


def record(folder: str) -> dict:
    return json.loads(Path(folder, "run.json").read_text())


def test_film_bar(typed):
    typed("film_bar")
    (curve,) = record("results/film")["curves"].values()
    # the film as a sheet: R between the arms is (distance / width) resistivity / thickness
    assert curve["R_ohmic"] == pytest.approx(180e-8 / 10e-9, rel=0.2)
    # the largest change is alpha^2 tanh(z)/z of the resistance, z = thickness / 2 L_m
    most = 0.016**2 * math.tanh(2.5) / 2.5
    low, high = curve["hanle"]
    assert 0.0 <= low < high < 1.1 * most * curve["R_ohmic"]


def test_van_der_pauw(typed):
    said = typed("van_der_pauw")
    first, second = (c["R_ohmic"] for c in record("first")["curves"].values())
    assert of.sheet_resistance(first, second) == pytest.approx(1e3, rel=5e-4)  # contacts of 5%
    assert "none differs" in said and "largest difference 0" in said
    assert Path("first/compare_results_first.png").stat().st_size > 5000


def test_valve(typed):
    typed("valve")
    table = np.genfromtxt("valve/results.csv", delimiter=",", names=True, deletechars="")
    B, change = table["B_z_[T]"], table["hanle_[ohm]"]
    assert np.allclose(change, change[::-1], atol=1e-6 * np.abs(change).max())
    assert change.min() < -1.0 and abs(change[B == 0.0][0]) < 1e-9  # precession dephases


def test_study(typed):
    said = typed("study")
    assert "36 computed, 0 found finished" in said
    found = of.load_study("study.nc")
    assert int(found.status.sum()) == 36 and np.all(np.isfinite(found.hanle))
    page = Path("study_report.html").read_text()
    assert page.count("<tr>") == 1 + 36 * 2 and "36 points" in page and len(page) < 2e6


def test_a_study_that_was_interrupted(typed, monkeypatch):
    @contextlib.contextmanager
    def pressed():
        def update(done, total, left):
            if done == 5 and not Path("pressed").exists():
                Path("pressed").touch()
                raise KeyboardInterrupt

        yield update

    monkeypatch.setattr(studies, "remaining", pressed)
    said = typed("interrupted")
    computed, found = map(int, re.search(r"(\d+) computed, (\d+) found finished", said).groups())
    assert computed + found == 36 and 5 <= found < 36
    assert np.all(np.isfinite(of.load_study("study.nc").hanle))


def test_a_device_from_a_layout(typed):
    pytest.importorskip("gdstk", reason="a layout needs gdstk")
    said = typed("gds")
    assert "no errors" in said
    written = record("chip")
    (curve,) = written["curves"].values()
    # between the arms the layout is 600 nm long and 400 nm wide, of 1 kohm
    assert curve["R_ohmic"] == pytest.approx(1500.0, rel=0.05)
    assert curve["hanle"][1] > 1.0 and "chip_layout.gds" in " ".join(written["inputs"])


def test_the_map_of_a_gate(typed):
    typed("gate")
    table = np.genfromtxt("gate/gate.csv", delimiter=",", names=True, deletechars="")
    change = table[next(n for n in table.dtype.names if n.startswith("hanle"))].reshape(6, -1)
    # counted from neutrality X_zz changes its sign with the displacement, and R(B) - R(0) with it
    assert np.nanmax(change[0]) > 0.0 > np.nanmin(change[-1])
    assert Path("gate/gate.png").stat().st_size > 5000


def test_fit(typed):
    said = typed("fit")
    assert "122 rows" in said and "reduced chi^2" in said
    fitted = json.loads(Path("fit/fit.json").read_text())["parameters"]
    for name, truth in (("relaxation_time", 2e-12), ("diffusion_length", 1e-7), ("theta", 0.25)):
        assert fitted[name]["low"] <= truth * 1.01 and truth * 0.99 <= fitted[name]["high"]


def test_time_and_frequency(typed):
    typed("time")
    moving = np.genfromtxt("pulse/time.csv", delimiter=",", names=True, deletechars="")
    slow = np.genfromtxt("pulse/frequency.csv", delimiter=",", names=True, deletechars="")
    # long after the switch the device is where a slow current has it
    last, first = moving["delta_R_[ohm]"][-1], slow["Re_delta_R_[ohm]"][0]
    assert last == pytest.approx(first, rel=0.02)
    assert Path("pulse/time.png").exists() and Path("pulse/frequency.png").exists()


def test_thickness_series(typed):
    said = typed("thickness")
    assert json.loads(said.partition("\n")[2])["size"] == 4
    found = of.load_study("series.nc")
    thin = found["R_ohmic"].values[:, 0] * np.array([5.0, 7.0, 10.0, 14.0])
    assert np.allclose(thin, thin[0], rtol=1e-6)  # R is rho over thickness
    change = found["hanle"].values[:, 0].max(axis=-1) / found["R_ohmic"].values[:, 0]
    assert change.argmax() in (0, 1, 2)  # alpha^2 [F(1) - F(B)] falls beyond some 5 L_m


def test_tensor_of_a_material(typed):
    said = typed("model")
    assert "82 rows" in said and Path("X/theta.png").exists()


def test_examples(typed):
    said = typed("examples")
    assert "hall_bar.toml" in said and "Hall bar 400 nm wide" in said and "no errors" in said
    assert Path("meshes/hall_bar.msh").exists() and Path("examples/study_temperature.csv").exists()
