"""Falsify the references and see every row fail: ``python -m validation.falsified [CASE ...]``.

Whatever a watched route returns (:mod:`validation.independence`) is shrunk to 0.4 to 0.8 of its
size, each number differently. A row that still passes is not held by the route that it names: its
other side comes from somewhere else, or nothing is compared. Rows of two paths of the package, and
of digits and laws whose number stands in the case, have no route to falsify.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from scipy.sparse import issparse

from ohmr_fem.errors import MissingExtraError

from .case import Row, Skipped
from .independence import (
    BY_WORD,
    CLOSED,
    closed_forms_watched,
    lying,
    routes_of,
    watched_names,
)

#: Modules that are not cases and keep what was seen.
KEPT = ("case", "independence", "falsified", "runner", "__main__")


class Liar:
    """Numbers of any nested value times 0.4 to 0.8, so that places stay in their device; 0 is not
    left 0.
    """

    def __init__(self) -> None:
        self.rng = np.random.default_rng(7)

    def __call__(self, value: Any) -> Any:
        if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
            return type(value)(self(part) for part in value)
        if isinstance(value, tuple):
            return type(value)(*(self(part) for part in value))
        if isinstance(value, dict):
            return {key: self(part) for key, part in value.items()}
        if issparse(value):
            return value * float(self.factor(()))
        if isinstance(value, np.ndarray) and value.dtype.kind in "ifc":
            return (value + 1e-3 * np.abs(value).max(initial=0.0)) * self.factor(value.shape)
        if isinstance(value, (float, complex)):
            return value * float(self.factor(())) or 0.1
        return value

    def factor(self, shape: tuple[int, ...]) -> np.ndarray:
        return np.asarray(self.rng.uniform(0.4, 0.8, shape))


def fresh(name: str) -> ModuleType:
    """The case and those it builds on, imported anew: nothing honest is left in their caches."""
    for module in [m for m in sys.modules if m.startswith("validation.")]:
        if module.split(".")[1] not in KEPT:
            del sys.modules[module]
    return importlib.import_module(f"validation.{name}")


def held(row: Row, routes: tuple[str, ...], entered: set[str]) -> bool:
    """Whether a row has a route of its own that can be falsified."""
    if len(routes) < 2:
        return False
    word = next((w for w in BY_WORD if routes[1].startswith(w)), "")
    return word in ("", CLOSED) or (word == "law" and routes[1] in entered)


def unnoticed(name: str, lie: Callable[[Any], Any] | None = None) -> list[str]:
    """Rows of a case, at the quick level, that pass although their route is falsified."""
    case = fresh(name)
    with warnings.catch_warnings(), closed_forms_watched(), lying(lie or Liar()):
        warnings.simplefilter("ignore")
        before = watched_names()
        rows = case.run("quick")
        entered = {n for n, count in watched_names().items() if count > before.get(n, 0)}
    kept = [row for row in rows if held(row, routes_of(row, case.ROUTES), entered)]
    return [f"{name}: {row.quantity}: passes with a false reference" for row in kept if row.passed]


def main(arguments: list[str] | None = None) -> int:
    from .runner import known_cases

    parser = argparse.ArgumentParser(prog="python -m validation.falsified", description=__doc__)
    parser.add_argument("cases", nargs="*")
    options = parser.parse_args(arguments)
    blind = []
    for name in options.cases or known_cases():
        try:
            found = unnoticed(name)
        except (Skipped, MissingExtraError) as reason:
            print(f"{name}: skipped: {reason}", flush=True)
            continue
        blind += found
        print(
            f"{name}: {'; '.join(found) or 'every row with a route of its own fails'}", flush=True
        )
    print(f"{len(blind)} rows do not notice")
    return 1 if blind else 0


if __name__ == "__main__":
    sys.exit(main())
