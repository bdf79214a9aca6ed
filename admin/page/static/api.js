// What the page knows it has asked for here, by the token that somebody has typed in, if one is needed.

const kept = 'wafer.token';

// The token stays in this tab: unlike a cookie it goes to this port only, and is not sent by itself.
export const token = {
  get: () => sessionStorage.getItem(kept),
  set: (text) => sessionStorage.setItem(kept, text),
  forget: () => sessionStorage.removeItem(kept),
};

// Refusal is an answer that is none: what was wrong, by the listener's words.
export class Refusal extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

function fields(more) {
  const all = { ...more };
  if (token.get()) all.Authorization = 'Bearer ' + token.get();
  return all;
}

export function address(path, parameters = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined && value !== '') query.set(name, value);
  }
  return '/api/v1/' + path + (query.size ? '?' + query : '');
}

async function ask(path, parameters, signal, more) {
  let answer;
  try {
    answer = await fetch(address(path, parameters), {
      headers: fields(more), signal, cache: 'no-store', credentials: 'omit', redirect: 'error',
    });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Refusal(0, 'this pod does not answer');
  }
  if (!answer.ok) throw new Refusal(answer.status, await problem(answer));
  return answer;
}

async function problem(answer) {
  try {
    const told = await answer.json();
    return told.error || told.title;
  } catch {
    return 'status ' + answer.status;
  }
}

export async function get(path, parameters, signal) {
  const answer = await ask(path, parameters, signal);
  return answer.json();
}

// getOr returns what stands in for an endpoint that this tier does not have, or for now has nothing to say.
export async function getOr(instead, path, parameters, signal) {
  try {
    return await get(path, parameters, signal);
  } catch (error) {
    if (error.status === 404 || error.status === 503) return instead;
    throw error;
  }
}

// download has the browser keep an answer as a file.
export async function download(path, parameters, name) {
  const answer = await ask(path, parameters);
  const link = document.createElement('a');
  link.href = URL.createObjectURL(await answer.blob());
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

const patience = [500, 1000, 2000, 5000, 10000]; // milliseconds before a stream is asked for again

// stream hands on what a server-sent stream says, and asks for it anew when it ends, from where it was. It is
// told as fetch tells it, since EventSource cannot show a token.
export async function stream(path, parameters, signal, on) {
  let last = null;
  for (let failed = 0; !signal.aborted;) {
    try {
      const answer = await ask(path, parameters, signal, { Accept: 'text/event-stream', ...(last && { 'Last-Event-ID': last }) });
      on.state('open');
      for await (const told of messages(answer.body)) {
        failed = 0;
        last = told.id ?? last;
        on.message(told);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error.status === 401 || error.status === 403 || error.status === 404) {
        on.refused(error);
        return;
      }
    }
    if (signal.aborted) return;
    on.state('waiting');
    await pause(patience[Math.min(failed++, patience.length - 1)] * (0.75 + Math.random() / 2), signal);
  }
}

// messages cuts a stream into its messages.
async function* messages(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  let parts = { data: [] };
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      if (line !== '') {
        note(parts, line);
        continue;
      }
      if (parts.data.length) yield { kind: parts.event ?? 'message', id: parts.id, data: parts.data.join('\n') };
      parts = { data: [] };
    }
  }
}

function note(parts, line) {
  const [, name, value] = /^([^:]*):? ?(.*)$/.exec(line);
  if (name === 'data') parts.data.push(value);
  else if (name === 'event' || name === 'id') parts[name] = value;
}

export function pause(ms, signal) {
  return new Promise((done) => {
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      done();
    }, { once: true });
  });
}
