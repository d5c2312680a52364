// Making and updating elements: h() for HTML, s() for SVG, keyed lists without rebuilding what stays.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name === "class") element.setAttribute("class", value);
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
export const s = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
export const byId = (id) => document.getElementById(id);

export function setText(element, text) {
  const wanted = String(text);
  if (element.textContent !== wanted) element.textContent = wanted;
}

export function setClass(element, name) {
  if (element.getAttribute("class") !== name) element.setAttribute("class", name);
}

export function toggle(element, name, on) {
  if (element.classList.contains(name) !== on) element.classList.toggle(name, on);
}

// One child per item, in the order of the items; `make` builds it once, `update` is called each time.
export function list(parent, items, keyOf, make, update) {
  const known = parent.keyed ?? (parent.keyed = new Map());
  const seen = new Set();
  let before = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    seen.add(key);
    let element = known.get(key);
    if (!element) {
      element = make(item);
      known.set(key, element);
    }
    update(element, item);
    if (element !== before) parent.insertBefore(element, before);
    else before = before.nextElementSibling;
  }
  for (const [key, element] of known) {
    if (!seen.has(key)) {
      element.remove();
      known.delete(key);
    }
  }
}

// ISA-101: a priority is a shape, a colour and a number, never a colour alone.
const SHAPES = {
  1: "M2 2H18V18H2Z",
  2: "M10 1.5L19 18H1Z",
  3: "M10 1L19 10L10 19L1 10Z",
  4: "M10 2A8 8 0 1 1 10 18A8 8 0 1 1 10 2Z",
};

export function badge(priority, size = 20) {
  const level = SHAPES[priority] ? priority : 4;
  return s("svg", { class: `badge p${level}`, viewBox: "0 0 20 20", width: size, height: size, role: "img",
    "aria-label": `priority ${level}` },
  s("path", { d: SHAPES[level] }),
  s("text", { x: 10, y: level === 2 ? 15.5 : 14.2, "text-anchor": "middle" }, String(level)));
}
