// Small charts. The columns are SVG, all that is written is HTML, and whoever does not see them walks
// through with the arrow keys or opens the same figures as a table.

import { h, svg, morph } from './dom.js';
import { clockOf, count, exact, percent } from './format.js';

const asTable = new Set(); // charts whose table is open

// columns draws stacked columns over time. series are {id, label, values, silent}: a silent one counts, is
// listed, and is not drawn. With share they are parts of what there is. The first columns may be unknown.
export function columns({ id, title, note, times, series, unknown = 0, share = false, height = 96 }) {
  const sums = times.map((_, i) => series.reduce((sum, s) => sum + s.values[i], 0));
  const drawn = series.filter((s) => !s.silent);
  const tall = times.map((_, i) => drawn.reduce((sum, s) => sum + s.values[i], 0) / (share ? sums[i] || 1 : 1));
  const top = share ? Math.min(1, nice(100 * Math.max(...tall, 0.01)) / 100) : nice(Math.max(...tall, 1));
  const scale = share ? (part) => `${+(100 * part * top).toPrecision(2)} %` : (part) => count(part * top);
  const used = series.filter((s) => s.values.some((v) => v > 0));
  const readout = h('span', { class: 'readout', 'data-own': true });
  const cursor = svg('rect', { class: 'cursor', x: -1, y: 0, width: 1, height: 100 });
  const told = (i) => used.filter((s) => s.values[i] > 0).map((s) => `${s.label.toLowerCase()} ${share ? percent(s.values[i], sums[i]) : exact(s.values[i])}`)
    .join(', ') || (i < unknown ? 'not known' : 'nothing');
  const figures = () => table({ times, series: used, share, sums });
  const plot = h('div', {
    class: 'plot', tabindex: 0, role: 'slider', 'aria-label': title + ', by time', 'aria-orientation': 'horizontal',
    'aria-valuemin': 0, 'aria-valuemax': times.length - 1, 'aria-valuenow': times.length - 1,
    'aria-valuetext': `${clockOf(times.at(-1))}: ${told(times.length - 1)}`,
    style: { height: height + 'px' },
    on: {
      mousemove: (e) => {
        const box = e.currentTarget.getBoundingClientRect();
        point(e.currentTarget, Math.floor(((e.clientX - box.left) / box.width) * times.length));
      },
      mouseleave: (e) => point(e.currentTarget, null),
      blur: (e) => point(e.currentTarget, null),
      keydown: (e) => {
        const now = Number(e.currentTarget.getAttribute('aria-valuenow'));
        const to = { ArrowLeft: now - 1, ArrowRight: now + 1, ArrowDown: now - 1, ArrowUp: now + 1, Home: 0, End: times.length - 1 }[e.key];
        if (to === undefined) return;
        e.preventDefault();
        point(e.currentTarget, to);
      },
    },
  }, svg('svg', { viewBox: `0 0 ${times.length} 100`, preserveAspectRatio: 'none', 'aria-hidden': true, focusable: 'false' },
    unknown > 0 && svg('rect', { class: 'unknown', x: 0, y: 0, width: unknown, height: 100 }),
    stacked(used.filter((s) => !s.silent), times.length, (i) => (share ? (sums[i] || 1) * top : top)), cursor));

  // point shows one column: the figures above, a mark in the picture, and to who listens.
  function point(plot, i) {
    const mark = plot.querySelector('.cursor');
    const text = plot.closest('figure').querySelector('.readout');
    if (i === null) {
      mark.setAttribute('x', -1);
      text.textContent = '';
      return;
    }
    i = Math.max(0, Math.min(times.length - 1, i));
    mark.setAttribute('x', i);
    text.textContent = `${clockOf(times[i])}  ${told(i)}`;
    plot.setAttribute('aria-valuenow', i);
    plot.setAttribute('aria-valuetext', `${clockOf(times[i])}: ${told(i)}`);
  }

  return h('figure', { class: 'chart', 'data-key': id },
    h('figcaption', null, h('h2', null, title), h('span', { class: 'quiet' }, note), readout),
    h('div', { class: 'frame' },
      h('div', { class: 'scale', 'aria-hidden': true }, h('span', null, scale(1)), h('span', null, scale(0.5)), h('span', null, '0')),
      plot,
      h('div', { class: 'ticks', 'aria-hidden': true }, ticks(times).map((t) => h('span', { style: { left: t.left + '%' } }, t.text)))),
    h('div', { class: 'below' },
      legend(used, sums, unknown > 0 && clockOf(times[unknown], false)),
      h('details', {
        class: 'figures',
        on: {
          toggle: (e) => {
            e.currentTarget.open ? asTable.add(id) : asTable.delete(id);
            if (e.currentTarget.open) morph(e.currentTarget.lastElementChild, h('div', { class: 'scroll' }, figures()));
          },
        },
      }, h('summary', null, 'As a table'), h('div', { class: 'scroll' }, asTable.has(id) && figures()))));
}

