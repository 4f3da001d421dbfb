// Facts, their keys and revisions as they cross between processes, both ways. Owners and readers of facts share it.

import { invalid } from "@portcullis/chassis/fault";
import { uuid } from "@portcullis/chassis/fields";
import {
  type Access,
  type Acl,
  type AclId,
  builtInGroups,
  type Credential,
  type CredentialDigest,
  type CredentialId,
  type FactKey,
  type FactKind,
  type FactValues,
  type GroupId,
  type GroupNode,
  isObjectType,
  isPermission,
  type Member,
  type ObjectId,
  type ObjectRef,
  type ObjectType,
  type OrgId,
  type Owner,
  objectTypeNamed,
  owners,
  type Parents,
  type Permission,
  type PrincipalId,
  type RoleId,
  type RoleNode,
  type RolePermission,
  type Scope,
  type Subject,
} from "@portcullis/policy";
import type {
  AclsNaming as AclsNamingMessage,
  Dependency as DependencyMessage,
  Event as EventMessage,
  FactKey as FactKeyMessage,
  ObjectRef as ObjectRefMessage,
  Revision as RevisionMessage,
} from "@portcullis/proto/events/v1/events";
import type {
  Access as AccessMessage,
  Acl as AclMessage,
  Credential as CredentialMessage,
  Fact as FactMessage,
  Groups as GroupsMessage,
  Member as MemberMessage,
  Parents as ParentsMessage,
  Role as RoleMessage,
  RolePermission as RolePermissionMessage,
} from "@portcullis/proto/facts/v1/facts";
import type { Scope as ScopeMessage } from "@portcullis/proto/scope/v1/scope";
import { factKeyText } from "./fact-key.ts";
import { historyOf, type Revision } from "./revision.ts";
import type { Dependency, LogEntry } from "./source.ts";

export type { Dependency } from "./source.ts";
export { factKeyText };

type FactValue = FactValues[FactKind];
type LogEntryMessage = Pick<EventMessage, "position" | "touches" | "touchedKinds" | "dependsOn">;

/** A fact and the interval of its owner's positions in which it is known to hold. */
export interface Fact {
  readonly key: FactKey;
  readonly lo: number;
  readonly hi: number;
  readonly value: FactValue;
}

export function factKeyToWire(key: FactKey): FactKeyMessage {
  return { orgId: key.org, kind: factKindToWire(key) };
}

/** Throws a Fault that names the field if the message names no fact. */
export function factKeyFromWire(message: FactKeyMessage, field: string): FactKey {
  const org = uuid<OrgId>(message.orgId, `${field}.org_id`);
  const kind = message.kind;
  switch (kind?.$case) {
    case undefined:
      throw invalid(field, "must name one fact");
    case "member":
    case "memberships":
      return { kind: kind.$case, org, principal: uuid<PrincipalId>(kind.value, `${field}.${kind.$case}`) };
    case "groups":
    case "roles":
      return { kind: kind.$case, org };
    case "access":
      return { kind: "access", org, object: objectFromWire(kind.value, `${field}.access`) };
    case "parents":
    case "acls":
      return { kind: kind.$case, org, object: objectFromWire(kind.value, `${field}.${kind.$case}`) };
    case "aclsNaming":
      return { kind: "acls_naming", org, ...aclsNamingFromWire(kind.value, `${field}.acls_naming`) };
    case "credential":
      return { kind: "credential", org, digest: digestFromWire(kind.value, `${field}.credential`) };
  }
}

export function objectToWire(object: ObjectRef): ObjectRefMessage {
  return { type: object.type, id: object.id };
}

/** Throws a Fault that names the field if the type is unknown or the id is no lower-case UUID. */
export function objectFromWire(message: ObjectRefMessage, field: string): ObjectRef {
  return {
    type: objectTypeFromWire(message.type, `${field}.type`),
    id: uuid<ObjectId>(message.id, `${field}.id`),
  };
}

function aclsNamingFromWire(
  { object, subject }: AclsNamingMessage,
  field: string,
): { readonly object: ObjectRef; readonly subject: Subject } {
  if (object === undefined) throw invalid(`${field}.object`, "is required");
  if (subject === undefined) throw invalid(`${field}.subject`, "is required");
  const id = subject.value;
  return {
    object: objectFromWire(object, `${field}.object`),
    subject:
      subject.$case === "principalId"
        ? { kind: "principal", id: uuid<PrincipalId>(id, `${field}.principal_id`) }
        : { kind: "group", id: uuid<GroupId>(id, `${field}.group_id`) },
  };
}

