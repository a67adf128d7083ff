"""Fits from files: what the command leaves behind, that it is right, and what it refuses."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from small_devices import bar

import ohmr_fem as of
from ohmr_fem.cli import main
from ohmr_fem.cli.fits import split
from ohmr_fem.fitting.data import read_data
from ohmr_fem.run.fit import run_fit

TRUTH = {"alpha_product": 0.01, "diffusion_length": 100e-9, "relaxation_time": 2e-12, "theta": 0.25}
DEVICE = """
contacts = ["left", "right", "t1", "t2", "b1", "b2"]
[mesh]
file = "bar.msh"
unit = "nm"
[material]
sheet_conductivity = "1 mS"
diffusion_length = "80 nm"
relaxation_time = "1.4 ps"
orbital_hall_angle = 0.12
inverse_mass = [24.4, 24.4, 9.0]
[[measure]]
name = "local"
current = ["left", "right"]
voltage = ["t1", "t2"]
[[measure]]
name = "nonlocal"
current = ["t1", "b1"]
voltage = ["t2", "b2"]
[sweep]
start = -1.5
stop = 1.5
points = 3
direction = "x"
"""


@pytest.fixture(scope="module")
def table():
    """Rows of R(B) with the field along x and tilted by 45 degrees, 0.5% noise."""
    true = of.Material(
        sheet_conductivity="1 mS",
        diffusion_length="100 nm",
        relaxation_time="2 ps",
        orbital_hall_angle=0.1,
        inverse_mass=[24.4, 24.4, 6.1],
    )
    prob = of.Problem(bar(), true, ["left", "right", "t1", "t2", "b1", "b2"])
    rng, rows = np.random.default_rng(7), []
    for name, pair in (
        ("local", ("left", "right", "t1", "t2")),
        ("nonlocal", ("t1", "b1", "t2", "b2")),
    ):
        measure = of.spectral_measure(prob, current=pair[:2], voltage=pair[2:])
        for direction in ("x", (1, 0, 1)):
            B = of.field_sweep(-1.5, 1.5, 41, direction)
            R = measure.R_ohmic + measure.hanle(B)
            R += 0.005 * np.ptp(R) * rng.standard_normal(len(R))
            rows += [(name, *map(float, b), float(r)) for b, r in zip(B, R, strict=True)]
    return rows


@pytest.fixture
def folder(tmp_path, monkeypatch, table):
    monkeypatch.chdir(tmp_path)
    Path("device.toml").write_text(DEVICE)
    of.write_mesh(bar(), "bar.msh", unit="nm")
    return lambda keep=lambda row: True: write([row for row in table if keep(row)])


def write(rows, header="measurement,Bx [T],By [T],Bz [T],R [ohm]"):
    Path("data.csv").write_text(
        "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n"
    )
    return "data.csv"


def ohmr(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    return end.value.code or 0


def test_the_command_leaves_report_numbers_table_and_figures(folder, capsys):
    pytest.importorskip("lmfit", reason="fits need lmfit")
    assert ohmr("fit", folder(), "device.toml") == 0
    said = capsys.readouterr()
    assert said.err == "" and said.out.startswith(Path("results/data/fit.txt").read_text().rstrip())
    assert "infinite strip" in said.out and "with one more measurement" not in said.out
    assert {p.name for p in Path("results/data").iterdir()} == {
        f"fit.{kind}" for kind in ("txt", "json", "csv", "html", "png", "pdf")
    }
    page = Path("results/data/fit.html").read_text(encoding="utf-8")
    assert "<h1>Fit of data.csv</h1>" in page and "infinite strip" in page
    assert page.count('src="data:image/png;base64,') == 1 and "http" not in page
    found = json.loads(Path("results/data/fit.json").read_text())
    for name, value in TRUTH.items():
        e = found["parameters"][name]
        assert (
            abs(e["value"] - value) < 4.0 * e["error"] < 0.2 * value and e["fixed_by_the_data"]
        ), name
        assert e["low"] < e["value"] < e["high"]
    assert found["data"] == "data.csv" and [c["points"] for c in found["curves"]] == [41] * 4
    assert found["noise"] == "estimated" and 0.7 < found["chi2"] / found["degrees"] < 1.3


def test_the_table_reads_back_and_its_columns_belong_together(folder):
    pytest.importorskip("lmfit", reason="fits need lmfit")
    found = run_fit(
        folder(lambda row: row[0] == "local"), "device.toml", "out", intervals="fisher", plan=False
    )
    for curve, back in zip(found.curves, read_data("out/fit.csv"), strict=True):
        assert np.allclose(back.values, curve.data.values, rtol=1e-11) and np.allclose(
            back.sigma, curve.noise, rtol=1e-11
        )
    with open("out/fit.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    off = np.array(
        [(float(r["R [ohm]"]) - float(r["model [ohm]"])) / float(r["R_err [ohm]"]) for r in rows]
    )
    assert np.sum(off**2) == pytest.approx(found.chi2, rel=1e-6)


def test_what_is_missing_is_named_and_what_would_help(folder, capsys):
    pytest.importorskip("lmfit", reason="fits need lmfit")
    path = folder(lambda row: row[0] == "local" and row[3] == 0.0)
    assert ohmr("fit", path, "device.toml", "--out", "one") == 0
    text = capsys.readouterr().out
    assert "tau sqrt(theta)" in text and "not tau and theta separately" in text
    assert "with one more measurement" in text and "field 45 deg between x and z" in text
    page = Path("one/fit.html").read_text(encoding="utf-8")
    assert "<h2>One more measurement</h2>" in page and "field 45 deg between x and z" in page
    record = json.loads(Path("one/fit.json").read_text())
    assert (
        record["parameters"]["relaxation_time"]["high"] is None
        and not record["parameters"]["theta"]["fixed_by_the_data"]
    )


def test_options_reach_the_fit(folder, table, capsys):
    pytest.importorskip("lmfit", reason="fits need lmfit")
    x = np.array([row[1] for row in table]) / 1.5
    write(
        [
            (*row[:4], -(row[4] + 3.0 * b))
            for row, b in zip(table, x, strict=True)
            if row[0] == "local"
        ]
    )
    for background in ("offset", "offset, linear"):
        assert (
            ohmr(
                "fit",
                "data.csv",
                "device.toml",
                "--background",
                background,
                "--sign",
                "-1",
                "--out",
                background,
                "--parameters",
                "alpha,L_m,tau,theta" if "linear" in background else "alpha",
            )
            == 0
        )
    capsys.readouterr()
    plain, sloped = (
        json.loads(Path(b, "fit.json").read_text()) for b in ("offset", "offset, linear")
    )
    low, high = (sloped["parameters"]["diffusion_length"][k] for k in ("low", "high"))
    assert (
        low < TRUTH["diffusion_length"] < high
        and plain["curves"][0]["noise"] > 5 * sloped["curves"][0]["noise"]
    )


def test_lists_typed_with_commas():
    assert (
        split("alpha, tau") == ["alpha", "tau"]
        and split("1,0,1") == [1.0, 0.0, 1.0]
        and split("none") == []
    )
    assert split("x") == "x" and split(None) is None


@pytest.mark.parametrize(
    ("header", "rows", "options", "words"),
    [
        (
            "Bx [T],R [ohm]",
            [(0, 1), (1, "nan"), (2, 3)],
            (),
            ["data.csv", "1 of 3 rows", "line 3", "nan='drop'"],
        ),
        ("Bx [V],R [ohm]", [(0, 1), (1, 2)], (), ["'Bx'", "'V'", "magnetic field"]),
        ("Bx [T],R [uV]", [(0, 1), (1, 2)], (), ["'R'", "'uV'", "resistance"]),
        ("Bx [T],Q [ohm]", [(0, 1), (1, 2)], (), ["no measured column", "'R [ohm]'"]),
        ("time [s],R [ohm]", [(0, 1), (1, 2)], (), ["no field column", "'B [T]'"]),
        ("Bx [T],R [ohm]", [(1, 1), (1, 2)], (), ["all 2 fields are equal"]),
        ("Bx [T],R [ohm]", [(0, 1), (1, 2)], (), ["which measurement", "local, nonlocal"]),
        (
            "measurement,Bx [T],R [ohm]",
            [("locl", 0, 1), ("locl", 1, 2)],
            (),
            ["did you mean 'local'?"],
        ),
        (
            "measurement,B [T],R [ohm]",
            [("local", 0, 1), ("local", 1, 2)],
            ("--direction", "up"),
            ["direction", "up"],
        ),
    ],
)
def test_wrong_files_are_refused_before_anything_is_written(
    folder, capsys, header, rows, options, words
):
    assert ohmr("fit", write(rows, header), "device.toml", "--out", "out", *options) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1 and "Traceback" not in said
    assert not [w for w in words if w not in said], said
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), ["5 points for 6 numbers", "more points than numbers"]),
        (("--parameters", "alpha,taw"), ["'taw'", "did you mean 'tau'?"]),
        (("--background", "ofset"), ["did you mean 'offset'?"]),
    ],
)
def test_wrong_questions_are_refused(folder, capsys, options, words):
    pytest.importorskip("lmfit", reason="fits need lmfit")
    rows = [("local", 0.1 * k, 0, k) for k in range(3)] + [
        ("local", 0.1 * k, 0.1 * k, k) for k in (1, 2)
    ]
    path = write(rows, "measurement,Bx [T],Bz [T],R [ohm]")
    assert ohmr("fit", path, "device.toml", "--out", "out", *options) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and not [w for w in words if w not in said], said
    assert not Path("out").exists()


def test_results_never_replace_a_file(folder, capsys):
    Path("taken").write_text("mine")
    assert ohmr("fit", folder(), "device.toml", "--out", "taken") == 2
    assert "is a file" in capsys.readouterr().err and Path("taken").read_text() == "mine"


HEADER = "[Header]\nBYAPP,PPMS MultiVu\n[Data]\n"
STEPS = "offset=auto,hysteresis=auto,drift=linear,symmetry=even"


@pytest.fixture
def log(folder, table):
    """An instrument's log: sweeps up and down of a magnet that hangs, at 10 K and 50 K, in Oe."""
    folder()
    rng = np.random.default_rng(11)
    local = np.array([row[1:] for row in table if row[0] == "local" and row[3] == 0.0])
    level, size = local[:, 3].min(), np.ptp(local[:, 3])
    lines, t = [], 0.0
    for kelvin in (10.0, 50.0):
        for k in range(4):
            shown = np.linspace(-1.5, 1.5, 41) * (1 if k % 2 == 0 else -1)
            B = shown - 0.004 - 0.5 * (1 if k % 2 == 0 else -1) * 0.02
            R = level + size * B**2 / (B**2 + 0.1) + 1e-3 * (t + np.arange(41))
            R += 0.002 * np.ptp(R) * rng.standard_normal(41)
            for b, r in zip(shown, R, strict=True):
                lines.append(f"{t:.0f},{kelvin:.2f},{1e4 * b:.6f},{float(r)!r}")
                t += 1.0
    head = "Time Stamp (sec),Temperature (K),Magnetic Field (Oe),Bridge 1 Resistance (Ohms)\n"
    Path("log.dat").write_text(HEADER + head + "\n".join(lines) + "\n")
    return "log.dat"


