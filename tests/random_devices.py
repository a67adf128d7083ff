"""Random devices from a small grammar, one seed a case, and what must hold for each."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
from scipy.linalg import sqrtm

import ohmr_fem as of
from ohmr_fem import units
from ohmr_fem.analytic.film import film_tensor
from ohmr_fem.analytic.layers import Layer, layered_strip, strip_full

Random = np.random.Generator


def between(rng: Random, low: float, high: float) -> float:
    """Log-uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def tensor(rng: Random, coupled: bool = True) -> np.ndarray:
    """A positive definite X in 1/m_e, within a decade or two; X_za = 0 unless ``coupled``."""
    size = between(rng, 0.03, 30.0)
    kind = rng.integers(3)
    if kind == 0:
        return size * np.eye(3)
    if kind == 1 or not coupled:
        X = np.diag(size * rng.uniform(0.05, 1.0, 3))
        if not coupled:
            X[0, 1] = X[1, 0] = 0.5 * rng.uniform(-1, 1) * np.sqrt(X[0, 0] * X[1, 1])
        return X
    root = rng.normal(size=(3, 3))
    return size * (root @ root.T / 3 + 0.05 * np.eye(3))


def material(rng: Random, coupled: bool = True, **changes: Any) -> of.Material:
    given = {
        "sheet_conductivity": between(rng, 1e-6, 1e2),
        "relaxation_time": between(rng, 1e-15, 1e-6),
        "orbital_hall_angle": rng.uniform(-0.2, 0.2),
        "inverse_orbital_hall_angle": rng.uniform(-0.2, 0.2),
        "inverse_mass": tensor(rng, coupled),
        "diffusion_length": between(rng, 1e-10, 1e-4),
        "g_factor": float(rng.choice([1.0, 2.0, -1.0, 0.3])),
        **changes,
    }
    return of.Material(**given)


def field(rng: Random, m: of.Material) -> np.ndarray:
    """Along an axis or anywhere, from weak to |omega| tau = 10 or so."""
    direction = rng.normal(size=3) if rng.integers(2) else np.eye(3)[rng.integers(3)]
    return direction * between(rng, 0.03, 10.0) * m.field_scale


def section(rng: Random, m: of.Material, axis: str, width: float) -> of.Problem:
    """As fine as the decay needs; more precise than the comparison."""
    L = width * m.diffusion_length
    mesh = of.cross_section(L, axis, resolve=min(L, m.diffusion_length) / 8)
    return of.Problem(mesh, m, order=4)


def device(rng: Random, m: of.Material, **options: Any) -> of.Problem:
    """A bar with two ends and two or three side contacts, of quadrilaterals or triangles."""
    nx, ny = int(rng.integers(6, 10)), int(rng.integers(3, 5))
    W = between(rng, 0.3, 6.0) * m.diffusion_length
    L = W * rng.uniform(1.5, 4.0)
    x, y = (
        np.sort(rng.uniform(-0.3, 0.3, nx - 1)) + np.linspace(-4, 4, nx - 1),
        np.linspace(-1, 1, ny),
    )
    x = np.concatenate([[-5.0], x, [5.0]])
    cells = str(rng.choice(["quad", "triangle"]))
    mesh = of.tensor_grid(x * L / 10, y * W / 2, cells=cells)
    left, middle, right = -L / 2 * 0.999, (x[2] + x[3]) / 2 * L / 10, L / 2 * 0.999
    sides = {
        "left": lambda p: p[0] < left,
        "right": lambda p: p[0] > right,
        "t1": lambda p: (p[1] > 0.499 * W) & (p[0] < middle) & (p[0] > x[1] * L / 10),
        "b2": lambda p: (p[1] < -0.499 * W) & (p[0] > middle) & (p[0] < x[-2] * L / 10),
    }
    mesh = mesh.with_boundaries(sides)
    edges = {}
    moments = {}
    if rng.integers(3) == 0:
        G = m.diffusion_constant / m.diffusion_length * between(rng, 0.1, 10)
        moments = {"left": of.Contact(moment=G)}
    contacts = {name: moments.get(name, of.Contact()) for name in sides}
    order = int(rng.integers(1, 4))
    return of.Problem(mesh, m, contacts, edges, order=order, **options)


def pairs(rng: Random) -> dict[str, tuple[str, str]]:
    current = tuple(rng.permutation(["left", "right", "t1", "b2"])[:2].tolist())
    voltage = tuple(rng.permutation(["left", "right", "t1", "b2"])[:2].tolist())
    return {"current": current, "voltage": voltage}


