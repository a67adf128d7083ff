"""A study survives what happens to it: a killed worker, and ten times kill -9 of the program itself.

A hundred and fifty sizes of a bar, two diffusion lengths, each with its own measure.  The runs must end with the numbers of one undisturbed run, bit for bit,
and no finished point may be computed again.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import ohmr_fem as of
from ohmr_fem.study import load_study, run_study
from ohmr_fem.study_store import journal_path

from .case import Row, Skipped
from .fit_devices import IRREGULAR, bar

CASE = "studies"
SIZES = 150
DEVICE = """
[mesh]
file = "bar.msh"

[material]
sheet_conductivity = "1 mS"
diffusion_length = "100 nm"
relaxation_time = "2 ps"
orbital_hall_angle = 0.1
inverse_mass = [24.4, 24.4, 6.1]

[contacts]
left = "equipotential"
right = "equipotential"
t1 = "equipotential"
t2 = "equipotential"
b1 = "equipotential"
b2 = "equipotential"

[measure]
current = ["left", "right"]
voltage = ["t1", "t2"]

[solve]
order = 1

[sweep]
start = "-9 T"
stop = "9 T"
points = 21
"""
STUDY = """
device = "device.toml"

[axes]
"mesh.scale" = { start = 0.5, stop = 2.0, points = %d }
"material.diffusion_length" = ["80 nm", "120 nm"]
"""


def write_files(folder: Path, sizes: int = SIZES) -> Path:
    """A device, its mesh and a study in a folder; returns the study file."""
    of.write_mesh(bar(IRREGULAR, 6.0, 1e-6, finest=0.03), folder / "bar.msh")
    (folder / "device.toml").write_text(DEVICE, encoding="utf-8")
    (folder / "study.toml").write_text(STUDY % sizes, encoding="utf-8")
    return folder / "study.toml"


def same(first: Path, second: Path) -> float:
    """Largest difference between two results files; 1 if a point is missing in either."""
    a, b = load_study(first), load_study(second)
    if not (np.all(a.status == 1) and np.all(b.status == 1)):
        return 1.0
    return float(max(np.abs(a[name].values - b[name].values).max() for name in ("R_ohmic", "delta_R", "hanle", "error")))


def killed_worker(study: Path, reference: Path) -> Row:
    """Two workers, one killed after a few points."""
    distributed = _distributed()
    workers_killed = []
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        def kill(done: int, total: int, left: float) -> None:
            if done >= 5 and not workers_killed:
                with distributed.Client(cluster.scheduler_address, set_as_default=False) as client:
                    pid = sorted(client.run(os.getpid).values())[0]
                os.kill(pid, signal.SIGKILL)
                workers_killed.append(pid)

        out = study.with_name("dask.nc")
        result = run_study(study, out, scheduler=cluster.scheduler_address, progress=kill)
    error = same(reference, out) if workers_killed and not result.failed else 1.0
    return Row(CASE, "dask", f"2 workers, one killed: {result.computed} points, largest difference from the serial run", error, 0.0,
               error, 0.0)


def killed_driver(study: Path, reference: Path, times: int, seed: int = 7) -> list[Row]:
    """kill -9 at random moments, then one run to the end."""
    out, rng = study.with_name("killed.nc"), np.random.default_rng(seed)
    code = f"from ohmr_fem.study import run_study; r = run_study({str(study)!r}, {str(out)!r}); print(r.computed, r.found)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONWARNINGS": "ignore"}
    lines: list[bytes] = []
    changed, hits = 0, 0
    for k in range(times):
        process = subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.DEVNULL)
        _wait(process, journal_path(out), float(rng.uniform(0.0, 1.5)), working=k % 3 != 0)
        hits += process.poll() is None
        process.kill()
        process.wait()
        now = journal_path(out).read_bytes().split(b"\n")[:-1] if journal_path(out).exists() else []
        changed += now[:len(lines)] != lines
        lines = now
    before = len(lines) - 1 if lines else 0
    again = len({line.split(b'"v"')[0].partition(b" ")[2] for line in lines[1:]}) != before
    end = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    computed, found = (int(v) for v in end.stdout.split()[-2:])
    recomputed = abs(found - before) + int(again) + changed
    error = same(reference, out)
    total = computed + found
    return [Row(CASE, "kill -9", f"{hits} of {times} kills hit a running program; points kept {before}, computed after them "
                f"{computed}, of {total}; finished points computed again", float(recomputed), 0.0, float(recomputed), 0.0),
            Row(CASE, "kill -9", "largest difference from the undisturbed run", error, 0.0, error, 0.0)]


def _wait(process: subprocess.Popen[bytes], journal: Path, seconds: float, working: bool) -> None:
    """Until ``seconds`` after the start, or after the first new point of this run if it is to be hit ``working``."""
    def size() -> int:
        return journal.stat().st_size if journal.exists() else 0

    before = size()
    while working and process.poll() is None and size() <= before + 200:
        time.sleep(0.02)
    time.sleep(seconds)


def _distributed() -> object:
    try:
        import distributed
    except ImportError as exc:
        raise Skipped("distributed is not installed") from exc
    return distributed


def run(level: str = "quick") -> list[Row]:
    _distributed()
    with tempfile.TemporaryDirectory() as name:
        study = write_files(Path(name), SIZES if level == "full" else 4)
        reference = run_study(study, study.with_name("serial.nc")).path
        rows = killed_driver(study, reference, 10 if level == "full" else 1)
        return rows if level == "quick" else [killed_worker(study, reference), *rows]
