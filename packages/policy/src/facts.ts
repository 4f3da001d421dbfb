// The facts that a decision is made of, as design section 5 names them. Absence (null) is a fact too.

import type { BuiltInGroup, ObjectRef, ObjectType, Permission, RolePermission } from "./catalog.ts";
import type { AclId, CredentialDigest, CredentialId, GroupId, OrgId, PrincipalId, RoleId } from "./ids.ts";

/** The services that own facts. */
export const owners = ["identity", "groups", "grants", "tokens"] as const;
export type Owner = (typeof owners)[number];

/** Names one fact. */
export type FactKey =
  | { readonly kind: "member"; readonly org: OrgId; readonly principal: PrincipalId }
  | { readonly kind: "memberships"; readonly org: OrgId; readonly principal: PrincipalId }
  | { readonly kind: "groups"; readonly org: OrgId }
  | { readonly kind: "roles"; readonly org: OrgId }
  | { readonly kind: "access"; readonly org: OrgId; readonly object: ObjectRef }
  | { readonly kind: "parents"; readonly org: OrgId; readonly object: ObjectRef }
  | { readonly kind: "acls"; readonly org: OrgId; readonly object: ObjectRef }
  | {
      readonly kind: "acls_naming";
      readonly org: OrgId;
      readonly object: ObjectRef;
      readonly subject: Subject;
    }
  | { readonly kind: "credential"; readonly org: OrgId; readonly digest: CredentialDigest };

export type FactKind = FactKey["kind"];

export const factOwners = {
  member: "identity",
  memberships: "groups",
  groups: "groups",
  roles: "grants",
  access: "grants",
  parents: "grants",
  acls: "grants",
  acls_naming: "grants",
  credential: "tokens",
} as const satisfies Record<FactKind, Owner>;

export type PrincipalKind = "user" | "service_account";

/** An active member. */
export interface Member {
  readonly kind: PrincipalKind;
}

/** The groups that name a principal directly. */
export type Memberships = readonly GroupId[];

/** One live group and the groups whose members are members of it too. */
export interface GroupNode {
  readonly memberGroups: readonly GroupId[];
  readonly builtIn: BuiltInGroup | null;
}

/** All live groups of an organisation. */
export type Groups = ReadonlyMap<GroupId, GroupNode>;

/** One live role and the roles whose permissions are permissions of it too. */
export interface RoleNode {
  readonly permissions: readonly RolePermission[];
  readonly memberRoles: readonly RoleId[];
}

/** All live roles of an organisation, without the system's own, which the catalog holds. */
export type Roles = ReadonlyMap<RoleId, RoleNode>;

/** Whom an ACL can name. */
export type Subject =
  | { readonly kind: "principal"; readonly id: PrincipalId }
  | { readonly kind: "group"; readonly id: GroupId };

/** One grant on an object. */
export interface Acl {
  readonly id: AclId;
  readonly subject: Subject;
  readonly grant:
    | {
        readonly kind: "permission";
        readonly permission: Permission;
        readonly restrictObjectType: ObjectType | null;
      }
    | { readonly kind: "role"; readonly id: RoleId };
  /** Wall-clock milliseconds from which on it grants nothing; null: never. */
  readonly expiresAtMs: number | null;
}

/** Where a live object stands in the tree. */
export interface Parents {
  /** Null only for an organisation itself. */
  readonly parent: ObjectRef | null;
  /** Other objects whose ACLs reach this one too: the project groups that list a project. */
  readonly alsoUnder: readonly ObjectRef[];
  /** Marked as public; whether that means anything is the catalog's to say. Absent: it is not. */
  readonly publicRead?: true;
}

/** A live object: its place in the tree, and the ACLs on it alone. */
export interface Access extends Parents {
  /** Null: they are too many to be read with every question; those that name one subject are a fact of their own. */
  readonly acls: readonly Acl[] | null;
}

/** What a credential is narrowed to. Each part says nothing (null), or what alone is let through. */
export interface Scope {
  readonly permissions: readonly Permission[] | null;
  readonly objectTypes: readonly ObjectType[] | null;
  /** These objects and all below them. */
  readonly objects: readonly ObjectRef[] | null;
}

/** A live API key or service token. */
export interface Credential {
  readonly id: CredentialId;
  readonly kind: "api_key" | "service_token" | "session";
  readonly principal: PrincipalId;
  readonly expiresAtMs: number | null;
  /** Null: whatever its principal may do, it may. */
  readonly scope: Scope | null;
}

/** What the fact of each kind says. */
export interface FactValues {
  member: Member | null;
  memberships: Memberships;
  groups: Groups;
  roles: Roles;
  access: Access | null;
  /** The same without the ACLs, so that no change of these changes it. */
  parents: Parents | null;
  /** All ACLs on one object alone, for questions about whoever they name; null: there are too many of them. */
  acls: readonly Acl[] | null;
  /** The ACLs on one object alone that name one subject. */
  acls_naming: readonly Acl[];
  credential: Credential | null;
}
