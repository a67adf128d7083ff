// Measures of a relaxation tensor, or of orbital and spin moment together: a matrix of q = 3 or 6
// components a pole (docs/theory, section 11), in units of the length l of the rates.  A complex matrix
// is the real one [[re, -im], [im, re]] of n = 2q rows; for a direct current n = q.

// plain arrays: small ones are made faster than typed ones
const zeros = (n, m) => Array.from({ length: n }, () => new Array(m).fill(0));
const identity = (n) => filled(n, n, (i, j) => (i === j ? 1 : 0));
const times1 = (a, x) => combined(a, x, a, 0);
const frobenius = (M) => Math.hypot(...M.map((row) => Math.hypot(...row)));
// M x 1: an entry becomes a block of three
const blocks = (M) => filled(3 * M.length, 3 * M.length, (i, j) => (i % 3 === j % 3 ? M[(i / 3) | 0][(j / 3) | 0] : 0));
// columns beside each other, and rows below
const columnsOf = (n, columns) => filled(n, columns.length, (i, j) => columns[j][i] ?? 0);

// plain loops: these are most of what a page does
function filled(n, m, at) {
  const out = zeros(n, m);
  for (let i = 0; i < n; i++) for (let j = 0; j < m; j++) out[i][j] = at(i, j);
  return out;
}

function combined(a, x, b, y) {
  const [n, m] = [a.length, a[0].length];
  const out = zeros(n, m);
  for (let i = 0; i < n; i++) {
    const [to, one, other] = [out[i], a[i], b[i]];
    for (let j = 0; j < m; j++) to[j] = x * one[j] + y * other[j];
  }
  return out;
}

function multiplied(a, b) {
  const [n, m] = [a.length, b[0].length];
  const out = zeros(n, m);
  for (let i = 0; i < n; i++) {
    const to = out[i];
    for (let k = 0; k < b.length; k++) {
      const [v, line] = [a[i][k], b[k]];
      if (v !== 0) for (let j = 0; j < m; j++) to[j] += v * line[j];
    }
  }
  return out;
}

// matrix^-1 right
function solved(matrix, right) {
  return eliminated(matrix.map((row, i) => row.concat(right[i])));
}

// of re + i im; im null for a direct current
function embedded(re, im) {
  if (im === null) return re;
  const q = re.length;
  return filled(2 * q, 2 * q, (i, j) => {
    if (i < q === j < q) return re[i % q][j % q];
    return i < q ? -im[i][j - q] : im[i - q][j];
  });
}

// a complex number [re, im]: a real row times column j
function readBy(row, columns, j) {
  const q = row.length;
  let [re, im] = [0, 0];
  for (let i = 0; i < q; i++) {
    re += row[i] * columns[i][j];
    if (columns.length > q) im += row[i] * columns[q + i][j];
  }
  return [re, im];
}

// DD (c, c), DD x 1, Gamma, alpha and alpha', T(B)
class Channels {
  constructor(material) {
    const { spin, diffusion_constant: D, relaxation_time: time, relaxation_rate: rate } = material;
    const own = rate ?? filled(3, 3, (i, j) => (i === j ? 1 / (Array.isArray(time) ? time[i] : time) : 0));
    Object.assign(this, { material, spin, diffusion: [[D]], relaxation: own });
    this.angles = [material.orbital_hall_angle];
    this.inverse = [material.inverse_orbital_hall_angle];
    if (spin) this.withSpin(spin, own);
    this.size = this.relaxation.length;
    this.spread = blocks(this.diffusion);
    this.unspread = solved(this.spread, identity(this.size));
  }

  withSpin(spin, own) {
    const [intoL, intoS] = spin.cross_diffusion;
    this.diffusion = [[this.diffusion[0][0], intoL], [intoS, spin.diffusion_constant]];
    this.relaxation = blocks([[0, -spin.to_orbital], [-spin.from_orbital, 1 / spin.relaxation_time]]);
    own.forEach((row, i) => row.forEach((v, j) => (this.relaxation[i][j] = v)));
    this.angles.push(spin.hall_angle);
    this.inverse.push(spin.inverse_hall_angle);
  }

