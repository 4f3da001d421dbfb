// Questions in plain words, and the same on the wire.

import type { CheckRequest, Consistency } from "@portcullis/proto/decision/v1/decision";
import { freshest } from "./revisions.ts";

/** Something that access is about: its type, as `experiment`, and its id. */
export interface ObjectRef {
  readonly type: string;
  readonly id: string;
}

/** Who is asked about: a user or service account by id, or whoever holds an API key or service token. */
export type Who = { readonly principal: string } | { readonly credential: string };

/** May this principal do this to that object? */
export interface Question {
  readonly who: Who;
  /** `read`, `update`, ...: a permission of the catalog. */
  readonly permission: string;
  readonly object: ObjectRef;
}

export function whoToWire(who: Who): NonNullable<CheckRequest["who"]> {
  return "principal" in who
    ? { $case: "principalId", value: who.principal }
    : { $case: "credential", value: who.credential };
}

export function checkToWire({ who, permission, object }: Question, orgId: string): CheckRequest {
  return {
    orgId,
    who: whoToWire(who),
    permission,
    what: { $case: "object", value: { ...object } },
    consistency: undefined,
  };
}

/** How fresh an answer must be, beyond the bound that holds for all; see {@link Asking}. */
export function consistencyToWire(freshness: string | null): Consistency | undefined {
  if (freshness === null) return undefined;
  return {
    kind:
      freshness === freshest
        ? { $case: "fullyConsistent", value: {} }
        : { $case: "atLeastAsFresh", value: freshness },
  };
}
