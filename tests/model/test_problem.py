"""A problem is refused as a whole: every inconsistency by name, with the nearest known one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.errors import InputError
from ohmr_fem.mesh.grids import tensor_grid
from ohmr_fem.model.contacts import Moment
from validation.case import simple_material

GRID = tensor_grid(np.linspace(0, 2, 5), np.linspace(0, 1, 3), cells="triangle")
TWO = GRID.with_regions({"west": lambda x: x[0] < 1, "east": lambda x: x[0] > 1})
MATERIAL = simple_material()


def test_what_a_problem_knows():
    prob = of.Problem(GRID, MATERIAL, ["left", "right"])
    assert (
        list(prob.contacts) == ["left", "right"] and prob.contacts["left"].kind == "equipotential"
    )
    assert prob.order == 2 and prob.coupling == "linear" and prob.detection == "printed"
    assert prob.material is MATERIAL and prob.uniform and not prob.is_cross_section
    assert prob.moment_conditions() == {}
    assert list(of.Problem(GRID, MATERIAL, "left").contacts) == ["left"]
    assert (
        of.Problem(of.cross_section(1.0), MATERIAL).order == 4
        and of.Problem(of.cross_section(1.0), MATERIAL).is_cross_section
    )


def test_materials_follow_the_regions_of_the_mesh():
    other = simple_material(sheet_conductivity=2.0)
    prob = of.Problem(TWO, {"east": other, "west": MATERIAL})
    assert list(prob.materials) == list(TWO.regions) and prob.materials["east"] is other
    assert not prob.uniform and of.Problem(TWO, MATERIAL).uniform


def test_material_asked_of_a_problem_with_two(refuses):
    prob = of.Problem(TWO, {"east": simple_material(sheet_conductivity=2.0), "west": MATERIAL})
    with refuses(InputError, "2 materials", "west", "east"):
        prob.material  # noqa: B018


def test_moment_conditions_of_contacts_and_edges():
    prob = of.Problem(
        GRID,
        MATERIAL,
        {"a": of.Contact(boundary="left", moment=2.0), "right": of.Contact()},
        edges={"top": "absorbing", "bottom": of.Edge("reflecting")},
    )
    assert set(prob.moment_conditions()) == {"left", "top"}
    assert prob.moment_conditions()["left"].absorption == (2.0, 2.0, 2.0)
    assert prob.moment_conditions()["top"].absorbing


@pytest.mark.parametrize(
    "given, expected",
    [
        ("reflecting", Moment()),
        ("absorbing", Moment(absorbing=True)),
        (3, Moment(absorption=(3.0, 3.0, 3.0))),
        ("2 km/s", Moment(absorption=(2e3, 2e3, 2e3))),
        ((1, 0, "2 m/s"), Moment(absorption=(1.0, 0.0, 2.0))),
        ({"injected": 0.5}, Moment(injected=(0.0, 0.0, 0.5))),
        ({"injected": (1, "2 A/m", 3)}, Moment(injected=(1.0, 2.0, 3.0))),
        ({"injected": 1, "absorption": 2}, Moment(absorption=(2.0,) * 3, injected=(0.0, 0.0, 1.0))),
        (0, Moment()),
        (Moment(absorbing=True), Moment(absorbing=True)),
        (np.array([1.0, 2.0, 3.0]), Moment(absorption=(1.0, 2.0, 3.0))),
    ],
)
def test_moment(given, expected):
    assert of.Edge(given).moment == expected and of.Contact(moment=given).moment == expected


@pytest.mark.parametrize(
    "given, fragments",
    [
        (-1.0, (">= 0", "-1.0")),
        ((1.0, -2.0, 0.0), (">= 0", "-2.0")),
        ("-3 m/s", (">= 0", "'-3 m/s'")),
        (float("nan"), ("finite", "nan")),
        (float("inf"), ("finite",)),
        ((1.0, 2.0), ("one number or three", "got 2")),
        ((1.0, 2.0, 3.0, 4.0), ("one number or three", "got 4")),
        ("2 m", ("wrong dimension", "m/s")),
        ("absorbs", ("'absorbs'", "did you mean 'absorbing'?")),
        ({"inject": 1.0}, ("'injected'", "'absorption'", "'inject'")),
        ({}, ("'injected'",)),
        ({"injected": "1 m/s"}, ("wrong dimension", "A/m")),
        ({"injected": (1.0, 2.0)}, ("one number or three", "got 2")),
        ({"injected": float("nan")}, ("finite",)),
        ({"absorption": -1.0}, (">= 0",)),
        (None, ("m/s", "None")),
        (True, ("m/s", "True")),
    ],
)
def test_moment_refuses(given, fragments, refuses):
    for what in (of.Edge, lambda m: of.Contact(moment=m)):
        with refuses(InputError, *fragments):
            what(given)


@pytest.mark.parametrize(
    "given, fragments",
    [
        ({"kind": "equipotentail"}, ("'equipotentail'", "did you mean 'equipotential'?")),
        (
            {"kind": "profile", "profile": "gaussian"},
            ("'uniform'", "'gaussian'", "function of (x, y)"),
        ),
        ({"kind": "point"}, ("'at'", "'point'")),
        ({"at": (0, 0)}, ("'at'", "'equipotential'")),
        ({"kind": "point", "at": (1.0,)}, ("two lengths", "(1.0,)")),
        ({"kind": "point", "at": 3.0}, ("two lengths", "3.0")),
        ({"kind": "point", "at": ("1 s", 0)}, ("wrong dimension", "expected m")),
        ({"kind": "point", "at": (np.nan, 0)}, ("finite",)),
    ],
)
def test_contact_refuses(given, fragments, refuses):
    with refuses(InputError, "Contact", *fragments):
        of.Contact(**given)


def test_point_contact_and_profile_take_quantities():
    assert of.Contact("point", at=("2 nm", 1.0)).at == pytest.approx((2e-9, 1.0))
    shape = of.gaussian_profile(("1 nm", 0), "2 nm")
    assert shape(1e-9 + 2e-9, 0.0) == pytest.approx(np.exp(-0.5)) and shape(
        1e-9, 4e-9
    ) == pytest.approx(np.exp(-2.0))


@pytest.mark.parametrize(
    "arguments, fragments",
    [
        ((None, MATERIAL), ("DeviceMesh", "None")),
        ((GRID, None), ("Material or {region: Material}", "None")),
        ((GRID, {"bulk": 3}), ("Material",)),
        ((TWO, {"west": MATERIAL}), ("'east'", "no material", "west")),
        (
            (TWO, {"west": MATERIAL, "east": MATERIAL, "eats": MATERIAL}),
            ("'eats'", "unknown region", "did you mean 'east'?"),
        ),
        ((TWO, {}), ("'west'", "no material", "none")),
        (
            (GRID, MATERIAL, ["left", "rigth"]),
            ("contact 'rigth'", "no boundary", "did you mean 'right'?"),
        ),
        (
            (GRID, MATERIAL, {"a": of.Contact(boundary="lfet")}),
            ("contact 'a'", "'lfet'", "did you mean 'left'?"),
        ),
        ((GRID, MATERIAL, ["left", "left"]), ("twice",)),
        (
            (GRID, MATERIAL, {"left": "equipotential"}),
            ("'left'", "must be a Contact", "'equipotential'"),
        ),
        (
            (GRID, MATERIAL, {"left": of.Contact(), "b": of.Contact(boundary="left")}),
            ("two contacts share one boundary", "left"),
        ),
        ((GRID, MATERIAL, None), ("contacts", "None")),
        ((GRID, MATERIAL, of.Contact()), ("contacts",)),
        ((GRID, MATERIAL, [], {"tpo": of.Edge(1.0)}), ("edge 'tpo'", "did you mean 'top'?")),
        (
            (GRID, MATERIAL, ["left"], {"left": of.Edge(1.0)}),
            ("'left' is a contact", "Contact(moment=...)"),
        ),
        ((GRID, MATERIAL, [], ["top"]), ("{name: Edge}", "['top']")),
        ((GRID, MATERIAL, [], {"top": -1.0}), (">= 0", "-1.0")),
        ((of.cross_section(1.0), MATERIAL, ["lower"]), ("cross-section has no contacts", "lower")),
    ],
)
def test_problem_refuses(arguments, fragments, refuses):
    with refuses(InputError, *fragments):
        of.Problem(*arguments)


@pytest.mark.parametrize(
    "options, fragments",
    [
        ({"order": 0}, ("1 to 4", "0")),
        ({"order": 5}, ("1 to 4", "5")),
        ({"order": 2.0}, ("whole number", "2.0")),
        ({"order": True}, ("whole number", "True")),
        ({"coupling": "ful"}, ("'ful'", "did you mean 'full'?")),
        ({"detection": "reciprocl"}, ("'reciprocl'", "did you mean 'reciprocal'?")),
    ],
)
def test_options_refuse(options, fragments, refuses):
    with refuses(InputError, *fragments):
        of.Problem(GRID, MATERIAL, **options)


def test_orders_by_cell():
    quads = tensor_grid([0, 1, 2], [0, 1], cells="quad")
    assert of.Problem(quads, MATERIAL, order=8).order == 8
    assert of.Problem(of.cross_section(1.0), MATERIAL, order=np.int64(8)).order == 8


def test_reciprocal_detector_needs_its_diagonal(refuses):
    flat = simple_material(inverse_mass=(1.0, 1.0, 0.0))
    for mesh in (GRID, of.cross_section(1.0)):
        with refuses(InputError, "X_zz", "'bulk'", "reciprocal"):
            of.Problem(mesh, flat, detection="reciprocal")
    assert of.Problem(
        of.cross_section(1.0, normal="z"), flat, detection="reciprocal"
    ).is_cross_section
    with refuses(InputError, "(X_xx + X_yy)/2"):
        of.Problem(
            of.cross_section(1.0, normal="z"),
            simple_material(inverse_mass=(1.0, -1.0, 1.0)),
            detection="reciprocal",
        )


def test_repr():
    text = repr(of.Problem(GRID, MATERIAL, ["left"], coupling="full"))
    assert (
        "P2" in text
        and "left (equipotential)" in text
        and "coupling=full" in text
        and "\n" not in text
    )


def test_a_contact_is_the_boundary_of_its_name_not_the_region():
    """Regions may be called as boundaries are: R of two halves with pads of the same names."""
    lines = np.linspace(0.0, 2.0, 5), np.linspace(0.0, 1.0, 3)
    ends = {"left": lambda p: p[0] < 1e-9, "right": lambda p: p[0] > 2.0 - 1e-9}
    mesh = of.tensor_grid(*lines).with_boundaries(ends)
    beyond = mesh.mesh.p[0, mesh.mesh.t].mean(axis=0) > 1.0
    halves = {"left": np.flatnonzero(~beyond), "right": np.flatnonzero(beyond)}
    mesh = replace(mesh, regions=halves)
    given = of.Material(1.0, 1.0, 0.0, 1.0, diffusion_length=1.0)
    pair = "left", "right"
    found = of.resistance(of.Problem(mesh, given, list(ends)), current=pair, voltage=pair)
    assert found.R_ohmic == pytest.approx(2.0, rel=1e-12)
    with pytest.raises(of.InputError, match="a region and a boundary"):
        of.Problem(mesh, given, {"left": of.Contact(region="left"), "right": of.Contact()})
