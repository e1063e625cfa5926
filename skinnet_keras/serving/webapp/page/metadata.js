// The patient as the numbers a model takes; `skinnet_keras.data.metadata` is the original, and has
// the rules.

export const MAX_AGE = 120;
export const SEXES = ['female', 'male'];
const MISSING = ['', 'unknown', 'nan', 'none', 'null', 'na', 'n/a', '<na>', '-'];
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
 * Read an age in digits.
 * @param {string} written
 * @returns {?number} Years, or null when missing; a RangeError where it is no age.
 */
export function readAge(written) {
  const plain = written.trim().toLowerCase();
  if (MISSING.includes(plain)) return null;
  const age = /^\+?(\d+\.?\d*|\.\d+)$/.test(plain) ? Number(plain) : NaN;
  if (!(age <= MAX_AGE)) throw new RangeError(`age ${written}`);
  return age;
}

/**
 * Encode one patient.
 * @param {string[]} layout Names of the floats, in order.
 * @param {{age: ?number, sex: string, site: string}} patient Age in years or null; sex and site
 *     as in the layout, or ''. A RangeError where one is something else.
 * @returns {Float32Array} One float a name: a missing value is 0, and 1 in its indicator.
 */
export function encodePatient(layout, {age, sex, site}) {
  if (age !== null && !(age >= 0 && age <= MAX_AGE)) {
    throw new RangeError(`age ${age}`);
  }
  const known = [oneOf('sex', sex, SEXES), oneOf('site', site, sitesOf(layout))];
  const floats = {
    age: age === null ? 0 : Math.min(age / 100, 1),
    age_missing: age === null ? 1 : 0,
    sex_missing: known[0] === '' ? 1 : 0,
    site_missing: known[1] === '' ? 1 : 0,
  };
  return Float32Array.from(layout, (name) => floats[name] ?? (known.includes(name) ? 1 : 0));
}

function oneOf(field, word, words) {
  const plain = word.trim().toLowerCase();
  if (MISSING.includes(plain)) return '';
  if (!words.includes(plain)) throw new RangeError(`${field} ${word}`);
  return plain;
}
