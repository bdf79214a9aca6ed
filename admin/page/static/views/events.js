// The stream of events: filtered, live, in pages, exported.

import { download, get, stream } from '../api.js';
import { h, say } from '../dom.js';
import { at, exact, plural } from '../format.js';
import { link, table, to, verdictTag } from '../parts.js';
import { coverages, forwarded, reasons, stopped, verdicts } from '../words.js';

const page = 100; // events that are asked for at once
const most = 1000; // rows that are shown at once, so that the browser stays quick

const what = (e) => {
  const first = e.rules?.[0];
  if (e.event === 'ban') return [e.message ?? 'ban', e.rule, e.reason].filter(Boolean).join(' ');
  if (!first) return [e.error ?? '', e.access_rule && `access rule ${e.access_rule}`, missed(e)].filter(Boolean).join(', ');
  return null;
};

// missed says why not all of a request was inspected that went on.
const missed = (e) => !e.error && e.coverage_reason && `not inspected whole: ${reasons[e.coverage_reason] ?? e.coverage_reason} (${e.coverage_reason})`;

function found(e) {
  const text = what(e);
  if (text !== null) return h('span', { class: 'quiet' }, text || '–');
  const [first, ...others] = e.rules;
  return [h('div', { class: 'line', title: first.message }, h('b', null, String(first.id)), ' ', first.message, others.length > 0 && h('span', { class: 'quiet' }, ` and ${others.length + (e.rules_dropped ?? 0)} more`)),
    first.target && h('code', { class: 'line', title: `${first.target}=${first.value}` }, `${first.target}=${first.value ?? ''}`)];
}

const request = (e) => [e.method, (e.host ?? '') + (e.path ?? '')].filter(Boolean).join(' ');

export const eventColumns = [
  { label: 'Time', head: true, class: 'nowrap', cell: ({ event: e }) => (e.request_id ? h('a', { class: 'open', href: to('event/' + encodeURIComponent(e.request_id)) }, at(e.time)) : at(e.time)) },
  { label: 'Verdict', class: 'nowrap', cell: ({ event: e }) => [e.event === 'ban' ? h('span', { class: 'tag' }, 'ban') : verdictTag(e.verdict), e.status > 0 && [' ', h('span', { class: 'quiet' }, e.status)]] },
  { label: 'Request', cell: ({ event: e }) => h('div', { class: 'line mono', title: request(e) }, request(e) || '–') },
  { label: 'Found', cell: ({ event: e }) => found(e) },
  { label: 'Score', number: true, cell: ({ event: e }) => (e.score ? `${Math.max(e.score.inbound, 0)} / ${e.score.inbound_threshold}` : '–') },
  { label: 'Route', class: 'wrap', cell: ({ event: e }) => e.route ?? '–' },
  { label: 'Client', class: 'mono nowrap', cell: ({ event: e }) => e.client ?? '–' },
];

const podColumn = { label: 'Pod', class: 'mono wrap', cell: (e) => e.pod ?? '' };

const every = 'security,access,ban';

// kindOf is which events are meant by a filter that does not say it: what was refused before any rule, or not inspected whole,
// is told by events of requests, and who has a request id wants whatever there is.
function kindOf(parameters) {
  const said = parameters.get('kind');
  if (said) return said;
  if (parameters.get('request_id')) return every;
  return ['refused', 'error_deny', 'error_allow'].includes(parameters.get('verdict')) || parameters.get('coverage') || parameters.get('status') ? 'access' : 'security';
}

const fields = [
  { name: 'kind', label: 'Kind', options: [['security', 'Findings of rules'], ['access', 'Requests'], ['ban', 'Bans'], [every, 'All']] },
  { name: 'verdict', label: 'Verdict', options: [['', 'Any'], [stopped.join(), 'stopped'], [forwarded.join(), 'went on'], ...Object.entries(verdicts).map(([v, [text]]) => [v, text])] },
  { name: 'coverage', label: 'Inspected', options: [['', 'Any'], ['partial,headers,none', 'not whole'], ...Object.entries(coverages).map(([v, [text]]) => [v, text])] },
  { name: 'route', label: 'Route' },
  { name: 'rule', label: 'Rule', hint: '942100 or 942000-942999' },
  { name: 'status', label: 'Status', hint: '403 or 5xx' },
  { name: 'client', label: 'Client', hint: 'address or network' },
  { name: 'request_id', label: 'Request id' },
  { name: 'since', label: 'Since', options: [['', 'All that is kept'], ['5m', '5 minutes'], ['15m', '15 minutes'], ['1h', '1 hour'], ['24h', '1 day']] },
  { name: 'text', label: 'Text', hint: 'anywhere in the event', wide: true },
];

