"""run and check."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ..config.device_file import read_device
from ..config.remedies import in_file
from .bars import progress_bars, working
from .places import folder_for
from .speech import give, say, show, tell


def run(path: Path, given: str | None) -> None:
    from ..run.device import run_device

    with working("device and its mesh"):
        device = read_device(path)
    out = folder_for(given, path)
    with progress_bars() as progress:
        try:
            record = run_device(
                device,
                out,
                progress=progress,
                notify=lambda text: say(f"warning: {text}"),
                finished=lambda part, entry: _say_finished(out, part, entry),
                apart=True,
            )
        except KeyboardInterrupt:
            say("stopped; kept " + (", ".join(_kept(out)) or "no rows, none were finished"))
            raise
    give(record)
    shown = [name for name in record["files"] if name.endswith((".pvd", ".png"))]
    tell(
        f"{len(record['files']) + 1} files in {out}, {record['seconds']['total']:.1f} s"
        + (f", among them {', '.join(shown)}" if shown else "")
    )


def _say_finished(out: Path, part: str, entry: dict[str, Any]) -> None:
    """What a finished table holds, at once."""
    if part == "accuracy":
        _say_accuracy(entry)
    elif part == "further":
        from ..output.report import beside

        tell(f"{out / entry['table']}: {beside(entry)} ({entry['method']})")
    elif part == "gates":
        _gate_line(out, entry)
    else:
        _curve_lines(out, entry)
    with contextlib.suppress(OSError):  # a full disk is told of at the end
        sys.stdout.flush()


def _curve_lines(out: Path, curve: dict[str, Any]) -> None:
    from ..output.report import change_of, ohmic_of

    said = f"rho(B) - rho(0) {change_of(curve)}"
    if "hanle" in curve:
        said = f"R_ohmic = {ohmic_of(curve, ' ohm')}, R(B) - R(0) {change_of(curve, ' ohm')}"
    tell(f"{out / curve['table']}: {said}")
    tell(
        f"  {curve['fields']} fields in {curve['seconds']:.2f} s, largest residual "
        f"{curve['largest_residual']:.1e} ({curve['method']})"
    )


def _gate_line(out: Path, found: dict[str, Any]) -> None:
    low, high = found.get("hanle") or found.get("rho_change") or (float("nan"), float("nan"))
    what, unit = ("R(B) - R(0)", " ohm") if "hanle" in found else ("rho(B) - rho(0)", "")
    tell(
        f"{out / found['table']}: {found['values']} values of {found['parameter']}, "
        f"{found['fields']} fields, {what} from "
        f"{low:.4g} to {high:.4g}{unit}"
    )
    if found["no_steady_state"]:
        tell(
            f"  {found['no_steady_state']} points without a steady state (theta < 0): nan in the "
            "table, hatched in the map"
        )


def _say_accuracy(record: dict[str, Any]) -> None:
    """Values and their discretisation errors, one line for each field."""
    for name, found in record.items():
        state = (
            ""
            if found["reached"]
            else f", short of the {found['asked']:g} asked for ({found['stopped_by']})"
        )
        tell(f"{name}: {found['unknowns']} unknowns after {found['rounds']} rounds{state}")
        tell(
            f"  R_ohmic = {_with_error(found['R_ohmic'], found['R_ohmic_error'])} ohm "
            "(discretisation)"
        )
        for field, value, error in zip(
            found["fields_T"], found["delta_R"], found["error"], strict=True
        ):
            tell(
                f"  delta_R = {_with_error(value, error)} ohm at "
                f"({', '.join(f'{b:g}' for b in field)}) T"
            )


def _with_error(value: float, error: float) -> str:
    """Both to the second digit of the error."""
    digits = 8 if error <= 0.0 else min(max(1 - int(np.floor(np.log10(error))), 0), 30)
    return f"{value:.{digits}f} ± {error:.{digits}f}"


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


def check(path: Path) -> None:
    from ..run.check import check_device

    with working("device and its mesh"):
        device = read_device(path)
    problem, fields = device.problem, device.fields
    with working("matrices and stability"):
        system, notes = check_device(device)
    show(f"mesh      {problem.mesh!r}")
    for region, material in problem.materials.items():
        show(f"material  {region}: {material!r}")
    if problem.film is not None:
        show(f"film      {problem.film!r}")
    for name, contact in problem.contacts.items():
        show(f"contact   {name}: {contact.described}")
    for m in device.measurements:
        show(
            f"measure   {m.name + ': ' if m.name else ''}"
            + (
                f"current {' to '.join(m.current)}, voltage {' minus '.join(m.voltage or ())}"
                if m.current
                else "rho"
            )
        )
    if device.gate is not None:
        show(
            f"gate      {len(device.gate.values)} values of {device.gate.parameter} from "
            f"{device.gate.values.min():g} to "
            f"{device.gate.values.max():g} {device.gate.unit}"
        )
    show(f"sweep     {len(fields)} fields up to {np.linalg.norm(fields, axis=1).max():g} T")
    show(
        f"unknowns  {problem.moments + 1} x {system.N}, order {problem.order}, coupling "
        f"{problem.coupling}, detection {problem.detection}, interface {problem.interface}"
    )
    for note in notes:
        say(f"warning: {in_file(note)}")
    show(f"{path}: no errors")
