// Elements are made here and nowhere else. What they say is set as text, never as markup: most of it was
// written by whoever sends requests.

const handlers = new WeakMap(); // of an element, by the kind of event
const svgSpace = 'http://www.w3.org/2000/svg';

// h makes an element. A property that is null, undefined or false is left out; "on" has listeners.
export function h(tag, properties, ...children) {
  return fill(document.createElement(tag), properties, children);
}

// svg does the same for pictures.
export function svg(tag, properties, ...children) {
  return fill(document.createElementNS(svgSpace, tag), properties, children);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'on') listen(element, value);
    else if (name === 'style') for (const [k, v] of Object.entries(value)) element.style.setProperty(k, v);
    else if (allowed(name, value)) element.setAttribute(name, value === true ? '' : String(value));
  }
  append(element, children);
  return element;
}

// allowed keeps code out of attributes, and links within the page.
function allowed(name, value) {
  if (/^(on|srcdoc$|src$|xlink)/i.test(name)) throw new Error(`attribute ${name} is not for this page`);
  if (name === 'href' && !/^#/.test(value)) throw new Error('a link that leads out of the page');
  return true;
}

function append(element, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(element, child);
    else element.append(child instanceof Node ? child : String(child));
  }
}

function listen(element, on) {
  handlers.set(element, on);
  for (const kind of Object.keys(on)) element.addEventListener(kind, dispatch);
}

function dispatch(event) {
  handlers.get(event.currentTarget)?.[event.type]?.(event);
}

// morph makes one tree look like another and keeps what is alike, so that a view that is drawn anew every few
// seconds keeps focus, scrolling, selections and what somebody has opened.
export function morph(from, to) {
  if (from.nodeType !== Node.ELEMENT_NODE) {
    if (from.data !== to.data) from.data = to.data;
    return;
  }
  for (const { name } of [...from.attributes]) {
    if (name !== 'open' && !to.hasAttribute(name)) from.removeAttribute(name);
  }
  for (const { name, value } of to.attributes) {
    if (name === 'style' || from.getAttribute(name) === value) continue;
    from.setAttribute(name, value);
    if (name === 'value' && from.nodeName === 'INPUT') from.value = value; // what is typed hides the attribute
    if (name === 'selected') from.selected = true;
  }
  if (from.style.cssText !== to.style.cssText) from.style.cssText = to.style.cssText;
  const on = handlers.get(to);
  if (on) {
    for (const kind of Object.keys(on)) from.addEventListener(kind, dispatch);
    handlers.set(from, on);
  }
  if (!from.hasAttribute('data-own')) replace(from, [...to.childNodes]);
}

// replace gives an element children, those that it has where they are alike.
export function replace(element, children) {
  const keyed = new Map();
  for (const child of element.children) if (keyOf(child)) keyed.set(keyOf(child), child);
  let at = element.firstChild;
  for (const want of children) {
    const key = keyOf(want);
    let have = key ? keyed.get(key) : at;
    if (have && (have.nodeName !== want.nodeName || keyOf(have) !== key)) have = null;
    if (!have) element.insertBefore(want, at);
    else {
      if (have === at) at = at.nextSibling;
      else element.insertBefore(have, at);
      morph(have, want);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function keyOf(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node.getAttribute('data-key') : null;
}

// say tells who listens instead of looking.
export function say(text) {
  document.getElementById('said').textContent = text;
}
