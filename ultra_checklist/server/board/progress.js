// How far a release or a section is: a bar of parts, and the same in words, because colour alone says nothing.

import { arrange, h, put, set } from "./dom.js";
import { say, word } from "./words.js";

/** All kinds of checks: those that need nobody any more, those that need somebody, and those still to come. */
export const KINDS = [
  "passed", "confirmed", "waived", "outside", "unneeded", "failed", "unclear", "waiting", "blocked", "other", "pending", "none",
];
const COLOURED = new Set(KINDS.slice(0, KINDS.indexOf("waiting")));
const OWN_WORDS = { unneeded: "unneeded", pending: "awaiting", none: "noResult" };

/** What people read for a kind of check: the data's word, or ours where the data has none. */
export function labelOf(kind, result) {
  return result || word(OWN_WORDS[kind] ?? "noResult");
}

/** A bar with one part a kind, and a line that counts them. */
export class Progress {
  constructor() {
    this.rest = h("span", { class: "bar-part" });
    this.bar = h("div", { class: "bar", role: "progressbar", "aria-valuemin": "0" }, this.rest);
    this.line = h("ul", { class: "parts" });
    this.made = new Map();
  }

  /** Show these rows, all of one release or section. */
  show(rows) {
    const found = new Map();
    for (const { standing, values } of rows) {
      const part = found.get(standing) ?? { label: labelOf(standing, values.result), number: 0 };
      part.number += 1;
      found.set(standing, part);
    }
    const kinds = KINDS.filter((kind) => found.has(kind));
    arrange(this.line, kinds.map((kind) => this.#told(kind, found.get(kind))));
    const coloured = kinds.filter((kind) => COLOURED.has(kind));
    arrange(this.bar, [...coloured.map((kind) => this.#drawn(kind, found.get(kind).number)), this.rest]);
    grow(this.rest, rows.length - coloured.reduce((sum, kind) => sum + found.get(kind).number, 0));
    const settled = rows.filter((row) => row.settled).length;
    set(this.bar, "ariaValueMax", String(rows.length));
    set(this.bar, "ariaValueNow", String(settled));
    say(this.bar, "settledOf", { n: settled, m: rows.length }, "aria-label");
  }

  #parts(kind) {
    const made = this.made.get(kind) ?? {
      told: h("li", { class: "part", "data-kind": kind }),
      drawn: h("span", { class: "bar-part", "data-kind": kind }),
    };
    this.made.set(kind, made);
    return made;
  }

  #told(kind, { label, number }) {
    const { told } = this.#parts(kind);
    put(told, `${label} ${number}`);
    return told;
  }

  #drawn(kind, number) {
    return grow(this.#parts(kind).drawn, number);
  }
}

function grow(part, number) {
  set(part.style, "flexGrow", String(number));
  return part;
}
