"use strict";
// Evaluates a spectral measure as SpectralMeasure.save writes it, version 1 or 2 (docs/measure-format).
//
// prepare(measure, material, more) gives a function of the field [Bx, By, Bz] in T.
// material: that of the file, with whatever is changed.  more, each one optional:
//   frequency     of the current in Hz, E ~ exp(-i omega t)
//   polarisation  the largest |p| of the contacts, the others in proportion
//   thickness, bottom, top   of a film, m; G of a face in m/s (a number), or "absorbing"
// Complex numbers are [real, imaginary].

const CHARGE = 1.602176634e-19; // C
const ELECTRON_MASS = /*ELECTRON_MASS*/ 9.1093837139e-31; // kg

const plus = (a, b) => [a[0] + b[0], a[1] + b[1]];
const minus = (a, b) => [a[0] - b[0], a[1] - b[1]];
const times = (a, b) => [a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]];
const scaled = (a, x) => [a[0] * x, a[1] * x];
const over = (a, b) => scaled(times(a, [b[0], -b[1]]), 1 / (b[0] * b[0] + b[1] * b[1]));

// the root with a real part that is not negative
function root(a) {
  const size = Math.hypot(a[0], a[1]);
  const real = Math.sqrt(Math.max(0.5 * (size + a[0]), 0));
  const imaginary = Math.sqrt(Math.max(0.5 * (size - a[0]), 0));
  return [real, a[1] < 0 ? -imaginary : imaginary];
}

// tanh of what has a real part that is not negative
function tanh(a) {
  const size = Math.exp(-2 * a[0]);
  const e = [size * Math.cos(2 * a[1]), -size * Math.sin(2 * a[1])];
  return over([1 - e[0], -e[1]], [1 + e[0], e[1]]);
}

const reciprocal = (x) => over([1, 0], x);

// h(x) = tanh(y)/y and e(x) = 1/(y tanh y), y = sqrt(x) thickness/2: theory, section 9
function oddPart(thickness) {
  return (x) => {
    const y = scaled(root(x), 0.5 * thickness);
    return over(tanh(y), y);
  };
}

function evenPart(thickness) {
  return (x) => {
    const y = scaled(root(x), 0.5 * thickness);
    return reciprocal(times(y, tanh(y)));
  };
}

// a function of lambda + tau T is value + first tau T + second (tau T)^2, for T^3 = -phi^2 T
class Divided {
  constructor(f, lambda) {
    Object.assign(this, { f, lambda, value: f(lambda) });
  }

  at(squared) {
    if (this.last !== squared) Object.assign(this, { last: squared, found: this.differences(squared) });
    return this.found;
  }

  differences(squared) {
    const { f, lambda } = this;
    const size = Math.hypot(...lambda);
    if (Math.abs(squared) < (0.05 * size) ** 2) return this.near(squared, 0.4 * size);
    const r = root([-squared, 0]);
    const [above, below] = [f(plus(lambda, r)), f(minus(lambda, r))];
    const middle = minus(plus(above, below), scaled(this.value, 2));
    return [over(minus(above, below), scaled(r, 2)), scaled(middle, -0.5 / squared)];
  }

  // differences of neighbours would cancel: a power series, by Cauchy's formula on a circle
  near(squared, radius) {
    this.series ??= powers(this.f, this.lambda, radius, 16);
    const x = -squared / radius ** 2;
    let [first, second] = [[0, 0], [0, 0]];
    for (let j = 7; j >= 0; j--) {
      first = plus(scaled(first, x), this.series[2 * j]);
      second = plus(scaled(second, x), this.series[2 * j + 1]);
    }
    return [scaled(first, 1 / radius), scaled(second, 1 / radius ** 2)];
  }
}

// coefficients of (u/radius)^1, ^2, ... of f(lambda + u)
function powers(f, lambda, radius, count) {
  const nodes = 48;
  const turn = (j) => (2 * Math.PI * (j + 0.5)) / nodes;
  const around = Array.from({ length: nodes }, (_, j) =>
    f([lambda[0] + radius * Math.cos(turn(j)), lambda[1] + radius * Math.sin(turn(j))]));
  return Array.from({ length: count }, (_, k) => around.reduce((sum, value, j) => {
    const angle = -turn(j) * (k + 1);
    return plus(sum, scaled(times(value, [Math.cos(angle), Math.sin(angle)]), 1 / nodes));
  }, [0, 0]));
}

function product(a, b) {
  return a.map((row) => b[0].map((_, j) => row.reduce((sum, x, k) => sum + x * b[k][j], 0)));
}

