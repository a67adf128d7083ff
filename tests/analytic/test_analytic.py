"""Closed forms against printed numbers and against routes that share no code with them.

The independent route is Chebyshev collocation of the differential equations with the full torque
matrix (or direct quadrature, or mpmath), never the law of three scalars itself.
"""

import mpmath
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.linalg import expm, lu_factor, lu_solve

from ohmr_fem import analytic
from ohmr_fem.errors import InputError, SolveError

RNG = np.random.default_rng(20240607)


@pytest.fixture(autouse=True)
def same_numbers_in_any_order():
    RNG.bit_generator.state = np.random.default_rng(20240607).bit_generator.state


def random_tensor(definite=True):
    a = RNG.normal(size=(3, 3))
    return a @ a.T + 0.1 * np.eye(3) if definite else a + a.T


def torque(B, X, rate=1.0):
    bx, by, bz = B
    return rate * np.array([[0, -bz, by], [bz, 0, -bx], [-by, bx, 0]]) @ X


def chebyshev(count):
    """Nodes on [-1, 1] from +1 to -1, and the differentiation matrix (Trefethen), in extended
    precision.
    """
    j = np.arange(count + 1)
    x = np.cos(np.arccos(np.longdouble(-1)) * j / count)
    c = np.where((j == 0) | (j == count), 2.0, 1.0) * (-1.0) ** j
    gap = x[:, None] - x[None, :] + np.eye(count + 1)
    d = np.outer(c, 1 / c) / gap
    return x, d - np.diag(d.sum(axis=1))


def solve(matrix, right):
    """Solution with residuals refined in extended precision: second derivatives cost count^4
    roundings.
    """
    low = complex if np.iscomplexobj(matrix) else float
    factors, x = lu_factor(matrix.astype(low)), 0 * matrix[0]
    for _ in range(4):
        x = x + lu_solve(factors, (right - matrix @ x).astype(low))
    return x.astype(low)


def collocate(K, width, G1, G2, source, extra=None, count=48):
    """n(y), shape (3, count+1), of n'' + extra n' = K n; source[0] = n' + G2 n on top, source[1] =
    n' - G1 n below.
    """
    x, d = chebyshev(count)
    d = 2 / width * d
    size = count + 1
    first = 0 * d if extra is None else extra[:, None] * d
    system = np.kron(np.eye(3), d @ d + first) - np.kron(K, np.eye(size))
    right = np.zeros(3 * size)
    for a in range(3):
        for node, sign, G, value in ((0, 1, G2, source[0]), (count, -1, G1, source[1])):
            rows = slice(a * size, (a + 1) * size)
            system[a * size + node] = 0.0
            system[a * size + node, rows] = d[node]
            system[a * size + node, node::size] += sign * G[a]
            right[a * size + node] = value[a]
    return (width / 2 * x).astype(float), solve(system, right).reshape(3, size)


Z = np.array([0.0, 0.0, 1.0])
GENERAL = np.array([[1.0, 0.1, 0.3], [0.1, 0.8, -0.2], [0.3, -0.2, 0.6]])


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
    np.testing.assert_allclose(
        analytic.nonlocal_strip([1.0, 2.0], 1.0, rest, 0.09, **kwargs),
        [0.0781666145, 0.0095284837],
        atol=5e-11,
        rtol=0,
    )
    np.testing.assert_allclose(
        analytic.nonlocal_strip([1.0, 2.0], 1.0, field, 0.09, **kwargs),
        [0.0809346802, 0.0059219055],
        atol=5e-11,
        rtol=0,
    )
    second = analytic.nonlocal_strip(2.0, 1.0, rest, 1.0, orders="second")
    assert second == pytest.approx(0.0771501357, abs=5e-11)


# strip


