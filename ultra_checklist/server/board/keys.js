// Keys for people who do not want to reach for the mouse: from check to check, ticking, opening, filtering.

import { h, words } from "./dom.js";
import { say } from "./words.js";

const KEYS = [
  [["j", "↓"], "keyNext"],
  [["k", "↑"], "keyPrevious"],
  [["Space"], "keyTick"],
  [["Enter"], "keyOpen"],
  [["Esc"], "keyClose"],
  [["f", "/"], "keyFilter"],
  [["?"], "keyHelp"],
];

const dialog = document.getElementById("keys");
dialog.append(
  words("h2", "keysTitle", { id: "keys-title" }),
  h("dl", {}, ...KEYS.map(([keys, text]) => h("div", {}, h("dt", {}, ...keys.map((key) => h("kbd", { text: key }))), words("dd", text)))),
  words("button", "close", { type: "button", class: "quiet", onclick: () => dialog.close() }),
);

/** Show which keys there are. */
export function showKeys() {
  if (!dialog.open) dialog.showModal();
}

/** A button that shows the keys. */
export function keysButton() {
  const button = h("button", { type: "button", class: "keys-button", "aria-haspopup": "dialog", onclick: showKeys, text: "?" });
  return say(say(button, "keysTitle", {}, "aria-label"), "keysTitle", {}, "title");
}

// Rows open without giving up the focus, so that the same key folds them again.
const OPEN = "open-row";

const toFilters = () => focus(document.querySelector(".narrow select"));
const DO = {
  j: () => step(1),
  k: () => step(-1),
  ArrowDown: (target) => roams(target) && step(1),
  ArrowUp: (target) => roams(target) && step(-1),
  " ": (target) => target.matches(".row") && press(target.querySelector(".tick input:enabled")),
  Enter: (target) => target.matches(".row, .tick input") && target.closest(".row").dispatchEvent(new Event(OPEN)),
  Escape: (target) => fold(target.closest(".row")),
  f: toFilters,
  "/": toFilters,
  "?": showKeys,
};
const REPEATED = new Set(["j", "k", "ArrowDown", "ArrowUp"]);

/** Listen for keys on the whole page; whoever types, or presses them with others, is left alone. */
export function listenToKeys() {
  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (document.querySelector("dialog[open]") || (key !== "Escape" && isTyped(target))) return;
    if (!Object.hasOwn(DO, key) || (event.repeat && !REPEATED.has(key))) return;
    if (DO[key](target)) event.preventDefault();
  });
}

function isTyped(target) {
  return target.matches("textarea, select, input:not([type=checkbox]), [contenteditable]");
}

/** Whether the arrow keys have no work of their own here, such as scrolling a table. */
function roams(target) {
  return target.matches("body, main, .row, .tick input, .more");
}

function press(control) {
  control?.click();
  return Boolean(control);
}

function focus(control) {
  control?.focus();
  return Boolean(control);
}

/** Where the keys stand in a row: on its box, or beside it where nothing can be ticked any more. */
function place(row) {
  return row?.querySelector(".tick input:enabled") ?? row?.querySelector(".more");
}

/** Go on from the check that has the focus, or from the first that is in sight. */
function step(way) {
  const rows = [...document.querySelectorAll(".row")].filter((row) => row.offsetParent !== null);
  const here = rows.indexOf(document.activeElement.closest(".row"));
  const top = document.querySelector(".top").getBoundingClientRect().bottom;
  const seen = rows.findIndex((row) => row.getBoundingClientRect().bottom > top);
  const row = here < 0 ? rows[Math.max(0, seen)] : rows[here + way];
  row?.scrollIntoView({ block: "nearest" });
  return focus(place(row));
}

function fold(row) {
  return press(row?.querySelector(".more[aria-expanded=true]")) && focus(place(row));
}
