"""Damaged input files, by seed, through every reader.

``python -m tests.reader_mutants 5000`` reads each in a process of its own, with 4 GB and 10 s, and
counts what came of them; tests/test_reader_mutants.py reads some in process.
``python -m tests.reader_mutants 5000 npz json`` does so for some readers only.
"""

from __future__ import annotations

import collections
import contextlib
import importlib
import os
import random
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import ohmr_fem as of
from ohmr_fem.config.device_file import read_device, read_tensor_job
from ohmr_fem.dynamics.evolution import Checkpoint
from ohmr_fem.errors import OhmrError
from ohmr_fem.fitting.data import understand
from ohmr_fem.geometry.drawn import from_svg
from ohmr_fem.geometry.gds import from_gds
from ohmr_fem.geometry.traced import from_csv
from ohmr_fem.mesh.files import read_mesh
from ohmr_fem.micro import from_wannier90
from ohmr_fem.run.check import check_device
from ohmr_fem.run.folder import results_folder
from ohmr_fem.study.file import read_study
from tests import damage, good_files

DATA = Path(__file__).parent / "data"
CENTRES = [[0, 0, 0], [2.85, 0, 3.35]]
SECONDS = 10
MEMORY = 4 * 1024**3
Damage = Callable[[Path, random.Random], None]


@dataclass(frozen=True)
class Reader:
    """Which good files there are, how one is damaged in its place, and what reads it.

    ``beside`` are copied into the folder of the damaged file, ``opens`` is read in its stead.
    """

    pattern: str
    read: Callable[[Path], object]
    damage: Damage = damage.of_bytes
    beside: tuple[str, ...] = ()
    opens: str = ""


def _svg(path: Path) -> object:
    labelled = path.stem in ("layer", "pads_px")
    return from_svg(path, "10 um", contacts={"left": "left"} if labelled else ())


def _gds(path: Path) -> object:
    return from_gds(path, 1, {"left": 10} if path.stem == "frame_antidot" else None)


def _wannier(path: Path) -> object:
    return from_wannier90(path, CENTRES, [[3, 0], [0, 3]], layers=2, filling=1)


def _own_centres(path: Path) -> object:
    return from_wannier90(path.with_name("b_hr.dat"), path, [[3, 0], [0, 3]], layers=2, filling=1)


def _saved(path: Path) -> object:
    """A file that is loaded can be used."""
    item = of.load(path)
    repr(item)
    if isinstance(item, of.Solution):
        item.centres, item.contact_currents, item.moment_balance()
        return of.save(item, path.with_name("again.npz"))
    return item.to_csv(path.with_name("again.csv"))


def _measure(path: Path) -> object:
    measure = of.SpectralMeasure.load(path)
    repr(measure)
    measure.at(relaxation_time=1e-12).save(path.with_name("again.json"))
    return measure.delta_R([[0, 0, 0], [1, 0, 0.5]])


def _fit(path: Path) -> object:
    fit = of.load_fit(path)
    repr(fit), str(fit), fit.to_csv(path.with_name("again.csv"))
    return of.save(fit, path.with_name("again.json"))


def _store(path: Path) -> object:
    """The same study goes on from it, or refuses it; all its points are there."""
    of.load_study(path)
    return of.run_study(path.with_name("study.toml"))


def _record(path: Path) -> object:
    with results_folder(path.parent, ["fit.txt"], [], record=path.name) as before:
        return before


READERS: dict[str, Reader] = {
    "svg": Reader("*.svg", _svg),
    "csv": Reader("*.csv", lambda p: from_csv(p, unit="um")),
    "msh": Reader("*.msh", lambda p: read_mesh(p, unit="um")),
    "inp": Reader("*.inp", lambda p: read_mesh(p, unit="um")),
    "vtu": Reader("*.vtu", lambda p: read_mesh(p, unit="um")),
    "wannier": Reader("s_*.dat", _wannier, beside=("s_hr.dat",), opens="s_hr.dat"),
    "centres": Reader("*_centres.xyz", _own_centres, beside=("b_hr.dat",)),
    "gds": Reader("*.gds", _gds),
    "data": Reader("data*.csv", lambda p: understand(p, **good_files.data_options(p))),
    "npz": Reader("[cs]*.npz", _saved, damage.of_archive),
    "json": Reader("measure.json", _measure, damage.of_json),
    "fit": Reader("series.json", _fit, damage.of_json),
    "record": Reader("fit.json", _record, damage.of_json),
    "device": Reader(
        "[sp]*e*n*.toml|[sp][hl]a*.toml",
        lambda p: check_device(read_device(p)),
        damage.of_toml,
        ("bar.msh",),
    ),
    "study": Reader("study.toml|t.csv", read_study, damage.of_toml, ("section.toml", "t.csv")),
    "tensor": Reader("[hg]*.toml", read_tensor_job, damage.of_toml),
    "store": Reader("study.nc", _store, damage.of_netcdf, ("study.toml", "section.toml", "t.csv")),
    "checkpoint": Reader(
        "run.npz", lambda p: Checkpoint(p, good_files.RUN, 0).load(), damage.of_archive
    ),
}


