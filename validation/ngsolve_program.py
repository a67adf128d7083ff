"""Six moment components in NGSolve, a program of its own: ``python ngsolve_program.py IN OUT``.

It imports nothing of the package, so that it runs wherever NGSolve is installed.  Lengths in m, D
in m^2/s, rates in 1/s, torques g [beta]_x X with beta = (e/2 m_e) B in 1/s.  With c(u, v) the
integral of u_x v_y - u_y v_x, chi_c = sigma/D_c and N_c = chi_c W_c^-1 h_c (docs/theory, sections
10 to 12)

    sigma k(V, psi) = I_in(psi),
    DD_cd k(N_d, w_c) + m(Gamma_cd N_d, w_c) + m(T_c N_c, w_c) + oint G_c N_c . w_c
        = - alpha_c sigma c(V, w_c^z) + oint p_c . w_c I/length,
    sigma k(V_1, psi) = - c(sum_cd alpha'_c DD_cd N_d^z, psi),

and a voltage reads V_1 + sum_c (D_c/sigma) p_c . N_c.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import netgen.meshing as meshing
import ngsolve as ng
import numpy as np


def grid_of(given: dict[str, Any]) -> Any:
    """Triangles, regions and named edges."""
    out = meshing.Mesh(dim=2)
    points = [out.Add(meshing.MeshPoint(meshing.Pnt(x, y, 0.0))) for x, y in given["points"]]
    for number, region in enumerate(given["regions"], 1):
        out.AddRegion(region, dim=2)
        for cell in given["regions"][region]:
            (x0, y0), (x1, y1), (x2, y2) = (given["points"][i] for i in cell)
            turned = (x1 - x0) * (y2 - y0) < (x2 - x0) * (y1 - y0)
            corners = [cell[0], cell[2], cell[1]] if turned else cell
            out.Add(meshing.Element2D(number, [points[i] for i in corners]))
    for name, facets in given["boundaries"].items():
        number = out.AddRegion(name, dim=1)
        for facet in facets:
            out.Add(meshing.Element1D([points[i] for i in facet], index=number))
    return ng.Mesh(out)


def cross(beta: list[float]) -> np.ndarray:
    x, y, z = beta
    return np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])


def density(m: dict[str, Any]) -> np.ndarray:
    """N = density h, (3c, 3c)."""
    out = np.zeros((3 * len(m["angles"]),) * 2)
    for c, X in enumerate(m["inverse_mass"]):
        X, place = np.array(X), slice(3 * c, 3 * c + 3)
        out[place, place] = m["sigma"] / m["diffusion"][c][c] * np.linalg.inv(X / X[2, 2])
    return out


def local(m: dict[str, Any], beta: list[float]) -> np.ndarray:
    """Gamma + T, (3c, 3c)."""
    out = np.array(m["relaxation"])
    for c, (X, g) in enumerate(zip(m["inverse_mass"], m["g_factor"], strict=True)):
        place = slice(3 * c, 3 * c + 3)
        out[place, place] += g * cross(beta) @ np.array(X)
    return out


class Device:
    """One device and field; unknowns are V and the components of h."""

    def __init__(self, given: dict[str, Any], beta: list[float]) -> None:
        self.given, self.beta = given, beta
        self.grid = grid_of(given)
        self.materials = given["materials"]
        self.count = len(next(iter(self.materials.values()))["angles"])
        self.scalar = ng.H1(self.grid, order=given["order"])
        self.vector = ng.FESpace([self.scalar] * (3 * self.count))
        self.sigma = self.by_region(lambda m: m["sigma"])

    def by_region(self, value: Any) -> Any:
        return self.grid.MaterialCF({r: float(value(m)) for r, m in self.materials.items()})

    def matrix(self, value: Any) -> list[list[Any]]:
        """A (3c, 3c) matrix of each region as coefficients."""
        size = range(3 * self.count)
        return [[self.by_region(lambda m, i=i, j=j: value(m)[i, j]) for j in size] for i in size]

    def mean(self, values: Any, name: str) -> float:
        place = self.grid.Boundaries(name)
        return ng.Integrate(values, place) / ng.Integrate(ng.CF(1.0), place)

    def solved(self, form: Any, load: Any, space: Any) -> Any:
        form.Assemble()
        load.Assemble()
        found = ng.GridFunction(space)
        inverse = form.mat.Inverse(space.FreeDofs(), inverse="umfpack")
        found.vec.data = inverse * load.vec
        left = load.vec.CreateVector()
        for _ in range(2):
            left.data = load.vec - form.mat * found.vec
            found.vec.data += inverse * left
        return found

    def potential(self, terms: Any) -> Any:
        """V of sigma k(V, psi) = terms(psi), of mean 0."""
        space = ng.FESpace([self.scalar, ng.NumberSpace(self.grid)])
        (V, level), (psi, test) = space.TnT()
        form = ng.BilinearForm(space)
        form += (self.sigma * ng.grad(V) * ng.grad(psi) + level * psi + test * V) * ng.dx
        load = ng.LinearForm(space)
        for term in terms(psi):
            load += term
        return self.solved(form, load, space).components[0]

    def moment(self, V: Any, current: list[str]) -> Any:
        """h of unit current."""
        h, w = self.vector.TnT()
        size = range(3 * self.count)
        spread = self.matrix(lambda m: np.kron(m["diffusion"], np.eye(3)) @ density(m))
        loss = self.matrix(lambda m: local(m, self.beta) @ density(m))
        form, load = ng.BilinearForm(self.vector), ng.LinearForm(self.vector)
        for i in size:
            for j in size:
                term = spread[i][j] * ng.grad(h[j]) * ng.grad(w[i]) + loss[i][j] * h[j] * w[i]
                form += term * ng.dx
                for name, G in self.given["absorption"].items():
                    # on a boundary the coefficients of its one region are numbers
                    here = self.beside(name)
                    lost = G[i // 3] * density(here)[i, j]
                    if lost:
                        form += lost * h[j] * w[i] * ng.ds(definedon=self.grid.Boundaries(name))
        for c in range(self.count):
            made = self.by_region(lambda m, c=c: m["angles"][c] * m["sigma"])
            slope = ng.grad(w[3 * c + 2])
            load += -made * (ng.grad(V)[0] * slope[1] - ng.grad(V)[1] * slope[0]) * ng.dx
        for name, sign in zip(current, (1.0, -1.0), strict=True):
            for i, p in enumerate(self.given["polarisation"].get(name, [])):
                place = self.grid.Boundaries(name)
                length = ng.Integrate(ng.CF(1.0), place)
                load += sign * p / length * w[i] * ng.ds(definedon=place)
        return self.solved(form, load, self.vector)

    def beside(self, name: str) -> dict[str, Any]:
        return self.materials[self.given["beside"][name]]

    def response(self, current: list[str], voltage: list[str]) -> float:
        def injected(psi: Any) -> Any:
            for name, sign in zip(current, (1.0, -1.0), strict=True):
                place = self.grid.Boundaries(name)
                yield sign / ng.Integrate(ng.CF(1.0), place) * psi * ng.ds(definedon=place)

        h = self.moment(self.potential(injected), current)
        size = range(3 * self.count)

        def read(psi: Any) -> Any:
            for c in range(self.count):
                for j in size:

                    def weight(m: dict[str, Any], c: int = c, j: int = j) -> float:
                        row = np.array(m["inverse_angles"]) @ np.array(m["diffusion"])
                        return float(row[c] * density(m)[3 * c + 2, j])

                    slope = ng.grad(h.components[j])
                    turned = slope[0] * ng.grad(psi)[1] - slope[1] * ng.grad(psi)[0]
                    yield -self.by_region(weight) * turned * ng.dx

        V = self.potential(read)
        values = [self.mean(V, name) + self.contact(h, name) for name in voltage]
        return values[0] - values[1]

    def contact(self, h: Any, name: str) -> float:
        """sum_c (D_c/sigma) p_c . N_c, mean over a contact."""
        p = self.given["polarisation"].get(name)
        if p is None:
            return 0.0
        here = self.beside(name)
        scale = np.repeat(np.diag(here["diffusion"]), 3) / here["sigma"]
        means = np.array([self.mean(part, name) for part in h.components])
        return float((scale * np.array(p)) @ density(here) @ means)


def main(source: str, target: str) -> None:
    given = json.loads(Path(source).read_text(encoding="utf-8"))
    found = [
        [Device(given, beta).response(*pair) for pair in given["pairs"]] for beta in given["fields"]
    ]
    Path(target).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
