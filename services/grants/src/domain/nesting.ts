import { Fault } from "@portcullis/chassis/fault";
import { chainMax, isOnCycle, longestChain, type RoleId } from "@portcullis/policy";

/**
 * Refuses member roles that would close a cycle, or make a chain too long.
 * `others` are the organisation's roles with their members, with or without the role itself.
 */
export function checkNesting(
  role: RoleId,
  members: readonly RoleId[],
  others: ReadonlyMap<RoleId, readonly RoleId[]>,
): void {
  const below = (each: RoleId): readonly RoleId[] => (each === role ? members : (others.get(each) ?? []));
  if (isOnCycle(role, below)) {
    throw new Fault("refused", "a role can't be a member of itself, directly or through other roles");
  }
  const containers = new Map<RoleId, RoleId[]>();
  for (const [container, contained] of others) {
    if (container === role) continue;
    for (const member of contained) {
      const known = containers.get(member);
      if (known === undefined) containers.set(member, [container]);
      else known.push(container);
    }
  }
  const above = (each: RoleId): readonly RoleId[] => containers.get(each) ?? [];
  // A chain of so many roles has one link less.
  if (longestChain(role, below, chainMax) + longestChain(role, above, chainMax) >= chainMax) {
    throw new Fault("refused", `roles can't be nested more than ${chainMax} deep`);
  }
}
