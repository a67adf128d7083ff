"""Closed forms against printed numbers and against routes that share no code with them.

The independent route is Chebyshev collocation of the differential equations with the full torque matrix
(or direct quadrature, or mpmath), never the law of three scalars itself.
"""

import mpmath
import numpy as np
import pytest
from scipy.integrate import quad

from ohmr_fem import analytic
from ohmr_fem.errors import InputError, SolveError

RNG = np.random.default_rng(20240607)


def random_tensor(definite=True):
    a = RNG.normal(size=(3, 3))
    return a @ a.T + 0.1 * np.eye(3) if definite else a + a.T


def torque(B, X, rate=1.0):
    bx, by, bz = B
    return rate * np.array([[0, -bz, by], [bz, 0, -bx], [-by, bx, 0]]) @ X


def chebyshev(count):
    """Nodes on [-1, 1] from +1 to -1, and the differentiation matrix (Trefethen)."""
    j = np.arange(count + 1)
    x = np.cos(np.pi * j / count)
    c = np.where((j == 0) | (j == count), 2.0, 1.0) * (-1.0) ** j
    gap = x[:, None] - x[None, :] + np.eye(count + 1)
    d = np.outer(c, 1 / c) / gap
    return x, d - np.diag(d.sum(axis=1))


def collocate(K, width, G1, G2, source, extra=None, count=48):
    """n(y), shape (3, count+1), of n'' + extra n' = K n; n' + G2 n = source[0] at the top, n' - G1 n = source[1] below."""
    x, d = chebyshev(count)
    d = 2 / width * d
    size = count + 1
    first = np.zeros((size, size)) if extra is None else extra[:, None] * d
    system = np.kron(np.eye(3), d @ d + first) - np.kron(K, np.eye(size))
    right = np.zeros(3 * size)
    for a in range(3):
        for node, sign, G, value in ((0, 1, G2, source[0]), (count, -1, G1, source[1])):
            row = np.zeros(3 * size)
            row[a * size:(a + 1) * size] = d[node]
            for b in range(3):
                row[b * size + node] += sign * G[a, b]
            system[a * size + node], right[a * size + node] = row, value[a]
    return width / 2 * x, np.linalg.solve(system, right).reshape(3, size)


Z = np.array([0.0, 0.0, 1.0])


# printed numbers

def test_strip_printed_numbers():
    assert analytic.rho_star(2, 1, 3) == pytest.approx(0.339472110403, abs=5e-13)
    assert analytic.rho_star(5, 1, 10) == pytest.approx(0.657494306039, abs=5e-13)
    scalars = analytic.three_scalars([1, 1, 1], [1, 1, 0.25])
    f = analytic.three_scalar_response(lambda s: analytic.strip_response(s, 3.0), scalars)
    assert f == pytest.approx(0.5671130198, abs=5e-11)
    assert analytic.strip_robin(1 + 2j, 3.0, 0.5).real == pytest.approx(0.3245734500, abs=5e-11)


def test_nonlocal_printed_numbers():
    rest = analytic.scalars_of_precession(0.0)
    field = analytic.scalars_of_precession(3.0, 1.0)
    kwargs = {"current_width": 0.2}
    np.testing.assert_allclose(analytic.nonlocal_strip([1.0, 2.0], 1.0, rest, 0.09, **kwargs),
                               [0.0781666145, 0.0095284837], atol=5e-11, rtol=0)
    np.testing.assert_allclose(analytic.nonlocal_strip([1.0, 2.0], 1.0, field, 0.09, **kwargs),
                               [0.0809346802, 0.0059219055], atol=5e-11, rtol=0)
    second = analytic.nonlocal_strip(2.0, 1.0, rest, 1.0, orders="second")
    assert second == pytest.approx(0.0771501357, abs=5e-11)


# strip

@pytest.mark.parametrize("definite", [True, False])
def test_three_scalars_equal_the_matrix_equation(definite):
    for _ in range(6):
        X, B = random_tensor(definite), RNG.normal(size=3)
        rate, width = 0.3 / np.linalg.norm(X), RNG.uniform(0.5, 6)
        y, n = collocate(np.eye(3) + torque(B, X, rate), width, np.zeros((3, 3)), np.zeros((3, 3)), (Z, Z))
        for detection, row in (("printed", Z), ("reciprocal", X[2] / X[2, 2])):
            scalars = analytic.three_scalars(B, X, rate, "z", detection)
            f = analytic.three_scalar_response(lambda s, width=width: analytic.strip_response(s, width), scalars)
            assert f == pytest.approx(row @ (n[:, 0] - n[:, -1]) / width, rel=1e-11, abs=1e-11)
        np.testing.assert_allclose(analytic.strip_full_profile(y, torque(B, X, rate), width), n, atol=1e-11)


