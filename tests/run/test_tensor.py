"""Model files: from TOML to the tensor, its table and figures; a device whose material comes from a
model.
"""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem import micro
from ohmr_fem.cli import main
from ohmr_fem.config.device_file import read_device, read_tensor_job
from ohmr_fem.study.axes import changed_device
from ohmr_fem.sweep.shared import SharedMeasures

BILAYER = 'kind = "bilayer_graphene"\ngamma1 = "381 meV"\ngamma3 = 0.38\n'
SQUARE = """
kind = "hoppings"
lattice = [[3, 0], [0, 3]]
positions = [[0, 0, 0], [0, 0, 4]]
hoppings = [[0, 0, [1, 0], -0.5], [0, 0, [0, 1], [-0.5, 0.1]], [1, 1, [1, 0], -0.5],
  [0, 1, [0, 0], "-200 meV"]]
onsite = [0.1, -0.1]
filling = 0
"""
TENSOR = "mu = [0.1, 0.2]\nmesh = 48\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ohmr(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    return end.value.code or 0


def write(
    model: str = BILAYER, tensor: str = TENSOR, rest: str = '[output]\nfigures = ["svg"]\n'
) -> str:
    Path("model.toml").write_text(f"[model]\n{model}\n[tensor]\n{tensor}\n{rest}")
    return "model.toml"


def table(path: str) -> tuple[list[str], dict[str, np.ndarray]]:
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    notes = [line for line in lines if line.startswith("#")]
    head, *rows = csv.reader(lines[len(notes) :])
    return notes, {name: np.array([float(row[i]) for row in rows]) for i, name in enumerate(head)}


def test_table_figures_and_record(capsys):
    choices = (
        'displacement = [0, "100 meV"]\ncounting = "excess"\n'
        'normalisation = "per_carrier"\nspin = 2\n'
    )
    assert ohmr("xtensor", write(tensor=TENSOR + choices), "--out", "out") == 0
    notes, found = table("out/xtensor.csv")
    said = " ".join(notes)
    for words in (
        "definition: drude",
        "counting: excess",
        "normalisation: per_carrier",
        "both spins",
        "300 K",
        "1/m_e",
        "48 x 48",
        "-V at the bottom",
        "4 orbitals in 2 layers",
    ):
        assert words in said
    for i, v in enumerate((0.0, 0.1)):
        model = micro.bilayer_graphene(gamma1=0.381, gamma3=0.38, displacement=v)
        x = micro.inverse_mass(model, [0.1, 0.2], 300, "drude", "excess", "per_carrier", 2, mesh=48)
        rows = slice(2 * i, 2 * i + 2)
        assert np.all(found["displacement [eV]"][rows] == v) and np.array_equal(
            found["mu [eV]"][rows], [0.1, 0.2]
        )
        assert np.array_equal(found["density [1/m^2]"][rows], x.density)
        for a, b, name in ((0, 0, "xx"), (2, 2, "zz"), (0, 1, "xy")):
            assert np.allclose(
                found[f"X_{name} [1/m_e]"][rows], x.X[:, a, b], rtol=1e-12, atol=1e-15
            )
        assert np.allclose(found["theta [1]"][rows], x.theta) and np.array_equal(
            found["error [1/m_e]"][rows], x.error
        )
    # the principal values and axes of the table give the tensor back
    axes = np.array([[found[f"axis_{i}{a} [1]"][3] for i in (1, 2, 3)] for a in "xyz"])
    values = np.array([found[f"X_{i} [1/m_e]"][3] for i in (1, 2, 3)])
    assert np.allclose(axes @ np.diag(values) @ axes.T, x.X[1], atol=1e-12) and np.all(
        np.diff(values) >= 0
    )
    assert {p.name for p in Path("out").iterdir()} == {
        "xtensor.csv",
        "xtensor.svg",
        "theta.svg",
        "run.json",
    }
    record = json.loads(Path("out/run.json").read_text())
    assert record["inputs"] == {
        "model.toml": hashlib.sha256(Path("model.toml").read_bytes()).hexdigest()
    }
    assert record["status"] == "complete" and record["rows"] == 4
    assert record["ranges"]["theta"] == [found["theta [1]"].min(), found["theta [1]"].max()]
    assert "counting: excess" in capsys.readouterr().out


