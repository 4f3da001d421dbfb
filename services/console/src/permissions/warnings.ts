// What about a change of permissions is likely to surprise whoever makes it.

import type { Simulated } from "../api/access.ts";
import { manageAccessTick, organizationRows } from "./dialog-rows.ts";
import type { AclChanges, Subject } from "./ticks.ts";
import { accessPermissions } from "./words.ts";

/** More than this many members are a large group. */
export const largeGroup = 20;

export interface Surroundings {
  readonly subject: Subject;
  readonly changes: AclChanges;
  readonly simulated: Simulated;
  /** Who makes the change. */
  readonly self: string;
  readonly orgId: string;
  /** How many members the group has, nested groups included; null: it is no group, or nobody knows. */
  readonly memberCount: number | null;
}

/** In the order of their weight. */
export function warningsOf(about: Surroundings): readonly string[] {
  const { subject, changes, simulated, memberCount } = about;
  const gives = changes.add.length > 0;
  const wasCut = simulated.cut_off.length > 0;
  const nobodyGains = simulated.differences.every((one) => one.gained.length === 0);
  const isEmpty = memberCount === 0;
  return [
    ...(locksOut(about) ? ["You take access away from yourself: afterwards you can't undo this."] : []),
    ...(handsOutManageAccess(about) && memberCount !== null && memberCount > largeGroup
      ? [`“Manage access” makes all ${memberCount} members of ${subject.name} super-users.`]
      : []),
    ...(gives && isEmpty
      ? [`${subject.name} has no members: nobody gains anything until somebody joins it.`]
      : []),
    ...(gives && !isEmpty && nobodyGains && !wasCut
      ? ["Everybody whom this is for has it already, by another way."]
      : []),
  ];
}

/** What one needs to see and mend permissions. */
const toUndo = new Set<string>(["update", ...accessPermissions]);

function locksOut({ simulated, self }: Surroundings): boolean {
  return simulated.differences.some(
    (one) => one.principal_id === self && one.lost.some((permission) => toUndo.has(permission)),
  );
}

function handsOutManageAccess({ changes, orgId }: Surroundings): boolean {
  const rows = organizationRows(orgId).flatMap((section) => section.rows);
  const grants = rows.find((row) => row.id === manageAccessTick)?.ticks[0]?.grants ?? [];
  return grants.some((grant) =>
    changes.add.some(
      (acl) =>
        acl.object_type === grant.object.type &&
        acl.permission === grant.permission &&
        acl.restrict_object_type === undefined,
    ),
  );
}
