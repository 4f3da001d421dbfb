// Proto to domain and back; the only file that knows both.

import { invalid } from "@portcullis/chassis/fault";
import { jsonObject, list, optionalText, present, text, uuid, uuids, word } from "@portcullis/chassis/fields";
import { objectFromWire, objectToWire, objectTypeFromWire } from "@portcullis/facts/wire";
import {
  type ObjectId,
  type ObjectRef,
  type ObjectType,
  type OrgId,
  objectTypeRow,
  type Permission,
  permissions,
  type RoleId,
  type RolePermission,
} from "@portcullis/policy";
import type * as proto from "@portcullis/proto/grants/v1/grants";
import {
  type Acl,
  type AclChanges,
  type AclContent,
  type AclFilter,
  type AclRemoval,
  checkRestriction,
} from "./domain/acl.ts";
import {
  type Attachment,
  type AttachmentChange,
  type AttachmentFilter,
  attachmentKinds,
  type NamedAttachment,
  type NewAttachment,
} from "./domain/attachment.ts";
import {
  identifiedBy,
  isOneOfOrganization,
  memberProjectsMax,
  type NewObject,
  nameMax,
  type ObjectChange,
  type ObjectFilter,
  type RegisteredObject,
  registeredTypes,
  sortedIds,
} from "./domain/object.ts";
import { type Payload, payloadBytesMax, payloadOf, payloadText } from "./domain/payload.ts";
import {
  type Role,
  type RoleChange,
  type RoleContent,
  type RoleFilter,
  withoutRepetition,
} from "./domain/role.ts";

const descriptionMax = 10_000;
/** The most entries of any list in a request. */
export const listMax = 10_000;
const aclsMax = 1000;
/** The last moment that a protobuf timestamp can name. */
const latest = new Date("9999-12-31T23:59:59.999Z");

export function orgFromWire(value: string): OrgId {
  return uuid(value, "org_id");
}

/** An id that may be left out. */
export function optionalId<Id extends string>(value: string, field: string): Id | null {
  return value === "" ? null : uuid(value, field);
}

/** What the caller may replace; null: whatever there is. */
export function standingFromWire<Id extends string>({
  standingId,
}: {
  readonly standingId?: string | undefined;
}): Id | null {
  return standingId === undefined ? null : uuid(standingId, "standing_id");
}

export function registeredRef(message: { readonly type: string; readonly id: string }): ObjectRef {
  return { type: registeredType(message.type, "type"), id: uuid<ObjectId>(message.id, "id") };
}

export function newObjectFromWire(message: proto.NewObject | undefined, org: OrgId): NewObject {
  const given = present(message, "object");
  const type = registeredType(given.type, "object.type");
  return {
    type,
    parent: parentFromWire(present(given.parent, "object.parent"), type, org),
    name: text(given.name, "object.name", nameMax),
    slug: slugFromWire(type, given.slug, "object.slug"),
    payload: payloadFromWire(given.payloadJson, "object.payload_json"),
    memberProjects: sortedIds(projectsFromWire(type, given.memberProjectIds, "object.member_project_ids")),
  };
}

export function objectChangeFromWire(type: ObjectType, message: proto.UpdateObjectRequest): ObjectChange {
  const { name, slug, payloadJson } = message;
  if (slug !== undefined && identifiedBy(type) !== "slug") throw noSlug("slug");
  return {
    ...(name !== undefined && { name: text(name, "name", nameMax) }),
    ...(slug !== undefined && { slug: text(slug, "slug", nameMax) }),
    ...(payloadJson !== undefined && { payload: payloadFromWire(payloadJson, "payload_json") }),
    addMemberProjects: projectsFromWire(type, message.addMemberProjectIds, "add_member_project_ids"),
    removeMemberProjects: projectsFromWire(type, message.removeMemberProjectIds, "remove_member_project_ids"),
  };
}

