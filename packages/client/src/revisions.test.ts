import { encodeRevision, historyOf } from "@portcullis/facts/revision";
import type { OrgId } from "@portcullis/policy";
import { expect, test } from "vitest";
import { freshest, mergedRevision, sawRevision, seenRevision, withOwnRevisions } from "./revisions.ts";

const org = "0190a000-0000-7000-8000-000000000001" as OrgId;
const other = "0190a000-0000-7000-8000-000000000002" as OrgId;
const seen = (owner: "groups" | "grants", position: number) =>
  ({ owner, history: historyOf("first"), position }) as const;
const at = (owner: "groups" | "grants", position: number, of = org) =>
  encodeRevision({ org: of, seen: [seen(owner, position)] });

test("what was seen of two owners is seen of both, and the later place of one", () => {
  const merged = mergedRevision(mergedRevision(at("groups", 3), at("grants", 7)), at("groups", 2));
  const both = { org, seen: [seen("groups", 3), seen("grants", 7)] };
  expect(merged).toBe(encodeRevision(both));
  expect(mergedRevision(null, at("groups", 3))).toBe(at("groups", 3));
});

test("what can't be merged asks for the freshest answer, and goes on doing so", () => {
  expect(mergedRevision(at("groups", 3), "v9.unknown")).toBe(freshest);
  expect(mergedRevision(at("groups", 3), at("groups", 3, other))).toBe(freshest);
  expect(mergedRevision(freshest, at("groups", 3))).toBe(freshest);
});

test("each piece of work has seen its own, and nothing is seen outside of one", async () => {
  sawRevision(at("groups", 1));
  expect(seenRevision()).toBeNull();
  const revisions = await Promise.all(
    [1, 2].map((position) =>
      withOwnRevisions(async () => {
        sawRevision(at("groups", position));
        await Promise.resolve();
        return seenRevision();
      }),
    ),
  );
  expect(revisions).toEqual([at("groups", 1), at("groups", 2)]);
});
