import { type Owner, owners } from "@portcullis/policy";
import type { AuditEvent } from "@portcullis/proto/audit/v1/audit";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  behindIn,
  type Cursor,
  decodeCursor,
  encodeCursor,
  mergePages,
  type OwnerPage,
} from "./audit-log.ts";

// Four logs whose clocks run as they like, and owners that answer less than was asked for.

interface Logged {
  readonly owner: Owner;
  readonly position: number;
  readonly at: number;
}

const logs = fc
  .tuple(...owners.map(() => fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 12 })))
  .map((times) =>
    times.flatMap((of, index) =>
      of.map((at, place): Logged => ({ owner: owners[index] as Owner, position: place + 1, at })),
    ),
  );

const nameOf = ({ owner, position }: Pick<Logged, "owner" | "position">) => `${owner} ${position}`;

function pageOf(all: readonly Logged[], owner: Owner, cursor: Cursor | null, most: number): OwnerPage {
  const behind = cursor && behindIn(owner, cursor);
  const rest = all
    .filter((event) => event.owner === owner)
    .filter(({ at, position }) => {
      const time = behind?.at?.getTime();
      return (
        behind === null || time === undefined || at < time || (at === time && position < behind.position)
      );
    })
    .toSorted((one, other) => other.at - one.at || other.position - one.position);
  const events = rest.slice(0, most).map(
    (event): AuditEvent => ({
      ...event,
      at: new Date(event.at),
      context: undefined,
      action: "",
      subject: undefined,
      beforeJson: "",
      afterJson: "",
      hash: "",
    }),
  );
  return { owner, events, more: events.length < rest.length };
}

test("page by page, every event comes once and in order, whatever the owners leave out", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 7 });
  fc.assert(
    fc.property(logs, sizes, fc.integer({ min: 1, max: 8 }), (all, answers, limit) => {
      const seen: AuditEvent[] = [];
      let cursor: Cursor | null = null;
      for (let call = 0; call <= all.length; call++) {
        const at: Cursor | null = cursor;
        const pages = owners.map((owner, index) => {
          const most = Math.min(limit, answers[(call + index) % answers.length] ?? 1);
          return pageOf(all, owner, at, most);
        });
        const page = mergePages(pages, limit);
        expect(page.events.length).toBeLessThanOrEqual(limit);
        seen.push(...page.events);
        cursor = page.next && decodeCursor(encodeCursor(page.next));
        if (cursor === null) break;
        expect(page.events.length).toBeGreaterThan(0);
      }
      expect(cursor).toBeNull();
      const inOrder = all.toSorted(
        (one, other) =>
          other.at - one.at ||
          owners.indexOf(one.owner) - owners.indexOf(other.owner) ||
          other.position - one.position,
      );
      expect(seen.map((event) => nameOf(event as unknown as Logged))).toEqual(inOrder.map(nameOf));
    }),
  );
});

test("what comes in between two pages moves nothing", () => {
  fc.assert(
    fc.property(logs, fc.integer({ min: 1, max: 8 }), (all, limit) => {
      const pagesOf = (of: readonly Logged[], cursor: Cursor | null) =>
        mergePages(
          owners.map((owner) => pageOf(of, owner, cursor, limit)),
          limit,
        );
      const first = pagesOf(all, null);
      fc.pre(first.next !== null);
      const later = owners.map((owner): Logged => ({ owner, position: 99, at: 7 }));
      expect(pagesOf([...all, ...later], first.next)).toEqual(pagesOf(all, first.next));
    }),
  );
});

test("a cursor that was not written here is refused", () => {
  const cursor = encodeCursor({ at: new Date(1_700_000_000_000), owner: "groups", position: 7 });
  expect(decodeCursor(cursor)).toEqual({ at: new Date(1_700_000_000_000), owner: "groups", position: 7 });
  const encoded = (text: string) => Buffer.from(text).toString("base64url");
  const wrong = [
    "",
    "x",
    `${cursor}A`,
    `${cursor}=`,
    ` ${cursor}`,
    encoded("1.groups.0"),
    encoded("1.groups.07"),
    encoded("01.groups.7"),
    encoded("-1.groups.7"),
    encoded("1.grants'.7"),
    encoded("1.admin.7"),
    encoded("1.groups.9007199254740993"),
    encoded("1.groups.7.8"),
    encoded("999999999999999.groups.7\n"),
  ];
  for (const text of wrong) {
    expect(() => decodeCursor(text), text).toThrow("cursor: is no cursor of this list");
  }
  fc.assert(
    fc.property(fc.string(), (text) => {
      let decoded: Cursor;
      try {
        decoded = decodeCursor(text);
      } catch (error) {
        expect(error).toMatchObject({ kind: "invalid", field: "cursor" });
        return;
      }
      expect(encodeCursor(decoded)).toBe(text);
    }),
  );
});
