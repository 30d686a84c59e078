// The board's own words in Japanese and English. What comes from the data is never translated.

const KEY = "ultra-checklist-lang";

const WORDS = {
  skip: ["本文へ移動", "Skip to content"],
  local: ["ローカル", "Local"],
  localHint: [
    "内蔵のローカル Notion です。本物の Notion には書き込まれません。",
    "This is the built-in local Notion; nothing here is written to Notion.",
  ],
  language: ["表示言語", "Language"],
  actingAs: ["{name} として操作中。切り替える", "Acting as {name}. Switch person"],
  whoTitle: ["どなたですか？", "Who are you?"],
  whoText: [
    "チェックや判断は、この名前で記録されます。",
    "Your ticks and decisions are recorded under this name.",
  ],
  whoLabel: ["名前", "Name"],
  whoGo: ["続ける", "Continue"],
  whoCancel: ["やめる", "Cancel"],
  whoRefused: [
    "この名前は使えません（80 文字以内、制御文字なし）。別の名前を入力してください。",
    "This name cannot be used (at most 80 characters, no control characters). Enter another one.",
  ],
  releases: ["リリース", "Releases"],
  noReleases: ["まだリリースがありません", "No releases yet"],
  noReleasesText: [
    "リリースを実行するマシンで、次の 2 つのコマンドを実行してください。作成されると、ここに表示されます。",
    "Run these two commands on the machine that runs the release. It appears here as soon as it is made.",
  ],
  settled: ["確定", "Settled"],
  ticked: ["チェック", "Ticked"],
  madeOfThen: ["{time} 時点: {line}", "At {time}: {line}"],
  lookedAgo: ["ワーカーの最終確認: {ago}", "Last look of the worker: {ago}"],
  notLooked: [
    "ワーカーは {min} 分間確認していません。起動: ultra-checklist sync --watch --local",
    "The worker has not looked for {min} min. Start it: ultra-checklist sync --watch --local",
  ],
  ended: ["終了", "Ended"],
  environment: ["環境", "Environment"],
  commit: ["コミット", "Commit"],
  operator: ["担当者", "Operator"],
  started: ["開始", "Started"],
  made: ["作成", "Made"],
  files: ["ファイル", "Files"],
  settledOf: ["{m} 件中 {n} 件確定", "{n} of {m} settled"],
  openAndTicked: ["未了 {open} ・ チェック {n} / {m}", "{open} open · {n} of {m} ticked"],
  map: ["各項目の状態。クリックで移動", "State of every check; click to go there"],
  filter: ["表示", "Show"],
  all: ["すべて", "All"],
  somebody: ["要対応", "Needs somebody"],
  failed: ["不合格", "Failed"],
  noneLeft: ["この表示に該当する項目はありません。", "No check matches this view."],
  noSection: ["その他", "Other"],
  noRows: ["このリリースには項目がまだありません。作成の途中かもしれません。", "This release has no checks yet; it may still be being made."],
  awaiting: ["ワーカーの確認待ち…", "Waiting for the worker…"],
  saving: ["保存中…", "Saving…"],
  saved: ["保存しました", "Saved"],
  unsaved: ["未保存", "Not saved yet"],
  retry: ["もう一度保存", "Save again"],
  unanswered: [
    "サーバーが応答できませんでした。接続が戻ると、保存されている状態を表示します。",
    "The server could not answer. What is stored is shown as soon as it is back.",
  ],
  tickLost: [
    "チェックは保存されませんでした。もう一度チェックしてください。",
    "The tick was not saved. Tick it again.",
  ],
  noChecks: [
    "このリリースの項目のデータベースが見つかりません。ultra-checklist init --local で修復できます。",
    "The database of this release's checks is missing. ultra-checklist init --local repairs it.",
  ],
  tickRefused: ["チェックを変更できませんでした。{why}", "The tick was not changed. {why}"],
  notSaved: ["保存できませんでした。{why}", "Not saved. {why}"],
  changedElsewhere: [
    "入力中に別の人がこの欄を「{text}」に変更しました。保存すると置き換わります。",
    "Somebody changed this to “{text}” while you were typing. Saving replaces it.",
  ],
  unreachable: ["サーバーに接続できません。接続後にもう一度お試しください。", "The server cannot be reached. Try again once it is back."],
  decide: ["判断・メモ", "Decide, note"],
  decideFor: ["判断・メモ: {title}", "Decide, note: {title}"],
  decision: ["判断", "Decision"],
  noDecision: ["なし", "None"],
  decisionHint: [
    "証明なしで済ませる場合に選び、理由をメモに書きます。",
    "To settle this without a proof: choose here, and write the reason in the note.",
  ],
  note: ["メモ", "Note"],
  until: ["期限", "Until"],
  approved: ["承認", "Approved"],
  approvedHint: ["二人目の担当者としてこの項目を承認する", "I approve this check as the second person"],
  attachments: ["添付", "Attachments"],
  addFile: ["ファイルを追加", "Add a file"],
  fileGone: ["このファイルはもうありません。", "This file is no longer there."],
  removeFile: ["{name} を外す", "Remove {name}"],
  uploading: ["{name} をアップロード中…", "Uploading {name}…"],
  noPage: ["このページはありません", "There is no such page"],
  noPageText: ["リンクを確認するか、リリース一覧に戻ってください。", "Check the link, or go back to the list of releases."],
  back: ["リリース一覧", "All releases"],
  lost: ["接続が切れました。再接続しています…", "Connection lost, retrying…"],
  refused: ["サーバーが応答を拒否しました: {why}", "The server refused: {why}"],
  page: ["ページの内容", "Page"],
  loading: ["読み込み中…", "Loading…"],
  unshown: ["（この種類のブロックは表示できません: {type}）", "(a block of type {type}, which is not shown here)"],
  closeTitle: ["リリースを終了する", "End this release"],
  closeText: [
    "ワーカーが次の確認時に最終確認・封印・記録を行い、終了します。",
    "At its next look the worker proves once more, seals the journal, writes the record, and ends the release.",
  ],
  closeAs: ["終了操作", "End as"],
  chooseEnding: ["選択してください", "Choose"],
  closeReason: ["終了理由", "Reason"],
  askClose: ["終了を依頼する", "Ask to end it"],
  closeAsked: ["依頼済み: {ending}。ワーカーの次の確認で処理されます。", "Asked for: {ending}. The worker acts on it at its next look."],
  takeBack: ["依頼を取り消す", "Take it back"],
  closeMissing: ["終了操作を選んでください。", "Choose how it ends first."],
  notLive: ["このリリースの項目ではなくなりました", "No longer part of this release"],
  host: ["ホスト", "Host"],
  key: ["キー", "Key"],
  checkedAt: ["確認 {time}", "checked {time}"],
  heard: ["{title}: {result}", "{title}: {result}"],
  section: ["セクション", "Section"],
  result: ["結果", "Result"],
  everySection: ["全セクション", "Every section"],
  everyResult: ["全結果", "Every result"],
  unneeded: ["対応不要", "Not needed"],
  noResult: ["結果なし", "No result yet"],
  showAll: ["すべて表示", "Show all"],
  evidence: ["証跡", "Evidence"],
  why: ["理由", "Why"],
  close: ["閉じる", "Close"],
  "theme-auto": ["表示: 自動", "Look: as the system"],
  "theme-light": ["表示: ライト", "Look: light"],
  "theme-dark": ["表示: ダーク", "Look: dark"],
  keysTitle: ["キーボード操作", "Keys"],
  keyNext: ["次の項目へ", "To the next check"],
  keyPrevious: ["前の項目へ", "To the previous check"],
  keyTick: ["チェックする・外す", "Tick, untick"],
  keyOpen: ["判断・メモ・証跡を開く・閉じる", "Open or fold decision, note and evidence"],
  keyClose: ["閉じて項目に戻る", "Fold them, back to the check"],
  keyFilter: ["絞り込みへ", "To the filters"],
  keyHelp: ["この一覧", "This list"],
  untitled: ["（無題）", "(untitled)"],
};

