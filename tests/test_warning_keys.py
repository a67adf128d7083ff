"""Every warning of the package carries the key of what it is about, as an InputError does."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem import errors
from ohmr_fem.model.contacts import Edge, Moment
from ohmr_fem.solver.resolution import check_resolution, physics_notes, size_notes
from ohmr_fem.solver.system import system_of
from tests.small_devices import MATERIAL, bar

OWN = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, UserWarning)]
#: Classes and functions whose arguments may be to blame.
BLAMED = [of.Material, of.Problem, of.Contact, Edge, Moment, of.Film, of.Spin, of.Measured]
BLAMED += [of.fit, of.hanle_curve, of.solve_to, of.transient, of.channel]
#: What is no argument of these, but is spoken of.
OTHERS = {"mesh", "figures", "measure", "preparation", "temperature"}
PACKAGE = Path(of.__file__).parent


def _made():
    """{place: the key given there} of every warning that is made in the package."""
    names = {kind.__name__ for kind in OWN}
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in names:
                keys = [k.value for k in node.keywords if k.arg == "key"]
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", keys


def test_every_place_that_warns_gives_a_key():
    made = dict(_made())
    assert len(made) > 35
    known = OTHERS | {f"spin.{f.name}" for f in dataclasses.fields(of.Spin)}
    for one in BLAMED:
        known |= set(inspect.signature(one).parameters)
    for place, keys in made.items():
        assert len(keys) == 1, f"{place}: no key"
        written = [c.value for c in ast.walk(keys[0]) if isinstance(c, ast.Constant)]
        texts = {t for t in written if isinstance(t, str)} - {"printed"}  # asked of a text
        assert texts <= known, f"{place}: {texts - known} is no argument"


ENDS = {"left": of.Contact(), "right": of.Contact()}
METAL = ("orbital_hall_angle", "relaxation_time", "sheet_conductivity")
TITANIUM = of.presets.ti(**{k: MATERIAL[k] for k in METAL})
SINKS = dict.fromkeys(("left", "right", "rest"), of.Contact(moment="absorbing"))
TILTED = [[1.0, 0.0, 0.2], [0.0, 1.0, 0.0], [0.2, 0.0, 0.5]]


def _closed(mesh):
    ends = {name: mesh.boundaries[name] for name in ENDS}
    rest = np.setdiff1d(mesh.mesh.boundary_facets(), np.concatenate([*ends.values()]))
    return replace(mesh, boundaries={**ends, "rest": rest})


def _film(mesh, **options):
    material = {**MATERIAL, "inverse_mass": [1.0, 2.0, 0.5], "resistivity": 1e-7}
    del material["sheet_conductivity"]
    film = of.Film("20 nm", **options.pop("film", {}))
    return of.Problem(mesh, of.Material(**material), ENDS, film=film, **options)


def _plane(mesh, contacts=ENDS, detection="printed", edges=None, **changes):
    material = of.Material(**(MATERIAL | changes))
    return of.Problem(mesh, material, contacts, detection=detection, edges=edges or {})


def _with_spin(mesh, contacts=ENDS, X=1.0, **changes):
    given = {
        "diffusion_constant": 1e-2,
        "relaxation_time": 1e-12,
        "hall_angle": 0.1,
        "inverse_mass": 1.0,
    }
    return _plane(mesh, contacts, inverse_mass=X, spin=of.Spin(**(given | changes)))


def _regions(mesh, **options):
    halves = np.array_split(np.arange(mesh.n_cells), 2)
    two = replace(mesh, regions=dict(zip("ab", halves, strict=True)))
    first = of.Material(**MATERIAL)
    second = {**MATERIAL, "diffusion_length": 2e-7, **options.pop("second", {})}
    return of.Problem(two, {"a": first, "b": of.Material(**second)}, ENDS, **options)


CASES = {
    "orbital_hall_angle": lambda m: _plane(m, orbital_hall_angle=20.0),
    "ordinary_hall": _plane,
    "edges": lambda m: _plane(_closed(m), SINKS),
    "detection": lambda m: _plane(m, inverse_mass=TILTED),
    "film": lambda m: of.Problem(m, TITANIUM, ENDS),
    "inverse_source": lambda m: _film(m, film={"top": Edge(source=0.1, inverse_source=0.3)}),
    "interface": lambda m: _regions(m, interface="density"),
    "inverse_mass": lambda m: _regions(m, second={"inverse_mass": np.diag([1.0, 1.0, 0.0])}),
    "inverse_orbital_hall_angle": lambda m: _regions(
        m, second={"inverse_orbital_hall_angle": 0.3}
    ),
    "relaxation_time": lambda m: _plane(
        m,
        inverse_mass=TILTED,
        relaxation_time=(1e-12, 2e-12, 3e-12),
        diffusion_length=None,
        diffusion_constant=5e-3,
    ),
    "polarisation": lambda m: _with_spin(
        m, {"left": of.Contact(spin_polarisation=(0, 0.1, 0)), "right": of.Contact()},
        inverse_hall_angle=0.3,
    ),
    "spin.to_orbital": lambda m: _with_spin(m, to_orbital=1e10),
    "spin.cross_diffusion": lambda m: _with_spin(m, cross_diffusion=(0.0, 1e-4)),
    "spin.inverse_hall_angle": lambda m: _with_spin(m, inverse_hall_angle=0.3),
}  # fmt: skip


@pytest.fixture(scope="module")
def mesh():
    return bar(6, 4)


@pytest.mark.parametrize("key", CASES)
def test_the_key_is_that_of_the_argument(mesh, key):
    notes = physics_notes(CASES[key](mesh), np.array([[0.0, 0.0, 1.0]]))
    assert key in {note.key for note in notes}
    assert all(note.key for note in notes)


def test_the_key_of_size_and_mesh(mesh):
    problem = _plane(mesh)
    assert [note.key for note in size_notes(problem, 0.9)] == ["coupling"]
    coarse = check_resolution(system_of(_plane(mesh, diffusion_length=1e-9)), np.zeros(3))
    assert [note.key for note in coarse] == ["mesh"]


def test_the_text_is_the_message_and_the_key_travels():
    note = of.PhysicsWarning("too strong", key="field")
    again = pickle.loads(pickle.dumps(note))
    assert (str(again), again.key, again.args) == ("too strong", "field", ("too strong",))
    assert of.PhysicsWarning("a word").key == ""


def test_who_catches_a_warning_has_the_key(mesh):
    with pytest.warns(of.PhysicsWarning) as caught:
        of.solve(
            _plane(mesh, diffusion_length=1e-6), (0, 0, 1.0), currents={"left": 1, "right": -1}
        )
    assert "ordinary_hall" in {w.message.key for w in caught}
