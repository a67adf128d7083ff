"""Run the validation suite: ``python -m validation [--quick] [--out DIR] [--jobs N] [CASE ...]``.

Writes report.html (self-contained), report.md, report.json and the figures. The exit code is 0 only
if every row passes, no case crashes, the two routes of every row share no code and, at the full
level, every place of the paper still has its rows; cases whose program is not installed are skipped
and counted.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import platform
import shutil
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .runner import known_cases, outcomes

PACKAGES = (
    "ohmr-fem",
    "numpy",
    "scipy",
    "scikit-fem",
    "meshio",
    "matplotlib",
    "ngsolve",
    "gmsh",
    "vtk",
    "wannierberri",
)


def environment() -> dict[str, str]:
    found = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "threads": os.environ.get("OMP_NUM_THREADS", "not limited"),
    }
    if hasattr(os, "getloadavg"):
        found["load at the end"] = f"{os.getloadavg()[0]:.2f}"
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = (
                "on the path"
                if importlib.util.find_spec(package.replace("-", "_"))
                else "not installed"
            )
    found["ParaView"] = "pvbatch is installed" if shutil.which("pvbatch") else "not installed"
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m validation", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="coarse level, under a minute")
    parser.add_argument(
        "--out", type=Path, default=Path("results/validation"), help="folder of the report"
    )
    parser.add_argument(
        "--jobs",
        type=int,
        default=min(os.cpu_count() or 1, 4),
        help="processes; one a core, four at most, unless given",
    )
    parser.add_argument(
        "--record", type=Path, metavar="FILE", help="write the table of the paper as JSON too"
    )
    parser.add_argument(
        "cases", nargs="*", help=f"cases to run, by default all: {', '.join(known_cases())}"
    )
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
    if options.record:
        kept = {key: content[key] for key in ("level", "date", "statements")}
        text = json.dumps(_plain(kept), indent=1, ensure_ascii=False)
        options.record.write_text(text + "\n", encoding="utf-8")
    rows = [r for result in results for r in result["rows"]]
    failed = sum(not r["passed"] for r in rows)
    crashed, skipped = (sum(bool(r[word]) for r in results) for word in ("error", "skipped"))
    left = [*content["unmatched"], *content["open"]]
    print(*left, sep="\n", end="\n" if left else "")
    shown = content["statements"]
    print(
        f"coverage: {len(shown)} places of the paper, {sum(bool(s['routes']) for s in shown)} by "
        f"two routes, {sum(bool(s['reason']) for s in shown)} with a reason for none, "
        f"{len(content['open'])} open"
    )
    print(
        f"{len(rows) - failed} passed, {failed} failed, {crashed} crashed, {skipped} skipped, "
        f"{content['seconds']:.0f} s"
    )
    print(f"report: {options.out / 'report.html'}")
    return 1 if failed or crashed or left else 0


def summary(result: dict[str, Any]) -> str:
    """What is said of a case as soon as it is done."""
    rows = result["rows"]
    if result["skipped"]:
        return f"skipped: {result['skipped']}"
    bad = [r for r in rows if not r["passed"]]
    text = f"{len(rows) - len(bad)}/{len(rows)} rows in {result['seconds']:.1f} s"
    if result["error"]:
        text = f"CRASHED after {text}: {result['error'].strip().splitlines()[-1]}"
    return text + "".join(
        f"\n    FAILED {r['quantity']}: {r['value']:.10g} against {r['reference']:.10g}, "
        f"error {r['error']:.2e} > {r['tolerance']:.0e}"
        for r in bad
    )


def _plain(value: Any) -> Any:
    """Numbers as JSON knows them."""
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, (str, bool)) or value is None:
        return value
    return float(value) if math.isfinite(value) else str(value)


def faults(results: list[dict[str, Any]]) -> list[str]:
    """Rows whose two routes share code, or are not named."""
    return [
        f"{case['name']}: {row['quantity']}: {row['fault']}"
        for case in results
        for row in case["rows"]
        if row["fault"]
    ]


def write_reports(
    results: list[dict[str, Any]], level: str, out: Path, seconds: float
) -> dict[str, Any]:
    """report.json and report.html in ``out``; returns the content of the former."""
    from .coverage import beside, joined, unmatched
    from .report import html_report
    from .report_markdown import markdown_report
    from .statements import open_places, table

    content = {
        "level": level,
        "date": time.strftime("%Y-%m-%d %H:%M:%S"),
        "seconds": seconds,
        "environment": environment(),
        "coverage": joined(results),
        "beside": beside(results),
        "statements": table(results),
        "unmatched": unmatched(results) if level == "full" else [],
        "open": open_places(results) if level == "full" else faults(results),
        "cases": results,
    }
    (out / "report.json").write_text(json.dumps(_plain(content), indent=1), encoding="utf-8")
    (out / "report.html").write_text(html_report(content, out), encoding="utf-8")
    (out / "report.md").write_text(markdown_report(content), encoding="utf-8")
    return content


if __name__ == "__main__":
    sys.exit(main())
