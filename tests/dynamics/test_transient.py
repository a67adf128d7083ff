"""Transients and alternating current against closed forms, matrix exponentials and each other;
checkpoints; bad input.
"""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm
from scipy.sparse import csr_array
from small_devices import bar, bar_problem

import ohmr_fem as of
from ohmr_fem import analytic
from ohmr_fem.dynamics.radau import NODES, TABLEAU, Stepper, Stretch
from ohmr_fem.errors import ConvergenceWarning, InputError, SolveError, SweepInterrupted
from ohmr_fem.mesh.grids import tensor_grid
from ohmr_fem.units import ELECTRON_MASS, ELEMENTARY_CHARGE

TESLA = 2.0 * ELECTRON_MASS / ELEMENTARY_CHARGE  # (g e/2) tau B X = 1 for the simple material
FULL_X = np.array([[1.0, 0.3, 0.2], [0.3, 0.7, -0.1], [0.2, -0.1, 0.4]])
METHODS = ("spectral", "stepping")

pytestmark = pytest.mark.filterwarnings(
    "ignore::ohmr_fem.errors.PhysicsWarning", "ignore::ohmr_fem.errors.ResolutionWarning"
)


def material(**changes):
    values = {
        "sheet_conductivity": 1.0,
        "diffusion_length": 1.0,
        "relaxation_time": 1.0,
        "orbital_hall_angle": 0.3,
        "inverse_mass": 1.0,
    }
    return of.Material(**{**values, **changes})


def strip_problem(width=3.0, **changes):
    return of.Problem(of.cross_section(width), material(**changes))


def square(**options):
    lines = np.linspace(0.0, 2.0, 5)
    return of.Problem(
        tensor_grid(lines, lines, cells="quad"),
        material(inverse_mass=FULL_X),
        ["left", "right"],
        order=3,
        **options,
    )


PAIRS = {"current": ("left", "right"), "voltage": ("left", "right")}


def series(t, width, phi, modes=4000):
    """f(t) of theory, section 5, item 6: relaxation modes summed here, the steady part in closed
    form.
    """
    s = 1 + 1j * phi
    q2 = ((2 * np.arange(modes) + 1) * np.pi / width) ** 2
    z = np.sqrt(s) * width / 2
    return np.array(
        [(np.tanh(z) / z - 8 / width**2 * np.sum(np.exp(-(q2 + s) * x) / (q2 + s))).real for x in t]
    )


# -- the stepper


def test_tableau_integrates_polynomials_of_degree_four():
    for power in range(5):
        assert TABLEAU[2] @ NODES**power == pytest.approx(1 / (power + 1), abs=1e-14)
        if power < 3:
            assert TABLEAU @ NODES**power == pytest.approx(
                NODES ** (power + 1) / (power + 1), abs=1e-14
            )


def _fixed(steps, slope, mass, matrix, load, start, stop, steady):
    times = np.linspace(0.0, stop, steps + 1)
    stretches = [Stretch(a, b, mass, matrix, load, steady) for a, b in itertools.pairwise(times)]
    stepper = Stepper(stretches, lambda y: np.array([np.linalg.norm(y)]), slope, lambda y, i: y)
    *_, at = stepper.run(stepper.begin(np.asarray(start, dtype=float), 1e9, np.ones(1)))
    assert at.accepted == steps
    return at.y


@pytest.mark.parametrize("steady", [True, False])
def test_stepper_is_of_order_five(steady):
    """A turning pair with a mass matrix that is not diagonal and, unless steady, a matrix that
    varies.
    """
    M = np.array([[2.0, 0.5], [0.5, 1.0]])
    A = np.array([[1.0, 3.0], [-2.0, 0.5]])
    bend = 0.0 if steady else 0.3

    def matrix(t):
        return csr_array(A * (1 + bend * np.sin(t)))

    def load(t):
        return np.array([np.cos(t), t])

    exact = solve_ivp(
        lambda t, y: np.linalg.solve(M, load(t) - matrix(t) @ y),
        (0, 2),
        [1.0, -1.0],
        method="DOP853",
        rtol=1e-13,
        atol=1e-14,
    ).y[:, -1]
    # a steady matrix is solved exactly whatever the tolerance; else stages iterate to 1e-3 of it
    errors = [
        np.abs(
            _fixed(n, 1e6 if steady else 1e-6, csr_array(M), matrix, load, [1.0, -1.0], 2.0, steady)
            - exact
        ).max()
        for n in ((8, 16) if steady else (64,))
    ]
    if steady:
        assert np.log2(errors[0] / errors[1]) == pytest.approx(5.0, abs=0.3)
    else:
        assert errors[0] < 1e-8


