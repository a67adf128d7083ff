"""Independent routes to the same component of X, and what the symmetries of several stacks demand.

Fermi surface against Fermi sea     sum (-df/deps) v^2 = sum f d2eps/dk2, the latter by second-order
perturbation theory X_zz, X_zx                          -(1/hbar^2) dOmega/dlambda with every
hopping times 1 + lambda (z_i-z_j)(r_i-r_j)_a commutator                          drude minus the
explicit interband sum
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from ohmr_fem import micro
from ohmr_fem.micro.hamiltonian import HBAR2_OVER_ME as HBAR2

from .case import Row, relative
from .independence import route

CASE = "routes to X"
ROUTES = {
    "Fermi sea": ("Fermi surface", "perturbation theory"),
    "interband": ("commutator", "perturbation theory"),
    "dOmega": ("commutator", "grand potential"),
    "": ("symmetry of the program", "law: symmetry"),
}
KELVIN = 1.380649e-23 / 1.602176634e-19  # eV
MODELS = {
    "biased bilayer graphene": (micro.bilayer_graphene(3.16, 0.381, 0.38, 0.14, 0.022, 0.1), 0.3),
    "2H gapped honeycomb": (micro.gapped_honeycomb(2, "2H", displacement=0.05), 1.2),
}


def bond_sums(model: Any, k: np.ndarray, order: int = 0) -> np.ndarray:
    """H(k), or its first or second derivative along x, from the list of bonds: plain loops over
    what the model was given.
    """
    lattice, places = np.asarray(model.lattice), np.asarray(model.positions)
    h = np.zeros((len(k), len(places), len(places)), dtype=complex)
    for cell, block in zip(model.translations, model.blocks, strict=True):
        for i, j in zip(*np.nonzero(block), strict=True):
            bond = cell @ lattice + places[j, :2] - places[i, :2]
            h[:, i, j] += block[i, j] * (1j * bond[0]) ** order * np.exp(1j * k @ bond)
    return h


def points(model: micro.LayeredModel, n: int) -> np.ndarray:
    grid = np.arange(n) / n
    reciprocal = 2 * np.pi * np.linalg.inv(np.asarray(model.lattice)).T
    return np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2) @ reciprocal


@route("perturbation theory")
def perturbation(
    model: micro.LayeredModel, k: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Energies, <d2H/dkx2> and 2 sum_m |v_nm|^2/(e_n - e_m)."""
    h, v, w = (bond_sums(model, k, n) for n in range(3))
    e, u = np.linalg.eigh(h)
    v = u.conj().swapaxes(1, 2) @ v @ u
    second = np.einsum("kin,kij,kjn->kn", u.conj(), w, u, optimize=True).real
    gap = e[:, :, None] - e[:, None, :]
    gap[:, np.arange(e.shape[1]), np.arange(e.shape[1])] = np.inf
    return e, second, (2 * np.abs(v) ** 2 / gap).sum(axis=2)


@route("perturbation theory")
def sea_of(
    model: micro.LayeredModel, mu: float, temperature: float, k: np.ndarray
) -> tuple[float, float]:
    """Mean over the Fermi sea of d2 eps/dkx2, and of its interband part, in 1/m_e."""
    e, second, between = perturbation(model, k)
    f = 0.5 * (1 - np.tanh((e - mu) / (2 * KELVIN * temperature)))
    mean = len(e) * HBAR2
    return float((f * (second + between)).sum() / mean), float((f * between).sum() / mean)


def sums(divisions: int, temperature: float = 1000.0) -> list[Row]:
    rows = []
    for name, (model, mu) in MODELS.items():
        sea, between = sea_of(model, mu, temperature, points(model, divisions))
        drude, commutator = (
            float(micro.inverse_mass(model, mu, temperature, d, mesh=divisions).X[0, 0, 0])
            for d in ("drude", "commutator")
        )
        rows.append(
            Row(
                CASE,
                "Eq. (18)",
                f"X_xx drude against the Fermi sea, {name}",
                drude,
                sea,
                relative(drude, sea),
                1e-8,
            )
        )
        rows.append(
            Row(
                CASE,
                "Eqs. (3), (18)",
                f"X_xx drude less commutator against the interband sum, {name}",
                drude - commutator,
                between,
                relative(drude - commutator, between),
                1e-10,
            )
        )
    return rows


