"""The command line: files left behind, exit codes, one line for every mistake, nothing lost on
Ctrl-C.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import meshio
import numpy as np
import pytest
from small_devices import bar

import ohmr_fem as of
from ohmr_fem.cli import main

SECTION = """
[cross_section]
width = "20 nm"
cells = 32
[material]
sheet_conductivity = 1e-3
diffusion_length = "2 nm"
relaxation_time = "2 ps"
orbital_hall_angle = 0.016
inverse_mass = [1, 1, 0.25]
[sweep]
start = -20
stop = 20
points = 5
[output]
figures = ["png"]
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
[[measure]]
current = ["left", "right"]
voltage = ["t1", "t2"]
[[measure]]
name = "nonlocal"
current = ["t1", "b1"]
voltage = ["t2", "b2"]
[sweep]
start = "-2 T"
stop = "2 T"
points = 3
[output]
figures = ["svg"]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ohmr(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    return end.value.code or 0


def test_completion_is_typed_for_the_command(monkeypatch, capsys):
    # typer looks for the shell that it runs in, which make and others do not have
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    assert ohmr("--show-completion", "bash") == 0
    assert "complete -o default -F _ohmr_fem_completion ohmr-fem" in capsys.readouterr().out
    monkeypatch.setenv("_OHMR_FEM_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "ohmr-fem ex")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert ohmr() == 0
    assert capsys.readouterr().out.split() == ["examples", "explore"]


def test_the_schema_of_a_measure_is_printed(capsys):
    assert ohmr("schema", "--measure") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["title"] == "ohmr_fem spectral measure 2"
    assert ohmr("schema", "--measure", "--markdown") == 2


def _device(text: str) -> str:
    Path("device.toml").write_text(text)
    if "bar.msh" in text:
        of.write_mesh(bar(), "bar.msh", unit="nm")
    return "device.toml"


def _table(path: str) -> dict[str, np.ndarray]:
    with open(path, newline="") as stream:
        head, *rows = csv.reader(stream)
    return {name: np.array([float(r[i]) for r in rows]) for i, name in enumerate(head)}


def test_cross_section_from_file_to_curve(capsys):
    assert ohmr("run", _device(SECTION), "--out", "out") == 0
    table = _table("out/results.csv")
    assert (
        list(table)[:4] == ["B_x [T]", "B_y [T]", "B_z [T]", "rho [1]"] and "rho_star [1]" in table
    )
    X, B = 1 / 9.1093837015e-31, table["B_x [T]"]
    z = (
        np.sqrt(1 + 1j * 0.5 * (0.5 * 1.602176634e-19 * B * X * 2e-12)) * 5
    )  # sqrt(theta) Omega tau; l/2 = 5
    expected = -(0.016**2) * (np.tanh(z) / z).real  # Eq. (7)
    assert np.allclose(table["rho [1]"], expected, rtol=1e-8)
    assert {p.name for p in Path("out").iterdir()} == {
        "results.csv",
        "hanle.png",
        "device.pvd",
        "device_0.vtu",
        "device_1.vtu",
        "moment_density_0.png",
        "moment_density_1.png",
        "report.html",
        "run.json",
    }
    said = capsys.readouterr()
    assert "5 fields" in said.out and said.err == ""


def test_device_with_two_measurements(capsys):
    assert ohmr("run", _device(BAR), "--out", "out") == 0
    local, nonlocal_ = _table("out/results.csv"), _table("out/results_nonlocal.csv")
    columns = [
        "B_x [T]",
        "B_y [T]",
        "B_z [T]",
        "R [ohm]",
        "R_ohmic [ohm]",
        "delta_R [ohm]",
        "hanle [ohm]",
    ]
    assert list(local)[:7] == columns == list(nonlocal_)[:7]
    assert (
        np.all(local["delta_R [ohm]"] < 0)
        and local["hanle [ohm]"][1] == 0
        and np.all(local["hanle [ohm]"][[0, 2]] > 0)
    )
    assert np.allclose(
        local["R [ohm]"], local["R_ohmic [ohm]"] + local["delta_R [ohm]"], rtol=1e-14
    )
    sets = list(ET.parse("out/device.pvd").getroot().iter("DataSet"))
    assert [float(s.get("timestep")) for s in sets] == [0, 2]
    drop = meshio.read("out/device_nonlocal_0.vtu").point_data["potential [V]"]
    assert (
        np.ptp(drop) > 0
        and Path("out/moment_density_nonlocal_1.svg").exists()
        and Path("out/mesh.svg").exists()
    )


def test_field_files_have_the_drive_that_was_asked_for(capsys):
    ohmr(
        "run",
        _device(BAR.replace("[output]", '[output]\ndrive_current = "3 uA"\nfields_at = ["1 T"]')),
        "--out",
        "out",
    )
    read = meshio.read("out/device.vtu")  # a single field needs no series
    x = read.points[read.cells[0].data[:, :3], 0].mean(axis=1)
    assert read.cell_data["current_density [A/m]"][0][abs(x) < 5e-8, 0].mean() == pytest.approx(
        3e-6 / 4e-7, rel=0.02
    )
    film = SECTION.replace("cells = 32", 'normal = "z"').replace(
        "[output]", '[output]\nelectric_field = "2 V/m"'
    )
    ohmr("run", _device(film.replace('["png"]', '["svg"]')), "--out", "film")
    assert np.allclose(
        meshio.read("film/device_0.vtu").cell_data["electric_field [V/m]"][0][:, 0], 2.0
    )
    assert "n^y" in Path("film/moment_density_0.svg").read_text()  # what accumulates in a film


def test_record(capsys):
    _device(BAR)
    ohmr("run", "device.toml", "--out", "out")
    record = json.loads(Path("out/run.json").read_text())
    assert record["status"] == "complete" and record["ohmr_fem"] == of.__version__
    assert record["inputs"] == {
        p: hashlib.sha256(Path(p).read_bytes()).hexdigest() for p in ("device.toml", "bar.msh")
    }
    assert record["dependencies"]["numpy"] == np.__version__
    assert (
        record["mesh"]["cells"] == 1536
        and record["mesh"]["order"] == 2
        and record["mesh"]["regions"] == {"bulk": 1536}
    )
    assert record["mesh"]["unknowns_per_field"] == (2 * 48 + 1) * (2 * 16 + 1)
    assert 0 < record["curves"]["measure"]["largest_residual"] < 1e-9
    assert record["fields"][0]["solver"] and max(record["fields"][0]["residuals"].values()) < 1e-9
    assert record["seconds"]["total"] > 0
    assert {*record["files"], "run.json"} == {p.name for p in Path("out").iterdir()}


def test_default_folder_and_second_run(capsys):
    _device(SECTION)
    assert ohmr("run", "device.toml") == 0 and ohmr("run", "device.toml") == 0
    assert Path("results/device/run.json").exists()


def test_warnings_are_one_line_and_recorded(capsys):
    _device(BAR.replace('"100 nm"', '"1 nm"'))
    assert ohmr("run", "device.toml", "--out", "out") == 0
    said = [line for line in capsys.readouterr().err.splitlines() if line]
    assert (
        said and all(line.startswith("warning: ") for line in said) and len(set(said)) == len(said)
    )
    assert any("edge layer not resolved" in line for line in said)
    record = json.loads(Path("out/run.json").read_text())
    assert [f"warning: {text}" for text in record["warnings"]] == said


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("run", "none.toml"), 2, "error: none.toml: no such file"),
        (("check", "none.toml"), 2, "error: none.toml: no such file"),
        (("info", "none.msh"), 2, "error: mesh file 'none.msh' does not exist"),
        (("info", "device.toml"), 2, "error: device.toml"),
        (
            ("run", "device.toml", "--out", "device.toml"),
            2,
            "device.toml/run.json: cannot be written",
        ),
        (("init", "device.toml"), 2, "exists already"),
        (("init", "/nowhere-at-all/x/y.toml"), 2, None),
        (("run",), 2, "Missing argument"),
        (("run", "device.toml", "--otu", "x"), 2, "--otu"),
        (("rnu", "device.toml"), 2, "rnu"),
    ],
)
def test_wrong_use(capsys, arguments, code, said):
    if said is None:
        arguments = ("init", "device.toml/below.toml")
        said = "cannot be written"
    _device(SECTION)
    assert ohmr(*arguments) == code
    err = capsys.readouterr().err
    assert said in err and "Traceback" not in err
    assert Path("device.toml").read_text() == SECTION


