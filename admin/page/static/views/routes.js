// The routes: how they are treated, how they do, and what came of their requests.

import { get, getOr } from '../api.js';
import { bar, spark } from '../chart.js';
import { h } from '../dom.js';
import { count, millis, percent } from '../format.js';
import { card, link, modeTag, table, windowChoice } from '../parts.js';
import { forwarded, stopped, sum } from '../words.js';

const health = { up: ['up', 'ok'], degraded: ['some are down', 'warn'], down: ['down', 'bad'], none: ['no upstream', ''] };

const most = 200; // rows: who has more routes looks for one
let wanted = ''; // what routes are looked for

// mostly one of a route's hosts says which route it is.
function selects(r) {
  const all = [...(r.hosts ?? []), ...(r.paths ?? [])];
  return all.length ? h('span', { class: 'quiet', title: all.join(', ') }, all.slice(0, 2).join(', ') + (all.length > 2 ? ` and ${all.length - 2} more` : '')) : h('span', { class: 'quiet' }, 'every host');
}

function share(part, whole, id, label, rest) {
  if (!whole) return h('span', { class: 'quiet' }, '–');
  return [percent(part, whole), bar([{ id, label, value: part }, { id: 'empty', label: rest, value: whole - part }])];
}

// notWhole is why requests that went on were not inspected whole, the most frequent reason first.
export const notWhole = (c) => Object.entries(c.missed ?? {}).sort(([, a], [, b]) => b - a);
const missed = (c) => notWhole(c).reduce((all, [, n]) => all + n, 0);

export const columns = [
  { label: 'Route', head: true, cell: (r) => [link('events', { route: r.id }, h('b', null, r.id || '(no route)')), h('div', null, selects(r))] },
  { label: 'Mode', cell: (r) => (r.mode ? [modeTag(r.mode), h('div', { class: 'quiet' }, link('policies', { policy: r.policy }, r.policy))] : '–') },
  { label: 'Health', cell: (r) => [h('span', { class: 'tag ' + (health[r.health]?.[1] ?? '') }, health[r.health]?.[0] ?? r.health ?? '–'), r.endpoints > 0 && h('div', { class: 'quiet nowrap' }, `${r.endpoints_up} of ${r.endpoints} up`)] },
  { label: 'Requests', number: true, cell: (r) => [count(r.requests), r.line?.length > 1 && spark(r.line, 'pass')] },
  { label: 'Stopped', number: true, cell: (r) => [count(sum(r.verdicts, stopped)), r.blocked_line?.some((n) => n > 0) && spark(r.blocked_line, 'block')] },
  { label: 'Would stop', number: true, cell: (r) => count(r.verdicts?.would_block ?? 0) },
  { label: 'Failed', number: true, cell: (r) => h('span', { title: 'answers 5xx' }, count(sum(r.statuses, ['5xx']))) },
  { label: 'Proved clean', number: true, cell: (r) => share(sum(r.screened, ['clean']), sum(r.screened, ['clean', 'inspect']), 'clean', 'proved clean by the screen', 'shown to the rules') },
  { label: 'Inspected', number: true, cell: (r) => [share(sum(r.verdicts, forwarded) - missed(r), sum(r.verdicts, forwarded), 'full', 'inspected whole', 'inspected in part or not'),
    missed(r) > 0 && h('div', { class: 'quiet' }, link('events', { route: r.id, verdict: forwarded.join(), coverage: 'partial,headers,none' }, notWhole(r).slice(0, 2).map(([reason, n]) => `${reason} ${count(n)}`).join(', ')))] },
  { label: 'Median', number: true, cell: (r) => (r.requests ? millis(r.p50_ms) : '–') },
  { label: '99 %', number: true, cell: (r) => (r.requests ? millis(r.p99_ms) : '–') },
];

function draw({ overview, traffic }, { now, redraw }) {
  const since = now.parameters.get('since') ?? '1h';
  const lines = new Map((traffic.routes ?? []).map((r) => [r.route, r]));
  const all = overview.routes ?? [];
  const rows = all.map((r) => ({ ...lines.get(r.id), ...r }))
    .filter((r) => [r.id, r.policy, ...(r.hosts ?? []), ...(r.paths ?? [])].some((t) => t?.toLowerCase().includes(wanted)));
  if (rows.length > most) rows.sort((a, b) => b.requests - a.requests);
  return [
    h('div', { class: 'head' }, h('h1', { tabindex: -1 }, 'Routes'),
      h('div', { class: 'right' },
        all.length > 8 && h('input', { type: 'search', placeholder: 'Find a route', 'aria-label': 'Find a route', on: { input: (e) => { wanted = e.currentTarget.value.toLowerCase(); redraw?.(); } } }),
        windowChoice('routes', since))),
    card(rows.length > most && `${most} of ${count(rows.length)} routes, the busiest`, table({ id: 'routes', label: 'Routes', columns, rows: rows.slice(0, most), key: (r) => r.id, empty: all.length ? 'None has that in its name, hosts, paths or policy.' : 'There are none.' })),
    traffic.routes_from && new Date(traffic.routes_from) - new Date(overview.about.window.from) > 60000 &&
      h('p', { class: 'quiet' }, 'So many routes are busy that the small columns reach back to ', new Date(traffic.routes_from).toLocaleTimeString(), ' only.'),
  ];
}

export default {
  title: 'Routes',
  every: 5000,
  async load({ scope, signal, now }) {
    const since = now.parameters.get('since') ?? '1h';
    const [overview, traffic] = await Promise.all([get('overview', { scope, since }, signal), getOr({}, 'traffic', { scope, since }, signal)]);
    return { overview, traffic, about: overview.about };
  },
  draw,
};
