// `.portcullis/operator.env`: how the operator's commands reach the databases and the Redis of this run. Holds passwords.

import { join } from "node:path";
import { type OwnerName, owners } from "./services.ts";
import { state, writePrivately } from "./state-folder.ts";

interface Servers {
  readonly databaseUrl: (owner: OwnerName) => string;
  readonly redisUrl: string;
}

export function writeOperatorEnv({ databaseUrl, redisUrl }: Servers): void {
  const databases = owners.map(
    (owner) => `PORTCULLIS_${owner.toUpperCase()}_DATABASE_URL=${databaseUrl(owner)}\n`,
  );
  writePrivately(join(state, "operator.env"), [...databases, `REDIS_URL=${redisUrl}\n`].join(""));
}
