"""A series from its file: the folder it leaves, the page without network, resuming, refusals."""

from __future__ import annotations

import html.parser
import json

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem import cli
from ohmr_fem.run.fit_series import FILES
from ohmr_fem.run.series_file import read_series_file

DEVICE = """
[cross_section]
width = "8 nm"
normal = "z"
[material]
relaxation_time = "2.5 ps"
orbital_hall_angle = 0.11
inverse_mass = 1.0
diffusion_length = "6 nm"
[sweep]
start = "-9 T"
stop = "9 T"
points = 5
"""
FIT = """
title = "Two <films>"
device = "film.toml"
background = ["offset"]
[fit]
intervals = "profile"
[verdict]
simulations = 100
alternatives = ["quadratic"]
"""
SAMPLE = """
[[sample]]
name = "t{t}"
data = "t{t}.csv"
thickness = "{t} nm"
"""


@pytest.fixture
def folder(tmp_path):
    return written(tmp_path)


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """The folder, what a first fit of its series gave, and what it told on its way."""
    folder, told = written(tmp_path_factory.mktemp("series")), []
    found = of.run_series(folder / "FIT.toml", folder / "out", progress=lambda *a: told.append(a))
    return folder, *found, told


def written(tmp_path):
    rng = np.random.default_rng(1)
    m = of.Material(
        relaxation_time="2 ps",
        orbital_hall_angle=0.1,
        inverse_mass=1.0,
        diffusion_length="5 nm",
    )
    fields = of.field_sweep(-9.0, 9.0, 21, "x")
    for t in (6, 20):
        values = of.spectral_measure(of.Problem(of.cross_section(t * 1e-9, "z"), m)).rho(fields)
        noise = 0.01 * float(np.ptp(values))
        values = values + noise * rng.standard_normal(len(values))
        rows = [f"{b:.9g},{v:.12g},{noise:.6g}" for b, v in zip(fields[:, 0], values, strict=True)]
        text = "Bx [T],ratio [1],ratio_err [1]\n" + "\n".join(rows) + "\n"
        (tmp_path / f"t{t}.csv").write_text(text)
    (tmp_path / "film.toml").write_text(DEVICE)
    samples = SAMPLE.format(t=6) + SAMPLE.format(t=20)
    (tmp_path / "FIT.toml").write_text(FIT + samples)
    return tmp_path


