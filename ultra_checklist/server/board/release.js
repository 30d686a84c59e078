// One release: its head, its checks by section, its page, and its end.

import { call, children, meet, query } from "./api.js";
import { Body, showsAgain } from "./blocks.js";
import { Closing } from "./closing.js";
import { columns, isOpen, isTitled, read, tableOf } from "./data.js";
import { arrange, h, icon, keepFocus, Pill, put, set, words } from "./dom.js";
import { Files } from "./files.js";
import { Filters } from "./filters.js";
import { showHonesty, showLook } from "./home.js";
import { poll } from "./poll.js";
import { Progress } from "./progress.js";
import { Record } from "./record.js";
import { Row } from "./row.js";
import { clock, day, say } from "./words.js";

const PACE = 1000;
const PACE_ENDED = 10000;
const PAGE_EVERY = 15000;

/** Show a release in `main` and keep it up to date. Throws ApiError. */
export async function showRelease(main, page, source) {
  const known = columns(source, "releases");
  const checks = await checksOf(source);
  const release = new Release(main, page, known, checks);
  document.addEventListener("spoken-language", () => release.show());
  return poll(() => release.look(), () => (isOpen(release.record.values.status) ? PACE : PACE_ENDED));
}

/** The data source of the checks: what a release is related to, else the database beside its own. */
async function checksOf(source) {
  const related = Object.values(source.properties).map((one) => one.relation?.data_source_id).filter(Boolean);
  for (const id of new Set(related)) {
    const found = await call("GET", `data_sources/${id}`);
    if (tableOf(found) === "checks") return found;
  }
  const parent = source.database_parent?.page_id;
  for (const block of parent ? await children(parent) : []) {
    if (!isTitled("checks", block.child_database?.title ?? "")) continue;
    const { data_sources: listed } = await call("GET", `databases/${block.id}`);
    for (const one of listed) {
      const found = await call("GET", `data_sources/${one.id}`);
      if (tableOf(found) === "checks") return found;
    }
  }
  return null;
}

class Release {
  constructor(main, page, known, checks) {
    this.checks = checks;
    this.checkColumns = checks && columns(checks, "checks");
    this.record = new Record(page, known, () => this.show());
    this.rows = new Map();
    this.sections = new Map();
    this.arrived = false;
    this.pageReadAt = -Infinity;
    this.status = "";
    this.head = new Head(async () => read(await call("GET", `pages/${page.id}`), known).files);
    this.filters = new Filters(this.checkColumns?.result?.options ?? [], () => this.#count());
    this.list = h("div", { class: "sections" });
    this.none = h("p", { class: "notice", hidden: true });
    this.prose = h("div", { class: "prose" });
    this.pageHome = h("section", { class: "page", hidden: true }, words("h2", "page"), this.prose);
    this.body = new Body(this.prose, async (id) => checks !== null && showsAgain(id, checks.id));
    this.closing = new Closing(this.record);
    const back = h("a", { class: "back", href: "/" }, icon("back"), words("span", "back"));
    // Shown as a whole once the rows are there, so that nothing moves under anybody's hand.
    this.enter = () =>
      main.replaceChildren(back, this.head.alarm, this.head.node, this.filters.node, this.list, this.none, this.pageHome, this.closing.node);
    this.shared = {
      open: () => isOpen(this.record.values.status),
      lastLook: () => this.record.values.lastLook,
      changed: () => this.#count(),
    };
    if (!checks) say(this.none, "noChecks").hidden = false;
    this.show();
  }

  async look() {
    const askedAt = performance.now();
    const [page, rows] = await Promise.all([call("GET", `pages/${this.record.id}`), this.#query()]);
    await meet(rows);
    this.record.take(page, askedAt);
    this.#takeRows(rows, askedAt);
    this.show();
    if (!this.arrived) this.#arrive();
    const changed = this.status !== this.record.values.status;
    if (changed || performance.now() - this.pageReadAt > PAGE_EVERY) await this.#readPage();
  }

  async #query() {
    if (!this.checks) return [];
    const { release, order } = this.checkColumns;
    const filter = { property: release.name, relation: { contains: this.record.id } };
    const sorts = order ? [{ property: order.name, direction: "ascending" }] : [];
    return query(this.checks.id, { filter, sorts });
  }

  async #readPage() {
    this.status = this.record.values.status;
    this.pageReadAt = performance.now();
    this.pageHome.hidden = (await this.body.load(this.record.id)) === 0;
  }

  #takeRows(pages, askedAt) {
    const there = new Set(pages.map((page) => page.id));
    for (const id of this.rows.keys()) if (!there.has(id)) this.rows.delete(id);
    const ordered = new Map();
    for (const page of pages) {
      const row = this.rows.get(page.id) ?? new Row(page, this.checkColumns, this.shared);
      row.take(page, askedAt);
      ordered.set(page.id, row);
    }
    this.rows = ordered;
  }

