"""The one base of the tables that users read."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import pytest

from ohmr_fem.errors import InputError, MissingExtraError
from ohmr_fem.files import Columns, Table


@dataclass(frozen=True, eq=False, repr=False)
class Grid(Table):
    """Two gates by three fields, with names."""

    size: int = 3

    def columns(self) -> Columns:
        n = self.size
        return {
            "gate": ("eV", np.repeat([0.1, 0.2], n)),
            "name": ("", np.array(["a"] * n + ["b"] * n, dtype=object)),
            "B": ("T", np.tile(np.arange(n) / 3.0, 2)),
            "R": ("ohm", np.arange(2.0 * n)),
        }

    def axes(self):
        return {"gate": (2, ("gate",)), "field": (self.size, ("B",))}

    def _notes(self):
        return ["what it means"]

    def _summary(self):
        return "two gates", f"{self.size} fields"


def test_columns_by_name():
    grid = Grid()
    assert list(grid) == ["gate", "name", "B", "R"] and "R" in grid and "X" not in grid
    assert np.array_equal(grid["R"], np.arange(6.0))
    with pytest.raises(InputError, match=r"column: 'r' is not known; .*known names: gate"):
        grid["r"]
    assert repr(grid) == "Grid(two gates; 3 fields)"


def test_csv_holds_notes_units_and_every_digit(tmp_path):
    lines = Grid().to_csv(tmp_path / "grid.csv").read_text(encoding="utf-8").splitlines()
    assert lines[:2] == ["# what it means", "gate [eV],name,B [T],R [ohm]"]
    gate, name, B, R = lines[3].split(",")
    assert (float(gate), name, float(B), float(R)) == (0.1, "a", 1 / 3, 1.0)


def test_dataframe_keeps_the_units():
    pytest.importorskip("pandas")
    frame = Grid().to_dataframe()
    assert list(frame.columns) == ["gate", "name", "B", "R"] and len(frame) == 6
    assert frame.attrs["units"]["R"] == "ohm"


def test_dataset_lies_along_the_axes():
    pytest.importorskip("xarray")
    data = Grid().to_xarray()
    assert dict(data.sizes) == {"gate": 2, "field": 3} and set(data.coords) == {"gate", "B"}
    assert data["R"].sel(gate=0.2).values.tolist() == [3.0, 4.0, 5.0]
    assert data["B"].dims == ("field",) and data["B"].attrs["units"] == "T"


@pytest.mark.parametrize("call", ["to_dataframe", "to_xarray"])
def test_a_missing_package_is_named(call, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(MissingExtraError, match=rf"{call} needs .*pip install 'ohmr-fem\[study\]'"):
        getattr(Grid(), call)()
