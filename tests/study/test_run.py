"""Studies: numbers, tables, resuming, and what is refused without harm."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from small_devices import bar

import ohmr_fem as of
from ohmr_fem.cli import main
from ohmr_fem.config.device_file import read_device
from ohmr_fem.errors import InputError, SolveError
from ohmr_fem.study import dask as study_dask
from ohmr_fem.study import point as study_point
from ohmr_fem.study import results as study_store
from ohmr_fem.study import run as study_module
from ohmr_fem.study.axes import changed_device
from ohmr_fem.study.file import read_study
from ohmr_fem.study.results import journal_path, read_journal
from ohmr_fem.study.run import StudyInterrupted, load_study, run_study

pytest.importorskip("xarray")
pytest.importorskip("h5netcdf")
pytest.importorskip("h5py")
ROOT = Path(__file__).parents[2]
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
BAR = """
contacts = ["left", "right", "t1", "t2", "b1", "b2"]
[mesh]
file = "bar.msh"
unit = "nm"
[material]
sheet_conductivity = "1 mS"
diffusion_length = "100 nm"
relaxation_time = "2 ps"
orbital_hall_angle = 0.1
inverse_mass = [1, 1, 0.25]
[measure]
current = ["left", "right"]
voltage = ["t1", "t2"]
[sweep]
start = "-2 T"
stop = "2 T"
points = 3
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
    assert (
        result.computed == 12
        and not result.failed
        and data.rho.dims[:3]
        == ("cross_section.width", "material.relaxation_time", "material.theta")
    )
    for w in (200e-9, 400e-9):
        for tau in (1e-12, 2e-12, 4e-12):
            for theta in (0.1, 1.0):
                m = of.Material(1e-3, tau, 0.1, [24.4, 24.4, 24.4 * theta], diffusion_length=1e-7)
                exact = of.magnetoresistance(
                    of.Problem(of.cross_section(w, cells=12), m), of.field_sweep(0, 2, 5)
                )
                row = data.rho.sel(
                    {
                        "cross_section.width": w,
                        "material.relaxation_time": tau,
                        "material.theta": theta,
                    },
                    method="nearest",
                )
                assert np.allclose(row.values[0], exact, rtol=1e-7)


def test_temperature_tables(write, tmp_path):
    (tmp_path / "T.csv").write_text(
        "T [K],material.tau [ps],material.sheet_conductivity [mS]\n10,4,3\n110,2,1\n"
    )
    data = load_study(
        run_study(
            write('device = "strip.toml"\n[axes]\nT = [10, 60, 110]\n[tables]\nT = "T.csv"\n')
        ).path
    )
    at60 = of.Problem(
        of.cross_section(400e-9, cells=12),
        of.Material(2e-3, 3e-12, 0.1, [24.4, 24.4, 6.1], diffusion_length=1e-7),
    )
    assert np.allclose(
        data.rho.sel(T=60).values[0], of.magnetoresistance(at60, of.field_sweep(0, 2, 5)), rtol=1e-7
    )
    assert data["T"].attrs["units"] == "K" and data["material.tau"].attrs["units"] == "s"
    assert np.allclose(data["material.tau"], [4e-12, 3e-12, 2e-12], rtol=1e-12)


def test_what_the_file_says_stays(write, tmp_path):
    """With the diffusion constant in the file L_m^2 grows with tau; with the diffusion length it
    does not.
    """
    write(device=DEVICE.replace('diffusion_length = "100 nm"', "diffusion_constant = 0.005"))
    device = read_device(tmp_path / "strip.toml")
    slower = changed_device(
        device, {"material.tau": "8 ps", "material.theta": 1.0}
    ).problem.material
    assert np.isclose(slower.diffusion_length, 2e-7) and np.isclose(
        slower.diffusion_constant, 0.005
    )
    shorter = changed_device(device, {"material.diffusion_length": 5e-8}).problem.material
    assert shorter.diffusion_constant == pytest.approx(1.25e-3)
    assert np.allclose(np.diag(slower.inverse_mass), 24.4)
    write(device=DEVICE)
    slower = changed_device(
        read_device(tmp_path / "strip.toml"), {"material.tau": "8 ps"}
    ).problem.material
    assert np.isclose(slower.diffusion_length, 1e-7) and np.isclose(
        slower.diffusion_constant, 1e-14 / 8e-12
    )


