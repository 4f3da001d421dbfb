import type { FilterQuery } from "@mikro-orm/core";
import { Fault, invalid } from "@portcullis/chassis/fault";
import type { Hop } from "@portcullis/chassis/rpc/call";
import { type CredentialKind, newCredential } from "@portcullis/credential";
import type { CredentialDigest, CredentialId, FactKey, OrgId, PrincipalId } from "@portcullis/policy";
import type { WriteContext } from "@portcullis/proto/events/v1/events";
import type { Page } from "@portcullis/proto/listing/v1/listing";
import { type Database, listPage, type Write, type Written } from "@portcullis/store";
import { v7 as newUuid } from "uuid";
import {
  type Credential,
  expiryOfSession,
  expiryOfSuccessor,
  expiryWhenRotated,
  forTheLog,
  type NewCredential,
  type NewSession,
  sessionsMax,
} from "../domain/credential.ts";
import { type MemberKinds, noSuchMember } from "../members.ts";
import { CredentialRow } from "./entities.ts";

export interface CredentialFilter {
  readonly kind: CredentialKind;
  readonly principal: PrincipalId | null;
  readonly ids: readonly CredentialId[];
  readonly names: readonly string[];
}

/** That a credential was used, and when. */
export interface CredentialUse {
  readonly org: OrgId;
  readonly id: CredentialId;
  readonly at: Date;
}

/** The credentials of all organisations in this database. */
export class CredentialsStore {
  readonly #database: Database;
  readonly #memberKinds: MemberKinds;

  constructor(database: Database, memberKinds: MemberKinds) {
    this.#database = database;
    this.#memberKinds = memberKinds;
  }

