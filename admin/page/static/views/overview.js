// The first screen: is it working, and what is it stopping?

import { get, getOr } from '../api.js';
import { bar, columns, spark } from '../chart.js';
import { h } from '../dom.js';
import { bytes, count, exact, millis, percent, plural, rate, span } from '../format.js';
import { link, table, to, windowChoice, windows } from '../parts.js';
import { failed, forwarded, reasons, stopped, sum } from '../words.js';
import { eventColumns } from './events.js';
import { columns as routeColumns, notWhole } from './routes.js';

const minutes = { '5m': 5, '15m': 15, '1h': 60 };
const levels = { error: 'bad', warn: 'warn', warning: 'warn', info: 'ok' };

// sentence is the answer for who has five seconds.
function sentence({ overview, rules }, since) {
  const trouble = overview.trouble ?? [];
  const errors = trouble.filter((t) => levels[t.level] === 'bad');
  const warnings = trouble.filter((t) => levels[t.level] === 'warn');
  const total = overview.total ?? {};
  const blocked = sum(total.verdicts, stopped);
  const would = total.verdicts?.would_block ?? 0;
  const pods = overview.pods?.length ?? 1;
  const asked = overview.about?.pods?.length ?? pods;
  const routes = (overview.routes ?? []).filter((r) => r.id).length; // without what no route matched
  const known = (new Date(overview.about?.window?.to) - new Date(overview.about?.window?.from)) / 1000;
  const time = known < 54 * minutes[since] ? span(known) : windows[since]; // the process may be younger
  const level = errors.length ? 'bad' : warnings.length ? 'warn' : 'ok';
  const title = { bad: errors.length === 1 ? errors[0].about : `Not working as it should: ${plural(errors.length, 'thing')} to mend`,
    warn: `Working, with ${plural(warnings.length, 'thing')} to look at`, ok: total.requests ? 'Working' : 'Working, and waiting for requests' }[level];
  const most = rules?.[0];
  return h('section', { class: 'card state ' + level, 'data-key': 'state', 'aria-label': 'State of the tier' },
    h('span', { class: 'sign', 'aria-hidden': true }, { bad: '!', warn: '!', ok: '✓' }[level]),
    h('div', null, h('h1', { tabindex: -1, class: 'wrap' }, capital(title)),
      total.requests ? h('p', null, h('b', null, rate(overview.rate)), ' requests a second through ', plural(routes, 'route'), ' on ', asked > pods ? `${pods} of ${plural(asked, 'pod')}` : plural(pods, 'pod'), '. ',
        blocked ? ['In the last ', time, ' ', h('b', null, plural(blocked, 'request was', 'requests were') + ' stopped'), most && [', most often for ', h('b', null, named(most))], '.'] : ['Nothing had to be stopped in the last ', time, '.'],
        would > 0 && [' ', h('b', null, exact(would) + ' more'), ' would have been, where policies only detect.'])
        : h('p', null, 'Nothing has come in within the last ', time, '. Send a request, and it is counted here within ten seconds.')),
    trouble.length > (level === 'bad' && errors.length === 1 ? 1 : 0) && h('ul', null, trouble.map((t) => h('li', null, h('span', { class: 'dot ' + (levels[t.level] ?? ''), 'aria-hidden': true }),
      h('span', { class: 'wrap' }, t.about, t.pod && pods > 1 && h('span', { class: 'quiet' }, ' · ' + t.pod), leads(t))))));
}

