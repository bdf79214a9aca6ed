// The frame around the views: which one is shown, what it asks, how often, and what it is based on.

import { Refusal, token } from './api.js';
import { h, morph, replace, say, svg } from './dom.js';
import { at, bytes, clockOf, exact, plural, span, zone } from './format.js';
import { choice, link } from './parts.js';
import certificates from './views/certificates.js';
import configuration from './views/configuration.js';
import event from './views/event.js';
import events from './views/events.js';
import overview from './views/overview.js';
import policies from './views/policies.js';
import routes from './views/routes.js';
import upstreams from './views/upstreams.js';

// nowhere is what an address leads to that names no view.
const nowhere = {
  title: 'Nothing here',
  mount: ({ now, draw }) => draw([h('h1', { tabindex: -1 }, nowhere.title),
    h('p', null, 'This page has no view ', h('code', { class: 'wrap' }, now.id), '. ', link('overview', {}, 'The overview'), ' is where it begins.')]),
};

const views = { nowhere, overview, events, event, routes, policies, upstreams, certificates, configuration };
const inMenu = ['overview', 'events', 'routes', 'policies', 'upstreams', 'certificates', 'configuration'];

const main = document.getElementById('main');
const basis = document.getElementById('basis');
const top = document.getElementById('top');

let shown = null; // { name, path, stop } of the view that is shown
let about = null; // what the last answer said of itself

const preference = {
  get: (name, otherwise) => localStorage.getItem('wafer.' + name) ?? otherwise,
  set: (name, value) => localStorage.setItem('wafer.' + name, value),
};

function where() {
  const [path, query] = location.hash.replace(/^#\/?/, '').split('?');
  const [name, ...rest] = path.split('/');
  const id = decoded(rest.join('/'));
  if (path === '') return { name: 'overview', id, parameters: new URLSearchParams(query) };
  if (!Object.hasOwn(views, name) || name === 'nowhere' || id === null) return { name: 'nowhere', id: path, parameters: new URLSearchParams() };
  return { name, id, parameters: new URLSearchParams(query) };
}

// decoded is null for what was never encoded: people edit addresses.
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

// show starts the view that the address names, and ends the one before.
function show() {
  const now = where();
  const before = shown;
  before?.stop.abort();
  const stop = new AbortController();
  shown = { name: now.name, id: now.id, stop };
  const view = views[now.name];
  document.title = view.title + ' · Wafer';
  frame();
  const moved = before && (before.name !== now.name || before.id !== now.id);
  if (!before || moved) main.replaceChildren(h('h1', { tabindex: -1 }, view.title), h('p', { class: 'quiet late' }, 'Asking …'));
  if (moved) {
    main.focus();
    scrollTo(0, 0);
    say(view.title);
  }
  const tools = { scope: preference.get('scope', 'tier'), now, signal: stop.signal, draw, based, failed };
  if (view.mount) view.mount(tools);
  else repeat(view, tools);
}

// repeat asks and draws until another view is shown. A page that nobody looks at asks nothing.
async function repeat(view, tools) {
  const { signal } = tools;
  for (let again = false; !signal.aborted; again = true) {
    if (document.hidden && again) {
      await seen(signal);
      continue;
    }
    try {
      const data = await view.load(tools);
      if (signal.aborted) return;
      based(data.about);
      const redraw = () => draw(view.draw(data, { ...tools, redraw }));
      redraw();
    } catch (error) {
      if (signal.aborted) return;
      failed(error);
      if (error.status === 401 || error.status === 403) return;
    }
    await wait(view.every ?? 5000, signal);
  }
}

function seen(signal) {
  return new Promise((done) => {
    document.addEventListener('visibilitychange', done, { once: true, signal });
    signal.addEventListener('abort', done, { once: true });
  });
}

function wait(ms, signal) {
  return new Promise((done) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', () => { clearTimeout(timer); done(); }, { once: true });
  });
}

function draw(nodes) {
  replace(main, [notice(), ...[nodes].flat()].filter(Boolean));
}

// notice names the pods that have not answered, above whatever is shown without them.
function notice() {
  const silent = shown.name === 'overview' ? [] : (about?.pods ?? []).filter((p) => !p.answered); // it tells of them itself
  if (silent.length === 0) return null;
  return h('div', { class: 'banner', role: 'status', 'data-key': 'notice' },
    h('p', null, h('b', null, plural(silent.length, 'pod does not', 'pods do not') + ' answer: '),
      silent.map((p, i) => [i > 0 && ', ', h('span', { class: 'mono' }, p.pod || p.address), p.error && ` (${p.error})`]), `. What ${silent.length === 1 ? 'it knows' : 'they know'} is missing here.`));
}