  /** Makes a credential; with `replace`, in place of all live ones of the same kind, principal and name. */
  async create(
    context: WriteContext,
    wanted: NewCredential,
    replace: boolean,
    hop: Partial<Hop>,
  ): Promise<Written<{ credential: Credential; secret: string; replaced: boolean }>> {
    const made = newCredential(wanted.kind, wanted.org);
    return this.#database.write(wanted.org, context, async (write) => {
      // Asked under the lock: a member who leaves after this answer finds the credential when it is cleared up.
      await this.#mustBeHolder(wanted, hop);
      const now = new Date();
      const replaced = replace ? await this.#replaced(write, wanted) : [];
      const ended = [...replaced, ...(await sessionsMadeFrom(write, replaced))];
      for (const row of ended) row.revokedAt = now;
      const row = rowOf(write, wanted, made, now);
      const credential = toDomain(row);
      write.record({
        action: "credential_created",
        subject: { type: "credential", id: row.id },
        before: replaced.length === 0 ? null : { replaced: ended.map(toDomain).map(forTheLog) },
        after: forTheLog(credential),
        touches: [row, ...ended].map(factOf),
      });
      return { credential, secret: made.secret, replaced: replaced.length > 0 };
    });
  }

  /** Makes a credential in place of another one, which goes on for the overlap. */
  async rotate(
    context: WriteContext,
    { org, kind, id }: Pick<Credential, "org" | "kind" | "id">,
    overlapSeconds: number,
    hop: Partial<Hop>,
  ): Promise<Written<{ credential: Credential; secret: string; rotated: Credential }>> {
    const made = newCredential(kind, org);
    return this.#database.write(org, context, async (write) => {
      const old = await write.em.findOne(CredentialRow, { orgId: org, id, kind, revokedAt: null });
      if (old === null) throw absent();
      const before = toDomain(old);
      const now = new Date();
      if (before.rotatedAt !== null) throw new Fault("refused", "the credential was rotated already");
      if (before.expiresAt !== null && before.expiresAt <= now) {
        throw new Fault("refused", "the credential has expired");
      }
      await this.#mustBeHolder(before, hop);
      const successor = { ...before, expiresAt: expiryOfSuccessor(before, now), madeFrom: null };
      const row = rowOf(write, successor, made, now);
      const end = expiryWhenRotated(before, now, overlapSeconds);
      old.rotatedAt = now;
      old.expiresAt = end;
      const sessions = await sessionsMadeFrom(write, [old]);
      const outliving = sessions.filter(
        ({ expiresAt }) => (expiresAt?.getTime() ?? Infinity) > end.getTime(),
      );
      const shortened = outliving.map(toDomain).map(forTheLog);
      for (const session of outliving) session.expiresAt = end;
      const [credential, rotated] = [toDomain(row), toDomain(old)];
      write.record({
        action: "credential_rotated",
        subject: { type: "credential", id: row.id },
        before: { rotated: forTheLog(before), ...(shortened.length > 0 && { sessions: shortened }) },
        after: { ...forTheLog(credential), rotated: forTheLog(rotated) },
        touches: [row, old, ...outliving].map(factOf),
      });
      return { credential, secret: made.secret, rotated };
    });
  }

  /** Notes uses of credentials; what is known to be later stays. Nobody waits for it, and it is no change of anything. */
  async recordUses(uses: readonly CredentialUse[]): Promise<void> {
    await this.#database.pool.query(
      `insert into credential_use (credential_id, last_used_at)
       select credential.id, max(least(used.at, now())) from credential
       join unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) as used (org_id, id, at)
         on credential.id = used.id and credential.org_id = used.org_id
       group by credential.id
       order by credential.id
       on conflict (credential_id) do update
         set last_used_at = greatest(credential_use.last_used_at, excluded.last_used_at)`,
      [uses.map(({ org }) => org), uses.map(({ id }) => id), uses.map(({ at }) => at)],
    );
  }

  /** When each was used last, as far as that is known. */
  async lastUses(ids: readonly CredentialId[]): Promise<ReadonlyMap<CredentialId, Date>> {
    const { rows } = await this.#database.pool.query<{ credential_id: CredentialId; last_used_at: Date }>(
      "select credential_id, last_used_at from credential_use where credential_id = any($1)",
      [ids],
    );
    return new Map(rows.map((row) => [row.credential_id, row.last_used_at]));
  }

  /** When each principal used any credential last, whether or not that still stands. */
  async lastUsesBy(org: OrgId, principals: readonly PrincipalId[]): Promise<ReadonlyMap<PrincipalId, Date>> {
    const { rows } = await this.#database.pool.query<{ principal_id: PrincipalId; last_used_at: Date }>(
      `select principal_id, max(last_used_at) as last_used_at
       from credential join credential_use on credential_id = id
       where org_id = $1 and principal_id = any($2::uuid[])
       group by principal_id order by principal_id`,
      [org, principals],
    );
    return new Map(rows.map((row) => [row.principal_id, row.last_used_at]));
  }

  /** Ends a credential from the commit on. */
  async revoke(
    context: WriteContext,
    org: OrgId,
    kind: CredentialKind,
    id: CredentialId,
  ): Promise<Written<Credential>> {
    return this.#database.write(org, context, async (write) => {
      const row = await write.em.findOne(CredentialRow, { orgId: org, id, kind, revokedAt: null });
      if (row === null) throw absent();
      const sessions = await sessionsMadeFrom(write, [row]);
      const before = {
        ...forTheLog(toDomain(row)),
        ...(sessions.length > 0 && { sessions: sessions.map(toDomain).map(forTheLog) }),
      };
      const now = new Date();
      for (const ended of [row, ...sessions]) ended.revokedAt = now;
      const credential = toDomain(row);
      write.record({
        action: "credential_revoked",
        subject: { type: "credential", id },
        before,
        after: forTheLog(credential),
        touches: [row, ...sessions].map(factOf),
      });
      return credential;
    });
  }

  /** Signs somebody in. */
  async createSession(
    context: WriteContext,
    { org, principal, apiKey }: NewSession,
    hop: Partial<Hop>,
  ): Promise<Written<{ credential: Credential; secret: string }>> {
    const made = newCredential("session", org);
    return this.#database.write(org, context, async (write) => {
      await this.#mustBeHolder({ org, principal, kind: "session" }, hop);
      const now = new Date();
      const key = apiKey === null ? null : await this.#liveKey(write, { org, principal, apiKey }, now);
      const ended = (await liveSessions(write, org, principal)).slice(sessionsMax - 1);
      for (const row of ended) row.revokedAt = now;
      const session: NewCredential = {
        org,
        kind: "session",
        principal,
        name: "console",
        expiresAt: expiryOfSession(key, now),
        scope: key?.scope ?? null,
        madeFrom: apiKey,
      };
      const row = rowOf(write, session, made, now);
      const credential = toDomain(row);
      write.record({
        action: "session_created",
        subject: { type: "credential", id: row.id },
        before: ended.length === 0 ? null : { ended: ended.map(toDomain).map(forTheLog) },
        after: forTheLog(credential),
        touches: [row, ...ended].map(factOf),
      });
      return { credential, secret: made.secret };
    });
  }

  /** Ends all live sessions of a principal from the commit on, and answers how many there were. */
  async endSessions(context: WriteContext, org: OrgId, principal: PrincipalId): Promise<Written<number>> {
    return this.#database.write(org, context, async (write) => {
      const rows = await liveSessions(write, org, principal);
      if (rows.length === 0) return 0;
      const before = rows.map(toDomain).map(forTheLog);
      const now = new Date();
      for (const row of rows) row.revokedAt = now;
      write.record({
        action: "sessions_ended",
        subject: { type: "member", id: principal },
        before: { sessions: before },
        after: null,
        touches: rows.map(factOf),
      });
      return rows.length;
    });
  }

  async get(org: OrgId, kind: CredentialKind, id: CredentialId): Promise<Credential> {
    const row = await this.#database.read((em) =>
      em.findOne(CredentialRow, { orgId: org, id, kind, revokedAt: null }),
    );
    if (row === null) throw absent();
    return toDomain(row);
  }

  async list(org: OrgId, filter: CredentialFilter, page: Page | undefined): Promise<Credential[]> {
    const where: FilterQuery<CredentialRow> = {
      orgId: org,
      kind: filter.kind,
      revokedAt: null,
      ...(filter.principal !== null && { principalId: filter.principal }),
      ...(filter.ids.length > 0 && { id: { $in: [...filter.ids] } }),
      ...(filter.names.length > 0 && { name: { $in: [...filter.names] } }),
    };
    const rows = await this.#database.list(org, (em) =>
      listPage<CredentialRow>(em, CredentialRow, where, page),
    );
    return rows.map(toDomain);
  }

  async #mustBeHolder(
    { org, principal, kind }: Pick<NewCredential, "org" | "principal" | "kind">,
    hop: Partial<Hop>,
  ): Promise<void> {
    const memberKind = (await this.#memberKinds(org, [principal], hop)).get(principal);
    if (memberKind === undefined) throw noSuchMember("principal_id");
    if (kind === "service_token" && memberKind !== "service_account") {
      throw invalid("principal_id", "must be a service account to hold a service token");
    }
    if (kind === "session" && memberKind !== "user") {
      throw invalid("principal_id", "must be a user to have a session");
    }
  }

  async #liveKey(
    { em }: Write,
    { org, principal, apiKey }: NewSession & { readonly apiKey: CredentialId },
    now: Date,
  ): Promise<Credential> {
    const row = await em.findOne(CredentialRow, {
      orgId: org,
      id: apiKey,
      kind: "api_key",
      principalId: principal,
      revokedAt: null,
    });
    const key = row === null ? null : toDomain(row);
    if (key === null || (key.expiresAt !== null && key.expiresAt <= now)) {
      throw invalid("api_key_id", "is no live API key of this principal");
    }
    return key;
  }

  #replaced({ em }: Write, wanted: NewCredential): Promise<CredentialRow[]> {
    return em.find(CredentialRow, {
      orgId: wanted.org,
      kind: wanted.kind,
      principalId: wanted.principal,
      name: wanted.name,
      revokedAt: null,
    });
  }
}

