// The page's words in the chosen language: one table of strings each, under strings/.

const LANGUAGES = ['en', 'ru'];
const KEPT_AS = 'skinnet-language';

let strings = {};

/** The language last chosen here, else the browser's own where there is a table for it. */
export function preferredLanguage() {
  const kept = readKept();
  const wanted = [kept, ...navigator.languages.map((tag) => tag.split('-')[0])];
  return wanted.find((language) => LANGUAGES.includes(language)) ?? LANGUAGES[0];
}

/**
 * Say everything on the page in a language. Elements name their strings: data-text their text,
 * data-label their accessible name.
 * @param {string} language
 * @param {boolean} keep Whether to come back in this language.
 */
export async function useLanguage(language, keep = false) {
  const response = await fetch(`strings/${language}.json`);
  if (!response.ok) throw new Error(`strings/${language}.json: ${response.status}`);
  strings = await response.json();
  document.documentElement.lang = language;
  document.title = text('title');
  for (const element of document.querySelectorAll('[data-text]')) {
    element.textContent = text(element.dataset.text);
  }
  for (const element of document.querySelectorAll('[data-label]')) {
    element.setAttribute('aria-label', text(element.dataset.label));
  }
  for (const button of document.querySelectorAll('[data-language]')) {
    button.setAttribute('aria-pressed', String(button.dataset.language === language));
  }
  if (keep) writeKept(language);
}

/**
 * One string.
 * @param {string} key Its name in the tables.
 * @param {Object<string, string|number>} values What stands in its {places}; numbers are written
 *     as the language writes them.
 */
export function text(key, values = {}) {
  const string = strings[key] ?? key;
  return string.replace(/\{(\w+)\}/g, (_, name) =>
    typeof values[name] === 'number'
      ? number(values[name], {maximumSignificantDigits: 3})
      : values[name],
  );
}

/** The name of a class, site or sex; words without one stand for themselves. */
export function nameOf(kind, word) {
  return strings[`${kind}.${word}`] ?? word;
}

/** A share as a percentage; one that is not quite none or all is not rounded to it. */
export function percent(share) {
  const format = {style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1};
  if (share > 0 && share < 0.001) return `< ${number(0.001, format)}`;
  if (share < 1 && share > 0.999) return `> ${number(0.999, format)}`;
  return number(share, format);
}

function number(value, options) {
  return new Intl.NumberFormat(document.documentElement.lang, options).format(value);
}

// Storage can be forbidden; the page then forgets the choice.
function readKept() {
  try {
    return localStorage.getItem(KEPT_AS);
  } catch {
    return null;
  }
}

function writeKept(language) {
  try {
    localStorage.setItem(KEPT_AS, language);
  } catch {
    /* forgotten */
  }
}
