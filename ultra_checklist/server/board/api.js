// The board speaks Notion's public API and nothing else; this module is the only one that makes requests.

const NAME = "ultra-checklist-name";
const VERSION = "2026-03-11";
const PATIENCE = 20000;
const PIECE = 2000;
const ATTEMPTS = 3;
const LONGEST_WAIT = 5000;
const BUSY = new Set([409, 429, 502, 503, 504, 529]);
export const WORKSPACE = "00000000-0000-4000-8000-000000000001";

// Plain text under names that Notion's closed list of file types does not know.
const TEXTS = new Set(["log", "md", "csv", "yml", "yaml", "xml", "toml", "ini", "conf", "out", "diff", "patch", "sh"]);

/** An answer that is not 200; status 0 means that no answer came. */
export class ApiError extends Error {
  constructor(status, code, message, wait = 0) {
    super(message);
    this.status = status;
    this.code = code;
    this.wait = wait;
  }

  /** Whether the same request may succeed later without anybody doing anything. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export function myName() {
  return localStorage.getItem(NAME) ?? "";
}

export function rememberName(name) {
  localStorage.setItem(NAME, name);
}

/** One request below /v1/; the answer's JSON. Throws ApiError. */
export async function call(method, path, body, name = myName()) {
  const headers = {
    Authorization: `Bearer ntn_person_${encodeURIComponent(name.toWellFormed?.() ?? name)}`,
    "Notion-Version": VERSION,
  };
  const form = body instanceof FormData;
  if (body !== undefined && !form) headers["Content-Type"] = "application/json";
  let answer;
  let content;
  try {
    answer = await fetch(`/v1/${path}`, {
      method,
      headers,
      body: body === undefined ? undefined : form ? body : JSON.stringify(body),
      signal: AbortSignal.timeout(form ? 6 * PATIENCE : PATIENCE),
    });
    content = await answer.text();
  } catch (error) {
    throw new ApiError(0, "unreachable", String(error));
  }
  let data = {};
  try {
    data = JSON.parse(content);
  } catch {
    if (answer.ok) throw new ApiError(502, "bad_gateway", "The answer is no JSON.");
  }
  if (!answer.ok) {
    const wait = 1000 * Number(answer.headers.get("Retry-After")) || 0;
    throw new ApiError(answer.status, data.code ?? "", data.message ?? `HTTP ${answer.status}`, wait);
  }
  return data;
}

/** The names that the chooser offers; none if they cannot be had. */
export async function people() {
  try {
    const answer = await fetch("/board/people", { signal: AbortSignal.timeout(PATIENCE) });
    const names = await answer.json();
    return Array.isArray(names) ? names.filter((name) => typeof name === "string") : [];
  } catch {
    return [];
  }
}

const kinds = new Map();

/** Learn, once each, what the last editors of these pages are. */
export async function meet(pages) {
  for (const id of new Set(pages.map((page) => page.last_edited_by?.id))) {
    if (!id || kinds.has(id)) continue;
    try {
      kinds.set(id, (await call("GET", `users/${id}`)).type);
    } catch (error) {
      if (error.status !== 404) throw error;
      kinds.set(id, "person");
    }
  }
}

/** Whether a user is not known to be an integration. */
export function isPerson(id) {
  return kinds.get(id) !== "bot";
}

/** All children of a page or block. */
export async function children(id) {
  const found = [];
  let cursor = "";
  do {
    const query = cursor ? `&start_cursor=${encodeURIComponent(cursor)}` : "";
    const answer = await call("GET", `blocks/${id}/children?page_size=100${query}`);
    found.push(...answer.results);
    cursor = answer.has_more ? answer.next_cursor : "";
  } while (cursor);
  return found;
}

/** All pages of a query. Throws ApiError when the server says that the result is incomplete. */
export async function query(source, body) {
  const found = [];
  let cursor = "";
  do {
    const more = cursor ? { start_cursor: cursor } : {};
    const answer = await call("POST", `data_sources/${source}/query`, { ...body, page_size: 100, ...more });
    found.push(...answer.results);
    if (answer.request_status?.type === "incomplete") {
      throw new ApiError(400, "incomplete", "The query has more results than can be read.");
    }
    cursor = answer.has_more ? answer.next_cursor : "";
  } while (cursor);
  return found;
}

/** Write exactly one property of a page; the page as it is afterwards. Writing the same twice is harmless. */
export async function writeProperty(page, name, value) {
  for (let tried = 1; ; tried += 1) {
    try {
      return await call("PATCH", `pages/${page}`, { properties: { [name]: value } });
    } catch (error) {
      const wait = error.wait || 300 * tried;
      // A server that is away is told at once: people should not believe that a tick is stored.
      if (tried === ATTEMPTS || !BUSY.has(error.status) || wait > LONGEST_WAIT) throw error;
      await new Promise((done) => setTimeout(done, wait));
    }
  }
}

/** Text as rich text, in pieces that Notion takes, never splitting a surrogate pair. */
export function richText(text) {
  const pieces = [];
  let piece = "";
  for (const letter of text) {
    if (piece.length + letter.length > PIECE) {
      pieces.push(piece);
      piece = "";
    }
    piece += letter;
  }
  if (piece) pieces.push(piece);
  return pieces.map((content) => ({ type: "text", text: { content } }));
}

/** Upload a file in one part; what a files property takes. */
export async function upload(file) {
  const extension = file.name.includes(".") ? file.name.split(".").pop().toLowerCase() : "";
  const filename = TEXTS.has(extension) ? `${file.name}.txt` : file.name;
  const made = await call("POST", "file_uploads", { mode: "single_part", filename });
  const form = new FormData();
  form.append("file", new File([file], filename, { type: made.content_type ?? file.type }), filename);
  await call("POST", `file_uploads/${made.id}/send`, form);
  return { type: "file_upload", file_upload: { id: made.id }, name: filename };
}
