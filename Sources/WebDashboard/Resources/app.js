// Which view the address asks for, what all views share, and keys.

import { audit } from "./audit.js";
import { clients } from "./clients.js";
import { dialog, h, replace } from "./dom.js";
import { invite } from "./invite.js";
import { job } from "./job.js";
import { watch } from "./live.js";
import { overview } from "./overview.js";

const main = document.getElementById("main");
const live = document.getElementById("live");
let latest;
/** What is shown: `element`, `update(overview)` and `close()`, of which the last two may be missing. */
let view;

// MARK: Views

function show() {
  const [, name, argument] = location.hash.slice(1).split("/");
  view?.close?.();
  view = name === "jobs" && argument ? job(decodeURIComponent(argument))
    : name === "clients" ? clients()
    : name === "audit" ? audit()
    : overview();
  const current = name === "clients" || name === "audit" ? name : "overview";
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.view === current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  replace(main, view.element);
  if (latest) view.update?.(latest);
}

addEventListener("hashchange", () => {
  show();
  main.focus({ preventScroll: true });
  scrollTo(0, 0);
});

// The address names a view, and goes on doing so.
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});

watch(
  (news) => {
    latest = news;
    view.update?.(news);
    performance.mark("overview");
  },
  (isHeard) => {
    live.className = isHeard ? "live on" : "live off";
    live.textContent = isHeard ? "Live" : "Server not heard";
  },
);
show();

// MARK: Tools

const themeButton = document.getElementById("theme");

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function labelTheme() { themeButton.textContent = isDark() ? "☀" : "☾"; }

themeButton.addEventListener("click", () => {
  const theme = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  localStorage.setItem("theme", theme);
  labelTheme();
});
labelTheme();

document.getElementById("logout").addEventListener("click", async () => {
  await fetch("/logout", { method: "POST" });
  location.assign("/login");
});

document.getElementById("help").addEventListener("click", showKeys);

// MARK: Keys

const keys = [
  ["o", "Overview", () => { location.hash = "#/"; }],
  ["c", "Clients", () => { location.hash = "#/clients"; }],
  ["a", "Audit log", () => { location.hash = "#/audit"; }],
  ["i", "Invite a client", () => invite()],
  ["/", "Search", () => document.querySelector("main input[type=search]")?.focus()],
  ["t", "Light or dark", () => themeButton.click()],
  ["?", "These keys", () => showKeys()],
];

function showKeys() {
  dialog("Keys", h("dl", { class: "keys" },
    keys.map(([key, title]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, title)]),
    h("dt", {}, h("kbd", {}, "← →")), h("dd", {}, "On a chart: read it point by point")));
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, select, textarea, dialog")) return;
  const binding = keys.find(([key]) => key === event.key);
  if (!binding) return;
  event.preventDefault();
  binding[2]();
});
