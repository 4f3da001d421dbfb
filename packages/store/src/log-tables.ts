import { Migration } from "@mikro-orm/migrations";

/** The tables behind the event log, the same in every owner's database. First in each owner's list of migrations. */
export class LogTables extends Migration {
  override name = "0001-log-tables";

  override up(): void {
    this.addSql(`
      create table history (id uuid primary key default gen_random_uuid());
      insert into history default values;
    `);
    this.addSql(`
      create table org_log (
        org_id uuid primary key,
        position bigint not null default 0,
        relayed bigint not null default 0
      );
      create index org_log_unrelayed on org_log (org_id) where relayed < position;
    `);
    this.addSql(`
      create table event_log (
        org_id uuid not null,
        position bigint not null,
        at timestamptz(3) not null,
        actor_id text not null,
        credential_id text not null,
        impersonated_id text not null,
        request_id text not null,
        source_address text not null,
        action text not null,
        subject_type text not null,
        subject_id text not null,
        before jsonb,
        after jsonb,
        touches jsonb not null,
        touched_kinds text[] not null,
        primary key (org_id, position)
      );
    `);
    this.addSql(`
      create function refuse_change() returns trigger language plpgsql as
        $$ begin raise exception 'the event log can only be appended to'; end $$;
      create trigger event_log_append_only before update or delete or truncate on event_log
        for each statement execute function refuse_change();
    `);
    this.addSql(`
      create table fact_change (
        org_id uuid not null,
        fact text not null,
        position bigint not null,
        primary key (org_id, fact)
      );
    `);
    // Names this history of positions. It changes when a restore renews the row, when the database is another
    // cluster, and when a failover starts a new timeline: each may hand out the same positions for other events.
    this.addSql(`
      create function incarnation() returns text language sql stable as $$
        select md5(
          (select id::text from history) || (select system_identifier::text from pg_control_system())
          || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)
        )
      $$;
    `);
  }
}

/** How far this owner has followed the logs of others: beside the effects, so that both commit together. */
export class FollowedLogs extends Migration {
  override name = "0001-followed-logs";

  override up(): void {
    this.addSql(`
      create table followed_log (
        org_id uuid not null,
        owner text not null,
        incarnation text not null,
        position bigint not null,
        primary key (org_id, owner)
      );
    `);
  }
}

/** In whose course a change was made, where that was traced: what follows from it is told beside it. */
export class LogTraces extends Migration {
  override name = "0001-log-traces";

  override up(): void {
    this.addSql("alter table event_log add column traceparent text");
  }
}

/** Where the other owners' logs stood when a change was asked for. Nothing is known of changes from before. */
export class LogDependencies extends Migration {
  override name = "0001-log-dependencies";

  override up(): void {
    this.addSql("alter table event_log add column depends_on jsonb not null default '[]'");
  }
}