def test_the_log_of_an_instrument_is_prepared_and_fitted(log, capsys):
    pytest.importorskip("lmfit", reason="fits need lmfit")
    common = ("--measurement", "local", "--temperature", "10 K", "--parameters", "alpha")
    assert ohmr("fit", log, "device.toml", "--prepare", STEPS, *common, "--out", "out") == 0
    capsys.readouterr()
    found = json.loads(Path("out/fit.json").read_text())
    (curve,) = found["curves"]
    steps = {s["name"]: s for s in curve["preparation"]["steps"]}
    assert list(steps) == ["offset", "hysteresis", "drift", "symmetry", "noise"]
    for name, value in (("offset", 4e-3), ("hysteresis", 0.02), ("drift", 1e-3)):
        assert abs(steps[name]["value"] - value) < 4.0 * steps[name]["error"], name
    assert curve["preparation"]["whiteness"] > 0.01 and curve["preparation"]["rows"] == 164
    assert found["read"]["temperature"] == "10 K" and found["read"]["prepare"]["drift"] == "linear"
    assert found["identifiability_before"] and set(found["hanle_left_by"]["not_fitted"])
    text = Path("out/fit.txt").read_text()
    assert "prepared:" in text and "hysteresis: 0.0" in text


def test_an_angle_scan_of_a_lock_in_is_fitted_from_the_command_line(folder, table, capsys):
    """No field column, V over I, a heading without a unit: all of it said by options."""
    pytest.importorskip("lmfit", reason="fits need lmfit")
    folder()
    prob = of.Problem(
        bar(),
        of.Material(
            sheet_conductivity="1 mS",
            diffusion_length="100 nm",
            relaxation_time="2 ps",
            orbital_hall_angle=0.1,
            inverse_mass=[24.4, 24.4, 6.1],
        ),
        ["left", "right", "t1", "t2", "b1", "b2"],
    )
    measure = of.spectral_measure(prob, current=("left", "right"), voltage=("t1", "t2"))
    degrees = np.linspace(0.0, 350.0, 36)
    B = 0.6 * np.column_stack(
        [np.cos(np.radians(degrees)), 0.0 * degrees, np.sin(np.radians(degrees))]
    )
    R = measure.R_ohmic + measure.hanle(B)
    R += 0.003 * np.ptp(R) * np.random.default_rng(4).standard_normal(36)
    rows = [f"{a},{1e6 * 2e-6 * r!r},2" for a, r in zip(degrees, R.tolist(), strict=True)]
    Path("scan.txt").write_text("Angle,X1,I (uA)\n" + "\n".join(rows) + "\n")
    options = ["--plane", "xz", "--field", "0.6 T", "--column", "angle=Angle", "--unit"]
    options += ["angle=deg", "--column", "V=X1", "--unit", "V=uV", "--column", "I=I (uA)"]
    options += ["--parameters", "alpha,theta", "--measurement", "local", "--out", "scan"]
    assert ohmr("fit", "scan.txt", "device.toml", *options) == 0
    capsys.readouterr()
    found = json.loads(Path("scan/fit.json").read_text())
    assert found["read"]["plane"] == "xz" and found["read"]["columns"]["V"] == ["X1", "uV"]
    (curve,) = found["curves"]
    assert curve["points"] == 36
    # the length and tau of the device file are off, so only the quality of the fit is asked for
    assert found["chi2"] / found["degrees"] < 1.5
    # without the plane it says which option is missing
    assert ohmr("fit", "scan.txt", "device.toml", *options[2:], "--out", "no") == 2
    assert "plane" in capsys.readouterr().err


