"use strict";
// Evaluates a spectral measure as SpectralMeasure.save writes it (docs/measure-format).
// A material is the one of the file with whatever is changed; fields are [x, y, z] in T.

const CHARGE = 1.602176634e-19; // C
const ELECTRON_MASS = /*ELECTRON_MASS*/ 9.1093837139e-31; // kg

function product(a, b) {
  return a.map((row) => b[0].map((_, j) => row.reduce((sum, x, k) => sum + x * b[k][j], 0)));
}

// T(B) tau = (g e tau/2) [B]_x X, Eq. (2)
function torque(material, B) {
  const rate = (0.5 * material.g_factor * CHARGE * material.relaxation_time) / ELECTRON_MASS;
  const [x, y, z] = B.map((b) => b * rate);
  return product([[0, -z, y], [z, 0, -x], [-y, x, 0]], material.inverse_mass);
}

// (omega tau)^2; negative where the torque amplifies
function precessionSquared(T) {
  const square = product(T, T);
  return -0.5 * (square[0][0] + square[1][1] + square[2][2]);
}

// weights with which n enters what reads a component
function detector(measure, material, component, averaged) {
  const row = [0, 1, 2].map((a) => (a === component ? 1 : 0));
  if (measure.detection === "printed") return row;
  const X = material.inverse_mass;
  const scale = averaged ? 0.5 * (X[0][0] + X[1][1]) : X[2][2];
  return X[component].map((x) => x / scale);
}

// f(B) and f(B) - f(0), docs/theory section 4; null where there is no steady state
function response(measure, material, B) {
  const { rates, weights } = measure.projection;
  const stretch = (material.diffusion_length / measure.reference_length) ** 2;
  const T = torque(material, B);
  const TT = product(T, T);
  const squared = precessionSquared(T);
  const growth = Math.sqrt(Math.max(-squared, 0));
  if (growth >= 1 + measure.slowest * stretch) return null;
  const polarised = isPolarised(measure);
  const averaged = measure.current === null && measure.channels.some((c) => c[1] !== 2);
  let zero = 0;
  let change = 0;
  for (const [generated, detected, a, b, drive = null, read = null] of measure.channels) {
    const row = detector(measure, material, detected, averaged);
    const along = (M) => row.reduce((sum, x, i) => sum + x * M[i][generated], 0);
    const [first, second, direct] = [along(T), along(TT), row[generated]];
    const driven = drive ?? -material.orbital_hall_angle;
    const reading = read ?? material.inverse_orbital_hall_angle;
    const strength = stretch * (polarised ? driven * reading : 1);
    for (let k = 0; k < rates.length; k++) {
      const rate = rates[k] * stretch + 1;
      const g = strength * weights[k][a] * weights[k][b];
      zero += (g * direct) / rate;
      change += (g * (second / rate - first)) / (rate * rate + squared);
    }
  }
  return { f: zero + change, change, squared };
}

function isPolarised(measure) {
  return measure.channels.some((c) => (c[4] ?? c[5] ?? null) !== null);
}

// delta_R and R(B) - R(0) in ohm (rho and its change on a cross-section), R_ohmic and rho*
function resistance(measure, material, B) {
  const found = response(measure, material, B);
  if (found === null) return null;
  const angles = -material.orbital_hall_angle * material.inverse_orbital_hall_angle;
  const section = measure.current === null;
  const conductance = section ? 1 : material.sheet_conductivity * (measure.across ?? 1);
  const unit = (isPolarised(measure) ? 1 : angles) / conductance;
  const ohmic = section ? 0 : measure.R_ohmic_sigma / conductance;
  const zero = found.f - found.change;
  return {
    delta: unit * found.f,
    change: unit * found.change,
    ohmic,
    R: ohmic + unit * found.f,
    star: zero === 0 ? NaN : -found.change / zero,
    phi: Math.sqrt(Math.max(found.squared, 0)),
    growth: Math.sqrt(Math.max(-found.squared, 0)),
  };
}

if (typeof module !== "undefined") module.exports = { response, resistance, torque };
