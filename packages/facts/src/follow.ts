import { type OrgId, type Owner, owners } from "@portcullis/policy";
import type { FactMemory, MemoryMark } from "./memory.ts";
import { afterAll, type Prerequisite, withDependencies } from "./prerequisite.ts";
import { advance, mustRebase, rebase } from "./register.ts";
import { historyOf } from "./revision.ts";
import type { LogStretch } from "./source.ts";

/**
 * How this process follows one owner's log of one organisation: how far it has applied it to its memory, and up to
 * where, and when, the owner confirmed it.
 */
export class Follow {
  readonly org: OrgId;
  readonly owner: Owner;
  /** Null: not followed yet. Replaced as a whole; a new generation voids all that memory holds of it. */
  mark: MemoryMark | null = null;
  /** The short name of the mark's incarnation, as revisions use it. */
  history = "";
  /** On the monotonic clock, before the owner was asked: from then on, `mark` reached the head that it answered. */
  confirmedAt = Number.NEGATIVE_INFINITY;
  /** That head. */
  confirmedHead = 0;
  /** How far the other owners' logs must be seen wherever `mark` is used. */
  prerequisites: readonly Prerequisite[] = [];

  constructor(org: OrgId, owner: Owner) {
    this.org = org;
    this.owner = owner;
  }

  /**
   * Begins anew at a head, which is known at `now`, if there is no other way, and nobody did since the sighting.
   * Answers whether it did.
   */
  restart(seen: MemoryMark | null, incarnation: string, head: number, now: number): boolean {
    if (!mustRebase(seen, incarnation, head)) return false;
    const mark = rebase(this.mark, { incarnation, head, gen: Symbol(incarnation) }, seen);
    if (mark === this.mark) return false;
    this.mark = mark;
    this.history = historyOf(incarnation);
    this.prerequisites =
      head === 0
        ? []
        : afterAll(
            owners.filter((owner) => owner !== this.owner),
            now,
          );
    this.distrust();
    return true;
  }

  /** Applies a stretch of the log, read from the mark that was seen and known at `now`, to the memory. */
  apply(memory: FactMemory, { incarnation, entries }: LogStretch, now: number): void {
    const from = entries[0]?.position ?? 0;
    const to = entries.at(-1)?.position ?? 0;
    const kinds: Record<string, number> = {};
    for (const entry of entries) for (const kind of entry.kinds) kinds[kind] = entry.position;
    const before = this.mark?.app ?? 0;
    const advanced = advance(this.mark, { incarnation, from, to, kinds });
    if (typeof advanced === "string") return;
    this.mark = advanced;
    const news = entries.filter(({ position }) => position > before);
    for (const { dependsOn } of news) {
      this.prerequisites = withDependencies(this.prerequisites, dependsOn, now);
    }
    memory.bury(advanced, this.org, news);
  }

  /** Notes that the owner's head stood here when it was asked at that time, if the mark has got there. */
  confirm(gen: symbol, askedAt: number, head: number): void {
    if (this.mark === null || this.mark.gen !== gen || this.mark.app < head || askedAt <= this.confirmedAt)
      return;
    this.confirmedAt = askedAt;
    this.confirmedHead = head;
  }

  /** Something of another history was met: nothing may be used before the owner has been asked again. */
  distrust(): void {
    this.confirmedAt = Number.NEGATIVE_INFINITY;
  }
}
