"""Device files: what they mean, and what is said about wrong ones."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from json_schema import fits
from small_devices import bar

import ohmr_fem as of
from ohmr_fem.config.device_file import SECTIONS, read_device
from ohmr_fem.config.schema import device_reference, device_schema
from ohmr_fem.config.tables import TEMPLATE

GOOD = """
[mesh]
file = "bar.msh"
unit = "um"

[material]
sheet_conductivity = "1 mS"
diffusion_length = "100 nm"
relaxation_time = 2e-12
orbital_hall_angle = 0.1
inverse_mass = [24.4, 24.4, 0.56]

[contacts.left]
[contacts.right]
kind = "profile"
profile = {center = ["0.6 um", 0], width = "100 nm"}
[contacts.t1]
kind = "probe"
moment = ["1 m/s", 0, 3]
[contacts.tip]
kind = "point"
at = ["0 nm", "50 nm"]

[edges]
b1 = "absorbing"
b2 = ["1 m/s", 2, 3]

[solve]
order = 3
coupling = "full"
detection = "reciprocal"

[measure]
current = ["left", "right"]
voltage = ["t1", "tip"]

[sweep]
start = "-500 mT"
stop = 1
points = 4
direction = [0, 1, 0]

[output]
fields_at = [0, "250 mT"]
drive_current = "2 mA"
figures = []
"""
SECTION = """
[cross_section]
width = "20 nm"
cells = 8
[material]
sheet_conductivity = 1e-3
diffusion_length = "2 nm"
relaxation_time = "2 ps"
orbital_hall_angle = 0.016
inverse_mass = 1
[sweep]
start = 0
stop = 1
points = 3
"""


@pytest.fixture
def folder(tmp_path):
    of.write_mesh(bar(nx=12, ny=4), tmp_path / "bar.msh", unit="um")
    return tmp_path


def _read(folder: Path, text: str):
    path = folder / "device.toml"
    path.write_text(text)
    return read_device(path)


def _complaints(folder: Path, text: str) -> list[str]:
    with pytest.raises(of.InputError) as caught:
        _read(folder, text)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{folder / 'device.toml'}: ") for line in lines)
    return [line.removeprefix(f"{folder / 'device.toml'}: ") for line in lines]


def test_everything_arrives_in_si(folder):
    device = _read(folder, GOOD)
    p = device.problem
    assert p.mesh.extent == pytest.approx([1.2e-6, 4e-7]) and p.order == 3 and p.coupling == "full"
    assert (
        p.material.diffusion_length == pytest.approx(1e-7, rel=1e-12)
        and p.material.relaxation_time == 2e-12
    )
    assert np.allclose(np.diag(p.material.inverse_mass), [24.4, 24.4, 0.56])
    assert p.contacts["left"].kind == "equipotential" and p.contacts["t1"].kind == "probe"
    assert p.contacts["t1"].moment.absorption == (1, 0, 3) and p.detection == "reciprocal"
    assert p.contacts["tip"].at == pytest.approx((0, 5e-8))
    profile = p.contacts["right"].profile
    assert (*profile.center, profile.width) == pytest.approx((6e-7, 0, 1e-7))
    assert p.edges["b1"].moment.absorbing and p.edges["b2"].moment.absorption == (1, 2, 3)
    assert np.allclose(device.fields, [[0, -0.5, 0], [0, 0, 0], [0, 0.5, 0], [0, 1, 0]])
    assert np.allclose(device.snapshots, [[0, 0, 0], [0, 0.25, 0]])
    assert device.measurements[0].current == ("left", "right") and device.measurements[
        0
    ].voltage == ("t1", "tip")
    assert device.output.drive_current == 2e-3 and device.output.figures == ()
    assert [path.name for path in device.inputs] == ["device.toml", "bar.msh"]


def test_paths_are_relative_to_the_file(folder, monkeypatch):
    (folder / "below").mkdir()
    monkeypatch.chdir("/")
    assert _read(folder / "below", GOOD.replace("bar.msh", "../bar.msh")).problem.mesh.n_cells == 96


def test_bare_names_and_kinds(folder):
    text = GOOD[: GOOD.index("[contacts")] + GOOD[GOOD.index("[solve]") :]
    text = text.replace('["t1", "tip"]', '["t1", "t2"]')
    assert set(
        _read(folder, 'contacts = ["left", "right", "t1", "t2"]' + text).problem.contacts
    ) == {"left", "right", "t1", "t2"}
    tables = (
        '[contacts]\nleft = "equipotential"\nright = {kind = "profile"}\n'
        't1 = "probe"\nt2 = "probe"\n'
    )
    assert _read(folder, text + tables).problem.contacts["right"].kind == "profile"


def test_pads_and_polarised_contacts(folder):
    text = GOOD[: GOOD.index("[contacts")] + GOOD[GOOD.index("[solve]") :]
    region = next(iter(_read(folder, GOOD).problem.mesh.regions))
    p, law = '[0, "30 %", 0.1]', '"2 1/ns"'
    magnet = f'{{region = "{region}", kind = "probe", polarisation = {p}, moment = {law}}}'
    tables = '[contacts]\nleft = "equipotential"\nright = "equipotential"\nt1 = "probe"\ntip = '
    tip = _read(folder, text + tables + magnet).problem.contacts["tip"]
    assert tip.polarisation == (0, 0.3, 0.1) and tip.moment.absorption == (2e9,) * 3
    assert tip.region == region and tip.described.endswith("p = (0, 0.3, 0.1)")
    for wrong, said in (
        (magnet.replace("2 1/ns", "2 m/s"), "over the area of a pad is given in 1/s"),
        (magnet.replace("30 %", "130 %"), "contacts.tip.polarisation: at most 1"),
        (magnet.replace(region, "nowhere"), "the mesh has no region 'nowhere'"),
    ):
        assert said in " ".join(_complaints(folder, text + tables + wrong))


CHANNEL = """
[channel]
length = "40 um"
width = "1 um"
contacts = { source = "-2 um", detector = "2 um" }
regions = { other = ["5 um", "20 um"] }
[contacts.left]
[contacts.right]
[contacts.source]
polarisation = [0, 0, 0.2]
moment = "1e-5 m^2/s"
[contacts.detector]
polarisation = [0, 0, 0.2]
[measure]
current = ["source", "left"]
voltage = ["detector", "right"]
"""


def test_a_channel(folder):
    text = CHANNEL + SECTION[SECTION.index("[material]") :]
    device = _read(folder, text)
    mesh = device.problem.mesh
    assert mesh.is_channel and mesh.width == pytest.approx(1e-6) and device.problem.order == 4
    assert set(mesh.boundaries) == {"left", "right", "source", "detector"}
    assert set(mesh.regions) == {"bulk", "other"}
    assert device.problem.contacts["source"].moment.absorption == (1e-5,) * 3
    for wrong, said in (
        (text.replace('"-2 um"', '"-30 um"'), "outside the channel"),
        (text.replace("m^2/s", "m/s"), "integrated over the contact"),
        (text.replace('width = "1 um"', ""), "channel.width"),
        (text + "[cross_section]\nwidth = 1\n", "give one of"),
    ):
        assert said in " ".join(_complaints(folder, wrong))


def test_cross_section_and_defaults(folder):
    device = _read(folder, SECTION)
    assert device.problem.is_cross_section and device.problem.order == 4
    assert device.measurements[0].current is None
    assert np.allclose(device.snapshots, [[0, 0, 0], [1, 0, 0]])
    layers = SECTION.replace(
        "cells = 8", 'cells = 8\n[cross_section.regions]\na = [0, "5 nm"]\nb = ["5 nm", "20 nm"]'
    )
    start, stop = layers.index("[material]"), layers.index("[sweep]")
    table = layers[start:stop].removeprefix("[material]")
    device = _read(
        folder, layers[:start] + f"[materials.a]{table}[materials.b]{table}" + layers[stop:]
    )
    assert set(device.problem.materials) == {"a", "b"}


def test_several_measurements(folder):
    one = '[measure]\ncurrent = ["left", "right"]\nvoltage = ["t1", "tip"]\n'
    two = "".join(
        f'[[measure]]\nname = "{n}"\ncurrent = ["left", "right"]\nvoltage = ["t1", "tip"]\n'
        for n in "ab"
    )
    assert [m.name for m in _read(folder, GOOD.replace(one, two)).measurements] == ["a", "b"]
    assert _complaints(folder, GOOD.replace(one, two.replace('"b"', '"a"'))) == [
        "measure: each of several measurements needs its own name, got ['a', 'a']"
    ]
    assert (
        "becomes part of a file name"
        in _complaints(folder, GOOD.replace(one, two.replace('"b"', '"../b"')))[0]
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[sweep]", "[sweeep]", "unknown section 'sweeep'; did you mean 'sweep'?"),
        (
            "relaxation_time",
            "relaxation_tim",
            "material: unknown key 'relaxation_tim'; did you mean 'relaxation_time'?",
        ),
        ("relaxation_time = 2e-12\n", "", "material.relaxation_time: is missing"),
        (
            '"1 mS"',
            '"1 nm"',
            "material.sheet_conductivity: '1 nm' has the wrong dimension; expected S",
        ),
        ('"1 mS"', '"one"', "material.sheet_conductivity: cannot read 'one'"),
        ('"1 mS"', "[[1]]", "material.sheet_conductivity: "),
        ('"1 mS"', "true", "material.sheet_conductivity: expected a number"),
        ("2e-12", "-2e-12", "material.relaxation_time: must be positive, got -2e-12"),
        ("0.1", "nan", "material.orbital_hall_angle: must be finite, got nan"),
        (
            "[24.4, 24.4, 0.56]",
            "[[1, 2, 0], [3, 1, 0], [0, 0, 1]]",
            "material.inverse_mass: must be symmetric",
        ),
        ('"bar.msh"', '"car.msh"', "does not exist"),
        ('"bar.msh"', "3", "mesh.file: should be a valid string, got 3"),
        ('"um"', '"parsec/s"', "mesh.unit: expected a length"),
        (
            "[contacts.left]",
            "[contacts.lfet]",
            "contacts: contact 'lfet': the mesh has no boundary 'lfet'; did you mean 'left",
        ),
        (
            'kind = "probe"',
            'kind = "prob"',
            "contacts.t1: unknown kind 'prob'; did you mean 'probe'?",
        ),
        (
            '"100 nm"}',
            '"100 nm", height = 1}',
            "contacts.right.profile: a Gaussian profile has the keys",
        ),
        (
            'b1 = "absorbing"',
            'b1 = "absorbin"',
            "edges.b1: unknown moment condition 'absorbin'; did you mean 'absorbing'?",
        ),
        (
            'b1 = "absorbing"',
            'b1 = "-1 m/s"',
            "edges.b1: absorption G must be >= 0 m/s, got '-1 m/s'",
        ),
        ("b1 =", "b7 =", "edges: edge 'b7': the mesh has no boundary 'b7'; known names: left"),
        ("order = 3", "order = 9", "solve.order: order must be a whole number from 1 to"),
        ("order = 3", 'order = "3"', "solve.order: should be a valid integer, got '3'"),
        ('"full"', '"fulll"', "solve.coupling: unknown coupling 'fulll'; did you mean 'full'?"),
        (
            'voltage = ["t1", "tip"]',
            'voltage = ["t1", "tipp"]',
            "measure.voltage: unknown contact 'tipp'; did you mean 'tip'?",
        ),
        (
            'voltage = ["t1", "tip"]',
            'voltage = "t1"',
            "measure.voltage: should be a valid list, got 't1'",
        ),
        ('current = ["left", "right"]', 'current = ["left"]', "measure.current: expected a pair"),
        (
            'current = ["left", "right"]',
            'current = ["left", "t1"]',
            "measure.current: contact 't1' is a probe",
        ),
        ('"-500 mT"', '"-500 mV"', "sweep.start: '-500 mV' has the wrong dimension; expected T"),
        ("stop = 1", "stop = inf", "sweep.stop: must be finite, got inf"),
        ("points = 4", "points = 4.5", "sweep.points: should be a valid integer, got 4.5"),
        (
            "points = 4",
            "points = 0",
            "sweep: the number of fields must be a positive integer, got 0",
        ),
        ("[0, 1, 0]", '"w"', "sweep.direction: 'w' is not known"),
        ("[0, 1, 0]", "[0, 0, 0]", "sweep.direction: expected a non-zero vector"),
        (
            "figures = []",
            'figures = ["pgn"]',
            "output.figures: 'pgn' is not known; did you mean 'png'?",
        ),
        ("figures = []", "paraview = 1", "output.paraview: should be a valid boolean, got 1"),
        ('"2 mA"', '"-2 mA"', "output.drive_current: must be positive"),
        ('[0, "250 mT"]', "[0, nan]", "output.fields_at: must be finite, got nan"),
    ],
)
def test_one_mistake_one_line(folder, old, new, expected):
    assert old in GOOD
    lines = _complaints(folder, GOOD.replace(old, new, 1))
    assert any(expected in line for line in lines), lines
    if old != "[sweep]":  # renaming a section also leaves the right one missing
        assert len(lines) == 1


def test_all_mistakes_at_once(folder):
    lines = _complaints(
        folder,
        GOOD.replace('"1 mS"', '"1 nm"').replace("stop = 1", "stp = 1").replace("order", "ordr"),
    )
    assert [line.split(":")[0] for line in lines] == [
        "material.sheet_conductivity",
        "solve",
        "sweep",
    ]


def test_sections_that_exclude_or_need_each_other(folder):
    assert "give one of: a [mesh]" in _complaints(folder, SECTION + "[mesh]\nfile='x'")[0]
    assert (
        "a cross-section has no contacts"
        in _complaints(folder, SECTION + "[measure]\ncurrent=['a','b']")[0]
    )
    start, stop = GOOD.index("[measure]"), GOOD.index("[sweep]")
    assert (
        "measure: is missing; add [measure]" in _complaints(folder, GOOD[:start] + GOOD[stop:])[0]
    )
    assert (
        "give either one [material]"
        in _complaints(folder, GOOD.replace("[material]", "[material_]"))[1]
    )
    assert (
        "sweep: is missing; add [sweep] with start, stop, points"
        in _complaints(folder, SECTION[: SECTION.index("[sweep]")])[0]
    )
    assert "must be a table" in _complaints(folder, "solve = 3\n" + SECTION)[0]
    assert (
        "must be a list of names"
        in _complaints(folder, "contacts = [1]\n" + GOOD[: GOOD.index("[contacts")])[0]
    )
    assert "must be tables by name" in _complaints(folder, 'edges = "top"\n' + SECTION)[0]


def test_files_that_cannot_be_read(folder):
    with pytest.raises(of.InputError, match="no such file; write one with: ohmr-fem init"):
        read_device(folder / "none.toml")
    with pytest.raises(of.InputError, match="is a folder"):
        read_device(folder)
    (folder / "b.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(of.InputError, match="UTF-8"):
        read_device(folder / "b.toml")
    (folder / "c.toml").write_text("[mesh]\nfile = bar.msh\n")
    with pytest.raises(of.InputError, match=r"not valid TOML: .*line 2, column 8.*quotes"):
        read_device(folder / "c.toml")


def test_template_is_a_valid_device_and_names_every_section(folder):
    device = _read(folder, TEMPLATE.format(name="device.toml", stem="device"))
    assert len(device.fields) == 181 and device.problem.is_cross_section
    for name in (
        "[mesh]",
        "[contacts]",
        "[edges]",
        "[measure]",
        "[solve]",
        "[output]",
        "drive_current",
        "g_factor",
    ):
        assert name in TEMPLATE
    active = "\n".join(line for line in TEMPLATE.splitlines() if not line.startswith("#"))
    assert set(tomllib.loads(active)) == {"cross_section", "material", "solve", "sweep", "output"}


# -- [geometry] and accuracy

DRAWN = """
contacts = ["left", "right", "t1", "t2", "b1", "b2"]
[geometry]
shape = "hall_bar"
length = "2.8 um"
width = "400 nm"
[material]
sheet_conductivity = "1 mS"
diffusion_length = "100 nm"
relaxation_time = "2 ps"
orbital_hall_angle = 0.1
inverse_mass = [1, 1, 0.25]
[measure]
current = ["left", "right"]
voltage = ["t1", "t2"]
[solve]
accuracy = 1e-2
[sweep]
start = -2
stop = 2
points = 5
"""


def test_a_device_by_its_measures_needs_no_mesh_file(folder):
    device = _read(folder, DRAWN)
    assert device.accuracy == 1e-2 and device.problem.order == 3 and device.inputs == (device.path,)
    assert device.problem.mesh.extent == pytest.approx([2.8e-6, 0.8e-6])
    fine = _read(folder, DRAWN.replace("accuracy = 1e-2", ""))
    assert (
        fine.accuracy is None
        and fine.problem.order == 2
        and fine.problem.mesh.n_cells > 3 * device.problem.mesh.n_cells
    )
    shape = (
        '[geometry]\nshape = "polygon"\noutline = [[0, 0], [4e-7, 0], [4e-7, 2e-7], [0, 2e-7]]\n'
    )
    shape += "contacts = { left = 3, right = 1 }\n"
    shape += 'regions = { in = [[0, 0], [2e-7, 0], [2e-7, 2e-7], [0, 2e-7]], out = "rest" }\n'
    text = DRAWN[DRAWN.index("[material]") :].replace('["t1", "t2"]', '["left", "right"]')
    device = _read(folder, 'contacts = ["left", "right"]\n' + shape + text)
    assert set(device.problem.mesh.regions) == {"in", "out"} and set(
        device.problem.mesh.boundaries
    ) == {"left", "right"}
    narrow = _read(
        folder, 'contacts = ["left", "right"]\n' + shape + text.replace('"100 nm"', '"5 nm"')
    )
    assert (
        narrow.problem.mesh.n_cells > device.problem.mesh.n_cells
    )  # cells follow the diffusion length


@pytest.mark.parametrize(
    "old, new, expected",
    [
        (
            'shape = "hall_bar"',
            'shape = "hal_bar"',
            r"geometry\.shape: 'hal_bar' is not known.*hall_bar",
        ),
        ('shape = "hall_bar"', "", r"geometry\.shape: is missing; one of hall_bar, cross"),
        (
            'width = "400 nm"',
            "",
            r"geometry\.width: is missing; it is required for shape 'hall_bar'",
        ),
        ('width = "400 nm"', 'width = "400 nm"\nwidht = 1', r"geometry\.widht: is unknown.*width"),
        ('width = "400 nm"', 'width = "400 K"', r"geometry\.width: .*400 K"),
        ("accuracy = 1e-2", "accuracy = -1", r"solve\.accuracy: .*positive"),
        (
            "accuracy = 1e-2",
            "accuracy = 1e-2\nordinary_hall = true",
            r"solve\.accuracy: .*ordinary_hall",
        ),
        ("accuracy = 1e-2", "accuracy = 1e-2\nbudget = 0", r"solve\.budget: .*at least 1"),
        ("[geometry]", "[cross_section]\nwidth = 1\n[geometry]", "give one of"),
    ],
)
def test_mistakes_of_geometry_and_accuracy(folder, old, new, expected):
    assert any(
        re.search(expected, line) for line in _complaints(folder, DRAWN.replace(old, new, 1))
    )


def test_a_device_from_traced_corners(folder):
    corners = ["0, 0, left", "0, 20, top", "40, 20, right", "40, 0, bottom"]
    (folder / "traced.csv").write_text("\n".join(["x, y, contact", *corners]))
    text = DRAWN.replace('"left", "right", "t1", "t2", "b1", "b2"', '"left", "right", "top"')
    text = text.replace('["t1", "t2"]', '["top", "right"]').replace("accuracy = 1e-2", "")
    given = 'shape = "csv"\nfile = "traced.csv"\nscale_bar = ["1 um", 20]'
    device = _read(folder, re.sub(r'shape = .*\n.*\nwidth = "400 nm"', given, text))
    assert np.allclose(np.ptp(device.problem.mesh.mesh.p, axis=1), [2e-6, 1e-6])
    assert folder / "traced.csv" in device.inputs and folder / "traced.csv" in device.digests


@pytest.mark.parametrize(
    "table, expected",
    [
        ('shape = "gds"', r"geometry\.file: is missing"),
        ('shape = "gds"\nfile = 1\nregions = 1', r"geometry\.file: must be the name of a file"),
        ('shape = "gds"\nfile = "a.gds"', r"geometry\.regions: is missing"),
        ('shape = "csv"\nfile = "none.csv"\nunit = "um"', r"none\.csv"),
        ('shape = "svg"\npath = "a.svg"', r"geometry\.path: is unknown.*file"),
    ],
)
def test_mistakes_of_a_device_from_a_file(folder, table, expected):
    text = re.sub(r'shape = .*\n.*\nwidth = "400 nm"', table, DRAWN)
    assert any(re.search(expected, line) for line in _complaints(folder, text))


def test_accuracy_is_refused_where_no_mesh_is_refined(folder):
    from ohmr_fem.config.device_file import without_accuracy

    with pytest.raises(of.InputError, match=r"solve\.accuracy: a fit does not refine"):
        without_accuracy(_read(folder, DRAWN), "a fit")
    text = DRAWN[DRAWN.index("[material]") :].replace(
        '[measure]\ncurrent = ["left", "right"]\nvoltage = ["t1", "t2"]', ""
    )
    assert any(
        "cross-section resolves" in line
        for line in _complaints(folder, '[cross_section]\nwidth = "20 nm"\n' + text)
    )


MAGNET = '{mixing_conductance = "4e14 S/m^2", magnetisation = [1, 0, 0]}'
FILM = """
[geometry]
shape = "hall_bar"
length = "60 nm"
width = "20 nm"
[film]
thickness = "4 nm"
bottom = "100 m/s"
top = {mixing_conductance = "4e14 S/m^2", magnetisation = [0, 1, 0]}
[material]
resistivity = "180 uohm cm"
diffusion_length = "2 nm"
relaxation_time = "2 ps"
orbital_hall_angle = 0.016
inverse_mass = 1
[contacts]
left = "equipotential"
right = "equipotential"
[measure]
current = ["left", "right"]
voltage = ["left", "right"]
[sweep]
start = 0
stop = 9
points = 3
"""


def test_film(tmp_path, refuses):
    path = tmp_path / "film.toml"
    path.write_text(FILM, encoding="utf-8")
    device = read_device(path)
    film = device.problem.film
    assert film.thickness == pytest.approx(4e-9) and len(device.snapshots) == 0
    assert film.bottom.matrix[0, 0] == 100.0 and film.top.magnet.magnetisation == (0, 1, 0)
    sheet = device.problem.material.sheet_conductivity
    assert sheet == pytest.approx(4e-9 / 1.8e-6)
    path.write_text(FILM.replace('"100 m/s"', "{source = 0.1}"), encoding="utf-8")
    assert read_device(path).problem.film.bottom.source == 0.1
    text = FILM.replace('"100 m/s"', f'{{orbital = "absorbing", spin = {MAGNET}}}')
    spin = SPIN[SPIN.index("[material.spin]") : SPIN.index("[sweep]")]
    path.write_text(text.replace("[contacts]", spin + "[contacts]"), encoding="utf-8")
    bottom = read_device(path).problem.film.bottom
    assert bottom.absorbing and bottom.spin.magnet.magnetisation == (1, 0, 0)
    for wrong, fragments in (
        (FILM.replace('"4 nm"', '"4 s"'), ["film", "thickness"]),
        (FILM.replace('"100 m/s"', '"mirror"'), ["film", "mirror"]),
        (FILM.replace("magnetisation", "moment"), ["film", "magnetisation"]),
        (FILM + "[output]\nlayers = 1\n", ["output.layers", "2 to"]),
        (FILM + "[solve]\naccuracy = 1e-3\n", ["solve.accuracy", "film"]),
        (FILM.replace('"100 m/s"', "{source = [1, 2]}"), ["film", "source"]),
        (FILM.replace('"100 m/s"', "{source = 0.1, kappa = 1}"), ["film", "kappa"]),
    ):
        path.write_text(wrong, encoding="utf-8")
        with pytest.raises(of.InputError) as caught:
            read_device(path)
        assert all(f in str(caught.value) for f in fragments), str(caught.value)


LAYER = """[[stack]]
resistivity = "180 uohm cm"
diffusion_length = "2 nm"
relaxation_time = "2 ps"
orbital_hall_angle = 0.016
inverse_mass = 1
"""
STACK = FILM.replace(FILM[FILM.index("[material]") : FILM.index("[contacts]")], "").replace(
    'thickness = "4 nm"\n', ""
) + "".join(LAYER + f'name = "{n}"\nthickness = "{t} nm"\n' for n, t in (("Mn", 3), ("Pt", 5)))


def test_stack(tmp_path):
    path = tmp_path / "stack.toml"
    path.write_text(STACK, encoding="utf-8")
    stack = read_device(path).problem.film
    assert [m.name for m, _ in stack.layers] == ["Mn", "Pt"]
    assert stack.thickness == pytest.approx(8e-9) and stack.bottom.matrix[0, 0] == 100.0
    for wrong, fragments in (
        (STACK.replace('"3 nm"', '"-3 nm"'), ["stack[0].thickness"]),
        (STACK + "[output]\nfields_at = [0]\n", ["output.fields_at", "stack"]),
        (STACK.replace("[film]", '[film]\nthickness = "4 nm"'), ["film.thickness", "[[stack]]"]),
        (STACK + LAYER.replace("[[stack]]", "[material]"), ["material", "[[stack]]"]),
        (STACK.replace("relaxation_time", "relaxing_time", 1), ["stack[0]", "relaxing_time"]),
        (STACK.replace('resistivity = "180 uohm cm"', "", 1), ["stack[0].resistivity", "missing"]),
        (STACK.replace("[film]", "[film]\n# faces").replace("[[stack]]", "[stack]", 1), ["stack"]),
    ):
        path.write_text(wrong, encoding="utf-8")
        with pytest.raises(of.InputError) as caught:
            read_device(path)
        assert all(f in str(caught.value) for f in fragments), str(caught.value)


def test_a_study_changes_the_thickness(tmp_path):
    from ohmr_fem.study.axes import changed_device

    path = tmp_path / "film.toml"
    path.write_text(FILM, encoding="utf-8")
    thicker = changed_device(read_device(path), {"film.thickness": "8 nm"}).problem
    assert thicker.film.thickness == pytest.approx(8e-9)
    assert thicker.material.sheet_conductivity == pytest.approx(8e-9 / 1.8e-6)


TURN = FILM.replace(
    "start = 0\nstop = 9\npoints = 3",
    """strength = "9 T"