def test_a_model_from_hoppings():
    job = read_tensor_job(
        write(SQUARE, 'density = {start = "1e12 cm**-2", stop = 3e16, points = 3}\nmesh = 48')
    )
    assert np.allclose(job.options["density"], [1e16, 2e16, 3e16]) and job.options["mu"] is None
    h = job.model.bloch([0.3, 0.7])
    assert h[0, 1] == pytest.approx(-0.2) and h[1, 1] == pytest.approx(-0.1 - np.cos(0.9))
    assert h[0, 0] == pytest.approx(0.1 - np.cos(0.9) - np.cos(2.1) - 0.2 * np.sin(2.1))
    assert ohmr("xtensor", "model.toml") == 0
    assert np.allclose(
        table("results/model/xtensor.csv")[1]["density [1/m^2]"], [1e16, 2e16, 3e16], rtol=1e-9
    )


@pytest.mark.parametrize("ending", ["_tb.dat", "_hr.dat"])
def test_a_model_from_wannier90(ending):
    own = micro.bilayer_graphene(gamma3=0.3)
    Path("sub").mkdir()
    micro.write_wannier90(own, Path("sub") / f"x{ending}")
    geometry = (
        ""
        if ending == "_tb.dat"
        else (f"centres = {own.positions.tolist()}\nlattice = {own.lattice.tolist()}\n")
    )
    Path("sub/model.toml").write_text(
        f'[model]\nkind = "wannier90"\nfile = "x{ending}"\ndisplacement = "50 '
        f'meV"\n{geometry}[tensor]\n{TENSOR}'
    )
    job = read_tensor_job("sub/model.toml")
    assert np.allclose(job.model.bands([0.1, 1.0]), own.with_displacement(0.05).bands([0.1, 1.0]))
    assert job.inputs == (Path("sub/model.toml"), Path("sub") / f"x{ending}")


def test_every_built_in_model():
    for text, expected in (
        ('kind = "monolayer_graphene"\na = "0.246 nm"', micro.monolayer_graphene()),
        (
            'kind = "multilayer_graphene"\nn = 3\nstacking = "ABC"\nspacing = [3.3, 3.4]',
            micro.multilayer_graphene(3, "ABC", spacing=[3.3, 3.4]),
        ),
        (
            'kind = "gapped_honeycomb"\nstacking = "3R"\ndisplacement = 0.1',
            micro.gapped_honeycomb(2, "3R", displacement=0.1),
        ),
    ):
        model = read_tensor_job(write(text)).model
        assert repr(model) == repr(expected) and np.allclose(
            model.bond_vectors, expected.bond_vectors
        )
        assert np.array_equal(model.blocks, expected.blocks)


def test_one_layer_has_no_theta():
    assert ohmr("xtensor", write('kind = "monolayer_graphene"'), "--out", "out") == 0
    assert "theta [1]" not in table("out/xtensor.csv")[1] and not Path("out/theta.svg").exists()


def test_figures_show_what_is_swept():
    results = {
        v: micro.inverse_mass(micro.bilayer_graphene(displacement=v), [0.1, 0.2], 300, mesh=48)
        for v in (0.0, 0.1, 0.2)
    }
    ax = of.plot_inverse_mass(results)
    for line, a in zip(ax.lines, (0, 2), strict=False):
        assert np.array_equal(line.get_ydata(), results[0.0].X[:, a, a])
    ax = of.plot_inverse_mass(results, "theta", "displacement")
    assert np.array_equal(ax.lines[1].get_xdata(), [0, 0.1, 0.2]) and ax.get_xlabel() == "V (eV)"
    assert np.array_equal(ax.lines[1].get_ydata(), [x.theta[1] for x in results.values()])
    with pytest.raises(of.InputError, match="did you mean 'theta'"):
        of.plot_inverse_mass(results, "thet")
    colder = micro.inverse_mass(micro.bilayer_graphene(), 0.1, 200, mesh=48)
    with pytest.raises(of.InputError, match="differ in definition"):
        micro.write_tensor_table("x.csv", {0.0: results[0.0], 0.1: colder})


