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
 * Members by name, and what is looked for in them. It stands beside the membership, so that one index holds an organisation
 * in the order of its lists, and all that a search looks at; a trigger puts it there, whoever writes. No extension is
 * needed, which not every role may create: to look through 100,000 members takes some 15 ms. Names have at most 255
 * characters and addresses 254, so that all of it fits into a row of an index.
 */
class MemberSearch extends Migration {
  override up(): void {
    this.addSql(`
      create function search_key(shown text) returns text language sql immutable parallel safe
        as $$ select lower(shown collate "und-x-icu") collate "C" $$;
    `);
    this.addSql(`
      alter table membership
        add column kind text,
        add column sort_key text collate "C",
        add column search_text text collate "C";
    `);
    this.addSql(`
      create function membership_search() returns trigger language plpgsql as $$
      begin
        select named.kind, left(search_key(coalesce(nullif(name, ''), email)), 100), search_key(name || chr(10) || coalesce(email, ''))
          into new.kind, new.sort_key, new.search_text
          from (
            select kind, email, trim(coalesce(given_name, '') || ' ' || coalesce(family_name, '')) as name
            from principal where id = new.principal_id
          ) as named;
        return new;
      end $$;
      create trigger membership_search before insert or update on membership
        for each row execute function membership_search();
    `);
    this.addSql(`
      create function principal_renamed() returns trigger language plpgsql as $$
      begin
        update membership set principal_id = principal_id where principal_id = new.id;
        return null;
      end $$;
      create trigger principal_renamed after update of given_name, family_name, email on principal
        for each row execute function principal_renamed();
    `);
    this.addSql("update membership set principal_id = principal_id");
    this.addSql(`
      create index membership_by_name on membership (org_id, sort_key, principal_id) include (search_text, kind)
        where left_at is null;
      create index service_account_by_name on membership (org_id, sort_key, principal_id) include (search_text)
        where left_at is null and kind = 'service_account';
    `);
  }
}

/** In order. A migration that ran anywhere is never edited again. */
export const migrations: readonly MigrationObject[] = [
  { name: "0002-identity", class: Identity },
  { name: "0003-memberships-by-principal", class: MembershipsByPrincipal },
  { name: "0004-member-search", class: MemberSearch },
];