@pytest.fixture
def device_study(tmp_path):
    """A bar with contacts over mesh files, its scale, an edge law and alpha."""
    mesh = bar(26, 12)
    mesh = mesh.with_boundaries(
        {**mesh.boundaries, "wall": lambda p: (np.abs(p[0]) < 1.9e-7) & (p[1] > 1.99e-7)}
    )
    of.write_mesh(mesh, tmp_path / "bar.msh", unit="nm")
    of.write_mesh(mesh.scaled(2.0), tmp_path / "wide.msh", unit="nm")
    (tmp_path / "bar.toml").write_text(BAR, encoding="utf-8")
    (tmp_path / "study.toml").write_text(
        """device = "bar.toml"
[axes]
"material.orbital_hall_angle" = [0.1, 0.2]
"mesh.file" = ["bar.msh", "wide.msh"]
"mesh.scale" = [0.5, 1]
"edges.wall.moment" = ["reflecting", "5e4 m/s"]
""",
        encoding="utf-8",
    )
    return tmp_path / "study.toml"


def test_any_key_of_the_device(device_study, tmp_path):
    result = run_study(device_study)
    data = load_study(result.path)
    assert result.computed == 16 and not result.failed
    for alpha, file, scale, law in itertools.product(
        (0.1, 0.2), ("bar.msh", "wide.msh"), (0.5, 1), ("reflecting", "5e4 m/s")
    ):
        mesh = of.read_mesh(tmp_path / file, unit="nm").scaled(scale)
        prob = of.Problem(
            mesh,
            of.Material(1e-3, 2e-12, alpha, [1, 1, 0.25], diffusion_length=1e-7),
            ["left", "right", "t1", "t2", "b1", "b2"],
            edges={"wall": of.Edge(law)},
        )
        exact = of.hanle_curve(
            prob,
            of.field_sweep(-2, 2, 3),
            current=("left", "right"),
            voltage=("t1", "t2"),
            method="direct",
        )
        row = data.sel(
            {
                "material.orbital_hall_angle": alpha,
                "mesh.file": file,
                "mesh.scale": scale,
                "edges.wall.moment": law,
            }
        )
        assert np.allclose(row.delta_R[0], exact.delta_R, rtol=1e-6) and np.isclose(
            row.R_ohmic[0], exact.R_ohmic
        )
        assert np.allclose(row.hanle[0], exact.hanle, rtol=1e-6, atol=1e-7 * abs(exact.hanle).max())


MODEL = """
[cross_section]
width = "400 nm"
cells = 24
[material]
model = {kind = "bilayer_graphene"}
density = "2e12 cm**-2"
mobility = "1 m**2/(V*s)"
relaxation_time = "1 ps"
orbital_hall_angle = 0.1
mesh = 24
[gate]
displacement = [0, 0.3]
[sweep]
start = "0 T"
stop = "2 T"
points = 3
"""


