import { randomUUID } from "node:crypto";
import { createOrganization } from "@portcullis/admin-service/create-organization";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type System, startSystem } from "../src/system.ts";

// A request's id, from the first door through all hops: into the logs of every process it came through, and into the event.

let system: System;
beforeAll(async () => {
  system = await startSystem({
    databaseServerUrl: inject("databaseUrl"),
    environment: { PORTCULLIS_LOG_LEVEL: "debug" },
  });
});
afterAll(() => system[Symbol.asyncDispose]());

test("the id that a client sends stands in the answer, in every log on the way, and in the event", async () => {
  const { orgId, ownerKey } = await createOrganization(system, {
    name: randomUUID(),
    owner: { email: `${randomUUID()}@example.com` },
  });
  const requestId = `trace-${randomUUID()}`;
  const response = await fetch(`${system.adminUrl}/v1/group`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${ownerKey}`,
      "content-type": "application/json",
      "x-request-id": requestId,
    },
    body: JSON.stringify({ name: "Traced" }),
  });
  expect(response.status).toBe(200);
  expect(response.headers.get("x-request-id")).toBe(requestId);
  for (const service of ["admin", "decision", "groups", "grants"] as const) {
    await expect.poll(() => system.output(service), { message: service }).toContain(requestId);
  }
  const { events } = await system.facts.groups.readLog({ orgId, after: 0, limit: 0 });
  expect(events.at(-1)?.context?.requestId).toBe(requestId);
});

test("a refusal too can be followed by its id", async () => {
  const requestId = `trace-${randomUUID()}`;
  const answer = await fetch(`${system.adminUrl}/v1/group`, {
    headers: { authorization: "Bearer sk-nonsense", "x-request-id": requestId },
  });
  expect(answer.status).toBe(401);
  await expect.poll(() => system.output("decision")).toContain(requestId);
});
