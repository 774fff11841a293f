// Elements without a framework: built once, then only what changed is written.

const SVG = "http://www.w3.org/2000/svg";

// h("button", {type: "button", class: "x", onclick: f, "aria-label": "..."}, "text", child, ...)
export function h(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

export function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (typeof value === "boolean") element.toggleAttribute(name, value);
    else if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// Writes only what differs, so that a selection, the focus and a screen reader are left in peace.
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(node, name, value) {
  if (value === null || value === undefined) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
  } else if (node.getAttribute(name) !== String(value)) {
    node.setAttribute(name, value);
  }
}

export function setHidden(node, hidden) {
  if (node.hidden !== hidden) node.hidden = hidden;
}

// Children for `items`, kept by `key`: make(item) once, update(element, item) always.
export function list(parent, items, { key, make, update = () => {} }) {
  const kept = parent.keptChildren ?? new Map();
  const next = new Map();
  let at = parent.firstChild;
  for (const item of items) {
    const name = key(item);
    const element = kept.get(name) ?? make(item);
    update(element, item);
    next.set(name, element);
    if (element === at) at = at.nextSibling;
    else parent.insertBefore(element, at);
  }
  for (const [name, element] of kept) if (!next.has(name)) element.remove();
  parent.keptChildren = next;
}
