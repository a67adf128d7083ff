"""Sparse linear solvers as values: ``factorise`` a matrix, ``solve`` right-hand sides, always with
the residual.

:class:`SuperLU` comes with scipy; :class:`Pardiso`, :class:`Mumps` and :class:`AMG` need the extra
``solvers``.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.sparse import csc_array, csr_array, csr_matrix, sparray, triu
from scipy.sparse.linalg import LinearOperator, cg, splu

from ..errors import ConvergenceWarning, SolveError, require_extra, warn
from ..errors.doors import door_of
from ..units import fraction, whole

#: Largest backward error that is accepted after refinement.
ACCEPTED_RESIDUAL = 1e-12
#: Largest part of a right-hand side that may be left over.
ACCEPTED_SHARE = 1e-2
#: Part of a flux that may be left unbalanced without a word.
BALANCED = 1e-9
#: Backward error above which the solution of a direct solver is refined once.
REFINE_ABOVE = 1e-14
#: Options of SuperLU. Small supernodes and panels are measured: scipy's own are slower at every
#: size up to 1e6 unknowns.
PIVOTED: dict[str, Any] = {"permc_spec": "COLAMD", "relax": 1, "panel_size": 4}
DIAGONAL: dict[str, Any] = PIVOTED | {
    "permc_spec": "MMD_AT_PLUS_A",
    "diag_pivot_thresh": 0.0,
    "options": {"SymmetricMode": True},
}


class Factorisation(Protocol):
    """A factorised matrix."""

    @property
    def A(self) -> Any: ...

    @property
    def apply(self) -> Callable[[np.ndarray, bool], np.ndarray]:
        """What solves A x = b (or A^T x = b), without a check."""

    def solve(self, b: np.ndarray, transposed: bool = False) -> tuple[np.ndarray, float]:
        """Solution of A x = b (or A^T x = b), shape (n,) or (n, k), and the largest backward
        error.
        """


class Solver(Protocol):
    """What turns a matrix into a :class:`Factorisation`.

    Solvers for symmetric matrices take the matrix at its word: what becomes of one that is not
    symmetric shows in the residual. Symmetric means equal to its transpose, for complex matrices
    too, never to the conjugate of it.
    """

    @property
    def name(self) -> str: ...

    def factorise(self, matrix: sparray) -> Factorisation: ...


@door_of
@dataclass(frozen=True)
class SuperLU:
    """scipy's SuperLU: pivots on the diagonal in a minimum-degree order, which on the matrices here
    takes half the time and
    memory of general pivoting. Unless ``symmetric=True`` (real symmetric definite matrices, where
    it cannot fail) a trial solution decides whether that was accurate; if not, the matrix is
    factorised again with general pivoting.
    """

    symmetric: bool = False

    @property
    def name(self) -> str:
        """The method, as reports say it."""
        return "SuperLU (symmetric mode)" if self.symmetric else "SuperLU"

    def factorise(self, matrix: sparray) -> Factorisation:
        """Factorise a matrix.

        Parameters
        ----------
        matrix : (N, N) sparse array

        Returns
        -------
        Factorisation

        Raises
        ------
        SolveError
            It is singular.
        """
        A = csr_array(matrix)
        columns = csc_array(
            A.T if self.symmetric else A
        )  # by columns, which for a symmetric matrix takes no copy
        try:
            factors = _superlu(A, splu(columns, **DIAGONAL))
            if self.symmetric or factors.trial() < REFINE_ABOVE:
                return factors
        except RuntimeError as exc:
            if self.symmetric:
                raise _singular(A, exc) from exc
        try:
            return _superlu(A, splu(columns, **PIVOTED))
        except RuntimeError as exc:
            raise _singular(A, exc) from exc


#: For real symmetric positive definite matrices, unless another solver is asked for.
SYMMETRIC = SuperLU(symmetric=True)
#: For all other matrices, unless another solver is asked for.
GENERAL = SuperLU()


@door_of
@dataclass(frozen=True)
class Pardiso:
    """PARDISO of the Intel MKL, real matrices. ``symmetric=True``: Cholesky, for symmetric positive
    definite ones.
    """

    symmetric: bool = False

    @property
    def name(self) -> str:
        """The method, as reports say it."""
        return "PARDISO (Cholesky)" if self.symmetric else "PARDISO"

    def factorise(self, matrix: sparray) -> Factorisation:
        """Factorise a matrix.

        Parameters
        ----------
        matrix : (N, N) sparse array
            Real.

        Returns
        -------
        Factorisation

        Raises
        ------
        SolveError
            It is complex, singular, or for Cholesky not definite.
        MissingExtraError
            pypardiso is not installed.
        """
        pypardiso = require_extra("pypardiso", "solvers", "the solver Pardiso")
        A = csr_array(matrix)
        if np.iscomplexobj(A):
            raise SolveError(
                f"Pardiso takes real matrices, and this one of {A.shape[0]} unknowns is complex; "
                "use SuperLU or "
                "Mumps"
            )
        A.sort_indices()
        stored = csr_matrix(triu(A, format="csr") if self.symmetric else A)
        solver = pypardiso.PyPardisoSolver(mtype=2 if self.symmetric else 11)
        try:
            solver.factorize(stored)
        except (pypardiso.pardiso_wrapper.PyPardisoError, ValueError) as exc:
            solver.free_memory(everything=True)
            raise _singular(A, exc) from exc
        if (
            solver.get_iparm(14) > 0
        ):  # pivots below 1e-13 are raised to it, and huge solutions would pass for answers
            solver.free_memory(everything=True)
            raise _singular(A, ValueError(f"{solver.get_iparm(14)} pivots are zero to round-off"))
        plain, turned = stored, stored if self.symmetric else stored.T
        factors = _Factors(
            A, lambda b, transposed: solver.solve(turned if transposed else plain, b)
        )
        weakref.finalize(
            factors, solver.free_memory, everything=True
        )  # the package itself never frees it
        return factors


@door_of
@dataclass(frozen=True)
class Mumps:
    """MUMPS. ``symmetric=True`` for symmetric matrices, definite or not."""

    symmetric: bool = False

    @property
    def name(self) -> str:
        """The method, as reports say it."""
        return "MUMPS (symmetric)" if self.symmetric else "MUMPS"

    def factorise(self, matrix: sparray) -> Factorisation:
        """Factorise a matrix.

        Parameters
        ----------
        matrix : (N, N) sparse array

        Returns
        -------
        Factorisation

        Raises
        ------
        SolveError
            It is singular.
        MissingExtraError
            python-mumps is not installed.
        """
        mumps = require_extra("mumps", "mumps", "the solver Mumps")
        A = csr_array(matrix)
        context = mumps.Context()
        context.set_matrix(A, symmetric=self.symmetric)
        try:
            context.factor()
        except mumps.MUMPSError as exc:
            raise _singular(A, exc) from exc

        def apply(b: np.ndarray, transposed: bool) -> np.ndarray:
            context.mumps_instance.icntl[9] = 0 if transposed else 1
            return np.asarray(context.solve(b))

        return _Factors(A, apply)


@door_of
@dataclass(frozen=True)
class AMG:
    """Conjugate gradients, preconditioned by pyamg's classical multigrid: real symmetric positive
    definite matrices only.

    No factors, so little memory.  On triangles of order 2 multigrid works on the vertices alone,
    between two sweeps over all unknowns: half the work of a hierarchy of the whole matrix, and as
    many steps.

    Parameters
    ----------
    tolerance : float
        Residual over the right-hand side, in the two-norm.
    most : int
        Steps at most.

    Raises
    ------
    InputError
        A tolerance that is not above 0 and at most 1; fewer steps than one.
    """

    tolerance: float = 1e-12
    most: int = 300

    def __post_init__(self) -> None:
        object.__setattr__(self, "tolerance", fraction(self.tolerance, "tolerance"))  # frozen
        object.__setattr__(self, "most", whole(self.most, 1, "most"))

    @property
    def name(self) -> str:
        """The method, as reports say it."""
        return "AMG-CG"

    def factorise(self, matrix: sparray, vertices: csr_array | None = None) -> Factorisation:
        """Build the hierarchy.

        Parameters
        ----------
        matrix : (N, N) sparse array
        vertices : (N, m) sparse array, optional
            The functions of first order in terms of the unknowns, where there are such.

        Returns
        -------
        Factorisation

        Raises
        ------
        SolveError
            A matrix that is complex, not symmetric, or without a positive diagonal.
        MissingExtraError
            pyamg is not installed.
        """
        pyamg = require_extra("pyamg", "solvers", "the solver AMG")
        A = csr_array(matrix)
        if np.iscomplexobj(A) or not _symmetric(A) or A.diagonal().min() <= 0.0:
            raise SolveError(
                "AMG takes real symmetric positive definite matrices, and this one of "
                f"{A.shape[0]} unknowns is "
                "not; use SuperLU, Pardiso or Mumps"
            )
        # measured on uniform and graded meshes: a third of the steps of smoothed aggregation, and
        # no failures at theta = 0.5
        strength = ("classical", {"theta": 0.5})
        if vertices is None:
            cycle = pyamg.ruge_stuben_solver(_short(A), strength=strength).aspreconditioner()
        else:
            cycle = _by_vertices(A, vertices, strength)

        def one(b: np.ndarray) -> np.ndarray:
            return np.asarray(cg(A, b, rtol=self.tolerance, maxiter=self.most, M=cycle)[0])

        def apply(b: np.ndarray, transposed: bool) -> np.ndarray:
            return one(b) if b.ndim == 1 else np.column_stack([one(column) for column in b.T])

        return _Factors(A, apply, refine_above=ACCEPTED_RESIDUAL)


def factorised(
    solver: Solver, matrix: sparray, vertices: Callable[[], csr_array | None]
) -> Factorisation:
    """The matrix factorised, with the functions of first order for the solver that uses them."""
    if isinstance(solver, AMG):
        return solver.factorise(matrix, vertices())
    return solver.factorise(matrix)


def _symmetric(A: csr_array) -> bool:
    """Whether A is its own transpose, from one product instead of a copy."""
    x = np.cos(np.arange(A.shape[0]))
    forth, back = A @ x, A.T @ x
    return bool(np.abs(forth - back).max() <= 1e-12 * _row_sum(A))


def _short(A: Any) -> csr_matrix:
    """With 32-bit indices: older scipy makes 64-bit ones of a sum, which pyamg does not take."""
    A = csr_matrix(A)
    A.sort_indices()
    indices, starts = (np.asarray(i, dtype=np.int32) for i in (A.indices, A.indptr))
    return csr_matrix((A.data, indices, starts), shape=A.shape)


def _single(A: Any) -> csr_matrix:
    """In single precision, on the indices of A itself where those are short."""
    short = _short(A)
    data = short.data.astype(np.float32)
    return csr_matrix((data, short.indices, short.indptr), shape=short.shape)


def _by_vertices(A: csr_array, vertices: csr_array, strength: Any) -> LinearOperator:
    """Sweeps of Gauss and Seidel over all unknowns about a cycle on the vertices, symmetric.

    In single precision: it guides the steps, whose residuals are in double, and is bound by memory.
    """
    pyamg = require_extra("pyamg", "solvers", "the solver AMG")
    sweep = require_extra("pyamg.relaxation.relaxation", "solvers", "the solver AMG").gauss_seidel
    matrix, up = _single(A), _single(vertices)
    down = csr_array(up.T)
    hierarchy = pyamg.ruge_stuben_solver(_short(down @ matrix @ up), strength=strength)
    cycle = hierarchy.aspreconditioner()

    def apply(b: np.ndarray) -> np.ndarray:
        right = np.ravel(b).astype(np.float32)
        x = np.zeros_like(right)
        sweep(matrix, x, right, sweep="forward")
        inner = cycle @ (down @ (right - matrix @ x))
        x += up @ inner.astype(np.float32)
        sweep(matrix, x, right, sweep="backward")
        return x.astype(float)

    return LinearOperator(A.shape, apply, dtype=float)


def _superlu(A: Any, lu: Any) -> _Factors:
    return _Factors(A, lambda b, transposed: lu.solve(b, "T" if transposed else "N"))


def _singular(A: Any, exc: Exception) -> SolveError:
    return SolveError(
        f"the linear system of {A.shape[0]} unknowns is singular ({exc}); every part of the device "
        "needs a contact, and the torque must be stable"
    )


@dataclass(frozen=True, eq=False)
class _Factors:
    A: Any
    apply: Callable[[np.ndarray, bool], np.ndarray]
    refine_above: float = REFINE_ABOVE

    @functools.cached_property
    def norm(self) -> float:
        """Largest row sum of |A|."""
        return _row_sum(self.A)

    @functools.cached_property
    def norm_transposed(self) -> float:
        return _row_sum(csr_array(self.A.T))

    def trial(self) -> float:
        """Backward error of one solution, not refined."""
        b = np.cos(np.arange(self.A.shape[0]))
        x = self.apply(b, False)
        return _errors(self.norm, x, b, b - self.A @ x)[0]

    def solve(self, b: np.ndarray, transposed: bool = False) -> tuple[np.ndarray, float]:
        if np.iscomplexobj(b) and not np.iscomplexobj(self.A):
            (x, first), (y, second) = (
                self.solve(np.ascontiguousarray(part), transposed) for part in (b.real, b.imag)
            )
            return x + 1j * y, max(first, second)
        A, norm = (self.A.T, self.norm_transposed) if transposed else (self.A, self.norm)
        x = self.apply(b, transposed)
        left = b - A @ x
        errors = _errors(norm, x, b, left)
        if errors[0] > self.refine_above and np.isfinite(errors[0]):
            x = x + self.apply(left, transposed)
            errors = _errors(norm, x, b, b - A @ x)
        return x, accepted_error(*errors)


def _row_sum(A: Any) -> float:
    """Largest row sum of |A|, of a csr array, without a copy of its structure."""
    filled = np.flatnonzero(np.diff(A.indptr))
    return float(np.add.reduceat(np.abs(A.data), A.indptr[filled]).max()) if filled.size else 0.0


def _errors(norm: float, x: np.ndarray, b: np.ndarray, left: np.ndarray) -> tuple[float, float]:
    """Largest |b - A x| / (|A| |x| + |b|) and |b - A x| / |b| over the columns, maximum norms."""
    if b.shape[0] == 0:
        return 0.0, 0.0
    largest, residual = _largest(b), _largest(left)
    size = norm * _largest(x) + largest
    backward = float(np.max(np.divide(residual, size, out=np.zeros_like(residual), where=size > 0)))
    share = float(
        np.max(np.divide(residual, largest, out=np.zeros_like(residual), where=largest > 0))
    )
    return (
        (backward, share)
        if np.isfinite(backward) and np.all(np.isfinite(x))
        else (float("inf"), float("inf"))
    )


def _largest(x: np.ndarray) -> np.ndarray:
    """Largest |x| of each column; a loop, because numpy reduces narrow arrays slowly."""
    return np.array([np.abs(column).max() for column in np.atleast_2d(x.T)])


def unbalanced(A: Any, x: np.ndarray, b: np.ndarray) -> float:
    """Largest |b - A x| over the largest |b|: what of a flux the solution does not balance.

    Unlike the backward error it does not hide behind a large |A| |x|: the potential of a region
    that conducts far better than the others is known to round-off, its current is not.
    """
    largest = float(np.abs(b).max(initial=0.0))
    return float(np.abs(b - A @ x).max()) / largest if largest > 0.0 else 0.0


def warn_unbalanced(share: float, what: str) -> None:
    """ConvergenceWarning beyond BALANCED: the digits of delta_R go with those of the fluxes."""
    if share > BALANCED:
        warn(
            ConvergenceWarning(
                f"the {what} equation is left unbalanced by {share:.1e} of its sources (fine below "
                f"{BALANCED:g}): delta_R is no better; sigma or D differ too much between regions, "
                "or the mesh is graded too far: leave out a region that hardly conducts, or make "
                "one that conducts far better a contact",
                key="mesh",
            )
        )


def warn_inexact(error: float) -> None:
    """ConvergenceWarning beyond BALANCED: what is read of the moments is known no better."""
    if error > BALANCED:
        warn(
            ConvergenceWarning(
                f"round-off moves what is read of the moments by {error:.1e} (fine below "
                f"{BALANCED:g}), and delta_R is no better: D, sigma, 1/tau or X differ by too many "
                "decades between regions, or the mesh is graded too far: leave out a region that "
                "hardly counts, or take larger smallest cells",
                key="mesh",
            )
        )


def accepted_error(backward: float, share: float) -> float:
    """The backward error, if it is small.

    The share of b that is left would count round-off as failure on graded meshes, where |A| |x| is
    far larger than |b|; but a matrix that is singular to round-off leaves much of b however small
    the backward error of its enormous solution is.
    """
    if not backward < ACCEPTED_RESIDUAL:
        raise SolveError(
            f"the linear solver left a backward error of {backward:.1e} (accepted: "
            f"{ACCEPTED_RESIDUAL:g}); "
            "the system is singular or close to an instability",
            value=backward,
        )
    if not share < ACCEPTED_SHARE:
        raise SolveError(
            f"the linear solver left {share:.1g} of the right-hand side (accepted: "
            f"{ACCEPTED_SHARE:g}): the system "
            "is singular to round-off; every part of the device needs a contact, and the torque "
            "must be stable",
            value=share,
        )
    return backward
