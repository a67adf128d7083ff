"""Channels and pads: valves on a line, contacts that absorb, contacts over an area."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import iv, kv

import ohmr_fem as of
from ohmr_fem.analytic.valve import absorbing_valve, valve
from tests.solver.test_interface import TESLA
from tests.solver.test_polarised import BETA, NONLOCAL, NUMBERS, XT, Y_AXIS
from validation.case import simple_material

pytestmark = pytest.mark.filterwarnings(
    "ignore::ohmr_fem.errors.ResolutionWarning", "ignore::ohmr_fem.errors.PhysicsWarning"
)

W, SIGMA = 0.5, 2.0
#: What a unit of L_m/(sigma W) is in ohm.
UNIT = 1.0 / (SIGMA * W)


def line(distance=2.0, regions=None, length=50.0, **options):
    half = distance / 2
    return of.channel(
        length, W, {"source": -half, "detector": half}, resolve=0.5, regions=regions, **options
    )


def on_channel(mesh, injector, detector, X=1.0, **options):
    m = simple_material(inverse_mass=X, sheet_conductivity=SIGMA, orbital_hall_angle=0.0)
    ends = {"left": of.Contact(), "right": of.Contact()}
    contacts = {**ends, "source": injector, "detector": detector}
    return of.Problem(mesh, m, contacts, **options)


@pytest.mark.parametrize("injected, read, X, beta, detection, expected", NUMBERS)
def test_numbers_on_a_channel(injected, read, X, beta, detection, expected):
    prob = on_channel(
        line(),
        of.Contact(polarisation=injected),
        of.Contact("probe", polarisation=read),
        X,
        detection=detection,
        coupling="full" if detection == "reciprocal" else "linear",
    )
    field = np.array(beta) * TESLA
    one = of.resistance(prob, field, **NONLOCAL)
    assert one.delta_R / UNIT == pytest.approx(expected, abs=1e-9)
    linear = replace(prob, coupling="linear")
    curve = of.hanle_curve(linear, [field, 0 * field], **NONLOCAL)
    assert curve.method.startswith("spectral")
    assert curve.delta_R[0] / UNIT == pytest.approx(expected, abs=1e-9)
    assert curve.hanle[0] == pytest.approx(one.hanle, abs=1e-9)
    assert curve.parts.p_p[0] == pytest.approx(curve.delta_R[0], rel=1e-12)


@pytest.mark.parametrize("distance", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("i", range(3))
@pytest.mark.parametrize("j", range(3))
def test_every_component(distance, i, j):
    p = np.eye(3)
    prob = on_channel(
        line(distance),
        of.Contact(polarisation=p[i]),
        of.Contact("probe", polarisation=p[j]),
        XT,
    )
    curve = of.hanle_curve(prob, [BETA * TESLA], **NONLOCAL)
    T = np.cross(BETA, XT.T).T  # [B]_x X, column by column
    expected = valve(distance, T, p[i], p[j])
    assert curve.delta_R[0] / UNIT == pytest.approx(expected, abs=1e-8)


def test_single_layer_graphene():
    """A published geometry: W = 2.2 um, L = 5.5 um, tau = 451.84 ps, D = 0.014358 m^2/s, g = 2."""
    mesh = of.channel("80 um", "2.2 um", {"source": "-2.75 um", "detector": "2.75 um"})
    m = of.Material(
        sheet_conductivity=1e-3,
        diffusion_constant=0.014358,
        relaxation_time="451.84 ps",
        orbital_hall_angle=0.0,
        inverse_mass=1.0,
        g_factor=2.0,
    )
    contacts = {
        "left": of.Contact(),
        "right": of.Contact(),
        "source": of.Contact(polarisation=(0, 0.1, 0)),
        "detector": of.Contact(polarisation=(0, 0.1, 0)),
    }
    prob = of.Problem(mesh, m, contacts)
    fields = [(0, 0, b) for b in (0.0, 0.01, 0.02, 0.05, 0.1)]
    got = of.hanle_curve(prob, fields, **NONLOCAL).delta_R
    expected = [1.0, 0.3197789, -0.1690243, -0.1333322, 0.00165824]
    assert got / got[0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("r", [0.01, 0.3, 1.0, 10.0, 100.0])
def test_contacts_that_absorb(r):
    """G_c = r W D/L_m in m^2/s, the same at both."""
    law = {"moment": r * W}
    prob = on_channel(
        line(),
        of.Contact(polarisation=Y_AXIS, **law),
        of.Contact(polarisation=Y_AXIS, **law),
    )
    phi = np.array([0.0, 0.5, 2.0, 5.0, 10.0])
    fields = np.outer(phi, [0, 0, TESLA])
    curve = of.hanle_curve(prob, fields, **NONLOCAL)
    assert curve.method.startswith("spectral")
    expected = absorbing_valve(2.0, phi, r)
    assert np.abs(curve.delta_R / UNIT - expected).max() < 2e-9
    quantity = of.Contact(polarisation=Y_AXIS, moment=f"{r * W} m^2/s")
    same = replace(prob, contacts={**prob.contacts, "source": quantity, "detector": quantity})
    again = of.hanle_curve(same, fields[:2], **NONLOCAL)
    assert again.delta_R == pytest.approx(curve.delta_R[:2], rel=1e-9)


def two_pads(width, kind="profile", X=1.0, **options):
    regions = {"in": (-1 - width / 2, -1 + width / 2), "out": (1 - width / 2, 1 + width / 2)}
    mesh = of.channel(50.0, W, {}, resolve=0.5, regions=regions)
    mesh = replace(
        mesh, boundaries={"left": mesh.boundaries["left"], "right": mesh.boundaries["right"]}
    )
    given = {"polarisation": Y_AXIS, **options}
    injector, reader = (of.Contact(kind, region=name, **given) for name in ("in", "out"))
    return on_channel(mesh, injector, reader, X)


@pytest.mark.parametrize("kind", ["profile", "equipotential"])
@pytest.mark.parametrize("width", [0.05, 0.7, 1.9])
def test_pads_on_a_channel(kind, width):
    T = np.cross(BETA, XT.T).T
    prob = two_pads(width, kind, XT)
    curve = of.hanle_curve(prob, [BETA * TESLA], **NONLOCAL)
    expected = valve(2.0, T, Y_AXIS, Y_AXIS, width=width)
    assert curve.delta_R[0] / UNIT == pytest.approx(expected, abs=1e-8)


def test_a_pad_that_absorbs_over_its_area():
    """Where everything is pad, a rate over the area adds to 1/tau."""
    mesh = of.channel(
        6.0, W, {"source": -1.0, "detector": 1.0}, resolve=0.5, regions={"all": (-3, 3)}
    )
    magnet = of.Contact("profile", polarisation=Y_AXIS)
    probe = of.Contact("probe", region="all", moment="0.44 1/s")
    prob = on_channel(mesh, magnet, magnet)
    lossy = replace(prob, contacts={**prob.contacts, "pad": probe})
    faster = simple_material(
        sheet_conductivity=SIGMA,
        orbital_hall_angle=0.0,
        relaxation_time=1 / 1.44,
        diffusion_length=1.44**-0.5,
    )
    field = (0, 0, 1.5 * TESLA)
    one = of.resistance(lossy, field, **NONLOCAL)
    other = of.resistance(replace(prob, materials=faster), field, **NONLOCAL)
    assert one.delta_R == pytest.approx(other.delta_R, rel=1e-9)
    assert abs(one.delta_R) < 0.9 * abs(of.resistance(prob, field, **NONLOCAL).delta_R)


# -- pads in the plane


def plane_with_pads(width=0.5, far=12.0):
    """A strip of width 1 with pads all the way across it."""
    places = [-1 - width / 2, -1 + width / 2, 1 - width / 2, 1 + width / 2]
    marks = [-far, *places, far]
    ends = ["right", "both", "both", "both", "left"]
    pieces = [
        of.graded_lines(a, b, min(0.2, (b - a) / 3), 1.3, side)[1:]
        for a, b, side in zip(marks[:-1], marks[1:], ends, strict=True)
    ]
    mesh = of.tensor_grid(np.concatenate([[-far], *pieces]), np.array([-0.5, 0.5]))
    return mesh.with_regions(
        {
            "in": lambda q: (q[0] > places[0]) & (q[0] < places[1]),
            "out": lambda q: (q[0] > places[2]) & (q[0] < places[3]),
        }
    )


@pytest.mark.parametrize("kind", ["profile", "equipotential"])
def test_pads_across_a_strip(kind):
    m = simple_material(inverse_mass=XT, sheet_conductivity=SIGMA, orbital_hall_angle=0.0)
    magnets = {
        name: of.Contact(kind, region=region, polarisation=Y_AXIS)
        for name, region in (("source", "in"), ("detector", "out"))
    }
    contacts = {"left": of.Contact(), "right": of.Contact(), **magnets}
    prob = of.Problem(plane_with_pads(), m, contacts, order=6)
    T = np.cross(BETA, XT.T).T
    curve = of.hanle_curve(prob, [BETA * TESLA], **NONLOCAL)
    assert SIGMA * curve.delta_R[0] == pytest.approx(
        valve(2.0, T, Y_AXIS, Y_AXIS, width=0.5), abs=1e-6
    )
    found = of.solve(prob, BETA * TESLA, currents={"source": 1.0, "left": -1.0})
    balance = found.moment_balance()
    assert balance["injected"] == pytest.approx(Y_AXIS, abs=1e-12)
    lost = balance["relaxation"] + balance["torque"] + balance["outflow"]
    assert lost == pytest.approx(Y_AXIS, abs=1e-11)
    assert found.current("source") == pytest.approx(1.0, rel=1e-10)


R = 3.0


def disc_with_pad(kind):
    """A disc of radius R with a pad in the middle and a contact around the rim; its radius."""
    mesh = of.disc_mesh(R, rings=18).with_regions({"pad": lambda q: np.hypot(*q) < 0.5})
    radius = np.hypot(*mesh.mesh.p[:, mesh.mesh.t[:, mesh.regions["pad"]]]).max()
    contacts = {
        "pad": of.Contact(kind, region="pad", polarisation=(0, 0, 1)),
        "outer": of.Contact(),
    }
    m = simple_material(orbital_hall_angle=0.0, sheet_conductivity=SIGMA)
    return of.Problem(mesh, m, contacts, order=3), radius


PAD_TO_RIM = {"current": ("pad", "outer"), "voltage": ("pad", "outer")}


@pytest.mark.parametrize("kind", ["profile", "equipotential"])
def test_a_round_pad_in_a_disc(kind):
    """Uniform injection over r < A, reflecting rim: n = s - c I_0 inside, K_0 + k I_0 outside."""
    prob, A = disc_with_pad(kind)
    got = of.resistance(prob, **PAD_TO_RIM)
    k = kv(1, R) / iv(1, R)
    s = 1.0 / (np.pi * A**2)
    rows = [[iv(0, A), kv(0, A) + k * iv(0, A)], [iv(1, A), -kv(1, A) + k * iv(1, A)]]
    c, _ = np.linalg.solve(rows, [s, 0.0])
    mean = s - c * 2 * iv(1, A) / A
    assert SIGMA * got.delta_R == pytest.approx(mean, rel=1e-4)
    spreading = np.log(R / A) / (2 * np.pi * SIGMA)
    if kind == "profile":  # the mean over a pad with uniform injection adds 1/8 pi sigma
        spreading += 1 / (8 * np.pi * SIGMA)
    assert got.R_ohmic == pytest.approx(spreading, rel=1e-4)


def circle(radius, x=0.0):
    bulge = np.tan(np.pi / 8)
    return [(x + radius * c, radius * s, bulge) for c, s in ((1, 0), (0, 1), (-1, 0), (0, -1))]


def test_spreading_resistance_of_two_discs():
    """arccosh(d/2a)/(pi sigma) on an infinite sheet, with the images of a wide round one."""
    pytest.importorskip("gmsh", exc_type=(ImportError, OSError))
    d, a, far = 2.0, 0.3, 12.0
    pads = {"one": circle(a, -d / 2), "two": circle(a, d / 2), "bulk": None}
    device = of.geometry.polygon_device(circle(far), regions=pads)
    mesh = of.mesh_device(device, 0.2)
    contacts = {name: of.Contact(region=name) for name in ("one", "two")}
    m = simple_material(orbital_hall_angle=0.0, sheet_conductivity=SIGMA)
    pair = ("one", "two")
    got = of.resistance(of.Problem(mesh, m, contacts, order=3), current=pair, voltage=pair)
    q = ((d / 2) ** 2 - a**2) / far**2  # the line sources are at the foci
    expected = (np.arccosh(d / 2 / a) + np.log((1 + q) / (1 - q))) / (np.pi * SIGMA)
    assert got.R_ohmic == pytest.approx(expected, rel=1e-5)


# -- what is refused and what is said


@pytest.mark.parametrize(
    "contact, said",
    [
        ({"moment": "3 m/s"}, "m**2/s"),
        ({"moment": "3 1/s"}, "m**2/s"),
        ({"moment": {"injected": (0, 0, 1)}}, "polarisation"),
        ({"kind": "point", "at": (0, 0)}, "without profile"),
    ],
)
def test_what_a_contact_of_a_channel_cannot_be(contact, said):
    with pytest.raises(of.InputError, match=re.escape(said)):
        on_channel(line(), of.Contact(**contact), of.Contact())


@pytest.mark.parametrize(
    "contact, said",
    [
        ({"region": "pad", "boundary": "rim"}, "excludes"),
        ({"region": "pad", "kind": "point", "at": (0, 0)}, "excludes"),
    ],
)
def test_a_region_excludes_a_boundary(contact, said):
    with pytest.raises(of.InputError, match=said):
        of.Contact(**contact)


def test_units_of_an_absorption_belong_to_its_place():
    with pytest.raises(of.InputError, match="over the area of a pad is given in 1/s, got one in"):
        two_pads(0.5, moment="3 m/s")
    plane = of.tensor_grid([0, 1, 2.0], [0, 1.0])
    with pytest.raises(of.InputError, match="at a line is given in m/s"):
        of.Problem(plane, simple_material(), {"left": of.Contact(moment="3 1/s")})
    with pytest.raises(of.InputError, match="no region 'nowhere'"):
        of.Problem(plane, simple_material(), {"pad": of.Contact(region="nowhere")})


@pytest.mark.parametrize(
    "options, said",
    [
        ({"film": of.Film(0.1)}, "film"),
        ({"ordinary_hall": True}, "ordinary_hall"),
        ({"edges": {"left": of.Edge(source=0.1)}}, "edge sources"),
        ({"edges": {"source": of.Edge(0.1)}}, "no end"),
    ],
)
def test_what_a_channel_has_no_meaning_for(options, said):
    m = simple_material(mobility=0.1)
    contacts = {"detector": of.Contact()} if "edges" in options else {"source": of.Contact()}
    with pytest.raises(of.InputError, match=said):
        of.Problem(line(), m, contacts, **options)


@pytest.mark.parametrize(
    "given, said",
    [
        ({"length": 0.0}, "length"),
        ({"contacts": {"a": 3.0}}, "outside the channel"),
        ({"contacts": {"a": 0.5, "b": 0.5}}, "one place"),
        ({"contacts": ["a"]}, "name: x"),
        ({"regions": {"a": (0.5, 0.1)}}, "stop after"),
        ({"regions": {"a": (0.0, 0.5), "b": (0.4, 0.8)}}, "overlap"),
        ({"regions": {"a": 0.3}}, "start, stop"),
    ],
)
def test_impossible_channels_are_refused(given, said):
    options = {"length": 2.0, "width": 0.1, "contacts": {}, **given}
    with pytest.raises(of.InputError, match=said):
        of.channel(**options)


@pytest.mark.filterwarnings("default")
def test_what_a_channel_leaves_out_is_said():
    magnet = of.Contact(polarisation=Y_AXIS)
    wide = of.channel(50.0, 2.0, {"source": -1.0, "detector": 1.0})
    m = simple_material(orbital_hall_angle=0.1)
    contacts = {"left": of.Contact(), "right": of.Contact(), "source": magnet, "detector": magnet}
    with pytest.warns(of.PhysicsWarning) as said:
        of.resistance(of.Problem(wide, m, contacts), **NONLOCAL)
    text = " ".join(str(w.message) for w in said)
    assert "wider than the diffusion length" in text and "side edges" in text


def test_two_materials_on_a_channel_are_reciprocal():
    X = np.array([[0.7, -0.1, 0.2], [-0.1, 1.2, 0.1], [0.2, 0.1, 0.9]])
    mesh = line(regions={"other": (-0.3, 6.0)}, length=12.0)
    given = {
        "bulk": simple_material(inverse_mass=XT, orbital_hall_angle=0.0),
        "other": simple_material(
            inverse_mass=X, orbital_hall_angle=0.0, sheet_conductivity=3.0, diffusion_length=0.7
        ),
    }
    one = of.Contact(polarisation=(0.1, 0.5, 0.3), moment=0.2)
    two = of.Contact(polarisation=(0.4, -0.2, 0.3))
    contacts = {"left": of.Contact(), "right": of.Contact(), "source": one, "detector": two}
    prob = of.Problem(mesh, given, contacts, detection="reciprocal")
    turned = replace(prob, contacts={name: c.reversed() for name, c in contacts.items()})
    field = BETA * TESLA
    forth = of.resistance(prob, field, **NONLOCAL)
    back = of.resistance(turned, -field, current=NONLOCAL["voltage"], voltage=NONLOCAL["current"])
    assert forth.delta_R == pytest.approx(back.delta_R, rel=1e-10)


def test_solutions_on_a_channel_survive_their_file(tmp_path):
    prob = two_pads(0.7, moment=0.3)
    found = of.solve(prob, BETA * TESLA, currents={"source": 1e-3, "left": -1e-3})
    of.save(found, tmp_path / "valve.npz")
    again = of.load(tmp_path / "valve.npz")
    assert again.contact_voltages == found.contact_voltages
    assert again.problem.mesh.width == W
    assert again.moment_balance()["injected"] == pytest.approx(found.moment_balance()["injected"])
    assert found.moment_balance()["injected"] == pytest.approx(1e-3 * Y_AXIS)
    assert found.current_density.shape[1] == len(found.current_density[0])
