"""The effective inverse mass tensor X(mu, T) of a layered model, Sun and Vignale Eqs. (3),
(16)-(23).

    in plane,     drude        X_ab = sum (-df/deps) v_a v_b
    Eq. (18)
                  commutator   X_ab = (1/hbar^2) sum f <d2H/dk_a dk_b>
                  Eq. (3) as it stands
    out of plane  (both)       X_zz = -(1/hbar^2) sum f <(z_i - z_j)^2 H_ij>
    Eq. (20)
                               X_za = -(1/hbar^2) sum f <i (z_i - z_j) dH_ij/dk_a>
                               Eq. (21), with its i

The sums are means over k, per cell and spin. Differs from the paper in: J_+ stands for J_z in (20),
the factor i in (21), each bond with its own z_i - z_j; the two in-plane forms differ by the
interband part, which stays in a gap.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..errors import InputError, SolveError, suggest
from ..errors.doors import door
from ..units import array_si, own_arrays, positive, shown
from .hamiltonian import LayeredModel
from .integration import Integrator, integrator
from .near import Wanted
from .states import COLUMNS, tensor, thermal_energy

Definition = Literal["drude", "commutator"]
Counting = Literal["all", "excess", "fermi_surface"]
Normalisation = Literal["per_cell", "per_carrier", "per_area"]

DEFINITIONS = ("drude", "commutator")
COUNTINGS = ("all", "excess", "fermi_surface")
NORMALISATIONS = ("per_cell", "per_carrier", "per_area")
UNITS = {"per_cell": "1/m_e", "per_carrier": "1/m_e", "per_area": "1/(m_e m^2)"}
ZERO_CARRIERS = 1e-11  # per cell and spin: the round-off of the sums


@dataclass(frozen=True, eq=False)
class InverseMass:
    """X for n chemical potentials, with everything that the numbers mean.

    Eqs. (3), (18), (20), (21); docs/microscopic.

    Attributes
    ----------
    X : (n, 3, 3)
        In ``unit``.
    error : (n,)
        Estimated k-integration error of the largest component, in ``unit``.
    unit, definition, counting, normalisation : str
        With counting "fermi_surface" X is dX/dN per added electron, and normalisation says so.
    spin : int
        Spins counted in everything below (and in X unless it is per carrier).
    chemical_potential : (n,)
        eV.
    temperature : float
        K.
    electrons : (n,)
        Electrons per cell.
    density : (n,)
        Electrons minus those at neutrality, per m^2.
    carriers : (n,)
        Electrons above plus holes below the neutral filling, per m^2.
    compressibility : (n,)
        dn/dmu in 1/(eV m^2).
    mesh : str
        How the zone was integrated.
    layers : int
        Layers of the model; theta needs two.
    """

    X: np.ndarray
    error: np.ndarray
    unit: str
    definition: str
    counting: str
    normalisation: str
    spin: int
    chemical_potential: np.ndarray
    temperature: float
    electrons: np.ndarray
    density: np.ndarray
    carriers: np.ndarray
    compressibility: np.ndarray
    mesh: str
    layers: int

    def __post_init__(self) -> None:
        own_arrays(self)

    @property
    def theta(self) -> np.ndarray:
        """Anisotropy X_zz/X_yy, (n,); same definition and counting as X.

        Raises
        ------
        InputError
            A model of one layer.
        """
        if self.layers < 2:
            raise InputError(
                "the model has one layer, so nothing moves along z and X_zz = 0; "
                "theta needs a model with at least two layers",
                key="theta",
            )
        return np.asarray(self.X[:, 2, 2] / self.X[:, 1, 1])

    @property
    def principal_values(self) -> np.ndarray:
        """Eigenvalues of X, (n, 3), ascending, in ``unit``."""
        return np.asarray(np.linalg.eigvalsh(self.X))

    @property
    def principal_axes(self) -> np.ndarray:
        """Columns are the axes in the order of :attr:`principal_values`, (n, 3, 3)."""
        return np.asarray(np.linalg.eigh(self.X)[1])

    def __str__(self) -> str:
        low, high = self.chemical_potential.min(), self.chemical_potential.max()
        return (
            f"X in {self.unit}, {self.definition}, counting {self.counting}, {self.normalisation}, "
            f"spin {self.spin}, {self.temperature:g} K, {len(self.X)} chemical potentials from "
            f"{low:g} to "
            f"{high:g} eV, {self.mesh}, error {np.max(self.error):.1e}"
        )


@door
def inverse_mass(
    model: LayeredModel,
    mu: Any,
    temperature: float,
    definition: Definition = "drude",
    counting: Counting = "all",
    normalisation: Normalisation = "per_cell",
    spin: int = 1,
    *,
    mesh: int | Literal["auto", "adaptive"] = "auto",
    shift: float = 0.0,
    tolerance: float = 1e-8,
    symmetry: bool = True,
    density: Any = None,
) -> InverseMass:
    """The tensor X for any number of chemical potentials; Eqs. (3), (18), (20), (21).

    Parameters
    ----------
    model : LayeredModel
    mu : float or (n,)
        Chemical potential in eV; None with ``density``.
    temperature : float
        In K, positive.
    definition : "drude" or "commutator"
        Only the in-plane block differs.
    counting : "all", "excess" or "fermi_surface"
        Every occupied state; minus its value at neutrality and the same temperature (the Drude
        block, which counts carriers already, stays as it is); or dX/dN, per added electron.
    normalisation : "per_cell", "per_carrier" or "per_area"
        Per carrier divides by electrons plus holes, not by the net charge.
    spin : int
        1 (per spin) or 2.
    mesh : int, "auto" or "adaptive"
        N for an N x N mesh. "auto" takes a uniform mesh that reaches ``tolerance`` (relative to the
        largest |X|), or adaptive integration, which starts afresh for every mu, if the mesh would
        be slower or too large.
    shift : 0 or 0.5
        Gamma-centred or half-shifted uniform mesh.
    tolerance : float
        Of the integration over k, relative to the largest |X|.
    symmetry : bool
        Use the symmetries found in the model.
    density : float or (n,)
        Electrons minus those at neutrality, per m^2, of ``spin`` spins; instead of mu.

    Returns
    -------
    InverseMass

    Raises
    ------
    InputError
        Unknown choice, mu and density both given or neither, temperature not positive, mu outside
        the bands, a density that they cannot hold, per carrier without carriers.
    SolveError
        The tolerance was not reached.
    """
    if (mu is None) == (density is None):
        raise InputError("give either mu in eV, or density= in 1/m^2 with mu None", key="mu")
    temperature = _kelvin(temperature)
    mu = _checked(model, mu, temperature, definition, counting, normalisation, spin)
    wanted = None if density is None else _per_cell(model, density, spin)
    levels = len(mu) if wanted is None else 6 * len(wanted)
    zone = integrator(
        model,
        temperature,
        mesh,
        shift,
        tolerance,
        symmetry,
        levels,
        None if counting == "all" else _wanted(mu, wanted, temperature, counting),
    )
    if wanted is not None:
        mu = np.array([_level(model, zone, temperature, n) for n in wanted])
    orders = (0, 1, 2) if counting == "fermi_surface" and definition == "drude" else (0, 1)
    values, errors = zone.sums(mu, orders)
    x, dx = _assemble(values, definition, counting), _assemble(errors, definition, counting)
    if counting == "excess":
        neutral = _level(model, zone, temperature, 0.0)
        reference, its_error = zone.sums(np.array([neutral]), (0, 1))
        keep = np.ones((3, 3), dtype=bool)
        if definition == "drude":
            keep[:2, :2] = False
        x, dx = (
            x - keep * _assemble(reference, definition, "all"),
            dx + keep * _assemble(its_error, definition, "all"),
        )
    electrons, excess, carriers = _counts(model, values[:, 0])
    scale, label = _scale(model, counting, normalisation, spin, carriers, values[:, 1, 0])
    area = model.cell_area * 1e-20
    return InverseMass(
        X=x * scale[:, None, None],
        error=np.abs(dx).max(axis=(1, 2)) * np.abs(scale),
        unit=UNITS[normalisation],
        definition=definition,
        counting=counting,
        normalisation=label,
        spin=spin,
        chemical_potential=mu,
        temperature=float(temperature),
        electrons=spin * electrons,
        density=spin * excess / area,
        carriers=spin * carriers / area,
        compressibility=spin * values[:, 1, 0] / area,
        mesh=zone.how,
        layers=model.n_layers,
    )


@door
def chemical_potential(
    model: LayeredModel,
    density: Any,
    temperature: float,
    *,
    spin: int = 1,
    mesh: int | Literal["auto", "adaptive"] = "auto",
    tolerance: float = 1e-8,
) -> np.ndarray:
    """mu at which electrons minus those at neutrality number ``density``.

    Parameters
    ----------
    model : LayeredModel
    density : float or (n,)
        Per m^2.
    temperature : float, K
    spin : int
        States an orbital of the model: 1, or 2 for electrons that it does not tell apart.
    mesh, tolerance
        As for :func:`inverse_mass`.

    Returns
    -------
    (n,) eV

    Raises
    ------
    InputError
        A density that the bands cannot hold.
    """
    temperature = _kelvin(temperature)
    _checked(model, None, temperature, "drude", "all", "per_cell", spin)
    per_cell = _per_cell(model, density, spin)
    wanted = Wanted(np.zeros(0), per_cell, thermal_energy(temperature))
    levels = 5 * len(per_cell)
    zone = integrator(model, temperature, mesh, 0.0, tolerance, True, levels, wanted)
    return np.array([_level(model, zone, temperature, n) for n in per_cell])


def _wanted(
    mu: np.ndarray,
    excess: np.ndarray | None,
    temperature: float,
    counting: str,
) -> Wanted:
    """The levels of a tensor that counts from neutrality or at the Fermi surface."""
    sought = [] if excess is None else list(excess)
    if counting == "excess":
        sought.append(0.0)
    return Wanted(mu, np.array(sought), thermal_energy(temperature))


def _per_cell(model: LayeredModel, density: Any, spin: int) -> np.ndarray:
    """Electrons beyond neutrality per cell and spin, (n,), if the bands can hold them."""
    try:
        density = np.atleast_1d(array_si(density, "1/m**2", "density", finite=False))
    except InputError as exc:
        raise InputError(
            f"expected one number or a list of them in 1/m^2: {exc.what}",
            value=density,
            key="density",
        ) from exc
    per_cell = np.asarray(density * model.cell_area * 1e-20 / spin)
    room = (-float(model.filling or 0), float(model.n_orbitals - (model.filling or 0)))
    if (
        per_cell.ndim != 1
        or not np.all(np.isfinite(per_cell))
        or per_cell.min() <= room[0]
        or per_cell.max() >= room[1]
    ):
        raise InputError(
            f"the bands hold from {room[0]:g} to {room[1]:g} electrons per cell and spin "
            "beyond "
            f"neutrality, asked for {per_cell.min():g} to {per_cell.max():g} (density is per m^2)",
            key="density",
        )
    return per_cell


def _level(model: LayeredModel, zone: Integrator, temperature: float, excess: float) -> float:
    """Newton's method on the smooth N(mu), kept inside a bracket by bisection."""
    low, high = zone.bracket or _widest(model, temperature)
    mu = 0.5 * (low + high)
    for _ in range(200):
        values, _ = zone.sums(np.array([mu]), (0, 1))
        off = float(_counts(model, values[:, 0])[1][0]) - excess
        slope = float(values[0, 1, 0])
        step = mu - off / slope if slope > 1e-12 else np.nan
        if abs(step - mu) <= 1e-12 * max(1.0, abs(mu)):
            return float(step)
        low, high = (mu, high) if off < 0 else (low, mu)
        mu, before = (step if low < step < high else 0.5 * (low + high)), mu
        if abs(mu - before) <= 1e-12 * max(1.0, abs(mu)):
            return float(mu)
    raise SolveError(
        f"chemical potential: no convergence for {excess:g} electrons per cell, last value {mu:g} "
        "eV; "
        "raise the temperature",
        value=mu,
    )