def test_unstable_torque_is_exit_3(capsys):
    _device(SECTION.replace("[1, 1, 0.25]", "[1, 1, -0.25]"))
    assert ohmr("run", "device.toml", "--out", "out") == 3
    err = capsys.readouterr().err
    assert err.startswith("error: unstable torque") and err.count("\n") == 1
    record = json.loads(Path("out/run.json").read_text())
    assert record["status"] == "failed" and "unstable" in record["error"]
    assert ohmr("check", "device.toml") == 3


def test_check(capsys):
    _device(BAR)
    assert ohmr("check", "device.toml") == 0
    out = capsys.readouterr().out
    assert (
        "no errors" in out
        and "current t1 to b1, voltage t2 minus b2" in out
        and "sweep     3 fields up to 2 T" in out
        and "unknowns  4 x " in out
    )
    assert sorted(p.name for p in Path().iterdir()) == ["bar.msh", "device.toml"]
    _device(BAR.replace('"100 nm"', '"1 nm"'))
    assert (
        ohmr("check", "device.toml") == 0 and "edge layer not resolved" in capsys.readouterr().err
    )


def test_check_counts_both_moments(capsys):
    device = Path(__file__).parent.parent / "examples" / "spin_and_orbital.toml"
    assert ohmr("check", str(device)) == 0
    assert "unknowns  7 x " in capsys.readouterr().out


