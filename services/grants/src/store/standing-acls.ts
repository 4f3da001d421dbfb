// ACLs that are read once, changed in memory, and written at the end: in as many statements for a thousand as for one.

import type { AclId, OrgId } from "@portcullis/policy";
import type { Query, Statement } from "@portcullis/store";
import { type Acl, type AclContent, aclIdentity } from "../domain/acl.ts";
import { aclOf } from "./acl-rows.ts";
import type { AclRow } from "./entities.ts";

/** ACLs of an organisation as they stand, and as they are to stand. */
export interface StandingAcls {
  withId(id: AclId): Acl | null;
  /** The one that says this, whenever it expires. */
  saying(content: AclContent): Acl | null;
  /** Makes one, or changes when it expires. */
  put(acl: Acl): void;
  remove(acl: Acl): void;
  /** What was changed. */
  changes(): Changes;
}

interface Changes {
  readonly gone: readonly AclId[];
  readonly changed: readonly Acl[];
  readonly made: readonly Acl[];
}

/** ACLs that are meant, by their ids or by what they say. */
export interface MeantAcls {
  readonly ids: readonly AclId[];
  readonly contents: readonly AclContent[];
}

/** Those of each organisation that are meant there. */
export async function readStanding(
  query: Query,
  meant: ReadonlyMap<OrgId, MeantAcls>,
): Promise<(org: OrgId) => StandingAcls> {
  const rows = (await Promise.all([saying(query, meant), withIds(query, meant)])).flat();
  const found = Map.groupBy(
    rows.map((row) => aclOf(rowOf(row))),
    (acl) => acl.org,
  );
  return (org) => standing(found.get(org) ?? []);
}

async function saying(query: Query, meant: ReadonlyMap<OrgId, MeantAcls>): Promise<Columns[]> {
  const named = Array.from(meant, ([org, { contents }]) =>
    contents.map(({ object, subject }) => ({ org, type: object.type, id: object.id, subject: subject.id })),
  ).flat();
  if (named.length === 0) return [];
  const distinct = new Map(named.map((each) => [Object.values(each).join(" "), each]));
  return query<Columns>({
    name: "standing-acls",
    text: `select acl.* from jsonb_to_recordset($1::jsonb)
         as named (org uuid, type text collate "C", id uuid, subject uuid)
       cross join lateral (
         select * from acl where object_id = named.id and object_type = named.type and org_id = named.org
           and subject_id = named.subject
         offset 0
       ) as acl`,
    values: [JSON.stringify([...distinct.values()])],
  });
}

async function withIds(query: Query, meant: ReadonlyMap<OrgId, MeantAcls>): Promise<Columns[]> {
  const named = Array.from(meant, ([org, { ids }]) => ids.map((id) => ({ org, id }))).flat();
  if (named.length === 0) return [];
  return query<Columns>({
    name: "standing-acls-by-id",
    text: `select acl.* from (
         select distinct * from jsonb_to_recordset($1::jsonb) as named (org uuid, id uuid)
       ) as named join acl on acl.id = named.id and acl.org_id = named.org`,
    values: [JSON.stringify(named)],
  });
}

/** What writes down all changes. */
export function writingDown(all: readonly StandingAcls[]): readonly Statement[] {
  const changes = all.map((acls) => acls.changes());
  const gone = changes.flatMap((each) => each.gone);
  const changed = changes.flatMap((each) => each.changed);
  const made = changes.flatMap((each) => each.made);
  return [
    // What is made may say what one that goes has said.
    ...(gone.length > 0 ? [deletion(gone)] : []),
    ...(changed.length > 0 ? [update(changed)] : []),
    ...(made.length > 0 ? [insertion(made)] : []),
  ];
}

function standing(found: readonly Acl[]): StandingAcls {
  const before = new Map(found.map((acl) => [acl.id, acl]));
  const now = new Map(before);
  const byIdentity = new Map(Array.from(before.values(), (acl) => [aclIdentity(acl.content), acl]));
  return {
    withId: (id) => now.get(id) ?? null,
    saying: (content) => byIdentity.get(aclIdentity(content)) ?? null,
    put(acl) {
      now.set(acl.id, acl);
      byIdentity.set(aclIdentity(acl.content), acl);
    },
    remove(acl) {
      now.delete(acl.id);
      byIdentity.delete(aclIdentity(acl.content));
    },
    changes: () => ({
      gone: [...before.keys()].filter((id) => !now.has(id)),
      changed: [...now.values()].filter((acl) => before.has(acl.id) && before.get(acl.id) !== acl),
      made: [...now.values()].filter(({ id }) => !before.has(id)),
    }),
  };
}

function deletion(ids: readonly AclId[]): Statement {
  return {
    name: "delete-acls",
    text: "delete from acl where id = any($1::uuid[])",
    values: [`{${ids.join(",")}}`],
  };
}

function update(acls: readonly Acl[]): Statement {
  return {
    name: "update-acls",
    text: `update acl set expires_at = changed.expires_at, created = changed.created
       from jsonb_to_recordset($1::jsonb) as changed (id uuid, expires_at timestamptz, created timestamptz)
       where acl.id = changed.id`,
    values: [JSON.stringify(acls.map(columnsOf))],
  };
}

function insertion(acls: readonly Acl[]): Statement {
  const columns = `id, org_id, object_type, object_id, subject_kind, subject_id, permission, role_id,
    restrict_object_type, expires_at, built_in, created`;
  return {
    name: "insert-acls",
    text: `insert into acl (${columns}) select ${columns} from jsonb_populate_recordset(null::acl, $1::jsonb)`,
    values: [JSON.stringify(acls.map(columnsOf))],
  };
}

/** A row as Postgres has it. */
interface Columns {
  readonly id: string;
  readonly org_id: string;
  readonly object_type: AclRow["objectType"];
  readonly object_id: string;
  readonly subject_kind: AclRow["subjectKind"];
  readonly subject_id: string;
  readonly permission: AclRow["permission"];
  readonly role_id: string | null;
  readonly restrict_object_type: AclRow["restrictObjectType"];
  readonly expires_at: Date | null;
  readonly built_in: boolean;
  readonly created: Date;
}

function columnsOf({ id, org, content, builtIn, created }: Acl): Columns {
  const { object, subject, grant, expiresAt } = content;
  return {
    id,
    org_id: org,
    object_type: object.type,
    object_id: object.id,
    subject_kind: subject.kind,
    subject_id: subject.id,
    permission: grant.kind === "permission" ? grant.permission : null,
    role_id: grant.kind === "role" ? grant.id : null,
    restrict_object_type: grant.kind === "permission" ? grant.restrictObjectType : null,
    expires_at: expiresAt,
    built_in: builtIn,
    created,
  };
}

function rowOf(columns: Columns): AclRow {
  return {
    id: columns.id,
    orgId: columns.org_id,
    objectType: columns.object_type,
    objectId: columns.object_id,
    subjectKind: columns.subject_kind,
    subjectId: columns.subject_id,
    permission: columns.permission,
    roleId: columns.role_id,
    restrictObjectType: columns.restrict_object_type,
    expiresAt: columns.expires_at,
    builtIn: columns.built_in,
    created: columns.created,
  };
}
