// The closed sets of events, in words.

export const verdicts = {
  pass: ['passed', 'forwarded; the rules had nothing against it'],
  block: ['blocked', 'the rules decided, the client got the block page'],
  would_block: ['would block', 'the policy only detects: mode block would have stopped it'],
  redirect: ['redirected', 'a rule sent the client elsewhere'],
  drop: ['dropped', 'a rule closed the connection'],
  error_deny: ['failed, refused', 'the engine failed, and on_error: deny refused the request'],
  error_allow: ['failed, passed', 'the engine failed, and on_error: allow let it through uninspected'],
  refused: ['refused', 'answered before any rule: not valid, not allowed, over a limit, or no route'],
};

export const coverages = {
  full: ['full', 'all of the request was inspected'],
  partial: ['partial', 'the head and a part of the body were inspected'],
  headers: ['head only', 'the head was inspected, nothing of the body'],
  none: ['none', 'nothing was inspected'],
};

// reasons are why not all of a request was inspected.
export const reasons = {
  policy_off: 'the policy has mode: off', body_off: 'the policy inspects no bodies', overload: 'no place for the inspection', budget: 'the inspection cost too much',
  upgrade: 'a WebSocket', files: 'contents of uploaded files', binary: 'a body that is no text', unreadable: 'a body that cannot be read', excluded: 'a rule switched it off',
  oversize: 'a body beyond the limit', encoding: 'a coding that cannot be undone', mime: 'responses of another type', stream: 'a stream of events', error: 'the engine failed', blocked: 'stopped before the rest was read',
};

export const verdictOf = (v) => verdicts[v]?.[0] ?? v ?? '';
export const coverageOf = (c) => coverages[c]?.[0] ?? c ?? '';

// Groups of verdicts that are drawn as one.
export const stopped = ['block', 'drop', 'redirect'];
export const failed = ['error_deny', 'error_allow'];
export const forwarded = ['pass', 'would_block', 'error_allow']; // what goes on to an application

export function sum(counts, names) {
  return names.reduce((all, name) => all + (counts?.[name] ?? 0), 0);
}

// attacks are the tags of the Core Rule Set that say what somebody has tried.
const attacks = {
  'attack-sqli': 'SQL injection', 'attack-xss': 'cross-site scripting', 'attack-rce': 'remote command execution', 'attack-lfi': 'local files',
  'attack-rfi': 'remote files', 'attack-injection-php': 'PHP injection', 'attack-injection-java': 'Java injection',
  'attack-injection-generic': 'code injection', 'attack-ssrf': 'request forgery', 'attack-protocol': 'protocol', 'attack-fixation': 'session fixation',
  'attack-reputation-scanner': 'scanner', 'attack-disclosure': 'disclosure', 'attack-deprecated-header': 'header', 'attack-generic': 'other', 'attack-ldap': 'LDAP injection',
};

// attackOf names what a rule is about.
export function attackOf(rule) {
  const tag = (rule.tags ?? []).find((t) => t in attacks);
  return tag ? attacks[tag] : '';
}
