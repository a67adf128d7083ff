"""Pages that stand alone: everything inside, nothing from a network."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files import atomic_path
from ..sweep.bound import FLOOR
from ..sweep.gathered import Gathered
from ..sweep.measure import SpectralMeasure
from ..units import ELECTRON_MASS
from ..version import __version__

#: Part of the largest effect that is nothing on a page: its sums have fewer terms than a curve's.
ROUND_OFF = 10.0 * FLOOR
#: By which a page of ours is known.
OURS = "<footer>ohmr_fem"
PAGES = Path(__file__).parents[1] / "pages"


def part(name: str) -> str:
    """A piece of a page that the package brings."""
    return (PAGES / name).read_text(encoding="utf-8")


#: The script that evaluates a measure: one relaxation time, several rates or channels, layers.
SCRIPTS = ("measure.js", "channels.js", "layers.js")


def evaluator() -> str:
    """The JavaScript that evaluates a measure, with our value of the electron mass."""
    script = "".join(map(part, SCRIPTS))
    mark = "/*ELECTRON_MASS*/ "
    before, _, after = script.partition(mark)
    return f"{before}{ELECTRON_MASS!r}{after[after.index(';') :]}"


def write_page(path: Path, page: str, words: Mapping[str, str]) -> Path:
    """Put words into a page and write it.  A word must not occur in what stands for another.

    Raises
    ------
    InputError
        Another file of this name is there, which we did not write.
    """
    require_ours(path)
    for word, text in words.items():
        page = page.replace(word, text)
    with atomic_path(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def require_ours(path: Path) -> None:
    """InputError where a file of somebody else has this name."""
    if path.exists() and OURS not in path.read_text(encoding="utf-8", errors="replace"):
        raise InputError(
            f"{path}: ohmr_fem did not write it, and it would be replaced; move it away, or give "
            "another folder",
            value=str(path),
        )


def write_explore(
    path: Path,
    title: str,
    measures: Sequence[SpectralMeasure],
    names: Sequence[str],
    sliders: Mapping[str, Any],
    least: float,
) -> Path:
    """A page with the measures, and a script that evaluates them.

    Parameters
    ----------
    path : file to write
    title : str
    measures, names : of the measurements
    sliders : where they end, and the precession that the measures hold for
    least : lowest relaxation rate of the sliders, in the units of the rates
    """
    data: dict[str, Any] = {
        "measures": [_lean(m, least) for m in measures],
        "names": list(names),
        "section": measures[0].current is None,
        **sliders,
    }
    words = {
        "TITLE": html.escape(title),
        "STYLE": part("style.css"),
        "FOOTER": f"ohmr_fem {__version__}; works without a network.",
        "SCRIPT": evaluator(),
        "PAGE": part("explore.js"),
        "JSON_DATA": script_safe(data),
    }
    return write_page(path, part("explore.html"), words)


def _lean(measure: SpectralMeasure, least: float) -> dict[str, Any]:
    """What a page needs of a measure: no bound, and few poles (docs/measure-format); and JSON has
    no NaN, which is the resistance of a cross-section.
    """
    content = measure.content()
    few = Gathered.of(measure.projection.rates, measure.pole_loads(), least)
    content["projection"] = {
        "shift": measure.projection.shift,
        "rates": few.rates.tolist(),
        "loads": [[_short(load) for load in row] for row in few.loads],
    }
    if content["current"] is None:
        return content | {"R_ohmic_sigma": None}
    if measure.polarised:
        return content  # a valve has no one scale of round-off
    nothing = abs(measure.R_ohmic_sigma) <= FLOOR
    ohmic = 0.0 if nothing else measure.R_ohmic_sigma
    return content | {"R_ohmic_sigma": ohmic, "floor": ROUND_OFF * measure.largest}


def _short(number: float) -> float:
    """Digits that count for nothing left out: sums of loads are wanted to one part in 1e6."""
    return float(f"{number:.9g}")


def script_safe(data: Any) -> str:
    """JSON that can stand inside a script."""
    text = json.dumps(data, allow_nan=False, default=str)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
