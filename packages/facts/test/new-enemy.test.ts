// Somebody leaves a group, and then the group is granted something: the two live in logs of different owners, and nobody
// may see the second without the first. Real readers over two owners whose calls begin and end in any order, while both
// commit; what each commit came after is known here, whatever it says of it itself.

import type { Access, GroupId } from "@portcullis/policy";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Dependency, LogEntry } from "../src/source.ts";
import { alicesGroups, maxStalenessMs, org, project, ReadingWorld } from "./reading-world.ts";
import type { ScriptedOwner } from "./scripted-owner.ts";

const writers = ["groups", "grants"] as const;
type Writer = (typeof writers)[number];

/** What a commit says of where the other log stands. */
type Says = (other: ScriptedOwner, position: number) => readonly Dependency[];

const theTruth: Says = ({ owner, incarnation }, position) => [{ owner, place: { incarnation, position } }];
const notKnown: Says = ({ owner }) => [{ owner, place: null }];

type Step =
  | { readonly do: "commit"; readonly by: Writer; readonly isKnown: boolean }
  | { readonly do: "ask"; readonly kind: "minimize_latency" | "fully_consistent" }
  | { readonly do: "ring"; readonly by: Writer }
  | { readonly do: "wait"; readonly ms: number };

const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant("commit"), by: fc.constantFrom(...writers), isKnown: fc.boolean() }),
    fc.record({ do: fc.constant("ask"), kind: fc.constantFrom("minimize_latency", "fully_consistent") }),
    fc.record({ do: fc.constant("ring"), by: fc.constantFrom(...writers) }),
    fc.record({ do: fc.constant("wait"), ms: fc.constantFrom(1, 700, maxStalenessMs + 1) }),
  ),
  { minLength: 4, maxLength: 30 },
) as fc.Arbitrary<Step[]>;

test("no answer shows a change without what it came after", async () => {
  const met = await search({ known: theTruth, unknown: notKnown });
  // Answers that were decided before the latest commit must occur, or the search has looked at nothing.
  expect(met.answers).toBeGreaterThan(500);
  expect(met.behind).toBeGreaterThan(50);
}, 120_000);

test.each([
  ["nothing", { known: () => [], unknown: () => [] }],
  [
    "what a copy that lags behind says",
    {
      known: (other, position) => theTruth(other, Math.max(position - 1, 0)),
      unknown: (other, position) => theTruth(other, Math.max(position - 1, 0)),
    },
  ],
  ["nothing where it is not known", { known: theTruth, unknown: () => [] }],
] as const satisfies readonly (readonly [string, { known: Says; unknown: Says }])[])(
  "the same search finds an enemy if commits say %s",
  async (_, says) => {
    await expect(search(says, seedThatFinds)).rejects.toThrow(/seen without/);
  },
  120_000,
);

/** With another one it may take more runs than there are. */
const seedThatFinds = 4;

async function search({ known, unknown }: { known: Says; unknown: Says }, seed?: number) {
  const met = { answers: 0, behind: 0 };
  await fc.assert(
    fc.asyncProperty(steps, fc.scheduler(), async (script, scheduler) => {
      using world = new ReadingWorld();
      for (const writer of writers) {
        world.owners[writer].before = () => scheduler.schedule(Promise.resolve());
        world.owners[writer].after = () => scheduler.schedule(Promise.resolve());
      }
      /** For each commit, by its position, where the other log stood. */
      const cameAfter = { groups: [0], grants: [0] };
      const commit = ({ by, isKnown }: Step & { do: "commit" }): void => {
        const other = world.owners[by === "groups" ? "grants" : "groups"];
        const position = other.head(org);
        const dependsOn = (isKnown ? known : unknown)(other, position);
        commitNext(world.owners[by], dependsOn);
        cameAfter[by].push(position);
      };
      const enemies: string[] = [];
      const ask = async ({ kind }: Step & { do: "ask" }): Promise<void> => {
        const { result } = await world.read([alicesGroups, project], { kind });
        const seen = { groups: commitOf(result.values[0]), grants: commitOf(result.values[1]) };
        met.answers += 1;
        if (writers.some((writer) => seen[writer] < world.owners[writer].head(org))) met.behind += 1;
        for (const [one, other] of [writers, writers.toReversed()] as [Writer, Writer][]) {
          const needed = cameAfter[one][seen[one]] ?? 0;
          if (seen[other] < needed) {
            enemies.push(`${one} ${seen[one]} was seen without ${other} ${needed}, at ${seen[other]}`);
          }
        }
      };
      const asked: Promise<void>[] = [];
      for (const step of script) {
        if (step.do === "commit") commit(step);
        else if (step.do === "ask") asked.push(ask(step));
        else if (step.do === "ring") world.follows.hear(step.by, org, world.owners[step.by].head(org));
        else world.now += step.ms;
        // So that two things never happen at the same time on the clock.
        world.now += 0.001;
        await settle();
        if (scheduler.count() > 0) await scheduler.waitNext(1);
        world.now += 0.001;
        await settle();
      }
      await scheduler.waitFor(Promise.all(asked));
      if (enemies.length > 0) throw new Error(enemies.join("; "));
    }),
    { numRuns: 1500, endOnFailure: true, includeErrorInReport: true, ...(seed !== undefined && { seed }) },
  );
  return met;
}

/** Makes the owner's one fact say how many commits it has made. */
function commitNext(owner: ScriptedOwner, dependsOn: LogEntry["dependsOn"]): void {
  const position = owner.head(org) + 1;
  if (owner.owner === "groups") {
    owner.commit([[alicesGroups, Array.from({ length: position }, () => "crew" as GroupId)]], { dependsOn });
  } else {
    const below = { type: "project_group", id: project.object.id } as const;
    const value: Access = {
      parent: null,
      alsoUnder: Array.from({ length: position }, () => below),
      acls: [],
    };
    owner.commit([[project, value]], { dependsOn });
  }
}

function commitOf(value: unknown): number {
  if (Array.isArray(value)) return value.length;
  return (value as Access | null)?.alsoUnder.length ?? 0;
}

/** Lets everything run that waits for nothing from outside. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}
