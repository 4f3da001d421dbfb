import { openLog } from "@portcullis/chassis/log";
import { connect } from "@portcullis/chassis/rpc/client";
import { implement, serve } from "@portcullis/chassis/rpc/server";
import type { FactKey, OrgId, PrincipalId } from "@portcullis/policy";
import { factsCallers } from "@portcullis/proto/callers";
import { FactsService } from "@portcullis/proto/facts/v1/facts";
import { afterEach, expect, test } from "vitest";
import { ownerOver } from "../src/owners.ts";

const serviceCredential = "x".repeat(32);
const org = crypto.randomUUID() as OrgId;
const key: FactKey = { kind: "member", org, principal: crypto.randomUUID() as PrincipalId };

let parts = new AsyncDisposableStack();
afterEach(async () => {
  await parts.disposeAsync();
  parts = new AsyncDisposableStack();
});

test("an owner that knows no LoadStream yet is asked by Load", async () => {
  const { load, heads, readLog } = FactsService;
  const older = implement({ load, heads, readLog }, factsCallers, {
    load: ({ keys }) => ({
      facts: keys.map((asked) => ({ key: asked, lo: 1, hi: 2, value: undefined })),
      incarnation: "older",
    }),
    heads: () => ({ positions: [], incarnation: "older" }),
    readLog: () => ({ events: [], head: 0, incarnation: "older" }),
  });
  const server = parts.use(
    await serve(
      { listen: "127.0.0.1:0", serviceCredential, descriptor: null, log: openLog("test", "silent") },
      [older],
    ),
  );
  const connection = parts.use(
    connect({ peer: "identity", address: server.address, service: "decision", serviceCredential }),
  );
  const owner = ownerOver(
    connection.stub(FactsService),
    connection.questions(FactsService.loadStream),
    "identity",
  );
  expect(await owner.load([key])).toEqual({
    incarnation: "older",
    facts: [{ key, lo: 1, hi: 2, value: null }],
  });
});
