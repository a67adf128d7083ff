"""The spectral measure against direct solves, closed forms and measures made afresh."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.sparse import csc_array
from scipy.sparse.linalg import spsolve

import ohmr_fem as of
from ohmr_fem import analytic
from ohmr_fem.errors import InputError, SolveError
from ohmr_fem.mesh.grids import graded_lines, tensor_grid
from ohmr_fem.solver.resistance import Measurement
from ohmr_fem.solver.system import System, system_of
from ohmr_fem.sweep.route import refusal
from ohmr_fem.sweep.spectral import spectral_measure, spectral_measures
from ohmr_fem.sweep.together import delta_R_table
from validation.case import simple_material
from validation.strip_tensor import TESLA

X = np.array([[1.0, 0.3, 0.2], [0.3, 0.7, -0.1], [0.2, -0.1, 0.4]])
B = np.array([1.1, -0.6, 0.8])
FIELDS = (
    np.array([[0, 0, 0], B, -B, [0.1, 0, 0], [0, 6.0, 0], [0, 0, 3.0], 40 * B, 0.01 * B]) * TESLA
)
PAIRS = {"current": ("left", "right"), "voltage": ("t1", "t2")}

pytestmark = pytest.mark.filterwarnings(
    "ignore::ohmr_fem.errors.PhysicsWarning", "ignore::ohmr_fem.errors.ResolutionWarning"
)


def direct(prob, fields, **pairs):
    """(change, hanle) by one factorisation each; as rho on a cross-section."""
    curve = of.hanle_curve(prob, fields, method="direct", **pairs)
    return (curve.rho, curve.rho_change) if prob.is_cross_section else (curve.delta_R, curve.hanle)


def agree(measure, prob, fields, rel=1e-8, **pairs):
    change, hanle = direct(prob, fields, **pairs)
    mine = measure.rho(fields) if prob.is_cross_section else measure.delta_R(fields)
    scale = np.abs(change).max()
    assert scale > 1e-6
    assert np.abs(mine - change).max() < rel * scale
    if not prob.is_cross_section:
        assert np.abs(measure.hanle(fields) - hanle).max() < rel * scale
        assert measure.R_ohmic == pytest.approx(Measurement.of(prob, **pairs).base, rel=1e-10)


# -- against direct solves


@pytest.mark.parametrize(
    "current, voltage",
    [
        (("left", "right"), ("t1", "t2")),
        (("t1", "b1"), ("t2", "b2")),
        (("left", "t2"), ("b1", "right")),
        (("left", "right"), ("right", "left")),
    ],
)
@pytest.mark.parametrize("detection", ["printed", "reciprocal"])
def test_pairs_with_full_tensor(bar, current, voltage, detection):
    prob = bar(
        simple_material(inverse_mass=X, inverse_orbital_hall_angle=-0.5), detection=detection
    )
    measure = spectral_measure(prob, current=current, voltage=voltage, fields=FIELDS)
    agree(measure, prob, FIELDS, current=current, voltage=voltage)
    if detection == "reciprocal":
        assert np.allclose(measure.delta_R(FIELDS), measure.delta_R(-FIELDS), rtol=1e-9)
    else:
        assert abs(measure.delta_R(FIELDS[1]) / measure.delta_R(FIELDS[2]) - 1) > 1e-4


@pytest.mark.parametrize(
    "edges, ends",
    [
        ({"top": 0.6, "bottom": 0.6}, "reflecting"),
        ({"top": 2.0}, "reflecting"),
        ({"bottom": "absorbing"}, "reflecting"),
        ({"top": (0.5, 0.5, 0.5)}, "absorbing"),
        ({}, 3.0),
    ],
)
@pytest.mark.parametrize("cells, order", [("triangle", 2), ("quad", 3)])
def test_edge_laws(edges, ends, cells, order):
    mesh = tensor_grid(np.linspace(-2, 2, 9), np.linspace(-1, 1, 7), cells=cells)
    contacts = {
        "left": of.Contact("profile", moment=ends),
        "right": of.Contact(moment=ends),
        "p": of.Contact("point", at=(-0.5, 1.0)),
        "q": of.Contact("point", at=(0.7, -1.0)),
    }
    prob = of.Problem(mesh, simple_material(inverse_mass=X), contacts, edges=edges, order=order)
    pairs = {"current": ("left", "right"), "voltage": ("p", "q")}
    agree(spectral_measure(prob, fields=FIELDS, **pairs), prob, FIELDS, **pairs)


@pytest.mark.parametrize(
    "normal, edges", [("y", {}), ("z", {}), ("y", {"lower": 0.7}), ("z", {"upper": "absorbing"})]
)
def test_sections(normal, edges):
    prob = of.Problem(
        of.cross_section(3.0, normal=normal), simple_material(inverse_mass=X), edges=edges
    )
    agree(spectral_measure(prob, fields=FIELDS), prob, FIELDS)


@pytest.mark.parametrize("detection", ["printed", "reciprocal"])
def test_wire_has_four_channels(detection):
    mesh = tensor_grid(
        graded_lines(-1, 1, 0.2, 1.6), graded_lines(-1.5, 1.5, 0.2, 1.6), axes=("y", "z")
    )
    prob = of.Problem(mesh, simple_material(inverse_mass=X), order=3, detection=detection)
    measure = spectral_measure(prob, fields=FIELDS)
    assert len(measure.channels) == 4
    agree(measure, prob, FIELDS)


@pytest.mark.parametrize(
    "edges, limit",
    [
        ({}, 1.0),
        ({"lower": "absorbing"}, 1 + (np.pi / 2) ** 2),
        ({"lower": "absorbing", "upper": 0.4}, None),
    ],
)
def test_negative_theta_up_to_the_instability(edges, limit):
    prob = of.Problem(
        of.cross_section(1.0, cells=24), simple_material(inverse_mass=(1.0, 1.0, -1.0)), edges=edges
    )
    sizes = np.array([0.3, 0.9, 0.99]) if limit is None else limit * np.array([0.1, 0.5, 0.9, 0.97])
    fields = sizes[:, None] * np.array([TESLA, 0.0, 0.0])
    measure = spectral_measure(prob, fields=fields)
    agree(measure, prob, fields, rel=3e-8)
    assert np.all(np.diff(np.abs(measure.rho(fields))) > 0)  # a negative effect: f rises


@pytest.mark.parametrize("make", ["bar", "section", "growth"])
def test_a_loose_measure_is_loose_within_its_bound(bar, make):
    """Tolerance 1e-2, so that the error is there to be seen; the bound holds at every field, and is
    no giant.
    """
    if make == "growth":
        prob = of.Problem(
            of.cross_section(6.0, cells=60),
            simple_material(inverse_mass=(1.0, 1.0, -1.0)),
            edges={"lower": "absorbing"},
        )
        limit = 1 + (np.pi / 12) ** 2
        fields, pairs = limit * np.linspace(0.1, 0.98, 20)[:, None] * np.array([TESLA, 0, 0]), {}
    else:
        fields = np.vstack(
            [FIELDS, np.linspace(0.05, 40, 30)[:, None] * np.array([TESLA, 0.2 * TESLA, 0])]
        )
        prob, pairs = (
            (bar(simple_material(inverse_mass=X)), PAIRS)
            if make == "bar"
            else (of.Problem(of.cross_section(12.0, cells=96), simple_material(inverse_mass=X)), {})
        )
    measure = spectral_measure(prob, fields=fields, tolerance=1e-2, **pairs)
    change, _ = direct(prob, fields, **pairs)
    mine = measure.rho(fields) if prob.is_cross_section else measure.delta_R(fields)
    error, bound = np.abs(mine - change), np.abs(measure.unit) * measure.bound(fields)
    assert np.all(error <= bound + 1e-12 * np.abs(change).max())
    assert error.max() > 1e-11 * np.abs(change).max()


def test_a_tight_measure_refuses_what_it_does_not_cover(bar, refuses):
    prob = of.Problem(of.cross_section(400.0), simple_material())
    measure = spectral_measure(prob, fields=[(TESLA, 0, 0)])
    assert measure.rho([(TESLA, 0, 0)])[0] == pytest.approx(
        of.magnetoresistance(prob, (TESLA, 0, 0)), rel=1e-7
    )
    with refuses(SolveError, "outside the range", "bound", "cover"):
        measure.rho([(1e7 * TESLA, 0, 0)])


@pytest.mark.parametrize("theta, edges", [(1.0, {}), (-1.0, {"lower": "absorbing"}), (-1.0, {})])
def test_range(theta, edges, refuses):
    """The range is where refusal begins, in both directions of omega squared; beyond it the bound
    is too large.
    """
    prob = of.Problem(
        of.cross_section(30.0), simple_material(inverse_mass=(1.0, 1.0, theta)), edges=edges
    )
    measure = spectral_measure(prob, fields=[(0.5 * TESLA, 0, 0)])
    growth, precession = measure.range
    assert (
        growth >= 0.5 if theta < 0 else 0.5 <= precession < 1e3
    ) and growth < 1.0 + measure.slowest
    largest = growth if theta < 0 else precession
    fields = np.array([0.1, 0.5, 0.98, 1.05, 3.0])[:, None] * np.array([largest * TESLA, 0.0, 0.0])
    inside = measure.covers(fields)
    assert np.array_equal(inside, [True, True, True, False, False])
    assert np.all(np.isfinite(measure.rho(fields[inside])))
    for field in fields[~inside]:
        with refuses(SolveError, "B = "):
            measure.rho(field)
    wide = spectral_measure(
        prob, fields=[(0.5 * TESLA, 0, 0), (0.9 * TESLA if theta < 0 else 100 * TESLA, 0, 0)]
    )
    assert wide.range[0 if theta < 0 else 1] >= (0.9 if theta < 0 else 100.0)
    small = of.Problem(
        of.cross_section(3.0, cells=3), simple_material()
    )  # exhausted: exact for every field
    assert spectral_measure(small).range[1] > 1e6


def test_an_indefinite_pencil_is_refused(bar, refuses, monkeypatch):
    pencil = System.pencil.func

    def twisted(system):
        K, M, keep = pencil(system)
        return K - 0.4 * M, M, keep

    monkeypatch.setattr(System, "pencil", property(twisted))
    with refuses(SolveError, "indefinite pencil", "no bound holds", "method='direct'"):
        spectral_measure(bar(), **PAIRS)


def test_a_pair_that_vanishes_by_symmetry(bar):
    measure = spectral_measure(bar(cells="quad"), current=("left", "right"), voltage=("t1", "b1"))
    assert np.abs(measure.delta_R([(TESLA, 0, 0), (0, TESLA, 0)])).max() < 1e-10


def test_several_pairs_from_one_factorisation(bar):
    prob = bar(simple_material(inverse_mass=X))
    pairs = [
        (("left", "right"), ("t1", "t2")),
        (("t1", "b1"), ("t2", "b2")),
        (("left", "t2"), ("left", "b2")),
    ]
    for measure, (current, voltage) in zip(
        spectral_measures(prob, pairs, fields=FIELDS), pairs, strict=True
    ):
        assert (measure.current, measure.voltage) == (current, voltage)
        alone = spectral_measure(prob, current=current, voltage=voltage, fields=FIELDS)
        assert np.allclose(
            measure.delta_R(FIELDS),
            alone.delta_R(FIELDS),
            atol=2e-8 * np.abs(alone.delta_R(FIELDS)).max(),
        )
        assert measure.R_ohmic == pytest.approx(alone.R_ohmic, rel=1e-9)


@pytest.mark.parametrize("detection, ends", [("printed", "reflecting"), ("reciprocal", 1.5)])
def test_a_table_of_all_pairs(bar, refuses, detection, ends):
    """Every pair of pairs of contacts: the numbers and the refusals of the measures one by one, two
    of them against direct
    solves; reciprocity, and nothing where current and voltage pair share an antisymmetric
    combination.
    """
    contacts = {
        name: of.Contact(moment=ends if name == "left" else "reflecting")
        for name in ("left", "right", "t1", "t2")
    }
    prob = bar(
        simple_material(inverse_mass=X, inverse_orbital_hall_angle=-0.5),
        contacts=contacts,
        detection=detection,
    )
    two = [("left", "right"), ("t1", "t2"), ("left", "t2"), ("right", "left")]
    pairs = [(i, v) for i in two for v in two]
    measures = spectral_measures(prob, pairs, fields=FIELDS)
    table = delta_R_table(measures, FIELDS)
    assert table.shape == (len(FIELDS), len(pairs))
    assert np.allclose(
        table,
        np.column_stack([m.delta_R(FIELDS) for m in measures]),
        rtol=1e-11,
        atol=1e-13 * np.abs(table).max(),
    )
    for k in (1, 6):
        change, _ = direct(prob, FIELDS, current=pairs[k][0], voltage=pairs[k][1])
        assert np.abs(table[:, k] - change).max() < 1e-7 * np.abs(change).max()
    assert np.allclose(
        table[:, 0], -table[:, 12], rtol=1e-9
    )  # one pair turned round changes the sign
    assert np.allclose(
        table.reshape(-1, 4, 4), table.reshape(-1, 4, 4).swapaxes(1, 2), rtol=1e-9, atol=1e-12
    )
    tuned = [m.at(orbital_hall_angle=0.5, g_factor=0.5, sheet_conductivity=3.0) for m in measures]
    assert np.allclose(delta_R_table(tuned, FIELDS)[:, 6], tuned[6].delta_R(FIELDS), rtol=1e-11)
    for wrong in ([measures[0], tuned[1]], [measures[0], spectral_measure(prob, **PAIRS)]):
        with refuses(InputError, "delta_R_table", "one call of spectral_measures"):
            delta_R_table(wrong, FIELDS)
    with refuses(SolveError, "outside the range", "bound"):
        delta_R_table(measures, 1e6 * FIELDS)


def test_a_loose_table_is_loose_within_its_bounds(bar, refuses):
    """Tolerance 1e-2; growth is refused where it has no steady state, and at the very edge, where
    no bound holds.
    """
    prob = bar(simple_material(inverse_mass=(1.0, 1.0, 1.0), diffusion_length=0.1), step=0.125)
    pairs = [
        (("left", "right"), ("t1", "t2")),
        (("t1", "t2"), ("left", "right")),
        (("t1", "t2"), ("t1", "t2")),
    ]
    fields = np.linspace(0.0, 100.0, 12)[:, None] * np.array([TESLA, 0.0, 0.0])
    measures = spectral_measures(prob, pairs, fields=fields, tolerance=1e-2)
    exact = np.column_stack([direct(prob, fields, current=i, voltage=v)[0] for i, v in pairs])
    bounds = np.column_stack([np.abs(m.unit) * m.bound(fields) for m in measures])
    error = np.abs(delta_R_table(measures, fields) - exact)
    assert (
        np.all(error <= bounds + 1e-12 * np.abs(exact).max())
        and error.max() > 1e-11 * np.abs(exact).max()
    )
    unstable = [m.at(theta=-1.0) for m in measures]
    for size, words in ((1.01, ("unstable torque", "below 1")), (1.0 - 1e-8, ("unstable torque",))):
        with refuses(SolveError, *words):
            delta_R_table(unstable, np.array([[size * TESLA, 0, 0]]))


# -- closed forms


def test_scalar_function_of_a_strip():
    measure = spectral_measure(of.Problem(of.cross_section(3.0), simple_material()))
    s = np.array([1.0, 2.5, 1 + 3j, 1 - 20j, 0.6])
    assert np.allclose(measure.F(s), analytic.strip_response(s, 3.0), rtol=1e-8)
    assert np.all(
        np.abs(measure.F(s) - analytic.strip_response(s, 3.0)) <= measure.F_bound(s) + 1e-9
    )
    # tanh(z)/z = (8/l^2) sum 1/(q_k^2 + s), q_k = (2k+1) pi/l: the slowest rates of the poles in
    # 1/s
    seen = np.sort(measure.rates[np.abs(measure.weights) > 0.05])[:2]
    assert seen == pytest.approx((np.array([1.0, 3.0]) * np.pi / 3) ** 2, rel=1e-5)
    assert measure.weights[np.argmin(np.abs(measure.rates - (np.pi / 3) ** 2))] == pytest.approx(
        8 / 9, rel=1e-5
    )


def test_tiny_fields_keep_their_digits(bar):
    measure = spectral_measure(
        of.Problem(of.cross_section(4.0), simple_material()), tolerance=1e-12
    )
    change = measure.response([(1e-6 * TESLA, 0, 0)])[1][0]
    assert -change / 1e-12 == pytest.approx(float(analytic.film_weak_field(4.0)), rel=1e-6)
    prob = bar()
    tiny = spectral_measure(prob, tolerance=1e-12, **PAIRS).hanle([(1e-6 * TESLA, 0, 0)])[0]
    assert tiny == pytest.approx(of.resistance(prob, (1e-6 * TESLA, 0, 0), **PAIRS).hanle, rel=1e-6)


def test_alternating_field():
    measure = spectral_measure(
        of.Problem(of.cross_section(3.0), simple_material(relaxation_time=2.0))
    )
    omega = np.array([0.0, 0.5, 4.0])
    for phi in (0.0, 3.0):
        value = measure.ac(omega / (2 * np.pi), (phi * TESLA / 2.0, 0.0, 0.0))
        assert np.allclose(value, -0.09 * analytic.strip_ac(omega * 2.0, phi, 3.0), rtol=1e-8)
    assert np.ndim(measure.ac(1.0, (0, 0, 0))) == 0
    assert measure.ac("0.5 Hz", (0, 0, 0)) == measure.ac(0.5, (0, 0, 0))


def test_alternating_current_in_a_device(bar):
    """delta_R(omega) from the dense complex system A(B) - i omega tau M."""
    prob = bar(simple_material(inverse_mass=X))
    m = Measurement.of(prob, **PAIRS)
    s = m.system
    omega = 3.0
    A = csc_array(s.A(B * TESLA).astype(complex) - 1j * omega * s.mass_matrix)
    n = s.keep @ spsolve(A, (s.keep.T @ m.source).astype(complex))
    T, factors = s.potential_solver()
    V = T @ (
        factors.solve(-(T.T @ (s.C @ n)).real)[0] + 1j * factors.solve(-(T.T @ (s.C @ n)).imag)[0]
    )
    assert spectral_measure(prob, **PAIRS).ac(omega / (2 * np.pi), B * TESLA) == pytest.approx(
        m.reader @ V, rel=1e-7
    )


def test_frequencies_beyond_the_range_are_refused(refuses):
    measure = spectral_measure(
        of.Problem(of.cross_section(3.0), simple_material()), fields=[(TESLA, 0, 0)]
    )
    with refuses(SolveError, "outside the range", "bound"):
        measure.ac(1e3, (TESLA, 0.0, 0.0))
    with refuses(InputError, "frequency", "finite"):
        measure.ac(float("nan"), (0, 0, 0))
    with refuses(InputError, "frequency", "wrong dimension", "Hz"):
        measure.ac("1 m", (0, 0, 0))


# -- another material


@pytest.mark.parametrize(
    "changes",
    [
        {"tau": 0.5},
        {"theta": 0.3},
        {"orbital_hall_angle": 0.7},
        {"inverse_orbital_hall_angle": -0.2},
        {"g_factor": -2.0},
        {"inverse_mass": X},
        {"diffusion_length": 1.2},
        {"diffusion_length": 0.8, "tau": 2.0, "theta": -0.05},
        {"sheet_conductivity": "3 S"},
        {"diffusion_constant": 1.3},
        {"theta": -0.2},
    ],
)
@pytest.mark.parametrize("section", [False, True])
def test_another_material_is_a_fresh_measure(bar, changes, section):
    start = simple_material(inverse_mass=(1.0, 1.0, 1.0), inverse_orbital_hall_angle=0.4)
    make = (lambda m: of.Problem(of.cross_section(3.0), m)) if section else (lambda m: bar(m))
    pairs = {} if section else PAIRS
    tuned = spectral_measure(make(start), **pairs).at(**changes)
    fresh = make(tuned.material)
    fields = np.array([[0.0, 0, 0], [0.7, 0, 0], [1.0, -0.3, 0.2]]) * TESLA
    agree(tuned, fresh, fields, rel=1e-7, **pairs)
    made = spectral_measure(fresh, fields=fields, **pairs)
    field = fields[2]
    assert np.allclose(
        tuned.moment_density(field),
        made.moment_density(field),
        atol=1e-4 * np.abs(made.moment_density(field)).max(),
    )


@pytest.mark.parametrize("edges", [{}, {"lower": "absorbing"}])
def test_a_measure_for_many_diffusion_lengths(edges, refuses):
    """Two decades of L_m on one mesh, whose cells are too few for a measure of the middle alone to
    be exact.
    """

    def make(length):
        return of.Problem(
            of.cross_section(60.0, cells=400),
            simple_material(inverse_mass=X, diffusion_length=length),
            edges=edges,
        )

    narrow, wide = (
        spectral_measure(make(1.0), fields=FIELDS, lengths=w) for w in (None, (0.1, 10.0))
    )
    assert len(wide.projection.rates) > len(narrow.projection.rates)
    for length in (0.1, 0.4, 3.0, 10.0):
        agree(wide.at(diffusion_length=length), make(length), FIELDS)
    with refuses(SolveError, "outside the range"):
        narrow.at(diffusion_length=0.1).rho(FIELDS)
    for wrong, word in (
        ((10.0, 0.1), "shortest comes first"),
        ("1 um", "expected"),
        ((1.0, -1.0), "lengths"),
    ):
        with refuses(InputError, word):
            spectral_measure(make(1.0), lengths=wrong)


def test_finite_absorption_ties_the_measure_to_its_diffusion_constant(refuses):
    prob = of.Problem(of.cross_section(3.0), simple_material(), edges={"lower": 0.5})
    measure = spectral_measure(prob)
    for changes in ({"tau": 2.0}, {"diffusion_length": 2.0}):
        with refuses(InputError, "absorbs", "diffusion constant", "new one"):
            measure.at(**changes)
    allowed = measure.at(tau=4.0, diffusion_length=2.0)  # the same D
    fresh = of.Problem(of.cross_section(3.0), allowed.material, edges={"lower": 0.5})
    agree(allowed, fresh, np.array([[0.3, 0, 0]]) * TESLA, rel=1e-7)
    free = spectral_measure(
        of.Problem(of.cross_section(3.0), simple_material(), edges={"lower": "absorbing"})
    ).at(tau=2.0)
    agree(
        free,
        of.Problem(of.cross_section(3.0), free.material, edges={"lower": "absorbing"}),
        np.array([[0.3, 0, 0]]) * TESLA,
        rel=1e-7,
    )


def test_the_basis_stays_orthonormal_in_a_wide_range():
    """The bound relies on it: errors of one step may not grow from block to block until the space
    is exhausted.
    """
    prob = of.Problem(of.cross_section(400.0, cells=400), simple_material())
    found = spectral_measure(prob, lengths=(0.1, 100.0)).projection
    K, M, keep = system_of(prob).pencil
    vectors = keep.T @ found.vectors
    assert len(found.rates) > 100 and found.rates.min() > -1e-12
    assert np.abs(vectors.T @ (M @ vectors) - np.eye(len(found.rates))).max() < 1e-9
    size = np.abs(found.rates + found.shift)
    assert (
        np.abs(
            (vectors.T @ (K @ vectors) - np.diag(found.rates)) / np.sqrt(np.outer(size, size))
        ).max()
        < 1e-9
    )


@pytest.mark.parametrize(
    "parameter, value",
    [
        ("tau", 1.0),
        ("orbital_hall_angle", 0.3),
        ("theta", 1.0),
        ("g_factor", 1.0),
        ("diffusion_length", 1.0),
        ("sheet_conductivity", 1.0),
    ],
)
def test_sensitivity_is_the_derivative(bar, parameter, value):
    """Against central differences of measures of fresh problems; alpha' stays what it was."""
    start = simple_material(inverse_orbital_hall_angle=0.3)
    measure = spectral_measure(bar(start), tolerance=1e-11, **PAIRS)
    fields = np.array([[0.7, 0.0, 0.0], [1.5, 0.4, 0.0]]) * TESLA
    h = 1e-3
    fresh = [
        of.hanle_curve(
            bar(measure.at(**{parameter: value + k * h}).material), fields, method="direct", **PAIRS
        ).delta_R
        for k in (-1, 1)
    ]
    exact = (fresh[1] - fresh[0]) / (2 * h)
    assert np.allclose(
        measure.sensitivity(parameter, fields), exact, rtol=1e-4, atol=1e-7 * np.abs(fresh[0]).max()
    )


