"""Reads a layout with gdstk in a process of its own: ``python -m ohmr_fem.geometry.gds_child``.

gdstk dies by a signal on some damaged files, and expands an array of any size. Here that takes no
session with it: :func:`read_layout` starts this module under limits of time and memory and gets
plain arrays back.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError, suggest
from ..files import escaped

MODULE = "ohmr_fem.geometry.gds_child"
MOST_SECONDS = 60
MOST_MEMORY = 4 * 1024**3
#: Corners of all polygons of the cell, references followed.
MOST_CORNERS = 2_000_000


class Layout(NamedTuple):
    """One cell, flattened; lengths in metres.

    ``polygons``: layer, datatype and corners (n, 2); ``labels``: layer, texttype, text and place;
    ``thin``: how many polygons and paths without area were left out.
    """

    polygons: list[tuple[int, int, np.ndarray]]
    labels: list[tuple[int, int, str, np.ndarray]]
    thin: int


def read_layout(
    path: Path,
    cell: str | None,
) -> Layout:
    """The cell, by default the only top cell, of a layout file.

    Raises
    ------
    InputError
        What gdstk cannot read, dies of, or takes more than 60 s or 4 GB for; references in a
        circle; more corners than fit.
    """
    with tempfile.TemporaryDirectory(prefix="ohmr_fem_") as folder:
        out = Path(folder) / "layout.npz"
        root = str(Path(__file__).parents[2])
        inherited = os.environ.get("PYTHONPATH")
        search = os.pathsep.join([root, inherited] if inherited else [root])
        task = json.dumps({"path": str(path.absolute()), "cell": cell, "out": str(out)})
        try:
            done = subprocess.run(
                [sys.executable, "-m", MODULE, task],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=MOST_SECONDS,
                cwd=folder,  # nothing in the user's folder is imported by mistake
                env={**os.environ, "PYTHONPATH": search},
            )
        except subprocess.TimeoutExpired as exc:
            raise InputError(
                f"{path}: cannot be read (no end after {MOST_SECONDS} s); write the cell of the "
                "device to a file of its own",
                value=str(path),
            ) from exc
        if done.returncode or not out.is_file():
            raise InputError(
                f"{path}: cannot be read (gdstk ended with {_ending(done.returncode)}); give a "
                "GDSII or OASIS file, and write it again if it is one",
                value=str(path),
            )
        with np.load(out, allow_pickle=False) as arrays:
            answer = json.loads(str(arrays["answer"]))
            if answer["error"]:
                raise InputError(f"{path}: {answer['error']}", value=answer["value"])
            layers = arrays["layers"].tolist()
            corners = np.split(arrays["corners"], arrays["stops"])[: len(layers)]
    polygons = []
    for (layer, kind), points in zip(layers, corners, strict=True):
        polygons.append((layer, kind, points))
    labels = []
    for layer, kind, text, place in answer["labels"]:
        labels.append((layer, kind, text, np.array(place)))
    return Layout(polygons, labels, answer["thin"])


def _ending(code: int) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"signal {signal.Signals(-code).name}"
    return f"code {code}"


# ---- in the child -------------------------------------------------------------------------------


def main(task: str) -> None:
    """Write what was read, or the words of the refusal, to ``out``."""
    given = json.loads(task)
    _limit()
    answer: dict[str, Any] = {"error": "", "value": None, "labels": [], "thin": 0}
    corners: list[np.ndarray] = []
    layers: list[tuple[int, int]] = []
    try:
        cell, unit = _cell(given["path"], given["cell"])
        for polygon in cell.get_polygons():
            points = np.asarray(polygon.points, dtype=float) * unit
            if len(points) < 3 or not _has_area(points):
                answer["thin"] += 1
                continue
            corners.append(points)
            layers.append((polygon.layer, polygon.datatype))
        for label in cell.get_labels():
            place = [float(v) * unit for v in label.origin]
            answer["labels"].append([label.layer, label.texttype, label.text, place])
    except InputError as exc:
        answer["error"], answer["value"] = exc.what, exc.value
    except Exception as exc:  # gdstk raises OSError, RuntimeError and others
        reason = escaped(f"{exc or type(exc).__name__}")[:100]
        answer["error"] = f"cannot be read ({reason}); give a GDSII or OASIS file"
    np.savez(
        given["out"],
        answer=np.array(json.dumps(answer)),
        corners=np.vstack([np.empty((0, 2)), *corners]),
        stops=np.cumsum([len(c) for c in corners], dtype=int),
        layers=np.array(layers, dtype=np.int64).reshape(-1, 2),
    )


def _limit() -> None:
    """Memory and processor time of this process; no core file. Not every system has it."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))


