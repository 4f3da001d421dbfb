// What the facade answers, as far as the program looks at it; the rest is shown by --json as it came.

import { objectTypeNames, permissions } from "@portcullis/policy";
import { z } from "zod";

export const permission = z.enum(permissions);
export const objectType = z.enum(objectTypeNames);
const text = z.string().nullable();

export const user = z.looseObject({ id: z.string(), given_name: text, family_name: text, email: text });

export const self = user.extend({
  organizations: z.array(z.object({ id: z.string(), name: z.string() })).min(1),
});

const member = z.looseObject({
  id: z.string(),
  kind: z.enum(["user", "service_account"]),
  name: text,
  email: text,
  last_used_at: text,
});
export type Member = z.infer<typeof member>;
export const memberPage = z.object({ members: z.array(member), cursor: text, total: z.number() });

export const group = z.looseObject({
  id: z.string(),
  name: z.string(),
  description: text,
  member_users: z.array(z.string()),
  member_groups: z.array(z.string()),
});
export type Group = z.infer<typeof group>;

export const role = z.looseObject({
  id: z.string(),
  /** Null: the system's. */
  org_id: text,
  name: z.string(),
  description: text,
  member_permissions: z.array(z.object({ permission, restrict_object_type: objectType.nullable() })),
  member_roles: z.array(z.string()),
});
export type Role = z.infer<typeof role>;

export const acl = z.looseObject({
  id: z.string(),
  object_type: objectType,
  object_id: z.string(),
  user_id: text,
  group_id: text,
  permission: permission.nullable(),
  restrict_object_type: objectType.nullable(),
  role_id: text,
  expires_at: text,
});
export type Acl = z.infer<typeof acl>;

const credential = z.looseObject({
  id: z.string(),
  name: z.string(),
  preview_name: z.string(),
  created: text,
  expires_at: text,
  last_used_at: text,
  rotated_at: text,
});
export const apiKey = credential.extend({ user_email: text });
export const serviceToken = credential.extend({ service_account_name: text });

/** A secret is in the answer that makes it, and nowhere else. */
export const secret = { key: z.string() } as const;
