"""The Drude tensor beside WannierBerri, from the same Wannier90 file on the same k mesh.

WannierBerri tabulates band energies and velocities; the sum with exact Fermi weights is made here,
so the two programs should agree to round-off. Skipped where WannierBerri (with numba) is not
installed.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from ohmr_fem import micro
from ohmr_fem.micro.hamiltonian import HBAR2_OVER_ME

from .case import Row, Skipped
from .independence import route

CASE = "WannierBerri"
ROUTES = {
    "": ("k mesh", "WannierBerri"),
}
TEMPERATURE, LEVEL = 300.0, 0.4
HBAR2, KELVIN = HBAR2_OVER_ME, 1.380649e-23 / 1.602176634e-19  # eV angstrom^2, eV
MODEL = micro.bilayer_graphene(3.16, 0.381, 0.38, 0.14, 0.022, 0.05)


def program() -> Any:
    """The module, or Skipped."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            import wannierberri
    except ImportError as exc:
        raise Skipped(f"WannierBerri is not installed ({exc})") from exc
    logging.getLogger("wannierberri").setLevel(logging.ERROR)
    return wannierberri


@contextlib.contextmanager
def workspace() -> Any:
    """An empty folder as the current one, and silence: WannierBerri writes results and prints as it
    goes.
    """
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        os.chdir(folder)
        try:
            yield Path(folder)
        finally:
            os.chdir(before)


def load(wb: Any, folder: Path) -> tuple[Any, micro.LayeredModel]:
    """The same _tb.dat file read by both programs."""
    path = folder / "bilayer_tb.dat"
    micro.write_wannier90(MODEL, path)
    return wb.System_R.from_tb_file(str(path), periodic=(True, True, False)), micro.from_wannier90(
        path
    )


def evaluate(wb: Any, system: Any, divisions: int, calculator: Any) -> tuple[Any, float]:
    """WannierBerri's result on a full Gamma-centred mesh, and the seconds it took."""
    split = next(d for d in range(12, divisions + 1) if divisions % d == 0)
    grid = wb.Grid(
        system, NKFFT=[split, split, 1], NKdiv=[divisions // split, divisions // split, 1]
    )
    start = time.perf_counter()
    result = wb.run(
        system,
        grid=grid,
        calculators={"it": calculator},
        parallel=False,
        print_Kpoints=False,
        use_irred_kpt=False,
        symmetrize=False,
    ).results["it"]
    return result, time.perf_counter() - start


@route("WannierBerri")
def tabulated(wb: Any, system: Any, divisions: int) -> tuple[np.ndarray, float]:
    """sum (-df/deps) v_a v_b per cell and spin in 1/m_e from tabulated energies and velocities;
    seconds.
    """
    tables = {"Energy": wb.calculators.tabulate.Energy(), "V": wb.calculators.tabulate.Velocity()}
    result, seconds = evaluate(
        wb, system, divisions, wb.calculators.TabulatorAll(tables, mode="grid")
    )
    energy = np.asarray(result.get_data(quantity="Energy", iband=range(4))).reshape(-1, 4)
    v = np.stack(
        [
            np.asarray(result.get_data(quantity="V", iband=range(4), component=c)).reshape(-1, 4)
            for c in "xy"
        ]
    )
    kt = KELVIN * TEMPERATURE
    weight = 0.25 / np.cosh((energy - LEVEL) / (2 * kt)) ** 2 / kt
    return np.einsum("akn,bkn,kn->ab", v, v, weight) / len(energy) / HBAR2, seconds


def binned(wb: Any, system: Any, divisions: int, step: float) -> tuple[np.ndarray, float]:
    """Its own sum: energies in bins of ``step`` eV, smoothed with the Fermi-Dirac weight;
    seconds.
    """
    levels = LEVEL + step * np.arange(-round(0.6 / step), round(0.6 / step) + 1)
    smoother = wb.smoother.FermiDiracSmoother(levels, TEMPERATURE, maxdE=20)
    calculator = wb.calculators.static.Ohmic_FermiSurf(
        Efermi=levels, smoother=smoother, use_factor=False
    )
    result, seconds = evaluate(wb, system, divisions, calculator)
    start = time.perf_counter()
    data = np.asarray(result.dataSmooth)[len(levels) // 2, :2, :2]
    return data * system.cell_volume / HBAR2, seconds + time.perf_counter() - start


def run(level: str = "quick") -> list[Row]:
    wb = program()
    rows = []
    with workspace() as folder:
        system, model = load(wb, folder)
        for divisions in (60,) if level == "quick" else (60, 240):
            theirs, _ = tabulated(wb, system, divisions)
            for symmetry in (False, True):
                ours = micro.inverse_mass(
                    model, LEVEL, TEMPERATURE, mesh=divisions, symmetry=symmetry
                ).X[0, :2, :2]
                error = float(np.abs(ours - theirs).max() / np.abs(theirs).max())
                used = "reduced by symmetry" if symmetry else "full mesh"
                rows.append(
                    Row(
                        CASE,
                        "Eq. (18)",
                        f"Drude X_xx, N = {divisions}, {used}",
                        float(ours[0, 0]),
                        float(theirs[0, 0]),
                        error,
                        1e-6,
                    )
                )
    return rows