def test_strip_full_with_matrix_absorption():
    X, B = random_tensor(), RNG.normal(size=3)
    G = random_tensor()
    for width in (0.05, 1.0, 5.0):
        y, n = collocate(np.eye(3) + torque(B, X), width, G, G, (Z, Z))
        assert analytic.strip_full(torque(B, X), width, G) == pytest.approx((n[2, 0] - n[2, -1]) / width, rel=1e-11)
        np.testing.assert_allclose(analytic.strip_full_profile(y, torque(B, X), width, G), n, atol=1e-11)
    stacked = analytic.strip_full(np.array([torque(B, X), torque(-B, X)]), 2.0, G)
    assert stacked.shape == (2,) and stacked[1] == analytic.strip_full(torque(-B, X), 2.0, G)


def test_strip_robin_unequal_edges():
    s, width = 1 + 2j, 3.0
    for G1, G2 in ((0.0, 0.7), (0.3, 2.0), (1.0, np.inf)):
        X = np.eye(3)  # B along x: n^y, n^z only, omega tau = 2
        if np.isfinite(G2):
            _, n = collocate(np.eye(3) + torque([2, 0, 0], X), width, G1 * X, G2 * X, (Z, Z))
            assert analytic.strip_robin(s, width, G1, G2).real == pytest.approx((n[2, 0] - n[2, -1]) / width, rel=1e-12)
        full = analytic.layered_strip([analytic.Layer(width, torque=torque([2, 0, 0], X))], G1, G2).relative
        assert analytic.strip_robin(s, width, G1, G2).real == pytest.approx(full, rel=1e-12)
    assert analytic.strip_robin(1.0, width, np.inf) == 0.0


def test_omega_zero_with_torque_and_its_neighbourhood():
    """X indefinite, B on the cone B.adj(X).B = 0: T is defective, f follows F' and F''."""
    X = np.array([[1.0, 0.2, 0.3], [0.2, 0.5, 0.1], [0.3, 0.1, -0.4]])
    adjugate = np.linalg.inv(X) * np.linalg.det(X)
    a, b, c = adjugate[2, 2], 2 * adjugate[0, 2], adjugate[0, 0]
    cone = np.array([1.0, 0.0, (-b + np.sqrt(b * b - 4 * a * c)) / (2 * a)])
    for shift in (0.0, 1e-9, 1e-5, 1e-2, 0.1):
        for sign in (1, -1):
            B = cone + np.array([0, 0, sign * shift])
            scalars = analytic.three_scalars(B, X)
            if shift == 0.0:
                assert abs(scalars.omega_squared) < 1e-15 and abs(scalars.first) > 0.05
            _, n = collocate(np.eye(3) + torque(B, X), 3.0, np.zeros((3, 3)), np.zeros((3, 3)), (Z, Z))
            f = analytic.three_scalar_response(lambda s: analytic.strip_response(s, 3.0), scalars)
            assert f == pytest.approx((n[2, 0] - n[2, -1]) / 3.0, rel=1e-12)
            assert analytic.strip_full(torque(B, X), 3.0) == pytest.approx(f, rel=1e-12)


def test_negative_theta_and_its_limit():
    f = analytic.rho(0.9, -1.0, 3.0)
    _, n = collocate(np.eye(3) + torque([0.9, 0, 0], np.diag([1, 1, -1.0])), 3.0, *2 * [np.zeros((3, 3))], (Z, Z))
    assert f == pytest.approx(-(n[2, 0] - n[2, -1]) / 3.0, rel=1e-11)
    assert analytic.rho_star(0.9, -1.0, 3.0) < 0
    with pytest.raises(SolveError, match=r"1\.2") as caught:
        analytic.rho_star(1.2, -1.0, 3.0)
    assert caught.value.value == pytest.approx(1.2)
    with pytest.raises(SolveError):
        analytic.strip_full(torque([1.2, 0, 0], np.diag([1, 1, -1.0])), 3.0)


