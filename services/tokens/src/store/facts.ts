import type { Credential, FactKey, OrgId, Scope } from "@portcullis/policy";
import type { FactReading, Subquery } from "@portcullis/store";

interface Row {
  readonly id: string;
  readonly org_id: OrgId;
  readonly digest: string;
  readonly kind: string;
  readonly principal_id: string;
  readonly expires_at_ms: number | null;
  readonly scope: Scope | null;
}

/** The credential facts: live rows only. A row of a kind that nobody knows is read as absent. */
export function readFacts(keys: readonly FactKey[]): FactReading<{ readonly credentials: Subquery<Row> }> {
  const digests = keys.map((key) => (key.kind === "credential" ? key.digest : ""));
  return {
    queries: {
      credentials: {
        text: `select id, org_id, digest, kind, principal_id, scope,
                 extract(epoch from expires_at) * 1000 as expires_at_ms
               from unnest($1::text[]) as wanted (asked)
               cross join lateral (select * from credential where digest = wanted.asked limit 1) as found
               where revoked_at is null`,
        values: [digests],
      },
    },
    values({ credentials }) {
      const found = new Map(credentials.map((row) => [`${row.org_id} ${row.digest}`, row]));
      return keys.map((key, index) => {
        const row = found.get(`${key.org} ${digests[index]}`);
        if (row === undefined || !isKind(row.kind)) return null;
        return {
          id: row.id as Credential["id"],
          kind: row.kind,
          principal: row.principal_id as Credential["principal"],
          expiresAtMs: row.expires_at_ms,
          scope: row.scope,
        };
      });
    },
  };
}

const kinds: ReadonlySet<string> = new Set<Credential["kind"]>(["api_key", "service_token", "session"]);

function isKind(kind: string): kind is Credential["kind"] {
  return kinds.has(kind);
}
