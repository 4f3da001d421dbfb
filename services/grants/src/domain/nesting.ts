import { Fault } from "@portcullis/chassis/fault";
import type { RoleId } from "@portcullis/policy";

/** No chain of roles, each a member of the one before, is longer. */
export const chainMax = 64;

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
  if (reaches(members, role, below)) {
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
  if (chainLength(role, below) + chainLength(role, above) - 1 > chainMax) {
    throw new Fault("refused", `roles can't be nested more than ${chainMax} deep`);
  }
}

function reaches(
  starts: readonly RoleId[],
  goal: RoleId,
  next: (role: RoleId) => readonly RoleId[],
): boolean {
  const met = new Set(starts);
  // A set also visits what is added to it while it is being visited.
  for (const role of met) {
    if (role === goal) return true;
    for (const further of next(role)) met.add(further);
  }
  return false;
}

/** How many roles the longest chain from this one holds; counts no further than just beyond the limit. */
function chainLength(start: RoleId, next: (role: RoleId) => readonly RoleId[]): number {
  let length = 0;
  for (let level = new Set([start]); level.size > 0 && length <= chainMax; length++) {
    const further = new Set<RoleId>();
    for (const role of level) for (const each of next(role)) further.add(each);
    level = further;
  }
  return length;
}
