// How requests are treated: every value of every policy, and where it comes from.

import { get } from '../api.js';
import { h } from '../dom.js';
import { plural } from '../format.js';
import { card, link, modeTag, perPod, table, to } from '../parts.js';

let wanted = '';
let changedOnly = true;

export function valueText(value) {
  if (Array.isArray(value)) return value.every((v) => typeof v !== 'object') ? value.join(', ') || '(empty)' : JSON.stringify(value);
  if (value !== null && typeof value === 'object') return JSON.stringify(value);
  return value === '' ? '(empty)' : String(value);
}

const columns = [
  { label: 'Setting', head: true, class: 'mono wrap', cell: (s) => s.path },
  { label: 'Value', class: 'mono wrap value-cell', cell: (s) => long(valueText(s.value)) },
  { label: 'From', class: 'wrap', cell: (s) => (s.source === 'default' ? h('span', { class: 'quiet' }, 'default') : h('b', null, s.source)) },
];

// long folds what would fill a screen.
function long(text) {
  if (text.length <= 160) return text;
  return h('details', null, h('summary', null, text.slice(0, 120) + '…'), text);
}

// served tells apart what pods serve, should they not agree.
function served(answer) {
  const groups = new Map();
  for (const { pod, answer: told } of perPod(answer)) {
    if (!told) continue;
    const key = JSON.stringify(told.policies.map(({ id, engine, settings }) => [id, engine, settings]));
    if (!groups.has(key)) groups.set(key, { pods: [], policies: told.policies });
    groups.get(key).pods.push(pod);
  }
  return [...groups.values()];
}

function settings(policy) {
  return policy.settings.filter((s) => (!changedOnly || s.source !== 'default') && (s.path + ' ' + valueText(s.value)).toLowerCase().includes(wanted));
}

function one(policy, redraw) {
  const rows = settings(policy);
  const hidden = policy.settings.length - rows.length;
  return h('section', { class: 'card settings', 'data-key': 'policy-' + policy.id, 'aria-label': 'Policy ' + policy.id },
    h('div', { class: 'head' }, h('h2', null, policy.id), modeTag(policy.mode),
      h('span', { class: 'quiet' }, policy.rules ? plural(policy.rules, 'rule') + ' compiled' : 'no rules'),
      policy.no_screen && h('span', { class: 'tag warn', title: policy.no_screen }, 'no screen'),
      h('span', { class: 'quiet' }, 'for ', policy.routes?.length ? policy.routes.map((r, i) => [i > 0 && ', ', link('events', { route: r }, r)]) : 'no route')),
    policy.exclusions?.length > 0 && h('div', null, h('h3', null, plural(policy.exclusions.length, 'exclusion')),
      h('ul', null, policy.exclusions.map((e) => h('li', { class: 'wrap' }, h('code', null, [e.rule && 'rule ' + e.rule, e.tag && 'tag ' + e.tag, e.target, e.path && 'at ' + e.path].filter(Boolean).join('  ')), ' ', h('span', { class: 'quiet' }, e.reason))))),
    table({ id: 'settings-' + policy.id, label: 'Settings of ' + policy.id, columns, rows, key: (s) => s.path, more: 'dense',
      empty: hidden ? 'Every value is the default.' : 'Nothing has that in it.' }),
    hidden > 0 && changedOnly && !wanted && h('p', { class: 'quiet' }, plural(hidden, 'more value is', 'more values are') + ' the default. ',
      h('button', { class: 'plain', type: 'button', on: { click: () => { changedOnly = false; redraw?.(); } } }, 'Show all values')));
}

function draw(answer, { now, redraw }) {
  const groups = served(answer);
  const only = now.parameters.get('policy');
  const known = groups[0]?.policies ?? [];
  const again = (then) => (e) => { then(e); redraw?.(); };
  return [
    h('div', { class: 'head' }, h('h1', { tabindex: -1 }, 'Policies'),
      h('div', { class: 'right' },
        h('label', { class: 'check' }, h('input', { type: 'checkbox', checked: changedOnly, on: { change: again((e) => { changedOnly = e.currentTarget.checked; }) } }), 'Only what is not the default'),
        h('input', { type: 'search', placeholder: 'Find a setting', 'aria-label': 'Find a setting', on: { input: again((e) => { wanted = e.currentTarget.value.toLowerCase(); }) } }))),
    known.length > 1 && h('nav', { class: 'chips', 'aria-label': 'Policies' }, [h('a', { class: 'as-button', href: to('policies'), 'aria-current': !only && 'true' }, 'All'),
      known.map((p) => h('a', { class: 'as-button', href: to('policies', { policy: p.id }), 'aria-current': only === p.id && 'true' }, p.id))]),
    groups.length > 1 && h('p', { class: 'banner' }, 'Pods serve different policies. ', link('configuration', {}, 'What differs')),
    groups.map((g) => [
      groups.length > 1 && h('h2', { 'data-key': 'pods-' + g.pods.join() }, 'On ' + g.pods.join(', ')),
      g.policies.filter((p) => !only || p.id === only).map((p) => one(p, redraw)),
    ]).flat(2),
    known.length === 0 && card(null, h('p', { class: 'empty' }, 'There are none.')),
  ].flat(2);
}

export default { title: 'Policies', every: 15000, load: ({ scope, signal }) => get('policies', { scope }, signal), draw };
