import type { LogEntry } from "@portcullis/facts";
import type { CredentialDigest, FactKey, OrgId, PrincipalId } from "@portcullis/policy";
import { expect, test } from "vitest";
import { stretchFromWire, stretchToWire } from "../src/wire.ts";

const org = "0190a000-0000-7000-8000-000000000001" as OrgId;
const member: FactKey = {
  kind: "member",
  org,
  principal: "0190a000-0000-7000-8000-00000000000a" as PrincipalId,
};
const credential: FactKey = { kind: "credential", org, digest: "a".repeat(64) as CredentialDigest };

function passedOn(...entries: LogEntry[]): readonly LogEntry[] {
  return stretchFromWire(stretchToWire({ incarnation: "first", head: 9, entries })).entries;
}

test("a stretch arrives as it was sent", () => {
  const entry: LogEntry = {
    position: 7,
    touches: [member],
    kinds: ["roles"],
    dependsOn: [
      { owner: "groups", place: { incarnation: "second", position: 3 } },
      { owner: "grants", place: null },
    ],
  };
  expect(passedOn(entry)).toEqual([entry]);
});

test("no credential is named outside, and yet all are known to have changed", () => {
  const touching = { position: 8, touches: [member, credential], kinds: [], dependsOn: [] };
  const all = { position: 9, touches: [credential], kinds: ["credential"], dependsOn: [] };
  expect(passedOn(touching, all)).toEqual([
    { position: 8, touches: [member], kinds: ["credential"], dependsOn: [] },
    { position: 9, touches: [], kinds: ["credential"], dependsOn: [] },
  ]);
  expect(JSON.stringify(stretchToWire({ incarnation: "", head: 9, entries: [touching, all] }))).not.toContain(
    credential.digest,
  );
});
