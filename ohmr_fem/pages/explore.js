// The exploring page: sliders, two curves, numbers, and the state in the address.
const PLANES = { xy: [0, 1], yz: [1, 2], xz: [0, 2] };
const QUANTITIES = { change: "R(B) − R(0)", R: "R", star: "ρ*" };
const SECTION = { change: "ρ(B) − ρ(0)", R: "ρ", star: "ρ*" };
const names = DATA.section ? SECTION : QUANTITIES;
const at = (id) => document.getElementById(id);
const form = at("controls");
const state = {};
let measured = [];

function choice(name, title, options) {
  const label = document.createElement("label");
  const select = document.createElement("select");
  for (const [value, text] of options) select.append(new Option(text, value));
  select.name = name;
  label.append(title, select);
  form.append(label);
}

// A slider from low to high.  What the address gives is kept to the last digit until it is moved.
function slider(name, title, low, high, value, unit, log = false) {
  const label = document.createElement("label");
  const shown = document.createElement("output");
  const input = document.createElement("input");
  const place = (v) => (log ? Math.log(v / low) / Math.log(high / low) : (v - low) / (high - low));
  Object.assign(input, { type: "range", name, min: 0, max: 1, step: 0.0005, value: place(value) });
  input.real = () => (log ? low * (high / low) ** input.value : low + (high - low) * input.value);
  input.put = (v) => {
    const within = Math.min(Math.max(v, low), high);
    input.value = place(within);
    Object.assign(input, { exact: within, at: input.value });
  };
  input.now = () => (input.value === input.at ? input.exact : input.real());
  input.show = () => {
    shown.textContent = `${Number(input.now().toPrecision(4))} ${unit}`;
    input.ariaValueText = shown.textContent;
  };
  input.put(value);
  label.append(title, shown, input);
  form.append(label);
}

function controls() {
  const m = DATA.measures[0].material;
  const around = (a) => Math.max(0.3, 2 * Math.abs(a));
  if (DATA.measures.length > 1) choice("measure", "measurement", DATA.names.map((n, i) => [i, n]));
  choice("quantity", "quantity", Object.entries(names));
  choice("plane", "plane of the field", Object.keys(PLANES).map((p) => [p, p]));
  slider("B", "largest field", 0, DATA.field, DATA.field / 2, "T");
  slider("turn", "direction in the plane", -180, 180, 0, "°");
  const [alpha, back] = [m.orbital_hall_angle, m.inverse_orbital_hall_angle];
  if (DATA.angles) {
    slider("alpha", "α", -around(alpha), around(alpha), alpha, "");
    slider("back", "α′", -around(back), around(back), back, "");
  }
  if (DATA.one) ofMaterial(m);
  if (DATA.thickness) {
    const [thin, own, thick] = DATA.thickness.map((t) => t * 1e9);
    slider("thickness", "thickness", thin, thick, own, "nm", true);
  }
  for (const { path, title, low, high, value, unit, log } of DATA.extra) slider(path, title, low, high, value, unit, log);
  for (const [side, [G, most]] of Object.entries(DATA.faces)) {
    slider(side, `G of the ${side} face`, 0, most, G, "m/s");
  }
  if (DATA.polarisation) slider("polarisation", "polarisation", 0, 1, DATA.polarisation, "");
  slider("frequency", "frequency of the current", 0, DATA.frequency / 1e9, 0, "GHz");
}

function ofMaterial(m) {
  const theta = m.inverse_mass[2][2] / m.inverse_mass[1][1];
  if (!DATA.tied) {
    const [low, high] = DATA.lengths;
    slider("diffusion", "L_m", low * 1e9, high * 1e9, DATA.length * 1e9, "nm", true);
    const tau = m.relaxation_time * 1e12;
    slider("tau", "τ", tau / 10, tau * 10, tau, "ps", true);
  }
  if (theta > 0) slider("theta", "θ = X_zz/X_yy", Math.min(1e-3, theta), Math.max(10, theta), theta, "", true);
  slider("g", "g", -Math.max(4, Math.abs(m.g_factor)), Math.max(4, Math.abs(m.g_factor)), m.g_factor, "");
}

// the state of the address, where it names what is there
function fromAddress() {
  for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
    const input = form.elements[name];
    if (!input) continue;
    if (input.put && value.trim() && Number.isFinite(Number(value))) input.put(Number(value));
    else if (!input.put && [...input.options].some((o) => o.value === value)) input.value = value;
  }
}

function read() {
  for (const input of form.elements) {
    state[input.name] = input.now ? input.now() : input.value;
    if (input.show) input.show();
  }
  history.replaceState(null, "", "#" + new URLSearchParams(state));
  const measure = DATA.measures[Number(state.measure ?? 0)];
  const { bottom, top, polarisation } = state;
  const thickness = state.thickness === undefined ? undefined : state.thickness * 1e-9;
  const more = { frequency: state.frequency * 1e9, bottom, top, polarisation, thickness };
  return [measure, changed(measure.material, more), more];
}