// tau T(B) = (g e tau/2) [B]_x X, Eq. (2)
function torque(material, B) {
  const rate = (0.5 * material.g_factor * CHARGE * material.relaxation_time) / ELECTRON_MASS;
  return product(cross(B.map((b) => b * rate)), material.inverse_mass);
}

const cross = ([x, y, z]) => [[0, -z, y], [z, 0, -x], [-y, x, 0]];

// weights with which n^x, n^y, n^z enter what reads a component
function detector(measure, material, component, averaged) {
  const X = material.inverse_mass;
  if (measure.detection === "printed") return [0, 1, 2].map((a) => (a === component ? 1 : 0));
  const scale = averaged ? 0.5 * (X[0][0] + X[1][1]) : X[2][2];
  return X[component].map((x) => x / scale);
}

// a channel of version 1 is a list
function linksOf(measure) {
  return measure.channels.map((c) => {
    if (!Array.isArray(c)) return c;
    const [generated, detected, a, b, drive = null, read = null] = c;
    return { generated, detected, a, b, drive, read };
  });
}

// a row of each pole with what the channels need of it; the page holds it in place of the weights
function loadsOf(measure, links) {
  const { weights, loads } = measure.projection;
  return loads ?? weights.map((w) => links.map((c) => w[c.a] * w[c.b]));
}

// sum over the poles of weight times a function of lambda + tau T: [value, first, second]
function sums(poles, weights) {
  const value = poles.reduce((sum, p, k) => plus(sum, scaled(p.value, weights[k])), [0, 0]);
  return [value, (squared) => {
    let [first, second] = [[0, 0], [0, 0]];
    poles.forEach((p, k) => {
      if (weights[k] === 0) return;
      const [one, two] = p.at(squared);
      [first, second] = [plus(first, scaled(one, weights[k])), plus(second, scaled(two, weights[k]))];
    });
    return [first, second];
  }];
}

// f(B) = value W + first W T + second W T^2 of all terms, kept for each phi^2
function ofTerms(terms) {
  const known = new Map();
  return (T, squared) => {
    const key = squared.toPrecision(14);
    if (!known.has(key)) known.set(key, terms.map((t) => t.sum[1](squared)));
    const [TT, at] = [product(T, T), known.get(key)];
    let [f, change] = [[0, 0], [0, 0]];
    terms.forEach(({ row, column, sum }, i) => {
      const along = (M) => row.reduce((total, x, a) => total + x * M[a][column], 0);
      change = plus(change, plus(scaled(at[i][0], along(T)), scaled(at[i][1], along(TT))));
      f = plus(f, scaled(sum[0], row[column]));
    });
    return { f: plus(f, change), change };
  };
}

// a plane: each channel carries its strength; 1/(lambda + tau T) needs no roots
function plane(measure, material, stretch, s, more) {
  const { rates } = measure.projection;
  const links = linksOf(measure);
  const loads = loadsOf(measure, links);
  const averaged = measure.current === null && links.some((c) => c.detected !== 2);
  const inverse = rates.map((w) => {
    const lambda = plus([w * stretch, 0], s);
    const value = reciprocal(lambda);
    const at = (squared) => {
      const second = over(value, plus(times(lambda, lambda), [squared, 0]));
      return [scaled(times(second, lambda), -1), second];
    };
    return { value, at };
  });
  const p = polarisationOf(measure, more);
  const both = (c) =>
    (c.drive === null ? -material.orbital_hall_angle : p * c.drive) *
    (c.read === null ? material.inverse_orbital_hall_angle : p * c.read);
  return ofTerms(links.map((c, i) => {
    const strength = stretch * (isPolarised(measure) ? both(c) : 1);
    const row = detector(measure, material, c.detected, averaged);
    const g = loads.map((own) => strength * own[i]);
    return { row, column: c.generated, sum: sums(inverse, g) };
  }));
}

// how much larger the polarisations are than those of the file
function polarisationOf(measure, more) {
  const largest = Math.max(...(measure.polarisations ?? []).map(([, size]) => size));
  return more.polarisation === undefined ? 1 : more.polarisation / largest;
}

function isPolarised(measure) {
  return linksOf(measure).some((c) => c.drive !== null || c.read !== null);
}

