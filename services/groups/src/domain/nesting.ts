import { type GroupId, reachable } from "@portcullis/policy";

/** The live groups of an organisation, each with the groups whose members are members of it too. */
export type Nesting = ReadonlyMap<GroupId, readonly GroupId[]>;

/** A chain of nested groups has at most so many links. */
export const chainMax = 64;

/** The nesting with other member groups for one group. */
export function withMemberGroups(
  nesting: Nesting,
  group: GroupId,
  memberGroups: readonly GroupId[],
): Nesting {
  return new Map([...nesting, [group, memberGroups]]);
}

/** The nesting without a group. */
export function withoutGroup(nesting: Nesting, gone: GroupId): Nesting {
  return new Map(
    Array.from(nesting)
      .filter(([group]) => group !== gone)
      .map(([group, memberGroups]) => [group, memberGroups.filter((member) => member !== gone)]),
  );
}

/** The groups whose members are members of this one, itself included. */
export function closureOf(nesting: Nesting, group: GroupId): ReadonlySet<GroupId> {
  return reachable([group], (each) => nesting.get(each) ?? []);
}

/** Whether a group lies on a cycle. */
export function isOnCycle(nesting: Nesting, group: GroupId): boolean {
  const next = (each: GroupId) => nesting.get(each) ?? [];
  return reachable(next(group), next).has(group);
}

/** Whether a chain through this group is too long. Makes no more than so many steps, also where there is a cycle. */
export function isTooDeep(nesting: Nesting, group: GroupId): boolean {
  const above = new Map<GroupId, GroupId[]>();
  for (const [outer, inner] of nesting) {
    for (const member of inner) above.set(member, [...(above.get(member) ?? []), outer]);
  }
  const links = longestChain(nesting, group) + longestChain(above, group);
  return links > chainMax;
}

function longestChain(next: Nesting, start: GroupId): number {
  let links = 0;
  let layer = layerBehind(next, [start]);
  while (layer.size > 0 && links <= chainMax) {
    links += 1;
    layer = layerBehind(next, layer);
  }
  return links;
}

function layerBehind(next: Nesting, layer: Iterable<GroupId>): Set<GroupId> {
  const behind = new Set<GroupId>();
  for (const group of layer) for (const member of next.get(group) ?? []) behind.add(member);
  return behind;
}
