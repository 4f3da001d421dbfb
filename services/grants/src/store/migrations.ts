import type { MigrationObject } from "@mikro-orm/core";
import { Migration } from "@mikro-orm/migrations";

class Tables extends Migration {
  override up(): void {
    this.addSql(`
      create table object (
        id uuid primary key,
        org_id uuid not null,
        type text collate "C" not null,
        parent_type text collate "C" not null,
        parent_id uuid not null,
        name text collate "C" not null,
        slug text collate "C",
        payload jsonb not null,
        creator_id uuid,
        created timestamptz(3) not null,
        deleted_at timestamptz(3)
      );
      create unique index object_by_name on object (org_id, type, parent_id, name)
        where deleted_at is null and slug is null;
      create unique index object_by_slug on object (org_id, type, parent_id, slug)
        where deleted_at is null and slug is not null;
      create index object_list on object (org_id, type, created desc, id desc) where deleted_at is null;
      create index object_below on object (org_id, parent_id, type, created desc, id desc)
        where deleted_at is null;
    `);
    this.addSql(`
      create table role (
        id uuid primary key,
        org_id uuid not null,
        creator_id uuid,
        created timestamptz(3) not null,
        name text collate "C" not null,
        description text,
        permissions jsonb not null,
        member_roles uuid[] not null,
        deleted_at timestamptz(3)
      );
      create unique index role_by_name on role (org_id, name) where deleted_at is null;
      create index role_list on role (org_id, created desc, id desc) where deleted_at is null;
    `);
    this.addSql(`
      create table acl (
        id uuid primary key,
        org_id uuid not null,
        object_type text collate "C" not null,
        object_id uuid not null,
        subject_kind text not null constraint acl_subject check (subject_kind in ('principal', 'group')),
        subject_id uuid not null,
        permission text collate "C",
        role_id uuid,
        restrict_object_type text collate "C",
        expires_at timestamptz(3),
        built_in boolean not null,
        created timestamptz(3) not null,
        constraint acl_grant check (num_nonnulls(permission, role_id) = 1),
        constraint acl_restriction check (restrict_object_type is null or permission is not null)
      );
      create unique index acl_content on acl (object_id, object_type, org_id, subject_id, subject_kind, permission,
        role_id, restrict_object_type) nulls not distinct;
      create index acl_subject on acl (org_id, subject_id);
      create index acl_role on acl (org_id, role_id) where role_id is not null;
      create index acl_list on acl (org_id, created desc, id desc);
    `);
  }
}

/** `isPublic` of `domain/object.ts` once more, where the hot reads find it without the payload. */
class PublicExperiments extends Migration {
  override up(): void {
    this.addSql(`
      alter table object add column public_read boolean not null
        generated always as (type = 'experiment' and coalesce(payload -> 'public' = 'true'::jsonb, false)) stored;
    `);
  }
}

class ProjectGroups extends Migration {
  override up(): void {
    this.addSql(`
      alter table object add column member_projects uuid[] not null default '{}';
      create index object_listing on object using gin (member_projects)
        where type = 'project_group' and deleted_at is null;
    `);
  }
}

class ExpiringAcls extends Migration {
  override up(): void {
    this.addSql("create index acl_expiry on acl (expires_at) where expires_at is not null");
  }
}

/** For lists of the objects on which somebody has a permission: by id, and those that every member may read. */
class FoundObjects extends Migration {
  override up(): void {
    this.addSql("create index object_by_id on object (org_id, type, id) where deleted_at is null");
    this.addSql(
      "create index object_public on object (org_id, type, id) where public_read and deleted_at is null",
    );
  }
}

/**
 * The groups whose creators were given their grant, or weren't because something had changed by then. It says so for
 * ever: should groups' log be read again from its beginning, a grant that was taken away must not come back.
 */
class GroupOwners extends Migration {
  override up(): void {
    this.addSql(
      "create table owned_group (org_id uuid not null, id uuid not null, primary key (org_id, id))",
    );
  }
}

/** ACLs became facts in further ways: what changed of them before this was noted says so for all of them. */
class AclsApart extends Migration {
  override up(): void {
    this.addSql(`
      insert into fact_change (org_id, fact, position)
        select org_id, fact, position from org_log, unnest(array['every acls', 'every acls_naming']) as fact;
    `);
  }
}

/** Where objects stand became a fact of its own, in the same way. */
class Parents extends Migration {
  override up(): void {
    this.addSql(`
      insert into fact_change (org_id, fact, position) select org_id, 'every parents', position from org_log
    `);
  }
}

/** Things that are kept with objects. */
class Attachments extends Migration {
  override up(): void {
    this.addSql(`
      create table attachment (
        id uuid primary key,
        org_id uuid not null,
        kind text collate "C" not null,
        object_type text collate "C" not null,
        object_id uuid not null,
        name text collate "C" not null,
        payload jsonb not null,
        creator_id uuid,
        created timestamptz(3) not null,
        deleted_at timestamptz(3)
      );
    `);
    this.addSql(`
      create unique index attachment_name on attachment (org_id, object_id, object_type, kind, name)
        where deleted_at is null;
    `);
    this.addSql(
      "create index attachment_list on attachment (org_id, kind, created desc, id desc) where deleted_at is null",
    );
  }
}

/** In order. A migration that ran anywhere is never edited again. */
export const migrations: readonly MigrationObject[] = [
  { name: "0002-grants", class: Tables },
  { name: "0003-public-experiments", class: PublicExperiments },
  { name: "0004-project-groups", class: ProjectGroups },
  { name: "0005-expiring-acls", class: ExpiringAcls },
  { name: "0006-found-objects", class: FoundObjects },
  { name: "0007-group-owners", class: GroupOwners },
  { name: "0008-acls-apart", class: AclsApart },
  { name: "0009-attachments", class: Attachments },
  { name: "0010-parents", class: Parents },
];