def close(one: Any, two: Any, size: float, tolerance: float) -> None:
    gap = float(np.max(np.abs(np.asarray(one) - np.asarray(two))))
    assert gap <= tolerance * size, f"{one} and {two}: {gap / size:.1e} of {size:.3g}"


def scale_of(p: of.Problem, pair: dict[str, tuple[str, str]]) -> float:
    """alpha alpha' sqrt(R_ii R_vv): no delta_R is larger."""
    s = [of.resistance(p, current=pair[k], voltage=pair[k]).R_ohmic for k in ("current", "voltage")]
    m = p.material
    return abs(m.orbital_hall_angle * m.inverse_orbital_hall_angle) * float(np.sqrt(s[0] * s[1]))


# --- what must hold -------------------------------------------------------------------------------


def strip_closed_form(rng: Random) -> None:
    """Section 5, item 2: any X, any B."""
    m = material(rng)
    width = between(rng, 0.1, 12.0)
    B = field(rng, m)
    rho = of.magnetoresistance(section(rng, m, "y", width), B)
    f = strip_full(m.torque(B) * m.relaxation_time, width)
    product = m.orbital_hall_angle * m.inverse_orbital_hall_angle
    close(rho, -product * f, abs(product), 1e-7)


def film_closed_form(rng: Random) -> None:
    """Section 9: f = h(1 + tau T), the yy entry for the current, xy for the transverse one."""
    m = material(rng)
    t = between(rng, 0.1, 8.0)
    B = field(rng, m)
    q = np.real(sqrtm(np.eye(3) + m.torque(B) * m.relaxation_time)) * t / 2
    e = np.linalg.inv(np.eye(3) + _exp(-2 * q)) @ (np.eye(3) - _exp(-2 * q))
    h = np.linalg.solve(q, e)
    p = section(rng, m, "z", t)
    product = m.orbital_hall_angle * m.inverse_orbital_hall_angle
    close(of.magnetoresistance(p, B), -product * h[1, 1], abs(product), 1e-7)
    s = of.solve(p, B, electric_field=1.0)
    z, w = np.polynomial.legendre.leggauss(64)
    half = t * m.diffusion_length / 2
    J = s.at(z * half).current_density
    unit = abs(product) * m.sheet_conductivity
    close(J[1] @ w / 2, -product * m.sheet_conductivity * h[0, 1], unit, 1e-5)


def _exp(a: np.ndarray) -> np.ndarray:
    from scipy.linalg import expm

    return np.asarray(expm(a))


def scaling(rng: Random) -> None:
    """Lengths, times, conductivity and currents in other units: the same numbers."""
    m = material(rng)
    p, pair, B = device(rng, m), pairs(rng), field(rng, m)
    L, t, s = between(rng, 1e-8, 1e8), between(rng, 1e-8, 1e8), between(rng, 1e-4, 1e4)
    new = dataclasses.replace(
        m,
        diffusion_constant=None,
        diffusion_length=m.diffusion_length * L,
        relaxation_time=m.relaxation_time * t,
        sheet_conductivity=m.sheet_conductivity * s,
    )
    contacts = {
        name: dataclasses.replace(c, moment=c.moment.absorption[0] * L / t)
        for name, c in p.contacts.items()
    }
    q = of.Problem(p.mesh.scaled(L), new, contacts, order=p.order)
    one, two = of.resistance(p, B, **pair), of.resistance(q, B / t, **pair)
    size = scale_of(p, pair)
    close(one.delta_R, two.delta_R * s, size, 1e-9)
    close(one.hanle, two.hanle * s, size, 1e-9)
    close(one.R_ohmic, two.R_ohmic * s, abs(one.R_ohmic) + size, 1e-9)


def mirror(rng: Random) -> None:
    """y -> -y: B is an axial vector, X a tensor."""
    m = material(rng)
    p, pair, B = device(rng, m), pairs(rng), field(rng, m)
    turn = np.diag([1.0, -1.0, 1.0])
    X = turn @ np.asarray(m.inverse_mass) @ turn
    new = dataclasses.replace(m, inverse_mass=X, diffusion_constant=None)
    q = dataclasses.replace(p, mesh=_mapped(p.mesh, turn[:2, :2]), materials=new)
    one, two = of.resistance(p, B, **pair), of.resistance(q, -turn @ B, **pair)
    close(one.delta_R, two.delta_R, scale_of(p, pair), 1e-9)


