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
  ...[
    { original: 'consistency.kind === "minimize_latency"', replacement: "false" },
    { original: '"minimize_latency"', replacement: '""' },
  ].map((change) => ({
    file: "packages/facts/src/reader.ts",
    line: 'consistency.kind === "minimize_latency"',
    ...change,
    reason: "the same demand, made anew for each question",
  })),
  {
    file: "packages/facts/src/reader.ts",
    line: "spare?.organization === organization ? spare : new Reading(this.#options, organization, demand);",
    original: "spare?.organization === organization",
    replacement: "false",
    reason: "this only saves making one for each question",
  },
  {
    file: "packages/facts/src/reader.ts",
    line: "for (let attempts = 1; attempts < attemptsMax; attempts++) {",
    original: "attempts < attemptsMax",
    replacement: "attempts <= attemptsMax",
    reason: "a bound: one attempt more or less",
  },
  ...["true", "attempts >= 1"].map((replacement) => ({
    file: "packages/facts/src/reader.ts",
    line: "if (attempts > 1) asker.signal?.throwIfAborted();",
    original: "attempts > 1",
    replacement,
    reason: "whoever has gone already is told so a round earlier",
  })),
  {
    file: "packages/facts/src/reader.ts",
    line: "if (this.#unmet !== null || !this.#isOfOneMoment() || !this.#hasPrerequisites()) return false;",
    original: "this.#unmet !== null",
    replacement: "false",
    reason: "it is looked at once more in the end; this only saves the rest",
  },
  {
    file: "packages/facts/src/reader.ts",
    line: "if (requests[index]?.isAhead === true) continue;",
    original: "requests[index]?.isAhead",
    replacement: "requests[index].isAhead",
    reason: "each fact was asked for by a request; this is for the types",
  },
  ...[
    { original: "gen === undefined", replacement: "false" },
    { original: "mark?.incarnation", replacement: "mark.incarnation" },
  ].map((change) => ({
    file: "packages/facts/src/reader.ts",
    line: "if (gen === undefined || fact.incarnation !== mark?.incarnation) return false;",
    ...change,
    reason: "a log that was followed once has a mark, and no fact is of no incarnation",
  })),
  {
    file: "packages/facts/src/reader.ts",
    line: "if (fact.held?.gen !== gen) {",
    original: "fact.held?.gen !== gen",
    replacement: "true",
    reason: "this only saves preparing it for each who waits",
  },
  {
    file: "packages/facts/src/reader.ts",
    line: 'fact.held = { kind: "held", value: prepare(fact), lo: fact.lo, hi: fact.hi, gen };',
    original: '"held"',
    replacement: '""',
    reason: "what is offered to memory stands there as held, whatever it is called before",
  },
  ...[
    {
      original: "this.#shares.filter(({ latest }) => latest !== unused)",
      replacement: "this.#shares",
    },
    { original: "latest !== unused", replacement: "true" },
  ].map((change) => ({
    file: "packages/facts/src/reader.ts",
    line: "const ahead = this.#shares.filter(({ latest }) => latest !== unused);",
    ...change,
    reason: "a log need not be followed to where every log has been already",
  })),
  {
    file: "packages/facts/src/reader.ts",
    line: "if (lo > share.latest) share.latest = lo;",
    original: "lo > share.latest",
    replacement: "lo >= share.latest",
    reason: "the same place once more",
  },
];
