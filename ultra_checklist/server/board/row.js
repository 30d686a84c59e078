// One check: its tick box, what the worker says of it, and what people decide about it.

import { ApiError, call, isPerson, upload } from "./api.js";
import { Body } from "./blocks.js";
import { fileLink, kindOf, read, unanswered } from "./data.js";
import { h, icon, Pill, put, speakUp, words } from "./dom.js";
import { DateField, Field } from "./field.js";
import { Files } from "./files.js";
import { Record } from "./record.js";
import { clock, day, lang, say, word } from "./words.js";

/** A check as one line of the list. */
export class Row {
  constructor(page, columns, shared) {
    this.shared = shared;
    this.record = new Record(page, columns, () => this.#moved());
    this.hex = page.id.replaceAll("-", "");
    this.trouble = null;
    this.result = null;
    this.panel = null;
    this.#build();
  }

  #build() {
    this.title = h("p", { class: "row-title", id: `title-${this.hex}` });
    this.box = h("input", { type: "checkbox", "aria-labelledby": this.title.id, onchange: () => this.#tick() });
    this.pill = new Pill("result");
    this.why = h("p", { class: "why" });
    this.by = h("span");
    this.time = h("time");
    this.digest = h("code", { class: "digest" });
    this.meta = h("p", { class: "meta muted" }, this.by, this.time, this.digest);
    this.alert = h("p", { class: "trouble", role: "alert", hidden: true });
    this.files = new Files(() => this.attachments());
    this.choice = h("p", { class: "choice" });
    this.own = h("div", { class: "own", hidden: true }, this.choice, this.files.node);
    const controls = `panel-${this.hex}`;
    const folded = { "aria-expanded": "false", "aria-controls": controls };
    this.more = h("button", { type: "button", class: "more", ...folded, onclick: () => this.toggle() }, icon("dots"));
    this.home = h("div", { class: "panel", id: controls, hidden: true });
    const tick = h("label", { class: "tick" }, this.box, h("span", { class: "tick-box" }, icon("tick")));
    const body = h("div", { class: "row-body" }, this.title, this.why, this.meta, this.own, this.alert);
    const given = { class: "row", id: `row-${this.hex}`, tabindex: "-1", "onopen-row": () => this.toggle({ looking: true }) };
    this.node = h("li", given, tick, body, this.pill.node, this.more, this.home);
    this.cell = h("a", { class: "cell", href: `#${this.node.id}`, tabindex: "-1" });
  }

  /** Something of this row changed on this page. */
  #moved() {
    this.show();
    this.shared.changed();
  }

  get values() {
    return this.record.values;
  }

  /** Whether the row still belongs to its release; after the end it shows what was sealed. */
  get live() {
    return this.values.live !== false || !this.shared.open();
  }

  get settled() {
    return this.values.settled === true;
  }

  /** Whether people have said something that the worker has not answered yet. */
  get awaiting() {
    const { record, values } = this;
    if (!this.live || !this.shared.open() || !(record.value("done") || record.value("decision"))) return false;
    const writing = record.wanted.has("done") || record.wanted.has("decision");
    return unanswered(values, this.shared.lastLook(), writing || isPerson(values.editor));
  }

  get kind() {
    return kindOf("result", this.values.result) || (this.values.result ? "other" : this.awaiting ? "pending" : "none");
  }

  get editable() {
    return this.shared.open() && this.live;
  }

  /** The kind as progress counts it: what is settled without a result needs nobody. */
  get standing() {
    return this.kind === "none" && this.settled ? "unneeded" : this.kind;
  }

  /** The row's files as they are now, with links that have just been signed. */
  async attachments() {
    return read(await call("GET", `pages/${this.record.id}`), this.record.columns).attachments;
  }

  get busy() {
    return this.node.contains(document.activeElement) || !this.home.hidden;
  }

  take(page, askedAt) {
    if (askedAt >= this.record.newest && this.trouble?.error.passing) this.trouble.seen = true;
    this.record.take(page, askedAt);
    // A request without an answer may have been carried out all the same.
    if (this.trouble?.seen && this.values.done === this.trouble.wanted) this.trouble = null;
    this.show();
  }

  async #tick() {
    const wanted = this.box.checked;
    this.trouble = null;
    const error = await this.record.save("done", wanted);
    if (error) this.trouble = { error, wanted };
    this.show();
  }

