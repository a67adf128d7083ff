"""Run the benchmarks and print one table: ``python -m benchmarks [NAME ...] [--out FILE]``."""

from __future__ import annotations

import argparse
import importlib
import platform
import sys
import time
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .table import Row, markdown

NAMES = (
    "hall_bar",
    "pairs",
    "films",
    "series",
    "two_channels",
    "general",
    "bounds",
    "scale",
    "growth",
    "tensor",
    "memory",
    "read_file",
    "command",
    "waits",
)


def versions() -> str:
    found = [f"Python {platform.python_version()}"]
    for package in (
        "numpy",
        "scipy",
        "scikit-fem",
        "ngsolve",
        "pyamg",
        "pypardiso",
        "python-mumps",
    ):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"no {package}")
    return ", ".join(found)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"any of {', '.join(NAMES)} (default: all)"
    )
    parser.add_argument("--out", type=Path, help="also write the table to this file")
    asked = parser.parse_args()
    unknown = set(asked.names) - set(NAMES)
    if unknown:
        parser.error(f"unknown benchmark {', '.join(sorted(unknown))}; known: {', '.join(NAMES)}")
    rows: list[Row] = []
    for name in asked.names or NAMES:
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rows += importlib.import_module(f"benchmarks.{name}").run()
        print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    text = f"{markdown(rows)}\n\n{versions()}; one thread, processor seconds.\n"
    print(text)
    if asked.out:
        asked.out.write_text(text, encoding="utf-8")
    return 0 if all(row.met is not False for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
