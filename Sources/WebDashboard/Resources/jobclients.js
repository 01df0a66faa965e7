// The clients of a job: what each did in one round, and the curves of single ones.

import { get, part } from "./api.js";
import { chart } from "./charts.js";
import { h, notify, replace, table } from "./dom.js";
import { bytes, count, decimal, figure, percent, percentTick, tick } from "./format.js";

/** So many clients are drawn at once; there are eight colours. */
const curveLimit = 8;
const pageSize = 20;

/** The figures of one client, by phase and name, over the rounds. */
function curves(measurements, phase, name) {
  return measurements.filter((figure) => figure.phase === phase && figure.name === name)
    .map((figure) => [figure.round, figure.value]);
}

export function jobClients(path) {
  const choice = h("select", { "aria-label": "Round", onchange: () => show(Number(choice.value)) });
  const search = h("input", { type: "search", placeholder: "Client", "aria-label": "Client", oninput: () => { offset = 0; draw(); } });
  const list = h("div", {});
  const held = {
    accuracy: chart({ title: "Held-out accuracy by client", format: percent, tick: percentTick }),
    loss: chart({ title: "Held-out loss by client", format: decimal, tick }),
    train: chart({ title: "Training loss by client", format: decimal, tick }),
  };
  const graphs = h("div", { class: "charts" }, held.accuracy.element, held.loss.element, held.train.element);
  const element = h("section", { hidden: true },
    h("h2", {}, "Clients"),
    h("p", { class: "filters" }, h("label", {}, "Round ", choice), search,
      h("span", { class: "faint" }, `Up to ${curveLimit} are drawn: choose them in the table.`)),
    list, graphs);
  let round;
  /** Whether the latest round is shown, whichever it is. */
  let follows = true;
  let seen;
  let clients = [];
  let offset = 0;
  /** Measurements of the clients that are drawn, by name. */
  const drawn = new Map();
  let hasChosen = false;

  async function show(number) {
    round = number;
    follows = choice.selectedIndex <= 0;
    try {
      const members = await get(`${path}/rounds/${number}`);
      // Another round may have been chosen meanwhile.
      if (round !== number) return;
      clients = members;
      // A few silos are all drawn unasked.
      if (!hasChosen && clients.length <= curveLimit) {
        for (const { client } of clients) if (!drawn.has(client) && drawn.size < curveLimit) drawn.set(client, []);
      }
      draw();
      await load();
    } catch (error) { notify(error.message); }
  }

  /** Asks for what is new of the clients that are drawn. The latest round may have been incomplete, so it is asked for again. */
  async function load() {
    await Promise.all([...drawn].map(async ([name, known]) => {
      const latest = known.at(-1)?.round ?? 0;
      const news = await get(`${path}/clients/${part(name)}`, { from: latest });
      if (drawn.has(name)) drawn.set(name, known.filter((figure) => figure.round < latest).concat(news));
    }));
    drawCurves();
  }

  function drawCurves() {
    const lines = (phase, name) => [...drawn].map(([client, measurements]) => ({ name: client, points: curves(measurements, phase, name) }));
    const accuracy = lines("evaluate", "accuracy");
    held.accuracy.update(accuracy);
    held.loss.update(accuracy.some((line) => line.points.length > 0) ? [] : lines("evaluate", "loss"));
    held.train.update(lines("train", "loss"));
  }

  function toggle(name, isWanted) {
    hasChosen = true;
    if (!isWanted) drawn.delete(name);
    else if (drawn.size < curveLimit) drawn.set(name, []);
    draw();
    load().catch((error) => notify(error.message));
  }

  function draw() {
    const wanted = search.value.trim().toLowerCase();
    const found = clients.filter(({ client }) => client.includes(wanted));
    // Another round, or another search, may have fewer pages.
    if (offset >= found.length) offset = 0;
    const page = found.slice(offset, offset + pageSize);
    const move = (by) => () => { offset += by; draw(); };
    replace(list,
      table("Clients of the round",
        [
          { title: "Draw" }, { title: "Client" }, { title: "Rank", kind: "number" }, { title: "Examples", kind: "number wide" },
          { title: "Train loss", kind: "number" }, { title: "Held out", kind: "number" }, { title: "Up", kind: "number wide" },
          { title: "Down", kind: "number wide" },
        ],
        page.map(({ client, rank, figures }) => {
          const sum = (name) => (figure(figures[`train/${name}`]) ?? 0) + (figure(figures[`evaluate/${name}`]) ?? 0);
          return [
            h("input", {
              type: "checkbox", checked: drawn.has(client), "aria-label": `Draw ${client}`,
              disabled: !drawn.has(client) && drawn.size >= curveLimit, onchange: (event) => toggle(client, event.target.checked),
            }),
            client, count(rank), count(figures["train/examples"]), decimal(figures["train/loss"]),
            figures["evaluate/accuracy"] === undefined ? decimal(figures["evaluate/loss"]) : percent(figures["evaluate/accuracy"]),
            bytes(sum("payload_bytes_up")), bytes(sum("payload_bytes_down")),
          ];
        }),
        wanted ? "No client of this round is called so." : "Nobody took part in this round."),
      found.length > pageSize && h("p", { class: "pager" },
        h("button", { type: "button", disabled: offset === 0, onclick: move(-pageSize) }, "Before"),
        h("span", {}, `${offset + 1}–${Math.min(found.length, offset + pageSize)} of ${count(found.length)}`),
        h("button", { type: "button", disabled: offset + pageSize >= found.length, onclick: move(pageSize) }, "Next")));
  }

  return {
    element,
    /** Takes note of the rounds that there are. */
    update(rounds) {
      const numbers = rounds.map((round) => round.number).toReversed();
      element.hidden = numbers.length === 0;
      if (numbers.length === 0) return;
      const key = `${numbers[0]} ${rounds.at(-1).isComplete}`;
      if (key === seen) return;
      seen = key;
      replace(choice, numbers.map((number) => h("option", { value: number }, number)));
      if (follows) round = numbers[0];
      choice.value = round;
      if (follows) show(round);
    },
  };
}