  // T_L and T_S, 1/s
  torque(B) {
    const turning = (g) => cross(B.map((b) => (0.5 * g * CHARGE * b) / ELECTRON_MASS));
    const orbital = product(turning(this.material.g_factor), this.material.inverse_mass);
    if (!this.spin) return orbital;
    const own = turning(this.spin.g_factor * this.spin.inverse_mass);
    return filled(6, 6, (i, j) => (i < 3 !== j < 3 ? 0 : (i < 3 ? orbital : own)[i % 3][j % 3]));
  }

  // a component in each channel, with weights
  made(weights, component) {
    return weights.flatMap((w) => [0, 1, 2].map((a) => (a === component ? w : 0)));
  }

  // what reads a component: the row of the detector for the orbital moment; the spin is isotropic
  reader(weights, component, row) {
    const spin = [0, 1, 2].map((a) => (a === component ? 1 : 0));
    return weights.flatMap((w, k) => (k === 0 ? row : spin).map((x) => w * x));
  }

  // alpha'^T DD
  reading(inverse) {
    return this.diffusion[0].map((_, j) => inverse.reduce((sum, a, i) => sum + a * this.diffusion[i][j], 0));
  }

  // DD^-1 alpha
  driving(angles) {
    return solved(this.diffusion, angles.map((a) => [a])).map(([a]) => a);
  }

  // Whether all decays: the eigenvalues of kappa DD + Gamma + T have positive real parts for kappa >=
  // least (1/m^2)
  decays(B, least) {
    const M = combined(this.relaxation, 1, this.torque(B), 1);
    const size = frobenius(M) / frobenius(this.diffusion);
    const steps = this.spin ? Array.from({ length: 49 }, (_, i) => size * 10 ** (i / 8 - 3)) : [];
    return [0, ...steps].every((step) => positive(combined(this.spread, least + step, M, 1)));
  }
}

// Whether the eigenvalues of M have positive real parts, by the criterion of Routh: the coefficients of
// det(x + M) come from the traces of powers (Newton's identities)
function positive(M) {
  const unit = times1(M, 1 / frobenius(M));
  const [traces, e] = [[], [1]];
  for (let k = 1, power = unit; k <= M.length; k++, power = multiplied(power, unit)) {
    traces.push(power.reduce((sum, row, i) => sum + row[i], 0));
    e.push(traces.reduce((sum, trace, i) => sum + (i % 2 ? -1 : 1) * e[k - 1 - i] * trace, 0) / k);
  }
  let [above, below] = [e.filter((_, i) => i % 2 === 0), e.filter((_, i) => i % 2 === 1)];
  while (below.length) {
    if (!(below[0] > 0)) return false;
    const ratio = above[0] / below[0];
    [above, below] = [below, above.slice(1).map((v, i) => v - ratio * (below[i + 1] ?? 0))];
  }
  return true;
}

// of a material with several rates or channels: a function of the field
function several(measure, material, more) {
  const own = new Channels(material);
  const square = measure.reference_length ** 2;
  const omega = 2 * Math.PI * (more.frequency ?? 0);
  const inside = (B) => combined(own.relaxation, square, own.torque(B), square);
  // l^2 (Gamma + T - i omega), and DD^-1 times it, of which F is a function
  const local = (B) => embedded(inside(B), omega ? times1(identity(own.size), -omega * square) : null);
  const rates = (B) => embedded(multiplied(own.unspread, inside(B)), omega ? times1(own.unspread, -omega * square) : null);
  const kind = measure.film ? severalFilm : severalPlane;
  const response = kind(measure, more, { own, square, local, rates });
  return (B) => {
    if (!own.decays(B, measure.slowest / square)) return null;
    return { ...response(B), phi: NaN, growth: 0, reach: frobenius(rates(B)) };
  };
}

