/** A mutant that no test can tell from the original, and why that is so. */
export interface Excuse {
  readonly file: string;
  /** The line that it changes, without the space around it. */
  readonly line: string;
  readonly original: string;
  readonly replacement: string;
  readonly reason: string;
}

/** What may live on. A run fails on any other, and on any of these that does not live any more. */
export const survivors: readonly Excuse[] = [
  {
    file: "packages/policy/src/decide.ts",
    line: "let isPublic = false;",
    original: "false",
    replacement: "true",
    reason: "the first turn of the loop sets it, or nothing is decided",
  },
  {
    file: "packages/policy/src/decide.ts",
    line: "if (found) return found;",
    original: "found",
    replacement: "false",
    reason: "`either` keeps the first that is found; this only ends the search",
  },
  {
    file: "packages/policy/src/tree.ts",
    line: "if (standing.parent === null) return null;",
    original: "standing.parent === null",
    replacement: "false",
    reason: "no parent that is named has no type; this is for the types",
  },
  ...[
    { original: 'decision.kind === "needs"', replacement: "false" },
    { original: '"needs"', replacement: '""' },
  ].map((change) => ({
    file: "packages/policy/src/scope.ts",
    line: 'if (scope === null || decision.kind === "needs" || !decision.allowed) return decision;',
    ...change,
    reason: "what needs facts is not allowed either",
  })),
  {
    file: "packages/policy/src/scope.ts",
    line: "if (start === null) return false;",
    original: "start === null",
    replacement: "false",
    reason: "above nothing there is nothing; this is for the types",
  },
  {
    file: "packages/policy/src/group-index.ts",
    line: "if (remembered + closure.size > rememberedMax) {",
    original: "remembered + closure.size > rememberedMax",
    replacement: "remembered + closure.size >= rememberedMax",
    reason: "a bound of memory: one group id more or less",
  },
  {
    file: "packages/policy/src/role-index.ts",
    line: "for (const member of reachable([role], (each) => node(each)?.memberRoles ?? [])) {",
    original: "[]",
    replacement: '["Stryker was here"]',
    reason: "a role that is not there would lead to another that is not there",
  },
  {
    file: "packages/facts/src/prerequisite.ts",
    line: "const further = before !== null && before.position > place.position ? before : place;",
    original: "before.position > place.position",
    replacement: "before.position >= place.position",
    reason: "two places of one history at one position are the same",
  },
  {
    file: "packages/facts/src/freshness.ts",
    line: "this.#seen = revision?.seen ?? [];",
    original: "[]",
    replacement: '["Stryker was here"]',
    reason: "a place of no owner is nobody's",
  },
  {
    file: "packages/facts/src/freshness.ts",
    line: 'this.#fully = new Set(consistency.kind === "minimize_latency" || revision !== null ? [] : owners);',
    original: "[]",
    replacement: '["Stryker was here"]',
    reason: "no owner has that name",
  },
  {
    file: "packages/facts/src/freshness.ts",
    line: "if (mark === null || follow.confirmedAt < this.#since(follow.owner, now)) return false;",
    original: "mark === null",
    replacement: "false",
    reason: "what has no mark was never confirmed",
  },
  {
    file: "packages/facts/src/freshness.ts",
    line: "if (this.#seen.length === 0) return true;",
    original: "this.#seen.length === 0",
    replacement: "false",
    reason: "nothing seen is nothing demanded; this only saves the work",
  },
  {
    file: "packages/facts/src/freshness.ts",
    line: "if (follow.mark === null || follow.confirmedAt < since) await follows.confirm(follow, since);",
    original: "follow.mark === null",
    replacement: "false",
    reason: "what has no mark was never confirmed",
  },
  {
    file: "packages/facts/src/freshness.ts",
    line: "if (this.#seen.length === 0 || this.#fully.has(owner)) return none;",
    original: "this.#seen.length === 0",
    replacement: "false",
    reason: "filtering nothing yields nothing; this only saves the work",
  },
];