// a film: columns of the weights are edges, then x and y of the faces; the current pair first
function film(measure, material, stretch, s, more) {
  const faces = facesOf(measure, material, more);
  const W = [0, 1, 2].map((c) => detector(measure, material, c, true));
  const [scale, { rates }] = [[1, 1, Math.sqrt(stretch)], measure.projection];
  const loads = filmLoads(measure).map((load) => load.map((row, c) => row.map((x, d) => x * scale[c] * scale[d])));
  const nodes = fewer(rates.map((w) => w * stretch + 1), loads)
    .map(({ x, load }) => ({ lambda: [x, s[1]], load }));
  // where the ohmic field is uniform the faces answer without any pole
  const local = [0, 1, 2].map((c) => [0, 1, 2].map((d) => (c === 2 || d === 2 ? 0
    : measure.film.products[c][d] - nodes.reduce((sum, node) => sum + node.load[c][d], 0))));
  nodes.push({ lambda: s, load: local });
  return faces.plain ? reflectingFaces(faces, nodes, W) : generalFaces(faces, nodes, W);
}

// what reads and what drives a pole of a film: x and y at the faces, z at the edges
function filmLoads(measure) {
  const { rates, weights, shift, loads } = measure.projection;
  if (loads) return loads.map((own) => [0, 3, 6].map((i) => own.slice(i, i + 3)));
  return rates.map((w, k) => {
    const face = (column) => weights[k][column] / (w + shift);
    const [read, drive] = [[face(3), face(5), weights[k][1]], [face(2), face(4), weights[k][0]]];
    return read.map((r) => drive.map((d) => r * d));
  });
}

// The response of a pole is a smooth function of log x, x = w + 1: of many poles, those at the
// points of Chebyshev serve, with the loads spread over them by Lagrange's formula.
function fewer(places, loads) {
  const logs = places.map(Math.log);
  const [low, high] = [Math.min(...logs), Math.max(...logs)];
  const count = Math.ceil(8 * (high - low)) + 12;
  if (places.length <= count) return places.map((x, k) => ({ x, load: loads[k] }));
  const angle = (j) => (Math.PI * (j + 0.5)) / count;
  const points = Array.from({ length: count }, (_, j) => 0.5 * (low + high + (high - low) * Math.cos(angle(j))));
  const factors = points.map((_, j) => (j % 2 ? -1 : 1) * Math.sin(angle(j)));
  const nodes = points.map((u) => ({ x: Math.exp(u), load: [0, 1, 2].map(() => [0, 0, 0]) }));
  logs.forEach((u, k) => {
    const hit = points.indexOf(u);
    const shares = points.map((v, j) => (hit < 0 ? factors[j] / (u - v) : j === hit ? 1 : 0));
    const whole = shares.reduce((sum, share) => sum + share, 0);
    nodes.forEach(({ load }, j) => load.forEach((row, c) => row.forEach((_, d) => {
      row[d] += (shares[j] / whole) * loads[k][c][d];
    })));
  });
  return nodes;
}

function reflectingFaces(faces, nodes, W) {
  const odd = nodes.map(({ lambda }) => new Divided(oddPart(faces.thickness), lambda));
  const inverse = nodes.map(({ lambda }) => new Divided(reciprocal, lambda));
  const load = (c, d) => nodes.map((node) => node.load[c][d]);
  const terms = [{ row: W[2], column: 2, sum: sums(inverse, load(2, 2)) }];
  for (const c of [0, 1]) {
    for (const d of [0, 1]) terms.push({ row: W[c], column: d, sum: sums(odd, load(c, d)) });
  }
  return ofTerms(terms);
}

// thickness in L_m; each face's G in D/L_m (null where n = 0) and the strengths of its source
function facesOf(measure, material, more) {
  const own = measure.film;
  const thickness = more.thickness ?? own.thickness;
  const length = material.diffusion_length;
  const D = length ** 2 / material.relaxation_time;
  const conductivity = measure.material.sheet_conductivity / own.thickness;
  const face = (given, changed) => {
    const absorbing = changed === undefined ? given.absorbing : changed === "absorbing";
    const G = changed === undefined ? absorption(given, conductivity, D) : diagonal(changed);
    const { source = 0, inverse_source: back = null } = given;
    const [alpha, reading] = [material.orbital_hall_angle, material.inverse_orbital_hall_angle];
    const drive = source ? 1 + source / alpha : 1;
    const read = source || back ? 1 + (back ?? (source * reading) / alpha) / reading : 1;
    const plain = !absorbing && G.flat().every((g) => g === 0) && drive === 1 && read === 1;
    const units = G.map((row) => row.map((g) => (g * length) / D));
    return { G: absorbing ? null : units, drive, read, plain };
  };
  const [bottom, top] = [face(own.bottom, more.bottom), face(own.top, more.top)];
  return { thickness: thickness / length, bottom, top, plain: bottom.plain && top.plain };
}

