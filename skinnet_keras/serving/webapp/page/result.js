// The result, said and drawn.

import {nameOf, percent, text} from './language.js';
import {drawMask, drawPhoto, lesionShare} from './overlay.js';

const byId = (id) => document.getElementById(id);

/** Draw the photo and, where the model gives one, the lesion's mask. Once a result. */
export function drawResult({photo, mask}, settings) {
  byId('figure').hidden = !mask;
  if (!mask) return;
  const canvas = byId('photo-canvas');
  drawPhoto(canvas, photo);
  drawMask(byId('mask-canvas'), mask, settings.image_size, settings.mask_threshold, canvas);
}

/** Say the result in the page's language. */
export function sayResult({decision, mask, milliseconds}, settings) {
  const {abstains, answer, weighed, ranked} = decision;
  const {probability} = ranked.find(({name}) => name === answer);
  const said = abstains
    ? [text('result.unsure'), text('result.unsureMeaning')]
    : [
        text('result.answer', {name: nameOf('class', answer), probability: percent(probability)}),
        weighed ? text('result.weighed') : text('result.meaning', {count: ranked.length}),
      ];
  const [headline, meaning] = said.map((line) => element('p', line));
  headline.className = 'answer';
  byId('verdict').replaceChildren(headline, meaning);
  byId('rows').replaceChildren(
    ...ranked.map((entry) => tableRow(entry, !abstains && entry.name === answer)),
  );
  if (mask) {
    const share = lesionShare(mask, settings.mask_threshold);
    byId('caption').textContent =
      share === 0 ? text('result.noLesion') : text('result.caption', {share: percent(share)});
  }
  byId('timing').textContent = text('result.timing', {milliseconds: Math.round(milliseconds)});
  byId('details').hidden = false;
}

/** Take the result away, when it is no longer that of the photo and the patient on the page. */
export function clearResult() {
  byId('verdict').replaceChildren();
  byId('details').hidden = true;
}

function tableRow({name, probability}, chosen) {
  const row = document.createElement('tr');
  // Unrounded, for whoever compares it with `skinnet predict`.
  Object.assign(row.dataset, {class: name, probability});
  const head = element('th', nameOf('class', name));
  head.scope = 'row';
  head.classList.toggle('chosen', chosen);
  const note = nameOf('note', name);
  if (note !== name) {
    head.append(' ', Object.assign(element('span', note), {className: 'note'}));
  }
  const cell = element('td', percent(probability));
  const bar = Object.assign(element('span', ''), {className: 'bar'});
  const level = document.createElement('i');
  level.style.width = `${100 * probability}%`;
  bar.append(level);
  cell.append(bar);
  row.append(head, cell);
  return row;
}

function element(tag, content) {
  return Object.assign(document.createElement(tag), {textContent: content});
}
