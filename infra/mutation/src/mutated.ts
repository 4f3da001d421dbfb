/** What must be right, whatever else is wrong: the decision with its closures, and the rules that keep facts fresh. */
export const mutated: readonly string[] = [
  "packages/policy/src/decide.ts",
  "packages/policy/src/from-above.ts",
  "packages/policy/src/closure.ts",
  "packages/policy/src/group-index.ts",
  "packages/policy/src/role-index.ts",
  "packages/policy/src/acl-match.ts",
  "packages/policy/src/tree.ts",
  "packages/policy/src/missing-facts.ts",
  "packages/policy/src/scope.ts",
  "packages/policy/src/handing-on.ts",
  "packages/facts/src/register.ts",
  "packages/facts/src/freshness.ts",
  "packages/facts/src/prerequisite.ts",
  "packages/facts/src/follow.ts",
  "packages/facts/src/reader.ts",
  "packages/facts/src/places.ts",
];
