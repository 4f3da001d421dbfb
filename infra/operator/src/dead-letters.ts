// `npm run -s dead-letters`: the work across services that does not get done, and another try for it.
// `list` ends with 0 when there is none, and with 1 when there is some, or it can't be told.

import { parseArgs } from "node:util";
import { Fault, invalid } from "@portcullis/chassis/fault";
import { redisUrl } from "@portcullis/chassis/redis";
import { runCommand } from "@portcullis/chassis/run";
import {
  type DeadJob,
  type DeadLetters,
  openDeadLetters,
  type StuckFollower,
} from "@portcullis/store/dead-letters";
import { z } from "zod";
import { databases, databaseVariable } from "./config.ts";

const usage = `npm run -s dead-letters -- list [--older-than SECONDS]
npm run -s dead-letters -- requeue ID... | --all

  list     jobs that failed for good, and logs that a follower has not followed: one a line, beginning with its ID
  requeue  tries these again, or all of them, at once

  --older-than  a follower that is merely behind, without having failed, is listed after so many seconds; 60
`;

const environment = z.object({ ...databases, REDIS_URL: redisUrl });

await runCommand("dead-letters", environment, async (given) => {
  const { positionals, values } = parsed();
  const [command, ...ids] = positionals;
  if (values.help) {
    process.stdout.write(usage);
    return;
  }
  if (command !== "list" && command !== "requeue")
    throw new Fault("invalid", "say list or requeue; --help says how");
  if (command === "list" ? ids.length > 0 || values.all : values.all === ids.length > 0) {
    throw new Fault("invalid", "list takes no ID; requeue takes some, or --all");
  }
  await using letters = await openDeadLetters({
    redisUrl: given.REDIS_URL,
    databaseUrls: {
      identity: given[databaseVariable.identity],
      groups: given[databaseVariable.groups],
      grants: given[databaseVariable.grants],
      tokens: given[databaseVariable.tokens],
    },
    patienceMs: secondsOf(values["older-than"]) * 1000,
  });
  if (command === "list") await list(letters);
  else await requeue(letters, values.all ? null : ids);
});

async function list(letters: DeadLetters): Promise<void> {
  for await (const letter of letters.list()) {
    process.stdout.write(`${oneLine(letter.kind === "dead job" ? jobText(letter) : followerText(letter))}\n`);
    process.exitCode = 1;
  }
  if (process.exitCode !== 1) process.stderr.write("nothing is dead or stuck\n");
}

async function requeue(letters: DeadLetters, given: readonly string[] | null): Promise<void> {
  const ids = [...(given ?? [])];
  // All are looked for first: what is tried again may fail and be listed anew.
  if (given === null) for await (const { id } of letters.list()) ids.push(id);
  for (const id of ids) {
    await letters.requeue(id);
    process.stdout.write(`${oneLine(id)}\n`);
  }
  process.stderr.write(`${ids.length} requeued\n`);
}

function jobText(job: DeadJob): string {
  return (
    `${job.id}  dead job: ${job.owner} of ${job.org} at ${job.position}; ` +
    `${job.attempts} attempts, the last at ${timeText(job.at)}: ${job.reason}`
  );
}

function followerText(stuck: StuckFollower): string {
  const waits = stuck.retryAt !== null && stuck.retryAt.getTime() > Date.now();
  const next = waits ? `not before ${timeText(stuck.retryAt)}` : "soon";
  const why =
    stuck.reason === null
      ? "no attempt was noted; is it running?"
      : `${stuck.attempts} attempts, the next ${next}: ${stuck.reason}`;
  return (
    `${stuck.id}  stuck follower: ${stuck.follower} follows ${stuck.source} of ${stuck.org} and is at ` +
    `${stuck.position} of ${stuck.head} since ${timeText(stuck.since)}; ${why}`
  );
}

function timeText(time: Date): string {
  return Number.isNaN(time.getTime()) ? "?" : time.toISOString();
}

/** What jobs hold was not made by us alone, and shall not steer a terminal. */
function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, " ");
}

function secondsOf(text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw invalid("--older-than", "must be a whole number of seconds");
  return Number(text);
}

function parsed() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        all: { type: "boolean", default: false },
        "older-than": { type: "string", default: "60" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : "wrong arguments";
    throw new Fault("invalid", `${reason}; --help says how`, { cause: error });
  }
}
