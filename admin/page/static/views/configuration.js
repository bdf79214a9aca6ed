// Which configuration is in force, on which pods, and what it changed.

import { get } from '../api.js';
import { h } from '../dom.js';
import { at, plural, since } from '../format.js';
import { card, facts, perPod, table } from '../parts.js';
import { valueText } from './policies.js';

const short = (digest) => h('code', { title: digest }, digest ? digest.slice(0, 12) : '–');
const newest = (told) => told?.generations?.find((g) => g.generation === told.current) ?? told?.generations?.[0];

// pods of a tier serve one configuration, or it is said who does not.
function agreement(pods, answer) {
  const digests = new Set(pods.map(({ answer: told }) => told?.digest).filter(Boolean));
  const silent = (answer.about.pods ?? []).filter((p) => !p.answered);
  if (digests.size > 1) return ['bad', `Pods serve ${digests.size} different configurations`];
  if (silent.length) return ['warn', `${plural(pods.length, 'pod agrees', 'pods agree')}, ${plural(silent.length, 'is', 'are')} not heard`];
  return ['ok', pods.length > 1 ? `All ${pods.length} pods serve the same configuration` : 'One pod serves it'];
}

const podColumns = [
  { label: 'Pod', head: true, class: 'mono wrap', cell: ({ pod }) => pod },
  { label: 'Configuration', cell: ({ answer }) => short(answer?.digest) },
  { label: 'Generation', number: true, cell: ({ answer }) => answer?.current ?? '–' },
  { label: 'In force since', class: 'nowrap', cell: ({ answer }) => (newest(answer) ? at(newest(answer).since) : '–') },
  { label: 'Version', class: 'mono', cell: ({ answer }) => answer?.about?.version ?? '–' },
  { label: 'Its files', class: 'wrap', cell: ({ answer }) => (answer?.problems?.length ? h('span', { class: 'tag bad' }, plural(answer.problems.length, 'problem')) : 'are in force') },
];

// line is one value of the difference, as two lines that people know how to read.
function line(c) {
  return [
    h('span', { class: 'at' }, c.path),
    c.before !== undefined && h('span', { class: 'cut' }, h('span', { class: 'said' }, 'before: '), '- ' + valueText(c.before)),
    c.after !== undefined && h('span', { class: 'add' }, h('span', { class: 'said' }, 'after: '), '+ ' + valueText(c.after)),
  ];
}

function generation(g, isCurrent) {
  const routes = [['added', g.added], ['removed', g.removed], ['changed', g.modified]].filter(([, list]) => list?.length);
  return h('section', { class: 'card', 'data-key': 'generation-' + g.generation },
    h('div', { class: 'head' }, h('h2', null, `Generation ${g.generation}`), isCurrent && h('span', { class: 'tag ok' }, 'in force'), short(g.digest),
      h('span', { class: 'quiet' }, at(g.since), ', ', since(g.since), ' ago', g.trigger && ', by ' + g.trigger)),
    facts(routes.map(([what, list]) => ['Routes ' + what, list.join(', ')])),
    g.changes?.length ? h('pre', { class: 'diff', tabindex: 0, 'aria-label': `What generation ${g.generation} changed` }, h('code', null, g.changes.map(line)))
      : h('p', { class: 'quiet' }, g.generation === 1 ? 'The first one of this process: there is nothing to compare it with.' : 'No value differs from the one before.'),
    g.changes_more > 0 && h('p', { class: 'quiet' }, `and ${plural(g.changes_more, 'more value')}.`));
}

function draw(answer) {
  const pods = perPod(answer);
  const own = (pods.find(({ pod }) => pod === answer.about.pod) ?? pods[0])?.answer;
  const [level, text] = agreement(pods.filter((p) => p.answer), answer);
  const problems = new Map();
  for (const { pod, answer: told } of pods) for (const p of told?.problems ?? []) problems.set(p, [...(problems.get(p) ?? []), pod]);
  return [
    h('h1', { tabindex: -1 }, 'Configuration'),
    card(null, h('p', { class: 'head' }, h('span', { class: 'dot ' + level, 'aria-hidden': true }), h('b', null, text)),
      table({ id: 'pods', label: 'Pods and their configuration', columns: podColumns, rows: pods, key: ({ pod }) => pod })),
    problems.size > 0 && h('section', { class: 'card', 'data-key': 'problems' }, h('h2', null, 'The files are not in force'),
      h('ul', null, [...problems].map(([p, of]) => h('li', { class: 'wrap mono' }, p, ' ', pods.length > 1 && h('span', { class: 'quiet' }, of.join(', ')))))),
    (own?.generations ?? []).map((g) => generation(g, g.generation === own.current)),
  ].flat();
}

export default { title: 'Configuration', every: 5000, load: ({ scope, signal }) => get('generations', { scope }, signal), draw };
