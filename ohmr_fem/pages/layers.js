// A stack of layers in closed form: the local conductivity tensor through the thickness (docs/theory,
// sections 9 and 12), and from the plane the integrals of its ohmic fields.  more.layers are the changes
// of the layers: thickness (m), and coefficients of their materials.

// component that moves along z, and its sign, for a current along x and along y
const MOVED = [[1, -1], [0, 1]];

function layersOf(measure, more) {
  return measure.stack.layers.map(({ thickness, material }, i) => {
    const { thickness: size = thickness, ...changes } = more.layers?.[i] ?? {};
    const own = { ...material, ...changes };
    const conductivity = material.sheet_conductivity / thickness;
    const D = own.diffusion_length ** 2 / own.relaxation_time;
    return { thickness: size, material: own, conductivity, D, sheet: conductivity * size };
  });
}

// a function of the field; f = sum_ij (delta sigma_ij/sigma) m_ij
function layered(measure, more) {
  const layers = layersOf(measure, more);
  const omega = 2 * Math.PI * (more.frequency ?? 0);
  const ohmic = layers.reduce((sum, { sheet }) => sum + sheet, 0);
  const [[xx, xy], [yx, yy]] = measure.products;
  const m = [[yy, -yx], [-xy, xx]];
  const value = (B) => {
    const inside = layers.map((layer) => insideOf(measure, layer, B, omega));
    const growth = Math.max(...inside.map((layer) => layer.growth));
    if (growth >= 1) return null;
    const currents = currentsBetween(measure, inside);
    let f = [0, 0];
    inside.forEach(({ near, far, source, material, D }, i) => {
      const differences = combined(source, 2, combined(currents[i], 1, currents[i + 1], 1), -1);
      const jump = multiplied(combined(near, 1, far, 1), differences);
      // current k moves a component along z, and what arrives of j drives the current along j
      const weight = (material.inverse_orbital_hall_angle * D) / ohmic;
      MOVED.forEach(([moved, sign], k) => {
        const row = detector(measure, material, moved, true);
        [0, 1].forEach((j) => (f = plus(f, scaled(readBy(row, jump, j), sign * weight * m[k][j]))));
      });
    });
    return { f, growth };
  };
  const zero = value([0, 0, 0]);
  return (B) => {
    const found = value(B);
    if (found === null || zero === null) return null;
    return { f: found.f, change: minus(found.f, zero.f), phi: NaN, growth: found.growth, reach: 0 };
  };
}

// n above = near u + far d, n below = - far u - near d, u and d the slopes D n' above and below
function insideOf(measure, layer, B, omega) {
  const { thickness, material, conductivity, D } = layer;
  const [length, tau] = [material.diffusion_length, material.relaxation_time];
  const T = torque(material, B);
  const TT = product(T, T);
  const growth = Math.sqrt(Math.max(0.5 * (TT[0][0] + TT[1][1] + TT[2][2]), 0));
  const one = identity(3);
  const Z = times1(embedded(combined(one, 1, T, 1), omega ? times1(one, -omega * tau) : null), (0.5 * thickness / length) ** 2);
  const h = oddOf(Z);
  const e = solved(multiplied(Z, h), identity(Z.length));
  const unit = (0.25 * thickness) / D;
  const drives = MOVED.map(([moved, sign]) => [0, 1, 2].map((a) => (a === moved ? sign * material.orbital_hall_angle * conductivity : 0)));
  const chi = conductivity / D;
  // what is continuous of n: D W/sigma n, or n
  const { shaped, interface: between } = measure.stack;
  const turns = material.inverse_mass.flat().some((x) => x !== 0);
  const W = [0, 1, 2].map((c) => detector({ detection: shaped && turns ? "reciprocal" : "printed" }, material, c, true));
  const rule = between === "density" ? one : times1(W, 1 / chi);
  const zero = omega ? zeros(3, 3) : null;
  return {
    ...layer, growth, near: combined(e, unit, h, unit), far: combined(h, unit, e, -unit),
    source: columnsOf(Z.length, drives), rule: embedded(rule, zero), whole: (M) => embedded(M, zero),
  };
}

// moment currents at the bottom, between the layers and at the top, (n, 2) each
function currentsBetween({ stack }, layers) {
  const [n, last] = [layers[0].near.length, layers.length];
  const rows = [];
  // the equations of one place: blocks { j: matrix } of the currents, and what drives
  const put = (blocks, right) => {
    for (let i = 0; i < n; i++) {
      const row = new Float64Array(n * (last + 1) + 2);
      for (const [j, block] of Object.entries(blocks)) row.set(block[i], n * j);
      const scale = row.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
      row.set(right[i], n * (last + 1));
      rows.push(row.map((v) => v / scale));
    }
  };
  const face = (given, layer, j, inner) => {
    const { near, far, source, conductivity, D, whole } = layer;
    const one = identity(n);
    const law = given.absorbing ? one : whole(absorption(given, conductivity, D));
    const left = given.absorbing ? near : combined(one, 1, multiplied(law, near), 1);
    put({ [j]: left, [inner]: multiplied(law, far) }, multiplied(law, multiplied(combined(near, 1, far, 1), source)));
  };
  face(stack.bottom, layers[0], 0, 1);
  for (let j = 1; j < last; j++) {
    const [under, over] = [layers[j - 1], layers[j]];
    const own = [under, over].map(({ rule, near, far, source }) => multiplied(multiplied(rule, combined(near, 1, far, 1)), source));
    put({
      [j]: combined(multiplied(under.rule, under.near), 1, multiplied(over.rule, over.near), 1),
      [j - 1]: multiplied(under.rule, under.far),
      [j + 1]: multiplied(over.rule, over.far),
    }, combined(own[0], 1, own[1], 1));
  }
  face(stack.top, layers[last - 1], last, last - 1);
  const found = eliminated(rows);
  return Array.from({ length: last + 1 }, (_, j) => found.slice(n * j, n * (j + 1)));
}
