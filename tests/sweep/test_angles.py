"""Angle scans of film bars: the table of planes of Velez et al., PRL 116, 016603, form by form."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import ohmr_fem as of
from ohmr_fem.units import ELECTRON_MASS, ELEMENTARY_CHARGE

STRENGTH = 3.0 * ELECTRON_MASS / ELEMENTARY_CHARGE
LONG = ("left", "right"), ("t1", "t2")
ACROSS = ("left", "right"), ("t1", "b1")


@pytest.fixture(scope="module")
def film_bar():
    """Symmetric under y -> -y and x -> -x, isotropic X, L_m = 1."""
    mesh = of.tensor_grid(np.linspace(-2, 2, 17), np.linspace(-0.75, 0.75, 7))
    names = {"left": lambda p: p[0] < -2 + 1e-9, "right": lambda p: p[0] > 2 - 1e-9}
    for name, side, at in (("t1", 1, -0.5), ("t2", 1, 0.5), ("b1", -1, -0.5), ("b2", -1, 0.5)):
        names[name] = lambda p, side=side, at=at: (
            (side * p[1] > 0.75 - 1e-9) & (abs(p[0] - at) < 0.25)
        )
    material = of.Material(1.0, 1.0, 1.0, 1.0, diffusion_length=1.0)
    return of.Problem(
        mesh.with_boundaries(names), material, list(names), order=2, film=of.Film(0.6)
    )


def scan(problem, plane, points=25):
    with pytest.warns(of.PhysicsWarning) if "z" in plane else _nothing():
        return of.admr(
            problem,
            STRENGTH,
            plane=plane,
            points=points,
            current=LONG[0],
            voltage=[LONG[1], ACROSS[1]],
        )


def _nothing():
    import contextlib

    return contextlib.nullcontext()


def shares(values, *shapes):
    """Amplitudes of the shapes and a constant, and what is left over."""
    columns = np.column_stack([np.ones_like(values), *shapes])
    amplitudes, *_ = np.linalg.lstsq(columns, values, rcond=None)
    return amplitudes[1:], np.abs(values - columns @ amplitudes).max()


def test_the_table_of_planes(film_bar):
    """Longitudinal: b_y^2 lowers R, and b_z^2 by the side edges.  Transverse: b_x b_y and b_z."""
    for plane in ("xy", "yz", "xz"):
        found = scan(film_bar, plane)
        x, y, z = (found.fields / STRENGTH).T
        along, across = found.delta_R.T
        size = np.abs(along).max()
        if plane == "xy":
            (square,), left = shares(along, y**2)
            assert square < -5e-4 * size and left < 1e-8 * size
            (planar,), left = shares(across, x * y)
            assert planar < -1e-3 * size and left < 1e-8 * size
        if plane == "yz":
            (square,), left = shares(along, y**2)  # b_z^2 = 1 - b_y^2
            assert square > 1e-3 * size and left < 1e-8 * size
            (hall,), left = shares(across, z)
            assert abs(hall) > 0.01 * size and left < 1e-8 * size
        if plane == "xz":
            (edges,), left = shares(along, z**2)  # of the edges alone
            assert edges < -1e-3 * size and left < 1e-8 * size
            (again,), left = shares(across, z)
            assert again == pytest.approx(hall, rel=1e-5) and left < 1e-8 * size


def test_columns_and_ends(film_bar):
    found = scan(film_bar, "xy", points=73)
    assert_allclose(found.angle[[0, 1, -1]], [0, 5, 360])
    assert_allclose(found.fields[18], [0, STRENGTH, 0], atol=1e-12 * STRENGTH)
    assert list(found.columns()) == [
        "angle", "B_x", "B_y", "B_z", "R_1", "delta_R_1", "R_2", "delta_R_2",
    ]  # fmt: skip
    assert_allclose(found.delta_R[0], found.delta_R[-1], atol=1e-12)
    assert_allclose(found["R_1"], found.R_ohmic[0] + found["delta_R_1"])
    assert_allclose(found.forms["1 - b_y^2"][18], 0.0, atol=1e-14)
    assert "t1" in repr(found)
    low, high = found.delta_R[:, 0].min(), found.delta_R[:, 0].max()
    assert f"R_ohmic {found.R_ohmic[0]:.6g} ohm, delta_R {low:.4g} to {high:.4g} ohm" in repr(found)


def test_a_plane_without_a_film(film_bar):
    plane = of.Problem(film_bar.mesh, film_bar.material, list(film_bar.contacts), order=2)
    found = of.admr(plane, STRENGTH, current=LONG[0], voltage=LONG[1], points=9)
    curve = of.hanle_curve(plane, found.fields, current=LONG[0], voltage=LONG[1])
    assert_allclose(found.delta_R[:, 0], curve.delta_R, rtol=1e-8)


def test_refusals(film_bar, refuses):
    with refuses(of.InputError, "points", "1"):
        of.admr(film_bar, 1.0, points=1, current=LONG[0], voltage=LONG[1])
    with refuses(of.InputError, "xx"):
        of.admr(film_bar, 1.0, plane="xx", current=LONG[0], voltage=LONG[1])
    with refuses(of.InputError, "pair"):
        of.admr(film_bar, 1.0, current="left", voltage=LONG[1])
    with refuses(of.InputError, "2 current pairs for 3"):
        of.admr(film_bar, 1.0, current=[LONG[0]] * 2, voltage=[LONG[1]] * 3)


def test_a_scan_is_drawn_with_its_forms(film_bar, refuses):
    found = scan(film_bar, "yz")
    for number, shown in ((1, ["b_y^2"]), (2, ["b_z"])):
        ax = of.plot_admr(found, number)
        points, *forms = ax.get_lines()
        assert_allclose(points.get_xdata(), found.angle)
        assert [f.get_label().strip("$") for f in forms] == shown
        every = forms[0].get_ydata()[:: 360 // 24]
        # b_z^2 of the edges is 1 - b_y^2 here
        assert_allclose(every, points.get_ydata(), atol=1e-6 * np.ptp(every))
    with refuses(of.InputError, "measurement", "1 to 2"):
        of.plot_admr(found, 3)
