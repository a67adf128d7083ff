"""The page of a run: whole, small, and nothing in a name becomes markup."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.output import report
from ohmr_fem.output.report import write_report

LOADED = re.compile(r"""(?:src|href)\s*=\s*["'](?!data:)|@import|url\(|https?://""")
CURVE = {
    "table": "results.csv",
    "fields": 3,
    "R_ohmic": 1234.5678,
    "hanle": [0.0, 0.25],
    "method": "spectral",
}
RECORD = {
    "described": [["device", "<b>)"]],
    "further": {"frequency": {"table": "f.csv", "size": [1.0, 2.5], "method": "<i>"}},
    "curves": {"along": CURVE, "section": {**CURVE, "rho_change": [0.0, 1e-5], "hanle": None}},
    "gates": {},
    "accuracy": {},
    "warnings": ["<script>alert(1)</script>; refine the mesh"],
    "files": ["mesh.png", "hanle.png", "results.csv"],
    "device": {"mesh": {"file": "a.msh"}, "measure": [{"name": "along"}]},
    "ohmr_fem": "0",
    "python": "3",
    "dependencies": {"numpy": "2"},
    "inputs": {"a.msh": "00"},
    "seconds": {"sweep": 0.5},
}


def written(folder: Path, picture: bytes = b"", record: dict = RECORD) -> str:
    for name in ("mesh.png", "hanle.png"):
        (folder / name).write_bytes(picture or name.encode() * 100)
    return write_report(folder, record, "a & b").read_text(encoding="utf-8")


def test_the_page_holds_everything_and_loads_nothing(tmp_path):
    text = written(tmp_path)
    for word in (
        "1234.57",
        "0 to 0.25 Ω",
        "0 to 1e-05",
        "a &amp; b",
        "measure[0].name",
        "<td>0.50</td>",
        "|ΔR| (Ω) from 1 to 2.5",
    ):
        assert word in text, word
    assert text.count("data:image/png;base64,") == 2 and "prefers-color-scheme" in text
    assert "<script" not in text and "&lt;script&gt;" in text and "<b>)" not in text
    assert LOADED.findall(text) == []


def test_the_page_in_a_browser(tmp_path, legible):
    picture = Path(__file__).parents[2] / "docs" / "images" / "hanle.png"
    long = {"described": [["device", "P2 on DeviceMesh " * 20]], "inputs": {"a.msh": "0" * 64}}
    written(tmp_path, picture.read_bytes(), RECORD | long)
    legible(tmp_path / "report.html")


def test_pictures_beyond_the_room_stay_in_the_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "ROOM", 1000)
    text = written(tmp_path)
    assert text.count("data:image/png;base64,") == 1 and "mesh.png: in the folder" in text


def test_what_a_notebook_shows_is_small_and_escaped():
    material = of.Material(
        sheet_conductivity=1e-3,
        diffusion_length=1e-7,
        relaxation_time=2e-12,
        orbital_hall_angle=0.1,
        inverse_mass=24.4,
        name="<i>",
    )
    mesh = of.rectangle("400 nm", "200 nm", h_min="15 nm")
    problem = of.Problem(mesh, material, ["left", "right"])
    pairs = {"current": ("left", "right"), "voltage": ("left", "right")}
    shown = [
        problem,
        of.hanle_curve(problem, of.field_sweep(-4, 4, 501), **pairs),
        of.spectral_measure(problem, **pairs),
        of.solve(problem, (1.0, 0, 0), currents={"left": 1e-6, "right": -1e-6}),
    ]
    film = of.Film("10 nm")
    spin = replace(material, diffusion_constant=None, spin=of.Spin("3 cm**2/s", "0.4 ps", 0.03))
    thin = replace(material, diffusion_constant=None, sheet_conductivity=None, resistivity=1e-6)
    for other in (
        of.Problem(mesh, spin, ["left", "right"]),
        of.Problem(mesh, thin, ["left", "right"], film=film),
        of.Problem(mesh, None, ["left", "right"], film=of.Stack([(thin, "5 nm")])),
    ):
        shown += [other, of.spectral_measure(other, **pairs, fields=[[1.0, 0.0, 0.0]])]
    for thing in shown:
        text = thing._repr_html_()
        assert len(text) < 5000 and "<i>" not in text and LOADED.findall(text) == []
    picture = shown[1]._repr_html_()
    points = re.search(r'points="([^"]*)"', picture)[1].split()
    x, y = np.array([p.split(",") for p in points], dtype=float).T
    assert (
        np.all(np.diff(x) > 0) and y.max() <= 84 and y.argmax() == pytest.approx(len(y) / 2, abs=1)
    )
