// Every client: searched and turned over on the server, so that five thousand are no more work than five.

import { get, part, post } from "./api.js";
import { confirm, h, notify, replace, table } from "./dom.js";
import { ago, count, moment } from "./format.js";
import { badge } from "./overview.js";
import { invite } from "./invite.js";

const pageSize = 50;
/** How often what is shown is asked for again. */
const refreshInterval = 15000;

export function clients() {
  const search = h("input", { type: "search", placeholder: "Name, tag or version", "aria-label": "Name, tag or version", oninput: () => later() });
  const state = h("select", { "aria-label": "State", onchange: () => restart() },
    h("option", { value: "" }, "All"), ["connected", "away", "revoked"].map((name) => h("option", { value: name }, name)));
  const list = h("div", { "aria-live": "polite" });
  const element = h("div", {},
    h("div", { class: "titlerow" }, h("h1", {}, "Clients"),
      h("button", { class: "primary", type: "button", onclick: () => invite() }, "Invite a client")),
    h("p", { class: "filters" }, search, state), list);
  let offset = 0;
  let delay;
  let connected;
  /** Answers that were overtaken are not shown. */
  let number = 0;

  function restart() {
    offset = 0;
    load();
  }

  function later() {
    clearTimeout(delay);
    delay = setTimeout(restart, 150);
  }

  async function load() {
    number += 1;
    const mine = number;
    try {
      const page = await get("clients/search", { text: search.value.trim(), state: state.value, offset, limit: pageSize });
      if (mine !== number) return;
      if (page.clients.length > 0 || page.total === 0) return draw(page);
      // There are fewer pages than there were.
      offset = 0;
      await load();
    } catch (error) { notify(error.message); }
  }

  function draw(page) {
    const move = (by) => () => { offset = Math.max(0, offset + by); load(); };
    replace(list,
      table("Clients",
        [
          { title: "Client" }, { title: "State" }, { title: "Last contact" }, { title: "Max. rank", kind: "number wide" },
          { title: "Tags", kind: "wide" }, { title: "Version", kind: "wide" }, { title: "Certificate until", kind: "wide" }, { title: "" },
        ],
        page.clients.map((client) => [
          client.name, badge(client.state), ago(client.lastContact), count(client.maximumRank),
          Object.entries(client.tags).sort().map(([name, value]) => h("span", { class: "tag" }, `${name}=${value}`)),
          client.software ?? "–", moment(client.certificateExpiry),
          client.state === "revoked"
            ? h("button", { type: "button", class: "small", onclick: () => invite(client.name) }, "Invite")
            : h("button", { type: "button", class: "small danger", "aria-label": `Revoke ${client.name}`, onclick: () => revoke(client.name) }, "Revoke"),
        ]),
        search.value || state.value ? "No client is like that." : "No client is enrolled yet: invite one."),
      page.total > pageSize && h("p", { class: "pager" },
        h("button", { type: "button", disabled: offset === 0, onclick: move(-pageSize) }, "Before"),
        h("span", {}, `${count(page.offset + 1)}–${count(page.offset + page.clients.length)} of ${count(page.total)}`),
        h("button", { type: "button", disabled: page.offset + page.clients.length >= page.total, onclick: move(pageSize) }, "Next")));
    performance.mark("clients");
  }

  async function revoke(name) {
    if (!await confirm(`Revoke ${name}?`, "Its connection is closed, and none of its certificates is admitted any more. To let it in again, invite it again.", "Revoke")) return;
    try {
      await post(`clients/${part(name)}/revoke`);
      await load();
    } catch (error) { notify(error.message); }
  }

  load();
  const timer = setInterval(() => { if (!document.hidden) load(); }, refreshInterval);
  return {
    element,
    update(news) {
      const now = `${news.clients.connected} ${news.clients.enrolled} ${news.clients.revoked}`;
      if (connected !== undefined && connected !== now) load();
      connected = now;
    },
    close() {
      clearInterval(timer);
      clearTimeout(delay);
    },
  };
}
