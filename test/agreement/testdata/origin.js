// An origin that reports what Node's parsers read from a request.
//
// It listens on a free port of loopback and prints the port. The answer to a request is a JSON
// array of [where, name, value], names and values in base64.
'use strict';

const http = require('http');
const querystring = require('querystring');
const zlib = require('zlib');

// Packages that most applications parse with, where they are installed.
const optional = (name) => {
  try {
    return require(name);
  } catch {
    return null;
  }
};
const busboy = optional('busboy');
const cookie = optional('cookie');
const qs = optional('qs');

const base64 = (x) => Buffer.from(x instanceof Uint8Array ? x : String(x)).toString('base64');

class Report {
  entries = [];

  add(where, name, value) {
    this.entries.push([where, base64(name), base64(value)]);
  }

  // A parser that gives up leaves what it has reported.
  async trying(read) {
    try {
      await read();
    } catch {
      // what it has read, it has read
    }
  }

  pairs(where, text) {
    for (const [k, values] of Object.entries(querystring.parse(text, '&', '=', { maxKeys: 0 }))) {
      for (const v of [].concat(values)) this.add(where, k, v);
    }
    for (const [k, v] of new URLSearchParams(text)) this.add(where, k, v);
    if (qs) this.leaves(where, '', qs.parse(text, { allowPrototypes: true, arrayLimit: 1000, parameterLimit: 1e5 }));
  }

  // multipart reports what busboy reads, and returns when it has ended.
  multipart(type, body) {
    return new Promise((done) => {
      const parser = busboy({ headers: { 'content-type': type }, preservePath: true });
      parser.on('field', (name, value) => this.add('form', name ?? '', value));
      parser.on('file', (name, stream, info) => {
        this.add('filename', name ?? '', info.filename ?? '');
        const chunks = [];
        stream.on('data', (c) => chunks.push(c));
        stream.on('end', () => this.add('content', name ?? '', Buffer.concat(chunks)));
        stream.on('error', () => {});
      });
      parser.on('error', done);
      parser.on('close', done);
      parser.end(body);
    });
  }

  leaves(where, name, x) {
    if (Array.isArray(x)) {
      for (const v of x) this.leaves(where, name, v);
    } else if (x !== null && typeof x === 'object') {
      for (const [k, v] of Object.entries(x)) {
        if (where === 'json') this.add(where, k, k);
        const key = where !== 'json' && /^\d+$/.test(k) ? '' : k; // qs may have counted it itself
        this.leaves(where, where === 'json' || name === '' ? key : `${name}[${key}]`, v);
      }
    } else if (x !== null) {
      this.add(where, name, x);
    }
  }
}

// latin has the bytes of text from a header field, which the server has decoded.
const latin = (text) => (/[^\0-\xff]/.test(text) ? text : Buffer.from(text, 'latin1'));

// cookies splits as most applications do.
function cookies(report, field) {
  if (cookie) {
    for (const [k, v] of Object.entries(cookie.parse(field))) report.add('cookie', k, latin(v));
  }
  for (const pair of field.split(';')) {
    const equals = pair.indexOf('=');
    if (equals < 0) continue;
    const name = pair.slice(0, equals).trim();
    let value = pair.slice(equals + 1).trim();
    if (value.startsWith('"')) value = value.slice(1, -1);
    report.add('cookie', name, latin(value));
    try {
      report.add('cookie', name, latin(decodeURIComponent(value)));
    } catch {
      // it stays as it is
    }
  }
}

async function read(req, body) {
  const report = new Report();
  const mark = req.url.indexOf('?');
  if (mark >= 0) await report.trying(() => report.pairs('query', req.url.slice(mark + 1)));
  if (req.headers.cookie) await report.trying(() => cookies(report, req.headers.cookie));
  if (body.length === 0) return report.entries;

  const type = req.headers['content-type'] || '';
  const kind = type.split(';')[0].trim().toLowerCase();
  if (kind === 'application/x-www-form-urlencoded') {
    await report.trying(() => report.pairs('form', body.toString()));
  }
  if (kind.startsWith('multipart/') || kind === 'application/x-www-form-urlencoded') {
    await report.trying(async () => {
      const form = await new Response(body, { headers: { 'content-type': type } }).formData();
      for (const [k, v] of form) {
        if (typeof v === 'string') {
          report.add('form', k, v);
        } else {
          report.add('filename', k, v.name);
          report.add('content', k, new Uint8Array(await v.arrayBuffer()));
        }
      }
    });
  }
  if (busboy && kind.startsWith('multipart/')) await report.trying(() => report.multipart(type, body));
  await report.trying(() => report.leaves('json', '', JSON.parse(body.toString())));
  const charset = /charset="?([\w-]+)/i.exec(type);
  // Packages that parse bodies decode them by their charset, and drop the byte order mark.
  await report.trying(() => report.leaves('json', '', JSON.parse(new TextDecoder(charset ? charset[1] : 'utf-8').decode(body))));
  return report.entries;
}

const server = http.createServer((req, res) => {
  const chunks = [];
  req.on('data', (c) => chunks.push(c));
  req.on('end', async () => {
    let body = Buffer.concat(chunks);
    if (req.headers['content-encoding'] === 'gzip') body = zlib.gunzipSync(body);
    const answer = JSON.stringify(await read(req, body));
    res.writeHead(200, { 'Content-Length': Buffer.byteLength(answer) });
    res.end(answer);
  });
});
server.keepAliveTimeout = 0;
server.requestTimeout = 0;
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
