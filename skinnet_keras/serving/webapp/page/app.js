// The page: photo and patient in, the model's answer out.

import {decide} from './decision.js';
import {startEngine} from './engine.js';
import {nameOf, preferredLanguage, text, useLanguage} from './language.js';
import {encodePatient, readAge, SEXES, sitesOf} from './metadata.js';
import {prepareOffline} from './offline.js';
import {canOpenPhotos, closePhoto, modelPixels, openPhoto, PhotoError} from './photo.js';
import {clearResult, drawResult, sayResult} from './result.js';

const byId = (id) => document.getElementById(id);

let settings; // of the model
let photo; // the open one, of `openPhoto`, and its name
let result; // the one shown
let inputsVersion = 0; // a result of older inputs is not shown
let busy = false;
// What is said in whatever language: [key, values].
let status = ['status.starting'];
let problem = null;
let applyUpdate = null;

/** Say again everything that is not in the page's own text. */
function sayAll() {
  byId('status').textContent = text(...status);
  byId('error').textContent = problem ? text(...problem) : '';
  byId('analyse').textContent = text(busy ? 'analysing' : 'analyse');
  if (byId('age').getAttribute('aria-invalid') === 'true') {
    byId('age-error').textContent = text('error.age');
  }
  sayPhoto();
  sayUpdate();
  if (settings) {
    fillChoices(byId('sex'), 'sex', SEXES);
    fillChoices(byId('site'), 'site', sitesOf(settings.metadata_layout));
    byId('about').textContent = text('about', {
      name: settings.name,
      precision: settings.precision ?? '?',
      size: settings.bytes / 1e6,
      version: settings.package_version,
      runtime: settings.runtime_version,
    });
  }
  if (result) sayResult(result, settings);
}

function sayPhoto() {
  const preview = byId('preview');
  preview.hidden = !photo;
  preview.alt = photo ? text('photo.preview') : '';
  byId('photo-name').textContent = photo
    ? text('photo.opened', {
        name: photo.name,
        width: String(photo.width),
        height: String(photo.height),
      })
    : '';
}

function sayUpdate() {
  if (!applyUpdate) return;
  const button = document.createElement('button');
  Object.assign(button, {type: 'button', className: 'button', onclick: applyUpdate});
  button.textContent = text('update.button');
  byId('update').replaceChildren(text('update.text'), button);
}

function setStatus(...said) {
  status = said;
  byId('status').textContent = text(...status);
}

function setProblem(...said) {
  problem = said.length ? said : null;
  byId('error').textContent = problem ? text(...problem) : '';
}

function fillChoices(select, kind, words) {
  const chosen = select.value;
  const options = ['', ...words].map((word) => {
    const label = word === '' ? text('patient.unknown') : nameOf(kind, word);
    return new Option(label, word, false, word === chosen);
  });
  select.replaceChildren(...options);
}

function inputsChanged() {
  inputsVersion += 1;
  result = null;
  clearResult();
}

async function choosePhoto(input) {
  const [file] = input.files;
  input.value = ''; // the same file can be chosen again
  if (!file) return;
  inputsChanged();
  const version = inputsVersion;
  setProblem();
  try {
    const opened = await openPhoto(file, settings.max_pixels);
    if (version !== inputsVersion) {
      closePhoto(opened);
      return;
    }
    if (photo) closePhoto(photo);
    photo = {name: file.name, ...opened};
    byId('preview').src = photo.url;
  } catch (error) {
    if (!(error instanceof PhotoError)) throw error;
    if (photo) closePhoto(photo);
    photo = null;
    setProblem(error.key, error.values);
  }
  sayPhoto();
}

/** The patient of the form, or null where the age is none. */
function readPatient() {
  const input = byId('age');
  let age = NaN;
  try {
    if (!input.validity.badInput) age = readAge(input.value);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  const valid = !Number.isNaN(age);
  input.setAttribute('aria-invalid', String(!valid));
  byId('age-error').textContent = valid ? '' : text('error.age');
  return valid ? {age, sex: byId('sex').value, site: byId('site').value} : null;
}

function setBusy(value) {
  busy = value;
  const button = byId('analyse');
  button.setAttribute('aria-disabled', String(busy));
  button.textContent = text(busy ? 'analysing' : 'analyse');
  byId('result').setAttribute('aria-busy', String(busy));
}

async function analyse(engine) {
  if (busy) return;
  setProblem();
  if (!photo) {
    setProblem('error.noPhoto');
    byId('photo-file').focus();
    return;
  }
  const patient = readPatient();
  if (!patient) {
    byId('age').focus();
    return;
  }
  inputsChanged();
  const version = inputsVersion;
  setBusy(true);
  try {
    const {run} = await engine;
    const start = performance.now();
    const image = await modelPixels(photo, settings.image_size);
    const metadata = encodePatient(settings.metadata_layout, patient);
    const outputs = await run({image, metadata});
    if (version !== inputsVersion) return;
    result = {
      decision: decide(outputs, settings),
      mask: outputs.mask,
      photo,
      milliseconds: performance.now() - start,
    };
    byId('probabilities').open = !result.decision.abstains;
    drawResult(result, settings);
    sayResult(result, settings);
    byId('result-title').focus();
  } catch (error) {
    if (version !== inputsVersion) return;
    if (error instanceof PhotoError) setProblem(error.key, error.values);
    else setProblem('error.analysis', {reason: error.message});
  } finally {
    setBusy(false);
  }
}

/** Keep the page's files, then start the model from them. */
async function prepare() {
  if (!(await canOpenPhotos())) {
    setStatus('status.browser');
    throw new Error(text('status.browser'));
  }
  const bar = byId('progress');
  const offline = await prepareOffline({
    onProgress(done, total) {
      bar.hidden = false;
      bar.value = done / total;
      if (status[0] !== 'status.download') setStatus('status.download', {total: total / 1e6});
    },
    onUpdate(apply) {
      applyUpdate = apply;
      sayUpdate();
    },
  });
  bar.hidden = true;
  setStatus('status.starting');
  try {
    const engine = await startEngine(settings);
    document.documentElement.dataset.engine = engine.place;
    setStatus(offline ? 'status.readyOffline' : 'status.ready');
    return engine;
  } catch (error) {
    setStatus('status.failed', {reason: error.message});
    throw error;
  }
}

async function start() {
  await useLanguage(preferredLanguage());
  const response = await fetch('model/model.json');
  if (!response.ok) throw new Error(`model/model.json: ${response.status}`);
  settings = await response.json();
  sayAll();
  const engine = prepare();
  engine.catch(() => {}); // said in the status, and again by an analysis
  for (const input of [byId('photo-file'), byId('photo-camera')]) {
    input.addEventListener('change', () => choosePhoto(input));
  }
  for (const id of ['age', 'sex', 'site']) byId(id).addEventListener('input', inputsChanged);
  byId('form').addEventListener('submit', (event) => {
    event.preventDefault();
    analyse(engine);
  });
  byId('show-mask').addEventListener('change', ({target}) => {
    byId('mask-canvas').hidden = !target.checked;
  });
  for (const button of document.querySelectorAll('[data-language]')) {
    button.addEventListener('click', async () => {
      await useLanguage(button.dataset.language, true);
      sayAll();
    });
  }
}

start().catch((error) => {
  byId('status').textContent = text('status.failed', {reason: error.message});
});
