// A client that follows the change feed while parts break, comes back where it was, and notes what it was told.

import { setTimeout as delay } from "node:timers/promises";
import { Fault } from "@portcullis/chassis/fault";
import { decodeRevision } from "@portcullis/facts/revision";
import { type OrgId, type Owner, owners } from "@portcullis/policy";
import type { Event } from "@portcullis/proto/events/v1/events";
import type { System } from "../system.ts";
import type { Chance } from "./chance.ts";

type Positions = Readonly<Record<Owner, number>>;

/** After this time without a word a client takes its connection for dead. */
const silenceMs = 15_000;
const caughtUpWithinMs = 60_000;

export class Watcher {
  readonly #system: System;
  readonly #org: OrgId;
  readonly told: Event[] = [];
  readonly refusals: string[] = [];
  start: Positions = { identity: 0, groups: 0, grants: 0, tokens: 0 };
  #revision = "";

  constructor(system: System, org: OrgId) {
    this.#system = system;
    this.#org = org;
  }

  /** Where it begins. */
  async begin(): Promise<void> {
    await this.#visit(() => true);
    this.start = positionsIn(this.#revision);
  }

  /** Comes and goes until it is told to stop. */
  async watch(chance: Chance, stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      const most = 1 + chance.below(200);
      let messages = 0;
      await this.#visit(() => ++messages >= most || stop.aborted, stop);
    }
  }

  /** Goes on until it has been told so far; or at last. */
  async catchUp(heads: Positions): Promise<void> {
    const until = performance.now() + caughtUpWithinMs;
    const isThere = () =>
      owners.every((owner) => positionsIn(this.#revision)[owner] >= heads[owner]) ||
      performance.now() > until;
    while (!isThere()) await this.#visit(isThere);
  }

  async #visit(isEnough: () => boolean, stop?: AbortSignal): Promise<void> {
    const silence = new AbortController();
    const signal = stop === undefined ? silence.signal : AbortSignal.any([silence.signal, stop]);
    const request = { orgId: this.#org, revision: this.#revision, who: undefined };
    let timer = setTimeout(() => silence.abort(), silenceMs);
    try {
      for await (const { event, revision } of this.#system.decision.watch(request, { signal })) {
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), silenceMs);
        if (event !== undefined) this.told.push(event);
        this.#revision = revision;
        if (isEnough()) return;
      }
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown;
      if (thrown.kind !== "unavailable" && thrown.kind !== "cancelled") this.refusals.push(thrown.message);
      await delay(100);
    } finally {
      clearTimeout(timer);
    }
  }
}

function positionsIn(revision: string): Positions {
  const seen = decodeRevision(revision)?.seen ?? [];
  const of = (owner: Owner) => seen.find((one) => one.owner === owner)?.position ?? 0;
  return { identity: of("identity"), groups: of("groups"), grants: of("grants"), tokens: of("tokens") };
}

/** What is wrong with what a watcher was told, by the logs as they are at last: something lost, repeated, or too early. */
export function wrongInFeed(
  start: Positions,
  told: readonly Event[],
  logs: Readonly<Record<Owner, readonly Event[]>>,
): readonly string[] {
  const problems: string[] = [];
  const seen: Record<Owner, number> = { ...start };
  for (const event of told) {
    const owner = owners.find((one) => one === event.owner);
    if (owner === undefined) return [`an event of nobody: ${JSON.stringify(event)}`];
    const place = `${owner} ${event.position}`;
    if (event.position !== seen[owner] + 1) problems.push(`${place} was told after ${seen[owner]}`);
    for (const { owner: other, incarnation, position } of event.dependsOn) {
      const known = owners.find((one) => one === other);
      if (known !== undefined && incarnation !== "" && seen[known] < position) {
        problems.push(`${place} was told before ${other} ${position}, which it came after`);
      }
    }
    const logged = logs[owner].find(({ position }) => position === event.position);
    if (JSON.stringify(logged) !== JSON.stringify(event)) problems.push(`${place} is not what was told`);
    seen[owner] = event.position;
  }
  for (const owner of owners) {
    const head = logs[owner].at(-1)?.position ?? start[owner];
    if (seen[owner] < head) problems.push(`${owner} was told up to ${seen[owner]} of ${head}`);
  }
  return problems;
}
