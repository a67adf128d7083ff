"""The text of a fit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .fisher import percent
from .units import engineering

if TYPE_CHECKING:
    from .fitting import Estimate, Fit


def report(fit: Fit) -> str:
    """What was found, how sure it is, what the data do not fix, and what the infinite strip would have said."""
    points = sum(len(c.data.values) for c in fit.curves)
    noise = "estimated from the residuals" if fit.noise_estimated else "as given"
    lines = [f"{points} points in {len(fit.curves)} curve{'s' if len(fit.curves) > 1 else ''}; reduced chi^2 = "
             f"{fit.reduced_chi2:.3g} (noise {noise}); {fit.seconds:.2f} s", ""]
    title = f"{100 * fit.confidence:g}% interval"
    lines.append(f"{'':14}{'value':>14}{'error':>10}  {title:<28}" + ("infinite strip" if fit.strip else ""))
    for e in fit.parameters.values():
        beside = ""
        if fit.strip:
            value = fit.strip[e.name]
            beside = f"{show(value, e.unit)} (x {value / e.value:#.3g})"
        mark = "" if e.fixed else "  not fixed by the data"
        error = percent(e.error / abs(e.value))
        lines.append(f"{e.symbol:14}{show(e.value, e.unit):>14}{error:>10}  {span(e):<28}{beside}{mark}")
    lines += ["", str(fit.identifiability)]
    lines += [f"warning: {note}" for note in fit.warnings]
    return "\n".join(line.rstrip() for line in lines)


def show(value: float, unit: str) -> str:
    return f"{value:.5g}" if unit == "1" else engineering(value, unit)


def span(e: Estimate) -> str:
    """The interval for reading; open ends in words."""
    if math.isfinite(e.low) and math.isfinite(e.high) and not (e.low == 0.0 and e.name != "alpha_product"):
        return f"{show(e.low, e.unit)} to {show(e.high, e.unit)}"
    if math.isfinite(e.high):
        return f"below {show(e.high, e.unit)}"
    if math.isfinite(e.low) and e.low > 0.0:
        return f"above {show(e.low, e.unit)}"
    return "open on both sides"