// the material of the sliders; what belongs to layers goes into more
function changed(material, more) {
  const X = material.inverse_mass.map((row) => [...row]);
  if (state.theta !== undefined) X[2][2] = state.theta * X[1][1];
  const out = { ...material, inverse_mass: X };
  const given = (name, key, unit = 1) => state[name] !== undefined && (out[key] = state[name] * unit);
  given("g", "g_factor");
  given("alpha", "orbital_hall_angle");
  given("back", "inverse_orbital_hall_angle");
  given("tau", "relaxation_time", 1e-12);
  if (isSeveral(material) && !DATA.tied) out.diffusion_constant = (state.diffusion * 1e-9) ** 2 / out.relaxation_time;
  else given("diffusion", "diffusion_length", 1e-9);
  for (const { path, factor } of DATA.extra) put(out, more, path.split("."), state[path] * factor);
  return out;
}

function put(out, more, [kind, name, ofLayer], value) {
  if (kind === "spin") out.spin = { ...out.spin, [name]: value };
  else if (kind === "layers") {
    more.layers ??= DATA.measures[0].stack.layers.map(() => ({}));
    more.layers[name][ofLayer] = value;
  } else {
    // all rates of the orbital moment, at a fixed diffusion constant
    const { relaxation_time: tau, relaxation_rate: rate } = out;
    if (rate) out.relaxation_rate = rate.map((row) => row.map((r) => r * value));
    else out.relaxation_time = Array.isArray(tau) ? tau.map((t) => t / value) : tau / value;
  }
}

function fieldAt(size, degrees) {
  const [first, second] = PLANES[state.plane];
  const B = [0, 0, 0];
  B[first] = size * Math.cos((degrees * Math.PI) / 180);
  B[second] = size * Math.sin((degrees * Math.PI) / 180);
  return B;
}

// a point of a curve; certified where the bound of the measure was checked
function point(evaluate, x, B) {
  const found = evaluate(B);
  if (found === null) return { x, y: NaN, imaginary: NaN, certified: false, silent: true };
  const [y, imaginary] = found[state.quantity];
  const most = (part, share) => Math.hypot(...part) <= share * found.floor;
  const share = found.phi >= 0 ? Math.min(1, found.phi) : 1;
  const silent = most(found.delta, 1) && most(found.change, share);
  return { x, y, imaginary, silent, certified: found.growth === 0 && found.reach <= DATA.reach };
}

// a pair of contacts that reads nothing but round-off at every field, as between probes opposite each other
function quieted(points, ohmic) {
  if (!points.every((p) => p.silent)) return points;
  const zero = { change: 0, R: ohmic, star: NaN }[state.quantity];
  return points.map((p) => (Number.isFinite(p.y) ? { ...p, y: zero, imaginary: 0 } : p));
}

// the size of a step between ticks: 1, 2 or 5 times a power of ten
function step(span, about) {
  const power = 10 ** Math.floor(Math.log10(span / about));
  return power * [1, 2, 5, 10].find((s) => s * power >= span / about);
}

function ticks(low, high, by) {
  const size = Math.max(Math.abs(low), Math.abs(high));
  const digits = Math.min(Math.max(Math.ceil(Math.log10(size / by)) + 2, 1), 12);
  const first = Math.ceil(low / by - 1e-9);
  const count = Math.floor(high / by + 1e-9) - first + 1;
  return Array.from({ length: Math.max(count, 0) }, (_, i) => {
    const value = (first + i) * by;
    return [value, String(Number(value.toPrecision(digits))).replace("-", "−")];
  });
}

function range(values) {
  const finite = values.filter(Number.isFinite);
  if (!finite.length) return [-1, 1];
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const size = Math.max(Math.abs(low), Math.abs(high));
  // what varies by rounding alone is constant
  if (high - low <= 1e-10 * size || size === 0) return [low - (0.5 * size || 1), high + (0.5 * size || 1)];
  return [low - 0.04 * (high - low), high + 0.04 * (high - low)];
}

function draw(id, points, label, data, by) {
  const alternating = state.frequency > 0;
  const values = [...points.map((p) => p.y), ...data.map((p) => p[1])];
  const [low, high] = range(alternating ? [...values, ...points.map((p) => p.imaginary)] : values);
  const [left, right] = [points[0].x, points[points.length - 1].x];
  const X = (x) => 90 + (530 * (x - left)) / (right - left || 1);
  const Y = (y) => 250 - (220 * (y - low)) / (high - low);
  const path = (key, kind) => [true, false].map((inside) => {
    const pieces = points.slice(1).map((p, i) => {
      const q = points[i];
      if (!Number.isFinite(p[key] + q[key]) || (p.certified && q.certified) !== inside) return "";
      return `M${X(q.x).toFixed(1)} ${Y(q[key]).toFixed(1)}L${X(p.x).toFixed(1)} ${Y(p[key]).toFixed(1)}`;
    });
    return `<path class="curve ${kind} ${inside ? "" : "open"}" d="${joined(pieces)}"/>`;
  }).join("");
  const across = ticks(low, high, step(high - low, 7)).map(([y, text]) =>
    `<line class="axis" x1="90" x2="620" y1="${Y(y)}" y2="${Y(y)}"/>` +
    `<text x="84" y="${Y(y) + 4}" text-anchor="end">${text}</text>`);
  const along = ticks(left, right, by || step(right - left || 1, 10)).map(([x, text]) =>
    `<line class="axis" x1="${X(x)}" x2="${X(x)}" y1="250" y2="255"/>` +
    `<text x="${X(x)}" y="270" text-anchor="middle">${text}</text>`);
  const dots = data.filter((p) => p[0] >= left && p[0] <= right)
    .map((p) => `<circle class="data" cx="${X(p[0])}" cy="${Y(p[1])}" r="3"/>`);
  const unit = state.quantity === "star" || DATA.section ? "" : " (Ω)";
  const parts = alternating ? ", real part; <tspan class='imaginary'>imaginary part</tspan>" : "";
  at(id).innerHTML = across.join("") + along.join("") + dots.join("") +
    (alternating ? path("imaginary", "imaginary") : "") + path("y", "") +
    `<text x="355" y="291" text-anchor="middle">${label}</text>` +
    `<text x="90" y="18">${names[state.quantity]}${unit}${parts}</text>`;
}