def test_a_gate_is_an_axis(write, tmp_path, monkeypatch):
    from ohmr_fem.micro import bilayer_graphene
    from ohmr_fem.model import from_bands as bridge

    seen, tensor = [], bridge.inverse_mass
    monkeypatch.setattr(
        bridge, "inverse_mass", lambda *a, **k: seen.append(k["density"]) or tensor(*a, **k)
    )
    bridge._KNOWN.clear()
    data = load_study(
        run_study(
            write(
                """device = "strip.toml"
[axes]
"material.density" = ["1e12 cm**-2", "2e12 cm**-2", "3e12 cm**-2"]
"material.displacement" = ["0 meV", "20 meV"]
"material.tau" = ["1 ps", "2 ps"]
""",
                MODEL,
            )
        ).path
    )
    assert len(seen) == 6 and data["material.density"].attrs["units"] == "1/m**2"
    assert data["material.displacement"].attrs["units"] == "eV" and np.allclose(
        data["material.displacement"], [0, 0.02]
    )
    m = bridge.material(
        bilayer_graphene(),
        density=1e16,
        displacement=0.02,
        mobility=1.0,
        relaxation_time=2e-12,
        orbital_hall_angle=0.1,
        mesh=24,
        tolerance=1e-6,
    )
    exact = of.magnetoresistance(
        of.Problem(of.cross_section(400e-9, cells=24), m), of.field_sweep(0, 2, 3)
    )
    assert (
        np.allclose(data.rho[0, 1, 1, 0], exact, rtol=1e-6)
        and np.ptp(data.rho.values[:, :, 0, 0, 0]) > 1e-4
    )


def test_keys_of_a_model_are_suggested(write, refuses):
    with refuses(InputError, "material.densty", "did you mean 'material.density'?"):
        run_study(write('device = "strip.toml"\n[axes]\n"material.densty" = [1e16]\n', MODEL))


def test_one_measure_serves_all_materials(write, monkeypatch, tmp_path):
    """Also the fastest precession and the shortest diffusion length; none is solved by itself."""
    made = []
    make = study_point.spectral_measures
    monkeypatch.setattr(
        study_point, "spectral_measures", lambda *a, **k: made.append(1) or make(*a, **k)
    )
    monkeypatch.setattr(study_point, "hanle_curve", lambda *a, **k: pytest.fail("solved by itself"))
    run_study(
        write(STUDY.replace('stop = "4 ps"', 'stop = "90 ps"').replace("[0.1, 1.0]", "[0.1, 30.0]"))
    )
    assert len(made) == 2
    device = DEVICE.replace("cells = 12", "cells = 80").replace('"2 T"', '"0.1 T"')
    lengths = 'device = "strip.toml"\n[axes]\n"material.diffusion_length" = ["100 nm", "5 nm"]\n'
    run_study(write(lengths, device), tmp_path / "L.nc")
    assert len(made) == 3


def test_a_mesh_that_is_too_coarse_is_noted(write):
    result = run_study(
        write(STUDY.replace("[0.1, 1.0]", "[0.1, 1e5]"), DEVICE.replace("cells = 12", "cells = 3"))
    )
    message = load_study(result.path).message.values
    assert (
        "edge layer not resolved" in message[1, 2, 1]
        and message[0, 0, 0] == ""
        and message[1, 2, 1] in result.notes
    )


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
    assert (
        int((part.status == 1).sum()) == 5
        and np.isnan(part.rho.values).any(axis=(-1, -2)).sum() == 7
    )
    result = run_study(path)
    assert (result.found, result.computed) == (5, 7) and len(counted) == 12 and counted[:5] == first
    assert run_study(path).computed == 0 and not journal_path(result.path).exists()
    assert same(whole, load_study(result.path))


def test_a_killed_run_is_resumed_from_its_journal(killed, counted, refuses, tmp_path):
    with refuses(InputError, "study.nc", "run it again"):
        load_study(tmp_path / "study.nc")
    result = run_study(killed)
    assert (result.found, result.computed, len(counted)) == (5, 7, 7) and not journal_path(
        result.path
    ).exists()
    assert same(load_study(run_study(killed, tmp_path / "whole.nc").path), load_study(result.path))


def test_kill_9(write, tmp_path):
    """A process that is shot after its fourth point."""
    path, out = write(), tmp_path / "out.nc"
    code = (
        f"import os, signal; from ohmr_fem import run_study; run_study({str(path)!r}, "
        f"{str(out)!r}, "
        "progress=lambda done, total, left: done == 4 and os.kill(os.getpid(), signal.SIGKILL))"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}
        ).returncode
        == -signal.SIGKILL
    )
    assert journal_path(out).exists() and not out.exists()
    result = run_study(path, out)
    assert (result.found, result.computed) == (4, 8) and same(
        load_study(out), load_study(run_study(path).path)
    )


