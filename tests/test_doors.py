"""Doors: any input is read right or refused in one line; nothing is lost, nothing foreign replaced.

What a user meets: messages, exit codes, results folders, signals, odd places.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

import ohmr_fem as of
from ohmr_fem import cli, errors, files
from ohmr_fem.config.device_file import read_device
from ohmr_fem.errors import FaultError, InputError, doors
from ohmr_fem.run import folder as folders
from ohmr_fem.run.device import run_device
from tests.good_files import SECTION

HALL = """
contacts = ["left", "right", "t1", "t2"]
[mesh]
file = "bar.msh"
[material]
sheet_conductivity = "1 mS"
diffusion_length = "100 nm"
relaxation_time = "2 ps"
orbital_hall_angle = 0.1
inverse_mass = [1, 1, 0.25]
[[measure]]
current = ["left", "right"]
voltage = ["t1", "t2"]
[sweep]
start = "-2 T"
stop = "2 T"
points = 3
[solve]
order = 1
[output]
figures = []
paraview = false
"""

#: Seconds in which a busy machine has started the command, and ended it.
SLOWEST = 600.0


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ohmr(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        cli.main(list(arguments))
    return end.value.code or 0


def written(name: str = "device.toml", text: str = SECTION) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def record(out: str = "out") -> dict:
    return json.loads(Path(out, "run.json").read_text(encoding="utf-8"))


# -- one message


def test_a_message_is_one_short_line_without_control_characters():
    text = str(InputError(f"got {'x' * 5000!r}\x1b[2J\n\ta\x00; give a number", key="tau"))
    assert len(text) <= 300 and text.isprintable()
    assert text.startswith("tau: got 'xxx") and text.endswith("; give a number")
    assert r"\x1b[2J" in text and r"\x00" in text
    long = str(InputError("word " * 500 + "remedy"))
    assert len(long) <= 300 and long.endswith("remedy")


def test_the_file_and_the_suggestion_outlive_the_cut():
    path = "/data/" + "folder/" * 14 + "device.toml"
    names = [f"name_{i}" for i in range(500)]
    text = str(InputError(f"{path}: unknown {'q' * 900!r}; {errors.suggest('name_7x', names)}"))
    assert len(text) <= 300 and text.startswith(path) and "did you mean 'name_7'" in text


def test_of_many_complaints_the_first_are_shown():
    lines = str(InputError([f"line {i}" for i in range(900)])).splitlines()
    assert len(lines) == errors.MOST_LINES + 1 and lines[-1] == "and 880 more"


def test_a_foreign_exception_at_a_door_asks_for_a_report():
    @doors.door
    def reader(path):
        return {}[path]

    with pytest.raises(FaultError, match=r"^reader: a fault of ohmr_fem, please report.*KeyError"):
        reader("x")
    with pytest.raises(TypeError):  # a wrong call is the caller's own
        reader()


@pytest.mark.parametrize("made", [of.Material, of.presets.mn])
def test_symbols_in_the_place_of_arguments(made):
    """Fits call them tau and alpha; a Material has their names."""
    given = {} if made is of.presets.mn else {"orbital_hall_angle": 0.1, "inverse_mass": 1.0}
    for symbol, name in errors.SYMBOLS.items():
        with pytest.raises(InputError, match=f"{symbol} is {name} here") as caught:
            made(**given, **{symbol: 1.0})
        assert caught.value.key == symbol
    with pytest.raises((TypeError, InputError)) as caught:
        made(**given, zeta=1.0)
    assert "here" not in str(caught.value)


def test_the_command_has_a_last_door(capsys, monkeypatch):
    written()
    for exc, code, said in (
        (ZeroDivisionError("by\x1b[31m zero"), 70, "please report"),
        (MemoryError(), 71, "not enough memory"),
        (OSError(28, "No space left on device", "x.csv"), 74, "x.csv: cannot write"),
        (PermissionError(13, "Permission denied", "x.csv"), 2, "x.csv: the system refuses"),
    ):

        def fails(path, exc=exc):
            raise exc

        monkeypatch.setattr("ohmr_fem.cli.devices.read_device", fails)
        assert ohmr("check", "device.toml") == code
        err = capsys.readouterr().err
        assert said in err and err.count("\n") == 1 and err.rstrip().isprintable()


# -- results folders


def test_files_of_an_earlier_run_go_with_it():
    written(text=SECTION.replace("paraview = false", "paraview = true"))
    assert ohmr("run", "device.toml", "--out", "out") == 0
    assert Path("out/device.pvd").exists()
    written()
    assert ohmr("run", "device.toml", "--out", "out") == 0
    assert {p.name for p in Path("out").iterdir()} == {"results.csv", "report.html", "run.json"}
    assert record()["earlier"] == []


def _stopped(monkeypatch, exc):
    def stops(*_, **__):
        raise exc

    monkeypatch.setattr("ohmr_fem.run.device.hanle_curve", stops)


def test_a_failed_run_leaves_no_results_of_another_device(monkeypatch):
    assert ohmr("run", str(written()), "--out", "out") == 0
    _stopped(monkeypatch, of.SolveError("no solution"))
    assert ohmr("run", "device.toml", "--out", "out") == 3  # the same device: kept, and marked
    assert record()["status"] == "failed" and record()["earlier"] == ["results.csv", "report.html"]
    written(text=SECTION.replace("0.016", "0.02"))
    assert ohmr("run", "device.toml", "--out", "out") == 3
    assert record()["error"] == "no solution" and record()["earlier"] == record()["files"] == []
    assert {p.name for p in Path("out").iterdir()} == {"run.json"}


def test_a_file_that_no_run_wrote_stays(capsys):
    written()
    Path("results.csv").write_text("mine")
    Path("results.csv").chmod(0o444)
    assert ohmr("run", "device.toml", "--out", ".") == 2
    assert "no run of ohmr_fem wrote it" in capsys.readouterr().err
    assert Path("results.csv").read_text() == "mine" and not Path("run.json").exists()
    Path("run.json").write_text('{"mine": 1}')
    Path("results.csv").unlink()
    assert ohmr("run", "device.toml", "--out", ".") == 2
    assert Path("run.json").read_text() == '{"mine": 1}'


def test_an_input_is_never_the_output(capsys):
    written()
    data = written("fit.csv", "Bx [T],R [ohm]\n0,1\n1,2\n")
    assert ohmr("fit", "fit.csv", "device.toml", "--out", ".") == 2
    assert "is an input" in capsys.readouterr().err and data.read_text().startswith("Bx")


@pytest.mark.parametrize("command", [("run",), ("xtensor",), ("fit", "data.csv")])
def test_an_empty_name_of_a_folder_is_refused(capsys, command):
    written()
    assert ohmr(*command, "device.toml", "--out", "") == 2
    said = capsys.readouterr().err
    assert "is empty" in said or "model" in said  # xtensor reads its file first
    assert not Path("run.json").exists()


def test_one_run_at_a_time():
    device = read_device(written())
    inputs, busy = device.inputs, r"another run is writing"
    with (
        folders.results_folder("out", [], inputs),
        pytest.raises(InputError, match=busy),
    ):
        run_device(device, "out")
    run_device(device, "out")  # the lock went with the run
    assert not Path("out", folders.LOCK).exists()


def test_default_folders_are_not_shared(monkeypatch):
    names = ("a/bar.toml", "b/bar.toml", "bar.toml")
    assert len({folders.default_folder(Path(n)) for n in names}) == 3
    assert folders.default_folder(Path("bar.toml")) == Path("results/bar")
    Path("below").mkdir()
    monkeypatch.chdir("below")
    outside = {folders.default_folder(Path("..", n)) for n in names}
    assert len(outside) == 3 and all(path.parent == Path("results") for path in outside)


def test_an_unnamed_measure_beside_one_named_measure():
    from small_devices import bar

    of.write_mesh(bar(24, 8), "bar.msh")
    second = '[[measure]]\nname = "measure"\ncurrent = ["left", "right"]\nvoltage = ["t2", "t1"]\n'
    written(text=HALL + second)
    assert ohmr("run", "device.toml", "--out", "out") == 0
    curves = record()["curves"]
    assert {c["table"] for c in curves.values()} == {"results.csv", "results_measure.csv"}


def test_the_hash_is_of_the_bytes_that_were_used():
    import hashlib

    path = written()
    device = read_device(path)
    used = hashlib.sha256(SECTION.encode()).hexdigest()
    path.write_text("something else")
    run_device(device, "out")
    assert record()["inputs"] == {"device.toml": used}
    done = subprocess.run(
        [sys.executable, "-m", "ohmr_fem", "run", "/dev/stdin", "--out", "piped"],
        input=SECTION.encode(),
        capture_output=True,
        env=_environment(),
    )
    assert done.returncode == 0, done.stderr
    assert record("piped")["inputs"] == {"/dev/stdin": used}


def test_a_mesh_that_changes_while_it_is_read_is_refused(monkeypatch):
    from small_devices import bar

    of.write_mesh(bar(24, 8), "bar.msh")
    written(text=HALL)
    digests = iter(["first", "second"])
    monkeypatch.setattr("ohmr_fem.config.reader.sha256_of", lambda path: next(digests))
    with pytest.raises(InputError, match=r"bar.msh was changed while it was read"):
        read_device("device.toml")


def test_warnings_of_libraries_are_not_in_the_record(monkeypatch):
    from ohmr_fem.run import device as module

    whole = module.hanle_curve

    def warns(*args, **options):
        warnings.warn("numpy speaks", DeprecationWarning, stacklevel=1)
        warnings.warn(errors.PhysicsWarning("we speak"), stacklevel=1)
        return whole(*args, **options)

    monkeypatch.setattr(module, "hanle_curve", warns)
    assert run_device(read_device(written()), "out")["warnings"] == ["we speak"]


def test_what_cannot_be_drawn_costs_the_picture_only(monkeypatch, capsys):
    def fails(*_):
        raise RuntimeError("no fonts")

    monkeypatch.setattr("ohmr_fem.run.device.plot_hanle", fails)
    written(text=SECTION.replace("figures = []", 'figures = ["png"]'))
    assert ohmr("run", "device.toml", "--out", "out") == 0
    assert "hanle: not drawn (RuntimeError: no fonts)" in capsys.readouterr().err
    assert record()["status"] == "complete" and "results.csv" in record()["files"]


# -- temporary names


def test_temporary_names_are_new_hidden_and_follow_no_link():
    Path("precious").write_text("mine")
    seen = set()
    for _ in range(3):
        with files.atomic_path("a.csv") as temporary:
            seen.add(temporary.name)
            temporary.write_text("new")
    assert len(seen) == 3 and all(n.startswith(files.UNFINISHED) for n in seen)
    assert str(os.getpid()) not in min(seen).removeprefix(files.UNFINISHED)[:4] or len(seen) == 3
    assert Path("precious").read_text() == "mine" and Path("a.csv").stat().st_mode & 0o600
    long = "n" * 250 + ".csv"
    with files.atomic_path(long) as temporary:
        temporary.write_text("a long name is no trouble")
    assert Path(long).exists()


def test_a_run_clears_what_a_killed_one_left():
    written()
    left = Path("out", f"{files.UNFINISHED}0123.csv")
    written(str(left), "half")
    os.utime(left, (1e9, 1e9))
    assert ohmr("run", "device.toml", "--out", "out") == 0 and not left.exists()


# -- signals and streams, in processes of their own


def _environment(**more: str) -> dict[str, str]:
    package = str(Path(cli.__file__).parents[2])
    return {**os.environ, "PYTHONPATH": package, "PYTHONUNBUFFERED": "", **more}


def _shell(line: str, **more: str) -> subprocess.CompletedProcess:
    command = line.replace("ohmr-fem", f"{sys.executable} -m ohmr_fem")
    return subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, env=_environment(**more)
    )


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_the_run_with_one_line_and_clears_up(name):
    number = getattr(signal, name)
    code = (
        "import sys, time; from pathlib import Path; from ohmr_fem import cli, files\n"
        "from ohmr_fem.run import device\n"
        "def slow(*a, **k):\n"
        "    with files.atomic_path('out/x.csv'):\n"
        "        Path('ready').touch(); time.sleep(60)\n"
        "device.hanle_curve = slow\n"
        "cli.main(['run', 'device.toml', '--out', 'out'])"
    )
    written()
    run = subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, env=_environment()
    )
    try:
        _wait_for(Path("ready"), run)
        run.send_signal(number)
        _, said = run.communicate(timeout=SLOWEST)
    finally:
        run.kill()
    assert run.returncode == 128 + number and "Traceback" not in said
    assert said.splitlines()[-1] == "interrupted"
    assert {p.name for p in Path("out").iterdir()} == {"run.json"}
    assert record()["status"] == "interrupted"


def _wait_for(path: Path, run: subprocess.Popen) -> None:
    end = time.monotonic() + SLOWEST
    while not path.exists() and run.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    assert path.exists()


def test_ctrl_c_while_the_package_is_imported():
    """A package that is imported early on sends the signal."""
    Path("numpy.py").write_text("import os, signal, time; os.kill(os.getpid(), signal.SIGINT)\n")
    run = subprocess.run(
        [sys.executable, "-m", "ohmr_fem", "check", "x.toml"],
        capture_output=True,
        text=True,
        env=_environment(),
    )
    assert (run.returncode, run.stderr) == (130, "interrupted\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a system without /dev/full")
def test_a_full_or_closed_stream_is_one_line_and_74():
    written()
    full = _shell("ohmr-fem check device.toml > /dev/full")
    assert full.returncode == 74 and full.stderr.count("\n") == 1
    closed = _shell("ohmr-fem check device.toml | true; exit ${PIPESTATUS[0]}")
    assert closed.returncode in (0, 74) and "Traceback" not in closed.stderr
    assert closed.stderr.count("\n") <= 1
    for streams in ("<&- >&-", "2>&-"):
        assert _shell(f"ohmr-fem check device.toml {streams}").returncode == 0
    silent = _shell("ohmr-fem check nothing.toml 2>&-")
    assert silent.returncode == 2 and "no such file" in silent.stdout


def test_a_file_size_limit_is_one_line_and_74():
    written()
    run = _shell("ulimit -f 0; ohmr-fem run device.toml --out out")
    assert run.returncode == 74 and run.stderr.count("\n") == 1 and "Traceback" not in run.stderr


# -- wherever it runs


def test_nonsense_in_the_environment_does_not_change_the_pictures():
    written(text=SECTION.replace("figures = []", 'figures = ["png"]'))
    Path("matplotlibrc").write_text("text.usetex: True\nfigure.dpi: 3\nfont.family: fantasy\n")
    odd = {"MPLBACKEND": "nonsense", "MATPLOTLIBRC": "matplotlibrc", "COLUMNS": "20"}
    run = _shell("ohmr-fem run device.toml --out odd", LC_ALL="C", **odd)
    assert run.returncode == 0, run.stderr
    Path("matplotlibrc").unlink()
    assert _shell("ohmr-fem run device.toml --out plain").returncode == 0
    assert Path("odd/hanle.png").read_bytes() == Path("plain/hanle.png").read_bytes()


@pytest.mark.parametrize(
    "arguments", ["init {}", "info {}", "check {}", "run {}", "study {}", "xtensor {}", "fit {} {}"]
)
def test_odd_names_and_places_are_one_line(arguments, capsys):
    Path("gone").mkdir()
    Path("empty.msh").touch()
    for name in ("n" * 400 + ".toml", "gone", "empty.msh", "a\x1b[2J\nb.toml"):
        if arguments.startswith("init") and "n" * 300 not in name:
            continue
        code = ohmr(*(part.replace("{}", name) for part in arguments.split()))
        said = capsys.readouterr().err
        lines = said.splitlines()
        assert code == 2 and len(lines) == 1 and len(lines[0]) <= 310, said
        assert lines[0].isprintable()


def test_a_current_folder_that_is_gone_is_one_line():
    Path("gone").mkdir()
    run = _shell("cd gone && rmdir ../gone && ohmr-fem run device.toml")
    assert run.returncode == 2 and "Traceback" not in run.stderr
    assert run.stderr.count("error: ") == 1


# -- check and run agree on any device file

ODD = (
    '0|-1|3|1e308|1e-308|nan|inf|true|""|"x"|[]|{}|[1]|"1 km"|"2 ps"|1e999|"1e400 m"|[1,2,3]|'
    '[[1,2],[3,4]]|"\\u001b[2J"|0.5|1|2|"nan ps"|"left"|["left","right"]|["left","left"]|'
    '1e-30|1e30|"full"|"reciprocal"|"direct"|"spectral"|"reduced"|1979-05-27|[1,1,-0.25]|'
    + "9"
    * 400
).split("|")
KEYS = [
    *("order", "coupling", "detection", "method", "ordinary_hall", "accuracy"),
    *("g_factor", "inverse_orbital_hall_angle", "diffusion_constant", "moment_per_carrier"),
    *("normal", "thickness", "radius", "resolve", "unit", "mobility"),
    *("fields_at", "drive_current", "electric_field", "direction", "name"),
]
#: What the solver alone can tell, once it has a factorisation.
SOLVED = "SolveError"


def _mutated(text: str, chance: random.Random) -> str:
    lines = text.strip().split("\n")
    for _ in range(chance.choice([1, 1, 2])):
        i = chance.randrange(len(lines))
        kind = chance.choice(["value", "value", "digit", "digit", "key", "gone", "byte", "twice"])
        if kind == "value" and "=" in lines[i]:
            lines[i] = f"{lines[i].split('=')[0]}= {chance.choice(ODD)}"
        elif kind == "digit":
            digit = chance.choice("123456789")
            lines[i] = "".join(digit if c.isdigit() else c for c in lines[i])
        elif kind == "key":
            lines.insert(i, f"{chance.choice(KEYS)} = {chance.choice(ODD)}")
        elif kind == "gone":
            lines[i] = "#"
        elif kind == "byte" and lines[i]:
            k = chance.randrange(len(lines[i]))
            lines[i] = lines[i][:k] + chance.choice("\x00\x1b[]={}\"'#.x9-é") + lines[i][k + 1 :]
        elif kind == "twice":
            lines.insert(i, chance.choice(lines))
    return "\n".join(lines)


def _verdict(question) -> str:
    """ "" or the class of the refusal, whose text must be fit to print."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            question()
    except errors.OhmrError as exc:
        lines = str(exc).splitlines()
        assert lines and all(len(line) <= 300 and line.isprintable() for line in lines), lines
        assert not isinstance(exc, FaultError), exc
        return type(exc).__name__
    return ""