@pytest.mark.parametrize("definite", [True, False])
def test_three_scalars_equal_the_matrix_equation(definite):
    for _ in range(6):
        X, B = random_tensor(definite), RNG.normal(size=3)
        rate, width = 0.3 / np.linalg.norm(X), RNG.uniform(0.5, 6)
        y, n = collocate(
            np.eye(3) + torque(B, X, rate), width, np.zeros((3, 3)), np.zeros((3, 3)), (Z, Z)
        )
        for detection, row in (("printed", Z), ("reciprocal", X[2] / X[2, 2])):
            scalars = analytic.three_scalars(B, X, rate, "z", detection)
            f = analytic.three_scalar_response(
                lambda s, width=width: analytic.strip_response(s, width), scalars
            )
            assert f == pytest.approx(row @ (n[:, 0] - n[:, -1]) / width, rel=1e-11, abs=1e-11)
        np.testing.assert_allclose(
            analytic.strip_full_profile(y, torque(B, X, rate), width), n, atol=1e-11
        )


def test_strip_full_with_matrix_absorption():
    X, B = random_tensor(), RNG.normal(size=3)
    G = random_tensor()
    for width in (0.05, 1.0, 5.0):
        y, n = collocate(np.eye(3) + torque(B, X), width, G, G, (Z, Z))
        assert analytic.strip_full(torque(B, X), width, G) == pytest.approx(
            (n[2, 0] - n[2, -1]) / width, rel=1e-11
        )
        np.testing.assert_allclose(
            analytic.strip_full_profile(y, torque(B, X), width, G), n, atol=1e-11
        )
    stacked = analytic.strip_full(np.array([torque(B, X), torque(-B, X)]), 2.0, G)
    assert stacked.shape == (2,) and stacked[1] == analytic.strip_full(torque(-B, X), 2.0, G)


def test_strip_robin_unequal_edges():
    s, width = 1 + 2j, 3.0
    for G1, G2 in ((0.0, 0.7), (0.3, 2.0), (1.0, np.inf)):
        X = np.eye(3)  # B along x: n^y, n^z only, omega tau = 2
        if np.isfinite(G2):
            _, n = collocate(np.eye(3) + torque([2, 0, 0], X), width, G1 * X, G2 * X, (Z, Z))
            assert analytic.strip_robin(s, width, G1, G2).real == pytest.approx(
                (n[2, 0] - n[2, -1]) / width, rel=1e-12
            )
        full = analytic.layered_strip(
            [analytic.Layer(width, torque=torque([2, 0, 0], X))], G1, G2
        ).relative
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
            _, n = collocate(
                np.eye(3) + torque(B, X), 3.0, np.zeros((3, 3)), np.zeros((3, 3)), (Z, Z)
            )
            f = analytic.three_scalar_response(lambda s: analytic.strip_response(s, 3.0), scalars)
            assert f == pytest.approx((n[2, 0] - n[2, -1]) / 3.0, rel=1e-12)
            assert analytic.strip_full(torque(B, X), 3.0) == pytest.approx(f, rel=1e-12)


def test_negative_theta_and_its_limit():
    f = analytic.rho(0.9, -1.0, 3.0)
    _, n = collocate(
        np.eye(3) + torque([0.9, 0, 0], np.diag([1, 1, -1.0])), 3.0, *2 * [np.zeros((3, 3))], (Z, Z)
    )
    assert f == pytest.approx(-(n[2, 0] - n[2, -1]) / 3.0, rel=1e-11)
    assert analytic.rho_star(0.9, -1.0, 3.0) < 0
    with pytest.raises(SolveError, match=r"1\.2") as caught:
        analytic.rho_star(1.2, -1.0, 3.0)
    assert caught.value.value == pytest.approx(1.2)
    with pytest.raises(SolveError):
        analytic.strip_full(torque([1.2, 0, 0], np.diag([1, 1, -1.0])), 3.0)


def test_absorbing_edges_allow_more_growth():
    """Edges with G = 1 raise the limit to 1 + w_min, q tan(q l/2) = G, w_min = q^2."""
    width, x = 3.0, 1.3
    q = float(mpmath.findroot(lambda q: q * mpmath.tan(q * width / 2) - 1, 0.6))
    scalars = analytic.scalars_of_precession(x, -1.0)

    def f(limit):
        return analytic.three_scalar_response(
            lambda s: analytic.strip_robin(s, width, 1.0), scalars, 1.0, limit
        )

    _, n = collocate(
        np.eye(3) + torque([x, 0, 0], np.diag([1, 1, -1.0])), width, np.eye(3), np.eye(3), (Z, Z)
    )
    assert f(1 + q**2) == pytest.approx((n[2, 0] - n[2, -1]) / width, rel=1e-11)
    with pytest.raises(SolveError):
        f(1.0)


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
    assert reciprocal.p == pytest.approx(
        np.linalg.det(X) * B[2] ** 2 / (X[2, 2] * (B @ adjugate @ B)), rel=1e-12
    )
    assert reciprocal.a_prime == pytest.approx(0.0, abs=1e-15)