def test_info(capsys):
    _device(BAR)
    assert ohmr("info", "bar.msh", "--unit", "nm") == 0
    out = capsys.readouterr().out
    assert (
        "1.2 µm x 400 nm" in out
        and "boundary  t1: 8 edges, 200 nm" in out
        and "region    bulk: 1536 cells" in out
    )
    assert ohmr("info", "bar.msh") == 0 and "--unit" in capsys.readouterr().err


def test_data_says_what_it_understands(capsys):
    rows = "".join(f"{b},{20 + b * b},{b}\n" for b in (-2, -1, 0, 1, 2, 1, 0, -1, -2))
    Path("log.csv").write_text("Field,Sample (Ohm),Position\n" + rows)
    columns = ["--column", "B=Field", "--unit", "B=kOe", "--column", "R=Sample (Ohm)"]
    assert ohmr("data", "log.csv", "--direction", "x", *columns) == 0
    out = capsys.readouterr().out
    assert "9 rows, 2 curves" in out and "column 1, 'Field', in kOe" in out
    assert "[up]: 5 values of R from 20 to 24 ohm, B from -0.2 to 0.2 T along (1, 0, 0)" in out
    picture = out.partition("\n\n[up]\n")[2].splitlines()
    assert picture[0].startswith("  |*") and picture[0].endswith("*") and len(picture[0]) == 59
    assert picture[6].strip("| ") == "*" and "no rows left out" in out
    assert ohmr("data", "log.csv", "--direction", "x") == 2
    assert "'Field' has no unit" in capsys.readouterr().err
    bare = ["--direction", "x", "--unit", "B=kOe", *columns[-2:]]  # the heading that means it
    assert ohmr("data", "log.csv", *bare) == 0
    assert "column 1, 'Field', in kOe" in capsys.readouterr().out
    assert ohmr("data", "log.csv", *bare, "--column", "B=none") == 2
    assert "needs --column B=HEADING" in capsys.readouterr().err


