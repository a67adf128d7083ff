"""Fields in, curves out: every method the same curve, its columns, and what a wrong request is
told.
"""

from __future__ import annotations

import csv

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem import analytic
from ohmr_fem.errors import ConvergenceWarning, InputError, SolveError, SweepInterrupted
from ohmr_fem.model.fields import field_rotation, field_sweep
from ohmr_fem.sweep import hanle as sweep
from ohmr_fem.sweep.hanle import angle_scan, hanle_curve, hanle_map, strip_rho
from ohmr_fem.sweep.spectral import spectral_measure
from validation.case import simple_material
from validation.strip_tensor import TESLA

X = np.array([[1.0, 0.3, 0.2], [0.3, 0.7, -0.1], [0.2, -0.1, 0.4]])
PAIRS = {"current": ("left", "right"), "voltage": ("t1", "t2")}
FIELDS = field_sweep(-3 * TESLA, 3 * TESLA, 7, (1.0, 0.5, 0.0))

pytestmark = pytest.mark.filterwarnings("ignore::ohmr_fem.errors.PhysicsWarning")


# -- fields


def test_field_sweep():
    assert np.array_equal(field_sweep(-9, 9, 3), [[-9, 0, 0], [0, 0, 0], [9, 0, 0]])
    assert np.array_equal(field_sweep(0, 2, 2, "z"), [[0, 0, 0], [0, 0, 2]])
    assert np.allclose(field_sweep(5, 5, 1, (3.0, 0.0, 4.0)), [[3, 0, 4]])
    assert np.allclose(field_sweep("-90 mT", "0.09 T", 3), field_sweep(-0.09, 0.09, 3))


def test_field_rotation():
    fields = field_rotation(2.0, 4, "yz")
    assert np.allclose(fields, [[0, 2, 0], [0, 0, 2], [0, -2, 0], [0, 0, -2]], atol=1e-15)
    assert np.allclose(field_rotation("2 T", 2), [[2, 0, 0], [-2, 0, 0]], atol=1e-15)


def test_field_rotation_with_its_end_is_at_the_angles_that_its_text_gives():
    assert "np.linspace(0, 360, n, endpoint=endpoint)" in field_rotation.__doc__
    for n, endpoint in ((1, True), (36, False), (37, True)):
        angle = np.deg2rad(np.linspace(0, 360, n, endpoint=endpoint))
        x, y, _ = field_rotation(9.0, n, endpoint=endpoint).T / 9.0
        assert np.allclose([x, y], [np.cos(angle), np.sin(angle)], atol=1e-15)


def test_field_rotation_refuses_another_endpoint(refuses):
    with refuses(InputError, "endpoint", "360"):
        field_rotation(1.0, 4, endpoint=360)


@pytest.mark.parametrize(
    "arguments, fragments",
    [
        ((0, 1, 3, "w"), ("direction", "'w'", "x, y, z")),
        ((0, 1, 3, (0, 0, 0)), ("direction", "non-zero")),
        ((0, 1, 3, (1, 0)), ("direction",)),
        ((0, 1, 3, np.ones((2, 3))), ("direction", "(3,)")),
        ((0, 1, 0), ("positive integer", "0")),
        ((0, 1, 2.5), ("positive integer", "2.5")),
        ((0, 1, True), ("positive integer", "True")),
        ((0, 1, float("nan")), ("positive integer", "nan")),
        ((0, 1, None), ("positive integer", "None")),
        ((0, 1, "a"), ("positive integer", "'a'")),
        ((np.nan, 1, 3), ("start", "finite")),
        ((0, "1 m", 3), ("stop", "wrong dimension", "expected T")),
        ((None, 1, 3), ("start", "None")),
    ],
)
def test_field_sweep_refuses(arguments, fragments, refuses):
    with refuses(InputError, *fragments):
        field_sweep(*arguments)


@pytest.mark.parametrize(
    "arguments, fragments",
    [
        ((1.0, 3, "xx"), ("plane", "'xx'")),
        ((1.0, 3, "xyz"), ("plane", "'xyz'")),
        ((1.0, 3, None), ("plane", "None")),
        ((np.inf, 3), ("magnitude", "finite")),
        ((1.0, 0), ("positive integer", "0")),
        ((1.0, "a"), ("positive integer", "'a'")),
        (("1 m", 3), ("magnitude", "wrong dimension")),
    ],
)
def test_field_rotation_refuses(arguments, fragments, refuses):
    with refuses(InputError, *fragments):
        field_rotation(*arguments)


# -- curves


