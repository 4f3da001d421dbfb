import { defineEntity, type InferEntity, p } from "@mikro-orm/core";
import type { ObjectId, ObjectType, Permission, RoleId, RolePermission } from "@portcullis/policy";
import type { AttachmentKind } from "../domain/attachment.ts";
import type { Payload } from "../domain/payload.ts";

export const ObjectRow = defineEntity({
  name: "Object",
  tableName: "object",
  properties: {
    id: p.uuid().primary(),
    orgId: p.uuid(),
    type: p.string().$type<ObjectType>(),
    parentType: p.string().$type<ObjectType>(),
    parentId: p.uuid(),
    name: p.string(),
    slug: p.string().nullable(),
    payload: p.json<Payload>(),
    memberProjects: p.array().columnType("uuid[]").$type<readonly ObjectId[]>(),
    creatorId: p.uuid().nullable(),
    created: p.datetime(3),
    deletedAt: p.datetime(3).nullable(),
  },
});
export type ObjectRow = InferEntity<typeof ObjectRow>;

export const AttachmentRow = defineEntity({
  name: "Attachment",
  tableName: "attachment",
  properties: {
    id: p.uuid().primary(),
    orgId: p.uuid(),
    kind: p.string().$type<AttachmentKind>(),
    objectType: p.string().$type<ObjectType>(),
    objectId: p.uuid(),
    name: p.string(),
    payload: p.json<Payload>(),
    creatorId: p.uuid().nullable(),
    created: p.datetime(3),
    deletedAt: p.datetime(3).nullable(),
  },
});
export type AttachmentRow = InferEntity<typeof AttachmentRow>;

export const RoleRow = defineEntity({
  name: "Role",
  tableName: "role",
  properties: {
    id: p.uuid().primary(),
    orgId: p.uuid(),
    creatorId: p.uuid().nullable(),
    created: p.datetime(3),
    name: p.string(),
    description: p.string().nullable(),
    permissions: p.json<readonly RolePermission[]>(),
    memberRoles: p.array().columnType("uuid[]").$type<readonly RoleId[]>(),
    deletedAt: p.datetime(3).nullable(),
  },
});
export type RoleRow = InferEntity<typeof RoleRow>;

export const AclRow = defineEntity({
  name: "Acl",
  tableName: "acl",
  properties: {
    id: p.uuid().primary(),
    orgId: p.uuid(),
    objectType: p.string().$type<ObjectType>(),
    objectId: p.uuid(),
    subjectKind: p.string().$type<"principal" | "group">(),
    subjectId: p.uuid(),
    permission: p.string().$type<Permission>().nullable(),
    roleId: p.uuid().nullable(),
    restrictObjectType: p.string().$type<ObjectType>().nullable(),
    expiresAt: p.datetime(3).nullable(),
    builtIn: p.boolean(),
    created: p.datetime(3),
  },
});
export type AclRow = InferEntity<typeof AclRow>;
