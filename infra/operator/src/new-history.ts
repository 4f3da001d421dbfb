// `npm run -s new-history`: after an owner's database was restored, and before its service starts again.

import { Fault } from "@portcullis/chassis/fault";
import { runCommand } from "@portcullis/chassis/run";
import { owners } from "@portcullis/policy";
import { beginNewHistory } from "@portcullis/store/new-history";
import { z } from "zod";
import { databases, databaseVariable } from "./config.ts";

const usage = `npm run -s new-history -- OWNER...

  OWNER  whose database was restored: ${owners.join(", ")}

Says in that database that its positions are not those that were handed out before. Without it decision services would
believe what they remember from after the backup.
`;

await runCommand("new-history", z.object(databases).partial(), async (given) => {
  const names = process.argv.slice(2);
  if (names.includes("--help")) {
    process.stdout.write(usage);
    return;
  }
  const restored = owners.filter((owner) => names.includes(owner));
  if (restored.length === 0 || restored.length !== names.length) {
    throw new Fault("invalid", `say whose database was restored: ${owners.join(", ")}; --help says more`);
  }
  for (const owner of restored) {
    const url = given[databaseVariable[owner]];
    if (url === undefined) throw new Fault("invalid", `${databaseVariable[owner]}: is required`);
    process.stdout.write(`${owner}: ${await beginNewHistory(url)}\n`);
  }
});