  /** Once, when the rows are there for the first time: go to the row that the address names. */
  #arrive() {
    this.arrived = true;
    this.enter();
    this.#count();
    const target = location.hash && document.getElementById(location.hash.slice(1));
    if (target) target.scrollIntoView({ block: "center" });
  }

  show() {
    const { values } = this.record;
    const since = [...this.rows.values()].filter((row) => row.awaiting).map((row) => row.values.editedTime).sort()[0];
    this.head.show(values, since ?? "");
    this.closing.show();
    for (const row of this.rows.values()) row.show();
    keepFocus(() => this.#arrangeSections());
    this.#count();
  }

  #arrangeSections() {
    const groups = Map.groupBy ? Map.groupBy(this.rows.values(), (row) => row.values.section) : grouped(this.rows.values());
    const names = [...groups.keys()].sort((one, other) => one.localeCompare(other, "ja", { numeric: true }));
    const shown = names.map((name) => {
      const section = this.sections.get(name) ?? new Section(name);
      this.sections.set(name, section);
      section.take(groups.get(name));
      return section;
    });
    arrange(this.list, shown.map((section) => section.node));
    this.head.map(shown.map((section) => section.cells));
    this.shown = shown;
  }

  /** Counts, filter and title: everything that follows from all rows together. */
  #count() {
    const live = [...this.rows.values()].filter((row) => row.live);
    const settled = live.filter((row) => row.settled).length;
    this.head.count(live);
    this.filters.show([...this.rows.values()], this.shared.open());
    let visible = 0;
    for (const section of this.shown ?? []) visible += section.show((row) => this.filters.fits(row) || row.busy);
    if (this.checks && this.arrived) {
      set(this.none, "hidden", visible > 0);
      say(this.none, this.rows.size ? "noneLeft" : "noRows");
    }
    const title = this.record.values.title;
    const told = live.length ? `${settled}/${live.length} ${title}` : title;
    set(document, "title", told);
  }
}

function grouped(rows) {
  const groups = new Map();
  for (const row of rows) groups.set(row.values.section, [...(groups.get(row.values.section) ?? []), row]);
  return groups;
}

class Head {
  /** `again` asks for the release's files as they are now. */
  constructor(again) {
    this.title = h("h1");
    this.status = new Pill("status");
    this.facts = h("dl", { class: "facts" });
    this.known = {};
    for (const key of ["environment", "commit", "operator", "started", "ended"]) this.#fact(key);
    this.progress = new Progress();
    this.total = h("strong", { class: "total" });
    this.ticked = h("span", { class: "muted" });
    this.cells = say(h("div", { class: "map", "aria-hidden": "true" }), "map", {}, "title");
    this.honesty = h("p", { class: "honesty" });
    this.files = new Files(again);
    this.look = h("p", { class: "muted small" });
    this.alarm = h("p", { class: "alarm", role: "status", hidden: true });
    const { bar, line: parts } = this.progress;
    const progress = h("div", { class: "overall" }, h("p", { class: "totals" }, this.total, this.ticked), bar, parts, this.cells);
    const line = h("div", { class: "title-line" }, this.title, this.status.node);
    this.node = h("section", { class: "head" }, line, this.facts, progress, this.honesty, this.files.node, this.look);
  }

  #fact(key) {
    const value = h("dd");
    this.known[key] = { value, node: h("div", { class: "fact" }, words("dt", key), value) };
    this.facts.append(this.known[key].node);
  }

  show(values, waitingSince) {
    if (values.title) put(this.title, values.title);
    else say(this.title, "untitled");
    this.status.show(values.status);
    const texts = {
      environment: values.environment,
      commit: values.commit.slice(0, 12),
      operator: values.operator.join(", "),
      started: values.started && clock(values.started),
      ended: values.ended && clock(values.ended),
    };
    for (const [key, { value, node }] of Object.entries(this.known)) {
      put(value, texts[key] ?? "");
      set(node, "hidden", !texts[key]);
      if (key === "started" || key === "ended") set(value.dataset, "day", day(values[key]));
    }
    set(this.known.commit.value, "title", values.commit);
    showHonesty(this.honesty, values);
    this.files.show(values.files);
    showLook(this.look, this.alarm, values, waitingSince);
  }

  /** One small cell a check, a gap between sections. */
  map(sections) {
    arrange(this.cells, sections.flat());
    for (const cells of sections) cells.forEach((cell, place) => cell.classList.toggle("first", place === 0));
  }

  count(rows) {
    const settled = rows.filter((row) => row.settled).length;
    this.progress.show(rows);
    say(this.total, "settledOf", { n: settled, m: rows.length });
    const ticked = rows.filter((row) => row.record.value("done")).length;
    say(this.ticked, "openAndTicked", { open: rows.length - settled, n: ticked, m: rows.length });
  }
}

class Section {
  constructor(name) {
    const [, number = "", title = name] = /^(\d+)\s+(.+)$/s.exec(name) ?? [];
    const text = title ? h("span", { text: title }) : words("span", "noSection");
    const badge = number && h("span", { class: "section-number", text: String(Number(number)) });
    this.text = h("span", { class: "section-count muted" });
    this.progress = new Progress();
    // Its words stand beside it.
    this.progress.bar.setAttribute("aria-hidden", "true");
    this.list = h("ul", { class: "rows" });
    const head = h("div", { class: "section-head" }, h("h2", {}, badge || null, text), this.text, this.progress.bar, this.progress.line);
    this.node = h("section", { class: "section" }, head, this.list);
    this.rows = [];
  }

  get cells() {
    return this.rows.map((row) => row.cell);
  }

  take(rows) {
    this.rows = rows;
    arrange(this.list, rows.map((row) => row.node));
  }

  /** Show the rows that fit, and how far the section is; the number of rows shown. */
  show(fits) {
    let visible = 0;
    for (const row of this.rows) {
      set(row.node, "hidden", !fits(row));
      visible += row.node.hidden ? 0 : 1;
    }
    set(this.node, "hidden", visible === 0);
    const live = this.rows.filter((row) => row.live);
    const settled = live.filter((row) => row.settled).length;
    say(this.text, "settledOf", { n: settled, m: live.length });
    this.progress.show(live);
    this.node.classList.toggle("whole", live.length > 0 && settled === live.length);
    return visible;
  }
}
