"""Pages: what their script computes is what Python computes, and nothing comes from a network."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import pytest
from small_devices import bar_problem

import ohmr_fem as of
from ohmr_fem.config.device_file import read_device
from ohmr_fem.output.page import evaluator
from ohmr_fem.run.explore import explore_device
from ohmr_fem.run.start import write_start

NODE = shutil.which("node")
STUB = Path(__file__).parent / "browser_stub.js"
LOADED = re.compile(r"""(?:src|href)\s*=|@import|url\(|https?://""")
needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed")


def by_node(*arguments: str) -> str:
    done = subprocess.run([NODE, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs_node
@pytest.mark.parametrize("detection", ["printed", "reciprocal"])
def test_javascript_evaluates_a_measure_as_python_does(detection, tmp_path):
    problem = bar_problem(detection=detection)
    measure = of.spectral_measure(
        problem,
        current=("left", "right"),
        voltage=("left", "right"),
        fields=[[12.0, 0, 0]],
        lengths=("30 nm", "300 nm"),
    )
    measure.save(tmp_path / "measure.json")
    fields = np.array([[0, 0, 0], [0.3, 0, 0], [2, -1, 0], [0.5, 0.1, 3], [0, 0, 5], [1e-4, 0, 0]])
    X = [[20.0, 1.0, 2.0], [1.0, 18.0, -1.0], [2.0, -1.0, 3.0]]
    cases = [{}, {"diffusion_length": 2e-7, "g_factor": 2.0}, {"inverse_mass": X}]
    cases += [{"orbital_hall_angle": 0.2, "inverse_orbital_hall_angle": -0.1}]
    script = tmp_path / "run.js"
    script.write_text(
        evaluator()
        + f"""
const file = {json.dumps(str(tmp_path / "measure.json"))};
const measure = JSON.parse(require("fs").readFileSync(file));
const cases = {json.dumps(cases)};
console.log(JSON.stringify(cases.map((c) => {json.dumps(fields.tolist())}.map((B) => {{
  const found = resistance(measure, {{ ...measure.material, ...c }}, B);
  return [found.delta, found.change, found.ohmic];
}}))));"""
    )
    found = np.array(json.loads(by_node(str(script))))
    for values, changes in zip(found, cases, strict=True):
        tuned = measure.at(**changes)
        change = tuned.hanle(fields)
        scale = np.abs(change).max()
        assert scale > 0
        assert np.abs(values[:, 0] - tuned.delta_R(fields)).max() < 1e-9 * scale
        assert np.abs(values[:, 1] - change).max() < 1e-9 * scale
        assert np.allclose(values[:, 2], tuned.R_ohmic, rtol=1e-14)


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


def test_a_page_of_somebody_else_stays(page, tmp_path):
    device, path = page
    assert explore_device(device, path.parent) == path  # ours is replaced
    (tmp_path / "explore.html").write_text("mine")
    with pytest.raises(of.InputError, match="did not write it"):
        explore_device(device, tmp_path)
    assert (tmp_path / "explore.html").read_text() == "mine"


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
    assert "Dashed" in far["said"] and re.search(r'class="curve open" d="M', far["field"])


def test_the_page_about_the_format_evaluates_a_measure():
    page = Path(__file__).parents[2] / "docs" / "measure-format.md"
    (code,) = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.S)
    exec(compile(code, str(page), "exec"), {})
