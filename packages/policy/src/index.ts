export { type AccessDifference, accessDifference, type Pair, pairsIn } from "./access-difference.ts";
export * from "./administration.ts";
export * from "./catalog.ts";
export { reachable } from "./closure.ts";
export * from "./decide.ts";
export * from "./explain.ts";
export * from "./facts.ts";
export { decideFromAbove, missingFromAbove } from "./from-above.ts";
export { type GrantPath, grantPath } from "./grant-path.ts";
export { type GroupIndex, indexGroups, isInBuiltIn } from "./group-index.ts";
export { decideHandingOn, type HandingOn, type HandingOnDecided } from "./handing-on.ts";
export {
  asSomebodyIn,
  type Given,
  type HeldGrant,
  type HeldGrants,
  heldGrants,
  type ReachingGrant,
  type ReachingGrants,
  reachingGrants,
} from "./held-grants.ts";
export * from "./ids.ts";
export type { FactLookup, ParentsLookup } from "./lookup.ts";
export { missingAbout } from "./missing-facts.ts";
export { chainMax, isOnCycle, longestChain } from "./nesting.ts";
export * from "./permissions-on.ts";
export { lookupIn, missingAtAndAbove, type Piece, withFacts } from "./piece.ts";
export { type Change, ownersAtStake, type Proposed, proposed, type Refused } from "./proposal.ts";
export { type Block, type PlacedAcl, type Reach, reachOf, type Wanted, type Who } from "./reach.ts";
export { indexRoles, type RoleIndex } from "./role-index.ts";
export { decideWithin, letsSee, letsThrough } from "./scope.ts";
export { type Subjects, subjectsOf } from "./subjects.ts";
export { everyMemberMayRead, nearestKnownAbove, type Target } from "./tree.ts";
