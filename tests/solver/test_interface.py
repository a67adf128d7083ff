"""Between regions the accumulation h is continuous, and resistances obey Onsager's relation."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
import skfem

import ohmr_fem as of
from ohmr_fem.mesh.grids import tensor_grid
from ohmr_fem.model.drive import Drive
from ohmr_fem.output.paraview import export_paraview
from ohmr_fem.solver import interface
from ohmr_fem.solver.adapt_error import localise, solve_fields
from ohmr_fem.solver.resolution import physics_notes
from ohmr_fem.solver.solve import MomentSolver, ohmic_potential
from ohmr_fem.solver.system import system_of
from validation.case import simple_material

pytestmark = pytest.mark.filterwarnings(
    "ignore::ohmr_fem.errors.ResolutionWarning", "ignore::ohmr_fem.errors.PhysicsWarning"
)

TESLA = 2 * 9.1093837139e-31 / 1.602176634e-19  # (g e tau/2 m_e) B = 1 for tau = 1 s
B = np.array([1.6, -0.7, 0.5])
FULL = (
    np.array([[1.0, 0.15, 0.1], [0.15, 0.8, -0.05], [0.1, -0.05, 0.5]]),
    np.array([[0.7, -0.1, 0.2], [-0.1, 1.2, 0.1], [0.2, 0.1, 0.9]]),
    np.array([[1.3, 0.2, -0.1], [0.2, 0.6, 0.15], [-0.1, 0.15, 1.1]]),
)
#: X_za = 0.
BLOCK = tuple(
    np.block([[X[:2, :2], np.zeros((2, 1))], [np.zeros((1, 2)), X[2:, 2:]]]) for X in FULL
)
PAIRS = {"current": ("west", "east"), "voltage": ("north", "south")}
ACROSS = {"west": 1.0, "east": -1.0}
CONTACTS = ("west", "east", "north", "south", "corner")


def device_mesh(cells="triangle"):
    """3 x 2, irregular, with three regions that meet in a point and five contacts."""
    rng = np.random.default_rng(5)
    grid = tensor_grid(np.linspace(0, 3, 10), np.linspace(0, 2, 7), cells=cells)
    p = grid.mesh.p.copy()
    inner = (p[0] > 0.01) & (p[0] < 2.99) & (p[1] > 0.01) & (p[1] < 1.99)
    p[:, inner] += rng.uniform(-0.06, 0.06, size=(2, int(inner.sum())))
    mesh = type(grid.mesh)(p, grid.mesh.t)
    centre = p[:, grid.mesh.t].mean(axis=1)
    low, left = centre[1] < 0.9, centre[0] < 1.2
    regions = {
        "a": np.flatnonzero(low),
        "b": np.flatnonzero(~low & left),
        "c": np.flatnonzero(~low & ~left),
    }
    return of.DeviceMesh(mesh, ("x", "y"), {}, regions).with_boundaries(
        {
            "west": lambda q: q[0] < 1e-9,
            "east": lambda q: (q[0] > 2.999) & (q[1] < 1.4),
            "north": lambda q: (q[1] > 1.999) & (q[0] > 0.9) & (q[0] < 1.8),
            "south": lambda q: (q[1] < 1e-9) & (q[0] > 1.5) & (q[0] < 2.5),
            "corner": lambda q: (q[1] > 1.999) & (q[0] > 2.2) & (q[0] < 2.8),
            "free": lambda q: (q[1] < 1e-9) & (q[0] < 1.1),
        }
    )


def materials(X=FULL, alpha=(0.3, -0.2, 0.5), **changes):
    sigma, D, tau = (1.0, 2.0, 0.5), (1.0, 0.6, 1.7), (1.0, 0.7, 1.4)
    out = {}
    for i, name in enumerate("abc"):
        values = {
            "sheet_conductivity": sigma[i],
            "diffusion_length": None,
            "diffusion_constant": D[i],
            "relaxation_time": tau[i],
            "orbital_hall_angle": alpha[i],
            "inverse_mass": X[i],
        }
        out[name] = simple_material(**{**values, **changes})
    return out


def changed(material, **values):
    """A material of given diffusion constant with other values."""
    return replace(material, diffusion_length=None, **values)


def orbital_matrix(problem, field):
    """(5, 5) orbital voltages at the contacts for unit currents in at each of the other four and
    out at the first, solved for at the field and relative to B = 0.
    """
    s = system_of(problem)
    field = np.asarray(field, dtype=float)
    zero = MomentSolver.at(s, np.zeros(3))
    here = MomentSolver.at(s, field)
    now, change = [], []
    for name in CONTACTS[1:]:
        V, _ = ohmic_potential(s, Drive.between((name, CONTACTS[0])))
        at_rest = zero.solve(-(s.S @ V))
        turned = here.solve(-(s.torque(field) @ at_rest.n))
        loads = [s.pair_load((other, CONTACTS[0])) for other in CONTACTS[1:]]
        now.append([load @ at_rest.potential for load in loads])
        change.append([load @ turned.potential for load in loads])
    return np.array(now), np.array(change)


def asymmetry(problem, field=B * TESLA):
    """Breakage of reciprocity at B = 0, and of the change from it, relative to the largest."""
    at_rest, change = orbital_matrix(problem, field)
    _, reverse = orbital_matrix(problem, -field)
    return (
        np.abs(at_rest - at_rest.T).max() / np.abs(at_rest).max(),
        np.abs(change - reverse.T).max() / np.abs(change).max(),
    )


@pytest.mark.parametrize("cells", ["triangle", "quad"])
@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("coupling", ["linear", "full"])
@pytest.mark.parametrize("X, detection", [(FULL, "reciprocal"), (BLOCK, "printed")])
def test_three_regions_are_reciprocal(cells, order, coupling, X, detection):
    prob = of.Problem(
        device_mesh(cells),
        materials(X),
        CONTACTS,
        order=order,
        coupling=coupling,
        detection=detection,
    )
    at_rest, change = asymmetry(prob)
    assert at_rest < 1e-10 and change < 1e-9


@pytest.mark.parametrize("detection", ["printed", "reciprocal"])
def test_a_continuous_density_breaks_it(detection):
    X = BLOCK if detection == "printed" else FULL
    prob = of.Problem(
        device_mesh(), materials(X), CONTACTS, detection=detection, interface="density"
    )
    at_rest, change = asymmetry(prob)
    assert at_rest > 0.01 and change > 0.01


def test_ordinary_hall_effect_and_three_regions_are_reciprocal():
    prob = of.Problem(
        device_mesh(),
        {
            name: changed(m, mobility=mu)
            for (name, m), mu in zip(materials(BLOCK).items(), (0.4, -0.3, 0.8), strict=True)
        },
        CONTACTS,
        coupling="full",
        ordinary_hall=True,
    )
    field = np.array([1.6 * TESLA, -0.7 * TESLA, 0.9])
    one, other = ("west", "east"), ("north", "corner")
    forth = of.resistance(prob, field, current=one, voltage=other)
    back = of.resistance(prob, -field, current=other, voltage=one)
    assert pytest.approx(back.R, abs=1e-11 * abs(forth.delta_R)) == forth.R
    assert abs(forth.geometric) > abs(forth.delta_R)
    rule = replace(prob, interface="density")
    forth = of.resistance(rule, field, current=one, voltage=other)
    back = of.resistance(rule, -field, current=other, voltage=one)
    assert abs(forth.R - back.R) > 0.01 * abs(forth.delta_R)


def test_cells_and_functions_follow_the_same_rule():
    mesh = device_mesh()
    rng = np.random.default_rng(3)

    def grown(x, y):
        return 1.0 + 0.2 * x + 0.1 * y**2

    def turning(x, y):
        X = np.array(FULL[0])[:, :, None, None] + 0.0 * x
        X[0, 0] = X[0, 0] + 0.2 * x
        return X

    by_cell = {
        name: changed(
            m,
            sheet_conductivity=rng.uniform(0.5, 2.0, len(mesh.regions[name])),
            diffusion_constant=rng.uniform(0.5, 2.0, len(mesh.regions[name])),
        )
        for name, m in materials().items()
    }
    everywhere = simple_material(
        sheet_conductivity=grown,
        diffusion_length=None,
        diffusion_constant=lambda x, y: 2.0 / grown(x, y),
        inverse_mass=turning,
    )
    for given in (by_cell, everywhere):
        prob = of.Problem(mesh, given, CONTACTS, detection="reciprocal")
        at_rest, change = asymmetry(prob)
        assert at_rest < 1e-10 and change < 1e-9


# -- which unknown


def kind(prob):
    interface = system_of(prob).interface
    return "n" if interface is None else "shaped" if interface.shaped else "one shape"


def test_a_device_that_cannot_tell_keeps_its_bits():
    X = (FULL[0], 3.0 * FULL[0], 0.5 * FULL[0])
    same = {"diffusion_constant": 0.8, "sheet_conductivity": 1.5}
    given = materials(X, **same)
    # one sigma/D from different sigma
    given["b"] = changed(given["b"], sheet_conductivity=3.0, diffusion_constant=1.6)
    ours, theirs = (
        of.Problem(device_mesh(), given, CONTACTS, interface=rule, edges={"free": 0.5})
        for rule in ("accumulation", "density")
    )
    assert kind(ours) == "n" and not of.solve(ours, currents=ACROSS).has_jumps
    field = B * TESLA
    one, other = (of.solve(p, field, currents=ACROSS) for p in (ours, theirs))
    assert np.array_equal(one.moment_dofs, other.moment_dofs)
    assert np.array_equal(one.orbital_dofs, other.orbital_dofs)


@pytest.mark.parametrize(
    "X, expected",
    [
        ((FULL[0], 2 * FULL[0], -0.3 * FULL[0]), "one shape"),
        ((1.0, 2.0, 0.0), "one shape"),
        ((FULL[0], 0.0, FULL[0]), "one shape"),
        (FULL, "shaped"),
        ((-FULL[0], FULL[1], 0.0), "shaped"),
        ((FULL[0], np.diag([1.0, 1.0, 0.0]), FULL[2]), "one shape"),
        ((FULL[0], np.diag([1.0, 1.0, -0.1]), FULL[2]), "one shape"),
    ],
)
def test_which_unknown(X, expected):
    assert kind(of.Problem(device_mesh(), materials(X), CONTACTS)) == expected


def test_one_shape_gives_what_the_whole_table_would(monkeypatch):
    """W is one matrix there: h and W h are continuous together."""
    X = (FULL[0], 2.0 * FULL[0], 0.4 * FULL[0])
    results = []
    for forced in (False, True):
        if forced:
            monkeypatch.setattr(interface, "one_shape", lambda c: False)
        prob = of.Problem(device_mesh(), materials(X), CONTACTS, edges={"free": (0.5, 0.1, 0.2)})
        assert kind(prob) == ("shaped" if forced else "one shape")
        results.append(of.solve(prob, B * TESLA, currents=ACROSS))
    one, other = (r.centres().moment_density for r in results)
    assert np.allclose(one, other, rtol=0, atol=1e-12 * np.abs(one).max())
    assert results[0].orbital_voltage("north", "south") == pytest.approx(
        results[1].orbital_voltage("north", "south"), rel=1e-11
    )


def test_where_nothing_precesses_w_is_one():
    """X = 0 in a region takes part in reciprocity: there is no torque to spoil it."""
    prob = of.Problem(device_mesh(), materials((BLOCK[0], 0.0, BLOCK[2])), CONTACTS)
    at_rest, change = asymmetry(prob)
    assert at_rest < 1e-10 and change < 1e-9


def test_singular_tensors_of_several_shapes(refuses):
    X = (BLOCK[0], np.diag([1.0, 1.0, 0.0]), BLOCK[2])
    prob = of.Problem(device_mesh(), materials(X), CONTACTS)
    with pytest.warns(of.PhysicsWarning, match="singular or indefinite"):
        of.solve(prob, B * TESLA, currents=ACROSS)
    at_rest, change = asymmetry(prob)
    assert at_rest < 1e-10 and change > 1e-6
    X = (FULL[0], np.diag([1.0, 1.0, -0.1]), FULL[2])
    prob = of.Problem(device_mesh(), materials(X), CONTACTS, detection="reciprocal")
    with refuses(of.InputError, "reciprocal", "positive definite"):
        of.resistance(prob, current=("west", "east"), voltage=("north", "south"))


# -- what is written


@pytest.fixture(scope="module")
def solved():
    prob = of.Problem(
        device_mesh(),
        materials(alpha=(0.3, 0.2, 0.5)),
        CONTACTS,
        detection="reciprocal",
        edges={"free": (0.5, 0.1, 0.2)},
    )
    return of.solve(prob, B * TESLA, currents=ACROSS)


def test_the_density_jumps_and_the_accumulation_does_not(solved):
    """Just below and above the line between a and b, with n = chi W^-1 h from the materials."""
    mesh = solved.problem.mesh
    of_cell = mesh.region_of_cells()
    names = list(mesh.regions)
    inside = np.flatnonzero(mesh.mesh.f2t[1] >= 0)
    pairs = mesh.mesh.f2t[:, inside]
    across = of_cell[pairs[0]] != of_cell[pairs[1]]
    facets = inside[across]
    middle = mesh.mesh.p[:, mesh.mesh.facets[:, facets]].mean(axis=1)
    centre = mesh.mesh.p[:, mesh.mesh.t].mean(axis=1)
    found = []
    for cells in pairs[:, across]:
        inward = middle + 1e-9 * (centre[:, cells] - middle)
        n = solved.at(inward.T).moment_density
        h = []
        for value, cell in zip(n.T, cells, strict=True):
            m = solved.problem.materials[names[of_cell[cell]]]
            X = np.asarray(m.inverse_mass)
            h.append(m.diffusion_constant / m.sheet_conductivity * X @ value / X[2, 2])
        found.append((n, np.array(h).T))
    (n, h), (other_n, other_h) = found
    assert np.abs(h - other_h).max() < 1e-7 * np.abs(h).max()
    assert np.abs(n - other_n).max() > 0.3 * np.abs(n).max()


def test_moments_balance(solved):
    parts = solved.moment_balance()
    total = parts["relaxation"] + parts["torque"] + parts["outflow"]
    assert np.abs(total).max() < 1e-12 * np.abs(parts["torque"]).max()
    # the volume integral of n/tau by region, from what the solution reports
    mesh, expected = solved.problem.mesh, np.zeros(3)
    points, weights = skfem.quadrature.get_quadrature(skfem.refdom.RefTri, 4)
    n = solved.in_cells(points).moment_density.reshape(3, mesh.n_cells, -1)
    p = mesh.mesh.p[:, mesh.mesh.t]
    edges = p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]
    size = np.abs(edges[0][0] * edges[1][1] - edges[0][1] * edges[1][0])
    for name, cells in mesh.regions.items():
        tau = solved.problem.materials[name].relaxation_time
        expected += (n[:, cells] @ weights) @ size[cells] / tau
    assert parts["relaxation"] == pytest.approx(expected, rel=1e-10)


def test_vertices_hold_the_mean_of_their_cells(solved):
    mesh = solved.problem.mesh.mesh
    corners = solved.in_cells(mesh.refdom.p).moment_density.reshape(3, mesh.nelements, -1)
    for vertex in (0, 17, 33, 40):
        cells, corner = np.nonzero(vertex == mesh.t.T)
        expected = corners[:, cells, corner].mean(axis=1)
        assert solved.moment_density[:, vertex] == pytest.approx(expected, rel=1e-10)


def test_paraview_doubles_the_points_where_n_jumps(solved, tmp_path):
    meshio = pytest.importorskip("meshio")
    read = meshio.read(export_paraview(solved, tmp_path / "jump.vtu"))
    plain = replace(solved, problem=replace(solved.problem, interface="density"))
    single = meshio.read(export_paraview(plain, tmp_path / "plain.vtu"))
    assert len(read.points) > len(single.points)
    assert len(np.unique(np.round(read.points, 9), axis=0)) == len(single.points)
    V, n = read.point_data["potential [V]"], read.point_data["moment_density [C/m^2]"]
    order = np.lexsort(np.round(read.points, 9).T)
    twins = [
        (i, j)
        for i, j in itertools.pairwise(order)
        if np.allclose(read.points[i], read.points[j], atol=1e-9)
    ]
    assert max(abs(V[i] - V[j]) for i, j in twins) < 1e-12
    assert max(np.abs(n[i] - n[j]).max() for i, j in twins) > 0.3 * np.abs(n).max()
    assert "interface=accumulation" in (tmp_path / "jump.vtu").read_text()


def test_saved_and_loaded(solved, tmp_path):
    again = of.load(of.save(solved, tmp_path / "one.npz"))
    assert again.problem.interface == "accumulation" and again.has_jumps
    assert np.array_equal(again.moment_dofs, solved.moment_dofs)
    assert again.centres().moment_density == pytest.approx(
        solved.centres().moment_density, rel=1e-12
    )


def test_files_of_the_first_format_hold_a_continuous_density(tmp_path):
    prob = of.Problem(device_mesh(), materials(), CONTACTS, interface="density")
    written = of.solve(prob, B * TESLA, currents=ACROSS)
    path = of.save(written, tmp_path / "new.npz")
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    meta = json.loads(str(arrays.pop("meta")))
    assert meta["format"] == "ohmr_fem/2"
    meta["format"] = "ohmr_fem/1"
    del meta["content"]["options"]["interface"]
    np.savez(tmp_path / "old.npz", meta=np.array(json.dumps(meta)), **arrays)
    again = of.load(tmp_path / "old.npz")
    assert again.problem.interface == "density" and not again.has_jumps
    assert np.array_equal(again.moment_density, written.moment_density)


def test_a_solution_of_the_other_rule_is_no_start(refuses):
    given = {n: changed(m, mobility=0.1) for n, m in materials().items()}
    ours, theirs = (
        of.Problem(device_mesh(), given, CONTACTS, interface=rule)
        for rule in ("accumulation", "density")
    )
    start = of.solve(theirs, currents=ACROSS)
    with refuses(of.InputError, "start", "another problem"):
        of.drift_solve(ours, currents=ACROSS, start=start)
    with refuses(of.InputError, "initial", "interface"):
        of.transient(ours, [0.0, 1.0], initial=start, **PAIRS)


def test_problem_says_its_rule(refuses):
    prob = of.Problem(device_mesh(), materials(), CONTACTS)
    assert "interface=accumulation" in repr(prob)
    with refuses(of.InputError, "interface", "densty", "density"):
        of.Problem(device_mesh(), materials(), CONTACTS, interface="densty")


# -- one answer on every path


@pytest.mark.parametrize("coupling", ["linear", "full"])
def test_every_path_gives_the_direct_answer(coupling):
    prob = of.Problem(
        device_mesh(), materials(), CONTACTS, coupling=coupling, detection="reciprocal"
    )
    field = B * TESLA
    direct = of.resistance(prob, field, **PAIRS)
    matrix = of.resistance_matrix(prob, field)
    assert np.ravel(matrix.read(*PAIRS.values()))[0] == pytest.approx(direct.R, rel=1e-10)
    fields = np.outer(np.linspace(-1.0, 1.0, 21), field)
    reduced = of.hanle_curve(prob, fields, method="reduced", tolerance=1e-9, **PAIRS)
    assert reduced.hanle[-1] == pytest.approx(direct.hanle, rel=1e-7)
    slow = of.ac_response(prob, [1e-9], field, **PAIRS)
    assert np.ravel(slow.delta_R)[0].real == pytest.approx(direct.delta_R, rel=1e-7)
    late = of.transient(prob, [0.0, 40.0], field, tolerance=1e-8, keep_fields=True, **PAIRS)
    assert late.delta_R[-1] == pytest.approx(direct.delta_R, rel=1e-6)
    steady = of.solve(prob, field, currents={"west": 1.0, "east": -1.0})
    kept = late.solution(1).centres().moment_density
    assert np.abs(kept - steady.centres().moment_density).max() < 1e-6 * np.abs(kept).max()
    bare = {n: changed(m, mobility=0.5) for n, m in prob.materials.items()}
    with_mobility = replace(prob, materials=bare)
    weak = {"west": 1e-7, "east": -1e-7}
    drifting = of.drift_solve(with_mobility, field, weak)
    assert drifting.orbital_voltage("north", "south") / 1e-7 == pytest.approx(
        direct.delta_R, rel=1e-6
    )


def test_moment_decays_as_a_density():
    """One tau, no field, no drive: int n falls as exp(-t/tau) whatever the regions are."""
    mesh = of.cross_section(2.0, cells=12, regions={"a": (0.0, 1.2), "b": (1.2, 2.0)})
    given = materials(relaxation_time=0.8)
    prob = of.Problem(mesh, {name: given[name] for name in "ab"})
    assert kind(prob) == "shaped"
    start = np.array([0.3, -0.2, 0.5])
    run = of.transient(
        prob, [0.0, 0.7], drive=0.0, initial=tuple(start), keep_fields=True, tolerance=1e-9
    )
    total = [s.moment_balance()["relaxation"] * 0.8 for s in run.solutions()]
    assert total[0] == pytest.approx(2.0 * start, rel=1e-10)
    assert total[1] == pytest.approx(2.0 * start * np.exp(-0.7 / 0.8), rel=1e-6)
    steady = of.transient(prob, [0.0, 0.7], B * TESLA, initial="steady", tolerance=1e-9)
    assert steady.rho[1] == pytest.approx(of.magnetoresistance(prob, B * TESLA), rel=1e-7)


def test_error_bar_of_the_adaptive_solution():
    prob = of.Problem(device_mesh(), materials(BLOCK), CONTACTS)
    low, high = (
        solve_fields(p, B * TESLA, PAIRS["current"], PAIRS["voltage"])
        for p in (prob, replace(prob, order=3))
    )
    assert low.delta_R == pytest.approx(of.resistance(prob, B * TESLA, **PAIRS).delta_R, rel=1e-10)
    assert low.delta_R_dual == pytest.approx(low.delta_R, rel=1e-10)
    cells = localise(low, high, B * TESLA)
    assert cells.signed.sum() == pytest.approx(high.delta_R - low.delta_R, rel=1e-8)


# -- what breaks it all the same


def notes(prob):
    return " ".join(str(note) for note in physics_notes(prob, np.zeros(3)))


def test_what_breaks_reciprocity_is_warned_of():
    plain = of.Problem(device_mesh(), materials(BLOCK), CONTACTS)
    assert "Onsager" not in notes(plain)
    assert "n continuous" in notes(replace(plain, interface="density"))

    ratio = materials(BLOCK)
    ratio["b"] = changed(ratio["b"], inverse_orbital_hall_angle=0.7)
    assert "inverse to the direct" in notes(replace(plain, materials=ratio))
    scaled = {
        n: changed(m, inverse_orbital_hall_angle=-2.0 * m.orbital_hall_angle)
        for n, m in materials(BLOCK).items()
    }
    constant = replace(plain, materials=scaled)
    assert "Onsager" not in notes(constant)
    assert max(asymmetry(constant)) < 1e-9

    rates = replace(plain, materials=materials(BLOCK, relaxation_time=(1.0, 2.0, 1.0)))
    assert "relaxation_time" in notes(rates)
    assert asymmetry(rates)[1] > 1e-6
    commuting = tuple(np.diag(np.diag(X)) for X in FULL)
    aligned = replace(plain, materials=materials(commuting, relaxation_time=(1.0, 2.0, 1.5)))
    assert "Onsager" not in notes(aligned)
    assert max(asymmetry(aligned)) < 1e-9

    absorbed = replace(plain, edges={"free": (1.0, 0.2, 0.5)})
    assert "absorption" in notes(absorbed)
    assert asymmetry(absorbed)[1] > 1e-6
    aligned = replace(absorbed, materials=materials(commuting))
    assert "Onsager" not in notes(aligned) and max(asymmetry(aligned)) < 1e-9
