"""Speed of X(mu): ours, and WannierBerri beside it on the same Wannier90 file and k mesh.

    python benchmarks/micro_speed.py [divisions]

Prints wall times on the cores that the process may use (set OMP_NUM_THREADS). WannierBerri is optional; without it
only our part runs. Its Drude tensor is compared in two ways: band velocities tabulated by it and summed here with
exact Fermi weights (equal mesh, should agree to round-off), and its own energy-binned sum with Fermi-Dirac smoothing.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from ohmr_fem.micro import bilayer_graphene, from_wannier90, inverse_mass, write_wannier90
from ohmr_fem.micro.hamiltonian import HBAR2_OVER_ME
from ohmr_fem.micro.states import thermal_energy

TEMPERATURE = 300.0


def thousand_levels() -> dict[str, float]:
    """1000 chemical potentials at 300 K to 1e-8; error against a mesh 1.5 times finer."""
    model, mu = bilayer_graphene(), np.linspace(-1.0, 1.0, 1000)
    start = time.perf_counter()
    result = inverse_mass(model, mu, TEMPERATURE)
    seconds = time.perf_counter() - start
    finer = inverse_mass(model, mu, TEMPERATURE, mesh=1656)
    error = float(np.abs(result.X - finer.X).max() / np.abs(finer.X).max())
    return {"seconds": seconds, "relative error": error, "estimated": float(result.error.max())}


def low_temperature(temperature: float = 4.0) -> dict[str, float]:
    """One chemical potential by adaptive triangles."""
    start = time.perf_counter()
    result = inverse_mass(bilayer_graphene(), 0.4, temperature)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "X_xx": float(result.X[0, 0, 0]), "estimated error": float(result.error[0])}


def against_wannierberri(divisions: int) -> dict[str, float]:
    """Drude tensor at mu = 0.4 eV from the same _tb.dat file on the same mesh."""
    import wannierberri as wb

    logging.getLogger("wannierberri").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bilayer_tb.dat"
        write_wannier90(bilayer_graphene(3.16, 0.381, 0.38, 0.14, 0.022, 0.05), path)
        model = from_wannier90(path)
        system = wb.System_R.from_tb_file(str(path), periodic=(True, True, False))
    out: dict[str, float] = {}
    start = time.perf_counter()
    ours = inverse_mass(model, 0.4, TEMPERATURE, mesh=divisions, symmetry=False).X[0, :2, :2]
    out["ours, full mesh, s"] = time.perf_counter() - start
    start = time.perf_counter()
    reduced = inverse_mass(model, 0.4, TEMPERATURE, mesh=divisions).X[0, :2, :2]
    out["ours, symmetry, s"] = time.perf_counter() - start
    out["symmetry against full mesh"] = _difference(reduced, ours)
    theirs, out["WannierBerri tabulated, s"] = _tabulated(wb, system, divisions)
    out["tabulated against ours"] = _difference(theirs, ours)
    for step in (2e-3, 5e-4):
        theirs, out[f"WannierBerri binned {step:g} eV, s"] = _binned(wb, system, divisions, step)
        out[f"binned {step:g} eV against ours"] = _difference(theirs, ours)
    return out


def _difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).max() / np.abs(b).max())


def _run(wb: Any, system: Any, divisions: int, calculators: dict[str, Any]) -> Any:
    split = next(d for d in range(12, divisions + 1) if divisions % d == 0)
    grid = wb.Grid(system, NKFFT=[split, split, 1], NKdiv=[divisions // split, divisions // split, 1])
    return wb.run(system, grid=grid, calculators=calculators, parallel=False, print_Kpoints=False,
                  use_irred_kpt=False, symmetrize=False)


def _tabulated(wb: Any, system: Any, divisions: int) -> tuple[np.ndarray, float]:
    """Sum of (-df/deps) v_a v_b from WannierBerri's energies and velocities, with exact Fermi weights."""
    tab = wb.calculators.TabulatorAll({"Energy": wb.calculators.tabulate.Energy(),
                                       "V": wb.calculators.tabulate.Velocity()}, mode="grid")
    start = time.perf_counter()
    result = _run(wb, system, divisions, {"t": tab}).results["t"]
    seconds = time.perf_counter() - start
    energy = np.asarray(result.get_data(quantity="Energy", iband=range(4))).reshape(-1, 4)
    v = np.stack([np.asarray(result.get_data(quantity="V", iband=range(4), component=c)).reshape(-1, 4)
                  for c in "xy"])
    weight = 0.25 / np.cosh((energy - 0.4) / (2 * thermal_energy(TEMPERATURE))) ** 2 / thermal_energy(TEMPERATURE)
    return np.einsum("akn,bkn,kn->ab", v, v, weight) / len(energy) / HBAR2_OVER_ME, seconds


def _binned(wb: Any, system: Any, divisions: int, step: float) -> tuple[np.ndarray, float]:
    levels = 0.4 + step * np.arange(-round(0.6 / step), round(0.6 / step) + 1)
    smoother = wb.smoother.FermiDiracSmoother(levels, TEMPERATURE, maxdE=20)
    calculator = wb.calculators.static.Ohmic_FermiSurf(Efermi=levels, smoother=smoother, use_factor=False)
    start = time.perf_counter()
    result = _run(wb, system, divisions, {"o": calculator}).results["o"]
    data = np.asarray(result.dataSmooth)[len(levels) // 2, :2, :2]
    seconds = time.perf_counter() - start
    return data * system.cell_volume / HBAR2_OVER_ME, seconds


def main() -> None:
    divisions = int(sys.argv[1]) if len(sys.argv) > 1 else 120
    for name, numbers in (("1000 chemical potentials, 300 K", thousand_levels()), ("4 K, adaptive", low_temperature())):
        print(name, *(f"  {key}: {value:.4g}" for key, value in numbers.items()), sep="\n")
    try:
        import wannierberri  # noqa: F401
    except ImportError:
        print("WannierBerri is not installed; its part is left out")
        return
    print(f"Drude tensor, {divisions} x {divisions} mesh",
          *(f"  {key}: {value:.4g}" for key, value in against_wannierberri(divisions).items()), sep="\n")


if __name__ == "__main__":
    main()
