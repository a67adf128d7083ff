"""The command line. Exit codes: 0 done, 2 wrong input, 3 no trustworthy solution, 70 a fault of
ohmr_fem, 71 out of memory, 74 nothing can be written, 130 interrupted (143, 129 by a signal).

typer, rich and the rooms of the library are imported when a command needs them, so that
``--version`` is quick.
"""

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from .base import signals
from .config.device_file import read_device
from .errors import (
    FULL,
    FaultError,
    InputError,
    OhmrError,
    SolveError,
    cut,
    fault,
    no_memory,
    refused_by_system,
    shown,
    visible,
)
from .units import engineering
from .version import __version__

#: Seconds between lines of progress where there is no terminal.
LINE_EVERY = 30.0
OK, BAD_INPUT, SOLVE_FAILED = 0, 2, 3
#: What the user said of the output, before the command.
_SPEECH = {"quiet": False, "json": False}
FAULT, NO_MEMORY, CANNOT_WRITE = signals.FAULT, signals.NO_MEMORY, 74


def main(arguments: list[str] | None = None) -> None:
    """Entry point of ``ohmr-fem``; ends the process with an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(
                errors="replace"
            )  # a terminal without micro signs still gets its numbers
    code = _exit_code(arguments)
    signals.begin()
    lost = _flushed()
    sys.exit(code if lost is None else _cannot_write(lost))


def _exit_code(arguments: list[str] | None) -> Any:
    try:
        with signals.raised():
            _app()(arguments, prog_name="ohmr-fem")
    except SystemExit as end:
        return end.code
    except KeyboardInterrupt as stop:  # before or after a command
        _say("interrupted")
        return signals.exit_code(stop)
    except OSError as exc:  # help on a full disk
        return _cannot_write(exc)
    return OK


def _flushed() -> OSError | None:
    """What is printed is out; or why not, and nothing is tried again at the end of Python."""
    lost = None
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        try:
            if stream is not None:
                stream.flush()
        except OSError as exc:
            lost = exc
            setattr(sys, name, None)
        except ValueError:  # closed by the caller
            pass
    return lost


def _app() -> Any:
    import typer

    app = typer.Typer(
        help="Finite elements for orbital Hanle magnetoresistance.",
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    device = Annotated[
        Path, typer.Argument(help="Device file (.toml).", metavar="DEVICE", show_default=False)
    ]

    column_option = Annotated[
        list[str] | None,
        typer.Option(
            help="What a heading means, KEY=HEADING such as 'B=Field (Oe)'; 'angle=none' "
            "leaves one out. Keys: B, Bx, By, Bz, angle, R, hanle, ratio, V, I, sigma, "
            "temperature, time.",
            show_default=False,
        ),
    ]
    unit_option = Annotated[
        list[str] | None,
        typer.Option(help="Unit of a column whose heading has none, KEY=UNIT.", show_default=False),
    ]
    plane_option = Annotated[
        str | None,
        typer.Option(help="Of an angle column, such as xy: from x to y.", show_default=False),
    ]
    field_option = Annotated[
        str | None,
        typer.Option(help="Constant field of an angle scan, such as '9 T'.", show_default=False),
    ]
    decimal_option = Annotated[
        str | None, typer.Option(help="Decimal sign, . or ,", show_default=False)
    ]

    def show_version(wanted: bool) -> None:
        if wanted:
            print(f"ohmr-fem {__version__}")
            raise typer.Exit

    @app.callback()
    def common(
        version: Annotated[
            bool,
            typer.Option(
                "--version", is_eager=True, callback=show_version, help="Show the version."
            ),
        ] = False,
        quiet: Annotated[
            bool, typer.Option("--quiet", help="No lines about results; warnings and errors stay.")
        ] = False,
        as_json: Annotated[
            bool, typer.Option("--json", help="The results as one JSON object, for scripts.")
        ] = False,
    ) -> None:
        _SPEECH.update(quiet=quiet, json=as_json)

    @app.command(
        help="Run a device. Leaves table, ParaView files, figures and run.json in a results folder."
    )
    def run(
        device: device,
        out: Annotated[
            str | None,
            typer.Option(  # type: ignore[valid-type]
                help="Results folder; results/NAME of the device file unless given.",
                show_default=False,
            ),
        ] = None,
    ) -> None:
        _guarded(_run, device, out)

    @app.command(help="Check a device without solving it, mesh and stability too.")
    def check(device: device) -> None:  # type: ignore[valid-type]
        _guarded(_check, device)

    @app.command(
        help="Fit measured curves on a device, or the series of a FIT.toml. Leaves report, "
        "numbers, table and figures in a results folder."
    )
    def fit(
        data: Annotated[
            Path,
            typer.Argument(
                help="Measured curves; or FIT.toml, without a DEVICE.",
                metavar="DATA",
                show_default=False,
            ),
        ],
        device: Annotated[
            Path | None,
            typer.Argument(help="Device file (.toml).", metavar="DEVICE", show_default=False),
        ] = None,
        out: Annotated[
            str | None,
            typer.Option(
                help="Results folder; results/NAME of the data file unless given.",
                show_default=False,
            ),
        ] = None,
        parameters: Annotated[
            str, typer.Option(help="Of alpha, L_m, tau, theta, sigma, g.")
        ] = "alpha,L_m,tau,theta",
        background: Annotated[
            str,
            typer.Option(
                help="Of offset, linear, quadratic, anomalous, kohler, two_band, hln; none for "
                "absolute data."
            ),
        ] = "offset",
        direction: Annotated[
            str | None,
            typer.Option(
                help="Of a single field column: x, y, z or three numbers such as "
                "1,0,1; that of the sweep unless given.",
                show_default=False,
            ),
        ] = None,
        quantity: Annotated[
            str | None,
            typer.Option(help="R, hanle or ratio, where the file has several.", show_default=False),
        ] = None,
        nan: Annotated[str, typer.Option(help="Rows that lack a value: error or drop.")] = "error",
        sign: Annotated[int, typer.Option(help="-1 for a voltage pair that was swapped.")] = 1,
        column: column_option = None,  # type: ignore[valid-type]
        unit: unit_option = None,  # type: ignore[valid-type]
        plane: plane_option = None,  # type: ignore[valid-type]
        field: field_option = None,  # type: ignore[valid-type]
        decimal: decimal_option = None,  # type: ignore[valid-type]
        measurement: Annotated[
            str | None,
            typer.Option(
                help="Of the device, for a file that does not name its own.", show_default=False
            ),
        ] = None,
        temperature: Annotated[
            str | None,
            typer.Option(help="Only curves measured at it, such as '10 K'.", show_default=False),
        ] = None,
        prepare: Annotated[
            str | None,
            typer.Option(
                help="Steps done to the raw sweeps, such as "
                "'offset=auto,hysteresis=auto,drift=linear,outliers=auto,symmetry=even'.",
                show_default=False,
            ),
        ] = None,
        plan: Annotated[
            bool, typer.Option("--plan", help="Also rank further measurements by what they add.")
        ] = False,
    ) -> None:
        if device is None:
            _guarded(_fit_series, data, out)
            return
        _guarded(
            _fit,
            data,
            device,
            out,
            {
                "parameters": parameters,
                "background": background,
                "direction": direction,
                "quantity": quantity,
                "nan": nan,
                "sign": sign,
                "columns": _columns(column or [], unit or []),
                "plane": plane,
                "field": field,
                "decimal": decimal,
                "measurement": measurement,
                "temperature": temperature,
                "prepare": prepare,
                "plan": plan or None,
            },
        )

    @app.command(
        help="Effective inverse mass tensor of a layered model. Leaves a table, with all choices "
        "in its header, and "
        "figures."
    )
    def xtensor(
        model: Annotated[
            Path, typer.Argument(help="Model file (.toml).", metavar="MODEL", show_default=False)
        ],
        out: Annotated[
            str | None,
            typer.Option(
                help="Results folder; results/NAME of the model file unless given.",
                show_default=False,
            ),
        ] = None,
    ) -> None:
        _guarded(_xtensor, model, out)

    @app.command(
        help="Say what is understood of a data file. Columns, units, sweeps and temperatures, rows "
        "left out, a small picture."
    )
    def data(
        path: Annotated[
            Path, typer.Argument(help="Measured curves.", metavar="DATA", show_default=False)
        ],
        column: column_option = None,  # type: ignore[valid-type]
        unit: unit_option = None,  # type: ignore[valid-type]
        direction: Annotated[
            str | None,
            typer.Option(
                help="Of a single field column: x, y, z or three numbers.", show_default=False
            ),
        ] = None,
        plane: plane_option = None,  # type: ignore[valid-type]
        field: field_option = None,  # type: ignore[valid-type]
        quantity: Annotated[
            str | None, typer.Option(help="R, hanle or ratio.", show_default=False)
        ] = None,
        decimal: decimal_option = None,  # type: ignore[valid-type]
        sweeps: Annotated[
            str, typer.Option(help="Sweeps up and down: apart or together.")
        ] = "apart",
        nan: Annotated[str, typer.Option(help="Rows that lack a value: error or drop.")] = "error",
    ) -> None:
        _guarded(
            _data,
            path,
            column or [],
            unit or [],
            {
                "direction": split(direction),
                "plane": plane,
                "field": field,
                "quantity": quantity,
                "decimal": decimal,
                "sweeps": sweeps,
                "nan": nan,
            },
        )

    @app.command(help="Say what a mesh file holds: sizes, boundaries, regions.")
    def info(
        mesh: Annotated[
            Path, typer.Argument(help="Mesh file.", metavar="MESH", show_default=False)
        ],
        unit: Annotated[str, typer.Option(help="Unit of the coordinates in the file.")] = "m",
    ) -> None:
        _guarded(_info, mesh, unit)

    @app.command(
        help="Write a device file with comments. It is one to start from; never overwrites."
    )
    def init(
        path: Annotated[
            Path,
            typer.Argument(help="File to write.", metavar="[PATH]", show_default="device.toml"),
        ] = Path("device.toml"),
        kind: Annotated[
            str,
            typer.Option(
                help="Of strip, film-bar, hall-bar, van-der-pauw, valve, time, study, "
                "thickness, fit, model."
            ),
        ] = "strip",
    ) -> None:
        _guarded(_init, path, kind)

    @app.command(help="List the examples, or copy one with all that it reads.")
    def examples(
        name: Annotated[
            str | None,
            typer.Argument(help="Example to copy.", metavar="[NAME]", show_default=False),
        ] = None,
        out: Annotated[Path, typer.Option(help="Folder to copy into.")] = Path("."),
    ) -> None:
        _guarded(_examples, name, out)

    @app.command(help="Print the JSON schema of a device file. Editors complete and check with it.")
    def schema(
        markdown: Annotated[
            bool, typer.Option("--markdown", help="As the page of the documentation.")
        ] = False,
        measure: Annotated[
            bool, typer.Option("--measure", help="Of the file of a spectral measure instead.")
        ] = False,
    ) -> None:
        _guarded(_schema, markdown, measure)

    @app.command(
        help="Write a page to play with a device. Sliders for field and material, no network."
    )
    def explore(
        device: device,  # type: ignore[valid-type]
        out: Annotated[
            str | None,
            typer.Option(
                help="Folder; results/NAME of the device file unless given.", show_default=False
            ),
        ] = None,
    ) -> None:
        _guarded(_explore, device, out)

    @app.command(help="Say what differs between two runs. In their inputs, and in their curves.")
    def compare(
        one: Annotated[Path, typer.Argument(help="Results folder.", show_default=False)],
        other: Annotated[Path, typer.Argument(help="Results folder.", show_default=False)],
        out: Annotated[
            Path | None,
            typer.Option(help="Also draw the curves into this folder.", show_default=False),
        ] = None,
    ) -> None:
        _guarded(_compare, one, other, out)

    @app.command(
        help="Run a device over parameters. Here or on a dask scheduler; resumes where it was "
        "stopped."
    )
    def study(
        path: Annotated[
            Path, typer.Argument(help="Study file (.toml).", metavar="STUDY", show_default=False)
        ],
        out: Annotated[
            str | None,
            typer.Option(
                help="Results file (.nc), in place of the one in the study.", show_default=False
            ),
        ] = None,
        scheduler: Annotated[
            str | None,
            typer.Option(
                help="Address of a dask scheduler, such as tcp://host:8786.", show_default=False
            ),
        ] = None,
    ) -> None:
        _guarded(_study, path, out, scheduler)

    return app


def _guarded(command: Callable[..., None], *arguments: Any) -> None:
    """Run a command; every error becomes its message and an exit code, never a traceback."""
    import typer

    try:
        command(*arguments)
    except KeyboardInterrupt as stop:
        _say("interrupted")
        code = signals.exit_code(stop)
    except OhmrError as exc:
        for line in str(exc).splitlines():
            _say(f"error: {line}")
        code = _code_of(exc)
    except MemoryError:
        _say(f"error: {no_memory()}")
        code = NO_MEMORY
    except OSError as exc:
        code = _cannot_write(exc)
    except Exception as exc:
        _say(f"error: {fault(exc)}")
        code = FAULT
    else:
        return
    raise typer.Exit(code) from None


def _code_of(exc: OhmrError) -> int:
    """The exit code of an error, by its class and by what is behind it."""
    cause = exc.__cause__
    if isinstance(cause, MemoryError):
        return NO_MEMORY
    if isinstance(cause, OSError) and cause.errno in FULL:
        return CANNOT_WRITE
    if isinstance(exc, FaultError):
        return FAULT
    return SOLVE_FAILED if isinstance(exc, SolveError) else BAD_INPUT


def _cannot_write(exc: OSError) -> int:
    """Says why the system refused a file or stream; the exit code."""
    _say(f"error: {refused_by_system(exc)}")
    return CANNOT_WRITE if exc.errno in FULL else BAD_INPUT


def _say(text: str) -> None:
    """One line to the user; where standard error is closed, among the results."""
    with contextlib.suppress(OSError):
        print(cut(shown(text)), file=sys.stderr or sys.stdout)


def _tell(*lines: str) -> None:
    """Lines about results, unless the user wants none, or an object."""
    if not any(_SPEECH.values()):
        _show(*lines)


def _show(*lines: str) -> None:
    """What was asked for, each on its line whatever names are in it."""
    for line in lines:
        print(visible(line))


def _give(result: Any) -> None:
    """The object of a command, where the user wants one."""
    if _SPEECH["json"]:
        print(json.dumps(result, indent=2, default=str))


def _folder(given: str | None, path: Path) -> Path:
    """The results folder that was given, or that of the file."""
    from .run.folder import default_folder, folder_of

    return default_folder(path) if given is None else folder_of(given)


def _run(path: Path, given: str | None) -> None:
    from .run.device import run_device

    device = read_device(path)
    out = _folder(given, path)
    with _progress() as progress:
        try:
            record = run_device(
                device,
                out,
                progress=progress,
                notify=lambda text: _say(f"warning: {text}"),
                finished=lambda part, entry: _say_finished(out, part, entry),
                apart=True,
            )
        except KeyboardInterrupt:
            _say("stopped; kept " + (", ".join(_kept(out)) or "no rows, none were finished"))
            raise
    _give(record)
    shown = [name for name in record["files"] if name.endswith((".pvd", ".png"))]
    _tell(
        f"{len(record['files']) + 1} files in {out}, {record['seconds']['total']:.1f} s"
        + (f", among them {', '.join(shown)}" if shown else "")
    )


def _say_finished(out: Path, part: str, entry: dict[str, Any]) -> None:
    """What a finished table holds, at once."""
    if part == "accuracy":
        _say_accuracy(entry)
    elif part == "further":
        from .output.report import beside

        _tell(f"{out / entry['table']}: {beside(entry)} ({entry['method']})")
    elif part == "gates":
        _gate_line(out, entry)
    else:
        _curve_lines(out, entry)
    with contextlib.suppress(OSError):  # a full disk is told of at the end
        sys.stdout.flush()


def _curve_lines(out: Path, curve: dict[str, Any]) -> None:
    low, high = curve.get("hanle") or curve["rho_change"]
    what, unit = "rho(B) - rho(0)", ""
    if "hanle" in curve:
        what, unit = f"R_ohmic = {curve['R_ohmic']:.6g} ohm, R(B) - R(0)", " ohm"
    _tell(f"{out / curve['table']}: {what} from {low:.4g} to {high:.4g}{unit}")
    _tell(
        f"  {curve['fields']} fields in {curve['seconds']:.2f} s, largest residual "
        f"{curve['largest_residual']:.1e} ({curve['method']})"
    )


def _say_accuracy(record: dict[str, Any]) -> None:
    """Values and their discretisation errors, one line for each field."""
    for name, found in record.items():
        state = (
            ""
            if found["reached"]
            else f", short of the {found['asked']:g} asked for ({found['stopped_by']})"
        )
        _tell(f"{name}: {found['unknowns']} unknowns after {found['rounds']} rounds{state}")
        _tell(
            f"  R_ohmic = {_with_error(found['R_ohmic'], found['R_ohmic_error'])} ohm "
            "(discretisation)"
        )
        for field, value, error in zip(
            found["fields_T"], found["delta_R"], found["error"], strict=True
        ):
            _tell(
                f"  delta_R = {_with_error(value, error)} ohm at "
                f"({', '.join(f'{b:g}' for b in field)}) T"
            )


def _with_error(value: float, error: float) -> str:
    """Both to the second digit of the error."""
    digits = 8 if error <= 0.0 else min(max(1 - int(np.floor(np.log10(error))), 0), 30)
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def _study(path: Path, out: str | None, scheduler: str | None) -> None:
    from .run.study_report import report_study
    from .study.run import StudyInterrupted, load_study, run_study

    try:
        with _remaining() as progress:
            result = run_study(path, out, scheduler=scheduler, progress=progress, notify=_say)
    except StudyInterrupted as stop:
        _say(
            f"stopped; {stop.done} of {stop.total} points are kept in {stop.path}; the same "
            "command goes on from there"
        )
        raise
    for note in result.notes[:3]:
        _say(f"warning: {note}")
    if len(result.notes) > 3:
        _say(f"warning: and {len(result.notes) - 3} others, in the variable 'message' of the file")
    _give(vars(result) | {"failed": dict(result.failed)})
    said = (
        f"{result.path}: {result.size} points, {result.computed} computed, {result.found} found "
        f"finished, {len(result.failed)} without a solution, {result.seconds:.1f} s"
    )
    _tell(said)
    page = report_study(result.path, load_study(result.path), said, result.notes)
    _tell(f"{page.name} beside it")
    if result.failed:
        index, why = next(iter(result.failed.items()))
        raise SolveError(
            f"{len(result.failed)} of {result.size} points have no solution (status 2 in the "
            "file), such as point "
            f"{index}: {why}"
        )


def _fit_series(path: Path, given: str | None) -> None:
    from .run.fit_series import run_series

    if path.suffix.lower() != ".toml":
        raise InputError(
            f"{path}: data need a device: give it behind them, or a FIT.toml alone",
            value=str(path),
        )
    out = _folder(given, path)
    with _progress() as progress:
        try:
            run_series(path, out, progress=progress)
        except KeyboardInterrupt:
            kept = (out / "fit.html").exists()
            _say("stopped; " + (f"the fit is kept in {out}" if kept else "nothing was finished"))
            raise
    _give(json.loads((out / "fit.json").read_text(encoding="utf-8")))
    _tell(*(out / "fit.txt").read_text(encoding="utf-8").rstrip().split("\n"))
    _tell("", f"fit.txt, fit.json, fit.csv, fit.html and figures in {out}")


def _fit(data: Path, device: Path, given: str | None, options: dict[str, Any]) -> None:
    import warnings

    from .run.fit import run_fit

    out = _folder(given, data)
    options |= {key: split(options[key]) for key in ("parameters", "background", "direction")}
    if options["prepare"] is not None:
        steps = [_pair("--prepare", text) for text in options["prepare"].split(",")]
        options["prepare"] = {key: _number(value) for key, value in steps}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the report holds them
        try:
            run_fit(data, device, out, **options)
        except KeyboardInterrupt:
            _say("stopped; a fit leaves nothing and does not resume: the command starts it again")
            raise
    _give(json.loads((out / "fit.json").read_text(encoding="utf-8")))
    _tell(*(out / "fit.txt").read_text(encoding="utf-8").rstrip().split("\n"))
    _tell("", f"fit.txt, fit.json, fit.csv, fit.png and fit.pdf in {out}")


def _xtensor(path: Path, given: str | None) -> None:
    from .config.device_file import read_tensor_job
    from .run.tensor import run_tensor

    out = _folder(given, path)
    job = read_tensor_job(path)
    with _progress() as progress:
        record = run_tensor(job, out, progress=progress)
    _give(record)
    _tell(f"{out / 'xtensor.csv'}: {record['rows']} rows")
    for line in record["meaning"][:4]:
        _tell(f"  {line}")
    for name, (low, high) in record["ranges"].items():
        _tell(f"  {name} from {low:.4g} to {high:.4g}")
    _tell(f"{len(record['files'])} files in {out}, {record['seconds']:.1f} s")


def _gate_line(out: Path, found: dict[str, Any]) -> None:
    low, high = found.get("hanle") or found.get("rho_change") or (float("nan"), float("nan"))
    what, unit = ("R(B) - R(0)", " ohm") if "hanle" in found else ("rho(B) - rho(0)", "")
    _tell(
        f"{out / found['table']}: {found['values']} values of {found['parameter']}, "
        f"{found['fields']} fields, {what} from "
        f"{low:.4g} to {high:.4g}{unit}"
    )
    if found["no_steady_state"]:
        _tell(
            f"  {found['no_steady_state']} points without a steady state (theta < 0): nan in the "
            "table, hatched in the map"
        )


def _kept(out: Path) -> list[str]:
    """The tables that an interrupted run has left, and how much of each."""

    with contextlib.suppress(OSError, ValueError):
        record = json.loads((out / "run.json").read_text(encoding="utf-8"))
        kept = [
            f"{out / t['table']} ({t['fields']} of {t['fields_asked']} fields)"
            for t in record["curves"].values()
        ]
        return kept + [
            f"{out / t['table']} ({t['values']} of {t['values_asked']} gates)"
            for t in record["gates"].values()
        ]
    return []


@contextlib.contextmanager
def _progress() -> Iterator[Callable[..., None] | None]:
    """A progress bar on a terminal, nothing elsewhere."""
    if _SPEECH["quiet"] or sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[more]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def update(step: str, done: int, total: int, more: str = "") -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=total, more=more)
            bars.update(tasks[step], completed=done, total=total, more=more)

        yield update


@contextlib.contextmanager
def _remaining() -> Iterator[Callable[[int, int, float], None]]:
    """Points done and the time left: a bar on a terminal, now and then a line elsewhere."""
    with _progress() as bar:
        said = time.monotonic()

        def update(done: int, total: int, left: float) -> None:
            nonlocal said
            text = f"about {timedelta(seconds=round(left))} left"
            if bar is not None:
                bar("points", done, total, text)
            elif time.monotonic() - said > LINE_EVERY:
                said = time.monotonic()
                _say(f"{done} of {total} points, {text}")

        yield update


def _check(path: Path) -> None:
    from .run.check import check_device

    device = read_device(path)
    problem, fields = device.problem, device.fields
    system, notes = check_device(device)
    _show(f"mesh      {problem.mesh!r}")
    for region, material in problem.materials.items():
        _show(f"material  {region}: {material!r}")
    if problem.film is not None:
        _show(f"film      {problem.film!r}")
    for name, contact in problem.contacts.items():
        _show(f"contact   {name}: {contact.described}")
    for m in device.measurements:
        _show(
            f"measure   {m.name + ': ' if m.name else ''}"
            + (
                f"current {' to '.join(m.current)}, voltage {' minus '.join(m.voltage or ())}"
                if m.current
                else "rho"
            )
        )
    if device.gate is not None:
        _show(
            f"gate      {len(device.gate.values)} values of {device.gate.parameter} from "
            f"{device.gate.values.min():g} to "
            f"{device.gate.values.max():g} {device.gate.unit}"
        )
    _show(f"sweep     {len(fields)} fields up to {np.linalg.norm(fields, axis=1).max():g} T")
    _show(
        f"unknowns  {problem.moments + 1} x {system.N}, order {problem.order}, coupling "
        f"{problem.coupling}, detection {problem.detection}, interface {problem.interface}"
    )
    for note in notes:
        _say(f"warning: {note}")
    _show(f"{path}: no errors")


def _data(path: Path, column: list[str], unit: list[str], options: dict[str, Any]) -> None:
    from .fitting.data import understand
    from .fitting.describe import describe

    columns = _columns(column, unit)
    said = describe(understand(path, columns=columns, **options))
    _show(*str(said).split("\n"))


def _columns(column: list[str], unit: list[str]) -> dict[str, Any] | None:
    """The columns of :func:`ohmr_fem.read_data` from the command line."""
    columns: dict[str, Any] = dict(_pair("--column", text) for text in column)
    columns = {key: None if name == "none" else name for key, name in columns.items()}
    for key, name in (_pair("--unit", text) for text in unit):
        if columns.get(key) is None:
            raise InputError(f"--unit {key}={name} needs --column {key}=HEADING", value=key)
        columns[key] = (columns[key], name)
    return columns or None


def _number(text: str) -> Any:
    """A number where it is one."""
    try:
        return float(text)
    except ValueError:
        return text


def _pair(option: str, text: str) -> tuple[str, str]:
    """KEY=VALUE of the command line."""
    key, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"{option}: expected KEY=VALUE, got {text!r}", value=text)
    return key.strip(), value.strip()


def _info(path: Path, unit: str) -> None:
    from .mesh.files import read_mesh

    mesh = read_mesh(path, unit=unit)
    edges = mesh.edge_sizes
    _show(
        f"{path}: {mesh.n_cells} cells, {mesh.mesh.p.shape[1]} vertices, "
        f"{' x '.join(engineering(float(v), 'm') for v in mesh.extent)}"
    )
    _show(
        f"edges     {engineering(float(edges.min()), 'm')} to "
        f"{engineering(float(edges.max()), 'm')}"
    )
    for name, facets in mesh.boundaries.items():
        _show(
            f"boundary  {name}: {len(facets)} edges, {engineering(float(edges[facets].sum()), 'm')}"
        )
    rest = mesh.boundary_facets()
    _show(
        f"unnamed   {len(rest)} edges, {engineering(float(edges[rest].sum()), 'm')} (insulating, "
        "reflecting)"
    )
    for name, cells in mesh.regions.items():
        _show(f"region    {name}: {len(cells)} cells")
    if unit == "m" and float(mesh.extent.max()) > 1e-3:
        _say(
            f"warning: the device is {engineering(float(mesh.extent.max()), 'm')} long; if that is "
            "wrong, give --unit"
        )


def _init(path: Path, kind: str) -> None:
    from .run.start import write_start

    first, *others = write_start(kind, path)
    data = " ".join(map(str, others))
    follow = {"fit": f"fit {data} {first}", "model": f"xtensor {first}"}
    follow |= dict.fromkeys(("study", "thickness"), f"study {first}")
    beside = "".join(f" and {file}" for file in others)
    _tell(f"wrote {first}{beside}; next: ohmr-fem {follow.get(kind, f'run {first}')}")


def _examples(name: str | None, out: Path) -> None:
    from .run.start import copy_example, examples

    if name is None:
        found = examples()
        width = max(map(len, found))
        _show(*(f"{example:{width}}  {text}" for example, text in found.items()))
        return
    first, *others = copy_example(name, out)
    beside = f" and {len(others)} that it reads" if others else ""
    _tell(f"wrote {first}{beside}")


def _schema(markdown: bool, measure: bool) -> None:
    from .config.schema import device_reference, device_schema
    from .output.page import part

    if measure and markdown:
        raise InputError("--measure and --markdown: give one of them", value="--markdown")
    if measure:
        text = part("measure.schema.json")
    elif markdown:
        text = device_reference()
    else:
        text = json.dumps(device_schema(), indent=2)
    _show(*text.rstrip("\n").split("\n"))


def _explore(path: Path, given: str | None) -> None:
    from .run.explore import explore_device

    page = explore_device(read_device(path), _folder(given, path))
    _tell(f"{page}: {page.stat().st_size / 1e3:.0f} kB; open it in a browser")


def _compare(one: Path, other: Path, out: Path | None) -> None:
    from .run.compare import compare_runs

    _show(*compare_runs(one, other, out))


if __name__ == "__main__":
    main()


def split(text: str | None) -> Any:
    """Words of a list typed with commas: ["alpha", "tau"], a vector of numbers, [] of "none";
    single x, y, z as they are.
    """
    if text is None or text in ("x", "y", "z"):
        return text
    words = [word.strip() for word in text.split(",") if word.strip() not in ("", "none")]
    try:
        return [float(word) for word in words]
    except ValueError:
        return words
