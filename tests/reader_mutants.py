"""Damaged input files, by seed, through every reader.

``python -m tests.reader_mutants 5000`` reads each in a process of its own, with 4 GB and 10 s, and
counts what came of them; tests/test_reader_mutants.py reads some in process.
"""

from __future__ import annotations

import collections
import os
import random
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from ohmr_fem.errors import OhmrError
from ohmr_fem.geometry.gds import from_gds
from ohmr_fem.geometry.traced import from_csv, from_svg
from ohmr_fem.mesh.files import read_mesh
from ohmr_fem.micro import from_wannier90

DATA = Path(__file__).parent / "data"
CENTRES = [[0, 0, 0], [2.85, 0, 3.35]]
SECONDS = 10
MEMORY = 4 * 1024**3

READERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "svg": ("*.svg", lambda p: from_svg(p, "10 um", contacts={"left": "left"})),
    "csv": ("*.csv", lambda p: from_csv(p, unit="um")),
    "msh": ("*.msh", lambda p: read_mesh(p, unit="um")),
    "inp": ("*.inp", lambda p: read_mesh(p, unit="um")),
    "vtu": ("*.vtu", lambda p: read_mesh(p, unit="um")),
    "wannier": (
        "s_*.dat",
        lambda p: from_wannier90(p, CENTRES, [[3, 0], [0, 3]], layers=2, filling=1),
    ),
    "gds": ("*.gds", lambda p: from_gds(p, 1, {"left": 10})),
}
NUMBERS = [b"1e308", b"nan", b"-1", b"0", b"99999999999999999999", b"1e-320", b"inf", b"1,5", b""]
WORDS = [b"\x1b[31m", b"\0", b"\xff\xfe", b"\r", b"$End", b"*ELSET", b"<g>", b"&#1;", b"\n\n"]


def sources(reader: str) -> list[Path]:
    pattern, _ = READERS[reader]
    found = sorted((DATA / "readers").glob(pattern))
    if reader == "msh":
        found += sorted(DATA.glob("squares_*.msh"))
    return found


def mutant(seed: int, reader: str, folder: Path) -> Path:
    """A damaged copy of a good file."""
    chance = random.Random(f"{reader} {seed}")
    source = chance.choice(sources(reader))
    data = source.read_bytes()
    for _ in range(chance.choice([1, 1, 2, 5])):
        data = _damaged(data, chance)
    path = folder / source.name
    if reader == "wannier" and source.name == "s_wsvec.dat":
        (folder / "s_hr.dat").write_bytes((DATA / "readers" / "s_hr.dat").read_bytes())
    path.write_bytes(data)
    return folder / "s_hr.dat" if reader == "wannier" else path


def _damaged(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    to = min(len(data), at + chance.choice([1, 4, 40, 400]))
    kind = chance.randrange(8)
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data[:at] + data[to:]
    if kind == 2:
        return data[:to] + data[at:]
    if kind == 3:
        return data[:at] + chance.choice(WORDS) + data[at:]
    if kind == 4:
        return data[:at] + chance.randbytes(to - at) + data[to:]
    if kind == 5:
        return data.decode("latin-1").encode(chance.choice(["utf-16", "utf-8-sig", "utf-16-be"]))
    words = data.split(b" " if kind == 6 else b"\n")
    k = chance.randrange(len(words))
    if kind == 6:
        words[k] = chance.choice(NUMBERS)
    else:
        words[k], words[-k] = words[-k], words[k]
    return (b" " if kind == 6 else b"\n").join(words)


def verdict(seed: int, reader: str, folder: Path) -> str:
    """What came of it, "read" or "refused"; anything else is a fault and says which."""
    path = mutant(seed, reader, folder)
    _, read = READERS[reader]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read(path)
    except OhmrError as exc:
        text = str(exc)
        if not text.isprintable():
            return f"unprintable: {text!r}"
        if len(text) > 300 + len(str(path)):
            return f"long: {len(text)} {text[:300]}"
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
            signal.alarm(SECONDS)
            place = Path(folder) / "in"
            place.mkdir()
            answer.write_text(verdict(seed, reader, place), errors="replace")
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            return "hang" if number == signal.SIGALRM else f"signal {number}"
        return answer.read_text()


def main(count: int) -> int:
    counts: dict[str, collections.Counter[str]] = {r: collections.Counter() for r in READERS}
    begun = time.monotonic()
    for n in range(count):
        reader = list(READERS)[n % len(READERS)]
        found = in_a_process(n, reader)
        counts[reader][found.split()[0]] += 1
        if found not in ("read", "refused"):
            print(n, reader, found[:300], flush=True)
    for reader, counter in counts.items():
        print(f"{reader:8s}", dict(counter))
    print(f"{count} files in {time.monotonic() - begun:.0f} s")
    return int(any(set(c) - {"read", "refused"} for c in counts.values()))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