  /** Bring the row up to date, if anything that it shows has changed. */
  show() {
    const { record, values, awaiting, live, trouble } = this;
    const { editable } = this;
    const told = trouble && [trouble.error.message, trouble.error.passing, trouble.seen];
    const state = JSON.stringify([values, [...record.wanted], editable, awaiting, live, told, lang, day()]);
    if (state === this.state) return;
    this.state = state;
    const title = values.title || word("untitled");
    put(this.title, title);
    this.box.checked = this.record.value("done") === true;
    this.box.disabled = !editable || !("done" in this.record.columns);
    this.node.classList.toggle("gone", !this.live);
    this.node.dataset.kind = this.kind;
    this.node.dataset.ticked = String(this.box.checked);
    this.cell.dataset.kind = this.live ? this.standing : "gone";
    this.cell.title = [title, values.result].filter(Boolean).join(" – ");
    this.#showVerdict(title);
    this.#showOwn();
    say(this.more, "decideFor", { title }, "aria-label");
    say(this.more, "decide", {}, "title");
    this.panel?.show(editable);
  }

  #showVerdict(title) {
    const { values } = this;
    if (this.awaiting) this.pill.pending("awaiting");
    else this.pill.show(values.result);
    if (this.live) put(this.why, values.why);
    else say(this.why, "notLive");
    this.why.hidden = this.why.textContent === "";
    put(this.by, values.operator.join(", "));
    this.time.hidden = !values.checkedAt;
    if (values.checkedAt) {
      this.time.dateTime = values.checkedAt;
      this.time.dataset.day = day(values.checkedAt);
      say(this.time, "checkedAt", { time: clock(values.checkedAt) });
    }
    put(this.digest, values.evidence);
    this.digest.title = values.evidence;
    this.meta.hidden = !(values.operator.length || values.checkedAt || values.evidence);
    this.alert.hidden = this.trouble === null;
    if (this.trouble) {
      const { error } = this.trouble;
      if (this.trouble.seen) say(this.alert, "tickLost");
      else if (error.passing) say(this.alert, "unanswered");
      else say(this.alert, "tickRefused", { why: error.message });
    }
    if (this.result !== null && this.result !== values.result && values.result) {
      speakUp(word("heard", { title, result: values.result }));
      this.node.classList.remove("fresh");
      requestAnimationFrame(() => this.node.classList.add("fresh"));
    }
    this.result = values.result;
  }

  /** What people said, for all to see while the fields are folded. */
  #showOwn() {
    const value = (code) => this.record.value(code);
    const said = [
      value("decision") && `${word("decision")}: ${value("decision")}`,
      value("until") && `${word("until")}: ${clock(value("until"))}`,
      value("approved") && word("approved"),
      value("note") && `${word("note")}: ${value("note")}`,
    ].filter(Boolean);
    put(this.choice, said.join(" · "));
    this.choice.hidden = said.length === 0;
    const files = value("attachments") || [];
    this.files.show(files);
    this.own.hidden = said.length === 0 && files.length === 0;
  }

  /** Open or fold what can be decided and seen; whoever only looks keeps the focus. */
  toggle({ looking = false } = {}) {
    const opening = this.home.hidden;
    this.panel ??= new Panel(this);
    this.home.hidden = !opening;
    this.more.setAttribute("aria-expanded", String(opening));
    if (!opening) return;
    this.panel.read();
    this.panel.show(this.editable);
    if (!looking) this.home.querySelector("select, textarea, input")?.focus();
  }
}

