import { type OrgId, owners } from "@portcullis/policy";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decodeRevision,
  encodeRevision,
  historyOf,
  mergeRevisions,
  type Revision,
  type Seen,
} from "../src/revision.ts";

const org = "0190a000-0000-7000-8000-000000000001" as OrgId;
const seen = fc.record({
  owner: fc.constantFrom(...owners),
  history: fc.constantFrom("first", "second").map(historyOf),
  position: fc.oneof(fc.nat(5), fc.integer({ min: 0, max: 2 ** 48 - 1 })),
});
const revisions = fc
  .uniqueArray(seen, { selector: ({ owner, history }) => owner + history })
  .map((each): Revision => ({ org, seen: each }));

test("a token says what it was made of", () => {
  fc.assert(
    fc.property(revisions, (revision) => {
      expect(decodeRevision(encodeRevision(revision))).toEqual(revision);
    }),
  );
});

describe("a merged revision", () => {
  const positions = (revision: Revision) =>
    new Map(revision.seen.map(({ owner, history, position }) => [`${owner} ${history}`, position]));

  test("is as far as both, in each log and each history of it, and no further", () => {
    fc.assert(
      fc.property(revisions, revisions, (first, second) => {
        const merged = positions(mergeRevisions(first, second));
        const [one, other] = [positions(first), positions(second)];
        expect(new Set(merged.keys())).toEqual(new Set([...one.keys(), ...other.keys()]));
        for (const [log, position] of merged) {
          expect(position).toBe(Math.max(one.get(log) ?? 0, other.get(log) ?? 0));
        }
      }),
    );
  });
  test("is of one organisation", () => {
    const elsewhere = { org: "0190a000-0000-7000-8000-00000000000f" as OrgId, seen: [] as Seen[] };
    expect(() => mergeRevisions({ org, seen: [] }, elsewhere)).toThrow(/two organisations/);
  });
});

describe("what is no token is not read", () => {
  const token = encodeRevision({ org, seen: [{ owner: "groups", history: historyOf("i"), position: 3 }] });
  test.each([
    ["nothing", ""],
    ["another version", token.replace("v1.", "v2.")],
    ["a cut", token.slice(0, -2)],
    ["more at the end", `${token}AAAA`],
    ["other letters", `${token.slice(0, -1)}*`],
    ["white space", `${token} `],
    [
      "an unknown owner",
      `v1.${Buffer.concat([Buffer.alloc(16), Buffer.alloc(15, 9)]).toString("base64url")}`,
    ],
    ["far too much", `v1.${Buffer.alloc(16 + 15 * 65).toString("base64url")}`],
  ])("%s", (_what, text) => {
    expect(decodeRevision(text)).toBeNull();
  });
  test("and any text is safe to try", () => {
    fc.assert(fc.property(fc.string(), (text) => void decodeRevision(`v1.${text}`)));
  });
});
