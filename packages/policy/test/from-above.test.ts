// Who is asked about many objects is answered as if each had been asked about alone, and reads less.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decide,
  decideFromAbove,
  type FactKey,
  missingFromAbove,
  type ObjectRef,
  type Parents,
  type ParentsLookup,
  type Permission,
  type Question,
  type Target,
} from "../src/index.ts";
import { acl, ada, everything, org, organization, orgProject, ref, root } from "./acme.ts";
import { answeredOnDemand, loadedOnDemand } from "./loaded-on-demand.ts";
import { judge } from "./oracle.ts";
import { lookupOf, type OrganizationFacts, objectText } from "./organization-facts.ts";
import { sampling } from "./sampling.ts";
import { questionsAbout, targetsIn, worlds } from "./worlds.ts";

const search = ref("project", "search");
const tuned = ref("experiment", "tuned");
const { seed, numRuns } = sampling({ numRuns: 500 });

test(`the answer is that of the rule, whatever was loaded before, seed ${seed}`, { timeout: 300_000 }, () => {
  const counts = { allowed: 0, unread: 0, denied: 0 };
  const loadedBefore = fc.constantFrom<readonly FactKey["kind"][]>([], ["access"], ["member", "parents"]);
  fc.assert(
    fc.property(
      worlds(),
      fc.constantFrom(Infinity, 0, 1),
      loadedBefore,
      ({ nowMs, organizations: [facts] }, inAccess, kinds) => {
        if (facts === undefined) throw new Error("a world without an organisation");
        const whole = lookupOf(facts, inAccess);
        const targets = targetsIn(facts);
        const allows = judge(facts, { targets, nowMs });
        for (const question of questionsAbout(facts, { targets, nowMs })) {
          const { principal, permission, target } = question;
          const { result, rounds } = answeredOnDemand(whole, (lookup) =>
            decideFromAbove(question, {
              ...lookup,
              ...Object.fromEntries(kinds.map((kind) => [kind, whole[kind as keyof typeof whole]])),
            }),
          );
          if (result.allowed !== allows(principal, permission, target)) {
            throw new Error(`it says ${JSON.stringify(result)} to ${JSON.stringify(question)}`);
          }
          counts[result.allowed ? "allowed" : "denied"] += 1;
          if (!result.allowed) {
            // Which of two reasons is found first is told by what was loaded first.
            if (whole.member(principal) !== null) expect(result).toEqual(decide(question, whole));
          } else if (
            target.kind === "object" &&
            kinds.length === 0 &&
            !readsAclsOn(target.object, rounds.flat())
          ) {
            counts.unread += 1;
          }
        }
      },
    ),
    { seed, numRuns },
  );
  process.stdout.write(`decided from above: ${JSON.stringify(counts)}, seed ${seed}\n`);
  expect(counts.unread / counts.allowed).toBeGreaterThan(0.01);
});

function readsAclsOn({ type, id }: ObjectRef, keys: readonly FactKey[]): boolean {
  return keys.some(
    (key) => "object" in key && key.kind !== "parents" && key.object.type === type && key.object.id === id,
  );
}

describe("what is asked for", () => {
  const facts = organization({
    on: [
      [root, null, [acl({ to: ada, permission: "read" })]],
      [search, orgProject],
      [tuned, search, [acl({ to: ada, permission: "update" })]],
    ],
  });
  const subject = ["member", "memberships", "groups", "roles"];
  const top = ["access org_project acme", "access organization acme"];
  const above = [["parents experiment tuned", ...subject, ...top], ["access project search"]];

  test("leaves the ACLs on the object out where a grant above allows", () => {
    expect(roundsOf(facts, "read")).toEqual(above);
  });

  test("are the ACLs on the object in the end, where none above does", () => {
    expect(roundsOf(facts, "update")).toEqual([...above, ["access experiment tuned"]]);
    expect(roundsOf(facts, "delete")).toEqual([...above, ["access experiment tuned"]]);
  });

  test("is nothing of an object whose ACLs are loaded", () => {
    const question = questionOf("read");
    for (const memberships of [[], undefined]) {
      const lookup = { ...lookupOf(facts), memberships: () => memberships, parents: () => undefined };
      expect(decideFromAbove(question, lookup)).toEqual(decide(question, lookup));
    }
  });

  test("is nothing where it is decided without", () => {
    expect(decideFromAbove(questionOf("read"), { ...nothing, member: () => null })).toMatchObject({
      because: "not_a_member",
    });
  });

  test("of an organisation, which stands nowhere, are the ACLs on it in the end", () => {
    const question = { ...questionOf("read"), target: object(root) };
    const { rounds } = answeredOnDemand(lookupOf(facts), (lookup) => decideFromAbove(question, lookup));
    expect(textsOf(rounds)).toEqual([
      ["parents organization acme"],
      [...subject, "access organization acme"],
    ]);
  });

  const whole = lookupOf(facts);
  const parents = (each: ObjectRef) => whole.parents(each);
  const access = (each: ObjectRef) => whole.access(each);
  const said = ["groups", "roles"];
  test.each<readonly [string, Target, Partial<ParentsLookup>, readonly string[]]>([
    ["an object", object(tuned), {}, ["parents experiment tuned", ...said, ...top]],
    ["one whose place is known", object(tuned), { parents }, [...said, "access project search", ...top]],
    ["one that is not there", object(ref("experiment", "gone")), { parents }, [...said, ...top]],
    ["one whose ACLs are loaded", object(tuned), { access }, said],
    ["the organisation", object(root), {}, ["parents organization acme"]],
    [
      "a place",
      { kind: "place", type: "experiment", parent: search },
      {},
      [...said, "access project search", ...top],
    ],
  ])("whoever asks, is of %s what a decision takes first", (_, target, loaded, keys) => {
    expect(textsOf([missingFromAbove(org, target, { ...nothing, ...loaded })])).toEqual([keys]);
  });
});

