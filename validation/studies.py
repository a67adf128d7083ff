"""A study survives what happens to it: a killed worker, and ten times kill -9 of the program
itself.

A hundred and fifty sizes of a bar, each with its own measure, and two diffusion lengths.  The runs
must end with the numbers of one undisturbed run, bit for bit, and no finished point may be computed
again.
"""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import ohmr_fem as of
from ohmr_fem.study.results import journal_path
from ohmr_fem.study.run import load_study, run_study

from .case import Row, Skipped
from .fit_devices import IRREGULAR, bar

CASE = "studies"
ROUTES = {
    "": ("study", "law: a run does not depend on its accidents"),
}
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
    return float(
        max(
            np.abs(a[name].values - b[name].values).max()
            for name in ("R_ohmic", "delta_R", "hanle", "error")
        )
    )


def killed_worker(study: Path, reference: Path) -> list[Row]:
    """Two workers, one killed after a few points."""
    distributed = _needs("distributed")
    size, victims = load_study(reference).status.size, []
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as cluster:

        def kill(done: int, total: int, left: float) -> None:
            if done >= total // 10 and not victims:
                with distributed.Client(cluster.scheduler_address, set_as_default=False) as client:
                    victims.append(sorted(client.run(os.getpid).values())[0])
                os.kill(victims[0], signal.SIGKILL)

        out = study.with_name("dask.nc")
        result = run_study(study, out, scheduler=cluster.scheduler_address, progress=kill)
    missing = float(size - int((load_study(out).status == 1).sum())) if victims else float("nan")
    error = same(reference, out)
    what = (
        f"2 workers, one killed after {max(size // 10, 1)} of {size} points, {result.seconds:.0f} s"
    )
    return [
        Row(CASE, "dask", f"{what}: points missing", missing, 0.0, missing, 0.0),
        Row(
            CASE, "dask", f"{what}: largest difference from the serial run", error, 0.0, error, 0.0
        ),
    ]


#: Runs a study and writes down every point that it computes, before the journal can know of it.
DRIVER = """
import os, sys
from ohmr_fem.study import run as study
path, out, log = sys.argv[1:]
computed = study._computed
def logged(*arguments):
    for index, values in computed(*arguments):
        with open(log, "a") as stream:
            stream.write(f"{index}\\n")
        yield index, values
study._computed = logged
result = study.run_study(path, out)
print(result.computed, result.found)
"""


def killed_driver(
    study: Path, reference: Path, times: int, longest: float = 0.8, seed: int = 7
) -> list[Row]:
    """kill -9 up to ``longest`` seconds after the start (every third) or the first new point, then
    one run to the end.
    """
    out, log, rng = (
        study.with_name("killed.nc"),
        study.with_name("computed.log"),
        np.random.default_rng(seed),
    )
    command = [sys.executable, "-c", DRIVER, str(study), str(out), str(log)]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PYTHONWARNINGS": "ignore",
    }
    hits, again, kept = 0, 0, set()
    for k in range(times):
        before = len(_lines(log))
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        _wait(process, log, float(rng.uniform(0.0, longest)), working=k % 3 != 2)
        hits += process.poll() is None
        process.kill()
        process.wait()
        again += len(kept & set(_lines(log)[before:]))
        kept |= _finished(journal_path(out))
    before = len(_lines(log))
    end = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    again += len(kept & set(_lines(log)[before:]))
    computed, found = (int(v) for v in end.stdout.split()[-2:])
    lost = float(abs(found - len(kept)) + (times - hits))
    error = same(reference, out)
    what = (
        f"{hits} of {times} kill -9 hit a running program, "
        f"{len(kept)} of {computed + found} points kept through them"
    )
    return [
        Row(
            CASE,
            "kill -9",
            f"{what}: finished points computed again",
            float(again),
            0.0,
            float(again),
            0.0,
        ),
        Row(
            CASE,
            "kill -9",
            f"{what}: finished points lost, or kills that missed",
            lost,
            0.0,
            lost,
            0.0,
        ),
        Row(CASE, "kill -9", "largest difference from the undisturbed run", error, 0.0, error, 0.0),
    ]


def _lines(log: Path) -> list[str]:
    return log.read_text().split() if log.exists() else []


def _finished(journal: Path) -> set[str]:
    """Points in the whole lines of a journal."""
    lines = journal.read_bytes().split(b"\n")[1:-1] if journal.exists() else []
    return {line.split(b'"i": ')[1].split(b",")[0].decode() for line in lines}


def _wait(process: subprocess.Popen[bytes], log: Path, seconds: float, working: bool) -> None:
    """Until ``seconds`` after the start, or after the first point of this run if it is to be hit
    ``working``.
    """
    before = len(_lines(log))
    while working and process.poll() is None and len(_lines(log)) == before:
        time.sleep(0.01)
    time.sleep(seconds)


def _needs(*modules: str) -> Any:
    try:
        return [importlib.import_module(m) for m in modules].pop()
    except ImportError as exc:
        raise Skipped(f"{exc.name} is not installed") from exc


def run(level: str = "quick") -> list[Row]:
    _needs("xarray", "h5netcdf", "h5py")
    with tempfile.TemporaryDirectory() as name:
        study = write_files(Path(name), SIZES if level == "full" else 6)
        reference = run_study(study, study.with_name("serial.nc")).path
        if level == "quick":
            return killed_driver(study, reference, 1, longest=0.05)
        return [*killed_worker(study, reference), *killed_driver(study, reference, 10)]
