import type { Credential, FactKey, FactKind, FactValues, OrgId, Scope } from "@portcullis/policy";
import type { PoolClient } from "pg";

interface Row {
  readonly id: string;
  readonly org_id: OrgId;
  readonly digest: string;
  readonly kind: string;
  readonly principal_id: string;
  readonly expires_at: Date | null;
  readonly scope: Scope | null;
}

/** The credential facts: live rows only. A row of a kind that nobody knows is read as absent. */
export async function readFacts(
  client: PoolClient,
  keys: readonly FactKey[],
): Promise<FactValues[FactKind][]> {
  const digests = keys.map((key) => (key.kind === "credential" ? key.digest : ""));
  const { rows } = await client.query<Row>({
    name: "credentials",
    text: `select id, org_id, digest, kind, principal_id, expires_at, scope from credential
           where digest = any($1) and revoked_at is null`,
    values: [digests],
  });
  const found = new Map(rows.map((row) => [`${row.org_id} ${row.digest}`, row]));
  return keys.map((key, index) => {
    const row = found.get(`${key.org} ${digests[index]}`);
    if (row === undefined || !isKind(row.kind)) return null;
    return {
      id: row.id as Credential["id"],
      kind: row.kind,
      principal: row.principal_id as Credential["principal"],
      expiresAtMs: row.expires_at?.getTime() ?? null,
      scope: row.scope,
    };
  });
}

const kinds: ReadonlySet<string> = new Set<Credential["kind"]>(["api_key", "service_token", "session"]);

function isKind(kind: string): kind is Credential["kind"] {
  return kinds.has(kind);
}