// lines that follow each other are one line, so that dashes do not begin anew
function joined(pieces) {
  let [path, end] = ["", ""];
  for (const piece of pieces) {
    if (!piece) continue;
    const [start, stop] = piece.slice(1).split("L");
    path += start === end ? `L${stop}` : piece;
    end = stop;
  }
  return path;
}

function shownData(against) {
  if (at("against").value !== against || !measured.length) return [];
  if (state.quantity === "R") return measured;
  const zero = measured.reduce((a, b) => (Math.abs(b[0]) < Math.abs(a[0]) ? b : a));
  const change = measured.map(([x, y]) => [x, y - zero[1]]);
  if (state.quantity === "star" || against === "field") return state.quantity === "star" ? [] : change;
  // against the angle no point is at B = 0: the mean of both is the same
  const mean = measured.reduce((sum, p) => sum + p[1], 0) / measured.length;
  return measured.map(([x, y]) => [x, y - mean + curves.mean]);
}

const curves = { field: [], angle: [], mean: 0 };

function update() {
  const [measure, material, more] = read();
  const evaluate = prepare(measure, material, more);
  const half = DATA.steps;
  const steps = Array.from({ length: 2 * half + 1 }, (_, i) => i / half - 1);
  const ohmic = evaluate([0, 0, 0])?.ohmic;
  const drawn = (at) => quieted(steps.map(at), ohmic);
  curves.field = drawn((t) => point(evaluate, t * state.B, fieldAt(t * state.B, state.turn)));
  curves.angle = drawn((t) => point(evaluate, 180 * t, fieldAt(state.B, 180 * t)));
  const finite = curves.angle.map((p) => p.y).filter(Number.isFinite);
  curves.mean = finite.reduce((sum, y) => sum + y, 0) / (finite.length || 1);
  draw("field", curves.field, "B (T)", shownData("field"));
  draw("angle", curves.angle, "angle in the plane (degrees)", shownData("angle"), 45);
  const open = [...curves.field, ...curves.angle].some((p) => !p.certified);
  const nothing = curves.field.every((p) => p.silent) && state.B > 0;
  const known = DATA.estimated ? "the estimated range" : "the certified range";
  at("said").textContent =
    (DATA.section || ohmic === undefined ? "" : `R_ohmic = ${Number(ohmic.toPrecision(7))} Ω. `) +
    (nothing ? "Against the field: zero by symmetry, to round-off. " : "") +
    (open ? `Dashed: outside ${known}, or no steady state.` : `Within ${known}.`);
  write();
}

function write() {
  const alternating = state.frequency > 0;
  const rows = curves[at("table").value].map((p) => {
    const x = Number(p.x.toPrecision(10));
    return alternating ? `${x}\t${p.y}\t${p.imaginary}` : `${x}\t${p.y}`;
  });
  at("numbers").value = rows.join("\n");
}

function take(text) {
  const rows = text.split(/\r?\n/).map((line) => line.trim().split(/[\s,;]+/).map(Number));
  measured = rows.filter((r) => r.length > 1 && Number.isFinite(r[0]) && Number.isFinite(r[1]));
  update();
}

// one drawing a frame, however fast a slider moves
let waiting = false;
function soon() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    update();
  });
}

controls();
fromAddress();
form.addEventListener("input", soon);
form.addEventListener("submit", (e) => e.preventDefault());
addEventListener("hashchange", () => {
  fromAddress();
  update();
});
at("table").addEventListener("input", write);
at("against").addEventListener("input", update);
at("file").addEventListener("change", async (e) => take(await e.target.files[0].text()));
at("copy").addEventListener("click", () => {
  at("numbers").select();
  navigator.clipboard?.writeText(at("numbers").value);
});
at("send").addEventListener("click", () => navigator.clipboard?.writeText(location.href));
document.addEventListener("dragover", (e) => e.preventDefault());
document.addEventListener("drop", async (e) => {
  e.preventDefault();
  if (e.dataTransfer.files[0]) take(await e.dataTransfer.files[0].text());
});
update();
