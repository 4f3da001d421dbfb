// The change feed is one order of four logs. Worlds are made in which it is known what each event really came after,
// whatever it says of it, and their logs are read in any order, in stretches of any size, while they grow.

import { Fault } from "@portcullis/chassis/fault";
import { type Owner, owners } from "@portcullis/policy";
import fc from "fast-check";
import { expect, test } from "vitest";
import { MergedLogs, type Ordered, type Places } from "../src/feed/merged-logs.ts";

/** A commit: after so many of all commits its log was asked where the others stand, and whether each of them said so. */
interface Commit {
  readonly owner: Owner;
  readonly back: number;
  readonly says: readonly boolean[];
}

/** What to do next: read one log, a stretch of so many, when so many more commits were made; or tell so many events. */
type Step =
  | { readonly do: "read"; readonly owner: Owner; readonly most: number; readonly later: number }
  | { readonly do: "tell"; readonly most: number };

interface Happened extends Ordered<number> {
  readonly owner: Owner;
  /** How far each log stood when the change was asked for. */
  readonly after: Readonly<Record<Owner, number>>;
}

const commits = fc.array(
  fc.record({
    owner: fc.constantFrom(...owners),
    back: fc.nat({ max: 3 }),
    says: fc.array(fc.boolean(), { minLength: owners.length, maxLength: owners.length }),
  }),
  { minLength: 1, maxLength: 40 },
) satisfies fc.Arbitrary<Commit[]>;

const steps = fc.array(
  fc.oneof(
    fc.record({
      do: fc.constant("read" as const),
      owner: fc.constantFrom(...owners),
      most: fc.integer({ min: 1, max: 5 }),
      later: fc.nat({ max: 10 }),
    }),
    fc.record({ do: fc.constant("tell" as const), most: fc.integer({ min: 1, max: 5 }) }),
  ),
  { maxLength: 60 },
) satisfies fc.Arbitrary<Step[]>;

const incarnation = "first";
const nothing: Readonly<Record<Owner, number>> = { identity: 0, groups: 0, grants: 0, tokens: 0 };

/** `skewMs`: how far the clock of each owner's database is off. */
function happen(
  made: readonly Commit[],
  skewMs: readonly number[],
  knows: (says: boolean) => boolean,
): Happened[] {
  const heads = [nothing];
  return made.map(({ owner, back, says }, index) => {
    const now = heads[index] ?? nothing;
    const after = heads[Math.max(index - back, 0)] ?? nothing;
    const position = now[owner] + 1;
    heads.push({ ...now, [owner]: position });
    const others = owners.filter((other) => other !== owner);
    const dependsOn = others.map((other) => ({
      owner: other,
      place: knows(says[owners.indexOf(other)] ?? true) ? { incarnation, position: after[other] } : null,
    }));
    const atMs = index + (skewMs[owners.indexOf(owner)] ?? 0);
    return { owner, position, atMs, dependsOn, after, event: index };
  });
}

/** Goes through the logs as the steps say, and then to their end. Answers the events as they were told. */
function goThrough(happened: readonly Happened[], taken: readonly Step[], from = nothing): Happened[] {
  const placeIn = (owner: Owner) => ({ incarnation, position: from[owner] });
  const places: Places = {
    identity: placeIn("identity"),
    groups: placeIn("groups"),
    grants: placeIn("grants"),
    tokens: placeIn("tokens"),
  };
  const merged = new MergedLogs<number>(places);
  const told: Happened[] = [];
  let now = 0;
  let committed = 0;
  const read = (owner: Owner, most: number): void => {
    const askedAt = ++now;
    const { position } = merged.places()[owner];
    const events = happened
      .slice(0, committed)
      .filter((one) => one.owner === owner && one.position > position)
      .slice(0, most);
    merged.add(owner, { askedAt, answeredAt: ++now, events });
  };
  const tell = (most: number): boolean => {
    for (let count = 0; count < most; count++) {
      const next = merged.next();
      if (next === null) return count > 0;
      const one = happened[next.event];
      if (one !== undefined) told.push(one);
    }
    return true;
  };
  for (const step of taken) {
    if (step.do === "tell") {
      tell(step.most);
    } else if (merged.isTold(step.owner)) {
      committed = Math.min(committed + step.later, happened.length);
      read(step.owner, step.most);
    }
  }
  committed = happened.length;
  for (;;) {
    if (tell(1)) continue;
    const places = merged.places();
    const hasMore = (owner: Owner) =>
      merged.isTold(owner) &&
      happened.some((one) => one.owner === owner && one.position > places[owner].position);
    const unread = owners.filter((owner) => hasMore(owner) || merged.lacking().includes(owner));
    if (unread.length === 0) return told;
    for (const owner of unread) read(owner, 3);
  }
}