export function objectTypeFromWire(word: string, field: string): ObjectType {
  const type = objectTypeNamed(word);
  if (type === null) throw invalid(field, word === "" ? "is required" : "is no object type");
  return type;
}

export function factToWire(key: FactKey, lo: number, hi: number, value: FactValue): FactMessage {
  return { key: factKeyToWire(key), lo, hi, value: valueToWire(key.kind, value) };
}

/**
 * Reads a fact that an owner sent. Words that this process does not know grant nothing: an ACL or a permission of a role
 * that uses one is left out, an object below one is absent.
 */
export function factFromWire(message: FactMessage): Fact {
  if (message.key === undefined) throw new Error("a fact without a key");
  const key = factKeyFromWire(message.key, "key");
  return { key, lo: message.lo, hi: message.hi, value: valueFromWire(key.kind, message.value) };
}

/**
 * Reads the fact that was asked for, and puts it under the key that asked, which shares its parts with others that are
 * kept. Null: it is another one, or holds at no place of the log.
 */
export function askedFactFromWire(message: FactMessage, asked: FactKey): Fact | null {
  const { key, lo, hi, value } = factFromWire(message);
  const isAsked = key.org === asked.org && factKeyText(key) === factKeyText(asked);
  return isAsked && lo <= hi ? { key: asked, lo, hi, value } : null;
}

/** What an event may have changed. One that speaks of facts this process does not know may have changed any. */
export function logEntryFromWire(message: LogEntryMessage): LogEntry {
  const { position, touches, touchedKinds } = message;
  const dependsOn = dependenciesFromWire(message);
  try {
    const keys = touches.map((key) => factKeyFromWire(key, "touches"));
    return { position, touches: keys, kinds: touchedKinds, dependsOn };
  } catch {
    return { position, touches: [], kinds: ["*"], dependsOn };
  }
}

/** What an event came after in the logs of other owners. */
export function dependenciesFromWire(message: Pick<EventMessage, "dependsOn">): Dependency[] {
  return message.dependsOn.flatMap(dependencyFromWire);
}

/** As it goes into the log. */
export function dependencyToWire({ owner, place }: Dependency): DependencyMessage {
  return { owner, incarnation: place?.incarnation ?? "", position: place?.position ?? 0 };
}

/** None for an owner that this process does not know, of whose facts it makes no use. */
function dependencyFromWire({ owner: name, incarnation, position }: DependencyMessage): Dependency[] {
  const owner = ownerFromWire(name);
  if (owner === null) return [];
  return [{ owner, place: incarnation === "" ? null : { incarnation, position } }];
}

/** The revision that a write answered with. */
export function revisionFromWire(message: RevisionMessage): Revision {
  const owner = ownerFromWire(message.owner);
  if (owner === null) throw new Error(`a revision of an unknown owner, \`${message.owner}\``);
  const { orgId, position, incarnation } = message;
  return { org: orgId as OrgId, seen: [{ owner, position, history: historyOf(incarnation) }] };
}

/** Null: an owner that this process does not know. */
export function ownerFromWire(name: string): Owner | null {
  return owners.find((candidate) => candidate === name) ?? null;
}

function factKindToWire(key: FactKey): NonNullable<FactKeyMessage["kind"]> {
  switch (key.kind) {
    case "member":
      return { $case: "member", value: key.principal };
    case "memberships":
      return { $case: "memberships", value: key.principal };
    case "groups":
      return { $case: "groups", value: {} };
    case "roles":
      return { $case: "roles", value: {} };
    case "access":
      return { $case: "access", value: objectToWire(key.object) };
    case "parents":
    case "acls":
      return { $case: key.kind, value: objectToWire(key.object) };
    case "acls_naming":
      return {
        $case: "aclsNaming",
        value: { object: objectToWire(key.object), subject: subjectToWire(key.subject) },
      };
    case "credential":
      return { $case: "credential", value: key.digest };
  }
}

function digestFromWire(text: string, field: string): CredentialDigest {
  if (!/^[0-9a-f]{64}$/.test(text)) throw invalid(field, "must be 64 digits of lower-case hex");
  return text as CredentialDigest;
}

type ValueMessage = NonNullable<FactMessage["value"]>;