def test_sensitivity_of_a_section_is_of_rho():
    measure = spectral_measure(of.Problem(of.cross_section(3.0), simple_material()))
    assert measure.sensitivity("orbital_hall_angle", [(TESLA, 0, 0)])[0] == pytest.approx(
        measure.rho([(TESLA, 0, 0)])[0] / 0.3, rel=1e-9
    )


# -- the moment density


@pytest.mark.parametrize("kind", ["bar", "strip", "film", "wire", "robin"])
def test_moment_density(bar, kind):
    material = simple_material(
        inverse_mass=X, sheet_conductivity=2.0, relaxation_time=0.5, diffusion_length=0.9
    )
    field = 1.7 * B * TESLA
    if kind in ("bar", "robin"):
        prob = bar(
            material,
            **(
                {"contacts": {n: of.Contact(moment=0.6) for n in ("left", "right")}}
                if kind == "robin"
                else {}
            ),
        )
        pairs = (
            PAIRS if kind == "bar" else {"current": ("left", "right"), "voltage": ("left", "right")}
        )
        measure = spectral_measure(prob, tolerance=1e-12, **pairs)
        exact = of.solve(prob, field, currents={"left": 3e-3, "right": -3e-3}).moment_density
        mine = measure.moment_density(field, "3 mA")
    else:
        mesh = of.cross_section(3.0, normal="z" if kind == "film" else "y", cells=30)
        if kind == "wire":
            mesh = tensor_grid(
                graded_lines(-1, 1, 0.2, 1.6), graded_lines(-1.5, 1.5, 0.2, 1.6), axes=("y", "z")
            )
        prob = of.Problem(mesh, material)
        exact = of.solve(prob, field, electric_field=4.0).moment_density
        mine = spectral_measure(prob, tolerance=1e-12).moment_density(field, 4.0)
    assert mine.shape == exact.shape
    assert np.abs(mine - exact).max() < 1e-4 * np.abs(exact).max()


