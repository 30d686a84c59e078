// Keys for people who do not want to reach for the mouse: from check to check, ticking, opening, filtering.

import { h, words } from "./dom.js";
import { say } from "./words.js";

const KEYS = [
  ["j", "keyNext"],
  ["k", "keyPrevious"],
  ["Space", "keyTick"],
  ["Enter", "keyOpen"],
  ["Esc", "keyClose"],
  ["f", "keyFilter"],
  ["?", "keyHelp"],
];

const dialog = document.getElementById("keys");
dialog.append(
  words("h2", "keysTitle", { id: "keys-title" }),
  h("dl", {}, ...KEYS.map(([key, text]) => h("div", {}, h("dt", {}, h("kbd", { text: key })), words("dd", text)))),
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

const DO = {
  j: () => step(1),
  k: () => step(-1),
  Enter: (target) => target.type === "checkbox" && press(target.closest(".row")?.querySelector(".more")),
  Escape: (target) => close(target.closest(".row")),
  f: () => focus(document.querySelector(".narrow select")),
  "?": showKeys,
};

/** Listen for keys on the whole page; whoever types, or presses them with others, is left alone. */
export function listenToKeys() {
  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (document.querySelector("dialog[open]") || (key !== "Escape" && isTyped(target))) return;
    if (Object.hasOwn(DO, key) && DO[key](target)) event.preventDefault();
  });
}

function isTyped(target) {
  return target.matches("textarea, select, input:not([type=checkbox]), [contenteditable]");
}

function press(button) {
  button?.click();
  return Boolean(button);
}

function focus(control) {
  control?.focus();
  return Boolean(control);
}

/** Go on from the check that has the focus, or from the first that is in sight. */
function step(way) {
  const rows = [...document.querySelectorAll(".row")].filter((row) => row.offsetParent !== null);
  const here = rows.indexOf(document.activeElement.closest(".row"));
  const seen = rows.findIndex((row) => row.getBoundingClientRect().bottom > 0);
  const row = here < 0 ? rows[Math.max(0, seen)] : rows[here + way];
  row?.scrollIntoView({ block: "nearest" });
  return focus(row?.querySelector(".tick input:not(:disabled)") ?? row?.querySelector(".more"));
}

function close(row) {
  const more = row?.querySelector(".more[aria-expanded=true]");
  return press(more) && focus(more);
}
