// Who was let in, who was shut out, and what was asked of the server.

import { get } from "./api.js";
import { h, notify, replace, table } from "./dom.js";
import { moment } from "./format.js";

const pageSize = 100;

export function audit() {
  const list = h("div", {});
  const head = h("p", { class: "faint" });
  const element = h("div", {}, h("h1", {}, "Audit log"), head, list);
  let entries = [];
  let isComplete = false;

  async function load(before) {
    try {
      const page = await get("audit", { before, limit: pageSize });
      entries = before === undefined ? page.entries : entries.concat(page.entries);
      isComplete = entries.length === 0 || entries.at(-1).sequence <= 1;
      draw(page.head);
    } catch (error) { notify(error.message); }
  }

  function draw({ sequence, chain }) {
    replace(head, entries.length > 0 && ["Note this down somewhere else, and give it to ",
      h("code", {}, "fed-server audit verify --since"), " later: ", h("code", { class: "chain" }, `${sequence}:${chain}`)]);
    replace(list,
      table("Audit log",
        [{ title: "No.", kind: "number" }, { title: "When" }, { title: "What" }, { title: "Whom" }, { title: "Details", kind: "wide details" }],
        entries.map((entry) => [entry.sequence, moment(entry.at), entry.action, h("code", {}, entry.subject), entry.detail]),
        "Nothing is recorded yet."),
      !isComplete && h("p", {}, h("button", { type: "button", onclick: () => load(entries.at(-1).sequence) }, "Earlier entries")));
  }

  load();
  return { element };
}
