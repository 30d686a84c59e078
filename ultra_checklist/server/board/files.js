// Files of the API as links. A signed link lives an hour: one that is older is read again when it is clicked.

import { ApiError } from "./api.js";
import { fileLink } from "./data.js";
import { h, icon, put, set } from "./dom.js";
import { say, word } from "./words.js";

const MARGIN = 10000;

/** Let a link lead to a file of the API: the server's own are downloaded, others open beside the board. */
export function lead(link, file) {
  const { name, href } = fileLink(file);
  const own = href.startsWith("/files/");
  const wanted = { href: href || null, download: own ? name : null, target: own ? null : "_blank", rel: "noopener noreferrer" };
  for (const [attribute, value] of Object.entries(wanted)) {
    if (value === null) link.removeAttribute(attribute);
    else if (link.getAttribute(attribute) !== value) link.setAttribute(attribute, value);
  }
  put(link.lastChild, name || word("untitled"));
  return link;
}

/** A link to a file, still without the file; `again` asks for the files that are there now. */
export function fileAnchor(again) {
  const link = h("a", { class: "file" }, icon("file"), h("span"));
  let asking = false;
  link.addEventListener("click", async (event) => {
    if (!asking && !isOld(link)) return;
    event.preventDefault();
    if (asking) return;
    asking = true;
    const fresh = await renewed(link, again);
    asking = false;
    if (fresh) fresh.click();
  });
  return link;
}

function isOld(link) {
  const { pathname, searchParams } = new URL(link.href, location.origin);
  return pathname.startsWith("/files/") && Number(searchParams.get("expires")) < Date.now() + MARGIN;
}

/** A link to click in place of this old one, which is brought up to date; null when there is none. */
async function renewed(link, again) {
  if (link.nextSibling?.className === "trouble") link.nextSibling.remove();
  try {
    const { pathname } = new URL(link.href);
    const file = (await again()).find((one) => new URL(fileLink(one).href, location.origin).pathname === pathname);
    if (!file) throw new ApiError(404, "object_not_found", word("fileGone"));
    lead(link, file);
    // The link itself would be asked again where this machine's clock is wrong.
    return link.cloneNode(true);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const told = h("span", { class: "trouble", role: "alert" });
    link.after(error.passing ? say(told, "unreachable") : say(told, "refused", { why: error.message }));
    return null;
  }
}

/** A list of files that follows the data: links are renewed in place, because they expire. */
export class Files {
  constructor(again, remove = null) {
    this.node = h("ul", { class: "files", hidden: true });
    this.again = again;
    this.remove = remove;
    this.items = [];
  }

  show(files) {
    set(this.node, "hidden", files.length === 0);
    while (this.items.length > files.length) this.items.pop().node.remove();
    files.forEach((file, place) => {
      this.items[place] ??= this.#item(place);
      const { link, drop } = this.items[place];
      lead(link, file);
      if (drop) say(drop, "removeFile", { name: link.textContent }, "aria-label");
    });
  }

  #item(place) {
    const link = fileAnchor(this.again);
    const drop = this.remove && h("button", { type: "button", class: "drop", text: "×", onclick: () => this.remove(place) });
    const node = h("li", {}, link, drop);
    this.node.append(node);
    return { node, link, drop };
  }
}