def test_sweeps_of_a_log_are_curves_of_a_fit(log):
    pytest.importorskip("lmfit", reason="fits need lmfit")
    options = {"measurement": "local", "parameters": ["alpha"], "intervals": "fisher"}
    options |= {"strip": False, "plan": False}
    with pytest.warns(of.PhysicsWarning, match="10 to 50 K"):
        both = run_fit(log, "device.toml", **options)
    assert len(both.curves) == 8
    named = {"B": "Magnetic Field (Oe)", "R": "Bridge 1 Resistance (Ohms)"}
    columns = {**named, "temperature": ("Temperature", "K")}
    one = run_fit(log, "device.toml", temperature=10.0, columns=columns, **options)
    assert [c.data.name for c in one.curves] == [c.data.name for c in both.curves[:4]]
    # curves prepared in Python go in by the same door
    raw = read_data(log, direction="x", sweeps="together")[0]
    made = of.prepare(raw, offset="auto", hysteresis="auto", drift="linear", symmetry="even")
    given = run_fit(made, "device.toml", "out", **options)
    assert given.curves[0].data.preparation is made.preparation
    record = json.loads(Path("out/fit.json").read_text())
    assert record["curves"][0]["preparation"]["steps"][0]["name"] == "offset"
    assert list(record["inputs"]) == ["device.toml"]


