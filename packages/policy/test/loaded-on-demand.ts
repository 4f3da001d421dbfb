import { type FactKey, isNeeds, type Needs, type ParentsLookup } from "../src/index.ts";

const roundsMax = 10;

/** What an evaluation answers when it is given nothing but what it asks for; it must ask for something new each time. */
export function loadedOnDemand<Result extends object>(
  whole: ParentsLookup,
  evaluate: (lookup: ParentsLookup) => Result | Needs,
): Result {
  return answeredOnDemand(whole, evaluate).result;
}

/** The same, with what it asked for, round by round. */
export function answeredOnDemand<Result extends object>(
  whole: ParentsLookup,
  evaluate: (lookup: ParentsLookup) => Result | Needs,
): { readonly result: Result; readonly rounds: readonly (readonly FactKey[])[] } {
  const rounds: (readonly FactKey[])[] = [];
  const loaded = new Set<string>();
  for (let round = 0; round < roundsMax; round++) {
    const step = evaluate(only(loaded, whole));
    if (!isNeeds(step)) return { result: step, rounds };
    rounds.push(step.keys);
    const fresh = step.keys.map(keyText).filter((key) => !loaded.has(key));
    if (fresh.length === 0) throw new Error("it asks for what it has");
    for (const key of fresh) loaded.add(key);
  }
  throw new Error("it never has enough");
}

function keyText({ org: _org, ...key }: FactKey): string {
  return JSON.stringify(key);
}

/** The facts that were loaded, and no others. */
function only(loaded: ReadonlySet<string>, whole: ParentsLookup): ParentsLookup {
  const has = (key: object) => loaded.has(JSON.stringify(key));
  return {
    member: (principal) => (has({ kind: "member", principal }) ? whole.member(principal) : undefined),
    memberships: (principal) =>
      has({ kind: "memberships", principal }) ? whole.memberships(principal) : undefined,
    groups: () => (has({ kind: "groups" }) ? whole.groups() : undefined),
    roles: () => (has({ kind: "roles" }) ? whole.roles() : undefined),
    access: (object) => (has({ kind: "access", object }) ? whole.access(object) : undefined),
    parents: (object) => (has({ kind: "parents", object }) ? whole.parents(object) : undefined),
    aclsNaming: (object, subject) =>
      has({ kind: "acls_naming", object, subject }) ? whole.aclsNaming(object, subject) : undefined,
    acls: (object) => (has({ kind: "acls", object }) ? whole.acls(object) : undefined),
  };
}