def test_strip_profile_and_huge_arguments():
    mpmath.mp.dps = 30
    sinh, cosh = mpmath.sinh, mpmath.cosh
    for width, phi in ((3.0, 2.0), (1e-3, 0.5), (1e4, 1e4), (40.0, 1e4)):
        q = mpmath.sqrt(1 + 1j * phi)
        assert complex(mpmath.tanh(q * width / 2) / (q * width / 2)) == pytest.approx(
            complex(analytic.strip_response(1 + 1j * phi, width)), rel=1e-13
        )
        for part in (1.0, 0.999, 0.3, -0.9, 0.0):
            half = mpmath.mpf(width) / 2
            exact = complex(sinh(q * part * half) / (q * cosh(q * half)))
            assert complex(
                analytic.strip_profile(part * width / 2, width, 1 + 1j * phi)
            ) == pytest.approx(exact, rel=1e-11, abs=1e-300)
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
    """R(x) by quadrature on the real axis of R(k) from collocation across the strip, Gaussian
    contacts.
    """

    def of_k(k):
        _, n = collocate(K_of_k + k * k * np.eye(3), w, *2 * [np.zeros((3, 3))], (Z, -Z), count=40)
        g = n[2, 0]  # even profile: edge value for unit normal derivative
        tangent = np.tanh(k * w / 2)
        return 2 / k * tangent / (1 + product * k * tangent * g) * np.exp(-k * k * spread)

    top = np.sqrt(36 / spread)
    return [
        quad(lambda k, a=a: of_k(k) * np.cos(k * a), 1e-12, top, epsabs=1e-11, limit=400)[0] / np.pi
        for a in x
    ]


def test_nonlocal_with_general_tensor_against_collocation():
    X, B = GENERAL, np.array([1.5, 0.7, 0.9])
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
            pole = (
                1j * mpmath.pi * (2 * m + 1) / w
            )  # tanh^2(k w/2) = (4/w^2)/(k - pole)^2 + regular even part
            total += (2 / w) ** 2 * mpmath.diff(rest, pole)
            for value in (
                s,
                mpmath.conj(s),
            ):  # coth(q w/2)/q = sum_m (2/w)(2 - [m=0])/(q^2 + (2 pi m/w)^2)
                pole = 1j * mpmath.sqrt(value + (2 * mpmath.pi * m / w) ** 2)
                weight = (2 / w) * (1 if m == 0 else 2) / (2 * pole) / 2
                total += weight * mpmath.tanh(pole * w / 2) ** 2 * mpmath.exp(1j * pole * x)
        exact = float(mpmath.re(-(2 / mpmath.pi) * mpmath.pi * 1j * total))
        mine = analytic.nonlocal_strip(
            x, 1.0, analytic.scalars_of_precession(phi), 1.0, orders="second"
        )
        assert float(mine) == pytest.approx(exact, abs=1e-13)


