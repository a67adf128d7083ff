"""Grids: spacing, names, and the strip of Sun and Vignale, Eq. (7), on the default
cross-section.
"""

import math

import numpy as np
import pytest
import skfem
from scipy.sparse.linalg import splu

from ohmr_fem.errors import InputError
from ohmr_fem.mesh.grids import (
    annulus_mesh,
    cross_section,
    disc_mesh,
    graded_lines,
    lines_between,
    rectangle,
    tensor_grid,
)
from tests.mesh.test_device_mesh import length, measure

NM = 1e-9


def strip(device, s):
    """F(s) = tanh(z)/z with z = sqrt(s) w/2 by fourth-order elements; coordinates scaled to width
    1, s to match.
    """
    scaled = device.scaled(1 / device.size)
    basis = skfem.CellBasis(scaled.mesh, skfem.ElementLinePp(4), intorder=9)
    stiffness = skfem.BilinearForm(lambda u, v, w: u.grad[0] * v.grad[0]).assemble(basis)
    mass = skfem.BilinearForm(lambda u, v, w: u * v).assemble(basis)
    load = np.zeros(basis.N, dtype=complex)
    for name, sign in (("upper", 1.0), ("lower", -1.0)):
        load[basis.nodal_dofs[0, scaled.mesh.facets[0, scaled.boundaries[name]]]] = sign
    return load @ splu((stiffness + complex(s) * mass).tocsc()).solve(load)


@pytest.mark.parametrize("ratio", [0.1, 1.0, 10.0, 100.0, 300.0, 1000.0])
@pytest.mark.parametrize("phi", [0.0, 1.0, 30.0, 1000.0])
def test_the_default_cross_section_resolves_the_strip(ratio, phi):
    device = cross_section("20 nm")
    s = ratio**2 * (1 + 1j * phi)
    z = np.sqrt(s) / 2
    exact = np.tanh(z) / z
    f = strip(device, s)
    assert abs(f - exact) < 2e-9 * abs(exact)
    assert abs(f.real - exact.real) < 2e-9 * exact.real
    assert device.n_cells < 100


def test_resolve_sets_the_finest_cell():
    fine, coarse = cross_section("1 um", resolve="1 pm"), cross_section("1 um", resolve="100 nm")
    z = 1e6 / 2
    assert strip(fine, (2 * z) ** 2).real == pytest.approx(1 / z, rel=1e-7)
    assert coarse.n_cells < 30
    assert strip(coarse, 100.0).real == pytest.approx(math.tanh(5) / 5, rel=1e-8)


def test_cross_section_is_centred_and_named():
    device = cross_section("20 nm", normal="z", cells=64)
    assert device.axes == ("z",)
    assert device.n_cells == 64
    assert np.ptp(device.cell_sizes) < 1e-20
    low, high = (
        device.mesh.p[0, device.mesh.facets[0, device.boundaries[k]]][0] for k in ("lower", "upper")
    )
    assert (low, high) == (-10 * NM, 10 * NM)


def test_layers():
    device = cross_section("20 nm", regions={"cap": ("5 nm", "20 nm"), "film": (0, "5 nm")})
    assert measure(device, device.regions["film"]) == pytest.approx(5 * NM)
    middle = device.mesh.p[0, device.mesh.t].mean(axis=0)
    assert np.all((middle < -5 * NM) == np.isin(np.arange(device.n_cells), device.regions["film"]))
    beside = np.sort(device.cell_sizes[np.argsort(np.abs(middle + 5 * NM))[:2]])
    assert np.all(beside < 1e-4 * 20 * NM)  # graded to the interface too
    uniform = cross_section(
        "20 nm", cells=8, regions={"cap": ("5 nm", "20 nm"), "film": (0, "5 nm")}
    )
    assert {k: v.size for k, v in uniform.regions.items()} == {"film": 2, "cap": 6}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"width": -1.0}, "width: must be positive"),
        ({"width": "3 s"}, "wrong dimension"),
        ({"width": 1.0, "normal": "x"}, "normal: expected 'y'"),
        ({"width": 1.0, "cells": 0}, "cells: expected"),
        ({"width": 1.0, "resolve": 0.0}, "resolve: must be positive"),
        ({"width": 1.0, "regions": {"a": (0, 0.4), "b": (0.5, 1)}}, "'b' runs from 0.5 m"),
        ({"width": 1.0, "regions": {"a": (0, 0.6), "b": (0.5, 1)}}, "expected to start at 0.6"),
        ({"width": 1.0, "regions": {"a": (0, 0.6)}}, "expected the width 1 m"),
        ({"width": 1.0, "regions": {"a": 0.6}}, "needs .start, stop."),
    ],
)
def test_bad_cross_sections(arguments, message):
    with pytest.raises(InputError, match=message):
        cross_section(**arguments)


