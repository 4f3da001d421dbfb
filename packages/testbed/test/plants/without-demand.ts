// Preloaded into a decision service that shall be wrong: it answers by what memory holds, however fresh it should be.

import { plant } from "./plant.ts";

const reader = "packages/facts/src/reader.ts";
plant(reader, "if (mark === null || !this.#demand.isMetBy(follow, this.#now)) {", "if (mark === null) {");
plant(
  reader,
  "if (this.#latest[owner] === unused || this.#demand.isMetBy(follow, this.#now)) continue;",
  "continue;",
);