const diagonal = (g) => [0, 1, 2].map((a) => [0, 1, 2].map((b) => (a === b ? Number(g) || 0 : 0)));

// G of a face; of a magnet G_r (1 - m m^T) + G_i [m]_x
function absorption(face, conductivity, D) {
  if (!face.magnet) return face.matrix;
  const [real, imaginary] = face.magnet.mixing_conductance.map((g) => (2 * g * D) / conductivity);
  const m = face.magnet.magnetisation;
  const across = cross(m);
  return m.map((a, i) =>
    m.map((b, j) => real * ((i === j ? 1 : 0) - a * b) + imaginary * across[i][j]));
}

// faces that absorb: pole by pole, a system for the slopes at both faces.  A complex 3 x 3 matrix is
// the real 6 x 6 one [[re, -im], [im, re]], and 3 x 3 where the current is direct.
function generalFaces(faces, nodes, W) {
  const n = nodes[0].lambda[1] === 0 ? 3 : 6;
  const functions = [oddPart(faces.thickness), evenPart(faces.thickness), reciprocal];
  const divided = nodes.map(({ lambda }) => functions.map((f) => new Divided(f, lambda)));
  const known = new Map();
  const value = (T, squared) => {
    const key = squared.toPrecision(14);
    if (!known.has(key)) known.set(key, divided.map((own) => own.map((d) => d.at(squared))));
    const TT = product(T, T);
    const f = [0, 0];
    nodes.forEach(({ load }, k) => {
      const [h, e, M] = divided[k].map((d, i) => matrix(d.value, known.get(key)[k][i], T, TT, n));
      const { atFaces, mean } = throughFaces(faces, h, e, M);
      for (let c = 0; c < 3; c++) {
        const read = c === 2 ? mean : atFaces;
        for (let d = 0; d < 3; d++) {
          for (let i = 0; i < n; i++) f[i < 3 ? 0 : 1] += load[c][d] * W[c][i % 3] * read[i][d];
        }
      }
    });
    return f;
  };
  const zero = value([[0, 0, 0], [0, 0, 0], [0, 0, 0]], 0);
  return (T, squared) => {
    const f = value(T, squared);
    return { f, change: minus(f, zero) };
  };
}

function matrix(value, [first, second], T, TT, n) {
  const rows = [];
  for (let i = 0; i < n; i++) {
    const row = new Float64Array(n);
    for (let j = 0; j < n; j++) {
      const [a, b] = [i % 3, j % 3];
      const at = i < 3 === j < 3 ? 0 : 1;
      const entry = (a === b ? value[at] : 0) + first[at] * T[a][b] + second[at] * TT[a][b];
      row[j] = at === 1 && i < 3 ? -entry : entry;
    }
    rows.push(row);
  }
  return rows;
}

// What faces and edges read, (n, 3): columns are the drives x and y of the faces and z of the edges.
function throughFaces(faces, h, e, M) {
  const [n, t] = [h.length, faces.thickness];
  const still = M.map((row) => row[2]); // n where both slopes vanish, for the drive of the edges
  const rows = [];
  for (const [{ G, drive }, side] of [[faces.top, 1], [faces.bottom, -1]]) {
    // n at this face is (t/4) [(e + side h) up + (side h - e) down] + still
    const at = (i, j) => 0.25 * t * (j < n ? e[i][j] + side * h[i][j] : side * h[i][j - n] - e[i][j - n]);
    for (let i = 0; i < n; i++) {
      const row = new Float64Array(2 * n + 3);
      if (G === null) {
        for (let j = 0; j < 2 * n; j++) row[j] = at(i, j);
        row[2 * n + 2] = -still[i];
      } else {
        const first = i < 3 ? 0 : 3;
        for (let k = 0; k < 3; k++) {
          const g = side * G[i % 3][k];
          if (g === 0) continue;
          for (let j = 0; j < 2 * n; j++) row[j] += g * at(first + k, j);
          row[2 * n + 2] -= g * still[first + k];
        }
        row[side > 0 ? i : n + i] += 1;
        if (i < 2) row[2 * n + i] = drive;
      }
      rows.push(row);
    }
  }
  const slopes = eliminated(rows);
  const mean = 0.5 * (faces.top.read + faces.bottom.read);
  const odd = 0.5 * (faces.top.read - faces.bottom.read);
  const out = { atFaces: [], mean: [] };
  for (let i = 0; i < n; i++) {
    const [across, along] = [[0, 0, odd * (2 / t) * still[i]], [0, 0, M[i][2]]];
    for (let d = 0; d < 3; d++) {
      for (let j = 0; j < n; j++) {
        const [up, down] = [slopes[j][d], slopes[n + j][d]];
        across[d] += 0.5 * mean * h[i][j] * (up + down) + 0.5 * odd * e[i][j] * (up - down);
        along[d] += (M[i][j] * (up - down)) / t;
      }
    }
    out.atFaces.push(across);
    out.mean.push(along);
  }
  return out;
}

