import type { MigrationObject } from "@mikro-orm/core";
import { Migration } from "@mikro-orm/migrations";

class Identity extends Migration {
  override up(): void {
    this.addSql(`
      create table organization (
        id uuid primary key,
        name text collate "C" not null unique,
        created timestamptz(3) not null,
        settings jsonb not null default '{}'
      );
    `);
    this.addSql(`
      create table principal (
        id uuid primary key,
        kind text not null check (kind in ('user', 'service_account')),
        email text,
        email_key text collate "C" unique,
        given_name text collate "C",
        family_name text collate "C",
        avatar_url text,
        home_org_id uuid references organization,
        created timestamptz(3) not null,
        constraint user_has_address check ((kind = 'user') = (email is not null)),
        constraint address_has_key check ((email is null) = (email_key is null)),
        constraint service_account_has_home check ((kind = 'service_account') = (home_org_id is not null))
      );
    `);
    // A row stays when the membership ends: it says who was here before.
    this.addSql(`
      create table membership (
        org_id uuid not null references organization,
        principal_id uuid not null references principal,
        joined timestamptz(3) not null,
        left_at timestamptz(3),
        primary key (org_id, principal_id)
      );
    `);
    // The one place that says who is a member.
    this.addSql(`
      create view active_member as
        select principal.id, membership.org_id, kind, email, email_key, given_name, family_name, avatar_url,
          principal.created
        from membership join principal on principal.id = membership.principal_id
        where left_at is null and kind in ('user', 'service_account')
          and (kind = 'user' or home_org_id = membership.org_id);
    `);
  }
}

class MembershipsByPrincipal extends Migration {
  override up(): void {
    this.addSql("create index membership_principal_id on membership (principal_id) where left_at is null");
  }
}

/**
 * Active members by name, and what is looked for in them, in a table of its own: one index holds an organisation in the order
 * of its lists with all that a search looks at, and reads of who is a member can't be led to it. Triggers keep it, whoever
 * writes. No extension is needed, which not every role may create. Names have at most 255 characters and addresses 254, so
 * that all of it fits into a row of an index.
 */
class ListedMembers extends Migration {
  override up(): void {
    this.addSql(`
      create function search_key(shown text) returns text language sql immutable parallel safe
        as $$ select lower(shown collate "und-x-icu") collate "C" $$;
    `);
    this.addSql(`
      create view named_principal as
        select id, kind, home_org_id,
          left(search_key(coalesce(nullif(name, ''), email)), 100) as sort_key,
          search_key(name || chr(10) || coalesce(email, '')) as search_text
        from (
          select id, kind, home_org_id, email, trim(coalesce(given_name, '') || ' ' || coalesce(family_name, '')) as name
          from principal
        ) as named;
    `);
    this.addSql(`
      create table listed_member (
        org_id uuid not null,
        principal_id uuid not null,
        kind text not null,
        sort_key text collate "C" not null,
        search_text text collate "C" not null,
        primary key (org_id, principal_id)
      );
      create index listed_member_by_name on listed_member (org_id, sort_key, principal_id)
        include (search_text, kind);
      create index listed_service_account_by_name on listed_member (org_id, sort_key, principal_id)
        include (search_text) where kind = 'service_account';
    `);
    this.addSql(`
      create function list_members() returns trigger language plpgsql as $$
      begin
        delete from listed_member using changed
          where listed_member.org_id = changed.org_id and listed_member.principal_id = changed.principal_id
            and changed.left_at is not null;
        insert into listed_member (org_id, principal_id, kind, sort_key, search_text)
          select changed.org_id, named.id, named.kind, named.sort_key, named.search_text
          from changed join named_principal named on named.id = changed.principal_id
          where changed.left_at is null and (named.kind = 'user' or named.home_org_id = changed.org_id)
          on conflict (org_id, principal_id)
            do update set kind = excluded.kind, sort_key = excluded.sort_key, search_text = excluded.search_text;
        return null;
      end $$;
      create trigger list_new_members after insert on membership
        referencing new table as changed for each statement execute function list_members();
      create trigger list_changed_members after update on membership
        referencing new table as changed for each statement execute function list_members();
    `);
    this.addSql(`
      create function list_renamed() returns trigger language plpgsql as $$
      begin
        update membership set left_at = left_at where principal_id = new.id;
        return null;
      end $$;
      create trigger list_renamed after update of given_name, family_name, email on principal
        for each row execute function list_renamed();
    `);
    this.addSql("update membership set left_at = left_at");
  }
}

/** What an organisation's identity provider says of a user, member or not. */
class ProvisionedUsers extends Migration {
  override up(): void {
    this.addSql(`
      create table provisioned_user (
        org_id uuid not null references organization,
        principal_id uuid not null references principal,
        user_name text not null,
        user_name_key text collate "C" not null,
        external_id text collate "C",
        attributes jsonb not null,
        email_keys text[] not null,
        created timestamptz(3) not null,
        updated timestamptz(3) not null,
        primary key (org_id, principal_id)
      );
      create unique index provisioned_user_name on provisioned_user (org_id, user_name_key);
      create index provisioned_user_external_id on provisioned_user (org_id, external_id);
      create index provisioned_user_emails on provisioned_user using gin (email_keys);
    `);
  }
}

/** In order. A migration that ran anywhere is never edited again. */
export const migrations: readonly MigrationObject[] = [
  { name: "0002-identity", class: Identity },
  { name: "0003-memberships-by-principal", class: MembershipsByPrincipal },
  { name: "0004-listed-members", class: ListedMembers },
  { name: "0005-provisioned-users", class: ProvisionedUsers },
];
