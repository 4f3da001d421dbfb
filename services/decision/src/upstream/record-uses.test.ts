import { Metadata } from "@grpc/grpc-js";
import type { Fault } from "@portcullis/chassis/fault";
import { expect, test } from "vitest";
import { recordUses } from "./record-uses.ts";

const orgId = "a0000000-0000-4000-8000-00000000000a";
const id = "c0000000-0000-4000-8000-000000000001";
const call = {
  requestId: "test",
  deadlineMs: null,
  signal: new AbortController().signal,
  caller: { kind: "other", principalId: id, orgId },
  metadata: new Metadata(),
} as const;

/** What is passed on of a use at this time. */
function passedOn(seconds: number): number[] {
  const told: number[] = [];
  const at = new Date(seconds * 1000);
  recordUses((_org, _id, atMs) => told.push(atMs), { uses: [{ orgId, id, at }] }, call);
  return told;
}

test("a time that no clock shows is refused, as it would keep those of others from being told", () => {
  for (const seconds of [Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER, -1]) {
    expect(() => passedOn(seconds)).toThrow(
      expect.objectContaining<Partial<Fault>>({ kind: "invalid", field: "uses[0].at" }),
    );
  }
});

test("a time that has not come yet is now", () => {
  const before = Date.now();
  const [at = 0, earlier] = [...passedOn(before / 1000 + 1e6), ...passedOn(0)];
  expect(at).toBeGreaterThanOrEqual(before);
  expect(at).toBeLessThanOrEqual(Date.now());
  expect(earlier).toBe(0);
});
