"""The weak terms on cells as matrices, by one product of small matrices for each cell.

The terms are those of :mod:`ohmr_fem.solver.forms`, int a sum_d L_d(u) R_d(v); scikit-fem adds them
up for one pair of functions after the other, which takes four times as long, holds every function
at every point and copies the entries three times. Here both are held for a share of the cells.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import coo_array, csr_array

#: Cells whose functions are held at a time.
AT_ONCE = 20_000
#: Parts in which a large matrix is added up: each passes over all that is there already.
SHARES = 8


def _value(function: Any) -> list[np.ndarray]:
    return [np.asarray(function)]


def _gradient(function: Any) -> list[np.ndarray]:
    return list(function.grad)


def _turned(function: Any) -> list[np.ndarray]:
    """(-u_2, u_1), whose product with grad v is u_1 v_2 - u_2 v_1."""
    first, second = function.grad
    return [-second, first]


#: By the name of the form: what is taken of u and of v.
FACTORS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "mass": (_value, _value),
    "stiffness": (_gradient, _gradient),
    "curl": (_turned, _gradient),
}


def assemble(
    basis: Any,
    name: str,
    weight: np.ndarray,
) -> csr_array:
    """The form of that name on the cells of a basis, (N, N), its coefficient (cells, points)."""
    cells = basis.nelems
    share = max(AT_ONCE, -(-cells // SHARES))
    out = csr_array((basis.N, basis.N))
    for start in range(0, cells, share):
        part = range(start, min(start + share, cells))
        out = out + _of_cells(basis, name, weight, part)
    out.eliminate_zeros()  # as scikit-fem's own
    return out


def _of_cells(
    basis: Any,
    name: str,
    weight: np.ndarray,
    cells: range,
) -> csr_array:
    """What some cells add to the matrix."""
    parts = (cells[i : i + AT_ONCE] for i in range(0, len(cells), AT_ONCE))
    entries = np.concatenate([_entries(basis, name, weight, part) for part in parts])
    # 32-bit indices: half the memory, and what the solvers take
    chosen = basis.element_dofs[:, cells.start : cells.stop].T
    dofs = np.ascontiguousarray(chosen, dtype=np.int32)
    functions = dofs.shape[1]
    rows = np.repeat(dofs, functions, axis=1).ravel()
    columns = np.tile(dofs, functions).ravel()
    places = rows, columns
    added = coo_array(
        (entries.ravel(), places),
        shape=(basis.N, basis.N),
    )
    return csr_array(added)


def _entries(
    basis: Any,
    name: str,
    weight: np.ndarray,
    cells: range,
) -> np.ndarray:
    """The small matrices of some cells, (cells, functions, functions)."""
    of_u, of_v = FACTORS[name]
    functions = basis.functions_on(cells)
    measure = weight[cells.start : cells.stop] * basis.measure_on(cells)
    left = _stacked(functions, of_v)
    right = left if of_u is of_v else _stacked(functions, of_u)
    parts = left.shape[2] // measure.shape[1]
    weighted = right * np.tile(measure, parts)[:, None]
    entries = left @ weighted.swapaxes(1, 2)
    if of_u is not of_v:
        return entries
    # symmetric to the last bit, which the products are not
    return 0.5 * (entries + entries.swapaxes(1, 2))


def _stacked(
    functions: list[Any],
    take: Callable[..., Any],
) -> np.ndarray:
    """What is taken of every function, (cells, functions, components x points)."""
    each = [np.concatenate(take(function), axis=1) for function in functions]
    return np.stack(each, axis=1)
