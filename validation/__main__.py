"""Run the validation suite: ``python -m validation [--quick] [--out DIR] [CASE ...]``.

Writes report.html (self-contained), report.json and the figures; the exit code is 0 only if every row passes.
"""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import sys
import time
import traceback
import warnings
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from .case import Row, Skipped

CASES = ("strip", "strip_tensor", "nonlocal_strip", "four_terminal", "edges", "sections", "annulus", "invariants",
         "manufactured", "figure2", "manganese")


def known_cases() -> list[str]:
    """The listed cases, then every other module here that has ``run``; one file a case."""
    here = Path(__file__).parent
    others = sorted(p.stem for p in here.glob("*.py")
                    if p.stem != "__main__" and "\ndef run(" in p.read_text(encoding="utf-8"))
    return [*CASES, *(name for name in others if name not in CASES)]


def run_case(name: str, level: str, out: Path) -> dict[str, object]:
    """Rows and figures, or why there are none; a crash is a result, not the end."""
    start = time.perf_counter()
    rows: list[Row] = []
    problem, skipped = "", ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            case = importlib.import_module(f"validation.{name}")
            rows = case.run(level)
            if hasattr(case, "draw"):
                case.draw(out)
    except Skipped as reason:
        skipped = str(reason)
    except Exception:
        problem = traceback.format_exc()
    return {"name": name, "rows": rows, "error": problem, "skipped": skipped, "seconds": time.perf_counter() - start}


def environment() -> dict[str, str]:
    packages = ("ohmr-fem", "numpy", "scipy", "scikit-fem", "meshio", "matplotlib")
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for package in packages:
        try:
            found[package] = version(package)
        except Exception:
            found[package] = "not installed as a package"
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m validation", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="coarse level, under a minute")
    parser.add_argument("--out", type=Path, default=Path("results/validation"), help="folder of the report")
    parser.add_argument("cases", nargs="*", help=f"cases to run, by default all: {', '.join(known_cases())}")
    options = parser.parse_args(arguments)
    names = options.cases or known_cases()
    unknown = [n for n in names if n not in known_cases()]
    if unknown:
        parser.error(f"unknown case {unknown[0]!r}; known: {', '.join(known_cases())}")
    level = "quick" if options.quick else "full"
    options.out.mkdir(parents=True, exist_ok=True)
    results = []
    for number, name in enumerate(names, 1):
        sys.stdout.write(f"[{number}/{len(names)}] {name} ... ")
        sys.stdout.flush()
        result = run_case(name, level, options.out)
        results.append(result)
        print(summary(result))
    write_reports(results, level, options.out)
    rows = [r for result in results for r in result["rows"]]  # type: ignore[attr-defined]
    failed = sum(not r.passed for r in rows) + sum(bool(r["error"]) for r in results)
    skipped = sum(bool(r["skipped"]) for r in results)
    print(f"{sum(r.passed for r in rows)} passed, {failed} failed, {skipped} skipped")
    print(f"report: {options.out / 'report.html'}")
    return 1 if failed else 0


def summary(result: dict[str, object]) -> str:
    rows: list[Row] = result["rows"]  # type: ignore[assignment]
    if result["skipped"]:
        return f"skipped: {result['skipped']}"
    if result["error"]:
        return "CRASHED: " + str(result["error"]).strip().splitlines()[-1]
    bad = [r for r in rows if not r.passed]
    text = f"{len(rows) - len(bad)}/{len(rows)} rows in {result['seconds']:.1f} s"
    return text + "".join(f"\n    FAILED {r.quantity}: {r.value:.10g} against {r.reference:.10g}, error {r.error:.2e} > "
                          f"{r.tolerance:.0e}" for r in bad)


def write_reports(results: list[dict[str, object]], level: str, out: Path) -> None:
    from .report import html_report

    content = {"level": level, "date": time.strftime("%Y-%m-%d %H:%M:%S"), "environment": environment(),
               "cases": [{**r, "rows": [{**asdict(row), "passed": row.passed} for row in r["rows"]]}  # type: ignore[attr-defined]
                         for r in results]}
    (out / "report.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
    (out / "report.html").write_text(html_report(content, out), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
