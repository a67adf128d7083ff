"""Figures show the numbers they claim to show."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from small_devices import MATERIAL, bar, bar_problem, bar_solution

import ohmr_fem as of
from ohmr_fem.output.paraview import subdivide
from ohmr_fem.output.plot import plot_hanle, plot_mesh, plot_moment_density
from ohmr_fem.output.style import save_figure


@pytest.fixture(scope="module")
def solution():
    return bar_solution(2)


@pytest.fixture(scope="module")
def curve():
    fields = of.field_sweep(-2, 2, 5)
    return of.hanle_curve(bar_problem(2), fields, current=("left", "right"), voltage=("t1", "t2"))


def _map_of(ax):
    return next(c for c in ax.collections if hasattr(c, "get_clim") and c.get_array() is not None)


def test_map_is_centred_on_zero_and_in_the_units_of_its_label(solution):
    ax = plot_moment_density(solution)
    image = _map_of(ax)
    low, high = image.get_clim()
    assert low == -high and image.get_cmap().name == "RdBu_r"
    assert ax.get_figure().axes[1].get_ylabel() == "$n^z$ (µC/m²)"
    assert high * 1e-6 == pytest.approx(np.abs(solution.moment_density[2]).max(), rel=0.02)
    values, y = image.get_array(), subdivide(solution).points[1]  # one value for each node
    assert values.size == y.size and np.mean(values[y > 1.9e-7]) > 0 > np.mean(values[y < -1.9e-7])


def test_arrows_are_the_conventional_current(solution):
    from matplotlib.quiver import Quiver

    ax = plot_moment_density(solution, arrows=12)
    quiver = next(c for c in ax.collections if isinstance(c, Quiver))
    assert np.mean(quiver.U) > 0 and abs(np.mean(quiver.V)) < 0.05 * np.mean(
        quiver.U
    )  # current enters at the left
    steps = np.unique(np.round(np.diff(np.unique(np.round(quiver.X / 1e-9))), 3))
    assert steps.size == 1 and steps[0] == pytest.approx(100)  # even in space: 1200 nm / 12
    at = solution.at(np.column_stack([quiver.X, quiver.Y])).current_density
    assert np.all(quiver.U * at[0] + quiver.V * at[1] > 0)
    assert not any(
        isinstance(c, Quiver) for c in plot_moment_density(solution, arrows=0).collections
    )


def test_other_components_and_lines(solution):
    ax = plot_moment_density(solution, "y")
    assert ax.get_figure().axes[1].get_ylabel() == "$n^y$ (nC/m²)"
    assert _map_of(ax).get_clim()[1] * 1e-9 == pytest.approx(
        np.abs(solution.moment_density[1]).max(), rel=0.05
    )
    with pytest.raises(of.InputError, match="'q' is not known"):
        plot_moment_density(solution, "q")
    problem = of.Problem(of.cross_section("400 nm", cells=16), of.Material(**MATERIAL))
    ax = plot_moment_density(of.solve(problem))
    y, n = ax.lines[-1].get_data()
    assert ax.get_xlabel() == "$y$ (nm)" and (y[0], y[-1]) == pytest.approx((-200, 200))
    length, D = (
        MATERIAL["diffusion_length"],
        MATERIAL["diffusion_length"] ** 2 / MATERIAL["relaxation_time"],
    )
    assert n[-1] * 1e-9 == pytest.approx(0.1 * 1e-3 * length / D * np.tanh(2.0), rel=1e-6)


def test_quadrilaterals():
    values = _map_of(plot_moment_density(bar_solution(2, quads=True))).get_array()
    assert values.max() == pytest.approx(-values.min(), rel=0.05)


def test_hanle_axis_matches_the_curve(curve):
    ax = plot_hanle(curve)
    x, y = ax.lines[0].get_data()
    assert np.allclose(x, [-2, -1, 0, 1, 2]) and ax.get_xlabel() == "$B_x$ (T)"
    assert "mΩ" in ax.get_ylabel() and np.allclose(y * 1e-3, curve.hanle)
    ax = plot_hanle([curve, curve], "rho_star", labels=["a", "b"])
    assert np.allclose(ax.lines[0].get_ydata(), curve.rho_star)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["a", "b"]
    assert ax.lines[0].get_color() != ax.lines[1].get_color()
    with pytest.raises(of.InputError, match="did you mean 'hanle'"):
        plot_hanle(curve, "hanel")
    with pytest.raises(of.InputError, match="at least one"):
        plot_hanle([])


def test_mesh_names_its_boundaries():
    ax = plot_mesh(bar())
    texts = {t.get_text() for t in ax.texts}
    assert {"left", "right", "t1", "b2"} <= texts and "200 nm" in texts
    with pytest.raises(of.InputError, match="two-dimensional"):
        plot_mesh(of.cross_section("400 nm"))


def test_saving(tmp_path, curve):
    ax = plot_hanle(curve)
    for suffix, start in (("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")):
        assert save_figure(ax, tmp_path / f"h.{suffix}").read_bytes().startswith(start)
    assert b"<text" in (tmp_path / "h.svg").read_bytes()  # text stays text
    with pytest.raises(of.InputError, match=r"\.png, \.pdf or \.svg"):
        save_figure(ax, tmp_path / "h.gif")
    assert len(list(tmp_path.iterdir())) == 3


def test_drawing_needs_no_screen_and_leaves_pyplot_alone():
    code = (
        "import sys, ohmr_fem as of; from ohmr_fem import plot_hanle;"
        "p = of.Problem(of.cross_section('20 nm', cells=8), of.Material(sheet_conductivity=1e-3, "
        "diffusion_length=2e-9,"
        "relaxation_time=2e-12, orbital_hall_angle=0.01, inverse_mass=1)); "
        "plot_hanle(of.hanle_curve(p, of.field_sweep(-1, 1, 3)));"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )


def test_a_field_that_turns_is_drawn_against_its_angle():
    from small_devices import bar_problem

    fields = of.field_rotation(1.0, 8, "xy")
    curve = of.hanle_curve(bar_problem(), fields, current=("left", "right"), voltage=("t1", "t2"))
    ax = of.plot_hanle(curve)
    assert ax.get_xlabel() == "angle of $B$ = 1 T from x to y (deg)"
    np.testing.assert_allclose(ax.lines[0].get_xdata(), 45.0 * np.arange(8), atol=1e-9)
    straight = of.hanle_curve(
        bar_problem(), of.field_sweep(-1, 1, 5), current=("left", "right"), voltage=("t1", "t2")
    )
    assert "B_x" in of.plot_hanle(straight).get_xlabel()