def test_stepper_takes_an_algebraic_unknown():
    """x' = -z, 0 = x - z: z follows at once; x = exp(-t)."""
    M, A = csr_array(np.diag([1.0, 0.0])), csr_array(np.array([[0.0, 1.0], [1.0, -1.0]]))
    y = _fixed(16, 1e6, M, lambda t: A, lambda t: np.zeros(2), [1.0, 1.0], 2.0, True)
    assert y == pytest.approx(np.exp(-2.0) * np.ones(2), rel=1e-8)


# -- closed forms


@pytest.mark.parametrize("method", METHODS)
def test_switch_on_of_a_strip(method):
    t = np.concatenate([[0.0], np.geomspace(0.02, 10.0, 12)])
    run = of.transient(strip_problem(), t, (2 * TESLA, 0, 0), method=method, tolerance=1e-9)
    assert run.orbital[0] == 0.0 and method in run.method
    assert -run.rho[1:] / 0.09 == pytest.approx(series(t[1:], 3.0, 2.0), abs=1e-9)
    assert run.ohmic == pytest.approx(np.full(13, 3.0))  # sigma E width


def test_switch_on_of_a_strip_with_full_tensor_and_detector():
    t, B = np.array([0.0, 0.3, 1.0, 4.0]), np.array([1.0, -3.0, 2.0]) * TESLA
    for detection in ("printed", "reciprocal"):
        prob = of.Problem(of.cross_section(5.0), material(inverse_mass=FULL_X), detection=detection)
        scalars = analytic.three_scalars(B / TESLA, FULL_X, 1.0, "z", detection)
        exact = [
            float(
                np.real(
                    analytic.three_scalar_response(
                        lambda s, x=x: analytic.strip_switch_on(x, 5.0, s), scalars
                    )
                )
            )
            for x in t
        ]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert -of.transient(prob, t, B).rho / 0.09 == pytest.approx(exact, abs=1e-8)


@pytest.mark.parametrize("method", METHODS)
def test_pulse_is_a_difference_of_steps(method):
    t = np.linspace(0.0, 6.0, 13)
    drive = ([0.25, 0.25, 2.1, 2.1], [0.0, 2.0, 2.0, 0.0])
    run = of.transient(strip_problem(), t, (2 * TESLA, 0, 0), drive, method=method, tolerance=1e-9)

    def step(x):
        return np.where(x > 0, series(np.maximum(x, 1e-3), 3.0, 2.0), 0.0)

    assert run.orbital / (0.09 * 3.0) == pytest.approx(
        2 * (step(t - 0.25) - step(t - 2.1)), abs=3e-9
    )
    assert run.drive == pytest.approx(np.where((t >= 0.25) & (t < 2.1), 2.0, 0.0))
    assert np.isnan(run.rho[0])


def test_ramp_of_the_drive_is_the_integral_of_the_step():
    t = np.array([0.0, 0.7, 1.5, 4.0])
    run = of.transient(strip_problem(), t, (2 * TESLA, 0, 0), ([0.0, 4.0], [0.0, 8.0]))
    fine = np.linspace(0.0, 4.0, 40001)
    f = np.concatenate([[0.0], series(fine[1:], 3.0, 2.0, 300)])
    integral = np.concatenate([[0.0], np.cumsum((f[1:] + f[:-1]) / 2 * np.diff(fine))])
    assert run.orbital == pytest.approx(0.09 * 3.0 * 2.0 * np.interp(t, fine, integral), abs=3e-7)