const said = new WeakMap();

function initial() {
  const kept = localStorage.getItem(KEY);
  if (kept === "ja" || kept === "en") return kept;
  return (navigator.language || "").toLowerCase().startsWith("ja") ? "ja" : "en";
}

export let lang = initial();

/** A word or sentence with its gaps filled. */
export function word(key, gaps = {}) {
  const text = WORDS[key][lang === "ja" ? 0 : 1];
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in gaps ? String(gaps[name]) : whole));
}

/** Put a word into a node, or into one of its attributes; it follows the language switch. */
export function say(node, key, gaps = {}, attribute = "") {
  const all = said.get(node) ?? new Map();
  all.set(attribute, [key, gaps]);
  said.set(node, all);
  node.toggleAttribute("data-said", true);
  write(node, attribute, word(key, gaps));
  return node;
}

/** The node's text no longer follows the language switch. */
export function unsay(node) {
  said.get(node)?.delete("");
}

function write(node, attribute, text) {
  if (attribute) {
    if (node.getAttribute(attribute) !== text) node.setAttribute(attribute, text);
  } else if (node.textContent !== text) {
    node.textContent = text;
    node.removeAttribute("lang");
  }
}

/** Change the language of all words on the page; pages redo what they computed on "spoken-language". */
export function speak(next) {
  lang = next;
  localStorage.setItem(KEY, next);
  document.documentElement.lang = next;
  for (const node of document.querySelectorAll("[data-said]")) {
    for (const [attribute, [key, gaps]] of said.get(node) ?? []) write(node, attribute, word(key, gaps));
  }
  document.dispatchEvent(new Event("spoken-language"));
}

/** A time of the data for people: today's as a clock time, others with their date. */
export function clock(iso) {
  if (/^\d{4}-\d{2}-\d{2}$/.test(iso)) return iso;
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return iso;
  const today = new Date().toDateString() === time.toDateString();
  const day = today ? {} : { year: "numeric", month: "2-digit", day: "2-digit" };
  const form = { ...day, hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  return new Intl.DateTimeFormat(lang === "ja" ? "ja-JP" : "en-GB", form).format(time);
}

/** The day of a time as `YYYY-MM-DD` where the reader is; "" if it is no time. */
export function day(iso = Date.now()) {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return "";
  const two = (number) => String(number).padStart(2, "0");
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
}

/** How long ago, in the largest unit that fits. */
export function ago(iso) {
  const minutes = Math.max(0, minutesSince(iso));
  const form = new Intl.RelativeTimeFormat(lang, { numeric: "auto" });
  if (minutes < 1) return lang === "ja" ? "たった今" : "just now";
  if (minutes < 60) return form.format(-Math.floor(minutes), "minute");
  if (minutes < 60 * 48) return form.format(-Math.floor(minutes / 60), "hour");
  return form.format(-Math.floor(minutes / 1440), "day");
}

/** Minutes since a time of the data; NaN if it is none. */
export function minutesSince(iso) {
  return (Date.now() - new Date(iso).getTime()) / 60000;
}
