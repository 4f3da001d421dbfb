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

/** In order. A migration that ran anywhere is never edited again. */
export const migrations: readonly MigrationObject[] = [
  { name: "0002-identity", class: Identity },
  { name: "0003-memberships-by-principal", class: MembershipsByPrincipal },
];