function asked(parameters) {
  const all = {};
  for (const { name } of fields) if (parameters.get(name)) all[name] = parameters.get(name);
  for (const name of ['path', 'host', 'method', 'policy']) if (parameters.get(name)) all[name] = parameters.get(name);
  return { ...all, kind: kindOf(parameters) };
}

// form changes the address, which is what the view follows: it can be sent to somebody else.
function form(parameters) {
  const change = (name, value) => {
    const query = new URLSearchParams(parameters);
    value ? query.set(name, value) : query.delete(name);
    if (name === 'request_id' && value) query.delete('kind'); // who has an id need not know what became of the request
    location.hash = to('events', Object.fromEntries(query));
  };
  return h('form', { class: 'filters card', role: 'search', 'aria-label': 'Filter events', on: { submit: (e) => e.preventDefault() } },
    fields.map((f) => h('label', { class: 'field' + (f.wide ? ' wide' : '') }, f.label, control(f, (f.name === 'kind' ? kindOf(parameters) : parameters.get(f.name)) ?? '', change))),
    h('a', { class: 'as-button', href: '#/events' }, 'Clear'));
}

function control({ name, options, hint }, value, change) {
  const on = { change: (e) => change(name, e.currentTarget.value.trim()) };
  if (!options) return h('input', { name, value, placeholder: hint, autocomplete: 'off', spellcheck: 'false', on });
  const known = options.some(([v]) => v === value) ? options : [...options, [value, value]];
  return h('select', { name, on }, known.map(([v, text]) => h('option', { value: v, selected: v === value }, text)));
}

// List is what is known of the events that fit.
class List {
  constructor({ scope, now, signal, draw, based, failed }) {
    Object.assign(this, { scope, signal, draw, based, failed, parameters: now.parameters });
    this.filter = asked(now.parameters);
    this.columns = scope === 'tier' ? [...eventColumns, podColumn] : eventColumns;
    this.events = [];
    this.known = new Set(); // of events that are in one of the two lists
    this.rest = 250; // milliseconds until the list is drawn again
    this.held = []; // came while nobody wanted the list to move
    this.live = true;
    this.state = 'waiting';
    this.missed = 0;
    this.next = null;
    this.looked = 0;
  }

  async begin() {
    try {
      await this.older();
    } catch (error) {
      if (!this.signal.aborted) this.failed(error);
      return;
    }
    if (this.filter.until || this.signal.aborted) return;
    const { since, ...filter } = this.filter;
    stream('events/stream', { ...filter, scope: this.scope }, this.signal, {
      state: (state) => this.is(state),
      message: (told) => this.message(told),
      refused: (error) => { this.is('refused'); this.refusal = error.message; this.show(); },
    });
  }

  async older() {
    const from = this.until ? { until: this.until } : { cursor: this.next };
    const told = await get('events', { ...this.filter, ...from, scope: this.scope, limit: page }, this.signal);
    this.events.push(...(told.events ?? []).filter((e) => this.isNew(e)));
    this.next = told.next;
    this.until = null;
    this.looked += told.looked ?? 0;
    this.about = told.about;
    this.show();
    this.based(told.about);
  }

  isNew(event) {
    const key = keyOf(event);
    if (this.known.has(key)) return false;
    this.known.add(key);
    return true;
  }

  is(state) {
    if (this.state !== state) {
      if (this.state === 'open' && state === 'waiting') say('The stream has broken off, and is asked for again.');
      this.state = state;
      this.show();
    }
  }

  message({ kind, data }) {
    const told = JSON.parse(data);
    if (kind === 'missed') {
      this.missed += told.missed;
      this.show();
    } else if (kind === 'about') {
      this.about = { ...this.about, ...told };
      this.based(this.about);
    } else if (kind === 'event') {
      if (!this.isNew(told)) return;
      this.held.unshift(told);
      if (this.held.length > most) this.known.delete(keyOf(this.held.pop()));
      this.soon();
    }
  }

