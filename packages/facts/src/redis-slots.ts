// The registers of facts in Redis. All keys of an organisation share one slot, and each script is one step in it, so
// that registers and watermarks change together, are lost together and fail over together.

import { readFileSync } from "node:fs";
import type { RedisClient } from "@portcullis/chassis/redis";
import { type FactKey, factOwners, type OrgId, type Owner, owners } from "@portcullis/policy";
import { chunksOf } from "./chunks.ts";
import { factKeyFromText, factKeyText } from "./fact-key.ts";
import { type Refusal, type Sighting, standing, type Watermark } from "./register.ts";
import { factIn, parseRegister, registerText } from "./register-text.ts";
import { entriesMax, type LogEntry, type LogStretch } from "./source.ts";
import type { Fact } from "./wire.ts";

/** A watermark without its floors. */
export type Mark = Omit<Watermark<string>, "floors">;

/** What a register holds for its reader. */
export interface SlotReading {
  /** Null: there is none, and so everything is a miss. */
  readonly mark: Watermark<string> | null;
  readonly held: Fact | null;
  /** What whoever reads this fact wants then, if that was not asked for and stands here too. */
  readonly next: Standing | null;
}

/** A value that stands. */
export interface Standing {
  readonly mark: Mark;
  readonly held: Fact;
}

/** How long entries live. They may go at any time; this is only so that Redis does not fill up. */
const valueLifeMs = 600_000;
const valueLifeSpread = 0.2;
const tombstoneLifeMs = 120_000;
/** Redis does nothing else meanwhile. */
const keptAtOnce = 100;

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
    const parts = chunksOf(keys, entriesMax).map((some) => this.#readSome(org, some));
    return (await Promise.all(parts)).flat();
  }

  async #readSome(org: OrgId, keys: readonly FactKey[]): Promise<SlotReading[]> {
    const [fields, registers, names, nextRegisters] = await this.#redis.readBuffer(
      keys.length + 1,
      marksKey(org),
      ...keys.map((key) => registerKey(org, factKeyText(key))),
      registerKey(org, ""),
    );
    const marks = marksIn(fields);
    const next = new Map<string, Standing>();
    for (const [index, text] of names.entries()) {
      const name = text.toString();
      const key = factKeyFromText(org, name);
      const read = key === null ? null : readingOf(key, nextRegisters[index] ?? null, marks);
      if (read?.mark && read.held) next.set(name, { mark: read.mark, held: read.held });
    }
    return keys.map((key, index) => {
      const read = readingOf(key, registers[index] ?? null, marks);
      return { ...read, next: (read.next !== null && next.get(read.next)) || null };
    });
  }

  /** Null: there is none. */
  async mark(org: OrgId, owner: Owner): Promise<Mark | null> {
    const fields = markFields.map((field) => `${field}:${owner}`);
    const [incarnation, app, gen] = await this.#redis.hmget(marksKey(org), ...fields);
    return incarnation && app && gen ? { incarnation, app: Number(app), gen } : null;
  }

  /**
   * Keeps facts of one organisation and owner that were read, in a history and under a generation that had been seen
   * before. Answers for each why it is refused; null: it stands.
   */
  async keep(
    facts: readonly Fact[],
    { incarnation, gen }: Pick<Mark, "incarnation" | "gen">,
  ): Promise<(Refusal | null)[]> {
    const refusals: (Refusal | null)[] = [];
    for (const some of chunksOf(facts, keptAtOnce)) {
      const [{ key: first }] = some as [Fact];
      const answered = await this.#redis.fill(
        some.length + 1,
        marksKey(first.org),
        ...some.map(({ key }) => registerKey(key.org, factKeyText(key))),
        factOwners[first.kind],
        incarnation,
        gen,
        ...some.flatMap((fact) => [fact.key.kind, fact.hi, registerText(fact, gen), lifeMs()]),
      );
      refusals.push(...answered);
    }
    return refusals;
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
        ...touched.map(({ key }) => registerKey(org, factKeyText(key))),
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
  readBuffer(
    keys: number,
    ...rest: Argument[]
  ): Promise<
    [fields: Buffer[], registers: (Buffer | null)[], names: Buffer[], nextRegisters: (Buffer | null)[]]
  >;
  fill(keys: number, ...rest: Argument[]): Promise<(Refusal | null)[]>;
  apply(keys: number, ...rest: Argument[]): Promise<["applied" | "nothing new" | "gap", string]>;
  rebase(keys: number, ...rest: Argument[]): Promise<[incarnation: string, app: string, gen: string]>;
}

const markFields = ["inc", "app", "gen"] as const;

// Processes that write registers in another way keep theirs, and watermarks of their own, under another name.

function marksKey(org: OrgId): string {
  return `pc2:{${org}}:w`;
}

function registerKey(org: OrgId, name: string): string {
  return `pc2:{${org}}:f:${name}`;
}

/** Spread, so that what was read together is not missed together. */
function lifeMs(): number {
  return Math.round(valueLifeMs * (1 + valueLifeSpread * (2 * Math.random() - 1)));
}

/** The watermarks of a slot, by owner. */
function marksIn(fields: readonly Buffer[]): Map<Owner, Watermark<string>> {
  const values = new Map<string, string>();
  for (let at = 0; at < fields.length; at += 2) values.set(String(fields[at]), String(fields[at + 1]));
  const marks = new Map<Owner, Watermark<string>>();
  for (const owner of owners) {
    const [incarnation, app, gen] = markFields.map((field) => values.get(`${field}:${owner}`));
    if (incarnation === undefined || app === undefined || gen === undefined) continue;
    const prefix = `flr:${owner}:`;
    const floors: Record<string, number> = {};
    for (const [field, position] of values) {
      if (field.startsWith(prefix)) floors[field.slice(prefix.length)] = Number(position);
    }
    marks.set(owner, { incarnation, app: Number(app), gen, floors });
  }
  return marks;
}

/** With the name of what is wanted next. */
function readingOf(
  key: FactKey,
  bytes: Buffer | null,
  marks: ReadonlyMap<Owner, Watermark<string>>,
): Omit<SlotReading, "next"> & { readonly next: string | null } {
  const mark = marks.get(factOwners[key.kind]) ?? null;
  if (mark === null || bytes === null) return { mark, held: null, next: null };
  const text = parseRegister(bytes);
  const stands = standing(mark, text.register, key.kind) !== null;
  return { mark, held: stands ? factIn(text, key) : null, next: text.next };
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
