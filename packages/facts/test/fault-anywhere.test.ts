import { expect, test } from "vitest";
import { minimizeLatency } from "../src/freshness.ts";
import { aliceIsMember, alicesGroups, crew, maxStalenessMs, project, ReadingWorld } from "./reading-world.ts";

// A fault at each call of an owner, one after the other, before it has read and after: a question is answered rightly or
// not at all, and the next one as if nothing had been.

const keys = [aliceIsMember, alicesGroups, project];
const consistencies = [minimizeLatency, { kind: "fully_consistent" } as const];
const granted = [{ kind: "user" }, [crew], { parent: null, alsoUnder: [], acls: [] }];
const revoked = [null, [], null];

/** Reads what was granted, lets all of it be taken away, and makes the call of that number fail. */
async function withFaultAt(
  number: number,
  when: "before" | "after",
  consistency: (typeof consistencies)[number],
): Promise<{ answer: unknown; next: unknown; calls: number }> {
  using world = new ReadingWorld();
  const { identity, groups, grants } = world.owners;
  identity.commit([[aliceIsMember, { kind: "user" }]]);
  groups.commit([[alicesGroups, [crew]]]);
  grants.commit([[project, { parent: null, alsoUnder: [], acls: [] }]]);
  expect(await world.values(keys)).toEqual(granted);
  identity.commit([[aliceIsMember, null]]);
  groups.commit([[alicesGroups, []]]);
  grants.commit([[project, null]]);
  world.now += maxStalenessMs + 1;
  let calls = 0;
  const fail = (): void => {
    calls += 1;
    if (calls === number) throw new Error(`call ${number} broke`);
  };
  for (const owner of Object.values(world.owners)) owner[when] = fail;
  const answer = await world.values(keys, consistency).catch(() => "none");
  for (const owner of Object.values(world.owners)) owner[when] = () => undefined;
  return { answer, next: await world.values(keys, { kind: "fully_consistent" }), calls };
}

test.each(["before", "after"] as const)("a fault %s any one read is never an old answer", async (when) => {
  for (const consistency of consistencies) {
    const { calls, answer } = await withFaultAt(0, when, consistency);
    expect(answer).toEqual(revoked);
    expect(calls).toBeGreaterThan(3);
    const unanswered: number[] = [];
    for (let number = 1; number <= calls; number++) {
      const outcome = await withFaultAt(number, when, consistency);
      expect([revoked, "none"], `a fault at call ${number}`).toContainEqual(outcome.answer);
      expect(outcome.next).toEqual(revoked);
      if (outcome.answer === "none") unanswered.push(number);
    }
    // The faults were felt: with all of them survived, nothing would have been tried.
    expect(unanswered.length).toBeGreaterThan(0);
  }
});
