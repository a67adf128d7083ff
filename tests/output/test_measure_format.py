"""The page about the file of a measure: its listings evaluate one as the package does."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from small_devices import bar_problem

import ohmr_fem as of
from ohmr_fem.output.page import evaluator
from validation.live_page import CROSS, MAGNET, device

NODE = shutil.which("node")
ROOT = Path(__file__).parents[2]
PAIR = {"current": ("left", "right"), "voltage": ("t1", "t2")}
FIELDS = np.array([[0, 0, 0], [0.3, 0, 0], [0.2, -0.1, 0], [0.05, 0.01, 0.3]])


def listing(language):
    """The first code of the page about the format."""
    page = (ROOT / "docs" / "measure-format.md").read_text(encoding="utf-8")
    code = re.findall(rf"^```{language}\n(.*?)^```", page, flags=re.S | re.M)[0]
    return code


def test_the_twenty_lines_evaluate_a_measure(tmp_path):
    names = {}
    exec(compile(listing("python"), "measure-format.md", "exec"), names)
    bodies = listing("python").partition("def ")[2].strip().splitlines()
    assert len(bodies) <= 20
    for magnet in ('"profile"', MAGNET):
        problem = device(tmp_path, "d", magnet=magnet).problem
        measure = of.spectral_measure(problem, **CROSS, fields=FIELDS, lengths=(1e-7, 3e-7))
        path = measure.at(diffusion_length=1.5e-7).save(tmp_path / "measure.json")
        loaded = of.SpectralMeasure.load(path)
        found = [names["delta_R"](path, B) for B in FIELDS]
        assert np.allclose(found, loaded.delta_R(FIELDS), rtol=1e-9, atol=0.0)


@pytest.mark.skipif(NODE is None, reason="node is not installed")
def test_the_javascript_of_the_format_runs(tmp_path):
    problem = bar_problem(order=1)
    measure = of.spectral_measure(problem, **PAIR, fields=FIELDS)
    measure.save(tmp_path / "measure.json")
    (tmp_path / "measure.js").write_text(evaluator())
    (tmp_path / "listing.js").write_text(listing("js"))
    done = subprocess.run([NODE, "listing.js"], capture_output=True, text=True, cwd=tmp_path)
    real = float(re.match(r"\[\s*(\S+),", done.stdout)[1])
    assert real == pytest.approx(measure.at(relaxation_time=1e-12).hanle([0.3, 0, 0]), rel=1e-4)
