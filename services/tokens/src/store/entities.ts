import { defineEntity, type InferEntity, p } from "@mikro-orm/core";
import type { CredentialKind } from "@portcullis/credential";
import type { Scope } from "@portcullis/policy";

export const CredentialRow = defineEntity({
  name: "Credential",
  tableName: "credential",
  properties: {
    id: p.uuid().primary(),
    orgId: p.uuid(),
    kind: p.string().$type<CredentialKind>(),
    principalId: p.uuid(),
    name: p.string(),
    preview: p.string(),
    digest: p.string(),
    created: p.datetime(3),
    expiresAt: p.datetime(3).nullable(),
    revokedAt: p.datetime(3).nullable(),
    rotatedAt: p.datetime(3).nullable(),
    madeFrom: p.uuid().nullable(),
    scope: p.json().$type<Scope>().nullable(),
  },
});

export type CredentialRow = InferEntity<typeof CredentialRow>;
