import type { FilterQuery } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { Fault, invalid } from "@portcullis/chassis/fault";
import type { Hop } from "@portcullis/chassis/rpc/call";
import type { FactKey, OrgId, PrincipalId, PrincipalKind } from "@portcullis/policy";
import type { Revision, WriteContext } from "@portcullis/proto/events/v1/events";
import type { Page } from "@portcullis/proto/listing/v1/listing";
import { type Change, type Database, listPage, snapshotOf, type Written } from "@portcullis/store";
import { v7 as newUuid, v4 as randomUuid } from "uuid";
import type { Departure, Departures } from "../departures.ts";
import { emailKey } from "../domain/email-address.ts";
import { type Invitation, type Principal, principalForTheLog } from "../domain/principal.ts";
import { ActiveMemberRow, OrganizationRow, PrincipalRow } from "./entities.ts";
import { countMembers, type FoundMember, searchMembers, type WantedMembers } from "./member-search.ts";
import { noSuchOrganization } from "./organizations-store.ts";
import { ensureUsers, type PrincipalColumns, principalOf } from "./users.ts";

export interface MemberFilter {
  readonly ids: readonly PrincipalId[];
  readonly emails: readonly string[];
  readonly givenNames: readonly string[];
  readonly familyNames: readonly string[];
  readonly kind: PrincipalKind | null;
}

export interface InvitedMember {
  readonly principal: Principal;
  /** False: was a member already. */
  readonly added: boolean;
}

/** Between the answer to a reservation and the commit stand a handful of statements; these bound them. */
const statementAfterReservationMs = 2000;
const idleAfterReservationMs = 3000;

/** Who is a member of what. */
export class MembersStore {
  readonly #database: Database;
  readonly #departures: Departures;

  constructor(database: Database, departures: Departures) {
    this.#database = database;
    this.#departures = departures;
  }

