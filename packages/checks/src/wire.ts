// Proto to domain and back; the only file that knows both.

import { invalid } from "@portcullis/chassis/fault";
import { present, uuid, word } from "@portcullis/chassis/fields";
import { type Consistency, decodeRevision, minimizeLatency, type Revision } from "@portcullis/facts";
import { objectTypeFromWire } from "@portcullis/facts/wire";
import {
  type ObjectId,
  type ObjectRef,
  type OrgId,
  type Permission,
  type PrincipalId,
  permissions,
  type Target,
} from "@portcullis/policy";
import type { CheckRequest, Consistency as ConsistencyMessage } from "@portcullis/proto/decision/v1/decision";
import type { ObjectRef as ObjectRefMessage } from "@portcullis/proto/events/v1/events";

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

export function whoFromWire({ orgId, who }: Pick<CheckRequest, "orgId" | "who">): Who {
  const read = whoAsItCame(who, orgId);
  if (read.kind === "principal") uuid(read.principal, "principal_id");
  return read;
}

/** Without a look at the principal's id: see {@link verifyIds}. */
export function whoAsItCame(who: CheckRequest["who"], orgId: string): Who {
  const { $case, value } = present(who, "who");
  if ($case === "principalId") {
    return { kind: "principal", org: orgFromWire(orgId), principal: value as PrincipalId };
  }
  if (value.length > credentialMax) {
    throw invalid("credential", `is longer than ${credentialMax} characters`);
  }
  return { kind: "credential", org: orgId === "" ? null : orgFromWire(orgId), secret: value };
}

let lastOrg: string | null = null;

/** One question after the other is about the same organisation. */
function orgFromWire(value: string): OrgId {
  if (value !== lastOrg) lastOrg = uuid<OrgId>(value, "org_id");
  return value as OrgId;
}

export function permissionFromWire(value: string, field = ""): Permission {
  return word(value, `${field}permission`, permissions);
}

/** Without a look at the object's id: see {@link verifyIds}. */
export function targetAsItCame(what: CheckRequest["what"]): Target {
  const target = present(what, "what");
  if (target.$case === "object") {
    return { kind: "object", object: objectAsItCame(target.value, "object") };
  }
  const { type, parent } = target.value;
  return {
    kind: "place",
    type: objectTypeFromWire(type, "place.type"),
    parent: objectAsItCame(present(parent, "place.parent"), "place.parent"),
  };
}

function objectAsItCame({ type, id }: ObjectRefMessage, field: string): ObjectRef {
  return { type: objectTypeFromWire(type, `${field}.type`), id: id as ObjectId };
}

/** Throws for ids of principals and objects that are none. */
export function verifyIds({ who, what }: Pick<CheckRequest, "who" | "what">): void {
  if (who?.$case === "principalId") uuid(who.value, "principal_id");
  if (what?.$case === "object") uuid(what.value.id, "object.id");
  if (what?.$case === "place") uuid(what.value.parent?.id ?? "", "place.parent.id");
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