@pytest.mark.parametrize("method", METHODS)
def test_uniform_moment_follows_the_matrix_exponential(method):
    B, start = np.array([1.2, -0.8, 0.5]) * TESLA, np.array([0.3, -1.1, 0.7])
    t = np.array([0.0, 0.5, 2.0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = of.transient(
            square(),
            t,
            B,
            0.0,
            initial=start,
            method=method,
            tolerance=1e-12,
            keep_fields=True,
            **PAIRS,
        )
    T = np.array([[0, -B[2], B[1]], [B[2], 0, -B[0]], [-B[1], B[0], 0]]) / TESLA @ FULL_X
    for i, x in enumerate(t):
        exact = expm(-(np.eye(3) + T) * x) @ start
        assert np.abs(run.solution(i).moment_density - exact[:, None]).max() < 1e-10
    assert np.all(np.isnan(run.delta_R)) and np.abs(run.orbital).max() < 1e-10


def test_decay_rate_after_switch_off():
    t = np.array([0.0, 9.0, 10.0])
    y = of.transient(
        strip_problem(), t, (0, 0, 0), ([0.0, 5.0, 5.0], [1.0, 1.0, 0.0]), tolerance=1e-12
    ).orbital
    assert np.log(y[1] / y[2]) == pytest.approx(1 + (np.pi / 3) ** 2, rel=1e-8)


# -- the two paths, and alternating current


def test_paths_agree_when_field_and_drive_vary():
    t = np.linspace(0.0, 5.0, 6)

    def field(s):
        return np.array([3 * TESLA * np.sin(s), TESLA, 0.0])

    one, two = (
        of.transient(
            strip_problem(), t, field, lambda s: 1 + 0.5 * np.cos(2 * s), method=m, tolerance=1e-8
        ).orbital
        for m in METHODS
    )
    assert one == pytest.approx(two, abs=1e-7 * np.abs(one).max())


def test_table_and_function_of_the_field_agree():
    t = np.linspace(0.0, 4.0, 5)
    table = ([0.0, 4.0], [(0.0, 0.0, 0.0), (2 * TESLA, 0.0, 0.0)])
    one = of.transient(strip_problem(), t, table).orbital
    two = of.transient(strip_problem(), t, lambda s: (0.5 * s * TESLA, 0.0, 0.0)).orbital
    assert one == pytest.approx(two, abs=1e-7 * np.abs(one).max())


def test_slow_ramp_follows_the_quasi_static_curve():
    t = np.linspace(0.0, 1e4, 5)
    run = of.transient(
        strip_problem(), t, ([0.0, 1e4], [(0, 0, 0), (4 * TESLA, 0, 0)]), initial="steady"
    )
    static = of.magnetoresistance(strip_problem(), np.outer(t / 1e4 * 4 * TESLA, [1, 0, 0]))
    assert run.rho == pytest.approx(static, abs=1e-4 * np.abs(static).max())
    assert run.rho[0] == pytest.approx(static[0], rel=1e-9)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"coupling": "full"},
        {"edges": {"top": of.Edge((0.3, 0.0, 1.0))}},
        {"edges": {"top": of.Edge("absorbing")}},
    ],
)
def test_long_after_switch_on_is_the_steady_state(options):
    B = np.array([1.0, -0.5, 0.8]) * TESLA
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = of.transient(square(**options), [0.0, 30.0], B, 2.0, **PAIRS)
        steady = of.resistance(square(**options), B, **PAIRS)
    assert run.delta_R[-1] == pytest.approx(steady.delta_R, rel=1e-8)
    assert (
        run.ohmic[-1] == pytest.approx(2.0 * steady.R_ohmic)
        and np.isnan(run.delta_R[0]) is np.False_
    )


def test_full_coupling_keeps_the_contact_currents_and_paths_give_the_same_fields():
    B, t = np.array([1.0, 0.0, 0.0]) * TESLA, [0.0, 0.4, 1.5]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = of.transient(square(coupling="full"), t, B, 2.0, keep_fields=True, **PAIRS)
        for solution in run.solutions():
            assert solution.contact_currents == pytest.approx(
                {"left": 2.0, "right": -2.0}, rel=1e-11
            )
        kept = [
            of.transient(square(), t, B, 2.0, keep_fields=True, method=m, **PAIRS).solution(1)
            for m in METHODS
        ]
    assert (
        np.abs(kept[0].moment_density - kept[1].moment_density).max()
        < 1e-7 * np.abs(kept[0].moment_density).max()
    )
    assert kept[0].voltage("left", "right") == pytest.approx(
        kept[1].voltage("left", "right"), rel=1e-8
    )
    assert run.solution(2).orbital_voltage("left", "right") == pytest.approx(run.orbital[2])