export function objectFilterFromWire(message: proto.ListObjectsRequest, org: OrgId): ObjectFilter {
  const type = registeredType(message.type, "type");
  if (message.projectNames.length > 0 && objectTypeRow(type).parent !== "project") {
    throw invalid("project_names", "is for the types below project only");
  }
  return {
    type,
    parent: message.parent === undefined ? null : parentFromWire(message.parent, type, org, "parent"),
    ids: uuids(message.ids, "ids", listMax),
    names: texts(message.names, "names"),
    slugs: texts(message.slugs, "slugs"),
    projectNames: texts(message.projectNames, "project_names"),
  };
}

export function objectMessage(object: RegisteredObject): proto.Object {
  return {
    id: object.id,
    orgId: object.org,
    type: object.type,
    parent: objectToWire(object.parent),
    name: object.name,
    slug: object.slug ?? "",
    payloadJson: payloadText(object.payload),
    creatorId: object.creator ?? "",
    created: object.created,
    deletedAt: object.deletedAt ?? undefined,
    memberProjectIds: [...object.memberProjects],
  };
}

export function newAttachmentFromWire(message: proto.NewAttachment | undefined): NewAttachment {
  const given = present(message, "attachment");
  const object = objectFromWire(present(given.object, "attachment.object"), "attachment.object");
  // They are deleted elsewhere, or in another way.
  if (object.type === "group" || object.type === "role") {
    throw invalid("attachment.object.type", "must not be group or role: nothing is kept with these");
  }
  return {
    kind: word(given.kind, "attachment.kind", attachmentKinds),
    object,
    name: text(given.name, "attachment.name", nameMax),
    payload: payloadFromWire(given.payloadJson, "attachment.payload_json"),
  };
}

export function attachmentFromWire(message: { readonly kind: string; readonly id: string }): NamedAttachment {
  return { kind: word(message.kind, "kind", attachmentKinds), id: uuid(message.id, "id") };
}

export function attachmentChangeFromWire({
  name,
  payloadJson,
}: proto.UpdateAttachmentRequest): AttachmentChange {
  return {
    ...(name !== undefined && { name: text(name, "name", nameMax) }),
    ...(payloadJson !== undefined && { payload: payloadFromWire(payloadJson, "payload_json") }),
  };
}

export function attachmentFilterFromWire(message: proto.ListAttachmentsRequest): AttachmentFilter {
  return {
    kind: word(message.kind, "kind", attachmentKinds),
    object: message.object === undefined ? null : objectFromWire(message.object, "object"),
    ids: uuids(message.ids, "ids", listMax),
    names: texts(message.names, "names"),
    projectNames: texts(message.projectNames, "project_names"),
  };
}

export function attachmentMessage(attachment: Attachment): proto.Attachment {
  return {
    id: attachment.id,
    orgId: attachment.org,
    kind: attachment.kind,
    object: objectToWire(attachment.object),
    name: attachment.name,
    payloadJson: payloadText(attachment.payload),
    creatorId: attachment.creator ?? "",
    created: attachment.created,
    deletedAt: attachment.deletedAt ?? undefined,
  };
}

export function roleContentFromWire(
  message: Pick<proto.CreateRoleRequest, "name" | "description" | "permissions" | "memberRoleIds">,
): RoleContent {
  return {
    name: text(message.name, "name", nameMax),
    description: descriptionFromWire(message.description) ?? null,
    permissions: withoutRepetition(permissionsFromWire(message.permissions, "permissions")),
    memberRoles: [...new Set(uuids<RoleId>(message.memberRoleIds, "member_role_ids", listMax))],
  };
}

export function roleChangeFromWire(message: proto.UpdateRoleRequest): RoleChange {
  const { name, replacePermissions, replaceMemberRoleIds } = message;
  const description = descriptionFromWire(message.description);
  return {
    ...(name !== undefined && { name: text(name, "name", nameMax) }),
    ...(description !== undefined && { description }),
    ...(replacePermissions !== undefined && {
      replacePermissions: permissionsFromWire(
        replacePermissions.permissions,
        "replace_permissions.permissions",
      ),
    }),
    ...(replaceMemberRoleIds !== undefined && {
      replaceMemberRoles: uuids<RoleId>(replaceMemberRoleIds.ids, "replace_member_role_ids.ids", listMax),
    }),
    addPermissions: permissionsFromWire(message.addPermissions, "add_permissions"),
    removePermissions: permissionsFromWire(message.removePermissions, "remove_permissions"),
    addMemberRoles: uuids(message.addMemberRoleIds, "add_member_role_ids", listMax),
    removeMemberRoles: uuids(message.removeMemberRoleIds, "remove_member_role_ids", listMax),
  };
}

