// One request opened: what was found in it, where, by which rules, and what would let it pass.

import { get } from '../api.js';
import { gauge } from '../chart.js';
import { h } from '../dom.js';
import { at, plural } from '../format.js';
import { card, copyable, coverageTag, facts, link, modeTag, table, verdictTag } from '../parts.js';
import { attackOf } from '../words.js';
import { valueText } from './policies.js';

const phases = { 1: 'request head', 2: 'request body', 3: 'response head', 4: 'response body' };

function score(told) {
  const s = told.score;
  if (!s) return null;
  const line = (name, value, threshold) => h('div', null,
    h('div', { class: 'head' }, h('span', null, name), h('div', { class: 'right' }, h('b', { class: value >= threshold ? 'over' : null }, String(value)), h('span', { class: 'quiet' }, `stops from ${threshold} on`))),
    gauge(value, threshold));
  return card('Score', line('Request', s.inbound, s.inbound_threshold), (s.outbound > 0 || s.outbound_threshold > 0) && line('Response', s.outbound, s.outbound_threshold),
    s.inbound === 0 && told.rules?.length > 0 && h('p', { class: 'quiet' }, 'What was found counts at a higher paranoia level than the one that blocks.'));
}

function rule(r) {
  return h('section', { class: 'found', 'aria-label': 'Rule ' + r.id },
    h('div', { class: 'head' }, link('events', { rule: r.id }, h('b', null, String(r.id))), h('h3', { class: 'wrap' }, r.message),
      h('div', { class: 'right' }, attackOf(r) && h('span', { class: 'tag' }, attackOf(r)), r.severity && h('span', { class: 'quiet' }, r.severity), r.score > 0 && h('span', { class: 'tag', title: 'what it adds to the score' }, '+' + r.score))),
    h('div', { class: 'where' },
      h('span', { class: 'quiet' }, 'where'), h('span', { class: 'wrap' }, r.where && [r.where, ' '], h('code', null, r.target)),
      h('span', { class: 'quiet' }, 'value'), r.value ? h('code', { class: 'value' }, r.value) : h('span', { class: 'quiet' }, 'not told'),
      r.about && [h('span', { class: 'quiet' }, 'why'), h('p', { class: 'wrap about' }, r.about)]),
    h('details', null, h('summary', { class: 'quiet' }, 'The rule', r.file && ` · ${r.file}${r.line ? ':' + r.line : ''}`, r.paranoia && ` · paranoia level ${r.paranoia}`, r.phase && ` · ${phases[r.phase] ?? 'phase ' + r.phase}`),
      r.text ? h('pre', { tabindex: 0, 'aria-label': 'Text of rule ' + r.id }, h('code', null, r.text)) : h('p', { class: 'quiet' }, 'Its text is not at hand: the configuration has changed since.'),
      r.tags?.length > 0 && h('p', { class: 'quiet wrap' }, 'Tags: ' + r.tags.join(', '))));
}

function exclusion(x) {
  if (!x) return null;
  return h('section', { class: 'card', 'data-key': 'exclusion' }, h('h2', null, 'If this was no attack'),
    !x.yaml ? h('p', null, x.note) : [
      x.note && h('p', { class: 'banner' }, capital(x.note) + '.'),
      copyable(`Exclusion for policy ${x.policy}`, x.yaml, 'The narrowest there is: these rules, at this place, below this path. Give the reason, and review it like code.'),
      h('h3', null, 'What it would let through'),
      h('ul', { class: 'opens' }, (x.opens ?? []).map((o) => h('li', { class: 'wrap' }, capital(o.opens), '.'))),
      h('p', null, x.unsure ? 'This request would pass if these rules found nothing elsewhere in it, which the event does not tell: try the command. ' : x.passes ? 'This request would pass by what the event tells. ' : h('b', null, 'This request would still be stopped by what else was found. '),
        x.others > 0 ? [h('b', null, plural(x.others, 'other request')), ` of the ${x.looked} stopped ones that are kept would pass as well: `, (x.examples ?? []).map((id, i) => [i > 0 && ', ', link('event/' + encodeURIComponent(id), {}, id.slice(-8))]), '.']
          : x.looked > 1 ? `None of the ${plural(x.looked, 'other stopped request')} that are kept would pass with it.` : x.looked === 1 && 'The other stopped request that is kept would not pass with it.'),
    ]);
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1).replace(/[.]$/, '');

