// How much of things that came and went is left when only the young were collected, in bytes for each; once something that
// holds them has become old. `node --expose-gc outliving.ts map|open-streams`

import { getHeapStatistics } from "node:v8";
import { OpenStreams } from "../src/rpc/open-streams.ts";

const kept = process.argv[2] === "map" ? new Map<number, object>() : new OpenStreams<object>();
const atOnce = 8;
const things = 5000;

function comeAndGo(first: number): void {
  for (let id = first; id < first + things; id++) {
    kept.set(
      id,
      Array.from({ length: 100 }, () => id),
    );
    kept.delete(id - atOnce);
  }
}

comeAndGo(0);
gc?.();
const before = getHeapStatistics().used_heap_size;
comeAndGo(things);
for (let times = 0; times < 3; times++) gc?.({ type: "minor" });
process.stdout.write(String((getHeapStatistics().used_heap_size - before) / things));
