"""Pages: what their script computes is what Python computes, and nothing comes from a network."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import pytest
from json_schema import fits
from page_script import CONTACTS, FIELDS, PAIR, by_node, by_script, job, needs_node
from small_devices import MATERIAL, bar, bar_problem

import ohmr_fem as of
from ohmr_fem.config.device_file import read_device
from ohmr_fem.output.page import part, write_explore
from ohmr_fem.run.explore import explore_device, sliders_of
from ohmr_fem.run.start import write_start
from validation.live_page import device as coarse_device

STUB = Path(__file__).parent / "browser_stub.js"
ROOT = Path(__file__).parents[2]
LOADED = re.compile(r"""(?:src|href)\s*=|@import|url\(|https?://""")


X = [[20.0, 1.0, 2.0], [1.0, 18.0, -1.0], [2.0, -1.0, 3.0]]
MAGNET = of.magnetic_face(mixing_conductance=(4e14, 1e14), magnetisation=(1, 2, 0.5))
FACES = {
    "reflecting": {},
    "absorbing": {"bottom": "absorbing", "top": 2e4},
    "magnetic": {"bottom": MAGNET},
    "sources": {
        "bottom": of.Edge(1e4, source=0.05),
        "top": of.Edge("reflecting", source=-0.02, inverse_source=0.03),
    },
}
ANGLES = {"orbital_hall_angle": 0.2, "inverse_orbital_hall_angle": -0.1}
CHANGES = [
    {"g_factor": 2.0, "diffusion_length": 2e-7},
    {"inverse_mass": X, "relaxation_time": 1e-12},
]


def bar_film(faces):
    """A coarse bar of a film with two faces of a kind."""
    film = of.Film("100 nm", **FACES[faces])
    return of.Problem(bar(24, 8), of.Material(**MATERIAL), CONTACTS, order=1, film=film)


def saved(measure, folder, version):
    """The file of a measure, as versions 1 and 2 wrote it."""
    content = json.loads(measure.save(folder / "measure.json").read_text())
    if version == 1:
        content["format"] = "ohmr_fem spectral measure 1"
        content["channels"] = [list(c.values()) for c in content["channels"]]
    (folder / "measure.json").write_text(json.dumps(content))
    loaded = of.SpectralMeasure.load(folder / "measure.json")
    assert np.array_equal(loaded.projection.weights, measure.projection.weights)
    assert loaded.channels == measure.channels
    return content


@needs_node
@pytest.mark.parametrize("kind", ["printed", "reciprocal", *FACES])
def test_javascript_evaluates_a_measure_as_python_does(kind, tmp_path):
    film = kind in FACES
    problem = bar_film(kind) if film else bar_problem(detection=kind, order=1)
    made_for = {"fields": 3 * np.eye(3), "tolerance": 1e-3}
    measure = of.spectral_measure(problem, **PAIR, **made_for)
    content = saved(measure, tmp_path, 1 if kind in ("printed", "absorbing") else 2)
    asked, expected = [], []
    for changes in [{}, *CHANGES, *([] if kind == "sources" else [ANGLES])]:
        for frequency in (0.0, 1e11):
            tuned, more = measure.at(**changes), {"frequency": frequency}
            if film and frequency:
                tuned, more["thickness"] = tuned.at(thickness=7e-8), 7e-8
            asked.append(job(measure, changes, more) | {"measure": content})
            s = 1.0 - 2j * np.pi * frequency * tuned.material.relaxation_time
            f, change = tuned.unchecked(FIELDS, s)
            expected.append([tuned.unit * f, tuned.unit * change, np.full(len(f), tuned.R_ohmic)])
    found = by_script(tmp_path, asked)
    for values, exact in zip(found, expected, strict=True):
        scale = np.abs(exact[1]).max()
        assert scale > 0
        # functions of matrices of a film cancel where eigenvalues meet
        accuracy = 1e-7 if film else 1e-9
        assert np.abs(values[:, 0] - exact[0]).max() < accuracy * scale
        assert np.abs(values[:, 1] - exact[1]).max() < accuracy * scale
        assert np.allclose(values[:, 2], exact[2], rtol=1e-14)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    write_start("hall-bar", folder / "bar.toml")
    device = read_device(folder / "bar.toml")
    return device, explore_device(device, folder / "out")


def test_the_page_is_small_and_loads_nothing(page):
    text = page[1].read_text(encoding="utf-8")
    assert len(text.encode()) < 300e3
    assert LOADED.findall(text) == []


def test_a_page_of_somebody_else_stays(tmp_path):
    small = coarse_device(tmp_path, "small")
    path = explore_device(small, tmp_path)
    assert explore_device(small, tmp_path) == path  # ours is replaced
    path.write_text("mine")
    with pytest.raises(of.InputError, match="did not write it"):
        explore_device(small, tmp_path)
    assert path.read_text() == "mine"


@needs_node
def test_the_page_draws_what_the_device_does(page):
    device, path = page
    state = "#measure=0&quantity=change&plane=xz&B=9&turn=30&tau=1.5&theta=0.1&diffusion=120&g=2"
    shown = json.loads(by_node(str(STUB), str(path), state))
    numbers = np.array([line.split("\t") for line in shown["numbers"].split("\n")], dtype=float)
    material = {"tau": 1.5e-12, "theta": 0.1, "diffusion_length": 1.2e-7, "g_factor": 2.0}
    problem = device.problem
    first = device.measurements[0]
    fields = np.outer(numbers[:, 0], [np.cos(np.pi / 6), 0.0, np.sin(np.pi / 6)])
    measure = of.spectral_measure(
        problem,
        current=first.current,
        voltage=first.voltage,
        fields=4 * fields,
        lengths=("90 nm", "130 nm"),
    )
    expected = measure.at(**material).hanle(fields)
    assert np.abs(numbers[:, 1] - expected).max() < 1e-6 * np.abs(expected).max()
    assert "Within the certified range" in shown["said"] and shown["field"].count("circle") == 2
    kept = {key: value[0] for key, value in parse_qs(shown["hash"].lstrip("#")).items()}
    assert float(kept["theta"]) == 0.1 and kept["plane"] == "xz"
    far = json.loads(by_node(str(STUB), str(path), "#B=18&tau=20&theta=10&g=4"))
    assert "Dashed" in far["said"] and re.search(r'class="curve  open" d="M', far["field"])


@needs_node
def test_a_pair_that_reads_nothing_is_zero_on_the_page(tmp_path):
    problem = of.Problem(bar(12, 4, quads=True), of.Material(**MATERIAL), CONTACTS)
    across = {"current": ("left", "right"), "voltage": ("t1", "b1")}
    measure = of.spectral_measure(problem, **across, fields=9.0 * np.eye(3))
    measure = replace(measure, R_ohmic_sigma=1e-12)  # as on a graded mesh
    path, sliders = tmp_path / "explore.html", sliders_of(problem, 3.0)
    write_explore(path, "bar", [measure], ["across"], sliders.content() | {"reach": 30.0}, 0.1)
    for quantity, value in (("change", 0.0), ("R", 0.0), ("star", np.nan)):
        shown = json.loads(by_node(str(STUB), str(path), f"#quantity={quantity}&alpha=0.3"))
        assert "R_ohmic = 0 Ω. Against the field: zero by symmetry, to round-off" in shown["said"]
        numbers = np.array([line.split("\t") for line in shown["numbers"].split("\n")], dtype=float)
        assert np.array_equal(numbers[:, 1], np.full(len(numbers), value), equal_nan=True)


def test_the_page_in_a_browser(page, legible, chromium):
    legible(page[1], "#plane=xz&quantity=star&frequency=300")
    chromium.open(page[1])
    said = "document.getElementById('said').textContent"
    assert "Within the certified range" in chromium.value(said)
    later = "new Promise((done) => addEventListener('hashchange', () => setTimeout(done)))"
    go = f"const changed = {later}; location.hash = '#B=18&tau=20&theta=10&g=4'; await changed"
    far = chromium.value(f"(async () => {{ {go}; return {said}; }})()")
    assert "Dashed" in far and chromium.value("form.elements.g.now()") == 4.0
    chromium.value("take('0 5\\n1 6')")
    assert chromium.value("document.querySelectorAll('#field circle').length") == 2
    # a tick is what it says
    angles = chromium.value("ticks(-180, 180, 45).map((t) => t[1]).join()")
    assert angles == "−180,−135,−90,−45,0,45,90,135,180"
    # a constant is drawn as one, not its rounding
    assert chromium.value("range([3, 3 + 1e-12])") == pytest.approx([1.5, 4.5])


def test_the_schema_of_a_measure(tmp_path):
    schema = json.loads(part("measure.schema.json"))
    for kind in ("reflecting", "magnetic"):
        measure = of.spectral_measure(bar_film(kind), **PAIR, fields=FIELDS, tolerance=1e-3)
        for version in (1, 2):
            assert fits(schema, schema, saved(measure, tmp_path, version))
    old = json.loads((ROOT / "tests" / "data" / "v0_1" / "measure.json").read_text())
    assert fits(schema, schema, old) and old["format"].endswith("1")
    assert set(json.loads(json.dumps(measure.content()))) == set(schema["properties"])
    for key, wrong in (("format", "measure 3"), ("across", 0), ("channels", [[0]]), ("film", {})):
        assert not fits(schema, schema, measure.content() | {key: wrong}), key