def sources(reader: str) -> list[Path]:
    """The good files of a reader, those kept first."""
    found: list[Path] = []
    places = (DATA / "readers", DATA, good_files.folder())
    for pattern in READERS[reader].pattern.split("|"):
        for place in places:
            found += sorted(place.glob(pattern))
    if reader == "csv":
        found = [path for path in found if path.parent == DATA / "readers"]
    return list(dict.fromkeys(found))


def mutant(seed: int, reader: str, folder: Path) -> Path:
    """A damaged copy of a good file."""
    chance = random.Random(f"{reader} {seed}")
    kind = READERS[reader]
    source = chance.choice(sources(reader))
    for name in kind.beside:
        beside = DATA / "readers" / name
        if not beside.exists():
            beside = good_files.folder() / name
        (folder / name).write_bytes(beside.read_bytes())
    path = folder / source.name
    path.write_bytes(source.read_bytes())
    kind.damage(path, chance)
    return folder / kind.opens if kind.opens else path


def verdict(seed: int, reader: str, folder: Path) -> str:
    """What came of it, "read" or "refused"; anything else is a fault and says which."""
    path = mutant(seed, reader, folder)
    if reader == "study":
        path = path.with_name("study.toml")
        if not path.exists():
            path.write_text(good_files.STUDY)
    return read(path, reader)


def read(path: Path, reader: str) -> str:
    """As :func:`verdict`, of a file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            READERS[reader].read(path)
    except OhmrError as exc:
        for text in str(exc).split("\n"):
            if not text.isprintable():
                return f"unprintable: {text!r}"
            if len(text) > 300:
                return f"long: {len(text)} {text[:300]}"
        if type(exc).__name__ == "FaultError":
            return f"fault: {exc}"
        return "refused"
    except Exception as exc:
        return f"foreign: {type(exc).__name__}: {exc}"
    return "read"


def in_a_process(seed: int, reader: str) -> str:
    """:func:`verdict` in a fork under limits; "signal" or "hang" if it does not come back."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer"
        child = os.fork()
        if not child:
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            # a busy machine makes nobody hang: seconds of this process, and minutes on the wall
            resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
            signal.alarm(20 * SECONDS)
            answer.write_text(_answer(seed, reader, Path(folder)), errors="replace")
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            late = number in (signal.SIGALRM, signal.SIGXCPU, signal.SIGKILL)
            return "hang" if late else f"signal {number}"
        return answer.read_text()


def _answer(seed: int, reader: str, folder: Path) -> str:
    place = folder / "in"
    place.mkdir()
    try:
        return verdict(seed, reader, place)
    except BaseException as exc:
        return f"escaped: {type(exc).__name__}: {exc}"


def main(count: int, readers: list[str]) -> int:
    counts: dict[str, collections.Counter[str]] = {r: collections.Counter() for r in readers}
    for module in ("meshio", "svgelements", "shapely", "xarray", "h5netcdf", "pandas"):
        with contextlib.suppress(ImportError):  # once, not in every fork
            importlib.import_module(module)
    good_files.folder()
    begun = time.monotonic()
    for n in range(count):
        reader = readers[n % len(readers)]
        found = in_a_process(n, reader)
        counts[reader][found.split()[0]] += 1
        if found not in ("read", "refused"):
            print(n, reader, found[:300], flush=True)
    for reader, counter in counts.items():
        print(f"{reader:10s}", dict(counter))
    print(f"{count} files in {time.monotonic() - begun:.0f} s")
    return int(any(set(c) - {"read", "refused"} for c in counts.values()))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:] or list(READERS)))