def test_a_line_cut_short_is_computed_again(killed, counted, tmp_path):
    journal = tmp_path / "study.nc.partial"
    journal.write_bytes(journal.read_bytes()[:-7])
    whole = []  # what a kill of this run would leave is whole again
    result = run_study(
        killed,
        progress=lambda *_: whole.append(len(read_journal(journal, read_study(killed).hash)[1])),
    )
    assert result.computed == 8 and len(counted) == 8 and whole == list(range(5, 13))


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


def test_a_file_that_changed_makes_another_study(device_study, write, refuses, tmp_path):
    """A mesh on an axis, the mesh of the device, a table: by what they hold, not by their names."""
    known = [read_study(device_study).hash]
    for name in ("wide.msh", "bar.msh"):
        mesh = of.read_mesh(tmp_path / name, unit="nm")
        of.write_mesh(mesh.scaled(1.01), tmp_path / name, unit="nm")
        known.append(read_study(device_study).hash)
    path = write('device = "strip.toml"\n[axes]\nT = [10]\n[tables]\nT = "T.csv"\n')
    for tau in (4, 5):
        (tmp_path / "T.csv").write_text(f"T [K],material.tau [ps]\n10,{tau}\n110,2\n")
        known.append(read_study(path).hash)
    assert len(set(known)) == 5
    write(
        'device = "strip.toml"\n[axes]\nT = [10]\n[tables]\nT = "T.csv"\n',
        DEVICE + '[output]\nfigures = ["svg"]\n',
    )
    assert read_study(path).hash == known[-1]  # what does not touch the numbers


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
    assert (
        [s[:2] for s in said] == [(i, 12) for i in range(1, 13)]
        and said[-1][2] == 0.0
        and all(s[2] >= 0 for s in said)
    )


@pytest.mark.parametrize(
    ("old", "new", "fragments"),
    [
        ('device = "strip.toml"', "", ["device is missing"]),
        (
            'device = "strip.toml"',
            'device = "strip.toml"\nouput = "x.nc"',
            ["'ouput'", "did you mean 'output'?"],
        ),
        ('device = "strip.toml"', 'device = "strip.toml"\noutput = "x.csv"', [".nc"]),
        ('"material.theta" = [0.1, 1.0]', '"material.theta" = []', ["list of values"]),
        ('"material.theta" = [0.1, 1.0]', '"material.theta" = ["1 nm"]', ["wrong dimension"]),
        ('"material.theta" = [0.1, 1.0]', '"material.theta" = [1, 1]', ["twice"]),
        (
            '"material.theta"',
            '"material.thta"',
            ["'material.thta'", "did you mean 'material.theta'?"],
        ),
        ('"material.theta"', '"mesh.file"', ["'mesh.file'"]),
        ('"material.theta"', "temperature", ["'temperature'", "[tables]"]),
        ("points = 3", "points = 0", ["points"]),
        ("points = 3", "pints = 3", ["start, stop, points"]),
        (
            '"material.theta" = [0.1, 1.0]',
            '"material.theta" = [0.1]\n[tables]\nT = "none.csv"',
            ["none.csv"],
        ),
        (
            '"material.theta" = [0.1, 1.0]',
            '"material.theta" = [0.1]\n[limits]\ndisk = "much"',
            ["limits.disk", "2 GB"],
        ),
        (
            '"material.theta" = [0.1, 1.0]',
            '"material.theta" = [0.1]\n[limits]\ndisk = "0.001 kB"',
            ["6 points", "disk", "limit of the study"],
        ),
        ("points = 3", "points = 2000000000000", ["points", "1000000"]),
        ("points = 3", "points = 200000", ["800000 points", "memory", "what this machine has"]),
        (
            '"material.theta" = [0.1, 1.0]',
            '"edges.top" = ["absorbing"]',
            ["edges.top", "'absorbing'", "top"],
        ),
        ('"material.theta"', '"sweep.points"', ["'sweep.points'", "can change"]),
        ('"material.theta"', '"materials.bulk.theta"', ["materials.bulk.theta", "known names"]),
        ('["200 nm", "400 nm"]', '["200 nm", "4 T"]', ["cross_section.width", "'4 T'"]),
    ],
)
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


