// Which checks are shown: by what they need, by section and by result. The address carries the choice.

import { kindOf } from "./data.js";
import { arrange, h, put, set, words } from "./dom.js";
import { keysButton } from "./keys.js";
import { KINDS, labelOf } from "./progress.js";
import { say, word } from "./words.js";

const SHOW = ["all", "somebody", "failed"];

/** The controls above the checks, and the question which checks fit. */
export class Filters {
  /** `results` are the names that the data has for results. */
  constructor(results, changed) {
    this.results = results;
    this.changed = changed;
    const given = new URLSearchParams(location.search);
    this.wanted = { show: given.get("show") ?? "all", section: given.get("section") ?? "", result: given.get("result") ?? "" };
    this.open = true;
    this.chips = SHOW.map((name) => this.#chip(name));
    this.selects = { section: this.#select("section"), result: this.#select("result") };
    this.clear = words("button", "showAll", { type: "button", class: "quiet", hidden: true, onclick: () => this.reset() });
    const chips = h("div", { class: "chips", role: "group" }, ...this.chips.map(({ button }) => button));
    say(chips, "filter", {}, "aria-label");
    const narrow = h("div", { class: "narrow" }, ...Object.values(this.selects).map(({ node }) => node), this.clear, keysButton());
    this.node = h("div", { class: "filters" }, chips, narrow);
  }

  #chip(name) {
    const count = h("span", { class: "chip-count" });
    const given = { type: "button", class: "chip", "data-filter": name, onclick: () => this.#choose("show", name) };
    return { name, count, button: h("button", given, words("span", name), count) };
  }

  #select(name) {
    const all = words("option", name === "section" ? "everySection" : "everyResult", { value: "" });
    const select = h("select", { id: `by-${name}`, onchange: () => this.#choose(name, select.value) }, all);
    say(select, name, {}, "aria-label");
    return { select, options: new Map(), node: select };
  }

  #choose(name, value) {
    this.wanted[name] = value;
    const given = new URLSearchParams(Object.entries(this.wanted).filter(([key, one]) => one && !(key === "show" && one === "all")));
    history.replaceState(null, "", (given.size ? `?${given}` : location.pathname) + location.hash);
    this.changed();
  }

  /** Show everything again. */
  reset() {
    this.wanted = { show: "all", section: "", result: "" };
    this.#choose("show", "all");
  }

  /** An ended release needs nobody any more. */
  get #shown() {
    return this.wanted.show === "somebody" && !this.open ? "all" : this.wanted.show;
  }

  get narrowed() {
    return this.#shown !== "all" || this.wanted.section !== "" || this.wanted.result !== "";
  }

  fits(row) {
    const { section, result } = this.wanted;
    if (section && row.values.section !== section) return false;
    if (result && row.standing !== result) return false;
    if (this.#shown === "somebody") return row.live && !row.settled;
    return this.#shown === "failed" ? row.live && row.kind === "failed" : true;
  }

  /** Bring the controls up to date with all rows. */
  show(rows, open) {
    this.open = open;
    const live = rows.filter((row) => row.live);
    const tally = {
      all: live.length,
      somebody: live.filter((row) => !row.settled).length,
      failed: live.filter((row) => row.kind === "failed").length,
    };
    for (const { name, button, count } of this.chips) {
      set(button, "hidden", name === "somebody" && !open);
      set(button, "ariaPressed", String(name === this.#shown));
      put(count, String(tally[name]));
    }
    const sections = new Map(live.map((row) => [row.values.section, row.values.section || word("noSection")]));
    this.#offer("section", sections, (row, value) => row.values.section === value, live);
    const results = new Map(live.map((row) => [row.standing, labelOf(row.standing, row.values.result)]));
    const { result } = this.wanted;
    if (result && !results.has(result)) results.set(result, this.#named(result));
    this.#offer("result", results, (row, value) => row.standing === value, live);
    set(this.clear, "hidden", !this.narrowed);
  }

  /** What a result of the address is called, though no check has it. */
  #named(kind) {
    return KINDS.includes(kind) ? labelOf(kind, this.results.find((name) => kindOf("result", name) === kind)) : kind;
  }

  #offer(name, values, belongs, rows) {
    const { select, options } = this.selects[name];
    const wanted = this.wanted[name];
    if (wanted && !values.has(wanted)) values.set(wanted, wanted);
    const sorted = [...values.keys()].filter(Boolean).sort(name === "result" ? byKind : byText);
    for (const value of sorted) {
      if (!options.has(value)) options.set(value, h("option", { value }));
      put(options.get(value), `${values.get(value)} (${rows.filter((row) => belongs(row, value)).length})`);
    }
    arrange(select, [select.options[0], ...sorted.map((value) => options.get(value))]);
    if (select.value !== wanted) select.value = wanted;
  }
}

const byText = (one, other) => one.localeCompare(other, "ja", { numeric: true });
const byKind = (one, other) => KINDS.indexOf(one) - KINDS.indexOf(other);
