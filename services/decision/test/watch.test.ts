// A watcher that does not take what it is told must not be read for: a feed holds one page of each log, and no more.

import { randomUUID } from "node:crypto";
import { Metadata } from "@grpc/grpc-js";
import { openLog } from "@portcullis/chassis/log";
import type { Answering } from "@portcullis/chassis/rpc/stream";
import { findPrincipals } from "@portcullis/checks";
import { FactMemory, type FactReader, Follows } from "@portcullis/facts";
import { ScriptedOwner } from "@portcullis/facts/testing";
import { type OrgId, type Owner, owners } from "@portcullis/policy";
import type { WatchResponse } from "@portcullis/proto/decision/v1/decision";
import { Event } from "@portcullis/proto/events/v1/events";
import { expect, test } from "vitest";
import type { EventLogs } from "../src/feed/event-logs.ts";
import { watcher } from "../src/rpc/watch.ts";

const org = randomUUID() as OrgId;
const nothing = Event.decode(new Uint8Array());
const pageSize = 100;
const clock = () => performance.now();

/** Logs of events without content, in pages, which count how often they were read. */
class CountedLogs implements EventLogs {
  reads = 0;
  readonly #logs: Readonly<Record<Owner, ScriptedOwner>>;

  constructor(logs: Readonly<Record<Owner, ScriptedOwner>>) {
    this.#logs = logs;
  }

  read(owner: Owner, _org: OrgId, after: number) {
    this.reads++;
    const askedAt = clock();
    const count = Math.min(pageSize, this.#logs[owner].head(org) - after);
    const events = Array.from({ length: count }, (_, index) => {
      const position = after + 1 + index;
      return { position, atMs: 0, dependsOn: [], event: { ...nothing, owner, position } };
    });
    return Promise.resolve({ incarnation: "first", askedAt, answeredAt: clock(), events });
  }
}

/** A call whose client takes as many messages as it is given leave to. */
class SlowCall implements Answering<WatchResponse> {
  readonly caller = { kind: "service", name: "test" } as const;
  readonly metadata = new Metadata();
  readonly requestId = "test";
  readonly deadlineMs = null;
  readonly over = new AbortController();
  readonly signal = this.over.signal;
  readonly closing = new AbortController().signal;
  readonly taken: WatchResponse[] = [];
  #isTaking = Promise.withResolvers<void>();
  #stopped = Promise.withResolvers<void>();
  #most = 1;

  async send(messages: readonly WatchResponse[]): Promise<void> {
    for (const message of messages) {
      this.taken.push(message);
      if (this.taken.length >= this.#most) {
        this.#stopped.resolve();
        await this.#isTaking.promise;
      }
    }
  }

  /** Resolves when so many have been taken in all. */
  take(most: number): Promise<void> {
    this.#most = most;
    this.#stopped = Promise.withResolvers<void>();
    const taking = this.#isTaking;
    this.#isTaking = Promise.withResolvers<void>();
    taking.resolve();
    return this.#stopped.promise;
  }
}

function scriptedOwners() {
  return {
    identity: new ScriptedOwner("identity"),
    groups: new ScriptedOwner("groups"),
    grants: new ScriptedOwner("grants"),
    tokens: new ScriptedOwner("tokens"),
  };
}

function followed(scripted: ReturnType<typeof scriptedOwners>): Follows {
  const log = openLog("test", "silent");
  return new Follows({ owners: scripted, memory: new FactMemory({ idsMax: 1000 }), clock, log });
}

function watch(follows: Follows, logs: EventLogs, call: SlowCall): Promise<void> {
  const noFacts = undefined as unknown as FactReader; // for one of our own services nothing is demanded
  const nobody = findPrincipals(() => undefined);
  return watcher(noFacts, nobody, { follows, clock, logs })(
    { orgId: org, revision: "", who: undefined },
    call,
  );
}

function grow(owner: ScriptedOwner): void {
  owner.commit([[{ kind: "groups", org }, { groups: [] } as never]]);
}

test("who does not read is not read for, and misses nothing", async () => {
  const scripted = scriptedOwners();
  using follows = followed(scripted);
  const logs = new CountedLogs(scripted);
  const call = new SlowCall();
  const watching = watch(follows, logs, call);
  while (call.taken.length === 0) await new Promise(setImmediate);
  const perLog = 1000;
  for (let index = 0; index < perLog; index++) {
    for (const owner of owners) grow(scripted[owner]);
  }
  const all = 1 + owners.length * perLog;
  for (const most of [2, 500, 1500]) {
    await call.take(most);
    // It hears of news all the time, and must not follow them.
    for (const owner of owners) follows.hear(owner, org, perLog);
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
    expect(call.taken).toHaveLength(most);
    expect(logs.reads).toBeLessThanOrEqual(2 * owners.length + most / pageSize);
  }
  await call.take(all);
  const positions = Map.groupBy(
    call.taken.flatMap(({ event }) => event ?? []),
    ({ owner }) => owner,
  );
  for (const owner of owners) {
    expect(positions.get(owner)?.map(({ position }) => position)).toEqual(
      Array.from({ length: perLog }, (_, index) => index + 1),
    );
  }
  call.over.abort();
  void call.take(all + 1);
  await watching;
});

test("a watch ends when a log begins anew under it, as what it has told may no longer be true", async () => {
  const scripted = scriptedOwners();
  grow(scripted.grants);
  using follows = followed(scripted);
  const call = new SlowCall();
  const watching = watch(follows, new CountedLogs(scripted), call);
  void call.take(100);
  while (call.taken.length === 0) await new Promise(setImmediate);
  scripted.grants.failOver(org, 0, "second");
  await expect(watching).rejects.toMatchObject({
    kind: "refused",
    message: expect.stringMatching(/history that has ended, of the log of grants/),
  });
  call.over.abort();
});
