"""fit and data: what is read of measured curves, and what is fitted to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import InputError
from .bars import stages
from .places import folder_for
from .speech import give, say, show, tell


def fit(data: Path, device: Path, given: str | None, options: dict[str, Any]) -> None:
    import warnings

    from ..run.fit import ONE_MORE, run_fit

    if data.suffix.lower() == ".toml":
        raise InputError(
            f"{data}: is no file of measured data; they come first, then the device: ohmr-fem fit "
            f"DATA {device}",
            value=str(data),
        )
    out = folder_for(given, data)
    options |= {key: split(options[key]) for key in ("parameters", "background", "direction")}
    if options["prepare"] is not None:
        steps = [_pair("--prepare", text) for text in options["prepare"].split(",")]
        options["prepare"] = {key: _number(value) for key, value in steps}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the report holds them
        try:
            with stages("fit") as progress:
                found = run_fit(data, device, out, progress=progress, **options)
        except KeyboardInterrupt:
            say("stopped; a fit leaves nothing and does not resume: the command starts it again")
            raise
    give(json.loads((out / "fit.json").read_text(encoding="utf-8")))
    text = (out / "fit.txt").read_text(encoding="utf-8").rstrip()
    tell(*text.split("\n"))
    if not (found.identifiability.complete or ONE_MORE in text):
        tell("", "which further measurements would help: add --plan (minutes for a film)")
    tell("", f"fit.txt, fit.json, fit.csv, fit.html, fit.png and fit.pdf in {out}")


def fit_series(path: Path, given: str | None) -> None:
    from ..run.fit_series import run_series

    if path.suffix.lower() != ".toml":
        raise InputError(
            f"{path}: data need a device: give it behind them, or a FIT.toml alone",
            value=str(path),
        )
    out = folder_for(given, path)
    with stages("fit") as progress:
        try:
            run_series(path, out, progress=progress)
        except KeyboardInterrupt:
            kept = (out / "fit.html").exists()
            say("stopped; " + (f"the fit is kept in {out}" if kept else "nothing was finished"))
            raise
    give(json.loads((out / "fit.json").read_text(encoding="utf-8")))
    tell(*(out / "fit.txt").read_text(encoding="utf-8").rstrip().split("\n"))
    tell("", f"fit.txt, fit.json, fit.csv, fit.html and figures in {out}")


def data(path: Path, column: list[str], unit: list[str], options: dict[str, Any]) -> None:
    from ..fitting.data import understand
    from ..fitting.describe import describe

    columns = columns_of(column, unit)
    said = describe(understand(path, columns=columns, **options))
    show(*str(said).split("\n"))


def columns_of(column: list[str], unit: list[str]) -> dict[str, Any] | None:
    """The columns of :func:`ohmr_fem.read_data` from the command line."""
    columns: dict[str, Any] = dict(_pair("--column", text) for text in column)
    columns = {key: None if name == "none" else name for key, name in columns.items()}
    for key, name in (_pair("--unit", text) for text in unit):
        heading = columns.get(key, "")  # "": the one whose heading means it
        if heading is None:
            raise InputError(f"--unit {key}={name} needs --column {key}=HEADING", value=key)
        columns[key] = (heading, name)
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
