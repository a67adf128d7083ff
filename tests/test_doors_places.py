"""Doors: odd files, places and machines; what holds is kept here by a small test each."""

from __future__ import annotations

import asyncio
import contextlib
import io
import locale
import multiprocessing
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem import cli, files
from ohmr_fem.config.device_file import read_device
from ohmr_fem.errors import InputError, MeshError
from ohmr_fem.study.file import read_study
from tests.good_files import GRAPHENE, SECTION, STUDY, TAUS
from tests.small_devices import MATERIAL, bar_solution

FIELDS = np.array([[0, 0, 0], [1, 0, 0.0]])


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("section.toml").write_text(SECTION)
    return tmp_path


def shell(line: str, **more: str) -> subprocess.CompletedProcess:
    package = str(Path(of.__file__).parents[1])
    return subprocess.run(
        ["bash", "-c", line.replace("ohmr-fem", f"{sys.executable} -m ohmr_fem")],
        capture_output=True,
        text=True,
        errors="replace",
        env={**os.environ, "PYTHONPATH": package, **more},
    )


def one_line(run: subprocess.CompletedProcess, code: int, said: str) -> None:
    assert run.returncode == code, run.stderr
    assert said in run.stderr and len(run.stderr.splitlines()) == 1, run.stderr
    assert len(run.stderr) <= 310


# -- encodings, pipes, sizes


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "latin-1"])
def test_a_device_and_a_study_in_any_encoding(encoding):
    text = SECTION.replace('"20 nm"', '"0.02 µm"').replace("\n", "\r\n")
    Path("section.toml").write_bytes(text.encode(encoding))
    device = read_device("section.toml")
    assert device.problem.mesh.size == pytest.approx(20e-9)
    Path("study.toml").write_bytes(STUDY.replace("\n", "\r\n").encode(encoding))
    Path("t.csv").write_bytes(TAUS.encode(encoding))
    assert read_study("study.toml").size == 4


def test_what_is_no_file_is_refused_at_once():
    os.mkfifo("fifo.toml")
    Path("study.toml").write_text(STUDY.replace('"t.csv"', '"fifo.toml"'))
    for read, path in (
        (read_device, "fifo.toml"),
        (read_device, "/dev/zero"),
        (read_study, "study.toml"),
        (of.read_data, "fifo.toml"),
        (of.load, "/dev/zero"),
        (of.SpectralMeasure.load, "fifo.toml"),
    ):
        with pytest.raises(InputError, match="pipe or a device"):
            read(path)


def test_a_large_file_needs_a_word(monkeypatch):
    monkeypatch.setenv("OHMR_FEM_MOST_BYTES", "100")
    for read in (read_device, read_study, of.load, of.SpectralMeasure.load):
        with pytest.raises(InputError, match=r"files above .* set OHMR_FEM_MOST_BYTES="):
            read("section.toml")
    monkeypatch.setenv("OHMR_FEM_MOST_BYTES", "100000")
    read_device("section.toml")


def test_a_name_that_is_not_utf8(capfd):
    name = os.fsdecode(b"d\xff.toml")
    Path(name).write_text(SECTION)
    run = shell("ohmr-fem check $'d\\xff.toml'")
    assert run.returncode == 0 and r"d\udcff.toml: no errors" in run.stdout


# -- tables


@pytest.mark.parametrize(
    "cell, said",
    [
        ("x" * 140_000, "field larger than field limit"),
        ("a\nb", "line breaks"),
    ],
)
def test_cells_that_no_table_has(cell, said):
    Path("data.csv").write_text(f'B [T],R [ohm],note\n0,1,"{cell}"\n1,2,y\n2,3,z\n')
    with pytest.raises(InputError, match=said) as caught:
        of.read_data("data.csv", direction="x")
    assert len(str(caught.value)) <= 300


