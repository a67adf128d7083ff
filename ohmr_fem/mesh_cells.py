"""Cell types of device meshes: scikit-fem's, with a trace on facets that is exact.

scikit-fem finds the reference points of a facet of a quadrilateral or curved cell by a Newton
iteration to a fixed 1e-12, which round-off does not allow once cells are 1e-3 of the device
or thinner than the bulge of their edges. Here they are written down: the facet is an edge of the
reference cell.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import skfem
from skfem.mapping import MappingIsoparametric

# A point this far outside its cell, in reference coordinates, is no longer followed.
LOST = 20.0


class _EdgeMapping(MappingIsoparametric):
    """The isoparametric map, which remembers what facets it was last asked for."""

    def G(self, X: np.ndarray, find: Any = None) -> np.ndarray:
        x = super().G(X, find=find)
        self._traced = (x, X, find)
        return x

    def invF(self, x: np.ndarray, tind: Any = None, newton_max_iters: int = 50, **_: Any) -> Any:  # noqa: N802
        traced: Any = getattr(self, "_traced", (None, None, None))
        if x is traced[0] and traced[2] is not None and tind is not None:
            return self._on_facets(traced[1], np.asarray(traced[2]), np.asarray(tind))
        return self._newton(x, tind, newton_max_iters)

    def _on_facets(self, X: np.ndarray, facets: np.ndarray, cells: np.ndarray) -> np.ndarray:
        """Reference points (2, n_facets, n_points) of points X (1, n_points) of the facets of the cells."""
        mesh = self.mesh
        ends = np.array(mesh.refdom.facets).T  # (2, facets per cell): local vertices
        local = ends[:, np.argmax(mesh.t2f[:, cells] == facets, axis=0)]
        forward = mesh.t[local[0], cells] == mesh.facets[0, facets]
        start, stop = mesh.refdom.p[:, np.where(forward, local, local[::-1])].transpose(1, 0, 2)
        return np.asarray(start[:, :, None] + (stop - start)[:, :, None] * X[0])

    def _newton(self, x: np.ndarray, tind: Any, iterations: int) -> np.ndarray:
        """Damped Newton iteration for every point, down to the round-off of the coordinates; NaN where it is lost.

        A step is halved until the step that would follow it is shorter (natural monotonicity test).
        A point far outside its cell may have no reference point at all.
        """
        X = np.full(x.shape, 0.4)
        step = self._step(X, X, x, tind)
        for _ in range(iterations):
            size = np.abs(step).max(axis=0)
            active = (size > 1e-13) & (np.abs(X).max(axis=0) < LOST)
            if not active.any():
                break
            damping = active.astype(float)
            for _ in range(8):
                next_size = np.abs(self._step(X, X + damping * step, x, tind)).max(axis=0)
                worse = ~(next_size <= (1 - damping / 4) * size) & (size > 1e-9) & active
                if not worse.any():
                    break
                damping[worse] /= 2
            X = X + damping * step
            step = self._step(X, X, x, tind)
            if not np.any(active & (np.abs(step).max(axis=0) > np.where(size < 1e-8, 1e-8, 1e-13))):
                break  # what is left is round-off
        return np.where(np.abs(step).max(axis=0) < 1e-7, X, np.nan)

    def _step(self, at: np.ndarray, to: np.ndarray, x: np.ndarray, tind: Any) -> np.ndarray:
        """Newton step with the Jacobian of one point and the residual of another."""
        with np.errstate(all="ignore"):
            return np.nan_to_num(np.einsum("ijkl,jkl->ikl", self.invDF(at, tind), x - self.F(to, tind)), posinf=1e9)


class _ExactTrace:
    def _mapping(self) -> Any:
        if not hasattr(self, "_cached_mapping"):
            self._cached_mapping = _EdgeMapping(self, self.elem(), self.bndelem)  # type: ignore[attr-defined]
        return self._cached_mapping


class Quadrilaterals(_ExactTrace, skfem.MeshQuad1):
    """Straight quadrilaterals."""


class CurvedTriangles(_ExactTrace, skfem.MeshTri2):
    """Quadratic triangles."""


class CurvedQuadrilaterals(_ExactTrace, skfem.MeshQuad2):
    """Quadratic quadrilaterals."""


# From scikit-fem's class to the one used here, and the words for it.
CELL_TYPES: dict[type, tuple[type, str]] = {
    skfem.MeshLine1: (skfem.MeshLine1, "intervals"),
    skfem.MeshTri1: (skfem.MeshTri1, "triangles"),
    skfem.MeshTri2: (CurvedTriangles, "curved triangles"),
    skfem.MeshQuad1: (Quadrilaterals, "quadrilaterals"),
    skfem.MeshQuad2: (CurvedQuadrilaterals, "curved quadrilaterals"),
}
STRAIGHT: dict[type, type] = {skfem.MeshTri2: skfem.MeshTri1, skfem.MeshQuad2: skfem.MeshQuad1}


def cell_kind(mesh: Any) -> type | None:
    """scikit-fem's class of a mesh; None if it is not one of the five supported here."""
    for kind, (own, _) in CELL_TYPES.items():
        if type(mesh) in (kind, own):
            return kind
    return None


def with_exact_trace(mesh: Any) -> Any:
    """The same mesh, of the class used here."""
    own = CELL_TYPES.get(type(mesh), (None, ""))[0]
    return mesh if own in (None, type(mesh)) else own(mesh.doflocs, mesh.t, validate=False)
