// The list of releases.

import { call, children, isPerson, meet, query, WORKSPACE } from "./api.js";
import { columns, isOpen, isTitled, kindOf, pagePath, read, tableOf, unanswered } from "./data.js";
import { arrange, h, Pill, put, set, words } from "./dom.js";
import { poll } from "./poll.js";
import { ago, clock, minutesSince, say, unsay, word } from "./words.js";

const PACE = 5000;
// The worker answers a tick within a minute. It writes "Last look" every ten minutes while a release is deployed or
// ticked, and once a day while nobody has touched it for an hour.
const SLOW_TO_ANSWER = 3;
const SLOW_TO_SHOW = 20;
const SLOW_WHEN_QUIET = 24 * 60 + SLOW_TO_SHOW;

/** Minutes for which the worker has not looked although it should have; 0 if all is well. */
export function notLooked(release, waitingSince = "") {
  const since = Math.floor(minutesSince(release.lastLook));
  if (!release.lastLook || !isOpen(release.status)) return 0;
  const kept = waitingSince !== "" && minutesSince(waitingSince) >= SLOW_TO_ANSWER;
  const idle = kindOf("status", release.status) === "deployed" ? SLOW_TO_SHOW : SLOW_WHEN_QUIET;
  return since >= (kept ? SLOW_TO_ANSWER : idle) ? since : 0;
}

/** Show when the worker looked last, or in `alarm` that it has not. */
export function showLook(look, alarm, release, waitingSince) {
  const min = notLooked(release, waitingSince);
  set(alarm, "hidden", !min);
  set(look, "hidden", min > 0 || !release.lastLook || !isOpen(release.status));
  if (min) say(alarm, "notLooked", { min });
  else if (!look.hidden) say(look, "lookedAgo", { ago: ago(release.lastLook) });
}

/** Show the honesty line; of a release that goes on with its time, for the worker writes it only now and then. */
export function showHonesty(node, release) {
  set(node, "hidden", !release.madeOf);
  if (release.lastLook && isOpen(release.status)) {
    say(node, "madeOfThen", { time: clock(release.lastLook), line: release.madeOf });
    return;
  }
  unsay(node);
  put(node, release.madeOf);
}

/** Show the releases in `main` and keep them up to date. */
export function showHome(main) {
  document.title = "Ultra Checklist";
  const list = h("ul", { class: "cards", hidden: true });
  const empty = h(
    "div",
    { class: "empty", hidden: true },
    words("h2", "noReleases"),
    words("p", "noReleasesText", { class: "muted" }),
    h("pre", { tabindex: "0" }, h("code", { text: "ultra-checklist init --local\nultra-checklist new v1.0.0 --local" })),
  );
  const home = new Home(list, empty, () => main.replaceChildren(words("h1", "releases"), list, empty));
  document.addEventListener("spoken-language", () => home.show());
  return poll(() => home.look(), () => PACE);
}

class Home {
  constructor(list, empty, enter) {
    this.enter = enter;
    this.list = list;
    this.empty = empty;
    this.sources = new Map();
    this.cards = new Map();
    this.releases = null;
    this.counts = new Map();
  }

  async look() {
    const found = [];
    const living = [];
    for (const block of await children(WORKSPACE)) {
      const table = ["releases", "checks"].find((one) => isTitled(one, block.child_database?.title ?? ""));
      if (!table) continue;
      for (const source of await this.#sourcesOf(block.id)) {
        if (tableOf(source) !== table) continue;
        if (table === "releases") found.push(...(await releasesOf(source)));
        else living.push(...(await livingOf(source)));
      }
    }
    this.releases = found.sort((one, other) => other.made.localeCompare(one.made));
    this.counts = counted(living, new Map(found.map((release) => [release.id, release.lastLook])));
    this.show();
  }

