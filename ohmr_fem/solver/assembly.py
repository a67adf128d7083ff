"""The weak terms on cells as matrices, by one product of small matrices for each cell.

The terms are those of :mod:`ohmr_fem.solver.forms`, int a sum_d L_d(u) R_d(v); scikit-fem adds them
up for one pair of functions after the other, which takes four times as long, and copies the entries
three times.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import coo_array, csr_array

#: Cells whose functions are held at a time.
AT_ONCE = 20_000


def _value(
    function: Any,
    part: slice,
) -> list[np.ndarray]:
    shape = function.grad.shape[1:]
    return [np.broadcast_to(np.asarray(function), shape)[part]]


def _gradient(
    function: Any,
    part: slice,
) -> list[np.ndarray]:
    return list(function.grad[:, part])


def _turned(
    function: Any,
    part: slice,
) -> list[np.ndarray]:
    """(-u_2, u_1), whose product with grad v is u_1 v_2 - u_2 v_1."""
    first, second = function.grad[:, part]
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
    of_u, of_v = FACTORS[name]
    # 32-bit indices: half the memory, and what the solvers take
    dofs = np.ascontiguousarray(basis.element_dofs.T, dtype=np.int32)
    cells, functions = dofs.shape
    entries = np.empty((cells, functions, functions))
    for start in range(0, cells, AT_ONCE):
        part = slice(start, start + AT_ONCE)
        measure = weight[part] * basis.dx[part]
        left = _stacked(basis, of_v, part)
        right = left if of_u is of_v else _stacked(basis, of_u, part)
        parts = left.shape[2] // measure.shape[1]
        weighted = right * np.tile(measure, parts)[:, None]
        turned = weighted.swapaxes(1, 2)
        np.matmul(left, turned, out=entries[part])
    if of_u is of_v:  # to the last bit, which the products are not
        entries = 0.5 * (entries + entries.swapaxes(1, 2))
    rows = np.repeat(dofs, functions, axis=1).ravel()
    columns = np.tile(dofs, functions).ravel()
    places = rows, columns
    added = coo_array(
        (entries.ravel(), places),
        shape=(basis.N, basis.N),
    )
    out = csr_array(added)
    out.eliminate_zeros()  # as scikit-fem's own
    return out


def _stacked(
    basis: Any,
    take: Callable[..., Any],
    part: slice,
) -> np.ndarray:
    """What is taken of every function, (cells, functions, components x points)."""
    each = [np.concatenate(take(function[0], part), axis=1) for function in basis.basis]
    return np.stack(each, axis=1)