def test_check_and_run_agree_on_mutated_device_files():
    """OHMR_MUTATIONS=5000 for more of them."""
    from small_devices import bar

    from ohmr_fem.run.check import check_device

    of.write_mesh(bar(12, 4), "bar.msh")
    chance, verdicts = random.Random(21), []
    many = int(os.environ.get("OHMR_MUTATIONS", "500"))
    for _ in range(many):
        text = _mutated(chance.choice([SECTION, HALL]), chance)
        Path("device.toml").write_text(text, encoding="utf-8")
        checked = _verdict(lambda: check_device(read_device("device.toml")))
        ran = _verdict(lambda: run_device(read_device("device.toml"), "out"))
        assert checked == ran or (checked, ran) == ("", SOLVED), f"{checked} {ran}\n{text}"
        verdicts.append(ran)
    assert (
        many / 10 < verdicts.count("") < many / 1.5
    )  # the mutations are neither idle nor all fatal


def test_check_refuses_the_method_that_run_refuses(capsys):
    text = SECTION + '[solve]\ncoupling = "full"\nmethod = "spectral"\n'
    written(text=text)
    for command in ("check", "run"):
        assert ohmr(command, "device.toml") == 2
        assert "the spectral path does not apply" in capsys.readouterr().err
    assert not Path("results").exists()


