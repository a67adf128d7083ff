"""Run cases, one or several at a time: a crash is a result, a missing program is a result, nothing
stops the rest.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import time
import traceback
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ohmr_fem.errors import MissingExtraError

from .case import Row, Skipped
from .convergence import draw_convergence
from .independence import closed_forms_watched, judged, watched_names

CASES = (
    "strip",
    "strip_tensor",
    "nonlocal_strip",
    "four_terminal",
    "edges",
    "sections",
    "annulus",
    "invariants",
    "manufactured",
    "spectral_device",
    "dynamics",
    "drift",
    "hall",
    "figure2",
    "manganese",
)
START = "spawn"  # of processes: they limit the threads of their linear algebra before they load it


def known_cases() -> list[str]:
    """The listed cases, then every other module here that has ``run``; one file a case."""
    here = Path(__file__).parent
    others = sorted(
        p.stem
        for p in here.glob("*.py")
        if p.stem != "__main__" and "\ndef run(" in p.read_text(encoding="utf-8")
    )
    return [*CASES, *(name for name in others if name not in CASES)]


def run_case(name: str, level: str, out: Path) -> dict[str, Any]:
    """Rows and figures, or why there are none; a crash is a result, not the end."""
    start = time.perf_counter()
    result: dict[str, Any] = {
        "name": name,
        "about": "",
        "rows": [],
        "figures": [],
        "error": "",
        "skipped": "",
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            case = importlib.import_module(f"validation.{name}")
            result["about"] = (case.__doc__ or "").split("\n\n")[0].replace("\n", " ")
            before = watched_names()
            with closed_forms_watched():
                rows: list[Row] = case.run(level)
            entered = {r for r, count in watched_names().items() if count > before.get(r, 0)}
            found = zip(rows, judged(rows, case, entered), strict=True)
            result["rows"] = [{**asdict(r), "passed": r.passed, **j} for r, j in found]
            drawings = [
                *(case.draw(out) if hasattr(case, "draw") else []),
                *draw_convergence(rows, out, name),
            ]
            result["figures"] = [{"file": d.path.name, "caption": d.caption} for d in drawings]
    except (Skipped, MissingExtraError) as reason:
        result["skipped"] = str(reason)
    except Exception:
        result["error"] = traceback.format_exc()
    return {**result, "seconds": time.perf_counter() - start}


def outcomes(names: list[str], level: str, out: Path, jobs: int) -> Iterator[dict[str, Any]]:
    """Results in the order of the names; what breaks its process is run once more, alone, and then
    counted as a crash.
    """
    if jobs == 1:
        yield from (run_case(name, level, out) for name in names)
        return
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    context = multiprocessing.get_context(START)
    with ProcessPoolExecutor(jobs, context) as pool:
        futures = [pool.submit(run_case, name, level, out) for name in names]
        for name, future in zip(names, futures, strict=True):
            try:
                yield future.result()
            except BrokenProcessPool:
                with ProcessPoolExecutor(1, context) as alone:
                    try:
                        yield alone.submit(run_case, name, level, out).result()
                    except BrokenProcessPool:
                        yield {
                            "name": name,
                            "about": "",
                            "rows": [],
                            "figures": [],
                            "error": "the process died",
                            "skipped": "",
                            "seconds": 0.0,
                        }