def test_init_runs_as_written(capsys):
    assert ohmr("init") == 0 and ohmr("check", "device.toml") == 0
    assert ohmr("init", "other.toml") == 0 and "other.toml" in Path("other.toml").read_text()


def test_help_and_examples_say_all(capsys):
    from ohmr_fem.run.start import KINDS

    assert ohmr("init", "--help") == 0
    words = " ".join(capsys.readouterr().out.split())
    assert f"Of {', '.join(KINDS)}." in words
    assert ohmr("examples") == 0
    listed = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines())
    assert listed["nonlocal_bar.py"].endswith("past the end of the charge current")
    assert not [text for text in listed.values() if text.rpartition(" ")[2] in ("the", "and", "a")]


def test_a_warning_while_a_file_is_read_is_a_line(capsys):
    assert ohmr("init", "bare.toml") == 0
    file = Path("bare.toml")
    file.write_text(file.read_text().replace('"2 nm"', '"2e-9"'))
    assert ohmr("check", "bare.toml") == 0
    lines = capsys.readouterr().err.splitlines()
    assert "warning: diffusion_length: a text without a unit is read in m, got '2e-9'" in lines[-1]


def test_version_and_help(capsys):
    assert ohmr("--version") == 0 and capsys.readouterr().out == f"ohmr-fem {of.__version__}\n"
    assert ohmr("--help") == 0
    out = capsys.readouterr().out
    assert all(
        command in out for command in ("run", "check", "info", "init", "fit", "study", "data")
    )
    assert "..." not in out.partition("Commands:")[2]  # no line of the list is cut short


def test_interrupt_keeps_the_finished_rows(monkeypatch, capsys):
    """Ctrl-C in the middle of a sweep: whole rows in the table, exit 130, and the record says
    interrupted.
    """
    from ohmr_fem.run import device as run
    from ohmr_fem.sweep.hanle import hanle_curve

    def interrupted(*arguments, progress, **options):
        def stop_after_two(done, total):
            if done == 2:
                raise KeyboardInterrupt

        return hanle_curve(*arguments, progress=stop_after_two, **options)

    monkeypatch.setattr(run, "hanle_curve", interrupted)
    _device(SECTION.replace("[output]", '[solve]\nmethod = "direct"\n[output]'))
    assert ohmr("run", "device.toml", "--out", "out") == 130
    assert len(_table("out/results.csv")["rho [1]"]) == 2
    record = json.loads(Path("out/run.json").read_text())
    assert record["status"] == "interrupted" and record["curves"]["measure"]["fields"] == 2
    said = capsys.readouterr().err
    assert "kept out/results.csv (2 of 5 fields)" in said and "interrupted" in said
    assert not [p for p in Path("out").iterdir() if p.name.startswith(".")]


def _heed_interrupts() -> None:
    """A job that a shell put into the background ignores SIGINT, and so would its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_a_real_interrupt():
    _device(
        SECTION.replace("points = 5", "points = 200000").replace(
            "[output]", '[solve]\nmethod = "direct"\n[output]'
        )
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "ohmr_fem.cli", "run", "device.toml", "--out", "out"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
        preexec_fn=_heed_interrupts,
    )
    while not Path("out/run.json").exists() and process.poll() is None:
        time.sleep(0.05)
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in err, err
    assert json.loads(Path("out/run.json").read_text())["status"] == "interrupted"
    rows = _table("out/results.csv")["rho [1]"]
    assert 0 < len(rows) < 200000


def test_quiet_and_json(capsys):
    device = _device(SECTION)
    assert ohmr("--quiet", "run", device, "--out", "out") == 0
    assert capsys.readouterr().out == ""
    assert ohmr("--json", "run", device, "--out", "out") == 0
    given = json.loads(capsys.readouterr().out)
    assert given["status"] == "complete" and given["curves"] and "report.html" in given["files"]
    assert ohmr("--quiet", "schema") == 0
    assert "device" in json.loads(capsys.readouterr().out)["title"].lower()
    assert ohmr("info", "missing.msh") == 2 and capsys.readouterr().out == ""
