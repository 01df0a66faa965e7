// The points of a job's curves. Those of complete rounds never change, so they are asked for once.

import { get } from "./api.js";

export function course(path) {
  let rounds = [];
  return {
    /** Asks for what is new, and returns all points there are. */
    async refresh() {
      const open = rounds.findIndex((round) => !round.isComplete);
      const kept = open < 0 ? rounds : rounds.slice(0, open);
      const news = await get(`${path}/rounds`, { from: (kept.at(-1)?.number ?? -1) + 1 });
      rounds = kept.concat(news.rounds);
      return rounds;
    },
  };
}
