import {
  type FactKind,
  type FactValues,
  type GroupIndex,
  indexGroups,
  indexRoles,
  type RoleIndex,
} from "@portcullis/policy";
import { withSharedGroups, withSharedMember, withSharedParents, withSharedPlace } from "./shared-parts.ts";
import type { Fact } from "./wire.ts";

/** The values of facts as a decision reads them: what is derived from a value is derived once, and held with it. */
export interface PreparedValues extends Omit<FactValues, "groups" | "roles"> {
  readonly groups: GroupIndex;
  readonly roles: RoleIndex;
}

export type Prepared = PreparedValues[FactKind];

export function prepare({ key, value }: Pick<Fact, "key" | "value">): Prepared {
  switch (key.kind) {
    case "groups":
      return indexGroups(value as FactValues["groups"]);
    case "roles":
      return indexRoles(value as FactValues["roles"]);
    case "member":
      return withSharedMember(value as FactValues["member"]);
    case "memberships":
      return withSharedGroups(value as FactValues["memberships"]);
    case "access":
      return withSharedPlace(value as FactValues["access"]);
    case "parents":
      return withSharedParents(value as FactValues["parents"]);
    case "acls":
    case "acls_naming":
    case "credential":
      return value as Exclude<Prepared, GroupIndex | RoleIndex>;
  }
}

/** How many ids a value holds, about: what it costs to keep. */
export function weightOf({ key, value }: Pick<Fact, "key" | "value">): number {
  switch (key.kind) {
    case "member":
      return 1;
    case "credential":
      return 1 + ((value as FactValues["credential"])?.scope?.objects?.length ?? 0);
    case "memberships":
      return 1 + (value as FactValues["memberships"]).length;
    case "access": {
      const access = value as FactValues["access"];
      return 1 + (access?.acls?.length ?? 0) + (access?.alsoUnder.length ?? 0);
    }
    case "parents":
      return 1 + ((value as FactValues["parents"])?.alsoUnder.length ?? 0);
    case "acls":
    case "acls_naming":
      return 1 + ((value as FactValues["acls"])?.length ?? 0);
    case "groups": {
      let ids = 1;
      for (const { memberGroups } of (value as FactValues["groups"]).values()) ids += 1 + memberGroups.length;
      return ids;
    }
    case "roles": {
      let ids = 1;
      for (const { permissions, memberRoles } of (value as FactValues["roles"]).values()) {
        ids += 1 + permissions.length + memberRoles.length;
      }
      return ids;
    }
  }
}