// f = sum_k g_k r.A_k(B)^-1 s; without subtracting f - f(0) = - sum_k g_k r.A_k(B)^-1 T A_k(0)^-1 s
function severalPlane(measure, more, { own, square, local }) {
  const [links, { rates }] = [linksOf(measure), measure.projection];
  const loads = loadsOf(measure, links);
  const { sources, readers } = linkVectors(measure, own, links, more);
  const still = local([0, 0, 0]);
  const n = still.length;
  const spread = embedded(own.spread, n > own.size ? zeros(own.size, own.size) : null);
  const atRest = rates.map((w) => solved(combined(still, 1, spread, w), columnsOf(n, sources)));
  const sum = (answers) => {
    let f = [0, 0];
    answers.forEach((answer, k) => readers.forEach((row, i) => {
      f = plus(f, scaled(readBy(row, answer, i), loads[k][i]));
    }));
    return f;
  };
  const zero = sum(atRest);
  return (B) => {
    const turning = times1(own.torque(B), square);
    const T = embedded(turning, n > own.size ? zeros(own.size, own.size) : null);
    const A = local(B);
    const turned = rates.map((w, k) => solved(combined(A, 1, spread, w), multiplied(T, atRest[k])));
    const change = scaled(sum(turned), -1);
    return { f: plus(zero, change), change };
  };
}

// what is generated and what reads it, (q) for each link
function linkVectors(measure, own, links, more) {
  const { material, spin } = own;
  const polarised = isPolarised(measure);
  const p = polarisationOf(measure, more);
  const averaged = measure.current === null && links.some((c) => c.detected !== 2);
  const sources = links.map((c) => {
    if (spin && c.drive === null) return own.made(own.angles.map((a) => (polarised ? -a : a)), c.generated);
    const plain = polarised ? -material.orbital_hall_angle : 1;
    return own.made(own.angles.map(() => (c.drive === null ? plain : p * c.drive)), c.generated);
  });
  const readers = links.map((c) => {
    const row = detector(measure, material, c.detected, averaged);
    const D = own.diffusion.map((line, i) => line[i]);
    if (c.read !== null) return own.reader(D.map((d) => p * c.read * d), c.detected, row);
    if (spin) return own.reader(own.reading(own.inverse), c.detected, row);
    return own.reader([(polarised ? material.inverse_orbital_hall_angle : 1) * D[0]], c.detected, row);
  });
  return { sources, readers };
}

// a film: what 3 drives make at 3 readers, x and y of the faces and z of the edges, pole by pole
function severalFilm(measure, more, { own, square, rates }) {
  const thickness = (more.thickness ?? measure.film.thickness) / Math.sqrt(square);
  const faces = channelFaces(measure, more, own, thickness);
  const rest = rates([0, 0, 0]).slice(0, own.size).map((row) => row.slice(0, own.size));
  const least = 1 / frobenius(solved(rest, identity(own.size)));
  const nodes = fewer(measure.projection.rates.map((w) => w + least), filmLoads(measure))
    .map(({ x, load }) => ({ w: x - least, load }));
  // where the ohmic field is uniform the faces answer without any pole
  nodes.push({ w: 0, load: [0, 1, 2].map((c) => [0, 1, 2].map((d) => (c === 2 || d === 2 ? 0
    : measure.film.products[c][d] - nodes.reduce((sum, node) => sum + node.load[c][d], 0)))) });
  const value = (B) => {
    const A = rates(B);
    const [R, f] = [faces.plain ? plainFaces(faces, A) : mixingFaces(faces, A), [0, 0]];
    for (const node of nodes) {
      const read = R(node);
      for (let c = 0; c < 3; c++) {
        for (let d = 0; d < 3; d++) {
          if (node.load[c][d] === 0) continue;
          const [re, im] = read(c, d);
          f[0] += node.load[c][d] * re;
          f[1] += node.load[c][d] * im;
        }
      }
    }
    return f;
  };
  const zero = value([0, 0, 0]);
  return (B) => {
    const f = value(B);
    return { f, change: minus(f, zero) };
  };
}

