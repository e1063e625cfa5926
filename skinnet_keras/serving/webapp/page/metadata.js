// The patient as the numbers a model takes; `skinnet_keras.data.metadata` is the original.

export const MAX_AGE = 120;
export const SEXES = ['female', 'male'];
const INDICATORS = ['age_missing', 'sex_missing', 'site_missing'];

/**
 * The anatomical sites of a metadata vector.
 * @param {string[]} layout Names of its floats, in order.
 * @returns {string[]}
 */
export function sitesOf(layout) {
  return layout.filter((name) => ![...INDICATORS, ...SEXES, 'age'].includes(name));
}

/**
 * Encode one patient.
 * @param {string[]} layout Names of the floats, in order.
 * @param {{age: ?number, sex: string, site: string}} patient Age in years or null; sex and site
 *     as in the layout, or ''.
 * @returns {Float32Array} One float a name: a missing value is 0, and 1 in its indicator.
 */
export function encodePatient(layout, {age, sex, site}) {
  if (age !== null && !(age >= 0 && age <= MAX_AGE)) {
    throw new RangeError(`age ${age}`);
  }
  const floats = {
    age: age === null ? 0 : Math.min(age / 100, 1),
    age_missing: age === null ? 1 : 0,
    sex_missing: sex === '' ? 1 : 0,
    site_missing: site === '' ? 1 : 0,
  };
  return Float32Array.from(layout, (name) => floats[name] ?? (name === sex || name === site ? 1 : 0));
}