def test_nonlocal_ohmic_and_narrow_limits():
    rest = analytic.scalars_of_precession(0.0)
    x = np.array([1e-3, 0.3, 1.0, 4.0])
    np.testing.assert_allclose(
        analytic.nonlocal_strip(x, 1.5, rest, 0.3, orders="ohmic"),
        [float(2 / mpmath.pi * mpmath.log(mpmath.coth(mpmath.pi * a / 3))) for a in x],
        rtol=1e-12,
        atol=1e-14,
    )
    np.testing.assert_allclose(
        analytic.nonlocal_ohmic(x, 1.5), analytic.nonlocal_strip(x, 1.5, rest, 0.0), atol=1e-13
    )
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
    doubled = analytic.nonlocal_strip(x, 1.0, field, 0.3, sigma=2.0)
    np.testing.assert_allclose(doubled, of(0.3, "all") / 2, rtol=1e-14)
    np.testing.assert_allclose(
        analytic.nonlocal_ohmic(x, 1.0, sigma=2.0), of(0.3, "ohmic") / 2, rtol=1e-12
    )
    narrow = [analytic.nonlocal_narrow(x, 0.1, field, 0.3, sigma=sigma) for sigma in (1.0, 2.0)]
    np.testing.assert_allclose(narrow[1], narrow[0] / 2, rtol=1e-14)
    slope = (of(1e-4, "change") - of(-1e-4, "change")) / 2
    np.testing.assert_allclose(slope, of(1e-4, "second"), rtol=1e-6)
    B = [29.4, 2.8, 54.7]
    with pytest.raises(SolveError, match="pole"):
        analytic.nonlocal_strip(1.0, 0.01, analytic.three_scalars(B, GENERAL), -0.9)
    with pytest.raises(InputError, match="diverges"):
        analytic.nonlocal_strip(0.0, 1.0, field, 0.1)
    with pytest.raises(InputError, match="did you mean 'second'"):
        analytic.nonlocal_strip(1.0, 1.0, field, 0.1, orders="secnd")


# annulus, wires, film


def test_annulus_printed_number_and_bessel_form():
    assert float(analytic.annulus_response(1.0, 1.0, 4.0).real) == pytest.approx(
        0.6549319757, abs=5e-11
    )
    mpmath.mp.dps = 40
    for s, r1, r2 in (
        (1 + 3j, 0.02, 2.5),
        (1 + 1e4j, 3.0, 8.0),
        (1.0, 200.0, 900.0),
        (1 + 0.2j, 50.0, 50.01),
    ):
        q = mpmath.sqrt(mpmath.mpc(s))
        x1, x2 = q * mpmath.mpf(r1), q * mpmath.mpf(r2)
        i, k = mpmath.besseli, mpmath.besselk
        delta = k(1, x1) * i(1, x2) - i(1, x1) * k(1, x2)
        f = (
            (i(0, x1) * k(1, x2) + k(0, x1) * i(1, x2)) / x1
            + (i(0, x2) * k(1, x1) + k(0, x2) * i(1, x1)) / x2
            - 2 / (x1 * x2)
        ) / delta
        exact = complex(f / mpmath.log(mpmath.mpf(r2) / mpmath.mpf(r1)))
        assert complex(analytic.annulus_response(s, r1, r2)) == pytest.approx(exact, rel=3e-12)


def test_annulus_with_full_torque_and_absorption():
    X, B, r1, r2 = random_tensor(), RNG.normal(size=3), 1.0, 4.0
    x, _ = chebyshev(48)
    r = (r1 + r2) / 2 + (r2 - r1) / 2 * x
    for G1, G2 in ((0.0, 0.0), (0.4, 1.5)):
        _, n = collocate(
            np.eye(3) + torque(B, X),
            r2 - r1,
            G1 * np.eye(3),
            G2 * np.eye(3),
            (Z / r2, Z / r1),
            1 / r,
        )
        scalars = analytic.three_scalars(B, X)
        f = analytic.three_scalar_response(
            lambda s, G=(G1, G2): analytic.annulus_response(s, r1, r2, *G), scalars
        )
        assert f == pytest.approx((n[2, 0] - n[2, -1]) / np.log(r2 / r1), rel=1e-11)
        profile = [
            analytic.three_scalar_response(
                lambda s, a=a, G=(G1, G2): analytic.annulus_profile(a, s, r1, r2, *G), scalars
            )
            for a in r
        ]
        np.testing.assert_allclose(profile, n[2], atol=1e-11)


def collocate_disc(K, radius, G, count=40):
    """Amplitudes at r = R of the modes cos(theta) and sin(theta) of all three components."""
    x, d = chebyshev(count)
    r, d = radius * (1 + x) / 2, 2 / radius * d
    size, out = count + 1, []
    for source in (
        Z,
        np.array([0.0, -1.0, 0.0]),
    ):  # n^z' = nu_y = cos(theta), n^y' = -nu_z = -sin(theta)
        system = np.kron(
            np.eye(3), np.diag(r**2) @ d @ d + np.diag(r) @ d - np.eye(size)
        ) - np.kron(K, np.diag(r**2))
        right = np.zeros(3 * size)
        for a in range(3):
            system[a * size], system[a * size + count] = 0.0, 0.0
            system[a * size, a * size : (a + 1) * size] = d[0]
            system[a * size, a * size] += G
            system[a * size + count, a * size + count] = 1.0
            right[a * size] = source[a]
        out.append(solve(system, right).reshape(3, size)[:, 0])
    return out


