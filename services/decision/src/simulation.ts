// What changes would change: finds out whose access they can reach, reads the facts of that piece of the organisation
// once, and compares what is decided over them with what would be decided after the changes.

import { setImmediate } from "node:timers/promises";
import {
  type AccessDifference,
  accessDifference,
  type Block,
  type Change,
  type FactKey,
  type FactKind,
  type FactValues,
  type GroupId,
  lookupIn,
  missingAtAndAbove,
  type ObjectId,
  type ObjectRef,
  type OrgId,
  ownersAtStake,
  type Piece,
  type PlacedAcl,
  type PrincipalId,
  pairsIn,
  proposed,
  type Refused,
  reachOf,
  type Wanted,
  withFacts,
} from "@portcullis/policy";

/** What is around the changes, as the owners know it. All that one simulation is told must be of one moment. */
export interface Surroundings {
  /** In the order of the keys. */
  load(keys: readonly FactKey[]): Promise<readonly FactValues[FactKind][]>;
  /** Those in the closures of the groups. */
  principalsIn(groups: ReadonlySet<GroupId>, limit: number): Promise<UpTo<PrincipalId>>;
  /** The ACLs that name one of these principals or groups, or grant one of these roles. */
  aclsNaming(wanted: Wanted, limit: number): Promise<UpTo<PlacedAcl>>;
  /** What stands below any of these, nearest first; but no groups and roles. */
  objectsBelow(objects: readonly ObjectRef[], limit: number): Promise<UpTo<ObjectRef>>;
  /** The objects that every member may read. */
  publicObjects(limit: number): Promise<UpTo<ObjectRef>>;
}

/** As many as were asked for, and whether there are more. */
export interface UpTo<Item> {
  readonly items: readonly Item[];
  readonly isCut: boolean;
}

/** How much one simulation looks at. */
export interface SimulationLimits {
  readonly acls: number;
  readonly principals: number;
  readonly objects: number;
  readonly pairs: number;
}

/** A limit that was met: beyond it nothing was looked at. */
type CutOff = keyof SimulationLimits;

export interface Simulated {
  readonly differences: readonly AccessDifference[];
  readonly pairsExamined: number;
  /** Empty: these are all differences that there are. */
  readonly cutOff: readonly CutOff[];
}

/** What was read of an organisation for a simulation: all that comparing takes. */
export interface Scene {
  readonly kind: "scene";
  readonly before: Piece;
  readonly after: Piece;
  readonly blocks: readonly Block[];
  readonly principals: readonly PrincipalId[];
  readonly objects: readonly ObjectRef[];
  readonly cutOff: ReadonlySet<CutOff>;
}

/** So many in Owners are looked at to see whether one would be left. */
const ownersMax = 1000;
/** So many pairs are compared before other questions get their turn. */
const pairsAtOnce = 20;

/** Finds out whose access the changes can reach, if they were made one after the other, and reads what that takes. */
export async function look(
  org: OrgId,
  changes: readonly Change[],
  around: Surroundings,
  { limits, nowMs }: { readonly limits: SimulationLimits; readonly nowMs: number },
): Promise<Scene | Refused> {
  const cutOff = new Set<CutOff>();
  const upTo = <Item>({ items, isCut }: UpTo<Item>, limit: CutOff): readonly Item[] => {
    if (isCut || items.length > limits[limit]) cutOff.add(limit);
    return items.slice(0, limits[limit]);
  };

  const named = [...new Set(changes.flatMap(principalsNamed))];
  let piece = emptyPiece(org);
  piece = await withLoaded(piece, [...wholeFacts(org), ...principalFacts(piece, named)], around);
  piece = await withObjects(piece, changes.flatMap(objectsNamed), around);
  const atStake = ownersAtStake(piece, changes);
  const owners = atStake.size === 0 ? nothing : await around.principalsIn(atStake, ownersMax);
  piece = await withLoaded(piece, principalFacts(piece, owners.items), around);
  const made = () => proposed(piece, changes, { nowMs, areOwnersAll: !owners.isCut });
  const outcome = made();
  if (outcome.kind === "refused") return outcome;

  const reach = reachOf(changes, piece, outcome.piece);
  const isThroughAcls = Object.values(reach.wanted).some(({ size }) => size > 0);
  const acls = isThroughAcls ? upTo(await around.aclsNaming(reach.wanted, limits.acls), "acls") : [];
  const blocks = [...reach.blocks(acls)];

  const roots = upTo({ items: distinct(blocks.map(({ at }) => at)), isCut: false }, "objects");
  const objects = [...roots, ...upTo(await around.objectsBelow(roots, limits.objects), "objects")];
  if (roots.some(({ type }) => type === "organization")) objects.push(...groupsAndRoles(piece));
  if (reach.leaving.length > 0) {
    const open = upTo(await around.publicObjects(limits.objects), "objects");
    objects.push(...open);
    for (const principal of reach.leaving) {
      for (const at of open) blocks.push({ who: { kind: "principal", principal }, at });
    }
  }
  const looked = upTo({ items: distinct(objects), isCut: false }, "objects");

  const inGroups = groupsOf(blocks);
  const found = inGroups.size === 0 ? nothing : await around.principalsIn(inGroups, limits.principals);
  const those = [...new Set([...named, ...blocks.flatMap(principalOf), ...found.items])];
  const principals = upTo({ items: those, isCut: found.isCut }, "principals");
  piece = await withLoaded(piece, principalFacts(piece, principals), around);
  piece = await withObjects(piece, looked, around);
  const after = made();
  if (after.kind === "refused") return after;
  return { kind: "scene", before: piece, after: after.piece, blocks, principals, objects: looked, cutOff };
}

