// Which certificates the tier shows and asks with, and when they end.

import { get } from '../api.js';
import { h } from '../dom.js';
import { span } from '../format.js';
import { card, perPod, table } from '../parts.js';

const states = { good: ['good', 'ok'], ending: ['ends soon', 'warn'], ended: ['has ended', 'bad'], early: ['not valid yet', 'bad'] };
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });

// joined has each certificate once, with the pods that have it.
function joined(answer) {
  const all = new Map();
  for (const { pod, answer: told } of perPod(answer)) {
    for (const c of told?.certificates ?? []) {
      const key = [c.for, c.name, c.sha256].join(' ');
      if (!all.has(key)) all.set(key, { ...c, key, pods: [] });
      all.get(key).pods.push(pod);
    }
  }
  return [...all.values()].sort((a, b) => a.days - b.days);
}

const columns = [
  { label: 'For', head: true, cell: (c) => [c.for, ' ', h('b', null, c.name)] },
  { label: 'Names', class: 'wrap', cell: (c) => (c.names?.length ? c.names.join(', ') : c.subject) },
  { label: 'State', cell: (c) => h('span', { class: 'tag ' + (states[c.state]?.[1] ?? '') }, states[c.state]?.[0] ?? c.state) },
  { label: 'Ends', class: 'nowrap', cell: (c) => [h('time', { datetime: c.not_after, title: c.not_after }, day.format(new Date(c.not_after))), ' ', h('span', { class: 'quiet' }, c.days >= 0 ? 'in ' + span(c.days * 86400) : span(-c.days * 86400) + ' ago')] },
  { label: 'Issuer', class: 'wrap', cell: (c) => c.issuer },
  { label: 'File', class: 'mono wrap', cell: (c) => c.file ?? '–' },
  { label: 'Pods', class: 'wrap', cell: (c) => (c.pods.length > 3 ? `${c.pods.length} pods` : c.pods.join(', ')) },
];

export default {
  title: 'Certificates',
  every: 30000,
  load: ({ scope, signal }) => get('certificates', { scope }, signal),
  draw: (answer) => [
    h('h1', { tabindex: -1 }, 'Certificates'),
    card(null, table({ id: 'certificates', label: 'Certificates', columns, rows: joined(answer), key: (c) => c.key, empty: 'There are none: clients and upstreams are spoken to without TLS.' })),
  ],
};
