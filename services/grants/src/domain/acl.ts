import { Fault, invalid } from "@portcullis/chassis/fault";
import {
  type AclId,
  type BuiltInGroup,
  builtInGroups,
  type Acl as Grant,
  type GroupId,
  type ObjectId,
  type ObjectRef,
  type ObjectType,
  type OrgId,
  occursAtOrBelow,
  type Permission,
  type PrincipalId,
  type RoleId,
  systemRoles,
} from "@portcullis/policy";

/** What an ACL says. Two ACLs that differ in nothing but the expiry are one. */
export interface AclContent {
  readonly object: ObjectRef;
  readonly subject: Grant["subject"];
  readonly grant: Grant["grant"];
  /** Null: never. */
  readonly expiresAt: Date | null;
}

export interface Acl {
  readonly id: AclId;
  readonly org: OrgId;
  readonly content: AclContent;
  /** Made with the organisation for one of its built-in groups, and never removed. */
  readonly builtIn: boolean;
  readonly created: Date;
}

export type AclRemoval =
  | { readonly by: "id"; readonly id: AclId }
  | { readonly by: "content"; readonly content: AclContent };

export interface AclChanges {
  readonly add: readonly AclContent[];
  readonly remove: readonly AclRemoval[];
  readonly addingAgain?: AddingAgain;
}

/** What additions, by their places, must not do to what stands already. */
interface AddingAgain {
  /** It is left as it is. */
  readonly unchanged: ReadonlySet<number>;
  /** It ends no sooner than it does. */
  readonly noSooner: ReadonlySet<number>;
}

export interface AclFilter {
  readonly object: ObjectRef | null;
  readonly objectType: ObjectType | null;
  readonly ids: readonly AclId[];
  readonly principal: PrincipalId | null;
  readonly group: GroupId | null;
  readonly permission: Permission | null;
  readonly restrictObjectType: ObjectType | null;
  readonly role: RoleId | null;
}

/** The same for two ACLs that are one. */
export function aclIdentity({ object, subject, grant }: AclContent): string {
  const what =
    grant.kind === "role"
      ? ["role", grant.id]
      : ["permission", grant.permission, grant.restrictObjectType ?? ""];
  return [object.type, object.id, subject.kind, subject.id, ...what].join(" ");
}

/** Refuses a restriction to a type that can't occur where the ACL sits. */
export function checkRestriction({ object, grant }: AclContent, field: string): void {
  if (grant.kind !== "permission" || grant.restrictObjectType === null) return;
  if (!occursAtOrBelow(grant.restrictObjectType, object.type)) {
    throw invalid(
      `${field}.restrict_object_type`,
      `\`${grant.restrictObjectType}\` can't occur at or below \`${object.type}\``,
    );
  }
}

/** Refuses additions that have expired already, and two of the same content that end at different times. */
export function checkExpiries(additions: readonly AclContent[], now: Date): void {
  const first = new Map<string, number>();
  for (const [index, content] of additions.entries()) {
    const { expiresAt } = content;
    if (hasExpired(content, now)) {
      throw invalid(`add[${index}].expires_at`, "must be in the future");
    }
    const identity = aclIdentity(content);
    const earlier = first.get(identity);
    if (earlier === undefined) first.set(identity, index);
    else if (additions[earlier]?.expiresAt?.getTime() !== expiresAt?.getTime()) {
      throw invalid(`add[${index}].expires_at`, `differs from that of the same ACL at add[${earlier}]`);
    }
  }
}

/** Whether it grants nothing any more. */
export function hasExpired({ expiresAt }: AclContent, now: Date): boolean {
  return expiresAt !== null && expiresAt <= now;
}

/** Refuses to let an ACL end sooner to whoever may not remove it. */
export function checkEnd(standing: AclContent, wanted: AclContent, field: string): void {
  if (endOf(wanted) < endOf(standing)) {
    const message = "not allowed: to let it end sooner takes the permission delete_acls on the object";
    throw new Fault("denied", `${field}.expires_at: ${message}`, { field: `${field}.expires_at` });
  }
}

function endOf({ expiresAt }: AclContent): number {
  return expiresAt?.getTime() ?? Number.POSITIVE_INFINITY;
}

/** One text for the unknown, the foreign and the removed, so that it tells nothing about who exists. */
export function noSuchSubject(field: string): Fault {
  return invalid(field, "no such user or group");
}

export function builtInIsFixed(field: string): Fault {
  return new Fault("refused", `${field}: the ACLs of a built-in group can't be changed`, { field });
}

/** What the built-in groups of an organisation are granted. */
export function builtInGrants(org: OrgId, groups: Readonly<Record<BuiltInGroup, GroupId>>): AclContent[] {
  return (Object.keys(builtInGroups) as BuiltInGroup[]).map((name) => ({
    object: { type: builtInGroups[name].on, id: org as string as ObjectId },
    subject: { kind: "group", id: groups[name] },
    grant: { kind: "role", id: systemRoles[builtInGroups[name].role].id },
    expiresAt: null,
  }));
}

/** What the creator of an object is granted on it. */
export function creatorGrant(object: ObjectRef, creator: PrincipalId): AclContent {
  return {
    object,
    subject: { kind: "principal", id: creator },
    grant: { kind: "role", id: systemRoles.owner.id },
    expiresAt: null,
  };
}
