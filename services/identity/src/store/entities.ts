import { defineEntity, type InferEntity, p } from "@mikro-orm/core";
import type { PrincipalKind } from "@portcullis/policy";
import type { Settings } from "../domain/organization.ts";

export const OrganizationRow = defineEntity({
  name: "Organization",
  tableName: "organization",
  properties: {
    id: p.uuid().primary(),
    name: p.string(),
    created: p.datetime(3),
    settings: p.json().$type<Settings>(),
  },
});

export type OrganizationRow = InferEntity<typeof OrganizationRow>;

const principal = {
  kind: p.string().$type<PrincipalKind>(),
  email: p.string().nullable(),
  emailKey: p.string().nullable(),
  givenName: p.string().nullable(),
  familyName: p.string().nullable(),
  avatarUrl: p.string().nullable(),
  created: p.datetime(3),
};

export const PrincipalRow = defineEntity({
  name: "Principal",
  tableName: "principal",
  properties: { id: p.uuid().primary(), ...principal },
});

export type PrincipalRow = InferEntity<typeof PrincipalRow>;

/** A view: the principals that are members now, once for each of their organisations. */
export const ActiveMemberRow = defineEntity({
  name: "ActiveMember",
  tableName: "active_member",
  properties: { id: p.uuid().primary(), orgId: p.uuid().primary(), ...principal },
});

export type ActiveMemberRow = InferEntity<typeof ActiveMemberRow>;
