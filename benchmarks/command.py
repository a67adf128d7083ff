"""What a user waits for at the keyboard: the whole process of ``ohmr-fem run``, and the import.

matplotlib alone means a process that loads the finished figures of the run and saves them, each as
png and as pdf.
"""

from __future__ import annotations

import os
import pickle
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE
from typing import Any

import ohmr_fem as of
from ohmr_fem.config.device_file import Device, read_device
from ohmr_fem.output.style import STYLE

from .table import Row

CASE = "ohmr-fem run examples/hall_bar.toml"
DEVICE = Path(__file__).parent.parent / "examples" / "hall_bar.toml"
TURNS = 5
IMPORTS = ("import numpy, scipy.sparse.linalg", "import numpy, scipy.sparse.linalg, ohmr_fem")

ALONE = """
import pickle, sys, matplotlib
from pathlib import Path
from typing import Any
folder = Path(sys.argv[1])
style = pickle.loads((folder / "style").read_bytes())
with matplotlib.rc_context(style):
    for i in range(int(sys.argv[2])):
        figure = pickle.loads((folder / str(i)).read_bytes())
        for kind in ("png", "pdf"):
            figure.savefig(folder / f"{i}.{kind}", bbox_inches="tight", pad_inches=0.04)
"""


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        count = prepare(folder)
        alone, command = [], []
        for _ in range(TURNS):
            alone.append(taken(["-c", ALONE, name, str(count)]))
            arguments = ["-m", "ohmr_fem", "run", str(DEVICE), "--out", str(folder / "out")]
            command.append(taken(arguments))
    ratios = [(c.whole - 1.0) / a.whole for c, a in zip(command, alone, strict=True)]
    ours, theirs = (statistics.median(t.whole for t in times) for times in (command, alone))
    note = f"by the clock: {ours:.3g} s, matplotlib alone {theirs:.3g} s; medians of {TURNS}"
    work, drawing = (statistics.median(t.processor for t in times) for times in (command, alone))
    loaded = f"{max(c.whole / c.processor for c in command):.2g} s of the clock for one of them"
    told = min(command, key=lambda t: t.told)
    clock = f"by the clock; {told.told_processor:.3g} of the processor"
    least = min(t.told_processor for t in command)
    return [
        Row(CASE, "tables on the screen and on the disk, s", told.told, 1.1, note=clock),
        Row(CASE, "the same, processor seconds", least, 1.1, note="on a busy machine"),
        Row(CASE, "(all - 1 s) / matplotlib alone", statistics.median(ratios), 0.9, note=note),
        Row(CASE, "processor seconds, both processes", work, note=loaded),
        Row(CASE, "processor seconds, matplotlib alone", drawing),
        *imports(),
    ]


def imports() -> list[Row]:
    turns = [[taken(["-c", text]).processor for text in IMPORTS] for _ in range(3 * TURNS)]
    without, own = (statistics.median(t) for t in zip(*turns, strict=True))
    note = f"{own:.3g} s, {without:.3g} s of the processor, medians of {3 * TURNS} in turns"
    return [
        Row("import ohmr_fem", "s over numpy, scipy.sparse.linalg", own - without, 0.05, note=note)
    ]


@dataclass(frozen=True)
class Taken:
    """Seconds of a process: by the clock, of the processors (its children too), and both until the
    last line of a table is on the screen.
    """

    whole: float
    processor: float
    told: float
    told_processor: float


def taken(arguments: list[str]) -> Taken:
    """A Python process from its start to its end."""
    before = children()
    start = time.perf_counter()
    told, of_told = 0.0, 0.0
    with subprocess.Popen([sys.executable, *arguments], stdout=PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "R_ohmic" in line:
                told, of_told = time.perf_counter() - start, processor(process.pid)
    return Taken(time.perf_counter() - start, children() - before, told, of_told)


def children() -> float:
    """Processor seconds of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def processor(pid: int) -> float:
    """Processor seconds of a process that runs, without its children."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def prepare(folder: Path) -> int:
    """The figures of the run as pickles; how many."""
    device = read_device(DEVICE)
    figures = [axes.get_figure() for axes in pictures(device)]
    for i, figure in enumerate(figures):
        (folder / str(i)).write_bytes(pickle.dumps(figure))
    (folder / "style").write_bytes(pickle.dumps(STYLE))
    return len(figures)


def pictures(device: Device) -> list[Any]:
    """Axes of all figures that the run saves."""
    drawn = [of.plot_mesh(device.problem.mesh)]
    for m in device.measurements:
        curve = of.hanle_curve(device.problem, device.fields, current=m.current, voltage=m.voltage)
        drawn.append(of.plot_hanle(curve))
        source, drain = m.current
        drive = {source: 1e-6, drain: -1e-6}
        for field in device.snapshots:
            drawn.append(of.plot_moment_density(of.solve(device.problem, field, currents=drive)))
    return drawn