def test_a_direction_beside_components_is_refused():
    Path("data.csv").write_text("Bx [T],By [T],Bz [T],R [ohm]\n0,0,0,1\n1,0,0,2\n2,0,0,4\n")
    with pytest.raises(InputError, match="leave direction out"):
        of.read_data("data.csv", direction=[0, 0, 0])
    (curve,) = of.read_data("data.csv")
    assert curve.fields[2].tolist() == [2, 0, 0]


def test_decimal_commas_of_the_machine_change_nothing():
    before = locale.setlocale(locale.LC_ALL)
    for name in ("de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "pt_BR.UTF-8"):
        try:
            locale.setlocale(locale.LC_ALL, name)
            break
        except locale.Error:
            continue
    else:
        pytest.skip("no locale with a decimal comma on this machine")
    try:
        curve = of.hanle_curve(read_device("section.toml").problem, FIELDS)
        assert "0,0" not in curve.to_csv("c.csv").read_text().replace("0,0,0", "")
    finally:
        locale.setlocale(locale.LC_ALL, before)


# -- meshes


@pytest.mark.parametrize("ending", ["node", "ele", "wkt", "msh", "vtu", "med", "inp", "xdmf"])
def test_an_empty_mesh_file_ends_at_once(ending):
    Path(f"a.{ending}").touch()
    with pytest.raises(MeshError, match=f"^a.{ending}: "):
        of.read_mesh(f"a.{ending}")


def test_every_format_that_is_written_is_read_back():
    """The table is in docs/how-to/meshes.md."""
    solution = bar_solution(order=2)
    of.export_paraview(solution, "own.vtu")
    again, mesh = of.read_mesh("own.vtu"), solution.problem.mesh
    assert again.n_cells == 4 * mesh.n_cells or again.n_cells == mesh.n_cells
    assert again.extent == pytest.approx(mesh.extent, rel=1e-12)
    of.write_mesh(mesh, "own.msh")
    named = of.read_mesh("own.msh")
    assert set(named.boundaries) == set(mesh.boundaries)
    assert np.array_equal(named.mesh.p, mesh.mesh.p)
    of.save(solution, "own.npz")
    assert np.array_equal(of.load("own.npz").moment_dofs, solution.moment_dofs)
    pair = {"current": ("left", "right"), "voltage": ("t1", "t2")}
    measure = of.spectral_measure(solution.problem, **pair)
    measure.save("own.json")
    assert np.array_equal(
        of.SpectralMeasure.load("own.json").delta_R(FIELDS), measure.delta_R(FIELDS)
    )


def test_info_on_a_file_of_our_own():
    of.export_paraview(bar_solution(order=1), "own.vtu")
    run = shell("ohmr-fem info own.vtu")
    assert run.returncode == 0 and "1.2 µm x 400 nm" in run.stdout and run.stderr == ""


# -- saved files whose parts disagree


def _changed(path: str, **arrays: np.ndarray) -> None:
    with np.load(path) as archive:
        whole = dict(archive)
    np.savez(path, **(whole | arrays))


@pytest.mark.parametrize(
    "name, value",
    [
        ("ohmic_dofs", np.zeros(3)),
        ("moment_dofs", np.zeros((3, 7))),
        ("field", np.array(["a", "b", "c"])),
        ("mesh_cells", np.array([[0], [1], [10**6]])),
        ("mesh_points", np.zeros((2, 5))),
        ("boundary:left", np.array([10**9])),
    ],
)
def test_a_solution_whose_arrays_disagree_is_refused_on_load(name, value):
    of.save(bar_solution(order=1), "s.npz")
    _changed("s.npz", **{name: value})
    with pytest.raises(InputError, match=r"s\.npz: not a file saved by ohmr_fem, or damaged"):
        of.load("s.npz")


@pytest.mark.parametrize("name", ["fields", "rho", "residual"])
def test_a_curve_whose_columns_disagree_is_refused_on_load(name):
    curve = of.hanle_curve(read_device("section.toml").problem, FIELDS)
    of.save(curve, "c.npz")
    assert np.array_equal(of.load("c.npz").rho, curve.rho)
    _changed("c.npz", **{name: np.zeros(5)})
    with pytest.raises(InputError, match=r"c\.npz: not a file saved by ohmr_fem, or damaged"):
        of.load("c.npz")


# -- machines


def test_folders_that_cannot_be_written():
    nowhere = {"HOME": "/dev/null/a", "TMPDIR": "/dev/null/b", "MPLCONFIGDIR": "/dev/null/c"}
    Path("section.toml").write_text(SECTION.replace("figures = []", 'figures = ["png"]'))
    run = shell("ohmr-fem run section.toml --out out", **nowhere)
    assert run.returncode == 0 and "Traceback" not in run.stderr, run.stderr
    assert Path("out/hanle.png").exists()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a system without /proc")
def test_a_folder_that_takes_no_file_is_one_line():
    """Before anything is computed."""
    Path("model.toml").write_text(GRAPHENE)
    Path("data.csv").write_text("Bx [T],ratio [1]\n-1,1e-4\n0,0\n1,1e-4\n2,2e-4\n")
    for arguments in (
        "run section.toml --out /proc/x",
        "init /proc/x.toml",
        "xtensor model.toml --out /proc/x",
        "fit data.csv section.toml --out /proc/x",
        "study study.toml --out /proc/x.nc",
    ):
        Path("study.toml").write_text(STUDY)
        Path("t.csv").write_text(TAUS)
        said = _said(arguments, 2)
        assert "cannot be written" in said or "0 GB" in said  # a disk without room


def _said(arguments: str, code: int) -> str:
    """The line that a command ends with, here in process."""
    with pytest.raises(SystemExit) as end, contextlib.redirect_stderr(io.StringIO()) as said:
        cli.main(arguments.split())
    lines = said.getvalue().splitlines()
    assert end.value.code == code and len(lines) == 1 and len(lines[0]) <= 310, lines
    return lines[0]


@pytest.mark.parametrize(
    "arguments",
    [
        *("init a.toml", "info a.msh", "check a.toml", "run a.toml", "study a.toml"),
        *("xtensor a.toml", "fit a.csv a.toml", "data a.csv"),
    ],
)
def test_a_folder_that_is_gone_is_one_line_for_every_command(arguments, tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()
    assert _said(arguments, 2).startswith("error: ")


def test_check_on_a_file_of_our_own():
    of.export_paraview(bar_solution(order=1), "own.vtu")
    assert "own.vtu" in _said("check own.vtu", 2)


def test_an_interrupted_fit_says_that_it_starts_again(monkeypatch, capsys):
    def stops(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("ohmr_fem.run.fit.run_fit", stops)
    with pytest.raises(SystemExit) as end:
        cli.main(["fit", "data.csv", "section.toml", "--out", "out"])
    assert end.value.code == 130
    assert "a fit leaves nothing and does not resume" in capsys.readouterr().err


# -- memory


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory as Linux has them")
@pytest.mark.parametrize("kilobytes, said", [(150_000, "started"), (450_000, "not enough memory")])
def test_out_of_memory_is_one_line_and_71(kilobytes, said):
    """While the package is imported, and while it computes."""
    Path("section.toml").write_text(SECTION.replace("cells = 16", "cells = 400000"))
    run = shell(f"ulimit -v {kilobytes}; ohmr-fem run section.toml", OPENBLAS_NUM_THREADS="1")
    one_line(run, 71, said)


def test_a_memory_error_names_its_place_and_keeps_its_code(monkeypatch):
    def too_large(*_, **__):
        raise MemoryError

    monkeypatch.setattr("ohmr_fem.config.tables.cross_section", too_large)
    assert "cross_section: this machine has not enough memory" in _said("check section.toml", 71)


# -- links and streams


def test_links_are_not_followed(monkeypatch):
    """Not even to a name that was guessed."""
    Path("precious").write_text("mine")
    Path("a.csv").symlink_to("precious")
    with files.atomic_path("a.csv") as temporary:
        temporary.write_text("new")
    assert not Path("a.csv").is_symlink() and Path("a.csv").read_text() == "new"
    monkeypatch.setattr(files.secrets, "token_hex", lambda _: "guessed")
    Path(f"{files.UNFINISHED}guessed.csv").symlink_to("precious")
    with pytest.raises(InputError, match="cannot be written"), files.atomic_path("a.csv"):
        pass
    assert Path("precious").read_text() == "mine"


@pytest.mark.skipif(sys.platform == "win32", reason="streams as POSIX has them")
def test_a_closed_standard_error_takes_no_file_with_it():
    """What libraries print to number 2 would go into the file that took it."""
    code = (
        "import os; from ohmr_fem.base import streams; streams.occupy()\n"
        "with open('mine', 'w'): os.write(2, b'noise')"
    )
    Path("script.py").write_text(code)
    run = shell(f"{sys.executable} script.py <&- >&- 2>&-")
    assert run.returncode == 0 and Path("mine").read_text() == ""


@pytest.mark.parametrize("address", ["nonsense", "tcp://", "tcp://127.0.0.1:1", "host:99999999"])
def test_a_scheduler_that_is_none(address):
    pytest.importorskip("distributed")
    Path("study.toml").write_text(STUDY)
    Path("t.csv").write_text(TAUS)
    with pytest.raises(InputError, match="does not answer"):
        of.run_study("study.toml", scheduler=address)


def test_a_disk_that_fills_up_while_a_study_is_written():
    Path("study.toml").write_text(STUDY)
    Path("t.csv").write_text(TAUS)
    run = shell("ulimit -f 8; ohmr-fem study study.toml")
    one_line(run, 74, "cannot be written (File too large)")
    assert not Path("study.nc").exists() and Path("study.nc.partial").exists()
    again = of.run_study("study.toml")
    assert (again.found, again.computed) == (4, 0)  # nothing is lost, nothing computed twice


@pytest.mark.parametrize("way", ["spawn", "fork"])
def test_processes_of_either_kind(way):
    if way not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system has no {way}")
    problem = read_device("section.toml").problem
    with multiprocessing.get_context(way).Pool(1) as pool:
        (curve,) = pool.starmap(of.hanle_curve, [(problem, FIELDS)])
    assert np.array_equal(curve.rho, of.hanle_curve(problem, FIELDS).rho)


def test_threads_beside_an_event_loop():
    problem = of.Problem(of.cross_section(4e-7, cells=6), of.Material(**MATERIAL))
    alone = of.hanle_curve(problem, FIELDS).rho

    async def several():
        jobs = [asyncio.to_thread(of.hanle_curve, problem, FIELDS) for _ in range(4)]
        return await asyncio.gather(*jobs)

    assert all(np.array_equal(curve.rho, alone) for curve in asyncio.run(several()))
    assert threading.active_count() < 50


def test_help_and_module():
    run = shell("ohmr-fem -h; ohmr-fem run --help", COLUMNS="20", NO_COLOR="1")
    assert run.returncode == 0 and "\x1b" not in run.stdout and "Run a device" in run.stdout


def test_two_runs_into_one_folder_at_once():
    """Each is whole or refused: the record and the table are of one device."""
    Path("other.toml").write_text(SECTION.replace("0.016", "0.032"))
    runs = shell(
        "for i in 1 2; do ohmr-fem run section.toml --out out & "
        "ohmr-fem run other.toml --out out & done; wait"
    )
    assert "Traceback" not in runs.stderr
    values = np.loadtxt("out/results.csv", delimiter=",", skiprows=1, usecols=3)
    by_record = "0.032" in Path("out/run.json").read_text()
    alone = of.hanle_curve(
        read_device("other.toml" if by_record else "section.toml").problem, FIELDS
    )
    assert values[1] == pytest.approx(alone.rho[0], rel=1e-9)
