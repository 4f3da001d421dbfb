// How soon a sidecar answers after its start, and how much memory it takes with 100,000 facts. Its upstream is a stand-in
// that makes the facts up, so that nothing else takes memory or time here.

import { descriptor } from "@portcullis/chassis/descriptor";
import { openLog } from "@portcullis/chassis/log";
import { implement, serve } from "@portcullis/chassis/rpc/server";
import { newCredential } from "@portcullis/credential";
import { factKeyFromWire, factToWire } from "@portcullis/facts/wire";
import type { FactKey, FactKind, FactValues, GroupId, ObjectId, OrgId } from "@portcullis/policy";
import { upstreamCallers } from "@portcullis/proto/callers";
import { UpstreamService } from "@portcullis/proto/upstream/v1/upstream";
import { startSidecar } from "@portcullis/testbed";
import { residentMegabytes } from "./resident.ts";
import { limited, type Row } from "./row.ts";

const org = "0190a000-0000-7000-8000-000000000001" as OrgId;
const group = "0190a000-0000-7000-8000-0000000000c1" as GroupId;
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
      serviceToken: newCredential("service_token", org).secret,
      environment: { PORTCULLIS_LOG_LEVEL: "info" },
    }),
  );
  const ask = (from: number) =>
    sidecar.decision.batchCheck({
      orgId: org,
      checks: Array.from({ length: batch }, (_, index) => ({
        orgId: "",
        who: { $case: "principalId", value: id("a", (from + index) % principals) },
        permission: "read",
        what: {
          $case: "object",
          value: { type: "experiment", id: id("e", (from + index) % experiments) },
        },
        consistency: undefined,
      })),
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

function id(kind: string, index: number): string {
  return `0190a000-0000-7000-8000-${kind}${index.toString(16).padStart(11, "0")}`;
}

async function serveMadeUpFacts() {
  const options = {
    listen: "127.0.0.1:0",
    serviceCredential: null,
    authenticate: () => ({ kind: "other", principalId: "", orgId: org }) as const,
    descriptor: await descriptor(),
    log: openLog("bench", "warn"),
  };
  return await serve(options, [
    implement(UpstreamService, upstreamCallers, {
      load: ({ facts }) => ({
        facts: facts.map(({ key }) => {
          if (key === undefined) throw new Error("a fact without a key");
          const named = factKeyFromWire(key, "key");
          return { fact: factToWire(named, 0, 1, valueOf(named)), incarnation: "bench" };
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

function valueOf(key: FactKey): FactValues[FactKind] {
  switch (key.kind) {
    case "member":
      return { kind: "user" };
    case "memberships":
      return [group];
    case "groups":
      return new Map([[group, { memberGroups: [], builtIn: null }]]);
    case "roles":
      return new Map();
    case "access": {
      const { type, id: object } = key.object;
      if (type === "organization") return { parent: null, acls: [], alsoUnder: [] };
      if (type === "project") {
        return { parent: { type: "organization", id: org as unknown as ObjectId }, acls: [], alsoUnder: [] };
      }
      const parent = {
        type: "project",
        id: id("f", Number.parseInt(object.slice(-11), 16) % 100) as ObjectId,
      } as const;
      return { parent, acls: [], alsoUnder: [] };
    }
    case "acls":
    case "acls_naming":
      return [];
    case "credential":
      return null;
  }
}
