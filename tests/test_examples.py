"""Every block of the README and every example runs, and gives the numbers it promises."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import tomllib
from pathlib import Path

import numpy as np
import pytest
from small_devices import bar

import ohmr_fem as of
from ohmr_fem.analytic import absorbing_valve
from ohmr_fem.cli import main
from ohmr_fem.config.device_file import read_device, read_tensor_job

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """An empty folder that sees the meshes and examples of the checkout."""
    for name in ("meshes", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _module(name: str):
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("code", [code for kind, code in BLOCKS if kind == "python"])
def test_python_of_the_readme(checkout, code):
    names: dict = {}
    exec(compile(code, "README.md", "exec"), names)
    if "curve" in names:
        assert {p.name for p in Path("out").iterdir()} == {
            "moment_density.png",
            "hanle.pdf",
            "device.vtu",
        }
        assert names["curve"].delta_R.min() < 0 < names["curve"].hanle.max()
        assert (
            names["solution"].at((0, 190e-9)).moment_density[2, 0] > 0
        )  # the positive edge of the table


@pytest.mark.parametrize("block", [code for kind, code in BLOCKS if kind == "sh"])
def test_commands_of_the_readme(checkout, block):
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    for line in block.splitlines():
        program, *arguments = shlex.split(line)
        if program == "make":
            assert set(arguments) <= set(targets)
            continue
        assert program == "ohmr-fem"
        if arguments[0] == "fit":
            pytest.importorskip("lmfit", reason="fits need lmfit")
        with pytest.raises(SystemExit) as end:
            main(arguments)
        assert not end.value.code, line


def test_every_kind_of_block_is_tested():
    assert {kind for kind, _ in BLOCKS} == {"python", "sh"} and len(BLOCKS) >= 4


def test_links_and_pictures_of_the_readme_exist():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert "://" in target or (ROOT / target).exists(), target


def test_the_pipeline_calls_the_test_command():
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    assert [line for line in lines if "make" in line] == ["exec make test"]


DEVICES = sorted(
    p.name
    for p in (ROOT / "examples").glob("*.toml")
    if "[axes]" not in p.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("path", DEVICES)
def test_device_files_are_right(path, capsys):
    with pytest.raises(SystemExit) as end:
        main(["check", str(ROOT / "examples" / path)])
    said = capsys.readouterr()
    assert not end.value.code and "no errors" in said.out and said.err == ""


def test_hall_bar_example():
    device = read_device(ROOT / "examples" / "hall_bar.toml")
    local, nonlocal_ = (
        of.hanle_curve(device.problem, [(0, 0, 0), (9, 0, 0)], current=m.current, voltage=m.voltage)
        for m in device.measurements
    )
    # Between probes far from the ends the bar is a strip: delta_R = R_ohmic rho of Eq. (7), W/L_m =
    # 4.
    phi = np.sqrt(24.4 * 0.56) * 0.5 * 1.602176634e-19 * 9 / 9.1093837015e-31 * 2e-12
    z = 2 * np.sqrt(1 + 1j * np.array([0, phi]))
    assert np.allclose(local.delta_R / local.R_ohmic, -0.01 * (np.tanh(z) / z).real, rtol=0.12)
    assert local.delta_R == pytest.approx([-8.839463, -3.028440], rel=1e-5)  # regression
    assert nonlocal_.hanle[1] == pytest.approx(-0.0809307, rel=1e-4)


def test_valve_example():
    device = read_device(ROOT / "examples" / "valve.toml")
    m = device.measurements[0]
    fields = [(0, 0, 0), (0.02, 0, 0)]
    curve = of.hanle_curve(device.problem, fields, current=m.current, voltage=m.voltage)
    # Between points that lose nothing and points that lose all that a pad does
    law = device.problem.contacts["source"]
    assert law.region == "injector" and law.polarisation == (0, 0, 0.1)
    L, W, sigma, a = 2.547e-6, 2.2e-6, 5e-4, 0.6e-6
    phi = 0.02 * 1.602176634e-19 / 9.1093837139e-31 * 451.84e-12
    r = law.moment.absorption[0] * a * L / 0.014358
    free, lossy = (absorbing_valve(5.5e-6 / L, [0, phi], loss) for loss in (0.0, r))
    unit = 0.01 * L / (sigma * W)
    assert unit * lossy[0] < curve.delta_R[0] < unit * free[0]
    assert unit * free[1] < curve.delta_R[1] < 0
    assert curve.delta_R == pytest.approx([1.280225, -0.205087], rel=1e-5)  # regression


@pytest.mark.parametrize(
    "path", sorted(p.name for p in (ROOT / "examples" / "models").glob("*.toml"))
)
def test_model_files_are_right(path):
    job = read_tensor_job(ROOT / "examples" / "models" / path)
    options = {**job.options, "mesh": 48}
    if options["mu"] is not None:
        options["mu"] = options["mu"][::60]
    x = of.micro.inverse_mass(job.model, **options)
    assert np.all(np.isfinite(x.X)) and job.model.n_layers == 2


def test_own_bilayer_in_closed_form():
    """One bonding band at the bottom: X_zz = t d^2/hbar^2 for each carrier, X_xx = 2 t_in
    a^2/hbar^2.
    """
    job = read_tensor_job(ROOT / "examples" / "models" / "own_bilayer.toml")
    X = of.micro.inverse_mass(job.model, **{**job.options, "mesh": 240}).X[0]
    unit = 7.61996423  # hbar^2/m_e in eV angstrom^2
    assert X[2, 2] == pytest.approx(0.2 * 4**2 / unit, rel=1e-6) and X[0, 0] == pytest.approx(
        2 * 0.5 * 3**2 / unit, rel=0.03
    )


def test_bilayer_hall_bar_example(tmp_path):
    """The gate of the example on a coarse bar: the sign of the magnetoresistance is the sign of
    theta, and it changes.
    """
    text = (ROOT / "examples" / "bilayer_hall_bar.toml").read_text()
    assert "points = 21" in text
    text = text.replace("points = 21", "points = 3").replace("../meshes/hall_bar.msh", "bar.msh")
    text = text.replace('"models/', f'"{ROOT}/examples/models/').replace(
        "counting =", "mesh = 240\ncounting ="
    )
    of.write_mesh(bar(24, 8), tmp_path / "bar.msh", unit="nm")
    (tmp_path / "device.toml").write_text(text)
    device = read_device(tmp_path / "device.toml")
    pair = device.measurements[0]
    found = of.gate_map(
        device.problem,
        device.gate.materials,
        device.gate.values,
        device.fields[::30],
        current=pair.current,
        voltage=pair.voltage,
    )
    theta = np.array(
        [m["bulk"].inverse_mass[2, 2] / m["bulk"].inverse_mass[1, 1] for m in found.materials]
    )
    assert theta[0] > 0 > theta[2] and np.array_equal(np.sign(found.hanle[:, 0]), np.sign(theta))
    assert np.allclose(found.hanle, found.hanle[:, ::-1], rtol=1e-6, atol=1e-12)  # even in B
    assert theta == pytest.approx(
        [0.00124066, 0.00002709, -0.00557726], rel=0.01, abs=1e-6
    )  # regression


def test_figure3_example():
    """Readings of theta over the paper's window, within 1e-3 of the converged ones; Drude X_xx
    vanishes in the gap.
    """
    module = _module("bilayer_graphene_figure3")
    found = module.curves(points=25, mesh=360)
    low_high = module.ranges(found)
    assert low_high["0: drude, excess"] == pytest.approx((0.00287214, 0.01138425), rel=1e-3)
    assert low_high["0.38: drude, excess"] == pytest.approx((-0.01485956, -0.00893501), rel=1e-3)
    assert low_high["0: commutator, all"] == pytest.approx((0.02240613, 0.02295108), rel=1e-3)
    at = found["0: drude, all"][20]  # mu = 0.4 eV, where the one-dimensional integrals give these
    assert at[0, 0] == pytest.approx(0.06355458, rel=1e-3) and at[2, 2] == pytest.approx(
        0.03013425, rel=1e-3
    )
    middle = len(found["mu"]) // 2
    assert (
        found["mu"][middle] == 0.0
        and found["0.38: drude, all"][middle, 0, 0] < 2e-4 < found["0: drude, all"][middle, 0, 0]
    )
    for tensors in (
        x for name, x in found.items() if name != "mu"
    ):  # electron-hole symmetric, threefold
        assert np.allclose(tensors, tensors[::-1], rtol=1e-6, atol=1e-9)
        assert np.allclose(tensors[:, 0, 0], tensors[:, 1, 1], rtol=1e-9)
    left, right = module.draw(found).axes
    assert len(left.lines) == 6 and right.get_yscale() == "log"


def test_strip_example():
    module = _module("strip")
    found = module.curves(points=9)
    assert module.largest_error(found) < 1e-8
    assert [c.rho_star[-1] for c in found] == sorted(c.rho_star[-1] for c in found)


def test_nonlocal_example():
    module = _module("nonlocal_bar")
    there, back = module.signal(module.device(order=1))
    assert abs(there.R - back.R) < 1e-9 * abs(there.R_ohmic)
    assert there.hanle < 0 < there.delta_R


def test_versions_agree():
    """One place in the package; tests/test_package.py looks at what the wheel says."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {
        "attr": "ohmr_fem.version.__version__"
    }
    citation = re.search(
        r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(), flags=re.MULTILINE
    )
    assert (
        of.__version__ == citation[1]
        and f"## {of.__version__}" in (ROOT / "CHANGELOG.md").read_text()
    )