class Page(html.parser.HTMLParser):
    """Every address that a page asks for."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def handle_starttag(self, tag, attributes):
        self.asked += [v for k, v in attributes if k in ("src", "href", "data", "action")]


def test_the_folder_of_a_series(first):
    folder, fit, verdict, told = first
    out = folder / "out"
    assert fit.parameters["diffusion_length"].value == pytest.approx(5e-9, rel=0.05)
    assert verdict.verdict in ("favoured", "not distinguishable")
    names = {p.name for p in out.iterdir()}
    assert names == {"fit.json", *FILES}
    again = of.load_fit(out / "fit.json")
    assert again.chi2 == fit.chi2 and again.samples["t6"].chi2 == fit.samples["t6"].chi2
    record = json.loads((out / "fit.json").read_text())
    assert record["verdict"]["verdict"] == verdict.verdict
    assert len(record["inputs"]) == 4
    page = (out / "fit.html").read_text(encoding="utf-8")
    reader = Page()
    reader.feed(page)
    assert reader.asked and all(a.startswith("data:image/png;base64,") for a in reader.asked)
    assert "http" not in page and "Two &lt;films&gt;" in page
    for part in (verdict.verdict, "SHA-256", "scikit-fem", "t20", "anisotropy"):
        assert part in page
    done = {what for what, count, total in told if count == total}
    assert {"measures", "grid", "minima", "profiles", "grid of hanle", "fits", "power"} <= done
    assert ("simulations", 100, 100) in told
    notebook = fit._repr_html_()
    assert "<b>GlobalFit</b>" in notebook and "2 samples" in notebook and "http" not in notebook


def test_the_page_in_a_browser(first, chromium, legible):
    legible(first[0] / "out" / "fit.html")
    chromium.look("dark")
    colour = "getComputedStyle(document.body).backgroundColor"
    assert chromium.value(colour) == "rgb(29, 31, 33)"


def test_a_fit_of_the_same_inputs_is_taken_up_again(folder, monkeypatch):
    from ohmr_fem.run import fit_series

    path, out = folder / "FIT.toml", folder / "out"

    def stopped(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(fit_series, "compare_models", stopped)
    with pytest.raises(KeyboardInterrupt):
        of.run_series(path, out)
    first = of.load_fit(out / "fit.json")  # the fit is kept
    monkeypatch.undo()
    monkeypatch.setattr(fit_series, "global_fit", stopped)
    fit, verdict = of.run_series(path, out)
    assert fit.chi2 == first.chi2 and verdict is not None
    (folder / "t6.csv").write_text((folder / "t6.csv").read_text() + "9.5,0.001,1e-5\n")
    with pytest.raises(KeyboardInterrupt):  # other data: fitted anew
        of.run_series(path, out)


def test_the_command(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit) as end:
        cli.main(["fit", "FIT.toml", "--out", "out"])
    assert end.value.code == 0
    assert "2 samples" in capsys.readouterr().out
    with pytest.raises(SystemExit) as end:
        cli.main(["fit", "t6.csv"])
    assert end.value.code == 2
    assert "data need a device" in capsys.readouterr().err


def test_sizes_of_the_samples_are_those_of_the_devices(folder):
    job = read_series_file(folder / "FIT.toml")
    assert [s.properties["thickness"] for s in job.samples] == pytest.approx([6e-9, 20e-9])
    assert job.title == "Two <films>" and job.verdict["simulations"] == 100


def test_a_film_takes_its_thickness_and_keeps_its_resistivity(folder):
    device = """
[geometry]
shape = "hall_bar"
length = "800 nm"
width = "200 nm"
[film]
thickness = "10 nm"
[material]
resistivity = "180 uohm cm"
relaxation_time = "2 ps"
orbital_hall_angle = 0.1
inverse_mass = 1.0
diffusion_length = "5 nm"
[contacts]
left = "equipotential"
right = "equipotential"
t1 = "equipotential"
t2 = "equipotential"
[measure]
current = ["left", "right"]
voltage = ["t1", "t2"]
[sweep]
start = "-9 T"
stop = "9 T"
points = 5
"""
    (folder / "film.toml").write_text(device)
    job = read_series_file(folder / "FIT.toml")
    for sample, t in zip(job.samples, (6e-9, 20e-9), strict=True):
        assert sample.problem.film.thickness == pytest.approx(t)
        assert sample.problem.material.sheet_conductivity == pytest.approx(t / 1.8e-6)
        assert sample.curves[0].current == ("left", "right")


@pytest.mark.parametrize("old, new, complaint", [
    ("[fit]", "[fits]", "unknown key 'fits'"),
    ('intervals = "profile"', 'interval = "profile"', "unknown key 'interval'"),
    ('name = "t6"', 'name = "t6"\ncolour = 3', "unknown key 'colour'"),
    ('data = "t6.csv"', "", "no data"),
    ('device = "film.toml"', "", "no device"),
    ('data = "t6.csv"', 'data = "gone.csv"', "gone.csv"),
    ('thickness = "6 nm"', 'thickness = "6 K"', "thickness"),
    ('name = "t6"', 'name = "t20"', "two are called"),
    ('data = "t6.csv"', 'data = "t6.csv"\nprepare = {colour = 1}', "is no step"),
])  # fmt: skip
def test_what_is_refused(folder, old, new, complaint):
    path = folder / "FIT.toml"
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(of.InputError, match=complaint):
        of.run_series(path)


def test_no_samples(folder):
    (folder / "FIT.toml").write_text(FIT)
    with pytest.raises(of.InputError, match="no samples"):
        of.run_series(folder / "FIT.toml")
