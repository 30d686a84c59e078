// The body of a page: Notion's blocks as plain, safe HTML, brought up to date block by block.

import { call, children } from "./api.js";
import { fileLink, pagePath } from "./data.js";
import { h, rich, words } from "./dom.js";
import { fileAnchor, lead } from "./files.js";
import { word } from "./words.js";

const HEADINGS = { heading_1: "h3", heading_2: "h3", heading_3: "h4", heading_4: "h5" };
const FILES = new Set(["file", "image", "pdf", "video", "audio"]);
const LISTS = { bulleted_list_item: "ul", numbered_list_item: "ol" };

/** The children of one page or block, shown in `host`. */
export class Body {
  constructor(host, hides = async () => false) {
    this.host = host;
    this.hides = hides;
    this.hidden = new Map();
    this.shown = new Map();
  }

  /** Read the blocks and show what changed; the number shown. Throws ApiError. */
  async load(id) {
    const found = await children(id);
    const kept = new Map();
    let number = 0;
    for (const block of found) {
      if (block.type === "child_database" && (await this.#isHidden(block.id))) continue;
      number = block.type === "numbered_list_item" ? number + 1 : 0;
      kept.set(block.id, await this.#refreshed(block, number));
    }
    for (const [gone, { node }] of this.shown) if (!kept.has(gone)) node.remove();
    this.shown = kept;
    let before = null;
    for (const { node } of kept.values()) {
      const expected = before ? before.nextSibling : this.host.firstChild;
      if (expected !== node) this.host.insertBefore(node, expected);
      before = node;
    }
    return kept.size;
  }

  async #isHidden(id) {
    if (!this.hidden.has(id)) this.hidden.set(id, await this.hides(id));
    return this.hidden.get(id);
  }

  async #refreshed(block, number) {
    const signature = `${number} ${block.has_children} ${JSON.stringify(block[block.type], unsigned)}`;
    const old = this.shown.get(block.id);
    if (old?.signature === signature) {
      if (FILES.has(block.type)) lead(old.node.firstChild, block[block.type]);
      return old;
    }
    const made = { signature, node: await drawn(block, number) };
    old?.node.replaceWith(made.node);
    return made;
  }
}

// Links of files carry a signature that differs at each look.
function unsigned(key, value) {
  return key === "url" || key === "expiry_time" ? undefined : value;
}

async function drawn(block, number) {
  const content = block[block.type] ?? {};
  const text = rich(content.rich_text);
  if (block.type in HEADINGS) {
    const heading = h(HEADINGS[block.type], { class: "block-heading" }, ...text);
    return content.is_toggleable ? folded(block, heading) : heading;
  }
  if (block.type === "toggle") return folded(block, h("span", {}, ...text));
  if (block.type === "table") return table(block);
  if (FILES.has(block.type)) return fileBlock(block);
  const node = await (SIMPLE[block.type] ?? unknown)(block, content, text, number);
  if (block.has_children && !block.type.startsWith("child_")) await new Body(nest(node)).load(block.id);
  return node;
}

function nest(node) {
  const inside = h("div", { class: "nested" });
  (node.querySelector("li, .callout-body") ?? node).append(inside);
  return inside;
}

function listItem(block, _content, text, number) {
  const list = h(LISTS[block.type], { class: "block-list" }, h("li", {}, h("span", {}, ...text)));
  if (number) list.setAttribute("start", number);
  return list;
}

const SIMPLE = {
  paragraph: (_block, _content, text) => h("div", { class: "paragraph" }, ...text),
  quote: (_block, _content, text) => h("blockquote", {}, h("span", {}, ...text)),
  divider: () => h("hr"),
  bulleted_list_item: listItem,
  numbered_list_item: listItem,
  code: (_block, _content, text) => h("pre", { tabindex: "0" }, h("code", {}, ...text)),
  equation: (_block, content) => h("pre", { tabindex: "0" }, h("code", { text: content.expression ?? "" })),
  callout: (_block, content, text) =>
    h(
      "div",
      { class: "callout" },
      content.icon?.emoji ? h("span", { class: "callout-icon", "aria-hidden": "true", text: content.icon.emoji }) : null,
      h("div", { class: "callout-body" }, h("div", {}, ...text)),
    ),
  to_do: (_block, content, text) =>
    h("div", { class: "to-do" }, h("input", { type: "checkbox", disabled: true, checked: content.checked }), h("span", {}, ...text)),
  child_page: (block, content) => link(pagePath(block.id), content.title),
  child_database: (block, content) => link(pagePath(block.id), content.title),
  bookmark: (_block, content) => outside(content.url),
  embed: (_block, content) => outside(content.url),
};

function link(href, text) {
  return h("p", {}, h("a", { href, text: text || word("untitled") }));
}

function outside(url) {
  const { name, href } = fileLink({ type: "external", external: { url } });
  const given = href ? { href, rel: "noopener noreferrer", target: "_blank" } : {};
  return h("p", {}, h("a", { ...given, text: name || String(url ?? "") }));
}

function unknown(block) {
  return words("p", "unshown", { class: "muted" }, { type: block.type });
}

function fileBlock(block) {
  const again = async () => {
    const now = await call("GET", `blocks/${block.id}`);
    return [now[now.type]];
  };
  return h("p", {}, lead(fileAnchor(again), block[block.type]));
}

/** A block whose children are read when it is opened. */
function folded(block, summary) {
  const inside = h("div", { class: "nested" });
  const node = h("details", { class: "toggle" }, h("summary", {}, summary), inside);
  const body = new Body(inside);
  node.addEventListener("toggle", async () => {
    if (!node.open || body.shown.size) return;
    const waiting = words("p", "loading", { class: "muted" });
    inside.replaceChildren(waiting);
    try {
      await body.load(block.id);
      waiting.remove();
    } catch (error) {
      waiting.replaceWith(words("p", "refused", { class: "trouble" }, { why: error.message }));
    }
  });
  return node;
}

async function table(block) {
  const { has_column_header: headed, has_row_header: named } = block.table;
  const rows = await children(block.id);
  const drawnRows = rows.map((row, line) =>
    h(
      "tr",
      {},
      ...(row.table_row?.cells ?? []).map((cell, column) => {
        const head = (headed && line === 0) || (named && column === 0);
        return h(head ? "th" : "td", head ? { scope: headed && line === 0 ? "col" : "row" } : {}, ...rich(cell));
      }),
    ),
  );
  const head = headed ? h("thead", {}, ...drawnRows.slice(0, 1)) : null;
  const body = h("tbody", {}, ...drawnRows.slice(headed ? 1 : 0));
  return h("div", { class: "table", tabindex: "0", role: "region" }, h("table", {}, head, body));
}

/** Whether a database on a page only shows rows of this data source again. */
export async function showsAgain(database, source) {
  const answer = await call("GET", `databases/${database}`);
  const sources = (answer.data_sources ?? []).map((one) => one.id);
  return sources.length === 0 || sources.includes(source);
}
