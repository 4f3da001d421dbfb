// Preloaded into a decision service that shall be wrong: it answers by what memory holds, however fresh it should be.

import { plant } from "./plant.ts";

const reader = "packages/facts/src/reader.ts";
plant(
  reader,
  "share.mark = this.demand.isMetBy(follow, now) ? follow.mark : null;",
  "share.mark = follow.mark;",
);
plant(
  reader,
  "if (share.latest !== unused && !this.demand.isMetBy(share.follow, this.#now)) this.#mustMeet(share);",
  "",
);