angles = {plane = "yz", start = -90, stop = 90, points = 5}""",
)


def test_a_field_that_turns(tmp_path):
    path = tmp_path / "turn.toml"
    path.write_text(TURN, encoding="utf-8")
    fields = read_device(path).fields
    half = 9 / np.sqrt(2)
    expected = [[0, 0, -9], [0, half, -half], [0, 9, 0], [0, half, half], [0, 0, 9]]
    np.testing.assert_allclose(fields, expected, atol=1e-14)
    for wrong, fragments in (
        (TURN.replace('strength = "9 T"', ""), ["sweep.strength", "missing"]),
        (TURN.replace('"yz"', '"yy"'), ["sweep.angles", "yy"]),
        (TURN.replace("points = 5", "steps = 5"), ["sweep.angles", "steps"]),
        (TURN.replace('"9 T"', '"9 V"'), ["sweep.strength", "dimension"]),
    ):
        path.write_text(wrong, encoding="utf-8")
        with pytest.raises(of.InputError) as caught:
            read_device(path)
        assert all(f in str(caught.value) for f in fragments), str(caught.value)


def test_the_page_of_keys_is_what_the_tables_say():
    page = Path(__file__).parents[2] / "docs" / "device-file.md"
    assert page.read_text(encoding="utf-8") == device_reference()


def test_the_schema_knows_every_section_and_key_of_the_examples():
    schema = device_schema()
    assert set(schema["properties"]) == set(SECTIONS)
    for file in sorted((Path(__file__).parents[2] / "examples").glob("*.toml")):
        table = tomllib.loads(file.read_text(encoding="utf-8"))
        if "axes" not in table:
            for name, value in table.items():
                assert fits(schema, schema["properties"][name], value), (file.name, name)
    assert not fits(schema, schema["properties"]["sweep"], {"start": 0, "stop": 1, "pints": 3})
    assert not fits(schema, schema["properties"]["mesh"], {"unit": "nm"})


# -- orbital and spin moment

SPIN = """
[cross_section]
width = "60 nm"

