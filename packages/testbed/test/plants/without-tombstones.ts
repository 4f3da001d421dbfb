// Preloaded into a decision service that shall be wrong: its memory keeps what events have changed.

import { plant } from "./plant.ts";

plant("packages/facts/src/follow.ts", "memory.bury(advanced, this.org, news);", "");