def rotation(rng: Random) -> None:
    m = material(rng)
    p, pair, B = device(rng, m), pairs(rng), field(rng, m)
    a = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    new = dataclasses.replace(
        m, inverse_mass=turn @ np.asarray(m.inverse_mass) @ turn.T, diffusion_constant=None
    )
    q = dataclasses.replace(p, mesh=p.mesh.rotated(a), materials=new)
    one, two = of.resistance(p, B, **pair), of.resistance(q, turn @ B, **pair)
    close(one.delta_R, two.delta_R, scale_of(p, pair), 1e-9)
    close(one.R_ohmic, two.R_ohmic, scale_of(p, pair) + abs(one.R_ohmic), 1e-9)


def _mapped(mesh: of.DeviceMesh, turn: np.ndarray) -> of.DeviceMesh:
    """The mesh with other coordinates; a mirror turns the cells round, so they are built again."""
    from ohmr_fem.mesh.cells import build_mesh

    raw = mesh.mesh
    triangle = raw.t.shape[0] == 3
    swap = [0, 2, 1] if triangle else [0, 3, 2, 1]
    kind = type(raw).__mro__[0] if triangle else type(raw).__mro__[2]
    new, _ = build_mesh(kind, raw.t[swap], (turn @ raw.p)[:, raw.t[swap]])
    middle = raw.p[:, raw.facets].mean(axis=1)

    def on(name: str) -> Callable[[np.ndarray], np.ndarray]:
        places = turn @ middle[:, mesh.boundaries[name]]
        return lambda p: np.array(
            [np.min(np.linalg.norm(places - c[:, None], axis=0)) < 1e-9 * mesh.size for c in p.T]
        )

    return of.DeviceMesh(new, ("x", "y")).with_boundaries({n: on(n) for n in mesh.boundaries})


def reciprocity(rng: Random) -> None:
    """R_ij,kl(B) = R_kl,ij(-B) for X_za = 0, or for any X with the reciprocal detector; alpha' =
    alpha changes nothing.
    """
    printed = bool(rng.integers(2))
    m = material(rng, coupled=not printed)
    full = bool(rng.integers(2))
    p = device(
        rng,
        m,
        detection="printed" if printed else "reciprocal",
        coupling="full" if full else "linear",
    )
    pair, B = pairs(rng), field(rng, m)
    back = {"current": pair["voltage"], "voltage": pair["current"]}
    one, two = of.resistance(p, B, **pair), of.resistance(p, -B, **back)
    close(one.delta_R, two.delta_R, scale_of(p, pair), 1e-9)


def routes(rng: Random) -> None:
    """Spectral, reduced and direct agree to what they say."""
    m = material(rng)
    p, pair = device(rng, m), pairs(rng)
    B = np.array([field(rng, m) for _ in range(3)])
    curves = [
        of.hanle_curve(p, B, **pair, method=how, tolerance=1e-9)
        for how in ("spectral", "reduced", "direct")
    ]
    size = scale_of(p, pair)
    close(curves[0].delta_R, curves[2].delta_R, size, 1e-7)
    close(curves[1].delta_R, curves[2].delta_R, size, 1e-7)
    close(curves[0].hanle, curves[2].hanle, size, 1e-7)


def spelling(rng: Random) -> None:
    """The same quantities in other units, as texts: the same bits."""
    exponents = {"n": -9, "u": -6, "m": -3, "k": 3, "p": -12}
    names = {
        "sheet_conductivity": "S",
        "relaxation_time": "s",
        "diffusion_length": "m",
        "moment_per_carrier": "J/T",
    }
    plain = {name: float(f"{between(rng, 1e-12, 1e3):.6g}") for name in names}
    texts = {}
    for name, unit in names.items():
        prefix = str(rng.choice(list(exponents)))
        number = Decimal(repr(plain[name])).scaleb(-exponents[prefix])
        texts[name] = f"{number}{' ' * int(rng.integers(2))}{prefix}{unit}"
    rest = {"orbital_hall_angle": 0.1, "inverse_mass": 1.0}
    one, two = of.Material(**plain, **rest), of.Material(**texts, **rest)
    for name in names:
        assert getattr(one, name) == getattr(two, name), (plain[name], texts[name])
    B = [float(f"{v:.5g}") for v in rng.normal(size=3)]
    gauss = [f"{Decimal(repr(v)).scaleb(4)} G" for v in B]
    assert of.field_sweep(gauss[0], 1, 2)[0, 0] == B[0]
    np.testing.assert_array_equal(one.torque(gauss), one.torque(B))


