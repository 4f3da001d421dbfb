import type { FactKey, FactKind, FactValues, PrincipalKind } from "@portcullis/policy";
import type { PoolClient } from "pg";

interface Row {
  readonly org_id: string;
  readonly id: string;
  readonly kind: PrincipalKind;
}

/** The member facts: who is active now, and of which kind. */
export async function readFacts(
  client: PoolClient,
  keys: readonly FactKey[],
): Promise<FactValues[FactKind][]> {
  const principals = keys.map((key) => (key.kind === "member" ? key.principal : null));
  const { rows } = await client.query<Row>({
    name: "members",
    text: `select org_id, id, kind from active_member
           where (org_id, id) in (select * from unnest($1::uuid[], $2::uuid[]))`,
    values: [keys.map((key) => key.org), principals],
  });
  const kinds = new Map(rows.map((row) => [`${row.org_id} ${row.id}`, row.kind]));
  return keys.map((key, index) => {
    const kind = kinds.get(`${key.org} ${principals[index]}`);
    return kind === undefined ? null : { kind };
  });
}