def test_methods_agree(bar):
    prob = bar(simple_material(inverse_mass=X))
    curves = {
        m: hanle_curve(prob, FIELDS, method=m, **PAIRS) for m in ("spectral", "reduced", "direct")
    }
    size = np.abs(curves["direct"].delta_R).max()
    for name in ("spectral", "reduced"):
        for column in ("delta_R", "hanle"):
            assert (
                np.abs(getattr(curves[name], column) - getattr(curves["direct"], column)).max()
                < 2e-8 * size
            )
        assert np.all(curves[name].algebraic_error < 1e-6 * size)
        assert curves[name].R_ohmic == pytest.approx(curves["direct"].R_ohmic, rel=1e-11)
    assert np.all(np.isnan(curves["direct"].algebraic_error))
    single = [of.resistance(prob, B, **PAIRS) for B in FIELDS]
    assert np.allclose(curves["direct"].R, [r.R for r in single], rtol=1e-12)
    assert np.allclose(curves["direct"].hanle, [r.hanle for r in single], rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("coupling", ["linear", "full"])
def test_linear_or_full_reduced_against_direct(bar, coupling):
    tau = simple_material(
        inverse_mass=X,
        diffusion_length=None,
        diffusion_constant=1.0,
        relaxation_time=(1.0, 0.9, 1.2),
    )
    prob = bar(tau, coupling=coupling)
    curves = [hanle_curve(prob, 0.3 * FIELDS, method=m, **PAIRS) for m in ("reduced", "direct")]
    assert np.abs(curves[0].hanle - curves[1].hanle).max() < 1e-7 * np.abs(curves[1].delta_R).max()


def test_auto_chooses_and_says_so(bar):
    assert hanle_curve(bar(), FIELDS, **PAIRS).method.startswith("spectral")
    full = bar(coupling="full", order=3, step=0.5)
    few, many = (
        hanle_curve(full, FIELDS[:2], **PAIRS),
        hanle_curve(full, np.repeat(FIELDS, 2, axis=0), **PAIRS),
    )
    assert (
        few.method.startswith("direct")
        and many.method.startswith("reduced")
        and "coupling='full'" in few.method
    )


def test_words(bar):
    curve = hanle_curve(bar(), FIELDS, **PAIRS)
    assert np.allclose(curve.R, curve.R_ohmic + curve.delta_R) and np.allclose(
        curve.rho, curve.delta_R / curve.R_ohmic
    )
    assert np.allclose(curve.rho_change, curve.hanle / curve.R_ohmic)
    zero = curve.delta_R[3]
    assert not np.any(FIELDS[3]) and curve.hanle[3] == 0.0 and curve.rho_star[3] == 0.0
    assert np.allclose(curve.hanle, curve.delta_R - zero, atol=1e-8 * abs(zero))
    assert np.allclose(curve.rho_star, 1 - curve.delta_R / zero, atol=1e-7) and np.all(
        curve.rho_star <= 1
    )
    assert np.all(curve.delta_R < 0) and np.all(curve.residual < 1e-12) and curve.seconds > 0
    assert curve.current == ("left", "right") and curve.voltage == ("t1", "t2")
    size = float(np.linalg.norm(FIELDS[0]))
    assert np.allclose(
        np.abs(curve.magnitude), size * np.array([1, 2 / 3, 1 / 3, 0, 1 / 3, 2 / 3, 1])
    )
    assert np.all(np.diff(curve.magnitude) > 0) or np.all(np.diff(curve.magnitude) < 0)


def test_section_curve_is_the_closed_form():
    prob = of.Problem(of.cross_section(3.0), simple_material(inverse_mass=(1.0, 1.0, 0.25)))
    for method in ("spectral", "direct", "reduced"):
        curve = hanle_curve(prob, FIELDS, method=method)
        phi = np.linalg.norm(FIELDS[:, :1], axis=1) / TESLA
        only_x = hanle_curve(prob, FIELDS * [1, 0, 0], method=method)
        assert np.allclose(only_x.rho, 0.09 * analytic.rho(phi, 0.25, 3.0), rtol=1e-7)
        assert np.allclose(only_x.rho_star, analytic.rho_star(phi, 0.25, 3.0), atol=1e-7)
        assert np.isnan(curve.R_ohmic) and np.all(np.isnan(curve.hanle)) and curve.current is None


def test_what_the_strip_would_give(bar):
    curve = hanle_curve(bar(), FIELDS * [1, 0, 0], **PAIRS)
    phi = np.abs(FIELDS[:, 0]) / TESLA
    assert np.allclose(
        curve.delta_R_strip, curve.R_ohmic * 0.09 * analytic.rho(phi, 1.0, 2.0), rtol=1e-6
    )
    two = simple_material(
        diffusion_length=None, diffusion_constant=1.0, relaxation_time=(1.0, 1.1, 1.0)
    )
    assert np.all(np.isnan(strip_rho(bar(two), FIELDS, ("left", "right"))))


def test_the_strip_may_be_unstable_where_the_device_is_not(bar):
    """theta < 0: absorbing contacts and edges hold moments down; the strip beside them has none."""
    prob = bar(
        simple_material(inverse_mass=(1.0, 1.0, -1.0)),
        edges=dict.fromkeys((), "absorbing"),
        contacts={n: of.Contact(moment="absorbing") for n in ("left", "right", "t1", "t2")},
    )
    fields = [(0.5 * TESLA, 0.0, 0.0), (1.05 * TESLA, 0.0, 0.0)]
    curve = hanle_curve(prob, fields, **PAIRS)
    direct = hanle_curve(prob, fields, method="direct", **PAIRS)
    assert np.allclose(curve.delta_R, direct.delta_R, rtol=1e-6)
    assert np.isfinite(curve.delta_R_strip[0]) and np.isnan(curve.delta_R_strip[1])


def test_angle_scan(bar):
    curve = angle_scan(bar(), 2 * TESLA, plane="xz", n=8, **PAIRS)
    assert np.allclose(curve.fields, field_rotation(2 * TESLA, 8, "xz"))
    assert curve.hanle[0] == pytest.approx(curve.hanle[4], rel=1e-9)  # X_za = 0: even
    assert (
        np.abs(curve.hanle[[2, 6]]).max() < 1e-9 * curve.hanle[0]
    )  # B along z does nothing to n^z


def test_map(bar):
    measure = spectral_measure(bar(), **PAIRS)
    values = [0.1, 0.5, 1.0]
    table = hanle_map(measure, FIELDS, "theta", values)
    assert table.shape == (3, 7) and np.allclose(table[2], measure.delta_R(FIELDS))
    assert np.allclose(table[0], measure.at(theta=0.1).delta_R(FIELDS))
    section = spectral_measure(of.Problem(of.cross_section(3.0), simple_material()))
    assert np.allclose(
        hanle_map(section, FIELDS * [1, 0, 0], "theta", 0.5)[0],
        0.09 * analytic.rho(np.abs(FIELDS[:, 0]) / TESLA, 0.5, 3.0),
        rtol=1e-7,
    )


def test_map_over_angles(bar, monkeypatch, refuses):
    """Each row is a curve of its own with the fields turned by hand; nothing is factorised for any
    map.
    """
    prob = bar(simple_material(inverse_mass=X))
    measure = spectral_measure(prob, lengths=(0.5, 2.0), **PAIRS)
    angles = np.array([0.0, 0.4, -1.3, np.pi])
    fresh = [
        hanle_curve(
            prob,
            FIELDS @ np.array([[np.cos(t), 0, np.sin(t)], [0, 1, 0], [-np.sin(t), 0, np.cos(t)]]),
            method="direct",
            **PAIRS,
        ).delta_R
        for t in angles
    ]
    monkeypatch.setattr("ohmr_fem.solver.linear.splu", None)
    table = hanle_map(measure, FIELDS, "angle", angles, plane="xz")
    assert table.shape == (4, 7) and np.abs(table - fresh).max() < 1e-8 * np.abs(fresh).max()
    assert np.allclose(
        hanle_map(measure, FIELDS, "angle", 0.7, plane="yx"),
        hanle_map(measure, FIELDS, "angle", -0.7),
        rtol=1e-9,
    )
    lengths = hanle_map(measure, FIELDS, "diffusion_length", [0.6, 1.0, 1.8])
    assert np.allclose(lengths[1], measure.delta_R(FIELDS))
    assert np.all(np.abs(np.diff(lengths, axis=0)) > 1e-3 * np.abs(lengths[1]))
    with refuses(InputError, "plane", "'xx'"):
        hanle_map(measure, FIELDS, "angle", angles, plane="xx")


def test_the_curve_says_which_path_it_took_and_why(bar):
    one, full = bar(), bar(coupling="full")
    for prob, method, few, words in [
        (one, "auto", False, "spectral (one material linear"),
        (one, "direct", True, "direct (as asked)"),
        (one, "spectral", True, "spectral (as asked)"),
        (one, "reduced", False, "reduced (as asked)"),
        (full, "auto", True, "direct (coupling='full'"),
        (full, "auto", False, "reduced (coupling='full'"),
    ]:
        fields = FIELDS if few else field_sweep(-3 * TESLA, 3 * TESLA, 9)
        said = hanle_curve(prob, fields, method=method, **PAIRS).method
        assert all(word in said for word in words.split()), said


def test_table(bar, tmp_path):
    curve = hanle_curve(bar(), FIELDS, **PAIRS)
    rows = list(csv.reader(curve.to_csv(tmp_path / "c.csv").open()))
    assert rows[0][:8] == [
        "B_x [T]",
        "B_y [T]",
        "B_z [T]",
        "R [ohm]",
        "R_ohmic [ohm]",
        "delta_R [ohm]",
        "hanle [ohm]",
        "delta_R_strip [ohm]",
    ]
    assert np.array_equal(
        np.array(rows[1:], dtype=float)[:, 5], curve.delta_R
    )  # 17 digits: bit for bit
    section = hanle_curve(of.Problem(of.cross_section(3.0), simple_material()), FIELDS)
    assert "R" not in section.columns() and section.columns()["algebraic_error"][0] == "1"
    assert "7 fields" in repr(curve) and "cross-section" in repr(section)


# -- interrupted, unstable, unconverged


def test_interrupted_sweep_returns_what_is_done(bar):
    def stop(done, total):
        assert total == 7
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(SweepInterrupted) as caught:
        hanle_curve(bar(), FIELDS, method="direct", progress=stop, **PAIRS)
    part = caught.value.partial
    whole = hanle_curve(bar(), FIELDS, method="direct", **PAIRS)
    assert len(part.fields) == 3 and np.array_equal(part.delta_R, whole.delta_R[:3])

    def at_once(done, total):
        raise KeyboardInterrupt

    assert isinstance(caught.value, KeyboardInterrupt)
    with pytest.raises(SweepInterrupted) as caught:
        hanle_curve(bar(), FIELDS, method="direct", progress=at_once, **PAIRS)
    assert len(caught.value.partial.fields) == 1


@pytest.mark.parametrize("method", ["direct", "reduced"])
def test_growth_of_a_turning_mode_is_seen_on_every_path(method, refuses):
    """A growing mode that precesses makes no matrix singular; a sweep must look for it."""
    tilted = np.array([[1.0, 0.0, 0.9], [0.0, 1.0, 0.0], [0.9, 0.0, 1.0]])
    material = simple_material(
        diffusion_length=None,
        diffusion_constant=1.0,
        relaxation_time=(4.0, 1.0, 1.0),
        inverse_mass=tilted,
    )
    prob = of.Problem(of.cross_section(3.0, cells=24), material)
    stable = field_sweep(0, 2 * TESLA, 30, "y")
    assert np.all(np.isfinite(hanle_curve(prob, stable, method=method).rho))
    with refuses(SolveError, "unstable torque"):
        hanle_curve(prob, field_sweep(-2 * TESLA, 2 * TESLA, 30, "y"), method=method)
    with refuses(
        SolveError, "unstable torque"
    ):  # only the first two fields of these have no steady state
        hanle_curve(prob, field_sweep(-0.45 * TESLA, 2 * TESLA, 101, "y"), method=method)


def test_an_estimate_that_stays_too_large_is_said(bar, monkeypatch):
    import functools

    monkeypatch.setattr(sweep, "reduced_sweep", functools.partial(sweep.reduced_sweep, most=3))
    fields = np.random.default_rng(2).normal(size=(20, 3)) * TESLA
    with pytest.warns(ConvergenceWarning, match="after 3 factorisations"):
        curve = hanle_curve(
            bar(simple_material(inverse_mass=X)), fields, method="reduced", tolerance=1e-12, **PAIRS
        )
    assert any("reduced basis" in w for w in curve.warnings)


@pytest.mark.parametrize(
    "options, fragments",
    [
        ({"method": "fast"}, ("'fast'", "spectral", "direct")),
        ({"method": "spectrl"}, ("did you mean 'spectral'?",)),
        ({"fields": np.zeros((0, 3))}, ("at least one field",)),
        ({"fields": [1.0, 2.0]}, ("(3,) or (n, 3)",)),
        ({"current": None}, ("current", "pair")),
        ({"voltage": ("t1", "rihgt")}, ("'rihgt'", "did you mean 'right'?")),
        ({"tolerance": 0.0}, ("tolerance", "positive", "0.0")),
        ({"tolerance": float("nan")}, ("tolerance", "nan")),
        ({"tolerance": -1.0, "method": "reduced"}, ("tolerance", "positive")),
    ],
)
def test_curve_refuses(bar, options, fragments, refuses):
    arguments = {"fields": FIELDS, **PAIRS, **options}
    with refuses(InputError, *fragments):
        hanle_curve(bar(), **arguments)


def test_spectral_asked_where_it_cannot_serve(bar, refuses):
    with refuses(InputError, "spectral path does not apply", "coupling='full'", "method='reduced'"):
        hanle_curve(bar(coupling="full"), FIELDS, method="spectral", **PAIRS)
