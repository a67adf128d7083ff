"""The weak terms, two lines each.  ``w.a`` is the coefficient at the quadrature points.

Weak form of Eqs. (1), (2), (S1)-(S4) with k(u, v) = int grad u . grad v, m(u, v) = int u v and
c(u, v) = int (u_1 v_2 - u_2 v_1), where 1, 2 are the mesh axes:

    sigma k(V, psi) + alpha' D c(n^c, psi)                                    = I_in(psi)
    D k(n^a, w) + m(n^a, w)/tau + m(T_ad n^d, w) + G oint n^a w + alpha sigma c(V, w) = - oint q^a w

No mesh, no units and no constraint lives here.
"""

from __future__ import annotations

from typing import Any

from skfem import BilinearForm, Functional, LinearForm
from skfem.helpers import dot, grad


@BilinearForm
def stiffness(
    u: Any,
    v: Any,
    w: Any,
) -> Any:
    """int a grad u . grad v: Ohm's law and diffusion."""
    return w.a * dot(grad(u), grad(v))


@BilinearForm
def mass(
    u: Any,
    v: Any,
    w: Any,
) -> Any:
    """int a u v: relaxation and torque; on a boundary, absorption."""
    return w.a * u * v


@BilinearForm
def curl(
    u: Any,
    v: Any,
    w: Any,
) -> Any:
    """int a (u_1 v_2 - u_2 v_1): the orbital Hall effect and its inverse, both with a plus sign."""
    return w.a * (u.grad[0] * v.grad[1] - u.grad[1] * v.grad[0])


@BilinearForm
def carried(
    u: Any,
    v: Any,
    w: Any,
) -> Any:
    """int u p . grad v: moments carried along p (drift)."""
    return u * (w.p0 * v.grad[0] + w.p1 * v.grad[1])


@BilinearForm
def along_edge(
    u: Any,
    v: Any,
    w: Any,
) -> Any:
    """oint a (t . grad u) v with t = nu x z, the clockwise tangent: what the current along an edge
    supplies.
    """
    return w.a * (u.grad[0] * w.n[1] - u.grad[1] * w.n[0]) * v


@LinearForm
def load(
    v: Any,
    w: Any,
) -> Any:
    """int a v: current through a contact, injected moment."""
    return w.a * v


@LinearForm
def slope(
    v: Any,
    w: Any,
) -> Any:
    """int a . grad v: the orbital Hall current that a uniform field along the normal of a
    cross-section drives.
    """
    return sum(w[f"a{i}"] * v.grad[i] for i in range(v.grad.shape[0]))


@Functional
def integral(w: Any) -> Any:
    """int a."""
    return w.a
