"""Break one kernel line at a time and see the suite notice: ``python -m validation.mutations
[--list] [--only N] [NAME ...]``.

Each mutant is applied to a copy of the package; the cheapest cases that should notice are run
against it, and must pass without it.  The exit code is 0 only if every mutant is caught.  A text to
replace must occur exactly once, so that the list cannot rot (a test looks at it), and a mutant that
does not even run counts as not applied.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .mutants import MUTANTS, Mutant

ROOT = Path(__file__).parent.parent
LONGEST = 600  # s; a mutant that runs on and on is caught too
CHECK = """
import importlib, sys, warnings
warnings.simplefilter("ignore")
for name in sys.argv[1:]:
    for row in importlib.import_module("validation." + name).run("quick"):
        if not row.passed:
            sys.exit(f"{name}: {row.quantity}")
"""


def stale(mutants: tuple[Mutant, ...] = MUTANTS) -> list[str]:
    """Mutants whose text no longer occurs exactly once."""
    found = []
    for m in mutants:
        count = (ROOT / "ohmr_fem" / m.file).read_text(encoding="utf-8").count(m.old)
        if count != 1 or m.new == m.old:
            found.append(
                f"{m.name}: the text {m.old!r} occurs {count} times in {m.file}, expected once"
            )
    return found


def copy_to(work: Path) -> None:
    shutil.rmtree(work, ignore_errors=True)
    for name in ("ohmr_fem", "validation", "tests", "meshes"):
        shutil.copytree(ROOT / name, work / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", work)


def apply_to(work: Path, mutant: Mutant) -> None:
    path = work / "ohmr_fem" / mutant.file
    path.write_text(
        path.read_text(encoding="utf-8").replace(mutant.old, mutant.new), encoding="utf-8"
    )


def failure_of(hunter: str, work: Path) -> str:
    """What a case or test file says against the package in a folder; "" if it passes."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", hunter]
    if not hunter.startswith("tests/"):
        command = [sys.executable, "-c", CHECK, hunter]
    environment = {**os.environ, "PYTHONPATH": str(work), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            command, cwd=work, env=environment, capture_output=True, text=True, timeout=LONGEST
        )
    except subprocess.TimeoutExpired:
        return f"{hunter}: no end within {LONGEST} s"
    said = [*done.stdout.strip().splitlines(), *done.stderr.strip().splitlines()]
    if done.returncode not in (0, 1) or any(
        "SyntaxError" in line or "NameError" in line for line in said
    ):
        raise SystemExit(f"{hunter} did not run: {' '.join(said[-3:])[-300:]}")
    failed = [line for line in said if line.startswith("FAILED")]
    return f"{hunter}: {(failed or said or ['crash'])[-1][:100]}" if done.returncode else ""


def hunt(mutant: Mutant, work: Path, sound: set[str]) -> tuple[str, float]:
    """What caught the mutant ("" if nothing did) and the seconds it took; ``sound`` hunters are
    known to pass without it.
    """
    for hunter in [h for h in mutant.hunters if h not in sound]:
        copy_to(work)
        wrong = failure_of(hunter, work)
        if wrong:
            raise SystemExit(f"fails without any mutant: {wrong}")
        sound.add(hunter)
    copy_to(work)
    apply_to(work, mutant)
    start = time.perf_counter()
    caught = next(filter(None, (failure_of(hunter, work) for hunter in mutant.hunters)), "")
    return caught, time.perf_counter() - start


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m validation.mutations", description=__doc__)
    parser.add_argument("--list", action="store_true", help="say which mutants there are")
    parser.add_argument(
        "--only", type=int, metavar="N", help="number of one mutant, as --list counts them"
    )
    parser.add_argument(
        "names", nargs="*", help="mutants whose name contains one of these; by default all"
    )
    options = parser.parse_args(arguments)
    chosen = [
        (k, m)
        for k, m in enumerate(MUTANTS, 1)
        if options.only in (None, k)
        and (not options.names or any(n in m.name for n in options.names))
    ]
    if not chosen:
        parser.error(f"no such mutant; there are {len(MUTANTS)}, see --list")
    if options.list:
        print(*(f"{k:3d} {m.file}: {m.name}" for k, m in chosen), sep="\n")
        return 0
    rotten = stale(tuple(m for _, m in chosen))
    if rotten:
        parser.error("; ".join(rotten))
    survivors, sound = 0, set[str]()
    with tempfile.TemporaryDirectory() as folder:
        for number, mutant in chosen:
            caught, seconds = hunt(mutant, Path(folder) / "work", sound)
            survivors += not caught
            verdict = "caught  " if caught else "SURVIVED"
            print(
                f"{number:3d} {verdict} {seconds:5.1f} s  {mutant.file}: {mutant.name}  <- "
                f"{caught}",
                flush=True,
            )
    print(f"{len(chosen) - survivors} of {len(chosen)} mutants caught")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
