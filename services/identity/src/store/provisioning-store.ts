import { isDeepStrictEqual } from "node:util";
import type { EntityManager } from "@mikro-orm/postgresql";
import { Fault } from "@portcullis/chassis/fault";
import type { OrgId, PrincipalId, PrincipalKind } from "@portcullis/policy";
import type { WriteContext } from "@portcullis/proto/events/v1/events";
import type { Database, Written } from "@portcullis/store";
import type { Pool } from "pg";
import { emailKey } from "../domain/email-address.ts";
import {
  type ProvisionedRecord,
  type ProvisionedUser,
  recordForTheLog,
  userNameKey,
} from "../domain/provisioned-user.ts";
import { OrganizationRow } from "./entities.ts";
import { noSuchOrganization } from "./organizations-store.ts";

/** Each that is given must fit. */
export interface ProvisionedFilter {
  readonly ids: readonly PrincipalId[];
  readonly userName: string | null;
  readonly externalId: string | null;
  readonly email: string | null;
}

export interface ProvisionedPage {
  readonly after: PrincipalId | null;
  readonly skip: number;
  readonly limit: number;
}

/** What identity providers say of the users of their organisations. */
export class ProvisioningStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Keeps the record instead of the one that stands. What says the same changes nothing. */
  async put(
    context: WriteContext,
    org: OrgId,
    principal: PrincipalId,
    record: ProvisionedRecord,
    mustBeNew: boolean,
  ): Promise<Written<ProvisionedUser>> {
    return this.#database.write(org, context, async (write) => {
      const { em } = write;
      if ((await em.findOne(OrganizationRow, { id: org })) === null) throw noSuchOrganization();
      const before = await standing(em, org, principal);
      if (mustBeNew && before.record !== null) throw taken("the user is provisioned already", "principal_id");
      if (before.record !== null && says(before.record, record)) return before;
      await ensureNameIsFree(em, org, principal, record.userName);
      await em.execute(
        `insert into provisioned_user (org_id, principal_id, user_name, user_name_key, external_id, attributes,
           email_keys, created, updated)
         select ?, ?, ?, ?, ?, ?::jsonb, array(select jsonb_array_elements_text(?::jsonb)), now(), now()
         on conflict (org_id, principal_id) do update set user_name = excluded.user_name,
           user_name_key = excluded.user_name_key, external_id = excluded.external_id,
           attributes = excluded.attributes, email_keys = excluded.email_keys, updated = excluded.updated`,
        [
          org,
          principal,
          record.userName,
          userNameKey(record.userName),
          record.externalId,
          JSON.stringify(record.attributes),
          JSON.stringify(record.emailKeys),
        ],
      );
      write.record({
        action: "user_provisioned",
        subject: { type: "member", id: principal },
        before: before.record === null ? null : recordForTheLog(before.record),
        after: recordForTheLog(record),
        touches: [],
      });
      return standing(em, org, principal);
    });
  }

  /** Forgets the record; says nothing where there is none. */
  async delete(context: WriteContext, org: OrgId, principal: PrincipalId): Promise<Written<void>> {
    return this.#database.write(org, context, async (write) => {
      const { em } = write;
      if ((await em.findOne(OrganizationRow, { id: org })) === null) throw noSuchOrganization();
      const [row] = await em.execute<Row[]>(
        `${selection} where org.id = ? and principal.id = ? and record.user_name is not null`,
        [org, principal],
      );
      const before = row === undefined ? null : userOf(row).record;
      if (before === null) return;
      await em.execute("delete from provisioned_user where org_id = ? and principal_id = ?", [
        org,
        principal,
      ]);
      write.record({
        action: "user_deprovisioned",
        subject: { type: "member", id: principal },
        before: recordForTheLog(before),
        after: null,
        touches: [],
      });
    });
  }

  /** Active users and those with a record, in ascending order of ids; and how many there are on all pages. */
  async find(
    org: OrgId,
    filter: ProvisionedFilter,
    page: ProvisionedPage,
  ): Promise<{ readonly users: ProvisionedUser[]; readonly total: number }> {
    const { pool } = this.#database;
    const ids = await narrowed(pool, org, filter);
    const matching = `from (
        select id from active_member where org_id = $1 and kind = 'user'
        union select principal_id from provisioned_user where org_id = $1
      ) as known where ($2::uuid[] is null or id = any($2))`;
    const counted = await pool.query<{ count: string }>(`select count(*) ${matching}`, [org, ids]);
    const total = Number(counted.rows[0]?.count ?? 0);
    if (page.limit === 0 || total === 0) return { users: [], total };
    const { rows } = await pool.query<Row>(
      `${selection} where org.id = $1 and principal.id in (
         select id ${matching} and ($3::uuid is null or id > $3) order by id offset $4 limit $5
       ) order by principal.id`,
      [org, ids, page.after, page.skip, page.limit],
    );
    return { users: rows.map(userOf), total };
  }
}