/** All is granted on the organisation, and nothing below it. */
const grantedAbove = organization({
  on: [
    [root, null, [everything()]],
    [search, orgProject],
    [tuned, search],
  ],
});

test("that an object is public is told before what a grant above allows", () => {
  const facts = grantedAbove;
  const whole = lookupOf(facts);
  const publicly = { parent: search, alsoUnder: [], publicRead: true } as const;
  const lookup = { ...whole, access: apart(facts), parents: () => publicly };
  const question = questionOf("read");
  expect(decideFromAbove(question, lookup)).toEqual(decide(question, lookup));
  const loaded = { ...lookup, access: (each: ObjectRef) => apart(facts)(each) ?? { ...publicly, acls: [] } };
  expect(decideFromAbove(question, loaded)).toMatchObject({ allowed: true, because: "public" });
});

test("an object that does not stand where the tree has a place for it is not there", () => {
  const facts = organization({
    on: [
      [root, null, [everything()]],
      [search, root],
    ],
  });
  const question = { ...questionOf("read"), target: object(search) };
  expect(decide(question, lookupOf(facts))).toMatchObject({ because: "no_such_object" });
  expect(loadedOnDemand(lookupOf(facts), (lookup) => decideFromAbove(question, lookup))).toEqual(
    decide(question, lookupOf(facts)),
  );
});

test.each<readonly [string, (parents: Parents | null) => Parents | null]>([
  ["is gone", () => null],
  ["has no parent", (parents) => parents && { ...parents, parent: null }],
  ["is below what is not there", (parents) => parents && { ...parents, parent: ref("project", "gone") }],
])("a grant above lets do nothing with an object that %s", (_, changed) => {
  const facts = grantedAbove;
  const whole = lookupOf(facts);
  expect(decideFromAbove(questionOf("read"), { ...whole, access: apart(facts) })).toMatchObject({
    allowed: true,
  });
  const lookup = {
    ...whole,
    access: apart(facts),
    parents: (object: ObjectRef) => changed(whole.parents(object) ?? null),
  };
  expect(decideFromAbove(questionOf("read"), lookup)).not.toMatchObject({ allowed: true });
});

/** The access facts of all but the experiment. */
function apart(facts: OrganizationFacts) {
  const whole = lookupOf(facts);
  return (object: ObjectRef) => (objectText(object) === objectText(tuned) ? undefined : whole.access(object));
}

/** Nothing is loaded. */
const nothing: ParentsLookup = {
  member: () => undefined,
  memberships: () => undefined,
  groups: () => undefined,
  roles: () => undefined,
  access: () => undefined,
  parents: () => undefined,
  aclsNaming: () => undefined,
  acls: () => undefined,
};

function object(of: ObjectRef): Target {
  return { kind: "object", object: of };
}

function questionOf(permission: Permission): Question {
  return { org, principal: ada, permission, target: object(tuned), nowMs: 1000 };
}

function roundsOf(facts: OrganizationFacts, permission: Permission): readonly (readonly string[])[] {
  const { rounds } = answeredOnDemand(lookupOf(facts), (lookup) =>
    decideFromAbove(questionOf(permission), lookup),
  );
  return textsOf(rounds);
}

function textsOf(rounds: readonly (readonly FactKey[])[]): readonly (readonly string[])[] {
  return rounds.map((keys) =>
    keys.map((key) => ("object" in key ? `${key.kind} ${objectText(key.object)}` : key.kind)),
  );
}