const settingColumns = [
  { label: 'Setting', head: true, class: 'mono wrap', cell: (s) => s.path },
  { label: 'Value', class: 'mono wrap', cell: (s) => { const text = valueText(s.value); return text.length > 160 ? h('details', null, h('summary', null, text.slice(0, 80) + '…'), text) : text; } },
  { label: 'From', class: 'wrap', cell: (s) => (s.source === 'default' ? h('span', { class: 'quiet' }, 'default') : h('b', null, s.source)) },
];

// decisive are the settings that have to do with why a request is stopped.
const decisive = /^(mode|paranoia|thresholds|screen$|early_blocking|on_|inspection_budget|request_body|response_body)/;

function policy(told) {
  const p = told.policy;
  if (!p) return null;
  const rows = (p.settings ?? []).filter((s) => decisive.test(s.path) || s.source !== 'default');
  return h('section', { class: 'card settings', 'data-key': 'policy' },
    h('div', { class: 'head' }, h('h2', null, 'Policy ', link('policies', { policy: p.id }, p.id)), modeTag(p.mode), told.policy_changed && h('span', { class: 'tag warn' }, 'another configuration is in force now than then')),
    table({ id: 'effective', label: 'Effective values of the policy', columns: settingColumns, rows, key: (s) => s.path, more: 'dense', empty: 'No value is known.' }));
}

function first(told) {
  const event = told.events?.find(({ event: e }) => e.event === 'access')?.event ?? told.events?.[0]?.event ?? {};
  return card('The request', facts([
    ['Time', [at(told.time), ' ', h('span', { class: 'quiet' }, told.time)]],
    ['Client', told.client && link('events', { client: told.client }, h('code', null, told.client))],
    ['User agent', event.user_agent && h('code', null, event.user_agent)],
    ['Route', told.route ? link('events', { route: told.route }, told.route) : 'none'],
    ['Inspected', told.coverage && [coverageTag(told.coverage), told.coverage_reason && ' ' + told.coverage_reason]],
    ['Error', told.error],
    ['Access rule', event.access_rule && h('code', null, event.access_rule)],
    ['Upstream', event.upstream && [event.upstream, event.endpoint && ` (${event.endpoint})`, event.upstream_ms > 0 && `, ${event.upstream_ms} ms`]],
    ['Took', event.duration_ms !== undefined && `${event.duration_ms} ms`],
    ['TLS', event.tls],
    ['Certificate', event.client_certificate],
    ['Configuration', event.generation && 'generation ' + event.generation],
    ['Pod', told.pod && h('code', null, told.pod)],
    ['Request id', h('code', null, told.request_id)],
  ]));
}

function draw(told) {
  const rules = told.rules ?? [];
  return [
    h('p', { 'data-key': 'back' }, h('a', { href: '#/events', on: { click: (e) => { if (history.length > 1) { e.preventDefault(); history.back(); } } } }, 'Back to the events')),
    h('section', { class: 'card opened', 'data-key': 'head' },
      h('div', { class: 'head' }, verdictTag(told.verdict), told.status > 0 && h('b', null, String(told.status)), h('h1', { tabindex: -1, class: 'mono wrap' }, told.request || told.request_id)),
      h('p', { class: 'why' }, told.why && capital(told.why) + '.')),
    h('div', { class: 'grid two', 'data-key': 'halves' },
      h('div', { class: 'grid' },
        h('section', { class: 'card', 'data-key': 'rules' }, h('h2', null, rules.length ? plural(rules.length + (told.rules_dropped ?? 0), 'rule') + ' found something' : 'No rule found anything'),
          h('div', null, rules.map(rule)), told.rules_dropped > 0 && h('p', { class: 'quiet' }, `${told.rules_dropped} more are not in the event.`)),
        exclusion(told.exclusion)),
      h('div', { class: 'grid' }, score(told), first(told),
        told.explain?.length > 0 && h('section', { class: 'card', 'data-key': 'explain' }, h('h2', null, 'Try it again'), told.explain.map((c) => copyable(capital(c.about), c.command))))),
    policy(told),
    h('details', { class: 'card', 'data-key': 'raw' }, h('summary', null, plural(told.events?.length ?? 0, 'event') + ' as written'),
      (told.events ?? []).map(({ event }, i) => copyable(`${event.event} event ${i + 1}`, JSON.stringify(event, null, 2)))),
  ];
}

export default {
  title: 'Event',
  every: 60000,
  load: ({ scope, now, signal }) => get('events/' + encodeURIComponent(now.id), { scope }, signal),
  draw,
};
