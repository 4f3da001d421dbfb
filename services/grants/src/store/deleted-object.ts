// What goes with a deleted object: all below it, and the ACLs on any of them. Nothing of that can be reached from the
// moment that the object is gone, so it need not go in the same transaction, and where it is much it doesn't.

import type { EntityManager } from "@mikro-orm/postgresql";
import type { FactKey, ObjectRef, OrgId } from "@portcullis/policy";
import { facesOf } from "../domain/object.ts";
import { aclOf, forTheLog, removeAcls, touchedBy, touchedByAcls } from "./acl-rows.ts";

export interface Cleared {
  /** What went, for the event. */
  readonly told: object;
  readonly touches: readonly FactKey[];
  /** There may be more to clear. */
  readonly unfinished: boolean;
}

/** The event of a transaction can name them all, beside the ACLs. */
const objectsAtOnce = 400;

/**
 * Clears what is below a deleted object and on it, or as much of that as one transaction may. An object below goes with
 * the last of its ACLs. The registry keeps no object of its own below another one that is itself below one
 * (`registeredTypes`), so one level is all there is.
 */
export async function clearDeleted(
  em: EntityManager,
  org: OrgId,
  root: ObjectRef,
  at: Date,
): Promise<Cleared> {
  const below = await em.execute<ObjectRef[]>(
    `select type, id from object where org_id = ? and parent_id = ? and parent_type = ? and deleted_at is null limit ?`,
    [org, root.id, root.type, objectsAtOnce],
  );
  const on = [root, ...below].flatMap((object) => [object, ...facesOf(object)]);
  const acls = await removeAcls(em, org, { on });
  const gone = acls.unfinished ? [] : below;
  await em.execute("update object set deleted_at = ? where id = any(?::uuid[])", [
    at,
    `{${gone.map(({ id }) => id).join(",")}}`,
  ]);
  const goneOnes = acls.unfinished ? [] : on;
  const attachments = await em.execute<unknown[]>(
    `update attachment set deleted_at = ? where org_id = ? and deleted_at is null
       and (object_type, object_id) in (select * from unnest(?::text[], ?::uuid[])) returning id`,
    [
      at,
      org,
      `{${goneOnes.map(({ type }) => type).join(",")}}`,
      `{${goneOnes.map(({ id }) => id).join(",")}}`,
    ],
  );
  const unfinished = acls.unfinished || below.length === objectsAtOnce;
  return {
    told: {
      below: gone,
      belowCount: gone.length,
      ...(attachments.length > 0 && { attachmentCount: attachments.length }),
      ...forTheLog(acls.rows),
      ...(unfinished && { moreFollows: true }),
    },
    touches: [
      ...touchedBy(
        org,
        gone.flatMap((object) => [object, ...facesOf(object)]),
      ),
      ...touchedByAcls(org, acls.rows.map(aclOf)),
    ],
    unfinished,
  };
}
