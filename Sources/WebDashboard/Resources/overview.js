// What the server does now: clients, the job that runs, and every job.

import { part } from "./api.js";
import { chart } from "./charts.js";
import { course } from "./course.js";
import { h, replace, table } from "./dom.js";
import { count, decimal, moment, percent, percentTick, seconds, tick } from "./format.js";
import { invite } from "./invite.js";

/** A phase as a small coloured word. */
export function badge(phase) { return h("span", { class: `badge ${phase.replaceAll(" ", "-")}` }, phase); }

/** How far a job is. */
export function progress(summary) {
  return h("span", { class: "progress" },
    h("progress", { value: summary.committedRounds, max: Math.max(1, summary.rounds), "aria-label": "Rounds" }),
    h("span", {}, `${summary.committedRounds} / ${summary.rounds}`));
}

/** What happens in the round that is going on. */
export function openRound(open) {
  if (!open) return "";
  const since = seconds(Math.max(0, (Date.now() - new Date(open.openedAt)) / 1000));
  return `Round ${open.number} has been open for ${since}: ${open.accepted} of ${open.cohort} updates are in.`;
}

/** The held-out curve of a job: accuracy where it has one, else the loss. */
export function quality(rounds) {
  const hasAccuracy = rounds.some((round) => round.accuracy !== undefined);
  return {
    title: hasAccuracy ? "Held-out accuracy" : "Held-out loss",
    format: hasAccuracy ? percent : decimal,
    tick: hasAccuracy ? percentTick : tick,
    line: rounds.map((round) => [round.number, hasAccuracy ? round.accuracy : round.loss]),
  };
}

function tile(title, value, note) {
  return h("div", { class: "tile card" }, h("h2", {}, title), h("p", { class: "figure" }, value), h("p", { class: "faint" }, note));
}

export function overview() {
  const tiles = h("section", { class: "tiles", "aria-label": "Figures" });
  const current = h("section", { class: "current", hidden: true });
  const jobs = h("section", {});
  const element = h("div", {}, h("h1", { class: "unseen" }, "Overview"), tiles, current, h("h2", {}, "Jobs"), jobs);
  let shown;
  let curve;
  let points;

  async function showCurve(job) {
    const key = `${job.summary.id} ${job.summary.committedRounds} ${job.summary.phase}`;
    if (shown === key) return;
    shown = key;
    if (points?.id !== job.summary.id) points = { id: job.summary.id, course: course(`jobs/${part(job.summary.id)}`) };
    const rounds = await points.course.refresh();
    const { line, ...options } = quality(rounds);
    if (curve?.title !== options.title) {
      curve = { title: options.title, chart: chart(options) };
      current.querySelector(".curve").replaceChildren(curve.chart.element);
    }
    curve.chart.update([{ name: "all silos", points: line }]);
    performance.mark("curve");
  }

  function showCurrent(job) {
    current.hidden = !job;
    if (!job) return;
    if (!current.querySelector(".curve")) {
      replace(current, h("div", { class: "card headline" }), h("div", { class: "curve" }));
    }
    const { summary } = job;
    replace(current.querySelector(".headline"),
      h("h2", {}, h("a", { href: `#/jobs/${part(summary.id)}` }, summary.name), " ", badge(summary.phase)),
      progress(summary),
      h("p", {}, job.open ? openRound(job.open) : summary.reason || (summary.endedAt ? ["Ended ", moment(summary.endedAt), "."] : "Between two rounds.")));
    showCurve(job).catch(() => { shown = undefined; });
  }

  return {
    element,
    update(news) {
      const running = news.jobs.filter((job) => job.summary.phase === "running");
      const waiting = news.jobs.filter((job) => job.summary.phase === "pending").length;
      const { clients } = news;
      replace(tiles,
        tile("Connected", `${count(clients.connected)} of ${count(clients.enrolled)}`,
          clients.enrolled === 0 ? "No client is enrolled yet." : clients.revoked ? `${count(clients.revoked)} revoked` : "clients"),
        tile("Job", running[0]?.summary.name ?? "none runs", waiting ? `${waiting} waiting` : running[0] ? "is running" : "Submit one: fed-server job submit"),
        tile("Round", running[0] ? `${running[0].summary.committedRounds} of ${running[0].summary.rounds}` : "–", running[0] ? "committed" : ""),
        tile("Jobs", count(news.jobCount), "in all"));
      showCurrent(running[0] ?? news.jobs[0]);
      if (clients.enrolled === 0 && news.jobCount === 0) {
        replace(jobs, h("div", { class: "card" },
          h("p", {}, "Nothing has happened here yet. A federation begins with an invitation:"),
          h("p", {}, h("button", { class: "primary", type: "button", onclick: () => invite() }, "Invite a client"))));
        return;
      }
      replace(jobs,
        table("Jobs",
          [{ title: "Name" }, { title: "State" }, { title: "Rounds" }, { title: "Submitted", kind: "wide" }, { title: "Took", kind: "number wide" }],
          news.jobs.map(({ summary }) => [
            h("a", { href: `#/jobs/${part(summary.id)}` }, summary.name), badge(summary.phase), progress(summary),
            moment(summary.submittedAt),
            summary.startedAt && summary.endedAt ? seconds((new Date(summary.endedAt) - new Date(summary.startedAt)) / 1000) : "–",
          ]),
          "No job was submitted yet."),
        news.jobCount > news.jobs.length && h("p", { class: "faint" }, `The latest ${news.jobs.length} of ${count(news.jobCount)}.`));
    },
  };
}