function rowOf(
  { em }: Write,
  { org, kind, principal, name, expiresAt, scope, madeFrom }: NewCredential,
  { digest, preview }: Pick<Credential, "digest" | "preview">,
  now: Date,
): CredentialRow {
  return em.create(CredentialRow, {
    id: newUuid(),
    orgId: org,
    kind,
    principalId: principal,
    name,
    preview,
    digest,
    created: now,
    expiresAt,
    revokedAt: null,
    rotatedAt: null,
    scope,
    madeFrom,
  });
}

/** Of a principal, the newest first. Some may have expired. */
function liveSessions({ em }: Write, org: OrgId, principal: PrincipalId): Promise<CredentialRow[]> {
  return em.find(
    CredentialRow,
    { orgId: org, principalId: principal, kind: "session", revokedAt: null },
    { orderBy: { created: "desc", id: "desc" } },
  );
}

/** What ends with these keys. No principal has more sessions than one transaction may end. */
async function sessionsMadeFrom({ em }: Write, keys: readonly CredentialRow[]): Promise<CredentialRow[]> {
  if (keys.length === 0) return [];
  return em.find(CredentialRow, { madeFrom: { $in: keys.map(({ id }) => id) }, revokedAt: null });
}

/** Those of the principals that hold some live credential. */
export async function holders(
  { em }: Write,
  org: OrgId,
  principals: readonly PrincipalId[],
): Promise<PrincipalId[]> {
  const rows = await em.execute<{ id: PrincipalId }[]>(
    `select named.id from unnest(?::uuid[]) as named (id) where exists (
       select from credential where org_id = ? and principal_id = named.id and revoked_at is null
     )`,
    [`{${principals.join(",")}}`, org],
  );
  return rows.map(({ id }) => id);
}