// faces that reflect: r_c h(w + A) s_d, and r_z (w + A)^-1 s_z of the edges
function plainFaces({ t, drives, readers }, A) {
  const [n, norm] = [A.length, frobenius(A)];
  const powersOfA = [columnsOf(n, drives)];
  for (let j = 0; j < TERMS; j++) powersOfA.push(multiplied(A, powersOfA[j]));
  const moments = (c, d) => powersOfA.map((columns) => readBy(readers[c], columns, d));
  const known = [0, 1, 2].map((c) => [0, 1, 2].map((d) => moments(c, d)));
  return (node) => {
    const none = [0, 0];
    if (node.w > 8 * norm) {
      const [odd, inverse] = (node.series ??= [oddPart(t), reciprocal].map((f) => seriesOf(f, node.w)));
      return (c, d) => (c === 2 ? (d === 2 ? summed(inverse, known[2][2]) : none)
        : d === 2 ? none : summed(odd, known[c][d]));
    }
    const M = combined(A, 1, identity(n), node.w);
    const faces = multiplied(oddOf(times1(M, (0.5 * t) ** 2)), columnsOf(n, drives));
    const edges = solved(M, columnsOf(n, drives));
    return (c, d) => (c === 2 ? (d === 2 ? readBy(readers[2], edges, 2) : none)
      : d === 2 ? none : readBy(readers[c], faces, d));
  };
}

// Far above A a function of w + A is its power series about w, by Cauchy's formula.
const TERMS = 12;
function seriesOf(f, w) {
  const radius = 0.5 * w;
  const rest = powers(f, [w, 0], radius, TERMS).map(([c], k) => c / radius ** (k + 1));
  return [f([w, 0])[0], ...rest];
}

const summed = (series, moments) => series.reduce((sum, c, k) => plus(sum, scaled(moments[k], c)), [0, 0]);

// h(Z) = tanh(y)/y, Z = y^2 a matrix: a fraction where Z is small, and h(4 Z) = (1 + Z h^2)^-1 h
function oddOf(Z) {
  const doublings = Math.max(0, Math.ceil(Math.log(frobenius(Z) / 0.1) / Math.log(4)));
  let small = times1(Z, 4 ** -doublings);
  const one = identity(Z.length);
  const squared = multiplied(small, small);
  const above = combined(combined(one, 10395, small, 1260), 1, squared, 21);
  const below = combined(combined(one, 10395, small, 4725), 1, combined(squared, 210, multiplied(squared, small), 1), 1);
  let h = solved(below, above);
  for (let i = 0; i < doublings; i++) {
    h = solved(combined(one, 1, multiplied(small, multiplied(h, h)), 1), h);
    small = times1(small, 4);
  }
  return h;
}

// What faces and edges drive and read, and the laws of both faces: DD N' + G N = a above, DD N' - G N = a
// below, N = 0 in the components of a channel that vanishes
function channelFaces(measure, more, own, t) {
  const { material, spin } = own;
  const W = [0, 1, 2].map((c) => detector(measure, material, c, true));
  const row = (weights, c) => own.reader(weights, c, W[c]);
  const plainAngles = spin ? own.angles : [1];
  const plainInverse = spin ? own.inverse : [1];
  const toDrive = (angles) => (spin ? own.driving(angles) : angles);
  const toRead = (inverse) => (spin ? own.reading(inverse) : inverse);
  const drives = [0, 1, 2].map((d) => own.made(toDrive(plainAngles), d));
  const readers = [0, 1, 2].map((c) => row(toRead(plainInverse), c));
  const bulk = measure.material.sheet_conductivity / measure.film.thickness;
  const law = (face, changed) => {
    const channels = [face, face.spin ?? face].slice(0, own.diffusion.length);
    const vanishes = channels.map((c) => (changed === undefined ? c.absorbing : changed === "absorbing"));
    const G = channels.map((c, k) => (changed === undefined ? absorption(c, bulk, own.diffusion[k][k]) : diagonal(changed)));
    const [angles, inverse] = anglesOf(channels, own, plainAngles, plainInverse);
    const free = (i) => (vanishes[(i / 3) | 0] ? 0 : 1);
    const lost = (i, j) => (((i / 3) | 0) !== ((j / 3) | 0) ? 0
      : free(i) ? measure.reference_length * G[(i / 3) | 0][i % 3][j % 3] : Number(i === j));
    const driven = [0, 1].map((d) => multiplied(own.spread, own.made(toDrive(angles), d).map((v) => [v])).map(([v], i) => free(i) * v));
    return {
      spread: filled(own.size, own.size, (i, j) => free(i) * own.spread[i][j]),
      lost: filled(own.size, own.size, lost),
      driven,
      readers: [0, 1].map((c) => row(toRead(inverse), c)),
      plain: !vanishes.some(Boolean) && G.flat(2).every((g) => g === 0) &&
        channels.every((c) => !c.source && !c.inverse_source),
    };
  };
  const [below, above] = [law(measure.film.bottom, more.bottom), law(measure.film.top, more.top)];
  return { t, own, drives, readers, above, below, plain: above.plain && below.plain };
}