def test_moment_density_refuses(refuses):
    prob = of.Problem(of.cross_section(3.0), simple_material(inverse_mass=(1.0, 1.0, -1.0)))
    measure = spectral_measure(prob)
    with refuses(SolveError, "unstable torque"):
        measure.moment_density((2.0 * TESLA, 0.0, 0.0))
    with refuses(InputError, "one field", "(2, 3)"):
        measure.moment_density(np.zeros((2, 3)))
    with refuses(InputError, "wrong dimension", "V/m"):
        measure.moment_density((0, 0, 0), "1 A")


# -- files, refusals


def test_save_and_load(tmp_path, bar, refuses):
    prob = bar(simple_material(inverse_mass=X, name="Mn"), detection="reciprocal")
    measure = spectral_measure(prob, **PAIRS)
    path = measure.save(tmp_path / "m.json")
    again = of.SpectralMeasure.load(path)
    assert (
        np.array_equal(again.delta_R(FIELDS[:5]), measure.delta_R(FIELDS[:5]))
        and again.R_ohmic == measure.R_ohmic
    )
    assert (
        again.current == ("left", "right")
        and again.detection == "reciprocal"
        and again.material.name == "Mn"
    )
    assert np.array_equal(again.bound(FIELDS[:3]), measure.bound(FIELDS[:3]))
    assert again.at(tau=2.0).material.relaxation_time == 2.0
    with refuses(InputError, "moment_density", "loaded from a file", "from the problem"):
        again.moment_density((0, 0, 0))
    section = spectral_measure(of.Problem(of.cross_section(3.0), simple_material()))
    loaded = of.SpectralMeasure.load(section.save(tmp_path / "s.json"))
    assert loaded.current is None and np.array_equal(
        loaded.rho(FIELDS[:3]), section.rho(FIELDS[:3])
    )
    broken = json.loads(path.read_text())
    for change in ({"format": "something else"}, {"projection": {}}, {"channels": 3}):
        path.write_text(json.dumps({**broken, **change}))
        with refuses(InputError, "m.json", "not a spectral measure", "SpectralMeasure.save"):
            of.SpectralMeasure.load(path)
    path.write_text("{")
    with refuses(InputError, "m.json", "not a spectral measure"):
        of.SpectralMeasure.load(path)
    with refuses(InputError, "missing.json"):
        of.SpectralMeasure.load(tmp_path / "missing.json")