@pytest.mark.parametrize(
    ("model", "tensor", "words"),
    [
        ('kind = "bilayer_graphen"', TENSOR, ["model.kind", "did you mean 'bilayer_graphene'?"]),
        ("gamma0 = 3", TENSOR, ["a kind: monolayer_graphene"]),
        (BILAYER + "gamma5 = 1", TENSOR, ["model", "unknown key 'gamma5'", "did you mean 'gamma"]),
        (BILAYER + 'gamma0 = "3 angstrom"', TENSOR, ["model.gamma0", "eV"]),
        (BILAYER, "mu = 0\ntemperatur = 4", ["tensor", "did you mean 'temperature'?"]),
        (BILAYER, "mesh = 48", ["tensor", "either mu", "or density"]),
        (BILAYER, "mu = {start = 0, stop = 1, point = 3}", ["tensor.mu", "did you mean 'points'?"]),
        (BILAYER, "mu = {start = 0, stop = 1}", ["tensor.mu", "points is missing"]),
        (BILAYER, "mu = 0\ntemperature = -4\nmesh = 24", ["temperature", "positive"]),
        (BILAYER, "mu = 99\nmesh = 24", ["mu", "the bands"]),
        (BILAYER, "density = 1e22\nmesh = 24", ["density", "the bands hold"]),
        (BILAYER, 'mu = 0\ndefinition = "drud"', ["definition", "did you mean 'drude'?"]),
        (BILAYER, 'mu = 0\ncounting = "al"', ["counting", "did you mean 'all'?"]),
        (
            BILAYER + "displacement = 0.1",
            "mu = 0\ndisplacement = 0.1",
            ["tensor.displacement", "once"],
        ),
        (
            'kind = "gapped_honeycomb"',
            'mu = 0\nmesh = 24\ntemperature = 100\nnormalisation = "per_carrier"',
            ["zero density"],
        ),
        (
            'kind = "monolayer_graphene"',
            "mu = 0\ndisplacement = 0.1",
            ["tensor.displacement", "one layer"],
        ),
        (
            SQUARE.replace("0, 0, 0], [0, 0, 4", "0, 0], [0, 0"),
            TENSOR,
            ["model.positions", "no layers along z"],
        ),
        (SQUARE.replace("[0, 0, 4]", '"up"'), TENSOR, ["model.positions", "numbers in angstrom"]),
        (
            SQUARE.replace("[0, 0, [1, 0], -0.5]", "[0, 0, [1, 0], -0.5], [0, 0, [-1, 0], -0.4]"),
            TENSOR,
            ["model.hoppings", "not Hermitian"],
        ),
        (
            SQUARE.replace("[0, 0, [1, 0], -0.5]", "[0, 0, 1, 0, -0.5]"),
            TENSOR,
            ["model.hoppings", "entry 0", "[i, j, [R1, R2], t]"],
        ),
        ('kind = "wannier90"\nfile = "absent_tb.dat"', TENSOR, ["cannot be read"]),
    ],
)
def test_one_line_for_every_mistake(model, tensor, words, capsys):
    assert ohmr("xtensor", write(model, tensor), "--out", "out") == 2
    said = capsys.readouterr()
    assert (
        said.out == ""
        and len(said.err.splitlines()) == 1
        and all(word in said.err for word in words)
    ), said.err
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda lines: lines[:-5], "truncated"),
        (
            lambda lines: [*lines[:3], lines[3].replace("1", "2", 1), *lines[4:]],
            "degeneracy weights",
        ),
        (lambda lines: [*lines[:3], lines[3][2:], *lines[4:]], "degeneracy weights"),
    ],
)
def test_damaged_wannier_files(damage, word, capsys):
    own = micro.bilayer_graphene()
    micro.write_wannier90(own, "x_hr.dat")
    geometry = f"centres = {own.positions.tolist()}\nlattice = {own.lattice.tolist()}\n"
    Path("x_hr.dat").write_text("\n".join(damage(Path("x_hr.dat").read_text().splitlines())) + "\n")
    assert ohmr("xtensor", write(f'kind = "wannier90"\nfile = "x_hr.dat"\n{geometry}')) == 2
    said = capsys.readouterr().err
    assert word in said and len(said.splitlines()) == 1


