import { chainMax, type GroupId, isOnCycle as leadsBack, longestChain, reachable } from "@portcullis/policy";

/** The live groups of an organisation, each with the groups whose members are members of it too. */
export type Nesting = ReadonlyMap<GroupId, readonly GroupId[]>;

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
  return leadsBack(group, (each) => nesting.get(each) ?? []);
}

/** Whether a chain through this group is too long. Makes no more than so many steps, also where there is a cycle. */
export function isTooDeep(nesting: Nesting, group: GroupId): boolean {
  const above = new Map<GroupId, GroupId[]>();
  for (const [outer, inner] of nesting) {
    for (const member of inner) {
      const known = above.get(member);
      if (known === undefined) above.set(member, [outer]);
      else known.push(outer);
    }
  }
  const links =
    longestChain(group, (each) => nesting.get(each) ?? [], chainMax) +
    longestChain(group, (each) => above.get(each) ?? [], chainMax);
  return links > chainMax;
}