def test_requirements_name_no_place():
    for name in ("requirements.txt", "requirements-dev.txt"):
        lines = (ROOT / name).read_text().splitlines()
        assert not [
            line
            for line in lines
            if "://" in line or line.startswith(("-", "file")) or "/" in line.split("#")[0]
        ]
        pinned = [line for line in lines if "==" in line]
        assert pinned and all(
            line.endswith("\\") for line in pinned
        )  # every pin is followed by its hashes


def test_study_example_and_its_page(checkout):
    """The example at few fields, then what the how-to page does with its results."""
    matplotlib = pytest.importorskip("matplotlib")
    for module in ("xarray", "h5netcdf", "h5py"):
        pytest.importorskip(module)
    matplotlib.use("Agg")
    device = (ROOT / "examples" / "hall_bar.toml").read_text(encoding="utf-8")
    for name, text in (
        (
            "hall_bar.toml",
            device.replace("points = 181", "points = 3").replace("../meshes", "meshes"),
        ),
        ("study.toml", (ROOT / "examples" / "study.toml").read_text(encoding="utf-8")),
        (
            "study_temperature.csv",
            (ROOT / "examples" / "study_temperature.csv").read_text(encoding="utf-8"),
        ),
    ):
        Path(name).write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit) as end:
        main(["study", "study.toml", "--out", "results/study.nc"])
    assert not end.value.code
    page = (ROOT / "docs" / "how-to" / "studies.md").read_text(encoding="utf-8")
    names: dict = {}
    exec(
        compile(
            re.findall(r"^```python\n(.*?)^```$", page, flags=re.DOTALL | re.MULTILINE)[0],
            "studies.md",
            "exec",
        ),
        names,
    )
    assert names["data"].status.shape == (2, 12, 2) and bool((names["data"].status == 1).all())
    whole = names["data"].sel({"mesh.scale": 1.0, "temperature": 4, "material.theta": 0.1})
    m = of.Material(1e-3, 2e-12, 0.1, [24.4, 24.4, 2.44], diffusion_length=1e-7)
    prob = of.Problem(
        of.read_mesh("meshes/hall_bar.msh", unit="nm"), m, ["left", "right", "t1", "t2", "b1", "b2"]
    )
    curve = of.hanle_curve(
        prob, of.field_sweep(-9, 9, 3), current=("left", "right"), voltage=("t1", "t2")
    )
    assert np.allclose(whole.delta_R[0], curve.delta_R, rtol=1e-6)
    names["data"].close()


