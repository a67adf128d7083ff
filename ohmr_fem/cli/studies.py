"""study and xtensor."""

from __future__ import annotations

from pathlib import Path

from ..errors import SolveError
from .bars import progress_bars, remaining
from .places import folder_for
from .speech import give, say, tell


def study(path: Path, out: str | None, scheduler: str | None) -> None:
    from ..run.study_report import report_study
    from ..study.run import StudyInterrupted, load_study, run_study

    try:
        with remaining() as progress:
            result = run_study(path, out, scheduler=scheduler, progress=progress, notify=say)
    except StudyInterrupted as stop:
        say(
            f"stopped; {stop.done} of {stop.total} points are kept in {stop.path}; the same "
            "command goes on from there"
        )
        raise
    for note in result.notes[:3]:
        say(f"warning: {note}")
    if len(result.notes) > 3:
        say(f"warning: and {len(result.notes) - 3} others, in the variable 'message' of the file")
    give(vars(result) | {"failed": dict(result.failed)})
    said = (
        f"{result.path}: {result.size} points, {result.computed} computed, {result.found} found "
        f"finished, {len(result.failed)} without a solution, {result.seconds:.1f} s"
    )
    tell(said)
    page = report_study(result.path, load_study(result.path), said, result.notes)
    tell(f"{page.name} beside it")
    if result.failed:
        index, why = next(iter(result.failed.items()))
        raise SolveError(
            f"{len(result.failed)} of {result.size} points have no solution (status 2 in the "
            "file), such as point "
            f"{index}: {why}"
        )


def xtensor(path: Path, given: str | None) -> None:
    from ..config.device_file import read_tensor_job
    from ..run.tensor import run_tensor

    out = folder_for(given, path)
    job = read_tensor_job(path)
    with progress_bars() as progress:
        record = run_tensor(job, out, progress=progress)
    give(record)
    tell(f"{out / 'xtensor.csv'}: {record['rows']} rows")
    for line in record["meaning"][:4]:
        tell(f"  {line}")
    for name, (low, high) in record["ranges"].items():
        tell(f"  {name} from {low:.4g} to {high:.4g}")
    tell(f"{len(record['files'])} files in {out}, {record['seconds']:.1f} s")