@pytest.mark.parametrize(
    "old, new, said",
    [
        ("points = 3", "points = 100000000000", "at most 1,000,000"),
        ("cells = 16", "cells = 1000000000", "at most 1,000,000"),
        ("[1, 1, 0.25]", "true", "inverse_mass"),
        ("[1, 1, 0.25]", "1e308", "inverse_mass: is beyond 1e+60"),
        ('"2 ps"', "1e-308", "outside 1e-60 to 1e+60"),
        ("1e-3", "9" * 400, "sheet_conductivity: is a whole number of more than 300 digits"),
        ('"2 ps"', "1" * 5000, "4300"),
        ("0.016", "[" * 9000, "nested too deeply"),
        ("start = -20", 'start = "\\u001b[2J"', r"\x1b"),
    ],
)
def test_one_line_at_once(old, new, said):
    start = time.monotonic()
    with pytest.raises(InputError) as caught:
        read_device(written(text=SECTION.replace(old, new, 1)))
    text = str(caught.value)
    assert said in text and len(text) <= 300 and text.isprintable()
    assert time.monotonic() - start < 2.0


@pytest.mark.parametrize(
    "line, said",
    [
        ("mu = {start = 0, stop = 1, points = 100000000000}", "at most 100,000"),
        ("mu = 0\nmesh = 100000", "at most 10,000"),
        ("mu = 0\ntemperature = 1e-300", "at least 1e-06 K"),
    ],
)
def test_a_tensor_that_takes_days_is_refused_at_once(line, said):
    from ohmr_fem.config.device_file import read_tensor_job

    text = f'[model]\nkind = "bilayer_graphene"\n[tensor]\n{line}\n'
    with pytest.raises(InputError, match=said):
        read_tensor_job(written(text=text))
    many = (
        '[model]\nkind = "multilayer_graphene"\nn = 1000\nstacking = "bernal"\n[tensor]\nmu = 0\n'
    )
    with pytest.raises(InputError, match="1e\\+03 layers, at most 60"):
        read_tensor_job(written(text=many))


