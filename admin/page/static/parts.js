// What several views are made of.

import { h, say } from './dom.js';
import { coverageOf, coverages, verdictOf, verdicts } from './words.js';

// windows are the spans of time that views with numbers can show, as the API and as people write them.
export const windows = { '5m': '5 min', '15m': '15 min', '1h': '1 hour' };

// windowChoice lets people choose one of them for a view.
export function windowChoice(view, since) {
  return h('div', { class: 'choice', role: 'group', 'aria-label': 'Time' },
    Object.entries(windows).map(([value, text]) => h('a', { class: 'as-button', href: `#/${view}?since=${value}`, 'aria-current': value === since && 'true' }, text)));
}

// table has rows of cells. On narrow screens each row becomes a list of names and values, which is why the roles
// are spelled out: browsers forget them with the layout.
export function table({ id, label, columns, rows, key, pick, empty, more }) {
  if (rows.length === 0) return h('p', { class: 'empty', 'data-key': id + '-empty' }, empty ?? 'Nothing here.');
  return h('div', { class: 'scroll', 'data-key': id, tabindex: 0, role: 'region', 'aria-label': label },
    h('table', { class: 'stack ' + (more ?? ''), role: 'table', 'aria-label': label },
      h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, columns.map((c) => h('th', { role: 'columnheader', scope: 'col', class: c.number && 'number' }, c.label)))),
      h('tbody', { role: 'rowgroup' }, rows.map((row) => tableRow({ columns, key, pick }, row)))));
}

function tableRow({ columns, key, pick }, row) {
  return h('tr', { role: 'row', 'data-key': key?.(row), class: pick && 'pick', on: pick && { click: (e) => picked(e, () => pick(row)) } },
    columns.map((c) => h(c.head ? 'th' : 'td', { role: c.head ? 'rowheader' : 'cell', scope: c.head && 'row', class: c.number && 'number', 'data-label': c.label }, h('div', { class: c.class }, c.cell(row)))));
}

// picked leaves clicks on links, and those that select text, to the browser.
function picked(event, then) {
  if (event.target.closest('a, button') || String(getSelection())) return;
  then();
}

export function verdictTag(verdict) {
  return h('span', { class: 'tag ' + (verdict in verdicts ? verdict : ''), title: verdicts[verdict]?.[1] }, verdictOf(verdict));
}

export function coverageTag(coverage) {
  return h('span', { class: 'tag ' + (coverage in coverages ? coverage : ''), title: coverages[coverage]?.[1] }, coverageOf(coverage));
}

const modes = { block: ['blocks', 'ok'], detect: ['detects only', 'detect'], off: ['off', 'bad'] };

export function modeTag(mode) {
  return h('span', { class: 'tag ' + (modes[mode]?.[1] ?? '') }, modes[mode]?.[0] ?? mode);
}

export function card(title, ...children) {
  return h('section', { class: 'card' }, title && h('h2', null, title), children);
}

// link leads to a view of this page.
export function link(view, parameters, ...children) {
  return h('a', { href: to(view, parameters) }, children);
}

export function to(view, parameters = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined && value !== null && value !== '') query.set(name, value);
  return '#/' + view + (query.size ? '?' + query : '');
}

// copyable shows text that is to be pasted elsewhere.
export function copyable(title, text, note) {
  const shown = h('pre', { tabindex: 0, 'aria-label': title }, h('code', null, text));
  return h('div', { class: 'copy' },
    h('div', { class: 'head' }, h('h3', null, title), h('div', { class: 'right' }, h('button', { type: 'button', 'aria-label': 'Copy: ' + title, on: { click: (e) => copy(e.currentTarget, text) } }, 'Copy'))),
    note && h('p', { class: 'quiet' }, note), shown);
}

// copy asks the browser, which lets only pages by TLS and of this machine do so; others select the text and
// have it copied as people would.
export async function copy(button, text) {
  let done = false;
  try {
    await navigator.clipboard.writeText(text);
    done = true;
  } catch {
    const shown = button.closest('.copy')?.querySelector('pre');
    if (shown) {
      getSelection().selectAllChildren(shown);
      done = document.execCommand('copy');
    }
  }
  button.textContent = done ? 'Copied' : 'Select and copy it';
  say(button.textContent);
  setTimeout(() => { button.textContent = 'Copy'; }, 2000);
}

// choice is a row of buttons of which one is pressed.
export function choice(label, options, now, then) {
  return h('div', { class: 'choice', role: 'group', 'aria-label': label },
    options.map(([value, text]) => h('button', { type: 'button', 'aria-pressed': String(value === now), on: { click: () => then(value) } }, text)));
}

// perPod has the answers of pods whether one or all were asked.
export function perPod(answer) {
  return answer.pods ?? [{ pod: answer.about.pod, answer }];
}

// fact is one line of a list of names and values; without a value it is left out.
export function facts(list) {
  return h('dl', { class: 'facts' }, list.filter(([, value]) => value !== undefined && value !== null && value !== false && value !== '')
    .map(([name, value]) => [h('dt', null, name), h('dd', null, value)]));
}
