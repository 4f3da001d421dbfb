// How far grants reach: which ACLs name somebody or grant something, and what stands below. Every query stops at its
// limit, and reads no more of any one subject, role or parent than that.

import { type ObjectRef, type OrgId, organizationFace, type RoleId } from "@portcullis/policy";
import type { Database } from "@portcullis/store";
import type { Acl } from "../domain/acl.ts";
import { facesOf, facesOfOrganization } from "../domain/object.ts";

/** What an ACL tells of its reach. */
export interface PlacedAcl {
  readonly object: ObjectRef;
  readonly subject: Acl["content"]["subject"];
  readonly role: RoleId | null;
}

/** Whose ACLs, or the ACLs of which roles. */
export interface Named {
  readonly principals: readonly string[];
  readonly groups: readonly string[];
  readonly roles: readonly string[];
}

export class ReachStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Each once, in no order. */
  async aclsNaming(org: OrgId, { principals, groups, roles }: Named, limit: number): Promise<PlacedAcl[]> {
    const columns = "acl.id, object_type, object_id, subject_kind, subject_id, role_id";
    const rows = await this.#database.read((em) =>
      em.execute<AclRow[]>(
        `select * from (
           select found.* from jsonb_to_recordset(?::jsonb) as named (kind text, id uuid)
           cross join lateral (
             select ${columns} from acl where org_id = ? and subject_id = named.id and subject_kind = named.kind limit ?
           ) found
           union all
           select found.* from unnest(?::uuid[]) as granted (id)
           cross join lateral (select ${columns} from acl where org_id = ? and role_id = granted.id limit ?) found
         ) reaching limit ?`,
        [
          JSON.stringify([
            ...Array.from(new Set(principals), (id) => ({ kind: "principal", id })),
            ...Array.from(new Set(groups), (id) => ({ kind: "group", id })),
          ]),
          org,
          limit,
          `{${[...new Set(roles)].join(",")}}`,
          org,
          limit,
          // Each is found once by its subject and once by its role, at most; so the query can stop where it has enough.
          2 * limit,
        ],
      ),
    );
    const distinct = new Map(rows.map((row) => [row.id, row]));
    return Array.from(distinct.values(), (row) => ({
      object: { type: row.object_type, id: row.object_id },
      subject: { kind: row.subject_kind, id: row.subject_id } as PlacedAcl["subject"],
      role: row.role_id,
    })).slice(0, limit);
  }

  /** Nearest first, each once, without the objects themselves. */
  async objectsBelow(org: OrgId, objects: readonly ObjectRef[], limit: number): Promise<ObjectRef[]> {
    const root = organizationFace("organization", org);
    const faces = objects.some((object) => textOf(object) === textOf(root)) ? facesOfOrganization(org) : [];
    const starts = [...objects, ...faces];
    const rows = await this.#database.read((em) =>
      em.execute<ObjectRef[]>(
        `with recursive start as (
           select type, id from jsonb_to_recordset(?::jsonb) as given (type text, id uuid)
         ), below as (
           select type collate "C" as type, id from start
           union
           select next.type, next.id from below
           cross join lateral (
             (select type, id from object
              where org_id = ? and parent_id = below.id and parent_type = below.type and deleted_at is null limit ?)
             union all
             (select 'project', listed from object listing, unnest(listing.member_projects) as listed
              where below.type = 'project_group' and listing.id = below.id and listing.org_id = ?
                and listing.deleted_at is null limit ?)
           ) next
         )
         select type, id from below limit ?`,
        [JSON.stringify(starts), org, limit, org, limit, starts.length + limit],
      ),
    );
    const given = new Set(objects.map(textOf));
    const found = [...faces, ...rows].flatMap((object) => [object, ...facesOf(object)]);
    const all = new Map([...objects.flatMap(facesOf), ...found].map((object) => [textOf(object), object]));
    return [...all.values()].filter((object) => !given.has(textOf(object))).slice(0, limit);
  }

  /** What every member may read. */
  async publicObjects(org: OrgId, limit: number): Promise<ObjectRef[]> {
    return this.#database.read((em) =>
      em.execute<ObjectRef[]>(
        "select type, id from object where org_id = ? and public_read and deleted_at is null limit ?",
        [org, limit],
      ),
    );
  }
}

interface AclRow {
  readonly id: string;
  readonly object_type: ObjectRef["type"];
  readonly object_id: ObjectRef["id"];
  readonly subject_kind: string;
  readonly subject_id: string;
  readonly role_id: RoleId | null;
}

function textOf({ type, id }: ObjectRef): string {
  return `${type} ${id}`;
}