/** Where a whole role names a member. */
export function memberField(message: { readonly memberRoleIds: readonly string[] }, member: RoleId): string {
  return `member_role_ids[${message.memberRoleIds.indexOf(member)}]`;
}

/** Where an update names a member. */
export function changedMemberField(message: proto.UpdateRoleRequest, member: RoleId): string {
  const replaced = message.replaceMemberRoleIds?.ids.indexOf(member) ?? -1;
  return replaced >= 0
    ? `replace_member_role_ids.ids[${replaced}]`
    : `add_member_role_ids[${message.addMemberRoleIds.indexOf(member)}]`;
}

export function roleFilterFromWire(message: proto.ListRolesRequest): RoleFilter {
  return { ids: uuids(message.ids, "ids", listMax), names: texts(message.names, "names") };
}

export function roleMessage(role: Role): proto.Role {
  return {
    id: role.id,
    orgId: role.org ?? "",
    creatorId: role.creator ?? "",
    created: role.created,
    name: role.name,
    description: role.description ?? undefined,
    permissions: role.permissions.map(({ permission, restrictObjectType }) => ({
      permission,
      restrictObjectType: restrictObjectType ?? "",
    })),
    memberRoleIds: [...role.memberRoles],
    deletedAt: role.deletedAt ?? undefined,
  };
}

export function aclChangesFromWire(message: proto.UpdateAclsRequest): AclChanges {
  const items = message.add.length + message.remove.length;
  if (items > aclsMax)
    throw invalid("add", `holds ${items} items with remove; at most ${aclsMax} are allowed`);
  return {
    add: message.add.map((content, index) => {
      const parsed = aclContentFromWire(content, `add[${index}]`);
      checkRestriction(parsed, `add[${index}]`);
      return parsed;
    }),
    remove: message.remove.map((removal, index) => aclRemovalFromWire(removal, `remove[${index}]`)),
    addingAgain: {
      unchanged: placesFromWire(message.addingAgain?.unchanged, "adding_again.unchanged"),
      noSooner: placesFromWire(message.addingAgain?.noSooner, "adding_again.no_sooner"),
    },
  };
}

function placesFromWire(places: readonly number[] = [], field: string): ReadonlySet<number> {
  return new Set(list(places, field, aclsMax));
}

export function aclFilterFromWire(message: proto.ListAclsRequest): AclFilter {
  return {
    object: message.object === undefined ? null : objectFromWire(message.object, "object"),
    objectType: optionalType(message.objectType, "object_type"),
    ids: uuids(message.ids, "ids", listMax),
    principal: optionalId(message.principalId, "principal_id"),
    group: optionalId(message.groupId, "group_id"),
    permission: message.permission === "" ? null : permissionFromWire(message.permission, "permission"),
    restrictObjectType: optionalType(message.restrictObjectType, "restrict_object_type"),
    role: optionalId(message.roleId, "role_id"),
  };
}

export function aclMessage(acl: Acl): proto.Acl {
  const { object, subject, grant, expiresAt } = acl.content;
  return {
    id: acl.id,
    orgId: acl.org,
    content: {
      object: objectToWire(object),
      subject:
        subject.kind === "principal"
          ? { $case: "principalId", value: subject.id }
          : { $case: "groupId", value: subject.id },
      grant:
        grant.kind === "permission"
          ? { $case: "permission", value: grant.permission }
          : { $case: "roleId", value: grant.id },
      restrictObjectType: grant.kind === "permission" ? (grant.restrictObjectType ?? "") : "",
      expiresAt: expiresAt ?? undefined,
    },
    created: acl.created,
  };
}

function registeredType(value: string, field: string): ObjectType {
  return word(value, field, registeredTypes);
}

function optionalType(value: string, field: string): ObjectType | null {
  return value === "" ? null : objectTypeFromWire(value, field);
}

