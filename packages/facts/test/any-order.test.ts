import type { FactKey } from "@portcullis/policy";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Consistency } from "../src/freshness.ts";
import { decodeRevision } from "../src/revision.ts";
import { aliceIsMember, bobIsMember, maxStalenessMs, org, ReadingWorld } from "./reading-world.ts";

// Real readers over memory and an owner, whose calls begin and end in any order, while the owner commits, the clock goes
// on and doorbells ring. Whatever is answered must have been true of one moment, and of one that is recent enough.

const members = [aliceIsMember, bobIsMember] as const satisfies readonly FactKey[];
const member = { kind: "user" } as const;

type Step =
  | { readonly do: "commit"; readonly key: 0 | 1; readonly byKind: boolean }
  | { readonly do: "ask"; readonly kind: Consistency["kind"]; readonly about: readonly (0 | 1)[] }
  | { readonly do: "ring" }
  | { readonly do: "wait"; readonly ms: number };

const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant("commit"), key: fc.constantFrom(0, 1), byKind: fc.boolean() }),
    fc.record({
      do: fc.constant("ask"),
      kind: fc.constantFrom("minimize_latency", "at_least_as_fresh", "fully_consistent"),
      about: fc.constantFrom([0], [1], [0, 1], [0, 1]),
    }),
    fc.record({ do: fc.constant("ring") }),
    fc.record({ do: fc.constant("wait"), ms: fc.constantFrom(1, 700, maxStalenessMs + 1) }),
  ),
  { minLength: 4, maxLength: 25 },
) as fc.Arbitrary<Step[]>;

test("an answer was true at one moment, no older than was asked for", async () => {
  const answered: Record<Consistency["kind"], number> = {
    minimize_latency: 0,
    at_least_as_fresh: 0,
    fully_consistent: 0,
  };
  let stale = 0;
  await fc.assert(
    fc.asyncProperty(steps, fc.scheduler(), async (script, scheduler) => {
      using world = new ReadingWorld();
      const { identity } = world.owners;
      identity.before = () => scheduler.schedule(Promise.resolve());
      identity.after = () => scheduler.schedule(Promise.resolve());
      let lastRevision = "";

      const ask = async ({ kind, about }: Step & { do: "ask" }): Promise<void> => {
        const keys = about.map((index) => members[index]);
        const start = world.now;
        const revision = decodeRevision(lastRevision);
        const consistency = kind === "at_least_as_fresh" ? { kind, revision } : { kind };
        const { result, revision: seen } = await world.read(keys, consistency);
        lastRevision = seen;
        const demanded = { consistency, askedAt: start, maxStalenessMs };
        const moments = identity.momentsFor(keys, demanded, world.now);
        expect(moments).toContain(JSON.stringify(result.values));
        if (moments.at(-1) !== JSON.stringify(result.values)) stale += 1;
        answered[kind] += 1;
      };

      const asked: Promise<void>[] = [];
      for (const step of script) {
        switch (step.do) {
          case "commit": {
            const key = members[step.key];
            const isMember = identity.valueAt(key, identity.head(org)) !== null;
            identity.commit([[key, isMember ? null : member]], { byKind: step.byKind });
            break;
          }
          case "ask":
            asked.push(ask(step));
            break;
          case "ring":
            world.follows.hear("identity", org, identity.head(org));
            break;
          case "wait":
            world.now += step.ms;
        }
        // So that two things never happen at the same time on the clock.
        world.now += 0.001;
        await settle();
        if (scheduler.count() > 0) await scheduler.waitNext(1);
        await settle();
      }
      await scheduler.waitFor(Promise.all(asked));
    }),
    { numRuns: 600 },
  );
  // Stale answers within the bound must occur, or the search has looked at nothing.
  for (const times of [stale, ...Object.values(answered)]) expect(times).toBeGreaterThan(100);
}, 120_000);

/** Lets everything run that waits for nothing from outside. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}