def test_initial_states_agree():
    """A steady solution given as "steady", as a Solution, and as a function stays where it is."""
    B = np.array([1.0, 0.0, 0.0]) * TESLA
    steady = of.solve(square(), B, {"left": 2.0, "right": -2.0})
    found = [
        of.transient(square(), [0.0, 1.0], B, 2.0, initial=i, method="auto", **PAIRS)
        for i in (
            "steady",
            steady,
            lambda x, y: steady.at(np.column_stack([x.ravel(), y.ravel()])).moment_density.reshape(
                3, *x.shape
            ),
        )
    ]
    for run in found:
        assert run.orbital == pytest.approx(
            np.full(2, steady.orbital_voltage("left", "right")), rel=1e-7
        )
    assert "stepping" in found[1].method and "not uniform" in found[1].method


def test_injected_moment_comes_with_the_drive_off():
    prob = square(edges={"top": of.Edge({"injected": (0.0, 0.0, 0.2)})})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        late = of.transient(prob, [0.0, 30.0], np.zeros(3), 0.0, keep_fields=True, **PAIRS)
        steady = of.solve(prob, currents={"left": 0.0, "right": 0.0})
    assert late.orbital[-1] == pytest.approx(
        steady.orbital_voltage("left", "right"), rel=1e-7, abs=1e-12
    )
    assert np.abs(late.solution(1).moment_density - steady.moment_density).max() < 1e-7


def test_alternating_current_of_a_strip():
    omega = np.array([0.0, 1.0, 7.9, 8.0, 20.0])
    exact = (
        -0.09
        * 0.5
        * sum(np.tanh(z) / z for z in (1.5 * np.sqrt(1 - 1j * omega + 8j * k) for k in (1, -1)))
    )
    for method in ("spectral", "direct"):
        found = of.ac_response(
            strip_problem(inverse_mass=(1.0, 1.0, 0.25)),
            omega / (2 * np.pi),
            (16 * TESLA, 0, 0),
            method=method,
        )
        assert found.rho == pytest.approx(exact, abs=1e-9) and method in found.method


def test_sign_of_the_exponent():
    """Long after switch-on a drive Re exp(-i omega t) gives Re[z exp(-i omega t)]; the other sign
    would fail.
    """
    omega, B, t = 2.5, (3 * TESLA, 0, 0), np.append(0.0, np.linspace(20.0, 22.0, 5))
    z = of.ac_response(strip_problem(), [omega / (2 * np.pi)], B).rho[0]
    run = of.transient(
        strip_problem(), t, B, lambda s: np.cos(omega * s), method="stepping", tolerance=1e-7
    )
    assert -run.orbital[1:] / 3.0 == pytest.approx((z * np.exp(-1j * omega * t[1:])).real, abs=1e-8)
    assert abs(z.imag) > 0.1 * abs(z.real)