  // soon draws a few times a second at most, and rarer where drawing takes long, however many events come.
  soon() {
    if (this.timer) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      if (this.signal.aborted) return;
      const began = performance.now();
      if (this.live && scrollY < 200) this.take();
      this.show();
      this.rest = Math.max(250, 4 * (performance.now() - began));
    }, this.rest);
  }

  take() {
    this.events = [...this.held, ...this.events];
    this.held = [];
    if (this.events.length > most) {
      for (const gone of this.events.splice(most)) this.known.delete(keyOf(gone));
      this.until = this.events.at(-1).event.time; // where older ones go on, since no cursor is known there
    }
  }

  show() {
    if (this.signal.aborted) return;
    const { events, columns } = this;
    this.draw([
      h('div', { class: 'head', 'data-key': 'head' }, h('h1', { tabindex: -1 }, 'Events'), this.sign(),
        h('div', { class: 'right' },
          h('button', { type: 'button', id: 'pause', on: { click: () => { this.live = !this.live; if (this.live) this.take(); this.show(); } } }, this.live ? 'Pause' : 'Go on'),
          h('span', { class: 'quiet', 'aria-hidden': true }, 'Export'), ['csv', 'ndjson'].map((format) => h('button', { type: 'button', 'aria-label': 'Export as ' + names[format], on: { click: (e) => this.export(e.currentTarget, format) } }, names[format])))),
      form(this.parameters),
      this.missed > 0 && h('p', { class: 'banner', 'data-key': 'missed' }, plural(this.missed, 'event') + ' came faster than this page could take them, and are not in this list. ', h('button', { type: 'button', on: { click: () => location.reload() } }, 'Ask again')),
      this.held.length > 0 && h('p', { class: 'banner', role: 'status', 'data-key': 'held' }, plural(this.held.length, 'new event') + '. ', h('button', { type: 'button', on: { click: () => { this.take(); this.show(); scrollTo(0, 0); } } }, 'Show')),
      h('section', { class: 'card', 'data-key': 'list' },
        table({ id: 'events', label: 'Events', columns, rows: events, key: keyOf, more: 'events', pick: open, empty: this.empty() }),
        h('div', { class: 'head' }, h('span', { class: 'quiet' }, this.told()),
          (this.next || this.until) && h('div', { class: 'right' }, h('button', { type: 'button', on: { click: (e) => this.more(e.currentTarget) } }, 'Older events')))),
    ]);
  }

  sign() {
    const [level, text] = { open: this.live ? ['ok', 'live'] : ['warn', 'paused'], waiting: ['warn', 'connecting …'], refused: ['bad', 'not live: ' + this.refusal] }[this.state];
    return h('span', { class: 'quiet nowrap', id: 'stream' }, h('span', { class: 'dot ' + level, 'aria-hidden': true }), ' ' + text);
  }

  empty() {
    if (!this.about) return 'Asking …';
    if (this.filter.kind !== every && Object.keys(this.filter).length > 1) return ['No event of this kind that is kept fits this filter. ', link('events', { ...this.filter, kind: every }, 'Look at all kinds'), '.'];
    return Object.keys(this.filter).length > 1 ? 'No event that is kept fits this filter.' : 'The rules have found nothing yet. What they find appears here as it happens.';
  }

  told() {
    return `${plural(this.events.length, 'event')} shown, ${exact(this.looked)} looked at${this.next || this.until ? '' : ', and nothing older is kept'}.`;
  }

  async more(button) {
    button.disabled = true;
    try {
      if (this.events.length >= most) { // walks on, instead of growing
        this.events = [];
        this.known.clear();
      }
      await this.older();
      if (this.events.length <= page) scrollTo(0, 0);
    } catch (error) {
      if (!this.signal.aborted) this.failed(error);
    } finally {
      button.disabled = false;
    }
  }

  async export(button, format) {
    button.disabled = true;
    try {
      await download('events', { ...this.filter, scope: this.scope, format, limit: 100000 }, `wafer-events.${format === 'csv' ? 'csv' : 'jsonl'}`);
      say('Exported');
    } catch (error) {
      this.failed(error);
    } finally {
      button.disabled = false;
    }
  }
}

const names = { csv: 'CSV', ndjson: 'JSON' };
const keyOf = (e) => (e.pod ?? '') + ' ' + e.id;

function open({ event }) {
  if (event.request_id) location.hash = to('event/' + encodeURIComponent(event.request_id));
}

export default { title: 'Events', mount: (tools) => new List(tools).begin() };