// solves a system whose right-hand sides are the columns behind the square, in place
function eliminated(rows) {
  const n = rows.length;
  const width = rows[0].length;
  for (let k = 0; k < n; k++) {
    let best = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(rows[i][k]) > Math.abs(rows[best][k])) best = i;
    [rows[k], rows[best]] = [rows[best], rows[k]];
    const pivot = rows[k];
    for (let i = k + 1; i < n; i++) {
      const row = rows[i];
      const ratio = row[k] / pivot[k];
      if (ratio !== 0) for (let j = k; j < width; j++) row[j] -= ratio * pivot[j];
    }
  }
  for (let k = n - 1; k >= 0; k--) {
    const row = rows[k];
    for (let i = k + 1; i < n; i++) {
      const [ratio, below] = [row[i], rows[i]];
      if (ratio !== 0) for (let j = n; j < width; j++) row[j] -= ratio * below[j];
    }
    for (let j = n; j < width; j++) row[j] /= row[k];
  }
  return rows.map((row) => row.slice(n));
}

// of one relaxation time and one channel: a function of the field
function uniform(measure, material, more) {
  const stretch = (material.diffusion_length / measure.reference_length) ** 2;
  const s = [1, -2 * Math.PI * (more.frequency ?? 0) * material.relaxation_time];
  const response = (measure.film ? film : plane)(measure, material, stretch, s, more);
  return (B) => {
    const T = torque(material, B);
    const TT = product(T, T);
    const squared = -0.5 * (TT[0][0] + TT[1][1] + TT[2][2]); // (omega tau)^2; below 0 it amplifies
    const growth = Math.sqrt(Math.max(-squared, 0));
    if (growth >= 1 + measure.slowest * stretch) return null;
    const phi = Math.sqrt(Math.max(squared, 0));
    return { ...response(T, squared), phi, growth, reach: phi - s[1] };
  };
}

// A function of the field: delta_R and R(B) - R(0) in ohm (rho and its change on a cross-section),
// R_ohmic, R and rho*, the precession |omega| tau or the growth, and the round-off of delta if the measure
// says it; null where there is no steady state.
// reach is what is compared with that for which a measure was made.
function prepare(measure, material = measure.material, more = {}) {
  const response = evaluatorOf(measure, material, more);
  const section = measure.current === null;
  const thicker = measure.film ? (more.thickness ?? measure.film.thickness) / measure.film.thickness : 1;
  const sheet = measure.stack
    ? layersOf(measure, more).reduce((sum, layer) => sum + layer.sheet, 0)
    : material.sheet_conductivity * thicker;
  const conductance = section ? 1 : sheet * (measure.across ?? 1);
  // with a spin, and in layers, the angles are within f
  const angles = material.spin || measure.stack ? -1
    : -material.orbital_hall_angle * material.inverse_orbital_hall_angle;
  const unit = (isPolarised(measure) ? 1 : angles) / conductance;
  const ohmic = section ? 0 : measure.R_ohmic_sigma / conductance;
  return (B) => {
    const found = response(B);
    if (found === null) return null;
    const { f, change, phi, growth, reach } = found;
    const zero = minus(f, change);
    const delta = scaled(f, unit);
    const floor = measure.floor ?? 0;
    const nothing = Math.hypot(...zero) <= Math.min(floor, 1e-3 * Math.hypot(...change));
    return {
      delta,
      change: scaled(change, unit),
      ohmic,
      R: plus([ohmic, 0], delta),
      star: nothing || Math.hypot(...zero) === 0 ? [NaN, NaN] : scaled(over(change, zero), -1),
      floor: floor * Math.abs(unit),
      phi,
      growth,
      reach,
    };
  };
}

function evaluatorOf(measure, material, more) {
  if (measure.stack) return layered(measure, more);
  return (isSeveral(material) ? several : uniform)(measure, material, more);
}

const isSeveral = (material) => material.diffusion_length === undefined;

if (typeof module !== "undefined") module.exports = { prepare, torque };