  async #sourcesOf(database) {
    if (!this.sources.has(database)) {
      const { data_sources: listed } = await call("GET", `databases/${database}`);
      this.sources.set(database, await Promise.all(listed.map((one) => call("GET", `data_sources/${one.id}`))));
    }
    return this.sources.get(database);
  }

  show() {
    if (this.releases === null) return;
    if (!this.list.isConnected) this.enter();
    const nodes = this.releases.map((release) => {
      const card = this.cards.get(release.id) ?? new Card(release.id);
      this.cards.set(release.id, card);
      card.show(release, this.counts.get(release.id));
      return card.node;
    });
    arrange(this.list, nodes);
    this.list.hidden = nodes.length === 0;
    this.empty.hidden = nodes.length > 0;
  }
}

async function releasesOf(source) {
  const known = columns(source, "releases");
  const pages = await query(source.id, { sorts: [{ timestamp: "created_time", direction: "descending" }] });
  return pages.map((page) => ({ ...read(page, known), made: page.created_time }));
}

/** The checks of open releases; an ended release has no living ones. */
async function livingOf(source) {
  const known = columns(source, "checks");
  if (!["done", "live", "result", "release"].every((code) => code in known)) return [];
  const pages = await query(source.id, { filter: { property: known.live.name, checkbox: { equals: true } } });
  await meet(pages);
  return pages.map((page) => read(page, known));
}

/** Counts by release. Notion's own roll-ups stop after 25 rows, so they are not what is shown. */
function counted(rows, looks) {
  const counts = new Map();
  for (const row of rows) {
    for (const id of row.release) {
      const count = counts.get(id) ?? { all: 0, settled: 0, ticked: 0, waitingSince: "" };
      counts.set(id, count);
      count.all += 1;
      count.settled += row.settled ? 1 : 0;
      count.ticked += row.done ? 1 : 0;
      const waits = row.done && unanswered(row, looks.get(id), isPerson(row.editor));
      if (waits && (!count.waitingSince || row.editedTime < count.waitingSince)) count.waitingSince = row.editedTime;
    }
  }
  return counts;
}

class Card {
  constructor(id) {
    this.title = h("a", { href: pagePath(id), class: "card-link" });
    this.status = new Pill("status");
    this.about = h("p", { class: "muted card-about" });
    this.settled = new Share("settled");
    this.ticked = new Share("ticked");
    this.madeOf = h("p", { class: "honesty" });
    this.look = h("p", { class: "muted small" });
    this.alarm = h("p", { class: "alarm", hidden: true });
    const head = h("div", { class: "card-head" }, h("h2", {}, this.title), this.status.node);
    this.shares = h("div", { class: "shares" }, this.settled.node, this.ticked.node);
    this.node = h("li", { class: "card" }, head, this.about, this.shares, this.madeOf, this.look, this.alarm);
  }

  show(release, count) {
    if (release.title) put(this.title, release.title);
    else say(this.title, "untitled");
    this.status.show(release.status);
    this.node.classList.toggle("ended", !isOpen(release.status));
    const key = ["ended", "started", "made"].find((one) => release[one]);
    const people = release.operator.join(", ");
    put(this.about, [release.environment, `${word(key)} ${clock(release[key])}`, people].filter(Boolean).join(" · "));
    this.shares.hidden = !count;
    this.settled.show(count?.settled ?? 0, count?.all ?? 0);
    this.ticked.show(count?.ticked ?? 0, count?.all ?? 0);
    showHonesty(this.madeOf, release);
    showLook(this.look, this.alarm, release, count?.waitingSince ?? "");
  }
}

class Share {
  constructor(key) {
    this.bar = h("progress", { max: "1", class: `bar-${key}` });
    say(this.bar, key, {}, "aria-label");
    this.text = h("span", { class: "share-text" });
    this.node = h("div", { class: "share" }, words("span", key, { class: "share-name" }), this.bar, this.text);
  }

  show(part, all) {
    this.bar.value = all ? part / all : 0;
    put(this.text, `${part} / ${all}`);
  }
}
