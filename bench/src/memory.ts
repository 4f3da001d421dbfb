// What a fact in decision's memory takes when there are a million. The owners are stand-ins that make the facts up, as a
// million real ones would take hours to write; Redis and decision are the real ones.

import { setTimeout as delay } from "node:timers/promises";
import { descriptor } from "@portcullis/chassis/descriptor";
import { openLog } from "@portcullis/chassis/log";
import { implement, serve } from "@portcullis/chassis/rpc/server";
import { loadStreamOver } from "@portcullis/facts/load-stream";
import { factKeyFromWire, factToWire } from "@portcullis/facts/wire";
import { freePort } from "@portcullis/one-machine/free-port";
import { throwawayPostgres } from "@portcullis/one-machine/postgres";
import { owners } from "@portcullis/policy";
import { factsCallers } from "@portcullis/proto/callers";
import { FactsService, type LoadRequest, type LoadResponse } from "@portcullis/proto/facts/v1/facts";
import { startSystem } from "@portcullis/testbed";
import { madeUpOrg, madeUpQuestion, madeUpValue } from "./made-up-facts.ts";
import { residentMegabytes } from "./resident.ts";
import { limited, type Row } from "./row.ts";

/** Each question reads two facts of its member; two questions read one experiment. */
const members = 400_000;
const experiments = members / 2;
const facts = 2 * members + experiments;
const batch = 500;
const atOnce = 2;
/** By these the process has taken what it needs to work at all. */
const warmUpMembers = 20_000;
/** Nothing was given back for so long. */
const quietSeconds = 15;
/** More than the facts hold ids, so that none is forgotten. */
const memoryIds = 4 * facts;

export async function memory(tell: (line: string) => void): Promise<Row[]> {
  await using parts = new AsyncDisposableStack();
  const postgres = parts.use(await throwawayPostgres());
  const ownersAddress = `127.0.0.1:${await freePort()}`;
  const system = parts.use(
    await startSystem({
      databaseServerUrl: postgres.url,
      services: ["decision"],
      environment: {
        PORTCULLIS_MEMORY_IDS: String(memoryIds),
        ...Object.fromEntries(
          owners.map((owner) => [`PORTCULLIS_${owner.toUpperCase()}_ADDRESS`, ownersAddress]),
        ),
      },
    }),
  );
  const loaded = { facts: 0 };
  parts.use(await serveMadeUpOwners(ownersAddress, system.serviceCredential, loaded));

  const ask = async (from: number, to: number): Promise<void> => {
    const starts = Array.from({ length: Math.ceil((to - from) / batch) }, (_, index) => from + index * batch);
    const rest = starts.values();
    const askOn = async (): Promise<void> => {
      for (const start of rest) {
        const checks = Array.from({ length: batch }, (_, index) =>
          madeUpQuestion(start + index, Math.floor((start + index) / 2)),
        );
        const { results } = await system.decision.batchCheck({
          orgId: madeUpOrg,
          checks,
          consistency: undefined,
        });
        const error = results.find((result) => result.error !== undefined)?.error;
        if (error !== undefined) throw new Error(`a question was not answered: ${error.message}`);
        if (start % 50_000 === 0) tell(`asked about ${start} members`);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, askOn));
  };
  await ask(0, warmUpMembers);
  const before = { megabytes: await settledMegabytes(system.pid("decision")), facts: loaded.facts };
  await ask(warmUpMembers, members);
  if (loaded.facts < facts) throw new Error(`only ${loaded.facts} of ${facts} facts were read`);
  const megabytes = await settledMegabytes(system.pid("decision"));
  const bytesEach = ((megabytes - before.megabytes) * 2 ** 20) / (loaded.facts - before.facts);
  return [
    limited("memory", bytesEach, 400, "bytes for each fact", [
      `${megabytes.toFixed(0)} MB with ${loaded.facts} facts, ${before.megabytes.toFixed(0)} MB with ${before.facts}`,
    ]),
  ];
}

/** What a process takes when it has had time to give back the garbage of its start and of its reads. */
async function settledMegabytes(pid: number): Promise<number> {
  let least = Infinity;
  for (let quiet = 0; quiet < quietSeconds; quiet++) {
    await delay(1000);
    const megabytes = residentMegabytes(pid);
    // A little always comes and goes.
    if (megabytes < least - 1) quiet = 0;
    least = Math.min(least, megabytes);
  }
  return least;
}

/** All owners in one. */
async function serveMadeUpOwners(listen: string, serviceCredential: string, loaded: { facts: number }) {
  const options = {
    listen,
    serviceCredential,
    authenticate: () => ({ kind: "other", principalId: "", orgId: madeUpOrg }) as const,
    descriptor: await descriptor(),
    log: openLog("bench", "warn"),
  };
  const incarnation = "bench";
  function load({ keys }: LoadRequest): LoadResponse {
    loaded.facts += keys.length;
    const facts = keys.map((key) => {
      const named = factKeyFromWire(key, "key");
      return factToWire(named, 0, 1, madeUpValue(named));
    });
    return { facts, incarnation };
  }
  return await serve(options, [
    implement(FactsService, factsCallers, {
      load,
      loadStream: loadStreamOver(load),
      heads: ({ orgIds }) => ({ positions: orgIds.map(() => 1), incarnation }),
      readLog: () => ({ events: [], head: 1, incarnation }),
    }),
  ]);
}
