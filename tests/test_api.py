"""What docs/stability.md promises: no public name vanishes unseen, old files load."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem import files
from ohmr_fem.dynamics import evolution
from ohmr_fem.study import file as study_file
from ohmr_fem.sweep import measure_file

ROOT = Path(__file__).parents[1]
DATA = Path(__file__).parent / "data"
RECORDED = (DATA / "api.txt").read_text(encoding="utf-8").split()
OLD = DATA / "v0_1"
SAID = json.loads((OLD / "expected.json").read_text(encoding="utf-8"))


def test_the_public_names_are_the_recorded_ones():
    """A new name is added to tests/data/api.txt; one that is gone needs docs/stability.md."""
    gone, new = set(RECORDED) - set(of.__all__), set(of.__all__) - set(RECORDED)
    assert not gone, f"public names vanished: {sorted(gone)}"
    assert not new, f"public names to record in tests/data/api.txt: {sorted(new)}"
    assert len(set(RECORDED)) == len(RECORDED)


@pytest.mark.parametrize("name", RECORDED)
def test_every_recorded_name_is_there(name):
    assert getattr(of, name) is not None


def test_the_page_on_stability_names_the_formats_of_the_code():
    page = (ROOT / "docs" / "stability.md").read_text(encoding="utf-8")
    formats = {*files.READABLE_FORMATS, measure_file.FORMAT, study_file.FORMAT, evolution.FORMAT}
    assert {f for f in formats if f"`{f}`" not in page} == set()


def test_the_old_files_are_of_0_1():
    for name in ("solution", "curve"):
        with np.load(OLD / f"{name}.npz", allow_pickle=False) as archive:
            meta = json.loads(str(archive["meta"]))
        assert (meta["format"], meta["version"]) == ("ohmr_fem/1", "0.1.0")
    meta = json.loads((OLD / "measure.json").read_text(encoding="utf-8"))
    assert meta["version"] == "0.1.0"


def test_a_solution_of_0_1_loads():
    solution, said = of.load(OLD / "solution.npz"), SAID["solution"]
    assert solution.voltage("left", "right") == pytest.approx(said["voltage left right"], rel=1e-12)
    voltage = solution.voltage("probe", "right")
    assert voltage == pytest.approx(said["voltage probe right"], rel=1e-12)
    point = solution.at(tuple(said["at"]))
    assert float(np.ravel(point.potential)[0]) == pytest.approx(said["potential"], rel=1e-12)
    np.testing.assert_allclose(np.ravel(point.moment_density), said["moment density"], rtol=1e-11)


def test_the_problem_of_0_1_solves_to_what_0_1_found():
    """The whole problem is in the file, with the density continuous between the regions."""
    stored, said = of.load(OLD / "solution.npz"), SAID["solution"]
    assert stored.problem.interface == "density"
    with pytest.warns(of.PhysicsWarning):
        again = of.solve(stored.problem, (2, 0, 0.5), currents={"left": 1e-6, "right": -1e-6})
    for pair in (("left", "right"), ("probe", "right")):
        assert again.voltage(*pair) == pytest.approx(said["voltage " + " ".join(pair)], rel=1e-9)


def test_a_curve_of_0_1_loads():
    curve, said = of.load(OLD / "curve.npz"), SAID["curve"]
    assert curve.R_ohmic == said["R_ohmic"]
    np.testing.assert_array_equal(curve.delta_R, said["delta_R"])
    np.testing.assert_allclose(curve.hanle, said["hanle"], rtol=1e-12, atol=1e-12)


def test_a_measure_of_0_1_loads():
    found, said = of.SpectralMeasure.load(OLD / "measure.json"), SAID["measure"]
    np.testing.assert_allclose(found.delta_R(said["fields"]), said["delta_R"], rtol=1e-10)