def test_reciprocal_detection_is_even_printed_is_not():
    X, B = random_tensor(), RNG.normal(size=(4, 3))

    def f(field, detection):
        scalars = analytic.three_scalars(field, X, 1.0, "z", detection)
        return analytic.three_scalar_response(lambda s: analytic.strip_response(s, 2.0), scalars)

    np.testing.assert_allclose(f(B, "reciprocal"), f(-B, "reciprocal"), rtol=1e-14)
    assert np.all(np.abs(f(B, "printed") - f(-B, "printed")) > 1e-3)


def test_properties_p_and_a_prime():
    X, B = random_tensor(), RNG.normal(size=3)
    scalars = analytic.three_scalars(B, X, 0.7)
    adjugate = np.linalg.inv(X) * np.linalg.det(X)
    omega = 0.7 * np.sqrt(B @ adjugate @ B)
    assert scalars.p == pytest.approx((adjugate @ B)[2] * B[2] / (B @ adjugate @ B), rel=1e-12)
    assert scalars.a_prime == pytest.approx(torque(B, X, 0.7)[2, 2] / omega, rel=1e-12)
    reciprocal = analytic.three_scalars(B, X, 0.7, detection="reciprocal")
    assert reciprocal.p == pytest.approx(np.linalg.det(X) * B[2] ** 2 / (X[2, 2] * (B @ adjugate @ B)), rel=1e-12)
    assert reciprocal.a_prime == pytest.approx(0.0, abs=1e-15)


def test_strip_profile_and_huge_arguments():
    mpmath.mp.dps = 30
    sinh, cosh = mpmath.sinh, mpmath.cosh
    for width, phi in ((3.0, 2.0), (1e-3, 0.5), (1e4, 1e4), (40.0, 1e4)):
        q = mpmath.sqrt(1 + 1j * phi)
        assert complex(mpmath.tanh(q * width / 2) / (q * width / 2)) == pytest.approx(
            complex(analytic.strip_response(1 + 1j * phi, width)), rel=1e-13)
        for part in (1.0, 0.999, 0.3, -0.9, 0.0):
            half = mpmath.mpf(width) / 2
            exact = complex(sinh(q * part * half) / (q * cosh(q * half)))
            assert complex(analytic.strip_profile(part * width / 2, width, 1 + 1j * phi)) == pytest.approx(
                exact, rel=1e-11, abs=1e-300)
    assert np.isfinite(analytic.rho_star(1e4, 1.0, 1e4)) and analytic.rho_star(1e4, 1.0, 1e4) < 1
    f = analytic.strip_full(torque([1e4, 0, 0], np.eye(3)), 1e4)
    assert f == pytest.approx(analytic.strip_response(1 + 1e4j, 1e4).real, rel=1e-12)


def test_rho_star_keeps_digits_at_weak_field_and_vanishes_at_theta_zero():
    mpmath.mp.dps = 40
    for phi in (1e-6, 1e-3, 0.0999, 0.1001, 0.5):
        z = mpmath.sqrt(1 + 1j * mpmath.mpf(phi)) * 2
        exact = 1 - mpmath.re(mpmath.tanh(z) / z) / (mpmath.tanh(2) / 2)
        assert float(analytic.rho_star(phi, 1.0, 4.0)) == pytest.approx(float(exact), rel=1e-12)
    np.testing.assert_array_equal(analytic.rho_star([0.0, 3.0], 0.0, 3.0), 0.0)


# nonlocal

def direct_nonlocal(x, w, K_of_k, product, spread):
    """R(x) by quadrature on the real axis of R(k) from collocation across the strip, Gaussian contacts."""

    def of_k(k):
        _, n = collocate(K_of_k + k * k * np.eye(3), w, *2 * [np.zeros((3, 3))], (Z, -Z), count=32)
        g = n[2, 0]  # even profile: edge value for unit normal derivative
        tangent = np.tanh(k * w / 2)
        return 2 / k * tangent / (1 + product * k * tangent * g) * np.exp(-k * k * spread)

    top = np.sqrt(36 / spread)
    return [quad(lambda k, a=a: of_k(k) * np.cos(k * a), 1e-12, top, epsabs=1e-11, limit=400)[0] / np.pi for a in x]


