// When credentials were used last: collected here, and told now and then to whoever keeps it. No request waits for it.

import type { Log } from "@portcullis/chassis/log";
import type { Hop } from "@portcullis/chassis/rpc/call";
import type { CredentialId, OrgId } from "@portcullis/policy";
import { LRUCache } from "lru-cache";
import type { NoteUse } from "./note-use.ts";

/** A use so soon after one that was noted is not. */
const exactToMs = 60_000;
const tellAfterMs = 2000;
const tellMs = 5000;
const atOnce = 1000;
const credentialsMax = 100_000;

/** Whoever keeps when credentials were used. */
export interface UseKeeper {
  recordUses(
    request: { uses: { orgId: string; id: string; at: Date }[] },
    hop: Partial<Hop>,
  ): Promise<unknown>;
}

interface Use {
  readonly org: OrgId;
  readonly id: CredentialId;
  readonly atMs: number;
}

/** Disposing it tells what has not been told. */
export class CredentialUses implements AsyncDisposable {
  readonly #keeper: UseKeeper;
  readonly #log: Log;
  readonly #noted = new LRUCache<CredentialId, Use>({ max: credentialsMax });
  /** By organisation and credential: who tells of another one's credential hides no use of it. */
  readonly #untold = new Map<string, Use>();
  #timer: NodeJS.Timeout | undefined;

  constructor(keeper: UseKeeper, log: Log) {
    this.#keeper = keeper;
    this.#log = log;
  }

  readonly note: NoteUse = (org, id, nowMs) => {
    const noted = this.#noted.get(id);
    if (noted !== undefined && noted.org === org && nowMs - noted.atMs < exactToMs) return;
    // What can't be told for so long is forgotten: it only says when a key was used.
    if (this.#untold.size >= credentialsMax) return;
    const use = { org, id, atMs: nowMs };
    this.#noted.set(id, use);
    this.#untold.set(`${org} ${id}`, use);
    this.#tellLater();
  };

  #tellLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#tell();
    }, tellAfterMs);
  }

  async #tell(): Promise<void> {
    const uses = [...this.#untold].slice(0, atOnce);
    if (uses.length === 0) return;
    for (const [key] of uses) this.#untold.delete(key);
    try {
      await this.#keeper.recordUses(
        { uses: uses.map(([, { org, id, atMs }]) => ({ orgId: org, id, at: new Date(atMs) })) },
        { deadlineMs: Date.now() + tellMs },
      );
    } catch (reason) {
      this.#log.warn({ reason: String(reason) }, "when credentials were used can't be told now");
      for (const [key, use] of uses) if (!this.#untold.has(key)) this.#untold.set(key, use);
    }
    if (this.#untold.size > 0) this.#tellLater();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    // Set, so that what fails is not tried again.
    this.#timer = setTimeout(() => undefined, 0);
    await this.#tell();
  }
}
