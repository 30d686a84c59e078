// A field that people type in: never overwritten while they do, saved when they leave it, honest about it.

import { h, words } from "./dom.js";
import { day, say } from "./words.js";

const drafts = new Set();
addEventListener("beforeunload", (event) => {
  if (drafts.size) event.preventDefault();
});

/** One property of a record behind a control, with its label and the state of its saving. */
export class Field {
  constructor(record, code, suffix, control, { hint = "", label = code } = {}) {
    Object.assign(this, { record, code, control, dirty: false, base: undefined, phase: "", why: "" });
    control.id = `${code}-${suffix}`;
    this.check = control.type === "checkbox";
    this.state = h("span", { class: "field-state", role: "status" });
    this.retry = words("button", "retry", { type: "button", class: "quiet", hidden: true, onclick: () => this.save() });
    const name = words("label", label, { class: "field-label", for: control.id });
    const note = hint ? words(this.check ? "label" : "p", hint, { class: "hint", id: `hint-${control.id}` }) : null;
    if (note && this.check) note.htmlFor = control.id;
    else if (note) control.setAttribute("aria-describedby", note.id);
    const inside = this.check ? h("span", { class: "checked-line" }, control, note) : control;
    const head = h("div", { class: "field-head" }, name, this.state, this.retry);
    this.node = h("div", { class: `field field-${code}` }, head, inside, this.check ? null : note);
    control.addEventListener("input", () => this.#typed());
    this.listen();
  }

  listen() {
    this.control.addEventListener("change", () => this.save());
    this.control.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.save();
    });
  }

  get typed() {
    return this.check ? this.control.checked : this.control.value;
  }

  set typed(value) {
    if (this.typed === value) return;
    if (this.check) this.control.checked = value;
    else this.control.value = value;
  }

  /** The stored value as the control would hold it. */
  get stored() {
    return this.record.value(this.code) ?? "";
  }

  #typed() {
    this.dirty = this.typed !== this.base;
    this.phase = "";
    this.show();
  }

  async save() {
    if (!this.dirty || this.phase === "saving") return;
    const value = this.typed;
    this.phase = "saving";
    const saving = this.record.save(this.code, value);
    this.show();
    const error = await saving;
    this.phase = error ? "failed" : "saved";
    this.why = error?.message ?? "";
    this.unanswered = error?.passing ?? false;
    if (!error) this.base = value;
    this.dirty = this.typed !== this.base;
    this.show();
    // What was chosen while this was on its way goes next; text that is still being typed waits.
    const typing = this.control.tagName === "TEXTAREA" && document.activeElement === this.control;
    if (!error && this.dirty && !typing) await this.save();
  }

  show(editable = !this.control.disabled) {
    const { stored } = this;
    if (!this.dirty) {
      this.base = stored;
      this.typed = stored;
    }
    this.control.disabled = !editable;
    if (this.dirty) drafts.add(this);
    else drafts.delete(this);
    this.retry.hidden = this.phase !== "failed" || !this.dirty;
    this.node.classList.toggle("refused", this.phase === "failed");
    this.#tell(stored);
  }

  #tell(stored) {
    if (this.phase === "saving") say(this.state, "saving");
    else if (this.phase === "failed" && this.dirty) {
      if (this.unanswered) say(this.state, "unreachable");
      else say(this.state, "notSaved", { why: this.why });
    } else if (this.dirty && stored !== this.base) say(this.state, "changedElsewhere", { text: stored });
    else if (this.dirty) say(this.state, "unsaved");
    else if (this.phase === "saved") say(this.state, "saved");
    else this.state.textContent = "";
  }
}

const TYPING = 1200;

/** A day: browsers report every key pressed in it, so it is saved when the typing stops. */
export class DateField extends Field {
  listen() {
    this.control.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.save(), TYPING);
    });
    this.control.addEventListener("blur", () => this.save());
  }

  get stored() {
    const stored = this.record.value(this.code) ?? "";
    if (stored.length <= "2026-01-01".length) return stored;
    return day(stored);
  }

  async save() {
    clearTimeout(this.timer);
    // A year that is still being typed is no date yet.
    if (this.typed && this.typed < "2000") return;
    await super.save();
  }
}
