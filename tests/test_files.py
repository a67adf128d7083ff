"""The one base of the tables that users read."""

from __future__ import annotations

import codecs
import os
import sys
from dataclasses import dataclass

import numpy as np
import pytest

from ohmr_fem.errors import InputError, MissingExtraError
from ohmr_fem.files import Columns, Table, escaped, plain_file, read_text


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


TEXT = "B (T)\tR (\u00b5ohm)\n1\t2\n"


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""),
        ("utf-8", codecs.BOM_UTF8),
        ("latin-1", b""),
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE),
        ("utf-16-le", b""),
        ("utf-16-be", b""),
        ("utf-32-le", codecs.BOM_UTF32_LE),
        ("utf-32-be", codecs.BOM_UTF32_BE),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_text_in_any_encoding(tmp_path, encoding, mark, end):
    path = tmp_path / "a.txt"
    path.write_bytes(mark + TEXT.replace("\n", end).encode(encoding))
    assert read_text(path, "a table") == TEXT


@pytest.mark.parametrize(
    "data",
    [b"\x89PNG\r\n\x1a\n\0\0", b"a\0b", codecs.BOM_UTF16_LE + b"\x00\xd8", b"\xff\x01\x80"],
)
def test_what_is_no_text_is_refused(tmp_path, data):
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    with pytest.raises(InputError, match="not a text file; give a table"):
        read_text(path, "a table")


def test_pipes_devices_folders_and_odd_names_are_refused(tmp_path):
    pipe = tmp_path / "pipe\x1b[31m"
    os.mkfifo(pipe)
    for path, why in (
        (pipe, r"pipe\\x1b\[31m: cannot be read \(a pipe"),
        ("/dev/zero", "a pipe or a device"),
        (tmp_path, "a folder"),
        (tmp_path / "none", "does not exist"),
        ("a\0b", r"a\\x00b: cannot be read"),
        ("n" * 300, "cannot be read"),
    ):
        with pytest.raises(InputError, match=why) as caught:
            read_text(path, "a table")
        assert "\n" not in str(caught.value) and "\x1b" not in str(caught.value)


def test_large_files_need_a_word(tmp_path, monkeypatch):
    path = tmp_path / "large.csv"
    with path.open("wb") as stream:
        stream.truncate(600 * 1024**2)  # sparse: takes no room
    with pytest.raises(InputError, match=r"600 MB, files above 512 MB .*OHMR_FEM_MOST_BYTES=629"):
        read_text(path, "a table")
    assert plain_file(path, "a table", most=10**9) == path
    monkeypatch.setenv("OHMR_FEM_MOST_BYTES", "629145600")
    assert plain_file(path, "a table") == path
    monkeypatch.setenv("OHMR_FEM_MOST_BYTES", "much")
    with pytest.raises(InputError, match="whole number of bytes, got 'much'"):
        plain_file(path, "a table")


def test_control_characters_are_escaped():
    assert escaped("a\x1b[2J\u00b5\n\udcff\u202e") == "a\\x1b[2J\u00b5\\n\\udcff\\u202e"
