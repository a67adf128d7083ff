"""NGSolve as a second program for orbital and spin moment together and for a relaxation tensor: six
(or three) fields on an L with a notch, and on a flake of two materials with a hole.

NGSolve runs as a program of its own (ngsolve_program.py), under the interpreter that the variable
OHMR_NGSOLVE_PYTHON names, or under this one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import skfem

import ohmr_fem as of
from ohmr_fem.mesh.device_mesh import DeviceMesh

from .case import Row, Skipped
from .independence import route
from .two_channels import BETA, GAMMA, TESLA, XT, two

CASE = "second program, channels"
ROUTES = {
    "": ("finite elements and poles", "NGSolve in a process of its own"),
}
INTERPRETER = "OHMR_NGSOLVE_PYTHON"
PROGRAM = Path(__file__).with_name("ngsolve_program.py")
MESHES = Path(__file__).parent.parent / "meshes"
SECONDS = 300.0
#: D_LS and D_SL differ, so that a transpose would be seen.
SPREAD = np.array([[1.0, 0.1], [0.3, 2.0]])
#: Pairs of the L: along both arms, and nonlocal.
PAIRS = ((("end", "foot"), ("a", "b")), (("a", "end"), ("foot", "b")))
ABSORBED, POLARISED = (0.7, 0.3), (0.5, 0.2, -0.4, 0.1, 0.6, 0.3)


def l_with_a_notch(step: float) -> DeviceMesh:
    """Arms of 4 and 3 L_m, 1.5 wide, a notch in the long one; the triangles are uneven."""
    lines = [np.arange(0.0, top + step / 2.0, step) for top in (4.0, 3.0)]
    mesh = skfem.MeshTri.init_tensor(*lines)
    x, y = mesh.p[:, mesh.t].mean(axis=1)
    notch = (abs(x - 2.5) < 0.25) & (y > 1.0)
    mesh = mesh.restrict(np.flatnonzero(((x < 1.5) | (y < 1.5)) & ~notch))
    inner = mesh.interior_nodes()
    shifts = np.random.default_rng(11).uniform(-0.2, 0.2, (2, len(inner)))
    points = mesh.p.copy()
    points[:, inner] += step * shifts
    device = DeviceMesh(skfem.MeshTri(points, mesh.t), ("x", "y"))
    ends = {
        "end": lambda p: p[0] > 3.999,
        "foot": lambda p: p[1] > 2.999,
        "a": lambda p: (p[1] < 1e-3) & (abs(p[0] - 1.0) < 0.5),
        "b": lambda p: (p[1] < 1e-3) & (abs(p[0] - 3.25) < 0.5),
    }
    return device.with_boundaries(ends)


@dataclass(frozen=True, eq=False)
class Comparison:
    """One problem, and what NGSolve has to know of it."""

    label: str
    problem: of.Problem
    pairs: tuple[Any, ...]
    fields: np.ndarray

    def plain(self) -> dict[str, Any]:
        mesh, problem = self.problem.mesh, self.problem
        named = {name: mesh.mesh.facets[:, f] for name, f in mesh.boundaries.items()}
        every = np.setdiff1d(mesh.mesh.boundary_facets(), np.concatenate(list(_indices(mesh))))
        named["wall"] = mesh.mesh.facets[:, every]
        contacts = problem.contacts
        return {
            "points": mesh.mesh.p.T.tolist(),
            "regions": {r: mesh.mesh.t[:, c].T.tolist() for r, c in mesh.regions.items()},
            "boundaries": {name: facets.T.tolist() for name, facets in named.items()},
            "beside": {name: _region_beside(mesh, f) for name, f in mesh.boundaries.items()},
            "order": 2,
            "materials": {r: plain_material(m) for r, m in problem.materials.items()},
            "absorption": {n: list(ABSORBED) for n, c in contacts.items() if c.moment.absorbs},
            "polarisation": {n: list(POLARISED) for n, c in contacts.items() if c.polarised},
            "pairs": self.pairs,
            "fields": self.fields.tolist(),
        }

    def rows(self, other: np.ndarray) -> list[Row]:
        """One row for each pair, the largest deviation over the fields of the largest response."""
        rows = []
        for number, (current, voltage) in enumerate(self.pairs):
            curve = of.hanle_curve(
                self.problem, TESLA * self.fields, current=current, voltage=voltage
            )
            mine, theirs = curve.delta_R, other[:, number]
            error = float(np.abs(mine - theirs).max() / np.abs(theirs).max())
            quantity = f"delta_R, {self.label}, {'-'.join(current)}, {'-'.join(voltage)}"
            rows.append(Row(CASE, "sections 11, 12", quantity, mine[-1], theirs[-1], error, 1e-8))
        return rows


def _indices(mesh: DeviceMesh) -> Any:
    return mesh.boundaries.values()


def _region_beside(mesh: DeviceMesh, facets: np.ndarray) -> str:
    cell = mesh.mesh.f2t[0, facets[0]]
    return next(r for r, cells in mesh.regions.items() if cell in cells)


def plain_material(m: of.Material) -> dict[str, Any]:
    """The numbers of a material, put together here and not by the package."""
    X, relaxation = [np.asarray(m.inverse_mass)], np.asarray(m.relaxation_rate)
    if relaxation.ndim < 2:
        relaxation = np.eye(3) / m.relaxation_time
    angles, back, g = [m.orbital_hall_angle], [m.inverse_orbital_hall_angle], [m.g_factor]
    diffusion = [[m.diffusion_constant]]
    spin = m.spin
    if spin is not None:
        to_l, to_s = spin.to_orbital * np.eye(3), spin.from_orbital * np.eye(3)
        relaxation = np.block([[relaxation, -to_l], [-to_s, np.eye(3) / spin.relaxation_time]])
        first, second = spin.cross_diffusion
        diffusion = [[m.diffusion_constant, first], [second, spin.diffusion_constant]]
        X.append(spin.inverse_mass * np.eye(3))
        angles.append(spin.hall_angle)
        back.append(spin.inverse_hall_angle)
        g.append(spin.g_factor)
    return {
        "sigma": m.sheet_conductivity,
        "diffusion": diffusion,
        "relaxation": relaxation.tolist(),
        "angles": angles,
        "inverse_angles": back,
        "inverse_mass": [x.tolist() for x in X],
        "g_factor": g,
    }


def on_the_l(step: float) -> list[Comparison]:
    mesh = l_with_a_notch(step)
    fields = np.array([0.0 * BETA, BETA, 3.0 * BETA[::-1]])
    plain = {n: of.Contact("profile") for n in ("end", "foot", "a", "b")}
    orbital, spin = ABSORBED
    losing = of.Contact("profile", moment={"orbital": orbital, "spin": spin})
    p = {"orbital": POLARISED[:3], "spin": POLARISED[3:]}
    magnets = {n: of.Contact("profile", polarisation=p) for n in ("a", "b")}
    changes = {"relaxation_time": None, "relaxation_rate": GAMMA, "diffusion_length": None}
    whole = two(SPREAD)
    tensor = replace(whole, spin=None, **changes)
    given = [
        ("L, two channels", whole, plain),
        ("L, two channels, a contact that absorbs", whole, plain | {"foot": losing}),
        ("L, two channels, polarised contacts", whole, plain | magnets),
        ("L, relaxation tensor", tensor, plain),
    ]
    return [
        Comparison(label, of.Problem(mesh, material, contacts, order=2), PAIRS, fields)
        for label, material, contacts in given
    ]


def on_the_flake() -> Comparison:
    """Two materials and a hole, the accumulations of both moments continuous."""
    drawn = of.read_mesh(MESHES / "flake.msh", unit="nm")
    # 100 nm are one length here
    mesh = replace(drawn, mesh=skfem.MeshTri(1e7 * drawn.mesh.p, drawn.mesh.t))
    other = two(np.diag([0.6, 1.7]), np.array([[0.9, -0.3], [-0.1, 1.4]]), 0.6 * XT.T, 2.5)
    contacts = {n: of.Contact("profile") for n in mesh.boundaries}
    prob = of.Problem(mesh, {"thin": two(SPREAD), "thick": other}, contacts, order=2)
    pairs = ((("left", "right"), ("t1", "t2")), (("t1", "b1"), ("t2", "b2")))
    return Comparison("flake, two materials, two channels", prob, pairs, np.array([BETA]))


def interpreter() -> str:
    """Of NGSolve; Skipped where there is none."""
    python = os.environ.get(INTERPRETER, sys.executable)
    try:
        found = subprocess.run(
            [python, "-c", "import ngsolve"], capture_output=True, timeout=SECONDS, check=False
        )
    except OSError as exc:
        raise Skipped(f"{INTERPRETER}={python} does not run ({exc})") from exc
    if found.returncode != 0:
        raise Skipped(
            f"NGSolve is not installed for {python} (pip install ngsolve, or name the Python that "
            f"has it in {INTERPRETER})"
        )
    return python


@route("NGSolve in a process of its own")
def of_ngsolve(python: str, given: dict[str, Any]) -> np.ndarray:
    """(fields, pairs) ohm."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.json", Path(folder) / "out.json"
        source.write_text(json.dumps(given), encoding="utf-8")
        command = [python, str(PROGRAM), str(source), str(target)]
        # NGSolve needs nothing of this program's path, whose packages are of another Python
        clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        subprocess.run(command, check=True, timeout=SECONDS, capture_output=True, env=clean)
        return np.array(json.loads(target.read_text(encoding="utf-8")))


def run(level: str = "quick") -> list[Row]:
    python = interpreter()
    cases = [*on_the_l(0.125 if level == "full" else 0.25), on_the_flake()]
    rows = []
    if level != "full":  # each solve of the other program takes seconds
        cases = [replace(case, fields=BETA[None]) for case in (cases[0], cases[3])]
    for case in cases:
        rows += case.rows(of_ngsolve(python, case.plain()))
    return rows
