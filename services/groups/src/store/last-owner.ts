// An organisation always keeps at least one active user in Owners. Two services can take one away: groups, by taking it
// out of the closure of Owners, and identity, by ending its membership of the organisation. All checks are made here,
// one after the other under the lock of the organisation's log. identity asks for leave before it commits, and whoever
// may be leaving is written down and no longer counts, whether or not that has been committed over there.

import type { EntityManager } from "@mikro-orm/postgresql";
import { Fault } from "@portcullis/chassis/fault";
import type { Hop } from "@portcullis/chassis/rpc/call";
import type { GroupId, OrgId, PrincipalId } from "@portcullis/policy";
import { closureOf, type Nesting } from "../domain/nesting.ts";
import type { ActiveMembers } from "../members.ts";
import { idArray } from "./contents.ts";
import { GroupRow } from "./entities.ts";

/** Far longer than identity's transaction can live behind the answer. */
const reservedSeconds = 60;
const candidatesAtOnce = 1000;

/** The groups whose members are Owners. */
export async function ownersClosure(
  em: EntityManager,
  org: OrgId,
  nesting: Nesting,
): Promise<ReadonlySet<GroupId>> {
  const owners = await em.findOne(GroupRow, { orgId: org, builtIn: "owners" });
  return owners === null ? new Set() : closureOf(nesting, owners.id as GroupId);
}

/** Throws unless an active user who is not about to leave is an Owner, as the rows stand in this transaction. */
export async function ensureOwnerStays(
  em: EntityManager,
  org: OrgId,
  nesting: Nesting,
  members: ActiveMembers,
  hop: Partial<Hop>,
): Promise<void> {
  const candidates = await em.execute<{ principal_id: PrincipalId }[]>(
    `select distinct principal_id from group_principal
     where org_id = ? and group_id = any(?::uuid[])
       and principal_id not in (select principal_id from departure where org_id = ? and until > clock_timestamp())`,
    [org, idArray(await ownersClosure(em, org, nesting)), org],
  );
  for (let from = 0; from < candidates.length; from += candidatesAtOnce) {
    const some = candidates.slice(from, from + candidatesAtOnce).map((row) => row.principal_id);
    const active = await members(org, some, hop);
    if ([...active.values()].includes("user")) return;
  }
  throw new Fault("refused", "the organization would be left without an active user in Owners");
}

/** Lets these principals leave: from now on they do not count as Owners. */
export async function reserve(
  em: EntityManager,
  org: OrgId,
  principals: readonly PrincipalId[],
  reservation: string,
): Promise<void> {
  await em.execute("delete from departure where org_id = ? and until <= clock_timestamp()", [org]);
  await em.execute(
    `insert into departure (org_id, principal_id, until, reservation_id)
     select ?, id, clock_timestamp() + make_interval(secs => ?), ? from unnest(?::uuid[]) as id
     on conflict (org_id, principal_id) do update
       set until = excluded.until, reservation_id = excluded.reservation_id`,
    [org, reservedSeconds, reservation, idArray(new Set(principals))],
  );
}

/** Takes back what this reservation said of these principals; what a later one says of them stays. */
export async function release(
  em: EntityManager,
  org: OrgId,
  principals: readonly PrincipalId[],
  reservation: string,
): Promise<void> {
  await em.execute(
    "delete from departure where org_id = ? and principal_id = any(?::uuid[]) and reservation_id = ?",
    [org, idArray(new Set(principals)), reservation],
  );
}

/** Forgets the reservations of principals that have left. */
export async function forgetReservations(
  em: EntityManager,
  org: OrgId,
  principals: readonly PrincipalId[],
): Promise<void> {
  await em.execute("delete from departure where org_id = ? and principal_id = any(?::uuid[])", [
    org,
    idArray(principals),
  ]);
}

/** Whether any of these principals is an Owner now. */
export async function anyOwner(
  em: EntityManager,
  org: OrgId,
  nesting: Nesting,
  principals: readonly PrincipalId[],
): Promise<boolean> {
  const rows = await em.execute<unknown[]>(
    `select 1 from group_principal
     where org_id = ? and group_id = any(?::uuid[]) and principal_id = any(?::uuid[]) limit 1`,
    [org, idArray(await ownersClosure(em, org, nesting)), idArray(principals)],
  );
  return rows.length > 0;
}
