import type { EntityName, FilterQuery, FindOptions } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { invalid } from "@portcullis/chassis/fault";
import { isUuid } from "@portcullis/chassis/fields";
import type { Page } from "@portcullis/proto/listing/v1/listing";

/** A list without a limit ends here, and no limit may be larger. */
export const pageMax = 10_000;

/** What can be listed. `created` must have millisecond precision in the database: cursors compare it. */
interface Listable {
  id: string;
  created: Date;
}

/** One page of the rows that match, newest first by (created, id). */
export async function listPage<Row extends Listable>(
  em: EntityManager,
  entity: EntityName<Row>,
  where: FilterQuery<Row>,
  page: Page | undefined,
  options: Pick<FindOptions<Row>, "populate"> = {},
): Promise<Row[]> {
  const limit = pageLimit(page);
  const cursorId = page?.startingAfter || page?.endingBefore;
  const backwards = Boolean(page?.endingBefore);
  const conditions: unknown[] = [where];
  if (cursorId) {
    const field = backwards ? "page.ending_before" : "page.starting_after";
    const cursor = isUuid(cursorId)
      ? await em.findOne(entity, { $and: [where, { id: cursorId }] } as never)
      : null;
    if (cursor === null) throw invalid(field, "is no object of this list");
    const beyond = backwards ? "$gt" : "$lt";
    conditions.push({
      $or: [
        { created: { [beyond]: cursor.created } },
        { created: cursor.created, id: { [beyond]: cursor.id } },
      ],
    });
  }
  if (limit === 0) return [];
  const order = backwards ? "asc" : "desc";
  const rows = await em.find(
    entity,
    { $and: conditions } as never, // the ORM's type of a filter can't be written for an entity not yet known
    { ...options, orderBy: { created: order, id: order }, limit } as FindOptions<Row>,
  );
  return backwards ? rows.reverse() : rows;
}

/** How many rows a page may hold. Refuses a limit that is too large, and two cursors at once. */
export function pageLimit(page: Page | undefined): number {
  const limit = page?.limit ?? pageMax;
  if (limit > pageMax) throw invalid("page.limit", `must be at most ${pageMax}`);
  if (page?.startingAfter && page.endingBefore) {
    throw invalid("page", "starting_after and ending_before can't be given together");
  }
  return limit;
}