def test_what_the_spectral_path_cannot_serve(bar, refuses):
    varying = simple_material(orbital_hall_angle=lambda x, y: 0.1 + 0.0 * x)
    cases = [
        (bar(varying), "the materials vary over the device"),
        (bar(coupling="full"), "coupling='full'"),
        (
            bar(
                contacts={
                    "left": of.Contact(moment=(1.0, 2.0, 1.0)),
                    "right": of.Contact(),
                    "t1": of.Contact(),
                    "t2": of.Contact(),
                }
            ),
            "'left' absorbs",
        ),
    ]
    for prob, why in cases:
        assert why in refusal(prob)
        with refuses(InputError, why, "method='reduced'"):
            spectral_measure(prob, **PAIRS)
    assert refusal(bar()) is None


def test_terminals(bar, refuses):
    with refuses(InputError, "pair"):
        spectral_measure(bar())
    section = of.Problem(of.cross_section(3.0), simple_material())
    with refuses(InputError, "no contacts", "leave out"):
        spectral_measure(section, **PAIRS)
    measure = spectral_measure(section)
    for read in (measure.delta_R, measure.hanle):
        with refuses(InputError, "cross-section", "rho"):
            read(FIELDS)
    with refuses(InputError, "'taux'", "did you mean 'tau'?"):
        measure.at(taux=2.0)
    with refuses(InputError, "'thet'", "did you mean 'theta'?"):
        measure.sensitivity("thet", FIELDS)
    with refuses(SolveError, "unstable torque", "|omega| tau = 2", "below 1", "reduce |B|"):
        measure.at(theta=-1.0).rho([(2 * TESLA, 0, 0)])
    with refuses(InputError, "tolerance", "-1"):
        spectral_measure(section, tolerance=-1)
    with refuses(InputError, "tolerance", "nan"):
        of.hanle_curve(section, FIELDS, tolerance=float("nan"))


def test_shapes_and_repr(bar):
    measure = spectral_measure(bar(), **PAIRS)
    assert np.ndim(measure.delta_R(FIELDS[1])) == 0 and measure.delta_R(FIELDS[:3]).shape == (3,)
    assert measure.rho_star([(0, 0, 0)])[0] == 0.0 and 0 < measure.rho_star([(TESLA, 0, 0)])[0] < 1
    assert measure.rho(FIELDS[:2]) == pytest.approx(measure.delta_R(FIELDS[:2]) / measure.R_ohmic)
    text = repr(measure)
    assert "current ('left', 'right')" in text and "poles" in text and "\n" not in text
