"""Figures of measured curves and fits, read back from their artists."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.fitting.data import Measured
from ohmr_fem.output.plot_fit import plot_data, plot_fit

FIELDS = of.field_sweep(-1.0, 1.0, 21, (1, 0, 1))


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def points(ax, number=0):
    return ax.containers[number].lines[0].get_xydata()


def test_points_are_the_data_in_the_unit_of_the_axis():
    values = 5.0 + 2e-3 * FIELDS[:, 0] ** 2
    ax = plot_data(Measured(FIELDS, values, "R", 1e-4, name="top"))
    assert np.allclose(points(ax), np.column_stack([np.linspace(-1, 1, 21), 1e3 * (values - 5.0)]))
    assert ax.get_ylabel() == "$R(B) - R(0)$ (mΩ)" and legend(ax) == [
        "top, B along (0.71, 0, 0.71)"
    ]
    bars = ax.containers[0].lines[2][0].get_segments()
    assert np.allclose(np.ptp(bars[3], axis=0), [0.0, 0.2])
    whole = plot_data(Measured(FIELDS, values), centred=False)
    assert np.allclose(points(whole)[:, 1], values) and whole.get_ylabel() == "$R$ (Ω)"


def test_data_lie_on_the_curve_they_come_from(bar):
    """plot_hanle and plot_data agree on axes and units: the overlay of theory and measurement."""
    from validation.case import simple_material

    prob = bar(simple_material(inverse_mass=[1.0, 1.0, 0.25]))
    curve = of.hanle_curve(
        prob, of.field_sweep(-2e-11, 2e-11, 21), current=("left", "right"), voltage=("t1", "t2")
    )
    ax = of.plot_hanle(curve)
    line = ax.lines[0].get_xydata()
    plot_data(Measured(curve.fields, curve.R), ax)
    assert np.allclose(points(ax), line, rtol=1e-6, atol=1e-9 * np.abs(line[:, 1]).max())


@pytest.fixture(scope="module")
def fitted(bar):
    """Local and nonlocal curves in two directions, with the infinite strip beside."""
    pytest.importorskip("lmfit", reason="fits need lmfit")
    from validation.case import simple_material

    prob = bar(simple_material(inverse_mass=[1.0, 1.0, 0.25]))
    data, top = [], 3.0 * prob.material.field_scale / 0.5
    for name, pair in (("local", ("left", "right", "t1", "t2")), ("far", ("t1", "b1", "t2", "b2"))):
        measure = of.spectral_measure(prob, current=pair[:2], voltage=pair[2:])
        for direction in ("x", (1, 0, 1)):
            B = of.field_sweep(-top, top, 21, direction)
            change = measure.hanle(B)
            noise = 0.01 * np.ptp(change)
            data.append(
                Measured(
                    B,
                    7.0 + change + noise * np.cos(40 * np.arange(21)),
                    "R",
                    noise,
                    pair[:2],
                    pair[2:],
                    name,
                )
            )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return of.fit(data, prob, ["alpha"], intervals="fisher")


def test_one_panel_for_every_pair_and_its_residuals(fitted):
    ax = plot_fit(fitted)
    top, below = np.array(ax.get_figure().axes).reshape(2, 2)
    assert ax is top[0] and [a.get_legend().get_title().get_text() for a in top] == ["local", "far"]
    assert "infinite strip" in legend(top[0]) and "infinite strip" not in legend(top[1])
    assert "-0" not in "".join(legend(top[0]))
    for a, r, curves in zip(top, below, (fitted.curves[:2], fitted.curves[2:]), strict=True):
        fits = [line.get_ydata() for line in a.lines if line.get_color() == "black"]
        for k, (c, model) in enumerate(zip(curves, fits, strict=True)):
            measured = points(a, k)[:, 1]
            assert abs(model[10]) < 1e-9 * np.ptp(model)  # B = 0: offsets are off
            scale = c.data.sigma[0] / (
                np.ptp(a.containers[k].lines[2][0].get_segments()[0][:, 1]) / 2
            )
            assert np.allclose(
                scale * (measured - model), c.data.values - c.model, atol=1e-6 * np.ptp(c.model)
            )
            assert np.allclose(r.lines[1 + k].get_ydata(), (c.data.values - c.model) / c.noise)


def test_everything_on_given_axes(fitted, tmp_path):
    from matplotlib.figure import Figure

    ax = Figure().add_subplot()
    assert plot_fit(fitted, ax) is ax and len(ax.containers) == 4 and len(ax.get_figure().axes) == 1
    assert [t for t in legend(ax) if "B along" in t][2] == "far, B along x"
    assert of.save_figure(ax, tmp_path / "fit.png").stat().st_size > 5000


def test_ratios_have_no_ohm():
    assert (
        plot_data(Measured(FIELDS, 1e-4 * FIELDS[:, 0] ** 2, "ratio")).get_ylabel()
        == "$\\Delta R/R$ ($10^{-6}$)"
    )
    replaced = replace(Measured(FIELDS, 0.4 * FIELDS[:, 0] ** 2, "ratio"), name="a")
    assert plot_data([replaced, replaced]).get_ylabel() == "$\\Delta R/R$ ($10^{-3}$)"
