"""What `ohmr-fem compare` says of two tables."""

from __future__ import annotations

import numpy as np

import ohmr_fem as of
from ohmr_fem.run.compare import _numbers


def table(fields, change=0.0):
    columns = {f"B_{axis} [T]": fields[:, i] for i, axis in enumerate("xyz")}
    along = np.linalg.norm(fields, axis=1) + change
    return {**columns, "R_ohmic [ohm]": 0 * along + 1e-10 * change, "hanle [ohm]": along}


def test_fields_that_differ_are_named():
    one, other = table(of.field_sweep(-9, 9, 5, "x")), table(of.field_rotation(9.0, 36, "xz"))
    (line,) = _numbers(one, other, set())
    assert line.strip() == (
        "the fields differ: 5 fields, -9 to 9 T along x and 36 fields, 9 T turned from x to z"
    )


def test_round_off_is_not_compared():
    fields = of.field_sweep(-9, 9, 5, "x")
    lines = list(_numbers(table(fields), table(fields, 1.0), {"R_ohmic"}))
    assert lines[0].endswith("R_ohmic [ohm]: round-off in both")
    assert "largest difference 1 " in lines[1]