def conservation(rng: Random) -> None:
    """Currents add up, the power is positive, the moment balance closes."""
    m = material(rng)
    p, B = device(rng, m), field(rng, m)
    amounts = rng.normal(size=4)
    amounts -= amounts.mean()
    amounts[-1] = -amounts[:-1].sum()
    currents = dict(zip(["left", "right", "t1", "b2"], amounts.tolist(), strict=True))
    s = of.solve(p, B, currents)
    for name, amount in currents.items():
        close(s.contact_currents[name], amount, np.abs(amounts).max(), 1e-9)
    assert s.power > 0
    parts = s.moment_balance()
    total = parts["relaxation"] + parts["torque"] + parts["outflow"] - parts["injected"]
    # the moments of opposite edges cancel in the sums: the source is the measure
    close(total, 0.0, abs(m.orbital_hall_angle) * np.abs(amounts).max(), 1e-9)


def bounds(rng: Random) -> None:
    """Section 3: 0 <= rho(B) - rho(0) <= alpha alpha' F(1) for X positive definite, X_za = 0."""
    a = rng.uniform(0.01, 0.2)
    m = material(rng, coupled=False, orbital_hall_angle=a, inverse_orbital_hall_angle=a)
    p = device(rng, m)
    B = np.array([field(rng, m) for _ in range(3)])
    pair = pairs(rng)["current"]
    curve = of.hanle_curve(p, B, current=pair, voltage=pair, method="direct")
    zero = of.resistance(p, current=pair, voltage=pair)
    slack = 1e-9 * abs(zero.delta_R)
    assert np.all(curve.hanle >= -slack) and np.all(curve.hanle <= -zero.delta_R + slack)


# --- films and interfaces -------------------------------------------------------------------------


def face(rng: Random) -> Any:
    """G in D/L_m: none, one, three, or a matrix."""
    kind = rng.integers(4)
    if kind == 0:
        return 0.0
    size = between(rng, 0.1, 10.0)
    if kind == 1:
        return size
    if kind == 2:
        return size * np.diag(rng.uniform(0.1, 1.0, 3))
    root = rng.normal(size=(3, 3))
    return size * (root @ root.T / 3 + 0.05 * np.eye(3))


def given(G: Any, m: of.Material) -> Any:
    """A face as a user gives it, m/s."""
    unit = m.diffusion_constant / m.diffusion_length
    return "reflecting" if np.ndim(G) == 0 and G == 0.0 else unit * G


def film_tensor_closed_form(rng: Random) -> None:
    """Section 9: the local tensor between any two faces, any X, any B."""
    m = material(rng)
    t, B = between(rng, 0.1, 8.0), field(rng, m)
    below, above = face(rng), face(rng)
    detection = str(rng.choice(["printed", "reciprocal"]))
    film = of.Film(t * m.diffusion_length, bottom=given(below, m), top=given(above, m))
    found = of.film_conductivity(m, film, B, detection=detection)[0]
    X = np.asarray(m.inverse_mass)
    unit = 0.5 * m.g_factor * units.ELEMENTARY_CHARGE * m.relaxation_time / units.ELECTRON_MASS
    expected = film_tensor(t, unit * B, X, bottom=below, top=above, detection=detection)
    product = m.orbital_hall_angle * m.inverse_orbital_hall_angle
    close(found, product * expected, abs(product) * max(1.0, np.abs(expected).max()), 1e-8)


def film_scaling(rng: Random) -> None:
    """A film device in other units of length, time and conductivity; its parts add up."""
    m = material(rng)
    p, pair, B = device(rng, m), pairs(rng), field(rng, m)
    t = between(rng, 0.2, 3.0) * m.diffusion_length
    faces = {"bottom": face(rng), "top": face(rng)}
    L, s, g = between(rng, 1e-6, 1e6), between(rng, 1e-6, 1e6), between(rng, 1e-4, 1e4)
    new = dataclasses.replace(
        m,
        diffusion_constant=None,
        diffusion_length=m.diffusion_length * L,
        relaxation_time=m.relaxation_time * s,
        sheet_conductivity=m.sheet_conductivity * g,
    )
    curves = []
    for mesh, own, thickness, at in ((p.mesh, m, t, B), (p.mesh.scaled(L), new, t * L, B / s)):
        film = of.Film(thickness, **{name: given(G, own) for name, G in faces.items()})
        problem = of.Problem(mesh, own, list(p.contacts), order=p.order, film=film)
        curves.append(of.hanle_curve(problem, [at], **pair))
    one, two = curves
    size = scale_of(dataclasses.replace(p, contacts=list(p.contacts)), pair)
    close(one.delta_R, two.delta_R * g, size, 1e-7)
    close(one.hanle, two.hanle * g, size, 1e-7)
    assert one.parts is not None
    close(sum(one.parts.given.values()), one.delta_R, size, 1e-9)


