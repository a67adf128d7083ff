"""Studies: numbers, tables, resuming, and what is refused without harm."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem import study as study_module
from ohmr_fem import study_dask, study_store
from ohmr_fem.errors import InputError
from ohmr_fem.study import StudyInterrupted, load_study, run_study
from ohmr_fem.study_store import journal_path

pytest.importorskip("xarray")
pytest.importorskip("h5netcdf")
ROOT = Path(__file__).parent.parent
DEVICE = """
[cross_section]
width = "400 nm"
cells = 12

[material]
sheet_conductivity = "1 mS"
diffusion_length = "100 nm"
relaxation_time = "2 ps"
orbital_hall_angle = 0.1
inverse_mass = [24.4, 24.4, 6.1]

[sweep]
start = "0 T"
stop = "2 T"
points = 5
"""
STUDY = """
device = "strip.toml"

[axes]
"cross_section.width" = ["200 nm", "400 nm"]
"material.relaxation_time" = { start = "1 ps", stop = "4 ps", points = 3, scale = "log" }
"material.theta" = [0.1, 1.0]
"""


@pytest.fixture
def write(tmp_path):
    def make(text=STUDY, device=DEVICE):
        (tmp_path / "strip.toml").write_text(device, encoding="utf-8")
        (tmp_path / "study.toml").write_text(text, encoding="utf-8")
        return tmp_path / "study.toml"

    return make


@pytest.fixture
def counted(monkeypatch):
    """The points that are computed."""
    seen, compute = [], study_module.compute_point

    def counting(setting, changes):
        seen.append((setting.device.problem.mesh.extent[0], *changes.values()))
        return compute(setting, changes)

    monkeypatch.setattr(study_module, "compute_point", counting)
    return seen


def test_numbers_are_those_of_the_devices(write):
    result = run_study(write())
    data = load_study(result.path)
    assert result.computed == 12 and not result.failed and data.rho.dims[:3] == (
        "cross_section.width", "material.relaxation_time", "material.theta")
    for w in (200e-9, 400e-9):
        for tau in (1e-12, 2e-12, 4e-12):
            for theta in (0.1, 1.0):
                m = of.Material(1e-3, tau, 0.1, [24.4, 24.4, 24.4 * theta], diffusion_length=1e-7)
                exact = of.magnetoresistance(of.Problem(of.cross_section(w, cells=12), m), of.field_sweep(0, 2, 5))
                row = data.rho.sel({"cross_section.width": w, "material.relaxation_time": tau, "material.theta": theta},
                                   method="nearest")
                assert np.allclose(row.values[0], exact, rtol=1e-7)


def test_temperature_tables(write, tmp_path):
    (tmp_path / "T.csv").write_text("T [K],material.tau [ps],material.sheet_conductivity [mS]\n10,4,3\n110,2,1\n")
    data = load_study(run_study(write('device = "strip.toml"\n[axes]\nT = [10, 60, 110]\n[tables]\nT = "T.csv"\n')).path)
    at60 = of.Problem(of.cross_section(400e-9, cells=12), of.Material(2e-3, 3e-12, 0.1, [24.4, 24.4, 6.1], diffusion_length=1e-7))
    assert np.allclose(data.rho.sel(T=60).values[0], of.magnetoresistance(at60, of.field_sweep(0, 2, 5)), rtol=1e-7)


def stop_after(count):
    def progress(done, total, left):
        if done == count:
            raise KeyboardInterrupt

    return progress


@pytest.fixture
def killed(write, tmp_path):
    """What kill -9 after five points leaves: the journal, and no results file."""
    path, journal, kept = write(), tmp_path / "study.nc.partial", tmp_path / "kept"
    with pytest.raises(StudyInterrupted):
        run_study(path, progress=lambda *now: shutil.copy(journal, kept) and stop_after(5)(*now))
    (tmp_path / "study.nc").unlink()
    kept.rename(journal)
    return path


def same(first, second, names=("rho", "rho_change", "error", "status", "message")):
    return all(np.array_equal(first[n].values, second[n].values) for n in names)


def test_interrupted_and_resumed(write, counted, tmp_path):
    path = write()
    whole = load_study(run_study(path, tmp_path / "whole.nc").path)
    counted.clear()
    with pytest.raises(StudyInterrupted, match="5 of 12 points are kept"):
        run_study(path, progress=stop_after(5))
    first, part = list(counted), load_study(tmp_path / "study.nc")
    assert int((part.status == 1).sum()) == 5 and np.isnan(part.rho.values).any(axis=(-1, -2)).sum() == 7
    result = run_study(path)
    assert (result.found, result.computed) == (5, 7) and len(counted) == 12 and counted[:5] == first
    assert run_study(path).computed == 0 and not journal_path(result.path).exists()
    assert same(whole, load_study(result.path))


def test_a_killed_run_is_resumed_from_its_journal(killed, counted, refuses, tmp_path):
    with refuses(InputError, "study.nc", "run it again"):
        load_study(tmp_path / "study.nc")
    result = run_study(killed)
    assert (result.found, result.computed, len(counted)) == (5, 7, 7) and not journal_path(result.path).exists()
    assert same(load_study(run_study(killed, tmp_path / "whole.nc").path), load_study(result.path))


def test_kill_9(write, tmp_path):
    """A process that is shot after its fourth point."""
    path, out = write(), tmp_path / "out.nc"
    code = (f"import os, signal; from ohmr_fem.study import run_study; run_study({str(path)!r}, {str(out)!r}, "
            "progress=lambda done, total, left: done == 4 and os.kill(os.getpid(), signal.SIGKILL))")
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT)}).returncode == -signal.SIGKILL
    assert journal_path(out).exists() and not out.exists()
    result = run_study(path, out)
    assert (result.found, result.computed) == (4, 8) and same(load_study(out), load_study(run_study(path).path))


def test_a_line_cut_short_is_computed_again(killed, counted, tmp_path):
    journal = tmp_path / "study.nc.partial"
    journal.write_bytes(journal.read_bytes()[:-7])
    assert run_study(killed).computed == 8 and len(counted) == 8


def test_damage_before_the_end_is_refused(killed, refuses, tmp_path):
    journal = tmp_path / "study.nc.partial"
    damaged = journal.read_bytes().replace(b"0", b"1", 3)
    journal.write_bytes(damaged)
    with refuses(InputError, "damaged", "nothing was changed"):
        run_study(killed)
    assert journal.read_bytes() == damaged


def test_a_results_file_cut_short_is_refused(write, refuses, tmp_path):
    path = run_study(write()).path
    path.write_bytes(path.read_bytes()[:-2000])
    before = path.read_bytes()
    with refuses(InputError, "study.nc", "damaged", "nothing was changed"):
        run_study(tmp_path / "study.toml")
    assert path.read_bytes() == before and not journal_path(path).exists()


def test_two_versions_are_not_mixed(killed, refuses, monkeypatch):
    monkeypatch.setattr(study_store, "__version__", "9.9")
    with refuses(InputError, of.__version__, "9.9", "nothing was changed"):
        run_study(killed)


@pytest.mark.parametrize("name", ["study.nc", "study.nc.partial"])
def test_foreign_files_are_left_alone(write, refuses, tmp_path, name):
    (tmp_path / name).write_bytes(b"my thesis\nline two\n")
    with refuses(InputError, name, "nothing was changed"):
        run_study(write())
    assert (tmp_path / name).read_bytes() == b"my thesis\nline two\n"


def test_results_of_another_study_are_left_alone(write, refuses, tmp_path):
    before = run_study(write()).path.read_bytes()
    with refuses(InputError, "another study"):
        run_study(write(STUDY.replace("0.1, 1.0", "0.1, 0.9")))
    assert (tmp_path / "study.nc").read_bytes() == before
    with pytest.raises(InputError, match="another study"):
        run_study(write(device=DEVICE.replace("0.1\n", "0.2\n")))


def test_two_runs_at_once(write, refuses):
    def second(done, total, left):
        if done == 1:
            with refuses(InputError, "another run"):
                run_study(path)

    path = write()
    assert run_study(path, progress=second).computed == 12


def test_a_point_without_a_solution_is_kept_as_such(write, tmp_path):
    text = STUDY.replace("[0.1, 1.0]", "[-50.0, 1.0]")
    result = run_study(write(text))
    data = load_study(result.path)
    assert len(result.failed) == 6 and set(np.unique(data.status)) == {1, 2}
    assert "unstable" in str(data.message.values.ravel()[0]) and "unstable" in result.failed[0]
    assert run_study(tmp_path / "study.toml").computed == 0


def test_progress_and_remaining_time(write):
    said = []
    run_study(write(), progress=lambda done, total, left: said.append((done, total, left)))
    assert [s[:2] for s in said] == [(i, 12) for i in range(1, 13)] and said[-1][2] == 0.0 and all(s[2] >= 0 for s in said)


@pytest.mark.parametrize(("old", "new", "fragments"), [
    ('device = "strip.toml"', "", ["device is missing"]),
    ('device = "strip.toml"', 'device = "strip.toml"\nouput = "x.nc"', ["'ouput'", "did you mean 'output'?"]),
    ('device = "strip.toml"', 'device = "strip.toml"\noutput = "x.csv"', [".nc"]),
    ('"material.theta" = [0.1, 1.0]', '"material.theta" = []', ["list of values"]),
    ('"material.theta" = [0.1, 1.0]', '"material.theta" = ["1 nm"]', ["wrong dimension"]),
    ('"material.theta" = [0.1, 1.0]', '"material.theta" = [1, 1]', ["twice"]),
    ('"material.theta"', '"material.thta"', ["'material.thta'", "did you mean 'material.theta'?"]),
    ('"material.theta"', '"mesh.file"', ["'mesh.file'"]),
    ('"material.theta"', "temperature", ["'temperature'", "[tables]"]),
    ("points = 3", "points = 0", ["points"]),
    ("points = 3", "pints = 3", ["start, stop, points"]),
    ('"material.theta" = [0.1, 1.0]', '"material.theta" = [0.1]\n[tables]\nT = "none.csv"', ["none.csv"]),
    ('"material.theta" = [0.1, 1.0]', '"material.theta" = [0.1]\n[limits]\ndisk = "much"', ["limits.disk", "2 GB"]),
    ('"material.theta" = [0.1, 1.0]', '"material.theta" = [0.1]\n[limits]\ndisk = "0.001 kB"',
     ["6 points", "disk", "limit of the study"]),
    ("points = 3", "points = 2000000000000", ["points", "1000000"]),
    ("points = 3", "points = 900000", ["3600000 points", "memory", "what this machine has"]),
    ('"material.theta" = [0.1, 1.0]', '"edges.top" = ["absorbing"]', ["edges.top", "'absorbing'", "top"]),
    ('"material.theta"', '"sweep.points"', ["'sweep.points'", "can change"]),
    ('"material.theta"', '"materials.bulk.theta"', ["materials.bulk.theta", "known names"]),
    ('["200 nm", "400 nm"]', '["200 nm", "4 T"]', ["cross_section.width", "'4 T'"]),
])
def test_wrong_files(write, refuses, old, new, fragments, tmp_path, monkeypatch):
    monkeypatch.setattr(study_module, "_memory", lambda: 1e9)
    with refuses(InputError, *fragments):
        run_study(write(STUDY.replace(old, new)))
    assert not (tmp_path / "study.nc").exists() and not (tmp_path / "study.nc.partial").exists()


def test_tables_have_a_range_and_keys(write, refuses, tmp_path):
    text = 'device = "strip.toml"\n[axes]\nT = [10, 200]\n[tables]\nT = "T.csv"\n'
    (tmp_path / "T.csv").write_text("T [K],material.tau [ps]\n10,4\n110,2\n")
    with refuses(InputError, "200", "10 to 110"):
        run_study(write(text))
    (tmp_path / "T.csv").write_text("T [K],material.tua [ps]\n10,4\n210,2\n")
    with refuses(InputError, "'material.tua'", "material.tau"):
        run_study(write(text))
    (tmp_path / "T.csv").write_text("T [K],material.tau [nm]\n10,4\n210,2\n")
    with refuses(InputError, "wrong dimension"):
        run_study(write(text))


def test_nobody_at_the_address(write, refuses, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(study_dask, "PATIENCE", 0.5)
    with refuses(InputError, "tcp://127.0.0.1:9", "does not answer"):
        run_study(write(), scheduler="tcp://127.0.0.1:9")


def test_a_dask_scheduler_gives_the_same(write, tmp_path):
    distributed = pytest.importorskip("distributed")
    path = write()
    alone = load_study(run_study(path, tmp_path / "alone.nc").path)
    with distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster:
        result = run_study(path, tmp_path / "dask.nc", scheduler=cluster.scheduler_address)
    assert result.computed == 12 and np.array_equal(load_study(result.path).rho.values, alone.rho.values)


def test_content_travels_with_the_results(write):
    data = load_study(run_study(write()).path)
    assert json.loads(data.attrs["study"])["axes"]["material.theta"] == [0.1, 1.0] and len(data.attrs["hash"]) == 64