# -- studies


@pytest.mark.parametrize(
    "axes, said",
    [
        ('"material.tau" = [1e-12]\n"material.relaxation_time" = [2e-12]', "two axes"),
        ('"cross_section.width" = ["1 nm", "1e-9 m"]', "given twice"),
        ('"material.tau" = [1e-12]\n[limits]\nmemory = "nan GB"', "limits.memory"),
        ('"material.tau" = [1e-12]\n[limits]\nmemory = "-1 GB"', "limits.memory"),
    ],
)
def test_a_study_with_one_thing_said_twice_is_refused(axes, said):
    from ohmr_fem.study.file import read_study

    written()
    with pytest.raises(InputError, match=said):
        read_study(written("study.toml", f'device = "device.toml"\n[axes]\n{axes}\n'))


def test_the_output_of_a_study_is_a_netcdf_file(capsys):
    written()
    written("study.toml", 'device = "device.toml"\n[axes]\n"material.tau" = [1e-12]\n')
    for out in ("", "device.toml"):
        assert ohmr("study", "study.toml", "--out", out) == 2
        assert "must end in .nc or .h5" in capsys.readouterr().err
    assert Path("device.toml").read_text() == SECTION


def test_a_table_of_a_study_as_spreadsheets_write_it():
    from ohmr_fem.study.axes import read_table

    written("t.csv", "sep=;\nT [K];material.tau [ps]\n1;2\n3;4\n")
    assert read_table(Path("study.toml"), "T", "t.csv").rows == ((1.0, 2.0), (3.0, 4.0))
    written("t.csv", 'T [K],"material.tau [ps]\n1,2\n')
    with pytest.raises(InputError, match="quote that is not closed"):
        read_table(Path("study.toml"), "T", "t.csv")


def test_a_background_given_twice_is_refused(capsys):
    written("data.csv", "Bx [T],R [ohm]\n0,1\n1,2\n")
    written()
    assert ohmr("fit", "data.csv", "device.toml", "--background", "offset,offset") == 2
    assert "background: 'offset' is given twice" in capsys.readouterr().err


def test_an_argument_that_is_passed_on_and_taken_by_nobody():
    with pytest.raises(InputError, match=r"^mn: foo: unknown argument; see help\(mn\)"):
        of.presets.mn(foo=1)