def test_circular_wire_with_full_torque():
    for _ in range(3):
        X, B, radius = random_tensor(), RNG.normal(size=3), 1.7
        cosine, sine = collocate_disc(np.eye(3) + torque(B, X), radius, 0.0)
        assert analytic.wire_circle(radius, B, X) == pytest.approx(
            (cosine[2] - sine[1]) / radius, rel=1e-11
        )
    cosine, _ = collocate_disc(np.eye(3), radius, 0.8)
    assert analytic.wire_circle_response(1.0, radius, 0.8).real == pytest.approx(
        2 * cosine[2] / radius, rel=1e-11
    )
    B = np.array([[0.4, 1.0, -0.3], [2.0, 0.0, 0.0]])
    size = np.linalg.norm(B, axis=1)
    b = B[:, 0] / size
    c = analytic.wire_circle_response
    isotropic = (1 - b**2) * c(1.0, 2.0).real / 2 + (1 + b**2) * c(1 + 1j * size, 2.0).real / 2
    np.testing.assert_allclose(analytic.wire_circle(2.0, B, 1.0), isotropic, rtol=1e-13)
    assert analytic.wire_circle_response(1 + 1e4j, 1e4) == pytest.approx(
        2 / (np.sqrt(1 + 1e4j) * 1e4 - 0.5), rel=1e-9
    )


def test_rectangular_wire_by_collocation_in_the_plane():
    X, B, ly, lz, count = random_tensor(), RNG.normal(size=3), 2.0, 1.2, 16
    _, d = chebyshev(count)
    size = count + 1
    dy, dz = np.kron(2 / ly * d, np.eye(size)), np.kron(np.eye(size), 2 / lz * d)
    on_y = np.kron(np.eye(size)[[0, -1]].sum(0), np.ones(size)) > 0
    on_z = (np.kron(np.ones(size), np.eye(size)[[0, -1]].sum(0)) > 0) & ~on_y
    block = dy @ dy + dz @ dz
    operator = np.kron(np.eye(3), block) - np.kron(np.eye(3) + torque(B, X), np.eye(size**2))
    right = np.zeros(3 * size**2)
    for a, slope_y, slope_z in ((0, 0, 0), (1, 0, -1), (2, 1, 0)):
        for mask, derivative, value in ((on_y, dy, slope_y), (on_z, dz, slope_z)):
            rows = a * size**2 + np.flatnonzero(mask)
            operator[rows] = 0.0
            operator[rows, a * size**2 : (a + 1) * size**2] = derivative[mask]
            right[rows] = value
    n = solve(operator, right).reshape(3, size, size)
    weights = clenshaw_curtis(count)
    sides = weights @ (n[2, 0] - n[2, -1]) / (2 * ly)
    faces = weights @ (n[1, :, 0] - n[1, :, -1]) / (2 * lz)
    assert analytic.wire_rectangle(ly, lz, B, X) == pytest.approx(sides - faces, rel=1e-10)


def clenshaw_curtis(count):
    """Weights on the Chebyshev nodes of [-1, 1], exact for polynomials of degree ``count``."""
    nodes, _ = chebyshev(count)
    degrees = np.arange(count + 1)
    moments = np.where(
        degrees % 2 == 0, 2.0 / (1.0 - np.where(degrees == 1, 0, degrees) ** 2.0), 0.0
    )
    return np.linalg.solve(
        np.polynomial.chebyshev.chebvander(nodes.astype(float), count).T, moments
    )


def test_film_is_the_strip_of_the_other_component():
    X, B = random_tensor(), RNG.normal(size=(3, 3))
    f = analytic.film_response(2.5, B, X)
    for field, value in zip(B, f, strict=True):
        minus_y = np.array([0.0, -1.0, 0.0])  # D d_z n^y = -alpha J_x
        zero = np.zeros((3, 3))
        _, n = collocate(np.eye(3) + torque(field, X), 2.5, zero, zero, (minus_y, minus_y))
        assert value == pytest.approx(-(n[1, 0] - n[1, -1]) / 2.5, rel=1e-11)


