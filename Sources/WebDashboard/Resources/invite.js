// An invitation: the join string as text and as a QR code. It is shown once; the server keeps its hash only.

import { part, post } from "./api.js";
import { dialog, h, replace, s } from "./dom.js";
import { moment } from "./format.js";

const lifetimes = [[600, "10 minutes"], [3600, "an hour"], [86400, "a day"], [604800, "a week"]];
const quietZone = 4;

function drawing({ size, path }) {
  const all = size + 2 * quietZone;
  return s("svg", { class: "qr", viewBox: `${-quietZone} ${-quietZone} ${all} ${all}`, role: "img", "aria-label": "The join string as a QR code", "shape-rendering": "crispEdges" },
    s("rect", { class: "paper", x: -quietZone, y: -quietZone, width: all, height: all }), s("path", { class: "ink", d: path }));
}

export function invite(name = "") {
  const field = h("input", { id: "invitee", required: true, maxlength: 64, pattern: "[a-z0-9][a-z0-9._\\-]*", value: name,
    title: "a–z, 0–9, '-', '.' and '_', beginning with a letter or digit", autocomplete: "off", spellcheck: "false" });
  const life = h("select", { id: "life" }, lifetimes.map(([seconds, title]) => h("option", { value: seconds }, title)));
  const problem = h("p", { class: "problem", role: "alert" });
  const content = h("div", {},
    h("form", { class: "stack", onsubmit: submit },
      h("label", { for: "invitee" }, "What the client is called from now on"), field,
      h("label", { for: "life" }, "How long the join string is good for"), life,
      problem,
      h("p", { class: "actions" }, h("button", { class: "primary", type: "submit" }, "Make the join string"))));
  dialog("Invite a client", content);
  field.focus();

  async function submit(event) {
    event.preventDefault();
    problem.textContent = "";
    try {
      show(await post(`clients/${part(field.value)}/invite`, { seconds: Number(life.value) }));
    } catch (error) { problem.textContent = error.message; }
  }

  function show({ client, joinString, expiry, code }) {
    const copied = h("span", { role: "status" });
    const command = `fed-client join '${joinString}'`;
    const copy = async () => {
      try {
        await navigator.clipboard.writeText(command);
        copied.textContent = " Copied.";
      } catch { copied.textContent = " Select it and copy it by hand."; }
    };
    replace(content,
      h("p", {}, "On the machine of ", h("strong", {}, client), ":"),
      h("pre", { class: "joinstring", tabindex: "0" }, command),
      h("p", {}, h("button", { type: "button", onclick: copy }, "Copy"), copied),
      drawing(code),
      h("p", { class: "faint" }, "Good once, until ", moment(expiry), ". Whoever has it becomes this client: hand it over as you would a password."));
  }
}
