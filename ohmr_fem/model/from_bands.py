"""From a layered model at a given gate to a Material: the one step where k-space meets the
device.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from ..errors import InputError
from ..errors.doors import door
from ..micro.hamiltonian import LayeredModel
from ..micro.tensor import Counting, Definition, InverseMass, inverse_mass
from ..units import ELEMENTARY_CHARGE, positive, to_si
from .material import Material

#: Tensors that are kept.
MOST_KNOWN = 256
_KNOWN: dict[tuple[Any, ...], InverseMass] = {}


@door
def material(
    model: LayeredModel,
    *,
    density: Any,
    mobility: Any,
    relaxation_time: Any,
    orbital_hall_angle: float,
    inverse_orbital_hall_angle: float | None = None,
    displacement: float = 0.0,
    temperature: float = 300.0,
    definition: Definition = "drude",
    counting: Counting = "excess",
    spin: int = 2,
    diffusion_constant: Any = None,
    mesh: int | Literal["auto", "adaptive"] = "auto",
    tolerance: float = 1e-8,
    **options: Any,
) -> Material:
    """Material of a gated layered crystal.

    sigma = e n mu with n electrons plus holes; its ``mobility``, for the ordinary Hall effect and
    drift, the mean over them, holes negative; D from the Einstein relation with the model's own
    density of states, D = sigma/(e^2 dn/dE_F), unless given; X per carrier. Every choice is written
    into ``source``.

    See docs/microscopic.

    Parameters
    ----------
    model : LayeredModel
        Of two layers or more.
    density : quantity, 1/m^2
        Electrons minus those at neutrality, both spins if ``spin`` is 2; e.g. "1e12 cm**-2".
    mobility : quantity, m^2/(V s)
        The same for electrons and holes.
    relaxation_time : quantity, s
        tau of the moment, not of the momentum.
    orbital_hall_angle, inverse_orbital_hall_angle : float
        alpha and alpha'; alpha' defaults to alpha.
    displacement : float
        V in eV, layer energies linear from -V to +V; added to the model.
    temperature : float
        K, of the carriers.
    definition, counting : str
        As in :func:`inverse_mass`. The default counts carriers in both blocks: Drude in plane, X_zz
        measured from neutrality, which is the reading that gives the anisotropy of order 1e-2 of
        Sun and Vignale.
    spin : int
        Spins counted: 1, or 2 for electrons that the model does not tell apart.
    mesh, tolerance
        As for :func:`inverse_mass`.
    diffusion_constant : quantity, m^2/s, optional
        Instead of the Einstein relation.
    options
        Passed to :class:`Material`: g_factor, moment_per_carrier, name.

    Returns
    -------
    Material

    Raises
    ------
    InputError
        As :func:`inverse_mass`; also for a model of one layer, in which no moment can turn.
    """
    if model.n_layers < 2:
        raise InputError(
            "the model has one layer, so X_zz = 0 and an in-plane field does nothing; "
            "use a model with at least two layers",
            key="material",
        )
    n = to_si(density, "1/m**2", "density")
    displacement = to_si(displacement, "eV", "displacement")
    temperature = to_si(temperature, "K", "temperature")
    tolerance = to_si(tolerance, "1", "tolerance")
    speed = positive(mobility, "m**2/(V*s)", "mobility")
    gated = model if displacement == 0.0 else model.with_displacement(displacement)
    x = _tensor(gated, n, temperature, definition, counting, spin, mesh, tolerance)
    mu = float(x.chemical_potential[0])
    sigma = ELEMENTARY_CHARGE * float(x.carriers[0]) * speed
    given = diffusion_constant is not None
    diffusion = (
        diffusion_constant if given else sigma / (ELEMENTARY_CHARGE * float(x.compressibility[0]))
    )
    return Material(
        sheet_conductivity=sigma,
        relaxation_time=relaxation_time,
        orbital_hall_angle=orbital_hall_angle,
        inverse_orbital_hall_angle=inverse_orbital_hall_angle,
        inverse_mass=_clean(x.X[0]),
        diffusion_constant=diffusion,
        mobility=speed * float(x.density[0] / x.carriers[0]),
        source=_source(gated, x, n, mu, speed, displacement, given),
        **{"name": model.name, **options},
    )


def _tensor(model: LayeredModel, density: float, temperature: float, *choices: Any) -> InverseMass:
    """The tensor per carrier at a density; the same again costs nothing, as where a study varies
    tau at the same gates.
    """
    arrays = (model.lattice, model.positions, model.translations, model.blocks, model.layers)
    key = (*(np.asarray(a).tobytes() for a in arrays), model.filling, density, temperature, choices)
    if key not in _KNOWN:
        definition, counting, spin, mesh, tolerance = choices
        found = inverse_mass(
            model,
            None,
            temperature,
            definition,
            counting,
            "per_carrier",
            spin,
            mesh=mesh,
            tolerance=tolerance,
            density=density,
        )
        while len(_KNOWN) >= MOST_KNOWN:
            _KNOWN.pop(next(iter(_KNOWN)), None)
        _KNOWN[key] = found
    return _KNOWN[key]


def _clean(x: np.ndarray) -> np.ndarray:
    """Round-off entries, below 1e-12 of the largest, set to zero: X_za = 0 decides between branches
    later.
    """
    out = 0.5 * (x + x.T)
    out[np.abs(out) < 1e-12 * np.abs(out).max()] = 0.0
    return np.asarray(out)


def _source(
    model: LayeredModel,
    x: InverseMass,
    density: float,
    mu: float,
    mobility: float,
    displacement: float,
    given: bool,
) -> str:
    return "; ".join(
        [
            f"model {model.name or repr(model)}",
            f"displacement V = {displacement:g} eV",
            f"{x.temperature:g} K",
            f"density {density:.6g} /m^2",
            f"chemical potential {mu:.6g} eV",
            f"carriers {x.carriers[0]:.6g} /m^2",
            f"mobility {mobility:g} m^2/(V s)",
            f"spin {x.spin}",
            f"X {x.definition}, counting {x.counting}, "
            f"{x.normalisation}, in {x.unit}, k-integration error {x.error[0]:.1e}",
            x.mesh,
            f"D {'given' if given else 'from the Einstein relation'}",
        ]
    )