def test_film_weak_field_and_best_thickness():
    mpmath.mp.dps = 30

    def exact(t):  # half the second derivative of F at s = 1
        return (
            mpmath.diff(
                lambda s: mpmath.tanh(mpmath.sqrt(s) * t / 2) / (mpmath.sqrt(s) * t / 2), 1, 2
            )
            / 2
        )

    for t in (0.02, 0.6, 0.999, 1.001, 4.56, 30.0, 2000.0):
        assert float(analytic.film_weak_field(t)) == pytest.approx(
            float(exact(mpmath.mpf(t))), rel=1e-11
        )
    best = mpmath.findroot(lambda t: mpmath.diff(exact, t), 4.5)
    assert float(best) == pytest.approx(analytic.FILM_BEST_THICKNESS, abs=1e-9)
    assert abs(analytic.FILM_BEST_THICKNESS - 4.5606) < 5e-5
    field = np.array([1e-3, 0.0, 0.0])
    drop = analytic.film_response(4.0, np.zeros(3), 1.0) - analytic.film_response(4.0, field, 1.0)
    assert drop == pytest.approx(1e-6 * analytic.film_weak_field(4.0), rel=1e-5)


def test_corbino_is_zero():
    assert analytic.corbino_response() == 0.0


# layers


def test_layers_against_collocation_in_each_layer():
    layers = [
        analytic.Layer(
            0.8,
            diffusion=1.3,
            relaxation_time=0.7,
            conductivity=2.0,
            alpha=0.3,
            alpha_prime=-0.2,
            torque=torque([1.0, 0.5, -0.3], random_tensor()),
            detection=(0.1, -0.2, 1.0),
        ),
        analytic.Layer(
            2.5,
            diffusion=0.6,
            relaxation_time=(1.0, 2.0, 1.5),
            conductivity=0.5,
            alpha=-0.1,
            torque=torque([1.0, 0.5, -0.3], random_tensor()),
        ),
        analytic.Layer(
            0.01,
            diffusion=2.0,
            relaxation_time=3.0,
            conductivity=1.0,
            alpha=0.7,
            torque=torque([1.0, 0.5, -0.3], random_tensor()),
        ),
    ]
    G1, G2 = np.array([0.2, 0.0, 0.5]), random_tensor()
    solution = analytic.layered_strip(layers, G1, G2)
    heights, profiles = collocate_layers(layers, np.diag(G1), G2)
    change, start = 0.0, 0.0
    for layer, y, n in zip(layers, heights, profiles, strict=True):
        np.testing.assert_allclose(solution.profile(start + y), n, atol=1e-12)
        alpha_prime = layer.alpha if layer.alpha_prime is None else layer.alpha_prime
        change += alpha_prime * layer.diffusion * np.dot(layer.detection, n[:, 0] - n[:, -1])
        start += layer.thickness
    assert solution.change == pytest.approx(change, rel=1e-10)
    assert solution.ohmic == pytest.approx(2.0 * 0.8 + 0.5 * 2.5 + 0.01)
    assert solution.relative == pytest.approx(change / solution.ohmic, rel=1e-10)


