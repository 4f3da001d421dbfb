import { Fault } from "@portcullis/chassis/fault";
import { chainMax, type GroupId, isOnCycle as leadsBack, longestChain, reachable } from "@portcullis/policy";

/** The live groups of an organisation, each with the groups whose members are members of it too. */
export type Nesting = ReadonlyMap<GroupId, readonly GroupId[]>;

/** All of an organisation's groups are one fact, and each change of them reads them all. */
const groupsMax = 100_000;
const nestingsMax = 100_000;

/** Refuses what makes of an organisation's groups too many; what makes less of them is always taken. */
export function checkRoom(before: Nesting, after: Nesting): void {
  if (after.size > groupsMax && after.size > before.size) {
    throw new Fault("refused", `an organization may have at most ${groupsMax} groups`);
  }
  const nestings = nestingsIn(after);
  if (nestings > nestingsMax && nestings > nestingsIn(before)) {
    const message = `the groups of an organization may have at most ${nestingsMax} member groups together`;
    throw new Fault("refused", message, { field: "member_group_ids" });
  }
}

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

/** How often a group is a member group. */
function nestingsIn(nesting: Nesting): number {
  let count = 0;
  for (const inner of nesting.values()) count += inner.length;
  return count;
}
