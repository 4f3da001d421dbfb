// `npm run -s verify-log`: whether the owners' logs are still what was appended to them.
// Prints the head of each log; the exit code is 0 when all are whole, and 1 when one is not or can't be judged.

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Fault, invalid } from "@portcullis/chassis/fault";
import { uuid, word } from "@portcullis/chassis/fields";
import { runCommand } from "@portcullis/chassis/run";
import { type OrgId, owners } from "@portcullis/policy";
import { type NotedHead, type Verdict, verifyLogs } from "@portcullis/store/verification";
import { z } from "zod";
import { databases, databaseVariable } from "./config.ts";

const usage = `npm run -s verify-log -- [--org UUID] [--expect OWNER:ORG:POSITION:HASH]... [--expect-file FILE]

  --org          judges the logs of this organisation only
  --expect       a head as this command printed it earlier: the log must still hold it
  --expect-file  a file of such heads, one a line, as this command printed them

Prints the head of each log that is whole on standard output, and everything else on standard error.
`;

const progressEvery = 100_000;

interface Arguments {
  readonly org: OrgId | null;
  readonly noted: readonly NotedHead[];
}

await main();

async function main(): Promise<void> {
  await runCommand("verify-log", z.object(databases), async (given) => {
    const { org, noted } = readArguments();
    let broken = 0;
    let logs = 0;
    for (const owner of owners) {
      let told = 0;
      const verdicts = verifyLogs({
        owner,
        databaseUrl: given[databaseVariable[owner]],
        ...(org !== null && { org }),
        noted: noted.filter((head) => head.owner === owner && (org === null || head.org === org)),
        onProgress(events) {
          if (events - told < progressEvery) return;
          told = events;
          process.stderr.write(`${owner}: ${events} events so far\n`);
        },
      });
      for await (const verdict of verdicts) {
        logs += 1;
        if (verdict.flaw !== null) broken += 1;
        tell(verdict);
      }
    }
    process.stderr.write(
      broken === 0 ? `${logs} logs are whole\n` : `${broken} of ${logs} logs are broken\n`,
    );
    if (broken > 0) process.exitCode = 1;
  });
}

function tell({ owner, org, chainedFrom, head, flaw }: Verdict): void {
  if (flaw !== null) {
    process.stderr.write(`broken: ${owner} of ${org} at ${flaw.position}: ${flaw.what}: ${flaw.reason}\n`);
    return;
  }
  if (chainedFrom > 1) process.stderr.write(`${owner} of ${org}: its chain begins at ${chainedFrom}\n`);
  if (head !== null) process.stdout.write(`${owner}:${org}:${head.position}:${head.hash}\n`);
}

function readArguments(): Arguments {
  const { values } = parsed();
  if (values.help) {
    process.stdout.write(usage);
    process.exit(0);
  }
  const file = values["expect-file"];
  const lines = file === undefined ? [] : readFileSync(file, "utf8").split("\n").filter(Boolean);
  return {
    org: values.org === undefined ? null : uuid<OrgId>(values.org, "--org"),
    noted: [
      ...values.expect.map((text, index) => headOf(text, `--expect[${index}]`)),
      ...lines.map((text, index) => headOf(text, `line ${index + 1} of ${file}`)),
    ],
  };
}

function parsed() {
  const text = { type: "string" } as const;
  try {
    return parseArgs({
      options: {
        org: text,
        expect: { ...text, multiple: true, default: [] },
        "expect-file": text,
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : "wrong arguments";
    throw new Fault("invalid", `${reason}; --help says how`, { cause: error });
  }
}

function headOf(text: string, field: string): NotedHead {
  const [owner = "", org = "", position = "", hash = "", ...more] = text.split(":");
  if (!/^[1-9]\d{0,15}$/.test(position) || !/^[0-9a-f]{64}$/.test(hash) || more.length > 0) {
    throw invalid(field, "must be OWNER:ORG:POSITION:HASH, as this command prints it");
  }
  return {
    owner: word(owner, field, owners),
    org: uuid<OrgId>(org, field),
    position: Number(position),
    hash,
  };
}
