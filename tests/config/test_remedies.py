"""Warnings in the words of the device file: nothing of Python is left in them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.config.remedies import WORDS, in_file
from ohmr_fem.config.tables import SolveTable
from ohmr_fem.run.device import run_device
from ohmr_fem.solver.resolution import check_resolution, physics_notes, size_notes
from ohmr_fem.solver.system import system_of
from tests.small_devices import bar
from tests.test_warning_keys import CASES

#: What a reader of a device file cannot write: arguments, calls, names of Python.
PYTHON = re.compile(r"\w='|=True|=False|\bof\.\w|Problem\(|\w\(\)|solve_to")
FIELDS = np.array([[0.0, 0.0, 40.0]])


@pytest.fixture(scope="module")
def mesh():
    return bar(6, 4)


@pytest.mark.parametrize("key", CASES)
def test_no_argument_is_left(mesh, key):
    problem = CASES[key](mesh)
    notes = [*physics_notes(problem, FIELDS), *size_notes(problem, 0.9)]
    if key != "edges":  # its contacts touch
        notes += check_resolution(system_of(problem, plane_of_film=True, with_spin=True), FIELDS[0])
    assert notes and not [text for text in map(in_file, notes) if PYTHON.search(text)]


def test_each_phrase_is_one_of_the_package():
    package = Path(of.__file__).parent
    said = []
    for path in package.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        if "Warning(" in source:
            tree = ast.parse(source)
            said += [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)]
    said = [text for text in said if isinstance(text, str)]
    for phrase in WORDS:
        assert any(phrase in text for text in said), phrase


def test_the_keys_are_those_of_a_file():
    written = re.findall(r"\[solve\] (\w+)", " ".join(WORDS.values()))
    assert written and set(written) <= set(SolveTable.model_fields)


STRIP = """
[cross_section]
width = "20 nm"
cells = 3
[material]
diffusion_length = "0.1 nm"
relaxation_time = "2 ps"
orbital_hall_angle = 1.5
inverse_mass = 24
[sweep]
start = "0 T"
stop = "5 T"
points = 2
[output]
paraview = false
figures = []
"""


def test_a_run_and_its_record_speak_of_the_file(tmp_path):
    (tmp_path / "strip.toml").write_text(STRIP, encoding="utf-8")
    said: list[str] = []
    record = run_device(
        of.read_device(tmp_path / "strip.toml"), tmp_path / "out", notify=said.append
    )
    assert said and said == record["warnings"]
    assert any('[solve] coupling = "full"' in text for text in said)
    assert any("resolve in [cross_section]" in text for text in said)