export function valueToWire(kind: FactKind, value: FactValue): ValueMessage | undefined {
  if (value === null) return undefined;
  switch (kind) {
    case "member":
      return { $case: kind, value: { kind: (value as Member).kind } };
    case "memberships":
      return { $case: kind, value: { groupIds: [...(value as FactValues["memberships"])] } };
    case "groups":
      return { $case: kind, value: groupsToWire(value as FactValues["groups"]) };
    case "roles":
      return { $case: kind, value: { roles: rolesToWire(value as FactValues["roles"]) } };
    case "access":
      return { $case: kind, value: accessToWire(value as Access) };
    case "parents":
      return { $case: kind, value: parentsToWire(value as Parents) };
    case "acls":
      return { $case: "acls", value: { acls: (value as readonly Acl[]).map(aclToWire) } };
    case "acls_naming":
      return { $case: "aclsNaming", value: { acls: (value as readonly Acl[]).map(aclToWire) } };
    case "credential":
      return { $case: kind, value: credentialToWire(value as Credential) };
  }
}

/** Throws when it is no value of this kind; see {@link factFromWire} for words that are not known. */
export function valueFromWire(kind: FactKind, message: ValueMessage | undefined): FactValue {
  if (message === undefined) {
    if (kind === "memberships" || kind === "groups" || kind === "roles" || kind === "acls_naming") {
      throw new Error(`a fact of the kind ${kind} without a value`);
    }
    return null;
  }
  if (message.$case !== (kind === "acls_naming" ? "aclsNaming" : kind))
    throw new Error(`a fact of the kind ${kind} with a value of ${message.$case}`);
  switch (message.$case) {
    case "member":
      return memberFromWire(message.value);
    case "memberships":
      return idsFromWire<GroupId>(message.value.groupIds);
    case "groups":
      return groupsFromWire(message.value);
    case "roles":
      return new Map(message.value.roles.map(roleFromWire));
    case "access":
      return accessFromWire(message.value);
    case "parents":
      return parentsFromWire(message.value);
    case "acls":
    case "aclsNaming":
      return message.value.acls.flatMap(aclFromWire);
    case "credential":
      return credentialFromWire(message.value);
  }
}

function memberFromWire({ kind }: MemberMessage): Member | null {
  return kind === "user" || kind === "service_account" ? { kind } : null;
}

function groupsToWire(groups: FactValues["groups"]): GroupsMessage {
  return {
    groups: Array.from(groups, ([id, { memberGroups, builtIn }]) => ({
      id,
      memberGroups: [...memberGroups],
      builtIn: builtIn ?? "",
    })),
  };
}

function groupsFromWire({ groups }: GroupsMessage): FactValues["groups"] {
  const read = groups.map(({ id, memberGroups, builtIn }): [GroupId, GroupNode] => [
    id as GroupId,
    {
      memberGroups: idsFromWire<GroupId>(memberGroups),
      builtIn: Object.hasOwn(builtInGroups, builtIn) ? (builtIn as GroupNode["builtIn"]) : null,
    },
  ]);
  return new Map(read);
}

function rolesToWire(roles: FactValues["roles"]): RoleMessage[] {
  return Array.from(roles, ([id, { permissions, memberRoles }]) => ({
    id,
    permissions: permissions.map(({ permission, restrictObjectType }) => ({
      permission,
      restrictObjectType: restrictObjectType ?? "",
    })),
    memberRoles: [...memberRoles],
  }));
}

function roleFromWire({ id, permissions, memberRoles }: RoleMessage): [RoleId, RoleNode] {
  return [
    id as RoleId,
    {
      permissions: permissions.flatMap(rolePermissionFromWire),
      memberRoles: idsFromWire<RoleId>(memberRoles),
    },
  ];
}

function rolePermissionFromWire(message: RolePermissionMessage): RolePermission[] {
  const { permission, restrictObjectType } = message;
  if (!isPermission(permission)) return [];
  if (restrictObjectType === "") return [{ permission, restrictObjectType: null }];
  return isObjectType(restrictObjectType) ? [{ permission, restrictObjectType }] : [];
}

function parentsToWire({ parent, alsoUnder, publicRead }: Parents): ParentsMessage {
  return {
    parent: parent === null ? undefined : objectToWire(parent),
    alsoUnder: alsoUnder.map(objectToWire),
    publicRead: publicRead === true,
  };
}

function parentsFromWire({ parent, alsoUnder, publicRead }: ParentsMessage): Parents | null {
  const [above] = parent === undefined ? [null] : knownObject(parent);
  if (above === undefined) return null;
  return { parent: above, alsoUnder: alsoUnder.flatMap(knownObject), ...(publicRead && { publicRead }) };
}