/** One transaction ends no more credentials than this: its event tells each. */
const revokedAtOnce = 500;

/** Ends the credentials of some principals as one change, or as many of them as one transaction may. */
export async function revokeAll(
  { em, record }: Write,
  org: OrgId,
  principals: readonly PrincipalId[],
): Promise<"unfinished" | undefined> {
  const rows = await em.find(
    CredentialRow,
    { orgId: org, principalId: { $in: [...principals] }, revokedAt: null },
    { orderBy: { id: "asc" }, limit: revokedAtOnce },
  );
  if (rows.length === 0) return;
  const before = rows.map(toDomain).map(forTheLog);
  const now = new Date();
  for (const row of rows) row.revokedAt = now;
  record({
    action: "credentials_revoked",
    subject: { type: "organization", id: org },
    before: { credentials: before },
    after: null,
    touches: rows.map(factOf),
  });
  return rows.length === revokedAtOnce ? "unfinished" : undefined;
}

function absent(): Fault {
  return new Fault("absent", "no such credential");
}

function factOf(row: CredentialRow): FactKey {
  return { kind: "credential", org: row.orgId as OrgId, digest: row.digest as CredentialDigest };
}

function toDomain(row: CredentialRow): Credential {
  return {
    id: row.id as CredentialId,
    org: row.orgId as OrgId,
    kind: row.kind,
    principal: row.principalId as PrincipalId,
    name: row.name,
    preview: row.preview,
    digest: row.digest as CredentialDigest,
    created: row.created,
    expiresAt: row.expiresAt ?? null,
    revokedAt: row.revokedAt ?? null,
    rotatedAt: row.rotatedAt ?? null,
    scope: row.scope ?? null,
    madeFrom: (row.madeFrom as CredentialId | undefined | null) ?? null,
  };
}