@route("grand potential")
def slope_of_omega(
    model: micro.LayeredModel,
    axes: tuple[int, int],
    temperature: float,
    mu: float,
    mesh: int,
    step: float = 4e-4,
) -> float:
    """-dOmega/dlambda in 1/m_e with every hopping times 1 + lambda (z_i-z_j)(r_i-r_j)_a, by five
    points.
    """
    k, kt = points(model, mesh), KELVIN * temperature
    lattice, places = np.asarray(model.lattice), np.asarray(model.positions)
    cells = np.column_stack([model.translations @ lattice, np.zeros(len(model.translations))])
    bonds = cells[:, None, None, :] + places[None, None, :, :] - places[None, :, None, :]
    stretch = bonds[..., axes[0]] * bonds[..., axes[1]]

    def omega(size: float) -> float:
        changed = SimpleNamespace(
            lattice=lattice,
            positions=places,
            translations=model.translations,
            blocks=model.blocks * (1 + size * stretch),
        )
        bands = np.linalg.eigvalsh(bond_sums(changed, k))
        return -kt * float(np.logaddexp(0, (mu - bands) / kt).sum()) / len(k)

    near, far = omega(step) - omega(-step), omega(2 * step) - omega(-2 * step)
    return -(8 * near - far) / (12 * step) / HBAR2


def grand_potential(mesh: int = 36, temperature: float = 500.0) -> list[Row]:
    """Hellmann-Feynman, by five-point differences, for slanted bonds and unequal spacings."""
    sites = [[0, 0, 0], [0.6, 0.3, 2.0], [1.1, 0.2, 5.0]]
    hops = [(i, i, c, -0.4 - 0.1 * i) for i in range(3) for c in ((1, 0), (0, 1))]
    hops += [(0, 1, (0, 0), 0.3), (1, 2, (0, 0), -0.2), (1, 2, (-1, 0), 0.15)]
    model = micro.LayeredModel.from_hoppings(3.0 * np.eye(2), sites, hops)
    mu = 0.1
    x = micro.inverse_mass(model, mu, temperature, mesh=mesh).X[0]
    rows = []
    for a, b in ((2, 2), (2, 0), (1, 2)):
        slope = slope_of_omega(model, (a, b), temperature, mu, mesh)
        exact, name = slope, f"X_{'xyz'[a]}{'xyz'[b]}"
        rows.append(
            Row(
                CASE,
                "Eqs. (20), (21)",
                f"{name} against dOmega/dlambda",
                float(x[a, b]),
                exact,
                relative(float(x[a, b]), exact),
                1e-8,
            )
        )
    return rows


def symmetries() -> list[Row]:
    """Forbidden components on a full mesh, before and after a displacement field."""
    stacks = {
        "AB": micro.bilayer_graphene(3.16, 0.381, 0.38, 0.14, 0.022),
        "ABC": micro.multilayer_graphene(3, "ABC"),
        "ABA": micro.multilayer_graphene(3, "ABA"),
        "2H": micro.gapped_honeycomb(2, "2H"),
    }
    rows = []
    for name, plain in stacks.items():
        for field, model in (("no field", plain), ("V = 0.1 eV", plain.with_displacement(0.1))):
            report = micro.symmetry_report(model)
            found = 1.0 if report.threefold and set(report.forbidden) == {"xy", "yz", "zx"} else 0.0
            rows.append(
                Row(
                    CASE,
                    "(S52)-(S54)",
                    f"{name}, {field}: C3 found, X_xy, X_yz, X_zx forbidden",
                    found,
                    1.0,
                    1.0 - found,
                    0.5,
                )
            )
            rows.append(
                Row(
                    CASE,
                    "(S52)-(S54)",
                    f"{name}, {field}: largest forbidden component",
                    report.violation,
                    0.0,
                    report.violation,
                    1e-12,
                )
            )
    return rows


def run(level: str = "quick") -> list[Row]:
    return [*sums(240 if level == "quick" else 360), *grand_potential(), *symmetries()]
