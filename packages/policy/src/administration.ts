// Who may administer: what each administrative act needs, as data. Doors ask for an act by its name and never spell
// out a permission themselves.

import type { ObjectType, Permission } from "./catalog.ts";

/** What a caller must be, or hold, to do something. */
export type Requirement =
  /** Being an active member of the organisation. */
  | { readonly kind: "active_member" }
  /** The same, with a credential that no scope narrows: whoever made another one could widen it. */
  | { readonly kind: "active_member_in_person" }
  /**
   * Being an active member with any unexpired grant at all. A scope must let read what is seen: all of a type in the
   * organisation.
   */
  | { readonly kind: "any_grant"; readonly sees: "org_member" | "group" | "role" }
  /** Membership of the Owners group, nested groups included, with a credential that no scope narrows. */
  | { readonly kind: "owner" }
  /** A permission on the very object that the act is about. */
  | { readonly kind: "permission"; readonly permission: Permission; readonly on: "object" }
  /** `create`, asked of the place where the new object would be. */
  | { readonly kind: "permission"; readonly permission: "create"; readonly on: "place" }
  /** A permission on a face of the organisation, whatever the act is about. */
  | {
      readonly kind: "permission";
      readonly permission: Permission;
      readonly on: "face";
      readonly face: Face;
    };

type Face = Extract<ObjectType, "organization" | "org_member" | "org_audit_logs">;

const activeMember = { kind: "active_member" } as const satisfies Requirement;
const inPerson = { kind: "active_member_in_person" } as const satisfies Requirement;
const seeing = <Type extends "org_member" | "group" | "role">(sees: Type) =>
  ({ kind: "any_grant", sees }) as const satisfies Requirement;
const owner = { kind: "owner" } as const satisfies Requirement;
const inPlace = { kind: "permission", permission: "create", on: "place" } as const satisfies Requirement;

/** Every administrative act. */
export const administration = {
  "organization.read": activeMember,
  "organization.update": { kind: "permission", permission: "update", on: "face", face: "organization" },
  "audit_log.read": { kind: "permission", permission: "read", on: "face", face: "org_audit_logs" },

  "member.invite": { kind: "permission", permission: "create", on: "face", face: "org_member" },
  "member.remove": { kind: "permission", permission: "delete", on: "face", face: "org_member" },
  "member.read": seeing("org_member"),
  /** Everybody may see themself. */
  "member.read_self": activeMember,
  /** In every organisation of the user in whose name the caller wants to act. */
  "member.impersonate": owner,

  "group.create": inPlace,
  "group.read": seeing("group"),
  /** Its members and nested groups too, and an invitation into it. */
  "group.update": { kind: "permission", permission: "update", on: "object" },
  "group.delete": { kind: "permission", permission: "delete", on: "object" },

  "role.create": inPlace,
  "role.read": seeing("role"),
  "role.update": { kind: "permission", permission: "update", on: "object" },
  "role.delete": { kind: "permission", permission: "delete", on: "object" },

  "object.create": inPlace,
  "object.read": { kind: "permission", permission: "read", on: "object" },
  "object.update": { kind: "permission", permission: "update", on: "object" },
  "object.delete": { kind: "permission", permission: "delete", on: "object" },

  /** On the object that the ACL sits on. */
  "acl.create": { kind: "permission", permission: "create_acls", on: "object" },
  "acl.read": { kind: "permission", permission: "read_acls", on: "object" },
  "acl.delete": { kind: "permission", permission: "delete_acls", on: "object" },

  /** What one may do oneself. */
  "access.ask_self": activeMember,
  /** What others may do with an object. */
  "access.ask": { kind: "permission", permission: "read_acls", on: "object" },
  /** What others may do throughout the organisation, and what would become of that. */
  "access.ask_all": { kind: "permission", permission: "read_acls", on: "face", face: "organization" },

  /** Inviting and removing them too. */
  "service_account.manage": owner,
  "service_token.manage": owner,
  /** Seeing one's own session, and ending it. */
  "session.use": activeMember,
  /** Ending all of one's own. */
  "session.end_own": inPerson,
  "session.end_all": owner,
  "api_key.manage_own": inPerson,
  "api_key.manage_all": owner,
} as const satisfies Record<string, Requirement>;

export type Act = keyof typeof administration;

type ActsOn<Where extends string> = {
  [A in Act]: (typeof administration)[A] extends { readonly on: Where } ? A : never;
}[Act];

/** Acts that need a permission on the object that they are about. */
export type ActOnObject = ActsOn<"object">;
/** Acts that need `create` at the place where the new object would be. */
export type ActInPlace = ActsOn<"place">;
/** Acts that the caller's standing in the organisation decides alone, or a permission on one of its faces. */
export type ActInOrganization = Exclude<Act, ActOnObject | ActInPlace>;