// stacked has one path for each series.
function stacked(series, n, top) {
  const below = new Array(n).fill(0);
  return series.map((s) => {
    let d = '';
    for (let i = 0; i < n; i++) {
      if (!s.values[i]) continue;
      const tall = Math.max((100 * s.values[i]) / top(i), 1.5); // few are seen beside many
      d += `M${i + 0.08} ${(100 - below[i]).toFixed(2)}h0.84v-${tall.toFixed(2)}h-0.84z`;
      below[i] += tall;
    }
    return svg('path', { class: 'fill ' + s.id, d });
  });
}

function legend(series, sums, since) {
  const whole = sums.reduce((a, b) => a + b, 0);
  return h('ul', { class: 'legend' }, series.map((s) => {
    const sum = s.values.reduce((a, b) => a + b, 0);
    return h('li', null, swatch(s.id), s.label + ' ', h('b', null, count(sum)), ' ', h('span', { class: 'quiet' }, percent(sum, whole)));
  }), series.length === 0 && h('li', { class: 'quiet' }, 'Nothing in this time.'), since && h('li', { class: 'quiet' }, swatch('unknown'), `not known before ${since}`));
}

export function swatch(id) {
  return h('span', { class: 'swatch ' + id, 'aria-hidden': true });
}

function table({ times, series, share, sums }) {
  const rows = times.map((t, i) => [t, i]).filter(([, i]) => sums[i] > 0).reverse();
  return h('table', { class: 'dense' },
    h('thead', null, h('tr', null, h('th', { scope: 'col' }, 'From'), series.map((s) => h('th', { scope: 'col', class: 'number' }, s.label)))),
    h('tbody', null, rows.map(([t, i]) => h('tr', null, h('th', { scope: 'row' }, clockOf(t)),
      series.map((s) => h('td', { class: 'number' }, share ? percent(s.values[i], sums[i]) : exact(s.values[i])))))));
}

// nice is the next round number.
function nice(n) {
  const size = 10 ** Math.floor(Math.log10(n));
  return [1, 2, 4, 6, 8, 10].map((f) => f * size).find((f) => f >= n);
}

function ticks(times) {
  const wanted = 5;
  const out = [];
  for (let i = 0; i < wanted; i++) {
    const at = Math.round(((times.length - 1) * i) / (wanted - 1));
    out.push({ left: (100 * (at + 0.5)) / times.length, text: clockOf(times[at], false) });
  }
  return out.filter((t, i) => i === 0 || t.text !== out[i - 1].text);
}

// spark is a line of columns without words, beside a figure that says it all.
export function spark(values, id) {
  const top = Math.max(...values, 1);
  const d = values.map((v, i) => (v ? `M${i} 20h0.8v-${Math.max((20 * v) / top, 1).toFixed(2)}h-0.8z` : '')).join('');
  return svg('svg', { class: 'spark', viewBox: `0 0 ${values.length || 1} 20`, preserveAspectRatio: 'none', 'aria-hidden': true, focusable: 'false' },
    svg('path', { class: 'fill ' + id, d }));
}

// bar shows shares of a whole: parts are {id, label, value}.
export function bar(parts) {
  const whole = parts.reduce((sum, p) => sum + p.value, 0);
  const told = parts.filter((p) => p.value > 0).map((p) => `${p.label} ${percent(p.value, whole)}`).join(', ') || 'nothing yet';
  let x = 0;
  return svg('svg', { class: 'bar', viewBox: '0 0 100 8', preserveAspectRatio: 'none', role: 'img', 'aria-label': told, focusable: 'false' },
    svg('title', null, told),
    svg('rect', { class: 'fill empty', x: 0, y: 0, width: 100, height: 8 }),
    parts.filter((p) => p.value > 0).map((p) => {
      const width = (100 * p.value) / whole;
      const rect = svg('rect', { class: 'fill ' + p.id, x: x.toFixed(2), y: 0, width: Math.max(width, 1).toFixed(2), height: 8 });
      x += width;
      return rect;
    }));
}

// gauge shows a number against its threshold.
export function gauge(value, threshold) {
  const top = Math.max(value, threshold * 2, 1);
  return svg('svg', { class: 'gauge', viewBox: '0 0 100 10', preserveAspectRatio: 'none', role: 'img', 'aria-label': `score ${value} of a threshold of ${threshold}`, focusable: 'false' },
    svg('rect', { class: 'fill empty', x: 0, y: 2, width: 100, height: 6 }),
    svg('rect', { class: 'fill ' + (value >= threshold ? 'block' : 'pass'), x: 0, y: 2, width: ((100 * value) / top).toFixed(2), height: 6 }),
    svg('rect', { class: 'fill mark', x: ((100 * threshold) / top - 0.4).toFixed(2), y: 0, width: 0.8, height: 10 }));
}