def test_content_travels_with_the_results(write):
    data = load_study(run_study(write()).path)
    assert (
        json.loads(data.attrs["study"])["axes"]["material.theta"] == [0.1, 1.0]
        and len(data.attrs["hash"]) == 64
    )


# -- the command, and what may happen to it


def ohmr(*arguments):
    with pytest.raises(SystemExit) as end:
        main([str(a) for a in arguments])
    return end.value.code or 0


def test_the_command(write, capsys, monkeypatch):
    monkeypatch.setattr("ohmr_fem.cli.bars.LINE_EVERY", 0.0)
    assert ohmr("study", write()) == 0
    said = capsys.readouterr()
    assert "12 points, 12 computed, 0 found finished, 0 without a solution" in said.out
    assert "3 of 12 points, about 0:00:0" in said.err
    assert ohmr("study", write(), "--out", "") == 2
    assert (
        ohmr("study", write()) == 0 and "0 computed, 12 found finished" in capsys.readouterr().out
    )


def test_files_that_are_taken_for_one_another(write, capsys, tmp_path):
    assert (
        ohmr("study", write().with_name("strip.toml")) == 2
        and "is a device file" in capsys.readouterr().err
    )
    assert (
        ohmr("check", write()) == 2 and "is a study file: ohmr-fem study" in capsys.readouterr().err
    )


def test_the_command_says_what_has_no_solution(write, capsys):
    assert ohmr("study", write(STUDY.replace("[0.1, 1.0]", "[-50.0, 1.0]"))) == 3
    said = capsys.readouterr()
    assert (
        "6 without a solution" in said.out
        and "6 of 12 points have no solution" in said.err
        and "unstable" in said.err
    )


