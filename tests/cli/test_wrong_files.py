"""A file or folder of another kind than the command takes: one line that says what to give."""

from __future__ import annotations

import pytest

from ohmr_fem.cli import main
from ohmr_fem.run.start import write_start
from validation.live_page import DEVICE, SHEET, device
from validation.live_page_channels import LAYERS, SPIN


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_start("hall-bar", tmp_path / "bar.toml")
    return tmp_path


@pytest.mark.parametrize("line, said", [
    ("compare one .", "one: no such folder; give the results folder of a run"),
    ("compare . .", ".: holds no run.json; give the results folder of a run"),
    ("run .", ".: is a folder; give a device file (.toml)"),
    ("xtensor bar.toml", "is a device file: ohmr-fem run bar.toml"),
    ("fit bar.toml bar.toml", "measured data; they come first, then the device"),
])  # fmt: skip
def test_another_kind_of_file(place, capsys, line, said):
    refused(line, said, capsys)


def test_what_no_page_can_hold(place, capsys):
    """Each says why, and what to do instead."""
    device(place, "mesh")
    bar = DEVICE.replace("{magnet}", '"profile"').replace("{sheet}", SHEET)
    hall = bar.replace("order = 1", "order = 1\nordinary_hall = true")
    hall = hall.replace("relaxation_time", 'mobility = "1 m**2/(V*s)"\nrelaxation_time')
    (place / "hall.toml").write_text(hall)
    refused("explore hall.toml", "ordinary Hall effect makes", capsys, "use ohmr-fem run")
    material = bar[bar.index("[material]") : bar.index("[contacts]")]
    spin = SPIN.replace("[material.spin]", "[stack.spin]").replace("[contacts]", "")
    one, two = LAYERS.strip().split("[[stack]]")[1:]
    layers = "".join(f"\n[[stack]]{own}\n{spin}" for own in (one, two))
    (place / "layers.toml").write_text(bar.replace(material, "") + layers)
    refused("explore layers.toml", "is solved anew at each field", capsys, "or explore one layer")


def refused(line, said, capsys, instead=""):
    with pytest.raises(SystemExit) as end:
        main(line.split())
    error = capsys.readouterr().err
    assert end.value.code == 2 and error.startswith("error: ") and error.count("\n") == 1
    assert said in error and instead in error and len(error) <= 330