/** Events that were told before one that their change had come after. */
function toldTooEarly(
  told: readonly Happened[],
  counts: (one: Happened, other: Owner) => boolean,
  from = nothing,
) {
  const seen: Record<Owner, number> = { ...from };
  return told.filter((one) => {
    seen[one.owner] = one.position;
    return owners.some((other) => counts(one, other) && seen[other] < one.after[other]);
  });
}

const runs = { numRuns: 3000 };

test("every event is told once, each log in its order, and none before what it is known to come after", () => {
  const skews = fc.array(fc.integer({ min: -30, max: 30 }), { minLength: 4, maxLength: 4 });
  fc.assert(
    fc.property(
      commits,
      steps,
      skews,
      fc.record({ at: fc.nat({ max: 20 }) }),
      (made, taken, skewMs, { at }) => {
        const happened = happen(made, skewMs, (says) => says);
        const from = { ...nothing };
        for (const { owner, position } of happened.slice(0, at)) from[owner] = position;
        const told = goThrough(happened, taken, from);
        const behind = happened.slice(at);
        for (const owner of owners) {
          const of = (events: readonly Happened[]) => events.filter((one) => one.owner === owner);
          expect(of(told)).toEqual(of(behind));
        }
        const isKnown = (one: Happened, other: Owner) =>
          one.dependsOn.some(({ owner, place }) => owner === other && place !== null);
        expect(toldTooEarly(told, isKnown, from)).toEqual([]);
      },
    ),
    runs,
  );
});

test("where events do not say what they came after, it still comes first as far as clocks agree", () => {
  let uncertain = 0;
  fc.assert(
    fc.property(commits, steps, (made, taken) => {
      const happened = happen(made, [], (says) => says);
      uncertain += happened.filter(({ dependsOn }) => dependsOn.some(({ place }) => place === null)).length;
      const told = goThrough(happened, taken);
      expect(told).toHaveLength(happened.length);
      expect(toldTooEarly(told, () => true)).toEqual([]);
    }),
    runs,
  );
  expect(uncertain).toBeGreaterThan(runs.numRuns);
});

test("the same search finds what is told too early when events say nothing", () => {
  const careless = fc.property(commits, steps, (made, taken) => {
    const happened = happen(made, [], () => true).map((one) => ({ ...one, dependsOn: [] }));
    return toldTooEarly(goThrough(happened, taken), () => true).length === 0;
  });
  expect(fc.check(careless, runs).failed).toBe(true);
});

const nowhere: Places = {
  identity: { incarnation, position: 0 },
  groups: { incarnation, position: 0 },
  grants: { incarnation, position: 0 },
  tokens: { incarnation, position: 0 },
};

function eventAfter(place: { incarnation: string; position: number } | null): Ordered<string> {
  return { position: 1, atMs: 0, dependsOn: [{ owner: "groups", place }], event: "granted" };
}

test("an event waits for what it came after, and if that can't be there, nothing is told", () => {
  const merged = new MergedLogs<string>(nowhere);
  merged.add("grants", { askedAt: 1, answeredAt: 2, events: [eventAfter({ incarnation, position: 1 })] });
  expect(merged.next()).toBeNull();
  expect(merged.lacking()).toEqual(["identity", "groups", "tokens"]);
  // Asked before the event was seen, it may have been too early.
  merged.add("groups", { askedAt: 1, answeredAt: 3, events: [] });
  expect(merged.next()).toBeNull();
  merged.add("groups", { askedAt: 4, answeredAt: 5, events: [] });
  expect(() => merged.next()).toThrow(Fault);
});

test("a place in a history that has ended is as good as none", () => {
  const merged = new MergedLogs<string>(nowhere);
  merged.add("grants", {
    askedAt: 1,
    answeredAt: 2,
    events: [eventAfter({ incarnation: "zeroth", position: 99 })],
  });
  expect(merged.next()).toBeNull();
  for (const owner of ["identity", "groups", "tokens"] as const) {
    merged.add(owner, { askedAt: 3, answeredAt: 4, events: [] });
  }
  expect(merged.next()?.event).toBe("granted");
});

test("nothing is taken that does not follow what was told", () => {
  const merged = new MergedLogs<string>(nowhere);
  const second = { ...eventAfter(null), position: 2 };
  expect(() => merged.add("grants", { askedAt: 1, answeredAt: 2, events: [second] })).toThrow(
    /do not follow/,
  );
});