[material]
relaxation_rate = [["0.5 THz", 0.0, 0.0], [0.0, "0.5 THz", 0.0], [0.0, 0.0, "0.8 THz"]]
orbital_hall_angle = 0.016
inverse_mass = 1.0
diffusion_constant = "2 cm^2/s"

[material.spin]
diffusion_constant = "5 cm^2/s"
relaxation_time = "1 ps"
hall_angle = "2 %"
to_orbital = 1e11
from_orbital = 4e10

[sweep]
start = 0
stop = "9 T"
points = 3
"""


def test_a_material_with_a_rate_and_a_spin(tmp_path):
    (tmp_path / "d.toml").write_text(SPIN)
    material = of.read_device(tmp_path / "d.toml").problem.material
    assert material.relaxation_time == pytest.approx((2e-12, 2e-12, 1.25e-12))
    expected = of.Spin(5e-4, 1e-12, 0.02, to_orbital=1e11, from_orbital=4e10)
    assert material.spin == expected


@pytest.mark.parametrize(
    "old, new, words",
    [
        ('hall_angle = "2 %"\n', "", ["material.spin", "hall_angle is missing"]),
        ("to_orbital", "to_orbit", ["material.spin", "'to_orbit'", "did you mean 'to_orbital'?"]),
        ('"5 cm^2/s"', '"5 cm"', ["material.spin", "diffusion_constant", "wrong dimension"]),
        ("orbital_hall", 'relaxation_time = "1 ps"\norbital_hall', ["exactly one of"]),
        ("[material.spin]", "[material]\nspin = 3\n[other]", ["d.toml"]),
        ('"0.8 THz"', '"-0.8 THz"', ["material.relaxation_rate", "positive definite"]),
    ],
)
def test_what_is_wrong_with_a_spin(tmp_path, old, new, words):
    (tmp_path / "d.toml").write_text(SPIN.replace(old, new, 1))
    with pytest.raises(of.InputError) as caught:
        of.read_device(tmp_path / "d.toml")
    assert not [w for w in words if w not in str(caught.value)], str(caught.value)
