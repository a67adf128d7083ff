"""A whole series from one file: the fit, the verdict, figures and a page to read."""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..config.remedies import in_file
from ..errors.doors import door
from ..files import atomic_path
from ..fitting.global_fit import global_fit
from ..fitting.global_result import GlobalFit
from ..fitting.verdict import Verdict, compare_models
from ..output.fit_file import content_of, fit_of, read_content
from ..output.fit_page import fit_page
from ..output.plot_series import plot_against, plot_correlation, plot_profiles, plot_series
from ..output.record import versions
from ..output.style import drawing, save_figure
from ..version import __version__
from .folder import folder_of, remove, results_folder
from .series_file import SeriesJob, files_of_series, read_series_file

RECORD = "fit.json"
#: What a series leaves, beside its record.
FIGURES = {
    "fit_data": "Data without backgrounds, the fit and its band of two standard deviations",
    "fit_profiles": "Rise of chi^2 along each parameter; dashes: the curvature, dots: the interval",
    "fit_correlation": "Correlation of the parameters",
    "fit_against": "Size of the effect against what the samples differ in",
}
FILES = (
    "fit.txt",
    "fit.csv",
    "fit.html",
    *(f"{name}.{kind}" for name in FIGURES for kind in ("png", "pdf")),
)
Progress = Callable[[str, int, int], None]


@door
def run_series(
    path: str | Path, out: str | Path | None = None, *, progress: Progress | None = None
) -> tuple[GlobalFit, Verdict | None]:
    """Fit the series of a FIT.toml, and give the verdict if it asks for one.

    Parameters
    ----------
    path : FIT.toml, see :mod:`ohmr_fem.run.series_file`
    out : results folder, optional
        Gets fit.json (:func:`ohmr_fem.load_fit` reads it), fit.txt, fit.csv, figures and fit.html.
        A fit that is there for the same inputs is taken up again, so an interrupted verdict costs
        the verdict alone.
    progress : function of (what, done, of all), optional

    Returns
    -------
    GlobalFit, and Verdict or None

    Raises
    ------
    InputError
        A file that is missing, damaged or says what nobody knows; a folder that cannot be written
        or holds files of no run; as :func:`ohmr_fem.global_fit`.
    """
    held: contextlib.AbstractContextManager[Any] = contextlib.nullcontext()
    if out is not None:
        held = results_folder(out, FILES, files_of_series(path), record=RECORD)
    with held:
        job = read_series_file(path)
        fit = _fitted(job, out, progress)
        drawn: dict[str, Path] = {}
        if out is not None:  # what an interruption of the verdict must not cost
            drawn = _drawn(fit, Path(out))
            _write(job, fit, None, Path(out), drawn)
        verdict = _judged(job, progress)
        if out is not None and verdict is not None:
            _write(job, fit, verdict, Path(out), drawn)
    return fit, verdict


def _fitted(job: SeriesJob, out: str | Path | None, progress: Progress | None) -> GlobalFit:
    """The fit, or the one that the folder holds of the same inputs."""
    if out is not None:
        kept = _kept(job, folder_of(out, RECORD) / RECORD)
        if kept is not None:
            return kept
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the report holds them
        found = global_fit(job.samples, **job.fit, progress=progress)
    return replace(found, warnings=tuple(map(in_file, found.warnings)))


def _kept(job: SeriesJob, path: Path) -> GlobalFit | None:
    with contextlib.suppress(Exception):  # whatever is there, it is not this fit
        content = read_content(path)
        if content["inputs"] == job.inputs and content["ohmr_fem"] == __version__:
            found = fit_of(content)
            return found if isinstance(found, GlobalFit) else None
    return None


def _judged(job: SeriesJob, progress: Progress | None) -> Verdict | None:
    if job.verdict is None:
        return None
    shared = {key: job.fit[key] for key in ("shared", "each", "trend") if key in job.fit}
    return compare_models(job.samples, **shared, **job.verdict, progress=progress)


def _write(
    job: SeriesJob,
    fit: GlobalFit,
    verdict: Verdict | None,
    folder: Path,
    drawn: Mapping[str, Path],
) -> None:
    text = str(fit) if verdict is None else f"{fit}\n\n{verdict}"
    _text(folder / "fit.txt", text)
    with atomic_path(folder / "fit.csv") as temporary:
        fit.to_csv(temporary)
    about = _about(job)
    content = {**about, **content_of(fit), "verdict": _plain(verdict), "files": list(FILES)}
    _text(folder / RECORD, json.dumps(content, allow_nan=False, default=str))
    _text(folder / "fit.html", fit_page(job.title, fit, verdict, drawn, about))


def _drawn(fit: GlobalFit, folder: Path) -> dict[str, Path]:
    """{caption: .png file} of the figures; those of an earlier fit go."""
    remove(folder, [name for name in FILES if name.endswith((".png", ".pdf"))])
    makers = {
        "fit_data": plot_series,
        "fit_profiles": plot_profiles,
        "fit_correlation": plot_correlation,
        "fit_against": plot_against,
    }
    out = {}
    for name, make in makers.items():
        if name == "fit_profiles" and not fit.profiles:
            continue
        with drawing(name):
            axes = make(fit)
            if axes is None:
                continue
            for kind in ("png", "pdf"):
                save_figure(axes, folder / f"{name}.{kind}")
            out[FIGURES[name]] = folder / f"{name}.png"
    return out


def _about(job: SeriesJob) -> dict[str, Any]:
    return {
        "ohmr_fem": __version__,
        "inputs": dict(job.inputs),
        "versions": versions(),
        "table": job.table,
    }


def _plain(verdict: Verdict | None) -> Mapping[str, Any] | None:
    """A verdict in plain values."""
    if verdict is None:
        return None
    columns = {name: [_number(v) for v in verdict.table[name]] for name in verdict.table}
    return {
        "verdict": verdict.verdict,
        "sentence": verdict.sentence,
        "p": verdict.p,
        "power": verdict.power,
        "p_stated": verdict.p_stated,
        "level": verdict.level,
        "table": columns,
        "checks": [vars(c) | {"value": _number(c.value)} for c in verdict.checks],
    }


def _number(value: Any) -> Any:
    if isinstance(value, str):
        return value
    number = float(value)
    return number if abs(number) < float("inf") else None


def _text(path: Path, text: str) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(text.rstrip("\n") + "\n", encoding="utf-8")