def _has_area(points: np.ndarray) -> bool:
    """False for corners on one line, such as those of a path without width."""
    middle = points - points.mean(axis=0)
    spread = np.linalg.svd(middle, compute_uv=False) if len(points) < 100 else np.ptp(middle, 0)
    return bool(np.min(spread) > 1e-12 * np.max(spread))


def _cell(
    path: str,
    wanted: str | None,
) -> tuple[Any, float]:
    """The cell and the unit of the file."""
    import gdstk

    oasis = Path(path).suffix.lower() in (".oas", ".oasis")
    library = (gdstk.read_oas if oasis else gdstk.read_gds)(path)
    cells = {c.name: c for c in library.cells}
    sizes = _sizes(cells)
    top = [c.name for c in library.top_level()]
    if wanted is None and len(top) != 1:
        known = ", ".join(cells) or "none"
        raise InputError(
            f"has {len(top)} top cells; choose with cell=, one of {known:.150}", value=top
        )
    name = top[0] if wanted is None else wanted
    if name not in cells:
        raise InputError(f"no cell {name!r}; {suggest(name, cells)}", value=wanted)
    if not math.isfinite(library.unit) or library.unit <= 0:
        raise InputError(f"has the unit {library.unit} m; write it again")
    if sizes[name] > MOST_CORNERS:
        raise InputError(
            f"cell {name!r} has {sizes[name]:.3g} corners when its references are followed, more "
            f"than {MOST_CORNERS}; write the device without the arrays around it",
            value=sizes[name],
        )
    return cells[name], library.unit


def _sizes(cells: dict[str, Any]) -> dict[str, int]:
    """Corners of each cell with all that it refers to, without expanding anything."""
    inner: dict[str, list[tuple[str, int]]] = {}
    own = {}
    for name, cell in cells.items():
        total = 0
        for polygon in cell.polygons:
            total += polygon.size * _copies(polygon)
        for path in cell.paths:
            points = path.spine() if hasattr(path, "spine") else ()
            # both sides of each line of a path
            total += 2 * max(len(points), 2) * max(path.num_paths, 1) * _copies(path)
        total += sum(_copies(label) for label in cell.labels)
        own[name] = total
        inner[name] = []
        for reference in cell.references:
            below = getattr(reference.cell, "name", reference.cell)
            if below in cells:
                inner[name].append((below, _copies(reference)))
    sizes: dict[str, int] = {}
    open_cells: list[str] = []
    for start in cells:
        stack = [start]
        while stack:
            name = stack[-1]
            missing = [below for below, _ in inner[name] if below not in sizes]
            if name in sizes:
                stack.pop()
            elif not missing:
                sizes[name] = own[name] + sum(n * sizes[below] for below, n in inner[name])
                stack.pop()
                if name in open_cells:
                    open_cells.remove(name)
            else:
                open_cells.append(name)
                again = [below for below in missing if below in open_cells]
                if again:
                    raise InputError(
                        f"cells {name!r} and {again[0]!r} refer to each other in a circle; write "
                        "the layout again",
                        value=name,
                    )
                stack.append(missing[0])
    return sizes


def _copies(item: Any) -> int:
    """How many of it an array makes."""
    repetition = item.repetition
    return max(int(repetition.size), 1) if repetition is not None else 1


if __name__ == "__main__":
    main(sys.argv[1])
