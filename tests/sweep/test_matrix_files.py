"""Files of measures with a relaxation tensor or with a spin (docs/measure-format)."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from json_schema import fits

import ohmr_fem as of
from ohmr_fem.errors import InputError
from ohmr_fem.output.page import part
from validation.two_channels import BETA, GAMMA, TESLA, two

FIELDS = TESLA * np.array([BETA, 0.0 * BETA, 3.0 * BETA[::-1]])
PAIR = {"current": ("left", "right"), "voltage": ("t1", "t2")}
MAGNET = of.magnetic_face(mixing_conductance=(0.4, 0.2), magnetisation=(1.0, 2.0, -0.5))
pytestmark = pytest.mark.filterwarnings("ignore::ohmr_fem.PhysicsWarning")


def tensor(rate):
    changes = {"relaxation_time": None, "relaxation_rate": rate, "diffusion_length": None}
    return replace(two(), spin=None, **changes)


def measure(bar, kind):
    material, film = {
        "by component": (tensor((1.0, 1.5, 2.5)), None),
        "tensor": (tensor(GAMMA), None),
        "spin": (two(), None),
        "film of a tensor": (tensor(GAMMA), of.Film(0.9, 0.4, MAGNET)),
        "film with a spin": (two(), of.Film(0.9, {"orbital": 0.4, "spin": MAGNET}, "absorbing")),
    }[kind]
    if film is not None:
        bulk = {"sheet_conductivity": None, "resistivity": 1.0, "diffusion_length": None}
        material = replace(material, **bulk)
    prob = bar(material, step=0.5, film=film)
    return of.spectral_measure(prob, fields=FIELDS, **PAIR)


KINDS = ("by component", "tensor", "spin", "film of a tensor", "film with a spin")


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_measure_is_the_same(tmp_path, bar, kind):
    one = measure(bar, kind)
    again = of.SpectralMeasure.load(one.save(tmp_path / "m.json"))
    assert type(again) is type(one) and repr(again) == repr(one)
    for name in ("delta_R", "hanle", "bound"):
        here, there = (getattr(m, name)(FIELDS) for m in (one, again))
        assert np.array_equal(here, there)
    if "spin" in kind:
        assert np.array_equal(
            again.at(**{"spin.hall_angle": 0.1}).delta_R(FIELDS),
            one.at(**{"spin.hall_angle": 0.1}).delta_R(FIELDS),
        )
    content = json.loads((tmp_path / "m.json").read_text())
    schema = json.loads(part("measure.schema.json"))
    assert content["format"].endswith(" 2") and fits(schema, schema, content)
    assert again.save(tmp_path / "n.json").read_text() == (tmp_path / "m.json").read_text()


def test_broken_files_are_refused(tmp_path, bar, refuses):
    path = measure(bar, "film with a spin").save(tmp_path / "m.json")
    good = json.loads(path.read_text())

    def refused(*words, **changes):
        path.write_text(json.dumps({**good, **changes}))
        with refuses(InputError, "m.json", "not a spectral measure", *words):
            of.SpectralMeasure.load(path)

    material, film, projection = good["material"], good["film"], good["projection"]
    refused("does not hold", format="ohmr_fem spectral measure 1")
    refused("does not hold", material={**material, "spin": None})
    refused("hall_angle", material={**material, "spin": {"diffusion_constant": 1.0}})
    refused("relaxation_rate", material={**material, "relaxation_rate": [[1.0, 0.0]]})
    refused("products", film={**film, "products": [1.0, 2.0]})
    refused("shape (2,)", film={**film, "top": {**film["top"], "matrix": [1.0, 2.0]}})
    refused("thickness", film={**film, "thickness": -1.0})
    half = [row[:3] for row in projection["weights"]]
    refused("columns", projection={**projection, "weights": half, "gram": np.eye(3).tolist()})
    refused("reshape", projection={**projection, "weights": projection["weights"][:-1]})
