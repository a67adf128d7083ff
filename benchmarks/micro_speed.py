"""Speed of X(mu): ours, and WannierBerri beside it on the same Wannier90 file and k mesh.

    python -m benchmarks.micro_speed [divisions]

Prints wall times (set OMP_NUM_THREADS for the number of cores). WannierBerri is optional; without it only our part
runs. It is timed in two ways: band velocities tabulated by it and summed with exact Fermi weights, which agrees with
us to round-off on an equal mesh, and its own energy-binned sum with Fermi-Dirac smoothing.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from ohmr_fem.micro import bilayer_graphene, inverse_mass
from validation import micro_wannierberri as beside
from validation.case import Skipped


def thousand_levels() -> dict[str, float]:
    """1000 chemical potentials at 300 K to 1e-8; error against a mesh 1.5 times finer."""
    model, mu = bilayer_graphene(), np.linspace(-1.0, 1.0, 1000)
    start = time.perf_counter()
    result = inverse_mass(model, mu, 300)
    seconds = time.perf_counter() - start
    finer = inverse_mass(model, mu, 300, mesh=1656)
    error = float(np.abs(result.X - finer.X).max() / np.abs(finer.X).max())
    return {"seconds": seconds, "relative error": error, "estimated error": float(result.error.max())}


def low_temperature(temperature: float = 4.0) -> dict[str, float]:
    """One chemical potential by adaptive triangles to 1e-8."""
    start = time.perf_counter()
    result = inverse_mass(bilayer_graphene(), 0.4, temperature)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "X_xx": float(result.X[0, 0, 0]), "estimated error": float(result.error[0])}


def against_wannierberri(divisions: int, steps: tuple[float, ...] = (5e-4,)) -> dict[str, float]:
    """Seconds of both programs and the relative difference of the Drude tensor at mu = 0.4 eV, 300 K."""
    wb = beside.program()
    out: dict[str, float] = {}
    with beside.workspace() as folder:
        system, model = beside.load(wb, folder)
        for name, symmetry in (("full mesh", False), ("by symmetry", True)):
            start = time.perf_counter()
            ours = inverse_mass(model, beside.LEVEL, beside.TEMPERATURE, mesh=divisions, symmetry=symmetry).X[0, :2, :2]
            out[f"ours, {name}, s"] = time.perf_counter() - start
        theirs, out["WannierBerri tabulated, s"] = beside.tabulated(wb, system, divisions)
        out["difference, tabulated"] = float(np.abs(theirs - ours).max() / np.abs(ours).max())
        for step in steps:
            theirs, out[f"WannierBerri binned by {step:g} eV, s"] = beside.binned(wb, system, divisions, step)
            out[f"difference, binned by {step:g} eV"] = float(np.abs(theirs - ours).max() / np.abs(ours).max())
    return out


def main() -> None:
    divisions = int(sys.argv[1]) if len(sys.argv) > 1 else 120
    for name, numbers in (("1000 chemical potentials, 300 K", thousand_levels()), ("4 K, adaptive", low_temperature())):
        print(name, *(f"  {key}: {value:.4g}" for key, value in numbers.items()), sep="\n")
    try:
        numbers = against_wannierberri(divisions)
    except Skipped as reason:
        print(reason)
        return
    print(f"Drude tensor, {divisions} x {divisions} mesh", *(f"  {key}: {value:.4g}" for key, value in numbers.items()), sep="\n")


if __name__ == "__main__":
    main()
