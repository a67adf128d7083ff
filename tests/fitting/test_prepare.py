"""Preparing raw curves: every defect found within its stated error, on record, and repeatable."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chi2

import ohmr_fem as of
from ohmr_fem.errors import InputError
from ohmr_fem.fitting.data import Measured
from ohmr_fem.fitting.prepare import prepare
from ohmr_fem.fitting.sweeps import bins, levels, returns, turns, ways
from validation.prepare_raw import (
    ALL,
    HYSTERESIS,
    MIXING,
    NEEDED,
    OFFSET,
    RATE,
    outcome,
    raw_data,
    truth,
)

UP = np.linspace(-1.0, 1.0, 11)


@pytest.fixture(scope="module")
def raw():
    return raw_data(7)


@pytest.fixture(scope="module")
def made(raw):
    return prepare(raw[0], longitudinal=raw[1], **ALL)


def along_x(field, values, **more):
    return Measured(np.asarray(field)[:, None] * [1.0, 0.0, 0.0], values, **more)


def even_curve(seed=0, noise=1e-3, shift=0.0, points=81, sweeps=4):
    """Sweeps of an even curve about ``shift``, in T and ohm."""
    up = np.linspace(-2.0, 2.0, points)
    field = np.concatenate([up if k % 2 == 0 else up[::-1] for k in range(sweeps)])
    rng = np.random.default_rng(seed)
    u = (field - shift) / 0.5
    values = 5.0 + u**2 / (1.0 + u**2) + noise * rng.standard_normal(len(field))
    return along_x(field, values, time=np.arange(len(field), dtype=float))


# -- all defects at once, few seeds here and 500 in validation/prepare_raw.py


@pytest.mark.slow
def test_all_defects_at_once():
    found = outcome(range(1, 13), left_out=0)
    total = chi2.cdf(found.chi2.sum(), found.points.sum())
    assert 0.005 < total < 0.995
    for name, z in found.z.items():
        assert np.sqrt(np.mean(z**2)) < 2.0, name
    assert np.sum(found.whiteness["none"] < 0.01) <= 1


@pytest.mark.parametrize("name", NEEDED)
def test_a_step_left_out_is_seen(raw, name):
    steps = {key: value for key, value in ALL.items() if key != name}
    made = prepare(raw[0], longitudinal=raw[1], **steps)
    assert made.preparation.whiteness < 0.01
    assert name not in made.preparation


# -- the record


def test_the_steps_stand_in_their_order(made):
    names = [step.name for step in made.preparation]
    assert names == [
        "offset",
        "hysteresis",
        "drift",
        "outliers",
        "mixing",
        "symmetry",
        "noise",
    ]
    assert len(str(made.preparation).splitlines()) == len(names)
    assert made.preparation["drift"].unit == "ohm/s"
    with pytest.raises(InputError):
        made.preparation["average"]


def test_the_raw_curve_is_kept_and_outliers_are_marked(raw, made):
    assert made.raw is raw[0]
    marks = made.preparation.outliers
    assert marks.shape == raw[0].values.shape
    # every row that is marked lies far off the truth, and every row far off is marked
    data, along = raw
    B = data.fields[:, 2] - OFFSET - 0.5 * HYSTERESIS * ways(data.fields[:, 2])
    drift = RATE * (data.time - data.time.mean())
    off = np.abs(data.values - truth(B) - MIXING * along.values - drift)
    scale = made.preparation.numbers.scale
    assert marks.sum() > 5
    assert off[marks].min() > 4.0 * scale and off[~marks].max() < 5.0 * scale
    assert f"{marks.sum()} of {len(marks)} rows" in made.preparation["outliers"].method


def test_recorded_numbers_give_the_same_bits(raw, made):
    again = prepare(raw[0], made.preparation, longitudinal=raw[1])
    for key in ("fields", "values", "sigma"):
        assert np.array_equal(getattr(again, key), getattr(made, key)), key
    assert str(again.preparation) == str(made.preparation)
    assert again.preparation.whiteness == made.preparation.whiteness


def test_another_raw_curve_gets_the_same_numbers(made):
    other = raw_data(8)
    again = prepare(other[0], made.preparation, longitudinal=other[1])
    assert again.preparation.numbers == made.preparation.numbers
    for name in ("offset", "hysteresis", "drift", "mixing", "noise"):
        assert again.preparation[name].value == made.preparation[name].value
    assert not np.array_equal(again.values, made.values)


def test_a_record_takes_no_steps_beside_it(raw, made):
    with pytest.raises(InputError) as caught:
        prepare(raw[0], made.preparation, longitudinal=raw[1], offset=1e-3)
    assert caught.value.key == "offset"
    with pytest.raises(InputError) as caught:
        prepare(raw[0], made.preparation)
    assert caught.value.key == "longitudinal"


def test_the_record_is_plain_values(made):
    import json

    content = json.loads(json.dumps(made.preparation.record()))
    assert [s["name"] for s in content["steps"]] == [s.name for s in made.preparation]
    assert len(content["outliers"]) == made.preparation.outliers.sum()


# -- single steps


def test_given_numbers_are_used_as_they_are():
    field = np.concatenate([UP, UP[::-1]])
    time = 2.0 * np.arange(22.0)
    longitudinal = 10.0 + field**2
    way = np.repeat([1.0, -1.0], 11)
    values = field + 0.1 * longitudinal + 1e-3 * (time - 21.0)
    data = along_x(field, values, time=time)
    made = prepare(
        data, offset=0.02, hysteresis=0.01, drift=1e-3, mixing=0.1, longitudinal=longitudinal
    )
    # rising rows move by -h/2, falling ones by +h/2, after the offset is subtracted
    assert np.allclose(made.fields[:, 0], field - 0.02 - 0.005 * way, atol=1e-15)
    assert np.allclose(made.values, field, atol=1e-14)
    assert made.time is not None and np.array_equal(made.time, time)


def test_nothing_asked_for_changes_nothing_but_sigma():
    data = even_curve()
    made = prepare(data)
    assert np.array_equal(made.values, data.values) and np.allclose(made.fields, data.fields)
    assert made.sigma[0] == pytest.approx(1e-3, rel=0.15)
    assert [s.name for s in made.preparation] == ["noise"]


def test_offset_of_an_even_curve_without_symmetry():
    step = prepare(even_curve(shift=3e-3), offset="auto").preparation["offset"]
    assert abs(step.value - 3e-3) < 4.0 * step.error < 4e-3
    assert "even" in step.method


def test_a_curve_that_is_neither_has_no_offset():
    data = even_curve()
    skew = replace(data, values=data.values + 0.3 * data.fields[:, 0])
    with pytest.raises(InputError) as caught:
        prepare(skew, offset="auto")
    assert caught.value.key == "offset"


@pytest.mark.parametrize("symmetry", ["even", "odd"])
def test_symmetry_keeps_each_size_of_the_field_once(symmetry):
    data = even_curve(noise=1e-4)
    x = data.fields[:, 0]
    both = replace(data, values=data.values + 0.3 * x)
    made = prepare(both, symmetry=symmetry)
    B = made.fields[:, 0]
    assert np.all(np.diff(B) > 0.0) and len(B) in (40, 41) and np.all(B >= 0.0)
    u = B / 0.5
    expected = 0.3 * B if symmetry == "odd" else 5.0 + u**2 / (1.0 + u**2)
    assert np.abs(made.values - expected).max() < 4.0 * made.sigma.max() < 1e-3


def test_bins_are_centred_at_zero_and_know_their_errors():
    data = even_curve(noise=1e-3)
    made = prepare(data, average=0.25)
    B = made.fields[:, 0]
    assert len(B) == 17 and np.abs(B).min() < 1e-9
    u = B / 0.5
    off = (made.values - 5.0 - u**2 / (1.0 + u**2)) / made.sigma
    assert chi2.cdf(np.sum(off**2), len(B)) < 0.999


def test_brackets_follow_a_drift_that_bends():
    data = even_curve(sweeps=10)
    wave = 5e-3 * np.sin(2.0 * np.pi * data.time / data.time.max())
    drifting = replace(data, values=data.values + wave)
    straight = prepare(drifting, drift="linear", symmetry="even")
    bent = prepare(drifting, drift="bracket", symmetry="even")
    assert bent.sigma.max() < 0.7 * straight.sigma.max()
    assert straight.preparation.whiteness < 1e-6
    assert len(bent.preparation["drift"].value) == len(returns(data.fields[:, 0]))


def test_noise_as_the_file_says():
    data = even_curve()
    known = replace(data, sigma=2e-3)
    assert np.all(prepare(known, noise="file").sigma == 2e-3)
    repeats = prepare(data, noise="repeats")
    assert repeats.sigma[0] == pytest.approx(1e-3, rel=0.2)


def test_correlated_noise_is_stated_and_paid_for():
    x, longitudinal = raw_data(3, correlation=0.5)
    numbers = prepare(x, longitudinal=longitudinal, **ALL).preparation.numbers
    assert numbers.correlation == pytest.approx(0.5, abs=0.1)
    expected = np.sqrt((1.0 + numbers.correlation) / (1.0 - numbers.correlation))
    assert numbers.inflation == pytest.approx(expected, rel=1e-12)


def test_correlation_is_found_through_what_the_fit_takes_out():
    """Against noise of known correlation with many columns fitted to it."""
    from ohmr_fem.fitting.correlation import correlation
    from ohmr_fem.fitting.smooth import Rows, Spline, joint

    field = np.tile(UP.repeat(8) + np.tile(np.linspace(0, 0.19, 8), 11), 4)
    n = len(field)
    found, sizes = [], []
    for seed in range(40):
        white = np.random.default_rng(seed).standard_normal(n)
        noise = np.zeros(n)
        for i in range(n):
            noise[i] = 0.6 * noise[i - 1] + 0.8 * white[i] if i else white[0]
        # functions of time take out slow noise: half of the bias of the plain estimate
        waves = [np.sin(np.pi * k * np.arange(n) / n) for k in range(1, 21)]
        nuisance = np.column_stack(waves)
        ones = np.ones(n)
        names = tuple(f"wave {k}" for k in range(20))
        rows = Rows(field, noise, ones, ones, ones, nuisance, names)
        fitted = joint(rows, Spline.over(field, 0, 6), (), 0.0, 0.0, ones)
        r, variance = correlation(fitted)
        found.append(r)
        sizes.append(variance)
        u = fitted.residual
        plain = float(u[1:] @ u[:-1] / (u @ u))
        assert plain < r
    scatter = np.std(found) / np.sqrt(len(found))
    assert abs(np.mean(found) - 0.6) < 4.0 * scatter + 0.01
    assert abs(np.mean(sizes) - 1.0) < 4.0 * np.std(sizes) / np.sqrt(len(sizes)) + 0.02


def test_correlated_noise_is_covered_again():
    from validation.prepare_raw import covered

    paid, unpaid = covered(range(1, 9), 0.5)
    assert paid.sum() >= 13 and unpaid.sum() < paid.sum()


def test_exchanged_pairs_join_with_the_field_reversed():
    x = even_curve(seed=1, noise=1e-4)
    field = x.fields[:, 0]
    values = x.values + 0.2 * field
    mirror = even_curve(seed=2, noise=1e-4)
    exchanged = replace(mirror, values=mirror.values - 0.2 * field)
    made = prepare(replace(x, values=values), reciprocal=exchanged, average=0.05)
    B = made.fields[:, 0]
    u = B / 0.5
    expected = 5.0 + u**2 / (1.0 + u**2) + 0.2 * B
    assert np.abs(made.values - expected).max() < 5.0 * made.sigma.max() < 1e-3
    assert made.preparation.whiteness > 1e-3 and "reciprocal" in made.preparation


# -- sweeps


def test_turns_of_sweeps():
    assert turns(np.concatenate([UP, UP[::-1], UP])).tolist() == [0, 10, 21, 32]
    assert turns(np.concatenate([UP, UP[::-1][1:]])).tolist() == [0, 10, 20]
    # a bracket closes where the field is back, not at the other end
    assert returns(np.concatenate([UP, UP[::-1], UP, UP[::-1]])).tolist() == [0, 21, 43]
    # driven back between two rows
    assert ways(np.concatenate([UP, UP, UP])).tolist() == [1.0] * 33
    assert ways(np.concatenate([UP, UP[::-1]])).tolist() == [1.0] * 11 + [-1.0] * 11


def test_rows_at_the_same_field():
    shown = np.concatenate([UP, UP[::-1]])
    assert len(set(levels(np.abs(shown)))) == 6
    jitter = shown + 1e-4 * np.sin(np.arange(22.0))
    assert len(set(levels(np.abs(jitter)))) == 6
    assert bins(np.array([-0.06, -0.04, 0.04, 0.06]), 0.1).tolist() == [-1, 0, 0, 1]


# -- what is refused


@pytest.mark.parametrize(
    ("steps", "key"),
    [
        ({"drift": "linear"}, "drift"),
        ({"mixing": 0.1}, "longitudinal"),
        ({"mixing": "auto", "longitudinal": np.ones(324), "symmetry": "even"}, "mixing"),
        ({"mixing": 0.1, "longitudinal": np.ones(3)}, "longitudinal"),
        ({"offset": "often"}, "offset"),
        ({"symmetry": "left"}, "symmetry"),
        ({"average": 0.0}, "average"),
        ({"outliers": -1.0}, "outliers"),
        ({"noise": "file"}, "noise"),
        ({"noise": "loud"}, "noise"),
    ],
)
def test_what_is_refused_names_its_key(steps, key):
    with pytest.raises(InputError) as caught:
        prepare(replace(even_curve(), time=None), **steps)
    assert caught.value.key == key and caught.value.owner == "prepare"


def test_one_way_of_sweeping_has_no_hysteresis():
    with pytest.raises(InputError) as caught:
        prepare(even_curve(sweeps=1), hysteresis="auto")
    assert caught.value.key == "hysteresis"


def test_a_linear_drift_in_one_sweep_is_part_of_the_curve():
    with pytest.raises(InputError) as caught:
        prepare(even_curve(sweeps=1), drift="linear")
    assert caught.value.key == "drift"


def test_an_angle_scan_is_no_sweep():
    angle = np.linspace(0.0, 2.0 * np.pi, 30)
    fields = np.column_stack([np.cos(angle), np.sin(angle), 0.0 * angle])
    with pytest.raises(InputError):
        prepare(Measured(fields, np.cos(angle) ** 2))


def test_a_prepared_curve_carries_its_record_into_the_fit(made):
    assert of.prepare is prepare
    assert np.abs(made.values - truth(made.fields[:, 2])).max() < 5.0 * made.sigma.max()


# -- sweeps that were read apart, and a control direction


def log_of(tmp_path, x, warm=None):
    """The raw curve as a file, with its time, and a temperature where one is given."""
    path = tmp_path / "log.csv"
    heading = "t [s],B [T],R [ohm]" + (",T [K]" if warm is not None else "")
    rows = [heading]
    for k, (t, B, R) in enumerate(zip(x.time, x.fields[:, 0], x.values, strict=True)):
        rows.append(f"{t!r},{B!r},{R!r}" + (f",{warm[k]}" if warm is not None else ""))
    path.write_text("\n".join(rows).replace("np.float64(", "").replace(")", "") + "\n")
    return path


def test_sweeps_that_were_read_apart_are_prepared_in_one_line(tmp_path):
    x = even_curve(seed=3, noise=1e-3)
    path = log_of(tmp_path, x)
    apart = of.read_data(path, direction="x")
    assert len(apart) > 1
    steps = {"hysteresis": "auto", "drift": "linear", "symmetry": "even"}
    made = of.prepare(apart, **steps)
    (together,) = of.read_data(path, direction="x", sweeps="together")
    assert np.array_equal(made.raw.fields, together.fields)
    assert np.array_equal(made.values, of.prepare(together, **steps).values)
    # in another order the times put them right
    assert np.array_equal(of.prepare(apart[::-1], **steps).values, made.values)
    assert made.name == "" and made.source == "log.csv"
    with pytest.raises(InputError, match="give all sweeps of the curve") as caught:
        of.prepare(apart[0], hysteresis="auto")
    assert caught.value.key == "hysteresis"


def test_sweeps_of_two_curves_are_not_joined(tmp_path):
    x = even_curve(seed=3, noise=1e-3)
    half = len(x.values) // 2
    warm = np.where(np.arange(len(x.values)) < half, 10.0, 50.0)
    curves = of.read_data(log_of(tmp_path, x, warm), direction="x")
    with pytest.raises(InputError, match="10 and 50 K; prepare each") as caught:
        of.prepare(curves)
    assert caught.value.key == "data" and len(str(caught.value)) <= 300
    for others, words in (
        ([replace(curves[0], fields=curves[0].fields[:, ::-1])], "other directions"),
        ([replace(curves[0], quantity="hanle")], "other contacts"),
        ([replace(curves[0], name="far")], "other names"),
        ([replace(curves[0], sigma=1.0)], "errors or times"),
        ([of.prepare(x)], "prepared"),
    ):
        with pytest.raises(InputError, match=words):
            of.prepare([curves[0], *others])
    with pytest.raises(InputError, match="sweeps of one curve"):
        of.prepare([])


def film_curve(seed, direction, hanle):
    """A Hanle effect along x only, and an ordinary magnetoresistance along both."""
    B = np.concatenate([np.linspace(-2.0, 2.0, 81), np.linspace(2.0, -2.0, 81)])
    noise = 1e-3 * np.random.default_rng(seed).standard_normal(len(B))
    values = 10.0 + 0.05 * np.abs(B) ** 1.6 + hanle * B**2 / (B**2 + 0.1) + noise
    return of.Measured(np.outer(B, direction), values, time=np.arange(len(B)) * 1.0)


def test_a_control_direction_is_taken_off_with_its_errors():
    x, y = film_curve(1, [1, 0, 0], 0.2), film_curve(2, [0, 1, 0], 0.0)
    control = of.prepare(y, symmetry="even")
    made = of.prepare(x, symmetry="even", control=control)
    B = made.fields[:, 0]
    off = (made.values - 10.0 - 0.2 * B**2 / (B**2 + 0.1)) / made.sigma
    off = off - np.average(off)
    assert 0.6 < float(np.mean(off**2)) < 1.5
    alone = of.prepare(x, symmetry="even")
    assert np.allclose(made.sigma, np.sqrt(2.0) * alone.sigma, rtol=0.25)
    step = made.preparation["control"]
    assert step.method.startswith("an assumption") and step.name == "control"
    again = of.prepare(x, made.preparation, control=control)
    assert np.array_equal(again.values, made.values)
    assert np.array_equal(again.sigma, made.sigma)
    assert "control" not in alone.preparation


def test_a_control_that_cannot_serve_is_refused():
    x, y = film_curve(1, [1, 0, 0], 0.2), film_curve(2, [0, 1, 0], 0.0)
    control = of.prepare(y, symmetry="even")
    along = of.prepare(film_curve(3, [1, 0, 0], 0.0), symmetry="even")
    weak = replace(control, fields=0.5 * control.fields)
    for given, words in (
        (y, "prepare it first"),
        (replace(y, sigma=1e-3), "each .B. once"),
        (along, "along the direction of the curve"),
        (weak, "over the same fields"),
        (replace(control, quantity="ratio"), "Measured of R"),
    ):
        with pytest.raises(InputError, match=words) as caught:
            of.prepare(x, symmetry="even", control=given)
        assert caught.value.key == "control"
    made = of.prepare(x, symmetry="even", control=control)
    with pytest.raises(InputError, match="give it again"):
        of.prepare(x, made.preparation)
    with pytest.raises(InputError, match="used none"):
        of.prepare(x, of.prepare(x).preparation, control=control)
