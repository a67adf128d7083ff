"""Every solver as a value on the matrices of the package: right answers, honest residuals, and no
wrong answer let through.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib

import numpy as np
import pytest
from scipy.sparse import block_array, block_diag, csr_array, diags_array

import ohmr_fem as of
from ohmr_fem.errors import SolveError
from ohmr_fem.mesh.grids import tensor_grid
from ohmr_fem.solver import linear
from ohmr_fem.solver.linear import AMG, Mumps, Pardiso, SuperLU
from ohmr_fem.solver.system import system_of

NEEDS = {"Pardiso": "pypardiso", "Mumps": "mumps", "AMG": "pyamg"}
#: Solvers and the kinds of matrix each of them takes.
DEFINITE = {"real symmetric"}
REAL = {"real symmetric", "moments", "moments and potential"}
ANY = {*REAL, "complex symmetric", "complex"}
SOLVERS = [
    (SuperLU(), ANY),
    (SuperLU(symmetric=True), DEFINITE | {"complex symmetric"}),
    (Pardiso(), REAL),
    (Pardiso(symmetric=True), DEFINITE),
    (Mumps(), ANY),
    (Mumps(symmetric=True), DEFINITE | {"complex symmetric"}),
    (AMG(), DEFINITE),
]
B = np.array([0.7, -0.4, 1.1])


@pytest.fixture(
    params=SOLVERS,
    ids=lambda p: (
        f"{type(p[0]).__name__}{'-symmetric' if getattr(p[0], 'symmetric', False) else ''}"
    ),
)
def solver(request):
    """(solver, kinds of matrix it takes); skipped with the reason where its package is missing."""
    value, takes = request.param
    package = NEEDS.get(type(value).__name__)
    if package is not None:
        try:
            importlib.import_module(package)
        except ImportError as exc:  # also a package without the library that it binds
            pytest.skip(f"{value.name} needs {package}: {exc}")
    return value, takes


@functools.cache
def matrices():
    """The systems that the package solves, 0.2 to 0.8 thousand unknowns."""
    mesh = tensor_grid(np.linspace(-2, 2, 9), np.linspace(-1, 1, 5), cells="triangle")
    X = [[1.0, 0.3, 0.2], [0.3, 0.7, -0.1], [0.2, -0.1, 0.4]]
    material = of.Material(
        sheet_conductivity=1.0,
        diffusion_length=0.8,
        relaxation_time=1.0,
        orbital_hall_angle=0.3,
        inverse_mass=X,
    )
    s = system_of(of.Problem(mesh, material, ["left", "right"]))
    K, M = s.diffusion, s.relaxation[0]
    moments = s.A(2.0 * material.field_scale * B)
    T = csr_array(s.tie[:, s.free_columns(())])
    return {
        "real symmetric": K + 3.0 * M,
        "complex symmetric": csr_array(K + (1.0 + 4.0j) * M),
        "moments": csr_array(moments),
        "moments and potential": csr_array(
            block_array([[T.T @ s.K @ T, T.T @ s.C @ s.keep], [s.keep.T @ s.S @ T, moments]])
        ),
        "complex": csr_array(moments.astype(complex) - 2.0j * block_diag([M, M, M])),
    }


def test_multigrid_on_the_vertices(monkeypatch):
    """On triangles of order 2 the cycle knows the vertices; the steps stay few, the answer the
    same.
    """
    pytest.importorskip("pyamg")
    steps, cg = [], linear.cg
    monkeypatch.setattr(
        linear, "cg", lambda *a, **k: cg(*a, **k, callback=lambda x: steps.append(1))
    )
    mesh = tensor_grid(np.linspace(-2, 2, 41), np.linspace(-1, 1, 21), cells="triangle")
    material = of.Material(1.0, 1.0, 0.3, 1.0, diffusion_length=0.8)
    s = system_of(of.Problem(mesh, material, ["left", "right"]))
    tie, factors = s.potential_solver((), AMG())
    load = tie.T @ s.pair_load(("left", "right"))
    x, _ = factors.solve(load)
    assert len(steps) <= 15
    exact = s.potential_solver()[1].solve(load)[0]
    assert np.abs(x - exact).max() < 1e-10 * np.abs(exact).max()


def test_a_measure_by_multigrid_makes_no_factors_and_keeps_no_hierarchy(monkeypatch):
    """It was chosen for its memory: neither the slowest rate nor the warning of a large effect
    factorises beside it, and what is made again in less than one solve is forgotten.
    """
    pytest.importorskip("pyamg")
    mesh = tensor_grid(np.linspace(-2, 2, 9), np.linspace(-1, 1, 5), cells="triangle")
    material = of.Material(1.0, 1.0, 0.6, 1.0, diffusion_length=0.8)
    prob = of.Problem(mesh, material, ["left", "right"], edges={"top": 0.5})
    measure = functools.partial(
        of.spectral_measure, prob, current=("left", "right"), voltage=("left", "right")
    )
    with pytest.warns(of.PhysicsWarning, match="of the ohmic resistance"):
        direct = measure()
        system_of(prob).make_room()
        monkeypatch.setattr(linear, "splu", None)
        found = measure(solver=AMG())
    assert found.slowest == pytest.approx(direct.slowest, rel=1e-8) and found.slowest > 0.01
    assert found.F() == pytest.approx(direct.F(), rel=1e-10)
    assert set(system_of(prob)._unit) == {"stiffness", "mass"}


TENSOR = {"relaxation_time": (1.0, 0.7, 2.0), "diffusion_constant": 0.6}


@pytest.mark.parametrize("of_film", [False, True])
@pytest.mark.parametrize("rates", [{"relaxation_time": 1.0, "diffusion_length": 0.8}, TENSOR])
def test_films_and_tensors_keep_no_hierarchy_either(of_film, rates):
    pytest.importorskip("pyamg")
    mesh = tensor_grid(np.linspace(-2, 2, 9), np.linspace(-1, 1, 5), cells="triangle")
    bulk = {"resistivity": 1.0} if of_film else {"sheet_conductivity": 1.0}
    material = of.Material(**bulk, orbital_hall_angle=0.1, inverse_mass=1.0, **rates)
    film = of.Film(1.0) if of_film else None
    prob = of.Problem(mesh, material, ["left", "right"], film=film)
    pair = {"current": ("left", "right"), "voltage": ("left", "right")}
    options = {"fields": [[0.0, 0.0, 1e-12]], "tolerance": 1e-4}
    found = of.spectral_measure(prob, solver=AMG(), **pair, **options)
    s = system_of(prob, plane_of_film=True)
    assert not s._potential_solvers and "curl" not in s._unit
    direct = of.spectral_measure(prob, **pair, **options)
    assert s._potential_solvers  # what is chosen for its speed keeps them
    assert found.delta_R(np.zeros(3)) == pytest.approx(direct.delta_R(np.zeros(3)), rel=1e-6)


@pytest.mark.parametrize("columns", [None, 3])
@pytest.mark.parametrize("imaginary", [False, True])
def test_solves(solver, columns, imaginary):
    """Against dense numpy, one and several right-hand sides, A and its transpose (not the conjugate
    one).
    """
    value, takes = solver
    for kind in sorted(takes):
        A = matrices()[kind].toarray()
        rng = np.random.default_rng(1)
        b = rng.normal(size=(len(A),) if columns is None else (len(A), columns))
        b = b + 1j * rng.normal(size=b.shape) if imaginary else b
        factors = value.factorise(csr_array(A))
        for transposed, matrix in ((False, A), (True, A.T)):
            exact = np.linalg.solve(matrix, b)
            x, residual = factors.solve(b, transposed)
            assert x.shape == b.shape and np.abs(x - exact).max() < 1e-9 * np.abs(exact).max(), kind
            size = np.abs(matrix).sum(axis=1).max() * np.abs(x).max(axis=0) + np.abs(b).max(axis=0)
            left = np.abs(b - matrix @ x).max(axis=0) / size
            assert 0.5 * left.max() - 1e-15 <= residual <= 2.0 * left.max() + 1e-15, kind
            assert residual < (linear.ACCEPTED_RESIDUAL if value == AMG() else 2e-15), kind


def test_nothing_in_nothing_out(solver):
    value, _ = solver
    x, residual = value.factorise(matrices()["real symmetric"]).solve(
        np.zeros(matrices()["real symmetric"].shape[0])
    )
    assert not np.any(x) and residual == 0.0


def test_what_a_solver_does_not_take_is_no_answer(solver):
    """Refused, or caught by the residual: never a wrong solution. Half the structure is read of a
    symmetric matrix, and Cholesky
    takes conjugates where a complex symmetric matrix has none."""
    value, takes = solver
    for kind in ANY - takes:
        A = matrices()[kind]
        b = np.random.default_rng(2).normal(size=A.shape[0])
        try:
            x, residual = value.factorise(A).solve(b)
        except SolveError:
            continue
        exact = np.linalg.solve(
            A.toarray(), b
        )  # a general solver behind a symmetric face may well succeed
        assert (
            residual < linear.ACCEPTED_RESIDUAL
            and np.abs(x - exact).max() < 1e-9 * np.abs(exact).max()
        )


@pytest.mark.parametrize(
    "A",
    [
        np.diag([1.0, 0.0, 2.0]),
        np.ones((3, 3)),
        np.array([[2.0, -1, -1], [-1, 2, -1], [-1, -1, 2]]),
    ],
)
def test_singular(solver, A):
    value, _ = solver
    with pytest.raises(SolveError) as caught, np.errstate(all="ignore"):
        value.factorise(csr_array(A)).solve(np.array([1.0, 2.0, -0.5]))
    assert "\n" not in str(caught.value)


def test_a_floating_device_is_singular_to_round_off(solver):
    """The stiffness matrix of a real mesh: no pivot is exactly zero, and the backward error of a
    huge potential is tiny.
    """
    value, _ = solver
    mesh = tensor_grid(np.linspace(-2, 2, 13), np.linspace(-1, 1, 7), cells="triangle")
    K = system_of(
        of.Problem(
            mesh,
            of.Material(1.0, 1.0, 0.3, diffusion_length=0.8, inverse_mass=1.0),
            ["left", "right"],
        )
    ).K
    with pytest.raises(SolveError, match="singular"), np.errstate(all="ignore"):
        value.factorise(csr_array(K)).solve(np.random.default_rng(5).normal(size=K.shape[0]))


def test_a_broken_solver_is_caught(solver, refuses):
    """Each of the ways in which a library has been silently wrong: conjugate, transpose, a lost
    digit, nothing, not a number.
    """
    value, takes = solver
    for kind in sorted(takes):
        factors = value.factorise(matrices()[kind])
        b = np.random.default_rng(3).normal(size=factors.A.shape[0])
        for wrong in _wrong(factors.apply, kind):
            with refuses(SolveError, "backward error"):
                dataclasses.replace(factors, apply=wrong).solve(b)


def _wrong(good, kind):
    """Kernels that are wrong in a way that one step of refinement does not mend."""
    yield lambda b, t: 0.0 * good(b, t)
    yield lambda b, t: np.nan * good(b, t)
    yield lambda b, t: good(b, t) + 1e-3 * np.abs(good(b, t)).max()
    if "complex" in kind:
        yield lambda b, t: np.conj(good(b, t))
    if kind in ("moments", "moments and potential"):
        yield lambda b, t: good(b, not t)


def test_refinement_mends_a_lost_digit(solver):
    value, _ = solver
    factors = value.factorise(matrices()["real symmetric"])
    b = np.random.default_rng(4).normal(size=factors.A.shape[0])
    noisy = dataclasses.replace(factors, apply=lambda b, t: factors.apply(b, t) * (1.0 + 1e-9))
    x, residual = noisy.solve(b)
    assert residual < 1e-15 or value == AMG()
    assert np.abs(x - np.linalg.solve(factors.A.toarray(), b)).max() < 1e-9 * np.abs(x).max()


def test_pivots_off_the_diagonal_when_they_must():
    """A zero diagonal: no trial solution passes, and SuperLU factorises again with general
    pivoting.
    """
    n = 40
    A = csr_array(diags_array([np.ones(n - 1), np.full(n - 1, 3.0)], offsets=[-1, 1]))
    x, residual = SuperLU().factorise(A).solve(np.arange(float(n)))
    assert np.allclose(A @ x, np.arange(n), atol=1e-12) and residual < 1e-14


def test_names():
    names = [value.name for value, _ in SOLVERS]
    assert (
        len(set(names)) == len(names)
        and SuperLU().name == "SuperLU"
        and "symmetric" in SuperLU(symmetric=True).name
    )


@pytest.mark.parametrize(
    ("missing", "extra"), [("Pardiso", "[solvers]"), ("Mumps", "[mumps]"), ("AMG", "[solvers]")]
)
def test_a_missing_package_says_how_to_get_it(monkeypatch, missing, extra, refuses):
    monkeypatch.setitem(__import__("sys").modules, NEEDS[missing], None)
    with refuses(of.MissingExtraError, missing, extra):
        getattr(linear, missing)().factorise(matrices()["real symmetric"])


def test_measure_and_curve_do_not_depend_on_the_solver(solver, bar):
    value, _ = solver
    pairs = {"current": ("left", "right"), "voltage": ("t1", "t2")}
    fields = of.field_sweep(0.0, 1e-11, 5)
    measure = of.spectral_measure(bar(), solver=value, **pairs)
    assert np.allclose(
        measure.delta_R(fields), of.spectral_measure(bar(), **pairs).delta_R(fields), rtol=1e-8
    )
    assert 0.0 <= measure.residual < 1e-12