def test_accuracy_example(checkout, capsys):
    """No mesh, no order: a value with an error bar, against a mesh of another kind and order."""
    with pytest.raises(SystemExit) as end:
        main(["run", "examples/accuracy.toml", "--out", "out"])
    said = capsys.readouterr().out
    found = json.loads(Path("out/run.json").read_text())["accuracy"]["measure"]
    value, error = found["delta_R"][0], found["error"][0]
    assert not end.value.code and found["reached"] and error <= 1.001e-4 * abs(value)
    assert (
        f"delta_R = {value:.5f} ± {error:.5f} ohm at (0, 0, 0) T" in said
        and len(found["fields_T"]) == 3
    )
    device = read_device("examples/accuracy.toml")
    mesh = of.mesh_device(
        of.geometry.hall_bar("2.8 um", "400 nm"), resolve="100 nm", backend="tensor"
    )
    other = of.Problem(mesh, device.problem.material, device.problem.contacts, order=3)
    exact = of.hanle_curve(
        other, found["fields_T"], current=("left", "right"), voltage=("t1", "t2"), method="spectral"
    )
    assert np.all(abs(np.array(found["delta_R"]) - exact.delta_R) < 2 * np.array(found["error"]))
    assert abs(found["R_ohmic"] - exact.R_ohmic) < found["R_ohmic_error"]
    rows = np.genfromtxt("out/results.csv", delimiter=",", comments="#", names=True)
    assert len(rows) == 181