interface Row {
  readonly id: PrincipalId;
  readonly kind: PrincipalKind;
  readonly email: string;
  readonly given_name: string | null;
  readonly family_name: string | null;
  readonly avatar_url: string | null;
  readonly created: Date;
  readonly active: boolean;
  readonly user_name: string | null;
  readonly external_id: string | null;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly email_keys: readonly string[];
  readonly record_created: Date;
  readonly record_updated: Date;
}

/** A user as an organisation sees it, whether or not it is one of that organisation's. */
const selection = `select principal.id, principal.kind, principal.email, principal.given_name,
    principal.family_name, principal.avatar_url, principal.created,
    exists (select from active_member where active_member.org_id = org.id and active_member.id = principal.id)
      as active,
    record.user_name, record.external_id, record.attributes, record.email_keys,
    record.created as record_created, record.updated as record_updated
  from organization org join principal on principal.kind = 'user'
    left join provisioned_user record on record.org_id = org.id and record.principal_id = principal.id`;

async function standing(em: EntityManager, org: OrgId, principal: PrincipalId): Promise<ProvisionedUser> {
  const [row] = await em.execute<Row[]>(`${selection} where org.id = ? and principal.id = ?`, [
    org,
    principal,
  ]);
  if (row === undefined) throw new Fault("absent", "no such user");
  return userOf(row);
}

/** No two users of an organisation are shown under one name: not that of a record, nor the address of one without. */
async function ensureNameIsFree(
  em: EntityManager,
  org: OrgId,
  principal: PrincipalId,
  userName: string,
): Promise<void> {
  const key = userNameKey(userName);
  const others = await em.execute<unknown[]>(
    `select principal_id from provisioned_user where org_id = ? and user_name_key = ? and principal_id <> ?
     union all
     select id from active_member where org_id = ? and kind = 'user' and email_key = ? and id <> ?
       and not exists (
         select from provisioned_user where org_id = active_member.org_id and principal_id = active_member.id
       )`,
    [org, key, principal, org, key, principal],
  );
  if (others.length > 0) throw taken("the name is taken by another user", "user_name");
}

function taken(message: string, field: string): Fault {
  return new Fault("refused", message, { field });
}

/** Whom the filter leaves, by the indexes; null when it leaves everybody. */
async function narrowed(
  pool: Pool,
  org: OrgId,
  { ids, userName, externalId, email }: ProvisionedFilter,
): Promise<string[] | null> {
  const found: string[][] = ids.length === 0 ? [] : [[...ids]];
  const look = async (text: string, value: string) => {
    const { rows } = await pool.query<{ id: string }>(text, [org, value]);
    found.push(rows.map(({ id }) => id));
  };
  if (userName !== null) {
    await look(
      `select principal_id as id from provisioned_user where org_id = $1 and user_name_key = $2
       union
       select id from active_member where org_id = $1 and kind = 'user' and email_key = $2 and not exists (
         select from provisioned_user
         where org_id = $1 and (principal_id = active_member.id or user_name_key = $2)
       )`,
      userNameKey(userName),
    );
  }
  if (externalId !== null) {
    await look(
      "select principal_id as id from provisioned_user where org_id = $1 and external_id = $2",
      externalId,
    );
  }
  if (email !== null) {
    await look(
      `select principal_id as id from provisioned_user where org_id = $1 and email_keys @> array[$2]
       union select id from active_member where org_id = $1 and email_key = $2
       union select id from principal join provisioned_user on principal_id = id and org_id = $1 where email_key = $2`,
      emailKey(email),
    );
  }
  const [first, ...others] = found.map((some) => new Set(some));
  if (first === undefined) return null;
  return [...first].filter((id) => others.every((other) => other.has(id)));
}

function says(stands: ProvisionedRecord, wanted: ProvisionedRecord): boolean {
  const told = ({ userName, externalId, attributes, emailKeys }: ProvisionedRecord) => ({
    userName,
    externalId,
    attributes,
    emailKeys,
  });
  return isDeepStrictEqual(told(stands), told(wanted));
}

function userOf(row: Row): ProvisionedUser {
  return {
    principal: {
      id: row.id,
      kind: row.kind,
      email: row.email,
      givenName: row.given_name,
      familyName: row.family_name,
      avatarUrl: row.avatar_url,
      created: new Date(row.created),
    },
    active: row.active,
    record:
      row.user_name === null
        ? null
        : {
            userName: row.user_name,
            externalId: row.external_id,
            attributes: row.attributes,
            emailKeys: row.email_keys,
            created: new Date(row.record_created),
            updated: new Date(row.record_updated),
          },
  };
}
