// Small pieces of page. Text of the API reaches the page as text nodes only, never as markup.

import { kindOf, safeUrl } from "./data.js";
import { say, unsay } from "./words.js";

/** An element; properties named on… are listeners, `text` is its text, null and false are left out. */
export function h(tag, given = {}, ...inside) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") node.textContent = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...inside.filter((one) => one !== null && one !== undefined));
  return node;
}

/** An element whose text is one of our words. */
export function words(tag, key, given = {}, gaps = {}) {
  return say(h(tag, given), key, gaps);
}

const KANA = /[\u3040-\u30ff]/;

/** Change a node's text only if it differs, so that selections survive; Japanese data is marked as such. */
export function put(node, text) {
  unsay(node);
  if (node.textContent === text) return;
  node.textContent = text;
  if (KANA.test(text)) node.lang = "ja";
  else node.removeAttribute("lang");
}

/** Change a property only if it differs: what is written again is drawn and told again. */
export function set(node, name, value) {
  if (node[name] !== value) node[name] = value;
}

/** Bring the children of a node into this order, moving as few as possible. */
export function arrange(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  nodes.forEach((node, place) => {
    if (parent.children[place] !== node) parent.insertBefore(node, parent.children[place] ?? null);
  });
}

/** Change the page and leave the focus where it is, also in what is moved: moving takes it away. */
export function keepFocus(change) {
  const held = document.activeElement;
  change();
  if (held !== document.activeElement && held.isConnected) held.focus({ preventScroll: true });
}

const SHAPES = {
  passed: ["M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 0 1 0-13z", "M5 8.2l2.1 2.1l3.9-4.5"],
  failed: ["M5.3 1.5h5.4l3.8 3.8v5.4l-3.8 3.8H5.3l-3.8-3.8V5.3z", "M5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4"],
  unclear: ["M8 1l7 7l-7 7l-7-7z", "M6.4 6.4a1.6 1.6 0 1 1 2.2 1.5c-.4.2-.6.5-.6.9M8 10.9v.1"],
  waiting: ["M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 0 1 0-13z", "M8 4.6V8l2.3 1.6"],
  blocked: ["M3.5 7h9v7h-9z", "M5.3 7V4.7a2.7 2.7 0 0 1 5.4 0V7"],
  confirmed: ["M8 1.7a2.8 2.8 0 1 1 0 5.6a2.8 2.8 0 0 1 0-5.6z", "M2.2 14.3c.4-3 2.4-4.7 5-4.7M9.4 12.2l1.6 1.6l2.9-3.4"],
  waived: ["M3 14.5V1.8", "M3 2.3h9.6l-2.2 3.2l2.2 3.2H3"],
  outside: ["M2.5 2.5h11v11h-11z", "M5.3 8h5.4"],
  pending: ["M14.2 8a6.2 6.2 0 1 1-3-5.3"],
  other: ["M8 4.5a3.5 3.5 0 1 1 0 7a3.5 3.5 0 0 1 0-7z"],
  tick: ["M3.2 8.4l3.3 3.3l6.4-7.2"],
  file: ["M4 1.5h5.2L12.5 5v9.5H4z", "M9 1.7V5.2h3.3"],
  dots: ["M3.2 8h.01M8 8h.01M12.8 8h.01"],
  back: ["M10 3L5 8l5 5"],
};

/** A drawing of our own; only its outline tells results apart without colour. */
export function icon(kind) {
  const space = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(space, "svg");
  const attributes = { viewBox: "0 0 16 16", width: "16", height: "16", "aria-hidden": "true", class: `icon icon-${kind}` };
  for (const [name, value] of Object.entries(attributes)) drawing.setAttribute(name, value);
  for (const line of SHAPES[kind] ?? SHAPES.other) {
    const path = document.createElementNS(space, "path");
    path.setAttribute("d", line);
    drawing.append(path);
  }
  return drawing;
}

/** A pill that shows a result or status by colour, shape and word. */
export class Pill {
  constructor(set) {
    this.set = set;
    this.words = h("span", { class: "pill-words" });
    this.node = h("span", { class: "pill", hidden: true }, this.words);
    this.kind = null;
  }

  /** Show a name of the data; "" hides the pill. */
  show(name) {
    set(this.node, "hidden", name === "");
    put(this.words, name);
    this.#look(kindOf(this.set, name) || "other");
  }

  /** Show one of our own words instead of a result. */
  pending(key) {
    set(this.node, "hidden", false);
    say(this.words, key);
    this.#look("pending");
  }

  #look(kind) {
    if (this.kind === kind) return;
    this.kind = kind;
    this.node.dataset.kind = kind;
    this.node.querySelector("svg")?.remove();
    if (this.set === "result") this.node.prepend(icon(kind));
  }
}

/** Rich text with the marks that Notion knows; links only where they are harmless. */
export function rich(items) {
  return (items ?? []).map((item) => {
    const marks = item.annotations ?? {};
    let node = document.createTextNode(item.plain_text ?? item.text?.content ?? "");
    const tags = { code: "code", bold: "strong", italic: "em", strikethrough: "s", underline: "u" };
    for (const [mark, tag] of Object.entries(tags)) if (marks[mark]) node = h(tag, {}, node);
    const url = item.href ? safeUrl(item.href) : null;
    return url ? h("a", { href: url.href, rel: "noopener noreferrer", target: "_blank" }, node) : node;
  });
}

/** Tell people who listen instead of looking. */
export function speakUp(text) {
  document.getElementById("spoken").textContent = text;
}
