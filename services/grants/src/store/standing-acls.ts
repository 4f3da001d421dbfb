// ACLs that are read once, changed in memory, and written at the end: in as many statements for a thousand as for one.

import type { AclId, OrgId } from "@portcullis/policy";
import type { Query } from "@portcullis/store";
import { type Acl, type AclContent, aclIdentity } from "../domain/acl.ts";
import { aclOf } from "./acl-rows.ts";
import type { AclRow } from "./entities.ts";

/** ACLs as they stand, and as they are to stand. */
export interface StandingAcls {
  withId(id: AclId): Acl | null;
  /** The one that says this, whenever it expires. */
  saying(content: AclContent): Acl | null;
  /** Makes one, or changes when it expires. */
  put(acl: Acl): void;
  remove(acl: Acl): void;
  /** Writes what was changed. */
  write(query: Query): Promise<void>;
}

/** Those that have one of the ids, or say what one of the contents says. */
export async function readStanding(
  query: Query,
  org: OrgId,
  ids: readonly AclId[],
  contents: readonly AclContent[],
): Promise<StandingAcls> {
  const rows = await Promise.all([saying(query, org, contents), withIds(query, org, ids)]);
  return standing(rows.flat().map((row) => aclOf(rowOf(row))));
}

async function saying(query: Query, org: OrgId, contents: readonly AclContent[]): Promise<Columns[]> {
  if (contents.length === 0) return [];
  const named = contents.map(({ object, subject }) => ({
    type: object.type,
    id: object.id,
    subject: subject.id,
  }));
  const distinct = new Map(named.map((each) => [`${each.type} ${each.id} ${each.subject}`, each]));
  return query<Columns>({
    name: "standing-acls",
    text: `select acl.* from jsonb_to_recordset($2::jsonb) as named (type text collate "C", id uuid, subject uuid)
       join acl on acl.org_id = $1::uuid and acl.object_type = named.type and acl.object_id = named.id
         and acl.subject_id = named.subject`,
    values: [org, JSON.stringify([...distinct.values()])],
  });
}

async function withIds(query: Query, org: OrgId, ids: readonly AclId[]): Promise<Columns[]> {
  if (ids.length === 0) return [];
  return query<Columns>({
    name: "standing-acls-by-id",
    text: "select * from acl where id = any($2::uuid[]) and org_id = $1::uuid",
    values: [org, `{${ids.join(",")}}`],
  });
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
    async write(query) {
      const gone = [...before.keys()].filter((id) => !now.has(id));
      const made = [...now.values()].filter(({ id }) => !before.has(id));
      const changed = [...now.values()].filter((acl) => before.has(acl.id) && before.get(acl.id) !== acl);
      // What is made may say what one that goes has said.
      await Promise.all([
        gone.length > 0 && query(deletion(gone)),
        changed.length > 0 && query(update(changed)),
        made.length > 0 && query(insertion(made)),
      ]);
    },
  };
}

function deletion(ids: readonly AclId[]) {
  return {
    name: "delete-acls",
    text: "delete from acl where id = any($1::uuid[])",
    values: [`{${ids.join(",")}}`],
  };
}

function update(acls: readonly Acl[]) {
  return {
    name: "update-acls",
    text: `update acl set expires_at = changed.expires_at, created = changed.created
       from jsonb_to_recordset($1::jsonb) as changed (id uuid, expires_at timestamptz, created timestamptz)
       where acl.id = changed.id`,
    values: [JSON.stringify(acls.map(columnsOf))],
  };
}

function insertion(acls: readonly Acl[]) {
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
