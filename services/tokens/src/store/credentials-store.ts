import type { FilterQuery } from "@mikro-orm/core";
import { Fault, invalid } from "@portcullis/chassis/fault";
import type { Hop } from "@portcullis/chassis/rpc/call";
import { type CredentialKind, newCredential } from "@portcullis/credential";
import type { CredentialDigest, CredentialId, FactKey, OrgId, PrincipalId } from "@portcullis/policy";
import type { WriteContext } from "@portcullis/proto/events/v1/events";
import type { Page } from "@portcullis/proto/listing/v1/listing";
import { type Database, listPage, type Write, type Written } from "@portcullis/store";
import { v7 as newUuid } from "uuid";
import { type Credential, forTheLog, type NewCredential } from "../domain/credential.ts";
import { type MemberKinds, noSuchMember } from "../members.ts";
import { CredentialRow } from "./entities.ts";

export interface CredentialFilter {
  readonly kind: CredentialKind;
  readonly principal: PrincipalId | null;
  readonly ids: readonly CredentialId[];
  readonly names: readonly string[];
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
    const { secret, digest, preview } = newCredential(wanted.kind, wanted.org);
    return this.#database.write(wanted.org, context, async (write) => {
      // Asked under the lock: a member who leaves after this answer finds the credential when it is cleared up.
      await this.#mustBeHolder(wanted, hop);
      const now = new Date();
      const replaced = replace ? await this.#replaced(write, wanted) : [];
      for (const row of replaced) row.revokedAt = now;
      const row = write.em.create(CredentialRow, {
        id: newUuid(),
        orgId: wanted.org,
        kind: wanted.kind,
        principalId: wanted.principal,
        name: wanted.name,
        preview,
        digest,
        created: now,
        expiresAt: wanted.expiresAt,
        revokedAt: null,
      });
      const credential = toDomain(row);
      write.record({
        action: "credential_created",
        subject: { type: "credential", id: row.id },
        before: replaced.length === 0 ? null : { replaced: replaced.map(toDomain).map(forTheLog) },
        after: forTheLog(credential),
        touches: [row, ...replaced].map(factOf),
      });
      return { credential, secret, replaced: replaced.length > 0 };
    });
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
      const before = forTheLog(toDomain(row));
      row.revokedAt = new Date();
      const credential = toDomain(row);
      write.record({
        action: "credential_revoked",
        subject: { type: "credential", id },
        before,
        after: forTheLog(credential),
        touches: [factOf(row)],
      });
      return credential;
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
    const rows = await this.#database.read((em) => listPage<CredentialRow>(em, CredentialRow, where, page));
    return rows.map(toDomain);
  }

  async #mustBeHolder({ org, principal, kind }: NewCredential, hop: Partial<Hop>): Promise<void> {
    const memberKind = (await this.#memberKinds(org, [principal], hop)).get(principal);
    if (memberKind === undefined) throw noSuchMember("principal_id");
    if (kind === "service_token" && memberKind !== "service_account") {
      throw invalid("principal_id", "must be a service account to hold a service token");
    }
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
  };
}
