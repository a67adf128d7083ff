"""Polarised contacts inject and read moment: valves, their reciprocity and their balance."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import expm

import ohmr_fem as of
from ohmr_fem.analytic.valve import valve
from tests.solver.test_interface import FULL, TESLA, B, device_mesh, materials
from validation.case import simple_material

pytestmark = pytest.mark.filterwarnings(
    "ignore::ohmr_fem.errors.ResolutionWarning", "ignore::ohmr_fem.errors.PhysicsWarning"
)

XT = FULL[0]
BETA = np.array([1.0, -0.7, 0.6])
X_AXIS, Y_AXIS, Z_AXIS = np.eye(3)
ISOTROPIC = (np.eye(3), 0.6 * np.eye(3), 1.4 * np.eye(3))
#: Three polarised contacts that carry current, one that reads, and a bare one.
MAGNETS = {
    "west": of.Contact(polarisation=(0.3, 0.1, -0.4)),
    "east": of.Contact(),
    "north": of.Contact("profile", polarisation=(-0.2, 0.5, 0.2), moment=0.8),
    "south": of.Contact(polarisation=(0.1, 0.2, 0.6)),
    "corner": of.Contact("profile", profile=lambda x, y: 1 + x**2, polarisation=(0.6, 0.0, 0.1)),
}
ONE, OTHER = ("west", "north"), ("corner", "south")


def line(distance=2.0, far=22.0, rows=1):
    """A strip of width 1 with lines of contact across it at +- distance/2."""
    pieces = [
        of.graded_lines(-far, -distance / 2, 0.25, 1.3, "right"),
        of.graded_lines(-distance / 2, distance / 2, 0.25, 1.3, "both")[1:],
        of.graded_lines(distance / 2, far, 0.25, 1.3, "left")[1:],
    ]
    plane = of.tensor_grid(np.concatenate(pieces), np.linspace(-0.5, 0.5, rows + 1))
    x = plane.mesh.p[0][plane.mesh.facets]

    def across(place):
        return np.flatnonzero(np.all(np.abs(x - place) < 1e-9, axis=0))

    lines = {"source": across(-distance / 2), "detector": across(distance / 2)}
    return of.DeviceMesh(plane.mesh, plane.axes, {**plane.boundaries, **lines}, plane.regions)


def strip_valve(injected, read, X=1.0, **options):
    contacts = {
        "left": of.Contact(),
        "right": of.Contact(),
        "source": of.Contact("profile", polarisation=injected),
        "detector": of.Contact("probe", polarisation=read),
    }
    m = simple_material(inverse_mass=X, sheet_conductivity=2.0, orbital_hall_angle=0.0)
    return of.Problem(line(), m, contacts, order=6, **options)


NONLOCAL = {"current": ("source", "left"), "voltage": ("detector", "right")}
#: p_1, p_2, X, (g e tau/2 m_e) B, detection, R_nl sigma W/L_m at x = 2 (docs/theory, section 10)
NUMBERS = [
    (Y_AXIS, Y_AXIS, 1.0, (0, 0, 1.5), "printed", -0.0065115135),
    (Y_AXIS, Y_AXIS, XT, BETA, "printed", 0.0251653590),
    (Z_AXIS, X_AXIS, XT, BETA, "printed", 0.0299683261),
    (Y_AXIS, Y_AXIS, XT, BETA, "reciprocal", 0.0476513622),
    (Z_AXIS, X_AXIS, XT, BETA, "reciprocal", 0.0677150933),
]


@pytest.mark.parametrize("injected, read, X, beta, detection, expected", NUMBERS)
def test_lines_across_a_strip(injected, read, X, beta, detection, expected):
    coupling = "full" if injected is Z_AXIS else "linear"
    prob = strip_valve(injected, read, X, detection=detection, coupling=coupling)
    field = np.array(beta) * TESLA
    curve = of.hanle_curve(prob, [field, 0 * field], **NONLOCAL)
    assert curve.method.startswith("spectral" if coupling == "linear" else "direct")
    assert 2.0 * curve.delta_R[0] == pytest.approx(expected, abs=1e-9)
    W = None if detection == "printed" else np.asarray(X) / np.asarray(X)[2, 2]
    at_rest = valve(2.0, np.zeros((3, 3)), injected, read, reading=W)
    assert 2.0 * curve.delta_R[1] == pytest.approx(at_rest, abs=1e-9)
    assert abs(curve.R_ohmic) < 1e-12


def test_profiles_across_a_strip():
    """With 1 + a cos(pi (y + W/2)/W) two modes go along, q_m^2 = 1 + i phi + (m pi/W)^2."""

    def wave(x, y):
        return 1.0 + 0.8 * np.cos(np.pi * (y + 0.5))

    contacts = {
        "left": of.Contact(),
        "right": of.Contact(),
        "source": of.Contact("profile", profile=wave, polarisation=Y_AXIS),
        "detector": of.Contact("profile", profile=wave, polarisation=0.5 * Y_AXIS),
    }
    m = simple_material(orbital_hall_angle=0.0)
    prob = of.Problem(line(0.5, 14.0, rows=4), m, contacts, order=6)
    curve = of.hanle_curve(prob, [(0, 0, 1.5 * TESLA)], **NONLOCAL)
    k = np.sqrt(1 + 1.5j + np.array([0.0, np.pi**2]))
    expected = 0.25 * np.real(np.exp(-0.5 * k) / k) @ (1.0, 0.32)
    assert curve.delta_R[0] == pytest.approx(expected, abs=1e-8)


# -- reciprocity


def reciprocity(prob, field=B * TESLA):
    """R_ij,kl(p, B) against R_kl,ij(-p, -B), relative to the size of the orbital part."""
    turned = replace(prob, contacts={name: c.reversed() for name, c in prob.contacts.items()})
    worst, size = 0.0, 0.0
    for i, v in ((ONE, OTHER), (("west", "east"), ("north", "corner")), (ONE, ("east", "north"))):
        forth = of.resistance(prob, field, current=i, voltage=v)
        back = of.resistance(turned, -field, current=v, voltage=i)
        worst = max(worst, abs(forth.delta_R - back.delta_R))
        size = max(size, abs(forth.delta_R))
    return worst / size


@pytest.mark.parametrize("coupling", ["linear", "full"])
@pytest.mark.parametrize(
    "X, detection", [(FULL, "reciprocal"), (ISOTROPIC, "printed"), (ISOTROPIC, "reciprocal")]
)
def test_three_regions_are_reciprocal_with_p_and_the_field_reversed(coupling, X, detection):
    prob = of.Problem(device_mesh(), materials(X), MAGNETS, coupling=coupling, detection=detection)
    assert reciprocity(prob) < 1e-10


def test_matrix_of_five_contacts_is_reciprocal():
    prob = of.Problem(device_mesh(), materials(FULL), MAGNETS, detection="reciprocal")
    turned = replace(prob, contacts={name: c.reversed() for name, c in prob.contacts.items()})
    field = B * TESLA
    forth = of.resistance_matrix(prob, field)
    back = of.resistance_matrix(turned, -field)
    rows = [forth.contacts.index(name) for name in forth.sources]
    there, here = forth.orbital[0][rows], back.orbital[0][rows]
    assert np.abs(there - here.T).max() < 1e-10 * np.abs(there).max()
    both = of.resistance_matrix(prob, [field, -field, 0 * field])
    assert both.reciprocity() < 1e-10
    one = of.resistance(prob, field, current=ONE, voltage=OTHER)
    assert forth.read(ONE, OTHER, "delta_R")[0] == pytest.approx(one.delta_R, rel=1e-9)
    assert forth.read(ONE, OTHER, "hanle")[0] == pytest.approx(one.hanle, rel=1e-9)


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"detection": "printed"}, "polarised and X is anisotropic"),
        ({"inverse": 0.5}, "differs from the direct one"),
    ],
)
def test_broken_reciprocity_is_warned_of(changes, said):
    inverse = changes.pop("inverse", None)
    given = materials(FULL, alpha=(0.3, 0.3, 0.3), inverse_orbital_hall_angle=inverse)
    options = {"detection": "reciprocal", **changes}
    prob = of.Problem(device_mesh(), given, MAGNETS, **options)
    with pytest.warns(of.PhysicsWarning, match=said):
        of.resistance(prob, current=ONE, voltage=OTHER)
    assert reciprocity(prob) > 1e-4


# -- one device, several paths


def uniform(**options):
    m = simple_material(inverse_mass=XT, orbital_hall_angle=0.3, inverse_orbital_hall_angle=0.2)
    return of.Problem(device_mesh(), m, MAGNETS, order=2, **options)


FIELDS = np.outer([0.0, 0.4, 1.0, -1.7], B) * TESLA


@pytest.mark.parametrize("detection", ["printed", "reciprocal"])
def test_paths_agree_and_parts_add_up(detection):
    prob = uniform(detection=detection)
    direct = of.hanle_curve(prob, FIELDS, current=ONE, voltage=OTHER, method="direct")
    for method in ("spectral", "reduced"):
        other = of.hanle_curve(prob, FIELDS, current=ONE, voltage=OTHER, method=method)
        size = np.abs(direct.delta_R).max()
        assert np.abs(other.delta_R - direct.delta_R).max() < 1e-7 * size
        assert np.abs(other.hanle - direct.hanle).max() < 1e-7 * size
        for name, part in other.parts.given.items():
            assert np.abs(part - getattr(direct.parts, name)).max() < 1e-7 * size
            assert np.abs(part).max() > 1e-6 * size
        if method == "spectral":
            assert np.all(np.abs(other.delta_R - direct.delta_R) < 3 * other.algebraic_error)
    assert sum(direct.parts.given.values()) == pytest.approx(direct.delta_R, rel=1e-10)


def test_parts_scale_with_what_makes_them():
    prob = uniform()
    measure = of.spectral_measure(prob, current=ONE, voltage=OTHER)
    parts = measure.contact_parts(FIELDS)
    changed = measure.at(polarisation=0.5 * measure.polarisation_of(), orbital_hall_angle=0.9)
    other = changed.contact_parts(FIELDS)
    for name, factor in (("p_p", 0.25), ("p_alpha", 0.5), ("alpha_p", 1.5), ("alpha_alpha", 3.0)):
        assert getattr(other, name) == pytest.approx(factor * getattr(parts, name), rel=1e-12)
    bare = {k: replace(c, polarisation=(0, 0, 0)) for k, c in MAGNETS.items()}
    none = of.spectral_measure(replace(prob, contacts=bare), current=ONE, voltage=OTHER)
    assert none.delta_R(FIELDS) == pytest.approx(parts.alpha_alpha, rel=1e-6)


def test_p_with_p_lives_without_orbital_hall_effect():
    still = replace(uniform(), materials=simple_material(inverse_mass=XT, orbital_hall_angle=0.0))
    curve = of.hanle_curve(still, FIELDS, current=ONE, voltage=OTHER)
    both = of.hanle_curve(uniform(), FIELDS, current=ONE, voltage=OTHER)
    assert curve.delta_R == pytest.approx(both.parts.p_p, rel=1e-7)
    assert np.all(np.isfinite(curve.rho_star))
    for name in ("p_alpha", "alpha_p", "alpha_alpha"):
        assert np.all(getattr(curve.parts, name) == 0.0)


@pytest.mark.parametrize("method", ["spectral", "direct"])
def test_no_rho_where_there_is_nothing_to_compare_with(method):
    """p_1 and p_2 at right angles: f(0) = 0; and no current of the drive reaches the detector."""
    prob = strip_valve(Z_AXIS, X_AXIS)
    fields = np.outer([0.0, 0.5, 1.0], [0, TESLA, 0])
    curve = of.hanle_curve(prob, fields, method=method, **NONLOCAL)
    assert abs(curve.delta_R[2]) > 0.01
    for name in ("rho", "rho_change", "rho_star"):
        assert np.all(np.isnan(getattr(curve, name)))


@pytest.mark.filterwarnings("default")
def test_coarse_cells_at_a_polarised_contact_are_said():
    m = simple_material(orbital_hall_angle=0.0)
    contacts = {
        "left": of.Contact(),
        "right": of.Contact(),
        "source": of.Contact(polarisation=Y_AXIS),
        "detector": of.Contact(polarisation=Y_AXIS),
    }
    mesh = of.channel(40.0, 4.0, {"source": -1.0, "detector": 1.0})
    for order, said in ((1, True), (6, False)):
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            of.resistance(of.Problem(mesh, m, contacts, order=order), **NONLOCAL)
        assert said == any(issubclass(w.category, of.ResolutionWarning) for w in found)


def test_a_reversed_contact_changes_the_sign():
    prob = uniform()
    reads = {**MAGNETS, **{name: MAGNETS[name].reversed() for name in OTHER}}
    one = of.hanle_curve(prob, FIELDS, current=ONE, voltage=OTHER).parts
    other = of.hanle_curve(replace(prob, contacts=reads), FIELDS, current=ONE, voltage=OTHER).parts
    for name, sign in (("p_p", -1), ("p_alpha", 1), ("alpha_p", -1), ("alpha_alpha", 1)):
        assert getattr(other, name) == pytest.approx(sign * getattr(one, name), rel=1e-9)
    assert MAGNETS["west"].reversed().reversed() == MAGNETS["west"]


def test_a_point_reads_what_a_short_probe_reads():
    mesh = device_mesh()
    contacts = {
        **MAGNETS,
        "spot": of.Contact("point", at=(1.31, 1.07), polarisation=(0.2, 0.3, 0.4)),
    }
    prob = of.Problem(mesh, simple_material(inverse_mass=XT), contacts)
    found = of.solve(prob, B * TESLA, currents={"west": 1.0, "north": -1.0})
    values = found.at([(1.31, 1.07)])
    n = np.asarray(values.moment_density)[:, 0]
    expected = float(values.potential[0]) + n @ (0.2, 0.3, 0.4)  # D = sigma = 1
    assert found.contact_voltages["spot"] == pytest.approx(expected, rel=1e-9)
    one = of.resistance(prob, B * TESLA, current=("west", "north"), voltage=("spot", "east"))
    assert pytest.approx(found.voltage("spot", "east"), rel=1e-9) == one.R


# -- frequency and time


def test_alternating_and_transient_currents():
    prob = uniform()
    pairs = {"current": ONE, "voltage": OTHER}
    still = of.resistance(prob, B * TESLA, **pairs)
    frequency = [1e-9, 0.2]
    ac = of.ac_response(prob, frequency, B * TESLA, **pairs)
    direct = of.ac_response(prob, frequency, B * TESLA, method="direct", **pairs)
    assert ac.delta_R == pytest.approx(direct.delta_R, rel=1e-6)
    assert ac.delta_R[0].real == pytest.approx(still.delta_R, rel=1e-6)
    times = np.array([0.0, 0.2, 1.0, 60.0])
    steps = of.transient(prob, times, B * TESLA, method="stepping", tolerance=1e-6, **pairs)
    modes = of.transient(prob, times, B * TESLA, tolerance=1e-5, **pairs)
    assert modes.method.startswith("spectral")
    assert steps.orbital[-1] == pytest.approx(still.delta_R, rel=1e-5)
    size = abs(still.delta_R)
    assert np.abs(modes.orbital - steps.orbital).max() < 2e-3 * size
    assert modes.orbital[-1] == pytest.approx(still.delta_R, rel=1e-6)


@pytest.mark.parametrize("coupling", ["linear", "full"])
def test_balance_of_each_component(coupling):
    prob = of.Problem(device_mesh(), materials(FULL), MAGNETS, coupling=coupling)
    found = of.solve(prob, B * TESLA, currents={"west": 1.0, "north": -0.4, "east": -0.6})
    balance = found.moment_balance()
    lost = balance["relaxation"] + balance["torque"] + balance["outflow"]
    p = {name: np.array(c.polarisation) for name, c in MAGNETS.items()}
    assert balance["injected"] == pytest.approx(p["west"] - 0.4 * p["north"], rel=1e-12)
    assert np.abs(lost - balance["injected"]).max() < 1e-12
    assert np.abs(balance["torque"]).max() > 0.05


@pytest.mark.parametrize("method", ["spectral", "stepping"])
def test_balance_in_time(method):
    """On reflecting edges the total moment obeys dN/dt = p I - (1/tau + T) N, whatever diffuses."""
    m = simple_material(inverse_mass=XT, orbital_hall_angle=0.0)
    contacts = {**MAGNETS, "north": replace(MAGNETS["north"], moment="reflecting")}
    prob = of.Problem(device_mesh(), m, contacts)
    times = np.array([0.0, 0.3, 1.1, 4.0])
    pairs = {"current": ("west", "east"), "voltage": OTHER}
    run = of.transient(
        prob, times, B * TESLA, method=method, keep_fields=True, tolerance=1e-7, **pairs
    )
    M = np.eye(3) + np.cross(B, XT.T).T
    for k, t in enumerate(times):
        N = run.solution(k).moment_balance()["relaxation"]  # tau = 1
        expected = np.linalg.solve(M, (np.eye(3) - expm(-M * t)) @ (0.3, 0.1, -0.4))
        assert np.abs(expected - N).max() < 1e-6


def test_ordinary_hall_effect_and_polarised_contacts_are_reciprocal():
    given = {
        name: replace(m, diffusion_length=None, mobility=mu)
        for (name, m), mu in zip(materials(FULL).items(), (0.4, -0.3, 0.8), strict=True)
    }
    prob = of.Problem(
        device_mesh(), given, MAGNETS, detection="reciprocal", ordinary_hall=True, coupling="full"
    )
    assert reciprocity(prob, np.array([1.6 * TESLA, -0.7 * TESLA, 0.9])) < 1e-9


def test_moment_maps_of_the_measure_are_those_of_a_solution():
    prob = uniform()
    field = B * TESLA
    measure = of.spectral_measure(prob, current=ONE, voltage=OTHER)
    found = of.solve(prob, field, currents={"west": 1e-3, "north": -1e-3})
    vertices = found.moment_dofs[:, measure.vertices]
    got = measure.moment_density(field, 1e-3)
    assert np.abs(got - vertices).max() < 1e-4 * np.abs(vertices).max()


def test_a_measure_survives_its_file(tmp_path):
    measure = of.spectral_measure(uniform(), current=ONE, voltage=OTHER)
    again = of.SpectralMeasure.load(measure.save(tmp_path / "valve.json"))
    assert np.array_equal(again.delta_R(FIELDS), measure.delta_R(FIELDS))
    assert again.polarisations == measure.polarisations


# -- what is refused


@pytest.mark.parametrize(
    "given, said",
    [
        ({"polarisation": (0.8, 0.8, 0.0)}, "at most 1"),
        ({"polarisation": 0.3}, "three components"),
        ({"polarisation": ("a", 0, 0)}, "polarisation"),
        ({"polarisation": (0.3, 0, 0), "moment": "absorbing"}, "finite absorption"),
    ],
)
def test_impossible_polarisations_are_refused(given, said):
    with pytest.raises(of.InputError, match=said):
        of.Contact(**given)


def test_what_knows_no_polarised_contacts_says_so():
    prob = uniform()
    moving = replace(prob, materials=simple_material(inverse_mass=XT, mobility=0.1))
    calls = [
        lambda: of.drift_solve(moving, B, currents={"west": 1.0, "north": -1.0}),
        lambda: of.solve_to(prob, current=ONE, voltage=OTHER),
        lambda: replace(prob, film=of.Film(0.1)),
    ]
    for call in calls:
        with pytest.raises(of.InputError, match="polarised contacts"):
            call()
    with pytest.raises(of.InputError, match="follows its current"):
        of.solve(prob, B, voltages={"west": 1.0, "east": 0.0})
    plain = of.spectral_measure(replace(prob, contacts=list(MAGNETS)), current=ONE, voltage=OTHER)
    with pytest.raises(of.InputError, match="nothing polarised"):
        plain.at(polarisation=0.2)
    with pytest.raises(of.InputError, match="uniform moment"):
        of.transient(
            prob, [0.0, 1.0], B, current=ONE, voltage=OTHER, initial=(0, 0, 1), method="spectral"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "west" in prob.polarised and "east" not in prob.polarised