/** The fields that belong to people, made when they are first opened. */
class Panel {
  constructor(row) {
    this.row = row;
    const { record, hex } = row;
    const make = {
      decision: () => new Field(record, "decision", hex, this.#decisions(), { hint: "decisionHint" }),
      until: () => new DateField(record, "until", hex, h("input", { type: "date" })),
      note: () => new Field(record, "note", hex, h("textarea", { rows: "2" })),
      approved: () => new Field(record, "approved", hex, h("input", { type: "checkbox" }), { hint: "approvedHint" }),
    };
    this.fields = Object.keys(make).filter((code) => code in record.columns).map((code) => make[code]());
    this.about = h("p", { class: "meta muted about" });
    this.evidence = h("code", { class: "evidence-text" });
    this.inside = h("div", { class: "prose" });
    this.body = new Body(this.inside);
    this.unread = h("p", { class: "trouble", hidden: true });
    const label = words("span", "evidence", { class: "field-label" });
    this.proof = h("div", { class: "field proof", hidden: true }, label, this.evidence, this.inside, this.unread);
    row.home.append(this.proof);
    row.home.append(...this.fields.map((field) => field.node));
    if ("attachments" in record.columns) row.home.append(this.#attachments());
    row.home.append(this.about);
  }

  #decisions() {
    const options = this.row.record.columns.decision.options.map((name) => h("option", { value: name, text: name }));
    return h("select", {}, words("option", "noDecision", { value: "" }), ...options);
  }

  #attachments() {
    this.files = new Files(() => this.row.attachments(), (place) => this.#change((files) => files.filter((_, other) => other !== place)));
    const given = { type: "file", multiple: true, class: "file-input", id: `file-${this.row.hex}` };
    this.adding = h("input", { ...given, onchange: () => this.#add() });
    this.progress = h("p", { class: "field-state", role: "status" });
    const button = words("label", "addFile", { class: "button", for: this.adding.id });
    const label = words("span", "attachments", { class: "field-label" });
    return h("div", { class: "field" }, label, this.files.node, this.adding, button, this.progress);
  }

  async #add() {
    const chosen = [...this.adding.files];
    this.adding.value = "";
    for (const file of chosen) {
      say(this.progress, "uploading", { name: file.name });
      try {
        const made = await upload(file);
        if (!(await this.#change((files) => [...files, made]))) return;
      } catch (error) {
        say(this.progress, "notSaved", { why: `${file.name}: ${error.message}` });
        return;
      }
    }
  }

  /** Change the list as it is now, not as it was when this page last looked. */
  async #change(change) {
    const { record } = this.row;
    let error = null;
    try {
      record.take(await call("GET", `pages/${record.id}`), performance.now());
      error = await record.save("attachments", change(record.values.attachments.map(kept)));
    } catch (refusal) {
      error = refusal;
    }
    if (error) say(this.progress, "notSaved", { why: error.message });
    else say(this.progress, "saved");
    return error === null;
  }

  /** Read the body of the check's own page, where the worker writes what it saw; one reading at a time. */
  read() {
    this.seen = this.#proved;
    const next = () => this.#read();
    this.reading = (this.reading ?? Promise.resolve()).then(next, next);
  }

  async #read() {
    try {
      this.filled = (await this.body.load(this.row.record.id)) > 0;
      this.unread.hidden = true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      say(this.unread, "unreachable").hidden = false;
    }
    this.showProof();
  }

  get #proved() {
    return `${this.row.values.evidence} ${this.row.values.checkedAt}`;
  }

  showProof() {
    put(this.evidence, this.row.values.evidence);
    this.evidence.hidden = !this.row.values.evidence;
    this.proof.hidden = !(this.row.values.evidence || this.filled || !this.unread.hidden);
  }

  show(editable) {
    this.showProof();
    if (!this.row.home.hidden && this.seen !== this.#proved) this.read();
    for (const field of this.fields) field.show(editable);
    this.files?.show(this.row.record.value("attachments"));
    if (this.adding) this.adding.disabled = !editable;
    const { key, host } = this.row.values;
    put(this.about, [key && `${word("key")}: ${key}`, host && `${word("host")}: ${host}`].filter(Boolean).join(" · "));
  }
}

/** A file that stays, in the form in which it is written back. */
function kept(file) {
  const { name, href } = fileLink(file);
  if (file.type === "file") return { name, type: "file", file: { url: file.file.url } };
  return { name: name || href, type: "external", external: file.external };
}
