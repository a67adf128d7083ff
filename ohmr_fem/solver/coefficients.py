"""Material coefficients at the quadrature points, and the scales that make them of order one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..model.material import Material
from ..model.problem import Problem
from ..units import ELECTRON_MASS, ELEMENTARY_CHARGE, array_si


@dataclass(frozen=True)
class Scales:
    """Units inside a System: lengths in ``length``; V in volt; n in ``conductivity / diffusion``
    per volt.  ``across`` is the width of a channel over the length, and 1 elsewhere.
    """

    length: float
    conductivity: float
    diffusion: float
    across: float = 1.0

    @property
    def conductance(self) -> float:
        """Ampere per volt of the scaled charge equation."""
        return self.conductivity * self.across

    @property
    def moment(self) -> float:
        """Moment density per volt, C/m^2/V."""
        return self.conductivity / self.diffusion


#: e/(2 m_e), from X in 1/m_e to (g e/2) X.
HALF = 0.5 * ELEMENTARY_CHARGE / ELECTRON_MASS
#: Of what a function of the place may return.
UNITS = {
    "sheet_conductivity": "S",
    "diffusion_constant": "m**2/s",
    "orbital_hall_angle": "1",
    "inverse_orbital_hall_angle": "1",
    "mobility": "m**2/(V*s)",
    "relaxation_time": "s",
}


@dataclass(frozen=True, eq=False)
class Coefficients:
    """SI values, each of shape (cells, points); rate (3, ...) per component; half_g_x (3, 3, ...) =
    (g e/2) X; crossed (3, 3, ...) the off-diagonals of a relaxation tensor, None where all are 0.
    """

    sigma: np.ndarray
    diffusion: np.ndarray
    alpha: np.ndarray
    alpha_inverse: np.ndarray
    rate: np.ndarray
    half_g_x: np.ndarray
    mobility: np.ndarray
    crossed: np.ndarray | None = None

    @property
    def relaxation(self) -> np.ndarray:
        """Gamma in 1/s, (3, 3, cells, points)."""
        out = np.zeros((3, 3, *self.sigma.shape)) if self.crossed is None else self.crossed.copy()
        out[range(3), range(3)] = self.rate
        return out

    def scales(self) -> Scales:
        """Means over the device; the length is the mean diffusion length."""
        diffusion, rate = float(np.mean(self.diffusion)), float(np.mean(self.rate))
        return Scales(float(np.sqrt(diffusion / rate)), float(np.mean(self.sigma)), diffusion)

    def normaliser(self, averaged: bool) -> np.ndarray:
        """(g e/2) X_zz, or the mean of X_xx and X_yy where faces read n^x and n^y as well."""
        if averaged:
            return np.asarray(0.5 * (self.half_g_x[0, 0] + self.half_g_x[1, 1]))
        return np.asarray(self.half_g_x[2, 2])

    def detection(
        self,
        c: int,
        kind: str,
        averaged: bool = False,
    ) -> list[np.ndarray]:
        """Weights W_cd with which n^d enters the inverse effect in place of n^c."""
        if kind == "printed":
            return [np.full_like(self.sigma, float(d == c)) for d in range(3)]
        scale = self.normaliser(averaged)
        if np.any(scale == 0.0):
            name = "(X_xx + X_yy)/2" if averaged else "X_zz"
            raise InputError(
                f"detection='reciprocal' divides by {name}, which is 0 somewhere in the device"
            )
        row = [self.half_g_x[c, d] / scale for d in range(3)]
        if c == 2 and not averaged:
            row[c] = np.ones_like(self.sigma)
        return row


def evaluate(problem: Problem, points: np.ndarray, cells: np.ndarray | None = None) -> Coefficients:
    """Coefficients at ``points`` (dim, n, points per cell) in m, which lie in ``cells`` (n,), by
    default all cells.

    Raises
    ------
    InputError
        A callable or an array of the wrong shape, not finite, or of the wrong sign.
    """
    shape = points.shape[1:]
    if problem.uniform and isinstance(problem.material.mobility, (float, type(None))):
        return _uniform(problem.material, shape)
    out = Coefficients(
        np.empty(shape),
        np.empty(shape),
        np.empty(shape),
        np.empty(shape),
        np.empty((3, *shape)),
        np.empty((3, 3, *shape)),
        np.zeros(shape),
        _crossed(problem, shape),
    )
    cells = np.arange(problem.mesh.n_cells) if cells is None else cells
    for region, members in problem.mesh.regions.items():
        rows = np.flatnonzero(np.isin(cells, members))
        material, x = problem.materials[region], points[:, rows]
        number = np.searchsorted(members, cells[rows])  # place of each cell within its region
        size = len(members)

        def at(
            name: str,
            must_be_positive: bool,
            value: Any = None,
            region: str = region,
            material: Any = material,
            x: np.ndarray = x,
            number: np.ndarray = number,
            size: int = size,
        ) -> np.ndarray:
            given = getattr(material, name) if value is None else value
            what = f"{name} of region {region!r}"
            if isinstance(given, np.ndarray):
                if len(given) != size:
                    raise InputError(
                        f"{what}: the array has {len(given)} values, the region has {size} cells"
                    )
                given = given[number][:, None]
            return _on_cells(given, x, what, UNITS[name], must_be_positive)

        out.sigma[rows] = at("sheet_conductivity", True)
        out.diffusion[rows] = at("diffusion_constant", True)
        out.alpha[rows] = at("orbital_hall_angle", False)
        out.alpha_inverse[rows] = at("inverse_orbital_hall_angle", False)
        if material.mobility is not None:
            out.mobility[rows] = at("mobility", False)
        tau = material.relaxation_time
        for a in range(3):
            if tau is None:
                out.rate[a, rows] = material.relaxation[a, a]
                continue
            out.rate[a, rows] = 1.0 / at(
                "relaxation_time", True, tau[a] if isinstance(tau, tuple) else tau
            )
        if out.crossed is not None and tau is None:
            off_diagonal = material.relaxation - np.diag(np.diag(material.relaxation))
            out.crossed[:, :, rows] = off_diagonal[:, :, None, None]
        half_g = HALF * material.g_factor
        out.half_g_x[:, :, rows] = half_g * _tensor(material.inverse_mass, x, region)
    return out


def _uniform(material: Material, shape: tuple[int, ...]) -> Coefficients:
    """One number everywhere takes no memory."""

    def everywhere(value: Any, *before: int) -> np.ndarray:
        return np.broadcast_to(value, (*before, *shape))

    half_g_x = HALF * material.g_factor * np.asarray(material.inverse_mass)
    return Coefficients(
        sigma=everywhere(material.sheet_conductivity),
        diffusion=everywhere(material.diffusion_constant),
        alpha=everywhere(material.orbital_hall_angle),
        alpha_inverse=everywhere(material.inverse_orbital_hall_angle),
        rate=everywhere(1.0 / material.relaxation_time, 3),
        half_g_x=everywhere(half_g_x[:, :, None, None], 3, 3),
        mobility=everywhere(material.mobility or 0.0),
    )


def _crossed(problem: Problem, shape: tuple[int, ...]) -> np.ndarray | None:
    tensors = [m for m in problem.materials.values() if m.relaxation_time is None]
    return np.zeros((3, 3, *shape)) if tensors else None


def _on_cells(
    value: Any,
    x: np.ndarray,
    what: str,
    unit: str,
    must_be_positive: bool,
) -> np.ndarray:
    result = on_points(value, x, what, unit) if callable(value) else np.asarray(value, dtype=float)
    if not np.all(np.isfinite(result)) or (must_be_positive and np.any(result <= 0)):
        raise InputError(
            f"{what}: must be finite{' and positive' if must_be_positive else ''} everywhere, "
            f"got minimum {np.min(result):g}"
        )
    return np.broadcast_to(result, x.shape[1:])


def on_points(function: Any, x: np.ndarray, what: str, unit: str = "1") -> np.ndarray:
    """Values of a user's function at points (dim, ...), one number or quantity or one for each;
    InputError for anything else.
    """
    result = _numbers(function(*x), what, unit)
    if result.shape not in ((), x.shape[1:]):
        raise InputError(
            f"{what}: the function returned shape {result.shape} for points of shape "
            f"{x.shape[1:]}; "
            "it must work element by element on arrays of coordinates in m"
        )
    return result


def _tensor(value: Any, x: np.ndarray, region: str) -> np.ndarray:
    """X in 1/m_e as (3, 3, cells, points)."""
    shape = x.shape[1:]
    if not callable(value):
        return np.broadcast_to(np.asarray(value)[:, :, None, None], (3, 3, *shape))
    result = _numbers(value(*x), f"inverse_mass of region {region!r}", "1/m_e")
    if result.shape not in ((3, 3), (3, 3, *shape)):
        raise InputError(
            f"inverse_mass of region {region!r}: the function returned shape {result.shape}; "
            "expected "
            f"(3, 3) or (3, 3, ...) with the shape {shape} of the points"
        )
    if result.ndim == 2:
        result = np.broadcast_to(result[:, :, None, None], (3, 3, *shape))
    skew = np.abs(result - result.swapaxes(0, 1))
    if not np.all(np.isfinite(result)) or np.any(skew > 1e-9 * np.abs(result).max()):
        raise InputError(
            f"inverse_mass of region {region!r}: the function must return finite symmetric "
            "tensors, got one that "
            f"differs from its transpose by {skew.max():g} /m_e"
        )
    return 0.5 * (result + result.swapaxes(0, 1))


def _numbers(result: Any, what: str, unit: str) -> np.ndarray:
    try:
        return array_si(result, unit, "", finite=False)
    except InputError as exc:
        raise InputError(
            f"{what}: the function must return numbers: {exc.what}", value=result
        ) from exc