def layers_closed_form(rng: Random) -> None:
    """Two or three layers of anything, with either rule between them."""
    count, rule = int(rng.integers(2, 4)), str(rng.choice(["density", "accumulation"]))
    first = material(rng)
    L, tau = first.diffusion_length, first.relaxation_time
    mates = [
        material(
            rng,
            sheet_conductivity=first.sheet_conductivity * between(rng, 0.1, 10.0),
            diffusion_length=L * between(rng, 0.3, 3.0),
            relaxation_time=tau * between(rng, 0.3, 3.0),
        )
        for _ in range(count)
    ]
    sizes = [between(rng, 0.3, 3.0) * L for _ in mates]
    ends = np.concatenate([[0.0], np.cumsum(sizes)])
    names = [f"layer {i}" for i in range(count)]
    spans = {name: (a, b) for name, a, b in zip(names, ends[:-1], ends[1:], strict=True)}
    finest = min(*sizes, *(m.diffusion_length for m in mates)) / 8
    mesh = of.cross_section(ends[-1], regions=spans, resolve=finest)
    B = field(rng, first)
    materials = dict(zip(names, mates, strict=True))
    problem = of.Problem(mesh, materials, order=4, interface=rule)
    layers = [
        Layer(
            size / L,
            m.diffusion_constant * tau / L**2,
            m.relaxation_time / tau,
            m.sheet_conductivity / first.sheet_conductivity,
            m.orbital_hall_angle,
            m.inverse_orbital_hall_angle,
            m.torque(B) * tau,
            shape=np.asarray(m.inverse_mass) / np.asarray(m.inverse_mass)[2, 2],
        )
        for size, m in zip(sizes, mates, strict=True)
    ]
    expected = -layered_strip(layers, interface=rule).relative
    unit = max(
        abs(a.orbital_hall_angle * b.inverse_orbital_hall_angle) for a in mates for b in mates
    )
    ratio = max(m.sheet_conductivity for m in mates) / min(m.sheet_conductivity for m in mates)
    close(of.magnetoresistance(problem, B), expected, unit * ratio, 1e-6)


def interface_reciprocity(rng: Random) -> None:
    """Section 12: R_ij,kl(B) = R_kl,ij(-B) between regions, with the accumulation continuous."""
    printed, full = bool(rng.integers(2)), bool(rng.integers(2))

    def mate(**scales: Any) -> of.Material:
        a = rng.uniform(-0.2, 0.2)
        angles = {"orbital_hall_angle": a, "inverse_orbital_hall_angle": a}
        return material(rng, coupled=not printed, **angles, **scales)

    first = mate()
    second = mate(
        sheet_conductivity=first.sheet_conductivity * between(rng, 0.1, 10.0),
        diffusion_length=first.diffusion_length * between(rng, 0.3, 3.0),
        relaxation_time=first.relaxation_time * between(rng, 0.3, 3.0),
    )
    p, pair, B = device(rng, first), pairs(rng), field(rng, first)
    parts = {"a": lambda q: q[0] < 0.0, "b": lambda q: q[0] >= 0.0}
    q = of.Problem(
        p.mesh.with_regions(parts),
        {"a": first, "b": second},
        p.contacts,
        order=p.order,
        detection="printed" if printed else "reciprocal",
        coupling="full" if full else "linear",
    )
    back = {"current": pair["voltage"], "voltage": pair["current"]}
    one, two = of.resistance(q, B, **pair), of.resistance(q, -B, **back)
    own = [of.resistance(q, current=pair[k], voltage=pair[k]).R_ohmic for k in pair]
    largest = max(abs(m.orbital_hall_angle) for m in (first, second)) ** 2
    close(one.delta_R, two.delta_R, largest * float(np.sqrt(own[0] * own[1])), 1e-8)


CHECKS: tuple[Callable[[Random], None], ...] = (
    strip_closed_form,
    film_closed_form,
    scaling,
    mirror,
    rotation,
    reciprocity,
    routes,
    spelling,
    conservation,
    bounds,
    film_tensor_closed_form,
    film_scaling,
    layers_closed_form,
    interface_reciprocity,
)


def check_case(seed: int) -> None:
    """One random case; raises if what must hold does not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        CHECKS[seed % len(CHECKS)](np.random.default_rng(seed))
