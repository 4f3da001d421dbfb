import { openLog } from "@portcullis/chassis/log";
import type { CredentialId, OrgId } from "@portcullis/policy";
import { expect, test } from "vitest";
import { CredentialUses } from "./credential-uses.ts";

const [org, another] = ["org", "another"] as OrgId[];
const id = "credential" as CredentialId;

/** What is told in the end of what was noted. */
async function told(...noted: readonly (readonly [org: OrgId | undefined, atMs: number])[]) {
  const all: string[] = [];
  const keeper = {
    recordUses: ({ uses }: { uses: readonly { orgId: string; at: Date }[] }) => {
      all.push(...uses.map((use) => `${use.orgId} ${use.at.getTime()}`));
      return Promise.resolve();
    },
  };
  {
    await using uses = new CredentialUses(keeper, openLog("test", "silent"));
    for (const [whose, atMs] of noted) if (whose !== undefined) uses.note(whose, id, atMs);
  }
  return all;
}

test("a use within a minute of one that was noted is not told, and a later one is", async () => {
  expect(await told([org, 1000], [org, 60_999])).toEqual(["org 1000"]);
  expect(await told([org, 1000], [org, 61_000])).toEqual(["org 61000"]);
});

test("who says to have used a credential of another organization hides no use of it", async () => {
  expect(await told([another, 1000], [org, 2000], [another, 3000])).toEqual(["another 3000", "org 2000"]);
});
