// Where requests go: upstreams, their endpoints, and how these do on each pod.

import { get } from '../api.js';
import { h } from '../dom.js';
import { exact, millis, plural, since } from '../format.js';
import { card, perPod, table } from '../parts.js';

const looks = { up: 'ok', down: 'bad', ejected: 'bad', unreachable: 'bad', trying: 'warn' };

// stateOf is what an endpoint does for requests: the only one of an upstream is asked though nobody can connect to it.
const stateOf = (s) => (s.state === 'up' && s.failing ? 'unreachable' : s.state);

// joined has each upstream once, and each of its endpoints with what every pod says of it.
function joined(answer) {
  const all = new Map();
  for (const { pod, answer: told } of perPod(answer)) {
    for (const u of told?.upstreams ?? []) {
      if (!all.has(u.id)) all.set(u.id, { id: u.id, endpoints: new Map(), waiting: 0, panic: [], sources: [] });
      const one = all.get(u.id);
      one.waiting += u.waiting ?? 0;
      if (u.panic) one.panic.push(pod);
      for (const s of u.sources ?? []) if (s.failing) one.sources.push({ ...s, pod });
      for (const e of u.endpoints ?? []) {
        if (!one.endpoints.has(e.address)) one.endpoints.set(e.address, []);
        one.endpoints.get(e.address).push({ pod, ...e });
      }
    }
  }
  return [...all.values()];
}

// states tells one state for all pods, or else who says what.
function states(said) {
  const by = group(said, stateOf);
  return [...by].map(([state, of]) => h('div', null,
    h('span', { class: 'tag ' + (looks[state] ?? '') }, state), ' ',
    by.size > 1 && h('span', { class: 'quiet' }, 'on ' + of.map((s) => s.pod).join(', '))));
}

function group(said, word) {
  const by = new Map();
  for (const s of said) by.set(word(s), [...(by.get(word(s)) ?? []), s]);
  return by;
}

const sum = (said, name) => said.reduce((all, s) => all + (s[name] ?? 0), 0);

// failures are why an endpoint cannot be connected to.
const failures = { connect: 'takes no connections', connect_timeout: 'takes no connection in time', name: 'its name has no address', resources: 'this pod has no descriptor or port left' };

function why(said) {
  const told = said.filter((s) => s.reason || s.check || s.failing?.reason || s.faults);
  if (told.length === 0) return h('span', { class: 'quiet' }, '–');
  const words = told.map((s) => [s.reason, s.check, s.failing && `${failures[s.failing.reason] ?? s.failing.reason}, ${plural(s.failing.times, 'attempt')} in a row`].filter(Boolean).join('; ') || plural(s.faults, 'fault') + ' in a row');
  return [...new Set(words)].map((text) => h('div', null, text));
}

const columns = [
  { label: 'Endpoint', head: true, class: 'mono wrap', cell: ([address]) => address },
  { label: 'State', cell: ([, said]) => states(said) },
  { label: 'For', class: 'nowrap', cell: ([, said]) => since(said.map((s) => s.failing?.since ?? s.since).sort().at(-1)) },
  { label: 'Reason', class: 'wrap', cell: ([, said]) => why(said) },
  { label: 'In flight', number: true, cell: ([, said]) => exact(sum(said, 'in_flight')) },
  { label: 'Connections', number: true, cell: ([, said]) => exact(sum(said, 'connections')) },
  { label: 'Answers take', number: true, cell: ([, said]) => { const slow = Math.max(...said.map((s) => s.latency_ms ?? NaN).filter(Number.isFinite)); return Number.isFinite(slow) ? millis(slow) : '–'; } },
  { label: 'Ejected', number: true, cell: ([, said]) => exact(sum(said, 'ejections')) },
];

function draw(answer) {
  const all = joined(answer);
  return [
    h('h1', { tabindex: -1 }, 'Upstreams'),
    all.length === 0 && h('p', { class: 'empty' }, 'There are none.'),
    all.map((u) => {
      const endpoints = [...u.endpoints];
      const up = endpoints.filter(([, said]) => said.every((s) => stateOf(s) === 'up')).length;
      return h('section', { class: 'card', 'data-key': u.id },
        h('div', { class: 'head' }, h('h2', null, u.id), h('span', { class: 'tag ' + (up === endpoints.length && up > 0 ? 'ok' : up > 0 ? 'warn' : 'bad') }, `${up} of ${endpoints.length} up`),
          u.waiting > 0 && h('span', { class: 'tag warn' }, plural(u.waiting, 'request waits', 'requests wait')),
          u.panic.length > 0 && h('span', { class: 'tag bad', title: 'so few are available that all are asked' }, 'all are asked')),
        [...group(u.sources, (s) => `${s.name} does not say where endpoints are: ${s.failing.reason}`)].map(([text, of]) => h('p', { class: 'banner' }, text, h('span', { class: 'quiet' }, of.map((s) => s.pod).join(', ')))),
        table({ id: 'endpoints-' + u.id, label: 'Endpoints of ' + u.id, columns, rows: endpoints, key: ([address]) => address, empty: 'It has no endpoint.' }));
    }),
  ].flat();
}

export default { title: 'Upstreams', every: 5000, load: ({ scope, signal }) => get('upstreams', { scope }, signal), draw };