def test_ctrl_c(write, tmp_path):
    """A real interrupt of the command: code 130, a results file with what was done, and the rest
    afterwards.
    """
    path = write(STUDY.replace("points = 3", "points = 400"))
    process = subprocess.Popen(
        [sys.executable, "-m", "ohmr_fem.cli", "study", str(path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    journal = tmp_path / "study.nc.partial"
    while process.poll() is None and not (journal.exists() and journal.stat().st_size > 5000):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert (
        process.returncode == 130 and "of 1600 points are kept" in said and "Traceback" not in said
    ), said
    done = int((load_study(tmp_path / "study.nc").status == 1).sum())
    assert 0 < done < 1590 and not journal.exists()
    with pytest.raises(StudyInterrupted):
        run_study(path, progress=stop_after(done + 10))
    assert int((load_study(tmp_path / "study.nc").status == 1).sum()) == done + 10


@pytest.mark.parametrize("where", ["replace", "discard"])
def test_kill_9_while_the_results_are_written(write, tmp_path, where):
    """Before the new file takes its place, and after it but before the journal goes."""
    path, out = write(), tmp_path / "out.nc"
    code = (
        "import os, signal, xarray; from ohmr_fem.study import run as study; "
        "from pathlib import Path; kill = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL); "
        + ("Path.replace = kill; " if where == "replace" else "study.Journal.discard = kill; ")
        + f"study.run_study({str(path)!r}, {str(out)!r})"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}
        ).returncode
        == -signal.SIGKILL
    )
    assert journal_path(out).exists() and out.exists() == (where == "discard")
    result = run_study(path, out)
    assert (result.found, result.computed) == (12, 0) and not journal_path(out).exists()
    assert same(load_study(out), load_study(run_study(path).path))


def test_nothing_is_lost_when_the_results_cannot_be_written(
    write, monkeypatch, refuses, counted, tmp_path
):
    path = write()
    with monkeypatch.context() as full:
        full.setattr(
            study_store.Path,
            "replace",
            lambda *a: (_ for _ in ()).throw(OSError(28, "No space left on device")),
        )
        with refuses(InputError, "study.nc", "No space left"):
            run_study(path)
    assert journal_path(tmp_path / "study.nc").exists() and len(counted) == 12
    assert run_study(path).found == 12


def test_estimates_are_from_above(write):
    """Of the disk that a study takes and of the memory; not by more than a factor of ten."""
    text = STUDY.replace("points = 3", "points = 30")
    study, largest = read_study(write(text, DEVICE.replace("points = 5", "points = 101"))), 0
    need = study_module.sizes(study)

    def look(done, total, left):
        nonlocal largest
        largest = max(largest, journal_path(study.output).stat().st_size)

    tracemalloc.start()
    run_study(study.path, progress=look)
    memory = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    disk = largest + study.output.stat().st_size
    assert disk < need["disk"] < 10 * disk and memory < need["memory"] < 10 * memory, (
        disk,
        memory,
        need,
    )


# -- schedulers


@pytest.fixture
def cluster():
    """Four threads in this process."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=4, processes=False, dashboard_address=None
    ) as made:
        yield made


def test_a_dask_scheduler_gives_the_same(device_study, cluster, tmp_path):
    alone = load_study(run_study(device_study, tmp_path / "alone.nc").path)
    result = run_study(device_study, tmp_path / "dask.nc", scheduler=cluster.scheduler_address)
    assert result.computed == 16 and same(
        alone, load_study(result.path), ("R_ohmic", "delta_R", "hanle", "status")
    )


_compute_points, DEATHS, ASKED = study_dask.compute_points, [0], []


def dying(setting, several, version):
    """The points of a task, once it was lost with as many workers as DEATHS says."""
    from distributed import KilledWorker

    task = (setting.device.problem.mesh.size, *several[0].values())
    ASKED.append((task, len(several)))
    if [t for t, _ in ASKED].count(task) <= DEATHS[0]:
        raise KilledWorker("points", SimpleNamespace(address="far"), 3)
    return _compute_points(setting, several, version)


@pytest.mark.parametrize("deaths", [0, 2, 99])
def test_points_lost_with_their_worker_are_handed_out_again(
    write, cluster, monkeypatch, refuses, tmp_path, deaths
):
    monkeypatch.setattr(study_dask, "compute_points", dying)
    DEATHS[0] = deaths
    ASKED.clear()
    path = write(STUDY.replace("points = 3", "points = 20"))
    if deaths > 5:
        with refuses(SolveError, "lost 5 times", "memory", "kept"):
            run_study(path, scheduler=cluster.scheduler_address)
        return
    result = run_study(path, scheduler=cluster.scheduler_address)
    assert result.computed == 80 and same(
        load_study(run_study(path, tmp_path / "alone.nc").path), load_study(result.path)
    )
    tasks = [task for task, _ in ASKED]
    assert all(tasks.count(task) == deaths + 1 for task in tasks)
    assert (
        sum(size for _, size in ASKED) == 80 * (deaths + 1) and max(size for _, size in ASKED) > 1
    )  # quick: several a task


def test_results_lost_with_their_worker_are_no_lost_scheduler(refuses):
    pytest.importorskip("distributed")
    client = SimpleNamespace(status="running")
    results, failure = study_dask._results(SimpleNamespace(status="lost"), client)
    assert results is None and isinstance(failure, ConnectionError)
    with refuses(SolveError, "scheduler was lost"):
        study_dask._results(SimpleNamespace(status="cancelled"), client)


def test_two_processes_of_which_one_is_killed(write, tmp_path):
    """Real workers; kill -9 takes one with the points and the settings that it holds."""
    distributed = pytest.importorskip("distributed")
    path = write(STUDY.replace("points = 3", "points = 50"))
    alone = load_study(run_study(path, tmp_path / "alone.nc").path)
    killed = []
    options = {"dashboard_address": None, "local_directory": str(tmp_path)}
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, **options) as workers:
        for nanny in workers.workers.values():
            nanny.auto_restart = False  # a third process would cost seconds

        def kill(done, total, left):
            if done == 8:
                killed.append(workers.workers[0].pid)
                os.kill(killed[0], signal.SIGKILL)

        result = run_study(
            path, tmp_path / "two.nc", scheduler=workers.scheduler_address, progress=kill
        )
    assert len(killed) == 1 and result.computed == 200 and not result.failed
    assert same(alone, load_study(result.path))


def test_points_without_a_geometry_on_a_scheduler(device_study, cluster):
    device_study.write_text(device_study.read_text().replace("[0.1, 0.2]", "[0.1, 0.2, 0.3]"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            study_module,
            "changed_device",
            lambda *a: (_ for _ in ()).throw(InputError("no such shape")),
        )
        result = run_study(device_study, scheduler=cluster.scheduler_address)
    assert result.computed == 24 and set(result.failed.values()) == {"InputError: no such shape"}


def test_a_scheduler_that_is_killed(write, refuses, tmp_path):
    pytest.importorskip("distributed")
    code = (
        "import distributed, time; cluster = distributed.LocalCluster(n_workers=1, "
        "processes=False, dashboard_address=None, "
        "protocol='tcp'); print(cluster.scheduler_address, flush=True); time.sleep(60)"
    )
    path = write(STUDY.replace("points = 3", "points = 300"))
    far = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with far, refuses(SolveError, "scheduler was lost", "finished points are kept"):
        run_study(
            path,
            scheduler=far.stdout.readline().strip(),
            progress=lambda done, *_: done == 5 and far.kill(),
        )
    assert 5 <= int((load_study(tmp_path / "study.nc").status == 1).sum()) < 1200


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:9", "no-such-host.invalid:8786", "banana://1", "8786", ""]
)
def test_nobody_at_the_address(write, refuses, monkeypatch, address, tmp_path):
    pytest.importorskip("distributed")
    monkeypatch.setattr(study_dask, "PATIENCE", 0.5)
    with refuses(InputError, repr(address), "does not answer"):
        run_study(write(), scheduler=address)
    assert not (tmp_path / "study.nc").exists() and not (tmp_path / "study.nc.partial").exists()


def test_a_scheduler_without_workers_is_waited_for(write, capsys):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=None) as cluster:

        def notify(text):
            """The worker comes a while after the study said that it waits, however slow it is."""
            print(text)
            threading.Timer(0.5, cluster.scale, [1]).start()

        result = run_study(write(), scheduler=cluster.scheduler_address, notify=notify)
    assert result.computed == 12 and "no worker yet" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "said"),
    [("9.9", "has ohmr_fem 9.9"), (ImportError("No module"), "cannot import ohmr_fem")],
)
def test_workers_are_asked_for_the_package(
    write, cluster, refuses, monkeypatch, tmp_path, answer, said
):
    distributed = pytest.importorskip("distributed")
    run = distributed.Client.run
    monkeypatch.setattr(
        distributed.Client, "run", lambda *a, **k: dict.fromkeys(run(*a, **k), answer)
    )
    with refuses(InputError, said, of.__version__):
        run_study(write(), scheduler=cluster.scheduler_address)
    assert not list(tmp_path.glob("study.nc*"))


def test_a_worker_of_another_version_is_refused(refuses):
    for task in (study_point.make_setting, study_point.compute_point):
        with refuses(InputError, "9.9", of.__version__, "install the same"):
            task(None, None, version="9.9")


@pytest.mark.parametrize("key", ["format", "hash", "ohmr_fem"])
def test_a_header_of_numbers_is_that_of_another_study(write, refuses, key):
    import h5py

    path = write()
    done = run_study(path)
    with h5py.File(done.path, "r+") as file:
        file.attrs[key] = np.arange(4)
    with refuses(InputError, "nothing was changed"):
        run_study(path)
