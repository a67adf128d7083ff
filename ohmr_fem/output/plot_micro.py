"""Figures of the microscopic tensor, and of R(B) against a gate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..errors import InputError, suggest
from ..errors.doors import door
from ..micro import InverseMass
from ..sweep.gate import GateMap
from .style import _LABELS, COLOURS, _in_brackets, _new_axes, _power, _signed, _style

DASHES = ("-", "--", "-.", ":")
AGAINST = {"mu": "μ (eV)", "density": "n (10$^{12}$ cm$^{-2}$)", "displacement": "V (eV)"}


@door
def plot_inverse_mass(
    results: InverseMass | Mapping[float, InverseMass],
    quantity: str = "X",
    against: str = "mu",
    ax: Any = None,
) -> Any:
    """X_xx, X_yy (where it differs) and X_zz, or theta = X_zz/X_yy, against chemical potential,
    density or displacement.

    Parameters
    ----------
    results : InverseMass or {displacement in eV: InverseMass}
        One line style for each displacement; against "displacement" one for each chemical potential
        or density.
    quantity : "X" or "theta"
    against : "mu", "density" or "displacement"
    ax : matplotlib Axes, optional
        To draw into; default a new figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InputError
        No result, or another quantity.
    """
    several = {0.0: results} if isinstance(results, InverseMass) else dict(results)
    if not several:
        raise InputError("needs at least one result", key="plot_inverse_mass")
    _known("quantity", quantity, ("X", "theta"))
    _known("against", against, tuple(AGAINST))
    first = next(iter(several.values()))
    if against == "displacement":
        lines = _against_gate(several)
    else:
        lines = _against_level(several, against)
    with _style(ax):
        ax = ax or _new_axes()
        for i, (label, x, tensor) in enumerate(lines):
            for part, y, colour in _parts(tensor, quantity):
                names = [text for text in (part, label) if text]
                ax.plot(
                    x,
                    y,
                    DASHES[i % 4],
                    label=", ".join(names) or "_",
                    markersize=3,
                    color=COLOURS[i % 6] if quantity == "theta" else colour,
                    marker="o" if len(x) <= 25 else None,
                )
        ax.axhline(0.0, color="0.7", linewidth=0.6, zorder=0)
        ax.set_xlabel(AGAINST[against])
        normalisation = first.normalisation.replace("_", " ")
        kind = f"{first.definition}, {first.counting}, {normalisation}"
        if quantity == "X":
            unit = "1/$m_e$" if first.unit == "1/m_e" else "1/($m_e$ m$^2$)"
            ax.set_ylabel(f"X ({unit})")
        else:
            ax.set_ylabel("θ = $X_{zz}/X_{yy}$")
            ax.set_yscale("symlog", linthresh=1e-3)
        ax.set_title(f"{kind}, {first.temperature:g} K", loc="left")
        ax.margins(x=0)
        if ax.get_legend_handles_labels()[1]:
            ax.legend()
    return ax


def _known(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InputError(
            f"{name}: {value!r} is not known; {suggest(value, known)}",
            value=value,
            key="plot_inverse_mass",
        )


def _against_level(
    results: Mapping[float, InverseMass], against: str
) -> Iterable[tuple[str, np.ndarray, np.ndarray]]:
    for v, x in results.items():
        position = x.chemical_potential if against == "mu" else x.density * 1e-16
        label = f"V = {v:g} eV" if len(results) > 1 or v else ""
        yield label, position, x.X


def _against_gate(
    results: Mapping[float, InverseMass],
) -> Iterable[tuple[str, np.ndarray, np.ndarray]]:
    v = np.array(list(results))
    levels = next(iter(results.values())).density
    for i, n in enumerate(levels):
        label = f"n = {n * 1e-16:.3g}·10¹² cm⁻²" if len(levels) > 1 else ""
        tensor = np.array([x.X[i] for x in results.values()])
        yield label, v, tensor


def _parts(X: np.ndarray, quantity: str) -> Iterable[tuple[str, np.ndarray, str]]:
    xx = X[:, 0, 0]
    yy = X[:, 1, 1]
    zz = X[:, 2, 2]
    if quantity == "theta":
        with np.errstate(divide="ignore", invalid="ignore"):
            yield "", zz / yy, COLOURS[0]
        return
    if np.allclose(xx, yy, rtol=1e-6, atol=1e-12):
        yield "$X_{xx} = X_{yy}$", xx, COLOURS[0]
    else:
        yield "$X_{xx}$", xx, COLOURS[0]
        yield "$X_{yy}$", yy, COLOURS[2]
    yield "$X_{zz}$", zz, COLOURS[1]


@door
def plot_gate_map(found: GateMap, quantity: str | None = None, ax: Any = None) -> Any:
    """Colour map of the effect over field and gate.

    The colours are centred on zero; hatched where there is no steady state.

    Parameters
    ----------
    found : GateMap
        Of two gates and two fields or more.
    quantity : str, optional
        "delta_R", "hanle", "rho", "rho_change" or "rho_star"; by default "hanle" = R(B) - R(0) for
        a device, "rho_change" for a cross-section.
    ax : matplotlib Axes, optional
        To draw into; default a new figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InputError
        An unknown quantity, too few gates or fields.
    """
    known = ["rho", "rho_change", "rho_star"]
    usual = "rho_change"
    if found.current is not None:
        known += ["delta_R", "hanle"]
        usual = "hanle"
    quantity = quantity or usual
    if quantity not in known:
        raise InputError(
            f"{quantity!r} is not known; {suggest(quantity, known)}",
            value=quantity,
            key="plot_gate_map",
        )
    if min(found.rho.shape) < 2:
        raise InputError(
            f"needs at least two gates and two fields, got {found.rho.shape}", key="plot_gate_map"
        )
    values = getattr(found, quantity)
    field = _signed(found.fields)
    gate = found.values
    if found.parameter == "density":
        gate = gate * 1e-16  # 10^12 per cm²
    power = 0 if quantity == "rho_star" else _power(values)
    scaled = np.ma.masked_invalid(values / 10.0**power)
    with _style(ax):
        ax = ax or _new_axes()
        image = _gate_colours(ax, field, gate, scaled)
        unit = "1" if quantity.startswith("rho") else "ohm"
        label = _LABELS[quantity] + _in_brackets(unit, power)
        figure = ax.get_figure()
        figure.colorbar(image, ax=ax, label=label, pad=0.03)
        swept = np.flatnonzero(np.any(found.fields != 0.0, axis=0))
        along = f"_{'xyz'[swept[0]]}" if len(swept) == 1 else ""
        ax.set_xlabel(f"$B{along}$ (T)")
        own = f"{found.parameter} ({found.unit})"
        ax.set_ylabel(AGAINST.get(found.parameter, own))
    return ax


def _gate_colours(ax: Any, field: np.ndarray, gate: np.ndarray, values: Any) -> Any:
    """The colours, hatched where a value is missing, and the line on which it is zero."""
    top = float(np.abs(values).max()) or 1.0
    ax.patch.set(hatch="////", facecolor="0.93", edgecolor="0.7")
    image = ax.pcolormesh(
        field,
        gate,
        values,
        cmap="RdBu_r",
        vmin=-top,
        vmax=top,
        shading="nearest",
        rasterized=True,
    )
    turned = field != 0.0  # at B = 0 the change is zero for every gate
    if values.min() < 0 < values.max() and turned.sum() > 1:
        line = {"levels": [0.0], "colors": "0.3", "linewidths": 0.6}
        ax.contour(field[turned], gate, values[:, turned], **line)
    return image