function permissionFromWire(value: string, field: string): Permission {
  return word(value, field, permissions);
}

function parentFromWire(
  message: { readonly type: string; readonly id: string },
  type: ObjectType,
  org: OrgId,
  field = "object.parent",
): ObjectRef {
  const parent = objectFromWire(message, field);
  const expected = objectTypeRow(type).parent;
  if (parent.type !== expected) throw invalid(`${field}.type`, `must be ${expected}`);
  if (isOneOfOrganization(parent.type) && (parent.id as string) !== org) {
    throw invalid(field, "no such object");
  }
  return parent;
}

function slugFromWire(type: ObjectType, slug: string, field: string): string | null {
  if (identifiedBy(type) === "slug") return text(slug, field, nameMax);
  if (slug !== "") throw noSlug(field);
  return null;
}

function projectsFromWire(type: ObjectType, ids: readonly string[], field: string): readonly ObjectId[] {
  if (ids.length > 0 && type !== "project_group") throw invalid(field, "is for project groups only");
  return uuids(ids, field, memberProjectsMax);
}

function noSlug(field: string) {
  return invalid(field, "is for prompts only");
}

function payloadFromWire(value: string, field: string): Payload {
  return payloadOf(jsonObject(value, field, payloadBytesMax), field);
}

function texts(values: readonly string[], field: string): readonly string[] {
  return list(values, field, listMax).map((value, index) =>
    optionalText(value, `${field}[${index}]`, nameMax),
  );
}

function descriptionFromWire(description: string | undefined): string | undefined {
  return description === undefined ? undefined : optionalText(description, "description", descriptionMax);
}

function permissionsFromWire(messages: readonly proto.RolePermission[], field: string): RolePermission[] {
  return list(messages, field, listMax).map((message, index) => ({
    permission: permissionFromWire(message.permission, `${field}[${index}].permission`),
    restrictObjectType: optionalType(message.restrictObjectType, `${field}[${index}].restrict_object_type`),
  }));
}

function aclContentFromWire(message: proto.AclContent, field: string): AclContent {
  return {
    object: objectFromWire(present(message.object, `${field}.object`), `${field}.object`),
    subject: subjectFromWire(message, field),
    grant: grantFromWire(message, field),
    expiresAt: expiryFromWire(message.expiresAt, `${field}.expires_at`),
  };
}

function subjectFromWire({ subject }: proto.AclContent, field: string): AclContent["subject"] {
  switch (subject?.$case) {
    case undefined:
      throw invalid(field, "must name exactly one of user and group");
    case "principalId":
      return { kind: "principal", id: uuid(subject.value, `${field}.principal_id`) };
    case "groupId":
      return { kind: "group", id: uuid(subject.value, `${field}.group_id`) };
  }
}

function grantFromWire(message: proto.AclContent, field: string): AclContent["grant"] {
  const { grant } = message;
  const restrictObjectType = optionalType(message.restrictObjectType, `${field}.restrict_object_type`);
  switch (grant?.$case) {
    case undefined:
      throw invalid(field, "must name exactly one of permission and role");
    case "permission":
      return {
        kind: "permission",
        permission: permissionFromWire(grant.value, `${field}.permission`),
        restrictObjectType,
      };
    case "roleId":
      if (restrictObjectType !== null) {
        throw invalid(
          `${field}.restrict_object_type`,
          "may stand beside a permission only, not beside a role",
        );
      }
      return { kind: "role", id: uuid(grant.value, `${field}.role_id`) };
  }
}

function expiryFromWire(expiresAt: Date | undefined, field: string): Date | null {
  if (expiresAt === undefined) return null;
  if (!(expiresAt <= latest)) throw invalid(field, "must be a time before the year 10000");
  return expiresAt;
}

function aclRemovalFromWire({ what }: proto.AclRemoval, field: string): AclRemoval {
  switch (what?.$case) {
    case undefined:
      throw invalid(field, "must name an id or a content");
    case "id":
      return { by: "id", id: uuid(what.value, `${field}.id`) };
    case "content":
      return { by: "content", content: aclContentFromWire(what.value, `${field}.content`) };
  }
}