def test_alternating_current_on_a_device():
    prob, tau = bar_problem(order=1), 2e-12
    f, fields = (
        np.array([0.0, 1.0, 3.0]) / (2 * np.pi * tau),
        np.array([[0.0, 0, 0], [2.0, 1.0, 0.0]]),
    )
    pairs = {"current": ("left", "right"), "voltage": ("t1", "b2")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one, two = (
            of.ac_response(prob, f, fields, method=m, **pairs) for m in ("spectral", "direct")
        )
        full = of.ac_response(bar_problem(order=1, coupling="full"), 0.0, fields[1], **pairs)
        steady = of.resistance(bar_problem(order=1, coupling="full"), fields[1], **pairs)
    assert (
        one.delta_R.shape == (3, 2)
        and np.abs(one.delta_R - two.delta_R).max() < 1e-8 * np.abs(one.delta_R).max()
    )
    assert full.delta_R[0] == pytest.approx(steady.delta_R, rel=1e-10) and "full" in full.method
    assert full.rho[0] == pytest.approx(steady.delta_R / steady.R_ohmic, rel=1e-10)
    assert list(one.columns()) == ["f", "B_x", "B_y", "B_z", "Re delta_R", "Im delta_R"]
    assert len(one.columns()["f"][1]) == 6 == len(one.columns()["Im delta_R"][1])


# -- files


def _stepped(path, problem=None, **options):
    seen = []
    arguments = {
        "method": "stepping",
        "tolerance": 1e-7,
        "checkpoint": path,
        "keep_fields": True,
        **options,
    }
    run = of.transient(
        problem or strip_problem(),
        np.linspace(0.0, 3.0, 7),
        (2 * TESLA, 0, 0),
        progress=lambda done, total: seen.append((done, total)),
        **arguments,
    )
    return run, seen


def test_resumed_run_repeats_the_numbers(tmp_path):
    whole, seen = _stepped(None)
    assert seen == [(i, 7) for i in range(1, 8)]

    class StopError(Exception):
        pass

    def stop(done, total):
        if done == 4:
            raise StopError

    with pytest.raises(StopError):
        of.transient(
            strip_problem(),
            np.linspace(0.0, 3.0, 7),
            (2 * TESLA, 0, 0),
            method="stepping",
            tolerance=1e-7,
            keep_fields=True,
            checkpoint=tmp_path / "c.npz",
            progress=stop,
        )
    again, seen = _stepped(tmp_path / "c.npz")
    assert seen[0][0] == 4 and np.array_equal(again.orbital, whole.orbital)
    assert np.array_equal(again.moment_dofs, whole.moment_dofs) and again.steps == whole.steps
    finished, seen = _stepped(tmp_path / "c.npz")  # nothing left to do
    assert seen == [] and np.array_equal(finished.orbital, whole.orbital)


KILLED = """
import sys, numpy as np, ohmr_fem as of
sys.path.insert(0, {tests!r})
from tests.dynamics.test_transient import strip_problem, TESLA
of.transient(strip_problem(), np.linspace(0.0, 3.0, 7), (2 * TESLA, 0, 0), method="stepping",
             tolerance=1e-10, checkpoint={path!r})
"""


def test_kill_loses_at_most_the_current_step(tmp_path):
    path = tmp_path / "c.npz"
    code = KILLED.format(tests=str(Path(__file__).parents[1]), path=str(path))
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    child = subprocess.Popen([sys.executable, "-c", code], env=env)
    # as long as it takes on a busy machine; a child that ended by itself fails below
    while child.poll() is None and not (path.exists() and np.load(path)["numbers"][3] > 40):
        time.sleep(0.02)
    assert child.poll() is None, "the child ended before it was killed"
    child.send_signal(signal.SIGKILL)
    child.wait()
    done = int(np.load(path)["numbers"][3])
    whole = of.transient(
        strip_problem(),
        np.linspace(0.0, 3.0, 7),
        (2 * TESLA, 0, 0),
        method="stepping",
        tolerance=1e-10,
    )
    resumed = of.transient(
        strip_problem(),
        np.linspace(0.0, 3.0, 7),
        (2 * TESLA, 0, 0),
        method="stepping",
        tolerance=1e-10,
        checkpoint=path,
    )
    assert (
        done > 40
        and np.array_equal(resumed.orbital, whole.orbital)
        and resumed.steps == whole.steps
    )


def test_foreign_and_damaged_checkpoints(tmp_path, refuses):
    path = tmp_path / "c.npz"
    _stepped(path)
    for changes in (
        {"tolerance": 1e-6},
        {"problem": strip_problem(2.0)},
        {"drive": 2.0},
        {"keep_fields": False},
    ):
        if "keep_fields" in changes:
            continue  # a run that keeps nothing may go on from one that does
        with refuses(InputError, "c.npz", "belongs to another run"):
            _stepped(path, **changes)
    path.write_bytes(path.read_bytes()[:200])
    with refuses(InputError, "c.npz", "damaged"):
        _stepped(path)
    np.savez(path, a=1)
    with refuses(InputError, "c.npz", "not a checkpoint"):
        _stepped(path)


def test_ctrl_c_keeps_the_finished_part():
    def stop(done, total):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(SweepInterrupted) as caught:
        of.transient(
            strip_problem(),
            np.linspace(0.0, 3.0, 7),
            method="stepping",
            tolerance=1e-5,
            progress=stop,
        )
    assert len(caught.value.partial.times) == len(caught.value.partial.orbital) == 3


def test_tables_and_series(tmp_path):
    prob = bar_problem(order=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = of.transient(
            prob,
            np.array([0.0, 1.0, 2.0]) * 1e-12,
            (2.0, 0, 0),
            1e-6,
            current=("left", "right"),
            voltage=("t1", "t2"),
            keep_fields=True,
        )
    lines = run.to_csv(tmp_path / "run.csv").read_text().splitlines()
    assert (
        lines[0]
        == "t [s],I [A],B_x [T],B_y [T],B_z [T],ohmic [V],orbital [V],delta_R [ohm],rho [1]"
        and len(lines) == 4
    )
    of.export_paraview(run.solutions(), tmp_path / "run.pvd", times=run.times)
    text = (tmp_path / "run.pvd").read_text()
    assert text.count("DataSet") == 3 and f'timestep="{run.times[2]:.17g}"' in text


# -- bad input


def test_bad_times_and_waveforms(refuses):
    prob = strip_problem()
    for times, word in (
        ([0.0, 1.0, 1.0], "increase"),
        ([1.0, 0.5], "increase"),
        ([0.0], "two"),
        ("now", "times"),
        ([0.0, np.nan], "finite"),
    ):
        with refuses(InputError, "times", word):
            of.transient(prob, times)
    for drive in ("on", (1.0, 2.0, 3.0), ([0.0, 1.0], [1.0]), ([1.0, 0.0], [1.0, 1.0])):
        with refuses(InputError, "drive"):
            of.transient(prob, [0.0, 1.0], drive=drive)
    with refuses(InputError, "drive", "finite"):
        of.transient(prob, [0.0, 1.0], drive=lambda t: np.nan, method="stepping")
    with refuses(InputError, "field", "three numbers"):
        of.transient(prob, [0.0, 1.0], field=1.0)
    with refuses(InputError, "tolerance"):
        of.transient(prob, [0.0, 1.0], tolerance=0.0)
    with refuses(InputError, "initial", "steady"):
        of.transient(prob, [0.0, 1.0], initial="rest")
    with refuses(InputError, "unknown method", "stepping"):
        of.transient(prob, [0.0, 1.0], method="euler")
    with refuses(InputError, "keep_fields"):
        of.transient(prob, [0.0, 1.0]).solution(0)


def test_bad_frequencies_and_methods(refuses):
    with refuses(InputError, "frequencies"):
        of.ac_response(strip_problem(), [1.0, np.inf])
    with refuses(InputError, "unknown method"):
        of.ac_response(strip_problem(), 1.0, method="fast")
    full = square(coupling="full")
    with refuses(InputError, "spectral path does not apply", "coupling", "direct"):
        of.ac_response(full, 1.0, method="spectral", **PAIRS)
    with refuses(InputError, "spectral path does not apply", "coupling", "stepping"):
        of.transient(full, [0.0, 1.0], method="spectral", **PAIRS)


def test_time_step_underflow(refuses):
    with refuses(SolveError, "time-step underflow", "jumps"):
        of.transient(
            strip_problem(),
            [0.0, 1.0],
            drive=lambda t: 1.0 / abs(t - 0.377) ** 2,
            method="stepping",
            tolerance=1e-6,
        )


def test_too_many_decades_warn():
    with pytest.warns(ConvergenceWarning, match="number of poles"):
        of.transient(
            strip_problem(100.0),
            np.concatenate([[0.0], np.geomspace(1e-12, 100.0, 9)]),
            tolerance=1e-12,
        )


def test_growing_moments_can_be_followed():
    """theta < 0 beyond the stability limit has no steady state, but a beginning: exp((|omega| -
    1/tau) t) of a uniform one.
    """
    prob = of.Problem(
        of.DeviceMesh(bar().mesh, ("x", "y"), bar().boundaries, bar().regions),
        of.Material(
            sheet_conductivity=1e-3,
            diffusion_length=1e-7,
            relaxation_time=1.0,
            orbital_hall_angle=0.1,
            inverse_mass=[1.0, 1.0, -1.0],
        ),
        ["left", "right"],
        order=1,
    )
    pairs = {"current": ("left", "right"), "voltage": ("left", "right")}
    for method in METHODS:
        run = of.transient(
            prob,
            [0.0, 2.0],
            (3 * TESLA, 0, 0),
            0.0,
            initial=(0.0, 1.0, -1.0),
            keep_fields=True,
            method=method,
            tolerance=1e-9,
            **pairs,
        )
        T = 3 * np.array([[0.0, 0, 0], [0, 0, -1], [0, 1, 0]]) @ np.diag([1.0, 1.0, -1.0])
        exact = expm(-(np.eye(3) + T) * 2.0) @ [0.0, 1.0, -1.0]
        assert run.solution(1).moment_density[:, 0] == pytest.approx(exact, rel=1e-6)
        assert np.abs(exact).max() > 3.0
    with pytest.raises(SolveError):
        of.transient(prob, [0.0, 2.0], (3 * TESLA, 0, 0), 1.0, initial="steady", **pairs)