function accessToWire(access: Access): AccessMessage {
  const { acls } = access;
  return { ...parentsToWire(access), acls: (acls ?? []).map(aclToWire), aclsApart: acls === null };
}

function accessFromWire(message: AccessMessage): Access | null {
  const parents = parentsFromWire(message);
  if (parents === null) return null;
  return { ...parents, acls: message.aclsApart ? null : message.acls.flatMap(aclFromWire) };
}

function knownObject({ type, id }: ObjectRefMessage): ObjectRef[] {
  return isObjectType(type) ? [{ type, id: id as ObjectId }] : [];
}

function aclToWire({ id, subject, grant, expiresAtMs }: Acl): AclMessage {
  return {
    id,
    subject: subjectToWire(subject),
    grant:
      grant.kind === "permission"
        ? { $case: "permission", value: grant.permission }
        : { $case: "roleId", value: grant.id },
    restrictObjectType: (grant.kind === "permission" && grant.restrictObjectType) || "",
    expiresAt: dateOf(expiresAtMs),
  };
}

function subjectToWire({ kind, id }: Subject): NonNullable<AclMessage["subject"]> {
  return { $case: kind === "principal" ? "principalId" : "groupId", value: id };
}

function aclFromWire(message: AclMessage): Acl[] {
  const { id, expiresAt } = message;
  const subject = subjectFromWire(message);
  const grant = grantFromWire(message);
  if (subject === null || grant === null) return [];
  return [{ id: id as AclId, subject, grant, expiresAtMs: timeOf(expiresAt) }];
}

function subjectFromWire({ subject }: AclMessage): Acl["subject"] | null {
  switch (subject?.$case) {
    case undefined:
      return null;
    case "principalId":
      return { kind: "principal", id: subject.value as PrincipalId };
    case "groupId":
      return { kind: "group", id: subject.value as GroupId };
  }
}

function grantFromWire({ grant, restrictObjectType }: AclMessage): Acl["grant"] | null {
  switch (grant?.$case) {
    case undefined:
      return null;
    case "permission": {
      const [tuple] = rolePermissionFromWire({ permission: grant.value, restrictObjectType });
      return tuple === undefined ? null : { kind: "permission", ...tuple };
    }
    case "roleId":
      // Only a plain permission can be restricted; a role that claims to be is not understood.
      if (restrictObjectType !== "") return null;
      return { kind: "role", id: grant.value as RoleId };
  }
}

function credentialToWire({ id, kind, principal, expiresAtMs, scope }: Credential): CredentialMessage {
  return { id, kind, principalId: principal, expiresAt: dateOf(expiresAtMs), scope: scopeToWire(scope) };
}

function credentialFromWire(message: CredentialMessage): Credential | null {
  const { id, kind, principalId, expiresAt, scope } = message;
  if (kind !== "api_key" && kind !== "service_token" && kind !== "session") return null;
  return {
    id: id as CredentialId,
    kind,
    principal: principalId as PrincipalId,
    expiresAtMs: timeOf(expiresAt),
    scope: scopeFromWire(scope),
  };
}

export function scopeToWire(scope: Scope | null): ScopeMessage | undefined {
  if (scope === null) return undefined;
  const { permissions, objectTypes, objects } = scope;
  return {
    permissions: permissions === null ? undefined : { words: [...permissions] },
    objectTypes: objectTypes === null ? undefined : { words: [...objectTypes] },
    objects: objects === null ? undefined : { objects: [...objects] },
  };
}

/** A word that is not known stays in it, and lets nothing through. */
export function scopeFromWire(message: ScopeMessage | undefined): Scope | null {
  if (message === undefined) return null;
  const { permissions, objectTypes, objects } = message;
  return {
    permissions: permissions === undefined ? null : (permissions.words as Permission[]),
    objectTypes: objectTypes === undefined ? null : (objectTypes.words as ObjectType[]),
    objects: objects === undefined ? null : (objects.objects as ObjectRef[]),
  };
}

function idsFromWire<Id extends string>(ids: readonly string[]): readonly Id[] {
  return ids as readonly Id[];
}

function dateOf(ms: number | null): Date | undefined {
  return ms === null ? undefined : new Date(ms);
}

function timeOf(date: Date | undefined): number | null {
  return date === undefined ? null : date.getTime();
}
