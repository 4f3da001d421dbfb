import type { FactKey, PrincipalKind } from "@portcullis/policy";
import type { FactReading, Subquery } from "@portcullis/store";

interface Row {
  readonly org_id: string;
  readonly id: string;
  readonly kind: PrincipalKind;
}

/** The member facts: who is active now, and of which kind. */
export function readFacts(keys: readonly FactKey[]): FactReading<{ readonly members: Subquery<Row> }> {
  const principals = keys.map((key) => (key.kind === "member" ? key.principal : null));
  return {
    queries: {
      members: {
        text: `select member.* from unnest($1::uuid[], $2::uuid[]) as wanted (org, principal)
               cross join lateral (
                 select org_id, id, kind from active_member
                 where org_id = wanted.org and id = wanted.principal limit 1
               ) as member`,
        values: [keys.map((key) => key.org), principals],
      },
    },
    values({ members }) {
      const kinds = new Map(members.map((row) => [`${row.org_id} ${row.id}`, row.kind]));
      return keys.map((key, index) => {
        const kind = kinds.get(`${key.org} ${principals[index]}`);
        return kind === undefined ? null : { kind };
      });
    },
  };
}