def _widest(model: LayeredModel, temperature: float) -> tuple[float, float]:
    """Between these chemical potentials the bands go from empty to full."""
    low, high = _band_range(model)
    margin = 60.0 * thermal_energy(temperature)
    return low - margin, high + margin


def _assemble(values: np.ndarray, definition: str, counting: str) -> np.ndarray:
    """(n, orders, columns) -> (n, 3, 3) per cell and spin; one derivative higher for the Fermi
    surface.
    """
    up = 1 if counting == "fermi_surface" else 0
    six = values[:, up, 1:7].copy()
    if definition == "drude":
        six[:, :3] = values[:, 1 + up, 7:10]
    return tensor(six)


def _counts(
    model: LayeredModel, order_zero: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Electrons, electrons minus neutral, electrons plus holes; per cell and spin."""
    electrons, above = order_zero[:, 0], order_zero[:, COLUMNS.index("conduction")]
    holes = float(model.filling or 0) - (electrons - above)
    return electrons, above - holes, above + holes


def _scale(
    model: LayeredModel,
    counting: str,
    normalisation: str,
    spin: int,
    carriers: np.ndarray,
    states: np.ndarray,
) -> tuple[np.ndarray, str]:
    if counting == "fermi_surface":
        if normalisation == "per_area":
            raise InputError(
                "'fermi_surface' is per added electron; use 'per_carrier' or 'per_cell'",
                value=normalisation,
                key="normalisation",
            )
        if states.min() < ZERO_CARRIERS:
            raise InputError(
                "dX/dN needs states at the chemical potential, but dN/dmu is zero there "
                "(gap); "
                "use 'all' or 'excess', or move mu into a band",
                key="counting",
            )
        return 1.0 / states, "per_added_electron"
    if normalisation == "per_cell":
        return np.full(len(carriers), float(spin)), normalisation
    if normalisation == "per_area":
        return np.full(len(carriers), spin / (model.cell_area * 1e-20)), normalisation
    if carriers.min() < ZERO_CARRIERS:
        raise InputError(
            f"per carrier at zero density ({carriers.min():.1e} electrons and holes "
            "per "
            "cell); move mu into a band, raise the temperature, or use 'per_cell'",
            key="normalisation",
        )
    return 1.0 / carriers, normalisation


def _checked(
    model: LayeredModel,
    mu: Any,
    temperature: float,
    definition: str,
    counting: str,
    normalisation: str,
    spin: int,
) -> np.ndarray:
    for name, value, known in (
        ("definition", definition, DEFINITIONS),
        ("counting", counting, COUNTINGS),
        ("normalisation", normalisation, NORMALISATIONS),
    ):
        if value not in known:
            raise InputError(f"got {value!r}; {suggest(str(value), known)}", value=value, key=name)
    if isinstance(spin, bool) or spin not in (1, 2):
        raise InputError(f"expected 1 (per spin) or 2 (both), got {spin!r}", value=spin, key="spin")
    if mu is None:
        return np.zeros(0)
    try:
        mu = np.atleast_1d(array_si(mu, "eV", "mu", finite=False))
    except InputError as exc:
        raise InputError(
            f"expected one number or a list of them in eV: {exc.what}", value=mu, key="mu"
        ) from exc
    low, high = _band_range(model)
    low, high = (
        low - 20 * thermal_energy(temperature),
        high + 20 * thermal_energy(temperature),
    )  # a classical gas is one too
    if mu.ndim != 1 or not np.all(np.isfinite(mu)):
        raise InputError("expected one number or a list of them in eV", value=mu, key="mu")
    if mu.min() < low or mu.max() > high:
        raise InputError(
            f"the bands, widened by 20 k_B T, run from {low:.4g} to {high:.4g} eV, got "
            f"{mu.min():.4g} to "
            f"{mu.max():.4g} eV; choose mu inside",
            value=mu,
            key="mu",
        )
    return mu


def _kelvin(temperature: Any) -> float:
    with contextlib.suppress(InputError):
        return positive(temperature, "K", "temperature")
    raise InputError(
        f"expected a positive number in K, got {shown(temperature)}; "
        "for the ground state use a small one",
        value=temperature,
        key="temperature",
    )


def _band_range(model: LayeredModel) -> tuple[float, float]:
    """Band edges on a coarse mesh, widened by 2% of the width."""
    grid = np.arange(24) / 24
    k = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2) @ model.reciprocal
    bands = model.bands(k)
    low, high = float(bands.min()), float(bands.max())
    margin = 0.02 * max(high - low, 1e-6)
    return low - margin, high + margin
