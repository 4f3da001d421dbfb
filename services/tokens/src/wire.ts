// Proto to domain and back; the only file that knows both.

import { invalid } from "@portcullis/chassis/fault";
import { list, uuid, word } from "@portcullis/chassis/fields";
import type { CredentialKind } from "@portcullis/credential";
import { objectFromWire, objectTypeFromWire, scopeToWire } from "@portcullis/facts/wire";
import { type OrgId, permissions, type Scope } from "@portcullis/policy";
import type { Scope as ScopeMessage } from "@portcullis/proto/scope/v1/scope";
import type { Credential as CredentialMessage } from "@portcullis/proto/tokens/v1/tokens";
import type { Credential } from "./domain/credential.ts";

const kinds = ["api_key", "service_token", "session"] as const satisfies readonly CredentialKind[];
const keptKinds = ["api_key", "service_token"] as const satisfies readonly CredentialKind[];

export function kindFromWire(value: string): CredentialKind {
  return word(value, "kind", kinds);
}

/** Of what its holder keeps: a session is made in another way. */
export function keptKindFromWire(value: string): (typeof keptKinds)[number] {
  return word(value, "kind", keptKinds);
}

export function orgFromWire(value: string): OrgId {
  return uuid(value, "org_id");
}

const partMax = 100;

/** A scope that somebody asks for: of known words, and narrowing something. */
export function newScopeFromWire(message: ScopeMessage | undefined): Scope | null {
  if (message === undefined) return null;
  const scope: Scope = {
    permissions: part(message.permissions?.words, "scope.permissions", (value, field) =>
      word(value, field, permissions),
    ),
    objectTypes: part(message.objectTypes?.words, "scope.object_types", objectTypeFromWire),
    objects: part(message.objects?.objects, "scope.objects", objectFromWire),
  };
  if (scope.permissions === null && scope.objectTypes === null && scope.objects === null) {
    throw invalid("scope", "must name permissions, object_types or objects");
  }
  return scope;
}

/** An empty part would let nothing through, which is no use to anybody. */
function part<Item, Read>(
  items: readonly Item[] | undefined,
  field: string,
  read: (item: Item, field: string) => Read,
): readonly Read[] | null {
  if (items === undefined) return null;
  if (items.length === 0) throw invalid(field, "must not be empty");
  return list(items, field, partMax).map((item, index) => read(item, `${field}[${index}]`));
}

export function credentialToWire(credential: Credential, lastUsedAt?: Date): CredentialMessage {
  return {
    id: credential.id,
    orgId: credential.org,
    kind: credential.kind,
    principalId: credential.principal,
    name: credential.name,
    preview: credential.preview,
    created: credential.created,
    expiresAt: credential.expiresAt ?? undefined,
    revokedAt: credential.revokedAt ?? undefined,
    rotatedAt: credential.rotatedAt ?? undefined,
    scope: scopeToWire(credential.scope),
    lastUsedAt,
    madeFrom: credential.madeFrom ?? "",
  };
}
