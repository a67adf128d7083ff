"""The jobs as a user has them: the wheel in a fresh environment, an empty folder for each job.

    python tests/jobs/from_wheel.py        (make jobs; needs the network for the dependencies)

Prints the lines and characters that a user types for each job, and the seconds it takes.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
EXTRAS = "fit,layout,study"
#: Seconds of a line, and of a study until it is stopped by Ctrl-C.
MOST, POINTS = 600.0, 0.02
#: Exit codes of what was stopped by Ctrl-C: too late is possible too.
STOPPED = (130, 0)


def installed(folder: Path) -> Path:
    """The commands of an environment that has the wheel of this checkout, and nothing else."""
    wheels, environment = folder / "wheels", folder / "environment"
    python = [sys.executable, "-m"]
    options = ["--quiet", "--no-deps", "--wheel-dir", str(wheels)]
    subprocess.run([*python, "pip", "wheel", *options, str(ROOT)], check=True)
    subprocess.run([*python, "venv", str(environment)], check=True)
    (wheel,) = wheels.glob("*.whl")
    pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, f"{wheel}[{EXTRAS}]"], check=True)
    return environment / "bin"


def typed(line: str, folder: Path, commands: Path) -> tuple[int, str]:
    """Exit code and errors of a line; one that says Ctrl-C is stopped after its first points."""
    words = shlex.split(line, comments=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    process = subprocess.Popen(
        [str(commands / words[0]), *words[1:]],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    if "Ctrl-C" in line:
        while process.poll() is None and not any(folder.glob("*.partial")):
            time.sleep(POINTS)
        process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=MOST)
    return process.returncode, errors


def main() -> int:
    failed = 0
    print(f"{'job':16}{'lines':>6}{'typed':>7}{'s':>7}")
    with tempfile.TemporaryDirectory() as place:
        commands = installed(Path(place))
        for script in sorted(HERE.glob("*.sh")):
            folder, lines = Path(place) / script.stem, script.read_text().splitlines()
            folder.mkdir()
            start = time.perf_counter()
            for line in lines:
                code, errors = typed(line, folder, commands)
                if code not in (STOPPED if "Ctrl-C" in line else (0,)):
                    failed += 1
                    print(f"{line}: exit code {code}\n{errors}")
            characters = sum(len(line.partition("  #")[0]) for line in lines)
            spent = time.perf_counter() - start
            print(f"{script.stem:16}{len(lines):6}{characters:7}{spent:7.1f}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