def test_layers_that_cannot_be_told_apart(capsys):
    own = micro.bilayer_graphene(spacing=2.0)
    micro.write_wannier90(own, "x_tb.dat")
    assert ohmr("xtensor", write('kind = "wannier90"\nfile = "x_tb.dat"')) == 2
    assert "cannot be told apart" in capsys.readouterr().err
    assert (
        read_tensor_job(
            write('kind = "wannier90"\nfile = "x_tb.dat"\nlayer_gap = 1.5')
        ).model.n_layers
        == 2
    )


DEVICE = """
[cross_section]
width = "300 nm"
cells = 24
[material]
model = "model.toml"
density = "2e12 cm**-2"
mobility = "1 m**2/(V*s)"
relaxation_time = "1 ps"
orbital_hall_angle = 0.1
mesh = 120
[gate]
displacement = [0, "0.2 eV"]
[sweep]
start = 0
stop = 5
points = 5
[output]
figures = ["svg"]
paraview = false
"""


def device(text: str = DEVICE) -> str:
    write()
    Path("device.toml").write_text(text)
    return "device.toml"


def test_a_device_sweeps_the_gate_of_its_model(capsys):
    assert ohmr("run", device(), "--out", "out") == 0
    given = {
        "density": 2e16,
        "mobility": 1.0,
        "relaxation_time": 1e-12,
        "orbital_hall_angle": 0.1,
        "mesh": 120,
    }
    model = micro.bilayer_graphene(gamma1=0.381, gamma3=0.38)
    with open("out/gate.csv", newline="") as stream:
        head, *rows = csv.reader(stream)
    found = {
        name: np.array([float(row[i]) for row in rows]).reshape(2, 5) for i, name in enumerate(head)
    }
    for i, v in enumerate((0.0, 0.2)):
        material = micro.material(model, displacement=v, **given)
        expected = of.hanle_curve(
            of.Problem(of.cross_section("300 nm", cells=24), material), of.field_sweep(0, 5, 5)
        )
        assert np.all(found["displacement [eV]"][i] == v)
        assert np.allclose(found["rho_change [1]"][i], expected.rho_change, rtol=1e-9, atol=1e-18)
    assert (
        found["rho_change [1]"][0, -1] > 0 > found["rho_change [1]"][1, -1]
    )  # theta changes sign with the displacement
    assert np.allclose(
        table("out/results.csv")[1]["rho [1]"], found["rho [1]"][0], rtol=1e-12
    )  # the operating point
    assert Path("out/gate.svg").exists()
    record = json.loads(Path("out/run.json").read_text())
    assert set(record["inputs"]) == {"device.toml", "model.toml"}
    sources = record["gates"]["measure"]["sources"]
    assert (
        len(sources) == 2
        and "displacement V = 0 eV" in sources[0]
        and "displacement V = 0.2 eV" in sources[1]
    )
    assert "2 values of displacement" in capsys.readouterr().out