// alpha + kappa and alpha' + kappa' of each channel; over alpha and alpha' where there is one
function anglesOf(channels, own, plainAngles, plainInverse) {
  const [angles, inverse] = [[...plainAngles], [...plainInverse]];
  channels.forEach(({ source = 0, inverse_source: back = null }, k) => {
    if (!source && !back) return;
    const [alpha, reading] = [own.angles[k], own.inverse[k]];
    const partner = back ?? (alpha ? (source * reading) / alpha : source);
    angles[k] += own.spin ? source : source / alpha;
    inverse[k] += own.spin ? partner : partner / reading;
  });
  return [angles, inverse];
}

// faces that absorb or drive: a system for the slopes at both, pole by pole
function mixingFaces({ t, own, drives, readers, above, below }, A) {
  const [n, q] = [A.length, own.size];
  const whole = (real) => embedded(real, n > q ? zeros(q, q) : null);
  const laws = [[above, 1], [below, -1]].map(([law, side]) => ({
    side, spread: whole(law.spread), lost: whole(law.lost), driven: columnsOf(n, [...law.driven, []]),
  }));
  const half = 0.5 * t;
  const none = zeros(n, n);
  const beside = (a, b) => filled(n, 2 * n, (i, j) => (j < n ? a[i][j] : b[i][j - n]));
  return (node) => {
    const M = combined(A, 1, identity(n), node.w);
    const Z = times1(M, half ** 2);
    const h = oddOf(Z);
    const e = solved(multiplied(Z, h), identity(n));
    const still = solved(M, columnsOf(n, [[], [], drives[2]]));
    const rows = laws.flatMap(({ side, spread, lost, driven }) => {
      const atFace = beside(combined(e, 0.5 * half, h, side * 0.5 * half), combined(h, side * 0.5 * half, e, -0.5 * half));
      const slopes = side > 0 ? beside(spread, none) : beside(none, spread);
      const left = combined(slopes, 1, multiplied(lost, atFace), side);
      const right = combined(driven, 1, multiplied(lost, still), -side);
      return left.map((row, i) => row.concat(right[i]));
    });
    const found = eliminated(rows);
    const [up, down] = [found.slice(0, n), found.slice(n)];
    const [sum, difference] = [combined(up, 1, down, 1), combined(up, 1, down, -1)];
    const odd = times1(multiplied(h, sum), 0.5);
    const even = combined(multiplied(e, difference), 0.5, still, 2 / t);
    const edges = solved(M, combined(difference, 1 / t, columnsOf(n, [[], [], drives[2]]), 1));
    return (c, d) => {
      if (c === 2) return readBy(readers[2], edges, d);
      const half2 = (side) => above.readers[c].map((x, i) => 0.5 * (x + side * below.readers[c][i]));
      return plus(readBy(half2(1), odd, d), readBy(half2(-1), even, d));
    };
  };
}