/** Compares what is decided before the changes with what would be decided after them, and lets others have their turn. */
export async function compare(
  { before, after, blocks, principals, objects, cutOff }: Scene,
  {
    limits,
    nowMs,
    signal,
  }: { readonly limits: SimulationLimits; readonly nowMs: number; readonly signal?: AbortSignal },
): Promise<Simulated> {
  const { org } = before;
  const lookups = { before: lookupIn(before), after: lookupIn(after) };
  // Who is no member can do nothing, and no change makes one.
  const members = principals.filter((principal) => before.members.get(principal) !== null);
  const among = { principals: members, objects, before, after, lookup: lookups.before };
  const differences: AccessDifference[] = [];
  let pairsExamined = 0;
  let isCut = false;
  for (const pair of pairsIn(blocks, among, org)) {
    isCut = pairsExamined === limits.pairs;
    if (isCut) break;
    pairsExamined += 1;
    const difference = accessDifference(pair, lookups, { org, nowMs });
    if (difference !== null) differences.push(difference);
    if (pairsExamined % pairsAtOnce === 0) {
      await setImmediate();
      signal?.throwIfAborted();
    }
  }
  return { differences, pairsExamined, cutOff: [...cutOff, ...(isCut ? (["pairs"] as const) : [])] };
}

/** What a proposal names of principals. */
function principalsNamed(change: Change): PrincipalId[] {
  if ("principal" in change) return [change.principal];
  if ("acl" in change && change.acl.subject.kind === "principal") return [change.acl.subject.id];
  return [];
}

function objectsNamed(change: Change): ObjectRef[] {
  return "on" in change ? [change.on] : [];
}

function principalOf({ who }: Block): PrincipalId[] {
  return who.kind === "principal" ? [who.principal] : [];
}

function groupsOf(blocks: readonly Block[]): ReadonlySet<GroupId> {
  const groups = new Set<GroupId>();
  for (const who of new Set(blocks.map((block) => block.who))) {
    if (who.kind === "groups") for (const group of who.groups) groups.add(group);
  }
  return groups;
}

function emptyPiece(org: OrgId): Piece {
  const none = new Map<never, never>();
  return { org, groups: none, roles: none, members: none, memberships: none, access: none };
}

async function withLoaded(piece: Piece, keys: readonly FactKey[], around: Surroundings): Promise<Piece> {
  if (keys.length === 0) return piece;
  const values = await around.load(keys);
  return withFacts(
    piece,
    keys.map((key, index) => [key, values[index] ?? null] as const),
  );
}

function wholeFacts(org: OrgId): FactKey[] {
  return [
    { kind: "groups", org },
    { kind: "roles", org },
  ];
}

/** Those that the piece does not hold yet. */
function principalFacts({ org, members }: Piece, principals: readonly PrincipalId[]): FactKey[] {
  return principals
    .filter((principal) => !members.has(principal))
    .flatMap((principal): FactKey[] => [
      { kind: "member", org, principal },
      { kind: "memberships", org, principal },
    ]);
}

function groupsAndRoles({ groups, roles }: Piece): ObjectRef[] {
  return [
    ...Array.from(groups.keys(), (id): ObjectRef => ({ type: "group", id: id as string as ObjectId })),
    ...Array.from(roles.keys(), (id): ObjectRef => ({ type: "role", id: id as string as ObjectId })),
  ];
}

const nothing: UpTo<never> = { items: [], isCut: false };

/** With the facts of these objects, and of all whose ACLs reach them. */
async function withObjects(
  piece: Piece,
  objects: readonly ObjectRef[],
  around: Surroundings,
): Promise<Piece> {
  let known = piece;
  for (;;) {
    const missing = missingAtAndAbove(objects, known);
    if (missing.length === 0) return known;
    known = await withLoaded(known, missing, around);
  }
}

function distinct(objects: readonly ObjectRef[]): readonly ObjectRef[] {
  return [...new Map(objects.map((object) => [`${object.type} ${object.id}`, object])).values()];
}
