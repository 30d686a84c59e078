// From Notion's pages to plain values: our columns and words in either language, found by name in the schema.

const COLUMNS = {
  releases: {
    title: ["Release", "リリース"],
    key: ["Key", "キー"],
    environment: ["Environment", "環境"],
    status: ["Status", "状態"],
    commit: ["Commit", "コミット"],
    operator: ["Operator", "担当者"],
    started: ["Started", "開始"],
    ended: ["Ended", "終了"],
    madeOf: ["Made of", "内訳"],
    files: ["Files", "ファイル"],
    lastLook: ["Last look", "最終確認"],
    template: ["Template", "テンプレート"],
    close: ["Close", "終了操作"],
    closeReason: ["Close reason", "終了理由"],
  },
  checks: {
    title: ["Check", "項目"],
    release: ["Release", "リリース"],
    result: ["Result", "結果"],
    why: ["Why", "理由"],
    evidence: ["Evidence", "証跡"],
    checkedAt: ["Checked at", "確認時刻"],
    operator: ["Operator", "担当者"],
    section: ["Section", "セクション"],
    order: ["Order", "順序"],
    settled: ["Settled", "確定"],
    live: ["Live", "有効"],
    host: ["Host", "ホスト"],
    key: ["Key", "キー"],
    done: ["Done", "実施済み"],
    decision: ["Decision", "判断"],
    note: ["Note", "メモ"],
    until: ["Until", "期限"],
    approved: ["Approved", "承認"],
    attachments: ["Attachments", "添付"],
  },
};

const KINDS = {
  result: {
    passed: ["Passed", "合格"],
    failed: ["Failed", "不合格"],
    unclear: ["Can't tell", "判定不能"],
    waiting: ["Waiting", "待機中"],
    blocked: ["Blocked", "ブロック中"],
    confirmed: ["Confirmed", "確認済み"],
    waived: ["Waived", "免除"],
    outside: ["Not applicable", "対象外"],
  },
  status: {
    preparing: ["Preparing", "準備中"],
    deployable: ["Ready to deploy", "デプロイ可"],
    deployed: ["Deployed", "デプロイ済み"],
    closable: ["Ready to close", "完了待ち"],
    complete: ["Complete", "完了"],
    "rolled-back": ["Rolled back", "ロールバック済み"],
    aborted: ["Aborted", "中止"],
    superseded: ["Superseded", "置き換え済み"],
  },
};

// What a column that is not there reads as; without "Live" every row counts as living.
const LISTS = ["operator", "files", "attachments", "release"];
const NOTHING = ["settled", "order", "live"];
const BLANK = Object.fromEntries([
  ...Object.values(COLUMNS).flatMap((table) => Object.keys(table).map((code) => [code, ""])),
  ...LISTS.map((code) => [code, []]),
  ...NOTHING.map((code) => [code, null]),
]);

const ENDED = new Set(["complete", "rolled-back", "aborted", "superseded"]);
const TITLES = { releases: ["Releases", "リリース"], checks: ["Checks", "チェック"] };

/** What a known name of a result or status stands for; "" for others. */
export function kindOf(set, name) {
  return Object.entries(KINDS[set]).find(([, names]) => names.includes(name))?.[0] ?? "";
}

/** Whether a release with this status goes on. An unknown status counts as open. */
export function isOpen(status) {
  return !ENDED.has(kindOf("status", status));
}

/** Whether a database of this title is one of ours. */
export function isTitled(table, title) {
  return TITLES[table].includes(title.trim());
}

/**
 * Whether what people said on a row waits for the worker: it shows no result, a person edited it last, and
 * the worker has not looked since. Some ticks are answered in words alone, and some change nothing.
 */
export function unanswered(values, lastLook, byPerson) {
  if (values.result || values.settled === true || !byPerson) return false;
  // Both times keep minutes only.
  return !(lastLook && Date.parse(lastLook) > Date.parse(values.editedTime) + 60000);
}

/** The columns of a data source by our code: ``{name, type, options}``. */
export function columns(source, table) {
  const found = {};
  for (const [code, names] of Object.entries(COLUMNS[table])) {
    const name = names.find((one) => Object.hasOwn(source.properties, one));
    if (name === undefined) continue;
    const { type } = source.properties[name];
    const options = (source.properties[name][type]?.options ?? []).map((option) => option.name);
    found[code] = { name, type, options };
  }
  return found;
}

/** Which of our tables a data source is; "" if neither. */
export function tableOf(source) {
  const has = (table, code) =>
    COLUMNS[table][code].some((name) => Object.hasOwn(source.properties, name));
  if (has("checks", "title") && has("checks", "result") && has("checks", "done")) return "checks";
  return has("releases", "title") && has("releases", "status") ? "releases" : "";
}

export function plain(items) {
  return (items ?? []).map((item) => item.plain_text ?? item.text?.content ?? "").join("");
}

/** The title of any page, whatever its title property is called. */
export function titleOf(page) {
  const title = Object.values(page.properties ?? {}).find((property) => property.type === "title");
  return plain(title?.title);
}

/** The values of a page by our code; what is missing reads as empty. */
export function read(page, known) {
  const values = { ...BLANK, id: page.id, editedTime: page.last_edited_time, editor: page.last_edited_by?.id };
  for (const [code, { name, type }] of Object.entries(known)) {
    const property = page.properties[name];
    if (type in READ && property?.type === type) values[code] = READ[type](property[type]);
  }
  return values;
}

const READ = {
  title: plain,
  rich_text: plain,
  select: (value) => value?.name ?? "",
  checkbox: (value) => value === true,
  number: (value) => value ?? null,
  date: (value) => value?.start ?? "",
  people: (value) => (value ?? []).map((person) => person.name || person.id),
  files: (value) => value ?? [],
  relation: (value) => (value ?? []).map((one) => one.id),
};

/** A file of the API as a name and a link that is safe to offer; no link where it is not. */
export function fileLink(file) {
  const name = typeof file.name === "string" ? file.name : "";
  if (file.type === "file") {
    const url = safeUrl(file.file?.url);
    // The server's own files are asked for where the board came from, under whatever name of this machine.
    return { name, href: url?.pathname.startsWith("/files/") ? url.pathname + url.search : (url?.href ?? "") };
  }
  const url = safeUrl(file.external?.url);
  return { name: name || url?.href || "", href: url?.href ?? "" };
}

/** A URL that a link may lead to, or null: scripts and data never. */
export function safeUrl(text) {
  if (typeof text !== "string" || !text) return null;
  try {
    const url = new URL(text, location.origin);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url : null;
  } catch {
    return null;
  }
}

/** The address of a page on the board. */
export function pagePath(id) {
  return `/p/${id.replaceAll("-", "")}`;
}

/** The page id that an address names; "" if none. */
export function idOf(path) {
  const match = /([0-9a-f]{32})\/?$/i.exec(path.replaceAll("-", ""));
  return match ? match[1].toLowerCase().replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5") : "";
}
