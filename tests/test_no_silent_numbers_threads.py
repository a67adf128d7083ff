"""Threads do not disturb each other, and the same input gives the same bits."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from silent_devices import PAIR, material, plane
from small_devices import bar_problem

import ohmr_fem as of

pytestmark = [
    pytest.mark.filterwarnings("ignore::ohmr_fem.errors.ResolutionWarning"),
    pytest.mark.filterwarnings("ignore::ohmr_fem.errors.PhysicsWarning"),
]


def test_threads_do_not_disturb_each_other(tmp_path, capsys):
    mesh = tmp_path / "bar.msh"
    of.write_mesh(bar_problem().mesh, mesh)
    outputs: list[str] = []

    def work(number: int) -> bytes:
        device = of.read_mesh(mesh)
        print(f"thread {number}")
        p = of.Problem(device, material(), ["left", "right", "t1", "t2"])
        s = of.solve(p, (1.0, 0.5, 0.0), {"left": 1e-6, "right": -1e-6})
        path = of.save(s, tmp_path / f"{number}.npz")
        again = of.load(path)
        curve = of.hanle_curve(
            p, of.field_sweep(0, 1, 3), current=("left", "right"), voltage=("t1", "t2")
        )
        return again.moment_dofs.tobytes() + again.orbital_dofs.tobytes() + curve.hanle.tobytes()

    alone = work(99)
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(work, range(8)))
    assert all(bits == alone for bits in together)
    outputs = capsys.readouterr().out.split("\n")
    assert sorted(outputs)[1:] == sorted(f"thread {n}" for n in [*range(8), 99])


def test_reading_a_mesh_leaves_stdout_alone(tmp_path, monkeypatch):
    """What another thread prints while meshio reads arrives."""
    import sys

    import meshio

    mesh = tmp_path / "bar.vtu"
    raw = bar_problem().mesh.mesh
    flat = np.vstack([raw.p, np.zeros(raw.p.shape[1])]).T
    meshio.write(mesh, meshio.Mesh(flat, [("triangle", raw.t.T)]))
    stream, seen = io.StringIO(), []
    monkeypatch.setattr(sys, "stdout", stream)
    read = meshio.vtu.read

    def slow(path: Any) -> Any:
        thread = threading.Thread(target=lambda: print("from elsewhere"))
        thread.start()
        thread.join()
        seen.append(sys.stdout is stream)
        return read(path)

    monkeypatch.setattr(meshio.vtu, "read", slow)
    of.read_mesh(mesh)
    assert seen == [True] and stream.getvalue() == "from elsewhere\n"


def test_the_same_input_gives_the_same_bits():
    def bits() -> bytes:
        p = of.Problem(plane().mesh, material(), ["left", "right", "top"], order=2)
        curve = of.hanle_curve(p, of.field_sweep(0, 1, 12), **PAIR, method="reduced")
        spectral = of.hanle_curve(p, of.field_sweep(0, 1, 12), **PAIR)
        return curve.hanle.tobytes() + spectral.hanle.tobytes()

    assert bits() == bits()


SCRIPT = """
import numpy as np
import ohmr_fem as of
from small_devices import bar_problem
pair = {"current": ("left", "right"), "voltage": ("t1", "t2")}
fields = of.field_sweep(0, 2, 3)
curves = [of.hanle_curve(bar_problem(2), fields, **pair, method=m) for m in ("spectral", "direct")]
print(np.concatenate([[c.R_ohmic, *c.delta_R, *c.hanle] for c in curves]).tobytes().hex())
"""


def with_threads(count: int) -> np.ndarray:
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    here = str(Path(__file__).parent)
    path = os.pathsep.join([here, str(Path(here).parent), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, **dict.fromkeys(names, str(count)), "PYTHONPATH": path}
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return np.frombuffer(bytes.fromhex(run.stdout))


def test_threads_of_linear_algebra_change_the_last_digit_alone():
    """docs/conventions: the same bits for one count, 1e-15 between counts; each process anew."""
    one, again, two = (with_threads(count) for count in (1, 1, 2))
    assert one.tobytes() == again.tobytes()
    for a, b in zip(one.reshape(2, -1), two.reshape(2, -1), strict=True):
        assert a[0] == pytest.approx(b[0], rel=1e-14)
        for start, stop in ((1, 4), (4, 7)):
            size = np.abs(a[start:stop]).max()
            assert np.abs(a[start:stop] - b[start:stop]).max() <= 1e-13 * size