  /** Makes all of them members; answers them in the order of the invitation. */
  async invite(
    context: WriteContext,
    org: OrgId,
    invitation: Invitation,
    hop: Partial<Hop>,
  ): Promise<Written<InvitedMember[]>> {
    return this.#database.write(org, context, async (write) => {
      const { em } = write;
      if ((await em.findOne(OrganizationRow, { id: org })) === null) throw noSuchOrganization();
      const invited = [
        ...(await existingUsers(em, invitation.userIds)),
        ...(await usersOf(em, invitation)),
        ...(await serviceAccountsOf(em, org, invitation)),
      ];
      const ids = [...new Set(invited.map(({ id }) => id))];
      const already = new Set((await activeMembers(em, org, ids)).map(({ id }) => id));
      const added = new Set(ids.filter((id) => !already.has(id)));
      if (added.size > 0) {
        await this.#departures.completed(org, await formerMembers(em, org, [...added]), hop);
        await em.execute(
          `insert into membership (org_id, principal_id, joined)
           select ?, id, clock_timestamp() from unnest(?::uuid[]) as id
           on conflict (org_id, principal_id) do update set joined = excluded.joined, left_at = null`,
          [org, arrayOf([...added])],
        );
        const members = await activeMembers(em, org, [...added]);
        write.record(membersChange(org, "members_invited", [], members));
      }
      return invited.map((principal) => ({ principal, added: added.has(principal.id) }));
    });
  }

  /** Ends memberships from the commit on; answers whose. */
  async remove(
    context: WriteContext,
    org: OrgId,
    ids: readonly PrincipalId[],
    emails: readonly string[],
    hop: Partial<Hop>,
  ): Promise<Written<Principal[]>> {
    const asked: Departure[] = [];
    try {
      return await this.#database.write(org, context, async (write) => {
        const { em } = write;
        if ((await em.findOne(OrganizationRow, { id: org })) === null) throw noSuchOrganization();
        const rows = await em.find(ActiveMemberRow, {
          orgId: org,
          $or: [{ id: { $in: [...ids] } }, { emailKey: { $in: emails.map(emailKey) } }],
        });
        const leaving = rows.map(principalOf);
        if (leaving.length === 0) return [];
        const leavingIds = leaving.map(({ id }) => id);
        await em.execute(
          "update membership set left_at = clock_timestamp() where org_id = ? and principal_id = any(?::uuid[])",
          [org, arrayOf(leavingIds)],
        );
        const departure = { reservation: randomUuid(), org, principals: leavingIds };
        asked.push(departure);
        await this.#departures.reserve(departure, hop);
        await em.execute(`set local statement_timeout = ${statementAfterReservationMs}`);
        await em.execute(`set local idle_in_transaction_session_timeout = ${idleAfterReservationMs}`);
        write.record(membersChange(org, "members_removed", leaving, []));
        return leaving;
      });
    } catch (error) {
      // If no Owner would be left, nothing was reserved.
      const isRefusal = error instanceof Fault && error.kind === "refused";
      if (!isRefusal) for (const departure of asked) await this.#takeBack(departure, context.requestId);
      throw error;
    }
  }

  /**
   * Behind a removal that failed, or of which it is not known. Whoever holds the lock knows that it is over: who is still
   * a member now stays one, and counts as an Owner again. If this fails too, the reservation lapses.
   */
  async #takeBack(departure: Departure, requestId: string): Promise<void> {
    const { org, principals } = departure;
    const context = { actor: undefined, requestId, sourceAddress: "", unchangedSince: [] };
    await this.#database
      .write(org, context, async ({ em }) => {
        const staying = (await activeMembers(em, org, principals)).map(({ id }) => id);
        if (staying.length > 0) {
          await this.#departures.release({ ...departure, principals: staying }, { requestId });
        }
      })
      .catch(() => undefined);
  }

  /** The active ones among these. */
  async get(org: OrgId, ids: readonly PrincipalId[]): Promise<Principal[]> {
    return this.#database.read(async () => {
      const { rows } = await this.#database.pool.query<PrincipalColumns>({
        name: "members-named",
        text: `select id, kind, email, given_name as "givenName", family_name as "familyName", avatar_url as "avatarUrl",
                 created
               from active_member where org_id = $1 and id = any($2::uuid[]) order by created desc, id desc`,
        values: [org, ids],
      });
      return rows.map(principalOf);
    });
  }

  /** The ids of active members in ascending order; and where the log stood when that was read. */
  async find(
    org: OrgId,
    after: PrincipalId | null,
    limit: number,
  ): Promise<{ readonly result: PrincipalId[]; readonly revision: Revision }> {
    return snapshotOf(this.#database, org, async (client) => {
      const { rows } = await client.query<{ id: PrincipalId }>(
        `select id from active_member where org_id = $1 and ($2::uuid is null or id > $2) order by id limit $3`,
        [org, after, limit],
      );
      return rows.map(({ id }) => id);
    });
  }

  /** By name; and how many match in all. */
  async search(
    org: OrgId,
    wanted: WantedMembers,
    count: boolean,
  ): Promise<{ readonly found: FoundMember[]; readonly total: number }> {
    const { pool } = this.#database;
    const [found, total] = await Promise.all([
      searchMembers(pool, org, wanted),
      count ? countMembers(pool, org, wanted) : 0,
    ]);
    return { found, total };
  }

  /** Where somebody is an active member, in ascending order. */
  async organizationsOf(principal: PrincipalId, limit: number): Promise<OrgId[]> {
    const { rows } = await this.#database.pool.query<{ org_id: OrgId }>(
      "select org_id from active_member where id = $1 order by org_id limit $2",
      [principal, limit],
    );
    return rows.map(({ org_id: org }) => org);
  }

  async list(org: OrgId, filter: MemberFilter, page: Page | undefined): Promise<Principal[]> {
    const where: FilterQuery<ActiveMemberRow> = {
      orgId: org,
      ...(filter.ids.length > 0 && { id: { $in: [...filter.ids] } }),
      ...(filter.emails.length > 0 && { emailKey: { $in: filter.emails.map(emailKey) } }),
      ...(filter.givenNames.length > 0 && { givenName: { $in: [...filter.givenNames] } }),
      ...(filter.familyNames.length > 0 && { familyName: { $in: [...filter.familyNames] } }),
      ...(filter.kind !== null && { kind: filter.kind }),
    };
    const rows = await this.#database.list(org, (em) =>
      listPage<ActiveMemberRow>(em, ActiveMemberRow, where, page),
    );
    return rows.map(principalOf);
  }
}

