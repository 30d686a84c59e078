// The operator's way to end a release: a reason and an ending, both properties of its page.

import { isOpen, kindOf } from "./data.js";
import { h, put, set, words } from "./dom.js";
import { say } from "./words.js";

/** The form at the foot of an open release. */
export class Closing {
  constructor(record) {
    this.record = record;
    const options = (record.columns.close?.options ?? []).map((name) => h("option", { value: name, text: name }));
    this.ending = h("select", { id: "close-as" }, words("option", "chooseEnding", { value: "" }), ...options);
    this.reason = h("textarea", { id: "close-reason", rows: "2", oninput: () => (this.typed = true) });
    this.trouble = h("p", { class: "trouble", role: "alert", hidden: true });
    this.asked = h("p", { class: "asked", role: "status" });
    this.typed = false;
    this.form = h(
      "form",
      { class: "closing-form", onsubmit: (event) => this.#ask(event) },
      field("closeAs", this.ending),
      "closeReason" in record.columns ? field("closeReason", this.reason) : null,
      words("button", "askClose", { type: "submit", class: "primary" }),
    );
    const back = words("button", "takeBack", { type: "button", class: "button", onclick: () => this.#save("close", "") });
    this.pending = h("div", { hidden: true }, this.asked, back);
    this.node = h(
      "section",
      { class: "closing", hidden: true },
      words("h2", "closeTitle"),
      words("p", "closeText", { class: "muted" }),
      this.form,
      this.pending,
      this.trouble,
    );
  }

  show() {
    const { values } = this.record;
    set(this.node, "hidden", !("close" in this.record.columns) || !isOpen(values.status));
    const ending = this.record.value("close");
    set(this.form, "hidden", Boolean(ending));
    set(this.pending, "hidden", !ending);
    if (ending) say(this.asked, "closeAsked", { ending });
    if (!this.typed && this.reason.value !== values.closeReason) this.reason.value = values.closeReason ?? "";
    this.node.classList.toggle("ready", kindOf("status", values.status) === "closable");
  }

  // The reason goes first: the worker may act on the ending the moment it is there.
  async #ask(event) {
    event.preventDefault();
    if (!this.ending.value) {
      say(this.trouble, "closeMissing").hidden = false;
      this.ending.focus();
      return;
    }
    const reason = this.reason.value.trim();
    if ("closeReason" in this.record.columns && reason !== this.record.values.closeReason) {
      if (!(await this.#save("closeReason", reason))) return;
    }
    if (await this.#save("close", this.ending.value)) this.typed = false;
  }

  async #save(code, value) {
    put(this.trouble, "");
    this.trouble.hidden = true;
    const error = await this.record.save(code, value);
    if (error) say(this.trouble, "notSaved", { why: error.message }).hidden = false;
    return error === null;
  }
}

function field(key, control) {
  return h("div", { class: "field" }, words("label", key, { class: "field-label", for: control.id }), control);
}
