// How soon a sidecar answers after its start, and how much memory it takes with 100,000 facts. Its upstream is a stand-in
// that makes the facts up, so that nothing else takes memory or time here.

import { descriptor } from "@portcullis/chassis/descriptor";
import { openLog } from "@portcullis/chassis/log";
import { implement, serve } from "@portcullis/chassis/rpc/server";
import { newCredential } from "@portcullis/credential";
import { factKeyFromWire, factToWire } from "@portcullis/facts/wire";
import { upstreamCallers } from "@portcullis/proto/callers";
import { UpstreamService } from "@portcullis/proto/upstream/v1/upstream";
import { startSidecar } from "@portcullis/testbed";
import { madeUpOrg, madeUpQuestion, madeUpValue } from "./made-up-facts.ts";
import { residentMegabytes } from "./resident.ts";
import { limited, type Row } from "./row.ts";

const principals = 40_000;
const experiments = 20_000;
const batch = 500;

export async function sidecarFootprint(tell: (line: string) => void): Promise<Row[]> {
  await using parts = new AsyncDisposableStack();
  const upstream = parts.use(await serveMadeUpFacts());
  const before = performance.now();
  const sidecar = parts.use(
    await startSidecar({
      decisionAddress: upstream.address,
      serviceToken: newCredential("service_token", madeUpOrg).secret,
      environment: { PORTCULLIS_LOG_LEVEL: "info" },
    }),
  );
  const ask = (from: number) =>
    sidecar.decision.batchCheck({
      orgId: madeUpOrg,
      checks: Array.from({ length: batch }, (_, index) =>
        madeUpQuestion((from + index) % principals, (from + index) % experiments),
      ),
      consistency: undefined,
    });
  await ask(0);
  const startMs = performance.now() - before;
  for (let from = 0; from < principals; from += batch) await ask(from);
  const facts = 2 * principals + experiments;
  tell(`${facts} facts are in memory`);
  return [
    limited("sidecar-footprint: start", startMs, 1000, "ms to the first answers"),
    limited("sidecar-footprint: memory", residentMegabytes(sidecar.pid), 120, `MB with ${facts} facts`),
  ];
}

async function serveMadeUpFacts() {
  const options = {
    listen: "127.0.0.1:0",
    serviceCredential: null,
    authenticate: () => ({ kind: "other", principalId: "", orgId: madeUpOrg }) as const,
    descriptor: await descriptor(),
    log: openLog("bench", "warn"),
  };
  return await serve(options, [
    implement(UpstreamService, upstreamCallers, {
      load: ({ facts }) => ({
        facts: facts.map(({ key }) => {
          if (key === undefined) throw new Error("a fact without a key");
          const named = factKeyFromWire(key, "key");
          return { fact: factToWire(named, 0, 1, madeUpValue(named)), incarnation: "bench" };
        }),
      }),
      heads: ({ heads }) => ({ heads: heads.map(() => ({ incarnation: "bench", position: 1, ageMs: 0 })) }),
      readLog: () => ({ stretch: { incarnation: "bench", head: 1, entries: [] } }),
      async listenForNews(_request, call) {
        await new Promise((resolve) => call.signal.addEventListener("abort", resolve));
      },
      recordUses: () => ({}),
    }),
  ]);
}