// based says below every view what it is made of: its time, pods, sampling, losses.
function based(told) {
  about = told ?? about;
  if (!about) return;
  const from = new Date(about.window?.from);
  const to = new Date(about.window?.to);
  const any = from.getFullYear() > 1;
  const pods = about.pods ?? [{ answered: true }];
  const lost = Object.values(about.dropped ?? {}).reduce((a, b) => a + b, 0);
  const item = (name, ...value) => h('span', null, name + ' ', h('b', null, value));
  replace(basis, [h('div', null,
    any ? to - from >= 1000 && item('Window', `${clockOf(from)} – ${clockOf(to)}`, ` (${span((to - from) / 1000)})`) : item('Window', 'nothing yet'), // states have none: they are as of now
    about.scope === 'tier' ? item('Pods', `${pods.filter((p) => p.answered).length} of ${pods.length}`) : item('Pod', about.pod),
    item('Counted', 'every request'),
    item('Events of', about.sampling?.access === 'off' ? 'requests that were refused or failed' : 'every request'),
    item('Events dropped', exact(lost), lost > 0 && ` (${exact(about.dropped.recent)} too large, ${exact(about.dropped.output)} by the output)`),
    (about.kept ?? []).filter((k) => k.events > 0).map((k) => item(({ notable: 'Findings kept', refused: 'Refused kept', passed: 'Passed kept' })[k.part] ?? k.part,
      `${exact(k.events)} since `, at(k.from), ` in ${bytes(k.bytes)} of ${bytes(k.limit)}`, k.overwritten > 0 && `, ${exact(k.overwritten)} overwritten`)),
    item('As of', at(about.time), ' ' + zone()),
    (about.warnings ?? []).map((text) => h('span', null, text)))]);
  frame();
}

function failed(error) {
  if (!(error instanceof Refusal)) console.error(error);
  if (error.status === 401) {
    ask(error);
    return;
  }
  const waiting = main.querySelector('.late'); // nothing was shown before
  const text = error instanceof Refusal ? error.message : 'the page has a fault: ' + error.message;
  const box = h('div', { class: 'banner bad', role: 'alert', 'data-key': 'failed' }, h('p', null, h('b', null, error.status === 403 ? 'Not for you: ' : 'No answer: '), text),
    error.status === 404 && h('p', null, 'If it was just now, it may come within a second. What is older is in the log of the pod and in what sinks have written, which ', h('code', null, 'wafer explain --log FILE --request-id ID'), ' reads. ', link('events', {}, 'Events that are kept'), '.'),
    !waiting && error.status !== 403 && h('p', { class: 'quiet' }, 'What is below is what was known before.'));
  document.querySelector('[data-key="failed"]')?.remove();
  waiting?.remove();
  main.prepend(box);
}

// ask shows a form for the token. It stays in this tab and goes nowhere but to this port.
function ask(error) {
  const had = token.get();
  token.forget();
  const field = h('input', { type: 'password', name: 'token', autocomplete: 'off', spellcheck: 'false', required: true, id: 'token' });
  main.replaceChildren(h('section', { class: 'card login' },
    h('h1', null, 'This tier asks who you are'),
    h('p', { class: 'quiet' }, 'Show a token of the role read, such as ', h('code', null, 'wafer admin-token --name me --role read'), ' makes. It is kept in this tab until you close it.'),
    had && h('p', { role: 'alert', class: 'banner bad' }, 'The token is not accepted: ' + error.message),
    h('form', {
      on: {
        submit: (e) => {
          e.preventDefault();
          token.set(field.value.trim());
          shown = null;
          show();
        },
      },
    }, h('label', { class: 'field', for: 'token' }, 'Token', field), h('button', { class: 'first' }, 'Show the tier'))));
  replace(basis, []);
  field.focus();
}

// frame draws the top.
function frame() {
  const scope = preference.get('scope', 'tier');
  const current = shown?.name === 'event' ? 'events' : shown?.name;
  replace(top, [h('div', { class: 'bar-top' },
    h('a', { class: 'brand', href: '#/overview' }, logo(), 'Wafer'),
    h('nav', { class: 'views', 'aria-label': 'Views' }, inMenu.map((name) => h('a', { href: '#/' + name, 'aria-current': name === current && 'page' }, views[name].title))),
    h('div', { class: 'tools' },
      choice('Which pods', [['tier', 'Whole tier'], ['pod', 'This pod']], scope, (value) => { preference.set('scope', value); show(); }),
      h('button', { class: 'plain', type: 'button', on: { click: turn }, 'aria-label': 'Colours: ' + theme(), title: 'Colours: ' + theme() }, { system: '◐', light: '☀', dark: '☾' }[theme()]),
      token.get() && h('button', { class: 'plain', type: 'button', on: { click: () => { token.forget(); location.reload(); } } }, 'Forget token')))]);
}

function logo() {
  return svg('svg', { viewBox: '0 0 32 32', 'aria-hidden': true, focusable: 'false' },
    svg('rect', { width: 32, height: 32, rx: 7, fill: '#0f766e' }),
    svg('path', { d: 'M7 10.5h18M7 16h18M7 21.5h18', stroke: '#fff', 'stroke-width': 2.4, 'stroke-linecap': 'round', opacity: 0.45 }),
    svg('path', { d: 'M11 7v18M16 7v18M21 7v18', stroke: '#fff', 'stroke-width': 2.4, 'stroke-linecap': 'round' }));
}

const theme = () => preference.get('theme', 'system');

function turn() {
  const order = ['system', 'light', 'dark'];
  preference.set('theme', order[(order.indexOf(theme()) + 1) % order.length]);
  paint();
  frame();
  say('Colours: ' + theme());
}

function paint() {
  if (theme() === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme();
}

paint();
addEventListener('hashchange', show);
show();