def collocate_layers(layers, G1, G2, count=30):
    """n in each layer from D n'' = (1/tau + T) n inside, n and D n' - alpha sigma z matched, Robin
    edges.
    """
    x, d = chebyshev(count)
    size = 3 * (count + 1)
    value = np.kron(np.eye(3), np.eye(count + 1))
    top, bottom = np.arange(3) * (count + 1), np.arange(3) * (count + 1) + count
    system, right = (
        np.zeros((len(layers) * size,) * 2, dtype=np.longdouble),
        np.zeros(len(layers) * size),
    )
    slopes = [np.kron(np.eye(3), layer.diffusion * 2 / layer.thickness * d) for layer in layers]
    sources = [layer.alpha * layer.conductivity * Z for layer in layers]
    for i, layer in enumerate(layers):
        here = slice(i * size, (i + 1) * size)
        decay = (
            np.diag(np.broadcast_to(1 / np.asarray(layer.relaxation_time, float), 3)) + layer.torque
        )
        block = slopes[i] @ slopes[i] / layer.diffusion - np.kron(decay, np.eye(count + 1))
        block[bottom] = value[bottom] if i else slopes[0][bottom] - G1 @ value[bottom]
        block[top] = slopes[i][top]
        system[here, here] = block
        right[i * size + top] = sources[i]
        if i:
            below = slice((i - 1) * size, i * size)
            system[i * size + bottom, below] = -value[top]
            system[(i - 1) * size + top, here] = -slopes[i][bottom]
            right[(i - 1) * size + top] -= sources[i]
    right[bottom] = sources[0]
    last = slice((len(layers) - 1) * size, len(layers) * size)
    system[last, last][top] += G2 @ value[top]
    n = solve(system, right).reshape(len(layers), 3, count + 1)
    return [(layer.thickness * (1 + x) / 2).astype(float) for layer in layers], n


def test_splitting_a_uniform_strip_changes_nothing():
    X, B = random_tensor(), RNG.normal(size=3)
    pieces = [analytic.Layer(t, torque=torque(B, X)) for t in (0.5, 1e-3, 30.0, 2.0)]
    whole = analytic.strip_full(torque(B, X), 32.501)
    assert analytic.layered_strip(pieces).relative == pytest.approx(float(whole), rel=1e-11)


def test_very_thin_and_very_thick_layers():
    X, B = random_tensor(), RNG.normal(size=3)
    scalars = analytic.three_scalars(B, X)
    for width in (1e-7, 1e-3, 1e4):
        f = analytic.three_scalar_response(
            lambda s, w=width: analytic.strip_robin(s, w, 0.3), scalars
        )
        assert float(analytic.strip_full(torque(B, X), width, 0.3)) == pytest.approx(f, rel=1e-12)


def test_bilayer_without_torque_by_hand():
    """Reflecting edges, one layer active: the other is a Robin edge with G = D q tanh(q d)."""
    active = analytic.Layer(
        1.4, diffusion=0.9, relaxation_time=1.1, conductivity=3.0, alpha=0.2, alpha_prime=0.1
    )
    passive = analytic.Layer(0.7, diffusion=0.5, relaxation_time=2.0, conductivity=1e-9, alpha=0.0)
    q_p, q_a = 1.0 / np.sqrt(0.5 * 2.0), 1.0 / np.sqrt(0.9 * 1.1)
    G = 0.5 * q_p * np.tanh(q_p * 0.7) / (0.9 * q_a)
    f = analytic.strip_robin(1.0, 1.4 * q_a, 0.0, G).real
    solution = analytic.layered_strip([active, passive])
    assert solution.change / (3.0 * 1.4) == pytest.approx(0.2 * 0.1 * f, rel=1e-12)


# time and frequency


@pytest.mark.parametrize("t", [0.02, 0.39, 0.41, 1.5, 30.0])
def test_switch_on_against_the_heat_equation(t):
    X, B, width, count = random_tensor(), RNG.normal(size=3), 2.0, 40
    d = (2 / width * chebyshev(count)[1]).astype(float)
    inner, outer = slice(1, count), [0, count]
    edge = np.linalg.solve(d[np.ix_(outer, outer)], np.eye(2))
    slope = -edge @ d[outer, inner]  # edge values of a profile with n' = 0 there
    second = (d @ d)[inner, inner] + (d @ d)[inner, outer] @ slope
    _, steady = collocate(
        np.eye(3) + torque(B, X), width, *2 * [np.zeros((3, 3))], (Z, Z), count=count
    )
    size = count - 1
    generator = np.kron(np.eye(3), second) - np.kron(np.eye(3) + torque(B, X), np.eye(size))
    gone = (expm(generator * t) @ steady[:, inner].ravel()).reshape(3, size)[2]
    gone = np.concatenate([[(slope @ gone)[0]], gone, [(slope @ gone)[1]]])
    f = analytic.three_scalar_response(
        lambda s: analytic.strip_switch_on(t, width, s), analytic.three_scalars(B, X)
    )
    steady_f = (steady[2, 0] - steady[2, -1]) / width
    assert f == pytest.approx(steady_f - (gone[0] - gone[-1]) / width, abs=2e-10)


