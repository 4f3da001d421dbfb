// The registers of facts in Redis. All keys of an organisation share one slot, and each script is one step in it, so
// that registers and watermarks change together, are lost together and fail over together.

import { readFileSync } from "node:fs";
import type { RedisClient } from "@portcullis/chassis/redis";
import { type FactKey, factOwners, type OrgId, type Owner } from "@portcullis/policy";
import { Fact as FactMessage } from "@portcullis/proto/facts/v1/facts";
import { factKeyText } from "./fact-key.ts";
import type { Offer, Refusal, Sighting, Watermark } from "./register.ts";
import { entriesMax, type LogEntry, type LogStretch } from "./source.ts";
import { type Fact, factFromWire, factToWire } from "./wire.ts";

/** A watermark without its floors, which the scripts judge. */
export type Mark = Omit<Watermark<string>, "floors">;

/** What a register holds for its reader. */
export interface SlotReading {
  /** Null: there is none, and so everything is a miss. */
  readonly mark: Mark | null;
  readonly held: Fact | null;
}

/** How long entries live. They may go at any time; this is only so that Redis does not fill up. */
const valueLifeMs = 600_000;
const valueLifeSpread = 0.2;
const tombstoneLifeMs = 120_000;

export class RedisSlots {
  readonly #redis: RedisClient & Scripts;

  /** Takes a client that keeps its own limits of time; every call fails as the client fails. */
  constructor(redis: RedisClient) {
    for (const name of scriptNames) {
      redis.defineCommand(name, { lua: scripts[name] });
    }
    this.#redis = redis as RedisClient & Scripts;
  }

  /** Reads registers of one organisation, in the order of the keys. */
  async read(org: OrgId, keys: readonly FactKey[]): Promise<SlotReading[]> {
    const answers = await this.#redis.readBuffer(
      keys.length + 1,
      marksKey(org),
      ...keys.map((key) => registerKey(org, key)),
      ...keys.flatMap((key) => [factOwners[key.kind], key.kind]),
    );
    return answers.map((answer, index) => readingOf(answer, keys[index]));
  }

  /** Null: there is none. */
  async mark(org: OrgId, owner: Owner): Promise<Mark | null> {
    const fields = markFields.map((field) => `${field}:${owner}`);
    const [incarnation, app, gen] = await this.#redis.hmget(marksKey(org), ...fields);
    return incarnation && app && gen ? { incarnation, app: Number(app), gen } : null;
  }

  /** Keeps a fact that was read. Answers why it is refused; null: it stands. */
  async keep(key: FactKey, offer: Omit<Offer<Fact["value"], string>, "factKind">): Promise<Refusal | null> {
    const { incarnation, gen, lo, hi, value } = offer;
    const payload = Buffer.from(FactMessage.encode(factToWire(key, lo, hi, value)).finish());
    const lifeMs = valueLifeMs * (1 + valueLifeSpread * (2 * Math.random() - 1));
    return await this.#redis.fill(
      2,
      marksKey(key.org),
      registerKey(key.org, key),
      factOwners[key.kind],
      key.kind,
      incarnation,
      gen,
      lo,
      hi,
      payload,
      Math.round(lifeMs),
    );
  }

  /**
   * Applies a stretch of an owner's log, as far as it is new. False: it begins behind a gap, or ends in one; read the
   * log again from the mark.
   */
  async apply(org: OrgId, owner: Owner, { incarnation, entries }: LogStretch): Promise<boolean> {
    for (const part of partsOf(entries)) {
      const from = part[0]?.position ?? 0;
      const to = part.at(-1)?.position ?? 0;
      const touched = part.flatMap(({ position, touches }) => touches.map((key) => ({ key, position })));
      const kinds = part.flatMap(({ position, kinds }) => kinds.flatMap((kind) => [kind, position]));
      const [outcome] = await this.#redis.apply(
        touched.length + 1,
        marksKey(org),
        ...touched.map(({ key }) => registerKey(org, key)),
        owner,
        incarnation,
        from,
        to,
        tombstoneLifeMs,
        kinds.length / 2,
        ...kinds,
        ...touched.flatMap(({ key, position }) => [key.kind, position]),
      );
      if (outcome === "gap") return false;
    }
    return true;
  }

  /** Begins anew at a head, unless another did so since the sighting. Answers what stands now. */
  async rebase(
    org: OrgId,
    owner: Owner,
    begin: { readonly incarnation: string; readonly head: number; readonly gen: string },
    seen: Sighting<string>,
  ): Promise<Mark> {
    const [incarnation, app, gen] = await this.#redis.rebase(
      1,
      marksKey(org),
      owner,
      begin.incarnation,
      begin.head,
      begin.gen,
      seen?.gen ?? "",
      seen?.app ?? "",
    );
    return { incarnation, app: Number(app), gen };
  }
}

const scriptNames = ["read", "fill", "apply", "rebase"] as const;
const scripts = Object.fromEntries(
  scriptNames.map((name) => [name, readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), "utf8")]),
) as Record<(typeof scriptNames)[number], string>;

type Argument = string | number | Buffer;
interface Scripts {
  readBuffer(keys: number, ...rest: Argument[]): Promise<Buffer[][]>;
  fill(keys: number, ...rest: Argument[]): Promise<Refusal | null>;
  apply(keys: number, ...rest: Argument[]): Promise<["applied" | "nothing new" | "gap", string]>;
  rebase(keys: number, ...rest: Argument[]): Promise<[incarnation: string, app: string, gen: string]>;
}

const markFields = ["inc", "app", "gen"] as const;

function marksKey(org: OrgId): string {
  return `pc:{${org}}:w`;
}

function registerKey(org: OrgId, key: FactKey): string {
  return `pc:{${org}}:f:${factKeyText(key)}`;
}

function readingOf(answer: readonly Buffer[], key: FactKey | undefined): SlotReading {
  const [incarnation, app, gen, lo, hi, payload] = answer;
  if (incarnation === undefined || app === undefined || gen === undefined) return { mark: null, held: null };
  const mark = { incarnation: incarnation.toString(), app: Number(app), gen: gen.toString() };
  if (lo === undefined || hi === undefined || payload === undefined) return { mark, held: null };
  return { mark, held: decoded(payload, key) };
}

/** What can't be read, or speaks of another fact than its register's, is a miss. */
function decoded(payload: Buffer, key: FactKey | undefined): Fact | null {
  try {
    const fact = factFromWire(FactMessage.decode(payload));
    const isAsked =
      key !== undefined && fact.key.org === key.org && factKeyText(fact.key) === factKeyText(key);
    return isAsked ? fact : null;
  } catch {
    return null;
  }
}

/** Stretches that one script takes: whole events, and not many touches. */
function partsOf(entries: readonly LogEntry[]): LogEntry[][] {
  const parts: LogEntry[][] = [];
  let touches = Number.POSITIVE_INFINITY;
  for (const entry of entries) {
    touches += entry.touches.length + 1;
    if (touches > entriesMax) {
      parts.push([]);
      touches = entry.touches.length + 1;
    }
    parts.at(-1)?.push(entry);
  }
  return parts;
}
