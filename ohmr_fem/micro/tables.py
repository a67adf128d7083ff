"""X as a table: one row for each chemical potential and displacement, and above it what the numbers
mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..errors.doors import door
from ..files import Columns, Table
from .tensor import InverseMass

MEANING = {
    "drude": "in plane the Drude form, Eq. (18); out of plane Eqs. (20), (21)",
    "commutator": "in plane <d2H/dk2>, Eq. (3) as it stands; out of plane Eqs. (20), (21)",
    "all": "every occupied state",
    "excess": "measured from neutrality at the same temperature (the Drude block counts carriers "
    "already)",
    "fermi_surface": "dX/dN, per added electron",
    "per_cell": "sum over the cell",
    "per_carrier": "mean over electrons plus holes",
    "per_area": "sum over a square metre",
    "per_added_electron": "change with the electron number",
}


def tensor_columns(x: InverseMass, displacement: float = 0.0) -> Columns:
    """{name: (unit, values)} of one result, in the order of the table; theta only where there are
    two layers.
    """
    n = len(x.X)
    out = {
        "displacement": ("eV", np.full(n, float(displacement))),
        "mu": ("eV", x.chemical_potential),
        "density": ("1/m^2", x.density),
        "carriers": ("1/m^2", x.carriers),
        "electrons": ("per cell", x.electrons),
        "compressibility": ("1/(eV m^2)", x.compressibility),
    }
    out |= {
        f"X_{'xyz'[a]}{'xyz'[b]}": (x.unit, x.X[:, a, b])
        for a, b in ((0, 0), (1, 1), (2, 2), (0, 1), (1, 2), (2, 0))
    }
    out["error"] = (x.unit, x.error)
    if x.layers > 1:
        with np.errstate(divide="ignore", invalid="ignore"):
            out["theta"] = ("1", x.theta)
    values, axes = x.principal_values, x.principal_axes
    for i in range(3):
        out[f"X_{i + 1}"] = (x.unit, values[:, i])
        out |= {f"axis_{i + 1}{'xyz'[a]}": ("1", axes[:, a, i]) for a in range(3)}
    return out


@dataclass(frozen=True, eq=False, repr=False)
class TensorTable(Table):
    """Results of one kind below each other.

    Attributes
    ----------
    results : {displacement in eV: InverseMass}
    title : str
    """

    results: Mapping[float, InverseMass]
    title: str = ""

    def columns(self) -> Columns:
        parts = [tensor_columns(x, v) for v, x in self.results.items()]
        return {
            name: (unit, np.concatenate([part[name][1] for part in parts]))
            for name, (unit, _) in parts[0].items()
        }

    def _notes(self) -> Iterable[str]:
        title = [self.title] if self.title else []
        return [*title, *describe(self.results)]


@door
def write_tensor_table(
    path: str | Path, results: InverseMass | Mapping[float, InverseMass], title: str = ""
) -> Path:
    """Write X as CSV.

    Lines that start with # say what the numbers mean: definition, counting, normalisation, spin,
    temperature, k mesh. Then one line of names with units, ``X_xx [1/m_e]``, and the rows, 17
    significant digits.

    Parameters
    ----------
    path : str or Path
    results : InverseMass or {displacement in eV: InverseMass}
        All of one kind.
    title : str
        First line, for instance the model.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        No result, or results of different kinds.
    """
    several = dict(results) if isinstance(results, Mapping) else {0.0: results}
    first = next(iter(several.values()), None)
    if first is None:
        raise InputError("needs at least one result", key="write_tensor_table")
    if len({_kind(x) for x in several.values()}) > 1:
        raise InputError(
            "the results differ in definition, counting, normalisation, spin, "
            "temperature or "
            "number of layers; write one table for each kind",
            key="write_tensor_table",
        )
    return TensorTable(several, title).to_csv(path)


def describe(results: Mapping[float, InverseMass]) -> list[str]:
    """What the numbers mean, one line for each choice."""
    x = next(iter(results.values()))
    meshes = list(dict.fromkeys(r.mesh for r in results.values()))
    lines = [
        f"X: effective inverse mass tensor in {x.unit}, Eqs. (3), (16)-(23) of Sun and Vignale"
    ]
    lines += [
        f"{name}: {value}, {MEANING[value]}"
        for name, value in (
            ("definition", x.definition),
            ("counting", x.counting),
            ("normalisation", x.normalisation),
        )
    ]
    spin = "both spins" if x.spin == 2 else "one spin"
    return [
        *lines,
        f"spin: {spin} in electrons, densities and compressibility"
        + (" and X" if x.normalisation in ("per_cell", "per_area") else ""),
        f"temperature: {x.temperature:g} K",
        "displacement: V in eV, layer energies linear from -V at the bottom to +V at the top, "
        "added to the model",
        "density: electrons minus those at neutrality; carriers: electrons plus holes; theta: "
        "X_zz/X_yy",
        "error: estimated k-integration error of the largest component",
        f"X_1 <= X_2 <= X_3: principal values, each with its axis; k mesh: {'; '.join(meshes)}",
    ]


def _kind(x: InverseMass) -> tuple[object, ...]:
    return x.unit, x.definition, x.counting, x.normalisation, x.spin, x.temperature, x.layers
