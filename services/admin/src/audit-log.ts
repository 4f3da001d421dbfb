// The logs of all owners as one list, newest first. Each owner has its own clock, and counts for itself: the order is by
// time, then by owner, then by position, and a cursor is a place in that order.

import { Fault, invalid } from "@portcullis/chassis/fault";
import { type Owner, owners } from "@portcullis/policy";
import type { AuditEvent, Place } from "@portcullis/proto/audit/v1/audit";

/** The place of an event in the list of all owners. */
export interface Cursor {
  readonly at: Date;
  readonly owner: Owner;
  readonly position: number;
}

/** What one owner has behind the cursor, newest first. */
export interface OwnerPage {
  readonly owner: Owner;
  readonly events: readonly AuditEvent[];
  readonly more: boolean;
}

export interface AuditPage {
  readonly events: readonly AuditEvent[];
  /** Where the rest begins; null when there is none. */
  readonly next: Cursor | null;
}

/** What of an owner's log comes behind a cursor. */
export function behindIn(owner: Owner, cursor: Cursor): Place {
  const order = owners.indexOf(owner) - owners.indexOf(cursor.owner);
  // At the very same time, all of a later owner's events come behind, and none of an earlier owner's.
  const position = order === 0 ? cursor.position : order > 0 ? Number.MAX_SAFE_INTEGER : 0;
  return { at: cursor.at, position };
}

/** Merges what the owners answered. Where an owner's answer ends early, so does the page: what it left out may come next. */
export function mergePages(pages: readonly OwnerPage[], limit: number): AuditPage {
  const ends = pages.filter((page) => page.more).map((page) => placeOf(page.events.at(-1)));
  const [end] = ends.sort(newestFirst);
  const all = pages.flatMap((page) => page.events).map((event) => ({ event, place: placeOf(event) }));
  all.sort((one, other) => newestFirst(one.place, other.place));
  const shown = all.filter(({ place }) => end === undefined || newestFirst(place, end) <= 0).slice(0, limit);
  const isAll = end === undefined && shown.length === all.length;
  return {
    events: shown.map(({ event }) => event),
    next: isAll ? null : (shown.at(-1)?.place ?? null),
  };
}

function newestFirst(one: Cursor, other: Cursor): number {
  return (
    other.at.getTime() - one.at.getTime() ||
    owners.indexOf(one.owner) - owners.indexOf(other.owner) ||
    other.position - one.position
  );
}

function placeOf(event: AuditEvent | undefined): Cursor {
  const owner = owners.find((name) => name === event?.owner);
  if (event?.at === undefined || owner === undefined) throw new Fault("internal", "internal");
  return { at: event.at, owner, position: event.position };
}

/** An opaque text. */
export function encodeCursor({ at, owner, position }: Cursor): string {
  return Buffer.from(`${at.getTime()}.${owner}.${position}`).toString("base64url");
}

/** Throws for a text that {@link encodeCursor} did not write. */
export function decodeCursor(text: string): Cursor {
  const parts = /^(\d{1,15})\.(\w{1,16})\.([1-9]\d{0,15})$/.exec(Buffer.from(text, "base64url").toString());
  const owner = owners.find((name) => name === parts?.[2]);
  if (owner !== undefined) {
    const cursor = { at: new Date(Number(parts?.[1])), owner, position: Number(parts?.[3]) };
    if (Number.isSafeInteger(cursor.position) && encodeCursor(cursor) === text) return cursor;
  }
  throw invalid("cursor", "is no cursor of this list");
}
