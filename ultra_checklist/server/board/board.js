// The way in: who is looking, in which language, and which page the address names.

import { ApiError, call, myName, people, rememberName, WORKSPACE } from "./api.js";
import { Body } from "./blocks.js";
import { columns, idOf, isTitled, pagePath, plain, read, tableOf, titleOf } from "./data.js";
import { h, icon, words } from "./dom.js";
import { showHome } from "./home.js";
import { listenToKeys } from "./keys.js";
import { connection } from "./poll.js";
import { showRelease } from "./release.js";
import { lang, say, speak } from "./words.js";

const at = (id) => document.getElementById(id);

function greet() {
  const name = myName();
  at("me").hidden = name === "";
  at("me-name").textContent = name;
  at("me-initial").textContent = [...name][0] ?? "";
  say(at("me"), "actingAs", { name }, "aria-label");
  say(at("me"), "actingAs", { name }, "title");
}

function dress() {
  say(at("skip"), "skip");
  say(at("local"), "local");
  say(at("local"), "localHint", {}, "title");
  say(at("languages"), "language", {}, "aria-label");
  const [title, text, label, go, cancel] = ["who-title", "who-text", "who-label", "who-go", "who-cancel"].map(at);
  say(title, "whoTitle");
  say(text, "whoText");
  say(label, "whoLabel");
  say(go, "whoGo");
  say(cancel, "whoCancel");
  document.documentElement.lang = lang;
  const mark = () => {
    for (const button of at("languages").children) {
      button.setAttribute("aria-pressed", String(button.dataset.lang === lang));
    }
  };
  at("languages").addEventListener("click", (event) => {
    const chosen = event.target.closest("[data-lang]")?.dataset.lang;
    if (chosen) speak(chosen);
    mark();
  });
  mark();
  dressTheme();
  greet();
}

const THEMES = { auto: "◐", light: "☀", dark: "☾" };

function dressTheme() {
  const button = at("theme");
  const { dataset } = document.documentElement;
  const show = () => {
    button.textContent = THEMES[dataset.theme];
    say(button, `theme-${dataset.theme}`, {}, "aria-label");
    say(button, `theme-${dataset.theme}`, {}, "title");
  };
  if (!(dataset.theme in THEMES)) dataset.theme = "auto";
  button.addEventListener("click", () => {
    const names = Object.keys(THEMES);
    dataset.theme = names[(names.indexOf(dataset.theme) + 1) % names.length];
    localStorage.setItem("ultra-checklist-theme", dataset.theme);
    show();
  });
  show();
}

/** Ask who is looking; settles once a name is chosen that the server takes, or the question is dropped. */
async function ask() {
  const dialog = at("who");
  const trouble = at("who-trouble");
  trouble.hidden = true;
  at("who-name").value = "";
  at("who-cancel").hidden = myName() === "";
  const known = await people();
  at("who-known").replaceChildren(
    ...known.map((name) => {
      const first = h("span", { class: "initial", "aria-hidden": "true", text: [...name][0] ?? "" });
      const choice = h("button", { type: "button", class: "person", "data-name": name }, first, h("span", { text: name }));
      choice.setAttribute("aria-pressed", String(name === myName()));
      return choice;
    }),
  );
  if (!dialog.open) dialog.showModal();
  (at("who-known").firstElementChild ?? at("who-name")).focus();
}

async function choose(given) {
  const name = given.trim().normalize("NFC");
  if (!name) return;
  try {
    await call("GET", "users/me", undefined, name);
  } catch (error) {
    say(at("who-trouble"), error.status === 401 ? "whoRefused" : "unreachable");
    at("who-trouble").hidden = false;
    return;
  }
  const first = myName() === "";
  rememberName(name);
  greet();
  at("who").close();
  if (first) await open();
}

function listen() {
  at("me").addEventListener("click", ask);
  at("who-cancel").addEventListener("click", () => at("who").close());
  at("who-known").addEventListener("click", (event) => {
    const chosen = event.target.closest("[data-name]");
    if (chosen) choose(chosen.dataset.name);
  });
  at("who-form").addEventListener("submit", (event) => {
    event.preventDefault();
    choose(at("who-name").value);
  });
  // Nothing can be read without a name, so the first question cannot be dropped.
  at("who").addEventListener("cancel", (event) => myName() === "" && event.preventDefault());
}

async function open() {
  const id = idOf(location.pathname);
  if (location.pathname === "/" || id === WORKSPACE) return showHome(at("main"));
  for (;;) {
    try {
      return await openPage(id);
    } catch (error) {
      if (!(error instanceof ApiError) || !error.passing) return showMissing(error);
      connection("lost");
      await new Promise((done) => setTimeout(done, Math.max(2000, error.wait)));
    }
  }
}

async function openPage(id) {
  const page = await call("GET", `pages/${id}`).catch((error) => {
    if (error.status !== 404) throw error;
    return call("GET", `databases/${id}`);
  });
  connection("");
  if (page.object === "database") {
    location.replace(isTitled("releases", plain(page.title)) || !page.parent.page_id ? "/" : pagePath(page.parent.page_id));
    return undefined;
  }
  const source = page.parent.data_source_id && (await call("GET", `data_sources/${page.parent.data_source_id}`));
  const table = source ? tableOf(source) : "";
  if (table === "releases") return showRelease(at("main"), page, source);
  if (table === "checks") {
    const [release] = read(page, columns(source, "checks")).release;
    if (release) return location.replace(`${pagePath(release)}#row-${page.id.replaceAll("-", "")}`);
  }
  return showPlain(page);
}

async function showPlain(page) {
  document.title = titleOf(page);
  const inside = h("div", { class: "prose" });
  const back = h("a", { class: "back", href: "/" }, icon("back"), words("span", "back"));
  at("main").replaceChildren(back, h("h1", { text: titleOf(page) }), inside);
  await new Body(inside).load(page.id);
}

function showMissing(error) {
  const missing = error.status === 404 || error.status === 400;
  at("main").replaceChildren(
    h(
      "div",
      { class: "empty" },
      missing ? words("h1", "noPage") : words("h1", "refused", {}, { why: error.message }),
      words("p", "noPageText", { class: "muted" }),
      h("p", {}, words("a", "back", { href: "/" })),
    ),
  );
}

dress();
listen();
listenToKeys();
if (myName()) open();
else {
  at("main").replaceChildren();
  ask();
}
