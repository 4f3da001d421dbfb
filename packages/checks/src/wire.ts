// Proto to domain and back; the only file that knows both.

import { invalid } from "@portcullis/chassis/fault";
import { present, uuid, word } from "@portcullis/chassis/fields";
import { type Consistency, decodeRevision, minimizeLatency, type Revision } from "@portcullis/facts";
import { objectFromWire, objectTypeFromWire } from "@portcullis/facts/wire";
import { type OrgId, type Permission, type PrincipalId, permissions, type Target } from "@portcullis/policy";
import type { CheckRequest, Consistency as ConsistencyMessage } from "@portcullis/proto/decision/v1/decision";

/** Who is asked about: a principal of an organisation, or whoever holds a credential. */
export type Who =
  | { readonly kind: "principal"; readonly org: OrgId; readonly principal: PrincipalId }
  /** The organisation that the request named, if it did. */
  | { readonly kind: "credential"; readonly org: OrgId | null; readonly secret: string };

const fullyConsistent: Consistency = { kind: "fully_consistent" };
const credentialMax = 512;
const tokenMax = 4096;
const pageUsual = 100;
const pageMax = 1000;

export function whoFromWire(request: Pick<CheckRequest, "orgId" | "who">, field = ""): Who {
  const who = present(request.who, `${field}who`);
  if (who.$case === "principalId") {
    return {
      kind: "principal",
      org: uuid(request.orgId, `${field}org_id`),
      principal: uuid(who.value, `${field}principal_id`),
    };
  }
  if (who.value.length > credentialMax) {
    throw invalid(`${field}credential`, `is longer than ${credentialMax} characters`);
  }
  const org = request.orgId === "" ? null : uuid<OrgId>(request.orgId, `${field}org_id`);
  return { kind: "credential", org, secret: who.value };
}

export function permissionFromWire(value: string, field = ""): Permission {
  return word(value, `${field}permission`, permissions);
}

export function targetFromWire(what: CheckRequest["what"], field = ""): Target {
  const target = present(what, `${field}what`);
  if (target.$case === "object") {
    return { kind: "object", object: objectFromWire(target.value, `${field}object`) };
  }
  return {
    kind: "place",
    type: objectTypeFromWire(target.value.type, `${field}place.type`),
    parent: objectFromWire(present(target.value.parent, `${field}place.parent`), `${field}place.parent`),
  };
}

/** How many entries a page of a list holds at most. */
export function pageLimitFromWire(limit: number): number {
  if (limit > pageMax) throw invalid("limit", `must be at most ${pageMax}`);
  return limit === 0 ? pageUsual : limit;
}

/** For a question about this organisation. */
export function consistencyFromWire(message: ConsistencyMessage | undefined, org: OrgId): Consistency {
  switch (message?.kind?.$case) {
    case undefined:
    case "minimizeLatency":
      return minimizeLatency;
    case "fullyConsistent":
      return fullyConsistent;
    case "atLeastAsFresh": {
      const revision = revisionFromText(message.kind.value, "consistency.at_least_as_fresh", org);
      return { kind: "at_least_as_fresh", revision };
    }
  }
}

/** A revision of this organisation; null: it can't be read. */
export function revisionFromText(token: string, field: string, org: OrgId): Revision | null {
  if (token.length > tokenMax) throw invalid(field, `is longer than ${tokenMax} characters`);
  const revision = decodeRevision(token);
  if (revision !== null && revision.org !== org)
    throw invalid(field, "is a revision of another organization");
  return revision;
}
