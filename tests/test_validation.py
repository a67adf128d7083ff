"""The quick level of the validation suite; the cases live in validation/ alone."""

from __future__ import annotations

import functools
import importlib
import math
import warnings

import pytest

CASES = ("strip", "strip_tensor", "nonlocal_strip", "four_terminal", "edges", "sections", "annulus", "manufactured",
         "invariants", "figure2", "manganese", "dynamics", "hall", "drift",
         "adaptivity")
#: Rows that the quick level must not lose.
LEAST = {"strip": 13, "strip_tensor": 5, "nonlocal_strip": 4, "four_terminal": 2, "edges": 14, "sections": 5, "annulus": 5,
         "manufactured": 20, "invariants": 7, "figure2": 4, "manganese": 5, "dynamics": 26, "hall": 6, "drift": 14,
         "adaptivity": 12}


@functools.cache
def rows_of(case):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(f"validation.{case}").run("quick")


@pytest.mark.parametrize("case", CASES)
def test_case(case):
    rows = rows_of(case)
    assert len(rows) >= LEAST[case]
    assert all(math.isfinite(row.error) and row.tolerance < 1.0 for row in rows)
    failed = [f"{row.quantity}: {row.value!r} against {row.reference!r}, error {row.error:.3g} > {row.tolerance:g}"
              for row in rows if not row.passed]
    assert not failed, "\n".join(failed)


def test_a_row_fails_on_nan_and_beyond_its_tolerance():
    from validation.case import Row

    row = functools.partial(Row, "case", "equation", "quantity", 1.0, 1.0)
    assert row(1e-3, 1e-3).passed and not row(1.1e-3, 1e-3).passed and not row(float("nan"), 1.0).passed


def test_order_row_falls_short():
    from validation.case import order_row

    def case(power):
        return order_row("case", "equation", "quantity", lambda n: n ** -power, (4, 8, 16), 3)

    assert case(3.0).passed and case(4.0).passed and not case(2.5).passed
    with pytest.raises(ValueError, match="round-off"):
        order_row("case", "equation", "quantity", lambda n: 1e-16, (4, 8), 3, floor=1e-12)


def test_every_mutant_still_has_its_line():
    from validation.mutants import MUTANTS, Mutant
    from validation.mutations import stale

    assert not stale() and len({m.name for m in MUTANTS}) == len(MUTANTS) >= 30
    assert stale((Mutant("gone", "forms.py", "no such text", "x", ()),))
