"""The command line. Exit codes: 0 done, 2 wrong input, 3 no trustworthy solution, 70 a fault of
ohmr_fem, 71 out of memory, 74 nothing can be written, 130 interrupted (143, 129 by a signal).

typer, rich and the rooms of the library are imported when a command needs them, so that
``--version`` is quick.
"""

import sys
from pathlib import Path
from typing import Annotated, Any

from ..base import signals
from ..version import __version__
from . import devices, fits, pages, starts, studies
from .ends import OK, cannot_write, guarded
from .speech import SPEECH, say


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
    sys.exit(code if lost is None else cannot_write(lost))


def _exit_code(arguments: list[str] | None) -> Any:
    try:
        with signals.raised():
            _app()(arguments, prog_name="ohmr-fem")
    except SystemExit as end:
        return end.code
    except KeyboardInterrupt as stop:  # before or after a command
        say("interrupted")
        return signals.exit_code(stop)
    except OSError as exc:  # help on a full disk
        return cannot_write(exc)
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
        SPEECH.update(quiet=quiet, json=as_json)

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
        guarded(devices.run, device, out)

    @app.command(help="Check a device without solving it, mesh and stability too.")
    def check(device: device) -> None:  # type: ignore[valid-type]
        guarded(devices.check, device)

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
            guarded(fits.fit_series, data, out)
            return
        guarded(
            fits.fit,
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
                "columns": fits.columns_of(column or [], unit or []),
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
        guarded(studies.xtensor, model, out)

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
        guarded(
            fits.data,
            path,
            column or [],
            unit or [],
            {
                "direction": fits.split(direction),
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
        guarded(starts.info, mesh, unit)

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
                "thickness, fit, model, gate, gds."
            ),
        ] = "strip",
    ) -> None:
        guarded(starts.init, path, kind)

    @app.command(help="List the examples, or copy one with all that it reads.")
    def examples(
        name: Annotated[
            str | None,
            typer.Argument(help="Example to copy.", metavar="[NAME]", show_default=False),
        ] = None,
        out: Annotated[Path, typer.Option(help="Folder to copy into.")] = Path("."),
    ) -> None:
        guarded(starts.examples, name, out)

    @app.command(help="Print the JSON schema of a device file. Editors complete and check with it.")
    def schema(
        markdown: Annotated[
            bool, typer.Option("--markdown", help="As the page of the documentation.")
        ] = False,
        measure: Annotated[
            bool, typer.Option("--measure", help="Of the file of a spectral measure instead.")
        ] = False,
    ) -> None:
        guarded(starts.schema, markdown, measure)

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
        guarded(pages.explore, device, out)

    @app.command(help="Say what differs between two runs. In their inputs, and in their curves.")
    def compare(
        one: Annotated[Path, typer.Argument(help="Results folder.", show_default=False)],
        other: Annotated[Path, typer.Argument(help="Results folder.", show_default=False)],
        out: Annotated[
            Path | None,
            typer.Option(help="Also draw the curves into this folder.", show_default=False),
        ] = None,
    ) -> None:
        guarded(pages.compare, one, other, out)

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
        guarded(studies.study, path, out, scheduler)

    return app
