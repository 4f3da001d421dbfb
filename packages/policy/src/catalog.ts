// The one table of words: permissions, object types and their tree, system roles, built-in groups.
// Adding a permission or an object type is one line here; types and checks are derived from it.

import type { ObjectId, OrgId, RoleId } from "./ids.ts";

/** In the order in which lists show them. */
export const permissions = [
  "create",
  "read",
  "update",
  "delete",
  "create_acls",
  "read_acls",
  "update_acls",
  "delete_acls",
] as const;

export type Permission = (typeof permissions)[number];

interface Row<Type extends string> {
  /** The type of the object above it; null only for the root. */
  readonly parent: Type | null;
  /** The type of other objects that may list it and whose ACLs then reach it too. */
  readonly alsoUnder?: Type;
  /** Whether one may be marked as public: every active member of its organisation may then read it. */
  readonly mayBePublic?: true;
  /** Whose id names it: its own, or that of the organisation or project that it is a face of. */
  readonly idOf: "itself" | "organization" | "project";
  /** The fact that says whether it exists. A face of an organisation needs none: it is always there. */
  readonly existsBy: "access" | "groups" | "roles" | "organization";
  /** What it makes sense to ask about it. Nothing is denied because of this; lists and pages show these. */
  readonly permissions: readonly Permission[];
}

const onAccess = ["create_acls", "read_acls", "update_acls", "delete_acls"] as const satisfies Permission[];

/** The tree of objects. */
export const objectTypes = {
  organization: {
    parent: null,
    idOf: "itself",
    existsBy: "access",
    permissions: ["read", "update", ...onAccess],
  },
  org_member: {
    parent: "organization",
    idOf: "organization",
    existsBy: "organization",
    permissions: ["create", "read", "delete", ...onAccess],
  },
  group: { parent: "organization", idOf: "itself", existsBy: "groups", permissions },
  role: { parent: "organization", idOf: "itself", existsBy: "roles", permissions },
  project_group: { parent: "organization", idOf: "itself", existsBy: "access", permissions },
  ai_secret: { parent: "organization", idOf: "itself", existsBy: "access", permissions },
  org_ai_secret: { parent: "organization", idOf: "itself", existsBy: "access", permissions },
  org_audit_logs: {
    parent: "organization",
    idOf: "organization",
    existsBy: "organization",
    permissions: ["read", ...onAccess],
  },
  org_project: {
    parent: "organization",
    idOf: "organization",
    existsBy: "organization",
    permissions: onAccess,
  },
  project: {
    parent: "org_project",
    alsoUnder: "project_group",
    idOf: "itself",
    existsBy: "access",
    permissions,
  },
  project_log: { parent: "project", idOf: "project", existsBy: "access", permissions },
  experiment: { parent: "project", mayBePublic: true, idOf: "itself", existsBy: "access", permissions },
  dataset: { parent: "project", idOf: "itself", existsBy: "access", permissions },
  prompt: { parent: "project", idOf: "itself", existsBy: "access", permissions },
  prompt_session: { parent: "project", idOf: "itself", existsBy: "access", permissions },
} as const satisfies Record<string, Row<string>>;

export type ObjectType = keyof typeof objectTypes;

export type ObjectTypeRow = Row<ObjectType>;

export const objectTypeNames = Object.keys(objectTypes) as readonly ObjectType[];

/** A row of the tree. */
export function objectTypeRow(type: ObjectType): ObjectTypeRow {
  return objectTypes[type];
}

const permissionNames: ReadonlySet<string> = new Set(permissions);

export function isPermission(word: string): word is Permission {
  return permissionNames.has(word);
}

const objectTypesByName: ReadonlyMap<string, ObjectType> = new Map(
  objectTypeNames.map((name) => [name, name]),
);

/** The type of this name; null: there is none. */
export function objectTypeNamed(word: string): ObjectType | null {
  return objectTypesByName.get(word) ?? null;
}

export function isObjectType(word: string): word is ObjectType {
  return objectTypesByName.has(word);
}

/** An object that an ACL can name. */
export interface ObjectRef {
  readonly type: ObjectType;
  readonly id: ObjectId;
}

/** Whether objects of type `inner` can occur at or anywhere below an object of type `outer`. */
export function occursAtOrBelow(inner: ObjectType, outer: ObjectType): boolean {
  for (let type: ObjectType | null = inner; type !== null; type = objectTypes[type].parent) {
    if (type === outer || objectTypeRow(type).alsoUnder === outer) return true;
  }
  return false;
}

/** One thing that a role lets do: a permission, on objects of one type or (null) of every type. */
export interface RolePermission {
  readonly permission: Permission;
  readonly restrictObjectType: ObjectType | null;
}

export interface SystemRole {
  readonly id: RoleId;
  readonly name: string;
  readonly description: string;
  readonly permissions: readonly Permission[];
}

/** Roles that every organisation has, with fixed ids; nobody can edit them. */
export const systemRoles = {
  owner: {
    id: "00000000-0000-4000-8000-000000000001" as RoleId,
    name: "Owner",
    description: "Everything",
    permissions,
  },
  engineer: {
    id: "00000000-0000-4000-8000-000000000002" as RoleId,
    name: "Engineer",
    description: "Create, read, update and delete",
    permissions: ["create", "read", "update", "delete"],
  },
  viewer: {
    id: "00000000-0000-4000-8000-000000000003" as RoleId,
    name: "Viewer",
    description: "Read",
    permissions: ["read"],
  },
} as const satisfies Record<string, SystemRole>;

interface BuiltInGroupRow {
  readonly name: string;
  readonly description: string;
  readonly role: keyof typeof systemRoles;
  /** The object of the organisation on which the group holds that role. */
  readonly on: ObjectType;
}

/** Groups that every organisation is created with. Their names and grants are fixed, their members are not. */
export const builtInGroups = {
  owners: { name: "Owners", description: "Can do everything", role: "owner", on: "organization" },
  engineers: {
    name: "Engineers",
    description: "Can work in all projects",
    role: "engineer",
    on: "org_project",
  },
  viewers: { name: "Viewers", description: "Can read all projects", role: "viewer", on: "org_project" },
} as const satisfies Record<string, BuiltInGroupRow>;

export type BuiltInGroup = keyof typeof builtInGroups;

/** The face of an organisation that an ACL can name: the organisation itself, its members, its projects, its audit log. */
export function organizationFace(
  type: "organization" | "org_member" | "org_project" | "org_audit_logs",
  org: OrgId,
): ObjectRef {
  return { type, id: org as string as ObjectId };
}
