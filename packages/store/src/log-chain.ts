import { Migration } from "@mikro-orm/migrations";

/**
 * Chains each event to the one before it by a hash, in the database itself, so that nothing is appended without it:
 * hash = SHA-256(hash of the event before, every column that the event was made with). Each column is written with its
 * length, the time in milliseconds and JSON as the database reads it back, so that two events can't be written alike.
 * Events from before this migration have no hash: `org_log.chained_from` says where the chain begins.
 */
export class LogChain extends Migration {
  override name = "0001-log-chain";

  override up(): void {
    this.addSql("alter table event_log add column previous_hash bytea, add column hash bytea");
    this.addSql(`
      alter table org_log add column head_hash bytea, add column chained_from bigint not null default 1;
      update org_log set chained_from = position + 1;
    `);
    this.addSql(`
      create function framed(value text) returns bytea language sql stable begin atomic
        select case when value is null then int4send(-1)
          else int4send(octet_length(convert_to(value, 'UTF8'))) || convert_to(value, 'UTF8') end;
      end;
      create function event_hash(previous bytea, event event_log) returns bytea language sql stable begin atomic
        select sha256(
          previous || framed(event.org_id::text) || framed(event.position::text)
          || framed((extract(epoch from event.at) * 1000)::bigint::text)
          || framed(event.actor_id) || framed(event.credential_id) || framed(event.impersonated_id)
          || framed(event.request_id) || framed(event.source_address)
          || framed(event.action) || framed(event.subject_type) || framed(event.subject_id)
          || framed(event.before::text) || framed(event.after::text)
          || framed(event.touches::text) || framed(array_to_json(event.touched_kinds)::text)
        );
      end;
      create function chain_event() returns trigger language plpgsql as $$
        declare
          last bytea;
        begin
          select hash into last from event_log where org_id = new.org_id and position = new.position - 1;
          new.previous_hash := coalesce(last, decode(repeat('00', 32), 'hex'));
          new.hash := event_hash(new.previous_hash, new);
          return new;
        end
      $$;
      create trigger event_log_chain before insert on event_log for each row execute function chain_event();
    `);
  }
}

/**
 * A connection that planned its first appends while the log was a page long would go on to look for the event before by
 * whatever index seemed as good then, through all events of the organisation. So each append is planned anew.
 */
export class LogChainPlan extends Migration {
  override name = "0001-log-chain-plan";

  override up(): void {
    this.addSql("alter function chain_event() set plan_cache_mode = force_custom_plan");
  }
}

/**
 * What administrators ask of the log: newest first, by who acted, what was done, and whom or what it concerned.
 * `mentions` holds the ids that stand in an event, the organisation's own left out; of the members of a group only those
 * that came or went.
 */
export class AuditIndexes extends Migration {
  override name = "0001-audit-indexes";

  override up(): void {
    // Their bodies are bound when they are made: a restore fills the column while no schema is on the search path.
    this.addSql(`
      create function ids_in(value jsonb) returns setof uuid language sql immutable begin atomic
        select found[1]::uuid from regexp_matches(
          value::text, '"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"', 'g'
        ) as found;
      end;
      create function ids_moved(before jsonb, after jsonb) returns setof uuid language sql immutable begin atomic
        (select ids_in(before) except select ids_in(after)) union all (select ids_in(after) except select ids_in(before));
      end;
      create function mentions(org uuid, subject text, before jsonb, after jsonb) returns uuid[]
      language sql immutable begin atomic
        select array(
          select id from (
            select ids_in(to_jsonb(subject)) as id
            union select ids_in(before - '{principals,memberGroups}'::text[])
            union select ids_in(after - '{principals,memberGroups}'::text[])
            union select ids_moved(before -> 'principals', after -> 'principals')
            union select ids_moved(before -> 'memberGroups', after -> 'memberGroups')
          ) as mentioned
          where id <> org
        );
      end;
      alter table event_log add column mentions uuid[]
        generated always as (mentions(org_id, subject_id, before, after)) stored;
    `);
    this.addSql(`
      create index event_log_at on event_log (org_id, at, position);
      create index event_log_actor on event_log (org_id, actor_id, at, position);
      create index event_log_action on event_log (org_id, action, at, position);
      create index event_log_subject on event_log (org_id, subject_id, at, position);
      create index event_log_mentions on event_log using gin (mentions);
      create index event_log_touches on event_log using gin (touches jsonb_path_ops);
      create index event_log_touched_kinds on event_log (org_id, at, position) where touched_kinds <> '{}';
    `);
  }
}

/**
 * Finds the same ids in a third of the time: an expression that runs over the whole text took most of what it took to
 * append a large event. What stands between two quotes is taken out first, and what looks like an id is looked at.
 */
export class AuditMentions extends Migration {
  override name = "0001-audit-mentions";

  override up(): void {
    this.addSql(`
      create or replace function ids_in(value jsonb) returns setof uuid language sql immutable begin atomic
        select part::uuid from string_to_table(value::text, '"') as part
        where part like '________-____-____-____-____________'
          and part ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$';
      end;
    `);
  }
}
