// Answers put together from endpoints that every tier has, for one that lacks those made for the page.

import { get, getOr } from './api.js';

// or asks first, and puts together only what is not there.
async function or(instead, path, parameters, signal) {
  try {
    return await get(path, parameters, signal);
  } catch (error) {
    if (error.status !== 404) throw error;
    return instead(parameters, signal);
  }
}

export const overview = (parameters, signal) => or(pieces, 'overview', parameters, signal);
export const policies = (parameters, signal) => or(ofConfig, 'policies', parameters, signal);
export const generations = (parameters, signal) => or(ofStanding, 'generations', parameters, signal);
export const opened = (id, parameters, signal) => or((p, s) => ofEvents(id, p, s), 'events/' + encodeURIComponent(id), parameters, signal);

async function pieces(parameters, signal) {
  const [traffic, routes, standing] = await Promise.all([get('traffic', parameters, signal), get('routes', {}, signal), get('standing', {}, signal)]);
  const counted = new Map((traffic.routes ?? []).map((r) => [r.route, r]));
  const recent = (traffic.points ?? []).slice(-Math.max(1, Math.round(60 / traffic.step_s)));
  return {
    about: traffic.about,
    total: traffic.total,
    rate: recent.reduce((all, p) => all + p.requests, 0) / (recent.length * traffic.step_s),
    routes: routes.map((r) => row(r, counted.get(r.id))),
    trouble: [...(standing.problems ?? []).map((about) => ({ what: 'configuration', level: 'warning', about })), ...routes.flatMap(down)],
    pods: [{ pod: standing.pod, ready: true, requests: traffic.total.requests, in_flight: routes.reduce((all, r) => all + r.in_flight, 0) }],
  };
}

const endpoints = (r) => (r.upstreams ?? []).flatMap((u) => u.endpoints ?? []);

function down(r) {
  const all = endpoints(r);
  return all.length && all.every((e) => e.state !== 'up') ? [{ what: 'upstream', level: 'error', about: `route ${r.id} has no endpoint that is up` }] : [];
}

function row(r, counts = { requests: 0 }) {
  const all = endpoints(r);
  const up = all.filter((e) => e.state === 'up').length;
  return { ...r, ...counts, endpoints: all.length, endpoints_up: up, health: all.length === 0 ? 'none' : up === all.length ? 'up' : up ? 'degraded' : 'down' };
}

async function ofConfig(_, signal) {
  const [config, about] = await Promise.all([get('config', {}, signal), basis(signal)]);
  const compiled = new Map(config.compiled.map((p) => [p.id, p]));
  return {
    about, generation: config.generation, policies: config.policies.map((p) => ({
      ...compiled.get(p.id), id: p.id, mode: p.mode, exclusions: p.exclusions ?? [], routes: config.routes.filter((r) => r.policy === p.id).map((r) => r.id),
      settings: Object.entries(p.sources).map(([path, source]) => ({ path, source, value: path.split('.').reduce((v, name) => v?.[name], p) ?? null })),
    })),
  };
}

async function ofStanding(_, signal) {
  const [standing, about] = await Promise.all([get('standing', {}, signal), basis(signal)]);
  return { about, current: standing.generation, digest: standing.digest, problems: standing.problems, generations: [{ generation: standing.generation, digest: standing.digest, since: standing.built }] };
}

async function ofEvents(id, parameters, signal) {
  const told = await get('events', { ...parameters, request_id: id }, signal);
  const events = told.events.toReversed();
  const first = (events.find(({ event }) => event.event === 'security') ?? events[0])?.event;
  if (!first) throw new Error('no event of this request is kept');
  return { ...first, policy: null, about: told.about, events, pod: events[0].pod, request: [first.method, (first.host ?? '') + (first.path ?? '')].join(' ') };
}

async function basis(signal) {
  return (await getOr({}, 'traffic', { since: '10s' }, signal)).about;
}
