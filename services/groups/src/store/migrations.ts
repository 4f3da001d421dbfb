import type { MigrationObject } from "@mikro-orm/core";
import { Migration } from "@mikro-orm/migrations";

class Groups extends Migration {
  override up(): void {
    this.addSql(`
      create table permission_group (
        id uuid primary key,
        org_id uuid not null,
        name text collate "C" not null,
        description text,
        creator_id uuid,
        created timestamptz(3) not null,
        built_in text check (built_in in ('owners', 'engineers', 'viewers')),
        deleted_at timestamptz(3),
        constraint built_in_stays check (built_in is null or deleted_at is null)
      );
      create unique index permission_group_name on permission_group (org_id, name) where deleted_at is null;
      create unique index permission_group_built_in on permission_group (org_id, built_in);
      create index permission_group_list on permission_group (org_id, created desc, id desc)
        where deleted_at is null;
    `);
    // Rows of live groups only.
    this.addSql(`
      create table group_principal (
        org_id uuid not null,
        group_id uuid not null references permission_group,
        principal_id uuid not null,
        primary key (group_id, principal_id)
      );
      create index group_principal_memberships on group_principal (org_id, principal_id);
    `);
    this.addSql(`
      create table group_nesting (
        org_id uuid not null,
        group_id uuid not null references permission_group,
        member_group_id uuid not null references permission_group,
        primary key (group_id, member_group_id),
        constraint not_in_itself check (group_id <> member_group_id)
      );
      create index group_nesting_org on group_nesting (org_id);
    `);
    // Principals whose membership of the organisation may be ending just now.
    this.addSql(`
      create table departure (
        org_id uuid not null,
        principal_id uuid not null,
        until timestamptz not null,
        primary key (org_id, principal_id)
      );
    `);
  }
}

/** Which of several reservations a departure stands for. */
class NamedReservations extends Migration {
  override up(): void {
    this.addSql("alter table departure add column reservation_id uuid");
  }
}

/** Groups by name, and what is looked for in them; and since when principals are in them, from now on. */
class GroupSearch extends Migration {
  override up(): void {
    this.addSql(`
      create function search_key(shown text) returns text language sql immutable parallel safe
        as $$ select lower(shown collate "und-x-icu") collate "C" $$;
    `);
    this.addSql(`
      alter table permission_group
        add column sort_key text collate "C" generated always as (left(search_key(name), 100)) stored,
        add column search_text text collate "C" generated always as (search_key(name)) stored;
      create index permission_group_by_name on permission_group (org_id, sort_key, id) include (search_text)
        where deleted_at is null;
    `);
    this.addSql(`
      alter table group_principal add column added timestamptz(3);
      alter table group_principal alter column added set default clock_timestamp();
    `);
  }
}

/** What identity providers call groups. */
class ExternalIds extends Migration {
  override up(): void {
    this.addSql('alter table permission_group add column external_id text collate "C"');
    this.addSql(`create index permission_group_external_id on permission_group (org_id, external_id)
      where deleted_at is null`);
  }
}

/** In order. A migration that ran anywhere is never edited again. */
export const migrations: readonly MigrationObject[] = [
  { name: "0002-groups", class: Groups },
  { name: "0003-named-reservations", class: NamedReservations },
  { name: "0004-group-search", class: GroupSearch },
  { name: "0005-external-ids", class: ExternalIds },
];
