// One job: curves of its rounds, its budget, its rounds and clients, its adapter.

import { get, part, post, text } from "./api.js";
import { chart } from "./charts.js";
import { course } from "./course.js";
import { confirm, dialog, h, notify, replace, table } from "./dom.js";
import { bytes, bytesTick, count, decimal, epsilon, moment, percent, seconds, secondsTick, tick } from "./format.js";
import { jobClients } from "./jobclients.js";
import { badge, openRound, progress, quality } from "./overview.js";

/** How many rounds the table shows before it is asked for all. */
const tableRounds = 20;
/** How often figures are asked for at most, in milliseconds. */
const refreshInterval = 3000;

export function job(id) {
  const path = `jobs/${part(id)}`;
  const head = h("section", { class: "card headline" });
  const charts = h("section", { class: "charts", "aria-label": "Curves" });
  const budget = h("section", {});
  const roundTable = h("section", {});
  const members = jobClients(path);
  const element = h("div", {}, head, charts, budget, members.element, h("h2", {}, "Rounds"), roundTable);

  const loss = chart({ title: "Training loss", format: decimal, tick });
  const traffic = chart({ title: "Payload a round", format: bytes, tick: bytesTick, fromZero: true });
  const time = chart({ title: "Time a round", format: seconds, tick: secondsTick, fromZero: true });
  const spent = chart({ title: "ε so far", format: epsilon, tick, fromZero: true });
  const points = course(path);
  let current;
  let held;
  let rounds = [];
  let showsAll = false;
  let known;
  let standing;
  let isBusy = false;
  let isClosed = false;
  let pause;

  async function refresh() {
    const key = `${current.summary.committedRounds} ${current.summary.phase}`;
    if (known === key || isBusy || isClosed) return;
    isBusy = true;
    try {
      rounds = await points.refresh();
      standing = await get(`${path}/privacy`);
      // A job that runs will have figures, if it has none yet: those of its first adapter.
      const isDue = rounds.length === 0 && current.summary.phase === "running";
      known = !isDue && rounds.every((round) => round.isComplete) ? key : undefined;
      drawCurves();
      drawBudget();
      drawRounds();
      members.update(rounds);
      performance.mark("job");
    } catch (error) {
      notify(error.message);
    }
    // The page may have been left while figures were on their way.
    if (isClosed) return;
    // However fast rounds are, nobody reads faster.
    pause = setTimeout(() => {
      isBusy = false;
      refresh();
    }, refreshInterval);
  }

  function drawHead({ summary, open }) {
    const isOver = summary.phase !== "pending" && summary.phase !== "running";
    replace(head,
      h("h1", {}, summary.name, " ", badge(summary.phase)),
      progress(summary),
      h("p", {}, openRound(open) || summary.reason || (isOver ? ["Ended ", moment(summary.endedAt), "."] : "")),
      h("p", { class: "actions" },
        summary.startedAt && h("a", { class: "button primary", href: `/v1/${path}/adapter.tar`, download: true }, "Adapter (PEFT, .tar)"),
        h("a", { class: "button", href: `/v1/${path}/metrics?format=csv`, download: `${summary.name}.csv` }, "Figures (.csv)"),
        h("button", { type: "button", onclick: showFile }, "Job file"),
        !isOver && h("button", { type: "button", class: "danger", onclick: () => cancel(summary) }, "Cancel")),
      h("p", { class: "faint" }, "Submitted ", moment(summary.submittedAt), " as ", h("code", {}, summary.id)));
  }

  function curve(field) { return rounds.map((round) => [round.number, round[field]]); }

  function drawCurves() {
    const { line, ...options } = quality(rounds);
    if (held?.title !== options.title) {
      held = { title: options.title, chart: chart(options) };
      replace(charts, held.chart.element, loss.element, traffic.element, time.element, spent.element);
    }
    held.chart.update([{ name: "all silos", points: line }]);
    loss.update([{ name: "mean over examples", points: curve("trainingLoss") }]);
    traffic.update([
      { name: "from the server", points: rounds.map((round) => [round.number, round.traffic.down]) },
      { name: "from the clients", points: rounds.map((round) => [round.number, round.traffic.up]) },
    ]);
    time.update([{ name: "seconds", points: curve("seconds") }]);
    const spending = curve("epsilon");
    const limit = standing?.settings.epsilon_budget;
    spent.update([
      { name: "ε", points: spending },
      ...(limit && spending.some(([, value]) => value !== undefined)
        ? [{ name: "budget", dashed: true, color: 1, points: [[rounds[0].number, limit], [rounds.at(-1).number, limit]] }] : []),
    ]);
  }

  function drawBudget() {
    if (!standing) {
      replace(budget, h("p", { class: "notice" },
        "This job adds no noise. Its adapters are not private: texts have been reconstructed from LoRA updates."));
      return;
    }
    const { settings } = standing;
    const limit = settings.epsilon_budget;
    const silos = Object.entries(standing.silos).sort(([a], [b]) => a.localeCompare(b));
    replace(budget, h("h2", {}, "Privacy budget"), h("div", { class: "card" },
      h("p", {}, `ε ${epsilon(standing.epsilon)}${limit ? ` of ${epsilon(limit)}` : ""} at δ = ${settings.delta}, ${settings.mechanism}`,
        standing.coveredRounds === undefined || standing.coveredRounds === null ? "." : `; ${count(standing.coveredRounds)} more rounds are covered.`),
      limit && h("meter", { min: 0, max: limit, value: Math.min(limit, standing.epsilon), high: 0.8 * limit, "aria-label": "ε spent" }),
      h("p", { class: "faint" }, `Clipping norm ${settings.clipping_norm}, noise multiplier ${settings.noise_multiplier}.`),
      silos.length > 0 && table("ε by silo", [{ title: "Silo" }, { title: "ε", kind: "number" }],
        silos.map(([name, value]) => [name, epsilon(value)]), "")));
  }

  function drawRounds() {
    const isCharged = rounds.some((round) => round.epsilon !== undefined);
    const latest = rounds.toReversed();
    const shown = showsAll ? latest : latest.slice(0, tableRounds);
    replace(roundTable,
      table("Rounds",
        [
          { title: "Round", kind: "number" }, { title: "Clients", kind: "number" }, { title: "Train loss", kind: "number" },
          { title: "Held out", kind: "number" }, { title: "Up", kind: "number wide" }, { title: "Down", kind: "number wide" },
          { title: "Took", kind: "number wide" }, ...(isCharged ? [{ title: "ε so far", kind: "number" }] : []),
        ],
        shown.map((round) => [
          round.number, count(round.clients), decimal(round.trainingLoss),
          round.accuracy === undefined ? decimal(round.loss) : percent(round.accuracy),
          bytes(round.traffic.up), bytes(round.traffic.down), seconds(round.seconds), ...(isCharged ? [epsilon(round.epsilon)] : []),
        ]),
        "No round is complete yet."),
      latest.length > shown.length && h("p", {}, h("button", {
        type: "button",
        onclick: () => { showsAll = true; drawRounds(); },
      }, `Show all ${latest.length} rounds`)));
  }

  async function showFile() {
    try {
      dialog("Job file", h("pre", { tabindex: "0" }, await text(`${path}/file`)));
    } catch (error) { notify(error.message); }
  }

  async function cancel(summary) {
    if (!await confirm("Cancel this job?", `The adapter that round ${summary.committedRounds} of ${summary.name} left can still be downloaded; the job cannot be continued.`, "Cancel the job")) return;
    try { await post(`${path}/cancel`); } catch (error) { notify(error.message); }
  }

  return {
    element,
    async update(news) {
      current = news.jobs.find((candidate) => candidate.summary.id === id);
      if (!current) {
        try {
          current = { summary: (await get(path)).summary };
        } catch (error) {
          replace(element, h("p", { class: "notice" }, error.message));
          return;
        }
      }
      drawHead(current);
      refresh();
    },
    close() {
      isClosed = true;
      clearTimeout(pause);
    },
  };
}
