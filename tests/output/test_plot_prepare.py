"""The figure of a preparation shows every raw row once, those left out marked, and every point."""

from __future__ import annotations

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.errors import InputError

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def raw():
    up = np.linspace(-2.0, 2.0, 41)
    B = np.concatenate([up, up[::-1]])
    values = 5.0 + B**2 / (B**2 + 0.3) + 1e-3 * np.random.default_rng(1).standard_normal(82)
    values[10] += 1.0
    return of.Measured(np.outer(B, [1.0, 0.0, 0.0]), values, time=np.arange(82.0))


@pytest.mark.parametrize("symmetry", [None, "even"])
def test_every_row_and_point_is_drawn(raw, symmetry, tmp_path):
    made = of.prepare(raw, outliers="auto", symmetry=symmetry)
    above = of.plot_preparation(made)
    rows = sum(len(line.get_xdata()) for line in above.lines)
    marked = next(line for line in above.lines if line.get_marker() == "x")
    assert rows == 82 and len(marked.get_xdata()) == np.sum(made.preparation.outliers) == 1
    assert marked.get_xdata()[0] == pytest.approx(raw.fields[10, 0])
    _, below = above.figure.axes
    (points,) = below.containers
    assert np.allclose(np.sort(points[0].get_xdata()), np.sort(made.signed))
    # the outlier does not set the scale
    assert np.ptp(above.get_ylim()) < 1.5 * np.ptp(np.delete(raw.values, 10)) / 1.0
    above.figure.savefig(tmp_path / "figure.png")


def test_an_odd_curve_starts_from_itself():
    up = np.linspace(-1.0, 1.0, 41)
    B = np.concatenate([up, up[::-1]])
    values = 0.3 * B + 1e-3 * np.random.default_rng(1).standard_normal(82)
    made = of.prepare(of.Measured(np.outer(B, [0, 0, 1.0]), values), symmetry="odd")
    _, below = of.plot_preparation(made).figure.axes
    assert "R(0)" not in below.get_ylabel() and "$R$" in below.get_ylabel()
    (points,) = below.containers
    unit = 1e-3 if "mΩ" in below.get_ylabel() or "m$" in below.get_ylabel() else 1.0
    assert points[0].get_ydata()[-1] * unit == pytest.approx(0.3, rel=0.02)


def test_a_raw_curve_is_refused(raw):
    with pytest.raises(InputError, match="not prepared") as caught:
        of.plot_preparation(raw)
    assert caught.value.key == "prepared"
