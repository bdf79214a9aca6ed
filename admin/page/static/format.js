// How figures, times and shares are written.

import { h } from './dom.js';

const grouped = new Intl.NumberFormat('en');

// count writes a number in a few characters: 1,234 or 12.3k or 4.56M.
export function count(n) {
  if (!Number.isFinite(n)) return '–';
  if (n < 10_000) return grouped.format(Math.round(n));
  for (const [unit, size] of [['k', 1e3], ['M', 1e6], ['G', 1e9], ['T', 1e12]]) {
    if (n < 999.5 * size || unit === 'T') return (n / size).toPrecision(3) + unit;
  }
}

export function exact(n) {
  return grouped.format(n ?? 0);
}

// rate writes something per second.
export function rate(n) {
  if (!Number.isFinite(n)) return '–';
  return n === 0 ? '0' : n < 0.1 ? n.toFixed(2) : n < 10 ? n.toFixed(1) : count(n);
}

// percent never rounds a little to nothing or almost all to everything.
export function percent(part, whole) {
  if (!whole) return '–';
  const p = (100 * part) / whole;
  if (p === 0 || p === 100) return p + ' %';
  if (p < 0.1) return '< 0.1 %';
  if (p > 99.9) return '> 99.9 %';
  return (p < 10 || p > 90 ? p.toFixed(1) : p.toFixed(0)) + ' %';
}

export function millis(ms) {
  if (!Number.isFinite(ms)) return '–';
  if (ms < 1) return Math.max(1, Math.round(ms * 1000)) + ' µs';
  if (ms < 10) return ms.toFixed(1) + ' ms';
  if (ms < 1000) return Math.round(ms) + ' ms';
  return (ms / 1000).toFixed(1) + ' s';
}

export function bytes(n) {
  if (!Number.isFinite(n)) return '–';
  for (const [unit, size] of [['GiB', 2 ** 30], ['MiB', 2 ** 20], ['KiB', 2 ** 10]]) {
    if (n >= size) return (n / size).toFixed(n < 10 * size ? 1 : 0) + ' ' + unit;
  }
  return n + ' B';
}

export function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 100) return s + ' s';
  if (s < 100 * 60) return Math.round(s / 60) + ' min';
  if (s < 48 * 3600) return Math.round(s / 3600) + ' h';
  return Math.round(s / 86400) + ' days';
}

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const short = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

// at writes when something was, by the clock of who looks; the whole time is in its title.
export function at(text, seconds = true) {
  const t = new Date(text);
  if (!text || Number.isNaN(t.valueOf())) return '–';
  return h('time', { datetime: t.toISOString(), title: t.toISOString() }, clockOf(t, seconds));
}

export function clockOf(t, seconds = true) {
  const today = new Date().toDateString() === t.toDateString();
  return (today ? '' : day.format(t) + ' ') + (seconds ? clock : short).format(t);
}

// zone is the time zone that times are written in.
export function zone() {
  return new Intl.DateTimeFormat('en-GB', { timeZoneName: 'short' }).formatToParts().find((p) => p.type === 'timeZoneName')?.value ?? '';
}

// since writes how long ago something was.
export function since(text) {
  const t = new Date(text);
  if (!text || Number.isNaN(t.valueOf())) return '–';
  return h('time', { datetime: t.toISOString(), title: t.toISOString() }, span((Date.now() - t) / 1000));
}

export function plural(n, one, more = one + 's') {
  return `${exact(n)} ${n === 1 ? one : more}`;
}