def test_nonlocal_with_general_tensor_against_collocation():
    X, B = np.array([[1.0, 0.1, 0.3], [0.1, 0.8, -0.2], [0.3, -0.2, 0.6]]), np.array([1.5, 0.7, 0.9])
    scalars = analytic.three_scalars(B, X)
    assert abs(scalars.a_prime) > 0.1 and 0.05 < scalars.p < 0.95
    x = [0.0, 0.6, 1.7]
    mine = analytic.nonlocal_strip(x, 0.8, scalars, 0.2, current_width=0.4, probe_width=0.3)
    theirs = direct_nonlocal(x, 0.8, np.eye(3) + torque(B, X), 0.2, (0.4**2 + 0.3**2) / 2)
    np.testing.assert_allclose(mine, theirs, atol=1e-10, rtol=0)


@pytest.mark.parametrize("phi", [0.0, 3.0, 40.0])
def test_nonlocal_second_order_by_residues(phi):
    """Poles of tanh^2 (double) and coth (simple) in the upper half plane; no quadrature."""
    mpmath.mp.dps = 30
    w, s = mpmath.mpf(1), mpmath.mpc(1, phi)

    def g(k):
        total = 0
        for value in (s, mpmath.conj(s)):
            q = mpmath.sqrt(k * k + value)
            total += mpmath.coth(q * w / 2) / (2 * q)
        return total

    for x in (0.7, 2.0):
        def rest(k, x=x):
            return g(k) * mpmath.exp(1j * k * x)

        total = mpmath.mpc(0)
        for m in range(14):
            pole = 1j * mpmath.pi * (2 * m + 1) / w  # tanh^2(k w/2) = (4/w^2)/(k - pole)^2 + regular even part
            total += (2 / w) ** 2 * mpmath.diff(rest, pole)
            for value in (s, mpmath.conj(s)):  # coth(q w/2)/q = sum_m (2/w)(2 - [m=0])/(q^2 + (2 pi m/w)^2)
                pole = 1j * mpmath.sqrt(value + (2 * mpmath.pi * m / w) ** 2)
                weight = (2 / w) * (1 if m == 0 else 2) / (2 * pole) / 2
                total += weight * mpmath.tanh(pole * w / 2) ** 2 * mpmath.exp(1j * pole * x)
        exact = float(mpmath.re(-(2 / mpmath.pi) * mpmath.pi * 1j * total))
        mine = analytic.nonlocal_strip(x, 1.0, analytic.scalars_of_precession(phi), 1.0, orders="second")
        assert float(mine) == pytest.approx(exact, abs=1e-13)


def test_nonlocal_ohmic_and_narrow_limits():
    rest = analytic.scalars_of_precession(0.0)
    x = np.array([1e-3, 0.3, 1.0, 4.0])
    np.testing.assert_allclose(analytic.nonlocal_strip(x, 1.5, rest, 0.3, orders="ohmic"),
                               [float(2 / mpmath.pi * mpmath.log(mpmath.coth(mpmath.pi * a / 3))) for a in x],
                               rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(analytic.nonlocal_ohmic(x, 1.5), analytic.nonlocal_strip(x, 1.5, rest, 0.0), atol=1e-13)
    narrow, far = 1e-3, np.array([1.0, 2.0])
    signs = []
    for phi in (0.0, 8.0):
        scalars = analytic.scalars_of_precession(phi)
        exact = analytic.nonlocal_strip(far, narrow, scalars, 1.0, orders="second")
        limit = analytic.nonlocal_narrow(far, narrow, scalars, 1.0)
        np.testing.assert_allclose(exact, limit, atol=1e-5 * narrow)
        signs.append(np.sign(limit[1]))
    assert signs == [1.0, -1.0]


def test_nonlocal_orders_are_consistent():
    field = analytic.scalars_of_precession(2.0)
    x = np.array([0.5, 2.0])

    def of(product, orders):
        return analytic.nonlocal_strip(x, 1.0, field, product, orders=orders)

    np.testing.assert_allclose(of(0.3, "all") - of(0.3, "ohmic"), of(0.3, "change"), atol=1e-14)
    slope = (of(1e-4, "change") - of(-1e-4, "change")) / 2
    np.testing.assert_allclose(slope, of(1e-4, "second"), rtol=1e-6)
    with pytest.raises(InputError, match="diverges"):
        analytic.nonlocal_strip(0.0, 1.0, field, 0.1)
    with pytest.raises(InputError, match="did you mean 'second'"):
        analytic.nonlocal_strip(1.0, 1.0, field, 0.1, orders="secnd")