def test_rows_that_lack_a_step_are_told(log):
    pytest.importorskip("lmfit", reason="fits need lmfit")
    with pytest.warns(UserWarning, match="a step of the preparation is missing"):
        run_fit(
            log,
            "device.toml",
            measurement="local",
            temperature=10.0,
            prepare={"symmetry": "even"},
            parameters=["alpha"],
            strip=False,
            plan=False,
            intervals="fisher",
        )


def test_two_channels_are_not_one_measurement(folder):
    """R_xy of the next bridge must not be fitted as another R_xx."""
    folder()
    head = "Magnetic Field (Oe),Bridge 1 Resistance (Ohms),Bridge 2 Resistance (Ohms)\n"
    rows = "\n".join(f"{b},{100 + b},{b}" for b in range(-9, 10))
    Path("two.dat").write_text(head + rows + "\n")
    with pytest.raises(of.InputError, match="cannot all be 'local'") as caught:
        run_fit("two.dat", "device.toml", measurement="local")
    assert len(str(caught.value)) <= 300 and "--column R=HEADING" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"prepare": {"mixing": "auto"}}, "of.prepare"),
        ({"prepare": {"longitudinal": "x"}}, "second curve"),
        ({"prepare": {"ofset": "auto"}}, "did you mean 'offset'"),
        ({"prepare": {"offset": "auto"}, "sweeps": "apart"}, "stand together"),
        ({"measurement": "locl"}, "did you mean 'local'"),
        ({"measurement": "local", "temperature": 4.0}, "there are 10, 50 K"),
        ({}, "which measurement"),
    ],
)
def test_what_a_log_cannot_give_is_refused(log, options, words):
    with pytest.raises(of.InputError, match=words) as caught:
        run_fit(log, "device.toml", **options)
    assert len(str(caught.value)) <= 300