function leads(t) {
  const view = { configuration: 'configuration', disagree: 'configuration', upstream: 'upstreams', certificate: 'certificates', screen: 'policies' }[t.what];
  return view && [' ', link(view, {}, 'Show')];
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function named(rule) {
  return rule.message ? `${rule.message.replace(/ Detected via libinjection$/, '')} (rule ${rule.value})` : 'rule ' + rule.value;
}

function tile(name, value, detail, { level, line, id, leads } = {}) {
  return h('div', { class: 'tile ' + (level ?? '') }, h('dt', null, leads ? h('a', { href: leads }, name) : name), h('dd', { class: 'main' }, value), h('dd', { class: 'small' }, detail), line && h('dd', null, spark(line, id)));
}

// unseen counts what went on to an application without having been looked at, inPart what of it was seen in part.
const unseen = (p) => p.unseen ?? 0;
const inPart = (p) => notWhole(p).reduce((all, [, n]) => all + n, 0) - unseen(p);
const errors = (p) => sum(p.statuses, ['5xx']);

function tiles({ total, rate: now }, points, since) {
  const t = total ?? {};
  const refused = t.verdicts?.refused ?? 0;
  const blocked = sum(t.verdicts, stopped);
  const would = t.verdicts?.would_block ?? 0;
  const broke = sum(t.verdicts, failed);
  const screened = (t.screened?.clean ?? 0) + (t.screened?.inspect ?? 0);
  const missed = unseen(t);
  const events = (filter) => to('events', { ...filter, since });
  const each = (f) => points.map(f);
  return h('dl', { class: 'tiles', 'data-key': 'tiles' },
    tile('Requests', count(t.requests ?? 0), rate(now) + ' a second now', { line: each((p) => p.requests), id: 'pass' }),
    tile('Stopped', count(blocked), `${percent(blocked, t.requests)} of all`, { level: 'stopped', line: each((p) => sum(p.verdicts, stopped)), id: 'block', leads: events({ verdict: stopped.join() }) }),
    tile('Would be stopped', count(would), 'where policies only detect', { level: would ? 'warn' : '', line: each((p) => p.verdicts?.would_block ?? 0), id: 'would_block', leads: events({ verdict: 'would_block' }) }),
    tile('Refused', count(refused), 'before any rule', { line: each((p) => p.verdicts?.refused ?? 0), id: 'refused', leads: events({ verdict: 'refused' }) }),
    tile('Proved clean', percent(t.screened?.clean ?? 0, screened), 'by the screen alone', { line: each((p) => p.screened?.clean ?? 0), id: 'clean' }),
    tile('Uninspected', count(missed), inPart(t) ? `forwarded; and ${count(inPart(t))} seen in part` : 'forwarded unseen', { level: missed ? 'warn' : '', line: each(unseen), id: 'none', leads: events({ verdict: forwarded.join(), coverage: 'partial,headers,none' }) }),
    tile('Failed', count(errors(t)), broke ? `answers 5xx; the engine ${count(broke)}` : 'answers 5xx', { level: broke ? 'bad' : errors(t) ? 'warn' : '', line: each(errors), id: 'failed', leads: events({ status: '5xx' }) }),
    tile('Answers take', t.requests ? millis(t.p50_ms) : '–', t.requests ? `99 % within ${millis(t.p99_ms)}` : 'upstream included', { line: each((p) => p.p50_ms ?? 0), id: 'pass' }));
}


// charts draw what was counted from a time on: what was before it nobody knows.
function charts(points, step, from) {
  const times = points.map((p) => new Date(p.time));
  if (times.length === 0) return null;
  const of = (id, label, f) => ({ id, label, values: points.map(f) });
  const by = (name) => (p) => p.verdicts?.[name] ?? 0;
  const begun = times.findIndex((t) => t.valueOf() + 1000 * step > from.valueOf());
  const any = points.findIndex((p) => p.requests > 0);
  const unknown = Math.max(0, any < 0 ? begun : Math.min(begun, any)); // a pod may be younger than others
  const note = `in steps of ${step < 60 ? step + ' s' : step / 60 + ' min'}`;
  return h('section', { class: 'card grid charts', 'data-key': 'charts', 'aria-label': 'Over time' },
    columns({ id: 'all', title: 'All requests', note, times, unknown, series: [of('pass', 'Passed', (p) => p.requests - sum(p.verdicts, [...stopped, ...failed, 'would_block', 'refused'])), of('block', 'Stopped', (p) => sum(p.verdicts, stopped)),
      of('would_block', 'Would be stopped', by('would_block')), of('refused', 'Refused', by('refused')), of('failed', 'Inspection failed', (p) => sum(p.verdicts, failed))] }),
    columns({ id: 'notable', title: 'All but those that passed', note, times, unknown, series: [of('block', 'Stopped', (p) => sum(p.verdicts, stopped)),
      of('would_block', 'Would be stopped', by('would_block')), of('refused', 'Refused', by('refused')), of('failed', 'Inspection failed', (p) => sum(p.verdicts, failed))] }),
    columns({ id: 'coverage', title: 'Not inspected whole', note: 'share of what went on to applications', times, unknown, share: true, height: 56, series: [{ ...of('full', 'Whole', (p) => Math.max(0, sum(p.verdicts, forwarded) - inPart(p) - unseen(p))), silent: true },
      of('partial', 'In part', inPart), of('none', 'Nothing', unseen)] }));
}

// ranked lists what was found most often.
function ranked(title, rows, name, parameters, empty) {
  const most = Math.max(...rows.map((r) => r.count), 1);
  return h('section', { class: 'card', 'data-key': title }, h('h2', null, title),
    rows.length === 0 ? h('p', { class: 'empty' }, empty) : h('ol', null, rows.slice(0, 6).map((r) => h('li', { class: 'meter' },
      link('events', parameters(r), name(r)), h('span', { class: 'number' }, count(r.count)),
      bar([{ id: 'block', label: 'events', value: r.count }, { id: 'empty', label: 'rest', value: most - r.count }])))));
}

const podColumns = [
  { label: 'Pod', head: true, class: 'mono wrap', cell: (p) => p.pod },
  { label: 'State', class: 'nowrap', cell: (p) => h('span', { class: 'tag ' + (p.ready ? 'ok' : 'bad'), title: p.silent ?? p.not_ready }, p.silent ? 'no answer' : p.ready ? 'ready' : 'not ready') },
  { label: 'Requests', number: true, cell: (p) => (p.silent ? '–' : count(p.requests)) },
  { label: 'In flight', number: true, cell: (p) => (p.silent ? '–' : count(p.in_flight)) },
  { label: 'Memory', number: true, cell: (p) => (p.silent ? '–' : bytes(p.memory)) },
];

// pods are those that have answered and those that have not. Where some have the same name, addresses tell them apart.
function pods({ pods: told, about }) {
  const asked = about?.pods ?? [];
  const addresses = asked.filter((p) => p.answered);
  const twice = new Set((told ?? []).map((p) => p.pod)).size < (told ?? []).length && addresses.length === told.length;
  const all = [...(told ?? []).map((p, i) => (twice ? { ...p, pod: `${p.pod} ${addresses[i].address}` } : p)),
    ...asked.filter((p) => !p.answered).map((p) => ({ pod: p.pod || p.address, silent: p.error }))];
  return h('section', { class: 'card', 'data-key': 'pods' }, h('h2', null, 'Pods'),
    table({ id: 'pod-list', label: 'Pods', columns: podColumns, rows: all, key: (p) => p.pod, more: 'dense', empty: 'None has answered.' }));
}

// open leads from the id that a blocked user reports to all that is known of the request.
function open(e) {
  e.preventDefault();
  location.hash = to('event/' + encodeURIComponent(new FormData(e.currentTarget).get('id').trim()));
}

function draw(data, { now }) {
  const since = now.parameters.get('since') ?? '15m';
  const { overview, traffic, latest, clients, rules } = data;
  const points = traffic.points ?? [];
  return [
    sentence(data, since),
    h('div', { class: 'head', 'data-key': 'window' }, h('h2', null, 'Traffic'),
      h('div', { class: 'right' },
        h('form', { role: 'search', 'aria-label': 'Open a request', on: { submit: open } },
          h('input', { type: 'search', name: 'id', required: true, autocomplete: 'off', spellcheck: 'false', placeholder: 'Request id of a block page', 'aria-label': 'Request id' })),
        windowChoice('overview', since))),
    tiles(overview, points, since),
    h('div', { class: 'grid two', 'data-key': 'middle' }, charts(points, traffic.step_s, new Date(traffic.about?.window?.from)),
      h('div', { class: 'grid' },
        ranked('What is tried', rules, (r) => [h('span', { class: 'mono' }, r.value), ' ', r.message], (r) => ({ rule: r.value }), 'No rule has found anything.'),
        ranked('Who tries it', clients, (r) => h('span', { class: 'mono' }, r.value), (r) => ({ client: r.value }), 'Nobody.'),
        ranked('What was not inspected whole', notWhole(overview.total ?? {}).map(([value, n]) => ({ value, count: n })), (r) => [h('span', { class: 'mono' }, r.value), ' ', reasons[r.value]],
          (r) => ({ verdict: forwarded.join(), coverage: 'partial,headers,none', text: r.value, since }), 'All that went on to applications was.'),
        pods(overview))),
    h('section', { class: 'card', 'data-key': 'latest' }, h('div', { class: 'head' }, h('h2', null, 'The latest findings'), h('div', { class: 'right' }, link('events', {}, 'All events'))),
      table({ id: 'latest-events', label: 'The latest findings', columns: eventColumns, rows: latest, key: (e) => e.id, more: 'events', empty: data.off ? 'No events are kept here (recent.memory is 0).' : 'The rules have found nothing yet in what is kept.' })),
    h('section', { class: 'card', 'data-key': 'busy' }, h('div', { class: 'head' }, h('h2', null, 'Routes'), h('div', { class: 'right' }, link('routes', {}, 'All routes'))),
      table({ id: 'busy-routes', label: 'Routes', columns: routeColumns, rows: (overview.routes ?? []).slice(0, 5), key: (r) => r.id, empty: 'There are none.' })),
  ];
}

export default {
  title: 'Overview',
  every: 5000,
  async load({ scope, signal, now }) {
    const since = now.parameters.get('since') ?? '15m';
    const [overview, traffic, latest, clients, rules] = await Promise.all([
      get('overview', { scope, since }, signal), getOr({}, 'traffic', { scope, since }, signal), getOr({ off: true }, 'events', { scope, kind: 'security', limit: 6 }, signal),
      getOr({}, 'events/top', { scope, by: 'client', limit: 6, since }, signal), getOr({}, 'events/top', { scope, by: 'rule', limit: 6, since }, signal),
    ]);
    return { overview, traffic, latest: latest.events ?? [], off: latest.off, clients: clients.rows ?? [], rules: rules.rows ?? [], about: { ...overview.about, kept: latest.about?.kept ?? overview.about.kept } };
  },
  draw,
};