def test_an_interrupted_gate_keeps_its_rows(capsys, monkeypatch):
    calls = []
    real = SharedMeasures.curve

    def once(*arguments: object) -> of.HanleCurve:
        calls.append(1)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(SharedMeasures, "curve", once)
    assert ohmr("run", device(), "--out", "out") == 130
    with open("out/gate.csv", newline="") as stream:
        assert len(list(csv.reader(stream))) == 1 + 5
    assert "(5 of 5 fields)" in (said := capsys.readouterr().err) and "(1 of 2 gates)" in said
    assert json.loads(Path("out/run.json").read_text())["status"] == "interrupted"


def test_density_gates_and_models_in_line():
    text = DEVICE.replace(
        '"model.toml"', '{kind = "bilayer_graphene", gamma1 = 0.381, gamma3 = 0.38}'
    )
    found = read_device(
        device(
            text.replace(
                'displacement = [0, "0.2 eV"]', "density = {start = 1e16, stop = 3e16, points = 2}"
            )
        )
    )
    assert (
        found.gate.parameter == "density"
        and found.gate.unit == "1/m^2"
        and found.inputs == (Path("device.toml"),)
    )
    low, high = (found.gate.materials(n) for n in found.gate.values)
    assert 2 < high.sheet_conductivity / low.sheet_conductivity < 3.1  # e n mu, with fewer holes
    assert ohmr("check", "device.toml") == 0


def test_a_study_may_change_the_gate_of_a_model():
    found = read_device(device())
    changed = changed_device(
        found, {"material.displacement": "0.2 eV", "material.tau": "2 ps"}
    ).problem.material
    expected = found.gate.materials(0.2)
    assert (
        np.allclose(changed.inverse_mass, expected.inverse_mass, rtol=1e-12)
        and changed.relaxation_time == 2e-12
    )
    with pytest.raises(of.InputError, match=r"did you mean 'material\.displacement'"):
        changed_device(found, {"material.displacment": 0.2})


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('model = "model.toml"', 'model = "absent.toml"', ["absent.toml", "no such file"]),
        (
            'model = "model.toml"',
            'model = {kind = "graphite"}',
            ["material.model.kind", "known names"],
        ),
        ("density =", "densiti =", ["material", "did you mean 'density'?"]),
        ("displacement = [0", "displacment = [0", ["gate", "did you mean 'displacement'?"]),
        ('displacement = [0, "0.2 eV"]', "", ["gate", "give one of displacement"]),
        ('"2e12 cm**-2"', "1e22", ["material", "the bands hold"]),
        ('"2e12 cm**-2"', '"2e12 cm"', ["material.density", "dimension"]),
        ("[gate]\n", "[gates]\n", ["did you mean 'gate'?"]),
        (
            'model = "model.toml"',
            'model = {kind = "monolayer_graphene"}',
            ["material", "one layer"],
        ),
    ],
)
def test_mistakes_in_a_device(old, new, words, capsys):
    assert ohmr("check", device(DEVICE.replace(old, new, 1))) == 2
    said = capsys.readouterr()
    assert all(word in said.err for word in words) and len(said.err.splitlines()) == 1, said.err


def test_a_gate_needs_a_model_and_files_of_the_wrong_kind(capsys):
    material = (
        "sheet_conductivity = 1\nrelaxation_time = 1\ninverse_mass = 1\n"
        "orbital_hall_angle = 1\ndiffusion_length = 1\n"
    )
    start, stop = DEVICE.index("model ="), DEVICE.index("[gate]")
    plain = DEVICE[:start] + material + DEVICE[stop:]
    assert (
        ohmr("check", device(plain)) == 2
        and "no material comes from a model" in capsys.readouterr().err
    )
    assert ohmr("run", write()) == 2 and "ohmr-fem xtensor" in capsys.readouterr().err
    assert (
        ohmr("xtensor", device()) == 2
        and "is a device file: ohmr-fem run device.toml; a model file has [model] and [tensor]"
        in capsys.readouterr().err
    )