async function activeMembers(
  em: EntityManager,
  org: OrgId,
  ids: readonly PrincipalId[],
): Promise<Principal[]> {
  const rows = await em.find(
    ActiveMemberRow,
    { orgId: org, id: { $in: [...ids] } },
    { orderBy: { created: "desc", id: "desc" } },
  );
  return rows.map(principalOf);
}

async function existingUsers(em: EntityManager, ids: readonly PrincipalId[]): Promise<Principal[]> {
  const rows = await em.find(PrincipalRow, { id: { $in: [...ids] }, kind: "user" });
  const users = new Map(rows.map((row) => [row.id, principalOf(row)]));
  return ids.map((id, index) => {
    const user = users.get(id);
    if (user === undefined) throw invalid(`user_ids[${index}]`, "no such user");
    return user;
  });
}

async function usersOf(em: EntityManager, { users }: Invitation): Promise<Principal[]> {
  const found = await ensureUsers(
    em,
    users.map((user) => ({ ...user, id: newUuid() as PrincipalId })),
  );
  return users.map(({ email }) => {
    const user = found.get(email.key);
    if (user === undefined) throw new Error("a user that was made can't be found");
    return user;
  });
}

/** The organisation's active service accounts of these names; who is missing is made. */
async function serviceAccountsOf(
  em: EntityManager,
  org: OrgId,
  { serviceAccounts }: Invitation,
): Promise<Principal[]> {
  if (serviceAccounts.length === 0) return [];
  const names = [...new Set(serviceAccounts.map(({ name }) => name))];
  const active = await em.find(
    ActiveMemberRow,
    { orgId: org, kind: "service_account", givenName: { $in: names } },
    { orderBy: { created: "desc", id: "desc" } },
  );
  const byName = new Map(active.map((row) => [row.givenName, principalOf(row)]));
  const missing = names.filter((name) => !byName.has(name));
  const created = new Date();
  for (const name of missing) {
    const account: Principal = {
      id: newUuid() as PrincipalId,
      kind: "service_account",
      email: null,
      givenName: name,
      familyName: null,
      avatarUrl: null,
      created,
    };
    byName.set(name, account);
  }
  await em.execute(
    `insert into principal (id, kind, given_name, home_org_id, created)
     select id, 'service_account', given_name, ?, ?
     from jsonb_to_recordset(?::jsonb) as account (id uuid, given_name text)`,
    [org, created, JSON.stringify(missing.map((name) => ({ id: byName.get(name)?.id, given_name: name })))],
  );
  return serviceAccounts.map(({ name }) => {
    const account = byName.get(name);
    if (account === undefined) throw new Error("a service account that was made can't be found");
    return account;
  });
}

async function formerMembers(
  em: EntityManager,
  org: OrgId,
  ids: readonly PrincipalId[],
): Promise<PrincipalId[]> {
  const rows = await em.execute<{ principal_id: PrincipalId }[]>(
    `select principal_id from membership
     where org_id = ? and principal_id = any(?::uuid[]) and left_at is not null`,
    [org, arrayOf(ids)],
  );
  return rows.map((row) => row.principal_id);
}

function membersChange(
  org: OrgId,
  action: string,
  before: readonly Principal[],
  after: readonly Principal[],
): Change {
  const concerned = [...before, ...after];
  const [only, ...more] = concerned;
  return {
    action,
    subject:
      only !== undefined && more.length === 0
        ? { type: "member", id: only.id }
        : { type: "organization", id: org },
    before: before.length === 0 ? null : { members: before.map(principalForTheLog) },
    after: after.length === 0 ? null : { members: after.map(principalForTheLog) },
    touches: concerned.map(({ id }): FactKey => ({ kind: "member", org, principal: id })),
  };
}

/** An array of ids, as Postgres writes it. */
function arrayOf(ids: readonly string[]): string {
  return `{${ids.join(",")}}`;
}
