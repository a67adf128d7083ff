"""Run the validation suite: ``python -m validation [--quick] [--out DIR] [--jobs N] [CASE ...]``.

Writes report.html (self-contained), report.json and the figures. The exit code is 0 only if every row passes, no case crashes
and, at the full level, every equation still has its rows; cases whose program is not installed are skipped and counted.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import math
import multiprocessing
import os
import platform
import shutil
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .case import Row, Skipped

CASES = ("strip", "strip_tensor", "nonlocal_strip", "four_terminal", "edges", "sections", "annulus", "invariants",
         "manufactured", "spectral_device", "dynamics", "drift", "hall", "figure2", "manganese")
START = "spawn"  # of processes: they limit the threads of their linear algebra before they load it
PACKAGES = ("ohmr-fem", "numpy", "scipy", "scikit-fem", "meshio", "matplotlib", "ngsolve", "gmsh", "vtk", "wannierberri")


def known_cases() -> list[str]:
    """The listed cases, then every other module here that has ``run``; one file a case."""
    here = Path(__file__).parent
    others = sorted(p.stem for p in here.glob("*.py")
                    if p.stem != "__main__" and "\ndef run(" in p.read_text(encoding="utf-8"))
    return [*CASES, *(name for name in others if name not in CASES)]


def run_case(name: str, level: str, out: Path) -> dict[str, Any]:
    """Rows and figures, or why there are none; a crash is a result, not the end."""
    from .convergence import draw_convergence

    start = time.perf_counter()
    result: dict[str, Any] = {"name": name, "about": "", "rows": [], "figures": [], "error": "", "skipped": ""}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            case = importlib.import_module(f"validation.{name}")
            result["about"] = (case.__doc__ or "").split("\n\n")[0].replace("\n", " ")
            rows: list[Row] = case.run(level)
            result["rows"] = [{**asdict(row), "passed": row.passed} for row in rows]
            drawings = [*(case.draw(out) if hasattr(case, "draw") else []), *draw_convergence(rows, out, name)]
            result["figures"] = [{"file": d.path.name, "caption": d.caption} for d in drawings]
    except Skipped as reason:
        result["skipped"] = str(reason)
    except Exception:
        result["error"] = traceback.format_exc()
    return {**result, "seconds": time.perf_counter() - start}


def outcomes(names: list[str], level: str, out: Path, jobs: int) -> Iterator[dict[str, Any]]:
    """Results in the order of the names; what breaks its process is run once more, alone, and then counted as a crash."""
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
                        yield {"name": name, "about": "", "rows": [], "figures": [], "error": "the process died", "skipped": "",
                               "seconds": 0.0}


def environment() -> dict[str, str]:
    found = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
             "threads": os.environ.get("OMP_NUM_THREADS", "not limited")}
    if hasattr(os, "getloadavg"):
        found["load at the end"] = f"{os.getloadavg()[0]:.2f}"
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "on the path" if importlib.util.find_spec(package.replace("-", "_")) else "not installed"
    found["ParaView"] = "pvbatch is installed" if shutil.which("pvbatch") else "not installed"
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m validation", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="coarse level, under a minute")
    parser.add_argument("--out", type=Path, default=Path("results/validation"), help="folder of the report")
    parser.add_argument("--jobs", type=int, default=min(os.cpu_count() or 1, 4),
                        help="processes; one a core, four at most, unless given")
    parser.add_argument("cases", nargs="*", help=f"cases to run, by default all: {', '.join(known_cases())}")
    options = parser.parse_args(arguments)
    names = options.cases or known_cases()
    unknown = [n for n in names if n not in known_cases()]
    if unknown:
        parser.error(f"unknown case {unknown[0]!r}; known: {', '.join(known_cases())}")
    level = "quick" if options.quick else "full"
    options.out.mkdir(parents=True, exist_ok=True)
    start, results = time.perf_counter(), []
    for number, result in enumerate(outcomes(names, level, options.out, max(options.jobs, 1)), 1):
        results.append(result)
        print(f"[{number}/{len(names)}] {result['name']}: {summary(result)}", flush=True)
    content = write_reports(results, level, options.out, time.perf_counter() - start)
    rows = [r for result in results for r in result["rows"]]
    failed = sum(not r["passed"] for r in rows)
    crashed, skipped = (sum(bool(r[word]) for r in results) for word in ("error", "skipped"))
    print(*content["unmatched"], sep="\n", end="\n" if content["unmatched"] else "")
    print(f"{len(rows) - failed} passed, {failed} failed, {crashed} crashed, {skipped} skipped, {content['seconds']:.0f} s")
    print(f"report: {options.out / 'report.html'}")
    return 1 if failed or crashed or content["unmatched"] else 0


def summary(result: dict[str, Any]) -> str:
    """What is said of a case as soon as it is done."""
    rows = result["rows"]
    if result["skipped"]:
        return f"skipped: {result['skipped']}"
    bad = [r for r in rows if not r["passed"]]
    text = f"{len(rows) - len(bad)}/{len(rows)} rows in {result['seconds']:.1f} s"
    if result["error"]:
        text = f"CRASHED after {text}: {result['error'].strip().splitlines()[-1]}"
    return text + "".join(f"\n    FAILED {r['quantity']}: {r['value']:.10g} against {r['reference']:.10g}, "
                          f"error {r['error']:.2e} > {r['tolerance']:.0e}" for r in bad)


def _plain(value: Any) -> Any:
    """Numbers as JSON knows them."""
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, (str, bool)) or value is None:
        return value
    return float(value) if math.isfinite(value) else str(value)


def write_reports(results: list[dict[str, Any]], level: str, out: Path, seconds: float) -> dict[str, Any]:
    """report.json and report.html in ``out``; returns the content of the former."""
    from .coverage import beside, joined, unmatched
    from .report import html_report

    content = {"level": level, "date": time.strftime("%Y-%m-%d %H:%M:%S"), "seconds": seconds, "environment": environment(),
               "coverage": joined(results), "beside": beside(results), "unmatched": unmatched(results) if level == "full" else [],
               "cases": results}
    (out / "report.json").write_text(json.dumps(_plain(content), indent=1), encoding="utf-8")
    (out / "report.html").write_text(html_report(content, out), encoding="utf-8")
    return content


if __name__ == "__main__":
    sys.exit(main())
