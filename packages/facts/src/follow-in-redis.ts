import { randomUUID } from "node:crypto";
import type { Log } from "@portcullis/chassis/log";
import { type FactKey, factOwners, type OrgId, type Owner } from "@portcullis/policy";
import type { Mark, RedisSlots } from "./redis-slots.ts";
import { mustRebase } from "./register.ts";
import type { FactOwners } from "./source.ts";

/** Applies the owners' logs to the slots in Redis, in order and without gaps, whatever rings and however often. */
export class FollowInRedis {
  readonly #slots: RedisSlots;
  readonly #owners: FactOwners;
  readonly #log: Log;
  readonly #running = new Map<string, Promise<boolean>>();

  constructor({ slots, owners, log }: { slots: RedisSlots; owners: FactOwners; log: Log }) {
    this.#slots = slots;
    this.#owners = owners;
    this.#log = log;
  }

  /** Resolves when the slot has got to the position, or to the end of the log, or holds nothing of that owner. */
  async catchUp(org: OrgId, owner: Owner, position: number): Promise<void> {
    const slot = `${org} ${owner}`;
    for (;;) {
      const mark = await this.#slots.mark(org, owner);
      if (mark === null || mark.app >= position) return;
      const running = this.#running.get(slot);
      const isAtEnd = await (running ?? this.#start(slot, org, owner, mark));
      // Somebody else's pull may have begun before the position was taken.
      if (isAtEnd && running === undefined) return;
    }
  }

  /** Catches up in the background with where a fact's reader has come. */
  nudge(key: FactKey, position: number): void {
    const owner = factOwners[key.kind];
    if (this.#running.has(`${key.org} ${owner}`)) return;
    this.catchUp(key.org, owner, position).catch((error: unknown) => {
      this.#log.debug({ owner, reason: String(error) }, "a slot stays behind");
    });
  }

  #start(slot: string, org: OrgId, owner: Owner, seen: Mark): Promise<boolean> {
    const running = this.#pull(org, owner, seen).finally(() => this.#running.delete(slot));
    this.#running.set(slot, running);
    return running;
  }

  /** Answers whether the slot has come to the end of the log. */
  async #pull(org: OrgId, owner: Owner, seen: Mark): Promise<boolean> {
    const stretch = await this.#owners[owner].readLog(org, seen.app);
    const { incarnation, head, entries } = stretch;
    if (mustRebase(seen, incarnation, head)) {
      await this.#slots.rebase(org, owner, { incarnation, head, gen: randomUUID() }, seen);
      return true;
    }
    // A gap opens only when Redis went back meanwhile.
    const isContiguous = await this.#slots.apply(org, owner, stretch);
    return isContiguous && (entries.at(-1)?.position ?? head) >= head;
  }
}
