import type { MigrationObject } from "@mikro-orm/core";
import { Migration } from "@mikro-orm/migrations";

class Credentials extends Migration {
  override up(): void {
    this.addSql(`
      create table credential (
        id uuid primary key,
        org_id uuid not null,
        kind text not null check (kind in ('api_key', 'service_token')),
        principal_id uuid not null,
        name text collate "C" not null,
        preview text not null,
        digest text not null unique,
        created timestamptz(3) not null,
        expires_at timestamptz(3),
        revoked_at timestamptz(3)
      );
      create index credential_list on credential (org_id, kind, created desc, id desc) where revoked_at is null;
      create index credential_principal on credential (org_id, principal_id) where revoked_at is null;
    `);
  }
}

class ScopesRotationsAndUses extends Migration {
  override up(): void {
    this.addSql(`
      alter table credential add column scope jsonb, add column rotated_at timestamptz(3);
      -- Apart from the credentials, which change only with an event.
      create table credential_use (
        credential_id uuid primary key references credential,
        last_used_at timestamptz(3) not null
      );
    `);
  }
}

class Sessions extends Migration {
  override up(): void {
    this.addSql(`
      alter table credential
        drop constraint credential_kind_check,
        add check (kind in ('api_key', 'service_token', 'session')),
        add column made_from uuid references credential,
        add constraint only_sessions_are_made_from_others check (kind = 'session' or made_from is null),
        add constraint sessions_end check (kind <> 'session' or expires_at is not null);
      create index credential_made_from on credential (made_from) where revoked_at is null and made_from is not null;
    `);
  }
}

/** All that a principal ever held. */
class CredentialHolders extends Migration {
  override up(): void {
    this.addSql("create index credential_holder on credential (org_id, principal_id)");
  }
}

/** In order. A migration that ran anywhere is never edited again. */
export const migrations: readonly MigrationObject[] = [
  { name: "0002-credentials", class: Credentials },
  { name: "0003-scopes-rotations-and-uses", class: ScopesRotationsAndUses },
  { name: "0004-sessions", class: Sessions },
  { name: "0005-credential-holders", class: CredentialHolders },
];
