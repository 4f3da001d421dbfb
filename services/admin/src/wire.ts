// What REST says in another way than the contracts between our services: times, pages, revisions, names of fields.

import { Fault, invalid } from "@portcullis/chassis/fault";
import { encodeRevision, historyOf, mergeRevisions, type Revision as Seen } from "@portcullis/facts/revision";
import { type OrgId, type Owner, owners } from "@portcullis/policy";
import type { Revision } from "@portcullis/proto/events/v1/events";
import type { Page } from "@portcullis/proto/listing/v1/listing";
import type { z } from "zod";

/** RFC 3339 with milliseconds, or null. */
export function timeText(time: Date | undefined): string | null {
  return time?.toISOString() ?? null;
}

/** An id that may be empty on the wire. */
export function idOrNull(id: string): string | null {
  return id === "" ? null : id;
}

/** A message that a successful answer always holds. */
export function present<T>(message: T | undefined): T {
  if (message === undefined) throw new Fault("internal", "internal");
  return message;
}

/** The list parameters of a request. */
export interface PageQuery {
  readonly limit?: number | undefined;
  readonly starting_after?: string | undefined;
  readonly ending_before?: string | undefined;
}

export function pageToWire(query: PageQuery): Page {
  if (query.starting_after !== undefined && query.ending_before !== undefined) {
    throw invalid("ending_before", "can't be given together with starting_after");
  }
  return {
    limit: query.limit,
    startingAfter: query.starting_after ?? "",
    endingBefore: query.ending_before ?? "",
  };
}

/** One token of all places that a write went to; null when it wrote nothing. */
export function revisionToken(revisions: readonly (Revision | undefined)[]): string | null {
  const tokens: readonly Seen[] = revisions
    .filter((revision) => revision !== undefined)
    .map((revision) => ({
      org: revision.orgId as OrgId,
      seen: [
        {
          owner: ownerOf(revision.owner),
          history: historyOf(revision.incarnation),
          position: revision.position,
        },
      ],
    }));
  return tokens.length === 0 ? null : encodeRevision(tokens.reduce(mergeRevisions));
}

function ownerOf(word: string): Owner {
  const owner = owners.find((candidate) => candidate === word);
  if (owner === undefined) throw new Fault("internal", "internal");
  return owner;
}

/** Makes a route's `fieldOf`: each pattern that fits the owner's field is replaced, one after the other. */
export function renames(...rules: readonly (readonly [RegExp, string])[]): (field: string) => string {
  const all = [[/^page\./, ""] as const, ...rules];
  return (field) => all.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), field);
}

/** A stored value, shown as null when there is none. */
export function orNull<T extends z.ZodType>(schema: T) {
  return schema.nullable().default(null as z.util.NoUndefined<z.output<z.ZodNullable<T>>>);
}
