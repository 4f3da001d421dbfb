import type { EntityManager } from "@mikro-orm/postgresql";
import type { PrincipalId } from "@portcullis/policy";
import type { NewUser, Principal } from "../domain/principal.ts";
import { type ActiveMemberRow, PrincipalRow } from "./entities.ts";

/** A user as it shall be made if nobody has its address. */
export type Candidate = NewUser & { readonly id: PrincipalId };

/**
 * The users of these addresses, by the key of the address; who is missing is made. Sorted, so that two transactions
 * that make the same users wait for each other instead of for ever.
 */
export async function ensureUsers(
  em: EntityManager,
  candidates: readonly Candidate[],
): Promise<Map<string, Principal>> {
  if (candidates.length === 0) return new Map();
  const rows = candidates.map(({ id, email, givenName, familyName }) => ({
    id,
    email: email.text,
    email_key: email.key,
    given_name: givenName,
    family_name: familyName,
  }));
  await em.execute(
    `insert into principal (id, kind, email, email_key, given_name, family_name, created)
     select id, 'user', email, email_key, given_name, family_name, clock_timestamp()
     from jsonb_to_recordset(?::jsonb)
       as candidate (id uuid, email text, email_key text, given_name text, family_name text)
     order by email_key collate "C"
     on conflict do nothing`,
    [JSON.stringify(rows)],
  );
  const found = await em.find(PrincipalRow, { emailKey: { $in: candidates.map(({ email }) => email.key) } });
  return new Map(found.map((row) => [row.emailKey ?? "", principalOf(row)]));
}

/** What tables and views alike say of a principal. */
export type PrincipalColumns = Pick<
  ActiveMemberRow,
  "id" | "kind" | "email" | "givenName" | "familyName" | "avatarUrl" | "created"
>;

export function principalOf(row: PrincipalColumns): Principal {
  return {
    id: row.id as PrincipalId,
    kind: row.kind,
    email: row.email ?? null,
    givenName: row.givenName ?? null,
    familyName: row.familyName ?? null,
    avatarUrl: row.avatarUrl ?? null,
    created: row.created,
  };
}