@pytest.mark.parametrize("ends", ["both", "left", "right"])
@pytest.mark.parametrize("h_max", [None, 0.05])
def test_graded_lines(ends, h_max):
    lines = graded_lines(-1.0, 2.0, 0.01, 1.4, ends, h_max)
    steps = np.diff(lines)
    assert lines[0] == -1.0 and lines[-1] == 2.0
    assert np.all(steps > 0)
    assert np.all(np.maximum(steps[1:] / steps[:-1], steps[:-1] / steps[1:]) < 1.4 + 1e-9)
    assert 0.01 / 1.4 < steps.min() <= 0.01 * (1 + 1e-9)
    if ends == "both":
        assert np.allclose(lines + lines[::-1], 1.0, atol=1e-15)
    graded = {"both": [0, -1], "left": [0], "right": [-1]}[ends]
    assert np.allclose(steps[graded], steps.min(), rtol=1e-12)
    if h_max:
        assert steps.max() <= h_max * (1 + 1e-9)


def test_lines_without_grading_and_bad_lines():
    assert np.allclose(graded_lines(0, "1 um", "100 nm", ends="none"), np.linspace(0, 1e-6, 11))
    for arguments in ((1, 0, 0.1), (0, 1, -0.1), (0, 1, 0.1, 1.0), (0, 1, 0.1, 1.3, "up")):
        with pytest.raises(InputError):
            graded_lines(*arguments)
    with pytest.raises(InputError, match="increasing"):
        tensor_grid([0, 2, 1], [0, 1])
    with pytest.raises(InputError, match="'quad' or 'triangle'"):
        tensor_grid([0, 1], [0, 1], "hexagon")


@pytest.mark.parametrize("cells", ["quad", "triangle"])
def test_rectangles(cells):
    device = rectangle("3 um", "1 um", h_min="5 nm", cells=cells)
    assert measure(device) == pytest.approx(3e-12, rel=1e-12)
    sides = {k: length(device, k) for k in device.boundaries}
    assert sides == pytest.approx({"left": 1e-6, "right": 1e-6, "bottom": 3e-6, "top": 3e-6})
    for name, axis, at in (
        ("left", 0, -1.5e-6),
        ("right", 0, 1.5e-6),
        ("bottom", 1, -5e-7),
        ("top", 1, 5e-7),
    ):
        assert np.allclose(
            device.mesh.p[axis, device.mesh.facets[:, device.boundaries[name]]], at, rtol=1e-12
        )
    assert device.edge_sizes.min() < 5e-9
    assert device.edge_sizes.max() < 0.2e-6


def test_a_grid_with_cells_left_out():
    device = tensor_grid(np.arange(4.0), np.arange(3.0), keep=lambda p: (p[0] < 1) | (p[1] < 1))
    assert device.n_cells == 4
    assert {k: v.size for k, v in device.boundaries.items()} == {
        "left": 2,
        "right": 1,
        "bottom": 3,
        "top": 1,
    }


@pytest.mark.parametrize("cells", ["quad", "triangle"])
def test_annulus(cells):
    coarse, fine = (annulus_mesh(1.0, 4.0, around=n, cells=cells) for n in (24, 48))
    errors = [abs(measure(d) / (15 * math.pi) - 1) for d in (coarse, fine)]
    assert errors[1] < 1e-6
    assert errors[0] / errors[1] == pytest.approx(16, rel=0.1)
    assert length(fine, "inner") == pytest.approx(2 * math.pi, rel=1e-6)
    assert length(fine, "outer") == pytest.approx(8 * math.pi, rel=1e-6)
    assert fine.boundary_facets().size == 0


def test_disc():
    device = disc_mesh("1 um", h_min="5 nm")
    assert measure(device) == pytest.approx(math.pi * 1e-12, rel=1e-6)
    assert length(device, "outer") == pytest.approx(2 * math.pi * 1e-6, rel=1e-6)
    assert list(device.boundaries) == ["outer"] and device.boundary_facets().size == 0
    assert disc_mesh(1.0, rings=4, axes=("y", "z")).axes == ("y", "z")


def test_bad_circles():
    with pytest.raises(InputError, match="outer_radius must exceed"):
        annulus_mesh(2.0, 1.0)
    with pytest.raises(InputError, match="at least 6"):
        annulus_mesh(1.0, 2.0, around=3)


def test_both_ends_are_graded_at_every_length():
    """Where the two ramps just meet, round-off must not hand the line to one end."""
    for width in np.linspace(0.2, 15.0, 3001):
        steps = np.diff(graded_lines(-width / 2, width / 2, 1e-5 * width, 1.3)) / width
        assert steps[0] <= 1e-5 * 1.3 and steps[-1] <= 1e-5 * 1.3


def test_any_lines_keep_sizes_and_ratio():
    rng = np.random.default_rng(0)
    for _ in range(500):
        span = 10 ** rng.uniform(-9, 1)
        a = rng.uniform(-1, 1) * span
        low, high = (
            math.inf if rng.random() < 0.2 else span * 10 ** rng.uniform(-5, 1) for _ in range(2)
        )
        largest = math.inf if rng.random() < 0.3 else span * 10 ** rng.uniform(-2, 1)
        growth = rng.uniform(1.05, 4)
        steps = np.diff(lines_between(a, a + span, low, high, largest, growth))
        ratios = np.maximum(steps[1:] / steps[:-1], steps[:-1] / steps[1:])
        first = (growth - 1) / math.log(growth)
        slack = 1 + 1e-6
        assert steps.min() > 0 and ratios.max(initial=1) < growth * slack
        assert steps[0] <= min(low, largest, span) * first * slack
        assert steps[-1] <= min(high, largest, span) * first * slack
        assert steps.max() <= min(largest, span) * slack