def test_switch_on_both_expansions_against_mpmath():
    mpmath.mp.dps = 30
    assert analytic.strip_switch_on(0.0, 3.0) == 0.0
    cases = (
        (1e-8, 3.0, 1 + 2j),
        (0.1, 1.0, 1 + 50j),
        (0.9, 3.0, 1.0),
        (0.05, 3.0, 1 + 2j),
        (80.0, 30.0, 1.0),
    )
    for t, width, s in cases:
        rates = [((2 * k + 1) * mpmath.pi / width) ** 2 + s for k in range(100)]
        modes = mpmath.fsum(mpmath.exp(-rate * t) / rate for rate in rates)
        z = mpmath.sqrt(mpmath.mpc(s)) * width / 2
        exact = (
            complex(mpmath.tanh(z) / z - 8 / mpmath.mpf(width) ** 2 * modes)
            if t > 1e-6
            else 4 / width * np.sqrt(t / np.pi) * (1 - s * t / 3)
        )
        assert complex(analytic.strip_switch_on(t, width, s)) == pytest.approx(exact, rel=1e-11)


def test_alternating_current():
    width, omega, phi = 3.0, 1.7, 2.2
    K = (1 - 1j * omega) * np.eye(3) + torque([phi, 0, 0], np.eye(3))
    d = 2 / width * chebyshev(48)[1]
    size = 49
    system = np.kron(np.eye(3), d @ d) - np.kron(K, np.eye(size))
    right = np.zeros(3 * size, dtype=complex)
    for a in range(3):
        for node in (0, 48):
            system[a * size + node] = np.kron(np.eye(3)[a], d[node])
            right[a * size + node] = Z[a]
    n = solve(system, right).reshape(3, size)
    exact = (n[2, 0] - n[2, -1]) / width
    assert complex(analytic.strip_ac(omega, phi, width)) == pytest.approx(exact, rel=1e-11)
    general = analytic.three_scalar_response(
        lambda s: analytic.strip_response(s, width),
        analytic.scalars_of_precession(phi),
        base=1 - 1j * omega,
    )
    assert complex(general) == pytest.approx(exact, rel=1e-11)
    slow = analytic.three_scalar_response(
        lambda s: analytic.strip_response(s, width),
        analytic.scalars_of_precession(0.01),
        base=1 - 1j * omega,
    )
    assert complex(slow) == pytest.approx(complex(analytic.strip_ac(omega, 0.01, width)), rel=1e-12)


# the door


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: analytic.three_scalars([1, 2], 1.0), "shape"),
        (lambda: analytic.three_scalars([1, 2, 3], [[1, 2, 0], [0, 1, 0], [0, 0, 1]]), "symmetric"),
        (lambda: analytic.three_scalars([1, 2, 3], 1.0, component="w"), "component"),
        (
            lambda: analytic.three_scalars([1, 2, 3], 1.0, detection="reciprocl"),
            "did you mean 'reciprocal'",
        ),
        (lambda: analytic.three_scalars([1, 2, 3], [1, 1, 0], detection="reciprocal"), "X_zz"),
        (lambda: analytic.strip_response(1.0, 0.0), "positive"),
        (lambda: analytic.strip_profile(2.0, 3.0, 1.0), "must lie"),
        (lambda: analytic.strip_robin(1.0, 3.0, -1.0), "G >= 0"),
        (lambda: analytic.strip_switch_on(-1.0, 3.0), "negative"),
        (lambda: analytic.annulus_response(1.0, 4.0, 1.0), "r1 < r2"),
        (lambda: analytic.annulus_profile(5.0, 1.0, 1.0, 4.0), "between"),
        (lambda: analytic.wire_circle_response(1.0, -1.0), "radius"),
        (lambda: analytic.layered_strip([]), "at least one"),
        (lambda: analytic.Layer(-1.0), "thickness"),
        (lambda: analytic.layered_strip([analytic.Layer(1.0)], -1.0), "G1"),
        (lambda: analytic.layered_strip([analytic.Layer(1.0)]).profile(2.0), "must lie"),
    ],
)
def test_errors_say_what_to_mend(call, message):
    with pytest.raises(InputError, match=message):
        call()
